"""What a peer can make an endpoint spend: memory is bounded, work is linear.

Work is counted in lines that the interpreter runs, not in seconds: that is the same on
every machine, and shows what grows.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from wsproto_core import (
    Connection,
    ConnectionType,
    Limits,
    RemoteProtocolError,
    WSConnection,
    back_ends,
)
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    Ping,
    TextMessage,
)
from wsproto_core.handshake import H11Handshake
from wsproto_core.header_fields import FieldError, parse_extension, split_list

from .test_handshake_client import new_client, response
from .test_handshake_server import request
from .wire import BINARY, CLIENT, CONT, PING, SERVER, TEXT, assert_fails, both_roles, frame


def peak_memory(work: Callable[[], Any]) -> int:
    """Bytes that *work* held at its worst."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def lines_run(work: Callable[[], Any]) -> int:
    """How many lines of the package *work* made the interpreter run."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        if "wsproto_core" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    if not count and back_ends().compiled:
        pytest.skip("compiled code runs no lines")
    return count


def feed(connection: Connection | WSConnection | H11Handshake, data: bytes, size: int) -> None:
    for start in range(0, len(data), size):
        connection.receive_data(data[start : start + size])
        for _ in connection.events():
            pass


@both_roles
class TestMemory:
    def test_declared_length_costs_nothing(self, role: ConnectionType) -> None:
        header = frame(BINARY, b"", to=role, length=60_000_000)
        for whole in (False, True):
            connection = Connection(role, whole_messages=whole)
            assert peak_memory(partial(feed, connection, header, 1)) < 50_000

    def test_pieces_are_not_kept(self, role: ConnectionType) -> None:
        connection = Connection(role)
        header = frame(BINARY, b"", to=role, length=60_000_000)
        piece = bytes(65536)

        def work() -> None:
            connection.receive_data(header)
            for _ in range(200):
                feed(connection, piece, 65536)

        assert peak_memory(work) < 5 * 65536

    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    def test_whole_message_costs_its_size(self, role: ConnectionType, opcode: int) -> None:
        size = 4_000_000
        data = frame(opcode, b"a" * size, to=role)
        connection = Connection(role, whole_messages=True)
        assert peak_memory(lambda: feed(connection, data, 65536)) < 2.5 * size

    def test_tiny_reads_are_merged(self, role: ConnectionType) -> None:
        """100 000 reads of one byte, and no events taken."""
        data = frame(BINARY, b"", to=role, length=200_000) + bytes(100_000)
        connection = Connection(role, whole_messages=True)

        def work() -> None:
            for byte in data:
                connection.receive_data(bytes((byte,)))

        assert peak_memory(work) < 4 * len(data)

    def test_fragment_flood(self, role: ConnectionType) -> None:
        flood = frame(CONT, b"", to=role, fin=False) * 1000
        connection = Connection(role, whole_messages=True)
        connection.receive_data(frame(TEXT, b"", to=role, fin=False))
        list(connection.events())

        def work() -> None:
            for _ in range(135):
                feed(connection, flood, len(flood))

        assert peak_memory(work) < 5 * len(flood)
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"", to=role, fin=False) + flood * 132)
        assert_fails(list(connection.events())[-1:], 1009)

    def test_control_flood(self, role: ConnectionType) -> None:
        flood = frame(PING, bytes(125), to=role) * 500
        connection = Connection(role)

        def work() -> None:
            for _ in range(20):
                feed(connection, flood, 4096)

        assert peak_memory(work) < 3 * len(flood)

    def test_after_a_failure(self, role: ConnectionType) -> None:
        connection = Connection(role)
        feed(connection, b"\xff" * 10, 10)
        read = bytes(65536)

        def work() -> None:
            for _ in range(200):
                feed(connection, read, len(read))

        assert peak_memory(work) < len(read)


class TestHandshakeMemory:
    def test_endless_head(self) -> None:
        server = WSConnection(SERVER)

        def work() -> None:
            server.receive_data(b"GET / HTTP/1.1\r\n")
            with pytest.raises(RemoteProtocolError):
                while True:
                    server.receive_data(b"X: y\r\n" * 100)
            for _ in range(1000):
                server.receive_data(b"X: y\r\n" * 100)

        assert peak_memory(work) < 400_000

    def test_endless_interim_responses(self) -> None:
        client = new_client()
        interim = b"HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n" * 10

        def work() -> None:
            for _ in range(300):
                client.receive_data(interim)

        assert peak_memory(work) < 300_000

    def test_body_is_passed_on(self) -> None:
        client = new_client()
        client.receive_data(b"HTTP/1.1 500 X\r\nContent-Length: 100000000\r\n\r\n")

        def work() -> None:
            for _ in range(100):
                feed(client, bytes(65536), 65536)

        assert peak_memory(work) < 6 * 65536


def grows_linearly(work: Callable[[int], Callable[[], Any]], size: int) -> None:
    """Eight times the input is at most about eight times the lines."""
    small, large = lines_run(work(size)), lines_run(work(8 * size))
    assert small > 0
    assert large < 9 * small, (small, large)


class TestWork:
    @both_roles
    @pytest.mark.parametrize("whole", [False, True])
    def test_byte_by_byte(self, role: ConnectionType, whole: bool) -> None:
        def work(size: int) -> Callable[[], None]:
            data = frame(TEXT, b"a" * size, to=role)
            return lambda: feed(Connection(role, whole_messages=whole), data, 1)

        grows_linearly(work, 2000)

    @both_roles
    def test_many_messages_in_one_read(self, role: ConnectionType) -> None:
        def work(count: int) -> Callable[[], None]:
            data = (frame(TEXT, b"a", to=role) + frame(PING, b"", to=role)) * count
            return lambda: feed(Connection(role), data, len(data))

        grows_linearly(work, 300)

    @both_roles
    def test_many_fragments(self, role: ConnectionType) -> None:
        def work(count: int) -> Callable[[], None]:
            data = (
                frame(TEXT, b"", to=role, fin=False) + frame(CONT, b"a", to=role, fin=False) * count
            )
            return lambda: feed(Connection(role, whole_messages=True), data, 1000)

        grows_linearly(work, 500)

    def test_a_million_fragments(self) -> None:
        """And the time, by the clock of the one who waits for the tests."""
        limits = Limits(max_fragments=1_000_002)
        connection = Connection(CLIENT, whole_messages=True, limits=limits)
        connection.receive_data(b"\x02\x00")
        for _ in range(1000):
            feed(connection, b"\x00\x01a" * 1000, 3000)
        connection.receive_data(b"\x80\x00")
        assert list(connection.events()) == [BytesMessage(b"a" * 1_000_000)]

    def test_events_taken_one_at_a_time(self) -> None:
        def work(count: int) -> Callable[[], None]:
            def run() -> None:
                connection = Connection(CLIENT)
                connection.receive_data(b"\x81\x01a" * count)
                for _ in range(count):
                    assert next(connection.events()) == TextMessage("a")
                    connection.receive_data(b"\x89\x00")

            return run

        grows_linearly(work, 200)

    @pytest.mark.parametrize("end", [SERVER, CLIENT])
    def test_head_byte_by_byte(self, end: ConnectionType) -> None:
        def work(size: int) -> Callable[[], None]:
            fields = {b"X-%d" % i: b"a" * 50 for i in range(size // 50)}
            limits = Limits(max_headers=10_000, max_header_size=1 << 20)

            def run() -> None:
                if end is SERVER:
                    data, peer = request(fields), WSConnection(SERVER, limits=limits)  # type: ignore[arg-type]
                else:
                    data, peer = response(fields), new_client(limits=limits)  # type: ignore[arg-type]
                feed(peer, data, 1)

            return run

        grows_linearly(work, 1000)

    @pytest.mark.parametrize(
        "text", ["a;" * 1000, 'a;b="' + "\\" * 2000, "a" + " " * 2000, "a;b=" + "c" * 2000]
    )
    def test_header_grammar(self, text: str) -> None:
        def parse(times: int) -> Callable[[], None]:
            def run() -> None:
                split_list(text * times)
                try:
                    parse_extension(text * times)
                except FieldError:
                    pass

            return run

        grows_linearly(parse, 1)


class TestOpenConnections:
    def memory_of_each(self, make: Callable[[], Any], count: int = 200) -> float:
        make()
        gc.collect()
        tracemalloc.start()
        try:
            kept = [make() for _ in range(count)]
            return tracemalloc.get_traced_memory()[0] / len(kept)
        finally:
            tracemalloc.stop()

    def test_a_servers(self) -> None:
        """After the handshake and a few messages, at rest."""

        def make() -> WSConnection:
            server = WSConnection(SERVER)
            server.receive_data(request())
            list(server.events())
            server.send(AcceptConnection())
            feed(server, frame(TEXT, b"hello", to=SERVER) * 3 + frame(PING, b"", to=SERVER), 7)
            server.send(TextMessage("hello"))
            return server

        assert self.memory_of_each(make) <= 3 * 1024

    def test_a_clients(self) -> None:
        def make() -> WSConnection:
            client = new_client()
            client.receive_data(response())
            list(client.events())
            client.send(TextMessage("hello"))
            feed(client, frame(TEXT, b"hello", to=CLIENT), 3)
            return client

        # The block of masking keys is the rest.
        assert self.memory_of_each(make) <= 5 * 1024


@both_roles
def test_all_of_it_again_behind_a_close(role: ConnectionType) -> None:
    connection = Connection(role)
    connection.receive_data(frame(8, b"", to=role))
    assert [type(e) for e in connection.events()] == [CloseConnection]
    feed(connection, frame(TEXT, b"a", to=role) * 1000, 10)
    assert [e for e in connection.events() if isinstance(e, (Message, Ping))] == []


def test_many_heads_in_one_read() -> None:
    """Each is looked for from where the last one ended, whichever line endings it has."""
    for newline in (b"\r\n", b"\n"):
        client = new_client()
        client.receive_data((b"HTTP/1.1 103 X" + newline * 2) * 5000 + response())
        assert len(list(client.events())) == 1
