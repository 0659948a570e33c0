"""What an application may tell an endpoint to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .outcomes import Kind


@dataclass(frozen=True)
class SendMessage:
    """Send a message (RFC 6455 §6.1), in one fragment or in those given, as they are.

    Text is given in UTF-8; a fragment may end within a character only if *kind* is "binary".
    """

    kind: Kind
    fragments: tuple[bytes, ...]


@dataclass(frozen=True)
class SendPing:
    """Send a Ping frame (RFC 6455 §5.5.2)."""

    payload: bytes = b""


@dataclass(frozen=True)
class SendPong:
    """Send an unsolicited Pong frame (RFC 6455 §5.5.3)."""

    payload: bytes = b""


@dataclass(frozen=True)
class SendClose:
    """Start the closing handshake (RFC 6455 §7.1.2). Without a code, with an empty frame."""

    code: int | None = 1000
    reason: str = ""


Action: TypeAlias = SendMessage | SendPing | SendPong | SendClose
