"""ws4py, by its ``Stream``, which is fed as many bytes as it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.peers.base import Deflate, Engine, Peer, UnsupportedError, load
from suite.wire import Payload


class Ws4py(Peer):
    name = "ws4py"
    distribution = "ws4py"
    note = "masks byte by byte in Python"

    def __init__(self) -> None:
        self.streaming = load("ws4py.streaming")

    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        if deflate is not None:
            raise UnsupportedError("it has no permessage-deflate")
        client = role == "client"
        stream = self.streaming.Stream(always_mask=client, expect_masking=not client)
        return Ws4pyEngine(stream, client)


class Ws4pyEngine(Engine):
    def __init__(self, stream: Any, client: bool) -> None:
        self.held = stream
        self.client = client
        # How many bytes it wants next, and those that were too few.
        self.wanted = 2
        self.kept = b""

    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        stream = self.held
        got: list[Payload] = []
        for data in reads:
            got += [
                message.data if message.is_binary else str(message)
                for message in self._messages(stream, data)
            ]
        return got

    def _messages(self, stream: Any, data: bytes) -> list[Any]:
        """What its ``WebSocket.process`` does, with the reads cut as it would ask for them."""
        messages = []
        send, wanted, at = stream.parser.send, self.wanted, 0
        if self.kept:
            data, self.kept = self.kept + data, b""
        while at + wanted <= len(data):
            piece = data[at : at + wanted]
            at += wanted
            wanted = send(piece) or 2
            if stream.has_message:
                messages.append(stream.message)
                stream.message = None
        self.kept, self.wanted = data[at:], wanted
        return messages

    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        stream, client = self.held, self.client
        out = []
        for message in messages:
            if isinstance(message, str):
                out.append(stream.text_message(message).single(mask=client))
            else:
                out.append(stream.binary_message(message).single(mask=client))
        return out

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        stream, client = self.held, self.client
        out = []
        for data in reads:
            for message in self._messages(stream, data):
                if message.is_binary:
                    out.append(stream.binary_message(message.data).single(mask=client))
                else:
                    out.append(stream.text_message(str(message)).single(mask=client))
        return out
