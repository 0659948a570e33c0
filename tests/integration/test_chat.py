"""The example chat, as its users run it.

The server and the terminal client run as programs of their own; clients made of sockets
and this package drive them over loopback.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from wsproto_core import ConnectionState, ConnectionType, WSConnection
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

#: Seconds after which what has not happened is a failure. Only failing tests wait so long.
TIMEOUT = 30.0


class Page(NamedTuple):
    """A response to an ordinary request."""

    status: int
    headers: Message
    body: bytes


class Program:
    """A program under test, whose lines of output are waited for."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "PYTHONUTF8": "1",
                "PYTHONWARNINGS": "default",
                **(env or {}),
            },
            encoding="utf-8",
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.complaints: list[str] = []
        self.readers = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_complaints, daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _read_complaints(self) -> None:
        assert self.process.stderr is not None
        self.complaints.extend(line.rstrip("\n") for line in self.process.stderr)

    def line(self) -> str:
        """The next line of output."""
        line = self.lines.get(timeout=TIMEOUT)
        assert line is not None, f"ended: {self.complaints}"
        return line

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def exit_status(self) -> int:
        """Wait for its end; ``complaints`` are complete then."""
        status = self.process.wait(TIMEOUT)
        for reader in self.readers:
            reader.join(TIMEOUT)
        return status

    def stop(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.exit_status()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


class ChatServer(Program):
    """The server, with other *settings* than its own where given: those in lower case are
    of its sessions.
    """

    def __init__(self, port: int = 0, **settings: object) -> None:
        if settings:
            config = {name: settings.pop(name) for name in list(settings) if name.islower()}
            code = (
                f"import asyncio, dataclasses, sys; sys.path.insert(0, {str(EXAMPLES)!r});"
                f"import chat; vars(chat).update({settings!r});"
                f"chat.CONFIG = dataclasses.replace(chat.CONFIG, **{config!r});"
                f"asyncio.run(chat.main('127.0.0.1', {port}))"
            )
            super().__init__("-c", code)
        else:
            super().__init__(str(EXAMPLES / "chat.py"), "--port", str(port))
        self.url = self.line()
        assert self.url.startswith("http://127.0.0.1:"), self.url
        self.port = int(self.url.split(":")[2].strip("/"))
        self.ws_url = f"ws://127.0.0.1:{self.port}/ws"

    def connect(self, *, receive_buffer: int | None = None) -> socket.socket:
        connection = socket.socket()
        if receive_buffer is not None:  # has to be set before connecting
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(TIMEOUT)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> Page:
        """An ordinary request."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)) as connection:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return Page(response.status, response.headers, response.read())


class Client:
    """A WebSocket client that takes one event at a time."""

    def __init__(
        self,
        connection: socket.socket,
        *,
        query: dict[str, str] | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
        deflate: bool = True,
        answer_pings: bool = True,
    ) -> None:
        self.connection = connection
        self.answer_pings = answer_pings
        self.ws = WSConnection(ConnectionType.CLIENT, whole_messages=True)
        host, port = connection.getpeername()
        self.send(
            Request(
                f"{host}:{port}",
                "/ws?" + urlencode(query or {}),
                extensions=[PerMessageDeflate()] if deflate else [],
                extra_headers=list(headers),
            )
        )
        self.answer = self.event()

    def send(self, event: Event) -> None:
        self.connection.sendall(self.ws.send(event))

    def event(self) -> Event:
        """The next event; pings are answered, unless the client was told not to."""
        while True:
            for event in self.ws.events():
                if not isinstance(event, Ping) or not self.answer_pings:
                    return event
                self.send(event.response())
            self.ws.receive_data(self.connection.recv(65536) or None)

    def receive(self) -> dict[str, Any]:
        """The next message."""
        event = self.event()
        assert isinstance(event, TextMessage), event
        message = json.loads(event.data)
        assert isinstance(message, dict)
        return message

    def say(self, text: str) -> None:
        self.send(TextMessage(json.dumps({"type": "say", "text": text})))

    def expect_close(self, code: int) -> None:
        """The server starts the closing handshake, and ends the transport after it."""
        event = self.event()
        assert isinstance(event, CloseConnection), event
        assert event.code == code, event
        assert self.ws.state is ConnectionState.REMOTE_CLOSING
        self.send(event.response())
        assert self.connection.recv(65536) == b""
        self.connection.close()

    def leave(self) -> None:
        self.send(CloseConnection(1000))
        while not isinstance(event := self.event(), CloseConnection):
            pass
        assert event.code == 1000
        assert self.connection.recv(65536) == b""
        self.connection.close()


Join = Callable[..., Client]


@pytest.fixture(scope="module")
def shared_server() -> Iterator[ChatServer]:
    server = ChatServer()
    try:
        yield server
        server.process.terminate()
        assert server.exit_status() == 0
        assert server.complaints == []
    finally:
        server.stop()


@pytest.fixture
def start_server() -> Iterator[Callable[..., ChatServer]]:
    """Starts servers for one test, which are to exit without complaints."""
    servers: list[ChatServer] = []

    def start(port: int = 0, **settings: float) -> ChatServer:
        servers.append(ChatServer(port, **settings))
        return servers[-1]

    try:
        yield start
        for server in servers:
            server.process.terminate()
            assert server.exit_status() == 0
            assert server.complaints == []
    finally:
        for server in servers:
            server.stop()


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room of the test's own."""
    return f"{time.monotonic_ns():x}"


@pytest.fixture
def join(room: str, shared_server: ChatServer) -> Iterator[Join]:
    """Clients in the test's room; the welcome is in ``welcome``."""
    with ExitStack() as stack:

        def join(
            name: str,
            *,
            room: str = room,
            server: ChatServer = shared_server,
            receive_buffer: int | None = None,
            **options: Any,
        ) -> Client:
            connection = server.connect(receive_buffer=receive_buffer)
            stack.callback(connection.close)
            client = Client(connection, query={"room": room, "name": name}, **options)
            assert isinstance(client.answer, AcceptConnection), client.answer
            return client

        yield join


def welcome(name: str, room: str, people: list[str], history: list[Any]) -> dict[str, Any]:
    return {
        "type": "welcome",
        "name": name,
        "room": room,
        "people": people,
        "history": history,
    }


class TestTalking:
    def test_everybody_hears_what_one_says(self, room: str, join: Join) -> None:
        ann = join("ann")
        assert ann.receive() == welcome("ann", room, ["ann"], [])
        bob = join("bob")
        assert bob.receive() == welcome("bob", room, ["ann", "bob"], [])
        assert ann.receive() == {"type": "joined", "name": "bob"}
        for speaker, name in ((ann, "ann"), (bob, "bob")):
            speaker.say(f" hello from {name} ")
            heard = ann.receive()
            assert heard == bob.receive()
            assert abs(heard.pop("time") - time.time()) < 86400
            assert heard == {"type": "message", "name": name, "text": f"hello from {name}"}

    def test_deflate_is_accepted(self, join: Join) -> None:
        ann = join("ann")
        assert isinstance(ann.answer, AcceptConnection)
        assert [extension.name for extension in ann.answer.extensions] == ["permessage-deflate"]
        ann.receive()
        ann.say("long" * 200)
        assert ann.receive()["text"] == "long" * 200
        assert join("bob", deflate=False).receive()["history"][0]["text"] == "long" * 200

    @pytest.mark.parametrize("text", ["<b>&amp;</b>", "žluťoučký 🐎", "\ud83d", "\0\x1b[31m", '"}'])
    def test_any_text_arrives_as_it_was_said(self, join: Join, text: str) -> None:
        ann = join("ann")
        ann.receive()
        ann.say(text)
        assert ann.receive()["text"] == text

    def test_newcomer_is_sent_the_last_50_messages(self, join: Join) -> None:
        ann = join("ann")
        ann.receive()
        said = []
        for number in range(60):
            ann.say(str(number))
            said.append(ann.receive())
            assert said[-1].pop("type") == "message"
        assert [message["text"] for message in said] == [str(number) for number in range(60)]
        assert join("bob").receive()["history"] == said[10:]

    def test_history_outlives_those_who_said_it(self, join: Join) -> None:
        ann = join("ann")
        ann.receive()
        ann.say("remember me")
        ann.receive()
        ann.leave()
        bob = join("bob").receive()
        assert bob["people"] == ["bob"]
        assert [message["text"] for message in bob["history"]] == ["remember me"]

    def test_longest_history_reaches_a_newcomer(self, join: Join) -> None:
        ann = join("ann")
        ann.receive()
        for _ in range(50):
            ann.say("🐎" * 1000)
            ann.receive()
        bob = join("bob", deflate=False)
        assert [len(message["text"]) for message in bob.receive()["history"]] == [1000] * 50
        ann.receive()
        ann.say("still here?")
        assert bob.receive()["text"] == "still here?"

    def test_rooms_are_separate(self, room: str, join: Join) -> None:
        here, there = join("ann"), join("ann", room=room + "x")
        assert here.receive()["people"] == there.receive()["people"] == ["ann"]
        here.say("here")
        assert here.receive()["text"] == "here"
        there.say("there")
        assert there.receive()["text"] == "there"  # and nothing before it

    def test_fragmented_message_with_a_ping_between(self, join: Join) -> None:
        ann = join("ann")
        ann.receive()
        ann.send(TextMessage('{"type": "say", ', message_finished=False))
        ann.send(Ping(b"?"))
        ann.send(TextMessage('"text": "in pieces"}'))
        assert type(ann.event()).__name__ == "Pong"
        assert ann.receive()["text"] == "in pieces"


class TestPeople:
    def test_who_leaves_is_announced(self, join: Join) -> None:
        ann, bob, cyd = join("ann"), join("bob"), join("cyd")
        for message in ("welcome", "joined", "joined"):
            assert ann.receive()["type"] == message
        bob.leave()
        assert ann.receive() == {"type": "left", "name": "bob"}
        cyd.connection.close()  # without a Close frame, with unread data: a reset
        assert ann.receive() == {"type": "left", "name": "cyd"}
        assert join("dan").receive()["people"] == ["ann", "dan"]

    def test_taken_name_gets_a_number(self, join: Join) -> None:
        names = ["ann", "ann", "ANN", "\uff41\uff4e\uff4e", "ann-2", "  ann "]
        clients = [join(name) for name in names]
        given = [client.receive()["name"] for client in clients]
        assert given == ["ann", "ann-2", "ANN-3", "ann-4", "ann-2-2", "ann-5"]
        clients[0].leave()
        assert clients[1].receive()["type"] == "joined"
        while clients[1].receive() != {"type": "left", "name": "ann"}:
            pass
        assert join("ann").receive()["name"] == "ann"

    @pytest.mark.parametrize(
        ("asked", "given"),
        [
            ("", "guest"),
            (" \t\n", "guest"),
            ("x" * 40, "x" * 32),
            ("a\u202eb\0\x1b[1m  c", "a b [1m c"),
            ("<i>", "<i>"),
            ("Žofie 🐎", "Žofie 🐎"),
        ],
    )
    def test_names_are_cleaned(self, join: Join, asked: str, given: str) -> None:
        assert join(asked).receive()["name"] == given


class TestBadMessages:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "null",
            "[]",
            "[" * 10_000,
            "1" * 5000,
            '{"type": "say"}',
            '{"type": "say", "text": 1}',
            '{"type": "say", "text": [["x"]]}',
            '{"type": "shout", "text": "x"}',
            '{"type": "say", "text": ""}',
            '{"type": "say", "text": " \\n "}',
            json.dumps({"type": "say", "text": "x" * 1001}),
        ],
        ids=lambda text: text[:36],
    )
    def test_bad_message_is_answered_and_nothing_else(self, join: Join, text: str) -> None:
        ann, bob = join("ann"), join("bob")
        assert [ann.receive()["type"], ann.receive()["type"]] == ["welcome", "joined"]
        assert bob.receive()["type"] == "welcome"
        ann.send(TextMessage(text))
        assert ann.receive()["type"] == "error"
        ann.say("sorry")
        assert ann.receive()["text"] == bob.receive()["text"] == "sorry"

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            pytest.param(b"\x81\x02hi", 1002, id="unmasked"),
            pytest.param(b"\x83\x80\0\0\0\0", 1002, id="reserved opcode"),
            pytest.param(b"\xa1\x80\0\0\0\0", 1002, id="reserved bit"),
            pytest.param(b"\x80\x80\0\0\0\0", 1002, id="continuation of nothing"),
            pytest.param(b"\x81\x81\0\0\0\0\xff", 1007, id="not UTF-8"),
            pytest.param(b"\x81\xfe\x40\x01\0\0\0\0", 1009, id="16 KiB and a byte"),
            pytest.param(b"\x81\xff\0\0\x01\0\0\0\0\0\0\0\0\0", 1009, id="1 TiB"),
            pytest.param(b"\x82\x81\0\0\0\0x", 1003, id="binary"),
        ],
    )
    def test_fault_gets_its_close_code(self, join: Join, data: bytes, code: int) -> None:
        ann, bob = join("ann"), join("bob")
        assert bob.receive()["type"] == "welcome"
        assert [ann.receive()["type"], ann.receive()["type"]] == ["welcome", "joined"]
        bob.connection.sendall(data)
        bob.expect_close(code)
        assert ann.receive() == {"type": "left", "name": "bob"}

    def test_close_arrives_before_a_reset_can_destroy_it(self, join: Join) -> None:
        ann = join("ann", deflate=False)
        ann.receive()
        # Most of it is still unread when the server has refused it.
        ann.send(TextMessage("x" * 3_000_000))
        ann.expect_close(1009)

    def test_inflating_is_limited(self, join: Join) -> None:
        ann = join("ann")
        ann.receive()
        ann.send(TextMessage("x" * 1_000_000))
        ann.expect_close(1009)

    def test_too_many_fragments(self, join: Join) -> None:
        ann = join("ann", deflate=False)
        ann.receive()
        for _ in range(65):
            ann.send(TextMessage("", message_finished=False))
        ann.expect_close(1009)

    def test_bytes_are_not_spoken_here_but_politely_refused(self, join: Join) -> None:
        ann = join("ann")
        ann.receive()
        ann.send(BytesMessage(b"hello"))
        ann.say("this comes too late")
        ann.expect_close(1003)
        bob = join("bob").receive()
        assert bob["history"] == []

    def test_fault_of_the_server_is_not_the_peers(self, join: Join) -> None:
        server = ChatServer(MAX_TEXT="not a number", close_timeout=0.05)
        try:
            ann, bob = join("ann", server=server), join("bob", server=server)
            assert [ann.receive()["type"], ann.receive()["type"]] == ["welcome", "joined"]
            bob.say("?")
            assert bob.receive()["type"] == "welcome"
            event = bob.event()
            assert isinstance(event, CloseConnection)
            assert event.code == 1011
            assert ann.receive() == {"type": "left", "name": "bob"}
            server.process.terminate()
            assert server.exit_status() == 0
            assert any(line.startswith("TypeError: ") for line in server.complaints)
        finally:
            server.stop()

    def test_half_closed_transport_is_still_answered(self, join: Join) -> None:
        ann = join("ann")
        ann.receive()
        ann.say("bye")
        ann.send(CloseConnection(1000))
        ann.connection.shutdown(socket.SHUT_WR)
        assert ann.receive()["text"] == "bye"
        event = ann.event()
        assert isinstance(event, CloseConnection)
        assert event.code == 1000
        assert ann.connection.recv(65536) == b""


