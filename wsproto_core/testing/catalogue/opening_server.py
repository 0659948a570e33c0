"""Cases: the opening handshake, for servers (RFC 6455 §4.2; RFC 9110 and RFC 9112 below it).

Owns what the RFCs leave open, what is too large, and what comes behind a request or before its
end; and joins right and wrong requests to it. Extensions stand in ``negotiation_server``.
"""

from __future__ import annotations

from typing import Final

from wsproto_core.testing.cases import Case, Level, Outcomes
from wsproto_core.testing.frames import BINARY, PING, TEXT, Frame
from wsproto_core.testing.outcomes import (
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    Lost,
    Rejected,
)

from . import opening_faults, opening_requests
from .building import EOF, READ, Part, close
from .heads import BAD_REQUEST, ENDED, FAILED, NOTHING, case, lines, request
from .opening_faults import GRAMMAR, UPGRADE
from .opening_requests import ACCEPTED, ANSWER, CHOOSY, PLAIN

BODIES: Final = ("CVE-2025-43859 (h11)",)

OPEN_MATTERS: Final = (
    case(
        "opening/http-1.2",
        "the version of HTTP is 1.2",
        [request(line=b"GET /chat HTTP/1.2")],
        ACCEPTED,
        ("6455-4.2.1-2",),
        opening=PLAIN,
        level=Level.SHOULD,
        note="RFC 9110 §2.5: process as the highest minor version that is known.",
    ),
    case(
        "opening/empty-line-first",
        "an empty line before the request",
        [b"\r\n" + request()],
        ACCEPTED,
        ("6455-4.2.1-1",),
        opening=PLAIN,
        level=Level.SHOULD,
        note='RFC 9112 §2.2: a server "SHOULD ignore at least one empty line (CRLF) received '
        'prior to the request-line".',
    ),
    case(
        "opening/key-rfc-example",
        "the key of RFC 6455 §4.1, whose last bits are not zero",
        [request(key=b"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==")],
        ACCEPTED,
        ("6455-4.2.1-6",),
        opening=PLAIN,
        level=Level.POLICY,
        note="RFC 4648 §3.5 lets a decoder reject it; but it is the example of RFC 6455.",
    ),
    case(
        "opening/folded-value",
        "a folded line: the value of Upgrade stands on the next one",
        [request(upgrade=(b"Upgrade:", b" websocket"))],
        BAD_REQUEST,
        GRAMMAR,
        opening=PLAIN,
        also=[ACCEPTED],
        note="RFC 9112 §5.2: a server rejects with 400, or reads the fold as a space.",
    ),
    case(
        "opening/folded-subprotocol",
        "a folded line that must not be taken for a field",
        [request(b"X-Folded: a", b" Sec-WebSocket-Protocol: chat")],
        BAD_REQUEST,
        GRAMMAR,
        opening=CHOOSY,
        also=[ACCEPTED],
        advisories=["CVE-2022-32215 (llhttp)"],
        note="RFC 9112 §5.2: a server rejects with 400, or reads the fold as a space.",
    ),
    case(
        "opening/space-before-first-field",
        "the first field is indented",
        [lines(b"GET /chat HTTP/1.1", b" Sec-WebSocket-Protocol: chat", request()[20:-2])],
        BAD_REQUEST,
        GRAMMAR,
        opening=CHOOSY,
        also=[ACCEPTED],
        note="RFC 9112 §2.2: reject, or consume such lines without processing.",
    ),
    case(
        "opening/bare-cr",
        "a CR alone, which does not end a line",
        [request(b"X-Name: a\rSec-WebSocket-Protocol: chat")],
        BAD_REQUEST,
        GRAMMAR,
        opening=CHOOSY,
        also=[ACCEPTED],
        advisories=["CVE-2023-30589 (llhttp)"],
        note="RFC 9112 §2.2: hold it invalid, or replace it with SP.",
    ),
    case(
        "opening/bare-lf",
        "lines that end with LF alone",
        [request(end=b"\n")],
        ACCEPTED,
        GRAMMAR,
        opening=PLAIN,
        also=[BAD_REQUEST, NOTHING],
        note="RFC 9112 §2.2: a recipient MAY recognise LF alone as the end of a line.",
    ),
    case(
        "opening/spaces-in-request-line",
        "two spaces and a tab in the request line",
        [request(line=b"GET  /chat\tHTTP/1.1")],
        BAD_REQUEST,
        GRAMMAR,
        opening=PLAIN,
        also=[ACCEPTED],
        note="RFC 9112 §3: recipients MAY parse on white space.",
    ),
    *(
        case(
            f"opening/subprotocol-{name}",
            f"subprotocols: {title}",
            [request(b"Sec-WebSocket-Protocol: " + value)],
            BAD_REQUEST,
            ("6455-4.2.1-9", "6455-4.2.2-9"),
            opening=CHOOSY,
            also=[ACCEPTED],
            note="The grammar wants one at least (§4.3); but recipients ignore empty elements "
            "(RFC 9110 §5.6.1.2), and released clients send the field without any.",
        )
        for name, title, value in (
            ("empty", "a list without any", b""),
            ("commas", "a list of empty ones", b", ,"),
        )
    ),
    case(
        "opening/nul-in-value",
        "NUL in an unknown field's value",
        [request(b"X-Name: a\x00b")],
        BAD_REQUEST,
        ("6455-4.2.1-1",),
        opening=PLAIN,
        level=Level.POLICY,
        note="No field may have it, but RFC 9110 §5.5 lets a recipient put SP in its place.",
    ),
    *(
        case(
            f"opening/{name}",
            title,
            [data],
            BAD_REQUEST,
            (),
            opening=PLAIN,
            level=Level.POLICY,
            also=also,
            advisories=advisories,
            note=note,
        )
        for name, title, data, also, advisories, note in (
            (
                "http-2.0",
                "a request of HTTP/2.0 in the syntax of HTTP/1.1",
                request(line=b"GET /chat HTTP/2.0"),
                ((Rejected(505),), ACCEPTED),
                (),
                '§4.2.1 says "HTTP/1.1 or higher", but HTTP/2 has another syntax.',
            ),
            (
                "host-empty",
                "an empty Host",
                request(host=b"Host:"),
                (),
                (),
                "It is no server's authority (§4.2.1); but HTTP has a use for it (RFC 9112 §3.2).",
            ),
            (
                "upgrade-with-version",
                "Upgrade: websocket/13",
                request(upgrade=b"Upgrade: websocket/13"),
                UPGRADE,
                (),
                "HTTP's protocols may have versions (RFC 9110 §7.8); the value of §4.2.1 has not.",
            ),
            (
                "target-latin",
                "a target with bytes above 127",
                request(line=b"GET /caf\xc3\xa9 HTTP/1.1"),
                (),
                (),
                "No URI has them (RFC 3986); what a server makes of them nobody knows.",
            ),
            (
                "target-nul",
                "a target with NUL",
                request(line=b"GET /a\x00b HTTP/1.1"),
                (),
                (),
                "No URI has it; it ends strings in other programs.",
            ),
            (
                "origin-twice",
                "two origins",
                request(b"Origin: http://example.com", b"Origin: http://evil.example"),
                ((Rejected(403),),),
                (),
                "RFC 6454 §7.3 forbids a browser to send two; which one counts nobody can say.",
            ),
            (
                "subprotocol-twice",
                "a subprotocol that is asked for twice",
                request(b"Sec-WebSocket-Protocol: chat, chat"),
                (),
                (),
                "§4.1 has clients name each once; §4.3's grammar does not say so.",
            ),
            (
                "body-length",
                "a request with a body",
                request(b"Content-Length: 5") + b"hello",
                ((Rejected(413),),),
                BODIES,
                "Who reads it as a body and who reads it as frames differ on where frames begin.",
            ),
            (
                "body-chunked",
                "a request with a chunked body",
                request(b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
                ((Rejected(411),), (Rejected(501),)),
                BODIES,
                "Who reads it as a body and who reads it as frames differ on where frames begin.",
            ),
            (
                "body-both",
                "a request with a length and a transfer coding",
                request(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
                ((Rejected(501),),),
                BODIES,
                "RFC 9112 §6.1: it ought to be handled as an error.",
            ),
            (
                "tls",
                "the beginning of TLS",
                bytes.fromhex("16030100a5010000a10303") + b"\x00" * 64 + b"\r\n\r\n",
                (FAILED,),
                (),
                "It is no HTTP, so there is no answer that its sender could read.",
            ),
        )
    ),
)

TOO_LARGE: Final = (Rejected(431),)


def _too_large(name: str, title: str, data: bytes, *also: int) -> Case:
    return case(
        f"opening/{name}",
        title,
        [data],
        TOO_LARGE,
        (),
        opening=PLAIN,
        level=Level.POLICY,
        also=[(Rejected(status),) for status in also],
        advisories=["CVE-2018-12121 (Node.js)", "CVE-2024-37890 (ws)"],
        note="RFC 6585 §5. A head is kept until it ends, so its size must have a bound.",
    )


LARGE: Final = (
    _too_large("large-field", "a field of 256 KiB", request(b"X: " + b"a" * 2**18), 400),
    _too_large("large-name", "a field's name of 256 KiB", request(b"X" * 2**18 + b": a"), 400),
    _too_large(
        "large-target", "a target of 256 KiB", request(line=b"GET /" + b"a" * 2**18), 400, 414
    ),
    _too_large("large-endless", "256 KiB of a head that does not end", request()[:-2] * 1700, 400),
    _too_large(
        "many-fields", "2000 fields", request(*(b"X-%d: %d" % (i, i) for i in range(2000))), 400
    ),
    _too_large(
        "many-empty-fields", "20,000 fields without values", request(*[b"X:"] * 20_000), 400
    ),
)

# Streams -------------------------------------------------------------------------------------

#: Two texts and a Ping.
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
BEHIND: Final = ("6455-4.2.2-19", "6455-4.2.2-1")

STREAMS: Final = (
    case(
        "opening/frames-behind",
        "frames right behind the request belong to the WebSocket",
        [request(), *FRAMES],
        (Accepted(), *GOT),
        BEHIND,
        opening=PLAIN,
        note="A client MUST wait (§4.1), but what it sends early is no part of the request.",
        level=Level.POLICY,
    ),
    case(
        "opening/frames-after",
        "frames once the server has answered",
        [request(), READ, *FRAMES],
        (Accepted(), *GOT),
        BEHIND,
        opening=PLAIN,
    ),
    case(
        "opening/close-after",
        "a Close frame is the first thing that comes",
        [request(), READ, close(1000)],
        (Accepted(), GotClose(1000, b"")),
        BEHIND,
        opening=PLAIN,
    ),
    case(
        "opening/eof-after",
        "the transport ends once the server has answered",
        [request(), READ, EOF],
        (Accepted(), Lost()),
        BEHIND,
        opening=PLAIN,
        # A server may take a client that has ended its half for one that has gone.
        also=[(Failed(None),), (Lost(),)],
    ),
    case(
        "opening/second-request",
        "a second request behind the first is no HTTP any more",
        [request(), READ, request()],
        (Accepted(), Failed(1002)),
        BEHIND,
        opening=PLAIN,
        note="It begins with G (0x47): RSV1 and a reserved opcode.",
    ),
    case(
        "opening/request-behind-refused",
        "behind a request that is refused comes a right one",
        [request(key=None), request()],
        BAD_REQUEST,
        GRAMMAR,
        opening=PLAIN,
    ),
    case(
        "opening/incomplete",
        "a request without its last byte",
        [request()[:-1]],
        NOTHING,
        ("6455-4.2.1-1",),
        opening=PLAIN,
    ),
    case(
        "opening/in-pieces",
        "a request in four reads",
        [request()[:3], READ, request()[3:50], READ, request()[50:-1], READ, b"\n"],
        ACCEPTED,
        ANSWER,
        opening=PLAIN,
    ),
    *(
        case(
            f"opening/eof-{name}",
            title,
            [data, EOF] if data else [EOF],
            ENDED[0],
            ("6455-4.2.1-1",),
            opening=PLAIN,
            also=ENDED[1:],
        )
        for name, title, data in (
            ("at-once", "the transport ends at once", b""),
            ("in-line", "the transport ends within the request line", b"GET /ch"),
            ("in-field", "the transport ends within a field", request()[:60]),
            ("at-end", "the transport ends before the last line feed", request()[:-1]),
        )
    ),
)

CASES: Final[tuple[Case, ...]] = (
    *opening_requests.CASES,
    *opening_faults.CASES,
    *OPEN_MATTERS,
    *LARGE,
    *STREAMS,
)
