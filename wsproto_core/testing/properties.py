"""What holds for every endpoint, as checks for hypothesis to feed: see :mod:`~.suite`.

Each check takes an adapter and an example from :mod:`~.strategies`, and raises
:exc:`Disagreement` if the implementation makes of it what the reference model does not allow::

    @given(scenarios(deflate=False), chunkings())
    def test_streams(scenario, chunking):
        check_stream(MyAdapter(), scenario, chunking)

A check that raises :exc:`~.adapter.Unsupported` says that the implementation has no such setting;
hypothesis's ``reject()`` is the answer to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .actions import Action, SendClose, SendMessage, SendPing, SendPong
from .adapter import Adapter, Endpoint, Unsupported
from .annotating import annotate, format_lines
from .cases import Case, Eof, Receive, Step
from .chunking import Chunking, bytewise
from .judging import Verdict, show
from .model import read
from .model.failing import NOT_DEFLATE
from .model.opening import problems_of_request, problems_of_response
from .model.requests import RequestJudgement, judge_request
from .model.responses import ResponseJudgement, judge_response
from .openings import head_of
from .outcomes import (
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Outcome,
    Role,
)
from .permitting import permits
from .runner import Observation, judge, player_of
from .scenarios import Scenario
from .settings import Open, Opening, other
from .strategies.conversations import Conversation, Turn
from .strategies.openings import OpeningScenario

#: Of what the model says about a failure: the requirement that is at stake.
REQUIREMENT_OF: Final = {
    "RSV2 or RSV3": "6455-5.2-2",
    "RSV1": "7692-6.1-4",
    "reserved opcode": "6455-5.2-3",
    "fragmented or long control frame": "6455-5.5-1",
    "masking": "6455-5.1-2",
    "length is not minimal": "6455-5.2-6",
    "length is not minimal, or has its top bit set": "6455-5.2-6",
    "frame size": "6455-10.4-1",
    "fragments": "6455-10.4-1",
    "message size": "6455-10.4-1",
    "message size, inflated": "6455-10.4-1",
    "streams": "6455-10.4-1",
    "continuation": "6455-5.4-3",
    "Close frame of one byte": "6455-5.5.1-1",
    "close code": "6455-7.4.2-2",
    "UTF-8": "6455-8.1-1",
    "UTF-8 ends within a character": "6455-8.1-1",
    NOT_DEFLATE: "7692-7.2.2-1",
}


class Disagreement(AssertionError):
    """The implementation does what the reference model does not allow.

    :param kind: what it is about, in a few words that are the same for all examples of it.
    :param text: the example and the difference, for a reader.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


# What is received ---------------------------------------------------------------------


def check_stream(
    adapter: Adapter, scenario: Scenario, chunking: Chunking, *, strict: bool = False
) -> Observation:
    """The endpoint makes of a stream what the model makes of it, and answers as it must.

    Returns what was seen. Raises :exc:`Disagreement`, and
    :exc:`~.adapter.Unsupported` if the adapter has no such settings.

    :param strict: whether another close code than the model's is a disagreement as well.
    """
    observation = observe(adapter, scenario, chunking)
    if observation.raised:
        kind = f"raises {observation.raised.partition(':')[0]}"
        raise _disagreement(kind, scenario, f"raised {observation.raised}")
    expected = tuple(scenario.reading().outcomes)
    if permits(scenario, observation.outcomes):
        expected = observation.outcomes
    judgement = judge(replace(_case_of(scenario), expect=expected), observation)
    if judgement.verdict is Verdict.FAIL or (strict and judgement.verdict is not Verdict.PASS):
        kind = difference(expected, observation.outcomes) or judgement.why
        raise _disagreement(kind, scenario, judgement.why)
    return observation


def check_chunking(adapter: Adapter, scenario: Scenario, chunking: Chunking) -> None:
    """The endpoint makes the same of a stream, whether it comes bytewise or in other chunks.

    Raises like :func:`check_stream`.
    """
    by_bytes = observe(adapter, scenario, bytewise(len(scenario.data)))
    by_chunks = observe(adapter, scenario, chunking)
    if by_bytes.outcomes == by_chunks.outcomes:
        return
    if permits(scenario, by_bytes.outcomes) and permits(scenario, by_chunks.outcomes):
        return
    said = f"bytewise {show(by_bytes.outcomes)}; in chunks {show(by_chunks.outcomes)}"
    raise _disagreement("depends on the chunks", scenario, said)


