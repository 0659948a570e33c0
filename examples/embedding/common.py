"""What the three embeddings have in common: the options, and the application's side.

Declarations only. What a server does for an application is in the three modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Options:
    """The policy of a server. Times are in seconds; None switches off what they are for."""

    deflate: bool = True
    max_message_size: int = 1024 * 1024
    #: Bytes kept of what follows a request that the application has not answered yet.
    max_early_data: int = 64 * 1024
    #: Messages a second that a peer may send in the long run, and how many at once.
    message_rate: float | None = None
    message_burst: float = 20
    #: Bytes of output from which a connection is congested, and down to which it stays so.
    high_water: int = 64 * 1024
    low_water: int = 16 * 1024
    #: For the request and the application's answer to it.
    handshake_timeout: float = 10.0
    ping_interval: float | None = 20.0
    ping_timeout: float = 20.0
    #: Without a message either way.
    idle_timeout: float | None = None
    #: For the closing handshake, and for the end of the transport.
    close_timeout: float = 10.0


@dataclass
class Counters:
    """What has gone over one connection."""

    messages_received: int = 0
    messages_sent: int = 0
    #: Bytes of messages, text as UTF-8.
    payload_received: int = 0
    payload_sent: int = 0
    #: All bytes of the transport.
    wire_received: int = 0
    wire_sent: int = 0


@dataclass(frozen=True)
class Closed:
    """How a connection has ended."""

    #: RFC 6455 §7.1.5: the peer's; 1005 if its Close had none; 1006 if there came none.
    code: int
    reason: str
    #: Whether a Close went each way.
    clean: bool
    #: Whether the peer was the first to close; without meaning if no Close went either way.
    by_peer: bool | None
    #: The codes of the Closes that were sent and received; 1005 in one without a code.
    sent: int | None
    received: int | None


class WebSocket(Protocol):
    """A connection, as the application sees it. No call of it fails because of the peer."""

    @property
    def counters(self) -> Counters: ...

    @property
    def latency(self) -> float | None:
        """Seconds from the last ping to its pong."""

    def accept(self) -> None:
        """Open the connection, in ``on_request`` or later."""

    def reject(self, status: int = 403) -> None:
        """Refuse to, in ``on_request`` or later."""

    def send(self, data: str | bytes) -> bool:
        """Send a message; False if the connection is not open."""

    def close(self, code: int = 1000, reason: str = "") -> None: ...

    async def drain(self) -> None:
        """Wait until the peer has read enough for more to be sent, or is gone."""


class Application:
    """What a server is for. What a hook raises ends its connection with 500 or 1011."""

    def on_request(self, ws: WebSocket, target: str, headers: Sequence[tuple[str, str]]) -> None:
        """A good opening handshake: accept or reject it, now or later."""
        ws.accept()

    def on_message(self, ws: WebSocket, data: str | bytes) -> None: ...

    def on_close(self, ws: WebSocket, closed: Closed) -> None:
        """The end, exactly once for every connection, even one that was never opened.

        With the closing handshake or only with the transport, as suits the library.
        """
