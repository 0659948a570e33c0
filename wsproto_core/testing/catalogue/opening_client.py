"""Cases: the opening handshake, for clients (RFC 6455 §4.1; RFC 9110 and RFC 9112 below it).

Owns the client's request, what the RFCs leave open, and what comes behind a response or before
its end; and joins the responses to it. Extensions stand in ``negotiation_client``.
"""

from __future__ import annotations

from typing import Final

from wsproto_core.testing.actions import SendMessage, SendPing
from wsproto_core.testing.cases import Case, Level, Outcomes
from wsproto_core.testing.frames import BINARY, PING, TEXT, Frame
from wsproto_core.testing.outcomes import (
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    Lost,
    Refused,
    Rejected,
)
from wsproto_core.testing.settings import Opening

from . import opening_responses
from .building import EOF, READ, Part, close
from .heads import FAILED, NOTHING, case, lines, response
from .opening_responses import ACCEPTED, PLAIN, VALIDATED

# Requests --------------------------------------------------------------------------------

#: RFC 6455 §4.1: whatever a client asks for, its request is judged by all of them.
REQUEST: Final = (
    *(f"6455-4.1-{i}" for i in (1, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 29, 30)),
    "6455-3-1",
    "6455-11.3.1-1",
    "6455-11.3.5-1",
)

#: By name: what is asked for.
REQUESTS: Final[dict[str, tuple[str, Opening, tuple[str, ...]]]] = {
    "plain": ("a client's request", PLAIN, ()),
    "root": ("a client's request for /", Opening("client", target="/"), ()),
    "query": (
        "a client's request with a query",
        Opening("client", target="/chat?room=1&to=/a?b"),
        (),
    ),
    "escapes": (
        "a client's request with escapes, which stay as they are",
        Opening("client", target="/%23%20%C3%A9%2F"),
        ("6455-3-2", "6455-4.1-2"),
    ),
    "port": (
        "a client's request to another port",
        Opening("client", host="example.com:8080"),
        (),
    ),
    "ipv6": ("a client's request to an IPv6 address", Opening("client", host="[::1]:8080"), ()),
    "subprotocol": (
        "a client's request for a subprotocol",
        Opening("client", subprotocols=("chat",)),
        ("6455-4.1-31", "6455-4.1-32", "6455-4.1-33"),
    ),
    "subprotocols": (
        "a client's request for four subprotocols",
        Opening("client", subprotocols=("v2.chat", "chat", "superchat", "!#$%&'*+-.^_`|~")),
        ("6455-4.1-31", "6455-4.1-32", "6455-4.1-33"),
    ),
}

OPEN_MATTERS: Final = (
    *(
        case(
            f"opening/{name}",
            title,
            [data],
            ACCEPTED,
            ids,
            opening=PLAIN,
            also=[FAILED],
            note=note,
        )
        for name, title, data, ids, note in (
            (
                "upgrade-twice",
                "the same Upgrade twice",
                response(upgrade=(b"Upgrade: websocket", b"Upgrade: websocket")),
                ("6455-4.1-36",),
                "Each value is a match, the list is not.",
            ),
            (
                "no-reason",
                "no space behind the status",
                response(line=b"HTTP/1.1 101"),
                ("6455-4.1-41",),
                "RFC 9112 §4: the grammar has a space there; many servers have not.",
            ),
            (
                "bare-lf",
                "lines that end with LF alone",
                response(end=b"\n"),
                ("6455-4.1-41",),
                "RFC 9112 §2.2: a recipient MAY recognise LF alone as the end of a line.",
            ),
            (
                "space-before-colon",
                "white space before an unknown field's colon",
                response(b"X-Name : y"),
                ("6455-4.1-41",),
                "RFC 9112 §5.1 tells servers and proxies what to do, not user agents.",
            ),
            (
                "length-zero",
                "a 101 with Content-Length: 0",
                response(b"Content-Length: 0"),
                ("6455-4.1-41",),
                "RFC 9110 §8.6 forbids it; RFC 9112 §6.3 says that there is no body regardless.",
            ),
        )
    ),
    case(
        "opening/length",
        "a 101 with a Content-Length, which does not make a body of the frames",
        [response(b"Content-Length: 4"), Frame(TEXT, b"hi")],
        (Accepted(), GotMessage("text", b"hi")),
        ("6455-4.1-41",),
        opening=PLAIN,
        also=[FAILED],
        note="RFC 9112 §6.3: a 1xx ends with its head, regardless of the fields.",
    ),
    case(
        "opening/chunked",
        "a 101 with a transfer coding, which does not make a body of the frames",
        [response(b"Transfer-Encoding: chunked"), Frame(TEXT, b"hi")],
        (Accepted(), GotMessage("text", b"hi")),
        ("6455-4.1-41",),
        opening=PLAIN,
        also=[FAILED],
        note="RFC 9112 §6.3: a 1xx ends with its head, regardless of the fields.",
    ),
    case(
        "opening/bare-cr",
        "a CR alone, which does not end a line",
        [response(b"X-Name: a\rSec-WebSocket-Accept: {accept}", accept=None)],
        FAILED,
        ("6455-4.1-38",),
        opening=PLAIN,
        advisories=["CVE-2023-30589 (llhttp)"],
        note="RFC 9112 §2.2: hold it invalid, or replace it with SP.",
    ),
    case(
        "opening/http-1.0",
        "101 from a server of HTTP/1.0",
        [response(line=b"HTTP/1.0 101 Switching Protocols")],
        FAILED,
        (),
        opening=PLAIN,
        level=Level.POLICY,
        note="HTTP/1.0 has no Upgrade (RFC 9110 §7.8) and no 1xx (§15.2).",
    ),
    case(
        "opening/nul-in-value",
        "NUL in an unknown field's value",
        [response(b"X-Name: a\x00b")],
        FAILED,
        (),
        opening=PLAIN,
        level=Level.POLICY,
        note="No field may have it, but RFC 9110 §5.5 lets a recipient put SP in its place.",
    ),
    *(
        case(
            f"opening/{name}",
            title,
            [data],
            FAILED,
            (),
            opening=PLAIN,
            level=Level.POLICY,
            advisories=["CVE-2018-12121 (Node.js)"],
            note="A head is kept until it ends, so its size must have a bound.",
        )
        for name, title, data in (
            ("large-field", "a field of 256 KiB", response(b"X: " + b"a" * 2**18)),
            ("large-endless", "256 KiB of a head that does not end", response()[:-2] * 2000),
            (
                "many-fields",
                "2000 fields",
                response(*(b"X-%d: %d" % (i, i) for i in range(2000))),
            ),
        )
    ),
    case(
        "opening/many-informational",
        "100 Continue a hundred times, then a refusal",
        [lines(b"HTTP/1.1 100 Continue") * 100 + lines(b"HTTP/1.1 403 Forbidden")],
        (Rejected(403),),
        ("6455-4.1-35",),
        opening=PLAIN,
        also=[FAILED],
        note='RFC 9110 §15.2: "one or more"; a client may have had enough.',
    ),
)

