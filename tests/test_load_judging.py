"""The load benchmark's counting, and that it notices each promise that is broken."""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = str(Path(__file__).parents[1] / "benchmarks")
sys.path.insert(0, BENCHMARKS)
try:
    from load import ENDS, Wave, broken, broken_by_waves, report, shared_out
    from load_bookkeeping import SHARES, Plan, Sequence
finally:
    sys.path.remove(BENCHMARKS)


@pytest.mark.parametrize(
    ("numbers", "faults"),
    [
        ([0, 1, 2, 3], {}),
        ([0, 1, 2], {"lost": 1}),
        ([], {"lost": 4}),
        ([0, 2, 3], {"lost": 1}),
        ([0, 1, 1, 2, 3], {"duplicated": 1}),
        ([0, 1, 2, 3, 0], {"duplicated": 1}),
        ([0, 1, 2, 3, 4], {"duplicated": 1}),  # one more than there should be
        ([1, 0, 2, 3], {"reordered": 1}),
        ([3, 0, 1, 2], {"reordered": 3}),
        ([1, 0, 0, 3], {"lost": 1, "duplicated": 1, "reordered": 1}),
    ],
)
def test_a_sequence_knows_what_is_wrong(numbers: list[int], faults: dict[str, int]) -> None:
    sequence = Sequence()
    for number in numbers:
        sequence.note(number)
    assert sequence.faults(4) == faults


def plan(connections: int) -> Plan:
    return Plan(connections, 4, 1.0, 1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("connections", [10, 60, 500, 5000])
def test_a_plan_has_some_of_each_kind(connections: int) -> None:
    numbers = plan(connections).numbers()
    assert set(numbers) == {"steady", *SHARES}
    assert sum(numbers.values()) == connections
    assert min(numbers.values()) >= 1


@pytest.mark.parametrize("connections", [60, 25_000])
def test_each_connection_belongs_to_one_process_of_clients(connections: int) -> None:
    processes = shared_out(plan(connections))
    sizes = [sum(map(len, kinds.values())) for kinds in processes]
    assert max(sizes) <= 10_000
    numbers = [n for kinds in processes for each in kinds.values() for n in each]
    assert sorted(numbers) == list(range(connections))


def good_wave() -> Wave:
    """A wave of 100 in which all went well."""
    usual = {
        "connections": 0,
        "tasks": 1,
        "files": 8,
        "objects": 20_000,
        "blocks": 90_000,
        "rss": 30e6,
    }
    usual |= {"most_rss": 40e6, "cpu": 1.0}
    (kinds,) = shared_out(plan(100))
    records: list[dict[str, Any]] = [
        {
            "kind": kind,
            "number": number,
            "received": 4,
            "faults": {},
            "most_held": 70_000 if kind in ("unread", "pushed") else 0,
            "pings": 3,
            "end": ends[0],
        }
        for kind, ends in ENDS.items()
        for number in kinds[kind]
    ]
    seen = {
        "faults": {},
        "steady": {str(number): [4, 4] for number in kinds["steady"]},
        "received": 8 * len(kinds["steady"]),
        "answers": [["HTTP/1.1 408 Request Timeout", 1.1]] * 2,
    }
    peak = usual | {"connections": 100, "tasks": 101, "files": 108}
    return Wave(plan(100), usual, peak, dict(usual), records, [seen], 1.0, 2.0)


def test_a_good_wave_breaks_nothing() -> None:
    assert list(broken(good_wave())) == []
    assert list(broken_by_waves([good_wave(), good_wave()])) == []
    assert "| connections left | 0 | 0 |" in report([good_wave(), good_wave()])


def of(wave: Wave, kind: str) -> dict[str, Any]:
    return next(record for record in wave.records if record["kind"] == kind)


#: What goes wrong, and how it is said.
FAULTS: dict[str, tuple[Callable[[Wave], object], str]] = {
    "a task is left": (lambda w: w.after.update(tasks=2), "tasks: 1 before, 2 after"),
    "a file is left": (lambda w: w.after.update(files=9), "files: 8 before, 9 after"),
    "a connection is left": (lambda w: setattr(w, "left", 1), "1 connections are left"),
    "objects": (lambda w: w.after.update(objects=20_501), "501 more objects"),
    "blocks": (lambda w: w.after.update(blocks=93_001), "3,001 more blocks"),
    "too few": (lambda w: w.peak.update(connections=99), "99 of 100 connections at the peak"),
    "a client's loss": (lambda w: w.seen[0]["faults"].update({"echo lost": 1}), "echo lost: 1"),
    "a server's loss": (lambda w: of(w, "steady").update(faults={"lost": 1}), "at the server"),
    "one too few": (lambda w: of(w, "steady").update(received=3), "at the server"),
    "a killed one's": (lambda w: of(w, "reset").update(faults={"lost": 1}), "reset"),
    "disagreement": (lambda w: w.seen[0]["steady"].update({"0": [3, 4]}), "the ends differ"),
    "a client is unheard of": (lambda w: w.seen[0]["steady"].popitem(), "the ends differ"),
    "no heartbeats": (lambda w: of(w, "steady").update(pings=1), "fewer than two heartbeats"),
    "no bound": (lambda w: of(w, "unread").update(most_held=200_000), "unread: 200,000 bytes"),
    "nor here": (lambda w: of(w, "pushed").update(most_held=2_000_000), "pushed: 2,000,000"),
    "nothing held": (lambda w: of(w, "pushed").update(most_held=0), "pushed: 0 bytes held"),
    "no answer": (lambda w: w.seen[0]["answers"].pop(), "mute: 1 of 2"),
    "another": (lambda w: w.seen[0].update(answers=[["HTTP/1.1 400 ", 1.1]] * 2), "mute: 0 of 2"),
    "too early": (lambda w: w.seen[0].update(answers=[["HTTP/1.1 408 ", 0.5]] * 2), "mute: 0"),
    "too late": (lambda w: w.seen[0].update(answers=[["HTTP/1.1 408 ", 99]] * 2), "mute: 0"),
    **{
        f"{kind} ends otherwise": (
            lambda w, kind=kind: of(w, kind).update(end=["lost", 1006, 1234]),  # type: ignore[misc]
            f"{kind}: 1 ended with",
        )
        for kind in ENDS
    },
    **{
        f"{kind} does not end": (
            lambda w, kind=kind: w.records.remove(of(w, kind)),  # type: ignore[misc]
            f"{kind}: ",
        )
        for kind in ENDS
    },
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_noticed(name: str) -> None:
    wave = good_wave()
    plant, expected = FAULTS[name]
    plant(wave)
    assert any(expected in line for line in broken(wave)), list(broken(wave))


@pytest.mark.parametrize(
    ("moment", "what", "more", "expected"),
    [
        ("peak", "rss", 4_100_000, "memory: 4.1 MB more"),
        ("after", "objects", 201, "objects: 201 more"),
        ("after", "blocks", 501, "blocks: 501 more"),
    ],
)
def test_what_each_wave_leaves_is_noticed(moment: str, what: str, more: int, expected: str) -> None:
    first = good_wave()
    second = deepcopy(first)
    getattr(second, moment)[what] += more
    assert [line for line in broken_by_waves([first, second]) if expected in line]
