"""What each of ``examples/embedding`` does for an application: one suite for all of them.

The servers run on asyncio in a thread of this process, over loopback; the clients are raw
peers, so that what goes over the wire is in the tests. Whatever else a test is about,
each connection must end, and say so to its application exactly once.
"""

from __future__ import annotations

import asyncio
import gc
import queue
import socket
import ssl
import threading
import time
import tracemalloc
import weakref
import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Protocol, TypeVar

import pytest

from docs.embedding_table import EMBEDDINGS, can
from examples.embedding import on_session, on_websockets, on_wsproto
from examples.embedding.common import Application, Closed, Options, WebSocket

from .peer import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    PING,
    PONG,
    RSV1,
    TEXT,
    Answer,
    Frame,
    Offer,
    Peer,
    Socket,
    close_payload,
    encode,
    read_answer,
    request,
)
from .processes import TIMEOUT

pytestmark = pytest.mark.integration

T = TypeVar("T")

#: Long for a protocol, short for a test: what is to run out in a test runs out after this.
SOON = 0.2
MIB = 1024 * 1024


class Embedding(WebSocket, Protocol):
    """What the test uses beyond the application's side."""

    transport: asyncio.Transport

    def __init__(self, application: Application, options: Options) -> None: ...


#: That all of them are what an application expects is also for mypy to find out.
MODULES: dict[str, type[Embedding]] = {
    "on_wsproto": on_wsproto.WebSocketProtocol,
    "on_websockets": on_websockets.WebSocketProtocol,
    "on_session": on_session.WebSocketProtocol,
}


class Recorder(Application):
    """Accepts, and notes all that it is told. An exception among ``raises`` is raised."""

    def __init__(self) -> None:
        self.requests: queue.Queue[tuple[WebSocket, str, Sequence[tuple[str, str]]]] = queue.Queue()
        self.messages: queue.Queue[str | bytes] = queue.Queue()
        self.closed: queue.Queue[Closed] = queue.Queue()
        self.endings = 0

    def on_request(self, ws: WebSocket, target: str, headers: Sequence[tuple[str, str]]) -> None:
        self.requests.put((ws, target, headers))
        self.answer(ws)

    def answer(self, ws: WebSocket) -> None:
        ws.accept()

    def on_message(self, ws: WebSocket, data: str | bytes) -> None:
        self.messages.put(data)

    def on_close(self, ws: WebSocket, closed: Closed) -> None:
        self.endings += 1
        self.closed.put(closed)


class Echo(Recorder):
    def on_message(self, ws: WebSocket, data: str | bytes) -> None:
        ws.send(data)


class Undecided(Recorder):
    """Neither accepts nor rejects."""

    def answer(self, ws: WebSocket) -> None: ...


class Rejecting(Recorder):
    def answer(self, ws: WebSocket) -> None:
        ws.reject(403)


class Broken(Recorder):
    """Raises in the hook of that name."""

    def __init__(self, hook: str) -> None:
        super().__init__()
        self.hook = hook

    def answer(self, ws: WebSocket) -> None:
        if self.hook == "on_request":
            raise ZeroDivisionError
        ws.accept()

    def on_message(self, ws: WebSocket, data: str | bytes) -> None:
        raise ZeroDivisionError

    def on_close(self, ws: WebSocket, closed: Closed) -> None:
        super().on_close(ws, closed)
        if self.hook == "on_close":
            raise ZeroDivisionError


class Counted(Socket):
    """Counts what goes over it."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.socket = connection
        self.sent = 0
        self.received = 0

    def sendall(self, data: bytes, /) -> None:
        super().sendall(data)
        self.sent += len(data)

    def recv(self, size: int, /) -> bytes:
        data = super().recv(size)
        self.received += len(data)
        return data


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def wait(self, awaitable: Awaitable[T]) -> T:
        async def body() -> T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(body(), self.loop).result(TIMEOUT)

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Call it in there, and give what it gives."""

        async def body() -> T:
            return function(*arguments)

        return self.wait(body())

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def tls_context(protocol: int) -> ssl.SSLContext:
    """TLS without certificates."""
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH:@SECLEVEL=0")
    return context


