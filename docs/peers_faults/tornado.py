"""Where tornado differs from the RFCs.

Each fault has been looked at by hand: it is one of the implementation, used as its
documentation says, and not of the case or of the adapter.
"""

from __future__ import annotations

from typing import Final

from . import kinds
from .fault import Fault

FAULTS: Final = (
    Fault(
        "frames that are not masked are accepted (RFC 6455 §5.1)",
        (
            "masking/unmasked-{text,empty-text,binary,binary-126,binary-65536,ping}@server",
            "masking/unmasked-{empty-ping,pong,second-message,continuation,ping-in-message}@server",
            "masking/at-once@server",
            "attacks/garbage-{0,12,15}@server",
            "attacks/early-unmasked@server",
        ),
        kind=kinds.NOT_MASKED,
    ),
    Fault(
        "payload lengths that are not minimal are accepted (§5.2)",
        (
            "framing/length-{0-in-16-bits,1-in-16-bits,124-in-16-bits,125-in-16-bits}@server",
            "framing/length-{0-in-64-bits,1-in-64-bits,125-in-64-bits,126-in-64-bits}@server",
            "framing/length-{127-in-64-bits,65535-in-64-bits,not-minimal-text-2}@server",
            "framing/length-{not-minimal-continuation-2,not-minimal-text-8}@server",
            "framing/length-not-minimal-continuation-8@server",
            "framing/at-once-not-minimal@server",
        ),
        kind=kinds.NOT_MINIMAL,
    ),
    Fault(
        "a Ping or Pong between the frames of a compressed message corrupts it (§5.4)",
        ("compression/fragments-{ping,pings,pong-like-data}@server",),
        kind=kinds.INTERLEAVED,
    ),
    Fault(
        "RSV1 is accepted on control frames where permessage-deflate is on (RFC 7692 §6.1)",
        ("compression/rsv-{ping,empty-ping,ping-in-message,after-message}@server",),
        kind=kinds.RESERVED_BITS,
    ),
    Fault(
        "a block with BFINAL set is the last that is ever inflated on the connection (RFC "
        "7692 §7.2.1, §7.2.3.4)",
        (
            "compression/fragments-bfinal-single-bytes@server",
            "compression/text-streams@server",
            "compression/takeover-bfinal@server",
            "compression/bfinal-{stored,dynamic,empty,empty-stored,last-of-three}@server",
            "compression/bfinal-{first-of-two,each-of-three,before-stored,ten,long}@server",
            "compression/bfinal-{then-reference,in-fragments,reference-in-message}@server",
            "compression/empty-bfinal@server",
            "compression/lenient-bfinal@server",
        ),
        kind=kinds.BFINAL,
    ),
    Fault(
        "close codes are not looked at, and sent back (§7.4.1)",
        (
            "closing/code-{1004,1005,1006,1015,0,1,2,125,256,500,998,999,1016,1017,1099}@server",
            "closing/code-{1100,1500,1999,2000,2001,2500,2998,2999,5000,5001,9999,32767}@server",
            "closing/code-{32768,65534,65535,999-reason,1005-reason,1006-reason}@server",
            "attacks/after-bad-close@server",
        ),
        kind=kinds.CLOSE_CODES,
    ),
    Fault(
        "any Sec-WebSocket-Key is accepted, and several (§4.2.1, §11.3.1)",
        (
            "opening/key-{twice,twice-same,list,15-bytes,17-bytes,18-bytes,32-bytes}@server",
            "opening/key-{no-padding,half-padding,more-padding,padding-early,url-safe}@server",
            "opening/key-{space-within,quoted,plain-text}@server",
        ),
        kind=kinds.KEY,
    ),
    Fault(
        "426 comes without Upgrade (RFC 9110 §15.5.22)",
        (
            "opening/version-{missing,empty,twice,twice-same,list,leading-zero,decimal}@server",
            "opening/version-{sign,parameter,256,letters,0,7,8,12,14,25,130,255}@server",
        ),
        kind=kinds.MISSING_FIELD,
    ),
    Fault(
        "405 comes without Allow (RFC 9110 §15.5.6)",
        ("opening/method-{POST,HEAD,PUT,DELETE,OPTIONS,CONNECT,get,GETT}@server",),
        kind=kinds.MISSING_FIELD,
    ),
    Fault(
        "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that "
        "contains `websocket`)",
        ("opening/upgrade-{list,list-first,split}@server",),
        kind=kinds.LISTED,
    ),
    Fault(
        "a target in absolute form is not found (RFC 9112 §3.2.2), one with a fragment or "
        "with other bytes than ASCII is",
        ("opening/target-{absolute,absolute-https,absolute-other-host,fragment,latin}@server",),
        kind=kinds.TARGET,
    ),
    Fault(
        "a request with a Host that is no host is accepted (§4.2.1)",
        ("opening/host-{port-letters,bracket}@server",),
        kind=kinds.HOST,
    ),
    Fault(
        "HTTP/1.0 is accepted, and HTTP/1.2; the connection is closed at once (§4.2.1)",
        ("opening/http-{1.0,1.2}@server",),
        kind=kinds.OTHER_HTTP,
    ),
    Fault(
        "malformed lists of subprotocols are accepted (§11.3.4)",
        (
            "opening/subprotocol-{space,slash,quoted,latin,parameter,second-field,twice}@server",
            "attacks/header-spaces-in-token@server",
        ),
        kind=kinds.SUBPROTOCOL_LIST,
    ),
    Fault(
        "an offer with parameters that are unknown or malformed is agreed to, or answered "
        "with 500, as is one for a window of 8 bits (RFC 7692 §5.1, §7.1)",
        (
            "negotiation/server-bits-8@server",
            "negotiation/quoted-escape@server",
            "negotiation/ten-offers@server",
            "negotiation/declined-{undefined,undefined-value,undefined-last,other-case}@server",
            "negotiation/declined-{server-takeover-value,server-takeover-quoted}@server",
            "negotiation/declined-{client-takeover-value,server-bits-none,server-bits-7}@server",
            "negotiation/declined-{server-bits-16,server-bits-0,server-bits-leading-zero}@server",
            "negotiation/declined-{server-bits-08,server-bits-letters}@server",
            "negotiation/declined-{server-bits-hexadecimal,server-bits-negative}@server",
            "negotiation/declined-{server-bits-sign,server-bits-decimal,server-bits-huge}@server",
            "negotiation/declined-{server-bits-quoted-16,client-bits-7,client-bits-16}@server",
            "negotiation/declined-{client-bits-0,client-bits-leading-zero,client-bits-08}@server",
            "negotiation/declined-{client-bits-letters,client-bits-hexadecimal}@server",
            "negotiation/declined-{client-bits-negative,client-bits-sign}@server",
            "negotiation/declined-{client-bits-decimal,client-bits-huge}@server",
            "negotiation/declined-{client-bits-quoted-16,server-takeover-twice}@server",
            "negotiation/declined-{client-takeover-twice,server-bits-twice}@server",
            "negotiation/declined-client-bits-twice@server",
            "negotiation/fallback-{server-takeover-value,server-bits-16,client-bits-twice}@server",
            "compression/window-8-in-message@server",
            "compression/beyond-window-8@server",
            "attacks/header-{spaces-in-token,open-quote}@server",
        ),
        kind=kinds.OFFERS,
    ),
    Fault(
        "`server_no_context_takeover` is left out of the response (RFC 7692 §7.1.1.1)",
        (
            "negotiation/server-takeover@server",
            "negotiation/both-takeovers@server",
            "negotiation/all@server",
            "negotiation/all-reversed@server",
        ),
        kind=kinds.LEFT_OUT,
    ),
    Fault(
        "malformed Sec-WebSocket-Extensions are accepted (§9.1)",
        (
            "negotiation/malformed-{empty,commas,no-name,semicolon-last,semicolon-twice}@server",
            "negotiation/malformed-{space,space-in-parameter,slash,equals-last}@server",
            "negotiation/malformed-{equals-twice,equals-behind-name,quoted-name}@server",
            "negotiation/malformed-{quoted-empty,quoted-space,quoted-comma,quoted-open}@server",
            "negotiation/malformed-{quoted-escape-open,quoted-more,latin,second-element}@server",
            "negotiation/malformed-second-field@server",
        ),
        kind=kinds.EXTENSION_LIST,
    ),
    Fault(
        "a request with a body is accepted",
        ("opening/body-{length,chunked}@server",),
    ),
    Fault(
        "two Origin are accepted",
        ("opening/origin-twice@server",),
    ),
    Fault(
        "a hundred fields and more are accepted",
        ("opening/many-fields@server",),
    ),
    Fault(
        "text is checked at a message's end",
        (
            "text/at-once-{fragment,second-fragment,beyond,surrogate,ping,frame}@server",
            "text/at-once-large-frame@server",
            "compression/no-text-at-once@server",
        ),
    ),
    Fault(
        "opcodes are judged when the payload is there, and masking never",
        ("framing/at-once-{opcode-3,continuation,text-in-message,not-minimal}@server",),
    ),
    Fault(
        "a failure is told by no Close frame (§7.1.7: SHOULD)",
        nearly=(
            "framing/*",
            "fragmentation/*",
            "text/*",
            "compression/*",
            "masking/*",
            "closing/*",
            "attacks/*",
            "control/*",
        ),
    ),
)
