"""The results of a run: read from a suite's report, compared with those that are committed.

This knows the form of the suite's ``index.json`` and of ``expected.json``, and nothing of how
a suite is run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple, get_args

Role = Literal["server", "client"]
ROLES: tuple[Role, ...] = get_args(Role)

EXPECTED = Path(__file__).with_name("expected.json")

#: All the cases, and those that are done in about a minute: all but deflate's.
ALL = ("*",)
QUICK = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*")

#: What a summary always names, in the suite's words; others only if there are any.
ALWAYS_COUNTED = ("OK", "INFORMATIONAL", "NON-STRICT", "FAILED")


class Result(NamedTuple):
    """How a case went, in the suite's words."""

    #: What was exchanged: OK, NON-STRICT, INFORMATIONAL, UNIMPLEMENTED, FAILED.
    behaviour: str
    #: How it ended: the same, and WRONG CODE, UNCLEAN, FAILED BY CLIENT.
    closing: str

    def __str__(self) -> str:
        return f"{self.behaviour} (closing: {self.closing})"


#: Results by the names of the cases, as ``"7.13.1"``.
Results = Mapping[str, Result]


def case_order(case: str) -> list[int]:
    """A key that sorts cases as the suite numbers them."""
    return [int(number) for number in case.split(".")]


def select(results: Results, patterns: Iterable[str]) -> dict[str, Result]:
    """Those of the cases whose name fits any of the patterns, in order."""
    patterns = tuple(patterns)
    return {
        case: results[case]
        for case in sorted(results, key=case_order)
        if any(fnmatchcase(case, pattern) for pattern in patterns)
    }


def read_report(file: Path) -> dict[str, Result]:
    """The results in a suite's ``index.json``, in which there must be one agent.

    Raises :exc:`ValueError` for a report of another form.
    """
    report = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(report, dict) or len(report) != 1:
        raise ValueError(f"{file}: the results of one agent are expected")
    (cases,) = report.values()
    try:
        found = {
            case: Result(fields["behavior"], fields["behaviorClose"])
            for case, fields in cases.items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{file}: not a report of the suite: {error!r}") from error
    return select(found, ALL)


def read_expected(role: Role, file: Path = EXPECTED) -> dict[str, Result]:
    """The committed results of a role; none if there are none yet."""
    if not file.exists():
        return {}
    roles = json.loads(file.read_text(encoding="utf-8"))
    return {case: Result(*words) for case, words in roles.get(role, {}).items()}


def write_expected(results: Mapping[Role, Results], file: Path = EXPECTED) -> None:
    """Commit the results of the roles given, each as a whole; others stay as they are."""
    everything = {role: results.get(role) or read_expected(role, file) for role in ROLES}
    # A line for each case, so that a change is a line of a diff.
    sections = []
    for role, cases in everything.items():
        lines = [
            f"  {json.dumps(case)}: {json.dumps(list(result))}"
            for case, result in select(cases, ALL).items()
        ]
        sections.append(f" {json.dumps(role)}: {{\n" + ",\n".join(lines) + "\n }")
    file.write_text("{\n" + ",\n".join(sections) + "\n}\n", encoding="utf-8")


def differences(expected: Results, found: Results) -> dict[str, str]:
    """What is not as expected: a sentence for each case, in order; none if all is."""
    told = {}
    for case in sorted({*expected, *found}, key=case_order):
        before, now = expected.get(case), found.get(case)
        if before == now:
            continue
        if before is None:
            told[case] = f"{now}, but no result is committed"
        elif now is None:
            told[case] = f"not in the report; expected {before}"
        else:
            told[case] = f"{now}; expected {before}"
    return told


def summary(results: Results) -> str:
    """How many cases came out how; what counts is the worse of exchange and closing."""
    counts = Counter(
        result.behaviour if result.behaviour != "OK" else result.closing
        for result in results.values()
    )
    names = [*ALWAYS_COUNTED, *sorted(set(counts) - set(ALWAYS_COUNTED))]
    return ", ".join(f"{counts[name]} {name}" for name in names)
