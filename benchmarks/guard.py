"""Fails when the engine has become slower beside its peers than it should be.

    python benchmarks/guard.py [--without-extras] [--only PART] [--floor 1000]

A short paired run against wsproto and websockets. Each row of the table below has floors by
mode; they stand some way under what is measured (benchmarks/README.md), for machines differ
and are shared. A row that falls under one is measured once more, for longer, before it counts.
Exits with 1 if one stays under, and with 2 if a peer or the row is missing.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field

Floors = dict[str, float]
PEERS = {"wsproto", "websockets"}


@dataclass(frozen=True)
class Floor:
    """How many times as long each peer must take, by mode; another mode's row is skipped."""

    row: str
    default: Floors = field(default_factory=dict)
    extras: Floors = field(default_factory=dict)
    compiled: Floors = field(default_factory=dict)

    def by_peer(self, mode: str) -> Floors:
        floors: Floors = getattr(self, mode)
        return floors


def same(wsproto: float, websockets: float, compiled: Floors) -> dict[str, Floors]:
    """Floors of a row that the extras have no part in."""
    floors = {"wsproto": wsproto, "websockets": websockets}
    return {"default": floors, "extras": floors, "compiled": compiled}


FLOORS = [
    Floor("server echo 16 B", **same(8, 2.5, {"websockets": 4.8})),
    Floor("server echo 125 B", **same(7.5, 2.3, {"websockets": 4.8})),
    Floor("server echo 1 KiB", **same(4, 1.1, {"websockets": 3})),
    Floor(
        "server echo 64 KiB binary in 64 KiB reads",
        default={"wsproto": 1.1},
        extras={"wsproto": 2, "websockets": 0.45},
        compiled={"wsproto": 2, "websockets": 0.45},
    ),
    Floor("client receive 125 B", **same(8.5, 2.6, {"websockets": 4})),
    Floor("client send 125 B", **same(4, 1.3, {"websockets": 2})),
    Floor("server receive 125 B in 64 KiB reads", **same(7, 2.2, {"websockets": 4})),
    Floor("server receive 16 KiB in 16 fragments", **same(1.5, 0.4, {"websockets": 0.3})),
    Floor(
        "server echo 1 KiB json deflate",
        default={"wsproto": 1.5, "websockets": 1},
        extras={"wsproto": 1.8, "websockets": 1.2},
        compiled={"wsproto": 1.8, "websockets": 1.2},
    ),
    Floor("server handshake", **same(1.5, 1.2, {"websockets": 1.2})),
]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--without-extras", action="store_true", help="as in a default install")
    parser.add_argument("--only", metavar="PART", default="", help="part of a row's name")
    parser.add_argument("--floor", type=float, help="instead of those of the table")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    from suite.process import settle

    settle(without_extras=options.without_extras)
    from suite import results, runner
    from suite.measure import Effort
    from suite.peers import load_peers

    chosen = [floor for floor in FLOORS if options.only in floor.row]
    if not chosen:
        print("No row has that in its name", file=sys.stderr)
        return 2
    peers = load_peers(PEERS)
    if missing := PEERS - set(peers):
        print(f"The guard needs {', '.join(sorted(missing))}", file=sys.stderr)
        return 2

    def under(floor: Floor, effort: Effort) -> list[str]:
        """Measure a row, and say it; gives what is under its floor."""
        (table,) = runner.run_tables(peers, lambda name: name == floor.row, effort)
        (row,) = table["rows"]
        faults = []
        for peer, wanted in floor.by_peer(mode).items():
            limit = options.floor or wanted
            ratio = row["timings"][peer]["ratio"]
            print(f"{floor.row}: {ratio:.2f} x {peer}, at least {limit:g}", flush=True)
            if ratio < limit:
                faults.append(f"{floor.row}: {ratio:.2f} x {peer}, {limit:g} wanted")
        return faults

    mode = results.mode()
    print(f"{mode}: {results.MODES[mode]}")
    effort = Effort(options.rounds, 0.004)
    failed = []
    for floor in chosen:
        if under(floor, effort):
            print("once more, for longer:")
            failed += under(floor, Effort(4 * effort.rounds, 2 * effort.seconds))
    for fault in failed:
        print(f"Slower than it should be: {fault}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
