"""The types that layers share: header lists, what an event is, and who looks at events."""

from __future__ import annotations

from typing import Protocol

#: HTTP header fields in order of appearance: ``(name, value)`` pairs of bytes.
#: Those that the library reports have lower-case names; those that it is given
#: may be spelled in any case.
Headers = list[tuple[bytes, bytes]]


class Event:
    """Base class of everything that goes into ``send()`` or comes out of ``events()``.

    Events are told apart with :func:`isinstance` (or :func:`functools.singledispatch`)
    and compare by value.
    """

    __slots__ = ()


class Policy(Protocol):
    """What :meth:`Connection.events <wsproto_core.connection.Connection.events>` can be given
    to act on events before its caller sees them. A :class:`~wsproto_core.session.Session` is
    one.
    """

    #: The messages that were given without asking, and the bytes of their frames behind
    #: the length: payload, and the masking key in a server.
    fast_messages: int
    fast_bytes: int

    def take(self, event: Event) -> Event | None:
        """Give what the caller is to see instead, or None if nothing."""

    def paused(self) -> bool:
        """Whether no more is to be read, after an event of which nothing is to be seen."""


__all__ = ["Event", "Headers", "Policy"]
