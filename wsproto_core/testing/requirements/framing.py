"""RFC 6455 §5: what is required of frames, control frames and fragments.

Owns data only. Must not know what checks it.
"""

from __future__ import annotations

from typing import Final

from .entries import BOTH, CLIENT, SERVER, Level, Requirement

FRAMING: Final = (
    # §5.1 ---------------------------------------------------------------------------------
    Requirement(
        "6455-5.1-1",
        Level.MUST,
        CLIENT,
        "the client masks all its frames",
        "To avoid confusing network intermediaries (such as intercepting proxies) and for "
        "security reasons that are further discussed in Section 10.3, a client MUST mask all "
        "frames that it sends to the server (see Section 5.3 for further details).",
    ),
    Requirement(
        "6455-5.1-2",
        Level.MUST,
        SERVER,
        "the server fails on an unmasked frame",
        "The server MUST close the connection upon receiving a frame that is not masked.",
    ),
    Requirement(
        "6455-5.1-3",
        Level.MUST_NOT,
        SERVER,
        "the server masks no frame",
        "A server MUST NOT mask any frames that it sends to the client.",
    ),
    Requirement(
        "6455-5.1-4",
        Level.MUST,
        CLIENT,
        "the client fails on a masked frame",
        "A client MUST close a connection if it detects a masked frame.",
    ),
    # §5.2 ---------------------------------------------------------------------------------
    Requirement(
        "6455-5.2-1",
        Level.MUST,
        BOTH,
        "the reserved bits are 0 unless an extension defines them",
        "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values.",
    ),
    Requirement(
        "6455-5.2-2",
        Level.MUST,
        BOTH,
        "the receiver fails on a reserved bit that no extension defines",
        "If a nonzero value is received and none of the negotiated extensions defines the meaning "
        "of such a nonzero value, the receiving endpoint MUST _Fail the WebSocket Connection_.",
    ),
    Requirement(
        "6455-5.2-3",
        Level.MUST,
        BOTH,
        "the receiver fails on an unknown opcode",
        "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket "
        "Connection_.",
    ),
    Requirement(
        "6455-5.2-4",
        Level.MUST,
        BOTH,
        "the first bit of a length of 64 bits is 0",
        "If 127, the following 8 bytes interpreted as a 64-bit unsigned integer (the most "
        "significant bit MUST be 0) are the payload length.",
    ),
    Requirement(
        "6455-5.2-5",
        Level.MUST,
        BOTH,
        "lengths of several bytes are in network byte order",
        "Multibyte length quantities are expressed in network byte order.",
    ),
    Requirement(
        "6455-5.2-6",
        Level.MUST,
        BOTH,
        "lengths are written in as few bytes as there can be",
        "Note that in all cases, the minimal number of bytes MUST be used to encode the length, "
        "for example, the length of a 124-byte-long string can't be encoded as the sequence 126, "
        "0, 124.",
    ),
    # §5.3 ---------------------------------------------------------------------------------
    Requirement(
        "6455-5.3-1",
        Level.MUST,
        CLIENT,
        "a masked frame says so",
        "A masked frame MUST have the field frame-masked set to 1, as defined in Section 5.2.",
    ),
    Requirement(
        "6455-5.3-2",
        Level.MUST,
        CLIENT,
        "the client takes a fresh masking key for each frame",
        "When preparing a masked frame, the client MUST pick a fresh masking key from the set of "
        "allowed 32-bit values.",
    ),
    Requirement(
        "6455-5.3-3",
        Level.MUST,
        CLIENT,
        "masking keys come from a strong source of entropy",
        "The masking key needs to be unpredictable; thus, the masking key MUST be derived from a "
        "strong source of entropy, and the masking key for a given frame MUST NOT make it simple "
        "for a server/proxy to predict the masking key for a subsequent frame.",
        unchecked=(
            "Bytes do not show what source they come from; that keys differ is checked by "
            "6455-5.3-2."
        ),
    ),
    Requirement(
        "6455-5.3-4",
        Level.MUST_NOT,
        CLIENT,
        "a masking key does not tell the next one",
        "The masking key needs to be unpredictable; thus, the masking key MUST be derived from a "
        "strong source of entropy, and the masking key for a given frame MUST NOT make it simple "
        "for a server/proxy to predict the masking key for a subsequent frame.",
        unchecked=(
            "A sample of keys cannot show that they are hard to predict; that keys differ is "
            "checked by 6455-5.3-2."
        ),
    ),
    Requirement(
        "6455-5.3-5",
        Level.MUST,
        BOTH,
        "octet i is masked with octet i modulo 4 of the key",
        'Octet i of the transformed data ("transformed-octet-i") is the XOR of octet i of the '
        'original data ("original-octet-i") with octet at index i modulo 4 of the masking key '
        '("masking-key-octet-j"):',
    ),
    Requirement(
        "6455-5.3-6",
        Level.MUST,
        BOTH,
        "the payload length leaves out the masking key",
        "The payload length, indicated in the framing as frame-payload-length, does NOT include "
        "the length of the masking key.",
    ),
    # §5.4 ---------------------------------------------------------------------------------
    Requirement(
        "6455-5.4-1",
        Level.MUST_NOT,
        BOTH,
        "neither side depends on where frames begin and end",
        "One implication of this is that in absence of extensions, senders and receivers must not "
        "depend on the presence of specific frame boundaries.",
    ),
    Requirement(
        "6455-5.4-2",
        Level.MUST,
        BOTH,
        "an unfragmented message is one frame with FIN and an opcode other than 0",
        "An unfragmented message consists of a single frame with the FIN bit set (Section 5.2) "
        "and an opcode other than 0.",
    ),
    Requirement(
        "6455-5.4-3",
        Level.MUST,
        BOTH,
        "a fragmented message begins with an opcode, goes on with 0 and ends with FIN",
        "A fragmented message consists of a single frame with the FIN bit clear and an opcode "
        "other than 0, followed by zero or more frames with the FIN bit clear and the opcode set "
        "to 0, and terminated by a single frame with the FIN bit set and an opcode of 0.",
    ),
    Requirement(
        "6455-5.4-4",
        Level.MUST,
        BOTH,
        "a fragmented message is the concatenation of its fragments",
        "A fragmented message is conceptually equivalent to a single larger message whose payload "
        "is equal to the concatenation of the payloads of the fragments in order;",
    ),
    Requirement(
        "6455-5.4-5",
        Level.MUST_NOT,
        BOTH,
        "control frames are not fragmented",
        "Control frames themselves MUST NOT be fragmented.",
    ),
    Requirement(
        "6455-5.4-6",
        Level.MUST,
        BOTH,
        "fragments are delivered in the order sent",
        "Message fragments MUST be delivered to the recipient in the order sent by the sender.",
    ),
    Requirement(
        "6455-5.4-7",
        Level.MUST_NOT,
        BOTH,
        "the fragments of two messages are not interleaved",
        "The fragments of one message MUST NOT be interleaved between the fragments of another "
        "message unless an extension has been negotiated that can interpret the interleaving.",
    ),
    Requirement(
        "6455-5.4-8",
        Level.MUST,
        BOTH,
        "the receiver takes control frames in the middle of a fragmented message",
        "An endpoint MUST be capable of handling control frames in the middle of a fragmented "
        "message.",
    ),
    Requirement(
        "6455-5.4-9",
        Level.MUST,
        BOTH,
        "the receiver takes messages fragmented and unfragmented",
        "Clients and servers MUST support receiving both fragmented and unfragmented messages.",
    ),
    Requirement(
        "6455-5.4-10",
        Level.MUST,
        BOTH,
        "the fragments of a message are of its first fragment's type",
        "As a consequence of these rules, all fragments of a message are of the same type, as set "
        "by the first fragment's opcode. Since control frames cannot be fragmented, the type for "
        "all fragments in a message MUST be either text, binary, or one of the reserved opcodes.",
    ),
    # §5.5 ---------------------------------------------------------------------------------
    Requirement(
        "6455-5.5-1",
        Level.MUST,
        BOTH,
        "control frames have a payload of 125 bytes or less",
        "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be "
        "fragmented.",
    ),
    Requirement(
        "6455-5.5-2",
        Level.MUST_NOT,
        BOTH,
        "control frames are never fragments",
        "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be "
        "fragmented.",
    ),
    # §5.5.1 -------------------------------------------------------------------------------
    Requirement(
        "6455-5.5.1-1",
        Level.MUST,
        BOTH,
        "a Close frame's body begins with a status code of 2 bytes",
        "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer "
        "(in network byte order) representing a status code with value /code/ defined in Section "
        "7.4.",
    ),
    Requirement(
        "6455-5.5.1-2",
        Level.MUST,
        BOTH,
        "a Close frame's reason is UTF-8",
        "Following the 2-byte integer, the body MAY contain UTF-8-encoded data with value "
        "/reason/, the interpretation of which is not defined by this specification.",
    ),
    Requirement(
        "6455-5.5.1-3",
        Level.MUST_NOT,
        CLIENT,
        "the client does not show the reason to its user",
        "As the data is not guaranteed to be human readable, clients MUST NOT show it to end "
        "users.",
        unchecked="What is shown to users is up to the application; an endpoint has no screen.",
    ),
    Requirement(
        "6455-5.5.1-4",
        Level.MUST,
        CLIENT,
        "the client's Close frames are masked",
        "Close frames sent from client to server must be masked as per Section 5.3.",
    ),
    Requirement(
        "6455-5.5.1-5",
        Level.MUST_NOT,
        BOTH,
        "no data frame is sent after a Close frame",
        "The application MUST NOT send any more data frames after sending a Close frame.",
    ),
    Requirement(
        "6455-5.5.1-6",
        Level.MUST,
        BOTH,
        "a Close frame is answered with a Close frame",
        "If an endpoint receives a Close frame and did not previously send a Close frame, the "
        "endpoint MUST send a Close frame in response.",
    ),
    Requirement(
        "6455-5.5.1-7",
        Level.SHOULD,
        BOTH,
        "a Close frame is answered as soon as practical",
        "It SHOULD do so as soon as practical.",
    ),
    Requirement(
        "6455-5.5.1-8",
        Level.MUST,
        BOTH,
        "the TCP connection is closed once Close frames went both ways",
        "After both sending and receiving a Close message, an endpoint considers the WebSocket "
        "connection closed and MUST close the underlying TCP connection.",
    ),
    Requirement(
        "6455-5.5.1-9",
        Level.MUST,
        SERVER,
        "the server closes the TCP connection at once",
        "The server MUST close the underlying TCP connection immediately; the client SHOULD wait "
        "for the server to close the connection but MAY close the connection at any time after "
        "sending and receiving a Close message",
        unchecked=(
            "When the TCP connection is closed is up to its owner; that the endpoint says it is "
            "time is checked by 6455-5.5.1-8."
        ),
    ),
    Requirement(
        "6455-5.5.1-10",
        Level.SHOULD,
        CLIENT,
        "the client leaves it to the server to close the TCP connection",
        "The server MUST close the underlying TCP connection immediately; the client SHOULD wait "
        "for the server to close the connection but MAY close the connection at any time after "
        "sending and receiving a Close message",
        unchecked=(
            "Who closes the TCP connection first is up to its owner, who has the clock for the "
            "wait."
        ),
    ),
    Requirement(
        "6455-5.5.1-11",
        Level.SHOULD,
        BOTH,
        "Close frames that cross end the connection",
        "If a client and server both send a Close message at the same time, both endpoints will "
        "have sent and received a Close message and should consider the WebSocket connection "
        "closed and close the underlying TCP connection.",
    ),
    # §5.5.2 -------------------------------------------------------------------------------
    Requirement(
        "6455-5.5.2-1",
        Level.MUST,
        BOTH,
        "a Ping frame is answered with a Pong frame, unless a Close frame came before",
        "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it "
        "already received a Close frame.",
    ),
    Requirement(
        "6455-5.5.2-2",
        Level.SHOULD,
        BOTH,
        "a Ping frame is answered as soon as is practical",
        "It SHOULD respond with Pong frame as soon as is practical.",
    ),
    # §5.5.3 -------------------------------------------------------------------------------
    Requirement(
        "6455-5.5.3-1",
        Level.MUST,
        BOTH,
        "a Pong frame has the payload of the Ping frame that it answers",
        'A Pong frame sent in response to a Ping frame must have identical "Application data" as '
        "found in the message body of the Ping frame being replied to.",
    ),
    Requirement(
        "6455-5.5.3-2",
        Level.MUST,
        BOTH,
        "a Pong frame that nobody asked for is taken",
        "A Pong frame MAY be sent unsolicited. This serves as a unidirectional heartbeat. A "
        "response to an unsolicited Pong frame is not expected.",
    ),
    # §5.6 ---------------------------------------------------------------------------------
    Requirement(
        "6455-5.6-1",
        Level.MUST,
        BOTH,
        "a text message as a whole is valid UTF-8",
        "Note that a particular text frame might include a partial UTF-8 sequence; however, the "
        "whole message MUST contain valid UTF-8.",
    ),
    Requirement(
        "6455-5.6-2",
        Level.MUST,
        BOTH,
        "a binary message is any bytes",
        'The "Payload data" is arbitrary binary data whose interpretation is solely up to the '
        "application layer.",
    ),
    # §5.8 ---------------------------------------------------------------------------------
    Requirement(
        "6455-5.8-1",
        Level.MUST,
        BOTH,
        "extensions are negotiated in the opening handshake",
        "The endpoints of a connection MUST negotiate the use of any extensions during the "
        "opening handshake.",
    ),
)
