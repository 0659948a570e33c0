"""Messages that are encoded once and sent to many."""

from __future__ import annotations

import zlib
from collections.abc import Hashable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    LocalProtocolError,
    PreparedMessage,
)
from wsproto_core.events import BytesMessage, CloseConnection, Event, Message, TextMessage
from wsproto_core.extensions import Extension, MessageCodec, PerMessageDeflate
from wsproto_core.words import Opcode

from .sessions import agreed, entropy, frames_of, other
from .wire import BINARY, CLIENT, SERVER, TEXT, both_roles

DATA = ["", "a", "größer" * 50, "x" * 125, "x" * 126, "x" * 70_000]
ALL_DATA = [*DATA, *(text.encode() for text in DATA)]

#: What two ends may have agreed on.
RESPONSES = [
    "",
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_no_context_takeover; client_no_context_takeover",
    "server_max_window_bits=8; client_max_window_bits=8",
    "server_max_window_bits=9; client_max_window_bits=9; server_no_context_takeover",
    "server_max_window_bits=12",
]


def message_of(data: str | bytes) -> Event:
    return TextMessage(data) if isinstance(data, str) else BytesMessage(data)


def connection(role: ConnectionType, extensions: list[Extension] | None = None) -> Connection:
    return Connection(role, extensions, whole_messages=True, entropy=entropy())


def pair(role: ConnectionType, response: str | None = None, **policy: Any) -> list[Connection]:
    """A sender in *role*, and its peer."""
    ends = []
    for each in (role, other(role)):
        ends.append(connection(each, None if response is None else agreed(response, **policy)))
    return ends


def received(connection: Connection, data: bytes) -> list[Event]:
    connection.receive_data(data)
    return list(connection.events())


class TestContent:
    @pytest.mark.parametrize("data", ALL_DATA)
    def test_of_text_and_of_bytes(self, data: str | bytes) -> None:
        message = PreparedMessage(data)
        assert message.data == data
        assert type(message.data) is type(data)
        assert message.opcode is (Opcode.TEXT if isinstance(data, str) else Opcode.BINARY)
        assert message.payload == (data.encode() if isinstance(data, str) else data)
        (each,) = frames_of(message.plain_frame)
        assert each[:5] == (message.opcode, message.payload, True, 0, None)

    @pytest.mark.parametrize("kind", [bytearray, memoryview])
    def test_is_independent_of_what_it_was_made_from(self, kind: Any) -> None:
        source = bytearray(b"before")
        message = PreparedMessage(source if kind is bytearray else memoryview(source))
        source[:] = b"behind"
        assert message.data == b"before"
        assert message.payload == b"before"
        assert type(message.data) is bytes

    def test_text_with_a_surrogate(self) -> None:
        with pytest.raises(LocalProtocolError, match="surrogate at 1"):
            PreparedMessage("a\ud800")

    @pytest.mark.parametrize("data", [5, [1, 2]])
    def test_data_of_another_type(self, data: Any) -> None:
        with pytest.raises(LocalProtocolError, match="must be str or bytes, not"):
            PreparedMessage(data)

    @pytest.mark.parametrize("data", [None, 3.5, [300], TextMessage("a"), -1])
    def test_data_of_yet_another_type(self, data: Any) -> None:
        with pytest.raises(LocalProtocolError, match="must be str or bytes, not"):
            PreparedMessage(data)

    def test_repr_pastes_back(self) -> None:
        for data in ("größer", b"\x00\xff"):
            again = eval(repr(PreparedMessage(data)))
            assert isinstance(again, PreparedMessage)
            assert again.data == data


class TestWithoutExtension:
    @pytest.mark.parametrize("data", ALL_DATA)
    @pytest.mark.parametrize("compress", [None, True, False])
    def test_servers_send_what_they_would_send_otherwise(
        self, data: str | bytes, compress: bool | None
    ) -> None:
        server = connection(SERVER)
        message = PreparedMessage(data)
        sent = server.send(message, compress=compress)
        assert sent == connection(SERVER).send(message_of(data))
        assert sent is message.plain_frame
        (buffer,) = server.send_buffers(message, compress=compress)
        assert buffer is sent

    @pytest.mark.parametrize("data", ALL_DATA)
    @pytest.mark.parametrize("compress", [None, True, False])
    def test_clients_too_with_keys_of_their_own(
        self, data: str | bytes, compress: bool | None
    ) -> None:
        message = PreparedMessage(data)
        assert connection(CLIENT).send(message, compress=compress) == connection(CLIENT).send(
            message_of(data)
        )

    def test_clients_mask_afresh_each_time(self) -> None:
        """RFC 6455 §5.3, §10.3."""
        client, server = pair(CLIENT)
        message = PreparedMessage("the same")
        sent = [client.send(message) for _ in range(50)]
        keys = {frames_of(data)[0].key for data in sent}
        assert len(keys) == 50
        assert None not in keys
        assert received(server, b"".join(sent)) == [TextMessage("the same")] * 50

    @both_roles
    def test_by_default_keys_are_not_repeatable(self, role: ConnectionType) -> None:
        message = PreparedMessage("the same")
        one, two = Connection(role).send(message), Connection(role).send(message)
        assert (one == two) is (role is SERVER)


