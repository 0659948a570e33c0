"""Responses to a client, right and wrong ones (RFC 6455 §4.1), each fault by its name.

Owns these cases. Where the RFCs leave a client a choice, ``opening_client`` has the case.
"""

from __future__ import annotations

from typing import Final

from wsproto_core.testing.cases import Case, Outcomes
from wsproto_core.testing.outcomes import Accepted, Rejected
from wsproto_core.testing.settings import Opening

from .heads import FAILED, Field, case, lines, response

PLAIN: Final = Opening("client")
CHOOSY: Final = Opening("client", subprotocols=("chat", "superchat"))

ACCEPTED: Final[Outcomes] = (Accepted(),)

# Right responses ---------------------------------------------------------------------------

VALIDATED: Final = ("6455-4.1-43", "6455-4.1-41")

#: By name: what is special about the response, it, and what it checks besides.
RIGHT: Final[dict[str, tuple[str, bytes, tuple[str, ...]]]] = {
    "plain": ("the least that a response must have", response(), ("6455-4.1-38",)),
    "fields-reversed": (
        "the fields in another order",
        lines(
            b"HTTP/1.1 101 Switching Protocols",
            b"Sec-WebSocket-Accept: {accept}",
            b"Connection: Upgrade",
            b"Upgrade: websocket",
        ),
        (),
    ),
    "names-lower-case": (
        "the names of the fields in lower case",
        response(
            upgrade=b"upgrade: websocket",
            connection=b"connection: Upgrade",
            accept=b"sec-websocket-accept: {accept}",
        ),
        ("6455-4.1-42",),
    ),
    "names-upper-case": (
        "the names of the fields in upper case",
        response(
            upgrade=b"UPGRADE: websocket",
            connection=b"CONNECTION: Upgrade",
            accept=b"SEC-WEBSOCKET-ACCEPT: {accept}",
        ),
        ("6455-4.1-42",),
    ),
    "upgrade-mixed-case": (
        "Upgrade: WebSocket",
        response(upgrade=b"Upgrade: WebSocket"),
        ("6455-4.1-36",),
    ),
    "upgrade-upper-case": (
        "Upgrade: WEBSOCKET",
        response(upgrade=b"Upgrade: WEBSOCKET"),
        ("6455-4.1-36",),
    ),
    "connection-lower-case": (
        "Connection: upgrade",
        response(connection=b"Connection: upgrade"),
        ("6455-4.1-37",),
    ),
    "connection-list": (
        "Upgrade is one of several tokens of Connection",
        response(connection=b"Connection: keep-alive,\tUpgrade , foo"),
        ("6455-4.1-37",),
    ),
    "connection-split": (
        "two fields Connection",
        response(connection=(b"Connection: keep-alive", b"Connection: Upgrade")),
        ("6455-4.1-37",),
    ),
    "space-none": (
        "no white space behind the colons",
        response(
            upgrade=b"Upgrade:websocket",
            connection=b"Connection:Upgrade",
            accept=b"Sec-WebSocket-Accept:{accept}",
        ),
        ("6455-4.1-38",),
    ),
    "space-around": (
        "spaces and tabs around the values",
        response(
            upgrade=b"Upgrade: \twebsocket\t",
            connection=b"Connection:   Upgrade  ",
            accept=b"Sec-WebSocket-Accept:\t {accept} \t",
        ),
        ("6455-4.1-38",),
    ),
    "reason-empty": ("an empty reason phrase", response(line=b"HTTP/1.1 101 "), ()),
    "reason-other": (
        "another reason phrase",
        response(line=b"HTTP/1.1 101 Web Socket Protocol Handshake \xfc"),
        (),
    ),
    "unknown-fields": (
        "fields that a client does not know, also empty ones",
        response(b"X-Empty:", b"X-Colons: a:b: c", b"X-Latin: J\xfcrgen", b"X-Empty:"),
        (),
    ),
    "usual-fields": (
        "fields that servers send",
        response(
            b"Date: Mon, 20 Jul 2026 09:00:00 GMT",
            b"Server: example/1.0",
            b"Set-Cookie: a=b; Path=/",
            b"Set-Cookie: c=d",
            b"Strict-Transport-Security: max-age=31536000",
        ),
        (),
    ),
    "version-field": (
        "a 101 with Sec-WebSocket-Version",
        response(b"Sec-WebSocket-Version: 13"),
        (),
    ),
    "folded": (
        "a folded line, which a user agent MUST replace with a space (RFC 9112 §5.2)",
        response(b"X-Folded: a", b" b", b"\tSec-WebSocket-Protocol: chat"),
        (),
    ),
    "folded-accept": (
        "the accept value stands on the next line",
        response(accept=(b"Sec-WebSocket-Accept:", b" {accept}")),
        ("6455-4.1-38",),
    ),
    "continue-first": (
        "100 Continue comes first (RFC 9110 §15.2)",
        lines(b"HTTP/1.1 100 Continue") + response(),
        ("6455-4.1-35",),
    ),
    "early-hints-first": (
        "103 Early Hints comes first (RFC 8297)",
        lines(b"HTTP/1.1 103 Early Hints", b"Link: </style.css>; rel=preload") + response(),
        ("6455-4.1-35",),
    ),
    "several-first": (
        "three other 1xx come first",
        lines(b"HTTP/1.1 102 Processing")
        + lines(b"HTTP/1.1 100 Continue")
        + lines(b"HTTP/1.1 199 Unknown", b"Upgrade: h2c")
        + response(),
        ("6455-4.1-35",),
    ),
}

