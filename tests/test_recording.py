"""Recordings: that they hold all that happened, and that a replay does the same again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from math import inf, nan
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproto_core import Connection, ConnectionState, ConnectionType, Limits, LocalProtocolError
from wsproto_core.deflate import DeflateParameters
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
from wsproto_core.extensions import Extension, PerMessageDeflate
from wsproto_core.frame_protocol import CloseReason
from wsproto_core.group import Group
from wsproto_core.prepared import PreparedMessage
from wsproto_core.recording import RecordedSession, Replay, Step
from wsproto_core.recording_format import (
    MAGIC,
    RecordingError,
    decode_header,
    encode_header,
    encode_record,
)
from wsproto_core.session import (
    RateLimit,
    Session,
    SessionConfig,
    SessionEnded,
    SessionStatistics,
    TransportAction,
)

from .test_cost import lines_run, peak_memory
from .wire import BINARY, CLIENT, CLOSE, CONT, PING, SERVER, TEXT, both_roles, frame

#: No heartbeat.
QUIET = SessionConfig(ping_interval=None)
OTHER_END = {CLIENT: SERVER, SERVER: CLIENT}


def entropy(seed: int) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def deflate(options: dict[str, Any] | None = None, *, agreed: bool = False) -> PerMessageDeflate:
    extension = PerMessageDeflate(**(options or {}))
    if agreed:
        extension.agreed = DeflateParameters(
            extension.client_no_context_takeover,
            extension.server_no_context_takeover,
            extension.client_max_window_bits,
            extension.server_max_window_bits,
        )
    return extension


# A session, its peer, and all that is done to it


@dataclass
class Plan:
    """What is to happen: the same to a recorded session and to one that is not."""

    role: ConnectionType
    config: SessionConfig = QUIET
    #: "bytes", "request" (a server's is given parsed), "over", "" (left to the steps)
    opening: str = "bytes"
    #: The parameters of permessage-deflate.
    deflate: dict[str, int] | None = None
    steps: list[tuple[Any, ...]] = field(default_factory=list)


#: A call, by name; its result and its error, as repr.
Outcome = tuple[str, str, str]


class Stage:
    """A session that a plan is carried out with, and a peer that answers."""

    def __init__(self, plan: Plan, *, recorded: bool) -> None:
        self.plan = plan
        self.now = 100.0
        self.recording = bytearray()
        self.calls: list[Outcome] = []
        self.output = b""
        self.views: list[object] = []
        self.from_peer = b""
        write: dict[str, Any] = {"write": self.recording.extend} if recorded else {}
        kind: Any = RecordedSession if recorded else Session
        role, other = plan.role, OTHER_END[plan.role]
        self.session: Session
        if plan.opening == "over":
            extensions: list[Extension] = []
            if plan.deflate is not None:
                extensions = [deflate(plan.deflate, agreed=True)]
            if recorded:
                write["extensions"] = extensions
            connection = plan.config.make_connection(role, extensions, entropy=entropy(1))
            self.session = kind.over(connection, now=self.now, config=plan.config, **write)
            connection = QUIET.make_connection(other, extensions, entropy=entropy(2))
            self.peer = Session.over(connection, now=0.0, config=QUIET)
        else:
            self.session = kind(role, now=self.now, config=plan.config, entropy=entropy(1), **write)
            self.peer = Session(other, now=0.0, config=QUIET, entropy=entropy(2))
            self.open()
        for name, *arguments in plan.steps:
            getattr(self, name)(*arguments)
            self.look()
        self.statistics = self.session.statistics()

    def open(self) -> None:
        extensions: list[Extension] = []
        if self.plan.deflate is not None:
            extensions = [deflate(self.plan.deflate)]
        request = Request("example.com", "/chat", extensions, subprotocols=["chat"])
        accept = AcceptConnection("chat", extensions)
        if self.plan.opening and self.plan.role is CLIENT:
            self.send(request)
            self.write()
            self.say(accept)
            self.deliver()
            self.take()
        elif self.plan.opening:
            self.say(Request("example.com", "/chat", [deflate()]))
            accept = AcceptConnection(None, extensions)
            if self.plan.opening == "request":
                lines = self.from_peer.decode().split("\r\n")[1:-2]
                self.from_peer = b""
                headers = [line.split(": ") for line in lines]
                self.request([(name.encode(), value) for name, value in headers], "/chat")
            self.deliver()
            self.take()
            self.send(accept)
            self.write()

    def call(self, name: str, work: Callable[[], Any]) -> Any:
        """Make a call, and write down what comes of it."""
        try:
            result = work()
        except LocalProtocolError as exc:
            self.calls.append((name, "None", repr(exc)))
            return None
        shown = b"".join(result) if isinstance(result, list) else result
        self.calls.append((name, repr(shown), "None"))
        return result

    def look(self) -> None:
        """What can be seen of the session besides."""
        session = self.session
        self.views.append(
            (
                session.state,
                session.writable,
                session.reading_paused,
                session.deadline,
                session.transport,
                session.latency,
                repr(session.ended),
                session.statistics(),
            )
        )

    # The steps

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def send(self, event: Any, compress: bool | None = None) -> None:
        if compress is None:
            self.call("send", lambda: self.session.send(event, self.now))
        else:
            self.call("send", lambda: self.session.send(event, self.now, compress=compress))

    def close(self, *arguments: Any) -> None:
        self.call("close", lambda: self.session.close(self.now, *arguments))

    def abort(self) -> None:
        self.call("abort", lambda: self.session.abort(self.now))

    def timer(self, at_deadline: bool = True) -> None:
        deadline = self.session.deadline
        if at_deadline and deadline is not None:
            self.now = max(self.now, deadline)
        self.call("handle_timer", lambda: self.session.handle_timer(self.now))

    def at(self, now: float) -> None:
        """Every call with a time that is none."""
        session = self.session
        self.call("receive_data", lambda: session.receive_data(b"x", now))
        self.call("receive_request", lambda: session.receive_request([], "/", now))
        self.call("handle_timer", lambda: session.handle_timer(now))
        self.call("send", lambda: session.send(Ping(), now))
        self.call("close", lambda: session.close(now))
        self.call("abort", lambda: session.abort(now))

    def receive(self, data: Any) -> None:
        self.call("receive_data", lambda: self.session.receive_data(data, self.now))

    def request(self, headers: Iterable[Any], target: Any, **others: bytes) -> None:
        pairs = list(headers)
        self.call(
            "receive_request",
            lambda: self.session.receive_request(iter(pairs), target, self.now, **others),
        )

    def deliver(self, size: int | None = None, kind: Callable[[bytes], Any] = bytes) -> None:
        data, self.from_peer = self.from_peer[:size], self.from_peer[len(self.from_peer[:size]) :]
        if data:
            self.receive(kind(data))

    def say(self, event: Event) -> None:
        """The peer sends something, if it can."""
        try:
            self.peer.send(event, 0.0)
        except LocalProtocolError:
            pass
        self.from_peer += self.peer.data_to_send()

    def hear(self, event: Event, kind: Callable[[bytes], Any] = bytes) -> None:
        """The peer says something, and it arrives, and is taken."""
        self.say(event)
        self.deliver(kind=kind)
        self.take()

    def take(self, most: int | None = None, between: Event | None = None) -> None:
        """Take events, and do something between them."""
        events = self.session.events()
        for _ in range(1000) if most is None else range(most):
            if self.call("events", lambda: next(events, None)) is None:
                return
            if between is not None:
                self.send(between)

    def write(self, limit: int | None = None) -> None:
        self.wrote(self.call("data_to_send", lambda: self.session.data_to_send(limit)) or b"")

    def write_buffers(self) -> None:
        self.wrote(b"".join(self.call("buffers_to_send", self.session.buffers_to_send)))

    def wrote(self, data: bytes) -> None:
        self.output += data
        if data and self.peer.ended is None:
            self.peer.receive_data(data, 0.0)
            list(self.peer.events())
            self.from_peer += self.peer.data_to_send()

    def group(self, message: str | PreparedMessage) -> None:
        # A group tells the time only to those who have to know.
        self.timer(at_deadline=False)
        if (
            self.session.state is ConnectionState.OPEN
            and Group([self.session]).send(message, self.now).sent
        ):
            self.calls.append(("send", "None", "None"))


def recorded(plan: Plan) -> Stage:
    return Stage(plan, recorded=True)


def recording_of(plan: Plan) -> bytes:
    return bytes(recorded(plan).recording)


def outcomes(steps: Iterable[Step]) -> list[Outcome]:
    return [(step.call, repr(step.result), repr(step.error)) for step in steps]


def play(recording: bytes) -> tuple[list[Step], SessionStatistics]:
    replay = Replay(recording)
    steps = list(replay)
    return steps, replay.session.statistics()


# Plans


texts = st.sampled_from(["", "a", "hello, hello, hello", "é€😀", "x" * 130, "y" * 1000])
payloads = st.sampled_from([b"", b"\x00", b"hello" * 4, bytes(126), b"\xff" * 65536])
kinds = st.sampled_from([bytes, bytearray, memoryview])
some_bytes = st.builds(lambda data, kind: kind(data), payloads, kinds)
flags = st.booleans()
messages: st.SearchStrategy[Any] = st.one_of(
    st.builds(TextMessage, texts),
    st.builds(TextMessage, texts, flags, flags),
    st.builds(BytesMessage, some_bytes, st.just(True), flags),
    st.builds(Message, texts | some_bytes, st.just(True), flags),
    st.builds(PreparedMessage, texts | payloads),
)
controls: st.SearchStrategy[Any] = st.one_of(
    st.builds(Ping, st.binary(max_size=9)), st.builds(Pong, st.binary(max_size=9).map(bytearray))
)
codes = st.sampled_from(
    [1000, CloseReason.NORMAL_CLOSURE, 1005, CloseReason.NO_STATUS_RCVD, 1006, 3000, 4999, 1002]
)
reasons = st.sampled_from(["", "bye", "é" * 100])
closes = st.builds(CloseConnection, codes, reasons | st.none())
handshakes: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        Request,
        st.sampled_from(["example.com", "bücher.example:80"]),
        st.sampled_from(["/", "/chat?a=b", ""]),
        st.sampled_from([[], [deflate()], [deflate({"level": 1, "threshold": 9})]]),
        st.sampled_from([[], [(b"Origin", b"http://example.com"), (b"X", b"\xe9")]]),
        st.sampled_from([[], ["chat", "b"]]),
    ),
    st.builds(
        AcceptConnection,
        st.sampled_from([None, "chat"]),
        st.sampled_from([[], None, [deflate()], [deflate({"server_max_window_bits": 9})]]),
        st.sampled_from([[], [(b"Set-Cookie", b"a=b")]]),
    ),
    st.builds(
        RejectConnection,
        st.sampled_from([400, 404]),
        st.sampled_from([[], [(b"content-length", b"3")]]),
        flags,
    ),
    st.builds(RejectData, st.sampled_from([b"", b"no!", bytearray(b"no")]), flags),
)


class Own(Event):
    """An event that nobody can send."""


misuses: st.SearchStrategy[Any] = st.sampled_from(
    [
        TextMessage("\ud800"),
        TextMessage("\ud83d\ude00"),  # in pairs, they are no character either
        TextMessage(5),  # type: ignore[arg-type]
        BytesMessage(None),  # type: ignore[arg-type]
        Message([b"x"]),  # type: ignore[type-var]
        Ping(bytes(126)),
        Ping("text"),  # type: ignore[arg-type]
        Pong(None),  # type: ignore[arg-type]
        CloseConnection(999),
        CloseConnection(1000, "\ud83d\ude00"),
        CloseConnection("x", 5),  # type: ignore[arg-type]
        CloseConnection(None, "x"),  # type: ignore[arg-type]
        Request("a b", "/"),
        Request("example.com", "\x1b"),
        Request(5, "/"),  # type: ignore[arg-type]
        Request("example.com", "/", ["permessage-deflate"]),
        Request("example.com", "/", extra_headers=[(b"a", b"\n")]),
        Request("example.com", "/", subprotocols=5),  # type: ignore[arg-type]
        AcceptConnection("unasked"),
        AcceptConnection(extra_headers=[("é", "x")]),  # type: ignore[list-item]
        RejectConnection(100),
        RejectConnection("x"),  # type: ignore[arg-type]
        RejectData("text"),  # type: ignore[arg-type]
    ]
)
wire: st.SearchStrategy[bytes] = st.one_of(
    st.binary(max_size=20),
    st.builds(
        frame,
        st.sampled_from([CONT, TEXT, BINARY, CLOSE, PING, 3]),
        st.binary(max_size=6),
        to=st.sampled_from([CLIENT, SERVER]),
        fin=flags,
        rsv=st.sampled_from([0, 0, 0, 4]),
    ),
    st.sampled_from(
        [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\n\r\n",
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno",
            b"!",
        ]
    ),
)


def step(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(st.just(name), *arguments)


requests = st.lists(
    st.sampled_from(
        [
            ("Host", "example.com"),
            (b"host", b"example.com"),
            ("Upgrade", b"websocket"),
            (b"Connection", "Upgrade"),
            (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", "13"),
            ("x", "\xe9\u20ac"),
        ]
    ),
    unique_by=lambda pair: str(pair[0]),
)
steps = st.lists(
    st.one_of(
        *[step("hear", messages, kinds)] * 3,
        *[step("hear", messages | controls)] * 2,
        *[step("send", messages, st.sampled_from([None, None, True, False]))] * 2,
        step("send", messages | controls),
        step("send", handshakes | closes),
        step("send", misuses),
        step("say", messages | controls),
        step("say", closes | handshakes),
        step("deliver"),
        step("deliver", st.integers(1, 300), kinds),
        step("receive", wire | st.sampled_from([None, b""])),
        step("request", requests, st.sampled_from([b"/", "/", "/ é\ud800"])),
        step("take"),
        step("take", st.integers(1, 3)),
        step("take", st.none(), messages | closes),
        step("write"),
        step("write", st.sampled_from([0, 1, 50, 10**6, -1])),
        step("write_buffers"),
        step("wait", st.sampled_from([0.0, 0.25, 1, 30.0])),
        step("timer", flags),
        step("at", st.sampled_from([-1.0, 99.0, nan, inf])),
        step("close"),
        step("close", codes, reasons | st.just("\ud800")),
        step("group", texts | st.builds(PreparedMessage, texts)),
        st.just(("abort",)) | step("wait", st.just(5.0)) | step("timer", flags),
    ),
    min_size=5,
    max_size=60,
)
rates = st.sampled_from(
    [
        None,
        None,
        RateLimit(per_second=3, burst=2),
        RateLimit(per_second=100.5, burst=400, code=None),
        RateLimit(per_second=2, burst=3.5, code=1009),
    ]
)
seconds = st.sampled_from([None, 20.0, 3, 0.5])


@st.composite
def configs(draw: st.DrawFn) -> SessionConfig:
    return SessionConfig(
        limits=draw(
            st.sampled_from(
                [
                    Limits(),
                    Limits(
                        max_message_size=500,
                        max_frame_size=400,
                        max_fragments=3,
                        max_header_size=400,
                        max_headers=12,
                        max_early_data=30,
                    ),
                ]
            )
        ),
        whole_messages=draw(flags),
        answer_pings=draw(flags),
        answer_close=draw(flags),
        send_failing_close=draw(flags),
        ping_interval=draw(seconds),
        ping_timeout=draw(seconds),
        traffic_is_life=draw(flags),
        handshake_timeout=draw(seconds),
        close_timeout=draw(seconds),
        idle_timeout=draw(st.none() | seconds),
        control_rate=draw(rates),
        message_rate=draw(rates),
        byte_rate=draw(rates),
        high_water=draw(st.sampled_from([65536, 200])),
        low_water=draw(st.sampled_from([150, 20])),
        congestion_pauses_reading=draw(flags),
        read_high_water=draw(st.sampled_from([65536, 100])),
        max_output=draw(st.sampled_from([None, None, 300])),
    )


deflates = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "client_no_context_takeover": flags,
        "server_no_context_takeover": flags,
        "client_max_window_bits": st.integers(9, 15),
        "server_max_window_bits": st.integers(9, 15),
        "level": st.integers(-1, 9),
        "memory_level": st.integers(1, 9),
        "threshold": st.sampled_from([0, 10]),
    },
)
plans = st.builds(
    Plan,
    st.sampled_from([CLIENT, SERVER]),
    st.just(QUIET) | configs(),
    st.sampled_from(["bytes", "bytes", "request", "over", "over", ""]),
    deflates,
    steps,
)


class TestRoundTrip:
    @settings(max_examples=150)
    @given(plans)
    def test_whatever_happens(self, plan: Plan) -> None:
        stage = recorded(plan)
        plain = Stage(plan, recorded=False)
        assert stage.calls == plain.calls
        assert stage.output == plain.output
        assert stage.views == plain.views
        note(f"ended: {stage.session.ended and stage.session.ended.cause.name}")

        replayed, statistics = play(bytes(stage.recording))
        assert outcomes(replayed) == stage.calls
        assert [step for step in replayed if not step.faithful] == []
        assert statistics == stage.statistics

    @both_roles
    @pytest.mark.parametrize("opening", ["bytes", "over"])
    @pytest.mark.parametrize("options", [None, {}, {"threshold": 50}])
    def test_a_conversation(
        self, role: ConnectionType, opening: str, options: dict[str, int] | None
    ) -> None:
        stage = recorded(conversation(role, opening=opening, deflate=options))
        replayed, statistics = play(bytes(stage.recording))
        assert outcomes(replayed) == stage.calls
        assert all(step.faithful for step in replayed)
        assert statistics == stage.statistics
        received = [step.result for step in replayed if step.call == "events" and step.result]
        assert TextMessage("hello, hello") in received
        assert isinstance(received[-1], SessionEnded)
        assert received[-1].clean

    def test_whole_numbers_are_times(self) -> None:
        """As they are recorded: so the errors are the same."""
        recording = bytearray()
        session = RecordedSession(SERVER, now=5, write=recording.extend)
        session.handle_timer(6)
        with pytest.raises(LocalProtocolError, match=r"cannot be 4\.0 after 6\.0"):
            session.abort(4)
        assert [step.faithful for step in Replay(bytes(recording))] == [True, True]

    def test_closing_codes_keep_their_names(self) -> None:
        """However the application has given them."""
        for code in (1000, CloseReason.NORMAL_CLOSURE):
            plan = Plan(SERVER, opening="over", steps=[("close", code), ("timer",), ("take",)])
            replayed, _ = play(recording_of(plan))
            assert all(step.faithful for step in replayed)
            ended = replayed[2].result
            assert isinstance(ended, SessionEnded)
            assert ended.code_sent is CloseReason.NORMAL_CLOSURE

    def test_steps(self) -> None:
        """What a step tells."""
        plan = Plan(
            SERVER,
            opening="over",
            steps=[
                ("send", TextMessage("a"), True),
                ("receive", frame(TEXT, b"b", to=SERVER)),
                ("receive", None),
                ("wait", 1),
                ("close", 4000, "bye"),
                ("timer", False),
                ("take", 1),
                ("send", Ping(bytes(126))),
                ("write", 2),
                ("abort",),
            ],
        )
        recording = recording_of(plan)
        _, begin = decode_header(recording)
        steps, _ = play(recording)
        assert steps[0].offset == begin
        assert [(step.call, step.now, step.argument) for step in steps] == [
            ("send", 100.0, (TextMessage("a"), True)),
            ("receive_data", 100.0, frame(TEXT, b"b", to=SERVER)),
            ("receive_data", 100.0, None),
            ("close", 101.0, [4000, "bye"]),
            ("handle_timer", 101.0, None),
            ("events", None, None),
            ("send", 101.0, (Ping(bytes(126)), None)),
            ("data_to_send", None, 2),
            ("abort", 101.0, None),
        ]
        assert [step.result for step in steps if step.result] == [TextMessage("b"), b"\x81\x01"]
        assert [type(step.error) for step in steps if step.error] == [LocalProtocolError]

    def test_a_request_that_was_parsed(self) -> None:
        headers = [("Host", "a"), (b"Upgrade", b"websocket"), ("X", b"\xff")]
        plan = Plan(SERVER, opening="", steps=[("request", headers, "/\u20ac"), ("write",)])
        replayed, _ = play(recording_of(plan))
        assert replayed[0].argument == [[list(pair) for pair in headers], "/\u20ac", b"GET", b"1.1"]
        assert isinstance(replayed[1].result, bytes)
        assert replayed[1].result.startswith(b"HTTP/1.1 400 ")

    def test_events_left_in_the_middle(self) -> None:
        """What is not asked for is not recorded as if it were."""
        data = frame(TEXT, b"a", to=SERVER) + frame(PING, b"p", to=SERVER)
        plan = Plan(SERVER, opening="over", steps=[("receive", data), ("take", 1), ("write",)])
        replayed, _ = play(recording_of(plan))
        assert [step.call for step in replayed] == ["receive_data", "events", "data_to_send"]
        assert replayed[2].result == b""

    def test_a_replay_happens_once(self) -> None:
        replay = Replay(recording_of(conversation(SERVER)))
        begun = list(islice(replay, 3))
        assert len(begun) == 3
        assert len(begun + list(replay)) == len(list(Replay(recording_of(conversation(SERVER)))))
        assert list(replay) == []

    def test_nothing_happened(self) -> None:
        assert play(recording_of(Plan(SERVER, opening="")))[0] == []


def conversation(role: ConnectionType, **arguments: Any) -> Plan:
    """A short life, with most kinds of calls in it."""
    steps: list[tuple[Any, ...]] = [
        ("send", TextMessage("hello"), False),
        ("send", Message(b"frag", True, False)),
        ("send", BytesMessage(b"ment")),
        ("send", PreparedMessage("prepared")),
        ("write", 5),
        ("write_buffers",),
        ("say", TextMessage("hello, hello")),
        ("say", Ping(b"p")),
        ("deliver",),
        ("take",),
        ("send", Ping("text")),  # type: ignore[arg-type]
        ("wait", 20.0),
        ("timer",),
        ("write",),
        ("deliver",),
        ("take",),
        ("close", 1000, "bye"),
        ("write",),
        ("deliver",),
        ("take",),
        ("receive", None),
    ]
    return Plan(role, SessionConfig(), steps=steps, **arguments)


class TestRecordedSession:
    def test_takes_no_plain_frames(self) -> None:
        """Or messages to groups would not be recorded."""
        stage = recorded(Plan(SERVER, opening="over"))
        assert not stage.session.takes_plain_frames
        assert Stage(Plan(SERVER, opening="over"), recorded=False).session.takes_plain_frames
        assert Group([stage.session]).send("x", stage.now).sent == 1
        assert repr(play(bytes(stage.recording))[0][0].argument) == "(PreparedMessage('x'), None)"

    def test_over_needs_write(self) -> None:
        with pytest.raises(LocalProtocolError, match="needs write"):
            RecordedSession.over(Connection(SERVER), now=0.0)

    def test_over_needs_a_connection_that_has_received_nothing(self) -> None:
        recording = bytearray()
        early = QUIET.make_connection(SERVER, [], b"x")
        injected = QUIET.make_connection(SERVER)
        injected.inject(Ping())
        for connection in (early, injected):
            with pytest.raises(LocalProtocolError, match="before anything is received"):
                RecordedSession.over(connection, now=0.0, write=recording.extend)
        closed = Connection(SERVER)
        closed.send(CloseConnection(1000))
        with pytest.raises(LocalProtocolError, match="begins in state OPEN"):
            RecordedSession.over(closed, now=0.0, write=recording.extend)
        assert not recording

    def test_a_time_that_is_none(self) -> None:
        """A recording of nothing cannot be played: it says why."""
        recording = bytearray()
        with pytest.raises(LocalProtocolError):
            RecordedSession(SERVER, now=nan, write=recording.extend)
        with pytest.raises(RecordingError, match="the time cannot be nan"):
            Replay(bytes(recording))

    def test_what_write_raises_comes_out(self) -> None:
        def write(data: bytes) -> None:
            if len(written) == 3:
                raise OSError(28, "No space left on device")
            written.append(data)

        written: list[bytes] = []
        session = RecordedSession(SERVER, now=0.0, write=write)
        session.receive_data(b"GET", 0.0)
        session.handle_timer(1.0)
        with pytest.raises(OSError, match="No space"):
            session.receive_data(b" / ", 2.0)
        assert session.statistics().wire_bytes_received == 3
        assert [step.call for step in Replay(b"".join(written))] == ["receive_data", "handle_timer"]

    def test_what_is_no_time_is_not_recorded(self) -> None:
        stage = recorded(Plan(SERVER, opening="over"))
        size = len(stage.recording)
        never: Any = None
        session = stage.session
        calls: list[Callable[[], None]] = [
            lambda: session.receive_data(b"", never),
            lambda: session.receive_request([], "/", never),
            lambda: session.handle_timer(never),
            lambda: session.send(Ping(), never),
            lambda: session.close(never),
            lambda: session.abort(never),
        ]
        for call in calls:
            with pytest.raises(TypeError):
                call()
        assert len(stage.recording) == size

    @pytest.mark.parametrize("opening", ["bytes", "over"])
    def test_entropy_is_recorded(self, opening: str) -> None:
        recording = recording_of(conversation(CLIENT, opening=opening))
        source = entropy(1)
        if opening == "bytes":
            assert source(16) in recording
        assert source(128) in recording

    def test_a_server_draws_none(self) -> None:
        stage = recorded(Plan(SERVER, opening="over"))
        assert play(bytes(stage.recording))[0] == []

    def test_a_failing_source_of_entropy(self) -> None:
        recording = bytearray()

        def fail(size: int) -> bytes:
            raise OSError(5, "no entropy")

        session = RecordedSession(CLIENT, now=0.0, write=recording.extend, entropy=fail)
        with pytest.raises(OSError, match="no entropy"):
            session.send(Request("a", "/"), 0.0)
        (step,) = Replay(bytes(recording))
        assert (step.call, step.result, step.error, step.faithful) == ("send", None, None, True)
        session.data_to_send()
        with pytest.raises(RecordingError, match="more entropy"):
            list(Replay(bytes(recording)))

    def test_a_source_that_gives_too_little(self) -> None:
        recording = bytearray()
        session = RecordedSession(CLIENT, now=0.0, write=recording.extend, entropy=lambda _: b"x")
        with pytest.raises(ValueError, match="gave 1 bytes"):
            session.send(Request("a", "/"), 0.0)
        with pytest.raises(RecordingError, match="1 bytes of entropy for 16"):
            list(Replay(bytes(recording)))

    def test_a_subclass(self) -> None:
        class Mine(RecordedSession):
            pass

        recording = bytearray()
        connection = QUIET.make_connection(SERVER)
        session = Mine.over(connection, now=0.0, config=QUIET, write=recording.extend)
        assert isinstance(session, Mine)
        assert repr(session) == "<Mine client=False state=ConnectionState.OPEN>"


class TestCrash:
    """Whatever a session raises that it should not is what recordings are for."""

    @pytest.fixture(autouse=True)
    def crashing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        handle_timer = Session.handle_timer

        def crash(session: Session, now: float) -> None:
            if now >= 3:
                raise ZeroDivisionError("at three")
            handle_timer(session, now)

        monkeypatch.setattr(Session, "handle_timer", crash)

    def recording(self, *, go_on: bool) -> bytes:
        recording = bytearray()
        session = RecordedSession(SERVER, now=0.0, write=recording.extend)
        session.handle_timer(2.0)
        with pytest.raises(ZeroDivisionError):
            session.handle_timer(3.0)
        if go_on:
            session.data_to_send()
        return bytes(recording)

    @pytest.mark.parametrize("go_on", [False, True])
    def test_is_reproduced(self, go_on: bool) -> None:
        replay = Replay(self.recording(go_on=go_on))
        steps: list[Step] = []
        with pytest.raises(ZeroDivisionError, match="at three"):
            steps.extend(replay)
        assert [(step.call, step.now) for step in steps] == [
            ("handle_timer", 2.0),
            ("handle_timer", 3.0),
        ]
        assert isinstance(steps[1].error, ZeroDivisionError)
        assert steps[1].faithful

    def test_is_new(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It did not crash when it was recorded."""
        monkeypatch.undo()
        plan = Plan(SERVER, opening="", steps=[("timer", False), ("write",)])
        recording = recording_of(plan)

        def crash(session: Session, limit: int | None = None) -> bytes:
            raise ZeroDivisionError

        monkeypatch.setattr(Session, "data_to_send", crash)
        first, second = islice(Replay(recording), 2)
        assert first.faithful
        assert not second.faithful


