"""RFC 6455 §3 and §4.1: what is required of a client in the opening handshake.

Owns data only. Must not know what checks it.
"""

from __future__ import annotations

from typing import Final

from .entries import BOTH, CLIENT, Level, Requirement

CLIENT_HANDSHAKE: Final = (
    # §3 -----------------------------------------------------------------------------------
    Requirement(
        "6455-3-1",
        Level.MUST_NOT,
        CLIENT,
        "the URI has no fragment identifier",
        "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be "
        "used on these URIs.",
    ),
    Requirement(
        "6455-3-2",
        Level.MUST,
        CLIENT,
        'a "#" in the resource name is written as %23',
        'As with any URI scheme, the character "#", when not indicating the start of a fragment, '
        "MUST be escaped as %23.",
    ),
    # §4.1 ---------------------------------------------------------------------------------
    Requirement(
        "6455-4.1-1",
        Level.MUST,
        CLIENT,
        "the client opens a connection, sends a handshake and reads the response",
        "When the client is to _Establish a WebSocket Connection_ given a set of (/host/, /port/, "
        "/resource name/, and /secure/ flag), along with a list of /protocols/ and /extensions/ "
        "to be used, and an /origin/ in the case of web browsers, it MUST open a connection, send "
        "an opening handshake, and read the server's handshake in response.",
    ),
    Requirement(
        "6455-4.1-2",
        Level.MUST,
        CLIENT,
        "the parts of the URI that a client is given are valid",
        "The components of the WebSocket URI passed into this algorithm (/host/, /port/, "
        "/resource name/, and /secure/ flag) MUST be valid according to the specification of "
        "WebSocket URIs specified in Section 3.",
    ),
    Requirement(
        "6455-4.1-3",
        Level.MUST,
        CLIENT,
        "the client does not start with parts of a URI that are invalid",
        "If any of the components are invalid, the client MUST _Fail the WebSocket Connection_ "
        "and abort these steps.",
    ),
    Requirement(
        "6455-4.1-4",
        Level.MUST,
        CLIENT,
        "the client waits until no other connection to the host is pending",
        "If the client already has a WebSocket connection to the remote host (IP address) "
        "identified by /host/ and port /port/ pair, even if the remote host is known by another "
        "name, the client MUST wait until that connection has been established or for that "
        "connection to have failed.",
        unchecked=(
            "An endpoint is one connection; only the program that opens several knows of the "
            "others."
        ),
    ),
    Requirement(
        "6455-4.1-5",
        Level.MUST,
        CLIENT,
        "no more than one connection to a host is in the CONNECTING state",
        "There MUST be no more than one connection in a CONNECTING state.",
        unchecked=(
            "An endpoint is one connection; only the program that opens several knows of the "
            "others."
        ),
    ),
    Requirement(
        "6455-4.1-6",
        Level.MUST,
        CLIENT,
        "the client opens connections to one address one after another",
        "If multiple connections to the same IP address are attempted simultaneously, the client "
        "MUST serialize them so that there is no more than one connection at a time running "
        "through the following steps.",
        unchecked=(
            "An endpoint is one connection; only the program that opens several knows of the "
            "others."
        ),
    ),
    Requirement(
        "6455-4.1-7",
        Level.MUST,
        CLIENT,
        "each host name counts as a host of its own where the address is unknown",
        "If the client cannot determine the IP address of the remote host (for example, because "
        "all communication is being done through a proxy server that performs DNS queries "
        "itself), then the client MUST assume for the purposes of this step that each host name "
        "refers to a distinct remote host, and instead the client SHOULD limit the total number "
        "of simultaneous pending connections to a reasonably low number",
        unchecked=(
            "An endpoint is one connection and looks up no names; that is for the program that "
            "opens several."
        ),
    ),
    Requirement(
        "6455-4.1-8",
        Level.SHOULD,
        CLIENT,
        "the number of pending connections is limited where the address is unknown",
        "If the client cannot determine the IP address of the remote host (for example, because "
        "all communication is being done through a proxy server that performs DNS queries "
        "itself), then the client MUST assume for the purposes of this step that each host name "
        "refers to a distinct remote host, and instead the client SHOULD limit the total number "
        "of simultaneous pending connections to a reasonably low number",
        unchecked=(
            "An endpoint is one connection; only the program that opens several can count them."
        ),
    ),
    Requirement(
        "6455-4.1-9",
        Level.SHOULD,
        CLIENT,
        "a client configured for a proxy asks it for the TCP connection",
        "_Proxy Usage_: If the client is configured to use a proxy when using the WebSocket "
        "Protocol to connect to host /host/ and port /port/, then the client SHOULD connect to "
        "that proxy and ask it to open a TCP connection to the host given by /host/ and the port "
        "given by /port/.",
        unchecked=(
            "Opening the TCP connection, through a proxy or not, happens before the first byte "
            "that an endpoint makes."
        ),
    ),
    Requirement(
        "6455-4.1-10",
        Level.SHOULD,
        CLIENT,
        "a client without a proxy opens a direct TCP connection",
        "If the client is not configured to use a proxy, then a direct TCP connection SHOULD be "
        "opened to the host given by /host/ and the port given by /port/.",
        unchecked=(
            "Opening the TCP connection, through a proxy or not, happens before the first byte "
            "that an endpoint makes."
        ),
    ),
    Requirement(
        "6455-4.1-11",
        Level.MUST,
        CLIENT,
        "proxy autoconfiguration scripts are given the WebSocket URI",
        "For the purpose of proxy autoconfiguration scripts, the URI to pass the function MUST be "
        "constructed from /host/, /port/, /resource name/, and the /secure/ flag using the "
        "definition of a WebSocket URI as given in Section 3.",
        unchecked=(
            "Proxy autoconfiguration is run by a browser or its like before a connection is there."
        ),
    ),
    Requirement(
        "6455-4.1-12",
        Level.MUST,
        CLIENT,
        "the client gives up if the TCP connection cannot be opened",
        "If the connection could not be opened, either because a direct connection failed or "
        "because any proxy used returned an error, then the client MUST _Fail the WebSocket "
        "Connection_ and abort the connection attempt.",
        unchecked=(
            "Where no connection is opened an endpoint is handed no bytes, so the owner of the "
            "sockets has to give up."
        ),
    ),
    Requirement(
        "6455-4.1-13",
        Level.MUST,
        CLIENT,
        "the TLS handshake comes before the opening handshake",
        "If /secure/ is true, the client MUST perform a TLS handshake over the connection after "
        "opening the connection and before sending the handshake data [RFC2818].",
        unchecked=(
            "TLS lies below the bytes that an endpoint makes and reads; its owner wraps them."
        ),
    ),
    Requirement(
        "6455-4.1-14",
        Level.MUST,
        CLIENT,
        "the client gives up if the TLS handshake fails",
        "If this fails (e.g., the server's certificate could not be verified), then the client "
        "MUST _Fail the WebSocket Connection_ and abort the connection.",
        unchecked=(
            "TLS lies below the bytes that an endpoint makes and reads; its owner sees the failure."
        ),
    ),
    Requirement(
        "6455-4.1-15",
        Level.MUST,
        CLIENT,
        "all that follows the TLS handshake runs through TLS",
        "Otherwise, all further communication on this channel MUST run through the encrypted "
        "tunnel [RFC5246].",
        unchecked=(
            "TLS lies below the bytes that an endpoint makes and reads; its owner wraps them."
        ),
    ),
    Requirement(
        "6455-4.1-16",
        Level.MUST,
        CLIENT,
        "the client names the server in the TLS handshake",
        "Clients MUST use the Server Name Indication extension in the TLS handshake [RFC6066].",
        unchecked=(
            "Server Name Indication is part of the TLS handshake, which lies below the bytes of an "
            "endpoint."
        ),
    ),
    Requirement(
        "6455-4.1-17",
        Level.MUST,
        CLIENT,
        "the client sends an opening handshake once it is connected",
        "Once a connection to the server has been established (including a connection via a proxy "
        "or over a TLS-encrypted tunnel), the client MUST send an opening handshake to the server.",
    ),
    Requirement(
        "6455-4.1-18",
        Level.MUST,
        CLIENT,
        "the request is valid HTTP",
        "The handshake MUST be a valid HTTP request as specified by [RFC2616].",
    ),
    Requirement(
        "6455-4.1-19",
        Level.MUST,
        CLIENT,
        "the method of the request is GET",
        "The method of the request MUST be GET, and the HTTP version MUST be at least 1.1.",
    ),
    Requirement(
        "6455-4.1-20",
        Level.MUST,
        CLIENT,
        "the request is of HTTP/1.1 or higher",
        "The method of the request MUST be GET, and the HTTP version MUST be at least 1.1.",
    ),
    Requirement(
        "6455-4.1-21",
        Level.MUST,
        CLIENT,
        "the request's target is the resource name",
        'The "Request-URI" part of the request MUST match the /resource name/ defined in Section '
        "3 (a relative URI) or be an absolute http/https URI that, when parsed, has a /resource "
        "name/, /host/, and /port/ that match the corresponding ws/wss URI.",
    ),
    Requirement(
        "6455-4.1-22",
        Level.MUST,
        CLIENT,
        "the request has a Host field with the host and port",
        "The request MUST contain a |Host| header field whose value contains /host/ plus "
        'optionally ":" followed by /port/ (when not using the default port).',
    ),
    Requirement(
        "6455-4.1-23",
        Level.MUST,
        CLIENT,
        'the request has an Upgrade field with "websocket"',
        "The request MUST contain an |Upgrade| header field whose value MUST include the "
        '"websocket" keyword.',
    ),
    Requirement(
        "6455-4.1-24",
        Level.MUST,
        CLIENT,
        'the request has a Connection field with "Upgrade"',
        "The request MUST contain a |Connection| header field whose value MUST include the "
        '"Upgrade" token.',
    ),
    Requirement(
        "6455-4.1-25",
        Level.MUST,
        CLIENT,
        "the request has a Sec-WebSocket-Key field",
        "The request MUST include a header field with the name |Sec-WebSocket-Key|.",
    ),
    Requirement(
        "6455-4.1-26",
        Level.MUST,
        CLIENT,
        "the key is 16 bytes in base64",
        "The value of this header field MUST be a nonce consisting of a randomly selected 16-byte "
        "value that has been base64-encoded (see Section 4 of [RFC4648]).",
    ),
    Requirement(
        "6455-4.1-27",
        Level.MUST,
        CLIENT,
        "the key is another one for each connection",
        "The nonce MUST be selected randomly for each connection.",
    ),
    Requirement(
        "6455-4.1-28",
        Level.MUST,
        CLIENT,
        "a browser's request has an Origin field",
        "The request MUST include a header field with the name |Origin| [RFC6454] if the request "
        "is coming from a browser client.",
        unchecked=(
            "Binds browsers; what the origin is, and whether there is one, is known to the "
            "application alone."
        ),
    ),
    Requirement(
        "6455-4.1-29",
        Level.MUST,
        CLIENT,
        "the request has a Sec-WebSocket-Version field",
        "The request MUST include a header field with the name |Sec-WebSocket-Version|.",
    ),
    Requirement(
        "6455-4.1-30",
        Level.MUST,
        CLIENT,
        "the version is 13",
        "The value of this header field MUST be 13.",
    ),
    Requirement(
        "6455-4.1-31",
        Level.MUST,
        CLIENT,
        "the subprotocols are listed by preference",
        "The requirements for this handshake are as follows. […] If present, this value indicates "
        "one or more comma-separated subprotocol the client wishes to speak, ordered by "
        "preference.",
    ),
    Requirement(
        "6455-4.1-32",
        Level.MUST,
        CLIENT,
        "each subprotocol in the request is a token",
        "The elements that comprise this value MUST be non-empty strings with characters in the "
        "range U+0021 to U+007E not including separator characters as defined in [RFC2616] and "
        "MUST all be unique strings.",
    ),
    Requirement(
        "6455-4.1-33",
        Level.MUST,
        CLIENT,
        "no subprotocol is in the request twice",
        "The elements that comprise this value MUST be non-empty strings with characters in the "
        "range U+0021 to U+007E not including separator characters as defined in [RFC2616] and "
        "MUST all be unique strings.",
    ),
    Requirement(
        "6455-4.1-34",
        Level.MUST,
        CLIENT,
        "the client sends nothing more until the response is there",
        "Once the client's opening handshake has been sent, the client MUST wait for a response "
        "from the server before sending any further data.",
    ),
    Requirement(
        "6455-4.1-35",
        Level.MUST,
        CLIENT,
        "the client takes no other status than 101 for success",
        "The client MUST validate the server's response as follows: […] If the status code "
        "received from the server is not 101, the client handles the response per HTTP [RFC2616] "
        "procedures.",
    ),
    Requirement(
        "6455-4.1-36",
        Level.MUST,
        CLIENT,
        "the client fails on a response without Upgrade: websocket",
        "If the response lacks an |Upgrade| header field or the |Upgrade| header field contains a "
        'value that is not an ASCII case-insensitive match for the value "websocket", the client '
        "MUST _Fail the WebSocket Connection_.",
    ),
    Requirement(
        "6455-4.1-37",
        Level.MUST,
        CLIENT,
        "the client fails on a response without Connection: Upgrade",
        "If the response lacks a |Connection| header field or the |Connection| header field "
        "doesn't contain a token that is an ASCII case-insensitive match for the value "
        '"Upgrade", the client MUST _Fail the WebSocket Connection_.',
    ),
    Requirement(
        "6455-4.1-38",
        Level.MUST,
        CLIENT,
        "the client fails on a missing or wrong Sec-WebSocket-Accept",
        "If the response lacks a |Sec-WebSocket-Accept| header field or the "
        "|Sec-WebSocket-Accept| contains a value other than the base64-encoded SHA-1 of the "
        "concatenation of the |Sec-WebSocket-Key| (as a string, not base64-decoded) with the "
        'string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" but ignoring any leading and trailing '
        "whitespace, the client MUST _Fail the WebSocket Connection_.",
    ),
    Requirement(
        "6455-4.1-39",
        Level.MUST,
        CLIENT,
        "the client fails on an extension that it did not offer",
        "If the response includes a |Sec-WebSocket-Extensions| header field and this header field "
        "indicates the use of an extension that was not present in the client's handshake (the "
        "server has indicated an extension not requested by the client), the client MUST _Fail "
        "the WebSocket Connection_.",
    ),
    Requirement(
        "6455-4.1-40",
        Level.MUST,
        CLIENT,
        "the client fails on a subprotocol that it did not ask for",
        "If the response includes a |Sec-WebSocket-Protocol| header field and this header field "
        "indicates the use of a subprotocol that was not present in the client's handshake (the "
        "server has indicated a subprotocol not requested by the client), the client MUST _Fail "
        "the WebSocket Connection_.",
    ),
    Requirement(
        "6455-4.1-41",
        Level.MUST,
        CLIENT,
        "the client fails on a response that does not conform otherwise",
        "If the server's response does not conform to the requirements for the server's handshake "
        "as defined in this section and in Section 4.2.2, the client MUST _Fail the WebSocket "
        "Connection_.",
    ),
    Requirement(
        "6455-4.1-42",
        Level.MUST,
        BOTH,
        "names of header fields are compared without regard to case",
        "Please note that according to [RFC2616], all header field names in both HTTP requests "
        "and HTTP responses are case-insensitive.",
    ),
    Requirement(
        "6455-4.1-43",
        Level.MUST,
        CLIENT,
        "the connection is open once the response has been validated",
        "If the server's response is validated as provided for above, it is said that _The "
        "WebSocket Connection is Established_ and that the WebSocket Connection is in the OPEN "
        "state.",
    ),
    Requirement(
        "6455-4.1-44",
        Level.MUST,
        CLIENT,
        "the extensions in use are those of the response",
        "The _Extensions In Use_ is defined to be a (possibly empty) string, the value of which "
        "is equal to the value of the |Sec-WebSocket-Extensions| header field supplied by the "
        "server's handshake or the null value if that header field was not present in the "
        "server's handshake.",
    ),
    Requirement(
        "6455-4.1-45",
        Level.MUST,
        CLIENT,
        "the subprotocol in use is that of the response",
        "The _Subprotocol In Use_ is defined to be the value of the |Sec-WebSocket-Protocol| "
        "header field in the server's handshake or the null value if that header field was not "
        "present in the server's handshake.",
    ),
)
