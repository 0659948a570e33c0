"""What an application does with its session: about events, and of its own accord.

Owns what it is about to do, and what it owes its peer. Does nothing about the transport;
what it has said, it puts into the account.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsproto_core import ConnectionState
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.prepared import PreparedMessage
from wsproto_core.session import Session

from .account import Account
from .audience import Audience
from .calls import Calls
from .draws import Data, Habits, draw_close, draw_data, draw_deflate
from .link import Peer

_OPEN = ConnectionState.OPEN


class Application:
    """What is above a session.

    :param step: makes a call, and does about the session what is due after it.
    """

    def __init__(
        self,
        peer: Peer,
        session: Session,
        habits: Habits,
        account: Account,
        step: Callable[[Callable[[], None]], None],
    ) -> None:
        self._peer = peer
        self._world = peer.world
        self._rng = peer.world.rng
        self._session = session
        self._habits = habits
        self._account = account
        self._step = step
        self._calls = Calls(peer, session)
        self._audience: Audience | None = None
        self._actions = habits.actions
        self._owes_close = False
        self._body: list[bytes] = []
        #: Whether nothing new is begun any more.
        self.settled = False

    def begin(self) -> None:
        """A client sends its request."""
        if self._peer.client and self._session.state is not _OPEN:
            self._calls.send(Request("example.com", "/chat?a=b", extensions=self._extensions()))

    def settle_down(self) -> None:
        """Bring to its end what was begun."""
        self.settled = True
        fragments = self._account.fragments
        if fragments and self._world.calm:
            self._say_fragment(type(fragments[0])(), True)
        self._answer_body_at_once()

    def give_up(self) -> None:
        """The transport is gone: do what is still owed."""
        self._answer_close()
        self._answer_body_at_once()

    # About events

    def act(self, event: Event) -> None:
        """Do something about an event."""
        session = self._session
        if isinstance(event, Message):
            if event.message_finished:
                self._echo(self._account.received[-1])
        elif isinstance(event, Request):
            self._later(self._habits.answer_delay, self._answer_request)
        elif isinstance(event, Ping):
            if session.state in (_OPEN, ConnectionState.LOCAL_CLOSING):
                self._world.reached["ping answered by the application"] += 1
                self._account.pongs_sent += 1
                session.send(event.response(), self._world.now)
        elif isinstance(event, CloseConnection):
            self._owes_close = True
            self._world.reached["Close answered by the application"] += 1
            if self._habits.answers:
                self._later(self._habits.answer_delay, self._answer_close)

    def _echo(self, data: Data) -> None:
        short = len(self._account.sent) < 20 and len(data) < 2000
        if self._habits.echoes and short and not self.settled:
            self._say(data)

    def _answer_request(self) -> None:
        answer = self._habits.answer
        if self._session.state is not ConnectionState.CONNECTING or answer == "never":
            return
        if answer == "accept":
            self._calls.send(AcceptConnection(extensions=self._extensions()))
        elif answer == "refuse":
            self._calls.send(RejectConnection(403))
        else:
            self._body = [b"no", b"", b"!" * self._rng.choice((1, 3000))]
            length = str(sum(map(len, self._body))).encode()
            headers = self._rng.choice(([], [(b"Content-Length", length)]))
            self._calls.send(RejectConnection(404, headers, has_body=True))
            self._answer_body()

    def _extensions(self) -> list[Any]:
        return [draw_deflate(self._rng)] if self._habits.deflate else []

    def _answer_body(self) -> None:
        """Send a piece of a refusal's body."""
        if not self._body or self._session.state is not ConnectionState.REJECTING:
            return
        piece = self._body.pop(0)
        self._account.body_sent += piece
        self._calls.send(RejectData(piece, body_finished=not self._body))
        if self._body:
            self._later(self._habits.answer_delay or 0.0, self._answer_body)

    def _answer_body_at_once(self) -> None:
        while self._body and self._session.state is ConnectionState.REJECTING:
            self._answer_body()

    def _answer_close(self) -> None:
        if self._owes_close:
            self._owes_close = False
            self.close()

    def _later(self, seconds: float | None, call: Callable[[], None]) -> None:
        """Do something, at once or some time later."""
        if seconds is None:
            call()
        else:
            self._world.after(seconds, self._step, call)

    # Of its own accord

    def plan(self) -> None:
        """Do something some time, if it is one that does."""
        if self._actions:
            self._world.after(self._rng.expovariate(1 / self._world.tempo), self._go_on)

    def _go_on(self) -> None:
        if self.settled or self._session.ended is not None:
            return
        self._step(self._choose)
        self._actions -= 1
        self.plan()

    def _choose(self) -> None:
        """Do something."""
        rng = self._rng
        calls = self._calls
        calm = self._world.calm
        if self._session.state is ConnectionState.CONNECTING and rng.random() < 0.7:
            return  # what can be done now is mostly to spoil it
        choice = rng.random()
        if choice < 0.5:
            if self._session.writable or not self._habits.minds_writable:
                self._speak(begin=choice < 0.12)
        elif choice < 0.66:
            for _ in range(rng.choice((1, 1, 4, 40))):
                calls.send(Ping(rng.randbytes(rng.choice((0, 5, 125)))))
        elif choice < 0.7:
            self._account.pongs_sent += calls.send(Pong(b"unasked"))
        elif choice < 0.82:
            calls.misuse()
        elif choice < 0.88:
            calls.fire_early()
        elif choice < 0.95:
            # In calm schedules, an open connection.
            if rng.random() < (0.2 if calm else 0.6) and (not calm or self._session.state is _OPEN):
                self.close()
                if rng.random() < 0.3:
                    calls.close(1001, "again")
        elif not calm and rng.random() < 0.4:
            calls.abort()
            if rng.random() < 0.3:
                calls.abort()

    def _speak(self, begin: bool) -> None:
        """Send messages, or a fragment of one."""
        rng = self._rng
        fragments = self._account.fragments
        if self._session.fragmenting and fragments:
            self._say_fragment(draw_data(rng, type(fragments[0])), rng.random() < 0.6)
        elif begin:
            self._say_fragment(draw_data(rng), False)
        else:
            how = rng.choices(("plain", "prepared", "group"), (4, 1, 1))[0]
            compress = rng.choice((None, None, True, False))
            for _ in range(rng.choice((1, 1, 3))):
                if how == "group":
                    self._broadcast(draw_data(rng))
                else:
                    self._say(draw_data(rng), compress, how)

    def _say(self, data: Data, compress: bool | None = None, how: str = "plain") -> None:
        """Send a whole message, one way or another."""
        session = self._session
        if session.fragmenting:
            return
        allowed = session.state is _OPEN
        event: Event
        if how == "prepared":
            event = PreparedMessage(data)
        elif isinstance(data, str):
            event = TextMessage(data)
        else:
            event = BytesMessage(data)
        done = self._calls.send(event, compress)
        if done != allowed:
            self._peer.fail(f"to send a message was {'' if done else 'not '}allowed")
        self._world.reached[f"{how} message"] += done
        if done:
            self._account.say(data)

    def _broadcast(self, data: Data) -> None:
        """Send a message to all."""
        self._peer.note("group", data)
        if self._audience is None:
            self._audience = Audience(self._peer, self._session)
        if self._audience.send(data):
            self._account.say(data)

    def _say_fragment(self, data: Data, fin: bool) -> None:
        """Send the next fragment of a message."""
        if self._session.state is not _OPEN:
            return
        event: Event
        if isinstance(data, str):
            event = TextMessage(data, message_finished=fin)
        else:
            event = BytesMessage(data, message_finished=fin)
        if not self._calls.send(event, self._rng.choice((None, True, False))):
            self._peer.fail("a fragment was refused")
        self._world.reached["fragment"] += 1
        self._account.say_fragment(data, fin)

    def close(self) -> None:
        """Close the connection."""
        code, reason = draw_close(self._rng)
        session = self._session
        if session.state is _OPEN:
            self._account.look(_OPEN, self._world.now)
        first = session.state in (_OPEN, ConnectionState.REMOTE_CLOSING)
        if not self._calls.close(code, reason):
            self._peer.fail("close() was refused")
        if first:
            self._account.closes(code, reason)
            self._account.look(session.state, self._world.now)


__all__ = ["Application"]
