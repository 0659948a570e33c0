"""What an end has said and heard, counted by whoever embeds the session.

Knows no session: the session's own words are compared with this.
"""

from __future__ import annotations

from typing import Any

from wsproto_core import ConnectionState
from wsproto_core.events import Event, Message, RejectData
from wsproto_core.session import SessionEnded

from .draws import Data, size_of, together


class Account:
    """The count of one end, from a time on."""

    def __init__(self, now: float) -> None:
        self.started_at = now
        #: When it was first seen to be open, and no longer open.
        self.opened_at: float | None = None
        self.closing_since: float | None = None
        #: Messages sent; the fragments of one that has no end yet.
        self.sent: list[Data] = []
        self.fragments: list[Data] = []
        self.payload_sent = 0
        #: The size of what was sent last.
        self.last_size = 0
        #: Pongs that are the application's.
        self.pongs_sent = 0
        self.body_sent = b""
        #: What the first Close frame is to carry, if the application sends it.
        self.close_sent: tuple[int, str] | None = None
        #: Messages received; the pieces of one that has no end yet.
        self.received: list[Data] = []
        self.pieces: list[Data] = []
        self.body_received = b""
        self.terminal: SessionEnded | None = None
        #: Of the transport.
        self.wire_received = 0
        self.wire_received_open = 0
        self.wire_sent = 0
        self.heard_at = now

    def look(self, state: ConnectionState, now: float) -> bool:
        """Take notice of the session's state; whether it is the first in which it closes."""
        if state is ConnectionState.OPEN:
            if self.opened_at is None:
                self.opened_at = now
        elif self.opened_at is not None and self.closing_since is None:
            self.closing_since = now
            return True
        return False

    def closes(self, code: int, reason: str) -> None:
        """The application closes, and nobody has before."""
        if self.close_sent is None:
            code = 1000 if code == 1006 else code
            self.close_sent = code, reason.encode()[:123].decode(errors="ignore")

    def say(self, data: Data) -> None:
        """A message was sent."""
        self.sent.append(data)
        self._count(data)

    def say_fragment(self, data: Data, fin: bool) -> None:
        """A fragment of one was."""
        self.fragments.append(data)
        self._count(data)
        if fin:
            self.sent.append(together(self.fragments))
            self.fragments.clear()

    def _count(self, data: Data) -> None:
        self.last_size = size_of(data)
        self.payload_sent += self.last_size

    def arrive(self, size: int) -> None:
        """The transport has read so many bytes."""
        self.wire_received += size
        if self.opened_at is not None:
            self.wire_received_open += size

    def take(self, event: Event) -> None:
        """An event was taken."""
        if isinstance(event, Message):
            self._hear(event)
        elif isinstance(event, RejectData):
            self.body_received += event.data
        elif isinstance(event, SessionEnded):
            self.terminal = event

    def _hear(self, event: Message[Any]) -> None:
        self.pieces.append(event.data)
        if event.message_finished:
            self.received.append(together(self.pieces))
            self.pieces.clear()


__all__ = ["Account"]
