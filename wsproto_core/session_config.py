"""What a session is told to do by itself, each setting with its default and reason."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import isfinite

from .connection import Connection
from .frame_protocol import MAX_HEADER
from .limits import Limits
from .states import ConnectionType
from .words import CloseReason, is_wire_close_code

#: What a session accepts if it is given no limits.
DEFAULT_SESSION_LIMITS = Limits(max_message_size=1024 * 1024)


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """How much of something a peer may send: a token bucket.

    Raises :exc:`ValueError` for a rate or a burst that is not above 0, and for a code
    that no Close frame may carry.
    """

    #: How much a second, in the long run.
    per_second: float
    #: How much at once, after a time of silence. Of bytes no less than a transport reads
    #: at once, 64 KiB to 256 KiB: all that was read is given before it is judged.
    burst: float
    #: What more is met with: the connection fails with this close code, 1008 or 1009; or
    #: None: nothing more is read until the rate allows it. The peer is slowed down, and
    #: the session is ``reading_paused`` meanwhile.
    code: int | None = CloseReason.POLICY_VIOLATION

    def __post_init__(self) -> None:
        for name in ("per_second", "burst"):
            _check_seconds_or_amount(name, getattr(self, name))
        if self.code is not None and not is_wire_close_code(self.code):
            raise ValueError(f"code must be one that a Close frame may carry, not {self.code}")


@dataclass(frozen=True, kw_only=True)
class SessionConfig:
    """The policy of sessions; one object serves any number of them.

    All times are in seconds, and None switches off what they are for. Raises
    :exc:`ValueError` for a time or an amount that is not above 0, for a low-water mark
    above its high one, and for a ``read_high_water`` below 14.
    """

    #: How much the peer may send: of a message, a frame, a head. Less of a message than by
    #: ``Limits``' own default, because a session holds it: as much as websockets takes.
    limits: Limits = DEFAULT_SESSION_LIMITS
    #: Whether a message is given as one event, instead of as it arrives.
    whole_messages: bool = True

    #: Whether a ping is answered (RFC 6455 §5.5.2) and not given. If many arrive while
    #: output waits, only the last of them is answered, which §5.5.3 allows.
    answer_pings: bool = True
    #: Whether the peer's Close is answered (§5.5.1) and not given. If not, it is given as
    #: ``CloseConnection``, and the application sends its own within ``close_timeout``.
    answer_close: bool = True
    #: Whether the peer is told why the connection fails (§7.1.7), by a Close frame.
    send_failing_close: bool = True

    #: How long after the last one, or after the opening, a ping is sent. 20 keeps the
    #: mappings of home routers and the idle timers of proxies (60 by default) alive.
    ping_interval: float | None = 20.0
    #: How long its pong may take before the connection fails with 1011.
    ping_timeout: float | None = 20.0
    #: Whether anything received counts as a pong, and defers the next ping. A silence may
    #: then take the longer of the two times, and ``ping_timeout`` besides, to be noticed.
    traffic_is_life: bool = False

    #: How long the opening handshake may take, the application's answer included. After
    #: it a server refuses: with 408 a request that is incomplete, with 503 one that the
    #: application has not answered.
    handshake_timeout: float | None = 10.0
    #: How long the closing handshake and the end of the transport may take together.
    close_timeout: float | None = 10.0
    #: How long there may be no message either way before the connection is closed with
    #: 1001. Off, because a silent connection is what many applications are made of.
    idle_timeout: float | None = None

    #: Pings and pongs.
    control_rate: RateLimit | None = None
    #: Messages, or their pieces where ``whole_messages`` is off.
    message_rate: RateLimit | None = None
    #: Bytes as they arrive.
    byte_rate: RateLimit | None = None

    #: Bytes of output not yet taken from which the session is not ``writable``; and down
    #: to which it must be taken to be so again, None for a quarter of that. As asyncio's
    #: transports.
    high_water: int = 64 * 1024
    low_water: int | None = None
    #: Whether a server's session is ``reading_paused`` while it is not ``writable``: who
    #: does not read is not read from, so that its requests cannot pile up answers. Never
    #: in a client: were both ends to do so, they could wait for each other.
    congestion_pauses_reading: bool = True
    #: Bytes of input not yet taken as events from which it is ``reading_paused``.
    read_high_water: int = 64 * 1024
    #: Bytes of output not yet taken above which the connection fails with 1008, if the
    #: application sends still more. Off, because what it sends is its own; where others
    #: make it send, set it. A group sends nothing to who has reached ``high_water``.
    max_output: int | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                _check_seconds_or_amount(name, value)
        if self.read_high_water < MAX_HEADER:
            # Less than a frame's header, and it could never be waited for.
            raise ValueError(
                f"read_high_water must be at least {MAX_HEADER}, not {self.read_high_water}"
            )
        if self.low_water is not None and self.low_water > self.high_water:
            raise ValueError(
                f"low_water must be at most high_water, {self.high_water}, not {self.low_water}"
            )

    def make_connection(
        self, connection_type: ConnectionType, *arguments: object, **keywords: object
    ) -> Connection:
        """A ``Connection`` with these limits: a ``connection_factory`` for
        ``UpgradeServer``, ``ExtendedConnectServer`` and their clients.
        """
        make = partial(Connection, whole_messages=self.whole_messages, limits=self.limits)
        return make(connection_type, *arguments, **keywords)  # type: ignore[arg-type]


def _check_seconds_or_amount(name: str, value: float) -> None:
    if not (isfinite(value) and value > 0):
        raise ValueError(f"{name} must be above 0, not {value}")


#: What a session uses when it is given no configuration.
DEFAULT_CONFIG = SessionConfig()

__all__ = ["DEFAULT_CONFIG", "DEFAULT_SESSION_LIMITS", "RateLimit", "SessionConfig"]
