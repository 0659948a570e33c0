"""DEFLATE data (RFC 1951) as RFC 7692 sends them: in all valid ways, damaged, and as bombs."""

from __future__ import annotations

import zlib
from typing import Final

from hypothesis import strategies as st

from wsproto_core.testing.deflate_blocks import bits_of, fixed_code, match, packed
from wsproto_core.testing.model.inflating import TAIL
from wsproto_core.testing.outcomes import DeflateSettings

from .payloads import binaries, texts


@st.composite
def blocks_by_hand(draw: st.DrawFn) -> bytes:
    """A message of DEFLATE blocks that no compressor makes.

    Matches go too far back, symbols have no meaning, blocks do not end.
    """
    symbols = st.one_of(
        st.sampled_from(b"ab\x00\xc3\xa9\xff").map(fixed_code),
        st.builds(
            match,
            st.sampled_from([3, 4, 10, 11, 100, 257, 258]),
            st.sampled_from([1, 2, 3, 4, 5, 6, 255, 256, 257, 258, 512, 513, 514, 1024, 32768]),
        ),
        st.sampled_from([match(258, 1), match(258, 1) * 2, match(258, 1) * 130]),
        st.sampled_from([fixed_code(286), fixed_code(287), "0000001" + "11110"]),
    )
    bits = ""
    for _ in range(draw(st.integers(1, 3))):
        final = draw(st.booleans())
        bits += f"{final:d}10" + "".join(draw(st.lists(symbols, max_size=6)))
        if draw(st.integers(0, 7)) == 7:
            break
        bits += fixed_code(256)
        if final:
            bits += "0" * (-len(bits) % 8)
    else:
        # The header of the empty stored block whose rest is the tail.
        bits += draw(st.sampled_from(["000", "000", ""]))
    return packed(bits)


@st.composite
def dynamic_headers(draw: st.DrawFn) -> bytes:
    """The beginning of a block with Huffman codes of its own, most likely bad ones."""
    counts = bits_of(draw(st.integers(0, 31)), 5) + bits_of(draw(st.integers(0, 31)), 5)
    lengths = draw(st.lists(st.sampled_from([0, 0, 0, 1, 1, 2, 3, 7]), min_size=4, max_size=19))
    code = bits_of(len(lengths) - 4, 4) + "".join(bits_of(length, 3) for length in lengths)
    return packed("001" + counts + code) + draw(st.binary(max_size=40))


