"""WebSockets over HTTP/3 (RFC 9220) on asyncio, with aioquic: several on one connection.

tls = QuicConfiguration(is_client=False)
tls.load_cert_chain("certificate.pem", "key.pem")
async with serve(handler, port=8443, ssl=tls) as server: ...

async with Http3Client.connect("wss://localhost:8443") as client:
    async with client.open("/chat") as chat, client.open("/news") as news:
        await chat.send("Hello!")

The interface is that of ``on_h2``; ``ssl`` is aioquic's ``QuicConfiguration``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from typing import Self
from weakref import WeakSet

import aioquic.asyncio.client
import aioquic.asyncio.server
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from wsproto_core import SessionConfig

from .conversation import CONFIG, Accept, Address, accept
from .h3_connection import WINDOW, Http3Connection
from .http_opening import HttpServer, Opening, Page
from .websocket import Handler, WebSocket


def _configure(given: QuicConfiguration | None, *, client: bool) -> QuicConfiguration:
    configuration = QuicConfiguration() if given is None else copy(given)
    configuration.is_client = client
    configuration.alpn_protocols = H3_ALPN
    configuration.max_stream_data = WINDOW
    return configuration


class Http3Client:
    """A connection to a server, on which to open WebSockets."""

    def __init__(
        self, address: Address, config: SessionConfig, connection: Http3Connection
    ) -> None:
        self.address, self.config, self.connection = address, config, connection

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, url: str, *, ssl: QuicConfiguration | None = None, config: SessionConfig = CONFIG
    ) -> AsyncIterator[Self]:
        """Connect to the server of a wss URL, and close the connection in the end.

        Raises :exc:`OSError` if that fails, or if the server does not do RFC 9220.
        """
        address = Address.parse(url)
        if not address.secure:
            raise ValueError("HTTP/3 is always over TLS: wss")
        configuration = _configure(ssl, client=True)
        async with asyncio.timeout(config.handshake_timeout) as limit:
            async with aioquic.asyncio.client.connect(
                address.host,
                address.port,
                configuration=configuration,
                create_protocol=Http3Connection,
                wait_connected=False,  # leaves an exception that nobody sees, if it fails
            ) as connection:
                assert isinstance(connection, Http3Connection)
                connection.transmit()
                while connection.enabled is None and not connection.lost:
                    await connection.changed.wait()
                # RFC 9220 §3: it must have said so before it is asked.
                if not connection.enabled:
                    raise ConnectionError("the server has no WebSockets over HTTP/3")
                limit.reschedule(None)
                yield cls(address, config, connection)

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
        """Open a WebSocket, and close it in the end. aioquic waits where the server admits
        no more streams. Raises as ``connect`` does.
        """
        connection = self.connection
        if connection.lost or connection.h3 is None:
            raise ConnectionError("the connection is closed")
        request = self.address._replace(target=target).request(
            subprotocols=subprotocols, headers=headers, compress=compress
        )
        stream_id = connection._quic.get_next_available_stream_id()  # noqa: SLF001
        stream = Opening(connection, stream_id, request, "https", config or self.config)
        connection.add(stream)
        async with stream.open() as ws:
            yield ws


@asynccontextmanager
async def connect(
    url: str,
    *,
    ssl: QuicConfiguration | None = None,
    subprotocols: Sequence[str] = (),
    headers: Iterable[tuple[bytes, bytes]] = (),
    compress: bool = True,
    config: SessionConfig = CONFIG,
) -> AsyncIterator[WebSocket]:
    """Open a connection to *url* for one WebSocket, and close it in the end.

    Raises as ``on_h2.connect`` does, and :exc:`ValueError` for a ws URL too.
    """
    async with (
        Http3Client.connect(url, ssl=ssl, config=config) as client,
        client.open(
            client.address.target, subprotocols=subprotocols, headers=headers, compress=compress
        ) as ws,
    ):
        yield ws


class Http3Server(HttpServer):
    """A socket, its connections, and their WebSockets with a task for each."""

    def __init__(
        self, handler: Handler, accept: Accept, config: SessionConfig, page: Page | None
    ) -> None:
        super().__init__(handler, accept, config, page)
        self.connections: WeakSet[Http3Connection] = WeakSet()

    def make_connection(self, quic: QuicConnection, stream_handler: None = None) -> Http3Connection:
        connection = Http3Connection(quic, answer=self.answer)
        self.connections.add(connection)
        return connection

    async def close(self) -> None:
        await super().close()
        connections = list(self.connections)
        for connection in connections:
            connection.close()
        await asyncio.gather(*(connection.wait_closed() for connection in connections))


@asynccontextmanager
async def serve(
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ssl: QuicConfiguration,
    accept: Accept = accept,
    config: SessionConfig = CONFIG,
    page: Page | None = None,
) -> AsyncIterator[Http3Server]:
    """Serve until the end of the block, then close all WebSockets (1001) and connections.

    :param port: 0 takes any free one; ``server.port`` says which.
    :param ssl: with the server's certificate.
    :param accept: decides about each request, before *handler* is run.
    :param page: answers ordinary requests; without it they are refused.
    """
    server = Http3Server(handler, accept, config, page)
    listening = await aioquic.asyncio.server.serve(
        host,
        port,
        configuration=_configure(ssl, client=False),
        create_protocol=server.make_connection,
    )
    assert listening._transport is not None  # noqa: SLF001
    server.port = listening._transport.get_extra_info("sockname")[1]  # noqa: SLF001
    try:
        yield server
    finally:
        await server.close()
        listening.close()
