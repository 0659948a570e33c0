"""The form of recordings: a session's configuration and its calls as bytes, and back.

A file begins with :data:`MAGIC` and a line of JSON that says how the session was made.
Records follow: a letter, a time where the call has one, and fields, each with its length
before it. Payloads are as they were; what is rare is JSON. Whatever a file holds, reading
it gives records or :exc:`RecordingError`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from struct import Struct
from typing import Any, Final, NamedTuple

from .deflate import DeflateParameters
from .errors import LocalProtocolError
from .events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from .extensions import Extension, PerMessageDeflate
from .limits import Limits
from .prepared import PreparedMessage
from .session_config import RateLimit, SessionConfig

#: What every recording begins with.
MAGIC: Final = b"wsproto_core recording 1\n"

_TIME: Final = Struct("!d")
_LONGEST_LENGTH: Final = 9  # bytes of seven bits


class Form(NamedTuple):
    """What a kind of record consists of."""

    #: Whether it has a time.
    timed: bool
    #: How many fields.
    fields: int


#: The kinds of records, by their letter.
RECORDS: Final = {
    "D": Form(True, 1),  # receive_data: the bytes
    "F": Form(True, 0),  # receive_data: the end
    "Q": Form(True, 1),  # receive_request: its arguments
    "S": Form(True, 2),  # send: the event's kind with flags, and its content
    "C": Form(True, 1),  # close: its arguments
    "A": Form(True, 0),  # abort
    "H": Form(True, 0),  # handle_timer
    "N": Form(False, 0),  # the next event was asked for
    "O": Form(False, 1),  # data_to_send: its limit
    "B": Form(False, 0),  # buffers_to_send
    "V": Form(False, 1),  # what the last call gave: a checksum
    "X": Form(False, 1),  # what it raised: a checksum
    "R": Form(False, 1),  # entropy that was drawn
}


class RecordingError(ValueError):
    """Bytes that are no recording, or one that cannot be replayed."""


class Record(NamedTuple):
    """One record of a recording."""

    #: Where it begins, in bytes from the beginning of the file.
    offset: int
    #: Its letter.
    kind: str
    #: The ``now`` of the call, if it has one.
    now: float
    #: What it holds.
    fields: list[bytes]


def encode_record(kind: str, *contents: bytes, now: float | None = None) -> bytes:
    """A record as bytes."""
    parts = [kind.encode()]
    if now is not None:
        parts.append(_TIME.pack(now))
    for content in contents:
        parts += [_encode_length(len(content)), content]
    return b"".join(parts)


def _encode_length(length: int) -> bytes:
    encoded = bytearray()
    while length > 127:
        encoded.append(length & 127 | 128)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)


def read_records(data: bytes, offset: int) -> Iterator[Record]:
    """The records of a recording from *offset* on. One that is cut off at the end, as
    when the recorder was, is left out. Raises :exc:`RecordingError`.
    """
    at = offset
    while at < len(data):
        begin = at
        kind = chr(data[at])
        if kind not in RECORDS:
            raise RecordingError(f"no record begins with {data[at]:#04x}, at byte {at}")
        timed, count = RECORDS[kind]
        at += 1
        now = 0.0
        if timed:
            if len(data) - at < _TIME.size:
                return
            (now,) = _TIME.unpack_from(data, at)
            at += _TIME.size
        contents = []
        for _ in range(count):
            length, at = _decode_length(data, at)
            if len(data) - at < length:
                return
            contents.append(data[at : at + length])
            at += length
        yield Record(begin, kind, now, contents)


def _decode_length(data: bytes, at: int) -> tuple[int, int]:
    length = shift = 0
    for byte in data[at : at + _LONGEST_LENGTH]:
        length |= (byte & 127) << shift
        shift += 7
        at += 1
        if byte < 128:
            return length, at
    if at >= len(data):
        return len(data) + 1, at  # cut off
    raise RecordingError(f"no length at byte {at}")


# How the session was made


def encode_header(
    client: bool, now: float, config: SessionConfig, over: Sequence[Extension] | None
) -> bytes:
    """The beginning of a recording.

    :param over: the extensions of the connection that the session was made over, if it was.
    """
    header = {
        "client": client,
        "now": now,
        "over": None if over is None else [_extension_to_json(each) for each in over],
        "config": asdict(config),
    }
    return MAGIC + json.dumps(header).encode() + b"\n"


class Header(NamedTuple):
    """How a recorded session was made."""

    client: bool
    now: float
    over: list[Extension] | None
    config: SessionConfig


def decode_header(data: bytes) -> tuple[Header, int]:
    """The beginning of a recording, and where its records begin. Raises
    :exc:`RecordingError`.
    """
    if not data.startswith(MAGIC):
        raise RecordingError("not a recording: it does not begin with its magic words")
    end = data.find(b"\n", len(MAGIC))
    if end < 0:
        raise RecordingError("a recording without its header")
    try:
        header = json.loads(data[len(MAGIC) : end])
        config = dict(header["config"])
        config["limits"] = Limits(**config["limits"])
        for name in ("control_rate", "message_rate", "byte_rate"):
            if config[name] is not None:
                config[name] = RateLimit(**config[name])
        over = header["over"]
        return Header(
            client=bool(header["client"]),
            now=float(header["now"]),
            over=None if over is None else [_extension_from_json(each) for each in over],
            config=SessionConfig(**config),
        ), end + 1
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise RecordingError(f"bad header of a recording: {exc!r}") from None


def _extension_to_json(extension: object) -> Any:
    if type(extension) is not PerMessageDeflate:
        return {"name": str(getattr(extension, "name", extension))}
    return {"name": extension.name, "agreed": extension.agreed, **extension.options}


def _extension_from_json(value: Any) -> Extension:
    options = dict(value)
    name, agreed = options.pop("name"), options.pop("agreed", None)
    if name != PerMessageDeflate.name or not options:
        raise RecordingError(f"the extension {name} cannot be replayed")
    extension = PerMessageDeflate(**options)
    extension.agreed = None if agreed is None else DeflateParameters(*agreed)
    return extension


def encode_json(value: object) -> bytes:
    """A value of JSON's types and bytes."""
    return json.dumps(value, default=_to_json).encode()