class Compressor:
    """The sender's side of permessage-deflate (RFC 7692 §7.2.1), in all the ways there are."""

    def __init__(self, settings: DeflateSettings) -> None:
        self.settings = settings
        self.history = b""

    def deflated(
        self,
        payload: bytes,
        *,
        flush: int = zlib.Z_SYNC_FLUSH,
        level: int = -1,
        strategy: int = zlib.Z_DEFAULT_STRATEGY,
        window_bits: int | None = None,
        within: int | None = None,
        before: bytes = b"",
    ) -> bytes:
        """*payload* as DEFLATE blocks.

        Each message has a compressor of its own, that is given the window; so each can be
        made in another way. *before* is what the message began with, in another stream.
        """
        # zlib has no window of 2**8 bytes. In one of 2**9 it goes back 250 at most.
        bits = max(9, self.settings.window_bits if window_bits is None else window_bits)
        window = self.history if self.settings.context_takeover else before
        dictionary = window[-(2**bits) :]
        if dictionary:
            deflater = zlib.compressobj(level, zlib.DEFLATED, -bits, 8, strategy, dictionary)
        else:
            deflater = zlib.compressobj(level, zlib.DEFLATED, -bits, 8, strategy)
        self.history = (self.history + payload)[-(2**15) :]
        data = b""
        if within is not None:
            data += deflater.compress(payload[:within]) + deflater.flush(zlib.Z_SYNC_FLUSH)
            payload = payload[within:]
        return data + deflater.compress(payload) + deflater.flush(flush)

    def message(self, draw: st.DrawFn, payload: bytes) -> tuple[bytes, str]:
        """The payload of a compressed message, and the name of its fault or ""."""
        way = draw(st.sampled_from(COMPRESSIONS))
        if way in ("tuned", "within"):
            data = self.deflated(
                payload,
                level=draw(st.sampled_from([0, 1, 6, 9])),
                strategy=draw(st.sampled_from([zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE])),
                flush=draw(st.sampled_from([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])),
                within=draw(st.integers(0, len(payload))) if way == "within" else None,
            )
            return data.removesuffix(TAIL), ""
        if way == "final":
            return self.deflated(payload, flush=zlib.Z_FINISH) + b"\x00", ""
        if way == "final and more":
            at = draw(st.integers(0, len(payload)))
            first = self.deflated(payload[:at], flush=zlib.Z_FINISH)
            second = self.deflated(payload[at:], before=payload[:at]).removesuffix(TAIL)
            return first + second, ""
        if way == "many final":
            pieces = [payload[i : i + 8] for i in range(0, min(len(payload), 400), 8)]
            count = draw(st.sampled_from([31, 32, 33, 34, 40, 60]))
            streams = [self.deflated(piece, flush=zlib.Z_FINISH) for piece in pieces]
            streams += [b"\x03\x00"] * (count - len(streams))
            return b"".join(streams) + b"\x00", way
        if way == "final, octet 0x00 forgotten":
            return self.deflated(payload, flush=zlib.Z_FINISH), way
        if way == "tail left on":
            return self.deflated(payload), way
        if way == "nothing for an empty message":
            return (b"", way) if not payload else (self.deflated(payload).removesuffix(TAIL), "")
        if way == "window too large":
            return self.deflated(payload, window_bits=15).removesuffix(TAIL), way
        if way == "blocks by hand":
            return draw(blocks_by_hand()), way
        if way == "dynamic header":
            return draw(dynamic_headers()), way
        if way == "garbage":
            return draw(st.binary(max_size=20)), way
        data = self.deflated(payload).removesuffix(TAIL)
        if way == "bit flipped":
            at = draw(st.integers(0, min(200, 8 * len(data) - 1)))
            flipped = bytearray(data)
            flipped[at // 8] ^= 1 << at % 8
            return bytes(flipped), way
        if way == "cut short":
            return data[: draw(st.integers(0, len(data)))], way
        return data, ""


COMPRESSIONS: Final = [
    *["plain"] * 6,
    *["tuned", "within"] * 2,
    *("final", "final and more", "many final", "final, octet 0x00 forgotten", "tail left on"),
    *("nothing for an empty message", "window too large", "blocks by hand", "dynamic header"),
    *("garbage", "bit flipped", "cut short"),
]


@st.composite
def inflatables(draw: st.DrawFn) -> bytes:
    """DEFLATE data: one message's after the other's, each whole or damaged."""
    compressor = Compressor(draw(deflate_settings()))
    payloads = draw(st.lists(binaries() | texts(), min_size=1, max_size=3))
    return b"".join(compressor.message(draw, payload)[0] + TAIL for payload in payloads)


def deflate_settings() -> st.SearchStrategy[DeflateSettings]:
    """What can be agreed on for one direction. Shrinks to the defaults."""
    return st.builds(
        DeflateSettings,
        context_takeover=st.sampled_from([True, False]),
        window_bits=st.sampled_from([15, 15, 8, 9, 10, 11, 12, 13, 14]),
    )


def bombs() -> st.SearchStrategy[bytes]:
    """Payloads of compressed messages that are small, and inflate to 16 KiB to 1 MiB.

    In one block or in several. Shrinks to the smallest, in one block.
    """

    def bomb(kib: int, octet: int, blocks: int) -> bytes:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        piece = bytes([octet]) * (kib * 1024 // blocks)
        data = b"".join(
            deflater.compress(piece) + deflater.flush(zlib.Z_FULL_FLUSH) for _ in range(blocks)
        )
        return data.removesuffix(TAIL)

    return st.builds(
        bomb, st.sampled_from([16, 64, 256, 1024]), st.integers(0, 255), st.sampled_from([1, 2, 16])
    )
