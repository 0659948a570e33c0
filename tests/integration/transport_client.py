"""The client of one of the wirings, by remote control."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any, cast

from examples.transports.conversation import ConnectionClosed, Refused
from tests.integration.consumers.remote import PATIENCE, Closed, Message, Opened, Rejected, serve
from tests.integration.transport_wirings import Connection, Wiring, wire
from wsproto_core import events as ev


def fields(response: ev.AcceptConnection | ev.RejectConnection) -> dict[str, str]:
    pairs = response.extra_headers if isinstance(response, ev.AcceptConnection) else ()
    if isinstance(response, ev.RejectConnection):
        pairs = response.headers
    return {bytes(name).decode().lower(): bytes(value).decode() for name, value in pairs}


class TransportClient:
    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self.uses_engine = wiring.module.__name__
        self._context: AbstractContextManager[Connection] | None = None
        self._connection: Connection | None = None

    def connect(
        self, url: str, subprotocols: list[str], headers: dict[str, str], options: dict[str, Any]
    ) -> Opened:
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        context = self._wiring.connect(
            url, subprotocols=subprotocols, headers=pairs, compress=False, **options
        )
        try:
            self._connection = context.__enter__()
        except Refused as exc:
            raise Rejected(
                exc.response.status_code, fields(exc.response), exc.body.decode()
            ) from None
        self._context = context
        ws = self._connection.ws
        return Opened(ws.subprotocol, fields(ws.response))

    def _call(self, method: str, *arguments: Any) -> Any:
        assert self._connection is not None
        try:
            return getattr(self._connection, method)(*arguments)
        except ConnectionClosed as exc:
            code, reason = exc.end.code, exc.end.reason
            # With a fault of the server's: the code that it was told.
            if exc.end.error is not None and exc.end.code_sent is not None:
                code, reason = exc.end.code_sent, ""
            raise Closed(code, reason) from None

    def send(self, message: Message) -> None:
        self._call("send", message)

    def receive(self) -> Message:
        return cast("Message", self._call("recv", PATIENCE))

    def ping(self) -> None:
        self._call("ping")

    def close(self, code: int, reason: str) -> None:
        self._call("close", code, reason)

    def leave(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            context.__exit__(None, None, None)


if __name__ == "__main__":
    with wire(sys.argv[1]) as wiring:
        serve(TransportClient(wiring))
