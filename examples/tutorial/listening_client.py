"""Prints all that a server sends, until the end, and how it ended.

    python -m examples.tutorial.listening_client [URL]

It exits with 0 if the connection was closed cleanly, with 1 if it was lost.
"""

from __future__ import annotations

import sys

from examples.transports.on_asyncio import connect

from .running import client_options, close_when_stopped, run


async def main(url: str) -> None:
    async with connect(url) as ws:
        close_when_stopped(ws)
        async for message in ws:
            print(message if isinstance(message, str) else f"{len(message)} bytes", flush=True)
    assert ws.end is not None
    print(f"* {ws.end.cause.value}: {ws.end.code} {ws.end.reason}".rstrip(), flush=True)
    if not ws.end.clean:
        sys.exit(1)


if __name__ == "__main__":
    run(main(client_options(__doc__).parse_args().url))
