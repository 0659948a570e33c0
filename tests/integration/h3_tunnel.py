"""WebSocket over HTTP/3 (RFC 9220), with aioquic as the client: a transport for ``peer.Peer``."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import aioquic.asyncio.client
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection, Setting
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration

from .peer import Answer, Offer, Peer
from .processes import TIMEOUT

T = TypeVar("T")


class RawHttp3(QuicConnectionProtocol):
    """A client's connection, made by hand: what goes over the wire is in the test."""

    h3: H3Connection | None = None
    lost = False

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.changed = asyncio.Event()
        self.heads: dict[int, dict[str, str]] = {}
        self.data: dict[int, bytearray] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}

    def quic_event_received(self, event: events.QuicEvent) -> None:
        match event:
            case events.ProtocolNegotiated():
                self.h3 = H3Connection(self._quic)
            case events.StreamReset() | events.StopSendingReceived():
                self.resets[event.stream_id] = event.error_code
            case events.ConnectionTerminated():
                self.lost = True
        for happened in [] if self.h3 is None else self.h3.handle_event(event):
            assert isinstance(happened, HeadersReceived | DataReceived)
            stream_id = happened.stream_id
            if isinstance(happened, DataReceived):
                self.data[stream_id] += happened.data
            else:
                self.heads[stream_id] = {
                    name.decode(): value.decode() for name, value in happened.headers
                }
                self.data[stream_id] = bytearray()
            if happened.stream_ended:
                self.ended.add(stream_id)
        self.changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    @property
    def settings(self) -> dict[int, int]:
        return (self.h3 and self.h3.received_settings) or {}

    def request(self, fields: list[tuple[str, str]], **pseudo: str) -> int:
        """Ask for a WebSocket, or for something else."""
        assert self.h3 is not None
        wanted = {
            "method": "CONNECT",
            "protocol": "websocket",
            "scheme": "https",
            "authority": "127.0.0.1",
            "path": "/",
        } | pseudo
        head = [(f":{name}", value) for name, value in wanted.items() if value] + fields
        stream_id = self._quic.get_next_available_stream_id()
        self.h3.send_headers(
            stream_id,
            [(name.encode(), value.encode()) for name, value in head],
            wanted["method"] != "CONNECT",
        )
        self.transmit()
        return stream_id

    def send(self, stream_id: int, data: bytes) -> None:
        assert self.h3 is not None
        self.h3.send_data(stream_id, data, False)
        self.transmit()

    def reset(self, stream_id: int) -> None:
        self._quic.reset_stream(stream_id, ErrorCode.H3_REQUEST_CANCELLED)
        self._quic.stop_stream(stream_id, ErrorCode.H3_REQUEST_CANCELLED)
        self.transmit()


def configuration() -> QuicConfiguration:
    return QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)


class Tunnel:
    """One stream of an HTTP/3 connection of its own, on a loop in a thread of its own."""

    def __init__(self, port: int, offer: Offer) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._stop = asyncio.Event()
        self._opened = self._loop.create_future()
        self._life = asyncio.run_coroutine_threadsafe(self._live(port, offer), self._loop)
        self._call(self._wait())

    async def _wait(self) -> None:
        await asyncio.wait_for(asyncio.shield(self._opened), TIMEOUT)

    async def _live(self, port: int, offer: Offer) -> None:
        connecting = aioquic.asyncio.client.connect(
            "127.0.0.1", port, configuration=configuration(), create_protocol=RawHttp3
        )
        async with connecting as raw:
            assert isinstance(raw, RawHttp3)
            self.raw = raw
            await raw.until(lambda: raw.settings)
            assert raw.settings[Setting.ENABLE_CONNECT_PROTOCOL] == 1
            self.stream_id = raw.request(offer.fields(), path=offer.path)
            await raw.until(lambda: self.stream_id in raw.heads)
            self._opened.set_result(None)
            await self._stop.wait()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(2 * TIMEOUT)

    def sendall(self, data: bytes, /) -> None:
        async def send() -> None:
            self.raw.send(self.stream_id, data)

        self._call(send())

    def recv(self, size: int, /) -> bytes:
        async def receive() -> bytes:
            raw, stream_id = self.raw, self.stream_id
            await raw.until(
                lambda: (
                    raw.data[stream_id]
                    or stream_id in raw.ended
                    or stream_id in raw.resets
                    or raw.lost
                )
            )
            taken = bytes(raw.data[stream_id][:size])
            del raw.data[stream_id][:size]
            return taken

        return self._call(receive())

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._life.result(2 * TIMEOUT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def abort(self) -> None:
        """Reset the stream (RFC 9220 §3)."""

        async def reset() -> None:
            self.raw.reset(self.stream_id)

        self._call(reset())


def dial(port: int, offer: Offer) -> Answer:
    """Open a connection to a server over HTTP/3."""
    tunnel = Tunnel(port, offer)
    fields = dict(tunnel.raw.heads[tunnel.stream_id])
    status = int(fields.pop(":status"))
    if status == 200:
        return Answer(status, fields, opened=Peer(tunnel, client=True))
    body = b""
    while data := tunnel.recv(65536):
        body += data
    tunnel.close()
    return Answer(status, fields, body)
