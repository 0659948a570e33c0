"""RFC 6455 §4.2: the server's opening handshake, over HTTP/1.1."""

from __future__ import annotations

import h11
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
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.handshake import H11Handshake, UpgradeServer, origin_allowed, same_origin

from .wire import SERVER, TEXT, chunkings, frame

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

FIELDS = {
    b"Host": b"server.example.com",
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Key": KEY,
    b"Sec-WebSocket-Version": b"13",
}


def request(
    changes: dict[bytes, bytes | list[bytes] | None] | None = None,
    *,
    line: bytes = b"GET /chat HTTP/1.1",
    newline: bytes = b"\r\n",
) -> bytes:
    """The example of RFC 6455 §1.2, with fields changed, repeated or removed (None)."""
    lines = [line]
    for name, value in {**FIELDS, **(changes or {})}.items():
        for each in [value] if isinstance(value, bytes) else value or []:
            lines.append(name + b": " + each)
    return newline.join([*lines, b"", b""])


def received(data: bytes, *, limits: Limits | None = None) -> Request:
    """The request that a server sees, whatever the chunking."""
    seen = []
    for chunks in chunkings(data):
        server = WSConnection(SERVER, limits=limits or Limits())
        for chunk in chunks:
            server.receive_data(chunk)
        (event,) = server.events()
        assert isinstance(event, Request)
        seen.append(event)
        assert server.state is ConnectionState.CONNECTING
    assert all(event == seen[0] for event in seen)
    return seen[0]


def refused(data: bytes, *, limits: Limits | None = None) -> tuple[RemoteProtocolError, bytes]:
    """The error for a bad request, whatever the chunking, and the response to it."""
    results = []
    for chunks in chunkings(data):
        server = WSConnection(SERVER, limits=limits or Limits())
        with pytest.raises(RemoteProtocolError) as caught:
            for chunk in chunks:
                server.receive_data(chunk)
        assert list(server.events()) == []
        with pytest.raises(LocalProtocolError, match="no request, or a bad one"):
            server.send(AcceptConnection())
        # What follows is not looked at.
        server.receive_data(b"x" * 100_000)
        server.receive_data(request())
        server.receive_data(None)
        assert list(server.events()) == []
        hint = caught.value.event_hint
        assert isinstance(hint, RejectConnection)
        results.append((caught.value, server.send(hint)))
        assert server.state is ConnectionState.CLOSED
    assert all(str(error) == str(results[0][0]) for error, _ in results)
    assert all(response == results[0][1] for _, response in results)
    return results[0]


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


