"""Cases are run on an adapter, whole, bytewise and in random chunks, and judged.

Owns how an endpoint is driven, and that the three ways must agree. Must not know any
implementation, nor how results are shown.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from .adapter import ActionRefused, Adapter, Endpoint, Unsupported
from .cases import Case, Eof, Receive, Step
from .chunking import WHOLE, Chunking, bytewise
from .frames import masking_keys
from .judging import (
    PASSED,
    Judgement,
    Verdict,
    agree_but_for_headers,
    judge_closed,
    judge_keys,
    judge_outcomes,
    judge_sent,
    show,
    worst,
)
from .model import read
from .model.opening import problems_of_request, problems_of_response
from .openings import fill_in, head_of, outcome_of_response
from .outcomes import Accepted, Failed, GotClose, Lost, Outcome, Reading, Refused, Rejected
from .settings import Opening, other


@dataclass(frozen=True)
class Observation:
    """What was seen of an endpoint in the course of a case."""

    #: What its application was told. Of a server's opening handshake, what its response says.
    outcomes: tuple[Outcome, ...]
    #: All bytes that it sent.
    sent: bytes
    #: All bytes that it was sent, placeholders filled in.
    received: bytes
    #: Whether it closed its transport, or wanted to.
    closed: bool = False
    #: The exception that it raised, if any, as a reader wants to see it.
    raised: str = ""
    #: Whether *outcomes* were told by the endpoint, rather than read off what it sent.
    told: bool = True


@dataclass(frozen=True)
class Attempt:
    """A case, run in one way."""

    #: "whole", "bytewise" or "random".
    way: str
    observation: Observation | None
    judgement: Judgement


@dataclass(frozen=True)
class Result:
    """What a case came to on an implementation."""

    case: Case
    attempts: tuple[Attempt, ...]
    judgement: Judgement

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all the ways in which the case was run."""
        return self.judgement.verdict


#: Plays a case, its bytes cut in the given way; raises Unsupported. One such function drives
#: an adapter's endpoints, others sockets.
Player = Callable[[Case, Chunking], Observation]


def ways_of(case: Case, seed: int) -> Mapping[str, Chunking]:
    """The ways in which a case is run. The same seed gives the same ones."""
    size = sum(len(step.data) for step in case.steps if isinstance(step, Receive))
    if not size:
        return {"whole": WHOLE}
    # Each case has cuts of its own, whichever cases are run before it.
    draw = random.Random(f"{seed} {case.id}")
    cuts = tuple(draw.randint(1, size) for _ in range(draw.randint(1, 6)))
    return {"whole": WHOLE, "bytewise": bytewise(size), "random": Chunking(cuts=cuts)}


def run(case: Case, play: Player, *, seed: int = 0) -> Result:
    """Run *case* in all three ways, and judge it.

    :param play: :func:`player_of` an adapter, or a player for sockets.
    :param seed: for the random chunks.
    """
    attempts: list[Attempt] = []
    for way, chunking in ways_of(case, seed).items():
        try:
            observation = play(case, chunking)
        except Unsupported as missing:
            skipped = Judgement(Verdict.SKIPPED, str(missing))
            return Result(case, (Attempt(way, None, skipped),), skipped)
        attempts.append(Attempt(way, observation, judge(case, observation)))
    verdict = worst([_named(attempt) for attempt in attempts])
    if verdict.verdict is not Verdict.FAIL:
        verdict = worst([verdict, _judge_agreement(case, attempts)])
    return Result(case, tuple(attempts), verdict)


def run_all(cases: Iterable[Case], play: Player, *, seed: int = 0) -> Iterator[Result]:
    """Run the cases one after the other, and give each one's result as it is there."""
    for case in cases:
        yield run(case, play, seed=seed)


def judge(case: Case, observation: Observation) -> Judgement:
    """What is worth what was seen of one endpoint in *case*."""
    if observation.raised:
        return Judgement(Verdict.FAIL, f"raised {observation.raised}")
    judgements = [
        judge_outcomes(case, observation.outcomes),
        judge_closed(case, observation.outcomes, observation.closed),
    ]
    frames = observation.sent
    if isinstance(case.settings, Opening):
        problems, frames = _opening_of(case.settings, observation)
        judgements += [Judgement(Verdict.FAIL, problem) for problem in problems]
        deflate = None
    else:
        deflate = case.settings.deflate
    agreed = None if deflate is None else deflate.sent_by(case.role)
    reading = read(frames, eof=False, role=other(case.role), deflate=agreed)
    # Nothing goes on behind a failure; there the reading has ended with it, and been judged.
    rest = frames[reading.consumed :] if _ends_with_close(reading) else b""
    after = read(rest, eof=False, role=other(case.role), deflate=agreed)
    judgements.append(judge_sent(case, observation.outcomes, reading, after, told=observation.told))
    judgements.append(judge_keys(masking_keys(frames)))
    return worst(judgements)