class TestOpening:
    @pytest.mark.parametrize(
        "origin",
        ["http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"],
    )
    def test_foreign_origin_is_refused(self, shared_server: ChatServer, origin: str) -> None:
        with shared_server.connect() as connection:
            client = Client(connection, headers=[(b"Origin", origin.encode())])
            assert isinstance(client.answer, RejectConnection)
            assert client.answer.status_code == 403
            assert client.event() == RejectData(b"")
            assert connection.recv(65536) == b""

    def test_own_origin_is_welcome(self, shared_server: ChatServer, join: Join) -> None:
        for scheme in ("http", "https"):
            origin = f"{scheme}://127.0.0.1:{shared_server.port}".encode()
            assert join("ann", headers=[(b"Origin", origin)]).receive()["type"] == "welcome"

    def test_request_may_come_byte_by_byte(self, shared_server: ChatServer) -> None:
        ws = WSConnection(ConnectionType.CLIENT)
        with shared_server.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in ws.send(Request("127.0.0.1", "/ws")):
                connection.sendall(bytes([byte]))
            ws.receive_data(connection.recv(65536))
            assert isinstance(next(ws.events()), AcceptConnection)

    def test_too_many_visitors(self, start_server: Callable[..., ChatServer], join: Join) -> None:
        server = start_server(MAX_VISITORS=1)
        join("ann", server=server).receive()
        with server.connect() as connection:
            answer = Client(connection).answer
            assert isinstance(answer, RejectConnection)
            assert answer.status_code == 503

    @pytest.mark.parametrize(
        ("method", "headers", "status"),
        [
            ("GET", {}, 400),
            ("HEAD", {}, 405),
            ("POST", {}, 405),
            ("GET", {"Cookie": "x" * 40_000}, 431),
            (
                "GET",
                {
                    "Connection": "Upgrade",
                    "Upgrade": "websocket",
                    "Sec-WebSocket-Version": "14",
                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                },
                426,
            ),
        ],
    )
    def test_bad_handshake(
        self, shared_server: ChatServer, method: str, headers: dict[str, str], status: int
    ) -> None:
        assert shared_server.ask(method, "/ws", headers).status == status

    @pytest.mark.parametrize("data", [b"", b"\r\n", b"\x16\x03\x01\0\n", b"GET /ws", b"GET\n"])
    def test_what_is_no_request_is_dropped(self, shared_server: ChatServer, data: bytes) -> None:
        with shared_server.connect() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


