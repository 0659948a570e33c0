"""The kit's values: cases, settings as an endpoint has them, heads of HTTP messages, keys."""

from __future__ import annotations

import pytest

from wsproto_core.testing.actions import SendMessage, SendPing
from wsproto_core.testing.cases import Do, Eof, Receive
from wsproto_core.testing.deflate_blocks import bits_of, packed
from wsproto_core.testing.engine import EngineAdapter
from wsproto_core.testing.frames import BINARY, PING, TEXT, Frame, frames_of, masking_keys
from wsproto_core.testing.judging import PASSED
from wsproto_core.testing.model.failing import Fail
from wsproto_core.testing.model.inflating import Inflater
from wsproto_core.testing.openings import accept_for, fill_in, head_of, outcome_of_response
from wsproto_core.testing.outcomes import (
    Accepted,
    DeflateSettings,
    Failed,
    GotMessage,
    ReceiveLimits,
    Rejected,
)
from wsproto_core.testing.runner import player_of, run
from wsproto_core.testing.settings import Deflate, Open

from .test_testing_runner import BAD_FRAME, KEY, case_of, request, response


def test_a_case() -> None:
    assert (BAD_FRAME.id, BAD_FRAME.section, BAD_FRAME.role) == (
        "test/case@server",
        "test",
        "server",
    )


def test_masking_keys() -> None:
    frames = [
        Frame(TEXT, b"a", masking_key=b"1111"),
        Frame(TEXT, bytes(126), masking_key=b"2222"),
        Frame(TEXT, bytes(65_536), masking_key=b"3333"),
        Frame(PING, masking_key=b"4444"),
    ]
    assert masking_keys(b"".join(frame.encode() for frame in frames)) == [
        b"1111",
        b"2222",
        b"3333",
        b"4444",
    ]
    assert masking_keys(Frame(PING).encode()) == []
    assert masking_keys(b"") == []


def test_deflate_as_a_header() -> None:
    assert Deflate().header() == "permessage-deflate"
    everything = Deflate(True, True, 10, 9)
    assert everything.header() == (
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; "
        "client_no_context_takeover; client_max_window_bits=9"
    )
    sent = everything.sent_by("client")
    assert (sent.context_takeover, sent.window_bits) == (False, 9)
    assert Open("client", everything).received() == everything.sent_by("server")


@pytest.mark.parametrize("role", ["server", "client"])
def test_limits_are_the_engines(role: str) -> None:
    case = case_of(
        [Frame(TEXT, b"12345")],
        [Failed(1009)],
        role,
        limits=ReceiveLimits(max_message_size=4),
    )
    assert run(case, player_of(EngineAdapter())).judgement == PASSED


@pytest.mark.parametrize("role", ["server", "client"])
def test_deflate_is_the_engines(role: str) -> None:
    case = case_of(
        [SendMessage("text", (b"a" * 2000,)), Frame(TEXT, b"\x4a\x04\x00", rsv=4)],
        [GotMessage("text", b"a")],
        role,
        deflate=Deflate(server_max_window_bits=9, client_no_context_takeover=True),
        sent=[GotMessage("text", b"a" * 2000)],
    )
    assert run(case, player_of(EngineAdapter())).judgement == PASSED


def test_the_head_of_a_message() -> None:
    head = head_of(b"GET / HTTP/1.1\r\nA: 1 \r\na:2\r\n\r\nrest")
    assert head is not None
    assert (head.start_line, head.all("a"), head.joined("a")) == (
        "GET / HTTP/1.1",
        ["1", "2"],
        "1,2",
    )
    assert head.size == 30
    assert head_of(b"GET / HTTP/1.1\r\n") is None


def test_the_outcome_of_a_response() -> None:
    assert outcome_of_response(b"HTTP/1.1 101") == (None, b"")
    assert outcome_of_response(b"SSH-2.0\r\n\r\n") == (Rejected(0), b"")
    assert outcome_of_response(response("Sec-WebSocket-Protocol: a") + b"rest") == (
        Accepted("a"),
        b"rest",
    )


def test_placeholders() -> None:
    asked = request()
    accept = accept_for(KEY)
    assert accept == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert fill_in(b"{key} {accept} {accept:swapcase}", asked) == b" ".join(
        [KEY, accept, accept.swapcase()]
    )
    assert fill_in(b"{accept:other}", asked) == accept
    assert fill_in(b"no braces", asked) == b"no braces"
    assert fill_in(b"{key}", b"") == b""


def test_steps() -> None:
    case = case_of([Frame(PING), SendPing(), Eof()], [])
    assert [type(step) for step in case.steps] == [Receive, Do, Eof]


def test_frames_of_what_is_not_there_in_full() -> None:
    frame = Frame(BINARY, b"abc", masking_key=b"1234")
    data = frame.encode()
    assert frames_of(data * 2) == ([frame, frame], b"")
    assert frames_of(data + data[:4]) == ([frame], data[:4])
    (cut,), rest = frames_of(data[:-1])
    assert (cut.payload, cut.declared, rest) == (b"ab", 3, b"")


class TestInflater:
    """What only data that no compressor makes come to."""

    def test_a_code_that_is_not_used(self) -> None:
        inflater = Inflater(DeflateSettings())
        inflater.data += b"\xff"
        with pytest.raises(Fail):
            inflater.symbol({(1, 0): 65})

    def test_no_code_lengths_at_all(self) -> None:
        header = "0" + "01" + bits_of(0, 5) + bits_of(0, 5) + bits_of(0, 4) + "000" * 4
        inflater = Inflater(DeflateSettings())
        with pytest.raises(Fail):
            list(inflater.inflate(packed(header + "0" * 300)))
