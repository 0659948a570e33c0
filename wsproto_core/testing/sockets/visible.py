"""What can be seen of an endpoint that echoes, and what it is worth.

A case's outcomes are what an application is told. Here nobody tells: they are read off the
bytes that the endpoint sends. Owns that reading, what of a case can be seen by it, and the
judgement; see the package's docstring for what may differ. Must not do I/O.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from wsproto_core.testing.cases import Case, Outcomes
from wsproto_core.testing.judging import (
    PASSED,
    Judgement,
    Verdict,
    agree,
    worst,
)
from wsproto_core.testing.model import read
from wsproto_core.testing.openings import head_of, outcome_of_response
from wsproto_core.testing.outcomes import (
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Lost,
    Outcome,
    Reading,
    Rejected,
    Role,
)
from wsproto_core.testing.runner import Observation, judge
from wsproto_core.testing.settings import Deflate, Open, Opening, other

from .wire import deflate_of, split_head

#: With what an endpoint ends.
ENDS: Final = (GotClose, Failed, Lost, Rejected)

#: Codes by which an endpoint says that it has failed the connection (RFC 6455 §7.4.1), where
#: they are not the peer's own.
_FAULTS: Final = (1002, 1003, 1007, 1008, 1009, 1010, 1011)


# What of a case ------------------------------------------------------------------------------


def visible(case: Case) -> Case:
    """*case*, with what can be seen from the wire of an endpoint that echoes each message.

    That a Pong has arrived cannot be seen; nor how an endpoint puts it to itself that the
    opening handshake has come to nothing. What it sends follows from the outcomes alone.
    """
    return replace(
        case,
        expect=_visible(case.settings, case.expect),
        also=tuple(_visible(case.settings, outcomes) for outcomes in case.also),
        tolerate=tuple(_visible(case.settings, outcomes) for outcomes in case.tolerate),
        sent=None,
    )


def _visible(settings: Open | Opening, outcomes: Outcomes) -> Outcomes:
    seen = [outcome for outcome in outcomes if not isinstance(outcome, GotPong)]
    match seen:
        case [Rejected()] if settings.role == "client":
            return (Failed(None),)
        case [Lost()] if isinstance(settings, Opening):
            return (Failed(None),)
    return tuple(seen)


# What was seen -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Play:
    """All that happened on the transport in the course of a case."""

    #: What the endpoint has sent; of an ``Open`` case, behind the opening handshake.
    sent: bytes
    #: The case's bytes, placeholders filled in, as far as they were written.
    received: bytes
    #: The payload of the Ping that was sent behind the case, if it was.
    probe: bytes | None = None
    #: Whether the endpoint has ended the transport.
    ended: bool = False
    #: Whether the case has ended the transport.
    eof: bool = False


class Seen(NamedTuple):
    """A play, read."""

    outcomes: list[Outcome]
    #: The size of all that the endpoint has sent behind its part of the opening handshake.
    size: int
    #: What was agreed on there, or before.
    deflate: Deflate | None
    #: Whether the Ping behind the case was answered.
    answered: bool
    #: Whether the endpoint has sent a Close frame.
    closed: bool
    #: The Close frame of the case, and that by which the endpoint has answered it.
    closes: tuple[GotClose, GotClose] | None


def see(case: Case, play: Play) -> Seen:
    """What the endpoint must have been told, by what it has sent.

    :param case: as :func:`visible` gives it.
    """
    parts = _parts_of(case, play)
    reading = _read(parts.sent, other(case.role), parts.deflate)
    outcomes, answered = _echoed(reading, play.probe)
    close = next((o for o in reading.outcomes if isinstance(o, GotClose)), None)
    closes = None
    if close is not None:
        said = _read(parts.received, case.role, parts.deflate).outcomes
        match said:
            case [*_, GotClose() as own] if not _is_fault(own, close):
                closes = (own, close)
                outcomes.append(own)
            case _:
                outcomes.append(Failed(close.code))
    elif play.ended:
        outcomes.append(Lost() if play.eof else Failed(None))
    if isinstance(case.settings, Opening):
        outcomes = _opened(case, parts.response, outcomes, answered=answered)
    return Seen(outcomes, len(parts.sent), parts.deflate, answered, close is not None, closes)


class _Parts(NamedTuple):
    """What belongs to the opening handshake, and the frames behind it."""

    response: Outcome | None
    sent: bytes
    received: bytes
    deflate: Deflate | None


def _parts_of(case: Case, play: Play) -> _Parts:
    if isinstance(case.settings, Open):
        return _Parts(None, play.sent, play.received, case.settings.deflate)
    head, received = split_head(play.received) or (b"", b"")
    if case.role == "server":
        response, sent = outcome_of_response(play.sent)
    else:
        response, _ = outcome_of_response(head)
        request = head_of(play.sent)
        sent = b"" if request is None else play.sent[request.size :]
    deflate = None
    if isinstance(response, Accepted):
        with suppress(ValueError):  # no right response: there is nothing to go by
            deflate = deflate_of(response.extensions)
    return _Parts(response, sent, received, deflate)


def _read(data: bytes, role: Role, deflate: Deflate | None) -> Reading:
    agreed = None if deflate is None else deflate.sent_by(other(role))
    return read(data, eof=False, role=role, deflate=agreed)


def _echoed(reading: Reading, probe: bytes | None) -> tuple[list[Outcome], bool]:
    """The messages and Pings that the endpoint has answered. Its own Pings are nobody's case."""
    outcomes: list[Outcome] = []
    answered = False
    for outcome in reading.outcomes:
        match outcome:
            case GotMessage():
                outcomes.append(outcome)
            case GotPong(payload) if payload == probe:
                answered = True
            case GotPong(payload):
                outcomes.append(GotPing(payload))
    return outcomes, answered


