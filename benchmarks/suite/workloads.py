"""What is measured: a table of workloads, and the bytes that each is made of.

A workload is a row of :data:`WORKLOADS`. Everything random in it comes from its own name, so
that a row is the same whatever is run with it.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from suite.peers.base import Deflate, Engine, Peer, UnsupportedError
from suite.wire import Payload, decode, encode, payload

KIB, MIB = 1024, 1024 * 1024
READ = 64 * KIB

#: How many bytes of messages a batch has at most; one message, if it is larger.
BATCH = 64 * KIB
#: And how many messages at most.
BATCH_MESSAGES = 200


@dataclass(frozen=True)
class Workload:
    """Messages that are received, sent or echoed.

    ``cut`` says what a read is: "frame", one frame; "64 KiB", as much as a socket often
    gives, of one large frame or of many small ones; "1 byte".
    """

    operation: str
    role: str
    size: int
    kind: str = "ascii"
    cut: str = "frame"
    fragments: int = 1
    deflate: Deflate | None = None

    @property
    def name(self) -> str:
        parts = [self.role, self.operation, size_name(self.size)]
        if self.kind != "ascii":
            parts.append(self.kind)
        if self.fragments > 1:
            parts.append(f"in {self.fragments} fragments")
        if self.cut != "frame":
            parts.append(f"in {self.cut} reads")
        if self.deflate is not None:
            parts.append("deflate" if self.deflate.takeover else "deflate, no takeover")
            if self.deflate.level is not None:
                parts.append(f"level {self.deflate.level}")
        return " ".join(parts)


def size_name(size: int) -> str:
    """As people write it: "125 B", "1 KiB"."""
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"


SMALL = (16, 125, KIB, 16 * KIB)
LARGE = (64 * KIB, MIB)
BOTH = ("server", "client")

#: Each is (title of the table, rows).
WORKLOADS: list[tuple[str, list[Workload]]] = [
    (
        "Echo",
        [
            *(Workload("echo", role, size) for role in BOTH for size in SMALL),
            *(Workload("echo", role, size, "binary", "64 KiB") for role in BOTH for size in LARGE),
        ],
    ),
    (
        "Receive",
        [
            *(Workload("receive", role, size) for role in BOTH for size in SMALL),
            *(
                Workload("receive", role, size, "binary", "64 KiB")
                for role in BOTH
                for size in LARGE
            ),
        ],
    ),
    (
        "Send",
        [
            *(Workload("send", role, size) for role in BOTH for size in SMALL),
            *(Workload("send", role, size, "binary") for role in BOTH for size in LARGE),
        ],
    ),
    (
        "Many small frames in one read",
        [
            Workload(operation, role, size, cut="64 KiB")
            for operation in ("echo", "receive")
            for role in BOTH
            for size in (16, 125, KIB)
        ],
    ),
    (
        "Other text, and binary",
        [
            *(Workload("receive", "server", size, "multibyte") for size in (125, KIB, 64 * KIB)),
            *(Workload("receive", "server", size, "binary") for size in (125, KIB, 16 * KIB)),
            Workload("receive", "client", 64 * KIB, "multibyte", "64 KiB"),
        ],
    ),
    (
        "In pieces",
        [
            Workload("receive", "server", 16 * KIB, fragments=16),
            Workload("receive", "client", 16 * KIB, fragments=16),
            Workload("receive", "server", MIB, "binary", "64 KiB", fragments=1024),
            *(Workload("receive", role, size, cut="1 byte") for role in BOTH for size in (16, KIB)),
        ],
    ),
    (
        "Compressed (permessage-deflate, JSON as chats have it)",
        [
            *(
                Workload(operation, role, size, "json", deflate=Deflate(takeover))
                for operation, role in (("echo", "server"), ("receive", "client"))
                for size in (KIB, 64 * KIB)
                for takeover in (True, False)
            ),
            *(
                Workload("echo", "server", size, "json", deflate=Deflate(level=level))
                for size in (KIB, 64 * KIB)
                for level in (6, 1)
            ),
        ],
    ),
]

ALL = {row.name: row for _, rows in WORKLOADS for row in rows}


class WrongAnswerError(Exception):
    """A peer does not give what all must give."""


@dataclass(frozen=True)
class Batch:
    """A workload made concrete."""

    messages: list[Payload]
    reads: list[bytes]

    @classmethod
    def of(cls, workload: Workload) -> Batch:
        # Also where compressing looks back no further than 32 KiB, a batch that is played
        # again must not be found there: so a compressed one is longer than that.
        count = min(BATCH_MESSAGES, BATCH // workload.size)
        if workload.cut == "1 byte":
            count = min(count, 4)
        if workload.deflate is not None and workload.size > KIB:
            count = 2
        rng = random.Random(workload.name)
        messages = [payload(workload.kind, workload.size, rng) for _ in range(max(1, count))]
        whole = encode(
            messages,
            masked=workload.role == "server",
            rng=rng,
            fragments=workload.fragments,
            deflate=workload.deflate is not None,
            takeover=workload.deflate is None or workload.deflate.takeover,
        )
        if workload.cut == "frame":
            return cls(messages, whole)
        step = {"64 KiB": READ, "1 byte": 1}[workload.cut]
        stream = b"".join(whole)
        return cls(messages, [stream[i : i + step] for i in range(0, len(stream), step)])


@dataclass(frozen=True)
class Work:
    """What is timed: one batch through one connection of one peer."""

    run: Callable[[], object]
    #: Bytes that it sent for each message of the first batch; None if it sends nothing.
    sent: float | None


def prepare(workload: Workload, peer: Peer, batch: Batch) -> Work:
    """Open a connection, and see that it does what all must do before it is timed.

    Raises :exc:`UnsupportedError` if the peer cannot do it, and :exc:`WrongAnswerError`.
    """
    compresses = workload.deflate is not None and workload.operation != "receive"
    if compresses and workload.size > peer.largest_deflated:
        raise UnsupportedError("it compresses large messages in a thread")
    engine = peer.open(workload.role, workload.deflate)
    act: Callable[[Sequence[Any]], list[Any]]
    act = getattr(engine, workload.operation)
    given = batch.messages if workload.operation == "send" else batch.reads
    sent = None
    # Twice, for a connection must be as good the second time.
    for _ in range(2):
        result = act(given)
        if workload.operation == "receive":
            check(workload, peer, batch, result)
        else:
            sent = sent or len(b"".join(result)) / len(batch.messages)
            check_sent(workload, peer, batch, result, engine)
    return Work(lambda: act(given), sent)


def check(workload: Workload, peer: Peer, batch: Batch, got: Sequence[Payload]) -> None:
    """The same messages, text as str; bytes may be any buffer."""
    right = len(got) == len(batch.messages) and all(
        a == b and isinstance(a, str) == isinstance(b, str)
        for a, b in zip(got, batch.messages, strict=True)
    )
    if not right:
        raise WrongAnswerError(f"{peer.name} gives other messages: {workload.name}")


def check_sent(
    workload: Workload, peer: Peer, batch: Batch, out: Sequence[bytes], engine: Engine
) -> None:
    """A server's plain frames to the byte; else what they hold: keys and levels differ."""
    data = b"".join(out)
    client = workload.role == "client"
    if workload.deflate is None and not client:
        expected = encode(batch.messages, masked=False, rng=random.Random())
        if data != b"".join(expected):
            raise WrongAnswerError(f"{peer.name} sends other bytes: {workload.name}")
        return
    if workload.deflate is not None and workload.deflate.takeover:
        # The second batch refers to the first: only a receiver that saw both can read it.
        seen: bytes = getattr(engine, "sent_before", b"")
        engine.sent_before = data = seen + data  # type: ignore[attr-defined]
        check(workload, peer, batch, _read(data, True)[-len(batch.messages) :])
        return
    check(workload, peer, batch, _read(data, False))


def _read(data: bytes, takeover: bool) -> list[Payload]:
    """What was sent; nothing, if it cannot be read."""
    try:
        return decode(data, takeover=takeover)
    except (ValueError, zlib.error):
        return []


__all__ = [
    "ALL",
    "WORKLOADS",
    "Batch",
    "UnsupportedError",
    "Work",
    "Workload",
    "WrongAnswerError",
    "prepare",
    "size_name",
]
