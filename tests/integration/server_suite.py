"""What every server is tested for, from outside, against peers that are not this engine.

A ``test_*`` file derives classes from these and gives them a ``server`` fixture.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import ClassVar

import pytest
import websockets.sync.client
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus
from websockets.frames import Close
from websockets.typing import Subprotocol

from .peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    PING,
    PONG,
    RSV1,
    RSV2,
    SIZES,
    TEXT,
    Answer,
    Frame,
    Offer,
    Peer,
    close_payload,
    exchange,
    request,
)
from .processes import TIMEOUT
from .servers import Dial, Server, fresh_id

#: What a client must not send, and the code that tells it so (RFC 6455 §7.4.1).
FAULTS: dict[str, tuple[Callable[[Peer], bytes], int]] = {
    "reserved bit": (lambda peer: peer.frame(TEXT, "x", rsv=RSV2), 1002),
    "reserved opcode": (lambda peer: peer.frame(0x3, "x"), 1002),
    "unmasked frame": (lambda peer: peer.frame(TEXT, "x", masked=False), 1002),
    "continuation of nothing": (lambda peer: peer.frame(CONTINUATION, "x"), 1002),
    "text within a message": (
        lambda peer: peer.frame(TEXT, "x", fin=False) + peer.frame(TEXT, "y"),
        1002,
    ),
    "fragmented ping": (lambda peer: peer.frame(PING, "x", fin=False), 1002),
    "long ping": (lambda peer: peer.frame(PING, b"x" * 126), 1002),
    "close code 1005": (lambda peer: peer.frame(CLOSE, close_payload(1005)), 1002),
    "close of one byte": (lambda peer: peer.frame(CLOSE, b"\x03"), 1002),
    "text that is not UTF-8": (lambda peer: peer.frame(TEXT, b"caf\xe9!"), 1007),
    "text cut within a character": (lambda peer: peer.frame(TEXT, b"caf\xc3"), 1007),
    "reason that is not UTF-8": (
        lambda peer: peer.frame(CLOSE, close_payload(1000) + b"\xff"),
        1007,
    ),
}


class ServerSuite:
    """Servers met by a peer made by hand, whatever it is transported over."""

    #: The status of a response that opens a connection.
    opened: ClassVar = 101
    #: Whether the application is told the peer's code and reason.
    tells_close: ClassVar = True
    #: The code that the application is told when the peer vanished.
    lost: ClassVar = 1006
    #: Whether the server ends the transport once the connection is closed.
    ends_transport: ClassVar = True

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    def test_echo(self, dial: Dial, opcode: int, size: int) -> None:
        peer = dial(Offer()).peer
        payload = (b"01234567" if opcode == TEXT else bytes(range(256))) * (size // 8 + 1)
        peer.send(opcode, payload[:size])
        assert peer.receive_message() == (opcode, payload[:size])

    def test_frames_are_unmasked_and_whole(self, dial: Dial) -> None:
        peer = dial(Offer()).peer
        peer.send(TEXT, "hello")
        assert peer.receive() == Frame(TEXT, b"hello")

    def test_handshake(self, dial: Dial) -> None:
        offer = Offer(
            subprotocols=["chat.v3", "chat.v2", "chat.v1"],
            headers=[("x-token", "t-1"), ("origin", "http://example.com")],
        )
        answer = dial(offer)
        assert answer.status == self.opened
        assert answer.headers["sec-websocket-protocol"] == "chat.v2"
        assert "sec-websocket-extensions" not in answer.headers
        self.check_headers(answer)

    def check_headers(self, answer: Answer) -> None:
        """The fields that the application set; some servers let it set none."""
        assert answer.headers["x-app"]
        assert answer.headers["x-token"] == "t-1"

    def test_no_subprotocol_in_common(self, dial: Dial) -> None:
        answer = dial(Offer(subprotocols=["chat.v9"]))
        assert answer.status == self.opened
        assert "sec-websocket-protocol" not in answer.headers

    @pytest.mark.parametrize("kind", [TEXT, BINARY])
    def test_fragmented_message_with_pings_between(self, dial: Dial, kind: int) -> None:
        peer = dial(Offer()).peer
        # The character is cut, as RFC 6455 §5.6 allows.
        peer.send(kind, b"caf\xc3", fin=False)
        peer.send(PING, "in between")
        peer.send(CONTINUATION, b"", fin=False)
        assert peer.receive() == Frame(PONG, b"in between")
        peer.send(CONTINUATION, b"\xa9")
        assert peer.receive_message() == (kind, "café".encode())

    def test_bytes_that_arrive_one_by_one(self, dial: Dial) -> None:
        peer = dial(Offer()).peer
        stream = peer.frame(TEXT, "é" * 70) + peer.frame(BINARY, b"b")
        for at in range(len(stream)):
            peer.transport.sendall(stream[at : at + 1])
        assert peer.receive_message() == (TEXT, "é".encode() * 70)
        assert peer.receive_message() == (BINARY, b"b")

    def test_many_messages_in_one_write(self, dial: Dial) -> None:
        peer = dial(Offer()).peer
        texts = [f"message {n}" for n in range(200)]
        peer.transport.sendall(b"".join(peer.frame(TEXT, text) for text in texts))
        assert [peer.receive_message()[1].decode() for _ in texts] == texts

    @pytest.mark.parametrize("payload", [b"", b"hello", b"x" * 125])
    def test_ping_is_answered_by_pong(self, dial: Dial, payload: bytes) -> None:
        peer = dial(Offer()).peer
        peer.send(PONG, "unasked for, which is allowed")
        peer.send(PING, payload)
        assert peer.receive() == Frame(PONG, payload)

    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            pytest.param(1000, "", id="normal"),
            pytest.param(1001, "leaving", id="going away"),
            pytest.param(1014, "bad gateway", id="not in RFC 6455"),
            pytest.param(3000, "é" * 61, id="longest reason"),
            pytest.param(4999, "enough", id="private"),
            pytest.param(None, "", id="no code"),
        ],
    )
    def test_client_closes(self, server: Server, dial: Dial, code: int | None, reason: str) -> None:
        connection_id = fresh_id()
        peer = dial(Offer(f"/echo?id={connection_id}")).peer
        peer.send(CLOSE, b"" if code is None else close_payload(code, reason))
        assert peer.receive_close() == (code, reason)
        if self.ends_transport:
            peer.expect_end()
        told = server.gone(connection_id)
        assert told == ((code or 1005, reason) if self.tells_close else (self.lost, ""))

    @pytest.mark.parametrize(
        ("code", "reason"), [(1000, ""), (1001, "going"), (3456, "é"), (4000, "x" * 123)]
    )
    def test_server_closes(self, dial: Dial, code: int, reason: str) -> None:
        peer = dial(Offer()).peer
        peer.send(TEXT, f"close {code} {reason}")
        assert peer.receive_close() == (code, reason)
        peer.send_close(code, reason)
        if self.ends_transport:
            peer.expect_end()

    def test_server_sends_and_closes_at_once(self, dial: Dial) -> None:
        peer = dial(Offer("/greet")).peer
        assert peer.receive() == Frame(TEXT, b"hello")
        assert peer.receive_close() == (1001, "done")

    @pytest.mark.parametrize("fault", FAULTS)
    def test_fault_is_answered_by_close(self, dial: Dial, fault: str) -> None:
        encode, code = FAULTS[fault]
        peer = dial(Offer()).peer
        peer.send(TEXT, "all is well")
        assert peer.receive_message() == (TEXT, b"all is well")
        peer.transport.sendall(encode(peer))
        assert peer.receive_close()[0] == code
        if self.ends_transport:
            peer.expect_end()

    @pytest.mark.parametrize("how", ["close", "abort"])
    @pytest.mark.parametrize("when", ["idle", "within a message", "within a frame"])
    def test_peer_vanishes(self, server: Server, dial: Dial, how: str, when: str) -> None:
        connection_id = fresh_id()
        peer = dial(Offer(f"/echo?id={connection_id}")).peer
        peer.send(TEXT, "here")
        assert peer.receive_message() == (TEXT, b"here")
        if when == "within a message":
            peer.send(TEXT, "begun, but", fin=False)
        elif when == "within a frame":
            peer.transport.sendall(peer.frame(TEXT, "cut off")[:-3])
        getattr(peer.transport, how)()
        assert server.gone(connection_id) == (self.lost, "")


class DeflateSuite:
    """Servers that agree on permessage-deflate (RFC 7692)."""

    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    def test_deflate_compresses(self, dial: Dial, opcode: int) -> None:
        answer = dial(Offer(extensions=DEFLATE))
        peer = answer.peer
        payload = b"compressible " * 1000
        assert answer.headers["sec-websocket-extensions"] == "permessage-deflate"
        compressor = zlib.compressobj(wbits=-15)
        inflater = zlib.decompressobj(wbits=-15)
        sizes = []
        for _ in range(2):
            deflated = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
            peer.send(opcode, deflated[:-4], rsv=RSV1)
            frame = peer.receive()
            assert (frame.opcode, frame.fin, frame.rsv) == (opcode, True, RSV1)
            assert inflater.decompress(frame.payload + b"\0\0\xff\xff") == payload
            sizes.append(len(frame.payload))
        assert sizes[0] < len(payload) / 10
        assert sizes[1] < sizes[0]  # the context was taken over

    def test_deflate_and_fragments_and_uncompressed_messages(self, dial: Dial) -> None:
        peer = dial(Offer(extensions="permessage-deflate; server_no_context_takeover")).peer
        deflated = zlib.compress(b"compressed" * 10, wbits=-15)
        # A block with BFINAL set ends such a message (RFC 7692 §7.2.3.4).
        peer.send(TEXT, deflated[:5], fin=False, rsv=RSV1)
        peer.send(PING, "not compressed")
        assert peer.receive() == Frame(PONG, b"not compressed")
        peer.send(CONTINUATION, deflated[5:] + b"\0")
        peer.send(TEXT, "plain")
        for expected in (b"compressed" * 10, b"plain"):
            frame = peer.receive()
            assert frame.rsv == RSV1
            fresh = zlib.decompressobj(wbits=-15)
            assert fresh.decompress(frame.payload + b"\0\0\xff\xff") == expected

    def test_deflate_parameters(self, dial: Dial) -> None:
        offer = (
            "permessage-deflate; server_max_window_bits=16, x-unknown, "
            "permessage-deflate; server_max_window_bits=10; client_no_context_takeover"
        )
        answer = dial(Offer(extensions=offer))
        name, *parameters = answer.headers["sec-websocket-extensions"].split("; ")
        assert name == "permessage-deflate"
        assert sorted(parameters) == ["client_no_context_takeover", "server_max_window_bits=10"]
        answer.peer.send(TEXT, "hello")
        frame = answer.peer.receive()
        inflater = zlib.decompressobj(wbits=-10)
        assert inflater.decompress(frame.payload + b"\0\0\xff\xff") == b"hello"

    @pytest.mark.parametrize(
        "payload",
        [b"\xff\xff\xff\xff", zlib.compress(b"caf\xe9!", wbits=-15) + b"\0"],
        ids=["not DEFLATE", "not UTF-8"],
    )
    def test_bad_compressed_text_is_answered_by_close(self, dial: Dial, payload: bytes) -> None:
        peer = dial(Offer(extensions=DEFLATE)).peer
        peer.send(TEXT, payload, rsv=RSV1)
        assert peer.receive_close()[0] == 1007


class RefusalSuite:
    """Servers whose application can refuse a connection."""

    def test_rejection_has_status_fields_and_body(self, dial: Dial) -> None:
        answer = dial(Offer("/reject"))
        assert answer.status == 403
        assert answer.headers["x-why"] == "closed"
        assert answer.body == b"no entry"

    def test_denial_without_body(self, dial: Dial) -> None:
        answer = dial(Offer("/deny"))
        assert (answer.status, answer.body) == (403, b"")


class AsgiSuite(ServerSuite, DeflateSuite, RefusalSuite):
    """Servers that run an ASGI application."""

    def test_crash_of_the_application_is_500(self, dial: Dial) -> None:
        assert dial(Offer("/crash")).status == 500


class WebsocketsClientSuite:
    """Servers met by another implementation's client: websockets."""

    def connect(
        self,
        server: Server,
        path: str = "/echo",
        *,
        subprotocols: tuple[str, ...] = (),
        compression: str | None = "deflate",
    ) -> websockets.sync.client.ClientConnection:
        return websockets.sync.client.connect(
            server.url + path,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            additional_headers={"x-token": "t-2"},
            compression=compression,
            proxy=None,
            open_timeout=TIMEOUT,
            close_timeout=TIMEOUT,
        )

    @pytest.mark.parametrize("compression", [None, "deflate"])
    def test_conversation(self, server: Server, compression: str | None) -> None:
        with self.connect(
            server, subprotocols=("chat.v1", "chat.v2"), compression=compression
        ) as client:
            assert client.subprotocol == "chat.v2"
            messages: list[str | bytes] = ["", "é" * 3000, bytes(range(256)) * 4096, "bye"]
            for message in messages:
                client.send(message)
                assert client.recv(TIMEOUT) == message
            client.send(iter(["in ", "three ", "pieces"]))
            assert client.recv(TIMEOUT) == "in three pieces"
            assert client.ping().wait(TIMEOUT)

    def test_client_closes(self, server: Server) -> None:
        with self.connect(server) as client:
            client.close(4001, "bye")
            with pytest.raises(ConnectionClosed) as info:
                client.recv(TIMEOUT)
        assert info.value.rcvd == Close(4001, "bye")
        assert info.value.rcvd_then_sent is False

    def test_server_closes(self, server: Server) -> None:
        with self.connect(server) as client:
            client.send("close 1001 done for today")
            with pytest.raises(ConnectionClosedOK) as info:
                client.recv(TIMEOUT)
        assert info.value.rcvd == Close(1001, "done for today")
        assert info.value.rcvd_then_sent is True