# Refusals ----------------------------------------------------------------------------------

REFUSALS: Final[dict[int, tuple[bytes, ...]]] = {
    200: (b"Content-Type: text/plain",),
    204: (),
    301: (b"Location: ws://other.example/chat",),
    302: (b"Location: /login",),
    307: (b"Location: wss://example.com/chat",),
    400: (b"Sec-WebSocket-Version: 13, 8, 7",),
    401: (b'WWW-Authenticate: Basic realm="chat"',),
    403: (),
    404: (),
    407: (b'Proxy-Authenticate: Basic realm="proxy"',),
    426: (b"Sec-WebSocket-Version: 8", b"Upgrade: websocket", b"Connection: Upgrade"),
    429: (b"Retry-After: 60",),
    500: (),
    503: (b"Retry-After: 60",),
    599: (),
}

# Wrong responses ---------------------------------------------------------------------------

#: By name: what is wrong, the response, and what it checks.
WRONG: Final[dict[str, tuple[str, bytes, tuple[str, ...]]]] = {
    **{
        f"status-line-{name}": (title, response(line=line), ("6455-4.1-35", "6455-4.1-41"))
        for name, (title, line) in {
            "garbage": ("a status line that is none", b"Hello"),
            "four-digits": ("a status of four digits", b"HTTP/1.1 1010 Switching Protocols"),
            "two-digits": ("a status of two digits", b"HTTP/1.1 10 Switching Protocols"),
            "letters": ("a status that is no number", b"HTTP/1.1 1O1 Switching Protocols"),
            "no-status": ("a status line without a status", b"HTTP/1.1"),
            "no-version": ("a status line without a version", b"101 Switching Protocols"),
            "other-name": ("a status line of something else", b"HTTQ/1.1 101 Switching Protocols"),
            "lower-case": ("HTTP in lower case", b"http/1.1 101 Switching Protocols"),
            "no-minor": ("HTTP/1 without a minor version", b"HTTP/1 101 Switching Protocols"),
            "request": ("a request instead of a response", b"GET /chat HTTP/1.1"),
        }.items()
    },
    **{
        f"upgrade-{name}": (title, response(upgrade=upgrade), ("6455-4.1-36",))
        for name, (title, upgrade) in {
            "missing": ("no Upgrade", None),
            "empty": ("an empty Upgrade", b"Upgrade:"),
            "other": ("an Upgrade to something else", b"Upgrade: h2c"),
            "longer": ("Upgrade: websockets", b"Upgrade: websockets"),
            "list": ("an Upgrade to two protocols", b"Upgrade: websocket, h2c"),
            "version": ("Upgrade: websocket/13", b"Upgrade: websocket/13"),
            "quoted": ("a quoted Upgrade", b'Upgrade: "websocket"'),
            "two": ("two different fields Upgrade", (b"Upgrade: websocket", b"Upgrade: h2c")),
        }.items()
    },
    **{
        f"connection-{name}": (title, response(connection=connection), ("6455-4.1-37",))
        for name, (title, connection) in {
            "missing": ("no Connection", None),
            "empty": ("an empty Connection", b"Connection:"),
            "other": ("Connection: close", b"Connection: close"),
            "longer": ("Connection: Upgrades", b"Connection: Upgrades"),
            "spaced": ("Connection: keep-alive Upgrade", b"Connection: keep-alive Upgrade"),
            "quoted": ("a quoted Connection", b'Connection: "Upgrade"'),
        }.items()
    },
    **{
        f"accept-{name}": (title, response(accept=accept), ("6455-4.1-38", *more))
        for name, (title, accept, more) in {
            "missing": ("no Sec-WebSocket-Accept", None, ()),
            "empty": ("an empty Sec-WebSocket-Accept", b"Sec-WebSocket-Accept:", ()),
            "other": (
                "the accept value of another key",
                b"Sec-WebSocket-Accept: {accept:other}",
                (),
            ),
            "swapcase": (
                "the accept value with upper and lower case exchanged",
                b"Sec-WebSocket-Accept: {accept:swapcase}",
                (),
            ),
            "key": ("the key instead of the accept value", b"Sec-WebSocket-Accept: {key}", ()),
            "longer": ("more behind the accept value", b"Sec-WebSocket-Accept: {accept}=", ()),
            "before": ("more before the accept value", b"Sec-WebSocket-Accept: x{accept}", ()),
            "quoted": ("a quoted accept value", b'Sec-WebSocket-Accept: "{accept}"', ()),
            "list": (
                "the accept value twice in one field",
                b"Sec-WebSocket-Accept: {accept}, {accept}",
                (),
            ),
            "twice": (
                "the accept value in two fields",
                (b"Sec-WebSocket-Accept: {accept}", b"Sec-WebSocket-Accept: {accept}"),
                ("6455-11.3.3-1",),
            ),
            "right-first": (
                "the right accept value, then another",
                (b"Sec-WebSocket-Accept: {accept}", b"Sec-WebSocket-Accept: {accept:other}"),
                ("6455-11.3.3-1",),
            ),
            "right-last": (
                "another accept value, then the right one",
                (b"Sec-WebSocket-Accept: {accept:other}", b"Sec-WebSocket-Accept: {accept}"),
                ("6455-11.3.3-1",),
            ),
        }.items()
    },
    **{
        f"line-{name}": (title, response(line), ("6455-4.1-41",))
        for name, (title, line) in {
            "no-colon": ("a line without a colon", b"Nothing"),
            "no-name": ("a field without a name", b": nothing"),
            "space-in-name": ("a field's name with a space in it", b"X Y: z"),
            "latin-name": ("a field's name with a byte above 127", b"X-\xfc: z"),
            "nul-in-name": ("a field's name with NUL", b"X\x00Y: z"),
        }.items()
    },
    "after-continue": (
        "behind 100 Continue comes no response",
        lines(b"HTTP/1.1 100 Continue") + lines(b"Upgrade: websocket"),
        ("6455-4.1-35",),
    ),
}