class TestState:
    @both_roles
    @pytest.mark.parametrize("response", [None, ""])
    def test_within_a_fragmented_message(self, role: ConnectionType, response: str | None) -> None:
        sender, receiver = pair(role, response)
        wire = sender.send(TextMessage("a", message_finished=False))
        for compress in (None, True, False):
            with pytest.raises(LocalProtocolError, match="within a fragmented one"):
                sender.send(PreparedMessage("b"), compress=compress)
        wire += sender.send(TextMessage("c")) + sender.send(PreparedMessage("b"))
        assert received(receiver, wire) == [TextMessage("ac"), TextMessage("b")]

    @both_roles
    def test_once_closing(self, role: ConnectionType) -> None:
        sender, _ = pair(role, "")
        sender.send(CloseConnection(1000))
        assert sender.state is ConnectionState.LOCAL_CLOSING
        with pytest.raises(LocalProtocolError, match="LOCAL_CLOSING"):
            sender.send(PreparedMessage("a"))

    def test_fragments_may_follow(self) -> None:
        sender, receiver = pair(SERVER, "")
        wire = sender.send(PreparedMessage("a"))
        wire += sender.send(TextMessage("b", message_finished=False))
        wire += sender.send(TextMessage("c"))
        assert received(receiver, wire) == [TextMessage("a"), TextMessage("bc")]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ordinary", "prepared", "prepared again", "fragments"]),
        st.sampled_from(["", "a", "context " * 20, "takeover " * 30, "context " * 9000]),
        st.sampled_from([None, None, True, False]),
    ),
    max_size=10,
)


@both_roles
@pytest.mark.parametrize("response", RESPONSES)
class TestWithDeflate:
    @pytest.mark.parametrize("data", ALL_DATA)
    def test_the_peer_understands_it(
        self, role: ConnectionType, response: str, data: str | bytes
    ) -> None:
        sender, receiver = pair(role, response)
        message = PreparedMessage(data)
        wire = b"".join(
            sender.send(each)
            for each in (message, message_of(data), message, message, message_of(data))
        )
        assert received(receiver, wire) == [message_of(data)] * 5

    @given(steps=STEPS)
    @settings(max_examples=50)
    def test_mixed_with_any_others(
        self, role: ConnectionType, response: str, steps: list[tuple[str, str, bool | None]]
    ) -> None:
        sender, receiver = pair(role, response)
        kept = {text: PreparedMessage(text) for _, text, _ in steps}
        wire = b""
        for kind, text, compress in steps:
            match kind:
                case "ordinary":
                    wire += sender.send(TextMessage(text), compress=compress)
                case "prepared":
                    wire += sender.send(PreparedMessage(text), compress=compress)
                case "prepared again":
                    wire += sender.send(kept[text], compress=compress)
                case "fragments":
                    first = TextMessage(text, message_finished=False)
                    wire += sender.send(first, compress=compress)
                    wire += sender.send(TextMessage(text))
        expected = [
            TextMessage(text * (2 if kind == "fragments" else 1)) for kind, text, _ in steps
        ]
        assert received(receiver, wire) == expected

    @given(steps=STEPS)
    @settings(max_examples=20)
    def test_sent_to_several_at_different_places(
        self, role: ConnectionType, response: str, steps: list[tuple[str, str, bool | None]]
    ) -> None:
        """Each has other messages before it and behind it."""
        ends = [pair(role, response) for _ in range(3)]
        expected: list[list[Event]] = [[], [], []]
        wires = [b"", b"", b""]
        for i, (_, text, compress) in enumerate(steps):
            message = PreparedMessage(text)
            for j, (sender, _) in enumerate(ends):
                wires[j] += sender.send(message, compress=compress)
                expected[j].append(TextMessage(text))
                if i % 3 == j:
                    wires[j] += sender.send(BytesMessage(text.encode()))
                    expected[j].append(BytesMessage(text.encode()))
        for (_, receiver), wire, events in zip(ends, wires, expected, strict=True):
            assert received(receiver, wire) == events

    @pytest.mark.parametrize("compress", [True, False, None])
    @pytest.mark.parametrize("threshold", [0, 100])
    @pytest.mark.parametrize("size", [99, 100])
    def test_whether_it_is_compressed(
        self,
        role: ConnectionType,
        response: str,
        compress: bool | None,
        threshold: int,
        size: int,
    ) -> None:
        sender, receiver = pair(role, response, threshold=threshold)
        wire = sender.send(PreparedMessage("x" * size), compress=compress)
        (each,) = frames_of(wire)
        asked = size >= threshold if compress is None else compress
        assert each.rsv == (4 if asked else 0)
        assert (len(wire) < size) is asked
        assert received(receiver, wire) == [TextMessage("x" * size)]


