"""examples/uvicorn_ws.py in real uvicorn processes: both HTTP parsers, both event loops."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest
import websockets.sync.client
from websockets.exceptions import ConnectionClosed

from .peer import (
    BINARY,
    CONTINUATION,
    DEFLATE,
    PING,
    PONG,
    TEXT,
    Answer,
    Frame,
    Offer,
    Peer,
    Socket,
    read_answer,
    request,
)
from .peer import dial as dial_port
from .processes import TIMEOUT, consumer, run
from .server_suite import AsgiSuite, FaultyRequestSuite, RefusedWebsocketsClientSuite
from .servers import Dial, Server, StartServer, fresh_id

pytestmark = pytest.mark.integration

OURS = "examples.uvicorn_ws:WebSocketProtocol"
HURRIED = f"{consumer('uvicorn_ws_protocol')}:Hurried"
WATCHED = f"{consumer('uvicorn_ws_protocol')}:Watched"
COMBINATIONS = [(http, loop) for loop in ("asyncio", "uvloop") for http in ("h11", "httptools")]


def arguments(*options: str, ws: str = OURS) -> list[str]:
    app = f"{consumer('uvicorn_ws_app')}:app"
    return ["uvicorn", app, "--port", "0", "--ws", ws, *options]


class Start(Protocol):
    """Gives a server with these options, the same to all tests that want the same."""

    def __call__(self, *options: str, ws: str = OURS) -> Server: ...


@pytest.fixture(scope="module")
def start(start_server: StartServer) -> Iterator[Start]:
    servers = []

    @cache
    def start(*options: str, ws: str = OURS) -> Server:
        servers.append(start_server(*arguments(*options, ws=ws)))
        return servers[-1]

    yield start
    for server in servers:
        # What asyncio and uvloop say of errors that nobody has handled.
        troubles = re.compile("Exception in callback|never retrieved|Fatal|Unhandled|Warning")
        assert not [line for line in server.process._lines if troubles.search(line)]


@contextmanager
def serving(*options: str, ws: str = OURS, scheme: str = "http") -> Iterator[Server]:
    """A server of a test's own, to be ended by it."""
    with run(*arguments(*options, ws=ws)) as process:
        port = process.expect(rf".*running on {scheme}://127\.0\.0\.1:(\d+)")[1]
        yield Server(process, int(port))


def told(server: Server, what: str, **fields: object) -> dict[str, object]:
    """What the application has printed, in a line that begins with *what* and has *fields*."""
    wanted = "".join(rf"(?=.*{re.escape(json.dumps({k: v})[1:-1])})" for k, v in fields.items())
    match = server.process.expect(rf"{what} {wanted}(\{{.*\}})")
    result: dict[str, object] = json.loads(match[1])
    return result


def wait_for_end(server: Server) -> int:
    """The exit status, once the process has ended by itself."""
    return server.process._popen.wait(TIMEOUT)


@pytest.fixture(scope="module", params=COMBINATIONS, ids="-".join)
def server(start: Start, request: pytest.FixtureRequest) -> Server:
    http, loop = request.param
    return start("--http", http, "--loop", loop)


class TestServer(AsgiSuite, FaultyRequestSuite):
    pass


class TestWebsocketsClient(RefusedWebsocketsClientSuite):
    pass


class TestScope:
    OFFER = Offer(
        "/scope/one%2Ftwo/%C3%A9?a=1&b=%20",
        ["v1", "v2"],
        "x-one; a=1, x-two",
        headers=[("X-Twice", "1"), ("x-twice", "\xe9"), ("x-e", "")],
    )

    @pytest.mark.parametrize("http", ["h11", "httptools"])
    def test_scope_is_as_from_uvicorns_own(self, start: Start, http: str) -> None:
        scopes = []
        for ws in (OURS, "websockets-sansio"):
            options = ("--http", http, "--root-path", "/mounted")
            server = start(*options, ws=ws)
            for _ in range(2):  # the second knows nothing of the first
                answer = server.dial(self.OFFER)
                with closing(answer.peer.transport):
                    scope = json.loads(answer.peer.receive_message()[1])
            scope["headers"] = [each for each in scope["headers"] if each[0] != "sec-websocket-key"]
            host, port = scope.pop("client")
            assert (host, port > 0) == ("127.0.0.1", True)
            assert scope.pop("server") == ["127.0.0.1", server.port]
            scopes.append(scope)
        assert scopes[0] == scopes[1]
        assert scopes[0]["state"] == {"shared": ["from lifespan"]}
        assert scopes[0]["raw_path"] == "/mounted/scope/one%2Ftwo/%C3%A9"
        assert scopes[0]["path"] == "/mounted/scope/one/two/é"


