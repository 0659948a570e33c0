"""RFC 6455 §4.2 to §4.4: what is required of a server in the opening handshake.

Owns data only. Must not know what checks it.
"""

from __future__ import annotations

from typing import Final

from .entries import BOTH, SERVER, Level, Requirement

SERVER_HANDSHAKE: Final = (
    # §4.2.1 -------------------------------------------------------------------------------
    Requirement(
        "6455-4.2.1-1",
        Level.MUST,
        SERVER,
        "the server refuses any request that breaks the grammar",
        "If the server, while reading the handshake, finds that the client did not send a "
        "handshake that matches the description below (note that as per [RFC2616], the order of "
        "the header fields is not important), including but not limited to any violations of the "
        "ABNF grammar specified for the components of the handshake, the server MUST stop "
        "processing the client's handshake and return an HTTP response with an appropriate error "
        "code (such as 400 Bad Request).",
    ),
    Requirement(
        "6455-4.2.1-2",
        Level.MUST,
        SERVER,
        "the server refuses a request that is not GET of HTTP/1.1 or higher",
        "the server MUST stop processing the client's handshake and return an HTTP response with "
        "an appropriate error code (such as 400 Bad Request). […] An HTTP/1.1 or higher GET "
        'request, including a "Request-URI" [RFC2616] that should be interpreted as a /resource '
        "name/ defined in Section 3 (or an absolute HTTP/HTTPS URI containing the /resource "
        "name/).",
    ),
    Requirement(
        "6455-4.2.1-3",
        Level.MUST,
        SERVER,
        "the server refuses a request without a Host field",
        "the server MUST stop processing the client's handshake and return an HTTP response with "
        "an appropriate error code (such as 400 Bad Request). […] A |Host| header field "
        "containing the server's authority.",
    ),
    Requirement(
        "6455-4.2.1-4",
        Level.MUST,
        SERVER,
        "the server refuses a request without Upgrade: websocket",
        "the server MUST stop processing the client's handshake and return an HTTP response with "
        "an appropriate error code (such as 400 Bad Request). […] An |Upgrade| header field "
        'containing the value "websocket", treated as an ASCII case-insensitive value.',
    ),
    Requirement(
        "6455-4.2.1-5",
        Level.MUST,
        SERVER,
        "the server refuses a request without Connection: Upgrade",
        "the server MUST stop processing the client's handshake and return an HTTP response with "
        "an appropriate error code (such as 400 Bad Request). […] A |Connection| header field "
        'that includes the token "Upgrade", treated as an ASCII case-insensitive value.',
    ),
    Requirement(
        "6455-4.2.1-6",
        Level.MUST,
        SERVER,
        "the server refuses a key that is missing or not 16 bytes in base64",
        "the server MUST stop processing the client's handshake and return an HTTP response with "
        "an appropriate error code (such as 400 Bad Request). […] A |Sec-WebSocket-Key| header "
        "field with a base64-encoded (see Section 4 of [RFC4648]) value that, when decoded, is 16 "
        "bytes in length.",
    ),
    Requirement(
        "6455-4.2.1-7",
        Level.MUST,
        SERVER,
        "the server refuses a request without Sec-WebSocket-Version: 13",
        "the server MUST stop processing the client's handshake and return an HTTP response with "
        "an appropriate error code (such as 400 Bad Request). […] A |Sec-WebSocket-Version| "
        "header field, with a value of 13.",
    ),
    Requirement(
        "6455-4.2.1-8",
        Level.SHOULD_NOT,
        SERVER,
        "a request without an Origin field is not taken for a browser's",
        "A connection attempt lacking this header field SHOULD NOT be interpreted as coming from "
        "a browser client.",
        unchecked=(
            "What to conclude from an Origin field, or from its absence, is the application's "
            "matter; no byte shows it."
        ),
    ),
    Requirement(
        "6455-4.2.1-9",
        Level.MUST,
        SERVER,
        "the server takes a list of subprotocols, and refuses one that breaks the grammar",
        "the server MUST stop processing the client's handshake and return an HTTP response with "
        "an appropriate error code (such as 400 Bad Request). […] Optionally, a "
        "|Sec-WebSocket-Protocol| header field, with a list of values indicating which protocols "
        "the client would like to speak, ordered by preference.",
    ),
    Requirement(
        "6455-4.2.1-10",
        Level.MUST,
        SERVER,
        "the server takes a list of extensions, and refuses one that breaks the grammar",
        "the server MUST stop processing the client's handshake and return an HTTP response with "
        "an appropriate error code (such as 400 Bad Request). […] Optionally, a "
        "|Sec-WebSocket-Extensions| header field, with a list of values indicating which "
        "extensions the client would like to speak.",
    ),
    Requirement(
        "6455-4.2.1-11",
        Level.MUST,
        SERVER,
        "the server ignores header fields that it does not know",
        "Unknown header fields are ignored, as per [RFC2616].",
    ),
    # §4.2.2 -------------------------------------------------------------------------------
    Requirement(
        "6455-4.2.2-1",
        Level.MUST,
        SERVER,
        "the server accepts and sends its handshake by the steps of this section",
        "When a client establishes a WebSocket connection to a server, the server MUST complete "
        "the following steps to accept the connection and send the server's opening handshake.",
    ),
    Requirement(
        "6455-4.2.2-2",
        Level.MUST,
        SERVER,
        "the server's handshake runs through TLS where TLS is used",
        "otherwise, all further communication for the connection (including the server's "
        "handshake) MUST run through the encrypted tunnel [RFC5246].",
        unchecked=(
            "TLS lies below the bytes that an endpoint makes and reads; its owner wraps them."
        ),
    ),
    Requirement(
        "6455-4.2.2-3",
        Level.MUST,
        SERVER,
        "a server that does not wish to accept answers with an HTTP error",
        "If the server does not wish to accept this connection, it MUST return an appropriate "
        "HTTP error code (e.g., 403 Forbidden) and abort the WebSocket handshake described in "
        "this section.",
    ),
    Requirement(
        "6455-4.2.2-4",
        Level.MUST,
        SERVER,
        "the server answers another version with an error and the versions that it knows",
        "If this version does not match a version understood by the server, the server MUST abort "
        "the WebSocket handshake described in this section and instead send an appropriate HTTP "
        "error code (such as 426 Upgrade Required) and a |Sec-WebSocket-Version| header field "
        "indicating the version(s) the server is capable of understanding.",
    ),
    Requirement(
        "6455-4.2.2-5",
        Level.MUST,
        SERVER,
        "the server answers with an HTTP error where there is no such service",
        "If the requested service is not available, the server MUST send an appropriate HTTP "
        "error code (such as 404 Not Found) and abort the WebSocket handshake.",
        unchecked=(
            "Which services there are is known to the application; that its refusal is sent as it "
            "should is checked by 6455-4.2.2-3."
        ),
    ),
    Requirement(
        "6455-4.2.2-6",
        Level.MUST,
        SERVER,
        "the subprotocol chosen is one of those that were asked for",
        "The value chosen MUST be derived from the client's handshake, specifically by selecting "
        "one of the values from the |Sec-WebSocket-Protocol| field that the server is willing to "
        "use for this connection (if any).",
    ),
    Requirement(
        "6455-4.2.2-7",
        Level.MUST,
        SERVER,
        "without a subprotocol asked for or agreed to there is none",
        "If the client's handshake did not contain such a header field or if the server does not "
        "agree to any of the client's requested subprotocols, the only acceptable value is null.",
    ),
    Requirement(
        "6455-4.2.2-8",
        Level.MUST_NOT,
        SERVER,
        "a server that agrees to no subprotocol sends no such field",
        "The absence of such a field is equivalent to the null value (meaning that if the server "
        "does not wish to agree to one of the suggested subprotocols, it MUST NOT send back a "
        "|Sec-WebSocket-Protocol| header field in its response).",
    ),
    Requirement(
        "6455-4.2.2-9",
        Level.MUST_NOT,
        SERVER,
        "the server sends no empty subprotocol",
        "The empty string is not the same as the null value for these purposes and is not a legal "
        "value for this field.",
    ),
    Requirement(
        "6455-4.2.2-10",
        Level.MUST,
        SERVER,
        "the extensions accepted are among those that were offered",
        "If the server supports multiple extensions, then the value MUST be derived from the "
        "client's handshake, specifically by selecting one or more of the values from the "
        "|Sec-WebSocket-Extensions| field.",
    ),
    Requirement(
        "6455-4.2.2-11",
        Level.MUST_NOT,
        SERVER,
        "the server lists no extension that the client did not",
        "Extensions not listed by the client MUST NOT be listed.",
    ),
    Requirement(
        "6455-4.2.2-12",
        Level.MUST,
        SERVER,
        "the response is valid HTTP",
        "If the server chooses to accept the incoming connection, it MUST reply with a valid HTTP "
        "response indicating the following.",
    ),
    Requirement(
        "6455-4.2.2-13",
        Level.MUST,
        SERVER,
        "the response's status is 101",
        "it MUST reply with a valid HTTP response indicating the following. […] A Status-Line "
        "with a 101 response code as per RFC 2616 [RFC2616].",
    ),
    Requirement(
        "6455-4.2.2-14",
        Level.MUST,
        SERVER,
        "the response has Upgrade: websocket",
        "it MUST reply with a valid HTTP response indicating the following. […] An |Upgrade| "
        'header field with value "websocket" as per RFC 2616 [RFC2616].',
    ),
    Requirement(
        "6455-4.2.2-15",
        Level.MUST,
        SERVER,
        "the response has Connection: Upgrade",
        "it MUST reply with a valid HTTP response indicating the following. […] A |Connection| "
        'header field with value "Upgrade".',
    ),
    Requirement(
        "6455-4.2.2-16",
        Level.MUST,
        SERVER,
        "the response has a Sec-WebSocket-Accept field made from the key",
        "it MUST reply with a valid HTTP response indicating the following. […] A "
        "|Sec-WebSocket-Accept| header field. The value of this header field is constructed by "
        "concatenating /key/, defined above in step 4 in Section 4.2.2, with the string "
        '"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", taking the SHA-1 hash of this concatenated value '
        "to obtain a 20-byte value and base64-encoding (see Section 4 of [RFC4648]) this 20-byte "
        "hash.",
    ),
    Requirement(
        "6455-4.2.2-17",
        Level.MUST,
        SERVER,
        "the response names the subprotocol agreed to",
        "it MUST reply with a valid HTTP response indicating the following. […] Optionally, a "
        "|Sec-WebSocket-Protocol| header field, with a value /subprotocol/ as defined in step 4 "
        "in Section 4.2.2.",
    ),
    Requirement(
        "6455-4.2.2-18",
        Level.MUST,
        SERVER,
        "the response names the extensions agreed to",
        "it MUST reply with a valid HTTP response indicating the following. […] Optionally, a "
        "|Sec-WebSocket-Extensions| header field, with a value /extensions/ as defined in step 4 "
        "in Section 4.2.2.",
    ),
    Requirement(
        "6455-4.2.2-19",
        Level.MUST,
        SERVER,
        "the connection is open once the server has sent its handshake",
        "If the server finishes these steps without aborting the WebSocket handshake, the server "
        "considers the WebSocket connection to be established and that the WebSocket connection "
        "is in the OPEN state.",
    ),
    # §4.3 ---------------------------------------------------------------------------------
    Requirement(
        "6455-4.3-1",
        Level.MUST,
        BOTH,
        "a quoted value of an extension's parameter is a token once unquoted",
        "When using the quoted-string syntax variant, the value after quoted-string unescaping "
        "MUST conform to the 'token' ABNF.",
    ),
    # §4.4 ---------------------------------------------------------------------------------
    Requirement(
        "6455-4.4-1",
        Level.MUST,
        SERVER,
        "the server lists all versions that it is willing to use",
        "If the server doesn't support the requested version, it MUST respond with a "
        "|Sec-WebSocket-Version| header field (or multiple |Sec-WebSocket-Version| header fields) "
        "containing all versions it is willing to use.",
    ),
)
