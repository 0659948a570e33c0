"""All of a :class:`~wsproto_core.connection.Connection`, but that it is that one which users
subclass, patch and give attributes: this one is a native class in the compiled build.

Bytes go in by :meth:`ConnectionBase.receive_data` and are only kept there; they are read when
events are taken. So the state moves with the event that causes it, and a text that
arrived in one read with the peer's Close can still be answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from os import urandom
from typing import Any, Final

from .common_frames import (
    MASKED_BINARY,
    MASKED_SHAPES,
    MASKED_TEXT,
    NO_SHAPES,
    SHORT_BINARY,
    SHORT_TEXT,
    SHORTEST_LONG,
    SIZE_FOLLOWS,
    UNFIT,
    UNMASKED_SHAPES,
    WHOLE,
    WHOLE_BINARY,
    WHOLE_TEXT,
)
from .compiling import mypyc_attr
from .errors import LocalProtocolError, RemoteProtocolError, forget_frames
from .events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
    failure,
)
from .extension_api import Extension
from .frame_protocol import (
    HEADER_16,
    LENGTH_16_BIT,
    OPCODE_MASK,
    frame_header,
)
from .limits import DEFAULT_LIMITS, Limits
from .masking import COMPILED, EntropySource, MaskingKeys, apply_mask, unmask
from .message_fields import MessageFields
from .messages import MessageReader, MessageWriter
from .prepared import PreparedMessage, unencodable
from .states import TRANSITIONS, ConnectionState, ConnectionType, Input
from .typing import Policy
from .words import CloseReason, Opcode

CLIENT = ConnectionType.CLIENT
SERVER = ConnectionType.SERVER

_from_bytes: Final = int.from_bytes
# An event made thus, and filled in, takes half the time of one made by its __init__.
_new: Final[Callable[[type[MessageFields]], MessageFields]] = MessageFields.__new__
_NOTHING: Final = iter(())
_pack_16_bit: Final = HEADER_16.pack

# Names for the fast paths: a global is cheaper than an attribute of a class.
_OPEN: Final = ConnectionState.OPEN
_CLOSED: Final = ConnectionState.CLOSED
_PING: Final = int(Opcode.PING)
_PONG: Final = int(Opcode.PONG)


@mypyc_attr(allow_interpreted_subclasses=True)
class ConnectionBase:
    """All of a :class:`~wsproto_core.connection.Connection`, which documents its parameters."""

    def __init__(
        self,
        connection_type: ConnectionType,
        extensions: Sequence[Extension] | None = None,
        trailing_data: bytes | bytearray | memoryview = b"",
        *,
        whole_messages: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        entropy: EntropySource = urandom,
    ) -> None:
        client = connection_type is CLIENT
        #: True in a client, False in a server.
        self.client = client
        #: The extensions in use: those that the opening handshake agreed on, as configured
        #: by it (:attr:`PerMessageDeflate.agreed
        #: <wsproto_core.extensions.PerMessageDeflate.agreed>`). Not to be changed.
        self.extensions = tuple(each for each in extensions or () if each.enabled())
        codecs = [
            (codec, extension.rsv)
            for extension in self.extensions
            if (codec := extension.codec(client)) is not None
        ]
        if len(codecs) > 1:
            raise LocalProtocolError("only one extension of a connection can transform messages")
        codec, rsv = codecs[0] if codecs else (None, 0)
        self._reader = MessageReader(
            masked=not client, codec=codec, rsv=rsv, limits=limits, whole=whole_messages
        )
        self._keys = MaskingKeys(entropy) if client else None
        self._writer = MessageWriter(keys=self._keys, codec=codec, rsv=rsv)
        #: The peer's bytes, from _at on, before the reader has been given them. Public only
        #: for a session, which sets it itself while there are none.
        self.input = b""
        self._at = 0
        # What events() gave last without a generator. If it was not taken it comes first in
        # the next call: its length hint tells.
        self._given: Any = _NOTHING
        # For the fast paths of events(): the first bytes of the frames that they are for,
        # whether the peer masks, the longest payload, and what a header's second byte says;
        # none is fit under limits that even the shortest frames could exceed.
        self._first_bytes = WHOLE if codec is None else (*WHOLE, *(rsv | byte for byte in WHOLE))
        self._masked = not client
        self._fast_size = min(limits.max_frame_size, limits.max_message_size)
        self._shapes = UNMASKED_SHAPES if client else MASKED_SHAPES
        if self._fast_size < 125:
            self._shapes = NO_SHAPES
        #: For that of send(): whether a message's frame is its header and its payload (and
        #: a mask): the connection is open, without compression, and within no message.
        self.sends_alone = codec is None
        # Events that did not come from the peer's bytes. Nothing here puts any in, but
        # proxies do, to have them delivered in order.
        self._injected: deque[Event] | None = None
        self._state = _OPEN
        # Whether the peer's Close, or its fault, has been given: nothing follows it.
        self._finished = False
        self._eof = False
        # Whether the reader may have been given more than it has been asked for.
        self._unseen = False
        # Whether what arrives is of no use any more.
        self._deaf = False
        if trailing_data:
            self.receive_data(trailing_data)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} client={self.client} state={self._state}>"

    @property
    def state(self) -> ConnectionState:
        """Where the connection is in its life, by the events sent and taken."""
        return self._state

    @property
    def _events(self) -> deque[Event]:
        """Events to be given before those that arrive. mitmproxy puts messages here."""
        if self._injected is None:
            self._injected = deque()
        return self._injected

    def inject(self, event: Event) -> None:
        """Have :meth:`events` give an event that the peer did not send, before whatever
        of the peer's has not been read.
        """
        self._events.append(event)

    def forget_injected(self) -> None:
        """Discard what was injected, and not taken."""
        self._injected = None

    @property
    def waiting(self) -> bool:
        """Whether there are events that were injected."""
        return bool(self._injected)

    @property
    def neglected(self) -> bool:
        """Whether anything has been received that :meth:`events` has not looked at."""
        return bool(self.input or (self._unseen and self._reader.unread))

    @property
    def unread(self) -> int:
        """Bytes that were received and that no event has been looked for in."""
        return len(self.input) - self._at + self._reader.unread

    @property
    def reader(self) -> MessageReader:
        """What counts that was received; for statistics."""
        return self._reader

    @property
    def writer(self) -> MessageWriter:
        """What counts that was sent; for statistics."""
        return self._writer

    def change_entropy(self, change: Callable[[EntropySource], EntropySource]) -> None:
        """Draw masking keys from what *change* makes of the source; for recordings."""
        if self._keys is not None:
            self._keys.source = change(self._keys.source)

    @property
    def sends_plain(self) -> bool:
        """Whether this end sends messages as a header and their payload: it is an open
        server's, without compression.
        """
        return self._state is _OPEN and self._keys is None and not self._writer.encodes

    # Sending

    def send(self, event: Event, *, compress: bool | None = None) -> bytes:
        """Give the bytes to send for *event*.

        :param event: a message or a fragment of one, a ``PreparedMessage``, ``Ping``,
            ``Pong``, or ``CloseConnection``.
        :param compress: for a message, or its first fragment: whether to compress it, if
            permessage-deflate was agreed on; None follows its threshold. Ignored
            otherwise.

        Raises :exc:`~wsproto_core.LocalProtocolError`, and changes nothing, if the
        state does not allow the event (RFC 6455 §5.5.1: no data after a Close) or the
        protocol does not allow its content: a control frame's payload over 125 bytes,
        a code that no Close frame may carry, text that has no UTF-8 form, another type
        within a fragmented message.
        """
        kind = type(event)
        if self.sends_alone and (kind is TextMessage or kind is BytesMessage or kind is Message):
            # The fast path: the one frame of an uncompressed message.
            message: MessageFields = event  # type: ignore[assignment]
            data = message.data
            if not message.message_finished:
                return b"".join(self.send_buffers(event))
            if type(data) is str:
                first, headers, masks = WHOLE_TEXT, SHORT_TEXT, MASKED_TEXT
                try:
                    payload = data.encode()
                except UnicodeEncodeError as exc:
                    raise unencodable("text", exc) from None
            elif type(data) is bytes:
                first, headers, masks = WHOLE_BINARY, SHORT_BINARY, MASKED_BINARY
                payload = data
            else:
                return b"".join(self.send_buffers(event))
            size = len(payload)
            keys = self._keys
            if keys is None:
                if size < LENGTH_16_BIT:
                    return headers[size] + payload
                if size < 65536:
                    return _pack_16_bit(first, LENGTH_16_BIT, size) + payload
                return frame_header(first, size, None) + payload
            if size < LENGTH_16_BIT and not COMPILED:
                header, repeat, padded = masks[size]
                try:
                    key = keys.block.pop()
                except IndexError:
                    key = keys.fresh_number()
                number = _from_bytes(header + payload, "little") ^ key * repeat
                return number.to_bytes(padded, "little")[: size + 6]
            masking_key = keys.fresh()
            return frame_header(first, size, masking_key) + apply_mask(payload, masking_key)
        return b"".join(self.send_buffers(event, compress=compress))

    def send_buffers(self, event: Event, *, compress: bool | None = None) -> list[bytes]:
        """Like :meth:`send`, but gives the bytes as buffers for ``writelines`` or
        ``sendmsg``, so that a server's large payload is not copied behind its header.
        """
        if isinstance(event, Message):
            if self._state is not _OPEN:  # where it is allowed
                self._require(Input.SEND_MESSAGE)
            given: Any = event  # its flag may be whatever is true or false
            buffers = self._writer.message(given.data, bool(given.message_finished), compress)
            self.sends_alone = self._writer.plain
            return buffers
        if isinstance(event, PreparedMessage):
            self._require(Input.SEND_MESSAGE)
            return [self._writer.prepared(event, compress)]
        return [self._send_control(event)]

    def _send_control(self, event: Event) -> bytes:
        given: Any = event  # what it holds is judged by the writer: see there
        if isinstance(event, Ping):
            self._require(Input.SEND_PING)
            return self._writer.control(_PING, given.payload)
        if isinstance(event, Pong):
            self._require(Input.SEND_PONG)
            return self._writer.control(_PONG, given.payload)
        if isinstance(event, CloseConnection):
            following = self._require(Input.SEND_CLOSE)
            data = self._writer.close(given.code, given.reason)
            self._enter(following)
            return data
        raise LocalProtocolError(
            f"{type(event).__name__} cannot be sent once the connection is open"
        )

    def _require(self, event: Input) -> ConnectionState:
        following = TRANSITIONS.get((self._state, event))
        if following is None:
            raise self._illegal(event)
        return following

    def _illegal(self, event: Input) -> LocalProtocolError:
        return LocalProtocolError(f"cannot {event.value} in state {self._state.name}")

    # Receiving

    def receive_data(self, data: bytes | bytearray | memoryview | None) -> None:
        """Take bytes from the peer, or None for the end of the transport.

        Take :meth:`events` afterwards. Nothing that a peer sends raises: its faults are
        events. What follows its Close, or its fault, is discarded.

        Raises :exc:`~wsproto_core.LocalProtocolError` for bytes in state ``CLOSED``,
        where the transport should be closed and not read, and for bytes after None.
        """
        if type(data) is bytes and not (self.input or self._deaf):
            self.input = data
        elif data and not self._deaf:
            if type(data) is not bytes:
                data = bytes(data)
            if self.input:
                # Two reads without events() between them
                self._pass_on()
                self._reader.feed(data, 0)
            else:
                self.input = data
        elif data is None:
            self._eof = self._deaf = True
            if self.input:
                self._pass_on()  # for it has something behind it now
        elif data and (self._eof or self._state is _CLOSED):
            raise LocalProtocolError(
                "cannot receive data after the end of the transport"
                if self._eof
                else "cannot receive data in state CLOSED"
            )

    def _pass_on(self) -> None:
        """Leave what was received to the reader."""
        self._reader.feed(self.input, self._at)
        self._unseen = True
        self.input = b""
        self._at = 0

    def events(self, policy: Policy | None = None) -> Iterator[Event]:
        """Give the events that have arrived, in order.

        What is not taken stays for the next call; what arrives while they are taken may,
        too. The last event of every connection is one ``CloseConnection``: see there for
        its three kinds.

        :param policy: is shown each event before it is given, except for whole messages
            in one uncompressed frame, which it is only told the size of.
        """
        # What is most common needs no generator: what was received is one whole message, in
        # one uncompressed frame. Else nothing is done here.
        data = self.input
        end = len(data)
        if (
            end < 2
            or data[0] not in WHOLE
            or self._at
            or self._injected
            or self._reader.busy
            or self._given.__length_hint__()
        ):
            return self._read(policy)
        size, repeat, padded = self._shapes[data[1]]
        begin = 2
        if size < 0:
            if size == UNFIT or end < SHORTEST_LONG:
                return self._read(policy)
            begin, least = (4, LENGTH_16_BIT) if size == SIZE_FOLLOWS else (10, 65536)
            size = _from_bytes(data[2:begin], "big")
            if size < least or size > self._fast_size:
                return self._read(policy)
            if self._masked:
                size += 4
        if begin + size != end:
            return self._read(policy)
        if padded:
            # unmask(), drawn in here
            number = _from_bytes(data[2:], "little")
            number ^= (number & 0xFFFFFFFF) * repeat
            payload = number.to_bytes(padded, "little")[4:size]
        elif self._masked:
            payload = unmask(data, begin, end)
        else:
            payload = data[begin:]
        event: MessageFields
        if data[0] == WHOLE_TEXT:
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                return self._read(policy)
            event = _new(TextMessage)
            event.data = text
        else:
            event = _new(BytesMessage)
            event.data = payload
        event.frame_finished = event.message_finished = True
        self.input = b""
        if policy is not None:
            policy.fast_messages += 1
            policy.fast_bytes += size
        given: Iterator[Any] = iter((event,))
        self._given = given
        return given

    def _read(self, policy: Policy | None) -> Iterator[Any]:
        """Give what has arrived, one event at a time."""
        yield from self._given
        reader = self._reader
        masked = self._masked
        shapes = self._shapes
        first_bytes = self._first_bytes
        while True:
            if self._injected:
                yield self._injected.popleft()
                continue
            # The fast path for any number of whole messages. It stops before whatever is
            # none; the general path would have given the same events, only later.
            data = self.input
            at = self._at
            event: Event | MessageFields | None
            while data and not reader.busy:
                try:
                    first = data[at]
                    size, repeat, padded = shapes[data[at + 1]]
                    begin = at + 2
                    if size < 0:
                        if size != SIZE_FOLLOWS:
                            break
                        begin = at + 4
                        size = data[at + 2] << 8 | data[at + 3]
                        if size < LENGTH_16_BIT or size > self._fast_size:
                            break
                        if masked:
                            size += 4
                except IndexError:
                    break
                stop = begin + size
                end = len(data)
                if stop > end or first not in first_bytes:
                    break
                if padded:
                    # unmask(), drawn in here
                    number = _from_bytes(data[begin:stop], "little")
                    number ^= (number & 0xFFFFFFFF) * repeat
                    payload = number.to_bytes(padded, "little")[4:size]
                elif masked:
                    payload = unmask(data, begin, stop)
                else:
                    payload = data[begin:stop]
                if first == WHOLE_TEXT:
                    try:
                        text = payload.decode()
                    except UnicodeDecodeError:
                        break
                    message = _new(TextMessage)
                    message.data = text
                    message.frame_finished = message.message_finished = True
                    event = message
                elif first == WHOLE_BINARY:
                    message = _new(BytesMessage)
                    message.data = payload
                    message.frame_finished = message.message_finished = True
                    event = message
                else:
                    event = None  # that is for the codec
                if stop == end:
                    self.input = b""
                    self._at = 0
                else:
                    self._at = stop
                if event is None:
                    event = self._take_encoded(first, payload)
                    if event is not None and policy is not None:
                        event = policy.take(event)
                    if event is None:
                        data = self.input
                        break
                elif policy is not None:
                    policy.fast_messages += 1
                    policy.fast_bytes += size
                yield event
                if self._injected:
                    break
                # Meanwhile more may have been received, or taken.
                data = self.input
                at = self._at
            if self._injected:
                continue
            if data:
                self._pass_on()
            elif not reader.busy and not self._eof:
                return
            try:
                event = reader.next_event()
            except RemoteProtocolError as exc:
                event = self._fail(exc)
            else:
                if event is None:
                    if not self._eof or self._finished:
                        self._unseen = False
                        return
                    event = CloseConnection(CloseReason.ABNORMAL_CLOSURE, "")
                    self._finish(Input.RECEIVE_EOF)
                elif type(event) is CloseConnection:
                    self._finish(Input.RECEIVE_CLOSE)
                else:
                    self.input, self._at = reader.hand_back()
            if policy is not None:
                event = policy.take(event)
                if event is None:
                    if policy.paused():
                        return
                    continue
            yield event

    def _take_encoded(self, first: int, payload: bytes) -> Event | None:
        """What comes of a message for the codec that is here in one frame, to begin with."""
        self._unseen = True
        try:
            return self._reader.take_encoded(first & OPCODE_MASK, payload)
        except RemoteProtocolError as exc:
            return self._fail(exc)

    def _finish(self, last: Input) -> None:
        """Nothing is processed any more, nor kept."""
        self._finished = self._deaf = True
        self._given = _NOTHING
        self.input = b""
        self._at = 0
        self._reader.stop()
        self._enter(TRANSITIONS[self._state, last])

    def _enter(self, state: ConnectionState) -> None:
        """The one place where the state changes: never back to OPEN."""
        self._state = state
        self.sends_alone = False
        self._writer.stop()

    def fail(self, error: RemoteProtocolError) -> CloseConnection:
        """Fail the connection (RFC 6455 §7.1.7) for a reason that cannot be seen in the
        bytes: what has not been read is discarded, and :meth:`events` gives no more.

        :param error: the reason. Its ``event_hint`` should be the Close to send.

        Returns what :meth:`events` gives for a fault that it sees. Raises
        :exc:`~wsproto_core.LocalProtocolError` if the peer's Close, or its fault, or the
        end of the transport, has been given already.
        """
        if self._finished:
            raise LocalProtocolError("a connection that has ended cannot fail")
        return self._fail(error)

    def stop(self) -> None:
        """Give up reading, without a last event: what has not been read is discarded."""
        if not self._finished:
            self._finish(Input.RECEIVE_EOF)

    def _fail(self, error: RemoteProtocolError) -> CloseConnection:
        """The last event, and the Close to send."""
        forget_frames(error)
        self._finish(Input.RECEIVE_FAULT)
        return failure(error)


__all__ = ["CLIENT", "SERVER", "ConnectionBase"]
