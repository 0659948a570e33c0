"""What nginx and haproxy do to WebSockets, with the configurations that the documentation shows.

That messages, pings and closes pass through them, the matrix of ``tests.interop`` shows. Here is
what lies beside that: time, servers that are not there, bytes behind heads, large heads, and
readers that do not read.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from examples.transports import on_h2
from examples.transports.conversation import ConnectionClosed, Refused
from examples.transports.on_asyncio import connect, serve
from examples.transports.websocket import WebSocket
from tests.interop.proxies import Haproxy, Nginx
from wsproto_core import EndCause, SessionConfig, SessionEnded
from wsproto_core.events import AcceptConnection, Request
from wsproto_core.session_events import Side

from . import peer
from .certificates import Certificates
from .processes import TIMEOUT

pytestmark = pytest.mark.integration

T = TypeVar("T")

#: Without heartbeats: what a silent connection is to a proxy.
SILENT = SessionConfig(ping_interval=None)
#: The idle time of a proxy that is to be seen at work.
SOON = 0.5

#: Runs the proxy under test in front of a port; gives its own.
Front = Callable[..., int]


@pytest.fixture(params=[Nginx, Haproxy], ids=lambda proxy: proxy.name)
def front(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Front]:
    make: type[Nginx | Haproxy] = request.param
    if missing := make().missing():
        # An excuse on somebody's machine, a failure where it was to be tested.
        if os.environ.get("CI"):
            pytest.fail(f"the tests of proxies need: {missing}")
        pytest.skip(f"needs: {missing}")
    with ExitStack() as stack:

        def run(upstream: int, **options: Any) -> int:
            return stack.enter_context(make(**options).serving(upstream, tmp_path))

        yield run


def limited(main: Callable[[], Awaitable[T]]) -> T:
    """Run a test's coroutine; whatever does not happen is a failure."""

    async def bounded() -> T:
        async with asyncio.timeout(TIMEOUT):
            return await main()

    return asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what nothing tells of."""
    while not condition():
        await asyncio.sleep(0.01)


async def end_of(ws: WebSocket) -> SessionEnded:
    """Receive until the end; what comes before it is not expected."""
    async for message in ws:
        raise AssertionError(f"a message came: {message!r}")
    assert ws.end is not None
    return ws.end


async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


class Seen:
    """The connections of a server that echoes."""

    def __init__(self) -> None:
        self.connections: list[WebSocket] = []

    async def handler(self, ws: WebSocket) -> None:
        self.connections.append(ws)
        await echo(ws)


# Time --------------------------------------------------------------------------------------


def test_heartbeats_keep_a_silent_connection_open(front: Front) -> None:
    """For three times as long as the proxy would wait."""
    beating = SessionConfig(ping_interval=SOON / 5)

    async def main() -> None:
        async with serve(echo, config=beating) as server:
            port = front(server.port, idle=SOON)
            async with connect(f"ws://127.0.0.1:{port}/", config=SILENT) as ws:
                await until(lambda: ws.session.statistics().pings_received >= 15)
                await ws.send("still here")
                assert await ws.recv() == "still here"

    limited(main)


def test_without_heartbeats_a_silent_connection_is_ended(front: Front) -> None:
    """Both ends are told, though by no Close."""
    seen = Seen()

    async def main() -> None:
        async with serve(seen.handler, config=SILENT) as server:
            port = front(server.port, idle=SOON)
            async with connect(f"ws://127.0.0.1:{port}/", config=SILENT) as ws:
                end = await end_of(ws)
                assert (end.cause, end.code_received) == (EndCause.LOST, None)
            (other,) = seen.connections
            await until(lambda: other.end is not None)
            assert other.end is not None
            assert (other.end.cause, other.end.code_received) == (EndCause.LOST, None)

    limited(main)


# Ends --------------------------------------------------------------------------------------


def test_server_that_shuts_down_says_so(front: Front) -> None:
    async def main() -> None:
        async with serve(echo) as server:
            port = front(server.port)
            opened = asyncio.Event()
            ended = asyncio.create_task(client(port, opened))
            await opened.wait()
        end = await ended
        assert (end.cause, end.code_received) == (EndCause.CLOSED, 1001)
        assert end.initiator is Side.REMOTE

    async def client(port: int, opened: asyncio.Event) -> SessionEnded:
        async with connect(f"ws://127.0.0.1:{port}/") as ws:
            opened.set()
            return await end_of(ws)

    limited(main)


def test_client_hears_at_once_of_a_server_that_has_died(front: Front) -> None:
    async def die(ws: WebSocket) -> None:
        await ws.recv()
        ws.abort()

    async def main() -> None:
        async with serve(die) as server:
            port = front(server.port)
            async with connect(f"ws://127.0.0.1:{port}/") as ws:
                await ws.send("die")
                end = await end_of(ws)
                assert (end.cause, end.code_received) == (EndCause.LOST, None)

    limited(main)


def test_server_hears_at_once_of_a_client_that_has_vanished(front: Front) -> None:
    seen = Seen()

    async def main() -> None:
        async with serve(seen.handler) as server:
            port = front(server.port)
            async with connect(f"ws://127.0.0.1:{port}/") as ws:
                ws.abort()
            (other,) = seen.connections
            await until(lambda: other.end is not None)
            assert other.end is not None
            assert (other.end.cause, other.end.code_received) == (EndCause.LOST, None)

    limited(main)


# Servers that are not there ----------------------------------------------------------------


@contextmanager
def _nobody() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    yield port


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until it is hung up
    await _hang_up(reader, writer)


async def _break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs")
    await _hang_up(reader, writer)


async def _refused_at(port: int) -> Refused:
    with pytest.raises(Refused) as refused:
        async with connect(f"ws://127.0.0.1:{port}/"):
            raise AssertionError("the connection was opened")
    assert refused.value.body.lstrip().startswith(b"<")
    return refused.value


def test_no_server_is_a_refusal(front: Front) -> None:
    with _nobody() as upstream:
        refused = limited(partial(_refused_at, front(upstream)))
    assert refused.response.status_code in (502, 503)


@pytest.mark.parametrize(
    ("backend", "status"),
    [(_hang_up, 502), (_say_nothing, 504), (_break_off, 502)],
    ids=["hangs-up", "silent", "breaks-off"],
)
def test_server_that_does_not_answer_is_a_refusal(
    front: Front,
    backend: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    status: int,
) -> None:
    async def main() -> Refused:
        async with await asyncio.start_server(backend, "127.0.0.1", 0) as server:
            upstream = server.sockets[0].getsockname()[1]
            return await _refused_at(front(upstream, idle=SOON))

    assert limited(main).response.status_code == status


# Heads, and what is behind them ------------------------------------------------------------


def test_frame_right_behind_the_response_arrives(front: Front) -> None:
    """In one piece with the response, as a server sends that greets."""
    listener = peer.Listener()

    def greet() -> None:
        transport, fields = listener.receive_request()
        hello = peer.encode(peer.Frame(peer.TEXT, b"hello"))
        transport.sendall(listener.consent(fields) + hello)
        other = peer.Peer(transport, client=False)
        assert other.receive_close() == (1000, "")
        other.send_close(1000)
        transport.close()

    async def main() -> None:
        greeting = asyncio.create_task(asyncio.to_thread(greet))
        port = front(int(listener.url.rpartition(":")[2]))
        async with connect(f"ws://127.0.0.1:{port}/") as ws:
            assert await ws.recv() == "hello"
        await greeting

    try:
        limited(main)
    finally:
        listener.close()


def test_frame_right_behind_the_request_arrives(front: Front) -> None:
    """In one piece with the request, as a client sends that does not wait for the answer."""

    def ask(port: int) -> None:
        transport = peer.Socket(socket.create_connection(("127.0.0.1", port), TIMEOUT))
        frame = peer.encode(peer.Frame(peer.TEXT, b"early", masking_key=b"abcd"))
        transport.sendall(peer.request(peer.Offer()) + frame)
        answer = peer.read_answer(transport)
        assert answer.peer.receive_message() == (peer.TEXT, b"early")
        answer.peer.send_close(1000)
        assert answer.peer.receive_close() == (1000, "")
        transport.close()

    async def main() -> None:
        async with serve(echo) as server:
            await asyncio.to_thread(ask, front(server.port))

    limited(main)


def test_heads_arrive_as_they_were_sent(front: Front) -> None:
    """And with what a server must know that stands behind a proxy."""
    requests: list[Request] = []
    cookie = b"session=" + b"c" * 7000

    def accept(request: Request) -> AcceptConnection:
        requests.append(request)
        return AcceptConnection(extra_headers=[(b"set-cookie", b"s=" + b"d" * 3000)])

    async def main() -> None:
        async with serve(echo, accept=accept) as server:
            port = front(server.port)
            origin = f"http://127.0.0.1:{port}".encode()
            headers = [(b"cookie", cookie), (b"origin", origin)]
            async with connect(f"ws://127.0.0.1:{port}/a%20path?a=query", headers=headers) as ws:
                assert isinstance(ws.response, AcceptConnection)
                assert (b"set-cookie", b"s=" + b"d" * 3000) in list(ws.response.extra_headers)
            (request,) = requests
            fields = dict(request.extra_headers)
            assert request.host == f"127.0.0.1:{port}"
            assert request.target == "/a%20path?a=query"
            assert fields[b"cookie"] == cookie
            assert fields[b"origin"] == origin
            assert fields[b"x-forwarded-for"] == b"127.0.0.1"

    limited(main)


def test_head_too_large_for_the_proxy_is_a_refusal(front: Front) -> None:
    async def main() -> None:
        async with serve(echo) as server:
            port = front(server.port)
            headers = [(f"x-{number}".encode(), b"x" * 4000) for number in range(12)]
            with pytest.raises(Refused) as refused:
                async with connect(f"ws://127.0.0.1:{port}/", headers=headers):
                    raise AssertionError("the connection was opened")
            assert refused.value.response.status_code in (400, 431)

    limited(main)


# TLS ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def pem(certificates: Certificates, tmp_path: Path) -> Path:
    """The server's certificate and its key in one file."""
    pem = tmp_path / "application.pem"
    pem.write_bytes(certificates.certificate.read_bytes() + certificates.key.read_bytes())
    return pem


