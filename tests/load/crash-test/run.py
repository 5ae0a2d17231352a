"""Kills services and PostgreSQL under write load, round after round, and looks whether everything that was acknowledged is there.

usage: run.py --build FOLDER [--rounds N] [--only WORD] [--seed N] [--damage]

There are N rounds of each kind: services killed on SQLite, services killed on PostgreSQL, and PostgreSQL itself killed, with fsync on. In
two organizations clients write policies, API keys, connections with their secrets, and executions over MCP, without a pause, and
remove some of what they wrote. In each round something gets `kill -9` at a random moment and is started again, the survivors go on,
and once every client has had a write acknowledged that it began after the kill, they pause and everything is read back: what was
acknowledged has to be there exactly once, and what was acknowledged as removed must not be there. After the last round everything is
killed together and read back once more, the database is examined by its own tools, and what was written in one transaction has to be
there whole.

At the end of every run the checker has to find damage that is done to the database on purpose, or the run fails. With --damage it is
done before the last look, so that the run must fail. The last line sums up; exit status 0 means that nothing was missing.
"""

import argparse
import collections
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "apis"))
import json  # noqa: E402

from databases import PostgreSQL, SQLite  # noqa: E402
from ledger import Findings, Progress  # noqa: E402
from notes import DOCUMENT  # noqa: E402
from support.installation import Installation, Seat  # noqa: E402
from support.processes import PATIENCE  # noqa: E402
from writers import KINDS, Client, ExecutionWriter, PolicyWriter  # noqa: E402

STARTED = time.monotonic()


def say(text):
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", flush=True)


class Load:
    """The clients of one installation."""

    def __init__(self, installation):
        self.progress = Progress()
        keys = installation.keys
        made = self._call(installation, keys["installation_key"], "/organizations", {"slug": "second", "name": "Second"})
        admins = {"first": keys["admin_key"], "second": made["admin_key"]}
        self.writers = []
        for organization, admin in admins.items():
            document = {"slug": "notes", "document": json.dumps(DOCUMENT), "base_url": "https://notes.example"}
            self._call(installation, admin, "/integrations", document)
            self.writers += [kind(organization, installation.gateways[0].port, admin, self.progress) for kind in KINDS]

    def _call(self, installation, key, path, body):
        status, _, answer = Client(installation.gateways[0].port, key).call("POST", f"/api/v1{path}", body)
        if status != 201:
            raise RuntimeError(f"POST {path}: {status} {answer[:500]!r}")
        return json.loads(answer)

    def start(self):
        for writer in self.writers:
            writer.start()
        self.wait_for_everyone(time.monotonic())

    def stop(self):
        for writer in self.writers:
            writer.stop()

    def wait_for_writes(self, count):
        goal = self.progress.acknowledged + count
        self.progress.wait(lambda: self.progress.acknowledged >= goal, PATIENCE, f"{count} acknowledged writes")

    def wait_for_refusal(self):
        before = self.progress.answers["503"]
        self.progress.wait(lambda: self.progress.answers["503"] > before, PATIENCE, "an answer 503")

    def wait_for_everyone(self, moment):
        """Until every client has had a write acknowledged that it began after a moment; the name of the last one."""
        newest, late = self.progress.newest, []

        def is_everyone_through():
            waiting = [writer.name for writer in self.writers if newest.get(writer.name, 0) <= moment]
            late[:] = waiting or late
            return not waiting

        self.progress.wait(is_everyone_through, PATIENCE, "a write of every client")
        return late[0] if late else "all at once"

    def check(self):
        """Reads everything back, while nobody writes: otherwise there is ever more to read, the longer it takes."""
        findings = Findings()
        for writer in self.writers:
            writer.pause()
        try:
            for writer in self.writers:
                findings.add(writer.check())
        finally:
            for writer in self.writers:
                writer.go_on()
        with self.progress.condition:
            findings.unexpected += self.progress.unexpected
            self.progress.unexpected = []
        return findings

    def wait_until_nothing_runs(self):
        """What killed processes were running is ended by whoever finds it."""
        end = time.monotonic() + PATIENCE
        for writer in self.writers:
            while isinstance(writer, ExecutionWriter) and writer.running():
                if time.monotonic() > end:
                    return [f"{writer.name} {id} has not ended" for id in writer.running()]
                time.sleep(0.2)
        return []


