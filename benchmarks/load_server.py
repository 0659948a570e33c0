"""The server that ``load.py`` puts under load: the asyncio example, and an account of itself.

Reads a line of JSON, the plan, prints the port, and then answers commands, a line each. It ends
with its standard input. With arguments it breaks promises, to show that this is noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import os
import socket
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import cast

from load_bookkeeping import TALKING, Plan, Sequence, allow_files

from examples.transports.conversation import ConnectionClosed
from examples.transports.on_asyncio import AsyncioWebSocket, Server, serve
from examples.transports.websocket import WebSocket
from wsproto_core import ConnectionState, Group, PreparedMessage, Session, SessionConfig
from wsproto_core.events import BytesMessage

CHUNK = b"x" * 16_384
#: In the kernel, for who does not read. By default it is up to 4 MiB.
SEND_BUFFER = 65_536
PLANTS = ("loss", "duplicate", "swap", "leak", "task")
#: Every so many messages the planted fault happens.
PLANTED_EVERY = 23


class LoadServer:
    """The application: echoes, messages to everybody, and a record of each that was here."""

    def __init__(self, plan: Plan, planted: Collection[str]) -> None:
        self.plan, self.planted = plan, planted
        self.group = Group()
        self.websockets: dict[Session, WebSocket] = {}
        self.records: list[dict[str, object]] = []
        self.echoed = 0
        self.leaked: list[object] = []
        self.kept_back: dict[WebSocket, str] = {}
        self.casting: asyncio.Task[None] | None = None

    async def handle(self, ws: WebSocket) -> None:
        assert ws.request is not None
        kind, _, number = ws.request.target.strip("/").partition("/")
        received, most_held = Sequence(), 0
        if "leak" in self.planted:
            self.leaked.append(ws)
        if "task" in self.planted:
            self.leaked.append(asyncio.create_task(asyncio.Event().wait()))
        try:
            if kind in TALKING:
                await self.converse(ws, received)
            else:
                await ws.recv()  # now
                most_held = await self.flood(cast("AsyncioWebSocket", ws), kind == "unread")
            await ws.close()
        finally:
            self.group.discard(ws.session)
            self.websockets.pop(ws.session, None)
            self.kept_back.pop(ws, None)
            end = ws.end
            self.records.append(
                {
                    "kind": kind,
                    "number": int(number),
                    "received": received.next,
                    "faults": received.faults(received.next),
                    "most_held": most_held,
                    "pings": ws.session.statistics().pings_sent,
                    "end": end and [end.cause.value, end.code, end.code_sent],
                }
            )

    async def converse(self, ws: WebSocket, received: Sequence) -> None:
        if ws.session.state is not ConnectionState.OPEN:  # the server stops, perhaps
            return
        self.group.add(ws.session)
        self.websockets[ws.session] = ws
        async for message in ws:
            word, _, rest = str(message).partition(" ")
            if word == "end":
                await ws.send(f"end {received.next}")
                break
            received.note(int(word))
            await self.echo(ws, f"echo {word} {rest}")

    async def echo(self, ws: WebSocket, text: str) -> None:
        self.echoed += 1
        if self.echoed % PLANTED_EVERY == 0:
            if "loss" in self.planted:
                return
            if "duplicate" in self.planted:
                await ws.send(text)
            elif "swap" in self.planted and ws not in self.kept_back:
                self.kept_back[ws] = text
                return
        await ws.send(text)
        if self.kept_back and (late := self.kept_back.pop(ws, None)):
            await ws.send(late)

    async def flood(self, ws: AsyncioWebSocket, wait: bool) -> int:
        """Send to who does not read, until that is over. The most that was held for it."""
        ws.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER
        )
        most = 0
        while ws.end is None:
            if wait:
                with suppress(ConnectionClosed):
                    await ws.send(CHUNK)
            else:
                ws.session.try_send(BytesMessage(CHUNK), ws.loop.time())
                ws.step()
                await asyncio.sleep(0)
            held = ws.session.output_pending + ws.transport.get_write_buffer_size()
            most = max(most, held)
        return most

    async def cast(self) -> None:
        """Send to everybody, in time."""
        loop = asyncio.get_running_loop()
        for number in range(self.plan.messages):
            await asyncio.sleep(self.plan.period)
            self.group.send(PreparedMessage(f"cast {number}"), loop.time())
            for ws in list(self.websockets.values()):
                ws.step()

    def obey(self, command: str, server: Server) -> object:
        match command:
            case "count":
                return len(server.tasks)
            case "cast":
                self.casting = asyncio.create_task(self.cast())
            case "records":
                records, self.records = self.records, []
                return records
            case "report":
                self.casting = None
                return self.report(server)
        return None

    def report(self, server: Server) -> dict[str, float]:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what is free goes back to the system
        return {
            "rss": resident(),
            "most_rss": most_resident(),
            "connections": len(server.tasks),
            "tasks": len(asyncio.all_tasks()),
            "files": len(os.listdir("/proc/self/fd")),
            "objects": len(gc.get_objects()),
            "blocks": sys.getallocatedblocks(),  # of all that is small, in no container too
            "cpu": time.process_time(),
        }


def resident() -> int:
    """This process's memory, in bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def most_resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


async def main(planted: Collection[str]) -> None:
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    plan = Plan(**json.loads(await commands.readline()))
    allow_files(plan.connections + 100)
    config = SessionConfig(
        ping_interval=plan.ping_interval,
        ping_timeout=plan.ping_timeout,
        handshake_timeout=plan.handshake_timeout,
        close_timeout=plan.close_timeout,
        max_output=plan.max_output,
    )
    load = LoadServer(plan, planted)
    async with serve(load.handle, config=config) as server:
        print(server.port, flush=True)
        while line := await commands.readline():
            print(json.dumps(load.obey(line.decode().strip(), server)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("plants", nargs="*", metavar="PLANT", help=", ".join(PLANTS))
    plants = parser.parse_args().plants
    if unknown := set(plants).difference(PLANTS):
        parser.error(f"not one of {', '.join(PLANTS)}: {', '.join(sorted(unknown))}")
    asyncio.run(main(plants))
