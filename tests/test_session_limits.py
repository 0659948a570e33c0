"""What bounds a session: rates, water marks, what waits to be read and to be written; and
the configuration that says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproto_core import ConnectionState, ConnectionType, Group, LimitExceeded, PreparedMessage
from wsproto_core.events import BytesMessage, Event, Message, Ping, Pong, TextMessage
from wsproto_core.session import (
    DEFAULT_CONFIG,
    EndCause,
    RateLimit,
    Session,
    SessionConfig,
    SessionEnded,
    Side,
)

from .sessions import (
    ABORT,
    CLOSE_IT,
    END_WRITING,
    QUIET,
    Pair,
    Stage,
    close_frame,
    connecting,
    every_way,
    frames_of,
    opened,
    pings,
    receive,
    take,
    written,
)
from .test_handshake_server import request
from .wire import BINARY, CLIENT, CLOSE, PING, PONG, SERVER, TEXT, both_roles, frame

TIMES = ["ping_interval", "ping_timeout", "handshake_timeout", "close_timeout", "idle_timeout"]
AMOUNTS = ["high_water", "low_water", "read_high_water", "max_output"]
RATES = ["control_rate", "message_rate", "byte_rate"]


class TestConfig:
    @pytest.mark.parametrize("name", [*TIMES, *AMOUNTS])
    @pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
    def test_times_and_amounts_are_above_zero(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=f"{name} must be above 0, not {value}"):
            SessionConfig(**{name: value})

    @pytest.mark.parametrize("name", [*TIMES, "max_output", *RATES])
    def test_what_none_switches_off(self, name: str) -> None:
        arguments: dict[str, Any] = {name: None}
        assert getattr(SessionConfig(**arguments), name) is None

    def test_low_water_mark_is_not_above_the_high_one(self) -> None:
        SessionConfig(high_water=10, low_water=10)
        with pytest.raises(ValueError, match="low_water must be at most high_water, 10, not 11"):
            SessionConfig(high_water=10, low_water=11)

    def test_read_mark_is_not_below_what_a_header_takes(self) -> None:
        """It would be waited for, and not be read."""
        SessionConfig(read_high_water=14)
        with pytest.raises(ValueError, match="read_high_water must be at least 14, not 13"):
            SessionConfig(read_high_water=13)

    @pytest.mark.parametrize("name", ["per_second", "burst"])
    @pytest.mark.parametrize("value", [0, -0.5, float("nan"), float("inf")])
    def test_rates_are_above_zero(self, name: str, value: float) -> None:
        arguments: dict[str, Any] = {"per_second": 1, "burst": 1} | {name: value}
        with pytest.raises(ValueError, match=f"{name} must be above 0, not {value}"):
            RateLimit(**arguments)

    @pytest.mark.parametrize("code", [0, 999, 1005, 1006, 1015, 5000])
    def test_rates_codes_are_those_of_the_wire(self, code: int) -> None:
        with pytest.raises(ValueError, match=f"not {code}"):
            RateLimit(per_second=1, burst=1, code=code)

    def test_rates_fail_with_1008_by_default(self) -> None:
        assert RateLimit(per_second=1, burst=1).code == 1008

    def test_is_a_value(self) -> None:
        assert SessionConfig() == DEFAULT_CONFIG
        assert hash(SessionConfig()) == hash(DEFAULT_CONFIG)
        assert SessionConfig(idle_timeout=1) != DEFAULT_CONFIG
        assert "idle_timeout=None" in repr(DEFAULT_CONFIG)
        with pytest.raises(FrozenInstanceError):
            DEFAULT_CONFIG.idle_timeout = 1  # type: ignore[misc]

    def test_defaults(self) -> None:
        """Those that other libraries' users expect; a change is a change of behaviour."""
        defaults = {field.name: getattr(DEFAULT_CONFIG, field.name) for field in fields(QUIET)}
        del defaults["limits"]
        assert defaults == {
            "whole_messages": True,
            "answer_pings": True,
            "answer_close": True,
            "send_failing_close": True,
            "ping_interval": 20,
            "ping_timeout": 20,
            "traffic_is_life": False,
            "handshake_timeout": 10,
            "close_timeout": 10,
            "idle_timeout": None,
            "control_rate": None,
            "message_rate": None,
            "byte_rate": None,
            "high_water": 65536,
            "low_water": None,
            "congestion_pauses_reading": True,
            "read_high_water": 65536,
            "max_output": None,
        }


