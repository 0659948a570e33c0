"""uvicorn's wsproto adapter, with both of its HTTP parsers, and Starlette upon it."""

from __future__ import annotations

from contextlib import closing

import pytest

from .peer import BINARY, CONTINUATION, DEFLATE, PING, PONG, TEXT, Frame, Offer
from .processes import consumer
from .server_suite import AsgiSuite, FaultyRequestSuite, RefusedWebsocketsClientSuite
from .servers import Server, StartServer, check_engine

pytestmark = pytest.mark.integration


def uvicorn(start_server: StartServer, *options: str, app: str = "asgi_app") -> Server:
    server = start_server(
        "uvicorn",
        f"{consumer(app)}:app",
        *("--port", "0", "--ws", "wsproto", "--lifespan", "off"),
        *options,
    )
    check_engine(server, "uvicorn.protocols.websockets.wsproto_impl")
    return server


@pytest.fixture(
    scope="module",
    params=[("asgi_app", "h11"), ("asgi_app", "httptools"), ("starlette_app", "httptools")],
    ids="-".join,
)
def server(start_server: StartServer, request: pytest.FixtureRequest) -> Server:
    app, parser = request.param
    return uvicorn(start_server, "--http", parser, app=app)


class TestServer(AsgiSuite, FaultyRequestSuite):
    # What uvicorn says when the transport ends, instead of 1006.
    lost = 1005


class TestWebsocketsClient(RefusedWebsocketsClientSuite):
    pass


class TestOptions:
    def test_shutdown_closes_with_1012(self, start_server: StartServer) -> None:
        server = uvicorn(start_server)
        peer = server.dial(Offer()).peer
        with closing(peer.transport):
            server.process.terminate()
            assert peer.receive_close() == (1012, "")
            peer.expect_end()

    def test_pings_that_are_answered_go_on(self, start_server: StartServer) -> None:
        server = uvicorn(start_server, "--ws-ping-interval", "0.01")
        peer = server.dial(Offer()).peer
        with closing(peer.transport):
            payloads = set()
            for _ in range(3):
                ping = peer.receive()
                assert ping.opcode == PING
                payloads.add(ping.payload)
                peer.send(PONG, ping.payload)
            assert len(payloads) == 3

    def test_ping_that_is_not_answered_closes_with_1011(self, start_server: StartServer) -> None:
        server = uvicorn(start_server, "--ws-ping-interval", "0.01", "--ws-ping-timeout", "0.01")
        peer = server.dial(Offer()).peer
        with closing(peer.transport):
            assert peer.receive().opcode == PING
            assert peer.receive_close() == (1011, "keepalive ping timeout")

    def test_message_beyond_the_maximum_closes_with_1009(self, start_server: StartServer) -> None:
        server = uvicorn(start_server, "--ws-max-size", "100")
        peer = server.dial(Offer()).peer
        with closing(peer.transport):
            peer.send(BINARY, b"x" * 100)
            assert peer.receive_message() == (BINARY, b"x" * 100)
            peer.send(BINARY, b"x" * 60, fin=False)
            peer.send(CONTINUATION, b"x" * 41)
            assert peer.receive_close()[0] == 1009

    def test_deflate_can_be_switched_off(self, start_server: StartServer) -> None:
        server = uvicorn(start_server, "--ws-per-message-deflate", "false")
        answer = server.dial(Offer(extensions=DEFLATE))
        with closing(answer.peer.transport):
            assert "sec-websocket-extensions" not in answer.headers
            answer.peer.send(TEXT, "plain")
            assert answer.peer.receive() == Frame(TEXT, b"plain")
