"""Time, as a session is told it: what it waits for, a heartbeat, and buckets of tokens.

There is no clock in here: every time is an argument, in seconds.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from .session_config import RateLimit

_FOUR_BYTES: Final = 0xFFFFFFFF


class Timer(Enum):
    """What a session waits for, each until a time of its own."""

    HANDSHAKE = "the opening handshake"
    PING = "the next ping"
    PONG = "the pong to the last one"
    IDLE = "a message"
    CLOSE = "the closing handshake and the end of the transport"
    RESUME = "the rate at which the peer may go on"


class Timers:
    """The times that a session waits for. There are at most as many as kinds."""

    __slots__ = ("_times", "next")

    def __init__(self) -> None:
        self._times: dict[Timer, float] = {}
        #: The first of them; None if there are none.
        self.next: float | None = None

    def arm(self, timer: Timer, at: float) -> None:
        """Wait for *at*, instead of what was waited for."""
        self._times[timer] = at
        self.next = min(self._times.values())

    def disarm(self, *timers: Timer) -> bool:
        """Wait no longer; whether any of them was waited for."""
        armed = [timer for timer in timers if self._times.pop(timer, None) is not None]
        self.next = min(self._times.values(), default=None)
        return bool(armed)

    def at(self, timer: Timer) -> float | None:
        """What is waited for, or None."""
        return self._times.get(timer)

    def due(self, now: float) -> list[Timer]:
        """Those whose time has come, the earliest first."""
        return sorted(
            (t for t, at in self._times.items() if at <= now), key=self._times.__getitem__
        )


class Heartbeat:
    """Pings that a session sends by itself, one at a time, and the pongs to them.

    Owns which ping is unanswered and how long the last answer took; when to send and when
    to give up, the session decides.
    """

    __slots__ = ("_number", "latency", "payload", "sent_at")

    def __init__(self) -> None:
        #: Seconds from the last ping to its pong; None before the first.
        self.latency: float | None = None
        #: The payload of the ping that is unanswered, and when it was sent.
        self.payload: bytes | None = None
        self.sent_at = 0.0
        self._number = 0

    def next_ping(self, now: float) -> bytes:
        """The payload of another ping. Numbered, so that no late pong fits it."""
        self._number = self._number + 1 & _FOUR_BYTES
        self.payload = self._number.to_bytes(4, "big")
        self.sent_at = now
        return self.payload

    def take_pong(self, payload: bytes, now: float) -> bool:
        """Whether a pong answers the ping that is unanswered; then it no longer is."""
        if payload != self.payload:
            return False
        self.payload = None
        self.latency = now - self.sent_at
        return True


class TokenBucket:
    """How much of something may still come, by a :class:`RateLimit`.

    What has come is taken even if it is more than there is: a bucket may owe. Nothing
    more may come until it has been filled again.
    """

    __slots__ = ("_at", "_tokens", "limit")

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self._tokens = limit.burst
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Take *amount* at *now*. False if that was more than there was."""
        filled = self._tokens + (now - self._at) * self.limit.per_second
        self._at = now
        self._tokens = min(filled, self.limit.burst) - amount
        return self._tokens >= 0

    def ready_at(self) -> float:
        """When there will be something again; a time that has passed if there is."""
        return self._at + (-self._tokens / self.limit.per_second if self._tokens < 0 else 0.0)


__all__ = ["Heartbeat", "Timer", "Timers", "TokenBucket"]
