"""What a run has come to, as plain data: for reports, for files, and to be put together again.

Owns the form of the results, in memory and as JSON. A record holds words and annotated bytes
rather than the objects that they were made from, so that what is read from a file is shown as
what has just been run. Must not know how it is shown.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from .actions import Action, SendMessage, SendPing, SendPong
from .annotating import Line, annotate, preview, visible
from .cases import Case, Do, Level, Receive
from .judging import Verdict, show
from .outcomes import DEFAULT_LIMITS, Outcome, Role
from .requirements import requirement
from .runner import Attempt, Result
from .settings import Open, Opening

FORMAT: Final = "wsproto_core.testing"
#: Of the JSON. Another number stands for another form.
VERSION: Final = 1

#: Characters that are kept of what is said of outcomes: a case may have thousands of them.
_WORDS: Final = 800
#: Fragments of a message that are shown.
_FRAGMENTS: Final = 8
_KEY: Final = re.compile(r"masking key$|sec-websocket-key:", re.IGNORECASE).match


class ResultsError(ValueError):
    """What was read is no such file, or does not go together. The message is one line."""


# Records ------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepRecord:
    """A step of a case."""

    #: "receive", "eof" or "do".
    what: Literal["receive", "eof", "do"]
    #: A sentence: "The application sends a Ping with 'a'."
    text: str
    #: What the peer sends, of one direction of the connection.
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class CaseRecord:
    """A case, in words. See :class:`~.cases.Case`."""

    id: str
    title: str
    role: Role
    section: str
    level: Level
    #: What the endpoint begins with.
    setup: str
    steps: tuple[StepRecord, ...]
    expect: str
    also: tuple[str, ...] = ()
    tolerate: tuple[str, ...] = ()
    #: What the peer has to get; None if that follows from *expect*.
    sent: str | None = None
    sent_also: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    advisories: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class RequirementRecord:
    """What an RFC says."""

    id: str
    level: str
    title: str
    section: str
    text: str


@dataclass(frozen=True)
class AttemptRecord:
    """What one or several ways of running a case have come to."""

    #: "whole", "bytewise", "random": those that came to the same.
    ways: tuple[str, ...]
    verdict: Verdict
    #: "" if it is only that what was seen is not what was expected.
    why: str = ""
    #: What the application was told; None where nothing was run.
    seen: str | None = None
    #: What the endpoint sent.
    sent: tuple[Line, ...] = ()
    closed: bool = False


@dataclass(frozen=True)
class ResultRecord:
    """What a case has come to on an implementation."""

    case: str
    verdict: Verdict
    why: str = ""
    attempts: tuple[AttemptRecord, ...] = ()


@dataclass(frozen=True)
class ImplementationRecord:
    """An implementation, and what it has come to."""

    name: str
    version: str
    #: How it was reached: "adapter", or its address.
    how: str = "adapter"
    #: How long it took, in seconds.
    seconds: float = 0.0
    results: tuple[ResultRecord, ...] = ()

    @property
    def title(self) -> str:
        """Its name and version."""
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True)
class RunRecord:
    """Some implementations, run on the same cases."""

    #: The version of the kit.
    kit: str
    seed: int
    cases: tuple[CaseRecord, ...] = ()
    requirements: tuple[RequirementRecord, ...] = ()
    implementations: tuple[ImplementationRecord, ...] = ()

    @cached_property
    def case(self) -> Mapping[str, CaseRecord]:
        """The cases by identity."""
        return {case.id: case for case in self.cases}

    @cached_property
    def requirement(self) -> Mapping[str, RequirementRecord]:
        """The requirements by identity."""
        return {requirement.id: requirement for requirement in self.requirements}

    def records_of(self, which: ImplementationRecord) -> Iterator[tuple[CaseRecord, ResultRecord]]:
        """What an implementation has come to, with the cases."""
        for result in which.results:
            yield self.case[result.case], result


# What counts --------------------------------------------------------------------------


def is_failure(level: Level, verdict: Verdict, *, strict: bool = False) -> bool:
    """Whether a run that has this has failed: a MUST was broken, or, if *strict*, anything is
    not as it should be. What is skipped was not run, so it has not failed.
    """
    if strict:
        return verdict in (Verdict.FAIL, Verdict.NON_STRICT)
    return verdict is Verdict.FAIL and level is Level.MUST


def count(
    records: Iterable[tuple[CaseRecord, ResultRecord]],
) -> Counter[tuple[Level, Verdict]]:
    """How many there are of each level and verdict."""
    return Counter((case.level, result.verdict) for case, result in records)


# From what was run --------------------------------------------------------------------


def record_case(case: Case) -> CaseRecord:
    """*case* in words."""
    return CaseRecord(
        id=case.id,
        title=case.title,
        role=case.role,
        section=case.section,
        level=case.level,
        setup=describe_settings(case.settings),
        steps=tuple(_record_steps(case)),
        expect=_told(case.expect),
        also=tuple(map(_told, case.also)),
        tolerate=tuple(map(_told, case.tolerate)),
        sent=None if case.sent is None else _told(case.sent),
        sent_also=tuple(map(_told, case.sent_also)),
        requirements=case.requirements,
        advisories=case.advisories,
        note=case.note,
    )


def record_requirement(identity: str) -> RequirementRecord:
    """The requirement of that identity. Raises what :func:`~.requirements.requirement` does."""
    found = requirement(identity)
    return RequirementRecord(found.id, found.level.value, found.title, found.section, found.text)


def record_result(result: Result) -> ResultRecord:
    """*result* in words; ways that came to the same are one."""
    attempts: dict[object, AttemptRecord] = {}
    for attempt in result.attempts:
        record = _record_attempt(result.case, attempt)
        key = (record.verdict, record.why, record.seen, record.closed, said(record.sent))
        known = attempts.get(key)
        attempts[key] = record if known is None else replace(known, ways=(*known.ways, attempt.way))
    return ResultRecord(
        result.case.id, result.verdict, _cut(result.judgement.why), tuple(attempts.values())
    )


def record_run(
    cases: Iterable[Case],
    implementations: Iterable[ImplementationRecord],
    *,
    seed: int,
    kit: str,
) -> RunRecord:
    """All of a run; *kit* is the version of this package."""
    records = tuple(map(record_case, cases))
    named = dict.fromkeys(identity for case in records for identity in case.requirements)
    return RunRecord(
        kit, seed, records, tuple(map(record_requirement, named)), tuple(implementations)
    )


def merge(runs: Sequence[RunRecord]) -> RunRecord:
    """Several runs as one: all their implementations, on all their cases.

    Raises :exc:`ResultsError` if one case is not the same in all of them.
    """
    cases: dict[str, CaseRecord] = {}
    for case in (case for run in runs for case in run.cases):
        if cases.setdefault(case.id, case) != case:
            raise ResultsError(f"the results are of different catalogues: see {visible(case.id)}")
    requirements = {entry.id: entry for run in runs for entry in run.requirements}
    return replace(
        runs[0],
        cases=tuple(cases.values()),
        requirements=tuple(requirements.values()),
        implementations=tuple(each for run in runs for each in run.implementations),
    )


def _record_steps(case: Case) -> Iterator[StepRecord]:
    """The steps. What the peer sends is explained as the one stream that it is."""
    stream = b"".join(step.data for step in case.steps if isinstance(step, Receive))
    lines = annotate(stream, opening=isinstance(case.settings, Opening))
    at = 0
    for step in case.steps:
        if isinstance(step, Receive):
            size = len(step.data)
            own = tuple(line for line in lines if at <= line.offset < at + size)
            at += size
            yield StepRecord("receive", f"The peer sends {_counted(size, 'byte')}.", own)
        elif isinstance(step, Do):
            yield StepRecord("do", f"The application {describe_action(step.action)}.")
        else:
            yield StepRecord("eof", "The peer ends the transport.")


def _record_attempt(case: Case, attempt: Attempt) -> AttemptRecord:
    judgement, observation = attempt.judgement, attempt.observation
    if observation is None:
        return AttemptRecord((attempt.way,), judgement.verdict, _cut(judgement.why))
    # What stands in the record anyway.
    plain = f"expected {show(case.expect)}; seen {show(observation.outcomes)}"
    return AttemptRecord(
        (attempt.way,),
        judgement.verdict,
        "" if judgement.why == plain else _cut(judgement.why),
        _told(observation.outcomes),
        tuple(annotate(observation.sent, opening=isinstance(case.settings, Opening))),
        observation.closed,
    )


def said(lines: Iterable[Line]) -> tuple[str, ...]:
    """What is sent, but for what a client draws anew each time: masking keys and the like."""
    return tuple(line.text for line in lines if not _KEY(line.text))


def _told(outcomes: Sequence[Outcome]) -> str:
    return _cut(show(outcomes))


def _cut(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _WORDS else f"{text[:_WORDS]} ... ({len(text)} characters)"


# Words --------------------------------------------------------------------------------


def describe_settings(settings: Open | Opening) -> str:
    """What an endpoint begins with, in a line."""
    if isinstance(settings, Opening):
        words = [f"a {settings.role}, from the opening handshake on"]
        if settings.role == "client":
            words.append(f"for {settings.target} on {settings.host}")
        words += [f"subprotocol {name}" for name in settings.subprotocols]
        words += ["permessage-deflate"] * settings.deflate
        return "; ".join(words)
    words = [f"a {settings.role}, after the opening handshake"]
    if settings.deflate is not None:
        words.append(settings.deflate.header())
    if settings.limits is not None:
        words += [
            f"{name} {getattr(settings.limits, name)}"
            for name in ("max_message_size", "max_frame_size", "max_fragments")
            if getattr(settings.limits, name) != getattr(DEFAULT_LIMITS, name)
        ]
    return "; ".join(words)


def describe_action(action: Action) -> str:
    """What the application does, as the end of a sentence."""
    match action:
        case SendMessage(kind, (payload,)):
            return f"sends a {kind} message of {_sized(payload)}"
        case SendMessage(kind, fragments):
            sizes = ", ".join(map(_sized, fragments[:_FRAGMENTS]))
            more = ", ..." if len(fragments) > _FRAGMENTS else ""
            return f"sends a {kind} message in {len(fragments)} fragments: {sizes}{more}"
        case SendPing(payload):
            return f"sends a Ping of {_sized(payload)}"
        case SendPong(payload):
            return f"sends a Pong of {_sized(payload)}"
    if action.code is None:
        return "closes, without a code"
    reason = f" and {preview(action.reason.encode())}" if action.reason else ""
    return f"closes with {action.code}{reason}"


def _sized(payload: bytes) -> str:
    size = _counted(len(payload), "byte")
    return f"{size} ({preview(payload)})" if payload else size


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


# JSON ---------------------------------------------------------------------------------


def to_json(run: RunRecord) -> str:
    """The run as a file: the same run gives the same text, and a line differs for each case or
    result that does.
    """
    head = {"format": FORMAT, "version": VERSION, "kit": run.kit, "seed": run.seed}
    parts = [
        _dump(head)[1:-1],
        f'"cases": {_listed(run.cases)}',
        f'"requirements": {_listed(run.requirements)}',
    ]
    implementations = ",\n".join(
        f'{{"name": {_dump(each.name)}, "version": {_dump(each.version)}, '
        f'"how": {_dump(each.how)}, "seconds": {round(each.seconds, 3)},\n'
        f'"results": {_listed(each.results)}}}'
        for each in run.implementations
    )
    parts.append(f'"implementations": [\n{implementations}]')
    return "{" + ",\n".join(parts) + "}\n"


def from_json(text: str) -> RunRecord:
    """The run that :func:`to_json` has written. Raises :exc:`ResultsError`."""
    try:
        data = json.loads(text)
    except ValueError as exc:
        raise ResultsError(f"not JSON: {exc}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ResultsError("not a file of results")
    if data.get("version") != VERSION:
        raise ResultsError(f"results of version {data.get('version')!r}, not {VERSION}")
    run: RunRecord = _read(RunRecord, data, "results")
    known = {case.id for case in run.cases}
    for each in run.implementations:
        for result in each.results:
            if result.case not in known:
                raise ResultsError(f"a result of no case: {visible(result.case)}")
    return run


def plain(value: object) -> Any:
    """A record as JSON has it, without what has its default."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: plain(own)
            for each in fields(value)
            if (own := getattr(value, each.name)) != each.default
        }
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value


