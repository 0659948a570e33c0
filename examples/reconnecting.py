"""A client that comes back: exponential back-off with full jitter, and a policy when not to.

async with Reconnecting("ws://127.0.0.1:8000/chat") as connections:
    async for ws in connections:  # a new one, each time that one is lost
        async for message in ws:
            ...

What has become of a connection when the body is done with it decides how the loop goes on:

* still open, as behind ``continue``: it is closed, and another one opened;
* closed with 1000, by whichever end: it has served its purpose, and so the loop ends;
* closed by the server with one of the :data:`FINAL` codes: the same would happen again, so the
  loop raises :exc:`~.transports.conversation.ConnectionClosed`;
* otherwise (1001, 1006, 1011, an application's own, ...): another one is opened, after a delay.

Of the attempts to connect, a refusal with a status of 3xx or 4xx is final, besides those that
are :data:`TRANSIENT`, and so is a bad certificate; all else is tried again.

What was sent shortly before a connection was lost may or may not have arrived. Only the
application can tell: :class:`Outbox` is the pattern. To send texts to a server that answers each
``{"id": 0, "text": ...}`` with ``{"ack": 0}``, however often it goes away::

    python -m examples.reconnecting ws://127.0.0.1:8000/ "first text" "second text"
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ssl import SSLCertVerificationError
from types import TracebackType
from typing import Any, Self

from wsproto_core import SessionEnded

from .transports.conversation import ConnectionClosed, Refused
from .transports.on_asyncio import connect
from .transports.websocket import WebSocket

#: Close codes that the next connection would meet with too (RFC 6455 §7.4.1): a protocol error,
#: data that is not taken, a policy, a message too big, an extension that is missing.
FINAL = frozenset({1002, 1003, 1007, 1008, 1009, 1010})
SERVICE_RESTART, TRY_AGAIN_LATER = 1012, 1013  # IANA's registry

#: Refusals that say "not now".
TRANSIENT = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
#: Those whose Retry-After counts (RFC 6585 §4, RFC 9110 §15.6.4).
HAVE_RETRY_AFTER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

#: Why there is no connection.
Failure = Exception | SessionEnded


@dataclass(kw_only=True)
class Backoff:
    """How long to wait before the next attempt; all times in seconds.

    Full jitter, anywhere between nothing and a ceiling that doubles, spreads those best who
    have all lost the same server.
    """

    first: float = 1.0
    factor: float = 2.0
    most: float = 60.0
    #: A connection that has lasted so long was a good one: its loss is a first failure.
    stable_after: float = 30.0
    #: Between these, as IANA's registry has it for 1012.
    restart: tuple[float, float] = (5.0, 30.0)
    #: More than this of a Retry-After is not believed.
    most_retry_after: float = 3600.0
    #: From 0 to 1.
    random: Callable[[], float] = random.random
    #: The time of day, for a Retry-After that is a date.
    time: Callable[[], float] = time.time
    failures: int = field(default=0, init=False)

    def delay(self, failure: Failure, lasted: float = 0.0) -> float:
        """The delay behind one more failure.

        :param lasted: how long there was a connection before.
        """
        code = failure.code if isinstance(failure, SessionEnded) else None
        if lasted >= self.stable_after and code != TRY_AGAIN_LATER:
            self.failures = 0
        # A float's exponent has an end.
        ceiling = min(self.most, self.first * self.factor ** min(self.failures, 64))
        self.failures += 1
        if code == SERVICE_RESTART:
            low, high = self.restart
            return low + self.random() * (high - low)
        # With jitter too: it may have been said to many at once.
        return self.retry_after(failure) + self.random() * ceiling

    def retry_after(self, failure: Failure) -> float:
        """The seconds that a server has asked to wait, or 0."""
        if not isinstance(failure, Refused) or failure.response.status_code not in HAVE_RETRY_AFTER:
            return 0.0
        for name, value in failure.response.headers:
            if name.lower() == b"retry-after":
                return min(max(0.0, self._seconds(value.decode("latin-1"))), self.most_retry_after)
        return 0.0

    def _seconds(self, text: str) -> float:
        if text.isascii() and text.isdigit():
            return float(text)
        with suppress(ValueError):
            return parsedate_to_datetime(text).timestamp() - self.time()
        return 0.0


def is_final(failure: Failure) -> bool:
    """Whether there is no use in trying again."""
    match failure:
        case Refused(response=response):
            return 300 <= response.status_code < 500 and response.status_code not in TRANSIENT
        case SSLCertVerificationError():
            return True
        case SessionEnded(code=code):
            return code in FINAL
    return False


class Reconnecting:
    """One connection after the other, for ``async for``; see the module.

    :param options: what :func:`~.transports.on_asyncio.connect` takes besides the URL.
    :param sleep: waits between attempts.
    :param clock: seconds, for how long a connection has lasted.
    """

    def __init__(
        self,
        url: str,
        *,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        self.url, self.options = url, options
        self.backoff = backoff or Backoff()
        self.sleep, self.clock = sleep, clock
        self._ws: WebSocket | None = None
        self._opened_at = 0.0
        self._connection = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.__aexit__(kind, error, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WebSocket:
        if self._ws is not None:
            await self._leave(self._ws)
        while True:
            try:
                self._ws = await self._connection.enter_async_context(
                    connect(self.url, **self.options)
                )
            except (OSError, ConnectionClosed) as exc:
                if is_final(exc):
                    raise
                await self.sleep(self.backoff.delay(exc))
            else:
                self._opened_at = self.clock()
                return self._ws

    async def _leave(self, ws: WebSocket) -> None:
        """Be done with a connection: return to have another one."""
        end, self._ws = ws.end, None
        lasted = self.clock() - self._opened_at
        await self._connection.aclose()
        if end is not None:
            if end.code == 1000:
                raise StopAsyncIteration
            if is_final(end):
                raise ConnectionClosed(end)
            await self.sleep(self.backoff.delay(end, lasted))


class Outbox:
    """Texts that are kept until the server has acknowledged them, and sent again until then.

    So each arrives at least once. The server knows by its id one that it has had.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.waiting = {
            number: json.dumps({"id": number, "text": text}) for number, text in enumerate(texts)
        }

    async def send_all(self, ws: WebSocket) -> None:
        with suppress(ConnectionClosed):  # then the next connection's turn comes
            for message in list(self.waiting.values()):
                await ws.send(message)

    async def deliver(self, connections: Reconnecting) -> None:
        """Return when all are acknowledged."""
        async for ws in connections:
            # Besides reading: if both ends only sent, neither would ever have room.
            sending = asyncio.create_task(self.send_all(ws))
            try:
                while self.waiting:
                    match json.loads(await ws.recv()):
                        case {"ack": int(number)}:
                            self.waiting.pop(number, None)
                        case other:
                            raise ValueError(f"this is no acknowledgement: {other!r}")
                return
            except ConnectionClosed:
                continue
            finally:
                sending.cancel()
                await asyncio.wait([sending])


async def main(url: str, texts: list[str]) -> None:
    async with Reconnecting(url) as connections:
        await Outbox(texts).deliver(connections)
    print(f"{len(texts)} texts were delivered.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("texts", nargs="+")
    arguments = parser.parse_args()
    try:
        asyncio.run(main(arguments.url, arguments.texts))
    except (OSError, ValueError, ConnectionClosed) as exc:
        raise SystemExit(f"gave up: {exc}") from None
    except KeyboardInterrupt:
        raise SystemExit("stopped: not all were delivered") from None
