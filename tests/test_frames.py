"""RFC 6455 §5.2: the frame header. What it alone shows to be wrong fails at once."""

from __future__ import annotations

import pytest

from wsproto_core import Connection, ConnectionState, ConnectionType, LimitExceeded, Limits
from wsproto_core.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto_core.frame_protocol import FrameReader, frame_header, serialize_frame

from .wire import (
    BINARY,
    CLIENT,
    CLOSE,
    CONT,
    KEY,
    PING,
    PONG,
    SERVER,
    TEXT,
    assert_fails,
    both_roles,
    frame,
    mask,
    outcome,
)


class TestExamples:
    """The examples of RFC 6455 §5.7."""

    def test_single_frame_unmasked_text(self) -> None:
        assert outcome(b"\x81\x05Hello", CLIENT) == [TextMessage("Hello")]

    def test_single_frame_masked_text(self) -> None:
        data = bytes.fromhex("818537fa213d7f9f4d5158")
        assert outcome(data, SERVER) == [TextMessage("Hello")]

    def test_fragmented_unmasked_text(self) -> None:
        assert outcome(b"\x01\x03Hel\x80\x02lo", CLIENT) == [TextMessage("Hello")]

    def test_ping_and_masked_pong(self) -> None:
        assert outcome(b"\x89\x05Hello", CLIENT) == [Ping(b"Hello")]
        assert outcome(bytes.fromhex("8a8537fa213d7f9f4d5158"), SERVER) == [Pong(b"Hello")]

    def test_256_bytes_and_64_kib(self) -> None:
        for size, header in ((256, "827e0100"), (65536, "827f0000000000010000")):
            connection = Connection(CLIENT)
            connection.receive_data(bytes.fromhex(header) + bytes(size))
            assert b"".join(e.data for e in connection.events()) == bytes(size)  # type: ignore[attr-defined]


@both_roles
class TestHeaderFaults:
    @pytest.mark.parametrize("rsv", range(1, 8))
    @pytest.mark.parametrize("opcode", [CONT, TEXT, BINARY, CLOSE, PING, PONG])
    def test_reserved_bits_without_extension(
        self, role: ConnectionType, opcode: int, rsv: int
    ) -> None:
        assert_fails(outcome(frame(opcode, to=role, rsv=rsv), role), 1002)

    @pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    @pytest.mark.parametrize("fin", [False, True])
    def test_reserved_opcodes(self, role: ConnectionType, opcode: int, fin: bool) -> None:
        event = assert_fails(outcome(frame(opcode, to=role, fin=fin), role), 1002)
        assert f"{opcode:#x}" in (event.reason or "")

    @pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
    def test_wrong_masking_direction(self, role: ConnectionType, opcode: int) -> None:
        data = frame(opcode, to=role, masked=role is CLIENT)
        assert_fails(outcome(data, role), 1002)

    @pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
    def test_fragmented_control_frame(self, role: ConnectionType, opcode: int) -> None:
        assert_fails(outcome(frame(opcode, to=role, fin=False), role), 1002)

    @pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
    @pytest.mark.parametrize("length", [126, 65536])
    def test_long_control_frame(self, role: ConnectionType, opcode: int, length: int) -> None:
        assert_fails(outcome(frame(opcode, to=role, length=length), role), 1002)

    @pytest.mark.parametrize(
        ("length", "length_bytes"), [(0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65535, 8)]
    )
    def test_length_not_minimal(self, role: ConnectionType, length: int, length_bytes: int) -> None:
        data = frame(BINARY, to=role, length=length, length_bytes=length_bytes)
        assert_fails(outcome(data, role), 1002)

    @pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1, (1 << 63) + 5])
    def test_length_with_highest_bit(self, role: ConnectionType, length: int) -> None:
        assert_fails(outcome(frame(BINARY, to=role, length=length), role), 1002)

    def test_two_bytes_decide(self, role: ConnectionType) -> None:
        """Nothing is waited for: neither length, masking key nor payload."""
        for opcode, fin, rsv, masked in (
            (TEXT, True, 1, role is SERVER),
            (3, True, 0, role is SERVER),
            (PING, False, 0, role is SERVER),
            (TEXT, True, 0, role is CLIENT),
        ):
            start = frame(opcode, to=role, fin=fin, rsv=rsv, masked=masked, length=100)[:2]
            assert_fails(outcome(start, role), 1002)
        assert_fails(outcome(bytes([0x89, 0x7E | (role is SERVER) << 7]), role), 1002)

    def test_length_decides_before_the_key(self, role: ConnectionType) -> None:
        start = frame(BINARY, to=role, length=5, length_bytes=2)[:4]
        assert_fails(outcome(start, role), 1002)
        start = frame(BINARY, to=role, length=1 << 40)[:10]
        event = assert_fails(outcome(start, role), 1009)
        assert isinstance(event.error, LimitExceeded)


