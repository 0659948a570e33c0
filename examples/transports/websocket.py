"""What a program on an event loop has in hand: one connection, as coroutines.

The same for asyncio, trio, anyio, HTTP/2 and HTTP/3. What they are made of, a wiring says in
three methods: how to wait (:meth:`WebSocket.wait_until`), what to do when the session has been
told something (:meth:`~WebSocket.step`), and when the transport is gone
(:attr:`~WebSocket.gone`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Self, TypeVar

from wsproto_core import PreparedMessage, TransportAction
from wsproto_core import events as ev
from wsproto_core.frame_protocol import CloseReason

from .conversation import ConnectionClosed, Data, Facts, logger

T = TypeVar("T")


class WebSocket(Facts, ABC):
    """One connection. Any number of tasks may send; one at a time should receive."""

    #: Whether the transport is gone: None until then.
    gone: bool | None = None

    @abstractmethod
    async def wait_until(self, condition: Callable[[], T | None]) -> T:
        """Ask *condition*, again after all that happens, until it is not None."""

    @abstractmethod
    def step(self) -> None:
        """Take the events, wake who waits, and do what the session says: write, read on or
        not, close, set the timer.
        """

    # What a program calls

    async def recv(self) -> Data:
        """The next message. Raises :exc:`ConnectionClosed` behind the last one."""
        message: Data = await self.wait_until(self.conversation.next_message)
        if self.conversation.held:  # there is room again for what was left with the session
            self.step()
        return message

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Data:
        try:
            return await self.recv()
        except ConnectionClosed:  # ``end`` says how
            raise StopAsyncIteration from None

    async def send(self, data: Data | Iterable[Data]) -> None:
        """Send a message; one in fragments, if *data* yields them. Waits for room.

        Raises :exc:`ConnectionClosed` if it is too late.
        """
        conversation = self.conversation
        await self.wait_until(conversation.may_send)
        if isinstance(data, str | bytes):
            conversation.send(data)
            self.step()
        else:
            await self._send_fragments(data)

    async def _send_fragments(self, pieces: Iterable[Data]) -> None:
        conversation = self.conversation
        try:
            ahead: Data | None = None
            for piece in pieces:
                if ahead is not None:
                    conversation.send(ahead, finished=False)
                    self.step()
                    await self.wait_until(self._may_send_further)
                ahead = piece
            if ahead is None:
                raise ValueError("a message has at least one fragment")
            conversation.send(ahead)
            self.step()
        except BaseException:
            if conversation.fragmenting:  # what has begun cannot be taken back
                self.start_closing(CloseReason.INTERNAL_ERROR)
            raise

    def _may_send_further(self) -> bool | None:
        return self.conversation.may_send(further=True)

    def try_send(self, message: Data | PreparedMessage) -> bool:
        """Send without waiting; whether it was sent: not if it is too late, nor while another
        task is within a message in fragments. For telling many: who reads slowly holds up
        nobody, and is held to the session's ``max_output``, which is to be set then.
        """
        if self.conversation.fragmenting or self.session.transport is TransportAction.ABORT:
            return False
        event = message if isinstance(message, PreparedMessage) else ev.Message(message)
        sent = self.session.try_send(event, self.conversation.clock())
        self.step()
        return sent

    async def ping(self) -> float:
        """Send a ping, and wait for its pong: how many seconds it took."""
        await self.wait_until(self.conversation.may_send)
        ping = self.conversation.ping()
        self.step()
        return await self.wait_until(lambda: self.conversation.pong(ping))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, and wait until the transport is gone."""
        self.start_closing(code, reason)
        try:
            await self.wait_closed()
        except BaseException:  # cancelled: no time is left
            self.abort()
            raise

    def start_closing(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, without waiting. ``close_timeout`` bounds how long it takes."""
        self.conversation.close(code, reason)
        self.step()

    def abort(self) -> None:
        """Drop the connection at once."""
        self.session.abort(self.conversation.clock())
        self.step()

    async def wait_closed(self) -> None:
        """Wait until the transport is gone."""
        await self.wait_until(lambda: self.gone)

    # What a client's ``connect`` is made of

    @asynccontextmanager
    async def open_for_block(self, request: ev.Request) -> AsyncIterator[None]:
        """Open the connection for a block: :exc:`Refused` and the like come before it."""
        async with self.close_behind_block():
            self.session.send(request, self.conversation.clock())
            self.step()
            await self.wait_until(self.conversation.opened)
            yield

    @asynccontextmanager
    async def close_behind_block(self) -> AsyncIterator[None]:
        """Close the connection behind a block, with a code that says how that has ended."""
        code = CloseReason.GOING_AWAY  # if it is cancelled, and the transport can still say so
        try:
            yield
            code = CloseReason.NORMAL_CLOSURE
        except Exception:
            code = CloseReason.INTERNAL_ERROR
            raise
        finally:
            await self.close(code)

    # What a server calls

    async def run(self, handler: Handler) -> None:
        """A server's task for one connection: its opening, its handler, its end."""
        code = CloseReason.NORMAL_CLOSURE
        try:
            await self.wait_until(self.conversation.opened)
            await handler(self)
        except ConnectionClosed:
            pass
        except Exception:
            logger.exception("a handler failed")
            code = CloseReason.INTERNAL_ERROR
        except BaseException:  # cancelled: no time is left
            self.abort()
            raise
        await self.close(code)


#: A server's program for one connection, which is closed when it returns.
Handler = Callable[[WebSocket], Awaitable[None]]
