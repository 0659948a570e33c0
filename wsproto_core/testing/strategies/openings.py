"""Opening handshakes (RFC 6455 §4): requests and responses, valid, or wrong in one named way.

A head is a list of lines, so that it can be wrong in any way; a fault is a function from lines
to lines. Owns how heads are made and damaged. What an endpoint must make of one is the model's
to say (:mod:`wsproto_core.testing.model.opening`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from hypothesis import strategies as st

from wsproto_core.testing.outcomes import Role
from wsproto_core.testing.settings import Opening

#: The start line, then the fields: what stands before and behind the first colon.
Lines: TypeAlias = list[bytes]


@dataclass(frozen=True)
class OpeningScenario:
    """The head that one end is sent, and perhaps bytes behind it."""

    #: A response has placeholders for what depends on the request (:class:`~.cases.Receive`).
    data: bytes
    settings: Opening
    #: The names of the faults that were put in. A fault may have no effect.
    faults: tuple[str, ...] = ()


# Pieces -------------------------------------------------------------------------------

TOKENS: Final = ["chat", "superchat", "v1.json", "x", "!#$%&'*+-.^_`|~09"]
#: What is no token (RFC 9110 §5.6.2).
NO_TOKENS: Final = ["", "a b", "a,b", "caf\xe9", "a/b", '"a"', "a;b", "a\x7f"]
SPACES: Final = [" ", "", "\t", "  "]


def subprotocols() -> st.SearchStrategy[tuple[str, ...]]:
    """Names of subprotocols, each different (RFC 6455 §4.1)."""
    return st.lists(st.sampled_from(TOKENS), max_size=3, unique=True).map(
        lambda names: tuple(names)
    )


def keys() -> st.SearchStrategy[bytes]:
    """Values of Sec-WebSocket-Key: 16 bytes in base64."""
    return st.binary(min_size=16, max_size=16).map(b64encode)


def bad_keys() -> st.SearchStrategy[bytes]:
    """Values that are no key: of another length, or no base64."""
    other_sizes = st.binary(max_size=20).filter(lambda data: len(data) != 16).map(b64encode)
    return other_sizes | st.sampled_from(
        [b"A" * 24, b"dGhlIHNhbXBsZSBub25jZQ", b"dGhlIHNhbXBsZSBub25jZQ=!", b"not base64"]
    )


@st.composite
def deflate_parameters(draw: st.DrawFn) -> str:
    """Parameters behind ``permessage-deflate``, right or wrong (RFC 7692 §7.1)."""
    values = ["", "=15", "=8", "=10", '="12"', "=7", "=16", "=010", "=x", "=", "=1 0"]
    names = [
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
        "unknown",
    ]
    parameters = draw(
        st.lists(st.tuples(st.sampled_from(names), st.sampled_from(values)), max_size=3)
    )
    space = draw(st.sampled_from(SPACES))
    return "".join(f";{space}{name}{value}" for name, value in parameters)


@st.composite
def extension_lists(draw: st.DrawFn) -> str:
    """Values of Sec-WebSocket-Extensions: offers or answers, right or wrong (§9.1)."""
    names = st.sampled_from(
        ["permessage-deflate"] * 4 + ["permessage-bzip2", "x-unknown", "", "a b"]
    )
    elements = draw(st.lists(st.tuples(names, deflate_parameters()), min_size=1, max_size=3))
    return draw(st.sampled_from([", ", ",", " , "])).join(name + rest for name, rest in elements)


def _in_some_case(draw: st.DrawFn, word: str) -> str:
    return draw(st.sampled_from([word, word.lower(), word.upper()]))


def _field(draw: st.DrawFn, name: str, value: str) -> bytes:
    name = _in_some_case(draw, name)
    return f"{name}:{draw(st.sampled_from(SPACES))}{value}".encode("latin-1")


# Valid heads --------------------------------------------------------------------------


@st.composite
def request_lines(draw: st.DrawFn, opening: Opening) -> Lines:
    """A valid request (RFC 6455 §4.1), in one of its many legal shapes."""
    target = draw(st.sampled_from(["/", "/chat", "/chat?room=1", "/%20", "http://example.com/a"]))
    connection = draw(
        st.sampled_from(["Upgrade", "keep-alive, Upgrade", "upgrade,close", ", Upgrade"])
    )
    upgrade = draw(st.sampled_from(["websocket", "WebSocket", "h2c, websocket"]))
    fields = [
        _field(
            draw, "Host", draw(st.sampled_from(["example.com", "example.com:8080", "[::1]:80"]))
        ),
        _field(draw, "Upgrade", upgrade),
        _field(draw, "Connection", connection),
        _field(draw, "Sec-WebSocket-Key", draw(keys()).decode()),
        _field(draw, "Sec-WebSocket-Version", "13"),
    ]
    offered = draw(subprotocols())
    if offered:
        fields.append(_field(draw, "Sec-WebSocket-Protocol", ", ".join(offered)))
    if opening.deflate and draw(st.booleans()):
        fields.append(_field(draw, "Sec-WebSocket-Extensions", "permessage-deflate"))
    fields += draw(st.lists(st.sampled_from(_OTHER_FIELDS), max_size=2, unique=True))
    return [f"GET {target} HTTP/1.1".encode(), *draw(st.permutations(fields))]


_OTHER_FIELDS: Final = [
    b"Origin: http://example.com",
    b"User-Agent: x",
    b"Cookie: a=b; c=d",
    b"X-Empty:",
    b"Accept-Language: de, en",
]


@st.composite
def response_lines(draw: st.DrawFn, opening: Opening) -> Lines:
    """A valid response (RFC 6455 §4.2.2) to a client that offers what *opening* says."""
    reason = draw(st.sampled_from(["Switching Protocols", "", "OK"]))
    connection = draw(st.sampled_from(["Upgrade", "upgrade", "Upgrade, keep-alive"]))
    fields = [
        _field(draw, "Upgrade", draw(st.sampled_from(["websocket", "WebSocket"]))),
        _field(draw, "Connection", connection),
        _field(draw, "Sec-WebSocket-Accept", "{accept}"),
    ]
    if draw(st.booleans()) and opening.subprotocols:
        chosen = draw(st.sampled_from(opening.subprotocols))
        fields.append(_field(draw, "Sec-WebSocket-Protocol", chosen))
    if opening.deflate and draw(st.booleans()):
        fields.append(_field(draw, "Sec-WebSocket-Extensions", "permessage-deflate"))
    fields += draw(st.lists(st.sampled_from([b"Server: x", b"Date: now"]), max_size=2, unique=True))
    return [f"HTTP/1.1 101 {reason}".encode(), *draw(st.permutations(fields))]


# Faults -------------------------------------------------------------------------------

Fault: TypeAlias = Callable[[st.DrawFn, Lines], Lines]


def _name_of(line: bytes) -> bytes:
    return line.partition(b":")[0].strip().lower()


def _index(draw: st.DrawFn, lines: Lines) -> int:
    return draw(st.integers(1, len(lines) - 1))


def without(name: bytes) -> Fault:
    """The fault that leaves a field out."""
    return lambda draw, lines: [line for line in lines if _name_of(line) != name]


def with_value(name: bytes, values: st.SearchStrategy[bytes]) -> Fault:
    """The fault that gives a field another value."""

    def fault(draw: st.DrawFn, lines: Lines) -> Lines:
        return [
            line.partition(b":")[0] + b": " + draw(values) if _name_of(line) == name else line
            for line in lines
        ]

    return fault


def _doubled(draw: st.DrawFn, lines: Lines) -> Lines:
    i = _index(draw, lines)
    return [*lines, lines[i]]


def _damaged(draw: st.DrawFn, lines: Lines) -> Lines:
    """One byte of a line is another."""
    i = draw(st.integers(0, len(lines) - 1))
    at = draw(st.integers(0, max(0, len(lines[i]) - 1)))
    octet = draw(
        st.sampled_from([b"\x00", b"\x0b", b" ", b":", b"\x7f", b"\xff", b"A", b",", b";"])
    )
    return [*lines[:i], lines[i][:at] + octet + lines[i][at + 1 :], *lines[i + 1 :]]


def _folded(draw: st.DrawFn, lines: Lines) -> Lines:
    i = _index(draw, lines)
    return [*lines[: i + 1], b" folded", *lines[i + 1 :]]


def _space_before_colon(draw: st.DrawFn, lines: Lines) -> Lines:
    i = _index(draw, lines)
    return [*lines[:i], lines[i].replace(b":", b" :", 1), *lines[i + 1 :]]


def _added(*fields: bytes) -> Fault:
    return lambda draw, lines: [*lines, draw(st.sampled_from(fields))]


def _start_line(*lines: bytes) -> Fault:
    return lambda draw, old: [draw(st.sampled_from(lines)), *old[1:]]


def _values(*values: bytes) -> st.SearchStrategy[bytes]:
    return st.sampled_from(values)


def _extensions(draw: st.DrawFn, lines: Lines) -> Lines:
    value = draw(extension_lists()).encode("latin-1")
    others = without(b"sec-websocket-extensions")(draw, lines)
    return [*others, b"Sec-WebSocket-Extensions: " + value]


COMMON_FAULTS: Final[dict[str, Fault]] = {
    "a field twice": _doubled,
    "a byte changed": _damaged,
    "a folded line": _folded,
    "space before a colon": _space_before_colon,
    "Upgrade missing": without(b"upgrade"),
    "Upgrade another": with_value(b"upgrade", _values(b"", b"h2c", b"websockets", b"web socket")),
    "Connection missing": without(b"connection"),
    "Connection another": with_value(
        b"connection", _values(b"", b"close", b"Upgrades", b"Up grade")
    ),
    "extensions at will": _extensions,
    "no colon": _added(b"nothing", b": empty name", b"na me: x", b"n\xe4me: x"),
}

REQUEST_FAULTS: Final[dict[str, Fault]] = COMMON_FAULTS | {
    "another request line": _start_line(
        *(b"POST / HTTP/1.1", b"get / HTTP/1.1", b"GET / HTTP/1.0", b"GET / HTTP/2.0", b"GET /"),
        *(b"GET  / HTTP/1.1", b"GET / a HTTP/1.1", b"GET /#f HTTP/1.1", b"GET * HTTP/1.1", b""),
        *(
            b"GET a HTTP/1.1",
            b"HEAD / HTTP/1.1",
            b"GET / HTTP/1.11",
            b"GET / http/1.1",
            b"\x16\x03\x01",
        ),
    ),
    "Host missing": without(b"host"),
    "Host another": with_value(b"host", _values(b"", b"a b", b"a,b", b"a:b", b"a/b", b"[::1")),
    "key missing": without(b"sec-websocket-key"),
    "key bad": with_value(b"sec-websocket-key", bad_keys()),
    "version missing": without(b"sec-websocket-version"),
    "version another": with_value(
        b"sec-websocket-version", _values(b"8", b"12", b"14", b"13, 8", b"013", b"", b"x", b"13 13")
    ),
    "subprotocols at will": _added(
        *(f"Sec-WebSocket-Protocol: {name}".encode("latin-1") for name in NO_TOKENS)
    ),
    "a body": _added(
        *(b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Content-Length: 0"),
        *(b"Content-Length: -1", b"Content-Length: 1, 2", b"Transfer-Encoding: gzip"),
    ),
}

RESPONSE_FAULTS: Final[dict[str, Fault]] = COMMON_FAULTS | {
    "another status line": _start_line(
        *(b"HTTP/1.1 200 OK", b"HTTP/1.1 403 Forbidden", b"HTTP/1.1 302 Found", b"HTTP/1.1 100 C"),
        *(
            b"HTTP/1.0 101 S",
            b"HTTP/1.1 1010 S",
            b"HTTP/1.1 10 S",
            b"HTTP/1.1",
            b"101",
            b"HTTP/2 101 S",
        ),
        *(b"HTTP/1.1 500 x", b"HTTP/1.1 101", b"HTTP/1.1 099 x", b"", b"HTTP/2 101 S"),
    ),
    "accept missing": without(b"sec-websocket-accept"),
    "accept another": with_value(
        b"sec-websocket-accept",
        _values(b"{accept:other}", b"{accept:swapcase}", b"{key}", b"", b"{accept}=", b"x{accept}"),
    ),
    "subprotocol not offered": _added(
        b"Sec-WebSocket-Protocol: other",
        b"Sec-WebSocket-Protocol: chat, x",
        b"Sec-WebSocket-Protocol:",
    ),
    "a body": _added(b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Content-Length: 0"),
}


# Scenarios ----------------------------------------------------------------------------


def openings(role: Role) -> st.SearchStrategy[Opening]:
    """What a server supports, or a client offers."""
    return st.tuples(subprotocols(), st.booleans()).map(lambda both: Opening(role, *both))


@st.composite
def opening_scenarios(draw: st.DrawFn, role: Role) -> OpeningScenario:
    """A request for a server or a response for a client: valid, or with one fault or two.

    Shrinks to a valid head with few fields, then to one fault.
    """
    opening = draw(openings(role))
    lines = draw(request_lines(opening) if role == "server" else response_lines(opening))
    table = REQUEST_FAULTS if role == "server" else RESPONSE_FAULTS
    names = draw(st.lists(st.sampled_from(sorted(table)), max_size=2))
    for name in names:
        lines = table[name](draw, lines)
    end = draw(st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r\n\r\n", b"\r"]))
    data = b"".join(line + (end if i == 0 else b"\r\n") for i, line in enumerate(lines)) + b"\r\n"
    if end != b"\r\n":
        names.append("another end of line")
    # A Text frame, which belongs to the connection if there is one.
    behind = [b"", b"\x81\x00", b"\x81\x80\x00\x00\x00\x00"]
    return OpeningScenario(data + draw(st.sampled_from(behind)), opening, tuple(names))
