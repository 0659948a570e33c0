"""What a run measured, as it is kept in a JSON file: one file for each mode of the engine."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any, TypedDict

from suite.growth import Curve
from suite.measure import Effort, Paired, spread
from suite.peers import Peer
from wsproto_core import back_ends

OURS = "wsproto_core"

#: In the order of tables: what the engine can be run as, and what that means.
MODES = {
    "default": "pure Python, as installed",
    "extras": "with numpy and zlib-ng",
    "compiled": "compiled by mypyc, with numpy and zlib-ng",
}


class Timing(TypedDict):
    """What one peer made of one workload."""

    #: The median, for one message.
    microseconds: float
    #: How many times as long as ours: the quartiles of the rounds' ratios. 1 for ours.
    low: float
    ratio: float
    high: float
    #: Bytes sent for one message, if any were.
    sent: float | None


class Row(TypedDict):
    """One workload. In ``unsupported`` is why a peer is not in it."""

    name: str
    timings: dict[str, Timing]
    unsupported: dict[str, str]


class Table(TypedDict):
    """Rows under one title."""

    title: str
    rows: list[Row]


class Results(TypedDict):
    """All of a run."""

    mode: str
    environment: dict[str, str]
    versions: dict[str, str]
    notes: dict[str, str]
    utf8: dict[str, str]
    tables: list[Table]
    memory: dict[str, dict[str, float | str]]
    growth: list[Curve]
    instructions: dict[str, dict[str, float]]
    session: str


def mode() -> str:
    """Which of :data:`MODES` this process runs the engine in."""
    active = back_ends()
    if active.compiled:
        return "compiled"
    return "default" if (active.masking, active.deflate) == ("python", "zlib") else "extras"


def environment(effort: Effort) -> dict[str, str]:
    """Where this runs, and how long."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{os.cpu_count()} x {model}",
        "effort": f"{effort.rounds} rounds of {effort.seconds * 1000:g} ms",
        "back ends": f"masking by {back_ends().masking}, deflate by {back_ends().deflate}",
    }


def new(peers: dict[str, Peer], effort: Effort) -> Results:
    """Results without any figures yet."""
    return Results(
        mode=mode(),
        environment=environment(effort),
        versions={peer.name: peer.version() for peer in peers.values()},
        notes={peer.name: peer.note for peer in peers.values()},
        utf8={peer.name: peer.utf8 for peer in peers.values()},
        tables=[],
        memory={},
        growth=[],
        instructions={},
        session="",
    )


def summarize(name: str, measured: Paired, messages: int, sent: dict[str, float | None]) -> Row:
    """A row of the figures: medians, and the quartiles of ratios."""
    timings = {}
    for peer, seconds in measured.seconds.items():
        low, ratio, high = spread(measured.ratios.get(peer, [1.0]))
        timings[peer] = Timing(
            microseconds=spread(seconds).median / messages * 1e6,
            low=low,
            ratio=ratio,
            high=high,
            sent=sent.get(peer),
        )
    return Row(name=name, timings=timings, unsupported={})


def rows_of(results: Results) -> dict[str, Row]:
    return {row["name"]: row for table in results["tables"] for row in table["rows"]}


def save(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(results), indent=1, ensure_ascii=False) + "\n")


def load(path: Path) -> Results:
    loaded: Results = json.loads(path.read_text())
    return loaded


def load_all(folder: Path) -> dict[str, Results]:
    """By mode, in their order, those that there are."""
    paths = {name: folder / f"{name}.json" for name in MODES}
    return {name: load(path) for name, path in paths.items() if path.exists()}


def _rounded(value: Any) -> Any:
    """Four digits are more than any figure here is good for."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
