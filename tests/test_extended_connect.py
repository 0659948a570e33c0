"""RFC 8441, RFC 9220: the opening handshake over HTTP/2 and HTTP/3."""

from __future__ import annotations

from functools import partial

import pytest

from wsproto_core import (
    Connection,
    ConnectionState,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
)
from wsproto_core.events import AcceptConnection, RejectConnection, Request, TextMessage
from wsproto_core.extended_connect import ExtendedConnectClient, ExtendedConnectServer
from wsproto_core.extensions import PerMessageDeflate

Fields = dict[bytes, bytes | None]

REQUEST: Fields = {
    b":method": b"CONNECT",
    b":protocol": b"websocket",
    b":scheme": b"https",
    b":path": b"/chat",
    b":authority": b"server.example.com",
    b"sec-websocket-version": b"13",
}


def fields(changes: Fields | None = None) -> list[tuple[bytes, bytes]]:
    merged = {**REQUEST, **(changes or {})}
    return [(name, value) for name, value in merged.items() if value is not None]


class TestBothEnds:
    def test_example(self) -> None:
        """RFC 8441 §5.1."""
        factory = partial(Connection, whole_messages=True)
        client = ExtendedConnectClient(connection_factory=factory)
        server = ExtendedConnectServer(connection_factory=factory)
        request = Request(
            host="server.example.com",
            target="/chat",
            subprotocols=["chat", "superchat"],
            extensions=[PerMessageDeflate()],
            extra_headers=[(b"Origin", b"http://www.example.com")],
        )
        headers = client.send_request(request)
        assert headers == [
            (b":method", b"CONNECT"),
            (b":protocol", b"websocket"),
            (b":scheme", b"https"),
            (b":path", b"/chat"),
            (b":authority", b"server.example.com"),
            (b"sec-websocket-version", b"13"),
            (b"sec-websocket-protocol", b"chat, superchat"),
            (b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits"),
            (b"origin", b"http://www.example.com"),
        ]
        seen = server.receive_request(headers)
        assert seen == Request(
            host="server.example.com",
            target="/chat",
            subprotocols=["chat", "superchat"],
            extensions=["permessage-deflate; client_max_window_bits"],
            extra_headers=[
                (b"sec-websocket-version", b"13"),
                (b"origin", b"http://www.example.com"),
            ],
        )
        assert seen.origin == "http://www.example.com"
        answer = server.accept(
            AcceptConnection("chat", [PerMessageDeflate()], [(b"X-Upper", b"1")])
        )
        assert answer == [
            (b":status", b"200"),
            (b"sec-websocket-protocol", b"chat"),
            (b"sec-websocket-extensions", b"permessage-deflate"),
            (b"x-upper", b"1"),
        ]
        event = client.receive_response(answer)
        assert isinstance(event, AcceptConnection)
        assert event.subprotocol == "chat"
        assert event.extra_headers == [(b"x-upper", b"1")]
        assert client.state is server.state is ConnectionState.OPEN
        assert client.connection is not None
        assert server.connection is not None
        sent = client.connection.send(TextMessage("hello " * 50))
        assert sent[0] == 0xC1
        assert sent[1] & 0x80  # frames are masked here too (RFC 8441 §5)
        server.connection.receive_data(sent)
        assert list(server.connection.events()) == [TextMessage("hello " * 50)]

    def test_refusal(self) -> None:
        client, server = ExtendedConnectClient(), ExtendedConnectServer()
        server.receive_request(client.send_request(Request("a", "/"), scheme="http"))
        answer = server.refuse(RejectConnection(403, [(b"X-Why", b"no")]))
        assert answer == [(b":status", b"403"), (b"x-why", b"no")]
        assert client.receive_response(answer) == RejectConnection(
            403, [(b"x-why", b"no")], has_body=True
        )
        assert client.state is ConnectionState.REJECTING
        assert server.state is ConnectionState.CLOSED
        with pytest.raises(LocalProtocolError, match="CLOSED"):
            server.accept(AcceptConnection())


class TestServer:
    @pytest.mark.parametrize(
        ("changes", "status", "match"),
        [
            ({b":method": b"GET"}, 405, "CONNECT"),
            ({b":method": None}, 405, "CONNECT"),
            ({b":protocol": None}, 400, ":protocol"),
            ({b":protocol": b"connect-udp"}, 501, "connect-udp"),
            ({b":scheme": None}, 400, ":scheme"),
            ({b":scheme": b"wss"}, 400, ":scheme"),
            ({b":path": None}, 400, ":path"),
            ({b":path": b""}, 400, ":path"),
            ({b":path": b"/a b"}, 400, "target"),
            ({b":authority": None}, 400, ":authority"),
            ({b":authority": b"a b"}, 400, "Host"),
            ({b"host": b"other"}, 400, "Host differs"),
            ({b"connection": b"Upgrade"}, 400, "HTTP/1.1"),
            ({b"upgrade": b"websocket"}, 400, "HTTP/1.1"),
            ({b"sec-websocket-version": b"8"}, 426, "'8', not 13"),
            ({b"sec-websocket-version": None}, 400, "Sec-WebSocket-Version"),
            ({b"sec-websocket-protocol": b"a b"}, 400, "token"),
            ({b"sec-websocket-extensions": b"a;"}, 400, "token"),
        ],
        ids=repr,
    )
    def test_bad_requests(self, changes: Fields, status: int, match: str) -> None:
        server = ExtendedConnectServer()
        with pytest.raises(RemoteProtocolError, match=match) as caught:
            server.receive_request(fields(changes))
        hint = caught.value.event_hint
        assert isinstance(hint, RejectConnection)
        with pytest.raises(LocalProtocolError, match="no request"):
            server.accept(AcceptConnection())
        answer = server.refuse(hint)
        assert answer[0] == (b":status", b"%d" % status)
        assert not {b"upgrade", b"connection"} & {name for name, _ in answer}
        with pytest.raises(LocalProtocolError, match="one request"):
            server.receive_request(fields())

    def test_refusal_with_fields_of_http_1(self) -> None:
        server = ExtendedConnectServer()
        with pytest.raises(LocalProtocolError, match="connection"):
            server.refuse(RejectConnection(400, [(b"connection", b"close")]))

    def test_same_host_twice(self) -> None:
        event = ExtendedConnectServer().receive_request(fields({b"host": b"Server.example.com"}))
        assert event.host == "server.example.com"

    def test_pseudo_field_twice(self) -> None:
        with pytest.raises(RemoteProtocolError, match="Duplicate"):
            ExtendedConnectServer().receive_request([*fields(), (b":path", b"/")])

    def test_too_many(self) -> None:
        server = ExtendedConnectServer(limits=Limits(max_headers=6))
        with pytest.raises(LimitExceeded) as caught:
            server.receive_request(fields({b"x": b"y"}))
        assert caught.value.event_hint == RejectConnection(431)

    def test_second_request(self) -> None:
        server = ExtendedConnectServer()
        server.receive_request(fields())
        with pytest.raises(LocalProtocolError, match="one request"):
            server.receive_request(fields())


class TestClient:
    def client(self) -> ExtendedConnectClient:
        client = ExtendedConnectClient()
        client.send_request(Request("a", "/", subprotocols=["x"]))
        return client

    @pytest.mark.parametrize("status", [b"200", b"201", b"299"])
    def test_any_2xx_accepts(self, status: bytes) -> None:
        assert self.client().receive_response([(b":status", status)]) == AcceptConnection()

    @pytest.mark.parametrize(
        "headers",
        [
            [],
            [(b":status", b"abc")],
            [(b":status", b"20")],
            [(b":status", b"200"), (b":status", b"200")],
            [(b":status", b"200"), (b"sec-websocket-protocol", b"y")],
            [(b":status", b"200"), (b"sec-websocket-extensions", b"other")],
        ],
        ids=repr,
    )
    def test_bad_responses(self, headers: list[tuple[bytes, bytes]]) -> None:
        client = self.client()
        with pytest.raises(RemoteProtocolError):
            client.receive_response(headers)
        assert client.connection is None

    def test_misuse(self) -> None:
        client = self.client()
        with pytest.raises(LocalProtocolError, match="one request"):
            client.send_request(Request("a", "/"))
        with pytest.raises(LocalProtocolError, match="scheme"):
            ExtendedConnectClient().send_request(Request("a", "/"), scheme="wss")
        with pytest.raises(LocalProtocolError, match="handshake itself"):
            ExtendedConnectClient().send_request(
                Request("a", "/", extra_headers=[(b"Sec-WebSocket-Key", b"x")])
            )
