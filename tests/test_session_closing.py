"""How sessions end: one terminal event for each way, what is on the wire by then, and what
is to be done with the transport (RFC 6455 §7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial

import pytest

from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    DeadlineExceeded,
    LimitExceeded,
    Limits,
    RemoteProtocolError,
)
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.session import (
    EndCause,
    RateLimit,
    SessionConfig,
    SessionEnded,
    Side,
    TransportAction,
)

from .sessions import (
    ABORT,
    CLOSE_IT,
    END_WRITING,
    KEEP,
    QUIET,
    Pair,
    Stage,
    close_frame,
    connecting,
    every_way,
    frames_of,
    opened,
    receive,
    refuses,
    take,
    written,
)
from .test_handshake_client import response
from .test_handshake_server import request
from .wire import CLIENT, CLOSE, PING, PONG, SERVER, TEXT, both_roles, frame

LOCAL, REMOTE = Side.LOCAL, Side.REMOTE
CLOSED, FAILED, TIMED_OUT = EndCause.CLOSED, EndCause.FAILED, EndCause.TIMED_OUT
LOST, REJECTED, ABORTED = EndCause.LOST, EndCause.REJECTED, EndCause.ABORTED

OWN_CLOSE = replace(QUIET, answer_close=False)

# What becomes of the transport of a server, and of a client, unless a row says otherwise.
FAREWELLS = {
    CLOSED: (END_WRITING, KEEP),
    FAILED: (END_WRITING, END_WRITING),
    TIMED_OUT: (END_WRITING, END_WRITING),
    LOST: (CLOSE_IT, CLOSE_IT),
    REJECTED: (END_WRITING, CLOSE_IT),
    ABORTED: (ABORT, ABORT),
}
AT_ONCE = FAREWELLS[ABORTED]
BOTH_GONE = FAREWELLS[LOST]


@dataclass(frozen=True)
class Ending:
    """A way to end, and all that is to be seen of it."""

    name: str
    act: Callable[[Stage], None]
    ended: SessionEnded
    _: KW_ONLY
    #: Its error's type, and how that begins.
    error: tuple[type[RemoteProtocolError], str] | None = None
    #: The opcodes of what was sent on an open connection, if not just a Close or nothing.
    opcodes: tuple[int, ...] | None = None
    #: How the response begins, or the request.
    http: bytes = b""
    #: What is to be done with the transport, if not as the cause says.
    farewell: tuple[TransportAction, TransportAction] | None = None
    #: When the transport is to be dropped, unless it is already.
    deadline: float | None = 15
    config: SessionConfig = QUIET
    #: In which roles, and whether from the opening handshake on.
    roles: tuple[ConnectionType, ...] = (SERVER, CLIENT)
    handshake: bool = False

    def farewell_of(self, role: ConnectionType) -> TransportAction:
        return (self.farewell or FAREWELLS[self.ended.cause])[role is CLIENT]

    def play(self, role: ConnectionType, way: str = "whole") -> Stage:
        start = connecting if self.handshake else opened
        stage = Stage(start(role, self.config), way)
        self.act(stage)
        return stage


def lost(cause: EndCause, initiator: Side | None, code_sent: int | None = None) -> SessionEnded:
    """An end without the peer's Close."""
    return SessionEnded(1006, "", cause, initiator, code_sent, None)


def bad_message(stage: Stage) -> None:
    stage.feed(frame(TEXT, b"\xff", to=stage.role), 5, last=True)


def ping_unanswered(stage: Stage) -> None:
    stage.timer(20)
    stage.timer(29.9)
    stage.timer(30)


def closed_by_us(stage: Stage) -> None:
    stage.close(5, 1000, "done")
    stage.feed(close_frame(stage.role, 1000, b"done"), 6, last=True)


def both_at_once(stage: Stage) -> None:
    stage.close(5, 1001)
    stage.feed(close_frame(stage.role, 4000, b"you"), 6, last=True)


def fault_while_closing(stage: Stage) -> None:
    stage.close(5)
    stage.feed(b"\x83\x00", 6, last=True)


def eof_while_closing(stage: Stage) -> None:
    stage.close(5)
    stage.eof(6)


def peer_answers_idle_close(stage: Stage) -> None:
    stage.timer(5)
    stage.feed(close_frame(stage.role, 1001, b"idle"), 6, last=True)


def no_answer_to_close(stage: Stage) -> None:
    stage.close(5)
    stage.timer(14.9)
    stage.timer(15)


def close_answered_by_application(stage: Stage) -> None:
    stage.feed(close_frame(stage.role, 4001, b"bye"), 4)
    stage.feed(b"ignored", 4.5)
    stage.send(CloseConnection(1000), 5)


def close_answered_after_eof(stage: Stage) -> None:
    stage.feed(close_frame(stage.role, None), 4)
    stage.eof(4.5)
    stage.close(5, 3000, "too")


def abort_while_peer_waits(stage: Stage) -> None:
    stage.feed(close_frame(stage.role, 4001, b"bye"), 4)
    stage.abort(5)


def peers_close_never_answered(stage: Stage) -> None:
    stage.feed(close_frame(stage.role, 4001, b"bye"), 4)
    stage.timer(14)


def abort_while_closing(stage: Stage) -> None:
    stage.close(4)
    stage.abort(5)


