"""What a case of the catalogue is: plain data, and how its bytes are written down.

Owns the types. Must not know how a case is run, or on what.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from .actions import Action
from .outcomes import Outcome, Role
from .settings import Open, Opening


class Level(Enum):
    """How much a case asks for."""

    #: The RFC says MUST, or what it says has no other reading.
    MUST = "MUST"
    #: The RFC says SHOULD.
    SHOULD = "SHOULD"
    #: No RFC asks for it; attacks, or users, do. The case's note says why.
    POLICY = "POLICY"


@dataclass(frozen=True)
class Receive:
    """The peer sends *data*. They arrive in one read, or cut in any way.

    In a case for a client's opening handshake, ``{accept}`` in *data* stands for the value of
    Sec-WebSocket-Accept that belongs to the client's request, ``{accept:other}`` for one that
    belongs to another key, ``{accept:swapcase}`` for it with upper and lower case exchanged,
    ``{key}`` for the request's Sec-WebSocket-Key.
    """

    data: bytes


@dataclass(frozen=True)
class Eof:
    """The peer ends the transport."""


@dataclass(frozen=True)
class Do:
    """The application does something."""

    action: Action


Step: TypeAlias = Receive | Eof | Do
Outcomes: TypeAlias = tuple[Outcome, ...]


@dataclass(frozen=True)
class Case:
    """One thing that an endpoint has to get right.

    The whole of *expect* is compared with all that the application is told, in order. Besides,
    whatever an endpoint sends is judged by general rules, in every case (see
    :mod:`~.judging`): the peer must be able to read it, Pings and Close frames are answered,
    and so on.
    """

    #: ``section/what``, unique together with the role: "framing/rsv2-text".
    name: str
    #: For a reader: what the peer does. "a text frame with RSV2 set"
    title: str
    #: The endpoint's role, and what it begins with.
    settings: Open | Opening
    steps: tuple[Step, ...]
    #: What the application has to be told.
    expect: Outcomes
    #: The identities of what it checks, from :mod:`~.requirements`. May only be empty at level
    #: POLICY.
    requirements: tuple[str, ...]
    level: Level = Level.MUST
    #: What is as right as *expect*.
    also: tuple[Outcomes, ...] = ()
    #: What no MUST forbids, though it is not what it should be: "non-strict".
    tolerate: tuple[Outcomes, ...] = ()
    #: What the peer has to get, as the peer's application would be told; None if that follows
    #: from *expect* (answers to Pings and Close frames).
    sent: Outcomes | None = None
    #: What is as right as *sent*.
    sent_also: tuple[Outcomes, ...] = ()
    #: Published advisories of this class of fault: "CVE-2018-1000518 (websockets)".
    advisories: tuple[str, ...] = ()
    #: Why, where the requirement's sentence does not say it: always at level POLICY.
    note: str = ""

    @property
    def role(self) -> Role:
        """The role of the endpoint under test."""
        return self.settings.role

    @property
    def id(self) -> str:
        """The case's identity: ``framing/rsv2-text@server``."""
        return f"{self.name}@{self.role}"

    @property
    def section(self) -> str:
        """The part of the catalogue that it belongs to: ``framing``."""
        return self.name.partition("/")[0]
