"""The example of a client that comes back, with real servers of another implementation."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from examples.reconnecting import Backoff, Outbox, Reconnecting
from examples.transports.conversation import ConnectionClosed, Refused

from .certificates import Certificates

pytestmark = pytest.mark.integration

TIMEOUT = 30.0
ROOT = Path(__file__).parents[2]
SERVER = Path(__file__).with_name("acknowledging_server.py")

Handle = Callable[[ServerConnection], Coroutine[Any, Any, None]]


def run(test: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(TIMEOUT):
            await test
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(bounded())


class Sleep:
    """In place of sleeping: what was to be slept, and what happens meanwhile."""

    def __init__(self, meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        self.delays: list[float] = []
        self.meanwhile = meanwhile

    async def __call__(self, seconds: float) -> None:
        self.delays.append(seconds)
        if self.meanwhile:
            await self.meanwhile()


def plain() -> Backoff:
    """Without jitter."""
    return Backoff(random=lambda: 1.0, stable_after=1000.0)


def url(server: Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"


@asynccontextmanager
async def refusing(responses: list[Response]) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that gives these responses, then says "hello" and closes with 1000."""
    paths: list[str] = []

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        paths.append(request.path)
        return responses.pop(0) if responses else None

    async def hello(connection: ServerConnection) -> None:
        await connection.send("hello")

    async with serve(hello, "127.0.0.1", 0, process_request=answer) as server:
        yield url(server), paths


def refusal(status: int, **fields: str) -> Response:
    headers = Headers({"Content-Length": "0", **fields})
    return Response(status, HTTPStatus(status).phrase, headers)


