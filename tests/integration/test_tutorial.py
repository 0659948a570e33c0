"""The tutorial's programs, each as a process, with the websockets library at the other end."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.frames import Close
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from .certificates import Certificates
from .peer import PING, PONG, TEXT, Listener, Offer, dial
from .websockets_server import OtherEnd

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
#: Seconds after which what has not happened is a failure. Only failing tests wait so long.
TIMEOUT = 30.0


class Program:
    """A program of the tutorial, whose lines of output are waited for."""

    def __init__(self, name: str, *arguments: str, **environment: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"examples.tutorial.{name}", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONWARNINGS": "default", **environment},
            text=True,
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.complaints: list[str] = []
        self.readers = [
            threading.Thread(target=self._read_output),
            threading.Thread(target=self._read_complaints),
        ]
        for reader in self.readers:
            reader.start()

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _read_complaints(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as complaints:
            self.complaints += complaints

    def line(self) -> str:
        line = self.lines.get(timeout=TIMEOUT)
        assert line is not None, f"{self.name} has ended: {self.complaints}"
        return line

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end. Its exit status."""
        status = self.process.wait(TIMEOUT)
        for reader in self.readers:
            reader.join(TIMEOUT)
        return status

    def ends_well(self) -> bool:
        return (self.end(), self.complaints) == (0, [])

    def kill(self) -> None:
        self.process.kill()
        self.end()


Start = Callable[..., Program]
Ask = Callable[[str], Callable[[], tuple[int, str]]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts programs, all of which are ended."""
    with ExitStack() as stack:

        def start(name: str, *arguments: str, **environment: str) -> Program:
            program = Program(name, *arguments, **environment)
            stack.callback(program.kill)
            return program

        yield start


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server made by hand."""
    with closing(Listener()) as listener:
        yield listener


def says(client: ClientConnection | ServerConnection) -> str | bytes:
    return client.recv(timeout=TIMEOUT)


def ended_with(client: ClientConnection | ServerConnection) -> Close | None:
    """The Close frame that the other end has sent."""
    with pytest.raises(ConnectionClosed) as raised:
        says(client)
    return raised.value.rcvd


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("echo_server", signal.SIGTERM),
        ("echo_server", signal.SIGINT),
        ("chat_server", signal.SIGTERM),
        ("modular_server", signal.SIGTERM),
    ],
)
def test_stopped_server_closes_with_1001(start: Start, name: str, number: signal.Signals) -> None:
    program = start(name, "--port", "0")
    url = program.line()
    with connect(url) as one, connect(url) as other:
        if name == "chat_server":  # both are greeted
            assert [says(one), says(one), says(other)][1] == "* guest-2 has come"
        program.signal(number)
        for client in (one, other):
            with pytest.raises(ConnectionClosedOK) as raised:
                while True:  # a chat says who is leaving
                    says(client)
            assert raised.value.rcvd == Close(1001, "")
            assert raised.value.rcvd_then_sent
    assert program.ends_well()


def test_echo_server(start: Start) -> None:
    program = start("echo_server", "--port", "0")
    url = program.line()
    assert re.fullmatch(r"ws://127\.0\.0\.1:\d+/", url)
    messages: list[str | bytes] = ["", "Grüße", b"\x00\xff", "x" * 100_000, b"y" * 1_000_000]
    with connect(url) as plain, connect(url, compression=None) as uncompressed:
        for client in (plain, uncompressed):
            for message in messages:
                client.send(message)
                assert says(client) == message
            client.send(["in ", "three ", "pieces"])
            assert says(client) == "in three pieces"
            assert client.ping().wait(TIMEOUT)
            client.close(4321, "enough")
            assert client.close_code == 4321

    broken_off = dial(int(url.rpartition(":")[2].strip("/")), Offer("/")).peer
    broken_off.send(TEXT, "x" * 100_000)
    broken_off.transport.abort()
    with connect(url) as client:
        client.send("still here")
        assert says(client) == "still here"
    program.signal(signal.SIGTERM)
    assert program.ends_well()


