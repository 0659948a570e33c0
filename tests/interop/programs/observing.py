"""What the Python programs have in common: their command lines, and a client's part.

Owns how a client goes through a scenario, in terms of :class:`Client`, which each program
writes for its library; and the line that it prints. Runs on asyncio and on trio alike.
"""

from __future__ import annotations

import asyncio
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from tests.interop.judging import Digest, digest
from tests.interop.peer_api import Observation
from tests.interop.scenarios import BY_NAME, PING, Message, Scenario, thirds

#: Serves on a port (0 for any free one), with permessage-deflate or without.
Serve = Callable[[int, bool], Awaitable[None]]
#: Opens a connection to a URL, likewise, for a scenario. May raise :class:`Refused`.
Connect = Callable[[str, bool, Scenario], Awaitable["Client"]]


class Refused(Exception):
    """The server has refused the handshake, with this status; None if nobody tells."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


class Ended(Exception):
    """There is no further message."""


class Client(ABC):
    """A connection of the library."""

    #: What was agreed on, as the field's value; None if the library does not tell.
    extensions: str | None = None

    @abstractmethod
    async def send(self, message: Message) -> None:
        """Send a message."""

    async def send_fragments(self, pieces: Sequence[str]) -> None:
        """Send a text in fragments."""
        raise NotImplementedError

    @abstractmethod
    async def receive(self) -> Message:
        """The next message. Raises :exc:`Ended`."""

    async def ping(self, payload: bytes) -> bytes | None:
        """Send a ping, wait for its pong, and give its payload; None if nobody tells."""
        raise NotImplementedError

    @abstractmethod
    async def close(self, code: int, reason: str) -> None:
        """Close, and wait for the end."""

    @abstractmethod
    async def closed(self) -> tuple[int, str] | None:
        """Close code and reason as received, after the end."""


async def play(scenario: Scenario, connect: Connect, url: str, deflate: bool) -> Observation:
    """Go through *scenario*."""
    try:
        client = await connect(url + scenario.path, deflate, scenario)
    except Refused as refused:
        return Observation(opened=False, status=refused.status)
    received: list[Digest] = []
    pong: bytes | None = None
    with suppress(Ended):
        for message in scenario.sent:
            if scenario.fragments_sent:
                assert isinstance(message, str)
                await client.send_fragments(thirds(message))
            else:
                await client.send(message)
            if len(received) < len(scenario.received):
                received.append(digest(await client.receive()))
        if scenario.pings:
            pong = await client.ping(PING)
        if scenario.pinged or not scenario.client_closes:
            received.append(digest(await client.receive()))
    if scenario.client_closes:
        await client.close(*scenario.close)
    return Observation(
        opened=True,
        extensions=client.extensions,
        received=received,
        close=await client.closed(),
        pong=None if pong is None else pong.decode(),
    )


def main(run: Callable[..., Any], serve: Serve | None, connect: Connect | None) -> None:
    """``serve [PORT] [--no-deflate]``, or ``client URL SCENARIO [--no-deflate]``; ``-`` in place
    of both, and they are read from standard input, a line each time.

    :param run: :func:`on_asyncio` or ``trio.run``.
    """
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    deflate = "--no-deflate" not in sys.argv

    async def serving() -> None:
        assert serve is not None
        await serve(int(arguments[1]) if arguments[1:] else 0, deflate)

    def observe(url: str, name: str) -> None:
        assert connect is not None
        seen = run(partial(play, BY_NAME[name], connect, url, deflate))
        print(json.dumps(asdict(seen)), flush=True)

    if arguments[0] == "serve":
        run(serving)
    elif arguments[1] == "-":
        for line in sys.stdin:
            observe(*line.split())
    else:
        observe(*arguments[1:])


def on_asyncio(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """``asyncio.run``, called as ``trio.run`` is."""
    with suppress(KeyboardInterrupt):
        return asyncio.run(main())


def says_port(port: int) -> None:
    """What a server prints once it listens."""
    print(f"listening on {port}", flush=True)
