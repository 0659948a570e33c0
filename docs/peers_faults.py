"""Where other implementations differ from the RFCs: what lies behind the cases they fail.

Each fault has been looked at by hand: it is one of the implementation, used as its
documentation says, and not of the case or of the adapter. :mod:`docs.peers_table` checks that
every failed case is shown by one of them, and every one by a case.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A kind of fault."""

    text: str
    #: Patterns of the ids of the cases that show it, as for file names.
    cases: tuple[str, ...]


# What several have in common.
TARGETS = ("opening/target-*@server",)
HOSTS = ("opening/host-*@server",)
NOT_MINIMAL = (
    "framing/length-*-in-*-bits@*",
    "framing/length-not-minimal-*",
    "framing/*not-minimal*",
)
LATE_TEXT = ("text/at-once-*", "compression/no-text-at-once@*")
BFINAL = (
    "compression/fragments-bfinal-single-bytes@*",
    "compression/text-streams@*",
    "compression/*bfinal*",
    "limits/above-inflated-bfinal@*",
    "attacks/bomb-bfinal*",
)
INFORMATIONAL = (
    "opening/continue-first@client",
    "opening/several-first@client",
    "opening/early-hints-first@client",
    "opening/after-continue@client",
)
BODIES = ("opening/body-*@server",)
EMPTY_FRAGMENTS = Fault(
    "empty fragments without end are collected",
    ("attacks/flood-empty-fragments@*",),
)

