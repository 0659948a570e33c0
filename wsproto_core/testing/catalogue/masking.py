"""Cases: masking (RFC 6455 §5.1, §5.3): who masks, and with which keys.

Owns what is wrong or rare about masks in what the peer sends. Whether the endpoint masks what it
sends itself is judged in every case, and by those of the section ``sending``.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame
from wsproto_core.testing.outcomes import Failed, GotClose, GotMessage, GotPing, GotPong

from .building import KEY, READ, Cut, Part, cases, fragments

KEYS: Final = {
    "zero": bytes(4),
    "ones": b"\xff\xff\xff\xff",
    "ascii": b"abcd",
    "first-byte": b"\x80\x00\x00\x00",
    "second-byte": b"\x00\x80\x00\x00",
    "third-byte": b"\x00\x00\x01\x00",
    "last-byte": b"\x00\x00\x00\x01",
    "one-byte": b"\x5a\x5a\x5a\x5a",
    "halves": b"\x12\x34\x12\x34",
    "zeros-in-front": b"\x00\x00\xab\xcd",
    "zeros-behind": b"\xab\xcd\x00\x00",
    "like-a-frame": b"\x81\x85\x88\x80",
    "line-ends": b"\r\n\r\n",
}

#: Of a message without a pattern of four bytes in it.
DATA: Final = bytes(i * i * 7 & 0xFF for i in range(1100))

#: Every remainder of four and of eight, below and above what is done at a stroke.
SIZES: Final = (*range(1, 18), *range(31, 34), *range(63, 67), *range(1021, 1030))

RIGHT: Final = (
    *chain.from_iterable(
        cases(
            f"masking/key-{name}",
            f"frames with the masking key {key.hex()}",
            [
                Frame(TEXT, b"Hello, world", masking_key=key),
                Frame(BINARY, DATA[:77], masking_key=key),
                Frame(PING, b"ping!", masking_key=key),
            ],
            [
                GotMessage("text", b"Hello, world"),
                GotMessage("binary", DATA[:77]),
                GotPing(b"ping!"),
            ],
            ["6455-5.3-5", "6455-6.2-6"],
            roles=["server"],
        )
        for name, key in KEYS.items()
    ),
    *chain.from_iterable(
        cases(
            f"masking/size-{size}",
            f"a binary frame with a payload of {size} bytes, followed by another",
            [Frame(BINARY, DATA[:size]), Frame(BINARY, DATA[:5])],
            [GotMessage("binary", DATA[:size]), GotMessage("binary", DATA[:5])],
            ["6455-5.3-5", "6455-5.3-6", "6455-6.2-6"],
            roles=["server"],
        )
        for size in SIZES
    ),
    *chain.from_iterable(
        cases(
            f"masking/cut-{first}-{second}",
            f"a payload that arrives in pieces of {first}, {second} and more bytes",
            [
                Cut(frame, 8 + first),
                READ,
                frame_bytes[8 + first : 8 + first + second],
                READ,
                frame_bytes[8 + first + second :],
                Frame(TEXT, b"next"),
            ],
            [GotMessage("binary", DATA[:300]), GotMessage("text", b"next")],
            ["6455-5.3-5", "6455-6.2-6"],
            roles=["server"],
        )
        # Bytes of the key are used again after four of the payload, wherever a read ends.
        for first, second in ((0, 1), (1, 2), (2, 5), (3, 3), (4, 7), (5, 129), (130, 131))
        for frame in (Frame(BINARY, DATA[:300], masking_key=KEY),)
        for frame_bytes in (frame.encode(),)
    ),
    *cases(
        "masking/cut-in-key",
        "a read that ends within the masking key",
        [Cut(Frame(TEXT, b"Hello"), 4), READ, Frame(TEXT, b"Hello", masking_key=KEY).encode()[4:]],
        [GotMessage("text", b"Hello")],
        ["6455-5.3-5", "6455-6.2-6"],
        roles=["server"],
    ),
    *cases(
        "masking/key-of-each-frame",
        "a fragmented message of which each frame has a key of its own",
        [
            Frame(BINARY, DATA[:7], fin=False, masking_key=b"\x01\x02\x03\x04"),
            Frame(CONTINUATION, DATA[7:16], fin=False, masking_key=b"\xf0\xe0\xd0\xc0"),
            Frame(PING, b"between", masking_key=b"zzzz"),
            Frame(CONTINUATION, DATA[16:19], masking_key=bytes(4)),
        ],
        [GotPing(b"between"), GotMessage("binary", DATA[:19])],
        ["6455-5.3-5", "6455-5.4-4", "6455-5.4-8"],
        roles=["server"],
    ),
    *cases(
        "masking/same-key",
        "two frames with the same masking key",
        [Frame(TEXT, b"one"), Frame(TEXT, b"two")],
        [GotMessage("text", b"one"), GotMessage("text", b"two")],
        ["6455-5.3-5"],
        roles=["server"],
    ),
    *cases(
        "masking/empty-frames",
        "frames with a masking key and no payload",
        [Frame(TEXT), Frame(BINARY), Frame(PING), Frame(PONG), Frame(CLOSE)],
        [
            GotMessage("text", b""),
            GotMessage("binary", b""),
            GotPing(b""),
            GotPong(b""),
            GotClose(1005, b""),
        ],
        ["6455-5.3-6", "6455-6.2-6"],
        roles=["server"],
    ),
    *cases(
        "masking/payload-like-key",
        "a payload that is zeros once it is masked",
        [Frame(BINARY, KEY * 5)],
        [GotMessage("binary", KEY * 5)],
        ["6455-5.3-5"],
        roles=["server"],
    ),
)

#: What a frame of the wrong masking can be.
WRONG_FRAMES: Final = {
    "text": ("a text frame", Frame(TEXT, b"hi")),
    "empty-text": ("an empty text frame", Frame(TEXT)),
    "binary": ("a binary frame", Frame(BINARY, b"hi")),
    "binary-126": ("a binary frame of 126 bytes", Frame(BINARY, DATA[:126])),
    "binary-65536": ("a binary frame of 65536 bytes", Frame(BINARY, bytes(65_536))),
    "ping": ("a Ping frame", Frame(PING, b"hi")),
    "empty-ping": ("an empty Ping frame", Frame(PING)),
    "pong": ("a Pong frame", Frame(PONG, b"hi")),
    "close": ("a Close frame", Frame(CLOSE, b"\x03\xe8")),
    "empty-close": ("an empty Close frame", Frame(CLOSE)),
}

UNMASKED: Final = (
    *chain.from_iterable(
        cases(
            f"masking/unmasked-{name}",
            f"{title} that is not masked",
            [frame.encode(), Frame(TEXT, b"after")],
            [Failed(1002)],
            ["6455-5.1-2", "6455-7.1.7-2", "6455-7.1.7-5"],
            roles=["server"],
        )
        for name, (title, frame) in WRONG_FRAMES.items()
    ),
    *cases(
        "masking/unmasked-second-message",
        "a masked frame and one that is not",
        [Frame(TEXT, b"masked"), Frame(TEXT, b"unmasked").encode()],
        [GotMessage("text", b"masked"), Failed(1002)],
        ["6455-5.1-2"],
        roles=["server"],
    ),
    *cases(
        "masking/unmasked-continuation",
        "a masked fragment and one that is not",
        [Frame(TEXT, b"masked", fin=False), Frame(CONTINUATION, b"unmasked").encode()],
        [Failed(1002)],
        ["6455-5.1-2"],
        roles=["server"],
    ),
    *cases(
        "masking/unmasked-ping-in-message",
        "a Ping frame that is not masked between masked fragments",
        [Frame(TEXT, b"a", fin=False), Frame(PING).encode(), Frame(CONTINUATION, b"b")],
        [Failed(1002)],
        ["6455-5.1-2"],
        roles=["server"],
    ),
)

MASKED: Final = (
    *chain.from_iterable(
        cases(
            f"masking/masked-{name}",
            f"{title} that is masked",
            [Frame(frame.opcode, frame.payload, masking_key=KEY), Frame(TEXT, b"after")],
            [Failed(1002)],
            ["6455-5.1-4", "6455-7.1.7-1", "6455-7.1.7-5"],
            roles=["client"],
        )
        for name, (title, frame) in WRONG_FRAMES.items()
    ),
    *cases(
        "masking/masked-with-zeros",
        "a text frame that is masked with zeros, so that its payload is plain",
        [Frame(TEXT, b"hi", masking_key=bytes(4))],
        [Failed(1002)],
        ["6455-5.1-4"],
        roles=["client"],
    ),
    *cases(
        "masking/masked-second-message",
        "a frame that is not masked and one that is",
        [Frame(TEXT, b"unmasked"), Frame(TEXT, b"masked", masking_key=KEY)],
        [GotMessage("text", b"unmasked"), Failed(1002)],
        ["6455-5.1-4"],
        roles=["client"],
    ),
    *cases(
        "masking/masked-continuation",
        "a fragment that is not masked and one that is",
        [Frame(TEXT, b"a", fin=False), Frame(CONTINUATION, b"b", masking_key=KEY)],
        [Failed(1002)],
        ["6455-5.1-4"],
        roles=["client"],
    ),
)


def _at_once(part: Part) -> tuple[Case, ...]:
    return cases(
        "masking/at-once",
        "the header of a binary frame of 1000000 bytes, wrongly masked, and not yet its payload",
        [part],
        [Failed(1002)],
        ["6455-10.7-1"],
        roles=["server"] if isinstance(part, bytes) else ["client"],
        besides={"server": ["6455-5.1-2"], "client": ["6455-5.1-4"]},
        level=Level.POLICY,
        note="No sentence says when to fail; who reads the payload first buffers for an attacker.",
        advisories=["CVE-2026-19204 (Jetty)"],
    )


AT_ONCE: Final = (
    *_at_once(Frame(BINARY, b"few", declared=1_000_000).encode()),
    *_at_once(Frame(BINARY, b"few", declared=1_000_000, masking_key=KEY)),
)

PLAIN: Final = cases(
    "masking/plain-fragments",
    "a message in fragments of every size from 0 to 16, none of them masked",
    fragments(BINARY, *(DATA[size : 2 * size] for size in range(17))),
    [GotMessage("binary", b"".join(DATA[size : 2 * size] for size in range(17)))],
    ["6455-5.4-4"],
    roles=["client"],
)

CASES: Final[tuple[Case, ...]] = (*RIGHT, *UNMASKED, *MASKED, *AT_ONCE, *PLAIN)