def _is_fault(sent: GotClose, answer: GotClose) -> bool:
    return answer.code != sent.code and answer.code in _FAULTS


def _opened(
    case: Case, response: Outcome | None, outcomes: list[Outcome], *, answered: bool
) -> list[Outcome]:
    """What an endpoint has been told that began with the opening handshake."""
    if case.role == "server":
        if response is None:
            # Before its response there is but one kind of end.
            return [Failed(None)] if outcomes else []
        return [response] if isinstance(response, Rejected) else [response, *outcomes]
    evident = answered or any(isinstance(o, GotMessage | GotPing | GotClose) for o in outcomes)
    # What it takes itself to have accepted cannot be seen.
    accepted = next((o for o in case.expect if isinstance(o, Accepted)), None)
    if evident or (outcomes and outcomes != [Failed(None)] and accepted is not None):
        return [accepted or Accepted(), *outcomes]
    # A Close frame may be how it says that the handshake has failed.
    return [Failed(None) if isinstance(o, Lost) else o for o in outcomes]


# What it is worth ----------------------------------------------------------------------------


def judge_play(
    case: Case, play: Play, opening: Opening | None = None
) -> tuple[Observation, Judgement]:
    """What was seen, and what it is worth.

    :param case: as the catalogue has it.
    :param opening: what the client's request had to be, where that is not what *case* says.
    """
    case = visible(case)
    seen = see(case, play)
    outcomes, at_a_loss = arranged(case, seen)
    observation = Observation(tuple(outcomes), play.sent, play.received, play.ended, told=False)
    if at_a_loss:
        case = replace(case, tolerate=(*case.tolerate, tuple(outcomes)))
    if isinstance(case.settings, Opening):
        judgement = _judge_in_parts(case, opening or case.settings, observation, seen)
    else:
        judgement = judge(case, observation)
    return observation, worst([judgement, _judge_answers(play, seen)])


