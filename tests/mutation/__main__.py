"""``python -m tests.mutation``: mutates the engine's core, and shows what no test notices."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.mutation.loop import ARGUMENTS, KILLED, SURVIVED, TIMEOUT, Loop
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
    "handshake_server", "http_head", "masking", "messages", "mutants", "mutants_parts",
    "negotiation", "prepared", "properties", "session_statistics", "states",
    "testing_opening_cases",
)  # fmt: skip

#: Those of them that are for a module, which are tried first.
OWN_TESTS = {
    "frame_protocol": ("mutants", "frames"),
    "messages": ("mutants", "messages", "frames", "closing"),
    "connection_base": ("mutants", "frames", "messages", "closing", "states"),
    "masking": ("mutants", "masking", "frames"),
    "utf8": ("mutants", "messages", "closing"),
    "deflate": ("mutants_parts", "deflate", "prepared"),
    "words": ("mutants", "frames", "closing", "states"),
    "states": ("mutants", "states", "closing"),
    "common_frames": ("mutants", "frames", "messages"),
    "header_fields": ("mutants_parts", "negotiation", "handshake_server", "handshake_client"),
    "http_head": ("mutants_parts", "http_head", "handshake_server", "handshake_client"),
    "negotiation": ("mutants_parts", "negotiation", "handshake_server", "handshake_client"),
    "upgrade": ("mutants_parts", "handshake_server", "handshake_client", "extended_connect"),
    "handshake": ("mutants_parts", "handshake_server", "handshake_client", "http_head"),
    "ws_connection": ("mutants_parts", "handshake_server", "handshake_client", "closing"),
    "extensions": ("mutants_parts", "negotiation", "deflate"),
    "prepared": ("mutants_parts", "prepared"),
    "limits": ("mutants", "messages", "frames"),
}

#: Functions for optional packages, which tests/test_back_ends.py tests where these are installed.
ELSEWHERE = {
    "masking": ("mask_by_numpy", "mask_by_numpy.mask", "_wide_mask", "masking_back_end"),
    "deflate": ("default_zlib", "_fit", "deflate_back_end"),
}

SURVIVORS = Path(__file__).with_name("survivors.toml")


class Explained:
    """The survivors that are known, with the reason why each is none to be killed."""

    def __init__(self) -> None:
        groups = tomllib.loads(SURVIVORS.read_text()).get("group", ())
        self.mutants = {(g["module"], *mutant) for g in groups for mutant in g.get("mutants", ())}
        self.lines = {(g["module"], line) for g in groups for line in g.get("lines", ())}

    def __contains__(self, mutant: Mutant) -> bool:
        return mutant.key in self.mutants or (mutant.module, mutant.old) in self.lines


class Results:
    """Counts outcomes, and writes them down as they come."""

    def __init__(self, file: Path | None, mutants: list[Mutant]) -> None:
        self.file = file
        self.outcomes: dict[tuple[str, str, str, str], str] = {}
        self.mutants = {mutant.key: mutant for mutant in mutants}
        if file is not None and file.exists():
            for line in file.open():
                module, function, old, new, _, outcome, _ = json.loads(line)
                self.outcomes[module, function, old, new] = outcome

    def left(self, again: bool) -> list[Mutant]:
        """The mutants to decide on: those that are not yet decided; *again* those that survived,
        too, and are not explained.
        """
        known = Explained()
        settled = (KILLED, TIMEOUT) if again else (KILLED, TIMEOUT, SURVIVED)
        return [
            mutant
            for mutant in self.mutants.values()
            if self.outcomes.get(mutant.key) not in settled
            and not (mutant in known and mutant.key in self.outcomes)
        ]

    def take(self, mutant: Mutant, outcome: str, by: str) -> None:
        self.outcomes[mutant.key] = outcome
        if self.file is not None:
            with self.file.open("a") as file:
                file.write(json.dumps([*mutant.key, mutant.lines.start, outcome, by]) + "\n")
        if sys.stderr.isatty():
            print(f"\r{len(self.outcomes)} of {len(self.mutants)}", end="", file=sys.stderr)

    def survivors(self) -> list[Mutant]:
        """Those whom no test has noticed."""
        return [m for m in self.mutants.values() if self.outcomes.get(m.key) == SURVIVED]

    def table(self) -> str:
        """A line for each module; the score counts those explained as survivors, too."""
        known = Explained()
        rows = ["| module | mutants | killed | timeout | explained | unexplained | score |"]
        rows.append("|---|--:|--:|--:|--:|--:|--:|")
        sums: Counter[str] = Counter()
        for module in MODULES:
            row: Counter[str] = Counter()
            for mutant in self.mutants.values():
                outcome = self.outcomes.get(mutant.key)
                if mutant.module == module and outcome in (KILLED, TIMEOUT, SURVIVED):
                    if outcome == SURVIVED:
                        outcome = "explained" if mutant in known else "unexplained"
                    row.update(("mutants", outcome))
            if row:
                rows.append(_row(module, row))
            sums += row
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
    parser.add_argument("--results", type=Path, help="keep there what comes of each; go on with it")
    parser.add_argument("--again", action="store_true", help="decide on the unexplained anew")
    parser.add_argument("--only-show", action="store_true", help="the results, and run nothing")
    parser.add_argument(
        "--budget", type=float, default=10.0, help="seconds of tests for a mutant (10)"
    )
    parser.add_argument("--observations", type=Path, help="keep there what tests reach, for later")
    parser.add_argument("--limit", type=int, help="of each module, so many mutants")
    given = parser.parse_args(arguments)
    wanted = [
        mutant
        for module in given.module
        for mutant in mutants_of(module)[: given.limit]
        if mutant.function not in ELSEWHERE.get(module, ())
    ]
    results = Results(given.results, wanted)
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"
    files = [f"tests/test_{name}.py" for name in TESTS]
    loop = Loop(
        results.left(given.again),
        results.take,
        at_once=given.processes,
        budget=given.budget,
        observations=given.observations,
        own=OWN_TESTS,
    )
    if not given.only_show:
        outcome = pytest.main([*ARGUMENTS, *files], plugins=[loop])
        if outcome:
            return int(outcome)
    print("\n" + results.table())
    known = Explained()
    left_over = [mutant for mutant in results.survivors() if mutant not in known]
    print(_show(left_over))
    return min(len(left_over), 255)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
