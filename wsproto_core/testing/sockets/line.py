"""One connection: what has come in, and what goes out, in bounded time and space.

Owns the transport, and nothing of WebSocket but the :class:`~.wire.Watch` that it feeds.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from .wire import Watch

#: How much more than the case can explain an endpoint may send. An error page fits in.
SPARE: Final = 256 * 1024
#: How many times the time limit a whole connection may take, for peers that say just enough to
#: be waited for.
DEADLINE: Final = 30
READ_SIZE: Final = 64 * 1024


@dataclass(frozen=True)
class Timing:
    """How long to wait, in seconds."""

    #: For what must come. An endpoint that does what it must is never waited for so long.
    timeout: float = 2.0
    #: For what must not come, where nothing can be asked that would be answered after it.
    quiet: float = 0.1


class Line:
    """One connection.

    :param sock: connected. The line closes it.
    :param timing: every wait ends by it.
    :param most: how many bytes to take at most; what is more is a flood, and read no further.

    It reads by itself, always, and not through one of asyncio's transports: these stop reading
    when a write fails, and what the peer has said before it went would be lost.
    """

    def __init__(self, sock: socket.socket, timing: Timing, most: int = SPARE) -> None:
        self.loop = asyncio.get_running_loop()
        self.sock = sock
        self.timing = timing
        self.most = most
        self.deadline = self.loop.time() + DEADLINE * timing.timeout
        #: All that the peer has sent.
        self.data = bytearray()
        #: Watches what it has sent since the opening handshake.
        self.watch: Watch | None = None
        #: The peer has ended the transport, for its direction at least.
        self.ended = False
        #: It sends more than it may.
        self.flooded = False
        #: Nothing can be written any more.
        self.deaf = False
        self.news = asyncio.Event()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with suppress(OSError):
            while data := await self.loop.sock_recv(self.sock, READ_SIZE):
                if len(self.data) + len(data) > self.most:
                    self.flooded = self.deaf = True
                    self.news.set()
                    return
                self.data += data
                if self.watch is not None:
                    self.watch.feed(data)
                self.news.set()
        self.ended = True
        self.news.set()

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.ended or self.flooded

    def begin_frames(self, at: int) -> None:
        """The opening handshake ends at *at*: frames follow, which are watched."""
        self.watch = Watch()
        self.watch.feed(bytes(self.data[at:]))

    async def write(self, data: bytes) -> bool:
        """Write, and let the peer read; whether there is any use in writing more.

        A peer that has gone, or that does not read, is no error here: what it has said, or
        not said, is judged.
        """
        if self.deaf:
            return False
        try:
            async with asyncio.timeout_at(self._limit(self.timing.timeout)):
                await self.loop.sock_sendall(self.sock, data)
        except OSError:  # which a timeout is, too
            self.deaf = True
        await asyncio.sleep(0)
        return not self.deaf

    def write_eof(self) -> None:
        """End the direction to the peer."""
        if not self.deaf:
            self.deaf = True
            with suppress(OSError):  # it has gone
                self.sock.shutdown(socket.SHUT_WR)

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for *condition*, or the end of all that comes, or *seconds* in which nothing came.

        The result says whether the condition holds.
        """
        with suppress(TimeoutError):
            while not condition() and not self.over:
                self.news.clear()
                async with asyncio.timeout_at(self._limit(seconds)):
                    await self.news.wait()
        return condition()

    async def listen(self, seconds: float) -> None:
        """Wait for the end of all that comes, or *seconds* in which nothing came."""
        await self.until(lambda: False, seconds)

    async def close(self) -> None:
        """End the connection."""
        self.reader.cancel()
        await asyncio.wait([self.reader])
        self.sock.close()

    def _limit(self, seconds: float) -> float:
        return min(self.loop.time() + seconds, self.deadline)


class Address(NamedTuple):
    """Where a server is."""

    family: socket.AddressFamily
    address: tuple[str, int]


async def find(host: str, port: int, timing: Timing) -> Address:
    """The address of a host at which something answers. Raises OSError if there is none."""
    sock = await asyncio.to_thread(socket.create_connection, (host, port), timing.timeout)
    with sock:
        return Address(sock.family, sock.getpeername())


async def connect(to: Address, timing: Timing, most: int = SPARE) -> Line:
    """A connection to a server. Raises OSError if there is none within the time limit."""
    sock = socket.socket(to.family)
    sock.setblocking(False)
    try:
        async with asyncio.timeout(timing.timeout):
            await asyncio.get_running_loop().sock_connect(sock, to.address)
    except BaseException:
        sock.close()
        raise
    return Line(sock, timing, most)