def limited(**rates: RateLimit) -> SessionConfig:
    return replace(QUIET, **rates)  # type: ignore[arg-type]


@both_roles
class TestRatesThatFail:
    @every_way
    def test_messages(self, role: ConnectionType, way: str) -> None:
        rate = RateLimit(per_second=1, burst=3)
        stage = Stage(opened(role, limited(message_rate=rate)), way)
        one = frame(TEXT, b"a", to=role)
        stage.feed(one * 3, 1)
        stage.feed(one, 2)
        assert stage.events == [TextMessage("a")] * 4
        stage.feed(one + frame(PING, b"never seen", to=role), 2.5, last=True)
        assert stage.events[:4] == [TextMessage("a")] * 4
        ended = stage.ended
        assert ended == SessionEnded(1006, "", EndCause.FAILED, Side.LOCAL, 1008, None)
        assert isinstance(ended.error, LimitExceeded)
        assert str(ended.error) == "more than 1 messages a second"
        assert written(stage.session) == [(CLOSE, b"\x03\xf0more than 1 messages a second")]

    def test_messages_count_as_pieces_where_they_are_given_so(self, role: ConnectionType) -> None:
        config = limited(message_rate=RateLimit(per_second=1, burst=2))
        session = opened(role, replace(config, whole_messages=False))
        data = frame(TEXT, b"abc", to=role)
        events: list[Event] = []
        for i in range(len(data)):
            events += receive(session, data[i : i + 1], 1)
        assert [e.data for e in events if isinstance(e, Message)] == ["a", "b"]
        assert isinstance(events[-1], SessionEnded)

    @every_way
    def test_control_frames(self, role: ConnectionType, way: str) -> None:
        rate = RateLimit(per_second=2, burst=4, code=4000)
        stage = Stage(opened(role, limited(control_rate=rate)), way)
        stage.feed(pings(2, role) + frame(PONG, b"b", to=role) * 2, 1)
        assert stage.events == [Pong(b"b")] * 2
        stage.feed(pings(3, role), 2, last=True)
        assert stage.ended.code_sent == 4000
        assert str(stage.ended.error) == "more than 2 control frames a second"
        # The two that were within it have been answered.
        stage.write()
        assert [each.opcode for each in frames_of(stage.output)] == [PONG] * 4 + [CLOSE]

    def test_the_peers_close_is_welcome(self, role: ConnectionType) -> None:
        session = opened(role, limited(control_rate=RateLimit(per_second=1, burst=1)))
        (ended,) = receive(session, pings(1, role) + close_frame(role), 1)
        assert isinstance(ended, SessionEnded)
        assert ended.clean

    @pytest.mark.parametrize("way", ["whole", "halves", "late"])
    def test_bytes(self, role: ConnectionType, way: str) -> None:
        rate = RateLimit(per_second=10, burst=100, code=1009)
        stage = Stage(opened(role, limited(byte_rate=rate)), way)
        data = frame(BINARY, bytes(60), to=role)
        stage.feed(data, 1)
        assert stage.events == [BytesMessage(bytes(60))]
        stage.feed(data, 1)
        # What has arrived is given, and then the end.
        assert stage.events[1] == BytesMessage(bytes(60))
        assert stage.ended.code_sent == 1009
        assert str(stage.ended.error) == "more than 10 bytes a second"

    def test_bytes_within_the_rate(self, role: ConnectionType) -> None:
        data = frame(BINARY, bytes(50), to=role)
        rate = RateLimit(per_second=len(data), burst=len(data))
        session = opened(role, limited(byte_rate=rate))
        for now in range(1, 50):
            assert receive(session, data, now) == [BytesMessage(bytes(50))]

    def test_a_deadline_between_the_bytes_and_the_events(self, role: ConnectionType) -> None:
        config = replace(limited(byte_rate=RateLimit(per_second=1, burst=1)), ping_interval=5)
        session = opened(role, config)
        session.receive_data(frame(TEXT, b"a", to=role), 1)
        session.handle_timer(5)
        message, ended = take(session)
        assert message == TextMessage("a")
        assert isinstance(ended, SessionEnded)
        assert written(session)[-1][0] == CLOSE

    def test_untold(self, role: ConnectionType) -> None:
        config = limited(message_rate=RateLimit(per_second=1, burst=1))
        session = opened(role, replace(config, send_failing_close=False))
        receive(session, frame(TEXT, b"a", to=role) * 2, 1)
        assert session.data_to_send() == b""
        assert session.transport is END_WRITING

    def test_while_closing(self, role: ConnectionType) -> None:
        session = opened(role, limited(message_rate=RateLimit(per_second=1, burst=1)))
        session.close(1)
        _, ended = receive(session, frame(TEXT, b"a", to=role) * 2, 1)
        assert ended == SessionEnded(1006, "", EndCause.FAILED, Side.LOCAL, 1000, None)


