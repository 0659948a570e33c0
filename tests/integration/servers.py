"""Servers under test, as the tests see them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import wsproto_core

from .peer import Answer, Offer, dial
from .processes import Process

_ids = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """A server under test."""

    process: Process
    port: int
    #: How to open a connection to it by hand.
    dial_port: Callable[[int, Offer], Answer] = dial

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def dial(self, offer: Offer) -> Answer:
        """Open a connection by hand; whoever asks must close it."""
        return self.dial_port(self.port, offer)

    def gone(self, connection_id: str) -> tuple[int, str]:
        """The code and reason with which, as its application was told, a connection ended."""
        match = self.process.expect(rf'gone (.*"id": "{connection_id}".*)')
        gone = json.loads(match[1])
        return gone["code"], gone["reason"] or ""


#: Starts a module as a server, with its arguments.
StartServer = Callable[..., Server]
#: Opens a connection by hand, which is closed at the end of the test.
Dial = Callable[[Offer], Answer]


def check_engine(server: Server, adapter: str) -> None:
    """The server's *adapter*, a module, must run on this package and on no other."""
    peer = server.dial(Offer(f"/engine?of={adapter}")).peer
    with closing(peer.transport):
        _, file = peer.receive_message()
    assert Path(file.decode()).parent == Path(wsproto_core.__file__).parent


def fresh_id() -> str:
    """An id by which to ask a server for the end of one connection."""
    return str(next(_ids))