def request_in(stage: Stage) -> None:
    stage.feed(request(), 1)


def closed_before_accept(stage: Stage) -> None:
    request_in(stage)
    stage.close(5)


def eof_before_accept(stage: Stage) -> None:
    request_in(stage)
    stage.eof(5)


def rejected(stage: Stage) -> None:
    request_in(stage)
    stage.send(RejectConnection(403), 5)


def rejected_with_body(stage: Stage) -> None:
    request_in(stage)
    stage.send(RejectConnection(404, has_body=True), 3)
    stage.send(RejectData(b"not ", body_finished=False), 4)
    stage.send(RejectData(b"here"), 5)


def rejected_after_eof(stage: Stage) -> None:
    """The client may have ended its half only."""
    request_in(stage)
    stage.send(RejectConnection(404, has_body=True), 3)
    stage.eof(4)
    stage.send(RejectData(b"not here"), 5)


def body_never_finished(then: Callable[[Stage], None]) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        request_in(stage)
        stage.send(RejectConnection(404, has_body=True), 3)
        then(stage)

    return act


def answer(stage: Stage, line: bytes, fields: bytes = b"", body: bytes = b"") -> None:
    stage.feed(b"HTTP/1.1 %b\r\n%b\r\n%b" % (line, fields, body), 5, last=True)


def body_cut_by_eof(stage: Stage) -> None:
    stage.way = "whole" if stage.way == "trailing" else stage.way
    answer(stage, b"404 Not Found", b"Content-Length: 9\r\n", b"not")
    stage.eof(5)


def body_up_to_eof(stage: Stage) -> None:
    stage.feed(b"HTTP/1.1 404 Not Found\r\n\r\nnot here", 4)
    stage.eof(5)