def _ends_with_close(reading: Reading) -> bool:
    return bool(reading.outcomes) and isinstance(reading.outcomes[-1], GotClose)


def _opening_of(opening: Opening, observation: Observation) -> tuple[list[str], bytes]:
    """What is wrong with the endpoint's part of the opening handshake, and what it sent behind."""
    sent = observation.sent
    if opening.role == "client":
        head = head_of(sent)
        if head is None:
            return ["sent no request"], b""
        rest = sent[head.size :]
        if rest.startswith(b"GET ") and not any(
            isinstance(outcome, Accepted) for outcome in observation.outcomes
        ):
            # It follows a redirection, which RFC 6455 §4.1 allows: that is HTTP, and no frames.
            rest = b""
        return problems_of_request(sent[: head.size], opening), rest
    outcome, rest = outcome_of_response(sent)
    if outcome is None:
        return [], b""
    return problems_of_response(sent, observation.received, opening), rest


def _named(attempt: Attempt) -> Judgement:
    judgement = attempt.judgement
    if judgement.verdict is Verdict.PASS:
        return judgement
    return Judgement(judgement.verdict, f"{attempt.way}: {judgement.why}")


def _judge_agreement(case: Case, attempts: list[Attempt]) -> Judgement:
    """How bytes are cut into reads is nobody's decision, so nothing may depend on it."""
    first, *others = attempts
    assert first.observation is not None
    for attempt in others:
        assert attempt.observation is not None
        same = agree_but_for_headers(attempt.observation.outcomes, first.observation.outcomes)
        # What may be answered in several ways may be so each time.
        if not same and not case.also:
            return Judgement(
                Verdict.FAIL,
                f"{first.way}: {show(first.observation.outcomes)}; "
                f"{attempt.way}: {show(attempt.observation.outcomes)}",
            )
    return PASSED


# Endpoints without a socket ---------------------------------------------------------------


def player_of(adapter: Adapter) -> Player:
    """What plays cases on *adapter*'s endpoints."""

    def play(case: Case, chunking: Chunking) -> Observation:
        try:
            playing = _Play(adapter, case)
        except Unsupported:
            raise
        except Exception as exc:  # whatever it raises, the case has failed
            return Observation((), b"", b"", closed=True, raised=_described(exc))
        return playing.play(chunking)

    return play


def _described(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"


class _Play:
    """One endpoint, in the course of one case."""

    def __init__(self, adapter: Adapter, case: Case) -> None:
        self.case = case
        self.endpoint: Endpoint = (
            adapter.opening(case.settings)
            if isinstance(case.settings, Opening)
            else adapter.open(case.settings)
        )
        self.outcomes: list[Outcome] = []
        self.sent = b""
        self.received = b""

    def play(self, chunking: Chunking) -> Observation:
        raised = ""
        try:
            self.look()
            for step in self.case.steps:
                self.take(step, chunking)
        except Unsupported:
            raise
        except Exception as exc:  # whatever it raises, the case has failed
            raised = _described(exc)
        outcomes = self.outcomes
        if isinstance(self.case.settings, Opening) and self.case.role == "server":
            outcomes = _with_response(outcomes, self.sent)
        return Observation(
            outcomes=tuple(outcomes),
            sent=self.sent,
            received=self.received,
            closed=bool(raised) or self.endpoint.closed(),
            raised=raised,
        )

    def take(self, step: Step, chunking: Chunking) -> None:
        if isinstance(step, Receive):
            data = step.data
            if isinstance(self.case.settings, Opening) and self.case.role == "client":
                data = fill_in(data, self.sent)
            for chunk in chunking.apply(data):
                if self.endpoint.closed():
                    return
                self.received += chunk
                self.endpoint.receive(chunk)
                self.look()
        elif isinstance(step, Eof):
            if not self.endpoint.closed():
                self.endpoint.receive_eof()
        else:
            try:
                self.endpoint.send(step.action)
            except ActionRefused:
                self.outcomes.append(Refused())
        self.look()

    def look(self) -> None:
        self.outcomes += self.endpoint.outcomes()
        self.sent += self.endpoint.data_to_send()


def _with_response(outcomes: list[Outcome], sent: bytes) -> list[Outcome]:
    """A server's outcomes, begun with what its response says."""
    response, _ = outcome_of_response(sent)
    if response is None:
        return outcomes
    kept = [o for o in outcomes if not isinstance(o, Accepted | Rejected)]
    if isinstance(response, Rejected):
        # However it puts it to itself, a server that answers with a status has rejected.
        kept = [o for o in kept if not isinstance(o, Failed | Lost)]
    return [response, *kept]