def decode_json(encoded: bytes) -> Any:
    """What :func:`encode_json` was given. Raises :exc:`RecordingError`."""
    try:
        return json.loads(encoded, object_hook=_from_json)
    except (ValueError, RecursionError) as exc:
        raise RecordingError(f"not JSON: {exc!r}") from None


def _to_json(value: object) -> Any:
    if isinstance(value, bytes | bytearray):
        return {"bytes": value.decode("latin-1")}
    return _extension_to_json(value)


def _from_json(value: dict[str, Any]) -> Any:
    return value["bytes"].encode("latin-1") if list(value) == ["bytes"] else value


# Events that were sent

_MESSAGES: Final = {"t": TextMessage, "b": BytesMessage, "u": Message, "m": Message}
_CONTROLS: Final = {"i": Ping, "o": Pong}
_PREPARED: Final = {"p": str, "P": bytes}
# As JSON, with their fields in order.
_OTHERS: Final[dict[str, Any]] = {
    "c": CloseConnection,
    "q": Request,
    "a": AcceptConnection,
    "j": RejectConnection,
}


def encode_event(event: Event, compress: bool | None) -> list[bytes]:
    """An event that is sent, as the fields of a record. What cannot be sent is recorded as
    its repr.
    """
    flags = "" if compress is None else "+" if compress else "-"
    kind = type(event)
    if isinstance(event, PreparedMessage):
        text = isinstance(event.data, str)
        return [f"{'p' if text else 'P'}{flags}".encode(), _to_bytes(event.data)]
    if isinstance(event, Message) and isinstance(event.data, str | bytes | bytearray | memoryview):
        text = isinstance(event.data, str)
        letter = ("t" if text else "b") if kind is not Message else ("u" if text else "m")
        if not event.message_finished:
            flags += "."
        return [f"{letter}{flags}".encode(), _to_bytes(event.data)]
    if isinstance(event, Ping | Pong) and isinstance(event.payload, bytes):
        return [b"i" if isinstance(event, Ping) else b"o", event.payload]
    if isinstance(event, RejectData) and isinstance(event.data, bytes):
        return [b"d" if event.body_finished else b"d.", event.data]
    for letter, other in _OTHERS.items():
        if kind is other:
            values = {f.name: getattr(event, f.name) for f in fields(kind) if f.name != "error"}
            return [letter.encode(), encode_json(values)]
    return [b"?", repr(event).encode("utf-8", "backslashreplace")]


def _to_bytes(data: str | bytes | bytearray | memoryview) -> bytes:
    return data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)


def decode_event(contents: list[bytes]) -> tuple[Event, bool | None]:
    """What :func:`encode_event` was given. Raises :exc:`RecordingError`."""
    try:
        letter, flags = contents[0][:1].decode(), contents[0][1:].decode()
        compress = True if "+" in flags else False if "-" in flags else None
        return _decode_event(letter, "." not in flags, contents[1]), compress
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise RecordingError(f"an event that cannot be read: {exc!r}") from None
    except LocalProtocolError as exc:
        raise RecordingError(f"an event that cannot be: {exc}") from None


def _decode_event(letter: str, finished: bool, content: bytes) -> Event:
    if letter in _PREPARED:
        return PreparedMessage(content.decode() if letter == "p" else content)
    if letter in _MESSAGES:
        data = content.decode("utf-8", "surrogatepass") if letter in "tu" else content
        make: Any = _MESSAGES[letter]
        message: Event = make(data, True, finished)
        return message
    if letter in _CONTROLS:
        return _CONTROLS[letter](content)
    if letter == "d":
        return RejectData(content, finished)
    if letter not in _OTHERS:
        raise RecordingError(f"cannot be replayed: {content.decode(errors='replace')}")
    values = decode_json(content)
    if "extensions" in values:
        values["extensions"] = [_extension_from_json(each) for each in values["extensions"]]
    event: Event = _OTHERS[letter](**values)
    return event


__all__ = [
    "MAGIC",
    "RECORDS",
    "Form",
    "Header",
    "Record",
    "RecordingError",
    "decode_event",
    "decode_header",
    "decode_json",
    "encode_event",
    "encode_header",
    "encode_json",
    "encode_record",
    "read_records",
]
