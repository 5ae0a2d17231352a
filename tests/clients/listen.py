"""Connects the official MCP client in its era with sessions, and says which notifications come of their own accord.

usage: listen.py URL KEY

Prints `listening` once the tools are listed, then a line `list_changed N` for each change of them with how many there are in the
description now, until its input ends.
"""

import asyncio
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main(url, key):
    changes = asyncio.Queue()

    async def handle(message):
        if getattr(message, "method", None) == "notifications/tools/list_changed":
            changes.put_nowait(message)

    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=httpx2.Timeout(30, read=300))
    transport = streamable_http_client(url, http_client=http)
    async with http, Client(transport, mode="legacy", message_handler=handle) as client:
        await client.list_tools()
        print("listening", flush=True)

        async def report():
            while True:
                await changes.get()
                tools = (await client.list_tools()).tools
                count = sum(tool.description.count("\n- ") for tool in tools)
                print(f"list_changed {count}", flush=True)

        reporting = asyncio.create_task(report())
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        reporting.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
