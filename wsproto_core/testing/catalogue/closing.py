"""Cases: the closing handshake (RFC 6455 §5.5.1, §7): codes, reasons, order, and its absence.

Owns Close frames that the peer sends, and what becomes of a connection. What an application may
have sent stands in ``sending``.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.actions import SendClose, SendMessage
from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV2,
    TEXT,
    Frame,
)
from wsproto_core.testing.outcomes import Failed, GotClose, GotMessage, GotPing, GotPong, Lost

from .building import EOF, READ, Part, cases, close
from .text import NOT_UTF8

ANSWERED: Final = ["6455-5.5.1-6", "6455-5.5.1-7", "6455-7.1.5-1"]
BOTH_WAYS: Final = ["6455-5.5.1-8", "6455-7.1.2-2", "6455-7.1.3-1"]

# Codes (§7.4) ---------------------------------------------------------------------------

#: Those that may be in a Close frame, by what allows them.
DEFINED: Final = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011)
IANA: Final = (1012, 1013, 1014)
LIBRARIES: Final = (3000, 3001, 3999)
PRIVATE: Final = (4000, 4001, 4999)

#: Those that may not, with what forbids them.
RESERVED: Final = {1004: "7.4.1-1", 1005: "7.4.1-2", 1006: "7.4.1-3", 1015: "7.4.1-5"}
NOT_USED: Final = (0, 1, 2, 125, 256, 500, 998, 999)
UNDEFINED: Final = (1016, 1017, 1099, 1100, 1500, 1999, 2000, 2001, 2500, 2998, 2999)
BEYOND: Final = (5000, 5001, 9999, 0x7FFF, 0x8000, 65_534, 65_535)


def _code(code: int, *requirements: str, note: str = "") -> tuple[Case, ...]:
    return cases(
        f"closing/code-{code}",
        f"a Close frame with code {code}, which is allowed",
        [close(code)],
        [GotClose(code, b"")],
        [*ANSWERED, "6455-5.5.1-1", "6455-7.1.6-2", *requirements],
        level=Level.POLICY if note else Level.MUST,
        note=note,
    )


VALID_CODES: Final = (
    *chain.from_iterable(_code(code) for code in DEFINED),
    *chain.from_iterable(
        _code(
            code,
            "6455-7.4.2-2",
            note="Defined in the registry that RFC 6455 §11.7 has made, and not in the RFC itself.",
        )
        for code in IANA
    ),
    *chain.from_iterable(_code(code, "6455-7.4.2-3") for code in LIBRARIES),
    *chain.from_iterable(_code(code, "6455-7.4.2-4") for code in PRIVATE),
)


def _bad_code(
    code: int, requirement: str, *, level: Level = Level.MUST, note: str = ""
) -> tuple[Case, ...]:
    return cases(
        f"closing/code-{code}",
        f"a Close frame with code {code}, which no Close frame may have",
        [close(code)],
        [Failed(1002)],
        [f"6455-{requirement}", "6455-5.5.1-1", "6455-10.7-1"],
        level=level,
        note=note,
    )


_OLDER: Final = (
    "RFC 6455 defines no such code, but leaves room for others to do so, and says nothing of "
    "those that do not know them."
)

INVALID_CODES: Final = (
    *chain.from_iterable(_bad_code(code, requirement) for code, requirement in RESERVED.items()),
    *chain.from_iterable(_bad_code(code, "7.4.2-1") for code in NOT_USED),
    *chain.from_iterable(
        _bad_code(code, "7.4.2-2", level=Level.POLICY, note=_OLDER) for code in UNDEFINED
    ),
    *chain.from_iterable(
        _bad_code(
            code,
            "5.5.1-1",
            level=Level.POLICY,
            note="Section 7.4 has no such range, and says nothing of those that receive one.",
        )
        for code in BEYOND
    ),
    *chain.from_iterable(
        cases(
            f"closing/code-{code}-reason",
            f"a Close frame with code {code} and a reason",
            [close(code, b"reason")],
            [Failed(1002)],
            [f"6455-{requirement}"],
        )
        for code, requirement in ((999, "7.4.2-1"), (1005, "7.4.1-2"), (1006, "7.4.1-3"))
    ),
)

# Bodies and reasons ---------------------------------------------------------------------

#: By name: what is special about it, and a reason.
REASONS: Final = {
    "ascii": ("ASCII", b"bye"),
    "utf-8": ("characters of one to four bytes", "a é € \U0001f600".encode()),
    "bom": ("a byte order mark", b"\xef\xbb\xbfbye"),
    "line-ends": ("CR and LF", b"one\r\ntwo\0"),
    "122": ("122 bytes", b"x" * 122),
    "123": ("123 bytes, as many as there can be", b"y" * 123),
    "123-utf-8": ("123 bytes in characters of three", "€".encode() * 41),
}

BODIES: Final = (
    *cases(
        "closing/empty",
        "a Close frame without a body",
        [close()],
        [GotClose(1005, b"")],
        [*ANSWERED, *BOTH_WAYS, "6455-7.1.5-2", "6455-7.1.6-2"],
    ),
    *chain.from_iterable(
        cases(
            f"closing/reason-{name}",
            f"a Close frame with a reason: {title}",
            [close(1000, reason)],
            [GotClose(1000, reason)],
            ["6455-5.5.1-2", "6455-5.5.1-6", "6455-7.1.6-1"],
        )
        for name, (title, reason) in REASONS.items()
    ),
    *chain.from_iterable(
        cases(
            f"closing/one-byte-{octet:02x}",
            f"a Close frame whose body is the byte {octet:02x}",
            [Frame(CLOSE, bytes([octet]))],
            [Failed(1002)],
            ["6455-5.5.1-1", "6455-10.7-1"],
        )
        for octet in (0x00, 0x03, 0xFF)
    ),
    *chain.from_iterable(
        cases(
            f"closing/reason-not-utf-8-{name}",
            f"a Close frame with a reason that is not UTF-8: {NOT_UTF8[name][0]}",
            [close(1000, b"bye " + NOT_UTF8[name][1])],
            [Failed(1007)],
            ["6455-5.5.1-2", "6455-8.1-1"],
        )
        for name in (
            *("lone-80", "ff", "overlong-2-slash", "overlong-3-first", "surrogate-first"),
            *("surrogate-pair", "beyond-first", "two-thirds", "utf-16"),
        )
    ),
    *cases(
        "closing/reason-ends-within",
        "a Close frame with a reason that ends within a character",
        [close(1000, b"price: \xe2\x82")],
        [Failed(1007)],
        ["6455-5.5.1-2", "6455-8.1-1"],
    ),
    *cases(
        "closing/reason-ends-within-123",
        "a Close frame with a reason of 123 bytes, cut within a character",
        [close(1000, ("é" * 62).encode()[:123])],
        [Failed(1007)],
        ["6455-5.5.1-2", "6455-8.1-1"],
    ),
    *cases(
        "closing/reason-124",
        "a Close frame with a reason of 124 bytes",
        [close(1000, b"z" * 124)],
        [Failed(1002)],
        ["6455-5.5-1", "6455-10.7-1"],
    ),
    *cases(
        "closing/rsv2",
        "a Close frame with RSV2 set",
        [Frame(CLOSE, b"\x03\xe8", rsv=RSV2)],
        [Failed(1002)],
        ["6455-5.2-2"],
    ),
)

# What follows ---------------------------------------------------------------------------

#: By name: what the peer sends after its Close frame.
AFTER: Final[dict[str, tuple[str, Part]]] = {
    "text": ("a text frame", Frame(TEXT, b"late")),
    "binary": ("a binary frame", Frame(BINARY, b"late")),
    "ping": ("a Ping frame", Frame(PING, b"late")),
    "pong": ("a Pong frame", Frame(PONG, b"late")),
    "close": ("another Close frame", close(1001, b"late")),
    "fragment": ("a fragment", Frame(TEXT, b"late", fin=False)),
    "continuation": ("a continuation frame", Frame(CONTINUATION, b"late")),
    "bad-frame": ("a frame with RSV2 set and an unknown opcode", Frame(3, b"late", rsv=RSV2)),
    "garbage": ("bytes that are no frame", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
    "eof": ("nothing: the transport ends", EOF),
}

FOLLOWING: Final = (
    *chain.from_iterable(
        cases(
            f"closing/then-{name}",
            f"a Close frame, and then {title}",
            [close(1000, b"bye"), part],
            [GotClose(1000, b"bye")],
            [*ANSWERED, "6455-7.1.6-1", *(["6455-7.1.4-1"] if part is EOF else [])],
        )
        for name, (title, part) in AFTER.items()
    ),
    *cases(
        "closing/then-text-in-a-read",
        "a Close frame, and then a text frame in another read",
        [close(1000), READ, Frame(TEXT, b"late")],
        [GotClose(1000, b"")],
        ANSWERED,
    ),
    *cases(
        "closing/empty-then-close",
        "a Close frame without a code, and then one with a code",
        [close(), close(1000, b"late")],
        [GotClose(1005, b"")],
        ["6455-7.1.5-1", "6455-7.1.5-2"],
    ),
    *cases(
        "closing/after-messages",
        "messages, a Ping and a Close frame in one read",
        [Frame(TEXT, b"a"), Frame(BINARY, b"b"), Frame(PING, b"p"), close(1001, b"bye")],
        [
            GotMessage("text", b"a"),
            GotMessage("binary", b"b"),
            GotPing(b"p"),
            GotClose(1001, b"bye"),
        ],
        [*ANSWERED, "6455-6.2-1"],
    ),
    *chain.from_iterable(
        cases(
            f"closing/in-{kind}",
            f"a Close frame within a {kind} message",
            [Frame(opcode, b"a", fin=False), Frame(CONTINUATION, fin=False), close(1001), EOF],
            [GotClose(1001, b"")],
            [*ANSWERED, "6455-5.4-8", "6455-7.1.4-1"],
        )
        for kind, opcode in (("text", TEXT), ("binary", BINARY))
    ),
    *cases(
        "closing/in-character",
        "a Close frame within a text message, and within a character of it",
        [Frame(TEXT, b"\xe2\x82", fin=False), close(1000)],
        [GotClose(1000, b"")],
        [*ANSWERED, "6455-5.4-8"],
    ),
)

# Who begins -----------------------------------------------------------------------------

OURS: Final = (
    *cases(
        "closing/ours-answered",
        "a Close frame in answer to the endpoint's",
        [SendClose(1000, "done"), close(1000, b"done")],
        [GotClose(1000, b"done")],
        [*BOTH_WAYS, "6455-7.1.2-1", "6455-7.3-2"],
        tolerate=[(GotClose(1000, b""),)],
        sent=[GotClose(1000, b"done")],
    ),
    *cases(
        "closing/ours-answered-then-eof",
        "a Close frame in answer to the endpoint's, and the end of the transport",
        [SendClose(1000), close(1000), EOF],
        [GotClose(1000, b"")],
        [*BOTH_WAYS, "6455-7.1.4-1"],
        sent=[GotClose(1000, b"")],
    ),
    *cases(
        "closing/ours-empty-answered",
        "a Close frame without a code, in answer to such a one",
        [SendClose(None), close()],
        [GotClose(1005, b"")],
        [*BOTH_WAYS, "6455-7.1.5-2"],
        sent=[GotClose(1005, b"")],
    ),
    *cases(
        "closing/crossing",
        "a Close frame that crosses the endpoint's, with another code",
        [SendClose(1001, "going"), close(4000, b"other")],
        [GotClose(4000, b"other")],
        [*BOTH_WAYS, "6455-5.5.1-11", "6455-7.1.5-1"],
        # The reason is defined (§7.1.6), but not that who closes must be told it.
        tolerate=[(GotClose(4000, b""),)],
        sent=[GotClose(1001, b"going")],
    ),
    *cases(
        "closing/ours-then-data",
        "messages after the endpoint's Close frame, and before the peer's",
        [
            SendClose(1000),
            Frame(TEXT, b"still"),
            Frame(BINARY, b"coming", fin=False),
            Frame(CONTINUATION, b"!"),
            close(1000),
        ],
        [
            GotMessage("text", b"still"),
            GotMessage("binary", b"coming!"),
            GotClose(1000, b""),
        ],
        ["6455-7.1.3-1", "6455-7.1.5-1"],
        level=Level.POLICY,
        note="The peer may not have seen the Close frame; a receiver of data is not forbidden "
        "to discard it (RFC 6455 §1.4), but loses what was sent in time.",
        tolerate=[(GotClose(1000, b""),)],
        sent=[GotClose(1000, b"")],
    ),
    *cases(
        "closing/ours-then-data-and-close",
        "a message that crosses the endpoint's Close frame, which is answered",
        [SendClose(1000), Frame(TEXT, b"late"), close(1000)],
        [GotMessage("text", b"late"), GotClose(1000, b"")],
        ["6455-7.1.2-2", "6455-7.1.5-1"],
        also=[(GotClose(1000, b""),)],
        sent=[GotClose(1000, b"")],
    ),
    *cases(
        "closing/ours-in-message",
        "the rest of a message after the endpoint's Close frame",
        [
            Frame(TEXT, b"a", fin=False),
            SendClose(1000),
            Frame(CONTINUATION, b"b"),
            close(1000),
        ],
        [GotMessage("text", b"ab"), GotClose(1000, b"")],
        ["6455-7.1.2-2", "6455-7.1.5-1"],
        also=[(GotClose(1000, b""),)],
        sent=[GotClose(1000, b"")],
    ),
    *cases(
        "closing/ours-then-bad-frame",
        "a frame with RSV2 set after the endpoint's Close frame: no other Close frame is due",
        [SendClose(1000), Frame(TEXT, b"bad", rsv=RSV2), close(1000)],
        [Failed(1002)],
        ["6455-5.2-2", "6455-7.1.7-5"],
        sent=[GotClose(1000, b"")],
    ),
    *cases(
        "closing/ours-then-bad-close",
        "a Close frame with code 1005 in answer to the endpoint's",
        [SendClose(1000), close(1005)],
        [Failed(1002)],
        ["6455-7.4.1-2"],
        sent=[GotClose(1000, b"")],
    ),
    *cases(
        "closing/ours-then-eof",
        "the end of the transport after the endpoint's Close frame, and none of the peer",
        [SendClose(1000), EOF],
        [Lost()],
        ["6455-7.1.5-3"],
        besides={"client": ["6455-7.2.1-2"]},
        sent=[GotClose(1000, b"")],
    ),
    *cases(
        "closing/ours-twice-answered",
        "two Close frames in answer to the endpoint's",
        [SendClose(1000), close(1001), close(1002)],
        [GotClose(1001, b"")],
        ["6455-7.1.5-1"],
        sent=[GotClose(1000, b"")],
    ),
)

# Failures, and no cause for one ---------------------------------------------------------

_MESSAGE_LATER: Final[tuple[Part, ...]] = (READ, Frame(TEXT, b"late"), close(1000), EOF)

FAILING: Final = (
    *chain.from_iterable(
        cases(
            f"closing/failed-{name}",
            f"{title}; and in another read a message, a Close frame and the end",
            [frame, *_MESSAGE_LATER],
            [Failed(code)],
            ["6455-7.1.7-4", "6455-7.1.7-5", "6455-10.7-2"],
            besides={"server": ["6455-7.1.7-2"], "client": ["6455-7.1.7-1"]},
        )
        for name, title, frame, code in (
            ("framing", "a frame with RSV2 set", Frame(TEXT, b"bad", rsv=RSV2), 1002),
            ("opcode", "a frame with opcode 0xB", Frame(11, b"bad"), 1002),
            ("text", "text that is not UTF-8", Frame(TEXT, b"\xff"), 1007),
            ("close", "a Close frame of one byte", Frame(CLOSE, b"\x03"), 1002),
        )
    ),
    *cases(
        "closing/none",
        "messages and control frames, and no cause to close",
        [Frame(TEXT, b"a"), Frame(PONG), Frame(BINARY, b"b"), SendMessage("text", (b"c",))],
        [GotMessage("text", b"a"), GotPong(b""), GotMessage("binary", b"b")],
        ["6455-7.1.7-6", "6455-7.2.1-3", "6455-7.3-1"],
        roles=["client"],
        level=Level.SHOULD,
        sent=[GotMessage("text", b"c")],
    ),
)

CASES: Final[tuple[Case, ...]] = (
    *VALID_CODES,
    *INVALID_CODES,
    *BODIES,
    *FOLLOWING,
    *OURS,
    *FAILING,
)
