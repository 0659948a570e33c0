"""What only servers on asyncio can get wrong: their tasks belong to nobody, and their
connections come from callbacks.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from examples.transports import on_asyncio, on_streams
from examples.transports.conversation import QUEUE, ConnectionClosed
from examples.transports.websocket import WebSocket
from wsproto_core import EndCause, SessionConfig

from .processes import TIMEOUT

pytestmark = pytest.mark.integration


@pytest.fixture(params=[on_asyncio, on_streams], ids=["asyncio", "streams"])
def module(request: pytest.FixtureRequest) -> ModuleType:
    wiring: ModuleType = request.param
    return wiring


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.005)


def url(server: Any) -> str:
    return f"ws://127.0.0.1:{server.port}/"


@pytest.mark.parametrize("ask", ["send", "ping"])
def test_lost_transport_is_told_who_sends_though_messages_wait(
    module: ModuleType, ask: str
) -> None:
    """The end itself is behind them, and is told who receives."""
    ended: list[WebSocket] = []

    async def handler(ws: WebSocket) -> None:
        # Its peer has sent, and is lost: what is not read from tells it when it is written to.
        await until(lambda: not ws.try_send("is anybody there?"))
        with pytest.raises(ConnectionClosed) as info:
            await (ws.send("into the void") if ask == "send" else ws.ping())
        assert info.value.end.cause is EndCause.LOST
        assert [message async for message in ws] == [str(n) for n in range(2 * QUEUE)]
        assert ws.end is not None
        assert ws.end.cause is EndCause.LOST
        ended.append(ws)

    async def main() -> None:
        async with module.serve(handler) as server, module.connect(url(server)) as ws:
            for number in range(2 * QUEUE):
                await ws.send(str(number))
            await ws.wait_until(lambda: None if ws.session.output_pending else True)
            await until(lambda: server.tasks)
            (served,) = server.tasks.values()
            await until(lambda: served.conversation.held)
            ws.abort()
            await until(lambda: ended)

    asyncio.run(main())


def test_handler_that_awaits_what_was_cancelled_ends_its_connection(module: ModuleType) -> None:
    async def handler(ws: WebSocket) -> None:
        other = asyncio.create_task(asyncio.sleep(3600))
        other.cancel()
        await other

    async def main() -> None:
        async with module.serve(handler) as server, module.connect(url(server)) as ws:
            await until(lambda: ws.gone)
            assert ws.end is not None
            assert ws.end.code == 1006
            await until(lambda: not server.tasks)

    asyncio.run(main())


# Not 2: within asyncio's own accepting it forgets them, and leaves their sockets to the collector.
@pytest.mark.parametrize("turns", [1, 3, 4, 5])
def test_connection_that_comes_while_the_server_is_left(module: ModuleType, turns: int) -> None:
    async def handler(ws: WebSocket) -> None:
        await ws.recv()

    async def main() -> None:
        async with module.serve(handler) as server:
            comers = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
            for _ in range(turns):  # the loop's, so that some are accepted, and some are not
                await asyncio.sleep(0)
        for comer in comers:  # nobody is left waiting
            comer.setblocking(False)
            async with asyncio.timeout(TIMEOUT):
                with suppress(ConnectionResetError):
                    assert await asyncio.get_running_loop().sock_recv(comer, 1) == b""
            comer.close()
        await until(lambda: len(asyncio.all_tasks()) == 1)
        assert not server.tasks

    asyncio.run(main())


def test_leaving_that_is_cancelled_ends_the_handlers(module: ModuleType) -> None:
    async def handler(ws: WebSocket) -> None:
        await asyncio.sleep(3600)

    async def main() -> None:
        config = SessionConfig(close_timeout=3600)
        with pytest.raises(TimeoutError):
            async with (
                asyncio.timeout(None) as limit,
                module.serve(handler, config=config) as server,
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(
                    b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                )
                await reader.readuntil(b"\r\n\r\n")
                # Nobody answers the server's Close.
                limit.reschedule(asyncio.get_running_loop().time() + 0.1)
        await until(lambda: not server.tasks)
        writer.transport.abort()

    asyncio.run(main())
