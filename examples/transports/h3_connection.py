"""A connection of HTTP/3 with aioquic, on asyncio: its streams, and how much they hold.

What its streams carry is in ``http_streams``. aioquic takes all that it is given to send, and
gives the peer room for twice of what it has ever sent, whether or not that was read; it has no
interface for either. So that sessions know when they are not ``writable``, and who floods is
slowed down, a connection here looks into its streams (``_streams``, ``sender._buffer_stop``) and
sets their limits before they are announced (``_write_stream_limits``): as aioquic 1.7 has them.

A connection is ended by aioquic after 60 seconds without a datagram either way (its
``idle_timeout``): less than that for ``ping_interval`` keeps it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import ErrorCode, H3Connection, Setting
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic import events as qev
from aioquic.quic.connection import QuicConnection
from aioquic.quic.stream import QuicStream

from wsproto_core import TransportAction

from .http_streams import Fields, Stream
from .websocket import WebSocket

WINDOW = 65_536  # bytes that a peer may send on a stream before they are taken; an even number
SENDING = 65_536  # bytes that aioquic holds for a stream, until the peer has acknowledged them

#: Makes a server's stream for a request.
Answer = Callable[["Http3Connection", int, Fields], Stream]


class Http3Connection(QuicConnectionProtocol):
    """One end of a connection.

    :param answer: a server's.
    """

    h3: H3Connection | None = None  # once both ends have agreed on it

    def __init__(
        self, quic: QuicConnection, stream_handler: None = None, *, answer: Answer | None = None
    ) -> None:
        super().__init__(quic, stream_handler)
        self.answer = answer
        self.streams: dict[int, Stream] = {}
        self.tasks: dict[asyncio.Task[None], WebSocket] = {}
        self.touched: dict[Stream, None] = {}  # to be seen to, now or when there is room
        self.rooms: dict[int, int] = {}  # up to where a peer may send, by stream
        self.receiving = self.lost = False
        self.changed = asyncio.Event()  # the settings, or the end
        self.write_stream_limits = quic._write_stream_limits  # noqa: SLF001
        quic._write_stream_limits = self.set_limits  # type: ignore[method-assign]  # noqa: SLF001

    # What arrives

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        self.receiving = True  # nothing is sent until all that came is known
        self._quic.receive_datagram(cast("bytes", data), addr, now=self._loop.time())
        self._process_events()
        self.receiving = False
        self.flush()
        self.transmit()

    def quic_event_received(self, event: qev.QuicEvent) -> None:
        match event:
            case qev.ProtocolNegotiated():
                self.h3 = H3Connection(self._quic)
            case qev.StreamReset() | qev.StopSendingReceived():
                stream = self.streams.get(event.stream_id)
                # A server may want no more of a request that it refuses; the answer counts.
                if stream and not (isinstance(event, qev.StopSendingReceived) and stream.asking):
                    self.reset(stream, ErrorCode.H3_REQUEST_CANCELLED)
            case qev.ConnectionTerminated():
                self.lose_all()
        if self.h3 is not None:
            for happened in self.h3.handle_event(event):
                self.take(happened)
        self.wake()

    def take(self, event: H3Event) -> None:
        match event:
            case HeadersReceived() if event.stream_id not in self.streams:
                if self.answer is not None and not self.lost:
                    self.add(self.answer(self, event.stream_id, event.headers))
            case HeadersReceived():
                if not dict(event.headers).get(b":status", b"").startswith(b"1"):
                    self.streams[event.stream_id].receive_head(event.headers)
            case DataReceived() if event.data and event.stream_id in self.streams:
                self.streams[event.stream_id].receive_data(event.data)
        if not getattr(event, "stream_ended", False):
            return
        if stream := self.streams.get(getattr(event, "stream_id", -1)):
            stream.peer_ended = True
            stream.receive_end()
            self.forget_ended(stream)

    @property
    def enabled(self) -> bool | None:
        """Whether the peer takes extended CONNECT; None until it has said."""
        if self.h3 is None or self.h3.received_settings is None:
            return None
        return bool(self.h3.received_settings.get(Setting.ENABLE_CONNECT_PROTOCOL))

    # Streams

    def add(self, stream: Stream) -> None:
        self.streams[stream.id] = stream
        self.settle(stream)

    def settle(self, stream: Stream) -> None:
        """See to what the stream now wants: to send, to go on reading, to end, to be woken."""
        stream.set_timer()
        if self.streams.get(stream.id) is stream:
            self.touched[stream] = None
            self.flush()
            self._transmit_soon()

    def reset(self, stream: Stream, code: int) -> None:
        self._quic.reset_stream(stream.id, code)
        if not stream.peer_ended:
            with suppress(ValueError):  # it is known no more
                self._quic.stop_stream(stream.id, code)
        self.lose(stream)

    def lose(self, stream: Stream) -> None:
        """The stream is no more."""
        del self.streams[stream.id]
        self.touched.pop(stream, None)
        self.rooms.pop(stream.id, None)
        stream.lose()

    def lose_all(self) -> None:
        self.lost = True
        for stream in list(self.streams.values()):
            self.lose(stream)
        self.wake()

    def forget_ended(self, stream: Stream) -> None:
        if stream.ended and stream.peer_ended and stream.id in self.streams:
            self.lose(stream)

    # What is sent

    def flush(self) -> None:
        if self.receiving or self.lost or self.h3 is None:
            return
        touched, self.touched = self.touched, {}
        for stream in touched:
            if self.streams.get(stream.id) is not stream:
                continue
            if stream.action is TransportAction.ABORT:
                self.reset(stream, ErrorCode.H3_REQUEST_CANCELLED)
            else:
                self.send(self.h3, stream)

    def send(self, h3: H3Connection, stream: Stream) -> None:
        """Send what there is room for, and the stream's end if that comes next."""
        if stream.head is not None:
            fields, stream.head = stream.head, None
            h3.send_headers(stream.id, fields)
        room = SENDING - self.unacknowledged(stream)
        data = stream.take(room) if stream.pending and room > 0 else b""
        ends = not stream.ended and not stream.pending
        ends = ends and stream.action >= TransportAction.END_WRITING
        if data or ends:
            h3.send_data(stream.id, data, ends)
        if stream.pending:
            self.touched[stream] = None  # for the next datagram, which may say that there is room
        if data:
            stream.wake()
        if ends:
            stream.ended = True
            stream.wake()
            if stream.whole and not stream.peer_ended:  # RFC 9114 §4.1: no more is wanted
                stream.peer_ended = True
                self._quic.stop_stream(stream.id, ErrorCode.H3_NO_ERROR)
            self.forget_ended(stream)

    def unacknowledged(self, stream: Stream) -> int:
        known = self._quic._streams.get(stream.id)  # noqa: SLF001
        if known is None:
            return 0
        return known.sender._buffer_stop - known.sender._buffer_start  # noqa: SLF001

    def set_limits(self, builder: Any, space: Any, stream: QuicStream) -> None:
        """Before aioquic announces how far the peer may send: as far as what was taken allows."""
        ours = self.streams.get(stream.stream_id or 0)
        if ours is not None:
            highest = stream.receiver.highest_offset
            room = self.rooms.get(ours.id, WINDOW)
            if room - highest < WINDOW // 2 and not ours.reading_paused:
                room = self.rooms[ours.id] = (highest // 2) * 2 + WINDOW
            # It doubles what is less than twice the highest offset.
            stream.max_stream_data_local = room if 2 * highest <= room else room // 2
        self.write_stream_limits(builder, space, stream)

    # The end

    def close(self, error_code: int = ErrorCode.H3_NO_ERROR, reason_phrase: str = "") -> None:
        """Close the connection; streams that are left are lost."""
        self.lose_all()
        super().close(error_code, reason_phrase)

    def wake(self) -> None:
        self.changed.set()
        self.changed.clear()
