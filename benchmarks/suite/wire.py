"""Frames and text for workloads, written by nobody's engine.

What all peers are fed, and what their output is read with, must come from none of them.
This is plain and slow, and none of it is timed.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator

Payload = str | bytes

TEXT, BINARY, CONTINUATION = 1, 2, 0
_FIN, _RSV1 = 0x80, 0x40
_FLUSH_TAIL = b"\x00\x00\xff\xff"


def xor(data: bytes, key: bytes) -> bytes:
    """*data* masked with *key*, or unmasked (RFC 6455 §5.3)."""
    stream = key * (len(data) // 4 + 1)
    number = int.from_bytes(data, "big") ^ int.from_bytes(stream[: len(data)], "big")
    return number.to_bytes(len(data), "big")


def frame(first: int, payload: bytes, key: bytes | None) -> bytes:
    """A frame (RFC 6455 §5.2), masked if there is a key."""
    size, mask = len(payload), 0 if key is None else 0x80
    if size < 126:
        header = bytes((first, mask | size))
    elif size < 65536:
        header = bytes((first, mask | 126)) + size.to_bytes(2, "big")
    else:
        header = bytes((first, mask | 127)) + size.to_bytes(8, "big")
    return header + payload if key is None else header + key + xor(payload, key)


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each frame's first byte and its payload, unmasked."""
    at = 0
    while at < len(data):
        first, second = data[at : at + 2]
        at += 2
        size = second & 0x7F
        if size > 125:
            width = 2 if size == 126 else 8
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        key = bytes(4)
        if second & 0x80:
            key = data[at : at + 4]
            at += 4
        if at + size > len(data):
            raise ValueError("the data stop within a frame")
        yield first, xor(data[at : at + size], key)
        at += size


def encode(
    messages: list[Payload],
    *,
    masked: bool,
    rng: random.Random,
    fragments: int = 1,
    deflate: bool = False,
    takeover: bool = True,
) -> list[bytes]:
    """Each message as the bytes of its frames."""
    deflater = zlib.compressobj(wbits=-15)
    encoded = []
    for message in messages:
        opcode = TEXT if isinstance(message, str) else BINARY
        payload = message.encode() if isinstance(message, str) else message
        if deflate:
            payload = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
            payload = payload.removesuffix(_FLUSH_TAIL)
            opcode |= _RSV1
            if not takeover:
                deflater = zlib.compressobj(wbits=-15)
        step = max(1, -(-len(payload) // fragments))
        starts = list(range(0, max(1, len(payload)), step))
        pieces = []
        for start in starts:
            first = opcode if start == 0 else CONTINUATION
            if start == starts[-1]:
                first |= _FIN
            key = rng.randbytes(4) if masked else None
            pieces.append(frame(first, payload[start : start + step], key))
        encoded.append(b"".join(pieces))
    return encoded


def decode(data: bytes, *, takeover: bool = True) -> list[Payload]:
    """The messages that *data* hold: the inverse of :func:`encode`, whoever encoded."""
    inflater = zlib.decompressobj(wbits=-15)
    messages: list[Payload] = []
    opcode, compressed, payload = 0, False, b""
    for first, piece in frames(data):
        if first & 0x0F != CONTINUATION:
            opcode, compressed, payload = first & 0x0F, bool(first & _RSV1), b""
        payload += piece
        if first & _FIN:
            if compressed:
                payload = inflater.decompress(payload + _FLUSH_TAIL)
                if not takeover:
                    inflater = zlib.decompressobj(wbits=-15)
            messages.append(payload.decode() if opcode == TEXT else payload)
    return messages


_WORDS = [
    *("the", "a", "of", "and", "to", "is", "that", "it", "you", "he", "was", "for", "on", "are"),
    *("as", "with", "his", "they", "at", "be", "this", "have", "from", "or", "one", "had", "by"),
    *("word", "but", "not", "what", "all", "were", "we", "when", "your", "can", "said", "there"),
]


def ascii_text(size: int, rng: random.Random) -> str:
    """Words, *size* bytes of them."""
    words: list[str] = []
    length = 0
    while length < size:
        words.append(rng.choice(_WORDS))
        length += len(words[-1]) + 1
    return " ".join(words)[:size].ljust(size, ".")


def multibyte_text(size: int, rng: random.Random) -> str:
    """Characters of two, three and four bytes, *size* bytes of them."""
    text = []
    left = size
    while left >= 4:
        character = rng.choice("äßжи漢字語🙂")
        text.append(character)
        left -= len(character.encode())
    return "".join(text) + "." * left


def chat_json(size: int, rng: random.Random) -> str:
    """Chat messages as JSON, *size* bytes of them."""
    events: list[dict[str, object]] = []
    while len(json.dumps(events)) < size + 200:
        events.append(
            {
                "type": "message",
                "id": rng.randrange(1 << 40),
                "room": rng.choice(["lobby", "kitchen", "garden"]),
                "user": {"id": rng.randrange(5000), "name": rng.choice(_WORDS).title()},
                "sent": f"2025-03-{rng.randrange(1, 29):02}T{rng.randrange(24):02}:30:07Z",
                "text": ascii_text(rng.randrange(20, 120), rng),
            }
        )
    return json.dumps(events)[:size]


def payload(kind: str, size: int, rng: random.Random) -> Payload:
    """A message of *size* bytes: "ascii", "multibyte", "json", or "binary"."""
    if kind == "binary":
        return rng.randbytes(size)
    return {"ascii": ascii_text, "multibyte": multibyte_text, "json": chat_json}[kind](size, rng)
