"""What the suite tests: an echo server and an echo client, on the engine and on asyncio.

``python -m tests.autobahn.echo server`` says its port and serves until it is stopped;
``python -m tests.autobahn.echo client PORT`` goes through the cases of a fuzzing server on
that port, in its order, and ends. Each prints a line at the end of each connection. Nothing
here knows which results are expected.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from typing import TypeVar, cast

from wsproto_core import ConnectionState, ConnectionType, RemoteProtocolError, WSConnection
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate

HOST = "127.0.0.1"

#: What the fuzzing server files the client's results under.
AGENT = "wsproto_core"

#: Seconds to wait for the peer's end of the transport, once the Closes are exchanged.
CLOSE_TIMEOUT = 10.0

#: Seconds in which a fuzzing server must have opened its port.
START_TIMEOUT = 60.0

COMPRESSION = PerMessageDeflate()

AnyClient = TypeVar("AnyClient", bound="Client")


class Echo(asyncio.Protocol):
    """One connection: what comes is sent back, until the peer closes or is at fault."""

    transport: asyncio.Transport

    def __init__(self, connection_type: ConnectionType) -> None:
        self.ws = WSConnection(connection_type, whole_messages=True)
        self.loop = asyncio.get_running_loop()
        self.ended = False
        self.gone: asyncio.Future[None] = self.loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.take(data)

    def eof_received(self) -> None:
        self.take(None)  # asyncio then closes the transport

    def connection_lost(self, exc: Exception | None) -> None:
        print("a connection has ended", flush=True)
        self.gone.set_result(None)

    def pause_writing(self) -> None:
        self.transport.pause_reading()  # what is not taken need not be stored

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def take(self, data: bytes | None) -> None:
        """Take what the transport has read; nothing behind the closing handshake counts."""
        if self.ended:
            return
        try:
            self.ws.receive_data(data)
        except RemoteProtocolError as error:
            if error.event_hint is not None:
                self.transport.write(self.ws.send(error.event_hint))
            self.end()
            return
        for event in self.ws.events():
            self.handle(event)

    def handle(self, event: Event) -> None:
        """Do what one event asks for."""
        match event:
            case Request():
                self.transport.write(self.ws.send(AcceptConnection(extensions=[COMPRESSION])))
            case RejectConnection():
                self.end()  # the case will be missing in the report
            case TextMessage() | BytesMessage():
                self.message(event)
            case Ping():
                self.transport.write(self.ws.send(event.response()))
            case CloseConnection():
                if self.ws.state is ConnectionState.REMOTE_CLOSING:
                    self.transport.write(self.ws.send(event.response()))
                self.end()

    def message(self, event: TextMessage | BytesMessage) -> None:
        """Send a message back."""
        self.transport.writelines(self.ws.send_buffers(Message(event.data)))

    def end(self) -> None:
        """End the transport as RFC 6455 §7.1.1 asks: the server first, and either reads on.

        Closing it at once would reset it, if there is more to read, and the peer might
        then never see our Close.
        """
        self.ended = True
        if not self.ws.client:
            self.transport.write_eof()
        self.loop.call_later(CLOSE_TIMEOUT, self.transport.abort)


class Client(Echo):
    """One connection to a fuzzing server: a case, or a question about them."""

    def __init__(self, target: str, host: str) -> None:
        super().__init__(ConnectionType.CLIENT)
        self.target, self.host = target, host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        request = Request(host=self.host, target=self.target, extensions=[COMPRESSION])
        self.transport.write(self.ws.send(request))


class Question(Client):
    """A connection on which the fuzzing server says something and closes."""

    answer: object = None

    def message(self, event: TextMessage | BytesMessage) -> None:
        if isinstance(event, TextMessage):
            self.answer = json.loads(event.data)


async def serve(say_port: Callable[[int], None]) -> None:
    """Serve until cancelled, on a port that is free."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Echo(ConnectionType.SERVER), HOST, 0)
    say_port(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def connect(port: int, make: Callable[[str, str], AnyClient], target: str) -> AnyClient:
    """Open a connection to the fuzzing server, and wait for its end."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: make(target, f"{HOST}:{port}"), HOST, port)
    await client.gone
    return client


async def wait_for_port(port: int) -> None:
    """Wait until something listens there."""
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                await writer.wait_closed()
                return


async def run_cases(port: int) -> None:
    """Go through all the cases of a fuzzing server; it writes its report and stops."""
    await wait_for_port(port)
    count = (await connect(port, Question, "/getCaseCount")).answer
    if not isinstance(count, int):
        raise ConnectionError(f"the fuzzing server does not say how many cases it has: {count!r}")
    for case in range(1, count + 1):
        await connect(port, Client, f"/runCase?case={case}&agent={AGENT}")
    await connect(port, Client, f"/updateReports?agent={AGENT}&shutdownOnComplete=true")


def main() -> None:
    parser = argparse.ArgumentParser(description="An echo server or client for the suite.")
    roles = parser.add_subparsers(dest="role", required=True)
    roles.add_parser("server")
    roles.add_parser("client").add_argument("port", type=int)
    arguments = parser.parse_args()
    if arguments.role == "server":
        asyncio.run(serve(lambda port: print(port, flush=True)))
    else:
        asyncio.run(run_cases(arguments.port))


if __name__ == "__main__":
    main()
