"""The WebSocket protocol (RFC 6455) as plain Python objects, without any I/O.

Events in, bytes out; bytes in, events out. Begin with :class:`WSConnection`.
"""

from __future__ import annotations

from . import (
    connection,
    errors,
    events,
    extended_connect,
    extensions,
    frame_protocol,
    handshake,
    limits,
    states,
    typing,
    utilities,
)
from .connection import Connection
from .errors import LimitExceeded, LocalProtocolError, ProtocolError, RemoteProtocolError
from .limits import Limits
from .states import ConnectionState, ConnectionType
from .ws_connection import WSConnection

__version__ = "0.1.0"

__all__ = [
    "Connection",
    "ConnectionState",
    "ConnectionType",
    "LimitExceeded",
    "Limits",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "WSConnection",
    "__version__",
    "connection",
    "errors",
    "events",
    "extended_connect",
    "extensions",
    "frame_protocol",
    "handshake",
    "limits",
    "states",
    "typing",
    "utilities",
]