def _dump(value: object) -> str:
    return json.dumps(plain(value), ensure_ascii=False)


def _listed(records: Sequence[object]) -> str:
    return "[\n" + ",\n".join(map(_dump, records)) + "]"


def _read(wanted: Any, value: Any, where: str) -> Any:
    """*value* as what is wanted: a record, an enum, a tuple, or a plain value."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if isinstance(wanted, type) and is_dataclass(wanted) and isinstance(value, dict):
        types = get_type_hints(wanted)
        given = {
            each.name: _read(types[each.name], value[each.name], f"{where}.{each.name}")
            for each in fields(wanted)
            if each.name in value
        }
        try:
            return wanted(**given)
        except TypeError:
            raise ResultsError(f"{where}: something is missing") from None
    if origin is tuple and isinstance(value, list):
        return tuple(_read(arguments[0], each, f"{where}[{i}]") for i, each in enumerate(value))
    if wanted is Line and isinstance(value, list) and [*map(type, value)] == [int, str, str]:
        return Line(*value)
    if wanted in (Level, Verdict) and isinstance(value, str) and value in wanted.__members__:
        return wanted[value]
    if (origin is Literal and value in arguments) or type(value) in (wanted, *arguments):
        return value
    if wanted is float and type(value) is int:
        return float(value)
    raise ResultsError(f"{where}: unexpected {visible(repr(value))[:80]}")