@both_roles
class TestRatesThatPause:
    @every_way
    def test_messages(self, role: ConnectionType, way: str) -> None:
        rate = RateLimit(per_second=2, burst=1, code=None)
        stage = Stage(opened(role, limited(message_rate=rate)), way)
        stage.feed(frame(TEXT, b"a", to=role) * 4, 1)
        session = stage.session
        # The one that is more than there is, is still given.
        assert stage.events == [TextMessage("a")] * 2
        assert session.reading_paused
        assert session.deadline == 1.5
        assert session.state is ConnectionState.OPEN
        stage.timer(1.4)
        assert len(stage.events) == 2
        for now, count, deadline in ((1.5, 3, 2), (2, 4, 2.5)):
            stage.timer(now)
            assert len(stage.events) == count
            assert session.deadline == deadline
            assert session.reading_paused
        stage.timer(2.5)
        assert not session.reading_paused
        assert session.deadline is None
        assert session.ended is None

    def test_ping_flood_is_slowed_down_to_the_rate(self, role: ConnectionType) -> None:
        rate = RateLimit(per_second=2, burst=1, code=None)
        session = opened(role, limited(control_rate=rate))
        data = pings(9, role) + frame(TEXT, b"behind", to=role)
        assert receive(session, data, 0) == []
        answers = len(written(session))
        while session.deadline is not None:
            now = session.deadline
            session.handle_timer(now)
            events = take(session)
            answers += len(written(session))
            assert answers <= 2 + now * 2
            assert events in ([], [TextMessage("behind")])
        assert answers == 9
        assert now == 4

    def test_goes_on_with_any_later_time(self, role: ConnectionType) -> None:
        rate = RateLimit(per_second=2, burst=1, code=None)
        session = opened(role, limited(message_rate=rate))
        receive(session, frame(TEXT, b"a", to=role) * 3, 1)
        assert len(receive(session, frame(TEXT, b"b", to=role), 1.6)) == 1
        assert session.reading_paused

    @pytest.mark.parametrize("way", ["whole", "halves", "bytewise", "late"])
    def test_bytes(self, role: ConnectionType, way: str) -> None:
        data = frame(TEXT, b"abcd", to=role)
        rate = RateLimit(per_second=1, burst=len(data), code=None)
        stage = Stage(opened(role, limited(byte_rate=rate)), way)
        stage.feed(data, 1)
        assert stage.events == [TextMessage("abcd")]
        assert not stage.session.reading_paused
        stage.feed(data, 1)
        assert len(stage.events) == 1
        assert stage.session.reading_paused
        assert stage.session.deadline == 1 + len(data)
        stage.timer(1 + len(data))
        assert stage.events == [TextMessage("abcd")] * 2
        assert not stage.session.reading_paused

    def test_control_frames(self, role: ConnectionType) -> None:
        rate = RateLimit(per_second=2, burst=1, code=None)
        session = opened(role, limited(control_rate=rate))
        assert receive(session, pings(2, role), 1) == []
        assert len(written(session)) == 2
        assert session.reading_paused
        assert session.deadline == 1.5
        session.handle_timer(1.5)
        assert not session.reading_paused
        assert session.deadline is None

    def test_nothing_more_is_read_after_too_many_control_frames(self, role: ConnectionType) -> None:
        rate = RateLimit(per_second=2, burst=1, code=None)
        session = opened(role, limited(control_rate=rate))
        receive(session, pings(9, role), 1)
        assert len(written(session)) == 2

    def test_the_longest_pause_counts(self, role: ConnectionType) -> None:
        config = limited(
            message_rate=RateLimit(per_second=1, burst=1, code=None),
            byte_rate=RateLimit(per_second=1, burst=1, code=None),
        )
        session = opened(role, config)
        data = frame(TEXT, b"a", to=role) * 2
        session.receive_data(data, 1)
        resume = len(data)  # at 1, of which the burst is one
        assert session.deadline == resume
        assert take(session) == []
        session.handle_timer(resume)
        assert take(session) == [TextMessage("a")] * 2
        assert session.deadline == resume + 1

    def test_shorter_pause_within_a_longer(self, role: ConnectionType) -> None:
        config = limited(
            message_rate=RateLimit(per_second=0.1, burst=1, code=None),
            byte_rate=RateLimit(per_second=100, burst=40, code=None),
        )
        session = opened(role, config)
        receive(session, frame(TEXT, b"a", to=role) * 2, 1)
        assert session.deadline == 11
        session.receive_data(bytes(50), 2)
        assert session.deadline == 11

    @pytest.mark.parametrize("now", [-1000, 0, 1e6])
    def test_at_any_time(self, role: ConnectionType, now: float) -> None:
        rate = RateLimit(per_second=1, burst=1, code=None)
        session = opened(role, limited(message_rate=rate), now=now)
        receive(session, frame(TEXT, b"a", to=role) * 2, now)
        assert session.deadline == now + 1

    def test_peers_close_waits_its_turn(self, role: ConnectionType) -> None:
        rate = RateLimit(per_second=1, burst=1, code=None)
        session = opened(role, limited(message_rate=rate))
        data = frame(TEXT, b"a", to=role) * 2 + close_frame(role)
        assert len(receive(session, data, 1)) == 2
        assert receive(session, None, 1) == []
        session.handle_timer(2)
        (ended,) = take(session)
        assert isinstance(ended, SessionEnded)
        assert ended.clean
        assert not session.reading_paused

    def test_is_over_when_the_session_is(self, role: ConnectionType) -> None:
        rate = RateLimit(per_second=1, burst=1, code=None)
        session = opened(role, limited(message_rate=rate))
        receive(session, frame(TEXT, b"a", to=role) * 9, 1)
        assert session.reading_paused
        session.abort(1)
        assert not session.reading_paused
        assert session.deadline is None
        assert len(take(session)) == 1

    def test_closing_times_out_all_the_same(self, role: ConnectionType) -> None:
        rate = RateLimit(per_second=0.01, burst=1, code=None)
        session = opened(role, limited(message_rate=rate))
        receive(session, frame(TEXT, b"a", to=role) * 9, 1)
        session.close(2)
        assert session.deadline == 12
        session.handle_timer(12)
        assert session.transport is ABORT
        assert session.deadline is None
        *messages, ended = take(session)
        assert messages == [TextMessage("a")] * 7  # what has arrived is not slowed down any more
        assert isinstance(ended, SessionEnded)
        assert ended.cause is EndCause.TIMED_OUT
        assert ended.initiator is Side.LOCAL
        assert session.transport is ABORT

    def test_a_close_behind_it_counts(self, role: ConnectionType) -> None:
        rate = RateLimit(per_second=0.01, burst=1, code=None)
        session = opened(role, limited(message_rate=rate))
        receive(session, frame(TEXT, b"a", to=role) * 3 + close_frame(role), 1)
        session.close(2)
        session.handle_timer(12)
        _, ended = take(session)
        assert isinstance(ended, SessionEnded)
        assert ended.clean
        assert session.transport is ABORT

    def test_long_run_is_at_the_rate(self, role: ConnectionType) -> None:
        rate = RateLimit(per_second=4, burst=2, code=None)
        stage = Stage(opened(role, limited(message_rate=rate)))
        stage.feed(frame(TEXT, b"a", to=role) * 100, 0)
        while stage.session.deadline is not None:
            stage.timer(stage.session.deadline)
        assert stage.events == [TextMessage("a")] * 100
        assert 24 <= stage.session._now <= 25


