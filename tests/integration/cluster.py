"""What the tests of the chat on several processes drive it by, and the programs they start."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlencode

import pytest
from redis import Redis
from redis.exceptions import RedisError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .test_chat import TIMEOUT, Program

PROCESSES = 3


def missing(what: str) -> NoReturn:
    """An excuse on somebody's machine, a failure where it was to be tested."""
    if os.environ.get("CI"):
        pytest.fail(f"the cluster needs {what}")
    pytest.skip(f"needs {what}")


def asynchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(*arguments: Any, **keywords: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*arguments, **keywords), TIMEOUT))

    return run


class Cluster(Program):
    """The one command."""

    def __init__(self, *arguments: str) -> None:
        super().__init__("-m", "examples.cluster", "--port", "0", *arguments)
        self.pids: dict[str, int] = {}  # by name
        self.all_pids: set[int] = set()
        while not (line := self.line()).startswith("http://"):
            self.note(line)
        self.url = line

    def note(self, line: str) -> None:
        if match := re.fullmatch(r"(\S+) runs as process (\d+)", line):
            self.pids[match[1]] = int(match[2])
            self.all_pids.add(int(match[2]))

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pids[name], number)

    def wait_for_another(self, name: str, than: int) -> None:
        """Until a program has been started again."""
        while self.pids[name] == than:
            self.note(self.line())

    def stop(self) -> None:
        if self.process.poll() is None:  # else it would leave the others behind
            self.process.terminate()
            try:
                self.process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                for pid in self.all_pids:
                    kill_session(pid)
        super().stop()


def sessions(of: set[int]) -> list[str]:
    """All processes in the sessions that these have led."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")
        except OSError:
            continue  # it has just ended
        state, _, _, session = fields[2].split()[:4]
        if int(session) in of and state != "Z":
            found.append(fields[0])
    return found


def kill_session(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Tab:
    """Somebody in a room."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        assert socket.response is not None
        self.process = socket.response.headers["X-Served-By"].rpartition("/")[2]
        self.here: set[str] = set()
        self.history: list[str] = []
        self.heard: list[dict[str, Any]] = []  # messages

    async def receive(self) -> dict[str, Any]:
        """The next event."""
        event = json.loads(await self.socket.recv())
        assert isinstance(event, dict)
        match event["type"]:
            case "welcome":
                self.name = event["name"]
                self.here = set(event["people"])
                assert len(self.here) == len(event["people"])
                self.history = [said["text"] for said in event["history"]]
            case "joined":
                assert event["name"] not in self.here
                self.here.add(event["name"])
            case "left":
                self.here.remove(event["name"])
            case "message":
                self.heard.append(event)
        return event

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.receive()

    async def hear(self, count: int) -> list[str]:
        """All that was said up to and including this many messages."""
        await self.until(lambda: len(self.heard) >= count)
        return [said["text"] for said in self.heard]

    async def meet(self, *names: str) -> None:
        await self.until(lambda: self.here == set(names))

    async def say(self, text: str) -> None:
        await self.socket.send(json.dumps({"type": "say", "text": text}))

    async def closed(self) -> tuple[int, str]:
        try:
            while True:
                await self.receive()
        except ConnectionClosed as exc:
            return (exc.rcvd.code, exc.rcvd.reason) if exc.rcvd else (1006, "")


class Room:
    """Opens tabs in a room of its own."""

    def __init__(self, stack: AsyncExitStack, url: str) -> None:
        self.stack, self.url = stack, url
        self.name = f"{time.monotonic_ns():x}"

    async def connect(self, name: str, url: str = "", **options: Any) -> Tab:
        query = urlencode({"room": self.name, "name": name})
        options = {"proxy": None, "open_timeout": TIMEOUT, "max_queue": None, **options}
        return Tab(
            await self.stack.enter_async_context(
                connect(f"{url or self.url}ws?{query}".replace("http", "ws", 1), **options)
            )
        )

    async def join(self, name: str, url: str = "", **options: Any) -> Tab:
        tab = await self.connect(name, url, **options)
        assert (await tab.receive())["type"] == "welcome"
        return tab

    async def spread(self, each: int = 1) -> dict[str, list[Tab]]:
        """So many tabs on each process, by its name; they have met."""
        tabs: dict[str, list[Tab]] = {f"chat-{n}": [] for n in range(1, PROCESSES + 1)}
        for number in itertools.count():
            if all(len(some) == each for some in tabs.values()):
                break
            tab = await self.join(f"tab-{number}")
            if len(tabs[tab.process]) < each:
                tabs[tab.process].append(tab)
            else:  # another is about to be there again
                await tab.socket.close()
        everybody = [tab for some in tabs.values() for tab in some]
        for tab in everybody:
            await tab.meet(*(other.name for other in everybody))
        return tabs


