"""The grammar of the header fields that a handshake is made of.

RFC 6455 §4.3 and §9.1, on the tokens, lists and quoted strings of RFC 9110 §5.6. Every
reader here is linear in what it reads and looks at each character once: hand-written,
because backtracking expressions over such lists have been attacked (CVE-2021-32640).
Strings are Latin-1 where they come from the wire, so that nothing fails to decode.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_TCHAR = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

# Single character classes, each matched once from the start: linear.
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(rb"[\x21\x22\x24-\x7e]+")
_HOST = re.compile(rb"[A-Za-z0-9\-._~!$&'()*+,;=%:\[\]]+")

_WHITESPACE = " \t"


class FieldError(ValueError):
    """A field that its grammar does not allow; for the caller to turn into its error."""


def is_token(value: bytes) -> bool:
    """True for a token (RFC 9110 §5.6.2)."""
    return _TOKEN.fullmatch(value) is not None


def is_field_value(value: bytes) -> bool:
    """True for what may stand behind a field's name: no CR, LF, NUL or other control."""
    return _FIELD_VALUE.fullmatch(value) is not None


def is_target(value: bytes) -> bool:
    """True for what may stand in a request line: visible ASCII, no fragment, not nothing."""
    return _TARGET.fullmatch(value) is not None


def is_host(value: bytes) -> bool:
    """True for the characters of a host and port (RFC 3986 §3.2.2)."""
    return _HOST.fullmatch(value) is not None


def split_list(value: str) -> list[str]:
    """Cut a comma-separated list into its elements, trimmed (RFC 9110 §5.6.1).

    A comma within a quoted string does not separate. Empty elements are dropped, as
    recipients must; an unfinished quoted string lasts to the end.
    """
    if '"' not in value:
        pieces = value.split(",")
    else:
        pieces = []
        begin = 0
        quoted = escaped = False
        for at, char in enumerate(value):
            if escaped:
                escaped = False
            elif quoted:
                if char == "\\":
                    escaped = True
                elif char == '"':
                    quoted = False
            elif char == '"':
                quoted = True
            elif char == ",":
                pieces.append(value[begin:at])
                begin = at + 1
        pieces.append(value[begin:])
    return [piece for piece in (piece.strip(_WHITESPACE) for piece in pieces) if piece]


def split_tokens(values: Iterable[bytes]) -> list[str]:
    """The elements of a list of tokens that may be spread over several fields.

    Raises :exc:`FieldError` for an element that is no token.
    """
    tokens = [element for value in values for element in split_list(value.decode("latin-1"))]
    for token in tokens:
        if not is_token(token.encode("latin-1")):
            raise FieldError(f"{token!r} is not a token")
    return tokens


class ExtensionElement(NamedTuple):
    """One element of a Sec-WebSocket-Extensions field (RFC 6455 §9.1)."""

    name: str
    #: In order, repetitions included; None for a parameter without a value.
    parameters: list[tuple[str, str | None]]


def parse_extension(element: str) -> ExtensionElement:
    """Read ``name *( ";" parameter [ "=" ( token / quoted-string ) ] )`` (RFC 6455 §9.1).

    A quoted value is unquoted; it must then be a token. Raises :exc:`FieldError`.
    """
    reader = _Reader(element)
    name = reader.token()
    parameters: list[tuple[str, str | None]] = []
    while reader.skip(";"):
        parameter = reader.token()
        value = reader.value() if reader.skip("=") else None
        parameters.append((parameter, value))
    reader.end()
    return ExtensionElement(name, parameters)


class _Reader:
    """Reads one extension element from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _peek(self) -> str:
        while self._text[self._at : self._at + 1] in (" ", "\t"):
            self._at += 1
        return self._text[self._at : self._at + 1]

    def skip(self, char: str) -> bool:
        if self._peek() != char:
            return False
        self._at += 1
        return True

    def token(self) -> str:
        self._peek()
        begin = self._at
        while self._text[self._at : self._at + 1] in _TCHAR:
            self._at += 1
        if self._at == begin:
            raise FieldError(f"a token is missing at character {begin} of {self._text!r}")
        return self._text[begin : self._at]

    def value(self) -> str:
        if not self.skip('"'):
            return self.token()
        chars = []
        while True:
            char = self._text[self._at : self._at + 1]
            self._at += 1
            if char == "\\":
                char = self._text[self._at : self._at + 1]
                self._at += 1
            elif char == '"':
                break
            if char not in _TCHAR:  # the end of the text is not in it either
                raise FieldError(f"a quoted value of {self._text!r} is not a token")
            chars.append(char)
        if not chars:
            raise FieldError(f"a quoted value of {self._text!r} is empty")
        return "".join(chars)

    def end(self) -> None:
        if self._peek():
            raise FieldError(f"stray characters at {self._at} of {self._text!r}")


__all__ = [
    "ExtensionElement",
    "FieldError",
    "is_field_value",
    "is_host",
    "is_target",
    "is_token",
    "parse_extension",
    "split_list",
    "split_tokens",
]
