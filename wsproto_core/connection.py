"""A connection after its opening handshake: messages, pings, pongs, and how it ends.

:class:`Connection` is what HTTP/2 and HTTP/3 servers use by itself;
:class:`~wsproto_core.WSConnection` is one with the HTTP/1.1 handshake before it.

Bytes go in by :meth:`Connection.receive_data` and are only kept there; they are read when
events are taken. So the state moves with the event that causes it, and a text that
arrived in one read with the peer's Close can still be answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from os import urandom
from typing import Final, Protocol

from .errors import LocalProtocolError, RemoteProtocolError
from .events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)
from .extension_api import Extension
from .frame_protocol import FIN, HEADER_16, LENGTH_16_BIT, frame_header
from .limits import DEFAULT_LIMITS, Limits
from .masking import (
    MASK_AS_NUMBER,
    REPEAT,
    REPEAT_STEP,
    EntropySource,
    MaskingKeys,
    apply_mask,
)
from .messages import MessageReader, MessageWriter
from .prepared import PreparedMessage, unencodable
from .states import TRANSITIONS, ConnectionState, ConnectionType, Input
from .words import CloseReason, Opcode

CLIENT = ConnectionType.CLIENT
SERVER = ConnectionType.SERVER

_from_bytes = int.from_bytes
_pack_16_bit = HEADER_16.pack

# Names for the fast paths: a global is cheaper than an attribute of a class.
_OPEN: Final = ConnectionState.OPEN
_CLOSED: Final = ConnectionState.CLOSED
_WHOLE_TEXT: Final = FIN | int(Opcode.TEXT)
_WHOLE_BINARY: Final = FIN | int(Opcode.BINARY)
_PING: Final = int(Opcode.PING)
_PONG: Final = int(Opcode.PONG)

# For each second byte of a frame's header, how many bytes it says to follow, masking key
# included, if it is fit for the fast path: in a server and in a client.
_SIZE_FOLLOWS: Final = -2
_UNFIT: Final = -1
_MASKED_SIZES: Final = (*(_UNFIT,) * 128, *range(4, 130), _SIZE_FOLLOWS, _UNFIT)
_UNMASKED_SIZES: Final = (*range(126), _SIZE_FOLLOWS, _UNFIT, *(_UNFIT,) * 128)
_NO_SIZES: Final = (_UNFIT,) * 256

# The headers of unmasked frames that hold a whole message shorter than 126 bytes.
_SHORT_TEXT: Final = [frame_header(_WHOLE_TEXT, n, None) for n in range(126)]
_SHORT_BINARY: Final = [frame_header(_WHOLE_BINARY, n, None) for n in range(126)]


class Policy(Protocol):
    """What :meth:`Connection.events` can be given to act on events before its caller sees
    them. A :class:`~wsproto_core.session.Session` is one.
    """

    #: The messages that were given without asking, and the bytes of their frames behind
    #: the length: payload, and the masking key in a server.
    fast_messages: int
    fast_bytes: int

    def take(self, event: Event) -> Event | None:
        """Give what the caller is to see instead, or None if nothing."""

    def paused(self) -> bool:
        """Whether no more is to be read, after an event of which nothing is to be seen."""


class Connection:
    """One end of an open WebSocket connection (RFC 6455 §5 to §7).

    :param connection_type: which end.
    :param extensions: those that the opening handshake agreed on. Only those that are
        ``enabled()`` count; each makes state of its own for this connection.
    :param trailing_data: bytes that came behind the opening handshake.
    :param whole_messages: give a message as one event, when it is complete, instead of
        as it arrives, piece by piece.
    :param limits: how much the peer may send.
    :param entropy: a client's source of masking keys (§5.3): ``entropy(n)`` gives *n*
        unpredictable bytes. For tests and simulations that must be repeatable.

    Raises :exc:`~wsproto_core.LocalProtocolError` for more than one extension that
    transforms messages.
    """

    def __init__(
        self,
        connection_type: ConnectionType,
        extensions: Sequence[Extension] | None = None,
        trailing_data: bytes = b"",
        *,
        whole_messages: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        entropy: EntropySource = urandom,
    ) -> None:
        client = connection_type is CLIENT
        #: True in a client, False in a server.
        self.client = client
        codecs = [
            (codec, extension.rsv)
            for extension in extensions or ()
            if extension.enabled() and (codec := extension.codec(client)) is not None
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
        # For the fast path of events(): whether the peer masks, the longest payload, and
        # the sizes that a second byte states; none under limits that even the shortest
        # frames could exceed.
        self._masked = not client
        self._fast_size = min(65535, limits.max_frame_size, limits.max_message_size)
        self._sizes = _UNMASKED_SIZES if client else _MASKED_SIZES
        if self._fast_size < 125:
            self._sizes = _NO_SIZES
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
            message: Message[str | bytes] = event  # type: ignore[assignment]
            data = message.data
            if message.message_finished:
                if type(data) is str:
                    first, headers = _WHOLE_TEXT, _SHORT_TEXT
                    try:
                        payload = data.encode()
                    except UnicodeEncodeError as exc:
                        raise unencodable("text", exc) from None
                elif type(data) is bytes:
                    first, headers = _WHOLE_BINARY, _SHORT_BINARY
                    payload = data
                else:
                    return b"".join(self.send_buffers(event))
                size = len(payload)
                if self._keys is None:
                    if size < LENGTH_16_BIT:
                        return headers[size] + payload
                    if size < 65536:
                        return _pack_16_bit(first, LENGTH_16_BIT, size) + payload
                    return frame_header(first, size, None) + payload
                key = self._keys.fresh()
                return frame_header(first, size, key) + apply_mask(payload, key)
        return b"".join(self.send_buffers(event, compress=compress))

    def send_buffers(self, event: Event, *, compress: bool | None = None) -> list[bytes]:
        """Like :meth:`send`, but gives the bytes as buffers for ``writelines`` or
        ``sendmsg``, so that a server's large payload is not copied behind its header.
        """
        if isinstance(event, Message):
            self._require(Input.SEND_MESSAGE)
            buffers = self._writer.message(event.data, event.message_finished, compress)
            self.sends_alone = self._writer.plain
            return buffers
        if isinstance(event, PreparedMessage):
            self._require(Input.SEND_MESSAGE)
            return [self._writer.prepared(event, compress)]
        return [self._send_control(event)]

    def _send_control(self, event: Event) -> bytes:
        if isinstance(event, Ping):
            self._require(Input.SEND_PING)
            return self._writer.control(_PING, event.payload)
        if isinstance(event, Pong):
            self._require(Input.SEND_PONG)
            return self._writer.control(_PONG, event.payload)
        if isinstance(event, CloseConnection):
            following = self._require(Input.SEND_CLOSE)
            data = self._writer.close(event.code, event.reason)
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

    def receive_data(self, data: bytes | None) -> None:
        """Take bytes from the peer, or None for the end of the transport.

        Take :meth:`events` afterwards. Nothing that a peer sends raises: its faults are
        events. What follows its Close, or its fault, is discarded.

        Raises :exc:`~wsproto_core.LocalProtocolError` for bytes in state ``CLOSED``,
        where the transport should be closed and not read, and for bytes after None.
        """
        if data and not self._deaf:
            if type(data) is not bytes:
                data = bytes(data)
            if self.input:
                # Two reads without events() between them
                self._reader.feed(self.input, self._at)
                self._reader.feed(data, 0)
                self._unseen = True
                self.input = b""
                self._at = 0
            else:
                self.input = data
        elif data is None:
            self._eof = self._deaf = True
        elif data and (self._eof or self._state is _CLOSED):
            raise LocalProtocolError(
                "cannot receive data after the end of the transport"
                if self._eof
                else "cannot receive data in state CLOSED"
            )

    def events(self, policy: Policy | None = None) -> Iterator[Event]:
        """Give the events that have arrived, in order.

        What is not taken stays for the next call. The last event of every connection is
        one ``CloseConnection``: see there for its three kinds.

        :param policy: is shown each event before it is given, except for whole messages
            in one uncompressed frame, which it is only told the size of.
        """
        reader = self._reader
        masked = self._masked
        sizes = self._sizes
        while True:
            if self._injected:
                yield self._injected.popleft()
                continue
            # The fast path: whole uncompressed messages in one frame that is here in
            # full, up to 64 KiB. It stops before whatever is none, with nothing done;
            # the general path would have given the same events, only later.
            data = self.input
            at = self._at
            while data and not reader.busy:
                try:
                    first = data[at]
                    if first != _WHOLE_TEXT and first != _WHOLE_BINARY:
                        break
                    begin = at + 2
                    size = sizes[data[at + 1]]
                    if size < 0:
                        if size == _UNFIT:
                            break
                        size = data[at + 2] << 8 | data[at + 3]
                        if size < LENGTH_16_BIT or size > self._fast_size:
                            break
                        begin = at + 4
                        if masked:
                            size += 4
                except IndexError:
                    break
                stop = begin + size
                end = len(data)
                if stop > end:
                    break
                if not masked:
                    payload = data[begin:stop]
                elif size < MASK_AS_NUMBER:
                    # apply_mask() drawn in here, and shortened: the key lies before the
                    # payload, so both are read as one number, whose lowest 32 bits are
                    # the key; masked by itself the key is 0, and is cut off.
                    steps = size + REPEAT_STEP - 1 >> 4
                    number = _from_bytes(data[begin:stop], "little")
                    number ^= (number & 0xFFFFFFFF) * REPEAT[steps]
                    payload = number.to_bytes(steps << 4, "little")[4:size]
                else:
                    payload = apply_mask(data[begin + 4 : stop], data[begin : begin + 4])
                event: Event | None
                if first == _WHOLE_TEXT:
                    try:
                        event = TextMessage(payload.decode())
                    except UnicodeDecodeError:
                        break
                else:
                    event = BytesMessage(payload)
                if stop == end:
                    self.input = b""
                    self._at = 0
                else:
                    self._at = stop
                if policy is not None:
                    policy.fast_messages += 1
                    policy.fast_bytes += size
                yield event
                if self._injected:
                    data = b""  # they come first: see above
                    break
                # Meanwhile more may have been received, or taken.
                data = self.input
                at = self._at
            if data:
                self.input = b""
                self._at = 0
                reader.feed(data, at)
                self._unseen = True
            elif not reader.busy and not self._eof:
                if self._injected:
                    continue
                return
            try:
                event = reader.next_event()
            except RemoteProtocolError as exc:
                event = self._fail(exc)
            else:
                if event is None:
                    if self._injected:
                        continue
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

    def _finish(self, last: Input) -> None:
        """Nothing is processed any more, nor kept."""
        self._finished = self._deaf = True
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
        _forget_frames(error)
        hint = error.event_hint
        if not isinstance(hint, CloseConnection):
            hint = CloseConnection(CloseReason.PROTOCOL_ERROR, str(error))
        self._finish(Input.RECEIVE_FAULT)
        return CloseConnection(hint.code, hint.reason, error=error)


def _forget_frames(error: BaseException | None) -> None:
    """Drop tracebacks, of the error and of what caused it.

    They refer to the connection, which may refer to its last event, and a connection is to
    be freed by reference counts alone. What else was being handled is not their matter.
    """
    while error is not None:
        error.__traceback__ = None
        error.__context__ = None
        error = error.__cause__


__all__ = [
    "CLIENT",
    "SERVER",
    "Connection",
    "ConnectionState",
    "ConnectionType",
    "Policy",
]
