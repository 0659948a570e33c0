"""Measures this environment's engine against the peers that are installed in it.

    python benchmarks/run.py --only 'server echo 125 B'    one row
    python benchmarks/run.py --only deflate                those with this in their name
    python benchmarks/run.py --list                        what there is
    python benchmarks/run.py --json default.json           everything, kept

Rows may be named by part of their names, and so may the sections "memory", "growth" and
"instructions". Exits with 1 if a peer gives a wrong answer, or a curve of ours grows more than
linearly.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", metavar="PART", action="append", help="part of a row's name")
    parser.add_argument("--peers", metavar="NAMES", help="some of them, with commas between")
    parser.add_argument("--list", action="store_true", help="the names of all rows")
    parser.add_argument("--rounds", type=int, help="how often each is timed")
    parser.add_argument("--quick", action="store_true", help="a minute or two for everything")
    parser.add_argument(
        "--without-extras", action="store_true", help="as if numpy and zlib-ng were not there"
    )
    parser.add_argument("--instructions", action="store_true", help="count them (callgrind)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there")
    parser.add_argument("--play", nargs=3, metavar=("ROW", "PEER", "TIMES"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    # Before anything imports the engine.
    from suite.process import settle

    settle(without_extras=options.without_extras)
    from suite import instructions

    if options.play:
        row, peer, times = options.play
        instructions.play(row, peer, int(times))
        return 0
    from suite import growth, markdown, memory, results, runner
    from suite.measure import Effort
    from suite.peers import load_peers
    from suite.workloads import WrongAnswerError

    names = [*runner.names(), "memory", "growth", "instructions"]
    if options.list:
        print("\n".join(names))
        return 0
    effort = Effort(5, 0.003) if options.quick else Effort()
    if options.rounds:
        effort = Effort(options.rounds, effort.seconds)

    def wanted(name: str) -> bool:
        return options.only is None or any(part in name for part in options.only)

    if not any(map(wanted, names)):
        print("No row has that in its name; --list tells their names", file=sys.stderr)
        return 2
    peers = load_peers(options.peers and set(options.peers.split(",")))
    found = results.new(peers, effort)
    others = markdown.others(found)
    print(f"{results.MODES[found['mode']]}. {markdown.machine(found)}", flush=True)
    shown = ""

    def show(title: str, row: results.Row) -> None:
        nonlocal shown
        if title != shown:
            print(f"\n### {title}\n\n{markdown.table(markdown.header(others), [])}", end="")
            shown = title
        print(f"| {' | '.join(markdown.row_cells(row, others))} |", flush=True)

    try:
        found["tables"] = runner.run_tables(peers, wanted, effort, show)
    except WrongAnswerError as exc:
        print(f"Wrong: {exc}", file=sys.stderr)
        return 1
    for table in found["tables"]:
        if table["title"].startswith("Compressed") and (sizes := markdown.sent_sizes(table)):
            print(f"\nBytes on the wire for each message:\n\n{sizes}", end="")
    if wanted("memory"):
        found["memory"] = memory.measure_memory(peers, options.quick)
        print(f"\n### Memory of an open connection\n\n{markdown.memory(found)}", flush=True)
    complaints = []
    if wanted("growth"):
        found["growth"] = growth.measure_growth(peers, options.quick)
        print(f"\n### Growth\n\n{markdown.growth(found)}", flush=True)
        complaints = growth.superlinear(found["growth"])
    if options.instructions or (options.only and wanted("instructions")):
        if instructions.available():
            ours = ["--without-extras"] if options.without_extras else []
            found["instructions"] = instructions.measure_instructions(
                Path(__file__), ours, list(peers)
            )
            print(f"\n### Instructions\n\n{markdown.instructions(found)}", flush=True)
        else:
            print("Instructions are not counted: there is no valgrind", file=sys.stderr)
    if options.only is None:
        print(f"\n### Goals\n\n{markdown.goals({found['mode']: found})}", flush=True)
    if options.json:
        results.save(found, options.json)
    for complaint in complaints:
        print(f"Not linear: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