@both_roles
class TestInputThatWaits:
    def test_bytes_from_the_mark_on_pause_reading(self, role: ConnectionType) -> None:
        session = opened(role, replace(QUIET, read_high_water=20))
        data = frame(TEXT, b"abcdefgh", to=role)
        session.receive_data(data[:10], 1)
        assert not session.reading_paused
        session.receive_data(data[10:] + data, 1)
        assert session.reading_paused is (len(data) * 2 >= 20)
        assert session.statistics().input_pending == 2 * len(data)
        assert len(take(session)) == 2
        assert not session.reading_paused
        assert session.statistics().input_pending == 0

    def test_bytes_of_a_message_in_progress_do_not(self, role: ConnectionType) -> None:
        session = opened(role, replace(QUIET, read_high_water=20))
        data = frame(TEXT, bytes(1000), to=role)
        for i in range(0, len(data) - 1, 10):
            assert receive(session, data[i : i + 10], 1) == [] or i + 10 >= len(data)
            assert not session.reading_paused

    def test_not_in_the_opening_handshake(self, role: ConnectionType) -> None:
        session = connecting(role, replace(QUIET, read_high_water=14))
        session.receive_data(request()[:50] if role is SERVER else b"HTTP/1.1 101 ", 1)
        assert not session.reading_paused


