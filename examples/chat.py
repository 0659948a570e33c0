"""A chat server, and a guide to embedding wsproto_core in an event loop.

    python examples/chat.py [--host 127.0.0.1] [--port 8000]

Open the URL that it prints in two browser tabs. The parts:

* ``WebSocket`` is **the library on asyncio**: it carries bytes, events and time between a
  transport and a ``Session``, which decides. It knows nothing of chatting; copy it.
* ``Visitor``, ``Room`` and ``Chat`` are the chat: events and text, no waiting.
* ``page`` is the little HTTP that a page needs, on the same port.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
import unicodedata
from collections import deque
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs
from weakref import WeakValueDictionary

from wsproto_core import (
    ConnectionType,
    Limits,
    PreparedMessage,
    Session,
    SessionConfig,
    SessionEnded,
    TransportAction,
)
from wsproto_core import events as ev
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.frame_protocol import CloseReason
from wsproto_core.handshake import same_origin

CONFIG = SessionConfig(
    limits=Limits(max_message_size=16 * 1024, max_fragments=64), close_timeout=5.0
)
# Output that a visitor does not read. It leaves room for a whole history, for which JSON may
# need 12 bytes a character.
MAX_OUTPUT = 1024 * 1024
MAX_VISITORS = 1000
MAX_NAME, MAX_TEXT = 32, 1000  # characters
HISTORY = 50  # messages that a newcomer is sent
RECENT_ROOMS = 100  # remembered, with their history, after all have left


class WebSocket(asyncio.Protocol):
    """A session on an asyncio transport. What it is for, a subclass says in ``handle``.

    All that happens is told to the session; ``step`` then takes its events, and ``flush``
    does what it says about bytes, transport and time. Who sends, calls ``flush`` too.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.session = Session(ConnectionType.SERVER, now=self.loop.time(), config=CONFIG)
        self.gone = self.loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        # What waits, waits in the session. Not 0: TLS then calls an empty buffer full.
        self.transport.set_write_buffer_limits(high=1, low=0)
        self.timer: asyncio.Handle = self.loop.call_soon(self.flush)

    def data_received(self, data: bytes) -> None:
        self.session.receive_data(data, self.loop.time())
        self.step()

    def eof_received(self) -> bool:
        self.session.receive_data(None, self.loop.time())
        self.step()
        return self.transport.can_write_eof()  # our half goes on; TLS has no halves

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set_result(None)
        self.session.transport_lost(self.loop.time())
        self.step()

    def time_is_up(self) -> None:
        self.session.handle_timer(self.loop.time())
        self.step()

    def resume_writing(self) -> None:
        self.flush()

    def step(self) -> None:
        for event in self.session.events():
            try:
                self.handle(event)
            except Exception as exc:  # this program's fault, not the peer's
                context = {"message": f"{event!r} not handled", "exception": exc}
                self.loop.call_exception_handler(context)
                self.close(CloseReason.INTERNAL_ERROR)
        self.flush()

    def flush(self) -> None:
        session, transport = self.session, self.transport
        # What the transport cannot take yet stays in the session, which goes by how much it is.
        full = transport.get_write_buffer_size() or transport.is_closing()
        if not full and (data := session.data_to_send()):
            transport.write(data)
        match session.transport:
            case TransportAction.END_WRITING if transport.can_write_eof():
                transport.write_eof()
            case TransportAction.END_WRITING | TransportAction.CLOSE:
                transport.close()
            case TransportAction.ABORT if not self.gone.done():
                transport.abort()
        if session.reading_paused:
            transport.pause_reading()
        else:
            transport.resume_reading()
        self.timer.cancel()
        if session.deadline is not None:
            self.timer = self.loop.call_at(session.deadline, self.time_is_up)

    def handle(self, event: ev.Event) -> None:
        raise NotImplementedError

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake. Who is not in yet is turned away."""
        self.session.close(self.loop.time(), code, reason)
        self.flush()


class Visitor(WebSocket):
    """Somebody at the door, in a room, or leaving."""

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self.chat = chat
        chat.visitors[self.gone] = self
        self.gone.add_done_callback(chat.visitors.pop)
        self.room: Room | None = None

    def handle(self, event: ev.Event) -> None:
        match event:
            case ev.Request(target=target) if target.partition("?")[0] != "/ws":
                self.session.close(self.loop.time())
                self.respond(b"GET", target.encode())
            case ev.Request():
                self.session.send(self.answer(event), self.loop.time())
                if self.room:
                    self.room.join(self)
            case ev.TextMessage() if self.room:  # else it has crossed our Close
                self.obey(event.data, self.room)
            case ev.BytesMessage():
                self.close(CloseReason.UNSUPPORTED_DATA, "text only, please")
            case SessionEnded():
                if event.error and event.error.request_line:
                    self.respond(*event.error.request_line)
                self.leave()

    def respond(self, method: bytes, target: bytes) -> None:
        """Answer a request that is none for a WebSocket."""
        path = target.partition(b"?")[0]
        if path != b"/ws":
            self.session.data_to_send()  # its refusal, instead of which this is sent
            self.transport.write(page(method, path))

    def answer(self, request: ev.Request) -> ev.AcceptConnection | ev.RejectConnection:
        # Browsers let any page connect to any server. Only ours may (RFC 6455 §10.2).
        if not same_origin(request):
            return ev.RejectConnection(HTTPStatus.FORBIDDEN)
        if len(self.chat.visitors) > MAX_VISITORS:
            return ev.RejectConnection(HTTPStatus.SERVICE_UNAVAILABLE)
        fields = parse_qs(request.target.partition("?")[2])
        self.name = clean_name(fields.get("name", [""])[0]) or "guest"
        self.room = self.chat.room(clean_name(fields.get("room", [""])[0]) or "lobby")
        return ev.AcceptConnection(extensions=[PerMessageDeflate(threshold=512)])

    def obey(self, text: str, room: Room) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):  # the latter for 10,000 opening brackets
            message = None
        match message:
            case {"type": "say", "text": str(said)} if 0 < len(said.strip()) <= MAX_TEXT:
                room.say(self, said.strip())
            case {"type": "say", "text": str()}:
                self.tell(encode(type="error", text=f"A message has 1 to {MAX_TEXT} characters."))
            case _:
                self.tell(encode(type="error", text='Expected {"type": "say", "text": "..."}.'))

    def tell(self, message: PreparedMessage) -> None:
        self.session.try_send(message, self.loop.time())
        self.flush()
        if self.session.output_pending > MAX_OUTPUT:
            # Soon, not now: a room may be going through its members.
            reason = "you read too slowly"
            self.loop.call_soon(self.close, CloseReason.TRY_AGAIN_LATER, reason)

    def close(self, code: int, reason: str = "") -> None:
        super().close(code, reason)
        self.leave()

    def leave(self) -> None:
        room, self.room = self.room, None
        if room:
            room.leave(self)


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
        welcome = {"room": self.name, "people": people, "history": list(self.history)}
        visitor.tell(encode(type="welcome", name=visitor.name, **welcome))

    def leave(self, visitor: Visitor) -> None:
        if self.members.pop(visitor.name.casefold(), None):
            self.tell(type="left", name=visitor.name)

    def say(self, visitor: Visitor, text: str) -> None:
        said: dict[str, object] = {"name": visitor.name, "text": text, "time": time.time()}
        self.history.append(said)
        self.tell(type="message", **said)

    def tell(self, **message: object) -> None:
        prepared = encode(**message)
        for member in self.members.values():
            member.tell(prepared)


class Chat:
    """All that the server holds."""

    def __init__(self) -> None:
        self.visitors: dict[asyncio.Future[None], Visitor] = {}  # by when they are gone
        # A room lives while somebody is in it or it is one of the last to be entered.
        self.rooms: WeakValueDictionary[str, Room] = WeakValueDictionary()
        self.recent: deque[Room] = deque(maxlen=RECENT_ROOMS)

    def room(self, name: str) -> Room:
        room = self.rooms.setdefault(name, Room(name))
        self.recent.append(room)
        return room


def encode(**message: object) -> PreparedMessage:
    # dumps() escapes what is not ASCII. That lets half a surrogate pair through, which
    # JSON can express and UTF-8 cannot.
    return PreparedMessage(json.dumps(message))


def clean_name(text: str) -> str:
    """A name without tricks: nothing invisible, no look-alikes by width or spacing."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())[:MAX_NAME].strip()