class TestFaithful:
    """It is not, where anything comes out otherwise."""

    def unfaithful(self, recording: bytes) -> list[str]:
        return [step.call for step in Replay(recording) if not step.faithful]

    @pytest.fixture
    def recording(self) -> bytes:
        plan = Plan(
            SERVER,
            opening="over",
            steps=[
                ("receive", frame(TEXT, b"hello", to=SERVER)),
                ("take",),
                ("send", TextMessage("welcome")),
                ("send", Ping(bytes(126))),
                ("write",),
            ],
        )
        recording = recording_of(plan)
        assert self.unfaithful(recording) == []
        return recording

    def test_another_input(self, recording: bytes) -> None:
        tampered = recording.replace(
            frame(TEXT, b"hello", to=SERVER), frame(TEXT, b"other", to=SERVER)
        )
        assert self.unfaithful(tampered) == ["events"]

    def test_another_message(self, recording: bytes) -> None:
        tampered = recording.replace(b"welcome", b"go away")
        assert self.unfaithful(tampered) == ["data_to_send"]

    def test_no_error_any_more(self, recording: bytes) -> None:
        """Nor what is sent."""
        tampered = recording.replace(b"\x7e" + bytes(126), b"\x7d" + bytes(125))
        assert self.unfaithful(tampered) == ["send", "data_to_send"]

    def test_another_error(self, recording: bytes) -> None:
        tampered = recording.replace(b"\x7e" + bytes(126), b"\x7f" + bytes(127))
        assert self.unfaithful(tampered) == ["send"]

    def test_an_error_instead(self, recording: bytes) -> None:
        tampered = recording.replace(
            encode_record("S", b"t", b"welcome", now=100.0),
            encode_record("S", b"t", b"welcome", now=99.0),
        )
        assert self.unfaithful(tampered) == ["send", "data_to_send"]

    def test_no_event_any_more(self, recording: bytes) -> None:
        data = frame(TEXT, b"hello", to=SERVER)
        at = recording.index(data)
        tampered = recording[: at + 1] + b"\xff" + recording[at + 2 :]
        assert self.unfaithful(tampered)[:1] == ["events"]

    def test_every_checksum(self, recording: bytes) -> None:
        at = 0
        for kind in (b"V\x04", b"X\x04", b"V\x04"):
            at = recording.index(kind, at) + 2
            for i in range(at, at + 4):
                tampered = bytearray(recording)
                tampered[i] ^= 1
                assert len(self.unfaithful(bytes(tampered))) == 1

    def test_an_event_where_there_was_none(self, recording: bytes) -> None:
        at = recording.index(b"NV\x04")
        assert self.unfaithful(recording[: at + 1] + recording[at + 7 :]) == ["events"]

    def test_another_configuration(self) -> None:
        plan = Plan(SERVER, SessionConfig(), "over", steps=[("timer",), ("write",)])
        recording = recording_of(plan).replace(b'"ping_interval": 20.0', b'"ping_interval": 30.0')
        assert self.unfaithful(recording) == ["data_to_send"]


