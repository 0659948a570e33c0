"""How cases for the opening handshake are written: heads that are right but for what is said.

Owns the plainest request and response, and how a row of a table becomes a case. Must not know
any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from wsproto_core.testing.cases import Case, Level, Outcomes
from wsproto_core.testing.openings import OTHER_KEY
from wsproto_core.testing.outcomes import Accepted, Failed, Lost, Rejected
from wsproto_core.testing.settings import Opening

from .building import Part, steps_of

#: A field of a head: its line, or several; None to leave it out.
Field: TypeAlias = bytes | tuple[bytes, ...] | None

#: That of RFC 6455 §1.2.
KEY: Final = OTHER_KEY

#: What it is to be rejected by a server that says no more, and what is as good.
BAD_REQUEST: Final[Outcomes] = (Rejected(400),)
FAILED: Final[Outcomes] = (Failed(None),)
NOTHING: Final[Outcomes] = ()
#: The transport ended within a handshake: an application need not be told what a client wanted
#: that never said so.
ENDED: Final[tuple[Outcomes, ...]] = (NOTHING, (Lost(),), FAILED, BAD_REQUEST)


def lines(*fields: Field, end: bytes = b"\r\n") -> bytes:
    """A head of these lines, with the empty one."""
    head = b""
    for field in fields:
        for line in field if isinstance(field, tuple) else () if field is None else (field,):
            head += line + end
    return head + end


def request(
    *extra: bytes,
    line: bytes = b"GET /chat HTTP/1.1",
    host: Field = b"Host: example.com",
    upgrade: Field = b"Upgrade: websocket",
    connection: Field = b"Connection: Upgrade",
    key: Field = b"Sec-WebSocket-Key: " + KEY,
    version: Field = b"Sec-WebSocket-Version: 13",
    end: bytes = b"\r\n",
) -> bytes:
    """A client's opening handshake (RFC 6455 §4.1); *extra* are lines behind the others."""
    return lines(line, host, upgrade, connection, key, version, *extra, end=end)


def response(
    *extra: bytes,
    line: bytes = b"HTTP/1.1 101 Switching Protocols",
    upgrade: Field = b"Upgrade: websocket",
    connection: Field = b"Connection: Upgrade",
    accept: Field = b"Sec-WebSocket-Accept: {accept}",
    end: bytes = b"\r\n",
) -> bytes:
    """A server's opening handshake (RFC 6455 §4.2.2), with the placeholder of its accept value."""
    return lines(line, upgrade, connection, accept, *extra, end=end)


@dataclass(frozen=True, eq=False)
class Negotiated(Accepted):
    """Accepted, with extensions of just these names.

    What parameters a server may answer with depends on the offer, and is held to it in every
    case (:mod:`wsproto_core.testing.model.opening`). An application may be told them, or not.
    """

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Accepted)
            and self.subprotocol == other.subprotocol
            and _names(self.extensions) == _names(other.extensions)
        )

    def __hash__(self) -> int:
        return hash((self.subprotocol, tuple(_names(self.extensions))))


def _names(extensions: str) -> list[str]:
    return [element.partition(";")[0] for element in extensions.split(",")]


#: permessage-deflate, and nothing else.
DEFLATED: Final = Negotiated(None, "permessage-deflate")


def case(
    name: str,
    title: str,
    parts: Iterable[Part],
    expect: Outcomes,
    requirements: Iterable[str],
    *,
    opening: Opening,
    level: Level = Level.MUST,
    also: Sequence[Outcomes] = (),
    tolerate: Sequence[Outcomes] = (),
    sent: Outcomes | None = None,
    advisories: Sequence[str] = (),
    note: str = "",
) -> Case:
    """The case of an endpoint that *opening* describes; see :class:`~.cases.Case`."""
    return Case(
        name=name,
        title=title,
        settings=opening,
        steps=steps_of(opening.role, parts),
        expect=expect,
        requirements=tuple(requirements),
        level=level,
        also=tuple(also),
        tolerate=tuple(tolerate),
        sent=sent,
        advisories=tuple(advisories),
        note=note,
    )
