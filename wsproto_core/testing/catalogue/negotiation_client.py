"""Cases: what a client makes of the extensions of a response (RFC 6455 §9.1; RFC 7692 §5, §7.1).

Owns the client's offer and answers to it, right and wrong. A client offers what it likes of
permessage-deflate's parameters; where an answer is right for some offers only, both ways are.
"""

from __future__ import annotations

from typing import Final

from wsproto_core.testing.cases import Case, Outcomes
from wsproto_core.testing.frames import RSV1, TEXT, Frame
from wsproto_core.testing.outcomes import Accepted, Failed, GotMessage
from wsproto_core.testing.settings import Opening

from .building import READ, Part
from .heads import DEFLATED, FAILED, NOTHING, case, response

DEFLATING: Final = Opening("client", deflate=True)
#: A client that offers no extension.
PLAIN: Final = Opening("client")

AGREED: Final[Outcomes] = (DEFLATED,)

#: RFC 7692 §7.2.3.1 and §7.2.3.2: "Hello", compressed, and again with the window taken over.
HELLO: Final = bytes.fromhex("f248cdc9c90700")
HELLO_AGAIN: Final = bytes.fromhex("f200110000")
TWO_HELLOS: Final[tuple[Part, ...]] = (
    Frame(TEXT, HELLO, rsv=RSV1),
    Frame(TEXT, HELLO_AGAIN, rsv=RSV1),
)
TWO_HELLOS_AFRESH: Final[tuple[Part, ...]] = (
    Frame(TEXT, HELLO, rsv=RSV1),
    Frame(TEXT, HELLO, rsv=RSV1),
)
HELLOS: Final[Outcomes] = (GotMessage("text", b"Hello"), GotMessage("text", b"Hello"))

OFFER: Final = (
    "7692-5-1",
    "7692-5-4",
    "7692-7.1.1.1-1",
    "7692-7.1.1.2-1",
    "7692-7.1.2.1-1",
    "7692-7.1.2.2-1",
    "6455-9-2",
    "6455-9.1-4",
    "6455-9.1-5",
)


def _response(*values: bytes) -> bytes:
    return response(*(b"Sec-WebSocket-Extensions: " + value for value in values))


# Right answers ---------------------------------------------------------------------------------

#: By name: what is special about the answer, its fields, what follows, and what it checks.
RIGHT: Final[dict[str, tuple[str, list[bytes], tuple[Part, ...], tuple[str, ...]]]] = {
    "plain": ("permessage-deflate", [b"permessage-deflate"], TWO_HELLOS, ("7692-7.2.2-2",)),
    "space-around": (
        "permessage-deflate, with white space around it",
        [b"\t permessage-deflate \t"],
        TWO_HELLOS,
        (),
    ),
    "empty-elements": (
        "permessage-deflate among empty elements",
        [b", permessage-deflate,,"],
        TWO_HELLOS,
        (),
    ),
    "server-takeover": (
        "server_no_context_takeover",
        [b"permessage-deflate; server_no_context_takeover"],
        TWO_HELLOS_AFRESH,
        ("7692-7.1.1.1-5",),
    ),
    "client-takeover": (
        "client_no_context_takeover",
        [b"permessage-deflate; client_no_context_takeover"],
        TWO_HELLOS,
        ("7692-7.1.1.2-3",),
    ),
    "both-takeovers": (
        "both no_context_takeover, tightly written",
        [b"permessage-deflate;client_no_context_takeover;server_no_context_takeover"],
        TWO_HELLOS_AFRESH,
        ("7692-7.1.1.2-3", "7692-7.1.1.1-5"),
    ),
}

#: By name: the answer's parameters. RFC 7692 §7.1.2.1 lets a server say server_max_window_bits
#: unasked, and §7 lets a client fail that does not support it; §7.1.2.2 forbids it to say
#: client_max_window_bits unasked, and what was asked is the client's affair.
CLIENTS_CHOICE: Final[dict[str, tuple[bytes, tuple[str, ...]]]] = {
    **{
        f"server-bits-{bits}": (
            b"server_max_window_bits=%d" % bits,
            ("7692-7.1.2.1-5", "7692-7-8"),
        )
        for bits in range(8, 16)
    },
    **{
        f"client-bits-{bits}": (b"client_max_window_bits=%d" % bits, ("7692-7-8",))
        for bits in range(8, 16)
    },
    "server-bits-quoted": (
        b'server_max_window_bits="12"',
        ("7692-7.1.2.1-5", "6455-9.1-2", "6455-4.3-1"),
    ),
    "server-bits-quoted-escape": (
        b'server_max_window_bits="1\\2"',
        ("7692-7.1.2.1-5", "6455-9.1-2", "6455-4.3-1"),
    ),
    "server-bits-loose": (b"\tserver_max_window_bits = 12 ", ("7692-7.1.2.1-5",)),
    "all": (
        (
            b"server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; "
            b"client_max_window_bits=11"
        ),
        ("7692-7.1.2.1-5", "7692-7-8"),
    ),
}

