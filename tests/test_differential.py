"""The engine against a slow, literal reading of the RFCs (:mod:`wsproto_core.testing.model`).

Each property says that both make the same of a stream, whichever way it arrives. How the
streams are made stands in :mod:`wsproto_core.testing.strategies`. What was found this way, here or
in other implementations, belongs as an example into the tests of its section.

To hunt: ``HYPOTHESIS_PROFILE=hunt pytest tests/test_differential.py``.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Final

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
)
from wsproto_core.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    TextMessage,
)
from wsproto_core.testing.chunking import BYTEWISE, WHOLE, Chunking
from wsproto_core.testing.engine import EngineAdapter
from wsproto_core.testing.model import judge
from wsproto_core.testing.model.failing import Fail
from wsproto_core.testing.model.inflating import Inflater
from wsproto_core.testing.model.utf8 import Utf8
from wsproto_core.testing.outcomes import (
    DeflateSettings,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Kind,
    Lost,
    Outcome,
    Role,
)
from wsproto_core.testing.permitting import permits
from wsproto_core.testing.scenarios import Scenario
from wsproto_core.testing.settings import other
from wsproto_core.testing.strategies.compression import inflatables
from wsproto_core.testing.strategies.payloads import texts
from wsproto_core.testing.strategies.streams import (
    chunkings,
    scenarios,
)

CONNECTION_TYPES: Final = {"server": ConnectionType.SERVER, "client": ConnectionType.CLIENT}

#: How many events are taken after each read: all, one, or none until the end.
ALL, ONE, NONE_YET = None, 1, 0
takings = st.sampled_from([ALL, NONE_YET, ONE])

with_and_without_deflate = pytest.mark.parametrize(
    "deflate", [False, True], ids=["plain", "deflate"]
)
in_both_modes = pytest.mark.parametrize("whole_messages", [False, True], ids=["pieces", "whole"])


ENGINE: Final = EngineAdapter()


class Endpoint:
    """An engine's connection that is fed a scenario, and what it makes of it."""

    def __init__(self, scenario: Scenario, *, whole_messages: bool, closing: bool = False) -> None:
        self.scenario = scenario
        self.whole_messages = whole_messages
        limits = scenario.limits
        deflate = scenario.settings().deflate
        self.connection = Connection(
            CONNECTION_TYPES[scenario.role],
            [] if deflate is None else [ENGINE.agreed(scenario.role, deflate)],
            whole_messages=whole_messages,
            limits=Limits(
                max_message_size=limits.max_message_size,
                max_frame_size=limits.max_frame_size,
                max_fragments=limits.max_fragments,
            ),
        )
        self.closing = closing
        if closing:
            self.connection.send(CloseConnection(1000))
        self.outcomes: list[Outcome] = []
        self.kind: Kind | None = None
        self.unfinished = b""
        self.ending: CloseConnection | None = None

    def receive(self, chunking: Chunking, taking: int | None = ALL) -> Endpoint:
        """Feed it the stream, and take its events."""
        for chunk in chunking.apply(self.scenario.data):
            if self.connection.state is ConnectionState.CLOSED:
                return self  # The transport is not read any more.
            self.connection.receive_data(chunk)
            self.take(taking)
        if self.scenario.eof and self.connection.state is not ConnectionState.CLOSED:
            self.connection.receive_data(None)
        self.take(ALL)
        self.take(ALL)
        return self

    def take(self, count: int | None) -> None:
        before = self.connection.state
        for event in islice(self.connection.events(), count):
            assert self.ending is None, f"{event!r} after {self.ending!r}"
            self.outcomes.extend(self.outcome_of(event))
            if self.ending is None:
                assert self.connection.state is before

    def outcome_of(self, event: Event) -> Iterator[Outcome]:
        """What *event* tells; a piece of a message tells nothing before its last."""
        match event:
            case TextMessage() | BytesMessage():
                kind: Kind = "text" if isinstance(event, TextMessage) else "binary"
                assert self.kind in (None, kind)
                assert event.frame_finished or not event.message_finished
                data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
                self.unfinished += data
                self.kind = kind
                if event.message_finished:
                    yield GotMessage(kind, self.unfinished)
                    self.unfinished, self.kind = b"", None
                else:
                    assert not self.whole_messages
            case Ping():
                yield GotPing(event.payload)
            case Pong():
                yield GotPong(event.payload)
            case CloseConnection():
                self.ending = event
                if event.error is not None:
                    yield Failed(event.code)
                elif event.code == 1006:
                    yield Lost()
                else:
                    yield GotClose(event.code, (event.reason or "").encode())
            case _:
                pytest.fail(f"no event of an open connection: {event!r}")

    def check_ending(self) -> None:
        """The end is reported as documented, and is answered as it should be."""
        state = self.connection.state
        if self.ending is None:
            assert not self.scenario.eof
            assert state is (
                ConnectionState.LOCAL_CLOSING if self.closing else ConnectionState.OPEN
            )
            return
        (*_, outcome) = self.outcomes
        error = self.ending.error
        if isinstance(outcome, Failed):
            assert isinstance(error, RemoteProtocolError)
            assert isinstance(error, LimitExceeded) == (outcome.code == 1009)
            assert error.event_hint == self.ending.response()
            # It says what was wrong.
            assert self.ending.reason
        else:
            assert isinstance(outcome, GotClose | Lost)
            assert error is None
        if self.closing or isinstance(outcome, Lost):
            assert state is ConnectionState.CLOSED
        else:
            assert state is ConnectionState.REMOTE_CLOSING
            reason = (self.ending.reason or "").encode()
            assert outcome.code is not None
            assert self.answer() == [GotClose(outcome.code, reason)]
        assert self.connection.state is ConnectionState.CLOSED
        with pytest.raises(LocalProtocolError):
            self.connection.receive_data(b"more")
        assert list(self.connection.events()) == []

    def answer(self) -> list[Outcome]:
        """What the peer makes of the response."""
        assert self.ending is not None
        data = self.connection.send(self.ending.response())
        return judge(data, eof=False, role=other(self.scenario.role))