class TestSharing:
    """Of frames between servers with the same setting."""

    MESSAGE = "shared " * 100

    def frame(self, message: PreparedMessage, response: str = "", **policy: Any) -> bytes:
        return connection(SERVER, agreed(response, **policy)).send(message)

    def test_one_frame_for_all_alike(self) -> None:
        message = PreparedMessage(self.MESSAGE)
        first = self.frame(message)
        assert len(first) < len(self.MESSAGE) / 5
        for response in (
            "",
            "server_no_context_takeover",
            "client_no_context_takeover",
            "client_max_window_bits=9",
        ):
            assert self.frame(message, response) is first

    def test_in_one_connection_too(self) -> None:
        message = PreparedMessage(self.MESSAGE)
        server = connection(SERVER, agreed())
        first = server.send(message)
        server.send(TextMessage("in between"))
        assert server.send(message) is first

    def test_another_for_each_other_setting(self) -> None:
        message = PreparedMessage(self.MESSAGE)
        frames = {
            id(self.frame(message)),
            id(self.frame(message, "server_max_window_bits=12")),
            id(self.frame(message, level=1)),
            id(self.frame(message, level=0)),
            id(self.frame(message, memory_level=1)),
            id(self.frame(message, zlib=ModuleTypeLike())),
        }
        assert len(frames) == 6
        assert self.frame(message, "server_max_window_bits=12") is not self.frame(message)
        assert self.frame(message, threshold=5) is self.frame(message)

    def test_windows_of_8_and_9_bits_are_alike(self) -> None:
        """The compressor has none smaller than the second, which suits both."""
        message = PreparedMessage(self.MESSAGE)
        assert self.frame(message, "server_max_window_bits=8") is self.frame(
            message, "server_max_window_bits=9"
        )

    def test_nothing_between_messages(self) -> None:
        assert self.frame(PreparedMessage("a")) is not self.frame(PreparedMessage("a"))

    def test_compressed_and_plain_ones(self) -> None:
        message = PreparedMessage(self.MESSAGE)
        server = connection(SERVER, agreed())
        assert server.send(message, compress=False) is message.plain_frame
        assert server.send(message) is not message.plain_frame
        assert connection(SERVER).send(message) is message.plain_frame

    def test_clients_share_nothing(self) -> None:
        message = PreparedMessage(self.MESSAGE)
        client = connection(CLIENT, agreed())
        assert client.send(message) != client.send(message)
        shared = self.frame(message)
        (each,) = frames_of(client.send(message))
        assert each.payload != shared

    def test_context_is_not_used_before_nor_behind(self) -> None:
        """The frame must fit all; so the connection's next message begins anew."""
        server = connection(SERVER, agreed())
        lonely = server.send(TextMessage(self.MESSAGE))
        assert len(server.send(TextMessage(self.MESSAGE))) < len(lonely)
        assert len(server.send(PreparedMessage(self.MESSAGE))) == len(lonely)
        assert len(server.send(TextMessage(self.MESSAGE))) == len(lonely)
        assert len(server.send(TextMessage(self.MESSAGE))) < len(lonely)


class ModuleTypeLike(ModuleType):
    """The standard zlib by another name."""

    def __init__(self) -> None:
        super().__init__("zlib2")
        vars(self).update(vars(zlib))

    def __hash__(self) -> int:
        return 1


