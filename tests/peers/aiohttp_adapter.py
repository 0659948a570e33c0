"""aiohttp's client and server, over transports in memory, for the conformance kit.

Owns an event loop that has no sockets: it is turned until nothing is ready any more, and the
transport of a connection is an object that keeps what is written. So what is tested is the
whole of aiohttp's WebSocket: its HTTP parser, ``web.WebSocketResponse`` and
``ClientSession.ws_connect``, ``WebSocketReader`` (the compiled ``reader_c`` where aiohttp is
installed with its extensions; see ``READER``) and ``WebSocketWriter``.

The application receives in a loop, as aiohttp's documentation has it, until ``receive()`` says
that it is over. ``autoping`` is off, so that it can tell of Pings and Pongs, which it answers
with ``pong()``; ``autoclose`` is on, as by default. aiohttp has no way to send a message in
fragments. A server agrees to those parameters of permessage-deflate that it supports; what it
does not agree to is a setting that it does not have.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import ClientSession, UnixConnector, WSMsgType, web
from aiohttp._websocket.reader import WebSocketReader

from tests.peers.memory_loop import MemoryLoop, MemoryTransport
from wsproto_core.testing.actions import Action, SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.adapter import ActionRefused, Unsupported
from wsproto_core.testing.openings import OTHER_KEY, fill_in, head_of
from wsproto_core.testing.outcomes import (
    DEFAULT_LIMITS,
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Lost,
    Outcome,
    ReceiveLimits,
    Rejected,
)
from wsproto_core.testing.settings import Open, Opening

#: The reader under test.
READER = WebSocketReader.__module__.rpartition(".")[2]
#: Its own reports of what peers do wrong are of no use here.
QUIET = logging.getLogger("tests.peers.aiohttp")
QUIET.disabled = True
logging.getLogger("aiohttp").setLevel(logging.CRITICAL)

WebSocket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class AiohttpAdapter:
    """aiohttp. Its loop is closed when the program ends, or by :meth:`close`."""

    name = "aiohttp"
    version = aiohttp.__version__

    def __init__(self) -> None:
        self.loop = MemoryLoop()
        self.endpoint: AiohttpEndpoint | None = None
        atexit.register(self.close)

    def open(self, settings: Open) -> AiohttpEndpoint:
        """An endpoint whose handshake has been done, with what these settings offer."""
        max_msg_size = size_limit(settings.limits)
        offer = None if settings.deflate is None else settings.deflate.header()
        opening = Opening(settings.role, deflate=offer is not None)
        endpoint = self.begin(opening, max_msg_size)
        if settings.role == "server":
            endpoint.receive(request_with(offer))
            head = head_of(endpoint.data_to_send())
            agreed = "" if head is None else head.joined("sec-websocket-extensions")
        else:
            endpoint.receive(response_with(offer, endpoint.data_to_send()))
            agreed = offer or ""
        if endpoint.websocket is None or parameters(agreed) != parameters(offer or ""):
            raise Unsupported(f"aiohttp agrees to {agreed or 'nothing'}, offered {offer}")
        endpoint.outcomes()
        return endpoint

    def opening(self, settings: Opening) -> AiohttpEndpoint:
        """A server that waits for a request, or a client that has sent one."""
        return self.begin(settings, size_limit(None))

    def begin(self, opening: Opening, max_msg_size: int) -> AiohttpEndpoint:
        """A new connection. There is one at a time."""
        self.end()
        self.endpoint = AiohttpEndpoint(self.loop, opening, max_msg_size)
        return self.endpoint

    def end(self) -> None:
        """Leave nothing of the last connection behind."""
        if self.endpoint is not None:
            self.endpoint.dispose()
            self.endpoint = None

    def close(self) -> None:
        """Leave nothing behind."""
        self.end()
        self.loop.close()
        atexit.unregister(self.close)


def size_limit(limits: ReceiveLimits | None) -> int:
    """``max_msg_size``, the one limit that aiohttp has; without limits, its default."""
    if limits is None:
        return 4 * 1024 * 1024
    if limits.max_fragments != DEFAULT_LIMITS.max_fragments:
        raise Unsupported("aiohttp has no limit for the number of fragments")
    if limits.max_frame_size < min(limits.max_message_size, DEFAULT_LIMITS.max_frame_size):
        raise Unsupported("aiohttp has no limit for the size of frames")
    return limits.max_message_size


def parameters(extension: str) -> set[str]:
    """The parameters of an extension, in no order."""
    return {part.strip() for part in extension.split(";")}


def request_with(offer: str | None) -> bytes:
    """A client's opening handshake."""
    extensions = f"Sec-WebSocket-Extensions: {offer}\r\n" if offer else ""
    return (
        "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {OTHER_KEY.decode()}\r\nSec-WebSocket-Version: 13\r\n"
        f"{extensions}\r\n"
    ).encode()