class TestGoodRequests:
    def test_example(self) -> None:
        event = received(request({b"Origin": b"http://example.com"}))
        assert event == Request(
            host="server.example.com",
            target="/chat",
            extra_headers=[
                (b"upgrade", b"websocket"),
                (b"connection", b"Upgrade"),
                (b"sec-websocket-key", KEY),
                (b"sec-websocket-version", b"13"),
                (b"origin", b"http://example.com"),
            ],
        )
        assert event.origin == "http://example.com"

    @pytest.mark.parametrize(
        "changes",
        [
            {b"Upgrade": b"WebSocket"},
            {b"Upgrade": b"websocket, foo"},
            {b"Upgrade": [b"h2c", b"websocket"]},
            {b"Connection": b"keep-alive, Upgrade"},
            {b"Connection": b"keep-alive,upgrade,"},
            {b"Connection": [b"keep-alive", b"UPGRADE"]},
            {b"Sec-WebSocket-Key": KEY + b"  "},
            {b"Sec-WebSocket-Key": b"AQIDBAUGBwgJCgsMDQ4PEC=="},  # as in §4.1
            {b"Content-Length": b"0"},
            {b"Sec-WebSocket-Protocol": b""},  # an empty list, for recipients (RFC 9110 §5.6.1.2)
            {b"X-Other": [b"a", b"b", b"\xff"]},
            {b"Host": b"[::1]:8080"},
            {b"Host": b"127.0.0.1"},
            {b"Sec-WebSocket-Extensions": b'a, b; c="d,e"'.replace(b'"d,e"', b'"d"')},
        ],
    )
    def test_variations_that_http_allows(
        self, changes: dict[bytes, bytes | list[bytes] | None]
    ) -> None:
        received(request(changes))

    def test_names_in_any_case(self) -> None:
        data = request()
        for name in FIELDS:
            data = data.replace(name, name.swapcase())
        assert received(data).host == "server.example.com"

    def test_bare_line_feeds(self) -> None:
        assert received(request(newline=b"\n")).target == "/chat"

    def test_an_empty_line_before_it(self) -> None:
        """RFC 9112 §2.2 has servers ignore one."""
        assert received(b"\r\n" + request()).target == "/chat"
        refused(b"\r\n\r\n" + request())
        refused(b"\r\n\r")  # found by fuzzing: in pieces, it waited for what may follow
        refused(b"\n" + request())

    @pytest.mark.parametrize("host", [b"[::1]", b"[2001:db8::7]:80", b"a%C3%A9b"])
    def test_hosts(self, host: bytes) -> None:
        assert received(request({b"Host": host})).host == host.decode()

    @pytest.mark.parametrize("target", ["/", "/a?b=c&d=%20", "//", "http://h/p", "/|^{}"])
    def test_targets(self, target: str) -> None:
        assert received(request(line=f"GET {target} HTTP/1.1".encode())).target == target

    def test_subprotocols_and_extensions(self) -> None:
        event = received(
            request(
                {
                    b"Sec-WebSocket-Protocol": [b"chat,, v2.chat", b"soap"],
                    b"Sec-WebSocket-Extensions": [b'a; b="c", d', b"permessage-deflate"],
                }
            )
        )
        assert event.subprotocols == ["chat", "v2.chat", "soap"]
        assert event.extensions == ['a; b="c"', "d", "permessage-deflate"]
        assert not any(b"protocol" in name for name, _ in event.extra_headers)

    @pytest.mark.parametrize(
        ("host", "shown"),
        [
            (b"xn--7ks3rz39bh7u", "芝士汉堡"),
            (b"xn--bcher-kva:80", "bücher:80"),
            (b"xn--a", "xn--a"),  # no IDNA
            (b"xn--" + b"a" * 300, "xn--" + "a" * 300),
        ],
    )
    def test_internationalized_hosts(self, host: bytes, shown: str) -> None:
        assert received(request({b"Host": host})).host == shown

    def test_origins(self) -> None:
        with_origin = received(request({b"Origin": b"https://Example.com"}))
        assert origin_allowed(with_origin, ["https://example.com"])
        assert not origin_allowed(with_origin, ["https://example.com:8443", "null"])
        assert not origin_allowed(with_origin, [])
        without = received(request())
        assert without.origin is None
        assert origin_allowed(without, [])
        assert same_origin(without)

    @pytest.mark.parametrize(
        ("origin", "host", "same"),
        [
            (b"https://example.com", b"example.com", True),
            (b"http://Example.com", b"example.COM:80", True),
            (b"https://example.com", b"example.com:443", True),
            (b"http://example.com:8080", b"example.com:8080", True),
            (b"https://xn--bcher-kva.example", b"xn--bcher-kva.example", True),
            (b"http://[::1]:8000", b"[::1]:8000", True),
            (b"https://example.com", b"example.com:80", False),
            (b"http://example.com:8080", b"example.com", False),
            (b"https://evil.example", b"example.com", False),
            (b"https://example.com.evil", b"example.com", False),
            (b"null", b"example.com", False),
            (b"null", b"null", False),
            (b"", b"example.com", False),
            (b"file://", b"example.com", False),
        ],
    )
    def test_same_origin(self, origin: bytes, host: bytes, same: bool) -> None:
        event = received(request({b"Origin": origin, b"Host": host}))
        assert same_origin(event) is same
        assert origin_allowed(event, [f"http://{event.host}", f"https://{event.host}"]) is same

    def test_origin_of_no_host(self) -> None:
        assert not origin_allowed(received(request({b"Origin": b"http://a"})), ["http://ä" * 64])


