"""What an end has put on the wire, read by somebody who shares nothing with the library."""

from __future__ import annotations

from tests.wire import BINARY, CLOSE, CONT, PING, PONG, TEXT, mask


class Wire:
    """What one end has put on the wire, read frame by frame; every frame must be legal.

    :param masked: whether it masks, as clients do.
    :param http: whether it begins with the head of an HTTP message.
    :param deflate: whether messages may be compressed.
    """

    def __init__(self, masked: bool, *, http: bool, deflate: bool) -> None:
        self.masked = masked
        self.http = http
        self.deflate = deflate
        self.refused = False
        self.buffer = bytearray()
        self.frames = 0
        self.messages = 0
        self.data_bytes = 0
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.within = False
        #: The Close frame, and what was before it (the frame itself included).
        self.close: tuple[int, str] | None = None
        self.until_close: tuple[int, int, int, int, int] | None = None

    def take(self, data: bytes) -> None:
        """Read more of what was sent."""
        self.buffer += data
        if self.http:
            head, end, _ = self.buffer.partition(b"\r\n\r\n")
            if not end or self.refused:
                return
            if not self.masked and b" 101 " not in head.partition(b"\r\n")[0]:
                self.refused = True
                return
            self.http = False
            del self.buffer[: len(head) + 4]
        at = 0
        while (end_at := self._frame(self.buffer, at)) is not None:
            at = end_at
        if at:
            del self.buffer[:at]

    def _frame(self, data: bytearray, at: int) -> int | None:
        if len(data) < at + 2:
            return None
        first, second = data[at], data[at + 1]
        length = second & 127
        at += 2
        if length > 125:
            size = 2 if length == 126 else 8
            if len(data) < at + size:
                return None
            length = int.from_bytes(data[at : at + size], "big")
            assert length >= (126 if size == 2 else 65536), "a length longer than it needs to be"
            at += size
        masked = second >= 128
        assert masked == self.masked, "the wrong end masks"
        key_at = at
        at += 4 * masked
        if len(data) < at + length:
            return None
        self._judge(first, length)
        opcode = first & 15
        self.frames += 1
        if opcode < 8:
            self.within = first < 128
            self.messages += first >= 128
            self.data_bytes += length
            return at + length
        payload = bytes(data[at : at + length])
        if masked:
            payload = mask(payload, bytes(data[key_at:at]))
        if opcode == PING:
            self.pings.append(payload)
        elif opcode == PONG:
            self.pongs.append(payload)
        else:
            self.close = (
                int.from_bytes(payload[:2], "big") if payload else 1005,
                payload[2:].decode(),
            )
            self.until_close = self.counts()
        return at + length

    def _judge(self, first: int, length: int) -> None:
        opcode = first & 15
        assert opcode in (CONT, TEXT, BINARY, CLOSE, PING, PONG), "an opcode that is reserved"
        if opcode >= 8:
            assert first & 0xF0 == 0x80, "a control frame in fragments, or with reserved bits"
            assert length <= 125, "a control frame that is too long"
            assert opcode != CLOSE or self.close is None, "a second Close frame"
        else:
            assert self.close is None, "data behind a Close frame"
            assert (opcode == CONT) == self.within, "fragments out of order"
            bits = 0x40 if self.deflate and opcode != CONT else 0
            assert not first & 0x70 & ~bits, "reserved bits"

    def counts(self) -> tuple[int, int, int, int, int]:
        """Frames, messages, bytes of data, pings and pongs."""
        return self.frames, self.messages, self.data_bytes, len(self.pings), len(self.pongs)


__all__ = ["Wire"]
