"""Instructions for one message, counted by callgrind: steady where time is not.

A row is played once and three times in processes of their own; the difference is what two
take, without whatever else there is. Instructions are not time: memory counts for nothing in them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from suite.peers import load_peers
from suite.workloads import ALL, Batch, prepare

#: Some rows, and the peers that start soonest: under callgrind all takes fifty times as long.
ROWS = ("server echo 16 B", "client receive 125 B", "client send 125 B")
PEERS = ("wsproto_core", "wsproto", "websockets")

_COLLECTED = re.compile(r"Collected : (\d+)")


def available() -> bool:
    return shutil.which("valgrind") is not None


def play(row: str, peer: str, times: int) -> int:
    """Do it so many times, after a first; gives how many messages that is each time."""
    workload = ALL[row]
    batch = Batch.of(workload)
    work = prepare(workload, load_peers({peer})[peer], batch)
    for _ in range(times):
        work.run()
    return len(batch.messages)


def count(program: Path, arguments: list[str], row: str, peer: str, times: int) -> int:
    """Instructions of the whole process."""
    command = [
        *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
        *(sys.executable, str(program), *arguments, "--play", row, peer, str(times)),
    ]
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(  # noqa: S603  # this suite's own program
        command, capture_output=True, text=True, env=environ, check=True
    )
    found = _COLLECTED.search(done.stderr)
    if found is None:
        raise RuntimeError(f"callgrind says nothing of instructions: {done.stderr[-500:]}")
    return int(found[1])


def measure_instructions(
    program: Path, arguments: list[str], peers: list[str], rows: tuple[str, ...] = ROWS
) -> dict[str, dict[str, float]]:
    """Instructions for a message, by row and peer."""
    counts: dict[str, dict[str, float]] = {}
    for row in rows:
        messages = len(Batch.of(ALL[row]).messages)
        counts[row] = {}
        for peer in (name for name in PEERS if name in peers):
            few, many = (count(program, arguments, row, peer, times) for times in (1, 3))
            counts[row][peer] = (many - few) / (2 * messages)
    return counts
