"""Whole servers against each other: processor time for each message that they echo.

    python benchmarks/systems.py [--quick] [--only PATTERN] [--loop uvloop] [--json FILE] [--write]

Each server of ``systems_servers.py`` runs in a process of its own, and so does the load,
``systems_load.py``, which reads the server's processor time, user and system, before and after
each measurement. A round puts each load on all servers in turn; the figure that counts is the
median over the rounds of the *ratio* to :data:`OURS` within a round, because a shared machine
changes its speed from one second to the next. Servers that are not installed are left out.

``--write`` puts the tables into SYSTEMS.md, which says what is compared, and how.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import select
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import IO, NamedTuple

from systems_load import Order, Outcome, messages
from systems_servers import SYSTEMS

from wsproto_core import back_ends

HERE = Path(__file__).parent
REPORT = HERE / "SYSTEMS.md"
BEGIN, END = "<!-- tables of systems.py -->\n", "<!-- end of tables -->\n"

#: What the others are compared with.
OURS = "`Session`, examples/embedding"

#: Seconds after which a process that has not answered is given up.
TIMEOUT = 120.0

SIZES = {16: "16 B text", 1024: "1 KiB text", 65536: "64 KiB binary"}


class Load(NamedTuple):
    connections: int
    #: Messages that each connection has on the way.
    in_flight: int

    def __str__(self) -> str:
        plural = "s" if self.connections > 1 else ""
        return f"{self.connections} connection{plural}, {self.in_flight} in flight"


LOADS = [Load(1, 1), Load(50, 1), Load(1, 16)]


class Cell(NamedTuple):
    """What is measured, for each server."""

    load: Load
    deflate: bool
    size: int


@dataclass(frozen=True)
class Plan:
    rounds: int
    #: For how long messages are sent in each measurement.
    seconds: float


FULL, QUICK = Plan(rounds=7, seconds=0.1), Plan(rounds=1, seconds=0.02)

#: Ways to deflate: zlib's level, window bits and memory level. SYSTEMS.md says whose they are.
SETTINGS = [(6, 15, 8), (6, 12, 5), (3, 15, 8), (1, 15, 8)]

#: The outcomes of the rounds, by cell and server.
Outcomes = dict[Cell, dict[str, list[Outcome]]]


class Program:
    """A process that answers in lines, and ends when its standard input does."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603  # our own programs
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input: IO[str] = self.process.stdin
        self._output: IO[str] = self.process.stdout

    def write(self, line: str) -> None:
        self._input.write(line + "\n")
        self._input.flush()

    def read(self) -> str:
        """The next line; there is never more than one to come."""
        ready, _, _ = select.select([self._output], [], [], TIMEOUT)
        line = self._output.readline() if ready else ""
        if not line:
            raise RuntimeError(f"{self.process.args!r} has not answered")
        return line

    def end(self) -> None:
        with suppress(BrokenPipeError):
            self._input.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._output.close()


@dataclass(frozen=True)
class Target:
    """A server that runs."""

    port: int
    pid: int
    websocket: bool


@contextmanager
def running(names: Sequence[str], loop: str) -> Iterator[tuple[Program, dict[str, Target]]]:
    """The load and the servers."""
    with ExitStack() as stack:

        def start(file: str, *arguments: str) -> Program:
            program = Program(str(HERE / file), *arguments)
            stack.callback(program.end)
            return program

        load = start("systems_load.py")
        servers = {name: start("systems_servers.py", name, "--loop", loop) for name in names}
        yield (
            load,
            {
                name: Target(int(server.read()), server.process.pid, SYSTEMS[name].websocket)
                for name, server in servers.items()
            },
        )


def measure(load: Program, target: Target, cell: Cell, seconds: float) -> Outcome:
    order = Order(
        port=target.port,
        pid=target.pid,
        websocket=target.websocket,
        connections=cell.load.connections,
        in_flight=cell.load.in_flight,
        size=cell.size,
        deflate=cell.deflate,
        seconds=seconds,
    )
    load.write(json.dumps(asdict(order)))
    return Outcome(**json.loads(load.read()))


