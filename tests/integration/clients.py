"""Clients under test, as the tests see them: by remote control."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import wsproto_core

from .consumers.remote import Message, Opened, decode_reply, to_json
from .processes import Process, run


@dataclass(frozen=True)
class Pending:
    """A command that has been given and need not have been done."""

    process: Process
    number: int

    def result(self) -> Any:
        """Wait for its result; raises the error that it ended with."""
        reply = self.process.expect(rf"reply {self.number} (.*)")
        return decode_reply(json.loads(reply[1]))


class Client:
    """A client library in a process of its own. One connection at a time."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._numbers = itertools.count()

    def begin(self, command: str, *arguments: object) -> Pending:
        """Have something done, and meanwhile do the other end's part."""
        number = next(self._numbers)
        self.process.write(json.dumps([number, command, [to_json(each) for each in arguments]]))
        return Pending(self.process, number)

    def check_engine(self) -> None:
        """It must run on this package and on no other."""
        file = self.begin("engine").result()
        assert Path(file).parent == Path(wsproto_core.__file__).parent

    def begin_connect(
        self,
        url: str,
        *,
        subprotocols: Sequence[str] = (),
        headers: dict[str, str] | None = None,
        **options: object,
    ) -> Pending:
        return self.begin("connect", url, list(subprotocols), headers or {}, options)

    def connect(
        self,
        url: str,
        *,
        subprotocols: Sequence[str] = (),
        headers: dict[str, str] | None = None,
        **options: object,
    ) -> Opened:
        pending = self.begin_connect(url, subprotocols=subprotocols, headers=headers, **options)
        return Opened(**pending.result())

    def send(self, message: Message) -> None:
        self.begin("send", message).result()

    def receive(self) -> Message:
        return cast("Message", self.begin("receive").result())

    def ping(self) -> None:
        self.begin("ping").result()

    def close(self, code: int, reason: str) -> None:
        self.begin("close", code, reason).result()

    def leave(self) -> None:
        self.begin("leave").result()


class ClientPool:
    """Lends one client process again and again; a new one after a test has spoilt it."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program
        self._stack = ExitStack()
        self._client: Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def lend(self) -> Iterator[Client]:
        if self._client is None:
            self._client = Client(self._stack.enter_context(run(*self._program)))
            self._client.check_engine()
        client = self._client
        # Only one that has left its connection in good order is lent again.
        self._client = None
        try:
            yield client
            client.leave()
        except BaseException:
            self._stack.close()
            raise
        self._client = client
