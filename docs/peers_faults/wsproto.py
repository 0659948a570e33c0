"""Where wsproto differs from the RFCs.

Each fault has been looked at by hand: it is one of the implementation, used as its
documentation says, and not of the case or of the adapter.
"""

from __future__ import annotations

from typing import Final

from . import kinds
from .fault import Fault

FAULTS: Final = (
    Fault(
        "a Ping or Pong between the frames of a compressed message corrupts it (RFC 6455 §5.4)",
        ("compression/fragments-{ping,pings,pong-like-data}@*",),
        kind=kinds.INTERLEAVED,
    ),
    Fault(
        "of a message only what stands before the first block with BFINAL set is inflated, "
        "and the rest is lost or an error (RFC 7692 §7.2.1, §7.2.3.4)",
        (
            "compression/fragments-bfinal-single-bytes@*",
            "compression/text-streams@*",
            "compression/takeover-bfinal@*",
            "compression/bfinal-{stored,dynamic,empty,empty-stored,last-of-three,first-of-two}@*",
            "compression/bfinal-{first-of-two-afresh,each-of-three,each-of-three-afresh}@*",
            "compression/bfinal-{before-stored,before-stored-afresh,ten,ten-afresh,long}@*",
            "compression/bfinal-{then-reference,in-fragments,reference-in-message}@*",
            "compression/empty-bfinal@*",
        ),
        kind=kinds.BFINAL,
    ),
    Fault(
        "no Pong can be sent behind one's own Close frame (§5.5.2)",
        ("control/ping-after-our-close@*",),
        kind=kinds.NO_PONG,
    ),
    Fault(
        "close codes that must not be on the wire are sent (§7.4.1), or become 1000",
        (
            "sending/close-{1004,0,1,2,125,256,500,998,999,1016,1017,1099,1100,1500,1999,2000}@*",
            "sending/close-{2001,2500,2998,2999,5000,5001,9999,32767,32768,65534,65535}@*",
        ),
        kind=kinds.CLOSE_CODES,
    ),
    Fault(
        "a `struct.error` where a code does not fit",
        ("sending/close-{negative,65536,66536}@*",),
        kind=kinds.EXCEPTIONS,
    ),
    Fault(
        "1014 is refused, which IANA has registered",
        ("closing/code-1014@*",),
    ),
    Fault(
        "HTTP/1.0 is accepted (§4.2.1)",
        ("opening/http-1.0@*",),
        kind=kinds.OTHER_HTTP,
    ),
    Fault(
        "any Sec-WebSocket-Key is accepted, and several (§4.2.1, §11.3.1)",
        (
            "opening/key-{empty,twice,twice-same,list,15-bytes,17-bytes,18-bytes,32-bytes}@server",
            "opening/key-{no-padding,half-padding,more-padding,padding-early,url-safe}@server",
            "opening/key-{space-within,quoted,plain-text}@server",
        ),
        kind=kinds.KEY,
    ),
    Fault(
        "several Sec-WebSocket-Version are accepted (§11.3.5)",
        ("opening/version-twice-same@server",),
        kind=kinds.VERSION,
    ),
    Fault(
        "426 comes without Upgrade (RFC 9110 §15.5.22)",
        (
            "opening/version-{twice,list,leading-zero,decimal,sign,parameter,256,letters,0}@server",
            "opening/version-{7,8,12,14,25,130,255}@server",
        ),
        kind=kinds.MISSING_FIELD,
    ),
    Fault(
        "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that "
        "contains `websocket`)",
        (
            "opening/upgrade-list@server",
            "opening/upgrade-list-first@server",
        ),
        kind=kinds.LISTED,
    ),
    Fault(
        "a request with a Host that is no host is accepted (§4.2.1)",
        ("opening/host-{space,path,userinfo,port-letters,bracket,quote,escape,empty}@server",),
        kind=kinds.HOST,
    ),
    Fault(
        "a request's target is not looked at (§4.2.1)",
        ("opening/target-{asterisk,no-slash,authority,fragment,ftp,empty-host}@server",),
        kind=kinds.TARGET,
    ),
    Fault(
        "malformed lists of subprotocols are accepted (§11.3.4)",
        ("opening/subprotocol-{space,slash,quoted,parameter,second-field,twice}@server",),
        kind=kinds.SUBPROTOCOL_LIST,
    ),
    Fault(
        "a `UnicodeDecodeError` for a field that is not ASCII",
        (
            "opening/host-latin@server",
            "opening/subprotocol-latin@server",
            "negotiation/malformed-latin@server",
            "negotiation/bad-latin@client",
        ),
        kind=kinds.EXCEPTIONS,
    ),
    Fault(
        "of several Sec-WebSocket-Accept or Sec-WebSocket-Protocol in a response the last is "
        "taken (§4.1, §11.3.3, §11.3.4)",
        (
            "opening/subprotocol-{twice,two}@client",
            "opening/accept-{twice,right-last}@client",
        ),
        kind=kinds.SEVERAL_ACCEPTS,
    ),
    Fault(
        "an informational response (100, 102, 103) before the 101 is taken for a rejection "
        "(RFC 9110 §15.2)",
        (
            "opening/continue-first@client",
            "opening/early-hints-first@client",
            "opening/several-first@client",
            "opening/after-continue@client",
        ),
        kind=kinds.INFORMATIONAL,
    ),
    Fault(
        "an offer with parameters that are unknown, malformed or doubled is agreed to (RFC "
        "7692 §5.1, §7.1)",
        (
            "negotiation/declined-{undefined,undefined-value,undefined-last,other-case}@server",
            "negotiation/declined-{server-takeover-value,server-takeover-quoted}@server",
            "negotiation/declined-{client-takeover-value,server-bits-none}@server",
            "negotiation/declined-{server-bits-leading-zero,server-bits-sign}@server",
            "negotiation/declined-{client-bits-leading-zero,client-bits-sign}@server",
            "negotiation/declined-{server-takeover-twice,client-takeover-twice}@server",
            "negotiation/declined-{server-bits-twice,client-bits-twice}@server",
        ),
        kind=kinds.OFFERS,
    ),
    Fault(
        "a response with parameters that are unknown, malformed, doubled or never offered is "
        "agreed to, and so is one with permessage-deflate twice (RFC 7692 §5.1, §7.1)",
        (
            "negotiation/bad-{undefined,undefined-value,undefined-last,other-case}@client",
            "negotiation/bad-{server-takeover-value,server-takeover-quoted}@client",
            "negotiation/bad-{client-takeover-value,server-bits-leading-zero}@client",
            "negotiation/bad-{client-bits-leading-zero,server-takeover-twice}@client",
            "negotiation/bad-{client-takeover-twice,server-bits-twice}@client",
            "negotiation/bad-{server-bits-twice-differing,twice,twice-differing}@client",
            "negotiation/bad-{twice-split,semicolon-last,space-in-parameter,equals-first}@client",
        ),
        kind=kinds.RESPONSES,
    ),
    Fault(
        "`ValueError` or `IndexError` for parameters' values that are quoted, missing, or no "
        "numbers from 9 to 15",
        (
            "negotiation/quoted@server",
            "negotiation/quoted-escape@server",
            "negotiation/declined-{server-bits-letters,server-bits-hexadecimal}@server",
            "negotiation/declined-{server-bits-decimal,server-bits-quoted-16}@server",
            "negotiation/declined-{client-bits-letters,client-bits-hexadecimal}@server",
            "negotiation/declined-{client-bits-decimal,client-bits-quoted-16}@server",
            "negotiation/server-bits-{8,quoted,quoted-escape}@client",
            "negotiation/client-bits-8@client",
            "negotiation/bad-{server-bits-none,client-bits-none,server-bits-7}@client",
            "negotiation/bad-{server-bits-16,server-bits-0,server-bits-08}@client",
            "negotiation/bad-{server-bits-letters,server-bits-negative,server-bits-decimal}@client",
            "negotiation/bad-{server-bits-huge,server-bits-quoted-16,client-bits-7}@client",
            "negotiation/bad-{client-bits-16,client-bits-0,client-bits-08}@client",
            "negotiation/bad-{client-bits-letters,client-bits-negative,client-bits-decimal}@client",
            "negotiation/bad-{client-bits-huge,client-bits-quoted-16,equals-last}@client",
            "negotiation/bad-{quoted-empty,quoted-open,quoted-space}@client",
            "attacks/window-bits-{1000,0,negative,none,letters,digits}@client",
        ),
        kind=kinds.EXCEPTIONS,
    ),
    Fault(
        "malformed Sec-WebSocket-Extensions are accepted, and empty elements refused (§9.1)",
        (
            "negotiation/malformed-{empty,commas,no-name,semicolon-last,semicolon-twice}@server",
            "negotiation/malformed-{space,space-in-parameter,slash,equals-first}@server",
            "negotiation/malformed-{equals-last,equals-twice,equals-behind-name}@server",
            "negotiation/malformed-{quoted-name,quoted-empty,quoted-space,quoted-comma}@server",
            "negotiation/malformed-{quoted-open,quoted-escape-open,quoted-more}@server",
            "negotiation/malformed-{second-element,second-field,no-extensions}@server",
            "negotiation/empty-elements@client",
            "attacks/header-{spaces-in-token,open-quote}@server",
        ),
        kind=kinds.EXTENSION_LIST,
    ),
    Fault(
        "of several offers not the first is taken (RFC 7692 §5.1)",
        ("negotiation/preference@server",),
    ),
    Fault(
        "frames that come with the request are lost",
        (
            "opening/frames-behind@server",
            "negotiation/used-behind@server",
            "attacks/early-{ping,message,unmasked,request}@server",
        ),
    ),
    Fault(
        "empty fragments without end are collected",
        ("attacks/flood-empty-fragments@client",),
    ),
    Fault(
        "a frame is accepted whatever length it announces: there are no limits (§10.4)",
        ("attacks/length-{2-40,2-62,2-63-less-one,signed-overflow}@*",),
    ),
    Fault(
        "a request with a body is accepted",
        ("opening/body-{length,chunked,both}@server",),
    ),
    Fault(
        "no limit for fields that come in one read",
        (
            "opening/large-field@*",
            "opening/large-name@server",
            "opening/many-fields@*",
            "opening/many-empty-fields@server",
        ),
    ),
    Fault(
        "two Origin are accepted",
        ("opening/origin-twice@server",),
    ),
    Fault(
        "an empty line before the request is refused (RFC 9112 §2.2)",
        ("opening/empty-line-first@server",),
    ),
    Fault(
        "a surrogate in a text is noticed late",
        ("text/at-once-surrogate@*",),
    ),
)