class TestBadRequests:
    @pytest.mark.parametrize(
        ("changes", "match"),
        [
            ({b"Host": None}, "Host"),
            ({b"Host": [b"a", b"b"]}, "Host"),
            ({b"Host": b""}, "Host"),
            ({b"Host": b"a b"}, "Host"),
            ({b"Host": b"a/b"}, "Host"),
            ({b"Host": b"a:b:c"}, "Host"),
            ({b"Host": b"exa[mple"}, "Host"),
            ({b"Host": b"user@host"}, "Host"),
            ({b"Host": "größe".encode()}, "Host"),
            ({b"Upgrade": None}, "Missing header, 'Upgrade: websocket'"),
            ({b"Upgrade": b"h2c"}, "Missing header, 'Upgrade: websocket'"),
            ({b"Upgrade": b"websocket/13"}, "Missing header, 'Upgrade: websocket'"),
            ({b"Connection": None}, "Missing header, 'Connection: Upgrade'"),
            ({b"Connection": b"keep-alive"}, "Missing header, 'Connection: Upgrade'"),
            ({b"Connection": b"no-upgrade"}, "Missing header, 'Connection: Upgrade'"),
            ({b"Sec-WebSocket-Key": None}, "Missing header, 'Sec-WebSocket-Key'"),
            ({b"Sec-WebSocket-Key": [KEY, KEY]}, "Duplicate header, 'Sec-Websocket-Key'"),
            ({b"Sec-WebSocket-Key": b""}, "16 bytes"),
            ({b"Sec-WebSocket-Key": b"short"}, "16 bytes"),
            ({b"Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25j"}, "16 bytes"),
            ({b"Sec-WebSocket-Key": KEY[:-2] + b"AA"}, "16 bytes"),
            ({b"Sec-WebSocket-Key": b"dGhlIHNhbXBsZS*ub25jZQ=="}, "16 bytes"),
            ({b"Sec-WebSocket-Version": [b"13", b"13"]}, "Duplicate header"),
            ({b"Sec-WebSocket-Protocol": b"a b"}, "not a token"),
            ({b"Sec-WebSocket-Protocol": b"a/b"}, "not a token"),
            ({b"Sec-WebSocket-Protocol": b"a, b, a"}, "twice"),
            ({b"Sec-WebSocket-Protocol": [b"a", b"a"]}, "twice"),
            ({b"Host": b"ex%zzle.com"}, "Host is"),
            ({b"Host": b"a%2"}, "Host is"),
            ({b"Host": b"[:::::]"}, "Host is"),
            ({b"Host": b"[1.2.3.4]"}, "Host is"),
            ({b"Sec-WebSocket-Extensions": b""}, "Sec-Websocket-Extensions is empty"),
            ({b"Sec-WebSocket-Extensions": [b",", b" , "]}, "is empty"),
            ({b"Sec-WebSocket-Extensions": b"a b"}, "stray"),
            ({b"Sec-WebSocket-Extensions": b'a; b="'}, "quoted"),
            ({b"Sec-WebSocket-Extensions": b"a;"}, "token is missing"),
            ({b"Origin": [b"http://a", b"http://b"]}, "Duplicate header, 'Origin'"),
            ({b"Content-Length": b"1"}, "no body"),
            ({b"Transfer-Encoding": b"chunked"}, "no body"),
            ({b"X-Bad": b"a\x00b"}, "Bad HTTP message"),
            ({b"X Bad": b"a"}, "Bad HTTP message"),
        ],
        ids=repr,
    )
    def test_400(self, changes: dict[bytes, bytes | list[bytes] | None], match: str) -> None:
        error, response = refused(request(changes))
        assert status(response) == 400
        assert match in str(error)

    def test_messages_quote_no_more_than_the_beginning(self) -> None:
        for name in (b"Host", b"Sec-WebSocket-Extensions", b"Sec-WebSocket-Protocol"):
            error, _ = refused(request({name: b'x; a="' + b"\\a" * 2000}))
            assert len(str(error)) < 300

    @pytest.mark.parametrize("method", [b"POST", b"HEAD", b"OPTIONS", b"get"])
    def test_405(self, method: bytes) -> None:
        _, response = refused(request(line=method + b" / HTTP/1.1"))
        assert status(response) == 405
        assert b"Allow: GET\r\n" in response

    @pytest.mark.parametrize("version", [b"12", b"8", b"0", b"14", b"13, 8", b"013", b"x"])
    def test_426(self, version: bytes) -> None:
        """§4.2.2, §4.4: the server says which version it speaks."""
        error, response = refused(request({b"Sec-WebSocket-Version": version}))
        assert status(response) == 426
        assert b"Sec-WebSocket-Version: 13\r\n" in response
        assert b"Upgrade: websocket\r\n" in response
        assert version.decode() in str(error)

    def test_version_missing(self) -> None:
        _, response = refused(request({b"Sec-WebSocket-Version": None}))
        assert status(response) == 400
        assert b"Sec-WebSocket-Version: 13\r\n" in response

    @pytest.mark.parametrize("version", [b"1.0", b"0.9", b"1"])
    def test_http_version(self, version: bytes) -> None:
        _, response = refused(request(line=b"GET / HTTP/" + version))
        assert status(response) == 400

    @pytest.mark.parametrize(
        "data",
        [
            b"nonsense\r\n\r\n",
            b"\r\n\r\n",
            b"\n\n",
            b"GET /\r\n\r\n",
            b"GET /#frag HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
            b" GET / HTTP/1.1",
        ],
    )
    def test_no_http(self, data: bytes) -> None:
        _, response = refused(data)
        assert status(response) == 400

    @pytest.mark.parametrize(
        "target",
        [
            *(b"/#fragment", b"foo", b"*", b"x:443", b"ftp://a/b"),
            *(b"http:///chat", b"ws://", b"wss://:80/", b"https://?a"),
        ],
    )
    def test_bad_targets(self, target: bytes) -> None:
        error, _ = refused(request(line=b"GET " + target + b" HTTP/1.1"))
        assert "target" in str(error)

    @pytest.mark.parametrize("complete", [True, False])
    def test_head_too_big(self, complete: bool) -> None:
        limits = Limits(max_header_size=1000)
        data = request({b"X": b"a" * 1000})
        error, response = refused(data if complete else data[:1001], limits=limits)
        assert isinstance(error, LimitExceeded)
        assert status(response) == 431

    def test_head_of_the_very_limit(self) -> None:
        data = request()
        received(data, limits=Limits(max_header_size=len(data)))
        refused(data, limits=Limits(max_header_size=len(data) - 1))

    def test_big_head_whatever_the_chunking(self) -> None:
        """Wsproto 1.3 takes 70 KB in one read, and refuses them in several."""
        data = request({b"Cookie": b"x" * 70_000})
        for cut in (len(data), 35_000, 69_000, 10):
            server = WSConnection(SERVER)
            with pytest.raises(LimitExceeded):
                server.receive_data(data[:cut])
                server.receive_data(data[cut:])

    def test_too_many_headers(self) -> None:
        changes = {b"X-%d" % i: b"" for i in range(124)}
        error, response = refused(request(changes))  # type: ignore[arg-type]
        assert isinstance(error, LimitExceeded)
        assert status(response) == 431
        changes.popitem()
        received(request(changes))  # type: ignore[arg-type]


