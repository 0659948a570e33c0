"""What the program shows, of captures and of recordings, and the forms its input may have."""

from __future__ import annotations

import io
import json
import re
import runpy
import subprocess
import sys
from collections import Counter
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproto_core import ConnectionType, Limits, RemoteProtocolError
from wsproto_core.__main__ import InputError, main, read_hex
from wsproto_core.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.frame_protocol import CloseReason
from wsproto_core.inspection import Ending, Fault, Finding, inspect
from wsproto_core.prepared import PreparedMessage
from wsproto_core.recording import RecordedSession
from wsproto_core.recording_format import MAGIC, decode_header, encode_header, encode_record
from wsproto_core.reports import CaptureReport, describe, plain, preview, visible
from wsproto_core.session import EndCause, Session, SessionConfig, SessionEnded, Side
from wsproto_core.utilities import generate_accept_token

from .test_inspection import DEFLATE, HELLO, NONCE, REQUEST, RESPONSE, some_frames
from .test_recording import Plan, Stage, conversation, deflate, recorded, recording_of, records
from .wire import BINARY, CLIENT, CLOSE, CONT, KEY, PING, PONG, SERVER, TEXT, both_roles, frame


def run(
    *argv: str, stdin: bytes = b"", stdout: io.TextIOBase | None = None
) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = main(list(argv), io.BytesIO(stdin), stdout or out, err)  # type: ignore[arg-type]
    return status, out.getvalue(), err.getvalue()


def test_a_conversation_as_text() -> None:
    """The whole of it, as it is shown."""
    data = RESPONSE + b"Sec-WebSocket-Protocol: chat\r\n" + DEFLATE + b"\r\n"
    data += frame(TEXT, HELLO, to=CLIENT, rsv=4) + frame(TEXT, b"plain", to=CLIENT)
    data += frame(BINARY, b"\x00\x01", to=CLIENT, fin=False) + frame(PING, to=CLIENT)
    data += frame(CONT, b"\x02", to=CLIENT) + frame(CLOSE, b"\x03\xe8bye", to=CLIENT)
    status, out, err = run(stdin=data + frame(PONG, b"late", to=CLIENT))
    assert (status, err) == (0, "")
    assert (
        out
        == """\
Sent by the server (it begins with a response).

  offset   bytes  what          FIN RSV  mask       length  payload
       0     205  HTTP/1.1 101 Switching Protocols
                  Upgrade: websocket
                  Connection: Upgrade
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
                  Sec-WebSocket-Protocol: chat
                  Sec-WebSocket-Extensions: permessage-deflate
                  * Sec-WebSocket-Accept cannot be checked without the request's key (--key)
                  = AcceptConnection, agreeing on chat, permessage-deflate
     205       9  TEXT          FIN 1--  -               7  f2 48 cd c9 c9 07 00
                  = TextMessage of 5 characters: 'Hello'
     214       7  TEXT          FIN ---  -               5  'plain'
     221       4  BINARY            ---  -               2  00 01
     225       2  PING          FIN ---  -               0
     227       3  CONTINUATION  FIN ---  -               1  02
                  = BytesMessage of 3 bytes: 00 01 02
     230       7  CLOSE         FIN ---  -               5  03 e8 62 79 65
                  = CloseConnection 1000 NORMAL_CLOSURE 'bye'
                  * a receiver discards what follows the Close frame
     237       6  (PONG)        FIN ---  -               4  'late'

The capture ends with a Close frame: 243 bytes, 6 frames, 3 messages, 0 faults.
"""
    )


def test_a_fault_as_text() -> None:
    status, out, err = run(stdin=frame(TEXT, b"Hel", to=SERVER, fin=False) + b"\x83\x80")
    assert (status, err) == (1, "")
    assert "! reserved opcode 0x3 (RFC 6455 §5.2): answered with 1002\n" in out
    assert "       9       2  (the beginning of a frame's header)  83 80\n" in out
    assert out.endswith("ends with a fault: 11 bytes, 1 frame, 0 messages, 1 fault.\n")


def test_a_fault_of_a_response_has_no_answer() -> None:
    _, out, _ = run("--key", "x", stdin=RESPONSE + b"\r\n")
    assert "! Bad accept token (RFC 6455 §4.1)\n" in out


def test_findings_of_ones_own() -> None:
    """A fault of an extension need not break a rule that is known here."""
    fault = Fault(0, 0, RemoteProtocolError("no\x1b"), None, None)
    assert list(CaptureReport(b"", 0).lines(fault, Counter())) == [" " * 18 + "! no\\x1b"]
    assert list(CaptureReport(b"", 0).lines(Finding(0, 0), Counter())) == []


