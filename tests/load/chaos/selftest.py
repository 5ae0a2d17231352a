"""Shows that the judge finds what it is there for: every class of call, from attempts and connections that are made up.

Runs before every storm, in no time, and by itself: `python3 selftest.py`.
"""

from balancer import Connection
from fencing import GRACE, Leases
from services import LEASE
from verdict import Fate, Gateways, Judge, Seen, Tally


class Case:
    """One attempt at t = 100 s, over a connection from an address of its own, which ended as is said."""

    number = 0

    def __init__(self, want, why="", *, kind="execute", took=1.0, is_right=None, error=None, writes=(), exchanges=None, finished=False,
                 gateway="g1", repeated=False, seen=1, stall=None, unseen=(), at=100.0):
        Case.number += 1
        self.want, self.why, self.finished, self.gateway, self.repeated = want, why, finished, gateway, repeated
        self.stall = stall
        self.address = f"10.0.0.1:{Case.number}"
        requests = [{"id": f"r{Case.number}-{index}", "is_write": index in writes} for index in range(2)]
        made = exchanges if exchanges is not None else [{}]
        plain = {"method": "POST", "is_resumption": False, "started": 100.0, "ended": 100.0 + took, "status": 200, "retry_after": None,
                 "address": self.address, "broken": None, "has_event_id": False}
        self.attempt = {
            "session": "s", "call": f"call {Case.number}", "kind": kind, "sent": 100.0, "ended": 100.0 + took, "is_right": is_right,
            "got": None, "error": error, "code_hash": f"hash {Case.number}", "requests": requests,
            "exchanges": [plain | exchange for exchange in made]}
        self.seen = [
            Seen(request["id"], 100.0, "10.214.0.14", at) for index, request in enumerate(requests) if index not in unseen
            for _ in range(seen)]


BROKEN = {"status": None, "broken": "ReadError"}
BOTH_STRUCK = {"status": None, "broken": "ReadError", "started": 150.0, "ended": 150.5}
LATE = {"status": None, "broken": "ReadError", "started": 200.0, "ended": 200.5}
RESUMED = {"method": "GET", "is_resumption": True, "started": 103.0, "ended": 104.0}
CUT = {"rpc": -32000, "code": "broken", "message": "the connection broke"}
ENDED = {"rpc": -32000, "code": None, "message": "SSE stream ended without a response"}
INTERRUPTED = {"code": "execution_interrupted", "message": "The process went away."}


