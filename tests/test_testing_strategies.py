"""What the strategies give: well-formed where it is to be, and every named fault."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from wsproto_core.testing.actions import SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.chunking import BYTEWISE, WHOLE
from wsproto_core.testing.engine import EngineAdapter
from wsproto_core.testing.frames import BINARY, CLOSE, PING, PONG, RSV1, TEXT, Frame
from wsproto_core.testing.model import read
from wsproto_core.testing.model.failing import Fail
from wsproto_core.testing.model.inflating import TAIL, Inflater
from wsproto_core.testing.model.requests import is_key, judge_request
from wsproto_core.testing.model.responses import judge_response
from wsproto_core.testing.openings import accept_for, fill_in
from wsproto_core.testing.outcomes import (
    DEFAULT_LIMITS,
    Accepted,
    DeflateSettings,
    Failed,
    GotMessage,
    ReceiveLimits,
    Role,
)
from wsproto_core.testing.scenarios import Scenario
from wsproto_core.testing.settings import Deflate, Open, Opening
from wsproto_core.testing.strategies import compression, openings, payloads, streams
from wsproto_core.testing.strategies.compression import (
    COMPRESSIONS,
    Compressor,
    blocks_by_hand,
    bombs,
    deflate_settings,
    dynamic_headers,
    inflatables,
)
from wsproto_core.testing.strategies.conversations import (
    agreements,
    closes,
    conversations,
    messages,
    pings_and_pongs,
)
from wsproto_core.testing.strategies.faults import FAULTS, HEADER_FAULTS, broken
from wsproto_core.testing.strategies.frames import control_frames, masking_keys, message_frames
from wsproto_core.testing.strategies.streams import chunkings, receive_limits, scenarios

Ex = TypeVar("Ex")

ROLES: Final[tuple[Role, Role]] = ("server", "client")
in_both_roles = pytest.mark.parametrize("role", ROLES)

few = settings(
    max_examples=15,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


fewer = settings(few, max_examples=6)


def drawn(strategy: st.SearchStrategy[Ex], count: int = 40) -> list[Ex]:
    """Some examples, always the same."""
    found: list[Ex] = []

    @seed(7)
    @settings(few, max_examples=count)
    @given(strategy)
    def collect(example: Ex) -> None:
        found.append(example)

    collect()
    return found


@cache
def some_scenarios(deflate: bool) -> list[Scenario]:
    return drawn(scenarios(deflate=deflate), 140)


@cache
def some_openings(role: Role) -> list[openings.OpeningScenario]:
    return drawn(openings.opening_scenarios(role), 120)


class TestPayloads:
    def test_sizes_are_about_the_edges(self) -> None:
        found = set(drawn(payloads.sizes(ReceiveLimits(40, 50, 9)), 200))
        assert {0, 125, 126, 39, 40, 41, 49, 50, 51} <= found
        assert found & set(payloads.LARGE_SIZES)
        unlimited = set(drawn(payloads.sizes()))
        assert unlimited <= {*payloads.SMALL_SIZES, *payloads.LARGE_SIZES}

    def test_valid_and_nearly_valid_utf8(self) -> None:
        for data in payloads.VALID_UTF8:
            data.decode()
        for data in payloads.NEAR_UTF8:
            with pytest.raises(UnicodeDecodeError):
                data.decode()

    def test_texts_are_mostly_valid(self) -> None:
        found = drawn(payloads.texts())
        assert any(len(data) > 125 for data in found)
        reading = [read(Frame(TEXT, data).encode(), eof=False, role="client") for data in found]
        failed = [r for r in reading if r.outcomes == [Failed(1007)]]
        assert 0 < len(failed) < len(found) / 2

    def test_binaries_go_far_back(self) -> None:
        found = drawn(payloads.binaries())
        assert any(data and not data.strip(b"\0") for data in found)
        assert any(data[-40:] == data[:40] and len(set(data)) > 40 for data in found)

    def test_close_payloads(self) -> None:
        found = drawn(payloads.close_payloads())
        assert {0, 1, 2, 125} <= {len(data) for data in found}
        assert max(len(data) for data in found) == 125
        codes = {int.from_bytes(data[:2], "big") for data in found if len(data) > 1}
        assert codes & set(payloads.GOOD_CLOSE_CODES)
        assert codes & set(payloads.BAD_CLOSE_CODES)
        assert codes <= {*payloads.GOOD_CLOSE_CODES, *payloads.BAD_CLOSE_CODES}


class TestFrames:
    def test_masking_keys_have_four_bytes(self) -> None:
        assert {len(key or b"") for key in drawn(masking_keys("server"), 20)} == {4}
        assert set(drawn(masking_keys("client"), 5)) == {None}

    def test_control_frames_are_valid(self) -> None:
        found = drawn(control_frames(), 30)
        assert {frame.opcode for frame in found} == {PING, PONG}
        assert all(frame.fin and len(frame.payload) <= 125 and not frame.rsv for frame in found)

    @pytest.mark.parametrize("deflate", [None, DeflateSettings()])
    def test_messages_come_as_they_were_made(self, deflate: DeflateSettings | None) -> None:
        plain = 0

        @settings(few, max_examples=60)
        @given(st.data())
        def check(data: st.DataObject) -> None:
            nonlocal plain
            compressor = None if deflate is None else Compressor(deflate)
            frames, faults = data.draw(message_frames(DEFAULT_LIMITS, compressor))
            opcodes = [frame.opcode for frame in frames if frame.opcode < CLOSE]
            assert opcodes[0] in (TEXT, BINARY)
            assert set(opcodes[1:]) <= {0}
            assert frames[-1].fin
            assert set(faults) <= set(COMPRESSIONS)
            assert not faults or frames[0].rsv == RSV1
            reading = read(
                b"".join(frame.encode() for frame in frames),
                eof=False,
                role="client",
                deflate=deflate,
            )
            assert faults or isinstance(reading.outcomes[-1], GotMessage | Failed)
            plain += isinstance(reading.outcomes[-1], GotMessage)

        check()
        assert plain > 20

    def test_a_message_in_one_frame(self) -> None:
        for frames, _ in drawn(message_frames(DEFAULT_LIMITS, None, whole=True), 20):
            assert [frame.fin for frame in frames] == [True]


class TestFaults:
    @pytest.mark.parametrize("name", FAULTS)
    def test_each_changes_the_stream(self, name: str) -> None:
        honest = [Frame(TEXT, b"Hello"), Frame(PING, b""), Frame(CLOSE, b"\x03\xe8")]
        bytes_of = b"".join(frame.encode() for frame in honest)
        changed = set()

        @few
        @given(st.data(), st.integers(0, 2))
        def check(data: st.DataObject, at: int) -> None:
            draw: Any = data.draw
            frames = FAULTS[name](draw, list(honest), at)
            changed.add(b"".join(frame.encode() for frame in frames))

        check()
        assert changed - {bytes_of}

    def test_streams_are_broken_in_each_way(self) -> None:
        data = b"0123456789"
        found = drawn(broken(data), 60)
        assert {name for _, name in found} == {
            "truncated",
            "byte changed",
            "garbage behind",
            "byte lost",
        }
        for result, name in found:
            if name == "truncated":
                assert data.startswith(result)
            elif name == "garbage behind":
                assert result.startswith(data)
            elif name == "byte lost":
                assert len(data) - 1 <= len(result) <= len(data)


def only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Streams have no other fault."""
    monkeypatch.setattr(streams, "FAULTS", {name: FAULTS[name]})
    monkeypatch.setattr(streams, "HEADER_FAULTS", [name])


