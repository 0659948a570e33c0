"""Runs the table of workloads, and the handshakes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial

from suite.measure import Effort, paired
from suite.peers import Deflate, Engine, Peer, UnsupportedError
from suite.results import Row, Table, summarize
from suite.wire import Payload, decode, encode
from suite.workloads import WORKLOADS, Batch, Work, Workload, WrongAnswerError, prepare

#: A handshake's row: the role, and what is agreed on.
HANDSHAKES: dict[str, tuple[str, Deflate | None]] = {
    "server handshake": ("server", None),
    "server handshake deflate": ("server", Deflate()),
    "client handshake": ("client", None),
    "client handshake deflate": ("client", Deflate()),
}


def names() -> list[str]:
    """All rows that can be asked for."""
    return [row.name for _, rows in WORKLOADS for row in rows] + list(HANDSHAKES)


def run_tables(
    peers: dict[str, Peer],
    wanted: Callable[[str], bool],
    effort: Effort,
    shown: Callable[[str, Row], None] | None = None,
) -> list[Table]:
    """Measure the rows whose name is wanted; each is shown as soon as it is there."""
    tables = []
    for title, measures in _plans(peers, effort):
        rows = []
        for name, measure in measures.items():
            if wanted(name):
                rows.append(measure())
                if shown is not None:
                    shown(title, rows[-1])
        if rows:
            tables.append(Table(title=title, rows=rows))
    return tables


def _plans(
    peers: dict[str, Peer], effort: Effort
) -> Iterator[tuple[str, dict[str, Callable[[], Row]]]]:
    for title, rows in WORKLOADS:
        yield title, {row.name: partial(run_workload, row, peers, effort) for row in rows}
    yield (
        "Opening handshakes",
        {name: partial(run_handshake, name, peers, effort) for name in HANDSHAKES},
    )


def run_workload(workload: Workload, peers: dict[str, Peer], effort: Effort) -> Row:
    batch = Batch.of(workload)
    works: dict[str, Work] = {}
    unsupported = {}
    for peer in peers.values():
        try:
            works[peer.name] = prepare(workload, peer, batch)
        except UnsupportedError as exc:
            unsupported[peer.name] = str(exc)
    measured = paired({name: work.run for name, work in works.items()}, effort)
    sent = {name: work.sent for name, work in works.items()}
    row = summarize(workload.name, measured, len(batch.messages), sent)
    row["unsupported"] = unsupported
    return row


def run_handshake(name: str, peers: dict[str, Peer], effort: Effort) -> Row:
    role, deflate = HANDSHAKES[name]
    runs = {}
    unsupported = {}
    for peer in peers.values():
        run = partial(peer.handshake, role, deflate)
        try:
            check_open(name, peer, peer.engine(run()), role, deflate)
        except UnsupportedError as exc:
            unsupported[peer.name] = str(exc)
        else:
            runs[peer.name] = run
    row = summarize(name, paired(runs, effort), 1, {})
    row["unsupported"] = unsupported
    return row


def check_open(name: str, peer: Peer, engine: Engine, role: str, deflate: Deflate | None) -> None:
    """A connection is open if it echoes; and compresses if that was agreed on."""
    messages: list[Payload] = ["Is anybody here? " * 20]
    compressed = deflate is not None
    reads = encode(messages, masked=role == "server", rng=random.Random(1), deflate=compressed)
    sent = b"".join(engine.echo(reads))
    if decode(sent) != messages or (len(sent) < len(messages[0])) != compressed:
        raise WrongAnswerError(f"{peer.name} is not open after its handshake: {name}")
