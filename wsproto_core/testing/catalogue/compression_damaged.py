"""Cases: compressed messages whose data are not DEFLATE (RFC 1951, RFC 7692 §7.2.2).

Owns what is wrong with them. Must not know of anything else that can be wrong with a message.

RFC 7692 does not say what a receiver does about such data. RFC 6455 §10.7 has it validate them,
so it fails; with 1007, "data within a message that was not consistent with the type of the
message", or with 1002: implementations do both.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.deflate_blocks import (
    canonical,
    dynamic,
    dynamic_header,
    fixed,
    fixed_code,
    flipped,
    match,
    message,
    packed,
    stored,
)
from wsproto_core.testing.frames import BINARY
from wsproto_core.testing.model.inflating import TAIL
from wsproto_core.testing.outcomes import Failed, GotMessage, Outcome

from .building import cases
from .compression import (
    AGREED,
    EMPTY,
    GOT_HELLO,
    HELLO,
    NO_TAKEOVER,
    compressed,
    in_fragments,
)

_CODE_LENGTHS: Final = dict.fromkeys(range(16), 4)
#: "Copy the previous code length", with codes for repeats of two bits each.
_REPEATS: Final = {0: 2, 1: 2, 16: 2, 18: 2}
_REPEAT: Final = canonical(_REPEATS)

#: By name: what is no DEFLATE data, whatever was before and comes behind.
DAMAGED: Final[dict[str, tuple[str, bytes]]] = {
    "type-3": ("a block of the reserved type", packed("011" + "0" * 29)),
    "type-3-final": ("a last block of the reserved type", packed("111" + "0" * 29)),
    "type-3-second": (
        "a second block of the reserved type",
        packed(fixed(b"ok") + "011" + "0" * 29),
    ),
    "all-ones": ("octets 0xFF", b"\xff" * 8),
    "stored-length": (
        "a stored block whose NLEN is not the complement of LEN",
        message(stored(b"Hello", complement=0)),
    ),
    "stored-length-bit": (
        "a stored block with one bit wrong in NLEN",
        message(stored(b"Hello", complement=0xFFFA ^ 0x100)),
    ),
    "distance-first": ("a match before any literal", message(fixed(match(3, 1)))),
    "distance-one-more": (
        "a match that begins one byte before the first",
        message(fixed(b"ab", match(3, 3))),
    ),
    "distance-far": (
        "a match 32768 bytes back, after three",
        message(fixed(b"abc", match(3, 32_768))),
    ),
    "length-286": (
        "the length symbol 286, which has no meaning",
        message(fixed(b"a", fixed_code(286), "00000")),
    ),
    "length-287": (
        "the length symbol 287, which has no meaning",
        message(fixed(b"a", fixed_code(287), "00000")),
    ),
    "distance-30": (
        "the distance symbol 30, which has no meaning",
        message(fixed(b"a", fixed_code(257), "11110")),
    ),
    "distance-31": (
        "the distance symbol 31, which has no meaning",
        message(fixed(b"a", fixed_code(257), "11111")),
    ),
    "oversubscribed": (
        "a dynamic block with more codes than there can be",
        message(dynamic({97: 1, 98: 1, 99: 1, 256: 2}, {}, "0" * 64)),
    ),
    "incomplete": (
        "a dynamic block with an incomplete code for literals",
        message(dynamic({97: 3, 98: 3, 256: 3}, {}, "0" * 64)),
    ),
    "distances-oversubscribed": (
        "a dynamic block with too many codes for distances",
        message(dynamic({97: 1, 256: 1}, {0: 1, 1: 1, 2: 1}, "0" * 64)),
    ),
    "no-end": (
        "a dynamic block without a code for its end",
        message(dynamic({97: 1, 98: 1}, {}, "0" * 64)),
    ),
    "literal-count": (
        "a dynamic block that announces 288 codes for literals",
        message(dynamic({97: 1, 256: 1}, {}, "0" * 400, counts=(288, 1))),
    ),
    "code-lengths-oversubscribed": (
        "a dynamic block with too many codes for code lengths",
        packed(dynamic_header((257, 1), dict.fromkeys(range(19), 4)) + "0" * 400),
    ),
    "code-lengths-incomplete": (
        "a dynamic block with too few codes for code lengths",
        packed(dynamic_header((257, 1), dict.fromkeys(range(8), 4)) + "0" * 400),
    ),
    "repeat-first": (
        "a dynamic block that repeats a code length before the first",
        packed(dynamic_header((257, 1), _REPEATS) + _REPEAT[16] + "00" + "0" * 400),
    ),
    "repeat-too-many": (
        "a dynamic block that repeats a code length beyond the last",
        packed(
            dynamic_header((257, 1), _REPEATS)
            + _REPEAT[1] * 2
            + (_REPEAT[18] + "1111111") * 2
            + "0" * 400
        ),
    ),
}

#: Without context takeover a message has its own DEFLATE data, which have to be whole. The last
#: of each is what an inflater may give, which takes the tail's bits for the rest.
CUT: Final = {
    "fixed": ("a fixed block that does not end", packed(fixed(b"Hello", end=False)), b"Hello"),
    "stored-header": ("a stored block's length that does not end", b"\x00\x05", b""),
    "stored": ("a stored block that does not end", packed(stored(b"Hello")[:60]), b"Hell"),
    "dynamic": (
        "a dynamic block's header that does not end",
        packed(dynamic_header((257, 1), _CODE_LENGTHS)),
        b"",
    ),
    "match": (
        "a match without its distance",
        packed(fixed(b"Hell", fixed_code(285), end=False)),
        b"Hell" + b"l" * 258,
    ),
}

#: "Hello" with one bit changed: which bit, and what it is then; None for no DEFLATE data.
FLIPS: Final = {
    0: b"Hello",
    1: None,
    2: None,
    3: None,
    8: b"Lello",
    11: None,
    16: b"Hallo",
    19: None,
    26: b"Hemlo",
    27: None,
    42: b"Helln",
    52: None,
}


def _failing(*before: Outcome) -> tuple[tuple[Outcome, ...], ...]:
    return ((*before, Failed(1002)),)


WRONG: Final = (
    *chain.from_iterable(
        cases(
            f"compression/damaged-{name}{suffix}",
            f"{title}{how}",
            [compressed(data, BINARY), compressed(HELLO)],
            [Failed(1007)],
            ["6455-10.7-1", "6455-10.7-2", "7692-7.2.2-1", "6455-7.1.7-5"],
            also=_failing(),
            deflate=deflate,
        )
        for name, (title, data) in DAMAGED.items()
        for suffix, how, deflate in (
            ("", "", AGREED),
            ("-afresh", ", without context takeover", NO_TAKEOVER),
        )
    ),
    *cases(
        "compression/damaged-second-message",
        "a block of the reserved type after a message, and another message behind it",
        [compressed(HELLO), compressed(DAMAGED["type-3"][1], BINARY), compressed(HELLO)],
        [GOT_HELLO, Failed(1007)],
        ["6455-10.7-1", "6455-10.7-2", "7692-7.2.2-1", "6455-7.1.7-5"],
        also=_failing(GOT_HELLO),
        deflate=AGREED,
    ),
    *cases(
        "compression/damaged-fragment",
        "a block of the reserved type in the second of three fragments",
        in_fragments(HELLO + TAIL, DAMAGED["type-3"][1], EMPTY, opcode=BINARY),
        [Failed(1007)],
        ["6455-10.7-1", "7692-7.2.2-1"],
        also=_failing(),
        deflate=AGREED,
    ),
    *chain.from_iterable(
        cases(
            f"compression/cut-short-{name}",
            title,
            [compressed(data, BINARY), compressed(HELLO)],
            [Failed(1007)],
            ["6455-10.7-1", "7692-7.2.2-1"],
            level=Level.POLICY,
            also=(*_failing(), (GotMessage("binary", given), GOT_HELLO)),
            note="An inflater may give what there is; RFC 7692 has no word on it.",
            deflate=NO_TAKEOVER,
        )
        for name, (title, data, given) in CUT.items()
    ),
)

FLIPPED: Final = tuple(
    chain.from_iterable(
        cases(
            f"compression/flipped-{bit}",
            f'"Hello" with bit {bit} of its data changed',
            [compressed(flipped(HELLO, bit), BINARY)],
            [Failed(1007) if data is None else GotMessage("binary", data)],
            ["7692-7.2.2-1", *(["6455-10.7-1"] if data is None else [])],
            also=_failing() if data is None else (),
            deflate=AGREED,
        )
        for bit, data in FLIPS.items()
    )
)

CASES: Final[tuple[Case, ...]] = (*WRONG, *FLIPPED)