WEBSOCKETS = (
    Fault("payload lengths that are not minimal are accepted (RFC 6455 §5.2)", NOT_MINIMAL),
    Fault(
        "a Close frame within a fragmented message is answered with 1002 (§5.4: control frames "
        "MAY be injected there)",
        (
            "fragmentation/close-in-message@*",
            "closing/in-*@*",
            "compression/close-in-message@*",
        ),
    ),
    Fault(
        "of a message only what stands before the first block with BFINAL set is inflated, and "
        "the rest, or the next message, is lost (RFC 7692 §7.2.1, §7.2.3.4)",
        BFINAL,
    ),
    Fault(
        "a request without Host, with two, or with one that is no host is accepted (§4.2.1)",
        HOSTS,
    ),
    Fault("a request's target is not looked at (§4.2.1)", TARGETS),
    Fault(
        "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that contains "
        "`websocket`)",
        ("opening/upgrade-*@server",),
    ),
    Fault(
        "a version that is not supported is refused without saying which is (§4.2.2, §4.4)",
        ("opening/version-*@server",),
    ),
    Fault(
        "an informational response (100, 102, 103) before the 101 ends the client's handshake "
        "(RFC 9110 §15.2)",
        INFORMATIONAL,
    ),
    Fault(
        "folded field values in a response are an error (RFC 9112 §5.2)",
        ("opening/folded*@client",),
    ),
    Fault(
        "an `AssertionError` where a second request comes with one that is refused",
        ("opening/request-behind-refused@server",),
    ),
    Fault(
        "malformed lists of subprotocols or extensions are accepted (§9.1, §11.3.4)",
        ("opening/subprotocol-*@server", "negotiation/malformed-*@server"),
    ),
    Fault(
        "a Ping that comes with the request is answered before it, so that the response is not "
        "the first that the client reads",
        (
            "opening/frames-behind@server",
            "negotiation/used-behind@server",
            "attacks/early-*@server",
        ),
    ),
    Fault(
        "reserved bits, control frames, lengths and the order of fragments are judged when the "
        "whole payload has been buffered",
        ("framing/at-once-*", "attacks/at-once-*"),
    ),
    Fault(
        "the limits for messages and frames hold for control frames",
        ("limits/within-control-frames@*", "limits/within-ping-above-frame-limit@*"),
    ),
    Fault(
        "a compressed message in fragments that is just as long as the limit is refused",
        ("limits/within-inflated-exact-fragments@*",),
    ),
    Fault(
        "HTTP/1.2 is refused (RFC 9110 §2.5), and so is an empty line before the request (RFC 9112 "
        "§2.2)",
        ("opening/http-1.2@server", "opening/empty-line-first@server"),
    ),
)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "wsproto": (
        Fault(
            "a Ping or Pong between the frames of a compressed message corrupts it (RFC 6455 §5.4)",
            ("compression/fragments-ping*", "compression/fragments-pong*"),
        ),
        Fault(
            "of a message only what stands before the first block with BFINAL set is inflated, "
            "and the rest is lost or an error (RFC 7692 §7.2.1, §7.2.3.4)",
            BFINAL,
        ),
        Fault(
            "no Pong can be sent behind one's own Close frame (§5.5.2)",
            ("control/ping-after-our-close@*",),
        ),
        Fault(
            "close codes that must not be on the wire are sent (§7.4.1), or become 1000",
            ("sending/close-[0-9]*",),
        ),
        Fault(
            "a `struct.error` where a code does not fit",
            ("sending/close-negative@*", "sending/close-65536@*", "sending/close-66536@*"),
        ),
        Fault("1014 is refused, which IANA has registered", ("closing/code-1014@*",)),
        Fault("HTTP/1.0 is accepted (§4.2.1)", ("opening/http-1.0@*",)),
        Fault(
            "any Sec-WebSocket-Key is accepted, and several (§4.2.1, §11.3.1)",
            ("opening/key-*@server",),
        ),
        Fault(
            "several Sec-WebSocket-Version are accepted (§11.3.5)",
            ("opening/version-twice-same@server",),
        ),
        Fault(
            "426 comes without Upgrade (RFC 9110 §15.5.22)",
            ("opening/version-*@server",),
        ),
        Fault(
            "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that "
            "contains `websocket`)",
            ("opening/upgrade-*@server",),
        ),
        Fault("a request with a Host that is no host is accepted (§4.2.1)", HOSTS),
        Fault("a request's target is not looked at (§4.2.1)", TARGETS),
        Fault(
            "malformed lists of subprotocols are accepted (§11.3.4)",
            ("opening/subprotocol-*@server",),
        ),
        Fault(
            "a `UnicodeDecodeError` for a field that is not ASCII",
            (
                "opening/host-latin@server",
                "opening/subprotocol-latin@server",
                "negotiation/*latin@*",
            ),
        ),
        Fault(
            "of several Sec-WebSocket-Accept or Sec-WebSocket-Protocol in a response the last is "
            "taken (§4.1, §11.3.3, §11.3.4)",
            ("opening/accept-*@client", "opening/subprotocol-tw*@client"),
        ),
        Fault(
            "an informational response (100, 102, 103) before the 101 is taken for a rejection "
            "(RFC 9110 §15.2)",
            INFORMATIONAL,
        ),
        Fault(
            "an offer with parameters that are unknown, malformed or doubled is agreed to "
            "(RFC 7692 §5.1, §7.1)",
            ("negotiation/declined-*@server",),
        ),
        Fault(
            "a response with parameters that are unknown, malformed, doubled or never offered is "
            "agreed to, and so is one with permessage-deflate twice (RFC 7692 §5.1, §7.1)",
            ("negotiation/bad-*@client",),
        ),
        Fault(
            "`ValueError` or `IndexError` for parameters' values that are quoted, missing, or no "
            "numbers from 9 to 15",
            (
                "negotiation/*quoted*",
                "negotiation/*server-bits-*",
                "negotiation/*client-bits-*",
                "negotiation/bad-equals-last@client",
                "attacks/window-bits-*@client",
            ),
        ),
        Fault(
            "malformed Sec-WebSocket-Extensions are accepted, and empty elements refused (§9.1)",
            (
                "negotiation/malformed-*@server",
                "negotiation/empty-elements@client",
                "attacks/header-*@server",
            ),
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
                "attacks/early-*@server",
            ),
        ),
        EMPTY_FRAGMENTS,
        Fault(
            "a frame is accepted whatever length it announces: there are no limits (§10.4)",
            ("attacks/length-*",),
        ),
        Fault("a request with a body is accepted", BODIES),
        Fault(
            "no limit for fields that come in one read",
            ("opening/large-*", "opening/many-*fields@*"),
        ),
        Fault("two Origin are accepted", ("opening/origin-twice@server",)),
        Fault(
            "an empty line before the request is refused (RFC 9112 §2.2)",
            ("opening/empty-line-first@server",),
        ),
        Fault("a surrogate in a text is noticed late", LATE_TEXT),
    ),
    "websockets-sansio": (
        Fault(
            "text is not checked, nor decoded: that is left to its user (RFC 6455 §8.1)",
            (
                "text/*",
                "closing/failed-text@*",
                "compression/no-text*",
                "compression/reference-in-text@*",
                "attacks/text-*",
                "attacks/after-no-text@*",
            ),
        ),
        *WEBSOCKETS,
        EMPTY_FRAGMENTS,
        Fault(
            "Pings and Pongs can be sent when both Close frames have been (§5.5.2: before the "
            "connection is closed)",
            ("sending/p?ng-after-both-closes@*",),
        ),
    ),
    "websockets": (
        *WEBSOCKETS,
        Fault("text is checked at a message's end", LATE_TEXT),
        Fault(
            "Pings and Close frames that come in one read behind invalid text are answered before "
            "it is refused (§7.1.7)",
            ("attacks/after-no-text@*",),
        ),
    ),
    "aiohttp": (
        Fault(
            "a server accepts frames that are not masked, a client those that are (RFC 6455 §5.1)",
            (
                "masking/*",
                "opening/bad-frame-behind@client",
                "attacks/early-unmasked@server",
                "attacks/garbage-*",
            ),
        ),
        Fault("payload lengths that are not minimal are accepted (§5.2)", NOT_MINIMAL),
        Fault(
            "a new message is accepted within one whose fragments so far are empty (§5.4)",
            ("fragmentation/text-in-empty-message@*",),
        ),
        Fault(
            "RSV1 is accepted on control frames where permessage-deflate is on (RFC 7692 §6.1)",
            ("compression/rsv-*",),
        ),
        Fault(
            "behind its own Close frame no Ping is answered (§5.5.2), nothing is told, and of the "
            "peer's Close frame only the code",
            (
                "control/p?ng-after-our-close@*",
                "closing/ours-*@*",
                "closing/crossing@*",
            ),
        ),
        Fault(
            "an empty Close frame is told to a client's application once a second one, the end "
            "or 10 s have come (§5.5.1: the connection is to be considered closed)",
            ("closing/empty@client",),
        ),
        Fault("1006 is accepted in a Close frame (§7.4.1)", ("closing/code-1006*",)),
        Fault("codes from 5000 on are accepted in a Close frame", ("closing/code-[3569]*",)),
        Fault(
            "any close code is sent (§7.4.1)", ("sending/close-[0-9]*", "sending/close-negative@*")
        ),
        Fault(
            "control frames of more than 125 bytes are sent (§5.5)",
            ("sending/p?ng-*", "sending/close-reason-*"),
        ),
        Fault(
            "blocks with BFINAL set, and context takeover: what refers back behind one is an "
            "error (RFC 7692 §7.2.1, §7.2.3.4)",
            (*BFINAL, "compression/*bfinal*"),
        ),
        Fault("HEAD is accepted for GET (§4.2.1)", ("opening/method-*@server",)),
        Fault("HTTP/1.0 is accepted (§4.2.1)", ("opening/http-1.0@*",)),
        Fault(
            "HTTP/0.9 and HTTP/2.0 are answered with just these versions (RFC 9110 §2.5)",
            ("opening/http-0.9@server", "opening/http-2.0@server"),
        ),
        Fault("versions 7 and 8 are accepted (§4.2.1)", ("opening/version-[78]@server",)),
        Fault(
            "a version that is not supported is refused without saying which is (§4.2.2, §4.4)",
            ("opening/version-[0-9]*@server",),
        ),
        Fault(
            "several Sec-WebSocket-Key or -Version are accepted, and keys with anything between "
            "the characters of Base64 (§4.2.1, §11.3)",
            ("opening/key-*@server", "opening/version-twice*@server"),
        ),
        Fault("a request with a Host that is no host is accepted (§4.2.1)", HOSTS),
        Fault("targets with a fragment or of another scheme are accepted (§4.2.1)", TARGETS),
        Fault(
            "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that "
            "contains `websocket`)",
            ("opening/upgrade-list*@server", "opening/upgrade-split@server"),
        ),
        Fault(
            "of a Sec-WebSocket-Protocol in two fields only the first is read (§11.3.4)",
            ("opening/subprotocol-split@server",),
        ),
        Fault(
            "malformed lists of subprotocols are accepted (§11.3.4)",
            ("opening/subprotocol-*@server", "attacks/header-spaces-in-token@server"),
        ),
        Fault(
            "a client accepts a subprotocol that it has not asked for, or several (§4.1)",
            ("opening/subprotocol-*@client",),
        ),
        Fault(
            "a client takes the first of several Upgrade or Sec-WebSocket-Accept (§4.1, §11.3.3)",
            ("opening/upgrade-two@client", "opening/accept-*@client"),
        ),
        Fault(
            "a client refuses `Connection: keep-alive, Upgrade` (§4.1: a token in the field)",
            ("opening/connection-*@client",),
        ),
        Fault(
            "a client redirects where the server says so, on the same connection",
            ("opening/status-302@client",),
        ),
        Fault(
            "extensions and parameters that a client has not offered are accepted (§4.1, RFC 7692 "
            "§5.1, §7.1)",
            (
                "negotiation/bad-*@client",
                "negotiation/unasked*@client",
                "attacks/window-bits-*@client",
            ),
        ),
        Fault(
            "offers with parameters that are malformed or doubled are agreed to, and any that has "
            "the characters `permessage-deflate` in it (RFC 7692 §5.1, §7.1)",
            (
                "negotiation/declined-*@server",
                "negotiation/other-*@server",
                "attacks/header-offers@server",
            ),
        ),
        Fault(
            "`server_max_window_bits=15` is left out of the response (RFC 7692 §7.1.2.1)",
            ("negotiation/server-bits-15@server",),
        ),
        Fault(
            "malformed Sec-WebSocket-Extensions are accepted (§9.1)",
            ("negotiation/malformed-*@server", "attacks/header-open-quote@server"),
        ),
        Fault(
            "a message that is just as long as the limit is refused",
            ("limits/within-exact*", "limits/within-control-frames@*"),
        ),
        Fault("a request with a body is accepted", BODIES),
        Fault("two Origin are accepted", ("opening/origin-twice@server",)),
        EMPTY_FRAGMENTS,
        Fault(
            "the fragments of a compressed message are inflated, within the limit, when the last "
            "of them is there",
            ("attacks/bomb-without-end*",),
        ),
        Fault(
            "the inflater is kept where `server_no_context_takeover` was agreed on, so that a "
            "message cut short spoils the next",
            ("compression/cut-short-*",),
        ),
        Fault("HTTP/1.2 is refused (RFC 9110 §2.5)", ("opening/http-1.2@server",)),
        Fault("text is checked at a message's end", LATE_TEXT),
        Fault(
            "the order of fragments and masking are judged when the payload is there, or never",
            ("framing/at-once-*",),
        ),
        Fault(
            "every Close frame is answered with 1000 (§5.5.1: typically the code received)",
            ("closing/code-*", "closing/after-messages@*", "opening/close-behind@client"),
        ),
    ),
    "picows": (
        Fault(
            "RSV2 and RSV3 are not looked at, nor is RSV1 on control frames (RFC 6455 §5.2)",
            (
                "framing/*rsv*",
                "compression/rsv-*",
                "compression/not-agreed-ping@*",
                "attacks/at-once-rsv*",
                "attacks/garbage-20@*",
            ),
        ),
        Fault(
            "an empty Close frame is answered with code 0 (§7.4.2: codes below 1000 are not used)",
            ("closing/empty*", "masking/empty-frames@*", "attacks/after-close-without-code@*"),
        ),
        Fault(
            "0, 1006 and codes from 5000 on are accepted in a Close frame, and sent back (§7.4.1)",
            ("closing/code-*",),
        ),
        Fault(
            "what comes behind a Close frame is read: a second one is answered in its place "
            "(§1.4, §5.5.1)",
            ("closing/then-*", "attacks/after-two-closes@*"),
        ),
        Fault(
            "what comes behind a failure is read, and answered (§7.1.7)",
            ("closing/failed-*", "attacks/after-no-text@*"),
        ),
        Fault(
            "of a message only what stands before the first block with BFINAL set is inflated "
            "(RFC 7692 §7.2.1, §7.2.3.4)",
            BFINAL,
        ),
        Fault(
            "a request without Host, with two, or with one that is no host is accepted (§4.2.1)",
            HOSTS,
        ),
        Fault("a request's target is not looked at (§4.2.1)", TARGETS),
        Fault(
            "two Sec-WebSocket-Key or -Version are accepted (§11.3)",
            ("opening/key-twice*@server", "opening/version-twice*@server"),
        ),
        Fault("versions 7 and 8 are accepted (§4.2.1)", ("opening/version-[78]@server",)),
        Fault(
            "a version that is not supported is refused without saying which is (§4.2.2, §4.4)",
            ("opening/version-[0-9]*@server",),
        ),
        Fault(
            "a Connection or Upgrade with more than one token is refused (§4.2.1), which is what "
            "Firefox sends",
            ("opening/connection-*@server", "opening/upgrade-*@server"),
        ),
        Fault(
            "of a Sec-WebSocket-Protocol in two fields only the first is read (§11.3.4)",
            ("opening/subprotocol-split@server",),
        ),
        Fault(
            "malformed lists of subprotocols are accepted (§11.3.4)",
            ("opening/subprotocol-*@server", "attacks/header-spaces-in-token@server"),
        ),
        Fault(
            "the parameters of an offer are not looked at: what the client asks for is left out of "
            "the response, and what is malformed agreed to (RFC 7692 §5.1, §7.1)",
            (
                "negotiation/server-*@server",
                "negotiation/both-takeovers@server",
                "negotiation/all*@server",
                "negotiation/quoted*@server",
                "negotiation/tight@server",
                "negotiation/loose@server",
                "negotiation/declined-*@server",
                "negotiation/other-*@server",
                "negotiation/not-used-declined@server",
                "negotiation/preference@server",
                "attacks/header-*@server",
            ),
        ),
        Fault(
            "malformed Sec-WebSocket-Extensions are accepted (§9.1)",
            ("negotiation/malformed-*@server",),
        ),
        Fault(
            "HTTP/1.2 is refused (RFC 9110 §2.5), and so is an empty line before the request (RFC "
            "9112 §2.2)",
            ("opening/http-1.2@server", "opening/empty-line-first@server"),
        ),
        Fault("two Origin are accepted", ("opening/origin-twice@server",)),
        Fault("text is checked at a message's end", LATE_TEXT),
        Fault("the order of fragments is judged when the payload is there", ("framing/at-once-*",)),
    ),
    "tornado": (
        Fault(
            "frames that are not masked are accepted (RFC 6455 §5.1)",
            ("masking/*", "attacks/early-unmasked@*", "attacks/garbage-*"),
        ),
        Fault("payload lengths that are not minimal are accepted (§5.2)", NOT_MINIMAL),
        Fault(
            "a Ping or Pong between the frames of a compressed message corrupts it (§5.4)",
            ("compression/fragments-ping*", "compression/fragments-pong*"),
        ),
        Fault(
            "RSV1 is accepted on control frames where permessage-deflate is on (RFC 7692 §6.1)",
            ("compression/rsv-*",),
        ),
        Fault(
            "a block with BFINAL set is the last that is ever inflated on the connection (RFC "
            "7692 §7.2.1, §7.2.3.4)",
            (*BFINAL, "compression/*bfinal*"),
        ),
        Fault(
            "close codes are not looked at, and sent back (§7.4.1)",
            ("closing/code-*", "attacks/after-bad-close@*"),
        ),
        Fault(
            "any Sec-WebSocket-Key is accepted, and several (§4.2.1, §11.3.1)",
            ("opening/key-*@server",),
        ),
        Fault("426 comes without Upgrade (RFC 9110 §15.5.22)", ("opening/version-*@server",)),
        Fault("405 comes without Allow (RFC 9110 §15.5.6)", ("opening/method-*@server",)),
        Fault(
            "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that "
            "contains `websocket`)",
            ("opening/upgrade-*@server",),
        ),
        Fault(
            "a target in absolute form is not found (RFC 9112 §3.2.2), one with a fragment or with "
            "other bytes than ASCII is",
            TARGETS,
        ),
        Fault("a request with a Host that is no host is accepted (§4.2.1)", HOSTS),
        Fault(
            "HTTP/1.0 is accepted, and HTTP/1.2; the connection is closed at once (§4.2.1)",
            ("opening/http-1.*@server",),
        ),
        Fault(
            "a client that ends its side right behind the request gets no response",
            ("opening/eof-after@server",),
        ),
        Fault(
            "malformed lists of subprotocols are accepted (§11.3.4)",
            ("opening/subprotocol-*@server", "attacks/header-spaces-in-token@server"),
        ),
        Fault(
            "an offer with parameters that are unknown or malformed is agreed to, or answered with "
            "500, as is one for a window of 8 bits (RFC 7692 §5.1, §7.1)",
            (
                "negotiation/declined-*@server",
                "negotiation/fallback-*@server",
                "negotiation/server-bits-8@server",
                "negotiation/quoted-escape@server",
                "negotiation/ten-offers@server",
                "compression/*window-8*",
                "attacks/header-*@server",
            ),
        ),
        Fault(
            "`server_no_context_takeover` is left out of the response (RFC 7692 §7.1.1.1)",
            (
                "negotiation/server-takeover@server",
                "negotiation/both-takeovers@server",
                "negotiation/all*@server",
            ),
        ),
        Fault(
            "malformed Sec-WebSocket-Extensions are accepted (§9.1)",
            ("negotiation/malformed-*@server",),
        ),
        Fault("a request with a body is accepted", BODIES),
        Fault("two Origin are accepted", ("opening/origin-twice@server",)),
        Fault("a hundred fields and more are accepted", ("opening/many-fields@server",)),
        Fault("text is checked at a message's end", LATE_TEXT),
        Fault(
            "opcodes are judged when the payload is there, and masking never",
            ("framing/at-once-*",),
        ),
        Fault(
            "a failure is told by no Close frame (§7.1.7: SHOULD)",
            ("framing/rsv*", "framing/opcode-*", "fragmentation/*", "text/*"),
        ),
    ),
    "ws": (
        Fault("payload lengths that are not minimal are accepted (RFC 6455 §5.2)", NOT_MINIMAL),
        Fault(
            "of a message only what stands before the first block with BFINAL set is inflated, "
            "and what refers back behind one is an error (RFC 7692 §7.2.1, §7.2.3.4)",
            (*BFINAL, "compression/*bfinal*"),
        ),
        Fault(
            "the connection is dropped where more than 60 Pongs wait to be written, on purpose "
            "(`maxPendingAutoPongs`)",
            (
                "control/1000-pings@*",
                "control/pings-in-message@*",
                "control/long-pings@*",
                "attacks/flood-*pings@*",
            ),
        ),
        Fault(
            "an offer with parameters that are unknown or malformed is answered with 400, and not "
            "declined (RFC 7692 §7.1)",
            (
                "negotiation/declined-*@server",
                "negotiation/fallback-*@server",
                "negotiation/loose@server",
                "negotiation/ten-offers@server",
            ),
        ),
        Fault(
            "numbers of bits with leading zeros or decimals are accepted (RFC 7692 §7.1.2)",
            ("negotiation/declined-*-bits-*@server", "negotiation/bad-*-bits-*@client"),
        ),
        Fault(
            "a client accepts permessage-deflate twice (§9.1)",
            ("negotiation/bad-twice*@client",),
        ),
        Fault(
            "empty elements in lists are refused (§9.1, RFC 9110 §5.6.1)",
            ("negotiation/empty-elements@*", "opening/subprotocol-empty-elements@server"),
        ),
        Fault(
            "a request without Host, with two, or with one that is no host is accepted (§4.2.1)",
            HOSTS,
        ),
        Fault("a request's target is not looked at (§4.2.1)", TARGETS),
        Fault(
            "HTTP/1.0 and HTTP/0.9 are accepted (§4.2.1)",
            ("opening/http-1.0@*", "opening/http-0.9@*"),
        ),
        Fault(
            "versions 8, 013, 13.0 and +13 are accepted (§4.2.1)",
            ("opening/version-*@server",),
        ),
        Fault(
            "426 comes without Upgrade (RFC 9110 §15.5.22)",
            (
                "opening/upgrade-*@server",
                "opening/connection-*@server",
                "opening/http-plain@server",
            ),
        ),
        Fault("405 comes without Allow (RFC 9110 §15.5.6)", ("opening/method-*@server",)),
        Fault(
            "`Upgrade: websocket` beside another protocol is refused (§4.2.1: a field that "
            "contains `websocket`)",
            ("opening/upgrade-list*@server", "opening/upgrade-split@server"),
        ),
        Fault(
            "folded field values in a response are an error (RFC 9112 §5.2)",
            ("opening/folded*@client",),
        ),
        Fault("a request with a body is accepted", BODIES),
        Fault("two Origin are accepted", ("opening/origin-twice@server",)),
        Fault("HTTP/1.2 is refused (RFC 9110 §2.5)", ("opening/http-1.2@server",)),
        Fault("text is checked at a message's end", LATE_TEXT),
    ),
}