class TestChatServer:
    @staticmethod
    def enter(url: str, stack: ExitStack) -> tuple[ClientConnection, str]:
        client = stack.enter_context(connect(url))
        welcome = says(client)
        match = re.fullmatch(r"\* you are (guest-\d+); here: .*", str(welcome))
        assert match
        return client, match[1]

    def test_others_are_sent_what_one_says(self, start: Start) -> None:
        program = start("chat_server", "--port", "0")
        url = program.line()
        with ExitStack() as stack:
            ann, ann_is = self.enter(url, stack)
            bob, bob_is = self.enter(url, stack)
            assert says(ann) == f"* {bob_is} has come"
            cyd = stack.enter_context(connect(url))
            assert says(cyd) == f"* you are guest-3; here: {ann_is}, {bob_is}"
            assert says(ann) == says(bob) == "* guest-3 has come"

            ann.send("hello")
            assert says(bob) == says(cyd) == f"{ann_is}: hello"
            bob.send("hi")  # the next that Ann hears: her own she was not sent
            assert says(ann) == says(cyd) == f"{bob_is}: hi"

            cyd.close()
            assert says(ann) == says(bob) == "* guest-3 has left"

    def test_who_leaves_in_whatever_way_breaks_nobody(self, start: Start) -> None:
        program = start("chat_server", "--port", "0")
        url = program.line()
        port = int(url.rpartition(":")[2].strip("/"))
        with ExitStack() as stack:
            ann, ann_is = self.enter(url, stack)
            bob, _ = self.enter(url, stack)
            assert says(ann) == "* guest-2 has come"

            def both_hear(text: str) -> None:
                assert says(ann) == says(bob) == text

            # A process that is killed.
            killed = subprocess.Popen(
                [sys.executable, "-m", "websockets", url],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            both_hear("* guest-3 has come")
            killed.kill()
            killed.communicate()
            both_hear("* guest-3 has left")

            by_hand = []
            for number in (4, 5, 6):
                by_hand.append(dial(port, Offer("/")).peer)
                both_hear(f"* guest-{number} has come")
            by_hand[0].transport.abort()
            both_hear("* guest-4 has left")
            by_hand[1].transport.close()
            both_hear("* guest-5 has left")
            by_hand[2].transport.sendall(b"\xff\xff this is no frame")
            both_hear("* guest-6 has left")
            by_hand[2].transport.close()

            carl, carl_is = self.enter(url, stack)
            both_hear(f"* {carl_is} has come")
            carl.send(b"no text")
            assert ended_with(carl) == Close(1003, "text only, please")
            both_hear(f"* {carl_is} has left")

            ann.send("all well?")
            assert says(bob) == f"{ann_is}: all well?"
        program.signal(signal.SIGTERM)
        assert program.ends_well()

    def test_who_does_not_read_is_left_behind(self, start: Start) -> None:
        program = start("chat_server", "--port", "0")
        url = program.line()
        port = int(url.rpartition(":")[2].strip("/"))
        with ExitStack() as stack:
            ann, ann_is = self.enter(url, stack)
            bob, bob_is = self.enter(url, stack)
            silent = dial(port, Offer("/")).peer
            stack.callback(silent.transport.close)
            assert [says(ann), says(ann)] == ["* guest-2 has come", "* guest-3 has come"]
            assert says(bob) == "* guest-3 has come"
            left = False
            for _ in range(200):  # which is more than all buffers in between hold
                ann.send("x" * 100_000)
                heard = says(bob)
                if heard == "* guest-3 has left":
                    left = True
                    heard = says(bob)
                assert heard == f"{ann_is}: {'x' * 100_000}"
                if left:
                    break
            assert left
            assert says(ann) == "* guest-3 has left"
            bob.send("at last")
            assert says(ann) == f"{bob_is}: at last"


class TestModularServer:
    def test_each_message_has_its_handler(self, start: Start) -> None:
        url = start("modular_server", "--port", "0").line()
        with connect(url) as client, connect(url):
            for asked, answered in (
                ({"type": "echo", "text": "ü"}, {"type": "echo", "text": "ü"}),
                ({"type": "add", "numbers": [1, 2, 3]}, {"type": "sum", "sum": 6}),
                ({"type": "divide", "of": 1, "by": 4}, {"type": "quotient", "quotient": 0.25}),
                ({"type": "count"}, {"type": "count", "connected": 2}),
            ):
                client.send(json.dumps(asked))
                assert json.loads(says(client)) == answered

    def test_bad_messages_are_answered(self, start: Start) -> None:
        url = start("modular_server", "--port", "0").line()
        with connect(url) as client:
            for asked, text in (
                ("{", "expected JSON"),
                (b"\xff", "expected JSON"),
                ("[" * 100_000, "expected JSON"),
                ("[]", 'expected {"type": ...}'),
                ('{"type": 1}', 'expected {"type": ...}'),
                ('{"type": "fly"}', "expected a type of echo, add, divide, count"),
                ('{"type": "add", "numbers": "1"}', "expected integers as numbers"),
            ):
                client.send(asked)
                assert json.loads(says(client)) == {"type": "error", "text": text}

    def test_failing_handler_costs_one_connection(self, start: Start) -> None:
        program = start("modular_server", "--port", "0")
        url = program.line()
        with connect(url) as other:
            with connect(url) as client:
                client.send('{"type": "divide", "of": 1, "by": 0}')
                assert ended_with(client) == Close(1011, "")
            other.send('{"type": "count"}')
            assert json.loads(says(other)) == {"type": "count", "connected": 1}
        program.signal(signal.SIGTERM)
        assert program.end() == 0
        assert program.complaints[0] == "a handler failed\n"
        assert program.complaints[-1] == "ZeroDivisionError: division by zero\n"


class TestHelloClient:
    def test_says_its_name(self, start: Start, other_end: OtherEnd) -> None:
        program = start("hello_client", other_end.url, "--name", "Ann")
        server = other_end.accept()
        name = says(server)
        server.send(f"Hello {name!s}!")
        assert [program.line(), program.line()] == ["> Ann", "< Hello Ann!"]
        assert ended_with(server) == Close(1000, "")
        assert program.ends_well()


class TestListeningClient:
    def test_prints_all_and_the_end(self, start: Start, other_end: OtherEnd) -> None:
        program = start("listening_client", other_end.url)
        server = other_end.accept()
        for message in ("first", "zweite Grüße", b"12345"):
            server.send(message)
        server.send(["in ", "pieces"])
        server.close(4000, "that is all")
        expected = ["first", "zweite Grüße", "5 bytes", "in pieces", "* closed: 4000 that is all"]
        assert [program.line() for _ in expected] == expected
        assert program.ends_well()

    def test_loss(self, start: Start, listener: Listener) -> None:
        program = start("listening_client", listener.url)
        peer = listener.accept()
        peer.send(TEXT, "last words")
        assert program.line() == "last words"
        peer.transport.abort()
        assert program.line() == "* lost: 1006"
        assert (program.end(), program.complaints) == (1, [])

    def test_a_flood_is_printed_whole(self, start: Start, other_end: OtherEnd) -> None:
        program = start("listening_client", other_end.url)
        server = other_end.accept()
        for number in range(5000):
            server.send(f"{number}")
        server.close()
        assert [program.line() for _ in range(5000)] == [f"{n}" for n in range(5000)]
        assert program.line() == "* closed: 1000"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("listening_client", signal.SIGTERM),
        ("listening_client", signal.SIGINT),
        ("periodic_sender", signal.SIGTERM),
        ("ping_heartbeat", signal.SIGTERM),
    ],
)
def test_stopped_client_closes_with_1001(
    start: Start, other_end: OtherEnd, name: str, number: signal.Signals
) -> None:
    program = start(name, other_end.url)
    server = other_end.accept()
    server.send("so that it is open")
    if name == "ping_heartbeat":
        assert program.line().startswith("pong after ")
    else:
        assert program.line() == "so that it is open"
    if name == "periodic_sender":
        assert says(server) == "tick 0"
    program.signal(number)
    assert ended_with(server) == Close(1001, "")
    assert program.ends_well()


