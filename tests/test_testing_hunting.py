"""Hunting finds a planted fault, makes its example short, and says which sentence is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from wsproto_core.testing import hunting, shrinking
from wsproto_core.testing.actions import Action, SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.adapter import Unsupported
from wsproto_core.testing.chunking import BYTEWISE, WHOLE
from wsproto_core.testing.engine import EngineAdapter, EngineEndpoint
from wsproto_core.testing.hunting import Finding, hunt, size_of
from wsproto_core.testing.outcomes import DeflateSettings, ReceiveLimits
from wsproto_core.testing.properties import Disagreement
from wsproto_core.testing.scenarios import Scenario
from wsproto_core.testing.settings import Deflate, Open, Opening
from wsproto_core.testing.shrinking import shrink_conversation, shrink_opening, shrink_stream
from wsproto_core.testing.strategies.conversations import Conversation, Turn
from wsproto_core.testing.strategies.openings import OpeningScenario

from .test_testing_runner import DropsPongs, PlantedAdapter

MANY: Final = 15


def found_by(adapter: EngineAdapter, examples: int = MANY, seed: int = 0) -> list[Finding]:
    return hunt(adapter, examples=examples, seed_number=seed)


class OnlyStreams(EngineAdapter):
    """Has no opening handshake, no limits and no compression."""

    def open(self, settings: Open) -> EngineEndpoint:
        if settings.deflate is not None or settings.limits is not None:
            raise Unsupported("no such settings")
        return super().open(settings)

    def opening(self, settings: Opening) -> EngineEndpoint:
        raise Unsupported("the opening handshake")


@pytest.fixture(autouse=True)
def few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrinking is to take little time here."""
    monkeypatch.setattr(shrinking, "TRIALS", 500)


class TestHunt:
    def test_nothing_is_found_where_nothing_is(self) -> None:
        told: list[tuple[str, int]] = []
        assert hunt(EngineAdapter(), examples=MANY, progress=lambda *a: told.append(a)) == []
        assert told == [
            (target, 0) for target in ("streams", "deflate", "server", "client", "conversations")
        ]

    def test_what_is_not_answered(self) -> None:
        found = found_by(PlantedAdapter(DropsPongs), 60)
        kinds = [finding.kind for finding in found if finding.target == "streams"]
        assert kinds == ["did not answer the Ping ..."]
        (stream,) = (finding for finding in found if finding.target == "streams")
        assert size_of(stream.example) <= 6
        assert str(stream) == stream.text
        talks = [finding for finding in found if finding.target == "conversations"]
        assert [finding.kind for finding in talks] == [
            "conversation: GotPong expected, nothing seen"
        ]
        assert [size_of(finding.example) for finding in talks] == [1]
        assert talks[0].requirement is None

    def test_other_faults_of_the_kit_go_on(self) -> None:
        class Interrupts(OnlyStreams):
            def open(self, settings: Open) -> EngineEndpoint:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            found_by(Interrupts())

    def test_what_is_unsupported_is_left_out(self) -> None:
        assert found_by(OnlyStreams()) == []


def contains(needle: bytes) -> Callable[[Scenario | OpeningScenario], bool]:
    return lambda scenario: needle in scenario.data


class TestShrinking:
    def test_streams(self) -> None:
        scenario = Scenario(
            b"abcXYdefZ" * 3, True, "server", DeflateSettings(), ReceiveLimits(10, 10, 10)
        )
        assert shrink_stream(scenario, contains(b"XY")) == Scenario(b"XY", False, "server")
        # What is needed stays.
        assert shrink_stream(scenario, scenario.__eq__) == scenario
        assert shrink_stream(scenario, lambda s: len(s.data) > 1).data == b"\0\0"
        assert shrink_stream(scenario, lambda s: True).data == b""

    def test_it_stops_in_time(self) -> None:
        asked = 0

        def shows(scenario: Scenario) -> bool:
            nonlocal asked
            asked += 1
            return len(scenario.data) >= 399

        assert len(shrink_stream(Scenario(bytes(400), False, "client"), shows).data) >= 399
        assert asked <= 3 * 500

    def test_heads(self) -> None:
        data = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: b\r\n\r\n"
        scenario = OpeningScenario(data, Opening("server"), ("a fault",))
        assert shrink_opening(scenario, contains(b"Up")).data == b"Up"

    @pytest.mark.parametrize(
        ("action", "smaller"),
        [
            (SendMessage("text", (b"abcd", b"efg", b"")), SendMessage("text", (b"",))),
            (SendPing(b"abc"), SendPing(b"")),
            (SendPong(b"abc"), SendPong(b"")),
            (SendClose(1001, "away"), SendClose(1001, "")),
        ],
    )
    @pytest.mark.parametrize("deflate", [None, Deflate()])
    def test_conversations(self, action: Action, smaller: Action, deflate: Deflate | None) -> None:
        turns = (
            Turn("client", SendPing(b"1"), BYTEWISE),
            Turn("server", action, BYTEWISE),
            Turn("client", SendPing(b"2"), BYTEWISE),
        )

        def shows(conversation: Conversation) -> bool:
            return any(turn.sender == "server" for turn in conversation.turns)

        shortest = shrink_conversation(Conversation(turns, deflate), shows)
        assert shortest == Conversation((Turn("server", smaller, WHOLE),), None)

    def test_a_conversation_keeps_what_it_needs(self) -> None:
        talk = Conversation((Turn("client", SendMessage("text", (b"abc",)), BYTEWISE),), Deflate())
        assert shrink_conversation(talk, talk.__eq__) == talk


def test_heads_are_made_shorter_too() -> None:
    scenario = OpeningScenario(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Opening("server"))

    def check(example: OpeningScenario) -> Disagreement | None:
        return Disagreement("a kind", "") if b"Host" in example.data else None

    shortest = hunting._shrink(scenario, check)
    assert isinstance(shortest, OpeningScenario)
    assert shortest.data == b"Host"


def test_what_ends_with_nothing_is_about_no_requirement() -> None:
    assert hunting._requirement_of(Scenario(b"", False, "client")) is None
    assert hunting._requirement_of(Scenario(b"\x83\x00", False, "client")) == "6455-5.2-3"
