"""What one line of the requirement matrix is.

Owns the types. Must not know which requirements there are, nor what checks them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from wsproto_core.testing.outcomes import Role

CLIENT: Final[frozenset[Role]] = frozenset({"client"})
SERVER: Final[frozenset[Role]] = frozenset({"server"})
BOTH: Final = CLIENT | SERVER

#: Stands in a requirement's text where words of the RFC are left out.
ELLIPSIS: Final = "[…]"

#: The words of RFC 2119 that oblige or forbid. MAY and OPTIONAL do neither.
KEY_WORD: Final = re.compile(
    r"\b(?:(?:MUST|SHALL|SHOULD)(?: NOT)?|(?:NOT )?RECOMMENDED|REQUIRED)\b"
)


class Level(Enum):
    """How much a requirement binds (RFC 2119). SHALL and REQUIRED are MUST; RECOMMENDED is
    SHOULD.
    """

    MUST = "MUST"
    MUST_NOT = "MUST NOT"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"


@dataclass(frozen=True)
class Requirement:
    """One thing that an RFC requires of an endpoint.

    The text is the RFC's own: its sentence, with ``[…]`` where words are left out, as between
    the start of a list and one of its items. Where one sentence requires two things, both
    quote it, and their titles tell them apart.
    """

    #: The RFC, the section and the running number within it, as in ``6455-5.1-2``.
    id: str
    level: Level
    #: Whom it binds.
    roles: frozenset[Role]
    #: A few words that say what is to be so.
    title: str
    text: str
    #: Why the bytes that go in and come out, and what an application is told, cannot show
    #: whether an endpoint complies; "" where they can.
    unchecked: str = ""

    @property
    def section(self) -> str:
        """Where the text stands, as ``RFC 6455 §5.1``."""
        rfc, section, _ = self.id.split("-")
        return f"RFC {rfc} §{section}"

    @property
    def implied(self) -> bool:
        """Whether the text has no key word of RFC 2119.

        Such are the rules in small letters ("must have identical …"), and the plain sentences
        that say what the key words elsewhere refer to ("has no value", "consists of …"). Their
        level is that of the rule that they belong to.
        """
        return KEY_WORD.search(self.text) is None
