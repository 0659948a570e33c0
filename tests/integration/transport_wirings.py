"""The wirings of ``examples/transports``, all under one face, for tests without an event loop.

An async wiring runs on a loop in another thread. What a test gives it is the same for all: a
handler is always ``async``; where there is no loop, nothing in it ever waits.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import anyio
import trio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from examples.transports.websocket import Handler, WebSocket

from .certificates import Certificates
from .peer import Answer, Offer, Socket, read_answer, request
from .processes import TIMEOUT

#: Each wiring's module, and the event loop that it runs on.
WIRINGS: dict[str, tuple[str, str | None]] = {
    "asyncio": ("on_asyncio", "asyncio"),
    "streams": ("on_streams", "asyncio"),
    "trio": ("on_trio", "trio"),
    "anyio-asyncio": ("on_anyio", "asyncio"),
    "anyio-trio": ("on_anyio", "trio"),
    "threads": ("on_threads", None),
}

Data = str | bytes


class Waiting:
    """A blocking WebSocket as an async one, whose methods never wait for a loop."""

    def __init__(self, ws: Any) -> None:
        self._ws = ws

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ws, name)

    async def send(self, data: Data | Iterable[Data]) -> None:
        self._ws.send(data)

    async def recv(self) -> Data:
        return cast("Data", self._ws.recv())

    async def ping(self) -> float:
        return cast("float", self._ws.ping())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._ws.close(code, reason)

    def __aiter__(self) -> Waiting:
        self._messages = iter(self._ws)
        return self

    async def __anext__(self) -> Data:
        try:
            return cast("Data", next(self._messages))
        except StopIteration:
            raise StopAsyncIteration from None


def blocking(handler: Handler) -> Callable[[Any], None]:
    """An async handler as one for threads."""

    def run(ws: Any) -> None:
        coroutine = cast("Any", handler(cast("WebSocket", Waiting(ws))))
        try:
            coroutine.send(None)
        except StopIteration:
            return
        coroutine.close()
        raise AssertionError("a handler has waited for what is no WebSocket")

    return run


class Connection:
    """A client's connection, which any thread may use."""

    def __init__(self, ws: Any, portal: BlockingPortal | None) -> None:
        self.ws, self._portal = ws, portal

    def call(self, method: str, *arguments: Any, timeout: float = TIMEOUT) -> Any:
        function = getattr(self.ws, method)
        if self._portal is None:
            return function(*arguments)

        async def call() -> Any:
            with anyio.fail_after(timeout):
                return await function(*arguments)

        return self._portal.call(call)

    def send(self, data: Data | Iterable[Data]) -> None:
        self.call("send", data)

    def recv(self, timeout: float = TIMEOUT) -> Data:
        if self._portal is None:
            return cast("Data", self.ws.recv(timeout))
        return cast("Data", self.call("recv", timeout=timeout))

    def ping(self) -> float:
        return cast("float", self.call("ping"))

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.call("close", code, reason)


@dataclass(frozen=True)
class Wiring:
    """One way to carry sessions."""

    name: str
    portal: BlockingPortal | None

    @property
    def module(self) -> Any:
        return import_module(f"examples.transports.{WIRINGS[self.name][0]}")

    @contextmanager
    def serve(self, handler: Handler, **options: Any) -> Iterator[Any]:
        """A server, with its ``port``."""
        with self._enter(
            self.module.serve, handler if self.portal else blocking(handler), **options
        ) as server:
            yield server

    @contextmanager
    def connect(self, url: str, **options: Any) -> Iterator[Connection]:
        with self._enter(self.module.connect, url, **options) as ws:
            yield Connection(ws, self.portal)

    @contextmanager
    def _enter(self, function: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        if self.portal is None:
            manager: AbstractContextManager[Any] = function(*arguments, **options)
        else:

            async def make() -> Any:
                return function(*arguments, **options)

            manager = self.portal.wrap_async_context_manager(self.portal.call(make))
        with manager as entered:
            yield entered

    def count(self) -> int:
        """How many tasks, or threads, there are now."""
        if self.portal is None:
            return threading.active_count()

        async def tasks() -> int:
            if WIRINGS[self.name][1] == "trio":
                return trio.lowlevel.current_statistics().tasks_living
            return len(asyncio.all_tasks())

        return self.portal.call(tasks)


@contextmanager
def wire(name: str) -> Iterator[Wiring]:
    """A wiring, with its loop for as long as the block lasts."""
    backend = WIRINGS[name][1]
    if backend is None:
        yield Wiring(name, None)
    else:
        with start_blocking_portal(backend) as portal:
            yield Wiring(name, portal)


# Certificates, in a folder, so that a program can be told


def server_context(folder: Path) -> ssl.SSLContext:
    return certificates_in(folder).for_server()


def client_context(folder: Path) -> ssl.SSLContext:
    return certificates_in(folder).for_client()


def certificates_in(folder: Path) -> Certificates:
    """What ``Certificates.make`` has made there."""
    return Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")


def dial_tls(context: ssl.SSLContext, port: int, offer: Offer) -> Answer:
    """Open a connection to a server over TLS, by hand."""
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    transport = Socket(context.wrap_socket(sock, server_hostname="127.0.0.1"))
    try:
        transport.sendall(request(offer))
        answer = read_answer(transport)
    except BaseException:
        transport.close()
        raise
    if answer.opened is None:
        transport.close()
    return answer
