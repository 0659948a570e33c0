"""How sessions begin: over HTTP/1.1, over requests parsed elsewhere, over connections made
elsewhere; and what may come before the answer (RFC 6455 §4, RFC 8441).
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import pytest

from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    Limits,
    RemoteProtocolError,
)
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.extended_connect import ExtendedConnectClient, ExtendedConnectServer
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.handshake import UpgradeClient, UpgradeServer
from wsproto_core.session import (
    EndCause,
    RateLimit,
    Session,
    SessionConfig,
    SessionEnded,
    Side,
)

from .sessions import (
    QUIET,
    Pair,
    Stage,
    close_frame,
    connecting,
    entropy,
    every_way,
    frames_of,
    opened,
    receive,
    refuses,
    take,
    written,
)
from .test_handshake_client import response
from .test_handshake_server import FIELDS, request
from .wire import CLIENT, PING, PONG, SERVER, TEXT, both_roles, frame

HEADERS: list[tuple[bytes | str, bytes | str]] = [*FIELDS.items()]


class TestOverHttp:
    @every_way
    def test_server_is_given_the_request_and_accepts(self, way: str) -> None:
        stage = Stage(connecting(SERVER), way)
        stage.feed(request(), 1)
        (event,) = stage.events
        assert isinstance(event, Request)
        assert event.target == "/chat"
        session = stage.session
        assert session.state is ConnectionState.CONNECTING
        assert session.deadline == 10
        session.send(AcceptConnection(extra_headers=[(b"X-Own", b"1")]), 2)
        assert session.state is ConnectionState.OPEN
        assert session.deadline is None
        assert session.writable
        head = session.data_to_send()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"X-Own: 1\r\n" in head
        assert session.statistics().opened_at == 2

    @every_way
    def test_client_is_given_the_answer(self, way: str) -> None:
        stage = Stage(connecting(CLIENT), way)
        assert stage.session.data_to_send().startswith(b"GET /chat HTTP/1.1\r\n")
        stage.feed(response() + frame(TEXT, b"first", to=CLIENT), 3)
        assert stage.events == [AcceptConnection(), TextMessage("first")]
        assert stage.session.state is ConnectionState.OPEN
        assert stage.session.deadline is None
        assert stage.session.statistics().opened_at == 3

    @every_way
    def test_informational_responses_are_skipped(self, way: str) -> None:
        stage = Stage(connecting(CLIENT), way)
        stage.feed(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(), 1)
        assert stage.events == [AcceptConnection()]

    @every_way
    def test_clients_events_of_a_refusal(self, way: str) -> None:
        stage = Stage(connecting(CLIENT), way)
        stage.feed(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 1, last=True)
        rejection, *body, last, ended = stage.events
        assert isinstance(rejection, RejectConnection)
        assert rejection.status_code == 403
        assert b"".join(e.data for e in body if isinstance(e, RejectData)) == b"no"
        assert last == RejectData(b"", True)
        assert ended == SessionEnded(1006, "", EndCause.REJECTED, Side.REMOTE)

    def test_client_reads_a_refusals_body_as_it_comes(self) -> None:
        session = connecting(CLIENT)
        head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\n"
        (rejection,) = receive(session, head, 1)
        assert isinstance(rejection, RejectConnection)
        assert session.state is ConnectionState.REJECTING
        assert session.deadline == 10
        assert receive(session, b"no", 2) == [RejectData(b"no", False)]
        assert len(receive(session, b"!!", 3)) == 3

    def test_without_a_deadline(self) -> None:
        session = connecting(SERVER, replace(QUIET, handshake_timeout=None))
        assert session.deadline is None
        session.handle_timer(1e9)
        assert take(session) == []

    @both_roles
    def test_deadline_does_not_move_with_traffic(self, role: ConnectionType) -> None:
        session = connecting(role, now=100)
        data = request() if role is SERVER else response()
        for i, byte in enumerate(data[:-1]):
            assert receive(session, bytes([byte]), 100 + i / 100) == []
            assert session.deadline == 110

    @both_roles
    def test_refusing_is_final(self, role: ConnectionType) -> None:
        """Nothing that arrives behind it matters, and no second answer is possible."""
        if role is CLIENT:
            session = connecting(CLIENT)
            assert receive(session, b"HTTP/1.1 400 \r\nContent-Length: 0\r\n\r\n", 1)
            assert receive(session, response(), 1) == []
            return
        session = connecting(SERVER)
        receive(session, request(), 1)
        session.send(RejectConnection(403), 1)
        for event in (AcceptConnection(), RejectConnection(403), RejectData(b"")):
            refuses(partial(session.send, event, 1), "CLOSED")

    def test_answer_while_events_are_taken(self) -> None:
        """And what came behind the request is given in the same loop."""
        session = connecting(SERVER)
        session.receive_data(request() + frame(TEXT, b"early", to=SERVER), 1)
        events = []
        for event in session.events():
            events.append(event)
            if isinstance(event, Request):
                session.send(AcceptConnection(), 1)
        assert events[1:] == [TextMessage("early")]

    def test_refusal_while_events_are_taken(self) -> None:
        session = connecting(SERVER)
        session.receive_data(request(), 1)
        events = session.events()
        next(events)
        session.send(RejectConnection(403), 1)
        assert list(events) == [SessionEnded(1006, "", EndCause.REJECTED, Side.LOCAL)]

    def test_request_that_nobody_can_answer_any_more_is_not_given(self) -> None:
        session = connecting(SERVER)
        session.receive_data(request(), 1)
        session.receive_data(None, 2)
        assert take(session) == [SessionEnded(1006, "", EndCause.LOST)]

    def test_refusal_is_given_though_the_transport_has_ended(self) -> None:
        session = connecting(CLIENT)
        session.receive_data(b"HTTP/1.1 403 Forbidden\r\n\r\nno", 1)
        session.receive_data(None, 2)
        rejection, *body, ended = take(session)
        assert isinstance(rejection, RejectConnection)
        assert body == [RejectData(b"no", False), RejectData(b"", True)]
        assert ended == SessionEnded(1006, "", EndCause.REJECTED, Side.REMOTE)

    @pytest.mark.parametrize("pieces", [[b""], [b"", b"a", b"", b"", b"b", b""], [b"a", b""]])
    @pytest.mark.parametrize("length", [True, False])
    def test_refusals_body_in_any_pieces(self, pieces: list[bytes], length: bool) -> None:
        server, client = connecting(SERVER), connecting(CLIENT)
        receive(server, request(), 1)
        body = b"".join(pieces)
        headers = [(b"Content-Length", b"%d" % len(body))] if length else []
        server.send(RejectConnection(403, headers, has_body=True), 1)
        for piece in pieces:
            server.send(RejectData(piece, body_finished=False), 1)
        server.send(RejectData(b""), 1)
        output = server.data_to_send(20) + server.data_to_send(1) + server.data_to_send()
        _, *events, ended = receive(client, output, 1)
        assert b"".join(event.data for event in events if isinstance(event, RejectData)) == body
        assert isinstance(ended, SessionEnded)
        assert ended.error is None

    def test_refusal_of_a_bad_request_says_why(self) -> None:
        session = connecting(SERVER)
        (ended,) = receive(session, request({b"Sec-WebSocket-Version": b"8"}), 1)
        assert isinstance(ended, SessionEnded)
        assert "not 13" in str(ended.error)
        head = session.data_to_send()
        assert head.startswith(b"HTTP/1.1 426 ")
        assert b"sec-websocket-version: 13\r\n" in head.lower()

    def test_subprotocol_and_compression(self) -> None:
        deflate = PerMessageDeflate()
        pair = Pair(
            request=Request("example.com", "/", [deflate], [], ["chat", "soap"]),
            accept=AcceptConnection("soap", [deflate]),
        )
        (accepted,) = pair.events[CLIENT]
        assert isinstance(accepted, AcceptConnection)
        assert accepted.subprotocol == "soap"
        for session in (pair.client, pair.server):
            session.send(TextMessage("a" * 5000), 0)
        pair.exchange()
        assert pair.events[CLIENT][1:] == [TextMessage("a" * 5000)]
        assert pair.events[SERVER][1:] == [TextMessage("a" * 5000)]
        assert len(pair.wire[CLIENT]) + len(pair.wire[SERVER]) < 1000

    def test_nonce_and_keys_come_from_the_source_that_is_given(self) -> None:
        def run() -> bytes:
            session = Session(CLIENT, now=0, entropy=entropy())
            session.send(Request("example.com", "/"), 0)
            receive(session, response(), 0)
            session.send(TextMessage("a"), 0)
            return session.data_to_send()

        assert run() == run()
        assert b"dGhlIHNhbXBsZSBub25jZQ==" in run()

    def test_by_default_they_are_not_repeatable(self) -> None:
        def run() -> bytes:
            session = Session(CLIENT, now=0)
            session.send(Request("example.com", "/"), 0)
            return session.data_to_send()

        assert run() != run()


class TestEarlyData:
    """What a client sends before it has its answer."""

    EARLY = frame(TEXT, b"early", to=SERVER) + frame(PING, b"bird", to=SERVER)

    @every_way
    def test_is_kept_for_the_connection(self, way: str) -> None:
        stage = Stage(connecting(SERVER), way)
        stage.feed(request() + self.EARLY, 1)
        assert len(stage.events) == 1
        assert stage.session.data_to_send() == b""
        assert not stage.session.reading_paused
        stage.session.send(AcceptConnection(), 5)
        assert stage.session.data_to_send().startswith(b"HTTP/1.1 101 ")
        stage.take()
        assert stage.events[1:] == [TextMessage("early")]
        assert written(stage.session) == [(PONG, b"bird")]

    @every_way
    @pytest.mark.parametrize("excess", [0, 1])
    def test_within_and_above_the_limit(self, way: str, excess: int) -> None:
        limits = Limits(max_early_data=len(self.EARLY) - excess)
        stage = Stage(connecting(SERVER, replace(QUIET, limits=limits)), way)
        stage.feed(request() + self.EARLY, 1, last=bool(excess))
        if excess:
            assert stage.ended.cause is EndCause.FAILED
            refuses(lambda: stage.session.send(AcceptConnection(), 2), "CLOSED")
        else:
            stage.session.send(AcceptConnection(), 2)
            stage.take()
            assert stage.events[1:] == [TextMessage("early")]

    @every_way
    def test_of_which_some_comes_after_the_answer(self, way: str) -> None:
        stage = Stage(connecting(SERVER), way)
        stage.feed(request() + self.EARLY[:3], 1)
        stage.send(AcceptConnection(), 2)
        stage.feed(self.EARLY[3:] + close_frame(SERVER), 3, last=True)
        assert stage.events[1:] == [TextMessage("early"), stage.ended]

    def test_is_nothing_once_the_request_is_refused(self) -> None:
        session = connecting(SERVER)
        receive(session, request() + self.EARLY, 1)
        session.send(RejectConnection(403, has_body=True), 2)
        assert receive(session, self.EARLY, 3) == []
        session.send(RejectData(b"no"), 4)
        (ended,) = take(session)
        assert isinstance(ended, SessionEnded)


class TestRequestParsedElsewhere:
    @every_way
    def test_is_answered_like_one_in_bytes(self, way: str) -> None:
        stage = Stage(connecting(SERVER), way)
        stage.session.receive_request(HEADERS, b"/chat", 1)
        stage.take()
        (event,) = stage.events
        (same,) = receive(connecting(SERVER), request(), 1)
        assert event == same
        stage.send(AcceptConnection(), 2)
        stage.feed(frame(TEXT, b"a", to=SERVER), 3)
        assert stage.events[1:] == [TextMessage("a")]
        assert stage.output.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in stage.output

    def test_fields_of_str_and_a_decoded_target(self) -> None:
        session = connecting(SERVER)
        headers = [(name.decode(), value.decode()) for name, value in FIELDS.items()]
        session.receive_request([*headers, ("X", "\xe9")], "/größe ?", 1)
        (event,) = take(session)
        assert isinstance(event, Request)
        assert event.target == "/gr%C3%B6%C3%9Fe%20?"
        assert (b"x", b"\xe9") in event.extra_headers

    @pytest.mark.parametrize(
        ("headers", "keywords", "status"),
        [
            ([], {}, 400),
            ([(b"Host", b"h")], {}, 400),
            (HEADERS, {"method": b"POST"}, 405),
            (HEADERS, {"http_version": b"1.0"}, 400),
            ([*HEADERS, (b"Content-Length", b"5")], {}, 400),
            (HEADERS * 30, {}, 431),
        ],
    )
    def test_bad_one_is_refused(
        self,
        headers: list[tuple[bytes | str, bytes | str]],
        keywords: dict[str, bytes],
        status: int,
    ) -> None:
        session = connecting(SERVER)
        session.receive_request(headers, "/", 1, **keywords)
        (ended,) = take(session)
        assert ended == SessionEnded(1006, "", EndCause.FAILED, Side.LOCAL)
        assert isinstance(ended, SessionEnded)
        assert isinstance(ended.error, RemoteProtocolError)
        assert session.data_to_send().startswith(b"HTTP/1.1 %d " % status)

    @pytest.mark.parametrize("version", [b"13", b"12"])
    def test_every_refusal_says_that_it_is_the_last(self, version: bytes) -> None:
        """RFC 9112 §9.6; beside the Upgrade of a 426, and not beside one that is there."""
        headers = [h for h in HEADERS if h[0] not in (b"Sec-WebSocket-Version", b"Upgrade")]
        for fields in (
            [*HEADERS, (b"Sec-WebSocket-Version", version)],
            [*headers, (b"Sec-WebSocket-Version", version)],
        ):
            session = connecting(SERVER)
            session.receive_request(fields, "/", 1)
            head = session.data_to_send().lower()
            assert re.findall(rb"\r\nconnection: (.*close.*)\r\n", head) == [b"close"]
        session = connecting(SERVER)
        session.receive_request(HEADERS, "/", 1)
        take(session)
        session.send(RejectConnection(403, [(b"Connection", b"Close")]), 1)
        assert session.data_to_send().lower().count(b"close") == 1

    def test_one_after_the_end_is_ignored(self) -> None:
        """As bytes are: who parses it cannot know that the client has gone."""
        session = connecting(SERVER)
        session.receive_data(None, 1)
        session.receive_request(HEADERS, "/", 1)
        (ended,) = take(session)
        assert isinstance(ended, SessionEnded)
        assert ended.cause is EndCause.LOST

    @pytest.mark.parametrize("version", [b"1.1", b"2"])
    def test_versions_that_can_be_upgraded(self, version: bytes) -> None:
        session = connecting(SERVER)
        session.receive_request(HEADERS, "/", 1, http_version=version)
        assert isinstance(take(session)[0], Request)

    def test_second_one_is_misuse(self) -> None:
        session = connecting(SERVER)
        session.receive_request(HEADERS, "/", 1)
        refuses(lambda: session.receive_request(HEADERS, "/", 1))
        assert len(take(session)) == 1
        session.send(AcceptConnection(), 1)
        refuses(lambda: session.receive_request(HEADERS, "/", 1), "handshake is over")

    def test_in_a_client_is_misuse(self) -> None:
        session = connecting(CLIENT)
        refuses(lambda: session.receive_request(HEADERS, "/", 1), "only a server")
        assert take(session) == []

    def test_early_data_counts(self) -> None:
        session = connecting(SERVER, replace(QUIET, limits=Limits(max_early_data=5)))
        session.receive_request(HEADERS, "/", 1)
        assert len(receive(session, bytes(5), 1)) == 1
        (ended,) = receive(session, bytes(1), 1)
        assert isinstance(ended, SessionEnded)
        assert "more than 5 bytes" in str(ended.error)

    def test_unanswered_one_is_refused_in_the_end(self) -> None:
        session = connecting(SERVER)
        session.receive_request(HEADERS, "/", 1)
        session.handle_timer(10)
        assert session.data_to_send().startswith(b"HTTP/1.1 503 ")

    def test_with_headers_from_an_iterator(self) -> None:
        session = connecting(SERVER)
        session.receive_request(iter(HEADERS), "/", 1)
        assert len(take(session)) == 1


@both_roles
class TestOverAConnection:
    """That was opened elsewhere: HTTP/2, HTTP/3, a server with its own HTTP."""

    @every_way
    def test_is_open_at_once(self, role: ConnectionType, way: str) -> None:
        session = opened(role, now=7)
        assert session.state is ConnectionState.OPEN
        assert session.writable
        assert session.statistics().started_at == session.statistics().opened_at == 7
        stage = Stage(session, way)
        stage.feed(frame(TEXT, b"hello", to=role) + close_frame(role), 8, last=True)
        assert stage.events == [TextMessage("hello"), stage.ended]

    def test_bytes_that_came_before(self, role: ConnectionType) -> None:
        connection = QUIET.make_connection(role, None, frame(TEXT, b"a", to=role))
        session = Session.over(connection, now=0, config=QUIET)
        assert take(session) == [TextMessage("a")]

    def test_a_transport_that_ended_before(self, role: ConnectionType) -> None:
        connection = QUIET.make_connection(role)
        connection.receive_data(None)
        session = Session.over(connection, now=0, config=QUIET)
        assert take(session) == [SessionEnded(1006, "", EndCause.LOST)]

    def test_without_a_handshake_of_its_own(self, role: ConnectionType) -> None:
        session = opened(role)
        refuses(lambda: session.receive_request(HEADERS, "/", 1), "handshake is over")
        refuses(lambda: session.send(AcceptConnection(), 1))

    def test_with_the_default_policy(self, role: ConnectionType) -> None:
        session = Session.over(Connection(role), now=5)
        assert session.deadline == 25

    def test_pieces_where_the_connection_gives_them(self, role: ConnectionType) -> None:
        session = opened(role, replace(QUIET, whole_messages=False))
        data = frame(TEXT, b"abc", to=role)
        assert receive(session, data[:-1], 1) == [TextMessage("ab", False, False)]
        assert receive(session, data[-1:], 1) == [TextMessage("c")]


def exchange(client: Session, server: Session) -> None:
    """A word each way, and the closing handshake."""
    client.send(TextMessage("ping" * 99), 1)
    assert receive(server, client.data_to_send(), 1) == [TextMessage("ping" * 99)]
    server.send(BytesMessage(b"pong" * 99), 1)
    assert receive(client, server.data_to_send(), 1) == [BytesMessage(b"pong" * 99)]
    client.close(2)
    (ended,) = receive(server, client.data_to_send(), 2)
    assert isinstance(ended, SessionEnded)
    assert ended.clean
    (ended,) = receive(client, server.data_to_send(), 2)
    assert isinstance(ended, SessionEnded)
    assert ended.clean


class TestConnectionsOfTheConfig:
    """``make_connection`` is a ``connection_factory``: the session's limits are in it."""

    CONFIG = SessionConfig(limits=Limits(max_message_size=500))

    def over(self, connection: Connection | None) -> Session:
        assert connection is not None
        return Session.over(connection, now=0, config=self.CONFIG)

    def check_limits(self, session: Session) -> None:
        role = CLIENT if session.client else SERVER
        data = frame(TEXT, b"x" * 501, to=role)
        (ended,) = receive(session, data, 0)
        assert isinstance(ended, SessionEnded)
        assert ended.code_sent == 1009

    @pytest.mark.parametrize("deflate", [False, True])
    def test_http_1(self, deflate: bool) -> None:
        def pair() -> tuple[Session, Session]:
            extensions = [PerMessageDeflate()] if deflate else []
            make = self.CONFIG.make_connection
            client = UpgradeClient(connection_factory=make)
            server = UpgradeServer(connection_factory=make, limits=self.CONFIG.limits)
            fields = client.send_request(Request("example.com", "/", extensions))
            server.receive_request(fields)
            answer = server.accept(AcceptConnection(extensions=extensions))
            client.receive_response(answer.status_code, answer.headers)
            return self.over(client.connection), self.over(server.connection)

        exchange(*pair())
        for session in pair():
            self.check_limits(session)

    @pytest.mark.parametrize("deflate", [False, True])
    def test_extended_connect(self, deflate: bool) -> None:
        def pair() -> tuple[Session, Session]:
            extensions = [PerMessageDeflate()] if deflate else []
            make = self.CONFIG.make_connection
            client = ExtendedConnectClient(connection_factory=make)
            server = ExtendedConnectServer(connection_factory=make)
            server.receive_request(client.send_request(Request("example.com", "/", extensions)))
            client.receive_response(server.accept(AcceptConnection(extensions=extensions)))
            return self.over(client.connection), self.over(server.connection)

        exchange(*pair())
        for session in pair():
            self.check_limits(session)

    @both_roles
    def test_whole_messages_or_pieces(self, role: ConnectionType) -> None:
        for whole in (True, False):
            connection = SessionConfig(whole_messages=whole).make_connection(role)
            connection.receive_data(frame(TEXT, b"ab", to=role)[:-1])
            assert bool(list(connection.events())) is not whole


