"""Opening handshakes over HTTP/1.1, and the frames behind them (RFC 6455 §4).

Invariant: of any bytes only ``RemoteProtocolError`` is raised, and only before the connection
is open; a server's says what to answer, and that can be sent; the state is consistent; what is
given and raised is the same whole, bytewise and in any other pieces, in a ``WSConnection`` and
in an ``H11Handshake`` by itself, and with and without the short way of reading heads.

Input: flags, what the application answers, the limits, a way to cut; then the peer's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final
from unittest.mock import patch

from fuzz.endpoints import entropy
from fuzz.inputs import Source, cut, ways
from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
    WSConnection,
)
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.handshake import H11Handshake
from wsproto_core.typing import Headers

MAX_SIZE = 1536

_BEFORE: Final = (ConnectionState.CONNECTING, ConnectionState.REJECTING)


@dataclass(frozen=True)
class Setup:
    client: bool
    eof: bool
    #: Whether a request is answered as soon as it has come, or behind all that has come.
    at_once: bool
    deflate: bool
    final: bool
    #: 0 to accept, else to reject in one of several ways.
    answer: int
    limits: Limits

    @classmethod
    def read(cls, source: Source) -> Setup:
        flags, answer, limits = source.byte(), source.byte(), source.byte()
        at_once = bool(flags & 4)
        return cls(
            client=bool(flags & 1),
            eof=bool(flags & 2),
            at_once=at_once,
            deflate=bool(flags & 8),
            final=bool(flags & 16),
            answer=0 if answer < 128 else 1 + answer % 4,
            limits=Limits(
                max_message_size=1 << 16,
                max_header_size=(8192, 8192, 512, 100)[limits & 3],
                max_headers=(128, 128, 8, 3)[limits >> 2 & 3],
                # Little only where it is not a matter of when the answer was given.
                max_early_data=8192 if at_once else (8192, 8192, 100, 1)[limits >> 4 & 3],
            ),
        )


REQUEST: Final = Request(
    "a.example",
    "/chat",
    extensions=[PerMessageDeflate()],
    subprotocols=["chat", "superchat"],
)


class End:
    """One end, whose application answers by itself; and all that can be seen of it."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        kind = ConnectionType.CLIENT if setup.client else ConnectionType.SERVER
        self.end = WSConnection(kind, limits=setup.limits, entropy=entropy)
        self.end.handshake = H11Handshake(
            kind,
            limits=setup.limits,
            entropy=entropy,
            connection_factory=partial(Connection, limits=setup.limits, entropy=entropy),
            refusals_are_final=setup.final,
        )
        self.seen: list[object] = []
        self.request: Request | None = None
        self.failed = False
        self.body = b""
        self.message: str | bytes | None = None
        if setup.client:
            self.seen.append(self.end.send(REQUEST))

    def play(self, data: bytes, way: int) -> list[object]:
        for piece in cut(data, way):
            if self.end.state is ConnectionState.CLOSED:
                break
            self.receive(piece)
        if not self.setup.at_once:
            self.answer()
            self.take()
        if self.setup.eof and not self.ended:
            self.receive(None)
        self.seen.append(("body", self.body, "message", self.message, self.end.state))
        return self.seen

    @property
    def ended(self) -> bool:
        return self.end.connection is not None and self.end.state is ConnectionState.CLOSED

    @property
    def rejected(self) -> bool:
        return self.end.connection is None and self.end.state is ConnectionState.CLOSED

    def receive(self, data: bytes | None) -> None:
        before = self.end.state
        try:
            self.end.receive_data(data)
        except RemoteProtocolError as exc:
            assert before in _BEFORE, "a fault behind the handshake was raised"
            assert not self.failed, "a second fault"
            self.failed = True
            self.take()
            self.see_fault(exc, before)
            return
        self.take()

    def see_fault(self, exc: RemoteProtocolError, before: ConnectionState) -> None:
        text = str(exc)
        if self.end.state is not before and self.setup.client:
            # h11 quotes of a body what it has at hand.
            text = text.partition(":")[0]
        self.seen.append((type(exc), text, exc.event_hint, exc.request_line))
        if self.setup.client:
            assert exc.event_hint is None
            assert self.end.state is ConnectionState.CLOSED
        elif exc.event_hint is None:
            assert self.end.state is ConnectionState.CLOSED  # the transport has ended
        else:
            answer = self.end.send(exc.event_hint)
            assert answer.startswith(b"HTTP/1.1 4")
            self.seen.append(answer)
            assert self.end.state is ConnectionState.CLOSED

    def take(self) -> None:
        for event in self.end.events():
            self.see(event)

    def see(self, event: Event) -> None:
        match event:
            case Request():
                assert self.request is None
                self.request = event
                self.seen.append(event)
                if self.setup.at_once:
                    self.answer()
            case RejectData(data, finished):
                self.body += data
                if finished:
                    self.seen.append("the body has ended")
            case AcceptConnection():
                assert self.setup.client
                assert self.end.state is ConnectionState.OPEN
                self.seen.append(("accepted", event.subprotocol, event.extra_headers))
                self.seen.append(repr(event.extensions))
            case RejectConnection():
                self.seen.append(event)
            case TextMessage(data) | BytesMessage(data):
                assert isinstance(data, str | bytes)
                # Pieces are as they come.
                self.message = data if self.message is None else self.message + data  # type: ignore[operator]
                if event.message_finished:
                    self.seen.append(("message", self.message))
                    self.message = None
            case Ping() | Pong():
                self.seen.append(event)
            case CloseConnection(code, reason):
                self.message = None
                answer = b""
                if self.end.state is ConnectionState.REMOTE_CLOSING:
                    answer = self.end.send(event.response())
                    assert self.ended
                if event.error is not None and code == 1007:
                    # Of a compressed text that is wrong in two ways, either is noticed first.
                    reason, answer = None, answer[:0]
                self.seen.append(("closed", code, reason, event.error is None, answer))
            case _:
                raise AssertionError(f"no event of a connection: {event!r}")

    def answer(self) -> None:
        """Say what the application says to a request."""
        if self.request is None or self.failed or self.end.state is not ConnectionState.CONNECTING:
            return
        if self.setup.answer == 0:
            subprotocols = self.request.subprotocols
            self.seen.append(
                self.end.send(
                    AcceptConnection(
                        subprotocol=subprotocols[-1] if subprotocols else None,
                        extensions=[PerMessageDeflate()] if self.setup.deflate else [],
                    )
                )
            )
            assert self.end.connection is not None
            self.seen.append(self.end.send(TextMessage("welcome")))
            return
        headers: Headers = [(b"Content-Length", b"4")] if self.setup.answer == 2 else []
        body = self.setup.answer > 1
        self.seen.append(self.end.send(RejectConnection(403, headers, has_body=body)))
        if body:
            self.seen.append(self.end.send(RejectData(b"no", body_finished=False)))
            self.seen.append(self.end.send(RejectData(b"pe")))
        assert self.rejected


