"""RFC 6455 §4.1: the client's opening handshake, over HTTP/1.1."""

from __future__ import annotations

import itertools

import pytest

from wsproto_core import (
    ConnectionState,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
    WSConnection,
)
from wsproto_core.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.handshake import H11Handshake, UpgradeClient
from wsproto_core.utilities import generate_accept_token

from .wire import CLIENT, TEXT, chunkings, frame

NONCE = b"the sample nonce"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

FIELDS = {
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Accept": ACCEPT,
}


def entropy(size: int) -> bytes:
    return NONCE if size == 16 else bytes(itertools.islice(itertools.count(1), size))


def new_client(request: Request | None = None, limits: Limits | None = None) -> WSConnection:
    client = WSConnection(CLIENT, entropy=entropy, limits=limits or Limits())
    client.send(request or Request(host="server.example.com", target="/chat"))
    return client


def response(
    changes: dict[bytes, bytes | list[bytes] | None] | None = None,
    *,
    line: bytes = b"HTTP/1.1 101 Switching Protocols",
) -> bytes:
    lines = [line]
    for name, value in {**FIELDS, **(changes or {})}.items():
        for each in [value] if isinstance(value, bytes) else value or []:
            lines.append(name + b": " + each)
    return b"\r\n".join([*lines, b"", b""])


def answered(
    data: bytes, request: Request | None = None, *, eof: bool = False
) -> tuple[WSConnection, list[Event]]:
    """What a client makes of a response, whatever the chunking; body pieces joined."""
    results = []
    for chunks in chunkings(data):
        client = new_client(request)
        events: list[Event] = []
        for chunk in chunks:
            client.receive_data(chunk)
            events += client.events()
        if eof:
            client.receive_data(None)
            events += client.events()
        body = [e for e in events if isinstance(e, RejectData)]
        if body:
            assert [e.body_finished for e in body] == [False] * (len(body) - 1) + [True]
            events = [e for e in events if not isinstance(e, RejectData)]
            events.append(RejectData(b"".join(e.data for e in body)))
        results.append((client, events))
    assert all(repr(events) == repr(results[0][1]) for _, events in results)
    return results[0]


def failed(
    data: bytes, request: Request | None = None, *, limits: Limits | None = None, eof: bool = False
) -> RemoteProtocolError:
    """The error for a bad response, whatever the chunking."""
    errors = []
    for chunks in chunkings(data):
        client = new_client(request, limits)
        with pytest.raises(RemoteProtocolError) as caught:
            for chunk in chunks:
                client.receive_data(chunk)
            if eof:
                client.receive_data(None)
        assert caught.value.event_hint is None
        assert client.state is ConnectionState.CLOSED
        assert client.connection is None
        if not eof:
            client.receive_data(bytes(100_000))
        client.receive_data(None)
        with pytest.raises(LocalProtocolError):
            client.receive_data(b"x")
        with pytest.raises(LocalProtocolError):
            client.send(request or Request("a", "/"))
        assert [e for e in client.events() if isinstance(e, AcceptConnection)] == []
        errors.append(caught.value)
    assert len({str(error) for error in errors}) == 1
    return errors[0]