def test_tls_ends_at_the_proxy(front: Front, certificates: Certificates, pem: Path) -> None:
    seen = Seen()

    async def main() -> None:
        async with serve(seen.handler) as server:
            port = front(server.port, certificate=pem)
            trusting = certificates.for_client()
            async with connect(f"wss://localhost:{port}/", ssl=trusting) as ws:
                await ws.send("secret")
                assert await ws.recv() == "secret"
                (other,) = seen.connections
                assert other.request is not None
                assert dict(other.request.extra_headers)[b"x-forwarded-proto"] == b"https"

    limited(main)


haproxy_only = pytest.mark.parametrize("front", [Haproxy], indirect=True, ids=["haproxy"])


async def _converse(ws: WebSocket) -> None:
    """Have some messages echoed, and close."""
    for message in ("one", b"two" * 100_000, ""):
        await ws.send(message)
        assert await ws.recv() == message
    await ws.close(4001, "bye")
    assert ws.end is not None
    assert (ws.end.cause, ws.end.code_received) == (EndCause.CLOSED, 4001)


async def _check_ends(connections: list[WebSocket], targets: list[str]) -> None:
    """That a server has seen such connections end."""
    assert [ws.request and ws.request.target for ws in connections] == targets
    await until(lambda: all(ws.end is not None for ws in connections))
    for ws in connections:
        assert ws.end is not None
        assert (ws.end.code_received, ws.end.reason) == (4001, "bye")


