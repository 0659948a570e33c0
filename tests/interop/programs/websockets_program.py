"""websockets, its asyncio server and client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from tests.interop.scenarios import PING, PONG_TEXT, REFUSED, Message, Scenario, thirds

from .observing import Client, Ended, Refused, main, on_asyncio, says_port


def compression(deflate: bool) -> str | None:
    """As an argument of the library."""
    return "deflate" if deflate else None


async def handle(ws: ServerConnection) -> None:
    """Serve a connection."""
    assert ws.request is not None
    if ws.request.path == "/ping":
        await (await ws.ping(PING))
        await ws.send(PONG_TEXT)
    async for message in ws:
        match ws.request.path, message:
            case "/close", str():
                code, _, reason = message.partition(" ")
                await ws.close(int(code), reason)
            case "/fragments", str():
                await ws.send(thirds(message))
            case _:
                await ws.send(message)


def refuse(ws: ServerConnection, request: Request) -> Response | None:
    """Refuse /reject."""
    if request.path == "/reject":
        return ws.respond(HTTPStatus(REFUSED), "no entry\n")
    return None


async def run_server(port: int, deflate: bool) -> None:
    async with serve(
        handle, "127.0.0.1", port, process_request=refuse, compression=compression(deflate)
    ) as server:
        says_port(next(iter(server.sockets)).getsockname()[1])
        await asyncio.Event().wait()


class OnWebsockets(Client):
    """A connection."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws
        assert ws.response is not None
        self.extensions = ws.response.headers.get("Sec-WebSocket-Extensions", "")

    async def send(self, message: Message) -> None:
        await self.ws.send(message)

    async def send_fragments(self, pieces: Sequence[str]) -> None:
        await self.ws.send(pieces)

    async def receive(self) -> Message:
        try:
            return await self.ws.recv()
        except ConnectionClosed:
            raise Ended from None

    async def ping(self, payload: bytes) -> bytes:
        await (await self.ws.ping(payload))  # resolved by a pong with this payload
        return payload

    async def close(self, code: int, reason: str) -> None:
        await self.ws.close(code, reason)

    async def closed(self) -> tuple[int, str] | None:
        await self.ws.wait_closed()
        received = self.ws.protocol.close_rcvd
        return None if received is None else (received.code, received.reason)


async def open_connection(url: str, deflate: bool, scenario: Scenario) -> Client:
    try:
        ws = await connect(url, compression=compression(deflate), proxy=None)
    except InvalidStatus as exc:
        raise Refused(exc.response.status_code) from None
    return OnWebsockets(ws)


if __name__ == "__main__":
    main(on_asyncio, run_server, open_connection)