def test_a_refusal_as_text() -> None:
    head = b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n"
    status, out, _ = run(stdin=head + b"2\r\nno\r\n0\r\n\r\n")
    assert status == 0
    assert "= RejectConnection 403\n" in out
    assert "(the body of the refusal)  32 0d 0a 6e 6f" in out
    assert "= RejectData of 2 bytes: 'no'\n" in out
    assert "The capture ends with a refusal: " in out
    _, out, _ = run(stdin=b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
    assert "(the body of the refusal)  'no'\n" in out
    assert "RejectData" not in out


def test_a_request_as_text() -> None:
    _, out, _ = run(stdin=REQUEST + b"\r\n")
    assert "= Request for /chat on example.com, offering nothing\n" in out
    _, out, _ = run(stdin=RESPONSE + b"\r\n")
    assert "= AcceptConnection, agreeing on nothing\n" in out


def test_a_close_code_without_a_name_and_a_truncated_frame() -> None:
    _, out, _ = run(stdin=frame(CLOSE, b"\x0f\xa0", to=CLIENT))
    assert "= CloseConnection 4000 ''\n" in out
    status, out, _ = run(stdin=frame(TEXT, b"Hello", to=CLIENT)[:-3])
    assert status == 0
    assert "5  'He' (3 bytes are missing)\n" in out
    assert "The capture ends within the payload of a frame: " in out


def test_text_that_is_not_utf_8() -> None:
    """What is cut within a character is text all the same."""
    for data, shown in (
        (frame(TEXT, b"a\xff", to=CLIENT), "61 ff"),
        (frame(TEXT, b"a\xc3", to=CLIENT, fin=False), "'a\ufffd'"),
        (frame(TEXT, "aé".encode(), to=CLIENT)[:-1], "'a\ufffd' (1 byte is missing)"),
    ):
        assert f"  {shown}\n" in run(stdin=data)[1]


def test_json() -> None:
    data = REQUEST + DEFLATE + b"\r\n" + frame(TEXT, HELLO, to=SERVER, rsv=4)
    data += frame(BINARY, b"\x1b", to=SERVER) + frame(CLOSE, b"\x03\xe8", to=SERVER)
    data += frame(TEXT, b"x", to=SERVER)
    status, out, _ = run("--json", stdin=data)
    assert status == 0
    shown = [json.loads(line) for line in out.splitlines()]
    assert [each["type"] for each in shown] == [type(f).__name__ for f in inspect(data)]
    assert shown[0]["sender"] == "client"
    assert ["Host", "example.com"] in shown[1]["fields"]
    assert shown[2]["event"]["target"] == "/chat"
    assert shown[3]["payload"] == HELLO.hex()
    assert shown[3]["masking_key"] == KEY.hex()
    assert shown[5]["event"] == {
        "type": "TextMessage", "data": "Hello", "frame_finished": True, "message_finished": True,
    }  # fmt: skip
    assert shown[7]["event"]["data"] == "1b"
    assert shown[9]["event"] == {
        "type": "CloseConnection",
        "code": 1000,
        "reason": "",
        "error": None,
    }
    assert shown[-1]["ending"] == "closed"
    status, out, _ = run("--json", stdin=RESPONSE + DEFLATE + b"\r\n" + b"\x83\x00")
    assert status == 1
    shown = [json.loads(line) for line in out.splitlines()]
    assert shown[3]["event"]["extensions"] == ["permessage-deflate"]
    assert shown[5]["error"] == "reserved opcode 0x3"
    assert shown[5]["code"] == 1002


def test_terminal_escapes_are_neutralised() -> None:
    evil = "\x1b]0;x\x07\x9b31m\u202e\u2028\r\n\x7f\\ é"
    text = evil.encode()
    data = RESPONSE + b"X: \x9b31m\x1b[0m\xe9\r\n\r\n" + frame(TEXT, text, to=CLIENT)
    data += frame(TEXT, text[:30], to=CLIENT, fin=False) + frame(CONT, to=CLIENT, fin=False)
    data += frame(PING, b"\x1b[31m", to=CLIENT) + frame(CONT, text, to=CLIENT)
    data += frame(BINARY, text, to=CLIENT) + frame(CLOSE, b"\x03\xe8" + text, to=CLIENT)
    refusal = b"HTTP/1.1 403 \x1b\x9b\r\n\r\n\x1b[31m"
    target = REQUEST.replace(b"/chat", b"/\x1b[31m") + b"\r\n"
    offer = REQUEST + b"Sec-WebSocket-Protocol: \x9b\r\n\r\n"
    for options in ([], ["--max-payload", "0"], ["--json"]):
        for each in (data, refusal, target, offer, REQUEST + b"\x1b"):
            _, out, err = run(*options, stdin=each)
            assert out
            assert all(line.isprintable() for line in out.split("\n")), options
            assert err == ""
    status, _, err = run("/no/\x1b[31m\u202e")
    assert status == 2
    assert err[:-1].isprintable()


@pytest.mark.parametrize(
    ("data", "most", "shown"),
    [
        ("Hello", 0, "'Hello'"),
        ("Hello", 5, "'Hello'"),
        ("Hello", 3, "'Hel' ..."),
        ("it's", 0, '"it\'s"'),
        (b"Hello", 3, "'Hel' ..."),
        (bytearray(b"Hello"), 0, "'Hello'"),
        (memoryview(b"\x00\x01\x02"), 0, "00 01 02"),
        (b"\x00\x01\x02", 9, "00 01 02"),
        (b"\x00\x01\x02", 6, "00 01 ..."),
        (b"\x00\x01\x02", 1, "00 ..."),
        ("", 0, "''"),
    ],
)
def test_preview(data: Any, most: int, shown: str) -> None:
    assert preview(data, most) == shown


def test_max_payload() -> None:
    data = frame(TEXT, b"x" * 100, to=CLIENT)
    assert f"'{'x' * 64}' ...\n" in run(stdin=data)[1]
    assert f"'{'x' * 100}'\n" in run("--max-payload", "0", stdin=data)[1]
    assert "'x' ...\n" in run("--max-payload=1", stdin=data)[1]


def test_visible() -> None:
    assert visible("a\x1b\\é\u202e") == r"a\x1b\\é\u202e"


# Recordings


def dump(recording: bytes | Plan, *options: str) -> tuple[int, str]:
    """The exit status and the output, which can be shown on any terminal."""
    if isinstance(recording, Plan):
        recording = recording_of(recording)
    status, out, err = run(*options, stdin=recording)
    assert all(line.isprintable() for line in out.split("\n"))
    assert err == ""
    return status, out


def calls_of(out: str) -> list[str]:
    """What is shown of the calls, without offsets."""
    lines = out.split("\n\n")[1].splitlines()
    assert lines[0] == "  offset        time  call"
    return [line[8:] for line in lines[1:]]


def from_zero(out: str, recording: bytes) -> str:
    """The output with offsets from the header's end, whose size is no matter."""
    _, begin = decode_header(recording)
    head, calls, rest = out.split("\n\n", 2)
    lines = [
        f"{int(line[:8]) - begin:8}{line[8:]}" if line[:8].strip().isdecimal() else line
        for line in calls.splitlines()
    ]
    return "\n\n".join([head, "\n".join(lines), rest])


def findings_of(out: str) -> list[dict[str, Any]]:
    """The objects of JSON, in which nothing is that JSON has not."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return [json.loads(line, parse_constant=refuse) for line in out.splitlines()]


def kinds_of(out: str) -> list[str]:
    return [each["type"] for each in findings_of(out)]


def test_a_recording_of_a_server_as_text() -> None:
    """The whole of it, as it is shown."""
    recording = recording_of(conversation(SERVER))
    status, out = dump(recording)
    assert status == 0
    assert (
        from_zero(out, recording)
        == """\
Recording of a server's session.

  offset        time  call
       0     100.000  receive_data: 224 bytes, from byte 0 received
     235              events: Request for /chat on example.com, offering permessage-deflate; client_max_window_bits
     243     100.000  send: AcceptConnection, agreeing on nothing
     315              data_to_send: 129 bytes, from byte 0 sent
     327     100.000  send: TextMessage of 5 characters: 'hello'
     345     100.000  send: Message of 4 bytes of a fragment: 'frag'
     362     100.000  send: BytesMessage of 4 bytes: 'ment'
     378     100.000  send: PreparedMessage of 8 characters: 'prepared'
     398              data_to_send: 5 bytes, from byte 129 sent
     407              buffers_to_send: 24 bytes, from byte 134 sent
     414     100.000  receive_data: 25 bytes, from byte 224 received
     449              events: TextMessage of 12 characters: 'hello, hello'
     457     100.000  send: Ping(payload='text')
                      ! LocalProtocolError: the payload of a PING must be bytes, not str
     494     120.000  handle_timer
     503              data_to_send: 9 bytes, from byte 158 sent
     515     120.000  receive_data: 10 bytes, from byte 249 received
     536     120.000  close: 1000 'bye'
     559              data_to_send: 7 bytes, from byte 167 sent
     571     120.000  receive_data: 11 bytes, from byte 259 received
     592              events: SessionEnded 1000 'bye': closed by the local end, code sent 1000, received 1000
     600     120.000  receive_data: the end of the transport

What was received:

Sent by the client (as was said).

  offset   bytes  what          FIN RSV  mask       length  payload
       0     224  GET /chat HTTP/1.1
                  Host: example.com
                  Upgrade: websocket
                  Connection: Upgrade
                  Sec-WebSocket-Key: c6m+9Jm79Nx70qTyyK9b2Q==
                  Sec-WebSocket-Version: 13
                  Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
                  = Request for /chat on example.com, offering permessage-deflate; client_max_window_bits
     224      18  TEXT          FIN ---  12cd8aef       12  'hello, hello'
     242       7  PING          FIN ---  c12f4f8b        1  'p'
     249      10  PONG          FIN ---  eb573f5f        4  00 00 00 01
     259      11  CLOSE         FIN ---  fa940bf3        5  03 e8 62 79 65
                  = CloseConnection 1000 NORMAL_CLOSURE 'bye'

The stream ends with a Close frame: 270 bytes, 4 frames, 1 message, 0 faults.

What was sent:

Sent by the server (as was said).

  offset   bytes  what          FIN RSV  mask       length  payload
       0     129  HTTP/1.1 101 Switching Protocols
                  Upgrade: websocket
                  Connection: Upgrade
                  Sec-WebSocket-Accept: kMxN90eGuodPdkoRsJGWYNp1wJc=
                  = AcceptConnection, agreeing on nothing
     129       7  TEXT          FIN ---  -               5  'hello'
     136       6  BINARY            ---  -               4  'frag'
     142       6  CONTINUATION  FIN ---  -               4  'ment'
                  = BytesMessage of 8 bytes: 'fragment'
     148      10  TEXT          FIN ---  -               8  'prepared'
     158       3  PONG          FIN ---  -               1  'p'
     161       6  PING          FIN ---  -               4  00 00 00 01
     167       7  CLOSE         FIN ---  -               5  03 e8 62 79 65
                  = CloseConnection 1000 NORMAL_CLOSURE 'bye'

The stream ends with a Close frame: 174 bytes, 7 frames, 3 messages, 0 faults.
"""  # noqa: E501 (as it is shown)
    )


def test_a_recording_of_a_client_as_text() -> None:
    """Over a connection that was open; the server is at fault."""
    steps: list[tuple[Any, ...]] = [
        ("send", TextMessage("hello")),
        ("write",),
        ("receive", frame(TEXT, b"ok", to=CLIENT) + frame(3, to=CLIENT)),
        ("take",),
        ("wait", 0.5),
        ("send", TextMessage("late")),
        ("write",),
        ("abort",),
    ]
    recording = recording_of(Plan(CLIENT, opening="over", steps=steps))
    status, out = dump(recording)
    assert status == 1
    assert (
        from_zero(out, recording)
        == """\
Recording of a client's session.

  offset        time  call
       0     100.000  send: TextMessage of 5 characters: 'hello'
     148              data_to_send: 11 bytes, from byte 0 sent
     160     100.000  receive_data: 6 bytes, from byte 0 received
     176              events: TextMessage of 2 characters: 'ok'
     183              events: SessionEnded 1006 '': failed by the local end, code sent 1002, received None, because of reserved opcode 0x3
     191     100.500  send: TextMessage of 4 characters: 'late'
                      ! LocalProtocolError: cannot send Message in state CLOSED
     213              data_to_send: 27 bytes, from byte 11 sent
     225     100.500  abort

What was received:

Sent by the server (as was said).

  offset   bytes  what          FIN RSV  mask       length  payload
       0       4  TEXT          FIN ---  -               2  'ok'
       4       2  opcode 0x3    FIN ---  -               0
                  ! reserved opcode 0x3 (RFC 6455 §5.2): answered with 1002

The stream ends with a fault: 6 bytes, 2 frames, 1 message, 1 fault.

What was sent:

Sent by the client (as was said).

  offset   bytes  what          FIN RSV  mask       length  payload
       0      11  TEXT          FIN ---  357e44cd        5  'hello'
      11      27  CLOSE         FIN ---  fed8b6b8       21  03 ea 72 65 73 65 72 76 65 64 20 6f 70 63 6f 64 65 20 30 78 33
                  = CloseConnection 1002 PROTOCOL_ERROR 'reserved opcode 0x3'

The stream ends with a Close frame: 38 bytes, 2 frames, 1 message, 0 faults.
"""  # noqa: E501 (as it is shown)
    )


class TestRecordings:
    @both_roles
    @pytest.mark.parametrize("opening", ["bytes", "over"])
    @pytest.mark.parametrize("options", [None, {}, {"threshold": 50}])
    def test_conversations(
        self, role: ConnectionType, opening: str, options: dict[str, int] | None
    ) -> None:
        """Both directions are explained, whatever was agreed on."""
        plan = conversation(role, opening=opening, deflate=options)
        status, out = dump(plan)
        assert status == 0
        assert out.count("\nThe stream ends with a Close frame: ") == 2
        assert out.count(", 0 faults.\n") == 2
        assert "cannot be checked" not in out
        if options != {"threshold": 50}:
            assert (" 1-- " in out) == (options is not None)
        assert out.count("= BytesMessage of 8 bytes: 'fragment'\n") == 1
        status, out = dump(plan, "--json")
        assert status == 0
        found = findings_of(out)
        streams = [each["what"] for each in found if each["type"] == "Stream"]
        assert streams == ["received", "sent"]
        assert [each["ending"] for each in found if each["type"] == "End"] == ["closed"] * 2

    def test_nothing(self) -> None:
        status, out = dump(Plan(SERVER, opening=""))
        assert (status, out) == (
            0,
            "Recording of a server's session.\n\n  offset        time  call\n",
        )
        assert dump(Plan(SERVER, opening=""), "--json") == (0, "")

    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "bug.wsrec"
        with path.open("wb") as file:
            stage = recorded(conversation(SERVER))
            file.write(stage.recording)
        assert run(str(path)) == (0, dump(bytes(stage.recording))[1], "")

    def test_a_request_that_was_parsed(self) -> None:
        for target in (b"/chat\xff", "/chat\xff"):
            plan = Plan(SERVER, opening="", steps=[("request", [], target), ("write",)])
            status, out = dump(plan)
            assert status == 0
            assert calls_of(out)[0].endswith("  receive_request: /chat\xff")
        plan = conversation(SERVER, opening="request", deflate={})
        status, out = dump(plan)
        assert status == 0
        assert " 1-- " in out.split("What was received:")[1].split("What was sent:")[0]

    def test_a_refusal(self) -> None:
        headers = [(b"Content-Length", b"2")]
        steps: list[tuple[Any, ...]] = [
            ("receive", REQUEST + b"\r\n"),
            ("take",),
            ("send", RejectConnection(403, headers, has_body=True)),
            ("send", RejectData(b"no")),
            ("write",),
        ]
        status, out = dump(Plan(SERVER, opening="", steps=steps))
        assert status == 0
        shown = [line.split("  ")[-1] for line in calls_of(out)]
        assert "send: RejectConnection 403" in shown
        assert "send: RejectData of 2 bytes: 'no'" in shown
        assert "The stream ends with a refusal: " in out

    def test_hints_before_the_answer(self) -> None:
        """The one that agrees is the last (RFC 9110 §15.2)."""
        client = Stage(Plan(CLIENT, opening="", deflate={}), recorded=True)
        client.send(Request("example.com", "/", [deflate()]))
        client.write()
        client.say(AcceptConnection(extensions=[deflate()]))
        client.from_peer = b"HTTP/1.1 103 Early Hints\r\n\r\n" + client.from_peer
        client.deliver()
        client.take()
        client.send(TextMessage("hello, hello, hello"))
        client.write()
        status, out = dump(bytes(client.recording))
        assert status == 0
        assert "= TextMessage of 19 characters: 'hello, hello, hello'\n" in out

    def test_an_answer_that_names_what_is_unknown(self) -> None:
        client = Stage(Plan(CLIENT, opening=""), recorded=True)
        client.send(Request("example.com", "/"))
        client.write()
        key = client.output.split(b"Key: ")[1].split(b"\r\n")[0]
        token = generate_accept_token(key)
        client.receive(
            RESPONSE.replace(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", token)
            + b"Sec-WebSocket-Extensions: x-own\r\n\r\n"
        )
        client.take()
        _, out = dump(bytes(client.recording))
        assert "extension x-own is unknown here" in out
        assert "failed by the local end" in out

    def test_limits_are_those_of_the_session(self) -> None:
        """For what it received; those of its peer are not known."""
        config = SessionConfig(limits=Limits(max_message_size=3))
        steps = [
            ("send", TextMessage("longer")),
            ("write",),
            ("receive", b"\x81\x04long"),
            ("take",),
        ]
        status, out = dump(Plan(CLIENT, config, "over", steps=steps))
        assert status == 1
        assert out.count("! message of more than 3 bytes (RFC 6455 §10.4): answered with 1009") == 1
        assert "'longer'" in out.split("What was sent:")[1]

    def test_what_was_not_taken_was_not_received(self) -> None:
        data = frame(TEXT, b"x", to=SERVER)
        steps = [("receive", data), ("at", 99.0), ("receive", data), ("take",)]
        status, out = dump(Plan(SERVER, opening="over", steps=steps))
        assert status == 0
        assert f"\nThe stream ends {Ending.OPEN.value}: {2 * len(data)} bytes, 2 frames" in out

    def test_empty_results_are_not_shown(self) -> None:
        steps: list[tuple[Any, ...]] = [("take",), ("write",), ("write_buffers",), ("timer", False)]
        plan = Plan(SERVER, opening="over", steps=[*steps, ("receive", None), ("receive", b"")])
        assert [line.split("  ")[-1] for line in calls_of(dump(plan)[1])] == [
            "handle_timer",
            "receive_data: the end of the transport",
            "receive_data: the end of the transport",
        ]

    def test_misuse(self) -> None:
        """It is shown with its call, and is no fault of the session."""
        evil = "\x1b[31m\u202e"
        odd: list[Any] = [
            TextMessage(5),  # type: ignore[arg-type]
            Ping("text"),  # type: ignore[arg-type]
            RejectData("text"),  # type: ignore[arg-type]
            RejectConnection(evil),  # type: ignore[arg-type]
            CloseConnection(evil, evil),  # type: ignore[arg-type]
            CloseConnection(None),  # type: ignore[arg-type]
            Request(evil, evil, [], [], [evil]),
            Request("", "", [], [], evil),  # type: ignore[arg-type]
            AcceptConnection(evil, [evil]),  # type: ignore[list-item]
            AcceptConnection(5, None),  # type: ignore[arg-type]
        ]
        steps: list[tuple[Any, ...]] = [("send", event) for event in odd]
        steps += [("close", evil, evil), ("close", None, [nan]), ("write", -1), ("at", nan)]
        for opening in ("over", ""):
            plan = Plan(SERVER, opening=opening, steps=steps)
            status, out = dump(plan)
            assert status == 0
            problems = [line for line in calls_of(out) if line[12:].strip().startswith("! ")]
            assert len(problems) >= len(odd) + 1
            assert all("! LocalProtocolError: " in line for line in problems)
            assert "nan  send: Ping ''" in out
            status, out = dump(plan, "--json")
            assert status == 0
            errors = [each["error"] for each in findings_of(out) if each["error"]]
            assert len(errors) == len(problems)
            assert all(error.startswith("LocalProtocolError: ") for error in errors)

    def test_what_was_shown_before_it_cannot_be_read(self) -> None:
        recording = recording_of(Plan(SERVER, opening="", steps=[("timer", False)]))
        for options in ([], ["--json"]):
            status, out, err = run(*options, stdin=recording + encode_record("O", b'"\x1b"'))
            assert status == 2
            assert "handle_timer" in out
            assert re.fullmatch(r"wsproto_core: not JSON: .*\n", err)
            assert err[:-1].isprintable()

    def test_no_recording(self) -> None:
        status, out, err = run(stdin=MAGIC + b'{"client": "\x1b"}\n')
        assert (status, out) == (2, "")
        assert err[:-1].isprintable()

    def test_unfaithful(self) -> None:
        steps = [("send", TextMessage("hello")), ("write",)]
        recording = recording_of(Plan(SERVER, opening="over", steps=steps))
        tampered = recording.replace(b"hello", b"jello")
        status, out = dump(tampered)
        assert status == 1
        assert out.count("! and that is not what it gave when it was recorded\n") == 1
        status, out = dump(tampered, "--json")
        assert status == 1
        assert [each["faithful"] for each in findings_of(out) if each["type"] == "Step"] == [
            True,
            False,
        ]

    def test_unfaithful_without_a_result(self) -> None:
        recording = recording_of(Plan(SERVER, opening="over", steps=[("take",)]))
        status, out = dump(recording + encode_record("V", b"abcd"))
        assert status == 1
        assert [line.strip() for line in calls_of(out)] == [
            "events",
            "! and that is not what it gave when it was recorded",
        ]

    def test_cut_off(self) -> None:
        recording = recording_of(conversation(SERVER))
        _, begin = decode_header(recording)
        for size in range(begin, len(recording), 7):
            assert dump(recording[:size])[0] == 0

    def test_a_crash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was received and sent up to there is shown all the same."""

        def crash(session: Session, now: float) -> None:
            raise ZeroDivisionError("what\x1b")

        monkeypatch.setattr(Session, "abort", crash)
        stage = recorded(Plan(SERVER, opening="over"))
        stage.receive(frame(TEXT, b"x", to=SERVER))
        stage.take()
        with pytest.raises(ZeroDivisionError):
            stage.abort()
        stage.write()
        status, out = dump(bytes(stage.recording))
        assert status == 1
        assert [line.strip() for line in calls_of(out)][-3:] == [
            "100.000  abort",
            "! ZeroDivisionError: what\\x1b",
            "! and that is what no session should raise",
        ]
        assert "The stream ends between messages, without a Close frame: " in out
        status, out = dump(bytes(stage.recording), "--json")
        assert status == 1
        crashed = [each for each in findings_of(out) if each["type"] == "Step"][-1]
        assert (crashed["call"], crashed["error"]) == ("abort", "ZeroDivisionError: what\x1b")

    def test_max_payload(self) -> None:
        data = frame(TEXT, b"y" * 100, to=SERVER)
        steps = [("send", TextMessage("x" * 100)), ("send", PreparedMessage(bytes(50))),
                 ("receive", data), ("take",), ("write",)]  # fmt: skip
        plan = Plan(SERVER, opening="over", steps=steps)
        for most in (1, 64):
            _, out = dump(plan, f"--max-payload={most}")
            for character in "xy":
                assert out.count(f"'{character * most}' ...\n") == 2
                assert character * (most + 1) not in out
        _, out = dump(plan, "--max-payload=0")
        assert out.count("x" * 100) == out.count("y" * 100) == 2
        assert "send: PreparedMessage of 50 bytes: 00 00 00" in out
        shown = [each for each in findings_of(dump(plan, "--json")[1]) if each["type"] == "Step"]
        assert shown[1]["argument"] == [{"type": "PreparedMessage", "data": "00" * 50}, None]

    def test_json(self) -> None:
        steps: list[tuple[Any, ...]] = [
            ("request", [("Host", "a"), (b"X", b"\xff")], b"/"),
            ("receive", b"\x00"),
            ("take", 1),
            ("close", CloseReason.GOING_AWAY, "bye"),
            ("take",),
            ("write",),
        ]
        recording = recording_of(Plan(SERVER, opening="", steps=steps))
        status, out = dump(recording, "--json")
        assert status == 0
        shown = [each for each in findings_of(out) if each["type"] == "Step"]
        assert shown[0] == {
            "type": "Step",
            "offset": decode_header(recording)[1],
            "call": "receive_request",
            "now": 100.0,
            "argument": [[["Host", "a"], ["X", "\xff"]], "2f", "474554", "312e31"],
            "result": None,
            "error": None,
            "faithful": True,
        }
        assert shown[1]["argument"] == "00"
        ended = shown[2]["result"]
        assert (ended["type"], ended["cause"], ended["initiator"]) == (
            "SessionEnded",
            "failed",
            "local",
        )
        assert shown[3]["argument"] == [1001, "bye"]

    @settings(max_examples=70)
    @given(data=st.data())
    def test_whatever_is_in_it(self, data: st.DataObject) -> None:
        client, over = data.draw(st.booleans()), data.draw(st.booleans())
        parts = [encode_header(client, 0.0, SessionConfig(), [] if over else None)]
        parts += data.draw(st.lists(records, max_size=12))
        statuses = []
        for options in ([], ["--json"]):
            status, out, err = run(*options, stdin=b"".join(parts))
            assert all(line.isprintable() for line in out.split("\n"))
            assert err == "" or (err.count("\n") == 1 and err[:-1].isprintable())
            assert (status == 2) == bool(err)
            if options:
                findings_of(out)
            statuses.append(status)
        assert statuses[0] == statuses[1]


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (
            SessionEnded(1000, "\x1b", EndCause.CLOSED, Side.REMOTE, 1000, 1000),
            r"SessionEnded 1000 '\x1b': closed by the remote end, code sent 1000, received 1000",
        ),
        (
            SessionEnded(1006, "", EndCause.LOST),
            "SessionEnded 1006 '': lost by nobody, code sent None, received None",
        ),
        (
            SessionEnded(1006, "", EndCause.REJECTED, error=RemoteProtocolError("\x1b")),
            (
                "SessionEnded 1006 '': rejected by nobody, code sent None, received None, "
                r"because of \x1b"
            ),
        ),
        (
            TextMessage("a", message_finished=False),
            "TextMessage of 1 characters of a fragment: 'a'",
        ),
        (PreparedMessage("a\x1b"), r"PreparedMessage of 2 characters: 'a\x1b'"),
        (Event(), None),
    ],
)
def test_describe(event: Event, shown: str | None) -> None:
    assert describe(event, 0) == (shown or repr(event))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": b"\xff", "b": [nan, inf, -inf, 1.5]}, {"a": "ff", "b": ["nan", "inf", "-inf", 1.5]}),
        (Side.LOCAL, "local"),
        (CloseReason.GOING_AWAY, 1001),
        ((b"a", b"\xff"), ["a", "\xff"]),
        (deflate(), "permessage-deflate"),
    ],
)
def test_plain(value: object, shown: object) -> None:
    assert plain(value) == shown


