"""The wirings of ``examples/transports``, by one contract, with peers that are not ours.

Here: servers and clients as seen from the wire, each in a process of its own. What they do with
those who use them, under load and at the end, is in ``test_transport_use.py``.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import websockets.sync.client
from websockets.typing import Subprotocol

from .certificates import Certificates
from .client_suite import ClientSuite
from .clients import Client
from .peer import PING, PONG, Answer, Listener, Offer, Socket
from .peer import request as encode
from .processes import TIMEOUT
from .server_suite import (
    DeflateSuite,
    FaultyRequestSuite,
    RefusalSuite,
    RefusedWebsocketsClientSuite,
    ServerSuite,
)
from .servers import Dial, Server, StartServer, check_engine
from .transport_wirings import WIRINGS, client_context, dial_tls

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Certificates.make(tmp_path_factory.mktemp("certificates")).authority.parent


@dataclass(frozen=True)
class Both:
    """A server that can be reached both ways."""

    plain: Server
    secure: Server
    context: ssl.SSLContext


@pytest.fixture(scope="module", params=WIRINGS)
def both(start_server: StartServer, certificates: Path, request: pytest.FixtureRequest) -> Both:
    plain = start_server("tests.integration.transport_server", request.param, str(certificates))
    check_engine(plain, f"examples.transports.{WIRINGS[request.param][0]}")
    port = int(plain.process.expect(r"over TLS on 127\.0\.0\.1:(\d+)")[1])
    context = client_context(certificates)

    def dial(port: int, offer: Offer) -> Answer:
        return dial_tls(context, port, offer)

    return Both(plain, Server(plain.process, port, dial), context)


class TestServer(ServerSuite, DeflateSuite, RefusalSuite, FaultyRequestSuite):
    @pytest.fixture
    def server(self, both: Both) -> Server:
        return both.plain

    def test_crash_while_answering_is_500(self, dial: Dial) -> None:
        assert dial(Offer("/crash")).status == 500


class TestWebsocketsClient(RefusedWebsocketsClientSuite):
    @pytest.fixture
    def server(self, both: Both) -> Server:
        return both.plain


class TestServerOverTls(ServerSuite, RefusalSuite):
    @pytest.fixture
    def server(self, both: Both) -> Server:
        return both.secure

    def test_websockets_client(self, both: Both) -> None:
        with websockets.sync.client.connect(
            f"wss://127.0.0.1:{both.secure.port}/echo",
            ssl=both.context,
            subprotocols=[Subprotocol("chat.v2")],
            proxy=None,
        ) as client:
            for message in ("", "é" * 3000, bytes(range(256)) * 4096, "bye"):
                client.send(message)
                assert client.recv(TIMEOUT) == message
            assert client.ping().wait(TIMEOUT)

    def test_plain_bytes_end_the_connection(self, both: Both) -> None:
        sock = socket.create_connection(("127.0.0.1", both.secure.port), TIMEOUT)
        with closing(Socket(sock)) as transport:
            transport.sendall(encode(Offer()))
            try:
                while transport.recv(65536):  # an alert of TLS, if anything
                    pass
            except ConnectionResetError:
                pass


@pytest.fixture(scope="module", params=WIRINGS)
def client_program(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return ("tests.integration.transport_client", request.param)


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