class Server:
    """Serves one application with one embedding."""

    def __init__(
        self,
        loop: Loop,
        embedding: type[Embedding],
        application: Recorder,
        options: Options,
        tls: bool,
    ) -> None:
        self.loop = loop
        self.tls = tls
        self.application = application
        self.connections: list[Embedding] = []
        self.made = 0
        self.complaints: list[dict[str, Any]] = []
        loop.loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        # With small buffers, so that little is under way where nobody reads.
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.port = listening.getsockname()[1]

        def connection() -> asyncio.Protocol:
            made = embedding(application, options)
            self.connections.append(made)
            self.made += 1
            assert isinstance(made, asyncio.Protocol)
            return made

        context = tls_context(ssl.PROTOCOL_TLS_SERVER) if tls else None
        self._server = loop.wait(loop.loop.create_server(connection, sock=listening, ssl=context))
        self._stack = ExitStack()

    @property
    def connection(self) -> Embedding:
        """The one connection that there is."""
        (connection,) = self.connections
        return connection

    def dial(self, data: bytes) -> Counted:
        """Connect and send these bytes."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        connection.connect(("127.0.0.1", self.port))
        if self.tls:
            connection = tls_context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(connection)
        transport = Counted(connection)
        self._stack.callback(transport.close)
        transport.sendall(data)
        return transport

    def exchange(self, data: bytes) -> Answer:
        """What the answer to this opening handshake is."""
        transport = self.dial(data)
        answer = read_answer(transport)
        if answer.opened is None:
            assert transport.recv(65536) == b""
            transport.close()
        return answer

    def open(self, extensions: str = "") -> Peer:
        return self.exchange(request(Offer("/path?query", extensions=extensions))).peer

    def ended(self) -> Closed:
        """Wait for the end of the connection, of which the application is told."""
        return self.application.closed.get(timeout=TIMEOUT)

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        return self.loop.call(function, *arguments)

    def stop(self) -> None:
        """All connections end, and each says so once."""
        self._stack.close()
        wait_for(lambda: all(self.call(c.transport.is_closing) for c in self.connections))
        wait_for(lambda: self.application.endings >= self.made)
        self.loop.wait(asyncio.sleep(0))  # what follows, if anything does
        assert self.application.endings == self.made
        self.call(self._server.close)


class Serve(Protocol):
    """Starts a server; the other keywords are its options."""

    def __call__(self, application: Recorder, *, tls: bool = False, **options: Any) -> Server: ...


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.stop()


@pytest.fixture(params=MODULES)
def name(request: pytest.FixtureRequest) -> str:
    """Which of the modules."""
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def serve(name: str, loop: Loop) -> Iterator[Serve]:
    servers: list[Server] = []

    def serve(application: Recorder, *, tls: bool = False, **options: Any) -> Server:
        # Nothing happens by the clock, but what a test asks for.
        quiet: dict[str, Any] = dict.fromkeys(
            ("handshake_timeout", "ping_timeout", "close_timeout"), 10 * TIMEOUT
        )
        quiet["ping_interval"] = None
        server = Server(loop, MODULES[name], application, Options(**quiet | options), tls)
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.stop()
        broken = isinstance(server.application, Broken)
        assert broken or not server.complaints, server.complaints


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def settled(value: Callable[[], int]) -> int:
    """A number, once it has not changed for a while."""
    before = -1
    deadline = time.monotonic() + TIMEOUT
    while (now := value()) != before:
        assert time.monotonic() < deadline, "it goes on and on"
        before = now
        time.sleep(0.3)
    return now


def expect_close(peer: Peer, code: int) -> None:
    """A Close with this code comes, and then the end; nobody resets the connection."""
    assert peer.receive_close()[0] == code
    peer.expect_end()


def deflated(data: bytes) -> bytes:
    """A message's payload with permessage-deflate."""
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_all_modules_are_here() -> None:
    assert list(MODULES) == list(EMBEDDINGS)


