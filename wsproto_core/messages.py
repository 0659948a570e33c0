"""Messages (RFC 6455 §5.4, §5.6): frames to events, and messages to frames.

Owns fragmentation, text, the limits, control frames' contents, and where an extension's
codec comes in. Knows nothing of the closing handshake, nor of who owes whom what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .errors import LimitExceeded, LocalProtocolError, RemoteProtocolError
from .events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    TextMessage,
    excess,
    fault,
)
from .extension_api import MessageCodec
from .frame_protocol import FIN, MAX_CONTROL_PAYLOAD, FrameReader, serialize_frame
from .limits import Limits
from .masking import MaskingKeys
from .prepared import PreparedMessage, encode_payload, unencodable
from .utf8 import Utf8Decoder
from .words import CloseReason, Opcode, is_wire_close_code, name_close_code

_CONTINUATION: Final = int(Opcode.CONTINUATION)
_TEXT: Final = int(Opcode.TEXT)
_BINARY: Final = int(Opcode.BINARY)
_CLOSE: Final = int(Opcode.CLOSE)
_PING: Final = int(Opcode.PING)
_PONG: Final = int(Opcode.PONG)
_OPCODES: Final = {int(opcode): opcode for opcode in Opcode}  # Opcode(...) takes far longer

# Bytes from which on a piece of a message is kept as it is, until the message is whole.
_LARGE_PIECE: Final = 4096


# That it gives an int is not said to mypyc, which would then make no more than that of it.
_name_close_code: Final[Callable[[int], Any]] = name_close_code


class MessageReader:
    """Turns what a peer sends into events, one at a time.

    :param masked: whether the peer must mask.
    :param codec: the extension's, if one was agreed on, with its reserved bit *rsv*.
    :param whole: whether to give a message as one event, instead of as it arrives.
    """

    __slots__ = (
        "_codec",
        "_codec_rsv",
        "_control",
        "_decoder",
        "_encoded",
        "_fault",
        "_fragments",
        "_frames",
        "_in_frame",
        "_limits",
        "_opcode",
        "_pieces",
        "_size",
        "_whole",
        "busy",
        "frame_bytes",
        "frames_read",
        "message_bytes",
    )

    def __init__(
        self, *, masked: bool, codec: MessageCodec | None, rsv: int, limits: Limits, whole: bool
    ) -> None:
        self._frames = FrameReader(masked=masked, rsv=rsv, max_frame_size=limits.max_frame_size)
        self._codec = codec
        self._codec_rsv = rsv
        self._limits = limits
        self._whole = whole
        #: Whether there is anything here that the next bytes must wait for: bytes that
        #: have not been read, a frame, a message.
        self.busy = False
        #: For statistics: frames, and bytes of data frames' payload as it is on the wire,
        #: and as it is after the codec.
        self.frames_read = 0
        self.frame_bytes = 0
        self.message_bytes = 0
        self._in_frame = False
        self._control = b""
        # The message in progress; 0, which begins none, if there is none.
        self._opcode = _CONTINUATION
        self._encoded = False
        self._fragments = 0
        self._size = 0
        self._decoder: Utf8Decoder | None = None
        self._pieces: list[bytes | bytearray] = []
        # What is wrong behind the text that has just been given.
        self._fault: RemoteProtocolError | None = None

    def feed(self, data: bytes, at: int) -> None:
        """Take the bytes of *data* from *at* on."""
        self.busy = True
        self._frames.feed(data, at)

    def take_encoded(self, opcode: int, payload: bytes) -> Event | None:
        """Between messages, take one that is for the codec, and is here in one frame, which
        :meth:`feed` was not given.

        Returns its event, or that for its first piece; None if :meth:`next_event` is to be
        asked. Raises as that does.
        """
        codec = self._codec
        assert codec is not None
        self.frames_read += 1
        self.frame_bytes += len(payload)
        codec.feed(payload, True)
        most = self._limits.max_message_size
        data = codec.read(most + 1)
        if not codec.pending and len(data) <= most:
            # That is all of it, so none of what follows is needed.
            try:
                event = BytesMessage(data) if opcode == _BINARY else TextMessage(data.decode())
            except UnicodeDecodeError:
                pass
            else:
                self.message_bytes += len(data)
                return event
        self.busy = self._frames.fin = True
        self._begin_message(opcode, True)
        return self._take_decoded(codec, data)

    def hand_back(self) -> tuple[bytes, int]:
        """Between messages, give back what has not been read, as :meth:`feed` takes it;
        nothing within one.
        """
        if self._in_frame or self._opcode != _CONTINUATION:
            return b"", 0
        self.busy = self._frames.divided
        return self._frames.hand_back()

    @property
    def unread(self) -> int:
        """Bytes that were fed and have not been looked at."""
        return self._frames.unread

    def next_event(self) -> Event | None:
        """The next event, or None if it has not arrived.

        Raises :exc:`~wsproto_core.RemoteProtocolError`, with the Close to send as its
        hint, for whatever a peer must not send. There is no going on after it.
        """
        if self._fault is not None:
            raise self._fault
        frames = self._frames
        codec = self._codec
        while True:
            if self._encoded and codec is not None and codec.pending:
                event = self._take_decoded(codec, codec.read(self._room + 1))
            else:
                if not self._in_frame:
                    if not frames.read_header():
                        break
                    self._begin_frame()
                piece = frames.read_payload()
                if not piece and frames.remaining:
                    break
                self._in_frame = frames.remaining > 0
                if frames.opcode >= _CLOSE:
                    event = self._take_control(piece)
                else:
                    self.frame_bytes += len(piece)
                    if self._encoded and codec is not None:
                        codec.feed(piece, frames.fin and not self._in_frame)
                        event = None
                    else:
                        event = self._take_data(piece, False)
            if event is not None:
                return event
        self.busy = self._in_frame or self._opcode != _CONTINUATION or frames.chunk != b""
        return None

    def stop(self) -> None:
        """Keep nothing of what was read and of what was not."""
        self._frames.discard()
        self.busy = self._in_frame = self._encoded = False
        self._opcode = _CONTINUATION
        self._codec = self._fault = None
        self._pieces = []

    def _begin_frame(self) -> None:
        """Judge a header by the message that it belongs to."""
        frames = self._frames
        self._in_frame = True
        self.frames_read += 1
        opcode = frames.opcode
        if opcode >= _CLOSE:
            self._control = b""
            return
        if opcode == _CONTINUATION:
            if self._opcode == _CONTINUATION:
                raise fault(CloseReason.PROTOCOL_ERROR, "continuation frame without a message")
            self._fragments += 1
        elif self._opcode != _CONTINUATION:
            raise fault(
                CloseReason.PROTOCOL_ERROR,
                f"{Opcode(opcode).name} frame within a message, instead of a continuation",
            )
        else:
            self._begin_message(opcode, bool(frames.rsv & self._codec_rsv))
        if self._fragments > self._limits.max_fragments:
            raise excess(f"message of more than {self._limits.max_fragments} frames")
        if not self._encoded:
            self._grow(frames.payload_length)

    def _begin_message(self, opcode: int, encoded: bool) -> None:
        self._opcode = opcode
        self._fragments = 1
        self._size = 0
        self._encoded = encoded
        self._decoder = Utf8Decoder() if opcode == _TEXT else None

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._limits.max_message_size:
            raise self._too_big()

    def _too_big(self) -> LimitExceeded:
        return excess(f"message of more than {self._limits.max_message_size} bytes")

    @property
    def _room(self) -> int:
        """Bytes that the message may still have."""
        return self._limits.max_message_size - self._size

    def _take_decoded(self, codec: MessageCodec, data: bytes) -> Event | None:
        """The event for the next piece that a codec has given. Of a message that grows too
        big, what fits is given, or judged, before the fault: however it was cut.
        """
        room = self._room
        more = codec.pending
        if len(data) > room:
            self._fault = self._too_big()
            data = data[:room]
            more = True
        self._size += len(data)
        event = self._take_data(data, more)
        if event is None and self._fault is not None:
            raise self._fault
        return event

    def _take_data(self, data: bytes, more: bool) -> Event | None:
        """The event for a piece of a message, of which *more* is at hand; None if it is
        not worth one.
        """
        self.message_bytes += len(data)
        frame_finished = not self._in_frame and not more
        message_finished = frame_finished and self._frames.fin
        text = ""
        decoder = self._decoder
        if decoder is not None:
            text, valid = decoder.decode(data, message_finished)
            if not valid:
                self._fault = fault(
                    CloseReason.INVALID_FRAME_PAYLOAD_DATA, "text that is not UTF-8"
                )
                if self._whole or not text:
                    raise self._fault
                frame_finished = message_finished = False
        if self._whole:
            if not message_finished:
                self._keep(data)
                return None
            if self._pieces:
                self._pieces.append(data)
                data = b"".join(self._pieces)
                self._pieces = []
                if decoder is not None:
                    text = data.decode()
            frame_finished = True
        if message_finished:
            self._opcode = _CONTINUATION
            self._encoded = False
            self._decoder = None
        if decoder is not None:
            if not text and not frame_finished:
                return None
            return TextMessage(text, frame_finished, message_finished)
        if not data and not frame_finished:
            return None
        return BytesMessage(data, frame_finished, message_finished)

    def _keep(self, piece: bytes) -> None:
        """Keep a piece of a message that is to be given as a whole: large ones to be joined
        once, small ones merged, so that a peer that sends single bytes does not make an
        object of each.
        """
        pieces = self._pieces
        if len(piece) >= _LARGE_PIECE:
            pieces.append(piece)
        elif pieces and type(last := pieces[-1]) is bytearray:
            last += piece
        else:
            pieces.append(bytearray(piece))

    def _take_control(self, piece: bytes) -> Event | None:
        """The event for a control frame, once it is there in full: 125 bytes at most."""
        self._control += piece
        if self._in_frame:
            return None
        payload = self._control
        opcode = self._frames.opcode
        if opcode == _PING:
            return Ping(payload)
        if opcode == _PONG:
            return Pong(payload)
        return parse_close(payload)


def parse_close(payload: bytes) -> CloseConnection:
    """What a Close frame says (RFC 6455 §5.5.1, §7.1.5).

    Raises :exc:`~wsproto_core.RemoteProtocolError` for a payload of one byte or a code
    that may not be on the wire (1002), and for a reason that is not UTF-8 (1007).
    """
    if not payload:
        return CloseConnection(CloseReason.NO_STATUS_RCVD, "")
    if len(payload) == 1:
        raise fault(CloseReason.PROTOCOL_ERROR, "Close frame of one byte")
    code = int.from_bytes(payload[:2], "big")
    if not is_wire_close_code(code):
        raise fault(CloseReason.PROTOCOL_ERROR, f"Close frame with code {code}")
    reason, valid = Utf8Decoder().decode(payload[2:], True)
    if not valid:
        raise fault(
            CloseReason.INVALID_FRAME_PAYLOAD_DATA, "Close frame with a reason that is not UTF-8"
        )
    return CloseConnection(_name_close_code(code), reason)


class MessageWriter:
    """Turns events into frames.

    :param keys: where masking keys come from in a client; None in a server.
    :param codec: the extension's, if one was agreed on, with its reserved bit *rsv*.
    """

    __slots__ = (
        "_codec",
        "_codec_rsv",
        "_encoding",
        "_keys",
        "_opcode",
        "plain",
        "saved_bytes",
        "unfinished_frames",
    )

    def __init__(self, *, keys: MaskingKeys | None, codec: MessageCodec | None, rsv: int) -> None:
        self._keys = keys
        self._codec = codec
        self._codec_rsv = rsv
        self._opcode = _CONTINUATION
        self._encoding = False
        #: Whether the next message's frame is no more than its header and its payload:
        #: no codec, and no message begun.
        self.plain = codec is None
        #: For statistics: the bytes that the codec has saved (or cost, if negative), and
        #: the frames that did not end their message.
        self.saved_bytes = 0
        self.unfinished_frames = 0

    @property
    def encodes(self) -> bool:
        """Whether there is a codec."""
        return self._codec is not None

    @property
    def fragmenting(self) -> bool:
        """Whether a message has been begun, and not been ended."""
        return self._opcode != _CONTINUATION

    def stop(self) -> None:
        """There will be no more messages."""
        self._codec = None

    def _fresh_key(self) -> bytes | None:
        return self._keys.fresh() if self._keys else None

    def message(
        self, data: str | bytes | bytearray | memoryview, fin: bool, compress: bool | None
    ) -> list[bytes]:
        """The frame for a message or a fragment of one, as buffers.

        *compress* decides for a message, where an extension was agreed on, by its first
        fragment; None leaves it to the extension's policy.
        """
        opcode, payload = encode_payload(data)
        key = self._fresh_key()  # first: its source may fail, and nothing has changed yet
        first = opcode
        if self._opcode == _CONTINUATION:
            codec = self._codec
            self._encoding = codec is not None and (
                codec.applies_to(_OPCODES[opcode], len(payload)) if compress is None else compress
            )
            if self._encoding:
                first |= self._codec_rsv
        elif self._opcode != opcode:
            raise LocalProtocolError(
                f"{Opcode(opcode).name} within a message of {Opcode(self._opcode).name}"
            )
        else:
            first = _CONTINUATION
        if self._encoding and self._codec is not None:
            size = len(payload)
            payload = self._codec.encode(payload, fin)
            self.saved_bytes += size - len(payload)
        self._opcode = _CONTINUATION if fin else opcode
        self.plain = fin and self._codec is None
        self.unfinished_frames += not fin
        return serialize_frame(FIN | first if fin else first, payload, key)

    def prepared(self, message: PreparedMessage, compress: bool | None) -> bytes:
        """The frame for a prepared message: one that is shared, where that can be."""
        if self._opcode != _CONTINUATION:
            raise LocalProtocolError("a prepared message within a fragmented one")
        codec = self._codec
        if self._keys is not None:
            return b"".join(self.message(message.data, True, compress))
        if codec is None:
            return message.plain_frame
        if compress is None:
            compress = codec.applies_to(message.opcode, len(message.payload))
        if not compress:
            return message.plain_frame
        setting = codec.sharing_setting
        if setting is None:
            return b"".join(self.message(message.data, True, True))
        shared = message.shared(setting)
        if shared is None:
            encoded = codec.encode_shared(message.payload)
            shared = message.keep(setting, self._codec_rsv, encoded)
        codec.sent_shared()
        self.saved_bytes += shared.saved_bytes
        return shared.frame

    # What an application gives is judged here. It is not said to be of the right type, for
    # then the compiled build would refuse it before, by a TypeError.

    def control(self, opcode: int, payload: object) -> bytes:
        """A ping or a pong."""
        if not isinstance(payload, (bytes, bytearray, memoryview)):
            raise LocalProtocolError(
                f"the payload of a {Opcode(opcode).name} must be bytes, "
                f"not {type(payload).__name__}"
            )
        data = bytes(payload)
        if len(data) > MAX_CONTROL_PAYLOAD:
            raise LocalProtocolError(
                f"the payload of a {Opcode(opcode).name} may have {MAX_CONTROL_PAYLOAD} bytes, "
                f"not {len(data)} (RFC 6455 §5.5)"
            )
        return b"".join(serialize_frame(FIN | opcode, data, self._fresh_key()))

    def close(self, code: object, reason: object) -> bytes:
        """A Close frame; :func:`close_payload` says which."""
        return self.control(_CLOSE, close_payload(code, reason))


def sent_close_code(code: Any) -> Any:
    """The code that the peer sees for *code* in a ``CloseConnection`` that is sent."""
    if code is None:
        return CloseReason.NO_STATUS_RCVD
    if code == CloseReason.ABNORMAL_CLOSURE:
        return CloseReason.NORMAL_CLOSURE
    return code


def close_payload(code: Any, reason: Any) -> bytes:
    """The payload of a Close frame (RFC 6455 §5.5.1).

    1005 and None mean no code, hence no reason either. 1006 is sent as 1000: trio-websocket
    and mitmproxy pass it on from a transport that was lost. Any other code that may not be
    on the wire is refused. A reason longer than 123 bytes is cut, at a character.
    """
    code = sent_close_code(code)
    if code == CloseReason.NO_STATUS_RCVD:
        if reason:
            raise LocalProtocolError("a Close frame cannot have a reason without a code")
        return b""
    if not isinstance(code, int) or not is_wire_close_code(code):
        raise LocalProtocolError(f"a Close frame cannot have the code {code} (RFC 6455 §7.4)")
    if not isinstance(reason, str | None):
        raise LocalProtocolError(f"a reason must be str, not {type(reason).__name__}")
    try:
        encoded = (reason or "").encode()
    except UnicodeEncodeError as exc:
        raise unencodable("a reason", exc) from None
    cut = encoded[: MAX_CONTROL_PAYLOAD - 2].decode(errors="ignore").encode()
    return code.to_bytes(2, "big") + cut


__all__ = [
    "MessageReader",
    "MessageWriter",
    "close_payload",
    "parse_close",
    "sent_close_code",
]
