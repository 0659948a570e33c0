"""WebSockets over HTTP/2 as ``examples/transports/on_h2.py`` does it, both roles."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import pytest

from examples.transports.conversation import QUEUE, Answer, ConnectionClosed, Refused
from examples.transports.h2_connection import MAX_UNREAD
from examples.transports.http_opening import MAX_STREAMS, Opening
from examples.transports.http_streams import StreamWebSocket
from examples.transports.on_h2 import Http2Client, connect, serve
from examples.transports.websocket import WebSocket
from wsproto_core import EndCause, Limits, Session, SessionConfig, SessionEnded, Side
from wsproto_core.events import AcceptConnection, RejectConnection, Request

from . import h2_tunnel
from .peer import BINARY, CLOSE, TEXT, Frame, Offer, close_payload, encode
from .processes import TIMEOUT, consumer
from .processes import run as run_process
from .server_suite import DeflateSuite, RefusalSuite, ServerSuite
from .servers import Dial, Server, StartServer
from .test_chat import make_certificate
from .test_chat_browser import browser  # noqa: F401  # a fixture

pytestmark = pytest.mark.integration

Codes = h2.settings.SettingCodes
Settings = dict[h2.settings.SettingCodes, int]
BIG = SessionConfig(limits=Limits(max_message_size=2**24))
Fields = list[tuple[str, str]]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test on a loop, on which nothing may be left, nor an exception that nobody saw."""
    faults: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        await asyncio.wait_for(main, 3 * TIMEOUT)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(watched())
    assert faults == []


async def until(condition: Callable[[], object]) -> None:
    """For what happens at the other end, of which nobody tells us."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.005)


def beaten(ws: WebSocket) -> bool:
    return ws.session.statistics().pings_sent > 2


async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


def ended(ws: WebSocket) -> SessionEnded:
    assert ws.end is not None
    return ws.end


def url(server: Any, path: str = "/", scheme: str = "ws") -> str:
    return f"{scheme}://{'localhost' if scheme == 'wss' else '127.0.0.1'}:{server.port}{path}"


class Raw:
    """One end of HTTP/2, made by hand on h2: what goes over the wire is in the test."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        client: bool,
        settings: Settings,
    ) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=client, header_encoding="utf-8", validate_outbound_headers=False
            )
        )
        self.h2.local_settings = h2.settings.Settings(client=client, initial_values=settings)
        self.acknowledges = True
        self.data: dict[int, bytearray] = {}
        self.largest = 0
        self.heads: dict[int, dict[str, str]] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.settings = self.goaway = self.eof = False
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                data = await self.reader.read(65536)
                if not data:
                    self.eof = True
                    assert condition(), "the end"
                    return
                for event in self.h2.receive_data(data):
                    self.take(event)
                self.flush()

    def take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived() | h2.events.ResponseReceived():
                self.heads[event.stream_id] = {str(n): str(v) for n, v in event.headers}
                self.data[event.stream_id] = bytearray()
            case h2.events.DataReceived():
                assert event.data is not None
                self.data[event.stream_id] += event.data
                self.largest = max(self.largest, len(event.data))
                if self.acknowledges and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.ended.add(event.stream_id)
            case h2.events.StreamReset():
                self.resets[event.stream_id] = int(event.error_code)
            case h2.events.RemoteSettingsChanged():
                self.settings = True
            case h2.events.ConnectionTerminated():
                self.goaway = True

    def request(self, fields: Fields | None = None, **pseudo: str) -> int:
        """Ask for a WebSocket, or for something else."""
        wanted = {
            "method": "CONNECT",
            "protocol": "websocket",
            "scheme": "http",
            "authority": "127.0.0.1",
            "path": "/",
        } | pseudo
        head = [(f":{name}", value) for name, value in wanted.items() if value]
        if "protocol" not in pseudo:
            head.append(("sec-websocket-version", "13"))
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(
            stream_id, head + (fields or []), end_stream=wanted["method"] != "CONNECT"
        )
        self.flush()
        return stream_id

    async def open(self) -> int:
        stream_id = self.request()
        await self.until(lambda: stream_id in self.heads)
        assert self.heads[stream_id][":status"] == "200"
        return stream_id

    def has_window(self, size: int) -> bool:
        return self.h2.local_settings.initial_window_size == size

    def send(self, stream_id: int, data: bytes) -> None:
        self.h2.send_data(stream_id, data)
        self.flush()

    def send_frame(self, stream_id: int, opcode: int, payload: bytes, *, fin: bool = True) -> None:
        self.send(stream_id, encode(Frame(opcode, payload, fin, masking_key=b"abcd")))

    async def receive(self, stream_id: int, expected: Frame) -> None:
        """Exactly this frame comes next."""
        data = encode(expected)
        await self.until(lambda: len(self.data[stream_id]) >= len(data))
        assert self.data[stream_id] == data
        self.data[stream_id].clear()


@asynccontextmanager
async def raw_client(port: int, settings: Settings | None = None) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    raw = Raw(reader, writer, client=True, settings=settings or {})
    try:
        await raw.until(lambda: raw.settings)
        yield raw
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


@asynccontextmanager
async def raw_server(
    script: Callable[[Raw], Awaitable[None]], settings: Settings | None = None
) -> AsyncIterator[str]:
    """A server that does for each connection what the script says; its URL."""
    if settings is None:
        settings = {Codes.ENABLE_CONNECT_PROTOCOL: 1}
    writers: list[asyncio.StreamWriter] = []
    tasks: list[asyncio.Task[None] | None] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        tasks.append(asyncio.current_task())
        await script(Raw(reader, writer, client=False, settings=settings))

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for task in tasks:
            assert task is not None
            await task
        for writer in writers:
            writer.close()