PAGE = Path(__file__).with_name("chat.html").read_bytes()


def page(method: bytes, path: bytes) -> bytes:
    """The response to an ordinary request."""
    status, kind, body = HTTPStatus.OK, "text/html", PAGE
    if path != b"/":
        status, kind, body = HTTPStatus.NOT_FOUND, "text/plain", b"There is nothing here.\n"
    elif method not in (b"GET", b"HEAD"):
        status, body = HTTPStatus.METHOD_NOT_ALLOWED, b""
    fields = (
        f"HTTP/1.1 {status} {status.phrase}\r\nAllow: GET, HEAD\r\nConnection: close\r\n"
        f"Content-Type: {kind}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Content-Security-Policy: default-src 'self' 'unsafe-inline'; img-src data:\r\n\r\n"
    )
    return fields.encode() + (b"" if method == b"HEAD" else body)


async def main(host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    chat = Chat()
    server = await loop.create_server(partial(Visitor, chat), host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/", flush=True)
    await stop.wait()
    server.close()
    if accepting := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(accepting)  # the loop's own, for who came just now
    for room in chat.rooms.values():
        room.members.clear()  # nobody needs to be told of each who leaves
    for visitor in chat.visitors.values():
        visitor.close(CloseReason.GOING_AWAY, "the server stops")
    await asyncio.gather(*chat.visitors)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A chat server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 picks a free one")
    arguments = parser.parse_args()
    try:
        asyncio.run(main(arguments.host, arguments.port))
    except OSError as exc:
        sys.exit(f"cannot listen: {exc}")
