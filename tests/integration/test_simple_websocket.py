"""simple-websocket, as a server and as a client, with threads and with asyncio."""

from __future__ import annotations

import pytest

from .client_suite import ClientSuite
from .clients import Client
from .consumers.remote import Closed, Rejected
from .peer import Answer, Listener
from .processes import consumer
from .server_suite import DeflateSuite, ServerSuite, WebsocketsClientSuite
from .servers import Server, StartServer, check_engine, fresh_id

pytestmark = pytest.mark.integration

#: The modules of its two kinds.
KINDS = ["ws", "aiows"]


@pytest.fixture(scope="module", params=KINDS)
def server(start_server: StartServer, request: pytest.FixtureRequest) -> Server:
    server = start_server(consumer("simple_websocket_server"), request.param)
    check_engine(server, f"simple_websocket.{request.param}")
    return server


@pytest.fixture(scope="module", params=KINDS)
def client_program(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return consumer("simple_websocket_client"), request.param


class TestServer(ServerSuite, DeflateSuite):
    # What it says when the transport ends, instead of 1006.
    lost = 1005

    def check_headers(self, answer: Answer) -> None:
        """It lets the application set none."""


class TestWebsocketsClient(WebsocketsClientSuite):
    pass


class TestClient(ClientSuite):
    shows_fields = False
    # Nothing but the status is shown of a refusal.
    refusal = Rejected(403)

    def answer(self, code: int) -> None:
        """Its client ends the transport without a Close of its own."""

    def test_keepalive(self, client: Client, listener: Listener) -> None:
        pending = client.begin_connect(f"{listener.url}/", ping_interval=0.01)
        peer = listener.accept()
        pending.result()
        self.answer_pings(peer)

    def test_ping_that_is_not_answered_closes_with_1008(
        self, client: Client, listener: Listener
    ) -> None:
        pending = client.begin_connect(f"{listener.url}/", ping_interval=0.01)
        peer = listener.accept()
        pending.result()
        assert peer.receive().payload == b""
        assert peer.receive_close() == (1008, "Ping/Pong timeout")

    def test_message_beyond_the_maximum_closes_with_1009(
        self, client: Client, listener: Listener
    ) -> None:
        pending = client.begin_connect(f"{listener.url}/", max_message_size=100)
        peer = listener.accept()
        pending.result()
        peer.send(2, b"x" * 101)
        assert peer.receive_close() == (1009, "Message is too big")


class TestOwnClient:
    def test_conversation(self, client: Client, server: Server) -> None:
        connection_id = fresh_id()
        opened = client.connect(
            f"{server.url}/echo?id={connection_id}", subprotocols=["chat.v1", "chat.v2"]
        )
        assert opened.subprotocol == "chat.v2"
        for message in ("hello", b"\0\xff", "é" * 40_000, bytes(2**20)):
            client.send(message)
            assert client.receive() == message
        client.close(4001, "bye")
        assert server.gone(connection_id) == (4001, "bye")

    def test_server_closes(self, client: Client, server: Server) -> None:
        client.connect(f"{server.url}/echo")
        client.send("close 1001 done")
        with pytest.raises(Closed) as info:
            client.receive()
        assert info.value == Closed(1001, "done")
