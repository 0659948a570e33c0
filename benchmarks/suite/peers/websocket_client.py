"""websocket-client, by its frame buffer, whose ``recv`` is given the reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.peers.base import Deflate, Engine, Peer, UnsupportedError, load
from suite.wire import Payload


class WebsocketClient(Peer):
    name = "websocket-client"
    distribution = "websocket-client"
    note = "a client only; no deflate"

    def __init__(self) -> None:
        self.abnf = load("websocket._abnf")

    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        if role != "client":
            raise UnsupportedError("it is a client")
        if deflate is not None:
            raise UnsupportedError("it has no permessage-deflate")
        return WebsocketClientEngine(self.abnf)


class NothingLeftError(Exception):
    """The reads are used up; the frame buffer can be asked again later."""


class WebsocketClientEngine(Engine):
    def __init__(self, abnf: Any) -> None:
        self.abnf = abnf.ABNF
        self.waiting: bytes = b""
        self.at = 0
        frames = abnf.frame_buffer(self._recv, skip_utf8_validation=False)
        messages = abnf.continuous_frame(fire_cont_frame=False, skip_utf8_validation=False)
        self.held = frames, messages

    def _recv(self, size: int) -> bytes:
        """What a socket's ``recv`` would."""
        start = self.at
        if start >= len(self.waiting):
            raise NothingLeftError
        self.at = start + size
        return self.waiting[start : self.at]

    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        got: list[Payload] = []
        for data in reads:
            got += self._messages(data)
        return got

    def _messages(self, data: bytes) -> list[Payload]:
        """What its ``recv()`` does."""
        frames, messages = self.held
        text, binary, continuation = (
            self.abnf.OPCODE_TEXT,
            self.abnf.OPCODE_BINARY,
            self.abnf.OPCODE_CONT,
        )
        self.waiting, self.at = data, 0
        got: list[Payload] = []
        try:
            while True:
                frame = frames.recv_frame()
                if frame.opcode in (text, binary, continuation):
                    messages.validate(frame)
                    messages.add(frame)
                    if messages.is_fire(frame):
                        opcode, frame = messages.extract(frame)
                        got.append(frame.data.decode() if opcode == text else frame.data)
        except NothingLeftError:
            return got

    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        create = self.abnf.create_frame
        text, binary = self.abnf.OPCODE_TEXT, self.abnf.OPCODE_BINARY
        return [
            create(message, text if isinstance(message, str) else binary).format()
            for message in messages
        ]

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        out: list[bytes] = []
        for data in reads:
            out += self.send(self._messages(data))
        return out
