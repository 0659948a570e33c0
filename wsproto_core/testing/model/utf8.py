"""UTF-8, read octet by octet from the grammar of RFC 3629 §4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .failing import INVALID_DATA, Fail

#: RFC 3629 §4: "A UTF-8 string is a sequence of octets representing a sequence of UCS
#: characters. An octet sequence is valid UTF-8 only if it matches the following syntax".
UTF8_TAIL: Final = range(0x80, 0xBF + 1)
UTF8_CHAR: Final[Sequence[tuple[range, ...]]] = (
    # UTF8-1 = %x00-7F
    (range(0x7F + 1),),
    # UTF8-2 = %xC2-DF UTF8-tail
    (range(0xC2, 0xDF + 1), UTF8_TAIL),
    # UTF8-3 = %xE0 %xA0-BF UTF8-tail / %xE1-EC 2( UTF8-tail ) /
    #          %xED %x80-9F UTF8-tail / %xEE-EF 2( UTF8-tail )
    (range(0xE0, 0xE0 + 1), range(0xA0, 0xBF + 1), UTF8_TAIL),
    (range(0xE1, 0xEC + 1), UTF8_TAIL, UTF8_TAIL),
    (range(0xED, 0xED + 1), range(0x80, 0x9F + 1), UTF8_TAIL),
    (range(0xEE, 0xEF + 1), UTF8_TAIL, UTF8_TAIL),
    # UTF8-4 = %xF0 %x90-BF 2( UTF8-tail ) / %xF1-F3 3( UTF8-tail ) /
    #          %xF4 %x80-8F 2( UTF8-tail )
    (range(0xF0, 0xF0 + 1), range(0x90, 0xBF + 1), UTF8_TAIL, UTF8_TAIL),
    (range(0xF1, 0xF3 + 1), UTF8_TAIL, UTF8_TAIL, UTF8_TAIL),
    (range(0xF4, 0xF4 + 1), range(0x80, 0x8F + 1), UTF8_TAIL, UTF8_TAIL),
)


class Utf8:
    """Accepts octets as long as some valid UTF-8 string begins with them."""

    def __init__(self) -> None:
        #: What the character that has begun still needs.
        self.expected: tuple[range, ...] = ()

    def take(self, octet: int) -> None:
        if self.expected:
            if octet not in self.expected[0]:
                raise Fail(INVALID_DATA, "UTF-8")
            self.expected = self.expected[1:]
            return
        for first, *rest in UTF8_CHAR:
            if octet in first:
                self.expected = tuple(rest)
                return
        raise Fail(INVALID_DATA, "UTF-8")

    def end(self) -> None:
        if self.expected:
            raise Fail(INVALID_DATA, "UTF-8 ends within a character")
