"""What a program with threads has in hand: one connection, whose methods block.

The same as ``websocket`` without ``async``. A wiring says how to carry bytes
(:meth:`BlockingWebSocket.step`), and when the transport is gone (:attr:`~BlockingWebSocket.gone`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from threading import Condition
from time import monotonic
from typing import TypeVar, cast

from wsproto_core import PreparedMessage, TransportAction
from wsproto_core import events as ev
from wsproto_core.frame_protocol import CloseReason

from .conversation import ConnectionClosed, Conversation, Data, Facts, logger

T = TypeVar("T")


class BlockingWebSocket(Facts, ABC):
    """One connection, which any thread may use."""

    #: Whether the transport is gone: None until then.
    gone: bool | None = None

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        #: Guards all of this; notified when something has happened.
        self.changed = Condition()

    @abstractmethod
    def step(self) -> None:
        """Take the events, wake who waits, and do what the session says. Called with the lock."""

    # What a program calls

    def recv(self, timeout: float | None = None) -> Data:
        """The next message. Raises :exc:`ConnectionClosed` behind the last one, and
        :exc:`TimeoutError` if none has come in time.
        """
        with self.changed:
            message = cast("Data", self.wait_until(self.conversation.next_message, timeout))
            if self.conversation.held:  # there is room again for what was left
                self.step()
            return message

    def __iter__(self) -> Iterator[Data]:
        with suppress(ConnectionClosed):  # ``end`` says how
            while True:
                yield self.recv()

    def send(self, data: Data | Iterable[Data]) -> None:
        """Send a message; one in fragments, if *data* yields them. Waits for room.

        Raises :exc:`ConnectionClosed` if it is too late.
        """
        if isinstance(data, str | bytes):
            with self.changed:
                self.wait_until(self.conversation.may_send)
                self._send(data)
        else:
            self._send_fragments(iter(data))

    def _send_fragments(self, pieces: Iterator[Data]) -> None:
        ahead = next(pieces, None)
        if ahead is None:
            raise ValueError("a message has at least one fragment")
        with self.changed:
            self.wait_until(self.conversation.may_send)
            self.conversation.fragmenting = True  # others wait from here on
        try:
            for piece in pieces:
                with self.changed:
                    self.wait_until(self._may_send_further)
                    self._send(ahead, finished=False)
                ahead = piece
            with self.changed:
                self.wait_until(self._may_send_further)
                self._send(ahead)
        except BaseException:
            with self.changed:
                if self.session.fragmenting:  # what has begun cannot be taken back
                    self.start_closing(CloseReason.INTERNAL_ERROR)
                else:
                    self.conversation.fragmenting = False
                    self.step()
            raise

    def try_send(self, message: Data | PreparedMessage) -> bool:
        """Send without waiting; whether that could be: not within another's message in fragments,
        nor behind the end. For telling many: who reads slowly holds up nobody, and is held to the
        session's ``max_output``, which is to be set then.
        """
        event = message if isinstance(message, PreparedMessage) else ev.Message(message)
        with self.changed:
            if self.conversation.fragmenting or self.session.transport is TransportAction.ABORT:
                return False
            sent = self.session.try_send(event, self.conversation.clock())
            self.step()
            return sent

    def ping(self, timeout: float | None = None) -> float:
        """Send a ping, and wait for its pong: how many seconds it took."""
        with self.changed:
            self.wait_until(self.conversation.may_send, timeout)
            ping = self.conversation.ping()
            self.step()
            return self.wait_until(lambda: self.conversation.pong(ping), timeout)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, and wait until the transport is gone."""
        self.start_closing(code, reason)
        try:
            with self.changed:
                self.wait_until(lambda: self.gone)
        except BaseException:  # Ctrl-C
            self.abort()
            raise

    def start_closing(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, without waiting. ``close_timeout`` bounds how long it takes."""
        with self.changed:
            self.conversation.close(code, reason)
            self.step()

    def abort(self) -> None:
        """Drop the connection at once."""
        with self.changed:
            self.session.abort(self.conversation.clock())
            self.step()

    # What follows is called with the lock

    def wait_until(self, condition: Callable[[], T | None], timeout: float | None = None) -> T:
        """Ask *condition*, again after all that happens, until it is not None."""
        until = None if timeout is None else monotonic() + timeout
        while (found := condition()) is None:
            if not self.changed.wait(None if until is None else until - monotonic()):
                raise TimeoutError(f"nothing within {timeout} s")
        return found

    def _may_send_further(self) -> bool | None:
        return self.conversation.may_send(further=True)

    def _send(self, data: Data, *, finished: bool = True) -> None:
        self.conversation.send(data, finished=finished)
        self.step()

    # What a server calls

    def run(self, handler: Handler) -> None:
        """A server's thread for one connection: its opening, its handler, its end."""
        code = CloseReason.NORMAL_CLOSURE
        try:
            with self.changed:
                self.wait_until(self.conversation.opened)
            handler(self)
        except ConnectionClosed:
            pass
        except Exception:
            logger.exception("a handler failed")
            code = CloseReason.INTERNAL_ERROR
        self.close(code)


#: A server's program for one connection, which is closed when it returns.
Handler = Callable[[BlockingWebSocket], None]
