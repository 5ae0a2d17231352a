"""Connects the official MCP client in its default mode, and prints what happened as one JSON object.

usage: run_program.py URL KEY PROGRAM [PROGRAM...]

A PROGRAM is a path, or a program text; each is sent to the tool `execute` in the same session.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main(url, key, programs):
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60)
    async with http, Client(streamable_http_client(url, http_client=http)) as client:
        tools = (await client.list_tools()).tools
        results = []
        for program in programs:
            code = open(program, encoding="utf-8").read() if os.path.exists(program) else program
            result = await client.call_tool("execute", {"code": code})
            results.append(
                {
                    "isError": bool(result.is_error),
                    "text": "\n".join(block.text for block in result.content if block.type == "text"),
                    "structured": result.structured_content,
                }
            )
        return {
            "protocolVersion": client.protocol_version,
            "server": client.server_info.name if client.server_info else None,
            "tools": [tool.name for tool in tools],
            "results": results,
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:])), indent=2))