async def answer(raw: Raw, *more: tuple[str, str], status: str = "200") -> int:
    """Take the next request, and answer it."""
    known = set(raw.heads)
    await raw.until(lambda: set(raw.heads) - known)
    (stream_id,) = set(raw.heads) - known
    raw.h2.send_headers(stream_id, [(":status", status), *more])
    raw.flush()
    return stream_id


# Our server


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    return replace(start_server(consumer("http_streams_server"), "h2"), dial_port=h2_tunnel.dial)


class TestServer(ServerSuite, DeflateSuite, RefusalSuite):
    """Met by a peer made by hand, on h2."""

    opened = 200

    def test_crash_of_the_application_is_500(self, dial: Dial) -> None:
        assert dial(Offer("/crash")).status == 500


class TestRequests:
    """What is no good opening handshake (RFC 8441 §4, §5)."""

    @pytest.mark.parametrize(
        ("pseudo", "fields", "status"),
        [
            pytest.param({"protocol": "connect-udp"}, [], "501", id="another protocol"),
            pytest.param({"protocol": "websocket"}, [], "400", id="no version"),
            pytest.param(
                {"protocol": "websocket"}, [("sec-websocket-version", "8")], "426", id="version"
            ),
            pytest.param(
                {"protocol": "", "scheme": "", "path": ""}, [], "400", id="a plain CONNECT"
            ),
            pytest.param({"method": "GET", "protocol": ""}, [], "405", id="GET, and no page"),
            pytest.param({"method": "POST", "protocol": ""}, [], "405", id="POST"),
        ],
    )
    def test_is_refused(self, pseudo: dict[str, str], fields: Fields, status: str) -> None:
        async def main() -> None:
            async with serve(echo) as server, raw_client(server.port) as raw:
                stream_id = raw.request(fields, **pseudo)
                await raw.until(lambda: stream_id in raw.ended)
                assert raw.heads[stream_id][":status"] == status
                # The connection is none the worse.
                good = await raw.open()
                raw.send_frame(good, TEXT, b"hello")
                await raw.receive(good, Frame(TEXT, b"hello"))

        run(main())

    def test_page_and_websocket_on_one_connection(self) -> None:
        page = b"<p>" + b"a page" * 50_000

        async def main() -> None:
            def answer(path: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
                assert path == "/index"
                return 203, [(b"content-type", b"text/html")], page

            async with serve(echo, page=answer) as server, raw_client(server.port) as raw:
                stream_id = raw.request(method="GET", protocol="", path="/index")
                ws = await raw.open()
                await raw.until(lambda: stream_id in raw.ended)
                assert raw.heads[stream_id] == {":status": "203", "content-type": "text/html"}
                assert raw.data[stream_id] == page
                head = raw.request(method="HEAD", protocol="", path="/index")
                await raw.until(lambda: head in raw.ended)
                assert (raw.heads[head][":status"], raw.data[head]) == ("203", b"")
                raw.send_frame(ws, TEXT, b"hello")
                await raw.receive(ws, Frame(TEXT, b"hello"))

        run(main())

    def test_what_is_not_http2_ends_with_goaway(self) -> None:
        async def main() -> None:
            async with serve(echo) as server:
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                data = await asyncio.wait_for(reader.read(), TIMEOUT)
                assert b"\x07\0\0\0\0\0" in data
                writer.close()

        run(main())

    def test_connection_without_streams_is_ended(self) -> None:
        async def main() -> None:
            config = SessionConfig(handshake_timeout=0.05)
            async with serve(echo, config=config) as server, raw_client(server.port) as raw:
                await raw.until(lambda: raw.goaway)
                await raw.until(lambda: raw.eof)

        run(main())

    def test_as_many_streams_as_are_admitted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def main() -> None:
            async with serve(echo) as server, Http2Client.connect(url(server)) as client:
                order: list[int] = []

                async def one(number: int) -> None:
                    async with client.open(f"/{number}") as ws:
                        await ws.send(str(number))
                        assert await ws.recv() == str(number)
                        order.append(number)
                        if number < 3:
                            await until(lambda: len(order) >= 3)

                await asyncio.gather(*(one(n) for n in range(9)))
                assert sorted(order) == list(range(9))

        monkeypatch.setattr("examples.transports.h2_connection.MAX_STREAMS", 3)
        run(main())

    def test_handlers_of_streams_that_are_no_more_are_bounded(self) -> None:
        """As by rapid reset, where the handlers wait for something else."""
        running = 0

        async def stubborn(ws: WebSocket) -> None:
            nonlocal running
            running += 1
            await asyncio.Event().wait()

        async def main() -> None:
            async with serve(stubborn) as server, raw_client(server.port) as raw:
                for _ in range(300):
                    raw.h2.reset_stream(raw.request(), h2.errors.ErrorCodes.CANCEL)
                raw.flush()
                refused = raw.request()
                await raw.until(lambda: refused in raw.ended)
                assert raw.heads[refused][":status"] == "503"
                assert len(server.tasks) == running == MAX_STREAMS

        run(main())

    def test_who_makes_us_answer_and_does_not_read_is_dropped(self) -> None:
        async def main() -> None:
            async with serve(echo) as server, raw_client(server.port) as raw:
                await raw.open()
                (connection,) = server.connections
                ours, theirs = (
                    transport.get_extra_info("socket")
                    for transport in (raw.writer.transport, connection.transport)
                )
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                ping = b"\0\0\x08\x06\0\0\0\0\0" + bytes(8)
                try:
                    while not connection.lost.is_set():
                        raw.writer.write(ping * 1000)
                        await raw.writer.drain()
                        await asyncio.sleep(0)
                        size = connection.transport.get_write_buffer_size()
                        assert size < 2 * MAX_UNREAD
                except ConnectionError:
                    pass
                await connection.lost.wait()

        run(main())


# Both ends ours


class TestTls:
    """What a client that is silent within TLS's handshake can hold up."""

    def test_leaving_the_server(self, tmp_path: Path) -> None:
        theirs, ours = make_contexts(tmp_path)

        async def main() -> None:
            async with serve(echo, ssl=theirs) as server:
                _, silent = await asyncio.open_connection("127.0.0.1", server.port)
                async with connect(url(server, "/", "wss"), ssl=ours) as ws:
                    await ws.send("the server has seen the other one, too")
                    await ws.recv()
            silent.close()
            await until(lambda: len(asyncio.all_tasks()) == 2)  # asyncio's own was for that one

        run(main())

    def test_forgotten_handshake_ends_at_its_deadline(self, tmp_path: Path) -> None:
        theirs, _ = make_contexts(tmp_path)

        async def main() -> None:
            async with serve(
                echo, ssl=theirs, config=SessionConfig(handshake_timeout=0.2)
            ) as server:
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                async with asyncio.timeout(TIMEOUT):
                    assert await reader.read() == b""
                writer.close()

        run(main())


class TestClientsBlock:
    """The code that a client's connection is closed with, by how its block ends."""

    @pytest.mark.parametrize(
        ("error", "code"),
        [(RuntimeError("a test"), 1011), (asyncio.CancelledError(), 1001)],
        ids=["exception", "cancelled"],
    )
    def test_code(self, error: BaseException, code: int) -> None:
        async def main() -> None:
            ends: list[WebSocket] = []

            async def handler(ws: WebSocket) -> None:
                ends.append(ws)
                async for _ in ws:
                    pass

            async with serve(handler) as server:
                with pytest.raises(type(error)):
                    async with connect(url(server, "/")):
                        raise error
                await until(lambda: bool(ends) and ends[0].end is not None)
                assert ends[0].end is not None
                assert ends[0].end.code == code

        run(main())


class TestConversation:
    @pytest.fixture(params=["ws", "wss"])
    def contexts(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> tuple[str, ssl.SSLContext | None, ssl.SSLContext | None]:
        if request.param == "ws":
            return "ws", None, None
        return "wss", *make_contexts(tmp_path)

    @pytest.mark.parametrize("compress", [False, True])
    def test_messages_both_ways(self, contexts: Any, compress: bool) -> None:
        scheme, theirs, ours = contexts

        async def main() -> None:
            async with (
                serve(echo, ssl=theirs, config=BIG) as server,
                connect(url(server, "/", scheme), ssl=ours, compress=compress, config=BIG) as ws,
            ):
                messages: list[str | bytes] = ["", "é" * 3000, b"x" * 70_000, bytes(2**20)]
                for message in messages:
                    await ws.send(message)
                    assert await ws.recv() == message
                await ws.send(iter(["in ", "three ", "pieces"]))
                assert await ws.recv() == "in three pieces"
                assert await ws.ping() < TIMEOUT

        run(main())

    def test_five_mebibytes_through_windows_of_64_kibibytes(self, contexts: Any) -> None:
        scheme, theirs, ours = contexts
        message = random.Random(1).randbytes(5 * 2**20)

        async def main() -> None:
            async with (
                serve(echo, ssl=theirs, config=BIG) as server,
                connect(url(server, "/", scheme), ssl=ours, config=BIG) as ws,
            ):
                await ws.send(message)
                assert await ws.recv() == message

        run(main())

    def test_handshake(self) -> None:
        requests: list[Request] = []

        def accept(request: Request) -> Answer:
            requests.append(request)
            return AcceptConnection(subprotocol="b", extra_headers=[(b"x-app", b"1")])

        async def main() -> None:
            async with (
                serve(echo, accept=accept) as server,
                connect(
                    url(server, "/path?q=1"), subprotocols=["a", "b"], headers=[(b"x-token", b"t")]
                ) as ws,
            ):
                assert ws.subprotocol == "b"
                assert isinstance(ws.response, AcceptConnection)
                assert (b"x-app", b"1") in ws.response.extra_headers
            (request,) = requests
            assert (request.target, request.subprotocols) == ("/path?q=1", ["a", "b"])
            assert (b"x-token", b"t") in request.extra_headers

        run(main())

    def test_refusal(self) -> None:
        body = b"no entry" * 1000

        def accept(request: Request) -> Answer:
            if request.target == "/crash":
                raise RuntimeError("as the test asks")
            refusal = RejectConnection(403, [(b"x-why", b"closed")])
            return (refusal, body) if request.target == "/body" else refusal

        async def main() -> None:
            async with (
                serve(echo, accept=accept) as server,
                Http2Client.connect(url(server)) as client,
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
                    assert info.value.end.cause is EndCause.REJECTED
                assert not client.connection.streams

        run(main())

    def test_client_closes(self) -> None:
        ends: list[SessionEnded] = []

        async def handler(ws: WebSocket) -> None:
            await echo(ws)
            ends.append(ended(ws))

        async def main() -> None:
            async with serve(handler) as server, Http2Client.connect(url(server)) as client:
                async with client.open("/") as ws:
                    await ws.close(4001, "bye")
                    with pytest.raises(ConnectionClosed):
                        await ws.recv()
                assert ws.end is not None
                assert (ws.end.code, ws.end.clean, ws.end.initiator) == (4001, True, Side.LOCAL)
                await until(lambda: ends and not client.connection.streams and not server.tasks)
                assert (ends[0].code, ends[0].reason, ends[0].clean) == (4001, "bye", True)

        run(main())

    @pytest.mark.parametrize(
        ("how", "code", "reason"),
        [("close", 4002, "enough"), ("return", 1000, ""), ("crash", 1011, "")],
    )
    def test_server_closes(
        self, how: str, code: int, reason: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def handler(ws: WebSocket) -> None:
            await ws.send("first")
            if how == "close":
                await ws.close(4002, "enough")
            elif how == "crash":
                raise RuntimeError("as the test asks")

        async def main() -> None:
            async with serve(handler) as server, Http2Client.connect(url(server)) as client:
                async with client.open("/") as ws:
                    assert [message async for message in ws] == ["first"]
                assert ws.end is not None
                assert (ws.end.code, ws.end.reason, ws.end.clean) == (code, reason, True)
                await until(lambda: not client.connection.streams and not server.tasks)

        run(main())
        assert bool(caplog.records) == (how == "crash")

    def test_end_of_the_server_closes_all_with_1001(self) -> None:
        async def stubborn(ws: WebSocket) -> None:
            await asyncio.Event().wait()

        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                opened = 0

                async def one(client: Http2Client, path: str) -> None:
                    nonlocal opened
                    async with client.open(path) as ws:
                        opened += 1
                        assert [message async for message in ws] == []
                        assert ws.end is not None
                        assert (ws.end.code, ws.end.clean) == (1001, True)

                async def client_of(address: str) -> None:
                    async with Http2Client.connect(address) as client:
                        await asyncio.gather(*(one(client, f"/{n}") for n in range(3)))
                        await until(lambda: client.connection.closed)
                        with pytest.raises(OSError, match="closed"):
                            async with client.open("/"):
                                pass

                async with serve(stubborn) as server:
                    group.create_task(client_of(url(server)))
                    group.create_task(client_of(url(server)))
                    await until(lambda: opened == 6)

        run(main())

    def test_cancelled_client_leaves_nothing(self) -> None:
        async def main() -> None:
            async with serve(echo) as server, Http2Client.connect(url(server)) as client:

                async def one() -> None:
                    async with client.open("/") as ws:
                        await ws.recv()

                task = asyncio.create_task(one())
                await until(lambda: server.tasks)
                task.cancel()
                await asyncio.wait([task])
                assert task.cancelled()
                await until(lambda: not server.tasks and not client.connection.streams)

        run(main())

    def test_nothing_is_kept_of_what_is_over(self) -> None:
        def things() -> set[int]:
            gc.collect()
            kinds = Opening | StreamWebSocket | Session
            return {id(thing) for thing in gc.get_objects() if isinstance(thing, kinds)}

        async def main() -> None:
            before = things()  # other tests' of this process
            async with serve(echo) as server, Http2Client.connect(url(server)) as client:
                for _ in range(3):
                    async with client.open("/") as ws:
                        await ws.send("hello")
                        assert await ws.recv() == "hello"
                del ws
                await until(lambda: not client.connection.streams and not server.tasks)
                assert things() <= before

        run(main())

    def test_heartbeats_on_each_stream(self) -> None:
        config = SessionConfig(ping_interval=0.02, ping_timeout=TIMEOUT)
        servers: list[WebSocket] = []

        async def handler(ws: WebSocket) -> None:
            servers.append(ws)
            await echo(ws)

        async def main() -> None:
            async with (
                serve(handler, config=config) as server,
                Http2Client.connect(url(server), config=config) as client,
                client.open("/a") as a,
                client.open("/b") as b,
            ):
                for ws in (a, b, *servers):
                    await until(partial(beaten, ws))
                    assert ws.session.latency is not None

        run(main())

    def test_segments_cut_anywhere(self) -> None:
        """Bytes arrive in whatever pieces the network makes of them."""

        async def main(seed: int) -> None:
            entropy = random.Random(seed)
            async with (
                serve(echo) as server,
                cutting(server.port, entropy) as port,
                Http2Client.connect(f"ws://127.0.0.1:{port}/") as client,
            ):

                async def one(number: int) -> None:
                    async with client.open("/") as ws:
                        for size in (0, 1, 125, 126, 2000, 20_000):
                            message = f"{number}" * size
                            await ws.send(message)
                            assert await ws.recv() == message

                await asyncio.gather(*(one(number) for number in range(3)))

        for seed in range(5):
            run(main(seed))


@asynccontextmanager
async def cutting(port: int, entropy: random.Random) -> AsyncIterator[int]:
    """A proxy that passes on a few bytes at a time."""
    tasks = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            while data:
                size = entropy.choice([1, 2, 5, 9, 50, 1000])
                writer.write(data[:size])
                await asyncio.sleep(0)
                data = data[size:]
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, other_writer), copy(other_reader, writer))

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.gather(*filter(None, tasks))


def make_contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    certificate = make_certificate(folder)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate)
    return theirs, ssl.create_default_context(cafile=str(certificate))


# Flow control (RFC 9113 §5.2, §6.9)


class TestWindows:
    def test_window_of_one_byte(self) -> None:
        async def main() -> None:
            async with (
                serve(echo) as server,
                raw_client(server.port, {Codes.INITIAL_WINDOW_SIZE: 1}) as raw,
            ):
                stream_id = await raw.open()
                message = bytes(range(256)) * 4
                raw.send_frame(stream_id, BINARY, message)
                await raw.receive(stream_id, Frame(BINARY, message))
                assert raw.largest == 1

        run(main())

    def test_window_that_is_opened_by_settings_and_shrinks_below_zero(self) -> None:
        async def main() -> None:
            async with (
                serve(echo) as server,
                raw_client(server.port, {Codes.INITIAL_WINDOW_SIZE: 0}) as raw,
            ):
                raw.acknowledges = False
                stream_id = await raw.open()
                message = bytes(5000)
                raw.send_frame(stream_id, BINARY, message)
                for size in (100, 10, 3000, 0, 10_000):
                    raw.h2.update_settings({Codes.INITIAL_WINDOW_SIZE: size})
                    raw.flush()
                    await raw.until(partial(raw.has_window, size))
                await raw.receive(stream_id, Frame(BINARY, message))

        run(main())

    def test_frames_are_no_larger_than_the_peer_admits(self) -> None:
        async def main() -> None:
            async with serve(echo, config=BIG) as server, raw_client(server.port) as raw:
                stream_id = await raw.open()
                data = encode(Frame(BINARY, bytes(60_000), masking_key=b"abcd"))
                for at in range(0, len(data), 16_384):
                    raw.send(stream_id, data[at : at + 16_384])
                await raw.receive(stream_id, Frame(BINARY, bytes(60_000)))
                assert raw.largest <= 16_384

        run(main())

    def test_peer_that_does_not_read_makes_the_session_unwritable(self) -> None:
        sent = 0
        waiting: list[WebSocket] = []

        async def flood(ws: WebSocket) -> None:
            nonlocal sent
            waiting.append(ws)
            while True:
                await ws.send(bytes(1000))
                sent += 1

        async def main() -> None:
            async with serve(flood) as server, raw_client(server.port) as raw:
                raw.acknowledges = False
                stream_id = await raw.open()
                await until(lambda: waiting and not waiting[0].session.writable)
                await raw.until(lambda: len(raw.data[stream_id]) == 65_535)
                (ws,) = waiting
                high_water = ws.session.config.high_water
                before = sent
                for _ in range(20):
                    await asyncio.sleep(0)
                assert sent == before
                assert sent * 1000 < 65_535 + high_water + 2000
                assert high_water <= ws.session.output_pending < high_water + 2000
                # Then it reads, and everything goes on.
                raw.acknowledges = True
                raw.h2.acknowledge_received_data(65_535, stream_id)
                raw.flush()
                await raw.until(lambda: len(raw.data[stream_id]) > 300_000)
                await raw_close(raw, stream_id)

        run(main())

    def test_flooding_client_is_slowed_down(self) -> None:
        """No window is given back for what nobody takes."""
        begun = asyncio.Event()
        first = True

        async def handler(ws: WebSocket) -> None:
            nonlocal first
            if first:
                first = False
                await begun.wait()
            await echo(ws)

        async def main() -> None:
            async with serve(handler) as server, raw_client(server.port) as raw:
                slow_id = await raw.open()
                frame = encode(Frame(BINARY, bytes(1000), masking_key=b"abcd"))
                sent = 0

                def window() -> int:
                    return raw.h2.local_flow_control_window(slow_id)

                async def quiet() -> None:
                    """Whatever was to be sent to us has been."""
                    raw.h2.ping(b"12345678")
                    pongs = raw_pongs
                    raw.flush()
                    await raw.until(lambda: raw_pongs > pongs)

                raw_pongs = 0
                take = raw.take

                def count(event: h2.events.Event) -> None:
                    nonlocal raw_pongs
                    raw_pongs += isinstance(event, h2.events.PingAckReceived)
                    take(event)

                raw.take = count  # type: ignore[method-assign]
                while True:
                    while window() >= len(frame):
                        raw.send(slow_id, frame)
                        sent += len(frame)
                    await quiet()
                    if window() < len(frame):
                        break
                (ws,) = server.tasks.values()
                assert ws.session.reading_paused
                assert sent < 3 * 65_536 + 16 * 1000
                # Meanwhile others are served.
                other = await raw.open()
                raw.send_frame(other, TEXT, b"hello")
                await raw.until(lambda: raw.data[other])
                begun.set()
                await raw.until(lambda: len(raw.data[slow_id]) >= sent // 1007 * 1004)
                assert len(raw.data[other]) == 7

        run(main())

    def test_twenty_on_one_connection_and_one_that_does_not_read(self) -> None:
        """The others go on, what waits for it is bounded, and in the end it gets it all."""
        entropy = random.Random(7)
        messages = [entropy.randbytes(entropy.randrange(20_000, 150_000)) for _ in range(30)]
        sockets: list[StreamWebSocket] = []

        async def flood(ws: WebSocket) -> None:
            assert isinstance(ws, StreamWebSocket)
            sockets.append(ws)
            for message in messages:
                await ws.send(message)
                largest.append(ws.session.output_pending)
            await echo(ws)

        largest: list[int] = []

        async def main() -> None:
            async with (
                serve(flood, config=BIG) as server,
                Http2Client.connect(url(server), config=BIG) as client,
            ):

                async def one(number: int) -> None:
                    async with client.open(f"/{number}", compress=number % 2 == 0) as ws:
                        for message in messages:
                            assert await ws.recv() == message
                        await ws.send(str(number))
                        assert await ws.recv() == str(number)

                async with client.open("/slow", compress=False) as slow:
                    await asyncio.gather(*(one(number) for number in range(19)))
                    assert len(sockets) == 20
                    assert len(slow.conversation._messages) <= QUEUE
                    unread = slow.session.statistics().input_pending
                    assert unread <= slow.session.config.read_high_water + 65_535 + 16_384
                    (connection,) = server.connections
                    assert connection.transport.get_write_buffer_size() < 100_000
                    for message in messages:
                        assert await slow.recv() == message
                    await slow.send("after all")
                    assert await slow.recv() == "after all"
            assert max(largest) < 65_536 + 150_010

        run(main())

    def test_both_ends_flood_each_other(self) -> None:
        async def handler(ws: WebSocket) -> None:
            await exchange(ws)

        async def exchange(ws: WebSocket) -> None:
            async def send() -> None:
                for number in range(100):
                    await ws.send(bytes([number]) * 20_000)

            async def receive() -> None:
                for number in range(100):
                    assert await ws.recv() == bytes([number]) * 20_000

            await asyncio.gather(send(), receive())

        async def main() -> None:
            async with serve(handler) as server, Http2Client.connect(url(server)) as client:

                async def one() -> None:
                    async with client.open("/", compress=False) as ws:
                        await exchange(ws)

                await asyncio.gather(*(one() for _ in range(5)))

        run(main())


async def raw_close(raw: Raw, stream_id: int) -> None:
    raw.h2.reset_stream(stream_id, h2.errors.ErrorCodes.CANCEL)
    raw.flush()


# The end of streams and connections


class TestLoss:
    def test_reset_within_a_message(self) -> None:
        ends: list[SessionEnded] = []

        async def handler(ws: WebSocket) -> None:
            await echo(ws)
            ends.append(ended(ws))

        async def main() -> None:
            async with serve(handler) as server, raw_client(server.port) as raw:
                cut, other = await raw.open(), await raw.open()
                raw.send_frame(cut, TEXT, b"begun, but", fin=False)
                await raw_close(raw, cut)
                await until(lambda: ends)
                assert (ends[0].code, ends[0].cause) == (1006, EndCause.LOST)
                raw.send_frame(other, TEXT, b"hello")
                await raw.receive(other, Frame(TEXT, b"hello"))
                raw.send_frame(other, CLOSE, close_payload(1000))
                await raw.receive(other, Frame(CLOSE, close_payload(1000)))
                await raw.until(lambda: other in raw.ended)

        run(main())

    def test_data_for_a_stream_that_was_reset_is_no_fault(self) -> None:
        """What was under way gives the connection its window back."""

        async def abort(ws: WebSocket) -> None:
            await ws.recv()
            ws.abort()

        async def main() -> None:
            async with serve(abort) as server, raw_client(server.port) as raw:
                stream_id = await raw.open()
                raw.send_frame(stream_id, TEXT, b"go")
                for _ in range(3):  # h2 has not read yet that it was reset
                    raw.send_frame(stream_id, BINARY, bytes(1000))
                await raw.until(lambda: stream_id in raw.resets)
                assert raw.resets[stream_id] == h2.errors.ErrorCodes.CANCEL
                await raw.open()

        run(main())

    @pytest.mark.parametrize("how", ["goaway", "cut", "garbage"])
    def test_each_session_of_a_lost_connection_is_told(self, how: str) -> None:
        ends: list[SessionEnded] = []

        async def handler(ws: WebSocket) -> None:
            await echo(ws)
            ends.append(ended(ws))

        async def main() -> None:
            async with serve(handler) as server, raw_client(server.port) as raw:
                for _ in range(3):
                    await raw.open()
                if how == "goaway":
                    raw.h2.close_connection()
                    raw.flush()
                elif how == "cut":
                    raw.writer.transport.abort()
                else:
                    raw.writer.write(b"\0\0\1\6\0\0\0\0\0x" * 9)
                await until(lambda: len(ends) == 3)
                assert {(end.code, end.cause) for end in ends} == {(1006, EndCause.LOST)}
                await until(lambda: not server.tasks)

        run(main())

    @pytest.mark.parametrize("how", ["goaway", "cut", "reset", "end"])
    def test_client_is_told(self, how: str) -> None:
        async def script(raw: Raw) -> None:
            streams = [await answer(raw), await answer(raw)]
            if how == "goaway":
                raw.h2.close_connection()
            for stream_id in streams if how in ("reset", "end") else ():
                if how == "end":
                    raw.h2.end_stream(stream_id)
                else:
                    raw.h2.reset_stream(stream_id, h2.errors.ErrorCodes.CANCEL)
            raw.flush()
            if how == "cut":
                raw.writer.transport.abort()
            else:
                await raw.until(lambda: raw.eof)

        async def main() -> None:
            async with (
                raw_server(script) as address,
                Http2Client.connect(address) as client,
                client.open("/a") as a,
                client.open("/b") as b,
            ):
                for ws in (a, b):
                    with pytest.raises(ConnectionClosed) as info:
                        await ws.recv()
                    assert (info.value.end.code, info.value.end.cause) == (
                        1006,
                        EndCause.LOST,
                    )

        run(main())

    def test_silent_peer_is_noticed_and_reset(self) -> None:
        """A heartbeat without an answer; then the peer does not end the stream either."""
        ends: list[SessionEnded] = []

        async def handler(ws: WebSocket) -> None:
            await echo(ws)
            ends.append(ended(ws))

        async def main() -> None:
            config = SessionConfig(ping_interval=0.02, ping_timeout=0.02, close_timeout=0.05)
            async with serve(handler, config=config) as server, raw_client(server.port) as raw:
                stream_id = await raw.open()
                await raw.until(lambda: stream_id in raw.resets)
                assert ends[0].cause is EndCause.TIMED_OUT
                assert raw.data[stream_id].endswith(
                    encode(Frame(CLOSE, close_payload(1011, "no pong within 0.02 s")))
                )
                await until(lambda: not server.tasks)

        run(main())

    def test_peer_that_closes_but_does_not_end_its_stream(self) -> None:
        async def main() -> None:
            config = SessionConfig(close_timeout=0.05)
            async with serve(echo, config=config) as server, raw_client(server.port) as raw:
                stream_id = await raw.open()
                raw.send_frame(stream_id, CLOSE, close_payload(1000))
                await raw.until(lambda: stream_id in raw.resets)
                assert stream_id in raw.ended
                await until(lambda: not server.tasks)

        run(main())


# Our client


class TestClient:
    def test_request(self) -> None:
        async def script(raw: Raw) -> None:
            stream_id = await answer(raw, ("sec-websocket-protocol", "a"))
            head = raw.heads[stream_id]
            assert head.pop("sec-websocket-extensions").startswith("permessage-deflate")
            assert head.pop(":authority").startswith("127.0.0.1:")
            assert head == {
                ":method": "CONNECT",
                ":protocol": "websocket",
                ":scheme": "http",
                ":path": "/?q=1",
                "sec-websocket-version": "13",
                "sec-websocket-protocol": "a, b",
                "x-token": "t",
            }
            await raw.until(lambda: raw.eof)

        async def main() -> None:
            async with (
                raw_server(script) as address,
                connect(
                    address + "?q=1", subprotocols=["a", "b"], headers=[(b"x-token", b"t")]
                ) as ws,
            ):
                assert ws.subprotocol == "a"
                ws.abort()

        run(main())

    def test_asks_nothing_of_a_server_without_extended_connect(self) -> None:
        async def script(raw: Raw) -> None:
            await raw.until(lambda: raw.eof)
            assert not raw.heads

        async def main() -> None:
            async with raw_server(script, {}) as address:
                with pytest.raises(OSError, match="no WebSockets"):
                    async with connect(address):
                        pass

        run(main())

    @pytest.mark.parametrize("silent", ["settings", "answer"])
    def test_silent_server(self, silent: str) -> None:
        async def script(raw: Raw) -> None:
            await raw.until(lambda: raw.eof or raw.resets)

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        async def main() -> None:
            config = SessionConfig(handshake_timeout=0.1)
            if silent == "answer":
                async with raw_server(script) as address:
                    with pytest.raises(ConnectionClosed) as info:
                        async with connect(address, config=config):
                            pass
                    assert info.value.end.cause is EndCause.TIMED_OUT
                return
            server = await asyncio.start_server(mute, "127.0.0.1", 0)
            address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            with pytest.raises(TimeoutError):
                async with connect(address, config=config):
                    pass
            server.close()
            await until(lambda: len(asyncio.all_tasks()) == 2)

        run(main())

    def test_bad_answer(self) -> None:
        async def script(raw: Raw) -> None:
            stream_id = await answer(raw, ("sec-websocket-extensions", "x-never-offered"))
            await raw.until(lambda: stream_id in raw.resets or raw.eof)
            assert stream_id in raw.resets

        async def main() -> None:
            async with raw_server(script) as address:
                with pytest.raises(ConnectionClosed) as info:
                    async with connect(address):
                        pass
                assert info.value.end.cause is EndCause.FAILED
                assert info.value.end.error is not None

        run(main())

    def test_fault_of_the_server_is_answered_by_close(self) -> None:
        async def script(raw: Raw) -> None:
            stream_id = await answer(raw)
            raw.send(stream_id, b"\xf1\0")
            await raw.until(lambda: stream_id in raw.ended)
            data = raw.data[stream_id]
            assert (data[0], bytes(a ^ b for a, b in zip(data[6:8], data[2:4], strict=True))) == (
                0x88,
                b"\x03\xea",
            )
            raw.h2.end_stream(stream_id)
            raw.flush()
            await raw.until(lambda: raw.eof)

        async def main() -> None:
            async with raw_server(script) as address, connect(address) as ws:
                with pytest.raises(ConnectionClosed) as info:
                    await ws.recv()
                assert info.value.end.code_sent == 1002

        run(main())

    def test_server_that_speaks_http_1_only(self, tmp_path: Path) -> None:
        theirs, ours = make_contexts(tmp_path)

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        async def main() -> None:
            server = await asyncio.start_server(mute, "127.0.0.1", 0, ssl=theirs)
            address = f"wss://localhost:{server.sockets[0].getsockname()[1]}/"
            with pytest.raises(OSError, match="does not speak HTTP/2"):
                async with connect(address, ssl=ours):
                    pass
            server.close()
            await until(lambda: len(asyncio.all_tasks()) == 2)

        run(main())

    def test_nobody_there(self) -> None:
        async def main() -> None:
            async with serve(echo) as server:
                address = url(server)
            with pytest.raises(OSError, match="onnect"):
                async with connect(address):
                    pass
            with pytest.raises(ValueError, match="not a ws"):
                async with connect("http://127.0.0.1/"):
                    pass

        run(main())


@pytest.fixture(scope="module", params=["h2c", "TLS"])
def hypercorn(
    request: pytest.FixtureRequest, tmp_path_factory: Any
) -> Iterator[tuple[str, ssl.SSLContext | None]]:
    """Hypercorn as it is, on wsproto, in a process of its own; its URL."""
    options: tuple[str, ...] = ()
    context = None
    if request.param == "TLS":
        certificate = make_certificate(tmp_path_factory.mktemp("tls"))
        options = ("--certfile", str(certificate), "--keyfile", str(certificate))
        context = ssl.create_default_context(cafile=str(certificate))
    command = ("hypercorn", "--bind", "127.0.0.1:0", "--workers", "0", *options)
    with run_process(consumer("unaliased"), *command, f"{consumer('asgi_app')}:app") as process:
        port = process.expect(r".*Running on https?://127\.0\.0\.1:(\d+)")[1]
        if context is None:
            yield f"ws://127.0.0.1:{port}", None
        else:
            yield f"wss://localhost:{port}", context


class TestClientOfHypercorn:
    def test_conversation(self, hypercorn: tuple[str, ssl.SSLContext | None]) -> None:
        address, context = hypercorn

        async def main() -> None:
            async with Http2Client.connect(address, ssl=context) as client:
                engine = "/engine?of=hypercorn.protocol.ws_stream"
                async with client.open(engine) as ws:
                    assert "site-packages/wsproto/" in str(await ws.recv())
                async with (
                    client.open("/echo", subprotocols=["chat.v1", "chat.v2"]) as a,
                    client.open("/echo", compress=False) as b,
                ):
                    assert a.subprotocol == "chat.v2"
                    for message in ("", "é" * 3000, bytes(range(256)) * 4096):
                        for ws in (a, b):
                            await ws.send(message)
                        for ws in (a, b):
                            assert await ws.recv() == message
                    await a.send(iter(["in ", "three ", "pieces"]))
                    assert await a.recv() == "in three pieces"
                    assert await b.ping() < TIMEOUT
                    # Closed by the server, by the client, and not accepted.
                    await a.send("close 3456 enough")
                    assert [message async for message in a] == []
                    assert a.end is not None
                    assert (a.end.code, a.end.reason, a.end.clean) == (3456, "enough", True)
                    await b.close(4000)
                    assert b.end is not None
                    assert (b.end.code, b.end.clean) == (4000, True)
                for path, status, body in (
                    ("/reject", 403, b"no entry"),
                    ("/deny", 403, b""),
                    ("/crash", 500, b""),
                ):
                    with pytest.raises(Refused) as info:
                        async with client.open(path):
                            pass
                    assert info.value.response.status_code == status
                    assert info.value.body == body
                async with client.open("/greet") as ws:
                    assert [message async for message in ws] == ["hello"]
                    assert ws.end is not None
                    assert (ws.end.code, ws.end.reason) == (1001, "done")

        run(main())

    def test_large_messages_on_several_streams(
        self, hypercorn: tuple[str, ssl.SSLContext | None]
    ) -> None:
        address, context = hypercorn
        messages = [random.Random(n).randbytes(2**20) for n in range(3)]

        async def main() -> None:
            async with Http2Client.connect(address, ssl=context) as client:

                async def one() -> None:
                    async with client.open("/echo", compress=False) as ws:
                        for message in messages:
                            await ws.send(message)
                            assert await ws.recv() == message

                await asyncio.gather(*(one() for _ in range(5)))

        run(main())


# A browser


@pytest.fixture(scope="module")
def origin(start_server: StartServer, tmp_path_factory: Any) -> Server:
    certificate = make_certificate(tmp_path_factory.mktemp("tls"))
    return start_server(consumer("http_streams_server"), "h2", str(certificate))


class TestChromium:
    pytestmark = pytest.mark.browser

    def test_websockets_on_the_connection_of_the_page(self, browser: Any, origin: Server) -> None:  # noqa: F811
        context = browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(TIMEOUT * 1000)
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"https://localhost:{origin.port}/")
        assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == (
            "h2"
        )
        page.evaluate("open_socket('/echo?id=chromium-1')")
        assert page.evaluate("ws.extensions").startswith("permessage-deflate")
        # The server's word for it: an extended CONNECT on the connection of the page.
        origin.process.expect(r"open /echo\?id=chromium-1 on stream [1-9]\d* of connection 1$")
        for size in (0, 1, 125, 126, 65_536, 1_000_000):
            assert page.evaluate(f"echo('x'.repeat({size})).then(text => text.length)") == size
            of_zeros = f"echo(new Uint8Array({size})).then(data => data.byteLength)"
            assert page.evaluate(of_zeros) == size
        assert page.evaluate("echo('é€')") == "é€"
        assert page.evaluate("ws.close(3456, 'bye'), ws_end") == [3456, "bye", True]
        assert origin.gone("chromium-1") == (3456, "bye")

        page.evaluate("open_socket('/echo?id=chromium-2')")
        origin.process.expect(r"open /echo\?id=chromium-2 on stream [1-9]\d* of connection 1$")
        assert page.evaluate("ws.send('close 4000 enough'), ws_end") == [4000, "enough", True]
        assert origin.gone("chromium-2") == (4000, "enough")

        with pytest.raises(Exception, match="refused"):
            page.evaluate("open_socket('/reject')")

        page.evaluate("open_socket('/echo?id=chromium-3')")
        page.close()  # without a Close
        assert origin.gone("chromium-3")[0] in (1001, 1006)
        context.close()
        assert faults == []
