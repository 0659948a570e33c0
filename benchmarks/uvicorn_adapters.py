"""uvicorn's adapters for WebSockets against each other: processor time for an echoed message.

    python benchmarks/uvicorn_adapters.py [--quick] [--check] [--loop uvloop] [--rounds N]

Compares ``examples/uvicorn_ws.py`` with the two adapters that uvicorn has of this kind. Each
runs in a process of its own, under the same raw ASGI application, with uvicorn's defaults: a
ping every 20 s, messages of up to 16 MiB, permessage-deflate for clients that offer it. The
load, ``systems_load.py``, does not offer it, knows no WebSocket library, and reads the server's
processor time, user and system, from outside. 50 connections have a message in flight each. A
round puts each load on all servers in turn; what counts is the median over the rounds of the
ratio within a round, because a shared machine changes its speed from one second to the next.

``--check`` fails unless ours takes at most 0.75 of websockets-sansio's time and 0.5 of
wsproto's, at 16 B and at 1 KiB.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from importlib.metadata import version

from systems import Cell, Load, Outcomes, Plan, compare, describe

OURS = "uvicorn, examples/uvicorn_ws"
#: At most this part of the other's time.
GOALS = {"uvicorn, websockets-sansio": 0.75, "uvicorn, wsproto": 0.5}
CELLS = [Cell(Load(50, 1), deflate=False, size=size) for size in (16, 1024)]
FULL, QUICK = Plan(rounds=15, seconds=0.3), Plan(rounds=5, seconds=0.2)


def ratio(outcomes: Outcomes, cell: Cell, theirs: str) -> float:
    """What part of the other's time ours takes."""
    pairs = zip(outcomes[cell][OURS], outcomes[cell][theirs], strict=True)
    return statistics.median(
        (ours.cpu / ours.messages) / (other.cpu / other.messages) for ours, other in pairs
    )


def table(outcomes: Outcomes) -> tuple[str, bool]:
    """The figures, and whether the goals are met."""
    lines = [
        "| 50 connections | 16 B | 1 KiB | ours, of that | goal |",
        "|---|---:|---:|---:|---:|",
    ]
    met = True
    for name in (OURS, *GOALS):
        costs = [
            statistics.median(one.cpu / one.messages for one in outcomes[cell][name]) * 1e6
            for cell in CELLS
        ]
        shown = " | ".join(f"{cost:.1f} us" for cost in costs)
        if name == OURS:
            lines.append(f"| **{name}** | {shown} | | |")
            continue
        ratios = [ratio(outcomes, cell, name) for cell in CELLS]
        met = met and max(ratios) <= GOALS[name]
        parts = ", ".join(f"{each:.2f}" for each in ratios)
        lines.append(f"| {name} | {shown} | {parts} | {GOALS[name]:.2f} |")
    return "\n".join(lines), met


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds")
    parser.add_argument("--check", action="store_true", help="fail if the goal is missed")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    plan = Plan(options.rounds or plan.rounds, plan.seconds)
    names = [OURS, *GOALS]
    outcomes = compare(names, CELLS, plan, options.loop)
    errors = {
        outcome.error or outcome.declined
        for rounds in outcomes.values()
        for measured in rounds.values()
        for outcome in measured
        if not outcome.messages
    }
    if errors:
        sys.exit("\n".join(sorted(errors)))
    text, met = table(outcomes)
    print(f"uvicorn {version('uvicorn')}, {describe(names, plan, options.loop)}\n\n{text}")
    if options.check and not met:
        sys.exit("the goal is missed")


if __name__ == "__main__":
    main()
