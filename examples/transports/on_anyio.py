"""WebSockets on anyio, that is on asyncio or trio: clients and servers, plain and over TLS.

async with connect("ws://127.0.0.1:8000/chat") as ws:
    await ws.send("Hello!")
    print(await ws.recv())

async with serve(handler, port=8000) as server:
    ...

Each connection has three tasks, which end with it: one reads, one writes, one waits for the
session's deadline. What is cancelled drops the connection; to leave it in good order, end the
block.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from math import inf
from ssl import SSLContext, create_default_context
from typing import TypeVar

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream, TaskGroup, TaskStatus
from anyio.lowlevel import checkpoint
from anyio.streams.stapled import MultiListener
from anyio.streams.tls import TLSStream

from wsproto_core import ConnectionType, Session, SessionConfig, TransportAction
from wsproto_core.frame_protocol import CloseReason

from .conversation import CONFIG, Accept, Address, Conversation, accept, logger
from .websocket import Handler, WebSocket

T = TypeVar("T")
GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


class AnyioWebSocket(WebSocket):
    """A session on one of anyio's streams, for as long as :meth:`carry` runs."""

    def __init__(self, session: Session, stream: ByteStream, accept: Accept = accept) -> None:
        self.conversation = Conversation(session, anyio.current_time, accept)
        self.stream = stream
        self.changed = anyio.Event()
        self.life = anyio.CancelScope()
        self.reading = anyio.CancelScope()
        self.alarm = anyio.CancelScope()
        self.read_all = False

    # What a WebSocket is made of

    async def wait_until(self, condition: Callable[[], T | None]) -> T:
        await checkpoint()  # before, for who is cancelled must lose nothing
        while (found := condition()) is None:
            await self.changed.wait()
        return found

    def wake(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()

    def step(self) -> None:
        self.conversation.take_events()
        self.wake()
        if self.session.transport is TransportAction.ABORT:
            self.life.cancel()
        self.alarm.deadline = self.deadline

    @property
    def deadline(self) -> float:
        return inf if self.session.deadline is None else self.session.deadline

    # The transport

    async def carry(self) -> None:
        """Carry bytes and time between stream and session, until the stream is gone."""
        try:
            with self.life:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self.read)
                    tasks.start_soon(self.keep_time)
                    await self.write()
                    self.reading.cancel()
                    await self.wait_until(lambda: self.read_all or None)
                    # TLS waits for the other end's closing alert.
                    with suppress(*GONE):
                        await self.stream.aclose()
                    tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True), suppress(*GONE):
                await anyio.aclose_forcefully(self.stream)
            self.gone = True
            self.session.transport_lost(anyio.current_time())
            self.step()

    async def read(self) -> None:
        session = self.session
        try:
            with self.reading:
                while not self.read_all:
                    await self.wait_until(lambda: not session.reading_paused or None)
                    data = None
                    with suppress(anyio.EndOfStream):
                        data = await self.stream.receive()
                    self.read_all = data is None
                    session.receive_data(data, anyio.current_time())
                    self.step()
        except GONE:
            session.transport_lost(anyio.current_time())
            self.step()
        finally:
            self.read_all = True
            self.wake()

    async def write(self) -> None:
        session, stream = self.session, self.stream
        # TLS has no halves.
        halves = stream if isinstance(stream, SocketStream) else None
        last = TransportAction.CLOSE if halves else TransportAction.END_WRITING
        try:
            while session.transport < last:
                if data := session.data_to_send():
                    self.wake()  # there is room again
                    await stream.send(data)
                else:
                    if session.transport is TransportAction.END_WRITING and halves:
                        await halves.send_eof()
                    await self.changed.wait()
        except GONE:
            # What the peer has sent before it went can still be read, unless nobody does.
            await self.wait_until(lambda: self.read_all or session.reading_paused or None)

    async def keep_time(self) -> None:
        while True:
            with anyio.CancelScope(deadline=self.deadline) as self.alarm:
                await anyio.sleep_forever()
            self.session.handle_timer(anyio.current_time())
            self.step()


@asynccontextmanager
async def _create_task_group() -> AsyncIterator[TaskGroup]:
    """A task group, of which an exception of the block comes out as it is, not in a group."""
    raised: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        except Exception as exc:
            raised = exc
    if raised is not None:
        raise raised


