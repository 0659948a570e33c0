"""Pings a server every few seconds, prints how long each pong took, and notices one that is dead.

    python -m examples.tutorial.ping_heartbeat [URL] [--interval 5] [--timeout 5]

A session does so by itself, which is what programs should rely on (``ping_interval``,
``ping_timeout``); here that is switched off, to show how to do it by hand. It exits with 1 if a
pong does not come in time.
"""

from __future__ import annotations

import asyncio
import sys

from examples.transports.conversation import ConnectionClosed
from examples.transports.on_asyncio import connect
from examples.transports.websocket import WebSocket
from wsproto_core import SessionConfig

from .running import client_options, close_when_stopped, run

BY_HAND = SessionConfig(ping_interval=None)


async def beat(ws: WebSocket, interval: float, timeout: float) -> None:
    while True:
        try:
            async with asyncio.timeout(timeout):
                latency = await ws.ping()
        except TimeoutError:
            print(f"no pong within {timeout:g} s", flush=True)
            ws.abort()  # there is nobody to say goodbye to
            return
        except ConnectionClosed:
            return
        print(f"pong after {latency * 1000:.2f} ms", flush=True)
        await asyncio.sleep(interval)


async def main(url: str, interval: float, timeout: float) -> None:
    async with connect(url, config=BY_HAND) as ws:
        close_when_stopped(ws)
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(beat(ws, interval, timeout))
            async for _ in ws:  # so that what it says is not left waiting, and pongs behind it
                pass
            beating.cancel()
    assert ws.end is not None
    print(f"* {ws.end.cause.value}: {ws.end.code}", flush=True)
    if not ws.end.clean:
        sys.exit(1)


if __name__ == "__main__":
    parser = client_options(__doc__)
    parser.add_argument("--interval", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS")
    arguments = parser.parse_args()
    run(main(arguments.url, arguments.interval, arguments.timeout))
