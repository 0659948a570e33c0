"""What every client is tested for, against websockets' server and a server made by hand.

A ``test_*`` file derives classes from these and gives them a fixture ``client_program``,
the arguments that start the client; of that, ``conftest`` makes the fixture ``client``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import ClassVar

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from .clients import Client
from .consumers.remote import Closed, Message, Rejected
from .peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    RSV2,
    SIZES,
    TEXT,
    Listener,
    Peer,
    close_payload,
)
from .processes import TIMEOUT
from .websockets_server import OtherEnd

#: What a server must not send, and the code that says so (RFC 6455 §7.4.1).
FAULTS: dict[str, tuple[Callable[[Peer], bytes], int]] = {
    "reserved bit": (lambda peer: peer.frame(TEXT, "x", rsv=RSV2), 1002),
    "compressed though not agreed on": (lambda peer: peer.frame(TEXT, "x", rsv=RSV1), 1002),
    "masked frame": (lambda peer: peer.frame(TEXT, "x", masked=True), 1002),
    "close code 1006": (lambda peer: peer.frame(CLOSE, close_payload(1006)), 1002),
    "text that is not UTF-8": (lambda peer: peer.frame(TEXT, b"caf\xe9!"), 1007),
}


class ClientSuite:
    """Clients of any kind."""

    #: With what the library reports that the transport has ended.
    lost: ClassVar[type[Exception]] = Closed
    #: Whether it shows the fields of the response that opened the connection.
    shows_fields: ClassVar = True
    #: What it shows of the refusal that ``OtherEnd`` gives.
    refusal: ClassVar = Rejected(403, {"x-why": "closed"}, "no entry")

    def answer(self, code: int) -> int | None:
        """The code of its answer to *code*, from the server or from the engine; None if
        it closes the transport without an answer.
        """
        return code

    def open(self, client: Client, listener: Listener) -> Peer:
        """A connection between the client and a peer made by hand."""
        pending = client.begin_connect(f"{listener.url}/")
        peer = listener.accept()
        pending.result()
        return peer

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("kind", [str, bytes])
    def test_messages_both_ways(
        self, client: Client, other_end: OtherEnd, kind: type, size: int
    ) -> None:
        client.connect(f"{other_end.url}/")
        connection = other_end.accept()
        message: Message = ("01234567" * (size // 8 + 1))[:size]
        if kind is bytes:
            message = bytes(range(256)) * (size // 256) + bytes(size % 256)
        client.send(message)
        assert connection.recv(TIMEOUT) == message
        connection.send(message)
        assert client.receive() == message

    def test_handshake(self, client: Client, other_end: OtherEnd) -> None:
        opened = client.connect(
            f"{other_end.url}/path?query=1",
            subprotocols=["chat.v3", "chat.v2"],
            headers={"x-token": "t-3", "origin": "http://example.com"},
        )
        connection = other_end.accept()
        assert connection.request is not None
        assert connection.request.path == "/path?query=1"
        assert connection.request.headers["Origin"] == "http://example.com"
        assert connection.subprotocol == opened.subprotocol == "chat.v2"
        # No client here offers extensions.
        assert "Sec-WebSocket-Extensions" not in connection.request.headers
        if self.shows_fields:
            assert opened.headers is not None
            assert opened.headers["x-token"] == "t-3"

    def test_url_without_path_asks_for_the_root(self, client: Client, other_end: OtherEnd) -> None:
        client.connect(other_end.url)
        connection = other_end.accept()
        assert connection.request is not None
        assert connection.request.path == "/"

    def test_request(self, client: Client, listener: Listener) -> None:
        keys = set()
        for _ in range(2):
            pending = client.begin_connect(f"{listener.url}/")
            transport, fields = listener.receive_request()
            assert fields["upgrade"].lower() == "websocket"
            assert fields["connection"].lower() == "upgrade"
            assert fields["sec-websocket-version"] == "13"
            assert len(base64.b64decode(fields["sec-websocket-key"], validate=True)) == 16
            keys.add(fields["sec-websocket-key"])
            transport.sendall(listener.consent(fields))
            pending.result()
            transport.close()
            client.leave()
        assert len(keys) == 2

    def test_frames_are_masked_with_fresh_keys(self, client: Client, listener: Listener) -> None:
        peer = self.open(client, listener)
        keys = set()
        for n in range(40):
            client.send(f"message {n}")
            frame = peer.receive()
            assert frame.payload == f"message {n}".encode()
            assert frame.masking_key is not None
            keys.add(frame.masking_key)
        assert len(keys) == 40

    @pytest.mark.parametrize("kind", [TEXT, BINARY])
    def test_fragmented_message_with_pings_between(
        self, client: Client, listener: Listener, kind: int
    ) -> None:
        peer = self.open(client, listener)
        peer.send(kind, b"caf\xc3", fin=False)
        peer.send(PING, "in between")
        peer.send(CONTINUATION, b"", fin=False)
        peer.send(CONTINUATION, b"\xa9")
        assert client.receive() == ("café" if kind == TEXT else "café".encode())
        pong = peer.receive()
        assert (pong.opcode, pong.payload) == (PONG, b"in between")

    def test_bytes_that_arrive_one_by_one(self, client: Client, listener: Listener) -> None:
        pending = client.begin_connect(f"{listener.url}/")
        transport, fields = listener.receive_request()
        peer = Peer(transport, client=False)
        response = listener.consent(fields)
        for at in range(len(response)):
            transport.sendall(response[at : at + 1])
        pending.result()
        frame = peer.frame(TEXT, "é" * 70)
        for at in range(len(frame)):
            transport.sendall(frame[at : at + 1])
        assert client.receive() == "é" * 70

    def test_message_right_behind_the_response(self, client: Client, listener: Listener) -> None:
        pending = client.begin_connect(f"{listener.url}/")
        transport, fields = listener.receive_request()
        peer = Peer(transport, client=False)
        transport.sendall(listener.consent(fields) + peer.frame(TEXT, "early"))
        pending.result()
        # simple-websocket looks at what it has when something more arrives.
        peer.send(TEXT, "later")
        assert [client.receive(), client.receive()] == ["early", "later"]

    @pytest.mark.parametrize("payload", [b"", b"hello", b"x" * 125])
    def test_ping_is_answered_by_pong(
        self, client: Client, listener: Listener, payload: bytes
    ) -> None:
        peer = self.open(client, listener)
        peer.send(PING, payload)
        pong = peer.receive()
        assert (pong.opcode, pong.payload) == (PONG, payload)

    @pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "off"), (4999, "é" * 61)])
    def test_client_closes(
        self, client: Client, other_end: OtherEnd, code: int, reason: str
    ) -> None:
        client.connect(f"{other_end.url}/")
        connection = other_end.accept()
        client.close(code, reason)
        with pytest.raises(ConnectionClosed) as info:
            connection.recv(TIMEOUT)
        assert info.value.rcvd == Close(code, reason)
        assert info.value.rcvd_then_sent is True

    @pytest.mark.parametrize(
        ("code", "reason"), [(1000, ""), (1001, "off"), (1014, ""), (4999, "é" * 61)]
    )
    def test_server_closes(
        self, client: Client, listener: Listener, code: int, reason: str
    ) -> None:
        peer = self.open(client, listener)
        peer.transport.sendall(
            peer.frame(TEXT, "last words") + peer.frame(CLOSE, close_payload(code, reason))
        )
        assert client.receive() == "last words"
        with pytest.raises(Closed) as info:
            client.receive()
        assert info.value == Closed(code, reason)
        self.expect_answer(client, peer, code)

    @pytest.mark.parametrize("fault", FAULTS)
    def test_fault_of_the_server(self, client: Client, listener: Listener, fault: str) -> None:
        encode, code = FAULTS[fault]
        peer = self.open(client, listener)
        peer.send(TEXT, "all is well")
        assert client.receive() == "all is well"
        peer.transport.sendall(encode(peer))
        with pytest.raises(Closed) as info:
            client.receive()
        assert info.value.code == code
        self.expect_answer(client, peer, code)

    def answer_pings(self, peer: Peer) -> None:
        """The client pings, and once more after it was answered."""
        for _ in range(2):
            ping = peer.receive()
            assert ping.opcode == PING
            peer.send(PONG, ping.payload)

    def expect_answer(self, client: Client, peer: Peer, code: int) -> None:
        answer = self.answer(code)
        if answer is not None:
            pending = client.begin("leave")
            assert peer.receive_close()[0] == answer
            peer.transport.close()
            pending.result()
        else:
            client.leave()
            peer.expect_end()

    @pytest.mark.parametrize("how", ["close", "abort"])
    def test_server_vanishes(self, client: Client, listener: Listener, how: str) -> None:
        peer = self.open(client, listener)
        peer.send(TEXT, "begun, but", fin=False)
        getattr(peer.transport, how)()
        with pytest.raises(self.lost):
            client.receive()

    def test_rejection(self, client: Client, other_end: OtherEnd) -> None:
        with pytest.raises(Rejected) as info:
            client.connect(f"{other_end.url}/reject")
        seen = info.value
        assert (seen.status, seen.body) == (self.refusal.status, self.refusal.body)
        assert self.refusal.headers.items() <= seen.headers.items()
