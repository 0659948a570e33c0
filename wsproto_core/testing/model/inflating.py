"""DEFLATE, read bit by bit from RFC 1951, as RFC 7692 §7.2.2 has a receiver use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

from wsproto_core.testing.outcomes import DeflateSettings

from .failing import BEYOND_WINDOW, INVALID_DATA, NOT_DEFLATE, TOO_BIG, Fail

TAIL: Final = b"\x00\x00\xff\xff"

#: How many streams a message may consist of, beyond one for so many bytes.
FREE_STREAMS: Final = 32
BYTES_PER_STREAM: Final = 64

#: RFC 1951 §3.2.5: what length a symbol begins with, and its number of extra bits.
LENGTH_BASE: Final = (
    *(3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31),
    *(35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258),
)
LENGTH_EXTRA: Final = (0,) * 8 + (1,) * 4 + (2,) * 4 + (3,) * 4 + (4,) * 4 + (5,) * 4 + (0,)
#: The same for distances.
DISTANCE_BASE: Final = (
    *(1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769),
    *(1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577),
)
DISTANCE_EXTRA: Final = (0, 0, *(n for n in range(14) for _ in (1, 2)))
#: RFC 1951 §3.2.7: the order of the code lengths for the code length alphabet.
CODE_LENGTH_ORDER: Final = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)

END_OF_BLOCK: Final = 256

#: Of a Huffman code: the symbol for each code, where a code is its length and its bits.
Huffman: TypeAlias = dict[tuple[int, int], int]


class NeedBits(Exception):
    """The data end within what was to be read next."""


class Inflater:
    """Decompresses all messages of one connection, or one of them.

    One step reads the beginning of a block, a literal, a match, or an end of block. A step
    for which the data do not suffice is taken back and is tried again when there are more.
    """

    def __init__(self, settings: DeflateSettings) -> None:
        self.settings = settings
        #: The data, and the position of the next bit in them (RFC 1951 §3.1.1: "Data
        #: elements are packed into bytes in order of increasing bit number within the
        #: byte, i.e., starting with the least-significant bit of the byte").
        self.data = bytearray()
        self.position = 0
        #: All output to which a distance can go back.
        self.window = bytearray()
        #: Where in a block the next step is.
        self.block: Literal["between streams", "between blocks", "stored", "compressed"]
        self.block = "between streams"
        self.final = False
        #: How many streams of the message have ended, and at which byte it began.
        self.streams = 0
        self.message_start = 0
        self.stored_left = 0
        self.literals: Huffman = {}
        self.distances: Huffman = {}

    def inflate(self, data: bytes) -> Iterator[int]:
        """Each byte of output, as far as *data* gives it. Raises :exc:`Fail`, in its turn."""
        self.data += data
        while True:
            start = self.position
            try:
                output = self.step()
            except NeedBits:
                self.position = start
                return
            self.window += output
            yield from output

    def between_streams(self) -> bool:
        """Whether all data are used up by a block with BFINAL set, or there were none."""
        return self.block == "between streams" and self.position == 8 * len(self.data)

    def end_of_message(self) -> None:
        self.streams = 0
        self.message_start = len(self.data)
        # RFC 7692 §7.2.2: payload and tail are DEFLATE data. RFC 1951 §2: "A compressed data
        # set consists of a series of blocks". Half a block is none.
        # CHOICE: where the context is kept this is not noticed, and the next message goes
        # on in that block.
        if not self.settings.context_takeover and not self.block.startswith("between"):
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        if not self.settings.context_takeover and self.position != 8 * len(self.data):
            raise Fail(INVALID_DATA, NOT_DEFLATE)

    def bits(self, count: int) -> int:
        """RFC 1951 §3.1.1: "Data elements other than Huffman codes are packed starting with
        the least-significant bit of the data element."
        """
        if self.position + count > 8 * len(self.data):
            raise NeedBits
        value = 0
        for i in range(count):
            value |= (self.data[self.position >> 3] >> (self.position & 7) & 1) << i
            self.position += 1
        return value

    def symbol(self, code: Huffman) -> int:
        """RFC 1951 §3.1.1: "Huffman codes are packed starting with the most-significant bit
        of the code."
        """
        value = 0
        # Without any code there is still one bit to read.
        longest = max((length for length, _ in code), default=1)
        for length in range(1, longest + 1):
            value = value << 1 | self.bits(1)
            if (length, value) in code:
                return code[length, value]
        raise Fail(INVALID_DATA, NOT_DEFLATE)

    def step(self) -> bytes:
        if self.block == "stored":
            return self.step_stored()
        if self.block == "compressed":
            return self.step_compressed()
        self.begin_block()
        return b""

    def begin_block(self) -> None:
        # RFC 1951 §3.2.3: "Each block of compressed data begins with 3 header bits
        # containing the following data: first bit BFINAL, next 2 bits BTYPE".
        final = bool(self.bits(1))
        block_type = self.bits(2)
        if block_type == 3:
            # "11 - reserved (error)"
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        if block_type == 0:
            # RFC 1951 §3.2.4: "Any bits of input up to the next byte boundary are ignored."
            self.skip_to_byte()
            # "LEN is the number of data bytes in the block. NLEN is the one's complement of
            # LEN."
            length = self.bits(16)
            complement = self.bits(16)
            if length != complement ^ 0xFFFF:
                raise Fail(INVALID_DATA, NOT_DEFLATE)
            self.stored_left = length
        elif block_type == 1:
            self.literals, self.distances = FIXED_LITERALS, FIXED_DISTANCES
        else:
            self.literals, self.distances = self.dynamic_codes()
        self.final = final
        self.block = "stored" if block_type == 0 else "compressed"
        if self.block == "stored" and not self.stored_left:
            self.end_block()

    def end_block(self) -> None:
        # RFC 1951 §3.2.3: "BFINAL is set if and only if this is the last block of the data
        # set." RFC 7692 §7.2.1: "When any DEFLATE block with the "BFINAL" bit set to 1 doesn't
        # end at a byte boundary, an endpoint MUST add minimal padding bits of 0 to make it end
        # at a byte boundary. The next DEFLATE block follows the padded data if any."
        if self.final:
            self.skip_to_byte()
            self.block = "between streams"
            # CHOICE: the beginning of a stream is expensive, so there may not be many for
            # few bytes (RFC 6455 §10.4).
            self.streams += 1
            sent = self.position // 8 - self.message_start
            if self.streams > FREE_STREAMS + sent // BYTES_PER_STREAM:
                raise Fail(TOO_BIG, "streams")
        else:
            self.block = "between blocks"

    def skip_to_byte(self) -> None:
        self.position = (self.position + 7) // 8 * 8

    def step_stored(self) -> bytes:
        octet = self.bits(8)
        self.stored_left -= 1
        if not self.stored_left:
            self.end_block()
        return bytes([octet])

    def step_compressed(self) -> bytes:
        # RFC 1951 §3.2.3, the algorithm for the decoder: "decode literal/length value from
        # input stream"
        value = self.symbol(self.literals)
        # "if value < 256 copy value (literal byte) to output stream"
        if value < END_OF_BLOCK:
            return bytes([value])
        # "if value = end of block (256) break from loop"
        if value == END_OF_BLOCK:
            self.end_block()
            return b""
        # "otherwise (value = 257..285) decode distance from input stream". §3.2.6:
        # "Literal/length values 286-287 will never actually occur in the compressed data".
        if value > 285:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        length = LENGTH_BASE[value - 257] + self.bits(LENGTH_EXTRA[value - 257])
        code = self.symbol(self.distances)
        # §3.2.6: "distance codes 30-31 will never actually occur in the compressed data".
        if code > 29:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        distance = DISTANCE_BASE[code] + self.bits(DISTANCE_EXTRA[code])
        # "move backwards distance bytes in the output stream, and copy length bytes from
        # this position to the output stream." It "cannot refer past the beginning of the
        # output stream",
        if distance > len(self.window):
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        # nor past the window that was agreed on (RFC 7692 §7.1.2).
        if distance > 2**self.settings.window_bits:
            raise Fail(INVALID_DATA, BEYOND_WINDOW)
        copied = self.window[-distance:]
        # "the referenced string may overlap the current position"
        while len(copied) < length:
            copied += copied[-distance:]
        return bytes(copied[:length])

    def dynamic_codes(self) -> tuple[Huffman, Huffman]:
        """RFC 1951 §3.2.7, "Compression with dynamic Huffman codes"."""
        literal_count = self.bits(5) + 257
        distance_count = self.bits(5) + 1
        code_length_count = self.bits(4) + 4
        # "HLIT [...] (257 - 286)". CHOICE: "HDIST [...] (1 - 32)", but there is nothing
        # that distance codes 30 and 31 could mean, and zlib refuses them.
        if literal_count > 286 or distance_count > 30:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        code_lengths = [0] * 19
        for i in CODE_LENGTH_ORDER[:code_length_count]:
            code_lengths[i] = self.bits(3)
        if not any(code_lengths):
            # CHOICE, of the moment: zlib takes a bit for each symbol before it refuses this.
            self.bits(literal_count + distance_count)
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        code_length_code = huffman(code_lengths)

        # "The code length repeat codes can cross from HLIT + 257 to the HDIST + 1 code
        # lengths. In other words, all code lengths form a single sequence".
        lengths: list[int] = []
        while len(lengths) < literal_count + distance_count:
            symbol = self.symbol(code_length_code)
            if symbol <= 15:
                lengths.append(symbol)
            elif symbol == 16:
                # "Copy the previous code length 3 - 6 times."
                repeat = 3 + self.bits(2)
                if not lengths:
                    raise Fail(INVALID_DATA, NOT_DEFLATE)
                lengths += [lengths[-1]] * repeat
            elif symbol == 17:
                # "Repeat a code length of 0 for 3 - 10 times."
                lengths += [0] * (3 + self.bits(3))
            else:
                # "Repeat a code length of 0 for 11 - 138 times"
                lengths += [0] * (11 + self.bits(7))
        if len(lengths) > literal_count + distance_count:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        # §3.2.5: "the value 256 indicates end-of-block", and no block ends without.
        if not lengths[END_OF_BLOCK]:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        literals = huffman(lengths[:literal_count], one_suffices=True)
        # "If only one distance code is used, it is encoded using one bit, not zero bits; in
        # this case there is a single code length of one, with one unused code. One distance
        # code of zero bits means that there are no distance codes used at all".
        distances = huffman(lengths[literal_count:], one_suffices=True, none_suffices=True)
        return literals, distances


def huffman(
    lengths: Sequence[int], *, one_suffices: bool = False, none_suffices: bool = False
) -> Huffman:
    """The code that the lengths of its symbols' codes define.

    RFC 1951 §3.2.2: "All codes of a given bit length have lexicographically consecutive
    values, in the same order as the symbols they represent". "Shorter codes lexicographically
    precede longer codes."
    """
    code: Huffman = {}
    value = 0
    for length in range(1, 16):
        value <<= 1
        for symbol, symbol_length in enumerate(lengths):
            if symbol_length == length:
                code[length, value] = symbol
                value += 1
        # §3.2.1: a prefix code. More codes than there are values would not be one.
        if value > 1 << length:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
    # CHOICE, as zlib has it: each sequence of bits must begin some code, but for the
    # distances' case above, which zlib allows for literals too.
    if value == 1 << 15:
        return code
    if none_suffices and not code:
        return code
    if one_suffices and list(code) == [(1, 0)]:
        return code
    raise Fail(INVALID_DATA, NOT_DEFLATE)


#: RFC 1951 §3.2.6, "Compression with fixed Huffman codes".
FIXED_LITERALS: Final = huffman([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8)
FIXED_DISTANCES: Final = huffman([5] * 32)
