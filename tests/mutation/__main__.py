"""``python -m tests.mutation``: mutates the engine's core, and shows what no test notices."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.loop import ARGUMENTS, SURVIVED, TIMEOUT, UNREACHED, Loop
from tests.mutation.mutants import Mutant, mutants_of

#: The core, by importance.
MODULES = (
    "frame_protocol", "messages", "connection_base", "masking", "utf8", "deflate", "words",
    "states", "common_frames", "header_fields", "http_head", "negotiation", "upgrade",
    "handshake", "ws_connection", "extensions", "prepared", "limits",
)  # fmt: skip

#: The tests that decide: those of the engine that need no clock, no process and no other
#: implementation.
TESTS = (
    "closing", "deflate", "events", "extended_connect", "frames", "handshake_client",
    "handshake_server", "http_head", "masking", "messages", "mutants", "negotiation",
    "prepared", "properties", "states", "testing_opening_cases",
)  # fmt: skip

SURVIVORS = Path(__file__).with_name("survivors.toml")


def explained() -> dict[tuple[str, str, str, str], str]:
    """The survivors that are known, with the reason why each is none to be killed."""
    found = {}
    for group in tomllib.loads(SURVIVORS.read_text()).get("group", ()):
        for function, old, new in group["mutants"]:
            found[group["module"], function, old, new] = group["reason"]
    return found


class Results:
    """Counts outcomes, and writes them down as they come."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self.begun = time.monotonic()
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.survivors: list[Mutant] = []

    def take(self, mutant: Mutant, outcome: str, by: str) -> None:
        self.counts[mutant.module][outcome] += 1
        if outcome in (SURVIVED, UNREACHED):
            self.survivors.append(mutant)
        if self.file is not None:
            with self.file.open("a") as file:
                line = mutant.lines.start
                file.write(json.dumps([*mutant.key, line, outcome, by]) + "\n")
        total = sum(sum(counts.values()) for counts in self.counts.values())
        if sys.stderr.isatty():
            print(f"\r{total} decided, {len(self.survivors)} survive", end="", file=sys.stderr)

    def table(self) -> str:
        """A line for each module; those explained count as neither killed nor survived."""
        known = explained()
        rows = ["| module | mutants | killed | timeout | explained | unexplained | score |"]
        rows.append("|---|--:|--:|--:|--:|--:|--:|")
        sums: Counter[str] = Counter()
        for module, counts in self.counts.items():
            survivors = [mutant for mutant in self.survivors if mutant.module == module]
            row = Counter(
                mutants=counts.total(),
                killed=counts["killed"],
                timeout=counts[TIMEOUT],
                explained=sum(mutant.key in known for mutant in survivors),
                unexplained=sum(mutant.key not in known for mutant in survivors),
            )
            sums += row
            rows.append(_row(module, row))
        rows.append(_row("all", sums))
        return "\n".join(rows)


def _row(name: str, row: Counter[str]) -> str:
    caught = row["killed"] + row["timeout"]
    score = f"{100 * caught / row['mutants']:.1f} %" if row["mutants"] else ""
    kinds = ("mutants", "killed", "timeout", "explained", "unexplained")
    return f"| {name} | " + " | ".join(str(row[kind]) for kind in kinds) + f" | {score} |"


def _show(mutants: list[Mutant]) -> str:
    """As they are entered into survivors.toml."""
    groups: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        groups[mutant.module].append(mutant)
    lines = []
    for module, group in groups.items():
        lines += ["", "[[group]]", f'module = "{module}"', 'reason = ""', "mutants = ["]
        for mutant in group:
            texts = (mutant.function, mutant.old, mutant.new)
            lines.append(f"    {json.dumps(texts)},  # line {mutant.lines.start}")
        lines.append("]")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run it; returns how many survivors there are that are not explained, 255 at most."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--module", nargs="+", choices=MODULES, default=MODULES)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path, help="write each mutant's outcome to this file")
    parser.add_argument("--survivors-of", type=Path, help="only what survived by such a file")
    parser.add_argument("--limit", type=int, help="of each module, so many mutants")
    given = parser.parse_args(arguments)
    wanted = [mutant for module in given.module for mutant in mutants_of(module)[: given.limit]]
    if given.survivors_of is not None:
        lines: list[Any] = [json.loads(line) for line in given.survivors_of.open()]
        left = {tuple(line[:4]) for line in lines if line[5] in (SURVIVED, UNREACHED)}
        wanted = [mutant for mutant in wanted if mutant.key in left]
    results = Results(given.results)
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"
    files = [f"tests/test_{name}.py" for name in TESTS]
    outcome = pytest.main(
        [*ARGUMENTS, *files], plugins=[Loop(wanted, given.processes, results.take)]
    )
    if outcome:
        return int(outcome)
    print("\n" + results.table())
    known = explained()
    left_over = [mutant for mutant in results.survivors if mutant.key not in known]
    print(_show(left_over))
    return min(len(left_over), 255)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
