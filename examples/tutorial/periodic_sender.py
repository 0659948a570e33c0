"""Sends a message every so often, while it prints what comes.

    python -m examples.tutorial.periodic_sender [URL] [--interval 5] [--text "tick"]

The messages are numbered. Their times are counted from the first one, so that they do not
drift; one for which there was no room in time is sent late, and those after it are on time again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count

from examples.transports.conversation import ConnectionClosed
from examples.transports.on_asyncio import connect
from examples.transports.websocket import WebSocket

from .running import client_options, close_when_stopped, run


async def send_periodically(ws: WebSocket, text: str, interval: float) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    with suppress(ConnectionClosed):
        for number in count():
            await asyncio.sleep(began + number * interval - loop.time())
            await ws.send(f"{text} {number}")


async def main(url: str, text: str, interval: float) -> None:
    async with connect(url) as ws:
        close_when_stopped(ws)
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(send_periodically(ws, text, interval))
            async for message in ws:
                print(message, flush=True)
            sending.cancel()


if __name__ == "__main__":
    parser = client_options(__doc__)
    parser.add_argument("--interval", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--text", default="tick")
    arguments = parser.parse_args()
    run(main(arguments.url, arguments.text, arguments.interval))