# The opening handshake


GOOD = request(Offer("/path?query"))


@pytest.mark.parametrize(
    "bad",
    [
        GOOD.replace(b"GET", b"POST"),
        GOOD.replace(b"Sec-WebSocket-Key", b"X-Key"),
        GOOD.replace(b"version: 13", b"version: 99"),
        GOOD.replace(b"Upgrade: websocket\r\n", b""),
        GOOD.replace(b"keep-alive, Upgrade", b"\xe9"),
        b"HELO example.com\r\n\r\n",
        GOOD[:-2] + b"x: y\r\n" * 10_000 + b"\r\n",
        GOOD[:-2] + b"x: " + b"y" * 100_000,
    ],
    ids=["method", "key", "version", "upgrade", "not ASCII", "not HTTP", "many fields", "long"],
)
def test_bad_handshake_is_answered(serve: Serve, bad: bytes) -> None:
    server = serve(Recorder())
    answer = server.exchange(bad)
    assert answer.opened is None
    assert 400 <= answer.status < 500
    assert not server.ended().clean
    assert server.application.requests.empty()


def test_request_reaches_the_application(serve: Serve) -> None:
    server = serve(Recorder())
    offer = Offer("/path?query", headers=[("Origin", "http://example.com")])
    assert server.exchange(request(offer)).status == 101
    _, target, headers = server.application.requests.get(timeout=TIMEOUT)
    assert target == "/path?query"
    assert ("origin", "http://example.com") in [(name.lower(), value) for name, value in headers]


@pytest.mark.parametrize("bits", ["=x", "=99", '="12"', "=12; client_max_window_bits"])
def test_strange_offer_of_compression_is_no_error(serve: Serve, bits: str) -> None:
    server = serve(Undecided())
    transport = server.dial(request(Offer(extensions=f"{DEFLATE}; client_max_window_bits{bits}")))
    ws, _, _ = server.application.requests.get(timeout=TIMEOUT)
    server.call(ws.accept)
    assert read_answer(transport).status in (101, 400)


def test_handshake_in_pieces(serve: Serve) -> None:
    server = serve(Echo())
    transport = server.dial(b"")
    for start in range(len(GOOD)):
        transport.sendall(GOOD[start : start + 1])
    peer = read_answer(transport).peer
    for byte in peer.frame(TEXT, "Hello"):
        transport.sendall(bytes([byte]))
    assert peer.receive_message() == (TEXT, b"Hello")


@pytest.mark.parametrize("sent", [b"", GOOD[:50]], ids=["silence", "half a request"])
def test_handshake_deadline(serve: Serve, sent: bytes) -> None:
    server = serve(Recorder(), handshake_timeout=SOON)
    transport = server.dial(sent)
    with suppress(ConnectionResetError):
        while transport.recv(65536):
            pass
    transport.close()
    closed = server.ended()
    assert (closed.code, closed.clean, closed.sent, closed.received) == (1006, False, None, None)


def test_application_that_does_not_answer_in_time(serve: Serve) -> None:
    server = serve(Undecided(), handshake_timeout=SOON)
    assert server.exchange(GOOD).status == 503
    assert server.ended().code == 1006


def test_rejected_by_the_application(serve: Serve) -> None:
    server = serve(Rejecting())
    answer = server.exchange(GOOD)
    assert (answer.status, answer.headers["connection"].lower()) == (403, "close")
    closed = server.ended()
    assert (closed.clean, closed.sent, closed.received) == (False, None, None)


def early(server: Server, size: int) -> tuple[Counted, WebSocket]:
    """A client that does not wait for the answer: a message at once, and one afterwards."""
    at_once, then = (
        encode(Frame(TEXT, payload, masking_key=b"abcd")) for payload in (b"at once", b"x" * size)
    )
    transport = server.dial(GOOD + at_once)
    ws, _, _ = server.application.requests.get(timeout=TIMEOUT)
    transport.sendall(then)
    return transport, ws


