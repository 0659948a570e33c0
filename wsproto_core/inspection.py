"""One direction of a WebSocket connection, explained: what is there, and what a receiver
makes of it.

Owns the description of the bytes, in order and to the last one: HTTP heads, frames, and
what no receiver reads. It judges nothing by itself: the engine of the other end gets the
same bytes, frame by frame, and what it reports stands behind the bytes that caused it.
Nothing in a stream raises, and the work is linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .connection import Connection
from .errors import RemoteProtocolError
from .events import AcceptConnection, CloseConnection, Event, Message, RejectConnection, Request
from .extension_api import Extension
from .extensions import PerMessageDeflate
from .frame_protocol import FIN, LENGTH_16_BIT, LENGTH_MASK, MASK, OPCODE_MASK, RSV_MASK
from .handshake import H11Handshake
from .header_fields import FieldError, is_token, parse_extension
from .limits import DEFAULT_LIMITS, Limits
from .masking import apply_mask
from .negotiation import Fields
from .states import ConnectionState, ConnectionType
from .typing import Headers
from .utilities import generate_accept_token, generate_nonce
from .words import Opcode

_CLIENT: Final = ConnectionType.CLIENT
_SERVER: Final = ConnectionType.SERVER
_DEFLATE: Final = PerMessageDeflate.name
_RSV1: Final = PerMessageDeflate.rsv

# No good frame begins with a G, which has a reserved opcode, or an H, a fragmented Close.
# Other methods begin as frames might, so more of their line is asked for.
_REQUEST_LINE: Final = re.compile(rb"GET |GE?T?\Z|[A-Z]{3,20} [^ \r\n]{1,8192} HTTP/")
_STATUS_LINE: Final = re.compile(rb"HTTP/|HT?T?P?\Z")
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")

# What is taken for a WebSocket stream by mistake.
_FOREIGN: Final = (
    (b"\x16\x03", "this looks like TLS: what was captured is encrypted"),
    (b"PRI * HTTP/2", "this is HTTP/2, which carries WebSocket frames within DATA frames"),
    (b"\xd4\xc3\xb2\xa1", "this looks like a pcap file: extract one direction's bytes from it"),
    (b"\x0a\x0d\x0d\x0a", "this looks like a pcapng file: extract one direction's bytes from it"),
)

# The engine's client has a key of its own, which is not the one that a response answers.
# So the accept token becomes one that is right for that client, or one that is wrong.
_ACCEPT_FIELD: Final = re.compile(
    rb"(?im)^(sec-websocket-accept:[ \t]*)([a-z0-9+/]{27}=)(?=[ \t]*\r?$)"
)
_RIGHT_TOKEN: Final = generate_accept_token(generate_nonce(bytes))
_WRONG_TOKEN: Final = b"A" * 27 + b"="

_MAYBE_DEFLATE: Final = (
    "RSV1 may mean permessage-deflate: without the opening handshake that must be said (--deflate)"
)
_ASSUMED_DEFLATE: Final = (
    "RSV1 is taken for permessage-deflate, as offered: whether the server agreed is not known"
)

# Frames that are described although no receiver reads them: enough to see what they are.
_FRAMES_BEHIND: Final = 16

# Which rule an error is about, by how its message begins.
_SECTIONS: Final = {
    r"frame of|message of|too many DEFLATE": "6455 §10.4",
    r"reserved bits \d+ on": "7692 §6.1",
    r"reserved|length \d+ encoded|64-bit length": "6455 §5.2",
    r"fragmented control|[A-Z]+ frame longer": "6455 §5.5",
    r"(un)?masked frame": "6455 §5.1",
    r"continuation frame|[A-Z]+ frame within": "6455 §5.4",
    r"text that is not UTF-8": "6455 §8.1",
    r"Close frame with code": "6455 §7.4",
    r"Close frame": "6455 §5.5.1",
    r"invalid DEFLATE|DEFLATE data stop": "7692 §7.2.2",
    r"Bad HTTP message": "9112",
    r"a head of|\d+ headers": "6585 §5",
    r"Sec-WebSocket-Version is": "6455 §4.4",
    r"bad Sec-WebSocket-Extensions|extension ": "6455 §9.1",
    r"bad response to permessage-deflate": "7692 §7.1",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about ``data[offset:end]``."""

    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class Direction(Finding):
    """Who sent the stream. The first finding, unless there are no bytes."""

    sender: ConnectionType
    #: How that is known.
    reason: str


