"""Connections in memory, for tests: no socket, no event loop, and a clock that the test moves.

def test_echo():
    with Network(handler) as network:
        client = network.connect("/chat")
        client.send("Hello!")
        assert client.recv() == "Hello!"
        network.advance(40)        # of heartbeats and deadlines
        client.pair.cut()          # and what does the handler say now?

A handler is the same that ``serve`` of the other wirings takes. Here it may wait for its
connections and for :meth:`Network.sleep`, and for nothing else. What it raises, the test gets
raised in the end. All of it happens in one thread and in the same order each time.

Below that, a :class:`Pair` joins any two sessions, for tests that look at bytes and events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import suppress
from math import inf
from random import Random
from types import coroutine
from typing import Any, Self, TypeVar, cast

from wsproto_core import ConnectionType, Session, SessionConfig, SessionEnded, TransportAction
from wsproto_core import events as ev
from wsproto_core.frame_protocol import CloseReason

from .conversation import CONFIG, Accept, Address, ConnectionClosed, Conversation, Data, accept
from .websocket import Handler, WebSocket

T = TypeVar("T")
#: Bytes that may be under way in each direction before a transport takes no more.
CAPACITY = 64 * 1024
#: So often may things happen in no time at all.
MOST = 100_000
WAITS = object()


class Clock:
    """The time, in seconds; it moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Timeline(ABC):
    """What happens at times of a clock."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()

    @abstractmethod
    def deliver(self) -> bool:
        """Do all that can be done now. Returns whether it was anything."""

    @abstractmethod
    def next_time(self) -> float:
        """When something is to happen by itself next; infinity if nothing is."""

    def advance(self, seconds: float) -> None:
        """Let time pass, with all that happens in it, each at its time."""
        until = self.clock.now + seconds
        self.deliver()
        while (time := self.next_time()) <= until:
            self.clock.now = time
            self.deliver()
        self.clock.now = until


class End:
    """One end of a pair: a session, and what is under way to it."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation, self.session = conversation, conversation.session
        #: When each piece arrives; an empty one is the end.
        self.arriving: deque[tuple[float, bytes]] = deque()
        #: Whether it reads; set it to False to see what the other end does then.
        self.reads = True
        self.gone: bool | None = None
        self.ended = False  # its writing half

    @property
    def full(self) -> bool:
        return sum(len(data) for _, data in self.arriving) >= CAPACITY


