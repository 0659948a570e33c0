"""Streams explained: every kind of finding, and that nothing is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wsproto_core import (
    Connection,
    ConnectionType,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
    WSConnection,
)
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.extensions import Extension, PerMessageDeflate
from wsproto_core.inspection import (
    STRUCTURE,
    Direction,
    End,
    Ending,
    Fault,
    Finding,
    Frame,
    Head,
    Note,
    Other,
    Received,
    agreed_deflate,
    inspect,
    read_frame,
)
from wsproto_core.reports import plain
from wsproto_core.testing.settings import other
from wsproto_core.testing.strategies.streams import scenarios
from wsproto_core.utilities import generate_accept_token

from .test_cost import lines_run
from .test_differential import CONNECTION_TYPES, ENGINE
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
    both_roles,
    frame,
    mask,
)

F = TypeVar("F", bound=Finding)

NONCE = "dGhlIHNhbXBsZSBub25jZQ=="
OTHER_END = {CLIENT: SERVER, SERVER: CLIENT}
REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"  # RFC 7692 §7.2.3.1


def checked(data: bytes, **arguments: Any) -> list[Finding]:
    """The findings, of which there is one for every byte, and which are in order."""
    findings = list(inspect(data, **arguments))
    at = end = 0
    for finding in findings:
        assert 0 <= finding.offset <= finding.end <= len(data)
        if isinstance(finding, STRUCTURE):
            assert finding.offset == at < finding.end
            at = finding.end
        elif not isinstance(finding, Note):
            assert finding.end >= end
            end = finding.end
    assert at == len(data)
    assert isinstance(findings[0], Direction if data else End)
    assert [type(f) for f in findings].count(Direction) == bool(data)
    assert findings[-1] == End(len(data), len(data), findings[-1].ending)  # type: ignore[attr-defined]
    faults = of(findings, Fault)
    assert len(faults) == (ending(findings) is Ending.FAULT)
    return findings


def of(findings: list[Finding], kind: type[F]) -> list[F]:
    return [finding for finding in findings if isinstance(finding, kind)]


def ending(findings: list[Finding]) -> Ending:
    last = findings[-1]
    assert isinstance(last, End)
    return last.ending


def events_in(findings: list[Finding]) -> list[Event]:
    return [finding.event for finding in of(findings, Received)]


def notes(findings: list[Finding]) -> str:
    return "\n".join(note.text for note in of(findings, Note))


def fault_of(data: bytes, **arguments: Any) -> Fault:
    (fault,) = of(checked(data, **arguments), Fault)
    return fault


def conversation(deflate: bool = True) -> tuple[bytes, bytes]:
    """What a client and a server of this library say: messages whole and in fragments."""
    extensions: list[Extension] = [PerMessageDeflate()] if deflate else []
    client, server = WSConnection(CLIENT), WSConnection(SERVER)
    sent = [client.send(Request("example.com", "/chat", extensions, subprotocols=["chat"]))]
    server.receive_data(sent[0])
    assert list(server.events())
    answered = [server.send(AcceptConnection("chat", extensions))]
    client.receive_data(answered[0])
    assert list(client.events())
    for end, out in ((client, sent), (server, answered)):
        out.append(end.send(TextMessage("Hello, hello, hello")))
        out.append(end.send(Ping(b"p")))
        out.append(end.send(TextMessage("in frag", message_finished=False)))
        out.append(end.send(Pong()))
        out.append(end.send(TextMessage("ments")))
        out.append(end.send(BytesMessage(bytes(300)), compress=False))
        out.append(end.send(CloseConnection(1001, "bye")))
    return b"".join(sent), b"".join(answered)


SAID: list[Event] = [
    TextMessage("Hello, hello, hello"),
    Ping(b"p"),
    Pong(),
    TextMessage("in fragments"),
    BytesMessage(bytes(300)),
    CloseConnection(1001, "bye"),
]


class TestDirection:
    def test_request(self) -> None:
        for data in (b"G", b"GE", b"GET", b"GET ", REQUEST, b"POST / HTTP/1.1\r\n\r\n"):
            assert checked(data)[0] == Direction(0, 0, CLIENT, "it begins with a request")

    def test_response(self) -> None:
        for data in (b"H", b"HT", b"HTT", b"HTTP", b"HTTP/", RESPONSE):
            assert checked(data)[0] == Direction(0, 0, SERVER, "it begins with a response")

    @both_roles
    def test_frame(self, role: ConnectionType) -> None:
        direction = checked(frame(TEXT, b"x", to=role))[0]
        assert isinstance(direction, Direction)
        assert direction.sender is OTHER_END[role]
        assert direction.reason.startswith("its first frame is ")

    @pytest.mark.parametrize("data", [b"GETX", b"G\n", b"HTTPS", b"A", b"AB / HTTP/1.1", b"POST /"])
    def test_no_head(self, data: bytes) -> None:
        assert not of(checked(data), Head)

    @both_roles
    def test_forced(self, role: ConnectionType) -> None:
        findings = checked(frame(TEXT, b"x", to=role), sender=role)
        assert findings[0] == Direction(0, 0, role, "as was said")
        assert of(findings, Fault)[0].section == "RFC 6455 §5.1"

    def test_forced_against_a_head(self) -> None:
        assert fault_of(REQUEST + b"\r\n", sender=SERVER).code is None
        assert fault_of(RESPONSE + b"\r\n", sender=CLIENT).code == 400

    @pytest.mark.parametrize(
        ("data", "what"),
        [
            (b"\x16\x03\x01\x02\x00\x01", "TLS"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"),
            (b"\xd4\xc3\xb2\xa1\x02\x00", "pcap file"),
            (b"\x0a\x0d\x0d\x0a\x00", "pcapng file"),
        ],
    )
    def test_what_is_no_websocket_stream(self, data: bytes, what: str) -> None:
        findings = checked(data)
        assert what in notes(findings)
        assert ending(findings) is Ending.FAULT


class TestConversation:
    @pytest.mark.parametrize("deflate", [True, False])
    def test_both_directions(self, deflate: bool) -> None:
        sent, answered = conversation(deflate)
        asked = checked(sent)
        assert isinstance(events_in(asked)[0], Request)
        assert events_in(asked)[1:] == SAID
        accepted = checked(answered)
        assert isinstance(events_in(accepted)[0], AcceptConnection)
        assert events_in(accepted)[1:] == SAID
        assert ending(asked) is ending(accepted) is Ending.CLOSED
        names = ["TEXT", "PING", "TEXT", "PONG", "CONTINUATION", "BINARY", "CLOSE"]
        assert [f.name for f in of(asked, Frame)] == names
        assert all(f.masking_key for f in of(asked, Frame))
        assert all(f.masking_key is None for f in of(accepted, Frame))

    def test_a_message_spans_its_frames(self) -> None:
        _, answered = conversation(False)
        findings = checked(answered)
        frames = of(findings, Frame)
        message = of(findings, Received)[4]
        assert isinstance(message.event, TextMessage)
        assert (message.offset, message.end) == (frames[2].offset, frames[4].end)

    def test_every_prefix(self) -> None:
        """A capture may stop anywhere, and that is no fault."""
        for data in conversation():
            for size in range(len(data) + 1):
                findings = checked(data[:size])
                assert ending(findings) is not Ending.FAULT
                assert isinstance(findings[-1], End)

    def test_without_handshake(self) -> None:
        _, answered = conversation(False)
        frames = answered[answered.index(b"\r\n\r\n") + 4 :]
        assert events_in(checked(frames)) == SAID


class TestHeads:
    def test_request(self) -> None:
        extra = b"sec-websocket-protocol: a, b\r\nX\r\nSec-WebSocket-Protocol: c\r\n"
        head = of(checked(REQUEST + extra + DEFLATE + b"\r\n"), Head)[0]
        assert head.start_line == "GET /chat HTTP/1.1"
        assert head.fields[0] == (b"Host", b"example.com")
        assert (b"", b"X") in head.fields
        assert head.complete
        assert head.key == NONCE
        assert head.subprotocols == ["a", "b", "c"]
        assert head.extensions == ["permessage-deflate"]

    def test_bare_line_feeds(self) -> None:
        data = REQUEST.replace(b"\r\n", b"\n") + b"\n"
        findings = checked(data + frame(TEXT, b"x", to=SERVER))
        assert of(findings, Head)[0].end == len(data)
        assert events_in(findings)[1:] == [TextMessage("x")]

    @pytest.mark.parametrize(
        ("data", "section", "code"),
        [
            (REQUEST.replace(b"GET", b"POST"), "RFC 6455 §4.2.1", 405),
            (REQUEST.replace(b": 13", b": 8"), "RFC 6455 §4.4", 426),
            (REQUEST.replace(b"Host", b"Ho st"), "RFC 9112", 400),
            (REQUEST + b"X: x\r\n" * 200, "RFC 6585 §5", 431),
            (REQUEST + b"X: " + b"x" * 40000, "RFC 6585 §5", 431),
            (RESPONSE.replace(b"Upgrade: w", b"X: w"), "RFC 6455 §4.1", None),
            (RESPONSE.replace(b"s3pP", b"s3p"), "RFC 6455 §4.1", None),
            (RESPONSE + b"Sec-WebSocket-Protocol: a, b\r\n", "RFC 6455 §4.1", None),
            (RESPONSE + b"Sec-WebSocket-Extensions: a; =\r\n", "RFC 6455 §9.1", None),
            (RESPONSE + DEFLATE + DEFLATE, "RFC 6455 §9.1", None),
            (RESPONSE + DEFLATE[:-2] + b"; x\r\n", "RFC 7692 §7.1", None),
        ],
    )
    def test_faults(self, data: bytes, section: str, code: int | None) -> None:
        fault = fault_of(data + b"\r\n")
        assert (fault.section, fault.code) == (section, code)

    def test_frames_behind_a_bad_head(self) -> None:
        """They are described, for somebody has sent them; nobody reads them."""
        data = RESPONSE.replace(b"Connection", b"X") + b"\r\n"
        findings = checked(data + frame(TEXT, b"x", to=CLIENT) + frame(PING, to=CLIENT))
        assert [(f.name, f.processed) for f in of(findings, Frame)] == [
            ("TEXT", False),
            ("PING", False),
        ]

    def test_incomplete(self) -> None:
        for data in (REQUEST, RESPONSE + DEFLATE):
            findings = checked(data)
            assert [type(f) for f in findings] == [Direction, Head, End]
            assert not of(findings, Head)[0].complete
            assert ending(findings) is Ending.HANDSHAKE


class TestResponse:
    def test_the_key_is_unknown(self) -> None:
        assert "cannot be checked" in notes(checked(RESPONSE + b"\r\n"))

    @pytest.mark.parametrize("key", [NONCE, f" {NONCE} "])
    def test_the_key_is_given(self, key: str) -> None:
        findings = checked(RESPONSE + b"\r\n", key=key)
        assert notes(findings) == ""
        assert events_in(findings) == [AcceptConnection()]

    @pytest.mark.parametrize("key", ["", "€", NONCE[::-1]])
    def test_the_key_is_another(self, key: str) -> None:
        assert str(fault_of(RESPONSE + b"\r\n", key=key).error) == "Bad accept token"

    def test_the_token_that_the_engine_waits_for_is_wrong_too(self) -> None:
        ours = generate_accept_token(b"AAAAAAAAAAAAAAAAAAAAAA==")
        data = RESPONSE.replace(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", ours) + b"\r\n"
        assert not of(checked(data), Fault)
        assert str(fault_of(data, key=NONCE).error) == "Bad accept token"

    def test_agreed_parameters_hold(self) -> None:
        """Each message is inflated by itself; the second one is a reference to the first."""
        answer = RESPONSE + DEFLATE[:-2] + b"; server_no_context_takeover\r\n\r\n"
        twice = frame(TEXT, HELLO, to=CLIENT, rsv=4) + frame(
            TEXT, b"\xf2\x00\x11\x00\x00", to=CLIENT, rsv=4
        )
        fault = fault_of(answer + twice)
        assert (fault.section, fault.code) == ("RFC 7692 §7.2.2", 1007)
        answer = RESPONSE + DEFLATE + b"\r\n"
        assert events_in(checked(answer + twice))[1:] == [TextMessage("Hello")] * 2

    def test_extensions_given_count_instead(self) -> None:
        hello = frame(TEXT, HELLO, to=CLIENT, rsv=4)
        findings = checked(RESPONSE + b"\r\n" + hello, extensions=[agreed_deflate()])
        assert events_in(findings)[1:] == [TextMessage("Hello")]
        findings = checked(RESPONSE + DEFLATE + b"\r\n" + hello, extensions=[])
        assert of(findings, Fault)[0].section == "RFC 6455 §5.2"

    def test_rsv1_without_agreement(self) -> None:
        findings = checked(RESPONSE + b"\r\n" + frame(TEXT, HELLO, to=CLIENT, rsv=4), key=NONCE)
        assert of(findings, Fault)
        assert "deflate" not in notes(findings)

    def test_unknown_extension(self) -> None:
        answer = RESPONSE + DEFLATE[:-2] + b", x-own; a=1\r\n\r\n"
        findings = checked(answer + frame(TEXT, HELLO, to=CLIENT, rsv=4))
        assert "extension x-own is unknown here" in notes(findings)
        assert events_in(findings)[1:] == [TextMessage("Hello")]
        accept = events_in(findings)[0]
        assert isinstance(accept, AcceptConnection)
        assert [e.name for e in accept.extensions] == ["permessage-deflate", "x-own"]

    def test_informational_responses(self) -> None:
        """RFC 9110 §15.2: any number, before the final one."""
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        findings = checked(hints * 2 + RESPONSE + b"\r\n" + frame(PING, to=CLIENT))
        assert len(of(findings, Head)) == 3
        assert events_in(findings) == [AcceptConnection(), Ping()]
        assert ending(checked(hints)) is Ending.HANDSHAKE


class TestRefusal:
    HEAD = b"HTTP/1.1 403 Forbidden\r\n"

    def body(self, data: bytes) -> tuple[bytes, Ending]:
        findings = checked(data)
        events = events_in(findings)
        assert isinstance(events[0], RejectConnection)
        assert all(isinstance(event, RejectData) for event in events[1:])
        return b"".join(e.data for e in events if isinstance(e, RejectData)), ending(findings)

    def test_content_length(self) -> None:
        data = self.HEAD + b"Content-Length: 3\r\n\r\n"
        assert self.body(data) == (b"", Ending.BODY)
        assert self.body(data + b"no") == (b"no", Ending.BODY)
        assert self.body(data + b"no!") == (b"no!", Ending.REFUSED)
        findings = checked(data + b"no!more")
        assert [(f.what, f.end - f.offset) for f in of(findings, Other)] == [
            ("the body of the refusal", 3),
            ("behind the refusal", 4),
        ]

    def test_chunked(self) -> None:
        data = self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n"
        assert self.body(data) == (b"no!", Ending.BODY)
        assert self.body(data + b"0\r\n\r\n") == (b"no!", Ending.REFUSED)

    def test_bad_chunk(self) -> None:
        data = self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n"
        findings = checked(data + b"x")
        findings = checked(data + b"x\r\nx")
        assert isinstance(findings[-3], Received)
        assert findings[-3].event == RejectData(b"no!", body_finished=False)
        assert isinstance(findings[-2], Fault)
        assert findings[-2].section == "RFC 9112"

    def test_until_the_transport_ends(self) -> None:
        assert self.body(self.HEAD + b"\r\n") == (b"", Ending.REFUSED)
        assert self.body(self.HEAD + b"\r\nno!") == (b"no!", Ending.REFUSED)

    def test_without_a_body(self) -> None:
        assert self.body(b"HTTP/1.1 204 No Content\r\n\r\n") == (b"", Ending.REFUSED)
        findings = checked(b"HTTP/1.1 204 No Content\r\n\r\nmore")
        assert of(findings, Other)[0].what == "behind the refusal"


class TestFrames:
    def test_all_fields(self) -> None:
        data = frame(TEXT, b"Hello", to=SERVER)
        assert of(checked(data), Frame) == [
            Frame(0, 11, 6, True, 0, 1, "TEXT", KEY, 5, b"Hello", text=True)
        ]

    @both_roles
    @pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
    def test_header_sizes(self, role: ConnectionType, size: int) -> None:
        data = frame(BINARY, bytes(size), to=role)
        (found,) = of(checked(data), Frame)
        assert found.header_size == len(data) - size
        assert (found.payload_length, found.payload, found.missing) == (size, bytes(size), 0)

    @both_roles
    @pytest.mark.parametrize("size", [1, 126, 65536])
    def test_read_frame_needs_a_whole_header(self, role: ConnectionType, size: int) -> None:
        data = frame(BINARY, bytes(size), to=role)
        whole = read_frame(data)
        assert whole is not None
        for at in range(whole.header_size):
            assert read_frame(data[:at]) is None
            findings = checked(data[:at], sender=OTHER_END[role])
            assert ending(findings) is (Ending.HEADER if at else Ending.EMPTY)
        assert read_frame(data[: whole.header_size]) is not None

    def test_reserved_opcode_has_its_number(self) -> None:
        assert of(checked(frame(0xB, b"", to=CLIENT)), Frame)[0].name == "opcode 0xb"

    def test_truncated_payload(self) -> None:
        findings = checked(frame(TEXT, b"Hello", to=SERVER)[:-2])
        assert (of(findings, Frame)[0].payload, of(findings, Frame)[0].missing) == (b"Hel", 2)
        assert ending(findings) is Ending.PAYLOAD
        assert events_in(findings) == []

    def test_truncated_message(self) -> None:
        findings = checked(frame(TEXT, b"Hel", to=SERVER, fin=False) + frame(PING, to=SERVER))
        assert ending(findings) is Ending.MESSAGE
        assert events_in(findings) == [Ping()]

    def test_what_is_text(self) -> None:
        data = frame(TEXT, b"a", to=CLIENT, fin=False) + frame(PING, b"p", to=CLIENT)
        data += frame(CONT, b"b", to=CLIENT) + frame(BINARY, b"c", to=CLIENT, fin=False)
        data += frame(CONT, b"d", to=CLIENT) + frame(TEXT, HELLO, to=CLIENT, rsv=4)
        found = of(checked(data, extensions=[agreed_deflate()]), Frame)
        assert [f.text for f in found] == [True, False, True, False, False, False]

    @pytest.mark.parametrize(
        ("data", "section", "code"),
        [
            (frame(0x3, to=CLIENT), "RFC 6455 §5.2", 1002),
            (frame(PING, to=CLIENT, fin=False), "RFC 6455 §5.5", 1002),
            (frame(PING, bytes(126), to=CLIENT), "RFC 6455 §5.5", 1002),
            (frame(TEXT, to=CLIENT, rsv=2), "RFC 6455 §5.2", 1002),
            (frame(PING, to=CLIENT, rsv=4), "RFC 7692 §6.1", 1002),
            (frame(TEXT, b"x", to=CLIENT, length_bytes=2), "RFC 6455 §5.2", 1002),
            (frame(TEXT, to=CLIENT, length=1 << 63), "RFC 6455 §5.2", 1002),
            (frame(CONT, to=CLIENT), "RFC 6455 §5.4", 1002),
            (frame(TEXT, to=CLIENT, fin=False) * 2, "RFC 6455 §5.4", 1002),
            (frame(TEXT, b"\xff", to=CLIENT), "RFC 6455 §8.1", 1007),
            (frame(CLOSE, b"x", to=CLIENT), "RFC 6455 §5.5.1", 1002),
            (frame(CLOSE, b"\x03\xed", to=CLIENT), "RFC 6455 §7.4", 1002),
            (frame(CLOSE, b"\x03\xe8\xff", to=CLIENT), "RFC 6455 §5.5.1", 1007),
            (frame(TEXT, b"\xff", to=CLIENT, rsv=4), "RFC 7692 §7.2.2", 1007),
            (frame(BINARY, bytes(20), to=CLIENT), "RFC 6455 §10.4", 1009),
            (frame(BINARY, bytes(6), to=CLIENT, fin=False)
             + frame(CONT, bytes(6), to=CLIENT), "RFC 6455 §10.4", 1009),
            (frame(BINARY, to=CLIENT, fin=False)
             + frame(CONT, to=CLIENT, fin=False) * 3, "RFC 6455 §10.4", 1009),
            (frame(TEXT, b"\x03\x00" * 5 * 33, to=CLIENT, rsv=4), "RFC 6455 §10.4", 1009),
        ],
    )  # fmt: skip
    def test_faults(self, data: bytes, section: str, code: int) -> None:
        size = 1000 if len(data) > 200 else 10
        limits = Limits(max_frame_size=size, max_message_size=size, max_fragments=3)
        before = frame(PONG, b"ok", to=CLIENT)
        fault = fault_of(before + data, limits=limits, extensions=[agreed_deflate()])
        assert (fault.section, fault.code) == (section, code)
        assert fault.offset >= len(before)
        assert isinstance(fault.error, LimitExceeded if code == 1009 else RemoteProtocolError)

    def test_unmasked(self) -> None:
        data = frame(PONG, to=SERVER) + frame(TEXT, b"x", to=SERVER, masked=False)
        assert fault_of(data).section == "RFC 6455 §5.1"

    def test_fault_of_an_extension_of_ones_own(self) -> None:
        """Which rule it is about is not known, but it is a fault."""

        class Broken(PerMessageDeflate):
            def codec(self, client: bool) -> Any:
                codec = super().codec(client)

                class Codec(type(codec)):  # type: ignore[misc]
                    def read(self, limit: int) -> bytes:
                        raise RemoteProtocolError("no", CloseConnection(1003))

                return Codec(client, self.agreed, self._policy)

        extension = Broken()
        extension.finalize("permessage-deflate")
        fault = fault_of(frame(TEXT, HELLO, to=CLIENT, rsv=4), extensions=[extension])
        assert (fault.section, fault.code) == (None, 1003)

    def test_fault_within_a_header(self) -> None:
        findings = checked(frame(PONG, to=SERVER) + b"\x83\x80")
        assert of(findings, Other)[0].what == "the beginning of a frame's header"
        assert of(findings, Fault)[0].section == "RFC 6455 §5.2"
        assert ending(findings) is Ending.FAULT

    def test_two_codecs(self) -> None:
        with pytest.raises(LocalProtocolError):
            list(inspect(b"\x81\x00", extensions=[agreed_deflate()] * 2))

    def test_any_bytes_like(self) -> None:
        data: Any = bytearray(frame(TEXT, b"x", to=CLIENT))
        view: Any = memoryview(data)
        assert list(inspect(data)) == list(inspect(view)) == checked(bytes(data))


class TestBehindTheEnd:
    @pytest.mark.parametrize(
        ("last", "what"),
        [(frame(CLOSE, to=CLIENT), "the Close frame"), (frame(0x3, to=CLIENT), "the fault")],
    )
    def test_described(self, last: bytes, what: str) -> None:
        behind = frame(TEXT, b"x", to=CLIENT) + frame(PONG, b"y", to=CLIENT)
        findings = checked(last + behind)
        assert notes(findings) == f"a receiver discards what follows {what}"
        assert [f.processed for f in of(findings, Frame)] == [True, False, False]
        assert not of(findings, Other)

    @pytest.mark.parametrize(
        "junk",
        [
            b"\x81",
            b"\x81\x7e\x00",
            frame(0x3, to=CLIENT),
            frame(0xB, to=CLIENT),
            frame(PING, to=CLIENT, fin=False),
            frame(PING, bytes(126), to=CLIENT),
        ],
    )
    def test_as_long_as_it_looks_like_frames(self, junk: bytes) -> None:
        data = frame(CLOSE, to=CLIENT) + frame(TEXT, b"x", to=CLIENT)
        findings = checked(data + junk)
        assert len(of(findings, Frame)) == 2
        assert of(findings, Other) == [Other(len(data), len(data + junk), "behind the Close frame")]

    def test_bounded(self) -> None:
        findings = checked(frame(CLOSE, to=CLIENT) + frame(PING, to=CLIENT) * 1000)
        assert len(of(findings, Frame)) == 17
        assert len(of(findings, Other)) == 1


class TestAssumedDeflate:
    def test_offered(self) -> None:
        data = REQUEST + DEFLATE + b"\r\n" + frame(TEXT, HELLO, to=SERVER, rsv=4) * 2
        findings = checked(data)
        assert events_in(findings)[1:] == [TextMessage("Hello")] * 2
        assert notes(findings).count("is taken for permessage-deflate") == 1

    def test_offered_and_not_used(self) -> None:
        findings = checked(REQUEST + DEFLATE + b"\r\n" + frame(TEXT, b"x", to=SERVER))
        assert notes(findings) == ""

    def test_an_offer_does_not_bind(self) -> None:
        """RFC 7692 §7.1.1.2: an offer of client_no_context_takeover is a hint only."""
        offer = DEFLATE[:-2] + b"; client_no_context_takeover; client_max_window_bits=8\r\n\r\n"
        client = Connection(CLIENT, [agreed_deflate()])
        texts = [TextMessage("x" * 3000), TextMessage("x" * 3000)]
        data = b"".join(map(client.send, texts))
        assert events_in(checked(REQUEST + offer + data))[1:] == texts

    def test_not_offered(self) -> None:
        findings = checked(REQUEST + b"\r\n" + frame(TEXT, HELLO, to=SERVER, rsv=4))
        assert of(findings, Fault)[0].section == "RFC 6455 §5.2"
        assert notes(findings) == ""

    def test_given_for_a_request(self) -> None:
        data = REQUEST + b"\r\n" + frame(TEXT, HELLO, to=SERVER, rsv=4)
        findings = checked(data, extensions=[agreed_deflate()])
        assert events_in(findings)[1:] == [TextMessage("Hello")]

    @both_roles
    def test_without_handshake(self, role: ConnectionType) -> None:
        data = frame(TEXT, HELLO, to=role, rsv=4)
        findings = checked(data)
        assert of(findings, Fault)
        assert "--deflate" in notes(findings)
        findings = checked(data, extensions=[agreed_deflate()])
        assert events_in(findings) == [TextMessage("Hello")]
        assert notes(findings) == ""

    @pytest.mark.parametrize("rsv", [1, 2])
    def test_other_bits(self, rsv: int) -> None:
        assert notes(checked(frame(TEXT, to=CLIENT, rsv=rsv))) == ""

    def test_control_frames(self) -> None:
        assert notes(checked(frame(PING, to=CLIENT, rsv=4))) == ""

    @pytest.mark.parametrize(
        "parameters",
        [
            "server_no_context_takeover; client_max_window_bits=9",
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=9",
            " ; server_no_context_takeover ;client_max_window_bits=9; ",
        ],
    )
    def test_parameters(self, parameters: str) -> None:
        agreed = agreed_deflate(parameters).agreed
        assert agreed is not None
        assert agreed.server_no_context_takeover
        assert agreed.client_max_window_bits == 9

    @pytest.mark.parametrize("parameters", ["x", "client_max_window_bits", "server_x=1", "=", "é"])
    def test_bad_parameters(self, parameters: str) -> None:
        with pytest.raises(RemoteProtocolError):
            agreed_deflate(parameters)


heads = st.sampled_from(
    [
        b"",
        b"GET ",
        REQUEST,
        REQUEST + b"\r\n",
        REQUEST + DEFLATE + b"\r\n",
        REQUEST.replace(b"Host", b"Most") + b"\r\n",
        RESPONSE + b"\r\n",
        RESPONSE + DEFLATE + b"\r\n",
        b"HTTP/1.1 101 \r\n",
        b"HTTP/1.1 100 \r\n\r\n",
        b"HTTP/1.1 500 x\r\n\r\n",
        b"HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 500 x\r\nContent-Length: 2\r\n\r\n",
    ]
)
some_frames = st.lists(
    st.builds(
        frame,
        st.integers(0, 15),
        st.binary(max_size=8) | st.just(HELLO),
        to=st.sampled_from([CLIENT, SERVER]),
        fin=st.booleans(),
        rsv=st.sampled_from([0, 0, 4, 1]),
    ),
    max_size=5,
).map(b"".join)
field_lines = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Upgrade",
                "Sec-WebSocket-Accept",
                "Sec-WebSocket-Key",
                "Content-Length",
                "Transfer-Encoding",
                "Sec-WebSocket-Protocol",
                "Sec-WebSocket-Extensions",
                "X",
                "",
            ]
        ),
        st.text(st.characters(max_codepoint=255)) | st.sampled_from(["permessage-deflate", "a;b"]),
    ).map(": ".join),
).map(lambda lines: "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n")


class TestWhatever:
    @given(
        st.tuples(heads, field_lines | st.just(b""), some_frames, st.binary(max_size=40)),
        st.sampled_from([None, CLIENT, SERVER]),
        st.sampled_from([None, [], [agreed_deflate()]]),
        st.sampled_from([None, NONCE, "\ud800"]),
    )
    def test_never_raises_and_leaves_nothing_out(
        self, data: tuple[bytes, ...], sender: Any, extensions: Any, key: str | None
    ) -> None:
        findings = checked(b"".join(data), sender=sender, extensions=extensions, key=key)
        for finding in findings:
            json.dumps(plain(finding))

    @given(st.binary(max_size=200))
    @example(b"HTTP/1.1 101 \r\nSec-WebSocket-Extensions: ,\x80;\r\n\r\n")
    def test_any_bytes(self, data: bytes) -> None:
        checked(data)
        checked(b"HTTP/1.1 " + data)
        checked(b"GET " + data)

    @settings(max_examples=200)
    @pytest.mark.parametrize("deflate", [False, True])
    @given(data=st.data())
    def test_events_are_those_of_the_other_end(self, deflate: bool, data: st.DataObject) -> None:
        scenario = data.draw(scenarios(deflate=deflate))
        agreement = scenario.settings().deflate
        extensions = [] if agreement is None else [ENGINE.agreed(scenario.role, agreement)]
        limits = Limits(
            max_message_size=scenario.limits.max_message_size,
            max_frame_size=scenario.limits.max_frame_size,
            max_fragments=scenario.limits.max_fragments,
        )
        to = CONNECTION_TYPES[scenario.role]
        engine = Connection(to, extensions, limits=limits, whole_messages=True)
        engine.receive_data(scenario.data)
        expected = list(engine.events())
        sender = CONNECTION_TYPES[other(scenario.role)]
        if re.match(rb"GET |HTTP/|G$|H$", scenario.data):
            return  # of garbage: no connection, but a handshake
        findings = checked(scenario.data, sender=sender, extensions=extensions, limits=limits)
        assert [reported(f) for f in findings if isinstance(f, (Received, Fault))] == expected
        assert self.state_at_end(findings) == (bool(expected) and type(expected[-1]).__name__)

    @staticmethod
    def state_at_end(findings: list[Finding]) -> str | bool:
        events = [reported(f) for f in findings if isinstance(f, (Received, Fault))]
        closed = ending(findings) in (Ending.CLOSED, Ending.FAULT)
        assert closed == (bool(events) and isinstance(events[-1], CloseConnection))
        return bool(events) and type(events[-1]).__name__

    @given(some_frames)
    def test_unmasked_payloads(self, data: bytes) -> None:
        for found in of(checked(data), Frame):
            raw = data[found.offset + found.header_size : found.end]
            assert found.payload == (
                raw if found.masking_key is None else mask(raw, found.masking_key)
            )
            assert len(raw) + found.missing == found.payload_length


def reported(finding: Finding) -> Event:
    """What the engine reports as the finding says."""
    if isinstance(finding, Received):
        return finding.event
    assert isinstance(finding, Fault)
    hint = finding.error.event_hint
    assert isinstance(hint, CloseConnection)
    return CloseConnection(hint.code, hint.reason)


class TestCost:
    @pytest.mark.parametrize(
        "make",
        [
            lambda n: frame(TEXT, b"x", to=CLIENT) * n,
            lambda n: (
                frame(TEXT, to=SERVER, fin=False) + frame(CONT, b"x", to=SERVER, fin=False) * n
            ),
            lambda n: frame(CLOSE, to=CLIENT) * n,
            lambda n: frame(TEXT, HELLO, to=SERVER, rsv=4) * n,
            lambda n: b"HTTP/1.1 100 \r\n\r\n" * n,
            lambda n: b"GET " + b"a: b\r\n" * n,
            lambda n: RESPONSE + b"Sec-WebSocket-Extensions: a, b\r\n" * n,
            lambda n: RESPONSE + b"sec-websocket-accept: \r\n" * n,
            lambda n: b"HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * n,
        ],
    )  # fmt: skip
    def test_linear(self, make: Callable[[int], bytes]) -> None:
        def work(n: int) -> int:
            data = make(n)
            return lines_run(lambda: list(inspect(data, extensions=[agreed_deflate()])))

        work(200)  # what is done once for a process
        one, two, four = work(100), work(200), work(400)
        assert four - two <= 2.2 * (two - one) + 500
