"""Cases: fragmented messages (RFC 6455 §5.4).

Owns which frames follow which. What text does over fragments stands in ``text``.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.cases import Case
from wsproto_core.testing.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
)
from wsproto_core.testing.outcomes import (
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Lost,
    Outcome,
)

from .building import EOF, READ, Part, cases, close, fragments
from .framing import KINDS, payload

WHOLE_MESSAGE: Final = ["6455-5.4-3", "6455-5.4-4", "6455-5.4-6", "6455-5.4-9", "6455-5.4-10"]
RECEIVED: Final = [*WHOLE_MESSAGE, "6455-6.2-4"]

#: By name: what is special about the fragments, and they.
DIVISIONS: Final[dict[str, tuple[str, tuple[bytes, ...]]]] = {
    "two": ("two fragments", (b"frag", b"ments")),
    "three": ("three fragments", (b"fra", b"gmen", b"ts")),
    "single-bytes": ("fragments of one byte", tuple(b"%c" % c for c in b"fragments")),
    "first-empty": ("an empty first fragment", (b"", b"frag", b"ments")),
    "middle-empty": ("an empty fragment in the middle", (b"frag", b"", b"ments")),
    "last-empty": ("an empty last fragment", (b"frag", b"ments", b"")),
    "all-but-first-empty": ("only empty fragments after the first", (b"fragments", b"", b"", b"")),
    "all-but-last-empty": ("only empty fragments before the last", (b"", b"", b"", b"fragments")),
    "all-empty": ("three empty fragments", (b"", b"", b"")),
    "two-empty": ("two empty fragments", (b"", b"")),
    "edges": (
        "fragments of 125, 126, 127 and 1 bytes",
        (payload(125), payload(126), payload(127), b"."),
    ),
    "long": ("fragments of 65535, 65536 and 3 bytes", (payload(65_535), payload(65_536), b"end")),
    "thousand": ("1000 fragments", tuple(b"%d," % i for i in range(1000))),
}

DIVIDED: Final = (
    *chain.from_iterable(
        cases(
            f"fragmentation/{kind}-{name}",
            f"a {kind} message: {title}",
            [*fragments(opcode, *parts), Frame(opcode, b"next")],
            [GotMessage(kind, b"".join(parts)), GotMessage(kind, b"next")],
            RECEIVED,
        )
        for kind, opcode in KINDS
        for name, (title, parts) in DIVISIONS.items()
    ),
    *cases(
        "fragmentation/two-messages",
        "a fragmented text message, then a fragmented binary message",
        [*fragments(TEXT, b"a", b"b"), *fragments(BINARY, b"c", b"d", b"e")],
        [GotMessage("text", b"ab"), GotMessage("binary", b"cde")],
        [*RECEIVED, "6455-6.2-3", "6455-6.2-5"],
    ),
    *cases(
        "fragmentation/alternating",
        "whole and fragmented messages in turn",
        list(
            chain.from_iterable(
                (Frame(TEXT, b"%d" % i), *fragments(BINARY, b"%d" % i, b"-", b"%d" % i))
                for i in range(20)
            )
        ),
        list(
            chain.from_iterable(
                (GotMessage("text", b"%d" % i), GotMessage("binary", b"%d-%d" % (i, i)))
                for i in range(20)
            )
        ),
        ["6455-5.4-1", "6455-5.4-9", "6455-6.2-5"],
    ),
    *cases(
        "fragmentation/reads",
        "three fragments, each in a read of its own",
        [
            Frame(TEXT, b"a", fin=False),
            READ,
            Frame(CONTINUATION, b"b", fin=False),
            READ,
            Frame(CONTINUATION, b"c"),
        ],
        [GotMessage("text", b"abc")],
        ["6455-5.4-1", "6455-5.4-4"],
    ),
)

#: By name: what comes between the fragments "a" and "b" of a text message; and what is told.
BETWEEN: Final[dict[str, tuple[str, tuple[Frame, ...], tuple[Outcome, ...]]]] = {
    "ping": ("a Ping frame", (Frame(PING, b"ping"),), (GotPing(b"ping"),)),
    "empty-ping": ("an empty Ping frame", (Frame(PING),), (GotPing(b""),)),
    "long-ping": ("a Ping frame of 125 bytes", (Frame(PING, b"p" * 125),), (GotPing(b"p" * 125),)),
    "pong": ("a Pong frame", (Frame(PONG, b"pong"),), (GotPong(b"pong"),)),
    "several": (
        "Ping, Pong and Ping frames",
        (Frame(PING, b"1"), Frame(PONG, b"2"), Frame(PING, b"3")),
        (GotPing(b"1"), GotPong(b"2"), GotPing(b"3")),
    ),
}

WITH_CONTROL_FRAMES: Final = (
    *chain.from_iterable(
        cases(
            f"fragmentation/{name}-in-{kind}",
            f"{title} between the fragments of a {kind} message",
            [Frame(opcode, b"a", fin=False), *frames, Frame(CONTINUATION, b"b")],
            [*told, GotMessage(kind, b"ab")],
            ["6455-5.4-8", "6455-5.4-4", "6455-5.5.2-1", "6455-6.2-2"],
        )
        for kind, opcode in KINDS
        for name, (title, frames, told) in BETWEEN.items()
    ),
    *cases(
        "fragmentation/ping-in-each-gap",
        "a Ping frame in each gap between nine fragments",
        list(
            chain.from_iterable(
                (frame, Frame(PING, b"%d" % i))
                for i, frame in enumerate(fragments(TEXT, *(b"%d" % i for i in range(9))))
            )
        ),
        [
            *(GotPing(b"%d" % i) for i in range(8)),
            GotMessage("text", b"012345678"),
            GotPing(b"8"),
        ],
        ["6455-5.4-8", "6455-5.5.2-1", "6455-5.5.3-1"],
    ),
    *cases(
        "fragmentation/ping-in-empty-fragments",
        "Ping frames between empty fragments",
        [
            Frame(BINARY, fin=False),
            Frame(PING, b"1"),
            Frame(CONTINUATION, fin=False),
            Frame(PING, b"2"),
            Frame(CONTINUATION),
        ],
        [GotPing(b"1"), GotPing(b"2"), GotMessage("binary", b"")],
        ["6455-5.4-8"],
    ),
    *cases(
        "fragmentation/close-in-message",
        "a Close frame between fragments: the message never ends",
        [Frame(TEXT, b"a", fin=False), close(1000), Frame(CONTINUATION, b"b")],
        [GotClose(1000, b"")],
        ["6455-5.4-8", "6455-5.5.1-6"],
    ),
)


def _wrong(
    name: str, title: str, parts: list[Part], *before: Outcome, requirement: str
) -> tuple[Case, ...]:
    return cases(
        f"fragmentation/{name}",
        title,
        parts,
        [*before, Failed(1002)],
        [requirement, "6455-10.7-1", "6455-7.1.7-4"],
    )


WRONG: Final = (
    *chain.from_iterable(
        _wrong(
            f"lone-continuation-{name}",
            f"{title}, with no message in progress",
            [Frame(CONTINUATION, data, fin=fin), Frame(TEXT, b"after")],
            requirement="6455-5.4-3",
        )
        for name, title, data, fin in (
            ("fin", "a continuation frame with FIN", b"lone", True),
            ("no-fin", "a continuation frame without FIN", b"lone", False),
            ("empty-fin", "an empty continuation frame with FIN", b"", True),
            ("empty-no-fin", "an empty continuation frame without FIN", b"", False),
        )
    ),
    *chain.from_iterable(
        _wrong(
            f"continuation-after-{name}",
            f"a continuation frame after {title}",
            [*before, Frame(CONTINUATION, b"more")],
            *told,
            requirement="6455-5.4-2" if name == "message" else "6455-5.4-3",
        )
        for name, title, before, told in (
            (
                "message",
                "an unfragmented message",
                (Frame(TEXT, b"a"),),
                (GotMessage("text", b"a"),),
            ),
            (
                "fragmented-message",
                "the last fragment of a message",
                fragments(TEXT, b"a", b"b"),
                (GotMessage("text", b"ab"),),
            ),
            ("ping", "a Ping frame", (Frame(PING, b"p"),), (GotPing(b"p"),)),
        )
    ),
    *chain.from_iterable(
        _wrong(
            f"{new}-in-{kind}{'' if fin else '-no-fin'}",
            f"a {new} frame {'with' if fin else 'without'} FIN within a {kind} message",
            [
                Frame(opcode, b"a", fin=False),
                Frame(new_opcode, b"b", fin=fin),
                Frame(CONTINUATION, b"c"),
            ],
            requirement="6455-5.4-7",
        )
        for kind, opcode in KINDS
        for new, new_opcode in KINDS
        for fin in (True, False)
    ),
    *_wrong(
        "text-in-message-late",
        "a text frame after three fragments and a Ping frame",
        [
            *fragments(BINARY, b"a", b"b", b"c", b"d")[:3],
            Frame(PING, b"p"),
            Frame(TEXT, b"new"),
        ],
        GotPing(b"p"),
        requirement="6455-5.4-7",
    ),
    *_wrong(
        "empty-text-in-message",
        "an empty text frame within a text message",
        [Frame(TEXT, b"a", fin=False), Frame(TEXT), Frame(CONTINUATION, b"b")],
        requirement="6455-5.4-7",
    ),
    *_wrong(
        "text-in-empty-message",
        "a text frame after an empty first fragment",
        [Frame(TEXT, fin=False), Frame(TEXT, b"b")],
        requirement="6455-5.4-7",
    ),
    *_wrong(
        "interleaved",
        "the fragments of two messages in turn",
        [
            Frame(TEXT, b"a1", fin=False),
            Frame(BINARY, b"b1", fin=False),
            Frame(CONTINUATION, b"a2"),
            Frame(CONTINUATION, b"b2"),
        ],
        requirement="6455-5.4-7",
    ),
    *_wrong(
        "one-more-fragment",
        "messages before, and a fragment too many",
        [Frame(TEXT, b"x"), *fragments(TEXT, b"a", b"b"), Frame(CONTINUATION, b"c")],
        GotMessage("text", b"x"),
        GotMessage("text", b"ab"),
        requirement="6455-5.4-3",
    ),
    *chain.from_iterable(
        _wrong(
            f"fragmented-{name}{'-in-message' if within else ''}",
            f"a {title} frame without FIN{', within a message' if within else ''}",
            [
                *([Frame(TEXT, b"a", fin=False)] if within else []),
                Frame(opcode, data, fin=False),
                Frame(CONTINUATION, b"b"),
            ],
            requirement="6455-5.4-5",
        )
        for within in (False, True)
        for name, title, opcode, data in (
            ("ping", "Ping", PING, b"p"),
            ("pong", "Pong", PONG, b"p"),
            ("close", "Close", CLOSE, b"\x03\xe8"),
        )
    ),
)

UNFINISHED: Final = (
    *chain.from_iterable(
        cases(
            f"fragmentation/{kind}-without-end-{name}",
            f"the transport ends within a {kind} message, {title}",
            [Frame(TEXT, b"whole"), *frames, EOF],
            [GotMessage("text", b"whole"), *told, Lost()],
            ["6455-5.4-3", "6455-6.2-4", "6455-7.1.5-3"],
        )
        for kind, opcode in KINDS
        for name, title, frames, told in (
            ("first", "after its first fragment", (Frame(opcode, b"a", fin=False),), ()),
            ("second", "after two fragments", fragments(opcode, b"a", b"b", b"c")[:2], ()),
            ("empty", "after an empty fragment", (Frame(opcode, fin=False),), ()),
            (
                "ping",
                "after a Ping frame",
                (Frame(opcode, b"a", fin=False), Frame(PING, b"p")),
                (GotPing(b"p"),),
            ),
        )
    ),
    *chain.from_iterable(
        cases(
            f"fragmentation/{kind}-not-yet-ended",
            f"two fragments of a {kind} message, and nothing more",
            fragments(opcode, b"a", b"b", b"c")[:2],
            [],
            ["6455-5.4-3", "6455-6.2-4"],
        )
        for kind, opcode in KINDS
    ),
)

CASES: Final[tuple[Case, ...]] = (*DIVIDED, *WITH_CONTROL_FRAMES, *WRONG, *UNFINISHED)
