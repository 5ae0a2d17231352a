"""Measures Roost, each figure beside its yardstick, and prints one Markdown table.

usage: bench.py --build FOLDER [--rounds N] [--seconds S] [--only WORD]

CPU time is what counts: it is read from /proc for every process of Roost (services, zygotes, programs, esbuild), divided by the requests that
were answered, and the median over the rounds is shown. Rounds of Roost and its yardstick alternate, so that both see the same machine.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import tier

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """CPU time of a process and of its children that were waited for."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    fields = text[text.rindex(")") + 2 :].split()
    return sum(int(field) for field in fields[11:15]) / TICK


def descendants(pid):
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(int(text[text.rindex(")") + 2 :].split()[1]), []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        for child in parents.get(queue.pop(), []):
            found.append(child)
            queue.append(child)
    return found


def resident_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def call(url, key, body=None, method=None, headers=()):
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode(), method=method)
    request.add_header("Authorization", f"Bearer {key}")
    request.add_header("Content-Type", "application/json")
    request.add_header("Accept", "application/json, text/event-stream")
    for name, value in headers:
        request.add_header(name, value)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers, answer.read()


class Roost:
    """`roost dev` of a release build, in a folder of its own."""

    def __init__(self, build, environment=()):
        self.folder = tempfile.mkdtemp(prefix="roost-bench-")
        variables = dict(os.environ, ROOST_PORT="0", ROOST_DATA_DIR=self.folder, **dict(environment))
        self.process = subprocess.Popen([str(build / "roost"), "dev"], stdout=subprocess.PIPE, text=True, env=variables)
        lines = {}
        for line in self.process.stdout:
            name, _, value = line.strip().partition(": ")
            lines[name] = value
            if "Admin key" in lines:
                break
        self.url, self.key, self.admin = lines["MCP URL"], lines["API key"], lines["Admin key"]

    def open_session(self):
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
        }
        headers, _ = call(self.url, self.key, message)
        return headers["Mcp-Session-Id"]

    def processes(self):
        return descendants(self.process.pid)

    def service(self, name):
        for pid in self.processes():
            if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name[:15]:
                return pid
        raise LookupError(name)

    def cpu(self):
        return sum(cpu_seconds(pid) for pid in self.processes())

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)


class Nginx:
    """nginx as a proxy in front of a second server of its own that answers the same bytes as Roost: the least a hop can cost."""

    def __init__(self, body):
        self.folder = tempfile.mkdtemp(prefix="roost-bench-nginx-")
        front, back = free_port(), free_port()
        self.url, self.back = f"http://127.0.0.1:{front}/mcp", back
        (pathlib.Path(self.folder) / "answer").write_bytes(body)
        config = f"""
        {"user root;" if os.geteuid() == 0 else ""} daemon off; worker_processes 2; pid {self.folder}/pid; error_log {self.folder}/error.log;
        events {{ worker_connections 4096; }}
        http {{
            access_log off; client_body_temp_path {self.folder}/b; proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f;
            uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
            upstream back {{ server 127.0.0.1:{back}; keepalive 1024; }}
            server {{ listen 127.0.0.1:{front}; keepalive_requests 10000000;
                location / {{ proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
            server {{ listen 127.0.0.1:{back}; keepalive_requests 10000000;
                error_page 404 405 =200 /answer; open_file_cache max=10;
                location / {{ default_type application/json; root {self.folder}; }} }}
        }}"""
        path = pathlib.Path(self.folder) / "nginx.conf"
        path.write_text(config)
        self.process = subprocess.Popen(["nginx", "-c", str(path), "-e", f"{self.folder}/error.log"])
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", front)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("nginx did not start")

    def cpu(self):
        return sum(cpu_seconds(pid) for pid in descendants(self.process.pid))

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)


