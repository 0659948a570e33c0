"""Tables of the most common frames (RFC 6455 §5.2): those that hold a whole message,
uncompressed. By them the fast paths of ``connection`` read and write such a frame without
taking it apart; a property test holds these paths to the general one.
"""

from __future__ import annotations

from typing import Final

from .frame_protocol import FIN, MASK, frame_header
from .masking import COMPILED, REPEAT
from .words import Opcode

#: Their first bytes.
WHOLE_TEXT: Final = FIN | int(Opcode.TEXT)
WHOLE_BINARY: Final = FIN | int(Opcode.BINARY)
WHOLE: Final = (WHOLE_TEXT, WHOLE_BINARY)

#: For each second byte: how many bytes it says to follow, masking key included; and of
#: these, if they are masked, what ``REPEAT`` has for so many, and the bytes of that; 0 for
#: what does not go by ``REPEAT``.
Shape = tuple[int, int, int]
UNFIT: Final = -1
SIZE_FOLLOWS: Final = -2  # in 16 bits
LONG_SIZE_FOLLOWS: Final = -3  # in 64
#: Of nothing that is fit; of what a client sends; of what a server sends. (Lists, for mypyc
#: makes a variable of each item of a tuple.)
NO_SHAPES: Final[list[Shape]] = [(UNFIT, 0, 0)] * 256
MASKED_SHAPES: Final[list[Shape]] = [
    *NO_SHAPES[:MASK],
    *((size, REPEAT[size + 15 >> 4], 0 if COMPILED else size + 15 & ~15) for size in range(4, 130)),
    (SIZE_FOLLOWS, 0, 0),
    (LONG_SIZE_FOLLOWS, 0, 0),
]
UNMASKED_SHAPES: Final[list[Shape]] = [
    *((size, 0, 0) for size in range(126)),
    (SIZE_FOLLOWS, 0, 0),
    (LONG_SIZE_FOLLOWS, 0, 0),
    *NO_SHAPES[MASK:],
]

#: Bytes of the shortest one whose size follows: an unmasked one's.
SHORTEST_LONG: Final = 4 + 126

#: A server's headers, for each length of payload below 126.
SHORT_TEXT: Final = [frame_header(WHOLE_TEXT, n, None) for n in range(126)]
SHORT_BINARY: Final = [frame_header(WHOLE_BINARY, n, None) for n in range(126)]


def _masked_headers(first: int) -> list[tuple[bytes, int, int]]:
    return [
        (frame_header(first, n, bytes(4)), REPEAT[n + 19 >> 4] << 16, n + 21) for n in range(126)
    ]


#: A client's, with a masking key of zeros: masked by itself, behind the first two bytes, it
#: becomes the key. With the same for that as above.
MASKED_TEXT: Final = _masked_headers(WHOLE_TEXT)
MASKED_BINARY: Final = _masked_headers(WHOLE_BINARY)

__all__ = [
    "LONG_SIZE_FOLLOWS",
    "MASKED_BINARY",
    "MASKED_SHAPES",
    "MASKED_TEXT",
    "NO_SHAPES",
    "SHORTEST_LONG",
    "SHORT_BINARY",
    "SHORT_TEXT",
    "SIZE_FOLLOWS",
    "UNFIT",
    "UNMASKED_SHAPES",
    "WHOLE",
    "WHOLE_BINARY",
    "WHOLE_TEXT",
    "Shape",
]
