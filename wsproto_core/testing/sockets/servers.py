"""A server at an address: the kit is its client, and runs cases of role "server" against it.

Owns the connections to it, the opening handshake in front of an ``Open`` case, and what is
skipped because the server does not have what a case asks for. See the package's docstring for
what the server has to do.
"""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from wsproto_core.testing.adapter import Unsupported
from wsproto_core.testing.cases import Case
from wsproto_core.testing.chunking import Chunking
from wsproto_core.testing.judging import Judgement, Verdict
from wsproto_core.testing.openings import accept_for, head_of, outcome_of_response
from wsproto_core.testing.outcomes import Accepted, ReceiveLimits, Rejected
from wsproto_core.testing.runner import Attempt, Result, ways_of
from wsproto_core.testing.settings import Deflate, Opening

from .filing import Filer, check_playable, mentions, result_of
from .line import SPARE, Line, Timing, connect, find
from .playing import Player, most_for
from .wire import deflate_of

DEFAULT_TIMING: Final = Timing()
#: What no server supports, unless it supports whatever it is asked for.
UNKNOWN_SUBPROTOCOL: Final = "unheard-of.example"


def run_server_cases(
    url: str,
    cases: Iterable[Case],
    *,
    seed: int = 0,
    concurrency: int = 16,
    timing: Timing = DEFAULT_TIMING,
    limits: ReceiveLimits | None = None,
    progress: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Run the cases of role "server" among *cases* against the server at *url*.

    :param url: ``ws://host:port/path``. What is there has to echo each message.
    :param seed: for the random chunks.
    :param concurrency: how many connections to have at once.
    :param limits: those that the server is known to have. Cases that ask for others are skipped.
    :param progress: is told the result of each case as it is there.

    Gives the results in the order of the cases. Raises ValueError for another kind of URL, and
    ConnectionError if no server is there. Not to be called where an event loop runs: see
    :func:`play_server_cases`.
    """
    return asyncio.run(
        play_server_cases(
            url,
            cases,
            seed=seed,
            concurrency=concurrency,
            timing=timing,
            limits=limits,
            progress=progress,
        )
    )


async def play_server_cases(
    url: str,
    cases: Iterable[Case],
    *,
    seed: int = 0,
    concurrency: int = 16,
    timing: Timing = DEFAULT_TIMING,
    limits: ReceiveLimits | None = None,
    progress: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """:func:`run_server_cases` for a program that has an event loop."""
    server = Server(url, seed=seed, timing=timing, limits=limits)
    await server.find()
    chosen = [case for case in cases if case.role == "server"]
    results: dict[int, Result] = {}
    waiting = iter(enumerate(chosen))

    async def work() -> None:
        for index, case in waiting:
            results[index] = await server.run(case)
            progress(results[index])

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return [results[index] for index in range(len(chosen))]


class HandshakeFailure(Exception):
    """There is no connection to run a case on. Its argument says why."""


class Server:
    """The server under test."""

    def __init__(
        self, url: str, *, seed: int, timing: Timing, limits: ReceiveLimits | None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "ws" or not parts.hostname:
            raise ValueError(f"not a URL like ws://127.0.0.1:9001/path: {url}")
        self.url = url
        self.host = parts.hostname
        self.port = parts.port or 80
        self.authority = parts.netloc.rpartition("@")[2]
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.timing = timing
        self.limits = limits
        self.seed = seed
        self.filer = Filer()
        self.keys = random.Random(seed)
        #: What it answers to requests of different kinds, by their header fields.
        self.answers: dict[tuple[str, str, str, str], asyncio.Task[Accepted | Rejected]] = {}

    async def find(self) -> None:
        """See that it is there. Raises ConnectionError."""
        try:
            self.address = await find(self.host, self.port, self.timing)
        except OSError as error:
            raise ConnectionError(f"no server at {self.url}: {error}") from error

    async def run(self, case: Case) -> Result:
        """Run a case in all its ways."""
        attempts = []
        for way, chunking in ways_of(case, self.seed).items():
            try:
                attempts.append(await self.attempt(case, way, chunking))
            except Unsupported as missing:
                skipped = Judgement(Verdict.SKIPPED, str(missing))
                return Result(case, (Attempt(way, None, skipped),), skipped)
        return result_of(case, attempts)

    async def attempt(self, case: Case, way: str, chunking: Chunking) -> Attempt:
        """Run a case in one way."""
        check_playable(case, self.limits)
        try:
            if isinstance(case.settings, Opening):
                await self.check(case, case.settings)
                line = await self.connect(most_for(case))
                player = Player(line, case, None)
            else:
                line, begin = await self.open(case.settings.deflate, most_for(case))
                player = Player(line, case, begin)
        except (HandshakeFailure, OSError) as failure:
            return Attempt(way, None, Judgement(Verdict.FAIL, f"no connection: {failure}"))
        try:
            play = await player.play(chunking)
        finally:
            await line.close()
        return await self.filer.file(case, way, player, play)

    async def connect(self, most: int = 0) -> Line:
        """A connection, on which nothing has been sent."""
        return await connect(self.address, self.timing, most + SPARE)

    # The opening handshake in front of a case.

    async def open(self, deflate: Deflate | None, most: int) -> tuple[Line, int]:
        """A connection whose opening handshake is done, and where its frames begin.

        Raises :exc:`HandshakeFailure`; and :exc:`~.adapter.Unsupported` if the server does not
        agree on just these parameters.
        """
        offer = "" if deflate is None else deflate.header()
        line = await self.connect(most)
        try:
            response, size = await self.shake_hands(line, self.authority, self.target, "", offer)
            if isinstance(response, Rejected):
                raise HandshakeFailure(f"an ordinary request is rejected with {response.status}")
            if agreed_on(response) != deflate:
                said = response.extensions or "no extension"
                raise Unsupported(f"offered {offer}, the server agrees on {said}")
        except BaseException:
            await line.close()
            raise
        return line, size

    async def shake_hands(
        self, line: Line, host: str, target: str, subprotocols: str, extensions: str
    ) -> tuple[Accepted | Rejected, int]:
        """What an ordinary request is answered, and the size of the head of that answer."""
        key = b64encode(self.keys.randbytes(16))
        request = [
            f"GET {target} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key.decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        if subprotocols:
            request.append(f"Sec-WebSocket-Protocol: {subprotocols}")
        if extensions:
            request.append(f"Sec-WebSocket-Extensions: {extensions}")
        await line.write("\r\n".join([*request, "", ""]).encode())
        await line.until(lambda: b"\r\n\r\n" in line.data, self.timing.timeout)
        head = head_of(bytes(line.data))
        if head is None:
            raise HandshakeFailure("an ordinary request is not answered")
        response, _ = outcome_of_response(bytes(line.data))
        assert isinstance(response, Accepted | Rejected)
        if isinstance(response, Accepted):
            if head.all("sec-websocket-accept") != [accept_for(key).decode()]:
                raise HandshakeFailure("Sec-WebSocket-Accept does not belong to the key")
            if response.extensions and not extensions:
                raise HandshakeFailure(f"agrees on {response.extensions}, which was not offered")
        return response, head.size

    # What the server has, for cases that begin with the opening handshake.

    async def check(self, case: Case, settings: Opening) -> None:
        """Raise :exc:`~.adapter.Unsupported` if the server is not set up as *settings* ask for.

        Only that counts of which the case's request has a word.
        """
        plain = await self.answer(settings)
        if isinstance(plain, Rejected):
            what = f"an ordinary request for {settings.target} of {settings.host}"
            raise Unsupported(f"the server rejects {what} with {plain.status}")
        if mentions(case, b"sec-websocket-protocol"):
            names = settings.subprotocols
            # Each alone, all of them with the one that the server likes best at the end, and one
            # that it should not know.
            offers: dict[str, str | None] = {name: name for name in names}
            offers[UNKNOWN_SUBPROTOCOL] = None
            if names:
                offers[", ".join(reversed(names))] = names[0]
            for offer, wanted in offers.items():
                answer = await self.answer(settings, subprotocols=offer)
                if not isinstance(answer, Accepted) or answer.subprotocol != wanted:
                    supported = ", ".join(names) or "none"
                    raise Unsupported(f"the server's subprotocols are not just these: {supported}")
        if mentions(case, b"sec-websocket-extensions"):
            answer = await self.answer(settings, extensions="permessage-deflate")
            extensions = "permessage-deflate" if settings.deflate else ""
            if not isinstance(answer, Accepted) or answer.extensions != extensions:
                raise Unsupported(
                    f"offered permessage-deflate, the server does not agree on"
                    f" {extensions or 'no extension'}"
                )

    async def answer(
        self, settings: Opening, subprotocols: str = "", extensions: str = ""
    ) -> Accepted | Rejected:
        """What the server answers to an ordinary request. It is asked once."""
        question = (settings.host, settings.target, subprotocols, extensions)
        if question not in self.answers:
            self.answers[question] = asyncio.create_task(self.ask(*question))
        return await self.answers[question]

    async def ask(
        self, host: str, target: str, subprotocols: str, extensions: str
    ) -> Accepted | Rejected:
        """Ask it."""
        line = await self.connect()
        try:
            response, _ = await self.shake_hands(line, host, target, subprotocols, extensions)
        finally:
            await line.close()
        return response


def agreed_on(response: Accepted) -> Deflate | None:
    """What the server's response agrees on.

    Raises :exc:`HandshakeFailure` if that is nothing that can be agreed on.
    """
    try:
        return deflate_of(response.extensions)
    except ValueError as error:
        raise HandshakeFailure(str(error)) from error