def test_client_stopped_while_it_connects_ends(start: Start, listener: Listener) -> None:
    program = start("listening_client", listener.url)
    listener.receive_request()  # and never answer
    program.signal(signal.SIGTERM)
    assert program.ends_well()


def test_what_cannot_run_says_so_in_a_line(start: Start, other_end: OtherEnd) -> None:
    port = other_end.url.rpartition(":")[2]
    taken = start("echo_server", "--port", port)
    refused = start("hello_client", f"{other_end.url}/reject")
    unreachable = start("hello_client", "ws://127.0.0.1:1/")
    for program, complaint in (
        (taken, "OSError: "),
        (refused, "Refused: refused with status 403\n"),
        (unreachable, "ConnectionRefusedError: "),
    ):
        assert program.end() == 1
        assert len(program.complaints) == 1
        assert program.complaints[0].startswith(complaint)


class TestPeriodicSender:
    def test_sends_while_it_listens(self, start: Start, other_end: OtherEnd) -> None:
        program = start("periodic_sender", other_end.url, "--interval", "0.05", "--text", "t")
        server = other_end.accept()
        assert says(server) == "t 0"
        began = time.monotonic()
        for number in range(1, 11):
            assert says(server) == f"t {number}"
            server.send(f"seen {number}")
            assert program.line() == f"seen {number}"
        assert time.monotonic() - began > 0.25  # it was the timer that made them come
        server.close(1000)
        assert program.ends_well()