def _judge_in_parts(
    case: Case, opening: Opening, observation: Observation, seen: Seen
) -> Judgement:
    """The opening handshake by itself, and what follows as a case of its own, for by then it is
    known what is compressed.
    """
    sent, size = observation.sent, len(observation.sent) - seen.size
    handshake = judge(replace(case, settings=opening), replace(observation, sent=sent[:size]))
    outcomes = tuple(o for o in observation.outcomes if not isinstance(o, Accepted | Rejected))
    rest = replace(
        case,
        settings=Open(case.role, seen.deflate),
        expect=outcomes,
        also=(),
        tolerate=(),
    )
    frames = replace(observation, outcomes=outcomes, sent=sent[size:])
    return worst([handshake, judge(rest, frames)])


def _judge_answers(play: Play, seen: Seen) -> Judgement:
    """The Pong to the Ping behind the case, and the code of the answer to a Close frame."""
    if play.probe is not None and not (seen.answered or play.ended or seen.closed):
        return Judgement(Verdict.FAIL, "did not answer a Ping that followed")
    if seen.closes is not None:
        sent, answer = seen.closes
        if sent.code != answer.code:
            # RFC 6455 §5.5.1: "When sending a Close frame in response, the endpoint typically
            # echos the status code it received."
            return Judgement(Verdict.NON_STRICT, f"answered Close {sent.code} with {answer.code}")
    return PASSED


# In which order --------------------------------------------------------------------------


def arranged(case: Case, seen: Seen) -> tuple[list[Outcome], bool]:
    """What was seen in the order that *case* expects, where it may be that; and whether
    something is lost that is no MUST.

    Echoes and Pongs come from different parts of a program, so which of them came first says
    nothing. Nor does it matter that a Ping went unanswered, if one behind it was answered or
    the connection has ended.
    """
    wanted = (case.expect, *case.also, *case.tolerate)
    for expected in wanted:
        outcomes = _arrange(expected, seen)
        if outcomes is not None:
            # The end of the transport is not expected to be answered, but may be.
            answered_end = expected[-1:] == (Lost(),) and outcomes[-1] != Lost()
            return outcomes, answered_end
    echoed = sum(isinstance(outcome, GotMessage) for outcome in seen.outcomes)
    for expected in wanted:
        if expected and isinstance(expected[-1], GotClose | Failed | Lost):
            outcomes = _arrange(_with_messages(expected, echoed), seen)
            if outcomes is not None:
                return outcomes, True
    return seen.outcomes, False


def _arrange(expected: Outcomes, seen: Seen) -> list[Outcome] | None:
    """What was seen, in the order expected; None if that is not possible."""
    others = [outcome for outcome in seen.outcomes if not isinstance(outcome, GotPing)]
    wanted = [outcome for outcome in expected if not isinstance(outcome, GotPing)]
    if len(others) != len(wanted) or not all(map(_alike, wanted, others)):
        return None
    pings = [outcome for outcome in seen.outcomes if isinstance(outcome, GotPing)]
    due = [outcome for outcome in expected if isinstance(outcome, GotPing)]
    rest = iter(due)
    if not all(ping in rest for ping in pings):
        return None
    ended = bool(others) and isinstance(others[-1], GotClose | Failed)
    if due[-1:] != pings[-1:] and not (ended or seen.answered):
        return None
    following = iter(others)
    return [o if isinstance(o, GotPing) else next(following) for o in expected]


def _alike(expected: Outcome, seen: Outcome) -> bool:
    """Whether they stand in the same place, though perhaps with another code."""
    if isinstance(seen, Failed) and isinstance(expected, Failed | Lost):
        return True
    return agree((expected,), (seen,))


def _with_messages(expected: Outcomes, count: int) -> Outcomes:
    """*expected* with the first *count* of its messages."""
    messages = iter(range(count))
    return tuple(
        outcome
        for outcome in expected
        if not isinstance(outcome, GotMessage) or next(messages, None) is not None
    )
