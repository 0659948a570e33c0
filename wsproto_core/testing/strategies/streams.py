"""Streams that a peer may send, for properties: mostly valid, so that they get deep.

A stream is built as an honest peer would build it: messages, fragmented, compressed, with
control frames in between, and an end. Then it is broken, mostly in one place, by a fault
that has a name. Sizes lie around the edges of the header's forms and of the limits.

Owns a small encoder of its own. Must not know the engine: whatever it makes is judged by
:mod:`reference`.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from hypothesis import strategies as st

from wsproto_core.testing.chunking import BYTEWISE, WHOLE, Chunking
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
from wsproto_core.testing.model.inflating import (
    DISTANCE_BASE,
    DISTANCE_EXTRA,
    LENGTH_BASE,
    LENGTH_EXTRA,
    TAIL,
)
from wsproto_core.testing.outcomes import DEFAULT_LIMITS, DeflateSettings, ReceiveLimits, Role

# The wire -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario:
    """A stream, and who receives it."""

    data: bytes
    eof: bool
    role: Role
    deflate: DeflateSettings | None = None
    limits: ReceiveLimits = DEFAULT_LIMITS
    #: The names of the faults that were put in. A fault may have no effect.
    faults: tuple[str, ...] = ()


def chunkings() -> st.SearchStrategy[Chunking]:
    cuts = st.lists(st.integers(0, 40) | st.integers(0, 400) | st.integers(-40, -1), max_size=8)
    return st.one_of(
        st.just(WHOLE),
        st.just(BYTEWISE),
        st.sampled_from([2, 3, 4, 5, 7, 16, 1000, 16384, 65536]).map(Chunking),
        cuts.map(lambda points: Chunking(cuts=tuple(points))),
    )


# Payloads -----------------------------------------------------------------------------

#: The first and the last character of each form of RFC 3629 §4, and some between.
CHARACTERS: Final = [
    *("a", "\x00", "\x7f", "\x80", "é", "\u07ff", "\u0800", "€", "\ud7ff", "\ue000"),
    *("\ufeff", "\ufffd", "\uffff", "\U00010000", "😀", "\U0010ffff"),
]
VALID_UTF8: Final = [character.encode() for character in CHARACTERS]
#: What no valid text has in it, or not at its end.
NEAR_UTF8: Final = [
    *(b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xdf", b"\xc2\x7f", b"\xc2\xc0"),
    *(b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xe0\xa0", b"\xe2\x82", b"\xe2\x28\xa1", b"\xe1\x80\xc0"),
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80", b"\xee\x80", b"\xef"),
    *(b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80", b"\xf0\x9f\x98", b"\xf1\x80\x7f"),
    *(b"\xf4\x90\x80\x80", b"\xf4\x8f\xbf", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80"),
    *(b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff"),
]

SMALL_SIZES: Final = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 20, 124, 125, 126, 127, 128, 300]
LARGE_SIZES: Final = [
    *(1000, 1396, 1399, 1400, 1401, 2000, 16383, 16384, 16385),
    *(65534, 65535, 65536, 65537, 70_000),
]


@st.composite
def sizes(draw: st.DrawFn, limits: ReceiveLimits = DEFAULT_LIMITS) -> int:
    """Sizes of payloads: around the header's forms, and around the limits."""
    choice = draw(st.integers(0, 23))
    if choice == 23:
        return draw(st.sampled_from(LARGE_SIZES))
    if choice >= 16:
        limit = draw(st.sampled_from([limits.max_message_size, limits.max_frame_size]))
        if limit <= 70_000:
            return max(0, limit + draw(st.sampled_from([0, 1, -1, 2])))
    return draw(st.sampled_from(SMALL_SIZES))


def noise(seed: int, size: int) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