class Pair(Timeline):
    """Two sessions, joined by a transport in memory.

    :param latency: how many seconds a byte takes.
    :param chunk: how many bytes are read at once, at most: 1 is the hardest.
    """

    def __init__(
        self,
        client: Conversation,
        server: Conversation,
        clock: Clock,
        *,
        latency: float = 0.0,
        chunk: int = 65536,
    ) -> None:
        super().__init__(clock)
        self.client, self.server = End(client), End(server)
        self.latency, self.chunk = latency, chunk
        self.silent = False

    @classmethod
    def of_sessions(
        cls,
        *,
        client: SessionConfig = CONFIG,
        server: SessionConfig = CONFIG,
        accept: Accept = accept,
        clock: Clock | None = None,
        **options: Any,
    ) -> Self:
        """A pair of new sessions, with a configuration each. Neither has said anything."""
        clock = clock or Clock()
        entropy = Random(0).randbytes  # the same bytes each time
        ends = [
            Conversation(
                Session(role, now=clock.now, config=config, entropy=entropy), clock, accept
            )
            for role, config in ((ConnectionType.CLIENT, client), (ConnectionType.SERVER, server))
        ]
        return cls(ends[0], ends[1], clock, **options)

    # Faults

    def cut(self) -> None:
        """The transport is lost, and both ends are told, as by a reset."""
        for end in (self.client, self.server):
            self._lose(end)

    def vanish(self) -> None:
        """From now on nothing arrives anywhere, and nobody is told."""
        self.silent = True
        for end in (self.client, self.server):
            end.arriving.clear()

    def end_writing(self, end: End) -> None:
        """Half-close: *end*'s bytes end here, whatever its session thinks."""
        if not end.ended:
            end.ended = True
            self._put(end, b"")

    # What happens

    def deliver(self) -> bool:
        moved = False
        for _ in range(MOST):
            if not (self._serve(self.client) | self._serve(self.server)):
                return moved
            moved = True
        raise RuntimeError("the two ends do not come to rest")

    def next_time(self) -> float:
        now, times = self.clock.now, [inf]
        for end in (self.client, self.server):
            times += [due for due, _ in end.arriving if due > now][:1]
            if end.session.deadline is not None:
                times.append(end.session.deadline)
        return min(times)

    def _serve(self, end: End) -> bool:
        """Do what is to be done for one end now. Returns whether it was anything."""
        session, now = end.session, self.clock.now
        moved = False
        if session.deadline is not None and session.deadline <= now:
            session.handle_timer(now)
            moved = True
        while (
            end.reads and end.arriving and end.arriving[0][0] <= now and not session.reading_paused
        ):
            session.receive_data(end.arriving.popleft()[1], now)
            end.conversation.take_events()
            moved = True
        end.conversation.take_events()
        return self._write(end) or moved

    def _write(self, end: End) -> bool:
        session = end.session
        other = self.server if end is self.client else self.client
        moved = False
        while (self.silent or not other.full) and (data := session.data_to_send(self.chunk)):
            if not end.ended:
                self._put(end, data)
            moved = True
        action = session.transport
        if action >= TransportAction.END_WRITING and not end.ended:
            self.end_writing(end)
            moved = True
        if action >= TransportAction.CLOSE and not end.gone:
            self._lose(end)
            if action is TransportAction.ABORT and not self.silent:
                self._lose(other)
            moved = True
        return moved

    def _put(self, end: End, data: bytes) -> None:
        other = self.server if end is self.client else self.client
        if not (self.silent or other.gone):
            other.arriving.append((self.clock.now + self.latency, data))

    def _lose(self, end: End) -> None:
        end.gone = True
        end.arriving.clear()
        end.session.transport_lost(self.clock.now)
        end.conversation.take_events()


class MemoryWebSocket(WebSocket):
    """One end of a pair, for programs that run in a :class:`Network`."""

    def __init__(self, network: Network, end: End) -> None:
        self.network, self.end_of_pair = network, end
        self.conversation = end.conversation

    @property
    def gone(self) -> bool | None:  # type: ignore[override]
        return self.end_of_pair.gone

    async def wait_until(self, condition: Callable[[], T | None]) -> T:
        return await self.network.wait_until(condition)

    def step(self) -> None:
        self.conversation.take_events()


class Client:
    """A client's connection, with methods that let things happen until they have a result:
    time passes for it, too, where there is latency. What takes longer than ``timeout`` seconds
    of that time raises :exc:`TimeoutError`.
    """

    timeout = 60.0

    def __init__(self, network: Network, pair: Pair) -> None:
        self.network, self.pair = network, pair
        self.ws = MemoryWebSocket(network, pair.client)

    def send(self, data: Data | Iterable[Data]) -> None:
        self.network.run(self.ws.send(data), self.timeout)
        self.network.deliver()

    def recv(self) -> Data:
        return self.network.run(self.ws.recv(), self.timeout)

    def received(self) -> list[Data]:
        """All messages that have arrived, and not been asked for."""
        self.network.deliver()
        messages = []
        with suppress(ConnectionClosed):
            while (message := self.ws.conversation.next_message()) is not None:
                messages.append(message)
                self.network.deliver()
        return messages

    def ping(self) -> float:
        return self.network.run(self.ws.ping(), self.timeout)

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.network.run(self.ws.close(code, reason), self.timeout)

    @property
    def end(self) -> SessionEnded | None:
        """How the connection has ended; None before."""
        self.network.deliver()
        return self.ws.end

    @property
    def response(self) -> ev.AcceptConnection | ev.RejectConnection | None:
        return self.ws.response

    @property
    def subprotocol(self) -> str | None:
        return self.ws.subprotocol


