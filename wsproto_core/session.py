"""A session: one end of a connection with its whole policy, and time as an argument.

What every embedder writes around a protocol core: the opening handshake's refusals and
deadline, pongs, the closing handshake from either side, heartbeats, time limits, rate
limits, back-pressure, what to do with the transport, and what to tell the application
in the end. All of it without I/O and without a clock: each call that happens at a time
is told it as ``now``, and :attr:`Session.deadline` says when to call next.

The contract, for every transport:

1. What it reads, pass to :meth:`Session.receive_data`; at its end, None. When
   :attr:`Session.deadline` has passed, call :meth:`Session.handle_timer`; when the
   transport is gone, :meth:`Session.transport_lost`.
2. After each call take :meth:`Session.events`, and act on them.
3. Write :meth:`Session.data_to_send`, then do what :attr:`Session.transport` says.

Nothing that a peer sends raises. Misuse raises :exc:`~wsproto_core.LocalProtocolError`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from math import inf
from os import urandom
from typing import Final, Self

from .connection import Connection
from .errors import LocalProtocolError
from .events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    TextMessage,
)
from .extension_api import Extension
from .handshake import H11Handshake
from .masking import EntropySource
from .prepared import PreparedMessage
from .session_config import DEFAULT_CONFIG, RateLimit, SessionConfig
from .session_events import EndCause, SessionEnded, SessionStatistics, Side, TransportAction
from .session_output import LONG, VERY_LONG
from .session_policy import SessionPolicy
from .states import ConnectionState, ConnectionType
from .timing import Timer
from .words import CloseReason

_OPEN: Final = ConnectionState.OPEN


class Session(SessionPolicy):
    """One end of a WebSocket connection, from its handshake to the end of its transport.

    Its calls, in groups:

    * what happens: :meth:`receive_data`, :meth:`handle_timer`, :meth:`receive_request`,
      :meth:`transport_lost`;
    * what the application wants: :meth:`send`, :meth:`close`, :meth:`abort`;
    * what comes of it: :meth:`events`, :meth:`data_to_send`, :attr:`transport`,
      :attr:`deadline`, :attr:`reading_paused`;
    * how it stands: :attr:`state`, :attr:`writable`, :attr:`latency`, :attr:`extensions`,
      :attr:`ended`, :meth:`statistics`.

    :param connection_type: which end.
    :param now: the time, in seconds, by any clock that never goes back. Every call with
        ``now`` raises :exc:`~wsproto_core.LocalProtocolError`, and does nothing, for a
        time before that of the last, and for one that is no finite number.
    :param config: the policy.
    :param entropy: a client's source of its nonce and masking keys (RFC 6455 §4.1, §5.3):
        ``entropy(n)`` gives *n* unpredictable bytes.
    """

    __slots__ = ()

    def __init__(
        self,
        connection_type: ConnectionType,
        *,
        now: float,
        config: SessionConfig = DEFAULT_CONFIG,
        entropy: EntropySource = urandom,
    ) -> None:
        self._begin(connection_type is ConnectionType.CLIENT, now, config)
        self._handshake = H11Handshake(
            connection_type,
            limits=config.limits,
            entropy=entropy,
            connection_factory=partial(config.make_connection, entropy=entropy),
            refusals_are_final=True,
        )
        self._arm(Timer.HANDSHAKE, config.handshake_timeout)

    @classmethod
    def over(
        cls, connection: Connection, *, now: float, config: SessionConfig = DEFAULT_CONFIG
    ) -> Self:
        """A session over a connection whose opening handshake was done elsewhere: HTTP/2,
        HTTP/3, or a server that writes its own HTTP.

        :param connection: open, and not used otherwise from now on. That ``config``'s
            limits be in it, have ``config.make_connection`` make it.

        Raises :exc:`~wsproto_core.LocalProtocolError` for a connection that is not open, or
        within a message that it sends.
        """
        if connection.state is not _OPEN:
            raise LocalProtocolError(f"a session begins in state OPEN, not {connection.state.name}")
        if connection.writer.fragmenting:
            raise LocalProtocolError("a session begins between messages")
        session = cls.__new__(cls)
        # Its own: not from outside.
        session._begin(connection.client, now, config)  # noqa: SLF001
        session._open(connection)  # noqa: SLF001
        return session

    def __repr__(self) -> str:
        return f"<{type(self).__name__} client={self.client} state={self.state}>"

    # How it stands

    @property
    def now(self) -> float:
        """The last time that it was told."""
        return self._now

    @property
    def extensions(self) -> tuple[Extension, ...]:
        """The extensions in use, as :attr:`Connection.extensions
        <wsproto_core.connection.Connection.extensions>`; none before the opening.
        """
        return () if self._connection is None else self._connection.extensions

    @property
    def latency(self) -> float | None:
        """Seconds from the last heartbeat to its pong; None before the first."""
        return None if self._heartbeat is None else self._heartbeat.latency

    @property
    def writable(self) -> bool:
        """Whether the application should send: the connection is open, and the output has
        not reached ``high_water``, or has fallen to ``low_water`` since. To send all the
        same is allowed, up to ``max_output``.
        """
        return self.state is _OPEN and not self._congested

    @property
    def reading_paused(self) -> bool:
        """Whether the transport should not be read from now: events wait to be taken, a
        rate is exceeded, or, in a server, the output has reached ``high_water``.
        """
        return self._reading is not None and (
            self.paused()
            or self._reading.unread >= self.config.read_high_water
            or (self._congested and self.config.congestion_pauses_reading and not self.client)
        )

    @property
    def deadline(self) -> float | None:
        """When to call :meth:`handle_timer` at the latest; None if never. It moves with
        the life of the connection, and with a rate that pauses it, but not with its
        traffic, so that it may prove early.
        """
        return self._timers.next

    @property
    def transport(self) -> TransportAction:
        """What to do with the transport, once the output so far has been written."""
        if self._transport is TransportAction.ABORT:
            return TransportAction.ABORT
        if self.ended is None or self.output_pending:
            return TransportAction.KEEP
        return TransportAction.CLOSE if self._eof else self._transport

    def statistics(self) -> SessionStatistics:
        """A snapshot of the counters: cheap, and independent of later changes."""
        frames_read = frame_bytes_read = bytes_read = saved = unfinished = 0
        if self._connection is not None:
            reader, writer = self._connection.reader, self._connection.writer
            frames_read, frame_bytes_read = reader.frames_read, reader.frame_bytes
            bytes_read = reader.message_bytes
            saved, unfinished = writer.saved_bytes, writer.unfinished_frames
        # Of messages that were given at once, the frames behind their length: without the
        # masking keys they are payload.
        fast = self.fast_bytes - (0 if self.client else 4 * self.fast_messages)
        frames = self._message_frames
        headers = (6 if self.client else 2) * frames + self._long_headers
        sent = self._added - self._other_bytes - headers
        controls = self._pings_sent + self._pongs_sent + (self._close_sent is not None)
        return SessionStatistics(
            state=self.state,
            started_at=self._started_at,
            opened_at=self._opened_at,
            ended_at=self._ended_at,
            received_at=self._heard_at,
            latency=self.latency,
            wire_bytes_received=self._wire_received,
            wire_bytes_sent=self._taken,
            frames_received=self.fast_messages + frames_read,
            frames_sent=frames + controls,
            messages_received=self.fast_messages + self._messages_taken,
            messages_sent=frames - unfinished,
            payload_bytes_received=fast + bytes_read,
            payload_bytes_sent=sent + saved,
            frame_bytes_received=fast + frame_bytes_read,
            frame_bytes_sent=sent,
            pings_received=self._pings_received,
            pings_sent=self._pings_sent,
            pongs_received=self._pongs_received,
            pongs_sent=self._pongs_sent,
            output_pending=self.output_pending,
            input_pending=0 if self._reading is None else self._reading.unread,
        )

    # What happens

    def receive_data(self, data: bytes | None, now: float) -> None:
        """Take bytes that the transport has read, or None (or none) for its end.

        Take :meth:`events` afterwards. What comes when nothing is expected any more is
        ignored.
        """
        if not self._now <= now < inf:
            raise self._bad_time(now)
        self._now = now
        feeding = self._feeding
        if feeding is None or type(data) is not bytes or not data or feeding.input:
            self._receive_otherwise(data)
            return
        # What feeding.receive_data(data) does, without the call.
        feeding.input = data
        self._heard_at = now
        self._wire_received += len(data)

    def transport_lost(self, now: float) -> None:
        """The transport is gone, both ways. What has been received can still be taken as
        events, with the last one behind it; nothing else is waited for. What is sent before that
        one has been taken is dropped.
        """
        self._set_time(now)
        self._lose(None)

    def receive_request(
        self,
        headers: Iterable[tuple[bytes | str, bytes | str]],
        target: bytes | str,
        now: float,
        *,
        method: bytes = b"GET",
        http_version: bytes = b"1.1",
    ) -> None:
        """Server: take a request that an HTTP server has parsed already.

        :param headers: the request's fields; those of type str are taken as Latin-1.
        :param target: its target. Characters that a target cannot have, as in ASGI's
            decoded path, are percent-encoded.

        A bad request is refused, as if it had come in bytes; one that comes after the end
        is ignored. Raises
        :exc:`~wsproto_core.LocalProtocolError` in a client and for a second request.
        """
        self._at_time(now, partial(self._receive_request, headers, target, method, http_version))

    def _receive_request(
        self,
        headers: Iterable[tuple[bytes | str, bytes | str]],
        target: bytes | str,
        method: bytes,
        http_version: bytes,
    ) -> None:
        if self.ended is not None:
            return
        handshake = self._handshake
        if handshake is None:
            raise LocalProtocolError("the opening handshake is over")
        take = handshake.initiate_upgrade_connection
        self._advance(
            handshake, partial(take, headers, target, method=method, http_version=http_version)
        )

    def handle_timer(self, now: float) -> None:
        """Do what is due at *now*: nothing, if nothing is, as when a timer has fired early:
        then set it again, for :attr:`deadline`, which is the same still.

        Take :meth:`events` afterwards, and :meth:`data_to_send`.
        """
        self._set_time(now)
        if self.deadline is None or now < self.deadline:
            return
        for timer in self._timers.due(now):
            if self._timers.disarm(timer):
                self._HANDLERS[timer](self)

    # What the application wants

    def send(self, event: Event, now: float, *, compress: bool | None = None) -> None:
        """Queue the bytes for *event*; :meth:`data_to_send` gives them.

        :param event: in the opening handshake, a client's ``Request``, a server's
            ``AcceptConnection`` or ``RejectConnection`` and its ``RejectData``; then
            messages and their fragments, ``PreparedMessage``, ``Ping``, ``Pong``,
            ``CloseConnection``.
        :param compress: for a message; see :meth:`Connection.send
            <wsproto_core.connection.Connection.send>`.

        Raises :exc:`~wsproto_core.LocalProtocolError`, and changes nothing, if the state
        does not allow the event (see :attr:`state`, and :meth:`try_send`) or the protocol
        does not allow its content. More than ``max_output`` raises nothing, but is the
        end: take :meth:`events` afterwards.
        """
        if not self._now <= now < inf:
            raise self._bad_time(now)
        kind = type(event)
        connection = self._connection
        if connection is None or (
            kind is not TextMessage and kind is not BytesMessage and kind is not PreparedMessage
        ):
            self._at_time(now, partial(self._send_otherwise, event, compress))
            return
        # Passed on by name only if it is given: that costs.
        data = (
            connection.send(event)
            if compress is None
            else connection.send(event, compress=compress)
        )
        size = len(data)
        self._now = now
        self._message_frames += 1
        if size >= self._long:
            self._long_headers += 2 if size < VERY_LONG else 8
        self._active_at = now
        if self._first:
            self._more.append(data)
            self._mixed = True
        else:
            self._first = data
        self._added = added = self._added + size
        if added >= self._safe_until:
            self._look_at_output()

    def try_send(self, event: Event, now: float, *, compress: bool | None = None) -> bool:
        """Send what may come too late: as :meth:`send`, but nothing once the connection is
        closing or has ended. A peer can close at any time, which is no mistake of who sends.

        Returns whether it was sent.
        """
        closing = self._connection is not None and self.state is not _OPEN
        answer = self.state is ConnectionState.REMOTE_CLOSING and isinstance(event, CloseConnection)
        if self.ended is not None or (closing and not answer):
            self._set_time(now)
            return False
        self.send(event, now, compress=compress)
        return True

    def _send_otherwise(self, event: Event, compress: bool | None) -> None:
        """Send what is no ordinary message."""
        connection = self._connection
        if self.ended is not None:
            raise LocalProtocolError(f"cannot send {type(event).__name__} in state CLOSED")
        if connection is None:
            self._send_handshake(event)
        elif isinstance(event, CloseConnection):
            self._send_close(event)
        elif isinstance(event, Message):
            kind = TextMessage if isinstance(event.data, str) else BytesMessage
            message = kind(event.data, True, event.message_finished)
            Session.send(self, message, self._now, compress=compress)
        else:
            self._put(connection.send(event))
            if isinstance(event, Ping):
                self._pings_sent += 1
            else:
                self._pongs_sent += 1
            self._look_at_output()

    @property
    def fragmenting(self) -> bool:
        """Whether a message has been begun by a fragment, and not been ended."""
        return self._connection is not None and self._connection.writer.fragmenting

    @property
    def takes_plain_frames(self) -> bool:
        """Whether a message's frame is the same as in other sessions of which this is true:
        those of servers without compression. For groups.
        """
        return (
            self._connection is not None
            and self._connection.sends_plain
            and self.config.idle_timeout is None
        )

    @staticmethod
    def send_plain_frame(sessions: Collection[Session], frame: bytes) -> list[Session]:
        """Send a message's frame to sessions that all ``takes_plain_frames``: what
        :meth:`send` does for each, in a fifth of the time. For groups.

        Returns those to whom it was not sent, because that takes a closer look.
        """
        left_over = []
        size = len(frame)
        long_headers = 0 if size < LONG else 2 if size < VERY_LONG else 8
        for self in sessions:
            reading = self._reading
            added = self._added + size
            if reading is None or not reading.sends_alone or added >= self._safe_until:
                left_over.append(self)
                continue
            if self._first:
                self._more.append(frame)
                self._mixed = True
            else:
                self._first = frame
            self._message_frames += 1
            self._added = added
            if long_headers:
                self._long_headers += long_headers
        return left_over

    def close(self, now: float, code: int = CloseReason.NORMAL_CLOSURE, reason: str = "") -> None:
        """Close the connection, if it is not closing already: start the closing handshake
        (RFC 6455 §7.1.2), or answer the peer's where ``answer_close`` is off.

        Before it is open, a server refuses the request with 503, and a client gives up.
        Raises :exc:`~wsproto_core.LocalProtocolError` for a code that no Close frame may
        carry.
        """
        self._at_time(now, partial(self._close, code, reason))

    def _close(self, code: int, reason: str) -> None:
        if self.ended is not None:
            return
        if self._connection is None:
            if self._requested and self.state is ConnectionState.CONNECTING:
                self._send_handshake(RejectConnection(503))
            else:
                self._drop(EndCause.ABORTED, None)
        elif self.state is not ConnectionState.LOCAL_CLOSING:
            self._send_close(CloseConnection(code, reason))

    def abort(self, now: float) -> None:
        """Drop the connection at once: no Close frame, and whatever has not been taken, of
        what was received and of output, is discarded. A session that has ended only drops
        its transport.
        """
        self._set_time(now)
        if self.ended is not None:
            self._abort_transport()
            return
        self._queue = None
        if self._connection is not None:
            self._connection.forget_injected()
        self._drop(EndCause.ABORTED, None)

    # What comes of it

    def events(self) -> Iterator[Event]:
        """Give the events that have arrived, in order; the rest stays for the next call.
        What arises while they are taken may, too.

        They are read from the peer's bytes as they are taken, and what is answered by
        itself is answered when it is its turn. The last is one
        :class:`~wsproto_core.session_events.SessionEnded`. To take events from within the
        handling of one would give them out of order.
        """
        direct = self._direct
        return self._events() if direct is None else direct.events(self)

    def _events(self) -> Iterator[Event]:
        """As :meth:`events`, where the session has a say in more than single events."""
        while self._queue:
            yield self._queue.popleft()
        connection = self._connection
        while connection is not None:
            injected = connection.waiting
            if not injected and self._reading is not None and self.paused():
                return
            event = next(connection.events(self), None)
            if event is None:
                if not self._overrun or self._reading is None or self._peer_closed is not None:
                    return
                event = self._over_rate(self._byte_bucket, "bytes")
            elif isinstance(event, Message) and not injected:
                self._active_at = self._now
                if not self._spend(self._message_bucket, 1):
                    event = self._over_rate(self._message_bucket, "messages")
            yield event


__all__ = [
    "DEFAULT_CONFIG",
    "EndCause",
    "RateLimit",
    "Session",
    "SessionConfig",
    "SessionEnded",
    "SessionStatistics",
    "Side",
    "TransportAction",
]
