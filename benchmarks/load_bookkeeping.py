"""What load's processes have in common: the plan of a wave, and the counting of messages.

Nothing here comes from the library that is under load: what it says of itself proves nothing.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass, field

#: How many of a hundred connections do what. The others are steady.
SHARES = {
    "reset": 7,  # killed: the transport ends with a RST
    "ended": 6,  # killed: it ends with a FIN, without a Close
    "silent": 7,  # killed: it neither ends nor says anything any more
    "unread": 1,  # never reads; the server waits for room before it sends
    "pushed": 1,  # never reads; the server sends all the same
    "mute": 2,  # never finishes its request
}
#: Those of them that take part in the conversation, as long as they can.
TALKING = ("steady", "reset", "ended", "silent")


@dataclass(frozen=True)
class Plan:
    """A wave. All times are in seconds."""

    connections: int
    #: How many messages each sends, and how many everybody is sent.
    messages: int
    #: The time from one to the next.
    period: float
    ping_interval: float
    ping_timeout: float
    handshake_timeout: float
    close_timeout: float
    max_output: int = 512 * 1024

    @property
    def duration(self) -> float:
        return self.messages * self.period

    def numbers(self) -> dict[str, int]:
        """How many of each kind there are; at least one."""
        found = {kind: max(1, self.connections * share // 100) for kind, share in SHARES.items()}
        return {"steady": self.connections - sum(found.values()), **found}


@dataclass
class Sequence:
    """Numbers that should come as 0, 1, 2, ..., and in how many ways they did not."""

    next: int = 0
    duplicated: int = 0
    reordered: int = 0
    missing: set[int] = field(default_factory=set)

    def note(self, number: int) -> None:
        if number >= self.next:
            self.missing.update(range(self.next, number))
            self.next = number + 1
        elif number in self.missing:  # late
            self.missing.remove(number)
            self.reordered += 1
        else:
            self.duplicated += 1

    def faults(self, expected: int) -> dict[str, int]:
        """What is wrong, if *expected* numbers should have come."""
        lost = len(self.missing) + max(0, expected - self.next)
        more = self.duplicated + max(0, self.next - expected)
        counts = {"lost": lost, "duplicated": more, "reordered": self.reordered}
        return {name: count for name, count in counts.items() if count}


def allow_files(number: int) -> None:
    """Let this process have so many open files. Raises :exc:`ValueError` if it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