def observe(adapter: Adapter, scenario: Scenario, chunking: Chunking) -> Observation:
    """What is seen of an endpoint that is sent the stream, cut like this."""
    return player_of(adapter)(_case_of(scenario), chunking)


def _case_of(scenario: Scenario) -> Case:
    steps: tuple[Step, ...] = (Receive(scenario.data),)
    if scenario.eof:
        steps += (Eof(),)
    return Case("property/stream", "", scenario.settings(), steps, (), ())


def difference(expected: Sequence[Outcome], seen: Sequence[Outcome]) -> str:
    """Where the two first differ, in words that do not depend on payloads; "" if nowhere."""
    for i in range(max(len(expected), len(seen))):
        wanted = expected[i] if i < len(expected) else None
        found = seen[i] if i < len(seen) else None
        if wanted != found:
            return f"{_label(wanted)} expected, {_label(found)} seen"
    return ""


def _label(outcome: Outcome | None) -> str:
    match outcome:
        case None:
            return "nothing"
        case Failed(code, why):
            return f"failure {code} ({why})" if why in REQUIREMENT_OF else f"failure {code}"
        case GotMessage(kind):
            return f"{kind} message"
        case GotClose(code):
            return "close" if code else "close 0"
        case _:
            return type(outcome).__name__


def _disagreement(kind: str, scenario: Scenario, said: str) -> Disagreement:
    lines = [
        f"{kind}: a {scenario.role}",
        *([f"  with {scenario.settings().deflate!r}"] if scenario.deflate else []),
        *([f"  with {scenario.limits!r}"] if scenario.settings().limits else []),
        *format_lines(annotate(scenario.data), "  "),
        *(["  end of the transport"] if scenario.eof else []),
        said,
    ]
    return Disagreement(kind, "\n".join(lines))


# What is sent -------------------------------------------------------------------------


def check_conversation(client: Adapter, server: Adapter, conversation: Conversation) -> None:
    """Whatever one endpoint sends, the other reports, and so does the model.

    The two may be of the same implementation. Raises like :func:`check_stream`.
    """
    ends: dict[Role, Endpoint] = {
        "client": client.open(Open("client", conversation.deflate)),
        "server": server.open(Open("server", conversation.deflate)),
    }
    sent: dict[Role, bytes] = {"client": b"", "server": b""}
    for turn in conversation.turns:
        try:
            _take_turn(turn, ends[turn.sender], ends[other(turn.sender)], sent)
        except (Disagreement, Unsupported):
            raise
        except Exception as exc:
            raise Disagreement(
                f"conversation: raises {type(exc).__name__}", f"{turn!r}: {exc}"
            ) from exc
    _check_with_model(conversation, sent)


def _take_turn(turn: Turn, sender: Endpoint, receiver: Endpoint, sent: dict[Role, bytes]) -> None:
    sender.send(turn.action)
    data = sender.data_to_send()
    sent[turn.sender] += data
    for chunk in turn.chunking.apply(data):
        receiver.receive(chunk)
    _expect(receiver.outcomes(), [_told_of(turn.action)], f"{turn.action!r}")
    # The answers to Pings and to the Close frame travel back.
    answer = receiver.data_to_send()
    sent[other(turn.sender)] += answer
    if answer:
        sender.receive(answer)
    _expect(sender.outcomes(), _answers_to(turn.action), f"the answer to {turn.action!r}")


def _check_with_model(conversation: Conversation, sent: dict[Role, bytes]) -> None:
    deflate = conversation.deflate
    roles: tuple[Role, Role] = ("client", "server")
    for role in roles:
        reading = read(
            sent[role],
            eof=False,
            role=other(role),
            deflate=None if deflate is None else deflate.sent_by(role),
        )
        expected: list[Outcome] = []
        for turn in conversation.turns:
            own = turn.sender == role
            expected += [_told_of(turn.action)] if own else _answers_to(turn.action)
        _expect(reading.outcomes, expected, f"the {role}'s bytes, to the model")


def _expect(seen: Sequence[Outcome], expected: Sequence[Outcome], what: str) -> None:
    if list(seen) != list(expected):
        raise Disagreement(
            "conversation: " + difference(expected, seen),
            f"{what}: expected {show(expected)}; seen {show(seen)}",
        )


