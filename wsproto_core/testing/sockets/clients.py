"""The kit as a server: a client connects, asks for a case of role "client", and gets it.

Speaks the addresses of the Autobahn suite's fuzzing server, so that what drives a client there
drives it here::

    /getCaseCount                   a message with the number of cases
    /getCaseInfo?case=N             a message about a case, in JSON
    /runCase?case=N&agent=NAME      case N is run: echo whatever comes
    /getCaseStatus?case=N&agent=NAME   a message with its verdict, in JSON
    /updateReports?agent=NAME       the client has done all it wants to

N counts from 1, and each way of running a case counts. A client that wants to be asked about
subprotocols finds those to offer in what ``/getCaseInfo`` says.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from wsproto_core.testing.adapter import Unsupported
from wsproto_core.testing.cases import Case
from wsproto_core.testing.chunking import Chunking
from wsproto_core.testing.frames import CLOSE, TEXT, Frame
from wsproto_core.testing.judging import Judgement, Verdict
from wsproto_core.testing.openings import Head, accept_for, head_of
from wsproto_core.testing.outcomes import ReceiveLimits
from wsproto_core.testing.runner import Attempt, Result, ways_of
from wsproto_core.testing.settings import Open, Opening

from .filing import Filer, check_playable, mentions, result_of
from .line import Line, Timing
from .playing import NORMAL_CLOSURE, Player, most_for
from .wire import allows

DEFAULT_TIMING: Final = Timing()

PROTOCOL: Final = "sec-websocket-protocol"
EXTENSIONS: Final = "sec-websocket-extensions"
#: Drivers may ask for many cases at once.
BACKLOG: Final = 128

HINT: Final = "client_max_window_bits"

#: What an Autobahn report calls them.
BEHAVIOUR: Final = {
    Verdict.PASS: "OK",
    Verdict.NON_STRICT: "NON-STRICT",
    Verdict.SKIPPED: "UNIMPLEMENTED",
    Verdict.FAIL: "FAILED",
}


def run_client_cases(
    cases: Iterable[Case],
    *,
    host: str = "127.0.0.1",
    port: int = 9001,
    seed: int = 0,
    timing: Timing = DEFAULT_TIMING,
    limits: ReceiveLimits | None = None,
    progress: Callable[[Result], None] = lambda result: None,
    ready: Callable[[str], None] = lambda url: None,
    give_up: float | None = None,
) -> list[Result]:
    """Serve the cases of role "client" among *cases*, until a client has had enough.

    :param port: where to listen; 0 for any port that is free.
    :param seed: for the random chunks.
    :param limits: those that the client is known to have. Cases that ask for others are skipped.
    :param progress: is told the result of each case as it is there.
    :param ready: is told the URL, once clients may come.
    :param give_up: for so many seconds without any connection; None for never.

    Gives the results in the order of the cases; those that no client has asked for are skipped.
    Raises OSError if it cannot listen there. Not to be called where an event loop runs: see
    :class:`CaseServer`.
    """

    async def serve() -> list[Result]:
        async with CaseServer(
            cases, host=host, port=port, seed=seed, timing=timing, limits=limits, progress=progress
        ) as server:
            ready(server.url)
            try:
                agent = await server.report(give_up)
            except TimeoutError:
                agent = server.agent
            return server.results(agent)

    return asyncio.run(serve())


class CaseServer:
    """Serves cases to clients, as long as its context lasts.

    :param cases: those of role "client" are served.

    For the others see :func:`run_client_cases`.
    """

    def __init__(
        self,
        cases: Iterable[Case],
        *,
        host: str = "127.0.0.1",
        port: int = 9001,
        seed: int = 0,
        timing: Timing = DEFAULT_TIMING,
        limits: ReceiveLimits | None = None,
        progress: Callable[[Result], None] = lambda result: None,
    ) -> None:
        self.cases = [case for case in cases if case.role == "client"]
        self.host, self.port = host, port
        self.timing = timing
        self.progress = progress
        #: The client that was the last to be heard of.
        self.agent = ""
        #: Why a case cannot be served at all, by its index.
        self.unplayable: dict[int, str] = {}
        #: What is behind each number: a case's index, the way's name and the way.
        self.numbers: list[tuple[int, str, Chunking]] = []
        for index, case in enumerate(self.cases):
            try:
                check_playable(case, limits)
            except Unsupported as missing:
                self.unplayable[index] = str(missing)
                continue
            self.numbers += [(index, way, cut) for way, cut in ways_of(case, seed).items()]
        #: By client's name and number.
        self.attempts: dict[tuple[str, int], Attempt] = {}
        #: What there is of connections, and which client has a case there.
        self.running: dict[asyncio.Task[None], str | None] = {}
        self.reports: asyncio.Queue[str] = asyncio.Queue()
        self.connections = 0
        self.filer = Filer()

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"ws://{self.host}:{self.port}"

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return len(self.numbers)

    async def __aenter__(self) -> Self:
        self.listener = socket.create_server((self.host, self.port), backlog=BACKLOG)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.accepting = asyncio.create_task(self._accept())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = [self.accepting, *self.running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.listener.close()

    async def report(self, give_up: float | None = None) -> str:
        """Wait for a client that has done all it wants to, and give its name.

        Raises TimeoutError if for *give_up* seconds no connection has come.
        """
        while True:
            connections = self.connections
            try:
                async with asyncio.timeout(give_up):
                    return await self.reports.get()
            except TimeoutError:
                if connections == self.connections and not self.running:
                    raise

    def results(self, agent: str) -> list[Result]:
        """What the cases came to with a client, as far as it has asked for them."""
        return [self._result(agent, index) for index in range(len(self.cases))]

    def _result(self, agent: str, index: int) -> Result:
        case = self.cases[index]
        if index in self.unplayable:
            skipped = Judgement(Verdict.SKIPPED, self.unplayable[index])
            return Result(case, (Attempt("whole", None, skipped),), skipped)
        attempts = []
        for number, (of, way, _) in enumerate(self.numbers, 1):
            if of == index:
                missing = Judgement(Verdict.SKIPPED, "the client has not asked for it")
                attempt = self.attempts.get((agent, number), Attempt(way, None, missing))
                attempts.append(attempt)
        return result_of(case, attempts)

    # One connection.

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self.listener)
            self.connections += 1
            task = asyncio.create_task(self._serve(sock))
            self.running[task] = None
            task.add_done_callback(self.running.pop)
            # A task that is cancelled early enough does not even begin.
            task.add_done_callback(partial(_close, sock))

    async def _serve(self, sock: socket.socket) -> None:
        line = Line(sock, self.timing)
        try:
            await line.until(lambda: b"\r\n\r\n" in line.data, self.timing.timeout)
            head = head_of(bytes(line.data))
            if head is not None:
                await self._answer(line, head)
        finally:
            await line.close()

    async def _answer(self, line: Line, head: Head) -> None:
        """Do what the client's request asks for by its address."""
        parts = urlsplit(_target_of(head))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        agent = query.get("agent", "")
        number = int(query["case"]) if query.get("case", "").isdecimal() else 0
        known = 1 <= number <= self.count
        match parts.path:
            case "/getCaseCount":
                await self._say(line, head, str(self.count))
            case "/getCaseInfo" if known:
                await self._say(line, head, json.dumps(self._info(number)))
            case "/getCaseStatus" if known:
                await self._settled(agent)
                attempt = self.attempts.get((agent, number))
                verdict = Verdict.SKIPPED if attempt is None else attempt.judgement.verdict
                await self._say(line, head, json.dumps({"behavior": BEHAVIOUR[verdict]}))
            case "/runCase" if known:
                await self._run(line, head, number, agent)
            case "/updateReports":
                await self._settled(agent)
                self.agent = agent
                await self._say(line, head, None)
                self.reports.put_nowait(agent)
            case _:
                await line.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                await _leave(line)

    async def _settled(self, agent: str) -> None:
        """Wait for the cases that a client has begun with."""
        tasks = [task for task, name in self.running.items() if name == agent]
        if tasks:
            await asyncio.wait(tasks)

    def _info(self, number: int) -> dict[str, object]:
        index, way, _ = self.numbers[number - 1]
        case = self.cases[index]
        offered = case.settings.subprotocols if isinstance(case.settings, Opening) else ()
        return {
            "id": f"{case.name} ({way})",
            "description": case.title,
            "subprotocols": list(offered),
        }

    async def _run(self, line: Line, head: Head, number: int, agent: str) -> None:
        """Run a case in one of its ways, and file what came of it."""
        task = asyncio.current_task()
        assert task is not None
        self.running[task] = self.agent = agent
        index, way, chunking = self.numbers[number - 1]
        try:
            attempt = await self._attempt(line, head, self.cases[index], way, chunking)
        except Unsupported as missing:
            attempt = Attempt(way, None, Judgement(Verdict.SKIPPED, str(missing)))
            await self._say(line, head, None)
        self.attempts[agent, number] = attempt
        numbers = [n for n, (of, _, _) in enumerate(self.numbers, 1) if of == index]
        if all((agent, n) in self.attempts for n in numbers):
            self.progress(self._result(agent, index))

    async def _attempt(
        self, line: Line, head: Head, case: Case, way: str, chunking: Chunking
    ) -> Attempt:
        line.most += most_for(case)
        opening = None
        request = b""
        if isinstance(case.settings, Open):
            deflate = case.settings.deflate
            offers = head.joined("sec-websocket-extensions")
            if deflate is not None and not allows(offers, deflate):
                raise Unsupported(f"it does not offer {deflate.header()}")
            extensions = "" if deflate is None else deflate.header()
            if not await _accept(line, head, extensions):
                why = "no connection: its request has no Sec-WebSocket-Key"
                return Attempt(way, None, Judgement(Verdict.FAIL, why))
        else:
            opening = self._opening(case, case.settings, head)
            request = bytes(line.data[: head.size])
        player = Player(line, case, head.size, request)
        play = await player.play(chunking)
        return await self.filer.file(case, way, player, play, opening)

    def _opening(self, case: Case, settings: Opening, head: Head) -> Opening:
        """What the client's request has to be, going by what it offers.

        Raises :exc:`~.adapter.Unsupported` if *case* answers to other offers.
        """
        subprotocols = tuple(filter(None, map(str.strip, head.joined(PROTOCOL).split(","))))
        offers = head.joined(EXTENSIONS)
        deflate = "permessage-deflate" in offers
        if mentions(case, PROTOCOL.encode()) and subprotocols != settings.subprotocols:
            wanted = ", ".join(settings.subprotocols) or "none"
            raise Unsupported(f"the subprotocols that it offers are not just these: {wanted}")
        if mentions(case, EXTENSIONS.encode()) and deflate != settings.deflate:
            wanted = "does not offer" if settings.deflate else "offers"
            raise Unsupported(f"it {wanted} permessage-deflate")
        if mentions(case, HINT.encode()) and HINT not in offers:
            raise Unsupported(f"its offer has no {HINT}")
        hosts = [f"{name}:{self.port}" for name in (self.host, "localhost")]
        host = next((host for host in hosts if host in head.all("host")), hosts[0])
        return replace(
            settings,
            subprotocols=subprotocols,
            deflate=deflate,
            host=host,
            target=_target_of(head),
        )

    async def _say(self, line: Line, head: Head, text: str | None) -> None:
        """Open the connection, say something or nothing, and close it."""
        if not await _accept(line, head, ""):
            return
        line.begin_frames(head.size)
        frames = Frame(CLOSE, NORMAL_CLOSURE).encode()
        if text is not None:
            frames = Frame(TEXT, text.encode()).encode() + frames
        await line.write(frames)
        await line.until(lambda: line.watch is not None and line.watch.closed, self.timing.timeout)
        await _leave(line)


def _target_of(head: Head) -> str:
    return [*head.start_line.split(" "), ""][1]


def _close(sock: socket.socket, task: asyncio.Task[None]) -> None:
    sock.close()


async def _accept(line: Line, head: Head, extensions: str) -> bool:
    """Accept the client's request, if it is one; whether it is."""
    keys = head.all("sec-websocket-key")
    if not keys:
        await line.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await _leave(line)
        return False
    response = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_for(keys[0].encode('latin-1')).decode()}",
    ]
    if extensions:
        response.append(f"Sec-WebSocket-Extensions: {extensions}")
    await line.write("\r\n".join([*response, "", ""]).encode())
    return True


async def _leave(line: Line) -> None:
    """End the transport, as the server has to, and let the client do so too."""
    line.write_eof()
    await line.listen(line.timing.timeout)
