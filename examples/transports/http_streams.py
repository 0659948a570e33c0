"""What a stream of HTTP/2 or HTTP/3 carries, for either connection: a WebSocket, or a response.

A connection (``h2_connection``, ``on_h3``) tells a :class:`Stream` what arrives, and asks it
what to send, whether to go on reading, when to wake it, and when to end. The opening
handshake is in ``http_opening``.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, TypeVar

from wsproto_core import (
    Session,
    TransportAction,
)

from .conversation import (
    Conversation,
)
from .websocket import WebSocket

T = TypeVar("T")

Fields = list[tuple[bytes, bytes]]
MAX_SECONDS = 60.0  # that a page or a refusal may take to be read


class Connection(Protocol):
    """A connection, as its streams see it."""

    streams: dict[int, Stream]
    #: A server's handlers.
    tasks: dict[asyncio.Task[None], WebSocket]

    def settle(self, stream: Stream) -> None:
        """See to what the stream now wants."""


class Stream(ABC):
    """One stream of a connection."""

    #: Whether each end has ended its half, and whether the stream is no more (None: it is).
    ended = peer_ended = False
    gone: bool | None = None
    #: Whether what it sends is all: the peer's half is of no use then.
    whole = False
    #: Whether it is a request that awaits its response.
    asking = False
    #: Bytes received for which the peer has not been given new room.
    unacknowledged = 0
    #: Fields to be sent before all else.
    head: Fields | None = None
    timer: asyncio.TimerHandle | None = None

    def __init__(self, connection: Connection, stream_id: int) -> None:
        self.connection, self.id = connection, stream_id
        self.loop = asyncio.get_running_loop()

    # What happens

    def receive_head(self, fields: Fields) -> None:
        """A client's stream: the response."""

    @abstractmethod
    def receive_data(self, data: bytes) -> None: ...

    @abstractmethod
    def receive_end(self) -> None: ...

    @abstractmethod
    def lose(self) -> None:
        """It was reset, or its connection is lost, or it has ended both ways."""

    @abstractmethod
    def handle_timer(self) -> None: ...

    def wake(self) -> None:
        """Something was sent."""

    # What it wants

    reading_paused = False

    @property
    @abstractmethod
    def deadline(self) -> float | None: ...

    @property
    @abstractmethod
    def action(self) -> TransportAction:
        """What to do once nothing is pending."""

    @property
    @abstractmethod
    def pending(self) -> int:
        """Bytes to send."""

    @abstractmethod
    def take(self, limit: int) -> bytes: ...

    def set_timer(self) -> None:
        due = self.deadline if self.connection.streams.get(self.id) is self else None
        if self.timer is not None and self.timer.when() != due:
            self.timer.cancel()
            self.timer = None
        if self.timer is None and due is not None:
            self.timer = self.loop.call_at(due, self._time_is_up)

    def _time_is_up(self) -> None:
        self.timer = None
        self.handle_timer()


class StreamWebSocket(Stream, WebSocket):
    """A WebSocket on a stream, open."""

    def __init__(self, connection: Connection, stream_id: int, session: Session) -> None:
        super().__init__(connection, stream_id)
        self.conversation = Conversation(session, self.loop.time)
        self.changed = asyncio.Event()

    def receive_data(self, data: bytes) -> None:
        self.session.receive_data(data or None, self.loop.time())
        self.step()

    def receive_end(self) -> None:
        self.session.receive_data(None, self.loop.time())
        self.step()

    def lose(self) -> None:
        self.gone = True
        self.session.transport_lost(self.loop.time())
        self.step()

    def handle_timer(self) -> None:
        self.session.handle_timer(self.loop.time())
        self.step()

    def step(self) -> None:
        self.conversation.take_events()
        self.connection.settle(self)
        self.wake()

    def wake(self) -> None:
        # A client's program need not wait for the server to end the stream, as it has to for
        # TCP (RFC 6455 §7.1.1): the stream does that by itself. Some servers never end it.
        session = self.session
        if session.client and self.end is not None and self.end.clean and not self.pending:
            self.gone = True
        self.changed.set()
        self.changed.clear()

    async def wait_until(self, condition: Callable[[], T | None]) -> T:
        while (found := condition()) is None:
            await self.changed.wait()
        return found

    @property
    def reading_paused(self) -> bool:  # type: ignore[override]
        return self.session.reading_paused

    @property
    def deadline(self) -> float | None:
        return self.session.deadline

    @property
    def action(self) -> TransportAction:
        return self.session.transport

    @property
    def pending(self) -> int:
        return self.session.output_pending

    def take(self, limit: int) -> bytes:
        return self.session.data_to_send(limit)


class Response(Stream):
    """A server's whole response: a page, or a refusal."""

    whole = True
    aborted = False

    def __init__(self, connection: Connection, stream_id: int, head: Fields, body: bytes) -> None:
        super().__init__(connection, stream_id)
        self.head, self.body = head, memoryview(body)
        self.until = self.loop.time() + MAX_SECONDS

    def receive_data(self, data: bytes) -> None:
        self.connection.settle(self)  # what is sent with a request here, is of no interest

    def receive_end(self) -> None:
        self.connection.settle(self)

    def lose(self) -> None:
        self.gone = True
        self.set_timer()

    def handle_timer(self) -> None:
        self.aborted = True
        self.connection.settle(self)

    @property
    def deadline(self) -> float:
        return self.until

    @property
    def action(self) -> TransportAction:
        return TransportAction.ABORT if self.aborted else TransportAction.END_WRITING

    @property
    def pending(self) -> int:
        return len(self.body)

    def take(self, limit: int) -> bytes:
        data, self.body = self.body[:limit], self.body[limit:]
        return bytes(data)