class TestPingHeartbeat:
    def test_goes_on_and_on(self, start: Start, other_end: OtherEnd) -> None:
        program = start("ping_heartbeat", other_end.url, "--interval", "0.02")
        server = other_end.accept()
        for _ in range(5):
            assert re.fullmatch(r"pong after \d+\.\d\d ms", program.line())
        for _ in range(100):  # more than may wait unread in front of a pong
            server.send("news")
        for _ in range(20):
            assert program.line().startswith("pong after ")
        server.close(1000)
        while (line := program.line()) != "* closed: 1000":
            assert line.startswith("pong after ")
        assert program.ends_well()

    def test_notices_a_dead_server(self, start: Start, listener: Listener) -> None:
        arguments = ("--interval", "0.02", "--timeout", "0.5")
        program = start("ping_heartbeat", listener.url, *arguments)
        peer = listener.accept()
        for _ in range(3):
            ping = peer.receive()
            assert ping.opcode == PING
            peer.send(PONG, ping.payload)
            assert program.line().startswith("pong after ")
        peer.receive()  # a ping, which is not answered
        peer.send(TEXT, "talking, but deaf")
        assert program.line() == "no pong within 0.5 s"
        assert program.line() == "* aborted: 1006"
        assert (program.end(), program.complaints) == (1, [])