@both_roles
class TestLengths:
    @pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 1399, 1400, 1401])
    def test_every_form_of_length(self, role: ConnectionType, size: int) -> None:
        payload = bytes(i & 0xFF for i in range(size))
        assert outcome(frame(BINARY, payload, to=role), role) == [BytesMessage(payload)]

    @pytest.mark.parametrize("size", [65535, 65536, 65537])
    def test_around_64_kib(self, role: ConnectionType, size: int) -> None:
        payload = bytes(i & 0xFF for i in range(size))
        data = frame(BINARY, payload, to=role)
        for cut in (len(data), 1, 2, 3, 9, 13, 14, 15, 1000, size):
            connection = Connection(role, whole_messages=True)
            connection.receive_data(data[:cut])
            events = list(connection.events())
            if data[cut:]:
                connection.receive_data(data[cut:])
                events += connection.events()
            assert events == [BytesMessage(payload)]


@both_roles
class TestStreaming:
    def test_payload_is_given_as_it_arrives(self, role: ConnectionType) -> None:
        connection = Connection(role)
        data = frame(BINARY, b"abcdef", to=role)
        connection.receive_data(data[:-4])
        assert list(connection.events()) == [
            BytesMessage(b"ab", frame_finished=False, message_finished=False)
        ]
        connection.receive_data(data[-4:])
        assert list(connection.events()) == [BytesMessage(b"cdef")]

    def test_several_frames_in_one_read(self, role: ConnectionType) -> None:
        data = b"".join(
            [
                frame(TEXT, b"one", to=role),
                frame(PING, b"p", to=role),
                frame(TEXT, b"two", to=role),
                frame(BINARY, b"three", to=role),
                frame(TEXT, b"fo", to=role, fin=False),
                frame(CONT, b"ur", to=role),
                frame(TEXT, b"five", to=role),
            ]
        )
        assert outcome(data, role) == [
            TextMessage("one"),
            Ping(b"p"),
            TextMessage("two"),
            BytesMessage(b"three"),
            TextMessage("four"),
            TextMessage("five"),
        ]

    def test_events_that_are_not_taken_stay(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"one", to=role) + frame(TEXT, b"two", to=role))
        assert next(connection.events()) == TextMessage("one")
        connection.receive_data(frame(TEXT, b"three", to=role))
        assert next(connection.events()) == TextMessage("two")
        assert list(connection.events()) == [TextMessage("three")]
        assert list(connection.events()) == []

    def test_receiving_while_events_are_taken(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"0", to=role) + frame(TEXT, b"1", to=role))
        seen = []
        for event in connection.events():
            assert isinstance(event, TextMessage)
            seen.append(event.data)
            if len(seen) < 5:
                connection.receive_data(frame(TEXT, b"%d" % (len(seen) + 1), to=role))
        assert seen == ["0", "1", "2", "3", "4", "5"]

    def test_taking_events_within_events(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(b"".join(frame(TEXT, b"%d" % i, to=role) for i in range(4)))
        outer = connection.events()
        assert next(outer) == TextMessage("0")
        assert next(connection.events()) == TextMessage("1")
        assert list(outer) == [TextMessage("2"), TextMessage("3")]

    @pytest.mark.parametrize("kind", [bytearray, memoryview])
    def test_other_buffers_may_be_reused(self, role: ConnectionType, kind: type) -> None:
        data = bytearray(frame(BINARY, b"abc", to=role))
        connection = Connection(role)
        connection.receive_data(kind(data))
        data[:] = bytes(len(data))
        assert list(connection.events()) == [BytesMessage(b"abc")]

    def test_trailing_data_of_the_handshake(self, role: ConnectionType) -> None:
        connection = Connection(role, None, frame(TEXT, b"early", to=role))
        assert list(connection.events()) == [TextMessage("early")]

    def test_nothing_is_nothing(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(b"")
        assert list(connection.events()) == []

    def test_fast_path_resumes_behind_the_general_one(self, role: ConnectionType) -> None:
        connection = Connection(role)
        data = frame(PING, b"", to=role) + frame(TEXT, b"a", to=role) * 3
        connection.receive_data(data[:1])
        connection.receive_data(data[1:] + data[:3])
        connection.receive_data(data[3:])
        assert list(connection.events()) == ([Ping(b"")] + [TextMessage("a")] * 3) * 2


class TestReaderAlone:
    """The frame layer by itself."""

    def test_header_fields(self) -> None:
        reader = FrameReader(masked=True, rsv=0x40, max_frame_size=100)
        reader.feed(frame(TEXT, b"abc", to=SERVER, rsv=4, fin=False)[:7])
        assert reader.read_header()
        assert (reader.fin, reader.rsv, reader.opcode) == (False, 0x40, TEXT)
        assert (reader.payload_length, reader.remaining) == (3, 3)
        assert reader.read_payload() == b"a"
        assert reader.read_payload() == b""
        reader.feed(mask(b"abc")[1:])
        assert reader.read_payload() == b"bc"
        assert reader.remaining == 0
        assert not reader.read_header()

    def test_limit_spares_control_frames(self) -> None:
        limits = Limits(max_frame_size=4)
        assert outcome(frame(PING, b"12345", to=SERVER), SERVER, limits=limits) == [Ping(b"12345")]
        assert_fails(outcome(frame(TEXT, b"12345", to=SERVER), SERVER, limits=limits), 1009)

    def test_limit_is_judged_before_the_masking_key(self) -> None:
        """Found by fuzzing: a length of seven bits waited for the key."""
        for length_bytes in (0, 2):
            data = frame(TEXT, length=5 if not length_bytes else 126, to=SERVER)
            limits = Limits(max_frame_size=4)
            assert_fails(outcome(data[: 2 + length_bytes], SERVER, limits=limits), 1009)

    @pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
    @pytest.mark.parametrize("key", [None, KEY])
    def test_serializer(self, size: int, key: bytes | None) -> None:
        payload = bytes(i % 251 for i in range(size))
        expected = frame(BINARY, payload, to=SERVER if key else CLIENT)
        assert b"".join(serialize_frame(0x82, payload, key)) == expected
        assert expected.startswith(frame_header(0x82, size, key))

    def test_large_payload_is_not_copied(self) -> None:
        payload = bytes(100_000)
        connection = Connection(SERVER)
        buffers = connection.send_buffers(BytesMessage(payload))
        assert buffers[1] is payload
        assert b"".join(buffers) == connection.send(BytesMessage(payload))
        assert connection.send_buffers(Ping(b"x")) == [b"\x89\x01x"]
        assert connection.send_buffers(CloseConnection(1000)) == [b"\x88\x02\x03\xe8"]
        assert connection.state is ConnectionState.LOCAL_CLOSING
