"""The chat of ``examples/chat.py``, shared by several processes by way of Redis.

What a visitor does becomes an operation; operations go to Redis in numbered batches, which
``batch.lua`` carries out, one after the other. What comes of them are events: numbered for
each process, published on its channel, and kept in its inbox until it has had them. So

* everybody in a room hears the same in the same order, whoever said it and wherever;
* if the connection to Redis breaks, a batch is sent again and is done once, and events that
  were published meanwhile are read from the inbox;
* where that cannot be, for Redis has been away for too long or has lost what it knew, all
  visitors are closed with 1013 (try again later). Nobody stays who has missed something.

It knows nothing of nginx, nor of how processes are started.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import random
import secrets
from collections import deque
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import cast
from weakref import WeakValueDictionary

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from examples.chat import HISTORY, Chat, Room, Visitor
from wsproto_core import PreparedMessage
from wsproto_core import events as ev
from wsproto_core.frame_protocol import CloseReason

HEARTBEAT = 1.0  # seconds between batches, if there is nothing to do
# Seconds without Redis after which a process gives up its visitors; and without a batch
# after which the other processes take it for dead.
LIFETIME = 4.0
REDIS_TIMEOUT = 2.0  # seconds that Redis may take to answer
FIRST_DELAY, LONGEST_DELAY = 0.05, 1.0  # seconds before connecting again
MAX_BATCH = 100  # operations
MAX_UNSENT = 20  # operations of a visitor; no more are read from it meanwhile
MAX_MEMBERS = 1000  # of a room, in all processes: a welcome names them

BATCH = Path(__file__).with_name("batch.lua").read_text(encoding="utf-8")
log = logging.getLogger("cluster")


class Forgotten(Exception):
    """Redis no longer knows this process, or what it has missed."""


class SharedVisitor(Visitor):
    """A visitor whose room is in other processes, too."""

    chat: SharedChat

    def __init__(self, chat: SharedChat) -> None:
        super().__init__(chat)
        self.number = str(next(chat.numbers))
        self.unsent = 0
        chat.by_number[self.number] = self

    def answer(self, request: ev.Request) -> ev.AcceptConnection | ev.RejectConnection:
        if not self.chat.connected:  # nginx then asks another process
            return ev.RejectConnection(HTTPStatus.SERVICE_UNAVAILABLE)
        answer = super().answer(request)
        if isinstance(answer, ev.AcceptConnection):
            answer.extra_headers = [(b"X-Served-By", self.chat.name.encode())]
        return answer

    def flush(self) -> None:
        super().flush()
        if self.unsent >= MAX_UNSENT and self.room:
            self.transport.pause_reading()


class SharedRoom(Room):
    """Those of a room's members who are in this process, by their number."""

    def __init__(self, name: str, chat: SharedChat) -> None:
        super().__init__(name)
        self.chat = chat

    def join(self, visitor: Visitor) -> None:
        # It becomes a member when the welcome comes, at its place in the order of events.
        self.chat.post(visitor, "join", self.name, visitor.name, visitor.name.casefold())

    def leave(self, visitor: Visitor) -> None:
        assert isinstance(visitor, SharedVisitor)
        self.members.pop(visitor.number, None)
        self.chat.post(visitor, "leave")

    def say(self, visitor: Visitor, text: str) -> None:
        self.chat.post(visitor, "say", json.dumps(text))

    def pass_on(self, message: PreparedMessage) -> None:
        for member in self.members.values():
            member.tell(message)


