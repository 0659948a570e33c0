"""What is drawn about an end: its policy, its habits, and the data that it sends."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from wsproto_core import Limits
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.session import RateLimit, SessionConfig

Data = str | bytes

_POOL: Final = random.Random(0)
#: What data is cut from.
_OCTETS: Final = _POOL.randbytes(140_000)
CHARACTERS: Final = "".join(_POOL.choices("abc xyzäß€語😀", k=140_000))


# Data


def size_of(data: Data) -> int:
    """Bytes that it takes on the wire."""
    return len(data.encode()) if isinstance(data, str) else len(data)


def together(pieces: list[Data]) -> Data:
    """One message of its fragments."""
    if isinstance(pieces[0], str):
        return "".join(piece for piece in pieces if isinstance(piece, str))
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))


def draw_data(rng: random.Random, kind: type[Data] | None = None) -> Data:
    """A message's data."""
    scale = rng.random()
    if scale < 0.6:
        size = rng.randrange(40)
    elif scale < 0.8:
        size = rng.randrange(110, 135)
    elif scale < 0.98:
        size = rng.randrange(5000)
    else:
        size = rng.choice((65535, 65536, 66000))
    at = rng.randrange(70_000)
    if kind is bytes or (kind is None and rng.random() < 0.5):
        return _OCTETS[at : at + size]
    return CHARACTERS[at : at + size]


def draw_close(rng: random.Random) -> tuple[int, str]:
    """A close code and reason that can be sent."""
    code = rng.choice((1000, 1000, 1001, 1011, 3000, 4999, 1005, 1006))
    if code == 1005:
        return code, ""
    return code, CHARACTERS[: rng.choice((0, 0, 10, 60, 123))]


def draw_deflate(rng: random.Random) -> PerMessageDeflate:
    """Compression, mostly small, because its contexts take time to make."""
    return PerMessageDeflate(
        client_no_context_takeover=rng.random() < 0.3,
        server_no_context_takeover=rng.random() < 0.3,
        client_max_window_bits=rng.choice((9, 9, 10, 8, None)),
        server_max_window_bits=rng.choice((9, 9, 10, 8, None)),
        memory_level=1,
        level=rng.choice((1, 6)),
        threshold=rng.choice((0, 20)),
    )


def agree(client: PerMessageDeflate, server: PerMessageDeflate) -> None:
    """Have them agree, as in an opening handshake."""
    response = server.accept(f"{client.name}; {client.offer()}")
    assert response is not None
    client.finalize("; ".join(filter(None, (client.name, response))))


# Policies


def calm_config(rng: random.Random) -> SessionConfig:
    """A policy that gives everything time enough."""
    return SessionConfig(
        whole_messages=rng.random() < 0.7,
        answer_pings=rng.random() < 0.8,
        answer_close=rng.random() < 0.8,
        ping_interval=rng.choice((None, 1.0, 3.0, 20.0)),
        ping_timeout=rng.choice((None, 60.0)),
        traffic_is_life=rng.random() < 0.3,
        handshake_timeout=rng.choice((None, 60.0)),
        close_timeout=rng.choice((None, 100.0)),
        message_rate=rng.choice((None,) * 6 + (RateLimit(per_second=10, burst=3, code=None),)),
        high_water=rng.choice((65536, 65536, 300, 1)),
        low_water=1,
        read_high_water=rng.choice((65536, 65536, 20, 500)),
    )


