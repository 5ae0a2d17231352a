"""The official Python SDK's MCP server, to measure Roost's sessions beside.

usage: python_server.py PORT
"""

import logging
import sys

import uvicorn
from mcp.server.mcpserver import MCPServer

server = MCPServer("beside")


@server.tool()
def execute(code: str) -> str:
    """Answers the code."""
    return code


if __name__ == "__main__":
    logging.disable(logging.INFO)
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
