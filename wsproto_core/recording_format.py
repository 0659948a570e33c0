"""The form of recordings: a session's configuration and its calls as bytes, and back.

A file begins with :data:`MAGIC` and a line of JSON that says how the session was made.
Records follow: a letter, a time where the call has one, and fields, each with its length
before it. Payloads are as they were; what is rare is JSON. Whatever a file holds, reading
it gives records or :exc:`RecordingError`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from struct import Struct
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeVar, get_type_hints

from .deflate import DeflateParameters, default_zlib
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
from .words import CloseReason

#: What every recording begins with.
MAGIC: Final = b"wsproto_core recording 1\n"

_TIME: Final = Struct("!d")
_LONGEST_LENGTH: Final = 9  # bytes of seven bits
# What is nested deeper could be read, but not shown.
_DEEPEST: Final = 8
_RATES: Final = ("control_rate", "message_rate", "byte_rate")

T = TypeVar("T")


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
    "T": Form(True, 0),  # transport_lost
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
    """A record as bytes.

    :param now: for a kind that has a time.
    """
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
    settings = asdict(config)
    for name in _RATES:
        if settings[name] is not None:
            settings[name]["code"] = code_to_json(settings[name]["code"])
    header = {
        "client": client,
        "now": now,
        "over": None if over is None else list(over),
        "config": settings,
    }
    return MAGIC + encode_json(header) + b"\n"


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
    header = decode_json(data[len(MAGIC) : end])
    try:
        client, now, over = header["client"], header["now"], header["over"]
        if type(client) is not bool or type(now) not in (int, float):
            raise TypeError(f"client is {client!r}, now is {now!r}")
        settings = dict(header["config"])
        settings["limits"] = _make(Limits, settings["limits"])
        for name in _RATES:
            if settings[name] is not None:
                rate = settings[name]
                settings[name] = _make(RateLimit, rate | {"code": code_from_json(rate["code"])})
        return Header(
            client=client,
            now=float(now),
            over=None if over is None else [_extension_from_json(each) for each in over],
            config=_make(SessionConfig, settings),
        ), end + 1
    except RecordingError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as exc:
        raise RecordingError(f"bad header of a recording: {exc!r}") from None


def _make(kind: type[T], values: dict[str, Any]) -> T:
    """A dataclass of settings, whose fields must have the types that they are to have."""
    hints = get_type_hints(kind)
    for name, value in values.items():
        whole = type(value) is int and isinstance(0.0, hints[name])
        if not (whole or isinstance(value, hints[name])):
            raise TypeError(f"{name} is {value!r}")
    return kind(**values)


def code_to_json(code: object) -> object:
    """A close code as an application gave it: by its name or as a number, for so it is in
    what the session says at its end.
    """
    return code.name if isinstance(code, CloseReason) else code


def code_from_json(code: Any) -> Any:
    """What :func:`code_to_json` was given."""
    named = isinstance(code, str) and code in CloseReason.__members__
    return CloseReason[code] if named else code


def _extension_to_json(extension: object) -> Any:
    if type(extension) is not PerMessageDeflate:
        return {"name": str(getattr(extension, "name", extension))}
    return {
        "name": extension.name,
        "agreed": extension.agreed,
        "zlib": extension.zlib.__name__,
        **extension.options,
    }


def _extension_from_json(value: Any) -> Extension:
    options = dict(value)
    name, agreed = options.pop("name"), options.pop("agreed", None)
    if name != PerMessageDeflate.name or not options:
        raise RecordingError(f"the extension {name} cannot be replayed")
    # Each compresses to other bytes.
    compressor = options.pop("zlib", zlib.__name__)
    modules = {module.__name__: module for module in (zlib, default_zlib())}
    if compressor not in modules:
        raise RecordingError(f"{compressor!r}, which compressed, is not here to be replayed")
    extension = _make_deflate(options, modules[compressor])
    if agreed is not None:
        extension.agreed = DeflateParameters(*agreed)
        # They have the same bounds.
        _make_deflate(extension.agreed._asdict(), modules[compressor])
    return extension


def _make_deflate(options: dict[str, Any], compressor: ModuleType) -> PerMessageDeflate:
    numbers = all(isinstance(value, int) for value in options.values())
    if not numbers or options.keys() - PerMessageDeflate().options.keys():
        raise TypeError(f"parameters are {options!r}")
    return PerMessageDeflate(**options, zlib=compressor)


def encode_json(value: object) -> bytes:
    """A value of JSON's types, bytes and extensions; of another, its repr."""
    try:
        text = json.dumps(value, default=_to_json, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(repr(value))
    # Escaped, two surrogates would become one character.
    return text.encode("utf-8", "surrogatepass")


def decode_json(encoded: bytes) -> Any:
    """What :func:`encode_json` was given. Raises :exc:`RecordingError`."""
    try:
        text = encoded.decode("utf-8", "surrogatepass")
        value = json.loads(text, object_hook=_from_json)
    except (ValueError, RecursionError) as exc:
        raise RecordingError(f"not JSON: {exc!r}") from None
    if _is_deeper(value, _DEEPEST):
        raise RecordingError("JSON that is nested too deep")
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (
        not levels or any(_is_deeper(each, levels - 1) for each in value)
    )


def _to_json(value: object) -> Any:
    if isinstance(value, bytes | bytearray):
        return {"bytes": value.decode("latin-1")}
    return _extension_to_json(value)


def _from_json(value: dict[str, Any]) -> Any:
    match value:
        case {"bytes": str(text)} if len(value) == 1:
            return text.encode("latin-1")
    return value


# Events that were sent

_MESSAGES: Final = {"t": TextMessage, "b": BytesMessage, "u": Message, "m": Message}
_CONTROLS: Final = {"i": Ping, "o": Pong}
_PREPARED: Final = {"p": str, "P": bytes}
# As JSON. Those that stand above, too, with content that cannot be sent.
_OTHERS: Final[dict[str, Any]] = {
    "c": CloseConnection,
    "q": Request,
    "a": AcceptConnection,
    "j": RejectConnection,
    "T": TextMessage,
    "B": BytesMessage,
    "M": Message,
    "I": Ping,
    "O": Pong,
    "D": RejectData,
}
_BYTES: Final = (bytes, bytearray, memoryview)


def encode_event(event: Event, compress: bool | None) -> list[bytes]:
    """An event that is sent, as the fields of a record. What cannot be sent is recorded as
    its repr.
    """
    flags = "" if compress is None else "+" if compress else "-"
    kind = type(event)
    if isinstance(event, PreparedMessage):
        text = isinstance(event.data, str)
        return [f"{'p' if text else 'P'}{flags}".encode(), _to_bytes(event.data)]
    if isinstance(event, Message) and isinstance(event.data, (str, *_BYTES)):
        text = isinstance(event.data, str)
        letter = ("t" if text else "b") if kind is not Message else ("u" if text else "m")
        if not event.message_finished:
            flags += "."
        return [f"{letter}{flags}".encode(), _to_bytes(event.data)]
    if isinstance(event, Ping | Pong) and isinstance(event.payload, _BYTES):
        return [b"i" if isinstance(event, Ping) else b"o", bytes(event.payload)]
    if isinstance(event, RejectData) and isinstance(event.data, _BYTES):
        return [b"d" if event.body_finished else b"d.", bytes(event.data)]
    for letter, other in _OTHERS.items():
        if isinstance(event, other):
            values = {f.name: getattr(event, f.name) for f in fields(other) if f.name != "error"}
            if letter == "c":
                values["code"] = code_to_json(values["code"])
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
    except RecordingError:
        raise
    except (ValueError, TypeError, LookupError) as exc:
        raise RecordingError(f"an event that cannot be read: {exc!r}") from None


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
    if isinstance(values, str):
        raise RecordingError(f"cannot be replayed: {values}")
    values = dict(values)
    if letter == "c":
        values["code"] = code_from_json(values["code"])
    if values.get("extensions"):
        values["extensions"] = [
            _extension_from_json(each) if isinstance(each, dict) else each
            for each in values["extensions"]
        ]
    event: Event = _OTHERS[letter](**values)
    return event


__all__ = [
    "MAGIC",
    "RECORDS",
    "Form",
    "Header",
    "Record",
    "RecordingError",
    "code_from_json",
    "code_to_json",
    "decode_event",
    "decode_header",
    "decode_json",
    "encode_event",
    "encode_header",
    "encode_json",
    "encode_record",
    "read_records",
]