# Recordings that are cut off, broken, or none


@cache
def sample_of(role: ConnectionType, opening: str) -> bytes:
    compressed = role is SERVER or opening == "over"
    return recording_of(conversation(role, opening=opening, deflate={} if compressed else None))


@pytest.fixture(params=["client", "server", "over"])
def sample(request: pytest.FixtureRequest) -> bytes:
    role = SERVER if request.param == "server" else CLIENT
    return sample_of(role, "over" if request.param == "over" else "bytes")


class TestCutOff:
    def test_anywhere(self, sample: bytes) -> None:
        _, begin = decode_header(sample)
        whole = list(Replay(sample))
        ends = [step.offset for step in whole[1:]] + [len(sample)]
        for size in range(begin):
            with pytest.raises(RecordingError, match=r"not a recording|without its header"):
                Replay(sample[:size])
        for size in range(begin, len(sample)):
            steps = list(Replay(sample[:size]))
            assert all(step.faithful for step in steps)
            assert len(steps) >= sum(end <= size for end in ends)
            if steps:
                # Of the last call, what it drew may be missing.
                assert repr(steps[:-1]) == repr(whole[: len(steps) - 1])
                last = whole[len(steps) - 1]
                assert steps[-1].offset == last.offset
                assert repr(steps[-1].argument) == repr(last.argument)
                if steps[-1].result is not None:
                    assert repr(steps[-1]) == repr(last)


