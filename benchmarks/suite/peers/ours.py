"""wsproto_core: what the suite is about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from suite.peers.base import REQUEST, Deflate, Engine, Peer, response_to
from suite.wire import Payload
from wsproto_core import Connection, ConnectionType, WSConnection
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    Event,
    Message,
    Request,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate

#: From here on an application does better to write header and payload apart (README, "Large
#: payloads"), as aiohttp does by itself from 16 KiB on.
LARGE = 64 * 1024

ROLES = {"server": ConnectionType.SERVER, "client": ConnectionType.CLIENT}


class Ours(Peer):
    name = "wsproto_core"
    distribution = "wsproto_core"
    note = "`Connection` with `whole_messages=True`; from 64 KiB on with `send_buffers()`"

    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        extensions = []
        if deflate is not None:
            extensions.append(self.extension(deflate))
            extensions[0].accept(PerMessageDeflate.name)
        return OurEngine(Connection(ROLES[role], extensions, whole_messages=True))

    def extension(self, deflate: Deflate) -> PerMessageDeflate:
        forget = not deflate.takeover
        make = partial(
            PerMessageDeflate, client_no_context_takeover=forget, server_no_context_takeover=forget
        )
        return make() if deflate.level is None else make(level=deflate.level)

    def handshake(self, role: str, deflate: Deflate | None = None) -> Any:
        connection = WSConnection(ROLES[role])
        extensions = [] if deflate is None else [self.extension(deflate)]
        if role == "client":
            request = Request(host="server.example.com", target="/chat", extensions=extensions)
            connection.receive_data(response_to(connection.send(request), deflate))
            for _ in connection.events():
                pass
        else:
            connection.receive_data(REQUEST)
            for _ in connection.events():
                connection.send(AcceptConnection(extensions=extensions))
        return connection

    def engine(self, connection: Any) -> Engine:
        return OurEngine(connection)


class OurEngine(Engine):
    def __init__(self, connection: Connection | WSConnection) -> None:
        self.held = connection

    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        connection = self.held
        got = []
        for data in reads:
            connection.receive_data(data)
            for event in connection.events():
                if isinstance(event, Message):
                    got.append(event.data)  # noqa: PERF401  # as an application loops
        return got

    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        if len(messages[0]) >= LARGE:
            return self._send_large(messages)
        send = self.held.send
        out = []
        for message in messages:
            event: Event
            event = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
            out.append(send(event))
        return out

    def _send_large(self, messages: Sequence[Payload]) -> list[bytes]:
        out: list[bytes] = []
        for message in messages:
            event: Event
            event = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
            out += self.held.send_buffers(event)
        return out

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        if len(reads[0]) >= LARGE:
            return self._echo_large(reads)
        connection = self.held
        out = []
        for data in reads:
            connection.receive_data(data)
            for event in connection.events():
                if isinstance(event, Message):
                    out.append(connection.send(event))  # noqa: PERF401  # as above
        return out

    def _echo_large(self, reads: Sequence[bytes]) -> list[bytes]:
        connection = self.held
        out: list[bytes] = []
        for data in reads:
            connection.receive_data(data)
            for event in connection.events():
                if isinstance(event, Message):
                    if len(event.data) >= LARGE:
                        out += connection.send_buffers(event)
                    else:
                        out.append(connection.send(event))
        return out
