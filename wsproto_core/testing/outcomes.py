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
    """A Ping frame has been received (RFC 6455 §5.5.2)."""

    payload: bytes


@dataclass(frozen=True)
class GotPong:
    """A Pong frame has been received (RFC 6455 §5.5.3)."""

    payload: bytes


@dataclass(frozen=True)
class GotClose:
    """The peer has sent a Close frame; code 1005 stands for none (RFC 6455 §7.1.5)."""

    code: int
    reason: bytes


@dataclass(frozen=True)
class Failed:
    """The receiver has to _Fail the WebSocket Connection_ (RFC 6455 §7.1.7), or has done so.

    *code* is that of the Close frame that says so; None if there is none, as before the end of
    the opening handshake.
    """

    code: int | None
    #: For a reader; and for those cases where the RFCs leave a receiver more than one way.
    why: str = field(default="", compare=False)


@dataclass(frozen=True)
class Lost:
    """The transport has ended without a Close frame (RFC 6455 §7.1.5: 1006)."""


@dataclass(frozen=True)
class Accepted:
    """The opening handshake has succeeded (RFC 6455 §4.1 and §4.2.2).

    *extensions* is the value of the response's ``Sec-WebSocket-Extensions`` without optional
    white space; "" for none.
    """

    subprotocol: str | None = None
    extensions: str = ""


@dataclass(frozen=True)
class Rejected:
    """The server has answered the opening handshake with another status than 101.

    *headers* are the fields that its response has; of an expected outcome those that it must
    have, with "" for any value. Their names are in lower case.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Refused:
    """The implementation has refused what the application told it to do."""


Outcome: TypeAlias = (
    GotMessage | GotPing | GotPong | GotClose | Failed | Lost | Accepted | Rejected | Refused
)


class Reading(NamedTuple):
    """All that a stream tells its receiver."""

    outcomes: list[Outcome]
    #: What has been received, and found valid, of a message that did not end.
    unfinished: bytes
    #: How many bytes of the stream have been read: what follows a Close frame or a failure is
    #: not.
    consumed: int


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
    max_fragments: int = 131_072


DEFAULT_LIMITS: Final = ReceiveLimits()
