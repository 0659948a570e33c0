"""Cases: what a server makes of offers of extensions (RFC 6455 §9.1; RFC 7692 §5, §7.1).

Owns offers, right and wrong. Which parameters may be in the answer follows from the offer, and
is checked in every case (:mod:`wsproto_core.testing.model.negotiating`): here stands only
whether permessage-deflate is agreed on.
"""

from __future__ import annotations

from typing import Final

from wsproto_core.testing.cases import Case, Level, Outcomes
from wsproto_core.testing.frames import RSV1, TEXT, Frame
from wsproto_core.testing.outcomes import Accepted, Failed, GotMessage
from wsproto_core.testing.settings import Opening

from .building import READ
from .heads import BAD_REQUEST, DEFLATED, case, request

DEFLATING: Final = Opening("server", deflate=True)
#: A server that has no extension.
PLAIN: Final = Opening("server")

AGREED: Final[Outcomes] = (DEFLATED,)
DECLINED: Final[Outcomes] = (Accepted(),)

#: What every answer that agrees to permessage-deflate shows.
ANSWER: Final = (
    "6455-4.2.2-10",
    "6455-4.2.2-18",
    "6455-9-2",
    "6455-9.1-5",
    "7692-5-5",
    "7692-5-6",
    "7692-5-7",
)
DECLINES: Final = ("7692-5-13",)

TAKEOVER: Final = ("7692-5-3", "7692-7.1.1.1-2", "7692-7.1.1.1-3", "7692-7.1.1.1-4")
SERVER_BITS: Final = ("7692-5-3", "7692-7.1.2.1-3", "7692-7.1.2.1-4")
CLIENT_BITS: Final = ("7692-7.1.2.2-2",)

#: RFC 7692 §7.2.3.1: "Hello", compressed.
HELLO: Final = bytes.fromhex("f248cdc9c90700")


def _request(*values: bytes) -> bytes:
    return request(*(b"Sec-WebSocket-Extensions: " + value for value in values))


# Offers that a server that has permessage-deflate can accept ---------------------------------