#: By name: what the server chooses of "chat" and "superchat"; None for a failure.
SUBPROTOCOLS: Final[dict[str, tuple[str, Field, str | None, tuple[str, ...]]]] = {
    "first": ("the first that was asked for", b"chat", "chat", ("6455-4.1-45",)),
    "second": ("the second that was asked for", b"superchat", "superchat", ("6455-4.1-45",)),
    "space": ("one with white space around it", b"\t chat ", "chat", ("6455-4.1-45",)),
    "other": ("one that was not asked for", b"soap", None, ("6455-4.1-40",)),
    "case": ("one in another case", b"Chat", None, ("6455-4.1-40",)),
    "longer": ("one that only begins alike", b"chatter", None, ("6455-4.1-40",)),
    "empty": ("an empty one", b"", None, ("6455-4.1-40", "6455-4.1-41")),
    "list": ("both", b"chat, superchat", None, ("6455-4.1-40", "6455-4.1-41")),
    "quoted": ("a quoted one", b'"chat"', None, ("6455-4.1-40", "6455-4.1-41")),
    "twice": ("the same in two fields", (b"chat", b"chat"), None, ("6455-11.3.4-2",)),
    "two": ("both, in two fields", (b"chat", b"superchat"), None, ("6455-11.3.4-2",)),
}


