"""The properties as tests that others run on their implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from wsproto_core.testing import property_suite
from wsproto_core.testing.actions import SendMessage
from wsproto_core.testing.adapter import Unsupported
from wsproto_core.testing.chunking import BYTEWISE, WHOLE
from wsproto_core.testing.engine import EngineAdapter, EngineEndpoint
from wsproto_core.testing.outcomes import ReceiveLimits
from wsproto_core.testing.properties import Disagreement, check_nonces
from wsproto_core.testing.scenarios import Scenario
from wsproto_core.testing.settings import Deflate, Open, Opening
from wsproto_core.testing.strategies.conversations import Conversation, Turn
from wsproto_core.testing.strategies.openings import OpeningScenario

pytest_plugins = ["pytester"]


class Small(EngineAdapter):
    """An implementation without limits, compression, or a handshake of its own."""

    def open(self, settings: Open) -> EngineEndpoint:
        if settings.limits is not None:
            raise Unsupported("no limits")
        if settings.deflate is not None:
            raise Unsupported("no compression")
        return super().open(settings)

    def opening(self, settings: Opening) -> EngineEndpoint:
        raise Unsupported("no handshake")


class Deaf(Small):
    """One that tells nothing."""

    def open(self, settings: Open) -> EngineEndpoint:
        endpoint = super().open(settings)
        endpoint.told = []
        endpoint.react = lambda event: None  # type: ignore[method-assign]
        return endpoint


class Drawn:
    """What a test draws, given."""

    def __init__(self, value: object) -> None:
        self.value = value

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.value


def inner(test: Callable[..., None]) -> Callable[..., None]:
    """The test without hypothesis."""
    function: Callable[..., None] = test.hypothesis.inner_test  # type: ignore[attr-defined]
    return function


TEXT = b"\x81\x02hi"
MESSAGE = SendMessage("text", (b"hi",))


def stream(adapter: EngineAdapter, scenario: Scenario) -> None:
    inner(property_suite.test_streams)(adapter, False, Drawn(scenario), BYTEWISE)


def talk(adapter: EngineAdapter, deflate: Deflate | None) -> None:
    conversation = Conversation((Turn("server", MESSAGE, WHOLE),), deflate)
    inner(property_suite.test_conversations)(adapter, conversation)


def test_limits_that_cannot_be_set_are_left_out() -> None:
    limits = ReceiveLimits(max_message_size=1)
    stream(Small(), Scenario(TEXT, False, "client", limits=limits))
    with pytest.raises(Disagreement):
        stream(Deaf(), Scenario(TEXT, False, "client", limits=limits))


def test_what_cannot_be_set_up_is_skipped() -> None:
    deflate = Scenario(TEXT, False, "client").settings().deflate
    assert deflate is None
    with pytest.raises(pytest.skip.Exception, match="no compression"):
        compressed = Deflate().sent_by("server")
        stream(Small(), Scenario(TEXT, False, "client", deflate=compressed))
    with pytest.raises(pytest.skip.Exception, match="no handshake"):
        scenario = OpeningScenario(b"", Opening("client"))
        inner(property_suite.test_openings)(Small(), "client", Drawn(scenario), WHOLE)
    with pytest.raises(pytest.skip.Exception, match="no handshake"):
        property_suite.test_requests(Small(), check_nonces)


def test_conversations_do_without_compression() -> None:
    talk(Small(), Deflate())
    with pytest.raises(Disagreement):
        talk(Deaf(), Deflate())

    class Nothing(Small):
        def open(self, settings: Open) -> EngineEndpoint:
            raise Unsupported("nothing at all")

    with pytest.raises(pytest.skip.Exception, match="nothing at all"):
        talk(Nothing(), None)


def test_as_a_project_runs_it(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(
        *("-p", "wsproto_core.testing.pytest_plugin", "-p", "no:cacheprovider"),
        *("--websocket-adapter", "wsproto_core.testing.engine:EngineAdapter"),
        *("-k", "openings or requests or conversations"),
        *("--pyargs", "wsproto_core.testing.property_suite"),
    )
    result.assert_outcomes(passed=5, deselected=2)
