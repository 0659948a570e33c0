"""Cases: what published advisories on WebSocket implementations are about.

Owns the classes of faults that have been exploited, as far as they show in bytes and outcomes.
Nothing here measures time or memory; what costs too much shows in that it is let happen. Those
of the opening handshake are in ``attacks_opening``; other sections name an advisory where one of
their cases is of its class.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain
from typing import Final

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.deflate_blocks import dynamic, fixed, message, repeated
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
from wsproto_core.testing.model import judge
from wsproto_core.testing.model.inflating import TAIL
from wsproto_core.testing.outcomes import (
    DEFAULT_LIMITS,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Outcome,
    ReceiveLimits,
    Role,
)

from .building import READ, ROLES, Part, bytes_of, cases, close
from .compression import AGREED, EMPTY, NO_TAKEOVER, compressed, in_fragments
from .control import MANY

PROTECTED: Final = ("6455-10.4-1", "6455-10.4-2")
KIB: Final = 1024

# Bombs -----------------------------------------------------------------------------------

_BOMB: Final = message(repeated(b"a", 512 * KIB))
_LIMITS: Final = ReceiveLimits(max_message_size=64 * KIB)
#: One block that gives 300 times its size, again and again: a dynamic block with one bit for
#: the longest match and one for its distance.
_DENSE: Final = message(
    dynamic({97: 2, 256: 2, 285: 1}, {0: 1, 1: 1}, 97, "00" * (512 * KIB // 258), 256)
)

#: By name: small frames that are large messages once they are inflated.
BOMBS: Final[dict[str, tuple[str, list[Frame]]]] = {
    "one-frame": ("512 KiB of one byte in one frame", [compressed(_BOMB)]),
    "dense": ("512 KiB in a frame of 1 KiB", [compressed(_DENSE)]),
    "binary": ("512 KiB in a binary message", [compressed(_DENSE, BINARY)]),
    "many-frames": (
        "512 KiB, each frame of which is within the limit",
        in_fragments(*(_BOMB[i : i + 50] for i in range(0, len(_BOMB), 50))),
    ),
    "flushed": (
        "ten fragments of 32 KiB, each a block of its own",
        in_fragments(*[message(repeated(b"a", 32 * KIB)) + TAIL] * 10, EMPTY),
    ),
    "without-end": (
        "fragments of far more than is allowed, none of which is the last",
        in_fragments(*[message(repeated(b"a", 32 * KIB)) + TAIL] * 5, EMPTY)[:-1],
    ),
    "in-last": (
        "a first fragment of one byte, and 512 KiB in the last",
        in_fragments(message(fixed(b"a")) + TAIL, _DENSE),
    ),
    "empty-last": (
        "512 KiB before a last fragment that is empty",
        in_fragments(_DENSE, b""),
    ),
    "bfinal": (
        "ten blocks of 32 KiB, each with BFINAL set",
        [compressed(message(*["1" + repeated(b"a", 32 * KIB)[1:] + "|"] * 10))],
    ),
}

BOMB_CASES: Final = tuple(
    chain.from_iterable(
        cases(
            f"attacks/bomb-{name}{suffix}",
            f"{title}, where 64 KiB are allowed{how}",
            # Behind a message that does not end, another text would be a fault of its own.
            [Frame(TEXT, b"before"), *frames, Frame(PING, b"after")],
            [GotMessage("text", b"before"), Failed(1009)],
            PROTECTED,
            advisories=[
                "CVE-2018-1000518 (websockets)",
                "CVE-2026-1526 (undici)",
                "CVE-2026-54274 (aiohttp)",
            ],
            limits=_LIMITS,
            deflate=deflate,
            level=Level.POLICY if name == "without-end" else Level.MUST,
            note="To keep the compressed data, with a bound, and to inflate them at the end is "
            "bounded as well; but it is late."
            if name == "without-end"
            else "",
        )
        for name, (title, frames) in BOMBS.items()
        for suffix, how, deflate in (
            ("", "", AGREED),
            ("-afresh", ", without context takeover", NO_TAKEOVER),
        )
    )
)

# Floods ----------------------------------------------------------------------------------

_EMPTY_FRAGMENTS: Final = [Frame(CONTINUATION, fin=False)]
#: More than any message of a sensible size has.
_TOO_MANY: Final = DEFAULT_LIMITS.max_fragments + 1
_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyz" * 40

FLOODS: Final = (
    *cases(
        "attacks/flood-empty-fragments",
        f"{_TOO_MANY} empty fragments of one message",
        [Frame(TEXT, b"begin", fin=False), *_EMPTY_FRAGMENTS * _TOO_MANY],
        [Failed(1009)],
        PROTECTED,
        level=Level.POLICY,
        advisories=["CVE-2026-48779 (ws)", "CVE-2026-12151 (undici)"],
        note="Frames cost their receiver more than their bytes, and without a bound they cost "
        "it nothing to send. An implementation may have a larger bound than this.",
        roles=["client"],
    ),
    *cases(
        "attacks/flood-fragments-limited",
        "500 empty fragments of one message, where 100 are allowed",
        [Frame(BINARY, fin=False), *_EMPTY_FRAGMENTS * 500],
        [Failed(1009)],
        PROTECTED,
        level=Level.POLICY,
        advisories=["CVE-2026-48779 (ws)", "CVE-2026-12151 (undici)"],
        note="The RFC speaks of sizes; empty frames without end cost their receiver as well.",
        limits=ReceiveLimits(max_fragments=100),
    ),
    *cases(
        "attacks/flood-small-fragments",
        "1040 fragments of one byte are one message",
        [
            Frame(TEXT, _LETTERS[:1], fin=False),
            *(Frame(CONTINUATION, b"%c" % byte, fin=False) for byte in _LETTERS[1:]),
            Frame(CONTINUATION),
        ],
        [GotMessage("text", _LETTERS)],
        ["6455-5.4-4", "6455-6.2-4"],
        advisories=["CVE-2026-48779 (ws)"],
    ),
    *cases(
        "attacks/flood-pings",
        "1000 Ping frames in one read: the last of them at least is answered",
        [*(Frame(PING, b"%d" % i) for i in range(1000))],
        [GotPing(b"%d" % i) for i in range(1000)],
        ["6455-5.5.2-1", "6455-5.5.3-1"],
        **MANY,
    ),
    *cases(
        "attacks/flood-long-pings",
        "200 Ping frames of 125 bytes between the fragments of a message",
        [
            Frame(TEXT, b"a", fin=False),
            *[Frame(PING, b"p" * 125)] * 200,
            Frame(CONTINUATION, b"b"),
        ],
        [*[GotPing(b"p" * 125)] * 200, GotMessage("text", b"ab")],
        ["6455-5.5.2-1", "6455-5.4-8"],
        **MANY,
    ),
    *cases(
        "attacks/flood-pongs",
        "1000 Pong frames that nobody asked for",
        [*(Frame(PONG, b"%d" % i) for i in range(1000)), Frame(TEXT, b"x")],
        [*(GotPong(b"%d" % i) for i in range(1000)), GotMessage("text", b"x")],
        ["6455-5.5.3-2"],
    ),
    *cases(
        "attacks/flood-empty-messages",
        "1000 empty messages",
        [Frame(TEXT)] * 1000,
        [GotMessage("text", b"")] * 1000,
        ["6455-6.2-4"],
    ),
    *cases(
        "attacks/flood-streams",
        "a message of 2000 empty blocks with BFINAL set, each of which needs an inflater",
        [compressed(message(*[fixed(final=True)] * 2000))],
        [Failed(1009)],
        [],
        level=Level.POLICY,
        also=[(GotMessage("text", b""),)],
        note="RFC 7692 allows any number; to begin one costs far more than its two bytes.",
        deflate=AGREED,
    ),
    *cases(
        "attacks/flood-blocks",
        "a message of 100 empty blocks that each have codes of their own",
        [compressed(message(*[dynamic({97: 1, 256: 1}, {}, 256)] * 100))],
        [GotMessage("text", b"")],
        ["7692-7.2.1-2", "7692-7.2.1-3"],
        deflate=AGREED,
    ),
)

# Lengths ---------------------------------------------------------------------------------

_ALLOCATION: Final = (
    "CVE-2020-27813 (gorilla)",
    "CVE-2020-13935 (Tomcat)",
    "CVE-2022-35922 (rust-websocket)",
)


def _announced(length: int, opcode: int = BINARY, *, fin: bool = True, rsv: int = 0) -> Frame:
    """A frame of whose payload only the first three bytes are there."""
    return Frame(opcode, b"few", fin=fin, rsv=rsv, length_size=8, declared=length)


LENGTHS: Final = (
    *chain.from_iterable(
        cases(
            f"attacks/length-{name}",
            f"a frame that announces {title}, and an endpoint with limits of its own",
            [_announced(length)],
            [Failed(1009)],
            ["6455-10.4-2"],
            level=Level.SHOULD,
            advisories=_ALLOCATION,
        )
        for name, title, length in (
            ("2-40", "a terabyte", 2**40),
            ("2-62", "2^62 bytes", 2**62),
            ("2-63-less-one", "2^63 - 1 bytes", 2**63 - 1),
        )
    ),
    *chain.from_iterable(
        cases(
            f"attacks/length-{name}",
            title,
            parts,
            [Failed(1002)],
            ["6455-5.2-4", "6455-10.7-1"],
            level=level,
            note=note,
            also=also,
            advisories=_ALLOCATION,
        )
        for name, title, parts, level, note, also in (
            (
                "top-bit",
                "a frame whose length is -1, read as a signed number",
                [Frame(TEXT, b"few", length_size=8, declared=2**64 - 1), Frame(TEXT, b"after")],
                Level.MUST,
                "",
                [(Failed(1009),)],
            ),
            (
                "overflow",
                "fragments whose lengths together are 2^64 + 2: a sum that overflows to two",
                [
                    Frame(BINARY, b"abc", fin=False),
                    Frame(CONTINUATION, b"few", length_size=8, declared=2**64 - 1),
                ],
                Level.MUST,
                "",
                [(Failed(1009),)],
            ),
            (
                "ping",
                "a Ping frame of 2^63 - 1 bytes",
                [_announced(2**63 - 1, PING)],
                Level.MUST,
                "",
                [(Failed(1009),)],
            ),
        )
    ),
    *cases(
        "attacks/length-signed-overflow",
        "fragments whose lengths together are 2^63: a sum that overflows to a negative one",
        [Frame(BINARY, b"a", fin=False), _announced(2**63 - 1, CONTINUATION)],
        [Failed(1009)],
        ["6455-10.4-2"],
        level=Level.SHOULD,
        advisories=_ALLOCATION,
    ),
)

# What the first bytes show ---------------------------------------------------------------

#: By name: frames that no payload can make right.
AT_ONCE: Final[dict[str, tuple[str, list[Frame], bool]]] = {
    "rsv1": ("RSV1 without compression", [_announced(2**20, TEXT, rsv=RSV1)], False),
    "rsv2": ("RSV2", [_announced(2**20, TEXT, rsv=RSV2)], True),
    "rsv3": ("RSV3 beside RSV1", [_announced(2**20, BINARY, rsv=RSV1 | RSV3)], True),
    "rsv1-continuation": (
        "RSV1 on a second fragment",
        [compressed(b"\xf2", fin=False), _announced(2**20, CONTINUATION, rsv=RSV1)],
        True,
    ),
    "rsv1-ping": ("a compressed Ping frame", [_announced(2**20, PING, rsv=RSV1)], True),
    "opcode": ("a reserved opcode", [_announced(2**20, 0xB)], False),
    "close": ("a Close frame that is too long", [_announced(2**20, CLOSE)], False),
    "fragmented-ping": ("a Ping frame without FIN", [_announced(2**20, PING, fin=False)], False),
}

AT_ONCE_CASES: Final = tuple(
    chain.from_iterable(
        cases(
            f"attacks/at-once-{name}",
            f"{title}: a frame of 1 MiB of which three bytes have arrived",
            frames,
            [Failed(1002)],
            ["6455-10.7-1"],
            level=Level.POLICY,
            note="No sentence says when to fail; who reads the payload first buffers it in vain.",
            advisories=[
                "CVE-2026-19204 (Jetty)",
                *(["CVE-2026-59881 (aiohttp)"] if name == "rsv1" else []),
            ],
            deflate=AGREED if with_compression else None,
        )
        for name, (title, frames, with_compression) in AT_ONCE.items()
    )
)

# After the end ---------------------------------------------------------------------------

_AFTERMATH: Final[list[Part]] = [
    Frame(PING, b"still there?"),
    Frame(TEXT, b"after"),
    Frame(BINARY, bytes(5000)),
    READ,
    Frame(PING, b"hello?"),
    close(1000),
    b"\xff" * 2000,
]

#: By name: what ends a connection, and its outcome.
ENDS: Final[dict[str, tuple[str, list[Part], Outcome, tuple[str, ...]]]] = {
    "reserved-opcode": (
        "a frame with a reserved opcode",
        [Frame(5, b"x")],
        Failed(1002),
        ("6455-7.1.7-5",),
    ),
    "no-text": (
        "a text that is no UTF-8",
        [Frame(TEXT, b"\xff")],
        Failed(1007),
        ("6455-7.1.7-5",),
    ),
    "lone-continuation": (
        "a continuation frame without a message",
        [Frame(CONTINUATION, b"x")],
        Failed(1002),
        ("6455-7.1.7-5",),
    ),
    "bad-close": (
        "a Close frame with a reserved code",
        [close(1005)],
        Failed(1002),
        ("6455-7.1.7-5", "6455-7.4.1-2"),
    ),
    "close": ("a Close frame", [close(1001, b"bye")], GotClose(1001, b"bye"), ("6455-7.1.5-1",)),
    "two-closes": (
        "two Close frames of different codes",
        [close(1000), close(4000, b"other")],
        GotClose(1000, b""),
        ("6455-7.1.5-1", "6455-7.1.6-1"),
    ),
    "close-without-code": (
        "an empty Close frame",
        [close()],
        GotClose(1005, b""),
        ("6455-7.1.5-2",),
    ),
}

AFTER: Final = tuple(
    chain.from_iterable(
        cases(
            f"attacks/after-{name}",
            f"frames and garbage after {title} are not looked at",
            [Frame(TEXT, b"before"), *parts, *_AFTERMATH],
            [GotMessage("text", b"before"), end],
            ids,
        )
        for name, (title, parts, end, ids) in ENDS.items()
    )
)

# Garbage ---------------------------------------------------------------------------------

_BYTES: Final = (
    b"",
    b"a",
    b"\x03\xe8",
    b"\x03\xe8bye",
    b"\x03\xed",
    b"\x00",
    bytes(126),
    b"\xff" * 70,
)


def _random_frames(draw: random.Random) -> Iterator[Frame]:
    """Frames that are mostly right, each one whole. Text is not among them, since RFC 6455 does
    not say when a receiver notices that it is no UTF-8.
    """
    within = False
    for _ in range(draw.randint(2, 7)):
        fin = draw.random() < 0.6
        opcode = CONTINUATION if within else BINARY
        within = not fin
        if draw.random() < 0.3:
            opcode, fin = draw.choice([PING, PONG, PING, PONG, CLOSE]), True
        if draw.random() < 0.1:
            opcode = draw.randrange(16)
        yield Frame(
            BINARY if opcode == TEXT else opcode,
            draw.choice(_BYTES),
            fin=fin if draw.random() < 0.95 else not fin,
            rsv=0 if draw.random() < 0.95 else draw.randrange(8),
        )


def _garbage(role: Role, seed: int) -> bytes:
    """What a peer sends that has gone mad, in frames or without."""
    draw = random.Random(seed)
    if seed % 3 == 0:
        # Without text frames, as above.
        first = draw.choice([0x82, 0x02, 0x89, 0x8A, draw.randrange(256) | 2])
        return bytes([first]) + draw.randbytes(draw.randint(20, 200))
    return b"".join(bytes_of(role, frame) for frame in _random_frames(draw))


GARBAGE: Final = tuple(
    chain.from_iterable(
        cases(
            f"attacks/garbage-{seed}",
            f"frames of which some are wrong, made from the number {seed}",
            [data],
            judge(data, eof=False, role=role),
            ["6455-10.7-1", "6455-6.2-1"],
            roles=[role],
            advisories=["CVE-2022-21676 (engine.io)"],
        )
        for role in ROLES
        for seed in range(24)
        for data in (_garbage(role, seed),)
    )
)

# Text ------------------------------------------------------------------------------------

_PAGE: Final = ("a quick brown fox … " * 2000).encode()

TEXTS: Final = tuple(
    chain.from_iterable(
        cases(
            f"attacks/text-{name}",
            title,
            parts,
            [Failed(1007)],
            ["6455-8.1-1", "6455-5.6-1"],
        )
        for name, title, parts in (
            ("bad-end", "a large text whose last byte is wrong", [Frame(TEXT, _PAGE + b"\xff")]),
            (
                "cut-end",
                "a large text whose last character is cut",
                [Frame(TEXT, _PAGE + b"\xe2\x80")],
            ),
            (
                "bad-end-fragments",
                "a large text in fragments whose last byte is wrong",
                [Frame(TEXT, _PAGE, fin=False), Frame(CONTINUATION, _PAGE + b"\xc0")],
            ),
            (
                "cut-before-empty",
                "a text whose last character is cut, and a last fragment that is empty",
                [Frame(TEXT, _PAGE + b"\xf0\x9f\x98", fin=False), Frame(CONTINUATION)],
            ),
        )
    )
)

CASES: Final[tuple[Case, ...]] = (
    *BOMB_CASES,
    *FLOODS,
    *LENGTHS,
    *AT_ONCE_CASES,
    *AFTER,
    *GARBAGE,
    *TEXTS,
)
