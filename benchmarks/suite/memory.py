"""What open connections hold, by Python's allocators: zlib's contexts too."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

from suite.peers import Deflate, Peer, UnsupportedError
from suite.wire import Payload, encode

#: The rows: what was agreed on, and how many connections are made to find the mean.
CASES: list[tuple[str, Deflate | None, int]] = [
    ("plain", None, 500),
    ("deflate", Deflate(), 60),
    ("deflate, no takeover", Deflate(takeover=False), 60),
]


def opened(peer: Peer, deflate: Deflate | None) -> Any:
    """A server's connection that has echoed a message: what an application keeps of it."""
    try:
        held = peer.handshake("server", deflate)
        engine = peer.engine(held)
    except UnsupportedError:
        engine = peer.open("server", deflate)
        held = engine.held
    messages: list[Payload] = ["Hello, is anybody here?"]
    engine.echo(encode(messages, masked=True, rng=random.Random(1), deflate=deflate is not None))
    return held


def bytes_of_each(make: Callable[[], Any], count: int) -> float:
    """Bytes that are held for each of many."""
    kept = [make()]
    gc.collect()
    tracemalloc.start()
    kept += [make() for _ in range(count)]
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    # The list of them is not theirs.
    return size / count - 8


def measure_memory(peers: dict[str, Peer], quick: bool) -> dict[str, dict[str, float | str]]:
    """Bytes by case and peer, or why there are none."""
    table: dict[str, dict[str, float | str]] = {}
    for name, deflate, count in CASES:
        row: dict[str, float | str] = {}
        for peer in peers.values():

            def make(peer: Peer = peer, deflate: Deflate | None = deflate) -> Any:
                return opened(peer, deflate)

            try:
                row[peer.name] = bytes_of_each(make, count // 4 if quick else count)
            except UnsupportedError as exc:
                row[peer.name] = str(exc)
        table[name] = row
    return table
