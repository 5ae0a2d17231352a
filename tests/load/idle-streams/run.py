"""Opens many sessions with an idle stream each, and says what one costs the services in resident memory.

usage: run.py ROOST COUNT

ROOST is the `roost` executable whose services are to be measured, a release build as a rule. First come sessions without streams, so that
what they cost is not the streams'; then a stream for each, over a connection of its own.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "idle", "version": "1"}},
}


def request(method, key, body=b"", session=None):
    lines = [f"{method} /mcp HTTP/1.1", "Host: localhost", f"Authorization: Bearer {key}", f"Content-Length: {len(body)}"]
    lines += ["Accept: application/json, text/event-stream", "Content-Type: application/json"]
    if session:
        lines += [f"Mcp-Session-Id: {session}"]
    return "\r\n".join(lines + ["", ""]).encode() + body


async def head(reader):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) if i else ("", line) for i, line in enumerate(lines) if line)
    names = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines[1:] if line}
    return int(lines[0].split()[1]), {**fields, **names}


async def open_sessions(port, key, count):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body, sessions = json.dumps(INITIALIZE).encode(), []
    for _ in range(count):
        writer.write(request("POST", key, body))
        status, fields = await head(reader)
        await reader.readexactly(int(fields["content-length"]))
        assert status == 200, status
        sessions.append(fields["mcp-session-id"])
    writer.close()
    return sessions


async def listen(port, key, session):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("GET", key, session=session))
    status, _ = await head(reader)
    assert status == 200, status
    await reader.readuntil(b"data: \n\n")
    return reader, writer


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def services(supervisor):
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                name, rest = file.read().rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == supervisor:
            found[name.split("(", 1)[1]] = int(pid)
    return found


async def measure(port, key, pids, count):
    async def settled():
        await asyncio.sleep(5)
        return {name: resident(pid) for name, pid in pids.items()}

    # What the first ones cost for good is nobody's.
    warm = [await listen(port, key, session) for session in await open_sessions(port, key, 200)]
    start = await settled()
    sessions = await open_sessions(port, key, count)
    between = await settled()
    streams = []
    for first in range(0, count, 50):
        streams += await asyncio.gather(*(listen(port, key, session) for session in sessions[first : first + 50]))
    end = await settled()
    for name in pids:
        session, stream = (between[name] - start[name]) / count, (end[name] - between[name]) / count
        print(f"{name}: {session:.0f} bytes for each open session, {stream:.0f} more with an idle stream")
    for _, writer in warm + streams:
        writer.close()


def main(roost, count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "ROOST_PORT": "0",
            "ROOST_DATA_DIR": folder,
            "ROOST_SERVICE_EXIT_WITH_STANDARD_INPUT": "true",
            "ROOST_SESSIONS_MAX_PER_ACCOUNT": str(count + 1000),
            # One key asks as often as it can.
            "ROOST_GATEWAY_KEY_RATE": "0",
            "ROOST_GATEWAY_ACCOUNT_RATE": "0",
            "ROOST_GATEWAY_ORGANIZATION_RATE": "0",
        }
        process = subprocess.Popen(
            [roost, "dev"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        try:
            lines = {}
            while "Admin key" not in lines:
                line = process.stdout.readline()
                assert line, "roost dev ended"
                if ": " in line:
                    name, value = line.strip().split(": ", 1)
                    lines[name] = value
            port = int(lines["MCP URL"].rsplit(":", 1)[1].split("/")[0])
            asyncio.run(measure(port, lines["API key"], services(process.pid), count))
        finally:
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