class TestPage:
    def test_page(self, shared_server: ChatServer) -> None:
        for path in ("/", "/?room=lobby"):
            response = shared_server.ask("GET", path)
            assert response.status == 200
            assert response.headers.get("Content-Type") == "text/html; charset=utf-8"
            assert response.body == (EXAMPLES / "chat.html").read_bytes()

    def test_head(self, shared_server: ChatServer) -> None:
        response = shared_server.ask("HEAD", "/")
        size = (EXAMPLES / "chat.html").stat().st_size
        assert (response.status, response.headers.get("Content-Length")) == (200, str(size))
        assert response.body == b""

    @pytest.mark.parametrize(
        "path", ["/nothing", "/favicon.ico", "/ws/", "/chat.py", "/../chat.py", "//"]
    )
    def test_other_paths(self, shared_server: ChatServer, path: str) -> None:
        assert shared_server.ask("GET", path).status == 404

    def test_other_methods(self, shared_server: ChatServer) -> None:
        response = shared_server.ask("POST", "/")
        assert (response.status, response.headers.get("Allow")) == (405, "GET, HEAD")

    def test_endless_first_line(self, shared_server: ChatServer) -> None:
        with shared_server.connect() as connection, suppress(ConnectionError):
            connection.sendall(b"GET /" + b"x" * 200_000)
            while connection.recv(65536):
                pass


