"""The rows of the requirement matrix: what RFC 6455 and RFC 7692 require of an endpoint.

Every MUST, MUST NOT, SHOULD and SHOULD NOT (and SHALL, REQUIRED, RECOMMENDED) of RFC 6455 §3 to
§10 and §11.3 and of RFC 7692 §4 to §9 that concerns a client or a server is here, in the RFCs'
order and words, together with the rules in small letters and the plain sentences that say what
those words refer to (:attr:`Requirement.implied`). ``key_words`` has the few that concern
somebody else, and the counts that show that none is missing.

Which cases and properties check a requirement is not said here: they name its id. Where none
can, :attr:`Requirement.unchecked` gives the reason.

Owns the table. Must not know the cases, the model, or any implementation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .closing import CLOSING
from .compression import COMPRESSION
from .entries import BOTH, CLIENT, ELLIPSIS, SERVER, Level, Requirement
from .extending import EXTENDING
from .framing import FRAMING
from .messages import MESSAGES
from .opening_client import CLIENT_HANDSHAKE
from .opening_server import SERVER_HANDSHAKE
from .permessage_deflate import PERMESSAGE_DEFLATE

__all__ = [
    "BOTH",
    "CLIENT",
    "ELLIPSIS",
    "REQUIREMENTS",
    "SERVER",
    "Level",
    "Requirement",
    "UnknownRequirementError",
    "requirement",
]


class UnknownRequirementError(LookupError):
    """There is no requirement of that id."""


#: All requirements by id, in the order of the RFCs.
REQUIREMENTS: Final[Mapping[str, Requirement]] = MappingProxyType(
    {
        entry.id: entry
        for part in (
            CLIENT_HANDSHAKE,
            SERVER_HANDSHAKE,
            FRAMING,
            MESSAGES,
            CLOSING,
            EXTENDING,
            COMPRESSION,
            PERMESSAGE_DEFLATE,
        )
        for entry in part
    }
)


def requirement(identity: str) -> Requirement:
    """Give the requirement of that id, as ``6455-5.1-2``.

    Raises :exc:`UnknownRequirementError` if there is none.
    """
    try:
        return REQUIREMENTS[identity]
    except KeyError:
        raise UnknownRequirementError(f"no requirement has the id {identity!r}") from None