# Wrong answers -----------------------------------------------------------------------------------

UNDEFINED: Final = ("7692-7-5", "7692-5-15")
INVALID: Final = ("7692-7-6", "7692-5-15")
REPEATED: Final = ("7692-7-7", "7692-5-15")

#: By name: the parameters, and what is checked.
WRONG: Final[dict[str, tuple[bytes, tuple[str, ...]]]] = {
    "undefined": (b"x", UNDEFINED),
    "undefined-value": (b"x=1", UNDEFINED),
    "undefined-last": (b"server_no_context_takeover; max_window_bits=15", UNDEFINED),
    "other-case": (b"server_No_Context_Takeover", UNDEFINED),
    "server-takeover-value": (b"server_no_context_takeover=true", INVALID),
    "server-takeover-quoted": (b'server_no_context_takeover="1"', INVALID),
    "client-takeover-value": (b"client_no_context_takeover=1", INVALID),
    "server-bits-none": (b"server_max_window_bits", INVALID),
    "client-bits-none": (b"client_max_window_bits", INVALID),
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
            "negative": b"-10",
            "decimal": b"10.0",
            "huge": b"1" * 200,
            "quoted-16": b'"16"',
        }.items()
    },
    "server-takeover-twice": (b"server_no_context_takeover; server_no_context_takeover", REPEATED),
    "client-takeover-twice": (b"client_no_context_takeover; client_no_context_takeover", REPEATED),
    "server-bits-twice": (b"server_max_window_bits=15; server_max_window_bits=15", REPEATED),
    "server-bits-twice-differing": (
        b"server_max_window_bits=10; server_max_window_bits=15",
        REPEATED,
    ),
}

NOT_OFFERED: Final = ("6455-4.1-39", "7692-5-15")
CONFLICT: Final = ("7692-5-9", "7692-5-15")
GRAMMAR: Final = ("6455-9.1-1", "6455-4.1-41")

#: By name: what is wrong, the fields, and what is checked. The client offers permessage-deflate.
WRONG_LISTS: Final[dict[str, tuple[str, list[bytes], tuple[str, ...]]]] = {
    "unknown": ("an extension that was not offered", [b"x-unknown"], NOT_OFFERED),
    "webkit": ("another extension for compression", [b"x-webkit-deflate-frame"], NOT_OFFERED),
    "longer": ("an extension whose name begins alike", [b"permessage-deflate2"], NOT_OFFERED),
    "unknown-first": (
        "one that was not offered, then permessage-deflate",
        [b"x-unknown, permessage-deflate"],
        NOT_OFFERED,
    ),
    "unknown-last": (
        "permessage-deflate, then one that was not offered",
        [b"permessage-deflate, x-unknown"],
        NOT_OFFERED,
    ),
    "two-pmces": (
        "two extensions for compression",
        [b"permessage-deflate, permessage-bzip2"],
        (*CONFLICT, "6455-4.1-39"),
    ),
    "twice": (
        "permessage-deflate twice",
        [b"permessage-deflate, permessage-deflate"],
        CONFLICT,
    ),
    "twice-differing": (
        "permessage-deflate twice, with different parameters",
        [b"permessage-deflate; server_no_context_takeover, permessage-deflate"],
        CONFLICT,
    ),
    "twice-split": (
        "permessage-deflate twice, in two fields",
        [b"permessage-deflate", b"permessage-deflate"],
        (*CONFLICT, "6455-9.1-3"),
    ),
    "empty": ("a list without extensions", [b""], GRAMMAR),
    "commas": ("a list of commas", [b" , ,"], GRAMMAR),
    "no-name": ("parameters without a name", [b"; server_no_context_takeover"], GRAMMAR),
    "semicolon-last": ("a semicolon at the end", [b"permessage-deflate;"], GRAMMAR),
    "space": ("a name with a space", [b"permessage deflate"], GRAMMAR),
    "space-in-parameter": (
        "parameters with a space between them",
        [b"permessage-deflate; server_no_context_takeover client_no_context_takeover"],
        GRAMMAR,
    ),
    "equals-first": ("a parameter without a name", [b"permessage-deflate; =10"], GRAMMAR),
    "equals-last": (
        "an equals sign without a value",
        [b"permessage-deflate; server_max_window_bits="],
        GRAMMAR,
    ),
    "equals-behind-name": ("a value for the extension", [b"permessage-deflate=1"], GRAMMAR),
    "quoted-name": ("a quoted name", [b'"permessage-deflate"'], GRAMMAR),
    "quoted-empty": (
        "an empty quoted value",
        [b'permessage-deflate; server_max_window_bits=""'],
        (*GRAMMAR, "6455-9.1-2"),
    ),
    "quoted-open": (
        "a quoted value that does not end",
        [b'permessage-deflate; server_max_window_bits="10'],
        GRAMMAR,
    ),
    "quoted-space": (
        "a quoted value with a space",
        [b'permessage-deflate; server_max_window_bits=" 10"'],
        (*GRAMMAR, "6455-9.1-2"),
    ),
    "latin": ("a name with bytes above 127", [b"permessage-d\xc3\xa9flate"], GRAMMAR),
    "second-element": ("a bad element behind a good one", [b"permessage-deflate, a b"], GRAMMAR),
}