def load(url, message, headers, connections, seconds, sessions=()):
    """Runs wrk; answers how many requests were answered, their rate, median and 99th percentile in ms, and how many failed.

    With sessions the requests are of one after the other.
    """
    script = ['wrk.method = "POST"', f"wrk.body = {lua(json.dumps(message))}"]
    script += [f"wrk.headers[{lua(name)}] = {lua(value)}" for name, value in headers]
    if sessions:
        script += [
            f"local sessions, requests, last = {{{', '.join(map(lua, sessions))}}}, {{}}, 0",
            'function init() for i, id in ipairs(sessions) do wrk.headers["Mcp-Session-Id"] = id; requests[i] = wrk.format() end end',
            "function request() last = last % #requests + 1; return requests[last] end",
        ]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write("\n".join(script))
        file.flush()
        text = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "20s", "-s", file.name, url],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    requests = int(re.search(r"(\d+) requests in", text)[1])
    refused = sum(int(count) for count in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
    milliseconds = {"us": 0.001, "ms": 1, "s": 1000}
    quantile = {}
    for name in ("50%", "99%"):
        value, unit = re.search(rf"^\s+{name}\s+([\d.]+)(us|ms|s) *$", text, re.M).groups()
        quantile[name] = float(value) * milliseconds[unit]
    return requests, requests / seconds, quantile["50%"], quantile["99%"], refused


def lua(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def measure(target, message, headers, connections, seconds, sessions=()):
    load(target.url, message, headers, connections, 1, sessions)
    before = target.cpu()
    requests, rate, median, tail, refused = load(target.url, message, headers, connections, seconds, sessions)
    if refused:
        raise RuntimeError(f"{refused} of {requests} requests were refused")
    return (target.cpu() - before) * 1000 / requests, rate, median, tail


def medians(rows):
    return [statistics.median(column) for column in zip(*rows)]


def hop(roost, name, method, options):
    message = {"jsonrpc": "2.0", "id": 7, "method": method}
    session = roost.open_session()
    _, answer = call(roost.url, roost.key, message, headers=[("Mcp-Session-Id", session)])
    nginx = Nginx(answer)
    try:
        yield from hops(roost, nginx, name, message, session, options)
    finally:
        nginx.close()


def hops(roost, nginx, name, message, session, options):
    for connections in (1, 16, 64):
        common = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]
        ours = common + [("Authorization", f"Bearer {roost.key}"), ("Mcp-Session-Id", session)]
        mine, theirs = [], []
        for _ in range(options.rounds):
            mine.append(measure(roost, message, ours, connections, options.seconds))
            theirs.append(measure(nginx, message, common, connections, options.seconds))
        (cpu, rate, median, tail), (yard, *_) = medians(mine), medians(theirs)
        yield (
            f"{name}, {connections} connections",
            f"{cpu:.3f} ms CPU, {rate:,.0f}/s, p50 {median:.2f} ms, p99 {tail:.2f} ms",
            f"nginx to nginx: {yard:.3f} ms CPU",
            f"{cpu / yard:.1f}",
        )


def execute(roost, code, count):
    """CPU and wall time of one `execute` in ms, one after the other."""
    session = roost.open_session()
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "execute", "arguments": {"code": code}}}
    headers = [("Mcp-Session-Id", session)]
    for _ in range(5):
        _, body = call(roost.url, roost.key, message, headers=headers)
        if b'"isError":true' in body:
            raise RuntimeError(body.decode())
    before, started = roost.cpu(), time.monotonic()
    for _ in range(count):
        call(roost.url, roost.key, message, headers=headers)
    return (roost.cpu() - before) * 1000 / count, (time.monotonic() - started) * 1000 / count


def node_baseline(code, count):
    """The same program in a fresh Node process each: what a sandbox by process costs elsewhere. None where there is no Node."""
    if not shutil.which("node"):
        return None
    before = os.times()
    for _ in range(count):
        subprocess.run(["node", "-e", code], check=True, capture_output=True)
    after = os.times()
    return (after.children_user + after.children_system - before.children_user - before.children_system) * 1000 / count


def programs(roost, notes, options):
    api = roost.url.removesuffix("/mcp") + "/api/v1"
    call(f"{api}/integrations", roost.admin, {"slug": "notes", "url": f"{notes}/openapi.json"})
    call(f"{api}/integrations/notes/connections", roost.admin, {"name": "main", "method": "token", "values": {"token": "notes-token"}})
    rows = [
        ("`execute` of `return 1+1`", "return 1+1", "process.stdout.write(String(1+1))"),
        (
            "`execute` of one upstream GET",
            "return (await tools.notes.org.main.notes.get({id: 1})).data",
            f"fetch('{notes}/notes/1', {{headers: {{authorization: 'Bearer notes-token'}}}}).then(r => r.json()).then(console.log)",
        ),
    ]
    for name, code, baseline in rows:
        samples = [execute(roost, code, 50) for _ in range(options.rounds)]
        cpu, wall = medians(samples)
        yard = node_baseline(baseline, 10) if baseline else None
        yield (
            name,
            f"{cpu:.1f} ms CPU, {wall:.1f} ms wall",
            f"a fresh Node process: {yard:.1f} ms CPU" if yard else "–",
            f"{cpu / yard:.2f}" if yard else "–",
        )


