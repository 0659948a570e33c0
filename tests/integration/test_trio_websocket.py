"""trio-websocket, as a server and as a client, also with each other."""

from __future__ import annotations

import pytest

from .client_suite import ClientSuite
from .clients import Client
from .consumers.remote import Closed, Rejected
from .peer import DEFLATE, PING, PONG, TEXT, Frame, Listener, Offer
from .processes import TIMEOUT, consumer
from .server_suite import (
    FaultyRequestSuite,
    RefusalSuite,
    RefusedWebsocketsClientSuite,
    ServerSuite,
)
from .servers import Dial, Server, StartServer, check_engine, fresh_id

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    server = start_server(consumer("trio_websocket_server"))
    check_engine(server, "trio_websocket._impl")
    return server


@pytest.fixture(scope="module")
def client_program() -> tuple[str, ...]:
    return (consumer("trio_websocket_client"),)


class TestServer(ServerSuite, RefusalSuite, FaultyRequestSuite):
    def test_deflate_is_declined(self, dial: Dial) -> None:
        answer = dial(Offer(extensions=DEFLATE))
        assert "sec-websocket-extensions" not in answer.headers
        answer.peer.send(TEXT, "plain")
        assert answer.peer.receive() == Frame(TEXT, b"plain")


class TestWebsocketsClient(RefusedWebsocketsClientSuite):
    def test_server_pings(self, server: Server) -> None:
        with self.connect(server, "/ping") as client:
            assert client.recv(TIMEOUT) == "pong has come"


class TestClient(ClientSuite):
    def test_client_pings(self, client: Client, listener: Listener) -> None:
        peer = self.open(client, listener)
        for _ in range(2):
            pending = client.begin("ping")
            ping = peer.receive()
            assert ping.opcode == PING
            peer.send(PONG, b"for another ping")
            peer.send(PONG, ping.payload)
            pending.result()


class TestOwnClient:
    def test_conversation(self, client: Client, server: Server) -> None:
        connection_id = fresh_id()
        opened = client.connect(
            f"{server.url}/echo?id={connection_id}",
            subprotocols=["chat.v1", "chat.v2"],
            headers={"x-token": "t-4"},
        )
        assert opened.subprotocol == "chat.v2"
        assert opened.headers is not None
        assert opened.headers["x-token"] == "t-4"
        for message in ("hello", b"\0\xff", "é" * 40_000, bytes(2**20)):
            client.send(message)
            assert client.receive() == message
        client.ping()
        client.close(4001, "bye")
        assert server.gone(connection_id) == (4001, "bye")

    def test_server_closes(self, client: Client, server: Server) -> None:
        client.connect(f"{server.url}/greet")
        assert client.receive() == "hello"
        with pytest.raises(Closed) as info:
            client.receive()
        assert info.value == Closed(1001, "done")

    def test_rejection(self, client: Client, server: Server) -> None:
        with pytest.raises(Rejected) as info:
            client.connect(f"{server.url}/reject")
        assert (info.value.status, info.value.body) == (403, "no entry")
        assert info.value.headers["x-why"] == "closed"

    def test_server_pings(self, client: Client, server: Server) -> None:
        client.connect(f"{server.url}/ping")
        assert client.receive() == "pong has come"