@asynccontextmanager
async def new_room(url: str) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        yield Room(stack, url)


def flat(tabs: dict[str, list[Tab]]) -> list[Tab]:
    return [tab for some in tabs.values() for tab in some]


def said_to(tab: Tab) -> list[str]:
    return [said["text"] for said in tab.heard]


class RedisServer:
    """A real one of the test's own, which can be stopped and started again."""

    def __init__(self, folder: str, *arguments: str) -> None:
        self.path = f"{folder}/redis"
        self.url = f"unix://{self.path}"
        self.command = ["redis-server", "--port", "0", "--unixsocket", self.path]
        self.command += ["--dir", folder, "--logfile", f"{folder}/redis.log", "--save", ""]
        self.command += arguments
        self.client = Redis(unix_socket_path=self.path, decode_responses=True)
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command)
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            with suppress(RedisError):
                self.client.ping()
                return
            time.sleep(0.01)
        raise AssertionError("Redis does not start")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def key_names(self) -> set[str]:
        return {str(key) for key in self.client.keys()}  # noqa: SIM118


class Member(Program):
    """One process of the chat, with other *settings* than its own where given."""

    def __init__(self, redis: RedisServer | Wire, **settings: object) -> None:
        arguments = ["-m", "examples.cluster.server"]
        if settings:
            code = (
                "import runpy, examples.cluster.shared_chat as chat;"
                f"vars(chat).update({settings!r});"
                "runpy.run_module('examples.cluster.server', run_name='__main__')"
            )
            arguments = ["-c", code]
        super().__init__(*arguments, "--redis", redis.url, "--port", "0")

    def listening(self) -> str:
        self.url = self.line()
        assert self.url.startswith("http://127.0.0.1:"), self.url
        return self.url


StartRedis = Callable[..., RedisServer]


StartMembers = Callable[..., list[Member]]


@contextmanager
def run_members() -> Iterator[Callable[..., list[Member]]]:
    """Starts processes of the chat, which are to end well if they are not killed."""
    members: list[Member] = []

    def start(count: int, redis: RedisServer | Wire, **settings: object) -> list[Member]:
        started = [Member(redis, **settings) for _ in range(count)]
        members.extend(started)
        for member in started:
            member.listening()
        return started

    try:
        yield start
        for member in members:
            member.process.terminate()
        for member in members:
            assert member.exit_status() in (0, -signal.SIGKILL)
            assert not [line for line in member.complaints if re.search("Trace|Warning", line)]
    finally:
        for member in members:
            member.stop()


class Pair(NamedTuple):
    """Two processes and their Redis, for tests that leave them whole."""

    redis: RedisServer
    members: list[Member]


async def join_again(room: Room, name: str, url: str = "", **options: Any) -> Tab:
    """As pages do: until it works."""
    while True:
        with suppress(InvalidStatus, ConnectionClosed):
            return await room.join(name, url, **options)
        await asyncio.sleep(0.05)


class Wire:
    """Between Redis and who uses it: a subscription on it can be made to fall silent."""

    def __init__(self, path: str) -> None:
        self.target, self.path = path, f"{path}-wire"
        self.url = f"unix://{self.path}"
        self.subscriptions: list[asyncio.StreamWriter] = []
        self.frozen: list[asyncio.StreamWriter] = []

    def freeze(self) -> None:
        assert self.subscriptions
        self.frozen, self.subscriptions = self.subscriptions, []

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self.connect, self.path)
        try:
            yield
        finally:
            server.close()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(self.target)

        async def pass_on(reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                if b"SUBSCRIBE" in data:
                    self.subscriptions.append(writer)
                if to not in self.frozen:
                    to.write(data)
            to.close()

        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))


def end_well(program: Program) -> None:
    program.process.terminate()
    assert program.exit_status() == 0
