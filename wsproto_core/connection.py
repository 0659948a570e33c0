"""A connection after its opening handshake: messages, pings, pongs, and how it ends.

:class:`Connection` is what HTTP/2 and HTTP/3 servers use by itself;
:class:`~wsproto_core.WSConnection` is one with the HTTP/1.1 handshake before it.
"""

from __future__ import annotations

from .connection_base import CLIENT, SERVER, ConnectionBase
from .states import ConnectionState, ConnectionType
from .typing import Policy


class Connection(ConnectionBase):
    """One end of an open WebSocket connection (RFC 6455 §5 to §7).

    :param connection_type: which end.
    :param extensions: those that the opening handshake agreed on. Only those that are
        ``enabled()`` count; each makes state of its own for this connection.
    :param trailing_data: bytes that came behind the opening handshake.
    :param whole_messages: give a message as one event, when it is complete, instead of
        as it arrives, piece by piece.
    :param limits: how much the peer may send.
    :param entropy: a client's source of masking keys (§5.3): ``entropy(n)`` gives *n*
        unpredictable bytes. For tests and simulations that must be repeatable.

    Raises :exc:`~wsproto_core.LocalProtocolError` for more than one extension that
    transforms messages.
    """


__all__ = [
    "CLIENT",
    "SERVER",
    "Connection",
    "ConnectionState",
    "ConnectionType",
    "Policy",
]
