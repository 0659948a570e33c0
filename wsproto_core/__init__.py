"""The WebSocket protocol (RFC 6455) as plain Python objects, without any I/O.

Events in, bytes out; bytes in, events out. Begin with :class:`WSConnection`, or with
:class:`Session`, which has time, heartbeats and the whole policy of a connection too.
"""

from __future__ import annotations

from . import (
    connection,
    errors,
    events,
    extended_connect,
    extensions,
    frame_protocol,
    group,
    handshake,
    limits,
    session,
    states,
    typing,
    utilities,
)
from .back_ends import BackEnds, back_ends
from .connection import Connection
from .errors import (
    DeadlineExceeded,
    LimitExceeded,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
)
from .group import Group
from .limits import Limits
from .prepared import PreparedMessage
from .session import (
    EndCause,
    RateLimit,
    Session,
    SessionConfig,
    SessionEnded,
    Side,
    TransportAction,
)
from .states import ConnectionState, ConnectionType
from .ws_connection import WSConnection

__version__ = "0.1.0"

__all__ = [
    "BackEnds",
    "Connection",
    "ConnectionState",
    "ConnectionType",
    "DeadlineExceeded",
    "EndCause",
    "Group",
    "LimitExceeded",
    "Limits",
    "LocalProtocolError",
    "PreparedMessage",
    "ProtocolError",
    "RateLimit",
    "RemoteProtocolError",
    "Session",
    "SessionConfig",
    "SessionEnded",
    "Side",
    "TransportAction",
    "WSConnection",
    "__version__",
    "back_ends",
    "connection",
    "errors",
    "events",
    "extended_connect",
    "extensions",
    "frame_protocol",
    "group",
    "handshake",
    "limits",
    "session",
    "states",
    "typing",
    "utilities",
]