# Streams -------------------------------------------------------------------------------------

FRAMES: Final[tuple[Part, ...]] = (
    Frame(TEXT, b"one"),
    Frame(PING, b"?"),
    Frame(BINARY, b"two"),
)
GOT: Final[Outcomes] = (
    GotMessage("text", b"one"),
    GotPing(b"?"),
    GotMessage("binary", b"two"),
)

STREAMS: Final = (
    case(
        "opening/frames-behind",
        "frames right behind the response",
        [response(), *FRAMES],
        (Accepted(), *GOT),
        VALIDATED,
        opening=PLAIN,
        note="§4.2.2: once it has sent its handshake a server may begin sending data.",
    ),
    case(
        "opening/frames-after",
        "frames after the response",
        [response(), READ, *FRAMES],
        (Accepted(), *GOT),
        VALIDATED,
        opening=PLAIN,
    ),
    case(
        "opening/close-behind",
        "a Close frame right behind the response",
        [response(), close(1001, b"later")],
        (Accepted(), GotClose(1001, b"later")),
        VALIDATED,
        opening=PLAIN,
    ),
    case(
        "opening/bad-frame-behind",
        "a masked frame right behind the response",
        [response(), Frame(TEXT, b"hi", masking_key=b"mask")],
        (Accepted(), Failed(1002)),
        VALIDATED,
        opening=PLAIN,
    ),
    case(
        "opening/second-response",
        "a second response behind the first is no HTTP any more",
        [response(), response()],
        (Accepted(), Failed(1002)),
        VALIDATED,
        opening=PLAIN,
        note="It begins with H (0x48): RSV1 and a Close frame that is a fragment.",
    ),
    case(
        "opening/frames-behind-refused",
        "frames behind a refusal are no frames",
        [lines(b"HTTP/1.1 403 Forbidden", b"Content-Length: 4"), Frame(TEXT, b"hi")],
        (Rejected(403),),
        ("6455-4.1-35",),
        opening=PLAIN,
        also=[FAILED],
    ),
    case(
        "opening/frames-behind-bad",
        "frames behind a 101 that is wrong are not read",
        [response(accept=None), *FRAMES],
        FAILED,
        ("6455-4.1-38",),
        opening=PLAIN,
    ),
    case(
        "opening/incomplete",
        "a response without its last byte",
        [response()[:-1]],
        NOTHING,
        VALIDATED,
        opening=PLAIN,
    ),
    case(
        "opening/in-pieces",
        "a response in three reads",
        [response()[:5], READ, response()[5:60], READ, response()[60:], *FRAMES],
        (Accepted(), *GOT),
        VALIDATED,
        opening=PLAIN,
    ),
    case(
        "opening/eof-after",
        "the transport ends behind the response",
        [response(), EOF],
        (Accepted(), Lost()),
        VALIDATED,
        opening=PLAIN,
    ),
    *(
        case(
            f"opening/eof-{name}",
            title,
            [data, EOF] if data else [EOF],
            FAILED,
            ("6455-4.1-41",),
            opening=PLAIN,
            also=[(Lost(),)],
        )
        for name, title, data in (
            ("at-once", "the transport ends without a response", b""),
            ("in-line", "the transport ends within the status line", b"HTTP/1.1 10"),
            ("in-field", "the transport ends within a field", response()[:60]),
            ("at-end", "the transport ends before the last line feed", response()[:-1]),
            (
                "after-continue",
                "the transport ends behind 100 Continue",
                lines(b"HTTP/1.1 100 Continue"),
            ),
        )
    ),
    *(
        case(
            f"opening/early-{name}",
            f"the application {what} before the response is there",
            [action, response()],
            (Refused(), Accepted()),
            ("6455-4.1-34",),
            opening=PLAIN,
            sent=(),
        )
        for name, what, action in (
            ("text", "sends a text", SendMessage("text", (b"early",))),
            ("binary", "sends a binary message", SendMessage("binary", (b"early",))),
            ("ping", "sends a Ping", SendPing(b"early")),
        )
    ),
)

CASES: Final[tuple[Case, ...]] = (
    *(
        case(f"opening/request-{name}", title, [], NOTHING, (*REQUEST, *more), opening=opening)
        for name, (title, opening, more) in REQUESTS.items()
    ),
    *opening_responses.CASES,
    *OPEN_MATTERS,
    *STREAMS,
)