@asynccontextmanager
async def closing_with(codes: list[int]) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that closes its connections with these codes, one after the other."""
    served: list[str] = []

    async def close(connection: ServerConnection) -> None:
        served.append("")
        await connection.send(f"{len(served)}")
        if codes[0] == 1006:
            connection.transport.abort()
        await connection.close(codes.pop(0))

    async with serve(close, "127.0.0.1", 0) as server:
        yield url(server), served


def test_refusals_are_waited_out_as_they_ask() -> None:
    async def test() -> None:
        sleep = Sleep()
        responses = [
            refusal(503, **{"Retry-After": "7"}),
            refusal(429, **{"Retry-After": "20"}),
            refusal(500, **{"Retry-After": "99"}),  # which says nothing about this one
            refusal(503),
        ]
        async with refusing(responses) as (address, paths):
            said = []
            async with Reconnecting(address, backoff=plain(), sleep=sleep) as connections:
                async for ws in connections:
                    said += [message async for message in ws]
        assert said == ["hello"]  # and the loop ended with the server's 1000
        assert len(paths) == 5
        assert sleep.delays == [7 + 1, 20 + 2, 4, 8]

    run(test())


@pytest.mark.parametrize("status", [302, 401, 403, 404])
def test_final_refusal_is_raised(status: int) -> None:
    async def test() -> None:
        sleep = Sleep()
        async with (
            refusing([refusal(503), refusal(status)]) as (address, paths),
            Reconnecting(address, backoff=plain(), sleep=sleep) as connections,
        ):
            with pytest.raises(Refused) as raised:
                async for _ in connections:
                    raise AssertionError("it was refused")
        assert raised.value.response.status_code == status
        assert len(paths) == 2
        assert sleep.delays == [1]

    run(test())


def test_closes_that_bring_it_back() -> None:
    async def test() -> None:
        sleep, codes = Sleep(), []
        async with (
            closing_with([1001, 1011, 1012, 1013, 1006, 4000, 1000]) as (address, served),
            Reconnecting(address, backoff=plain(), sleep=sleep) as connections,
        ):
            async for ws in connections:
                assert await ws.recv() == f"{len(served)}"
                async for _ in ws:
                    pass
                assert ws.end is not None
                codes.append(ws.end.code)
        assert codes == [1001, 1011, 1012, 1013, 1006, 4000, 1000]
        assert sleep.delays == [1, 2, 30, 8, 16, 32]

    run(test())


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010])
def test_final_close_is_raised(code: int) -> None:
    async def test() -> None:
        sleep = Sleep()
        async with (
            closing_with([1001, code]) as (address, served),
            Reconnecting(address, backoff=plain(), sleep=sleep) as connections,
        ):
            with pytest.raises(ConnectionClosed) as raised:
                async for ws in connections:
                    async for _ in ws:
                        pass
        assert raised.value.end.code == code
        assert len(served) == 2
        assert sleep.delays == [1]

    run(test())


def test_a_stable_connection_begins_anew() -> None:
    async def test() -> None:
        sleep, now = Sleep(), 0.0
        backoff = Backoff(random=lambda: 1.0)
        async with (
            closing_with([1001, 1001, 1001, 1001, 1000]) as (address, served),
            Reconnecting(address, backoff=backoff, sleep=sleep, clock=lambda: now) as connections,
        ):
            async for ws in connections:
                if len(served) == 3:
                    now += 30.0
                async for _ in ws:
                    pass
        assert sleep.delays == [1, 2, 1, 2]

    run(test())


def test_what_the_body_does_decides() -> None:
    async def test() -> None:
        ends = []

        async def until_closed(connection: ServerConnection) -> None:
            await connection.wait_closed()
            ends.append(connection.close_code)

        sleep, rounds = Sleep(), 0
        async with serve(until_closed, "127.0.0.1", 0) as server:
            async with Reconnecting(url(server), sleep=sleep) as connections:
                async for ws in connections:
                    rounds += 1
                    if rounds == 1:
                        continue  # another one, please
                    await ws.close()
            assert rounds == 2
            async with Reconnecting(url(server), sleep=sleep) as connections:
                async for _ in connections:
                    break
            with pytest.raises(KeyError):
                async with Reconnecting(url(server), sleep=sleep) as connections:
                    async for _ in connections:
                        raise KeyError
        assert ends == [1000, 1000, 1000, 1011]  # nothing is left open
        assert sleep.delays == []

    run(test())


def test_unreachable_server_is_tried_until_it_is_there() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
        servers: list[Server] = []

        async def hello(connection: ServerConnection) -> None:
            await connection.send("hello")

        async def start_at_the_third() -> None:
            if len(sleep.delays) == 3:
                servers.append(await serve(hello, "127.0.0.1", port))

        sleep = Sleep(start_at_the_third)
        backoff = plain()
        async with Reconnecting(f"ws://127.0.0.1:{port}", backoff=backoff, sleep=sleep) as loop:
            async for ws in loop:
                assert await ws.recv() == "hello"
                break
        assert sleep.delays == [1, 2, 4]
        servers[0].close()
        await servers[0].wait_closed()

    run(test())


def test_a_certificate_that_is_not_trusted_is_final(tmp_path: Path) -> None:
    certificates = Certificates.make(tmp_path)

    async def test() -> None:
        async def never(connection: ServerConnection) -> None:
            raise AssertionError

        sleep = Sleep()
        async with serve(never, "127.0.0.1", 0, ssl=certificates.for_server()) as server:
            address = url(server).replace("ws:", "wss:")
            with pytest.raises(ssl.SSLCertVerificationError):
                async with Reconnecting(address, sleep=sleep) as connections:
                    async for _ in connections:
                        raise AssertionError
        assert sleep.delays == []

    run(test())


def test_cancelled_while_it_waits() -> None:
    async def test() -> None:
        waiting = asyncio.Event()

        async def sleep(seconds: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        async def loop() -> None:
            async with Reconnecting("ws://127.0.0.1:1/", sleep=sleep) as connections:
                async for _ in connections:
                    raise AssertionError

        task = asyncio.create_task(loop())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(test())


class Killed:
    """A server process that dies among its messages, and is started again on the same port."""

    def __init__(self, file: Path, die_after: int) -> None:
        self.file, self.die_after = file, die_after
        self.port = 0
        self.starts = 0
        self.process: subprocess.Popen[str] | None = None

    async def ensure(self) -> None:
        """Start it, unless it runs."""
        if self.process is not None:
            assert await asyncio.to_thread(self.process.wait, TIMEOUT) == -9
            self.end()
        self.starts += 1
        arguments = [sys.executable, str(SERVER), str(self.port), str(self.file)]
        self.process = subprocess.Popen(
            [*arguments, str(self.die_after)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(await asyncio.to_thread(self.process.stdout.readline))

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


def test_nothing_is_lost_however_often_the_server_is_killed(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(100)]
    server = Killed(tmp_path / "taken", die_after=30)

    async def test() -> None:
        await server.ensure()
        sleep = Sleep(server.ensure)
        address = f"ws://127.0.0.1:{server.port}/"
        outbox = Outbox(texts)
        async with Reconnecting(address, backoff=plain(), sleep=sleep) as connections:
            await outbox.deliver(connections)
        assert not outbox.waiting
        assert server.starts == len(sleep.delays) + 1 >= 4

    try:
        run(test())
    finally:
        server.end()
    taken = [int(line) for line in server.file.read_text().split()]
    assert set(taken) == set(range(100))
    # The one behind which it was killed was not acknowledged, and so is sent again.
    assert all(taken[30 * n - 1] in taken[30 * n :] for n in range(1, server.starts))


def test_program_delivers(tmp_path: Path) -> None:
    server = Killed(tmp_path / "taken", die_after=1000)
    try:
        asyncio.run(server.ensure())
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "examples.reconnecting",
                f"ws://127.0.0.1:{server.port}",
                "a",
                "b",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "2 texts were delivered.\n"
        assert server.file.read_text() == "0\n1\n"
    finally:
        server.end()


def test_program_gives_up_in_a_line() -> None:
    async def test() -> None:
        async with refusing([refusal(503, **{"Retry-After": "0"}), refusal(403)]) as (url, _):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "examples.reconnecting", url, "a"),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            out, complaints = await process.communicate()
        assert (process.returncode, out) == (1, b"")
        assert complaints == b"gave up: refused with status 403\n"

    run(test())
