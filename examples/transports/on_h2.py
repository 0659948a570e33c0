"""WebSockets over HTTP/2 (RFC 8441) on asyncio, with the h2 package: several on one connection.

async with Http2Client.connect("https://localhost:8443", ssl=context) as client:
    async with client.open("/chat") as chat, client.open("/news") as news:
        await chat.send("Hello!")

async with connect("wss://localhost:8443/chat", ssl=context) as ws: ...  # one by itself

async with serve(handler, port=8443, ssl=context, page=page) as server: ...

Over TLS both ends agree on HTTP/2 by ALPN, which is set in the context that is given. Without
it both must know beforehand (RFC 9113 §3.3): browsers do not, so for them it takes TLS. A
browser opens a WebSocket over HTTP/2 where it has a connection already, for the page: that is
what ``page`` is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from ssl import SSLContext, create_default_context
from typing import Self
from weakref import WeakSet

from wsproto_core import SessionConfig

from .conversation import CONFIG, Accept, Address, accept
from .h2_connection import Http2Connection, with_alpn
from .http_opening import HttpServer, Opening, Page
from .websocket import Handler, WebSocket


class Http2Client:
    """A connection to a server, on which to open WebSockets."""

    def __init__(self, address: Address, config: SessionConfig) -> None:
        self.address, self.config = address, config
        self.connection = Http2Connection(config)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, url: str, *, ssl: SSLContext | None = None, config: SessionConfig = CONFIG
    ) -> AsyncIterator[Self]:
        """Connect to the server of a ws or wss URL, and close the connection in the end.

        Raises :exc:`OSError` if that fails, or if the server does not do RFC 8441.
        """
        client = cls(Address.parse(url), config)
        try:
            async with asyncio.timeout(config.handshake_timeout):
                await client._connect(ssl)
            yield client
        finally:
            await client._close()

    async def _connect(self, ssl: SSLContext | None) -> None:
        connection, (secure, host, port, *_) = self.connection, self.address
        tls = with_alpn(ssl or create_default_context()) if secure else None
        await connection.loop.create_connection(lambda: connection, host, port, ssl=tls)
        session = connection.transport.get_extra_info("ssl_object")
        if session is not None and session.selected_alpn_protocol() != "h2":
            raise ConnectionError("the server does not speak HTTP/2")
        while not (connection.settings_received or connection.closed):
            await connection.changed.wait()
        # RFC 8441 §3: it must have said so before it is asked.
        if not connection.h2.remote_settings.enable_connect_protocol:
            raise ConnectionError("the server has no WebSockets over HTTP/2")

    async def _close(self) -> None:
        if hasattr(self.connection, "transport"):
            self.connection.close()
            await self.connection.lost.wait()

    @asynccontextmanager
    async def open(
        self,
        target: str,
        *,
        subprotocols: Sequence[str] = (),
        headers: Iterable[tuple[bytes, bytes]] = (),
        compress: bool = True,
        config: SessionConfig | None = None,
    ) -> AsyncIterator[WebSocket]:
        """Open a WebSocket, and close it in the end. Waits while the server admits no more.

        Raises as ``connect`` does.
        """
        connection, h2 = self.connection, self.connection.h2
        request = self.address._replace(target=target).request(
            subprotocols=subprotocols, headers=headers, compress=compress
        )
        while not connection.closed and len(connection.streams) >= max(
            0, h2.remote_settings.max_concurrent_streams
        ):
            await connection.changed.wait()
        if connection.closed:
            raise ConnectionError("the connection is closed")
        scheme = "https" if self.address.secure else "http"
        stream_id = h2.get_next_available_stream_id()
        stream = Opening(connection, stream_id, request, scheme, config or self.config)
        connection.add(stream)
        async with stream.open() as ws:
            yield ws


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
    """Open a connection to *url* for one WebSocket, and close it in the end.

    Raises :exc:`ValueError` for what is no ws or wss URL, :exc:`OSError` (so
    :exc:`TimeoutError` too) if the server cannot be reached or does not do RFC 8441,
    :exc:`~.conversation.Refused` if it refuses, and
    :exc:`~.conversation.ConnectionClosed` if its answer is bad or does not come.
    """
    async with (
        Http2Client.connect(url, ssl=ssl, config=config) as client,
        client.open(
            client.address.target, subprotocols=subprotocols, headers=headers, compress=compress
        ) as ws,
    ):
        yield ws


class Http2Server(HttpServer):
    """A listening socket, its connections, and their WebSockets with a task for each."""

    def __init__(
        self, handler: Handler, accept: Accept, config: SessionConfig, page: Page | None
    ) -> None:
        super().__init__(handler, accept, config, page)
        self.connections: WeakSet[Http2Connection] = WeakSet()

    def make_connection(self) -> Http2Connection:
        connection = Http2Connection(self.config, self.answer)
        self.connections.add(connection)
        return connection

    async def close(self) -> None:
        await super().close()
        # One that is within TLS's handshake has no transport yet.
        connections = [each for each in self.connections if hasattr(each, "transport")]
        for connection in connections:
            connection.close()
        await asyncio.gather(*(connection.lost.wait() for connection in connections))


@asynccontextmanager
async def serve(
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ssl: SSLContext | None = None,
    accept: Accept = accept,
    config: SessionConfig = CONFIG,
    page: Page | None = None,
) -> AsyncIterator[Http2Server]:
    """Serve until the end of the block, then close all WebSockets (1001) and connections.

    :param port: 0 takes any free one; ``server.port`` says which.
    :param accept: decides about each request, before *handler* is run.
    :param page: answers ordinary requests; without it they are refused.
    """
    server = Http2Server(handler, accept, config, page)
    loop = asyncio.get_running_loop()
    tls = None if ssl is None else with_alpn(ssl)
    listening = await loop.create_server(
        server.make_connection,
        host,
        port,
        ssl=tls,
        ssl_handshake_timeout=config.handshake_timeout if ssl else None,
        backlog=1024,
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.close()
