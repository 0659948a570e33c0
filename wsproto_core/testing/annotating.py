"""Bytes explained, line by line: where they stand, what they are, what they say.

Owns the description of a stream of frames (RFC 6455 §5.2), with or without the head of an
opening handshake before it. Judges nothing: whatever the bytes are, each has its line, until
there are enough of them. Must not know any implementation.
"""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

#: What RFC 6455 §11.8 calls the opcodes.
_NAMES: Final = {0: "CONTINUATION", 1: "TEXT", 2: "BINARY", 8: "CLOSE", 9: "PING", 10: "PONG"}
#: Bytes that are shown in hex, and what is shown of a payload or of a header field.
_HEX: Final = 12
_PAYLOAD: Final = 48
_FIELD: Final = 160
#: Lines that a stream gets, unless more are asked for.
MOST: Final = 60


class Line(NamedTuple):
    """What stands at one place."""

    #: Where in the stream, in bytes.
    offset: int
    #: The bytes, or their beginning; "" where they are text.
    hex: str
    #: What they are. Printable.
    text: str


def annotate(data: bytes, *, opening: bool = False, most: int = MOST) -> list[Line]:
    """Explain one direction of a connection.

    :param opening: whether it begins with the head of an opening handshake, rather than with
        a frame.
    :param most: lines to give; one more says how many bytes are left.
    """
    lines = list(islice(_stream(data, opening), most + 1))
    if len(lines) > most:
        last = lines[most].offset
        lines[most] = Line(last, "", f"... ({len(data) - last} more bytes)")
    return lines


def visible(text: str) -> str:
    """*text* with escapes for what is not printable, which includes what steers a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def format_lines(lines: Iterable[Line], indent: str = "") -> list[str]:
    """The lines as text, in columns."""
    return [
        f"{indent}{line.offset:6}  {line.hex:{3 * _HEX + 3}}  {line.text}"
        if line.hex
        else f"{indent}{line.offset:6}  {line.text}"
        for line in lines
    ]


def preview(data: bytes, most: int = _PAYLOAD) -> str:
    """The beginning of a payload, quoted: as text if it is printable UTF-8, or else as bytes."""
    whole = len(data) <= most
    try:
        # A character that is cut is left out.
        text, _ = utf_8_decode(data[:most], "strict", whole)
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable():
        return repr(text) + ("" if whole else " ...")
    return repr(data[: most // 2]) + (" ..." if len(data) > most // 2 else "")


def _stream(data: bytes, opening: bool) -> Iterator[Line]:
    at = 0
    if opening:
        end = data.find(b"\r\n\r\n")
        at = len(data) if end < 0 else end + 4
        yield from _head(data[:at])
        if data.startswith(b"HTTP/") and b" 101" not in data[:13]:
            if at < len(data):
                yield Line(at, _hex(data[at:]), f"body, {_sized(data[at:])}")
            return
    while at < len(data):
        for line in _frame(data, at):
            yield line[0]
            at = line[1]


def _head(data: bytes) -> Iterator[Line]:
    """The lines of an HTTP head, as they are written."""
    at = 0
    for line in data.split(b"\r\n"):
        if line:
            text = line[:_FIELD].decode("latin-1")
            yield Line(at, "", visible(text) + (" ..." if len(line) > _FIELD else ""))
        at += len(line) + 2


def _frame(data: bytes, at: int) -> Iterator[tuple[Line, int]]:
    """The lines of the frame at an offset, each with the offset where it ends."""
    start, second = at, data[at + 1] if at + 1 < len(data) else 0
    indicator, masked = second & 0x7F, second >= 0x80
    extended = {126: 2, 127: 8}.get(indicator, 0)
    at += 2 + extended
    if at > len(data):
        yield Line(start, _hex(data[start:]), "part of a frame's header"), len(data)
        return
    length = int.from_bytes(data[start + 2 : at], "big") if extended else indicator
    yield Line(start, data[start:at].hex(" "), _header(data[start], masked, length, extended)), at
    key = b""
    if masked:
        key = data[at : at + 4]
        what = "masking key" if len(key) == 4 else "part of a masking key"
        if key:
            yield Line(at, key.hex(" "), what), at + len(key)
        at += 4
    raw = data[at : at + length]
    if raw:
        payload = _unmask(raw, key) if masked else raw
        said = _payload(data[start], payload, length)
        yield Line(at, _hex(raw), said), at + len(raw)


def _header(first: int, masked: bool, length: int, extended: int) -> str:
    opcode = first & 0x0F
    flags = [name for bit, name in ((0x40, "RSV1"), (0x20, "RSV2"), (0x10, "RSV3")) if first & bit]
    words = [_NAMES.get(opcode, f"reserved opcode {opcode:#x}"), *["FIN"] * (first >> 7), *flags]
    minimal = 0 if length <= 125 else 2 if length <= 0xFFFF else 8
    size = f" in {extended} bytes" if extended != minimal else ""
    return f"{' '.join(words)}, {'masked' if masked else 'not masked'}, length {length}{size}"


def _payload(first: int, payload: bytes, length: int) -> str:
    if len(payload) < length:
        return f"payload, {len(payload)} of {length} bytes: {preview(payload)}"
    opcode = first & 0x0F
    if opcode == 8:
        if length < 2:
            return "half of a close code"
        code = int.from_bytes(payload[:2], "big")
        return f"code {code}" + (f", reason {preview(payload[2:])}" if length > 2 else "")
    if first & 0x40 and opcode < 8:
        return f"compressed payload: {_hex(payload)}"
    return f"payload: {preview(payload)}"


def _unmask(data: bytes, key: bytes) -> bytes:
    """As RFC 6455 §5.3 has it. Only what is shown, and tells a length, is worth the time."""
    head = bytes(octet ^ key[i % 4] for i, octet in enumerate(data[: 4 * _PAYLOAD]))
    return head + data[len(head) :]


def _hex(data: bytes) -> str:
    return data[:_HEX].hex(" ") + (" ..." if len(data) > _HEX else "")


def _sized(data: bytes) -> str:
    return f"{len(data)} bytes: {preview(data)}"
