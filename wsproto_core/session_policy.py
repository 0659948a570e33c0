"""What a session does by itself: answers, timers, rates, and how it ends.

Owns a session's state and all that moves it without the application's asking. Its face,
what users call, is in ``session``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf, isfinite
from typing import Final

from .connection import Connection
from .errors import DeadlineExceeded, LimitExceeded, LocalProtocolError, RemoteProtocolError
from .events import CloseConnection, Event, Message, Ping, Pong, RejectConnection
from .handshake import H11Handshake
from .messages import sent_close_code
from .session_config import RateLimit, SessionConfig
from .session_events import EndCause, SessionEnded, Side, TransportAction
from .session_output import SessionOutput
from .states import ConnectionState
from .timing import Heartbeat, Timer, Timers, TokenBucket
from .words import CloseReason, name_close_code

_OPEN: Final = ConnectionState.OPEN
_REMOTE_CLOSING: Final = ConnectionState.REMOTE_CLOSING

# What becomes of the transport: a server's, a client's. RFC 6455 §7.1.1: the server is to
# close first, so that it is the one that holds the connection in TIME_WAIT, and a client
# waits for that. Who fails the connection, ends it (§7.1.7).
_FAREWELLS: Final = {
    EndCause.CLOSED: (TransportAction.END_WRITING, TransportAction.KEEP),
    EndCause.FAILED: (TransportAction.END_WRITING, TransportAction.END_WRITING),
    EndCause.TIMED_OUT: (TransportAction.END_WRITING, TransportAction.END_WRITING),
    EndCause.LOST: (TransportAction.CLOSE, TransportAction.CLOSE),
    EndCause.REJECTED: (TransportAction.END_WRITING, TransportAction.CLOSE),
    EndCause.ABORTED: (TransportAction.ABORT, TransportAction.ABORT),
}


class SessionPolicy(SessionOutput):
    """The state of a session, and what it does by itself."""

    __slots__ = (
        "__weakref__",
        "_active_at",
        "_byte_bucket",
        "_close_sent",
        "_connection",
        "_control_bucket",
        "_direct",
        "_ended_at",
        "_eof",
        "_feeding",
        "_handshake",
        "_heard_at",
        "_heartbeat",
        "_initiator",
        "_late_pong",
        "_message_bucket",
        "_messages_taken",
        "_now",
        "_opened_at",
        "_overdue",
        "_overrun",
        "_peer_closed",
        "_ping_end",
        "_pings_received",
        "_pings_sent",
        "_pongs_received",
        "_pongs_sent",
        "_progress",
        "_queue",
        "_reading",
        "_requested",
        "_started_at",
        "_timers",
        "_transport",
        "_wire_received",
        "client",
        "config",
        "ended",
        "fast_bytes",
        "fast_messages",
    )

    def _begin(self, client: bool, now: float, config: SessionConfig) -> None:
        SessionOutput.__init__(self, client, config)
        #: True in a client, False in a server.
        self.client = client
        #: The policy.
        self.config = config
        #: The terminal event, once there is one, whether or not it has been taken.
        self.ended: SessionEnded | None = None
        if not isfinite(now):
            raise LocalProtocolError(f"the time cannot be {now}")
        self._now = now
        self._timers = Timers()
        self._transport = TransportAction.KEEP
        self._eof = False
        self._handshake: H11Handshake | None = None
        # Whether there is, or was, a request for a server's application to answer.
        self._requested = False
        # Events before there is a connection, which has a queue of its own.
        self._queue: deque[Event] | None = None
        self._connection: Connection | None = None
        # It, while what arrives is of use; and if events may come straight from it.
        self._reading: Connection | None = None
        self._direct: Connection | None = None
        # And if bytes may be left with it without asking any further.
        self._feeding: Connection | None = None
        self._initiator: Side | None = None
        self._close_sent: int | None = None
        # The peer's Close.
        self._peer_closed: CloseConnection | None = None
        self._late_pong: bytes | None = None
        self._heartbeat: Heartbeat | None = None
        self._progress = 0
        self._ping_end = 0
        self._heard_at: float | None = None
        self._active_at = now
        self._overrun = False
        # What was not done in time, if the transport was given up for it.
        self._overdue: DeadlineExceeded | None = None
        self._control_bucket = _bucket(config.control_rate, now)
        self._message_bucket = _bucket(config.message_rate, now)
        self._byte_bucket = _bucket(config.byte_rate, now)
        # Counted. What is sent is counted by few numbers, because each costs time:
        # statistics() makes the rest of them.
        self._started_at = now
        self._opened_at: float | None = None
        self._ended_at: float | None = None
        self._wire_received = 0
        self.fast_messages = 0
        self.fast_bytes = 0
        self._messages_taken = 0
        self._pings_received = 0
        self._pings_sent = 0
        self._pongs_received = 0
        self._pongs_sent = 0

    def _set_time(self, now: float) -> None:
        if not self._now <= now < inf:
            raise self._bad_time(now)
        self._now = now

    def _at_time(self, now: float, call: Callable[[], None]) -> None:
        """Make a call at *now*. If it is misuse, the time has not been either."""
        before = self._now
        self._set_time(now)
        try:
            call()
        except LocalProtocolError:
            self._now = before
            raise

    def _bad_time(self, now: float) -> LocalProtocolError:
        return LocalProtocolError(f"the time cannot be {now} after {self._now}")

    @property
    def state(self) -> ConnectionState:
        """Where the connection is in its life; ``CLOSED`` from :attr:`ended` on."""
        if self.ended is not None:
            return ConnectionState.CLOSED
        stage = self._connection or self._handshake
        assert stage is not None
        return stage.state

    # What arrives

    def _receive_otherwise(self, data: bytes | None) -> None:
        """Take what is not the next bytes on an open connection, and no more than that."""
        if self._eof:
            return
        if data:
            self._heard_at = self._now
            self._wire_received += len(data)
        else:
            self._eof = True
            self._feeding = None
        if self._reading is not None:
            self._reading.receive_data(data or None)
            if data and not self._spend(self._byte_bucket, len(data)):
                self._overrun = True
        elif self.ended is None and self._handshake is not None:
            self._advance(self._handshake, partial(self._handshake.receive_data, data or None))

    def _lose(self, error: DeadlineExceeded | None) -> None:
        """The transport is of no use any more; what has arrived may still be taken."""
        self._receive_otherwise(None)
        self._abort_transport()
        if self.ended is not None:
            return
        self._overdue = error
        self._safe_until = 0
        self._timers.disarm(*Timer)
        # Nothing has to be slowed down any more.
        for name in ("_control_bucket", "_message_bucket", "_byte_bucket"):
            bucket: TokenBucket | None = getattr(self, name)
            if bucket is not None and bucket.limit.code is None:
                setattr(self, name, None)
        if self._reading is None or self._peer_closed is not None:
            self._end(self._loss, error)

    @property
    def _loss(self) -> EndCause:
        return EndCause.LOST if self._overdue is None else EndCause.TIMED_OUT

    # The opening handshake

    def _advance(self, handshake: H11Handshake, step: Callable[[], None]) -> None:
        """Have the handshake take something from the peer."""
        rejecting = handshake.state is ConnectionState.REJECTING
        error: RemoteProtocolError | None = None
        try:
            step()
        except RemoteProtocolError as exc:
            error = exc.with_traceback(None)
        for event in handshake.events():
            self._requested = not self.client
            rejecting = rejecting or isinstance(event, RejectConnection)
            self._enqueue(event)
        if handshake.connection is not None:
            self._open(handshake.connection)
        elif error is not None:
            self._fail_handshake(handshake, error, rejecting)
        elif handshake.state is ConnectionState.CLOSED and rejecting:
            self._initiator = Side.REMOTE
            self._end(EndCause.REJECTED)
        elif self._eof and not rejecting:
            # Nobody is there any more to be answered.
            self._end(EndCause.LOST)

    def _fail_handshake(
        self, handshake: H11Handshake, error: RemoteProtocolError, rejecting: bool
    ) -> None:
        self._initiator = Side.LOCAL
        if isinstance(error.event_hint, RejectConnection):
            self._put(handshake.send(error.event_hint))
            self._end(EndCause.FAILED, error)
        elif rejecting:
            self._initiator = Side.REMOTE
            self._end(EndCause.REJECTED, error)
        elif self._eof:
            self._initiator = None
            self._end(EndCause.LOST, error)
        else:
            self._end(EndCause.FAILED, error, TransportAction.CLOSE)

    def _send_handshake(self, event: Event) -> None:
        """Send the application's part of the handshake."""
        handshake = self._handshake
        assert handshake is not None
        self._put(handshake.send(event))
        if handshake.connection is not None:
            self._open(handshake.connection)
        elif handshake.state is ConnectionState.CLOSED:
            self._initiator = Side.LOCAL
            self._end(EndCause.REJECTED)

    def _open(self, connection: Connection) -> None:
        """Go on with an open connection, and only with it."""
        config = self.config
        self._handshake = None
        self._connection = self._reading = connection
        self._opened_at = self._active_at = self._now
        for event in self._queue or ():
            connection.inject(event)
        self._queue = None
        if (
            config.answer_close
            and config.idle_timeout is None
            and not (self._control_bucket or self._message_bucket or self._byte_bucket)
        ):
            self._direct = connection
        if self._byte_bucket is None:
            self._feeding = connection
        elif not self._spend(self._byte_bucket, connection.unread):
            self._overrun = True
        self._timers.disarm(Timer.HANDSHAKE)
        self._arm(Timer.IDLE, config.idle_timeout)
        if config.ping_interval is not None:
            self._heartbeat = Heartbeat()
            self._arm(Timer.PING, config.ping_interval)

    # Events

    def _enqueue(self, event: Event) -> None:
        """Have ``events()`` give *event* after what it had to give before."""
        if self._connection is not None:
            self._connection.inject(event)
        else:
            if self._queue is None:
                self._queue = deque()
            self._queue.append(event)

    def take(self, event: Event) -> Event | None:
        """What the application sees of an event; called by the connection."""
        if isinstance(event, Message):
            self._messages_taken += event.message_finished
            return event
        if isinstance(event, CloseConnection):
            return self._take_close(event)
        if not self._spend(self._control_bucket, 1):
            return self._over_rate(self._control_bucket, "control frames")
        if isinstance(event, Ping):
            return self._take_ping(event)
        assert isinstance(event, Pong)
        return self._take_pong(event)

    def _take_ping(self, ping: Ping) -> Event | None:
        self._pings_received += 1
        if not self.config.answer_pings:
            return ping
        if self._congested:
            # Who asks on and on, and reads no answers, gets the last one (§5.5.3); and none
            # any more behind our Close, which it has yet to read.
            if self.state is _OPEN:
                self._late_pong = ping.payload
        else:
            self._answer(ping.payload)
        return None

    def _answer(self, payload: bytes) -> None:
        assert self._connection is not None
        self._put(self._connection.send(Pong(payload)))
        self._pongs_sent += 1

    def _add_late(self) -> None:
        payload, self._late_pong = self._late_pong, None
        if payload is not None:
            self._answer(payload)

    def _take_pong(self, pong: Pong) -> Event | None:
        self._pongs_received += 1
        heartbeat = self._heartbeat
        if heartbeat is None or not heartbeat.take_pong(pong.payload, self._now):
            return pong
        if self._timers.disarm(Timer.PONG):
            self._arm_ping(heartbeat.sent_at)
        return None

    def _take_close(self, event: CloseConnection) -> Event:
        if event.error is not None:
            return self._failed(event, EndCause.FAILED)
        if event.code == CloseReason.ABNORMAL_CLOSURE:
            return self._ending(self._loss, self._overdue)
        self._peer_closed = event
        self._initiator = self._initiator or Side.REMOTE
        assert self._connection is not None
        if self._connection.state is _REMOTE_CLOSING:
            if not self.config.answer_close:
                if self._transport is TransportAction.ABORT:  # It was read too late to answer.
                    self._end(self._loss, self._overdue)
                else:
                    self._begin_closing()
                self._feeding = self._late_pong = None
                return event
            self._put_close(event.response())
        return self._ending(EndCause.CLOSED)

    # The closing handshake, and the end

    def _begin_closing(self) -> None:
        """From here on only the end is waited for."""
        self._timers.disarm(Timer.PING, Timer.PONG, Timer.IDLE)
        if self._timers.at(Timer.CLOSE) is None:
            self._arm(Timer.CLOSE, self.config.close_timeout)

    def _put_close(self, event: CloseConnection) -> None:
        assert self._connection is not None
        opened = self._connection.state is _OPEN
        data = self._connection.send(event)
        if opened:
            self._add_late()
        self._late_pong = None
        self._close_sent = name_close_code(sent_close_code(event.code))
        self._put(data)

    def _send_close(self, event: CloseConnection) -> None:
        """Start the closing handshake, or complete the peer's."""
        self._put_close(event)
        self._initiator = self._initiator or Side.LOCAL
        self._begin_closing()
        if self._peer_closed is not None:
            self._end(EndCause.CLOSED)

    def _fail(self, cause: EndCause, code: int, error: RemoteProtocolError) -> SessionEnded:
        """Fail the connection for a reason of the session's own (RFC 6455 §7.1.7)."""
        assert self._connection is not None
        error.event_hint = CloseConnection(code, str(error))
        return self._failed(self._connection.fail(error), cause)

    def _failed(self, event: CloseConnection, cause: EndCause) -> SessionEnded:
        assert self._connection is not None
        self._initiator = self._initiator or Side.LOCAL
        if self._connection.state is _REMOTE_CLOSING and self.config.send_failing_close:
            self._put_close(event.response())
        return self._ending(cause, event.error)

    def _ending(
        self,
        cause: EndCause,
        error: RemoteProtocolError | None = None,
        farewell: TransportAction | None = None,
    ) -> SessionEnded:
        """The session is over: its terminal event."""
        assert self.ended is None
        close = self._peer_closed
        self.ended = ended = SessionEnded(
            code=CloseReason.ABNORMAL_CLOSURE if close is None else close.code,
            reason="" if close is None else close.reason or "",
            cause=cause,
            initiator=self._initiator,
            code_sent=self._close_sent,
            code_received=None if close is None else close.code,
            error=error,
        )
        self._ended_at = self._now
        if not self.client:
            # Nobody is there any more to answer the request, if it was not taken.
            self._queue = None
        self._reading = self._feeding = self._handshake = self._late_pong = None
        if self._transport is not TransportAction.ABORT:
            self._begin_closing()
        self._timers.disarm(Timer.HANDSHAKE, Timer.RESUME)
        if farewell is None:
            farewell = _FAREWELLS[cause][self.client]
        self._transport = max(self._transport, farewell)
        return ended

    def _end(
        self,
        cause: EndCause,
        error: RemoteProtocolError | None = None,
        farewell: TransportAction | None = None,
    ) -> None:
        self._enqueue(self._ending(cause, error, farewell))

    def _drop(self, cause: EndCause, error: RemoteProtocolError | None) -> None:
        """End without saying anything to the peer."""
        self._initiator = self._initiator or Side.LOCAL
        if self._reading is not None:
            self._reading.stop()
        self._end(cause, error)
        self._abort_transport()

    def _abort_transport(self) -> None:
        self._drop_output()
        self._transport = TransportAction.ABORT
        self._timers.disarm(Timer.CLOSE)

    # Output

    def _look_at_mark(self) -> None:
        if self._transport is TransportAction.ABORT:
            self._drop_output()  # nobody will take it
        else:
            super()._look_at_mark()

    def _look_at_output(self) -> None:
        """The application has sent so much that a mark may have been reached."""
        self._look_at_mark()
        most = self.config.max_output
        if most is not None and self.output_pending > most and self.state is _OPEN:
            error = LimitExceeded(f"more than {most} bytes of output not taken")
            self._enqueue(self._fail(EndCause.FAILED, CloseReason.POLICY_VIOLATION, error))

    # Rates

    def _spend(self, bucket: TokenBucket | None, amount: int) -> bool:
        """Take from a bucket. False if the connection is to fail for it."""
        if bucket is None or bucket.take(amount, self._now):
            return True
        if bucket.limit.code is None:
            resume = self._timers.at(Timer.RESUME)
            ready = bucket.ready_at()
            self._timers.arm(Timer.RESUME, ready if resume is None else max(ready, resume))
            return True
        return False

    def _over_rate(self, bucket: TokenBucket | None, what: str) -> SessionEnded:
        assert bucket is not None
        assert bucket.limit.code is not None
        error = LimitExceeded(f"more than {bucket.limit.per_second:g} {what} a second")
        return self._fail(EndCause.FAILED, bucket.limit.code, error)

    def paused(self) -> bool:
        """Whether a rate is exceeded, so that nothing more is read now."""
        resume = self._timers.at(Timer.RESUME)
        return resume is not None and resume > self._now

    def _input_waits(self) -> bool:
        """Whether what the peer has sent may lie unread, by our own doing."""
        return self.paused() or (self._reading is not None and self._reading.neglected)

    # Timers

    def _arm(self, timer: Timer, seconds: float | None) -> None:
        if seconds is not None:
            self._timers.arm(timer, self._now + seconds)

    def _arm_ping(self, since: float) -> None:
        assert self.config.ping_interval is not None
        self._timers.arm(Timer.PING, since + self.config.ping_interval)

    def _handshake_overdue(self) -> None:
        handshake, seconds = self._handshake, self.config.handshake_timeout
        assert handshake is not None
        what = "an answer to the request" if self._requested else "the opening handshake"
        error = DeadlineExceeded(f"{what} took more than {seconds:g} s")
        if self.client or handshake.state is not ConnectionState.CONNECTING:
            self._drop(EndCause.TIMED_OUT, error)
            return
        self._put(handshake.send(RejectConnection(503 if self._requested else 408)))
        self._initiator = Side.LOCAL
        self._end(EndCause.TIMED_OUT, error)

    def _ping_due(self) -> None:
        heartbeat = self._heartbeat
        assert heartbeat is not None
        assert self._connection is not None
        heard = self._heard_at
        if self.config.traffic_is_life and heard is not None:
            assert self.config.ping_interval is not None
            if heard + self.config.ping_interval > self._now:
                self._arm_ping(heard)
                return
        if self._congested and self.config.ping_timeout is None:
            self._arm_ping(self._now)  # or pings would pile up
            return
        waiting = self.output_pending
        self._put(self._connection.send(Ping(heartbeat.next_ping(self._now))))
        self._pings_sent += 1
        # What waits in front of it, the peer has to read first.
        self._progress = self._taken if waiting else self._added
        self._ping_end = self._added
        if self.config.ping_timeout is None:
            self._arm_ping(self._now)
        else:
            self._arm(Timer.PONG, self.config.ping_timeout)

    def _pong_overdue(self) -> None:
        heartbeat, taken = self._heartbeat, self._taken
        assert heartbeat is not None
        heard = self._heard_at
        if self.config.traffic_is_life and heard is not None and heard > heartbeat.sent_at:
            self._arm_ping(heard)
        elif self._input_waits() or self._progress < min(taken, self._ping_end):
            # The pong may be behind what we do not read, or the ping was behind what the
            # peer has been reading: then it is alive, but slow.
            self._progress = taken
            self._arm(Timer.PONG, self.config.ping_timeout)
        else:
            error = DeadlineExceeded(f"no pong within {self.config.ping_timeout:g} s")
            self._enqueue(self._fail(EndCause.TIMED_OUT, CloseReason.INTERNAL_ERROR, error))

    def _idle_due(self) -> None:
        assert self.config.idle_timeout is not None
        until = self._active_at + self.config.idle_timeout
        if self._input_waits():
            self._arm(Timer.IDLE, self.config.idle_timeout)
        elif until > self._now:
            self._timers.arm(Timer.IDLE, until)
        else:
            self._send_close(CloseConnection(CloseReason.GOING_AWAY, "idle"))

    def _close_overdue(self) -> None:
        if self.ended is None:
            error = DeadlineExceeded(f"no end within {self.config.close_timeout:g} s of closing")
            if self._reading is not None and self._reading.neglected:
                # The peer's Close may be in what nobody has looked at.
                self._lose(error)
            else:
                self._drop(EndCause.TIMED_OUT, error)
        else:
            self._abort_transport()

    def _resume(self) -> None:
        """Reading goes on by itself."""

    #: What is done when a timer is due.
    _HANDLERS: Final = {
        Timer.HANDSHAKE: _handshake_overdue,
        Timer.PING: _ping_due,
        Timer.PONG: _pong_overdue,
        Timer.IDLE: _idle_due,
        Timer.CLOSE: _close_overdue,
        Timer.RESUME: _resume,
    }


def _bucket(limit: RateLimit | None, now: float) -> TokenBucket | None:
    return None if limit is None else TokenBucket(limit, now)


__all__ = ["SessionPolicy"]
