"""Clients of the applications: the ``websockets`` library, and a peer over HTTP/2."""

from __future__ import annotations

import select
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import NoReturn

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from . import h2_tunnel
from .peer import BINARY, CLOSE, TEXT, Offer, Peer, close_payload
from .processes import TIMEOUT
from .servers import Server

Fields = Sequence[tuple[str, str]]
Data = str | bytes


class Refused(Exception):
    """The server has answered otherwise than by opening the connection."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status, headers, body)
        self.status = status
        self.headers = headers
        self.body = body


class Client(ABC):
    """An open connection."""

    headers: Mapping[str, str]
    #: By which the application knows it.
    name: str = ""

    @abstractmethod
    def send(self, data: Data) -> None: ...

    @abstractmethod
    def recv(self) -> Data: ...

    @abstractmethod
    def has_news(self, seconds: float) -> bool:
        """Whether something comes within so many seconds."""

    @abstractmethod
    def close(self, code: int = 1000, reason: str = "") -> None: ...

    @abstractmethod
    def end(self) -> tuple[int, str]:
        """The code and reason of the server's Close, which must be what comes next."""

    @abstractmethod
    def leave(self) -> None:
        """Let go of what is still held."""


class OverHttp1(Client):
    """The ``websockets`` library's client."""

    def __init__(
        self, server: Server, path: str, headers: Fields, subprotocols: Sequence[str]
    ) -> None:
        self._news: list[Data] = []
        self._stack = ExitStack()
        try:
            self._connection: ClientConnection = self._stack.enter_context(
                connect(
                    server.url + path,
                    additional_headers=headers,
                    subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                    proxy=None,
                    open_timeout=TIMEOUT,
                    close_timeout=TIMEOUT,
                    max_size=None,
                    max_queue=None,
                )
            )
        except InvalidStatus as refusal:
            answer = refusal.response
            raise Refused(
                answer.status_code, lowered(answer.headers), bytes(answer.body or b"")
            ) from refusal
        response = self._connection.response
        assert response is not None
        self.headers = lowered(response.headers)

    def send(self, data: Data) -> None:
        self._connection.send(data)

    def recv(self) -> Data:
        return self._news.pop() if self._news else self._connection.recv(TIMEOUT)

    def has_news(self, seconds: float) -> bool:
        if not self._news:
            try:
                self._news.append(self._connection.recv(seconds))
            except TimeoutError:
                return False
        return True

    def close(self, code: int = 1000, reason: str = "") -> None:
        self._connection.close(code, reason)

    def end(self) -> tuple[int, str]:
        try:
            unexpected(self.recv())
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, closed
            return closed.rcvd.code, closed.rcvd.reason

    def leave(self) -> None:
        self._stack.close()


class OverHttp2(Client):
    """A peer made by hand, on a stream of an HTTP/2 connection of its own."""

    def __init__(
        self, server: Server, path: str, headers: Fields, subprotocols: Sequence[str]
    ) -> None:
        offer = Offer(path, headers=headers, subprotocols=subprotocols)
        answer = h2_tunnel.dial(server.port, offer)
        self.headers = answer.headers
        if answer.opened is None:
            raise Refused(answer.status, answer.headers, answer.body)
        self._peer: Peer = answer.opened
        assert isinstance(self._peer.transport, h2_tunnel.Tunnel)
        self._tunnel = self._peer.transport

    def send(self, data: Data) -> None:
        self._peer.send(TEXT if isinstance(data, str) else BINARY, data)

    def recv(self) -> Data:
        opcode, payload = self._peer.receive_message()
        return payload.decode() if opcode == TEXT else payload

    def has_news(self, seconds: float) -> bool:
        while not self._peer._buffer and not self._tunnel._received:
            if not select.select([self._tunnel._socket], [], [], seconds)[0]:
                return False
            self._tunnel._pump()
        return True

    def close(self, code: int = 1000, reason: str = "") -> None:
        self._peer.send_close(code, reason)
        while (frame := self._peer.receive()).opcode != CLOSE:
            pass
        assert frame.payload == close_payload(code, reason)

    def end(self) -> tuple[int, str]:
        code, reason = self._peer.receive_close()
        assert code is not None
        self._peer.send_close(code)
        return code, reason

    def leave(self) -> None:
        self._tunnel.close()


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): headers[name] for name in headers}


def unexpected(data: Data) -> NoReturn:
    raise AssertionError(f"a message instead of the end: {data[:100]!r}")
