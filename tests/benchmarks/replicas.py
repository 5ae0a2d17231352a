"""Measures the session tier: adoption after a crash, suspended sessions, and what a call costs at one replica and at three.

bench.py runs these groups. Each has services and a PostgreSQL server of its own, on loopback.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from bench import ROOT, cpu_seconds, descendants, lua, resident_bytes

sys.path.insert(0, str(ROOT / "tests/load"))

from support.installation import Installation, Seat  # noqa: E402
from support.postgres import PostgreSQL  # noqa: E402
from support.processes import PATIENCE, wait_until  # noqa: E402

# Of the services, in seconds; the default, said aloud because the measurement counts on it. Adoption may take this much more, too.
LEASE, MARGIN = 5, 0.5
# Sessions that each replica has when one is killed, and how often one is.
ORPHANS, KILLS = 60, 4
# Sessions that were in memory and were suspended, and those that there are in all.
SUSPENDED, ROWS = 3_000, 100_000
# After how many seconds a session is suspended by the next sweep, and how often there is one (`SessionLimits.sweepInterval`).
SUSPEND_AFTER, SWEEP = 1, 30
# The sessions that calls are for, in turn.
SESSIONS = 48
# How much more a call may cost at three replicas than at one.
CPU_TOLERANCE = 1.15

PING = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
EXECUTE = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "execute", "arguments": {"code": "return 1+1"}}}
INITIALIZE = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}}


class Tier:
    """Gateways and session-services, as many as asked for, that refuse nobody for asking often."""

    def __init__(self, build, replicas, environment=None, session_environment=None, settings=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="roost-bench-tier-"))
        self.database = self.installation = None
        common = {f"ROOST_GATEWAY_{holder}_RATE": "0" for holder in ("KEY", "ACCOUNT", "ORGANIZATION")}
        common.update(ROOST_SESSIONS_MAX_PER_ACCOUNT="1000000", ROOST_REPLICA_LEASE=f"{LEASE}s", **(environment or {}))
        try:
            self.database = PostgreSQL(fsync=False, arguments=[word for setting in settings for word in ("--set", setting)])
            seats = [Seat(f"session-service-{number}", environment=session_environment or {}) for number in range(replicas)]
            self.installation = Installation(build, self.folder, self.database, seats, [Seat("api-gateway")], common)
        except BaseException:
            self.close()
            raise
        self.gateway = self.installation.gateways[0]
        self.port, self.key = self.gateway.port, self.installation.keys["agent_key"]
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def owners(self):
        """The hashes of the open sessions by the port of the process that owns them, under None those that nobody owns."""
        found = {}
        for hash, address in self.database.run("""
                SELECT encode(s.id_hash, 'hex'), COALESCE(r.address, '') FROM sessions s
                LEFT JOIN replicas r ON r.id = s.owner_replica AND r.epoch = s.owner_epoch WHERE s.state = 'open'"""):
            found.setdefault(int(address.rsplit(":", 1)[1]) if address else None, []).append(hash)
        return found

    def owned(self):
        return int(self.database.run("SELECT COUNT(*) FROM sessions WHERE owner_replica IS NOT NULL")[0][0])

    def cpu(self):
        """CPU seconds of the services and of all that they started."""
        return sum(cpu_seconds(pid) for service in self.installation.services for pid in [service.pid, *descendants(service.pid)])

    def close(self):
        if self.installation:
            self.installation.close()
        if self.database:
            self.database.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def tier(*arguments, **options):
    made = Tier(*arguments, **options)
    try:
        made.installation.start()
        yield made
    finally:
        made.close()


class Client:
    """One connection to a gateway, over which requests go one after the other."""

    def __init__(self, tier):
        self.tier, self.reader, self.writer = tier, None, None

    async def post(self, message, session=None):
        """The status and the head of the answer, by its names in lower case; the connection goes on where it can."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.tier.port)
        body = json.dumps(message).encode()
        lines = ["POST /mcp HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.tier.key}", f"Content-Length: {len(body)}"]
        lines += ["Accept: application/json, text/event-stream", "Content-Type: application/json"]
        lines += [f"Mcp-Session-Id: {session}"] if session else []
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if "content-length" in fields:
            await self.reader.readexactly(int(fields["content-length"]))
        else:
            # A stream: to its end, in chunks.
            while size := int((await self.reader.readuntil(b"\r\n")), 16):
                await self.reader.readexactly(size + 2)
            await self.reader.readexactly(2)
        return int(head[0].split()[1]), fields

    def close(self):
        if self.writer is not None:
            self.writer.close()


