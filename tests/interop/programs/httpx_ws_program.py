"""httpx-ws, on wsproto: its client, on asyncio."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

import httpx
from httpx_ws import (
    AsyncWebSocketSession,
    WebSocketDisconnect,
    WebSocketUpgradeError,
    aconnect_ws,
)
from wsproto.events import BytesMessage, TextMessage

from tests.interop.programs.observing import Client, Ended, Refused, main, on_asyncio
from tests.interop.scenarios import Message, Scenario


class OnHttpxWs(Client):
    """A connection."""

    def __init__(self, stack: AsyncExitStack, ws: AsyncWebSocketSession) -> None:
        self.stack, self.ws = stack, ws
        assert ws.response is not None
        self.extensions = ws.response.headers.get("Sec-WebSocket-Extensions", "")
        self.end: tuple[int, str] | None = None

    async def send(self, message: Message) -> None:
        if isinstance(message, str):
            await self.ws.send_text(message)
        else:
            await self.ws.send_bytes(message)

    async def send_fragments(self, pieces: Sequence[str]) -> None:
        for piece in pieces[:-1]:
            await self.ws.send(TextMessage(piece, message_finished=False))
        await self.ws.send(TextMessage(pieces[-1]))

    async def receive(self) -> Message:
        try:
            event = await self.ws.receive()
        except WebSocketDisconnect as exc:
            self.end = (exc.code, exc.reason or "")
            await self.ws.close(exc.code, exc.reason)  # else it is answered with 1000
            raise Ended from None
        assert isinstance(event, TextMessage | BytesMessage)
        return event.data if isinstance(event.data, str) else bytes(event.data)

    async def ping(self, payload: bytes) -> bytes:
        await (await self.ws.ping(payload)).wait()  # set by a pong with this payload
        return payload

    async def close(self, code: int, reason: str) -> None:
        await self.ws.close(code, reason)

    async def closed(self) -> tuple[int, str] | None:
        await self.stack.aclose()
        return self.end


async def open_connection(url: str, deflate: bool, scenario: Scenario) -> Client:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        try:
            ws: AsyncWebSocketSession = await stack.enter_async_context(aconnect_ws(url, client))
        except WebSocketUpgradeError as exc:
            raise Refused(exc.response.status_code) from None
        return OnHttpxWs(stack.pop_all(), ws)


if __name__ == "__main__":
    main(on_asyncio, None, open_connection)
