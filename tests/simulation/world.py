"""The world that everything in a schedule is in: its time, its chances, and its record.

Knows nothing of connections.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NoReturn

#: Times are compared with as much tolerance: the clock may stand at a large number.
EPSILON: Final = 1e-6
#: More steps than any schedule needs; one that takes more does not come to rest.
MOST_STEPS: Final = 4000


class Fault(AssertionError):
    """Something that must not be, with the schedule that leads to it."""


class World:
    """What time it is, what happens when, what is drawn, and what has happened.

    :param seed: all that it depends on.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = rng = random.Random(seed)
        #: How often a schedule got where.
        self.reached: Counter[str] = Counter()
        #: Time, who, what, and with what: all that was done.
        self.trace: list[tuple[float, str, str, object]] = []
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._serial = 0
        self.now = rng.choice((0.0, 1000.0, -500.0))
        self.kind = rng.choices(("calm", "rough", "lying", "altered"), (30, 50, 13, 7))[0]
        self.calm = self.kind == "calm"
        #: Whether both are sessions, and hear what the other says.
        self.honest = self.kind in ("calm", "rough")
        #: Whether the sessions begin over an open connection.
        self.over = rng.random() < 0.5
        #: The mean time between two actions of an application.
        self.tempo = rng.choice((0.05, 0.5, 2.0))
        #: Whether the round trip takes what the link takes, and nothing else.
        self.exact = False

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        """Have something happen at a time."""
        self._serial += 1
        heapq.heappush(self._queue, (when, self._serial, call, arguments))

    def after(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Have something happen in so many seconds."""
        self.at(self.now + seconds, call, *arguments)

    def play(self) -> None:
        """Have everything happen, until nothing is left."""
        queue = self._queue
        steps = 0
        while queue:
            self.now, _, call, arguments = heapq.heappop(queue)
            call(*arguments)
            steps += 1
            if steps > MOST_STEPS:
                self.fail("it does not come to rest")
        self.reached["steps"] += steps

    def note(self, who: str, what: str, result: object) -> None:
        """Put something into the trace."""
        self.trace.append((self.now, who, what, result))

    def fail(self, what: str) -> NoReturn:
        """Give up on the schedule."""
        raise Fault(self.story(what))

    def describe(self) -> list[str]:
        """What the schedule is like, in lines."""
        return []

    def story(self, what: str) -> str:
        """What went wrong, in which schedule, and how to see it again."""
        again = f"SIMULATION_SEEDS={self.seed}:{self.seed + 1}"
        lines = [
            what,
            f"seed {self.seed}; again: {again} python -m pytest tests/test_simulation.py",
            *self.describe(),
        ]
        left_out = len(self.trace) - 200
        if left_out > 0:
            lines.append(f"... {left_out} lines")
        for time, who, action, result in self.trace[-200:]:
            said = (
                f"{len(result)} bytes {result[:16].hex(' ')}" if isinstance(result, bytes) else ""
            )
            lines.append(f"{time:10.4f} {who:6} {action:9} {said or repr(result):.160}")
        return "\n".join(lines)


__all__ = ["EPSILON", "Fault", "World"]
