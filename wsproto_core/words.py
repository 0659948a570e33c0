"""The vocabulary of the wire: opcodes, reserved bits, close codes.

Owns the numbers of RFC 6455 §5.2 and §7.4 and the predicates over them. Knows
nothing of bytes, frames or connections.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class Opcode(IntEnum):
    """What a frame is (RFC 6455 §5.2)."""

    #: Continues the message that an earlier frame began.
    CONTINUATION = 0x0
    #: Begins a message of UTF-8 text.
    TEXT = 0x1
    #: Begins a message of bytes.
    BINARY = 0x2
    #: Starts or answers the closing handshake (§5.5.1).
    CLOSE = 0x8
    #: Asks for a pong (§5.5.2).
    PING = 0x9
    #: Answers a ping, or is a one-sided heartbeat (§5.5.3).
    PONG = 0xA

    def iscontrol(self) -> bool:
        """True for Close, Ping and Pong (§5.5)."""
        return self >= 0x8


class RsvBits(NamedTuple):
    """The three reserved bits of a frame header (RFC 6455 §5.2)."""

    rsv1: bool
    rsv2: bool
    rsv3: bool


class CloseReason(IntEnum):
    """Why a connection was closed (RFC 6455 §7.4.1 and IANA's registry of close codes)."""

    #: The purpose for which the connection was made has been fulfilled.
    NORMAL_CLOSURE = 1000
    #: The endpoint goes away: a server shuts down, a browser leaves the page.
    GOING_AWAY = 1001
    #: The peer broke the protocol.
    PROTOCOL_ERROR = 1002
    #: A kind of data that the endpoint cannot accept, such as binary for text only.
    UNSUPPORTED_DATA = 1003
    #: Never on the wire: a Close frame without a code was received.
    NO_STATUS_RCVD = 1005
    #: Never on the wire: the connection was lost without a Close frame.
    ABNORMAL_CLOSURE = 1006
    #: Data that does not fit its message's type, such as text that is not UTF-8.
    INVALID_FRAME_PAYLOAD_DATA = 1007
    #: A message violates the endpoint's policy; for when nothing else fits.
    POLICY_VIOLATION = 1008
    #: A message is too big to process.
    MESSAGE_TOO_BIG = 1009
    #: A client needed an extension that the server did not negotiate.
    MANDATORY_EXT = 1010
    #: The server met an unexpected condition.
    INTERNAL_ERROR = 1011
    #: The service restarts (IANA's registry, not in RFC 6455).
    SERVICE_RESTART = 1012
    #: The service is overloaded (IANA's registry, not in RFC 6455).
    TRY_AGAIN_LATER = 1013
    #: A gateway got an invalid response from upstream (IANA's registry, not in RFC 6455).
    BAD_GATEWAY = 1014
    #: Never on the wire: the TLS handshake failed.
    TLS_HANDSHAKE_FAILED = 1015


#: Codes that applications see but no Close frame may carry (RFC 6455 §7.4.1).
LOCAL_ONLY_CLOSE_REASONS: Final = (
    CloseReason.NO_STATUS_RCVD,
    CloseReason.ABNORMAL_CLOSURE,
    CloseReason.TLS_HANDSHAKE_FAILED,
)

_CLOSE_REASONS: Final = {int(reason): reason for reason in CloseReason}


def is_wire_close_code(code: int) -> bool:
    """True if a Close frame may carry *code* (RFC 6455 §7.4.2, IANA's registry).

    1000 to 1003 and 1007 to 1014 are defined; 3000 to 3999 belong to registered
    libraries and 4000 to 4999 to private use. Everything else is unassigned, or
    reserved for what never was on the wire.
    """
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def name_close_code(code: int) -> CloseReason | int:
    """*code* as a :class:`CloseReason` where it has a name, else unchanged."""
    return _CLOSE_REASONS.get(code, code)


__all__ = [
    "LOCAL_ONLY_CLOSE_REASONS",
    "CloseReason",
    "Opcode",
    "RsvBits",
    "is_wire_close_code",
    "name_close_code",
]
