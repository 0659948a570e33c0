"""A chat server, and a guide to embedding wsproto_core in an event loop.

    python examples/chat.py [--host 127.0.0.1] [--port 8000]

Open the URL that it prints in two browser tabs. The parts:

* ``WebSocket`` is **the library on asyncio**: bytes, time and flow control. It knows
  nothing of chatting; copy it.
* ``Visitor``, ``Room`` and ``Chat`` are the chat: events and text, no bytes, no waiting.
* ``serve_connection`` speaks the little HTTP that a page needs, on the same port.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
import unicodedata
from asyncio import StreamReader, StreamWriter
from collections import deque
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs
from weakref import WeakValueDictionary

from wsproto_core import ConnectionState, ConnectionType, Limits, RemoteProtocolError, WSConnection
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.frame_protocol import CloseReason
from wsproto_core.handshake import same_origin

# In seconds. The library has no clock: what takes too long is for its user to say.
HANDSHAKE_TIMEOUT = 10.0
PING_INTERVAL = 20.0
CLOSE_TIMEOUT = 5.0

# What a peer may make the server hold: a message, and output that it does not read, with
# room for a whole history, for which JSON may need 12 bytes a character.
LIMITS = Limits(max_message_size=16 * 1024, max_fragments=64)
MAX_OUTPUT = 1024 * 1024
MAX_VISITORS = 1000

MAX_NAME, MAX_TEXT = 32, 1000  # characters
HISTORY = 50  # messages that a newcomer is sent
RECENT_ROOMS = 100  # remembered, with their history, after all have left


class WebSocket:
    """A WebSocket on asyncio streams. What it is for, a subclass says in ``on_*``.

    From ``on_open`` until ``on_close`` it can send. All that it does is to happen within
    ``deadline``, which moves: opening and closing take a limited time, being open does not.
    """

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.loop = asyncio.get_running_loop()
        self.deadline = asyncio.timeout(HANDSHAKE_TIMEOUT)
        self.ws = WSConnection(ConnectionType.SERVER, whole_messages=True, limits=LIMITS)
        self.can_send = False

    def on_request(self, request: Request) -> AcceptConnection | RejectConnection:
        raise NotImplementedError

    def on_open(self) -> None: ...

    def on_text(self, text: str) -> None: ...

    def on_close(self) -> None: ...

    async def run(self, data: bytes | None) -> None:
        """The life of the connection: bytes in, events out. It begins with *data*."""
        try:
            while True:
                self.ws.receive_data(data)
                for event in self.ws.events():
                    try:
                        self.handle(event)
                    except Exception as exc:  # this program's fault, not the peer's
                        context = {"message": f"{event!r} not handled", "exception": exc}
                        self.loop.call_exception_handler(context)
                        self.close(CloseReason.INTERNAL_ERROR)
                if self.ws.state is ConnectionState.CLOSED:
                    break
                data = await self.read()
        except RemoteProtocolError as exc:
            # Only a bad opening handshake raises; later faults are events. The hint is
            # the HTTP response that it deserves, None if nobody is left to read it.
            if exc.event_hint is not None:
                self.send(exc.event_hint)
        finally:
            self.stop_sending()

    def handle(self, event: Event) -> None:
        match event:
            case Request():
                answer = self.on_request(event)
                self.send(answer)
                if isinstance(answer, AcceptConnection):
                    self.deadline.reschedule(None)
                    self.can_send = True
                    self.on_open()
            case TextMessage():
                # Messages that still arrive after our own Close come too late.
                if self.can_send:
                    self.on_text(event.data)
            case BytesMessage():
                self.close(CloseReason.UNSUPPORTED_DATA, "text only, please")
            case Ping():
                self.send(event.response())
            case CloseConnection():
                # The peer's Close; or its fault, which event.error names; or the end of
                # the transport. The state tells whether an answer is owed.
                if self.ws.state is ConnectionState.REMOTE_CLOSING:
                    self.send(event.response())

    async def read(self) -> bytes | None:
        """Wait for bytes, or None: the end. Silence is met with a ping, then the end."""
        for _ in range(2):
            try:
                async with asyncio.timeout(PING_INTERVAL):
                    # Who does not read is not read from: its pings would only ask for
                    # more output.
                    await self.writer.drain()
                    return await self.reader.read(65536) or None
            except TimeoutError:
                if self.can_send:
                    self.send(Ping())
            except OSError:
                break
        return None

    def send(self, event: Event) -> None:
        data = self.ws.send(event)
        if not self.writer.is_closing():  # broken, which read() has yet to notice
            self.writer.write(data)
        if self.writer.transport.get_write_buffer_size() > MAX_OUTPUT:
            # Soon, not now: a room may be going through its members.
            reason = "you read too slowly"
            self.loop.call_soon(self.close, CloseReason.TRY_AGAIN_LATER, reason)

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake. ``run`` goes on until the peer has answered."""
        if self.can_send:
            self.deadline.reschedule(self.loop.time() + CLOSE_TIMEOUT)
            self.send(CloseConnection(code, reason))
            self.stop_sending()
        elif self.ws.state is ConnectionState.CONNECTING:
            self.writer.transport.abort()

    def stop_sending(self) -> None:
        if self.can_send:
            self.can_send = False
            self.on_close()

    async def hang_up(self) -> None:
        """End our half of the transport, and all of it when the peer has ended its own.

        To close a socket that has unread bytes resets the connection, and what was sent
        last may be lost (RFC 6455 §7.1.1). TLS knows no halves: only close there.
        """
        self.deadline.reschedule(self.loop.time() + CLOSE_TIMEOUT)
        self.writer.write_eof()
        while await self.reader.read(65536):
            pass
        self.writer.close()
        await self.writer.wait_closed()


