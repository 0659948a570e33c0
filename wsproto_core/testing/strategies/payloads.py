"""Payloads: UTF-8 and nearly UTF-8, binary data of telling sizes, bodies of Close frames."""

from __future__ import annotations

import random
from typing import Final

from hypothesis import strategies as st

from wsproto_core.testing.outcomes import DEFAULT_LIMITS, ReceiveLimits

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
    kind = draw(
        st.sampled_from(["code", "empty", "reason", "long", "one byte", "bad code", "bad code"])
    )
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
