"""WebSockets over HTTP/3 as ``examples/transports/on_h3.py`` does it, both roles."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import aioquic.asyncio.client
import pytest
from aioquic.h3.connection import ErrorCode, H3Connection, Setting
from aioquic.quic.configuration import QuicConfiguration

from examples.transports.conversation import QUEUE, Answer, ConnectionClosed, Refused
from examples.transports.h3_connection import SENDING, WINDOW, Http3Connection
from examples.transports.http_streams import StreamWebSocket
from examples.transports.on_h3 import Http3Client, connect, serve
from examples.transports.websocket import WebSocket
from wsproto_core import EndCause, SessionConfig, SessionEnded, Side
from wsproto_core.events import AcceptConnection, RejectConnection, Request

from . import h3_tunnel
from .h3_tunnel import RawHttp3
from .peer import CLOSE, TEXT, Frame, Offer, close_payload, encode
from .processes import TIMEOUT, consumer
from .processes import run as run_process
from .server_suite import DeflateSuite, RefusalSuite, ServerSuite
from .servers import Dial, Server, StartServer
from .test_chat import make_certificate
from .test_transport_h2 import BIG, beaten, echo, ended, run, until

pytestmark = pytest.mark.integration

VERSION = [("sec-websocket-version", "13")]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: Any) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def theirs(certificate: Path) -> QuicConfiguration:
    configuration = QuicConfiguration()
    configuration.load_cert_chain(certificate, certificate)
    return configuration


@pytest.fixture(scope="module")
def ours(certificate: Path) -> QuicConfiguration:
    configuration = QuicConfiguration(server_name="localhost")
    configuration.load_verify_locations(str(certificate))
    return configuration


def url(port: int, path: str = "/") -> str:
    return f"wss://127.0.0.1:{port}{path}"


@asynccontextmanager
async def raw_client(port: int) -> AsyncIterator[RawHttp3]:
    async with aioquic.asyncio.client.connect(
        "127.0.0.1", port, configuration=h3_tunnel.configuration(), create_protocol=RawHttp3
    ) as raw:
        assert isinstance(raw, RawHttp3)
        await raw.until(lambda: raw.settings)
        yield raw


async def raw_open(raw: RawHttp3) -> int:
    stream_id = raw.request(VERSION)
    await raw.until(lambda: stream_id in raw.heads)
    assert raw.heads[stream_id][":status"] == "200"
    return stream_id


async def raw_echo(raw: RawHttp3, stream_id: int) -> None:
    raw.send(stream_id, encode(Frame(TEXT, b"hello", masking_key=b"abcd")))
    await raw.until(lambda: len(raw.data[stream_id]) == 7)
    assert raw.data[stream_id] == encode(Frame(TEXT, b"hello"))


# Our server


@pytest.fixture(scope="module")
def server(start_server: StartServer, certificate: Path) -> Server:
    server = start_server(consumer("http_streams_server"), "h3", str(certificate))
    return replace(server, dial_port=h3_tunnel.dial)


class TestServer(ServerSuite, DeflateSuite, RefusalSuite):
    """Met by a peer made by hand, on aioquic."""

    opened = 200

    def test_crash_of_the_application_is_500(self, dial: Dial) -> None:
        assert dial(Offer("/crash")).status == 500


class TestRequests:
    @pytest.mark.parametrize(
        ("pseudo", "fields", "status"),
        [
            pytest.param({"protocol": "connect-udp"}, [], "501", id="another protocol"),
            pytest.param({}, [], "400", id="no version"),
            pytest.param({"protocol": ""}, [], "400", id="a plain CONNECT"),
            pytest.param({"method": "POST", "protocol": ""}, [], "405", id="POST"),
        ],
    )
    def test_is_refused(
        self,
        theirs: QuicConfiguration,
        pseudo: dict[str, str],
        fields: list[tuple[str, str]],
        status: str,
    ) -> None:
        async def main() -> None:
            async with serve(echo, ssl=theirs) as server, raw_client(server.port) as raw:
                stream_id = raw.request(fields, **pseudo)
                await raw.until(lambda: stream_id in raw.ended)
                assert raw.heads[stream_id][":status"] == status
                await raw_echo(raw, await raw_open(raw))

        run(main())

    def test_page_and_websocket_on_one_connection(self, theirs: QuicConfiguration) -> None:
        content = b"a page" * 50_000

        def page(path: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
            return 203, [(b"content-type", b"text/html")], content

        async def main() -> None:
            async with (
                serve(echo, ssl=theirs, page=page) as server,
                raw_client(server.port) as raw,
            ):
                stream_id = raw.request([], method="GET", protocol="")
                ws = await raw_open(raw)
                await raw.until(lambda: stream_id in raw.ended)
                assert raw.heads[stream_id] == {":status": "203", "content-type": "text/html"}
                assert raw.data[stream_id] == content
                await raw_echo(raw, ws)

        run(main())


# Both ends ours


class TestConversation:
    @pytest.mark.parametrize("compress", [False, True])
    def test_messages_both_ways(
        self, theirs: QuicConfiguration, ours: QuicConfiguration, compress: bool
    ) -> None:
        async def main() -> None:
            async with (
                serve(echo, ssl=theirs) as server,
                connect(url(server.port), ssl=ours, compress=compress) as ws,
            ):
                messages: list[str | bytes] = ["", "é" * 3000, b"x" * 70_000, bytes(2**20)]
                for message in messages:
                    await ws.send(message)
                    assert await ws.recv() == message
                await ws.send(iter(["in ", "three ", "pieces"]))
                assert await ws.recv() == "in three pieces"
                assert await ws.ping() < TIMEOUT

        run(main())

    def test_handshake(self, theirs: QuicConfiguration, ours: QuicConfiguration) -> None:
        requests: list[Request] = []

        def accept(request: Request) -> Answer:
            requests.append(request)
            return AcceptConnection(subprotocol="b", extra_headers=[(b"x-app", b"1")])

        async def main() -> None:
            async with (
                serve(echo, ssl=theirs, accept=accept) as server,
                connect(
                    url(server.port, "/path?q=1"),
                    ssl=ours,
                    subprotocols=["a", "b"],
                    headers=[(b"x-token", b"t")],
                ) as ws,
            ):
                assert ws.subprotocol == "b"
                assert isinstance(ws.response, AcceptConnection)
                assert (b"x-app", b"1") in ws.response.extra_headers
            (request,) = requests
            assert (request.target, request.subprotocols) == ("/path?q=1", ["a", "b"])
            assert (b"x-token", b"t") in request.extra_headers

        run(main())

    def test_refusal(self, theirs: QuicConfiguration, ours: QuicConfiguration) -> None:
        body = b"no entry" * 1000

        def accept(request: Request) -> Answer:
            if request.target == "/crash":
                raise RuntimeError("as the test asks")
            refusal = RejectConnection(403, [(b"x-why", b"closed")])
            return (refusal, body) if request.target == "/body" else refusal

        async def main() -> None:
            async with (
                serve(echo, ssl=theirs, accept=accept) as server,
                Http3Client.connect(url(server.port), ssl=ours) as client,
            ):
                for path, status, content in (
                    ("/body", 403, body),
                    ("/", 403, b""),
                    ("/crash", 500, b""),
                ):
                    with pytest.raises(Refused) as info:
                        async with client.open(path):
                            pass
                    assert info.value.response.status_code == status
                    assert info.value.body == content
                assert not client.connection.streams

        run(main())

    def test_client_closes(self, theirs: QuicConfiguration, ours: QuicConfiguration) -> None:
        ends: list[SessionEnded] = []

        async def handler(ws: WebSocket) -> None:
            await echo(ws)
            ends.append(ended(ws))

        async def main() -> None:
            async with (
                serve(handler, ssl=theirs) as server,
                Http3Client.connect(url(server.port), ssl=ours) as client,
            ):
                async with client.open("/") as ws:
                    await ws.close(4001, "bye")
                end = ended(ws)
                assert (end.code, end.clean, end.initiator) == (4001, True, Side.LOCAL)
                await until(lambda: ends and not client.connection.streams and not server.tasks)
                assert (ends[0].code, ends[0].reason, ends[0].clean) == (4001, "bye", True)

        run(main())

    @pytest.mark.parametrize(
        ("how", "code", "reason"),
        [("close", 4002, "enough"), ("return", 1000, ""), ("crash", 1011, "")],
    )
    def test_server_closes(
        self,
        theirs: QuicConfiguration,
        ours: QuicConfiguration,
        how: str,
        code: int,
        reason: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def handler(ws: WebSocket) -> None:
            await ws.send("first")
            if how == "close":
                await ws.close(4002, "enough")
            elif how == "crash":
                raise RuntimeError("as the test asks")

        async def main() -> None:
            async with (
                serve(handler, ssl=theirs) as server,
                Http3Client.connect(url(server.port), ssl=ours) as client,
            ):
                async with client.open("/") as ws:
                    assert [message async for message in ws] == ["first"]
                end = ended(ws)
                assert (end.code, end.reason, end.clean) == (code, reason, True)
                await until(lambda: not client.connection.streams and not server.tasks)

        run(main())
        faults = [record for record in caplog.records if record.levelname == "ERROR"]
        assert bool(faults) == (how == "crash")

    def test_end_of_the_server_closes_all_with_1001(
        self, theirs: QuicConfiguration, ours: QuicConfiguration
    ) -> None:
        opened = 0

        async def stubborn(ws: WebSocket) -> None:
            await asyncio.Event().wait()

        async def one(client: Http3Client, path: str) -> None:
            nonlocal opened
            async with client.open(path) as ws:
                opened += 1
                assert [message async for message in ws] == []
                assert (ended(ws).code, ended(ws).clean) == (1001, True)

        async def client_of(port: int) -> None:
            async with Http3Client.connect(url(port), ssl=ours) as client:
                await asyncio.gather(*(one(client, f"/{n}") for n in range(3)))
                await until(lambda: client.connection.lost)
                with pytest.raises(OSError, match="closed"):
                    async with client.open("/"):
                        pass

        async def main() -> None:
            async with asyncio.TaskGroup() as group, serve(stubborn, ssl=theirs) as server:
                group.create_task(client_of(server.port))
                group.create_task(client_of(server.port))
                await until(lambda: opened == 6)

        run(main())

    def test_heartbeats(self, theirs: QuicConfiguration, ours: QuicConfiguration) -> None:
        config = SessionConfig(ping_interval=0.02, ping_timeout=TIMEOUT)

        async def main() -> None:
            async with (
                serve(echo, ssl=theirs, config=config) as server,
                connect(url(server.port), ssl=ours, config=config) as ws,
            ):
                (other,) = server.tasks.values()
                for each in (ws, other):
                    await until(lambda each=each: beaten(each))  # type: ignore[misc]

        run(main())

    def test_twenty_on_one_connection_and_one_that_does_not_read(
        self, theirs: QuicConfiguration, ours: QuicConfiguration
    ) -> None:
        """The others go on, what waits for it is bounded, and in the end it gets it all."""
        entropy = random.Random(7)
        messages = [entropy.randbytes(entropy.randrange(5000, 15_000)) for _ in range(60)]
        sockets: dict[str, StreamWebSocket] = {}

        async def flood(ws: WebSocket) -> None:
            assert isinstance(ws, StreamWebSocket)
            assert ws.request is not None
            sockets[ws.request.target] = ws
            for message in messages:
                await ws.send(message)
            await echo(ws)

        async def main() -> None:
            async with (
                serve(flood, ssl=theirs) as server,
                Http3Client.connect(url(server.port), ssl=ours) as client,
            ):

                async def one(number: int) -> None:
                    async with client.open(f"/{number}", compress=False) as ws:
                        for message in messages[: 60 if number == 0 else 4]:
                            assert await ws.recv() == message
                        if number == 0:
                            await ws.send("done")
                            assert await ws.recv() == "done"

                async with client.open("/slow", compress=False) as slow:
                    await asyncio.gather(*(one(number) for number in range(19)))
                    assert len(sockets) == 20
                    await until(lambda: slow.session.reading_paused)
                    await until(lambda: not sockets["/slow"].session.writable)
                    theirs_of_slow = sockets["/slow"]
                    connection = theirs_of_slow.connection
                    assert isinstance(connection, Http3Connection)
                    assert connection.unacknowledged(theirs_of_slow) <= SENDING + 100
                    high_water = theirs_of_slow.session.config.high_water
                    assert theirs_of_slow.session.output_pending < high_water + 15_010
                    assert len(slow.conversation._messages) <= QUEUE
                    unread = slow.session.statistics().input_pending
                    assert unread <= slow.session.config.read_high_water + 2 * WINDOW
                    for message in messages:
                        assert await slow.recv() == message
                    await slow.send("after all")
                    assert await slow.recv() == "after all"

        run(main())

    def test_flooding_client_is_slowed_down(
        self, theirs: QuicConfiguration, ours: QuicConfiguration
    ) -> None:
        begun = asyncio.Event()

        async def handler(ws: WebSocket) -> None:
            await begun.wait()
            for number in range(60):
                assert await ws.recv() == bytes([number]) * 10_000

        async def main() -> None:
            async with (
                serve(handler, ssl=theirs) as server,
                connect(url(server.port), ssl=ours, compress=False) as ws,
            ):

                async def send() -> None:
                    for number in range(60):
                        await ws.send(bytes([number]) * 10_000)

                task = asyncio.create_task(send())
                (other,) = server.tasks.values()
                await until(lambda: other.session.reading_paused and not ws.session.writable)
                unread = other.session.statistics().input_pending
                assert unread <= other.session.config.read_high_water + 2 * WINDOW
                begun.set()
                await task
                assert [message async for message in ws] == []
                assert ended(ws).code == 1000

        run(main())

    def test_large_message_over_a_network_that_loses_and_swaps_datagrams(
        self, theirs: QuicConfiguration, ours: QuicConfiguration
    ) -> None:
        message = random.Random(1).randbytes(300_000)

        async def main() -> None:
            async with (
                serve(echo, ssl=theirs, config=BIG) as server,
                lossy(server.port, random.Random(2)) as port,
                connect(url(port), ssl=ours, config=BIG, compress=False) as ws,
            ):
                await ws.send(message)
                assert await ws.recv() == message

        run(main())


class Lossy(asyncio.DatagramProtocol):
    """One of the two ends of a proxy that loses and swaps datagrams."""

    transport: asyncio.DatagramTransport
    other: Lossy
    peer: Any = None
    kept: bytes | None = None

    def __init__(self, entropy: random.Random) -> None:
        self.entropy = entropy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.peer = addr
        chance = self.entropy.random()
        if chance < 0.03:
            return
        if chance < 0.1 and self.kept is None:
            self.kept = data
            return
        self.other.transport.sendto(data, self.other.peer)
        if self.kept is not None:
            self.other.transport.sendto(self.kept, self.other.peer)
            self.kept = None


@asynccontextmanager
async def lossy(port: int, entropy: random.Random) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    near, far = Lossy(entropy), Lossy(entropy)
    near.other, far.other, far.peer = far, near, ("127.0.0.1", port)
    for end in (near, far):
        await loop.create_datagram_endpoint(lambda end=end: end, ("127.0.0.1", 0))  # type: ignore[misc]
    yield near.transport.get_extra_info("sockname")[1]
    near.transport.close()
    far.transport.close()


# The end of streams and connections


class TestLoss:
    @pytest.mark.parametrize("how", ["reset", "close"])
    def test_within_a_message(self, theirs: QuicConfiguration, how: str) -> None:
        ends: list[SessionEnded] = []

        async def handler(ws: WebSocket) -> None:
            await echo(ws)
            ends.append(ended(ws))

        async def main() -> None:
            async with serve(handler, ssl=theirs) as server, raw_client(server.port) as raw:
                cut, other = await raw_open(raw), await raw_open(raw)
                raw.send(cut, encode(Frame(TEXT, b"begun, but", False, masking_key=b"abcd")))
                if how == "reset":
                    raw.reset(cut)
                    await until(lambda: ends)
                    await raw_echo(raw, other)
                else:
                    raw.close()
                    await until(lambda: len(ends) == 2)
                assert {(end.code, end.cause) for end in ends} == {(1006, EndCause.LOST)}
                await until(lambda: len(server.tasks) == (1 if how == "reset" else 0))

        run(main())

    def test_peer_that_has_vanished_is_noticed(self, theirs: QuicConfiguration) -> None:
        ends: list[SessionEnded] = []

        async def handler(ws: WebSocket) -> None:
            await echo(ws)
            ends.append(ended(ws))

        async def main() -> None:
            config = SessionConfig(ping_interval=0.05, ping_timeout=0.05, close_timeout=0.05)
            async with (
                serve(handler, ssl=theirs, config=config) as server,
                raw_client(server.port) as raw,
            ):
                stream_id = await raw_open(raw)
                await raw.until(lambda: stream_id in raw.resets)
                assert raw.resets[stream_id] == ErrorCode.H3_REQUEST_CANCELLED
                assert ends[0].cause is EndCause.TIMED_OUT
                await until(lambda: not server.tasks)

        run(main())

    def test_peer_that_closes_but_does_not_end_its_stream(self, theirs: QuicConfiguration) -> None:
        async def main() -> None:
            config = SessionConfig(close_timeout=0.05)
            async with (
                serve(echo, ssl=theirs, config=config) as server,
                raw_client(server.port) as raw,
            ):
                stream_id = await raw_open(raw)
                frame = Frame(CLOSE, close_payload(1000), masking_key=b"abcd")
                raw.send(stream_id, encode(frame))
                await raw.until(lambda: stream_id in raw.ended)
                assert raw.data[stream_id] == encode(Frame(CLOSE, close_payload(1000)))
                await until(lambda: not server.tasks)

        run(main())

    def test_connection_lost_under_a_client(
        self, theirs: QuicConfiguration, ours: QuicConfiguration
    ) -> None:
        async def main() -> None:
            async with (
                serve(echo, ssl=theirs) as server,
                Http3Client.connect(url(server.port), ssl=ours) as client,
                client.open("/a") as a,
                client.open("/b") as b,
            ):
                (connection,) = server.connections
                connection.close()
                for ws in (a, b):
                    with pytest.raises(ConnectionClosed) as info:
                        await ws.recv()
                    assert (info.value.end.code, info.value.end.cause) == (1006, EndCause.LOST)

        run(main())


class TestClient:
    def test_asks_nothing_of_a_server_without_extended_connect(
        self,
        theirs: QuicConfiguration,
        ours: QuicConfiguration,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        settings: Callable[[H3Connection], dict[int, int]] = H3Connection._get_local_settings

        def without(connection: H3Connection) -> dict[int, int]:
            return {
                name: value
                for name, value in settings(connection).items()
                if name != Setting.ENABLE_CONNECT_PROTOCOL
            }

        async def main() -> None:
            async with serve(echo, ssl=theirs) as server:
                with pytest.raises(OSError, match="no WebSockets"):
                    async with connect(url(server.port), ssl=ours):
                        pass
                assert not server.tasks

        monkeypatch.setattr(H3Connection, "_get_local_settings", without)
        run(main())

    def test_cannot_connect(self, theirs: QuicConfiguration, ours: QuicConfiguration) -> None:
        async def main() -> None:
            async with serve(echo, ssl=theirs) as server:
                with pytest.raises(OSError, match="no WebSockets"):  # it is not trusted
                    async with connect(url(server.port)):
                        pass
            with pytest.raises(TimeoutError):
                async with connect(
                    url(server.port), ssl=ours, config=SessionConfig(handshake_timeout=0.1)
                ):
                    pass
            with pytest.raises(ValueError, match="wss"):
                async with connect("ws://127.0.0.1/"):
                    pass

        run(main())


@pytest.fixture(scope="module")
def hypercorn(certificate: Path) -> Iterator[int]:
    """The port of hypercorn as it is, on wsproto, in a process of its own."""
    files = ("--certfile", str(certificate), "--keyfile", str(certificate))
    binds = ("--bind", "127.0.0.1:0", "--quic-bind", "127.0.0.1:0", "--workers", "0")
    with run_process(
        consumer("unaliased"), "hypercorn", *binds, *files, f"{consumer('asgi_app')}:app"
    ) as process:
        yield int(process.expect(r".*Running on https://127\.0\.0\.1:(\d+) \(QUIC\)")[1])


class TestClientOfHypercorn:
    def test_conversation(self, hypercorn: int, ours: QuicConfiguration) -> None:
        async def main() -> None:
            async with Http3Client.connect(url(hypercorn), ssl=ours) as client:
                async with client.open("/engine?of=hypercorn.protocol.ws_stream") as ws:
                    assert "site-packages/wsproto/" in str(await ws.recv())
                async with (
                    client.open("/echo", subprotocols=["chat.v1", "chat.v2"]) as a,
                    client.open("/echo", compress=False) as b,
                ):
                    assert a.subprotocol == "chat.v2"
                    for message in ("", "é" * 3000, bytes(range(256)) * 1024):
                        for ws in (a, b):
                            await ws.send(message)
                        for ws in (a, b):
                            assert await ws.recv() == message
                    await a.send(iter(["in ", "three ", "pieces"]))
                    assert await a.recv() == "in three pieces"
                    assert await b.ping() < TIMEOUT
                    await b.close(4000)
                    assert (ended(b).code, ended(b).clean) == (4000, True)
                # No other refusals: its own have "connection: close", which aioquic takes for the
                # malformed message that it is (RFC 9114 §4.2), and closes the connection.
                with pytest.raises(Refused) as info:
                    async with client.open("/reject"):
                        pass
                assert (info.value.response.status_code, info.value.body) == (403, b"no entry")
                # The last, because hypercorn 0.18 does not survive that a client then ends its
                # half of the stream: KeyError in H3Protocol.handle, which ends all of its UDP.
                async with client.open("/echo") as ws:
                    await ws.send("close 3456 enough")
                    assert [message async for message in ws] == []
                    end = ended(ws)
                    assert (end.code, end.reason, end.clean) == (3456, "enough", True)

        run(main())
