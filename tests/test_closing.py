"""RFC 6455 §5.5.1, §7: Close frames, the closing handshake, failing, the end of the
transport.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest

from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
    WSConnection,
)
from wsproto_core.events import (
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.frame_protocol import CloseReason

from .wire import (
    CLIENT,
    CLOSE,
    PING,
    SERVER,
    TEXT,
    assert_fails,
    both_roles,
    frame,
    outcome,
)

WIRE_CODES = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999]
OTHER_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return code.to_bytes(2, "big") + reason


@both_roles
class TestReceivedClose:
    def test_without_code(self, role: ConnectionType) -> None:
        assert outcome(frame(CLOSE, to=role), role) == [CloseConnection(1005, "")]

    def test_one_byte(self, role: ConnectionType) -> None:
        assert_fails(outcome(frame(CLOSE, b"\x03", to=role), role), 1002)

    @pytest.mark.parametrize("code", WIRE_CODES)
    def test_codes_of_the_wire(self, role: ConnectionType, code: int) -> None:
        assert outcome(frame(CLOSE, close_payload(code), to=role), role) == [
            CloseConnection(code, "")
        ]
        data = frame(CLOSE, close_payload(code, "größer".encode()), to=role)
        assert outcome(data, role) == [CloseConnection(code, "größer")]

    @pytest.mark.parametrize("code", OTHER_CODES)
    def test_codes_not_of_the_wire(self, role: ConnectionType, code: int) -> None:
        event = assert_fails(outcome(frame(CLOSE, close_payload(code), to=role), role), 1002)
        assert str(code) in (event.reason or "")

    @pytest.mark.parametrize("reason", [b"\xff", b"\xc3", b"ok\xed\xa0\x80"])
    def test_reason_not_utf8(self, role: ConnectionType, reason: bytes) -> None:
        assert_fails(outcome(frame(CLOSE, close_payload(1000, reason), to=role), role), 1007)

    def test_longest_reason(self, role: ConnectionType) -> None:
        data = frame(CLOSE, close_payload(1000, b"x" * 123), to=role)
        assert outcome(data, role) == [CloseConnection(1000, "x" * 123)]

    def test_named_codes_are_members(self, role: ConnectionType) -> None:
        (event,) = outcome(frame(CLOSE, close_payload(1001), to=role), role)
        assert isinstance(event, CloseConnection)
        assert event.code is CloseReason.GOING_AWAY

    def test_nothing_is_processed_behind_it(self, role: ConnectionType) -> None:
        data = frame(TEXT, b"a", to=role) + frame(CLOSE, to=role) + b"\xff" * 50
        assert outcome(data, role) == [TextMessage("a"), CloseConnection(1005, "")]


class TestSentClose:
    @pytest.mark.parametrize("code", WIRE_CODES)
    def test_codes_of_the_wire(self, code: int) -> None:
        assert Connection(SERVER).send(CloseConnection(code)) == (
            b"\x88\x02" + code.to_bytes(2, "big")
        )

    @pytest.mark.parametrize("code", sorted({*OTHER_CODES, -1, 70000} - {1005, 1006}))
    def test_codes_not_of_the_wire(self, code: int) -> None:
        connection = Connection(SERVER)
        with pytest.raises(LocalProtocolError, match=str(code)):
            connection.send(CloseConnection(code))
        assert connection.state is ConnectionState.OPEN

    def test_code_of_another_type(self) -> None:
        with pytest.raises(LocalProtocolError, match="1000"):
            Connection(SERVER).send(CloseConnection("1000"))  # type: ignore[arg-type]

    @pytest.mark.parametrize("code", [1005, None])
    @pytest.mark.parametrize("reason", [None, ""])
    def test_no_code(self, code: int, reason: str | None) -> None:
        assert Connection(SERVER).send(CloseConnection(code, reason)) == b"\x88\x00"

    @pytest.mark.parametrize("code", [1005, None])
    def test_reason_without_code(self, code: int) -> None:
        with pytest.raises(LocalProtocolError, match="reason without a code"):
            Connection(SERVER).send(CloseConnection(code, "why"))

    def test_1006_is_sent_as_1000(self) -> None:
        """As wsproto does; trio-websocket and mitmproxy pass it on."""
        assert Connection(SERVER).send(CloseConnection(1006)) == b"\x88\x02\x03\xe8"

    def test_long_reason_is_cut_at_a_character(self) -> None:
        sent = Connection(SERVER).send(CloseConnection(1000, "€" * 50))
        assert sent == b"\x88\x7d\x03\xe8" + "€".encode() * 41
        sent = Connection(SERVER).send(CloseConnection(1000, "a" + "€" * 50))
        assert sent == b"\x88\x7b\x03\xe8a" + "€".encode() * 40

    def test_reason_of_another_type(self) -> None:
        with pytest.raises(LocalProtocolError, match="must be str, not bytes"):
            Connection(SERVER).send(CloseConnection(1000, b"x"))  # type: ignore[arg-type]

    def test_reason_with_a_surrogate(self) -> None:
        with pytest.raises(LocalProtocolError, match="surrogate at 1"):
            Connection(SERVER).send(CloseConnection(1000, "a\udc00"))


class TestClosingHandshake:
    @pytest.mark.parametrize(("first", "second"), [(CLIENT, SERVER), (SERVER, CLIENT)])
    def test_either_side_starts_it(self, first: ConnectionType, second: ConnectionType) -> None:
        starts, answers = Connection(first), Connection(second)
        answers.receive_data(starts.send(CloseConnection(1001, "bye")))
        assert starts.state is ConnectionState.LOCAL_CLOSING
        assert answers.state is ConnectionState.OPEN  # until the event is taken
        (event,) = answers.events()
        assert event == CloseConnection(1001, "bye")
        assert answers.state is ConnectionState.REMOTE_CLOSING
        assert isinstance(event, CloseConnection)
        starts.receive_data(answers.send(event.response()))
        assert answers.state is ConnectionState.CLOSED
        assert list(starts.events()) == [CloseConnection(1001, "bye")]
        assert starts.state is ConnectionState.CLOSED

    def test_both_start_it(self) -> None:
        client, server = Connection(CLIENT), Connection(SERVER)
        from_client = client.send(CloseConnection(1000))
        client.receive_data(server.send(CloseConnection(1001)))
        server.receive_data(from_client)
        assert list(client.events()) == [CloseConnection(1001, "")]
        assert list(server.events()) == [CloseConnection(1000, "")]
        assert client.state is ConnectionState.CLOSED
        assert server.state is ConnectionState.CLOSED

    @both_roles
    def test_text_that_came_with_a_close_can_be_answered(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"?", to=role) + frame(CLOSE, to=role))
        events = connection.events()
        assert next(events) == TextMessage("?")
        assert connection.send(TextMessage("!"))
        assert next(events) == CloseConnection(1005, "")
        with pytest.raises(LocalProtocolError, match="REMOTE_CLOSING"):
            connection.send(TextMessage("too late"))

    @both_roles
    def test_messages_arrive_until_the_peer_closes(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.send(CloseConnection(1000))
        connection.receive_data(frame(TEXT, b"last", to=role) + frame(PING, b"p", to=role))
        assert list(connection.events()) == [TextMessage("last"), Ping(b"p")]

    @both_roles
    def test_pings_are_answered_while_closing(self, role: ConnectionType) -> None:
        """RFC 6455 §5.5.2: "unless it already received a Close frame"."""
        connection = Connection(role)
        connection.send(CloseConnection(1000))
        assert connection.send(Pong(b"p"))
        assert connection.send(Ping(b"p"))
        with pytest.raises(LocalProtocolError, match="LOCAL_CLOSING"):
            connection.send(TextMessage("a"))
        with pytest.raises(LocalProtocolError, match="LOCAL_CLOSING"):
            connection.send(CloseConnection(1000))


@both_roles
class TestFailing:
    def test_the_close_to_send(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"ok", to=role) + frame(TEXT, b"\xff", to=role))
        first, failure = connection.events()
        assert first == TextMessage("ok")
        assert isinstance(failure, CloseConnection)
        assert isinstance(failure.error, RemoteProtocolError)
        assert failure.error.event_hint == failure.response()
        assert failure.response().error is None
        assert connection.state is ConnectionState.REMOTE_CLOSING
        peer = Connection(CLIENT if role is SERVER else SERVER)
        peer.receive_data(connection.send(failure.response()))
        assert list(peer.events()) == [CloseConnection(1007, "text that is not UTF-8")]
        assert connection.state is ConnectionState.CLOSED

    def test_while_closing(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.send(CloseConnection(1000))
        connection.receive_data(frame(3, to=role))
        assert_fails(list(connection.events()), 1002)
        assert connection.state is ConnectionState.CLOSED  # our Close was sent before

    def test_nothing_is_kept_afterwards(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(3, to=role) + bytes(1000))
        list(connection.events())
        for _ in range(1000):
            connection.receive_data(bytes(1000))
        assert list(connection.events()) == []
        assert connection.input == b""
        assert connection._reader._frames.chunk == b""


@both_roles
class TestEndOfTransport:
    def test_without_close(self, role: ConnectionType) -> None:
        assert outcome(b"", role, eof=True) == [CloseConnection(1006, "")]

    def test_behind_what_is_queued(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"a", to=role) * 2)
        connection.receive_data(None)
        assert connection.state is ConnectionState.OPEN
        assert list(connection.events()) == [
            TextMessage("a"),
            TextMessage("a"),
            CloseConnection(1006, ""),
        ]
        assert connection.state is ConnectionState.CLOSED
        assert list(connection.events()) == []

    @pytest.mark.parametrize("cut", [1, 3, 7, 8])
    def test_within_a_frame(self, role: ConnectionType, cut: int) -> None:
        data = frame(PING, b"payload", to=role)[:cut]
        assert outcome(data, role, eof=True) == [CloseConnection(1006, "")]

    def test_within_a_message(self, role: ConnectionType) -> None:
        data = frame(TEXT, b"a", to=role, fin=False)
        assert outcome(data, role, eof=True) == [
            TextMessage("a", message_finished=False),
            CloseConnection(1006, ""),
        ]

    def test_behind_a_close(self, role: ConnectionType) -> None:
        assert outcome(frame(CLOSE, to=role), role, eof=True) == [CloseConnection(1005, "")]

    def test_behind_a_close_it_can_still_be_answered(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(CLOSE, to=role))
        connection.receive_data(None)
        assert list(connection.events()) == [CloseConnection(1005, "")]
        assert connection.state is ConnectionState.REMOTE_CLOSING
        assert connection.send(CloseConnection(1005))

    def test_behind_a_failure(self, role: ConnectionType) -> None:
        assert_fails(outcome(frame(3, to=role), role, eof=True), 1002)

    def test_after_a_clean_close(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.send(CloseConnection(1000))
        connection.receive_data(frame(CLOSE, to=role))
        assert list(connection.events()) == [CloseConnection(1005, "")]
        connection.receive_data(None)
        assert list(connection.events()) == []
        assert connection.state is ConnectionState.CLOSED

    def test_while_closing(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.send(CloseConnection(1000))
        connection.receive_data(None)
        assert list(connection.events()) == [CloseConnection(1006, "")]
        assert connection.state is ConnectionState.CLOSED

    def test_twice(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(None)
        connection.receive_data(None)
        assert list(connection.events()) == [CloseConnection(1006, "")]

    def test_data_behind_it(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(None)
        with pytest.raises(LocalProtocolError, match="end of the transport"):
            connection.receive_data(b"x")

    def test_data_after_the_closing_handshake(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.send(CloseConnection(1000))
        connection.receive_data(frame(CLOSE, to=role))
        list(connection.events())
        connection.receive_data(b"")
        with pytest.raises(LocalProtocolError, match="CLOSED"):
            connection.receive_data(b"x")


def damaged(role: ConnectionType) -> Connection:
    extension = PerMessageDeflate()
    extension.finalize("permessage-deflate")
    return Connection(role, [extension], limits=Limits(max_message_size=10))


def refused(data: bytes) -> WSConnection:
    server = WSConnection(SERVER)
    with pytest.raises(RemoteProtocolError):
        server.receive_data(data)
    return server


def disappointed(data: bytes) -> WSConnection:
    client = WSConnection(CLIENT)
    client.send(Request("a", "/"))
    with pytest.raises(RemoteProtocolError):
        client.receive_data(data)
    return client


def misused() -> WSConnection:
    server = WSConnection(SERVER)
    with pytest.raises(LocalProtocolError):
        server.send(RejectConnection(400, [(b"Content-Length", b"x")], has_body=True))
    return server


@pytest.mark.parametrize(
    "make",
    [
        lambda: Connection(SERVER),
        lambda: Connection(CLIENT, None, b"\xff\xff"),
        lambda: Connection(SERVER, None, frame(TEXT, b"\xff", to=SERVER)),
        lambda: Connection(SERVER, None, frame(TEXT, b"a", to=SERVER) * 3),
        lambda: Connection(SERVER, None, frame(TEXT, b"a", to=SERVER, length=10)[:-1]),
        lambda: Connection(SERVER, None, b"", limits=Limits(max_message_size=1)),
        lambda: damaged(SERVER),
        lambda: WSConnection(SERVER),
        lambda: refused(b"nonsense\r\n\r\n"),
        lambda: refused(b"\x16\x03"),
        lambda: refused(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        lambda: refused(b"x" * 40_000),
        lambda: disappointed(b"nonsense\r\n\r\n"),
        lambda: disappointed(b"HTTP/1.1 101 X\r\n\r\n"),
        lambda: disappointed(b"HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        misused,
    ],
)
@pytest.mark.parametrize(
    "data",
    [b"", frame(TEXT, b"too long to fit", to=SERVER), frame(TEXT, b"\xff" * 5, to=SERVER, rsv=4)],
)
def test_a_dropped_connection_is_freed_by_reference_counts(
    make: Callable[[], Connection | WSConnection], data: bytes
) -> None:
    gc.collect()
    gc.disable()
    try:
        connection = make()
        if isinstance(connection, Connection):
            connection.receive_data(data)
            suspended = connection.events()
            events = [next(suspended, None), *connection.events()]
            connection._events.extend(e for e in events if e is not None)
            del suspended, events
        freed = weakref.ref(connection)
        del connection
        assert freed() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("data", [b"\xff\xff", frame(TEXT, b"\xff" * 5, to=SERVER, rsv=4)])
def test_what_is_being_handled_meanwhile_is_left_alone(data: bytes) -> None:
    connection = damaged(SERVER)
    connection.receive_data(data)
    try:
        raise KeyError("the caller's own")
    except KeyError as own:
        (event,) = connection.events()
        assert own.__traceback__ is not None
    assert isinstance(event, CloseConnection)
    assert event.error is not None
    assert event.error.__context__ is None
    assert event.error.__traceback__ is None


def test_compression_contexts_end_with_messages() -> None:
    connection = damaged(SERVER)
    connection.send(TextMessage("a" * 1000))
    assert connection._writer._codec is not None
    connection.send(CloseConnection(1000))
    assert connection._writer._codec is None
    connection.receive_data(frame(TEXT, b"\x00", to=SERVER, rsv=4) + frame(CLOSE, to=SERVER))
    assert list(connection.events()) == [TextMessage(""), CloseConnection(1005, "")]
    assert connection._reader._codec is None


@both_roles
class TestFailingForAReasonOfOnesOwn:
    """``fail()``: what cannot be seen in the bytes (RFC 6455 §7.1.7)."""

    def test_is_as_a_fault_that_is_seen(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"not read any more", to=role))
        error = RemoteProtocolError("enough", CloseConnection(1008, "enough"))
        failure = connection.fail(error)
        assert failure.error is error
        assert failure.response() == CloseConnection(1008, "enough")
        assert connection.state is ConnectionState.REMOTE_CLOSING
        assert list(connection.events()) == []

    def test_not_after_the_end(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(CLOSE, to=role))
        assert len(list(connection.events())) == 1
        with pytest.raises(LocalProtocolError, match="has ended cannot fail"):
            connection.fail(RemoteProtocolError("enough"))
        connection.stop()
        assert connection.state is ConnectionState.REMOTE_CLOSING
