"""The words in which the kit speaks: what a peer's bytes come to, and what was agreed on.

The model predicts outcomes, an adapter reports them, a case lists them, and the runner compares
the ones with the others. Owns nothing but values. Must not know who makes them or how.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

Role: TypeAlias = Literal["client", "server"]
Kind: TypeAlias = Literal["text", "binary"]


# What happens -------------------------------------------------------------------------


@dataclass(frozen=True)
class GotMessage:
    """A message has been received (RFC 6455 §6.2). Text is given in its UTF-8 form."""

    kind: Kind
    payload: bytes


@dataclass(frozen=True)
class GotPing:
    payload: bytes


@dataclass(frozen=True)
class GotPong:
    payload: bytes


@dataclass(frozen=True)
class GotClose:
    """The peer has sent a Close frame; code 1005 stands for none (RFC 6455 §7.1.5)."""

    code: int
    reason: bytes


@dataclass(frozen=True)
class Failed:
    """The receiver must _Fail the WebSocket Connection_ (RFC 6455 §7.1.7)."""

    code: int
    #: For a reader; and for those cases where the RFCs leave a receiver more than one way.
    why: str = field(default="", compare=False)


@dataclass(frozen=True)
class Lost:
    """The transport has ended without a Close frame (RFC 6455 §7.1.5: 1006)."""


Outcome: TypeAlias = GotMessage | GotPing | GotPong | GotClose | Failed | Lost


class Reading(NamedTuple):
    """All that a stream tells its receiver."""

    outcomes: list[Outcome]
    #: What has been received, and found valid, of a message that did not end.
    unfinished: bytes


# What the receiver goes by ------------------------------------------------------------


@dataclass(frozen=True)
class DeflateSettings:
    """What permessage-deflate was agreed on for the direction that is received."""

    context_takeover: bool = True
    window_bits: int = 15


@dataclass(frozen=True)
class ReceiveLimits:
    """What the receiver is willing to take. RFC 6455 §10.4: "Implementations that have
    implementation- and/or platform-specific limitations regarding the frame size or total
    message size after reassembly from multiple frames MUST protect themselves against
    exceeding those limits."
    """

    max_message_size: int = 64 * 1024 * 1024
    max_frame_size: int = 64 * 1024 * 1024
    max_fragments: int = 65_536


DEFAULT_LIMITS: Final = ReceiveLimits()
