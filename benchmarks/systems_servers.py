"""The servers that ``systems.py`` compares: each echoes what it gets, as a user would write it.

    python benchmarks/systems_servers.py NAME [--loop uvloop]
    python benchmarks/systems_servers.py --list

The first runs one of :data:`SYSTEMS` on a free port of 127.0.0.1, prints the port, and ends
with its standard input. All are on asyncio, with the library's own defaults: what is compared
is what one gets, heartbeats and limits included. Where a peer is not installed, its function
fails to import it; ``systems.py`` asks before.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).parent.parent

Serving = AbstractAsyncContextManager[object]


@asynccontextmanager
async def serve_protocol(
    make: Callable[[], asyncio.Protocol], sock: socket.socket
) -> AsyncIterator[None]:
    async with await asyncio.get_running_loop().create_server(make, sock=sock):
        yield


# Nothing but the transport: what no WebSocket server on asyncio can do without.


class RawEcho(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


def raw(sock: socket.socket) -> Serving:
    return serve_protocol(RawEcho, sock)


# This package: the servers of the README, and the one for the open internet of the examples.


def readme(name: str, sock: socket.socket) -> Serving:
    """The class of that name in the README, as it is printed there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        if f"\nclass {name}(" in code:
            names: dict[str, Any] = {"print": lambda *_: None}
            exec(compile(code, "README.md", "exec"), names)  # noqa: S102  # our own README
            return serve_protocol(names[name], sock)
    raise LookupError(f"the README has no class {name}")


def example(sock: socket.socket) -> Serving:
    """``examples/embedding/on_session.py``, with the options that it has by default."""
    sys.path.append(str(ROOT))  # the examples are not installed
    from examples.embedding.common import Application, Options, WebSocket
    from examples.embedding.on_session import WebSocketProtocol

    class Echo(Application):
        def on_message(self, ws: WebSocket, data: str | bytes) -> None:
            ws.send(data)

    return serve_protocol(lambda: WebSocketProtocol(Echo(), Options()), sock)


# The others.


@asynccontextmanager
async def picows_core(aiofastnet: bool, sock: socket.socket) -> AsyncIterator[None]:
    from picows import (
        WSFrame,
        WSListener,
        WSMsgType,
        WSTransport,
        WSUpgradeRequest,
        ws_create_server,
    )

    class Echo(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type is WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code(), frame.get_close_message())
                transport.disconnect()
            else:
                transport.send(frame.msg_type, frame.get_payload_as_memoryview())

    def listener(_: WSUpgradeRequest) -> WSListener:
        return Echo()

    async with await ws_create_server(listener, sock=sock, use_aiofastnet=aiofastnet):
        yield


async def echo_connection(connection: Any) -> None:
    """A handler for websockets, and for what picows has with the same interface."""
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def picows_websockets(sock: socket.socket) -> AsyncIterator[None]:
    from picows.websockets.asyncio.server import serve

    async with serve(echo_connection, sock=sock):
        yield


@asynccontextmanager
async def websockets(sock: socket.socket) -> AsyncIterator[None]:
    from websockets.asyncio.server import serve

    async with serve(echo_connection, sock=sock):
        yield


@asynccontextmanager
async def aiohttp(sock: socket.socket) -> AsyncIterator[None]:
    from aiohttp import WSMsgType, web

    async def echo(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        async for message in response:
            if message.type is WSMsgType.TEXT:
                await response.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await response.send_bytes(message.data)
        return response

    application = web.Application()
    application.add_routes([web.get("/", echo)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield
    finally:
        await runner.cleanup()


async def asgi_echo(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") is not None:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})


@asynccontextmanager
async def uvicorn(ws: Any, sock: socket.socket) -> AsyncIterator[None]:
    from uvicorn import Config, Server

    sys.path.append(str(ROOT))  # the examples are not installed
    server = Server(Config(asgi_echo, ws=ws, lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@dataclass(frozen=True)
class System:
    """A server, by the name of its row."""

    serve: Callable[[socket.socket], Serving]
    #: The packages that it needs, which are named as their modules.
    needs: tuple[str, ...] = ()
    websocket: bool = True


SYSTEMS = {
    "TCP echo, no WebSocket": System(raw, websocket=False),
    "`WSConnection`, README": System(partial(readme, "Echo")),
    "`Session`, README": System(partial(readme, "SessionEcho")),
    "`Session`, examples/embedding": System(example),
    "picows": System(partial(picows_core, True), ("picows", "aiofastnet")),
    "picows, without aiofastnet": System(partial(picows_core, False), ("picows",)),
    "picows.websockets": System(picows_websockets, ("picows",)),
    "websockets": System(websockets, ("websockets",)),
    "aiohttp": System(aiohttp, ("aiohttp",)),
    "uvicorn, websockets": System(partial(uvicorn, "websockets"), ("uvicorn", "websockets")),
    "uvicorn, websockets-sansio": System(
        partial(uvicorn, "websockets-sansio"), ("uvicorn", "websockets")
    ),
    "uvicorn, wsproto": System(partial(uvicorn, "wsproto"), ("uvicorn", "wsproto")),
    "uvicorn, examples/uvicorn_ws": System(
        partial(uvicorn, "examples.uvicorn_ws:WebSocketProtocol"), ("uvicorn",)
    ),
}


async def run(system: System) -> None:
    """Serve until standard input ends: with whoever has started this, however that ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as sock:
        async with system.serve(sock):
            print(sock.getsockname()[1], flush=True)
            await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=SYSTEMS, nargs="?")
    parser.add_argument("--list", action="store_true", help="the names")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    options = parser.parse_args()
    if options.list:
        print("\n".join(SYSTEMS))
        return
    if options.name is None:
        parser.error("which server?")
    make_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
    if options.loop == "uvloop":
        from uvloop import new_event_loop

        make_loop = new_event_loop
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(run(SYSTEMS[options.name]))


if __name__ == "__main__":
    main()
