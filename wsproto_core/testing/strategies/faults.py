"""What can be wrong with a stream: each fault has a name, and is put in at one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

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

from .payloads import close_payloads

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


def _longest_in_next_form(draw: st.DrawFn, frame: Frame) -> Frame:
    size, length_size = draw(st.sampled_from([(125, 2), (125, 2), (125, 8), (65535, 8)]))
    return replace(frame, payload=b"a" * size, length_size=length_size)


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
    "longest payload of one form in the next": _changed(_longest_in_next_form),
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
    "control frame with RSV1": _inserted(
        lambda draw: Frame(draw(st.sampled_from([PING, PONG])), b"p", rsv=RSV1)
    ),
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


#: Those that change the header of one frame, and nothing else.
HEADER_FAULTS: Final = [
    *("RSV1 toggled", "RSV2 set", "RSV3 set", "reserved opcode", "opcode exchanged"),
    *("mask toggled", "FIN toggled", "length in 2 bytes", "length in 8 bytes"),
    *("longest payload of one form in the next", "length with the top bit", "huge length"),
]


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
