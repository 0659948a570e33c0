"""Thousands of connections at once, a third of them in trouble: what is held, and what is left.

    python benchmarks/load.py [--connections 5000] [--quick] [--waves 2] [--write]

A server on ``examples/transports/on_asyncio.py`` in a process of its own, ``load_server.py``, and
its clients in others, ``load_clients.py``. Of a hundred connections 76 are steady: they send
numbered messages, which are echoed, and are sent numbered messages that go to everybody. 20 are
killed without a Close, by a RST, by a FIN, or by silence; 2 never read what they are sent; 2
never finish their request. Both ends send heartbeats. A second wave shows whether the first has
left anything.

It prints figures, and every promise that was broken; then it exits with 1. ``--write`` puts the
figures into LOAD.md, which says what is promised. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from load_bookkeeping import SHARES, TALKING, Plan

HERE = Path(__file__).parent
REPORT = HERE / "LOAD.md"
BEGIN, END = "<!-- figures of load.py -->\n", "<!-- end of figures -->\n"

FULL = Plan(
    connections=5000,
    messages=30,
    period=1.0,
    ping_interval=5.0,
    ping_timeout=15.0,
    handshake_timeout=20.0,
    close_timeout=10.0,
)
# Short times, but longer than what a busy machine makes a healthy connection wait.
QUICK = replace(
    FULL,
    connections=500,
    messages=10,
    period=0.3,
    ping_interval=1.0,
    ping_timeout=8.0,
    handshake_timeout=10.0,
    close_timeout=4.0,
)

#: Seconds beyond the plan's own after which what has not happened never will.
PATIENCE = 60.0
#: Connections of one process of clients.
MOST_CLIENTS = 10_000
#: What the library may hold for one connection besides what the plan allows: a message and what
#: the transport was given just before.
CHUNK = 16_384 + 14
HIGH_WATER = 65_536

#: How each kind must have ended, at the server: cause, code, code sent.
ENDS: dict[str, list[list[object]]] = {
    "steady": [["closed", 1000, 1000]],
    "reset": [["lost", 1006, None]],
    "ended": [["lost", 1006, None]],
    "silent": [["timed out", 1006, 1011]],
    "unread": [["timed out", 1006, 1011]],
    "pushed": [["failed", 1006, 1008]],
}


@dataclass
class Wave:
    """What is known of a wave when it is over."""

    plan: Plan
    before: dict[str, float]
    peak: dict[str, float]
    after: dict[str, float]
    #: A record of each connection that was opened, from the server.
    records: list[dict[str, Any]]
    #: What each process of clients has seen.
    seen: list[dict[str, Any]]
    seconds_to_connect: float
    seconds: float
    #: Connections that the server still had when no more were let go.
    left: int = 0


@dataclass
class Program:
    """A process that answers in lines, and ends when its standard input does."""

    arguments: Sequence[str]
    input: IO[str] = field(init=False)
    output: IO[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603  # our own programs
            [sys.executable, *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout

    def write(self, line: str) -> None:
        self.input.write(line + "\n")
        self.input.flush()

    def read(self, patience: float) -> Any:
        """The next line, which is JSON; there is never more than one to come."""
        ready, _, _ = select.select([self.output], [], [], patience)
        line = self.output.readline() if ready else ""
        if not line:
            raise SystemExit(f"{self.arguments[0]} has not answered within {patience:g} s")
        return json.loads(line)

    def ask(self, command: str, patience: float = PATIENCE) -> Any:
        self.write(command)
        return self.read(patience)

    def end(self) -> None:
        with suppress(BrokenPipeError):
            self.input.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()


def shared_out(plan: Plan) -> list[dict[str, list[int]]]:
    """The connections of each process of clients, by kind, each with a number of its own."""
    numbers = itertools.count()
    processes: list[dict[str, list[int]]] = [
        {kind: [] for kind in plan.numbers()} for _ in range(-(-plan.connections // MOST_CLIENTS))
    ]
    for kind, wanted in plan.numbers().items():
        for _, process in zip(range(wanted), itertools.cycle(processes)):  # endless
            process[kind].append(next(numbers))
    return processes


def run_wave(server: Program, port: int, plan: Plan, seed: int) -> Wave:
    before = server.ask("report")
    began = time.monotonic()
    with ExitStack() as stack:
        processes = []
        for kinds in shared_out(plan):
            program = Program([str(HERE / "load_clients.py")])
            stack.callback(program.end)
            order = {"port": port, "plan": asdict(plan), "kinds": kinds, "seed": seed}
            program.write(json.dumps(order))
            processes.append(program)
        for program in processes:
            program.read(PATIENCE * 5)
        wait_for_count(server, plan.connections, PATIENCE)
        seconds_to_connect = time.monotonic() - began
        peak = server.ask("report")
        server.ask("cast")
        for program in processes:
            program.write("go")
        for program in processes:
            program.read(plan.duration + PATIENCE * 6)
        left = wait_for_none(server, plan)
        seconds = time.monotonic() - began
        records = server.ask("records")  # which are then no longer in its memory
        after = server.ask("report")
        seen = [program.ask("finish") for program in processes]
    return Wave(plan, before, peak, after, records, seen, seconds_to_connect, seconds, left)


def wait_for_none(server: Program, plan: Plan) -> int:
    """Wait until the server has let go of all by itself. How many it has not."""
    longest = plan.ping_interval + plan.ping_timeout * 2 + plan.close_timeout
    return wait_for_count(server, 0, max(longest, plan.handshake_timeout) + PATIENCE / 4)


def wait_for_count(server: Program, wanted: int, patience: float) -> int:
    """Wait until the server has so many connections. How many it has."""
    deadline = time.monotonic() + patience
    while (found := int(server.ask("count"))) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def broken(wave: Wave) -> Iterator[str]:
    """Each promise that a wave has broken."""
    plan, wanted = wave.plan, wave.plan.numbers()
    yield from broken_conversations(wave)
    if wave.left:
        yield f"{wave.left} connections are left"
    for what in ("connections", "tasks", "files"):
        if wave.after[what] != wave.before[what]:
            yield f"{what}: {wave.before[what]:,} before, {wave.after[what]:,} after"
    if wave.peak["connections"] != plan.connections:
        yield f"{wave.peak['connections']:,} of {plan.connections:,} connections at the peak"
    # A first wave leaves what is made once and kept, for any number of connections.
    for what, allowed in (("objects", 500), ("blocks", 3000)):
        grown = wave.after[what] - wave.before[what]
        if grown > allowed:
            yield f"{grown:,} more {what} after than before"

    for kind, ends in ENDS.items():
        found = [record for record in wave.records if record["kind"] == kind]
        if len(found) != wanted[kind]:
            yield f"{kind}: {len(found)} of {wanted[kind]} have ended"
        for end, times in Counter(str(r["end"]) for r in found if r["end"] not in ends).items():
            yield f"{kind}: {times} ended with {end}"
    for kind, allowed in (("unread", HIGH_WATER), ("pushed", plan.max_output)):
        # As much again may be with the transport, whose buffer is not empty yet.
        most = max((r["most_held"] for r in wave.records if r["kind"] == kind), default=0)
        if not 0 < most <= 2 * (allowed + CHUNK):
            yield f"{kind}: {most:,} bytes held, where {2 * (allowed + CHUNK):,} are allowed"

    answers = [answer for seen in wave.seen for answer in seen["answers"]]
    late = plan.handshake_timeout + PATIENCE / 4
    good = [
        status.startswith("HTTP/1.1 408 ") and plan.handshake_timeout * 0.9 < took < late
        for status, took in answers
    ]
    if sum(good) != wanted["mute"]:
        yield f"mute: {sum(good)} of {wanted['mute']} were refused with 408 in time: {answers[:3]}"


def broken_conversations(wave: Wave) -> Iterator[str]:
    """What steady connections have missed, at either end."""
    steady = {r["number"]: r for r in wave.records if r["kind"] == "steady"}
    for fault, times in sum((Counter(seen["faults"]) for seen in wave.seen), Counter()).items():
        yield f"at the clients: {fault}: {times}"
    at_clients = {int(n): ends for seen in wave.seen for n, ends in seen["steady"].items()}
    for number, record in steady.items():
        if record["faults"] or record["received"] != wave.plan.messages:
            yield f"at the server: of {number}, {record['received']} came, {record['faults']}"
        if at_clients.get(number) != [wave.plan.messages] * 2:
            yield f"the ends differ: {number}, {at_clients.get(number)}, {record['received']}"
    if len(at_clients) != wave.plan.numbers()["steady"]:
        yield f"{len(at_clients)} steady clients were heard of"
    for record in wave.records:  # those that were killed lose their last words, but no others
        if record["kind"] in TALKING and record["faults"]:
            yield f"at the server: {record['kind']} {record['number']}: {record['faults']}"
    if any(record["pings"] < 2 for record in steady.values()):
        yield "a steady connection had fewer than two heartbeats"


def broken_by_waves(waves: Sequence[Wave]) -> Iterator[str]:
    """What a later wave has left, though it could use all that the first has left."""
    for first, second in itertools.pairwise(waves):
        for what, allowed in (("objects", 200), ("blocks", 500)):
            grown = second.after[what] - first.after[what]
            if grown > allowed:
                yield f"{what}: {grown:,} more after another wave"
        grown = second.peak["rss"] - first.peak["rss"]
        if grown > max(4e6, first.peak["rss"] * 0.1):
            yield f"memory: {grown / 1e6:.1f} MB more at the peak of another wave"


def report(waves: Sequence[Wave]) -> str:
    """The figures, as Markdown."""
    plan = waves[0].plan
    counts = plan.numbers()
    kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("steady", *SHARES))
    header = ["", *(f"wave {number}" for number in range(1, len(waves) + 1))]
    rows: list[list[str]] = [header, ["---", *["---:"] * len(waves)]]

    def row(name: str, *values: str) -> None:
        rows.append([name, *values])

    def megabytes(size: float) -> str:
        return f"{size / 1e6:.1f} MB"

    row("connections", *(f"{wave.peak['connections']:,}" for wave in waves))
    row("until all were there", *(f"{wave.seconds_to_connect:.1f} s" for wave in waves))
    row("until all were gone", *(f"{wave.seconds:.1f} s" for wave in waves))
    received = [sum(r["received"] for r in wave.records) for wave in waves]
    row("messages to the server", *(f"{number:,}" for number in received))
    delivered = [sum(seen["received"] for seen in wave.seen) for wave in waves]
    row("messages to the steady clients", *(f"{number:,}" for number in delivered))
    pings = [sum(r["pings"] for r in wave.records) for wave in waves]
    row("heartbeats of the server", *(f"{number:,}" for number in pings))
    cpu = [wave.after["cpu"] - wave.before["cpu"] for wave in waves]
    row("processor time of the server", *(f"{seconds:.1f} s" for seconds in cpu))
    per_connection = [
        (wave.peak["rss"] - wave.before["rss"]) / wave.peak["connections"] for wave in waves
    ]
    row("memory of a connection, idle", *(f"{size / 1000:.1f} kB" for size in per_connection))
    for kind in ("unread", "pushed"):
        most = [
            max((r["most_held"] for r in wave.records if r["kind"] == kind), default=0)
            for wave in waves
        ]
        row(f"most held for one that is {kind}", *(f"{size / 1000:.0f} kB" for size in most))
    for name, what in (
        ("memory", "rss"),
        *((n, n) for n in ("tasks", "files", "objects", "blocks")),
    ):
        for moment in ("before", "peak", "after"):
            values = [getattr(wave, moment)[what] for wave in waves]
            row(
                f"{name}, {'at the ' if moment == 'peak' else ''}{moment}",
                *(megabytes(v) if what == "rss" else f"{v:,}" for v in values),
            )
    row("memory, the most so far", *(megabytes(wave.after["most_rss"]) for wave in waves))
    row("connections left", *(str(wave.left) for wave in waves))
    environment = (
        f"{plan.connections:,} connections: {kinds}. {plan.messages} messages each way, "
        f"one each {plan.period:g} s; heartbeats each {plan.ping_interval:g} s, for "
        f"{plan.ping_timeout:g} s. CPython {platform.python_version()}, {platform.system()}, "
        f"{os.cpu_count()} processors, asyncio's event loop."
    )
    return environment + "\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in rows) + "\n"


def write(text: str) -> None:
    before, begin, rest = REPORT.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{REPORT.name} has lost its markers")
    REPORT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connections", type=int)
    parser.add_argument("--quick", action="store_true", help="500 in one wave, and short times")
    parser.add_argument("--waves", type=int, help="by default 2, of which the quick form has 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--plant", nargs="+", default=[], help="have the server break promises: see load_server.py"
    )
    parser.add_argument("--write", action="store_true", help=f"the figures into {REPORT.name}")
    options = parser.parse_args()

    plan = QUICK if options.quick else FULL
    plan = replace(plan, connections=options.connections or plan.connections)
    number_of_waves = options.waves or (1 if options.quick else 2)
    server = Program([str(HERE / "load_server.py"), *options.plant])
    try:
        server.write(json.dumps(asdict(plan)))
        port = server.read(PATIENCE)
        waves = [run_wave(server, port, plan, options.seed + n) for n in range(number_of_waves)]
    finally:
        server.end()
    text = report(waves)
    print(text)
    faults = [
        *(f"wave {n}: {fault}" for n, wave in enumerate(waves, 1) for fault in broken(wave)),
        *broken_by_waves(waves),
    ]
    if faults:
        more = f"\n... and {len(faults) - 40} more" if len(faults) > 40 else ""
        sys.exit("broken:\n" + "\n".join(faults[:40]) + more)
    print("All promises were kept.")
    if options.write:
        write(text)


if __name__ == "__main__":
    main()