class SharedChat(Chat):
    """What this process holds, and its link to the others."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name  # no other process that runs may have it
        self.numbers = itertools.count(1)
        self.by_number: WeakValueDictionary[str, SharedVisitor] = WeakValueDictionary()
        self.outbox: deque[tuple[SharedVisitor, str]] = deque()
        self.news = asyncio.Event()
        self.ready = asyncio.Event()  # has been connected once
        self.stopping = False
        self.reading: asyncio.Task[None] | None = None
        self.start_anew()

    def room(self, name: str) -> Room:
        # Its history is in Redis: it need not be kept once nobody here is in it.
        return self.rooms.setdefault(name, SharedRoom(name, self))

    def post(self, visitor: Visitor, operation: str, *arguments: str) -> None:
        """Send an operation to Redis, soon."""
        assert isinstance(visitor, SharedVisitor)
        visitor.unsent += 1
        self.outbox.append((visitor, json.dumps([operation, visitor.number, *arguments])))
        self.news.set()

    def start_anew(self, reason: str = "") -> None:
        """Be another process, one without visitors."""
        self.process = f"{self.name}#{secrets.token_hex(8)}"
        self.connected = self.known = False
        self.batch: list[tuple[SharedVisitor, str]] | None = None  # that is to be answered
        self.batches = self.seen = 0  # the numbers of the last batch, and of the last event
        for visitor in list(self.visitors.values()):
            if visitor.room:
                visitor.close(CloseReason.TRY_AGAIN_LATER, reason)
        self.outbox.clear()  # it is as if they had never been here

    async def run(self, url: str) -> None:
        """Stay linked to the others, until ``stop``."""
        while not self.stopping:
            try:
                async with asyncio.timeout(LIFETIME) as self.patience:
                    await self.stay_connected(url)
            except* Forgotten as group:
                log.warning("%s starts anew: %s", self.name, group.exceptions[0])
                self.start_anew("the chat has lost its memory")
            except* TimeoutError:
                log.warning("%s starts anew: Redis is out of reach", self.name)
                self.start_anew("the chat is out of reach")

    async def stop(self, running: asyncio.Task[None]) -> None:
        """Send what waits, say that this was all, and end ``run``."""
        self.stopping = True
        self.news.set()
        await asyncio.wait([running], timeout=REDIS_TIMEOUT)
        running.cancel()
        await asyncio.wait([running])

    async def stay_connected(self, url: str) -> None:
        delay = FIRST_DELAY
        while True:
            client = Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=REDIS_TIMEOUT,
                socket_connect_timeout=REDIS_TIMEOUT,
                retry=Retry(NoBackoff(), 0),  # it is done here, where it is known what is lost
            )
            try:
                async with client, client.pubsub() as pubsub:
                    await self.connect(client, pubsub)
                    delay = FIRST_DELAY
                    async with asyncio.TaskGroup() as tasks:
                        self.reading = tasks.create_task(self.read(pubsub))
                        await self.write(client.register_script(BATCH))
                        self.reading.cancel()
                    return
            except* (RedisError, OSError) as group:
                log.warning("%s: %s", self.name, group.exceptions[0])
            # Who comes just now waits with the others; not so if it takes longer.
            self.connected = self.connected and delay == FIRST_DELAY
            # Not as long as everybody else, or all would come at once.
            await asyncio.sleep(delay * random.uniform(0.5, 1))
            delay = min(delay * 2, LONGEST_DELAY)

    async def connect(self, client: Redis, pubsub: PubSub) -> None:
        await pubsub.subscribe(f"chat:{self.process}")
        if await pubsub.get_message(timeout=REDIS_TIMEOUT) is None:
            raise OSError("Redis does not confirm the subscription")
        # From now on nothing is missed. What was missed before is in the inbox.
        sent = await self.exchange(client.register_script(BATCH))
        inbox = f"chat:inbox:{self.process}"
        while kept := await client.xrange(inbox, f"({self.seen}", "+", count=1000):
            for number, event in cast("list[tuple[str, dict[str, str]]]", kept):
                self.take(int(number.partition("-")[0]), event["to"], event["text"])
        if self.seen < sent:
            raise Forgotten("the inbox is gone")
        self.connected = True
        self.ready.set()

    async def read(self, pubsub: PubSub) -> None:
        async for message in pubsub.listen():
            if message["type"] == "message":
                number, target, text = message["data"].split("\n", 2)
                self.take(int(number), target, text)

    def take(self, number: int, target: str, text: str) -> None:
        """An event. No visitor is waited for: who reads too slowly is closed by ``tell``."""
        if number <= self.seen:
            return  # it was in the inbox, and has been published too
        if number != self.seen + 1:
            raise Forgotten(f"event {number} follows {self.seen}")
        self.seen = number
        kind, _, name = target.partition(" ")
        if kind == "room":
            room = self.rooms.get(name)
            if isinstance(room, SharedRoom):
                room.pass_on(PreparedMessage(text))
            return
        visitor = self.by_number.get(name)
        if visitor and visitor.room:
            if text:
                visitor.room.members[visitor.number] = visitor
                visitor.tell(PreparedMessage(text))
            else:
                visitor.close(CloseReason.TRY_AGAIN_LATER, "the room is full")

    async def write(self, script: AsyncScript) -> None:
        loop = asyncio.get_running_loop()
        promised, due = self.seen, loop.time() + REDIS_TIMEOUT
        while True:
            self.news.clear()
            sent = await self.exchange(script)
            if loop.time() > due:
                # A connection that is silently dead can be told by this alone.
                if self.seen < promised:
                    raise OSError("the subscription lags behind")
                promised, due = sent, loop.time() + REDIS_TIMEOUT
            if not self.outbox:
                if self.stopping:
                    await self.call(script, self.batches + 1, ['["quit"]'])
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT):
                        await self.news.wait()

    async def exchange(self, script: AsyncScript) -> int:
        """Have a batch done, and return the number of the last event sent here."""
        if self.batch is None:
            size = min(len(self.outbox), MAX_BATCH)
            self.batch = [self.outbox.popleft() for _ in range(size)]
            self.batches += 1
        sent = await self.call(script, self.batches, [text for _, text in self.batch])
        if sent is None:
            raise Forgotten("Redis has forgotten this process, or a part")
        self.known = True
        self.patience.reschedule(asyncio.get_running_loop().time() + LIFETIME)
        done, self.batch = self.batch, None
        for visitor, _ in done:
            visitor.unsent -= 1
            if visitor.unsent == MAX_UNSENT - 1 and not visitor.gone.done():
                visitor.flush()  # reads again
        return sent

    async def call(self, script: AsyncScript, number: int, operations: list[str]) -> int | None:
        state = "known" if self.known else "new"
        settings = (LIFETIME, HISTORY, MAX_MEMBERS)
        sent = await script(args=[self.process, state, number, self.seen, *settings, *operations])
        return None if sent is None else int(sent)
