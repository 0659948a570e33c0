"""Where websockets differs from the RFCs.

Each fault has been looked at by hand: it is one of the implementation, used as its
documentation says, and not of the case or of the adapter.
"""

from __future__ import annotations

from typing import Final

from . import kinds
from .fault import Fault

BOTH: Final = (
    Fault(
        "payload lengths that are not minimal are accepted (RFC 6455 §5.2)",
        (
            "framing/length-{0-in-16-bits,1-in-16-bits,124-in-16-bits,125-in-16-bits}@*",
            "framing/length-{0-in-64-bits,1-in-64-bits,125-in-64-bits,126-in-64-bits}@*",
            "framing/length-{127-in-64-bits,65535-in-64-bits,not-minimal-text-2}@*",
            "framing/length-{not-minimal-continuation-2,not-minimal-text-8}@*",
            "framing/length-{not-minimal-continuation-8,not-minimal-close-2,not-minimal-ping-2}@*",
            "framing/length-{not-minimal-pong-2,not-minimal-close-8,not-minimal-ping-8}@*",
            "framing/length-not-minimal-pong-8@*",
            "framing/at-once-not-minimal@*",
        ),
        kind=kinds.NOT_MINIMAL,
    ),
    Fault(
        "a Close frame within a fragmented message is answered with 1002 (§5.4: control "
        "frames MAY be injected there)",
        (
            "fragmentation/close-in-message@*",
            "closing/in-{text,binary,character}@*",
            "compression/close-in-message@*",
        ),
    ),
    Fault(
        "of a message only what stands before the first block with BFINAL set is inflated, "
        "and the rest, or the next message, is lost (RFC 7692 §7.2.1, §7.2.3.4)",
        (
            "compression/fragments-bfinal-single-bytes@*",
            "compression/text-streams@*",
            "compression/takeover-bfinal@*",
            "compression/bfinal-{stored,dynamic,empty,empty-stored,last-of-three,first-of-two}@*",
            "compression/bfinal-{first-of-two-afresh,each-of-three,each-of-three-afresh}@*",
            "compression/bfinal-{before-stored,before-stored-afresh,ten,ten-afresh,long}@*",
            "compression/bfinal-{then-reference,in-fragments,reference-in-message}@*",
            "compression/empty-bfinal@*",
            "compression/lenient-bfinal@*",
            "limits/above-inflated-bfinal@*",
            "attacks/bomb-bfinal@*",
            "attacks/bomb-bfinal-afresh@*",
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
        ("opening/target-{asterisk,no-slash,authority,fragment,ftp,empty-host,nul}@server",),
        kind=kinds.TARGET,
    ),
    Fault(
        "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that "
        "contains `websocket`)",
        ("opening/upgrade-{list,list-first,split}@server",),
        kind=kinds.LISTED,
    ),
    Fault(
        "a version that is not supported is refused without saying which is (§4.2.2, §4.4)",
        ("opening/version-{0,7,8,12,14,25,130,255}@server",),
        kind=kinds.WHICH_VERSION,
    ),
    Fault(
        "an informational response (100, 102, 103) before the 101 ends the client's handshake"
        " (RFC 9110 §15.2)",
        (
            "opening/continue-first@client",
            "opening/early-hints-first@client",
            "opening/several-first@client",
        ),
        kind=kinds.INFORMATIONAL,
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
        "an `AssertionError` where a second request comes with one that is refused",
        ("opening/request-behind-refused@server",),
        kind=kinds.EXCEPTIONS,
    ),
    Fault(
        "malformed lists of subprotocols or extensions are accepted (§9.1, §11.3.4)",
        (
            "opening/subprotocol-twice@server",
            "negotiation/malformed-no-extensions@server",
        ),
        kind=kinds.SUBPROTOCOL_LIST,
    ),
    Fault(
        "a Ping that comes with the request is answered before it, so that the response is "
        "not the first that the client reads",
        (
            "opening/frames-behind@server",
            "negotiation/used-behind@server",
            "attacks/early-{ping,message}@server",
        ),
    ),
    Fault(
        "reserved bits, control frames, lengths and the order of fragments are judged when "
        "the whole payload has been buffered",
        (
            "framing/at-once-{rsv2,rsv1,long-ping,continuation,text-in-message,not-minimal}@*",
            "attacks/at-once-{rsv1,rsv2,rsv3,rsv1-continuation,rsv1-ping,close,fragmented-ping}@*",
        ),
    ),
    Fault(
        "the limits for messages and frames hold for control frames",
        ("limits/within-{control-frames,ping-above-frame-limit}@*",),
    ),
    Fault(
        "a compressed message in fragments that is just as long as the limit is refused",
        ("limits/within-inflated-exact-fragments@*",),
    ),
    Fault(
        "HTTP/1.2 is refused (RFC 9110 §2.5), and so is an empty line before the request (RFC"
        " 9112 §2.2)",
        (
            "opening/http-1.2@server",
            "opening/empty-line-first@server",
        ),
    ),
)

SANS_IO: Final = (
    *BOTH,
    Fault(
        "text is not checked, nor decoded: that is left to its user (RFC 6455 §8.1)",
        (
            "text/lone-{80,bf,three,80-after-much}@*",
            "text/fe@*",
            "text/ff@*",
            "text/ff-after-much@*",
            "text/utf-16@*",
            "text/latin-1@*",
            "text/one-too-many@*",
            "text/overlong-{2-first,2-slash,2-last,3-first,3-slash,3-last,4-first,4-slash}@*",
            "text/overlong-{4-last,2-first-after-much}@*",
            "text/surrogate-{first,high-last,low-first,last,pair,first-after-much}@*",
            "text/beyond-{first,f4-last,f5,f7,first-after-much}@*",
            "text/five-bytes@*",
            "text/five-bytes-last@*",
            "text/six-bytes@*",
            "text/six-bytes-last@*",
            "text/half-{2,3,4,then-start,twice}@*",
            "text/two-thirds@*",
            "text/quarter@*",
            "text/three-quarters@*",
            "text/starts@*",
            "text/ends-within-{2-after-1,3-after-1,3-after-2,4-after-1,4-after-2,4-after-3}@*",
            "text/ends-within-{extreme-e0a0,extreme-ed9f,extreme-f09080,extreme-f48fbf}@*",
            "text/ends-within-extreme-f48f@*",
            "text/valid-then-invalid@*",
            "text/split-invalid-{end,empty-end,ascii,start,lone,overlong,overlong-4,surrogate}@*",
            "text/split-invalid-{beyond,first,middle,last,kosme}@*",
            "text/at-once-{fragment,second-fragment,beyond,surrogate,ping,frame,large-frame}@*",
            "closing/failed-text@*",
            "compression/no-text-{ff,overlong,surrogate,too-high,cut,lone-tail,in-fragments}@*",
            "compression/no-text-at-once@*",
            "compression/reference-in-text@*",
            "attacks/after-no-text@*",
            "attacks/text-{bad-end,cut-end,bad-end-fragments,cut-before-empty}@*",
        ),
    ),
    Fault(
        "empty fragments without end are collected",
        ("attacks/flood-empty-fragments@client",),
    ),
    Fault(
        "Pings and Pongs can be sent when both Close frames have been (§5.5.2: before the "
        "connection is closed)",
        (
            "sending/ping-after-both-closes@*",
            "sending/pong-after-both-closes@*",
        ),
    ),
)

ASSEMBLED: Final = (
    *BOTH,
    Fault(
        "text is checked at a message's end",
        (
            "text/at-once-{fragment,second-fragment,beyond,surrogate,ping,frame,large-frame}@*",
            "compression/no-text-at-once@*",
        ),
    ),
    Fault(
        "Pings and Close frames that come in one read behind invalid text are answered before"
        " it is refused (§7.1.7)",
        ("attacks/after-no-text@*",),
        kind=kinds.BEHIND_THE_END,
    ),
)
