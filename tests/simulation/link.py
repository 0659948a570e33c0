"""The link: what one peer writes, the other reads, late, in pieces, or not at all.

Owns the transports' bytes while they are under way. Knows nothing of what they mean.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final, NoReturn

from tests.wire import CLIENT, SERVER

from .world import World

UNBOUNDED: Final = 1 << 30


class Pipe:
    """One direction of the link: what one end writes, the other reads, late and in pieces."""

    def __init__(self, world: World, latency: float) -> None:
        rng = world.rng
        self.world = world
        self.source: Peer
        self.target: Peer
        self.back: Pipe
        self.latency = latency
        #: How much may be under way, as in the buffers of a transport.
        self.window = rng.choice((UNBOUNDED, UNBOUNDED, 16384, 700))
        self.chunking = rng.choice(("whole", "whole", "pieces", "bytes"))
        self.gap = rng.choice((0.0, 0.0, 0.01))
        self.under_way: deque[tuple[float, bytes]] = deque()
        self.size = 0
        self.sent = 0
        self.small_reads = 25
        self.eof_at: float | None = None
        self.over = False
        self.delivery: float | None = None
        #: Whether something has arrived that the target does not read.
        self.blocked = False
        #: Between which times nothing comes out.
        self.stall = (inf, inf)
        #: After how many bytes the link fails, and how.
        self.cut_at: int | None = None
        self.cut_how = ""
        self.dead = False
        #: Which byte is altered.
        self.alter_at: int | None = None

    def __str__(self) -> str:
        return (
            f"latency={self.latency:g} window={self.window} chunking={self.chunking} "
            f"gap={self.gap} stall={self.stall} cut={self.cut_at} {self.cut_how}"
        )

    @property
    def room(self) -> int:
        """How much the source's transport takes now: nothing, or a good deal."""
        room = self.window - self.size
        return room if 2 * room >= self.window else 0

    def write(self, data: bytes) -> None:
        """Take bytes from the source."""
        before = self.sent
        self.sent += len(data)
        self.size += len(data)
        if self.dead or self.eof_at is not None:
            return
        if self.alter_at is not None and before <= self.alter_at < self.sent:
            at = self.alter_at - before
            changed = data[at] ^ self.world.rng.choice((0x01, 0x08, 0x40, 0x80, 0xFF))
            data = data[:at] + bytes((changed,)) + data[at + 1 :]
        if self.cut_at is not None and self.sent > self.cut_at:
            data = data[: self.cut_at - before]
            self.world.note(self.source.name, "link", f"cut: {self.cut_how}")
            self.world.reached[f"link {self.cut_how}"] += 1
            self._put(data)
            self.die()
            if self.cut_how in ("reset", "half closed"):
                self._end(self.world.now + self.latency)
            if self.cut_how == "reset":
                self.back.die()
                self.back._end(self.world.now + self.back.latency)
            elif self.cut_how == "silent":
                self.back.die()
            return
        self._put(data)

    def _put(self, data: bytes) -> None:
        if data:
            self.under_way.append((self.world.now + self.latency, data))
            self.wake(self.world.now + self.latency)

    def die(self) -> None:
        """Let nothing through that has not been written."""
        self.dead = True

    def finish(self) -> None:
        """The source writes no more; the target sees that, unless the link is dead."""
        if not self.dead:
            self._end(self.world.now + self.latency)

    def _end(self, at: float) -> None:
        if self.eof_at is None:
            self.eof_at = at
            self.wake(at)

    def reset(self) -> None:
        """The source is gone: what the target has not read is lost."""
        self.back.dead = True
        if not self.dead:
            self.dead = True
            self.world.after(self.latency, self._drop)

    def _drop(self) -> None:
        self.under_way.clear()
        self.eof_at = self.world.now
        self.stall = (inf, inf)
        self.deliver()

    def wake(self, at: float) -> None:
        """See to a delivery at that time, or before."""
        if self.delivery is None or at < self.delivery:
            self.delivery = at
            self.world.at(at, self.deliver)

    def unblock(self) -> None:
        """The target reads again."""
        self.blocked = False
        self.wake(self.world.now)

    def deliver(self) -> None:
        """Give the target what has arrived, as much as one read takes."""
        now = self.world.now
        if self.delivery is not None and self.delivery <= now:
            self.delivery = None
        if self.over:
            return
        begin, end = self.stall
        if begin <= now < end:
            self.world.reached["link stalled"] += 1
            self.wake(end)
            return
        target = self.target
        if target.closed:
            if self.under_way:
                # As TCP: who has closed answers what still comes with a reset.
                self.under_way.clear()
                target.out.reset()
            self.over = True
            return
        if target.paused:
            self.blocked = True
            return
        limit = self._next_read()
        data = b""
        while self.under_way and self.under_way[0][0] <= now and limit:
            at, piece = self.under_way.popleft()
            if len(piece) > limit:
                self.under_way.appendleft((at, piece[limit:]))
                piece = piece[:limit]
            limit -= len(piece)
            data += piece
        if data:
            self.size -= len(data)
            target.receive(data)
        elif not self.under_way and self.eof_at is not None and self.eof_at <= now:
            self.over = True
            target.receive_eof()
        if self.under_way:
            self.wake(max(now + self.gap, self.under_way[0][0]))
        elif self.eof_at is not None and not self.over:
            self.wake(max(now, self.eof_at))
        self.source.room_again()

    def _next_read(self) -> int:
        if self.chunking == "whole" or not self.small_reads:
            return UNBOUNDED
        self.small_reads -= 1
        if self.chunking == "bytes":
            return 1
        return self.world.rng.choice((1, 2, 7, 30, 200, 4096))


class Peer:
    """What is at one end of the link."""

    def __init__(self, world: World, client: bool, out: Pipe, into: Pipe) -> None:
        self.world = world
        self.rng = world.rng
        self.client = client
        self.name = "client" if client else "server"
        self.role = CLIENT if client else SERVER
        self.out = out
        self.into = into
        out.source = self
        into.target = self
        #: Whether its transport is closed, or gone.
        self.closed = False

    @property
    def paused(self) -> bool:
        """Whether it does not read."""
        return False

    def begin(self) -> None:
        """The transport is there."""

    def receive(self, data: bytes) -> None:
        """The transport has read something."""

    def receive_eof(self) -> None:
        """The transport has come to its end."""

    def room_again(self) -> None:
        """The transport takes more."""

    def note(self, what: str, result: object) -> None:
        """Put something into the trace."""
        self.world.note(self.name, what, result)

    def fail(self, what: str) -> NoReturn:
        """Give up on the schedule."""
        self.world.fail(f"{self.name}: {what}")


__all__ = ["UNBOUNDED", "Peer", "Pipe"]