#: By name: what is offered, in which fields, and what it checks besides.
RIGHT: Final[dict[str, tuple[str, list[bytes], tuple[str, ...]]]] = {
    "plain": (
        "permessage-deflate without parameters",
        [b"permessage-deflate"],
        ("7692-7.1.2.2-3",),
    ),
    "browser": (
        "what browsers offer",
        [b"permessage-deflate; client_max_window_bits"],
        CLIENT_BITS,
    ),
    "server-takeover": (
        "server_no_context_takeover",
        [b"permessage-deflate; server_no_context_takeover"],
        (*TAKEOVER, "7692-7.1.2.2-3"),
    ),
    "client-takeover": (
        "client_no_context_takeover",
        [b"permessage-deflate; client_no_context_takeover"],
        ("7692-7.1.1.2-2", "7692-7.1.2.2-3"),
    ),
    "both-takeovers": (
        "both no_context_takeover",
        [b"permessage-deflate; client_no_context_takeover; server_no_context_takeover"],
        (*TAKEOVER, "7692-7.1.1.2-2"),
    ),
    **{
        f"server-bits-{bits}": (
            f"server_max_window_bits={bits}",
            [b"permessage-deflate; server_max_window_bits=%d" % bits],
            (*SERVER_BITS, "7692-7.1.2.2-3"),
        )
        for bits in range(8, 16)
    },
    **{
        f"client-bits-{bits}": (
            f"client_max_window_bits={bits}",
            [b"permessage-deflate; client_max_window_bits=%d" % bits],
            CLIENT_BITS,
        )
        for bits in range(8, 16)
    },
    "all": (
        "all four parameters",
        [
            (
                b"permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                b"server_max_window_bits=10; client_max_window_bits=12"
            )
        ],
        (*TAKEOVER, *SERVER_BITS[1:], *CLIENT_BITS, "7692-7.1.1.2-2"),
    ),
    "all-reversed": (
        "all four parameters in another order",
        [
            (
                b"permessage-deflate; client_max_window_bits; server_max_window_bits=11; "
                b"client_no_context_takeover; server_no_context_takeover"
            )
        ],
        (*TAKEOVER, *SERVER_BITS[1:], *CLIENT_BITS, "7692-7.1.1.2-2"),
    ),
    "quoted": (
        "a quoted value",
        [b'permessage-deflate; server_max_window_bits="10"'],
        (*SERVER_BITS, "6455-9.1-2", "6455-4.3-1"),
    ),
    "quoted-escape": (
        "a quoted value with an escape",
        [b'permessage-deflate; server_max_window_bits="1\\0"'],
        (*SERVER_BITS, "6455-9.1-2", "6455-4.3-1"),
    ),
    "tight": (
        "no white space",
        [b"permessage-deflate;client_max_window_bits;server_max_window_bits=10"],
        SERVER_BITS,
    ),
    "loose": (
        "white space wherever it may be",
        [b"\tpermessage-deflate ;\t client_max_window_bits\t; server_max_window_bits = 10  "],
        SERVER_BITS,
    ),
    "empty-elements": (
        "empty elements in the list",
        [b", ,permessage-deflate,,"],
        ("6455-4.2.1-10",),
    ),
    "unknown-first": (
        "an extension that the server does not know comes first",
        [b"x-webkit-deflate-frame, permessage-deflate"],
        ("6455-4.2.2-11", "6455-9-1", "6455-9.1-4"),
    ),
    "unknown-last": (
        "an extension that the server does not know comes last",
        [b'permessage-deflate, x-unknown; a; b=c; d="e"'],
        ("6455-4.2.2-11", "6455-9-1", "6455-9.1-4"),
    ),
    "split": (
        "offers in two fields",
        [b"x-unknown; a=1", b"permessage-deflate; client_max_window_bits"],
        ("6455-9.1-3", "6455-11.3.2-1"),
    ),
    "twice": (
        "two offers of the same, of which one is accepted",
        [b"permessage-deflate, permessage-deflate"],
        ("7692-5-8",),
    ),
    "rfc-fallback": (
        "the offer of RFC 7692 §7.1.3, with a fallback",
        [
            (
                b"permessage-deflate; client_max_window_bits; server_max_window_bits=10, "
                b"permessage-deflate; client_max_window_bits"
            )
        ],
        ("7692-5-2", "7692-5-8", "7692-7.1.2.1-3"),
    ),
    "ten-offers": (
        "ten offers, of which nine are to be declined",
        [
            b", ".join(b"permessage-deflate; server_max_window_bits=%d" % n for n in range(16, 25))
            + b", permessage-deflate"
        ],
        ("7692-7-2", "7692-5-8"),
    ),
}

# Offers that are to be declined: the handshake goes on without ------------------------------

UNDEFINED: Final = ("7692-7-1",)
INVALID: Final = ("7692-7-2",)
REPEATED: Final = ("7692-7-3",)

#: By name: the parameters, and what is checked.
DECLINABLE: Final[dict[str, tuple[bytes, tuple[str, ...]]]] = {
    "undefined": (b"x", UNDEFINED),
    "undefined-value": (b"x=1; client_max_window_bits", UNDEFINED),
    "undefined-last": (b"client_max_window_bits; max_window_bits=15", UNDEFINED),
    "other-case": (b"Server_No_Context_Takeover; server_no_context_takeovers", UNDEFINED),
    "server-takeover-value": (b"server_no_context_takeover=true", INVALID),
    "server-takeover-quoted": (b'server_no_context_takeover="1"', INVALID),
    "client-takeover-value": (b"client_no_context_takeover=1", INVALID),
    "server-bits-none": (b"server_max_window_bits", INVALID),
    **{
        f"{role}-bits-{name}": (b"%b_max_window_bits=%b" % (role.encode(), value), INVALID)
        for role in ("server", "client")
        for name, value in {
            "7": b"7",
            "16": b"16",
            "0": b"0",
            "leading-zero": b"015",
            "08": b"08",
            "letters": b"abc",
            "hexadecimal": b"0xF",
            "negative": b"-10",
            "sign": b"+10",
            "decimal": b"10.0",
            "huge": b"1" * 200,
            "quoted-16": b'"16"',
        }.items()
    },
    "server-takeover-twice": (b"server_no_context_takeover; server_no_context_takeover", REPEATED),
    "client-takeover-twice": (b"client_no_context_takeover; client_no_context_takeover", REPEATED),
    "server-bits-twice": (b"server_max_window_bits=10; server_max_window_bits=10", REPEATED),
    "client-bits-twice": (b"client_max_window_bits; client_max_window_bits=10", REPEATED),
}

