"""What a session says beyond the events of its connection: how it ended, what to do with
the transport, and its statistics.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import NamedTuple

from .errors import RemoteProtocolError
from .states import ConnectionState
from .typing import Event


class Side(Enum):
    """One of the two endpoints, seen from this one."""

    LOCAL = "local"
    REMOTE = "remote"


class EndCause(Enum):
    """Why a session has ended."""

    #: A Close frame went each way (RFC 6455 §7.1.4): the clean end.
    CLOSED = "closed"
    #: The peer was at fault, or over a limit, and this end failed the connection (§7.1.7).
    FAILED = "failed"
    #: The peer was silent beyond a deadline, or the application left a request unanswered.
    TIMED_OUT = "timed out"
    #: The transport ended without a Close frame.
    LOST = "lost"
    #: The server refused the opening handshake.
    REJECTED = "rejected"
    #: This end dropped the connection: ``abort()``.
    ABORTED = "aborted"


@dataclass(slots=True, unsafe_hash=True)
class SessionEnded(Event):
    """The last event of every session, given exactly once, whatever happened."""

    #: The close code (RFC 6455 §7.1.5): the peer's; 1005 if its Close frame had none; 1006
    #: if there came none.
    code: int
    #: The close reason (§7.1.6): the peer's, or empty.
    reason: str
    #: Why it ended.
    cause: EndCause
    #: Who was the first to close, to refuse, to fail or to drop the connection; None if
    #: nobody had when the transport was lost.
    initiator: Side | None = None
    #: The code in the Close frame that this end has sent, 1005 for one without a code;
    #: None if it has sent no Close frame.
    code_sent: int | None = None
    #: Likewise the peer's.
    code_received: int | None = None
    #: What was wrong, if this end found something wrong.
    error: RemoteProtocolError | None = field(default=None, compare=False)

    @property
    def clean(self) -> bool:
        """Whether it was closed cleanly (§7.1.4): a Close frame went each way."""
        return self.cause is EndCause.CLOSED


class TransportAction(IntEnum):
    """What is to be done with the transport, once all output has been written.

    It only ever moves forward. Over HTTP/2, ``END_WRITING`` is END_STREAM, and ``ABORT``
    is RST_STREAM.
    """

    #: Nothing: go on reading and writing.
    KEEP = 0
    #: End the writing half, and go on reading up to the end: to close a TCP socket that
    #: has unread bytes resets it, and what was sent last may be lost (RFC 6455 §7.1.1).
    #: A transport without halves, as TLS, is closed.
    END_WRITING = 1
    #: Close it, after what was written has been sent.
    CLOSE = 2
    #: Drop it at once. What was written may be lost.
    ABORT = 3


class SessionStatistics(NamedTuple):
    """A snapshot of a session's counters; times are those that it was given as ``now``."""

    state: ConnectionState
    #: When it began, was opened, ended, and when the last bytes came in.
    started_at: float
    opened_at: float | None
    ended_at: float | None
    received_at: float | None
    #: The time from the last heartbeat to its pong, in seconds.
    latency: float | None
    #: All bytes, the handshake included: those received, and those taken to be sent.
    wire_bytes_received: int
    wire_bytes_sent: int
    #: Frames of all kinds. Received: those whose header has been read.
    frames_received: int
    frames_sent: int
    #: Messages, each counted at its end.
    messages_received: int
    messages_sent: int
    #: Bytes of messages as the applications see them, text as UTF-8.
    payload_bytes_received: int
    payload_bytes_sent: int
    #: The same as they are in frames: less, where compressed.
    frame_bytes_received: int
    frame_bytes_sent: int
    pings_received: int
    pings_sent: int
    pongs_received: int
    pongs_sent: int
    #: Bytes that wait: output to be taken, and input to be taken as events.
    output_pending: int
    input_pending: int

    @property
    def compression_ratio_received(self) -> float | None:
        """How many bytes of messages each byte in frames stood for; None without any."""
        return _ratio(self.payload_bytes_received, self.frame_bytes_received)

    @property
    def compression_ratio_sent(self) -> float | None:
        """How many bytes of messages each byte in frames stood for; None without any."""
        return _ratio(self.payload_bytes_sent, self.frame_bytes_sent)


def _ratio(plain: int, encoded: int) -> float | None:
    return plain / encoded if encoded else None


__all__ = ["EndCause", "SessionEnded", "SessionStatistics", "Side", "TransportAction"]
