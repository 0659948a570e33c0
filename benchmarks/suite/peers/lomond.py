"""lomond, which is a client, by its ``WebsocketStream`` and ``Frame``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.peers.base import Deflate, Engine, Peer, UnsupportedError, load
from suite.wire import Payload

RESPONSE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


class Lomond(Peer):
    name = "lomond"
    distribution = "lomond"
    note = "a client only"

    def __init__(self) -> None:
        self.stream = load("lomond.stream")
        self.frame = load("lomond.frame")
        self.opcode = load("lomond.opcode").Opcode

    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        if role != "client":
            raise UnsupportedError("it is a client")
        if deflate is not None:
            raise UnsupportedError("its deflate belongs to its session, which has sockets")
        stream = self.stream.WebsocketStream()
        list(stream.feed(RESPONSE))
        return LomondEngine(stream, self.frame.Frame.build, self.opcode)


class LomondEngine(Engine):
    def __init__(self, stream: Any, build: Any, opcode: Any) -> None:
        self.held = stream
        self.build = build
        self.text, self.binary = opcode.TEXT, opcode.BINARY

    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        feed = self.held.feed
        got = []
        for data in reads:
            for message in feed(data):
                if message.is_text:
                    got.append(message.text)
                elif message.is_binary:
                    got.append(message.data)
        return got

    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        build, text, binary = self.build, self.text, self.binary
        out = []
        for message in messages:
            if isinstance(message, str):
                out.append(build(text, message.encode()))
            else:
                out.append(build(binary, message))
        return out

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        feed, build, text, binary = self.held.feed, self.build, self.text, self.binary
        out = []
        for data in reads:
            for message in feed(data):
                if message.is_text:
                    out.append(build(text, message.text.encode()))
                elif message.is_binary:
                    out.append(build(binary, bytes(message.data)))
        return out
