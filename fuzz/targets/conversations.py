"""Two ends, and what happens between them, as a list of operations.

Invariant of two connections: an event can be sent if and only if the table of states allows
it; what cannot be sent changes nothing; what was sent and not lost arrives, in order, as what
it was; nothing that arrives raises; the end is told once.

Invariant of two sessions, with a clock that the input sets: the same; and the transport's
action only moves forward, a timer that was handled is not due any more, the counters agree
with what was seen, output is bounded where it was asked to be, and each session ends, once,
when its transport is lost at the latest.

Input: which of the two, their settings, and operations of a byte and its arguments.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from fuzz.endpoints import agreed, entropy
from fuzz.inputs import Source, cut
from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    Limits,
    LocalProtocolError,
    PreparedMessage,
    RateLimit,
    Session,
    SessionConfig,
    SessionEnded,
    TransportAction,
)
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
from wsproto_core.states import TRANSITIONS, Input
from wsproto_core.testing.outcomes import DeflateSettings

MAX_SIZE = 512
#: Of a wire: all of it, mostly.
MUCH: Final = 1 << 17
#: However many an input has room for.
MAX_OPERATIONS = 200

TYPES: Final = (ConnectionType.CLIENT, ConnectionType.SERVER)
TEXTS: Final = ("", "a", "é", "\U0001f600", "x" * 124, "x" * 125, "é" * 63, "ab" * 300)
LONG: Final = (0, 1, 125, 126, 127, 1000, 65535, 65536, 70000)
CODES: Final = (1000, 1001, 1005, 1006, 1011, 3000, 4999, 1014)
BAD_CODES: Final = (0, 999, 1004, 1015, 1016, 2999, 5000, 65536, -1)


# Two connections ------------------------------------------------------------------------


class Pair:
    """A client, a server, and what each has still to hear."""

    def __init__(self, source: Source) -> None:
        flags, windows = source.byte(), source.byte()
        deflate = None
        if flags & 1:
            deflate = DeflateSettings(bool(flags & 2), 15 - windows % 8)
        self.whole = bool(flags & 4)
        self.ends = [
            Connection(
                kind,
                [agreed("client" if kind is TYPES[0] else "server", deflate)] if deflate else [],
                whole_messages=self.whole,
                entropy=entropy,
            )
            for kind in TYPES
        ]
        self.source = source
        #: Towards each end.
        self.wire = [b"", b""]
        self.due: list[deque[object]] = [deque(), deque()]
        #: What is heard is not what was said any more.
        self.damaged = [False, False]
        self.eof = [False, False]
        #: What each is sending in fragments, and has been given of one.
        self.begun: list[str | bytes | None] = [None, None]
        self.given: list[str | bytes | None] = [None, None]
        self.ended = [False, False]

    # Sending

    def text(self) -> str:
        source = self.source
        size = source.byte()
        if size >= 248:
            return TEXTS[size - 248]
        return source.take(size % 32).decode("utf-8", "ignore")

    def data(self) -> bytes:
        source = self.source
        size = source.byte()
        if size >= 240:
            return bytes(LONG[(size - 240) % len(LONG)])
        return source.take(size % 32)

    def message(self, end: int, data: str | bytes, finished: bool) -> None:
        compress = (None, True, False)[self.source.byte() % 3]
        kind = TextMessage if isinstance(data, str) else BytesMessage
        begun = self.begun[end]
        mixed = begun is not None and type(begun) is not type(data)
        connection = self.ends[end]
        allowed = (connection.state, Input.SEND_MESSAGE) in TRANSITIONS and not mixed
        event: Event = kind(data, message_finished=finished)  # type: ignore[arg-type]
        if not self.say(end, event, allowed, compress=compress):
            return
        so_far = data if begun is None else begun + data  # type: ignore[operator]
        self.begun[end] = None if finished else so_far
        if finished:
            self.due[1 - end].append(so_far)

    def say(self, end: int, event: Event, allowed: bool, *, compress: bool | None = None) -> bool:
        """Send an event, which the state allows or not. Gives whether it was sent."""
        connection = self.ends[end]
        before = connection.state
        try:
            data = connection.send(event, compress=compress)
        except LocalProtocolError:
            assert not allowed, f"{event!r} was refused in state {before}"
            assert connection.state is before
            return False
        assert allowed, f"{event!r} was sent in state {before}"
        assert data
        self.wire[1 - end] += data
        return True

    def control(self, end: int, event: Ping | Pong) -> None:
        state = self.ends[end].state
        kind = Input.SEND_PING if isinstance(event, Ping) else Input.SEND_PONG
        allowed = (state, kind) in TRANSITIONS and len(event.payload) <= 125
        if self.say(end, event, allowed) and state is ConnectionState.OPEN:
            self.due[1 - end].append(event)

    def close(self, end: int, code: int, reason: str, *, valid: bool = True) -> None:
        allowed = (self.ends[end].state, Input.SEND_CLOSE) in TRANSITIONS and valid
        if code == 1005 and reason:
            allowed = False
        if self.say(end, CloseConnection(code, reason), allowed):
            seen = 1000 if code == 1006 else code
            cut_short = reason.encode()[:123].decode("utf-8", "ignore")
            self.due[1 - end].append(CloseConnection(seen, cut_short))

    def prepared(self, end: int, data: str | bytes) -> None:
        connection = self.ends[end]
        allowed = connection.state is ConnectionState.OPEN and self.begun[end] is None
        if self.say(end, PreparedMessage(data), allowed):
            self.due[1 - end].append(data)

    def misuse(self, end: int) -> None:
        """What no state allows."""
        kind = self.source.byte() % 6
        event: Event
        if kind == 0:
            event = TextMessage("a\ud800")
        elif kind == 1:
            event = Ping(bytes(126))
        elif kind == 2:
            event = CloseConnection(self.source.choice(BAD_CODES), "")
        elif kind == 3:
            event = CloseConnection(1000, "\udfff")
        elif kind == 4:
            event = Request("a", "/")
        else:
            event = RejectData(b"")
        self.say(end, event, False)

    # Receiving

    def deliver(self, end: int, size: int, way: int, *, take: bool = True) -> None:
        data, self.wire[end] = self.wire[end][:size], self.wire[end][size:]
        connection = self.ends[end]
        for piece in cut(data, way):
            if connection.state is ConnectionState.CLOSED or self.eof[end]:
                return  # not read any more
            connection.receive_data(piece)
            if take:
                self.hear(end)

    def finish(self, end: int) -> None:
        """The transport towards an end ends."""
        if not self.eof[end] and self.ends[end].state is not ConnectionState.CLOSED:
            self.eof[end] = True
            self.wire[end] = b""
            self.ends[end].receive_data(None)
            self.hear(end)
            assert self.ended[end]

    def hear(self, end: int) -> None:
        connection = self.ends[end]
        for event in connection.events():
            assert not self.ended[end], "an event behind the last"
            match event:
                case TextMessage(data) | BytesMessage(data):
                    assert isinstance(data, str | bytes)
                    given = self.given[end]
                    if given is not None:
                        data = given + data  # type: ignore[operator]
                    assert event.message_finished or not self.whole
                    self.given[end] = None if event.message_finished else data
                    if event.message_finished:
                        self.expect(end, data)
                case Ping() | Pong():
                    self.expect(end, event)
                case CloseConnection(code, error=error):
                    self.ended[end] = True
                    if error is not None:
                        assert self.damaged[end], f"a fault where there was none: {error!r}"
                    elif code != 1006:
                        self.expect(end, event)
                        assert self.damaged[end] or not self.due[end]
                    else:
                        assert self.eof[end]
                case _:
                    raise AssertionError(f"no event of a connection: {event!r}")

    def expect(self, end: int, heard: object) -> None:
        if not self.damaged[end]:
            assert self.due[end], f"{heard!r} was heard, and never said"
            said = self.due[end].popleft()
            assert said == heard, f"{said!r} was said, and {heard!r} heard"

    def operate(self) -> None:
        source = self.source
        operation = source.byte()
        end, finished = operation >> 4 & 1, not operation & 32
        match operation & 15:
            case 0 | 1:
                self.message(end, self.text(), finished)
            case 2 | 3:
                self.message(end, self.data(), finished)
            case 4:
                self.control(end, Ping(source.take(source.byte() % 130)))
            case 5:
                self.control(end, Pong(source.take(source.byte() % 130)))
            case 6:
                self.close(end, source.choice(CODES), self.text())
            case 7 | 8:
                self.deliver(end, source.byte() + 1, source.byte())
            case 9 | 10:
                self.deliver(end, len(self.wire[end]), source.byte(), take=finished)
            case 11:
                self.prepared(end, self.text() if finished else self.data())
            case 12:
                self.misuse(end)
            case 13:
                lost = source.byte() + 1
                self.damaged[end] |= bool(self.wire[end])
                self.wire[end] = self.wire[end][lost:]
            case 14:
                junk = source.take(source.byte() % 32)
                self.damaged[end] |= bool(junk)
                self.wire[end] += junk
            case _:
                if finished:
                    self.hear(end)
                else:
                    self.finish(end)

    def play(self) -> None:
        for _ in range(MAX_OPERATIONS):
            if not self.source.left:
                break
            self.operate()
        for end in (0, 1):
            self.deliver(end, len(self.wire[end]), 0)
            self.hear(end)
            heard_all = self.ended[end] or self.ends[end].state is ConnectionState.CLOSED
            assert self.damaged[end] or heard_all or not self.due[end], "it has not arrived"
            self.finish(end)


# Two sessions ---------------------------------------------------------------------------

SECONDS: Final = (None, 0.5, 1.0, 3.0, 20.0)
STEPS: Final = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 30.0, 1000.0)


def configuration(source: Source) -> SessionConfig:
    flags, times, more, rates = source.byte(), source.byte(), source.byte(), source.byte()

    def rate(bits: int, burst: float) -> RateLimit | None:
        code = (None, None, 1008)[bits]
        return RateLimit(per_second=burst / 2, burst=burst, code=code) if bits else None

    return SessionConfig(
        limits=Limits(max_message_size=100_000 if flags & 1 else 50, max_header_size=2048),
        whole_messages=not flags & 2,
        answer_pings=not flags & 4,
        answer_close=not flags & 8,
        send_failing_close=not flags & 16,
        traffic_is_life=bool(flags & 32),
        congestion_pauses_reading=not flags & 64,
        ping_interval=SECONDS[times % 5],
        ping_timeout=SECONDS[times // 5 % 5],
        handshake_timeout=SECONDS[times // 25 % 5],
        close_timeout=SECONDS[more % 5],
        idle_timeout=SECONDS[more // 5 % 5],
        control_rate=rate(rates % 3, 2.0),
        message_rate=rate(rates // 3 % 3, 2.0),
        byte_rate=rate(rates // 9 % 3, 100.0),
        high_water=50 if flags & 128 else 65536,
        read_high_water=14 if rates >= 128 else 65536,
        max_output=200 if more >= 128 else None,
    )


class Player:
    """One session, its transport, and what its application has been told."""

    def __init__(self, session: Session, config: SessionConfig) -> None:
        self.session = session
        self.config = config
        #: What is on its way to it.
        self.wire = b""
        #: How much it was given, and how much was taken of its output.
        self.delivered = 0
        self.taken = 0
        self.action = TransportAction.KEEP
        self.ending: SessionEnded | None = None
        self.gone = False
        self.eof = False
        self.damaged = False
        #: What its peer has said, and what it has heard of it.
        self.due: deque[str | bytes] = deque()
        self.given: str | bytes | None = None
        self.begun: str | bytes | None = None
        self.request = False

    def look(self, now: float) -> None:
        """What holds at any time."""
        session = self.session
        assert session.now <= now
        action = session.transport
        assert action >= self.action, "the transport's action has moved back"
        self.action = action
        statistics = session.statistics()
        assert all(value >= 0 for value in statistics if isinstance(value, int | float))
        assert statistics.wire_bytes_sent == self.taken
        assert statistics.wire_bytes_received <= self.delivered
        assert statistics.output_pending == session.output_pending
        assert statistics.state is session.state
        assert isinstance(session.reading_paused, bool)
        if session.ended is not None:
            assert session.state is ConnectionState.CLOSED
        if self.ending is not None:
            assert session.ended == self.ending

    def hear(self) -> None:
        for event in self.session.events():
            assert self.ending is None, "an event behind the last"
            match event:
                case SessionEnded():
                    self.ending = event
                case Request():
                    self.request = True
                case TextMessage(data) | BytesMessage(data):
                    assert isinstance(data, str | bytes)
                    data = data if self.given is None else self.given + data  # type: ignore[operator]
                    assert event.message_finished or not self.config.whole_messages
                    self.given = None if event.message_finished else data
                    if event.message_finished and not self.damaged:
                        assert self.due, f"{data!r} was heard, and never said"
                        said = self.due.popleft()
                        assert said == data, f"{said!r} was said, and {data!r} heard"
                case Ping():
                    assert not self.config.answer_pings
                case CloseConnection():
                    assert not self.config.answer_close
                case Pong() | AcceptConnection() | RejectConnection() | RejectData():
                    pass
                case _:
                    raise AssertionError(f"no event of a session: {event!r}")


class Sessions:
    """A client, a server, and the time."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.now = 0.0
        flags = source.byte()
        self.deflate = bool(flags & 1)
        configs = [configuration(source) for _ in TYPES]
        over = flags & 2
        self.players = []
        for kind, config in zip(TYPES, configs, strict=True):
            if over:
                extensions = []
                if self.deflate:
                    extensions = [agreed("client" if kind is TYPES[0] else "server", _DEFAULT)]
                connection = config.make_connection(kind, extensions, entropy=entropy)
                session = Session.over(connection, now=0.0, config=config)
            else:
                session = Session(kind, now=0.0, config=config, entropy=entropy)
            self.players.append(Player(session, config))
        if not over:
            extensions = [PerMessageDeflate()] if self.deflate else []
            self.players[0].session.send(Request("a", "/", extensions=extensions), 0.0)

    def message(self, end: int, data: str | bytes, finished: bool) -> None:
        player, other = self.players[end], self.players[1 - end]
        session, begun = player.session, player.begun
        mixed = begun is not None and type(begun) is not type(data)
        allowed = session.state is ConnectionState.OPEN and session.ended is None and not mixed
        kind = TextMessage if isinstance(data, str) else BytesMessage
        event: Message[str] | Message[bytes | bytearray | memoryview]
        event = kind(data, message_finished=finished)  # type: ignore[arg-type]
        compress = (None, True, False)[self.source.byte() % 3]
        before = session.state, session.output_pending
        try:
            session.send(event, self.now, compress=compress)
        except LocalProtocolError:
            assert not allowed, f"{event!r} was refused in state {before[0]}"
            assert (session.state, session.output_pending) == before
            return
        assert allowed, f"{event!r} was sent in state {before[0]}"
        so_far = data if begun is None else begun + data  # type: ignore[operator]
        player.begun = None if finished else so_far
        if finished:
            other.due.append(so_far)

    def other(self, end: int, event: Event) -> None:
        """Send what may be refused, for whatever reason."""
        session = self.players[end].session
        before = session.state, session.output_pending
        try:
            session.send(event, self.now)
        except LocalProtocolError:
            assert (session.state, session.output_pending) == before

    def try_send(self, end: int, data: str | bytes) -> None:
        player, other = self.players[end], self.players[1 - end]
        if player.begun is None and player.session.state is not ConnectionState.CONNECTING:
            kind = TextMessage if isinstance(data, str) else BytesMessage
            event: Event = kind(data)  # type: ignore[arg-type]
            try:
                if player.session.try_send(event, self.now):
                    other.due.append(data)
            except LocalProtocolError:
                assert player.session.state is ConnectionState.REJECTING

    def transfer(self, end: int, limit: int | None) -> None:
        """What this end writes goes on the wire, if its transport still takes it."""
        player, other = self.players[end], self.players[1 - end]
        data = player.session.data_to_send(limit)
        assert limit is None or len(data) <= limit
        player.taken += len(data)
        if not player.gone:
            other.wire += data
        else:
            other.damaged = True

    def deliver(self, end: int, size: int, way: int) -> None:
        player = self.players[end]
        data, player.wire = player.wire[:size], player.wire[size:]
        for piece in cut(data, way):
            if player.eof or player.gone:
                return
            player.session.receive_data(piece, self.now)
            player.delivered += len(piece)
            player.hear()

    def handle(self, player: Player) -> None:
        """The timer, as often as it is due."""
        for _ in range(10):
            deadline = player.session.deadline
            if deadline is None or deadline > self.now:
                return
            player.session.handle_timer(self.now)
        raise AssertionError("a timer that was handled is still due")

    def advance(self, seconds: float, late: bool) -> None:
        """Time passes; timers fire when they are due, or late."""
        until = self.now + seconds
        for _ in range(50):
            due = [p.session.deadline for p in self.players if p.session.deadline is not None]
            if late or not due or min(due) > until:
                break
            self.now = max(self.now, min(due))
            for player in self.players:
                self.handle(player)
        self.now = until
        for player in self.players:
            self.handle(player)

    def data(self) -> str | bytes:
        source = self.source
        size = source.byte()
        if size >= 248:
            return TEXTS[size - 248]
        if size >= 240:
            return bytes(LONG[size - 240])
        data = source.take(size % 32)
        return data.decode("utf-8", "ignore") if size & 32 else data

    def operate(self) -> None:
        source = self.source
        operation = source.byte()
        end, flag = operation >> 4 & 1, bool(operation & 32)
        player = self.players[end]
        match operation & 15:
            case 0 | 1:
                self.message(end, self.data(), not flag)
            case 2:
                self.try_send(end, self.data())
            case 3:
                payload = source.take(source.byte() % 130)
                self.other(end, Ping(payload) if flag else Pong(payload))
            case 4:
                self.other(end, CloseConnection(source.choice(CODES), "bye" if flag else None))
            case 5:
                player.session.close(self.now, source.choice((1000, 1001, 4000)), "bye")
            case 6:
                player.session.abort(self.now)
            case 7 | 8:
                self.transfer(end, source.byte() if flag else None)
                self.deliver(1 - end, source.byte() + 1 if flag else MUCH, 0)
            case 9:
                self.deliver(end, MUCH, source.byte())
            case 10 | 11:
                self.advance(source.choice(STEPS), flag)
            case 12:
                self.answer(end, flag)
            case 13:
                player.damaged = True
                if flag:
                    player.wire = player.wire[source.byte() + 1 :]
                else:
                    player.wire += source.take(source.byte() % 64)
            case 14:
                player.eof = True
                if flag:
                    player.gone = True
                    player.session.transport_lost(self.now)
                elif not player.gone:
                    player.session.receive_data(None, self.now)
            case _:
                player.hear()
        for each in self.players:
            each.look(self.now)

    def answer(self, end: int, flag: bool) -> None:
        """What the application of the server says to a request."""
        if flag:
            self.other(end, RejectConnection(403))
        else:
            extensions = [PerMessageDeflate()] if self.deflate else []
            self.other(end, AcceptConnection(extensions=extensions))

    def play(self) -> None:
        for _ in range(MAX_OPERATIONS):
            if not self.source.left:
                break
            self.operate()
        for player in self.players:
            self.advance(1.0, False)
            player.hear()
            player.session.transport_lost(self.now)
            player.gone = player.eof = True
            # Nothing is waited for any more.
            player.hear()
            assert player.ending is not None, "a session that does not end"
            player.session.data_to_send()
            assert list(player.session.events()) == []
            assert player.session.state is ConnectionState.CLOSED
            assert player.session.deadline is None, "a timer of a session that has ended"


_DEFAULT: Final = DeflateSettings()


def check(data: bytes) -> None:
    source = Source(data[:MAX_SIZE])
    (Sessions if source.byte() & 1 else Pair)(source).play()
