"""RFC 6455 §9, §10 and §11.3: what is required of extensions, for security, and of fields.

Owns data only. Must not know what checks it.
"""

from __future__ import annotations

from typing import Final

from .entries import BOTH, CLIENT, SERVER, Level, Requirement

EXTENDING: Final = (
    # §9 -----------------------------------------------------------------------------------
    Requirement(
        "6455-9-1",
        Level.MUST_NOT,
        SERVER,
        "the server responds with no extension that was not requested",
        "A server MUST NOT respond with any extension not requested by the client.",
    ),
    Requirement(
        "6455-9-2",
        Level.MUST,
        BOTH,
        "parameters of an extension follow its specification",
        "If extension parameters are included in negotiations between the client and the server, "
        "those parameters MUST be chosen in accordance with the specification of the extension to "
        "which the parameters apply.",
    ),
    # §9.1 ---------------------------------------------------------------------------------
    Requirement(
        "6455-9.1-1",
        Level.MUST,
        BOTH,
        "the receiver fails on a list of extensions that breaks the grammar",
        "If a value is received by either the client or the server during negotiation that does "
        "not conform to the ABNF below, the recipient of such malformed data MUST immediately "
        "_Fail the WebSocket Connection_.",
    ),
    Requirement(
        "6455-9.1-2",
        Level.MUST,
        BOTH,
        "a quoted parameter is a token once unquoted",
        "When using the quoted-string syntax variant, the value after quoted-string unescaping "
        "MUST conform to the 'token' ABNF.",
    ),
    Requirement(
        "6455-9.1-3",
        Level.MUST,
        BOTH,
        "the list of extensions may be split over several fields",
        "Note that like other HTTP header fields, this header field MAY be split or combined "
        "across multiple lines.",
    ),
    Requirement(
        "6455-9.1-4",
        Level.MUST,
        BOTH,
        "the names of extensions are registered",
        "Any extension-token used MUST be a registered token (see Section 11.4).",
    ),
    Requirement(
        "6455-9.1-5",
        Level.MUST,
        BOTH,
        "the parameters of an extension are defined for it",
        "The parameters supplied with any given extension MUST be defined for that extension.",
    ),
    Requirement(
        "6455-9.1-6",
        Level.MUST_NOT,
        CLIENT,
        "the client uses no extension that the server did not accept",
        "Note that the client is only offering to use any advertised extensions and MUST NOT use "
        "them unless the server indicates that it wishes to use the extension.",
    ),
    # §10.2 --------------------------------------------------------------------------------
    Requirement(
        "6455-10.2-1",
        Level.SHOULD,
        SERVER,
        "a server for certain sites verifies the origin",
        "Servers that are not intended to process input from any web page but only for certain "
        "sites SHOULD verify the |Origin| field is an origin they expect.",
        unchecked=(
            "Which origins are expected is known to the application, which is given the field and "
            "decides."
        ),
    ),
    Requirement(
        "6455-10.2-2",
        Level.SHOULD,
        SERVER,
        "the server answers an unacceptable origin with 403",
        "If the origin indicated is unacceptable to the server, then it SHOULD respond to the "
        "WebSocket handshake with a reply containing HTTP 403 Forbidden status code.",
        unchecked=(
            "Which origins are acceptable is known to the application; that its refusal is sent as "
            "it should is checked by 6455-4.2.2-3."
        ),
    ),
    # §10.3 --------------------------------------------------------------------------------
    Requirement(
        "6455-10.3-1",
        Level.MUST,
        CLIENT,
        "the client takes a new and unpredictable masking key for each frame",
        "Clients MUST choose a new masking key for each frame, using an algorithm that cannot be "
        "predicted by end applications that provide data.",
    ),
    Requirement(
        "6455-10.3-2",
        Level.MUST_NOT,
        CLIENT,
        "the application cannot change a frame that is being sent",
        "It is also necessary that once the transmission of a frame from a client has begun, the "
        "payload (application-supplied data) of that frame must not be capable of being modified "
        "by the application.",
        unchecked=(
            "An adapter is given immutable bytes, so nothing here could change them while they are "
            "being sent."
        ),
    ),
    # §10.4 --------------------------------------------------------------------------------
    Requirement(
        "6455-10.4-1",
        Level.MUST,
        BOTH,
        "an endpoint protects its limits on the sizes of frames and messages",
        "Implementations that have implementation- and/or platform-specific limitations regarding "
        "the frame size or total message size after reassembly from multiple frames MUST protect "
        "themselves against exceeding those limits.",
    ),
    Requirement(
        "6455-10.4-2",
        Level.SHOULD,
        BOTH,
        "an endpoint limits the sizes of frames and messages",
        "Such an implementation SHOULD impose a limit on frame sizes and the total message size "
        "after reassembly from multiple frames.",
    ),
    # §10.6 --------------------------------------------------------------------------------
    Requirement(
        "6455-10.6-1",
        Level.MUST,
        BOTH,
        "an implementation supports TLS",
        "WebSocket implementations MUST support TLS and SHOULD employ it when communicating with "
        "their peers.",
        unchecked=(
            "TLS lies below the bytes that an endpoint makes and reads; they pass through it "
            "unchanged."
        ),
    ),
    Requirement(
        "6455-10.6-2",
        Level.SHOULD,
        BOTH,
        "an implementation employs TLS",
        "WebSocket implementations MUST support TLS and SHOULD employ it when communicating with "
        "their peers.",
        unchecked=(
            "TLS lies below the bytes that an endpoint makes and reads; whether it is used is up "
            "to its owner."
        ),
    ),
    # §10.7 --------------------------------------------------------------------------------
    Requirement(
        "6455-10.7-1",
        Level.MUST,
        BOTH,
        "incoming data is always validated",
        "Incoming data MUST always be validated by both clients and servers.",
    ),
    Requirement(
        "6455-10.7-2",
        Level.SHOULD,
        BOTH,
        "invalid data after the handshake is answered with a Close frame",
        "If the invalid data was received after a successful WebSocket handshake, the endpoint "
        "SHOULD send a Close frame with an appropriate status code (Section 7.4) before "
        "proceeding to _Close the WebSocket Connection_.",
    ),
    Requirement(
        "6455-10.7-3",
        Level.SHOULD,
        SERVER,
        "invalid data in the handshake is answered with an HTTP status",
        "If the invalid data is sent during the WebSocket handshake, the server SHOULD return an "
        "appropriate HTTP [RFC2616] status code.",
    ),
    # §11.3.1 ------------------------------------------------------------------------------
    Requirement(
        "6455-11.3.1-1",
        Level.MUST_NOT,
        BOTH,
        "a request has one Sec-WebSocket-Key field",
        "The |Sec-WebSocket-Key| header field MUST NOT appear more than once in an HTTP request.",
    ),
    # §11.3.2 ------------------------------------------------------------------------------
    Requirement(
        "6455-11.3.2-1",
        Level.MUST,
        BOTH,
        "the extensions of a request may be split over several fields",
        "The |Sec-WebSocket-Extensions| header field MAY appear multiple times in an HTTP request "
        "(which is logically the same as a single |Sec-WebSocket-Extensions| header field that "
        "contains all values.",
    ),
    # §4.2.2 allows what this forbids, so a client is free to take it.
    Requirement(
        "6455-11.3.2-2",
        Level.MUST_NOT,
        SERVER,
        "a response has one Sec-WebSocket-Extensions field",
        "However, the |Sec-WebSocket-Extensions| header field MUST NOT appear more than once in "
        "an HTTP response.",
        unchecked="Servers read §4.2.2, 5.6 as allowing it: there may be several extensions, and "
        "a list may be spread over several fields.",
    ),
    # §11.3.3 ------------------------------------------------------------------------------
    Requirement(
        "6455-11.3.3-1",
        Level.MUST_NOT,
        BOTH,
        "a response has one Sec-WebSocket-Accept field",
        "The |Sec-WebSocket-Accept| header MUST NOT appear more than once in an HTTP response.",
    ),
    # §11.3.4 ------------------------------------------------------------------------------
    Requirement(
        "6455-11.3.4-1",
        Level.MUST,
        BOTH,
        "the subprotocols of a request may be split over several fields",
        "The |Sec-WebSocket-Protocol| header field MAY appear multiple times in an HTTP request "
        "(which is logically the same as a single |Sec-WebSocket-Protocol| header field that "
        "contains all values).",
    ),
    Requirement(
        "6455-11.3.4-2",
        Level.MUST_NOT,
        BOTH,
        "a response has one Sec-WebSocket-Protocol field",
        "However, the |Sec-WebSocket-Protocol| header field MUST NOT appear more than once in an "
        "HTTP response.",
    ),
    # §11.3.5 ------------------------------------------------------------------------------
    Requirement(
        "6455-11.3.5-1",
        Level.MUST_NOT,
        BOTH,
        "a request has one Sec-WebSocket-Version field",
        "However, the |Sec-WebSocket-Version| header field MUST NOT appear more than once in an "
        "HTTP request.",
    ),
)
