"""picows, in Cython: its protocol object with a stub for the transport.

The stub says that it is TLS, because for plain TCP picows writes to the socket itself. Each
read is copied into picows' buffer, which in an event loop ``recv_into`` does: this costs it
one ``memcpy`` that the others are spared. It knows frames, not messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from suite.peers.base import REQUEST, Deflate, Engine, Peer, UnsupportedError, load
from suite.wire import Payload


class Picows(Peer):
    name = "picows"
    distribution = "picows"
    utf8 = "driver"
    note = "in C; gives frames, and no str: its driver decodes and joins; no deflate"

    def __init__(self) -> None:
        self.picows = load("picows")
        self.protocol = load("picows.picows").WSProtocol

    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        if deflate is not None:
            raise UnsupportedError("it has no permessage-deflate")
        if role == "client":
            raise UnsupportedError("its client needs a handshake with a key of its own making")
        return PicowsEngine(self.picows, asyncio.run(self._handshake()))

    async def _handshake(self) -> Any:
        listener = make_listener(self.picows)
        logger = logging.Logger("picows", logging.CRITICAL)
        protocol = self.protocol(
            None,
            None,
            False,
            lambda _: listener,
            logger,
            disconnect_on_exception=True,
            websocket_handshake_timeout=None,
            enable_auto_ping=False,
            auto_ping_idle_timeout=10,
            auto_ping_reply_timeout=10,
            auto_ping_strategy=self.picows.WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=True,
            max_frame_size=1 << 30,
            extra_headers=None,
            read_buffer_init_size=16 * 1024,
        )
        transport = Transport()
        protocol.connection_made(transport)
        feed(protocol, REQUEST)
        transport.written.clear()
        return protocol, listener, transport


class Transport:
    """What picows wants of a transport; writes are kept."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.write = self.written.append
        self.writelines = self.written.extend

    def get_extra_info(self, name: str) -> Any:
        return None if name.endswith("name") else self

    def get_write_buffer_size(self) -> int:
        return 0

    # Of the socket:

    def fileno(self) -> int:
        return -1

    def setsockopt(self, *args: int) -> None:
        pass

    def getsockopt(self, *args: int) -> int:
        return 0


def feed(protocol: Any, data: bytes) -> None:
    """What an event loop does with a read."""
    buffer = protocol.get_buffer(-1)
    size = min(len(buffer), len(data))
    buffer[:size] = data[:size]
    protocol.buffer_updated(size)
    if size < len(data):
        feed(protocol, data[size:])


def make_listener(picows: Any) -> Any:
    """A listener that keeps each message, or sends it back."""
    text, binary = picows.WSMsgType.TEXT, picows.WSMsgType.BINARY
    continuation = picows.WSMsgType.CONTINUATION

    class Listener(picows.WSListener):  # type: ignore[misc]
        got: list[Payload] | None = None
        opcode = None
        pieces: list[bytes]

        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            kind = frame.msg_type
            payload: Payload
            if kind == text and frame.fin:
                payload = frame.get_payload_as_utf8_text()
            elif kind == binary and frame.fin:
                payload = frame.get_payload_as_bytes()
            elif kind in (text, binary):
                self.opcode, self.pieces = kind, [frame.get_payload_as_bytes()]
                return
            elif kind == continuation:
                self.pieces.append(frame.get_payload_as_bytes())
                if not frame.fin:
                    return
                kind, payload = self.opcode, b"".join(self.pieces)
                if kind == text:
                    payload = payload.decode()
            else:
                return
            if self.got is None:
                transport.send(kind, payload)
            else:
                self.got.append(payload)

    return Listener()


class PicowsEngine(Engine):
    def __init__(self, picows: Any, connection: Any) -> None:
        self.held = connection
        self.text, self.binary = picows.WSMsgType.TEXT, picows.WSMsgType.BINARY

    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        protocol, listener, _ = self.held
        got: list[Payload] = []
        listener.got = got
        for data in reads:
            buffer = protocol.get_buffer(-1)
            if len(data) <= len(buffer):
                buffer[: len(data)] = data
                protocol.buffer_updated(len(data))
            else:
                feed(protocol, data)
        return got

    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        protocol, _, transport = self.held
        send, text, binary = protocol.transport.send, self.text, self.binary
        for message in messages:
            if isinstance(message, str):
                send(text, message)
            else:
                send(binary, message)
        return self._written(transport)

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        protocol, listener, transport = self.held
        listener.got = None
        for data in reads:
            buffer = protocol.get_buffer(-1)
            if len(data) <= len(buffer):
                buffer[: len(data)] = data
                protocol.buffer_updated(len(data))
            else:
                feed(protocol, data)
        return self._written(transport)

    def _written(self, transport: Any) -> list[bytes]:
        out = transport.written[:]
        transport.written.clear()
        return list(out)
