"""The client of trio-websocket."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from trio_websocket import (
    CloseReason,
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    open_websocket_url,
)

from .remote import PATIENCE, Closed, Message, Opened, Rejected, serve


def closed(reason: CloseReason | None) -> Closed:
    assert reason is not None
    return Closed(reason.code, reason.reason or "")


class TrioClient:
    uses_engine = "trio_websocket._impl"

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._stack = ExitStack()
        self._current: WebSocketConnection | None = None

    @property
    def _connection(self) -> WebSocketConnection:
        assert self._current is not None
        return self._current

    def connect(
        self, url: str, subprotocols: list[str], headers: dict[str, str], options: dict[str, Any]
    ) -> Opened:
        context = self._portal.wrap_async_context_manager(
            open_websocket_url(
                url,
                subprotocols=subprotocols,
                extra_headers=[(name.encode(), value.encode()) for name, value in headers.items()],
                connect_timeout=PATIENCE,
                disconnect_timeout=PATIENCE,
                **options,
            )
        )
        try:
            self._current = self._stack.enter_context(context)
        except ConnectionRejected as exc:
            fields = {name.decode().lower(): value.decode() for name, value in exc.headers}
            raise Rejected(exc.status_code, fields, (exc.body or b"").decode()) from None
        return Opened(
            self._connection.subprotocol,
            {name.decode(): value.decode() for name, value in self._connection.handshake_headers},
        )

    def send(self, message: Message) -> None:
        self._portal.call(self._connection.send_message, message)

    def receive(self) -> Message:
        try:
            return self._portal.call(self._connection.get_message)
        except ConnectionClosed as exc:
            raise closed(exc.reason) from None

    def ping(self) -> None:
        self._portal.call(self._connection.ping, b"ping from trio")

    def close(self, code: int, reason: str) -> None:
        self._portal.call(self._connection.aclose, code, reason)

    def leave(self) -> None:
        self._stack.close()


if __name__ == "__main__":
    with start_blocking_portal("trio") as portal:
        serve(TrioClient(portal))
