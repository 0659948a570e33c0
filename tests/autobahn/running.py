"""One run: a suite on the one end, the echo server or client on the other, and the report.

This starts and ends processes, and counts the cases as they end. What a result means it does
not know.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from .echo import HOST
from .results import Result, Role, read_report
from .suites import Suite

ROOT = Path(__file__).parents[2]

#: Seconds for a process to end once it should.
END_TIMEOUT = 30.0

#: How much of a suite's output is shown if it fails.
LAST_LINES = 15


class RunError(Exception):
    """A run has not come to its end; the message says why."""


@asynccontextmanager
async def process(command: list[str], folder: Path, log: Path | None) -> AsyncIterator[Process]:
    """A program for as long as the context lasts; its output into a file, or to be read."""
    if log is None:
        started = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdin=DEVNULL, stdout=PIPE
        )
    else:
        with log.open("wb") as file:
            started = await asyncio.create_subprocess_exec(
                *command, cwd=folder, stdin=DEVNULL, stdout=file, stderr=STDOUT
            )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def count_lines(stream: asyncio.StreamReader, progress: Callable[[int], None]) -> None:
    """Tell how many lines have come, at each."""
    count = 0
    while await stream.readline():
        count += 1
        progress(count)


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def echo(*arguments: str) -> list[str]:
    """The command of the program under test."""
    return [sys.executable, "-m", "tests.autobahn.echo", *arguments]


async def run(
    suite: Suite,
    role: Role,
    patterns: Iterable[str],
    out: Path,
    *,
    time_limit: float,
    progress: Callable[[int], None] = lambda count: None,
) -> dict[str, Result]:
    """Run the cases of the patterns on the engine in a role; give their results.

    :param out: an empty folder for the suite's report and its log.
    :param time_limit: seconds for all of it.
    :param progress: is told how many connections have ended.

    Raises :exc:`RunError` if the suite or the program under test fails or takes too long.
    """
    log = out / "suite.log"
    try:
        async with asyncio.timeout(time_limit):
            if role == "server":
                await _test_server(suite, patterns, out, log, progress)
            else:
                await _test_client(suite, patterns, out, log, progress)
        return read_report(out / "index.json")
    except TimeoutError as error:
        raise RunError(f"not done after {time_limit:.0f} s{_last_lines(log)}") from error
    except (OSError, ValueError) as error:
        raise RunError(f"no report: {error}{_last_lines(log)}") from error


async def _test_server(
    suite: Suite, patterns: Iterable[str], out: Path, log: Path, progress: Callable[[int], None]
) -> None:
    async with process(echo("server"), ROOT, None) as server:
        assert server.stdout is not None
        port = await server.stdout.readline()
        if not port:
            raise RunError("the echo server does not start")
        counting = asyncio.create_task(count_lines(server.stdout, progress))
        async with process(suite.fuzzing_client(int(port), patterns, out), out, log) as tester:
            # Its exit status says, with some suites, that there were failures: the report
            # says which.
            await tester.wait()
        if server.returncode is not None:
            raise RunError("the echo server has stopped during the run")
    await counting


async def _test_client(
    suite: Suite, patterns: Iterable[str], out: Path, log: Path, progress: Callable[[int], None]
) -> None:
    port = free_port()
    async with (
        process(suite.fuzzing_server(port, patterns, out), out, log) as tester,
        process(echo("client", str(port)), ROOT, None) as client,
    ):
        assert client.stdout is not None
        counting = asyncio.create_task(count_lines(client.stdout, progress))
        status = await client.wait()
        await counting
        if status != 0:
            raise RunError(f"the echo client has failed{_last_lines(log)}")
        stopped = asyncio.create_task(tester.wait())
        if not (await asyncio.wait([stopped], timeout=END_TIMEOUT))[0]:
            raise RunError(f"the suite does not stop, though asked to{_last_lines(log)}")


def _last_lines(log: Path) -> str:
    if not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    return "".join(f"\n    {line}" for line in lines)
