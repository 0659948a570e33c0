"""Results as lines of text, for a terminal and for pytest.

Owns the wording and the columns. Must not know where the lines go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap
from typing import Final

from .annotating import format_lines, visible
from .cases import Level
from .judging import Verdict
from .results import (
    CaseRecord,
    ImplementationRecord,
    RequirementRecord,
    ResultRecord,
    RunRecord,
    count,
)

#: What a verdict is called.
WORDS: Final = {
    Verdict.PASS: "pass",
    Verdict.NON_STRICT: "non-strict",
    Verdict.SKIPPED: "skipped",
    Verdict.FAIL: "fail",
}
_WIDTH: Final = 96
#: Reasons for skipping that are listed.
_REASONS: Final = 12


def summary_lines(
    run: RunRecord, which: ImplementationRecord, *, verbose: bool = False
) -> Iterator[str]:
    """What an implementation has come to: failures, the rest that is off, and the counts.

    :param verbose: with annotated bytes, and all of what is not strict in full.
    """
    records = list(run.records_of(which))
    for case, result in records:
        if result.verdict is Verdict.FAIL or (verbose and result.verdict is Verdict.NON_STRICT):
            yield from result_lines(case, result, run.requirement, with_bytes=verbose)
            yield ""
    loose = [pair for pair in records if pair[1].verdict is Verdict.NON_STRICT]
    if loose and not verbose:
        yield "Non-strict: no MUST is broken, but it is not what it should be"
        for case, result in loose:
            yield from _wrapped(f"{case.id}: {result.why}", "  ")
        yield ""
    yield from _skipped_lines(result for _, result in records)
    yield from count_lines(which, count(records))


def count_lines(
    which: ImplementationRecord, counts: Mapping[tuple[Level, Verdict], int]
) -> Iterator[str]:
    """A table of how many cases of each level came to what."""
    yield f"{visible(which.title)} ({visible(which.how)}), {which.seconds:.1f} s"
    yield f"  {'':8}" + "".join(f"{WORDS[verdict]:>12}" for verdict in Verdict)
    for level in Level:
        numbers = [counts.get((level, verdict), 0) for verdict in Verdict]
        if any(numbers):
            yield f"  {level.value:8}" + "".join(f"{number:12}" for number in numbers)


def result_lines(
    case: CaseRecord,
    result: ResultRecord,
    requirements: Mapping[str, RequirementRecord],
    *,
    with_bytes: bool,
) -> Iterator[str]:
    """One result, explained."""
    head = f"{WORDS[result.verdict].upper()} {case.id} ({case.level.value}): {case.title}"
    yield from _wrapped(head, "")
    yield from _expected_lines(case)
    for attempt in result.attempts:
        parts = [] if attempt.seen is None else [f"seen {attempt.seen}"]
        parts += [attempt.why] * bool(attempt.why)
        came = f"{WORDS[attempt.verdict]} ({', '.join(attempt.ways)})"
        yield from _wrapped(f"{came}: {'; '.join(parts)}", "  ")
    if all(attempt.verdict is not result.verdict for attempt in result.attempts):
        yield from _wrapped(f"the ways differ: {result.why}", "  ")
    yield from _grounds_lines(case, requirements)
    if with_bytes:
        yield from _step_lines(case)
        for attempt in result.attempts:
            if attempt.sent:
                yield f"  The endpoint sends ({', '.join(attempt.ways)}):"
                yield from format_lines(attempt.sent, "    ")


def case_lines(case: CaseRecord, requirements: Mapping[str, RequirementRecord]) -> Iterator[str]:
    """One case, explained."""
    yield f"{case.id} ({case.level.value}): {case.title}"
    yield from _wrapped(f"The endpoint is {case.setup}.", "  ")
    yield from _step_lines(case)
    yield from _expected_lines(case)
    yield from _grounds_lines(case, requirements)


def list_lines(cases: Iterable[CaseRecord]) -> Iterator[str]:
    """Cases, two lines for each."""
    for case in cases:
        yield f"{case.id}  {case.level.value}  {' '.join(case.requirements)}".rstrip()
        yield f"    {case.title}"


def _expected_lines(case: CaseRecord) -> Iterator[str]:
    yield from _wrapped(f"expected: {case.expect}", "  ")
    for one in case.also:
        yield from _wrapped(f"or: {one}", "  ")
    for one in case.tolerate:
        yield from _wrapped(f"tolerated: {one}", "  ")
    if case.sent is not None:
        yield from _wrapped(f"to send: {' | '.join((case.sent, *case.sent_also))}", "  ")


def _step_lines(case: CaseRecord) -> Iterator[str]:
    for step in case.steps:
        yield f"  {step.text}"
        yield from format_lines(step.lines, "    ")


def _grounds_lines(
    case: CaseRecord, requirements: Mapping[str, RequirementRecord]
) -> Iterator[str]:
    for identity in case.requirements:
        entry = requirements[identity]
        yield from _wrapped(
            f"{entry.section}, {entry.level} ({identity}: {entry.title}): {entry.text}", "  "
        )
    for advisory in case.advisories:
        yield from _wrapped(f"advisory: {advisory}", "  ")
    if case.note:
        yield from _wrapped(f"note: {case.note}", "  ")


def _skipped_lines(results: Iterable[ResultRecord]) -> Iterator[str]:
    reasons = Counter(result.why for result in results if result.verdict is Verdict.SKIPPED)
    for why, number in reasons.most_common(_REASONS):
        yield from _wrapped(f"skipped {number}: {why or 'no reason given'}", "")
    if len(reasons) > _REASONS:
        yield f"skipped {sum(n for _, n in reasons.most_common()[_REASONS:])} for other reasons"


def _wrapped(text: str, indent: str) -> list[str]:
    return wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    )
