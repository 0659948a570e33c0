"""What a peer is to the suite: something that opens connections, and drives them.

To add one, write a class like those beside this module, and a line in ``peers/__init__.py``.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib
import importlib.metadata
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from suite.wire import Payload


class UnsupportedError(Exception):
    """A peer cannot do a workload, or not without sockets; the message says why."""


@dataclass(frozen=True)
class Deflate:
    """permessage-deflate as it was agreed on: windows of 15 bits in both directions."""

    #: Whether both ends keep their contexts between messages.
    takeover: bool = True
    #: The level to compress with; None for the library's own choice.
    level: int | None = None


class Engine(ABC):
    """One open connection of one peer.

    Each method is given a batch and loops over it itself, so that nothing of the suite's is
    in the loop, and does what an application of that library would: no more, and no less.
    """

    #: What of the library's an application keeps for an open connection.
    held: Any

    @abstractmethod
    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        """Give the whole messages that the reads hold: text as str, decoded strictly."""

    @abstractmethod
    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        """Give the bytes to write."""

    @abstractmethod
    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        """Receive, and send each message back as it comes."""


class Peer(ABC):
    """A library. Raises :exc:`ImportError` where it is not installed."""

    #: As tables call it.
    name: ClassVar[str]
    #: As pip calls it.
    distribution: ClassVar[str]
    #: Who checks that text is UTF-8: "engine", or "driver" where the library leaves it.
    utf8: ClassVar[str] = "engine"
    #: What a reader should know.
    note: ClassVar[str] = ""
    #: The largest message that it compresses without sockets, threads or an event loop.
    largest_deflated: ClassVar[int] = sys.maxsize

    @abstractmethod
    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        """Open a connection: the "server" or the "client"."""

    def handshake(self, role: str, deflate: Deflate | None = None) -> Any:
        """Make an object and open it: what an application keeps.

        A server accepts :data:`REQUEST`; a client sends a request, and receives what
        :func:`response_to` gives.
        """
        raise UnsupportedError("its handshake needs sockets")

    def engine(self, connection: Any) -> Engine:
        """Drive what :meth:`handshake` gave."""
        raise UnsupportedError("its handshake needs sockets")

    def version(self) -> str:
        return importlib.metadata.version(self.distribution)


#: A browser's request.
REQUEST = (
    b"GET /chat?room=lobby HTTP/1.1\r\n"
    b"Host: server.example.com\r\n"
    b"Connection: Upgrade\r\n"
    b"Pragma: no-cache\r\n"
    b"Cache-Control: no-cache\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/140.0.0.0 Safari/537.36\r\n"
    b"Upgrade: websocket\r\n"
    b"Origin: https://server.example.com\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Accept-Language: en-GB,en;q=0.9\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    b"\r\n"
)


_KEY = re.compile(rb"sec-websocket-key: *([^\r]+)\r", re.IGNORECASE)


def response_to(request: bytes, deflate: Deflate | None) -> bytes:
    """A server's consent (RFC 6455 §4.2.2)."""
    key = _KEY.search(request)
    assert key is not None
    digest = hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324
    return (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Server: example\r\n"
        b"Date: Sat, 01 Mar 2025 12:00:00 GMT\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: "
        + base64.b64encode(digest)
        + b"\r\n"
        + (b"" if deflate is None else b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
        + b"\r\n"
    )


@contextlib.contextmanager
def imported_anew(
    package: str, *, without: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Within it, *package* is imported once more, as if modules *without* were not there.

    So a library with its extension in C and the same without stand in one process, and can
    be timed in turn.
    """

    def belongs(name: str) -> bool:
        return name == package or name.startswith(package + ".")

    before = {name: module for name, module in sys.modules.items() if belongs(name)}
    settings = {name: os.environ.get(name) for name in environ or ()}
    for name in before:
        del sys.modules[name]
    os.environ.update(environ or {})
    for name in without:
        sys.modules[name] = None  # type: ignore[assignment]  # as documented
    try:
        yield
    finally:
        for name in {*filter(belongs, sys.modules), *without}:
            del sys.modules[name]
        sys.modules.update(before)
        for name, value in settings.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def load(name: str) -> Any:
    """A module of a peer's, by name: peers are optional, and not all of them have types."""
    return importlib.import_module(name)
