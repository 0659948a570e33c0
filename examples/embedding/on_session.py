"""A WebSocket server's connection on asyncio, with wsproto_core's ``Session``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import cast

from wsproto_core import ConnectionState, ConnectionType, Limits
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    Event,
    Message,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto_core.extensions import Extension, PerMessageDeflate
from wsproto_core.session import (
    RateLimit,
    Session,
    SessionConfig,
    SessionEnded,
    Side,
    TransportAction,
)

from .common import Application, Closed, Counters, Options


class WebSocketProtocol(asyncio.Protocol):
    """One connection. The session decides; this carries bytes, time and events."""

    transport: asyncio.Transport

    def __init__(self, application: Application, options: Options) -> None:
        self.application, self.options = application, options
        self.loop = asyncio.get_running_loop()
        self.session = Session(
            ConnectionType.SERVER, now=self.loop.time(), config=configuration(options)
        )
        self.timer: asyncio.TimerHandle | None = None
        self.congested = self.lost = self.stepping = False
        self.writable = asyncio.Event()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.flush()

    def data_received(self, data: bytes) -> None:
        self.session.receive_data(data, self.loop.time())
        self.step()

    def eof_received(self) -> bool:
        self.session.receive_data(None, self.loop.time())
        self.step()
        return self.transport.can_write_eof()  # then the session says when to close our half

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.session.transport_lost(self.loop.time())
        self.step()

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        self.loop.call_soon(self.flush)  # asyncio does not expect to be told to close in here

    # What the application calls

    def accept(self) -> None:
        extensions: list[Extension] = [PerMessageDeflate()] if self.options.deflate else []
        self.answer(AcceptConnection(extensions=extensions))

    def reject(self, status: int = 403) -> None:
        self.answer(RejectConnection(status_code=status, headers=[(b"Connection", b"close")]))

    def answer(self, answer: AcceptConnection | RejectConnection) -> None:
        if self.session.state is ConnectionState.CONNECTING:
            self.session.send(answer, self.loop.time())
            self.loop.call_soon(self.step)

    def send(self, data: str | bytes) -> bool:
        sent = self.session.try_send(Message(data), self.loop.time())
        if not self.stepping or not self.session.writable:  # else step() does it, once for all
            self.flush()
        return sent

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.session.close(self.loop.time(), code, reason)
        self.loop.call_soon(self.step)

    async def drain(self) -> None:
        await self.writable.wait()

    @property
    def latency(self) -> float | None:
        return self.session.latency

    @property
    def counters(self) -> Counters:
        now = self.session.statistics()
        return Counters(
            now.messages_received,
            now.messages_sent,
            now.payload_bytes_received,
            now.payload_bytes_sent,
            now.wire_bytes_received,
            now.wire_bytes_sent,
        )

    # Events, bytes and time

    def step(self) -> None:
        self.stepping = True
        for event in self.session.events():
            self.handle(event)
        self.stepping = False
        self.flush()

    def handle(self, event: Event) -> None:
        match event:
            case Request():
                headers = [
                    (k.decode("latin-1"), v.decode("latin-1")) for k, v in event.extra_headers
                ]
                self.call(self.application.on_request, self, event.target, headers)
            case TextMessage() | BytesMessage():
                self.call(self.application.on_message, self, event.data)
            case SessionEnded():
                closed = Closed(
                    event.code,
                    event.reason,
                    event.clean,
                    None if event.initiator is None else event.initiator is Side.REMOTE,
                    event.code_sent,
                    event.code_received,
                )
                self.call(self.application.on_close, self, closed)

    def call(self, hook: Callable[..., None], *arguments: object) -> None:
        try:
            hook(*arguments)
        except Exception as exc:  # the application's fault, not the peer's
            context = {"message": f"{hook.__name__} failed", "exception": exc}
            self.loop.call_exception_handler(context)
            self.reject(500)
            self.close(1011)

    def flush(self) -> None:
        """Do with the transport, and with time, what the session has come to."""
        session = self.session
        if session.transport is TransportAction.ABORT and not self.lost:
            self.transport.abort()
        elif not self.transport.is_closing():
            self.write()
        if session.writable or session.ended:
            self.writable.set()
        else:
            self.writable.clear()
        if self.timer is not None and self.timer.when() != session.deadline:
            self.timer.cancel()
            self.timer = None
        if self.timer is None and session.deadline is not None:
            self.timer = self.loop.call_at(session.deadline, self.wake)

    def write(self) -> None:
        session, transport = self.session, self.transport
        if not self.congested and (data := session.data_to_send()):
            transport.write(data)
        if session.reading_paused:
            transport.pause_reading()
        else:
            transport.resume_reading()
        match session.transport:
            case TransportAction.END_WRITING if transport.can_write_eof():
                transport.write_eof()
            case TransportAction.END_WRITING | TransportAction.CLOSE:
                transport.close()

    def wake(self) -> None:
        self.timer = None  # a loop may be early by its clock's resolution: set it again
        self.session.handle_timer(self.loop.time())
        self.step()


@cache
def configuration(options: Options) -> SessionConfig:
    rate, burst = options.message_rate, options.message_burst
    return SessionConfig(
        limits=Limits(
            max_message_size=options.max_message_size, max_early_data=options.max_early_data
        ),
        message_rate=None if rate is None else RateLimit(per_second=rate, burst=burst),
        high_water=options.high_water,
        low_water=options.low_water,
        handshake_timeout=options.handshake_timeout,
        ping_interval=options.ping_interval,
        ping_timeout=options.ping_timeout,
        idle_timeout=options.idle_timeout,
        close_timeout=options.close_timeout,
    )
