"""An echo server on tornado, for the conformance kit: ``python -m tests.peers.tornado_server``.

It prints its URL and serves until it is ended. It has tornado's defaults, and
permessage-deflate, which tornado has for applications that ask for it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler


class Echo(WebSocketHandler):
    """Sends every message back."""

    supported: list[str] = []

    def get_compression_options(self) -> dict[str, Any]:
        """Not None: permessage-deflate is on, with its defaults."""
        return {}

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The first of the server's that the client offers."""
        return next((name for name in self.supported if name in subprotocols), None)

    def check_origin(self, origin: str) -> bool:
        """Any: this is no application with secrets."""
        return True

    def on_message(self, message: str | bytes) -> None:
        """Send it back."""
        with suppress(WebSocketClosedError):
            self.write_message(message, binary=isinstance(message, bytes))


async def main(subprotocols: list[str]) -> None:
    """Serve on any free port."""
    logging.disable()
    Echo.supported = subprotocols
    server = HTTPServer(Application([(r"/.*", Echo)]))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    host, port = sockets[0].getsockname()[:2]
    print(f"ws://{host}:{port}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1:]))