@both_roles
class TestWaterMarks:
    CONFIG = replace(QUIET, high_water=100, low_water=40)

    def full(self, role: ConnectionType, size: int, config: SessionConfig = CONFIG) -> Session:
        """A session with *size* bytes of output."""
        session = opened(role, config)
        session.send(BytesMessage(bytes(size - (6 if role is CLIENT else 2))), 1)
        assert session.statistics().output_pending == size
        return session

    def test_writable_up_to_the_high_one(self, role: ConnectionType) -> None:
        assert self.full(role, 99).writable
        assert not self.full(role, 100).writable

    def test_again_from_the_low_one(self, role: ConnectionType) -> None:
        session = self.full(role, 100)
        session.data_to_send(59)
        assert not session.writable
        session.data_to_send(1)
        assert session.writable
        session.send(Ping(bytes(10)), 1)  # 52 or 56
        assert session.writable

    @pytest.mark.parametrize("all_at_once", ["data_to_send", "buffers_to_send"])
    def test_again_when_all_is_taken(self, role: ConnectionType, all_at_once: str) -> None:
        session = self.full(role, 120)
        assert getattr(session, all_at_once)()
        assert session.writable
        for _ in range(3):  # and it counts anew
            session.send(BytesMessage(bytes(80)), 1)
            assert session.writable
            session.send(BytesMessage(bytes(20)), 1)
            assert not session.writable
            assert getattr(session, all_at_once)()
            assert session.writable

    def test_sending_is_allowed_all_the_same(self, role: ConnectionType) -> None:
        session = self.full(role, 100)
        session.send(TextMessage("more"), 1)
        assert [opcode for opcode, _ in written(session)] == [BINARY, TEXT]

    def test_output_that_is_taken_is_not_counted(self, role: ConnectionType) -> None:
        session = self.full(role, 90)
        session.data_to_send(30)
        session.send(BytesMessage(bytes(30)), 1)
        assert session.writable  # 92 or 96
        session.send(Pong(bytes(10)), 1)
        assert not session.writable

    def test_marks_that_are_one(self, role: ConnectionType) -> None:
        config = replace(QUIET, high_water=50, low_water=50)
        session = self.full(role, 51, config)
        assert not session.writable
        session.data_to_send(1)
        assert session.writable

    def test_pauses_reading_in_servers_only(self, role: ConnectionType) -> None:
        assert self.full(role, 99).reading_paused is False
        session = self.full(role, 100)
        assert session.reading_paused is (role is SERVER)
        session.data_to_send()
        assert not session.reading_paused

    def test_not_where_that_is_off(self, role: ConnectionType) -> None:
        config = replace(self.CONFIG, congestion_pauses_reading=False)
        session = self.full(role, 100, config)
        assert not session.writable
        assert not session.reading_paused

    def test_not_when_nothing_is_expected_any_more(self, role: ConnectionType) -> None:
        session = self.full(role, 100)
        receive(session, close_frame(role), 1)
        assert not session.writable
        assert not session.reading_paused

    def test_not_writable_before_it_is_open(self, role: ConnectionType) -> None:
        assert not connecting(role).writable

    def test_a_handshake_above_the_mark(self, role: ConnectionType) -> None:
        if role is CLIENT:
            session = connecting(CLIENT, replace(QUIET, high_water=10, low_water=10))
            assert session.statistics().output_pending > 100
            assert len(session.data_to_send(50)) == 50
            assert session.data_to_send()
            assert session.statistics().output_pending == 0

    def test_deadline_does_not_move_with_output(self, role: ConnectionType) -> None:
        session = self.full(role, 100, replace(self.CONFIG, ping_interval=20))
        assert session.deadline == 20
        session.data_to_send()
        assert session.deadline == 20

    @given(
        steps=st.lists(st.tuples(st.booleans(), st.integers(0, 150)), max_size=30),
        low=st.integers(1, 100),
    )
    def test_whatever_is_sent_and_taken(
        self, role: ConnectionType, steps: list[tuple[bool, int]], low: int
    ) -> None:
        config = replace(self.CONFIG, low_water=low)
        session = opened(role, config)
        pending, congested = 0, False
        for sending, size in steps:
            if sending:
                session.send(BytesMessage(bytes(size)), 1)
                header = (2 if size < 126 else 4) + (4 if role is CLIENT else 0)
                pending += header + size
                congested = congested or pending >= 100
            else:
                pending -= len(session.data_to_send(size))
                congested = congested and pending > low
            assert session.statistics().output_pending == pending
            assert session.writable is not congested


