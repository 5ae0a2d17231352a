"""What became of each call, by the rules that the test is for. Pure: it gets what was recorded, and says what it was.

- ok: the answer came and is the one that the request makes.
- interrupted: a typed error says that the call was cut short; or its connection broke with the gateway that held it, and if it had an
  event id, a reconnection did not fail to find an answer that was finished.
- repeated: it was told not to have been sent (503 or 429 with Retry-After, or `unavailable` in a stream that had begun) and is sent
  again; it is no call of its own.
- lost: the session answers 404; or there was neither answer nor typed error although the gateway that held the connection lived; or an
  answer that was finished was not found.
- wrong: an answer that differs from the one computed from the request, or an error that says something untrue of what was sent.
- duplicated: a request that the upstream saw twice.

Which gateway held a connection says the balancer, and the run itself when each gateway was struck. One that was killed or stopped is gone.
One that is cut off from the balancer lives, and its clients' connections break all the same, without anything that it could do about it
once they are cut. So a partition excuses the broken connection and nothing else. A call that had an event id is asked for again, over
another gateway, which lives: it has to come to its answer or to a typed error there, and may not end with nothing, whether or not it was
finished at the time. A call that had none must not have had the time for one: when the upstream had seen a request of it `ID_WITHIN` before
the cut, and nothing else was struck, then its stream had to have begun, and it is lost. A gateway that stops in good order, while the
balancer still sees it, is excused for nothing that it took.
"""

import collections
import dataclasses
import enum
import json


class Fate(enum.Enum):
    OK = "ok"
    INTERRUPTED = "interrupted"
    REPEATED = "repeated"
    # Told not to have been sent, until the client gave up.
    REFUSED = "refused"
    LOST = "lost"
    WRONG = "wrong"


# Errors that say what is known of a call that was cut short.
INTERRUPTIONS = ("execution_interrupted", "end_not_recorded")
# What a program is told of a call that Roost did not make: it could not look at its rules, or not write down that it makes it.
NOT_MADE = ("policies_unavailable", "roost_unavailable", "call_not_recorded")

# Ways in which a gateway ends that has time to finish what it does.
IN_GOOD_ORDER = ("term-gateway", "roll-gateways")
# What keeps a gateway from its clients, and lets it live.
PARTITIONS = ("cut-client",)
# After how many seconds a call under way has an event id while nothing else is struck: half a second, and one for the machine.
ID_WITHIN = 1.5

# How much later HAProxy may tell of the end of a connection, in seconds; that is how busy a machine may be.
SLACK = 2.0

# A request that the upstream saw: when by the machine's clock, from which address, and when by its monotonic clock, as attempts have it.
Seen = collections.namedtuple("Seen", "id came peer at")


@dataclasses.dataclass
class Gateways:
    """When each gateway was struck, and by what: not there, stopped, or out of the balancer's reach."""

    names: tuple
    strikes: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))

    def strike(self, gateway, kind, now):
        self.strikes[gateway].append([kind, now, None])

    def heal(self, gateway, now):
        self.strikes[gateway][-1][2] = now

    def strike_between(self, gateway, start, end):
        """What a gateway was struck by last at some time between two moments, as kind and beginning; Nones when it lived."""
        strikes = self.strikes.get(gateway, ())
        found = [(kind, begun) for kind, begun, healed in strikes if begun <= end and (healed is None or healed >= start)]
        return found[-1] if found else (None, None)

    def struck(self, gateway, start, end):
        return self.strike_between(gateway, start, end)[0]

    def all_struck(self, start, end):
        return all(self.struck(name, start, end) for name in self.names)


