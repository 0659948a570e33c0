"""WebSockets on asyncio: clients and servers, plain and over TLS, as a ``Protocol``.

async with connect("ws://127.0.0.1:8000/chat") as ws:
    await ws.send("Hello!")
    print(await ws.recv())

async with serve(handler, port=8000) as server:
    ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from ssl import SSLContext, create_default_context
from typing import Any, TypeVar, cast

from wsproto_core import ConnectionType, Session, SessionConfig, TransportAction
from wsproto_core.frame_protocol import CloseReason

from .conversation import CONFIG, Accept, Address, Conversation, accept
from .websocket import Handler, WebSocket

T = TypeVar("T")


class AsyncioWebSocket(WebSocket, asyncio.Protocol):
    """A session on an asyncio transport."""

    transport: asyncio.Transport

    def __init__(
        self,
        role: ConnectionType,
        config: SessionConfig = CONFIG,
        accept: Accept = accept,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        session = Session(role, now=self.loop.time(), config=config)
        self.conversation = Conversation(session, self.loop.time, accept)
        self.full = False  # the transport's buffer
        self.changed = asyncio.Event()
        self.timer: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        # What waits, waits in the session. Not 0: TLS then calls an empty buffer full.
        self.transport.set_write_buffer_limits(high=1, low=0)
        self.flush()

    def data_received(self, data: bytes) -> None:
        self.session.receive_data(data, self.loop.time())
        self.step()

    def eof_received(self) -> bool:
        self.session.receive_data(None, self.loop.time())
        self.step()
        return self.transport.can_write_eof()  # our half goes on; TLS has no halves

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self.session.transport_lost(self.loop.time())
        self.step()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.loop.call_soon(self.step)  # asyncio does not expect to be told to close in here

    def time_is_up(self) -> None:
        self.timer = None
        self.session.handle_timer(self.loop.time())
        self.step()

    # What a WebSocket is made of

    async def wait_until(self, condition: Callable[[], T | None]) -> T:
        while (found := condition()) is None:
            await self.changed.wait()
        return found

    def step(self) -> None:
        self.conversation.take_events()
        self.flush()
        self.changed.set()  # wakes all who wait now
        self.changed.clear()

    def flush(self) -> None:
        session, transport = self.session, self.transport
        if not (self.full or transport.is_closing()) and (data := session.data_to_send()):
            transport.write(data)
        match session.transport:
            case TransportAction.ABORT if not self.gone:
                transport.abort()
            case TransportAction.END_WRITING if transport.can_write_eof():
                transport.write_eof()
            case TransportAction.END_WRITING | TransportAction.CLOSE:
                transport.close()
        if not transport.is_closing():
            if session.reading_paused:
                transport.pause_reading()
            else:
                transport.resume_reading()
        if self.timer is not None and self.timer.when() != session.deadline:
            self.timer.cancel()
            self.timer = None
        if self.timer is None and session.deadline is not None:
            self.timer = self.loop.call_at(session.deadline, self.time_is_up)


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
    """Open a connection to *url*, and close it in the end.

    Raises :exc:`ValueError` for what is no ws or wss URL, :exc:`OSError` (so
    :exc:`TimeoutError` too) if the server cannot be reached,
    :exc:`~.conversation.Refused` if it refuses, and
    :exc:`~.conversation.ConnectionClosed` if its answer is bad or does not come.
    """
    address = Address.parse(url)
    tls = (ssl or create_default_context()) if address.secure else None
    loop = asyncio.get_running_loop()
    ws = AsyncioWebSocket(ConnectionType.CLIENT, config)
    async with asyncio.timeout_at(ws.session.deadline):
        await loop.create_connection(lambda: ws, address.host, address.port, ssl=tls)
    request = address.request(subprotocols=subprotocols, headers=headers, compress=compress)
    async with ws.open_for_block(request):
        yield ws


class Server:
    """A listening socket, its connections, and a task for each."""

    port: int

    def __init__(self, handler: Handler, accept: Accept, config: SessionConfig) -> None:
        self.handler, self.accept, self.config = handler, accept, config
        self.tasks: dict[asyncio.Task[None], WebSocket] = {}
        self.closing = False

    def begin(self, ws: WebSocket, life: Coroutine[Any, Any, None]) -> None:
        """A connection has come; *life* is what its task does, to its end."""
        task = asyncio.get_running_loop().create_task(life)
        self.tasks[task] = ws
        task.add_done_callback(self.tasks.pop)

    async def close(self) -> None:
        """Close all connections (1001), and see their tasks to the end."""
        self.closing = True
        tasks = dict(self.tasks)
        for ws in tasks.values():
            ws.start_closing(CloseReason.GOING_AWAY)
        try:
            await asyncio.gather(*(ws.wait_closed() for ws in tasks.values()))
        finally:
            for task, ws in tasks.items():
                ws.abort()  # if this is cancelled: no time is left
                task.cancel()  # whatever its handler waits for instead
        await asyncio.gather(*tasks, return_exceptions=True)


class _Accepted(AsyncioWebSocket):
    """A connection of a server."""

    def __init__(self, server: Server) -> None:
        super().__init__(ConnectionType.SERVER, server.config, server.accept)
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.server.closing:  # it was accepted, or within TLS's handshake, when serve() was left
            self.abort()
            return
        self.server.begin(self, self.run(self.server.handler))


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
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        partial(_Accepted, server),
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
