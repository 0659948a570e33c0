"""Client libraries by remote control: a test says what to do, line by line.

A line of input is ``[number, command, arguments]`` in JSON; the line of output that
answers it is ``reply number {...}``. The exceptions in which the libraries differ become
those below, which the test gets raised again.
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from tests.integration.alias import engine_of

#: Seconds after which a library gives up what it waits for, for libraries that can.
PATIENCE = 15.0

Message = str | bytes


@dataclass
class Opened:
    """A connection that was accepted."""

    subprotocol: str | None
    #: The response's fields, with names in lower case; None where the library hides them.
    headers: dict[str, str] | None = None


@dataclass
class Rejected(Exception):
    """The server refused the connection."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Closed(Exception):
    """The connection has ended; with which code and reason, as the library says."""

    code: int
    reason: str = ""


@dataclass
class Lost(Exception):
    """The connection was lost, for a library that does not report that as a code."""


_ERRORS = {error.__name__: error for error in (Rejected, Closed, Lost)}


class Client(Protocol):
    """What each library can do."""

    #: The module that uses the engine.
    uses_engine: str

    def connect(
        self, url: str, subprotocols: list[str], headers: dict[str, str], options: dict[str, Any]
    ) -> Opened: ...

    def send(self, message: Message) -> None: ...

    def receive(self) -> Message: ...

    def ping(self) -> None:
        """Send a ping and wait for its pong."""

    def close(self, code: int, reason: str) -> None: ...

    def leave(self) -> None:
        """Give up the connection, whatever its state, as the end of a block does."""


def to_json(message: object) -> object:
    """A message, among other values, in a form that JSON can carry."""
    if isinstance(message, bytes):
        return {"bytes": base64.b64encode(message).decode()}
    return message


def from_json(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"bytes"}:
        return base64.b64decode(value["bytes"])
    return value


def decode_reply(reply: dict[str, Any]) -> Any:
    """The result of a command; raises the error that it ended with."""
    if "raised" in reply:
        raise _ERRORS[reply["raised"]](**reply["with"])
    return from_json(reply["result"])


def _execute(client: Client, command: str, arguments: list[Any]) -> dict[str, Any]:
    if command == "engine":
        return {"result": engine_of(client.uses_engine)}
    try:
        result = getattr(client, command)(*map(from_json, arguments))
    except (Rejected, Closed, Lost) as exc:
        return {"raised": type(exc).__name__, "with": asdict(exc)}
    return {"result": asdict(result) if isinstance(result, Opened) else to_json(result)}


def serve(client: Client) -> None:
    """Do what the test says, until it has no more to say."""
    for line in sys.stdin:
        number, command, arguments = json.loads(line)
        print("reply", number, json.dumps(_execute(client, command, arguments)), flush=True)
