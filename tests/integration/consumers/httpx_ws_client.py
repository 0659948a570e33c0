"""The client of httpx-ws: with threads or, given their name, on asyncio or on trio.

Given the name ``asgi``, it talks to ``asgi_app`` in its own process, without a network:
then httpx-ws has the engine at both ends.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import Any

import httpx
import httpx_ws
from anyio.from_thread import BlockingPortal, start_blocking_portal
from httpx_ws.transport import ASGIWebSocketTransport

from . import asgi_app
from .remote import PATIENCE, Closed, Lost, Message, Opened, Rejected, serve

Connect = Callable[..., AbstractContextManager[Any]]

# Of the environment, which may name a proxy, nothing counts here.
_SETTINGS: dict[str, Any] = {"trust_env": False, "timeout": PATIENCE}


@contextmanager
def connect(url: str, **options: Any) -> Iterator[httpx_ws.WebSocketSession]:
    with (
        httpx.Client(**_SETTINGS) as client,
        httpx_ws.connect_ws(url, client, **options) as session,
    ):
        yield session


@asynccontextmanager
async def aconnect(
    url: str, transport: httpx.AsyncBaseTransport | None, **options: Any
) -> AsyncIterator[httpx_ws.AsyncWebSocketSession]:
    async with (
        httpx.AsyncClient(transport=transport, **_SETTINGS) as client,
        httpx_ws.aconnect_ws(url, client, **options) as session,
    ):
        yield session


def connect_in(portal: BlockingPortal) -> Connect:
    """:func:`aconnect` for a thread outside the event loop."""

    def connect(url: str, **options: Any) -> AbstractContextManager[Any]:
        transport = ASGIWebSocketTransport(asgi_app.app) if sys.argv[1] == "asgi" else None
        return portal.wrap_async_context_manager(aconnect(url, transport, **options))

    return connect


class HttpxClient:
    uses_engine = "httpx_ws._api"

    def __init__(
        self,
        connect: Connect,
        call: Callable[..., Any],
    ) -> None:
        self._connect = connect
        self._call = call
        self._stack = ExitStack()
        self._session: Any = None

    def connect(
        self, url: str, subprotocols: list[str], headers: dict[str, str], options: dict[str, Any]
    ) -> Opened:
        # Of an empty list it would make an empty field, which is none that HTTP allows.
        context = self._connect(url, subprotocols=subprotocols or None, headers=headers, **options)
        try:
            self._session = self._stack.enter_context(context)
        except httpx_ws.WebSocketUpgradeError as exc:
            raise Rejected(exc.response.status_code, dict(exc.response.headers)) from None
        return Opened(self._session.subprotocol, dict(self._session.response.headers))

    def send(self, message: Message) -> None:
        if isinstance(message, str):
            self._call(self._session.send_text, message)
        else:
            self._call(self._session.send_bytes, message)

    def receive(self) -> Message:
        try:
            message: Message = self._call(self._session.receive, PATIENCE).data
        except httpx_ws.WebSocketDisconnect as exc:
            raise Closed(exc.code, exc.reason or "") from None
        except httpx_ws.WebSocketNetworkError:
            raise Lost from None
        return message

    def ping(self) -> None:
        pong = self._call(self._session.ping, b"ping from httpx")
        self._call(pong.wait)

    def close(self, code: int, reason: str) -> None:
        self._call(self._session.close, code, reason)

    def leave(self) -> None:
        self._stack.close()


if __name__ == "__main__":
    if sys.argv[1] == "threads":
        serve(HttpxClient(connect, lambda function, *arguments: function(*arguments)))
    else:
        backend = "trio" if sys.argv[1] == "trio" else "asyncio"
        with start_blocking_portal(backend) as portal:
            serve(HttpxClient(connect_in(portal), portal.call))
