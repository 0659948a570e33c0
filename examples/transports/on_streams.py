"""WebSockets on asyncio's streams: the same as ``on_asyncio``, as loops instead of callbacks.

Where a program has a ``StreamReader`` and a ``StreamWriter`` in hand already, a
:class:`StreamWebSocket` goes on with them. Otherwise take ``on_asyncio``: it is faster, and what
a peer has sent before it reset the connection is not lost, as it is in a ``StreamReader``.
"""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext, create_default_context
from typing import TypeVar

from wsproto_core import ConnectionType, Session, SessionConfig, TransportAction

from .conversation import CONFIG, Accept, Address, Conversation, accept
from .on_asyncio import Server
from .websocket import Handler, WebSocket

T = TypeVar("T")


class StreamWebSocket(WebSocket):
    """A session on a pair of streams. It lives within ``async with ws.carried()``."""

    def __init__(
        self, session: Session, reader: StreamReader, writer: StreamWriter, accept: Accept = accept
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.conversation = Conversation(session, self.loop.time, accept)
        self.reader, self.writer = reader, writer
        # What waits, waits in the session. With 0 asyncio's TLS would pause for nothing.
        self.writer.transport.set_write_buffer_limits(high=1, low=0)
        self.changed = asyncio.Event()
        self.timer: asyncio.TimerHandle | None = None

    # What a WebSocket is made of

    async def wait_until(self, condition: Callable[[], T | None]) -> T:
        while (found := condition()) is None:
            await self.changed.wait()
        return found

    def wake(self) -> None:
        self.changed.set()  # wakes all who wait now
        self.changed.clear()

    def step(self) -> None:
        self.conversation.take_events()
        self.wake()
        if self.session.transport is TransportAction.ABORT:
            self.writer.transport.abort()  # ends the loops below
        deadline = self.session.deadline
        if self.timer is not None and self.timer.when() != deadline:
            self.timer.cancel()
            self.timer = None
        if self.timer is None and deadline is not None:
            self.timer = self.loop.call_at(deadline, self.time_is_up)

    def time_is_up(self) -> None:
        self.timer = None
        self.session.handle_timer(self.loop.time())
        self.step()

    # The transport

    @asynccontextmanager
    async def carried(self) -> AsyncIterator[None]:
        """Carry bytes for as long as the block lasts; what is open then is dropped."""
        carrying = self.loop.create_task(self.carry())
        try:
            yield
        finally:
            if not self.gone:
                self.abort()
            await carrying

    async def carry(self) -> None:
        reading = self.loop.create_task(self.read())
        try:
            with suppress(OSError):
                await self.write()
                self.writer.close()
                await self.writer.wait_closed()
        finally:
            self.writer.transport.abort()
            reading.cancel()  # it may wait for room
            await asyncio.wait([reading])
            self.session.transport_lost(self.loop.time())
            self.gone = True
            self.step()

    async def read(self) -> None:
        try:
            data: bytes | None = None
            while data != b"":
                await self.wait_until(lambda: not self.session.reading_paused or None)
                data = await self.reader.read(65536)
                self.session.receive_data(data, self.loop.time())
                self.step()
        except OSError:
            self.session.transport_lost(self.loop.time())
            self.step()

    async def write(self) -> None:
        session, writer = self.session, self.writer
        # TLS has no halves.
        last = TransportAction.CLOSE if writer.can_write_eof() else TransportAction.END_WRITING
        while True:
            if data := session.data_to_send():
                self.wake()  # there is room again
                writer.write(data)
                await writer.drain()
            elif session.transport >= last:
                return
            else:
                if session.transport is TransportAction.END_WRITING:
                    writer.write_eof()
                await self.changed.wait()


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
    tls = (ssl or create_default_context()) if address.secure else None
    loop = asyncio.get_running_loop()
    session = Session(ConnectionType.CLIENT, now=loop.time(), config=config)
    async with asyncio.timeout_at(session.deadline):
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=tls)
    ws = StreamWebSocket(session, reader, writer)
    request = address.request(subprotocols=subprotocols, headers=headers, compress=compress)
    async with ws.carried(), ws.open_for_block(request):
        yield ws


class StreamServer(Server):
    """A listening socket, its connections, and a task for each."""

    def connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self.closing:
            writer.transport.abort()
            return
        now = asyncio.get_running_loop().time()
        session = Session(ConnectionType.SERVER, now=now, config=self.config)
        ws = StreamWebSocket(session, reader, writer, self.accept)
        ws.step()  # sets the timer
        self.begin(ws, self.converse(ws))

    async def converse(self, ws: StreamWebSocket) -> None:
        async with ws.carried():
            await ws.run(self.handler)


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
    server = StreamServer(handler, accept, config)
    listening = await asyncio.start_server(
        server.connected,
        host,
        port,
        ssl=ssl,
        ssl_handshake_timeout=config.handshake_timeout if ssl else None,
        backlog=1024,
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.close()