class Visitor(WebSocket):
    """Somebody in a room, whose page sends ``{"type": "say", "text": "..."}``."""

    room: Room
    name: str

    def __init__(self, chat: Chat, reader: StreamReader, writer: StreamWriter) -> None:
        super().__init__(reader, writer)
        self.chat = chat

    def on_request(self, request: Request) -> AcceptConnection | RejectConnection:
        # Browsers let any page connect to any server. Only ours may (RFC 6455 §10.2).
        if not same_origin(request):
            return RejectConnection(HTTPStatus.FORBIDDEN)
        if len(self.chat.visitors) > self.chat.capacity:
            return RejectConnection(HTTPStatus.SERVICE_UNAVAILABLE)
        query = parse_qs(request.target.partition("?")[2])
        self.name = clean_name(query.get("name", [""])[0]) or "guest"
        self.room = self.chat.room(clean_name(query.get("room", [""])[0]) or "lobby")
        return AcceptConnection(extensions=[PerMessageDeflate(threshold=512)])

    def on_open(self) -> None:
        self.room.join(self)

    def on_text(self, text: str) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):  # the latter for 10,000 opening brackets
            message = None
        match message:
            case {"type": "say", "text": str(said)} if 0 < len(said.strip()) <= MAX_TEXT:
                self.room.say(self, said.strip())
            case {"type": "say", "text": str()}:
                self.send(encode(type="error", text=f"A message has 1 to {MAX_TEXT} characters."))
            case _:
                self.send(encode(type="error", text='Expected {"type": "say", "text": "..."}.'))

    def on_close(self) -> None:
        self.room.leave(self)