class TestEnds:
    """What the application is told of each end, and again; and what it gets for sending then."""

    def end(self, server: Server, peer: Peer, connection_id: str) -> tuple[int, str]:
        ended = told(server, "ended", id=connection_id)
        first = ended["first"]
        assert isinstance(first, dict)
        assert first == ended["again"]
        assert first["type"] == "websocket.disconnect"
        late = told(server, "sent too late", id=connection_id)
        names = late["names"]
        assert isinstance(names, list)
        assert names[0] == "ClientDisconnected"
        assert "OSError" in names
        return first["code"], first["reason"]

    def test_client_closes(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer(f"/ends/{(number := fresh_id())}")).peer
        peer.send_close(4001, "bye")
        assert self.end(server, peer, number) == (4001, "bye")

    def test_application_closes(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer(f"/ends/{(number := fresh_id())}")).peer
        peer.send(TEXT, "close")
        # The end is told at once, not only when the client has answered.
        assert self.end(server, peer, number) == (3000, "as asked")
        assert peer.receive_close() == (3000, "as asked")
        peer.send(TEXT, "crossing")
        peer.send_close(3000)
        peer.expect_end()

    def test_client_vanishes(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer(f"/ends/{(number := fresh_id())}")).peer
        peer.transport.abort()
        assert self.end(server, peer, number) == (1006, "")

    def test_client_ends_its_half(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer(f"/ends/{(number := fresh_id())}")).peer
        assert isinstance(peer.transport, Socket)
        peer.send(TEXT, "in front of the end")
        peer.transport._socket.shutdown(socket.SHUT_WR)
        assert self.end(server, peer, number) == (1006, "")
        peer.expect_end()

    def test_fault(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer(f"/ends/{(number := fresh_id())}")).peer
        peer.send(TEXT, b"\xff")
        code, reason = self.end(server, peer, number)
        assert code == peer.receive_close()[0] == 1007
        assert "UTF-8" in reason

    def test_who_never_receives_notices(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer("/deaf")).peer
        assert peer.receive() == Frame(TEXT, b"tick")
        peer.send_close(1000)
        assert told(server, "noticed") == {"name": "ClientDisconnected"}

    def test_who_never_receives_notices_a_loss_behind_a_full_queue(self, start: Start) -> None:
        server = start()
        peer = server.dial(Offer("/deaf")).peer
        peer.transport.sendall(peer.frame(TEXT, "unwanted") * 1000)
        assert peer.receive() == Frame(TEXT, b"tick")
        peer.transport.abort()
        assert told(server, "noticed") == {"name": "ClientDisconnected"}


class TestFaultyApplication:
    def test_crash_closes_with_1011(self, start: Start) -> None:
        server = start()
        peer = server.dial(Offer("/crashing")).peer
        with closing(peer.transport):
            peer.send(TEXT, "crash")
            assert peer.receive_close() == (1011, "")
            peer.send_close(1011)
            peer.expect_end()
        server.process.expect("ERROR: .*Exception in ASGI application")
        server.process.expect("RuntimeError: crashed after accepting, as the test asks")

    def test_crash_before_accepting_is_500(self, start: Start) -> None:
        server = start()
        answer = server.dial(Offer("/crash"))
        assert (answer.status, answer.body) == (500, b"Internal Server Error")
        server.process.expect("ERROR: .*Exception in ASGI application")
        server.process.expect("RuntimeError: crashed before accepting, as the test asks")

    def test_no_answer_is_500(self, start: Start) -> None:
        server = start()
        assert server.dial(Offer("/leave/unanswered")).status == 500
        server.process.expect("ERROR: .*ASGI callable returned without completing handshake")

    def test_return_closes_with_1000(self, start: Start) -> None:
        server = start()
        peer = server.dial(Offer("/leave/open")).peer
        with closing(peer.transport):
            assert peer.receive_close() == (1000, "")
            peer.send_close(1000)
            peer.expect_end()

    def test_what_is_not_allowed_is_a_runtime_error(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer("/wrong")).peer
        faults = json.loads(peer.receive_message()[1])
        assert not [fault for fault in faults if "allowed" in fault and "Unexpected" not in fault]
        assert len(faults) == 8
        assert peer.receive_close() == (1000, "")

    def test_response_that_is_not_finished_is_cut(self, server: Server) -> None:
        transport = Socket(socket.create_connection(("127.0.0.1", server.port), TIMEOUT))
        with closing(transport):
            transport.sendall(request(Offer("/unfinished")))
            received = b""
            with pytest.raises(ConnectionResetError):  # or it would look whole
                while data := transport.recv(65536):
                    received += data
                raise ConnectionResetError if b"\r\n0\r\n" not in received else AssertionError


