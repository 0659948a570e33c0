"""The contract of a session: time as an argument, misuse, idempotence, and that nothing a
peer sends raises or gives a second end.
"""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf, isfinite, nan
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    Group,
    Limits,
    LocalProtocolError,
    PreparedMessage,
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
from wsproto_core.session import RateLimit, Session, SessionConfig, SessionEnded
from wsproto_core.testing.scenarios import Scenario
from wsproto_core.testing.strategies.streams import scenarios

from .sessions import (
    ABORT,
    KEEP,
    QUIET,
    Pair,
    Stage,
    agreed,
    close_frame,
    connecting,
    frames_of,
    opened,
    receive,
    refuses,
    take,
    written,
)
from .test_handshake_client import response
from .test_handshake_server import request
from .test_session_closing import Ending, each_ending
from .test_session_opening import HEADERS
from .wire import BINARY, CLIENT, PING, PONG, SERVER, TEXT, both_roles, frame

ROLES = st.sampled_from([SERVER, CLIENT])

START = {"open": opened, "connecting": connecting}
each_start = pytest.mark.parametrize("start", START)


def calls_with_time(session: Session) -> dict[str, Callable[[float], object]]:
    """Every call that takes a time."""
    data = frame(TEXT, b"", to=CLIENT if session.client else SERVER)
    return {
        "receive_data": lambda now: session.receive_data(data, now),
        "receive_data(None)": lambda now: session.receive_data(None, now),
        "receive_request": lambda now: session.receive_request([], "/", now),
        "handle_timer": session.handle_timer,
        "send": lambda now: session.send(TextMessage(""), now),
        "send control": lambda now: session.send(Ping(), now),
        "close": session.close,
        "abort": session.abort,
    }


def condition(session: Session) -> tuple[object, ...]:
    """All that is to be seen of a session without changing it."""
    return (
        session.state,
        session.transport,
        session.deadline,
        session.writable,
        session.reading_paused,
        session.latency,
        session.ended,
        session.statistics(),
    )


@both_roles
@each_start
class TestTime:
    @pytest.mark.parametrize("call", list(calls_with_time(opened(SERVER))))
    @pytest.mark.parametrize("bad", [6.999, -7.0, nan, inf, -inf])
    def test_cannot_go_back_nor_be_no_number(
        self, role: ConnectionType, start: str, call: str, bad: float
    ) -> None:
        session = START[start](role, now=5.0)
        session.handle_timer(7.0)
        before = condition(session)
        refuses(partial(calls_with_time(session)[call], bad), "the time cannot be .* after 7.0")
        assert condition(session) == before
        assert take(session) == []
        # And its time is still what it was: the same is no fault.
        session.handle_timer(7.0)

    @pytest.mark.parametrize("ended", ["closed", "aborted"])
    def test_is_judged_after_the_end_too(
        self, role: ConnectionType, start: str, ended: str
    ) -> None:
        session = START[start](role)
        session.abort(7.0)
        for call in calls_with_time(session).values():
            refuses(partial(call, 6.0), "the time cannot be 6.0 after 7.0")

    def test_may_be_negative_and_need_not_be_a_float(
        self, role: ConnectionType, start: str
    ) -> None:
        session = START[start](role, SessionConfig(handshake_timeout=20), now=-100)
        assert session.deadline == -80
        session.handle_timer(-90)
        session.handle_timer(0)

    @pytest.mark.parametrize("bad", [nan, inf])
    def test_of_the_beginning_is_judged(self, role: ConnectionType, start: str, bad: float) -> None:
        refuses(lambda: START[start](role, now=bad), "the time cannot be")

    def test_of_the_beginning_is_not_before_all_times(
        self, role: ConnectionType, start: str
    ) -> None:
        refuses(lambda: START[start](role, now=-inf), "the time cannot be")


def send_in(session: Session, event: Any) -> Callable[[], None]:
    return lambda: session.send(event, 1.0)