def cases():
    yield Case(Fate.OK, is_right=True)
    yield Case(Fate.WRONG, "an answer that is not the computed one", is_right=False)
    yield Case(Fate.WRONG, "an answer although the upstream saw nothing", is_right=True, seen=0)
    yield Case(Fate.WRONG, "a program told of a failure that was none", error={"code": "upstream_failed", "is_of_tool": True})
    not_made = {"code": "policies_unavailable", "is_of_tool": True, "at": 1}
    yield Case(Fate.INTERRUPTED, "a tool call that was not made, and says so", error=not_made, unseen=[1])
    yield Case(Fate.INTERRUPTED, "the first tool call was not made", error=not_made | {"at": 0}, seen=0)
    yield Case(Fate.WRONG, "a tool call that was not made, and seen", error=not_made)
    yield Case(Fate.WRONG, "a tool call that was not made after one that was never seen", error=not_made, seen=0)
    yield Case(Fate.WRONG, "a tool call after one that was not made", error=not_made | {"at": 0}, unseen=[0])
    yield Case(Fate.WRONG, "a tool call that was not made, whichever", error={"code": "call_not_recorded", "is_of_tool": True}, seen=0)
    yield Case(Fate.LOST, "404", error={"code": None, "message": "Session terminated"}, exchanges=[{"status": 404}])
    yield Case(Fate.LOST, "404 to a reconnection", error=ENDED, exchanges=[BROKEN | {"has_event_id": True}, RESUMED | {"status": 404}])
    yield Case(Fate.INTERRUPTED, "typed", error=INTERRUPTED)
    yield Case(Fate.WRONG, "retryable, and written", error=INTERRUPTED | {"retryable": True}, writes=[1])
    yield Case(Fate.INTERRUPTED, "retryable, and only read", error=INTERRUPTED | {"retryable": True})
    yield Case(Fate.WRONG, "not sent, and seen", error=INTERRUPTED | {"calls": [{"sequence": 1, "outcome": "not_sent"}]})
    yield Case(Fate.WRONG, "done, and never seen", error=INTERRUPTED | {"calls": [{"sequence": 2, "outcome": "done"}]}, seen=0)
    yield Case(Fate.WRONG, "a write kept quiet about", error=INTERRUPTED | {"calls": [{"sequence": 1, "outcome": "done"}]}, writes=[1])
    yield Case(Fate.INTERRUPTED, "a read kept quiet about", error=INTERRUPTED | {"calls": [{"sequence": 2, "outcome": "done"}]}, writes=[1])
    yield Case(Fate.INTERRUPTED, "nobody knows", error=INTERRUPTED | {
        "calls": [{"sequence": 1, "outcome": "outcome_unknown"}, {"sequence": 2, "outcome": "outcome_unknown"}]}, writes=[0, 1], seen=0)
    unavailable = {"status": 503, "retry_after": "1"}
    yield Case(Fate.REPEATED, "unavailable", error={"code": "unavailable"}, exchanges=[unavailable], repeated=True, seen=0)
    yield Case(Fate.WRONG, "unavailable, and seen", error={"code": "unavailable"}, exchanges=[unavailable], repeated=True)
    yield Case(Fate.REPEATED, "unavailable, and seen when it was sent again", error={"code": "unavailable"}, exchanges=[unavailable],
               repeated=True, at=103.0)
    yield Case(Fate.REFUSED, "unavailable for ever", error={"code": "unavailable"}, exchanges=[unavailable], seen=0)
    yield Case(Fate.REFUSED, "unavailable in a stream, for ever", error={"code": "unavailable"}, seen=0)
    yield Case(Fate.WRONG, "unavailable for ever, and seen", error={"code": "unavailable"}, exchanges=[unavailable])
    yield Case(Fate.LOST, "503 without Retry-After", error={"code": "unavailable"}, exchanges=[{"status": 503}])
    yield Case(Fate.LOST, "500", error={"code": None, "message": "Server returned an error response"}, exchanges=[{"status": 500}])
    yield Case(Fate.LOST, "an error without a code", error={"rpc": -32603, "code": None, "message": "internal"})
    yield Case(Fate.INTERRUPTED, "broken while its gateway was struck", error=CUT, exchanges=[BROKEN])
    yield Case(Fate.LOST, "broken while its gateway lived", error=CUT, exchanges=[BROKEN], gateway="g2")
    yield Case(Fate.LOST, "broken after its gateway was back", error=CUT, exchanges=[LATE])
    yield Case(Fate.INTERRUPTED, "no gateway to be had", error=CUT, exchanges=[BOTH_STRUCK], gateway="<NOSRV>")
    yield Case(Fate.LOST, "no gateway to be had although one lived", error=CUT, exchanges=[BROKEN], gateway="<NOSRV>")
    yield Case(Fate.LOST, "cut by a gateway that stopped in good order", error=CUT, exchanges=[BOTH_STRUCK], gateway="g2")
    yield Case(Fate.INTERRUPTED, "not taken any more by a gateway that stopped in good order", error=CUT, exchanges=[BOTH_STRUCK], gateway="g2",
               seen=0)
    yield Case(Fate.INTERRUPTED, "asked twice, and the second time broken while its gateway was struck", error=CUT, exchanges=[
        {"started": 90.0, "ended": 91.0}, BROKEN])
    yield Case(Fate.LOST, "nobody knows of the connection", error=CUT, exchanges=[BROKEN], gateway=None)
    yield Case(Fate.LOST, "a stream that ended with nothing", error=ENDED, gateway="g2")
    cut_stream = BROKEN | {"status": 200, "has_event_id": True}
    yield Case(Fate.OK, "found again", is_right=True, exchanges=[cut_stream, RESUMED])
    yield Case(Fate.LOST, "finished, and nobody came back for it", error=CUT, exchanges=[cut_stream], finished=True)
    yield Case(Fate.OK, "found again, after it was told to come later", is_right=True, took=9.0, stall=4000, exchanges=[
        cut_stream, RESUMED | {"status": 503, "retry_after": "1"}, RESUMED | {"started": 105.0, "ended": 109.0}])
    yield Case(Fate.LOST, "finished and not found again", error=ENDED, exchanges=[cut_stream, RESUMED], finished=True)
    yield Case(Fate.LOST, "not finished, and let go of by a gateway that lives", error=ENDED, exchanges=[
        cut_stream, RESUMED | {"started": 203.0, "ended": 204.0}])
    yield Case(Fate.LOST, "finished, and told to be interrupted", error=INTERRUPTED, finished=True, exchanges=[cut_stream, RESUMED])
    yield Case(Fate.INTERRUPTED, "not finished, and told so", error=INTERRUPTED, exchanges=[cut_stream, RESUMED])
    partition = BROKEN | {"started": 248.0, "ended": 253.0}
    yield Case(Fate.INTERRUPTED, "cut off from its gateway soon after its first request", error=CUT, exchanges=[partition], at=248.5)
    yield Case(Fate.LOST, "cut off from its gateway, and without an event id after a long time", error=CUT, exchanges=[partition], at=246.5)
    yield Case(Fate.LOST, "cut off from its gateway, and ended with nothing by another", error=ENDED, exchanges=[
        partition | {"status": 200, "has_event_id": True}, RESUMED | {"started": 260.0, "ended": 261.0}])
    yield Case(Fate.INTERRUPTED, "cut, and the reconnection cut", error=ENDED, finished=True, exchanges=[
        cut_stream, RESUMED | {"status": None, "broken": "ReadError"}])


