"""A connection of HTTP/2 with the h2 package, on asyncio: frames, windows, settings.

What its streams carry is in ``http_streams``. Here is what they share, and that none of them
is in another's way:

* **To send:** each stream in turn sends one frame, as far as its window, the connection's
  window and the transport's buffer admit. The rest stays with the stream, so that its session
  knows that it is not ``writable``.
* **To receive:** what a stream has taken is given back to its window, and not before: who floods
  is slowed down. The connection's window admits as much as all the streams' windows together,
  so that a stream that is not read holds up no other; that product bounds the memory.

h2 takes a GOAWAY for the end of all streams, though RFC 9113 §6.8 would let some go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ssl import SSLContext
from typing import cast

import h2.events as h2ev
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from wsproto_core import SessionConfig, TransportAction

from .http_opening import MAX_STREAMS
from .http_streams import Fields, Stream
from .websocket import WebSocket

WINDOW = 65_535  # of a stream: RFC 9113 §6.9.2's initial one, so that it holds from the start
AT_ONCE = 65_536  # bytes written to the transport before others on the loop are asked
#: Bytes that wait in the transport's buffer: beyond it, the peer makes us answer (pings,
#: resets, settings) and does not read.
MAX_UNREAD = 1024 * 1024
#: How long a server keeps a connection without streams, and a last frame waits to be sent.
IDLE, LINGER = 60.0, 5.0

#: Makes a server's stream for a request.
Answer = Callable[["Http2Connection", int, Fields], Stream]


def with_alpn(context: SSLContext) -> SSLContext:
    """The same context, which from now on agrees on HTTP/2 only."""
    context.set_alpn_protocols(["h2"])
    return context


class Http2Connection(asyncio.Protocol):
    """One end of a connection.

    :param answer: a server's.
    """

    transport: asyncio.Transport

    def __init__(self, config: SessionConfig, answer: Answer | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.config, self.answer = config, answer
        self.streams: dict[int, Stream] = {}
        self.tasks: dict[asyncio.Task[None], WebSocket] = {}
        self.touched: dict[Stream, None] = {}  # to be seen to
        self.waiting: dict[Stream, None] = {}  # with something to send: the first is next
        self.full = self.receiving = self.closed = False
        self.settings_received = False
        self.changed = asyncio.Event()  # the settings, the number of streams, the end
        self.lost = asyncio.Event()
        self.timer: asyncio.TimerHandle | None = None
        client = answer is None
        self.h2 = H2Connection(H2Configuration(client_side=client, header_encoding=None))
        self.h2.local_settings = Settings(
            client=client,
            initial_values={
                SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: config.limits.max_header_size,
                **(
                    {SettingCodes.ENABLE_PUSH: 0}
                    if client
                    else {
                        SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
                        SettingCodes.ENABLE_CONNECT_PROTOCOL: 1,
                    }
                ),
            },
        )

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(1)  # 0 stalls TLS: full at 0 bytes, it says
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(WINDOW * (MAX_STREAMS - 1))
        self.write()
        self.expect_streams(self.config.handshake_timeout)

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        self.receiving = True  # nothing is sent until all that came is known
        try:
            for event in self.h2.receive_data(data):
                self.take(event)
        except ProtocolError as error:
            self.close(error.error_code)
        finally:
            self.receiving = False
        self.flush()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.loop.call_soon(self.flush)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose_all()
        if self.timer is not None:
            self.timer.cancel()
        self.lost.set()

    # What arrives

    def take(self, event: h2ev.Event) -> None:
        match event:
            case h2ev.RequestReceived(stream_id=int(stream_id)) if self.answer is not None:
                fields = event.headers
                self.add(self.answer(self, stream_id, fields))
            case h2ev.RemoteSettingsChanged():
                self.settings_received = True
                self.wake()
                self.touched |= dict.fromkeys(self.streams.values())  # their windows, maybe
            case h2ev.WindowUpdated(stream_id=0):
                self.touched |= dict.fromkeys(self.streams.values())
            case h2ev.ConnectionTerminated():
                self.close()
            case _ if stream := self.streams.get(getattr(event, "stream_id", None) or 0):
                self.take_for(stream, event)
            case h2ev.DataReceived(stream_id=int(stream_id), flow_controlled_length=int(length)):
                self.h2.acknowledge_received_data(length, stream_id)

    def take_for(self, stream: Stream, event: h2ev.Event) -> None:
        match event:
            case h2ev.ResponseReceived():
                stream.receive_head(event.headers)
            case h2ev.DataReceived(data=bytes(data), flow_controlled_length=int(length)):
                stream.unacknowledged += length
                stream.receive_data(data)
            case h2ev.StreamEnded():
                stream.peer_ended = True
                stream.receive_end()
                self.forget_ended(stream)
            case h2ev.StreamReset():
                self.lose(stream)
            case h2ev.WindowUpdated():
                self.touched[stream] = None

    # Streams

    def add(self, stream: Stream) -> None:
        self.streams[stream.id] = stream
        if self.answer is None:
            self.send_head(stream)  # at once, for that is what uses up the stream's number
        self.settle(stream)

    def settle(self, stream: Stream) -> None:
        """See to what the stream now wants: to send, to go on reading, to end, to be woken."""
        stream.set_timer()
        if self.streams.get(stream.id) is stream:
            self.touched[stream] = None
            self.flush()

    def lose(self, stream: Stream) -> None:
        """The stream is no more."""
        del self.streams[stream.id]
        self.touched.pop(stream, None)
        self.waiting.pop(stream, None)
        if stream.unacknowledged and not self.closed:  # the connection's window is all the same
            self.h2.acknowledge_received_data(stream.unacknowledged, stream.id)
        stream.unacknowledged = 0
        stream.lose()
        self.wake()
        if not self.streams:
            self.expect_streams(IDLE)

    def lose_all(self) -> None:
        self.closed = True
        for stream in list(self.streams.values()):
            self.lose(stream)
        self.wake()

    def forget_ended(self, stream: Stream) -> None:
        if stream.ended and stream.peer_ended and stream.id in self.streams:
            self.lose(stream)

    def reset(self, stream: Stream, code: ErrorCodes) -> None:
        self.h2.reset_stream(stream.id, code)
        self.lose(stream)

    def give_back(self, stream: Stream) -> None:
        """Give the peer new room for what the stream has taken."""
        if stream.unacknowledged and not stream.reading_paused:
            self.h2.acknowledge_received_data(stream.unacknowledged, stream.id)
            stream.unacknowledged = 0

    # What is sent

    def flush(self) -> None:
        if self.receiving or self.closed:
            return
        for stream in list(self.touched):
            if self.streams.get(stream.id) is not stream:  # a request that was answered
                continue
            self.give_back(stream)
            if stream.action is TransportAction.ABORT:
                self.reset(stream, ErrorCodes.CANCEL)
            else:
                self.waiting.setdefault(stream)
        self.touched.clear()
        while self.waiting and not self.full:
            room = AT_ONCE
            while self.waiting and room > 0:
                stream = next(iter(self.waiting))
                del self.waiting[stream]
                room -= self.send_one(stream)
            self.write()
        self.write()

    def send_one(self, stream: Stream) -> int:
        """Send a frame of the stream's, and its end if that comes next: how many bytes."""
        self.send_head(stream)
        window = self.h2.local_flow_control_window(stream.id)
        limit = min(window, self.h2.max_outbound_frame_size)
        data = stream.take(limit) if stream.pending and limit > 0 else b""
        ends = not stream.ended and not stream.pending
        ends = ends and stream.action >= TransportAction.END_WRITING
        if data:
            self.h2.send_data(stream.id, data, end_stream=ends)
        elif ends and self.answer is None and stream.peer_ended:
            # Some servers have forgotten the stream then: hypercorn 0.18 fails the whole
            # connection over an END_STREAM by itself, but not over this.
            self.reset(stream, ErrorCodes.CANCEL)
        elif ends:
            self.h2.end_stream(stream.id)
        if ends and stream.id in self.streams:
            stream.ended = True
            if stream.whole and not stream.peer_ended:
                self.reset(stream, ErrorCodes.NO_ERROR)  # RFC 9113 §8.1: no more is wanted
        elif data and stream.pending:
            self.waiting[stream] = None  # behind the others
        self.give_back(stream)  # a session may be paused until its output is taken
        stream.wake()
        self.forget_ended(stream)
        return len(data)

    def send_head(self, stream: Stream) -> None:
        if stream.head is not None:
            fields, stream.head = stream.head, None
            self.h2.send_headers(stream.id, fields)

    def write(self) -> None:
        if self.transport.is_closing():
            return
        if data := self.h2.data_to_send():
            self.transport.write(data)
        if self.transport.get_write_buffer_size() > MAX_UNREAD:
            self.transport.abort()

    # The end

    def expect_streams(self, seconds: float | None) -> None:
        """A server: end a connection that after a time has no streams."""
        if self.answer is None or seconds is None or self.closed:
            return
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.loop.call_later(seconds, self.close_if_idle)

    def close_if_idle(self) -> None:
        if not self.streams:
            self.close()

    def close(self, code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Say GOAWAY and close; streams that are left are lost."""
        if self.closed:
            return
        self.h2.close_connection(code)
        self.write()
        self.lose_all()
        self.transport.close()
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.loop.call_later(LINGER, self.transport.abort)

    def wake(self) -> None:
        self.changed.set()
        self.changed.clear()