class TestResponse:
    def test_body_is_streamed(self, server: Server) -> None:
        transport = Socket(socket.create_connection(("127.0.0.1", server.port), TIMEOUT))
        with closing(transport):
            transport.sendall(request(Offer("/respond/451")))
            received = b""
            while b"first," not in received:  # before the rest is there
                received += transport.recv(65536)
            assert server.dial(Offer("/release")).status == 403
            while data := transport.recv(65536):
                received += data
        head, _, body = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 451 ")
        lines = head.lower().split(b"\r\n")
        assert {b"x-more: 1", b"x-more: 2", b"server: uvicorn", b"connection: close"} <= set(lines)
        assert len(body) > 32 * 64 * 1024
        assert body.endswith(b"\r\n0\r\n\r\n")
        answer = told(server, "responded")
        assert answer["message"] == {"type": "websocket.disconnect", "code": 1006, "reason": ""}

    def test_access_log(self, server: Server, dial: Dial) -> None:
        dial(Offer("/echo?x=1"))
        server.process.expect(r'INFO: +127\.0\.0\.1:\d+ - "WebSocket /echo\?x=1" \[accepted\]')
        dial(Offer("/deny?y=%20"))
        server.process.expect(r'INFO: +127\.0\.0\.1:\d+ - "WebSocket /deny\?y=%20" 403')
        dial(Offer("/reject"))
        server.process.expect(r'INFO: +127\.0\.0\.1:\d+ - "WebSocket /reject" 403')

    def test_default_headers(self, start: Start) -> None:
        server = start("--header", "x-default:yes")
        for path in ("/echo", "/deny", "/reject"):
            answer = server.dial(Offer(path))
            if answer.opened is not None:
                answer.opened.transport.close()
            assert answer.headers["server"] == "uvicorn"
            assert answer.headers["x-default"] == "yes"
            assert "date" in answer.headers