class TestAccept:
    def accept(self, event: AcceptConnection, **changes: bytes) -> bytes:
        server = WSConnection(SERVER)
        server.receive_data(
            request({b"Sec-WebSocket-" + k.encode(): v for k, v in changes.items()})
        )
        list(server.events())
        data = server.send(event)
        assert server.state is ConnectionState.OPEN
        assert server.connection is not None
        return data

    def test_example(self) -> None:
        assert self.accept(AcceptConnection()) == (
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Upgrade: websocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n"
        )

    def test_everything(self) -> None:
        data = self.accept(
            AcceptConnection(
                subprotocol="b",
                extensions=[PerMessageDeflate()],
                extra_headers=[(b"X-Bytes", b" 1 "), ("x-str", "2")],  # type: ignore[list-item]
            ),
            Protocol=b"a, b",
            Extensions=b"permessage-deflate; server_no_context_takeover",
        )
        assert data.endswith(
            b"Sec-WebSocket-Protocol: b\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"
            b"X-Bytes: 1\r\nx-str: 2\r\n\r\n"
        )

    def test_h11_reads_it(self) -> None:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method="GET", target="/", headers=list(FIELDS.items())))
        client.receive_data(self.accept(AcceptConnection()))
        event = client.next_event()
        assert isinstance(event, h11.InformationalResponse)
        assert event.status_code == 101

    def test_extension_not_offered(self) -> None:
        assert b"Extensions" not in self.accept(AcceptConnection(extensions=[PerMessageDeflate()]))

    def test_subprotocol_as_a_header(self) -> None:
        """As applications of ASGI servers give it."""
        event = AcceptConnection(extra_headers=[(b"sec-websocket-protocol", b"a")])
        assert b"sec-websocket-protocol: a\r\n" in self.accept(event, Protocol=b"a")

    @pytest.mark.parametrize(
        ("event", "match"),
        [
            (AcceptConnection(subprotocol="other"), "not among those requested"),
            (AcceptConnection(subprotocol="a\r\nX: y"), "not among those requested"),
            (AcceptConnection(subprotocol="größe"), "not ASCII"),
            (
                AcceptConnection(extra_headers=[(b"sec-websocket-protocol", b"x")]),
                "not among those requested",
            ),
            (
                AcceptConnection("a", extra_headers=[(b"Sec-WebSocket-Protocol", b"a")]),
                "more than one subprotocol",
            ),
            (AcceptConnection(extra_headers=[(b"X", b"a\r\nY: b")]), "illegal value"),
            (AcceptConnection(extra_headers=[(b"X", b"a\nb")]), "illegal value"),
            (AcceptConnection(extra_headers=[(b"X", b"a\x00")]), "illegal value"),
            (AcceptConnection(extra_headers=[(b"X: y\r\nZ", b"a")]), "not a token"),
            (AcceptConnection(extra_headers=[(b"", b"a")]), "not a token"),
            (AcceptConnection(extra_headers=[("ä", "a")]), "not ASCII"),  # type: ignore[list-item]
            (AcceptConnection(extra_headers=[(b"Upgrade", b"h2c")]), "by the handshake itself"),
            (AcceptConnection(extra_headers=5), "not pairs"),  # type: ignore[arg-type]
            (AcceptConnection(extensions=["x"]), "not an Extension"),  # type: ignore[list-item]
            (AcceptConnection(extra_headers=[(b"Content-Length", b"5")]), "handshake itself"),
            (
                AcceptConnection(extra_headers=[(b"sec-websocket-accept", b"x")]),
                "handshake itself",
            ),
        ],
        ids=repr,
    )
    def test_what_cannot_be_accepted(self, event: AcceptConnection, match: str) -> None:
        server = WSConnection(SERVER)
        server.receive_data(request({b"Sec-WebSocket-Protocol": b"a"}))
        list(server.events())
        with pytest.raises(LocalProtocolError, match=match):
            server.send(event)
        assert server.state is ConnectionState.CONNECTING
        assert server.send(AcceptConnection("a"))

    def test_frames_behind_the_request_are_kept(self) -> None:
        data = request() + frame(TEXT, b"early", to=SERVER) + frame(TEXT, b"bird", to=SERVER)
        for chunks in chunkings(data):
            server = WSConnection(SERVER)
            for chunk in chunks:
                server.receive_data(chunk)
            (event,) = server.events()
            assert isinstance(event, Request)
            server.send(AcceptConnection())
            texts = [e.data for e in server.events() if isinstance(e, TextMessage)]
            assert "".join(texts) == "earlybird"

    def test_too_much_behind_the_request(self) -> None:
        limits = Limits(max_early_data=100)
        server = WSConnection(SERVER, limits=limits)
        server.receive_data(request() + bytes(100))
        assert len(list(server.events())) == 1
        with pytest.raises(LimitExceeded) as caught:
            server.receive_data(b"x")
        with pytest.raises(LocalProtocolError):
            server.send(AcceptConnection())
        assert status(server.send(caught.value.event_hint)) == 400  # type: ignore[arg-type]

    def test_transport_ends_before_the_answer(self) -> None:
        server = WSConnection(SERVER)
        server.receive_data(request() + frame(TEXT, b"a", to=SERVER))
        server.receive_data(None)
        assert len(list(server.events())) == 1
        server.send(AcceptConnection())
        assert list(server.events()) == [TextMessage("a"), CloseConnection(1006, "")]

    def test_nothing_of_the_handshake_is_kept(self) -> None:
        server = WSConnection(SERVER)
        server.receive_data(request())
        list(server.events())
        server.send(AcceptConnection())
        handshake = server.handshake
        assert handshake._h11 is handshake._end is None
        assert not handshake._head.buffer
        with pytest.raises(LocalProtocolError, match="only a server"):
            server.initiate_upgrade_connection([], "/")

    def test_twice(self) -> None:
        handshake = H11Handshake(SERVER)
        handshake.receive_data(request())
        list(handshake.events())
        handshake.send(AcceptConnection())
        with pytest.raises(LocalProtocolError):
            handshake.send(AcceptConnection())
        # What it is given then belongs to the connection.
        handshake.receive_data(frame(TEXT, b"a", to=SERVER))
        assert handshake.connection is not None
        assert list(handshake.connection.events()) == [TextMessage("a")]


