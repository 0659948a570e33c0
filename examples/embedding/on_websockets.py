"""A WebSocket server's connection on asyncio, with websockets' sans-I/O layer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import cast

from websockets.exceptions import InvalidMessage
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from .common import Application, Closed, Counters, Options

MAX_HEAD = 32 * 1024


class WebSocketProtocol(asyncio.Protocol):
    """One connection. websockets holds the states until the end of the transport."""

    transport: asyncio.Transport

    def __init__(self, application: Application, options: Options) -> None:
        self.application, self.options = application, options
        self.loop = asyncio.get_running_loop()
        extensions = [ServerPerMessageDeflateFactory()] if options.deflate else None
        self.ws = ServerProtocol(extensions=extensions, max_size=options.max_message_size)
        self.counters = Counters()
        self.timers: dict[str, asyncio.TimerHandle] = {}
        self.writable = asyncio.Event()
        # What came before the connection was opened: the request's head, then more.
        self.early: bytearray | None = bytearray()
        self.response: Response | None = None
        self.message = bytearray()
        self.is_text = False
        self.ping: tuple[bytes, float] | None = None
        self.latency: float | None = None
        self.message_at = self.tokens_at = self.loop.time()
        self.tokens = options.message_burst
        self.failed = False  # nothing more of what was read reaches the application

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(self.options.high_water, self.options.low_water)
        self.writable.set()
        self.set_timer("handshake", self.options.handshake_timeout, self.close)

    def data_received(self, data: bytes) -> None:
        self.counters.wire_received += len(data)
        if self.early is None or self.ws.eof_sent:
            self.receive(data)
            return
        self.early += data
        if self.response is None:
            self.receive_head()
        if self.response is not None and len(self.early) > self.options.max_early_data:
            self.reject(400)

    def eof_received(self) -> None:
        self.ws.receive_eof()
        self.flush()
        # After this asyncio sends what is left, and closes.
        self.set_timer("closing", self.options.close_timeout, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ws.receive_eof()
        for timer in self.timers.values():
            timer.cancel()
        self.writable.set()
        sent, received = self.ws.close_sent, self.ws.close_rcvd
        closed = Closed(
            code=received.code if received else 1006,
            reason=received.reason if received else "",
            clean=bool(sent and received),
            by_peer=bool(self.ws.close_rcvd_then_sent) if sent or received else None,
            sent=sent.code if sent else None,
            received=received.code if received else None,
        )
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
        if self.response is None or self.ws.state is not State.CONNECTING or self.ws.eof_sent:
            return
        self.ws.send_response(self.response)
        self.set_timer("handshake", None)
        self.flush()
        self.set_timer("heartbeat", self.options.ping_interval, self.send_ping)
        self.message_at = self.tokens_at = self.loop.time()
        self.set_timer("idle", self.options.idle_timeout, self.check_idle)
        self.loop.call_soon(self.receive_early)

    def reject(self, status: int = 403) -> None:
        if self.ws.state is State.CONNECTING and not self.ws.eof_sent:
            self.ws.send_response(self.ws.reject(status, ""))
            self.flush()

    def send(self, data: str | bytes) -> bool:
        if self.ws.state is not State.OPEN:
            return False
        if isinstance(data, str):
            data = data.encode()
            self.ws.send_text(data)
        else:
            self.ws.send_binary(data)
        self.flush()
        self.message_at = self.loop.time()
        self.counters.messages_sent += 1
        self.counters.payload_sent += len(data)
        return True

    def close(self, code: int = 1000, reason: str = "") -> None:
        if self.ws.state is State.OPEN:
            self.ws.send_close(code, reason)
            self.flush()
        elif self.ws.state is State.CONNECTING and self.response is not None:
            self.reject(503)
        elif self.ws.state is State.CONNECTING:
            self.transport.abort()

    async def drain(self) -> None:
        await self.writable.wait()

    # From bytes to events

    def receive_head(self) -> None:
        # websockets would take what comes behind the request for frames, and answer it
        # before the application has accepted, so it is given no more than that.
        assert self.early is not None
        end = self.early.find(b"\r\n\r\n", 0, MAX_HEAD) + 4
        if end < 4:
            if len(self.early) > MAX_HEAD:
                self.reject(431)
            return
        head, self.early = self.early[:end], self.early[end:]
        self.ws.receive_data(head)
        match self.ws.events_received():
            case [Request() as request]:
                self.response = self.ws.accept(request)
                if self.response.status_code == 101:
                    headers = list(request.headers.raw_items())
                    self.call(self.application.on_request, self, request.path, headers)
                else:
                    self.ws.send_response(self.response)
            case _ if isinstance(self.ws.handshake_exc, InvalidMessage):
                # What is not HTTP is not answered by websockets.
                self.write(self.ws.reject(400, "").serialize())
        self.flush()

    def receive_early(self) -> None:
        early, self.early = self.early, None
        self.receive(early or b"")

    def receive(self, data: bytes | bytearray) -> None:
        if self.ws.state is State.CLOSED:
            return
        self.ws.receive_data(data)
        for frame in self.ws.events_received():
            if isinstance(frame, Frame) and not self.failed:
                self.handle(frame)
        self.flush()

    def handle(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY:
                self.is_text = frame.opcode is Opcode.TEXT
                self.receive_part(frame)
            case Opcode.CONT:
                self.receive_part(frame)
            case Opcode.PONG if self.ping is not None and frame.data == self.ping[0]:
                self.latency = self.loop.time() - self.ping[1]
                self.set_timer("heartbeat", self.options.ping_interval, self.send_ping)

    def receive_part(self, frame: Frame) -> None:
        self.message += frame.data
        if not frame.fin:
            return
        payload, self.message = bytes(self.message), bytearray()
        try:
            data = payload.decode() if self.is_text else payload
        except UnicodeDecodeError:
            self.fail(1007, "text that is not UTF-8")
            return
        self.counters.messages_received += 1
        self.counters.payload_received += len(payload)
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

    def flush(self) -> None:
        """Write what websockets has for the peer. Empty bytes stand for the end of our half.

        To close a socket that has unread bytes resets the connection, and what was sent
        last may be lost (RFC 6455 §7.1.1). TLS knows no halves: only close there. When the
        peer has ended its half, asyncio closes the rest.
        """
        closing = self.ws.close_expected()
        for data in self.ws.data_to_send():
            if data:
                self.write(data)
            elif self.transport.can_write_eof():
                self.transport.write_eof()
            else:
                self.transport.close()
        if closing and "closing" not in self.timers:
            self.set_timer("closing", self.options.close_timeout, self.transport.abort)

    def write(self, data: bytes) -> None:
        self.counters.wire_sent += len(data)
        self.transport.write(data)

    def fail(self, code: int, reason: str) -> None:
        """Fail the connection (RFC 6455 §7.1.7): a Close, and no waiting for the peer's."""
        self.failed = True
        self.ws.fail(code, reason)
        self.flush()

    # Time

    def set_timer(
        self, name: str, delay: float | None, callback: Callable[..., None] | None = None
    ) -> None:
        if timer := self.timers.pop(name, None):
            timer.cancel()
        if delay is not None and callback is not None:
            self.timers[name] = self.loop.call_later(delay, callback)

    def send_ping(self) -> None:
        if self.ws.state is State.OPEN:
            self.ping = os.urandom(4), self.loop.time()
            self.ws.send_ping(self.ping[0])
            self.flush()
            self.set_timer("heartbeat", self.options.ping_timeout, self.give_up)

    def give_up(self) -> None:
        if self.ws.state is State.OPEN:
            self.fail(1011, "no pong")

    def check_idle(self) -> None:
        assert self.options.idle_timeout is not None
        left = self.message_at + self.options.idle_timeout - self.loop.time()
        if left > 0:
            self.set_timer("idle", left, self.check_idle)
        else:
            self.close(1001, "idle")
