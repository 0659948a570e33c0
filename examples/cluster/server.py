"""One process of the chat. Any number of them, on any machines, share one Redis.

    python -m examples.cluster.server --redis redis://127.0.0.1:6379 --port 8001

Prints where it listens once it is linked to the others. SIGINT and SIGTERM close its
visitors with 1001 and tell the others that they have left.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from functools import partial

from wsproto_core.frame_protocol import CloseReason

from .shared_chat import SharedChat, SharedVisitor


async def main(redis: str, host: str, port: int, unix: str, name: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    chat = SharedChat(name or f"{socket.gethostname()}/{unix or port or os.getpid()}")
    visitor = partial(SharedVisitor, chat)
    if unix:
        server: asyncio.Server = await loop.create_unix_server(visitor, unix)
        where = unix
    else:
        server = await loop.create_server(visitor, host, port)
        host, port = server.sockets[0].getsockname()[:2]
        where = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
    running = asyncio.create_task(chat.run(redis))
    waiting = [asyncio.create_task(event.wait()) for event in (stop, chat.ready)]
    await asyncio.wait([running, *waiting], return_when=asyncio.FIRST_COMPLETED)
    if chat.ready.is_set():
        print(where, flush=True)
    await asyncio.wait([running, waiting[0]], return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    server.close()
    known = {asyncio.current_task(), running, chat.reading, *waiting}
    if accepting := asyncio.all_tasks() - known:
        await asyncio.wait(accepting)  # the loop's own, for who came just now
    for who in list(chat.visitors.values()):
        who.close(CloseReason.GOING_AWAY, "the server stops")
    await asyncio.gather(*chat.visitors)
    await chat.stop(running)
    if not running.cancelled():
        running.result()  # a fault of the program is shown


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One process of the chat.")
    parser.add_argument("--redis", default=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001, help="0 picks a free one")
    parser.add_argument("--unix", default="", help="listen on a Unix socket of this path instead")
    parser.add_argument("--name", default="", help="of this process; no other may have it")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    try:
        asyncio.run(main(**vars(arguments)))
    except OSError as exc:
        sys.exit(f"cannot listen: {exc}")
