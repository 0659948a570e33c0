"""An echo server on picows, for the conformance kit: ``python -m tests.peers.picows_server``.

It prints its URL and serves until it is ended. picows' core hands out frames, and leaves
messages, UTF-8 and extensions to its user; ``picows.websockets``, which comes with it, has all
three, and is what is used here, with its defaults (permessage-deflate, 1 MiB) but no heartbeat.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress

from picows.websockets.asyncio.server import ServerConnection, serve
from picows.websockets.exceptions import ConnectionClosed


async def echo(connection: ServerConnection) -> None:
    """Send every message back."""
    with suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


async def main(subprotocols: list[str]) -> None:
    """Serve on any free port."""
    logging.disable()
    async with serve(
        echo, "127.0.0.1", 0, subprotocols=subprotocols or None, ping_interval=None
    ) as server:
        host, port = server.sockets[0].getsockname()[:2]
        print(f"ws://{host}:{port}/", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1:]))
