"""A connection in a bottle: two sessions, a link between them, and time, all from one seed.

``Simulation(seed).run()`` draws a schedule (two policies, two applications, two transports
and a link with whatever befalls it), plays it on a virtual clock until nothing is left to
happen, and checks after each step, and in the end, what must be true of any connection. A
broken promise raises :exc:`Fault`, which says how to play it again. Nothing here reads a
clock, sleeps, or draws from anything but the seed.

There are three kinds of schedules. Calm ones have a link without faults and a policy
without haste: everything must arrive, and both must end cleanly. Rough ones have anything.
In lying ones one of the two is no session, or what it says is altered on its way.

Shares nothing with the library in what it knows of the wire: :class:`Wire` reads frames by
itself, and is what the sessions' words and figures are compared with.
"""

from __future__ import annotations

import heapq
import random
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Callable
from hashlib import sha1
from math import inf, nan
from typing import Any, Final, NoReturn

from wsproto_core import ConnectionState, Limits, LocalProtocolError
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.group import Group
from wsproto_core.prepared import PreparedMessage
from wsproto_core.session import (
    EndCause,
    RateLimit,
    Session,
    SessionConfig,
    SessionEnded,
    SessionStatistics,
    Side,
    TransportAction,
)
from wsproto_core.timing import Timer

from .wire import BINARY, CLIENT, CLOSE, CONT, PING, PONG, SERVER, TEXT, frame, mask

Data = str | bytes

OPEN: Final = ConnectionState.OPEN

#: Times are compared with as much tolerance: the clock may stand at a large number.
EPSILON: Final = 1e-6
#: More steps than any schedule needs; one that takes more does not come to rest.
MOST_STEPS: Final = 4000
UNBOUNDED: Final = 1 << 30

_POOL: Final = random.Random(0)
_BYTES: Final = _POOL.randbytes(140_000)
_TEXT: Final = "".join(_POOL.choices("abc xyzäß€語😀", k=140_000))
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Fault(AssertionError):
    """Something that must not be, with the schedule that leads to it."""


class Wire:
    """What one end has put on the wire, read frame by frame; every frame must be legal.

    :param masked: whether it masks, as clients do.
    :param http: whether it begins with the head of an HTTP message.
    """

    def __init__(self, masked: bool, http: bool) -> None:
        self.masked = masked
        self.deflate = True
        self.http = http
        self.refused = False
        self.buffer = bytearray()
        self.frames = 0
        self.messages = 0
        self.data_bytes = 0
        self.pings = 0
        self.pongs: list[bytes] = []
        self.within = False
        #: The Close frame, and what was before it (the frame itself included).
        self.close: tuple[int, str] | None = None
        self.until_close: tuple[int, int, int, int, int] | None = None

    def take(self, data: bytes) -> None:
        """Read more of what was sent."""
        self.buffer += data
        if self.http:
            head, end, _ = self.buffer.partition(b"\r\n\r\n")
            if not end or self.refused:
                return
            if not self.masked and b" 101 " not in head.partition(b"\r\n")[0]:
                self.refused = True
                return
            self.http = False
            del self.buffer[: len(head) + 4]
        at = 0
        while (end_at := self._frame(self.buffer, at)) is not None:
            at = end_at
        if at:
            del self.buffer[:at]

    def _frame(self, data: bytearray, at: int) -> int | None:
        if len(data) < at + 2:
            return None
        first, second = data[at], data[at + 1]
        length = second & 127
        at += 2
        if length > 125:
            size = 2 if length == 126 else 8
            if len(data) < at + size:
                return None
            length = int.from_bytes(data[at : at + size], "big")
            assert length >= (126 if size == 2 else 65536), "a length longer than it needs to be"
            at += size
        masked = second >= 128
        assert masked == self.masked, "the wrong end masks"
        key_at = at
        at += 4 * masked
        if len(data) < at + length:
            return None
        self._judge(first, length)
        opcode = first & 15
        self.frames += 1
        if opcode < 8:
            self.within = first < 128
            self.messages += first >= 128
            self.data_bytes += length
            return at + length
        payload = bytes(data[at : at + length])
        if masked:
            payload = mask(payload, bytes(data[key_at:at]))
        if opcode == PING:
            self.pings += 1
        elif opcode == PONG:
            self.pongs.append(payload)
        else:
            self.close = (
                int.from_bytes(payload[:2], "big") if payload else 1005,
                payload[2:].decode(),
            )
            self.until_close = self.counts()
        return at + length

    def _judge(self, first: int, length: int) -> None:
        opcode = first & 15
        assert opcode in (CONT, TEXT, BINARY, CLOSE, PING, PONG), "an opcode that is reserved"
        if opcode >= 8:
            assert first & 0xF0 == 0x80, "a control frame in fragments, or with reserved bits"
            assert length <= 125, "a control frame that is too long"
            assert opcode != CLOSE or self.close is None, "a second Close frame"
        else:
            assert self.close is None, "data behind a Close frame"
            assert (opcode == CONT) == self.within, "fragments out of order"
            bits = 0x40 if self.deflate and opcode != CONT else 0
            assert not first & 0x70 & ~bits, "reserved bits"

    def counts(self) -> tuple[int, int, int, int, int]:
        """Frames, messages, bytes of data, pings and pongs."""
        return self.frames, self.messages, self.data_bytes, self.pings, len(self.pongs)