class Judge:
    """Knows what is needed beside an attempt itself: who held its connection, what was finished, what the upstream saw."""

    def __init__(self, gateways, connection_of, is_finished, is_calm=lambda kind, start, end: True):
        """`connection_of` gives what the balancer tells of the connection from an address that ended between two moments; `is_finished`
        whether the program of an attempt ran to its end; `is_calm` whether nothing but a kind of fault was in force between two moments."""
        self.gateways, self.connection_of, self.is_finished, self.is_calm = gateways, connection_of, is_finished, is_calm
        # The requests that the upstream saw, by id, and when it saw each first.
        self.counts, self.first_seen = collections.Counter(), {}

    def look_at(self, seen):
        self.counts = collections.Counter(request.id for request in seen)
        for request in seen:
            self.first_seen[request.id] = min(request.at, self.first_seen.get(request.id, request.at))

    def fate(self, attempt, is_repeated=False):
        """What became of an attempt, and why that is to be known."""
        exchanges = attempt["exchanges"]
        if any(exchange["status"] == 404 for exchange in exchanges):
            return Fate.LOST, "the session answers 404"
        if attempt["is_right"] is not None:
            return (Fate.OK, "") if attempt["is_right"] else (Fate.WRONG, f"the answer is {attempt['got']}")
        if is_repeated:
            return Fate.REPEATED, ""
        error = attempt["error"] or {}
        if error.get("code") in INTERRUPTIONS:
            if exchanges and exchanges[-1]["is_resumption"] and self.is_finished(attempt):
                return Fate.LOST, f"finished, and a reconnection was told {error['code']}"
            return Fate.INTERRUPTED, error["code"]
        if error.get("is_of_tool"):
            if error.get("code") in NOT_MADE:
                return Fate.INTERRUPTED, error["code"]
            return Fate.WRONG, f"the program was told {json.dumps(error)[:300]}"
        last = exchanges[-1] if exchanges else None
        if last is None:
            return Fate.LOST, f"nothing was sent: {error.get('message')}"
        if not last["is_resumption"]:
            is_in_stream = last["status"] == 200 and error.get("code") == "unavailable"
            if is_in_stream or last["status"] in (429, 503) and last["retry_after"] is not None:
                return Fate.REFUSED, "unavailable for too long"
        if any(exchange["has_event_id"] for exchange in exchanges) and not last["is_resumption"] and self.is_finished(attempt):
            return Fate.LOST, "finished, had an event id, and nobody came back for it"
        return self._unanswered(attempt, error, exchanges)

    def _unanswered(self, attempt, error, exchanges):
        """Neither an answer nor a typed error: whose fault is it?"""
        first, last = exchanges[self._begin(exchanges)], exchanges[-1]
        if first["status"] is not None and first["status"] != 200:
            return Fate.LOST, f"answered {first['status']} without saying whether it was sent: {error.get('message')}"
        if first["broken"] is None and not first["has_event_id"] and not last["is_resumption"] and error.get("rpc") not in (None, -32000):
            return Fate.LOST, f"an error that is not typed: {json.dumps(error)[:300]}"
        if last["is_resumption"] and last["status"] is not None and last["broken"] is None:
            # It came back and was heard.
            if self.is_finished(attempt):
                return Fate.LOST, f"finished, and not found by a reconnection that was answered {last['status']}"
        return self._cut(attempt, exchanges[self._begin(exchanges) :])

    def _begin(self, exchanges):
        """Where the exchange that got no answer begins, with its reconnections; what the client asked before, it was answered."""
        return max(index for index, exchange in enumerate(exchanges) if not exchange["is_resumption"])

    def _cut(self, attempt, exchanges):
        """The connection broke. With its gateway?"""
        kind = "without one"
        for exchange in exchanges:
            # One that was told to come later, or never came to a gateway, was heard by none.
            if exchange["is_resumption"] and (exchange["status"] in (429, 503) or exchange["address"] is None):
                continue
            # The connection that it went over is the first from its address to end; one that went on after an exchange that ended with
            # nothing is no reason for that.
            until = float("inf") if exchange["broken"] else exchange["ended"] + SLACK
            connection = self.connection_of(exchange["address"], exchange["started"], until)
            if connection is None and exchange["broken"] is None:
                return Fate.LOST, f"{exchange['method']} ended with nothing, in good order, over {exchange['address']}"
            if connection is None:
                return Fate.LOST, f"the connection {exchange['address']} broke, and the balancer tells nothing of it"
            if connection.gateway == "<NOSRV>":
                if self.gateways.all_struck(exchange["started"] - 0.5, exchange["ended"]):
                    continue
                return Fate.LOST, "the balancer had no gateway although one lived"
            kind, begun = self.gateways.strike_between(connection.gateway, exchange["started"] - 0.5, exchange["ended"])
            if kind is None:
                return Fate.LOST, (
                    f"{exchange['broken'] or 'the end'} of {exchange['method']} after {exchange['ended'] - exchange['started']:.1f} s "
                    f"although {connection.gateway} lived (balancer: {connection.termination})")
            if kind in IN_GOOD_ORDER and (exchange["status"] == 200 or any(self.counts[request["id"]] for request in attempt["requests"])):
                return Fate.LOST, f"{connection.gateway} stopped in good order and did not finish it"
            if kind in PARTITIONS and not exchange["has_event_id"] and not exchange["is_resumption"]:
                before = begun - min((self.first_seen.get(request["id"], begun) for request in attempt["requests"]), default=begun)
                if before > ID_WITHIN and self.is_calm(kind, attempt["sent"], begun):
                    return Fate.LOST, f"{connection.gateway} lived, and had given it no event id {before:.1f} s after its first request"
        return Fate.INTERRUPTED, f"cut with its gateway: {kind}"