class TestRequest:
    def test_example(self) -> None:
        client = WSConnection(CLIENT, entropy=entropy)
        assert client.send(
            Request(
                host="server.example.com",
                target="/chat",
                subprotocols=["chat", "superchat"],
                extra_headers=[(b"Origin", b"http://example.com")],
                extensions=[PerMessageDeflate()],
            )
        ) == (
            b"GET /chat HTTP/1.1\r\n"
            b"Host: server.example.com\r\n"
            b"Upgrade: websocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Sec-WebSocket-Key: " + KEY + b"\r\n"
            b"Sec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: chat, superchat\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
            b"Origin: http://example.com\r\n\r\n"
        )
        assert client.state is ConnectionState.CONNECTING

    def test_keys_differ(self) -> None:
        sent = {WSConnection(CLIENT).send(Request(host="a", target="/")) for _ in range(10)}
        assert len(sent) == 10

    @pytest.mark.parametrize(
        ("host", "field"),
        [
            ("芝士汉堡", b"xn--7ks3rz39bh7u"),
            ("localhost:8080", b"localhost:8080"),
            ("bücher:8080", b"xn--bcher-kva:8080"),
            ("пример.рф:8080", b"xn--e1afmkfd.xn--p1ai:8080"),
            ("[::1]:80", b"[::1]:80"),
        ],
    )
    def test_hosts(self, host: str, field: bytes) -> None:
        sent = WSConnection(CLIENT).send(Request(host=host, target="/"))
        assert b"\r\nHost: " + field + b"\r\n" in sent

    @pytest.mark.parametrize(
        ("target", "line"), [("", b"/"), ("?a=b", b"/?a=b"), ("/%20", b"/%20")]
    )
    def test_targets(self, target: str, line: bytes) -> None:
        sent = WSConnection(CLIENT).send(Request(host="a", target=target))
        assert sent.startswith(b"GET " + line + b" HTTP/1.1\r\n")

    @pytest.mark.parametrize(
        ("arguments", "match"),
        [
            ({"host": "a b"}, "not a host"),
            ({"host": "a\r\nX: y"}, "not a host"),
            ({"host": ""}, "not a host"),
            ({"host": "a:b:c"}, "not a host"),
            ({"host": ":80"}, "not a host"),
            ({"host": "[::1"}, "not a host"),
            ({"host": b"a"}, "not str"),
            ({"target": b"/"}, "not str"),
            ({"target": "foo"}, "not a path"),
            ({"target": "*"}, "not a path"),
            ({"subprotocols": "chat"}, "not a list"),
            ({"extra_headers": None}, "not pairs"),
            ({"extra_headers": [(b"a", b"b", b"c")]}, "not pairs"),
            ({"extra_headers": [(b"a", None)]}, "neither bytes nor str"),
            ({"extra_headers": [(b"a", 0)]}, "neither bytes nor str"),
            ({"host": "ä" * 64}, "IDNA"),
            ({"target": "/a b"}, "escaped"),
            ({"target": "/a HTTP/1.1\r\nX: y"}, "escaped"),
            ({"target": "/#fragment"}, "escaped"),
            ({"target": "/größe"}, "not ASCII"),
            ({"subprotocols": ["a b"]}, "not a token"),
            ({"subprotocols": ["a\r\nb"]}, "not a token"),
            ({"subprotocols": [""]}, "not a token"),
            ({"subprotocols": ["ä"]}, "not ASCII"),
            ({"subprotocols": ["a", "b", "a"]}, "repeat"),
            ({"extra_headers": [(b"X", b"a\r\nb")]}, "illegal value"),
            ({"extra_headers": [(b"X\r\n", b"a")]}, "not a token"),
            ({"extra_headers": [(b"host", b"a")]}, "handshake itself"),
            ({"extra_headers": [(b"Sec-WebSocket-Key", b"a")]}, "handshake itself"),
            ({"extra_headers": [(b"Transfer-Encoding", b"chunked")]}, "handshake itself"),
            ({"extensions": ["permessage-deflate"]}, "is not an Extension"),
        ],
        ids=repr,
    )
    def test_what_cannot_be_requested(self, arguments: dict[str, object], match: str) -> None:
        client = WSConnection(CLIENT)
        with pytest.raises(LocalProtocolError, match=match):
            client.send(Request(**{"host": "a", "target": "/", **arguments}))  # type: ignore[arg-type]
        assert client.send(Request(host="a", target="/"))

    def test_extension_that_offers_nothing(self) -> None:
        class Shy(PerMessageDeflate):
            def offer(self) -> bool:  # type: ignore[override]
                return False

        sent = WSConnection(CLIENT).send(Request("a", "/", extensions=[Shy()]))
        assert b"Extensions" not in sent

    def test_twice(self) -> None:
        client = new_client()
        with pytest.raises(LocalProtocolError, match="one request"):
            client.send(Request(host="a", target="/"))

    @pytest.mark.parametrize(
        "event", [Ping(), TextMessage("a"), AcceptConnection(), RejectConnection(), RejectData(b"")]
    )
    def test_what_a_client_cannot_send(self, event: Event) -> None:
        with pytest.raises(LocalProtocolError, match=f"client cannot send {type(event).__name__}"):
            new_client().send(event)

    def test_initiate(self) -> None:
        with pytest.raises(LocalProtocolError, match="only a server"):
            new_client().initiate_upgrade_connection([], "/")