class TestMisuse:
    @both_roles
    @pytest.mark.parametrize(
        ("event", "match"),
        [
            (Request("h", "/"), "Request cannot be sent once the connection is open"),
            (AcceptConnection(), "AcceptConnection cannot be sent once"),
            (RejectConnection(), "RejectConnection cannot be sent once"),
            (RejectData(b""), "RejectData cannot be sent once"),
            (SessionEnded(1000, "", None), "SessionEnded cannot be sent once"),  # type: ignore[arg-type]
            ("text", "str cannot be sent once"),
            (None, "NoneType cannot be sent once"),
            (TextMessage("\udc00"), "surrogate at 0"),
            (TextMessage(5), "must be str or bytes, not int"),  # type: ignore[arg-type]
            (Message(5), "must be str or bytes, not int"),  # type: ignore[type-var]
            (Ping(b"x" * 126), "125 bytes, not 126"),
            (Pong("x"), "must be bytes, not str"),  # type: ignore[arg-type]
            (CloseConnection(1015), "code 1015"),
        ],
    )
    def test_of_an_open_session_changes_nothing(
        self, role: ConnectionType, event: Any, match: str
    ) -> None:
        session = opened(role)
        session.handle_timer(1.0)
        before = condition(session)
        refuses(send_in(session, event), match)
        assert condition(session) == before
        assert session.data_to_send() == b""
        session.send(TextMessage("fine"), 1.0)
        assert written(session) == [(TEXT, b"fine")]

    @both_roles
    def test_within_a_message(self, role: ConnectionType) -> None:
        session = opened(role)
        session.send(TextMessage("a", message_finished=False), 1)
        assert session.fragmenting
        before = condition(session)
        refuses(send_in(session, BytesMessage(b"b")), "BINARY within a message of TEXT")
        refuses(send_in(session, PreparedMessage("b")), "within a fragmented one")
        assert condition(session) == before
        session.send(Message("b"), 1)
        assert not session.fragmenting
        assert [fin for _, _, fin, *_ in frames_of(session.data_to_send())] == [False, True]

    @both_roles
    @pytest.mark.parametrize("event", [TextMessage(""), Ping(), Pong(), CloseConnection(1000)])
    def test_of_a_session_that_is_not_open_yet(self, role: ConnectionType, event: Any) -> None:
        session = connecting(role)
        before = condition(session)
        refuses(send_in(session, event), "in its opening handshake")
        assert condition(session)[:-1] == before[:-1]
        assert not session.writable
        assert not session.fragmenting
        assert not session.takes_plain_frames

    def test_of_the_other_roles_handshake(self) -> None:
        refuses(send_in(connecting(CLIENT), AcceptConnection()), "a client cannot send Accept")
        refuses(send_in(connecting(CLIENT), RejectConnection()), "a client cannot send Reject")
        refuses(send_in(connecting(SERVER), Request("h", "/")), "a server cannot send Request")
        refuses(send_in(connecting(CLIENT), Request("h", "/")), "only one request|twice|request")

    def test_of_a_handshakes_order(self) -> None:
        session = connecting(SERVER)
        refuses(send_in(session, AcceptConnection()))
        refuses(send_in(session, RejectData(b"")), "CONNECTING")
        receive(session, request(), 1)
        refuses(send_in(session, AcceptConnection(subprotocol="never-offered")))
        refuses(send_in(session, RejectConnection(101)))
        assert session.state is ConnectionState.CONNECTING
        assert session.data_to_send() == b""
        session.send(AcceptConnection(), 1)
        assert session.state is ConnectionState.OPEN

    @both_roles
    @pytest.mark.parametrize("limit", [-1, -65536])
    def test_limit_below_zero(self, role: ConnectionType, limit: int) -> None:
        session = opened(role)
        session.send(TextMessage("a"), 1)
        refuses(lambda: session.data_to_send(limit), f"at least 0, not {limit}")
        assert written(session) == [(TEXT, b"a")]

    @both_roles
    def test_session_over_a_connection_that_is_not_open(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.send(CloseConnection(1000))
        refuses(lambda: Session.over(connection, now=0), "in state OPEN, not LOCAL_CLOSING")


@both_roles
class TestSendingWhatMayComeTooLate:
    def test_is_sent_while_open(self, role: ConnectionType) -> None:
        session = opened(role)
        assert session.try_send(TextMessage("a"), 1)
        assert session.try_send(PreparedMessage("b"), 1, compress=False)
        assert session.try_send(Ping(b"c"), 1)
        assert written(session) == [(TEXT, b"a"), (TEXT, b"b"), (PING, b"c")]

    def test_and_not_otherwise(self, role: ConnectionType) -> None:
        sessions = [make() for make in eof_states(role).values()]
        over = (ConnectionState.LOCAL_CLOSING, ConnectionState.CLOSED)
        late = [session for session in sessions if session.state in over]
        assert late
        for session in late:
            output = session.statistics().output_pending
            assert not session.try_send(TextMessage("a"), 1)
            assert session.statistics().output_pending == output

    def test_the_answers_to_a_request_and_a_close_can_be_late_too(
        self, role: ConnectionType
    ) -> None:
        if role is SERVER:
            session = connecting(SERVER)
            session.receive_request(HEADERS, "/", 1)
            assert session.try_send(AcceptConnection(), 1)
            assert session.state is ConnectionState.OPEN
        session = opened(role, replace(QUIET, answer_close=False))
        (close,) = receive(session, close_frame(role), 1)
        assert not session.try_send(TextMessage("a"), 1)
        assert isinstance(close, CloseConnection)
        assert session.try_send(close.response(), 1)
        assert session.ended is not None
        assert not session.try_send(close.response(), 1)

    def test_content_is_judged_all_the_same(self, role: ConnectionType) -> None:
        session = opened(role)
        refuses(lambda: session.try_send(TextMessage("\udc00"), 1), "surrogate")
        refuses(lambda: session.try_send(AcceptConnection(), 1), "cannot be sent once")
        assert session.data_to_send() == b""


@both_roles
class TestInput:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    @pytest.mark.parametrize("start", START)
    def test_is_any_kind_of_bytes(
        self, role: ConnectionType, kind: Callable[[bytes], Any], start: str
    ) -> None:
        session = START[start](role)
        if start == "connecting":
            opening = request() if role is SERVER else response()
            assert len(receive(session, kind(opening), 1)) == 1
            return
        assert receive(session, kind(frame(TEXT, b"a", to=role)), 1) == [TextMessage("a")]
        assert receive(session, kind(frame(TEXT, b"a", to=role)[:2]), 1) == []

    @pytest.mark.parametrize("nothing", [None, b"", bytearray(), memoryview(b"")])
    @pytest.mark.parametrize("start", START)
    def test_none_of_it_is_the_end(
        self, role: ConnectionType, nothing: bytes | None, start: str
    ) -> None:
        session = START[start](role)
        (ended,) = receive(session, nothing, 1)
        assert isinstance(ended, SessionEnded)

    def test_what_a_caller_changes_later_does_not_matter(self, role: ConnectionType) -> None:
        session = opened(role)
        buffer = bytearray(frame(TEXT, b"before", to=role))
        session.receive_data(buffer, 1)  # type: ignore[arg-type]
        buffer[:] = bytes(len(buffer))
        assert take(session) == [TextMessage("before")]

    def test_events_are_read_as_they_are_taken(self, role: ConnectionType) -> None:
        session = opened(role)
        session.receive_data(frame(TEXT, b"1", to=role) + frame(PING, b"2", to=role), 1)
        session.receive_data(frame(TEXT, b"3", to=role) + close_frame(role), 1)
        events = session.events()
        assert next(events) == TextMessage("1")
        assert session.data_to_send() == b""
        assert next(events) == TextMessage("3")
        assert written(session) == [(PONG, b"2")]
        assert session.state is ConnectionState.OPEN
        assert len([*events]) == 1
        assert session.state is ConnectionState.CLOSED

    def test_what_is_not_taken_stays(self, role: ConnectionType) -> None:
        session = opened(role)
        session.receive_data(frame(TEXT, b"1", to=role) * 3, 1)
        assert [next(session.events()) for _ in range(3)] == [TextMessage("1")] * 3
        assert take(session) == []

    def test_more_while_events_are_taken(self, role: ConnectionType) -> None:
        """By that call or the next: nothing is lost, and nothing comes twice."""
        session = opened(role)
        session.receive_data(frame(TEXT, b"0", to=role), 1)
        taken: list[Event] = []
        more = [frame(BINARY, b"1", to=role), frame(TEXT, b"2", to=role), None]
        while more:
            for event in session.events():
                taken.append(event)
                if more:
                    session.receive_data(more.pop(0), 1)
        taken += session.events()
        assert taken[:3] == [TextMessage("0"), BytesMessage(b"1"), TextMessage("2")]
        assert [type(event) for event in taken[3:]] == [SessionEnded]

    @pytest.mark.parametrize("start", START)
    @pytest.mark.parametrize("again", [None, b"more"])
    def test_after_the_end_of_the_transport_is_ignored(
        self, role: ConnectionType, start: str, again: bytes | None
    ) -> None:
        session = START[start](role)
        session.receive_data(None, 1)
        session.receive_data(again, 1)
        assert len(take(session)) == 1
        session.receive_data(again, 1)
        assert take(session) == []
        assert session.statistics().wire_bytes_received == 0

    def test_before_the_end_of_the_transport_is_given_first(self, role: ConnectionType) -> None:
        session = opened(role)
        session.receive_data(frame(TEXT, b"1", to=role), 1)
        session.receive_data(None, 1)
        first, ended = take(session)
        assert first == TextMessage("1")
        assert isinstance(ended, SessionEnded)


def eof_states(role: ConnectionType) -> dict[str, Callable[[], Session]]:
    def requested() -> Session:
        session = connecting(role)
        receive(session, request(), 0)
        return session

    def rejecting() -> Session:
        session = requested()
        session.send(RejectConnection(404, has_body=True), 0)
        return session

    def being_rejected() -> Session:
        session = connecting(role)
        receive(session, b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n", 0)
        return session

    def closing() -> Session:
        session = opened(role)
        session.close(0)
        return session

    def peer_closing() -> Session:
        session = opened(role, replace(QUIET, answer_close=False))
        receive(session, close_frame(role), 0)
        return session

    def within_a_message() -> Session:
        session = opened(role)
        receive(session, frame(TEXT, b"a", to=role, fin=False) + b"\x80", 0)
        return session

    def congested() -> Session:
        session = opened(role, replace(QUIET, high_water=1, low_water=1))
        session.send(TextMessage("a"), 0)
        return session

    states: dict[str, Callable[[], Session]] = {
        "connecting": lambda: connecting(role),
        "open": lambda: opened(role),
        "within a message": within_a_message,
        "congested": congested,
        "closing": closing,
        "peer closing": peer_closing,
    }
    if role is SERVER:
        states |= {"requested": requested, "rejecting": rejecting}
    else:
        states |= {"being rejected": being_rejected}
    return states


STATES = [
    pytest.param(role, name, id=f"{role.name.lower()}-{name}")
    for role in (SERVER, CLIENT)
    for name in eof_states(role)
]


@pytest.mark.parametrize(("role", "name"), STATES)
class TestEveryState:
    def test_end_of_the_transport_twice(self, role: ConnectionType, name: str) -> None:
        session = eof_states(role)[name]()
        events = receive(session, None, 1)
        events += receive(session, b"behind it", 2)
        events += receive(session, None, 2)
        waits = name in ("rejecting", "peer closing")  # for the application to finish
        assert len(events) == (0 if waits else 1)
        session.abort(3)
        events += take(session)
        assert [type(event) for event in events] == [SessionEnded]

    def test_close_twice_and_abort_twice(self, role: ConnectionType, name: str) -> None:
        session = eof_states(role)[name]()
        session.close(1)
        output = session.statistics().output_pending
        state = session.state
        session.close(2)
        assert session.statistics().output_pending == output
        assert session.state is state
        events = take(session)
        session.abort(3)
        events += take(session)
        before = condition(session)
        session.abort(4)
        session.close(4)
        events += take(session)
        assert condition(session) == before
        assert [type(event) for event in events] == [SessionEnded]
        assert session.transport is ABORT

    def test_abort_discards_output_and_input(self, role: ConnectionType, name: str) -> None:
        session = eof_states(role)[name]()
        if name != "being rejected":  # see test_abort_discards_events
            session.receive_data(b"never looked at", 1)
        session.abort(1)
        assert session.data_to_send() == b""
        assert session.buffers_to_send() == []
        assert session.deadline is None
        assert [type(event) for event in take(session)] == [SessionEnded]
        assert session.statistics().input_pending == 0

    def test_input_after_abort(self, role: ConnectionType, name: str) -> None:
        session = eof_states(role)[name]()
        session.abort(1)
        assert len(take(session)) == 1
        for data in (frame(TEXT, b"a", to=role), b"\xff" * 9, None, b"x"):
            assert receive(session, data, 2) == []
        session.handle_timer(1e6)
        assert take(session) == []

    def test_says_what_it_is(self, role: ConnectionType, name: str) -> None:
        session = eof_states(role)[name]()
        assert repr(session) == f"<Session client={role is CLIENT} state={session.state}>"
        assert session.client is (role is CLIENT)


class TestAbortDiscardsEvents:
    """Those that nobody has taken: "whatever has not been taken, of what was received"."""

    @both_roles
    def test_that_nobody_has_read(self, role: ConnectionType) -> None:
        session = opened(role)
        session.receive_data(frame(TEXT, b"a", to=role) * 2, 1)
        session.abort(1)
        assert [type(event) for event in take(session)] == [SessionEnded]

    @both_roles
    def test_of_the_handshake(self, role: ConnectionType) -> None:
        session = connecting(role)
        session.receive_data(request() if role is SERVER else response(), 1)
        session.abort(1)
        assert [type(event) for event in take(session)] == [SessionEnded]

    @both_roles
    def test_that_were_read_at_a_deadline(self, role: ConnectionType) -> None:
        session = opened(role, SessionConfig())
        session.receive_data(frame(TEXT, b"a", to=role) * 2, 1)
        session.handle_timer(20)
        session.abort(20)
        assert [type(event) for event in take(session)] == [SessionEnded]


# What a peer may do

TEXTS = st.text(max_size=20).filter(lambda text: text.isprintable())
RATES: st.SearchStrategy[RateLimit | None] = st.none() | st.builds(
    RateLimit,
    per_second=st.sampled_from([0.5, 1, 100]),
    burst=st.sampled_from([0.5, 1, 3, 100]),
    code=st.sampled_from([None, 1008, 4000]),
)
TIMES = st.sampled_from([None, 0.001, 1, 10])


@st.composite
def configs(draw: st.DrawFn) -> SessionConfig:
    """Any, with small marks and times."""
    low = draw(st.sampled_from([1, 5, 100]))
    high = low + draw(st.sampled_from([0, 10, 300]))
    booleans: dict[str, Any] = {
        name: draw(st.booleans())
        for name in ("whole_messages", "answer_pings", "answer_close", "send_failing_close",
                     "traffic_is_life", "congestion_pauses_reading")
    }  # fmt: skip
    times: dict[str, Any] = {
        name: draw(TIMES)
        for name in ("ping_interval", "ping_timeout", "handshake_timeout", "close_timeout",
                     "idle_timeout")
    }  # fmt: skip
    rates: dict[str, Any] = {
        name: draw(RATES) for name in ("control_rate", "message_rate", "byte_rate")
    }
    return SessionConfig(
        low_water=low,
        high_water=high,
        read_high_water=draw(st.sampled_from([14, 20, 1000])),
        max_output=draw(st.sampled_from([None, None, high, high + 50])),
        **booleans,
        **times,
        **rates,
    )


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["receive", "receive", "receive", "events", "events", "one event", "timer", "output",
             "some output", "send", "send", "ping", "fragment", "close", "abort", "eof", "group"]
        ),
        st.integers(0, 40),
        st.sampled_from([0, 0, 0, 0.5, 1, 10]),
    ),
    max_size=40,
)  # fmt: skip