def compare(names: Sequence[str], cells: Sequence[Cell], plan: Plan, loop: str) -> Outcomes:
    outcomes: Outcomes = {cell: {name: [] for name in names} for cell in cells}
    with running(names, loop) as (load, targets):
        for target in targets.values():  # the interpreter adapts its code as it runs
            measure(load, target, Cell(Load(1, 1), False, 16), plan.seconds)
        for number in range(plan.rounds):
            # Who comes first is another one in each round.
            first = number % len(names)
            order = [*names[first:], *names[:first]]
            for cell in cells:
                for name in order:
                    outcome = measure(load, targets[name], cell, plan.seconds)
                    outcomes[cell][name].append(outcome)
            print(f"round {number + 1} of {plan.rounds}", file=sys.stderr, flush=True)
    return outcomes


class Figures(NamedTuple):
    """Medians over the rounds."""

    #: Processor time for a message, as a multiple of OURS; None for want of ours.
    ratio: float | None
    microseconds: float
    #: Payload of an echo on the wire.
    payload: float


def figures(rounds: Mapping[str, Sequence[Outcome]], name: str) -> Figures | str:
    """Those of a server in one cell, or why there are none."""
    outcomes = rounds[name]
    if any(outcome.error for outcome in outcomes):
        return "failed"
    for outcome in outcomes:
        if outcome.declined:
            return outcome.declined
    costs = [outcome.cpu / outcome.messages for outcome in outcomes]
    ours = [outcome.cpu / outcome.messages for outcome in rounds.get(OURS, ()) if outcome.messages]
    return Figures(
        statistics.median(a / b for a, b in zip(costs, ours, strict=True)) if ours else None,
        statistics.median(costs) * 1e6,
        statistics.median(outcome.payload / outcome.messages for outcome in outcomes),
    )


def table(outcomes: Outcomes, cells: Sequence[Cell]) -> str:
    """A row for each server, a column for each cell."""
    lines = [
        "| x ours (us) | " + " | ".join(SIZES[cell.size] for cell in cells) + " |",
        "|---|" + "---:|" * len(cells),
    ]
    for name in outcomes[cells[0]]:
        entries = []
        for cell in cells:
            match figures(outcomes[cell], name):
                case Figures(ratio, microseconds):
                    x = "-" if ratio is None else f"{ratio:.2f}"
                    entries.append(f"{x} ({microseconds:.0f})")
                case str(reason):
                    entries.append(reason)
        shown = f"**{name}**" if name == OURS else name
        lines.append(f"| {shown} | {' | '.join(entries)} |")
    return "\n".join(lines)


def wire_table(outcomes: Outcomes, cells: Sequence[Cell]) -> str:
    """What compressing yields: what costs little may compress little."""
    lines = [
        "| bytes of an echo | " + " | ".join(SIZES[cell.size] for cell in cells) + " |",
        "|---|" + "---:|" * len(cells),
    ]
    for name in outcomes[cells[0]]:
        found = [figures(outcomes[cell], name) for cell in cells]
        sizes = [f"{each.payload:.0f}" for each in found if isinstance(each, Figures)]
        if SYSTEMS[name].websocket and len(sizes) == len(cells):
            lines.append(f"| {name} | {' | '.join(sizes)} |")
    return "\n".join(lines)


def zlib_table(sizes: Sequence[int], rounds: int) -> str:
    """What zlib alone takes to inflate the messages, and to deflate them again."""
    lines = [
        "| zlib alone, us: level, window bits, memory | "
        + " | ".join(SIZES[size] for size in sizes)
        + " |",
        "|---|" + "---:|" * len(sizes),
    ]
    works = [[recompress(size, *setting) for size in sizes] for setting in SETTINGS]
    for setting, row in zip(SETTINGS, works, strict=True):
        entries = []
        for size, work in zip(sizes, row, strict=True):
            repeat = max(4, 65536 // size)
            times = [timed(work, repeat) for _ in range(rounds)]
            entries.append(f"{statistics.median(times) * 1e6:.0f}")
        lines.append(f"| {', '.join(map(str, setting))} | {' | '.join(entries)} |")
    return "\n".join(lines)


def timed(work: Callable[[], object], repeat: int) -> float:
    start = time.process_time()
    for _ in range(repeat):
        work()
    return (time.process_time() - start) / repeat


def recompress(size: int, level: int, window_bits: int, memory_level: int) -> Callable[[], object]:
    payloads = [message.payload for message in messages(size, True)]
    compressed = []
    for payload in payloads:
        fresh = zlib.compressobj(wbits=-15)
        compressed.append(fresh.compress(payload) + fresh.flush(zlib.Z_SYNC_FLUSH))
    turns = cycle(compressed)
    inflater = zlib.decompressobj(wbits=-15)
    deflater = zlib.compressobj(level, zlib.DEFLATED, -window_bits, memory_level)

    def work() -> bytes:
        payload = inflater.decompress(next(turns))
        return deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)

    return work


