"""Cases: the base framing protocol (RFC 6455 §5.2): lengths, reserved bits, opcodes.

Owns what the header of a frame alone decides. Masking, fragments and control frames have modules
of their own.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    Frame,
)
from wsproto_core.testing.outcomes import (
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Kind,
    Lost,
    Outcome,
)

from .building import EOF, READ, Cut, Part, cases

KINDS: Final[tuple[tuple[Kind, int], ...]] = (("text", TEXT), ("binary", BINARY))

#: Where the length takes another form, or a power of two is passed.
SIZES: Final = (0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 257, 4095, 4096, 65_535, 65_536)
#: These beyond, for one kind of message only.
LARGE_SIZES: Final = (65_537, 131_071, 131_072, 262_144)

#: A frame that a receiver may not come to read.
AFTER: Final = Frame(TEXT, b"after")


def payload(size: int) -> bytes:
    """ASCII in which no short piece comes twice within a few thousand bytes."""
    numbers = "".join(f"{i}," for i in range(size // 4 + 1))
    return numbers[:size].encode().ljust(size, b".")


LENGTHS: Final = (
    *chain.from_iterable(
        cases(
            f"framing/{kind}-{size}",
            f"a {kind} frame with a payload of {size} bytes",
            [Frame(opcode, payload(size))],
            [GotMessage(kind, payload(size))],
            ["6455-5.2-5", "6455-5.2-6", "6455-5.4-2", "6455-6.2-1", "6455-6.2-3"],
            besides={"server": ["6455-5.3-6", "6455-6.2-6"]},
        )
        for kind, opcode in KINDS
        for size in SIZES
    ),
    *chain.from_iterable(
        cases(
            f"framing/binary-{size}",
            f"a binary frame with a payload of {size} bytes",
            [Frame(BINARY, payload(size))],
            [GotMessage("binary", payload(size))],
            ["6455-5.2-5", "6455-6.2-1"],
        )
        for size in LARGE_SIZES
    ),
    *cases(
        "framing/binary-all-bytes",
        "a binary frame with each of the 256 bytes",
        [Frame(BINARY, bytes(range(256)))],
        [GotMessage("binary", bytes(range(256)))],
        ["6455-5.6-2"],
    ),
    *cases(
        "framing/many-messages",
        "300 messages in one read, text and binary in turn",
        [Frame(BINARY if i % 2 else TEXT, b"%d" % i) for i in range(300)],
        [GotMessage("binary" if i % 2 else "text", b"%d" % i) for i in range(300)],
        ["6455-5.4-1", "6455-5.4-9", "6455-6.2-3", "6455-6.2-5"],
    ),
    *cases(
        "framing/growing-messages",
        "messages of 0 to 140 bytes, one after the other",
        [Frame(TEXT, payload(size)) for size in range(141)],
        [GotMessage("text", payload(size)) for size in range(141)],
        ["6455-5.2-5", "6455-5.4-1", "6455-6.2-5"],
    ),
    *cases(
        "framing/two-reads",
        "two messages, each in a read of its own",
        [Frame(TEXT, b"one"), READ, Frame(BINARY, b"two")],
        [GotMessage("text", b"one"), GotMessage("binary", b"two")],
        ["6455-6.2-3", "6455-6.2-5"],
    ),
)


#: §5.2 binds who sends: "the minimal number of bytes MUST be used to encode the length".
_STRICTER: Final[Any] = {
    "level": Level.POLICY,
    "note": "No sentence makes a receiver fail on it, though §10.7 allows it. Yet who takes two "
    "spellings of one length may read something else than a proxy that does not.",
}


def _not_minimal(size: int, form: int) -> tuple[Case, ...]:
    return cases(
        f"framing/length-{size}-in-{8 * form}-bits",
        f"a binary frame of {size} bytes with a length of {8 * form} bits",
        [Frame(BINARY, payload(size), length_size=form)],
        [Failed(1002)],
        ["6455-5.2-6", "6455-10.7-1"],
        **_STRICTER,
    )


NOT_MINIMAL: Final = (
    *chain.from_iterable(_not_minimal(size, 2) for size in (0, 1, 124, 125)),
    *chain.from_iterable(_not_minimal(size, 8) for size in (0, 1, 125, 126, 127, 65_535)),
    *chain.from_iterable(
        cases(
            f"framing/length-not-minimal-{name}",
            f"{title} whose length of {8 * form} bits could be shorter, in the middle of others",
            [Frame(TEXT, b"before"), *parts, AFTER],
            [GotMessage("text", b"before"), *before, Failed(1002)],
            ["6455-5.2-6", "6455-7.1.7-5"],
            **_STRICTER,
        )
        for form in (2, 8)
        for name, title, parts, before in (
            (
                f"text-{form}",
                "a text frame",
                [Frame(TEXT, b"hi", length_size=form)],
                (),
            ),
            (
                f"continuation-{form}",
                "a continuation frame",
                [
                    Frame(TEXT, b"hi", fin=False),
                    Frame(CONTINUATION, b"ho", length_size=form),
                ],
                (),
            ),
        )
    ),
    *chain.from_iterable(
        cases(
            f"framing/length-not-minimal-{name}-{form}",
            f"a {name} frame of 2 bytes with a length of {8 * form} bits",
            [Frame(opcode, b"\x03\xe8", length_size=form)],
            [Failed(1002)],
            ["6455-5.2-6", "6455-5.5-1"],
            **_STRICTER,
        )
        for form in (2, 8)
        for name, opcode in (("close", CLOSE), ("ping", PING), ("pong", PONG))
    ),
)


def _only_header(opcode: int, declared: int, *, fin: bool = True) -> tuple[Part, ...]:
    """The header of a frame that declares *declared* bytes, and a few of them."""
    return (Frame(opcode, b"few", fin=fin, length_size=8, declared=declared),)


TOP_BIT: Final = (
    *chain.from_iterable(
        cases(
            f"framing/length-top-bit-{declared:x}",
            f"a binary frame that declares 0x{declared:x} bytes",
            [*_only_header(BINARY, declared), EOF],
            [Failed(1002)],
            ["6455-5.2-4", "6455-10.7-1"],
            advisories=["CVE-2020-27813 (gorilla/websocket)", "CVE-2020-13935 (Tomcat)"],
            tolerate=[(Failed(1009),), (Lost(),)],
        )
        for declared in (2**63, 2**63 + 3, 2**63 + 2**32, 2**64 - 1)
    ),
    *cases(
        "framing/length-top-bit-at-once",
        "the header of a text frame with the first bit of its length set, and nothing more",
        _only_header(TEXT, 2**64 - 1),
        [Failed(1002)],
        ["6455-5.2-4"],
        level=Level.POLICY,
        note="A payload of such a length never ends, so to wait for it is to wait for ever.",
        advisories=["CVE-2020-27813 (gorilla/websocket)", "CVE-2020-13935 (Tomcat)"],
        tolerate=[(Failed(1009),)],
    ),
)

BITS: Final = {
    "rsv1": RSV1,
    "rsv2": RSV2,
    "rsv3": RSV3,
    "rsv1-rsv2": RSV1 | RSV2,
    "rsv1-rsv3": RSV1 | RSV3,
    "rsv2-rsv3": RSV2 | RSV3,
    "all-rsv": RSV1 | RSV2 | RSV3,
}
BEFORE: Final = {
    "text": (TEXT, "a text frame"),
    "binary": (BINARY, "a binary frame"),
    "close": (CLOSE, "a Close frame"),
    "ping": (PING, "a Ping frame"),
    "pong": (PONG, "a Pong frame"),
}

RESERVED_BITS: Final = (
    *chain.from_iterable(
        cases(
            f"framing/{bits}-{name}",
            f"{title} with {bits.upper().replace('-', ' and ')} set, no extension negotiated",
            [Frame(opcode, b"\x03\xe8" if opcode == CLOSE else b"hi", rsv=BITS[bits])],
            [Failed(1002)],
            ["6455-5.2-1", "6455-5.2-2", "6455-5.8-1"],
            advisories=["CVE-2026-59881 (aiohttp)"] if BITS[bits] & RSV1 else [],
        )
        for bits in BITS
        for name, (opcode, title) in BEFORE.items()
        if bits.count("-") == 0 or name == "text"
    ),
    *chain.from_iterable(
        cases(
            f"framing/{bits}-continuation",
            f"a continuation frame with {bits.upper()} set",
            [Frame(TEXT, b"a", fin=False), Frame(CONTINUATION, b"b", rsv=BITS[bits])],
            [Failed(1002)],
            ["6455-5.2-1", "6455-5.2-2"],
        )
        for bits in ("rsv1", "rsv2", "rsv3")
    ),
    *chain.from_iterable(
        cases(
            f"framing/{bits}-first-fragment",
            f"the first fragment of a binary message with {bits.upper()} set",
            [Frame(BINARY, b"a", fin=False, rsv=BITS[bits]), Frame(CONTINUATION, b"b")],
            [Failed(1002)],
            ["6455-5.2-1", "6455-5.2-2"],
        )
        for bits in ("rsv1", "rsv2", "rsv3")
    ),
    *chain.from_iterable(
        cases(
            f"framing/{bits}-empty-text",
            f"an empty text frame with {bits.upper()} set",
            [Frame(TEXT, rsv=BITS[bits])],
            [Failed(1002)],
            ["6455-5.2-2"],
        )
        for bits in ("rsv1", "rsv2", "rsv3")
    ),
    *cases(
        "framing/rsv2-between-messages",
        "a text frame, one with RSV2 set, a Ping and a text frame",
        [Frame(TEXT, b"before"), Frame(TEXT, b"bad", rsv=RSV2), Frame(PING, b"p"), AFTER],
        [GotMessage("text", b"before"), Failed(1002)],
        ["6455-5.2-2", "6455-7.1.7-4", "6455-7.1.7-5"],
        besides={"server": ["6455-7.1.7-2"], "client": ["6455-7.1.7-1"]},
    ),
)

RESERVED_OPCODES: Final = tuple(
    chain.from_iterable(
        cases(
            f"framing/opcode-{opcode:x}-{name}",
            f"a frame with the reserved opcode 0x{opcode:X}, {title}",
            [Frame(opcode, data), AFTER],
            [Failed(1002)],
            ["6455-5.2-3", "6455-7.1.7-5"],
        )
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
        for name, title, data in (
            ("empty", "without a payload", b""),
            ("payload", "with a payload", b"reserved"),
        )
    )
)
MORE_RESERVED_OPCODES: Final = tuple(
    chain.from_iterable(
        cases(
            f"framing/opcode-{opcode:x}-{name}",
            f"a frame with the reserved opcode 0x{opcode:X}, {title}",
            parts,
            [Failed(1002)],
            ["6455-5.2-3"],
        )
        for opcode in (3, 11)
        for name, title, parts in (
            ("no-fin", "without FIN", [Frame(opcode, b"a", fin=False), AFTER]),
            (
                "in-message",
                "in the middle of a fragmented message",
                [Frame(TEXT, b"a", fin=False), Frame(opcode, b"b"), Frame(CONTINUATION, b"c")],
            ),
            ("long", "with a payload of 126 bytes", [Frame(opcode, payload(126))]),
        )
    )
)

_FEW: Final = b"few"


def _at_once(
    name: str, requirement: str, title: str, part: Part, *before: Part
) -> tuple[Case, ...]:
    """What the first bytes of a frame show is told from them, though more are to come."""
    return cases(
        f"framing/at-once-{name}",
        f"{title}, and not yet its payload",
        [*before, part],
        [Failed(1002)],
        [requirement, "6455-10.7-1"],
        level=Level.POLICY,
        note="No sentence says when to fail; who reads the payload first buffers for an attacker.",
        advisories=["CVE-2026-19204 (Jetty)"],
    )


AT_ONCE: Final = (
    *_at_once(
        "rsv2",
        "6455-5.2-2",
        "the header of a text frame of 1000000 bytes with RSV2 set",
        Frame(TEXT, _FEW, rsv=RSV2, declared=1_000_000),
    ),
    *_at_once(
        "rsv1",
        "6455-5.2-2",
        "the header of a binary frame of 1000000 bytes with RSV1 set",
        Frame(BINARY, _FEW, rsv=RSV1, declared=1_000_000),
    ),
    *_at_once(
        "opcode-3",
        "6455-5.2-3",
        "the header of a frame of 1000000 bytes with opcode 3",
        Frame(3, _FEW, declared=1_000_000),
    ),
    *_at_once(
        "opcode-f",
        "6455-5.2-3",
        "the header of a frame of 1000 bytes with opcode 0xF",
        Frame(15, _FEW, declared=1000),
    ),
    *_at_once(
        "long-ping",
        "6455-5.5-1",
        "the header of a Ping frame of 1000000 bytes",
        Frame(PING, _FEW, declared=1_000_000),
    ),
    *_at_once(
        "continuation",
        "6455-5.4-3",
        "the header of a continuation frame of 1000000 bytes without a message",
        Frame(CONTINUATION, _FEW, declared=1_000_000),
    ),
    *_at_once(
        "text-in-message",
        "6455-5.4-7",
        "the header of a text frame of 1000000 bytes within a message",
        Frame(TEXT, _FEW, declared=1_000_000),
        Frame(TEXT, b"a", fin=False),
    ),
    *_at_once(
        "not-minimal",
        "6455-5.2-6",
        "the header of a text frame of 100 bytes with a length of 64 bits",
        Frame(TEXT, _FEW, declared=100, length_size=8),
    ),
)


def _outcomes_of(*frames: Frame) -> list[Outcome]:
    made: dict[int, Outcome] = {
        TEXT: GotMessage("text", b"x"),
        BINARY: GotMessage("binary", b"x"),
        PING: GotPing(b"x"),
        PONG: GotPong(b"x"),
        CLOSE: GotClose(1000, b""),
    }
    return [made[frame.opcode] for frame in frames]


_ONE_OF_EACH: Final = (
    Frame(BINARY, b"x"),
    Frame(PONG, b"x"),
    Frame(TEXT, b"x"),
    Frame(PING, b"x"),
    Frame(CLOSE, b"\x03\xe8"),
)

WHOLE_STREAMS: Final = (
    *cases(
        "framing/one-of-each",
        "a frame of each known opcode",
        _ONE_OF_EACH,
        _outcomes_of(*_ONE_OF_EACH),
        ["6455-6.2-1", "6455-6.2-2", "6455-6.2-3"],
    ),
    *chain.from_iterable(
        cases(
            f"framing/eof-{name}",
            f"the transport ends {title}",
            [Frame(TEXT, b"x"), *parts, EOF],
            [GotMessage("text", b"x"), Lost()],
            ["6455-7.1.5-3"],
            besides={"client": ["6455-7.2.1-2"]},
        )
        for name, title, parts in (
            ("after-a-frame", "after a frame", []),
            ("after-one-byte", "after the first byte of a frame", [Cut(Frame(TEXT, b"hi"), 1)]),
            ("in-length", "within a length", [Cut(Frame(TEXT, payload(126)), 3)]),
            ("in-long-length", "within a length", [Cut(Frame(TEXT, payload(65_536)), 9)]),
            ("before-payload", "before a payload", [Cut(Frame(TEXT, b"hi"), -2)]),
            ("in-payload", "within a payload", [Cut(Frame(TEXT, b"hi"), -1)]),
            ("in-ping", "within a Ping frame", [Cut(Frame(PING, b"hi"), -1)]),
            ("in-close", "within a Close frame", [Cut(Frame(CLOSE, b"\x03\xe8"), -1)]),
            ("in-close-header", "within a Close frame's header", [Cut(Frame(CLOSE), 1)]),
        )
    ),
    *cases(
        "framing/eof-at-once",
        "the transport ends before any frame",
        [EOF],
        [Lost()],
        ["6455-7.1.5-3"],
        besides={"client": ["6455-7.2.1-2"]},
    ),
)

CASES: Final[tuple[Case, ...]] = (
    *LENGTHS,
    *NOT_MINIMAL,
    *TOP_BIT,
    *RESERVED_BITS,
    *RESERVED_OPCODES,
    *MORE_RESERVED_OPCODES,
    *AT_ONCE,
    *WHOLE_STREAMS,
)