def rough_config(rng: random.Random) -> SessionConfig:
    """Any policy."""

    def rate(*amounts: float) -> RateLimit | None:
        if rng.random() < 0.85:
            return None
        return RateLimit(
            per_second=rng.choice(amounts),
            burst=rng.choice(amounts),
            code=rng.choice((1008, 1009, None, None)),
        )

    high = rng.choice((65536, 65536, 2000, 200, 1))
    return SessionConfig(
        limits=Limits(max_message_size=rng.choice((1 << 26, 1 << 26, 3000))),
        whole_messages=rng.random() < 0.7,
        answer_pings=rng.random() < 0.85,
        answer_close=rng.random() < 0.8,
        send_failing_close=rng.random() < 0.8,
        ping_interval=rng.choice((None, 0.3, 1.0, 5.0)),
        ping_timeout=rng.choice((None, 0.3, 2.0, 20.0)),
        traffic_is_life=rng.random() < 0.3,
        handshake_timeout=rng.choice((None, 1.0, 10.0)),
        close_timeout=rng.choice((None, 0.5, 3.0, 10.0)),
        idle_timeout=rng.choice((None, None, None, 1.0, 4.0)),
        control_rate=rate(0.5, 2, 10, 50),
        message_rate=rate(0.5, 2, 10, 50),
        byte_rate=rate(20, 200, 2000),
        high_water=high,
        low_water=rng.choice((1, high)),
        congestion_pauses_reading=rng.random() < 0.8,
        read_high_water=rng.choice((65536, 65536, 20, 500)),
        max_output=rng.choice((None, None, None, 100, 3000, 100_000)),
    )


# Habits


@dataclass(slots=True)
class Habits:
    """What an end is like: the session's policy, and how it is embedded."""

    config: SessionConfig
    #: Of the application: whether it takes events at once; or when, and how many at once
    #: (0: all).
    eager: bool
    take_most: int
    take_delay: float
    #: Whether it acts on events within the loop that takes them.
    acts_at_once: bool
    echoes: bool
    minds_writable: bool
    #: Of the transport: whether it heeds reading_paused, and how much it writes when.
    heeds: bool
    pace: int
    pace_delay: float
    #: By how much its timers are late.
    late: float
    #: What it does about requests, pings and Closes that it has to answer itself.
    answer_delay: float | None
    answers: bool
    answer: str
    #: Whether requests are parsed by an HTTP server before the session.
    parses: bool
    #: How often the application does something of its own accord.
    actions: int
    deflate: bool

    def __str__(self) -> str:
        usual = vars(SessionConfig())
        policy = [
            f"{name}={value!r}" for name, value in vars(self.config).items() if value != usual[name]
        ]
        habits = [f"{name}={getattr(self, name)!r}" for name in self.__slots__ if name != "config"]
        return f"{', '.join(policy)}\n    {' '.join(habits)}"


def draw_habits(rng: random.Random, *, calm: bool, honest: bool, client: bool) -> Habits:
    """What an end is like in a schedule that is so."""
    config = calm_config(rng) if calm else rough_config(rng)
    return Habits(
        config=config,
        eager=rng.random() < 0.6,
        take_most=rng.choice((1, 2, 5, 0)),
        take_delay=rng.choice((0.0, 0.05, 0.5, 1.0 if calm else 4.0)),
        acts_at_once=rng.random() < 0.7,
        echoes=rng.random() < 0.2,
        minds_writable=rng.random() < 0.7,
        heeds=calm or rng.random() < 0.8,
        pace=rng.choice((0, 0, 0, 3, 20, 1000)),
        pace_delay=rng.choice((0.001, 0.02)),
        late=rng.choice((0.0, 0.0, 0.01, 0.4 if calm else 3.0)),
        answer_delay=rng.choice((None, None, 0.1, 1.0)),
        answers=calm or config.close_timeout is None or rng.random() < 0.9,
        answer=rng.choices(
            ("accept", "refuse", "refuse with body", "never"), (88, 5, 5, 0 if calm else 3)
        )[0],
        parses=not client and honest and rng.random() < 0.1,
        actions=rng.choice((0, 1, 3, 6, 10)),
        deflate=rng.random() < 0.4,
    )


__all__ = [
    "CHARACTERS",
    "Data",
    "Habits",
    "agree",
    "draw_close",
    "draw_data",
    "draw_deflate",
    "draw_habits",
    "size_of",
    "together",
]
