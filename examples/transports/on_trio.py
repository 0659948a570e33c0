"""WebSockets on trio: clients and servers, plain and over TLS.

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
from contextlib import asynccontextmanager
from math import inf
from ssl import SSLContext, create_default_context
from typing import TypeVar

import trio

from wsproto_core import ConnectionType, Session, SessionConfig, TransportAction
from wsproto_core.frame_protocol import CloseReason

from .conversation import CONFIG, Accept, Address, Conversation, accept, logger
from .websocket import Handler, WebSocket

T = TypeVar("T")
Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]
Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]


class TrioWebSocket(WebSocket):
    """A session on one of trio's streams, for as long as :meth:`carry` runs."""

    def __init__(self, session: Session, stream: Stream, accept: Accept = accept) -> None:
        self.conversation = Conversation(session, trio.current_time, accept)
        self.stream = stream
        self.waiting = trio.lowlevel.ParkingLot()
        self.life = trio.CancelScope()
        self.alarm = trio.CancelScope()
        self.read_all = False

    # What a WebSocket is made of

    async def wait_until(self, condition: Callable[[], T | None]) -> T:
        await trio.lowlevel.checkpoint()  # before, for who is cancelled must lose nothing
        while (found := condition()) is None:
            await self.waiting.park()
        return found

    def step(self) -> None:
        self.conversation.take_events()
        self.waiting.unpark_all()
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
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.read)
                    nursery.start_soon(self.keep_time)
                    await self.write()
                    await self.stream.aclose()
                    nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(self.stream)
            self.gone = True
            self.session.transport_lost(trio.current_time())
            self.step()

    async def read(self) -> None:
        session = self.session
        try:
            while not self.read_all:
                await self.wait_until(lambda: not session.reading_paused or None)
                data = await self.stream.receive_some(65536)
                self.read_all = not data
                session.receive_data(bytes(data), trio.current_time())
                self.step()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            session.transport_lost(trio.current_time())
            self.step()

    async def write(self) -> None:
        session, stream = self.session, self.stream
        # TLS has no halves.
        halves = stream if isinstance(stream, trio.SocketStream) else None
        last = TransportAction.CLOSE if halves else TransportAction.END_WRITING
        try:
            while session.transport < last:
                if data := session.data_to_send():
                    self.waiting.unpark_all()  # there is room again
                    await stream.send_all(data)
                else:
                    if session.transport is TransportAction.END_WRITING and halves:
                        await halves.send_eof()
                    await self.waiting.park()
        except trio.BrokenResourceError:
            # What the peer has sent before it went can still be read, unless nobody does.
            await self.wait_until(lambda: self.read_all or session.reading_paused or None)

    async def keep_time(self) -> None:
        while True:
            with trio.CancelScope(deadline=self.deadline) as self.alarm:
                await trio.sleep_forever()
            self.session.handle_timer(trio.current_time())
            self.step()


@asynccontextmanager
async def _open_nursery() -> AsyncIterator[trio.Nursery]:
    """A nursery, of which an exception of the block comes out as it is, not in a group."""
    raised: Exception | None = None
    async with trio.open_nursery() as nursery:
        try:
            yield nursery
        except Exception as exc:
            raised = exc
    if raised is not None:
        raise raised


async def _open_stream(address: Address, ssl: SSLContext | None, deadline: float) -> Stream:
    with trio.move_on_at(deadline):
        stream = await trio.open_tcp_stream(address.host, address.port)
        if not address.secure:
            return stream
        tls = trio.SSLStream(stream, ssl or create_default_context(), server_hostname=address.host)
        try:
            await tls.do_handshake()
        except BaseException as exc:
            await trio.aclose_forcefully(stream)
            if isinstance(exc, trio.BrokenResourceError):
                raise ConnectionError(f"TLS: {exc.__cause__}") from exc
            raise
        return tls
    raise TimeoutError("the server cannot be reached in time")


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
    session = Session(ConnectionType.CLIENT, now=trio.current_time(), config=config)
    deadline = inf if session.deadline is None else session.deadline
    ws = TrioWebSocket(session, await _open_stream(address, ssl, deadline))
    request = address.request(subprotocols=subprotocols, headers=headers, compress=compress)
    async with _open_nursery() as nursery:
        nursery.start_soon(ws.carry)
        async with ws.open_for_block(request):
            yield ws


class Server:
    """Listening sockets, and their connections."""

    port: int

    def __init__(self, handler: Handler, accept: Accept, config: SessionConfig) -> None:
        self.handler, self.accept, self.config = handler, accept, config
        self.connections: set[WebSocket] = set()
        self.listening = trio.CancelScope()

    async def listen(
        self,
        listeners: list[Listener],
        nursery: trio.Nursery,
        task_status: trio.TaskStatus[object],
    ) -> None:
        with self.listening:
            await trio.serve_listeners(
                self.converse, listeners, handler_nursery=nursery, task_status=task_status
            )

    async def converse(self, stream: Stream) -> None:
        session = Session(ConnectionType.SERVER, now=trio.current_time(), config=self.config)
        ws = TrioWebSocket(session, stream, self.accept)
        self.connections.add(ws)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ws.carry)
                await ws.run(self.handler)
        except Exception:  # it must not end the others
            logger.exception("a connection failed")
        finally:
            self.connections.discard(ws)

    async def close(self) -> None:
        """Close all connections (1001), and wait until their transports are gone."""
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
    server = Server(handler, accept, config)
    sockets = await trio.open_tcp_listeners(port, host=host)
    server.port = sockets[0].socket.getsockname()[1]
    listeners = [trio.SSLListener(each, ssl) for each in sockets] if ssl else sockets
    async with _open_nursery() as nursery:
        await nursery.start(server.listen, listeners, nursery)
        try:
            yield server
        finally:
            server.listening.cancel()
            await server.close()
            nursery.cancel_scope.cancel()  # whatever handlers wait for instead
