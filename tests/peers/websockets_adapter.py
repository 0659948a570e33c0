"""websockets, its sans-I/O layer, for the conformance kit.

Owns ``ServerProtocol`` and ``ClientProtocol``, driven as the guide "Integrate the Sans-I/O
layer" of their documentation has it: after each ``receive_data`` the output is sent, then the
events are taken; a request is accepted; data frames are joined up to the one with FIN; the end
is where ``data_to_send`` gives an empty string. Pings and Close frames the layer answers by
itself.

There are two adapters. ``SansIOAdapter`` does what that guide says, and no more: payloads are
handed over as they are. ``AssemblingAdapter`` does besides what ``recv`` of
``websockets.asyncio`` does with the frames: it decodes text, fails the connection with 1007 if
that raises, and with 1009 behind ``MAX_FRAGMENTS`` fragments; and it sends nothing in any other
state than OPEN, as ``send`` and ``ping`` do. An application of the whole of websockets has the
second.
"""

from __future__ import annotations

import logging
from importlib.metadata import version

from websockets.asyncio.messages import MAX_FRAGMENTS
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidState, InvalidStatus, PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import CONT, DATA_OPCODES, TEXT, CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from wsproto_core.testing.actions import Action, SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.adapter import ActionRefused, Unsupported
from wsproto_core.testing.outcomes import (
    DEFAULT_LIMITS,
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Lost,
    Outcome,
    ReceiveLimits,
    Rejected,
)
from wsproto_core.testing.settings import Deflate, Open, Opening

#: Its own reports of what peers do wrong are of no use here.
QUIET = logging.getLogger("tests.peers.websockets")
QUIET.disabled = True


class SansIOAdapter:
    """``ServerProtocol`` and ``ClientProtocol`` alone."""

    name = "websockets (sans-I/O)"
    version = version("websockets")
    #: Whether messages are made of frames as ``websockets.asyncio`` does it.
    assembling = False

    def open(self, settings: Open) -> WebsocketsEndpoint:
        """A protocol that begins in the state OPEN."""
        max_size = size_limits(settings.limits)
        protocol: ServerProtocol | ClientProtocol
        if settings.role == "server":
            protocol = ServerProtocol(state=State.OPEN, max_size=max_size, logger=QUIET)
        else:
            protocol = ClientProtocol(
                parse_uri("ws://example.com/"), state=State.OPEN, max_size=max_size, logger=QUIET
            )
        if settings.deflate is not None:
            protocol.extensions = [agreed(settings.role, settings.deflate)]
        return WebsocketsEndpoint(protocol, assembling=self.assembling)

    def opening(self, settings: Opening) -> WebsocketsEndpoint:
        """A protocol that begins in the state CONNECTING."""
        protocols = [Subprotocol(name) for name in settings.subprotocols]
        if settings.role == "client":
            client = ClientProtocol(
                parse_uri(f"ws://{settings.host}{settings.target}"),
                subprotocols=protocols or None,
                extensions=[ClientPerMessageDeflateFactory()] if settings.deflate else None,
                logger=QUIET,
            )
            client.send_request(client.connect())
            return WebsocketsEndpoint(client, assembling=self.assembling)

        # By default it refuses clients that offer none of its subprotocols.
        def select(_: ServerProtocol, offered: object) -> Subprotocol | None:
            assert isinstance(offered, list | tuple)
            return next((name for name in protocols if name in offered), None)

        server = ServerProtocol(
            subprotocols=protocols or None,
            select_subprotocol=select if protocols else None,
            extensions=[ServerPerMessageDeflateFactory()] if settings.deflate else None,
            logger=QUIET,
        )
        return WebsocketsEndpoint(server, assembling=self.assembling)


class AssemblingAdapter(SansIOAdapter):
    """The same, with messages made of the frames as ``websockets.asyncio`` does it."""

    name = "websockets"
    assembling = True


def size_limits(limits: ReceiveLimits | None) -> tuple[int, int] | int:
    """``max_size``; without limits, its default."""
    if limits is None:
        return 2**20
    if limits.max_fragments != DEFAULT_LIMITS.max_fragments:
        raise Unsupported("websockets has no setting for the number of fragments")
    return limits.max_message_size, limits.max_frame_size


def agreed(role: str, deflate: Deflate) -> PerMessageDeflate:
    """The extension with these parameters, as its factories make it."""
    server = (deflate.server_no_context_takeover, deflate.server_max_window_bits)
    client = (deflate.client_no_context_takeover, deflate.client_max_window_bits)
    local, remote = (server, client) if role == "server" else (client, server)
    if local[1] == 8:
        raise Unsupported("websockets compresses with no windows of 8 bits")
    return PerMessageDeflate(
        remote_no_context_takeover=remote[0],
        local_no_context_takeover=local[0],
        remote_max_window_bits=remote[1],
        local_max_window_bits=local[1],
    )