def _subprotocol(name: str, title: str, values: Field, chosen: str | None, *ids: str) -> Case:
    fields = values if isinstance(values, tuple) else (values or b"",)
    return case(
        f"opening/subprotocol-{name}",
        f"the server chooses a subprotocol: {title}",
        [response(*(b"Sec-WebSocket-Protocol: " + value for value in fields))],
        FAILED if chosen is None else (Accepted(chosen),),
        ids,
        opening=CHOOSY,
    )


CASES: Final[tuple[Case, ...]] = (
    *(
        case(f"opening/{name}", title, [data], ACCEPTED, (*VALIDATED, *more), opening=PLAIN)
        for name, (title, data, more) in RIGHT.items()
    ),
    case(
        "opening/subprotocol-none",
        "the server agrees to no subprotocol",
        [response()],
        ACCEPTED,
        ("6455-4.1-45",),
        opening=CHOOSY,
    ),
    *(
        _subprotocol(name, title, values, chosen, *ids)
        for name, (title, values, chosen, ids) in SUBPROTOCOLS.items()
    ),
    case(
        "opening/subprotocol-unasked",
        "the server chooses a subprotocol, and none was asked for",
        [response(b"Sec-WebSocket-Protocol: chat")],
        FAILED,
        ("6455-4.1-40",),
        opening=PLAIN,
    ),
    *(
        case(
            f"opening/status-{status}",
            f"the server answers {status}",
            [lines(b"HTTP/1.1 %d Refused" % status, b"Content-Length: 0", *fields)],
            (Rejected(status),),
            ("6455-4.1-35",),
            opening=PLAIN,
            also=[FAILED],
            # "the server might redirect the client using a 3xx status code (but clients are not
            # required to follow them)": one that does has nothing to tell yet.
            tolerate=[()] if 300 <= status < 400 else [],
        )
        for status, fields in REFUSALS.items()
    ),
    case(
        "opening/status-200-upgrade",
        "the server answers 200 with all the fields of a 101",
        [response(b"Content-Length: 0", line=b"HTTP/1.1 200 OK")],
        (Rejected(200),),
        ("6455-4.1-35",),
        opening=PLAIN,
        also=[FAILED],
    ),
    case(
        "opening/status-403-body",
        "the server answers 403, with a body",
        [lines(b"HTTP/1.1 403 Forbidden", b"Content-Length: 9") + b"Forbidden"],
        (Rejected(403),),
        ("6455-4.1-35",),
        opening=PLAIN,
        also=[FAILED],
    ),
    *(
        case(f"opening/{name}", title, [data], FAILED, ids, opening=PLAIN)
        for name, (title, data, ids) in WRONG.items()
    ),
)