class TestTheWholeOfIt:
    """Two sessions, from the request to the end of the transport."""

    def test_conversation(self) -> None:
        pair = Pair(SessionConfig(), SessionConfig())
        assert [type(event) for event in pair.events[SERVER]] == [Request]
        assert pair.events[CLIENT] == [AcceptConnection()]
        pair.client.send(TextMessage("question"), 0)
        pair.exchange()
        pair.server.send(TextMessage("answer"), 0)
        pair.exchange()
        pair.wait(100)
        pair.client.close(100, 1000, "thanks")
        pair.exchange()
        assert pair.events[SERVER][1] == TextMessage("question")
        assert pair.events[CLIENT][1] == TextMessage("answer")
        for role, session, _ in pair.ends():
            ended = pair.events[role][-1]
            assert isinstance(ended, SessionEnded)
            assert (ended.code, ended.reason, ended.clean) == (1000, "thanks", True)
            # Pings at 20, 40, 60, 80 and 100, answered at once.
            assert session.statistics().pings_sent == 5
            assert session.statistics().pongs_received == 5
            assert session.latency == 0
        assert pair.gone == {CLIENT, SERVER}

    def test_nothing_of_the_handshake_is_counted_as_frames(self) -> None:
        pair = Pair()
        pair.client.send(TextMessage("a"), 0)
        pair.exchange()
        head, _, rest = pair.wire[CLIENT].partition(b"\r\n\r\n")
        assert len(frames_of(rest)) == 1
        statistics = pair.client.statistics()
        assert statistics.wire_bytes_sent == len(head) + 4 + len(rest)
        assert statistics.frames_sent == 1
        assert statistics.payload_bytes_sent == 1

    def test_rates_do_not_count_the_handshake(self) -> None:
        rate = RateLimit(per_second=1, burst=20)
        session = connecting(SERVER, replace(QUIET, byte_rate=rate))
        assert len(receive(session, request(), 1)) == 1
        session.send(AcceptConnection(), 1)
        assert take(session) == []
        session.send(Ping(), 1)
        session.send(CloseConnection(1000), 1)


