"""A client on aiohttp, for the conformance kit: ``python -m tests.peers.aiohttp_client URL``.

It goes through the cases that the kit serves at URL, as a client of Autobahn's fuzzing server
does: asks for their number, connects once for each and sends every message back, and asks for
the report in the end. permessage-deflate is offered, which aiohttp has for those who ask for it.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import ClientError, ClientSession, WSMsgType

AGENT = "aiohttp"


async def visit(session: ClientSession, url: str, *, echo: bool) -> str:
    """The connection's last text, once it is closed; "" for none."""
    last = ""
    try:
        async with session.ws_connect(url, compress=15) as websocket:
            async for message in websocket:
                if message.type is WSMsgType.TEXT:
                    last = message.data
                    if echo:
                        await websocket.send_str(message.data)
                elif message.type is WSMsgType.BINARY and echo:
                    await websocket.send_bytes(message.data)
    except (ClientError, OSError):
        pass  # A case may well make a client give up.
    return last


async def main(base: str) -> None:
    """Go through all cases."""
    async with ClientSession() as session:
        count = int(await visit(session, f"{base}/getCaseCount", echo=False))
        for number in range(1, count + 1):
            await visit(session, f"{base}/runCase?case={number}&agent={AGENT}", echo=True)
        await visit(session, f"{base}/updateReports?agent={AGENT}", echo=False)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1].rstrip("/")))
