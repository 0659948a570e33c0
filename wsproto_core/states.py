"""The state machine of a connection: one table.

A WebSocket connection is driven by two parties, and for most of its life they are
alike: each may send messages, pings and pongs, and each may start the closing
handshake, after which it sends no more data (RFC 6455 §5.5.1) but still answers pings
(§5.5.2). The connection is closed when a Close has gone each way (§7.1.3), or when the
transport has ended (§7.1.5).

So the table is blind to roles. It maps a state and an input, which is something this
endpoint sends or something that it receives, to the next state; **what is absent is
illegal**. For a ``SEND_*`` that means :exc:`~wsproto_core.LocalProtocolError`. An absent
``RECEIVE_*`` cannot happen, because the reader has stopped: after the peer's Close, or
its fault, nothing more is processed (§5.5.1, §7.1.7).

A fault (``RECEIVE_FAULT``) acts as a Close: this endpoint still owes the peer the Close
frame that says why (§7.1.7), and in ``LOCAL_CLOSING`` it has already sent its own.

The diagram in the documentation is drawn from this table, and a test compares them.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class ConnectionType(Enum):
    """Which end of the connection this is."""

    #: The end that sends the opening handshake, and masks its frames (RFC 6455 §5.1).
    CLIENT = 1
    #: The end that answers it.
    SERVER = 2


class ConnectionState(Enum):
    """Where a connection is in its life, as the application sees it."""

    __hash__ = object.__hash__  # Enum's is written in Python; members are single objects

    #: The opening handshake is in progress (RFC 6455 §4).
    CONNECTING = 0
    #: Messages can be sent and received.
    OPEN = 1
    #: The peer has sent a Close frame, or has been found at fault; ours is owed.
    REMOTE_CLOSING = 2
    #: We have sent a Close frame and wait for the peer's.
    LOCAL_CLOSING = 3
    #: The closing handshake is done, the transport has ended, or there never was a
    #: connection.
    CLOSED = 4
    #: The opening handshake was refused and the body of the refusal is on its way.
    REJECTING = 5


class Input(Enum):
    """What can happen to a connection."""

    __hash__ = object.__hash__

    SEND_REQUEST = "send Request"
    RECEIVE_REQUEST = "receive Request"
    SEND_ACCEPT = "send AcceptConnection"
    RECEIVE_ACCEPT = "receive AcceptConnection"
    SEND_REJECT = "send RejectConnection"
    RECEIVE_REJECT = "receive RejectConnection"
    SEND_REJECT_DATA = "send RejectData"
    RECEIVE_REJECT_DATA = "receive RejectData"
    SEND_REJECT_END = "send the last RejectData"
    RECEIVE_REJECT_END = "receive the last RejectData"
    RECEIVE_BAD_RESPONSE = "receive a bad response"
    SEND_MESSAGE = "send Message"
    RECEIVE_MESSAGE = "receive Message"
    SEND_PING = "send Ping"
    RECEIVE_PING = "receive Ping"
    SEND_PONG = "send Pong"
    RECEIVE_PONG = "receive Pong"
    SEND_CLOSE = "send CloseConnection"
    RECEIVE_CLOSE = "receive CloseConnection"
    RECEIVE_FAULT = "receive a fault"
    RECEIVE_EOF = "end of the transport"


_S = ConnectionState
_I = Input

TRANSITIONS: Final[dict[tuple[ConnectionState, Input], ConnectionState]] = {
    # The opening handshake (RFC 6455 §4)
    (_S.CONNECTING, _I.SEND_REQUEST): _S.CONNECTING,
    (_S.CONNECTING, _I.RECEIVE_REQUEST): _S.CONNECTING,
    (_S.CONNECTING, _I.SEND_ACCEPT): _S.OPEN,
    (_S.CONNECTING, _I.RECEIVE_ACCEPT): _S.OPEN,
    (_S.CONNECTING, _I.SEND_REJECT): _S.REJECTING,
    (_S.CONNECTING, _I.RECEIVE_REJECT): _S.REJECTING,
    (_S.CONNECTING, _I.RECEIVE_BAD_RESPONSE): _S.CLOSED,
    (_S.CONNECTING, _I.RECEIVE_EOF): _S.CLOSED,
    # A refusal with its body (RFC 6455 §4.2.2)
    (_S.REJECTING, _I.SEND_REJECT_DATA): _S.REJECTING,
    (_S.REJECTING, _I.RECEIVE_REJECT_DATA): _S.REJECTING,
    (_S.REJECTING, _I.SEND_REJECT_END): _S.CLOSED,
    (_S.REJECTING, _I.RECEIVE_REJECT_END): _S.CLOSED,
    (_S.REJECTING, _I.RECEIVE_BAD_RESPONSE): _S.CLOSED,
    (_S.REJECTING, _I.RECEIVE_EOF): _S.CLOSED,
    # Open (RFC 6455 §5, §6)
    (_S.OPEN, _I.SEND_MESSAGE): _S.OPEN,
    (_S.OPEN, _I.RECEIVE_MESSAGE): _S.OPEN,
    (_S.OPEN, _I.SEND_PING): _S.OPEN,
    (_S.OPEN, _I.RECEIVE_PING): _S.OPEN,
    (_S.OPEN, _I.SEND_PONG): _S.OPEN,
    (_S.OPEN, _I.RECEIVE_PONG): _S.OPEN,
    (_S.OPEN, _I.SEND_CLOSE): _S.LOCAL_CLOSING,
    (_S.OPEN, _I.RECEIVE_CLOSE): _S.REMOTE_CLOSING,
    (_S.OPEN, _I.RECEIVE_FAULT): _S.REMOTE_CLOSING,
    (_S.OPEN, _I.RECEIVE_EOF): _S.CLOSED,
    # We have closed: no more data from us, but the peer may finish (§5.5.1, §5.5.2)
    (_S.LOCAL_CLOSING, _I.RECEIVE_MESSAGE): _S.LOCAL_CLOSING,
    (_S.LOCAL_CLOSING, _I.SEND_PING): _S.LOCAL_CLOSING,
    (_S.LOCAL_CLOSING, _I.RECEIVE_PING): _S.LOCAL_CLOSING,
    (_S.LOCAL_CLOSING, _I.SEND_PONG): _S.LOCAL_CLOSING,
    (_S.LOCAL_CLOSING, _I.RECEIVE_PONG): _S.LOCAL_CLOSING,
    (_S.LOCAL_CLOSING, _I.RECEIVE_CLOSE): _S.CLOSED,
    (_S.LOCAL_CLOSING, _I.RECEIVE_FAULT): _S.CLOSED,
    (_S.LOCAL_CLOSING, _I.RECEIVE_EOF): _S.CLOSED,
    # The peer has closed: all that is left is our Close. The end of the transport
    # changes nothing, for the peer may have closed its half only.
    (_S.REMOTE_CLOSING, _I.SEND_CLOSE): _S.CLOSED,
    (_S.REMOTE_CLOSING, _I.RECEIVE_EOF): _S.REMOTE_CLOSING,
    (_S.CLOSED, _I.RECEIVE_EOF): _S.CLOSED,
}

__all__ = ["TRANSITIONS", "ConnectionState", "ConnectionType", "Input"]
