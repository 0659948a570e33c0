"""From what was seen on sockets to the results that the kit files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from wsproto_core.testing.adapter import Unsupported
from wsproto_core.testing.cases import Case, Do, Receive
from wsproto_core.testing.judging import Judgement, Verdict, worst
from wsproto_core.testing.outcomes import ReceiveLimits
from wsproto_core.testing.runner import Attempt, Result
from wsproto_core.testing.settings import Open, Opening

from .playing import Player
from .visible import Play, judge_play

#: How many bytes take the model more than a moment.
MUCH: Final = 4096


def check_playable(case: Case, limits: ReceiveLimits | None) -> None:
    """Raise :exc:`~.adapter.Unsupported` for what no program with a socket can be asked for.

    :param limits: those that it is known to have.
    """
    if any(isinstance(step, Do) for step in case.steps):
        raise Unsupported("an application behind a socket cannot be told what to do")
    if isinstance(case.settings, Open) and case.settings.limits not in (None, limits):
        raise Unsupported("it is not known to have the limits that the case is about")


def mentions(case: Case, field_name: bytes) -> bool:
    """Whether the peer's bytes have a word of a header field, given in lower case."""
    return any(isinstance(step, Receive) and field_name in step.data.lower() for step in case.steps)


class Filer:
    """Judges what was seen, one play after the other, while connections go on."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()

    async def file(
        self, case: Case, way: str, player: Player, play: Play, opening: Opening | None = None
    ) -> Attempt:
        """What a play is worth; see :func:`~.visible.judge_play`."""
        if len(play.sent) + len(play.received) < MUCH:
            observation, judgement = judge_play(case, play, opening)
        else:
            # The model is slow, and no other connection should have to wait for it. Several
            # threads at once would have all of them wait.
            async with self.turn:
                observation, judgement = await asyncio.to_thread(judge_play, case, play, opening)
        return Attempt(way, observation, worst([player.manners(), judgement]))


def result_of(case: Case, attempts: Sequence[Attempt]) -> Result:
    """The result of a case that was run in all ways.

    That these agree is not asked for: each was judged, and in what may differ they may.
    """
    return Result(case, tuple(attempts), worst([_named(attempt) for attempt in attempts]))


def _named(attempt: Attempt) -> Judgement:
    judgement = attempt.judgement
    if judgement.verdict is Verdict.PASS:
        return judgement
    return Judgement(judgement.verdict, f"{attempt.way}: {judgement.why}")
