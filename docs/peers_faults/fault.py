"""What is said of a kind of fault, and the cases that show it.

Owns how cases are named here: an id as the catalogue has it, or several in one, with braces
(``text/lone-{80,bf}@server``) and with ``@*`` for both roles. There are no other wild cards, so
that a case that fails anew is never explained by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import product
from typing import NamedTuple


class Fault(NamedTuple):
    """A kind of fault of an implementation."""

    #: In words, with the RFC's section.
    text: str
    #: The cases that show it, each by its name. They fail, or some of them are non-strict.
    cases: tuple[str, ...] = ()
    #: Patterns, as for file names, of cases that are non-strict: there a new one does no harm.
    nearly: tuple[str, ...] = ()
    #: What others have as well, in the same words; None if it is *text*.
    kind: str | None = None

    @property
    def ids(self) -> list[str]:
        """The ids of :attr:`cases`."""
        return [id_ for name in self.cases for id_ in expand(name)]

    def shown_by(self, failed: Iterable[str], non_strict: Iterable[str]) -> list[str]:
        """Those of the cases that show it; the failed ones first."""
        ids = set(self.ids)
        return [
            *(case for case in failed if case in ids),
            *(
                case
                for case in non_strict
                if case in ids or any(fnmatchcase(case, pattern) for pattern in self.nearly)
            ),
        ]


def expand(name: str) -> list[str]:
    """The ids that a name with braces and ``@*`` stands for."""
    parts = re.split(r"\{(.*?)\}", name.replace("@*", "@{server,client}"))
    choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*choices)]
