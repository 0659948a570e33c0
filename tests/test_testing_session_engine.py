"""``Session`` through the kit: its adapter, and the catalogue on it."""

from __future__ import annotations

import pytest

from wsproto_core.testing.catalogue import select
from wsproto_core.testing.judging import Verdict
from wsproto_core.testing.runner import player_of, run_all
from wsproto_core.testing.session_engine import SessionAdapter


@pytest.mark.parametrize(
    "pattern",
    [
        *("closing/*", "control/*", "fragmentation/*", "limits/*", "masking/*", "sending/*"),
        *("opening/*", "negotiation/*", "compression/fragments-*"),
    ],
)
def test_sessions_pass(pattern: str) -> None:
    results = list(run_all(select([pattern]), player_of(SessionAdapter())))
    assert results
    wrong = [result for result in results if result.verdict is not Verdict.PASS]
    assert not wrong, [(result.case.id, result.judgement.why) for result in wrong]


def test_name() -> None:
    assert SessionAdapter().name == "wsproto_core.Session"
