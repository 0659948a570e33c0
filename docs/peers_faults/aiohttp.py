"""Where aiohttp differs from the RFCs.

Each fault has been looked at by hand: it is one of the implementation, used as its
documentation says, and not of the case or of the adapter.
"""

from __future__ import annotations

from typing import Final

from . import kinds
from .fault import Fault

FAULTS: Final = (
    Fault(
        "a server accepts frames that are not masked, a client those that are (RFC 6455 §5.1)",
        (
            "opening/bad-frame-behind@client",
            "masking/unmasked-{text,empty-text,binary,binary-126,binary-65536,ping}@server",
            "masking/unmasked-{empty-ping,pong,close,empty-close,second-message}@server",
            "masking/unmasked-{continuation,ping-in-message}@server",
            "masking/masked-{text,empty-text,binary,binary-126,binary-65536,ping}@client",
            "masking/masked-{empty-ping,pong,close,empty-close,with-zeros,second-message}@client",
            "masking/masked-continuation@client",
            "masking/at-once@*",
            "attacks/garbage-{0,6,12,15}@server",
            "attacks/garbage-{18,21}@client",
            "attacks/early-unmasked@server",
        ),
        kind=kinds.NOT_MASKED,
    ),
    Fault(
        "payload lengths that are not minimal are accepted (§5.2)",
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
        "a new message is accepted within one whose fragments so far are empty (§5.4)",
        ("fragmentation/text-in-empty-message@*",),
    ),
    Fault(
        "RSV1 is accepted on control frames where permessage-deflate is on (RFC 7692 §6.1)",
        (
            "compression/rsv-{ping,empty-ping,pong,close,plain-close,ping-in-message}@*",
            "compression/rsv-after-message@*",
        ),
        kind=kinds.RESERVED_BITS,
    ),
    Fault(
        "behind its own Close frame no Ping is answered (§5.5.2), nothing is told, and of the"
        " peer's Close frame only the code",
        ("control/ping-after-our-close@*",),
        nearly=(
            "closing/ours-*@*",
            "closing/crossing@*",
        ),
        kind=kinds.NO_PONG,
    ),
    Fault(
        "an empty Close frame is told to a client's application once a second one, the end or"
        " 10 s have come (§5.5.1: the connection is to be considered closed)",
        ("closing/empty@client",),
        kind=kinds.EMPTY_CLOSE,
    ),
    Fault(
        "1006 is accepted in a Close frame (§7.4.1)",
        (
            "closing/code-1006@*",
            "closing/code-1006-reason@*",
        ),
        kind=kinds.CLOSE_CODES,
    ),
    Fault(
        "codes from 5000 on are accepted in a Close frame",
        ("closing/code-{5000,5001,9999,32767,32768,65534,65535}@*",),
        kind=kinds.CLOSE_CODES,
    ),
    Fault(
        "any close code is sent (§7.4.1)",
        (
            "sending/close-{1004,1005,1006,1015,0,1,2,125,256,500,998,999,1016,1017,1099,1100}@*",
            "sending/close-{1500,1999,2000,2001,2500,2998,2999,5000,5001,9999,32767,32768,65534}@*",
            "sending/close-{65535,negative,65536,66536}@*",
        ),
        kind=kinds.CLOSE_CODES,
    ),
    Fault(
        "control frames of more than 125 bytes are sent (§5.5)",
        (
            "sending/close-reason-{124,124-utf-8,126-utf-8,125-utf-8,65536}@*",
            "sending/ping-{126,127,65536}@*",
            "sending/pong-{126,127,65536}@*",
        ),
    ),
    Fault(
        "blocks with BFINAL set, and context takeover: what refers back behind one is an "
        "error (RFC 7692 §7.2.1, §7.2.3.4)",
        (
            "compression/fragments-bfinal-single-bytes@*",
            "compression/takeover-bfinal@*",
            "compression/bfinal-then-reference@*",
            "compression/empty-bfinal@*",
        ),
        kind=kinds.BFINAL,
    ),
    Fault(
        "HEAD is accepted for GET (§4.2.1)",
        ("opening/method-HEAD@server",),
        kind=kinds.OTHER_HTTP,
    ),
    Fault(
        "HTTP/1.0 is accepted (§4.2.1)",
        ("opening/http-1.0@*",),
        kind=kinds.OTHER_HTTP,
    ),
    Fault(
        "HTTP/0.9 and HTTP/2.0 are answered with just these versions (RFC 9110 §2.5)",
        ("opening/http-{0.9,2.0}@server",),
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
        "several Sec-WebSocket-Key or -Version are accepted, and keys with anything between "
        "the characters of Base64 (§4.2.1, §11.3)",
        (
            "opening/key-{twice,twice-same,list,more-padding,space-within,quoted}@server",
            "opening/version-twice@server",
            "opening/version-twice-same@server",
        ),
        kind=kinds.KEY,
    ),
    Fault(
        "a request with a Host that is no host is accepted (§4.2.1)",
        (
            "opening/host-{space,path,userinfo,port-letters,bracket,quote,latin,escape}@server",
            "opening/host-empty@server",
        ),
        kind=kinds.HOST,
    ),
    Fault(
        "targets with a fragment or of another scheme are accepted (§4.2.1)",
        ("opening/target-{fragment,ftp}@server",),
        kind=kinds.TARGET,
    ),
    Fault(
        "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that "
        "contains `websocket`)",
        ("opening/upgrade-{list,list-first,split}@server",),
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
        "a client accepts a subprotocol that it has not asked for, or several (§4.1)",
        ("opening/subprotocol-{other,case,longer,empty,list,quoted,twice,two,unasked}@client",),
        kind=kinds.RESPONSES,
    ),
    Fault(
        "a client takes the first of several Upgrade or Sec-WebSocket-Accept (§4.1, §11.3.3)",
        (
            "opening/upgrade-two@client",
            "opening/accept-{twice,right-first}@client",
        ),
        kind=kinds.SEVERAL_ACCEPTS,
    ),
    Fault(
        "a client refuses `Connection: keep-alive, Upgrade` (§4.1: a token in the field)",
        ("opening/connection-{list,split}@client",),
        kind=kinds.LISTED,
    ),
    Fault(
        "extensions and parameters that a client has not offered are accepted (§4.1, RFC 7692"
        " §5.1, §7.1)",
        (
            "negotiation/bad-{server-bits-none,client-bits-none,server-bits-7}@client",
            "negotiation/bad-{server-bits-16,server-bits-0,server-bits-leading-zero}@client",
            "negotiation/bad-{server-bits-08,server-bits-huge,client-bits-leading-zero}@client",
            "negotiation/bad-{server-takeover-twice,client-takeover-twice}@client",
            "negotiation/bad-{server-bits-twice,server-bits-twice-differing,unknown,webkit}@client",
            "negotiation/bad-{unknown-first,unknown-last,two-pmces,twice,twice-differing}@client",
            "negotiation/bad-{twice-split,empty,commas,no-name,space,latin,second-element}@client",
            "negotiation/unasked-{deflate,unknown,malformed}@client",
            "attacks/window-bits-{1000,0,none,digits}@client",
        ),
        kind=kinds.RESPONSES,
    ),
    Fault(
        "offers with parameters that are malformed or doubled are agreed to, and any that has"
        " the characters `permessage-deflate` in it (RFC 7692 §5.1, §7.1)",
        (
            "negotiation/declined-{server-bits-none,server-bits-leading-zero,client-bits-7}@server",
            "negotiation/declined-{client-bits-16,client-bits-0,client-bits-leading-zero}@server",
            "negotiation/declined-{client-bits-08,client-bits-huge,server-takeover-twice}@server",
            "negotiation/declined-{client-takeover-twice,server-bits-twice}@server",
            "negotiation/declined-client-bits-twice@server",
            "negotiation/other-as-{parameter,value}@server",
            "attacks/header-offers@server",
        ),
        kind=kinds.OFFERS,
    ),
    Fault(
        "`server_max_window_bits=15` is left out of the response (RFC 7692 §7.1.2.1)",
        ("negotiation/server-bits-15@server",),
        kind=kinds.LEFT_OUT,
    ),
    Fault(
        "malformed Sec-WebSocket-Extensions are accepted (§9.1)",
        (
            "negotiation/malformed-{empty,commas,no-name,semicolon-last,semicolon-twice}@server",
            "negotiation/malformed-{space,space-in-parameter,slash,equals-first}@server",
            "negotiation/malformed-{equals-last,equals-twice,equals-behind-name}@server",
            "negotiation/malformed-{quoted-name,quoted-empty,quoted-space,quoted-comma}@server",
            "negotiation/malformed-{quoted-open,quoted-escape-open,quoted-more,latin}@server",
            "negotiation/malformed-{second-element,second-field,no-extensions}@server",
            "attacks/header-open-quote@server",
        ),
        kind=kinds.EXTENSION_LIST,
    ),
    Fault(
        "a message that is just as long as the limit is refused",
        (
            "limits/within-{exact,exact-text,exact-fragments,exact-empty-fragment}@*",
            "limits/within-control-frames@*",
        ),
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
        "empty fragments without end are collected",
        ("attacks/flood-empty-fragments@client",),
    ),
    Fault(
        "the fragments of a compressed message are inflated, within the limit, when the last "
        "of them is there",
        (
            "attacks/bomb-without-end@*",
            "attacks/bomb-without-end-afresh@client",
        ),
    ),
    Fault(
        "the inflater is kept where `server_no_context_takeover` was agreed on, so that a "
        "message cut short spoils the next",
        ("compression/cut-short-{fixed,dynamic,match}@client",),
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
    Fault(
        "the order of fragments and masking are judged when the payload is there, or never",
        ("framing/at-once-{continuation,text-in-message,not-minimal}@*",),
    ),
    Fault(
        "every Close frame is answered with 1000 (§5.5.1: typically the code received)",
        nearly=(
            "closing/code-*",
            "closing/after-messages@*",
            "opening/close-behind@client",
        ),
    ),
)
