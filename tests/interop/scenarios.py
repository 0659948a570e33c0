"""What is done over each connection of the interoperation matrix, and what is expected of it.

Owns the scenarios, as data, and the paths that every server serves:

``/echo``
    Each message comes back with its type.
``/close``
    The first text, ``CODE REASON``, is what the server closes with.
``/reject``
    The opening handshake is refused with status 403.
``/ping``
    The server sends a ping, ``are you there``, and once its pong has come the text
    ``pong: are you there``.
``/fragments``
    Each text comes back in three fragments.

Must not know who speaks with whom, nor how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .peer_api import SCENARIOS

Message = str | bytes

REFUSED: Final = 403
PING: Final = b"are you there"
PONG_TEXT: Final = "pong: are you there"
FRAGMENTED: Final = "three fragments each"
ONE_MEBIBYTE: Final = 1024 * 1024
LARGE_TEXT: Final = "0123456789abcdef" * (ONE_MEBIBYTE // 16)
#: All bytes: zeros would be one long repetition to deflate, and noise none.
LARGE_BINARY: Final = bytes(range(256)) * (ONE_MEBIBYTE // 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One conversation, from the opening handshake to the end."""

    #: As the clients' programs are told it.
    name: str
    #: As the table's column is headed.
    title: str
    path: str
    #: What the client sends, each but the first after the answer to the one before.
    sent: Sequence[Message] = ()
    #: Whether it sends that in three fragments.
    fragments_sent: bool = False
    #: What it receives.
    received: Sequence[Message] = ()
    #: Whether it receives that in three fragments.
    fragments_received: bool = False
    #: Whether the client sends a ping; whether the server does.
    pings: bool = False
    pinged: bool = False
    #: The close code and reason, and whether it is the client that closes first.
    close: tuple[int, str] = (1000, "")
    client_closes: bool = True
    #: Whether the handshake is refused.
    refused: bool = False


_ALL: Final = (
    Scenario(
        name="echo-small",
        title="small",
        path="/echo",
        sent=("hello é", bytes(range(256))),
        received=("hello é", bytes(range(256))),
    ),
    Scenario(name="echo-empty", title="empty", path="/echo", sent=("", b""), received=("", b"")),
    Scenario(
        name="echo-large",
        title="1 MiB",
        path="/echo",
        sent=(LARGE_TEXT, LARGE_BINARY),
        received=(LARGE_TEXT, LARGE_BINARY),
    ),
    Scenario(
        name="fragmented",
        title="fragments to the server",
        path="/echo",
        sent=(FRAGMENTED,),
        fragments_sent=True,
        received=(FRAGMENTED,),
    ),
    Scenario(
        name="from-fragments",
        title="fragments to the client",
        path="/fragments",
        sent=(FRAGMENTED,),
        received=(FRAGMENTED,),
        fragments_received=True,
    ),
    Scenario(name="ping", title="ping by the client", path="/echo", pings=True),
    Scenario(
        name="pinged",
        title="ping by the server",
        path="/ping",
        received=(PONG_TEXT,),
        pinged=True,
    ),
    Scenario(name="client-closes", title="closed by the client", path="/echo", close=(4001, "bye")),
    Scenario(
        name="server-closes",
        title="closed by the server",
        path="/close",
        sent=("3456 enough",),
        close=(3456, "enough"),
        client_closes=False,
    ),
    Scenario(name="rejected", title="refused", path="/reject", refused=True),
)

#: By name, in the order of the table's columns.
BY_NAME: Final = {scenario.name: scenario for scenario in _ALL}
assert tuple(BY_NAME) == SCENARIOS


def thirds(text: str) -> list[str]:
    """*text* in three pieces."""
    first, second = len(text) // 3, 2 * len(text) // 3
    return [text[:first], text[first:second], text[second:]]
