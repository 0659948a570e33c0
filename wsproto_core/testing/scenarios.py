"""A stream of bytes for an endpoint, and what was agreed on before: what properties are about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .model import read
from .outcomes import DEFAULT_LIMITS, DeflateSettings, Reading, ReceiveLimits, Role
from .settings import Deflate, Open


@dataclass(frozen=True)
class Scenario:
    """A stream, and who receives it."""

    data: bytes
    eof: bool
    role: Role
    deflate: DeflateSettings | None = None
    limits: ReceiveLimits = DEFAULT_LIMITS
    #: The names of the faults that were put in. A fault may have no effect.
    faults: tuple[str, ...] = ()

    def settings(self) -> Open:
        """What an endpoint is set up with to receive the stream.

        For what it sends, the opposite of what it receives was agreed on, so that confusing
        the two shows.
        """
        deflate = None
        if self.deflate is not None:
            # Whether the client's or the server's context is kept: one of them, never both.
            server_keeps = self.deflate.context_takeover == (self.role == "client")
            bits = self.deflate.window_bits
            deflate = Deflate(
                server_no_context_takeover=not server_keeps,
                client_no_context_takeover=server_keeps,
                server_max_window_bits=bits if self.role == "client" else 15,
                client_max_window_bits=bits if self.role == "server" else 15,
            )
        limits = None if self.limits == DEFAULT_LIMITS else self.limits
        return Open(self.role, deflate, limits)

    def reading(self) -> Reading:
        """What the reference model makes of it."""
        return _read(self)


@lru_cache(maxsize=4)  # a property asks several times about the same one
def _read(scenario: Scenario) -> Reading:
    return read(
        scenario.data,
        eof=scenario.eof,
        role=scenario.role,
        deflate=scenario.deflate,
        limits=scenario.limits,
    )