@dataclass(frozen=True, slots=True)
class Head(Finding):
    """The head of an HTTP request or response (RFC 6455 §1.3), as it was written."""

    #: The request line or the status line, as Latin-1.
    start_line: str
    #: As they are spelled. A line without a colon has an empty name.
    fields: Headers
    #: Whether the empty line at its end is there.
    complete: bool
    #: A request's Sec-WebSocket-Key, or None.
    key: str | None
    #: The subprotocols that a request offers, or the one that a response chose.
    subprotocols: list[str]
    #: What a request offers, or a response agrees to: each ``name; parameter=value``.
    extensions: list[str]


@dataclass(frozen=True, slots=True)
class Frame(Finding):
    """A frame (RFC 6455 §5.2) whose header, at least, is all there."""

    #: Bytes of the header, masking key included.
    header_size: int
    fin: bool
    #: The reserved bits, where they stand in the first byte: RSV1 is 0x40.
    rsv: int
    opcode: int
    #: The opcode's, or its number if it is reserved.
    name: str
    #: None if the frame is not masked.
    masking_key: bytes | None
    #: What the header declares.
    payload_length: int
    #: What is there of it: unmasked, but not inflated.
    payload: bytes
    #: Whether the payload is text as it stands: of a text message, and not compressed.
    text: bool
    #: False if no receiver reads it, because the connection has ended before.
    processed: bool = True

    @property
    def missing(self) -> int:
        """Bytes of the payload that are not there."""
        return self.payload_length - len(self.payload)


@dataclass(frozen=True, slots=True)
class Other(Finding):
    """Bytes that are neither head nor frame."""

    #: The body of a refusal, part of a header, or what a receiver has stopped before.
    what: str


@dataclass(frozen=True, slots=True)
class Received(Finding):
    """An event for a receiver; a message is whole, and begins with its first frame."""

    event: Event


@dataclass(frozen=True, slots=True)
class Fault(Finding):
    """What a receiver cannot accept. It reads no further."""

    error: RemoteProtocolError
    #: The rule that is broken, such as ``RFC 6455 §5.2``; None if it is not known.
    section: str | None
    #: The close code that answers it, or the HTTP status that answers a request; None for
    #: a response, which cannot be answered.
    code: int | None


@dataclass(frozen=True, slots=True)
class Note(Finding):
    """What a reader should know beside: an assumption, a hint."""

    text: str


class Ending(Enum):
    """Where a stream stops."""

    EMPTY = "there are no bytes"
    HANDSHAKE = "within the opening handshake"
    REFUSED = "with a refusal"
    BODY = "within the body of a refusal"
    OPEN = "between messages, without a Close frame"
    MESSAGE = "between the frames of a message"
    HEADER = "within the header of a frame"
    PAYLOAD = "within the payload of a frame"
    CLOSED = "with a Close frame"
    FAULT = "with a fault"


@dataclass(frozen=True, slots=True)
class End(Finding):
    """The last finding."""

    #: Where a receiver has come to; what follows a Close, a fault or a refusal aside.
    ending: Ending


#: The findings that, one behind the other, cover every byte of a stream just once.
STRUCTURE: Final = (Head, Frame, Other)


