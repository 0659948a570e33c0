"""tornado, its server and client."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from tornado.httpclient import HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    WebSocketHandler,
    websocket_connect,
)

from tests.interop.programs.observing import (
    Client,
    Ended,
    Refused,
    main,
    on_asyncio,
    says_port,
)
from tests.interop.scenarios import PING, PONG_TEXT, REFUSED, Message, Scenario


class Handler(WebSocketHandler):
    """Serves a connection."""

    deflate = True

    def get_compression_options(self) -> dict[str, Any] | None:
        """None: no permessage-deflate."""
        return {} if self.deflate else None

    def check_origin(self, origin: str) -> bool:
        """Any."""
        return True

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """The handshake."""
        if self.request.path == "/reject":
            self.set_status(REFUSED)
            self.finish("no entry\n")
        else:
            await super().get(*args, **kwargs)

    def open(self, *args: str, **kwargs: str) -> None:
        if self.request.path == "/ping":
            self.ping(PING)

    def on_pong(self, data: bytes) -> None:
        if data == PING:
            self.write_message(PONG_TEXT)

    def on_message(self, message: str | bytes) -> None:
        if self.request.path == "/close" and isinstance(message, str):
            code, _, reason = message.partition(" ")
            self.close(int(code), reason)
        else:
            with suppress(WebSocketClosedError):
                self.write_message(message, binary=isinstance(message, bytes))


async def run_server(port: int, deflate: bool) -> None:
    Handler.deflate = deflate
    server = HTTPServer(Application([(r"/.*", Handler)]))
    sockets = bind_sockets(port, "127.0.0.1")
    server.add_sockets(sockets)
    says_port(sockets[0].getsockname()[1])
    await asyncio.Event().wait()


class OnTornado(Client):
    """A connection."""

    def __init__(self, ws: WebSocketClientConnection) -> None:
        self.ws = ws
        assert ws.headers is not None
        self.extensions = ws.headers.get("Sec-WebSocket-Extensions", "")

    async def send(self, message: Message) -> None:
        await self.ws.write_message(message, binary=isinstance(message, bytes))

    async def receive(self) -> Message:
        message = await self.ws.read_message()
        if message is None:
            raise Ended
        return message

    async def ping(self, payload: bytes) -> bytes:
        pong: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.ws.on_pong = pong.set_result  # type: ignore[assignment,method-assign]
        self.ws.ping(payload)
        return await pong

    async def close(self, code: int, reason: str) -> None:
        self.ws.close(code, reason)
        with suppress(Ended):
            while True:
                await self.receive()

    async def closed(self) -> tuple[int, str] | None:
        if self.ws.close_code is None:
            return None
        return self.ws.close_code, self.ws.close_reason or ""


async def open_connection(url: str, deflate: bool, scenario: Scenario) -> Client:
    try:
        ws = await websocket_connect(url, compression_options={} if deflate else None)
    except HTTPClientError as exc:
        raise Refused(exc.code) from None
    return OnTornado(ws)


if __name__ == "__main__":
    main(on_asyncio, run_server, open_connection)
