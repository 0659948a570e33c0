"""Timing things against each other on a machine that others use too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def paired(
    works: Mapping[str, Callable[[], object]], repeat: int, rounds: int
) -> dict[str, list[float]]:
    """Seconds for one call of each work, by name, for each of *rounds* rounds.

    A round calls each *repeat* times, one work after the other, so that whatever slows
    the machine down slows them all: what counts is the ratio within a round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            for _ in range(repeat):
                work()
            seconds[name].append((time.perf_counter() - start) / repeat)
    return seconds


def ratio(seconds: dict[str, list[float]], theirs: str, ours: str) -> float:
    """How many times as long *theirs* takes: the median of the rounds' ratios."""
    pairs = zip(seconds[theirs], seconds[ours], strict=True)
    return statistics.median(a / b for a, b in pairs)


def microseconds(seconds: list[float]) -> float:
    """The median."""
    return statistics.median(seconds) * 1e6