class WebsocketsEndpoint:
    """A protocol, and an integration layer as their guide has it."""

    def __init__(self, protocol: ServerProtocol | ClientProtocol, *, assembling: bool) -> None:
        self.protocol = protocol
        self.assembling = assembling
        self.told: list[Outcome] = []
        self.sent = b""
        self.eof_sent = False
        self.over = False
        self.frames: list[Frame] = []
        self.write()

    def receive(self, data: bytes) -> None:
        """Data from the network."""
        self.protocol.receive_data(data)
        self.take()

    def receive_eof(self) -> None:
        """The end of the data stream."""
        self.protocol.receive_eof()
        self.take()

    def take(self) -> None:
        """Send data, receive events; then see whether that is the end."""
        self.write()
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.accept(event)
            elif isinstance(event, Response):
                self.opened(event)
            elif not self.over:
                self.react(event)
        self.look()
        self.write()

    def accept(self, request: Request) -> None:
        """Accepting it answers a bad one with an error by itself."""
        assert isinstance(self.protocol, ServerProtocol)
        self.protocol.send_response(self.protocol.accept(request))
        self.write()

    def opened(self, response: Response) -> None:
        """The client has its answer."""
        if self.protocol.handshake_exc is None:
            extensions = ",".join(extension.name for extension in self.protocol.extensions)
            self.told.append(Accepted(self.protocol.subprotocol, extensions))

    def react(self, frame: Frame) -> None:
        """What becomes of *frame*. Those that are to be answered have been."""
        match frame.opcode:
            case opcode if opcode in DATA_OPCODES:
                self.frames.append(frame)
                if self.assembling and len(self.frames) > MAX_FRAGMENTS:
                    self.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
                elif frame.fin:
                    self.message()
            case Opcode.PING:
                self.told.append(GotPing(bytes(frame.data)))
            case Opcode.PONG:
                self.told.append(GotPong(bytes(frame.data)))
            case Opcode.CLOSE:
                close = self.protocol.close_rcvd
                assert close is not None
                self.end(GotClose(close.code, close.reason.encode()))

    def message(self) -> None:
        """The last frame of a message is there."""
        frames, self.frames = self.frames, []
        assert frames[0].opcode is not CONT
        payload = b"".join(frame.data for frame in frames)
        text = frames[0].opcode is TEXT
        if self.assembling and text:
            try:
                payload.decode()
            except UnicodeDecodeError as exc:
                self.fail(CloseCode.INVALID_DATA, f"{exc.reason} at position {exc.start}")
                return
        self.told.append(GotMessage("text" if text else "binary", payload))

    def fail(self, code: CloseCode, reason: str) -> None:
        """As ``recv`` does where it cannot make a message."""
        self.protocol.fail(code, reason)
        self.end(Failed(code, reason))

    def look(self) -> None:
        """Its handshake may have failed, its parser stopped: both leave an exception behind."""
        if (exc := self.protocol.handshake_exc) is not None:
            if isinstance(exc, InvalidStatus):
                self.end(Rejected(exc.response.status_code))
            else:
                self.end(Failed(None, str(exc)))
        match self.protocol.parser_exc:
            case EOFError():
                self.end(Lost())
            case ProtocolError() as error:
                self.end(Failed(CloseCode.PROTOCOL_ERROR, str(error)))
            case UnicodeDecodeError() as error:
                self.end(Failed(CloseCode.INVALID_DATA, str(error)))
            case PayloadTooBig() as error:
                self.end(Failed(CloseCode.MESSAGE_TOO_BIG, str(error)))
            case Exception() as error:
                self.end(Failed(CloseCode.INTERNAL_ERROR, repr(error)))

    def end(self, outcome: Outcome) -> None:
        """The application is told once how it ended."""
        if not self.over:
            self.told.append(outcome)
            self.over = True

    def write(self) -> None:
        """Send what is to be sent; the empty string ends the write side."""
        for data in self.protocol.data_to_send():
            if data:
                self.sent += data
            else:
                self.eof_sent = True

    def send(self, action: Action) -> None:
        """Have the application send something."""
        protocol = self.protocol
        if self.assembling and protocol.state is not State.OPEN:
            raise ActionRefused(f"connection is {protocol.state.name.lower()}")
        try:
            match action:
                case SendMessage(kind, fragments):
                    first, *rest = fragments
                    send = protocol.send_text if kind == "text" else protocol.send_binary
                    send(first, fin=not rest)
                    for index, data in enumerate(rest, 1):
                        protocol.send_continuation(data, fin=index == len(rest))
                case SendPing(payload):
                    protocol.send_ping(payload)
                case SendPong(payload):
                    protocol.send_pong(payload)
                case SendClose(code, reason):
                    protocol.send_close(code, reason)
        except (ProtocolError, InvalidState) as refused:
            raise ActionRefused(str(refused)) from refused
        finally:
            self.write()

    def outcomes(self) -> list[Outcome]:
        """What the application has been told."""
        told, self.told = self.told, []
        return told

    def data_to_send(self) -> bytes:
        """What has been written."""
        sent, self.sent = self.sent, b""
        return sent

    def closed(self) -> bool:
        """Whether its side of the transport has ended, or is to be closed "after a short
        timeout", as the guide has it for clients: behind a Close frame or a failure, that is now.
        """
        if self.over and self.protocol.close_expected():
            return True
        return self.eof_sent or self.protocol.state is State.CLOSED