class TestHandshake:
    def test_bytes_behind_the_request(self, server: Server) -> None:
        """RFC 6455 §4.1 has clients wait for the answer; what comes earlier is uvicorn's to
        pass on. httptools reads up to the request's end, and uvicorn drops the rest.
        """
        transport = Socket(socket.create_connection(("127.0.0.1", server.port), TIMEOUT))
        with closing(transport):
            early = Peer(transport, client=True).frame(TEXT, "early")
            transport.sendall(request(Offer()) + early)
            peer = read_answer(transport).peer
            peer.send(TEXT, "in time")
            expected = [b"early", b"in time"] if "h11" in server.process.name else [b"in time"]
            assert [peer.receive().payload for _ in expected] == expected

    def test_frame_before_the_answer(self, server: Server) -> None:
        """What comes behind the request in a read of its own is kept, with every parser."""
        transport = Socket(socket.create_connection(("127.0.0.1", server.port), TIMEOUT))
        with closing(transport):
            number = fresh_id()
            transport.sendall(request(Offer(f"/late/{number}")))
            told(server, "asked", id=number)
            transport.sendall(Peer(transport, client=True).frame(TEXT, "early"))
            server.dial(Offer("/release"))
            assert read_answer(transport).peer.receive() == Frame(TEXT, b"early")

    def test_forgotten_answer_is_503_at_its_deadline(self, start: Start) -> None:
        server = start(ws=HURRIED)
        number = fresh_id()
        answer = server.dial(Offer(f"/forgotten/{number}"))
        assert answer.status == 503
        message = told(server, "not accepted", id=number)["message"]
        assert isinstance(message, dict)
        assert (message["type"], message["code"]) == ("websocket.disconnect", 1006)
        assert told(server, "accepted too late", id=number)["name"] == "ClientDisconnected"

    def test_forgotten_answer_does_not_hold_up_the_exit(self) -> None:
        with serving() as server:
            transport = Socket(socket.create_connection(("127.0.0.1", server.port), TIMEOUT))
            with closing(transport):
                transport.sendall(request(Offer("/forgotten/1")))
                other = server.dial(Offer())  # behind it
                server.process.terminate()
                assert read_answer(transport).status == 503
                with closing(other.peer.transport):
                    assert other.peer.receive_close()[0] == 1012
                    other.peer.send_close(1012)
            wait_for_end(server)
            message = told(server, "not accepted")["message"]
            assert isinstance(message, dict)
            assert message["code"] == 1006

    def test_client_that_leaves_before_the_answer(self, server: Server) -> None:
        number = fresh_id()
        transport = Socket(socket.create_connection(("127.0.0.1", server.port), TIMEOUT))
        transport.sendall(request(Offer(f"/forgotten/{number}")))
        transport.close()
        message = told(server, "not accepted", id=number)["message"]
        assert isinstance(message, dict)
        assert message["code"] == 1006


def read_number(server: Server, pattern: str, at_least: int) -> None:
    for number in range(at_least + 1):
        server.process.expect(pattern.format(number))


class TestBackPressure:
    def test_flood_of_who_does_not_receive_is_held_up(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer("/hold")).peer
        told(server, "holding")
        assert isinstance(peer.transport, Socket)
        sock = peer.transport._socket
        frame = peer.frame(BINARY, bytes(1000))
        sent = fill(sock, frame)
        assert 1000 < sent < 32 << 20  # the buffers of two sockets, and little more
        assert resident(server) < 150 << 20
        answer = server.dial(Offer("/release"))
        assert answer.status == 403
        rest = -sent % len(frame)
        sock.settimeout(TIMEOUT)
        peer.transport.sendall(frame[len(frame) - rest :] if rest else b"")
        peer.send(BINARY, b"last")
        count = (sent + rest) // len(frame)
        assert peer.receive() == Frame(TEXT, f"{count + 1} {count * 1000 + 4}".encode())

    @pytest.mark.parametrize("size", [0, 1])
    def test_flood_of_tiny_messages_is_held_up(self, dial: Dial, server: Server, size: int) -> None:
        """Each costs the application's side far more than its bytes."""
        peer = dial(Offer("/hold")).peer
        told(server, "holding")
        assert isinstance(peer.transport, Socket)
        before = resident(server)
        sent = fill(peer.transport._socket, peer.frame(BINARY, bytes(size)) * 1000)
        assert sent < 32 << 20
        assert resident(server) - before < 32 << 20
        peer.transport.abort()
        server.dial(Offer("/release"))

    def test_flood_of_bombs_is_held_up(self, start: Start) -> None:
        server = start()
        answer = server.dial(Offer("/hold", extensions=f"{DEFLATE}; client_no_context_takeover"))
        with closing(answer.peer.transport):
            told(server, "holding")
            compressor = zlib.compressobj(9, wbits=-15)
            bomb = compressor.compress(bytes(4 << 20)) + compressor.flush(zlib.Z_SYNC_FLUSH)
            frame = answer.peer.frame(BINARY, bomb[:-4], rsv=0x40)
            before = resident(server)
            answer.peer.transport.sendall(frame * 50)
            answer.peer.send(PING, "are you there?")
            time.sleep(0.5)  # nothing is to happen in it
            assert resident(server) - before < 64 << 20

    def test_who_is_flooded_is_waited_for(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer("/flood")).peer
        before = resident(server)
        time.sleep(0.3)  # in which nothing is read
        assert resident(server) - before < 32 << 20
        peer.send(TEXT, "enough")
        count = 0
        while (message := peer.receive_message())[0] == BINARY:
            assert message[1] == count.to_bytes(8) * 8 * 1024
            count += 1
        assert message == (TEXT, str(count).encode())

    def test_who_is_flooded_and_vanishes(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer("/flood/tell")).peer
        server.process.expect("sent 20")
        peer.transport.abort()
        assert told(server, "gave up")["name"] == "ClientDisconnected"

    def test_flood_of_pings_by_who_does_not_read(self, start: Start) -> None:
        server = start()
        peer = server.dial(Offer()).peer
        assert isinstance(peer.transport, Socket)
        before = resident(server)
        ping = peer.frame(PING, bytes(100))
        sent = fill(peer.transport._socket, ping * 100)
        assert resident(server) - before < 32 << 20
        peer.transport._socket.settimeout(TIMEOUT)
        rest = -sent % len(ping)
        ended = threading.Thread(
            target=peer.transport.sendall,
            args=(ping[len(ping) - rest if rest else len(ping) :] + peer.frame(TEXT, "the end"),),
        )
        ended.start()
        while (frame := peer.receive()).opcode == PONG:
            assert frame.payload == bytes(100)
        assert frame == Frame(TEXT, b"the end")
        ended.join()
        peer.transport.close()

    def test_several_receive_and_send(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer("/share")).peer
        assert peer.receive() == Frame(TEXT, b"ready")
        peer.transport.sendall(b"".join(peer.frame(TEXT, name) for name in "abc"))
        got = sorted(peer.receive_message()[1] for _ in "abc")
        assert got == [name * 200_000 for name in (b"a", b"b", b"c")]

    def test_pings_are_answered_while_the_application_waits(
        self, server: Server, dial: Dial
    ) -> None:
        peer = dial(Offer("/hold")).peer
        told(server, "holding")
        for _ in range(10):
            peer.send(BINARY, b"for later")
            peer.send(PING, "now")
            assert peer.receive() == Frame(PONG, b"now")
        server.dial(Offer("/release"))
        peer.send(BINARY, b"last")
        assert peer.receive() == Frame(TEXT, b"11 94")


