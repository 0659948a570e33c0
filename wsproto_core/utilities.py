"""Small helpers of the opening handshake, and the errors where wsproto keeps them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from os import urandom

from .errors import LimitExceeded, LocalProtocolError, ProtocolError, RemoteProtocolError
from .header_fields import split_list
from .masking import EntropySource

#: What a server appends to the client's key to show that it understood (RFC 6455 §1.3).
ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def generate_nonce(entropy: EntropySource = urandom) -> bytes:
    """A fresh Sec-WebSocket-Key: 16 unpredictable bytes, in base64 (RFC 6455 §4.1).

    Raises :exc:`ValueError` if the source gives another number of them.
    """
    nonce = entropy(16)
    if len(nonce) != 16:
        raise ValueError(f"entropy source gave {len(nonce)} bytes when asked for 16")
    return base64.b64encode(nonce)


def generate_accept_token(token: bytes) -> bytes:
    """The Sec-WebSocket-Accept that answers the Sec-WebSocket-Key *token* (§4.2.2)."""
    return base64.b64encode(hashlib.sha1(token + ACCEPT_GUID, usedforsecurity=False).digest())


def split_comma_header(value: bytes) -> list[str]:
    """The elements of a comma-separated header field (RFC 9110 §5.6.1): trimmed, without
    empty ones, and not cut within quoted strings. Never fails: bytes beyond ASCII are
    read as Latin-1.
    """
    return split_list(value.decode("latin-1"))


def normed_header_dict(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Header fields by name, fields of one name joined with commas (RFC 9110 §5.3).

    Not for Set-Cookie, which must not be joined.
    """
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return joined


__all__ = [
    "ACCEPT_GUID",
    "LimitExceeded",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "generate_accept_token",
    "generate_nonce",
    "normed_header_dict",
    "split_comma_header",
]