def main():
    gateways = Gateways(("g1", "g2"))
    gateways.strike("g1", "kill-gateway", 99.0)
    gateways.heal("g1", 110.0)
    gateways.strike("g1", "kill-gateway", 149.0)
    gateways.heal("g1", 151.0)
    gateways.strike("g2", "term-gateway", 149.0)
    gateways.heal("g2", 151.0)
    gateways.strike("g1", "cut-client", 250.0)
    gateways.heal("g1", 255.0)
    for case in cases():
        held_by = case.gateway

        def connection(address, since, until, held_by=held_by):
            return Connection(held_by, "SD", until) if held_by else None

        judge = Judge(gateways, connection, lambda _, case=case: case.finished)
        tally = Tally()
        # What is repeated is sent again 2 s later, and that is interrupted.
        again = [(case.attempt | {"sent": 102.0, "error": INTERRUPTED}, False)] if case.repeated else []
        tally.judge(judge, [(case.attempt, case.repeated), *again], case.seen)
        got = [fate for fate in Fate if tally[fate] - (fate is Fate.INTERRUPTED and case.repeated)]
        if got != [case.want]:
            raise AssertionError(f"{case.why or case.want}: judged {got}, {tally.reasons}")
        if case.stall not in (None, tally.stall_ms):
            raise AssertionError(f"{case.why}: a stall of {tally.stall_ms} ms")
        if tally.duplicated:
            raise AssertionError(f"{case.why}: duplicated without reason")
    twice = Case(Fate.OK, is_right=True, seen=2, took=12.5)
    tally = Tally()
    tally.judge(Judge(gateways, lambda *_: None, lambda _: False), [(twice.attempt, False)], twice.seen)
    if (tally.duplicated, tally.stall_ms, tally.calls) != (2, 12500, 1):
        raise AssertionError(f"duplicates or stall are not seen: {tally}")
    tally = Tally()
    tally.judge(Judge(gateways, lambda *_: None, lambda _: False), [], twice.seen[:1])
    if (tally[Fate.LOST], tally.calls) != (1, 1):
        raise AssertionError(f"a call that no client tells of is not seen: {tally}")
    leases = Leases([("a", 10.0, False), ("a", 11.0, False), ("a", 30.0, False), ("a", 31.0, True)])
    held = [leases.is_held("a", at) for at in (10.5, 11.0 + LEASE, 11.0 + LEASE + 2 * GRACE, 30.5, 31.0 + 2 * GRACE)]
    if held != [True, True, False, True, False]:
        raise AssertionError(f"leases are misread: {held}")


if __name__ == "__main__":
    main()
    print("the judge sees everything that it must")