async def open_sessions(tier, count, connections=8):
    """Opens sessions, and gives their ids."""
    opened = []

    async def work(share):
        client = Client(tier)
        for _ in range(share):
            status, fields = await client.post(INITIALIZE)
            if status != 200:
                raise RuntimeError(f"a session was not opened: {status}")
            opened.append(fields["mcp-session-id"])
        client.close()

    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            group.create_task(work(len(range(number, count, connections))))
    return opened


async def first_answer(tier, session):
    """When a session answered a message at last, asked again as often as it was said to be unavailable."""
    client, end = Client(tier), time.monotonic() + PATIENCE
    try:
        while time.monotonic() < end:
            status, fields = await client.post(PING, session)
            if status == 200:
                return time.monotonic()
            if status != 503 or "retry-after" not in fields:
                raise RuntimeError(f"a session of a dead owner was answered {status}")
            await asyncio.sleep(float(fields["retry-after"]))
    finally:
        client.close()
    raise TimeoutError("a session was not adopted")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# MARK: Adoption


def adoption(build):
    """From `kill -9` of an owner to the first answer of each of its sessions, when all of them have a message at once."""
    with tier(build, 3) as made:
        sessions = asyncio.run(open_sessions(made, 3 * ORPHANS))
        names = {hashlib.sha256(session.encode()).hexdigest(): session for session in sessions}
        took, counts = [], []
        for _ in range(KILLS):
            owners = made.owners()
            port = max((port for port in owners if port), key=lambda port: len(owners[port]))
            victim = next(service for service in made.installation.sessions if service.port == port)
            orphans = [names[hash] for hash in owners[port]]
            if len(orphans) < ORPHANS:
                raise RuntimeError(f"only {len(orphans)} sessions have the same owner")
            counts.append(len(orphans))

            async def kill(victim=victim, orphans=orphans):
                killed = time.monotonic()
                victim.kill()
                answered = await asyncio.gather(*(first_answer(made, session) for session in orphans))
                return [moment - killed for moment in answered]

            took += asyncio.run(kill())
            victim.start()
            victim.wait_until_ready()
    tail = percentile(took, 0.99)
    yield (
        f"adoption after `kill -9` of the owner of {min(counts)} to {max(counts)} sessions, {KILLS} times",
        f"first answer p50 {statistics.median(took):.2f} s, p99 {tail:.2f} s, last {max(took):.2f} s",
        f"at most the lease and {MARGIN} s: {LEASE + MARGIN:.2f} s", f"{tail / (LEASE + MARGIN):.2f}")


# MARK: Suspended sessions


def token(number):
    """The id of a session whose row is written by SQL; of the form that Roost's own have."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"bench-{number}".encode()).digest()).decode().rstrip("=")


COPIES = """
INSERT INTO sessions SELECT (jsonb_populate_record(s, jsonb_build_object(
    'id_hash', '\\x' || encode(sha256(convert_to(
        rtrim(translate(encode(sha256(convert_to('bench-' || n, 'UTF8')), 'base64'), '+/', '-_'), '='), 'UTF8')), 'hex'),
    'id', left((s).id, length((s).id) - 12) || lpad(n::text, 12, '0')))).*