#: By name: what is offered of other extensions.
OTHERS: Final[dict[str, tuple[str, list[bytes]]]] = {
    "unknown": ("an extension that the server does not know", [b"x-unknown; a=b"]),
    "webkit": ("another extension for compression", [b"x-webkit-deflate-frame"]),
    "longer": ("an extension whose name only begins alike", [b"permessage-deflate2"]),
    "bzip2": ("a PMCE that the server does not know", [b"permessage-bzip2; client_max_level=1"]),
    "as-parameter": ("permessage-deflate as a parameter", [b"x-unknown; permessage-deflate"]),
    "as-value": ("permessage-deflate as a value", [b"x-unknown; a=permessage-deflate"]),
    "none": ("no extension", []),
}

# Lists that are none: RFC 6455 §9.1 -----------------------------------------------------------

#: By name: what is wrong, and the fields.
MALFORMED: Final[dict[str, tuple[str, list[bytes]]]] = {
    "empty": ("a list without extensions", [b""]),
    "commas": ("a list of commas", [b" , ,"]),
    "no-name": ("parameters without a name", [b"; server_no_context_takeover"]),
    "semicolon-last": ("a semicolon with nothing behind it", [b"permessage-deflate;"]),
    "semicolon-twice": ("two semicolons", [b"permessage-deflate;; server_no_context_takeover"]),
    "space": ("a name with a space", [b"permessage deflate"]),
    "space-in-parameter": (
        "parameters with a space between them",
        [b"permessage-deflate; server_no_context_takeover client_max_window_bits"],
    ),
    "slash": ("a name with a slash", [b"permessage/deflate"]),
    "equals-first": ("a parameter without a name", [b"permessage-deflate; =10"]),
    "equals-last": ("an equals sign without a value", [b"x-unknown; a="]),
    "equals-twice": ("two equals signs", [b"x-unknown; a=b=c"]),
    "equals-behind-name": ("a value for the extension itself", [b"permessage-deflate=1"]),
    "quoted-name": ("a quoted name", [b'"permessage-deflate"']),
    "quoted-empty": ("an empty quoted value", [b'x-unknown; a=""']),
    "quoted-space": ("a quoted value with a space", [b'x-unknown; a="b c"']),
    "quoted-comma": ("a quoted value with a comma", [b'x-unknown; a="b,c"']),
    "quoted-open": ("a quoted value that does not end", [b'x-unknown; a="b']),
    "quoted-escape-open": ("a quoted value that ends with an escape", [b'x-unknown; a="b\\']),
    "quoted-more": ("more behind a quoted value", [b'x-unknown; a="b"c']),
    "latin": ("a name with bytes above 127", [b"permessage-d\xc3\xa9flate"]),
    "second-element": ("a bad element behind a good one", [b"permessage-deflate, a b"]),
    "second-field": ("a bad element in a second field", [b"permessage-deflate", b"=;,"]),
}

