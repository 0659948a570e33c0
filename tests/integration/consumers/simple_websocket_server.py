"""The server on simple-websocket, with threads or, given the argument ``aiows``, asyncio.

simple-websocket leaves HTTP to the web server that it is used in. Here that is the
standard library's, which hands over its socket as Werkzeug's does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import simple_websocket

from tests.integration.alias import engine_of


class Connection(Protocol):
    """What ``Server`` and ``AioServer`` have in common, made asynchronous."""

    async def send(self, data: str | bytes) -> None: ...

    async def receive(self) -> str | bytes: ...

    async def close(self, reason: int, message: str) -> None: ...


class Blocking:
    """A ``Server`` as a :class:`Connection`; it has its thread for itself."""

    def __init__(self, server: simple_websocket.Server) -> None:
        self.server = server

    async def send(self, data: str | bytes) -> None:
        self.server.send(data)

    async def receive(self) -> str | bytes:
        data: str | bytes = self.server.receive()
        return data

    async def close(self, reason: int, message: str) -> None:
        self.server.close(reason, message)

    async def finish(self) -> None:
        # The application hears of the peer's Close before the library has answered it,
        # from a thread of its own. The web server must not end the transport until then.
        self.server.thread.join()


async def handle(path: str, accepting: Awaitable[Connection]) -> None:
    url = urlsplit(path)
    query = parse_qs(url.query)
    connection = await accepting
    match url.path:
        case "/echo":
            await echo(connection, query.get("id", [""])[0])
        case "/greet":
            await connection.send("hello")
            await connection.close(1001, "done")
        case "/engine":
            await connection.send(engine_of(query["of"][0]))
        case other:
            raise AssertionError(other)
    if isinstance(connection, Blocking):
        await connection.finish()


async def echo(connection: Connection, connection_id: str) -> None:
    try:
        while True:
            message = await connection.receive()
            if isinstance(message, str) and message.startswith("close "):
                _, code, reason = message.split(" ", 2)
                await connection.close(int(code), reason)
            else:
                await connection.send(message)
    except simple_websocket.ConnectionClosed as exc:
        gone = {"id": connection_id, "code": int(exc.reason), "reason": exc.message}
        print("gone", json.dumps(gone), flush=True)


async def accept_blocking(handler: Handler) -> Connection:
    environ = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in handler.headers.items()
    }
    environ["werkzeug.socket"] = handler.connection
    return Blocking(simple_websocket.Server.accept(environ, subprotocols=["chat.v2"]))


async def accept_aio(handler: Handler) -> Connection:
    connection: Connection = await simple_websocket.AioServer.accept(
        sock=handler.connection.dup(), headers=dict(handler.headers), subprotocols=["chat.v2"]
    )
    return connection


class Handler(BaseHTTPRequestHandler):
    """Parses a request and leaves the rest to simple-websocket."""

    def do_GET(self) -> None:
        accept = accept_aio if "aiows" in sys.argv else accept_blocking
        asyncio.run(handle(self.path, accept(self)))
        self.close_connection = True


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"running on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
