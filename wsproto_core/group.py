"""One message to many sessions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isfinite

from .errors import LocalProtocolError
from .prepared import PreparedMessage
from .session import Session
from .states import ConnectionState


@dataclass(slots=True)
class Broadcast:
    """What became of a message to a group."""

    #: To how many members it was sent. Their output is to be taken.
    sent: int = 0
    #: Members that are no longer open. They have left the group.
    closed: list[Session] = field(default_factory=list)
    #: Members that were skipped, because their output has reached its high-water mark, or
    #: because they are within a fragmented message. They are still in the group: what to
    #: do with those that fall behind is for the application to say.
    slow: list[Session] = field(default_factory=list)


class Group:
    """Sessions that are sent the same messages. A session can be in any number of groups.

    Iteration gives the members; those that can share everything come first.
    """

    def __init__(self, members: Iterable[Session] = ()) -> None:
        # Those for whom a message is a frame that fits all, and the others.
        self._alike: dict[Session, None] = {}
        self._others: dict[Session, None] = {}
        for member in members:
            self.add(member)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)}>"

    def __len__(self) -> int:
        return len(self._alike) + len(self._others)

    def __iter__(self) -> Iterator[Session]:
        yield from self._alike
        yield from self._others

    def __contains__(self, session: object) -> bool:
        return session in self._alike or session in self._others

    def add(self, session: Session) -> None:
        """Take a session in, if it is not in already.

        Raises :exc:`~wsproto_core.LocalProtocolError` for one that is not open.
        """
        if session.state is not ConnectionState.OPEN:
            raise LocalProtocolError(f"a session joins a group in OPEN, not {session.state.name}")
        if session not in self:
            members = self._alike if session.takes_plain_frames else self._others
            members[session] = None

    def discard(self, session: Session) -> None:
        """Let a session go, if it is in."""
        self._alike.pop(session, None)
        self._others.pop(session, None)

    def send(self, message: str | bytes | PreparedMessage, now: float) -> Broadcast:
        """Send a message to all members that are open and ``writable``.

        It is encoded once, and compressed once for each deflate setting among them.

        A member that has been told of a later time goes by that. Raises
        :exc:`~wsproto_core.LocalProtocolError`, before anything is sent, for data that a
        message cannot have, and for a time that is no finite number.
        """
        if not isfinite(now):
            raise LocalProtocolError(f"the time cannot be {now}")
        prepared = message if isinstance(message, PreparedMessage) else PreparedMessage(message)
        left_over = Session.send_plain_frame(self._alike, prepared.plain_frame)
        report = Broadcast(len(self._alike) - len(left_over))
        for session in (*left_over, *self._others):
            if session.writable and not session.fragmenting:
                session.send(prepared, max(now, session.now))
                report.sent += 1
            elif session.state is ConnectionState.OPEN:
                report.slow.append(session)
            else:
                report.closed.append(session)
                self.discard(session)
        return report


__all__ = ["Broadcast", "Group"]
