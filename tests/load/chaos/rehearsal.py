"""Shows that clients.py records what it must: the official client against a server on loopback that does to it what faults do.

Runs before every storm, and by itself with the Python of .venv: `.venv/bin/python tests/load/chaos/rehearsal.py`.
"""

import asyncio
import json
import random
import time

import httpx2

import clients
import recorder
import work
from balancer import Connection
from verdict import Fate, Gateways, Judge, Seen, Tally

OK = "200 OK"
UNAVAILABLE = "503 Service Unavailable"
STREAM = "Content-Type: text/event-stream\r\n"
JSON = "Content-Type: application/json\r\n"

INTERRUPTED = {"code": "execution_interrupted", "message": "The process went away.", "retryable": False}


class Server:
    """Answers like Roost, and does with calls of `execute` what the play of the moment says, one step a request."""

    def __init__(self):
        self.play, self.requests, self.seen, self.id = [], (), [], None
        # The addresses that connections came from.
        self.addresses = set()

    async def serve(self, reader, writer):
        self.addresses.add("{}:{}".format(*writer.get_extra_info("peername")))
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])}
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                if await self._answer(head.split(" ")[0], json.loads(body or b"{}"), fields, writer):
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, method, message, fields, writer):
        """True when the connection is to be cut."""
        kind = message.get("method", "")
        if kind == "initialize":
            capabilities = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}
            return self._send(writer, OK, self._result(message["id"], capabilities), JSON + "Mcp-Session-Id: one\r\n")
        if kind.startswith("notifications/"):
            return self._send(writer, "202 Accepted", b"")
        if kind == "tools/list":
            tools = [{"name": "execute", "inputSchema": {"type": "object"}}]
            return self._send(writer, OK, self._result(message["id"], {"tools": tools}), JSON)
        if method == "GET" and "last-event-id" not in fields:
            return self._send(writer, "405 Method Not Allowed", b"")
        if method == "DELETE":
            return self._send(writer, OK, b"")
        if method == "POST":
            self.id = message["id"]
        elif fields["last-event-id"] != "event-1":
            raise AssertionError(f"the client came back with {fields['last-event-id']}")
        return await self.play.pop(0)(self, writer)

    @staticmethod
    def _result(id, result):
        return json.dumps({"jsonrpc": "2.0", "id": id, "result": result}).encode()

    @staticmethod
    def _send(writer, status, body, fields=""):
        writer.write(f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    # MARK: What a play is made of

    def right(self):
        self.seen += [Seen(request.id, 0.0, "", time.monotonic()) for request in self.requests]
        structured = {"result": work.expected(self.requests)}
        return self._result(self.id, {"content": [], "structuredContent": structured, "isError": False})

    async def answers(self, writer):
        return self._send(writer, OK, self.right(), JSON)

    async def answers_wrongly(self, writer):
        self.right()
        wrong = {"content": [], "structuredContent": {"result": {"answers": []}}, "isError": False}
        return self._send(writer, OK, self._result(self.id, wrong), JSON)

    async def streams(self, writer):
        writer.write(f"HTTP/1.1 {OK}\r\n{STREAM}Connection: close\r\n\r\n".encode())
        writer.write(b": still there\n\nid: event-2\ndata: " + self.right() + b"\n\n")
        return True

    async def cuts(self, writer):
        return True

    async def begins_and_cuts(self, writer):
        writer.write(f"HTTP/1.1 {OK}\r\n{STREAM}Transfer-Encoding: chunked\r\n\r\n".encode())
        event = b"id: event-1\nretry: 20\ndata:\n\n"
        writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await writer.drain()
        return True

    async def begins_without_id_and_cuts(self, writer):
        writer.write(f"HTTP/1.1 {OK}\r\n{STREAM}Transfer-Encoding: chunked\r\n\r\n".encode() + b"3\r\n:\n\n\r\n")
        await writer.drain()
        return True

    async def is_unavailable(self, writer):
        text = json.dumps({"jsonrpc": "2.0", "id": self.id, "error": {"code": -32603, "message": "", "data": {"code": "unavailable"}}})
        return self._send(writer, UNAVAILABLE, text.encode(), JSON + "Retry-After: 0\r\n")

    async def lies_that_it_was_not_sent(self, writer):
        self.right()
        return await self.is_unavailable(writer)

    async def knows_no_session(self, writer):
        return self._send(writer, "404 Not Found", b"")

    async def knows_nothing(self, writer):
        return self._send(writer, OK, b"", STREAM + "Connection: close\r\n")

    async def interrupts(self, writer):
        result = {"content": [], "structuredContent": {"error": INTERRUPTED}, "isError": True}
        return self._send(writer, OK, self._result(self.id, result), JSON)

    async def says_that_the_last_was_not_made(self, writer):
        self.right()
        self.seen.pop()
        failed = {"code": "policies_unavailable", "message": "The call was not made.", "retryable": True, "at": len(self.requests) - 1}
        result = {"content": [], "structuredContent": {"result": {"failed": failed}}, "isError": False}
        return self._send(writer, OK, self._result(self.id, result), JSON)

    async def lies_that_the_last_was_not_made(self, writer):
        done = await self.says_that_the_last_was_not_made(writer)
        self.seen.append(Seen(self.requests[-1].id, 0.0, "", time.monotonic()))
        return done

    async def hangs(self, writer):
        await asyncio.sleep(2 * recorder.GIVE_UP)
        return True


# What the server does with one call and what comes after it; what the judge has to say, while a gateway was struck and while it lived.
PLAYS = [
    ([Server.answers], Fate.OK, Fate.OK),
    ([Server.streams], Fate.OK, Fate.OK),
    ([Server.answers_wrongly], Fate.WRONG, Fate.WRONG),
    ([Server.interrupts], Fate.INTERRUPTED, Fate.INTERRUPTED),
    ([Server.is_unavailable, Server.is_unavailable, Server.answers], Fate.OK, Fate.OK),
    ([Server.cuts], Fate.INTERRUPTED, Fate.LOST),
    ([Server.hangs], Fate.INTERRUPTED, Fate.LOST),
    ([Server.begins_without_id_and_cuts], Fate.INTERRUPTED, Fate.LOST),
    ([Server.begins_and_cuts, Server.streams], Fate.OK, Fate.OK),
    ([Server.begins_and_cuts, Server.begins_and_cuts, Server.streams], Fate.OK, Fate.OK),
    ([Server.begins_and_cuts, Server.is_unavailable, Server.is_unavailable, Server.streams], Fate.OK, Fate.OK),
    # Once, not twice.
    ([Server.begins_and_cuts, Server.cuts], Fate.INTERRUPTED, Fate.LOST),
    ([Server.begins_and_cuts, Server.knows_no_session], Fate.LOST, Fate.LOST),
    ([Server.begins_and_cuts, *[Server.knows_nothing] * recorder.MAX_RECONNECTIONS], Fate.LOST, Fate.LOST),
    ([Server.knows_no_session], Fate.LOST, Fate.LOST),
    ([Server.lies_that_it_was_not_sent, Server.answers], (Fate.OK, Fate.WRONG), (Fate.OK, Fate.WRONG)),
    ([Server.says_that_the_last_was_not_made], Fate.INTERRUPTED, Fate.INTERRUPTED),
    ([Server.lies_that_the_last_was_not_made], Fate.WRONG, Fate.WRONG),
]


async def perform(server, url, number):
    """Has the client make one call, and gives what it recorded."""
    play, _, _ = PLAYS[number]
    session = clients.Session({"name": "rehearsal", "seed": 1, "url": url, "key": "k", "pause": 0}, number)
    told = []
    clients.tell = told.append
    server.requests = work.make_requests(random.Random(number), f"play-{number}")
    async with httpx2.AsyncClient(transport=recorder.Recorder(), timeout=httpx2.Timeout(None, connect=10)) as http:
        client = await session._open(http, asyncio.Event())
        server.play = list(play)
        arguments = {"code": work.program(server.requests)}
        await session._repeat("execute", server.requests, lambda _: client.call_tool("execute", arguments))
        await client.__aexit__(None, None, None)
    if server.play:
        raise AssertionError(f"play {number}: the client did not do what it should: {len(server.play)} steps are left")
    return [(message["attempt"], message["is_repeated"]) for message in told if "attempt" in message]


def judge(attempts, server, is_struck, is_finished):
    gateways = Gateways(("g1",))
    if is_struck:
        gateways.strike("g1", "kill-gateway", 0.0)
    tally = Tally()

    def connection(address, since, until):
        return Connection("g1", "SD", until) if address in server.addresses else None

    tally.judge(Judge(gateways, connection, lambda _: is_finished), attempts, server.seen)
    if bool(tally.duplicated) != len({request.id for request in server.seen}) < len(server.seen):
        raise AssertionError(f"{tally.duplicated} are said to be duplicated")
    return [fate for fate in Fate if tally[fate] and fate is not Fate.REPEATED]


async def rehearse():
    recorder.reconnect_once()
    recorder.GIVE_UP = 0.5
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = "http://127.0.0.1:{}/mcp".format(listening.sockets[0].getsockname()[1])
    for number, (play, when_struck, when_alive) in enumerate(PLAYS):
        server.seen = []
        attempts = await perform(server, url, number)
        is_finished = Server.knows_nothing in play
        if (len(server.seen) > len(server.requests)) != (Server.lies_that_it_was_not_sent in play):
            raise AssertionError(f"play {number}: the server saw {len(server.seen)} requests")
        for is_struck, want in ((True, when_struck), (False, when_alive)):
            got = judge(attempts, server, is_struck, is_finished)
            if got != (list(want) if isinstance(want, tuple) else [want]):
                steps = " ".join(step.__name__ for step in play)
                made = json.dumps(attempts)[:2000]
                raise AssertionError(f"play {number} ({steps}), struck {is_struck}: judged {got}, not {want}: {made}")
    listening.close()


def main():
    asyncio.run(rehearse())


if __name__ == "__main__":
    main()
    print("the clients record everything that they must")
