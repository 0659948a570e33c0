"""Cases: compressed messages that an endpoint receives (RFC 7692 §6, §7.2.2, §7.2.3).

Owns which frames of a message are compressed, and text. What is kept from message to message
stands in ``compression_windows``, the DEFLATE data themselves, valid or damaged, in
``compression_data``, what an endpoint sends in ``compression_sending``.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.deflate_blocks import fixed, match, message, stored
from wsproto_core.testing.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    Frame,
)
from wsproto_core.testing.model.inflating import TAIL
from wsproto_core.testing.outcomes import (
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Kind,
    Lost,
    Outcome,
    Role,
)
from wsproto_core.testing.settings import Deflate

from .building import EOF, READ, Part, cases, close

AGREED: Final = Deflate()
NO_TAKEOVER: Final = Deflate(server_no_context_takeover=True, client_no_context_takeover=True)

#: "Hello" as RFC 7692 §7.2.3 has it.
HELLO: Final = bytes.fromhex("f2 48 cd c9 c9 07 00")
HELLO_AGAIN: Final = bytes.fromhex("f2 00 11 00 00")
HELLO_STORED: Final = bytes.fromhex("00 05 00 fa ff 48 65 6c 6c 6f 00")
HELLO_FINAL: Final = bytes.fromhex("f3 48 cd c9 c9 07 00 00")
HELLO_TWO_BLOCKS: Final = bytes.fromhex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00")
#: An empty stored block, by §7.2.3.6.
EMPTY: Final = b"\x00"

GOT_HELLO: Final = GotMessage("text", b"Hello")
RECEIVED: Final = ("7692-6.2-1", "7692-7.2.2-1")
KEPT: Final[dict[Role, list[str]]] = {"client": ["7692-7.2.2-2"], "server": ["7692-7.2.2-3"]}


def compressed(payload: bytes, opcode: int = TEXT, *, fin: bool = True) -> Frame:
    """The first frame of a compressed message, or all of it."""
    return Frame(opcode, payload, fin=fin, rsv=RSV1)


def in_fragments(*payloads: bytes, opcode: int = TEXT) -> list[Frame]:
    """A compressed message in several frames: RSV1 is set on the first only (RFC 7692 §6.1)."""
    first, *others = payloads
    last = len(others)
    return [
        compressed(first, opcode, fin=not others),
        *(Frame(CONTINUATION, data, fin=i == last) for i, data in enumerate(others, 1)),
    ]


def literal(data: bytes) -> bytes:
    """*data* as the payload of a compressed message: a fixed block of literals."""
    return message(fixed(data))


EXAMPLES: Final = tuple(
    chain.from_iterable(
        cases(
            f"compression/example-{name}",
            f"RFC 7692 §7.2.3.{section}: {title}",
            parts,
            expect,
            [*RECEIVED, *ids],
            deflate=NO_TAKEOVER if "no-takeover" in name else AGREED,
            besides=KEPT if name.startswith("sharing") else None,
        )
        for section, name, title, parts, expect, ids in (
            (1, "one-block", "one compressed block", [compressed(HELLO)], [GOT_HELLO], []),
            (
                1,
                "two-fragments",
                "one block in two fragments",
                in_fragments(HELLO[:3], HELLO[3:]),
                [GOT_HELLO],
                ["7692-6.1-1"],
            ),
            (
                2,
                "no-takeover",
                "the same message twice without context takeover",
                [compressed(HELLO), compressed(HELLO)],
                [GOT_HELLO, GOT_HELLO],
                [],
            ),
            (
                2,
                "sharing-window",
                "a message that refers to the one before",
                [compressed(HELLO), compressed(HELLO_AGAIN)],
                [GOT_HELLO, GOT_HELLO],
                [],
            ),
            (
                2,
                "sharing-around-uncompressed",
                "uncompressed messages in between do not affect the window",
                [
                    compressed(HELLO),
                    Frame(TEXT, b"in between"),
                    Frame(BINARY, bytes(300)),
                    compressed(HELLO_AGAIN),
                ],
                [
                    GOT_HELLO,
                    GotMessage("text", b"in between"),
                    GotMessage("binary", bytes(300)),
                    GOT_HELLO,
                ],
                ["7692-6.2-2"],
            ),
            (
                3,
                "stored",
                "a block without compression",
                [compressed(HELLO_STORED)],
                [GOT_HELLO],
                ["7692-7.2.1-3"],
            ),
            (
                4,
                "bfinal",
                "a block with BFINAL set to 1",
                [compressed(HELLO_FINAL)],
                [GOT_HELLO],
                ["7692-7.2.1-4", "7692-7.2.1-5"],
            ),
            (
                5,
                "two-blocks",
                "two blocks in one message",
                [compressed(HELLO_TWO_BLOCKS)],
                [GOT_HELLO],
                ["7692-7.2.1-2"],
            ),
            (
                6,
                "empty-last-fragment",
                "a last fragment that is an empty block",
                in_fragments(HELLO + TAIL, EMPTY),
                [GOT_HELLO],
                ["7692-7.2.1-6"],
            ),
        )
    )
)

_LONG_PING: Final = Frame(PING, message(stored(b"ping")), rsv=RSV1)

#: By name: what has a wrong RSV bit although compression was agreed on, and what is told before.
WRONG_BITS: Final[dict[str, tuple[str, list[Part], list[Outcome], str]]] = {
    "continuation": (
        "RSV1 on the second frame of a compressed message",
        [compressed(HELLO[:3], fin=False), Frame(CONTINUATION, HELLO[3:], rsv=RSV1)],
        [],
        "7692-6.1-4",
    ),
    "third-frame": (
        "RSV1 on the third frame of a compressed message",
        [*in_fragments(HELLO[:2], HELLO[2:4], b"")[:2], Frame(CONTINUATION, HELLO[4:], rsv=RSV1)],
        [],
        "7692-6.1-4",
    ),
    "empty-continuation": (
        "RSV1 on an empty last frame of a compressed message",
        [compressed(HELLO, fin=False), Frame(CONTINUATION, rsv=RSV1)],
        [],
        "7692-6.1-4",
    ),
    "late": (
        "RSV1 on the second frame of a message that began uncompressed",
        [Frame(TEXT, b"Hel", fin=False), Frame(CONTINUATION, HELLO, rsv=RSV1)],
        [],
        "7692-6.1-4",
    ),
    "lone-continuation": (
        "a continuation frame with RSV1 and no message in progress",
        [Frame(CONTINUATION, HELLO, rsv=RSV1)],
        [],
        "7692-6.1-4",
    ),
    "ping": ("a Ping frame with RSV1", [_LONG_PING], [], "7692-6.1-4"),
    "empty-ping": ("an empty Ping frame with RSV1", [Frame(PING, rsv=RSV1)], [], "7692-6.1-4"),
    "pong": ("a Pong frame with RSV1", [Frame(PONG, b"pong", rsv=RSV1)], [], "7692-6.1-4"),
    "close": (
        "a compressed Close frame",
        [Frame(CLOSE, message(fixed(b"\x03\xe8")), rsv=RSV1)],
        [],
        "7692-6.1-4",
    ),
    "plain-close": (
        "a Close frame with RSV1 that is not compressed",
        [Frame(CLOSE, b"\x03\xe8", rsv=RSV1)],
        [],
        "7692-6.1-4",
    ),
    "ping-in-message": (
        "a Ping frame with RSV1 between compressed fragments",
        [compressed(HELLO[:3], fin=False), _LONG_PING, Frame(CONTINUATION, HELLO[3:])],
        [],
        "7692-6.1-4",
    ),
    "after-message": (
        "a Pong frame with RSV1 after a compressed message",
        [compressed(HELLO), Frame(PONG, rsv=RSV1)],
        [GOT_HELLO],
        "7692-6.1-4",
    ),
    "rsv2": (
        "RSV1 and RSV2 on a compressed message",
        [Frame(TEXT, HELLO, rsv=RSV1 | RSV2)],
        [],
        "6455-5.2-2",
    ),
    "rsv3": (
        "RSV1 and RSV3 on a compressed message",
        [Frame(BINARY, HELLO, rsv=RSV1 | RSV3)],
        [],
        "6455-5.2-2",
    ),
    "rsv2-alone": (
        "RSV2 on an uncompressed message",
        [Frame(TEXT, b"Hello", rsv=RSV2)],
        [],
        "6455-5.2-2",
    ),
    "opcode-3": (
        "RSV1 on a frame with the reserved opcode 3",
        [Frame(3, HELLO, rsv=RSV1)],
        [],
        "6455-5.2-3",
    ),
}

#: The same without compression: by name, frames with RSV1.
NOT_AGREED: Final = {
    "text": ("a compressed text message", [compressed(HELLO)]),
    "binary": ("a compressed binary message", [compressed(HELLO, BINARY)]),
    "empty": ("an empty text frame with RSV1", [compressed(b"")]),
    "plain": ("an uncompressed text message with RSV1", [compressed(b"Hello")]),
    "fragments": ("a compressed message in fragments", in_fragments(HELLO[:3], HELLO[3:])),
    "ping": ("a Ping frame with RSV1", [Frame(PING, b"ping", rsv=RSV1)]),
    "continuation": (
        "RSV1 on the second frame of a message",
        [Frame(TEXT, b"Hel", fin=False), Frame(CONTINUATION, b"lo", rsv=RSV1)],
    ),
}

COMPRESSED_BIT: Final = (
    *chain.from_iterable(
        cases(
            f"compression/rsv-{name}",
            title,
            [*parts, Frame(TEXT, b"after")],
            [*told, Failed(1002)],
            [identity, *(["7692-6-1"] if "Ping" in title or "Pong" in title else [])],
            deflate=AGREED,
        )
        for name, (title, parts, told, identity) in WRONG_BITS.items()
    ),
    *chain.from_iterable(
        cases(
            f"compression/not-agreed-{name}",
            f"{title}, though compression was not agreed on",
            [*frames, Frame(TEXT, b"after")],
            [Failed(1002)],
            ["6455-5.2-2", "6455-7.1.7-5"],
            advisories=["CVE-2026-59881 (aiohttp)"],
        )
        for name, (title, frames) in NOT_AGREED.items()
    ),
)

MIXED: Final = tuple(
    chain.from_iterable(
        cases(
            f"compression/mixed-{name}",
            title,
            frames,
            told,
            [*RECEIVED, "7692-6.2-2"],
            deflate=AGREED,
        )
        for name, title, frames, told in (
            (
                "plain",
                "an uncompressed message, though compression was agreed on",
                [Frame(TEXT, b"plain"), Frame(BINARY, HELLO)],
                [GotMessage("text", b"plain"), GotMessage("binary", HELLO)],
            ),
            (
                "in-turn",
                "compressed and uncompressed messages in turn",
                [Frame(TEXT, HELLO_AGAIN[1:2]), compressed(HELLO), Frame(TEXT, b"b")] * 3,
                [GotMessage("text", b"\0"), GOT_HELLO, GotMessage("text", b"b")] * 3,
            ),
            (
                "fragments",
                "fragmented messages, compressed and not, in turn",
                [
                    *in_fragments(HELLO[:3], HELLO[3:]),
                    Frame(BINARY, HELLO[:3], fin=False),
                    Frame(CONTINUATION, HELLO[3:]),
                    *in_fragments(HELLO_AGAIN[:1], HELLO_AGAIN[1:]),
                ],
                [GOT_HELLO, GotMessage("binary", HELLO), GOT_HELLO],
            ),
            (
                "kinds",
                "compressed text and binary messages that refer to each other",
                [
                    compressed(HELLO),
                    compressed(HELLO_AGAIN, BINARY),
                    compressed(HELLO_AGAIN),
                    compressed(message(fixed(b"\xff\xfe", match(5, 12))), BINARY),
                ],
                [
                    GOT_HELLO,
                    GotMessage("binary", b"Hello"),
                    GOT_HELLO,
                    GotMessage("binary", b"\xff\xfeHello"),
                ],
            ),
        )
    )
)


def _divided(payload: bytes, size: int) -> list[bytes]:
    return [payload[i : i + size] for i in range(0, len(payload), size)]


_PING: Final = Frame(PING, b"ping")

FRAGMENTED: Final = (
    *chain.from_iterable(
        cases(
            f"compression/cut-{name}-{at}",
            f'{title} in two fragments, cut after {at} bytes; then "Hello" again',
            [*in_fragments(payload[:at], payload[at:]), compressed(HELLO_AGAIN)],
            [GOT_HELLO, GOT_HELLO],
            [*RECEIVED, "6455-5.4-4"],
            deflate=AGREED,
            besides=KEPT,
        )
        for name, title, payload in (
            ("fixed", "a fixed block", HELLO),
            ("two-blocks", "two blocks", HELLO_TWO_BLOCKS),
        )
        for at in range(len(payload) + 1)
    ),
    *chain.from_iterable(
        cases(
            f"compression/fragments-{name}",
            title,
            [*frames, compressed(HELLO_AGAIN)],
            [*told, GOT_HELLO, GOT_HELLO],
            [*RECEIVED, *ids],
            deflate=AGREED,
            besides=KEPT,
        )
        for name, title, frames, told, ids in (
            (
                "single-bytes",
                "a compressed message in fragments of one byte",
                in_fragments(*_divided(HELLO_STORED, 1)),
                [],
                ["6455-5.4-4"],
            ),
            (
                "bfinal-single-bytes",
                "a message with BFINAL set in fragments of one byte",
                in_fragments(*_divided(HELLO_FINAL, 1)),
                [],
                ["6455-5.4-4", "7692-7.2.1-4"],
            ),
            (
                "empty",
                "empty fragments before, within and behind compressed data",
                in_fragments(b"", b"", HELLO[:4], b"", b"", HELLO[4:], b"", b""),
                [],
                ["6455-5.4-4"],
            ),
            (
                "ping",
                "a Ping frame between two compressed fragments",
                [compressed(HELLO[:3], fin=False), _PING, Frame(CONTINUATION, HELLO[3:])],
                [GotPing(b"ping")],
                ["6455-5.4-8", "7692-6-1"],
            ),
            (
                "pings",
                "Ping frames between compressed fragments of one byte",
                [
                    part
                    for frame in in_fragments(*_divided(HELLO, 1), b"")
                    for part in (_PING, frame)
                ],
                [GotPing(b"ping")] * 8,
                ["6455-5.4-8", "7692-6-1"],
            ),
            (
                "pong-like-data",
                "a Pong frame whose payload would be DEFLATE data, between fragments",
                [
                    compressed(HELLO[:5], fin=False),
                    Frame(PONG, HELLO_STORED),
                    Frame(CONTINUATION, HELLO[5:]),
                ],
                [GotPong(HELLO_STORED)],
                ["6455-5.4-8", "7692-6-1"],
            ),
        )
    ),
    *cases(
        "compression/fragments-reads",
        "compressed fragments, each in a read of its own",
        [
            part
            for frame in in_fragments(HELLO[:2], b"", HELLO[2:5], HELLO[5:])
            for part in (frame, READ)
        ],
        [GOT_HELLO],
        RECEIVED,
        deflate=AGREED,
    ),
    *cases(
        "compression/close-in-message",
        "a Close frame between compressed fragments",
        [compressed(HELLO[:3], fin=False), close(1001), Frame(CONTINUATION, HELLO[3:])],
        [GotClose(1001, b"")],
        ["6455-5.4-8", "6455-5.5.1-6"],
        deflate=AGREED,
    ),
    *cases(
        "compression/eof-in-message",
        "the transport ends between compressed fragments",
        [compressed(HELLO), compressed(HELLO_AGAIN[:3], fin=False), EOF],
        [GOT_HELLO, Lost()],
        ["7692-6.2-1", "6455-7.1.5-3"],
        deflate=AGREED,
    ),
)

_E_ACUTE: Final = "é".encode()
_CLEF: Final = "\U0001d11e".encode()

#: By name: what is UTF-8 only once it is put together again.
TEXTS: Final[dict[str, tuple[str, list[Frame], bytes]]] = {
    "blocks": (
        "a character cut by the end of a block",
        [compressed(message(fixed(b"caf" + _E_ACUTE[:1]), fixed(_E_ACUTE[1:])))],
        "café".encode(),
    ),
    "four-blocks": (
        "a character of four bytes in four blocks, stored and fixed",
        [compressed(message(*((stored, fixed)[i % 2](_CLEF[i : i + 1]) for i in range(4))))],
        _CLEF,
    ),
    "match": (
        "characters cut by a match",
        [compressed(message(fixed(_CLEF, match(6, 4), _CLEF[2:])))],
        _CLEF * 3,
    ),
    "fragments": (
        "a message of characters, each byte of it in a frame of its own",
        in_fragments(*_divided(literal(_CLEF + _E_ACUTE), 1)),
        _CLEF + _E_ACUTE,
    ),
    "streams": (
        "a character cut by a block with BFINAL set",
        [compressed(message(fixed(b"caf" + _E_ACUTE[:1], final=True), fixed(_E_ACUTE[1:])))],
        "café".encode(),
    ),
    "nul": (
        "NUL and control characters",
        [compressed(literal(bytes(range(128))))],
        bytes(range(128)),
    ),
}

#: By name: what is no UTF-8.
NO_TEXTS: Final = {
    "ff": ("an octet 0xFF", b"Hello\xff"),
    "overlong": ("an overlong form", b"a\xc0\xaf"),
    "surrogate": ("a surrogate", b"a\xed\xa0\x80"),
    "too-high": ("a character beyond U+10FFFF", b"\xf4\x90\x80\x80"),
    "cut": ("a character that ends with the message", b"caf\xc3"),
    "lone-tail": ("a continuation octet", b"\x80"),
}

TEXT_CASES: Final = (
    *chain.from_iterable(
        cases(
            f"compression/text-{name}",
            f"compressed text: {title}",
            [*frames, compressed(literal(b"next"))],
            [GotMessage("text", data), GotMessage("text", b"next")],
            [*RECEIVED, "7692-6.1-6"],
            deflate=AGREED,
        )
        for name, (title, frames, data) in TEXTS.items()
    ),
    *chain.from_iterable(
        cases(
            f"compression/no-text-{name}",
            f"compressed text that is no UTF-8: {title}",
            [compressed(HELLO), compressed(literal(data)), compressed(HELLO)],
            [GOT_HELLO, Failed(1007)],
            ["7692-6.1-6", "6455-8.1-1", "6455-5.6-1"],
            deflate=AGREED,
        )
        for name, (title, data) in NO_TEXTS.items()
    ),
    *chain.from_iterable(
        cases(
            f"compression/no-text-{name}-in-binary",
            f"the same in a compressed binary message: {title}",
            [compressed(literal(data), BINARY)],
            [GotMessage("binary", data)],
            [*RECEIVED, "6455-5.6-2", "7692-6.1-5"],
            deflate=AGREED,
        )
        for name, (title, data) in NO_TEXTS.items()
    ),
    *cases(
        "compression/no-text-in-fragments",
        "compressed text whose second fragment is no UTF-8",
        [*in_fragments(literal(b"ok") + TAIL, literal(b"\xff")), compressed(HELLO)],
        [Failed(1007)],
        ["7692-6.1-6", "6455-8.1-1"],
        deflate=AGREED,
    ),
    *cases(
        "compression/no-text-at-once",
        "a first fragment of compressed text that is no UTF-8, and nothing more",
        [compressed(message(stored(b"no\xff"), stored(b"")), fin=False)],
        [Failed(1007)],
        ["6455-8.1-1"],
        level=Level.POLICY,
        note="No sentence says when to fail; who waits for the end may wait for long.",
        deflate=AGREED,
    ),
    *cases(
        "compression/reference-in-text",
        "compressed text that refers to bytes of a binary message that are no UTF-8",
        [compressed(literal(b"\xff\xfe\xff"), BINARY), compressed(message(fixed(match(3, 3))))],
        [GotMessage("binary", b"\xff\xfe\xff"), Failed(1007)],
        ["7692-6.1-6", "6455-8.1-1"],
        deflate=AGREED,
    ),
)


def _kind_cases(kind: Kind, opcode: int) -> tuple[Case, ...]:
    return cases(
        f"compression/{kind}-kind",
        f"a compressed message's opcode says that it is {kind}",
        [compressed(HELLO, opcode), *in_fragments(HELLO[:2], HELLO[2:], opcode=opcode)],
        [GotMessage(kind, b"Hello")] * 2,
        ["7692-6.1-5", "6455-6.2-3"],
        deflate=AGREED,
    )


CASES: Final[tuple[Case, ...]] = (
    *EXAMPLES,
    *COMPRESSED_BIT,
    *MIXED,
    *_kind_cases("text", TEXT),
    *_kind_cases("binary", BINARY),
    *FRAGMENTED,
    *TEXT_CASES,
)
