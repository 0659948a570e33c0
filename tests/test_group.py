"""One message to many sessions, and that it is as if it were sent to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproto_core import ConnectionState, ConnectionType, LocalProtocolError, PreparedMessage
from wsproto_core.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto_core.group import Broadcast, Group
from wsproto_core.session import RateLimit, Session, SessionConfig

from .sessions import (
    QUIET,
    agreed,
    close_frame,
    connecting,
    frames_of,
    opened,
    other,
    receive,
    refuses,
    take,
    written,
)
from .test_handshake_server import request
from .wire import BINARY, CLIENT, CLOSE, SERVER, TEXT, both_roles, frame


class Noted(Session):
    """As a recorded session: all that is sent must pass through it."""

    __slots__ = ("notes",)

    notes: list[Event]

    @property
    def takes_plain_frames(self) -> bool:
        return False

    def send(self, event: Event, now: float, *, compress: bool | None = None) -> None:
        if not hasattr(self, "notes"):
            self.notes = []
        self.notes.append(event)
        super().send(event, now, compress=compress)


NARROW = replace(QUIET, high_water=100, low_water=10)

#: Members of all kinds.
KINDS: dict[str, Callable[[], Session]] = {
    "server": lambda: opened(SERVER),
    "beating server": lambda: opened(SERVER, SessionConfig()),
    "narrow server": lambda: opened(SERVER, NARROW),
    "idle server": lambda: opened(SERVER, replace(QUIET, idle_timeout=30)),
    "counting server": lambda: opened(
        SERVER, replace(QUIET, message_rate=RateLimit(per_second=1, burst=1))
    ),
    "deflating server": lambda: opened(SERVER, extensions=agreed()),
    "forgetful server": lambda: opened(
        SERVER, extensions=agreed("server_no_context_takeover; server_max_window_bits=9")
    ),
    "choosy server": lambda: opened(SERVER, extensions=agreed(threshold=50)),
    "client": lambda: opened(CLIENT),
    "deflating client": lambda: opened(CLIENT, extensions=agreed()),
    "noted server": lambda: opened(SERVER, kind=Noted),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


class TestMembers:
    @each_kind
    def test_come_and_go(self, kind: str) -> None:
        group = Group()
        session = KINDS[kind]()
        assert session not in group
        assert len(group) == 0
        assert repr(group) == "<Group of 0>"
        for _ in range(2):
            group.add(session)
            assert session in group
            assert list(group) == [session]
            assert len(group) == 1
        for _ in range(2):
            group.discard(session)
            assert session not in group
            assert list(group) == []

    def test_of_all_kinds(self) -> None:
        sessions = [make() for make in KINDS.values()]
        group = Group(sessions)
        assert len(group) == len(sessions)
        assert repr(group) == f"<Group of {len(sessions)}>"
        assert {*group} == {*sessions}
        assert all(session in group for session in sessions)
        assert "no session" not in group
        assert KINDS["server"]() not in group

    def test_of_several_groups(self) -> None:
        session = opened(SERVER)
        one, two = Group([session]), Group([session])
        one.discard(session)
        assert session in two

    @both_roles
    @pytest.mark.parametrize("started", ["connecting", "requested", "closing", "closed"])
    def test_that_are_not_open_are_refused(self, role: ConnectionType, started: str) -> None:
        session = opened(role) if started in ("closing", "closed") else connecting(role)
        if started == "requested" and role is SERVER:
            receive(session, request(), 0)
        elif started == "closing":
            session.close(0)
        elif started == "closed":
            session.abort(0)
        group = Group()
        refuses(lambda: group.add(session), f"in OPEN, not {session.state.name}")
        refuses(lambda: Group([session]), "in OPEN, not")
        assert len(group) == 0

    def test_same_one_twice_at_once(self) -> None:
        session = opened(SERVER)
        group = Group([session, session])
        assert group.send("a", 0).sent == 1
        assert written(session) == [(TEXT, b"a")]


class TestReport:
    @each_kind
    @pytest.mark.parametrize("data", ["text", b"bytes", "", "x" * 70_000])
    def test_sent(self, kind: str, data: str | bytes) -> None:
        session = KINDS[kind]()
        for message in (data, PreparedMessage(data)):
            assert Group([session]).send(message, 1) == Broadcast(1, [], [])
            (each,) = frames_of(session.data_to_send())
            assert each.opcode == (TEXT if isinstance(data, str) else BINARY)

    def test_of_none(self) -> None:
        assert Group().send("a", 0) == Broadcast(0, [], [])

    @each_kind
    def test_closed_ones_leave(self, kind: str) -> None:
        session = KINDS[kind]()
        others = [KINDS[kind](), opened(SERVER)]
        group = Group([others[0], session, others[1]])
        session.close(1)
        report = group.send("a", 2)
        assert report == Broadcast(2, [session], [])
        assert session not in group
        assert written(session) == [(CLOSE, b"\x03\xe8")]
        assert group.send("a", 2) == Broadcast(2, [], [])

    @each_kind
    @pytest.mark.parametrize("how", ["close", "abort", "lost", "peer's close", "fault"])
    def test_however_they_closed(self, kind: str, how: str) -> None:
        session = KINDS[kind]()
        group = Group([session])
        data: dict[str, bytes | None] = {
            "lost": None,
            "peer's close": close_frame(CLIENT if session.client else SERVER),
            "fault": b"\x83\x00",
        }
        if how in data:
            receive(session, data[how], 1)
        else:
            getattr(session, how)(1)
        session.data_to_send()
        assert group.send("a", 2) == Broadcast(0, [session], [])
        assert session.data_to_send() == b""
        assert len(group) == 0

    def test_one_whose_peers_close_waits_to_be_answered(self) -> None:
        session = opened(SERVER, replace(QUIET, answer_close=False))
        group = Group([session])
        receive(session, close_frame(SERVER), 1)
        assert session.state is ConnectionState.REMOTE_CLOSING
        assert group.send("a", 2).closed == [session]

    def test_one_whose_end_nobody_has_seen_is_still_sent_to(self) -> None:
        """The state moves with events."""
        session = opened(SERVER)
        group = Group([session])
        session.receive_data(close_frame(SERVER), 1)
        assert group.send("a", 2).sent == 1
        assert len(take(session)) == 1
        assert [opcode for opcode, _ in written(session)] == [TEXT, CLOSE]

    @each_kind
    def test_slow_ones_stay(self, kind: str) -> None:
        session = KINDS[kind]()
        group = Group([session])
        session.send(BytesMessage(bytes(range(256)) * 300), 1, compress=False)
        assert not session.writable
        assert group.send("a", 2) == Broadcast(0, [], [session])
        assert session in group
        assert len(frames_of(session.data_to_send())) == 1
        assert group.send("a", 2) == Broadcast(1, [], [])

    @each_kind
    def test_those_within_a_message_count_as_slow(self, kind: str) -> None:
        session = KINDS[kind]()
        group = Group([session])
        session.send(TextMessage("a", message_finished=False), 1)
        assert group.send("b", 2) == Broadcast(0, [], [session])
        session.send(TextMessage("c"), 2)
        assert group.send("b", 2) == Broadcast(1, [], [])
        assert [each.fin for each in frames_of(session.data_to_send())] == [False, True, True]

    def test_of_many(self) -> None:
        sessions = [make() for make in KINDS.values() for _ in range(3)]
        group = Group(sessions)
        for session in sessions[::3]:
            session.close(1)
        for session in sessions[1::3]:
            session.send(BytesMessage(bytes(range(256)) * 300), 1, compress=False)
        report = group.send("to all", 2)
        assert report.sent == len(KINDS)
        assert {*report.closed} == {*sessions[::3]}
        assert {*report.slow} == {*sessions[1::3]}
        assert {*group} == {*sessions[1::3], *sessions[2::3]}

    def test_up_to_the_high_water_mark(self) -> None:
        """Who is below it is sent to, though that takes it above."""
        session = KINDS["narrow server"]()
        group = Group([session])
        assert group.send(bytes(97), 1).sent == 1
        assert session.writable  # 99 bytes
        assert group.send(bytes(50), 1).sent == 1
        assert not session.writable
        assert group.send(b"", 1).slow == [session]
        session.data_to_send(session.statistics().output_pending - 10)
        assert session.writable
        assert group.send(b"", 1).sent == 1

    def test_one_that_fails_by_it_has_been_sent_to(self) -> None:
        config = replace(QUIET, high_water=100, low_water=10, max_output=150)
        session = opened(SERVER, config)
        group = Group([session])
        assert group.send(bytes(200), 1) == Broadcast(1, [], [])
        assert session.ended is not None
        assert group.send(b"", 1) == Broadcast(0, [session], [])


class TestMisuse:
    @each_kind
    @pytest.mark.parametrize("bad", ["\ud800", 5, [1]])
    def test_of_data_sends_nothing(self, kind: str, bad: Any) -> None:
        session = KINDS[kind]()
        with pytest.raises(LocalProtocolError):
            Group([session]).send(bad, 1)
        assert session.data_to_send() == b""

    @each_kind
    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
    def test_of_time_sends_nothing(self, kind: str, bad: float) -> None:
        sessions = [KINDS["server"](), KINDS[kind](), KINDS["client"]()]
        group = Group(sessions)
        refuses(lambda: group.send("a", bad), f"the time cannot be {bad}")
        assert all(session.data_to_send() == b"" for session in sessions)
        assert group.send("a", 5).sent == 3

    @each_kind
    def test_of_none_where_a_member_is_ahead(self, kind: str) -> None:
        """Members' clocks may be told at different times; each goes by its own."""
        session = KINDS[kind]()
        session.handle_timer(5)
        group = Group([session, KINDS["server"]()])
        assert group.send("a", 4.5).sent == 2
        assert session.now == 5
        refuses(lambda: session.handle_timer(4.9), "the time cannot be 4.9 after 5")

    def test_of_none_where_it_is_idle(self) -> None:
        session = KINDS["idle server"]()
        session.handle_timer(20)
        Group([session]).send("a", 10)
        session.handle_timer(30)
        assert session.deadline == 50


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["broadcast", "broadcast", "own", "ping", "take", "take some"]),
        st.sampled_from(["", "a", "word " * 30, "x" * 125, "x" * 126, "word " * 14_000]),
    ),
    max_size=12,
)