def report(outcomes: Outcomes, environment: str, rounds: int) -> str:
    """The tables, as Markdown."""
    parts = [environment]
    for deflate in (False, True):
        for load in dict.fromkeys(cell.load for cell in outcomes):
            cells = [cell for cell in outcomes if (cell.load, cell.deflate) == (load, deflate)]
            if cells:
                parts += [f"### {load}{', deflate' if deflate else ''}", table(outcomes, cells)]
    compressed = [cell for cell in outcomes if cell.deflate]
    if compressed:
        cells = [cell for cell in compressed if cell.load == compressed[0].load]
        parts += ["### What compressing yields, and takes", wire_table(outcomes, cells)]
        parts += [zlib_table([cell.size for cell in cells], rounds)]
    return "\n\n".join(parts) + "\n"


def as_json(outcomes: Outcomes, environment: str) -> str:
    rows = []
    for cell, rounds in outcomes.items():
        for name, measured in rounds.items():
            found = figures(rounds, name)
            result = {"reason": found} if isinstance(found, str) else found._asdict()
            rows.append(
                {
                    "server": name,
                    **cell.load._asdict(),
                    "deflate": cell.deflate,
                    "size": cell.size,
                    **result,
                    "rounds": [asdict(outcome) for outcome in measured],
                }
            )
    return json.dumps({"environment": environment, "rows": rows}, indent=1)


def installed(pattern: str) -> list[str]:
    """The servers to measure: those that match, and ours."""
    names = []
    for name, system in SYSTEMS.items():
        if name != OURS and not re.search(pattern, name):
            continue
        missing = [module for module in system.needs if find_spec(module) is None]
        if missing:
            print(f"left out {name}: {', '.join(missing)} not installed", file=sys.stderr)
        else:
            names.append(name)
    return names


def describe(names: Sequence[str], plan: Plan, loop: str) -> str:
    packages = {package for name in names for package in SYSTEMS[name].needs}
    versions = [f"CPython {platform.python_version()}"]
    for package in ["wsproto_core", *sorted(packages), *(["uvloop"] if loop == "uvloop" else [])]:
        with suppress(PackageNotFoundError):
            versions.append(f"{package} {version(package)}")
    ours = back_ends()
    return (
        f"{', '.join(versions)}; ours masks with {ours.masking} and compresses with "
        f"{ours.deflate}; {platform.system()}, {os.cpu_count()} processors; "
        f"{loop}'s event loop; medians of {plan.rounds} "
        f"round{'s' if plan.rounds > 1 else ''} of {plan.seconds:g} s."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--only", default="", metavar="PATTERN", help="servers, besides ours")
    parser.add_argument("--sizes", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    parser.add_argument("--write", action="store_true", help=f"the tables into {REPORT.name}")
    options = parser.parse_args()

    plan = QUICK if options.quick else FULL
    plan = Plan(options.rounds or plan.rounds, plan.seconds)
    names = installed(options.only)
    cells = [
        Cell(load, deflate, size)
        for deflate in (False, True)
        for load in LOADS
        for size in options.sizes
    ]
    outcomes = compare(names, cells, plan, options.loop)
    environment = describe(names, plan, options.loop)
    text = report(outcomes, environment, plan.rounds)
    print(text)
    if options.json:
        options.json.write_text(as_json(outcomes, environment), encoding="utf-8")
    if options.write:
        before, begin, rest = REPORT.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        if not (begin and end):
            sys.exit(f"{REPORT.name} has lost its markers")
        REPORT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    failures = {
        f"{name}, {cell.load}, {cell.size} B{', deflate' if cell.deflate else ''}: {outcome.error}"
        for cell, rounds in outcomes.items()
        for name, measured in rounds.items()
        for outcome in measured
        if outcome.error
    }
    if failures:
        sys.exit("\n".join(sorted(failures)))


if __name__ == "__main__":
    main()