def inspect(
    data: bytes,
    *,
    sender: ConnectionType | None = None,
    extensions: Sequence[Extension] | None = None,
    key: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Finding]:
    """Explain what one end of a connection has sent.

    :param data: all of it, or its beginning; with the opening handshake or without.
    :param sender: who sent it; None to tell by how it begins: a request, a response, a
        frame that is masked or is not.
    :param extensions: those agreed on, such as :func:`agreed_deflate` gives. None for
        those that a response names; behind a request that offers permessage-deflate, it
        is assumed.
    :param key: the request's Sec-WebSocket-Key, to check a response's accept token with.
    :param limits: what the receiver is taken to accept.

    What a finding of :data:`STRUCTURE` causes follows it. Raises
    :exc:`~wsproto_core.LocalProtocolError` for two *extensions* that transform messages.
    """
    return _Inspection(bytes(data), sender, extensions, key, limits).findings()


def agreed_deflate(parameters: str = "") -> PerMessageDeflate:
    """permessage-deflate as a response agrees to it (RFC 7692 §7.1).

    :param parameters: as in the header: ``"server_no_context_takeover"``. With none it
        inflates whatever a sender was allowed to do.

    Raises :exc:`~wsproto_core.RemoteProtocolError` for what no response may have.
    """
    extension = PerMessageDeflate()
    given = parameters.strip().removeprefix(_DEFLATE).strip(" ;")
    extension.finalize(f"{_DEFLATE}; {given}" if given else _DEFLATE)
    return extension


def read_frame(
    data: bytes, at: int = 0, *, continues_text: bool = False, processed: bool = True
) -> Frame | None:
    """The frame at an offset, whatever its header says; None if that is not all there.

    :param continues_text: whether a continuation frame there belongs to plain text.
    :param processed: goes into the frame.
    """
    if at + 2 > len(data):
        return None
    first, second = data[at], data[at + 1]
    size, length = 2, second & LENGTH_MASK
    if length >= LENGTH_16_BIT:
        size = 4 if length == LENGTH_16_BIT else 10
        length = int.from_bytes(data[at + 2 : at + size], "big")
    key = None
    if second & MASK:
        size += 4
        key = data[at + size - 4 : at + size]
    if at + size > len(data):
        return None
    payload = data[at + size : at + size + length]
    end = at + size + len(payload)
    if key is not None:
        payload = apply_mask(payload, key)
    rsv, opcode = first & RSV_MASK, first & OPCODE_MASK
    text = opcode == Opcode.TEXT and not rsv
    if opcode == Opcode.CONTINUATION:
        text = continues_text
    name = Opcode(opcode).name if opcode in list(Opcode) else f"opcode {opcode:#x}"
    fin = first >= FIN
    return Frame(
        at, end, size, fin, rsv, opcode, name, key, length, payload, text, processed
    )  # fmt: skip


class _Unknown(Extension):
    """An extension that a response names and this library does not have."""

    def __init__(self, name: str) -> None:
        self.name = name

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool:
        return True


