"""Cases of the opening handshake, held to the model; and the model and the engine to each other."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproto_core.testing.cases import Case, Level, Receive
from wsproto_core.testing.catalogue import (
    negotiation_client,
    negotiation_server,
    opening_client,
    opening_server,
)
from wsproto_core.testing.catalogue.heads import (
    DEFLATED,
    Negotiated,
    case,
    request,
)
from wsproto_core.testing.engine import EngineAdapter
from wsproto_core.testing.model.opening import (
    judge_request,
    judge_response,
)
from wsproto_core.testing.openings import fill_in, outcome_of_response
from wsproto_core.testing.outcomes import (
    Accepted,
    Failed,
    Lost,
    Outcome,
    Rejected,
    Role,
)
from wsproto_core.testing.runner import player_of, run_all
from wsproto_core.testing.settings import Opening
from wsproto_core.testing.strategies.openings import OpeningScenario, opening_scenarios

CLIENT = Opening("client")

CASES = (
    *opening_server.CASES,
    *opening_client.CASES,
    *negotiation_server.CASES,
    *negotiation_client.CASES,
)


class TestNegotiated:
    def test_it_compares_names(self) -> None:
        told = Accepted(None, "permessage-deflate;server_max_window_bits=9")
        assert told == DEFLATED
        assert Accepted(None, "permessage-deflate") == DEFLATED
        assert hash(DEFLATED) == hash(Negotiated(None, told.extensions))
        others = (Accepted(), Accepted("a", "permessage-deflate"), Accepted(None, "x"), Lost())
        for other in others:
            assert other != DEFLATED

    def test_case(self) -> None:
        made = case("a/b", "t", [b"x"], (Lost(),), ["1"], opening=CLIENT)
        assert made == Case("a/b", "t", CLIENT, (Receive(b"x"),), (Lost(),), ("1",))


def first_heads() -> Iterator[Case]:
    """The cases in which there is one head, and at once."""
    for each in CASES:
        if [type(step) for step in each.steps] == [Receive]:
            yield each


def judge_case(each: Case, data: bytes) -> tuple[str, list[bool]]:
    """The model's verdict, and whether it permits what the case has as right."""
    assert isinstance(each.settings, Opening)
    wanted = [outcomes[0] if outcomes else None for outcomes in (each.expect, *each.also)]
    if each.role == "server":
        asked = judge_request(data, each.settings)
        return asked.verdict, [asked.permits(concrete(outcome)) for outcome in wanted]
    answer = judge_response(fill_in(data, offering(each.settings)), offering(each.settings))
    return answer.verdict, [answer.permits(concrete(outcome)) for outcome in wanted]


def concrete(outcome: Outcome | None) -> Outcome | None:
    """Of what was negotiated a case says the names only."""
    return None if isinstance(outcome, Negotiated) else outcome


def offering(opening: Opening) -> bytes:
    """A request that offers all that *opening* says."""
    fields = []
    if opening.subprotocols:
        fields.append(b"Sec-WebSocket-Protocol: " + ", ".join(opening.subprotocols).encode())
    if opening.deflate:
        fields.append(b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    return request(*fields, key=b"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==")


class TestCases:
    @pytest.mark.parametrize("each", list(first_heads()), ids=lambda each: each.id)
    def test_the_model_agrees(self, each: Case) -> None:
        [step] = each.steps
        assert isinstance(step, Receive)
        verdict, permitted = judge_case(each, step.data)
        if isinstance(each.expect[0] if each.expect else None, Negotiated):
            assert verdict in ("accept", "open")
        else:
            assert permitted[0]
            assert all(permitted) or each.level is Level.POLICY
        if each.level is Level.MUST and not each.also and each.expect:
            refused = isinstance(each.expect[0], Failed) or (
                isinstance(each.expect[0], Rejected) and each.role == "server"
            )
            assert (verdict == "reject") == refused

    def test_the_engine_passes(self) -> None:
        results = run_all(CASES, player_of(EngineAdapter()), seed=1)
        failed = [(result.case.id, result.judgement) for result in results if result.verdict]
        assert failed == []


# The engine ----------------------------------------------------------------------------------


def play(role: Role, opening: Opening, data: bytes) -> tuple[bool, str]:
    """Whether the model permits what the engine makes of *data*, and what that is."""
    endpoint = EngineAdapter().opening(opening)
    if role == "server":
        endpoint.receive(data)
        seen, _ = outcome_of_response(endpoint.data_to_send())
        return judge_request(data, opening).permits(seen), repr(seen)
    asked = endpoint.data_to_send()
    data = fill_in(data, asked)
    endpoint.receive(data)
    seen = next(iter(endpoint.outcomes()), None)
    return judge_response(data, asked).permits(seen), repr(seen)


PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"=", b'"', b"\\", b"\0", b"\xff"]
PIECES += [b"0", b"13", b"websocket", b"Upgrade", b"GET", b"/", b"#", b"%", b"[", b"@", b"101"]
PIECES += [b"permessage-deflate", b"server_max_window_bits=10", b"Host: a", b"{accept}"]


def mutated(data: bytes, draw: random.Random) -> bytes:
    """*data* with one to three things changed at random."""
    for _ in range(draw.randint(1, 3)):
        begin = draw.randrange(len(data) + 1)
        end = begin + draw.choice([0, 1, 2, 4, 20])
        into = draw.choice([b"", data[begin:end] * 2, draw.choice(PIECES)])
        data = data[:begin] + into + data[end:]
        if draw.random() < 0.3:
            parts = data.split(b"\r\n")
            parts.insert(draw.randrange(len(parts)), draw.choice(parts))
            data = b"\r\n".join(parts)
    return data or b"x"


class TestEngine:
    @given(opening_scenarios("server"))
    def test_requests(self, scenario: OpeningScenario) -> None:
        permitted, seen = play("server", scenario.settings, scenario.data)
        assert permitted, seen

    @given(opening_scenarios("client"))
    def test_responses(self, scenario: OpeningScenario) -> None:
        permitted, seen = play("client", scenario.settings, scenario.data)
        assert permitted, seen

    @settings(max_examples=300)
    @given(st.sampled_from(list(first_heads())), st.randoms(use_true_random=False))
    def test_mutated_cases(self, each: Case, draw: random.Random) -> None:
        [step] = each.steps
        assert isinstance(step, Receive)
        assert isinstance(each.settings, Opening)
        data = mutated(step.data[:3000], draw)
        permitted, seen = play(each.role, each.settings, data)
        assert permitted, (data, seen)
