"""httpx-ws, a client, in all its ways: with threads, on asyncio, on trio."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .client_suite import ClientSuite
from .clients import Client, ClientPool
from .consumers.remote import Closed, Lost, Rejected
from .peer import Listener
from .processes import TIMEOUT, consumer
from .websockets_server import OtherEnd

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=["threads", "asyncio", "trio"])
def client_program(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return consumer("httpx_ws_client"), request.param


class TestClient(ClientSuite):
    lost = Lost
    # The body of a response that is no success is gone when it tells of it.
    refusal = Rejected(403, {"x-why": "closed"}, "")

    def answer(self, code: int) -> int:
        # What it answers with is the application's business; here, leaving is all it does.
        return 1000

    def test_client_pings(self, client: Client, other_end: OtherEnd) -> None:
        client.connect(f"{other_end.url}/")
        client.ping()

    def test_keepalive(self, client: Client, listener: Listener) -> None:
        pending = client.begin_connect(
            f"{listener.url}/",
            keepalive_ping_interval_seconds=0.01,
            keepalive_ping_timeout_seconds=TIMEOUT,
        )
        peer = listener.accept()
        pending.result()
        self.answer_pings(peer)


class TestAsgiTransport:
    """Both ends in one process: the server's is given a request that was parsed already."""

    URL = "http://server.test"

    @pytest.fixture
    def client(self) -> Iterator[Client]:
        with ClientPool((consumer("httpx_ws_client"), "asgi")) as pool, pool.lend() as client:
            yield client

    def test_conversation(self, client: Client) -> None:
        opened = client.connect(
            f"{self.URL}/echo?id=asgi",
            subprotocols=["chat.v2"],
            headers={"x-token": "t-5"},
        )
        assert opened.subprotocol == "chat.v2"
        assert opened.headers is not None
        assert opened.headers["x-token"] == "t-5"
        for message in ("hello", b"\0\xff", "é" * 40_000, bytes(2**20)):
            client.send(message)
            assert client.receive() == message
        client.leave()
        client.process.expect('gone {"id": "asgi", "code": 1000, "reason": ""}')

    def test_server_closes(self, client: Client) -> None:
        client.connect(f"{self.URL}/greet")
        assert client.receive() == "hello"
        with pytest.raises(Closed) as info:
            client.receive()
        assert info.value == Closed(1001, "done")
