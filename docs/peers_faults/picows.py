"""Where picows differs from the RFCs.

Each fault has been looked at by hand: it is one of the implementation, used as its
documentation says, and not of the case or of the adapter.
"""

from __future__ import annotations

from typing import Final

from . import kinds
from .fault import Fault

FAULTS: Final = (
    Fault(
        "RSV2 and RSV3 are not looked at, nor is RSV1 on control frames (RFC 6455 §5.2)",
        (
            "framing/rsv1-{ping,pong}@server",
            "framing/rsv2-{text,binary,ping,pong,rsv3-text,continuation,first-fragment}@server",
            "framing/rsv2-{empty-text,between-messages}@server",
            "framing/rsv3-{text,binary,ping,pong,continuation,first-fragment,empty-text}@server",
            "framing/at-once-{rsv2,rsv1}@server",
            "compression/rsv-{ping,empty-ping,pong,close,ping-in-message,after-message}@server",
            "compression/rsv-{rsv2,rsv3,rsv2-alone}@server",
            "compression/not-agreed-ping@server",
            "attacks/at-once-{rsv1,rsv2,rsv3,rsv1-continuation}@server",
            "attacks/garbage-20@server",
        ),
        kind=kinds.RESERVED_BITS,
    ),
    Fault(
        "an empty Close frame is answered with code 0 (§7.4.2: codes below 1000 are not used)",
        (
            "masking/empty-frames@server",
            "closing/empty@server",
            "closing/empty-then-close@server",
            "attacks/after-close-without-code@server",
        ),
        kind=kinds.EMPTY_CLOSE,
    ),
    Fault(
        "0, 1006 and codes from 5000 on are accepted in a Close frame, and sent back (§7.4.1)",
        ("closing/code-{1006,0,5000,5001,9999,32767,32768,65534,65535,1006-reason}@server",),
        kind=kinds.CLOSE_CODES,
    ),
    Fault(
        "what comes behind a Close frame is read: a second one is answered in its place "
        "(§1.4, §5.5.1)",
        (
            "closing/then-{close,bad-frame,garbage}@server",
            "attacks/after-two-closes@server",
        ),
        kind=kinds.BEHIND_THE_END,
    ),
    Fault(
        "what comes behind a failure is read, and answered (§7.1.7)",
        (
            "closing/failed-framing@server",
            "attacks/after-no-text@server",
        ),
        kind=kinds.BEHIND_THE_END,
    ),
    Fault(
        "of a message only what stands before the first block with BFINAL set is inflated "
        "(RFC 7692 §7.2.1, §7.2.3.4)",
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
        "a request without Host, with two, or with one that is no host is accepted (§4.2.1)",
        (
            "opening/host-{missing,twice,twice-same,space,path,userinfo,port-letters}@server",
            "opening/host-{bracket,quote,latin,escape,empty}@server",
        ),
        kind=kinds.HOST,
    ),
    Fault(
        "a request's target is not looked at (§4.2.1)",
        ("opening/target-{asterisk,no-slash,authority,fragment,ftp,empty-host,latin,nul}@server",),
        kind=kinds.TARGET,
    ),
    Fault(
        "two Sec-WebSocket-Key or -Version are accepted (§11.3)",
        (
            "opening/key-twice@server",
            "opening/key-twice-same@server",
            "opening/version-twice@server",
            "opening/version-twice-same@server",
        ),
        kind=kinds.KEY,
    ),
    Fault(
        "versions 7 and 8 are accepted (§4.2.1)",
        ("opening/version-{7,8}@server",),
        kind=kinds.VERSION,
    ),
    Fault(
        "a version that is not supported is refused without saying which is (§4.2.2, §4.4)",
        ("opening/version-{0,12,14,25,130,255}@server",),
        kind=kinds.WHICH_VERSION,
    ),
    Fault(
        "a Connection or Upgrade with more than one token is refused (§4.2.1), which is what "
        "Firefox sends",
        (
            "opening/upgrade-{list,list-first,split}@server",
            "opening/connection-{list,list-first,list-tight,list-loose,split}@server",
        ),
        kind=kinds.LISTED,
    ),
    Fault(
        "of a Sec-WebSocket-Protocol in two fields only the first is read (§11.3.4)",
        ("opening/subprotocol-split@server",),
        kind=kinds.FIRST_FIELD,
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
        "the parameters of an offer are not looked at: what the client asks for is left out "
        "of the response, and what is malformed agreed to (RFC 7692 §5.1, §7.1)",
        (
            "negotiation/server-{takeover,bits-8,bits-9,bits-10,bits-11,bits-12,bits-13}@server",
            "negotiation/server-{bits-14,bits-15}@server",
            "negotiation/both-takeovers@server",
            "negotiation/all@server",
            "negotiation/all-reversed@server",
            "negotiation/quoted@server",
            "negotiation/quoted-escape@server",
            "negotiation/tight@server",
            "negotiation/loose@server",
            "negotiation/preference@server",
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
            "negotiation/other-{longer,as-parameter,as-value}@server",
            "negotiation/not-used-declined@server",
            "attacks/header-{open-quote,offers,window-bits}@server",
        ),
        kind=kinds.OFFERS,
    ),
    Fault(
        "malformed Sec-WebSocket-Extensions are accepted (§9.1)",
        (
            "negotiation/malformed-{empty,commas,no-name,semicolon-last,semicolon-twice}@server",
            "negotiation/malformed-{space,space-in-parameter,slash,equals-first}@server",
            "negotiation/malformed-{equals-last,equals-twice,equals-behind-name}@server",
            "negotiation/malformed-{quoted-name,quoted-empty,quoted-space,quoted-comma}@server",
            "negotiation/malformed-{quoted-open,quoted-escape-open,quoted-more,latin}@server",
            "negotiation/malformed-{second-element,second-field}@server",
        ),
        kind=kinds.EXTENSION_LIST,
    ),
    Fault(
        "HTTP/1.2 is refused (RFC 9110 §2.5), and so is an empty line before the request (RFC"
        " 9112 §2.2)",
        (
            "opening/http-1.2@server",
            "opening/empty-line-first@server",
        ),
    ),
    Fault(
        "two Origin are accepted",
        ("opening/origin-twice@server",),
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
        "the order of fragments is judged when the payload is there",
        ("framing/at-once-{continuation,text-in-message}@server",),
    ),
)
