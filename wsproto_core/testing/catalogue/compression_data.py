"""Cases: the DEFLATE data of compressed messages that an endpoint receives (RFC 1951).

Owns blocks of every type, BFINAL, empty messages, and what forgetful senders do. What is wrong
with data stands in ``compression_damaged``, how far back matches go in ``compression_windows``.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.deflate_blocks import (
    canonical,
    dynamic,
    fixed,
    fixed_code,
    match,
    message,
    packed,
    repeated,
    stored,
)
from wsproto_core.testing.frames import BINARY
from wsproto_core.testing.model.inflating import TAIL
from wsproto_core.testing.outcomes import Failed, GotMessage

from .building import cases
from .compression import (
    AGREED,
    EMPTY,
    GOT_HELLO,
    HELLO,
    HELLO_AGAIN,
    HELLO_FINAL,
    KEPT,
    NO_TAKEOVER,
    RECEIVED,
    compressed,
    in_fragments,
    literal,
)

#: What a dynamic block needs 15 bits for: a complete code of lengths 1 to 15, and 15 once more.
_DEEP: Final = {**{ord("a") + i: i + 1 for i in range(14)}, ord("z"): 15, 256: 15}
#: All literals, and matches of the lengths 3 and 258, in codes of 8 and 9 bits.
_WIDE: Final = {**dict.fromkeys(range(253), 8), **dict.fromkeys((253, 254, 255, 256, 257, 285), 9)}
_LENGTH_227: Final = fixed_code(284)
#: A complete code for all distances: 28 of 5 bits and two of 4.
_DISTANCES: Final = {**dict.fromkeys(range(28), 5), 28: 4, 29: 4}
_AB: Final = dynamic({97: 1, 98: 2, 256: 2}, {}, 97, 98, 256)
_LONG: Final = bytes(i * i & 0xFF for i in range(65_535))

#: By name: blocks of one message, and the message.
BLOCKS: Final[dict[str, tuple[str, list[str], bytes]]] = {
    "stored-empty": (
        "empty stored blocks before and behind data",
        [stored(b""), stored(b"a"), stored(b"")],
        b"a",
    ),
    "stored-several": (
        "stored blocks",
        [stored(bytes([i]) * i) for i in range(1, 200)],
        b"".join(bytes([i]) * i for i in range(1, 200)),
    ),
    "stored-longest": (
        "a stored block of 65535 bytes, then a fixed one",
        [stored(_LONG), fixed(match(258, 32_768))],
        _LONG + _LONG[32_767:33_025],
    ),
    "stored-padding": (
        "a stored block whose header has bits set in its padding",
        ["00011111|" + stored(b"pad")[4:]],
        b"pad",
    ),
    "stored-unaligned": (
        "a stored block that begins within a byte",
        [fixed(b"abc"), stored(b"def"), fixed(b"g")],
        b"abcdefg",
    ),
    "fixed-all": ("a fixed block of all literals", [fixed(bytes(range(256)))], bytes(range(256))),
    "fixed-empty": ("a hundred empty fixed blocks", [fixed()] * 100 + [fixed(b"a")], b"a"),
    "fixed-lengths": (
        "matches of every length",
        [fixed(b"ab", *(match(i, 2) for i in range(3, 259)))],
        b"ab" + b"ab" * (sum(range(3, 259)) // 2),
    ),
    "fixed-258": (
        "a match of 258 bytes in its other spelling, as 227 and 31 more",
        [fixed(b"a", _LENGTH_227 + "11111" + "00000")],
        b"a" * 259,
    ),
    "run": ("a run of one byte", [repeated(b"x", 70_000)], b"x" * 70_000),
    "dynamic": (
        "a dynamic block with literals and a match",
        [dynamic({97: 1, 98: 2, 256: 3, 257: 3}, {0: 1}, 97, 98, 97, 257, "0", 256)],
        b"abaaaa",
    ),
    "dynamic-literals": (
        "a dynamic block without codes for distances",
        [dynamic({97: 1, 98: 2, 256: 2}, {}, 97, 98, 98, 256)],
        b"abb",
    ),
    "dynamic-one-distance": (
        "a dynamic block with one code for distances",
        [dynamic({97: 2, 98: 2, 256: 2, 258: 2}, {1: 1}, 97, 98, 258, "0", 256)],
        b"ababab",
    ),
    "dynamic-empty": (
        "an empty dynamic block",
        [dynamic({97: 1, 256: 1}, {}, 256), fixed(b"a")],
        b"a",
    ),
    "dynamic-deep": (
        "a dynamic block with codes of 15 bits",
        [dynamic(_DEEP, {}, *b"abcdefghijklmnz", 256)],
        b"abcdefghijklmnz",
    ),
    "dynamic-wide": (
        "a dynamic block with 286 codes for literals and lengths",
        [dynamic(_WIDE, {0: 1, 1: 1}, *range(256), 285, "1", 257, "0", 256)],
        bytes(range(256)) + b"\xfe\xff" * 129 + b"\xff" * 3,
    ),
    "dynamic-all-distances": (
        "a dynamic block with 30 codes for distances",
        [
            stored(_LONG[:40_000]),
            dynamic({256: 1, 257: 1}, _DISTANCES, 257, canonical(_DISTANCES)[29] + "1" * 13, 256),
        ],
        _LONG[:40_000] + _LONG[7_232:7_235],
    ),
    "mixture": (
        "blocks of all types",
        [stored(b"one "), fixed(b"two "), _AB, fixed(match(8, 10), b"."), stored(b"!")],
        b"one two abone two .!",
    ),
    "across": (
        "a match that refers to blocks of all types before it",
        [stored(b"one "), fixed(b"two "), _AB, fixed(match(10, 10))],
        b"one two ab" * 2,
    ),
}

#: The same with BFINAL set.
STREAMS: Final[dict[str, tuple[str, list[str], bytes]]] = {
    "stored": ("a stored block", [stored(b"Hello", final=True)], b"Hello"),
    "dynamic": (
        "a dynamic block",
        [dynamic({97: 1, 98: 2, 256: 2}, {}, 97, 98, 256, final=True)],
        b"ab",
    ),
    "empty": ("an empty fixed block", [fixed(final=True)], b""),
    "empty-stored": ("an empty stored block", [stored(b"", final=True)], b""),
    "last-of-three": (
        "the last of three blocks",
        [stored(b"a"), fixed(b"b"), fixed(b"c", final=True)],
        b"abc",
    ),
    "first-of-two": (
        "the first of two blocks",
        [fixed(b"first", final=True), fixed(b"second")],
        b"firstsecond",
    ),
    "each-of-three": (
        "each of three blocks",
        [fixed(b"a", final=True), stored(b"b", final=True), fixed(b"c", final=True)],
        b"abc",
    ),
    "before-stored": (
        "a block before a stored one",
        [fixed(b"a", final=True), stored(b"b")],
        b"ab",
    ),
    "ten": ("each of ten blocks", [fixed(b"%d" % i, final=True) for i in range(10)], b"0123456789"),
    "long": ("a block of 100000 bytes", ["1" + repeated(b"x", 100_000)[1:] + "|"], b"x" * 100_000),
}

VALID: Final = (
    *chain.from_iterable(
        cases(
            f"compression/blocks-{name}",
            f"a message of {title}",
            [compressed(message(*blocks), BINARY), compressed(literal(b"next"))],
            [GotMessage("binary", data), GotMessage("text", b"next")],
            [*RECEIVED, "7692-7.2.1-2", "7692-7.2.1-3"],
            deflate=AGREED,
        )
        for name, (title, blocks, data) in BLOCKS.items()
    ),
    *chain.from_iterable(
        cases(
            f"compression/bfinal-{name}{suffix}",
            f"BFINAL is set on {title}; another message follows{how}",
            [compressed(message(*blocks), BINARY), compressed(HELLO)],
            [GotMessage("binary", data), GOT_HELLO],
            [*RECEIVED, "7692-7.2.1-4", "7692-7.2.1-5"],
            deflate=deflate,
        )
        for name, (title, blocks, data) in STREAMS.items()
        for suffix, how, deflate in (
            ("", "", AGREED),
            ("-afresh", ", without context takeover", NO_TAKEOVER),
        )
    ),
    *cases(
        "compression/bfinal-then-reference",
        "BFINAL is set on each message, and each refers to the one before",
        [
            compressed(HELLO_FINAL),
            compressed(message(fixed(match(5, 5), b"!", final=True))),
            compressed(message(fixed(match(6, 6), match(5, 12), final=True))),
        ],
        [GOT_HELLO, GotMessage("text", b"Hello!"), GotMessage("text", b"Hello!Hello")],
        [*RECEIVED, "7692-7.2.1-4"],
        besides=KEPT,
        deflate=AGREED,
    ),
    *cases(
        "compression/bfinal-in-fragments",
        "BFINAL is set on the block of each of three fragments",
        in_fragments(
            packed(fixed(b"one", final=True)),
            packed(fixed(b"two", final=True)),
            message(fixed(b"three", final=True)),
        ),
        [GotMessage("text", b"onetwothree")],
        [*RECEIVED, "7692-7.2.1-4"],
        deflate=AGREED,
    ),
    *cases(
        "compression/bfinal-reference-in-message",
        "a block that refers to one with BFINAL set in the same message",
        [compressed(message(fixed(b"Hello", final=True), fixed(match(5, 5))))],
        [GotMessage("text", b"HelloHello")],
        ["7692-7.2.1-4"],
        level=Level.POLICY,
        also=[(Failed(1007),), (Failed(1002),)],
        note="By RFC 1951 no window outlives its data set, by RFC 7692 it outlives the message.",
        deflate=AGREED,
    ),
)

EMPTY_MESSAGES: Final = tuple(
    chain.from_iterable(
        cases(
            f"compression/empty-{name}",
            f"an empty message: {title}",
            [compressed(HELLO), *frames, compressed(HELLO_AGAIN)],
            [GOT_HELLO, GotMessage("text", b""), GOT_HELLO],
            [*RECEIVED, "7692-7.2.1-2"],
            besides=KEPT,
            deflate=AGREED,
        )
        for name, title, frames in (
            ("stored", "the octet 0x00", [compressed(EMPTY)]),
            ("fixed", "an empty fixed block, the octets 0x02 0x00", [compressed(b"\x02\x00")]),
            ("bfinal", "an empty block with BFINAL set", [compressed(b"\x03\x00\x00")]),
            ("fragments", "the octet 0x00 between empty fragments", in_fragments(b"", EMPTY, b"")),
            ("late", "an empty first frame, then the octet 0x00", in_fragments(b"", EMPTY)),
            ("flushes", "five empty stored blocks", [compressed((EMPTY + TAIL) * 4 + EMPTY)]),
        )
    )
)

#: By name: what senders get wrong, the payload, and what is meant.
FORGETFUL: Final = {
    "tail": ("the last four octets 0x00 0x00 0xFF 0xFF not removed", HELLO + TAIL, b"Hello"),
    "tail-empty": ("an empty message with 0x00 0x00 0xFF 0xFF not removed", EMPTY + TAIL, b""),
    "bfinal": ("the octet 0x00 behind a block with BFINAL forgotten", HELLO_FINAL[:-1], b"Hello"),
    "empty": ("a compressed message without any payload", b"", b""),
}

LENIENT: Final = tuple(
    chain.from_iterable(
        cases(
            f"compression/lenient-{name}",
            title,
            [compressed(payload), compressed(HELLO)],
            [GotMessage("text", data), GOT_HELLO],
            [],
            level=Level.POLICY,
            also=[
                (Failed(1007),),
                (Failed(1002),),
                (GotMessage("text", data), Failed(1007)),
                (GotMessage("text", data), Failed(1002)),
            ],
            note="Not what RFC 7692 §7.2.1 has senders do; there are some that do it.",
            deflate=AGREED,
        )
        for name, (title, payload, data) in FORGETFUL.items()
    )
)

CASES: Final[tuple[Case, ...]] = (*VALID, *EMPTY_MESSAGES, *LENIENT)
