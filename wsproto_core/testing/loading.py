"""What users name in words, found: adapters, cases, results of earlier runs.

Owns the messages about what cannot be found. Must not know what is then done with it.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from .adapter import Adapter
from .annotating import visible
from .cases import Case, Level
from .outcomes import Role


class LoadError(Exception):
    """There is no such thing. The message is one printable line."""


def load_adapter(spec: str) -> Adapter:
    """The adapter at ``pkg.module:Name``: an adapter, or what gives one when it is called.

    Raises :exc:`LoadError`.
    """
    module_name, colon, path = spec.partition(":")
    if not (module_name and colon and path):
        raise LoadError(f"{visible(spec)}: an adapter is named like pkg.module:Adapter")
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as exc:  # a module may do anything
        raise LoadError(f"cannot import {visible(module_name)}: {_told(exc)}") from exc
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise LoadError(f"{visible(module_name)} has no {visible(path)}") from None
    if isinstance(found, type) or (callable(found) and _missing(found)):
        try:
            found = found()
        except Exception as exc:
            raise LoadError(f"{visible(spec)} cannot be called: {_told(exc)}") from exc
    missing = _missing(found)
    if missing:
        raise LoadError(f"{visible(spec)} is no adapter: it has no {', '.join(missing)}")
    adapter: Adapter = found
    return adapter


def choose(
    cases: Iterable[Case],
    patterns: Sequence[str] = (),
    *,
    role: Role | None = None,
    levels: Iterable[Level] = (),
) -> tuple[Case, ...]:
    """The cases that are meant, in their order.

    :param patterns: as of files, for ids; or sections. None at all for every case.
    :param role: of the endpoint; None for both.
    :param levels: none for all.

    Raises :exc:`LoadError` if there is none, or if a pattern has none.
    """
    cases, levels = tuple(cases), frozenset(levels)
    for pattern in patterns:
        if not any(_matches(case, pattern) for case in cases):
            raise LoadError(f"no case matches {visible(pattern)}{_hint(cases, pattern)}")
    chosen = tuple(
        case
        for case in cases
        if (not patterns or any(_matches(case, pattern) for pattern in patterns))
        and role in (None, case.role)
        and (not levels or case.level in levels)
    )
    if not chosen:
        raise LoadError("no case is selected")
    return chosen


def _matches(case: Case, pattern: str) -> bool:
    return pattern in (case.section, case.name) or fnmatchcase(case.id, pattern)


def _hint(cases: Iterable[Case], pattern: str) -> str:
    known = dict.fromkeys(name for case in cases for name in (case.id, case.name, case.section))
    close = get_close_matches(pattern, known, 3)
    return f" (did you mean {' or '.join(close)}?)" if close else " (--list names them)"


def _missing(found: object) -> list[str]:
    """What an adapter has and *found* has not."""
    missing = [name for name in ("name", "version") if not isinstance(_get(found, name), str)]
    return missing + [name for name in ("open", "opening") if not callable(_get(found, name))]


def _get(found: object, name: str) -> object:
    return getattr(found, name, None)


def _told(exc: BaseException) -> str:
    """An exception, and where it was raised, in a line."""
    told = visible(f"{type(exc).__name__}: {exc}".replace("\n", " "))
    frames = traceback.extract_tb(exc.__traceback__)
    last = frames[-1]
    inside = last.filename.startswith("<frozen") or last.filename == __file__
    return told if inside else f"{told} ({visible(last.filename)}:{last.lineno})"
