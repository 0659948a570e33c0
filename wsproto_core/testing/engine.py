"""The adapter for this package's own engine; and the model for writing another.

``python -m wsproto_core.testing --adapter wsproto_core.testing.engine:EngineAdapter``
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .actions import Action, SendMessage, SendPing, SendPong
from .adapter import ActionRefused
from .outcomes import (
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Kind,
    Lost,
    Outcome,
    Rejected,
)
from .settings import Deflate, Open, Opening


class EngineAdapter:
    """``WSConnection`` and ``Connection``.

    :param package: the name of the package, for copies of it under other names.
    :param whole_messages: see ``Connection``.
    """

    def __init__(self, package: str = "wsproto_core", *, whole_messages: bool = False) -> None:
        self.package: Any = import_module(package)
        self.whole_messages = whole_messages
        self.name = package
        self.version = str(self.package.__version__)

    def open(self, settings: Open) -> EngineEndpoint:
        """A ``Connection``, as it is after the handshake."""
        package = self.package
        connection = package.Connection(
            self.role(settings.role),
            [] if settings.deflate is None else [self.agreed(settings.role, settings.deflate)],
            whole_messages=self.whole_messages,
            limits=self.limits(settings),
        )
        return EngineEndpoint(package, connection)

    def opening(self, settings: Opening) -> EngineEndpoint:
        """A ``WSConnection``."""
        connection = self.package.WSConnection(
            self.role(settings.role), whole_messages=self.whole_messages
        )
        return EngineEndpoint(self.package, connection, settings)

    def role(self, role: str) -> Any:
        """The package's word for *role*."""
        return self.package.ConnectionType[role.upper()]

    def limits(self, settings: Open | Opening) -> Any:
        """The package's ``Limits``: its own, unless the case has some."""
        if not isinstance(settings, Open) or settings.limits is None:
            return self.package.Limits()
        return self.package.Limits(
            max_message_size=settings.limits.max_message_size,
            max_frame_size=settings.limits.max_frame_size,
            max_fragments=settings.limits.max_fragments,
        )

    def agreed(self, role: str, deflate: Deflate) -> Any:
        """permessage-deflate, with just these parameters agreed on."""
        extension = self.package.extensions.PerMessageDeflate()
        if role == "client":
            extension.offer()
            extension.finalize(deflate.header())
            return extension
        # What a client says of its own direction are hints: here it is the server that wants it.
        extension = self.package.extensions.PerMessageDeflate(
            client_no_context_takeover=deflate.client_no_context_takeover,
            client_max_window_bits=deflate.client_max_window_bits,
        )
        response = extension.accept(deflate.header())
        assert response is not None
        return extension


class EngineEndpoint:
    """A connection, and an application that accepts, and answers what it has to."""

    def __init__(self, package: Any, connection: Any, opening: Opening | None = None) -> None:
        self.package = package
        self.events = package.events
        self.connection = connection
        self.opening = opening
        self.told: list[Outcome] = []
        self.sent = b""
        #: Of a message in progress.
        self.payload = bytearray()
        if opening is not None and opening.role == "client":
            self.sent += connection.send(
                self.events.Request(
                    host=opening.host,
                    target=opening.target,
                    subprotocols=list(opening.subprotocols),
                    extensions=self.extensions(),
                )
            )

    def extensions(self) -> list[Any]:
        """What to offer, or to accept."""
        assert self.opening is not None
        return [self.package.extensions.PerMessageDeflate()] if self.opening.deflate else []

    def receive(self, data: bytes) -> None:
        """Feed it, and react to the events."""
        self.feed(data)

    def receive_eof(self) -> None:
        """Feed it the end."""
        self.feed(None)

    def feed(self, data: bytes | None) -> None:
        """Take a read, or the end. Faults of an opening handshake are exceptions."""
        try:
            self.connection.receive_data(data)
        except self.package.RemoteProtocolError as error:
            self.told.append(Failed(None, str(error)))
            if error.event_hint is not None:
                self.reject(error.event_hint)
        for event in self.connection.events():
            self.react(event)

    def reject(self, hint: Any) -> None:
        """Answer a bad request as the package suggests, which is never with a body."""
        self.sent += self.connection.send(hint)

    def react(self, event: Any) -> None:
        """What an application does with *event*."""
        events = self.events
        match event:
            case events.Message():
                data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
                self.payload += data
                if event.message_finished:
                    text = isinstance(event, events.TextMessage)
                    kind: Kind = "text" if text else "binary"
                    self.told.append(GotMessage(kind, bytes(self.payload)))
                    self.payload.clear()
            case events.Ping():
                self.told.append(GotPing(bytes(event.payload)))
                self.pong(event)
            case events.Pong():
                self.told.append(GotPong(bytes(event.payload)))
            case events.CloseConnection():
                self.told.append(self.ending(event))
                self.answer(event)
            case events.Request():
                subprotocol = self.chosen(event.subprotocols)
                self.sent += self.connection.send(
                    events.AcceptConnection(subprotocol=subprotocol, extensions=self.extensions())
                )
            case events.AcceptConnection():
                agreed = ",".join(extension.name for extension in event.extensions)
                self.told.append(Accepted(event.subprotocol, agreed))
            case events.RejectConnection():
                self.told.append(Rejected(event.status_code))
            case _:
                # RejectData: the body of a refusal, which is nobody's business here.
                assert isinstance(event, events.RejectData)

    def pong(self, event: Any) -> None:
        """Answer a Ping, also behind our own Close frame (§5.5.2)."""
        self.sent += self.connection.send(event.response())

    def answer(self, event: Any) -> None:
        """Answer the peer's Close frame, or its fault, where our own is still to be sent."""
        if self.connection.state is self.package.ConnectionState.REMOTE_CLOSING:
            self.sent += self.connection.send(event.response())

    def chosen(self, offered: list[str]) -> str | None:
        """The first of the server's subprotocols that the client offers."""
        assert self.opening is not None
        return next((name for name in self.opening.subprotocols if name in offered), None)

    def ending(self, event: Any) -> Outcome:
        """What a CloseConnection says."""
        if event.error is not None:
            return Failed(event.code, str(event.error))
        if event.code == 1006:
            return Lost()
        return GotClose(event.code, (event.reason or "").encode())

    def send(self, action: Action) -> None:
        """Have the application send something."""
        try:
            for event in self.events_of(action):
                self.sent += self.connection.send(event)
        except self.package.LocalProtocolError as refused:
            raise ActionRefused(str(refused)) from refused

    def events_of(self, action: Action) -> list[Any]:
        """*action* in the package's own words."""
        events = self.events
        match action:
            case SendMessage(kind, fragments):
                make = events.TextMessage if kind == "text" else events.BytesMessage
                last = len(fragments) - 1
                return [
                    make(data.decode() if kind == "text" else data, message_finished=i == last)
                    for i, data in enumerate(fragments)
                ]
            case SendPing(payload):
                return [events.Ping(payload)]
            case SendPong(payload):
                return [events.Pong(payload)]
            case _:
                code = 1005 if action.code is None else action.code
                return [events.CloseConnection(code, action.reason)]

    def outcomes(self) -> list[Outcome]:
        """What the application has been told."""
        told, self.told = self.told, []
        return told

    def data_to_send(self) -> bytes:
        """What it has sent."""
        sent, self.sent = self.sent, b""
        return sent

    def closed(self) -> bool:
        """Whether the connection is over."""
        return bool(self.connection.state is self.package.ConnectionState.CLOSED)
