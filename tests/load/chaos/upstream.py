"""The counting upstream: an HTTP API that writes down every request that it sees and computes the answer from it.

usage: upstream.py ADDRESS PORT FILE

Each request becomes one line of FILE before it is answered: its id, when it came (seconds of the machine's clock), from which address, and
when it came by the machine's monotonic clock. It ends with its standard input.
"""

import asyncio
import json
import os
import sys
import time
from urllib.parse import parse_qs, urlsplit

from work import DOCUMENT, answer

MAX_HEADER_BYTES = 64 << 10
MAX_BODY_BYTES = 64 << 10


class Upstream:
    def __init__(self, path):
        # Line by line, in the hands of the kernel before the answer goes out.
        self.file = open(path, "a", buffering=1, encoding="utf-8")

    async def serve(self, reader, writer):
        peer = writer.get_extra_info("peername")[0]
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ", 2)
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                length = int(fields.get("content-length", 0))
                if length > MAX_BODY_BYTES:
                    return
                body = await reader.readexactly(length)
                status, answered = await self.answer(method, target, body, peer)
                text = json.dumps(answered).encode()
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    async def answer(self, method, target, body, peer):
        came = time.time()
        address = urlsplit(target)
        if (method, address.path) == ("GET", "/openapi.json"):
            return 200, DOCUMENT
        if address.path != "/value" or method not in ("GET", "POST"):
            return 404, {"error": "there is nothing here"}
        fields = json.loads(body) if method == "POST" else {name: values[0] for name, values in parse_qs(address.query).items()}
        request, number = str(fields["request"]), int(fields["number"])
        self.file.write(json.dumps([request, came, peer, time.monotonic()]) + "\n")
        await asyncio.sleep(int(fields["delay"]) / 1000)
        return 200, {"answer": answer(request, number)}


async def main(address, port, path):
    upstream = Upstream(path)
    server = await asyncio.start_server(upstream.serve, address, int(port), limit=MAX_HEADER_BYTES, backlog=512)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    # Handlers that sleep are nobody's concern any more.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
