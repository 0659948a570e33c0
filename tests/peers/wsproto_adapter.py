"""wsproto as released, for the conformance kit.

Owns ``WSConnection`` (a case with a handshake) and ``Connection`` (a case behind one), driven
as wsproto's documentation has it: an event that has a ``response()`` is answered with it, a
``RemoteProtocolError`` of a server with its ``event_hint``, and the first ``CloseConnection``
is the end. It joins the parts of a message, as an application has to; it checks nothing.

wsproto says in the same words that the peer has closed and that it has itself found a fault;
only in the first case does its state move. In both its ``response()`` is sent, where it can be.
It has no limits of its own, so that cases which set some are skipped.
"""

from __future__ import annotations

from importlib.metadata import version

from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from wsproto_core.testing.actions import Action, SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.adapter import ActionRefused, Unsupported
from wsproto_core.testing.outcomes import (
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
    Role,
)
from wsproto_core.testing.settings import Deflate, Open, Opening


class WsprotoAdapter:
    """wsproto."""

    name = "wsproto"
    version = version("wsproto")

    def open(self, settings: Open) -> WsprotoEndpoint:
        """A ``Connection``."""
        if settings.limits is not None:
            raise Unsupported("wsproto has no limits")
        extensions = [] if settings.deflate is None else [agreed(settings.role, settings.deflate)]
        return WsprotoEndpoint(Connection(kind_of(settings.role), [*extensions]))

    def opening(self, settings: Opening) -> WsprotoEndpoint:
        """A ``WSConnection``."""
        return WsprotoEndpoint(WSConnection(kind_of(settings.role)), settings)


def kind_of(role: Role) -> ConnectionType:
    """The word that wsproto has for *role*."""
    return ConnectionType.CLIENT if role == "client" else ConnectionType.SERVER


def agreed(role: Role, deflate: Deflate) -> PerMessageDeflate:
    """The extension as it is once these parameters have been negotiated."""
    if 8 in (deflate.client_max_window_bits, deflate.server_max_window_bits):
        raise Unsupported("wsproto has no windows of 8 bits")
    extension = PerMessageDeflate()
    if role == "client":
        extension.offer()
        extension.finalize(deflate.header())
    else:
        extension.accept(deflate.header())
    return extension


class WsprotoEndpoint:
    """A connection, and the application of wsproto's documentation."""

    def __init__(
        self, connection: Connection | WSConnection, opening: Opening | None = None
    ) -> None:
        self.connection = connection
        self.opening = opening
        self.told: list[Outcome] = []
        self.sent = b""
        self.parts: list[bytes] = []
        self.over = False
        if opening is not None and opening.role == "client":
            self.sent += connection.send(
                Request(
                    host=opening.host,
                    target=opening.target,
                    subprotocols=list(opening.subprotocols),
                    extensions=self.extensions(opening),
                )
            )

    @staticmethod
    def extensions(opening: Opening) -> list[PerMessageDeflate]:
        """What to offer, or to accept."""
        return [PerMessageDeflate()] if opening.deflate else []

    def receive(self, data: bytes) -> None:
        """Feed it."""
        self.feed(data)

    def receive_eof(self) -> None:
        """None is wsproto's word for the end."""
        self.feed(None)

    def feed(self, data: bytes | None) -> None:
        """What the peer sends, or None; then what has come of it."""
        try:
            self.connection.receive_data(data)
        except RemoteProtocolError as error:
            self.told.append(Failed(None, str(error)))
            self.over = True
            if error.event_hint is not None and self.serving is not None:
                self.sent += self.connection.send(error.event_hint)
            return
        for event in self.connection.events():
            if self.over:
                break
            self.react(event)

    @property
    def serving(self) -> Opening | None:
        """How it began, if it is a server that is in its opening handshake."""
        opening = self.opening
        return opening if opening is not None and opening.role == "server" else None

    def react(self, event: Event) -> None:
        """What an application does with *event*."""
        match event:
            case TextMessage() | BytesMessage():
                data = event.data
                self.parts.append(data.encode() if isinstance(data, str) else bytes(data))
                if event.message_finished:
                    kind: Kind = "text" if isinstance(event, TextMessage) else "binary"
                    self.told.append(GotMessage(kind, b"".join(self.parts)))
                    self.parts.clear()
            case Ping():
                self.told.append(GotPing(bytes(event.payload)))
                self.answer(event)
            case Pong():
                self.told.append(GotPong(bytes(event.payload)))
            case CloseConnection():
                self.end(event)
            case Request():
                self.accept(event)
            case AcceptConnection():
                extensions = ",".join(extension.name for extension in event.extensions)
                self.told.append(Accepted(event.subprotocol, extensions))
            case RejectConnection():
                self.told.append(Rejected(event.status_code))
                self.over = True

    def answer(self, event: Ping | CloseConnection) -> None:
        """Send the response, if wsproto lets it be sent."""
        try:
            self.sent += self.connection.send(event.response())
        except LocalProtocolError:
            pass

    def accept(self, request: Request) -> None:
        """The first of the server's subprotocols that the client offers, and deflate."""
        assert self.opening is not None
        offered = request.subprotocols
        subprotocol = next((name for name in self.opening.subprotocols if name in offered), None)
        self.sent += self.connection.send(
            AcceptConnection(subprotocol=subprotocol, extensions=[*self.extensions(self.opening)])
        )

    def end(self, event: CloseConnection) -> None:
        """The peer has closed, or is at fault, or is gone."""
        state = self.connection.state
        self.over = True
        if event.code == CloseReason.ABNORMAL_CLOSURE:
            self.told.append(Lost())
            return
        if state in (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED):
            self.told.append(GotClose(int(event.code), (event.reason or "").encode()))
        else:
            self.told.append(Failed(int(event.code), event.reason or ""))
        self.answer(event)

    def send(self, action: Action) -> None:
        """Have the application send something."""
        try:
            for event in events_of(action):
                self.sent += self.connection.send(event)
        except (LocalProtocolError, ValueError) as refused:  # an argument that it checks
            raise ActionRefused(str(refused)) from refused

    def outcomes(self) -> list[Outcome]:
        """What the application has been told."""
        told, self.told = self.told, []
        return told

    def data_to_send(self) -> bytes:
        """What it has sent."""
        sent, self.sent = self.sent, b""
        return sent

    def closed(self) -> bool:
        """The application leaves its loop at the first CloseConnection."""
        return self.over or self.connection.state is ConnectionState.CLOSED


def events_of(action: Action) -> list[Event]:
    """*action* in wsproto's words."""
    match action:
        case SendMessage("text", fragments):
            last = len(fragments) - 1
            return [
                TextMessage(data=data.decode(), message_finished=index == last)
                for index, data in enumerate(fragments)
            ]
        case SendMessage(_, fragments):
            last = len(fragments) - 1
            return [
                BytesMessage(data=data, message_finished=index == last)
                for index, data in enumerate(fragments)
            ]
        case SendPing(payload):
            return [Ping(payload)]
        case SendPong(payload):
            return [Pong(payload)]
        case SendClose(code, reason):
            if code is None:
                return [CloseConnection(CloseReason.NO_STATUS_RCVD)]
            return [CloseConnection(code, reason)]