@dataclasses.dataclass
class Tally:
    """The figures of a run."""

    calls: int = 0
    fates: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    reasons: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    lines: list = dataclasses.field(default_factory=list)
    duplicated: int = 0
    # Typed interruptions that do not say what became of each call.
    untold: int = 0
    # Seconds from send to answer, typed error or broken connection, see `longest_wait`, whose, and what became of it: all of them.
    waits: list = dataclasses.field(default_factory=list)
    # What took longer than `patience` seconds, by the faults that were in force.
    patience: float = 10.0
    slow: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    # Gives the faults that were in force between two moments: their kinds, and more in words.
    faults_between: object = lambda start, end: ("", "")

    def count(self, attempt, fate, reason):
        took = longest_wait(attempt)
        kinds, during = self.faults_between(attempt["sent"], attempt["ended"])
        self.waits.append((took, attempt, f"{fate.value} {reason}"))
        if took > self.patience:
            self.slow[kinds] += 1
        self.fates[fate] += 1
        if fate is not Fate.REPEATED:
            self.calls += 1
        if fate not in (Fate.OK, Fate.REPEATED):
            self.reasons[f"{fate.value}: {reason[:70]} during {kinds}"] += 1
        error = attempt["error"] or {}
        if error.get("code") in INTERRUPTIONS and ("calls" not in error or "retryable" not in error):
            self.untold += 1
        if fate in (Fate.LOST, Fate.WRONG, Fate.REFUSED):
            self.lines.append(f"{fate.value}: {attempt['kind']} {attempt['call']} sent at {attempt['sent']:.2f}: {reason}; {during}")

    def judge(self, judge, recorded, seen):
        """Counts all attempts of a run, and looks at what the upstream saw."""
        judge.look_at(seen)
        counts = judge.counts
        known = {request["id"] for attempt, _ in recorded for request in attempt["requests"]}
        sent = collections.defaultdict(list)
        for attempt, _ in recorded:
            sent[attempt["call"]].append(attempt["sent"])
        for request in counts.keys() - known:
            self.calls += 1
            self.fates[Fate.LOST] += 1
            self.lines.append(f"lost: the upstream saw {request}, and no client tells of it")
        for attempt, is_repeated in recorded:
            fate, reason = judge.fate(attempt, is_repeated)
            if fate is Fate.REFUSED and any(counts[request["id"]] for request in attempt["requests"]):
                fate, reason = Fate.WRONG, "told not to have been sent, and the upstream saw it"
            if fate is Fate.REPEATED:
                again = min((moment for moment in sent[attempt["call"]] if moment > attempt["sent"]), default=float("inf"))
                moments = [judge.first_seen[request["id"]] for request in attempt["requests"] if counts[request["id"]]]
                if any(attempt["sent"] <= moment < again for moment in moments):
                    fate, reason = Fate.WRONG, "told not to have been sent, and the upstream saw it before it was sent again"
            if fate is not Fate.LOST and (lie := untrue(attempt, counts)):
                fate, reason = Fate.WRONG, lie
            self.count(attempt, fate, reason)
        for request, count in counts.items():
            if count > 1:
                self.duplicated += 1
                self.lines.append(f"duplicated: the upstream saw {request} {count} times")

    def __getitem__(self, fate):
        return self.fates[fate]

    def longest(self, count):
        return sorted(self.waits, key=lambda wait: wait[0], reverse=True)[:count]

    @property
    def stall_ms(self):
        return round(max((took for took, _, _ in self.waits), default=0) * 1000)


def longest_wait(attempt):
    """The longest time that a client was told nothing: a reconnection that is told to come later has been told something."""
    since, longest = attempt["sent"], 0.0
    exchanges = attempt["exchanges"]
    for exchange, following in zip(exchanges, exchanges[1:]):
        if exchange["is_resumption"] and exchange["status"] in (429, 503) and exchange["retry_after"] is not None:
            longest = max(longest, exchange["ended"] - since)
            since = following["started"]
    return max(longest, attempt["ended"] - since)


def untrue_of_tool(error, requests, counts):
    """The same when a program was told that one of its requests was not made: those before it were answered, and it makes none after."""
    at = error.get("at")
    if not isinstance(at, int):
        return "the program does not say which request was not made"
    for index, request in enumerate(requests):
        is_seen = counts[request["id"]] > 0
        if index < at and not is_seen:
            return f"the upstream never saw {request['id']}, which the program had an answer to"
        if index >= at and is_seen:
            return f"the program was told {error['code']} of request {at}, and the upstream saw {request['id']}"
    return None


def untrue(attempt, counts):
    """What an answer or error says that the upstream knows better; None when it is true."""
    requests = attempt["requests"]
    if attempt["is_right"] and any(counts[request["id"]] == 0 for request in requests):
        return "the upstream never saw a request of an answer"
    error = attempt["error"] or {}
    if error.get("is_of_tool") and error.get("code") in NOT_MADE:
        return untrue_of_tool(error, requests, counts)
    written = [request["id"] for request in requests if request["is_write"] and counts[request["id"]]]
    if error.get("code") in INTERRUPTIONS and error.get("retryable") is True and written:
        return f"retryable, although the upstream saw the write {written[0]}"
    calls = error.get("calls")
    if error.get("code") not in INTERRUPTIONS or not isinstance(calls, list):
        return None
    # Calls count from 1 in the order in which the program makes them.
    told = {call["sequence"]: call["outcome"] for call in calls}
    for number, request in enumerate(requests, start=1):
        is_seen, outcome = counts[request["id"]] > 0, told.get(number)
        if outcome == "not_sent" and is_seen:
            return f"{request['id']} is said not to have been sent, and the upstream saw it"
        if outcome == "done" and not is_seen:
            return f"{request['id']} is said to be done, and the upstream never saw it"
        if outcome is None and is_seen and request["is_write"] and error.get("callsComplete", True):
            return f"nothing is said of {request['id']}, a write that the upstream saw"
    return None
