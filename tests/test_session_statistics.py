"""A session's counters, each against what is counted on the wire by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproto_core import ConnectionState, ConnectionType, Group, PreparedMessage
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    Pong,
    TextMessage,
)
from wsproto_core.session import Session, SessionConfig, SessionStatistics

from .sessions import (
    QUIET,
    Pair,
    agreed,
    close_frame,
    connecting,
    frames_of,
    opened,
    other,
    pings,
    receive,
    refuses,
    take,
)
from .test_handshake_client import response
from .test_handshake_server import request
from .wire import BINARY, CLIENT, CLOSE, PING, PONG, SERVER, TEXT, both_roles, frame

#: Around the edges of a header's forms.
SIZES = [0, 1, 124, 125, 126, 127, 128, 65533, 65534, 65535, 65536, 65537, 70000]

RESPONSES = [None, "", "server_no_context_takeover; client_no_context_takeover"]


class Tally(NamedTuple):
    """What is to be counted of bytes on the wire."""

    frames: int
    messages: int
    frame_bytes: int
    pings: int
    pongs: int

    @classmethod
    def of(cls, wire: bytes) -> Tally:
        frames = frames_of(wire)
        data = [each for each in frames if each.opcode < CLOSE]
        return cls(
            len(frames),
            sum(each.fin for each in data),
            sum(len(each.payload) for each in data),
            sum(each.opcode == PING for each in frames),
            sum(each.opcode == PONG for each in frames),
        )


def check_sent(statistics: SessionStatistics, wire: bytes, payload: int) -> None:
    assert statistics.wire_bytes_sent == len(wire)
    assert statistics.output_pending == 0
    assert statistics.payload_bytes_sent == payload
    assert Tally.of(wire) == (
        statistics.frames_sent,
        statistics.messages_sent,
        statistics.frame_bytes_sent,
        statistics.pings_sent,
        statistics.pongs_sent,
    )


def check_received(statistics: SessionStatistics, wire: bytes, payload: int) -> None:
    assert statistics.wire_bytes_received == len(wire)
    assert statistics.input_pending == 0
    assert statistics.payload_bytes_received == payload
    assert Tally.of(wire) == (
        statistics.frames_received,
        statistics.messages_received,
        statistics.frame_bytes_received,
        statistics.pings_received,
        statistics.pongs_received,
    )


def send_all(session: Session, steps: Sequence[tuple[str, int]]) -> int:
    """Send all of it; the bytes of messages in it."""
    payload = 0
    group = Group([session])
    for kind, size in steps:
        data = (b"0123456789" * (size // 10 + 1))[:size]
        text = data.decode()
        payload += 0 if kind in ("ping", "pong") else size
        match kind:
            case "text":
                session.send(TextMessage(text), 1)
            case "bytes":
                session.send(BytesMessage(data), 1)
            case "subclass":
                session.send(Message(bytearray(data)), 1)
            case "plain":
                session.send(TextMessage(text), 1, compress=False)
            case "fragments":
                half = size // 2
                session.send(BytesMessage(data[:half], message_finished=False), 1)
                session.send(Ping(b"amid"), 1)
                session.send(BytesMessage(b"", message_finished=False), 1)
                session.send(BytesMessage(data[half:]), 1)
            case "prepared":
                session.send(PreparedMessage(text), 1)
            case "prepared again":
                message = PreparedMessage(data)
                session.send(message, 1)
                session.send(message, 1, compress=False)
                payload += size
            case "group":
                group.send(text, 1)
            case "ping":
                session.send(Ping(data[:125]), 1)
            case "pong":
                session.send(Pong(data[:125]), 1)
    return payload


KINDS = [
    "text", "bytes", "subclass", "plain", "fragments", "prepared", "prepared again", "group",
    "ping", "pong",
]  # fmt: skip

#: Group.send skips members whose output is above this.
ROOMY = replace(QUIET, high_water=10**9)


@both_roles
@pytest.mark.parametrize("deflate", RESPONSES)
class TestFrames:
    @pytest.mark.parametrize("kind", KINDS)
    def test_of_each_kind_and_size(
        self, role: ConnectionType, deflate: str | None, kind: str
    ) -> None:
        for size in SIZES:
            self.check(role, deflate, [(kind, size)])

    @given(steps=st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(SIZES)), max_size=8))
    @settings(max_examples=40)
    def test_of_all_together(
        self, role: ConnectionType, deflate: str | None, steps: list[tuple[str, int]]
    ) -> None:
        self.check(role, deflate, steps)

    def check(
        self, role: ConnectionType, deflate: str | None, steps: list[tuple[str, int]]
    ) -> None:
        def extensions() -> Any:
            return None if deflate is None else agreed(deflate)

        sender = opened(role, ROOMY, extensions=extensions())
        payload = send_all(sender, steps)
        before = sender.statistics()
        wire = sender.data_to_send()
        assert before.output_pending == len(wire)
        check_sent(sender.statistics(), wire, payload)
        assert before[8:-2] == sender.statistics()[8:-2]  # to take it changes no other

        silent = replace(QUIET, answer_pings=False)
        for whole in (True, False):
            receiver = opened(other(role), silent, extensions=extensions())
            for chunk in [wire] if whole else [wire[i : i + 999] for i in range(0, len(wire), 999)]:
                receive(receiver, chunk, 1)
            check_received(receiver.statistics(), wire, payload)
            check_sent(receiver.statistics(), b"", 0)


@both_roles
class TestByHand:
    """What a peer sends, in frames that no writer of ours made."""

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("cuts", [1, 2, 3])
    def test_messages_in_one_read_or_more(self, role: ConnectionType, size: int, cuts: int) -> None:
        data = frame(BINARY, bytes(size), to=role) + frame(TEXT, b"x" * size, to=role)
        session = opened(role)
        step = -(-len(data) // cuts)
        for at in range(0, len(data), step):
            receive(session, data[at : at + step], 1)
        check_received(session.statistics(), data, 2 * size)

    def test_header_counts_once_it_is_read(self, role: ConnectionType) -> None:
        session = opened(role)
        data = frame(TEXT, b"abc", to=role)
        for i, byte in enumerate(data):
            receive(session, bytes([byte]), 1)
            statistics = session.statistics()
            assert statistics.wire_bytes_received == i + 1
            assert statistics.frames_received == (i + 1 >= len(data) - 3)
            assert statistics.messages_received == (i + 1 == len(data))

    def test_what_is_behind_a_close_is_no_frame(self, role: ConnectionType) -> None:
        session = opened(role)
        data = close_frame(role)
        receive(session, data + frame(TEXT, b"abc", to=role), 1)
        receive(session, frame(TEXT, b"abc", to=role), 2)
        statistics = session.statistics()
        assert statistics.frames_received == 1
        assert statistics.messages_received == 0
        assert statistics.frames_sent == 1  # the Close
        assert statistics.wire_bytes_received == len(data + 2 * frame(TEXT, b"abc", to=role))

    def test_answers(self, role: ConnectionType) -> None:
        session = opened(role)
        data = pings(5, role) + frame(PONG, to=role)
        receive(session, data, 1)
        check_received(session.statistics(), data, 0)
        wire = session.data_to_send()
        check_sent(session.statistics(), wire, 0)
        assert session.statistics().pongs_sent == 5

    def test_heartbeats(self, role: ConnectionType) -> None:
        session = opened(role, SessionConfig())
        wire = b""
        for number in (1, 2):
            session.handle_timer(20 * number)
            wire += session.data_to_send()
            receive(session, frame(PONG, number.to_bytes(4, "big"), to=role), 20 * number + 1)
        check_sent(session.statistics(), wire, 0)
        assert session.statistics().pings_sent == 2
        assert session.statistics().pongs_received == 2

    @pytest.mark.parametrize("failing", [True, False])
    def test_failing(self, role: ConnectionType, failing: bool) -> None:
        session = opened(role, replace(QUIET, send_failing_close=failing))
        receive(session, frame(TEXT, b"a", to=role) + b"\x83\x00", 1)
        wire = session.data_to_send()
        assert bool(wire) is failing
        check_sent(session.statistics(), wire, 0)
        assert session.statistics().frames_received == 1


@both_roles
class TestWhatIsNotSent:
    def test_refused_messages_do_not_count(self, role: ConnectionType) -> None:
        session = opened(role)
        session.handle_timer(1)
        before = session.statistics()
        for event in (TextMessage("\udc00"), Ping(bytes(126)), CloseConnection(1015)):
            refuses(partial(session.send, event, 1))
        assert session.statistics() == before

    def test_abort_takes_back_nothing_but_the_bytes(self, role: ConnectionType) -> None:
        """What was sent stays sent, though it is not on the wire."""
        session = opened(role)
        payload = send_all(session, [("text", 200), ("ping", 5), ("fragments", 300)])
        taken = session.data_to_send(100)
        before = session.statistics()
        session.abort(2)
        after = session.statistics()
        assert after == before._replace(state=ConnectionState.CLOSED, ended_at=2, output_pending=0)
        assert after.wire_bytes_sent == len(taken) == 100
        assert after.payload_bytes_sent == payload
        assert after.frames_sent == 6
        session.abort(3)
        assert session.statistics() == after

    def test_abort_before_anything(self, role: ConnectionType) -> None:
        session = connecting(role)
        session.abort(2)
        statistics = session.statistics()
        assert statistics.wire_bytes_sent == statistics.output_pending == 0
        assert statistics.frames_sent == statistics.payload_bytes_sent == 0
        assert statistics.frame_bytes_sent == 0

    def test_dropped_after_the_end(self, role: ConnectionType) -> None:
        session = opened(role)
        session.send(TextMessage("a" * 200), 1)
        receive(session, close_frame(role), 1)
        session.handle_timer(11)
        statistics = session.statistics()
        assert statistics.output_pending == statistics.wire_bytes_sent == 0
        assert statistics.frames_sent == 2
        assert statistics.payload_bytes_sent == 200
        assert statistics.ended_at == 1


class TestTimes:
    def test_of_a_life(self) -> None:
        session = connecting(SERVER, now=1)
        session.receive_data(request(), 2)
        take(session)
        assert session.statistics()[1:5] == (1, None, None, 2)
        session.send(AcceptConnection(), 3)
        session.receive_data(frame(TEXT, b"a", to=SERVER), 4)
        session.handle_timer(5)
        assert session.statistics()[1:5] == (1, 3, None, 4)
        session.close(6)
        receive(session, close_frame(SERVER), 7)
        assert session.statistics()[1:5] == (1, 3, 7, 7)
        receive(session, None, 8)
        session.abort(9)
        assert session.statistics()[1:5] == (1, 3, 7, 7)

    @both_roles
    def test_states(self, role: ConnectionType) -> None:
        session = opened(role, replace(QUIET, answer_close=False))
        assert session.statistics().state is ConnectionState.OPEN
        receive(session, close_frame(role), 1)
        assert session.statistics().state is ConnectionState.REMOTE_CLOSING
        session.close(1)
        assert session.statistics().state is ConnectionState.CLOSED


class TestHandshake:
    def test_is_counted_in_bytes_only(self) -> None:
        server, client = connecting(SERVER), connecting(CLIENT)
        wire = client.data_to_send()
        receive(server, wire, 1)
        receive(client, response(), 1)
        for session, received, sent in (
            (server, len(wire), 0),
            (client, len(response()), len(wire)),
        ):
            statistics = session.statistics()
            assert statistics.wire_bytes_received == received
            assert statistics.wire_bytes_sent == sent
            assert statistics.frames_received == statistics.frames_sent == 0
            assert statistics.payload_bytes_sent == statistics.frame_bytes_sent == 0

    def test_frames_right_behind_it(self) -> None:
        session = connecting(CLIENT)
        session.data_to_send()
        behind = frame(TEXT, b"abc", to=CLIENT)
        receive(session, response() + behind, 1)
        statistics = session.statistics()
        assert statistics.wire_bytes_received == len(response() + behind)
        assert statistics.payload_bytes_received == 3


class TestSnapshot:
    def test_is_independent(self) -> None:
        session = opened(SERVER)
        before = session.statistics()
        session.send(TextMessage("a"), 1)
        assert before.frames_sent == 0
        assert session.statistics().frames_sent == 1

    def test_of_a_fresh_session(self) -> None:
        statistics = Session(SERVER, now=3).statistics()
        assert statistics == SessionStatistics(
            ConnectionState.CONNECTING, 3, None, None, None, None, *[0] * 16
        )
        assert statistics.compression_ratio_sent is None
        assert statistics.compression_ratio_received is None

    def test_ratio(self) -> None:
        sender, receiver = (opened(r, extensions=agreed()) for r in (SERVER, CLIENT))
        sender.send(TextMessage("a" * 1000), 1)
        wire = sender.data_to_send()
        receive(receiver, wire, 1)
        (each,) = frames_of(wire)
        ratio = 1000 / len(each.payload)
        assert ratio > 20
        assert sender.statistics().compression_ratio_sent == ratio
        assert receiver.statistics().compression_ratio_received == ratio
        assert sender.statistics().compression_ratio_received is None

    def test_ratio_of_what_is_not_compressed(self) -> None:
        session = opened(CLIENT)
        session.send(BytesMessage(bytes(300)), 1)
        assert session.statistics().compression_ratio_sent == 1


def test_both_ends_agree() -> None:
    pair = Pair()
    pair.wait(1)
    for session, peer in ((pair.client, pair.server), (pair.server, pair.client)):
        send_all(session, [("text", 5), ("fragments", 1000), ("ping", 3), ("prepared", 65536)])
        pair.exchange()
        sent, received = session.statistics(), peer.statistics()
        for name in SessionStatistics._fields:
            if name.endswith("_sent"):
                assert getattr(sent, name) == getattr(received, name.replace("_sent", "_received"))