def examine(recording: bytes) -> list[Step]:
    """The steps that can be played: nothing but RecordingError may stop it."""
    steps: list[Step] = []
    try:
        for step in Replay(recording):
            steps.append(step)
            assert step.error is None or isinstance(step.error, LocalProtocolError)
    except RecordingError as exc:
        assert str(exc)
    return steps


class TestBroken:
    def test_every_byte(self, sample: bytes) -> None:
        patterns = random.Random(6455)
        begin = len(MAGIC) if b'"over": [{' in sample else decode_header(sample)[1]
        for at in range(begin, len(sample)):
            broken = bytearray(sample)
            broken[at] ^= patterns.choice([1, 2, 4, 8, 16, 32, 64, 128, 255])
            examine(bytes(broken))

    @settings(max_examples=120)
    @given(
        st.sampled_from([CLIENT, SERVER]),
        st.sampled_from(["bytes", "over"]),
        st.lists(st.tuples(st.integers(0), st.integers(0, 3), st.binary(max_size=4)), min_size=1),
    )
    def test_pieces(
        self, role: ConnectionType, opening: str, changes: list[tuple[int, int, bytes]]
    ) -> None:
        recording = sample_of(role, opening)
        for at, size, instead in changes:
            at = len(MAGIC) + at % (len(recording) - len(MAGIC))
            recording = recording[:at] + instead + recording[at + size :]
        examine(recording)

    @settings(max_examples=70)
    @given(st.booleans(), st.booleans(), st.binary(max_size=300))
    def test_random_bytes(self, client: bool, over: bool, data: bytes) -> None:
        examine(data)
        examine(MAGIC + data)
        examine(encode_header(client, 0.0, QUIET, [] if over else None) + data)

    @settings(max_examples=150)
    @given(data=st.data())
    def test_records_in_any_order(self, data: st.DataObject) -> None:
        """Of which each is one that can be, or nearly."""
        client, over = data.draw(flags), data.draw(flags)
        parts = [encode_header(client, 0.0, QUIET, [] if over else None)]
        parts += data.draw(st.lists(records, max_size=20))
        examine(b"".join(parts))

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("Q", b"[]"),
            ("Q", b'[[["a"]], "/", {"bytes": "GET"}, {"bytes": "1.1"}]'),
            ("Q", b'[[5], "/", {"bytes": "GET"}, {"bytes": "1.1"}]'),
            ("Q", b'[[["a", 5]], "/", {"bytes": "GET"}, {"bytes": "1.1"}]'),
            ("Q", b'[[], 5, {"bytes": "GET"}, {"bytes": "1.1"}]'),
            ("Q", b'[[], "/", {"bytes": "GET"}, "1.1"]'),
            ("Q", b'[[], "/", {"byte": "GET"}, {"bytes": "1.1"}]'),
            ("C", b"5"),
            ("C", b"[1000]"),
            ("C", b'[1000, "", 1]'),
            ("O", b'"5"'),
            ("O", b"5.5"),
        ],
    )
    def test_arguments(self, kind: str, content: bytes) -> None:
        now = None if kind == "O" else 0.0
        begin = encode_header(False, 0.0, QUIET, None)
        replay = Replay(begin + encode_record(kind, content, now=now))
        with pytest.raises(RecordingError, match=f"bad arguments of .*, at byte {len(begin)}"):
            list(replay)

    def test_what_cannot_be_read_does_not_hide_what_comes_before(self) -> None:
        recording = recording_of(Plan(SERVER, opening="over", steps=[("timer", False)]))
        steps = iter(Replay(recording + encode_record("O", b"x")))
        assert next(steps).call == "handle_timer"
        with pytest.raises(RecordingError, match="not JSON"):
            next(steps)

    def test_what_was_sent_and_is_no_event(self) -> None:
        stage = recorded(Plan(SERVER, opening="over", steps=[("send", Own()), ("send", "x")]))
        assert [call[0] for call in stage.calls] == ["send", "send"]
        with pytest.raises(RecordingError, match=r"cannot be replayed: <.*Own"):
            list(Replay(bytes(stage.recording)))

    def test_an_extension_of_ones_own(self) -> None:
        """It is recorded, up to the point where it is needed again."""

        class Unknown(Extension):
            name = "x-own"

            def enabled(self) -> bool:
                return False

            def offer(self) -> bool:
                return True

        request = Request("a", "/", [Unknown()])
        stage = recorded(Plan(CLIENT, opening="", steps=[("send", request), ("write",)]))
        assert b"x-own" in stage.output
        with pytest.raises(RecordingError, match="the extension x-own cannot be replayed"):
            list(Replay(bytes(stage.recording)))
        recording = bytearray()
        RecordedSession.over(
            QUIET.make_connection(SERVER), now=0.0, write=recording.extend, extensions=[Unknown()]
        )
        with pytest.raises(RecordingError, match="the extension x-own cannot be replayed"):
            Replay(bytes(recording))

    def test_extensions_that_no_connection_can_have(self) -> None:
        recording = encode_header(False, 0.0, QUIET, [deflate(agreed=True), deflate(agreed=True)])
        with pytest.raises(RecordingError, match="no session can be so: only one extension"):
            Replay(recording)


