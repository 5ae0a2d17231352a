"""The session tier under many sessions at once, each with a connection: beside proxies that know nothing of sessions, and beside a server that
has them in one process."""

import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import bench

# Sessions, and as many connections.
COUNTS = (1, 8, 64, 512)
PING = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
HEADERS = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]


class HAProxy:
    """HAProxy in front of the second server of an nginx."""

    def __init__(self, nginx):
        self.nginx = nginx
        self.folder = tempfile.mkdtemp(prefix="roost-bench-haproxy-")
        front = bench.free_port()
        self.url = f"http://127.0.0.1:{front}/mcp"
        path = pathlib.Path(self.folder) / "haproxy.cfg"
        path.write_text(f"""
global
    nbthread 2
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend front
    bind 127.0.0.1:{front}
    default_backend back
backend back
    server back 127.0.0.1:{nginx.back}
""")
        self.process = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(path)])
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", front)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("HAProxy did not start")

    def cpu(self):
        """Its own and that of the server behind it; nobody asks the nginx before that meanwhile."""
        return bench.cpu_seconds(self.process.pid) + self.nginx.cpu()

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)


class Side:
    """Something to measure, with what its requests say."""

    def __init__(self, name, target, headers=(), sessions=()):
        self.name, self.target, self.headers, self.sessions = name, target, [*HEADERS, *headers], list(sessions)
        self.rows = []

    def measure(self, count, seconds):
        if self.sessions:
            while len(self.sessions) < count:
                self.sessions.append(self.target.open_session())
        # A server in one Python process takes more than a second until each of many connections has its first answer.
        seconds = max(seconds, 5) if isinstance(self.target, bench.PythonServer) and count > 64 else seconds
        self.rows.append(bench.measure(self.target, PING, self.headers, count, seconds, self.sessions[:count]))

    def take(self):
        """Medians of the rounds so far: CPU in ms, rate, p50 and p99 in ms."""
        rows, self.rows = self.rows, []
        return bench.medians(rows)


def rows(roost, options):
    session = roost.open_session()
    _, answer = bench.call(roost.url, roost.key, PING, headers=[("Mcp-Session-Id", session)])
    services = [roost.service("api-gateway"), roost.service("session-service")]
    nginx, python = bench.Nginx(answer), bench.PythonServer()
    haproxy = HAProxy(nginx)
    try:
        mine = Side("Roost", roost, [("Authorization", f"Bearer {roost.key}")], [session])
        others = [Side("nginx", nginx), Side("HAProxy", haproxy), Side("the Python SDK's server", python, sessions=[python.open_session()])]
        for count in COUNTS:
            if count == COUNTS[-1]:
                before = [bench.resident_bytes(pid) for pid in [*services, python.process.pid]]
            for _ in range(options.rounds):
                for side in [mine, *others]:
                    side.measure(count, options.seconds)
            cpu, rate, median, tail = mine.take()
            beside = {side.name: side.take() for side in others}
            yield (
                f"`ping`, {count} sessions" if count > 1 else "`ping`, 1 session",
                f"{cpu:.3f} ms CPU, {rate:,.0f}/s, p50 {median:.2f} ms, p99 {tail:.2f} ms",
                "; ".join(f"{name}: {row[0]:.3f} ms CPU, p99 {row[3]:.2f} ms" for name, row in beside.items()),
                f"{cpu / beside['nginx'][0]:.1f}",
            )
        after = [bench.resident_bytes(pid) for pid in [*services, python.process.pid]]
        gateway, service, theirs = ((late - early) / 1024 / (COUNTS[-1] - COUNTS[-2]) for early, late in zip(before, after))
        yield (
            f"memory of a session with a connection, from {COUNTS[-2]} to {COUNTS[-1]} under load",
            f"{gateway:.1f} KiB in the gateway, {service:.1f} KiB in the session-service",
            f"the Python SDK's server: {theirs:.1f} KiB",
            f"{(gateway + service) / theirs:.2f}",
        )
    finally:
        for process in (haproxy, nginx, python):
            process.close()
