"""What an endpoint is set up with before a case begins: its role, and what was agreed on."""

from __future__ import annotations

from dataclasses import dataclass

from .outcomes import DEFAULT_LIMITS, DeflateSettings, ReceiveLimits, Role


@dataclass(frozen=True)
class Deflate:
    """The "agreed parameters" of permessage-deflate (RFC 7692 §7.1), for both directions.

    Window sizes are in bits, 8 to 15.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = 15
    client_max_window_bits: int = 15

    def sent_by(self, role: Role) -> DeflateSettings:
        """What holds for the messages that *role* compresses."""
        if role == "server":
            return DeflateSettings(not self.server_no_context_takeover, self.server_max_window_bits)
        return DeflateSettings(not self.client_no_context_takeover, self.client_max_window_bits)

    def header(self) -> str:
        """The value of ``Sec-WebSocket-Extensions`` in the response that agrees to this."""
        parameters = ["permessage-deflate"]
        for role in ("server", "client"):
            if getattr(self, f"{role}_no_context_takeover"):
                parameters.append(f"{role}_no_context_takeover")
            bits = getattr(self, f"{role}_max_window_bits")
            if bits != 15:
                parameters.append(f"{role}_max_window_bits={bits}")
        return "; ".join(parameters)


@dataclass(frozen=True)
class Open:
    """A case begins when the opening handshake is done.

    *limits* are what the endpoint is to be willing to receive; None for its own defaults. What
    an implementation cannot set at all it declines with :exc:`~.adapter.Unsupported`.
    """

    role: Role
    deflate: Deflate | None = None
    limits: ReceiveLimits | None = None

    def received(self) -> DeflateSettings | None:
        """What was agreed on for what the endpoint receives; None without compression."""
        return None if self.deflate is None else self.deflate.sent_by(other(self.role))

    def receive_limits(self) -> ReceiveLimits:
        """The limits that the model goes by."""
        return DEFAULT_LIMITS if self.limits is None else self.limits


@dataclass(frozen=True)
class Opening:
    """A case begins with the opening handshake (RFC 6455 §4).

    A server supports *subprotocols*, in the order of its preference, and permessage-deflate if
    *deflate*, with no parameters of its own; it accepts whatever request is a right one. A
    client sends a request for *target* of *host* that offers the same things.
    """

    role: Role
    subprotocols: tuple[str, ...] = ()
    deflate: bool = False
    host: str = "example.com"
    target: str = "/chat"


def other(role: Role) -> Role:
    """The role of the peer."""
    return "client" if role == "server" else "server"
