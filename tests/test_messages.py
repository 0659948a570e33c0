"""RFC 6455 §5.4 to §5.6, §8.1: fragmentation, control frames, text."""

from __future__ import annotations

import pytest

from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    LimitExceeded,
    Limits,
    LocalProtocolError,
)
from wsproto_core.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)

from .wire import (
    BINARY,
    CLIENT,
    CLOSE,
    CONT,
    PING,
    PONG,
    SERVER,
    TEXT,
    assert_fails,
    both_roles,
    chunkings,
    frame,
    outcome,
    receive,
    texts,
)


@both_roles
class TestFragmentation:
    @pytest.mark.parametrize("whole", [False, True])
    @pytest.mark.parametrize(
        ("opcode", "event"), [(TEXT, TextMessage("abc")), (BINARY, BytesMessage(b"abc"))]
    )
    def test_fragments_make_a_message(
        self, role: ConnectionType, opcode: int, event: Event, whole: bool
    ) -> None:
        data = (
            frame(opcode, b"a", to=role, fin=False)
            + frame(CONT, b"", to=role, fin=False)
            + frame(CONT, b"bc", to=role, fin=False)
            + frame(CONT, b"", to=role)
        )
        assert outcome(data, role, whole_messages=whole) == [event]

    def test_fragments_are_told_apart(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.receive_data(
            frame(BINARY, b"a", to=role, fin=False) + frame(CONT, b"b", to=role)
        )
        assert list(connection.events()) == [
            BytesMessage(b"a", frame_finished=True, message_finished=False),
            BytesMessage(b"b", frame_finished=True, message_finished=True),
        ]

    def test_continuation_of_nothing(self, role: ConnectionType) -> None:
        for fin in (False, True):
            assert_fails(outcome(frame(CONT, b"a", to=role, fin=fin), role), 1002)

    def test_continuation_behind_the_end(self, role: ConnectionType) -> None:
        data = frame(TEXT, b"a", to=role) + frame(CONT, b"b", to=role)
        events = outcome(data, role)
        assert events[0] == TextMessage("a")
        assert_fails(events, 1002)

    @pytest.mark.parametrize("opcode", [TEXT, BINARY])
    def test_new_message_within_another(self, role: ConnectionType, opcode: int) -> None:
        data = frame(TEXT, b"a", to=role, fin=False) + frame(opcode, b"b", to=role)
        events = outcome(data, role)
        assert texts(events) == ["a"]
        assert_fails(events, 1002)

    @pytest.mark.parametrize("whole", [False, True])
    def test_control_frames_within_a_message(self, role: ConnectionType, whole: bool) -> None:
        data = (
            frame(TEXT, b"a", to=role, fin=False)
            + frame(PING, b"1", to=role)
            + frame(PONG, b"2", to=role)
            + frame(CONT, b"b", to=role)
            + frame(CLOSE, b"", to=role)
        )
        assert outcome(data, role, whole_messages=whole) == [
            Ping(b"1"),
            Pong(b"2"),
            TextMessage("ab"),
            CloseConnection(1005, ""),
        ]

    @pytest.mark.parametrize("whole", [False, True])
    def test_empty_messages(self, role: ConnectionType, whole: bool) -> None:
        data = frame(TEXT, to=role) + frame(BINARY, to=role)
        assert outcome(data, role, whole_messages=whole) == [TextMessage(""), BytesMessage(b"")]

    def test_close_within_a_message(self, role: ConnectionType) -> None:
        data = frame(TEXT, b"a", to=role, fin=False) + frame(CLOSE, b"\x03\xe8", to=role)
        assert outcome(data, role) == [
            TextMessage("a", message_finished=False),
            CloseConnection(1000, ""),
        ]


VALID_TEXT = [
    "",
    "\x00",
    "\x7f\x80",
    "\u07ff\u0800",
    "\ud7ff\ue000\uffff",
    "\U00010000\U0010ffff",
    "Hello-µ@ßöäüàá-UTF-8!!",
    "\ufeffmark",
]

# What is no UTF-8, and how much of it shows that (RFC 3629 §3, §4).
INVALID_TEXT = [
    (b"\x80", 1),
    (b"\xbf", 1),
    (b"\xc0\x80", 1),
    (b"\xc1\xbf", 1),
    (b"\xc2\x00", 2),
    (b"\xc2\xc0", 2),
    (b"\xe0\x80\x80", 2),
    (b"\xe0\x9f\xbf", 2),
    (b"\xe1\x80\x00", 3),
    (b"\xed\xa0\x80", 2),  # a surrogate
    (b"\xed\xbf\xbf", 2),
    (b"\xed\xa0\xbd\xed\xb8\x80", 2),  # a pair of them
    (b"\xf0\x80\x80\x80", 2),
    (b"\xf0\x8f\xbf\xbf", 2),
    (b"\xf1\x80\x80\x00", 4),
    (b"\xf4\x90\x80\x80", 2),  # beyond U+10FFFF
    (b"\xf5\x80\x80\x80", 1),
    (b"\xf8\x88\x80\x80\x80", 1),
    (b"\xfe", 1),
    (b"\xff", 1),
]


@both_roles
class TestText:
    @pytest.mark.parametrize("whole", [False, True])
    @pytest.mark.parametrize("text", VALID_TEXT, ids=ascii)
    def test_valid(self, role: ConnectionType, text: str, whole: bool) -> None:
        data = text.encode()
        assert outcome(frame(TEXT, data, to=role), role, whole_messages=whole) == [
            TextMessage(text)
        ]
        # A character may be divided among fragments (§5.6), at any byte.
        for cut in range(len(data)):
            fragments = frame(TEXT, data[:cut], to=role, fin=False) + frame(
                CONT, data[cut:], to=role
            )
            assert outcome(fragments, role, whole_messages=whole) == [TextMessage(text)]

    @pytest.mark.parametrize("before", ["", "a", "µ€😀"])
    @pytest.mark.parametrize(("bad", "shown_by"), INVALID_TEXT, ids=lambda v: repr(v))
    def test_invalid_at_the_first_byte_that_shows_it(
        self, role: ConnectionType, before: str, bad: bytes, shown_by: int
    ) -> None:
        payload = before.encode() + bad
        start = len(frame(TEXT, b"", to=role))
        until = start + len(before.encode()) + shown_by
        # What is before the fault is given, whatever the chunking.
        for data in (
            frame(TEXT, payload, to=role),
            frame(TEXT, payload + b"more", to=role),
            frame(TEXT, payload, to=role)[:until],
        ):
            events = outcome(data, role)
            assert "".join(texts(events)) == before
            assert_fails(events, 1007)
        # And one byte less does not show it.
        for chunks in chunkings(frame(TEXT, payload, to=role)[: until - 1]):
            assert not any(
                isinstance(e, CloseConnection) for e in receive(Connection(role), chunks)
            )

    @pytest.mark.parametrize(("bad", "shown_by"), INVALID_TEXT, ids=lambda v: repr(v))
    def test_invalid_across_fragments(
        self, role: ConnectionType, bad: bytes, shown_by: int
    ) -> None:
        data = b"".join(
            frame(CONT if i else TEXT, bad[i : i + 1], to=role, fin=False) for i in range(shown_by)
        )
        for whole in (False, True):
            assert_fails(outcome(data, role, whole_messages=whole), 1007)

    @pytest.mark.parametrize("text", VALID_TEXT[2:], ids=ascii)
    def test_ends_within_a_character(self, role: ConnectionType, text: str) -> None:
        data = text.encode()
        while data and data[-1] < 0x80:
            data = data[:-1]
        data = data[:-1]
        for whole in (False, True):
            assert_fails(outcome(frame(TEXT, data, to=role), role, whole_messages=whole), 1007)
            fragmented = frame(TEXT, data, to=role, fin=False) + frame(CONT, to=role)
            assert_fails(outcome(fragmented, role, whole_messages=whole), 1007)

    def test_binary_is_not_text(self, role: ConnectionType) -> None:
        assert outcome(frame(BINARY, b"\xff\xfe", to=role), role) == [BytesMessage(b"\xff\xfe")]


@both_roles
class TestLimits:
    @pytest.mark.parametrize("whole", [False, True])
    def test_message_too_big_by_its_header(self, role: ConnectionType, whole: bool) -> None:
        limits = Limits(max_message_size=1000)
        fits = frame(BINARY, bytes(1000), to=role)
        assert outcome(fits, role, limits=limits, whole_messages=whole) == [
            BytesMessage(bytes(1000))
        ]
        header = frame(BINARY, b"", to=role, length=1001)
        event = assert_fails(outcome(header, role, limits=limits, whole_messages=whole), 1009)
        assert isinstance(event.error, LimitExceeded)
        assert "1000" in (event.reason or "")

    @pytest.mark.parametrize("whole", [False, True])
    @pytest.mark.parametrize("size", [1, 7, 125, 126, 127, 65536])
    def test_exact_limits(self, role: ConnectionType, size: int, whole: bool) -> None:
        for limits in (Limits(max_message_size=size), Limits(max_frame_size=size)):
            for excess in (0, 1):
                connection = Connection(role, limits=limits, whole_messages=whole)
                connection.receive_data(frame(BINARY, bytes(size + excess), to=role))
                events = list(connection.events())
                if excess:
                    assert_fails(events, 1009)
                else:
                    assert b"".join(e.data for e in events) == bytes(size)  # type: ignore[attr-defined]

    def test_message_too_big_by_its_fragments(self, role: ConnectionType) -> None:
        limits = Limits(max_message_size=10)
        data = frame(BINARY, bytes(6), to=role, fin=False) + frame(CONT, b"", to=role, length=5)
        assert_fails(outcome(data, role, limits=limits), 1009)

    def test_empty_final_fragment_does_not_slip_past(self, role: ConnectionType) -> None:
        limits = Limits(max_message_size=10)
        data = frame(BINARY, bytes(10), to=role, fin=False) + frame(CONT, b"", to=role)
        assert outcome(data, role, limits=limits) == [BytesMessage(bytes(10))]

    def test_messages_are_counted_by_themselves(self, role: ConnectionType) -> None:
        limits = Limits(max_message_size=10, max_fragments=2)
        data = (frame(BINARY, bytes(5), to=role, fin=False) + frame(CONT, bytes(5), to=role)) * 3
        assert outcome(data, role, limits=limits) == [BytesMessage(bytes(10))] * 3

    def test_empty_fragments_count(self, role: ConnectionType) -> None:
        limits = Limits(max_fragments=3)
        start = frame(TEXT, to=role, fin=False) + frame(CONT, to=role, fin=False)
        assert outcome(start + frame(CONT, b"x", to=role), role, limits=limits) == [
            TextMessage("x")
        ]
        data = start + frame(CONT, to=role, fin=False) * 2
        assert_fails(outcome(data, role, limits=limits), 1009)

    def test_text_counts_bytes(self, role: ConnectionType) -> None:
        limits = Limits(max_message_size=3)
        assert outcome(frame(TEXT, "€".encode(), to=role), role, limits=limits) == [
            TextMessage("€")
        ]
        assert_fails(outcome(frame(TEXT, "€!".encode(), to=role), role, limits=limits), 1009)

    def test_control_frames_do_not_count(self, role: ConnectionType) -> None:
        limits = Limits(max_message_size=1, max_frame_size=1, max_fragments=1)
        data = frame(PING, b"123", to=role) * 5 + frame(TEXT, b"x", to=role)
        assert outcome(data, role, limits=limits) == [Ping(b"123")] * 5 + [TextMessage("x")]


@pytest.mark.parametrize(
    "name",
    [
        "max_message_size",
        "max_frame_size",
        "max_fragments",
        "max_header_size",
        "max_headers",
        "max_early_data",
    ],
)
def test_limits_are_positive(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


class TestSending:
    @pytest.mark.parametrize(
        ("event", "data"),
        [
            (TextMessage("hé"), b"\x81\x03h\xc3\xa9"),
            (BytesMessage(b"\x00\xff"), b"\x82\x02\x00\xff"),
            (BytesMessage(bytearray(b"ab")), b"\x82\x02ab"),
            (BytesMessage(memoryview(b"ab")), b"\x82\x02ab"),
            (Message("text"), b"\x81\x04text"),
            (Message(b"bytes"), b"\x82\x05bytes"),
            (TextMessage(""), b"\x81\x00"),
            (Ping(), b"\x89\x00"),
            (Ping(b"x"), b"\x89\x01x"),
            (Pong(bytearray(b"x")), b"\x8a\x01x"),  # type: ignore[arg-type]
            (TextMessage("a" * 126), b"\x81\x7e\x00\x7e" + b"a" * 126),
            (BytesMessage(bytes(65536)), b"\x82\x7f" + (65536).to_bytes(8, "big") + bytes(65536)),
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_unmasked_frames(self, event: Event, data: bytes) -> None:
        sent = Connection(SERVER).send(event)
        assert sent == data
        assert type(sent) is bytes

    @pytest.mark.parametrize("size", [0, 1, 125, 126, 1399, 1400, 65535, 65536])
    def test_masked_frames(self, size: int) -> None:
        payload = bytes(i % 253 for i in range(size))
        sent = Connection(CLIENT, entropy=lambda n: b"\x37\xfa\x21\x3d" * (n // 4)).send(
            BytesMessage(payload)
        )
        assert sent == frame(BINARY, payload, to=SERVER)

    def test_fragments(self) -> None:
        connection = Connection(SERVER)
        assert connection.send(TextMessage("a", message_finished=False)) == b"\x01\x01a"
        assert connection.send(Ping()) == b"\x89\x00"
        assert connection.send(TextMessage("b", message_finished=False)) == b"\x00\x01b"
        assert connection.send(TextMessage("")) == b"\x80\x00"
        assert connection.send(TextMessage("next")) == b"\x81\x04next"

    @pytest.mark.parametrize("role", [SERVER, CLIENT])
    def test_other_type_within_a_message(self, role: ConnectionType) -> None:
        connection = Connection(role)
        connection.send(TextMessage("a", message_finished=False))
        with pytest.raises(LocalProtocolError, match="BINARY within a message of TEXT"):
            connection.send(BytesMessage(b"b"))
        connection.send(TextMessage("b"))
        connection.send(BytesMessage(b"b"))

    @pytest.mark.parametrize(
        ("event", "match"),
        [
            (TextMessage("\ud800"), "surrogate at 0"),
            (TextMessage("ab\udfff", message_finished=False), "surrogate at 2"),
            (Message(None), "must be str or bytes, not NoneType"),  # type: ignore[type-var]
            (Message(3, message_finished=False), "not int"),  # type: ignore[type-var]
            (Ping(bytes(126)), "125 bytes, not 126"),
            (Pong(bytes(126)), "125 bytes, not 126"),
            (Ping("text"), "must be bytes, not str"),  # type: ignore[arg-type]
            (Event(), "Event cannot be sent"),
        ],
        ids=repr,
    )
    def test_what_cannot_be_sent(self, event: Event, match: str) -> None:
        for role in (SERVER, CLIENT):
            connection = Connection(role)
            with pytest.raises(LocalProtocolError, match=match):
                connection.send(event)
            with pytest.raises(LocalProtocolError, match=match):
                connection.send_buffers(event)
            assert connection.state is ConnectionState.OPEN
            connection.send(TextMessage("still whole"))

    def test_subclasses_of_events_can_be_sent(self) -> None:
        class Chat(TextMessage):
            pass

        assert Connection(SERVER).send(Chat("hi")) == b"\x81\x02hi"


class TestInjectedEvents:
    """What mitmproxy does: events of its own, in order with those that arrive."""

    def test_they_come_first(self) -> None:
        connection = Connection(SERVER)
        connection.receive_data(frame(TEXT, b"arrived", to=SERVER))
        connection._events.append(TextMessage("mine"))
        connection._events.append(Ping(b"mine"))
        assert list(connection.events()) == [
            TextMessage("mine"),
            Ping(b"mine"),
            TextMessage("arrived"),
        ]
        assert list(connection.events()) == []

    def test_while_others_are_taken(self) -> None:
        connection = Connection(SERVER)
        connection.receive_data(frame(TEXT, b"a", to=SERVER) * 2)
        events = connection.events()
        assert next(events) == TextMessage("a")
        connection._events.append(Pong(b"mine"))
        assert list(events) == [Pong(b"mine"), TextMessage("a")]
