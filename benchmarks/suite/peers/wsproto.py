"""wsproto, by the part of it that follows the handshake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.peers.base import REQUEST, Deflate, Engine, Peer, UnsupportedError, load, response_to
from suite.wire import Payload


class Wsproto(Peer):
    name = "wsproto"
    distribution = "wsproto"
    note = "gives a large message in pieces; its driver joins them"

    def __init__(self) -> None:
        self.wsproto = load("wsproto")
        self.events = load("wsproto.events")
        self.extensions = load("wsproto.extensions")

    def extension(self, deflate: Deflate) -> Any:
        if deflate.level not in (None, 6):
            raise UnsupportedError("its level is 6")
        return self.extensions.PerMessageDeflate(
            client_no_context_takeover=not deflate.takeover,
            server_no_context_takeover=not deflate.takeover,
        )

    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        connection_type = getattr(self.wsproto.ConnectionType, role.upper())
        extensions = []
        if deflate is not None:
            extensions.append(self.extension(deflate))
            extensions[0].accept("permessage-deflate")
        connection = self.wsproto.connection.Connection(connection_type, extensions)
        return WsprotoEngine(connection, self.events)

    def handshake(self, role: str, deflate: Deflate | None = None) -> Any:
        events = self.events
        connection = self.wsproto.WSConnection(getattr(self.wsproto.ConnectionType, role.upper()))
        extensions = [] if deflate is None else [self.extension(deflate)]
        if role == "client":
            request = events.Request("server.example.com", "/chat", extensions=extensions)
            connection.receive_data(response_to(connection.send(request), deflate))
            for _ in connection.events():
                pass
        else:
            connection.receive_data(REQUEST)
            for _ in connection.events():
                connection.send(events.AcceptConnection(extensions=extensions))
        return connection

    def engine(self, connection: Any) -> Engine:
        return WsprotoEngine(connection, self.events)


class WsprotoEngine(Engine):
    def __init__(self, connection: Any, events: Any) -> None:
        self.held = connection
        self.message = events.Message
        self.text = events.TextMessage
        self.binary = events.BytesMessage

    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        connection, message = self.held, self.message
        got = []
        pieces: list[Any] = []
        for data in reads:
            connection.receive_data(data)
            for event in connection.events():
                if isinstance(event, message):
                    if not event.message_finished:
                        pieces.append(event.data)
                    elif pieces:
                        pieces.append(event.data)
                        got.append(type(event.data)().join(pieces))
                        pieces = []
                    else:
                        got.append(event.data)
        return got

    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        send, text, binary = self.held.send, self.text, self.binary
        out = []
        for message in messages:
            if isinstance(message, str):
                out.append(send(text(message)))
            else:
                out.append(send(binary(message)))
        return out

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        connection, message = self.held, self.message
        out = []
        pieces: list[Any] = []
        for data in reads:
            connection.receive_data(data)
            for event in connection.events():
                if isinstance(event, message):
                    if not event.message_finished:
                        pieces.append(event.data)
                    elif pieces:
                        pieces.append(event.data)
                        whole = type(event.data)().join(pieces)
                        out.append(connection.send(type(event)(whole)))
                        pieces = []
                    else:
                        out.append(connection.send(event))
        return out
