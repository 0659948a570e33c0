"""Whether what both ends of a connection saw is what the scenario expects of it.

Owns the verdict: a list of faults in words, empty for none. It is judged from what both ends
say: what a client reports of itself is not enough, for it might not have sent in fragments what
it was to send so. Must not know how observations are come by.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from .peer_api import Observation, Role
from .scenarios import PING, REFUSED, Message, Scenario

#: A message as it is reported: its type, its length in bytes, their SHA-256.
Digest = tuple[str, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OurView:
    """What our end saw of a connection, from its session."""

    path: str
    #: The status of our refusal; the fields below have their defaults then.
    refused: int | None = None
    extensions: str = ""
    received: Sequence[Digest] = ()
    #: Frames of messages, fragments each counted.
    data_frames_received: int = 0
    pings_received: int = 0
    pongs_received: int = 0
    #: Of SessionEnded, enums by their values; None if there was no end.
    cause: str | None = None
    initiator: str | None = None
    code_sent: int | None = None
    code_received: int | None = None
    reason: str = ""
    error: str | None = None


def digest(message: Message) -> Digest:
    """*message*, as it is reported."""
    kind, data = ("text", message.encode()) if isinstance(message, str) else ("binary", message)
    return kind, len(data), sha256(data).hexdigest()


def judge(
    scenario: Scenario,
    *,
    deflate: bool,
    client: Observation,
    ours: OurView | None,
    peer: Role,
    cannot_tell: Container[str] = (),
    answers_with: int | None = None,
) -> list[str]:
    """What is wrong, in words.

    :param deflate: whether permessage-deflate is to be agreed on, or must not be.
    :param client: what the client saw, be it ours or the peer's.
    :param ours: what our end saw; None if it saw nothing.
    :param peer: which of the two ends is the peer.
    :param cannot_tell: the fields of *client* that are unknown to it.
    :param answers_with: the code with which the peer answers a Close; None: it echoes.
    """
    # What the end that closes first receives.
    answer = scenario.close
    if answers_with is not None and scenario.client_closes is (peer is Role.SERVER):
        answer = (answers_with, "")
    faults = list(_faults_seen_by_client(scenario, deflate, client, answer, cannot_tell))
    if ours is not None:
        faults += [
            f"our {_other(peer)}: {fault}"
            for fault in _of_ours(scenario, deflate, ours, answer, peer)
        ]
    elif not (scenario.refused and peer is Role.SERVER):  # a session that never began
        faults.append(f"our {_other(peer)} saw no connection")
    return faults


def _other(peer: Role) -> Role:
    return Role.SERVER if peer is Role.CLIENT else Role.CLIENT


def _faults_seen_by_client(
    scenario: Scenario,
    deflate: bool,
    seen: Observation,
    answer: tuple[int, str],
    cannot_tell: Container[str],
) -> Iterable[str]:
    if seen.opened is scenario.refused:
        yield "the handshake succeeded" if seen.opened else f"refused, status {seen.status}"
    if scenario.refused:
        if "status" not in cannot_tell and seen.status != REFUSED:
            yield f"refused with status {seen.status}, not {REFUSED}"
        return
    if "extensions" not in cannot_tell:
        yield from _wrong_extensions(deflate, seen.extensions)
    yield from _wrong_messages(scenario.received, seen.received)
    unknown = "close" in cannot_tell or (scenario.client_closes and "answer" in cannot_tell)
    if not unknown:
        code, reason = answer if scenario.client_closes else scenario.close
        # Who answers a Close echoes the code, and need not echo the reason (§5.5.1).
        reasons = {reason, ""} if scenario.client_closes else {reason}
        if seen.close is None:
            yield "no Close came"
        elif seen.close[0] != code or seen.close[1] not in reasons:
            yield f"closed with {tuple(seen.close)}, not {(code, reason)}"
    if scenario.pings and "pong" not in cannot_tell and seen.pong != PING.decode():
        yield f"the pong is {seen.pong!r}, not {PING.decode()!r}"


def _of_ours(
    scenario: Scenario, deflate: bool, ours: OurView, answer: tuple[int, str], peer: Role
) -> Iterable[str]:
    we_serve = peer is Role.CLIENT
    if ours.path != scenario.path:
        yield f"the path is {ours.path!r}, not {scenario.path!r}"
    if we_serve and ours.refused != (REFUSED if scenario.refused else None):
        yield f"refused: {ours.refused}"
    if scenario.refused:
        return
    yield from _wrong_extensions(deflate, ours.extensions)
    yield from _wrong_messages(scenario.sent if we_serve else scenario.received, ours.received)
    fragmented = scenario.fragments_sent if we_serve else scenario.fragments_received
    if fragmented and ours.data_frames_received < 3:  # an empty one may be the last
        yield f"the message came in {ours.data_frames_received} frames, not 3"
    if (scenario.pings if we_serve else scenario.pinged) and not ours.pings_received:
        yield "no ping came"
    if (scenario.pinged if we_serve else scenario.pings) and not ours.pongs_received:
        yield "no pong came"
    yield from _wrong_end(scenario, ours, answer, we_serve=we_serve)


def _wrong_end(
    scenario: Scenario, ours: OurView, answer: tuple[int, str], *, we_serve: bool
) -> Iterable[str]:
    if ours.cause != "closed":
        yield f"the end is {ours.cause!r}, not 'closed'" + (f": {ours.error}" if ours.error else "")
    we_close = scenario.client_closes is not we_serve
    initiator = "local" if we_close else "remote"
    if ours.initiator != initiator:
        yield f"the {ours.initiator} end closed first, not the {initiator} one"
    if ours.code_sent != scenario.close[0]:
        yield f"code {ours.code_sent} was sent, not {scenario.close[0]}"
    code, reason = answer if we_close else scenario.close
    if ours.code_received != code:
        yield f"code {ours.code_received} came, not {code}"
    if ours.reason != reason and (ours.reason or not we_close):
        yield f"reason {ours.reason!r} came, not {reason!r}"


def _wrong_extensions(deflate: bool, extensions: str | None) -> Iterable[str]:
    agreed = "permessage-deflate" in (extensions or "")
    if agreed is not deflate:
        yield f"permessage-deflate was {'not ' * deflate}agreed on"


def _wrong_messages(expected: Sequence[Message], received: Sequence[Digest]) -> Iterable[str]:
    if len(received) != len(expected):
        yield f"{len(received)} messages came, not {len(expected)}"
    for number, (message, found) in enumerate(zip(expected, received, strict=False), 1):
        wanted = digest(message)
        if found != wanted:
            what = "the same length, other bytes" if found[:2] == wanted[:2] else "not"
            yield f"message {number} is {found[0]} of {found[1]} bytes, {what} {wanted[:2]}"
