"""An echo server and an echo client, on the engine and on asyncio, to be tested over loopback.

Written as the README says. The kit asks for nothing else of a program.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from wsproto_core import ConnectionState, ConnectionType, RemoteProtocolError, WSConnection
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.extensions import Extension, PerMessageDeflate

HOST = "127.0.0.1"


class Tracked(asyncio.Protocol):
    """One connection of a server, which knows its transport."""

    transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)


class Echo(Tracked):
    """One connection: what comes is sent back, until the peer closes or is at fault.

    :param subprotocols: what to offer, or to accept, in the order of preference.
    """

    transport: asyncio.Transport

    def __init__(
        self, role: ConnectionType, subprotocols: Sequence[str] = (), *, deflate: bool = True
    ) -> None:
        self.ws = WSConnection(role, whole_messages=True)
        self.subprotocols = subprotocols
        self.deflate = deflate
        self.over = False
        self.messages: list[str] = []
        self.gone = asyncio.Event()

    def extensions(self) -> list[Extension]:
        return [PerMessageDeflate()] if self.deflate else []

    def data_received(self, data: bytes) -> None:
        self.take(data)

    def eof_received(self) -> None:
        self.take(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()

    def take(self, data: bytes | None) -> None:
        if self.over:
            return
        try:
            self.ws.receive_data(data)
        except RemoteProtocolError as error:
            if error.event_hint is not None:
                self.transport.write(self.ws.send(error.event_hint))
                if isinstance(error.event_hint, RejectConnection) and error.event_hint.has_body:
                    self.transport.write(self.ws.send(RejectData(b"")))
            self.end()
            return
        for event in self.ws.events():
            self.react(event)

    def react(self, event: Event) -> None:
        match event:
            case Request():
                offered = event.subprotocols
                chosen = next((name for name in self.subprotocols if name in offered), None)
                accept = AcceptConnection(subprotocol=chosen, extensions=self.extensions())
                self.transport.write(self.ws.send(accept))
            case RejectConnection():
                self.end()
            case TextMessage() | BytesMessage():
                if isinstance(event, TextMessage):
                    self.messages.append(event.data)
                self.transport.writelines(self.ws.send_buffers(Message(event.data)))
            case Ping():
                self.transport.write(self.ws.send(event.response()))
            case CloseConnection():
                if self.ws.state is ConnectionState.REMOTE_CLOSING:
                    self.transport.write(self.ws.send(event.response()))
                self.end()

    def end(self) -> None:
        self.over = True
        self.transport.close()


class EchoClient(Echo):
    """One connection to the kit."""

    def __init__(
        self, port: int, target: str, subprotocols: Sequence[str] = (), *, deflate: bool = True
    ) -> None:
        super().__init__(ConnectionType.CLIENT, subprotocols, deflate=deflate)
        self.request = Request(
            host=f"{HOST}:{port}",
            target=target,
            subprotocols=list(subprotocols),
            extensions=self.extensions(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(self.ws.send(self.request))


@asynccontextmanager
async def serving(make: Callable[[], Tracked]) -> AsyncIterator[str]:
    """A server for as long as the context lasts; gives its URL."""
    connections: list[Tracked] = []

    def begin() -> Tracked:
        connections.append(make())
        return connections[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(begin, HOST, 0)
    try:
        yield f"ws://{HOST}:{server.sockets[0].getsockname()[1]}/chat"
    finally:
        server.close()
        # What is being accepted just now is to be closed as well; one turn of the loop shows it.
        await asyncio.sleep(0)
        accepting = asyncio.all_tasks() - {asyncio.current_task()}
        if accepting:
            await asyncio.wait(accepting, timeout=10)
        for connection in connections:
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # they close in their own time


def echo_server(subprotocols: Sequence[str] = (), *, deflate: bool = True) -> Echo:
    """One connection of a server."""
    return Echo(ConnectionType.SERVER, subprotocols, deflate=deflate)


async def ask(
    port: int, target: str, subprotocols: Sequence[str] = (), *, deflate: bool = True
) -> list[str]:
    """Connect to the kit, echo until the end, and give the texts that came."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(
        lambda: EchoClient(port, target, subprotocols, deflate=deflate), HOST, port
    )
    await client.gone.wait()
    return client.messages
