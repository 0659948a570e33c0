"""A terminal client for the server in chat.py.

    python examples/client.py ws://127.0.0.1:8000/ws --room lobby --name ann

Says each line of its input; leaves at the end of the input or on Ctrl-C. Exits with 0
after a normal close (1000) from either side, with 1 if refused, lost or closed otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
from concurrent.futures import CancelledError
from contextlib import suppress
from threading import Thread
from urllib.parse import SplitResult, urlencode, urlsplit

from wsproto_core import ConnectionState, ConnectionType, Limits, Session, SessionConfig
from wsproto_core import events as ev
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.session import EndCause, SessionEnded, TransportAction

CONFIG = SessionConfig(limits=Limits(max_message_size=2**20))


class Client:
    exit_status = 1

    async def run(self, url: SplitResult, query: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.session = Session(ConnectionType.CLIENT, now=self.loop.time(), config=CONFIG)
        tls = ssl.create_default_context() if url.scheme == "wss" else None
        port = url.port or (443 if tls else 80)
        async with asyncio.timeout_at(self.session.deadline):
            reader, self.writer = await asyncio.open_connection(url.hostname, port, ssl=tls)
        host = url.netloc.rpartition("@")[2]
        target = f"{url.path or '/'}?{'&'.join(filter(None, (url.query, query)))}"
        self.send(ev.Request(host, target, extensions=[PerMessageDeflate()]))
        while self.session.transport is TransportAction.KEEP:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self.session.deadline) as self.timer:
                    await self.writer.drain()
                    self.session.receive_data(await reader.read(65536), self.loop.time())
            self.session.handle_timer(self.loop.time())
            for event in self.session.events():
                self.handle(event)
            self.writer.write(self.session.data_to_send())
        if self.session.transport is TransportAction.ABORT:
            self.writer.transport.abort()
        async with asyncio.timeout_at(self.session.deadline):
            self.writer.close()
            await self.writer.wait_closed()

    def send(self, event: ev.Event) -> None:
        self.session.send(event, self.loop.time())
        self.writer.write(self.session.data_to_send())

    def handle(self, event: ev.Event) -> None:
        match event:
            case ev.AcceptConnection():
                signal.signal(signal.SIGINT, lambda *_: self.loop.call_soon_threadsafe(self.leave))
                Thread(target=self.read_input, daemon=True).start()
            case ev.RejectConnection():
                show(f"refused with HTTP status {event.status_code}", error=True)
            case ev.RejectData():
                show(bytes(event.data).decode(errors="replace"), error=True)
            case ev.TextMessage():
                describe(event.data)
            case SessionEnded() if event.cause is not EndCause.REJECTED:
                show(f"closed: {event.code} {event.reason or event.error or ''}", error=True)
                self.exit_status = int(event.code != 1000)

    def leave(self) -> None:
        if self.session.state is ConnectionState.OPEN:
            self.session.close(self.loop.time())
            self.writer.write(self.session.data_to_send())
            self.timer.reschedule(self.session.deadline)

    async def say(self, line: str) -> None:
        # After a Close from either side it is too late.
        if line.strip() and self.session.state is ConnectionState.OPEN:
            self.send(ev.TextMessage(json.dumps({"type": "say", "text": line})))
            await self.writer.drain()

    def read_input(self) -> None:
        # In a thread, for not every kind of input can be waited for by an event loop;
        # unbuffered, for a buffer's lock would be held when the program ends. Each line
        # is waited for, so that a long file does not end up in memory.
        with suppress(CancelledError, RuntimeError):  # the loop has ended meanwhile
            with open(0, "rb", buffering=0, closefd=False) as lines:
                for line in lines:
                    said = self.say(line.decode(errors="replace"))
                    asyncio.run_coroutine_threadsafe(said, self.loop).result()
            self.loop.call_soon_threadsafe(self.leave)


def describe(text: str) -> None:
    match json.loads(text):
        case {"type": "welcome", "name": name, "people": people, "history": history}:
            for said in history:
                show(f"{said['name']}: {said['text']}")
            show(f"* you are {name}; here: {', '.join(people)}")
        case {"type": "message", "name": name, "text": said}:
            show(f"{name}: {said}")
        case {"type": "joined" | "left" as what, "name": name}:
            show(f"* {name} {what}")
        case {"type": "error", "text": problem}:
            show(f"* {problem}")


def show(line: str, error: bool = False) -> None:
    # What others wrote must not control this terminal.
    text = "".join(char if char.isprintable() else " " for char in line).strip()
    if text:
        print(text, file=sys.stderr if error else sys.stdout, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A terminal client for chat.py.")
    parser.add_argument("url", type=urlsplit, help="ws://... or wss://...")
    parser.add_argument("--room", default="lobby")
    parser.add_argument("--name", default="guest")
    arguments = parser.parse_args()
    if arguments.url.scheme not in ("ws", "wss") or not arguments.url.hostname:
        parser.error("the URL must be ws://... or wss://...")
    client = Client()
    query = urlencode({"room": arguments.room, "name": arguments.name})
    try:
        asyncio.run(client.run(arguments.url, query))
    except (OSError, ValueError) as exc:
        show(f"failed: {str(exc) or 'the server does not answer'}", error=True)
    except KeyboardInterrupt:  # while connecting; later it is a way to leave
        sys.exit(130)
    sys.exit(client.exit_status)
