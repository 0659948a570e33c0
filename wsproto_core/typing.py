"""The two types that every layer shares: header lists, and what an event is."""

from __future__ import annotations

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


__all__ = ["Event", "Headers"]
