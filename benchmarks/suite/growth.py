"""How time and memory grow with what a peer can send, or how many they are.

Each curve is fitted: its exponent is 1 where twice as much takes twice as long. The suite
fails where ours is clearly more than that.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from suite.measure import exponent, timed
from suite.peers import Peer
from suite.wire import BINARY, CONTINUATION, encode, frame, payload
from suite.workloads import READ

Work = Callable[[], object]


class Curve(TypedDict):
    """What was measured: (x, y) by peer, and the exponents."""

    title: str
    x: str
    y: str
    points: dict[str, list[tuple[float, float]]]
    exponents: dict[str, float]
    limit: float


@dataclass(frozen=True)
class Plan:
    """A curve to measure. ``prepare`` makes, for one peer and one x, the work to be timed."""

    title: str
    x: str
    xs: Sequence[int]
    prepare: Callable[[Peer, int], Work]
    memory: bool = False
    #: The exponent that ours must not exceed. What is above 1 is room for noise, and for
    #: caches that what is small fits into.
    limit: float = 1.2


def cut(stream: bytes, step: int = READ) -> list[bytes]:
    return [stream[i : i + step] for i in range(0, len(stream), step)]


def one_message(peer: Peer, size: int, step: int = READ) -> Work:
    rng = random.Random(size)
    message = payload("binary", size, rng)
    reads = cut(b"".join(encode([message], masked=True, rng=rng)), step)
    engine = peer.open("server")
    return lambda: engine.receive(reads)


def byte_by_byte(peer: Peer, size: int) -> Work:
    return one_message(peer, size, 1)


def fragments(peer: Peer, count: int) -> Work:
    rng = random.Random(count)
    pieces = [
        frame(BINARY if n == 0 else CONTINUATION, rng.randbytes(16), rng.randbytes(4))
        for n in range(count)
    ]
    last = frame(0x80 | CONTINUATION, b"", rng.randbytes(4))
    reads = cut(b"".join(pieces) + last)
    engine = peer.open("server")
    return lambda: engine.receive(reads)


def frames_in_a_read(peer: Peer, count: int) -> Work:
    rng = random.Random(count)
    messages = [payload("ascii", 16, rng) for _ in range(count)]
    read = b"".join(encode(messages, masked=True, rng=rng))
    engine = peer.open("server")
    return lambda: engine.receive([read])


def connections(peer: Peer, count: int) -> Work:
    rng = random.Random(count)
    reads = encode([payload("ascii", 125, rng)], masked=True, rng=rng)
    engines = [peer.open("server") for _ in range(count)]

    def work() -> None:
        for engine in engines:
            engine.echo(reads)

    return work


def opening(peer: Peer, count: int) -> Work:
    return lambda: [peer.handshake("server") for _ in range(count)]


def powers(first: int, last: int, factor: int = 4) -> list[int]:
    xs = [first]
    while xs[-1] * factor <= last:
        xs.append(xs[-1] * factor)
    return xs


PLANS = [
    Plan("Time to receive a message", "bytes", powers(1 << 10, 1 << 24), one_message),
    Plan("Time, one byte a read", "bytes", powers(1 << 8, 1 << 16), byte_by_byte),
    Plan("Time, by fragments", "fragments of 16 B", powers(1 << 4, 1 << 14), fragments),
    Plan("Time, frames in one read", "frames of 16 B", powers(1 << 4, 1 << 16), frames_in_a_read),
    Plan("Time, echo on each connection", "connections", powers(10, 10240), connections, limit=1.3),
    Plan("Peak memory, a message", "bytes", powers(1 << 10, 1 << 24), one_message, memory=True),
    Plan(
        "Peak memory, by fragments", "fragments of 16 B", powers(1 << 4, 1 << 14), fragments, True
    ),
    Plan("Memory of open connections", "connections", powers(10, 2560), opening, memory=True),
]

#: Those whose curves are drawn beside ours.
PEERS = ("wsproto_core", "wsproto", "websockets")


def seconds(works: Sequence[Work], patience: float) -> list[float]:
    """The best of several runs of each, in turn."""
    best = [float("inf")] * len(works)
    stop = time.perf_counter() + patience
    rounds = 0
    while rounds < 3 or (time.perf_counter() < stop and rounds < 50):
        rounds += 1
        for i, work in enumerate(works):
            best[i] = min(best[i], timed(work, 1))
    return best


def peak(work: Work) -> float:
    """Bytes at the worst, above what there was before."""
    work()
    gc.collect()
    tracemalloc.start()
    kept = work()
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return float(size)


def measure_growth(peers: dict[str, Peer], quick: bool) -> list[Curve]:
    """All curves, of ours and of those peers that are there."""
    curves = []
    chosen = [peers[name] for name in PEERS if name in peers]
    for plan in PLANS:
        xs = plan.xs[:-1] if quick else plan.xs
        points: dict[str, list[tuple[float, float]]] = {peer.name: [] for peer in chosen}
        for x in xs:
            works = [plan.prepare(peer, x) for peer in chosen]
            if plan.memory:
                ys = [peak(work) for work in works]
            else:
                ys = seconds(works, 0.05 if quick else 0.2)
            for peer, y in zip(chosen, ys, strict=True):
                points[peer.name].append((x, y))
        curves.append(
            Curve(
                title=plan.title,
                x=plan.x,
                y="bytes" if plan.memory else "seconds",
                points=points,
                exponents={name: exponent(line) for name, line in points.items()},
                limit=plan.limit,
            )
        )
    return curves


def superlinear(curves: Sequence[Curve], name: str = "wsproto_core") -> list[str]:
    """What is to be complained of: the curves of *name* that are above their limit."""
    return [
        f"{curve['title']}: grows with the power {curve['exponents'][name]:.2f} of "
        f"{curve['x']}, {curve['limit']} allowed"
        for curve in curves
        if curve["exponents"].get(name, 0) > curve["limit"]
    ]