class Network(Timeline):
    """A server's handler, and its connections, in memory.

    :param options: of each :class:`Pair`, unless :meth:`connect` is given others.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        accept: Accept = accept,
        config: SessionConfig = CONFIG,
        **options: Any,
    ) -> None:
        super().__init__()
        self.handler, self.accept, self.config, self.options = handler, accept, config, options
        self.pairs: list[Pair] = []
        self.tasks: list[Coroutine[Any, Any, Any]] = []
        #: What handlers have raised. Leaving the block raises the first of them: a test that
        #: has seen what it wanted clears it.
        self.failures: list[Exception] = []
        self._happened = 0
        self._alarms: list[float] = []

    def connect(
        self,
        target: str = "/",
        *,
        subprotocols: Sequence[str] = (),
        headers: Iterable[tuple[bytes, bytes]] = (),
        compress: bool = True,
        config: SessionConfig = CONFIG,
        **options: Any,
    ) -> Client:
        """A connection, open. Raises what ``connect`` of the other wirings does."""
        options = self.options | options
        pair = Pair.of_sessions(
            client=config, server=self.config, accept=self.accept, clock=self.clock, **options
        )
        self.pairs.append(pair)
        self.tasks.append(MemoryWebSocket(self, pair.server).run(self._handle))
        address = Address.parse(f"ws://testserver{target}")
        request = address.request(subprotocols=subprotocols, headers=headers, compress=compress)
        pair.client.session.send(request, self.clock.now)
        client = Client(self, pair)
        self.run(client.ws.wait_until(client.ws.conversation.opened))
        return client

    async def _handle(self, ws: WebSocket) -> None:
        try:
            await self.handler(ws)
        except ConnectionClosed:
            raise
        except Exception as exc:
            self.failures.append(exc)
            raise

    def run(self, program: Coroutine[Any, Any, T], timeout: float = 60.0) -> T:
        """Run a program of one's own beside the handlers, and give its result."""
        until = self.clock.now + timeout
        try:
            while (result := self._resume(program)) is WAITS:
                if not self.deliver():
                    if (time := self.next_time()) > until:
                        self.clock.now = until
                        raise TimeoutError(f"nothing within {timeout} s")
                    self.clock.now = time
            return cast("T", result)
        finally:
            program.close()

    async def sleep(self, seconds: float) -> None:
        """For handlers: wait, by the clock of the test."""
        due = self.clock.now + seconds
        self._alarms.append(due)
        await self.wait_until(lambda: self.clock.now >= due or None)

    async def wait_until(self, condition: Callable[[], T | None]) -> T:
        while (found := condition()) is None:
            await _rest()
        self._happened += 1
        return found

    # What happens

    def deliver(self) -> bool:
        """Move bytes and run handlers, until all wait for what is not yet."""
        moved = False
        for _ in range(MOST):
            happened = self._happened
            some = sum(pair.deliver() for pair in self.pairs) > 0
            for task in list(self.tasks):
                if self._resume(task) is not WAITS:
                    self.tasks.remove(task)
                    some = True
            if not some and happened == self._happened:
                return moved
            moved = True
        raise RuntimeError("the connections do not come to rest")

    def next_time(self) -> float:
        self._alarms = [due for due in self._alarms if due > self.clock.now]
        return min([inf, *self._alarms, *(pair.next_time() for pair in self.pairs)])

    def _resume(self, task: Coroutine[Any, Any, T]) -> T | object:
        """Run a task until it has to wait, or to its end. Returns its result, or ``WAITS``."""
        try:
            waits_for = task.send(None)
        except StopIteration as stop:
            return cast("T", stop.value)
        if waits_for is None:
            return WAITS
        if task in self.tasks:
            self.tasks.remove(task)
        task.close()
        raise RuntimeError(f"a handler can wait for its connections only, not for {waits_for!r}")

    # The end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close all connections (1001), and see the handlers to the end."""
        try:
            for pair in self.pairs:
                pair.server.conversation.close(CloseReason.GOING_AWAY)
            self.advance(60)
        finally:
            for task in self.tasks:
                task.close()  # whatever its handler waits for instead
            self.tasks.clear()
        if self.failures and exc_info[0] is None:
            raise self.failures[0]


@coroutine
def _rest() -> Generator[None, None, None]:
    """Let others have their turn."""
    yield