FROM (SELECT s FROM sessions s WHERE s.state = 'open' ORDER BY s.created_at LIMIT 1) template (s), generate_series(1, {count}) n"""


def suspended(build):
    """What sessions that nobody uses cost the session-service, and that a message wakes them."""
    with tier(build, 1, session_environment={"ROOST_SESSIONS_SUSPEND_AFTER": f"{SUSPEND_AFTER}s"}) as made:
        [service] = made.installation.sessions

        fresh = resident_bytes(service.pid)
        # Opened by clients, and suspended: what the allocator keeps for the next ones is there before and after.
        opened = asyncio.run(open_sessions(made, SUSPENDED))
        wait_until(lambda: time.sleep(1) or made.owned() == 0, "the suspension of all sessions")
        before = resident_bytes(service.pid)
        made.database.run(COPIES.format(count=ROWS - SUSPENDED))
        rows = int(made.database.run("SELECT COUNT(*) FROM sessions WHERE state = 'open' AND owner_replica IS NULL")[0][0])
        if rows != ROWS:
            raise RuntimeError(f"there are {rows} suspended sessions, and should be {ROWS}")
        # Long enough for everything that goes by the clock to have looked at them.
        time.sleep(SWEEP + 5)
        after = resident_bytes(service.pid)

        async def wake(sessions):
            took = []
            for session in sessions:
                started = time.monotonic()
                took.append(await first_answer(made, session) - started)
            return took

        took = asyncio.run(wake([*opened[::60], *(token(number) for number in range(1, ROWS - SUSPENDED, 1940))]))
    yield (
        f"session-service with {ROWS:,} suspended sessions", f"{after / 2**20:.0f} MiB resident",
        f"with {SUSPENDED:,} that had been in memory: {before / 2**20:.0f} MiB; fresh: {fresh / 2**20:.0f} MiB", f"{after / before:.2f}")
    yield (
        f"a message to one of {ROWS:,} suspended sessions", f"p50 {statistics.median(took) * 1000:.1f} ms, "
        f"p99 {percentile(took, 0.99) * 1000:.1f} ms, all {len(took)} answered", "–", "–")


# MARK: One replica and three


class Hops:
    """Stands before session-services, at 127.0.0.2 and their own ports, and counts the streams that gateways open to them."""

    ADDRESS = "127.0.0.2"

    def __init__(self, ports):
        self.streams = 0
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.servers = [asyncio.run_coroutine_threadsafe(self._listen(port), self.loop).result(PATIENCE) for port in ports]

    async def _listen(self, port):
        async def relay(reader, writer):
            there, back = await asyncio.open_connection("127.0.0.1", port)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._copy(reader, back, self._count()))
                    group.create_task(self._copy(there, writer, None))
            except* OSError:
                pass

        return await asyncio.start_server(relay, self.ADDRESS, port)

    async def _copy(self, reader, writer, counter):
        if counter:
            next(counter)
        try:
            while data := await reader.read(65536):
                if counter:
                    counter.send(data)
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    def _count(self):
        """Takes what a client sends, piece by piece: a preface of 24 bytes, then frames with their length, type and stream (RFC 9113)."""
        data, newest = b"", 0
        data += yield
        while len(data) < 24:
            data += yield
        data = data[24:]
        while True:
            while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3], "big"):
                data += yield
            length, kind, stream = int.from_bytes(data[:3], "big"), data[3], int.from_bytes(data[5:9], "big")
            # HEADERS; of a stream that is open already they are its trailers.
            if kind == 1 and stream > newest:
                newest, self.streams = stream, self.streams + 1
            data = data[9 + length :]

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)


def statements(tier):
    """How many statements the services have made so far."""
    [[count]] = tier.database.run("""
        SELECT COALESCE(SUM(s.calls), 0) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'roost_service'""")
    return int(count)


def idle_rate(count, seconds):
    """How fast a counter goes by itself."""
    before, started = count(), time.monotonic()
    time.sleep(seconds)
    return (count() - before) / (time.monotonic() - started)


async def ask(tier, message, sessions, times):
    """Makes calls, one after the other."""
    client = Client(tier)
    for number in range(times):
        status, _ = await client.post(message, sessions[number % len(sessions)])
        if status != 200:
            raise RuntimeError(f"a call was answered {status}")
    client.close()


def counted(tier, count, message, sessions, times):
    """How much a counter goes up for each call, beside what it goes up anyhow."""
    idle = idle_rate(count, IDLE)
    before, started = count(), time.monotonic()
    asyncio.run(ask(tier, message, sessions, times))
    return (count() - before - idle * (time.monotonic() - started)) / times


def load(tier, message, sessions, connections, seconds):
    """CPU of the services for each call, in ms, while wrk asks for sessions in turn."""
    script = f"""
        wrk.method, wrk.body = "POST", {lua(json.dumps(message))}
        wrk.headers["Content-Type"], wrk.headers["Accept"] = "application/json", "application/json, text/event-stream"
        wrk.headers["Authorization"] = "Bearer {tier.key}"
        local sessions, turn = {{{", ".join(lua(session) for session in sessions)}}}, 0
        request = function()
            turn = turn % #sessions + 1
            wrk.headers["Mcp-Session-Id"] = sessions[turn]
            return wrk.format()
        end"""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()

        def run(seconds):
            command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", file.name, tier.url]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            if "Non-2xx" in text:
                raise RuntimeError(f"calls were refused: {text}")
            return int(re.search(r"(\d+) requests in", text)[1])

        run(1)
        before = tier.cpu()
        requests = run(seconds)
        return (tier.cpu() - before) * 1000 / requests


# With the connections under load for each replica, and how many are counted, one after the other.
CALLS = (("`ping`", PING, 16, 2000), ("`execute` of `return 1+1`", EXECUTE, 2, 200))
# For how many seconds is watched what is done without calls: heartbeats, probes, polls.
IDLE = 5


def replicas(build, options):
    """What one call costs with one session-service and with three: channel hops, statements, CPU."""
    hops, asked, cpu = {}, {}, {}
    for count in (1, 3):
        environment = {"ROOST_SESSIONS_ADVERTISED_HOST": Hops.ADDRESS}
        made = Tier(build, count, session_environment=environment, settings=["shared_preload_libraries=pg_stat_statements"])
        relay = Hops([service.port for service in made.installation.sessions])
        try:
            made.installation.start()
            made.database.run("CREATE EXTENSION pg_stat_statements")
            sessions = asyncio.run(open_sessions(made, SESSIONS))
            # Everything that is done once for a session, or a replica, was done.
            for _, message, _, _ in CALLS:
                asyncio.run(ask(made, message, sessions, SESSIONS))
            for name, message, _, times in CALLS:
                for results, counter in ((hops, lambda: relay.streams), (asked, lambda: statements(made))):
                    results[name, count] = counted(made, counter, message, sessions, times)
        finally:
            made.close()
            relay.close()
    with tier(build, 1) as one, tier(build, 3) as three:
        tiers = {1: (one, asyncio.run(open_sessions(one, SESSIONS))), 3: (three, asyncio.run(open_sessions(three, SESSIONS)))}
        for name, message, connections, _ in CALLS:
            for _ in range(options.rounds):
                for count, share in ((1, 1), (1, 3), (3, 3)):
                    made, sessions = tiers[count]
                    figures = cpu.setdefault((name, count, share), [])
                    figures.append(load(made, message, sessions, share * connections, options.seconds))
    for name, _, connections, _ in CALLS:
        for what, results in (("channel hops", hops), ("statements", asked)):
            one, three = max(0, results[name, 1]), max(0, results[name, 3])
            yield f"{name}: {what} at 3 replicas", f"{three:.2f}", f"at 1: {one:.2f}", f"{three / one:.2f}" if one > 0.5 else "–"
        three = statistics.median(cpu[name, 3, 3])
        # As many calls for each replica as at one, which go over each channel together; and as many in all.
        for share, what in ((1, f"the same load for each replica (at most {CPU_TOLERANCE:.2f} times)"), (3, "the same load in all")):
            one = statistics.median(cpu[name, 1, share])
            yield (
                f"{name}: CPU at 3 replicas, {3 * connections} connections", f"{three:.3f} ms",
                f"at 1, {what}, {share * connections} connections: {one:.3f} ms", f"{three / one:.2f}")


def groups(options):
    """The groups of this module for bench.py."""
    build = options.build.resolve()
    return {"adoption": lambda: adoption(build), "suspended": lambda: suspended(build), "replicas": lambda: replicas(build, options)}
