"""What must be true of a session at any time: of its events, its output, its figures and
its time limits.

Only looks: it does nothing with the session, and is told what others do with it.
"""

from __future__ import annotations

from math import inf

from wsproto_core import ConnectionState
from wsproto_core.events import CloseConnection, Event, Message, Ping, Pong
from wsproto_core.session import (
    EndCause,
    Session,
    SessionEnded,
    SessionStatistics,
    TransportAction,
)
from wsproto_core.timing import Timer

from .account import Account
from .draws import Habits
from .link import Peer
from .wire import Wire
from .world import EPSILON

_OPEN = ConnectionState.OPEN
#: What one read from the transport may bring.
_LARGEST_READ = 1 << 18


class Promises:
    """The promises of one session.

    :param account: what its embedder has said and heard.
    :param other: what the peer's has; None if the peer is no session, or is not heard
        as it is.
    """

    def __init__(
        self,
        peer: Peer,
        session: Session,
        habits: Habits,
        wire: Wire,
        account: Account,
        other: Account | None,
    ) -> None:
        self._peer = peer
        self._world = peer.world
        self._session = session
        self._habits = habits
        self._config = habits.config
        self._wire = wire
        self._account = account
        self._other = other
        self._fail = peer.fail
        self._reached = peer.world.reached
        #: What the transport was last told to do.
        self.action = TransportAction.KEEP
        self._ended: SessionEnded | None = None
        self._wire_sent = 0
        self._latency: float | None = None
        self._compared = 0
        # Pongs of the session's own that were sent before events are taken, if the output
        # is congested then.
        self._pongs: int | None = None
        # When it was last excused from noticing a silent peer, because it did not read, or
        # the peer did.
        self._excused_at = -inf
        self._was_paused = False

    # While something is done

    def before_step(self) -> None:
        """Something is about to be done."""
        if self._was_paused:
            self._excused_at = self._world.now

    def before_events(self) -> None:
        """Events are about to be taken."""
        congested = self._session.state is _OPEN and not self._session.writable
        self._pongs = self._own_pongs() if congested else None

    def after_events(self) -> None:
        """Events have been taken, or one of them is about to be acted on."""
        if self._pongs is not None and self._own_pongs() > self._pongs:
            self._fail("a pong although the output is congested")

    def _own_pongs(self) -> int:
        return self._session._pongs_sent - self._account.pongs_sent

    def event(self, event: Event) -> None:
        """An event is given to the application."""
        self.after_events()
        config = self._config
        if self._account.terminal is not None:
            self._fail(f"{event!r} after the end")
        if isinstance(event, Message):
            if config.whole_messages and not event.message_finished:
                self._fail("a piece instead of a whole message")
        elif isinstance(event, SessionEnded):
            if event is not self._session.ended:
                self._fail("an end that is not the session's")
        elif isinstance(event, Ping):
            if config.answer_pings:
                self._fail("a ping that was to be answered")
        elif isinstance(event, Pong):
            self._pong(event.payload)
        elif isinstance(event, CloseConnection) and config.answer_close:
            self._fail("a Close that was to be answered")

    def _pong(self, payload: bytes) -> None:
        """One that the application is given: it was unasked for, or it answers a ping of
        the application, or a heartbeat before the last.
        """
        if self._other is None or payload == b"unasked":
            return
        if payload not in self._wire.pings:
            self._fail(f"a pong to a ping that was not sent: {payload!r}")
        if len(payload) == 4:  # the application's are of other lengths
            self._reached["outdated pong"] += 1
            heartbeat = self._session._heartbeat
            assert heartbeat is not None
            if int.from_bytes(payload, "big") == heartbeat._number:
                self._fail("the pong to the last heartbeat")

    def output(self) -> None:
        """The transport has taken some of the output."""
        if self.action is TransportAction.ABORT:
            self._fail("output after ABORT")

    def transport(self, action: TransportAction) -> None:
        """The transport is told what to do."""
        if action < self.action:
            self._fail(f"{action!r} after {self.action!r}")
        if action is not TransportAction.KEEP and self._session.output_pending:
            self._fail(f"{action!r} with output pending")
        if action is not self.action:
            self._peer.note("transport", action.name)
            self._reached[f"transport {action.name}"] += 1
            self.action = action

    def timer_ran_out(self, state: ConnectionState) -> None:
        """The timer has run out, which was in *state*."""
        session = self._session
        if session.deadline is not None and session.deadline <= self._world.now:
            self._fail(f"the deadline {session.deadline} stays behind {self._world.now}")
        ended = session.ended
        if ended is None:
            connection = session._connection
            self._reached["read ahead"] += connection is not None and connection.waiting
        elif ended.cause is EndCause.TIMED_OUT and state is _OPEN:
            self._reached["pong overdue"] += 1

    # After each step

    def check(self) -> None:
        """All that must be true at any time."""
        figures = self._session.statistics()
        self._state()
        self._quiet(figures)
        self._memory(figures)
        self._figures(figures)
        self._rates(figures)
        self._closing()
        self._round_trip()
        self.messages()

    def _state(self) -> None:
        session = self._session
        ended = session.ended
        if ended is not None and self._ended is None:
            self._ended = ended
            self._peer.note("ended", ended)
        if ended is not self._ended:
            self._fail("another end")
        state = session.state
        if self._account.look(state, self._world.now):
            self.noticed()
        if state is _OPEN and not session.writable:
            self._reached["congested"] += 1
        if session._late_pong is not None:
            self._reached["pong kept back"] += 1

    def _quiet(self, figures: SessionStatistics) -> None:
        """Remember what excuses it from noticing that nothing comes."""
        paused = self._session.reading_paused
        if paused and Timer.RESUME in self._session._timers._times:
            self._reached["rate paused"] += 1
        self._was_paused = paused or figures.input_pending > 0
        if figures.wire_bytes_sent > self._wire_sent:
            self._excused_at = self._world.now  # a ping may wait behind what the transport takes
        self._wire_sent = figures.wire_bytes_sent

    def _memory(self, figures: SessionStatistics) -> None:
        session = self._session
        config = self._config
        pending = figures.output_pending
        if config.max_output is not None and session.state is _OPEN:
            # What cannot be compressed grows a little.
            most = config.max_output + 1.05 * self._account.last_size + 400
            if pending > most:
                self._fail(f"{pending} bytes of output, {most} allowed")
        if len(session._more) > 2 * pending + 2:
            self._fail(f"{len(session._more)} buffers for {pending} bytes")
        if self._habits.heeds and session._connection is not None:
            most = config.read_high_water + _LARGEST_READ
            if figures.input_pending > most:
                self._fail(f"{figures.input_pending} bytes of input, {most} allowed")
            waiting = len(session._connection._events)
            if waiting > most // 2 + 2:
                self._fail(f"{waiting} events wait")

    def _figures(self, figures: SessionStatistics) -> None:
        account = self._account
        if figures.output_pending != self._session.output_pending:
            self._fail("output that waits is miscounted")
        if figures.wire_bytes_received != account.wire_received:
            self._fail("bytes received are miscounted")
        if figures.wire_bytes_sent != account.wire_sent:
            self._fail("bytes sent are miscounted")
        if figures.messages_sent != len(account.sent):
            self._fail(f"{figures.messages_sent} messages sent, not {len(account.sent)}")
        if figures.payload_bytes_sent != account.payload_sent:
            self._fail(f"payload of {figures.payload_bytes_sent} sent, not {account.payload_sent}")

    def noticed(self) -> None:
        """A peer that says nothing has been noticed in time."""
        config = self._config
        account = self._account
        now = self._world.now
        if (
            config.ping_interval is None
            or config.ping_timeout is None
            or account.opened_at is None
            or (account.closing_since is not None and account.closing_since < now)
        ):
            return
        late = self._habits.late
        quiet_since = max(account.heard_at, account.opened_at)
        most = config.ping_interval + config.ping_timeout + 2 * late
        if config.traffic_is_life:
            # Heard of since the last ping, it is asked again only when that is overdue.
            most = max(most, 2 * config.ping_timeout + 2 * late)
        if self._excused_at >= quiet_since:
            quiet_since = self._excused_at
            most += config.ping_timeout + late
        if now > quiet_since + most + EPSILON:
            self._fail(f"a peer silent since {quiet_since} was not noticed")

    def _closing(self) -> None:
        """The closing handshake is over in time, or its transport is. What has arrived by
        then, and nobody has looked at, may be taken later, with the end behind it.
        """
        since, timeout = self._account.closing_since, self._config.close_timeout
        if since is None or timeout is None or self._session.ended is not None:
            return
        overdue = self._world.now > since + timeout + self._habits.late + EPSILON
        if overdue and self._session.transport is not TransportAction.ABORT:
            self._fail("the closing takes too long")

    def _rates(self, figures: SessionStatistics) -> None:
        """No more has been taken than the rates allow."""
        account = self._account
        config = self._config
        if account.opened_at is None:
            return
        if self._session.transport is TransportAction.ABORT:
            return  # nothing more can come, and what has come is not held back
        elapsed = self._world.now - account.opened_at
        controls = figures.pings_received + figures.pongs_received
        received = account.wire_received_open
        for limit, amount, slack, what in (
            (config.control_rate, controls, 1, "control frames"),
            (config.message_rate, figures.messages_received, 1, "messages"),
            (config.byte_rate if self._habits.heeds else None, received, _LARGEST_READ, "bytes"),
        ):
            if limit is not None:
                most = limit.burst + elapsed * limit.per_second + slack
                if amount > most + EPSILON:
                    self._fail(f"{amount} {what} against {limit}")

    def _round_trip(self) -> None:
        """What is told of the round trip can be true."""
        latency = self._session.latency
        if latency == self._latency or latency is None:
            return
        self._latency = latency
        opened_at = self._account.opened_at
        assert opened_at is not None
        elapsed = self._world.now - opened_at
        if not 0 <= latency <= elapsed + EPSILON:
            self._fail(f"a latency of {latency} within {elapsed}")
        if self._other is not None:
            exact = self._world.exact
            least = self._peer.out.latency + self._peer.into.latency
            if latency < least - EPSILON:
                self._fail(f"a latency of {latency} over a link that takes {least}")
            if exact and latency > least + EPSILON:
                self._fail(f"a latency of {latency}, not {least}")
            self._reached["latency"] += 1
            self._reached["latency exact"] += exact

    def messages(self) -> None:
        """The messages that have arrived are those that were sent."""
        if self._other is None:
            return
        received, sent = self._account.received, self._other.sent
        for at in range(self._compared, len(received)):
            data = received[at]
            if at >= len(sent):
                self._fail(f"a message that was not sent: {data[:40]!r}")
            if data != sent[at]:
                self._fail(f"message {at} is {data[:40]!r}, not {sent[at][:40]!r}")
        self._compared = len(received)


__all__ = ["Promises"]