def two_pings(session: Session) -> None:
    session.send(Ping(bytes(90)), 5)
    session.send(Ping(bytes(90)), 5)


#: What takes a session's output above 150 bytes, and no further.
TOO_MUCH: dict[str, Callable[[Session], object]] = {
    "message": lambda session: session.send(BytesMessage(bytes(200)), 5),
    "fragment": lambda session: session.send(BytesMessage(bytes(200), message_finished=False), 5),
    "pings": two_pings,
    "prepared": lambda session: session.send(PreparedMessage(bytes(200)), 5),
    "group": lambda session: Group([session]).send(bytes(200), 5),
}


@both_roles
class TestMaxOutput:
    CONFIG = replace(QUIET, high_water=100, low_water=40, max_output=150)

    @pytest.mark.parametrize("case", TOO_MUCH)
    def test_more_fails_with_1008(self, role: ConnectionType, case: str) -> None:
        session = opened(role, self.CONFIG)
        TOO_MUCH[case](session)
        (ended,) = take(session)
        assert ended == SessionEnded(1006, "", EndCause.FAILED, Side.LOCAL, 1008, None)
        assert isinstance(ended, SessionEnded)
        assert isinstance(ended.error, LimitExceeded)
        assert str(ended.error) == "more than 150 bytes of output not taken"
        assert session.transport is not END_WRITING
        assert written(session)[-1] == (CLOSE, b"\x03\xf0" + str(ended.error).encode())
        assert session.transport is END_WRITING

    def test_as_much_does_not(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        session.send(BytesMessage(bytes(150 - (8 if role is CLIENT else 4))), 1)
        assert session.statistics().output_pending == 150
        assert session.state is ConnectionState.OPEN
        assert not session.writable
        session.send(Ping(), 1)
        assert session.state is ConnectionState.CLOSED

    def test_what_is_taken_does_not_count(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        for _ in range(50):
            session.send(BytesMessage(bytes(100)), 1)
            session.data_to_send(110)
        assert session.state is ConnectionState.OPEN

    def test_answers_are_no_reason_to_fail(self, role: ConnectionType) -> None:
        """They are bounded by themselves."""
        session = opened(role, replace(self.CONFIG, max_output=101))
        session.send(BytesMessage(bytes(80)), 1)
        assert receive(session, frame(PING, bytes(100), to=role) * 9, 1) == []
        assert session.statistics().output_pending > 101
        assert session.state is ConnectionState.OPEN
        # But what the application adds to them is.
        session.send(TextMessage(""), 1)
        assert session.ended is not None
        assert session.ended.code_sent == 1008

    def test_untold(self, role: ConnectionType) -> None:
        session = opened(role, replace(self.CONFIG, send_failing_close=False))
        session.send(BytesMessage(bytes(200)), 1)
        assert len(take(session)) == 1
        assert [opcode for opcode, _ in written(session)] == [BINARY]
        assert session.transport is END_WRITING

    def test_closing_is_no_reason_to_fail(self, role: ConnectionType) -> None:
        """Neither by our Close, nor by the answer to the peer's."""
        for ours in (True, False):
            session = opened(role, self.CONFIG)
            session.send(BytesMessage(bytes(150 - (8 if role is CLIENT else 4))), 1)
            if ours:
                session.close(2)
                assert session.state is ConnectionState.LOCAL_CLOSING
            (ended,) = receive(session, close_frame(role), 3)
            assert isinstance(ended, SessionEnded)
            assert ended.clean
            assert [opcode for opcode, _ in written(session)] == [BINARY, CLOSE]

    def test_a_late_pong_is_no_reason_to_fail(self, role: ConnectionType) -> None:
        """Just when the peer reads again."""
        session = opened(role, self.CONFIG)
        session.send(BytesMessage(bytes(150 - (8 if role is CLIENT else 4))), 1)
        assert receive(session, pings(1, role), 2) == []
        assert [opcode for opcode, _ in written(session)] == [BINARY, PONG]
        assert session.state is ConnectionState.OPEN

    def test_a_fault_of_the_peers_is_told_above_it(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        session.send(BytesMessage(bytes(150 - (8 if role is CLIENT else 4))), 1)
        (ended,) = receive(session, b"\x83\x00", 2)
        assert isinstance(ended, SessionEnded)
        assert ended.code_sent == 1002

    def test_below_the_high_water_mark(self, role: ConnectionType) -> None:
        """Then it is that too."""
        session = opened(role, replace(QUIET, max_output=150))
        session.send(BytesMessage(bytes(150 - (8 if role is CLIENT else 4))), 1)
        assert not session.writable
        assert session.state is ConnectionState.OPEN
        assert session.data_to_send()
        assert session.writable
        session.send(BytesMessage(bytes(200)), 1)
        assert session.state is ConnectionState.CLOSED

    def test_a_heartbeat_is_no_reason_to_fail(self, role: ConnectionType) -> None:
        session = opened(role, replace(self.CONFIG, ping_interval=20, max_output=100))
        session.send(BytesMessage(bytes(93)), 1)
        session.handle_timer(20)
        assert session.statistics().output_pending > 100
        assert take(session) == []
        assert session.state is ConnectionState.OPEN

    def test_not_once_it_is_closing(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        session.close(1)
        for _ in range(3):
            session.send(Ping(bytes(125)), 1)
        assert session.state is ConnectionState.LOCAL_CLOSING

    def test_its_output_is_dropped_in_the_end(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        session.send(BytesMessage(bytes(200)), 1)
        assert session.deadline == 11
        session.handle_timer(11)
        assert session.transport is ABORT
        assert session.data_to_send() == b""


class TestOfTwo:
    def test_a_flood_of_requests_cannot_pile_up_answers(self) -> None:
        """A client that sends and does not read: the server stops reading it."""
        config = replace(QUIET, high_water=1000, low_water=100)
        server = opened(SERVER, config)
        one = frame(TEXT, b"q", to=SERVER) * 10
        fed = 0
        while not server.reading_paused:
            server.receive_data(one, 1)
            fed += 10
            for event in server.events():
                assert isinstance(event, TextMessage)
                server.send(TextMessage("answer" * 10), 1)
        assert fed < 30
        assert server.statistics().output_pending < 2000

    def test_the_server_ends_the_transport_of_a_client_above_its_rate(self) -> None:
        rate = RateLimit(per_second=1, burst=2)
        pair = Pair(QUIET, limited(message_rate=rate))
        for _ in range(3):
            pair.client.send(TextMessage("a"), 0)
        pair.exchange()
        told = pair.client.ended
        assert told is not None
        assert (told.code, told.cause) == (1008, EndCause.CLOSED)
        assert pair.server.transport is CLOSE_IT

    def test_a_pause_reaches_the_peer_as_back_pressure(self) -> None:
        config = replace(QUIET, high_water=100, low_water=20)
        rate = RateLimit(per_second=10, burst=1, code=None)
        pair = Pair(config, limited(message_rate=rate))
        sent = 0
        for _ in range(100):
            if pair.client.writable:
                pair.client.send(TextMessage("0123456789"), pair.now)
                sent += 1
            pair.exchange()
        assert sent < 15
        pair.wait(pair.now + 10)
        assert pair.events[SERVER][1:] == [TextMessage("0123456789")] * sent
        assert pair.client.writable
