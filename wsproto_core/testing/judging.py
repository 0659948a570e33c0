"""What the outcome of a case is worth.

Two things are judged: what the application was told, against what the case expects; and what
the endpoint sent, against rules that hold for every endpoint (RFC 6455 §5.1, §5.5, §7.1.7).
Owns these comparisons. Must not know how an endpoint is driven.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from .actions import SendClose
from .cases import Case, Do, Outcomes
from .outcomes import (
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Lost,
    Outcome,
    Reading,
    Refused,
    Rejected,
)


class Verdict(IntEnum):
    """What a case came to; the worst of several is their maximum."""

    #: As it should be.
    PASS = 0
    #: No MUST is violated, but it is not what it should be: another close code, none at all,
    #: or messages lost that had come before a failure.
    NON_STRICT = 1
    #: The case asks for what the implementation, or this way of testing it, does not have.
    SKIPPED = 2
    #: Not what it must be; at level SHOULD or POLICY, not what is asked for.
    FAIL = 3


@dataclass(frozen=True)
class Judgement:
    """A verdict, and why, in a sentence for a reader; "" for PASS."""

    verdict: Verdict
    why: str = ""


PASSED = Judgement(Verdict.PASS)


def worst(judgements: Sequence[Judgement]) -> Judgement:
    """The judgement that counts: the first of the worst ones."""
    return max(judgements, key=lambda judgement: judgement.verdict, default=PASSED)


# What the application was told -----------------------------------------------------------


def judge_outcomes(case: Case, seen: Sequence[Outcome]) -> Judgement:
    """What *seen* is worth as the outcomes of *case*."""
    wanted = [case.expect, *case.also]
    if any(agree(expected, seen) for expected in wanted):
        return PASSED
    said = f"expected {show(case.expect)}; seen {show(seen)}"
    if any(agree(expected, seen) for expected in case.tolerate):
        return Judgement(Verdict.NON_STRICT, said)
    if any(nearly_agree(expected, seen) for expected in [*wanted, *case.tolerate]):
        return Judgement(Verdict.NON_STRICT, said)
    return Judgement(Verdict.FAIL, said)


def agree(expected: Outcomes, seen: Sequence[Outcome]) -> bool:
    """Whether *seen* is just what was expected."""
    return len(expected) == len(seen) and all(
        _has_headers(one, other) if isinstance(one, Rejected) else one == other
        for one, other in zip(expected, seen, strict=True)
    )


def _has_headers(expected: Rejected, seen: Outcome) -> bool:
    return (
        isinstance(seen, Rejected)
        and seen.status == expected.status
        and all(
            any(name == n and value in ("", v) for n, v in seen.headers)
            for name, value in expected.headers
        )
    )


def agree_but_for_headers(one: Sequence[Outcome], other: Sequence[Outcome]) -> bool:
    """Whether both are the same, but for the fields of a refusal: a Date, a Content-Length."""
    return [_bare(outcome) for outcome in one] == [_bare(outcome) for outcome in other]


def _bare(outcome: Outcome) -> Outcome:
    return Rejected(outcome.status) if isinstance(outcome, Rejected) else outcome


def nearly_agree(expected: Outcomes, seen: Sequence[Outcome]) -> bool:
    """Whether the endpoint failed, or rejected, where it had to, though in another way.

    RFC 6455 §7.1.7: "An endpoint SHOULD send a Close frame with an appropriate status code",
    so neither the code nor the frame is a must. What came before it in the same read may not
    have been told.
    """
    # What is behind the end can only have been refused.
    expected, seen = (
        tuple(o for o in outcomes if not isinstance(o, Refused)) for outcomes in (expected, seen)
    )
    if not expected or not seen:
        return False
    *before, end = expected
    *seen_before, seen_end = seen
    if isinstance(end, Failed):
        return isinstance(seen_end, Failed | Rejected) and _is_prefix(seen_before, before)
    if isinstance(end, Rejected):
        refused = isinstance(seen_end, Failed) or (
            isinstance(seen_end, Rejected) and 400 <= seen_end.status < 600
        )
        return refused and seen_before == before
    return False


def _is_prefix(some: Sequence[Outcome], all_of_them: Sequence[Outcome]) -> bool:
    return list(some) == list(all_of_them[: len(some)])


# What the endpoint sent ------------------------------------------------------------------


def judge_sent(
    case: Case, seen: Sequence[Outcome], reading: Reading, after: Reading, *, told: bool
) -> Judgement:
    """What is worth what an endpoint has sent in the course of *case*.

    :param seen: what its application was told.
    :param reading: what the peer makes of the bytes sent, as the model has it.
    :param after: what is to be made of the bytes behind the endpoint's Close frame, which the
        peer need not read.
    :param told: whether *seen* was told by the endpoint, rather than read off *reading*.
    """
    if any(isinstance(outcome, Accepted | Rejected) for outcome in seen):
        seen = [o for o in seen if not isinstance(o, Accepted | Rejected)]
    sent = [*reading.outcomes, *after.outcomes]
    judgements = [_judge_readable(sent), _judge_after_close(after)]
    if case.sent is not None:
        judgements.append(_judge_as_listed(case, sent))
    elif told:
        judgements += [
            _judge_pongs(seen, sent),
            _judge_close(case, seen, reading.outcomes),
            _judge_nothing_else(sent),
        ]
    return worst(judgements)


def _judge_readable(sent: Sequence[Outcome]) -> Judgement:
    """What is sent must be what the peer may read: masked or not, of minimal lengths, ..."""
    match list(sent):
        case [*_, Failed(code, why)]:
            return Judgement(Verdict.FAIL, f"sent what the peer must fail with {code}: {why}")
    return PASSED


def _judge_after_close(after: Reading) -> Judgement:
    """RFC 6455 §5.5.1: "The application MUST NOT send any more data frames after sending a Close
    frame." Control frames it may send: §5.5.2 has Pings answered until the peer's Close frame.
    """
    if after.unfinished or any(isinstance(outcome, GotMessage) for outcome in after.outcomes):
        return Judgement(Verdict.FAIL, "sent data after its Close frame")
    if any(isinstance(outcome, GotClose) for outcome in after.outcomes):
        return Judgement(Verdict.NON_STRICT, "sent a second Close frame")
    return PASSED


def _judge_as_listed(case: Case, sent: Sequence[Outcome]) -> Judgement:
    assert case.sent is not None
    if any(agree(expected, sent) for expected in (case.sent, *case.sent_also)):
        return PASSED
    return Judgement(Verdict.FAIL, f"had to send {show(case.sent)}; sent {show(sent)}")


def judge_keys(keys: Sequence[bytes]) -> Judgement:
    """RFC 6455 §5.3: "the client MUST pick a fresh masking key" for each frame. That a random
    key of 32 bits comes twice in a case once in a while is nobody's fault.
    """
    if len(set(keys)) < len(keys) - 1:
        why = f"used {len(set(keys))} different masking keys for {len(keys)} frames"
        return Judgement(Verdict.FAIL, why)
    return PASSED


def judge_closed(case: Case, seen: Sequence[Outcome], closed: bool) -> Judgement:
    """Whether an endpoint has closed its transport, or wants to, where it must.

    RFC 6455 §7.1.7: who fails the connection "MUST _Close the WebSocket Connection_". §5.5.1,
    once Close frames went both ways: "The server MUST close the underlying TCP connection
    immediately; the client SHOULD wait for the server to close the connection".
    """
    match list(seen[-1:]):
        case [Failed()] if not closed:
            return Judgement(Verdict.FAIL, "failed, and did not close the connection")
        case [GotClose()] if not closed and case.role == "server":
            return Judgement(Verdict.FAIL, "did not close the connection after the Close frames")
    return PASSED


def _judge_pongs(seen: Sequence[Outcome], sent: Sequence[Outcome]) -> Judgement:
    """RFC 6455 §5.5.2 and §5.5.3: a Ping MUST be answered with its own application data. Of
    several only the last need be, and none once the peer's Close frame is there.
    """
    pings = [outcome.payload for outcome in seen if isinstance(outcome, GotPing)]
    pongs = [outcome.payload for outcome in sent if isinstance(outcome, GotPong)]
    rest = iter(pings)
    if not all(pong in rest for pong in pongs):
        return Judgement(Verdict.FAIL, f"answered Pings {pings} with Pongs {pongs}")
    ended = bool(seen) and isinstance(seen[-1], GotClose | Failed | Lost)
    if pings and not ended and pings[-1] not in pongs:
        return Judgement(Verdict.FAIL, f"did not answer the Ping {pings[-1]!r}")
    return PASSED


def _judge_close(case: Case, seen: Sequence[Outcome], sent: Sequence[Outcome]) -> Judgement:
    """RFC 6455 §5.5.1 (the answer to a Close frame) and §7.1.7 (the Close frame of a failure)."""
    closes = [outcome for outcome in sent if isinstance(outcome, GotClose)]
    match list(seen[-1:]):
        case [GotClose(code)]:
            if not closes:
                return Judgement(Verdict.FAIL, "did not answer the Close frame")
            if _closes(case):
                return PASSED  # The one that it sent first was not an answer.
            # "When sending a Close frame in response, the endpoint typically echos the status
            # code it received."
            if closes[-1].code != code:
                why = f"answered Close {code} with {closes[-1].code}"
                return Judgement(Verdict.NON_STRICT, why)
        case [Failed(code)] if code is not None and not closes:
            # "An endpoint SHOULD send a Close frame with an appropriate status code".
            return Judgement(Verdict.NON_STRICT, "failed without a Close frame")
        case [Failed(code)] if closes and closes[-1].code != code:
            why = f"told the application {code}, and the peer {closes[-1].code}"
            return Judgement(Verdict.NON_STRICT, why)
        case [GotMessage() | GotPing() | GotPong()] | [] if closes and not _closes(case):
            return Judgement(Verdict.FAIL, f"closed with {closes[-1].code} for no reason")
    return PASSED


def _closes(case: Case) -> bool:
    """Whether the application is told to close in the course of *case*."""
    return any(isinstance(step, Do) and isinstance(step.action, SendClose) for step in case.steps)


def _judge_nothing_else(sent: Sequence[Outcome]) -> Judgement:
    extra = [outcome for outcome in sent if not isinstance(outcome, GotPong | GotClose | Failed)]
    if extra:
        return Judgement(Verdict.FAIL, f"sent what nobody asked for: {show(extra)}")
    return PASSED


# For readers -----------------------------------------------------------------------------


def show(outcomes: Sequence[Outcome]) -> str:
    """Outcomes as a sentence has them; long payloads are cut."""
    return ", ".join(_show_one(outcome) for outcome in outcomes) or "nothing"


def _show_one(outcome: Outcome) -> str:
    match outcome:
        case GotMessage(kind, payload):
            return f"{kind} {_show_bytes(payload)}"
        case GotPing(payload):
            return f"ping {_show_bytes(payload)}"
        case GotPong(payload):
            return f"pong {_show_bytes(payload)}"
        case GotClose(code, reason):
            return f"close {code}" + (f" {_show_bytes(reason)}" if reason else "")
        case Failed(code, why):
            said = "failure" if code is None else f"failure {code}"
            return said + (f" ({why})" if why else "")
        case Accepted(subprotocol, extensions):
            return f"accepted ({subprotocol or 'no subprotocol'}; {extensions or 'no extension'})"
        case Rejected(status):
            return f"rejected {status}"
        case _:
            return type(outcome).__name__.lower()


def _show_bytes(data: bytes) -> str:
    return repr(data) if len(data) <= 40 else f"{data[:32]!r}... ({len(data)} bytes)"
