"""What the tutorial's programs share: their options, and how they are asked to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from examples.transports.conversation import ConnectionClosed
from examples.transports.websocket import WebSocket
from wsproto_core.frame_protocol import CloseReason


def server_options(doc: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 picks a free one")
    return parser


def client_options(doc: str | None, url: str = "ws://127.0.0.1:8765/") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("url", nargs="?", default=url)
    return parser


def run(program: Coroutine[Any, Any, None]) -> None:
    """Run a program to its end, or until Ctrl-C or SIGTERM, which cancels it.

    That there is no connection, or no port to listen on, is said in a line.
    """

    async def stoppable() -> None:
        task = asyncio.current_task()
        assert task is not None
        when_stopped(task.cancel)
        with suppress(asyncio.CancelledError):
            await program

    try:
        asyncio.run(stoppable())
    except (OSError, ConnectionClosed) as exc:
        sys.exit(f"{type(exc).__name__}: {exc}")


def when_stopped(what: Callable[[], object]) -> None:
    """Have Ctrl-C and SIGTERM do this, within the event loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(what))


def close_when_stopped(ws: WebSocket) -> None:
    """Have them close a client's connection, in good order: what it waits for then ends."""
    when_stopped(lambda: ws.start_closing(CloseReason.GOING_AWAY))


async def forever() -> None:
    """Wait until the program is asked to stop."""
    await asyncio.Event().wait()