class TestAsIfSentToEach:
    """The same bytes, the same counters, the same marks."""

    @each_kind
    @given(steps=STEPS)
    @settings(max_examples=30)
    def test_whatever_goes_on(self, kind: str, steps: list[tuple[str, str]]) -> None:
        grouped, alone = KINDS[kind](), KINDS[kind]()
        group = Group([grouped])
        for now, (step, text) in enumerate(steps):
            for session in (grouped, alone):
                match step:
                    case "own":
                        session.send(TextMessage(text), now)
                    case "ping":
                        session.send(Ping(text.encode()[:125]), now)
            match step:
                case "broadcast":
                    may = alone.writable
                    if may:
                        alone.send(PreparedMessage(text), now)
                    assert group.send(text, now) == Broadcast(
                        int(may), [], [] if may else [grouped]
                    )
                case "take":
                    assert grouped.data_to_send() == alone.data_to_send()
                case "take some":
                    assert grouped.data_to_send(len(text)) == alone.data_to_send(len(text))
            assert grouped.statistics() == alone.statistics()
            assert grouped.writable is alone.writable
            assert grouped.reading_paused is alone.reading_paused
        assert b"".join(grouped.buffers_to_send()) == alone.data_to_send()
        assert grouped.statistics() == alone.statistics()

    @each_kind
    @pytest.mark.parametrize("text", ["a" * 125, "a" * 126, "a" * 65535, "a" * 65536])
    def test_peers_understand_it(self, kind: str, text: str) -> None:
        session = KINDS[kind]()
        role = CLIENT if session.client else SERVER
        deflates = "deflating" in kind or "forgetful" in kind or "choosy" in kind
        peer = opened(other(role), extensions=agreed() if deflates else None)
        session.send(TextMessage("before"), 1)
        Group([session]).send(text, 1)
        session.send(TextMessage("behind"), 1)
        assert receive(peer, session.data_to_send(), 1) == [
            TextMessage("before"), TextMessage(text), TextMessage("behind")
        ]  # fmt: skip

    def test_frames_are_shared_by_those_alike(self) -> None:
        sessions = [opened(SERVER) for _ in range(3)]
        message = PreparedMessage("a" * 500)
        Group(sessions).send(message, 1)
        assert all(session.data_to_send() is message.plain_frame for session in sessions)
        sessions = [opened(SERVER, extensions=agreed()) for _ in range(3)]
        Group(sessions).send(message, 1)
        first, *others = [session.data_to_send() for session in sessions]
        assert all(each is first for each in others)

    def test_what_passes_through_a_subclass_does(self) -> None:
        session = opened(SERVER, kind=Noted)
        message = PreparedMessage("a")
        Group([session, opened(SERVER)]).send(message, 1)
        assert isinstance(session, Noted)
        assert session.notes == [message]

    def test_idle_members_are_not_idle_by_it(self) -> None:
        session = KINDS["idle server"]()
        Group([session]).send("a", 20)
        session.handle_timer(30)
        assert session.state is ConnectionState.OPEN
        assert session.deadline == 50

    def test_members_that_deflate_keep_their_context_from_it(self) -> None:
        session = opened(SERVER, extensions=agreed())
        peer = opened(CLIENT, extensions=agreed())
        group = Group([session])
        expected = []
        for i in range(20):
            text = f"message {i} " * 20
            if i % 3:
                session.send(TextMessage(text), i)
            else:
                group.send(text, i)
            expected.append(TextMessage(text))
        assert receive(peer, session.data_to_send(), 20) == expected

    def test_closing_while_it_is_sent_to(self) -> None:
        """The Close behind it is the last frame."""
        session = opened(SERVER)
        group = Group([session])
        group.send("last", 1)
        session.send(CloseConnection(1001), 1)
        group.send("too late", 1)
        assert [opcode for opcode, _ in written(session)] == [TEXT, CLOSE]
        assert receive(session, frame(TEXT, b"a", to=SERVER), 2) == [TextMessage("a")]