def test_accepted_late(serve: Serve) -> None:
    server = serve(Undecided())
    transport, ws = early(server, size=100)
    wait_for(lambda: server.call(lambda: ws.counters.wire_received) == transport.sent)
    assert transport.received == 0
    server.call(ws.accept)
    peer = read_answer(transport).peer
    peer.send(TEXT, "then")
    received = [server.application.messages.get(timeout=TIMEOUT) for _ in range(3)]
    assert received == ["at once", "x" * 100, "then"]


def test_rejected_late(serve: Serve) -> None:
    server = serve(Undecided())
    transport, ws = early(server, size=100)
    server.call(ws.reject, 404)
    assert read_answer(transport).status == 404
    transport.close()
    server.ended()
    assert server.application.messages.empty()


def test_early_data_has_a_limit(serve: Serve) -> None:
    server = serve(Undecided(), max_early_data=1000)
    transport, ws = early(server, size=2000)
    assert 400 <= read_answer(transport).status < 500
    server.call(ws.accept)  # too late, and no error
    assert transport.recv(65536) == b""
    transport.close()
    server.ended()


def test_client_that_does_not_wait_for_a_late_answer(serve: Serve) -> None:
    server = serve(Undecided())
    transport, ws = early(server, size=100)
    transport.close()
    assert server.ended().code == 1006
    server.call(ws.accept)
    server.call(ws.reject)
    assert not server.call(ws.send, "too late")


# Messages


def test_fragments_are_assembled(serve: Serve) -> None:
    server = serve(Recorder())
    peer = server.open()
    text = "Grüße, 世界".encode()
    peer.send(TEXT, text[:3], fin=False)
    peer.send(PING, b"between")
    peer.send(CONTINUATION, b"", fin=False)
    for byte in text[3:]:
        peer.send(CONTINUATION, bytes([byte]), fin=False)
    peer.send(CONTINUATION)
    peer.send(BINARY, b"\x00", fin=False)
    peer.send(CONTINUATION, b"\xff")
    peer.send(TEXT)
    received = [server.application.messages.get(timeout=TIMEOUT) for _ in range(3)]
    assert received == ["Grüße, 世界", b"\x00\xff", ""]
    assert peer.receive().payload == b"between"


def test_messages_both_ways(serve: Serve) -> None:
    peer = serve(Echo()).open()
    messages: list[tuple[int, str | bytes]] = [(TEXT, "é" * 70_000), (BINARY, b"\xff" * 126)]
    for opcode, payload in [*messages, (TEXT, "")]:
        peer.send(opcode, payload)
        data = payload.encode() if isinstance(payload, str) else payload
        assert peer.receive_message() == (opcode, data)


def test_compressed_messages(serve: Serve) -> None:
    server = serve(Echo())
    peer = server.open(DEFLATE)
    peer.send(TEXT, deflated(b"Hello" * 100), rsv=RSV1)
    frame = peer.receive()
    assert frame.rsv == RSV1
    inflated = zlib.decompressobj(wbits=-15).decompress(frame.payload + b"\0\0\xff\xff")
    assert inflated == b"Hello" * 100


def test_ping_within_a_compressed_message(serve: Serve, name: str) -> None:
    server = serve(Recorder())
    peer = server.open(DEFLATE)
    payload = deflated(b"Hello, hello, hello")
    peer.send(BINARY, payload[:5], fin=False, rsv=RSV1)
    peer.send(PING)
    peer.send(CONTINUATION, payload[5:])
    assert peer.receive().opcode == PONG
    message = server.application.messages.get(timeout=TIMEOUT)
    done = message == b"Hello, hello, hello"
    assert done is can(name, "test_ping_within_a_compressed_message")


def test_message_that_comes_with_the_close(serve: Serve, name: str) -> None:
    server = serve(Echo())
    peer = server.open()
    peer.transport.sendall(peer.frame(TEXT, "last words") + peer.frame(CLOSE, close_payload(1000)))
    frame = peer.receive()
    assert (frame.payload == b"last words") is can(name, "test_message_that_comes_with_the_close")
    assert frame.opcode == CLOSE or peer.receive_close() == (1000, "")