class PythonServer:
    """The official Python SDK's server, for what a session costs elsewhere."""

    def __init__(self):
        port = free_port()
        self.url, self.key = f"http://127.0.0.1:{port}/mcp", "none"
        self.process = subprocess.Popen([sys.executable, str(HERE / "python_server.py"), str(port)])
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError("the Python server did not start")

    open_session = Roost.open_session

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def close(self):
        self.process.kill()
        self.process.wait()


def session_bytes(server, pid, count):
    for _ in range(200):
        server.open_session()
    before = resident_bytes(pid)
    for _ in range(count):
        server.open_session()
    return (resident_bytes(pid) - before) / count / 1024


def sessions(roost):
    mine = session_bytes(roost, roost.service("session-service"), 5000)
    python = PythonServer()
    try:
        theirs = session_bytes(python, python.process.pid, 500)
    finally:
        python.close()
    yield ("an idle session in the session-service", f"{mine:.1f} KiB", f"the Python SDK's server: {theirs:.1f} KiB", f"{mine / theirs:.2f}")


class Postgres:
    """A PostgreSQL server of its own, with Roost's schema and 10,000 policies of 10 organizations in it."""

    def __init__(self, build):
        self.folder = tempfile.mkdtemp(prefix="roost-bench-")
        command = [str(ROOT / "deploy/private-postgres"), "--fsync", "off"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        _, self.port, self.socket_folder, postmaster = self.process.stdout.readline().split()
        self.postmaster = int(postmaster)
        self.programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        keys = {"ROOST_VAULT_KEY_FILE": f"{self.folder}/vault.key", "ROOST_CHANNEL_KEY_FILE": f"{self.folder}/channel.key"}
        urls = {"ROOST_DATABASE_URL": self.url("roost_service"), "ROOST_DATABASE_OWNER_URL": self.url("roost")}
        subprocess.run([str(build / "roost"), "migrate"], env={**os.environ, **keys, **urls}, check=True, stdout=subprocess.DEVNULL)
        identifier = "'{}_00000000-0000-7000-8000-' || lpad(({})::text, 12, '0')"
        organization, policy = identifier.format("org", "n % 10"), identifier.format("pol", "n")
        self.administer(f"""
            INSERT INTO organizations SELECT {organization}, 'Bench', 'bench-' || n, 0 FROM generate_series(0, 9) n;
            INSERT INTO policies SELECT {organization}, {policy}, 'notes.*', 'block', 0 FROM generate_series(0, 9999) n;
            ANALYZE""")

    def url(self, user):
        return f"postgresql://{user}@/postgres?host={self.socket_folder}&port={self.port}"

    def command(self, program, *arguments):
        return [str(self.programs / program), "-h", self.socket_folder, "-p", self.port, "-U", "roost", *arguments, "postgres"]

    def administer(self, sql):
        subprocess.run(self.command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql), check=True)

    def cpu(self):
        """CPU seconds of the server's processes, the ended ones included."""
        return sum(cpu_seconds(pid) for pid in [self.postmaster, *descendants(self.postmaster)])

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)


def ask_by_driver(build, postgres, user, question, callers, seconds):
    """Statements per second of our driver, and microseconds of CPU for each: the client's and the server's."""
    command = [str(build / "library-bench"), "database", postgres.url(user), question, str(callers), str(seconds)]
    before = postgres.cpu()
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    count, elapsed, cpu, warm_up = (float(word) for word in text.split())
    return count / elapsed, cpu * 1e6 / count, (postgres.cpu() - before) * 1e6 / (count + warm_up)


def ask_by_pgbench(postgres, script, callers, seconds):
    """The same figures of pgbench."""
    threads = min(callers, os.cpu_count())
    options = ("-n", "-M", "prepared", "-f", script, "-c", str(callers), "-j", str(threads), "-T", str(seconds))
    before, server = os.times(), postgres.cpu()
    text = subprocess.run(postgres.command("pgbench", *options), capture_output=True, text=True, check=True).stdout
    after = os.times()
    count = int(re.search(r"transactions actually processed: (\d+)", text)[1])
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return float(re.search(r"^tps = ([\d.]+)", text, re.M)[1]), cpu * 1e6 / count, (postgres.cpu() - server) * 1e6 / count


