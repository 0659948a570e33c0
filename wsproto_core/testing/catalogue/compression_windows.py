"""Cases: the LZ77 window of compressed messages that an endpoint receives (RFC 7692 §7.2.2).

Owns what is kept from message to message, and how far back matches go. Must not know what goes
wrong within DEFLATE data.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.deflate_blocks import fixed, match, message, stored
from wsproto_core.testing.frames import BINARY
from wsproto_core.testing.outcomes import Accepted, Failed, GotMessage, Role
from wsproto_core.testing.settings import Deflate, Opening

from .building import READ, ROLES, cases
from .compression import (
    AGREED,
    EMPTY,
    GOT_HELLO,
    HELLO,
    HELLO_AGAIN,
    HELLO_FINAL,
    HELLO_STORED,
    KEPT,
    NO_TAKEOVER,
    RECEIVED,
    compressed,
    literal,
)
from .heads import request

#: Where no parameter makes it smaller.
WHOLE_WINDOW: Final[dict[Role, list[str]]] = {
    "client": ["7692-7.2.2-5"],
    "server": ["7692-7.2.2-6"],
}

#: The server may agree to what this client offers for its own direction, or not (§7.1.1.2).
_REQUEST: Final = request(
    b"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover"
)
_ACCEPTED: Final = Accepted(None, "permessage-deflate")
_ACCEPTED_AFRESH: Final = Accepted(None, "permessage-deflate;client_no_context_takeover")

_GAP: Final = bytes(range(256)) * 3

TAKEOVER: Final = (
    *chain.from_iterable(
        cases(
            f"compression/takeover-{name}",
            title,
            [compressed(payload, BINARY) for payload in payloads],
            [GotMessage("binary", data) for data in told],
            RECEIVED,
            deflate=AGREED,
            besides=KEPT,
        )
        for name, title, payloads, told in (
            (
                "far",
                "a message that refers to the first of three",
                [literal(b"one two"), message(stored(_GAP)), message(fixed(match(7, 775)))],
                [b"one two", _GAP, b"one two"],
            ),
            (
                "after-empty",
                "a message that refers to one before an empty one",
                [HELLO, EMPTY, message(fixed()), HELLO_AGAIN],
                [b"Hello", b"", b"", b"Hello"],
            ),
            (
                "after-stored",
                "a message that refers to one without compression",
                [HELLO_STORED, HELLO_AGAIN],
                [b"Hello", b"Hello"],
            ),
            (
                "growing",
                "messages each of which is the one before, twice",
                [literal(b"abc"), *(message(fixed(match(n, n) * 2)) for n in (3, 6, 12, 24))],
                [b"abc" * 2**n for n in range(5)],
            ),
            (
                "across-edge",
                "a match that begins in one message and ends in the next",
                [literal(b"abc"), message(fixed(b"x", match(4, 3)))],
                [b"abc", b"xbcxb"],
            ),
            (
                "bfinal",
                "a message that refers to one with BFINAL set",
                [HELLO_FINAL, HELLO_AGAIN, HELLO_FINAL, HELLO_AGAIN],
                [b"Hello"] * 4,
            ),
        )
    ),
    *cases(
        "compression/takeover-own-direction",
        "only what the endpoint itself sends was agreed to be without context takeover",
        [compressed(HELLO), compressed(HELLO_AGAIN)],
        [GOT_HELLO, GOT_HELLO],
        ["7692-7.2.2-2"],
        roles=["client"],
        deflate=Deflate(client_no_context_takeover=True),
    ),
    *cases(
        "compression/takeover-own-direction",
        "only what the endpoint itself sends was agreed to be without context takeover",
        [compressed(HELLO), compressed(HELLO_AGAIN)],
        [GOT_HELLO, GOT_HELLO],
        ["7692-7.2.2-3"],
        roles=["server"],
        deflate=Deflate(server_no_context_takeover=True),
    ),
    *cases(
        "compression/takeover-offered-afresh",
        "an offer of client_no_context_takeover, and messages that refer to those before",
        [_REQUEST, READ, compressed(HELLO), compressed(HELLO_AGAIN)],
        [_ACCEPTED, GOT_HELLO, GOT_HELLO],
        ["7692-7.2.2-4"],
        also=[
            (_ACCEPTED_AFRESH, GOT_HELLO, GOT_HELLO),
            (_ACCEPTED_AFRESH, GOT_HELLO, Failed(1007)),
            (_ACCEPTED_AFRESH, GOT_HELLO, Failed(1002)),
        ],
        opening=Opening("server", deflate=True),
        note="If the server agrees to it, this client breaks the agreement, and it may fail.",
    ),
    *cases(
        "compression/no-takeover-afresh",
        "messages that begin afresh, with matches of their own",
        [compressed(literal(b"a" * n)) for n in (1, 5, 300)]
        + [compressed(message(fixed(b"ab", match(258, 2))))] * 2,
        [GotMessage("text", b"a" * n) for n in (1, 5, 300)] + [GotMessage("text", b"ab" * 130)] * 2,
        RECEIVED,
        deflate=NO_TAKEOVER,
    ),
    *chain.from_iterable(
        cases(
            f"compression/no-takeover-{name}",
            f"a message that refers to {title}, though no context takeover was agreed on",
            [*(compressed(payload) for payload in before), compressed(HELLO_AGAIN)],
            [*told, Failed(1007)],
            ["6455-10.7-1"],
            level=Level.POLICY,
            also=[(*told, Failed(1002)), (*told, GOT_HELLO)],
            note='A receiver "MAY decompress each new message with an empty LZ77 sliding window".',
            deflate=NO_TAKEOVER,
        )
        for name, title, before, told in (
            ("refers-back", "the one before", [HELLO], [GOT_HELLO]),
            ("refers-back-bfinal", "one with BFINAL set", [HELLO_FINAL], [GOT_HELLO]),
        )
    ),
)


def noise(count: int) -> bytes:
    """Bytes in which no three are repeated soon."""
    return b"".join((i * 40_503 & 0xFFFF).to_bytes(2, "little") for i in range(count // 2))


def _window_of(role: Role, bits: int) -> Deflate:
    """What the peer of *role* was agreed to compress with."""
    if role == "server":
        return Deflate(client_max_window_bits=bits)
    return Deflate(server_max_window_bits=bits)


WINDOWS: Final = (
    *chain.from_iterable(
        cases(
            f"compression/window-{bits}",
            f"matches {2**bits} bytes back, which is the whole window agreed on",
            [
                compressed(message(stored(data[:-1]), stored(data[-1:])), BINARY),
                compressed(message(fixed(match(258, 2**bits) * 2)), BINARY),
                compressed(message(fixed(b"!", match(3, 2**bits), match(200, 1))), BINARY),
            ],
            [
                GotMessage("binary", data),
                # What is copied beyond the data's end is what was copied first.
                GotMessage("binary", (data * 3)[:516]),
                GotMessage("binary", b"!" + (found := (data * 4)[517:520]) + found[-1:] * 200),
            ],
            RECEIVED,
            roles=[role],
            deflate=_window_of(role, bits),
            besides=KEPT if bits < 15 else {r: [*KEPT[r], *WHOLE_WINDOW[r]] for r in ROLES},
        )
        for role in ROLES
        for bits in range(8, 16)
        for data in (noise(2**bits),)
    ),
    *chain.from_iterable(
        cases(
            f"compression/window-{bits}-in-message",
            f"a match {2**bits} bytes back within one message, without context takeover",
            [
                compressed(message(stored(data), fixed(match(100, 2**bits))), BINARY),
                compressed(message(stored(data), fixed(match(100, 2**bits))), BINARY),
            ],
            [GotMessage("binary", data + data[:100])] * 2,
            RECEIVED,
            deflate=Deflate(True, True, bits, bits),
        )
        for bits in (8, 9, 12)
        for data in (noise(2**bits),)
    ),
    *chain.from_iterable(
        cases(
            f"compression/beyond-window-{bits}",
            f"a match {2**bits + 1} bytes back, one more than the window agreed on",
            [
                compressed(message(stored(data)), BINARY),
                compressed(message(fixed(match(3, 2**bits + 1))), BINARY),
            ],
            [GotMessage("binary", data), Failed(1007)],
            ["6455-10.7-1"],
            level=Level.POLICY,
            also=[
                (GotMessage("binary", data), Failed(1002)),
                (GotMessage("binary", data), GotMessage("binary", data[1:4])),
            ],
            note="The sender must not do this; nothing has the receiver check it.",
            deflate=Deflate(False, False, bits, bits),
        )
        for bits in (8, 9, 11)
        for data in (noise(2**bits + 2),)
    ),
)

CASES: Final[tuple[Case, ...]] = (*TAKEOVER, *WINDOWS)
