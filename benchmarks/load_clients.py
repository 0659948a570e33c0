"""The clients of ``load.py``: those that behave, those that are killed, and those that misbehave.

Reads a line of JSON: the server's port, the plan, and which of its connections are this
process's. Says when all are there, waits for "go", says when the steady ones are done, holds the
others until "finish", and then prints what it has seen.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
from collections import Counter
from contextlib import AsyncExitStack, suppress
from typing import cast

from load_bookkeeping import Plan, Sequence, allow_files

from examples.transports.conversation import ConnectionClosed
from examples.transports.on_asyncio import AsyncioWebSocket, connect
from wsproto_core import SessionConfig

#: How many are connecting at the same time.
CONNECTING = 100
#: Seconds after which what has not come is lost.
PATIENCE = 240
PADDING = "with what a message of a chat might say"


class Clients:
    def __init__(self, port: int, plan: Plan) -> None:
        self.port, self.plan = port, plan
        self.config = SessionConfig(
            ping_interval=plan.ping_interval, ping_timeout=plan.ping_timeout
        )
        # For those that will not behave.
        self.careless = SessionConfig(ping_interval=None, handshake_timeout=60)
        self.gate = asyncio.Semaphore(CONNECTING)
        self.here: set[int] = set()
        self.go, self.finish = asyncio.Event(), asyncio.Event()
        self.there = asyncio.Condition()
        self.faults: Counter[str] = Counter()
        self.steady_ends: dict[str, list[int]] = {}
        self.received = 0
        self.answers: list[tuple[str, float]] = []

    async def count_in(self, number: int) -> None:
        """This connection is there, or has failed: wait for the others."""
        async with self.there:
            self.here.add(number)
            self.there.notify_all()
        await self.go.wait()

    async def open(self, stack: AsyncExitStack, kind: str, number: int) -> AsyncioWebSocket:
        config = self.config if kind == "steady" else self.careless
        url = f"ws://127.0.0.1:{self.port}/{kind}/{number}"
        async with self.gate:
            ws = await stack.enter_async_context(connect(url, compress=False, config=config))
        await self.count_in(number)
        return cast("AsyncioWebSocket", ws)

    async def run(self, kind: str, number: int) -> None:
        try:
            if kind == "mute":
                await self.mute(number)
                return
            async with AsyncExitStack() as stack:
                ws = await self.open(stack, kind, number)
                if kind == "steady":
                    await self.steady(ws, number)
                elif kind in ("unread", "pushed"):
                    await self.never_read(ws)
                else:
                    await self.be_killed(ws, kind)
        except (OSError, ConnectionClosed) as exc:
            self.faults[f"a connection of kind {kind}: {exc!r}"] += 1
            await self.count_in(number)

    async def send_numbers(self, ws: AsyncioWebSocket) -> None:
        # Not all at the same moment.
        await asyncio.sleep(random.uniform(0, self.plan.period))
        for number in range(self.plan.messages):
            await ws.send(f"{number} {PADDING}")
            await asyncio.sleep(self.plan.period)

    async def steady(self, ws: AsyncioWebSocket, number: int) -> None:
        wanted = self.plan.messages
        counts = {"echo": Sequence(), "cast": Sequence()}
        all_casts = asyncio.Event()

        async def send() -> None:
            await self.send_numbers(ws)
            await all_casts.wait()
            await ws.send("end")  # what the server says to it comes behind all else

        sending = asyncio.create_task(send())
        at_server = -1
        with suppress(TimeoutError):
            async with asyncio.timeout(self.plan.duration + PATIENCE):
                async for message in ws:
                    word, number_of_it, *_ = str(message).split(" ", 2)
                    if word == "end":
                        at_server = int(number_of_it)
                        continue
                    self.received += 1
                    counts[word].note(int(number_of_it))
                    if counts["cast"].next >= wanted:
                        all_casts.set()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        for word, sequence in counts.items():
            for what, times in sequence.faults(wanted).items():
                self.faults[f"{word} {what}"] += times
        if ws.end is None or not ws.end.clean:
            self.faults[f"a steady connection ended with {ws.end!r}"] += 1
        self.steady_ends[str(number)] = [at_server, counts["echo"].next]

    async def be_killed(self, ws: AsyncioWebSocket, kind: str) -> None:
        """Talk until some moment in the middle, and then no more."""
        moment = random.uniform(0.1, 0.9) * self.plan.duration
        talking = asyncio.create_task(self.send_numbers(ws))
        with suppress(TimeoutError):
            async with asyncio.timeout(moment):
                async for _ in ws:
                    pass
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        if kind == "reset":
            ws.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            ws.transport.abort()
        elif kind == "ended":
            ws.transport.close()
        else:
            await self.fall_silent(ws)

    async def never_read(self, ws: AsyncioWebSocket) -> None:
        ws.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await ws.send("now")
        await self.fall_silent(ws)

    async def fall_silent(self, ws: AsyncioWebSocket) -> None:
        ws.transport.pause_reading()
        await self.finish.wait()
        ws.transport.abort()

    async def mute(self, number: int) -> None:
        """Half a request, or nothing. Half of them do not even close when told to go."""
        await self.all_others()
        async with self.gate:
            began = asyncio.get_running_loop().time()
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        if number % 2:
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websock")
        await self.count_in(number)
        with suppress(ConnectionError):
            answer = await reader.read()
            took = asyncio.get_running_loop().time() - began
            self.answers.append((answer.partition(b"\r\n")[0].decode(), took))
            if number % 4 < 2:
                await self.finish.wait()
        writer.close()

    async def all_others(self) -> None:
        """Wait for all but the mute, whose time is short."""
        async with self.there:
            await self.there.wait_for(lambda: len(self.here) >= self.talkative)

    async def all(self, kinds: dict[str, list[int]], commands: asyncio.StreamReader) -> None:
        self.talkative = sum(len(numbers) for kind, numbers in kinds.items() if kind != "mute")
        wanted = sum(map(len, kinds.values()))
        tasks = {
            kind: [asyncio.create_task(self.run(kind, number)) for number in numbers]
            for kind, numbers in kinds.items()
        }
        async with self.there:
            await self.there.wait_for(lambda: len(self.here) >= wanted)
        say("ready")
        await commands.readline()
        self.go.set()
        await asyncio.gather(*tasks["steady"])
        say("done")
        await commands.readline()
        self.finish.set()
        await asyncio.gather(*(task for group in tasks.values() for task in group))
        say(
            {
                "faults": self.faults,
                "steady": self.steady_ends,
                "received": self.received,
                "answers": self.answers,
            }
        )


def say(what: object) -> None:
    print(json.dumps(what), flush=True)


async def main() -> None:
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    order = json.loads(await commands.readline())
    random.seed(order["seed"])
    allow_files(sum(map(len, order["kinds"].values())) + 100)
    await Clients(order["port"], Plan(**order["plan"])).all(order["kinds"], commands)


if __name__ == "__main__":
    asyncio.run(main())