class TestAccept:
    def test_example(self) -> None:
        client, events = answered(response())
        assert events == [AcceptConnection()]
        assert client.state is ConnectionState.OPEN
        assert client.connection is not None

    @pytest.mark.parametrize(
        "changes",
        [
            {b"Upgrade": b"WebSocket"},
            {b"Connection": b"upgrade"},
            {b"Connection": [b"keep-alive", b"Upgrade"]},
            {b"Sec-WebSocket-Accept": b" " + ACCEPT + b" "},
            {b"Content-Length": b"0"},
        ],
        ids=repr,
    )
    def test_variations(self, changes: dict[bytes, bytes | list[bytes] | None]) -> None:
        client, _ = answered(response(changes))
        assert client.state is ConnectionState.OPEN

    def test_what_was_chosen(self) -> None:
        deflate = PerMessageDeflate()
        request = Request(host="a", target="/", subprotocols=["x", "y"], extensions=[deflate])
        client, events = answered(
            response(
                {
                    b"Sec-WebSocket-Protocol": b"y",
                    b"Sec-WebSocket-Extensions": b"permessage-deflate; server_max_window_bits=10",
                    b"Set-Cookie": [b"a", b"b"],
                }
            ),
            request,
        )
        (accept,) = events
        assert isinstance(accept, AcceptConnection)
        assert accept.subprotocol == "y"
        assert accept.extra_headers == [(b"set-cookie", b"a"), (b"set-cookie", b"b")]
        (agreed,) = accept.extensions
        assert isinstance(agreed, PerMessageDeflate)
        assert agreed.agreed == (False, False, 15, 10)
        assert deflate.agreed is None  # it was configuration, and stays so
        client.receive_data(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00")
        assert list(client.events()) == [TextMessage("Hello")]

    @pytest.mark.parametrize(
        "interim",
        [
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n" * 3,
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        ],
    )
    def test_interim_responses_are_skipped(self, interim: bytes) -> None:
        _, events = answered(interim + response())
        assert events == [AcceptConnection()]

    def test_alternatives(self) -> None:
        """RFC 7692 §5: the server may take any of several offers."""
        offers = [PerMessageDeflate(server_max_window_bits=10), PerMessageDeflate()]
        for response_fields, bits in ((b"", 15), (b"; server_max_window_bits=9", 9)):
            _, (accept,) = answered(
                response({b"Sec-WebSocket-Extensions": b"permessage-deflate" + response_fields}),
                Request("a", "/", extensions=offers),
            )
            (agreed,) = accept.extensions  # type: ignore[attr-defined]
            assert agreed.agreed.server_max_window_bits == bits

    def test_frames_glued_to_the_response(self) -> None:
        data = response() + frame(TEXT, b"glued", to=CLIENT)
        for chunks in chunkings(data):
            client = new_client()
            for chunk in chunks:
                client.receive_data(chunk)
            accept, *texts = client.events()
            assert accept == AcceptConnection()
            assert "".join(e.data for e in texts) == "glued"  # type: ignore[attr-defined]

    def test_events_one_at_a_time(self) -> None:
        client = new_client()
        client.receive_data(response() + frame(TEXT, b"glued", to=CLIENT))
        assert client.send_buffers(TextMessage("a"))[0][:2] == b"\x81\x81"
        assert next(client.events()) == AcceptConnection()
        assert next(client.events()) == TextMessage("glued")

    def test_end_behind_the_response(self) -> None:
        client = new_client()
        client.receive_data(response())
        client.receive_data(None)
        assert list(client.events()) == [AcceptConnection(), CloseConnection(1006, "")]

    def test_accept_token_is_checked(self) -> None:
        error = failed(response({b"Sec-WebSocket-Accept": generate_accept_token(b"other")}))
        assert "accept token" in str(error)

    @pytest.mark.parametrize(
        ("changes", "match"),
        [
            ({b"Upgrade": None}, "Upgrade: websocket"),
            ({b"Upgrade": b"h2c"}, "Upgrade: websocket"),
            ({b"Upgrade": b"websocket, h2c"}, "Upgrade: websocket"),
            ({b"Upgrade": [b"websocket", b"websocket"]}, "Upgrade: websocket"),
            ({b"Connection": None}, "Connection: Upgrade"),
            ({b"Connection": b"close"}, "Connection: Upgrade"),
            ({b"Sec-WebSocket-Accept": None}, "accept token"),
            ({b"Sec-WebSocket-Accept": b""}, "accept token"),
            ({b"Sec-WebSocket-Accept": ACCEPT.lower()}, "accept token"),
            ({b"Sec-WebSocket-Accept": [ACCEPT, ACCEPT]}, "accept token"),
            ({b"Sec-WebSocket-Protocol": b"z"}, "'z' was not offered"),
            ({b"Sec-WebSocket-Protocol": b""}, "was not offered"),
            ({b"Sec-WebSocket-Protocol": b"x, y"}, "was not offered"),
            ({b"Sec-WebSocket-Protocol": [b"x", b"x"]}, "Duplicate"),
            ({b"Sec-WebSocket-Extensions": b"other"}, "'other' was not offered"),
            ({b"Sec-WebSocket-Extensions": b"a b"}, "bad Sec-WebSocket-Extensions"),
            ({b"Sec-WebSocket-Extensions": b"permessage-deflate; x"}, "bad response"),
            ({b"Sec-WebSocket-Extensions": [b"permessage-deflate"] * 2}, "conflicts"),
        ],
        ids=repr,
    )
    def test_bad_acceptance(
        self, changes: dict[bytes, bytes | list[bytes] | None], match: str
    ) -> None:
        request = Request(
            host="a", target="/", subprotocols=["x", "y"], extensions=[PerMessageDeflate()]
        )
        assert match in str(failed(response(changes), request))

    def test_http_1_0(self) -> None:
        assert "HTTP/1.0" in str(failed(response(line=b"HTTP/1.0 101 Switching")))

    @pytest.mark.parametrize(
        "data", [b"nonsense\r\n\r\n", b"\x16\x03\x01", b"HTTP/1.1 99 X\r\n\r\n", b"\r\n\r\n"]
    )
    def test_no_http(self, data: bytes) -> None:
        assert "Bad HTTP message" in str(failed(data))

    def test_limits(self) -> None:
        limits = Limits(max_header_size=300, max_headers=5)
        assert isinstance(failed(response({b"X": b"y" * 300}), limits=limits), LimitExceeded)
        many = response({b"X-%d" % i: b"" for i in range(3)})
        assert isinstance(failed(many, limits=limits), LimitExceeded)
        assert isinstance(failed(b"HTTP/1.1 200 " + b"x" * 300, limits=limits), LimitExceeded)

    def test_response_before_the_request(self) -> None:
        client = WSConnection(CLIENT)
        with pytest.raises(RemoteProtocolError, match="without a request"):
            client.receive_data(response())


class TestReject:
    @pytest.mark.parametrize(
        ("fields", "body", "eof"),
        [
            (b"Content-Length: 5\r\n", b"nope!", False),
            (b"Transfer-Encoding: chunked\r\n", b"2\r\nno\r\n3\r\npe!\r\n0\r\n\r\n", False),
            (b"", b"nope!", True),
        ],
        ids=["length", "chunked", "until the end"],
    )
    def test_with_body(self, fields: bytes, body: bytes, eof: bool) -> None:
        data = b"HTTP/1.1 403 Forbidden\r\nX-Why: no\r\n" + fields + b"\r\n" + body
        client, (reject, rest) = answered(data, eof=eof)
        assert isinstance(reject, RejectConnection)
        assert reject.status_code == 403
        assert reject.has_body
        assert (b"x-why", b"no") in reject.headers
        assert rest == RejectData(b"nope!")
        assert client.state is ConnectionState.CLOSED
        assert client.connection is None

    def test_body_arrives_in_pieces(self) -> None:
        client = new_client()
        client.receive_data(b"HTTP/1.1 500 X\r\nContent-Length: 6\r\n\r\nabc")
        assert list(client.events())[1:] == [RejectData(b"abc", body_finished=False)]
        assert client.state is ConnectionState.REJECTING
        client.receive_data(b"def")
        assert list(client.events()) == [
            RejectData(b"def", body_finished=False),
            RejectData(b"", body_finished=True),
        ]

    @pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 401, 426, 503])
    def test_any_other_status(self, status: int) -> None:
        data = b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status
        client, events = answered(data)
        assert events[0] == RejectConnection(status, [(b"content-length", b"0")], has_body=True)
        assert events[1] == RejectData(b"")
        assert client.state is ConnectionState.CLOSED

    def test_interim_responses_are_skipped(self) -> None:
        data = b"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"
        _, events = answered(data)
        assert isinstance(events[0], RejectConnection)
        assert events[0].status_code == 404

    def test_body_cut_short(self) -> None:
        data = b"HTTP/1.1 403 X\r\nContent-Length: 5\r\n\r\nno"
        assert "Bad HTTP message" in str(failed(data, eof=True))

    def test_bad_chunks(self) -> None:
        data = b"HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        assert "Bad HTTP message" in str(failed(data))

    @pytest.mark.parametrize("size", [1, 1000, 100_000])
    def test_trailers_are_limited_however_they_are_cut(self, size: int) -> None:
        client = new_client()
        data = b"HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n"
        data += b"X: y\r\n" * 20_000 + b"\r\n"
        events: list[Event] = []
        with pytest.raises(RemoteProtocolError, match="Bad HTTP message"):
            for start in range(0, len(data), size):
                client.receive_data(data[start : start + size])
        events += client.events()
        assert b"".join(e.data for e in events if isinstance(e, RejectData)) == b"no"

    def test_tiny_chunks_are_merged(self) -> None:
        client = new_client()
        client.receive_data(b"HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.receive_data(b"1\r\na\r\n" * 10_000 + b"0\r\n\r\n")
        assert list(client.events())[1:] == [
            RejectData(b"a" * 10_000, body_finished=False),
            RejectData(b""),
        ]

    def test_what_follows_the_body(self) -> None:
        data = b"HTTP/1.1 403 X\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\n\r\n"
        _, events = answered(data)
        assert events[1:] == [RejectData(b"no")]


class TestEndOfTransport:
    @pytest.mark.parametrize("data", [b"", b"HTTP/1.1 101 X", b"HTTP/1.1 100 X\r\n\r\n"])
    def test_without_a_response(self, data: bytes) -> None:
        assert "before a response" in str(failed(data, eof=True))


class TestFieldsOnly:
    """Clients that speak HTTP themselves."""

    def test_fields_in_and_out(self) -> None:
        client = UpgradeClient(entropy=entropy)
        with pytest.raises(LocalProtocolError, match="no response is expected"):
            client.receive_response(101, [])
        headers = client.send_request(Request(host="a", target="/"))
        assert (b"Sec-WebSocket-Key", KEY) in headers
        event = client.receive_response(101, list(FIELDS.items()))
        assert event == AcceptConnection()
        assert client.connection is not None
        assert client.state is ConnectionState.OPEN
        with pytest.raises(LocalProtocolError, match="no response is expected"):
            client.receive_response(101, list(FIELDS.items()))

    def test_refusal(self) -> None:
        client = UpgradeClient()
        client.send_request(Request(host="a", target="/"))
        event = client.receive_response(404, [(b"X", b"y")])
        assert event == RejectConnection(404, [(b"x", b"y")], has_body=True)
        assert client.state is ConnectionState.REJECTING
        assert client.connection is None


def test_handshake_by_itself() -> None:
    """Its connection is taken and driven alone."""
    handshake = H11Handshake(CLIENT, entropy=entropy)
    handshake.send(Request(host="a", target="/"))
    assert handshake.connection is None
    handshake.receive_data(response() + frame(TEXT, b"a", to=CLIENT))
    assert handshake.pending
    connection = handshake.connection
    assert connection is not None
    assert list(handshake.events()) == [AcceptConnection()]
    assert not handshake.pending
    assert list(connection.events()) == [TextMessage("a")]
    with pytest.raises(LocalProtocolError, match="cannot send Ping"):
        handshake.send(Ping())