# ---------------------------------------------------------------------------------------------

CASES: Final[tuple[Case, ...]] = (
    case(
        "negotiation/offer",
        "a client's request with an offer of permessage-deflate",
        [],
        NOTHING,
        OFFER,
        opening=DEFLATING,
    ),
    *(
        case(
            f"negotiation/{name}",
            f"agreed on: {title}",
            [_response(*values), *frames],
            (*AGREED, *HELLOS),
            ("6455-4.1-44", "7692-5-16", "7692-7.2.2-1", *more),
            opening=DEFLATING,
        )
        for name, (title, values, frames, more) in RIGHT.items()
    ),
    *(
        case(
            f"negotiation/{name}",
            f"agreed on: {parameters.decode().strip()[:60]}",
            [_response(b"permessage-deflate; " + parameters), *TWO_HELLOS_AFRESH],
            (*AGREED, *HELLOS),
            requirements,
            opening=DEFLATING,
            also=[FAILED],
            note="Whether it is right is a matter of the client's offer, and of what it supports.",
        )
        for name, (parameters, requirements) in CLIENTS_CHOICE.items()
    ),
    case(
        "negotiation/none",
        "nothing is agreed on: a compressed message is not read",
        [response(), READ, Frame(TEXT, b"hi"), Frame(TEXT, HELLO, rsv=RSV1)],
        (Accepted(), GotMessage("text", b"hi"), Failed(1002)),
        ("7692-5-14", "6455-9.1-6", "6455-4.1-44"),
        opening=DEFLATING,
    ),
    case(
        "negotiation/split-empty",
        "permessage-deflate in one field, nothing in another",
        [_response(b"permessage-deflate", b"")],
        AGREED,
        ("6455-9.1-3",),
        opening=DEFLATING,
        also=[FAILED],
        note="§4.2.2 has the field split over several, §11.3.2 forbids it.",
    ),
    *(
        case(
            f"negotiation/bad-{name}",
            f"agreed on: {parameters.decode()[:60]}",
            [_response(b"permessage-deflate; " + parameters)],
            FAILED,
            requirements,
            opening=DEFLATING,
        )
        for name, (parameters, requirements) in WRONG.items()
    ),
    *(
        case(
            f"negotiation/bad-{name}",
            f"agreed on: {title}",
            [_response(*values)],
            FAILED,
            requirements,
            opening=DEFLATING,
        )
        for name, (title, values, requirements) in WRONG_LISTS.items()
    ),
    *(
        case(
            f"negotiation/unasked-{name}",
            f"agreed on, though nothing was offered: {title}",
            [_response(value)],
            FAILED,
            requirements,
            opening=PLAIN,
        )
        for name, title, value, requirements in (
            ("deflate", "permessage-deflate", b"permessage-deflate", NOT_OFFERED),
            ("unknown", "an unknown extension", b"x-unknown", ("6455-4.1-39",)),
            ("malformed", "a list that is none", b"a b", GRAMMAR),
        )
    ),
)