def body_overdue(stage: Stage) -> None:
    stage.feed(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot", 4)
    stage.timer(10)


def eof_within_a_frame(stage: Stage) -> None:
    stage.feed(frame(TEXT, b"abc", to=stage.role)[:-1], 4)
    stage.eof(5)


def eof_within_request(stage: Stage) -> None:
    stage.feed(request()[:-1], 4)
    stage.eof(5)


def eof_within_response(stage: Stage) -> None:
    stage.feed(response()[:-1], 4)
    stage.eof(5)


def request_incomplete(stage: Stage) -> None:
    stage.feed(request()[:-1], 4)
    stage.timer(10)


def request_unanswered(stage: Stage) -> None:
    request_in(stage)
    stage.timer(2.5)


def aborted_before_accept(stage: Stage) -> None:
    request_in(stage)
    stage.abort(5)


open_endings = [
    # Clean
    Ending(
        "peer-closes",
        lambda s: s.feed(close_frame(s.role, 1001, "schön".encode()), 5, last=True),
        SessionEnded(1001, "schön", CLOSED, REMOTE, 1001, 1001),
    ),
    Ending(
        "peer-closes-without-code",
        lambda s: s.feed(close_frame(s.role, None), 5, last=True),
        SessionEnded(1005, "", CLOSED, REMOTE, 1005, 1005),
    ),
    Ending("we-close", closed_by_us, SessionEnded(1000, "done", CLOSED, LOCAL, 1000, 1000)),
    Ending(
        "both-close-at-once", both_at_once, SessionEnded(4000, "you", CLOSED, LOCAL, 1001, 4000)
    ),
    Ending(
        "idle",
        peer_answers_idle_close,
        SessionEnded(1001, "idle", CLOSED, LOCAL, 1001, 1001),
        config=replace(QUIET, idle_timeout=5),
    ),
    Ending(
        "application-answers-close",
        close_answered_by_application,
        SessionEnded(4001, "bye", CLOSED, REMOTE, 1000, 4001),
        config=OWN_CLOSE,
        deadline=14,
    ),
    Ending(
        "application-answers-close-after-eof",
        close_answered_after_eof,
        SessionEnded(1005, "", CLOSED, REMOTE, 3000, 1005),
        config=OWN_CLOSE,
        farewell=BOTH_GONE,
        deadline=14,
    ),
    # The peer's fault
    Ending(
        "fault-1002",
        lambda s: s.feed(b"\x83\x00", 5, last=True),
        lost(FAILED, LOCAL, 1002),
        error=(RemoteProtocolError, "reserved opcode 0x3"),
    ),
    Ending(
        "fault-1007",
        bad_message,
        lost(FAILED, LOCAL, 1007),
        error=(RemoteProtocolError, "text that is not UTF-8"),
    ),
    Ending(
        "fault-1009",
        lambda s: s.feed(frame(TEXT, b"0123456789", to=s.role), 5, last=True),
        lost(FAILED, LOCAL, 1009),
        error=(LimitExceeded, "message of more than 9 bytes"),
        config=replace(QUIET, limits=Limits(max_message_size=9)),
    ),
    Ending(
        "fault-untold",
        bad_message,
        lost(FAILED, LOCAL),
        error=(RemoteProtocolError, "text that is not UTF-8"),
        config=replace(QUIET, send_failing_close=False),
    ),
    Ending(
        "fault-while-closing",
        fault_while_closing,
        lost(FAILED, LOCAL, 1000),
        error=(RemoteProtocolError, "reserved opcode 0x3"),
    ),
    Ending(
        "fault-where-the-application-answers",
        bad_message,
        lost(FAILED, LOCAL, 1007),
        error=(RemoteProtocolError, "text that is not UTF-8"),
        config=OWN_CLOSE,
    ),
    # Limits of the session's own
    Ending(
        "message-rate",
        lambda s: s.feed(frame(TEXT, b"1", to=s.role) * 2, 5, last=True),
        lost(FAILED, LOCAL, 1008),
        error=(LimitExceeded, "more than 1 messages a second"),
        config=replace(QUIET, message_rate=RateLimit(per_second=1, burst=1)),
    ),
    Ending(
        "control-rate",
        lambda s: s.feed(frame(PONG, b"1", to=s.role) * 2, 5, last=True),
        lost(FAILED, LOCAL, 4008),
        error=(LimitExceeded, "more than 0.5 control frames a second"),
        config=replace(QUIET, control_rate=RateLimit(per_second=0.5, burst=1, code=4008)),
    ),
    Ending(
        "byte-rate",
        lambda s: s.feed(frame(TEXT, b"0123456789", to=s.role), 5),
        lost(FAILED, LOCAL, 1009),
        error=(LimitExceeded, "more than 3 bytes a second"),
        config=replace(QUIET, byte_rate=RateLimit(per_second=3, burst=10, code=1009)),
    ),
    Ending(
        "max-output",
        lambda s: s.send(TextMessage("x" * 100), 5),
        lost(FAILED, LOCAL, 1008),
        error=(LimitExceeded, "more than 100 bytes of output not taken"),
        opcodes=(TEXT, CLOSE),
        config=replace(QUIET, high_water=100, low_water=10, max_output=100),
    ),
    # Time
    Ending(
        "ping-timeout",
        ping_unanswered,
        lost(TIMED_OUT, LOCAL, 1011),
        error=(DeadlineExceeded, "no pong within 10 s"),
        opcodes=(PING, CLOSE),
        config=SessionConfig(ping_timeout=10, close_timeout=7),
        deadline=37,
    ),
    Ending(
        "ping-timeout-untold",
        ping_unanswered,
        lost(TIMED_OUT, LOCAL),
        error=(DeadlineExceeded, "no pong within 10 s"),
        opcodes=(PING,),
        config=SessionConfig(ping_timeout=10, close_timeout=None, send_failing_close=False),
        deadline=None,
    ),
    Ending(
        "close-timeout",
        no_answer_to_close,
        lost(TIMED_OUT, LOCAL, 1000),
        error=(DeadlineExceeded, "no end within 10 s of closing"),
        farewell=AT_ONCE,
    ),
    Ending(
        "application-never-answers-close",
        peers_close_never_answered,
        SessionEnded(4001, "bye", TIMED_OUT, REMOTE, None, 4001),
        error=(DeadlineExceeded, "no end within 10 s of closing"),
        config=OWN_CLOSE,
        farewell=AT_ONCE,
    ),
    # The end of the transport, and abort()
    Ending("eof", lambda s: s.eof(5), lost(LOST, None)),
    Ending("eof-within-a-frame", eof_within_a_frame, lost(LOST, None)),
    Ending("eof-while-closing", eof_while_closing, lost(LOST, LOCAL, 1000)),
    Ending("abort", lambda s: s.abort(5), lost(ABORTED, LOCAL)),
    Ending("abort-while-closing", abort_while_closing, lost(ABORTED, LOCAL, 1000)),
    Ending(
        "abort-while-peer-waits-for-close",
        abort_while_peer_waits,
        SessionEnded(4001, "bye", ABORTED, REMOTE, None, 4001),
        config=OWN_CLOSE,
    ),
]

server = partial(Ending, roles=(SERVER,), handshake=True)
server_endings = [
    server("server-eof-at-once", lambda s: s.eof(5), lost(LOST, None)),
    server(
        "server-eof-within-request",
        eof_within_request,
        lost(LOST, None),
        error=(RemoteProtocolError, "the transport ended within the request"),
    ),
    server("server-eof-before-accept", eof_before_accept, lost(LOST, None)),
    server(
        "server-bad-request",
        lambda s: s.feed(request({b"Upgrade": None}), 5, last=True),
        lost(FAILED, LOCAL),
        error=(RemoteProtocolError, "Missing header, 'Upgrade: websocket'"),
        http=b"HTTP/1.1 400 ",
    ),
    server(
        "server-no-http",
        lambda s: s.feed(b"\x16\x03\x01", 5, last=True),
        lost(FAILED, LOCAL),
        error=(RemoteProtocolError, "Bad HTTP message: "),
        http=b"HTTP/1.1 400 ",
    ),
    server(
        "server-head-too-big",
        lambda s: s.feed(b"GET / HTTP/1.1\r\nX: " + b"x" * 100, 5, last=True),
        lost(FAILED, LOCAL),
        error=(LimitExceeded, "a head of more than 99 bytes"),
        http=b"HTTP/1.1 431 ",
        config=replace(QUIET, limits=Limits(max_header_size=99)),
    ),
    server(
        "server-too-much-early-data",
        lambda s: s.feed(request() + b"\x81\x80kkkk", 5, last=True),
        lost(FAILED, LOCAL),
        error=(LimitExceeded, "more than 5 bytes before the answer"),
        http=b"HTTP/1.1 400 ",
        config=replace(QUIET, limits=Limits(max_early_data=5)),
    ),
    server(
        "server-408",
        request_incomplete,
        lost(TIMED_OUT, LOCAL),
        error=(DeadlineExceeded, "the opening handshake took more than 10 s"),
        http=b"HTTP/1.1 408 ",
        deadline=20,
    ),
    server(
        "server-503",
        request_unanswered,
        lost(TIMED_OUT, LOCAL),
        error=(DeadlineExceeded, "an answer to the request took more than 2.5 s"),
        http=b"HTTP/1.1 503 ",
        config=replace(QUIET, handshake_timeout=2.5),
        deadline=12.5,
    ),
    server("server-rejects", rejected, lost(REJECTED, LOCAL), http=b"HTTP/1.1 403 "),
    server(
        "server-rejects-with-body",
        rejected_with_body,
        lost(REJECTED, LOCAL),
        http=b"HTTP/1.1 404 ",
    ),
    server(
        "server-rejects-after-eof",
        rejected_after_eof,
        lost(REJECTED, LOCAL),
        http=b"HTTP/1.1 404 ",
        farewell=BOTH_GONE,
    ),
    server(
        "server-body-overdue",
        body_never_finished(lambda s: s.timer(10)),
        lost(TIMED_OUT, LOCAL),
        error=(DeadlineExceeded, "an answer to the request took more than 10 s"),
        http=b"HTTP/1.1 404 ",
        farewell=AT_ONCE,
    ),
    server("server-closes-before-request", lambda s: s.close(5), lost(ABORTED, LOCAL)),
    server(
        "server-closes-before-accept",
        closed_before_accept,
        lost(REJECTED, LOCAL),
        http=b"HTTP/1.1 503 ",
    ),
    server(
        "server-closes-within-body",
        body_never_finished(lambda s: s.close(5)),
        lost(ABORTED, LOCAL),
        http=b"HTTP/1.1 404 ",
    ),
    server("server-aborts-before-request", lambda s: s.abort(5), lost(ABORTED, LOCAL)),
    server("server-aborts-before-accept", aborted_before_accept, lost(ABORTED, LOCAL)),
    server(
        "server-aborts-within-body",
        body_never_finished(lambda s: s.abort(5)),
        lost(ABORTED, LOCAL),
        http=b"HTTP/1.1 404 ",
    ),
]

client = partial(Ending, roles=(CLIENT,), handshake=True, http=b"GET /chat ")
client_endings = [
    client(
        "client-eof-before-response",
        lambda s: s.eof(5),
        lost(LOST, None),
        error=(RemoteProtocolError, "the transport ended before a response"),
    ),
    client(
        "client-eof-within-response",
        eof_within_response,
        lost(LOST, None),
        error=(RemoteProtocolError, "the transport ended before a response"),
    ),
    client(
        "client-bad-response",
        lambda s: s.feed(response({b"Sec-WebSocket-Accept": b"no"}), 5, last=True),
        lost(FAILED, LOCAL),
        error=(RemoteProtocolError, "Bad accept token"),
        farewell=BOTH_GONE,
    ),
    client(
        "client-refused",
        lambda s: answer(s, b"403 Forbidden", b"Content-Length: 2\r\n", b"no"),
        lost(REJECTED, REMOTE),
    ),
    client(
        "client-refused-without-body",
        lambda s: answer(s, b"403 Forbidden", b"Content-Length: 0\r\n"),
        lost(REJECTED, REMOTE),
    ),
    client(
        "client-refused-body-up-to-eof",
        body_up_to_eof,
        lost(REJECTED, REMOTE),
        farewell=BOTH_GONE,
    ),
    client(
        "client-refused-body-cut-by-eof",
        body_cut_by_eof,
        lost(REJECTED, REMOTE),
        error=(RemoteProtocolError, "Bad HTTP message: "),
        farewell=BOTH_GONE,
    ),
    client(
        "client-refused-bad-body",
        lambda s: answer(s, b"404 Not Found", b"Transfer-Encoding: chunked\r\n", b"?\r\n"),
        lost(REJECTED, REMOTE),
        error=(RemoteProtocolError, "Bad HTTP message: "),
    ),
    client(
        "client-timeout",
        lambda s: s.timer(10),
        lost(TIMED_OUT, LOCAL),
        error=(DeadlineExceeded, "the opening handshake took more than 10 s"),
        farewell=AT_ONCE,
    ),
    client(
        "client-timeout-within-body",
        body_overdue,
        lost(TIMED_OUT, LOCAL),
        error=(DeadlineExceeded, "the opening handshake took more than 10 s"),
        farewell=AT_ONCE,
    ),
    client("client-closes-before-response", lambda s: s.close(5), lost(ABORTED, LOCAL)),
    client("client-aborts-before-response", lambda s: s.abort(5), lost(ABORTED, LOCAL)),
]

ENDINGS = [*open_endings, *server_endings, *client_endings]


def each_ending() -> pytest.MarkDecorator:
    """Every ending in every role it has."""
    cases = []
    for ending in ENDINGS:
        for role in ending.roles:
            prefix = f"{role.name.lower()}-" if len(ending.roles) > 1 else ""
            cases.append(pytest.param(ending, role, id=prefix + ending.name))
    return pytest.mark.parametrize(("ending", "role"), cases)


class TestEveryEnding:
    @each_ending()
    @every_way
    def test_is_told_once_and_in_full(self, ending: Ending, role: ConnectionType, way: str) -> None:
        ended = ending.play(role, way).ended
        assert ended == ending.ended
        assert ended.clean is (ended.cause is CLOSED)
        if ending.error is None:
            assert ended.error is None
        else:
            kind, text = ending.error
            assert type(ended.error) is kind
            assert str(ended.error).startswith(text)

    @each_ending()
    @every_way
    def test_is_seen_on_the_wire(self, ending: Ending, role: ConnectionType, way: str) -> None:
        stage = ending.play(role, way)
        stage.write()
        if ending.handshake:
            assert stage.output.startswith(ending.http)
            assert bool(stage.output) is bool(ending.http)
            if role is SERVER and ending.http:  # RFC 9112 §9.6
                assert b"\r\nconnection: close\r\n" in stage.output.lower()
            return
        ended = stage.ended
        code = ended.code_sent
        frames = frames_of(stage.output)
        opcodes = ending.opcodes
        if opcodes is None:
            opcodes = () if code is None else (CLOSE,)
        assert tuple(each.opcode for each in frames) == opcodes
        closes = [each.payload for each in frames if each.opcode == CLOSE]
        if code is None:
            assert closes == []
            return
        (payload,) = closes
        assert payload[:2] == (b"" if code == 1005 else code.to_bytes(2, "big"))
        if ended.error is not None and code != 1000:
            assert payload[2:].decode() == str(ended.error)  # RFC 6455 §7.1.7: it is told

    @each_ending()
    def test_says_what_to_do_with_the_transport(self, ending: Ending, role: ConnectionType) -> None:
        session = ending.play(role).session
        farewell = ending.farewell_of(role)
        pending = session.statistics().output_pending
        if farewell is ABORT:
            assert pending == 0
            assert session.deadline is None
        else:
            assert session.deadline == ending.deadline
        for _ in range(pending):  # as long as anything is to be written
            assert session.transport is KEEP
            assert session.data_to_send(1)
        assert session.transport is farewell

    @each_ending()
    def test_end_of_the_transport_is_the_last(self, ending: Ending, role: ConnectionType) -> None:
        session = ending.play(role).session
        session.data_to_send()
        for _ in range(2):
            assert receive(session, None, 30) == []
            assert session.transport is max(CLOSE_IT, ending.farewell_of(role))

    @each_ending()
    def test_transport_is_dropped_in_the_end(self, ending: Ending, role: ConnectionType) -> None:
        session = ending.play(role).session
        if session.deadline is None:
            session.handle_timer(1e9)
            session.data_to_send()
            assert session.transport is ending.farewell_of(role)
            return
        assert ending.deadline is not None
        session.handle_timer(ending.deadline - 0.125)
        assert session.transport is not ABORT
        assert session.deadline == ending.deadline
        session.handle_timer(ending.deadline)
        assert session.transport is ABORT
        assert session.deadline is None
        assert session.data_to_send() == b""
        assert take(session) == []

    @each_ending()
    def test_nothing_follows(self, ending: Ending, role: ConnectionType) -> None:
        stage = ending.play(role)
        session, ended = stage.session, stage.ended
        session.data_to_send()
        before = session.statistics()
        for _ in range(2):
            session.close(50)
            assert receive(session, b"\x83\x00 anything", 50) == []
            assert receive(session, close_frame(role), 50) == []
        after = session.statistics()
        assert before == after._replace(
            received_at=before.received_at, wire_bytes_received=before.wire_bytes_received
        )
        for event in (TextMessage(""), Ping(), Pong(), CloseConnection(1000), AcceptConnection()):
            refuses(partial(session.send, event, 50), "CLOS")
        session.receive_request([], "/", 50)
        assert take(session) == []
        assert session.ended is ended
        assert session.data_to_send() == b""
        assert not session.writable
        assert not session.reading_paused

    @each_ending()
    def test_abort_afterwards_drops_the_transport_only(
        self, ending: Ending, role: ConnectionType
    ) -> None:
        stage = ending.play(role)
        session, ended = stage.session, stage.ended
        for _ in range(2):
            session.abort(50)
            assert session.transport is ABORT
            assert session.deadline is None
            assert session.data_to_send() == b""
            assert take(session) == []
            assert session.ended is ended

    @each_ending()
    def test_transport_only_moves_forward(self, ending: Ending, role: ConnectionType) -> None:
        stage = ending.play(role)
        session = stage.session
        seen = [session.transport]
        steps: list[Callable[[], object]] = [
            session.data_to_send,
            partial(session.receive_data, b"x", 40),
            partial(session.receive_data, None, 40),
            partial(session.handle_timer, 60),
            partial(session.abort, 70),
        ]
        for step in steps:
            step()
            seen.append(session.transport)
        assert seen == sorted(seen)
        assert seen[-1] is ABORT

    @each_ending()
    def test_without_close_timeout_nothing_is_waited_for(
        self, ending: Ending, role: ConnectionType
    ) -> None:
        if "overdue" in ending.name or "never" in ending.name or ending.name == "close-timeout":
            return  # they come to an end by it
        patient = replace(ending, config=replace(ending.config, close_timeout=None))
        assert patient.play(role).session.deadline is None


@both_roles
class TestPeersClose:
    @every_way
    def test_what_came_before_it_is_given_first(self, role: ConnectionType, way: str) -> None:
        stage = Stage(opened(role), way)
        data = frame(TEXT, b"last words", to=role) + frame(PING, b"?", to=role)
        stage.feed(data + close_frame(role, 1000), 1, last=True)
        assert stage.events == [TextMessage("last words"), stage.ended]
        assert written(stage.session) == [(PONG, b"?"), (CLOSE, b"\x03\xe8")]

    def test_text_that_came_with_it_can_be_answered(self, role: ConnectionType) -> None:
        session = opened(role)
        session.receive_data(frame(TEXT, b"?", to=role) + close_frame(role), 1)
        events = session.events()
        assert next(events) == TextMessage("?")
        assert session.state is ConnectionState.OPEN
        session.send(TextMessage("!"), 1)
        (ended,) = events
        assert ended is session.ended
        assert written(session) == [(TEXT, b"!"), (CLOSE, b"\x03\xe8")]

    @every_way
    def test_is_given_where_the_application_answers(self, role: ConnectionType, way: str) -> None:
        stage = Stage(opened(role, OWN_CLOSE), way)
        stage.feed(close_frame(role, 4001, b"bye"), 5, last=True)
        session = stage.session
        assert stage.events == [CloseConnection(4001, "bye")]
        assert session.state is ConnectionState.REMOTE_CLOSING
        assert not session.writable
        assert session.data_to_send() == b""
        assert session.transport is KEEP
        assert session.deadline == 15
        for event in (TextMessage(""), BytesMessage(b""), Ping(), Pong()):
            refuses(partial(session.send, event, 6), "REMOTE_CLOSING")
        session.close(6, 1000)
        stage.take()
        assert stage.ended == SessionEnded(4001, "bye", CLOSED, REMOTE, 1000, 4001)
        assert written(session) == [(CLOSE, b"\x03\xe8")]

    def test_answering_it_otherwise_than_the_protocol_allows(self, role: ConnectionType) -> None:
        session = opened(role, OWN_CLOSE)
        assert receive(session, close_frame(role), 1)
        refuses(partial(session.close, 2, 1006 + 9), "1015")
        refuses(partial(session.send, CloseConnection(1005, "why"), 2), "reason without a code")
        assert session.state is ConnectionState.REMOTE_CLOSING
        session.send(CloseConnection(1005), 2)
        (ended,) = take(session)
        assert ended == SessionEnded(1000, "", CLOSED, REMOTE, 1005, 1000)

    def test_is_not_given_to_who_has_closed_already(self, role: ConnectionType) -> None:
        stage = Stage(opened(role, OWN_CLOSE))
        stage.close(1)
        stage.feed(close_frame(role, 1001), 2)
        assert stage.events == [SessionEnded(1001, "", CLOSED, LOCAL, 1000, 1001)]

    def test_nothing_that_follows_is_counted_against_rates(self, role: ConnectionType) -> None:
        config = replace(QUIET, message_rate=RateLimit(per_second=1, burst=1))
        session = opened(role, config)
        data = frame(TEXT, b"", to=role) + close_frame(role) + frame(TEXT, b"", to=role) * 9
        assert receive(session, data, 1) == [
            TextMessage(""),
            SessionEnded(1000, "", CLOSED, REMOTE, 1000, 1000),
        ]

    def test_bytes_behind_it_are_not_counted_against_rates(self, role: ConnectionType) -> None:
        config = replace(OWN_CLOSE, byte_rate=RateLimit(per_second=1, burst=10))
        session = opened(role, config)
        assert receive(session, close_frame(role), 1) == [CloseConnection(1000, "")]
        assert receive(session, bytes(100), 1) == []
        session.close(1)
        assert take(session) == [SessionEnded(1000, "", CLOSED, REMOTE, 1000, 1000)]


@both_roles
class TestOurClose:
    def test_is_sent_once(self, role: ConnectionType) -> None:
        session = opened(role)
        for _ in range(3):
            session.close(1, 1001, "away")
        assert written(session) == [(CLOSE, b"\x03\xe9away")]
        refuses(partial(session.send, CloseConnection(1000), 1), "LOCAL_CLOSING")
        assert session.state is ConnectionState.LOCAL_CLOSING
        assert session.deadline == 11
        assert take(session) == []

    def test_by_event(self, role: ConnectionType) -> None:
        session = opened(role)
        session.send(CloseConnection(1001, "away"), 1)
        assert written(session) == [(CLOSE, b"\x03\xe9away")]
        assert session.deadline == 11

    @pytest.mark.parametrize(
        ("code", "on_wire"), [(None, 1005), (1005, 1005), (1006, 1000), (4999, 4999)]
    )
    def test_code_sent_is_the_one_on_the_wire(
        self, role: ConnectionType, code: int, on_wire: int
    ) -> None:
        session = opened(role)
        session.close(1, code)
        (payload,) = [payload for _, payload in written(session)]
        assert payload == (b"" if on_wire == 1005 else on_wire.to_bytes(2, "big"))
        receive(session, close_frame(role), 2)
        assert session.ended is not None
        assert session.ended.code_sent == on_wire

    @pytest.mark.parametrize(("code", "reason"), [(999, ""), (1015, ""), (1005, "x"), (0, "")])
    def test_refused_ones_change_nothing(
        self, role: ConnectionType, code: int, reason: str
    ) -> None:
        session = opened(role)
        refuses(partial(session.close, 1, code, reason))
        refuses(partial(session.close, 1, 1000, "\udc00"), "surrogate")
        assert session.state is ConnectionState.OPEN
        assert session.deadline is None
        assert session.data_to_send() == b""

    @every_way
    def test_messages_arrive_until_the_peer_closes(self, role: ConnectionType, way: str) -> None:
        stage = Stage(opened(role), way)
        stage.close(1)
        assert not stage.session.writable
        data = frame(TEXT, b"late", to=role) + frame(PING, b"p", to=role)
        stage.feed(data + close_frame(role), 2, last=True)
        assert stage.events == [TextMessage("late"), stage.ended]
        # RFC 6455 §5.5.2: a ping is answered "unless it already received a Close frame"
        assert written(stage.session) == [(PONG, b"p")]

    def test_messages_are_no_longer_sent(self, role: ConnectionType) -> None:
        session = opened(role)
        session.close(1)
        for event in (TextMessage(""), BytesMessage(b"")):
            refuses(partial(session.send, event, 1), "LOCAL_CLOSING")
        session.send(Ping(b"still"), 1)
        session.send(Pong(b"too"), 1)
        assert [opcode for opcode, _ in written(session)] == [CLOSE, PING, PONG]

    def test_a_close_that_arrived_in_time_counts(self, role: ConnectionType) -> None:
        """Even if nobody looked at it until the deadline."""
        session = opened(role)
        session.close(1)
        session.receive_data(close_frame(role), 10.9)
        session.handle_timer(11)
        (ended,) = take(session)
        assert ended == SessionEnded(1000, "", CLOSED, LOCAL, 1000, 1000)
        assert session.transport is ABORT  # no time is left for the transport

    def test_of_an_application_while_events_are_taken(self, role: ConnectionType) -> None:
        session = opened(role)
        session.receive_data(frame(TEXT, b"1", to=role) * 2 + close_frame(role, 4000), 1)
        events = session.events()
        assert next(events) == TextMessage("1")
        session.close(1)
        assert list(events) == [
            TextMessage("1"), SessionEnded(4000, "", CLOSED, LOCAL, 1000, 4000)
        ]  # fmt: skip


@both_roles
@pytest.mark.parametrize("rate", [None, RateLimit(per_second=1e9, burst=1e9)])
class TestAbortWhileEventsAreTaken:
    """By the short way of events, and by the one that counts messages."""

    def test_nothing_more_is_given_but_the_end(
        self, role: ConnectionType, rate: RateLimit | None
    ) -> None:
        session = opened(role, replace(QUIET, message_rate=rate))
        session.receive_data(frame(TEXT, b"1", to=role) * 9 + close_frame(role), 1)
        events = session.events()
        assert next(events) == TextMessage("1")
        session.abort(1)
        assert list(events) == [lost(ABORTED, LOCAL)]
        assert take(session) == []

    def test_after_the_end_of_the_transport(
        self, role: ConnectionType, rate: RateLimit | None
    ) -> None:
        session = opened(role, replace(QUIET, message_rate=rate))
        session.receive_data(frame(TEXT, b"1", to=role) * 9, 1)
        session.receive_data(None, 1)
        events = session.events()
        assert next(events) == TextMessage("1")
        session.abort(1)
        assert list(events) == [lost(ABORTED, LOCAL)]


class TestBothEnds:
    """A client and a server, and the transport between them."""

    def test_clean_closing_ends_the_transport_by_the_server(self) -> None:
        """RFC 6455 §7.1.1: so that TIME_WAIT is the server's."""
        pair = Pair()
        pair.client.close(0, 1001, "bye")
        pair.exchange()
        assert pair.events[CLIENT][-1] == SessionEnded(1001, "bye", CLOSED, LOCAL, 1001, 1001)
        assert pair.events[SERVER][-1] == SessionEnded(1001, "bye", CLOSED, REMOTE, 1001, 1001)
        assert pair.client.transport is CLOSE_IT
        assert pair.server.transport is CLOSE_IT
        assert pair.gone == {CLIENT, SERVER}

    def test_closed_by_the_server(self) -> None:
        pair = Pair()
        pair.server.close(0)
        pair.exchange()
        assert pair.client.ended == SessionEnded(1000, "", CLOSED, REMOTE, 1000, 1000)
        assert pair.server.ended == SessionEnded(1000, "", CLOSED, LOCAL, 1000, 1000)
        assert pair.gone == {CLIENT, SERVER}

    def test_closed_by_both_at_once(self) -> None:
        pair = Pair()
        pair.client.close(0, 4001)
        pair.server.close(0, 4002)
        pair.exchange()
        assert pair.client.ended == SessionEnded(4002, "", CLOSED, LOCAL, 4001, 4002)
        assert pair.server.ended == SessionEnded(4001, "", CLOSED, LOCAL, 4002, 4001)

    @pytest.mark.parametrize("role", [CLIENT, SERVER])
    def test_aborted_by_one(self, role: ConnectionType) -> None:
        pair = Pair()
        one, two = (pair.client, pair.server) if role is CLIENT else (pair.server, pair.client)
        one.abort(0)
        pair.exchange()
        assert one.ended == lost(ABORTED, LOCAL)
        assert two.ended == lost(LOST, None)

    def test_refused(self) -> None:
        pair = Pair(accept=RejectConnection(403))
        assert pair.events[SERVER][1:] == [lost(REJECTED, LOCAL)]
        rejection, body, ended = pair.events[CLIENT]
        assert isinstance(rejection, RejectConnection)
        assert rejection.status_code == 403
        assert body == RejectData(b"", True)
        assert ended == lost(REJECTED, REMOTE)
        assert pair.gone == {CLIENT, SERVER}


def test_terminal_event_is_a_value() -> None:
    ended = SessionEnded(1006, "", FAILED, LOCAL, 1002, None, RemoteProtocolError("why"))
    assert ended == lost(FAILED, LOCAL, 1002)
    assert hash(ended) == hash(lost(FAILED, LOCAL, 1002))
    assert "why" in repr(ended)
    assert isinstance(Request("h", "/"), type(ended).__mro__[1])


@both_roles
class TestTransportLost:
    """What has arrived can be taken, the end behind it, and nothing is waited for."""

    def test_while_open(self, role: ConnectionType) -> None:
        session = opened(role)
        session.receive_data(frame(TEXT, b"a", to=role), 1)
        session.transport_lost(2)
        assert session.transport is ABORT
        assert session.deadline is None
        assert session.try_send(TextMessage("nobody reads it"), 2)
        assert session.data_to_send() == b""
        message, ended = take(session)
        assert message == TextMessage("a")
        assert ended == SessionEnded(1006, "", EndCause.LOST)
        session.transport_lost(3)
        assert take(session) == []

    def test_behind_the_close(self, role: ConnectionType) -> None:
        session = opened(role)
        session.close(1)
        session.receive_data(close_frame(role), 1)
        session.transport_lost(2)
        (ended,) = take(session)
        assert isinstance(ended, SessionEnded)
        assert ended.clean
        assert session.transport is ABORT
        assert session.deadline is None

    def test_after_the_end(self, role: ConnectionType) -> None:
        session = opened(role)
        receive(session, close_frame(role), 1)
        session.transport_lost(2)
        assert session.transport is ABORT
        assert take(session) == []

    def test_in_the_opening_handshake(self, role: ConnectionType) -> None:
        session = connecting(role)
        session.transport_lost(1)
        (ended,) = take(session)
        assert isinstance(ended, SessionEnded)
        assert ended.cause is EndCause.LOST
        assert session.deadline is None

    @pytest.mark.parametrize("timeout", [None, 5.0])
    def test_a_close_that_is_read_too_late_to_answer(
        self, role: ConnectionType, timeout: float | None
    ) -> None:
        """Found by fuzzing: the application's Close was waited for, with nobody to get it."""
        config = replace(QUIET, answer_close=False, close_timeout=timeout)
        session = opened(role, config)
        session.receive_data(close_frame(role), 1)
        session.transport_lost(2)
        close, ended = take(session)
        assert close == CloseConnection(1000, "")
        assert isinstance(ended, SessionEnded)
        assert (ended.cause, ended.code, ended.code_sent) == (EndCause.LOST, 1000, None)
        assert session.deadline is None
        assert session.transport is ABORT

    def test_while_the_application_is_to_answer_the_close(self, role: ConnectionType) -> None:
        session = opened(role, replace(QUIET, answer_close=False))
        assert len(receive(session, close_frame(role), 1)) == 1
        session.transport_lost(2)
        (ended,) = take(session)
        assert isinstance(ended, SessionEnded)
        assert ended.cause is EndCause.LOST
        assert ended.code_sent is None

    def test_rates_hold_back_nothing_any_more(self, role: ConnectionType) -> None:
        pausing = RateLimit(per_second=0.1, burst=1, code=None)
        failing = RateLimit(per_second=100, burst=100)
        config = replace(QUIET, message_rate=pausing, control_rate=failing)
        session = opened(role, config)
        session.receive_data(frame(TEXT, b"a", to=role) * 5, 1)
        session.transport_lost(2)
        *messages, ended = take(session)
        assert messages == [TextMessage("a")] * 5
        assert isinstance(ended, SessionEnded)


@both_roles
class TestWhileEventsAreTaken:
    """Nothing is given out of its order, whatever happens within the loop."""

    def test_what_comes_is_given_later(self, role: ConnectionType) -> None:
        session = opened(role, replace(QUIET, ping_interval=20, ping_timeout=20))
        session.receive_data(b"".join(frame(TEXT, b"%d" % i, to=role) for i in range(3)), 1)
        given = []
        for event in session.events():
            given.append(event)
            if len(given) == 1:
                session.handle_timer(25)
                session.receive_data(frame(TEXT, b"3", to=role), 25)
        assert given == [TextMessage(str(i)) for i in range(4)]

    def test_what_is_injected_comes_first(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"1", to=role) + frame(TEXT, b"2", to=role))
        given = []
        for event in connection.events():
            given.append(event)
            if len(given) == 1:
                connection.inject(TextMessage("between"))
        assert given == [TextMessage("1"), TextMessage("between"), TextMessage("2")]
