"""The grammar of the header fields that a handshake is made of.

RFC 6455 §4.3 and §9.1, on the tokens, lists and quoted strings of RFC 9110 §5.6. Every
reader here is linear in what it reads: expressions match single tokens only, because
backtracking ones over such lists have been attacked (CVE-2021-32640).
Strings are Latin-1 where they come from the wire, so that nothing fails to decode.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"

# Each of these is a run of one kind of character, or of one kind and another that cannot be
# mistaken for it: there is one way to match, hence nothing to try again.
_TOKEN = re.compile(_TCHAR.encode() + rb"+")
_TOKEN_TEXT = re.compile(_TCHAR + "+")
_QUOTED_TOKEN = re.compile(rf'((?:\\?{_TCHAR})+)"')
_SPACES = re.compile(r"[ \t]*")
_FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
# A path with a query, or an absolute URI; no fragment.
# An absolute one has a host, so what follows the slashes does not end it (RFC 9110 §4.2.1).
_TARGET = re.compile(rb"(?:(?:ws|http)s?://(?![/:?])(?!\Z)|/)[\x21\x22\x24-\x7e]*", re.IGNORECASE)
_HOST = re.compile(
    rb"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)\])(?::[0-9]*)?"
)

_WHITESPACE = " \t"
# Messages are logged, and a head may have 32 KiB.
_EXCERPT = 80


class FieldError(ValueError):
    """A field that its grammar does not allow; for the caller to turn into its error."""


def excerpt(value: str | bytes) -> str:
    """What a peer has sent, for a message: no more of it than its beginning."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return repr(text) if len(text) <= _EXCERPT else f"{text[:_EXCERPT]!r}..."


def is_token(value: bytes) -> bool:
    """True for a token (RFC 9110 §5.6.2)."""
    return _TOKEN.fullmatch(value) is not None


def is_field_value(value: bytes) -> bool:
    """True for what may stand behind a field's name: no CR, LF, NUL or other control."""
    return _FIELD_VALUE.fullmatch(value) is not None


def is_target(value: bytes) -> bool:
    """True for a resource name (RFC 6455 §3) or an absolute URI, as in a request line."""
    return _TARGET.fullmatch(value) is not None


def is_host(value: bytes) -> bool:
    """True for a host with or without a port (RFC 3986 §3.2.2, §3.2.3)."""
    found = _HOST.fullmatch(value)
    return found is not None and (found[1] is None or _is_ipv6(found[1].decode()))


def _is_ipv6(address: str) -> bool:
    from ipaddress import IPv6Address  # few servers ever see one, and it is not small

    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


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
    return [element for piece in pieces if (element := piece.strip(_WHITESPACE))]


def split_tokens(values: Iterable[bytes]) -> list[str]:
    """The elements of a list of tokens that may be spread over several fields.

    Raises :exc:`FieldError` for an element that is no token.
    """
    tokens = [element for value in values for element in split_list(value.decode("latin-1"))]
    for token in tokens:
        if not is_token(token.encode("latin-1")):
            raise FieldError(f"{excerpt(token)} is not a token")
    return tokens


class ExtensionElement(NamedTuple):
    """One element of a Sec-WebSocket-Extensions field (RFC 6455 §9.1)."""

    name: str
    #: In order, repetitions included; None for a parameter without a value.
    parameters: tuple[tuple[str, str | None], ...]


# Browsers all say the same, and each element is looked at by several readers.
@lru_cache(maxsize=64)
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
    return ExtensionElement(name, tuple(parameters))


class _Reader:
    """Reads one extension element from left to right, each character once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _spaces(self) -> None:
        spaces = _SPACES.match(self._text, self._at)
        assert spaces is not None  # it matches nothing, too
        self._at = spaces.end()

    def skip(self, char: str) -> bool:
        """Whether *char* follows, behind spaces; if so it is passed."""
        self._spaces()
        found = self._text.startswith(char, self._at)
        self._at += found
        return found

    def token(self) -> str:
        """The token that follows, behind spaces."""
        self._spaces()
        token = _TOKEN_TEXT.match(self._text, self._at)
        if token is None:
            raise FieldError(f"a token is missing at character {self._at} of {excerpt(self._text)}")
        self._at = token.end()
        return token[0]

    def value(self) -> str:
        """The token, or the quoted string that holds one, that follows."""
        if not self.skip('"'):
            return self.token()
        quoted = _QUOTED_TOKEN.match(self._text, self._at)
        if quoted is None:
            raise FieldError(f"a quoted value of {excerpt(self._text)} is not a token")
        self._at = quoted.end()
        return quoted[1].replace("\\", "")

    def end(self) -> None:
        """Raises :exc:`FieldError` if anything but spaces follows."""
        self._spaces()
        if self._at < len(self._text):
            raise FieldError(f"stray characters at {self._at} of {excerpt(self._text)}")


__all__ = [
    "ExtensionElement",
    "FieldError",
    "excerpt",
    "is_field_value",
    "is_host",
    "is_target",
    "is_token",
    "parse_extension",
    "split_list",
    "split_tokens",
]
