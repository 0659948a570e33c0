"""A client on websockets, for the conformance kit: ``python -m tests.peers.websockets_client URL``.

It goes through the cases that the kit serves at URL, as a client of Autobahn's fuzzing server
does: asks for their number, connects once for each and sends every message back, and asks for
the report in the end. It has the defaults of ``websockets.asyncio``, but no heartbeat.
"""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

AGENT = "websockets"


async def visit(url: str, *, echo: bool) -> str | bytes:
    """The connection's last message, once it is closed; "" for none."""
    last: str | bytes = ""
    try:
        async with connect(url, ping_interval=None, proxy=None) as connection:
            async for message in connection:
                last = message
                if echo:
                    await connection.send(message)
    except (WebSocketException, EOFError, OSError):
        pass  # A case may well make a client give up.
    return last


async def main(base: str) -> None:
    """Go through all cases."""
    count = int(await visit(f"{base}/getCaseCount", echo=False))
    for number in range(1, count + 1):
        await visit(f"{base}/runCase?case={number}&agent={AGENT}", echo=True)
    await visit(f"{base}/updateReports?agent={AGENT}", echo=False)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1].rstrip("/")))