@st.composite
def texts(draw: st.DrawFn, limits: ReceiveLimits = DEFAULT_LIMITS) -> bytes:
    """Payloads of text messages: UTF-8, or nearly."""
    pieces = draw(st.lists(st.sampled_from(VALID_UTF8), max_size=6))
    if draw(st.integers(0, 7)) == 7:
        at = draw(st.integers(0, len(pieces)))
        pieces.insert(at, draw(st.sampled_from(NEAR_UTF8)))
    text = b"".join(pieces)
    missing = draw(sizes(limits)) - len(text)
    if missing <= 0 or draw(st.booleans()):
        return text
    filler = draw(st.sampled_from([b"a", "aé€😀".encode()]))
    filled = filler * (missing // len(filler)) + b"." * (missing % len(filler))
    return filled + text if draw(st.booleans()) else text + filled


@st.composite
def binaries(draw: st.DrawFn, limits: ReceiveLimits = DEFAULT_LIMITS) -> bytes:
    """Payloads of binary messages: of any size, and compressing well, ill, or far back."""
    form = draw(st.sampled_from(["literal", "zeros", "noise", "far"]))
    if form == "literal":
        return draw(st.binary(max_size=8))
    if form == "zeros":
        return bytes(draw(sizes(limits)))
    if form == "noise":
        return noise(draw(st.integers(0, 3)), draw(sizes(limits)))
    distance = draw(
        st.sampled_from([250, 251, 255, 256, 257, 262, 263, 300, 511, 512, 513, 600, 1024, 1025])
        | st.sampled_from([2**15 - 262, 2**15, 2**15 + 1])
    )
    return noise(7, distance) + noise(7, distance)[:40]


#: Codes of Close frames: those allowed, those not, and the edges between.
GOOD_CLOSE_CODES: Final = [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999]
BAD_CLOSE_CODES: Final = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


@st.composite
def close_payloads(draw: st.DrawFn) -> bytes:
    """Payloads of Close frames, of all kinds."""
    kind = draw(st.sampled_from(["code", "empty", "reason", "long", "one byte", "bad code"]))
    if kind == "empty":
        return b""
    if kind == "one byte":
        return draw(st.sampled_from([b"\x03", b"\x00", b"a"]))
    codes = BAD_CLOSE_CODES if kind == "bad code" else GOOD_CLOSE_CODES
    code: bytes = draw(st.sampled_from(codes)).to_bytes(2, "big")
    if kind == "code":
        return code
    if kind == "long":
        return code + draw(st.sampled_from([b"r" * 123, b"r" * 122, "é".encode() * 61 + b"r"]))
    return code + draw(texts())[:123]


# Compression --------------------------------------------------------------------------


def bits_of(value: int, count: int) -> str:
    """*value* with its least significant bit first, as DEFLATE packs numbers."""
    return "".join(str(value >> i & 1) for i in range(count))


def fixed_code(symbol: int) -> str:
    """A literal or length symbol in the fixed Huffman code (RFC 1951 §3.2.6)."""
    if symbol < 144:
        return f"{0x30 + symbol:08b}"
    if symbol < 256:
        return f"{0x190 + symbol - 144:09b}"
    if symbol < 280:
        return f"{symbol - 256:07b}"
    return f"{0xC0 + symbol - 280:08b}"


def match_code(length: int, distance: int) -> str:
    """A match in the fixed Huffman codes."""
    size = max(i for i, base in enumerate(LENGTH_BASE) if base <= length)
    far = max(i for i, base in enumerate(DISTANCE_BASE) if base <= distance)
    return (
        fixed_code(257 + size)
        + bits_of(length - LENGTH_BASE[size], LENGTH_EXTRA[size])
        + f"{far:05b}"
        + bits_of(distance - DISTANCE_BASE[far], DISTANCE_EXTRA[far])
    )


def packed(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


@st.composite
def blocks_by_hand(draw: st.DrawFn) -> bytes:
    """A message of DEFLATE blocks that no compressor makes.

    Matches go too far back, symbols have no meaning, blocks do not end.
    """
    symbols = st.one_of(
        st.sampled_from(b"ab\x00\xc3\xa9\xff").map(fixed_code),
        st.builds(
            match_code,
            st.sampled_from([3, 4, 10, 11, 100, 257, 258]),
            st.sampled_from([1, 2, 3, 4, 5, 6, 255, 256, 257, 258, 512, 513, 514, 1024, 32768]),
        ),
        st.sampled_from([match_code(258, 1), match_code(258, 1) * 2, match_code(258, 1) * 130]),
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


# Frames -------------------------------------------------------------------------------


def masking_keys(role: Role) -> st.SearchStrategy[bytes | None]:
    """What the peer of *role* masks with."""
    if role == "client":
        return st.none()
    return st.sampled_from([b"\x00\x00\x00\x00", b"\x01\x02\x03\x04", b"\xff\x00\x80\x7f"])


@st.composite
def control_frames(draw: st.DrawFn) -> Frame:
    size = draw(st.sampled_from([0, 1, 4, 125]))
    return Frame(draw(st.sampled_from([PING, PONG])), noise(1, size))


@st.composite
def message_frames(
    draw: st.DrawFn, limits: ReceiveLimits, compressor: Compressor | None
) -> tuple[list[Frame], list[str]]:
    """A message in one frame or more, with control frames in between; and its faults."""
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    payload = draw(texts(limits) if opcode == TEXT else binaries(limits))
    rsv, faults = 0, []
    if compressor is not None and draw(st.integers(0, 3)):
        payload, fault = compressor.message(draw, payload)
        rsv, faults = RSV1, [fault] if fault else []
    cuts = draw(st.lists(st.integers(0, len(payload)) | st.integers(0, 5), max_size=4))
    edges = [0, *sorted(min(cut, len(payload)) for cut in cuts), len(payload)]
    frames: list[Frame] = []
    for a, b in pairwise(edges):
        if frames and draw(st.integers(0, 3)) == 3:
            frames.append(draw(control_frames()))
        frames.append(Frame(CONTINUATION, payload[a:b], fin=False))
    frames[0] = replace(frames[0], opcode=opcode, rsv=rsv)
    frames[-1] = replace(frames[-1], fin=True)
    return frames, faults


# Faults -------------------------------------------------------------------------------

#: A fault changes the frame at an index, or what is around it.
Fault = Callable[[st.DrawFn, list[Frame], int], Sequence[Frame]]


def _changed(change: Callable[[st.DrawFn, Frame], Frame]) -> Fault:
    """The fault that changes one frame only."""

    def fault(draw: st.DrawFn, frames: list[Frame], i: int) -> list[Frame]:
        return [*frames[:i], change(draw, frames[i]), *frames[i + 1 :]]

    return fault


def _inserted(make: Callable[[st.DrawFn], Frame]) -> Fault:
    """The fault that puts one frame too many before another."""

    def fault(draw: st.DrawFn, frames: list[Frame], i: int) -> list[Frame]:
        return [*frames[:i], replace(make(draw), masking_key=frames[i].masking_key), *frames[i:]]

    return fault


def _payload_cut(draw: st.DrawFn, frames: list[Frame], i: int) -> list[Frame]:
    """The header declares more than there is, and the stream stops."""
    frame = frames[i]
    there = draw(st.integers(0, len(frame.payload)))
    declared = len(frame.payload) or draw(st.integers(0, 5))
    return [*frames[:i], replace(frame, payload=frame.payload[:there], declared=declared)]


def _huge(draw: st.DrawFn, frames: list[Frame], i: int) -> list[Frame]:
    """The header declares far more than there is; it may well swallow what follows."""
    sizes = [126, 1000, 65535, 65536, 2**24, 2**26, 2**26 + 1, 2**31, 2**32, 2**63 - 1]
    frame = replace(frames[i], declared=draw(st.sampled_from(sizes)))
    return [*frames[:i], frame, *(frames[i + 1 :] if draw(st.booleans()) else [])]


def _payload_damaged(draw: st.DrawFn, frame: Frame) -> Frame:
    if not frame.payload:
        return frame
    at = draw(st.integers(0, min(len(frame.payload) - 1, 300)))
    octet = draw(st.sampled_from([0x00, 0x41, 0x80, 0xC3, 0xED, 0xF4, 0xFF]))
    damaged = frame.payload[:at] + bytes([octet]) + frame.payload[at + 1 :]
    return replace(frame, payload=damaged)


def _reserved_opcode(draw: st.DrawFn, frame: Frame) -> Frame:
    opcode = draw(st.sampled_from([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]))
    return replace(frame, opcode=opcode)


def _mask_toggled(draw: st.DrawFn, frame: Frame) -> Frame:
    return replace(frame, masking_key=b"\x01\x02\x03\x04" if frame.masking_key is None else None)


def _top_bit(draw: st.DrawFn, frame: Frame) -> Frame:
    declared = 2**63 + draw(st.sampled_from([0, len(frame.payload), 65536, 2**63 - 1]))
    return replace(frame, declared=declared, length_size=8)


FAULTS: Final[dict[str, Fault]] = {
    "RSV1 toggled": _changed(lambda draw, frame: replace(frame, rsv=frame.rsv ^ RSV1)),
    "RSV2 set": _changed(lambda draw, frame: replace(frame, rsv=frame.rsv | RSV2)),
    "RSV3 set": _changed(lambda draw, frame: replace(frame, rsv=frame.rsv | RSV3)),
    "reserved opcode": _changed(_reserved_opcode),
    "opcode exchanged": _changed(
        lambda draw, frame: replace(frame, opcode=draw(st.sampled_from([0, 1, 2, 8, 9, 10])))
    ),
    "mask toggled": _changed(_mask_toggled),
    "FIN toggled": _changed(lambda draw, frame: replace(frame, fin=not frame.fin)),
    "length in 2 bytes": _changed(lambda draw, frame: replace(frame, length_size=2)),
    "length in 8 bytes": _changed(lambda draw, frame: replace(frame, length_size=8)),
    "length with the top bit": _changed(_top_bit),
    "length one less": _changed(
        lambda draw, frame: replace(frame, declared=max(0, len(frame.payload) - 1))
    ),
    "huge length": _huge,
    "payload cut": _payload_cut,
    "payload damaged": _changed(_payload_damaged),
    "control frame fragmented": _inserted(lambda draw: Frame(PING, b"p", fin=False)),
    "control frame too long": _inserted(
        lambda draw: Frame(draw(st.sampled_from([PING, PONG, CLOSE])), b"\x03\xe8" * 63)
    ),
    "control frame with RSV1": _inserted(lambda draw: Frame(PONG, b"p", rsv=RSV1)),
    "unexpected continuation": _inserted(
        lambda draw: Frame(CONTINUATION, b"c", fin=draw(st.booleans()))
    ),
    "unexpected message": _inserted(
        lambda draw: Frame(draw(st.sampled_from([TEXT, BINARY])), b"m", fin=draw(st.booleans()))
    ),
    "unexpected Close": _inserted(lambda draw: Frame(CLOSE, draw(close_payloads()))),
    "frame lost": lambda draw, frames, i: [*frames[:i], *frames[i + 1 :]],
    "frame twice": lambda draw, frames, i: [*frames[: i + 1], *frames[i:]],
    "frames exchanged": lambda draw, frames, i: [
        *frames[:i],
        *reversed(frames[i : i + 2]),
        *frames[i + 2 :],
    ],
    "empty fragments": lambda draw, frames, i: [
        *frames[:i],
        *[replace(frames[i], fin=False, payload=b"", opcode=0, rsv=0)] * draw(st.integers(1, 4)),
        *frames[i:],
    ],
}


@st.composite
def broken(draw: st.DrawFn, data: bytes) -> tuple[bytes, str]:
    """A stream that is broken without regard to frames; and the name of the fault."""
    fault = draw(st.sampled_from(["truncated", "byte changed", "garbage behind", "byte lost"]))
    at = draw(st.integers(0, min(len(data), 400)) | st.integers(0, len(data)))
    if fault == "truncated":
        return data[:at], fault
    if fault == "garbage behind":
        return data + draw(st.binary(max_size=20)), fault
    if fault == "byte lost":
        return data[:at] + data[at + 1 :], fault
    return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :], fault


# Scenarios ----------------------------------------------------------------------------


def deflate_settings() -> st.SearchStrategy[DeflateSettings]:
    return st.builds(
        DeflateSettings,
        context_takeover=st.booleans(),
        window_bits=st.sampled_from([15, 15, 8, 9, 10, 11, 12, 13, 14]),
    )


@st.composite
def receive_limits(draw: st.DrawFn) -> ReceiveLimits:
    """The defaults, or one limit or all of them so small that a few frames exceed it."""
    small = draw(st.sampled_from(["", "", "", "message", "frame", "fragments", "all"]))
    some = [300, 125, 126, 20, 10, 8, 5, 3, 2, 1]
    limits = DEFAULT_LIMITS
    if small in ("message", "all"):
        size = draw(st.sampled_from([65535, 65536, *some]))
        limits = replace(limits, max_message_size=size)
    if small in ("frame", "all"):
        limits = replace(limits, max_frame_size=draw(st.sampled_from([65535, 65536, *some])))
    if small in ("fragments", "all"):
        limits = replace(limits, max_fragments=draw(st.integers(1, 4)))
    return limits


@st.composite
def scenarios(draw: st.DrawFn, *, deflate: bool) -> Scenario:
    """Streams for an endpoint with or without permessage-deflate."""
    role: Role = draw(st.sampled_from(["server", "client"]))
    settings = draw(deflate_settings()) if deflate else None
    limits = draw(receive_limits())
    if draw(st.integers(0, 19)) == 19:
        garbage = draw(st.binary(max_size=40))
        return Scenario(garbage, draw(st.booleans()), role, settings, limits, ("garbage",))

    compressor = None if settings is None else Compressor(settings)
    frames: list[Frame] = []
    faults: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.integers(0, 4)) == 4:
            frames.append(draw(control_frames()))
            continue
        more, found = draw(message_frames(limits, compressor))
        frames += more
        faults += found
    if draw(st.booleans()):
        frames.append(Frame(CLOSE, draw(close_payloads())))
        if draw(st.booleans()):
            # Nothing of this is to be seen.
            frames.append(draw(control_frames()))
    keys = masking_keys(role)
    frames = [replace(frame, masking_key=draw(keys)) for frame in frames]

    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 1, 2]))):
        if frames:
            name = draw(st.sampled_from(sorted(FAULTS)))
            frames = list(FAULTS[name](draw, frames, draw(st.integers(0, len(frames) - 1))))
            faults.append(name)
    data = b"".join(frame.encode() for frame in frames)
    if draw(st.integers(0, 5)) == 5:
        data, name = draw(broken(data))
        faults.append(name)
    return Scenario(data, draw(st.booleans()), role, settings, limits, tuple(faults))
