"""The properties find faults by themselves, without the catalogue.

Each planted fault is one slip in a copy of the engine. Seeds are fixed, so that a fault is
found at the same example each time; the numbers are printed with ``-rA``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from wsproto_core.testing.chunking import WHOLE
from wsproto_core.testing.engine import EngineAdapter
from wsproto_core.testing.properties import (
    Disagreement,
    check_chunking,
    check_conversation,
    check_stream,
)
from wsproto_core.testing.strategies.conversations import conversations
from wsproto_core.testing.strategies.streams import chunkings, scenarios

from .planted import FAULTS, PlantedFault, copied

#: Examples of each kind that are tried before a fault counts as not found.
BOUND: Final = 3000


class Search:
    """A property, tried on one adapter until it fails."""

    def __init__(self, adapter: EngineAdapter) -> None:
        self.adapter = adapter
        self.examples = 0

    def run(self, strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> str | None:
        """The kind of the disagreement that was found first, or None."""

        def count(example: Any) -> None:
            self.examples += 1
            check(example)

        configured: Any = settings(
            max_examples=BOUND,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        try:
            with warnings.catch_warnings():
                # Of a large example, whose repr nobody is going to see.
                warnings.simplefilter("ignore", HypothesisWarning)
                seed(1)(configured(given(strategy)(count)))()
        except Disagreement as found:
            return found.kind
        return None

    def streams(self) -> str | None:
        def check(example: Any) -> None:
            scenario, chunking = example
            check_stream(self.adapter, scenario, chunking, strict=True)
            check_chunking(self.adapter, scenario, WHOLE)

        both = scenarios(deflate=False) | scenarios(deflate=True)
        return self.run(st.tuples(both, chunkings()), check)

    def conversations(self) -> str | None:
        return self.run(
            conversations(), lambda talk: check_conversation(self.adapter, self.adapter, talk)
        )


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_fault_is_found(fault: PlantedFault, tmp_path: Path) -> None:
    with copied(tmp_path, f"planted_{FAULTS.index(fault)}", fault) as package:
        search = Search(EngineAdapter(package))
        kind = getattr(search, fault.found_by)()
    print(f"{fault.name}: found at example {search.examples}: {kind}")
    assert kind is not None


def test_faults_are_in_all_layers() -> None:
    assert len({fault.module for fault in FAULTS}) >= 8
    assert len(FAULTS) >= 10