class TestTime:
    def test_silent_peer_is_pinged_then_dropped(
        self, start_server: Callable[..., ChatServer], join: Join
    ) -> None:
        server = start_server(ping_interval=0.05, ping_timeout=0.05, close_timeout=0.05)
        ann = join("ann", server=server, answer_pings=False)
        assert ann.receive()["type"] == "welcome"
        assert isinstance(ann.event(), Ping)
        event = ann.event()
        assert isinstance(event, CloseConnection)
        assert event.code == 1011
        assert ann.connection.recv(65536) == b""

    def test_peer_that_answers_pings_stays(
        self, start_server: Callable[..., ChatServer], join: Join
    ) -> None:
        # The second ping comes after the time for a handshake.
        server = start_server(ping_interval=2.0, ping_timeout=TIMEOUT, handshake_timeout=3.0)
        ann = join("ann", server=server, answer_pings=False)
        assert ann.receive()["type"] == "welcome"
        for _ in range(2):
            ping = ann.event()
            assert isinstance(ping, Ping)
            ann.send(ping.response())
        ann.say("still here")
        assert ann.receive()["text"] == "still here"

    @pytest.mark.parametrize("data", [b"", b"GET / HT", b"GET /ws HTTP/1.1\r\nHost: x\r\n"])
    def test_handshake_takes_a_limited_time(
        self, start_server: Callable[..., ChatServer], data: bytes
    ) -> None:
        server = start_server(handshake_timeout=0.05)
        with server.connect() as connection:
            connection.sendall(data)
            with connection.makefile("rb") as answer:
                assert answer.read().startswith(b"HTTP/1.1 408 ")

    def test_server_is_the_first_to_end_the_transport(
        self, start_server: Callable[..., ChatServer], join: Join
    ) -> None:
        server = start_server(close_timeout=TIMEOUT * 10)
        ann = join("ann", server=server)
        assert ann.receive()["type"] == "welcome"
        ann.leave()

    def test_peer_that_never_reads_stalls_nobody(
        self, start_server: Callable[..., ChatServer], join: Join
    ) -> None:
        server = start_server(close_timeout=TIMEOUT)
        ann, bob = join("ann", server=server), join("bob", server=server)
        lazy = join("lazy", server=server, deflate=False, receive_buffer=4096)
        assert bob.receive()["type"] == "welcome"
        assert bob.receive() == {"type": "joined", "name": "lazy"}
        for what in ("welcome", "joined", "joined"):
            assert ann.receive()["type"] == what
        # Enough for the server's buffer and the kernel's, of some megabytes.
        for _ in range(3000):
            ann.say("🐎" * 1000)
            assert ann.receive()["type"] == bob.receive()["type"] == "message"
            ann.say("?")
            heard = ann.receive()
            assert heard == bob.receive()
            if heard["type"] == "left":
                break
        assert heard == {"type": "left", "name": "lazy"}
        assert ann.receive() == bob.receive()
        ann.say("as before")
        assert ann.receive()["text"] == bob.receive()["text"] == "as before"
        while isinstance(event := lazy.event(), TextMessage):
            pass
        assert isinstance(event, CloseConnection)
        assert event.code == 1013

    def test_peer_that_only_pings_is_not_read_from(self, join: Join) -> None:
        ann, bob = join("ann"), join("pinger", receive_buffer=4096)
        assert [ann.receive()["type"], ann.receive()["type"]] == ["welcome", "joined"]
        bob.connection.setblocking(False)
        flood = bob.ws.send(Ping(b"x" * 125)) * 1000
        # It ends when what is buffered on the way there and back is full, and stays so,
        # although the server does other things meanwhile.
        sent = blocked = 0
        while blocked < 100:
            try:
                sent += bob.connection.send(flood)
                blocked = 0
            except BlockingIOError:
                blocked += 1
            assert sent < 64 * 1024 * 1024
            ann.say("?")
            assert ann.receive()["text"] == "?"


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_signal_closes_all_with_1001(
        self, start_server: Callable[..., ChatServer], join: Join, number: signal.Signals
    ) -> None:
        server = start_server(handshake_timeout=TIMEOUT * 10)
        clients = [join(name, server=server) for name in ("ann", "bob", "cyd")]
        clients.append(join("dan", server=server, room="other"))
        with server.connect(), server.connect() as half:
            half.sendall(b"GET /ws HTTP/1.1\r\n")  # neither of these can hold it up
            server.ask("GET", "/")  # by now it has accepted both
            for client, messages in zip(clients, (3, 2, 1, 1), strict=True):
                for _ in range(messages):
                    client.receive()
            server.process.send_signal(number)
            for client in clients:
                client.expect_close(1001)
            assert server.exit_status() == 0

    def test_peers_that_do_not_answer_cannot_hold_it_up(
        self, start_server: Callable[..., ChatServer], join: Join
    ) -> None:
        server = start_server(close_timeout=0.05)
        join("ann", server=server).receive()
        join("bob", server=server)
        server.process.terminate()
        assert server.exit_status() == 0

    def test_restarts_on_the_same_port(
        self, start_server: Callable[..., ChatServer], join: Join
    ) -> None:
        server = start_server()
        ann = join("ann", server=server)
        ann.receive()
        server.process.terminate()
        ann.expect_close(1001)
        server.exit_status()
        again = start_server(server.port)
        assert join("ann", server=again).receive()["name"] == "ann"

    def test_taken_port(self, shared_server: ChatServer) -> None:
        program = Program(str(EXAMPLES / "chat.py"), "--port", str(shared_server.port))
        try:
            assert program.exit_status() == 1
            assert program.complaints[0].startswith("cannot listen: ")
        finally:
            program.stop()