class TestStreams:
    def test_chunks_join_to_the_stream(self) -> None:
        found = drawn(chunkings(), 60)
        assert {WHOLE, BYTEWISE} <= set(found)
        assert any(chunking.cuts for chunking in found)
        data = bytes(range(200))
        for chunking in found:
            chunks = chunking.apply(data)
            assert b"".join(chunks) == data
            assert all(chunks)
        assert BYTEWISE.apply(b"ab") == [b"a", b"b"]
        assert WHOLE.apply(b"") == []

    def test_limits(self) -> None:
        found = drawn(receive_limits())
        default = DEFAULT_LIMITS
        assert default in found
        for name in ("max_message_size", "max_frame_size", "max_fragments"):
            small = [limits for limits in found if getattr(limits, name) < getattr(default, name)]
            assert small
            assert all(getattr(limits, name) >= 1 for limits in small)

    @pytest.mark.parametrize("deflate", [False, True])
    def test_scenarios_get_deep(self, deflate: bool) -> None:
        found = some_scenarios(deflate)
        assert {scenario.role for scenario in found} == set(ROLES)
        assert {scenario.eof for scenario in found} == {False, True}
        assert {scenario.deflate is not None for scenario in found} == {deflate}
        received = [
            scenario
            for scenario in found
            if any(isinstance(outcome, GotMessage) for outcome in scenario.reading().outcomes)
        ]
        assert len(received) > len(found) / 3
        honest = [scenario for scenario in found if not scenario.faults]
        assert len(found) / 10 < len(honest) < len(found)
        # Of these, payloads may be wrong, and limits exceeded; never the frames.
        for scenario in honest:
            for outcome in scenario.reading().outcomes:
                if isinstance(outcome, Failed):
                    assert outcome.code in (1007, 1009) or outcome.why in (
                        "close code",
                        "Close frame of one byte",
                    )

    @pytest.mark.parametrize("deflate", [False, True])
    def test_faults_have_names(self, deflate: bool) -> None:
        names = {name for scenario in some_scenarios(deflate) for name in scenario.faults}
        anywhere = {"garbage", "truncated", "byte changed", "garbage behind", "byte lost"}
        assert names <= {*FAULTS, *anywhere, *(COMPRESSIONS if deflate else ())}
        assert len(names & set(FAULTS)) > len(FAULTS) / 2
        assert set(HEADER_FAULTS) <= set(FAULTS)
        assert names & anywhere
        assert bool((names - anywhere) & set(COMPRESSIONS)) is deflate

    @pytest.mark.parametrize("name", FAULTS)
    def test_every_fault_occurs(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        only(monkeypatch, name)
        found = drawn(scenarios(deflate=False), 14)
        assert any(name in scenario.faults for scenario in found)

    def test_all_frames_may_be_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        only(monkeypatch, "frame lost")
        found = drawn(scenarios(deflate=False), 100)
        assert any(not s.data and "frame lost" in s.faults for s in found)

    def test_settings_are_the_opposite_for_what_is_sent(self) -> None:
        """So that confusing the two shows."""
        for scenario in drawn(scenarios(deflate=True), 30):
            opened = scenario.settings()
            assert opened.deflate is not None
            assert opened.received() == scenario.deflate
            sent = opened.deflate.sent_by(scenario.role)
            assert scenario.deflate is not None
            assert sent.context_takeover is not scenario.deflate.context_takeover
            assert opened.receive_limits() == scenario.limits


def read_compressed(data: bytes, agreed: DeflateSettings) -> Sequence[Any]:
    frame = Frame(BINARY, data, rsv=RSV1)
    return read(frame.encode(), eof=False, role="client", deflate=agreed).outcomes


class TestCompression:
    @pytest.mark.parametrize("way", dict.fromkeys(COMPRESSIONS))
    def test_each_way_gives_what_its_name_says(
        self, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(compression, "COMPRESSIONS", [way])
        outcomes = []

        @few
        @given(st.data(), deflate_settings(), st.sampled_from([b"", b"Hello" * 3, bytes(1100)]))
        def check(data: st.DataObject, agreed: DeflateSettings, payload: bytes) -> None:
            compressor = Compressor(agreed)
            draw: Any = data.draw
            deflated, fault = compressor.message(draw, payload)
            assert fault in ("", way)
            seen = read_compressed(deflated, agreed)
            outcomes.append(seen)
            if not fault:
                assert seen == [GotMessage("binary", payload)]
            again, fault_again = compressor.message(draw, payload)
            if not (fault or fault_again):
                frames = [Frame(BINARY, d, rsv=RSV1).encode() for d in (deflated, again)]
                both = read(b"".join(frames), eof=False, role="client", deflate=agreed)
                assert both.outcomes == [GotMessage("binary", payload)] * 2

        check()
        assert outcomes

    def test_a_window_that_is_too_large_is_used(self) -> None:
        compressor = Compressor(DeflateSettings(window_bits=9))
        payload = payloads.noise(1, 700) * 2
        wide = compressor.deflated(payload, window_bits=15).removesuffix(TAIL)
        narrow = Compressor(DeflateSettings(window_bits=9)).deflated(payload).removesuffix(TAIL)
        assert len(wide) < len(narrow)
        assert read_compressed(narrow, DeflateSettings(window_bits=9)) == [
            GotMessage("binary", payload)
        ]
        assert read_compressed(wide, DeflateSettings(window_bits=9)) == [Failed(1007)]

    def test_blocks_that_no_compressor_makes(self) -> None:
        seen = [read_compressed(data, DeflateSettings()) for data in drawn(blocks_by_hand())]
        assert {type(outcomes[0]) for outcomes in seen} == {GotMessage, Failed}

    def test_headers_of_dynamic_blocks(self) -> None:
        found = drawn(dynamic_headers(), 30)
        assert {data[0] & 0b111 for data in found} == {0b100}
        assert any(read_compressed(data, DeflateSettings()) == [Failed(1007)] for data in found)

    def test_settings_that_can_be_agreed_on(self) -> None:
        found = drawn(deflate_settings())
        assert {agreed.window_bits for agreed in found} == set(range(8, 16))
        assert {agreed.context_takeover for agreed in found} == {False, True}

    def test_inflatables_are_whole_or_damaged(self) -> None:
        results = set()
        for data in drawn(inflatables(), 40):
            try:
                output = bytes(Inflater(DeflateSettings()).inflate(data))
            except Fail:
                results.add("damaged")
            else:
                results.add("something" if output else "nothing")
        assert {"damaged", "something"} <= results


class TestConversations:
    def test_messages_can_be_sent(self) -> None:
        found = drawn(messages())
        assert {message.kind for message in found} == {"text", "binary"}
        for message in found:
            assert message.fragments
            if message.kind == "text":
                for fragment in message.fragments:
                    fragment.decode()

    def test_control_frames_fit(self) -> None:
        assert {type(action) for action in drawn(pings_and_pongs(), 20)} == {SendPing, SendPong}
        assert all(len(action.payload) <= 125 for action in drawn(pings_and_pongs(), 20))

    def test_closes_may_be_sent(self) -> None:
        found = drawn(closes(), 60)
        codes = {close.code for close in found}
        assert None in codes
        assert codes - {None} <= set(payloads.GOOD_CLOSE_CODES)
        assert all(len(close.reason.encode()) <= 123 for close in found)

    def test_agreements(self) -> None:
        bits = {(agreed.server_max_window_bits) for agreed in drawn(agreements())}
        assert bits == {8, 9, 14, 15}

    def test_only_the_last_turn_closes(self) -> None:
        found = drawn(conversations())
        assert {turn.sender for talk in found for turn in talk.turns} == set(ROLES)
        assert {talk.deflate is None for talk in found} == {False, True}
        kinds = {type(turn.action) for talk in found for turn in talk.turns}
        assert kinds == {SendMessage, SendPing, SendPong, SendClose}
        for talk in found:
            assert not any(isinstance(turn.action, SendClose) for turn in talk.turns[:-1])


KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="


def request_for(opening: Opening) -> bytes:
    """The request of a client that offers what *opening* says."""
    lines = [
        b"GET /chat HTTP/1.1",
        b"Host: example.com",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: " + KEY,
        b"Sec-WebSocket-Version: 13",
    ]
    if opening.subprotocols:
        lines.append(b"Sec-WebSocket-Protocol: " + ", ".join(opening.subprotocols).encode())
    if opening.deflate:
        lines.append(b"Sec-WebSocket-Extensions: permessage-deflate")
    return b"\r\n".join([*lines, b"", b""])


def judged(scenario: openings.OpeningScenario) -> str:
    """What the model says of the head."""
    if scenario.settings.role == "server":
        return judge_request(scenario.data, scenario.settings).verdict
    request = request_for(scenario.settings)
    judgement = judge_response(fill_in(scenario.data, request), request)
    accepted = isinstance(judgement.outcome, Accepted)
    return judgement.verdict if accepted or judgement.verdict != "accept" else "refused"


class TestOpenings:
    @in_both_roles
    def test_without_a_fault_they_are_accepted(self, role: Role) -> None:
        found = [s for s in some_openings(role) if not s.faults]
        assert len(found) >= 15
        assert {judged(scenario) for scenario in found} == {"accept"}

    @in_both_roles
    def test_with_faults_most_are_not(self, role: Role) -> None:
        found = [s for s in some_openings(role) if s.faults]
        verdicts = [judged(scenario) for scenario in found]
        assert verdicts.count("reject") > len(found) / 3
        # A fault may have no effect.
        assert len(set(verdicts)) > 1

    @in_both_roles
    def test_faults_have_names(self, role: Role) -> None:
        names = {name for scenario in some_openings(role) for name in scenario.faults}
        table = openings.REQUEST_FAULTS if role == "server" else openings.RESPONSE_FAULTS
        assert names <= {*table, "another end of line"}
        assert "another end of line" in names
        assert len(names) > len(table) * 2 / 3

    @pytest.mark.parametrize(
        ("role", "name"),
        [("server", name) for name in openings.REQUEST_FAULTS]
        + [("client", name) for name in openings.RESPONSE_FAULTS],
    )
    def test_each_fault_changes_the_head(self, role: Role, name: str) -> None:
        table = openings.REQUEST_FAULTS if role == "server" else openings.RESPONSE_FAULTS
        changed = []

        @fewer
        @given(st.data(), openings.openings(role))
        def check(data: st.DataObject, opening: Opening) -> None:
            make = openings.request_lines if role == "server" else openings.response_lines
            lines = data.draw(make(opening))
            draw: Any = data.draw
            changed.append(table[name](draw, list(lines)) != lines)

        check()
        assert any(changed)

    def test_keys(self) -> None:
        assert all(is_key(key) for key in drawn(openings.keys(), 10))
        assert not any(is_key(key) for key in drawn(openings.bad_keys(), 30))
        assert accept_for(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    def test_lists_of_extensions_are_right_or_wrong(self) -> None:
        found = drawn(openings.extension_lists())
        assert "permessage-deflate" in found
        assert any("=7" in value or "=16" in value for value in found)

    def test_subprotocols_differ(self) -> None:
        for names in drawn(openings.subprotocols(), 30):
            assert len(set(names)) == len(names)


@settings(max_examples=15)
@given(bombs(), st.sampled_from([BINARY, TEXT]))
def test_bombs_are_small_and_inflate_to_much(payload: bytes, opcode: int) -> None:
    inflated = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
    assert len(inflated) >= 16 * 1024
    assert len(payload) < len(inflated) / 50
    limits = ReceiveLimits(max_message_size=1024)
    adapter = EngineAdapter()
    endpoint = adapter.open(Open("client", Deflate(), limits))
    endpoint.receive(Frame(opcode, payload, rsv=4).encode())
    (outcome,) = endpoint.outcomes()
    # Of text that is too big and no UTF-8, either may be noticed.
    assert outcome in (Failed(1009), Failed(1007))
    assert outcome == Failed(1009) or opcode == TEXT
