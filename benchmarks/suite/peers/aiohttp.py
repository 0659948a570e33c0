"""aiohttp's reader and writer, in C (Cython) and in Python.

They are not public, but are all that stands between ``ws.receive()`` or ``ws.send_str()`` and
the transport. Both are coroutines, which never have to wait here: a batch is one coroutine
that is stepped once, so that stepping costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from suite.peers.base import (
    Deflate,
    Engine,
    Peer,
    UnsupportedError,
    imported_anew,
    load,
)
from suite.wire import Payload

T = TypeVar("T")


class Aiohttp(Peer):
    name = "aiohttp"
    distribution = "aiohttp"
    note = "reader and masking in C; deflates with level 1, beyond 16 KiB in a thread"
    largest_deflated = 16 * 1024

    def __init__(self) -> None:
        load("aiohttp._websocket.reader_c")  # without which this would be the other peer
        self.load()

    def load(self) -> None:
        self.reader = load("aiohttp._websocket.reader")
        self.writer = load("aiohttp._websocket.writer")
        self.models = load("aiohttp._websocket.models")

    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        if deflate is not None and deflate.level not in (None, 1):
            raise UnsupportedError("its level is 1")
        transport = Transport()
        # So much may wait that the reader never asks its transport to pause.
        queue = self.reader.WebSocketDataQueue(transport, 1 << 30, loop=None)
        reader = self.reader.WebSocketReader(queue, 0, deflate is not None, True)
        writer = self.writer.WebSocketWriter(
            transport,
            transport,
            use_mask=role == "client",
            compress=0 if deflate is None else 15,
            notakeover=deflate is not None and not deflate.takeover,
        )
        return AiohttpEngine(reader, queue, writer, transport, self.models.WSMsgType)


class PureAiohttp(Aiohttp):
    name = "aiohttp (pure)"
    note = "as aiohttp, with `AIOHTTP_NO_EXTENSIONS`"

    def __init__(self) -> None:
        with imported_anew("aiohttp", environ={"AIOHTTP_NO_EXTENSIONS": "1"}):
            self.load()


class Transport:
    """What the reader and the writer want of a protocol and a transport."""

    _reading_paused = False
    _paused = False

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.write = self.written.append

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        raise AssertionError("the reader is to read everything")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that does not wait."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("it waits for something")


class AiohttpEngine(Engine):
    def __init__(self, reader: Any, queue: Any, writer: Any, transport: Any, kinds: Any) -> None:
        self.held = reader, queue, writer
        self.transport = transport
        self.text, self.binary = kinds.TEXT, kinds.BINARY

    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        return run(self._receive(reads))

    async def _receive(self, reads: Sequence[bytes]) -> list[Payload]:
        reader, queue, _ = self.held
        feed, read, waiting = reader.feed_data, queue.read, queue._buffer  # noqa: SLF001
        text, binary = self.text, self.binary
        got = []
        for data in reads:
            feed(data)
            while waiting:
                message = await read()
                if message.type is text or message.type is binary:
                    got.append(message.data)
        return got

    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        return run(self._send(messages))

    async def _send(self, messages: Sequence[Payload]) -> list[bytes]:
        send, text, binary = self.held[2].send_frame, self.text, self.binary
        for message in messages:
            if isinstance(message, str):
                await send(message.encode(), text)
            else:
                await send(message, binary)
        return self._written()

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        return run(self._echo(reads))

    async def _echo(self, reads: Sequence[bytes]) -> list[bytes]:
        reader, queue, writer = self.held
        feed, read, waiting = reader.feed_data, queue.read, queue._buffer  # noqa: SLF001
        send, text, binary = writer.send_frame, self.text, self.binary
        for data in reads:
            feed(data)
            while waiting:
                message = await read()
                if message.type is text:
                    await send(message.data.encode(), text)
                elif message.type is binary:
                    await send(message.data, binary)
        return self._written()

    def _written(self) -> list[bytes]:
        out: list[bytes] = self.transport.written[:]
        self.transport.written.clear()
        return out