def _told_of(action: Action) -> Outcome:
    """What the peer's application is told of *action*."""
    match action:
        case SendMessage(kind, fragments):
            return GotMessage(kind, b"".join(fragments))
        case SendPing(payload):
            return GotPing(payload)
        case SendPong(payload):
            return GotPong(payload)
        case _:
            code = 1005 if action.code is None else action.code
            return GotClose(code, action.reason.encode())


def _answers_to(action: Action) -> list[Outcome]:
    """What the peer answers to *action*."""
    match action:
        case SendPing(payload):
            return [GotPong(payload)]
        case SendClose(code, reason):
            return [GotClose(1005 if code is None else code, reason.encode())]
        case _:
            return []


# The opening handshake ----------------------------------------------------------------


def check_opening(adapter: Adapter, scenario: OpeningScenario, chunking: Chunking) -> Observation:
    """The endpoint makes of a request or response what the model allows, and so does its answer.

    What is sent behind the head belongs to the connection, if there is one. Raises like
    :func:`check_stream`.
    """
    case = Case("property/opening", "", scenario.settings, (Receive(scenario.data),), (), ())
    observation = player_of(adapter)(case, chunking)
    problem = _problem_of_opening(scenario.settings, observation)
    if problem:
        lines = [
            f"{problem}: a {scenario.settings!r}",
            *format_lines(annotate(observation.received, opening=True), "  "),
            f"seen {show(observation.outcomes)}",
        ]
        raise Disagreement(problem, "\n".join(lines))
    return observation


def _problem_of_opening(opening: Opening, observation: Observation) -> str:
    if observation.raised:
        return f"raises {observation.raised.partition(':')[0]}"
    first, behind = next(iter(observation.outcomes), None), list(observation.outcomes[1:])
    received, sent = observation.received, observation.sent
    judgement: RequestJudgement | ResponseJudgement
    if opening.role == "server":
        judgement = judge_request(received, opening)
        problems = [] if first is None else problems_of_response(sent, received, opening)
    else:
        head = head_of(sent)
        if head is None:
            return "no request was sent"
        request = sent[: head.size]
        judgement = judge_response(received, request)
        problems = problems_of_request(request, opening)
    if not judgement.permits(first):
        reasons = "; ".join((*judgement.must, *judgement.may)) or "nothing is wrong"
        return f"{_label(first)} seen, where the model says {judgement.verdict}: {reasons}"
    if problems:
        return problems[0]
    if isinstance(first, Accepted) and "deflate" not in first.extensions:
        expected = read(received[judgement.end :], eof=False, role=opening.role).outcomes
        if expected != behind:
            return "behind the handshake: " + difference(expected, behind)
    return ""


def check_nonces(adapter: Adapter, connections: int = 32) -> None:
    """Each connection of a client has a Sec-WebSocket-Key of its own (RFC 6455 §4.1, 7)."""
    heads = [head_of(adapter.opening(Opening("client")).data_to_send()) for _ in range(connections)]
    keys = [key for head in heads if head is not None for key in head.all("sec-websocket-key")]
    if len(set(keys)) < connections:
        raise Disagreement("nonces", f"{connections} requests have {len(set(keys))} different keys")


#: What is no part of a WebSocket URI (RFC 6455 §3): by name, and as settings.
BAD_URIS: Final[dict[str, Opening]] = {
    "fragment": Opening("client", target="/chat#top"),
    "space in target": Opening("client", target="/a b"),
    "line break in target": Opening("client", target="/a\r\nX-Injected: 1"),
    "space in host": Opening("client", host="exa mple.com"),
    "line break in host": Opening("client", host="a\r\nX-Injected: 1"),
    "no host": Opening("client", host=""),
}


def check_bad_uris(adapter: Adapter) -> None:
    """A client sends nothing invalid for a bad URI (§4.1, 1): it refuses, or escapes it."""
    for name, opening in BAD_URIS.items():
        try:
            sent = adapter.opening(opening).data_to_send()
        except Unsupported:
            raise
        except Exception:  # noqa: S112 (it has refused, in whatever way)
            continue
        head = head_of(sent)
        target = "" if head is None else head.start_line.partition(" ")[2].rpartition(" ")[0]
        injected = head is not None and "x-injected" in dict(head.headers)
        hosts = [] if head is None else head.all("host")
        invalid = set(target) & set("# ") or any(" " in host for host in hosts)
        if not target or invalid or injected or name == "no host":
            raise Disagreement(f"bad URI: {name}", f"sent {sent[:200]!r}")
