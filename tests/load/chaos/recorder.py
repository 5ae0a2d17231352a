"""The HTTP side of the official client, recorded: what was sent over which connection, and how each exchange ended.

The client itself is unmodified. It cannot tell its caller through which connection a request went or that a connection broke, and one of
its versions ends the whole session when one breaks before the answer began; so this transport, which is the HTTP library's own with a
notebook, answers such a request with a made-up status 599 itself.
"""

import asyncio
import contextvars
import json
import time

import httpx2
from mcp.client.streamable_http import StreamableHTTPTransport

# What is sent now is sent for this attempt; the client's tasks inherit it from whoever asks for something.
CURRENT = contextvars.ContextVar("attempt", default=None)

BROKEN = 599
# How long a client waits for an answer. Nothing may take so long; what does is given up, and counts.
GIVE_UP = 30.0
# A client that was told that its reconnection was not looked at asks again, this often at most.
MAX_RECONNECTIONS = 20

BROKEN_CONNECTION = (httpx2.TransportError, TimeoutError)


class Exchange:
    """One HTTP exchange of an attempt."""

    def __init__(self, method, is_resumption):
        self.method, self.is_resumption = method, is_resumption
        self.started = time.monotonic()
        self.ended = None
        self.status = None
        self.retry_after = None
        self.address = None
        self.broken = None
        self.has_event_id = False

    def end(self, broken=None):
        if self.ended is None:
            self.ended = time.monotonic()
            self.broken = None if broken is None else type(broken).__name__

    @property
    def is_told_unavailable(self):
        return self.status in (429, 503) and self.retry_after is not None


class RecordedStream(httpx2.AsyncByteStream):
    """The events of an answer as they come."""

    def __init__(self, stream, exchange, deadline):
        self.stream, self.exchange, self.deadline = stream, exchange, deadline

    async def __aiter__(self):
        line = b""
        pieces = self.stream.__aiter__()
        try:
            while True:
                async with asyncio.timeout_at(self.deadline):
                    piece = await anext(pieces)
                # Ids are all that is looked for; they are at the beginning of short lines.
                line = (line + piece)[-65536:]
                self.exchange.has_event_id = self.exchange.has_event_id or b"\nid:" in b"\n" + line
                line = line[line.rfind(b"\n") + 1 :]
                yield piece
        except StopAsyncIteration:
            self.exchange.end()
        except BROKEN_CONNECTION as error:
            self.exchange.end(error)
            raise httpx2.ReadError(str(error)) from error
        finally:
            self.exchange.end()

    async def aclose(self):
        self.exchange.end()
        await self.stream.aclose()


class Recorder(httpx2.AsyncBaseTransport):
    """One session's connections: one for its messages, which go one after the other, and others for the streams that it opens."""

    def __init__(self):
        self.messages = httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_connections=1, keepalive_expiry=60))
        self.streams = httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_connections=4, keepalive_expiry=60))
        self.address = None

    async def handle_async_request(self, request):
        attempt = CURRENT.get()
        is_resumption = "last-event-id" in request.headers
        if request.method == "GET" and not is_resumption:
            # The session's own stream is no call's; when it cannot be had, the client does without.
            return await self.streams.handle_async_request(request)
        exchange = Exchange(request.method, is_resumption)
        if attempt is not None:
            attempt.exchanges.append(exchange)
        deadline = asyncio.get_running_loop().time() + GIVE_UP
        transport = self.streams if is_resumption else self.messages
        if not is_resumption:
            request.extensions["trace"] = self._trace
        try:
            async with asyncio.timeout_at(deadline):
                response = await transport.handle_async_request(request)
                exchange.status = response.status_code
                exchange.retry_after = response.headers.get("retry-after")
                exchange.address = self._address(response)
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    content = b"".join([piece async for piece in response.stream])
                    await response.stream.aclose()
                    exchange.end()
                    return httpx2.Response(response.status_code, headers=response.headers, content=content)
        except BROKEN_CONNECTION as error:
            exchange.address = exchange.address or (None if is_resumption else self.address)
            exchange.end(error)
            body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": "the connection broke", "data": {"code": "broken"}}}
            return httpx2.Response(BROKEN, headers={"content-type": "application/json"}, content=json.dumps(body).encode())
        # As an answer of the HTTP library's own, whose stream says when it ends.
        return httpx2.Response(
            response.status_code, headers=response.headers, stream=RecordedStream(response.stream, exchange, deadline),
            extensions=response.extensions)

    async def _trace(self, event, information):
        if event == "connection.connect_tcp.started":
            self.address = None
        elif event == "connection.connect_tcp.complete":
            self.address = self._name(information["return_value"])

    def _address(self, response):
        stream = response.extensions.get("network_stream")
        return self.address if stream is None else self._name(stream)

    @staticmethod
    def _name(stream):
        found = stream.get_extra_info("client_addr") if stream is not None else None
        return f"{found[0]}:{found[1]}" if found else None

    async def aclose(self):
        await self.messages.aclose()
        await self.streams.aclose()


def reconnect_once():
    """Has the client reconnect once, not twice, for each stream that broke; what was told not to have been looked at does not count."""
    original = StreamableHTTPTransport._handle_reconnection

    async def handle(self, context, last_event_id, retry=None, attempt=0):
        current = CURRENT.get()
        made = [exchange for exchange in current.exchanges if exchange.is_resumption] if current is not None else []
        # One that was answered and broke later is another broken connection.
        is_free = attempt == 0 or made and (made[-1].is_told_unavailable or made[-1].status == 200)
        # Of the two attempts that the client has in a row this is the last one, or there is none left.
        await original(self, context, last_event_id, retry, 1 if is_free and len(made) < MAX_RECONNECTIONS else 2)

    StreamableHTTPTransport._handle_reconnection = handle
