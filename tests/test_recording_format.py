"""The form of recordings: every kind of record, the header, events; and what is none."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields, replace
from math import inf, isnan, nan
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproto_core import Limits, RemoteProtocolError
from wsproto_core.deflate import DeflateParameters
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.extensions import Extension, PerMessageDeflate
from wsproto_core.frame_protocol import CloseReason
from wsproto_core.prepared import PreparedMessage
from wsproto_core.recording_format import (
    MAGIC,
    RECORDS,
    Record,
    RecordingError,
    code_from_json,
    code_to_json,
    decode_event,
    decode_header,
    decode_json,
    encode_event,
    encode_header,
    encode_json,
    encode_record,
    read_records,
)
from wsproto_core.session import RateLimit, SessionConfig


def read(data: bytes, offset: int = 0) -> list[Record]:
    return list(read_records(data, offset))


class TestRecords:
    @pytest.mark.parametrize("kind", RECORDS)
    def test_every_kind(self, kind: str) -> None:
        form = RECORDS[kind]
        contents = [b"first", b""][: form.fields]
        now = 1.5 if form.timed else None
        data = encode_record(kind, *contents, now=now)
        assert len(data) == 1 + 8 * form.timed + sum(1 + len(each) for each in contents)
        assert read(data) == [Record(0, kind, now or 0.0, contents)]

    def test_the_bytes(self) -> None:
        """That recordings of today can be read tomorrow."""
        data = encode_record("S", b"t.", b"hello", now=1.0)
        assert data == b"S\x3f\xf0\x00\x00\x00\x00\x00\x00\x02t.\x05hello"
        assert encode_record("V", bytes(130))[:4] == b"V\x82\x01\x00"

    @pytest.mark.parametrize(
        ("length", "header"),
        [
            (0, b"\x00"),
            (127, b"\x7f"),
            (128, b"\x80\x01"),
            (129, b"\x81\x01"),
            (16383, b"\xff\x7f"),
            (16384, b"\x80\x80\x01"),
            (2**21 - 1, b"\xff\xff\x7f"),
            (2**21, b"\x80\x80\x80\x01"),
        ],
    )
    def test_lengths(self, length: int, header: bytes) -> None:
        data = encode_record("V", bytes(length))
        assert data == b"V" + header + bytes(length)
        assert read(data + b"N") == [
            Record(0, "V", 0.0, [bytes(length)]),
            Record(len(data), "N", 0.0, []),
        ]
        assert read(data[:-1]) == []

    def test_a_length_need_not_be_short(self) -> None:
        assert read(b"V\x81\x80\x00x") == [Record(0, "V", 0.0, [b"x"])]

    @given(st.lists(st.tuples(st.sampled_from(sorted(RECORDS)), st.binary(max_size=200))))
    def test_round_trip(self, given: list[tuple[str, bytes]]) -> None:
        data = b"before"
        expected = []
        for i, (kind, content) in enumerate(given):
            form = RECORDS[kind]
            expected.append(Record(len(data), kind, i * form.timed, [content] * form.fields))
            now = float(i) if form.timed else None
            data += encode_record(kind, *[content] * form.fields, now=now)
        assert read(data, 6) == expected

    @pytest.mark.parametrize("now", [0.0, -1e300, inf, nan])
    def test_times(self, now: float) -> None:
        (record,) = read(encode_record("H", now=now))
        assert record.now == now or (isnan(now) and isnan(record.now))

    def test_cut_off(self) -> None:
        """What is not there in full is left out."""
        first = encode_record("D", bytes(200), now=1.0)
        data = first + encode_record("S", bytes(3), bytes(300), now=1.0)
        assert len(read(data)) == 2
        for size in range(len(data)):
            assert len(read(data[:size])) == (size >= len(first))

    def test_a_length_beyond_the_end(self) -> None:
        for length in (b"\xff" * 8 + b"\x7f", b"\x80" * 8 + b"\x01"):
            assert read(b"NV" + length + bytes(10)) == [Record(0, "N", 0.0, [])]

    def test_no_length(self) -> None:
        with pytest.raises(RecordingError, match="no length at byte 11"):
            read(b"NV" + b"\xff" * 9 + b"\x00")
        assert len(read(b"NV" + b"\xff" * 9)) == 1  # it may have been one

    @pytest.mark.parametrize("byte", sorted(set(range(256)) - set(map(ord, RECORDS))))
    def test_no_kind(self, byte: int) -> None:
        with pytest.raises(RecordingError, match=rf"begins with {byte:#04x}, at byte 1\Z"):
            read(b"N" + bytes([byte]) + b"N")


# How the session was made

#: Another value for each setting.
CHANGED: dict[str, Any] = {
    "limits": Limits(
        max_message_size=1,
        max_frame_size=2,
        max_fragments=3,
        max_header_size=4,
        max_headers=5,
        max_early_data=6,
    ),
    "whole_messages": False,
    "answer_pings": False,
    "answer_close": False,
    "send_failing_close": False,
    "ping_interval": None,
    "ping_timeout": 1,
    "traffic_is_life": True,
    "handshake_timeout": 0.1,
    "close_timeout": None,
    "idle_timeout": 1e-9,
    "control_rate": RateLimit(per_second=1, burst=2.5),
    "message_rate": RateLimit(per_second=1.5, burst=2, code=None),
    "byte_rate": RateLimit(per_second=1, burst=2, code=1008),
    "high_water": 16385,
    "low_water": 1,
    "congestion_pauses_reading": False,
    "read_high_water": 100,
    "max_output": 1,
}


def header_of(**changes: Any) -> bytes:
    """A header of which something is wrong; what is None instead of a value is missing."""
    data = encode_header(True, 1.0, SessionConfig(), None)
    header = json.loads(data[len(MAGIC) :])
    for path, value in changes.items():
        *outer, name = path.split("__")
        inner = header
        for each in outer:
            inner = inner[each]
        if value is ...:
            del inner[name]
        else:
            inner[name] = value
    return MAGIC + json.dumps(header).encode() + b"\n"


DEFLATE = {"name": "permessage-deflate", "agreed": [False, False, 15, 15], "level": 1}
RATE = {"per_second": 1, "burst": 2, "code": None}


class TestHeader:
    def test_round_trip(self) -> None:
        data = encode_header(True, 2.5, SessionConfig(), None)
        header, end = decode_header(data + b"N\n")
        assert end == len(data)
        assert (header.client, header.now, header.over) == (True, 2.5, None)
        assert header.config == SessionConfig()
        assert not decode_header(encode_header(False, 0.0, SessionConfig(), None))[0].client

    def test_every_setting(self) -> None:
        assert CHANGED.keys() == {field.name for field in fields(SessionConfig)}
        everything = SessionConfig(**CHANGED)
        for config in (
            everything,
            *(replace(SessionConfig(), **{name: value}) for name, value in CHANGED.items()),
        ):
            header, _ = decode_header(encode_header(True, 0.0, config, None))
            assert repr(header.config) == repr(config)

    def test_settings_that_are_not_there_have_their_defaults(self) -> None:
        """As in recordings that are older than they."""
        header, _ = decode_header(header_of(config__ping_interval=..., config__high_water=...))
        assert header.config == SessionConfig()

    def test_extensions(self) -> None:
        deflate = PerMessageDeflate(True, 9, False, 10, level=1, memory_level=2, threshold=3)
        deflate.agreed = DeflateParameters(False, True, 11, 12)
        data = encode_header(False, 0.0, SessionConfig(), (deflate, PerMessageDeflate()))
        over = decode_header(data)[0].over
        assert over is not None
        assert repr(over) == repr([deflate, PerMessageDeflate()])
        first, second = over
        assert isinstance(first, PerMessageDeflate)
        assert (first.agreed, first.options) == (deflate.agreed, deflate.options)
        assert not second.enabled()
        assert decode_header(encode_header(False, 0.0, SessionConfig(), []))[0].over == []

    def test_extensions_that_cannot_be_replayed(self) -> None:
        class Own(PerMessageDeflate):
            pass

        class Named:
            name = "x-own\n"

        odd: Any = Named()
        extensions: list[tuple[Extension, str]] = [(Own(), Own.name), (odd, "x-own\n")]
        for extension, name in extensions:
            data = encode_header(False, 0.0, SessionConfig(), [extension])
            with pytest.raises(RecordingError, match=f"the extension {name} cannot be replayed"):
                decode_header(data + b"more\n")

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (b"", "not a recording"),
            (MAGIC[:-1], "not a recording"),
            (MAGIC.replace(b"1", b"2"), "not a recording"),
            (MAGIC, "without its header"),
            (MAGIC + b"{}", "without its header"),
            (MAGIC + b"\n", "not JSON"),
            (MAGIC + b"{\n", "not JSON"),
            (MAGIC + b"\xff\n", "not JSON"),
            (MAGIC + b"[" * 100_000 + b"\n", "not JSON"),
            (MAGIC + b"[" * 20 + b"]" * 20 + b"\n", "nested too deep"),
            (MAGIC + b"[]\n", "bad header"),
            (MAGIC + b"null\n", "bad header"),
            (MAGIC + b"{}\n", "bad header of a recording: KeyError"),
        ],
    )
    def test_no_header(self, data: bytes, problem: str) -> None:
        with pytest.raises(RecordingError, match=problem):
            decode_header(data)

    @pytest.mark.parametrize(
        "changes",
        [
            {"client": ...},
            {"client": 1},
            {"client": None},
            {"now": ...},
            {"now": "0"},
            {"now": None},
            {"now": True},
            {"now": 10**400},
            {"over": ...},
            {"over": 5},
            {"over": {}, "config": []},
            {"over": [5]},
            {"over": [{}]},
            {"over": [{"name": "permessage-deflate"}]},
            {"over": [DEFLATE | {"agreed": 5}]},
            {"over": [DEFLATE | {"agreed": [False, False, 15, 95]}]},
            {"over": [DEFLATE | {"agreed": [False, False, "15", 15]}]},
            {"over": [DEFLATE | {"agreed": [False, False, 15, 15, 15]}]},
            {"over": [DEFLATE | {"level": 10}]},
            {"over": [DEFLATE | {"level": 1.5}]},
            {"over": [DEFLATE | {"level": None}]},
            {"over": [DEFLATE | {"zlib": 1}]},
            {"over": [DEFLATE | {"window": 1}]},
            {"config": ...},
            {"config": 5},
            {"config__unknown": 5},
            {"config__limits": ...},
            {"config__limits": 5},
            {"config__limits": []},
            {"config__limits__max_headers": 0},
            {"config__limits__max_headers": 1.5},
            {"config__limits__max_headers": inf},
            {"config__limits__max_headers": None},
            {"config__limits__unknown": 5},
            {"config__control_rate": ...},
            {"config__control_rate": 5},
            {"config__message_rate": {}},
            {"config__message_rate": RATE | {"code": 5}},
            {"config__message_rate": RATE | {"code": "NO"}},
            {"config__message_rate": RATE | {"code": "NO_STATUS_RCVD"}},
            {"config__byte_rate": RATE | {"burst": 0}},
            {"config__byte_rate": RATE | {"burst": "1"}},
            {"config__byte_rate": RATE | {"per_second": 10**400}},
            {"config__byte_rate": RATE | {"unknown": 5}},
            {"config__whole_messages": 1},
            {"config__whole_messages": None},
            {"config__ping_interval": "20"},
            {"config__ping_interval": -1},
            {"config__ping_interval": nan},
            {"config__ping_interval": True},
            {"config__idle_timeout": [1]},
            {"config__high_water": None},
            {"config__high_water": 1.5},
            {"config__low_water": 1 << 17},
            {"config__max_output": 10**400},
        ],
        ids=repr,
    )
    def test_bad_header(self, changes: dict[str, Any]) -> None:
        with pytest.raises(RecordingError, match=r"^bad header of a recording: |be replayed$"):
            decode_header(header_of(**changes))


class TestJson:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            True,
            5,
            1.5,
            "",
            "\n\x1b\u2028é😀",
            "\ud800",
            "\ud83d\ude00",  # which is not the character that they would be in UTF-16
            b"",
            bytes(range(256)),
            [[b"a", "b"], []],
            {"a": {"b": b"c"}},
            {"bytes": 5},
            {"bytes": "x", "more": 1},
        ],
    )
    def test_round_trip(self, value: object) -> None:
        encoded = encode_json(value)
        assert b"\n" not in encoded
        assert decode_json(encoded) == value

    def test_what_becomes_something_else(self) -> None:
        assert decode_json(encode_json((1, bytearray(b"x")))) == [1, b"x"]
        assert decode_json(encode_json(...)) == {"name": "Ellipsis"}
        assert decode_json(encode_json(PerMessageDeflate()))["name"] == "permessage-deflate"

    def test_what_json_has_no_form_for(self) -> None:
        """Misuse is recorded, not met with an error of another kind."""
        circular: list[Any] = []
        circular.append(circular)
        assert decode_json(encode_json({b"a": 1})) == "{b'a': 1}"
        assert decode_json(encode_json(circular)) == "[[...]]"

    @pytest.mark.parametrize("data", [b"", b"x", b"[", b"\xff", b'"\n"', b"1" * 5000, b"[" * 10**5])
    def test_no_json(self, data: bytes) -> None:
        with pytest.raises(RecordingError, match="not JSON"):
            decode_json(data)

    def test_no_bytes(self) -> None:
        with pytest.raises(RecordingError, match="not JSON"):
            decode_json('{"bytes": "€"}'.encode())

    def test_nesting(self) -> None:
        assert decode_json(b"[" * 8 + b"]" * 8)
        for data in (b"[" * 9 + b"]" * 9, b'[{"a":' * 5 + b"1" + b"}]" * 5):
            with pytest.raises(RecordingError, match="nested too deep"):
                decode_json(data)

    def test_codes(self) -> None:
        for code in CloseReason:
            assert code_from_json(json.loads(json.dumps(code_to_json(code)))) is code
        for other in (1000, 4000, None, "x", 1.5):
            assert code_to_json(other) is code_from_json(other) is other


# Events that were sent


class MyText(TextMessage):
    pass


class MyAccept(AcceptConnection):
    pass


class MyPing(Ping):
    pass


class Own(Event):
    def __repr__(self) -> str:
        return "Own('\ud800')"


def round_trip(event: Any, compress: bool | None = None) -> tuple[Event, bool | None]:
    return decode_event(encode_event(event, compress))


deflate = PerMessageDeflate(True, 9, level=1)
EVENTS: list[Event] = [
    TextMessage("é\ud83d\ude00"),
    TextMessage("", message_finished=False),
    BytesMessage(b"\xff"),
    BytesMessage(b"", message_finished=False),
    Message("text"),
    Message(b"bytes"),
    Message(b"bytes", message_finished=False),
    PreparedMessage("é"),
    PreparedMessage(b"\xff"),
    Ping(),
    Ping(b"\xff"),
    Pong(bytes(200)),
    CloseConnection(1000, "bye"),
    CloseConnection(CloseReason.GOING_AWAY),
    CloseConnection(4000, "\ud83d\ude00"),
    Request("example.com", "/"),
    Request("é", "?", [deflate], [(b"A", b"\xff")], ["chat"]),
    AcceptConnection(),
    AcceptConnection("chat", [deflate], [(b"A", b"\xff")]),
    RejectConnection(404, [(b"A", b"\xff")], True),
    RejectData(b"\xff"),
    RejectData(b"", False),
]


def as_pairs(event: Event) -> str:
    """As repr; header fields come back as lists."""
    return repr(event).replace("[b'A', b'\\xff']", "(b'A', b'\\xff')")


class TestEvents:
    @pytest.mark.parametrize("event", EVENTS, ids=repr)
    def test_round_trip(self, event: Event) -> None:
        assert as_pairs(round_trip(event)[0]) == repr(event)

    @pytest.mark.parametrize("compress", [None, True, False])
    @pytest.mark.parametrize("event", EVENTS[:9], ids=repr)
    def test_compress(self, event: Event, compress: bool | None) -> None:
        decoded, flag = round_trip(event, compress)
        assert flag is compress
        assert as_pairs(decoded) == repr(event)

    @pytest.mark.parametrize("kind", [bytearray, memoryview])
    def test_any_bytes(self, kind: Any) -> None:
        for make in (BytesMessage, Message, PreparedMessage, Ping, Pong, RejectData):
            assert repr(round_trip(make(kind(b"x")))[0]) == repr(make(b"x"))

    def test_a_message_of_the_other_type(self) -> None:
        """What is sent goes by the data."""
        odd: Any = "text"
        assert round_trip(BytesMessage(odd))[0] == TextMessage("text")
        odd = b"bytes"
        assert round_trip(TextMessage(odd))[0] == BytesMessage(b"bytes")

    def test_the_error_of_a_close_is_not_sent(self) -> None:
        event = CloseConnection(1002, "no", error=RemoteProtocolError("no"))
        assert repr(round_trip(event)[0]) == repr(event.response())

    def test_subclasses(self) -> None:
        assert (
            repr(round_trip(MyText("a"))[0])
            == "TextMessage(data='a', frame_finished=True, message_finished=True)"
        )
        assert repr(round_trip(MyAccept("a"))[0]) == repr(AcceptConnection("a"))
        assert repr(round_trip(MyPing(b"a"))[0]) == repr(Ping(b"a"))

    @pytest.mark.parametrize(
        "event",
        [
            TextMessage(5),  # type: ignore[arg-type]
            BytesMessage(None),  # type: ignore[arg-type]
            Message([1], message_finished=False),  # type: ignore[type-var]
            Ping("text"),  # type: ignore[arg-type]
            Pong(None),  # type: ignore[arg-type]
            RejectData("text"),  # type: ignore[arg-type]
            CloseConnection("\x1b", [1]),  # type: ignore[arg-type]
            Request(5, None, [], None, "x"),  # type: ignore[arg-type]
            Request("", "", ["x"]),
            AcceptConnection(5, None, None),  # type: ignore[arg-type]
            RejectConnection("x", 5, "y"),  # type: ignore[arg-type]
        ],
        ids=repr,
    )
    def test_what_cannot_be_sent_can_be_recorded(self, event: Event) -> None:
        assert repr(round_trip(event)[0]) == repr(event)

    @pytest.mark.parametrize("event", [Own(), "text", None, Ping])
    def test_what_is_no_event(self, event: Any) -> None:
        fields = encode_event(event, True)
        assert fields == [b"?", repr(event).encode("utf-8", "backslashreplace")]
        with pytest.raises(RecordingError, match="cannot be replayed: "):
            decode_event(fields)

    def test_what_json_has_no_form_for(self) -> None:
        odd: Any = {b"a": b"b"}
        fields = encode_event(AcceptConnection(extra_headers=odd), None)
        with pytest.raises(RecordingError, match=r"cannot be replayed: .*\{b'a': b'b'\}"):
            decode_event(fields)

    def test_extensions_of_ones_own(self) -> None:
        class Unknown(PerMessageDeflate):
            name = "x-own"

        fields = encode_event(Request("a", "/", [Unknown()]), None)
        with pytest.raises(RecordingError, match="the extension x-own cannot be replayed"):
            decode_event(fields)

    def test_another_zlib(self) -> None:
        """What it compressed to is not to be had without it."""
        extension = PerMessageDeflate(level=2, zlib=ModuleType("other"))
        with pytest.raises(RecordingError, match="'other', which compressed, is not here"):
            round_trip(AcceptConnection(None, [extension]))

    def test_standard_zlib(self) -> None:
        """Also where another is the default."""
        extension = PerMessageDeflate(level=2, zlib=zlib)
        event, _ = round_trip(AcceptConnection(None, [extension]))
        assert isinstance(event, AcceptConnection)
        assert repr(event.extensions) == "[PerMessageDeflate(level=2)]"
        (read,) = event.extensions
        assert isinstance(read, PerMessageDeflate)
        assert read.zlib is zlib

    @pytest.mark.parametrize(
        "fields",
        [
            [b"", b""],
            [b"x", b"what"],
            [b"\xff", b""],
            [b"t", b"\xff"],
            [b"p", b"\xed\xa0\x80"],
            [b"u", b"\xff"],
            [b"q", b""],
            [b"q", b"[]"],
            [b"q", b"5"],
            [b"q", b"null"],
            [b"q", b'{"host": "a"}'],
            [b"q", b'{"host": "a", "target": "/", "x": 1}'],
            [b"a", b'{"extensions": 5}'],
            [b"a", b'{"extensions": [{}]}'],
            [b"a", b'{"extensions": [{"name": "x"}]}'],
            [b"a", b'{"extensions": [{"name": "permessage-deflate", "level": 10}]}'],
            [b"a", b'{"extensions": [{"name": "permessage-deflate", "level": "1"}]}'],
            [b"c", b"{}"],
            [b"c", b'{"code": 1000, "error": null, "x": 1}'],
            [b"T", b"{}"],
            [b"I", b'{"payload": {"bytes": 5}, "x": 1}'],
        ],
        ids=repr,
    )
    def test_no_event(self, fields: list[bytes]) -> None:
        with pytest.raises(RecordingError):
            decode_event(fields)
