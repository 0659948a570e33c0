"""The requirement matrix: what checks each requirement of the RFCs, or why nothing can.

Joins the requirements with the cases of the catalogue, which name what they check, and with the
properties, which are named here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .cases import Case
from .requirements import REQUIREMENTS, Requirement

#: By the name of a check in :mod:`~.properties`: what it checks besides the catalogue.
PROPERTIES: Final[dict[str, tuple[str, ...]]] = {
    "check_stream": (
        *("6455-5.1-2", "6455-5.1-4", "6455-5.2-2", "6455-5.2-3", "6455-5.2-6", "6455-5.4-3"),
        *("6455-5.5-1", "6455-5.5.1-1", "6455-8.1-1", "6455-7.4.2-2", "6455-10.4-1"),
        *("7692-6.1-4", "7692-7.2.2-1"),
    ),
    "check_chunking": ("6455-5.4-1",),
    "check_conversation": (
        *("6455-5.1-1", "6455-5.1-3", "6455-5.5.1-6", "6455-5.5.2-1", "6455-5.5.3-1"),
        *("6455-6.1-1", "6455-6.2-4", "7692-6.2-1", "7692-7.2.1-1"),
    ),
    "check_opening": ("6455-4.2.1-11", "6455-4.1-35", "6455-7.2.1-1", "6455-9.1-1"),
    "check_nonces": ("6455-4.1-27",),
    "check_bad_uris": ("6455-3-1", "6455-3-2", "6455-4.1-3"),
}


@dataclass(frozen=True)
class Row:
    """A requirement, and what checks it."""

    requirement: Requirement
    #: Names of cases, each once, whichever roles it has.
    cases: tuple[str, ...]
    #: Names of checks in :mod:`~.properties`.
    properties: tuple[str, ...]


def matrix(cases: Iterable[Case]) -> list[Row]:
    """A row for each requirement, in the order of the RFCs.

    :param cases: the catalogue.
    """
    by_requirement: dict[str, dict[str, None]] = {identity: {} for identity in REQUIREMENTS}
    for case in cases:
        for identity in case.requirements:
            by_requirement[identity][case.name] = None
    return [
        Row(
            requirement,
            tuple(by_requirement[identity]),
            tuple(name for name, checked in PROPERTIES.items() if identity in checked),
        )
        for identity, requirement in REQUIREMENTS.items()
    ]
