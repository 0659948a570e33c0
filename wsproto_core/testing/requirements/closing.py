"""RFC 6455 §7 and §8: what is required of closing and failing a connection.

Owns data only. Must not know what checks it.
"""

from __future__ import annotations

from typing import Final

from .entries import BOTH, CLIENT, SERVER, Level, Requirement

CLOSING: Final = (
    # §7.1.1 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.1.1-1",
        Level.SHOULD,
        BOTH,
        "the TCP connection is closed cleanly",
        "An endpoint SHOULD use a method that cleanly closes the TCP connection, as well as the "
        "TLS session, if applicable, discarding any trailing bytes that may have been received.",
        unchecked=(
            "How a TCP connection and a TLS session are closed is up to the owner of the sockets."
        ),
    ),
    Requirement(
        "6455-7.1.1-2",
        Level.SHOULD,
        BOTH,
        "the TCP connection is closed by the server first",
        "The underlying TCP connection, in most normal cases, SHOULD be closed first by the "
        "server, so that it holds the TIME_WAIT state and not the client",
        unchecked="Who closes the TCP connection first is up to the owners of the sockets.",
    ),
    Requirement(
        "6455-7.1.1-3",
        Level.SHOULD,
        SERVER,
        "the server starts a TCP Close at once",
        "As such, when a server is instructed to _Close the WebSocket Connection_ it SHOULD "
        "initiate a TCP Close immediately, and when a client is instructed to do the same, it "
        "SHOULD wait for a TCP Close from the server.",
        unchecked=(
            "When the TCP connection is closed is up to its owner; that the endpoint says it is "
            "time is checked by 6455-5.5.1-8."
        ),
    ),
    Requirement(
        "6455-7.1.1-4",
        Level.SHOULD,
        CLIENT,
        "the client waits for the server's TCP Close",
        "As such, when a server is instructed to _Close the WebSocket Connection_ it SHOULD "
        "initiate a TCP Close immediately, and when a client is instructed to do the same, it "
        "SHOULD wait for a TCP Close from the server.",
        unchecked=(
            "Who closes the TCP connection first is up to its owner, who has the clock for the "
            "wait."
        ),
    ),
    # §7.1.2 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.1.2-1",
        Level.MUST,
        BOTH,
        "the closing handshake is started with a Close frame of the code and reason given",
        "To _Start the WebSocket Closing Handshake_ with a status code (Section 7.4) /code/ and "
        "an optional close reason (Section 7.1.6) /reason/, an endpoint MUST send a Close control "
        "frame, as described in Section 5.5.1, whose status code is set to /code/ and whose close "
        "reason is set to /reason/.",
    ),
    Requirement(
        "6455-7.1.2-2",
        Level.SHOULD,
        BOTH,
        "the connection is closed once Close frames went both ways",
        "Once an endpoint has both sent and received a Close control frame, that endpoint SHOULD "
        "_Close the WebSocket Connection_ as defined in Section 7.1.1.",
    ),
    # §7.1.3 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.1.3-1",
        Level.MUST,
        BOTH,
        "sending or receiving a Close frame starts the CLOSING state",
        "Upon either sending or receiving a Close control frame, it is said that _The WebSocket "
        "Closing Handshake is Started_ and that the WebSocket connection is in the CLOSING state.",
    ),
    # §7.1.4 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.1.4-1",
        Level.MUST,
        BOTH,
        "the connection is closed cleanly if the closing handshake came before the end",
        "If the TCP connection was closed after the WebSocket closing handshake was completed, "
        "the WebSocket connection is said to have been closed _cleanly_.",
    ),
    # §7.1.5 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.1.5-1",
        Level.MUST,
        BOTH,
        "the close code is that of the first Close frame received",
        "_The WebSocket Connection Close Code_ is defined as the status code (Section 7.4) "
        "contained in the first Close control frame received by the application implementing this "
        "protocol.",
    ),
    Requirement(
        "6455-7.1.5-2",
        Level.MUST,
        BOTH,
        "the close code of a Close frame without one is 1005",
        "If this Close control frame contains no status code, _The WebSocket Connection Close "
        "Code_ is considered to be 1005.",
    ),
    Requirement(
        "6455-7.1.5-3",
        Level.MUST,
        BOTH,
        "the close code without a Close frame is 1006",
        "If _The WebSocket Connection is Closed_ and no Close control frame was received by the "
        "endpoint (such as could occur if the underlying transport connection is lost), _The "
        "WebSocket Connection Close Code_ is considered to be 1006.",
    ),
    # §7.1.6 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.1.6-1",
        Level.MUST,
        BOTH,
        "the close reason is that of the first Close frame received",
        "_The WebSocket Connection Close Reason_ is defined as the UTF-8-encoded data following "
        "the status code (Section 7.4) contained in the first Close control frame received by the "
        "application implementing this protocol.",
    ),
    Requirement(
        "6455-7.1.6-2",
        Level.MUST,
        BOTH,
        "the close reason of a Close frame without one is empty",
        "If there is no such data in the Close control frame, _The WebSocket Connection Close "
        "Reason_ is the empty string.",
    ),
    # §7.1.7 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.1.7-1",
        Level.MUST,
        CLIENT,
        "a client that fails the connection closes it",
        "To do so, the client MUST _Close the WebSocket Connection_, and MAY report the problem "
        "to the user (which would be especially useful for developers) in an appropriate manner.",
    ),
    Requirement(
        "6455-7.1.7-2",
        Level.MUST,
        SERVER,
        "a server that fails the connection closes it",
        "Similarly, to do so, the server MUST _Close the WebSocket Connection_, and SHOULD log "
        "the problem.",
    ),
    Requirement(
        "6455-7.1.7-3",
        Level.SHOULD,
        SERVER,
        "a server that fails the connection logs the problem",
        "Similarly, to do so, the server MUST _Close the WebSocket Connection_, and SHOULD log "
        "the problem.",
        unchecked=(
            "A log is neither bytes nor anything that the application is told; the server around "
            "the endpoint writes it."
        ),
    ),
    Requirement(
        "6455-7.1.7-4",
        Level.SHOULD,
        BOTH,
        "an endpoint that fails an open connection sends a Close frame first",
        "If _The WebSocket Connection is Established_ prior to the point where the endpoint is "
        "required to _Fail the WebSocket Connection_, the endpoint SHOULD send a Close frame with "
        "an appropriate status code (Section 7.4) before proceeding to _Close the WebSocket "
        "Connection_.",
    ),
    Requirement(
        "6455-7.1.7-5",
        Level.MUST_NOT,
        BOTH,
        "an endpoint that has failed the connection reads no more",
        "An endpoint MUST NOT continue to attempt to process data (including a responding Close "
        "frame) from the remote endpoint after being instructed to _Fail the WebSocket "
        "Connection_.",
    ),
    Requirement(
        "6455-7.1.7-6",
        Level.SHOULD_NOT,
        CLIENT,
        "the client does not close without a cause",
        "Except as indicated above or as specified by the application layer (e.g., a script using "
        "the WebSocket API), clients SHOULD NOT close the connection.",
    ),
    # §7.2.1 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.2.1-1",
        Level.MUST,
        CLIENT,
        "the client gives up a handshake by failing the connection",
        "Certain algorithms, in particular during the opening handshake, require the client to "
        "_Fail the WebSocket Connection_. To do so, the client MUST _Fail the WebSocket "
        "Connection_ as defined in Section 7.1.7.",
    ),
    Requirement(
        "6455-7.2.1-2",
        Level.MUST,
        CLIENT,
        "the client fails if the transport is lost",
        "If at any point the underlying transport layer connection is unexpectedly lost, the "
        "client MUST _Fail the WebSocket Connection_.",
    ),
    Requirement(
        "6455-7.2.1-3",
        Level.SHOULD_NOT,
        CLIENT,
        "the client ends no connection without a cause",
        "Except as indicated above or as specified by the application layer (e.g., a script using "
        "the WebSocket API), clients SHOULD NOT close the connection.",
    ),
    # §7.2.2 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.2.2-1",
        Level.MUST,
        SERVER,
        "the server aborts a handshake by closing the connection",
        "Certain algorithms require or recommend that the server _Abort the WebSocket Connection_ "
        "during the opening handshake. To do so, the server MUST simply _Close the WebSocket "
        "Connection_ (Section 7.1.1).",
        unchecked="No algorithm of the RFC says when: a request is refused with a status "
        "(§4.2.2), behind which HTTP may go on.",
    ),
    # §7.2.3 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.2.3-1",
        Level.SHOULD,
        CLIENT,
        "the client backs off before it connects again",
        "To prevent this, clients SHOULD use some form of backoff when trying to reconnect after "
        "abnormal closures as described in this section.",
        unchecked=(
            "An endpoint is one connection; to connect again, and when, is up to the application."
        ),
    ),
    Requirement(
        "6455-7.2.3-2",
        Level.SHOULD,
        CLIENT,
        "the first attempt to connect again is delayed at random",
        "The first reconnect attempt SHOULD be delayed by a random amount of time.",
        unchecked=(
            "An endpoint is one connection; to connect again, and when, is up to the application."
        ),
    ),
    Requirement(
        "6455-7.2.3-3",
        Level.SHOULD,
        CLIENT,
        "further attempts to connect again are delayed longer and longer",
        "Should the first reconnect attempt fail, subsequent reconnect attempts SHOULD be delayed "
        "by increasingly longer amounts of time, using a method such as truncated binary "
        "exponential backoff.",
        unchecked=(
            "An endpoint is one connection; to connect again, and when, is up to the application."
        ),
    ),
    # §7.3 ---------------------------------------------------------------------------------
    Requirement(
        "6455-7.3-1",
        Level.SHOULD_NOT,
        CLIENT,
        "the client does not close arbitrarily",
        "Clients SHOULD NOT close the WebSocket connection arbitrarily.",
    ),
    Requirement(
        "6455-7.3-2",
        Level.MUST,
        BOTH,
        "a normal closure is started by the closing handshake",
        "In either case, an endpoint initiates a closure by following the procedures to _Start "
        "the WebSocket Closing Handshake_ (Section 7.1.2).",
    ),
    # §7.4.1 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.4.1-1",
        Level.MUST_NOT,
        BOTH,
        "1004 is reserved and not used",
        "Reserved. The specific meaning might be defined in the future.",
    ),
    Requirement(
        "6455-7.4.1-2",
        Level.MUST_NOT,
        BOTH,
        "1005 is not sent",
        "1005 is a reserved value and MUST NOT be set as a status code in a Close control frame "
        "by an endpoint.",
    ),
    Requirement(
        "6455-7.4.1-3",
        Level.MUST_NOT,
        BOTH,
        "1006 is not sent",
        "1006 is a reserved value and MUST NOT be set as a status code in a Close control frame "
        "by an endpoint.",
    ),
    Requirement(
        "6455-7.4.1-4",
        Level.SHOULD,
        CLIENT,
        "the reason of a Close frame with 1010 lists the extensions needed",
        "The list of extensions that are needed SHOULD appear in the /reason/ part of the Close "
        "frame.",
        unchecked=(
            "That an extension is needed is known to the application, which closes with 1010 and "
            "gives the reason."
        ),
    ),
    Requirement(
        "6455-7.4.1-5",
        Level.MUST_NOT,
        BOTH,
        "1015 is not sent",
        "1015 is a reserved value and MUST NOT be set as a status code in a Close control frame "
        "by an endpoint.",
    ),
    # §7.4.2 -------------------------------------------------------------------------------
    Requirement(
        "6455-7.4.2-1",
        Level.MUST_NOT,
        BOTH,
        "codes from 0 to 999 are not used",
        "Status codes in the range 0-999 are not used.",
    ),
    Requirement(
        "6455-7.4.2-2",
        Level.MUST_NOT,
        BOTH,
        "codes from 1000 to 2999 that nothing defines are not used",
        "Status codes in the range 1000-2999 are reserved for definition by this protocol, its "
        "future revisions, and extensions specified in a permanent and readily available public "
        "specification.",
    ),
    Requirement(
        "6455-7.4.2-3",
        Level.MUST,
        BOTH,
        "codes from 3000 to 3999 are for libraries, frameworks and applications",
        "Status codes in the range 3000-3999 are reserved for use by libraries, frameworks, and "
        "applications.",
    ),
    Requirement(
        "6455-7.4.2-4",
        Level.MUST,
        BOTH,
        "codes from 4000 to 4999 are for private use",
        "Status codes in the range 4000-4999 are reserved for private use and thus can't be "
        "registered. Such codes can be used by prior agreements between WebSocket applications.",
    ),
    # §8.1 ---------------------------------------------------------------------------------
    Requirement(
        "6455-8.1-1",
        Level.MUST,
        BOTH,
        "the receiver fails on what should be UTF-8 and is not",
        "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream "
        "is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket "
        "Connection_. This rule applies both during the opening handshake and during subsequent "
        "data exchange.",
    ),
)
