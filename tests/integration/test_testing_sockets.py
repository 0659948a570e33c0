"""The whole catalogue over loopback: on an echo server and an echo client of ours.

What is broken, and what is skipped, is in ``tests/test_testing_sockets.py``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.echoing import ask, echo_server, serving
from wsproto_core.testing.catalogue import select
from wsproto_core.testing.judging import Verdict
from wsproto_core.testing.runner import Result
from wsproto_core.testing.sockets import CaseServer, Timing, play_server_cases

pytestmark = pytest.mark.integration

#: What is there answers in time on any machine; nothing waits for so long.
TIMING = Timing(timeout=20.0)
SUBPROTOCOLS = ["chat", "superchat"]
#: Why a case may be skipped, by how the reason begins.
REASONS = (
    "an application behind a socket cannot be told what to do",
    "it is not known to have the limits that the case is about",
    "the server's subprotocols are not just these:",
    "offered permessage-deflate, the server does not agree on",
    "whole: the subprotocols that it offers are not just these:",
    "whole: it offers permessage-deflate",
)


def check(results: Sequence[Result]) -> None:
    """All that can be played passes, and that is the most of the catalogue."""
    verdicts = Counter(result.verdict for result in results)
    wrong = [
        f"{result.case.id}: {result.judgement.why}"
        for result in results
        if result.verdict in (Verdict.FAIL, Verdict.NON_STRICT)
    ]
    assert wrong == []
    assert verdicts[Verdict.PASS] > 0.6 * len(results)
    for result in results:
        if result.verdict is Verdict.SKIPPED:
            assert result.judgement.why.startswith(REASONS), result.case.id


def test_an_echo_server_passes() -> None:
    async def run() -> list[Result]:
        async with serving(lambda: echo_server(SUBPROTOCOLS)) as url:
            return await play_server_cases(url, select(role="server"), timing=TIMING)

    check(asyncio.run(run()))


def test_an_echo_client_passes() -> None:
    async def run() -> list[Result]:
        async with CaseServer(select(role="client"), port=0, timing=TIMING) as server:
            numbers = iter(range(1, server.count + 1))

            async def drive() -> None:
                for number in numbers:
                    await ask(server.port, f"/runCase?case={number}&agent=echo", SUBPROTOCOLS)

            await asyncio.gather(*(drive() for _ in range(8)))
            await ask(server.port, "/updateReports?agent=echo")
            return server.results(await server.report())

    check(asyncio.run(run()))
