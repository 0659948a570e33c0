"""A session's output: what waits to be taken, and how much of it there is."""

from __future__ import annotations

from typing import Final

from .errors import LocalProtocolError
from .session_config import SessionConfig

# The size from which a server's frame has a header of four bytes, not of two; and one
# between the sizes of the longest frame whose length has 16 bits and of the shortest
# whose length has 64, masked or not.
LONG: Final = 4 + 126
VERY_LONG: Final = 65536 + 9


class SessionOutput:
    """The bytes that a session has for its transport, in order.

    Owns the water marks: it is congested from the time its size reaches the high one
    until it has been taken down to the low one. Frames are added by whoever makes them,
    in line, because a call for each would cost a tenth of an echo.
    """

    __slots__ = (
        "_added",
        "_at",
        "_congested",
        "_first",
        "_high_water",
        "_long",
        "_long_headers",
        "_low_water",
        "_message_frames",
        "_mixed",
        "_more",
        "_next",
        "_other_bytes",
        "_safe_until",
        "_taken",
    )

    def __init__(self, client: bool, config: SessionConfig) -> None:
        # Where max_output is less, it is the high-water mark as well.
        self._high_water = min(config.high_water, config.max_output or config.high_water)
        low_water = config.high_water // 4 if config.low_water is None else config.low_water
        self._low_water = min(low_water, self._high_water)
        # What waits: _first, from _at on, and _more, from _next on. Most often there is
        # no more, and a list that is filled and emptied costs more than a frame. Unless
        # _mixed, all that waits is _first.
        self._first = b""
        self._at = 0
        self._more: list[bytes] = []
        self._next = 0
        self._mixed = False
        # Bytes that were ever added, and taken.
        self._added = 0
        self._taken = 0
        # Until so many have been added, the high-water mark has not been reached; 0 once it
        # was.
        self._safe_until = self._high_water
        self._congested = False
        # Of all that, what is not frames of messages; and those. Their headers are counted
        # as two bytes each, and what more some of them have.
        self._other_bytes = 0
        self._message_frames = 0
        self._long = LONG + 4 if client else LONG
        self._long_headers = 0

    @property
    def output_pending(self) -> int:
        """Bytes that wait to be taken."""
        return self._added - self._taken

    def data_to_send(self, limit: int | None = None) -> bytes:
        """Take the bytes to write to the transport, in order; empty if there are none.

        :param limit: how many at most.

        While the transport takes no more, take nothing from here: what is left here is
        what ``high_water``, ``writable`` and ``transport`` go by.

        Raises :exc:`~wsproto_core.LocalProtocolError` for a limit below 0.
        """
        if limit is not None or self._mixed:
            return self._take_some(limit)
        self._taken = self._added
        data = self._first
        self._first = b""
        return data

    def buffers_to_send(self) -> list[bytes]:
        """Like :meth:`data_to_send`, but gives the bytes as buffers, for ``writelines`` or
        ``sendmsg``.
        """
        if self._congested:
            self._add_late()
        buffers = [self._first[self._at :], *self._more[self._next :]]
        self._taken += self.output_pending
        self._empty()
        return buffers if buffers[0] else []

    def _take_some(self, limit: int | None) -> bytes:
        """Take at most *limit* bytes. To take all of it in small pieces is linear."""
        if limit is not None and limit < 0:
            raise LocalProtocolError(f"limit must be at least 0, not {limit}")
        if self._congested and (limit is None or self.output_pending - limit <= self._low_water):
            self._add_late()
        room = self.output_pending if limit is None else min(limit, self.output_pending)
        self._taken += room
        pieces = []
        while room:
            piece = self._first[self._at : self._at + room]
            pieces.append(piece)
            room -= len(piece)
            self._at += len(piece)
            if self._at == len(self._first):
                self._at = 0
                self._first = b""
                if self._next < len(self._more):
                    self._first = self._more[self._next]
                    self._next += 1
        if self._next > len(self._more) // 2:
            del self._more[: self._next]
            self._next = 0
        if self.output_pending <= self._low_water:
            self._congested = False
        self._mixed = bool(self._at or self._more or self._congested)
        return b"".join(pieces)

    def _add_late(self) -> None:
        """Add what has waited for the output to be taken: now it is."""

    def _empty(self) -> None:
        self._first = b""
        self._more = []
        self._at = self._next = 0
        self._mixed = self._congested = False

    def _put(self, data: bytes) -> None:
        """Add what is not a message."""
        if not data:
            return
        if self._first:
            self._more.append(data)
            self._mixed = True
        else:
            self._first = data
        self._added += len(data)
        self._other_bytes += len(data)
        if self._added >= self._safe_until:
            self._look_at_mark()

    def _look_at_mark(self) -> None:
        """The high-water mark may have been reached."""
        if self.output_pending >= self._high_water:
            self._congested = self._mixed = True
        self._safe_until = 0 if self._congested else self._taken + self._high_water

    def _drop_output(self) -> None:
        """Forget what waits: it was sent, but will not be on the wire."""
        dropped = self.output_pending
        self._added -= dropped
        self._other_bytes -= dropped
        self._empty()


__all__ = ["LONG", "VERY_LONG", "SessionOutput"]
