"""Frames (RFC 6455 §5.2): an incremental reader, and a serializer.

Owns the frame header, both ways: FIN, the reserved bits, opcode, length, masking. Knows
nothing of messages: that a continuation must continue something is judged elsewhere.
What a header alone shows to be wrong is a fault before any payload is looked at.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from .errors import LimitExceeded
from .events import excess, fault
from .masking import apply_mask, rotate_key
from .words import (
    LOCAL_ONLY_CLOSE_REASONS,
    CloseReason,
    Opcode,
    RsvBits,
    is_wire_close_code,
    name_close_code,
)

# The first byte of a frame
FIN: Final = 0x80
RSV_MASK: Final = 0x70
OPCODE_MASK: Final = 0x0F
# The second
MASK: Final = 0x80
LENGTH_MASK: Final = 0x7F
LENGTH_16_BIT: Final = 126
LENGTH_64_BIT: Final = 127

#: Bytes of payload that a control frame may have (RFC 6455 §5.5).
MAX_CONTROL_PAYLOAD: Final = 125

#: Bytes of the longest header: length in 64 bits, and a masking key.
MAX_HEADER: Final = 14

_DATA_OPCODES: Final = (Opcode.TEXT, Opcode.BINARY)
#: Header fields of a frame whose length takes 16 bits.
HEADER_16: Final = Struct("!BBH")
_HEADER_64: Final = Struct("!BBQ")
_OCTETS: Final = [bytes((octet,)) for octet in range(256)]

# What is wrong with a first byte, its reserved bits aside; None if nothing is.
_FIRST_BYTE_FAULTS: Final[dict[int, str | None]] = {}
for _opcode in range(16):
    for _fin in (0, FIN):
        _fault: str | None = None
        if _opcode not in list(Opcode):
            _fault = f"reserved opcode {_opcode:#x}"
        elif not _fin and Opcode(_opcode).iscontrol():
            _fault = f"fragmented control frame {Opcode(_opcode).name}"
        _FIRST_BYTE_FAULTS[_fin | _opcode] = _fault


class FrameReader:
    """Cuts a stream of bytes into frame headers and pieces of payload, as they arrive.

    Call :meth:`read_header` until it says True, which fills the fields below; then
    :meth:`read_payload` until :attr:`remaining` is 0. A frame is never waited for: its
    payload is handed out, unmasked, in the pieces in which it comes.

    :param masked: whether the peer must mask: true in a server (RFC 6455 §5.1).
    :param rsv: the reserved bits that an extension has given a meaning.
    :param max_frame_size: bytes of payload above which a frame is refused with 1009.
    """

    __slots__ = (
        "_at",
        "_backlog",
        "_masked",
        "_masking_key",
        "_max_frame_size",
        "_rsv",
        "chunk",
        "fin",
        "opcode",
        "payload_length",
        "remaining",
        "rsv",
    )

    def __init__(self, *, masked: bool, rsv: int, max_frame_size: int) -> None:
        self._masked = masked
        self._rsv = rsv
        self._max_frame_size = max_frame_size
        #: The unread bytes begin at ``chunk[_at]``.
        self.chunk = b""
        self._at = 0
        # What was fed while chunk had not been read to its end. One buffer, so that a
        # peer that sends single bytes does not make one object each.
        self._backlog: bytearray | None = None
        #: The last header's fields.
        self.fin = False
        self.rsv = 0
        self.opcode = 0
        self.payload_length = 0
        self._masking_key = b""
        #: Bytes of the frame's payload that have not been read.
        self.remaining = 0

    def feed(self, data: bytes, at: int = 0) -> None:
        """Take the peer's bytes, those of *data* from *at* on. Nothing is copied if all
        before has been read.
        """
        if self._backlog is not None:
            self._backlog += data[at:]
        elif self.chunk:
            self._backlog = bytearray(data[at:])
        else:
            self.chunk = data
            self._at = at

    @property
    def divided(self) -> bool:
        """Whether the unread bytes are not in one piece, so that they stay here."""
        return self._backlog is not None

    @property
    def unread(self) -> int:
        """Bytes that were fed and have not been read."""
        return len(self.chunk) - self._at + len(self._backlog or b"")

    def hand_back(self) -> tuple[bytes, int]:
        """Between frames, give back the unread bytes as :meth:`feed` takes them."""
        if self._backlog is not None:
            return b"", 0
        rest = self.chunk, self._at
        self.chunk = b""
        self._at = 0
        return rest

    def discard(self) -> None:
        """Forget what has not been read."""
        self.chunk = b""
        self._at = 0
        self._backlog = None

    def _refill(self) -> bool:
        """Bring the backlog forward, once too little is left of the chunk to go on."""
        rest = self.chunk[self._at :]
        grown = self._backlog is not None
        if self._backlog is not None:
            rest += self._backlog
            self._backlog = None
        self.chunk = rest
        self._at = 0
        return grown

    def read_header(self) -> bool:
        """Read the next frame's header; False if it has not arrived in full.

        Raises :exc:`~wsproto_core.RemoteProtocolError` with 1002 for a header that RFC
        6455 §5.2 forbids, :exc:`~wsproto_core.LimitExceeded` with 1009 for a frame that
        is too big: each as soon as the bytes that show it are there.
        """
        while True:
            chunk = self.chunk
            at = self._at
            available = len(chunk) - at
            if available >= 2:
                first = chunk[at]
                second = chunk[at + 1]
                self._judge(first, second)
                length = second & LENGTH_MASK
                size = 2
                if length >= LENGTH_16_BIT:
                    size = 4 if length == LENGTH_16_BIT else 10
                    if available >= size:
                        length = self._extended_length(chunk[at + 2 : at + size])
                elif length > self._max_frame_size and first & OPCODE_MASK < 8:
                    raise self._too_big(length)
                key_at = at + size
                if self._masked:
                    size += 4
                if available >= size:
                    self.fin = first >= FIN
                    self.rsv = first & RSV_MASK
                    self.opcode = first & OPCODE_MASK
                    self.payload_length = self.remaining = length
                    self._masking_key = chunk[key_at : at + size]
                    self._at = at + size
                    return True
            if not self._refill():
                return False

    def _judge(self, first: int, second: int) -> None:
        problem = _FIRST_BYTE_FAULTS[first & (FIN | OPCODE_MASK)]
        if problem is None:
            opcode = first & OPCODE_MASK
            rsv = first & RSV_MASK
            if rsv & ~self._rsv:
                problem = f"reserved bits {rsv >> 4:03b} without an extension that defines them"
            elif rsv and opcode not in _DATA_OPCODES:
                problem = f"reserved bits {rsv >> 4:03b} on a {Opcode(opcode).name} frame"
            elif opcode >= 8 and second & LENGTH_MASK > MAX_CONTROL_PAYLOAD:
                problem = f"{Opcode(opcode).name} frame longer than {MAX_CONTROL_PAYLOAD} bytes"
            elif (second >= MASK) != self._masked:
                problem = (
                    "unmasked frame from a client"
                    if self._masked
                    else ("masked frame from a server")
                )
        if problem is not None:
            raise fault(CloseReason.PROTOCOL_ERROR, problem)

    def _extended_length(self, field: bytes) -> int:
        length = int.from_bytes(field, "big")
        # "the minimal number of bytes MUST be used" and "the most significant bit MUST
        # be 0" (RFC 6455 §5.2). The least that needs the field is 126, or 65536.
        if length < (126 if len(field) == 2 else 65536):
            raise fault(
                CloseReason.PROTOCOL_ERROR, f"length {length} encoded in {len(field)} bytes"
            )
        if length >> 63:
            raise fault(CloseReason.PROTOCOL_ERROR, "64-bit length with its highest bit set")
        if length > self._max_frame_size:
            raise self._too_big(length)
        return length

    def _too_big(self, length: int) -> LimitExceeded:
        return excess(f"frame of {length} bytes, {self._max_frame_size} allowed")

    def read_payload(self) -> bytes:
        """Read what has arrived of the payload, unmasked; empty if nothing has."""
        if self._at >= len(self.chunk):
            self._refill()
        chunk = self.chunk
        begin = self._at
        end = min(begin + self.remaining, len(chunk))
        size = end - begin
        self.remaining -= size
        if end == len(chunk):
            self.chunk = b""
            self._at = 0
        else:
            self._at = end
        if self._masked and size:
            key = self._masking_key
            if self.remaining:
                self._masking_key = rotate_key(key, size)
            return apply_mask(chunk, key, begin, end)
        return chunk[begin:end]


def frame_header(first: int, length: int, masking_key: bytes | None) -> bytes:
    """The header of a frame.

    :param first: the first byte: FIN, the reserved bits, the opcode.
    :param length: bytes of payload.
    :param masking_key: four bytes in a client, None in a server (RFC 6455 §5.1).
    """
    mask = 0 if masking_key is None else MASK
    if length < LENGTH_16_BIT:
        header = _OCTETS[first] + _OCTETS[mask | length]
    elif length < 65536:
        header = HEADER_16.pack(first, mask | LENGTH_16_BIT, length)
    else:
        header = _HEADER_64.pack(first, mask | LENGTH_64_BIT, length)
    return header if masking_key is None else header + masking_key


def serialize_frame(first: int, payload: bytes, masking_key: bytes | None) -> list[bytes]:
    """A frame as buffers, to be sent one after the other: its header, then its payload.

    Parameters as of :func:`frame_header`. An unmasked payload is not copied.
    """
    header = frame_header(first, len(payload), masking_key)
    if masking_key is not None:
        payload = apply_mask(payload, masking_key)
    return [header, payload] if payload else [header]


__all__ = [
    "FIN",
    "HEADER_16",
    "LENGTH_16_BIT",
    "LENGTH_64_BIT",
    "LENGTH_MASK",
    "LOCAL_ONLY_CLOSE_REASONS",
    "MASK",
    "MAX_CONTROL_PAYLOAD",
    "MAX_HEADER",
    "OPCODE_MASK",
    "RSV_MASK",
    "CloseReason",
    "FrameReader",
    "Opcode",
    "RsvBits",
    "frame_header",
    "is_wire_close_code",
    "name_close_code",
    "serialize_frame",
]
