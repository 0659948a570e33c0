"""DEFLATE blocks (RFC 1951) written by hand, right or wrong, and joined to payloads of messages.

A block is its bits, as "0" and "1" in the order of the stream, with ``|`` where it goes on at
the next byte. Owns that notation. Must not know frames, nor any compressor: what it writes does
not depend on the version of a library.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .model.inflating import (
    CODE_LENGTH_ORDER,
    DISTANCE_BASE,
    DISTANCE_EXTRA,
    END_OF_BLOCK,
    LENGTH_BASE,
    LENGTH_EXTRA,
)

#: The header of the empty stored block whose other bytes are the tail that RFC 7692 §7.2.1 has
#: senders remove: what a message ends with.
FLUSH: Final = "000|"


def bits_of(value: int, count: int) -> str:
    """*value* with its least significant bit first (RFC 1951 §3.1.1)."""
    return f"{value:0{count}b}"[::-1] if count else ""


def packed(bits: str) -> bytes:
    """Bits in bytes, the first bit of each the least significant (RFC 1951 §3.1.1)."""
    return b"".join(
        int(part[i : i + 8][::-1], 2).to_bytes(1, "big")
        for part in bits.split("|")
        for i in range(0, len(part), 8)
    )


def message(*blocks: str) -> bytes:
    """The payload of a compressed message of these blocks (RFC 7692 §7.2.1)."""
    return packed("".join(blocks) + FLUSH)


# Blocks ----------------------------------------------------------------------------------


def stored(data: bytes, *, final: bool = False, complement: int | None = None) -> str:
    """A block without compression (RFC 1951 §3.2.4), of 65,535 bytes at most.

    *complement* is a wrong NLEN.
    """
    check = len(data) ^ 0xFFFF if complement is None else complement
    head = f"{final:d}00|{bits_of(len(data), 16)}{bits_of(check, 16)}"
    return head + "".join(bits_of(byte, 8) for byte in data) + "|"


def fixed(*symbols: bytes | str, final: bool = False, end: bool = True) -> str:
    """A block with the fixed Huffman codes (§3.2.6), of literals and of other codes.

    With BFINAL set it is padded to a byte boundary (RFC 7692 §7.2.1). Without *end* it has no
    end of block.
    """
    bits = f"{final:d}10"
    for symbol in symbols:
        bits += symbol if isinstance(symbol, str) else "".join(map(fixed_code, symbol))
    if end:
        bits += fixed_code(END_OF_BLOCK)
    return bits + "|" * final


def fixed_code(symbol: int) -> str:
    """A literal or length symbol in the fixed Huffman code."""
    if symbol < 144:
        return f"{0x30 + symbol:08b}"
    if symbol < 256:
        return f"{0x190 + symbol - 144:09b}"
    if symbol < 280:
        return f"{symbol - 256:07b}"
    return f"{0xC0 + symbol - 280:08b}"


def match(length: int, distance: int) -> str:
    """A match in the fixed Huffman codes (§3.2.5): 3 to 258 bytes, 1 to 32,768 bytes back."""
    size = max(i for i, base in enumerate(LENGTH_BASE) if base <= length)
    far = max(i for i, base in enumerate(DISTANCE_BASE) if base <= distance)
    return (
        fixed_code(257 + size)
        + bits_of(length - LENGTH_BASE[size], LENGTH_EXTRA[size])
        + f"{far:05b}"
        + bits_of(distance - DISTANCE_BASE[far], DISTANCE_EXTRA[far])
    )


def repeated(byte: bytes, count: int) -> str:
    """A fixed block of *count* times *byte*, at least four times: about count/159 bytes."""
    whole, rest = divmod(count - 1 - 3, 258)
    # A last match of at least three bytes takes what is left.
    last = (match(3 + rest, 1),) if rest <= 255 else (match(rest, 1), match(3, 1))
    return fixed(byte, match(258, 1) * whole, *last)


def dynamic(
    literals: Mapping[int, int],
    distances: Mapping[int, int],
    *symbols: int | str,
    final: bool = False,
    counts: tuple[int, int] | None = None,
) -> str:
    """A block with Huffman codes of its own (§3.2.7).

    :param literals: how many bits the code of each literal or length symbol has; 15 at most.
    :param distances: the same for distances.
    :param symbols: its content: symbols of *literals*, or bits as they are.
    :param counts: what the header says of the number of codes, if that is wrong.
    """
    literal_count = max(257, *(symbol + 1 for symbol in literals))
    distance_count = max(1, *(symbol + 1 for symbol in (0, *distances)))
    lengths = [literals.get(symbol, 0) for symbol in range(literal_count)]
    lengths += [distances.get(symbol, 0) for symbol in range(distance_count)]
    said = counts or (literal_count, distance_count)
    bits = dynamic_header(said, dict.fromkeys(range(16), 4), final=final)
    bits += "".join(f"{length:04b}" for length in lengths)
    codes = canonical(literals)
    for symbol in symbols:
        bits += symbol if isinstance(symbol, str) else codes[symbol]
    return bits + "|" * final


def dynamic_header(
    counts: tuple[int, int], code_lengths: Mapping[int, int], *, final: bool = False
) -> str:
    """The beginning of such a block, up to where the code lengths begin.

    :param counts: of literal and of distance codes.
    :param code_lengths: how many bits the code of each code length symbol has; 7 at most.
    """
    bits = f"{final:d}01" + bits_of(counts[0] - 257, 5) + bits_of(counts[1] - 1, 5)
    return (
        bits
        + bits_of(15, 4)
        + "".join(bits_of(code_lengths.get(symbol, 0), 3) for symbol in CODE_LENGTH_ORDER)
    )


def canonical(lengths: Mapping[int, int]) -> dict[int, str]:
    """The codes that follow from their lengths (§3.2.2)."""
    codes = {}
    code = at = 0
    for length, symbol in sorted((length, symbol) for symbol, length in lengths.items()):
        code <<= length - at
        at = length
        codes[symbol] = f"{code:0{length}b}"
        code += 1
    return codes


def flipped(data: bytes, bit: int) -> bytes:
    """*data* with one bit changed; the first is the least significant of the first byte."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
