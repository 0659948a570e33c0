"""Finds what an implementation gets wrong, and shrinks each fault to the shortest example.

Owns how disagreements are told apart: by the words of :class:`~.properties.Disagreement`'s
kind, which do not depend on payloads, so that each kind is found once, and shrunk by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .adapter import Adapter, Unsupported
from .chunking import WHOLE, bytewise
from .outcomes import DEFAULT_LIMITS
from .properties import (
    REQUIREMENT_OF,
    Disagreement,
    check_chunking,
    check_conversation,
    check_opening,
    check_stream,
)
from .requirements import requirement
from .scenarios import Scenario
from .shrinking import shrink_conversation, shrink_opening, shrink_stream
from .strategies.conversations import Conversation, conversations
from .strategies.openings import OpeningScenario, opening_scenarios
from .strategies.streams import scenarios

#: Examples of each property that are tried, unless more are asked for.
EXAMPLES: Final = 1000

Example = Scenario | OpeningScenario | Conversation


@dataclass(frozen=True)
class Finding:
    """One kind of fault, with the shortest example found."""

    kind: str
    #: Which property it violates: "streams", "deflate", "server", "client", "conversations".
    target: str
    example: Example
    #: The example, annotated, and the difference.
    text: str
    #: The identity of the requirement that is at stake, if the model can tell.
    requirement: str | None = None

    def __str__(self) -> str:
        """For a reader: the example, and the sentence that it breaks."""
        if self.requirement is None:
            return self.text
        broken = requirement(self.requirement)
        return f"{self.text}\n{broken.section} ({broken.id}, {broken.level.value}): {broken.text}"


#: Examples of a property, and what finds the kind of fault that one shows, or none.
Target = tuple[st.SearchStrategy[Any], Callable[[Any], Disagreement | None]]


def hunt(
    adapter: Adapter,
    *,
    examples: int = EXAMPLES,
    seed_number: int = 0,
    progress: Callable[[str, int], None] = lambda target, found: None,
) -> list[Finding]:
    """Look for whatever *adapter*'s endpoints do that the model does not allow.

    Each kind of fault comes with the shortest example that shows it. The same arguments find
    the same things.

    :param examples: how many each property tries. Making them shorter comes on top.
    :param seed_number: another one tries others.
    :param progress: called as each property has been tried, with its name and the number of
        findings so far.
    """
    findings: list[Finding] = []
    for name, (strategy, check) in _targets(adapter).items():
        found = _search(strategy, check, examples, seed_number)
        findings += [
            _finding(name, kind, _shrink(example, check), check)
            for kind, example in sorted(found.items())
        ]
        progress(name, len(findings))
    return findings


def _targets(adapter: Adapter) -> dict[str, Target]:
    """The properties, by name."""

    def stream(scenario: Scenario) -> None:
        for chunking in (WHOLE, bytewise(len(scenario.data))):
            check_stream(adapter, scenario, chunking)
        check_chunking(adapter, scenario, WHOLE)

    def opening(scenario: OpeningScenario) -> None:
        check_opening(adapter, scenario, WHOLE)

    def conversation(example: Conversation) -> None:
        check_conversation(adapter, adapter, example)

    def finds(check: Callable[[Any], None]) -> Callable[[Any], Disagreement | None]:
        def problem_of(example: Any) -> Disagreement | None:
            try:
                check(example)
            except Disagreement as problem:
                return problem
            except Unsupported:
                if isinstance(example, Scenario) and example.limits != DEFAULT_LIMITS:
                    # Of limits there are more than an implementation may know.
                    return problem_of(replace(example, limits=DEFAULT_LIMITS))
            return None

        return problem_of

    return {
        "streams": (scenarios(deflate=False), finds(stream)),
        "deflate": (scenarios(deflate=True), finds(stream)),
        "server": (opening_scenarios("server"), finds(opening)),
        "client": (opening_scenarios("client"), finds(opening)),
        "conversations": (conversations(), finds(conversation)),
    }


def _search(
    strategy: st.SearchStrategy[Any],
    check: Callable[[Any], Disagreement | None],
    examples: int,
    seed_number: int,
) -> dict[str, Any]:
    """The smallest example of each kind of fault among so many."""
    found: dict[str, Any] = {}

    def attempt(example: Any) -> None:
        problem = check(example)
        if problem is not None:
            kind = _simplified(problem.kind)
            if kind not in found or size_of(example) < size_of(found[kind]):
                found[kind] = example

    configured: Any = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    seed(seed_number)(configured(given(strategy)(attempt)))()
    return found


def size_of(example: Example) -> int:
    """How long an example is: in bytes, or in turns."""
    return len(example.turns if isinstance(example, Conversation) else example.data)


def _shrink(example: Example, check: Callable[[Any], Disagreement | None]) -> Example:
    first = check(example)
    assert first is not None
    kind = _simplified(first.kind)

    def shows(candidate: Example) -> bool:
        problem = check(candidate)
        return problem is not None and _simplified(problem.kind) == kind

    if isinstance(example, Scenario):
        return shrink_stream(example, shows)
    if isinstance(example, OpeningScenario):
        return shrink_opening(example, shows)
    return shrink_conversation(example, shows)


def _finding(
    target: str, kind: str, example: Example, check: Callable[[Any], Disagreement | None]
) -> Finding:
    problem = check(example)
    return Finding(kind, target, example, str(problem), _requirement_of(example))


def _simplified(kind: str) -> str:
    """Without what a peer's bytes have put into it."""
    return re.sub(r"""b?'[^']*'|b?"[^"]*"|\d{5,}""", "...", kind)


def _requirement_of(example: Example) -> str | None:
    """The requirement that the end of a stream is about, if it is about one."""
    if isinstance(example, Scenario):
        for outcome in example.reading().outcomes[-1:]:
            return REQUIREMENT_OF.get(getattr(outcome, "why", ""))
    return None
