"""How many key words of RFC 2119 each section has, and which of them concern no endpoint.

Counted in the RFCs' texts: every MUST, SHALL and SHOULD (NOT or not), REQUIRED and (NOT)
RECOMMENDED of RFC 6455 §3 to §10 and §11.3 and of RFC 7692 §4 to §9. A test holds the table
against these figures, so that no sentence can be missing from it, nor be dropped later. Owns
the figures. Must not know what checks a requirement.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Exclusion(NamedTuple):
    """A sentence with key words that is no requirement of the table."""

    #: As ``RFC 6455 §5.4``.
    section: str
    #: The RFC's words.
    text: str
    reason: str


#: The number of key words by section; a section that is not here has none.
KEY_WORD_COUNTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "RFC 6455 §3": 2,
        "RFC 6455 §4.1": 42,
        "RFC 6455 §4.2.1": 2,
        "RFC 6455 §4.2.2": 10,
        "RFC 6455 §4.3": 1,
        "RFC 6455 §4.4": 1,
        "RFC 6455 §5.1": 4,
        "RFC 6455 §5.2": 10,
        "RFC 6455 §5.3": 4,
        "RFC 6455 §5.4": 10,
        "RFC 6455 §5.5": 2,
        "RFC 6455 §5.5.1": 8,
        "RFC 6455 §5.5.2": 2,
        "RFC 6455 §5.6": 1,
        "RFC 6455 §5.8": 1,
        "RFC 6455 §6.1": 8,
        "RFC 6455 §6.2": 5,
        "RFC 6455 §7.1.1": 4,
        "RFC 6455 §7.1.2": 2,
        "RFC 6455 §7.1.7": 6,
        "RFC 6455 §7.2.1": 3,
        "RFC 6455 §7.2.2": 1,
        "RFC 6455 §7.2.3": 3,
        "RFC 6455 §7.3": 1,
        "RFC 6455 §7.4.1": 4,
        "RFC 6455 §8.1": 1,
        "RFC 6455 §9": 2,
        "RFC 6455 §9.1": 5,
        "RFC 6455 §10.2": 2,
        "RFC 6455 §10.3": 1,
        "RFC 6455 §10.4": 2,
        "RFC 6455 §10.6": 2,
        "RFC 6455 §10.7": 3,
        "RFC 6455 §11.3.1": 1,
        "RFC 6455 §11.3.2": 1,
        "RFC 6455 §11.3.3": 1,
        "RFC 6455 §11.3.4": 1,
        "RFC 6455 §11.3.5": 1,
        "RFC 7692 §4": 2,
        "RFC 7692 §5": 11,
        "RFC 7692 §6.1": 4,
        "RFC 7692 §6.2": 2,
        "RFC 7692 §7": 2,
        "RFC 7692 §7.1.1.1": 1,
        "RFC 7692 §7.1.1.2": 1,
        "RFC 7692 §7.1.2.1": 2,
        "RFC 7692 §7.1.2.2": 3,
        "RFC 7692 §7.2.1": 7,
        "RFC 7692 §7.2.2": 6,
        "RFC 7692 §7.3": 1,
    }
)

_ABNF: Final = "The grammar repeats requirement 6455-5.2-1, bit by bit."
_EXTENSION_AUTHORS: Final = "Binds those who specify an extension."
_INTERMEDIARIES: Final = "Binds intermediaries."
_PMCE_AUTHORS: Final = "Binds those who specify a compression extension."

EXCLUDED: Final = (
    Exclusion(
        "RFC 6455 §5.2",
        'Any extension MUST specify the length of the "Extension data", or how that length may '
        "be calculated, and how the extension use MUST be negotiated during the opening "
        "handshake.",
        _EXTENSION_AUTHORS,
    ),
    Exclusion(
        "RFC 6455 §5.2",
        "frame-rsv1 = %x0 / %x1 ; 1 bit in length, MUST be 0 unless ; negotiated otherwise",
        _ABNF,
    ),
    Exclusion(
        "RFC 6455 §5.2",
        "frame-rsv2 = %x0 / %x1 ; 1 bit in length, MUST be 0 unless ; negotiated otherwise",
        _ABNF,
    ),
    Exclusion(
        "RFC 6455 §5.2",
        "frame-rsv3 = %x0 / %x1 ; 1 bit in length, MUST be 0 unless ; negotiated otherwise",
        _ABNF,
    ),
    Exclusion(
        "RFC 6455 §5.4",
        "As control frames cannot be fragmented, an intermediary MUST NOT attempt to change the "
        "fragmentation of a control frame.",
        _INTERMEDIARIES,
    ),
    Exclusion(
        "RFC 6455 §5.4",
        "An intermediary MUST NOT change the fragmentation of a message if any reserved bit "
        "values are used and the meaning of these values is not known to the intermediary.",
        _INTERMEDIARIES,
    ),
    Exclusion(
        "RFC 6455 §5.4",
        "An intermediary MUST NOT change the fragmentation of any message in the context of a "
        "connection where extensions have been negotiated and the intermediary is not aware of "
        "the semantics of the negotiated extensions.",
        _INTERMEDIARIES,
    ),
    Exclusion(
        "RFC 6455 §5.4",
        "Similarly, an intermediary that didn't see the WebSocket handshake (and wasn't notified "
        "about its content) that resulted in a WebSocket connection MUST NOT change the "
        "fragmentation of any message of such connection.",
        _INTERMEDIARIES,
    ),
    Exclusion(
        "RFC 7692 §4",
        "Each PMCE referring to this framework MUST define the following:",
        _PMCE_AUTHORS,
    ),
    Exclusion(
        "RFC 7692 §4",
        "The extension name of the PMCE and any applicable extension parameters that MUST be "
        'included in the "Sec-WebSocket-Extensions" header during the extension negotiation '
        "offer/response.",
        _PMCE_AUTHORS,
    ),
)
