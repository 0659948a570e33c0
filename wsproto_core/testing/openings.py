"""The bytes of opening handshakes, as the kit has to handle them: heads, keys, placeholders.

Owns only what driving a case takes. What is right and wrong in a handshake stands in
:mod:`wsproto_core.testing.model.opening`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha1
from typing import Final, NamedTuple

from .outcomes import Accepted, Outcome, Rejected

#: RFC 6455 §1.3.
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: Of RFC 6455 §1.2: what belongs to no request that a client makes now.
OTHER_KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="


class Head(NamedTuple):
    """The head of an HTTP/1.1 message, taken apart without a judgement."""

    start_line: str
    #: Names in lower case, values without white space around them; latin-1.
    headers: tuple[tuple[str, str], ...]
    #: Its length in bytes, with the empty line.
    size: int

    def all(self, name: str) -> list[str]:
        """The values of all fields of that name."""
        return [value for n, value in self.headers if n == name]

    def joined(self, name: str) -> str:
        """The values of all fields of that name, as one list; "" for none."""
        return ",".join(self.all(name))


def head_of(data: bytes) -> Head | None:
    """The head at the beginning of *data*, or None if it is not complete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    start_line, *lines = data[:end].decode("latin-1").split("\r\n")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((name.lower(), value.strip(" \t")))
    return Head(start_line, tuple(headers), end + 4)


def accept_for(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key (RFC 6455 §4.2.2)."""
    return b64encode(sha1(key + GUID, usedforsecurity=False).digest())


def outcome_of_response(data: bytes) -> tuple[Outcome | None, bytes]:
    """What a server's response to the opening handshake says, and what follows its head.

    None while the head is not complete. Whether a 101 is a right one is not judged here.
    """
    head = head_of(data)
    if head is None:
        return None, b""
    found = re.match(r"HTTP/1\.[0-9] ([0-9]{3})", head.start_line)
    status = int(found[1]) if found else 0
    if status != 101:
        return Rejected(status, head.headers), b""
    subprotocols = head.all("sec-websocket-protocol")
    extensions = re.sub(r"[ \t]", "", head.joined("sec-websocket-extensions"))
    return Accepted(subprotocols[0] if subprotocols else None, extensions), data[head.size :]


def fill_in(data: bytes, request: bytes) -> bytes:
    """*data* with its placeholders replaced (see :class:`~.cases.Receive`), for *request*."""
    if b"{" not in data:
        return data
    head = head_of(request)
    key = head.joined("sec-websocket-key").encode("latin-1") if head is not None else b""
    accept = accept_for(key)
    for placeholder, value in {
        b"{accept}": accept,
        b"{accept:other}": accept_for(OTHER_KEY),
        b"{accept:swapcase}": accept.swapcase(),
        b"{key}": key,
    }.items():
        data = data.replace(placeholder, value)
    return data