class RefusedWebsocketsClientSuite(WebsocketsClientSuite):
    """The same, where the application can also refuse it."""

    def test_rejection(self, server: Server) -> None:
        with pytest.raises(InvalidStatus) as info, self.connect(server, "/reject"):
            pass
        response = info.value.response
        assert response.status_code == 403
        assert response.headers["x-why"] == "closed"
        assert response.body == b"no entry"


class FaultyRequestSuite:
    """Servers that leave the opening handshake to the engine."""

    GOOD = request(Offer())
    FAULTS: ClassVar = {
        "no key": (GOOD.replace(b"Sec-WebSocket-Key", b"X-Key"), 400),
        "short key": (GOOD.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"c2hvcnQ="), 400),
        "key twice": (
            GOOD.replace(b"Sec-WebSocket-Key", b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Key"),
            400,
        ),
        "no version": (GOOD.replace(b"sec-websocket-version", b"X-Version"), 400),
        "version 8": (GOOD.replace(b"version: 13", b"version: 8"), 426),
        "extension without name": (request(Offer(extensions="; x=1")), 400),
    }

    @pytest.mark.parametrize("fault", FAULTS)
    def test_faulty_request_is_refused(self, server: Server, fault: str) -> None:
        data, status = self.FAULTS[fault]
        answer = exchange(server.port, data)
        if answer.opened is not None:
            answer.opened.transport.close()
        assert answer.status == status
        if "version" in fault:
            assert answer.headers["sec-websocket-version"] == "13"
