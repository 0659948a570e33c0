"""The client of simple-websocket: with threads or, given the argument ``aiows``, asyncio."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import simple_websocket
from anyio.from_thread import BlockingPortal, start_blocking_portal
from wsproto.utilities import LocalProtocolError

from .remote import PATIENCE, Closed, Message, Opened, Rejected, serve

#: Calls a function of the library and gives its result.
Call = Callable[..., Any]


class SimpleClient:
    def __init__(self, library: type[Any], call: Call) -> None:
        self.uses_engine = library.__module__
        self._library = library
        self._call = call
        self._client: Any = None

    def connect(
        self, url: str, subprotocols: list[str], headers: dict[str, str], options: dict[str, Any]
    ) -> Opened:
        def connect() -> Any:
            return self._library.connect(url, subprotocols=subprotocols, headers=headers, **options)

        try:
            self._client = self._call(connect)
        except simple_websocket.ConnectionError as exc:
            raise Rejected(exc.status_code) from None
        return Opened(self._client.subprotocol)

    def send(self, message: Message) -> None:
        self._call(self._client.send, message)

    def receive(self) -> Message:
        try:
            message: Message | None = self._call(self._client.receive, PATIENCE)
        except simple_websocket.ConnectionClosed as exc:
            raise Closed(int(exc.reason), exc.message or "") from None
        assert message is not None, "nothing came"
        return message

    def ping(self) -> None:
        raise NotImplementedError

    def close(self, code: int, reason: str) -> None:
        self._call(self._client.close, code, reason)

    def leave(self) -> None:
        if self._client is not None:
            # It may be about to close by itself, in a thread or task of its own.
            with suppress(simple_websocket.ConnectionClosed, LocalProtocolError, OSError):
                self._call(self._client.close)
        self._client = None


def call_in(portal: BlockingPortal) -> Call:
    """Calls functions within an event loop, and awaits what they return."""

    async def call(function: Call, *arguments: Any) -> Any:
        return await function(*arguments)

    return lambda *arguments: portal.call(call, *arguments)


if __name__ == "__main__":
    if "aiows" in sys.argv:
        with start_blocking_portal("asyncio") as portal:
            serve(SimpleClient(simple_websocket.AioClient, call_in(portal)))
    else:
        serve(SimpleClient(simple_websocket.Client, lambda function, *args: function(*args)))
