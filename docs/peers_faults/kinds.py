"""Kinds of faults that several implementations have, in the README's words."""

from __future__ import annotations

from typing import Final

NOT_MINIMAL: Final = "payload lengths that are not minimal are accepted (RFC 6455 §5.2)"
NOT_MASKED: Final = "frames that are not masked, or should not be, are accepted (§5.1)"
RESERVED_BITS: Final = (
    "reserved bits are accepted to which nothing gives a meaning (§5.2, RFC 7692 §6.1)"
)
INTERLEAVED: Final = "a Ping or Pong between the frames of a compressed message corrupts it (§5.4)"
BFINAL: Final = (
    "what follows a DEFLATE block with BFINAL set is lost, or an error (RFC 7692 §7.2.3.4)"
)
NO_PONG: Final = "a Ping behind one's own Close frame is not answered (§5.5.2)"
CLOSE_CODES: Final = "close codes that must not be on the wire are sent, or accepted (§7.4.1)"
HOST: Final = "a request without a valid Host is accepted (§4.2.1, RFC 9112 §3.2)"
TARGET: Final = "a request's target is not looked at, or not enough (§4.2.1)"
KEY: Final = "invalid or several Sec-WebSocket-Key are accepted (§4.2.1, §11.3.1)"
VERSION: Final = "another Sec-WebSocket-Version than 13, or several, are accepted (§4.2.1, §11.3.5)"
WHICH_VERSION: Final = "another version is refused without saying which is supported (§4.2.2, §4.4)"
MISSING_FIELD: Final = (
    "426 comes without Upgrade, or 405 without Allow (RFC 9110 §15.5.22, §15.5.6)"
)
LISTED: Final = "a list in Upgrade or Connection is refused, though it has the token (§4.1, §4.2.1)"
OTHER_HTTP: Final = "HTTP/1.0, or HEAD for GET, is accepted (§4.2.1)"
SUBPROTOCOL_LIST: Final = "malformed lists of subprotocols are accepted (§11.3.4)"
FIRST_FIELD: Final = "of a Sec-WebSocket-Protocol in two fields only the first is read (§11.3.4)"
EXTENSION_LIST: Final = "malformed Sec-WebSocket-Extensions are accepted (§9.1)"
OFFERS: Final = (
    "offers of permessage-deflate that must be declined are agreed to, or refused with the "
    "request (RFC 7692 §5.1, §7.1)"
)
RESPONSES: Final = (
    "a client accepts a subprotocol, an extension or parameters that it must not (§4.1, "
    "RFC 7692 §5.1, §7.1)"
)
LEFT_OUT: Final = (
    "what the client asks for in its offer is left out of the response (RFC 7692 §7.1)"
)
SEVERAL_ACCEPTS: Final = (
    "of several Sec-WebSocket-Accept in a response one is taken (§4.1, §11.3.3)"
)
INFORMATIONAL: Final = (
    "an informational response before the 101 ends the client's handshake (RFC 9110 §15.2)"
)
FOLDED: Final = "folded field values in a response are an error (RFC 9112 §5.2)"
EXCEPTIONS: Final = "an exception escapes that is none of the library's own"
BEHIND_THE_END: Final = (
    "what comes behind a Close frame or a failure is read, and answered (§5.5.1, §7.1.7)"
)
EMPTY_CLOSE: Final = "an empty Close frame is answered late, or with code 0 (§5.5.1, §7.4.2)"
