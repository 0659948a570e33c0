"""First inputs for the targets: ``python fuzz/seeds.py DIRECTORY``.

Owns how the scenarios of the kit's strategies, and the examples of the RFCs, are written as
inputs. The same each time. What the fuzzers made of them is in ``corpus``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from random import Random
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fuzz.inputs import FRAGMENTS, SIZES, Setup
from wsproto_core.testing.outcomes import DeflateSettings
from wsproto_core.testing.scenarios import Scenario
from wsproto_core.testing.strategies.streams import scenarios

REQUEST: Final = (
    b"GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
OFFERS: Final = (
    b"Origin: https://a.example\r\nSec-WebSocket-Protocol: chat, superchat\r\n"
    b'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-a;b="c"\r\n'
)
#: The answer to the key of ``endpoints.entropy``.
ACCEPT: Final = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
REFUSALS: Final = (
    b"HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnope",
    b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnope\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 500 Oh\r\nConnection: close\r\n\r\nnope",
)
FRAMES: Final = (
    bytes.fromhex("818537fa213d7f9f4d5158"),
    bytes.fromhex("81805f5f5f5f"),
    bytes.fromhex("888200000000 03e8"),
    bytes.fromhex("810548656c6c6f"),
    bytes.fromhex("c107f248cdc9c90700"),
)
TEXTS: Final = (
    b'a, b ,, "c, d\\"" ,e',
    b"permessage-deflate; client_max_window_bits; server_max_window_bits=10",
    b'permessage-deflate; server_max_window_bits="9", permessage-deflate',
    b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    REQUEST + OFFERS + b"\r\n",
    b"\x05chat\n\x06permessage-deflate\n\x07https://a.example",
    b"\x09" + b"a.example" + b"\x05/chat" + b"\x03X-Y\x03abc\x04chat",
)


def drawn(strategy: st.SearchStrategy[Scenario], count: int) -> list[Scenario]:
    found: list[Scenario] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(scenario: Scenario) -> None:
        found.append(scenario)

    collect()
    return found


def setup_of(scenario: Scenario, number: int) -> bytes:
    limits, deflate = scenario.limits, scenario.deflate or DeflateSettings()

    def index(options: tuple[int, ...], value: int) -> int:
        return options.index(value) if value in options else 0

    return Setup(
        role=scenario.role,
        whole=bool(number & 1),
        eof=scenario.eof,
        closing=number % 8 == 0,
        taking=number % 4,
        message_size=index(SIZES, limits.max_message_size),
        frame_size=index(SIZES, limits.max_frame_size),
        fragments=index(FRAGMENTS, limits.max_fragments),
        window_bits=deflate.window_bits,
        context_takeover=deflate.context_takeover,
        cut=(1, 2, 7, 70, 150, 200)[number % 6],
    ).write()


def seeds(name: str) -> Iterator[bytes]:
    random = Random(name)
    if name == "frames":
        for number, scenario in enumerate(drawn(scenarios(deflate=False), 400)):
            yield setup_of(scenario, number) + scenario.data
    elif name == "deflate":
        for number, scenario in enumerate(drawn(scenarios(deflate=True), 400)):
            yield setup_of(scenario, number) + b"\x01" + scenario.data
        for number in range(40):
            setup = Setup(role=("server", "client")[number & 1], cut=number).write()
            yield setup + b"\x00\x00\xff" + random.choice(FRAMES)[2:]
    elif name == "differential":
        for deflate in (False, True):
            for number, scenario in enumerate(drawn(scenarios(deflate=deflate), 300)):
                yield setup_of(scenario, number) + bytes((deflate,)) + scenario.data
    elif name == "headers":
        for text in TEXTS:
            for reader in range(12):
                yield bytes((reader,)) + text
                yield bytes((reader, 0)) + text
                yield bytes((reader, 0, 0)) + text
    elif name == "handshakes":
        yield from handshakes()
    else:
        for _ in range(600):
            yield random.randbytes(random.choice((20, 60, 200)))


def handshakes() -> Iterator[bytes]:
    from fuzz.targets.headers import GOOD_RESPONSE

    accept = ACCEPT + b"Sec-WebSocket-Accept: " + GOOD_RESPONSE[2][1] + b"\r\n"
    for flags in range(0, 32, 2):
        for frame in FRAMES:
            for answer in (0, 129, 130, 131, 132):
                yield bytes((flags, answer, 0, 70)) + REQUEST + OFFERS + b"\r\n" + frame
            yield bytes((flags, 0, flags, 7)) + REQUEST.replace(b"\r\n", b"\n") + b"\r\n" + frame
            deflate = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
            for more in (b"", deflate, b"Sec-WebSocket-Protocol: chat\r\n"):
                yield bytes((flags | 1, 0, 0, 70)) + accept + more + b"\r\n" + frame
        for refusal in REFUSALS:
            yield bytes((flags | 1, 0, 0, 1)) + refusal


def main() -> None:
    from fuzz.run import NAMES

    for name in NAMES:
        folder = Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed in seeds(name):
            if len(seed) <= 512:
                (folder / sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)


if __name__ == "__main__":
    main()
