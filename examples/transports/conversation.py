"""A session, and what those who use it wait for; without I/O, for any transport.

A program wants things in its own order: the answer to its request, the next message, a pong,
to send when there is room, the end. A :class:`Conversation` keeps what has arrived until it is
asked for, in bounds: once a few messages wait, it takes no more events, the session says
``reading_paused``, and so the peer is slowed down.

Each question here (:meth:`Conversation.opened`, :meth:`~Conversation.next_message`, ...) gives
the answer, or None for "not yet", or raises :exc:`ConnectionClosed`. So waiting is the same on
every transport: ask; if it is None, wait until something has happened; ask again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast
from urllib.parse import urlsplit

from wsproto_core import (
    ConnectionState,
    EndCause,
    Session,
    SessionConfig,
    SessionEnded,
    TransportAction,
)
from wsproto_core import events as ev
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.frame_protocol import CloseReason

logger = logging.getLogger(__name__)

CONFIG = SessionConfig()
QUEUE = 16  # messages that may wait for who has not asked for them
LOST = SessionEnded(CloseReason.ABNORMAL_CLOSURE, "", EndCause.LOST)
MAX_BODY = 64 * 1024  # bytes of a refusal, from which no more is kept

Data = str | bytes
#: What a server answers: a refusal may have a body.
Answer = ev.AcceptConnection | ev.RejectConnection | tuple[ev.RejectConnection, bytes]
#: Decides about a request. May raise: that is answered with status 500.
Accept = Callable[[ev.Request], Answer]


class ConnectionClosed(Exception):
    """The connection is over; ``end`` says how."""

    def __init__(self, end: SessionEnded) -> None:
        super().__init__(f"{end.code} {end.reason or end.error or end.cause.value}")
        self.end = end


class Refused(ConnectionClosed):
    """The server has refused the connection, with a response of HTTP."""

    def __init__(self, end: SessionEnded, response: ev.RejectConnection, body: bytes) -> None:
        super().__init__(end)
        self.args = (f"refused with status {response.status_code}",)
        self.response, self.body = response, body


@dataclass
class SentPing:
    """A ping that awaits its pong: ``seconds`` is how long that took."""

    payload: bytes
    sent_at: float
    seconds: float | None = None


def accept(request: ev.Request) -> Answer:  # noqa: ARG001  # others look at it
    """Let everybody in, with compression if they offer it."""
    return ev.AcceptConnection(extensions=[PerMessageDeflate()])


class Conversation:
    """A session's events, kept until they are asked for.

    :param clock: the time in seconds, as the transport's loop has it.
    :param accept: a server's decision about requests.
    """

    request: ev.Request | None = None
    response: ev.AcceptConnection | ev.RejectConnection | None = None
    end: SessionEnded | None = None
    #: Whether events were left with the session, because as many messages wait as may.
    held = False
    #: Whether somebody is between the fragments of a message.
    fragmenting = False

    def __init__(
        self, session: Session, clock: Callable[[], float], accept: Accept = accept
    ) -> None:
        self.session, self.clock, self.accept = session, clock, accept
        self.body = bytearray()  # of a refusal
        self._messages: deque[Data] = deque()
        self._pings: deque[SentPing] = deque()
        self._ping_number = 0
        self._closing = False

    # What happens

    def take_events(self) -> None:
        """Take what the session gives; call it after whatever the session was told."""
        self.held = len(self._messages) >= QUEUE
        if self.held:
            return
        for event in self.session.events():
            match event:
                case ev.TextMessage() | ev.BytesMessage():
                    if not self._closing:  # nobody waits for it then
                        self._messages.append(cast("Data", event.data))
                        if len(self._messages) >= QUEUE:
                            self.held = True
                            return
                case ev.Request():
                    self.request = event
                    self._answer(event)
                case ev.AcceptConnection() | ev.RejectConnection():
                    self.response = event
                case ev.RejectData() if len(self.body) < MAX_BODY:
                    self.body += event.data
                case ev.Pong():
                    self._take_pong(event.payload)
                case SessionEnded():
                    self.end = event

    def _answer(self, request: ev.Request) -> None:
        try:
            self._send_answer(self.accept(request))
        except Exception:
            logger.exception("%r was not answered", request)
            if self.session.state is ConnectionState.CONNECTING:
                self._send_answer(ev.RejectConnection(500))

    def _send_answer(self, answer: Answer) -> None:
        response, body = answer if isinstance(answer, tuple) else (answer, b"")
        if isinstance(response, ev.RejectConnection):
            response.has_body = bool(body)
        self.session.send(response, self.clock())
        if body:
            self.session.send(ev.RejectData(body), self.clock())
        self.response = response

    def _take_pong(self, payload: bytes | bytearray) -> None:
        # It answers the pings before its own too (RFC 6455 §5.5.3).
        if any(ping.payload == payload for ping in self._pings):
            while True:
                ping = self._pings.popleft()
                ping.seconds = self.clock() - ping.sent_at
                if ping.payload == payload:
                    break

    # What is asked

    def opened(self) -> Literal[True] | None:
        """Whether the server has accepted. Raises :exc:`Refused` if it has not."""
        if isinstance(self.response, ev.AcceptConnection):
            return True
        if self.end is not None:
            if self.response is not None:
                raise Refused(self.end, self.response, bytes(self.body))
            raise ConnectionClosed(self.end)
        return None

    def next_message(self) -> Data | None:
        """The oldest message that nobody has taken. Call :meth:`take_events` if then
        :attr:`held`.
        """
        if self._messages:
            return self._messages.popleft()
        self._check_end()
        return None

    def may_send(self, *, further: bool = False) -> Literal[True] | None:
        """Whether there is room to send, and nobody else is within a message.

        :param further: for a further fragment of the message that the caller is within.
        """
        self._check_transport()
        return (self.session.writable and (further or not self.fragmenting)) or None

    def pong(self, ping: SentPing) -> float | None:
        """How long the answer to *ping* took, in seconds."""
        if ping.seconds is None:
            self._check_transport()
        return ping.seconds

    def _check_end(self) -> None:
        if self.end is not None:
            raise ConnectionClosed(self.end)

    def _check_transport(self) -> None:
        self._check_end()
        if self.session.transport is TransportAction.ABORT:  # ``end`` is behind the messages
            raise ConnectionClosed(LOST)

    # What is done

    def send(self, data: Data, *, finished: bool = True) -> None:
        """Send a message, or a fragment of one, once :meth:`may_send`."""
        self.session.send(ev.Message(data, message_finished=finished), self.clock())
        self.fragmenting = not finished

    def ping(self) -> SentPing:
        """Send a ping, once :meth:`may_send`."""
        self._ping_number += 1
        ping = SentPing(self._ping_number.to_bytes(4), self.clock())
        self.session.send(ev.Ping(ping.payload), ping.sent_at)
        self._pings.append(ping)
        return ping

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start the closing handshake, if nobody has. What nobody has received is dropped,
        unless it is over already.
        """
        if self.end is None:
            self._closing = True
            self._messages.clear()
        self.session.close(self.clock(), code, reason)


