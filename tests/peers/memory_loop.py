"""An asyncio event loop without sockets, for programs that can be driven in no other way.

Owns the loop, which is turned until nothing is ready any more, and its transports, which keep
what is written. Must not know who uses them. Timers are not waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from errno import ECONNREFUSED
from typing import Any


class MemoryTransport(asyncio.Transport):
    """A connection whose other end is the caller of :meth:`feed`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any) -> None:
        super().__init__(extra={"peername": ("192.0.2.1", 1), "sockname": ("192.0.2.2", 2)})
        self.loop = loop
        self.protocol = protocol
        self.written = bytearray()
        self.closing = False
        self.paused = False
        #: What came while reading was paused; None stands for the end.
        self.waiting: list[bytes | None] = []
        protocol.connection_made(self)

    def feed(self, data: bytes | None) -> None:
        """*data* arrive, or the end of them."""
        self.waiting.append(data)
        self.deliver()

    def deliver(self) -> None:
        """What a selector loop does when there is something to read."""
        while self.waiting and not self.paused and not self.closing:
            data = self.waiting.pop(0)
            if data is not None:
                self.protocol.data_received(data)
            elif not self.protocol.eof_received():
                self.close()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.closing:
            self.written += data

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        self.close()

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.loop.call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        self.loop.call_soon(self.deliver)

    def is_reading(self) -> bool:
        return not self.paused

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self.protocol
        return protocol


class MemoryLoop(asyncio.SelectorEventLoop):
    """A loop whose Unix sockets lead into memory, and whose threads are itself."""

    def __init__(self) -> None:
        super().__init__()
        self.transports: list[MemoryTransport] = []

    async def create_unix_connection(
        self, protocol_factory: Callable[[], Any], path: str | None = None, **_: Any
    ) -> tuple[MemoryTransport, Any]:
        """What a client connects to: once. Who then comes again finds nobody."""
        if self.transports:
            raise ConnectionRefusedError(ECONNREFUSED, "one connection only")
        return self.connect(protocol_factory())

    def connect(self, protocol: Any) -> tuple[MemoryTransport, Any]:
        """A transport for *protocol*."""
        transport = MemoryTransport(self, protocol)
        self.transports.append(transport)
        return transport, protocol

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Do it here and now: what takes turns with a thread does not come out twice alike."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as exc:
            future.set_exception(exc)
        return future

    def turn(self) -> None:
        """Run what is ready, and what becomes ready by that, until nothing is."""
        ready = self._ready  # type: ignore[attr-defined]

        def look() -> None:
            if ready:
                self.call_soon(look)
            else:
                self.stop()

        if ready:
            self.call_soon(look)
            self.run_forever()
