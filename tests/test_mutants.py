"""What mutants of the engine's core have shown to be untested (tests/mutation).

By module. These look at parts alone where a whole connection hides a difference: its fast
paths and its general one give the same events.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import wsproto_core
from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    LimitExceeded,
    Limits,
    PreparedMessage,
    connection_base,
)
from wsproto_core.common_frames import (
    LONG_SIZE_FOLLOWS,
    MASKED_SHAPES,
    NO_SHAPES,
    SIZE_FOLLOWS,
    UNFIT,
    UNMASKED_SHAPES,
)
from wsproto_core.deflate import DeflateCodec
from wsproto_core.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.frame_protocol import FrameReader, frame_header, serialize_frame
from wsproto_core.limits import DEFAULT_LIMITS
from wsproto_core.messages import MessageReader
from wsproto_core.states import Input
from wsproto_core.words import LOCAL_ONLY_CLOSE_REASONS, CloseReason, Opcode

from .wire import (
    BINARY,
    CLIENT,
    CLOSE,
    CONT,
    PING,
    SERVER,
    TEXT,
    assert_fails,
    both_roles,
    frame,
    outcome,
)

PACKAGE = Path(wsproto_core.__file__).parent
SURVIVORS = Path(__file__).with_name("mutation") / "survivors.toml"


def deflating(role: ConnectionType, limits: Limits = DEFAULT_LIMITS) -> Connection:
    extension = PerMessageDeflate()
    extension.finalize("permessage-deflate")
    return Connection(role, [extension], limits=limits)


def test_survivors_that_are_explained_are_still_there() -> None:
    groups = tomllib.loads(SURVIVORS.read_text())["group"]
    assert all(group["reason"] for group in groups)
    for group in groups:
        lines = (PACKAGE / f"{group['module']}.py").read_text().split()
        source = " ".join(lines)
        mutants = group.get("mutants", [])
        for old in [*(old for _, old, _ in mutants), *group.get("lines", ())]:
            assert " ".join(old.split()) in source, (group["module"], old)
        assert all(old != new for _, old, new in mutants)
        for name in {part for function, _, _ in mutants for part in function.split(".")}:
            assert f" {name}" in source or not name, (group["module"], name)


class TestFrameReader:
    def reader(self, limit: int = 1 << 20) -> FrameReader:
        return FrameReader(masked=False, rsv=0, max_frame_size=limit)

    def test_what_is_unread(self) -> None:
        reader = self.reader()
        assert reader.unread == 0
        reader.feed(b"..\x82\x03ab", 2)
        assert reader.unread == 4
        assert not reader.divided
        reader.feed(b"..cd", 2)
        assert reader.divided
        assert reader.unread == 6
        assert reader.read_header()
        assert reader.unread == 4
        reader.feed(b"e")
        assert reader.unread == 5
        assert reader.read_payload() == b"ab"
        assert reader.unread == 3
        reader.discard()
        assert reader.unread == 0
        assert not reader.divided

    def test_what_is_handed_back(self) -> None:
        reader = self.reader()
        reader.feed(b"\x82\x01a\x82\x01b")
        assert reader.read_header()
        assert reader.read_payload() == b"a"
        assert reader.hand_back() == (b"\x82\x01a\x82\x01b", 3)
        assert reader.unread == 0
        reader.feed(b"\x82\x01b")
        reader.feed(b"\x82")
        assert reader.hand_back() == (b"", 0)
        assert reader.unread == 4

    @pytest.mark.parametrize("size", [5, 125, 126, 200, 65535, 65536, 70_000])
    def test_a_frame_may_have_all_that_is_allowed(self, size: int) -> None:
        header = frame_header(0x82, size, None)
        reader = self.reader(size)
        reader.feed(header)
        assert reader.read_header()
        assert reader.remaining == reader.payload_length == size
        reader = self.reader(size - 1)
        reader.feed(header)
        with pytest.raises(LimitExceeded, match=f"frame of {size} bytes, {size - 1} allowed"):
            reader.read_header()

    @both_roles
    def test_a_close_is_not_too_big(self, role: ConnectionType) -> None:
        # A control frame has 125 bytes at most, and is not judged by the limit of data.
        data = frame(CLOSE, b"\x03\xe8reason", to=role)
        for pieces in ([data], [data[:2], data[2:]]):
            connection = Connection(role, limits=Limits(max_frame_size=2))
            for piece in pieces:
                connection.receive_data(piece)
            assert list(connection.events()) == [CloseConnection(1000, "reason")]

    def test_no_buffer_is_empty(self) -> None:
        assert serialize_frame(0x82, b"", None) == [b"\x82\x00"]
        assert serialize_frame(0x82, b"", b"abcd") == [b"\x82\x80abcd"]
        assert serialize_frame(0x82, b"x", None) == [b"\x82\x01", b"x"]


class TestMessageReader:
    def test_begins_with_nothing(self) -> None:
        reader = MessageReader(masked=False, codec=None, rsv=0, limits=Limits(), whole=False)
        assert reader.busy is False
        assert (reader.frames_read, reader.frame_bytes, reader.message_bytes) == (0, 0, 0)
        assert reader.hand_back() == (b"", 0)
        assert reader.next_event() is None

    @both_roles
    def test_counts_what_it_reads(self, role: ConnectionType) -> None:
        connection = Connection(role)
        assert outcome(frame(BINARY, b"", to=role), role) == [BytesMessage(b"")]
        connection.receive_data(frame(BINARY, b"abc", to=role, fin=False))
        assert list(connection.events()) == [BytesMessage(b"abc", message_finished=False)]
        connection.receive_data(frame(0, b"defg", to=role))
        assert list(connection.events()) == [BytesMessage(b"defg")]
        reader = connection.reader
        assert (reader.frames_read, reader.frame_bytes, reader.message_bytes) == (2, 7, 7)

    @both_roles
    def test_counts_what_it_inflates(self, role: ConnectionType) -> None:
        sender = deflating(SERVER if role is CLIENT else CLIENT)
        receiver = deflating(role)
        sizes = []
        for size in (100, 200, 300):
            data = sender.send(BytesMessage(bytes(size)))
            sizes.append(len(data) - (2 if role is CLIENT else 6))
            receiver.receive_data(data)
            assert list(receiver.events()) == [BytesMessage(bytes(size))]
        reader = receiver.reader
        assert (reader.frames_read, reader.frame_bytes) == (3, sum(sizes))
        assert reader.message_bytes == 600
        assert sender.writer.saved_bytes == 600 - sum(sizes)

    @both_roles
    def test_inflated_in_one_piece_up_to_the_limit(self, role: ConnectionType) -> None:
        sender = deflating(SERVER if role is CLIENT else CLIENT)
        receiver = deflating(role, limits=Limits(max_message_size=1000))
        receiver.receive_data(sender.send(BytesMessage(bytes(1000))))
        assert list(receiver.events()) == [BytesMessage(bytes(1000))]

    @pytest.mark.parametrize("fragments", [[1000], [400, 600], [1000, 0], [0, 999, 1]])
    @both_roles
    def test_inflated_in_fragments_up_to_the_limit(
        self, role: ConnectionType, fragments: list[int]
    ) -> None:
        sender = deflating(SERVER if role is CLIENT else CLIENT)
        limits = Limits(max_message_size=1000)
        receivers = [deflating(role, limits=limits), Connection(role, limits=limits)]
        plain = Connection(SERVER if role is CLIENT else CLIENT)
        for place, size in enumerate(fragments):
            last = place == len(fragments) - 1
            event = BytesMessage(bytes(size), message_finished=last)
            for receiver, end in zip(receivers, (sender, plain), strict=True):
                data = end.send(event)
                receiver.receive_data(data[:1])
                events = list(receiver.events())
                receiver.receive_data(data[1:])
                events += receiver.events()
                assert all(isinstance(each, BytesMessage) for each in events)

    def test_nothing_is_left_when_all_was_read(self) -> None:
        reader = MessageReader(masked=False, codec=None, rsv=0, limits=Limits(), whole=False)
        reader.feed(b"\x82\x01a", 0)
        assert reader.busy
        assert reader.next_event() == BytesMessage(b"a")
        assert reader.next_event() is None
        assert reader.busy is False

    def test_a_byte_that_could_begin_a_frame_does_not_within_one(self) -> None:
        # Behind the first byte there follows what would be a whole frame by itself.
        data = frame(TEXT, b"ab", to=SERVER, key=b"\x81aaa")
        connection = Connection(SERVER)
        connection.receive_data(data[:1])
        assert list(connection.events()) == []
        connection.receive_data(data[1:])
        assert list(connection.events()) == [TextMessage("ab")]

    @both_roles
    def test_what_precedes_a_fault_in_text_ends_nothing(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"good\xff", to=role))
        text, close = connection.events()
        assert isinstance(text, TextMessage)
        assert (text.data, text.frame_finished, text.message_finished) == ("good", False, False)
        assert text.frame_finished is False
        assert text.message_finished is False
        assert isinstance(close, CloseConnection)
        assert close.code == 1007

    @both_roles
    def test_large_and_small_pieces_make_one_message(self, role: ConnectionType) -> None:
        sizes = [5000, 10, 1, 5000, 4096, 4095, 3]
        pieces = [bytes([place]) * size for place, size in enumerate(sizes)]
        connection = Connection(role, whole_messages=True)
        for place, piece in enumerate(pieces):
            last = place == len(pieces) - 1
            connection.receive_data(frame(CONT if place else BINARY, piece, to=role, fin=last))
            events = list(connection.events())
        assert events == [BytesMessage(b"".join(pieces))]

    def test_small_pieces_are_merged(self) -> None:
        reader = MessageReader(masked=False, codec=None, rsv=0, limits=Limits(), whole=True)
        reader.feed(b"\x82\x7e\x03\xe8", 0)
        for _ in range(999):
            assert reader.next_event() is None
            reader.feed(b"x", 0)
        assert reader.next_event() is None
        assert len(reader._pieces) == 1
        reader.feed(b"x", 0)
        assert reader.next_event() == BytesMessage(b"x" * 1000)


class Recorded(DeflateCodec):
    """Notes what it is asked whether it applies to."""

    asked: list[tuple[Opcode, int]]

    def applies_to(self, opcode: Opcode, size: int) -> bool:
        self.asked.append((opcode, size))
        return True


class Recording(PerMessageDeflate):
    asked: list[tuple[Opcode, int]]

    def codec(self, client: bool) -> Recorded:
        assert type(client) is bool
        assert self.agreed is not None
        codec = Recorded(client, self.agreed, self._policy)
        codec.asked = self.asked = []
        return codec


class TestMessageWriter:
    @both_roles
    def test_the_codec_is_asked(self, role: ConnectionType) -> None:
        extension = Recording()
        extension.finalize("permessage-deflate")
        connection = Connection(role, [extension])
        connection.send(TextMessage("abc"))
        connection.send(BytesMessage(b"abcd", message_finished=False))
        connection.send(BytesMessage(b"abcde"))
        connection.send(PreparedMessage("\xe9"))
        connection.send(BytesMessage(b""), compress=True)
        assert extension.asked == [(Opcode.TEXT, 3), (Opcode.BINARY, 4), (Opcode.TEXT, 2)]

    def test_counts_what_sharing_saves(self) -> None:
        message = PreparedMessage(b"again and again " * 100)
        connection = deflating(SERVER)
        sizes = [len(connection.send(message)) for _ in range(2)]
        saved = 2 * len(message.payload) - sum(sizes) + sum(2 if n < 128 else 4 for n in sizes)
        assert connection.writer.saved_bytes == saved > 0

    @both_roles
    def test_counts_unfinished_frames(self, role: ConnectionType) -> None:
        connection = Connection(role)
        for finished in (False, False, True, True, False):
            connection.send(BytesMessage(b"a", message_finished=finished))
        assert connection.writer.unfinished_frames == 3
        assert connection.writer.fragmenting

    @both_roles
    def test_says_when_a_frame_is_no_more_than_its_message(self, role: ConnectionType) -> None:
        connection = Connection(role)
        assert connection.sends_alone is True
        connection.send(BytesMessage(b"a", message_finished=False))
        assert connection.sends_alone is False
        connection.send(BytesMessage(b"b"))
        assert connection.sends_alone is True
        connection.send(CloseConnection(1000))
        assert connection.sends_alone is False
        assert deflating(role).sends_alone is False


class TestConnection:
    def test_who_sends_plain_messages(self) -> None:
        connection = Connection(SERVER)
        assert connection.sends_plain
        assert not Connection(CLIENT).sends_plain
        assert not deflating(SERVER).sends_plain
        assert not deflating(CLIENT).sends_plain
        connection.send(CloseConnection(1000))
        assert not connection.sends_plain

    @both_roles
    def test_what_waits(self, role: ConnectionType) -> None:
        connection = Connection(role)
        assert not connection.waiting
        connection.inject(Ping(b"ours"))
        connection.inject(Ping(b"too"))
        assert connection.waiting
        assert list(connection.events()) == [Ping(b"ours"), Ping(b"too")]
        assert not connection.waiting
        connection.inject(Ping(b"never"))
        connection.forget_injected()
        assert not connection.waiting
        assert list(connection.events()) == []

    @both_roles
    def test_what_is_unread_and_neglected(self, role: ConnectionType) -> None:
        one = frame(BINARY, b"abc", to=role)
        connection = Connection(role)
        assert (connection.unread, connection.neglected) == (0, False)
        connection.receive_data(one + one + one[:2])
        assert (connection.unread, connection.neglected) == (2 * len(one) + 2, True)
        events = connection.events()
        assert next(events) == BytesMessage(b"abc")
        assert (connection.unread, connection.neglected) == (len(one) + 2, True)
        assert list(events) == [BytesMessage(b"abc")]
        assert connection.unread == (2 if role is SERVER else 0)  # a client has read the header
        assert not connection.neglected
        connection.receive_data(one[2:])
        connection.receive_data(one)
        assert connection.neglected
        assert connection.unread == len(one) * 2 - (0 if role is SERVER else 2)
        assert list(connection.events()) == [BytesMessage(b"abc")] * 2
        assert (connection.unread, connection.neglected) == (0, False)

    def test_entropy_is_drawn_from_what_it_is_changed_to(self) -> None:
        client = Connection(CLIENT, entropy=lambda size: b"a" * size)
        client.change_entropy(lambda before: lambda size: before(size).upper())
        assert client.send(Ping(b"")) == b"\x89\x80AAAA"
        Connection(SERVER).change_entropy(lambda before: before)

    @both_roles
    def test_a_stray_continuation_is_a_fault_beside_deflate(self, role: ConnectionType) -> None:
        connection = deflating(role)
        connection.receive_data(frame(CONT, b"abc", to=role, fin=False))
        assert_fails(list(connection.events()), 1002)

    @both_roles
    def test_nothing_is_unread_behind_the_end(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(CLOSE, b"", to=role) + b"more")
        assert list(connection.events()) == [CloseConnection(1005, "")]
        assert (connection.unread, connection.neglected) == (0, False)

    @both_roles
    def test_stops_once(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(frame(BINARY, b"abc", to=role))
        connection.stop()
        assert connection.state is ConnectionState.CLOSED
        assert connection.unread == 0
        assert list(connection.events()) == []
        connection = Connection(role)
        connection.receive_data(frame(CLOSE, b"", to=role))
        assert list(connection.events()) == [CloseConnection(1005, "")]
        connection.stop()
        assert connection.state is ConnectionState.REMOTE_CLOSING

    @pytest.mark.parametrize("reads", [1, 2])
    @both_roles
    def test_what_is_received_is_copied(self, role: ConnectionType, reads: int) -> None:
        connection = Connection(role)
        for _ in range(reads):
            data = bytearray(frame(BINARY, b"abc", to=role))
            connection.receive_data(data)
            data[:] = bytes(len(data))
        events = list(connection.events())
        assert events == [BytesMessage(b"abc")] * reads
        assert all(type(event.data) is bytes for event in events)  # type: ignore[attr-defined]


class Watching:
    """A policy that notes what it is shown, and lets through what it is told to."""

    def __init__(self, *, shows: bool = True, pauses: bool = False) -> None:
        self.fast_messages = 0
        self.fast_bytes = 0
        self.shown: list[Event] = []
        self.shows = shows
        self.pauses = pauses

    def take(self, event: Event) -> Event | None:
        self.shown.append(event)
        return event if self.shows else None

    def paused(self) -> bool:
        return self.pauses


SIZES = [0, 1, 2, 3, 124, 125, 126, 127, 128, 255, 256, 257, 1000, 65534, 65535]


class TestFastPaths:
    """They give what the general path gives. That they are taken, a policy can see."""

    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    @pytest.mark.parametrize("size", [*SIZES, 65536, 65537, 100_000])
    @both_roles
    def test_one_message(self, role: ConnectionType, size: int, opcode: int) -> None:
        event = TextMessage("a" * size) if opcode == TEXT else BytesMessage(b"a" * size)
        for limit, fast in ((1 << 20, True), (max(size, 125), True), (size - 1, False)):
            if limit < 1:
                continue
            policy = Watching()
            connection = Connection(role, limits=Limits(max_message_size=limit))
            connection.receive_data(frame(opcode, b"a" * size, to=role))
            events = list(connection.events(policy))
            assert (events == [event]) is fast
            assert (policy.fast_messages == 1) is fast
            assert (policy.shown == []) is fast
            if fast:
                # The payload, and its masking key.
                assert policy.fast_bytes == size + (4 if role is SERVER else 0)

    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    @both_roles
    def test_many_messages(self, role: ConnectionType, opcode: int) -> None:
        policy = Watching()
        connection = Connection(role, limits=Limits(max_message_size=65535))
        connection.receive_data(b"".join(frame(opcode, b"a" * n, to=role) for n in SIZES))
        events = list(connection.events(policy))
        assert [len(event.data) for event in events] == SIZES  # type: ignore[attr-defined]
        assert policy.shown == []
        assert policy.fast_messages == len(SIZES)
        assert policy.fast_bytes == sum(SIZES) + (4 * len(SIZES) if role is SERVER else 0)

    @both_roles
    def test_what_is_not_most_common_is_shown(self, role: ConnectionType) -> None:
        policy = Watching()
        connection = Connection(role)
        connection.receive_data(frame(PING, b"", to=role) + frame(BINARY, b"a", to=role))
        assert list(connection.events(policy)) == [Ping(b""), BytesMessage(b"a")]
        assert policy.shown == [Ping(b"")]
        connection.receive_data(frame(BINARY, b"b", to=role)[:-1])
        assert list(connection.events(policy)) == []
        connection.receive_data(frame(BINARY, b"b", to=role)[-1:])
        assert list(connection.events(policy)) == [BytesMessage(b"b")]
        assert policy.shown == [Ping(b""), BytesMessage(b"b")]
        assert policy.fast_messages == 1

    @pytest.mark.parametrize("whole", [False, True])
    @both_roles
    def test_what_is_compressed_is_shown(self, role: ConnectionType, whole: bool) -> None:
        sender = deflating(SERVER if role is CLIENT else CLIENT)
        messages: list[Event] = [TextMessage("a" * 50), BytesMessage(b"b" * 50), TextMessage("c")]
        data = b"".join(sender.send(message) for message in messages)
        for shows, pauses in ((True, False), (False, False)):
            policy = Watching(shows=shows, pauses=pauses)
            receiver = deflating(role)
            receiver.receive_data(data)
            assert list(receiver.events(policy)) == (messages if shows else [])
            assert policy.shown == messages
            assert policy.fast_messages == policy.fast_bytes == 0

    @both_roles
    def test_pauses(self, role: ConnectionType) -> None:
        policy = Watching(shows=False, pauses=True)
        connection = Connection(role)
        connection.receive_data(frame(PING, b"a", to=role) + frame(PING, b"b", to=role))
        assert list(connection.events(policy)) == []
        assert policy.shown == [Ping(b"a")]
        policy.pauses = False
        assert list(connection.events(policy)) == []
        assert policy.shown == [Ping(b"a"), Ping(b"b")]

    @both_roles
    def test_faults_are_shown(self, role: ConnectionType) -> None:
        policy = Watching()
        connection = Connection(role)
        connection.receive_data(frame(TEXT, b"\xff", to=role))
        (event,) = connection.events(policy)
        assert isinstance(event, CloseConnection)
        assert event.code == 1007
        assert policy.shown == [event]

    def test_an_unmasked_frame_is_not_taken_for_a_long_one(self) -> None:
        # Its payload is what would be the length, the key and the payload of a masked one.
        for size, second in ((256, 0x05), (256, 0x7D), (70_000, 0x7F)):
            length = size.to_bytes(8 if size > 65535 else 2, "big")
            connection = Connection(SERVER)
            connection.receive_data(bytes((0x82, second)) + length + bytes(size + 4))
            (event,) = connection.events()
            assert isinstance(event, CloseConnection)
            assert event.code == 1002


class TestNumbers:
    """Those that others rely on, written down once more."""

    def test_close_codes(self) -> None:
        assert {reason.name: reason.value for reason in CloseReason} == {
            "NORMAL_CLOSURE": 1000,
            "GOING_AWAY": 1001,
            "PROTOCOL_ERROR": 1002,
            "UNSUPPORTED_DATA": 1003,
            "NO_STATUS_RCVD": 1005,
            "ABNORMAL_CLOSURE": 1006,
            "INVALID_FRAME_PAYLOAD_DATA": 1007,
            "POLICY_VIOLATION": 1008,
            "MESSAGE_TOO_BIG": 1009,
            "MANDATORY_EXT": 1010,
            "INTERNAL_ERROR": 1011,
            "SERVICE_RESTART": 1012,
            "TRY_AGAIN_LATER": 1013,
            "BAD_GATEWAY": 1014,
            "TLS_HANDSHAKE_FAILED": 1015,
        }
        assert set(LOCAL_ONLY_CLOSE_REASONS) == {1005, 1006, 1015}

    def test_states(self) -> None:
        assert [state.value for state in ConnectionState] == [0, 1, 2, 3, 4, 5]
        assert (CLIENT.value, SERVER.value) == (1, 2)
        assert (connection_base.CLIENT, connection_base.SERVER) == (CLIENT, SERVER)
        assert all(type(each.value) is str for each in Input)

    def test_shapes(self) -> None:
        sizes = [UNFIT, SIZE_FOLLOWS, LONG_SIZE_FOLLOWS]
        assert len(set(sizes)) == 3
        assert max(sizes) < 0
        assert [shape[0] for shape in NO_SHAPES] == [UNFIT] * 256
        following = [SIZE_FOLLOWS, LONG_SIZE_FOLLOWS]
        assert [s[0] for s in MASKED_SHAPES] == [UNFIT] * 128 + [*range(4, 130)] + following
        assert [s[0] for s in UNMASKED_SHAPES] == [*range(126)] + following + [UNFIT] * 128