def in_profile(examples: int) -> settings:
    """Settings with *examples* for each 100 that the profile has."""
    return settings(max_examples=max(1, settings().max_examples * examples // 100), deadline=None)


class TestAgainstReference:
    """What the engine makes of a stream is what the RFCs make of it."""

    @in_both_modes
    @with_and_without_deflate
    @in_profile(300)
    @given(data=st.data(), chunking=chunkings(), taking=takings)
    def test_same_outcomes(
        self,
        data: st.DataObject,
        chunking: Chunking,
        taking: int | None,
        deflate: bool,
        whole_messages: bool,
    ) -> None:
        scenario = data.draw(scenarios(deflate=deflate))
        expected = scenario.reading()
        endpoint = Endpoint(scenario, whole_messages=whole_messages).receive(chunking, taking)
        if endpoint.outcomes != expected.outcomes:
            assert permits(scenario, endpoint.outcomes), expected.outcomes
            return
        # What was given of a message that did not end was right, and nothing was held back
        # but a character that had begun.
        assert expected.unfinished.startswith(endpoint.unfinished)
        failed = any(isinstance(outcome, Failed) for outcome in expected.outcomes)
        if not whole_messages and not failed:
            assert len(expected.unfinished) - len(endpoint.unfinished) < 4
        endpoint.check_ending()
        note(ending_of(expected.outcomes))

    @with_and_without_deflate
    @in_profile(100)
    @given(data=st.data(), chunking=chunkings(), taking=takings)
    def test_same_outcomes_while_closing(
        self, data: st.DataObject, chunking: Chunking, taking: int | None, deflate: bool
    ) -> None:
        """RFC 6455 §5.5.1: the peer's Close may be long in coming after ours."""
        scenario = data.draw(scenarios(deflate=deflate))
        endpoint = Endpoint(scenario, whole_messages=True, closing=True).receive(chunking, taking)
        assert permits(scenario, endpoint.outcomes)
        endpoint.check_ending()


class TestAgainstItself:
    """The engine's fast path gives what its general path gives."""

    @in_both_modes
    @with_and_without_deflate
    @in_profile(100)
    @given(data=st.data(), chunking=chunkings())
    def test_whole_and_bytewise(
        self, data: st.DataObject, chunking: Chunking, deflate: bool, whole_messages: bool
    ) -> None:
        # A whole frame in one read takes the fast path; none does if it comes bytewise.
        scenario = data.draw(scenarios(deflate=deflate))
        bytewise = Endpoint(scenario, whole_messages=whole_messages).receive(BYTEWISE)
        for way in (WHOLE, chunking):
            endpoint = Endpoint(scenario, whole_messages=whole_messages).receive(way)
            if endpoint.outcomes != bytewise.outcomes:
                assert permits(scenario, endpoint.outcomes), bytewise.outcomes
                assert permits(scenario, bytewise.outcomes), endpoint.outcomes
                continue
            assert endpoint.connection.state is bytewise.connection.state
            if not any(isinstance(outcome, Failed) for outcome in bytewise.outcomes):
                assert endpoint.unfinished == bytewise.unfinished


def ending_of(outcomes: list[Outcome]) -> str:
    """For hypothesis's statistics."""
    match outcomes[-1:]:
        case [Failed(code)]:
            return f"ends with failure {code}"
        case [GotClose() | Lost() as ending]:
            return f"ends with {type(ending).__name__}"
        case _:
            return "goes on"


class TestReference:
    """The reference is right where something other than the engine says so."""

    @pytest.mark.parametrize(
        ("role", "data", "outcome"),
        [
            ("client", "81 05 48 65 6c 6c 6f", GotMessage("text", b"Hello")),
            ("server", "81 85 37 fa 21 3d 7f 9f 4d 51 58", GotMessage("text", b"Hello")),
            ("client", "01 03 48 65 6c 80 02 6c 6f", GotMessage("text", b"Hello")),
            ("client", "89 05 48 65 6c 6c 6f", GotPing(b"Hello")),
            ("server", "8a 85 37 fa 21 3d 7f 9f 4d 51 58", GotPong(b"Hello")),
            ("client", "82 7e 01 00" + "00" * 256, GotMessage("binary", bytes(256))),
            (
                "client",
                "82 7f 00 00 00 00 00 01 00 00" + "00" * 65536,
                GotMessage("binary", bytes(65536)),
            ),
        ],
    )
    def test_examples_of_rfc_6455(self, role: Role, data: str, outcome: Outcome) -> None:
        assert judge(bytes.fromhex(data), eof=False, role=role) == [outcome]

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param("c1 07 f2 48 cd c9 c9 07 00", id="7.2.3.1"),
            pytest.param("41 03 f2 48 cd 80 04 c9 c9 07 00", id="7.2.3.1 in fragments"),
            pytest.param("c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00", id="7.2.3.3"),
            pytest.param("c1 08 f3 48 cd c9 c9 07 00 00", id="7.2.3.4"),
            pytest.param("c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00", id="7.2.3.5"),
            pytest.param("41 0b f2 48 cd c9 c9 07 00 00 00 ff ff 80 01 00", id="7.2.3.6"),
        ],
    )
    def test_examples_of_rfc_7692(self, data: str) -> None:
        outcomes = judge(bytes.fromhex(data), eof=False, role="client", deflate=DeflateSettings())
        assert outcomes == [GotMessage("text", b"Hello")]

    def test_context_takeover_example_of_rfc_7692(self) -> None:
        data = bytes.fromhex("c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00")
        hello = GotMessage("text", b"Hello")
        kept = judge(data, eof=False, role="client", deflate=DeflateSettings())
        assert kept == [hello, hello]
        none = DeflateSettings(context_takeover=False)
        assert judge(data, eof=False, role="client", deflate=none) == [hello, Failed(1007)]

    @given(texts() | st.binary())
    def test_utf8(self, data: bytes) -> None:
        try:
            data.decode()
            valid = True
        except UnicodeDecodeError:
            valid = False
        assert accepts(Utf8(), data) is valid

    @given(inflatables())
    def test_inflater(self, data: bytes) -> None:
        """Byte by byte, output and errors come when they come from zlib."""
        literal = Inflater(DeflateSettings())
        inflater = zlib.decompressobj(-15)
        for i in range(len(data)):
            octet = data[i : i + 1]
            try:
                expected = inflater.decompress(octet)
            except zlib.error:
                with pytest.raises(Fail):
                    list(literal.inflate(octet))
                return
            assert bytes(literal.inflate(octet)) == expected
            if inflater.eof:
                return


def accepts(text: Utf8, data: bytes) -> bool:
    try:
        for octet in data:
            text.take(octet)
        text.end()
    except Fail:
        return False
    return True
