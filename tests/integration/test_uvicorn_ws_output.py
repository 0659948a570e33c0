"""examples/uvicorn_ws.py where its output has nowhere to go: uvicorn in the test's own process,
so that the buffers can be looked at.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn import Config, Server

from examples.uvicorn_ws import WebSocketProtocol

from .processes import TIMEOUT

pytestmark = pytest.mark.integration

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
#: Of asyncio's transports, above which they want no more; and what may be on its way besides.
BOUND = 64 * 1024 + 2 * 100_000


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(app: Any, http: Any) -> AsyncIterator[tuple[Server, socket.socket]]:
    """Uvicorn, and a client that has connected, and reads only what the kernel takes."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = Config(app, ws=WebSocketProtocol, http=http, lifespan="off", log_level="error")
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(listening.getsockname())
    try:
        await until(lambda: server.started)
        yield server, client
    finally:
        client.close()
        server.should_exit = True
        await serving
        listening.close()


def connection(server: Server) -> WebSocketProtocol | None:
    found = [each for each in server.server_state.connections if type(each) is WebSocketProtocol]
    return found[0] if found else None  # type: ignore[return-value]


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_application_waits_where_the_transport_was_full_before_the_upgrade(http: str) -> None:
    sent = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        if scope["type"] == "http":
            length = [(b"content-length", b"8000000")]
            await send({"type": "http.response.start", "status": 200, "headers": length})
            await send({"type": "http.response.body", "body": bytes(8_000_000)})
            return
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "bytes": bytes(100_000)})
                sent += 1
                await asyncio.sleep(0)
        except OSError:  # the client has gone
            pass

    async def main() -> None:
        async with serving(app, http) as (server, client):
            client.sendall(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
            state: Any = server.server_state
            await until(lambda: any(each.flow.write_paused for each in state.connections))
            client.sendall(REQUEST)
            await until(lambda: connection(server))
            for _ in range(200):  # turns, in which it could send
                await asyncio.sleep(0)
            assert sent == 0

    asyncio.run(main())


def test_tasks_that_wait_to_send_take_turns() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        message = {"type": "websocket.send", "bytes": bytes(100_000)}
        await asyncio.gather(*(send(message) for _ in range(100)), return_exceptions=True)

    async def main() -> None:
        async with serving(app, "h11") as (server, client):
            client.sendall(REQUEST)
            await until(lambda: connection(server))
            ws = connection(server)
            assert ws is not None
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            received = most = 0
            async with asyncio.timeout(TIMEOUT):
                while received < 100 * 100_000:
                    received += len(await loop.sock_recv(client, 65536))
                    most = max(most, ws.transport.get_write_buffer_size())
            assert most <= BOUND

    asyncio.run(main())
