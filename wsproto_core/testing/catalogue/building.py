"""How cases are written: one description gives a case for each role.

A module of cases is a table. Each row says what the peer does and what comes of it; whether
frames are masked follows from the role::

    CASES = (
        *cases(
            "framing/rsv2-text",
            "a text frame with RSV2 set",
            [Frame(TEXT, b"hi", rsv=RSV2)],
            [Failed(1002)],
            ["6455-5.2-2"],
        ),
    )

gives ``framing/rsv2-text@server``, whose frame is masked, and ``framing/rsv2-text@client``,
whose frame is not. The parts of what happens are

- a :class:`~wsproto_core.testing.frames.Frame`: the peer sends it. If the endpoint is a server
  and the frame has no masking key it gets :data:`KEY`;
- a :class:`Cut` or a :class:`Rest`: the peer sends the beginning, or the end, of a frame;
- bytes: the peer sends them as they are: an unmasked frame to a server, a request;
- :data:`READ`: what follows arrives in a read of its own. What the peer sends without it is one
  :class:`~wsproto_core.testing.cases.Receive` and may arrive in one read;
- an action: the application does it;
- :data:`EOF`: the transport ends.

Owns that translation. Must not know any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from wsproto_core.testing.actions import Action
from wsproto_core.testing.cases import Case, Do, Eof, Level, Outcomes, Receive, Step
from wsproto_core.testing.frames import CLOSE, CONTINUATION, Frame
from wsproto_core.testing.outcomes import Outcome, ReceiveLimits, Role
from wsproto_core.testing.settings import Deflate, Open, Opening

#: The masking key of the examples in RFC 6455 §5.7.
KEY: Final = bytes.fromhex("37fa213d")

ROLES: Final[tuple[Role, ...]] = ("server", "client")


@dataclass(frozen=True)
class Cut:
    """The beginning of *frame*: its first *keep* bytes, or all but the last *-keep*.

    A header is four bytes longer to a server, by the masking key.
    """

    frame: Frame
    keep: int


@dataclass(frozen=True)
class Rest:
    """What a :class:`Cut` has left of *frame*."""

    frame: Frame
    keep: int


@dataclass(frozen=True)
class Read:
    """See :data:`READ`."""


EOF: Final = Eof()
READ: Final = Read()

Sent: TypeAlias = Frame | Cut | Rest | bytes
Part: TypeAlias = Sent | Read | Eof | Action


def cases(
    name: str,
    title: str,
    parts: Iterable[Part],
    expect: Iterable[Outcome],
    requirements: Iterable[str],
    *,
    roles: Sequence[Role] = ROLES,
    besides: Mapping[Role, Sequence[str]] | None = None,
    level: Level = Level.MUST,
    also: Iterable[Outcomes] = (),
    tolerate: Iterable[Outcomes] = (),
    sent: Iterable[Outcome] | None = None,
    sent_also: Iterable[Outcomes] = (),
    advisories: Iterable[str] = (),
    note: str = "",
    deflate: Deflate | None = None,
    limits: ReceiveLimits | None = None,
    opening: Opening | None = None,
) -> tuple[Case, ...]:
    """A case for each of *roles*, after the opening handshake.

    :param besides: requirements that concern one role only.
    :param deflate: what was agreed on.
    :param limits: what the endpoint is set up to receive.
    :param opening: the case begins with the opening handshake, and has this one's role alone.

    The other parameters are those of :class:`~wsproto_core.testing.cases.Case`.
    """
    parts, expect, requirements = tuple(parts), tuple(expect), tuple(requirements)
    also, tolerate, sent_also = tuple(also), tuple(tolerate), tuple(sent_also)
    answer = None if sent is None else tuple(sent)
    if opening is not None:
        roles = (opening.role,)
    return tuple(
        Case(
            name=name,
            title=title,
            settings=opening or Open(role, deflate, limits),
            steps=steps_of(role, parts),
            expect=expect,
            requirements=(*requirements, *(besides or {}).get(role, ())),
            level=level,
            also=also,
            tolerate=tolerate,
            sent=answer,
            sent_also=sent_also,
            advisories=tuple(advisories),
            note=note,
        )
        for role in roles
    )


def steps_of(role: Role, parts: Iterable[Part]) -> tuple[Step, ...]:
    """What *parts* are for an endpoint in *role*."""
    steps: list[Step] = []
    data = b""
    for part in parts:
        if isinstance(part, Frame | Cut | Rest | bytes):
            data += bytes_of(role, part)
            continue
        if data:
            steps.append(Receive(data))
            data = b""
        if isinstance(part, Eof):
            steps.append(part)
        elif not isinstance(part, Read):
            steps.append(Do(part))
    return (*steps, Receive(data)) if data else tuple(steps)


def bytes_of(role: Role, part: Sent) -> bytes:
    """*part* as the peer of an endpoint in *role* sends it."""
    if isinstance(part, bytes):
        return part
    if isinstance(part, Cut):
        return bytes_of(role, part.frame)[: part.keep]
    if isinstance(part, Rest):
        return bytes_of(role, part.frame)[part.keep :]
    if role == "server" and part.masking_key is None:
        part = replace(part, masking_key=KEY)
    return part.encode()


def fragments(opcode: int, *payloads: bytes) -> tuple[Frame, ...]:
    """A fragmented message (RFC 6455 §5.4), or the frame of one that is not."""
    last = len(payloads) - 1
    return tuple(
        Frame(CONTINUATION if i else opcode, payload, fin=i == last)
        for i, payload in enumerate(payloads)
    )


def close(code: int | None = None, reason: bytes = b"") -> Frame:
    """A Close frame (RFC 6455 §5.5.1); with any code, or with an empty body."""
    return Frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)