class TestErrorHandling:
    @pytest.fixture
    def outcome(self, start: Start) -> Ask:
        """Starts the program, and then gives its exit status and what it says."""

        def ask(url: str) -> Callable[[], tuple[int, str]]:
            program = start("error_handling", url, SSL_CERT_FILE="/dev/null")

            def outcome() -> tuple[int, str]:
                line = program.line()
                status = program.end()
                assert program.complaints == []
                return status, line

            return outcome

        return ask

    def test_answer(self, outcome: Ask, other_end: OtherEnd) -> None:
        told = outcome(other_end.url)
        server = other_end.accept()
        assert says(server) == "hello"
        server.send("hi")
        assert told() == (0, "answer: hi")
        assert ended_with(server) == Close(1000, "")

    @pytest.mark.parametrize(
        ("code", "reason", "expected"),
        [
            (1000, "", "closed normally, without an answer"),
            (1008, "not you", "closed: 1008 not you"),
            (1011, "a bug", "the server has failed: a bug"),
        ],
    )
    def test_close(
        self, outcome: Ask, other_end: OtherEnd, code: int, reason: str, expected: str
    ) -> None:
        told = outcome(other_end.url)
        other_end.accept().close(code, reason)
        assert told() == (1, expected)

    def test_refusal(self, outcome: Ask, other_end: OtherEnd) -> None:
        assert outcome(f"{other_end.url}/reject")() == (1, "refused: 403, 'no entry'")

    def test_loss(self, outcome: Ask, listener: Listener) -> None:
        told = outcome(listener.url)
        peer = listener.accept()
        assert peer.receive().opcode == TEXT
        peer.transport.abort()
        assert told() == (1, "lost: the connection broke off without a word")

    def test_broken_protocol(self, outcome: Ask, listener: Listener) -> None:
        told = outcome(listener.url)
        peer = listener.accept()
        assert peer.receive().opcode == TEXT
        peer.transport.sendall(b"\xff\x00")
        assert peer.receive_close()[0] == 1002
        peer.transport.close()
        status, line = told()
        assert status == 1
        assert line.startswith("failed: ")

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("ws://127.0.0.1:1/", "not reached: "),
            ("http://127.0.0.1:1/", "bad URL: "),
        ],
    )
    def test_no_connection(self, outcome: Ask, url: str, expected: str) -> None:
        status, line = outcome(url)()
        assert status == 1
        assert line.startswith(expected)

    def test_unknown_authority(self, outcome: Ask, certificates: Certificates) -> None:
        with tls_server(certificates, echo) as url:
            status, line = outcome(url)()
        assert status == 1
        assert line.startswith("certificate not trusted: ")


@contextmanager
def tls_server(
    certificates: Certificates, handle: Callable[[ServerConnection], None]
) -> Iterator[str]:
    """Websockets' server over TLS. Its URL."""
    with serve(handle, "127.0.0.1", 0, ssl=certificates.for_server(), ping_interval=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"wss://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


class TestSecure:
    def test_server(self, start: Start, certificates: Certificates) -> None:
        files = (str(certificates.certificate), str(certificates.key))
        program = start("secure_server", *files, "--port", "0")
        url = program.line()
        assert url.startswith("wss://127.0.0.1:")
        with pytest.raises(ssl.SSLCertVerificationError), connect(url):
            raise AssertionError("its authority is not known")
        with connect(url, ssl=certificates.for_client()) as client:
            for message in ("hello", "x" * 1_000_000):
                client.send(message)
                assert says(client) == message
            program.signal(signal.SIGTERM)
            assert ended_with(client) == Close(1001, "")
        assert program.ends_well()

    def test_client(self, start: Start, certificates: Certificates, tmp_path: Path) -> None:
        with tls_server(certificates, echo) as url:
            authority = str(certificates.authority)
            good = start("secure_client", url, "--authority", authority, "--text", "hi")
            unknown = start("secure_client", url)
            other = str(Certificates.make(tmp_path).authority)
            wrong = start("secure_client", url, "--authority", other)
            assert good.line() == "hi"
            assert good.ends_well()
            for program in (unknown, wrong):
                assert program.end() == 1
                assert program.lines.get() is None  # it has said nothing to who may be anybody
                assert len(program.complaints) == 1
                assert program.complaints[0].startswith("not trusted: ")

    def test_sending_alone_needs_nobody_to_answer(
        self, start: Start, certificates: Certificates
    ) -> None:
        """Asyncio's TLS transport resumes writing only when it is told to write, or reads."""
        seen: queue.Queue[object] = queue.Queue()

        def listen(connection: ServerConnection) -> None:
            for message in connection:
                seen.put(message)

        with tls_server(certificates, listen) as url:
            authority = str(certificates.authority)
            start("periodic_sender", url, "--interval", "0.02", SSL_CERT_FILE=authority)
            assert [seen.get(timeout=5) for _ in range(10)] == [f"tick {n}" for n in range(10)]

    def test_our_own_together(self, start: Start, certificates: Certificates) -> None:
        files = (str(certificates.certificate), str(certificates.key))
        url = start("secure_server", *files, "--port", "0").line()
        client = start("secure_client", url, "--authority", str(certificates.authority))
        assert client.line() == "hello"
        assert client.ends_well()