class TestReject:
    def server(self, data: bytes = b"") -> WSConnection:
        server = WSConnection(SERVER)
        server.receive_data(data or request())
        list(server.events())
        return server

    def test_without_body(self) -> None:
        server = self.server()
        assert server.send(RejectConnection(403, [(b"X-Why", b"no")])) == (
            b"HTTP/1.1 403 \r\nX-Why: no\r\ncontent-length: 0\r\n\r\n"
        )
        assert server.state is ConnectionState.CLOSED

    def test_own_content_length(self) -> None:
        sent = self.server().send(RejectConnection(403, [(b"Content-Length", b"0")]))
        assert sent.lower().count(b"content-length") == 1

    @pytest.mark.parametrize("headers", [[(b"Content-Length", b"5")], []])
    def test_with_body(self, headers: list[tuple[bytes, bytes]]) -> None:
        server = self.server()
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method="GET", target="/", headers=[(b"Host", b"x")]))
        client.receive_data(server.send(RejectConnection(401, headers, has_body=True)))
        assert server.state is ConnectionState.REJECTING
        client.receive_data(server.send(RejectData(b"no", body_finished=False)))
        client.receive_data(server.send(RejectData(b"pe!")))
        assert server.state is ConnectionState.CLOSED
        response = client.next_event()
        assert isinstance(response, h11.Response)
        assert response.status_code == 401
        body = b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            assert isinstance(event, h11.Data)
            body += event.data
        assert body == b"nope!"

    def test_accept_behind_it(self) -> None:
        """Wsproto 1.3 opens the connection."""
        server = self.server()
        server.send(RejectConnection(403))
        with pytest.raises(LocalProtocolError, match="CLOSED"):
            server.send(AcceptConnection())
        with pytest.raises(LocalProtocolError, match="CLOSED"):
            server.send(RejectConnection(403))
        with pytest.raises(LocalProtocolError, match="CLOSED"):
            server.send(RejectData(b""))

    def test_data_without_a_rejection(self) -> None:
        with pytest.raises(LocalProtocolError, match="CONNECTING"):
            self.server().send(RejectData(b""))

    def test_before_a_request(self) -> None:
        """A server that shuts down, or has waited too long."""
        server = WSConnection(SERVER)
        assert status(server.send(RejectConnection(503))) == 503

    @pytest.mark.parametrize(
        ("event", "match"),
        [
            (RejectConnection(101), "status 101"),
            (RejectConnection(0), "status 0"),
            (RejectConnection("400"), "status 400"),  # type: ignore[arg-type]
            (RejectConnection(400, None), "not pairs"),  # type: ignore[arg-type]
            (RejectConnection(1000), "status 1000"),
            (RejectConnection(400, [(b"X", b"a\r\nb")]), "illegal value"),
            (RejectConnection(400, [(b"X:", b"a")]), "not a token"),
            (RejectConnection(400, [(b"Content-Length", b"x")], has_body=True), "Content-Length"),
            # More digits than any body has: int() of thousands would raise something else.
            (
                RejectConnection(400, [(b"Content-Length", b"1" * 5000)], has_body=True),
                "that no body can have",
            ),
            (RejectConnection(400, [(b"Content-Length", b"5")]), "without a body"),
        ],
        ids=repr,
    )
    def test_illegal(self, event: RejectConnection, match: str) -> None:
        server = self.server()
        with pytest.raises(LocalProtocolError, match=match):
            server.send(event)
        assert server.state is ConnectionState.CONNECTING
        assert status(server.send(RejectConnection(500))) == 500

    def test_another_body_than_declared(self) -> None:
        server = self.server()
        server.send(RejectConnection(400, [(b"Content-Length", b"3")], has_body=True))
        with pytest.raises(LocalProtocolError, match="Too much data"):
            server.send(RejectData(b"1234"))
        with pytest.raises(LocalProtocolError, match="Too little data"):
            server.send(RejectData(b"12"))
        assert server.state is ConnectionState.REJECTING
        assert server.send(RejectData(b"1", body_finished=False)) == b"1"
        assert server.send(RejectData(b"23")) == b"23"
        assert server.state is ConnectionState.CLOSED

    def test_body_of_another_type(self) -> None:
        server = self.server()
        server.send(RejectConnection(400, has_body=True))
        with pytest.raises(LocalProtocolError, match="must be bytes, not str"):
            server.send(RejectData("text"))  # type: ignore[arg-type]

    def test_answer_to_head_has_no_body(self) -> None:
        server = WSConnection(SERVER)
        with pytest.raises(RemoteProtocolError, match="must be GET"):
            server.receive_data(request(line=b"HEAD / HTTP/1.1"))
        sent = server.send(RejectConnection(405, [(b"Content-Length", b"3")], has_body=True))
        assert sent.endswith(b"Content-Length: 3\r\n\r\n")
        assert server.send(RejectData(b"abc")) == b""
        assert server.state is ConnectionState.CLOSED

    def test_no_content(self) -> None:
        """RFC 9110 §8.6: no Content-Length in a 204."""
        assert self.server().send(RejectConnection(204)) == b"HTTP/1.1 204 \r\n\r\n"

    def test_data_meanwhile_is_dropped(self) -> None:
        server = self.server(request() + b"early")
        server.send(RejectConnection(400, has_body=True))
        assert not server.handshake._head.buffer
        for _ in range(100):
            server.receive_data(bytes(10_000))
        assert not server.handshake._head.buffer


