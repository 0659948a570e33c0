"""Where the npm package ws differs from the RFCs.

Each fault has been looked at by hand: it is one of the implementation, used as its
documentation says, and not of the case or of the adapter.
"""

from __future__ import annotations

from typing import Final

from . import kinds
from .fault import Fault

FAULTS: Final = (
    Fault(
        "payload lengths that are not minimal are accepted (RFC 6455 §5.2)",
        (
            "framing/length-{0-in-16-bits,1-in-16-bits,124-in-16-bits,125-in-16-bits}@*",
            "framing/length-{0-in-64-bits,1-in-64-bits,125-in-64-bits,126-in-64-bits}@*",
            "framing/length-{127-in-64-bits,65535-in-64-bits,not-minimal-text-2}@*",
            "framing/length-{not-minimal-continuation-2,not-minimal-text-8}@*",
            "framing/length-not-minimal-continuation-8@*",
            "framing/at-once-not-minimal@*",
        ),
        kind=kinds.NOT_MINIMAL,
    ),
    Fault(
        "of a message only what stands before the first block with BFINAL set is inflated, "
        "and what refers back behind one is an error (RFC 7692 §7.2.1, §7.2.3.4)",
        (
            "compression/fragments-bfinal-single-bytes@*",
            "compression/text-streams@*",
            "compression/takeover-bfinal@*",
            "compression/bfinal-{first-of-two,first-of-two-afresh,each-of-three}@*",
            "compression/bfinal-{each-of-three-afresh,before-stored,before-stored-afresh,ten}@*",
            "compression/bfinal-{ten-afresh,then-reference,in-fragments,reference-in-message}@*",
            "compression/empty-bfinal@*",
        ),
        kind=kinds.BFINAL,
    ),
    Fault(
        "the connection is dropped where more than 60 Pongs wait to be written, on purpose "
        "(`maxPendingAutoPongs`)",
        (
            "control/1000-pings@*",
            "control/long-pings@*",
            "control/pings-in-message@*",
            "attacks/flood-{pings,long-pings}@*",
        ),
    ),
    Fault(
        "an offer with parameters that are unknown or malformed is answered with 400, and not"
        " declined (RFC 7692 §7.1)",
        (
            "negotiation/loose@server",
            "negotiation/ten-offers@server",
            "negotiation/declined-{undefined,undefined-value,undefined-last,other-case}@server",
            "negotiation/declined-{server-takeover-value,server-takeover-quoted}@server",
            "negotiation/declined-{client-takeover-value,server-bits-none,server-bits-7}@server",
            "negotiation/declined-{server-bits-16,server-bits-0,server-bits-letters}@server",
            "negotiation/declined-{server-bits-negative,server-bits-huge}@server",
            "negotiation/declined-{server-bits-quoted-16,client-bits-7,client-bits-16}@server",
            "negotiation/declined-{client-bits-0,client-bits-letters,client-bits-negative}@server",
            "negotiation/declined-{client-bits-huge,client-bits-quoted-16}@server",
            "negotiation/declined-{server-takeover-twice,client-takeover-twice}@server",
            "negotiation/declined-{server-bits-twice,client-bits-twice}@server",
            "negotiation/fallback-{undefined,server-takeover-value,server-bits-16}@server",
            "negotiation/fallback-client-bits-twice@server",
        ),
        kind=kinds.OFFERS,
    ),
    Fault(
        "numbers of bits with leading zeros or decimals are accepted (RFC 7692 §7.1.2)",
        (
            "negotiation/declined-{server-bits-leading-zero,server-bits-08}@server",
            "negotiation/declined-{server-bits-hexadecimal,server-bits-sign}@server",
            "negotiation/declined-{server-bits-decimal,client-bits-leading-zero}@server",
            "negotiation/declined-{client-bits-08,client-bits-hexadecimal,client-bits-sign}@server",
            "negotiation/declined-client-bits-decimal@server",
            "negotiation/bad-{server-bits-leading-zero,server-bits-08,server-bits-decimal}@client",
            "negotiation/bad-{client-bits-leading-zero,client-bits-08,client-bits-decimal}@client",
        ),
        kind=kinds.OFFERS,
    ),
    Fault(
        "a client accepts permessage-deflate twice (§9.1)",
        (
            "negotiation/bad-twice@client",
            "negotiation/bad-twice-{differing,split}@client",
        ),
        kind=kinds.RESPONSES,
    ),
    Fault(
        "empty elements in lists are refused (§9.1, RFC 9110 §5.6.1)",
        (
            "opening/subprotocol-empty-elements@server",
            "negotiation/empty-elements@*",
        ),
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
        ("opening/target-{asterisk,fragment,ftp,empty-host}@server",),
        kind=kinds.TARGET,
    ),
    Fault(
        "HTTP/1.0 and HTTP/0.9 are accepted (§4.2.1)",
        (
            "opening/http-1.0@*",
            "opening/http-0.9@server",
        ),
        kind=kinds.OTHER_HTTP,
    ),
    Fault(
        "versions 8, 013, 13.0 and +13 are accepted (§4.2.1)",
        ("opening/version-{leading-zero,decimal,sign,8}@server",),
        kind=kinds.VERSION,
    ),
    Fault(
        "426 comes without Upgrade (RFC 9110 §15.5.22)",
        (
            "opening/upgrade-{missing,empty}@server",
            "opening/connection-{missing,empty,other,longer,dashed,spaced}@server",
            "opening/http-plain@server",
        ),
        kind=kinds.MISSING_FIELD,
    ),
    Fault(
        "405 comes without Allow (RFC 9110 §15.5.6)",
        ("opening/method-{POST,HEAD,PUT,DELETE,OPTIONS}@server",),
        kind=kinds.MISSING_FIELD,
    ),
    Fault(
        "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that "
        "contains `websocket`)",
        ("opening/upgrade-{list,list-first,split}@server",),
        kind=kinds.LISTED,
    ),
    Fault(
        "folded field values in a response are an error (RFC 9112 §5.2)",
        (
            "opening/folded@client",
            "opening/folded-accept@client",
        ),
        kind=kinds.FOLDED,
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
        "HTTP/1.2 is refused (RFC 9110 §2.5)",
        ("opening/http-1.2@server",),
    ),
    Fault(
        "text is checked at a message's end",
        (
            "text/at-once-{fragment,second-fragment,beyond,surrogate,ping,frame,large-frame}@*",
            "compression/no-text-at-once@*",
        ),
    ),
)
