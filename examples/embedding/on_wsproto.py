"""A WebSocket server's connection on asyncio, with wsproto 1.3."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any, cast

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.utilities import RemoteProtocolError

from .common import Application, Closed, Counters, Options

MAX_HEAD = 32 * 1024  # h11's own limit depends on how the head is cut
# wsproto inflates all that it is given, a thousandfold, before it gives a message or an end
# of it: so it is given little, and the size is judged in between.
SLICE = 4096


class WebSocketProtocol(asyncio.Protocol):
    """One connection. wsproto holds the states until the Closes; this, all else."""

    transport: asyncio.Transport

    def __init__(self, application: Application, options: Options) -> None:
        self.application, self.options = application, options
        self.loop = asyncio.get_running_loop()
        self.ws = WSConnection(ConnectionType.SERVER)
        self.counters = Counters()
        self.timers: dict[str, asyncio.TimerHandle] = {}
        self.writable = asyncio.Event()
        # What came before the connection was opened: the request's head, then more.
        self.early: bytearray | None = bytearray()
        self.requested = False
        self.parts: list[Any] = []  # all of them str, or all bytes
        self.size = 0
        self.ping: tuple[bytes, float] | None = None
        self.latency: float | None = None
        self.message_at = self.tokens_at = self.loop.time()
        self.tokens = options.message_burst
        self.sent: int | None = None
        self.received: int | None = None
        self.reason = ""
        self.by_peer: bool | None = None
        self.ended = False  # nothing more is read or written

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(self.options.high_water, self.options.low_water)
        self.writable.set()
        self.set_timer("deadline", self.options.handshake_timeout, self.close)

    def data_received(self, data: bytes) -> None:
        self.counters.wire_received += len(data)
        if self.ended:
            return
        if self.early is None:
            self.receive(data)
            return
        self.early += data
        if not self.requested:
            self.receive_head()
        if self.requested and len(self.early) > self.options.max_early_data:
            self.reject(400)

    def eof_received(self) -> None:
        # After this asyncio sends what is left, and closes.
        self.ended = True
        self.set_timer("deadline", self.options.close_timeout, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        for timer in self.timers.values():
            timer.cancel()
        self.writable.set()
        code = 1006 if self.received is None else self.received
        clean = None not in (self.sent, self.received)
        closed = Closed(code, self.reason, clean, self.by_peer, self.sent, self.received)
        self.call(self.application.on_close, self, closed)

    def pause_writing(self) -> None:
        # Who does not read is not read from: its pings and questions would pile up answers.
        self.writable.clear()
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.writable.set()
        if not self.transport.is_closing():
            self.transport.resume_reading()

    # What the application calls

    def accept(self) -> None:
        if self.ended or self.ws.state is not ConnectionState.CONNECTING:
            return
        extensions: list[Extension] = [PerMessageDeflate()] if self.options.deflate else []
        try:
            self.write(AcceptConnection(extensions=extensions))
        except ValueError:  # what the client offers is no window size
            self.reject(400)
            return
        self.set_timer("deadline", None)
        self.set_timer("heartbeat", self.options.ping_interval, self.send_ping)
        self.message_at = self.tokens_at = self.loop.time()
        self.set_timer("idle", self.options.idle_timeout, self.check_idle)
        self.loop.call_soon(self.receive_early)

    def reject(self, status: int = 403, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        if not self.ended and self.ws.state is ConnectionState.CONNECTING:
            fields = [*headers, (b"Connection", b"close")]
            self.write(RejectConnection(status_code=status, headers=fields))
            self.end()

    def send(self, data: str | bytes) -> bool:
        if self.ended or self.ws.state is not ConnectionState.OPEN:
            return False
        self.write(TextMessage(data) if isinstance(data, str) else BytesMessage(data))
        self.message_at = self.loop.time()
        self.counters.messages_sent += 1
        self.counters.payload_sent += size_of(data)
        return True

    def close(self, code: int = 1000, reason: str = "") -> None:
        if self.ended:
            return
        if self.ws.state is ConnectionState.OPEN:
            self.write(CloseConnection(code, reason))
            self.sent, self.by_peer = code, False
            self.set_timer("deadline", self.options.close_timeout, self.transport.abort)
        elif self.ws.state is ConnectionState.CONNECTING and self.requested:
            self.reject(503)
        elif self.ws.state is ConnectionState.CONNECTING:
            self.transport.abort()

    async def drain(self) -> None:
        await self.writable.wait()

    # From bytes to events

    def receive_head(self) -> None:
        # wsproto would lose what comes behind the request, so it is given no more than that.
        assert self.early is not None
        end = self.early.find(b"\r\n\r\n", 0, MAX_HEAD) + 4
        if end < 4:
            if len(self.early) > MAX_HEAD:
                self.reject(431)
            return
        head, self.early = bytes(self.early[:end]), self.early[end:]
        self.requested = True
        try:
            self.ws.receive_data(head)
        except RemoteProtocolError as error:
            if isinstance(error.event_hint, RejectConnection):  # as it always is
                self.reject(error.event_hint.status_code, error.event_hint.headers)
        except UnicodeError:  # a header field that is not ASCII, or a host that is not IDNA
            self.reject(400)
        self.handle_events()

    def receive_early(self) -> None:
        early, self.early = self.early, None
        self.receive(bytes(early or b""))

    def receive(self, data: bytes) -> None:
        for start in range(0, len(data), SLICE):
            if not self.ended:
                self.ws.receive_data(data[start : start + SLICE])
                self.handle_events()

    def handle_events(self) -> None:
        for event in self.ws.events():
            self.handle(event)
            if self.ended:
                break

    def handle(self, event: Event) -> None:
        match event:
            case Request():
                headers = [
                    (k.decode("latin-1"), v.decode("latin-1")) for k, v in event.extra_headers
                ]
                self.call(self.application.on_request, self, event.target, headers)
            case TextMessage() | BytesMessage():
                self.receive_part(event)
            case Ping() if self.ws.state is ConnectionState.OPEN:
                self.write(event.response())
            case Pong() if self.ping is not None and event.payload == self.ping[0]:
                self.latency = self.loop.time() - self.ping[1]
                self.set_timer("heartbeat", self.options.ping_interval, self.send_ping)
            case CloseConnection() if self.ws.state in (
                ConnectionState.OPEN,
                ConnectionState.LOCAL_CLOSING,
            ):  # the peer's fault, shown as if it had closed
                self.fail(event.code, event.reason or "")
            case CloseConnection():
                self.received, self.reason = event.code, event.reason or ""
                if self.ws.state is ConnectionState.REMOTE_CLOSING:
                    self.write(event.response())
                    self.sent, self.by_peer = event.code, True
                self.end()

    def receive_part(self, event: TextMessage | BytesMessage) -> None:
        self.size += size_of(event.data)
        if self.size > self.options.max_message_size:
            self.fail(1009, f"message over {self.options.max_message_size} bytes")
            return
        if event.data:
            self.parts.append(event.data)
        if event.message_finished:
            data = "".join(self.parts) if isinstance(event, TextMessage) else b"".join(self.parts)
            self.counters.messages_received += 1
            self.counters.payload_received += self.size
            self.parts, self.size = [], 0
            self.message_at = self.loop.time()
            if self.within_rate():
                self.call(self.application.on_message, self, data)
            else:
                self.fail(1008, "too many messages")

    def within_rate(self) -> bool:
        if self.options.message_rate is None:
            return True
        earned = (self.message_at - self.tokens_at) * self.options.message_rate
        self.tokens = min(self.options.message_burst, self.tokens + earned) - 1
        self.tokens_at = self.message_at
        return self.tokens >= 0

    def call(self, hook: Callable[..., None], *arguments: object) -> None:
        try:
            hook(*arguments)
        except Exception as exc:  # the application's fault, not the peer's
            context = {"message": f"{hook.__name__} failed", "exception": exc}
            self.loop.call_exception_handler(context)
            self.reject(500)
            self.close(1011)

    # From events to bytes

    def write(self, event: Event) -> None:
        data = self.ws.send(event)
        self.counters.wire_sent += len(data)
        self.transport.write(data)

    def fail(self, code: int, reason: str) -> None:
        """Fail the connection (RFC 6455 §7.1.7): a Close, and no waiting for the peer's."""
        if not self.ended:
            self.close(code, reason)
            self.end()

    def end(self) -> None:
        """End our half of the transport; when the peer has ended its own, asyncio closes it.

        To close a socket that has unread bytes resets the connection, and what was sent
        last may be lost (RFC 6455 §7.1.1). TLS knows no halves: only close there.
        """
        self.ended = True
        self.set_timer("deadline", self.options.close_timeout, self.transport.abort)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    # Time

    def set_timer(
        self, name: str, delay: float | None, callback: Callable[..., None] | None = None
    ) -> None:
        if timer := self.timers.pop(name, None):
            timer.cancel()
        if delay is not None and callback is not None:
            self.timers[name] = self.loop.call_later(delay, callback)

    def send_ping(self) -> None:
        if not self.ended and self.ws.state is ConnectionState.OPEN:
            self.ping = os.urandom(4), self.loop.time()
            self.write(Ping(self.ping[0]))
            self.set_timer("heartbeat", self.options.ping_timeout, self.give_up)

    def give_up(self) -> None:
        self.fail(1011, "no pong")

    def check_idle(self) -> None:
        assert self.options.idle_timeout is not None
        left = self.message_at + self.options.idle_timeout - self.loop.time()
        if left > 0:
            self.set_timer("idle", left, self.check_idle)
        else:
            self.close(1001, "idle")


def size_of(data: str | bytes | bytearray) -> int:
    return len(data.encode() if isinstance(data, str) else data)
