"""Results as JUnit's XML, for continuous integration.

An implementation is a test suite, a case a test. Owns the form. Must not know how results come
about.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from .annotating import visible
from .judging import Verdict
from .report_text import result_lines
from .results import CaseRecord, ImplementationRecord, ResultRecord, RunRecord, is_failure


def to_junit(run: RunRecord, *, strict: bool = False) -> str:
    """The run as XML. A failure is what :func:`~.results.is_failure` calls one; what else is
    off stands in the test's output.
    """
    lines = ['<?xml version="1.0" encoding="utf-8"?>', '<testsuites name="WebSocket conformance">']
    for which in run.implementations:
        lines += _suite(run, which, strict)
    return "\n".join([*lines, "</testsuites>", ""])


def _suite(run: RunRecord, which: ImplementationRecord, strict: bool) -> Iterator[str]:
    records = list(run.records_of(which))
    failed = sum(is_failure(case.level, result.verdict, strict=strict) for case, result in records)
    skipped = sum(result.verdict is Verdict.SKIPPED for _, result in records)
    yield (
        f'<testsuite name="{_attribute(which.title)}" tests="{len(records)}" errors="0" '
        f'failures="{failed}" skipped="{skipped}" time="{which.seconds:.3f}">'
    )
    for case, result in records:
        # As a class's name: without the dots of a version, which would be packages.
        parent = f"{which.name}.{case.section}"
        start = f'<testcase classname="{_attribute(parent)}" name="{_attribute(case.id)}"'
        body = list(_body(run, case, result, strict))
        yield from [f"{start}>", *body, "</testcase>"] if body else [f"{start}/>"]
    yield "</testsuite>"


def _body(run: RunRecord, case: CaseRecord, result: ResultRecord, strict: bool) -> Iterator[str]:
    if result.verdict is Verdict.PASS:
        return
    if result.verdict is Verdict.SKIPPED:
        yield f'<skipped message="{_attribute(result.why)}"/>'
        return
    said = "\n".join(
        _text(line) for line in result_lines(case, result, run.requirement, with_bytes=True)
    )
    if is_failure(case.level, result.verdict, strict=strict):
        yield f'<failure type="{case.level.value}" message="{_attribute(result.why)}">'
        yield f"{said}</failure>"
    else:
        yield f"<system-out>{said}</system-out>"


def _text(text: str) -> str:
    # XML has no way to write most control characters.
    return escape(visible(text), quote=False)


def _attribute(text: str) -> str:
    return escape(visible(text))
