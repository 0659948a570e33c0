"""aiohttp, its server and client."""

from __future__ import annotations

import asyncio

from aiohttp import (
    ClientSession,
    ClientWebSocketResponse,
    WSMessage,
    WSMsgType,
    WSServerHandshakeError,
    web,
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


async def handle(request: web.Request) -> web.StreamResponse:
    """Serve a request."""
    if request.path == "/reject":
        return web.Response(status=REFUSED, text="no entry\n")
    # Who wants to see pongs must see to pings as well; here none come then.
    pings = request.path == "/ping"
    ws = web.WebSocketResponse(compress=request.app[DEFLATE], autoping=not pings)
    await ws.prepare(request)
    if pings:
        await ws.ping(PING)
    async for message in ws:
        match request.path, message.type:
            case _, WSMsgType.PONG:
                if message.data == PING:
                    await ws.send_str(PONG_TEXT)
            case "/close", WSMsgType.TEXT:
                code, _, reason = message.data.partition(" ")
                await ws.close(code=int(code), message=reason.encode())
            case _, WSMsgType.TEXT:
                await ws.send_str(message.data)
            case _, WSMsgType.BINARY:
                await ws.send_bytes(message.data)
    return ws


DEFLATE = web.AppKey("DEFLATE", bool)


async def run_server(port: int, deflate: bool) -> None:
    app = web.Application()
    app[DEFLATE] = deflate
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    says_port(runner.addresses[0][1])
    await asyncio.Event().wait()


class OnAiohttp(Client):
    """A connection."""

    def __init__(self, session: ClientSession, ws: ClientWebSocketResponse) -> None:
        self.session, self.ws = session, ws
        self.extensions = "permessage-deflate" if ws.compress else ""
        self.reason = ""

    async def send(self, message: Message) -> None:
        if isinstance(message, str):
            await self.ws.send_str(message)
        else:
            await self.ws.send_bytes(message)

    async def next(self) -> WSMessage:
        """What comes next, control frames included."""
        message = await self.ws.receive()
        if message.type is WSMsgType.CLOSE:
            self.reason = str(message.extra or "")
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR):
            raise Ended
        return message

    async def receive(self) -> Message:
        data: Message = (await self.next()).data
        return data

    async def ping(self, payload: bytes) -> bytes:
        await self.ws.ping(payload)
        return bytes((await self.next()).data)

    async def close(self, code: int, reason: str) -> None:
        await self.ws.close(code=code, message=reason.encode())

    async def closed(self) -> tuple[int, str] | None:
        await self.session.close()
        return None if self.ws.close_code is None else (self.ws.close_code, self.reason)


async def open_connection(url: str, deflate: bool, scenario: Scenario) -> Client:
    session = ClientSession()
    try:
        # Who wants to see pongs must see to pings as well; here none come then.
        ws = await session.ws_connect(
            url, compress=15 if deflate else 0, autoping=not scenario.pings
        )
    except WSServerHandshakeError as exc:
        await session.close()
        raise Refused(exc.status) from None
    return OnAiohttp(session, ws)


if __name__ == "__main__":
    main(on_asyncio, run_server, open_connection)
