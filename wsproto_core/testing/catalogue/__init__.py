"""The catalogue: what any WebSocket endpoint has to get right, as cases.

Cases are data (see :class:`~wsproto_core.testing.cases.Case`); :mod:`~wsproto_core.testing.runner`
runs them. Owns their order and how they are chosen. Must not know what is in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Final

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.outcomes import Role

#: The modules of cases, in the order of the catalogue. Each has ``CASES``.
SECTIONS: Final = (
    "opening_server",
    "opening_client",
    "negotiation_server",
    "negotiation_client",
    "framing",
    "masking",
    "fragmentation",
    "text",
    "control",
    "closing",
    "sending",
    "compression",
    "compression_windows",
    "compression_data",
    "compression_damaged",
    "compression_sending",
    "limits",
    "attacks",
    "attacks_opening",
)


@cache
def catalogue() -> tuple[Case, ...]:
    """All cases, always in the same order, each with an id of its own."""
    modules = [import_module(f"{__name__}.{section}") for section in SECTIONS]
    return tuple(case for module in modules for case in module.CASES)


def select(
    patterns: Iterable[str] = ("*",), role: Role | None = None, level: Level | None = None
) -> tuple[Case, ...]:
    """The cases whose id matches one of *patterns*, in the catalogue's order.

    :param patterns: as for file names: ``framing/*``, ``*rsv?-text@server``. Case matters.
    :param role: of the endpoint under test; None for both.
    :param level: None for all.
    """
    patterns = tuple(patterns)
    return tuple(
        case
        for case in catalogue()
        if any(fnmatchcase(case.id, pattern) for pattern in patterns)
        and role in (None, case.role)
        and level in (None, case.level)
    )


__all__ = ["SECTIONS", "catalogue", "select"]