json_values = st.recursive(
    st.none()
    | flags
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.sampled_from(["", "x", "\ud800", "NORMAL_CLOSURE"])
    | st.just({"bytes": "x"}),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.just("a"), values),
    max_leaves=4,
)


def fields_of(
    letter: str, *names: str, **others: st.SearchStrategy[Any]
) -> st.SearchStrategy[list[bytes]]:
    """An event of which everything may be anything."""
    values = st.fixed_dictionaries({}, optional=dict.fromkeys(names, json_values) | others)
    return values.map(lambda value: [letter.encode(), encode_any(value)])


header_fields = st.lists(
    st.tuples(*[st.sampled_from(["", "Content-Length", "connection", {"bytes": "X\xff"}])] * 2)
)


def encode_any(value: object) -> bytes:
    return json.dumps(value).encode()


records = st.one_of(
    *(
        st.builds(
            lambda fields, now: encode_record("S", *fields, now=now),
            each,
            st.sampled_from([0.0, 1.0, -1.0, nan]),
        )
        for each in (
            fields_of("q", "host", "target", "extensions", "extra_headers", "subprotocols"),
            fields_of("a", "subprotocol", "extensions", "extra_headers"),
            fields_of("j", "status_code", "has_body", headers=header_fields),
            fields_of("c", "code", "reason"),
            fields_of("T", "data", "frame_finished", "message_finished"),
            fields_of("M", "data", "frame_finished", "message_finished"),
            fields_of("I", "payload"),
            fields_of("D", "data", "body_finished"),
            st.tuples(st.sampled_from([b"t", b"b.", b"u+", b"p-", b"P", b"i", b"d."]), payloads),
        )
    ),
    st.builds(lambda value: encode_record("C", encode_any(value), now=0.0), json_values),
    st.builds(
        lambda code, reason: encode_record("C", encode_any([code, reason]), now=0.0),
        json_values,
        json_values,
    ),
    st.builds(lambda value: encode_record("Q", encode_any(value), now=0.0), json_values),
    st.builds(lambda value: encode_record("O", encode_any(value)), json_values),
    st.builds(lambda data: encode_record("D", data, now=0.0), wire),
    st.builds(lambda kind: encode_record(kind, b"abcd"), st.sampled_from(["V", "X", "R"])),
    st.just(encode_record("R", bytes(128))),
    st.just(encode_record("R", bytes(16))),
    st.builds(lambda kind: encode_record(kind, now=0.0), st.sampled_from(["F", "A", "H"])),
    st.builds(encode_record, st.sampled_from(["N", "B"])),
)


