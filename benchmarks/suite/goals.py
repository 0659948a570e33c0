"""What the project wants of its speed, and whether it has it.

The figure for a goal is the lowest ratio of its rows: a goal for all sizes is met at the
worst of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from suite.results import OURS, Results, rows_of

Floors = dict[str, float]


@dataclass(frozen=True)
class Goal:
    """How many times as long peers must take, by mode and peer."""

    title: str
    rows: tuple[str, ...]
    default: Floors = field(default_factory=dict)
    extras: Floors = field(default_factory=dict)
    compiled: Floors = field(default_factory=dict)

    def floors(self, mode: str) -> Floors:
        floors: Floors = getattr(self, mode)
        return floors


@dataclass(frozen=True)
class Verdict:
    """What was measured for one goal, in one mode, against one peer."""

    peer: str
    wanted: float
    measured: float
    #: The row that it was measured in: the worst.
    row: str

    @property
    def met(self) -> bool:
        # To the digits that are shown: nobody should read "3.5 of 3.5, not met".
        return round(self.measured, 2) >= self.wanted


def _rows(start: str, *ends: str) -> tuple[str, ...]:
    return tuple(f"{start} {end}" for end in ends)


_LARGE = ("64 KiB binary in 64 KiB reads", "1 MiB binary in 64 KiB reads")

GOALS = [
    Goal(
        "server echo, 16 B and 125 B",
        _rows("server echo", "16 B", "125 B"),
        default={"wsproto": 10, "websockets": 3.5},
        extras={"wsproto": 10, "websockets": 3.5},
        compiled={"websockets": 8},
    ),
    Goal(
        "server receive, 16 B and 125 B",
        _rows("server receive", "16 B", "125 B"),
        compiled={"aiohttp": 1},
    ),
    Goal(
        "server echo, 1 KiB",
        ("server echo 1 KiB",),
        default={"wsproto": 7, "websockets": 2},
        extras={"wsproto": 7, "websockets": 2},
        compiled={"websockets": 4},
    ),
    Goal("server receive, 1 KiB", ("server receive 1 KiB",), compiled={"aiohttp": 1}),
    Goal(
        "server echo, 64 KiB and 1 MiB binary, in 64 KiB reads",
        _rows("server echo", *_LARGE),
        default={"wsproto": 1.5},
        extras={"websockets": 1.3},
        compiled={"websockets": 1.3},
    ),
    Goal(
        "server receive, 64 KiB and 1 MiB binary, in 64 KiB reads",
        _rows("server receive", *_LARGE),
        extras={"aiohttp": 1.5},
        compiled={"aiohttp": 1.5},
    ),
    Goal(
        "client receive (unmasked), all sizes",
        _rows("client receive", "16 B", "125 B", "1 KiB", "16 KiB", *_LARGE),
        default={"wsproto": 8, "websockets": 3},
        compiled={"websockets": 6},
    ),
    Goal(
        "client send (masked), 16 B to 1 KiB",
        _rows("client send", "16 B", "125 B", "1 KiB"),
        default={"wsproto": 6, "websockets": 2},
        compiled={"websockets": 5},
    ),
    Goal(
        "many small frames in one read, server",
        (
            *_rows("server echo", "16 B in 64 KiB reads", "125 B in 64 KiB reads"),
            *_rows("server receive", "16 B in 64 KiB reads", "125 B in 64 KiB reads"),
        ),
        default={"wsproto": 10, "websockets": 4},
    ),
    Goal(
        "deflate, 1 KiB JSON, server echo",
        ("server echo 1 KiB json deflate",),
        default={"wsproto": 1.5, "websockets": 1.3},
        extras={"websockets": 2.5},
    ),
    Goal(
        "server handshake",
        ("server handshake", "server handshake deflate"),
        default={"wsproto": 1.3, "websockets": 1},
    ),
]

#: Bytes that an open connection may hold, without deflate.
MEMORY_GOAL = 2048


def judge(goal: Goal, results: Results) -> list[Verdict]:
    """A verdict for each peer that the goal names for the mode that was measured."""
    rows = rows_of(results)
    verdicts = []
    for peer, wanted in goal.floors(results["mode"]).items():
        found = [
            (rows[name]["timings"][peer]["ratio"], name)
            for name in goal.rows
            if name in rows and peer in rows[name]["timings"]
        ]
        if found:
            verdicts.append(Verdict(peer, wanted, *min(found)))
    return verdicts


def memory_held(results: Results) -> float | None:
    """What the goal for memory is about; None if it was not measured."""
    held = results["memory"].get("plain", {}).get(OURS)
    return held if isinstance(held, (int, float)) else None
