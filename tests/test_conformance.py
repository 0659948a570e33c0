"""The engine, held to the reference model by the conformance kit's properties.

Whatever form it comes in: as ``WSConnection`` and ``Connection``, with pieces or whole messages,
as ``Session``, with or without numpy, compiled or not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproto_core.testing.chunking import WHOLE, Chunking
from wsproto_core.testing.engine import EngineAdapter
from wsproto_core.testing.properties import (
    Disagreement,
    check_bad_uris,
    check_chunking,
    check_conversation,
    check_nonces,
    check_opening,
    check_stream,
    observe,
)
from wsproto_core.testing.scenarios import Scenario
from wsproto_core.testing.session_engine import SessionAdapter
from wsproto_core.testing.settings import Deflate, Open
from wsproto_core.testing.strategies.conversations import Conversation, conversations
from wsproto_core.testing.strategies.openings import OpeningScenario, opening_scenarios
from wsproto_core.testing.strategies.streams import chunkings, scenarios

from .planted import copied

ENGINE = EngineAdapter()
WHOLE_MESSAGES = EngineAdapter(whole_messages=True)
SESSION = SessionAdapter()

every_form = pytest.mark.parametrize(
    "adapter", [ENGINE, WHOLE_MESSAGES, SESSION], ids=["pieces", "whole messages", "session"]
)


def streams() -> st.SearchStrategy[Scenario]:
    return scenarios(deflate=False) | scenarios(deflate=True)


def in_profile(examples: int) -> settings:
    """Settings with *examples* for each 100 that the profile has."""
    return settings(max_examples=max(1, settings().max_examples * examples // 100), deadline=None)


@every_form
@in_profile(200)
@given(scenario=streams(), chunking=chunkings())
def test_streams_are_read_as_the_model_reads_them(
    adapter: EngineAdapter, scenario: Scenario, chunking: Chunking
) -> None:
    seen = check_stream(adapter, scenario, chunking, strict=True)
    note(type(seen.outcomes[-1]).__name__ if seen.outcomes else "nothing")


@every_form
@in_profile(100)
@given(scenario=streams(), chunking=chunkings())
def test_chunks_do_not_matter(
    adapter: EngineAdapter, scenario: Scenario, chunking: Chunking
) -> None:
    """The fast path, which takes whole frames, gives what the general one gives."""
    check_chunking(adapter, scenario, WHOLE)
    check_chunking(adapter, scenario, chunking)


@every_form
@in_profile(150)
@given(conversation=conversations())
def test_what_one_end_sends_the_other_reports(
    adapter: EngineAdapter, conversation: Conversation
) -> None:
    check_conversation(adapter, adapter, conversation)


@in_profile(50)
@given(conversation=conversations())
def test_sessions_and_connections_understand_each_other(conversation: Conversation) -> None:
    check_conversation(ENGINE, SESSION, conversation)
    check_conversation(SESSION, WHOLE_MESSAGES, conversation)


@every_form
@pytest.mark.parametrize("role", ["client", "server"])
@in_profile(200)
@given(data=st.data(), chunking=chunkings())
def test_opening_handshakes_are_judged_as_the_model_judges_them(
    adapter: EngineAdapter, role: Any, data: st.DataObject, chunking: Chunking
) -> None:
    scenario: OpeningScenario = data.draw(opening_scenarios(role))
    seen = check_opening(adapter, scenario, chunking)
    note(type(seen.outcomes[0]).__name__ if seen.outcomes else "nothing")


def test_each_connection_has_a_nonce_of_its_own() -> None:
    """RFC 6455 §4.1, 7 (6455-4.1-27): "The nonce MUST be selected randomly for each connection"."""
    check_nonces(ENGINE)
    check_nonces(SESSION)


def test_no_request_is_sent_for_what_is_no_uri() -> None:
    check_bad_uris(ENGINE)
    check_bad_uris(SESSION)


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineAdapter]:
    """A copy of the sources, which nothing has compiled, and which uses no numpy."""
    with copied(tmp_path_factory.mktemp("pure"), "pure_wsproto_core") as name:
        adapter = EngineAdapter(name)
        with pytest.MonkeyPatch.context() as patch:
            # What is there is looked for once, when there first is work for it.
            patch.setitem(sys.modules, "numpy", None)
            patch.setitem(sys.modules, "zlib_ng", None)
            adapter.package.masking.apply_mask(bytes(1000), b"abcd")
            adapter.open(Open("server", Deflate()))
            back_ends = adapter.package.back_ends()
            assert (back_ends.compiled, back_ends.masking) == (False, "python")
        yield adapter


class TestEqualBuilds:
    """Pure Python is what it is compared with; whatever is installed is compared."""

    @in_profile(150)
    @given(scenario=streams(), chunking=chunkings())
    def test_pure_equals_accelerated_equals_compiled(
        self, pure: EngineAdapter, scenario: Scenario, chunking: Chunking
    ) -> None:
        plain, fast = (observe(a, scenario, chunking) for a in (pure, ENGINE))
        # What a damaged compressed message comes to may depend on who inflates it.
        if plain.outcomes != fast.outcomes:
            check_stream(pure, scenario, chunking)
            check_stream(ENGINE, scenario, chunking)
            assert scenario.deflate is not None

    @in_profile(50)
    @given(conversation=conversations())
    def test_they_understand_each_other(
        self, pure: EngineAdapter, conversation: Conversation
    ) -> None:
        check_conversation(pure, ENGINE, conversation)
        check_conversation(ENGINE, pure, conversation)


def test_a_disagreement_says_what_and_where(tmp_path: Path) -> None:
    from .planted import FAULTS

    fault = next(fault for fault in FAULTS if fault.module == "utf8")
    with copied(tmp_path, "planted_to_show", fault) as name:
        data = bytes.fromhex("81 82 00 00 00 00 e2 82")
        with pytest.raises(Disagreement, match=r"(?s)UTF-8 ends within.*TEXT.*expected failure"):
            check_stream(EngineAdapter(name), Scenario(data, False, "server"), WHOLE)