class TestTerminalClient:
    @pytest.fixture
    def start_client(self, room: str) -> Iterator[Callable[..., Program]]:
        programs: list[Program] = []

        def start(url: str, name: str, **env: str) -> Program:
            arguments = (str(EXAMPLES / "client.py"), url, "--room", room, "--name", name)
            programs.append(Program(*arguments, env=env))
            return programs[-1]

        try:
            yield start
        finally:
            for program in programs:
                program.stop()

    def test_two_talk(
        self, shared_server: ChatServer, start_client: Callable[..., Program]
    ) -> None:
        ann = start_client(shared_server.ws_url, "ann")
        assert ann.line() == "* you are ann; here: ann"
        ann.write("anybody here?")
        assert ann.line() == "ann: anybody here?"
        bob = start_client(shared_server.ws_url, "bob")
        assert bob.line() == "ann: anybody here?"
        assert bob.line() == "* you are bob; here: ann, bob"
        assert ann.line() == "* bob joined"
        bob.write("hello \x1b[31mann \U0001f40e")
        assert ann.line() == bob.line() == "bob: hello  [31mann \U0001f40e"
        bob.end_input()
        assert bob.exit_status() == 0
        assert ann.line() == "* bob left"
        ann.process.send_signal(signal.SIGINT)
        assert ann.exit_status() == 0
        assert (ann.complaints, bob.complaints) == (["closed: 1000"], ["closed: 1000"])

    def test_says_all_of_its_input_before_it_leaves(
        self, shared_server: ChatServer, start_client: Callable[..., Program]
    ) -> None:
        ann = start_client(shared_server.ws_url, "ann")
        said = [f"line {number}" for number in range(200)]
        ann.write("\n".join(said))
        ann.end_input()
        assert ann.line() == "* you are ann; here: ann"
        assert [ann.line() for _ in said] == [f"ann: {line}" for line in said]
        assert ann.exit_status() == 0

    def test_error_is_shown(
        self, shared_server: ChatServer, start_client: Callable[..., Program]
    ) -> None:
        ann = start_client(shared_server.ws_url, "ann")
        ann.line()
        ann.write("x" * 1001)
        assert ann.line() == "* A message has 1 to 1000 characters."

    def test_server_stops(
        self, start_server: Callable[..., ChatServer], start_client: Callable[..., Program]
    ) -> None:
        server = start_server()
        ann = start_client(server.ws_url, "ann")
        ann.line()
        server.process.terminate()
        assert ann.exit_status() == 1
        assert ann.complaints == ["closed: 1001 the server stops"]
        assert server.exit_status() == 0

    def test_refusal_is_shown(
        self, shared_server: ChatServer, start_client: Callable[..., Program]
    ) -> None:
        ann = start_client(shared_server.ws_url + "x", "ann")
        assert ann.exit_status() == 1
        assert ann.complaints == ["refused with HTTP status 404", "There is nothing here."]

    def test_no_server(self, start_client: Callable[..., Program]) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            ann = start_client(f"ws://127.0.0.1:{unused.getsockname()[1]}/ws", "ann")
            assert ann.exit_status() == 1
        assert ann.complaints[0].startswith("failed: ")

    @pytest.mark.parametrize("url", ["http://127.0.0.1/", "127.0.0.1:80", "ws:///ws"])
    def test_bad_url(self, start_client: Callable[..., Program], url: str) -> None:
        assert start_client(url, "ann").exit_status() == 2

    def test_tls(
        self, shared_server: ChatServer, start_client: Callable[..., Program], tmp_path: Path
    ) -> None:
        certificate = make_certificate(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(TIMEOUT)
            url = f"wss://localhost:{listener.getsockname()[1]}/ws"
            forwarder = threading.Thread(
                target=forward_tls, args=(listener, context, shared_server), daemon=True
            )
            forwarder.start()
            ann = start_client(url, "ann", SSL_CERT_FILE=str(certificate))
            assert ann.line() == "* you are ann; here: ann"
            ann.write("in private")
            assert ann.line() == "ann: in private"
            ann.end_input()
            assert ann.exit_status() == 0
            forwarder.join(TIMEOUT)


def make_certificate(folder: Path) -> Path:
    """A self-signed certificate for localhost, with its key, in one file."""
    certificate = folder / "certificate.pem"
    command = "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [
            "openssl",
            *command.split(),
            *names,
            "-keyout",
            certificate,
            "-out",
            folder / "public.pem",
        ],
        check=True,
        capture_output=True,
    )
    certificate.write_bytes(certificate.read_bytes() + (folder / "public.pem").read_bytes())
    return certificate


def forward_tls(listener: socket.socket, context: ssl.SSLContext, server: ChatServer) -> None:
    """One TLS connection in front of the server."""
    plain, _ = listener.accept()
    plain.settimeout(TIMEOUT)
    with server.connect() as inner, context.wrap_socket(plain, server_side=True) as outer:

        def inwards() -> None:
            with suppress(ssl.SSLError):  # a client may end TLS as soon as it has closed
                while data := outer.recv(65536):
                    inner.sendall(data)
            inner.shutdown(socket.SHUT_WR)

        reader = threading.Thread(target=inwards, daemon=True)
        reader.start()
        while data := inner.recv(65536):
            outer.sendall(data)
        with suppress(OSError):
            outer.unwrap()
        reader.join(TIMEOUT)
