"""RFC 7692 §7: what is required of permessage-deflate.

Owns data only. Must not know what checks it.
"""

from __future__ import annotations

from typing import Final

from .entries import BOTH, CLIENT, SERVER, Level, Requirement

PERMESSAGE_DEFLATE: Final = (
    # §7 -----------------------------------------------------------------------------------
    Requirement(
        "7692-7-1",
        Level.MUST,
        SERVER,
        "the server declines an offer with a parameter that is not defined",
        "A server MUST decline an extension negotiation offer for this extension if any of the "
        "following conditions are met: […] The negotiation offer contains an extension parameter "
        "not defined for use in an offer.",
    ),
    Requirement(
        "7692-7-2",
        Level.MUST,
        SERVER,
        "the server declines an offer with an invalid value",
        "A server MUST decline an extension negotiation offer for this extension if any of the "
        "following conditions are met: […] The negotiation offer contains an extension parameter "
        "with an invalid value.",
    ),
    Requirement(
        "7692-7-3",
        Level.MUST,
        SERVER,
        "the server declines an offer with a parameter given twice",
        "A server MUST decline an extension negotiation offer for this extension if any of the "
        "following conditions are met: […] The negotiation offer contains multiple extension "
        "parameters with the same name.",
    ),
    Requirement(
        "7692-7-4",
        Level.MUST,
        SERVER,
        "the server declines an offer that it does not support",
        "A server MUST decline an extension negotiation offer for this extension if any of the "
        "following conditions are met: […] The server doesn't support the offered configuration.",
    ),
    Requirement(
        "7692-7-5",
        Level.MUST,
        CLIENT,
        "the client fails on a response with a parameter that is not defined",
        "A client MUST _Fail the WebSocket Connection_ if the peer server accepted an extension "
        "negotiation offer for this extension with an extension negotiation response meeting any "
        "of the following conditions: […] The negotiation response contains an extension "
        "parameter not defined for use in a response.",
    ),
    Requirement(
        "7692-7-6",
        Level.MUST,
        CLIENT,
        "the client fails on a response with an invalid value",
        "A client MUST _Fail the WebSocket Connection_ if the peer server accepted an extension "
        "negotiation offer for this extension with an extension negotiation response meeting any "
        "of the following conditions: […] The negotiation response contains an extension "
        "parameter with an invalid value.",
    ),
    Requirement(
        "7692-7-7",
        Level.MUST,
        CLIENT,
        "the client fails on a response with a parameter given twice",
        "A client MUST _Fail the WebSocket Connection_ if the peer server accepted an extension "
        "negotiation offer for this extension with an extension negotiation response meeting any "
        "of the following conditions: […] The negotiation response contains multiple extension "
        "parameters with the same name.",
    ),
    Requirement(
        "7692-7-8",
        Level.MUST,
        CLIENT,
        "the client fails on a response that it does not support",
        "A client MUST _Fail the WebSocket Connection_ if the peer server accepted an extension "
        "negotiation offer for this extension with an extension negotiation response meeting any "
        "of the following conditions: […] The client does not support the configuration that the "
        "response represents.",
    ),
    # §7.1.1.1 -----------------------------------------------------------------------------
    Requirement(
        "7692-7.1.1.1-1",
        Level.MUST,
        CLIENT,
        "server_no_context_takeover in an offer has no value",
        'A client MAY include the "server_no_context_takeover" extension parameter in an '
        "extension negotiation offer. This extension parameter has no value.",
    ),
    Requirement(
        "7692-7.1.1.1-2",
        Level.MUST,
        SERVER,
        "a server that accepts server_no_context_takeover responds with it",
        "A server accepts an extension negotiation offer that includes the "
        '"server_no_context_takeover" extension parameter by including the '
        '"server_no_context_takeover" extension parameter in the corresponding extension '
        "negotiation response to send back to the client.",
    ),
    Requirement(
        "7692-7.1.1.1-3",
        Level.MUST,
        SERVER,
        "server_no_context_takeover in a response has no value",
        'The "server_no_context_takeover" extension parameter in an extension negotiation '
        "response has no value.",
    ),
    Requirement(
        "7692-7.1.1.1-4",
        Level.SHOULD,
        SERVER,
        "the server supports server_no_context_takeover in an offer",
        'It is RECOMMENDED that a server supports the "server_no_context_takeover" extension '
        "parameter in an extension negotiation offer.",
    ),
    Requirement(
        "7692-7.1.1.1-5",
        Level.MUST,
        CLIENT,
        "the client takes server_no_context_takeover that it did not offer",
        'A server MAY include the "server_no_context_takeover" extension parameter in an '
        "extension negotiation response even if the extension negotiation offer being accepted by "
        'the extension negotiation response didn\'t include the "server_no_context_takeover" '
        "extension parameter.",
    ),
    # §7.1.1.2 -----------------------------------------------------------------------------
    Requirement(
        "7692-7.1.1.2-1",
        Level.MUST,
        CLIENT,
        "client_no_context_takeover in an offer has no value",
        'A client MAY include the "client_no_context_takeover" extension parameter in an '
        "extension negotiation offer. This extension parameter has no value.",
    ),
    Requirement(
        "7692-7.1.1.2-2",
        Level.MUST,
        SERVER,
        "client_no_context_takeover in a response has no value",
        'The "client_no_context_takeover" extension parameter in an extension negotiation '
        "response has no value.",
    ),
    Requirement(
        "7692-7.1.1.2-3",
        Level.MUST,
        CLIENT,
        "the client supports client_no_context_takeover in a response",
        'A client MUST support the "client_no_context_takeover" extension parameter in an '
        "extension negotiation response.",
    ),
    # §7.1.2.1 -----------------------------------------------------------------------------
    Requirement(
        "7692-7.1.2.1-1",
        Level.MUST,
        CLIENT,
        "server_max_window_bits in an offer is a number from 8 to 15",
        "This parameter has a decimal integer value without leading zeroes between 8 to 15, "
        "inclusive, indicating the base-2 logarithm of the LZ77 sliding window size, and MUST "
        "conform to the ABNF below.",
    ),
    Requirement(
        "7692-7.1.2.1-2",
        Level.MUST,
        SERVER,
        "the server declines an offer of server_max_window_bits that it does not support",
        "A server declines an extension negotiation offer with this parameter if the server "
        "doesn't support it.",
    ),
    Requirement(
        "7692-7.1.2.1-3",
        Level.MUST,
        SERVER,
        "a server that accepts server_max_window_bits responds with the same or a smaller value",
        "A server accepts an extension negotiation offer with this parameter by including the "
        '"server_max_window_bits" extension parameter in the extension negotiation response to '
        "send back to the client with the same or smaller value as the offer.",
    ),
    Requirement(
        "7692-7.1.2.1-4",
        Level.MUST,
        SERVER,
        "server_max_window_bits in a response is a number from 8 to 15",
        'The "server_max_window_bits" extension parameter in an extension negotiation response '
        "has a decimal integer value without leading zeroes between 8 to 15, inclusive, "
        "indicating the base-2 logarithm of the LZ77 sliding window size, and MUST conform to the "
        "ABNF below.",
    ),
    Requirement(
        "7692-7.1.2.1-5",
        Level.MUST,
        CLIENT,
        "the client takes server_max_window_bits that it did not offer",
        'A server MAY include the "server_max_window_bits" extension parameter in an extension '
        "negotiation response even if the extension negotiation offer being accepted by the "
        'response didn\'t include the "server_max_window_bits" extension parameter.',
    ),
    # §7.1.2.2 -----------------------------------------------------------------------------
    Requirement(
        "7692-7.1.2.2-1",
        Level.MUST,
        CLIENT,
        "client_max_window_bits in an offer has no value or a number from 8 to 15",
        "This parameter has no value or a decimal integer value without leading zeroes between 8 "
        "to 15 inclusive indicating the base-2 logarithm of the LZ77 sliding window size. If a "
        "value is specified for this parameter, the value MUST conform to the ABNF below.",
    ),
    Requirement(
        "7692-7.1.2.2-2",
        Level.MUST,
        SERVER,
        "client_max_window_bits in a response is a number from 8 to 15",
        'The "client_max_window_bits" extension parameter in an extension negotiation response '
        "has a decimal integer value without leading zeroes between 8 to 15 inclusive indicating "
        "the base-2 logarithm of the LZ77 sliding window size and MUST conform to the ABNF below.",
    ),
    Requirement(
        "7692-7.1.2.2-3",
        Level.MUST_NOT,
        SERVER,
        "the server does not respond with client_max_window_bits that was not offered",
        'If a received extension negotiation offer doesn\'t have the "client_max_window_bits" '
        "extension parameter, the corresponding extension negotiation response to the offer MUST "
        'NOT include the "client_max_window_bits" extension parameter.',
    ),
    # §7.2.1 -------------------------------------------------------------------------------
    Requirement(
        "7692-7.2.1-1",
        Level.MUST,
        BOTH,
        "a payload is compressed with DEFLATE and loses its last 00 00 ff ff",
        "An endpoint uses the following algorithm to compress a message. […] Remove 4 octets "
        "(that are 0x00 0x00 0xff 0xff) from the tail end.",
    ),
    Requirement(
        "7692-7.2.1-2",
        Level.MUST,
        BOTH,
        "the receiver takes several DEFLATE blocks in one message",
        "An endpoint MAY use multiple DEFLATE blocks to compress one message.",
    ),
    Requirement(
        "7692-7.2.1-3",
        Level.MUST,
        BOTH,
        "the receiver takes DEFLATE blocks of any type",
        "An endpoint MAY use DEFLATE blocks of any type.",
    ),
    Requirement(
        "7692-7.2.1-4",
        Level.MUST,
        BOTH,
        "the receiver takes DEFLATE blocks with BFINAL set to 1",
        'An endpoint MAY use both DEFLATE blocks with the "BFINAL" bit set to 0 and DEFLATE '
        'blocks with the "BFINAL" bit set to 1.',
    ),
    Requirement(
        "7692-7.2.1-5",
        Level.MUST,
        BOTH,
        "a DEFLATE block with BFINAL is padded to a byte boundary",
        'When any DEFLATE block with the "BFINAL" bit set to 1 doesn\'t end at a byte boundary, '
        "an endpoint MUST add minimal padding bits of 0 to make it end at a byte boundary.",
    ),
    Requirement(
        "7692-7.2.1-6",
        Level.MUST_NOT,
        BOTH,
        "fragments but the last keep their 00 00 ff ff",
        "Note that for non-final fragments, the removal of 0x00 0x00 0xff 0xff MUST NOT be done.",
    ),
    Requirement(
        "7692-7.2.1-7",
        Level.MUST_NOT,
        BOTH,
        "no LZ77 window is longer than 32,768 bytes",
        "An endpoint MUST NOT use an LZ77 sliding window longer than 32,768 bytes to compress "
        "messages to send.",
    ),
    Requirement(
        "7692-7.2.1-8",
        Level.MUST,
        CLIENT,
        "with client_no_context_takeover the client starts each message afresh",
        'If the "agreed parameters" contain the "client_no_context_takeover" extension parameter, '
        "the client MUST start compressing each new message with an empty LZ77 sliding window.",
    ),
    Requirement(
        "7692-7.2.1-9",
        Level.MUST,
        SERVER,
        "with server_no_context_takeover the server starts each message afresh",
        'If the "agreed parameters" contain the "server_no_context_takeover" extension parameter, '
        "the server MUST start compressing each new message with an empty LZ77 sliding window.",
    ),
    Requirement(
        "7692-7.2.1-10",
        Level.MUST_NOT,
        CLIENT,
        "the client keeps to client_max_window_bits",
        'If the "agreed parameters" contain the "client_max_window_bits" extension parameter with '
        "a value of w, the client MUST NOT use an LZ77 sliding window longer than the w-th power "
        "of 2 bytes to compress messages to send.",
    ),
    Requirement(
        "7692-7.2.1-11",
        Level.MUST_NOT,
        SERVER,
        "the server keeps to server_max_window_bits",
        'If the "agreed parameters" contain the "server_max_window_bits" extension parameter with '
        "a value of w, the server MUST NOT use an LZ77 sliding window longer than the w-th power "
        "of 2 bytes to compress messages to send.",
    ),
    # §7.2.2 -------------------------------------------------------------------------------
    Requirement(
        "7692-7.2.2-1",
        Level.MUST,
        BOTH,
        "00 00 ff ff is appended to the payload, which is then decompressed with DEFLATE",
        "An endpoint uses the following algorithm to decompress a message. […] Append 4 octets of "
        "0x00 0x00 0xff 0xff to the tail end of the payload of the message. […] Decompress the "
        "resulting data using DEFLATE.",
    ),
    Requirement(
        "7692-7.2.2-2",
        Level.MUST,
        CLIENT,
        "without server_no_context_takeover the client keeps its window from message to message",
        'If the "agreed parameters" contain the "server_no_context_takeover" extension parameter, '
        "the client MAY decompress each new message with an empty LZ77 sliding window. Otherwise, "
        "the client MUST decompress each new message using the LZ77 sliding window used to "
        "process the last compressed message.",
    ),
    Requirement(
        "7692-7.2.2-3",
        Level.MUST,
        SERVER,
        "without client_no_context_takeover the server keeps its window from message to message",
        'If the "agreed parameters" contain the "client_no_context_takeover" extension parameter, '
        "the server MAY decompress each new message with an empty LZ77 sliding window. Otherwise, "
        "the server MUST decompress each new message using the LZ77 sliding window used to "
        "process the last compressed message.",
    ),
    Requirement(
        "7692-7.2.2-4",
        Level.MUST,
        SERVER,
        "client_no_context_takeover that was offered but not agreed on changes nothing for the "
        "server",
        'Note that even if the client has included the "client_no_context_takeover" extension '
        "parameter in its offer, the server MUST decompress each new message using the LZ77 "
        'sliding window used to process the last compressed message if the "agreed parameters" '
        'don\'t contain the "client_no_context_takeover" extension parameter.',
    ),
    Requirement(
        "7692-7.2.2-5",
        Level.MUST,
        CLIENT,
        "without server_max_window_bits the client decompresses with 32,768 bytes",
        'If the "agreed parameters" contain the "server_max_window_bits" extension parameter with '
        "a value of w, the client MAY reduce the size of its LZ77 sliding window to decompress "
        "received messages down to the w-th power of 2 bytes. Otherwise, the client MUST use a "
        "32,768-byte LZ77 sliding window to decompress received messages.",
    ),
    Requirement(
        "7692-7.2.2-6",
        Level.MUST,
        SERVER,
        "without client_max_window_bits the server decompresses with 32,768 bytes",
        'If the "agreed parameters" contain the "client_max_window_bits" extension parameter with '
        "a value of w, the server MAY reduce the size of its LZ77 sliding window to decompress "
        "received messages down to the w-th power of 2 bytes. Otherwise, the server MUST use a "
        "32,768-byte LZ77 sliding window to decompress received messages.",
    ),
    Requirement(
        "7692-7.2.2-7",
        Level.MUST,
        CLIENT,
        "the client's window follows what was agreed on, not what it offered",
        'Note that even if the client has included in its offer the "client_max_window_bits" '
        'extension parameter with a value smaller than one in the "agreed parameters", the client '
        'MUST use an LZ77 sliding window of a size that conforms the "agreed parameters" to '
        "compress messages to send.",
    ),
    # §7.3 ---------------------------------------------------------------------------------
    Requirement(
        "7692-7.3-1",
        Level.SHOULD,
        BOTH,
        "an LZ77 window is of 1,024 bytes or more",
        "To obtain a useful compression ratio, an LZ77 sliding window size of 1,024 or more is "
        "RECOMMENDED.",
        unchecked=(
            "A piece of advice for whoever configures an endpoint; the smaller windows are as "
            "valid on the wire (§7.1.2)."
        ),
    ),
)
