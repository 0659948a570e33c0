"""The heads of HTTP/1.1 messages that are entirely ordinary, read at once.

Owns the one form of an opening handshake that browsers and libraries send, and nothing
beyond it: lines that end with CRLF; names, colons, and values of printable ASCII; no field
that frames a body. For whatever else there is, these functions give None, and h11 reads it.
So h11 alone judges what is lenient, what malformed and what too much, and there is no second
opinion to disagree with it: what is read here, h11 reads the same way, and what h11 refuses
is not read here. tests/test_http_head.py holds them to that.

Why there is anything beside h11: it reads line by line in Python, and runs its state machine
over it. A browser's request took it seven times as long as it takes here, and that made a
server's whole opening handshake take 1.9 times as long (CPython 3.11).

All of it is linear: each step goes through the head, or through its fields, once.
"""

from __future__ import annotations

from typing import Final

from .header_fields import is_token
from .typing import Headers

_PRINTABLE: Final = bytes(range(0x20, 0x7F))

# These frame a body (RFC 9112 §6): h11 checks them, and makes one of several.
_FRAMING: Final = frozenset((b"content-length", b"transfer-encoding"))


def read_request_head(head: bytes) -> tuple[bytes, Headers] | None:
    """The target and the fields of a GET request of HTTP/1.1, if its head is ordinary.

    :param head: all of it, with the empty line.
    """
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ")  # RFC 9112 §3
    if len(words) != 3 or words[0] != b"GET" or not words[1] or words[2] != b"HTTP/1.1":
        return None
    headers = _read_fields(head, lines)
    # RFC 9112 §3.2: a request has one Host.
    if headers is None or [name for name, _ in headers].count(b"host") != 1:
        return None
    return words[1], headers


def read_switching_head(head: bytes) -> Headers | None:
    """The fields of a response that switches protocols, if its head is ordinary.

    :param head: all of it, with the empty line.
    """
    first, *lines = head.split(b"\r\n")
    return _read_fields(head, lines) if first.startswith(b"HTTP/1.1 101 ") else None


def _read_fields(head: bytes, lines: list[bytes]) -> Headers | None:
    """The fields (RFC 9112 §5) on the lines behind the first, with lower-case names; None if
    anything in the head is not ordinary.
    """
    # What is not printable are the ends of the lines, of which the last is empty.
    if head.translate(None, _PRINTABLE) != b"\r\n" * len(lines) or lines[-2:] != [b"", b""]:
        return None
    headers = []
    names = []
    for line in lines[:-2]:
        name, colon, value = line.partition(b":")
        if not name or not colon:
            return None
        name = name.lower()
        names.append(name)
        headers.append((name, value.strip(b" ")))
    # A name with a space in it is none: so lines that continue others (§5.2) are not read.
    if not is_token(b"".join(names)) or not _FRAMING.isdisjoint(names):
        return None
    return headers


__all__ = ["read_request_head", "read_switching_head"]