class Room:
    """Who is here, and what was said."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[str, Visitor] = {}  # by casefolded name
        self.history: deque[dict[str, object]] = deque(maxlen=HISTORY)

    def join(self, visitor: Visitor) -> None:
        # A name that is taken gets a number. To refuse it would lock out who comes back
        # from a broken connection before the server has noticed that it broke.
        wanted, number = visitor.name, 1
        while visitor.name.casefold() in self.members:
            number += 1
            visitor.name = f"{wanted}-{number}"
        self.tell(type="joined", name=visitor.name)
        self.members[visitor.name.casefold()] = visitor
        people = [member.name for member in self.members.values()]
        history = list(self.history)
        welcome: dict[str, object] = {"room": self.name, "people": people, "history": history}
        visitor.send(encode(type="welcome", name=visitor.name, **welcome))

    def leave(self, visitor: Visitor) -> None:
        self.members.pop(visitor.name.casefold(), None)
        self.tell(type="left", name=visitor.name)

    def say(self, visitor: Visitor, text: str) -> None:
        said: dict[str, object] = {"name": visitor.name, "text": text, "time": time.time()}
        self.history.append(said)
        self.tell(type="message", **said)

    def tell(self, **message: object) -> None:
        event = encode(**message)
        for member in self.members.values():
            member.send(event)


class Chat:
    """All that the server holds."""

    def __init__(self) -> None:
        self.capacity = MAX_VISITORS
        self.visitors: set[Visitor] = set()  # at the door, or in a room, or leaving
        # A room lives while somebody is in it or it is one of the last to be entered.
        self.rooms: WeakValueDictionary[str, Room] = WeakValueDictionary()
        self.recent: deque[Room] = deque(maxlen=RECENT_ROOMS)

    def room(self, name: str) -> Room:
        room = self.rooms.setdefault(name, Room(name))
        self.recent.append(room)
        return room


def encode(**message: object) -> TextMessage:
    # dumps() escapes what is not ASCII. That lets half a surrogate pair through, which
    # JSON can express and UTF-8 cannot.
    return TextMessage(json.dumps(message))


def clean_name(text: str) -> str:
    """A name without tricks: nothing invisible, no look-alikes by width or spacing."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())[:MAX_NAME].strip()


PAGE = Path(__file__).with_name("chat.html").read_bytes()


def respond(method: bytes, path: bytes) -> bytes:
    """The response to an ordinary request."""
    status, kind, body = HTTPStatus.OK, "text/html", PAGE
    if path != b"/":
        status, kind, body = HTTPStatus.NOT_FOUND, "text/plain", b"There is nothing here.\n"
    elif method not in (b"GET", b"HEAD"):
        status, body = HTTPStatus.METHOD_NOT_ALLOWED, b""
    head = (
        f"HTTP/1.1 {status} {status.phrase}\r\nAllow: GET, HEAD\r\nConnection: close\r\n"
        f"Content-Type: {kind}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Content-Security-Policy: default-src 'self' 'unsafe-inline'; img-src data:\r\n\r\n"
    )
    return head.encode() + (b"" if method == b"HEAD" else body)


async def serve_connection(chat: Chat, reader: StreamReader, writer: StreamWriter) -> None:
    """Serve one TCP connection: a page, or a WebSocket.

    The path tells which, and so the first line is all that is read here. For /ws it is
    passed on, for the library reads, and judges, the request from its first byte.
    """
    visitor = Visitor(chat, reader, writer)
    chat.visitors.add(visitor)
    try:
        async with visitor.deadline:
            line = await reader.readuntil(b"\n")
            method, _, rest = line.partition(b" ")
            path = rest.split(b" ")[0].partition(b"?")[0]
            if path == b"/ws":
                await visitor.run(line)
            else:
                writer.write(respond(method, path))
            await visitor.hang_up()
    except (OSError, EOFError, asyncio.LimitOverrunError):
        pass  # broken, or too slow (TimeoutError is an OSError); no line, or too long a one
    finally:
        chat.visitors.remove(visitor)
        writer.transport.abort()


async def main(host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    chat = Chat()
    server = await asyncio.start_server(partial(serve_connection, chat), host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/", flush=True)
    await stop.wait()
    server.close()
    chat.capacity = 0  # for whoever is at the door
    for room in chat.rooms.values():
        room.members.clear()  # nobody needs to be told of each who leaves
    # One task a connection: those that are, and those that were accepted just now. It
    # ends, because CLOSE_TIMEOUT begins for each.
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for visitor in chat.visitors:
            visitor.close(CloseReason.GOING_AWAY, "the server stops")
        await asyncio.wait(tasks)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A chat server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 picks a free one")
    arguments = parser.parse_args()
    try:
        asyncio.run(main(arguments.host, arguments.port))
    except OSError as exc:
        sys.exit(f"cannot listen: {exc}")