@dataclass(slots=True)
class _Inspection:
    """The work on one stream. All before ``at`` has been described."""

    data: bytes
    sender: ConnectionType | None
    extensions: Sequence[Extension] | None
    key: str | None
    limits: Limits
    at: int = 0
    ending: Ending = Ending.EMPTY
    #: What the first frame with RSV1 set gives reason to say.
    about_rsv1: str = ""

    def findings(self) -> Iterator[Finding]:
        """See :func:`inspect`."""
        data = self.data
        if data:
            request, response = _REQUEST_LINE.match(data), _STATUS_LINE.match(data)
            masked = data[1:2] >= b"\x80"
            reason = f"its first frame is {'masked' if masked else 'not masked'}"
            if request or response:
                reason = f"it begins with a {'request' if request else 'response'}"
            if self.sender is not None:
                reason = "as was said"
            elif request or (masked and not response):
                self.sender = _CLIENT
            else:
                self.sender = _SERVER
            yield Direction(0, 0, self.sender, reason)
            yield from (Note(0, 0, hint) for sign, hint in _FOREIGN if data.startswith(sign))
            if request or response:
                yield from self._read_handshake()
            else:
                self.about_rsv1 = _MAYBE_DEFLATE if self.extensions is None else ""
                yield from self._read_frames(self.extensions)
            yield from self._describe_rest()
        yield End(len(data), len(data), self.ending)

    def _fault(self, offset: int, error: RemoteProtocolError) -> Fault:
        self.ending = Ending.FAULT
        found = (rule for begin, rule in _SECTIONS.items() if re.match(begin, str(error)))
        code: int | None = None
        rule: str | None = "6455 §4.1"
        match error.event_hint:
            case CloseConnection(code):
                rule = None
            case RejectConnection(code):
                rule = "6455 §4.2.1"
        rule = next(found, rule)
        return Fault(offset, self.at, error.with_traceback(None), rule and f"RFC {rule}", code)

    # The opening handshake

    def _read_handshake(self) -> Iterator[Finding]:
        self.ending = Ending.HANDSHAKE
        events: list[Event] = []
        # More than once only for responses with another 1xx than 101 (RFC 9110 §15.2)
        while self.at < len(self.data) and not events:
            head = self._read_head()
            self.at = head.end
            yield head
            if self.sender is _SERVER and head.complete and head.start_line[8:12] == " 101":
                yield from self._about_agreement(head)
            handshake = self._receiver(head)
            received = self.data[head.offset : head.end]
            try:
                handshake.receive_data(_ACCEPT_FIELD.sub(self._fit_token, received))
            except RemoteProtocolError as exc:
                yield self._fault(head.offset, exc)
                return
            events += handshake.events()
            yield from (Received(head.offset, head.end, event) for event in events)
        agreed = self.extensions
        match events[:1]:
            case [RejectConnection(headers=fields)]:
                yield from self._read_body(handshake, Fields(fields))
            case [AcceptConnection(extensions=named)]:
                yield from self._read_frames(named if agreed is None else agreed)
            case [Request()]:
                offered = _DEFLATE in _names(head.extensions)
                if agreed is None and offered:
                    self.about_rsv1 = _ASSUMED_DEFLATE
                    # Without the offer's parameters, which are wishes: so all that may have
                    # been agreed on can be inflated.
                    agreed = [agreed_deflate()]
                yield from self._read_frames(agreed)

    def _read_head(self) -> Head:
        match = _END_OF_HEAD.search(self.data, self.at)
        end = match.end() if match else len(self.data)
        lines = self.data[self.at : end].rstrip(b"\r\n").split(b"\n")
        fields: Headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            fields.append((name, value.strip()) if colon else (b"", line.strip()))
        found = Fields(fields)
        return Head(
            self.at,
            end,
            lines[0].rstrip(b"\r").decode("latin-1"),
            fields,
            match is not None,
            next((key.decode("latin-1") for key in found.values(b"sec-websocket-key")), None),
            found.elements(b"sec-websocket-protocol"),
            found.elements(b"sec-websocket-extensions"),
        )

    def _receiver(self, head: Head) -> H11Handshake:
        """The end that gets *head*; a client has offered whatever that agrees to."""
        if self.sender is _CLIENT:
            return H11Handshake(_SERVER, limits=self.limits)
        client = H11Handshake(_CLIENT, limits=self.limits, entropy=bytes)
        offers = [
            PerMessageDeflate() if name == _DEFLATE else _Unknown(name)
            for name in dict.fromkeys(_names(head.extensions))
        ]
        chosen = [name for name in head.subprotocols[:1] if is_token(name.encode("latin-1"))]
        client.send(Request("-", "/", extensions=offers, subprotocols=chosen))
        return client

    def _fit_token(self, field: re.Match[bytes]) -> bytes:
        token = _RIGHT_TOKEN
        if self.key is not None:
            key = self.key.strip().encode("latin-1", "replace")
            token = _RIGHT_TOKEN if field[2] == generate_accept_token(key) else _WRONG_TOKEN
        return field[1] + token

    def _about_agreement(self, head: Head) -> Iterator[Note]:
        """What cannot be judged of a 101."""
        if self.key is None:
            text = "Sec-WebSocket-Accept cannot be checked without the request's key (--key)"
            yield Note(head.offset, head.end, text)
        for name in _names(head.extensions):
            if name != _DEFLATE:
                text = f"extension {name} is unknown here; frames are judged without it"
                yield Note(head.offset, head.end, text)

    def _read_body(self, handshake: H11Handshake, fields: Fields) -> Iterator[Finding]:
        self.ending = Ending.REFUSED
        if handshake.state is not ConnectionState.REJECTING:  # as for a 204
            return
        begin = self.at
        chunked = fields.values(b"transfer-encoding")
        lengths = fields.values(b"content-length") if not chunked else []
        body = self.data[begin : begin + int(lengths[0])] if lengths else self.data[begin:]
        self.at += len(body)
        if body:
            yield Other(begin, self.at, "the body of the refusal")
        try:
            handshake.receive_data(body)
            if not lengths and not chunked:  # it ends with the transport (RFC 9112 §6.3)
                handshake.receive_data(None)
            error = None
        except RemoteProtocolError as exc:
            error = exc
        yield from (Received(begin, self.at, event) for event in handshake.events())
        if error is not None:
            yield self._fault(begin, error)
        elif handshake.state is ConnectionState.REJECTING:
            self.ending = Ending.BODY

    # Frames

    def _read_frames(self, extensions: Sequence[Extension] | None) -> Iterator[Finding]:
        data = self.data
        end_type = _SERVER if self.sender is _CLIENT else _CLIENT
        receiver = Connection(end_type, extensions, limits=self.limits, whole_messages=True)
        self.ending = Ending.OPEN
        message_at = self.at
        text = False
        while self.at < len(data) and self.ending in (Ending.OPEN, Ending.MESSAGE):
            at = self.at
            frame = read_frame(data, at, continues_text=text)
            self.at = len(data) if frame is None else frame.end
            if frame is None:
                self.ending = Ending.HEADER
                yield Other(at, self.at, "the beginning of a frame's header")
            else:
                if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
                    message_at = at
                if frame.opcode < Opcode.CLOSE:
                    text = frame.text
                    self.ending = Ending.OPEN if frame.fin else Ending.MESSAGE
                if frame.missing:
                    self.ending = Ending.PAYLOAD
                yield frame
                if self.about_rsv1 and frame.rsv & _RSV1 and frame.opcode < Opcode.CLOSE:
                    yield Note(at, self.at, self.about_rsv1)
                    self.about_rsv1 = ""
            receiver.receive_data(data[at : self.at])
            for event in receiver.events():
                if isinstance(event, CloseConnection):
                    self.ending = Ending.CLOSED
                    if event.error is not None:
                        yield self._fault(at, event.error)
                        continue
                yield Received(message_at if isinstance(event, Message) else at, self.at, event)

    def _describe_rest(self) -> Iterator[Finding]:
        """What no receiver reads: as frames, as long as it looks like some."""
        data, what = self.data, "the refusal"
        if self.at < len(data) and self.ending is not Ending.REFUSED:
            what = "the Close frame" if self.ending is Ending.CLOSED else "the fault"
            yield Note(self.at, len(data), f"a receiver discards what follows {what}")
            for _ in range(_FRAMES_BEHIND):
                frame = read_frame(data, self.at, processed=False)
                if frame is None or not _plausible(frame):
                    break
                self.at = frame.end
                yield frame
        if self.at < len(data):
            yield Other(self.at, len(data), f"behind {what}")


def _names(elements: Sequence[str]) -> Iterator[str]:
    """The names of extensions; none for an element that has no right form."""
    for element in elements:
        try:
            yield parse_extension(element).name
        except FieldError:
            continue


def _plausible(frame: Frame) -> bool:
    if frame.opcode < Opcode.CLOSE:
        return frame.opcode <= Opcode.BINARY
    return frame.fin and frame.payload_length < LENGTH_16_BIT and frame.opcode <= Opcode.PONG


__all__ = [
    "STRUCTURE",
    "Direction",
    "End",
    "Ending",
    "Fault",
    "Finding",
    "Frame",
    "Head",
    "Note",
    "Other",
    "Received",
    "agreed_deflate",
    "inspect",
    "read_frame",
]
