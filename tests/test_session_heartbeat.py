"""Pings, pongs and silence: answers by themselves, heartbeats, idle connections
(RFC 6455 §5.5.2, §5.5.3).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from wsproto_core import ConnectionState, ConnectionType
from wsproto_core.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)
from wsproto_core.session import EndCause, RateLimit, Session, SessionConfig, SessionEnded, Side

from .sessions import (
    END_WRITING,
    QUIET,
    Pair,
    Stage,
    agreed,
    close_frame,
    connecting,
    every_way,
    fragments,
    frames_of,
    opened,
    pings,
    receive,
    refuses,
    take,
    written,
)
from .test_handshake_client import response
from .wire import BINARY, CLIENT, CLOSE, PING, PONG, SERVER, TEXT, both_roles, frame

#: A ping each 20 seconds, 5 for its pong.
BEAT = SessionConfig(ping_interval=20, ping_timeout=5)

#: Congested by any message, relieved when all of it is taken but a byte.
NARROW = replace(QUIET, high_water=1, low_water=1)


def beat(session: Session, now: float) -> bytes:
    """Has a session send its ping at *now*; the payload."""
    session.handle_timer(now)
    ((opcode, payload),) = written(session)
    assert opcode == PING
    return payload


def pong(payload: bytes, session: Session) -> bytes:
    return frame(PONG, payload, to=CLIENT if session.client else SERVER)


@both_roles
class TestAnswers:
    @every_way
    def test_pings_are_answered_and_not_given(self, role: ConnectionType, way: str) -> None:
        stage = Stage(opened(role), way)
        stage.feed(pings(3, role) + close_frame(role), 1, last=True)
        assert stage.events == [stage.ended]
        stage.write()
        session = stage.session
        assert session.statistics().pongs_sent == 3
        assert session.statistics().pings_received == 3

    def test_with_the_same_payload_in_order(self, role: ConnectionType) -> None:
        session = opened(role)
        longest = bytes(range(125))
        data = frame(PING, to=role) + frame(PING, longest, to=role)
        assert receive(session, data, 1) == []
        assert written(session) == [(PONG, b""), (PONG, longest)]

    def test_amid_fragments_and_their_pieces(self, role: ConnectionType) -> None:
        session = opened(role)
        first = frame(TEXT, b"a", to=role, fin=False)
        last = frame(0, b"b", to=role)
        assert receive(session, first + frame(PING, b"?", to=role) + last, 1) == [TextMessage("ab")]
        assert written(session) == [(PONG, b"?")]

    @every_way
    def test_switched_off(self, role: ConnectionType, way: str) -> None:
        stage = Stage(opened(role, replace(QUIET, answer_pings=False)), way)
        stage.feed(pings(2, role), 1)
        assert stage.events == [Ping(b"0"), Ping(b"1")]
        assert stage.session.data_to_send() == b""
        assert stage.session.statistics().pings_received == 2
        for event in stage.events:
            assert isinstance(event, Ping)
            stage.session.send(event.response(), 2)
        assert written(stage.session) == [(PONG, b"0"), (PONG, b"1")]
        assert stage.session.statistics().pongs_sent == 2

    @every_way
    def test_pongs_that_answer_nothing_are_given(self, role: ConnectionType, way: str) -> None:
        for config in (QUIET, BEAT):
            stage = Stage(opened(role, config), way)
            stage.feed(frame(PONG, b"\x00\x00\x00\x01", to=role), 1)
            assert stage.events == [Pong(b"\x00\x00\x00\x01")]
            assert stage.session.statistics().pongs_received == 1

    def test_pongs_to_the_applications_own_pings_are_given(self, role: ConnectionType) -> None:
        session = opened(role, BEAT)
        session.send(Ping(b"mine"), 1)
        assert session.statistics().pings_sent == 1
        assert receive(session, pong(b"mine", session), 2) == [Pong(b"mine")]
        assert session.latency is None


@both_roles
class TestPingBursts:
    """RFC 6455 §5.5.3: only the most recent ping need be answered."""

    def congested(self, role: ConnectionType, config: SessionConfig = NARROW) -> Session:
        session = opened(role, config)
        session.send(TextMessage("x" * 100), 1)
        assert not session.writable
        return session

    @every_way
    def test_only_the_last_is_answered_while_congested(
        self, role: ConnectionType, way: str
    ) -> None:
        stage = Stage(opened(role, NARROW), way)
        stage.feed(pings(1, role), 1)  # this answer is congestion enough
        stage.session.send(TextMessage("x" * 100), 1)
        stage.write = lambda: None  # type: ignore[method-assign]
        stage.feed(pings(500, role), 2)
        assert stage.events == []
        assert written(stage.session) == [(PONG, b"0"), (TEXT, b"x" * 100), (PONG, b"499")]
        assert stage.session.statistics().pings_received == 501

    def test_output_is_bounded(self, role: ConnectionType) -> None:
        config = replace(QUIET, high_water=1000, low_water=100)
        session = opened(role, config)
        for _ in range(50):
            receive(session, frame(PING, bytes(125), to=role) * 100, 1)
        assert session.statistics().output_pending < 1000 + 131

    @pytest.mark.parametrize("by_buffers", [False, True])
    def test_all_output_comes_at_once(self, role: ConnectionType, by_buffers: bool) -> None:
        """What is written once for each read must not leave the pong behind."""
        session = self.congested(role)
        receive(session, pings(2, role), 1)
        output = b"".join(session.buffers_to_send()) if by_buffers else session.data_to_send()
        assert [each.opcode for each in frames_of(output)] == [TEXT, PONG]
        assert session.statistics().output_pending == 0
        assert session.data_to_send() == b""

    @pytest.mark.parametrize("by_buffers", [False, True])
    def test_it_is_writable_again(self, role: ConnectionType, by_buffers: bool) -> None:
        session = self.congested(role)
        receive(session, pings(2, role), 1)
        assert session.buffers_to_send() if by_buffers else session.data_to_send()
        assert session.writable
        assert not session.reading_paused

    def test_late_pong_comes_when_output_is_taken(self, role: ConnectionType) -> None:
        session = self.congested(role, replace(NARROW, high_water=50, low_water=50))
        receive(session, pings(9, role), 1)
        size = session.statistics().output_pending
        session.data_to_send(size - 51)
        assert session.statistics().pongs_sent == 0
        session.data_to_send(1)
        assert session.statistics().pongs_sent == 1
        assert session.data_to_send().endswith(b"\x8a\x018" if role is SERVER else b"")
        # And it is not sent again.
        session.send(TextMessage("x" * 100), 1)
        assert [opcode for opcode, _ in written(session)] == [TEXT]

    def test_output_that_falls_in_small_steps(self, role: ConnectionType) -> None:
        session = self.congested(role)
        receive(session, pings(9, role), 1)
        output = b""
        for _ in range(200):
            output += session.data_to_send(1)
        assert session.data_to_send() == b""
        assert session.writable
        session.send(TextMessage("again"), 1)
        other = self.congested(role)
        receive(other, pings(9, role), 1)
        assert output == other.data_to_send()

    def test_not_after_the_end(self, role: ConnectionType) -> None:
        session = self.congested(role)
        (ended,) = receive(session, pings(9, role) + close_frame(role), 1)
        assert isinstance(ended, SessionEnded)
        assert [opcode for opcode, _ in written(session)] == [TEXT, CLOSE]
        assert session.data_to_send() == b""
        assert session.statistics().pongs_sent == 0

    @pytest.mark.parametrize("bad", [b"\x83\x00", None])
    def test_not_after_a_fault_or_the_end_of_the_transport(
        self, role: ConnectionType, bad: bytes | None
    ) -> None:
        session = self.congested(role)
        receive(session, pings(9, role), 1)
        (ended,) = receive(session, bad, 1)
        assert isinstance(ended, SessionEnded)
        assert PONG not in [opcode for opcode, _ in written(session)]

    def test_not_once_the_peers_close_waits_for_the_application(self, role: ConnectionType) -> None:
        session = self.congested(role, replace(NARROW, answer_close=False))
        assert len(receive(session, pings(9, role) + close_frame(role), 1)) == 1
        assert [opcode for opcode, _ in written(session)] == [TEXT]
        session.close(2)
        assert [opcode for opcode, _ in written(session)] == [CLOSE]

    def test_never_after_our_close(self, role: ConnectionType) -> None:
        """What is behind a Close, a peer does not read."""
        session = self.congested(role)
        receive(session, pings(9, role), 1)
        session.close(2)
        frames = written(session) + written(session)
        assert [opcode for opcode, _ in frames] in ([TEXT, PONG, CLOSE], [TEXT, CLOSE])

    def test_pings_behind_our_close_are_not_answered_late(self, role: ConnectionType) -> None:
        session = self.congested(role)
        session.close(2)
        assert receive(session, pings(9, role), 2) == []
        frames = written(session) + written(session)
        assert [opcode for opcode, _ in frames] == [TEXT, CLOSE]

    def test_a_close_that_is_refused_leaves_it(self, role: ConnectionType) -> None:
        session = self.congested(role)
        receive(session, pings(9, role), 1)
        before = session.statistics()
        refuses(lambda: session.close(1, 999), "999")
        assert session.statistics() == before
        assert [opcode for opcode, _ in written(session)] == [TEXT, PONG]


@both_roles
class TestHeartbeat:
    def test_pings_go_out_at_the_interval(self, role: ConnectionType) -> None:
        session = opened(role, BEAT, now=100)
        assert session.deadline == 120
        session.handle_timer(119.9)
        assert session.data_to_send() == b""
        payloads = []
        for due in (120, 140, 160):
            assert session.deadline == due
            payloads.append(beat(session, due))
            assert session.deadline == due + 5
            assert receive(session, pong(payloads[-1], session), due + 1) == []
        assert len(set(payloads)) == 3
        assert session.statistics().pings_sent == 3
        assert session.statistics().pongs_received == 3

    def test_begins_with_the_opening(self, role: ConnectionType) -> None:
        if role is SERVER:
            return
        session = connecting(CLIENT, BEAT)
        assert session.deadline == 10
        receive(session, response(), 7)
        assert session.deadline == 27

    def test_latency_is_the_time_to_the_last_pong(self, role: ConnectionType) -> None:
        session = opened(role, BEAT)
        assert session.latency is None
        assert session.statistics().latency is None
        for due, takes in ((20, 0.25), (40, 0.5)):
            receive(session, pong(beat(session, due), session), due + takes)
            assert session.latency == takes
            assert session.statistics().latency == takes

    def test_no_heartbeat_no_latency(self, role: ConnectionType) -> None:
        session = opened(role)
        assert session.latency is None
        assert session.deadline is None

    def test_late_handling_does_not_multiply_pings(self, role: ConnectionType) -> None:
        session = opened(role, BEAT)
        beat(session, 95)
        assert session.deadline == 100

    def test_pong_after_a_shorter_interval_than_the_timeout(self, role: ConnectionType) -> None:
        session = opened(role, SessionConfig(ping_interval=2, ping_timeout=10))
        payload = beat(session, 2)
        session.handle_timer(9)
        assert session.data_to_send() == b""  # one at a time
        receive(session, pong(payload, session), 9)
        assert session.deadline == 4  # overdue: at once
        beat(session, 9)

    @pytest.mark.parametrize("other", [b"", b"\x00\x00\x00\x02", b"\x00\x00\x00\x01\x00", b"x"])
    def test_other_pongs_do_not_count(self, role: ConnectionType, other: bytes) -> None:
        session = opened(role, BEAT)
        payload = beat(session, 20)
        assert payload != other
        assert receive(session, pong(other, session), 21) == [Pong(other)]
        assert session.deadline == 25
        session.handle_timer(25)
        (ended,) = take(session)
        assert isinstance(ended, SessionEnded)
        assert ended.cause is EndCause.TIMED_OUT

    def test_a_pong_counts_once(self, role: ConnectionType) -> None:
        session = opened(role, BEAT)
        payload = beat(session, 20)
        assert receive(session, pong(payload, session) * 2, 21) == [Pong(payload)]

    def test_a_pong_that_arrived_in_time_counts(self, role: ConnectionType) -> None:
        """Though nobody took events until the deadline; and what came with it stays."""
        session = opened(role, BEAT)
        data = frame(TEXT, b"a", to=role) + pong(beat(session, 20), session)
        session.receive_data(data + frame(BINARY, b"b", to=role), 24)
        session.handle_timer(25)
        assert session.state is ConnectionState.OPEN
        assert take(session) == [TextMessage("a"), BytesMessage(b"b")]
        assert session.latency == 5  # it was seen then
        assert session.deadline == 40

    def test_a_close_that_arrived_in_time_counts(self, role: ConnectionType) -> None:
        session = opened(role, BEAT)
        beat(session, 20)
        session.receive_data(frame(TEXT, b"a", to=role) + close_frame(role), 24)
        session.handle_timer(25)
        assert take(session) == [
            TextMessage("a"), SessionEnded(1000, "", EndCause.CLOSED, Side.REMOTE, 1000, 1000)
        ]  # fmt: skip

    def test_without_timeout_it_only_keeps_the_connection_in_use(
        self, role: ConnectionType
    ) -> None:
        session = opened(role, SessionConfig(ping_timeout=None))
        first = beat(session, 20)
        assert session.deadline == 40
        second = beat(session, 40)
        assert receive(session, pong(first, session), 41) == [Pong(first)]
        assert receive(session, pong(second, session), 41) == []
        assert session.latency == 1
        assert session.deadline == 60
        session.handle_timer(1e6)
        assert session.state is ConnectionState.OPEN

    def test_no_pings_while_closing(self, role: ConnectionType) -> None:
        session = opened(role, BEAT)
        session.close(19)
        assert written(session) == [(CLOSE, b"\x03\xe8")]
        assert session.deadline == 29
        session.handle_timer(20)
        assert session.data_to_send() == b""

    def test_pong_is_not_waited_for_while_closing(self, role: ConnectionType) -> None:
        session = opened(role, BEAT)
        payload = beat(session, 20)
        session.close(21)
        session.handle_timer(26)
        assert session.ended is None
        assert receive(session, pong(payload, session), 26) == []  # it is the heartbeat's
        assert session.deadline == 31

    def test_no_pings_once_the_peer_has_closed(self, role: ConnectionType) -> None:
        session = opened(role, replace(BEAT, answer_close=False))
        receive(session, close_frame(role), 19)
        session.handle_timer(20)
        assert session.data_to_send() == b""
        assert session.deadline == 29

    def test_deadline_does_not_move_with_traffic(self, role: ConnectionType) -> None:
        for config in (BEAT, replace(BEAT, traffic_is_life=True, idle_timeout=30)):
            session = opened(role, config)
            for now in range(1, 20):
                receive(session, frame(TEXT, b"a", to=role), now)
                session.send(TextMessage("b"), now)
                session.data_to_send()
                assert session.deadline == 20


@both_roles
class TestTrafficAsLife:
    CONFIG = replace(BEAT, traffic_is_life=True)

    def test_defers_the_ping(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        receive(session, frame(TEXT, b"a", to=role), 15)
        session.handle_timer(20)
        assert session.data_to_send() == b""
        assert session.deadline == 35
        beat(session, 35)

    def test_what_is_sent_is_not(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        session.send(TextMessage("a"), 15)
        session.data_to_send()
        beat(session, 20)

    @pytest.mark.parametrize("data", [b"\x81", b"\x8a\x00", b"\x82\x01a"])
    def test_counts_as_the_pong(self, role: ConnectionType, data: bytes) -> None:
        if role is SERVER:
            data = {1: data, 2: frame(PONG, to=role), 3: frame(BINARY, b"a", to=role)}[len(data)]
        session = opened(role, self.CONFIG)
        payload = beat(session, 20)
        receive(session, data, 24)
        session.handle_timer(25)
        assert session.state is ConnectionState.OPEN
        assert session.deadline == 44
        assert session.latency is None
        if len(data) > 1:
            # The pong itself may still come.
            assert receive(session, pong(payload, session), 30) == []
            assert session.latency == 10
            assert session.deadline == 44

    def test_silence_is_not(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        beat(session, 20)
        session.handle_timer(25)
        assert isinstance(take(session)[-1], SessionEnded)

    @pytest.mark.parametrize(("heard", "due"), [(10, 30), (20, 40)])
    def test_nor_is_what_came_before_the_ping(
        self, role: ConnectionType, heard: float, due: float
    ) -> None:
        session = opened(role, self.CONFIG)
        receive(session, frame(PONG, to=role), heard)
        session.handle_timer(20)
        beat(session, due)
        session.handle_timer(due + 5)
        assert isinstance(take(session)[-1], SessionEnded)

    def test_without_it_traffic_does_not_count(self, role: ConnectionType) -> None:
        session = opened(role, BEAT)
        beat(session, 20)
        for now in (21, 22, 23, 24):
            receive(session, frame(TEXT, b"a", to=role), now)
        session.handle_timer(25)
        assert isinstance(take(session)[-1], SessionEnded)


@both_roles
class TestSlowPeers:
    """Who is slow is alive; who does nothing is not."""

    CONFIG = replace(BEAT, high_water=100, low_water=10)

    def with_output(self, role: ConnectionType, size: int = 1000) -> Session:
        session = opened(role, self.CONFIG)
        session.send(BytesMessage(bytes(size)), 1)
        session.handle_timer(20)  # the ping waits behind all that
        return session

    def test_reader_with_progress_is_alive(self, role: ConnectionType) -> None:
        session = self.with_output(role)
        for now in (25, 30, 35, 40):
            session.data_to_send(200)
            session.handle_timer(now)
            assert session.state is ConnectionState.OPEN
            assert session.deadline == now + 5
        assert session.statistics().pings_sent == 1
        session.data_to_send()
        payload = b"\x00\x00\x00\x01"
        assert receive(session, pong(payload, session), 41) == []
        assert session.latency == 21

    def test_reader_without_progress_is_dead(self, role: ConnectionType) -> None:
        session = self.with_output(role)
        session.handle_timer(25)
        (ended,) = take(session)
        assert isinstance(ended, SessionEnded)
        assert ended.cause is EndCause.TIMED_OUT

    def test_reader_that_stops_is_dead(self, role: ConnectionType) -> None:
        session = self.with_output(role)
        session.data_to_send(200)
        session.handle_timer(25)
        assert session.state is ConnectionState.OPEN
        session.handle_timer(30)
        assert isinstance(take(session)[-1], SessionEnded)

    def test_progress_before_the_ping_is_none(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        session.send(BytesMessage(bytes(1000)), 1)
        session.data_to_send(500)
        session.handle_timer(20)
        session.handle_timer(25)
        assert isinstance(take(session)[-1], SessionEnded)

    def test_who_has_it_all_and_does_not_answer_is_dead(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        beat(session, 20)
        session.handle_timer(25)
        assert isinstance(take(session)[-1], SessionEnded)

    @pytest.mark.parametrize("interval", [5, 7])
    def test_reader_of_one_step_each_time(self, role: ConnectionType, interval: int) -> None:
        """Whatever the size of its steps: until it has the ping, and one timeout behind."""
        session = self.with_output(role)
        now = 20
        while session.statistics().output_pending:
            now += 5
            session.data_to_send(interval * 40)
            session.handle_timer(now)
            assert session.state is ConnectionState.OPEN
        session.handle_timer(now + 5)
        assert isinstance(take(session)[-1], SessionEnded)

    def test_reader_to_whom_the_ping_has_only_just_gone_is_alive(
        self, role: ConnectionType
    ) -> None:
        session = self.with_output(role)
        session.handle_timer(22)
        session.data_to_send(500)
        session.handle_timer(24.9)
        session.data_to_send()  # now the ping is on its way, and 0.1 s are left
        session.handle_timer(25)
        assert session.state is ConnectionState.OPEN

    def test_input_that_is_not_read_does_not_count_against_the_peer(
        self, role: ConnectionType
    ) -> None:
        """Its pong may be behind what we do not read."""
        rate = RateLimit(per_second=0.01, burst=1, code=None)
        session = opened(role, replace(BEAT, message_rate=rate))
        data = frame(TEXT, b"a", to=role) * 3
        assert receive(session, data, 1) == [TextMessage("a")] * 2
        assert session.reading_paused
        payload = beat(session, 20)
        session.receive_data(pong(payload, session), 21)
        for now in (25, 30, 35):
            session.handle_timer(now)
            assert take(session) == []
            assert session.state is ConnectionState.OPEN
        session.handle_timer(101)
        assert take(session) == [TextMessage("a")]
        assert session.latency is None
        session.handle_timer(201)
        assert take(session) == []
        assert session.latency == 181

    def test_events_that_are_not_taken_do_not_count_against_the_peer(
        self, role: ConnectionType
    ) -> None:
        session = opened(role, BEAT)
        beat(session, 20)
        session.receive_data(frame(TEXT, b"a", to=role), 21)
        session.handle_timer(25)
        session.handle_timer(30)
        assert session.state is ConnectionState.OPEN
        assert take(session) == [TextMessage("a")]
        session.handle_timer(35)
        assert isinstance(take(session)[-1], SessionEnded)


@both_roles
class TestIdle:
    CONFIG = replace(QUIET, idle_timeout=30)

    def test_is_closed_with_1001(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        assert session.deadline == 30
        session.handle_timer(30)
        assert written(session) == [(CLOSE, b"\x03\xe9idle")]
        assert session.state is ConnectionState.LOCAL_CLOSING
        assert session.deadline == 40

    @pytest.mark.parametrize(
        "event", [TextMessage(""), BytesMessage(b""), Message("a", message_finished=False)]
    )
    def test_messages_that_are_sent_defer_it(self, role: ConnectionType, event: Event) -> None:
        session = opened(role, self.CONFIG)
        session.send(event, 20)
        session.handle_timer(30)
        assert session.state is ConnectionState.OPEN
        assert session.deadline == 50
        session.handle_timer(50)
        assert session.state is ConnectionState.LOCAL_CLOSING

    @pytest.mark.parametrize("deflate", [False, True])
    @every_way
    def test_messages_that_are_received_defer_it(
        self, role: ConnectionType, deflate: bool, way: str
    ) -> None:
        stage = Stage(opened(role, self.CONFIG, extensions=agreed() if deflate else None), way)
        stage.feed(fragments(TEXT, b"a", b"b", to=role), 20)
        stage.timer(30)
        assert stage.session.deadline == 50
        stage.timer(50)
        assert stage.session.state is ConnectionState.LOCAL_CLOSING

    @pytest.mark.parametrize("event", [Ping(), Pong()])
    def test_control_frames_do_not(self, role: ConnectionType, event: Event) -> None:
        session = opened(role, self.CONFIG)
        session.send(event, 20)
        assert receive(session, pings(2, role) + frame(PONG, to=role), 25) == [Pong()]
        session.handle_timer(30)
        assert session.state is ConnectionState.LOCAL_CLOSING

    def test_nor_heartbeats(self, role: ConnectionType) -> None:
        session = opened(role, SessionConfig(idle_timeout=30))
        receive(session, pong(beat(session, 20), session), 21)
        session.handle_timer(30)
        assert session.state is ConnectionState.LOCAL_CLOSING

    def test_a_message_that_arrived_in_time_counts(self, role: ConnectionType) -> None:
        session = opened(role, self.CONFIG)
        session.receive_data(frame(TEXT, b"a", to=role), 29)
        session.handle_timer(30)
        assert session.state is ConnectionState.OPEN
        assert take(session) == [TextMessage("a")]

    def test_with_a_ping_due_at_the_same_time(self, role: ConnectionType) -> None:
        """Once it is closing, no ping goes out."""
        for idle, opcodes in ((19.9, [CLOSE]), (20, [PING, CLOSE])):
            session = opened(role, SessionConfig(idle_timeout=idle))
            session.handle_timer(20)
            assert sorted(opcode for opcode, _ in written(session)) in (opcodes[::-1], [CLOSE])
            assert session.state is ConnectionState.LOCAL_CLOSING

    def test_is_over_with_the_peers_close(self, role: ConnectionType) -> None:
        session = opened(role, replace(self.CONFIG, answer_close=False))
        assert receive(session, close_frame(role), 29) == [CloseConnection(1000, "")]
        session.handle_timer(30)
        assert session.data_to_send() == b""
        assert session.deadline == 39


class TestOfTwo:
    def test_both_beat_and_neither_notices(self) -> None:
        pair = Pair(BEAT, SessionConfig(ping_interval=7, ping_timeout=3))
        pair.wait(100)
        assert pair.client.statistics().pings_sent == 5
        assert pair.server.statistics().pings_sent == 14
        assert len(pair.events[CLIENT]) == len(pair.events[SERVER]) == 1

    def test_one_that_does_not_answer(self) -> None:
        pair = Pair(replace(QUIET, answer_pings=False), BEAT)
        pair.wait(60)
        assert isinstance(pair.events[CLIENT][1], Ping)
        ended = pair.server.ended
        assert ended == SessionEnded(1006, "", EndCause.TIMED_OUT, Side.LOCAL, 1011, None)
        told = pair.client.ended
        assert told is not None
        assert (told.code, told.reason) == (1011, "no pong within 5 s")
        assert pair.server.statistics().ended_at == 25
        assert pair.server.transport > END_WRITING

    def test_an_idle_pair_is_closed_cleanly(self) -> None:
        pair = Pair(SessionConfig(), SessionConfig(idle_timeout=50))
        pair.wait(200)
        for _, session, _ in pair.ends():
            assert session.ended is not None
            assert session.ended.clean
            assert session.ended.code == 1001
            assert session.statistics().ended_at == 50