def _unread(_: bytes) -> None:
    """A head that is left to h11."""


def by_itself(setup: Setup, data: bytes) -> None:
    """An ``H11Handshake`` alone: its connection, if it comes to one, is open."""
    kind = ConnectionType.CLIENT if setup.client else ConnectionType.SERVER
    handshake = H11Handshake(kind, limits=setup.limits, entropy=entropy)
    if setup.client:
        handshake.send(REQUEST)
    try:
        handshake.receive_data(data)
    except RemoteProtocolError:
        assert handshake.connection is None
    events = list(handshake.events())
    assert not handshake.pending
    if any(isinstance(event, AcceptConnection) for event in events):
        assert handshake.connection is not None
        assert handshake.state is ConnectionState.OPEN
    else:
        assert handshake.connection is None
    # A request in place of the one that has come, or behind it.
    if not setup.client:
        try:
            handshake.initiate_upgrade_connection([(b"host", data[:20])], data[20:40])
        except (RemoteProtocolError, LocalProtocolError):
            return
        raise AssertionError("a request without an upgrade was taken")


def check(data: bytes) -> None:
    source = Source(data[:MAX_SIZE])
    setup = Setup.read(source)
    way = source.byte()
    stream = source.rest()
    whole = End(setup).play(stream, 0)
    for other in ways(stream, way):
        pieces = End(setup).play(stream, other)
        assert pieces == whole, f"whole {whole}, cut in way {other} {pieces}"
    with patch.multiple(
        "wsproto_core.handshake", read_request_head=_unread, read_switching_head=_unread
    ):
        by_h11 = End(setup).play(stream, 0)
    assert by_h11 == whole, f"by h11 {by_h11}, the short way {whole}"
    by_itself(setup, stream)