def test_early_data_count_against_the_rate_of_bytes() -> None:
    rate = RateLimit(per_second=1, burst=10)
    session = connecting(SERVER, replace(QUIET, byte_rate=rate))
    session.receive_data(request() + frame(TEXT, b"a" * 20, to=SERVER), 1)
    assert isinstance(take(session)[0], Request)
    session.send(AcceptConnection(), 2)
    message, ended = take(session)
    assert message == TextMessage("a" * 20)
    assert isinstance(ended, SessionEnded)
    assert ended.code_sent == 1008


def test_a_session_begins_between_messages() -> None:
    connection = Connection(SERVER)
    connection.send(TextMessage("a", message_finished=False))
    refuses(lambda: Session.over(connection, now=0), "between messages")


class TestExtensions:
    """Both ends can tell what was agreed on."""

    def test_none_before_the_opening(self) -> None:
        assert Session(SERVER, now=0.0).extensions == ()

    def test_none_agreed_on(self) -> None:
        offer = Request("example.com", "/", extensions=[PerMessageDeflate()])
        pair = Pair(request=offer)
        assert pair.client.extensions == pair.server.extensions == ()

    def test_as_agreed_on(self) -> None:
        configured = PerMessageDeflate()
        offer = PerMessageDeflate(server_max_window_bits=10)
        pair = Pair(
            request=Request("example.com", "/", extensions=[offer]),
            accept=AcceptConnection(extensions=[configured]),
        )
        for session in (pair.client, pair.server):
            (extension,) = session.extensions
            assert isinstance(extension, PerMessageDeflate)
            assert extension.agreed is not None
            assert extension.agreed.server_max_window_bits == 10
        assert configured.agreed is None  # it is configuration, for any number of connections
