"""RFC 7692 §5 and §6: what is required of any compression of messages.

Owns data only. Must not know what checks it.
"""

from __future__ import annotations

from typing import Final

from .entries import BOTH, CLIENT, SERVER, Level, Requirement

COMPRESSION: Final = (
    # §5 -----------------------------------------------------------------------------------
    Requirement(
        "7692-5-1",
        Level.MUST,
        CLIENT,
        "the client offers an extension by its name",
        "To offer use of a PMCE, a client MUST include the extension name of the PMCE in the "
        '"Sec-WebSocket-Extensions" header field of its opening handshake of the WebSocket '
        "connection.",
    ),
    Requirement(
        "7692-5-2",
        Level.SHOULD,
        SERVER,
        "the server prefers what comes first",
        "It is recommended that a server accepts PMCEs with higher preference if the server "
        "supports them.",
    ),
    Requirement(
        "7692-5-3",
        Level.MUST,
        SERVER,
        "a server that accepts an offer satisfies its requests",
        "A request in a PMCE negotiation offer indicates constraints on the server's behavior "
        "that must be satisfied if the server accepts the offer.",
    ),
    Requirement(
        "7692-5-4",
        Level.MUST,
        CLIENT,
        "the client tells the server its LZ77 window size",
        "In a PMCE negotiation offer, the client MUST inform the server of its LZ77 window size "
        "so that the server uses an LZ77 window size that is not greater than the LZ77 window "
        "size of the client.",
    ),
    Requirement(
        "7692-5-5",
        Level.MUST,
        SERVER,
        "the server accepts an extension by its name",
        "To accept the use of an offered PMCE, a server MUST include the extension name of the "
        'PMCE in the "Sec-WebSocket-Extensions" header field of its opening handshake of the '
        "WebSocket connection.",
    ),
    Requirement(
        "7692-5-6",
        Level.MUST,
        SERVER,
        "the server accepts nothing that it does not fully support",
        "The element MUST represent a PMCE that is fully supported by the server.",
    ),
    Requirement(
        "7692-5-7",
        Level.MUST,
        SERVER,
        "the agreed parameters show how requests and hints were handled",
        '"Agreed parameters" must represent how the requests and hints in the client\'s '
        "extension negotiation offer have been handled in addition to the server's requests and "
        "hints on the client's behavior, so that the client can configure its behavior without "
        "identifying exactly which PMCE extension negotiation offer has been accepted.",
    ),
    Requirement(
        "7692-5-8",
        Level.MUST_NOT,
        SERVER,
        "the server does not accept two extensions that conflict on RSV1",
        "A server MUST NOT accept a PMCE extension negotiation offer together with another "
        "extension if the PMCE will conflict with the extension on their use of the RSV1 bit.",
    ),
    Requirement(
        "7692-5-9",
        Level.MUST,
        CLIENT,
        "the client fails on two extensions that conflict on RSV1",
        "A client that received a response accepting a PMCE extension negotiation offer together "
        "with such an extension MUST _Fail the WebSocket Connection_.",
    ),
    Requirement(
        "7692-5-10",
        Level.MUST_NOT,
        SERVER,
        "the server compresses no output of an extension that needs its frames kept",
        "A server MUST NOT accept a PMCE extension negotiation offer together with another "
        "extension if the PMCE will be applied to the output of the extension and any of the "
        "following conditions applies to the extension: […] The extension requires the boundary "
        "of frames to be preserved between the output from the extension at the sender and the "
        "input to the extension at the receiver.",
        unchecked=(
            "No registered extension needs the boundaries of frames kept, so no server can be "
            "offered one that it knows."
        ),
    ),
    Requirement(
        "7692-5-11",
        Level.MUST_NOT,
        SERVER,
        "the server compresses no output of an extension that marks single frames",
        "A server MUST NOT accept a PMCE extension negotiation offer together with another "
        "extension if the PMCE will be applied to the output of the extension and any of the "
        'following conditions applies to the extension: […] The extension uses the "Extension '
        'data" field or any of the reserved bits on the WebSocket header as a per-frame attribute.',
        unchecked=(
            "No registered extension marks single frames, so no server can be offered one that it "
            "knows."
        ),
    ),
    Requirement(
        "7692-5-12",
        Level.MUST,
        CLIENT,
        "the client fails if such an extension was accepted together with compression",
        "A client that receives a response accepting a PMCE extension negotiation offer together "
        "with such an extension MUST _Fail the WebSocket Connection_.",
        unchecked=(
            "No registered extension is of that kind, so no client can have offered one that it "
            "knows."
        ),
    ),
    Requirement(
        "7692-5-13",
        Level.MUST_NOT,
        SERVER,
        "a server that declines all compression names none",
        "A server declining all offered PMCEs MUST NOT include any element with PMCE names.",
    ),
    Requirement(
        "7692-5-14",
        Level.MUST,
        BOTH,
        "without compression in the response both go on without it",
        'If a server responds with no PMCE element in the "Sec-WebSocket-Extensions" header, both '
        "endpoints proceed without per-message compression once _the WebSocket Connection is "
        "established_.",
    ),
    Requirement(
        "7692-5-15",
        Level.MUST,
        CLIENT,
        "the client fails on an invalid response",
        "If a server gives an invalid response, such as accepting a PMCE that the client did not "
        "offer, the client MUST _Fail the WebSocket Connection_.",
    ),
    Requirement(
        "7692-5-16",
        Level.MUST,
        BOTH,
        "both use the extension with the parameters agreed on",
        'If a server responds with a valid PMCE element in the "Sec-WebSocket-Extensions" header '
        "and _the WebSocket Connection is established_, both endpoints MUST use the algorithm "
        "described in Section 6 and the message payload transformation (compressing and "
        'decompressing) procedure of the PMCE configured with the "agreed parameters" returned by '
        "the server to exchange messages.",
    ),
    # §6 -----------------------------------------------------------------------------------
    Requirement(
        "7692-6-1",
        Level.MUST,
        BOTH,
        "control frames are not compressed",
        "PMCEs operate only on data messages.",
    ),
    # §6.1 ---------------------------------------------------------------------------------
    Requirement(
        "7692-6.1-1",
        Level.MUST,
        BOTH,
        "a compressed message has RSV1 on its first frame and compressed data in its frames",
        "An endpoint MUST use the following algorithm to send a message in the form of a "
        "compressed message. […] build frame(s) using the compressed data instead of the original "
        'data for the message payload, set the "Per-Message Compressed" bit of the first frame, '
        "and then send the frame(s) as described in Section 6.1 of [RFC6455].",
    ),
    Requirement(
        "7692-6.1-2",
        Level.MUST,
        BOTH,
        "an uncompressed message has no RSV1 and its data as it is",
        "An endpoint MUST use the following algorithm to send a message in the form of an "
        "uncompressed message. […] build frame(s) using the original data for the payload data "
        'portion as is, unset the "Per-Message Compressed" bit of the first frame, and then send '
        "the frame(s) as described in Section 6.1 of [RFC6455].",
    ),
    Requirement(
        "7692-6.1-3",
        Level.MUST_NOT,
        BOTH,
        "control frames and later fragments have no RSV1",
        'An endpoint MUST NOT set the "Per-Message Compressed" bit of control frames and '
        "non-first fragments of a data message.",
    ),
    Requirement(
        "7692-6.1-4",
        Level.MUST,
        BOTH,
        "the receiver fails on RSV1 on a control frame or a later fragment",
        "An endpoint receiving such a frame MUST _Fail the WebSocket Connection_.",
    ),
    Requirement(
        "7692-6.1-5",
        Level.MUST_NOT,
        BOTH,
        "compression leaves the opcode as it is",
        "PMCEs do not change the opcode field. The opcode of the first frame of a compressed "
        "message indicates the opcode of the original message.",
    ),
    Requirement(
        "7692-6.1-6",
        Level.MUST,
        BOTH,
        "a text message has to be UTF-8 once it is decompressed, and only then",
        "At the receiver, the payload data portion after decompression is subject to the "
        "constraints for the original data type again.",
    ),
    # §6.2 ---------------------------------------------------------------------------------
    Requirement(
        "7692-6.2-1",
        Level.MUST,
        BOTH,
        "a compressed message is put together, decompressed and delivered",
        "An endpoint MUST use the following algorithm to receive a message in the form of a "
        "compressed message. […] Concatenate the payload data portion of the received frames of "
        "the compressed message. […] Decompress the concatenation by following the decompression "
        "procedure of the PMCE.",
    ),
    Requirement(
        "7692-6.2-2",
        Level.MUST,
        BOTH,
        "an uncompressed message is delivered as it is",
        "An endpoint MUST use the following algorithm to receive a message in the form of an "
        "uncompressed message. […] deliver the _A WebSocket Message Has Been Received_ event to "
        "the application layer with the received message payload and header values as is.",
    ),
)
