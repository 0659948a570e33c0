"""Cases: Ping and Pong frames (RFC 6455 §5.5, §5.5.2, §5.5.3).

Owns what they carry, and when. That the answers are right is judged in every case. Close frames
stand in ``closing``, control frames between fragments also in ``fragmentation``.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

from wsproto_core.testing.actions import SendClose, SendMessage, SendPing
from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, Frame
from wsproto_core.testing.outcomes import (
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Outcome,
)

from .building import READ, Cut, Rest, cases, close, fragments

PING_ANSWERED: Final = ["6455-5.5.2-1", "6455-5.5.2-2", "6455-5.5.3-1", "6455-6.2-2"]

#: By name: what is special about it, and the payload of a control frame.
PAYLOADS: Final = {
    "empty": ("no payload", b""),
    "one-byte": ("a payload of one byte", b"p"),
    "text": ("a payload of text", b"Hello, ping"),
    "binary": ("a payload that is not UTF-8", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
    "124": ("a payload of 124 bytes", b"x" * 124),
    "125": ("a payload of 125 bytes", bytes(range(125))),
}

#: What is too long by as much as the three forms of a length tell.
TOO_LONG: Final = (126, 127, 256, 65_535, 65_536)

NAMES: Final = (("ping", "Ping", PING), ("pong", "Pong", PONG), ("close", "Close", CLOSE))

RIGHT: Final = (
    *chain.from_iterable(
        cases(
            f"control/ping-{name}",
            f"a Ping frame with {title}",
            [Frame(PING, data)],
            [GotPing(data)],
            PING_ANSWERED,
            sent=[GotPong(data)],
        )
        for name, (title, data) in PAYLOADS.items()
    ),
    *chain.from_iterable(
        cases(
            f"control/pong-{name}",
            f"a Pong frame with {title} that nobody asked for",
            [Frame(PONG, data), Frame(TEXT, b"after")],
            [GotPong(data), GotMessage("text", b"after")],
            ["6455-5.5.3-2", "6455-6.2-2"],
            sent=[],
        )
        for name, (title, data) in PAYLOADS.items()
    ),
    *cases(
        "control/ping-between-messages",
        "a Ping frame between two messages",
        [Frame(TEXT, b"one"), Frame(PING, b"p"), Frame(TEXT, b"two")],
        [GotMessage("text", b"one"), GotPing(b"p"), GotMessage("text", b"two")],
        PING_ANSWERED,
        sent=[GotPong(b"p")],
    ),
    *cases(
        "control/ping-before-part",
        "a Ping frame, and in the same read the beginning of a message",
        [Frame(PING, b"p"), Cut(Frame(TEXT, b"message"), -3)],
        [GotPing(b"p")],
        PING_ANSWERED,
        sent=[GotPong(b"p")],
    ),
    *cases(
        "control/ping-in-two-reads",
        "a Ping frame whose payload begins in one read and ends in another",
        [Cut(Frame(PING, b"ping"), -2), READ, Rest(Frame(PING, b"ping"), -2)],
        [GotPing(b"ping")],
        PING_ANSWERED,
        sent=[GotPong(b"ping")],
    ),
    *cases(
        "control/pings-and-pongs",
        "Pings and Pongs in turn, with messages between them",
        [
            Frame(PING, b"1"),
            Frame(PONG, b"2"),
            Frame(TEXT, b"3"),
            Frame(PONG, b"4"),
            Frame(PING, b"5"),
        ],
        [GotPing(b"1"), GotPong(b"2"), GotMessage("text", b"3"), GotPong(b"4"), GotPing(b"5")],
        [*PING_ANSWERED, "6455-5.5.3-2"],
    ),
)

#: For cases with more Pings at once than some implementations put up with.
MANY: Final[Any] = {
    "level": Level.POLICY,
    "note": "An endpoint may protect itself from floods (§7.3, §10.4); ws gives up at 60 Pongs "
    "that wait. But to take them, and answer the last, costs no more than to refuse them.",
}

SEVERAL: Final = (
    *chain.from_iterable(
        cases(
            f"control/{count}-pings",
            f"{count} Ping frames in one read, each with a payload of its own",
            [Frame(PING, b"ping %d" % i) for i in range(count)],
            [GotPing(b"ping %d" % i) for i in range(count)],
            PING_ANSWERED,
            **(MANY if count > 10 else {}),
        )
        for count in (2, 3, 10, 1000)
    ),
    *cases(
        "control/pings-in-reads",
        "three Ping frames, each in a read of its own",
        [Frame(PING, b"1"), READ, Frame(PING, b"2"), READ, Frame(PING, b"3")],
        [GotPing(b"1"), GotPing(b"2"), GotPing(b"3")],
        PING_ANSWERED,
    ),
    *cases(
        "control/same-pings",
        "five Ping frames with the same payload",
        [Frame(PING, b"same")] * 5,
        [GotPing(b"same")] * 5,
        PING_ANSWERED,
    ),
    *cases(
        "control/long-pings",
        "200 Ping frames of 125 bytes",
        [Frame(PING, b"%03d" % i + bytes(122)) for i in range(200)],
        [GotPing(b"%03d" % i + bytes(122)) for i in range(200)],
        PING_ANSWERED,
        **MANY,
    ),
    *cases(
        "control/1000-pongs",
        "1000 Pong frames that nobody asked for",
        [Frame(PONG, b"%d" % i) for i in range(1000)],
        [GotPong(b"%d" % i) for i in range(1000)],
        ["6455-5.5.3-2"],
        sent=[],
    ),
    *cases(
        "control/pings-in-message",
        "100 Ping frames between two fragments",
        [
            Frame(TEXT, b"a", fin=False),
            *(Frame(PING, b"%d" % i) for i in range(100)),
            Frame(CONTINUATION, b"b"),
        ],
        [*(GotPing(b"%d" % i) for i in range(100)), GotMessage("text", b"ab")],
        [*PING_ANSWERED, "6455-5.4-8"],
        **MANY,
    ),
)

WRONG: Final = tuple(
    chain.from_iterable(
        cases(
            f"control/{name}-{size}",
            f"a {title} frame with a payload of {size} bytes",
            [Frame(opcode, b"\x03\xe8" + b"x" * (size - 2)), Frame(TEXT, b"after")],
            [Failed(1002)],
            ["6455-5.5-1", "6455-7.1.7-5", "6455-10.7-1"],
        )
        for name, title, opcode in NAMES
        for size in TOO_LONG
    )
)

WHEN: Final = (
    *cases(
        "control/ping-in-unfinished-message",
        "a Ping frame between fragments, the last of which is still to come",
        [Frame(TEXT, b"a", fin=False), Frame(PING, b"now")],
        [GotPing(b"now")],
        ["6455-5.4-8", "6455-5.5.2-2"],
        level=Level.SHOULD,
        sent=[GotPong(b"now")],
    ),
    *cases(
        "control/ping-while-sending",
        "a Ping frame after a message of the application",
        [SendMessage("text", (b"mine",)), Frame(PING, b"p")],
        [GotPing(b"p")],
        PING_ANSWERED,
        sent=[GotMessage("text", b"mine"), GotPong(b"p")],
    ),
    *cases(
        "control/ping-then-close",
        "a Ping frame, and a Close frame in the same read",
        [Frame(PING, b"p"), close(1000)],
        [GotPing(b"p"), GotClose(1000, b"")],
        ["6455-5.5.2-1", "6455-5.5.1-6"],
    ),
    *cases(
        "control/close-then-ping",
        "a Ping frame after a Close frame",
        [close(1000), Frame(PING, b"p")],
        [GotClose(1000, b"")],
        ["6455-5.5.1-6", "6455-5.5.2-1"],
        sent=[GotClose(1000, b"")],
        sent_also=[(GotClose(1005, b""),)],
    ),
    *cases(
        "control/ping-after-our-close",
        "a Ping frame after the endpoint's Close frame, and before the peer's",
        [SendClose(1000), Frame(PING, b"p")],
        [GotPing(b"p")],
        ["6455-5.5.2-1"],
        # The peer has to be told, an application that is done need not be.
        also=[()],
        sent=[GotClose(1000, b""), GotPong(b"p")],
    ),
    *cases(
        "control/pong-after-our-close",
        "a Pong frame after the endpoint's Close frame",
        [SendClose(1000), Frame(PONG, b"p")],
        [GotPong(b"p")],
        ["6455-5.5.3-2"],
        also=[()],
        sent=[GotClose(1000, b"")],
    ),
)


def _pong_for(name: str, title: str, *pongs: bytes) -> tuple[Case, ...]:
    told: list[Outcome] = [GotPong(data) for data in pongs]
    return cases(
        f"control/{name}",
        f"{title} after the endpoint's Ping frame",
        [SendPing(b"ours"), *(Frame(PONG, data) for data in pongs), Frame(TEXT, b"after")],
        [*told, GotMessage("text", b"after")],
        ["6455-5.5.3-2", "6455-6.2-2"],
        sent=[GotPing(b"ours")],
    )


ANSWERS: Final = (
    *_pong_for("pong-answer", "the right Pong frame", b"ours"),
    *_pong_for("pong-other", "a Pong frame with another payload", b"other"),
    *_pong_for("pong-other-empty", "a Pong frame without a payload", b""),
    *_pong_for("pong-twice", "the right Pong frame, twice,", b"ours", b"ours"),
    *_pong_for("pong-late", "another Pong frame, then the right one,", b"other", b"ours"),
    *cases(
        "control/pong-for-latest",
        "one Pong frame, for the last of three Ping frames of the endpoint",
        [SendPing(b"1"), SendPing(b"2"), SendPing(b"3"), Frame(PONG, b"3"), Frame(TEXT, b"x")],
        [GotPong(b"3"), GotMessage("text", b"x")],
        ["6455-5.5.3-2"],
        sent=[GotPing(b"1"), GotPing(b"2"), GotPing(b"3")],
    ),
    *cases(
        "control/ping-crossing",
        "Ping frames of both endpoints that cross",
        [SendPing(b"ours"), Frame(PING, b"theirs"), Frame(PONG, b"ours")],
        [GotPing(b"theirs"), GotPong(b"ours")],
        PING_ANSWERED,
        sent=[GotPing(b"ours"), GotPong(b"theirs")],
    ),
    *cases(
        "control/ping-without-pong",
        "messages, and no Pong frame, after the endpoint's Ping frame",
        [SendPing(b"ours"), Frame(TEXT, b"a"), *fragments(TEXT, b"b", b"c")],
        [GotMessage("text", b"a"), GotMessage("text", b"bc")],
        ["6455-7.3-1"],
        roles=["client"],
        level=Level.SHOULD,
        sent=[GotPing(b"ours")],
    ),
)

CASES: Final[tuple[Case, ...]] = (*RIGHT, *SEVERAL, *WRONG, *WHEN, *ANSWERS)