class TestParsedAlready:
    """Servers that speak HTTP themselves."""

    HEADERS = list(FIELDS.items())

    def test_initiate_upgrade_connection(self) -> None:
        server = WSConnection(SERVER)
        server.initiate_upgrade_connection(self.HEADERS, "/chat")
        (event,) = server.events()
        assert isinstance(event, Request)
        assert (event.host, event.target) == ("server.example.com", "/chat")
        assert ACCEPT in server.send(AcceptConnection())
        server.receive_data(frame(TEXT, b"a", to=SERVER))
        assert list(server.events()) == [TextMessage("a")]

    def test_fields_of_text(self) -> None:
        server = WSConnection(SERVER)
        headers = [(name.decode(), value.decode()) for name, value in self.HEADERS]
        server.initiate_upgrade_connection([*headers, ("X", "größe\u20ac")], "/chat")
        (event,) = server.events()
        assert isinstance(event, Request)
        assert event.extra_headers[-1] == (b"x", b"gr\xf6\xdfe?")

    @pytest.mark.parametrize(
        ("path", "target"),
        [
            ("/a b", "/a%20b"),
            ("/größe", "/gr%C3%B6%C3%9Fe"),
            (b"/raw?q=1", "/raw?q=1"),
            ("/a#b", "/a%23b"),
            ("/a|b", "/a|b"),
            ("/a\r\nb", "/a%0D%0Ab"),
            ("/\ud800", "/?"),
        ],
    )
    def test_decoded_paths(self, path: str | bytes, target: str) -> None:
        server = WSConnection(SERVER)
        server.initiate_upgrade_connection(self.HEADERS, path)
        (event,) = server.events()
        assert isinstance(event, Request)
        assert event.target == target

    def test_bad_request(self) -> None:
        server = WSConnection(SERVER)
        with pytest.raises(RemoteProtocolError, match="Host") as caught:
            server.initiate_upgrade_connection(self.HEADERS[1:], "/")
        assert status(server.send(caught.value.event_hint)) == 400  # type: ignore[arg-type]

    def test_twice(self) -> None:
        server = WSConnection(SERVER)
        server.initiate_upgrade_connection(self.HEADERS, "/")
        with pytest.raises(LocalProtocolError, match="one request"):
            server.initiate_upgrade_connection(self.HEADERS, "/")
        server = WSConnection(SERVER)
        with pytest.raises(RemoteProtocolError):
            server.initiate_upgrade_connection([], "/")
        with pytest.raises(LocalProtocolError, match="one request"):
            server.initiate_upgrade_connection(self.HEADERS, "/")

    def test_rejection_with_a_body(self) -> None:
        server = WSConnection(SERVER)
        server.initiate_upgrade_connection(self.HEADERS, "/")
        data = server.send(RejectConnection(403, has_body=True)) + server.send(RejectData(b"no"))
        assert b"Transfer-Encoding: chunked" in data
        assert data.endswith(b"2\r\nno\r\n0\r\n\r\n")

    def test_fields_in_and_out(self) -> None:
        server = UpgradeServer()
        event = server.receive_request(self.HEADERS, target="/chat")
        assert event.target == "/chat"
        assert server.state is ConnectionState.CONNECTING
        response = server.accept(AcceptConnection())
        assert response.status_code == 101
        assert (b"Sec-WebSocket-Accept", ACCEPT) in response.headers
        assert server.state is ConnectionState.OPEN
        assert server.connection is not None
        server.connection.receive_data(frame(TEXT, b"a", to=SERVER))
        assert list(server.connection.events()) == [TextMessage("a")]
        with pytest.raises(LocalProtocolError, match="OPEN"):
            server.accept(AcceptConnection())
        with pytest.raises(LocalProtocolError, match="one request"):
            server.receive_request(self.HEADERS)

    def test_fields_refused(self) -> None:
        server = UpgradeServer()
        with pytest.raises(RemoteProtocolError) as caught:
            server.receive_request(self.HEADERS, method=b"POST")
        response = server.reject(caught.value.event_hint)  # type: ignore[arg-type]
        assert response == (405, [(b"Allow", b"GET")])
        with pytest.raises(LocalProtocolError, match="CLOSED"):
            server.reject(RejectConnection())
        with pytest.raises(LocalProtocolError, match="one request"):
            server.receive_request(self.HEADERS)

    def test_without_a_request(self) -> None:
        with pytest.raises(LocalProtocolError, match="no request"):
            UpgradeServer().accept(AcceptConnection())


