"""Cases: limits on messages, frames and fragments (RFC 6455 §10.4), also while inflating.

Owns what is just below and just above a limit. An implementation that cannot be set up with the
limits of a case declines it. What attackers make of missing limits stands in ``attacks``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final, TypeAlias

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.deflate_blocks import fixed, message, repeated, stored
from wsproto_core.testing.frames import BINARY, CONTINUATION, PING, PONG, RSV1, TEXT, Frame
from wsproto_core.testing.model.inflating import TAIL
from wsproto_core.testing.outcomes import (
    Failed,
    GotMessage,
    GotPing,
    GotPong,
    Outcome,
    ReceiveLimits,
)
from wsproto_core.testing.settings import Deflate

from .building import READ, Cut, Part, cases, fragments
from .compression import AGREED, EMPTY, NO_TAKEOVER, compressed, in_fragments, literal

#: What happens, the parts of it, what is told, and what the endpoint is set up with.
_Row: TypeAlias = tuple[str, Sequence[Part], Sequence[Outcome], ReceiveLimits, Deflate | None]

SIZE: Final = 1000
#: At most a message of that size; the rest as it is by default.
SMALL: Final = ReceiveLimits(max_message_size=SIZE)
SMALL_FRAMES: Final = ReceiveLimits(max_message_size=SIZE, max_frame_size=100)
FEW_FRAGMENTS: Final = ReceiveLimits(max_fragments=10)
LARGE: Final = ReceiveLimits()

#: Whose sizes are not limited has nothing to protect.
PROTECTED: Final = ("6455-10.4-1",)

_WITHIN: Final = "A limit of n bytes is one that n bytes do not exceed."
_AT_ONCE: Final = (
    "No sentence says when to fail; who waits for what a header announces stores it for nothing."
)
_FRAGMENTS: Final = "The RFC speaks of sizes; empty frames without end cost their receiver as well."

DATA: Final = bytes(i * 7 & 0xFF for i in range(2 * SIZE))
LETTERS: Final = b"abcdefghij" * (SIZE // 10)
UMLAUTS: Final = "äöü".encode() * SIZE


def _first(*payloads: bytes, opcode: int = BINARY) -> list[Frame]:
    """Fragments of a message that goes on."""
    return list(fragments(opcode, *payloads, b""))[:-1]


def _ping(payload: bytes) -> tuple[Frame, GotPing]:
    return Frame(PING, payload), GotPing(payload)


PING_FRAME, GOT_PING = _ping(b"p" * 125)

#: By name: what is just within the limits, and what is told.
WITHIN: Final[dict[str, _Row]] = {
    "exact": (
        "a message of just the size allowed",
        [Frame(BINARY, DATA[:SIZE])],
        [GotMessage("binary", DATA[:SIZE])],
        SMALL,
        None,
    ),
    "exact-text": (
        "a text of just the size allowed",
        [Frame(TEXT, LETTERS)],
        [GotMessage("text", LETTERS)],
        SMALL,
        None,
    ),
    "exact-fragments": (
        "fragments of just the size allowed together",
        [*fragments(BINARY, DATA[:400], DATA[400:999], DATA[999:SIZE])],
        [GotMessage("binary", DATA[:SIZE])],
        SMALL,
        None,
    ),
    "exact-empty-fragment": (
        "fragments of just the size allowed, and a last one that is empty",
        [*fragments(BINARY, DATA[:SIZE], b"", b"")],
        [GotMessage("binary", DATA[:SIZE])],
        SMALL,
        None,
    ),
    "several": (
        "messages that exceed the size allowed only together",
        [Frame(BINARY, DATA[:900])] * 4,
        [GotMessage("binary", DATA[:900])] * 4,
        SMALL,
        None,
    ),
    "several-fragmented": (
        "fragmented messages that exceed the size allowed only together",
        [*fragments(BINARY, DATA[:450], DATA[450:900])] * 3,
        [GotMessage("binary", DATA[:900])] * 3,
        SMALL,
        None,
    ),
    "control-frames": (
        "a message of just the size allowed, with control frames between its fragments",
        [
            Frame(BINARY, DATA[:500], fin=False),
            PING_FRAME,
            Frame(PONG, b"q" * 125),
            Frame(CONTINUATION, DATA[500:900], fin=False),
            PING_FRAME,
            Frame(CONTINUATION, DATA[900:SIZE]),
            PING_FRAME,
        ],
        [
            GOT_PING,
            GotPong(b"q" * 125),
            GOT_PING,
            GotMessage("binary", DATA[:SIZE]),
            GOT_PING,
        ],
        SMALL,
        None,
    ),
    "frame-exact": (
        "a frame of just the size allowed",
        [Frame(BINARY, DATA[:100])],
        [GotMessage("binary", DATA[:100])],
        SMALL_FRAMES,
        None,
    ),
    "frames-exact": (
        "fragments of just the size allowed for each, and for all",
        [*fragments(BINARY, *(DATA[i : i + 100] for i in range(0, SIZE, 100)))],
        [GotMessage("binary", DATA[:SIZE])],
        SMALL_FRAMES,
        None,
    ),
    "ping-above-frame-limit": (
        "a Ping frame that is larger than a data frame may be",
        [PING_FRAME, Frame(TEXT, b"x")],
        [GOT_PING, GotMessage("text", b"x")],
        SMALL_FRAMES,
        None,
    ),
    "inflated-exact": (
        "a compressed message of just the size allowed",
        [compressed(message(repeated(b"a", SIZE)))] * 2,
        [GotMessage("text", b"a" * SIZE)] * 2,
        SMALL,
        AGREED,
    ),
    "inflated-exact-fragments": (
        "compressed fragments of just the size allowed, and a last one with an empty block",
        in_fragments(
            message(repeated(b"a", 600)) + TAIL, message(repeated(b"a", 400)) + TAIL, EMPTY
        ),
        [GotMessage("text", b"a" * SIZE)],
        SMALL,
        AGREED,
    ),
    "inflated-exact-empty-fragments": (
        "a compressed message of just the size allowed, and empty frames",
        in_fragments(message(repeated(b"a", SIZE)), b"", b""),
        [GotMessage("text", b"a" * SIZE)],
        SMALL,
        AGREED,
    ),
    "inflated-several": (
        "compressed messages that exceed the size allowed only together",
        [compressed(message(repeated(b"a", 900)))] * 4,
        [GotMessage("text", b"a" * 900)] * 4,
        SMALL,
        AGREED,
    ),
    "fragments-exact": (
        "as many fragments as are allowed",
        [*fragments(BINARY, *(DATA[i : i + 1] for i in range(10)))],
        [GotMessage("binary", DATA[:10])],
        FEW_FRAGMENTS,
        None,
    ),
    "fragments-several": (
        "messages of as many fragments as are allowed, with Ping frames in between",
        [
            part
            for frame in fragments(BINARY, *(DATA[i : i + 1] for i in range(10))) * 2
            for part in (frame, PING_FRAME)
        ],
        [*[GOT_PING] * 9, GotMessage("binary", DATA[:10]), GOT_PING] * 2,
        FEW_FRAGMENTS,
        None,
    ),
}

#: By name: what is just too much; what is told before.
ABOVE: Final[dict[str, _Row]] = {
    "one-more": (
        "a message of one byte more than is allowed",
        [Frame(BINARY, DATA[: SIZE + 1])],
        [],
        SMALL,
        None,
    ),
    "one-more-text": (
        "a text of one byte more than is allowed",
        [Frame(TEXT, LETTERS + b"k")],
        [],
        SMALL,
        None,
    ),
    "characters": (
        "a text of fewer characters than bytes are allowed, but of more bytes",
        [Frame(TEXT, UMLAUTS[:1200])],
        [],
        SMALL,
        None,
    ),
    "twice": (
        "a message of twice the size allowed",
        [Frame(BINARY, DATA)],
        [],
        SMALL,
        None,
    ),
    "second-message": (
        "a small message and one that is too large",
        [Frame(TEXT, b"small"), Frame(BINARY, DATA)],
        [GotMessage("text", b"small")],
        SMALL,
        None,
    ),
    "fragments": (
        "fragments of one byte more than is allowed together",
        [*fragments(BINARY, DATA[:SIZE], DATA[SIZE : SIZE + 1])],
        [],
        SMALL,
        None,
    ),
    "many-fragments": (
        "fragments of one byte, one more than bytes are allowed",
        [*fragments(BINARY, *(DATA[i : i + 1] for i in range(SIZE + 1)))],
        [],
        SMALL,
        None,
    ),
    "fragments-empty-last": (
        "fragments of more than is allowed, the last of them empty",
        [*fragments(BINARY, DATA[:600], DATA[600:1200], b"")],
        [],
        SMALL,
        None,
    ),
    "fragments-with-pings": (
        "fragments of more than is allowed, with Ping frames in between",
        [
            Frame(BINARY, DATA[:600], fin=False),
            PING_FRAME,
            Frame(CONTINUATION, DATA[600:1200], fin=False),
            PING_FRAME,
            Frame(CONTINUATION),
        ],
        [GOT_PING],
        SMALL,
        None,
    ),
    "frame": (
        "a frame of one byte more than is allowed, in a message that is not too large",
        [Frame(BINARY, DATA[:101])],
        [],
        SMALL_FRAMES,
        None,
    ),
    "frame-continuation": (
        "a second fragment of one byte more than is allowed for a frame",
        [*fragments(BINARY, DATA[:100], DATA[100:201], b"")],
        [],
        SMALL_FRAMES,
        None,
    ),
    "frames": (
        "fragments of the size allowed for each, of more than is allowed together",
        [*fragments(BINARY, *(DATA[i : i + 100] for i in range(0, SIZE + 100, 100)))],
        [],
        SMALL_FRAMES,
        None,
    ),
    "inflated": (
        "a compressed message of one byte more than is allowed",
        [compressed(message(repeated(b"a", SIZE + 1)))],
        [],
        SMALL,
        AGREED,
    ),
    "inflated-stored": (
        "a compressed message, larger than is allowed, that compression has not made smaller",
        [compressed(message(stored(DATA[: SIZE + 1])), BINARY)],
        [],
        SMALL,
        AGREED,
    ),
    "inflated-afresh": (
        "a compressed message of one byte more than is allowed, without context takeover",
        [compressed(message(repeated(b"a", SIZE + 1)))],
        [],
        SMALL,
        NO_TAKEOVER,
    ),
    "inflated-bfinal": (
        "a compressed message of one byte more than is allowed, in two blocks with BFINAL set",
        [
            compressed(
                message(
                    "1" + repeated(b"a", 600)[1:] + "|",
                    "1" + repeated(b"a", 401)[1:] + "|",
                )
            )
        ],
        [],
        SMALL,
        AGREED,
    ),
    "inflated-second-message": (
        "a compressed message of the size allowed, and one that is larger",
        [compressed(message(repeated(b"a", n))) for n in (SIZE, SIZE + 1)],
        [GotMessage("text", b"a" * SIZE)],
        SMALL,
        AGREED,
    ),
    "inflated-fragments": (
        "compressed fragments of one byte more than is allowed together",
        in_fragments(literal(LETTERS[:600]) + TAIL, literal(LETTERS[:401])),
        [],
        SMALL,
        AGREED,
    ),
    "inflated-at-last": (
        "compressed fragments of the size allowed, then one more byte in the last",
        in_fragments(message(repeated(b"a", SIZE)) + TAIL, literal(b"b")),
        [],
        SMALL,
        AGREED,
    ),
    "inflated-much-at-last": (
        "compressed fragments of the size allowed, then 100000 bytes more in the last",
        in_fragments(message(repeated(b"a", SIZE)) + TAIL, message(repeated(b"b", 100_000))),
        [],
        SMALL,
        AGREED,
    ),
    "inflated-empty-last": (
        "a compressed message larger than is allowed, whose last fragment is empty",
        in_fragments(message(repeated(b"a", SIZE + 1)), b""),
        [],
        SMALL,
        AGREED,
    ),
    "inflated-at-tail": (
        "a compressed message whose last byte comes out only at its end",
        in_fragments(
            (payload := message(fixed(LETTERS), fixed(b"k")))[:-2], payload[-2:-1], payload[-1:]
        ),
        [],
        SMALL,
        AGREED,
    ),
}

#: By name: more fragments than are allowed.
TOO_MANY: Final[dict[str, tuple[str, Sequence[Part], Deflate | None]]] = {
    "fragments-count": ("one fragment too many", [*fragments(BINARY, *[b"x"] * 11)], None),
    "fragments-count-empty": ("one empty fragment too many", [*fragments(TEXT, *[b""] * 11)], None),
    "fragments-count-compressed": (
        "one fragment of a compressed message too many",
        in_fragments(*[EMPTY + TAIL] * 10, EMPTY),
        AGREED,
    ),
    "fragments-count-without-end": (
        "one fragment too many, and none of them the last",
        _first(*[b"x"] * 11),
        None,
    ),
}

#: By name: what shows at once, by a header, that a message is too large; what is told before.
ANNOUNCED: Final[dict[str, tuple[str, Sequence[Part], ReceiveLimits]]] = {
    "header": (
        "the header of a message of one byte more than is allowed",
        [Frame(BINARY, b"few", declared=SIZE + 1)],
        SMALL,
    ),
    "header-alone": (
        "a header, without any payload yet, of one byte more than is allowed",
        [Frame(TEXT, declared=SIZE + 1)],
        SMALL,
    ),
    "header-second": (
        "a fragment, and the header of one that makes the message too large",
        [Frame(BINARY, DATA[:600], fin=False), Frame(CONTINUATION, b"few", declared=401)],
        SMALL,
    ),
    "header-frame": (
        "the header of a frame of one byte more than is allowed",
        [Frame(BINARY, b"few", declared=101)],
        SMALL_FRAMES,
    ),
    "without-end": (
        "fragments of more than is allowed, and none of them the last",
        _first(DATA[:600], DATA[600:1200]),
        SMALL,
    ),
    "without-end-in-payload": (
        "a fragment of just the size allowed, then one byte of the next",
        [Frame(BINARY, DATA[:SIZE], fin=False), READ, Cut(Frame(CONTINUATION, b"abc"), -2)],
        SMALL,
    ),
}

#: What a header can announce at most, and what it cannot.
LENGTHS: Final = {
    "2-31": (2**31, 1009),
    "2-32": (2**32, 1009),
    "2-32-and-5": (2**32 + 5, 1009),
    "2-62": (2**62, 1009),
    "2-63-less-one": (2**63 - 1, 1009),
    "2-63": (2**63, 1002),
    "2-63-and-5": (2**63 + 5, 1002),
    "2-64-less-one": (2**64 - 1, 1002),
}

CASES: Final[tuple[Case, ...]] = (
    *chain.from_iterable(
        cases(
            f"limits/within-{name}",
            title,
            parts,
            told,
            PROTECTED,
            level=Level.POLICY,
            note=_WITHIN,
            limits=limits,
            deflate=deflate,
        )
        for name, (title, parts, told, limits, deflate) in WITHIN.items()
    ),
    *cases(
        "limits/within-compressed-larger",
        "a message within the size allowed that compression has made larger",
        [compressed(message(*(stored(DATA[i : i + 10]) for i in range(0, 990, 10))), BINARY)],
        [GotMessage("binary", DATA[:990])],
        PROTECTED,
        level=Level.POLICY,
        also=[(Failed(1009),)],
        note="It may be limited how much arrives, and how much there is once it is inflated.",
        limits=SMALL,
        deflate=AGREED,
    ),
    *chain.from_iterable(
        cases(
            f"limits/above-{name}",
            title,
            [*parts, Frame(TEXT, b"after")],
            [*told, Failed(1009)],
            [*PROTECTED, "6455-10.4-2"],
            limits=limits,
            deflate=deflate,
        )
        for name, (title, parts, told, limits, deflate) in ABOVE.items()
    ),
    *chain.from_iterable(
        cases(
            f"limits/above-{name}",
            title,
            [*parts],
            [Failed(1009)],
            PROTECTED,
            level=Level.POLICY,
            note=_FRAGMENTS,
            advisories=["CVE-2026-48779 (ws)", "CVE-2026-12151 (undici)"],
            limits=FEW_FRAGMENTS,
            deflate=deflate,
        )
        for name, (title, parts, deflate) in TOO_MANY.items()
    ),
    *chain.from_iterable(
        cases(
            f"limits/announced-{name}",
            title,
            parts,
            [Failed(1009)],
            PROTECTED,
            level=Level.POLICY,
            note=_AT_ONCE,
            limits=limits,
        )
        for name, (title, parts, limits) in ANNOUNCED.items()
    ),
    *chain.from_iterable(
        cases(
            f"limits/length-{name}{suffix}",
            f"a header that announces {length} bytes{how}",
            [*before, Frame(opcode, b"few", rsv=rsv, length_size=8, declared=length)],
            [Failed(code)],
            PROTECTED if code == 1009 else ["6455-5.2-4"],
            level=Level.POLICY if code == 1009 else Level.MUST,
            # What has its first bit set is more than is allowed as well.
            also=() if code == 1009 else [(Failed(1009),)],
            note=_AT_ONCE if code == 1009 else "",
            advisories=["CVE-2020-27813 (gorilla)", "CVE-2020-13935 (Tomcat)"],
            limits=LARGE,
            deflate=deflate,
        )
        for name, (length, code) in LENGTHS.items()
        for suffix, how, before, opcode, rsv, deflate in (
            ("", "", [], BINARY, 0, None),
            (
                "-continuation",
                ", of a second fragment",
                [Frame(BINARY, b"x", fin=False)],
                CONTINUATION,
                0,
                None,
            ),
            ("-compressed", ", compressed", [], BINARY, RSV1, AGREED),
        )
    ),
)
