"""Cases: what an application may tell an endpoint to send, and may not (RFC 6455 §5, §6.1, §7).

Owns actions and what the peer gets by them. The frames themselves are judged in every case, by
the reference model: masked or not, of minimal lengths, fragments in order, valid codes.

Where a case has something that may not be sent an endpoint can refuse it, or send something
else that is right, or nothing: all that matters is what reaches the peer.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.actions import Action, SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.cases import Case, Level, Outcomes
from wsproto_core.testing.frames import BINARY, CONTINUATION, RSV2, TEXT, Frame
from wsproto_core.testing.outcomes import (
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Kind,
    Lost,
    Outcome,
    Refused,
)

from .building import EOF, Part, cases, close
from .closing import BEYOND, DEFINED, IANA, LIBRARIES, NOT_USED, PRIVATE, RESERVED, UNDEFINED
from .framing import SIZES, payload

BOTH_KINDS: Final[tuple[Kind, ...]] = ("text", "binary")

#: RFC 6455 §6.1, what it asks of any message that is sent.
SENT: Final = [
    *("6455-6.1-1", "6455-6.1-4", "6455-6.1-5", "6455-6.1-6", "6455-6.1-8"),
    *("6455-5.2-1", "6455-5.2-5", "6455-5.2-6"),
]
MASKED: Final = {
    "client": ["6455-5.1-1", "6455-5.3-1", "6455-5.3-5", "6455-5.3-6", "6455-6.1-7"],
    "server": ["6455-5.1-3"],
}


def _sent(
    name: str, title: str, actions: list[Action], peer_gets: list[Outcome], *requirements: str
) -> tuple[Case, ...]:
    return cases(
        f"sending/{name}",
        f"the application sends {title}",
        actions,
        [],
        requirements or SENT,
        besides={
            "client": [*MASKED["client"], *(["6455-5.3-2", "6455-10.3-1"] if actions[2:] else [])],
            "server": MASKED["server"],
        },
        sent=peer_gets,
    )


MESSAGES: Final = (
    *chain.from_iterable(
        _sent(
            f"{kind}-{size}",
            f"a {kind} message of {size} bytes",
            [SendMessage(kind, (payload(size),))],
            [GotMessage(kind, payload(size))],
        )
        for kind in BOTH_KINDS
        for size in SIZES
    ),
    *_sent(
        "binary-262144",
        "a binary message of 262144 bytes",
        [SendMessage("binary", (payload(262_144),))],
        [GotMessage("binary", payload(262_144))],
    ),
    *_sent(
        "all-bytes",
        "a binary message with each of the 256 bytes",
        [SendMessage("binary", (bytes(range(256)),))],
        [GotMessage("binary", bytes(range(256)))],
        *SENT,
        "6455-5.6-2",
    ),
    *_sent(
        "utf-8",
        "text with characters of one to four bytes",
        [SendMessage("text", ("\ufeffa é € \U0001f600 \uffff \U0010ffff\0".encode(),))],
        [GotMessage("text", "\ufeffa é € \U0001f600 \uffff \U0010ffff\0".encode())],
        *SENT,
        "6455-5.6-1",
    ),
    *_sent(
        "many-messages",
        "200 messages, text and binary in turn",
        [SendMessage(BOTH_KINDS[i % 2], (b"%d" % i,)) for i in range(200)],
        [GotMessage(BOTH_KINDS[i % 2], b"%d" % i) for i in range(200)],
    ),
    *_sent(
        "same-messages",
        "the same message 20 times",
        [SendMessage("binary", (b"same again",))] * 20,
        [GotMessage("binary", b"same again")] * 20,
    ),
)

#: By name: what is special about the fragments, and they.
DIVISIONS: Final[dict[str, tuple[str, tuple[bytes, ...]]]] = {
    "two": ("two fragments", (b"frag", b"ments")),
    "ten": ("ten fragments", tuple(b"%d" % i for i in range(10))),
    "first-empty": ("an empty first fragment", (b"", b"frag", b"ments")),
    "middle-empty": ("an empty fragment in the middle", (b"frag", b"", b"ments")),
    "last-empty": ("an empty last fragment", (b"frag", b"ments", b"")),
    "all-empty": ("three empty fragments", (b"", b"", b"")),
    "edges": ("fragments of 125, 126 and 65536 bytes", tuple(map(payload, (125, 126, 65_536)))),
    "characters": ("a character in each fragment", tuple(c.encode() for c in "aé€\U0001f600")),
}

FRAGMENTED: Final = (
    *chain.from_iterable(
        _sent(
            f"fragmented-{kind}-{name}",
            f"a {kind} message, {title}",
            [SendMessage(kind, parts), SendMessage(kind, (b"next",))],
            [GotMessage(kind, b"".join(parts)), GotMessage(kind, b"next")],
            *SENT,
            *("6455-5.4-2", "6455-5.4-3", "6455-5.4-6", "6455-5.4-7", "6455-5.4-10"),
        )
        for kind in BOTH_KINDS
        for name, (title, parts) in DIVISIONS.items()
    ),
    *cases(
        "sending/while-receiving",
        "the application sends a message within a fragmented message of the peer",
        [
            Frame(TEXT, b"theirs", fin=False),
            SendMessage("binary", (b"ours", b"!")),
            SendPing(b"p"),
            Frame(CONTINUATION, b"!"),
        ],
        [GotMessage("text", b"theirs!")],
        ["6455-5.4-4", "6455-5.4-7", "6455-6.1-1"],
        sent=[GotMessage("binary", b"ours!"), GotPing(b"p")],
    ),
)

CONTROL_PAYLOADS: Final = (b"", b"p", b"\x00\xff not UTF-8", b"x" * 124, b"y" * 125)

CONTROL: Final = (
    *chain.from_iterable(
        _sent(
            f"ping-{len(data)}",
            f"a Ping frame of {len(data)} bytes",
            [SendPing(data)],
            [GotPing(data)],
            "6455-5.5-1",
            "6455-5.5-2",
        )
        for data in CONTROL_PAYLOADS
    ),
    *chain.from_iterable(
        _sent(
            f"pong-{len(data)}",
            f"a Pong frame of {len(data)} bytes that nobody asked for",
            [SendPong(data)],
            [GotPong(data)],
            "6455-5.5-1",
            "6455-5.5-2",
        )
        for data in CONTROL_PAYLOADS
    ),
    *_sent(
        "one-of-each",
        "a frame of each kind",
        [
            SendPing(b"1"),
            SendMessage("text", (b"2",)),
            SendPong(b"3"),
            SendMessage("binary", (b"4", b"4")),
            SendPing(b"5"),
            SendClose(1001, "6"),
        ],
        [
            GotPing(b"1"),
            GotMessage("text", b"2"),
            GotPong(b"3"),
            GotMessage("binary", b"44"),
            GotPing(b"5"),
            GotClose(1001, b"6"),
        ],
        *SENT,
        "6455-5.5-2",
        "6455-7.1.2-1",
    ),
)


def _close(
    name: str, title: str, action: SendClose, *requirements: str, note: str = ""
) -> tuple[Case, ...]:
    code = 1005 if action.code is None else action.code
    return cases(
        f"sending/close-{name}",
        f"the application closes with {title}",
        [action],
        [],
        ["6455-7.1.2-1", "6455-7.3-2", *requirements],
        besides={"client": ["6455-5.5.1-4"]},
        level=Level.POLICY if note else Level.MUST,
        also=[(Refused(),)] if note else [],
        sent=[GotClose(code, action.reason.encode())],
        sent_also=[()] if note else [],
        note=note,
    )


CLOSING: Final = (
    *_close("empty", "no code", SendClose(None), "6455-5.5.1-1"),
    *chain.from_iterable(
        _close(f"{code}", f"code {code}", SendClose(code), "6455-5.5.1-1")
        for code in (1000, 1001, *LIBRARIES, *PRIVATE)
    ),
    *chain.from_iterable(
        _close(
            f"{code}",
            f"code {code}",
            SendClose(code),
            note="An implementation may keep to itself the codes that are not an application's.",
        )
        for code in (*DEFINED[2:], *IANA)
    ),
    *chain.from_iterable(
        _close(
            f"reason-{name}",
            f"a reason: {title}",
            SendClose(1000, reason),
            "6455-5.5.1-2",
            "6455-5.5-1",
        )
        for name, title, reason in (
            ("ascii", "ASCII", "bye"),
            ("utf-8", "characters of one to four bytes", "a é € \U0001f600"),
            ("123", "123 bytes", "x" * 123),
            ("123-utf-8", "123 bytes in 41 characters", "€" * 41),
        )
    ),
)

# What may not be sent -------------------------------------------------------------------


def _not_sent(
    name: str,
    title: str,
    parts: list[Part],
    before: Outcomes,
    *requirements: str,
    sent: Outcomes | None = (),
    sent_also: tuple[Outcomes, ...] = (),
    note: str = "",
) -> tuple[Case, ...]:
    """What the application does last is refused, or done in a way that is right, or not done.

    *before* is what it has been told until then.
    """
    return cases(
        f"sending/{name}",
        title,
        parts,
        [*before, Refused()],
        requirements,
        level=Level.POLICY if note else Level.MUST,
        also=[before],
        sent=sent,
        sent_also=sent_also,
        note=note,
    )


#: What becomes of it if the application closes with a code that no Close frame may have: any
#: Close frame that the peer can read is as right as none.
_ANY_CLOSE: Final = None

_SPARE_CODE: Final = (
    "No sentence of the RFC forbids an application to send a code that is not defined yet; a peer "
    "that knows it not may take it for an error of protocol."
)

BAD_CODES: Final = (
    *chain.from_iterable(
        _not_sent(
            f"close-{code}",
            f"the application closes with code {code}, which no Close frame may have",
            [SendClose(code)],
            (),
            f"6455-{requirement}",
            "6455-5.5.1-1",
            sent=_ANY_CLOSE,
        )
        for code, requirement in (*RESERVED.items(), *((code, "7.4.2-1") for code in NOT_USED))
    ),
    *chain.from_iterable(
        _not_sent(
            f"close-{code}",
            f"the application closes with code {code}, which nothing defines",
            [SendClose(code)],
            (),
            "6455-5.5.1-1",
            "6455-7.4.2-2",
            sent=_ANY_CLOSE,
            note=_SPARE_CODE,
        )
        for code in (*UNDEFINED, *BEYOND)
    ),
    *chain.from_iterable(
        _not_sent(
            f"close-{name}",
            f"the application closes with code {code}, which has no form of 2 bytes",
            [SendClose(code)],
            (),
            "6455-5.5.1-1",
            sent=_ANY_CLOSE,
            note="What is no 16-bit number may be refused in any way, but not be sent as another.",
        )
        for name, code in (("negative", -1), ("65536", 65_536), ("66536", 66_536))
    ),
)

TOO_LONG: Final = (
    *chain.from_iterable(
        _not_sent(
            f"close-reason-{name}",
            f"the application closes with a reason of {len(reason.encode())} bytes: {title}",
            [SendClose(1000, reason)],
            (),
            "6455-5.5-1",
            "6455-5.5.1-2",
            sent=_ANY_CLOSE,
        )
        for name, title, reason in (
            ("124", "ASCII", "x" * 124),
            ("124-utf-8", "62 characters", "é" * 62),
            ("126-utf-8", "42 characters, of which a cut at 123 bytes leaves 41", "€" * 42),
            ("125-utf-8", "a cut at 123 bytes is within a character", "ab" + "€" * 41),
            ("65536", "ASCII", "y" * 65_536),
        )
    ),
    *_not_sent(
        "close-reason-without-code",
        "the application closes with a reason, and no code",
        [SendClose(None, "bye")],
        (),
        "6455-5.5.1-1",
        sent=_ANY_CLOSE,
    ),
    *chain.from_iterable(
        _not_sent(
            f"{name}-{size}",
            f"the application sends a {title} frame of {size} bytes",
            [make(b"x" * size)],
            (),
            "6455-5.5-1",
            "6455-5.5-2",
            # Cut, it is a right frame.
            sent_also=((got(b"x" * 125),),),
        )
        for name, title, make, got in (
            ("ping", "Ping", SendPing, GotPing),
            ("pong", "Pong", SendPong, GotPong),
        )
        for size in (126, 127, 65_536)
    ),
)

#: By name: what an application can do too late.
LATE: Final[dict[str, tuple[str, Action]]] = {
    "text": ("a text message", SendMessage("text", (b"late",))),
    "empty-text": ("an empty text message", SendMessage("text", (b"",))),
    "binary": ("a binary message", SendMessage("binary", (b"late",))),
    "fragments": ("a fragmented message", SendMessage("binary", (b"too", b"late"))),
    "close": ("another Close frame", SendClose(1001, "late")),
}

#: By name: after what; how it comes to that; what is told; and what the peer may get by it:
#: nothing but answers where that is None.
AFTER: Final[dict[str, tuple[str, list[Part], Outcomes, tuple[Outcomes, ...] | None]]] = {
    "our-close": (
        "its Close frame",
        [SendClose(1000)],
        (),
        ((GotClose(1000, b""),),),
    ),
    "their-close": (
        "the peer's Close frame and the answer to it",
        [close(1000)],
        (GotClose(1000, b""),),
        ((GotClose(1000, b""),), (GotClose(1005, b""),)),
    ),
    "both-closes": (
        "Close frames of both",
        [SendClose(1000), close(1000)],
        (GotClose(1000, b""),),
        ((GotClose(1000, b""),),),
    ),
    "failure": (
        "a frame with RSV2 set",
        [Frame(BINARY, b"bad", rsv=RSV2)],
        (Failed(1002),),
        None,
    ),
    "loss": (
        "the end of the transport",
        [EOF],
        (Lost(),),
        None,
    ),
}

TOO_LATE: Final = (
    *chain.from_iterable(
        _not_sent(
            f"{name}-after-{when}",
            f"the application sends {what} after {title}",
            [*parts, action],
            told,
            *("6455-5.5.1-5", "6455-6.1-2", "6455-7.1.3-1"),
            sent=gets[0] if gets else None,
            sent_also=gets[1:] if gets else (),
        )
        for when, (title, parts, told, gets) in AFTER.items()
        for name, (what, action) in LATE.items()
    ),
    *chain.from_iterable(
        _not_sent(
            f"{name}-after-our-close",
            f"the application sends {title} after its Close frame, which it may",
            [SendClose(1000), action],
            (),
            "6455-5.5.1-5",
            sent=(GotClose(1000, b""),),
            sent_also=((GotClose(1000, b""), got),),
        )
        for name, title, action, got in (
            ("ping", "a Ping frame", SendPing(b"p"), GotPing(b"p")),
            ("pong", "a Pong frame", SendPong(b"p"), GotPong(b"p")),
        )
    ),
    *chain.from_iterable(
        _not_sent(
            f"{name}-after-both-closes",
            f"the application sends {title} after Close frames of both",
            [SendClose(1000), close(1000), action],
            (GotClose(1000, b""),),
            "6455-5.5.1-8",
            sent=(GotClose(1000, b""),),
        )
        for name, title, action in (
            ("ping", "a Ping frame", SendPing(b"p")),
            ("pong", "a Pong frame", SendPong(b"p")),
        )
    ),
    *cases(
        "sending/messages-around-close",
        "the application sends a message, a Close frame and five messages",
        [
            SendMessage("text", (b"in time",)),
            SendClose(1000),
            *[SendMessage("text", (b"late",))] * 5,
        ],
        [Refused()] * 5,
        ["6455-5.5.1-5", "6455-6.1-3"],
        also=[()],
        sent=[GotMessage("text", b"in time"), GotClose(1000, b"")],
    ),
)

CASES: Final[tuple[Case, ...]] = (
    *MESSAGES,
    *FRAGMENTED,
    *CONTROL,
    *CLOSING,
    *BAD_CODES,
    *TOO_LONG,
    *TOO_LATE,
)