class TurnedCodec(MessageCodec):
    """Turns payloads around, and counts: no two messages are alike."""

    def __init__(self) -> None:
        self.pending = False
        self.sent = 0
        self.payload = b""

    def feed(self, payload: bytes, fin: bool) -> None:
        self.payload += payload
        self.pending = fin

    def read(self, limit: int) -> bytes:
        self.pending = False
        data, self.payload = self.payload[::-1], b""
        return data.partition(b":")[2]

    def applies_to(self, opcode: Opcode, size: int) -> bool:
        return size > 2

    def encode(self, payload: bytes, fin: bool) -> bytes:
        self.sent += 1
        return (b"%d:" % self.sent + payload)[::-1]


class SharingCodec(TurnedCodec):
    """Does so for all that have the same setting."""

    def __init__(self, setting: Hashable) -> None:
        super().__init__()
        self.setting = setting
        self.shared = 0

    @property
    def sharing_setting(self) -> Hashable:
        return self.setting

    def encode_shared(self, payload: bytes) -> bytes:
        return (b"%b:" % str(self.setting).encode() + payload)[::-1]

    def sent_shared(self) -> None:
        self.shared += 1


class Turned(Extension):
    """Negotiated already."""

    name = "x-turned"
    rsv = 0x20

    def __init__(self, codec: MessageCodec) -> None:
        self._codec = codec

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool:
        return True

    def codec(self, client: bool) -> MessageCodec:
        return self._codec


class TestOtherExtensions:
    @both_roles
    def test_without_sharing_each_message_is_encoded(self, role: ConnectionType) -> None:
        codec = TurnedCodec()
        sender = connection(role, [Turned(codec)])
        receiver = connection(other(role), [Turned(TurnedCodec())])
        message = PreparedMessage("abc")
        sent = [sender.send(message) for _ in range(3)]
        assert [frames_of(data)[0].payload for data in sent] == [b"cba:1", b"cba:2", b"cba:3"]
        assert {frames_of(data)[0].rsv for data in sent} == {2}
        assert received(receiver, b"".join(sent)) == [TextMessage("abc")] * 3

    @both_roles
    def test_that_does_not_apply(self, role: ConnectionType) -> None:
        codec = TurnedCodec()
        sender = connection(role, [Turned(codec)])
        for message, compress in ((PreparedMessage("ab"), None), (PreparedMessage("abc"), False)):
            (each,) = frames_of(sender.send(message, compress=compress))
            assert (each.payload, each.rsv) == (message.payload, 0)
        (each,) = frames_of(sender.send(PreparedMessage("ab"), compress=True))
        assert (each.payload, each.rsv) == (b"ba:1", 2)

    def test_its_own_parts_fall_short_of_sharing(self) -> None:
        codec = TurnedCodec()
        assert codec.sharing_setting is None
        codec.sent_shared()
        with pytest.raises(NotImplementedError):
            codec.encode_shared(b"")

    def test_with_sharing(self) -> None:
        codecs = [SharingCodec(setting) for setting in ("x", "x", "y")]
        senders = [connection(SERVER, [Turned(codec)]) for codec in codecs]
        message = PreparedMessage("abc")
        first, second, third = (sender.send(message) for sender in senders)
        assert first is second
        assert frames_of(first)[0][:4] == (TEXT, b"cba:x", True, 2)
        assert frames_of(third)[0].payload == b"cba:y"
        assert [codec.shared for codec in codecs] == [1, 1, 1]
        receiver = connection(CLIENT, [Turned(TurnedCodec())])
        assert received(receiver, third) == [TextMessage("abc")]

    def test_of_bytes(self) -> None:
        sender = connection(SERVER, [Turned(SharingCodec("x"))])
        assert frames_of(sender.send(PreparedMessage(b"abc")))[0].opcode == BINARY

    def test_one_that_transforms_nothing(self) -> None:
        class Idle(Turned):
            rsv = 0

            def codec(self, client: bool) -> None:  # type: ignore[override]
                return None

        message = PreparedMessage("abc")
        assert connection(SERVER, [Idle(TurnedCodec())]).send(message) is message.plain_frame


def test_it_is_never_received() -> None:
    sender, receiver = pair(SERVER, "")
    (event,) = received(receiver, sender.send(PreparedMessage("a")))
    assert event == TextMessage("a")
    assert isinstance(event, Message)
    assert not isinstance(PreparedMessage("a"), Message)


def test_configuration_is_left_alone() -> None:
    deflate = PerMessageDeflate()
    deflate.offer()
    deflate.finalize("permessage-deflate")
    before = repr(deflate), deflate.agreed
    connection(SERVER, [deflate]).send(PreparedMessage("a" * 100))
    assert (repr(deflate), deflate.agreed) == before
