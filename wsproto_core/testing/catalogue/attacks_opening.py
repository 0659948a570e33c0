"""Cases: what published advisories on the opening handshake of WebSockets are about.

Owns fields that are dear to parse, sizes of windows, and bytes before the server's answer. Heads
that are too large, and those that hide a field, are in ``opening_server``.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.cases import Case, Level, Outcomes
from wsproto_core.testing.frames import PING, TEXT, Frame
from wsproto_core.testing.outcomes import Accepted, Failed, GotClose, GotMessage, GotPing
from wsproto_core.testing.settings import Opening

from .building import cases, close
from .heads import BAD_REQUEST, FAILED, request, response

_CHAT: Final = Opening("server", subprotocols=("chat",), deflate=True)
_PARSING: Final = (
    "CVE-2021-32640 (ws)",
    "CVE-2023-43669 (tungstenite)",
    "CVE-2025-67725 (tornado)",
)


def _field(name: bytes, value: bytes) -> bytes:
    return request(b"Sec-WebSocket-" + name + b": " + value)


#: By name: fields that a careless parser needs long for; what comes of them.
LONG_FIELDS: Final[dict[str, tuple[str, bytes, Outcomes]]] = {
    "spaces-in-token": (
        "a subprotocol with 4000 spaces in it",
        _field(b"Protocol", b"chat" + b" " * 4000 + b"x"),
        BAD_REQUEST,
    ),
    "spaces-around-comma": (
        "subprotocols with 4000 spaces between them",
        _field(b"Protocol", b"superchat" + b" " * 2000 + b"," + b" " * 2000 + b"chat"),
        (Accepted("chat"),),
    ),
    "commas": (
        "3000 empty elements in a list of subprotocols",
        _field(b"Protocol", b"chat" + b"," * 3000),
        (Accepted("chat"),),
    ),
    "parameters": (
        "an unknown extension with 2000 parameters",
        _field(b"Extensions", b"x-unknown" + b"; a" * 2000),
        (Accepted(),),
    ),
    "open-quote": (
        "a quoted value of 4000 escapes that does not end",
        _field(b"Extensions", b'x-unknown; a="' + b"\\a" * 2000),
        BAD_REQUEST,
    ),
    "offers": (
        "100 offers of compression that all have a value that is not allowed",
        _field(b"Extensions", b", ".join([b"permessage-deflate; client_max_window_bits=7"] * 100)),
        (Accepted(),),
    ),
    "window-bits": (
        "an offer of a window of a number of 1000 digits",
        _field(b"Extensions", b"permessage-deflate; server_max_window_bits=" + b"1" * 1000),
        (Accepted(),),
    ),
}

LONG: Final = tuple(
    chain.from_iterable(
        cases(
            f"attacks/header-{name}",
            title,
            [data],
            expect,
            [],
            level=Level.POLICY,
            also=() if expect == BAD_REQUEST else [BAD_REQUEST],
            note="Whether it is refused or not, it must neither stop a server nor raise.",
            advisories=_PARSING,
            opening=_CHAT,
        )
        for name, (title, data, expect) in LONG_FIELDS.items()
    )
)

WINDOW_BITS: Final = tuple(
    chain.from_iterable(
        cases(
            f"attacks/window-bits-{name}",
            f"a server's response with {title}",
            [response(b"Sec-WebSocket-Extensions: permessage-deflate; " + parameter)],
            FAILED,
            ["7692-7-6"],
            advisories=["CVE-2026-2229 (undici)"],
            opening=Opening("client", deflate=True),
        )
        for name, title, parameter in (
            ("1000", "a window of 1000 bits", b"server_max_window_bits=1000"),
            ("0", "a window of 0 bits", b"server_max_window_bits=0"),
            ("negative", "a window of -15 bits", b"server_max_window_bits=-15"),
            ("none", "a window of no size", b"server_max_window_bits"),
            ("letters", "a window of letters", b"server_max_window_bits=ten"),
            ("digits", "a window of 1000 digits", b"server_max_window_bits=" + b"1" * 1000),
        )
    )
)

EARLY: Final = tuple(
    chain.from_iterable(
        cases(
            f"attacks/early-{name}",
            f"{title} behind the request, before it is answered",
            [request(), *parts],
            [Accepted(), *told],
            ["6455-4.2.2-1"],
            level=Level.POLICY,
            note="A client MUST wait (§4.1). What comes early is neither HTTP nor lost.",
            opening=Opening("server"),
        )
        for name, title, parts, told in (
            ("ping", "a Ping frame", [Frame(PING, b"early")], [GotPing(b"early")]),
            ("fragment", "the first half of a message", [Frame(TEXT, b"a", fin=False)], []),
            (
                "message",
                "a message and its Close frame",
                [Frame(TEXT, b"a"), close(1000)],
                [GotMessage("text", b"a"), GotClose(1000, b"")],
            ),
            ("unmasked", "a frame that is not masked", [b"\x81\x01a"], [Failed(1002)]),
            ("request", "a second request", [request()], [Failed(1002)]),
        )
    )
)

CASES: Final[tuple[Case, ...]] = (*LONG, *WINDOW_BITS, *EARLY)