# The program and its input


class TestHex:
    DATA = bytes(range(256)) + b"GET | ab cd\n"

    @given(st.binary(min_size=1), st.sampled_from(["", " ", ":", ", ", "\n", "\r\n", "\t"]))
    def test_round_trip(self, data: bytes, between: str) -> None:
        pairs = [f"{byte:02x}" for byte in data]
        assert read_hex(between.join(pairs)) == data
        assert read_hex(between.join(pairs).upper() + "\n") == data
        assert read_hex(", ".join(f"0x{pair}" for pair in pairs)) == data

    @given(st.binary(min_size=1), st.integers(0, 1 << 20), st.sampled_from([16, 8, 5]))
    def test_xxd(self, data: bytes, first: int, width: int) -> None:
        lines = []
        column = 2 * width + (width + 1) // 2  # each pair of bytes, and a space behind it
        for at in range(0, len(data), width):
            row = data[at : at + width]
            pairs = " ".join(row[i : i + 2].hex() for i in range(0, len(row), 2))
            lines.append(f"{first + at:08x}: {pairs:{column}} {shown(row)}")
        assert read_hex("\n".join(lines) + "\n") == data

    @given(st.binary(min_size=1), st.integers(0, 1 << 20))
    def test_hexdump(self, data: bytes, first: int) -> None:
        lines = []
        for at in range(0, len(data), 16):
            row = data[at : at + 16]
            pairs = f"{row[:8].hex(' ')}  {row[8:].hex(' ')}"
            lines.append(f"{first + at:08x}  {pairs:49} |{shown(row)}|")
        assert read_hex("\n".join([*lines, f"{first + len(data):08x}", ""])) == data

    @pytest.mark.parametrize("program", [["xxd"], ["xxd", "-p"], ["hexdump", "-Cv"]])
    def test_real_dumps(self, program: list[str], tmp_path: Path) -> None:
        path = tmp_path / "data"
        path.write_bytes(self.DATA)
        try:
            dumped = subprocess.run([*program, path], capture_output=True, check=True, text=True)
        except FileNotFoundError:
            pytest.skip(f"{program[0]} is not here")
        assert read_hex(dumped.stdout) == self.DATA

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("818", "pairs of hex digits: '818'"),
            ("81 0", "pairs of hex digits: '0'"),
            ("81 0g", "pairs of hex digits: '0g'"),
            ("0x8 0x1", "pairs of hex digits: '8'"),
            ("\u0661\u0661", "pairs of hex digits"),
            ("00000000: 8100\n00000004: 8100", "left out before line 2"),
            ("00000000  81 00  |..|\n*\n00000010  81 00  |..|", r"line 2 .* \(hexdump needs -v\)"),
            ("00000000: 8100\n\nhello", "line 2 is not of a hex dump: 'hello'"),
            ("00000000: 8100\n00000002: 8g", "line 2 is not of a hex dump"),
        ],
    )
    def test_bad(self, text: str, problem: str) -> None:
        with pytest.raises(InputError, match=problem):
            read_hex(text)

    @pytest.mark.parametrize(
        "text",
        [
            "8105 4865 6c6c 6f",
            "81:05:48:65:6c:6c:6f\n",
            "0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f",
            "00000000: 8105 4865 6c6c 6f                        ..Hello\n",
            "00000000  81 05 48 65 6c 6c 6f                              |..Hello|\n00000007\n",
        ],
    )
    def test_is_noticed(self, text: str) -> None:
        expected = run(stdin=b"\x81\x05Hello")
        assert run(stdin=text.encode()) == expected
        assert run("--hex", stdin=text.encode()) == expected

    @given(some_frames.filter(bool))
    def test_a_stream_is_never_taken_for_it(self, data: bytes) -> None:
        status, out, _ = run("--json", stdin=data)
        assert status in (0, 1)
        assert len(out.splitlines()) == len(list(inspect(data)))


