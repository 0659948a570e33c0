"""Sends each message back to where it came from.

    python -m examples.tutorial.echo_server [--host 127.0.0.1] [--port 8765]

Whoever does not read its echoes is not read from either: ``send()`` waits for room. Stopped by
Ctrl-C or SIGTERM, it closes all connections with 1001.
"""

from __future__ import annotations

from examples.transports.on_asyncio import serve
from examples.transports.websocket import WebSocket

from .running import forever, run, server_options


async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


async def main(host: str, port: int) -> None:
    async with serve(echo, host, port) as server:
        print(f"ws://{host}:{server.port}/", flush=True)
        await forever()


if __name__ == "__main__":
    arguments = server_options(__doc__).parse_args()
    run(main(arguments.host, arguments.port))