class TestCost:
    def test_memory_for_huge_lengths(self) -> None:
        begin = encode_header(False, 0.0, QUIET, None)
        for length in (b"\xff" * 8 + b"\x7f", b"\xff\xff\xff\xff\x7f", b"\xff" * 20):
            recording = begin + b"V" + length + bytes(100)
            assert peak_memory(lambda data=recording: examine(data)) < 100_000  # type: ignore[misc]

    @pytest.mark.parametrize(
        "one",
        [
            encode_record("D", frame(TEXT, b"x", to=SERVER), now=0.0),
            encode_record("N") + encode_record("V", b"abcd"),
            encode_record("S", b"t", b"x", now=0.0),
            encode_record("R", bytes(16)),
            encode_record("X", b""),
        ],
    )
    def test_linear(self, one: bytes) -> None:
        begin = encode_header(False, 0.0, QUIET, [])

        def work(n: int) -> int:
            recording = begin + one * n
            return lines_run(lambda: examine(recording))

        work(200)  # what is done once for a process
        first, second, third = work(100), work(200), work(400)
        assert third - second <= 2.2 * (second - first) + 500


class TestCompactness:
    """What a call costs in a recording, beside what is given to it."""

    def cost(self, work: Callable[[Stage], object], role: ConnectionType = SERVER) -> int:
        stage = recorded(Plan(role, opening="over"))
        before = len(stage.recording)
        for _ in range(100):
            work(stage)
        return (len(stage.recording) - before) // 100

    def test_receive_data(self) -> None:
        for size in (1, 100, 10_000):
            assert self.cost(lambda stage, n=size: stage.receive(bytes(n))) <= size + 12  # type: ignore[misc]

    def test_a_message(self) -> None:
        """Received, taken and written: 30 bytes beside its own."""
        data = frame(TEXT, bytes(50), to=SERVER)

        def echo(stage: Stage) -> None:
            stage.receive(data)
            stage.take()

        assert self.cost(echo) <= len(data) + 30
        assert self.cost(lambda stage: stage.send(TextMessage("x" * 50))) <= 50 + 15
        assert self.cost(lambda stage: stage.write()) <= 15
        assert self.cost(lambda stage: stage.write_buffers()) <= 10
        assert self.cost(lambda stage: stage.timer(False)) <= 10

    def test_masking_keys(self) -> None:
        """A client's are recorded, four bytes a frame, in blocks."""
        cost = self.cost(lambda stage: stage.send(TextMessage("x" * 50)), CLIENT)
        assert cost <= 50 + 15 + 5

    def test_the_beginning(self) -> None:
        assert len(recording_of(Plan(SERVER, opening=""))) < 800


def test_transport_actions_are_the_same() -> None:
    stage = recorded(conversation(SERVER))
    replay = Replay(bytes(stage.recording))
    list(replay)
    assert replay.session.transport is stage.session.transport is TransportAction.CLOSE
