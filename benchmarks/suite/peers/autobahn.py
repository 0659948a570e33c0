"""autobahn, by its protocol classes for asyncio with a stub for the transport.

``data_received`` would put each read in a queue for the event loop; ``_dataReceived`` is what
the loop then calls with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from suite.peers.base import Deflate, Engine, Peer, UnsupportedError, load
from suite.wire import Payload


class Autobahn(Peer):
    name = "autobahn"
    distribution = "autobahn"
    note = "gives text as checked bytes: its driver decodes"

    def __init__(self) -> None:
        self.websocket = load("autobahn.asyncio.websocket")
        self.loop = asyncio.new_event_loop()  # wanted, but never run
        self.loop.close()

    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        if deflate is not None:
            raise UnsupportedError("its deflate is made by its handshake, in an event loop")
        kind = role.title()
        factory = getattr(self.websocket, f"WebSocket{kind}Factory")(loop=self.loop)
        factory.protocol = getattr(self.websocket, f"WebSocket{kind}Protocol")
        factory.setProtocolOptions(openHandshakeTimeout=0, autoPingInterval=0)
        protocol = factory()
        transport = Transport()
        protocol.transport = transport
        # Past the handshake, which a client would begin to send.
        base = load("autobahn.websocket.protocol").WebSocketProtocol
        base._connectionMade(protocol)  # noqa: SLF001
        protocol.state = base.STATE_OPEN
        protocol.websocket_version = 13
        protocol.inside_message = False
        protocol.current_frame = None
        return AutobahnEngine(protocol, transport)


class Transport:
    """What is written is kept."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.write = self.written.append


class AutobahnEngine(Engine):
    def __init__(self, protocol: Any, transport: Transport) -> None:
        self.held = protocol
        self.written = transport.written
        self.got: list[Payload] | None = None
        protocol._onMessage = self._on_message  # noqa: SLF001

    def _on_message(self, payload: bytes, is_binary: bool) -> None:
        message = payload if is_binary else payload.decode()
        if self.got is not None:
            self.got.append(message)
        elif isinstance(message, str):
            self.held.sendMessage(message.encode(), False)
        else:
            self.held.sendMessage(message, True)

    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        feed = self.held._dataReceived  # noqa: SLF001
        got: list[Payload] = []
        self.got = got
        for data in reads:
            feed(data)
        return got

    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        send = self.held.sendMessage
        for message in messages:
            if isinstance(message, str):
                send(message.encode(), False)
            else:
                send(message, True)
        return self._written()

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        feed = self.held._dataReceived  # noqa: SLF001
        self.got = None
        for data in reads:
            feed(data)
        return self._written()

    def _written(self) -> list[bytes]:
        out = self.written[:]
        self.written.clear()
        return out
