"""The chat on several processes, with one command.

    python -m examples.cluster [--processes 3] [--host 127.0.0.1] [--port 8000]
                               [--redis redis://...]

Needs the package ``redis``, and the programs ``redis-server`` and ``nginx``. Runs a Redis of
its own (unless it is given one), an nginx, and behind that the processes of the chat; starts
again what ends; stops all of it on Ctrl-C or SIGTERM, and leaves nothing behind. They reach each
other by Unix sockets in a temporary folder: the only port is nginx's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

START_TIME, STOP_TIME = 20.0, 10.0  # seconds
AGAIN_AFTER = 0.2  # seconds before what has ended is started again
TEMPLATE = Path(__file__).with_name("nginx.conf.template")


class CannotRun(Exception):
    """Something that the cluster needs is missing, or does not start."""


class Program:
    """A program that is kept running, once it has shown that it can."""

    def __init__(
        self, name: str, *command: str, connect: Callable[[], Awaitable[Any]] | None = None
    ) -> None:
        self.name, self.command = name, command
        self.connect = connect  # how to find out that it is ready; or it prints a line then
        self.ready = asyncio.Event()

    async def keep_running(self) -> None:
        while True:
            # Ctrl-C reaches all of a session. It is meant for this program, which ends the
            # others in their order.
            process = await asyncio.create_subprocess_exec(
                *self.command,
                stdout=None if self.connect else asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            print(f"{self.name} runs as process {process.pid}", flush=True)
            waiting = asyncio.create_task(self.wait_until_ready(process))
            try:
                await process.wait()
            finally:
                waiting.cancel()
                await end(process)
            print(f"{self.name} has ended ({process.returncode})", flush=True)
            if not self.ready.is_set():
                raise CannotRun(f"{self.name} does not start")
            await asyncio.sleep(AGAIN_AFTER)

    async def wait_until_ready(self, process: asyncio.subprocess.Process) -> None:
        if self.connect:
            while True:
                with suppress(OSError):
                    _, writer = await self.connect()
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        else:
            assert process.stdout
            if not await process.stdout.readline():
                return
        self.ready.set()


async def end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_TIME):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
    with suppress(ProcessLookupError):  # nginx's own processes, if it was killed
        os.killpg(process.pid, signal.SIGKILL)


@asynccontextmanager
async def keep_running(programs: list[Program]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Until the end of the block, which is the end of all these at once."""
    tasks = [asyncio.create_task(program.keep_running()) for program in programs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def main(processes: int, host: str, port: int, redis: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    port = free_port(host, port)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="chat-")))
        start = [[nginx(folder, host, port, processes)]]
        if not redis:
            redis = f"unix://{folder}/redis"
            start.insert(0, [redis_server(folder)])
        start.append([chat(folder, number, redis) for number in range(1, processes + 1)])
        programs = [program for group in start for program in group]
        running = [
            task
            for group in start  # the last to start are the first to stop
            for task in await stack.enter_async_context(keep_running(group))
        ]
        stopped = asyncio.create_task(stop.wait())
        stack.callback(stopped.cancel)
        for program in programs:
            ready = asyncio.create_task(program.ready.wait())
            stack.callback(ready.cancel)
            done = await first([ready, stopped, *running], START_TIME)
            if not done:
                raise CannotRun(f"{program.name} is not ready after {START_TIME} s")
            if ready not in done:
                break
        else:
            print(f"http://{address(host, port)}/", flush=True)
        for task in await first([stopped, *running], None):
            task.result()  # one that has failed says why


async def first(tasks: list[asyncio.Task[Any]], timeout: float | None) -> set[asyncio.Task[Any]]:
    done, _ = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    return done


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def free_port(host: str, port: int) -> int:
    """This port, or a free one for 0. Fails at once, where nginx would keep trying."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as server:
        return int(server.getsockname()[1])


def redis_server(folder: Path) -> Program:
    path = str(folder / "redis")
    command = [find("redis-server"), "--port", "0", "--unixsocket", path, "--unixsocketperm", "700"]
    command += ["--dir", str(folder), "--logfile", str(folder / "redis.log")]
    command += ["--save", "", "--appendonly", "no"]  # a history is no archive
    # What is over this are the histories of those rooms that have been silent for longest.
    command += ["--maxmemory", "256mb", "--maxmemory-policy", "volatile-ttl"]
    return Program("redis", *command, connect=partial(asyncio.open_unix_connection, path))


def nginx(folder: Path, host: str, port: int, processes: int) -> Program:
    servers = [
        f"        server unix:{folder}/chat-{number} max_fails=0;"
        for number in range(1, processes + 1)
    ]
    # Run by root it would become somebody who may not use our sockets.
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    configuration = Template(TEMPLATE.read_text(encoding="utf-8")).safe_substitute(
        user=user, folder=folder, servers="\n".join(servers), listen=address(host, port)
    )
    path = folder / "nginx.conf"
    path.write_text(configuration, encoding="utf-8")
    command = [find("nginx"), "-p", str(folder), "-c", str(path), "-e", "stderr"]
    return Program("nginx", *command, connect=partial(asyncio.open_connection, host, port))


def chat(folder: Path, number: int, redis: str) -> Program:
    name = f"chat-{number}"
    command = [sys.executable, "-m", "examples.cluster.server", "--redis", redis]
    # Other machines have a chat-1 as well.
    identity = f"{socket.gethostname()}/{folder.name}/{name}"
    return Program(name, *command, "--unix", str(folder / name), "--name", identity)


def find(program: str) -> str:
    # Debian keeps nginx where only root looks.
    path = shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
    if not path:
        raise CannotRun(f"{program} is not installed (Debian: apt-get install {program})")
    return path


def check_redis() -> None:
    if find_spec("redis") is None:
        raise CannotRun("the package redis is not installed (pip install redis)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The chat on several processes.")
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 picks a free one")
    parser.add_argument("--redis", default="", help="the URL of a Redis, instead of an own one")
    arguments = parser.parse_args()
    try:
        check_redis()
        asyncio.run(main(**vars(arguments)))
    except CannotRun as exc:
        sys.exit(str(exc))
    except OSError as exc:
        sys.exit(f"cannot listen: {exc}")
