"""Finds what an implementation gets wrong, and shrinks each fault to the shortest stream.

Owns how disagreements are told apart: by what was expected and what was seen where the two
first differ (:func:`~.properties.difference`), so that each kind is found once, and shrunk by
itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from .adapter import Adapter, Unsupported
from .chunking import WHOLE, Chunking, bytewise
from .properties import REQUIREMENT_OF, Disagreement, check_chunking, check_stream
from .requirements import requirement
from .scenarios import Scenario
from .strategies.streams import scenarios

#: Examples that are tried, unless more are asked for: a minute or so.
EXAMPLES: Final = 2000


@dataclass
class Finding:
    """One kind of fault, with the shortest example found."""

    kind: str
    scenario: Scenario
    chunking: Chunking
    #: The example, annotated, and the difference.
    text: str
    #: How many examples showed it.
    count: int = 1
    #: The identity of the requirement that is at stake, if the model can tell.
    requirement: str | None = None

    def __str__(self) -> str:
        """For a reader: the example, and the sentence that it breaks."""
        if self.requirement is None:
            return self.text
        broken = requirement(self.requirement)
        return f"{self.text}\n{broken.section} ({broken.id}, {broken.level.value}): {broken.text}"


@dataclass
class _Found:
    """What has been found so far, by kind."""

    findings: dict[str, Finding] = field(default_factory=dict)
    #: hypothesis tells faults apart, and shrinks each, by the type of the exception.
    types: dict[str, type[Exception]] = field(default_factory=dict)

    def take(self, scenario: Scenario, chunking: Chunking, problem: Disagreement) -> Exception:
        old = self.findings.get(problem.kind)
        new = Finding(problem.kind, scenario, chunking, str(problem))
        if old is None:
            new.requirement = requirement_of(scenario)
            self.findings[problem.kind] = new
        else:
            old.count += 1
            if _size(new) < _size(old):
                old.scenario, old.chunking, old.text = scenario, chunking, new.text
                old.requirement = requirement_of(scenario)
        if problem.kind not in self.types:
            self.types[problem.kind] = type("Fault", (Exception,), {})
        return self.types[problem.kind](problem.kind)


def _size(finding: Finding) -> tuple[int, ...]:
    scenario = finding.scenario
    return (
        len(scenario.data),
        scenario.deflate is not None,
        scenario.settings().limits is not None,
        finding.chunking.step + len(finding.chunking.cuts),
    )


def hunt(
    adapter: Adapter,
    *,
    examples: int = EXAMPLES,
    seed_number: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> list[Finding]:
    """Look for streams that *adapter*'s endpoints do not read as the model does.

    Each kind of fault comes with the shortest stream that shows it. The same arguments find
    the same things.

    :param examples: streams to try, half of them with permessage-deflate. Shrinking comes on
        top.
    :param seed_number: another one tries others.
    :param progress: called after each example.
    """
    found = _Found()
    for deflate in (False, True):
        strategy = scenarios(deflate=deflate)
        _search(adapter, strategy, examples // 2, seed_number, found, progress)
    return sorted(found.findings.values(), key=lambda finding: finding.kind)


def _search(
    adapter: Adapter,
    strategy: st.SearchStrategy[Scenario],
    examples: int,
    seed_number: int,
    found: _Found,
    progress: Callable[[], None],
) -> None:
    ways = st.sampled_from([False, True])

    def check(scenario: Scenario, by_bytes: bool) -> None:
        progress()
        chunking = bytewise(len(scenario.data)) if by_bytes else WHOLE
        try:
            check_stream(adapter, scenario, chunking)
            check_chunking(adapter, scenario, WHOLE)
        except Unsupported:
            reject()
        except Disagreement as problem:
            raise found.take(scenario, chunking, problem) from problem

    configured: Any = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=True,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    try:
        with warnings.catch_warnings():
            # Of large examples, whose repr nobody is going to see.
            warnings.simplefilter("ignore", HypothesisWarning)
            seed(seed_number)(configured(given(strategy, ways)(check)))()
    except BaseExceptionGroup as several:
        _only_faults(several.exceptions, found)
    except Exception as one:
        _only_faults([one], found)


def _only_faults(raised: Any, found: _Found) -> None:
    """Anything else that is raised is a fault of the kit, and goes on."""
    for one in raised:
        if type(one) not in found.types.values():
            raise one


def requirement_of(scenario: Scenario) -> str | None:
    """The requirement that the end of the stream is about, if it is about one."""
    match scenario.reading().outcomes[-1:]:
        case [outcome]:
            return REQUIREMENT_OF.get(getattr(outcome, "why", ""))
    return None
