"""Sessions of the official client at work: one process with several of them.

usage: clients.py OPTIONS (one JSON object: url, key, name, sessions, pause, seed)

Each session goes on for the whole run, one call after the other. What came of each attempt at a call is one line of JSON on standard
output; verdict.py judges it. What was told not to have been sent is sent again, with the same request ids, until it is done. When standard
input says `stop`, each session makes a last call and is closed. The process ends with its standard input.
"""

import asyncio
import hashlib
import json
import os
import random
import sys
import time

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

import work
from recorder import CURRENT, Recorder, reconnect_once

# How long something that was told not to have been sent is repeated.
REPEAT_FOR = 60.0
# Over how many seconds the sessions are opened.
START_OVER = 8.0


class Attempt:
    """One call as it was sent once."""

    def __init__(self, session, call, kind, requests=()):
        self.session, self.call, self.kind, self.requests = session, call, kind, requests
        self.exchanges = []
        self.sent = time.monotonic()
        self.ended = None
        # Whether the answer is the one that the request makes; None while there is none.
        self.is_right = None
        self.got = None
        # What a failed answer says: a code and more.
        self.error = None

    def record(self):
        return {
            "session": self.session, "call": self.call, "kind": self.kind, "sent": self.sent, "ended": self.ended,
            "is_right": self.is_right, "got": self.got, "error": self.error,
            "code_hash": hashlib.sha256(work.program(self.requests).encode()).hexdigest() if self.requests else None,
            "requests": [{"id": request.id, "is_write": request.is_write} for request in self.requests],
            "exchanges": [exchange.__dict__ for exchange in self.exchanges]}

    @property
    def is_told_unavailable(self):
        """Whether the answer says that nothing was sent: by its status, or in a stream, which has its status before anything is known."""
        last = self.exchanges[-1] if self.exchanges else None
        if self.is_right is not None or last is None or last.is_resumption:
            return False
        return last.is_told_unavailable or (last.status == 200 and (self.error or {}).get("code") == "unavailable")

    @property
    def is_lost_session(self):
        return any(exchange.status == 404 for exchange in self.exchanges)


def judge_result(attempt, result):
    """Sets an answer to a program beside what it must be."""
    structured = result.structured_content or {}
    error = structured.get("error") if result.is_error else (structured.get("result") or {}).get("failed")
    text = "\n".join(block.text for block in result.content if block.type == "text")
    if error is not None:
        attempt.error = {**error, "is_of_tool": not result.is_error}
        return
    if result.is_error:
        attempt.error = {"code": None, "message": text[:500]}
        return
    attempt.is_right = structured.get("result") == work.expected(attempt.requests)
    attempt.got = None if attempt.is_right else json.dumps(structured)[:500] + text[:200]


class Session:
    def __init__(self, options, number):
        self.options, self.name = options, f"{options['name']}-{number}"
        self.random = random.Random(f"{options['seed']} {self.name}")
        self.calls = 0
        self.opened = 0

    async def work(self, stopping):
        await asyncio.sleep(self.random.uniform(0, START_OVER))
        while not stopping.is_set():
            try:
                await self._live(stopping)
            except Exception as error:
                # Of the client's own, beyond what it tells as the end of a call; the run shows it, and the session's calls are opened anew.
                tell({"note": f"{self.name}: the client itself failed: {flatten(error)}"})
                await asyncio.sleep(1)

    async def _live(self, stopping):
        """One session from its opening to its end, which is the end of the run, or its loss."""
        async with httpx2.AsyncClient(
            transport=Recorder(), headers={"Authorization": f"Bearer {self.options['key']}"}, timeout=httpx2.Timeout(None, connect=10)
        ) as http:
            client = await self._open(http, stopping)
            if client is None:
                return
            try:
                tell({"opened": self.name, "first": self.opened == 1})
                is_alive = True
                while is_alive and not stopping.is_set():
                    is_alive = await self._call(client)
                    await wait(stopping, self.random.uniform(0.2, 1.8) * self.options["pause"])
                if is_alive:
                    await self._repeat("ping", (), lambda _: client.send_ping())
            finally:
                await client.__aexit__(None, None, None)

    async def _open(self, http, stopping):
        """The client with its session; what opening takes is no call of the accounting."""
        while not stopping.is_set():
            attempt = Attempt(self.name, "open", "open")
            CURRENT.set(attempt)
            client = Client(streamable_http_client(self.options["url"], http_client=http), mode="legacy")
            try:
                await client.__aenter__()
                # Otherwise it would ask in the middle of the first call, whose answers it holds against their schema.
                await client.list_tools()
                self.opened += 1
                return client
            except Exception as error:
                tell({"note": f"{self.name}: not opened: {flatten(error)} {[exchange.status for exchange in attempt.exchanges]}"})
                await asyncio.sleep(1)
        return None

    async def _call(self, client):
        """One call, whatever it is; False when the session is lost."""
        lot = self.random.random()
        if lot < 0.2:
            return await self._repeat("ping", (), lambda _: client.send_ping())
        if lot < 0.3:
            return await self._repeat("list", (), lambda _: client.list_tools())
        requests = work.make_requests(self.random, f"{self.name}-{self.calls}")
        arguments = {"code": work.program(requests)}
        # Half of them ask to be told how it goes.
        listener = self._on_progress if self.random.random() < 0.5 else None
        return await self._repeat("execute", requests, lambda _: client.call_tool("execute", arguments, progress_callback=listener))

    async def _on_progress(self, progress, total, message):
        pass

    async def _repeat(self, kind, requests, send):
        call = f"{self.name}-{self.calls}"
        self.calls += 1
        end = time.monotonic() + REPEAT_FOR
        while True:
            attempt = Attempt(self.name, call, kind, requests)
            CURRENT.set(attempt)
            await self._attempt(attempt, send)
            is_again = attempt.is_told_unavailable and time.monotonic() < end
            tell({"attempt": attempt.record(), "is_repeated": is_again})
            if not is_again:
                return not attempt.is_lost_session
            await asyncio.sleep(min(float(attempt.exchanges[-1].retry_after or 1), 5))

    async def _attempt(self, attempt, send):
        try:
            result = await send(attempt)
            if attempt.kind == "execute":
                judge_result(attempt, result)
            elif attempt.kind == "list":
                names = [tool.name for tool in result.tools]
                attempt.is_right = names == ["execute"]
                attempt.got = None if attempt.is_right else str(names)
            else:
                attempt.is_right = True
        except MCPError as error:
            data = error.data if isinstance(error.data, dict) else {}
            attempt.error = {"message": error.message[:500], "rpc": error.code, "code": None, **data}
        except Exception as error:
            attempt.error = {"code": None, "message": flatten(error)[:500]}
        finally:
            attempt.ended = time.monotonic()


def flatten(error):
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(flatten(inner) for inner in error.exceptions)
    return f"{type(error).__name__}: {error}"


def tell(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def wait(event, seconds):
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        pass


async def main(options):
    reconnect_once()
    stopping = asyncio.Event()
    sessions = [Session(options, number) for number in range(options["sessions"])]

    async def listen():
        loop = asyncio.get_running_loop()
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            os._exit(1)
        stopping.set()

    async with asyncio.TaskGroup() as group:
        listener = group.create_task(listen())
        for session in sessions:
            group.create_task(session.work(stopping))
        await listener
    tell({"done": options["name"]})


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