def shown(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)


class TestProgram:
    HELLO = frame(TEXT, b"Hello", to=CLIENT)

    @pytest.fixture
    def path(self, tmp_path: Path) -> str:
        path = tmp_path / "capture"
        path.write_bytes(self.HELLO)
        return str(path)

    def test_file_and_standard_input(self, path: str) -> None:
        assert run(path) == run("-", stdin=self.HELLO) == run(stdin=self.HELLO)

    @pytest.mark.parametrize(
        ("argv", "stdin", "problem"),
        [
            ([], b"", "the input is empty"),
            ([], b"\n", "the input is empty"),
            (["--hex"], b"", "the input is empty"),
            (["--hex"], b"\x81\x00", "not pairs of hex digits: '\\\\x81\\\\x00'"),
            ([], b"123", "not pairs of hex digits: '123'"),
            (["/no/such/file"], b"", "cannot read the input: .*/no/such/file"),
            (["/"], b"", "cannot read the input: "),
            (["\0"], b"", "cannot read the input: "),
            (["--from", "me"], b"", "--from: invalid choice"),
            (["--max-payload", "x"], b"", "--max-payload: invalid int"),
            (["--max-payload", "-1"], b"", "--max-payload must not be negative"),
            (["--no-such-option"], b"", "unrecognized arguments"),
            (["--deflate", "nothing", "-"], b"\x81\x00", "--deflate: bad response"),
            (["--deflate", "nothing"], b"\x81\x00", "--deflate: bad response"),
            ([], b"wsproto_core recording 1\n", "a recording without its header"),
        ],
    )
    def test_bad_input(self, argv: list[str], stdin: bytes, problem: str) -> None:
        status, out, err = run(*argv, stdin=stdin)
        assert (status, out) == (2, "")
        assert re.fullmatch(rf"wsproto_core: .*{problem}.*\n", err)

    def test_from(self) -> None:
        assert run("--from", "client", stdin=self.HELLO)[0] == 1
        assert run("--from", "server", stdin=self.HELLO)[0] == 0

    def test_key(self) -> None:
        assert run("--key", NONCE, stdin=RESPONSE + b"\r\n")[0] == 0
        assert run("--key", "x", stdin=RESPONSE + b"\r\n")[0] == 1

    def test_deflate(self, tmp_path: Path) -> None:
        data = frame(TEXT, HELLO, to=CLIENT, rsv=4)
        path = tmp_path / "capture"
        path.write_bytes(data)
        assert run(stdin=data)[0] == 1
        expected = run("--deflate", stdin=data)
        assert expected[0] == 0
        assert run("--deflate", str(path)) == expected  # which has no parameters
        assert run(str(path), "--deflate") == expected
        assert run("--deflate", "server_no_context_takeover", str(path)) == expected

    def test_an_encoding_that_has_not_all_characters(self) -> None:
        raw = io.BytesIO()
        out = io.TextIOWrapper(raw, "ascii")
        assert run(stdin=frame(TEXT, "é€".encode(), to=CLIENT), stdout=out)[0] == 0
        assert rb"'\xe9\u20ac'" in raw.getvalue()

    def test_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as exit_:
            main(["--help"])
        assert exit_.value.code == 0
        assert "exit status: 0; 1 if there is a fault" in capsys.readouterr().out

    def test_broken_pipe(self) -> None:
        class Pipe(io.StringIO):
            def flush(self) -> None:
                raise BrokenPipeError

            def close(self) -> None:
                super().close()
                raise BrokenPipeError

        pipe = Pipe()
        assert main([], io.BytesIO(self.HELLO), pipe) == 0
        assert pipe.closed

    def test_a_full_disk(self) -> None:
        class Full(io.StringIO):
            def write(self, text: str) -> int:
                raise OSError(28, "No space left on device")

        status, _, err = run(stdin=self.HELLO, stdout=Full())
        assert (status, err) == (2, "wsproto_core: [Errno 28] No space left on device\n")

    def test_interrupted(self) -> None:
        class Waiting(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise KeyboardInterrupt

        assert main([], Waiting()) == 130

    def test_as_a_module(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["wsproto_core", path])
        monkeypatch.delitem(sys.modules, "wsproto_core.__main__")
        with pytest.raises(SystemExit) as exit_:
            runpy.run_module("wsproto_core", run_name="__main__")
        assert exit_.value.code == 0

    def test_as_a_process(self, path: str) -> None:
        command = [sys.executable, "-m", "wsproto_core"]
        done = subprocess.run([*command, path], capture_output=True, check=False, text=True)
        assert (done.returncode, done.stdout, done.stderr) == run(path)
        done = subprocess.run(
            [*command, "--no"],
            capture_output=True,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1

    def test_a_pipe_that_is_closed_early(self) -> None:
        """As by ``| head -1``: it ends without a word."""
        process = subprocess.Popen(
            [sys.executable, "-m", "wsproto_core"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(self.HELLO * 20_000)
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait() == 0


def test_limits_above_the_defaults_are_for_who_trusts_a_recording() -> None:
    recording = bytearray()
    config = SessionConfig(limits=Limits(max_message_size=2**62))
    session = RecordedSession(SERVER, now=0.0, config=config, write=recording.extend)
    session.transport_lost(1)
    status, out, err = run(stdin=bytes(recording))
    assert (status, out) == (2, "")
    assert "max_message_size is above the default (--trust plays it)" in err
    status, out, _ = run("--trust", stdin=bytes(recording))
    assert status == 0
    assert "transport_lost" in out