async def _open_stream(address: Address, ssl: SSLContext | None, deadline: float) -> ByteStream:
    with anyio.CancelScope(deadline=deadline):
        stream = await anyio.connect_tcp(address.host, address.port)
        if not address.secure:
            return stream
        return await _start_tls(stream, ssl or create_default_context(), address.host)
    raise TimeoutError("the server cannot be reached in time")


async def _start_tls(stream: SocketStream, ssl: SSLContext, host: str | None) -> ByteStream:
    """TLS on a stream: a client's if it has the server's name, *host*."""
    try:
        return await TLSStream.wrap(
            stream, server_side=host is None, hostname=host, ssl_context=ssl
        )
    except BaseException as exc:
        await anyio.aclose_forcefully(stream)
        if isinstance(exc, anyio.BrokenResourceError | anyio.EndOfStream):
            raise ConnectionError("the peer has gone within TLS's handshake") from exc
        raise


@asynccontextmanager
async def connect(
    url: str,
    *,
    ssl: SSLContext | None = None,
    subprotocols: Sequence[str] = (),
    headers: Iterable[tuple[bytes, bytes]] = (),
    compress: bool = True,
    config: SessionConfig = CONFIG,
) -> AsyncIterator[WebSocket]:
    """Open a connection to *url*, and close it in the end. Raises what ``on_asyncio`` does."""
    address = Address.parse(url)
    session = Session(ConnectionType.CLIENT, now=anyio.current_time(), config=config)
    deadline = inf if session.deadline is None else session.deadline
    ws = AnyioWebSocket(session, await _open_stream(address, ssl, deadline))
    request = address.request(subprotocols=subprotocols, headers=headers, compress=compress)
    async with _create_task_group() as tasks:
        tasks.start_soon(ws.carry)
        async with ws.open_for_block(request):
            yield ws


class Server:
    """A listening socket, and its connections."""

    port: int

    def __init__(
        self, handler: Handler, ssl: SSLContext | None, accept: Accept, config: SessionConfig
    ) -> None:
        self.handler, self.ssl, self.accept, self.config = handler, ssl, accept, config
        self.connections: set[WebSocket] = set()
        self.listening = anyio.CancelScope()
        self.stopped = anyio.Event()

    async def listen(
        self,
        listener: MultiListener[SocketStream],
        tasks: TaskGroup,
        *,
        task_status: TaskStatus[None],
    ) -> None:
        with self.listening:
            async with listener:
                task_status.started()
                await listener.serve(self.converse, tasks)
        self.stopped.set()

    async def converse(self, socket: SocketStream) -> None:
        session = Session(ConnectionType.SERVER, now=anyio.current_time(), config=self.config)
        stream: ByteStream = socket
        if self.ssl is not None:
            deadline = inf if session.deadline is None else session.deadline
            try:
                with anyio.CancelScope(deadline=deadline) as scope:
                    stream = await _start_tls(socket, self.ssl, None)
            except OSError:
                return
            if scope.cancelled_caught:
                return
        ws = AnyioWebSocket(session, stream, self.accept)
        self.connections.add(ws)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ws.carry)
                await ws.run(self.handler)
        except Exception:  # it must not end the others
            logger.exception("a connection failed")
        finally:
            self.connections.discard(ws)

    async def close(self) -> None:
        """Close all connections (1001), and wait until their transports are gone."""
        self.listening.cancel()
        await self.stopped.wait()
        connections = list(self.connections)
        for ws in connections:
            ws.start_closing(CloseReason.GOING_AWAY)
        for ws in connections:
            await ws.wait_closed()


@asynccontextmanager
async def serve(
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ssl: SSLContext | None = None,
    accept: Accept = accept,
    config: SessionConfig = CONFIG,
) -> AsyncIterator[Server]:
    """Serve until the end of the block, then close all connections (1001).

    :param port: 0 takes any free one; ``server.port`` says which.
    :param accept: decides about each request, before *handler* is run.
    """
    server = Server(handler, ssl, accept, config)
    listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    server.port = listener.extra(SocketAttribute.local_port)  # noqa: S610  # no SQL
    async with _create_task_group() as tasks:
        await tasks.start(server.listen, listener, tasks)
        try:
            yield server
        finally:
            await server.close()
            tasks.cancel_scope.cancel()  # whatever handlers wait for instead