def fill(sock: socket.socket, frame: bytes) -> int:
    """Send frames until nothing more has been taken for a while; how many bytes were."""
    sock.setblocking(False)
    sent = 0
    while select.select([], [sock], [], 0.7)[1]:
        at = sent % len(frame)
        try:
            sent += sock.send(frame[at:] + frame * (65536 // len(frame)))
        except BlockingIOError:
            continue
        assert sent < 64 << 20, "nothing holds it up"
    return sent


def resident(server: Server) -> int:
    """Bytes of memory in use by the server."""
    status = Path(f"/proc/{server.process._popen.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


class TestOptions:
    def test_pings_that_are_answered_go_on(self, start: Start) -> None:
        server = start("--ws-ping-interval", "0.01")
        peer = server.dial(Offer()).peer
        with closing(peer.transport):
            payloads = set()
            for _ in range(3):
                ping = peer.receive()
                assert ping.opcode == PING
                payloads.add(ping.payload)
                peer.send(PONG, ping.payload)
            assert len(payloads) == 3

    def test_pong_and_message_in_one_read(self, start: Start) -> None:
        """The next ping is then due long before the timer that waited for the pong."""
        server = start("--ws-ping-interval", "0.05", "--ws-ping-timeout", "1000")
        peer = server.dial(Offer()).peer
        with closing(peer.transport):
            for _ in range(3):
                ping = peer.receive()
                assert ping.opcode == PING
                peer.transport.sendall(peer.frame(PONG, ping.payload) + peer.frame(TEXT, "x"))
                assert peer.receive() == Frame(TEXT, b"x")

    @pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
    def test_ping_that_is_not_answered_closes_with_1011(self, start: Start, loop: str) -> None:
        options = ("--ws-ping-interval", "0.05", "--ws-ping-timeout", "0.05", "--loop", loop)
        server = start(*options, ws=HURRIED)
        number = fresh_id()
        peer = server.dial(Offer(f"/ends/{number}")).peer
        with closing(peer.transport):
            assert peer.receive().opcode == PING
            assert peer.receive_close()[0] == 1011
            first = told(server, "ended", id=number)["first"]
            assert isinstance(first, dict)
            assert first["code"] == 1011
            peer.expect_end()

    @pytest.mark.parametrize("option", ["--ws-ping-interval", "--ws-ping-timeout"])
    def test_zero_switches_off(self, start: Start, option: str) -> None:
        server = start(option, "0")
        peer = server.dial(Offer()).peer
        with closing(peer.transport):
            peer.send(TEXT, "well")
            assert peer.receive() == Frame(TEXT, b"well")

    @pytest.mark.parametrize("deflate", [False, True])
    def test_message_beyond_the_maximum_closes_with_1009(self, start: Start, deflate: bool) -> None:
        server = start("--ws-max-size", "100")
        number = fresh_id()
        peer = server.dial(Offer(f"/ends/{number}", extensions=DEFLATE if deflate else "")).peer
        with closing(peer.transport):
            peer.send(BINARY, b"x" * 100)
            peer.send(BINARY, b"x" * 60, fin=False)
            peer.send(CONTINUATION, b"x" * 41)
            assert peer.receive_close()[0] == 1009
            first = told(server, "ended", id=number)["first"]
            assert isinstance(first, dict)
            assert first["code"] == 1009

    def test_maximum_is_the_one_of_uvicorn(self, server: Server, dial: Dial) -> None:
        peer = dial(Offer()).peer
        peer.send(BINARY, bytes(16 << 20))
        assert peer.receive_message() == (BINARY, bytes(16 << 20))

    def test_who_is_told_of_a_fault_is_not_reset(self, server: Server, dial: Dial) -> None:
        """Or it might not read it, because it is still sending (RFC 6455 §7.1.1)."""
        peer = dial(Offer()).peer
        peer.send(BINARY, bytes((16 << 20) + 1))
        assert peer.receive_close()[0] == 1009
        peer.expect_end()

    def test_deflate_can_be_switched_off(self, start: Start) -> None:
        server = start("--ws-per-message-deflate", "false")
        answer = server.dial(Offer(extensions=DEFLATE))
        with closing(answer.peer.transport):
            assert "sec-websocket-extensions" not in answer.headers
            answer.peer.send(TEXT, "plain")
            assert answer.peer.receive() == Frame(TEXT, b"plain")

    def test_queue(self, start: Start) -> None:
        """No more messages than --ws-max-queue are taken, and pings behind them wait."""
        server = start("--ws-max-queue", "3")
        peer = server.dial(Offer("/hold")).peer
        with closing(peer.transport):
            told(server, "holding")
            for number in range(3):
                peer.send(BINARY, b"x")
                if number < 2:
                    peer.send(PING, "within")
                    assert peer.receive() == Frame(PONG, b"within")
            peer.send(PING, "behind")
            assert isinstance(peer.transport, Socket)
            assert not select.select([peer.transport._socket], [], [], 0.3)[0]
            server.dial(Offer("/release"))
            assert peer.receive() == Frame(PONG, b"behind")


class TestUvicornsOwn:
    """What differs, and what does not, as far as the tests above go by it."""

    @pytest.mark.parametrize("path", ["/crashing", "/leave/open"])
    def test_theirs_ends_without_a_close(self, start: Start, path: str) -> None:
        server = start("--http", "h11", "--root-path", "/mounted", ws="websockets-sansio")
        peer = server.dial(Offer(path)).peer
        with closing(peer.transport):
            if path == "/crashing":
                peer.send(TEXT, "crash")
            peer.expect_end()

    @pytest.mark.parametrize("http", ["h11", "httptools"])
    def test_theirs_loses_bytes_behind_the_request(self, start: Start, http: str) -> None:
        server = start("--http", http, "--root-path", "/mounted", ws="websockets-sansio")
        transport = Socket(socket.create_connection(("127.0.0.1", server.port), TIMEOUT))
        with closing(transport):
            early = Peer(transport, client=True).frame(TEXT, "early")
            transport.sendall(request(Offer()) + early)
            peer = read_answer(transport).peer
            peer.send(TEXT, "in time")
            assert peer.receive().payload == b"in time"


class TestServerState:
    @pytest.mark.parametrize("http", ["h11", "httptools"])
    def test_connections_and_tasks_come_and_go(self, start: Start, http: str) -> None:
        server = start("--http", http, ws=WATCHED)
        peer = server.dial(Offer("/state")).peer

        def shown() -> dict[str, int]:
            peer.send(TEXT, "show")
            shown: dict[str, int] = json.loads(peer.receive_message()[1])
            return shown

        with closing(peer.transport):
            one = {"connections": 1, "tasks": 1, "total_requests": 0}
            assert shown() == one
            others = [server.dial(Offer()).peer for _ in range(3)]
            assert shown() == {"connections": 4, "tasks": 4, "total_requests": 0}
            assert server.dial(Offer("/crash")).status == 500
            assert server.dial(Offer("/deny")).status == 403
            others[0].send_close(1000)
            assert others[0].receive_close() == (1000, "")
            others[1].transport.abort()
            for other in (others[0], others[2]):
                other.transport.close()
            deadline = time.monotonic() + TIMEOUT
            while shown() != one:
                assert time.monotonic() < deadline, shown()


class TestShutdown:
    @pytest.mark.parametrize(("http", "loop"), COMBINATIONS)
    def test_closes_with_1012_and_waits(self, http: str, loop: str) -> None:
        with serving("--http", http, "--loop", loop) as server:
            peer = server.dial(Offer("/linger")).peer
            with closing(peer.transport):
                server.process.terminate()
                assert peer.receive_close() == (1012, "")
                peer.send_close(1012)
                peer.expect_end()
            wait_for_end(server)
            finished = told(server, "finished")
            assert finished["message"] == {
                "type": "websocket.disconnect",
                "code": 1012,
                "reason": "",
            }
            server.process.expect("lifespan shutdown")
            server.process.expect("INFO: .*Finished server process")
            assert "Traceback" not in server.process.output

    def test_client_that_does_not_answer_is_dropped(self) -> None:
        with serving(ws=HURRIED) as server:
            peer = server.dial(Offer("/linger")).peer
            with closing(peer.transport):
                server.process.terminate()
                assert peer.receive_close() == (1012, "")
                wait_for_end(server)
                server.process.expect("INFO: .*Finished server process")

    def test_client_that_does_not_read_is_dropped(self) -> None:
        with serving(ws=HURRIED) as server:
            peer = server.dial(Offer("/flood/tell")).peer
            with closing(peer.transport):
                server.process.expect("sent 20")
                server.process.terminate()
                wait_for_end(server)
            assert told(server, "gave up")["name"] == "ClientDisconnected"
            server.process.expect("INFO: .*Finished server process")

    def test_application_that_does_not_receive(self) -> None:
        """It may not even have been told, but its client has."""
        with serving("--timeout-graceful-shutdown", "1") as server:
            peer = server.dial(Offer("/hold")).peer
            with closing(peer.transport):
                told(server, "holding")
                peer.transport.sendall(peer.frame(BINARY, bytes(1000)) * 1000)
                server.process.terminate()
                assert peer.receive_close() == (1012, "")
                peer.send_close(1012)
                peer.expect_end()
            wait_for_end(server)
            server.process.expect("ERROR: .*Cancel 1 running task")

    def test_interrupt_closes_too(self) -> None:
        with serving() as server:
            peer = server.dial(Offer()).peer
            with closing(peer.transport):
                server.process._popen.send_signal(signal.SIGINT)
                assert peer.receive_close() == (1012, "")
                peer.send_close(1012)
            wait_for_end(server)


class TestCommand:
    def test_from_the_checkout(self) -> None:
        """The command of the example's docstring, with nothing but the folder to find it."""
        root = Path(__file__).parents[2]
        app = f"{consumer('uvicorn_ws_app')}:app"
        command = [str(Path(sys.executable).with_name("uvicorn")), app, "--port", "0", "--ws", OURS]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        with subprocess.Popen(
            command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stderr is not None
                for line in process.stderr:
                    match = re.search(r"running on http://127\.0\.0\.1:(\d+)", line)
                    if match:
                        break
                assert match is not None
                answer = dial_port(int(match[1]), Offer())
                with closing(answer.peer.transport):
                    answer.peer.send(TEXT, "well")
                    assert answer.peer.receive() == Frame(TEXT, b"well")
                    process.terminate()
                    assert answer.peer.receive_close() == (1012, "")
                    answer.peer.send_close(1012)
                process.stderr.read()
            finally:
                process.kill()

    def test_benchmark(self) -> None:
        root = Path(__file__).parents[2]
        command = [sys.executable, "benchmarks/uvicorn_adapters.py", "--quick", "--rounds", "1"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        rows = [line.split(" | ")[0] for line in done.stdout.splitlines() if "uvicorn, " in line]
        assert [row.strip("|* ") for row in rows if row.startswith("|")] == [
            "uvicorn, examples/uvicorn_ws",
            "uvicorn, websockets-sansio",
            "uvicorn, wsproto",
        ]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    options = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject)
    subprocess.run(
        ["openssl", "req", *options, "-keyout", key, "-out", cert], check=True, capture_output=True
    )
    return key, cert


@pytest.mark.parametrize(("http", "loop"), COMBINATIONS)
class TestTls:
    @pytest.fixture
    def tls(
        self, certificate: tuple[str, str], http: str, loop: str
    ) -> Iterator[tuple[Server, ssl.SSLContext]]:
        key, cert = certificate
        options = ("--ssl-keyfile", key, "--ssl-certfile", cert, "--http", http, "--loop", loop)
        with serving(*options, scheme="https") as server:
            yield server, ssl.create_default_context(cafile=cert)

    def connect(self, tls: tuple[Server, ssl.SSLContext]) -> Socket:
        server, context = tls
        sock = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
        return Socket(context.wrap_socket(sock, server_hostname="127.0.0.1"))

    def dial(self, tls: tuple[Server, ssl.SSLContext], offer: Offer) -> Answer:
        transport = self.connect(tls)
        transport.sendall(request(offer))
        return read_answer(transport)

    def test_scope_and_close(self, tls: tuple[Server, ssl.SSLContext]) -> None:
        peer = self.dial(tls, Offer("/scope")).peer
        with closing(peer.transport):
            assert json.loads(peer.receive_message()[1])["scheme"] == "wss"
            peer.send_close(1000)
            assert peer.receive_close() == (1000, "")
            peer.expect_end()

    def test_flood_both_ways(self, tls: tuple[Server, ssl.SSLContext]) -> None:
        peer = self.dial(tls, Offer("/hold")).peer
        with closing(peer.transport):
            told(tls[0], "holding")
            peer.transport.sendall(peer.frame(BINARY, bytes(1000)) * 200)
            with closing(self.connect(tls)) as other:
                other.sendall(request(Offer("/release")))
                assert read_answer(other).status == 403
            peer.send(BINARY, b"last")
            assert peer.receive() == Frame(TEXT, b"201 200004")
        peer = self.dial(tls, Offer("/flood")).peer
        with closing(peer.transport):
            time.sleep(0.2)
            peer.send(TEXT, "enough")
            count = 0
            while (message := peer.receive_message())[0] == BINARY:
                count += 1
            assert message == (TEXT, str(count).encode())

    def test_shutdown(self, tls: tuple[Server, ssl.SSLContext]) -> None:
        peer = self.dial(tls, Offer("/linger")).peer
        with closing(peer.transport):
            tls[0].process.terminate()
            assert peer.receive_close() == (1012, "")
            peer.send_close(1012)
            peer.expect_end()
        wait_for_end(tls[0])
        told(tls[0], "finished")
        assert "Traceback" not in tls[0].process.output

    def test_websockets_client(self, tls: tuple[Server, ssl.SSLContext]) -> None:
        server, context = tls
        with websockets.sync.client.connect(
            f"wss://127.0.0.1:{server.port}/echo", ssl=context, proxy=None, open_timeout=TIMEOUT
        ) as client:
            client.send("x" * 1_000_000)
            assert client.recv(TIMEOUT) == "x" * 1_000_000
            client.close(4000, "bye")
            with pytest.raises(ConnectionClosed):
                client.recv(TIMEOUT)