class Pipe:
    """One direction of the link: what one end writes, the other reads, late and in pieces."""

    def __init__(self, simulation: Simulation, latency: float) -> None:
        rng = simulation.rng
        self.simulation = simulation
        self.source: Peer
        self.target: Peer
        self.back: Pipe
        self.latency = latency
        #: How much may be under way, as in the buffers of a transport.
        self.window = rng.choice((UNBOUNDED, UNBOUNDED, 16384, 700))
        self.chunking = rng.choice(("whole", "whole", "pieces", "bytes"))
        self.gap = rng.choice((0.0, 0.0, 0.01))
        self.under_way: deque[tuple[float, bytes]] = deque()
        self.size = 0
        self.sent = 0
        self.small_reads = 25
        self.eof_at: float | None = None
        self.over = False
        self.delivery: float | None = None
        self.blocked = False
        #: Between which times nothing comes out.
        self.stall = (inf, inf)
        #: After how many bytes the link fails, and how.
        self.cut_at: int | None = None
        self.cut_how = ""
        self.dead = False
        #: Which byte is altered.
        self.alter_at: int | None = None

    @property
    def room(self) -> int:
        """How much the source's transport takes now: nothing, or a good deal."""
        room = self.window - self.size
        return room if 2 * room >= self.window else 0

    def write(self, data: bytes) -> None:
        """Take bytes from the source."""
        before = self.sent
        self.sent += len(data)
        self.size += len(data)
        if self.dead or self.eof_at is not None:
            return
        if self.alter_at is not None and before <= self.alter_at < self.sent:
            at = self.alter_at - before
            changed = data[at] ^ self.simulation.rng.choice((0x01, 0x08, 0x40, 0x80, 0xFF))
            data = data[:at] + bytes((changed,)) + data[at + 1 :]
        if self.cut_at is not None and self.sent > self.cut_at:
            data = data[: self.cut_at - before]
            self.simulation.note(self.source.name, "link", f"cut: {self.cut_how}")
            self.simulation.reached[f"link {self.cut_how}"] += 1
            self._put(data)
            self.die()
            if self.cut_how in ("reset", "half closed"):
                self._end(self.simulation.now + self.latency)
            if self.cut_how == "reset":
                self.back.die()
                self.back._end(self.simulation.now + self.back.latency)
            elif self.cut_how == "silent":
                self.back.die()
            return
        self._put(data)

    def _put(self, data: bytes) -> None:
        if data:
            self.under_way.append((self.simulation.now + self.latency, data))
            self.wake(self.simulation.now + self.latency)

    def die(self) -> None:
        """Let nothing through that has not been written."""
        self.dead = True

    def finish(self) -> None:
        """The source writes no more; the target sees that, unless the link is dead."""
        if not self.dead:
            self._end(self.simulation.now + self.latency)

    def _end(self, at: float) -> None:
        if self.eof_at is None:
            self.eof_at = at
            self.wake(at)

    def reset(self, late: bool = True) -> None:
        """The source is gone: what the target has not read is lost."""
        self.back.dead = True
        if not self.dead:
            self.dead = True
            at = self.simulation.now + (self.latency if late else 0.0)
            self.simulation.at(at, self._drop)

    def _drop(self) -> None:
        self.under_way.clear()
        self.eof_at = self.simulation.now
        self.stall = (inf, inf)
        self.deliver()

    def wake(self, at: float) -> None:
        """See to a delivery at that time, or before."""
        if self.delivery is None or at < self.delivery:
            self.delivery = at
            self.simulation.at(at, self.deliver)

    def unblock(self) -> None:
        """The target reads again."""
        if self.blocked:
            self.blocked = False
            self.wake(self.simulation.now)

    def deliver(self) -> None:
        """Give the target what has arrived, as much as one read takes."""
        now = self.simulation.now
        if self.delivery is not None and self.delivery <= now:
            self.delivery = None
        if self.over:
            return
        begin, end = self.stall
        if begin <= now < end:
            self.simulation.reached["link stalled"] += 1
            self.wake(end)
            return
        target = self.target
        if target.closed:
            if self.under_way:
                # As TCP: who has closed answers what still comes with a reset.
                self.under_way.clear()
                target.out.reset()
            self.over = True
            return
        if target.paused:
            self.blocked = True
            return
        limit = self._next_read()
        data = b""
        while self.under_way and self.under_way[0][0] <= now and limit:
            at, piece = self.under_way.popleft()
            if len(piece) > limit:
                self.under_way.appendleft((at, piece[limit:]))
                piece = piece[:limit]
            limit -= len(piece)
            data += piece
        if data:
            self.size -= len(data)
            target.receive(data)
        elif not self.under_way and self.eof_at is not None and self.eof_at <= now:
            self.over = True
            target.receive_eof()
        if self.under_way:
            self.wake(max(now + self.gap, self.under_way[0][0]))
        elif self.eof_at is not None and not self.over:
            self.wake(max(now, self.eof_at))
        self.source.room_again()

    def _next_read(self) -> int:
        if self.chunking == "whole" or not self.small_reads:
            return UNBOUNDED
        self.small_reads -= 1
        if self.chunking == "bytes":
            return 1
        return self.simulation.rng.choice((1, 2, 7, 30, 200, 4096))


class Peer:
    """What is at one end of the link."""

    def __init__(self, simulation: Simulation, client: bool, out: Pipe, into: Pipe) -> None:
        self.simulation = simulation
        self.rng = simulation.rng
        self.client = client
        self.name = "client" if client else "server"
        self.role = CLIENT if client else SERVER
        self.out = out
        self.into = into
        out.source = self
        into.target = self
        #: Whether its transport is closed, or gone.
        self.closed = False

    @property
    def paused(self) -> bool:
        """Whether it does not read."""
        return False

    def begin(self) -> None:
        """The transport is there."""

    def receive(self, data: bytes) -> None:
        """The transport has read something."""

    def receive_eof(self) -> None:
        """The transport has come to its end."""

    def room_again(self) -> None:
        """The transport takes more."""

    def settle_down(self) -> None:
        """Nothing new is begun from now on."""

    def sever(self) -> None:
        """The transport is found to be gone."""

    def close(self) -> None:
        """Close, of its own accord."""