def database(build, options):
    """Our PostgreSQL driver beside pgbench, and what the wall between organizations costs."""
    postgres = Postgres(build)
    try:
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write("\\set n random(1, 1000000)\nSELECT CAST(:n AS BIGINT) + 1;\n")
            script.flush()
            for callers in (1, 16, 64):
                yield beside(
                    f"a prepared statement on PostgreSQL, {callers} callers", options,
                    lambda: ask_by_driver(build, postgres, "roost_service", "statement", callers, options.seconds), "pgbench",
                    lambda: ask_by_pgbench(postgres, script.name, callers, options.seconds))
        yield beside(
            "the same statement for an organization, 64 callers", options,
            lambda: ask_by_driver(build, postgres, "roost_service", "scoped", 64, options.seconds), "for none",
            lambda: ask_by_driver(build, postgres, "roost_service", "statement", 64, options.seconds))
        yield beside(
            "a row by its key, under row-level security, 64 callers", options,
            lambda: ask_by_driver(build, postgres, "roost_service", "row", 64, options.seconds), "as a role that it does not bind",
            lambda: ask_by_driver(build, postgres, "roost", "row", 64, options.seconds))
    finally:
        postgres.close()


def beside(name, options, measure, other, measure_other):
    """A row of the table: medians of rounds that take turns. The ratio is that of the rates."""
    mine, theirs = [], []
    for _ in range(options.rounds):
        mine.append(measure())
        theirs.append(measure_other())
    mine, theirs = medians(mine), medians(theirs)
    shown = ["{:,.0f}/s, CPU {:.1f} µs and the server's {:.1f} µs".format(*row) for row in (mine, theirs)]
    return name, shown[0], f"{other}: {shown[1]}", f"{mine[0] / theirs[0]:.2f}×"


def library(build):
    """Figures of the libraries by themselves, from the program that measures them."""
    text = subprocess.run([str(build / "library-bench"), str(ROOT.parent / "shared" / "corpus")], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        yield tuple(line.split("\t"))


def search(build):
    """Searching among 100,000 tools on both databases, each beside its own full-text search."""
    folder = tempfile.mkdtemp(prefix="roost-bench-search-")
    server = subprocess.Popen(
        [str(ROOT / "deploy/private-postgres"), "--fsync", "off"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        _, port, socket_folder, _ = server.stdout.readline().split()
        url = f"host={socket_folder} port={port} user=roost dbname=postgres"
        bench = subprocess.Popen([str(build / "library-bench"), "search", folder, url], stdout=subprocess.PIPE, text=True)
        for line in bench.stdout:
            yield tuple(line.rstrip("\n").split("\t"))
        if bench.wait() != 0:
            raise RuntimeError("library-bench failed")
    finally:
        server.stdin.close()
        server.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    notes = subprocess.Popen([sys.executable, str(ROOT / "tests/apis/notes.py"), "--port", "0"], stdout=subprocess.PIPE, text=True)
    notes_url = notes.stdout.readline().strip().removeprefix("listening on ")
    environment = [("ROOST_EGRESS_ALLOW", notes_url.removeprefix("http://")), ("ROOST_SESSIONS_MAX_PER_ACCOUNT", "100000")]
    # One key asks as often as it can.
    environment += [(f"ROOST_GATEWAY_{holder}_RATE", "0") for holder in ("KEY", "ACCOUNT", "ORGANIZATION")]
    roost = Roost(options.build.resolve(), environment)
    try:
        groups = {
            "ping": lambda: hop(roost, "`ping`", "ping", options),
            "tier": lambda: tier.rows(roost, options),
            "tools": lambda: hop(roost, "`tools/list`", "tools/list", options),
            "execute": lambda: programs(roost, notes_url, options),
            "sessions": lambda: sessions(roost),
            "library": lambda: library(options.build.resolve()),
            "database": lambda: database(options.build.resolve(), options),
            "search": lambda: search(options.build.resolve()),
        }
        # It uses what stands above.
        import replicas
        groups |= replicas.groups(options)
        print("| what | measured | beside it | ratio |\n| --- | --- | --- | --- |", flush=True)
        for name, rows in groups.items():
            if any(part in name for part in options.only.split(",")):
                for row in rows():
                    print("| " + " | ".join(row) + " |", flush=True)
    finally:
        roost.close()
        notes.kill()
        notes.wait()


if __name__ == "__main__":
    main()