class Run:
    """One installation with its clients, and what was done to it."""

    def __init__(self, installation, options):
        self.installation, self.database, self.options = installation, installation.database, options
        self.load = Load(installation)
        self.random = random.Random(options.seed)
        self.findings = Findings()
        self.kills = collections.Counter()

    def pids(self):
        """The running services' processes."""
        return {service.name: service.pid for service in self.installation.services if service.is_running}

    def kill(self, *services):
        for service in services:
            service.kill()
            self.kills[service.name] += 1
        for service in services:
            service.start()
        for service in services:
            service.wait_until_ready()

    def kill_services(self, number):
        [gateway], [sessions] = self.installation.gateways, self.installation.sessions
        self.kill(*([gateway], [sessions], [gateway, sessions])[(self.options.seed + number) % 3])

    def kill_postgres(self, number):
        if number % 4 == 2:
            self.database.kill_backend()
            self.kills["backend"] += 1
            return
        self.database.kill()
        self.kills["postgres"] += 1
        # Long enough to be noticed, half of the time.
        if self.random.random() < 0.5:
            self.load.wait_for_refusal()
        self.database.start()

    def round(self, number, name, strike):
        self.load.wait_for_writes(self.random.randrange(1, 40))
        # An acknowledgement has just come: the moment of the next kill is to be anywhere between two of them.
        time.sleep(self.random.uniform(0, 0.02))
        before = self.pids()
        earlier = dict(self.kills)
        moment = time.monotonic()
        strike(self, number)
        killed = [victim for victim in self.kills if self.kills[victim] != earlier.get(victim, 0)]
        recovered = time.monotonic()
        last = self.load.wait_for_everyone(recovered)
        everybody = time.monotonic()
        for service, pid in self.pids().items():
            if service not in killed and before[service] != pid:
                raise RuntimeError(f"{service} did not survive")
        if len(self.pids()) != 2:
            raise RuntimeError(f"only {list(self.pids())} are running")
        found, slowest = self.load.check(), self.load.progress.slowest
        self.findings.add(found)
        say(
            f"{name}, round {number}: killed {' and '.join(killed)}, started again after {recovered - moment:.1f} s, everybody writes after "
            f"{everybody - recovered:.1f} s ({last} last, slowest answer after {slowest[0]:.1f} s: {slowest[1]}), read back in "
            f"{time.monotonic() - everybody:.1f} s; acknowledged={self.load.progress.acknowledged} {found}")
        self.load.progress.slowest = 0.0, "nothing"

    def finish(self):
        """Everything at once, and then a look without load."""
        self.load.wait_for_writes(20)
        for service in self.installation.services:
            service.kill()
            self.kills[service.name] += 1
        if isinstance(self.database, PostgreSQL):
            self.database.kill()
            self.kills["postgres"] += 1
            self.database.start()
        self.load.stop()
        self.installation.start()
        unended = self.load.wait_until_nothing_runs()
        if self.options.damage:
            self._damage()
        for writer in self.load.writers:
            writer.forget()
        found = self.load.check()
        found.unexpected += unended + self.database.faults()
        self.findings.add(found)
        say(f"{self.database.name}: killed everything, nobody writes: {found}; answers {dict(sorted(self.load.progress.answers.items()))}")
        if not self.options.damage:
            self._damage()
            proof = self.load.check()
            if proof.counts != (1, 1, 1):
                raise RuntimeError(f"the checker does not see damage that was done on purpose: {proof}")
            say(f"{self.database.name}: damaged on purpose, the checker finds {proof}")
        for service in self.installation.services:
            if service.terminate() != 0:
                self.findings.unexpected.append(f"{service.name} did not end in good order")

    def _damage(self):
        """Takes an acknowledged policy away, writes another one twice, and brings one back whose removal was acknowledged."""
        writer = next(writer for writer in self.load.writers if isinstance(writer, PolicyWriter))
        lost, doubled = [id for _, id in writer.ledger.there()][:2]
        removed = next(mark for mark, entry in writer.ledger.snapshot().items() if entry.standing.name == "GONE")
        copy = "INSERT INTO policies (organization_id, id, pattern, action, created_at) SELECT organization_id, '{}', {}, action, created_at"
        copy += f" FROM policies WHERE id = '{doubled}'"
        for sql in (
            f"DELETE FROM policies WHERE id = '{lost}'",
            copy.format("pol_00000000-0000-7000-8000-000000000001", "pattern"),
            copy.format("pol_00000000-0000-7000-8000-000000000002", f"'{removed}.*'"),
        ):
            self.database.run(sql)


def rounds(options, make_database, strikes):
    """One installation on a database of its own, with rounds of each kind in turn; what came of it, and how often something was killed."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-crash-"))
    database = installation = None
    try:
        database = make_database(folder)
        seats = [Seat("session-service")], [Seat("api-gateway")]
        installation = Installation(options.build.resolve(), folder, database, *seats)
        installation.start()
        run = Run(installation, options)
        run.load.start()
        say(f"{database.name}: {len(run.load.writers)} clients write")
        for number in range(1, options.rounds + 1):
            for name, strike in strikes:
                run.round(number, name, strike)
        run.finish()
        return run
    except BaseException:
        for service in installation.services if installation else []:
            print(f"--- {service.name}\n{service.last_lines()}", file=sys.stderr)
        raise
    finally:
        if installation:
            installation.close()
        if database:
            database.close()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--damage", action="store_true")
    options = parser.parse_args()
    plans = [
        (SQLite, [("services on SQLite", Run.kill_services)]),
        (PostgreSQL, [("services on PostgreSQL", Run.kill_services), ("PostgreSQL", Run.kill_postgres)]),
    ]
    say(f"seed {options.seed}")
    findings, kills, acknowledged, count = Findings(), collections.Counter(), 0, 0
    for make_database, strikes in plans:
        strikes = [(name, strike) for name, strike in strikes if options.only in name]
        if strikes:
            run = rounds(options, make_database, strikes)
            findings.add(run.findings)
            kills += run.kills
            acknowledged += run.load.progress.acknowledged
            count += options.rounds * len(strikes)
    for line in findings.lines():
        print(line)
    print("killed: " + " ".join(f"{victim}={number}" for victim, number in sorted(kills.items())))
    print(f"rounds={count} kills={sum(kills.values())} acknowledged={acknowledged} {findings}")
    return 1 if sum(findings.counts) else 0


if __name__ == "__main__":
    # Ends in good order when it is told to.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