class TestEndOfTransport:
    def test_before_anything(self) -> None:
        server = WSConnection(SERVER)
        server.receive_data(None)
        assert list(server.events()) == []
        assert server.state is ConnectionState.CLOSED
        with pytest.raises(LocalProtocolError, match="end of the transport"):
            server.receive_data(request())
        with pytest.raises(LocalProtocolError, match="CLOSED"):
            server.initiate_upgrade_connection(list(FIELDS.items()), "/")

    def test_within_the_request(self) -> None:
        server = WSConnection(SERVER)
        server.receive_data(request()[:-1])
        with pytest.raises(RemoteProtocolError, match="within the request"):
            server.receive_data(None)
        assert server.state is ConnectionState.CLOSED


@pytest.mark.parametrize(
    "event", [Ping(), TextMessage("a"), CloseConnection(1000), Request("a", "/")]
)
def test_what_a_server_cannot_send_yet(event: Ping) -> None:
    server = WSConnection(SERVER)
    with pytest.raises(LocalProtocolError, match=type(event).__name__):
        server.send(event)
    with pytest.raises(LocalProtocolError, match=type(event).__name__):
        server.send_buffers(event)


def test_repr() -> None:
    server = WSConnection(SERVER)
    assert repr(server) == "<WSConnection client=False state=ConnectionState.CONNECTING>"
    assert repr(server.handshake) == (
        "H11Handshake(client=False, state=ConnectionState.CONNECTING)"
    )
    server.receive_data(request())
    list(server.events())
    server.send(AcceptConnection())
    assert repr(server.connection) == "<Connection client=False state=ConnectionState.OPEN>"