class Life:
    """A session, and what is done with it and must hold of it after each step."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.now = 0.0
        self.events: list[Event] = []
        self.output = b""
        self.transport = KEEP
        self.group = Group([session]) if session.state is ConnectionState.OPEN else None

    def do(self, action: str, size: int, data: bytes) -> None:
        session, now = self.session, self.now
        kind = BytesMessage if session.fragmenting else TextMessage
        match action:
            case "receive":
                session.receive_data(data or None, now)
            case "eof":
                session.receive_data(None, now)
            case "events":
                self.take(10_000)
            case "one event":
                self.take(1)
            case "timer":
                for _ in range(4):  # it does not ask for the same time for ever
                    session.handle_timer(now)
                    if session.deadline is None or session.deadline > now:
                        break
                else:
                    pytest.fail("a deadline that does not pass")
            case "output":
                self.output += session.data_to_send()
            case "some output":
                self.output += session.data_to_send(size)
            case "send":
                self.send(kind(b"x" * size if kind is BytesMessage else "x" * size))  # type: ignore[arg-type]
            case "fragment":
                self.send(BytesMessage(b"f" * size, message_finished=bool(size % 2)))
            case "ping":
                self.send(Ping(bytes(size)))
            case "close":
                session.close(now)
            case "abort":
                session.abort(now)
            case "group" if self.group is not None:
                self.group.send("g" * size, now)

    def send(self, event: Event) -> None:
        may = self.session.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING)
        try:
            self.session.send(event, self.now)
        except LocalProtocolError:
            assert not may or isinstance(event, Message)

    def take(self, most: int) -> None:
        for event in self.session.events():
            self.events.append(event)
            if isinstance(event, Request):
                self.session.send(AcceptConnection(extensions=agreed()), self.now)
            most -= 1
            if not most:
                break

    def check(self) -> None:
        session = self.session
        assert session.deadline is None or isfinite(session.deadline)
        assert session.transport >= self.transport
        self.transport = session.transport
        assert not (session.writable and session.state is not ConnectionState.OPEN)
        if session.state is ConnectionState.OPEN and not session.statistics().output_pending:
            assert session.writable
        assert (session.ended is None) or session.state is ConnectionState.CLOSED
        statistics = session.statistics()
        assert statistics.wire_bytes_sent == len(self.output)
        assert min(each for each in statistics[6:] if isinstance(each, int)) >= 0
        ends = [event for event in self.events if isinstance(event, SessionEnded)]
        assert ends in ([], [session.ended])
        assert not ends or self.events[-1] is ends[0]

    def finish(self) -> None:
        """However it was left, it comes to an end."""
        self.session.receive_data(None, self.now)
        for _ in range(1000):
            self.take(10_000)
            if self.events and isinstance(self.events[-1], SessionEnded):
                break
            if self.session.state is ConnectionState.REMOTE_CLOSING:
                self.session.close(self.now)  # what the peer waits for
            self.now += 1e3  # so that no rate is in the way
            self.session.handle_timer(self.now)
        self.output += self.session.data_to_send()
        self.output += self.session.data_to_send()
        self.check()
        assert isinstance(self.events[-1], SessionEnded)
        assert self.session.transport in (2, 3)
        assert take(self.session) == []


def run(life: Life, chunks: list[bytes], actions: list[tuple[str, int, float]]) -> None:
    """Do what *actions* say; each ``receive`` takes the next chunk."""
    rest = iter(chunks)
    for action, size, pause in [*actions, *[("receive", 0, 0.0), ("events", 0, 0.0)] * 3]:
        life.now += pause
        data = b""
        if action == "receive":
            data = next(rest, b"")
            if not data:
                continue
        life.do(action, size, data)
        life.check()
    life.finish()


def cut(data: bytes, seed: int) -> list[bytes]:
    source = random.Random(seed)
    chunks = []
    while data:
        size = source.choice([1, 2, 10, 100, 10_000])
        chunks.append(data[:size])
        data = data[size:]
    return chunks


CHATTER = st.lists(st.sampled_from([PING, PING, TEXT, PONG]), max_size=6)

FLOOD = Scenario(
    b"\x88\x80keys" + b"\x00" * 200, eof=False, role="server"
)  # a Close, and what nobody reads


class TestNothingThatAPeerSendsRaises:
    @given(CHATTER, scenarios(deflate=False), configs(), ACTIONS, st.integers(0, 99))
    @example(
        [],
        FLOOD,
        SessionConfig(answer_close=False, byte_rate=RateLimit(per_second=1, burst=100)),
        [("receive", 0, 0.0), ("events", 0, 0.0), ("receive", 0, 0.0), ("events", 0, 0.0)],
        0,
    )
    @settings(max_examples=150)
    def test_once_open(
        self,
        chatter: list[int],
        scenario: Scenario,
        config: SessionConfig,
        actions: list[tuple[str, int, float]],
        seed: int,
    ) -> None:
        role = SERVER if scenario.role == "server" else CLIENT
        limits = Limits(
            max_message_size=scenario.limits.max_message_size,
            max_frame_size=scenario.limits.max_frame_size,
            max_fragments=scenario.limits.max_fragments,
        )
        life = Life(opened(role, replace(config, limits=limits)))
        before = b"".join(frame(opcode, b"chatter", to=role) for opcode in chatter)
        run(life, cut(before + scenario.data, seed), actions)

    @given(scenarios(deflate=True), configs(), ACTIONS, st.integers(0, 99))
    @example(
        FLOOD,
        SessionConfig(answer_close=False, byte_rate=RateLimit(per_second=1, burst=100)),
        [("receive", 0, 0.0), ("events", 0, 0.0), ("receive", 0, 0.0), ("events", 0, 0.0)],
        0,
    )
    @settings(max_examples=60)
    def test_compressed(
        self,
        scenario: Scenario,
        config: SessionConfig,
        actions: list[tuple[str, int, float]],
        seed: int,
    ) -> None:
        role = SERVER if scenario.role == "server" else CLIENT
        life = Life(opened(role, config, extensions=agreed()))
        run(life, cut(scenario.data, seed), actions)


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """*data* with some bytes changed, removed or put in; mostly none."""
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        at = draw(st.integers(0, len(data)))
        end = at + draw(st.sampled_from([0, 1, 2, 20]))
        data = data[:at] + draw(st.binary(max_size=4) | st.just(b"\r\n")) + data[end:]
    return data


OPENINGS = {
    SERVER: [request(), request({b"Sec-WebSocket-Version": b"8"})],
    CLIENT: [
        response(),
        response({b"Sec-WebSocket-Accept": None}),
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!",
        b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\n\r\nand so on",
    ],
}


@given(ROLES, configs(), ACTIONS, st.integers(0, 99), st.data())
@settings(max_examples=150)
def test_nothing_that_a_peer_sends_in_its_handshake_raises(
    role: ConnectionType,
    config: SessionConfig,
    actions: list[tuple[str, int, float]],
    seed: int,
    data: st.DataObject,
) -> None:
    opening = data.draw(st.sampled_from(OPENINGS[role]).flatmap(damaged))
    behind = frame(TEXT, b"a", to=role) + frame(PING, b"b", to=role)
    run(Life(connecting(role, config)), cut(opening + behind, seed), actions)


@given(st.booleans(), st.data(), st.integers(0, 99), st.booleans(), st.booleans())
@settings(max_examples=200)
def test_it_sees_what_its_connection_sees(
    deflate: bool, data: st.DataObject, seed: int, whole: bool, counted: bool
) -> None:
    """With every answer left to the application, by the short way and by the long."""
    scenario = data.draw(scenarios(deflate=deflate))
    role = SERVER if scenario.role == "server" else CLIENT
    much = RateLimit(per_second=1e9, burst=1e9) if counted else None
    config = replace(
        QUIET,
        whole_messages=whole,
        answer_pings=False,
        answer_close=False,
        message_rate=much,
        control_rate=much,
        byte_rate=much,
    )
    extensions = agreed() if deflate else None
    session = opened(role, config, extensions=extensions)
    connection = Connection(role, extensions, whole_messages=whole)
    for chunk in [*cut(scenario.data, seed), None]:
        seen = receive(session, chunk, 1)
        expected = []
        if connection.state is not ConnectionState.CLOSED:
            connection.receive_data(chunk)
            expected = list(connection.events())
        for event, right in zip(seen, expected, strict=True):
            if isinstance(event, SessionEnded):
                assert isinstance(right, CloseConnection)
                assert (event.code, event.code_sent) == (
                    1006, None if right.error is None else right.code
                )  # fmt: skip
                assert str(event.error) == str(right.error)
            else:
                assert event == right
        if session.ended is not None:
            break


class TestFreedByReferenceCountsAlone:
    """A session, and all that it holds, without the help of the garbage collector."""

    @staticmethod
    def freed(make: Callable[[], tuple[Session, object]]) -> bool:
        gc.collect()
        gc.disable()
        try:
            session, _kept = make()
            alive = weakref.ref(session)
            del session
            return alive() is None
        finally:
            gc.enable()

    @each_ending()
    def test_after_every_ending(self, ending: Ending, role: ConnectionType) -> None:
        def play() -> tuple[Session, object]:
            stage = ending.play(role)
            return stage.session, stage.events  # and with them the error

        assert self.freed(play)

    @each_ending()
    def test_with_events_not_taken(self, ending: Ending, role: ConnectionType) -> None:
        def play() -> tuple[Session, object]:
            stage = Stage((connecting if ending.handshake else opened)(role, ending.config))
            stage.take = lambda: None  # type: ignore[method-assign]
            try:
                ending.act(stage)
            except LocalProtocolError:
                pass  # because the request has not been taken
            suspended = stage.session.events()
            next(suspended, None)
            return stage.session, None

        assert self.freed(play)

    @both_roles
    @pytest.mark.parametrize("started", START)
    def test_in_the_middle_of_its_life(self, role: ConnectionType, started: str) -> None:
        def play() -> tuple[Session, object]:
            session = START[started](role, SessionConfig())
            receive(session, request() if role is SERVER else response(), 1)
            return session, None

        assert self.freed(play)

    def test_a_pair_with_deflate_and_a_group(self) -> None:
        def play() -> tuple[Session, object]:
            pair = Pair(SessionConfig(), SessionConfig())
            Group([pair.server]).send("to all", 0)
            pair.exchange()
            return pair.server, pair.events

        assert self.freed(play)


@both_roles
class TestOutputIsTheSameHoweverItIsTaken:
    @staticmethod
    def fill(session: Session, sizes: list[int]) -> None:
        for size in sizes:
            if size % 3:
                session.send(BytesMessage(bytes(size)), 0)
            else:
                session.send(Ping(bytes(size % 126)), 0)

    @given(
        sizes=st.lists(st.sampled_from([0, 1, 2, 5, 125, 126, 300, 65536]), max_size=8),
        limits=st.lists(st.none() | st.integers(0, 400), max_size=20),
        later=st.lists(st.integers(0, 200), max_size=5),
    )
    def test_in_any_pieces(
        self,
        role: ConnectionType,
        sizes: list[int],
        limits: list[int | None],
        later: list[int],
    ) -> None:
        whole, pieces, buffers = (opened(role) for _ in range(3))
        for session in (whole, pieces, buffers):
            self.fill(session, sizes)
        taken = b""
        for limit in limits:
            piece = pieces.data_to_send(limit)
            assert limit is None or len(piece) <= limit
            taken += piece
        gathered = b"".join(buffers.buffers_to_send())
        output = whole.data_to_send()
        for session in (whole, pieces, buffers):
            self.fill(session, later)
        output += whole.data_to_send()
        assert whole.data_to_send() == b""
        while piece := pieces.data_to_send(7777):
            taken += piece
        assert taken == output
        assert gathered + b"".join(buffers.buffers_to_send()) == output
        assert buffers.buffers_to_send() == []
        assert buffers.data_to_send() == b""
        for session in (whole, pieces, buffers):
            assert session.statistics().output_pending == 0
            assert session.statistics().wire_bytes_sent == len(output)

    @given(
        sizes=st.lists(st.integers(0, 300), min_size=1, max_size=8),
        limit=st.integers(0, 1000),
    )
    def test_by_both_ways_in_turn(self, role: ConnectionType, sizes: list[int], limit: int) -> None:
        whole, mixed = opened(role), opened(role)
        for session in (whole, mixed):
            self.fill(session, sizes)
        assert mixed.data_to_send(limit) + b"".join(mixed.buffers_to_send()) == whole.data_to_send()

    def test_buffers_are_not_empty(self, role: ConnectionType) -> None:
        session = opened(role)
        assert session.buffers_to_send() == []
        self.fill(session, [1, 2, 3])
        session.data_to_send(session.statistics().output_pending - 1)
        (last,) = session.buffers_to_send()
        assert len(last) == 1

    def test_more_than_there_is(self, role: ConnectionType) -> None:
        session = opened(role)
        session.send(TextMessage("a"), 0)
        assert session.data_to_send(0) == b""
        assert len(session.data_to_send(10**9)) == (7 if session.client else 3)
        assert session.data_to_send(10**9) == b""
