"""trio-websocket, on wsproto: its server and client."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress

import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    WebSocketRequest,
    open_websocket_url,
    serve_websocket,
)

from tests.interop.programs.observing import Client, Ended, Refused, main, says_port
from tests.interop.scenarios import PING, PONG_TEXT, REFUSED, Message, Scenario


async def handle(request: WebSocketRequest) -> None:
    """Serve a request."""
    if request.path == "/reject":
        await request.reject(REFUSED, body=b"no entry\n")
        return
    ws = await request.accept()
    with suppress(ConnectionClosed):
        if request.path == "/ping":
            await ws.ping(PING)
            await ws.send_message(PONG_TEXT)
        while True:
            message = await ws.get_message()
            if request.path == "/close" and isinstance(message, str):
                code, _, reason = message.partition(" ")
                await ws.aclose(int(code), reason)
            else:
                await ws.send_message(message)


async def run_server(port: int, deflate: bool) -> None:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve_websocket, handle, "127.0.0.1", port, None)
        says_port(server.port)


class OnTrioWebsocket(Client):
    """A connection."""

    def __init__(self, stack: AsyncExitStack, ws: WebSocketConnection) -> None:
        self.stack, self.ws = stack, ws

    async def send(self, message: Message) -> None:
        await self.ws.send_message(message)

    async def receive(self) -> Message:
        try:
            return await self.ws.get_message()
        except ConnectionClosed:
            raise Ended from None

    async def ping(self, payload: bytes) -> bytes:
        await self.ws.ping(payload)  # until a pong with this payload has come
        return payload

    async def close(self, code: int, reason: str) -> None:
        await self.ws.aclose(code, reason)

    async def closed(self) -> tuple[int, str] | None:
        await self.stack.aclose()
        reason = self.ws.closed
        return None if reason is None else (reason.code, reason.reason or "")


async def open_connection(url: str, deflate: bool, scenario: Scenario) -> Client:
    async with AsyncExitStack() as stack:
        try:
            ws = await stack.enter_async_context(open_websocket_url(url))
        except ConnectionRejected as exc:
            raise Refused(exc.status_code) from None
        return OnTrioWebsocket(stack.pop_all(), ws)


if __name__ == "__main__":
    main(trio.run, run_server, open_connection)
