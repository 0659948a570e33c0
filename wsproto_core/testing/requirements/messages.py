"""RFC 6455 §6: what is required of sending and receiving messages.

Owns data only. Must not know what checks it.
"""

from __future__ import annotations

from typing import Final

from .entries import BOTH, CLIENT, SERVER, Level, Requirement

MESSAGES: Final = (
    # §6.1 ---------------------------------------------------------------------------------
    Requirement(
        "6455-6.1-1",
        Level.MUST,
        BOTH,
        "a message is sent by the steps of this section",
        "To _Send a WebSocket Message_ comprising of /data/ over a WebSocket connection, an "
        "endpoint MUST perform the following steps.",
    ),
    Requirement(
        "6455-6.1-2",
        Level.MUST,
        BOTH,
        "a message is sent in the OPEN state only",
        "The endpoint MUST ensure the WebSocket connection is in the OPEN state",
    ),
    Requirement(
        "6455-6.1-3",
        Level.MUST,
        BOTH,
        "a message is not sent any further once the state has changed",
        "If at any point the state of the WebSocket connection changes, the endpoint MUST abort "
        "the following steps.",
    ),
    Requirement(
        "6455-6.1-4",
        Level.MUST,
        BOTH,
        "data is sent in frames",
        "An endpoint MUST encapsulate the /data/ in a WebSocket frame as defined in Section 5.2.",
    ),
    Requirement(
        "6455-6.1-5",
        Level.MUST,
        BOTH,
        "the first frame's opcode says whether the data is text or binary",
        "The opcode (frame-opcode) of the first frame containing the data MUST be set to the "
        "appropriate value from Section 5.2 for data that is to be interpreted by the recipient "
        "as text or binary data.",
    ),
    Requirement(
        "6455-6.1-6",
        Level.MUST,
        BOTH,
        "the last frame has FIN",
        "The FIN bit (frame-fin) of the last frame containing the data MUST be set to 1 as "
        "defined in Section 5.2.",
    ),
    Requirement(
        "6455-6.1-7",
        Level.MUST,
        CLIENT,
        "the client's messages are masked",
        "If the data is being sent by the client, the frame(s) MUST be masked as defined in "
        "Section 5.3.",
    ),
    Requirement(
        "6455-6.1-8",
        Level.MUST,
        BOTH,
        "the frames made are transmitted",
        "The frame(s) that have been formed MUST be transmitted over the underlying network "
        "connection.",
    ),
    # §6.2 ---------------------------------------------------------------------------------
    Requirement(
        "6455-6.2-1",
        Level.MUST,
        BOTH,
        "incoming data is parsed as frames",
        "Incoming data MUST be parsed as WebSocket frames as defined in Section 5.2.",
    ),
    Requirement(
        "6455-6.2-2",
        Level.MUST,
        BOTH,
        "control frames are handled as section 5.5 defines",
        "If a control frame (Section 5.5) is received, the frame MUST be handled as defined by "
        "Section 5.5.",
    ),
    Requirement(
        "6455-6.2-3",
        Level.MUST,
        BOTH,
        "the receiver notes the type of the data by the opcode",
        "Upon receiving a data frame (Section 5.6), the endpoint MUST note the /type/ of the data "
        "as defined by the opcode (frame-opcode) from Section 5.2.",
    ),
    Requirement(
        "6455-6.2-4",
        Level.MUST,
        BOTH,
        "the message received has its first frame's type and all fragments' data",
        "When the last fragment is received as indicated by the FIN bit (frame-fin), it is said "
        "that _A WebSocket Message Has Been Received_ with data /data/ (comprised of the "
        'concatenation of the "Application data" of the fragments) and type /type/ (noted from '
        "the first frame of the fragmented message).",
    ),
    Requirement(
        "6455-6.2-5",
        Level.MUST,
        BOTH,
        "data frames after the last fragment belong to a new message",
        "Subsequent data frames MUST be interpreted as belonging to a new WebSocket message.",
    ),
    Requirement(
        "6455-6.2-6",
        Level.MUST,
        SERVER,
        "the server removes the masking",
        "A server MUST remove masking for data frames received from a client as described in "
        "Section 5.3.",
    ),
)