#: What follows an answer.
USED: Final = (
    case(
        "negotiation/used",
        "once agreed on, a compressed message is read",
        [_request(b"permessage-deflate"), READ, Frame(TEXT, HELLO, rsv=RSV1), Frame(TEXT, b"hi")],
        (DEFLATED, GotMessage("text", b"Hello"), GotMessage("text", b"hi")),
        ("7692-5-16", "7692-7.2.2-1"),
        opening=DEFLATING,
        tolerate=[(Accepted(), Failed(1002))],
    ),
    case(
        "negotiation/used-behind",
        "a compressed message right behind the request",
        [_request(b"permessage-deflate"), Frame(TEXT, HELLO, rsv=RSV1)],
        (DEFLATED, GotMessage("text", b"Hello")),
        (),
        opening=DEFLATING,
        level=Level.POLICY,
        tolerate=[(Accepted(), Failed(1002))],
        note="A client MUST wait (§4.1); if it does not, its bytes belong to the WebSocket.",
    ),
    *(
        case(
            f"negotiation/not-used-{name}",
            f"{title}: a compressed message is not read",
            [_request(*values), READ, Frame(TEXT, HELLO, rsv=RSV1)],
            (Accepted(), Failed(1002)),
            ("7692-5-14",),
            opening=opening,
        )
        for name, title, values, opening in (
            ("not-offered", "no extension was offered", [], DEFLATING),
            (
                "declined",
                "the offer was to be declined",
                [b"permessage-deflate; server_max_window_bits=16"],
                DEFLATING,
            ),
            ("not-had", "the server has no extension", [b"permessage-deflate"], PLAIN),
        )
    ),
)

# ---------------------------------------------------------------------------------------------

CASES: Final[tuple[Case, ...]] = (
    *(
        case(
            f"negotiation/{name}",
            f"offered: {title}",
            [_request(*values)],
            AGREED,
            (*ANSWER, *more),
            opening=DEFLATING,
            # RFC 7692 §7: to decline what it does not support is a server's right.
            tolerate=[DECLINED],
        )
        for name, (title, values, more) in RIGHT.items()
    ),
    case(
        "negotiation/preference",
        "two right offers: the first has precedence",
        [_request(b"permessage-deflate; server_max_window_bits=9, permessage-deflate")],
        (Accepted(None, "permessage-deflate;server_max_window_bits=9"),),
        ("7692-5-2",),
        opening=DEFLATING,
        level=Level.SHOULD,
        also=[(Accepted(None, "permessage-deflate;server_max_window_bits=8"),)],
    ),
    *(
        case(
            f"negotiation/declined-{name}",
            f"an offer that is to be declined: {parameters.decode()[:60]}",
            [_request(b"permessage-deflate; " + parameters)],
            DECLINED,
            (*requirements, *DECLINES),
            opening=DEFLATING,
        )
        for name, (parameters, requirements) in DECLINABLE.items()
    ),
    *(
        case(
            f"negotiation/fallback-{name}",
            f"an offer that is to be declined, and a right one: {parameters.decode()[:60]}",
            [_request(b"permessage-deflate; " + parameters, b"permessage-deflate")],
            AGREED,
            (*requirements, "7692-5-8"),
            opening=DEFLATING,
            tolerate=[DECLINED],
        )
        for name, (parameters, requirements) in DECLINABLE.items()
        if name in ("undefined", "server-bits-16", "client-bits-twice", "server-takeover-value")
    ),
    *(
        case(
            f"negotiation/other-{name}",
            f"offered: {title}",
            [_request(*values)],
            DECLINED,
            ("6455-4.2.2-10", "6455-4.2.2-11", "6455-9-1", *DECLINES),
            opening=DEFLATING,
        )
        for name, (title, values) in OTHERS.items()
    ),
    case(
        "negotiation/not-had",
        "a server without extensions is offered permessage-deflate",
        [_request(b"permessage-deflate; client_max_window_bits")],
        DECLINED,
        (*DECLINES, "7692-7-4", "7692-7.1.2.1-2"),
        opening=PLAIN,
    ),
    *(
        case(
            f"negotiation/malformed-{name}",
            f"offered: {title}",
            [_request(*values)],
            BAD_REQUEST,
            ("6455-9.1-1", "6455-4.2.1-10", "6455-4.2.1-1"),
            opening=DEFLATING,
            advisories=["CVE-2021-32640 (ws)"] if "quoted" in name else (),
        )
        for name, (title, values) in MALFORMED.items()
    ),
    case(
        "negotiation/malformed-no-extensions",
        "a server without extensions is offered a list that is none",
        [_request(b"permessage-deflate; =")],
        BAD_REQUEST,
        ("6455-9.1-1", "6455-4.2.1-10"),
        opening=PLAIN,
    ),
    *USED,
)
