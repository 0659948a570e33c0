"""What an input means: how its bytes become settings, choices and data.

Owns the reading of inputs, for all targets, so that seeds can be written in the same terms.
Everything is total: whatever the bytes, there is a meaning, and the same each time. Must not
know what is tested with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from wsproto_core.testing.outcomes import DeflateSettings, ReceiveLimits, Role
from wsproto_core.testing.scenarios import Scenario

T = TypeVar("T")

#: Of messages and frames. The first is large, but such that a bomb ends soon.
SIZES: Final = (
    *(1 << 18, 1 << 18, 1, 2, 3, 5, 8, 10, 20, 100, 124, 125, 126, 127, 300, 1000),
    *(4096, 65535, 65536, 65537),
)
FRAGMENTS: Final = (65_536, 65_536, 1, 2, 3, 4, 8, 100)

#: How many events are taken after each read: all, none until the end, or one.
TAKINGS: Final[tuple[int | None, ...]] = (None, 0, 1, None)


class Source:
    """Bytes that are read from left to right; behind the last there are zeros."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return len(self.data) - self.at

    def byte(self) -> int:
        if self.at >= len(self.data):
            return 0
        self.at += 1
        return self.data[self.at - 1]

    def choice(self, options: Sequence[T]) -> T:
        return options[self.byte() % len(options)]

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        self.at += len(taken)
        return taken

    def rest(self) -> bytes:
        return self.take(self.left)


def cut(data: bytes, way: int) -> list[bytes]:
    """*data* in the pieces of one of 256 ways: 0 is whole, 1 bytewise; below 64 all pieces
    have that size, and from there on sizes vary, up to 8, 64 or 512.
    """
    if way == 0:
        return [data] if data else []
    if way < 64:
        return [data[at : at + way] for at in range(0, len(data), way)]
    most = (8, 64, 512)[way // 64 - 1]
    pieces = []
    at, state = 0, way
    while at < len(data):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        size = 1 + (state >> 16) % most
        pieces.append(data[at : at + size])
        at += size
    return pieces


def ways(data: bytes, way: int) -> set[int]:
    """How to cut *data* beside leaving it whole: as the input says; and bytewise, which takes
    long, where there is little of it.
    """
    return {way or 1, 1} if len(data) <= 100 else {way or 1}


@dataclass(frozen=True)
class Setup:
    """How an endpoint is set up, and how it is given a stream: the first bytes of an input."""

    #: How many bytes of an input it takes.
    SIZE = 6

    role: Role = "server"
    #: Whether messages are given whole.
    whole: bool = False
    #: Whether the transport ends behind the stream.
    eof: bool = False
    #: Whether this end has sent a Close before (RFC 6455 §5.5.1).
    closing: bool = False
    #: What is given: bytes, or another buffer.
    view: bool = False
    #: The index of one of TAKINGS.
    taking: int = 0
    #: The indices of two of SIZES, and one of FRAGMENTS.
    message_size: int = 0
    frame_size: int = 0
    fragments: int = 0
    #: For what is received; for a connection without the extension it means nothing.
    window_bits: int = 15
    context_takeover: bool = True
    #: See :func:`cut`.
    cut: int = 1

    @property
    def limits(self) -> ReceiveLimits:
        return ReceiveLimits(
            max_message_size=SIZES[self.message_size],
            max_frame_size=SIZES[self.frame_size],
            max_fragments=FRAGMENTS[self.fragments],
        )

    @property
    def deflate(self) -> DeflateSettings:
        return DeflateSettings(self.context_takeover, self.window_bits)

    def scenario(self, stream: bytes, *, deflate: bool) -> Scenario:
        """What the reference model is asked about."""
        agreed = self.deflate if deflate else None
        return Scenario(stream, self.eof, self.role, agreed, self.limits)

    @classmethod
    def read(cls, source: Source) -> Setup:
        flags = source.byte()
        message_size = source.byte() % len(SIZES)
        frame_size = source.byte() % len(SIZES)
        fragments = source.byte() % len(FRAGMENTS)
        deflate = source.byte()
        return cls(
            role="client" if flags & 1 else "server",
            whole=bool(flags & 2),
            eof=bool(flags & 4),
            closing=bool(flags & 8),
            taking=flags >> 4 & 3,
            view=bool(flags & 64),
            message_size=message_size,
            frame_size=frame_size,
            fragments=fragments,
            window_bits=15 - deflate % 8,
            context_takeover=not deflate & 8,
            cut=source.byte(),
        )

    def write(self) -> bytes:
        """What :meth:`read` reads, for seeds."""
        flags = (self.role == "client") | self.whole << 1 | self.eof << 2 | self.closing << 3
        flags |= self.taking << 4 | self.view << 6
        deflate = (15 - self.window_bits) | (not self.context_takeover) << 3
        return bytes((flags, self.message_size, self.frame_size, self.fragments, deflate, self.cut))