def response_with(offer: str | None, request: bytes) -> bytes:
    """A server's answer to it."""
    extensions = f"Sec-WebSocket-Extensions: {offer}\r\n" if offer else ""
    response = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {{accept}}\r\n{extensions}\r\n"
    )
    return fill_in(response.encode(), request)


class AiohttpEndpoint:
    """A connection, and an application that receives in a loop."""

    def __init__(self, loop: MemoryLoop, opening: Opening, max_msg_size: int) -> None:
        self.loop = loop
        self.opening = opening
        self.max_msg_size = max_msg_size
        self.told: list[Outcome] = []
        self.over = False
        self.websocket: WebSocket | None = None
        self.taken = 0
        #: The application's own close() has come to its end.
        self.left = asyncio.Event()
        #: A server's conversation.
        self.talk: asyncio.Task[None] | None = None
        self.runner: web.AppRunner | None = None
        self.tasks: list[asyncio.Task[None]] = []
        loop.transports.clear()
        loop.set_exception_handler(self.escaped)
        #: What aiohttp let escape into the event loop.
        self.escape: BaseException | None = None
        self.start(self.serve() if opening.role == "server" else self.connect())

    def escaped(self, _: object, context: dict[str, Any]) -> None:
        """An exception that nobody has caught."""
        self.escape = context.get("exception")

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have the loop do something, as far as it comes."""
        task = self.loop.create_task(coroutine)
        self.tasks.append(task)
        self.loop.turn()
        return task

    async def serve(self) -> None:
        """Be a server that has accepted a connection."""
        application = web.Application(logger=QUIET)
        application.router.add_get("/{path:.*}", self.handle)
        self.runner = web.AppRunner(application, access_log=None)
        await self.runner.setup()
        assert self.runner.server is not None
        self.loop.connect(self.runner.server())

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """The handler of aiohttp's documentation."""
        websocket = web.WebSocketResponse(
            protocols=self.opening.subprotocols,
            compress=self.opening.deflate,
            autoping=False,
            max_msg_size=self.max_msg_size,
        )
        await websocket.prepare(request)
        self.websocket = websocket
        self.talk = asyncio.ensure_future(self.converse(websocket))
        with suppress(asyncio.CancelledError):
            await self.talk
        if self.talk.cancelled():
            await self.left.wait()
        return websocket

    async def connect(self) -> None:
        """Be a client."""
        opening = self.opening
        async with ClientSession(connector=UnixConnector("in memory")) as session:
            try:
                websocket = await session.ws_connect(
                    f"ws://{opening.host}{opening.target}",
                    protocols=opening.subprotocols,
                    compress=15 if opening.deflate else 0,
                    autoping=False,
                    max_msg_size=self.max_msg_size,
                )
            except aiohttp.WSServerHandshakeError as error:
                failed = error.status == 101
                self.end(Failed(None, error.message) if failed else Rejected(error.status))
                return
            except aiohttp.ClientError as error:
                self.end(Failed(None, str(error)))
                return
            self.websocket = websocket
            agreed = "permessage-deflate" if websocket.compress else ""
            self.told.append(Accepted(websocket.protocol, agreed))
            await self.converse(websocket)

    async def converse(self, websocket: WebSocket) -> None:
        """Receive until it is over."""
        while True:
            message = await websocket.receive()
            match message.type:
                case WSMsgType.TEXT:
                    self.told.append(GotMessage("text", message.data.encode()))
                case WSMsgType.BINARY:
                    self.told.append(GotMessage("binary", bytes(message.data)))
                case WSMsgType.PING:
                    self.told.append(GotPing(bytes(message.data)))
                    await websocket.pong(bytes(message.data))
                case WSMsgType.PONG:
                    self.told.append(GotPong(bytes(message.data)))
                case WSMsgType.CLOSE:
                    self.end(GotClose(message.data or 1005, (message.extra or "").encode()))
                    return
                case WSMsgType.ERROR:
                    self.end(failure(message.data))
                    return
                case WSMsgType.CLOSED:
                    self.end(Lost())
                    return
                case _:  # CLOSING: the application itself is in close(), and waits for it.
                    await self.left.wait()
                    return

    async def close(self, websocket: WebSocket, code: int, reason: str) -> None:
        """Close, and learn with which code the peer has; its reason aiohttp does not tell.

        A server closes between two calls of ``receive()``, as a handler does that closes by
        itself: from within one, aiohttp ends the transport without waiting for the peer.
        """
        if self.talk is not None:
            self.talk.cancel()
            await asyncio.wait([self.talk])
        if not await websocket.close(code=code, message=reason.encode()):
            raise ActionRefused("closed before")
        error = websocket.exception()
        if isinstance(error, aiohttp.WebSocketError):
            self.end(failure(error))
        elif websocket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE:
            self.end(Lost())
        else:
            self.end(GotClose(websocket.close_code or 1005, b""))
        self.left.set()

    def end(self, outcome: Outcome) -> None:
        """The application is told once how it ended."""
        if not self.over:
            self.told.append(outcome)
            self.over = True

    @property
    def transport(self) -> MemoryTransport:
        """The transport of its connection."""
        return self.loop.transports[0]

    def receive(self, data: bytes) -> None:
        """Feed it."""
        self.feed(data)

    def receive_eof(self) -> None:
        """Feed it the end."""
        self.feed(None)

    def feed(self, data: bytes | None) -> None:
        """Data from the network, or their end; the loop is turned until it is still."""
        self.transport.feed(data)
        self.loop.turn()
        if self.escape is not None:
            raise self.escape

    def send(self, action: Action) -> None:
        """Have the application send something."""
        websocket = self.websocket
        if websocket is None:
            raise ActionRefused("not open")
        match action:
            case SendMessage("text", (data,)):
                doing: Coroutine[Any, Any, None] = websocket.send_str(data.decode())
            case SendMessage("binary", (data,)):
                doing = websocket.send_bytes(data)
            case SendMessage():
                raise Unsupported("aiohttp sends no message in fragments")
            case SendPing(payload):
                doing = websocket.ping(payload)
            case SendPong(payload):
                doing = websocket.pong(payload)
            case SendClose(None):
                raise Unsupported("aiohttp sends no Close frame without a code")
            case SendClose(int(code), reason):
                doing = self.close(websocket, code, reason)
        task = self.start(doing)
        if task.done() and (error := task.exception()) is not None:
            raise ActionRefused(str(error)) from error

    def outcomes(self) -> list[Outcome]:
        """What the application has been told."""
        told, self.told = self.told, []
        return told

    def data_to_send(self) -> bytes:
        """What has been written."""
        if not self.loop.transports:
            return b""
        sent = bytes(self.transport.written[self.taken :])
        self.taken += len(sent)
        return sent

    def closed(self) -> bool:
        """Whether it has closed its transport."""
        return bool(self.loop.transports) and self.transport.is_closing()

    def dispose(self) -> None:
        """Leave nothing behind."""
        for transport in self.loop.transports:
            transport.close()
        self.loop.turn()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.turn()
        if self.runner is not None:
            self.start(self.runner.cleanup())


def failure(error: Exception) -> Failed:
    """What the application sees of a failure."""
    code = error.code if isinstance(error, aiohttp.WebSocketError) else None
    return Failed(code, str(error))
