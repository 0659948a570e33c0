"""The opening handshake over HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220), of both ends.

Owns a client's request until it is answered, and what a server answers to each request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import cast

from wsproto_core import (
    EndCause,
    RemoteProtocolError,
    Session,
    SessionConfig,
    SessionEnded,
    Side,
    TransportAction,
)
from wsproto_core import events as ev
from wsproto_core.extended_connect import ExtendedConnectClient, ExtendedConnectServer
from wsproto_core.frame_protocol import CloseReason

from .conversation import MAX_BODY, Accept, ConnectionClosed, Refused, logger
from .http_streams import Connection, Fields, Response, Stream, StreamWebSocket
from .on_asyncio import Server
from .websocket import Handler, WebSocket

#: Answers an ordinary GET: by the path, the status, the fields and the body.
Page = Callable[[str], tuple[int, Iterable[tuple[bytes, bytes]], bytes]]

#: Streams that one client may have at once; and handlers, for some outlive their streams.
MAX_STREAMS = 100


class Opening(Stream):
    """A client's request, until it is answered: :attr:`opened` is the WebSocket, or raises."""

    action = TransportAction.KEEP
    pending = 0
    asking = True
    response: ev.RejectConnection | None = None

    def __init__(
        self,
        connection: Connection,
        stream_id: int,
        request: ev.Request,
        scheme: str,
        config: SessionConfig,
    ) -> None:
        super().__init__(connection, stream_id)
        self.handshake = ExtendedConnectClient(connection_factory=config.make_connection)
        self.head = list(self.handshake.send_request(request, scheme=scheme))
        self.request, self.config, self.body = request, config, bytearray()
        seconds = config.handshake_timeout
        self.until = None if seconds is None else self.loop.time() + seconds
        self.opened: asyncio.Future[StreamWebSocket] = self.loop.create_future()

    def receive_head(self, fields: Fields) -> None:
        if self.opened.done():  # nobody waits any more
            return
        try:
            response = self.handshake.receive_response(fields)
        except RemoteProtocolError as error:
            self._fail(EndCause.FAILED, Side.LOCAL, error)
            return
        if isinstance(response, ev.RejectConnection):
            self.response = response
            return
        assert self.handshake.connection is not None
        session = Session.over(self.handshake.connection, now=self.loop.time(), config=self.config)
        ws = StreamWebSocket(self.connection, self.id, session)
        ws.conversation.request, ws.conversation.response = self.request, response
        self.gone = True
        self.connection.streams[self.id] = ws
        self.set_timer()
        self.opened.set_result(ws)
        ws.step()

    def receive_data(self, data: bytes) -> None:
        self.body += data[: MAX_BODY - len(self.body)]
        self.connection.settle(self)

    def receive_end(self) -> None:
        self._fail(EndCause.LOST, None)

    def lose(self) -> None:
        self.gone = True
        self._fail(EndCause.LOST, None)

    def handle_timer(self) -> None:
        self._fail(EndCause.TIMED_OUT, Side.LOCAL)

    def _fail(
        self, cause: EndCause, side: Side | None, error: RemoteProtocolError | None = None
    ) -> None:
        if not self.opened.done():
            if self.response is not None:
                end = SessionEnded(1006, "", EndCause.REJECTED, Side.REMOTE)
                self.opened.set_exception(Refused(end, self.response, bytes(self.body)))
            else:
                end = SessionEnded(1006, "", cause, side, error=error)
                self.opened.set_exception(ConnectionClosed(end))
        self.abandon()

    def abandon(self) -> None:
        """Nobody waits any more, or there is nothing to wait for."""
        self.action = TransportAction.ABORT
        self.connection.settle(self)

    @property
    def deadline(self) -> float | None:
        return self.until

    def take(self, limit: int) -> bytes:
        return b""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[WebSocket]:
        """The WebSocket, from its request until it is closed."""
        try:
            self.connection.settle(self)
            ws = await self.opened
        except BaseException:
            if self.opened.done() and not self.opened.cancelled() and not self.opened.exception():
                await self.opened.result().close(CloseReason.GOING_AWAY)
            else:
                self.abandon()
            raise
        async with ws.close_behind_block():
            yield ws


class HttpServer(Server):
    """A server's answer to each request; its WebSockets, with a task for each."""

    def __init__(
        self, handler: Handler, accept: Accept, config: SessionConfig, page: Page | None
    ) -> None:
        super().__init__(handler, accept, config)
        self.page = page

    def answer(self, connection: Connection, stream_id: int, fields: Fields) -> Stream:
        """The stream that a request gets: a WebSocket, a page or a refusal."""
        method, path = (dict(fields).get(name, b"") for name in (b":method", b":path"))
        if self.page is not None and method in (b"GET", b"HEAD"):
            try:
                status, headers, body = self.page(path.decode("latin-1"))
            except Exception:
                logger.exception("no page for %r", path)
                status, headers, body = 500, [], b""
            head = [(b":status", b"%d" % status), *headers]
            body = b"" if method == b"HEAD" else body
            return Response(connection, stream_id, head, body)
        handshake = ExtendedConnectServer(
            connection_factory=self.config.make_connection, limits=self.config.limits
        )
        head, body, answer = self._decide(
            handshake, fields, full=len(connection.tasks) >= MAX_STREAMS
        )
        if handshake.connection is None:
            return Response(connection, stream_id, head, body)
        session = Session.over(
            handshake.connection, now=asyncio.get_running_loop().time(), config=self.config
        )
        ws = StreamWebSocket(connection, stream_id, session)
        ws.head = head
        ws.conversation.request, ws.conversation.response = handshake.request, answer
        task = ws.loop.create_task(ws.run(self.handler))
        for tasks in (self.tasks, connection.tasks):
            tasks[task] = ws
            task.add_done_callback(tasks.pop)
        return ws

    def _decide(
        self, handshake: ExtendedConnectServer, fields: Fields, *, full: bool
    ) -> tuple[Fields, bytes, ev.AcceptConnection | ev.RejectConnection]:
        """What is sent as head and body, and what that means."""
        try:
            request = handshake.receive_request(fields)
        except RemoteProtocolError as error:
            refusal = cast("ev.RejectConnection", error.event_hint)
            return list(handshake.refuse(refusal)), b"", refusal
        try:
            answer = ev.RejectConnection(503) if full or self.closing else self.accept(request)
            response, body = answer if isinstance(answer, tuple) else (answer, b"")
            if isinstance(response, ev.AcceptConnection):
                return list(handshake.accept(response)), b"", response
            return list(handshake.refuse(response)), body, response
        except Exception:
            logger.exception("%r was not answered", request)
            response = ev.RejectConnection(500)
            return list(handshake.refuse(response)), b"", response
