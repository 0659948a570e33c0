"""Cases: UTF-8 in text messages (RFC 6455 §5.6, §8.1; RFC 3629 §4).

Owns what is and what is not UTF-8, whole and over fragments. Reasons of Close frames stand in
``closing``.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.frames import BINARY, CONTINUATION, PING, TEXT, Frame
from wsproto_core.testing.outcomes import Failed, GotMessage, GotPing, Outcome

from .building import Part, cases, fragments

VALID_TEXT: Final = ["6455-5.6-1"]
INVALID_TEXT: Final = ["6455-5.6-1", "6455-8.1-1"]

#: By code point: why it is one to try.
CHARACTERS: Final = {
    0x0000: "the first of one byte",
    0x007F: "the last of one byte",
    0x0080: "the first of two bytes",
    0x07FF: "the last of two bytes",
    0x0800: "the first of three bytes",
    0x0FFF: "the last that begins with E0",
    0x1000: "the first that begins with E1",
    0xCFFF: "the last that begins with EC",
    0xD000: "the first that begins with ED",
    0xD7FF: "the last before the surrogates",
    0xE000: "the first after the surrogates",
    0xFDD0: "a noncharacter",
    0xFEFF: "the byte order mark",
    0xFFFD: "the replacement character",
    0xFFFE: "a noncharacter",
    0xFFFF: "the last of three bytes, a noncharacter",
    0x10000: "the first of four bytes",
    0x1FFFE: "a noncharacter",
    0x3FFFF: "the last that begins with F0",
    0x40000: "the first that begins with F1",
    0xFFFFF: "the last that begins with F3",
    0x100000: "the first that begins with F4",
    0x10FFFF: "the last of all",
}

#: By name: what is special about it, and valid UTF-8.
TEXTS: Final = {
    "greek": ("Greek", "κόσμε"),
    "mixed": ("characters of one to four bytes", "a¢€\U00010348\U0001f600z"),
    "bom-first": ("a byte order mark in front", "\ufeffHello"),
    "bom-only": ("nothing but a byte order mark", "\ufeff"),
    "bom-twice": ("byte order marks in front and in the middle", "\ufeffa\ufeffb"),
    "nuls": ("NUL characters", "\0a\0\0"),
    "controls": ("control characters", "".join(map(chr, range(32))) + "\x7f\x80\x9f"),
    "line-ends": ("ends of lines of all kinds", "a\r\nb\nc\rd\u2028e\u2029f\x85g"),
    "combining": ("combining characters", "e\u0301\u0323"),
    "right-to-left": ("text from right to left", "\u05e9\u05dc\u05d5\u05dd \u202ex"),
    "not-normalized": ("characters that normal forms change", "\u212b \ufb01 \u1e9b\u0323"),
    "many-euros": ("1000 characters of three bytes", "€" * 1000),
    "many-faces": ("1000 characters of four bytes", "\U0001f600" * 1000),
}

VALID: Final = (
    *chain.from_iterable(
        cases(
            f"text/u+{point:04x}",
            f"a text frame with U+{point:04X}, {title}",
            [Frame(TEXT, chr(point).encode()), Frame(TEXT, b"a" + chr(point).encode() + b"z")],
            [
                GotMessage("text", chr(point).encode()),
                GotMessage("text", b"a" + chr(point).encode() + b"z"),
            ],
            VALID_TEXT,
        )
        for point, title in CHARACTERS.items()
    ),
    *chain.from_iterable(
        cases(
            f"text/{name}",
            f"a text frame with {title}",
            [Frame(TEXT, text.encode())],
            [GotMessage("text", text.encode())],
            VALID_TEXT,
        )
        for name, (title, text) in TEXTS.items()
    ),
)

#: By name: why no UTF-8 string has these bytes, and they.
NOT_UTF8: Final = {
    # What begins no character.
    "lone-80": ("the first continuation byte alone", b"\x80"),
    "lone-bf": ("the last continuation byte alone", b"\xbf"),
    "lone-three": ("three continuation bytes", b"\x80\xa0\xbf"),
    "fe": ("the byte FE", b"\xfe"),
    "ff": ("the byte FF", b"\xff"),
    "utf-16": ("UTF-16", "\ufeffhi".encode("utf-16-le")),
    "latin-1": ("ISO 8859-1", "Käse".encode("latin-1")),
    "one-too-many": ("a continuation byte too many", "€".encode() + b"\x80"),
    # Overlong forms.
    "overlong-2-first": ("U+0000 in two bytes", b"\xc0\x80"),
    "overlong-2-slash": ("U+002F in two bytes", b"\xc0\xaf"),
    "overlong-2-last": ("U+007F in two bytes", b"\xc1\xbf"),
    "overlong-3-first": ("U+0000 in three bytes", b"\xe0\x80\x80"),
    "overlong-3-slash": ("U+002F in three bytes", b"\xe0\x80\xaf"),
    "overlong-3-last": ("U+07FF in three bytes", b"\xe0\x9f\xbf"),
    "overlong-4-first": ("U+0000 in four bytes", b"\xf0\x80\x80\x80"),
    "overlong-4-slash": ("U+002F in four bytes", b"\xf0\x80\x80\xaf"),
    "overlong-4-last": ("U+FFFF in four bytes", b"\xf0\x8f\xbf\xbf"),
    # Surrogates.
    "surrogate-first": ("the surrogate U+D800", b"\xed\xa0\x80"),
    "surrogate-high-last": ("the surrogate U+DBFF", b"\xed\xaf\xbf"),
    "surrogate-low-first": ("the surrogate U+DC00", b"\xed\xb0\x80"),
    "surrogate-last": ("the surrogate U+DFFF", b"\xed\xbf\xbf"),
    "surrogate-pair": ("a pair of surrogates, as CESU-8 has it", b"\xed\xa0\xbd\xed\xb8\x80"),
    # Beyond U+10FFFF.
    "beyond-first": ("U+110000", b"\xf4\x90\x80\x80"),
    "beyond-f4-last": ("U+13FFFF", b"\xf4\xbf\xbf\xbf"),
    "beyond-f5": ("U+140000", b"\xf5\x80\x80\x80"),
    "beyond-f7": ("U+1FFFFF", b"\xf7\xbf\xbf\xbf"),
    "five-bytes": ("U+200000 in five bytes", b"\xf8\x88\x80\x80\x80"),
    "five-bytes-last": ("U+3FFFFFF in five bytes", b"\xfb\xbf\xbf\xbf\xbf"),
    "six-bytes": ("U+4000000 in six bytes", b"\xfc\x84\x80\x80\x80\x80"),
    "six-bytes-last": ("U+7FFFFFFF in six bytes", b"\xfd\xbf\xbf\xbf\xbf\xbf"),
    # Characters that do not end.
    "half-2": ("one of two bytes, then ASCII", b"\xc3a"),
    "half-3": ("one of three bytes, then ASCII", b"\xe2a"),
    "two-thirds": ("two of three bytes, then ASCII", b"\xe2\x82a"),
    "quarter": ("one of four bytes, then ASCII", b"\xf0a"),
    "half-4": ("two of four bytes, then ASCII", b"\xf0\x9fa"),
    "three-quarters": ("three of four bytes, then ASCII", b"\xf0\x9f\x98a"),
    "half-then-start": ("two of three bytes, then another character", b"\xe2\x82\xc3\xa4"),
    "starts": ("first bytes of characters, one after the other", b"\xc3\xe2\xf0"),
    "half-twice": ("two of three bytes, twice", b"\xe2\x82\xe2\x82"),
}

INVALID: Final = (
    *chain.from_iterable(
        cases(
            f"text/{name}",
            f"a text frame with {title}",
            [Frame(TEXT, b"a" + data + b"z"), Frame(TEXT, b"after")],
            [Failed(1007)],
            INVALID_TEXT,
        )
        for name, (title, data) in NOT_UTF8.items()
    ),
    *chain.from_iterable(
        cases(
            f"text/{name}-after-much",
            f"a text frame with {title} behind 3000 valid bytes",
            [Frame(TEXT, "€".encode() * 1000 + NOT_UTF8[name][1])],
            [Failed(1007)],
            INVALID_TEXT,
        )
        for name in ("lone-80", "ff", "surrogate-first", "overlong-2-first", "beyond-first")
        for title in (NOT_UTF8[name][0],)
    ),
    *chain.from_iterable(
        cases(
            f"text/ends-within-{size}-after-{keep}",
            f"a text frame that ends after {keep} of the {size} bytes of a character",
            [Frame(TEXT, b"abc" + character[:keep]), Frame(TEXT, character[keep:])],
            [Failed(1007)],
            INVALID_TEXT,
        )
        for character in ("é".encode(), "€".encode(), "\U0001f600".encode())
        for size in (len(character),)
        for keep in range(1, size)
    ),
    *chain.from_iterable(
        cases(
            f"text/ends-within-extreme-{first.hex()}",
            f"a text frame that ends after the bytes {first.hex()}",
            [Frame(TEXT, first)],
            [Failed(1007)],
            INVALID_TEXT,
        )
        for first in (b"\xe0\xa0", b"\xed\x9f", b"\xf0\x90\x80", b"\xf4\x8f\xbf", b"\xf4\x8f")
    ),
    *cases(
        "text/valid-then-invalid",
        "a valid text message, and one that is not",
        [Frame(TEXT, b"fine"), Frame(PING, b"p"), Frame(TEXT, b"\xff"), Frame(TEXT, b"after")],
        [GotMessage("text", b"fine"), GotPing(b"p"), Failed(1007)],
        [*INVALID_TEXT, "6455-7.1.7-4", "6455-7.1.7-5", "6455-10.7-2"],
    ),
    *cases(
        "text/same-bytes-binary",
        "binary messages with what is not UTF-8",
        [Frame(BINARY, data) for _, data in NOT_UTF8.values()],
        [GotMessage("binary", data) for _, data in NOT_UTF8.values()],
        ["6455-5.6-2"],
    ),
    *cases(
        "text/same-bytes-binary-fragments",
        "a binary message in fragments, with what is not UTF-8",
        fragments(BINARY, *(data for _, data in NOT_UTF8.values())),
        [GotMessage("binary", b"".join(data for _, data in NOT_UTF8.values()))],
        ["6455-5.6-2", "6455-5.4-10"],
    ),
)

SPLIT: Final = (
    *chain.from_iterable(
        cases(
            f"text/split-{size}-bytes-at-{at}",
            f"a character of {size} bytes, split over two fragments after {at}",
            fragments(TEXT, b"a" + character[:at], character[at:] + b"z"),
            [GotMessage("text", b"a" + character + b"z")],
            [*VALID_TEXT, "6455-5.4-4"],
        )
        for character in ("é".encode(), "€".encode(), "\U0001f600".encode())
        for size in (len(character),)
        for at in range(1, size)
    ),
    *cases(
        "text/split-everywhere",
        "each byte of a text in a fragment of its own",
        fragments(TEXT, *(bytes([octet]) for octet in "κόσμε €\U0001f600".encode())),
        [GotMessage("text", "κόσμε €\U0001f600".encode())],
        [*VALID_TEXT, "6455-5.4-1", "6455-5.4-4"],
    ),
    *cases(
        "text/split-around-empty",
        "a character split over fragments with empty ones between its bytes",
        fragments(TEXT, b"\xf0", b"", b"\x9f\x98", b"", b"", b"\x80", b""),
        [GotMessage("text", "\U0001f600".encode())],
        [*VALID_TEXT, "6455-5.4-4"],
    ),
    *cases(
        "text/split-around-ping",
        "a character split over fragments with a Ping frame between its bytes",
        [
            Frame(TEXT, b"\xe2\x82", fin=False),
            # Not UTF-8, which is no matter in a Ping frame, and does not end the character.
            Frame(PING, b"\xac\xff"),
            Frame(CONTINUATION, b"\xac"),
        ],
        [GotPing(b"\xac\xff"), GotMessage("text", "€".encode())],
        [*VALID_TEXT, "6455-5.4-8"],
    ),
    *cases(
        "text/split-bom",
        "a byte order mark split over fragments",
        fragments(TEXT, b"\xef", b"\xbb\xbf", b"x"),
        [GotMessage("text", "\ufeffx".encode())],
        VALID_TEXT,
    ),
)

#: By name: why the text in these fragments is not UTF-8, and they.
NOT_UTF8_SPLIT: Final = {
    "end": ("the last fragment ends within a character", (b"a", b"\xe2\x82")),
    "empty-end": ("an empty last fragment after a part of a character", (b"\xe2\x82", b"")),
    "ascii": ("the second begins with ASCII, within a character", (b"\xe2\x82", b"a")),
    "start": ("the second begins with another character", (b"\xe2", "€".encode())),
    "lone": ("the second begins with a continuation byte", ("€".encode(), b"\x80")),
    "overlong": ("an overlong form, split", (b"\xe0", b"\x80\x80")),
    "overlong-4": ("an overlong form of four bytes, split", (b"\xf0", b"\x8f", b"\xbf\xbf")),
    "surrogate": ("a surrogate, split", (b"\xed", b"\xa0\x80")),
    "beyond": ("U+110000, split", (b"\xf4", b"\x90\x80\x80")),
    "first": ("the first fragment", (b"\xff", b"fine", b"fine")),
    "middle": ("the second fragment", (b"fine", b"\xff", b"fine")),
    "last": ("the last fragment", (b"fine", b"fine", b"\xff")),
    # As in Autobahn's 6.3 and 6.4.
    "kosme": ("U+110000 in the second", ("κόσμε".encode(), b"\xf4\x90\x80\x80", b"edited")),
}

SPLIT_WRONGLY: Final = tuple(
    chain.from_iterable(
        cases(
            f"text/split-invalid-{name}",
            f"a fragmented text that is not UTF-8: {title}",
            [*fragments(TEXT, *parts), Frame(TEXT, b"after")],
            [Failed(1007)],
            [*INVALID_TEXT, "6455-5.4-4"],
        )
        for name, (title, parts) in NOT_UTF8_SPLIT.items()
    )
)


def _at_once(name: str, title: str, parts: list[Part], *before: Outcome) -> tuple[Case, ...]:
    return cases(
        f"text/at-once-{name}",
        title,
        parts,
        [*before, Failed(1007)],
        INVALID_TEXT,
        level=Level.POLICY,
        note="No sentence says when to fail; who waits for the end keeps what is of no use.",
    )


AT_ONCE: Final = (
    *_at_once(
        "fragment",
        "a first fragment that is not UTF-8, and not yet another",
        [Frame(TEXT, b"fine \xff fine", fin=False)],
    ),
    *_at_once(
        "second-fragment",
        "a second fragment that is not UTF-8, and not yet another",
        [Frame(TEXT, b"\xe2", fin=False), Frame(CONTINUATION, b"\x82a", fin=False)],
    ),
    *_at_once(
        "beyond",
        "a fragment that ends within what becomes U+110000 at the least",
        [Frame(TEXT, "κόσμε".encode(), fin=False), Frame(CONTINUATION, b"\xf4\x90", fin=False)],
    ),
    *_at_once(
        "surrogate",
        "a fragment that ends within what becomes a surrogate",
        [Frame(TEXT, b"\xed\xa0", fin=False)],
    ),
    *_at_once(
        "ping",
        "a fragment that is not UTF-8, after a Ping frame",
        [Frame(PING, b"p"), Frame(TEXT, b"\xc0", fin=False)],
        GotPing(b"p"),
    ),
    *_at_once(
        "frame",
        "the beginning of a frame of 1000 bytes, not UTF-8",
        [Frame(TEXT, b"fine \xff fine", declared=1000)],
    ),
    *_at_once(
        "large-frame",
        "the beginning of a frame of 100000 bytes, not UTF-8",
        [Frame(TEXT, b"fine \xff fine", declared=100_000)],
    ),
)

CASES: Final[tuple[Case, ...]] = (*VALID, *INVALID, *SPLIT, *SPLIT_WRONGLY, *AT_ONCE)