class End(Peer):
    """A session, with the application above it and the transport below."""

    def __init__(self, simulation: Simulation, client: bool, out: Pipe, into: Pipe) -> None:
        super().__init__(simulation, client, out, into)
        rng = self.rng
        calm = simulation.calm
        self.config = calm_config(rng) if calm else rough_config(rng)
        #: Of the application: when it takes events, and how many at once.
        self.eager = rng.random() < 0.6
        self.take_most = rng.choice((1, 2, 5, 0))
        self.take_delay = rng.choice((0.0, 0.05, 0.5, 1.0 if calm else 4.0))
        self.acts_at_once = rng.random() < 0.7
        self.echoes = rng.random() < 0.2
        self.minds_writable = rng.random() < 0.7
        #: Of the transport: whether it heeds reading_paused, and how much it writes when.
        self.heeds = calm or rng.random() < 0.8
        self.pace = rng.choice((0, 0, 0, 3, 20, 1000))
        self.pace_delay = rng.choice((0.001, 0.02))
        #: By how much its timers are late.
        self.late = rng.choice((0.0, 0.0, 0.01, 0.4 if calm else 3.0))
        #: What it does about pings and Closes that it has to answer itself.
        self.answer_delay = rng.choice((None, None, 0.1, 1.0))
        self.answers = calm or self.config.close_timeout is None or rng.random() < 0.9
        self.answer = rng.choices(
            ("accept", "refuse", "refuse with body", "never"), (88, 5, 5, 0 if calm else 3)
        )[0]
        self.parses = not client and simulation.honest and rng.random() < 0.1
        self.actions = rng.choice((0, 1, 3, 6, 10))
        self.deflate = rng.random() < 0.4
        self.session: Session
        self.wire: Wire
        # What was said, and what was heard.
        self.sent: list[Data] = []
        self.payload_sent = 0
        self.fragments: list[Data] = []
        self.received: list[Data] = []
        self.pieces: list[Data] = []
        self.pings: list[bytes] = []
        self.app_pings = 0
        self.body = b""
        self.body_given = b""
        self.terminal: SessionEnded | None = None
        self.events_taken = 0
        self.controls_seen = 0
        self.wire_received = 0
        self.wire_taken = 0
        self.first_close: tuple[int, str] | None = None
        self.head = b""
        # What is planned, and what is remembered between steps.
        self.armed: float | None = None
        self.taking = False
        self.ticking = False
        self.waiting_for_room = False
        self.settled = False
        self.owes_close = False
        self.reject_pieces: list[bytes] = []
        self.action = TransportAction.KEEP
        self.finished_writing = False
        self.closed_by: TransportAction | None = None
        self.ended: SessionEnded | None = None
        self.last_output = 0
        self.started_at = simulation.now
        self.opened_at: float | None = None
        self.closing_since: float | None = None
        self.heard_at = simulation.now
        self.excused_at = -inf
        self.was_paused = False
        self.latency: float | None = None
        self.bytes_since_open = 0

    # How it begins

    def make(self, make: type[Session], over: bool, extension: PerMessageDeflate | None) -> None:
        """Make the session: with a handshake before it, or over an open connection."""
        simulation = self.simulation
        self.wire = Wire(self.client, not over)
        if over:
            extensions = [] if extension is None else [extension]
            entropy = {"entropy": self.rng.randbytes}
            connection = self.config.make_connection(self.role, extensions, **entropy)
            self.session = make.over(connection, now=simulation.now, config=self.config)
            self.wire.deflate = extension is not None
            self.opened_at = simulation.now
        else:
            self.session = make(
                self.role, now=simulation.now, config=self.config, entropy=self.rng.randbytes
            )

    def begin(self) -> None:
        if self.client and self.session.state is not OPEN:
            offers = [draw_deflate(self.rng)] if self.deflate else []
            self.do("send", Request("example.com", "/chat?a=b", extensions=offers))
        self.after()
        if self.actions:
            self.plan_action()

    # The transport

    @property
    def paused(self) -> bool:
        return self.heeds and self.session.reading_paused

    def receive(self, data: bytes) -> None:
        self.note("receive", data)
        self.before()
        now = self.simulation.now
        if self.parses and self.opened_at is None:
            self.head += data
            head, end, rest = self.head.partition(b"\r\n\r\n")
            if not end:
                self.after()
                return
            self.parses = False
            lines = head.split(b"\r\n")
            method, target, version = lines[0].split(b" ")
            fields = [(name, value) for name, _, value in (x.partition(b": ") for x in lines[1:])]
            if self.session.state is ConnectionState.CONNECTING:
                self.session.receive_request(
                    fields, target, now, method=method, http_version=version[5:]
                )
            data = rest
        if data:
            self.wire_received += len(data)
            if self.opened_at is not None:
                self.bytes_since_open += len(data)
            self.session.receive_data(data, now)
        self.check_noticed(now)
        self.heard_at = now
        self.after()

    def receive_eof(self) -> None:
        self.note("receive", "end")
        self.before()
        self.session.receive_data(self.rng.choice((None, b"")), self.simulation.now)
        if self.rng.random() < 0.1:
            self.session.receive_data(None, self.simulation.now)
        self.after()

    def write(self) -> None:
        """Have the transport take what it can."""
        if self.finished_writing or self.ticking:
            return
        session = self.session
        room = self.out.room
        # In some ten writes, however much it is: each is a step of the schedule.
        limit = min(room, max(self.pace, self.pending // 5)) if self.pace else room
        if limit >= self.pending:
            if self.rng.random() < 0.2:
                data = b"".join(session.buffers_to_send())
            else:
                data = session.data_to_send()
        else:
            data = session.data_to_send(limit)
            assert len(data) <= limit, "more output than the limit"
        if data:
            self.note("write", data)
            if self.action is TransportAction.ABORT:
                self.fail("output after ABORT")
            self.wire_taken += len(data)
            self.wire.take(data)
            self.out.write(data)
        self.waiting_for_room = False
        if self.pending:
            if room <= len(data):
                self.waiting_for_room = True
            else:
                self.ticking = True
                self.simulation.after(self.pace_delay, self.tick)

    def tick(self) -> None:
        """The transport takes the next bytes."""
        self.ticking = False
        self.before()
        self.after()

    def room_again(self) -> None:
        if self.waiting_for_room and self.out.room:
            self.waiting_for_room = False
            self.ticking = True
            self.simulation.after(0.0, self.tick)

    def follow(self) -> None:
        """Do with the transport what the session says."""
        action = self.session.transport
        if action < self.action:
            self.fail(f"{action!r} after {self.action!r}")
        if action in (TransportAction.END_WRITING, TransportAction.CLOSE) and self.pending:
            self.fail(f"{action!r} with output pending")
        if action is TransportAction.ABORT and self.pending:
            self.fail("output pending in ABORT")
        if action > self.action:
            self.note("transport", action.name)
            self.simulation.reached[f"transport {action.name}"] += 1
            self.action = action
        if action is TransportAction.KEEP or self.closed:
            return
        if not self.finished_writing:
            self.finished_writing = True
            if action is not TransportAction.ABORT:
                self.out.finish()
        if action is TransportAction.END_WRITING:
            return
        self.closed = True
        self.closed_by = action
        if action is TransportAction.ABORT:
            self.out.reset()
        self.into.wake(self.simulation.now)
        if self.rng.random() < 0.5:  # as asyncio's connection_lost()
            self.simulation.after(self.rng.choice((0.0, 1.0)), self.receive_eof)

    def sever(self) -> None:
        if not self.closed:
            self.closed = self.finished_writing = True
            self.simulation.after(0.0, self.receive_eof)
        if self.owes_close:
            self.answer_close()
        self.owed_body()

    # Each step

    def before(self) -> None:
        """What is to be remembered before anything is done."""
        if self.was_paused:
            self.excused_at = self.simulation.now

    def after(self) -> None:
        """What an embedder does after each call, and what must then be true."""
        if self.eager or self.settled:
            self.take(0)
        elif not self.taking:
            self.taking = True
            self.simulation.after(self.take_delay, self.take_some)
        self.follow_up()

    def follow_up(self) -> None:
        """What is due after events have been taken."""
        self.write()
        self.follow()
        self.rearm()
        self.check()
        if not self.paused:
            self.into.unblock()

    @property
    def pending(self) -> int:
        """Bytes of output that wait."""
        # What statistics() says, for a tenth of the time.
        return self.session._added - self.session._taken

    def take_some(self) -> None:
        """The application gets round to its events."""
        self.taking = False
        self.before()
        taken = self.take(self.take_most)
        self.follow_up()
        if taken and taken == self.take_most and not self.taking:  # else the next step will be told
            self.taking = True
            self.simulation.after(max(self.take_delay, 0.01), self.take_some)

    def take(self, most: int) -> int:
        """Take so many events, or all, and act on them, within the loop or behind it."""
        session = self.session
        congested = session.state is OPEN and not session.writable
        pongs = session._pongs_sent - self.app_pongs
        taken: list[Event] = []
        count = 0
        for event in session.events():
            if congested and session._pongs_sent - self.app_pongs > pongs:
                self.fail("a pong although the output is congested")
            if self.acts_at_once:
                self.act(event)
            else:
                taken.append(event)
            count += 1
            if count == most:
                break
        for event in taken:
            self.act(event)
        if congested and session._pongs_sent - self.app_pongs > pongs:
            self.fail("a pong although the output is congested")
        return count

    app_pongs = 0

    # The timer

    def rearm(self) -> None:
        """Arm the one timer, as late as it may be."""
        deadline = self.session.deadline
        if deadline != self.armed:
            self.armed = deadline
            if deadline is not None:
                now = self.simulation.now
                if deadline < now - EPSILON:
                    self.simulation.reached["deadline in the past"] += 1
                late = self.rng.random() * self.late if self.late and deadline > now else 0.0
                self.simulation.at(max(now, deadline + late), self.fire, deadline)

    def fire(self, deadline: float) -> None:
        """The timer has run out."""
        if deadline != self.armed:
            return
        session = self.session
        now = self.simulation.now
        if now > deadline + 0.1:
            self.simulation.reached["timer late"] += 1
        self.note("timer", round(now - deadline, 3))
        self.before()
        closing = session.state is not OPEN
        for _ in range(4):
            session.handle_timer(now)
            if session.deadline is None or session.deadline > now:
                break
        else:
            self.fail(f"the deadline {session.deadline} stays behind {now}")
        connection = session._connection
        if connection is not None and connection.waiting and session.ended is None:
            self.simulation.reached["read ahead"] += 1
        if session.ended is not None and session.ended.cause is EndCause.TIMED_OUT and not closing:
            self.simulation.reached["pong overdue"] += 1
        self.after()

    # The application

    def act(self, event: Event) -> None:
        """Do what an application does about an event."""
        self.note("event", event)
        self.events_taken += 1
        if self.terminal is not None:
            self.fail(f"{event!r} after the end")
        if isinstance(event, Message):
            self.hear(event)
        elif isinstance(event, SessionEnded):
            self.terminal = event
            if event is not self.session.ended:
                self.fail("an end that is not the session's")
        elif isinstance(event, Request):
            self.later(self.answer_delay, self.answer_request)
        elif isinstance(event, AcceptConnection):
            self.wire.deflate = bool(event.extensions)
            if event.extensions:
                self.simulation.reached["deflate"] += 1
        elif isinstance(event, RejectData):
            self.body += event.data
        elif isinstance(event, Ping):
            if self.config.answer_pings:
                self.fail("a ping that was to be answered")
            if self.session.state in (OPEN, ConnectionState.LOCAL_CLOSING):
                self.simulation.reached["ping answered by the application"] += 1
                self.app_pongs += 1
                self.session.send(event.response(), self.simulation.now)
        elif isinstance(event, CloseConnection):
            if self.config.answer_close:
                self.fail("a Close that was to be answered")
            self.owes_close = True
            self.simulation.reached["Close answered by the application"] += 1
            if self.answers:
                self.later(self.answer_delay, self.answer_close)

    def hear(self, event: Message[Any]) -> None:
        """Take a message, or a piece of one, and compare it with what was sent."""
        self.pieces.append(event.data)
        peer = self.simulation.other(self)
        if not event.message_finished:
            if self.config.whole_messages:
                self.fail("a piece instead of a whole message")
            return
        data = together(self.pieces)
        self.pieces.clear()
        at = len(self.received)
        self.received.append(data)
        if self.simulation.honest:
            assert isinstance(peer, End)
            if at >= len(peer.sent):
                self.fail(f"a message that was not sent: {data[:40]!r}")
            if data != peer.sent[at]:
                self.fail(f"message {at} is {data[:40]!r}, not {peer.sent[at][:40]!r}")
        if self.echoes and len(self.sent) < 20 and len(data) < 2000 and not self.settled:
            self.say(data)

    def answer_request(self) -> None:
        """A server's application makes up its mind."""
        if self.session.state is not ConnectionState.CONNECTING or self.answer == "never":
            return
        if self.answer == "accept":
            extensions = [draw_deflate(self.rng)] if self.deflate else []
            self.do("send", AcceptConnection(extensions=extensions))
        elif self.answer == "refuse":
            self.do("send", RejectConnection(403))
        else:
            self.reject_pieces = [b"no", b"", b"!" * self.rng.choice((1, 3000))]
            length = str(sum(map(len, self.reject_pieces))).encode()
            headers = self.rng.choice(([], [(b"Content-Length", length)]))
            self.do("send", RejectConnection(404, headers, has_body=True))
            self.answer_body()

    def answer_body(self) -> None:
        """A piece of a refusal's body."""
        if not self.reject_pieces or self.session.state is not ConnectionState.REJECTING:
            return
        piece = self.reject_pieces.pop(0)
        self.body_given += piece
        self.do("send", RejectData(piece, body_finished=not self.reject_pieces))
        if self.reject_pieces:
            self.later(self.answer_delay or 0.0, self.answer_body)

    def later(self, seconds: float | None, call: Callable[[], None]) -> None:
        """Have the application do something, at once or some time later."""

        def then() -> None:
            self.before()
            call()
            self.after()

        if seconds is None:
            call()
        else:
            self.simulation.after(seconds, then)

    def owed_body(self) -> None:
        """All that is left of a refusal's body."""
        while self.reject_pieces and self.session.state is ConnectionState.REJECTING:
            self.answer_body()

    def answer_close(self) -> None:
        """Answer the peer's Close."""
        if self.owes_close:
            self.owes_close = False
            self.close()

    def do(self, what: str, *arguments: Any, **keywords: Any) -> bool:
        """Call the session. Whether it did what was asked; what may not be, must not."""
        session = self.session
        self.note(what, arguments)
        before = self.snapshot()
        try:
            if what == "send":
                session.send(arguments[0], self.simulation.now, **keywords)
            else:
                getattr(session, what)(self.simulation.now, *arguments)
        except LocalProtocolError as exc:
            self.note("refused", exc)
            if self.snapshot() != before:
                self.fail(f"{what} {arguments!r:.100} was refused and changed something")
            return False
        return True

    def snapshot(self) -> tuple[object, ...]:
        """All that can be seen of the session, except for what time alone may change."""
        session = self.session
        return (
            session.statistics(),
            session.deadline,
            session.transport,
            session.writable,
            session.ended,
        )

    def say(self, data: Data, compress: bool | None = None, how: str = "plain") -> None:
        """Send a whole message, one way or another."""
        session = self.session
        allowed = session.state is OPEN and not session.fragmenting
        if how == "prepared":
            event: Event = PreparedMessage(data)
        elif isinstance(data, str):
            event = TextMessage(data)
        else:
            event = BytesMessage(data)
        if how == "group":
            self.note("group", data)
            group = Group([session]) if session.state is OPEN else Group()
            writable = session.writable
            report = group.send(data, self.simulation.now)
            if report.sent != (allowed and writable):
                self.fail(f"a group gives {report}, {writable=}")
            self.simulation.reached["group sent" if report.sent else "group did not send"] += 1
            done = report.sent == 1
        elif session.fragmenting:
            return
        else:
            done = self.do("send", event, compress=compress)
            if done != allowed:
                self.fail(f"to send a message was {'' if done else 'not '}allowed")
            self.simulation.reached[f"{how} message"] += done
        if done:
            self.sent.append(data)
            self.payload_sent += size_of(data)
            self.last_output = size_of(data)

    def say_fragment(self, data: Data, fin: bool) -> None:
        """Send the next fragment of a message."""
        if self.session.state is not OPEN:
            return
        if isinstance(data, str):
            event: Event = TextMessage(data, message_finished=fin)
        else:
            event = BytesMessage(data, message_finished=fin)
        if not self.do("send", event, compress=self.rng.choice((None, True, False))):
            self.fail("a fragment was refused")
        self.simulation.reached["fragment"] += 1
        self.fragments.append(data)
        self.payload_sent += size_of(data)
        self.last_output = size_of(data)
        if fin:
            self.sent.append(together(self.fragments))
            self.fragments.clear()

    def close(self) -> None:
        code, reason = draw_close(self.rng)
        session = self.session
        if self.opened_at is None and session.state is OPEN:
            self.opened_at = self.simulation.now
        first = session.state in (OPEN, ConnectionState.REMOTE_CLOSING)
        if not self.do("close", code, reason):
            self.fail("close() was refused")
        if first:
            sent = {1006: 1000}.get(code, code)
            cut = reason.encode()[:123].decode(errors="ignore")
            self.first_close = self.first_close or (sent, cut)
            if self.closing_since is None:
                self.closing_since = self.simulation.now

    def plan_action(self) -> None:
        """Do something at random, some time."""
        self.simulation.after(self.rng.expovariate(1 / self.simulation.tempo), self.act_freely)

    def act_freely(self) -> None:
        """What an application does of its own accord."""
        if self.settled or self.session.ended is not None:
            return
        self.before()
        self.choose()
        self.after()
        self.actions -= 1
        if self.actions:
            self.plan_action()

    def choose(self) -> None:
        """One action."""
        rng = self.rng
        session = self.session
        if session.state is ConnectionState.CONNECTING and rng.random() < 0.7:
            return  # what can be done now is mostly to spoil it
        choice = rng.random()
        writable = not self.minds_writable or session.writable
        if choice < 0.5:
            if not writable:
                return
            if session.fragmenting and self.fragments:
                self.say_fragment(draw_data(rng, type(self.fragments[0])), rng.random() < 0.6)
            elif choice < 0.12:
                self.say_fragment(draw_data(rng), False)
            else:
                how = rng.choices(("plain", "prepared", "group"), (4, 1, 1))[0]
                compress = rng.choice((None, None, True, False))
                for _ in range(rng.choice((1, 1, 3))):
                    self.say(draw_data(rng), compress, how)
        elif choice < 0.66:
            for _ in range(rng.choice((1, 1, 4, 40))):
                ping = Ping(rng.randbytes(rng.choice((0, 5, 125))))
                if self.do("send", ping):
                    self.app_pings += 1
        elif choice < 0.7:
            if self.do("send", Pong(b"unasked")):
                self.app_pongs += 1
        elif choice < 0.82:
            self.misuse()
        elif choice < 0.88:
            self.call_early()
        elif choice < 0.95:
            if rng.random() < (0.2 if self.simulation.calm else 0.6) and self.simulation.may_close(
                self
            ):
                self.close()
                if rng.random() < 0.3:
                    self.do("close", 1001, "again")
        elif not self.simulation.calm and rng.random() < 0.4:
            self.do("abort")
            if rng.random() < 0.3:
                self.do("abort")

    def misuse(self) -> None:
        """What no application should do: refused, and nothing has happened."""
        session = self.session
        now = self.simulation.now
        early = self.started_at - 1.0
        wrong: list[Callable[[], object]] = [
            lambda: session.send(TextMessage("\ud800"), now),
            lambda: session.send(BytesMessage(1), now),  # type: ignore[arg-type]
            lambda: session.send(Ping(bytes(126)), now),
            lambda: session.send(CloseConnection(1005, "with a reason"), now),
            lambda: session.send(CloseConnection(1004), now),
            lambda: session.receive_data(b"x", early),
            lambda: session.receive_data(None, nan),
            lambda: session.handle_timer(nan),
            lambda: session.handle_timer(inf),
            lambda: session.send(TextMessage("late"), early),
            lambda: session.close(early),
            lambda: session.abort(-inf),
            lambda: session.data_to_send(-1),
        ]
        if session.state is not ConnectionState.CONNECTING:
            wrong += [
                lambda: session.send(Request("example.com", "/"), now),
                lambda: session.send(AcceptConnection(), now),
                lambda: session.receive_request([], "/", now),
            ]
        else:
            wrong += [lambda: session.send(TextMessage("early"), now)]
        if session.state is OPEN:
            wrong += [lambda: session.close(now, 1004)]
        call = self.rng.choice(wrong)
        before = self.snapshot()
        try:
            call()
        except LocalProtocolError as exc:
            self.note("misuse", exc)
        else:
            self.fail("misuse was let through")
        if self.snapshot() != before:
            self.fail("misuse has changed something")
        self.simulation.reached["misuse"] += 1

    def call_early(self) -> None:
        """A timer that is not due does nothing."""
        session = self.session
        if session.deadline is None or session.deadline > self.simulation.now:
            before = self.snapshot()
            session.handle_timer(self.simulation.now)
            if self.snapshot() != before:
                self.fail("a timer that was not due has changed something")

    def settle_down(self) -> None:
        self.settled = True
        self.before()
        if self.fragments and self.simulation.calm:
            self.say_fragment(type(self.fragments[0])(), True)
        self.owed_body()
        self.after()

    # What must be true after each step

    def check(self) -> None:
        """All that must be true at any time."""
        session = self.session
        config = self.config
        now = self.simulation.now
        pending = self.pending
        self.statistics: SessionStatistics
        self.statistics = figures = session.statistics()
        if figures.output_pending != pending:
            self.fail("output that waits is miscounted")
        reached = self.simulation.reached
        if session.ended is not None and self.ended is None:
            self.ended = session.ended
            self.note("ended", session.ended)
        if self.ended is not session.ended:
            self.fail("another end")
        state = session.state
        if state is OPEN:
            if self.opened_at is None:
                self.opened_at = now
            if not session.writable:
                reached["congested"] += 1
        elif self.opened_at is not None and self.closing_since is None:
            self.closing_since = now
            self.check_noticed(now)
        self.was_paused = session.reading_paused or figures.input_pending > 0
        if Timer.RESUME in session._timers._times and session.reading_paused:
            reached["rate paused"] += 1
        if session._late_pong is not None:
            reached["pong kept back"] += 1
        if figures.wire_bytes_sent > self.taken_before:
            self.excused_at = now  # a ping may wait behind what the transport takes
        self.taken_before = figures.wire_bytes_sent
        # Memory
        if config.max_output is not None and state is OPEN:
            # What cannot be compressed grows a little.
            most = config.max_output + 1.05 * self.last_output + 400
            if pending > most:
                self.fail(f"{pending} bytes of output, {most} allowed")
        if len(session._more) > 2 * pending + 2:
            self.fail(f"{len(session._more)} buffers for {pending} bytes")
        if self.heeds and self.opened_at is not None and session._connection is not None:
            most = config.read_high_water + self.largest_read
            if figures.input_pending > most:
                self.fail(f"{figures.input_pending} bytes of input, {most} allowed")
            waiting = len(session._connection._events)
            if waiting > most // 2 + 2:
                self.fail(f"{waiting} events wait")
        # Figures
        if figures.wire_bytes_received != self.wire_received:
            self.fail("bytes received are miscounted")
        if figures.wire_bytes_sent != self.wire_taken:
            self.fail("bytes sent are miscounted")
        if figures.messages_sent != len(self.sent):
            self.fail(f"{figures.messages_sent} messages sent, not {len(self.sent)}")
        if figures.payload_bytes_sent != self.payload_sent:
            self.fail(f"payload of {figures.payload_bytes_sent} sent, not {self.payload_sent}")
        self.check_rates(figures, now)
        self.check_latency(now)

    taken_before = 0
    largest_read = 1 << 18

    def check_noticed(self, now: float) -> None:
        """A peer that says nothing has been noticed in time."""
        config = self.config
        if (
            config.ping_interval is None
            or config.ping_timeout is None
            or self.opened_at is None
            or (self.closing_since is not None and self.closing_since < now)
        ):
            return
        quiet_since = max(self.heard_at, self.opened_at)
        most = config.ping_interval + config.ping_timeout + 2 * self.late
        if config.traffic_is_life:
            # Heard of since the last ping, it is asked again only when that is overdue.
            most = max(most, 2 * config.ping_timeout + 2 * self.late)
        if self.excused_at >= quiet_since:
            quiet_since = self.excused_at
            most += config.ping_timeout + self.late
        if now > quiet_since + most + EPSILON:
            self.fail(f"a peer silent since {quiet_since} was not noticed")

    def check_rates(self, figures: SessionStatistics, now: float) -> None:
        """No more has been taken than the rates allow."""
        if self.opened_at is None:
            return
        elapsed = now - self.opened_at
        config = self.config
        controls = figures.pings_received + figures.pongs_received
        for limit, amount, what in (
            (config.control_rate, controls, "control frames"),
            (config.message_rate, figures.messages_received, "messages"),
            (config.byte_rate if self.heeds else None, self.bytes_since_open, "bytes"),
        ):
            if limit is not None:
                slack = self.largest_read if what == "bytes" else 1
                if amount > limit.burst + elapsed * limit.per_second + slack + EPSILON:
                    self.fail(f"{amount} {what} against {limit}")

    def check_latency(self, now: float) -> None:
        """What is told of the round trip can be true."""
        latency = self.session.latency
        if latency == self.latency or latency is None:
            return
        self.latency = latency
        assert self.opened_at is not None
        if not 0 <= latency <= now - self.opened_at + EPSILON:
            self.fail(f"a latency of {latency} within {now - self.opened_at}")
        if self.simulation.honest:
            least = self.out.latency + self.into.latency
            if latency < least - EPSILON:
                self.fail(f"a latency of {latency} over a link that takes {least}")
            if self.simulation.exact and latency > least + EPSILON:
                self.fail(f"a latency of {latency}, not {least}")
            self.simulation.reached["latency"] += 1
            self.simulation.reached["latency exact"] += self.simulation.exact

    # What must be true in the end

    def check_end(self) -> None:
        """All that must be true of one end when nothing more can happen."""
        self.take(0)
        session = self.session
        ended = self.terminal
        self.statistics = session.statistics()
        config = self.config
        if ended is None:
            self.fail("it never ended")
        if session.state is not ConnectionState.CLOSED:
            self.fail(f"it ended in {session.state}")
        if session.deadline is not None:
            self.fail("a deadline is left")
        code_received, code_sent = ended.code_received, ended.code_sent
        if ended.code != (1006 if code_received is None else code_received):
            self.fail("the code is not the peer's")
        if ended.clean != (code_received is not None and code_sent is not None):
            self.fail("clean is not that a Close went each way")
        close = self.wire.close
        if close is not None and close[0] != code_sent:
            self.fail(f"{close} was sent")
        if self.first_close and close is not None and close != self.first_close:
            self.fail(f"{close} was sent instead of {self.first_close}")
        figures = self.statistics
        # How long things took
        opened_at, ended_at = figures.opened_at, figures.ended_at
        assert ended_at is not None
        if config.handshake_timeout is not None:
            until = self.started_at + config.handshake_timeout + self.late
            if (ended_at if opened_at is None else opened_at) > until + EPSILON:
                self.fail("the handshake took too long")
        if config.close_timeout is not None and self.closing_since is not None:
            until = self.closing_since + config.close_timeout + self.late
            if ended_at > until + EPSILON:
                self.fail("the closing took too long")
        # Figures
        if not self.pending and self.action is not TransportAction.ABORT:
            wire = self.wire
            counts = (wire.frames, wire.messages, wire.data_bytes, wire.pings, len(wire.pongs))
            said = (
                figures.frames_sent,
                figures.messages_sent,
                figures.frame_bytes_sent,
                figures.pings_sent,
                figures.pongs_sent,
            )
            if counts != said:
                self.fail(f"{counts} were sent, not {said}")
            if (close is None) != (code_sent is None):
                self.fail(f"{close} was sent, not {code_sent}")
        # What was read ahead of an abort is not given, nor the one that was too many.
        excess = figures.messages_received - len(self.received)
        if ended.cause is EndCause.ABORTED:
            excess = min(excess, 0)
        elif ended.cause is EndCause.FAILED and config.message_rate is not None:
            excess -= excess == 1
        if excess:
            self.fail(f"{figures.messages_received} messages received, not {len(self.received)}")
        if figures.payload_bytes_received < sum(map(size_of, self.received)):
            self.fail("payload received is miscounted")
        side = {Side.LOCAL: "here", Side.REMOTE: "there", None: "nobody"}[ended.initiator]
        reached = self.simulation.reached
        reached[f"{self.name} {ended.cause.name}"] += 1
        reached[f"{self.name} {ended.cause.name} by {side}"] += 1
        if close == (1001, "idle"):
            reached["idle"] += 1
        if ended.error is not None:
            reached[" ".join(c for c in str(ended.error).split() if c.isalpha())] += 1

    # Words

    def note(self, what: str, result: object) -> None:
        """Put something into the trace."""
        self.simulation.note(self.name, what, result)

    def fail(self, what: str) -> NoReturn:
        """Give up on the schedule."""
        self.simulation.fail(f"{self.name}: {what}")


class Liar(Peer):
    """A peer that is no session: it says what it likes."""

    def __init__(self, simulation: Simulation, client: bool, out: Pipe, into: Pipe) -> None:
        super().__init__(simulation, client, out, into)
        self.open = simulation.over
        self.asked = b""
        self.sayings = self.rng.choice((1, 3, 10))

    def begin(self) -> None:
        if self.client and not self.open:
            request = (
                b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            self.say(self.perhaps_altered(request))
            self.open = True
        self.plan()

    def plan(self) -> None:
        """Say something, some time."""
        self.simulation.after(self.rng.expovariate(1 / self.simulation.tempo), self.go_on)

    def go_on(self) -> None:
        """Say something."""
        if self.closed:
            return
        if self.open or self.rng.random() < 0.1:
            for _ in range(self.rng.choice((1, 1, 2, 30))):
                self.say(self.saying())
        self.sayings -= 1
        if self.sayings:
            self.plan()
        elif self.rng.random() < 0.4:
            self.closed = True
            if self.rng.random() < 0.5:
                self.out.finish()
            else:
                self.out.reset()

    def say(self, data: bytes) -> None:
        """Put bytes on the wire."""
        self.simulation.note(self.name, "lie", data)
        self.out.write(data)

    def saying(self) -> bytes:
        """A frame, or what is nearly one, or nothing of the kind."""
        rng = self.rng
        other = SERVER if self.client else CLIENT
        choice = rng.random()
        if choice < 0.1:
            return rng.randbytes(rng.choice((1, 10, 100)))
        if choice < 0.75:
            opcode = rng.choice((CONT, TEXT, BINARY, BINARY, PING, PING, PONG, TEXT))
            text = _TEXT[: rng.choice((0, 5, 50))].encode()
            return frame(opcode, text, to=other, fin=opcode >= 8 or rng.random() < 0.8)
        if choice < 0.85:
            code = rng.choice((1000, 1001, 1004, 1005, 999, 4000, 5000))
            return frame(
                CLOSE, code.to_bytes(2, "big") + rng.choice((b"", b"ok", b"\xff")), to=other
            )
        return self.perhaps_altered(
            frame(
                rng.choice((TEXT, BINARY, CONT, PING, 3, 11)),
                rng.randbytes(rng.choice((0, 3, 130))),
                to=other,
                fin=rng.random() < 0.7,
                rsv=rng.choice((0, 0, 4, 1)),
                masked=rng.choice((None, None, True, False)),
                length_bytes=rng.choice((2, 8)),
            )
        )

    def perhaps_altered(self, data: bytes) -> bytes:
        """It, or it with a fault."""
        if self.rng.random() < 0.7:
            return data
        at = self.rng.randrange(len(data))
        return data[:at] + self.rng.randbytes(1) + data[at + 1 :]

    def receive(self, data: bytes) -> None:
        if self.client or self.open:
            return
        self.asked += data
        if b"\r\n\r\n" in self.asked:
            self.open = True
            key = self.asked.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            answer = (
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
                + b64encode(sha1(key + _GUID).digest())
                + b"\r\n\r\n"
            )
            if self.rng.random() < 0.1:
                answer = b"HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nsorry"
            self.say(self.perhaps_altered(answer))


class Simulation:
    """One schedule.

    :param seed: all that it depends on.
    :param make: the session's class: another one where faults are planted.
    """

    def __init__(self, seed: int, make: type[Session] = Session) -> None:
        self.seed = seed
        self.rng = rng = random.Random(seed)
        self.reached: Counter[str] = Counter()
        self.trace: list[tuple[float, str, str, object]] = []
        self.queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.serial = 0
        self.now = rng.choice((0.0, 1000.0, -500.0))
        kind = rng.choices(("calm", "rough", "lying", "altered"), (30, 50, 13, 7))[0]
        self.kind = kind
        self.calm = kind == "calm"
        self.honest = kind in ("calm", "rough")
        #: Whether the session begins over an open connection.
        self.over = over = rng.random() < 0.5
        #: The mean time between two actions of an application.
        self.tempo = rng.choice((0.05, 0.5, 2.0))
        self.curfew = self.now + rng.choice((1.0, 5.0, 15.0))
        self.closers: tuple[str, ...]
        self.closers = rng.choice((("client",), ("server",), ("client", "server")))
        if not self.calm and rng.random() < 0.3:
            self.closers = ()
        latency = rng.choice((0.0, 0.01, 0.2, 0.2 if self.calm else 3.0))
        up = Pipe(self, latency)
        down = Pipe(self, rng.choice((latency, 0.05)))
        up.back, down.back = down, up
        liar = rng.choice((True, False)) if kind == "lying" else None
        self.client: Peer = (Liar if liar is True else End)(self, True, up, down)
        self.server: Peer = (Liar if liar is False else End)(self, False, down, up)
        self.peers = (self.client, self.server)
        self.ends = [peer for peer in self.peers if isinstance(peer, End)]
        client_side, server_side = self._agree(liar is None and over)
        for end in self.ends:
            end.make(make, over, client_side if end.client else server_side)
        #: Whether the round trip takes what the link takes, and nothing else.
        self.exact = self.calm and rng.random() < 0.3
        for end in self.ends if self.exact else ():
            end.eager, end.pace = True, 0
            end.out.chunking, end.out.gap, end.out.window = "whole", 0.0, UNBOUNDED
            self.exact &= end.config.answer_pings and end.config.message_rate is None
        if not self.calm:
            self._befall((up, down))
        if kind == "altered":
            rng.choice((up, down)).alter_at = rng.randrange(rng.choice((30, 200, 1000)))

    def _agree(self, over: bool) -> tuple[PerMessageDeflate | None, PerMessageDeflate | None]:
        """Compression, for connections that are open from the start."""
        if not over or self.rng.random() < 0.6:
            return None, None
        client, server = draw_deflate(self.rng), draw_deflate(self.rng)
        response = server.accept(f"{client.name}; {client.offer()}")
        assert response is not None
        client.finalize("; ".join(filter(None, (client.name, response))))
        self.reached["deflate"] += 1
        return client, server

    def _befall(self, pipes: tuple[Pipe, Pipe]) -> None:
        """What happens to the link."""
        rng = self.rng
        for pipe in pipes:
            if rng.random() < 0.25:
                begin = self.now + rng.random() * 5
                pipe.stall = (begin, begin + rng.choice((0.1, 2.0, 30.0)))
            if rng.random() < 0.3:
                pipe.cut_at = rng.randrange(rng.choice((50, 500, 5000)))
                pipe.cut_how = rng.choice(("reset", "half closed", "silent", "silent one way"))

    # Time

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        """Have something happen at a time."""
        self.serial += 1
        heapq.heappush(self.queue, (when, self.serial, call, arguments))

    def after(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Have something happen in so many seconds."""
        self.at(self.now + seconds, call, *arguments)

    def run(self) -> Counter[str]:
        """Play the schedule. What it got to; raises :exc:`Fault`."""
        try:
            for peer in self.peers:
                self.at(self.now, peer.begin)
            self.at(self.curfew, self._curfew)
            self.at(self.curfew + (150.0 if self.calm else 40.0), self._sever)
            steps = 0
            queue = self.queue
            while queue:
                self.now, _, call, arguments = heapq.heappop(queue)
                call(*arguments)
                steps += 1
                if steps > MOST_STEPS:
                    self.fail("it does not come to rest")
            for end in self.ends:
                end.check_end()
            self._check_both()
        except Fault:
            raise
        except Exception as exc:
            raise Fault(self.story(f"{type(exc).__name__}: {exc}")) from exc
        self.reached["steps"] += steps
        self.reached[self.kind] += 1
        return self.reached

    def _curfew(self) -> None:
        """From here on all that was begun is brought to its end."""
        for peer in self.peers:
            peer.settle_down()
        for peer in self.peers:
            if peer.name in self.closers and isinstance(peer, End):
                self._close(peer)
        if not self.closers:
            self._sever()

    def _close(self, end: End) -> None:
        """Have one end close; in calm schedules, not before it is open."""
        if self.calm and end.session.state is not OPEN and end.session.ended is None:
            self.after(0.5, self._close, end)
            return
        end.before()
        end.close()
        end.after()

    def _sever(self) -> None:
        """In the end every transport is found to be gone."""
        if self.calm:
            for end in self.ends:
                if end.terminal is None:
                    end.fail("it did not end by itself")
                if not end.closed:
                    end.fail("its transport was not closed")
        for peer in self.peers:
            peer.sever()

    def other(self, end: Peer) -> Peer:
        """The other end."""
        return self.server if end is self.client else self.client

    def may_close(self, end: End) -> bool:
        """Whether an application may close now: in calm schedules, an open connection."""
        return not self.calm or end.session.state is OPEN

    # What must be true of both

    def _check_both(self) -> None:
        if not self.honest:
            return
        client, server = self.client, self.server
        assert isinstance(client, End)
        assert isinstance(server, End)
        assert client.terminal is not None
        assert server.terminal is not None
        for here, there in ((client, server), (server, client)):
            end, other = here.terminal, there.terminal
            assert end is not None
            assert other is not None
            if end.code_received is not None:
                close = there.wire.close
                if close is None:
                    here.fail("a Close that was not sent")
                if end.code_received != close[0] or end.code_received != other.code_sent:
                    here.fail(f"{end.code_received} received, {other.code_sent} sent")
                if end.clean and end.reason != close[1]:
                    here.fail(f"{end.reason!r} received, {close[1]!r} sent")
            if end.clean:
                self._check_received(here, there)
        both = (client.terminal.initiator, server.terminal.initiator)
        if client.terminal.clean and server.terminal.clean:
            if both not in (
                (Side.LOCAL, Side.REMOTE),
                (Side.REMOTE, Side.LOCAL),
                (Side.LOCAL, Side.LOCAL),
            ):
                self.fail(f"initiators are {both}")
            if both == (Side.LOCAL, Side.LOCAL):
                self.reached["Closes crossed"] += 1
            for here, there in ((client, server), (server, client)):
                if here.received != there.sent:
                    here.fail(f"{len(here.received)} messages of {len(there.sent)} arrived")
        if self.calm:
            self._check_calm(client, server)

    def _check_received(self, here: End, there: End) -> None:
        """Who has taken the peer's Close, has taken all before it."""
        assert there.wire.until_close is not None
        figures = here.statistics
        said = (
            figures.frames_received,
            figures.messages_received,
            figures.frame_bytes_received,
            figures.pings_received,
            figures.pongs_received,
        )
        if said != there.wire.until_close:
            here.fail(f"{said} were received of {there.wire.until_close}")
        if figures.payload_bytes_received != there.payload_sent:
            here.fail(f"payload of {figures.payload_bytes_received}, not {there.payload_sent}")

    def _check_calm(self, client: End, server: End) -> None:
        """With nothing in the way everything arrives, and ends as it should."""
        refused = server.answer != "accept" and not self.over
        expected = EndCause.REJECTED if refused else EndCause.CLOSED
        for end in self.ends:
            assert end.terminal is not None
            if end.terminal.cause is not expected:
                end.fail(f"{end.terminal}, but nothing was in its way")
            if end.closed_by is not TransportAction.CLOSE:
                end.fail(f"its transport ended by {end.closed_by!r}")
        if refused and client.body != server.body_given:
            client.fail(f"{client.body!r} of {server.body_given!r}")

    # Words

    def note(self, who: str, what: str, result: object) -> None:
        """Put something into the trace."""
        self.trace.append((self.now, who, what, result))

    def fail(self, what: str) -> NoReturn:
        """Give up on the schedule."""
        raise Fault(self.story(what))

    def story(self, what: str) -> str:
        """What went wrong, in which schedule, and how to see it again."""
        again = f"SIMULATION_SEEDS={self.seed}:{self.seed + 1}"
        how = f"over {'open connections' if self.over else 'handshakes'}"
        closers = " and ".join(self.closers) or "nobody"
        lines = [
            what,
            f"seed {self.seed}; again: {again} python -m pytest tests/test_simulation.py",
            f"a {self.kind} schedule, {how}, closed by {closers} at {self.curfew:g}",
        ]
        for end in self.ends:
            lines.append(f"{end.name}: {describe(end.config)}")
            lines.append(
                f"    eager={end.eager} take_most={end.take_most} heeds={end.heeds} "
                f"pace={end.pace} late={end.late:g} latency={end.out.latency:g} "
                f"window={end.out.window} chunking={end.out.chunking} stall={end.out.stall}"
            )
        left_out = len(self.trace) - 200
        if left_out > 0:
            lines.append(f"... {left_out} lines")
        for time, who, action, result in self.trace[-200:]:
            said = (
                f"{len(result)} bytes {result[:16].hex(' ')}" if isinstance(result, bytes) else ""
            )
            lines.append(f"{time:10.4f} {who:6} {action:9} {said or repr(result):.160}")
        return "\n".join(lines)


# What is drawn


def size_of(data: Data) -> int:
    """Bytes that it takes on the wire."""
    return len(data.encode()) if isinstance(data, str) else len(data)


def together(pieces: list[Data]) -> Data:
    """One message of its fragments."""
    if isinstance(pieces[0], str):
        return "".join(piece for piece in pieces if isinstance(piece, str))
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))


def draw_data(rng: random.Random, kind: type[Data] | None = None) -> Data:
    """A message's data."""
    scale = rng.random()
    if scale < 0.6:
        size = rng.randrange(40)
    elif scale < 0.8:
        size = rng.randrange(110, 135)
    elif scale < 0.98:
        size = rng.randrange(5000)
    else:
        size = rng.choice((65535, 65536, 66000))
    at = rng.randrange(70_000)
    if kind is bytes or (kind is None and rng.random() < 0.5):
        return _BYTES[at : at + size]
    return _TEXT[at : at + size]


def draw_close(rng: random.Random) -> tuple[int, str]:
    """A close code and reason that can be sent."""
    code = rng.choice((1000, 1000, 1001, 1011, 3000, 4999, 1005, 1006))
    if code == 1005:
        return code, ""
    return code, _TEXT[: rng.choice((0, 0, 10, 60, 123))]


def draw_deflate(rng: random.Random) -> PerMessageDeflate:
    """Compression, mostly small, because its contexts take time to make."""
    return PerMessageDeflate(
        client_no_context_takeover=rng.random() < 0.3,
        server_no_context_takeover=rng.random() < 0.3,
        client_max_window_bits=rng.choice((9, 9, 10, 8, None)),
        server_max_window_bits=rng.choice((9, 9, 10, 8, None)),
        memory_level=1,
        level=rng.choice((1, 6)),
        threshold=rng.choice((0, 20)),
    )


def calm_config(rng: random.Random) -> SessionConfig:
    """A policy that gives everything time enough."""
    return SessionConfig(
        whole_messages=rng.random() < 0.7,
        answer_pings=rng.random() < 0.8,
        answer_close=rng.random() < 0.8,
        ping_interval=rng.choice((None, 1.0, 3.0, 20.0)),
        ping_timeout=rng.choice((None, 60.0)),
        traffic_is_life=rng.random() < 0.3,
        handshake_timeout=rng.choice((None, 60.0)),
        close_timeout=rng.choice((None, 100.0)),
        message_rate=rng.choice((None,) * 6 + (RateLimit(per_second=10, burst=3, code=None),)),
        high_water=rng.choice((65536, 65536, 300, 1)),
        low_water=1,
        read_high_water=rng.choice((65536, 65536, 20, 500)),
    )


def rough_config(rng: random.Random) -> SessionConfig:
    """Any policy."""

    def rate(*amounts: float) -> RateLimit | None:
        if rng.random() < 0.85:
            return None
        return RateLimit(
            per_second=rng.choice(amounts),
            burst=rng.choice(amounts),
            code=rng.choice((1008, 1009, None, None)),
        )

    high = rng.choice((65536, 65536, 2000, 200, 1))
    return SessionConfig(
        limits=Limits(max_message_size=rng.choice((1 << 26, 1 << 26, 3000))),
        whole_messages=rng.random() < 0.7,
        answer_pings=rng.random() < 0.85,
        answer_close=rng.random() < 0.8,
        send_failing_close=rng.random() < 0.8,
        ping_interval=rng.choice((None, 0.3, 1.0, 5.0)),
        ping_timeout=rng.choice((None, 0.3, 2.0, 20.0)),
        traffic_is_life=rng.random() < 0.3,
        handshake_timeout=rng.choice((None, 1.0, 10.0)),
        close_timeout=rng.choice((None, 0.5, 3.0, 10.0)),
        idle_timeout=rng.choice((None, None, None, 1.0, 4.0)),
        control_rate=rate(0.5, 2, 10, 50),
        message_rate=rate(0.5, 2, 10, 50),
        byte_rate=rate(20, 200, 2000),
        high_water=high,
        low_water=rng.choice((1, high)),
        congestion_pauses_reading=rng.random() < 0.8,
        read_high_water=rng.choice((65536, 65536, 20, 500)),
        max_output=rng.choice((None, None, None, 100, 3000, 100_000)),
    )


def describe(config: SessionConfig) -> str:
    """A policy, as far as it is not the usual one."""
    usual = vars(SessionConfig())
    return ", ".join(
        f"{name}={value!r}" for name, value in vars(config).items() if value != usual[name]
    )


__all__ = ["End", "Fault", "Liar", "Pipe", "Simulation", "Wire"]
