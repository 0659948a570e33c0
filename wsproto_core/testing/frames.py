"""Frames as plain values that can be wrong in any way (RFC 6455 §5.2).

Owns a small encoder, which checks nothing. Must not know any implementation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

RSV1: Final = 4
RSV2: Final = 2
RSV3: Final = 1


@dataclass(frozen=True)
class Frame:
    """A frame (RFC 6455 §5.2) that can be wrong in any way."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masking_key: bytes | None = None
    #: How many bytes the extended payload length takes: 0, 2 or 8; None for as few as
    #: possible.
    length_size: int | None = None
    #: The payload length that the header has; None for the true one.
    declared: int | None = None

    def encode(self) -> bytes:
        """Its bytes (RFC 6455 §5.2), with whatever is wrong about it."""
        length = len(self.payload) if self.declared is None else self.declared
        size = _least_size(length) if self.length_size is None else self.length_size
        indicator = {0: length & 0x7F, 2: 126, 8: 127}[size]
        header = bytes(
            [
                self.fin << 7 | self.rsv << 4 | self.opcode,
                (self.masking_key is not None) << 7 | indicator,
            ]
        )
        extended = (length & (1 << 8 * size) - 1).to_bytes(size, "big")
        if self.masking_key is None:
            return header + extended + self.payload
        keystream = (self.masking_key * (len(self.payload) // 4 + 1))[: len(self.payload)]
        masked = int.from_bytes(self.payload, "big") ^ int.from_bytes(keystream, "big")
        payload = masked.to_bytes(len(self.payload), "big")
        return header + extended + self.masking_key + payload


def _least_size(length: int) -> int:
    return 0 if length <= 125 else 2 if length <= 0xFFFF else 8


def masking_keys(data: bytes) -> list[bytes]:
    """The masking keys of the frames of which *data* consists, in order.

    What cannot be read as masked frames is not looked at.
    """
    keys = []
    position = 0
    while data[position + 1 : position + 2] >= b"\x80":
        length = data[position + 1] & 0x7F
        size = {126: 2, 127: 8}.get(length, 0)
        position += 2
        if size:
            length = int.from_bytes(data[position : position + size], "big")
        position += size
        keys.append(data[position : position + 4])
        position += 4 + length
    return keys


def frames_of(data: bytes) -> tuple[list[Frame], bytes]:
    """The frames of which *data* consists, and what is left behind them.

    Encoded again, they give *data*. A frame whose payload is not there in full is the last one,
    and declares more than it has; a header that is not there in full is left.
    """
    frames: list[Frame] = []
    rest = data
    while len(rest) >= 2:
        first, second = rest[0], rest[1]
        size = {126: 2, 127: 8}.get(second & 0x7F, 0)
        masked = second >= 0x80
        begin = 2 + size + 4 * masked
        if len(rest) < begin:
            break
        length = int.from_bytes(rest[2 : 2 + size], "big") if size else second & 0x7F
        payload = rest[begin : begin + length]
        frame = Frame(
            opcode=first & 0x0F,
            payload=payload,
            fin=first >= 0x80,
            rsv=first >> 4 & 7,
            masking_key=rest[begin - 4 : begin] if masked else None,
            length_size=None if size == _least_size(length) else size,
            declared=None if len(payload) == length else length,
        )
        # Masked once more, the payload is what was masked.
        plain = replace(frame, payload=frame.encode()[begin:])
        frames.append(plain)
        rest = rest[begin + length :]
    return frames, rest