@haproxy_only
def test_http2_from_the_client_becomes_http1(
    front: Front, certificates: Certificates, pem: Path
) -> None:
    """RFC 8441 with the client, RFC 6455 with the server."""
    seen = Seen()

    async def main() -> None:
        async with serve(seen.handler) as server:
            port = front(server.port, certificate=pem)
            async with on_h2.Http2Client.connect(
                f"wss://localhost:{port}", ssl=certificates.for_client()
            ) as client:
                for number in range(3):
                    async with client.open(f"/{number}") as ws:
                        await _converse(ws)
            await _check_ends(seen.connections, ["/0", "/1", "/2"])

    limited(main)


@haproxy_only
def test_http1_from_the_client_becomes_http2(front: Front) -> None:
    """RFC 6455 with the client, RFC 8441 with the server."""
    seen = Seen()

    async def main() -> None:
        async with on_h2.serve(seen.handler) as server:
            port = front(server.port, http2=True)
            for number in range(3):
                async with connect(f"ws://127.0.0.1:{port}/{number}") as ws:
                    await _converse(ws)
            await _check_ends(seen.connections, ["/0", "/1", "/2"])

    limited(main)


# Readers that do not read ------------------------------------------------------------------


def test_slow_reader_slows_the_server_and_loses_nothing(front: Front) -> None:
    """A proxy's own buffers are bounded too."""
    count, size = 200, 256 * 1024
    sent: list[int] = []
    stalled = asyncio.Event()

    async def flood(ws: WebSocket) -> None:
        for number in range(count):
            if not ws.session.writable:
                stalled.set()
            await ws.send(number.to_bytes(2) * (size // 2))
            sent.append(number)

    async def main() -> None:
        async with serve(flood) as server:
            port = front(server.port)
            async with connect(f"ws://127.0.0.1:{port}/", compress=False) as ws:
                await stalled.wait()
                for number in range(count):
                    message = await ws.recv()
                    assert message == number.to_bytes(2) * (size // 2)
                with pytest.raises(ConnectionClosed) as closed:
                    await ws.recv()
                assert closed.value.end.code_received == 1000
        assert len(sent) == count

    limited(main)