class Facts:
    """What a connection that a program has in hand tells without waiting."""

    conversation: Conversation

    @property
    def session(self) -> Session:
        return self.conversation.session

    @property
    def request(self) -> ev.Request | None:
        """Server: what the client has asked for."""
        return self.conversation.request

    @property
    def response(self) -> ev.AcceptConnection | ev.RejectConnection | None:
        """What the server has answered."""
        return self.conversation.response

    @property
    def subprotocol(self) -> str | None:
        return getattr(self.response, "subprotocol", None)

    @property
    def end(self) -> SessionEnded | None:
        """How the connection has ended; None before."""
        return self.conversation.end


class Address(NamedTuple):
    """Where a ws or wss URL points (RFC 6455 §3)."""

    secure: bool
    host: str
    port: int
    authority: str
    target: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises :exc:`ValueError` for what is no such URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.fragment:
            raise ValueError(f"not a ws:// or wss:// URL: {url!r}")
        secure = parts.scheme == "wss"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        authority = parts.netloc.rpartition("@")[2]
        return cls(secure, parts.hostname, parts.port or (443 if secure else 80), authority, target)

    def request(
        self,
        *,
        subprotocols: Sequence[str] = (),
        headers: Iterable[tuple[bytes, bytes]] = (),
        compress: bool = True,
    ) -> ev.Request:
        """A client's request to open a connection to here."""
        return ev.Request(
            host=self.authority,
            target=self.target,
            extensions=[PerMessageDeflate()] if compress else [],
            subprotocols=list(subprotocols),
            extra_headers=list(headers),
        )
