"""Calls that a session may refuse: what it refuses, has changed nothing."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

from wsproto_core import ConnectionState, LocalProtocolError
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Request,
    TextMessage,
)
from wsproto_core.session import Session

from .link import Peer


class Calls:
    """What an application asks of its session.

    :param peer: for the time, the chances and the record.
    """

    def __init__(self, peer: Peer, session: Session) -> None:
        self._peer = peer
        self._world = peer.world
        self._session = session
        self._started_at = peer.world.now

    def send(self, event: Event, compress: bool | None = None) -> bool:
        """Send; whether it was not refused."""
        send = self._session.send
        return self._ask("send", lambda now: send(event, now, compress=compress), event)

    def close(self, code: int, reason: str) -> bool:
        """Close; whether it was not refused."""
        close = self._session.close
        return self._ask("close", lambda now: close(now, code, reason), code, reason)

    def abort(self) -> bool:
        """Abort; whether it was not refused."""
        return self._ask("abort", self._session.abort)

    def _ask(self, what: str, call: Callable[[float], None], *arguments: object) -> bool:
        self._peer.note(what, arguments)
        before = self._snapshot()
        try:
            call(self._world.now)
        except LocalProtocolError as exc:
            self._peer.note("refused", exc)
            if self._snapshot() != before:
                self._peer.fail(f"{what} {arguments!r:.100} was refused and changed something")
            return False
        return True

    def _snapshot(self) -> tuple[object, ...]:
        """All that can be seen of the session, except for what time alone may change."""
        session = self._session
        return (
            session.statistics(),
            session.deadline,
            session.transport,
            session.writable,
            session.ended,
        )

    def fire_early(self) -> None:
        """Let the timer run out before it is due, which does nothing."""
        session = self._session
        if session.deadline is None or session.deadline > self._world.now:
            before = self._snapshot()
            session.handle_timer(self._world.now)
            if self._snapshot() != before:
                self._peer.fail("a timer that was not due has changed something")

    def misuse(self) -> None:
        """Ask for what no application should: refused, and nothing has happened."""
        call = self._world.rng.choice(self._wrong())
        before = self._snapshot()
        try:
            call()
        except LocalProtocolError as exc:
            self._peer.note("misuse", exc)
        else:
            self._peer.fail("misuse was let through")
        if self._snapshot() != before:
            self._peer.fail("misuse has changed something")
        self._world.reached["misuse"] += 1

    def _wrong(self) -> list[Callable[[], object]]:
        session = self._session
        now = self._world.now
        early = self._started_at - 1.0
        wrong: list[Callable[[], object]] = [
            lambda: session.send(TextMessage("\ud800"), now),
            lambda: session.send(BytesMessage(1), now),  # type: ignore[arg-type]
            lambda: session.send(Ping(bytes(126)), now),
            lambda: session.send(CloseConnection(1005, "with a reason"), now),
            lambda: session.send(CloseConnection(1004), now),
            lambda: session.receive_data(b"x", early),
            lambda: session.receive_data(None, nan),
            lambda: session.handle_timer(nan),
            lambda: session.handle_timer(inf),
            lambda: session.send(TextMessage("late"), early),
            lambda: session.close(early),
            lambda: session.abort(-inf),
            lambda: session.data_to_send(-1),
        ]
        if session.state is not ConnectionState.CONNECTING:
            wrong += [
                lambda: session.send(Request("example.com", "/"), now),
                lambda: session.send(AcceptConnection(), now),
                lambda: session.receive_request([], "/", now),
            ]
        else:
            wrong += [lambda: session.send(TextMessage("early"), now)]
        if session.state is ConnectionState.OPEN:
            wrong += [lambda: session.close(now, 1004)]
        return wrong


__all__ = ["Calls"]
