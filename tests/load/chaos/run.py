"""Kills, stops, cuts off and replaces services, and restarts the database, while a hundred sessions of the official client work.

usage: run.py --build FOLDER [--minutes N] [--seed N] [--break fencing] [--sessions N] [--pause SECONDS] [--only WORD] [--logs FOLDER]

Three session-services, two gateways, PostgreSQL, an upstream that counts, and HAProxy, each in a network namespace of its own; needs root.
Faults come at random, one at a time or two at once where somebody is left who could answer, and each is shown to bite before it counts.
verdict.py says how calls are counted, and fencing.py how writes by owners without a lease are. In three minutes or more every kind of fault
is due three times, in fewer once. As long as faults lag behind the time, two come at once wherever that is possible, with shorter pauses;
what is due when the time is over still comes, so that a run may last longer. It is red when a kind bit less often than it was due.

With --break fencing one session-service believes in a lease a hundred times as long as it has, and is stopped and cut off from the
database again and again: the run must fail.

The last line sums up. Exit status 0 means that nothing was lost, wrong or duplicated, nobody waited longer than ten seconds, nine of ten
calls were answered, no owner worked without a lease, and every kind of fault bit as often as it was due. The lines before say what the
calls that took longest waited for.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import balancing  # noqa: E402
import rehearsal  # noqa: E402
import selftest  # noqa: E402
from faults import KINDS  # noqa: E402
from fencing import Audit  # noqa: E402
from services import LEASE, wait_until  # noqa: E402
from verdict import SLACK, Fate, Judge, Tally  # noqa: E402
from waits import Waits  # noqa: E402
from world import World  # noqa: E402

STARTED = time.monotonic()
MAX_STALL_MS = 10_000
MIN_OK = 0.9
# How often every kind of fault is due, from how many minutes on.
DUE, DUE_FROM = 3, 3
# How many of the calls that took longest are explained.
EXPLAINED = 10
# What owners must be fenced against; with fencing broken nothing else is done.
OF_FENCING = ("stop-session", "cut-session-database")


def say(text):
    # The clock of the machine too, by which logs and records go.
    print(f"{time.monotonic() - STARTED:6.1f} s  {time.monotonic():.1f}  {text}", flush=True)


class Run:
    def __init__(self, world, options):
        self.world, self.options, self.random = world, options, world.random
        self.kinds = [kind for kind in KINDS if options.only in kind and (not options.break_what or kind in OF_FENCING)]
        self.counts = collections.Counter()
        # What was done, from when to when.
        self.timeline = []
        self.due = DUE if options.minutes >= DUE_FROM else 1

    def storm(self):
        """Faults until the time is over and every kind bit as often as it is due; for three times the time at most, or five minutes."""
        self.begun = time.monotonic()
        limit = self.begun + max(300, self.options.minutes * 180)
        queue = []
        while time.monotonic() < self.begun + self.options.minutes * 60 or self._owed():
            if time.monotonic() > limit:
                return
            is_behind = self._is_behind()
            if not queue:
                queue = self.random.sample(self.kinds, len(self.kinds))
                if is_behind:
                    queue = [kind for kind in queue if self.counts[kind] < self.due]
            faults = [KINDS[queue.pop()](self.world)]
            if is_behind or self.random.random() < 0.4:
                faults += self._beside(faults[0], queue)
            self._strike(faults)
            # Between two storms everybody comes to rest, or nearly so.
            time.sleep(self.random.uniform(0.5, 1) if is_behind else self.random.uniform(0.5, 3))
            self.world.check()

    def _owed(self):
        return sum(max(0, self.due - self.counts[kind]) for kind in self.kinds)

    def _is_behind(self):
        """Whether a smaller share of what is due was done than of the time has passed."""
        owed, all_due = self._owed(), self.due * len(self.kinds)
        return owed > 0 and (all_due - owed) / all_due <= (time.monotonic() - self.begun) / (self.options.minutes * 60)

    def _beside(self, first, queue):
        """One more fault that can be in force beside another, taken out of the queue, if there is one."""
        for kind in reversed(queue):
            second = KINDS[kind](self.world)
            if not first.parts & second.parts:
                queue.remove(kind)
                return [second]
        return []

    def _strike(self, faults):
        entries = []
        for fault in faults:
            struck = time.monotonic()
            entry = [fault, struck, None]
            self.timeline.append(entry)
            fault.strike()
            fault.bite()
            self.counts[fault.kind] += 1
            say(f"{fault.kind} {fault.victim}: bites after {time.monotonic() - struck:.1f} s")
            entries.append((time.monotonic() + fault.wait(), entry))
            if fault is not faults[-1]:
                time.sleep(self.random.uniform(0.3, 2))
        # Each at its own time, but none before the database: nothing gets ready without it.
        database = max((over for over, entry in entries if "database" in entry[0].parts), default=0)
        for over, entry in sorted(entries, key=lambda pair: ("database" not in pair[1][0].parts, pair[0])):
            time.sleep(max(0, max(over, database) - time.monotonic()))
            fault = entry[0]
            fault.last()
            healed = time.monotonic()
            fault.heal()
            entry[2] = time.monotonic()
            say(f"{fault.kind} {fault.victim}: healed after {time.monotonic() - healed:.1f} s")

    def faults_between(self, start, end):
        """The faults that were in force, or had been healed less than a lease before: their kinds, and when they were."""
        found = [entry for entry in self.timeline if entry[1] <= end and (entry[2] is None or entry[2] + LEASE >= start)]
        text = ", ".join(
            f"{fault.kind} {fault.victim} {struck - start:+.1f}...{(healed or end) - start:+.1f}" for fault, struck, healed in found)
        return " ".join(fault.kind for fault, _, _ in found) or "nothing", f"during {text or 'nothing'}"

    def is_calm(self, kind, start, end):
        """Whether nothing but one kind of fault was in force between two moments, or shortly before."""
        return set(self.faults_between(start, end)[0].split()) <= {kind}

    def account(self):
        """Everything that was recorded, judged."""
        world = self.world
        world.clients.stop()
        # What dead owners left is ended within two leases.
        database = world.installation.database
        running = "SELECT id FROM executions WHERE ended_at IS NULL"
        try:
            wait_until(lambda: not database.run(running), "the end of all executions", 3 * LEASE)
        except TimeoutError:
            world.complain(f"{len(database.run(running))} executions never ended")
        # The last connections are being told of.
        time.sleep(SLACK)
        if dropped := world.balancer.dropped():
            world.complain(f"the balancer dropped {dropped} lines of its log")
        seen, finished = world.seen(), world.finished()
        judge = Judge(world.gateways, world.balancer.connection, lambda attempt: attempt["code_hash"] in finished, self.is_calm)
        tally = Tally(patience=MAX_STALL_MS / 1000, faults_between=self.faults_between)
        tally.judge(judge, world.clients.attempts, seen)
        return tally, Audit(database, seen)

    def explain(self, tally):
        """Prints what the calls that took longest waited for."""
        world = self.world
        names = {service.place.address: service.name for service in world.installation.services}
        waits = Waits(world.installation.database, names, time.time() - time.monotonic())
        sessions = waits.sessions([attempt for attempt, _ in world.clients.attempts])
        for took, attempt, fate in tally.longest(EXPLAINED):
            _, during = self.faults_between(attempt["sent"], attempt["ended"])
            what = waits.describe(attempt, sessions, world.balancer.connection)
            print(f"long: {took:.1f} s, {attempt['kind']} {attempt['call']} sent at {attempt['sent']:.2f}: {fate}; {during}; {what}")

    def report(self, tally, audit):
        """Prints what was found; the reasons why the run is red, if it is."""
        for line in tally.lines[:60]:
            print(line)
        for line in (audit.stale + audit.stale_requests)[:30]:
            print(f"stale: {line}")
        if self.world.preferred:
            name, stale = self.world.preferred, audit.stale + audit.stale_requests
            own = sum(f" {self.world.network[name].address}" in line for line in stale)
            print(f"of {len(stale)} stale writes and requests {own} are of {name}, whose fencing is broken")
        for at, remark in self.world.balancer.remarks:
            name = remark.split()[1].removeprefix("gateways/")
            if " is DOWN" in remark and not self.world.gateways.struck(name, at - SLACK, at):
                self.world.complain(f"the balancer took a gateway that lived for dead at {at:.2f}: {remark}")
        for note in self.world.clients.notes:
            if "the client itself failed" in note:
                self.world.complain(note)
        for line in self.world.complaints[:30]:
            print(f"also: {line}")
        for line in collections.Counter(note.split(": ", 1)[-1][:200] for note in self.world.clients.notes).most_common(10):
            print(f"clients: {line[1]} times {line[0]}")
        for reason, count in tally.reasons.most_common(40):
            print(f"{count:6}  {reason}")
        for kinds, count in tally.slow.most_common(20):
            print(f"{count:6}  longer than {MAX_STALL_MS} ms during {kinds}")
        self.explain(tally)
        print(f"faults (each is due {self.due} times): " + " ".join(f"{kind}={self.counts[kind]}" for kind in self.kinds))
        print(
            f"repeated={tally[Fate.REPEATED]} refused={tally[Fate.REFUSED]} untold={tally.untold} owner_writes={audit.writes} "
            f"stale_writes={len(audit.stale)} upstream_requests={audit.requests} stale_requests={len(audit.stale_requests)}")
        checks = {
            "something was lost": tally[Fate.LOST] == 0, "something was wrong": tally[Fate.WRONG] == 0,
            "something was duplicated": tally.duplicated == 0,
            f"somebody waited longer than {MAX_STALL_MS} ms": tally.stall_ms <= MAX_STALL_MS,
            f"fewer than {MIN_OK:.0%} of the calls were ok": tally[Fate.OK] >= MIN_OK * tally.calls and tally.calls > 0,
            "an owner wrote without a lease": not audit.stale, "an owner worked without a lease": not audit.stale_requests,
            "owners' writes were not watched": audit.writes > 0,
            f"a kind of fault bit less than {self.due} times": not self._owed(),
            "an interruption did not say what became of its calls": tally.untold == 0,
            "see the lines with `also`": not self.world.complaints,
        }
        red = [what for what, is_well in checks.items() if not is_well]
        if red:
            print("red: " + "; ".join(red))
        print(
            f"sessions={self.world.clients.opened} calls={tally.calls} ok={tally[Fate.OK]} interrupted={tally[Fate.INTERRUPTED]} "
            f"faults={sum(self.counts.values())} lost={tally[Fate.LOST]} wrong={tally[Fate.WRONG]} duplicated={tally.duplicated} "
            f"stall_ms={tally.stall_ms}", flush=True)
        return red


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--break", dest="break_what", choices=["", "fencing"], default="")
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--pause", type=float, default=3.0, help="between two calls of a session, in seconds, on average")
    parser.add_argument("--only", default="", help="faults with this in their names")
    parser.add_argument("--logs", type=pathlib.Path, help="where logs and records are copied at the end")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("chaos: network namespaces need root", file=sys.stderr)
        return 77
    selftest.main()
    rehearsal.main()
    balancing.main()
    say(f"the judge sees and the clients record everything that they must; seed {options.seed}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-chaos-", dir="/tmp"))
    # Services run as root; the database does not, and needs to enter.
    folder.chmod(0o711)
    world = None
    try:
        world = World(options, folder, random.Random(options.seed))
        run = Run(world, options)
        world.start_clients()
        say(f"{world.clients.opened} sessions of the official client work")
        time.sleep(2)
        run.storm()
        say("the storm is over")
        tally, audit = run.account()
        return 1 if run.report(tally, audit) else 0
    except Exception:
        for service in world.installation.services if world else []:
            print(f"--- {service.name}\n{service.last_lines()}", file=sys.stderr)
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if options.logs and folder.exists():
            if world and world.clients:
                with open(folder / "attempts.json", "w", encoding="utf-8") as file:
                    file.writelines(json.dumps(attempt) + "\n" for attempt in world.clients.attempts)
                (folder / "connections.json").write_text(json.dumps(world.balancer.connections))
            shutil.copytree(
                folder, options.logs, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.socket", "*.key", "keys.json", "pgpass"))
        if world:
            world.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    # Ends in good order when it is told to.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
