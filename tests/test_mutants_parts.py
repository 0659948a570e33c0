"""What mutants of compression and of the opening handshake have shown to be untested
(tests/mutation).
"""

from __future__ import annotations

import random
import zlib
from typing import Any

import pytest

from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
    WSConnection,
)
from wsproto_core.deflate import DeflateCodec, DeflateParameters, DeflatePolicy
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    Request,
)
from wsproto_core.extension_api import Extension
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.handshake import H11Handshake
from wsproto_core.header_fields import is_target, split_list
from wsproto_core.http_head import read_request_head, read_switching_head
from wsproto_core.negotiation import (
    Fields,
    check_fields,
    client_extensions_handshake,
    offer_fields,
    server_extensions_handshake,
)
from wsproto_core.upgrade import UpgradeClient, UpgradeServer

from .wire import (
    CLIENT,
    SERVER,
)


def deflating(role: ConnectionType) -> Connection:
    extension = PerMessageDeflate()
    extension.finalize("permessage-deflate")
    return Connection(role, [extension])


def codec(bits: int = 15, **policy: int) -> DeflateCodec:
    agreed = DeflateParameters(client_max_window_bits=bits, server_max_window_bits=bits)
    return DeflateCodec(False, agreed, DeflatePolicy(zlib, **policy))


def inflated(receiver: DeflateCodec, *payloads: bytes, limit: int = 1 << 20) -> bytes:
    data = b""
    for place, payload in enumerate(payloads):
        receiver.feed(payload, place == len(payloads) - 1)
        while receiver.pending:
            data += receiver.read(limit)
    return data


class TestDeflateCodec:
    @pytest.mark.parametrize("bits", range(8, 16))
    def test_refers_to_no_more_than_the_window(self, bits: int) -> None:
        sender = codec(bits)
        receiver = zlib.decompressobj(-bits)
        for seed, size in enumerate((200, 300, 600, 1000, 20_000)):
            block = random.Random(seed).randbytes(size)
            payload = block + block + block[:100] + block
            encoded = sender.encode(payload, True) + b"\0\0\xff\xff"
            assert receiver.decompress(encoded) == payload

    @pytest.mark.parametrize("size", [8191, 8192, 8193, 50_000, 200_000])
    def test_much_that_does_not_compress(self, size: int) -> None:
        payload = random.Random(size).randbytes(size)
        sender, receiver = codec(), codec()
        for _ in range(2):
            assert inflated(receiver, sender.encode(payload, True)) == payload
            encoded = sender.encode(payload, True)
            pieces = [encoded[i : i + 999] for i in range(0, len(encoded), 999)]
            assert inflated(receiver, *pieces) == payload

    def test_compresses_as_it_is_told(self) -> None:
        payload = " ".join(str(n * n) for n in range(5000)).encode()
        for level, memory_level in ((1, 1), (9, 1), (1, 9), (3, 8)):
            expected = zlib.compressobj(level, zlib.DEFLATED, -15, memory_level)
            encoded = expected.compress(payload) + expected.flush(zlib.Z_SYNC_FLUSH)
            sender = codec(level=level, memory_level=memory_level)
            assert sender.encode(payload, True) == encoded[:-4]

    def test_nothing_to_flush_is_a_message(self) -> None:
        connection = deflating(SERVER)
        for _ in range(3):
            assert connection.send(BytesMessage(b""), compress=True)[1:] == b"\x01\x00"
        connection = deflating(CLIENT)
        for _ in range(3):
            connection.receive_data(b"\xc2\x01\x00")
            assert list(connection.events()) == [BytesMessage(b"")]

    def test_only_codecs_of_a_kind_share(self) -> None:
        class Other(DeflateCodec):
            pass

        agreed, policy = DeflateParameters(), DeflatePolicy(zlib)
        assert codec().sharing_setting == codec().sharing_setting
        assert Other(False, agreed, policy).sharing_setting != codec().sharing_setting
        assert codec(9).sharing_setting != codec().sharing_setting
        assert codec(level=1).sharing_setting != codec().sharing_setting

    def test_blocks_with_bfinal_count_by_message(self) -> None:
        most = b"\x03\x00" * 33
        for _ in range(3):
            receiver = codec()
            for _ in range(3):
                assert inflated(receiver, most + b"\x00") == b""
                assert inflated(receiver, most[:10], most[10:] + b"\x00") == b""

    def test_what_has_not_been_read_excuses_no_blocks(self) -> None:
        with pytest.raises(LimitExceeded, match="BFINAL"):
            inflated(codec(), b"\x03\x00" * 40 + b"\x00\x00\x10\xff\xef" + bytes(4096) + b"\x00")

    def test_what_is_remembered_is_bounded(self) -> None:
        sender, receiver = codec(), codec()
        for _ in range(4):
            payload = random.Random(1).randbytes(1000) * 500
            assert inflated(receiver, sender.encode(payload, True)) == payload
            assert 1 << 15 <= len(receiver._window) <= 2 << 15

    def test_context_survives_bfinal(self) -> None:
        # A stream that ends (BFINAL) and refers, in its next one, to all of the window.
        block = random.Random(2).randbytes(30_000)
        first = zlib.compressobj(9, zlib.DEFLATED, -15)
        receiver = codec()
        assert inflated(receiver, first.compress(block) + first.flush() + b"\x00") == block
        second = zlib.compressobj(9, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY, block)
        data = second.compress(block) + second.flush(zlib.Z_SYNC_FLUSH)
        assert len(data) < 1000
        assert inflated(receiver, data[:-4]) == block


