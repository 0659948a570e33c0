"""hypercorn, which uses the connection alone, over HTTP/1.1 and over HTTP/2 (RFC 8441)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from . import h2_tunnel
from .peer import BINARY, PING, Frame, Offer
from .processes import consumer
from .server_suite import AsgiSuite, RefusedWebsocketsClientSuite
from .servers import Server, StartServer, check_engine

pytestmark = pytest.mark.integration


def hypercorn(start_server: StartServer, *options: str) -> Server:
    # Without workers of its own it serves in the process that has the alias.
    server = start_server(
        "hypercorn",
        *("--bind", "127.0.0.1:0", "--workers", "0"),
        *options,
        f"{consumer('asgi_app')}:app",
    )
    check_engine(server, "hypercorn.protocol.ws_stream")
    return server


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def server(start_server: StartServer, request: pytest.FixtureRequest) -> Server:
    return hypercorn(start_server, "--worker-class", request.param)


class TestHttp1(AsgiSuite):
    # It does not pass on what the peer's Close says.
    tells_close = False


class TestHttp2(AsgiSuite):
    opened = 200
    tells_close = False
    # The stream stays, until the whole HTTP/2 connection has been idle for some seconds.
    ends_transport = False

    @pytest.fixture
    def server(self, server: Server) -> Server:
        return replace(server, dial_port=h2_tunnel.dial)


class TestWebsocketsClient(RefusedWebsocketsClientSuite):
    pass


class TestOptions:
    def test_pings(self, start_server: StartServer, tmp_path: Path) -> None:
        server = configured(start_server, tmp_path, "websocket_ping_interval = 0.01")
        peer = server.dial(Offer()).peer
        with closing(peer.transport):
            assert [peer.receive() for _ in range(3)] == [Frame(PING)] * 3

    def test_message_beyond_the_maximum_closes_with_1009(
        self, start_server: StartServer, tmp_path: Path
    ) -> None:
        server = configured(start_server, tmp_path, "websocket_max_message_size = 100")
        peer = server.dial(Offer()).peer
        with closing(peer.transport):
            peer.send(BINARY, b"x" * 100)
            assert peer.receive_message() == (BINARY, b"x" * 100)
            peer.send(BINARY, b"x" * 101)
            assert peer.receive_close()[0] == 1009
            peer.send_close(1009)
            peer.expect_end()


def configured(start_server: StartServer, folder: Path, setting: str) -> Server:
    """A server with a setting for which there is no argument."""
    file = folder / "hypercorn.toml"
    file.write_text(setting)
    return hypercorn(start_server, "--config", str(file))
