"""Frames made by hand, and the ways in which bytes can arrive.

Shares nothing with the library: what it builds may be as wrong as a test wants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from wsproto_core import Connection, ConnectionState, ConnectionType, Limits
from wsproto_core.events import CloseConnection, Event, Message, Ping, Pong, TextMessage
from wsproto_core.extensions import Extension

CLIENT = ConnectionType.CLIENT
SERVER = ConnectionType.SERVER

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

KEY = b"\x37\xfa\x21\x3d"  # of the examples in RFC 6455 §5.7

both_roles = pytest.mark.parametrize("role", [SERVER, CLIENT], ids=["server", "client"])


def mask(payload: bytes, key: bytes = KEY) -> bytes:
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    to: ConnectionType,
    fin: bool = True,
    rsv: int = 0,
    masked: bool | None = None,
    length: int | None = None,
    length_bytes: int | None = None,
    key: bytes = KEY,
) -> bytes:
    """A frame for the end *to*, masked if that is a server's.

    *length* is what it declares, in *length_bytes* extra bytes (0, 2 or 8).
    """
    masked = (to is SERVER) if masked is None else masked
    length = len(payload) if length is None else length
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65536 else 8
    short = {0: length, 2: 126, 8: 127}[length_bytes]
    header = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short])
    header += length.to_bytes(length_bytes, "big") if length_bytes else b""
    return header + (key + mask(payload, key) if masked else payload)


def chunkings(data: bytes) -> Iterator[list[bytes]]:
    """*data* whole, byte by byte, and cut in the middle."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    if len(data) > 1:
        yield [data[: len(data) // 2], data[len(data) // 2 :]]


def joined(events: list[Event]) -> list[Event]:
    """The events with the pieces of each message put together: what was said, however it
    was cut. A message without its end keeps ``message_finished=False``.
    """
    result: list[Event] = []
    open_message: Message[Any] | None = None
    for event in events:
        if not isinstance(event, Message):
            if isinstance(event, CloseConnection) and open_message is not None:
                result.append(open_message)
            result.append(event)
            continue
        if open_message is None:
            open_message = type(event)(event.data, True, False)
        else:
            assert type(open_message) is type(event)
            open_message.data += event.data
        if event.message_finished:
            open_message.message_finished = True
            result.append(open_message)  # a message counts when it is complete
            open_message = None
    if open_message is not None and not any(event is open_message for event in result):
        result.append(open_message)
    return [e for e in result if not isinstance(e, Message) or e.data or e.message_finished]


def receive(connection: Connection, chunks: list[bytes]) -> list[Event]:
    """Feed chunk by chunk, and take what comes of each."""
    events: list[Event] = []
    for chunk in chunks:
        connection.receive_data(chunk)
        events += connection.events()
    return events


def outcome(
    data: bytes,
    role: ConnectionType,
    *,
    extensions: Sequence[Extension] | None = None,
    limits: Limits | None = None,
    eof: bool = False,
    whole_messages: bool = False,
) -> list[Event]:
    """What an endpoint makes of *data*: checked to be the same for every chunking, for
    events taken late, and with more bytes behind it if it ends in a failure or a Close.
    """
    limits = limits or Limits()

    def run(chunks: list[bytes], late: bool = False, trailing: bytes = b"") -> list[Event]:
        connection = Connection(role, extensions, limits=limits, whole_messages=whole_messages)
        if late:
            for chunk in chunks:
                connection.receive_data(chunk)
            events = list(connection.events())
        else:
            events = receive(connection, chunks)
        if trailing:
            connection.receive_data(trailing)
            events += connection.events()
        if eof:
            connection.receive_data(None)
            events += connection.events()
            assert list(connection.events()) == []
        closes = [event for event in events if isinstance(event, CloseConnection)]
        assert len(closes) <= 1
        if closes:
            assert events[-1] is closes[0]
            if closes[0].error is not None:
                assert connection.state is ConnectionState.REMOTE_CLOSING
        said = joined(events)
        if extensions:
            # How much of a damaged message zlib gives before it notices depends on how
            # it was cut.
            said = [e for e in said if not isinstance(e, Message) or e.message_finished]
        return said

    first = run([data])
    for chunks in chunkings(data):
        assert run(chunks) == first
        assert run(chunks, late=True) == first
    if first and isinstance(first[-1], CloseConnection) and not eof:
        assert run([data], trailing=frame(PING, b"late", to=role)) == first
        assert run([data + frame(PING, b"late", to=role)]) == first
    return first


def assert_fails(events: list[Event], code: int) -> CloseConnection:
    """The last event fails the connection with *code*; it is given back."""
    last = events[-1]
    assert isinstance(last, CloseConnection)
    assert last.error is not None, last
    assert last.code == code, last
    return last


def texts(events: list[Event]) -> list[str]:
    return [event.data for event in events if isinstance(event, TextMessage)]


def controls(events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, (Ping, Pong, CloseConnection))]
