"""How much a peer may make this endpoint hold or do, each with its default and reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an endpoint accepts; more is refused with close code 1009, or with HTTP 431.

    A limit is judged as soon as the excess is known: from a frame's header where it
    declares it, before anything is buffered or inflated. Raises :exc:`ValueError` for a
    limit below 1.
    """

    #: Bytes of one message's payload, after inflating. Without ``whole_messages``
    #: nothing of it is kept, so the default is generous; an endpoint that asks for
    #: whole messages holds this much per connection and may want less.
    max_message_size: int = 64 * 1024 * 1024
    #: Bytes of one frame's payload, as on the wire.
    max_frame_size: int = 64 * 1024 * 1024
    #: Frames in one message, empty ones included: a fragment costs its receiver far
    #: more than its two bytes. The default lets 64 MiB come in pieces of 512 bytes,
    #: and Autobahn's 65,536 fragments with an empty one behind.
    max_fragments: int = 131_072
    #: Bytes of an HTTP request's or response's head: what common servers allow
    #: (8 to 32 KiB), at the upper end, since cookies grow.
    max_header_size: int = 32 * 1024
    #: Header fields of an HTTP request or response.
    max_headers: int = 128
    #: Bytes kept of what follows a request before the server has accepted it. RFC 6455
    #: §4.1 has clients wait for the answer, so little is ever needed.
    max_early_data: int = 64 * 1024

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")


#: What a connection uses when it is given no limits.
DEFAULT_LIMITS = Limits()

__all__ = ["DEFAULT_LIMITS", "Limits"]
