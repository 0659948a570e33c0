"""An end of the link that is a session: what an embedder does, with its calls in order.

Owns the transport's side: what is read and written when, the one timer, and when events
are taken. What is done about them, the application says; whether it was right, the
promises do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from wsproto_core import ConnectionState, ConnectionType
from wsproto_core.events import AcceptConnection, Event
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.masking import EntropySource
from wsproto_core.session import Session, SessionConfig, TransportAction

from .account import Account
from .application import Application
from .draws import Habits
from .link import Peer, Pipe
from .promises import Promises
from .wire import Wire
from .world import World


class Make(Protocol):
    """What makes the sessions of a simulation.

    ``extensions`` are those of a connection that is open; None if it begins with a
    handshake.
    """

    def __call__(
        self,
        role: ConnectionType,
        extensions: list[PerMessageDeflate] | None,
        *,
        now: float,
        config: SessionConfig,
        entropy: EntropySource,
    ) -> Session: ...


def sessions_of(kind: type[Session]) -> Make:
    """What makes sessions of a class: another one where faults are planted."""

    def make(
        role: ConnectionType,
        extensions: list[PerMessageDeflate] | None,
        *,
        now: float,
        config: SessionConfig,
        entropy: EntropySource,
    ) -> Session:
        if extensions is None:
            return kind(role, now=now, config=config, entropy=entropy)
        connection = config.make_connection(role, extensions, entropy=entropy)
        return kind.over(connection, now=now, config=config)

    return make


class End(Peer):
    """A session, with the application above it and the transport below.

    :param other: the account of the peer, if that is a session that can be believed.
    :param extension: compression, if it was agreed on before the session begins.
    """

    def __init__(
        self,
        world: World,
        client: bool,
        out: Pipe,
        into: Pipe,
        *,
        make: Make,
        habits: Habits,
        account: Account,
        other: Account | None,
        extension: PerMessageDeflate | None,
    ) -> None:
        super().__init__(world, client, out, into)
        self.habits = habits
        self.account = account
        extensions = None
        if world.over:
            extensions = [] if extension is None else [extension]
            account.opened_at = world.now
        self.session = session = make(
            self.role, extensions, now=world.now, config=habits.config, entropy=self.rng.randbytes
        )
        #: What it has put on the wire.
        compressed = not world.over or extension is not None
        self.wire = Wire(client, http=not world.over, deflate=compressed)
        self.application = Application(self, session, habits, account, self.step)
        self.promises = Promises(self, session, habits, self.wire, account, other)
        #: How its transport was closed.
        self.closed_by: TransportAction | None = None
        self._finished_writing = False
        # Of a server that parses requests before the session: what it has of one.
        self._head = b"" if habits.parses and not world.over else None
        # What is planned.
        self._armed: float | None = None
        self._taking = False
        self._ticking = False
        self._waiting_for_room = False

    def begin(self) -> None:
        self.application.begin()
        self._after()
        self.application.plan()

    def settle_down(self) -> None:
        """Nothing new is begun from now on."""
        self.step(self.application.settle_down)

    def close(self) -> None:
        """Have the application close."""
        self.step(self.application.close)

    def sever(self) -> None:
        """The transport is found to be gone."""
        if not self.closed:
            self.closed = self._finished_writing = True
            self.world.after(0.0, self.receive_eof)
        self.application.give_up()

    # Each step

    def step(self, call: Callable[[], None]) -> None:
        """Do something with the session, and what is due after it."""
        self.promises.before_step()
        call()
        self._after()

    def _after(self) -> None:
        if self.habits.eager or self.application.settled:
            self.take(0)
        else:
            self._take_after(self.habits.take_delay)
        self._follow_up()

    def _follow_up(self) -> None:
        """What is due after events have been taken."""
        self._write()
        self._obey()
        self._rearm()
        self.promises.check()
        if self.into.blocked and not self.paused:
            self.into.unblock()

    # Events

    def _take_after(self, seconds: float) -> None:
        if not self._taking:
            self._taking = True
            self.world.after(seconds, self._take_some)

    def _take_some(self) -> None:
        """The application gets round to its events."""
        self._taking = False
        self.promises.before_step()
        most = self.habits.take_most
        taken = self.take(most)
        self._follow_up()
        if taken and taken == most:  # else the next step will be told
            self._take_after(max(self.habits.take_delay, 0.01))

    def take(self, most: int) -> int:
        """Take so many events, or all, and act on them, within the loop or behind it."""
        self.promises.before_events()
        taken: list[Event] = []
        count = 0
        for event in self.session.events():
            self.promises.after_events()
            if self.habits.acts_at_once:
                self._act(event)
            else:
                taken.append(event)
            count += 1
            if count == most:
                break
        for event in taken:
            self._act(event)
        self.promises.after_events()
        return count

    def _act(self, event: Event) -> None:
        self.note("event", event)
        self.promises.event(event)
        self.account.take(event)
        if isinstance(event, AcceptConnection):
            self.wire.deflate = bool(event.extensions)
            self.world.reached["deflate"] += bool(event.extensions)
        self.application.act(event)

    # The timer

    def _rearm(self) -> None:
        """Arm the one timer, as late as it may be."""
        deadline = self.session.deadline
        if deadline != self._armed:
            self._armed = deadline
            if deadline is not None:
                now = self.world.now
                most = self.habits.late
                late = self.rng.random() * most if most and deadline > now else 0.0
                self.world.at(max(now, deadline + late), self._fire, deadline)

    def _fire(self, deadline: float) -> None:
        """The timer has run out."""
        if deadline != self._armed:
            return
        now = self.world.now
        self.world.reached["timer late"] += now > deadline + 0.1
        self.note("timer", round(now - deadline, 3))
        self.step(self._handle_timer)

    def _handle_timer(self) -> None:
        state = self.session.state
        for _ in range(4):
            self.session.handle_timer(self.world.now)
            if self.session.deadline is None or self.session.deadline > self.world.now:
                break
        self.promises.timer_ran_out(state)

    # Reading

    @property
    def paused(self) -> bool:
        return self.habits.heeds and self.session.reading_paused

    def receive(self, data: bytes) -> None:
        self.note("receive", data)
        self.step(lambda: self._receive(data))

    def _receive(self, data: bytes) -> None:
        if self._head is not None:
            rest = self._parse(data)
            if rest is None:
                return
            data = rest
        if data:
            self.account.arrive(len(data))
            self.session.receive_data(data, self.world.now)
        self.promises.noticed()
        self.account.heard_at = self.world.now

    def _parse(self, data: bytes) -> bytes | None:
        """Take a request as an HTTP server does; give what follows it, if it is all there."""
        assert self._head is not None
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            return None
        self._head = None
        first, *lines = head.split(b"\r\n")
        method, target, version = first.split(b" ")
        fields = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
        if self.session.state is ConnectionState.CONNECTING:
            self.session.receive_request(
                fields, target, self.world.now, method=method, http_version=version[5:]
            )
        return rest

    def receive_eof(self) -> None:
        self.note("receive", "end")
        self.step(self._receive_eof)

    def _receive_eof(self) -> None:
        self.session.receive_data(self.rng.choice((None, b"")), self.world.now)
        if self.rng.random() < 0.1:
            self.session.receive_data(None, self.world.now)

    # Writing

    def _write(self) -> None:
        """Have the transport take what it can."""
        if self._finished_writing or self._ticking:
            return
        session = self.session
        pending = session.output_pending
        room = self.out.room
        pace = self.habits.pace
        # In some ten writes, however much it is: each is a step of the schedule.
        limit = min(room, max(pace, pending // 5)) if pace else room
        if limit < pending:
            data = session.data_to_send(limit)
            assert len(data) <= limit, "more output than the limit"
        elif self.rng.random() < 0.2:
            data = b"".join(session.buffers_to_send())
        else:
            data = session.data_to_send()
        if data:
            self.promises.output()
            self.note("write", data)
            self.account.wire_sent += len(data)
            self.wire.take(data)
            self.out.write(data)
        self._waiting_for_room = False
        if session.output_pending:
            if room <= len(data):
                self._waiting_for_room = True
            else:
                self._tick_after(self.habits.pace_delay)

    def _tick_after(self, seconds: float) -> None:
        self._ticking = True
        self.world.after(seconds, self._tick)

    def _tick(self) -> None:
        """The transport takes the next bytes."""
        self._ticking = False
        self.step(lambda: None)

    def room_again(self) -> None:
        if self._waiting_for_room and self.out.room:
            self._waiting_for_room = False
            self._tick_after(0.0)

    def _obey(self) -> None:
        """Do with the transport what the session says."""
        action = self.session.transport
        self.promises.transport(action)
        if action is TransportAction.KEEP or self.closed:
            return
        if not self._finished_writing:
            self._finished_writing = True
            if action is not TransportAction.ABORT:
                self.out.finish()
        if action is TransportAction.END_WRITING:
            return
        self.closed = True
        self.closed_by = action
        if action is TransportAction.ABORT:
            self.out.reset()
        self.into.wake(self.world.now)
        if self.rng.random() < 0.5:  # as asyncio's connection_lost()
            self.world.after(self.rng.choice((0.0, 1.0)), self.receive_eof)


__all__ = ["End", "Make", "sessions_of"]