@pytest.mark.parametrize("fragments", [1, 10], ids=["whole", "in fragments"])
def test_too_big_a_message(serve: Serve, fragments: int) -> None:
    server = serve(Recorder(), max_message_size=1000)
    peer = server.open()
    peer.send(TEXT, "x" * 1000)
    peer.send(TEXT, "x" * (1010 // fragments), fin=fragments == 1)
    for number in range(1, fragments):
        with suppress(OSError):
            peer.send(CONTINUATION, "x" * (1010 // fragments), fin=number == fragments - 1)
    expect_close(peer, 1009)
    assert server.application.messages.get(timeout=TIMEOUT) == "x" * 1000
    peer.transport.close()
    closed = server.ended()
    assert (closed.code, closed.clean, closed.sent) == (1006, False, 1009)
    assert server.application.messages.empty()


def test_too_big_once_inflated(serve: Serve) -> None:
    bomb = deflated(bytes(64 * MIB))
    server = serve(Recorder(), max_message_size=MIB)
    peer = server.open(DEFLATE)
    frame = peer.frame(BINARY, bomb, rsv=RSV1)
    tracemalloc.start()
    try:
        with suppress(OSError):
            peer.transport.sendall(frame)
        assert peer.receive_close()[0] == 1009
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB


def test_too_many_messages(serve: Serve) -> None:
    server = serve(Recorder(), message_rate=0.001, message_burst=5)
    peer = server.open()
    for _ in range(6):
        peer.send(TEXT, "x")
    expect_close(peer, 1008)
    peer.transport.close()
    closed = server.ended()
    assert (closed.clean, closed.sent) == (False, 1008)
    assert server.application.messages.qsize() == 5


def test_messages_within_the_rate(serve: Serve) -> None:
    server = serve(Echo(), message_rate=1000, message_burst=5)
    peer = server.open()
    for _ in range(4):
        for _ in range(5):
            peer.send(TEXT, "x")
        for _ in range(5):
            assert peer.receive_message() == (TEXT, b"x")
        time.sleep(0.02)  # four times as long as five more take to be earned


def test_send_after_close(serve: Serve) -> None:
    server = serve(Recorder())
    peer = server.open()
    ws = server.connection
    server.call(ws.close, 1001)
    assert not server.call(ws.send, "too late")
    server.call(ws.close, 4000)
    assert peer.receive_close() == (1001, "")
    peer.send_close(1001)
    peer.expect_end()
    peer.transport.close()
    server.ended()
    assert not server.call(ws.send, b"too late")
    server.call(ws.close)


# Pings


def test_ping_is_answered(serve: Serve) -> None:
    peer = serve(Recorder()).open()
    peer.send(PING, b"Are you there?")
    frame = peer.receive()
    assert (frame.opcode, frame.payload) == (PONG, b"Are you there?")


def test_heartbeat_measures_latency(serve: Serve) -> None:
    server = serve(Recorder(), ping_interval=0.05)
    peer = server.open()
    first = peer.receive()
    assert first.opcode == PING
    peer.send(PONG, b"for which nobody has asked")
    peer.send(PING)
    assert peer.receive().opcode == PONG
    assert server.call(lambda: server.connection.latency) is None
    time.sleep(0.05)
    peer.send(PONG, first.payload)
    second = peer.receive()
    assert second.opcode == PING
    assert second.payload != first.payload
    latency = server.call(lambda: server.connection.latency)
    assert latency is not None
    assert 0.05 <= latency < TIMEOUT


def test_peer_without_a_pulse(serve: Serve) -> None:
    server = serve(Recorder(), ping_interval=SOON, ping_timeout=SOON, close_timeout=SOON)
    peer = server.open()
    assert peer.receive().opcode == PING
    expect_close(peer, 1011)
    closed = server.ended()
    assert (closed.code, closed.clean, closed.by_peer, closed.sent) == (1006, False, False, 1011)


def test_idle_timeout(serve: Serve) -> None:
    server = serve(Recorder(), ping_interval=0.05, idle_timeout=2 * SOON)
    peer = server.open()
    while (frame := peer.receive()).opcode == PING:  # which is no message
        peer.send(PONG, frame.payload)
    assert (frame.opcode, frame.payload[:2]) == (CLOSE, close_payload(1001))
    peer.send_close(1001)
    peer.transport.close()
    closed = server.ended()
    assert (closed.code, closed.clean, closed.by_peer) == (1001, True, False)


# Closing


@pytest.mark.parametrize("code", [1000, 4321])
def test_peer_closes(serve: Serve, code: int) -> None:
    server = serve(Recorder())
    peer = server.open()
    peer.send_close(code, "bye")
    expect_close(peer, code)
    peer.transport.close()
    assert server.ended() == Closed(code, "bye", True, True, code, code)


def test_peer_closes_without_a_code(serve: Serve) -> None:
    server = serve(Recorder())
    peer = server.open()
    peer.send(CLOSE)
    assert peer.receive_close() == (None, "")
    peer.transport.close()
    assert server.ended() == Closed(1005, "", True, True, 1005, 1005)


def test_application_closes(serve: Serve) -> None:
    server = serve(Recorder())
    peer = server.open()
    server.call(server.connection.close, 1001, "so long")
    assert peer.receive_close() == (1001, "so long")
    peer.send_close(1000, "bye")
    peer.expect_end()
    peer.transport.close()
    assert server.ended() == Closed(1000, "bye", True, False, 1001, 1000)


def test_close_deadline(serve: Serve) -> None:
    server = serve(Recorder(), close_timeout=SOON)
    peer = server.open()
    server.call(server.connection.close)
    assert peer.receive_close() == (1000, "")
    assert server.ended() == Closed(1006, "", False, False, 1000, None)
    gone(peer)


def test_peer_that_only_closes_its_transport(serve: Serve) -> None:
    server = serve(Recorder())
    peer = server.open()
    peer.transport.close()
    assert server.ended() == Closed(1006, "", False, None, None, None)


def test_reset(serve: Serve) -> None:
    server = serve(Recorder())
    peer = server.open()
    peer.transport.abort()
    assert server.ended() == Closed(1006, "", False, None, None, None)


@pytest.mark.parametrize(
    ("code", "opcode", "payload"),
    [(1002, 0x3, b""), (1002, CONTINUATION, b""), (1002, CLOSE, b"x"), (1007, TEXT, b"\xff")],
    ids=["opcode", "continuation", "Close", "text"],
)
def test_peer_at_fault(serve: Serve, code: int, opcode: int, payload: bytes) -> None:
    server = serve(Recorder())
    peer = server.open()
    frames = [(TEXT, b"fine"), (opcode, payload), (TEXT, b"behind it")]
    peer.transport.sendall(b"".join(peer.frame(*frame) for frame in frames))
    expect_close(peer, code)
    peer.transport.close()
    closed = server.ended()
    assert (closed.code, closed.clean, closed.sent, closed.received) == (1006, False, code, None)
    assert server.application.messages.get(timeout=TIMEOUT) == "fine"
    assert server.application.messages.empty()


def gone(peer: Peer) -> None:
    """The server has closed its socket: it answers with a reset."""
    deadline = time.monotonic() + TIMEOUT
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        while time.monotonic() < deadline:
            peer.transport.sendall(b"x")
            time.sleep(0.01)


def test_nothing_is_lost_in_the_end(serve: Serve) -> None:
    """A server that closed its socket while data came in would reset the connection."""
    server = serve(Recorder())
    peer = server.open()
    peer.transport.sendall(peer.frame(CLOSE, close_payload(1000)) + bytes(MIB))
    expect_close(peer, 1000)
    peer.transport.sendall(bytes(MIB))
    peer.transport.close()
    assert server.ended() == Closed(1000, "", True, True, 1000, 1000)


def test_peer_that_does_not_end_its_transport(serve: Serve) -> None:
    server = serve(Recorder(), close_timeout=SOON)
    peer = server.open()
    peer.send_close(1000)
    expect_close(peer, 1000)
    gone(peer)
    assert server.ended() == Closed(1000, "", True, True, 1000, 1000)


def test_peer_that_never_reads_again(serve: Serve) -> None:
    server = serve(Recorder(), ping_interval=SOON, ping_timeout=SOON, close_timeout=SOON)
    server.open()
    server.call(server.connection.send, bytes(4 * MIB))
    assert server.ended().code == 1006
    wait_for(lambda: server.call(server.connection.transport.is_closing))
    wait_for(lambda: bytes_buffered(server) == 0)


def test_peer_that_has_ended_its_half_gets_what_was_sent(serve: Serve) -> None:
    server = serve(Recorder())
    peer = server.open()
    server.call(server.connection.send, bytes(MIB))
    server.call(server.connection.send, bytes(10_000))
    assert isinstance(peer.transport, Counted)
    peer.transport.socket.shutdown(socket.SHUT_WR)
    time.sleep(SOON)  # for the server to learn of it, if it does before all is read
    assert peer.receive_message() == (BINARY, bytes(MIB))
    assert peer.receive_message() == (BINARY, bytes(10_000))
    peer.expect_end()
    assert server.ended() == Closed(1006, "", False, None, None, None)


def test_nothing_is_left_behind(serve: Serve) -> None:
    """No timer holds on to a connection that has ended."""
    server = serve(Recorder(), ping_interval=10 * TIMEOUT, idle_timeout=10 * TIMEOUT)
    peer = server.open()
    peer.send_close(1000)
    expect_close(peer, 1000)
    peer.transport.close()
    server.ended()
    server.application.requests.get()
    left = weakref.ref(server.connections.pop())
    wait_for(lambda: gc.collect() >= 0 and left() is None)


# Flow


def bytes_buffered(server: Server) -> int:
    return server.call(server.connection.transport.get_write_buffer_size)


def pump(peer: Peer, data: bytes) -> int:
    """Send without reading, until the server reads no more; how much it took."""
    assert isinstance(peer.transport, Counted)
    connection = peer.transport.socket
    connection.settimeout(1)
    taken = 0
    with suppress(TimeoutError):
        while taken < len(data):
            taken += connection.send(data[taken : taken + 65536])
    connection.settimeout(TIMEOUT)
    return taken


def finish(peer: Peer, data: bytes) -> threading.Thread:
    """Send the rest, while somebody else reads."""
    thread = threading.Thread(target=peer.transport.sendall, args=(data,))
    thread.start()
    return thread


def test_flood_of_pings(serve: Serve) -> None:
    server = serve(Recorder())
    peer = server.open()
    flood = peer.frame(PING, b"x" * 125) * (4 * MIB // 131) + peer.frame(PING, b"the last")
    taken = pump(peer, flood)
    assert taken < 2 * MIB
    assert bytes_buffered(server) < MIB
    sender = finish(peer, flood[taken:])
    while peer.receive().payload != b"the last":
        pass
    sender.join()


def test_peer_that_does_not_read_is_not_read(serve: Serve) -> None:
    server = serve(Echo())
    peer = server.open()
    messages = 4 * MIB // 1006
    flood = peer.frame(BINARY, b"x" * 1000) * messages
    taken = pump(peer, flood)
    assert taken < 2 * MIB
    assert bytes_buffered(server) < MIB
    sender = finish(peer, flood[taken:])
    for _ in range(messages):
        assert peer.receive_message() == (BINARY, b"x" * 1000)
    sender.join()


class Pushing(Recorder):
    """Sends this many messages, no faster than they are read."""

    def __init__(self, messages: int) -> None:
        super().__init__()
        self.left = messages
        self.task: asyncio.Task[None] | None = None

    def answer(self, ws: WebSocket) -> None:
        ws.accept()
        self.task = asyncio.get_running_loop().create_task(self.push(ws))

    async def push(self, ws: WebSocket) -> None:
        while self.left:
            await ws.drain()
            if not ws.send(b"x" * 10_000):
                break
            self.left -= 1
        ws.close()


def test_application_waits_until_it_may_write(serve: Serve) -> None:
    application = Pushing(2000)
    server = serve(application)
    peer = server.open()
    assert settled(lambda: application.left) > 1000
    assert bytes_buffered(server) < MIB
    for _ in range(2000):
        assert peer.receive_message() == (BINARY, b"x" * 10_000)
    assert peer.receive_close() == (1000, "")
    peer.send_close(1000)
    peer.transport.close()
    assert server.ended().clean


def test_application_that_waits_is_told_of_the_end(serve: Serve) -> None:
    application = Pushing(2000)
    server = serve(application)
    peer = server.open()
    assert settled(lambda: application.left) > 1000
    peer.transport.abort()
    assert server.ended().code == 1006
    assert application.task is not None
    server.loop.wait(application.task)


# TLS, which has no halves to end


@pytest.mark.parametrize("closer", ["peer", "application", "peer at fault"])
def test_end_over_tls(serve: Serve, closer: str) -> None:
    server = serve(Echo(), tls=True)
    peer = server.open()
    peer.send(TEXT, "x" * 100_000)
    assert peer.receive_message() == (TEXT, b"x" * 100_000)
    if closer == "application":
        server.call(server.connection.close)
        assert peer.receive_close() == (1000, "")
        peer.send_close(1000)
        peer.expect_end()
    else:
        peer.send(CLOSE, close_payload(1000) if closer == "peer" else b"x")
        expect_close(peer, 1000 if closer == "peer" else 1002)
    peer.transport.close()
    assert server.ended().clean is (closer != "peer at fault")


def test_back_pressure_over_tls(serve: Serve) -> None:
    application = Pushing(1000)
    server = serve(application, tls=True)
    peer = server.open()
    assert settled(lambda: application.left) > 500
    for _ in range(1000):
        assert peer.receive_message() == (BINARY, b"x" * 10_000)
    assert peer.receive_close() == (1000, "")
    peer.send_close(1000)
    peer.expect_end()
    peer.transport.close()
    assert server.ended().clean


def test_peer_that_never_reads_again_over_tls(serve: Serve) -> None:
    times = {"ping_interval": SOON, "ping_timeout": SOON, "close_timeout": SOON}
    server = serve(Recorder(), tls=True, **times)
    server.open()
    server.call(server.connection.send, bytes(4 * MIB))
    assert server.ended().code == 1006
    wait_for(lambda: server.call(server.connection.transport.is_closing))


# The application


@pytest.mark.parametrize("hook", ["on_request", "on_message", "on_close"])
def test_application_that_fails(serve: Serve, hook: str) -> None:
    server = serve(Broken(hook))
    if hook == "on_request":
        assert server.exchange(GOOD).status == 500
    else:
        peer = server.open()
        if hook == "on_message":
            peer.send(TEXT, "x")
            assert peer.receive_close()[0] == 1011
            peer.send_close(1011)
            peer.expect_end()
        peer.transport.close()
    server.ended()
    wait_for(lambda: len(server.complaints) == 1)
    assert isinstance(server.complaints[0]["exception"], ZeroDivisionError)


def test_counters(serve: Serve) -> None:
    server = serve(Echo())
    peer = server.open()
    for payload in ("héllo", "x" * 1000):
        peer.send(TEXT, payload[:3], fin=False)
        peer.send(CONTINUATION, payload[3:])
        peer.receive_message()
    peer.send(PING, b"xyz")
    peer.receive()
    peer.send_close(1000)
    expect_close(peer, 1000)
    transport = peer.transport
    assert isinstance(transport, Counted)
    transport.close()
    server.ended()
    counters = server.connection.counters
    assert (counters.messages_received, counters.messages_sent) == (2, 2)
    assert (counters.payload_received, counters.payload_sent) == (1006, 1006)
    assert (counters.wire_received, counters.wire_sent) == (transport.sent, transport.received)
