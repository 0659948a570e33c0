"""What a peer of the interoperation matrix is, and how the peers are found.

Owns the class that each module of ``tests.interop.peers`` makes one object of, ``PEER``, and
the one for proxies (``PROXIES`` of ``tests.interop.proxies``). Must not know how peers are run
and judged.

A peer is programs. The server is started with ``server_command``, prints ``listening on PORT``
and serves until it is killed. The client is started with ``client_command``, prints one line of
JSON, an observation, and exits with 0. What they serve and do: see ``tests.interop.scenarios``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import ClassVar

ROOT = Path(__file__).parents[2]


class Role(StrEnum):
    """What the *peer* is in a pair; the other end is ours."""

    CLIENT = "client"
    SERVER = "server"


class Transport(StrEnum):
    """What lies below the WebSocket connection."""

    #: TCP and HTTP/1.1.
    WS = "ws"
    #: TLS and HTTP/2 (RFC 8441).
    WSS_H2 = "wss, HTTP/2"
    #: HTTP/2 without TLS, which both ends know beforehand.
    WS_H2 = "ws, HTTP/2"


#: The names of the scenarios, as the clients' programs are told them.
SCENARIOS = (
    "echo-small",
    "echo-empty",
    "echo-large",
    "fragmented",
    "from-fragments",
    "ping",
    "pinged",
    "client-closes",
    "server-closes",
    "rejected",
)


class Peer:
    """Another implementation. A subclass sets the attributes and overrides the methods."""

    #: Short, for ``--only`` and docs/interop.json.
    name: ClassVar[str]
    #: As the table has it.
    label: ClassVar[str]
    roles: ClassVar[tuple[Role, ...]] = (Role.CLIENT, Role.SERVER)
    #: What its client is run over, ``WS`` or ``WSS_H2``.
    transports: ClassVar[tuple[Transport, ...]] = (Transport.WS,)
    #: What its server is run over, ``WS`` or ``WS_H2``, on the same port.
    server_transports: ClassVar[tuple[Transport, ...]] = (Transport.WS,)
    #: What cannot be run, by the peer's role and the scenario, with the reason: shown as n/a.
    cannot: ClassVar[Mapping[Role, Mapping[str, str]]] = {}
    #: Likewise what cannot be run with permessage-deflate.
    cannot_with_deflate: ClassVar[Mapping[Role, Mapping[str, str]]] = {}
    #: Why there is no permessage-deflate in a role: the half with deflate is n/a then.
    cannot_deflate: ClassVar[Mapping[Role, str]] = {}
    #: Whether the server agrees to any offer of permessage-deflate, and cannot be told not to:
    #: then our client offers none in the half without.
    always_deflates: ClassVar[bool] = False
    #: Whether its client's program, given ``-`` in place of URL and scenario, reads these from
    #: its standard input, a line each time, and ends with that: for those that start slowly.
    client_stays: ClassVar[bool] = False
    #: The code with which it answers any Close, where it does not echo: RFC 6455 §5.5.1 says
    #: "typically echos", and so allows another.
    answers_close_with: ClassVar[int | None] = None
    #: What fails with permessage-deflate by the peer's own fault, by its role and the scenario,
    #: with what is known of it. It is run and shown as FAIL nevertheless; that it has stopped
    #: failing is told.
    faults_with_deflate: ClassVar[Mapping[Role, Mapping[str, str]]] = {}
    #: Fields of the client's observation that its API does not tell ("status", "close",
    #: "extensions", "pong"; "answer" is "close" where the client has closed first), with the
    #: reason. They are null in its observations and are not judged; what our server saw is.
    cannot_tell: ClassVar[Mapping[str, str]] = {}

    def version(self) -> str:
        """Its version, as installed; asked for only if nothing is :meth:`missing`."""
        raise NotImplementedError

    def missing(self) -> str | None:
        """What has to be installed before it can be run, as a command; None for nothing."""
        return None

    def prepare(self, folder: Path) -> None:
        """Build it, or install npm packages, into an empty *folder*, which outlives its runs.

        Called once in a process, before any command is asked for: keep the path in *self*.
        """

    def server_command(self, deflate: bool) -> Sequence[str]:
        """The command of its server, on any free port of 127.0.0.1."""
        raise NotImplementedError

    def client_command(self, url: str, scenario: str, deflate: bool) -> Sequence[str]:
        """The command of its client; *url* is the server's, without a path (ws://host:port)."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What its programs need in their environment besides this process's own."""
        return {}


class Proxy:
    """What stands between our server and a client."""

    name: ClassVar[str]
    label: ClassVar[str]

    def version(self) -> str:
        """Its version, as installed; asked for only if nothing is :meth:`missing`."""
        raise NotImplementedError

    def missing(self) -> str | None:
        """What has to be installed before it can be run, as a command; None for nothing."""
        return None

    def serving(self, upstream: int, folder: Path) -> AbstractContextManager[int]:
        """Run it in front of 127.0.0.1:*upstream*; gives its own port once it accepts there.

        *folder* is empty, and for its configuration, process id and logs.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a client saw of a connection: the line of JSON that its program prints.

    Values are null where there was none, or where the API does not tell.
    """

    #: Whether the opening handshake succeeded.
    opened: bool
    #: The HTTP status of a refusal.
    status: int | None = None
    #: The value of Sec-WebSocket-Extensions that was agreed on; "" for none.
    extensions: str | None = None
    #: Each message received: "text" or "binary", its length in bytes (text in UTF-8), and
    #: the SHA-256 of these bytes in hex.
    received: Sequence[tuple[str, int, str]] = field(default=())
    #: Close code and reason as received.
    close: tuple[int, str] | None = None
    #: The payload of the pong that was waited for.
    pong: str | None = None


def peers() -> Iterator[Peer]:
    """Every peer there is, by name."""
    package = import_module("tests.interop.peers")
    found: list[Peer] = [
        import_module(f"tests.interop.peers.{module.name}").PEER
        for module in iter_modules(package.__path__)
        if not module.name.startswith("_")
    ]
    yield from sorted(found, key=lambda peer: peer.name)


def proxies() -> Iterator[Proxy]:
    """Every proxy there is."""
    yield from import_module("tests.interop.proxies").PROXIES


def environment(peer: Peer | None = None) -> Mapping[str, str]:
    """The whole environment of a peer's programs, or of ours: Python ones find this package."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    own = {} if peer is None else peer.environment()
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **own}


def output_of(*command: str) -> str:
    """What a command prints, for :meth:`Peer.version`; errors included, as nginx -v does."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    return (ran.stdout + ran.stderr).strip()