class TestHeaderFields:
    @pytest.mark.parametrize(
        ("value", "elements"),
        [
            ('a; b="x,y", c', ['a; b="x,y"', "c"]),
            ('a;q="x",b', ['a;q="x"', "b"]),
            (r'"\",x",y', [r'"\",x"', "y"]),
            ('"x,y', ['"x,y']),
            (",a,,\t b ,", ["a", "b"]),
            ("a\xa0,\x0bb", ["a\xa0", "\x0bb"]),
            (',"", a', ['""', "a"]),
        ],
    )
    def test_lists(self, value: str, elements: list[str]) -> None:
        assert split_list(value) == elements

    def test_targets(self) -> None:
        for target in (b"/", b"ws://a/b", b"HTTP://a", b"Https://a/?b", b"WSS://a"):
            assert is_target(target)
        for target in (b"", b"a", b"*", b"ftp://a", b"ws:///a", b"ws://", b"/#", b"/ "):
            assert not is_target(target)


class TestHttpHead:
    @pytest.mark.parametrize(
        "head",
        [
            b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nb\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n(b: c\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        ],
    )
    def test_what_is_left_to_h11(self, head: bytes) -> None:
        assert read_request_head(head) is None
        assert read_switching_head(b"HTTP/1.1 200 OK" + head[head.index(b"\r\n") :]) is None

    def test_what_is_not(self) -> None:
        fields = b"\r\nHOST:a\r\nX:  XbX \r\nY:\r\n\r\n"
        headers = [(b"host", b"a"), (b"x", b"XbX"), (b"y", b"")]
        assert read_request_head(b"GET /X HTTP/1.1" + fields) == (b"/X", headers)
        assert read_switching_head(b"HTTP/1.1 101 " + fields) == headers


class TestWSConnection:
    def ends(self, **settings: object) -> tuple[WSConnection, WSConnection]:
        ends = tuple(WSConnection(role, **settings) for role in (CLIENT, SERVER))  # type: ignore[arg-type]
        client, server = ends
        deflate = PerMessageDeflate()
        server.receive_data(client.send(Request("a", "/", extensions=[deflate])))
        assert len(list(server.events())) == 1
        client.receive_data(server.send(AcceptConnection(extensions=[deflate])))
        assert len(list(client.events())) == 1
        return client, server

    def test_messages_are_whole_if_that_is_asked_for(self) -> None:
        for whole in (False, True):
            client, server = self.ends(whole_messages=whole)
            for one, other in ((client, server), (server, client)):
                data = one.send(BytesMessage(b"ab", message_finished=False), compress=False)
                other.receive_data(data)
                pieces = list(other.events())
                assert bool(pieces) is not whole
                other.receive_data(one.send(BytesMessage(b"cd")))
                assert list(other.events()) == [BytesMessage(b"abcd" if whole else b"cd")]

    def test_limits_and_entropy_reach_the_connection(self) -> None:
        client, server = self.ends(
            limits=Limits(max_message_size=10), entropy=lambda size: b"k" * size
        )
        assert client.send(Ping(b"")) == b"\x89\x80kkkk"
        server.receive_data(client.send(BytesMessage(bytes(10)), compress=False))
        assert list(server.events()) == [BytesMessage(bytes(10))]
        server.receive_data(client.send(BytesMessage(bytes(11)), compress=False))
        (event,) = server.events()
        assert isinstance(event, CloseConnection)
        assert event.code == 1009

    def test_compression_can_be_decided_upon(self) -> None:
        for one in self.ends():
            for compress, rsv1 in ((None, 0x40), (True, 0x40), (False, 0)):
                message = BytesMessage(bytes(100))
                assert one.send(message, compress=compress)[0] & 0x40 == rsv1
                assert one.send_buffers(message, compress=compress)[0][0] & 0x40 == rsv1

    @pytest.mark.parametrize(("field", "status"), [("method", 405), ("http_version", 400)])
    def test_a_parsed_request_is_judged_whole(self, field: str, status: int) -> None:
        headers = [("Host", "a"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
        values = {"method": b"PUT", "http_version": b"1.0"}
        with pytest.raises(RemoteProtocolError) as caught:
            WSConnection(SERVER).initiate_upgrade_connection(headers, "/", **{field: values[field]})
        hint = caught.value.event_hint
        assert isinstance(hint, RejectConnection)
        assert hint.status_code == status
        wanted = {"method": "GET", "http_version": "HTTP/1.0"}[field]
        assert wanted in str(caught.value)


class Named(Extension):
    """An extension that agrees to anything, with or without a reserved bit."""

    def __init__(self, name: str, rsv: int = 0) -> None:
        self.name = name
        self.rsv = rsv

    def offer(self) -> bool:
        return True

    def accept(self, offer: str) -> bool:
        return True


class TestNegotiation:
    def test_values_are_trimmed_of_blanks_only(self) -> None:
        fields = Fields([(b"A", b" \tX\x0b "), (b"B", b"1"), (b"b", b"2")])
        assert fields.single(b"a") == b"X\x0b"
        assert check_fields([("a", " XbX\t")]) == [(b"a", b"XbX")]
        assert fields.values(b"b") == [b"1", b"2"]

    def test_several_extensions_are_offered(self) -> None:
        request = Request("a", "/", extensions=[Named("x"), Named("y", 0x20)])
        assert offer_fields(request) == [(b"Sec-WebSocket-Extensions", b"x, y")]

    def test_several_extensions_are_agreed_on(self) -> None:
        supported = [Named("x", 0x40), Named("y"), Named("z", 0x20), Named("w")]

        def agree(*offers: str) -> bytes | None:
            return server_extensions_handshake(offers, supported)

        assert agree("bad;;", "y") == b"y"
        assert agree("y", "w") == b"y, w"
        assert agree("y", "y; a") == b"y"
        assert agree("unknown") is None
        # One alone may transform messages, whatever is between them.
        assert agree("x", "y", "z") == b"x, y"
        assert agree("z", "y", "x") == b"z, y"

    def test_a_client_takes_one_that_transforms(self) -> None:
        supported = [Named("x", 0x40), Named("y"), Named("z", 0x20)]
        agreed = client_extensions_handshake(["x", "y"], supported)
        assert [extension.name for extension in agreed] == ["x", "y"]
        for accepted in (["x", "y", "z"], ["y", "y"], ["x", "z"], ["w"]):
            with pytest.raises(RemoteProtocolError):
                client_extensions_handshake(accepted, supported)

    @pytest.mark.parametrize(("status", "allowed"), [(199, 0), (200, 1), (999, 1), (1000, 0)])
    def test_statuses_of_a_refusal(self, status: int, allowed: int) -> None:
        server = UpgradeServer()
        if allowed:
            assert server.reject(RejectConnection(status)).status_code == status
            assert server.state is ConnectionState.CLOSED
        else:
            with pytest.raises(LocalProtocolError, match="status"):
                server.reject(RejectConnection(status))
            assert server.state is ConnectionState.CONNECTING

    def test_each_end_says_which_it_is(self) -> None:
        made = []

        def factory(kind: ConnectionType, extensions: list[Extension]) -> Connection:
            made.append(kind)
            return Connection(kind, extensions)

        client = UpgradeClient(connection_factory=factory)
        server = UpgradeServer(connection_factory=factory)
        assert client.connection is None
        assert server.connection is None
        server.receive_request(client.send_request(Request("a", "/")))
        response = server.accept(AcceptConnection())
        client.receive_response(response.status_code, response.headers)
        assert made == [SERVER, CLIENT]
        client = UpgradeClient()
        client.send_request(Request("a", "/"))
        with pytest.raises(RemoteProtocolError):
            client.receive_response(101, [])
        assert client.state is ConnectionState.CLOSED


class TestHandshake:
    HEADERS = (
        ("Host", "a"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    )

    def test_a_path_is_escaped_no_more_than_it_must(self) -> None:
        connection = WSConnection(SERVER)
        path = "/a b/%20\xe4?q=1&r=;@:!$'()*+,~[#"
        connection.initiate_upgrade_connection(self.HEADERS, path)
        (request,) = connection.events()
        assert isinstance(request, Request)
        assert request.target == "/a%20b/%20%C3%A4?q=1&r=;@:!$'()*+,~[%23"

    def test_fields_are_limited(self) -> None:
        for most, status in ((5, None), (4, 431)):
            connection = WSConnection(SERVER, limits=Limits(max_headers=most))
            if status is None:
                connection.initiate_upgrade_connection(self.HEADERS, "/")
                continue
            with pytest.raises(LimitExceeded) as caught:
                connection.initiate_upgrade_connection(self.HEADERS, "/")
            assert caught.value.event_hint == RejectConnection(status)

    @pytest.mark.parametrize(("first", "status"), [(b"!", 405), (b" ", 400), (b"\x16", 400)])
    def test_what_a_request_begins_with(self, first: bytes, status: int) -> None:
        connection = WSConnection(SERVER)
        with pytest.raises(RemoteProtocolError) as caught:
            connection.receive_data(first + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        hint = caught.value.event_hint
        assert isinstance(hint, RejectConnection)
        assert hint.status_code == status
        assert ("control character" in str(caught.value)) is (first != b"!")

    @pytest.mark.parametrize(
        ("headers", "closes"),
        [([], 1), ([(b"Connection", b"close")], 1), ([(b"connection", b"x, CLOSE")], 1)],
    )
    def test_a_final_refusal_says_so_once(
        self, headers: list[tuple[bytes, bytes]], closes: int
    ) -> None:
        for final in (True, False):
            end = H11Handshake(SERVER, refusals_are_final=final)
            end.initiate_upgrade_connection(self.HEADERS, "/")
            data = end.send(RejectConnection(404, headers)).lower()
            assert data.count(b"close\r\n") == (closes if final or headers else 0)
            assert data.count(b"\r\nconnection: ") == data.count(b"close\r\n")
            if final and not headers:
                assert b"\r\nconnection: close\r\n" in data

    def test_both_ends_are_open(self) -> None:
        client, server = H11Handshake(CLIENT), H11Handshake(SERVER)
        server.receive_data(client.send(Request("a", "/")))
        client.receive_data(server.send(AcceptConnection()))
        assert client.state is server.state is ConnectionState.OPEN

    def test_the_request_line_of_a_bad_request_is_told(self) -> None:
        for data in (b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"PUT /a HTTP/1.1\r\nHost: a\r\n\r\n"):
            with pytest.raises(RemoteProtocolError) as caught:
                WSConnection(SERVER).receive_data(data)
            assert caught.value.request_line == (data[:3], b"/a")

    def test_the_body_of_a_refusal_arrives_as_it_was(self) -> None:
        body = random.Random(3).randbytes(10_000)
        client = WSConnection(CLIENT)
        client.send(Request("a", "/"))
        client.receive_data(b"HTTP/1.1 403 No\r\nContent-Length: 10000\r\n\r\n" + body)
        first, *rest = client.events()
        assert isinstance(first, RejectConnection)
        pieces = [event for event in rest if isinstance(event, RejectData)]
        assert len(pieces) == len(rest)
        assert b"".join(bytes(piece.data) for piece in pieces) == body
        assert [piece.body_finished for piece in pieces][-1]
        assert client.state is ConnectionState.CLOSED

    def test_the_fields_of_a_response_are_limited(self) -> None:
        for most in (5, 4):
            client = WSConnection(CLIENT, limits=Limits(max_headers=most))
            client.send(Request("a", "/"))
            data = b"HTTP/1.1 403 No\r\n" + b"A: b\r\n" * 4 + b"Content-Length: 0\r\n\r\n"
            if most == 5:
                client.receive_data(data)
                continue
            with pytest.raises(LimitExceeded):
                client.receive_data(data)

    def test_the_length_that_was_declared_is_sent(self) -> None:
        server = WSConnection(SERVER)
        server.initiate_upgrade_connection(self.HEADERS, "/")
        server.send(RejectConnection(403, [(b"Content-Length", b"6")], has_body=True))
        assert server.send(RejectData(b"ab", body_finished=False)) == b"ab"
        assert server.send(RejectData(b"cd", body_finished=False)) == b"cd"
        for wrong in (b"e", b"efg"):
            with pytest.raises(LocalProtocolError, match="Content-Length"):
                server.send(RejectData(wrong))
        assert server.send(RejectData(b"ef")) == b"ef"
        assert server.state is ConnectionState.CLOSED


class TestPerMessageDeflate:
    @pytest.mark.parametrize(
        ("name", "least", "most"),
        [
            ("client_max_window_bits", 8, 15),
            ("server_max_window_bits", 8, 15),
            ("level", -1, 9),
            ("memory_level", 1, 9),
            ("threshold", 0, None),
        ],
    )
    def test_ranges(self, name: str, least: int, most: int | None) -> None:
        def make(value: int) -> PerMessageDeflate:
            settings: dict[str, Any] = {name: value}
            return PerMessageDeflate(**settings)

        for value in (least, most if most is not None else 1 << 40):
            assert make(value).options[name] == value
        for wrong in (least - 1, *(() if most is None else (most + 1,))):
            with pytest.raises(ValueError, match=f"^{name} must be "):
                make(wrong)

    def test_what_is_not_the_default_is_shown(self) -> None:
        assert repr(PerMessageDeflate()) == "PerMessageDeflate()"
        shown = repr(PerMessageDeflate(memory_level=9, threshold=1))
        assert shown == "PerMessageDeflate(memory_level=9, threshold=1)"
        assert DeflatePolicy(zlib) == (zlib, 3, 8, 0)

    def test_what_is_agreed_on_without_parameters(self) -> None:
        extension = PerMessageDeflate()
        extension.finalize("permessage-deflate")
        agreed = extension.agreed
        assert agreed is not None
        assert agreed == DeflateParameters() == (False, False, 15, 15)
        assert all(type(flag) is bool for flag in DeflateParameters()[:2])
        assert extension.accept("permessage-deflate; client_max_window_bits") == ""
        assert extension.agreed == (False, False, 15, 15)


class TestOwnFields:
    """What the handshake writes itself, an application cannot."""

    SHARED = ("Upgrade", "Connection", "Sec-WebSocket-Extensions", "Content-Length")

    @pytest.mark.parametrize(
        "name",
        [
            *(*SHARED, "Transfer-Encoding", "Host", "Sec-WebSocket-Key"),
            *("Sec-WebSocket-Version", "Sec-WebSocket-Protocol"),
        ],
    )
    def test_of_a_request(self, name: str) -> None:
        client = UpgradeClient()
        with pytest.raises(LocalProtocolError, match="written by the handshake"):
            client.send_request(Request("a", "/", extra_headers=[(name.encode(), b"1")]))

    @pytest.mark.parametrize("name", [*SHARED, "Transfer-Encoding", "Sec-WebSocket-Accept"])
    def test_of_an_acceptance(self, name: str) -> None:
        server = UpgradeServer()
        server.receive_request(UpgradeClient().send_request(Request("a", "/")))
        with pytest.raises(LocalProtocolError, match="written by the handshake"):
            server.accept(AcceptConnection(extra_headers=[(name.encode(), b"1")]))
