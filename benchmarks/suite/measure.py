"""Timing works against each other on a machine that others use too.

What is timed computes and does nothing else, so its time is that of the processor
(``time.process_time``): the clock on the wall goes on while others have the processor, the
more often the longer a run is, which would make what is linear look like more.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Run = Callable[[], object]


class Spread(NamedTuple):
    """A median, with the quartiles about it."""

    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The quartiles of *values*."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, median, high)


@dataclass(frozen=True)
class Paired:
    """Seconds for one run of each work, and how many times as long as the first's."""

    seconds: dict[str, list[float]]
    ratios: dict[str, list[float]]


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int = 15
    #: Of each work, in each round.
    seconds: float = 0.006


def paired(works: Mapping[str, Run], effort: Effort) -> Paired:
    """Time all in turn, in rounds.

    In a round each of the others stands between two slices of the first, and is compared
    with their mean: whatever slows the machine for longer than a few milliseconds slows all
    three. The order of the others changes from round to round.
    """
    names = list(works)
    first, others = names[0], names[1:]
    repeats = {name: repeats_for(run, effort.seconds) for name, run in works.items()}
    order = random.Random(len(names))
    seconds: dict[str, list[float]] = {name: [] for name in names}
    ratios: dict[str, list[float]] = {name: [] for name in others}
    gc.collect()
    gc.freeze()
    for _ in range(effort.rounds):
        before = timed(works[first], repeats[first])
        seconds[first].append(before)
        for name in order.sample(others, len(others)):
            theirs = timed(works[name], repeats[name])
            after = timed(works[first], repeats[first])
            seconds[name].append(theirs)
            seconds[first].append(after)
            ratios[name].append(2 * theirs / (before + after))
            before = after
    gc.unfreeze()
    return Paired(seconds, ratios)


def timed(run: Run, repeat: int) -> float:
    """Seconds for one run, of *repeat*."""
    start = time.process_time()
    for _ in range(repeat):
        run()
    return (time.process_time() - start) / repeat


def repeats_for(run: Run, seconds: float) -> int:
    """How many runs take about so long."""
    once = min(timed(run, 1) for _ in range(2))
    if once < seconds / 10:
        once = timed(run, max(1, round(seconds / 10 / once)))
    return max(1, round(seconds / once))


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the line through *points*, both of whose axes are logarithmic.

    1 is linear, 2 is quadratic. By least squares over the upper half, where what is
    constant does not count any more.
    """
    upper = points[len(points) // 2 - 1 :] if len(points) > 3 else points
    xs = [math.log(x) for x, _ in upper]
    ys = [math.log(y) for _, y in upper]
    return statistics.linear_regression(xs, ys).slope
