"""The receiving side of an open connection, read literally from the RFCs.

This is what the engine is compared with, so it shares nothing with it: no import, no
structure, no trick. It is given a whole stream at once, so that how the stream was cut
into reads cannot matter, and goes through it one frame after the other, one byte after the
other. Each branch has the sentence that it follows. It is slow on purpose.

Owns RFC 6455 §5 to §8, RFC 3629 §4 (UTF-8), RFC 7692 §7.2.2 and RFC 1951 (DEFLATE) as a
receiver reads them. Must not know how the engine, zlib or Python's decoder work; where it
has to agree with a choice of theirs that the RFCs leave open, a comment says CHOICE.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wsproto_core.testing.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from wsproto_core.testing.outcomes import (
    DEFAULT_LIMITS,
    DeflateSettings,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Kind,
    Lost,
    Outcome,
    Reading,
    ReceiveLimits,
    Role,
)

from .failing import INFLATED_SIZE, PROTOCOL_ERROR, TOO_BIG, Fail
from .inflating import TAIL, Inflater
from .utf8 import Utf8


class Ended(Exception):
    """The stream stops before what was to be read next is complete."""


class Stream:
    """The bytes of the connection, and how far they have been read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int) -> bytes:
        """The next *count* bytes, all of them."""
        taken = self.take_available(count)
        if len(taken) < count:
            raise Ended
        return taken

    def take_available(self, count: int) -> bytes:
        """The next *count* bytes, or fewer if the stream stops."""
        taken = self.data[self.position : self.position + count]
        self.position += len(taken)
        return taken


def judge(
    data: bytes,
    *,
    eof: bool,
    role: Role,
    deflate: DeflateSettings | None = None,
    limits: ReceiveLimits = DEFAULT_LIMITS,
) -> list[Outcome]:
    """What the endpoint *role* has to make of *data*, in order."""
    return read(data, eof=eof, role=role, deflate=deflate, limits=limits).outcomes


def read(
    data: bytes,
    *,
    eof: bool,
    role: Role,
    deflate: DeflateSettings | None = None,
    limits: ReceiveLimits = DEFAULT_LIMITS,
) -> Reading:
    """Like :func:`judge`, with what was received of a message that did not end.

    :param data: everything that the peer sends after the opening handshake.
    :param eof: whether the transport ends after it.
    :param role: the receiver.
    :param deflate: None if permessage-deflate was not agreed on.
    """
    receiver = Receiver(Stream(data), role, deflate, limits)
    try:
        # §5.5.1, §7.1.7: the loop is left for good after the peer's Close, since it "MUST
        # NOT send any more data frames after sending a Close frame", and after a failure:
        # "An endpoint MUST NOT continue to attempt to process data (including a responding
        # Close frame) from the remote endpoint after being instructed to _Fail the
        # WebSocket Connection_."
        while not receiver.closed:
            receiver.receive_frame()
    except Fail as failure:
        receiver.outcomes.append(Failed(failure.code, failure.why))
    except Ended:
        # §7.1.5: "If _The WebSocket Connection is Closed_ and no Close control frame was
        # received by the endpoint (such as could occur if the underlying transport
        # connection is lost), _The WebSocket Connection Close Code_ is considered to be
        # 1006."
        if eof:
            receiver.outcomes.append(Lost())
    unfinished = b"" if receiver.message is None else bytes(receiver.message.payload)
    return Reading(receiver.outcomes, unfinished, receiver.stream.position)


class Header(NamedTuple):
    """A frame's header (RFC 6455 §5.2)."""

    fin: bool
    rsv1: bool
    opcode: int
    payload_length: int
    masking_key: bytes | None


class Receiver:
    """An endpoint, from the end of the opening handshake on (RFC 6455 §6.2)."""

    def __init__(
        self,
        stream: Stream,
        role: Role,
        deflate: DeflateSettings | None,
        limits: ReceiveLimits,
    ) -> None:
        self.stream = stream
        self.role = role
        self.deflate = deflate
        self.limits = limits
        self.outcomes: list[Outcome] = []
        #: The message in progress.
        self.message: IncomingMessage | None = None
        #: The peer has sent a Close frame.
        self.closed = False
        #: RFC 7692 §7.2.3.2, the LZ77 window of the previous message, where it is kept.
        self.inflater: Inflater | None = None

    def receive_frame(self) -> None:
        header = self.receive_header()
        if header.opcode >= 0x8:
            # §5.4: "Control frames (see Section 5.5) MAY be injected in the middle of a
            # fragmented message." They have nothing to do with it.
            payload = self.stream.take(header.payload_length)
            self.receive_control(header.opcode, unmask(payload, header.masking_key))
            return
        message = self.message_of(header)
        # §8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the
        # byte stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the
        # WebSocket Connection_." The stream is interpreted as far as it is there, without
        # waiting for the rest of the frame.
        arrived = self.stream.take_available(header.payload_length)
        message.take(unmask(arrived, header.masking_key))
        if len(arrived) < header.payload_length:
            raise Ended
        if header.fin:
            message.end()
            self.outcomes.append(GotMessage(message.kind, bytes(message.payload)))
            self.message = None

    def receive_header(self) -> Header:
        first, second = self.stream.take(2)
        fin = bool(first & 0x80)
        rsv1 = bool(first & 0x40)
        opcode = first & 0x0F
        masked = bool(second & 0x80)
        length = second & 0x7F

        # What the first two bytes show.

        # §5.2: RSV1, RSV2, RSV3 "MUST be 0 unless an extension is negotiated that defines
        # meanings for non-zero values. If a nonzero value is received and none of the
        # negotiated extensions defines the meaning of such a nonzero value, the receiving
        # endpoint MUST _Fail the WebSocket Connection_."
        if first & 0x30:
            raise Fail(PROTOCOL_ERROR, "RSV2 or RSV3")
        # RFC 7692 §6.1: "An endpoint MUST NOT set the "Per-Message Compressed" bit of control
        # frames and non-first fragments of a data message. An endpoint receiving such a frame
        # MUST _Fail the WebSocket Connection_."
        if rsv1 and (self.deflate is None or opcode not in (TEXT, BINARY)):
            raise Fail(PROTOCOL_ERROR, "RSV1")
        # §5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the
        # WebSocket Connection_." Those known are
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise Fail(PROTOCOL_ERROR, "reserved opcode")
        # §5.5: "All control frames MUST have a payload length of 125 bytes or less and
        # MUST NOT be fragmented."
        if opcode >= 0x8 and (not fin or length > 125):
            raise Fail(PROTOCOL_ERROR, "fragmented or long control frame")
        # §5.1: "The server MUST close the connection upon receiving a frame that is not
        # masked. [...] A client MUST close a connection if it detects a masked frame. In
        # this case, it MAY use the status code 1002 (protocol error) as defined in Section
        # 7.4.1."
        if masked != (self.role == "server"):
            raise Fail(PROTOCOL_ERROR, "masking")

        # The payload length. §5.2: "Note that in all cases, the minimal number of bytes
        # MUST be used to encode the length, for example, the length of a 124-byte-long
        # string can't be encoded as the sequence 126, 0, 124."
        if length == 126:
            # "If 126, the following 2 bytes interpreted as a 16-bit unsigned integer are
            # the payload length."
            length = int.from_bytes(self.stream.take(2), "big")
            if length < 126:
                raise Fail(PROTOCOL_ERROR, "length is not minimal")
        elif length == 127:
            # "If 127, the following 8 bytes interpreted as a 64-bit unsigned integer (the
            # most significant bit MUST be 0) are the payload length."
            length = int.from_bytes(self.stream.take(8), "big")
            if length >= 2**63 or length < 2**16:
                raise Fail(PROTOCOL_ERROR, "length is not minimal, or has its top bit set")

        # §10.4, and that is known here. Control frames have a limit of their own.
        if opcode < 0x8 and length > self.limits.max_frame_size:
            raise Fail(TOO_BIG, "frame size")

        # §5.2: the masking key "is present if the mask bit is set to 1".
        masking_key = self.stream.take(4) if masked else None
        return Header(fin, rsv1, opcode, length, masking_key)

    def message_of(self, header: Header) -> IncomingMessage:
        """The message that a data frame belongs to, judged by the frame's header."""
        # §5.4: "A fragmented message consists of a single frame with the FIN bit clear and
        # an opcode other than 0, followed by zero or more frames with the FIN bit clear and
        # the opcode set to 0, and terminated by a single frame with the FIN bit set and an
        # opcode of 0." And: "The fragments of one message MUST NOT be interleaved between
        # the fragments of another message unless an extension has been negotiated that can
        # interpret the interleaving."
        if (header.opcode == CONTINUATION) != (self.message is not None):
            raise Fail(PROTOCOL_ERROR, "continuation")
        if self.message is None:
            # §5.6: the opcode of the first frame is that of the message.
            kind: Kind = "text" if header.opcode == TEXT else "binary"
            # RFC 7692 §6: "This document allocates the RSV1 bit of the WebSocket header for
            # PMCEs and calls the bit the "Per-Message Compressed" bit. On a WebSocket
            # connection where a PMCE is in use, this bit indicates whether a message is
            # compressed or not."
            inflater = self.inflater_for_a_message() if header.rsv1 else None
            self.message = IncomingMessage(kind, inflater, self.limits)
        # §10.4, from what the header declares; each frame counts, and each byte.
        self.message.fragments += 1
        if self.message.fragments > self.limits.max_fragments:
            raise Fail(TOO_BIG, "fragments")
        if self.message.inflater is None:
            self.message.declared += header.payload_length
            if self.message.declared > self.limits.max_message_size:
                raise Fail(TOO_BIG, "message size")
        return self.message

    def inflater_for_a_message(self) -> Inflater:
        assert self.deflate is not None
        # RFC 7692 §7.2.2: "If the "agreed parameters" contain the
        # "client_no_context_takeover" extension parameter, the server MAY decompress each new
        # message with an empty LZ77 sliding window. Otherwise, the server MUST decompress
        # each new message using the LZ77 sliding window used to process the last compressed
        # message." And likewise the client.
        if self.inflater is None or not self.deflate.context_takeover:
            self.inflater = Inflater(self.deflate)
        return self.inflater

    def receive_control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.outcomes.append(GotPing(payload))
        elif opcode == PONG:
            self.outcomes.append(GotPong(payload))
        else:
            self.outcomes.append(close_of(payload))
            self.closed = True


def unmask(payload: bytes, masking_key: bytes | None) -> bytes:
    """The payload as it was before it was masked, if it was (§5.3)."""
    # §5.3: "Octet i of the transformed data ("transformed-octet-i") is the XOR of octet i
    # of the original data ("original-octet-i") with octet at index i modulo 4 of the
    # masking key ("masking-key-octet-j")". "The same algorithm applies regardless of the
    # direction of the translation".
    if masking_key is None:
        return payload
    return bytes([octet ^ masking_key[i % 4] for i, octet in enumerate(payload)])


def close_of(payload: bytes) -> GotClose:
    """What a Close frame says (§5.5.1, §7.1.5). Raises :exc:`Fail`."""
    # §7.1.5: "If this Close control frame contains no status code, _The WebSocket
    # Connection Close Code_ is considered to be 1005."
    if not payload:
        return GotClose(1005, b"")
    # §5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned
    # integer (in network byte order) representing a status code".
    if len(payload) == 1:
        raise Fail(PROTOCOL_ERROR, "Close frame of one byte")
    code = int.from_bytes(payload[:2], "big")
    reason = payload[2:]
    if not may_be_on_the_wire(code):
        raise Fail(PROTOCOL_ERROR, "close code")
    # §5.5.1: "Following the 2-byte integer, the body MAY contain UTF-8-encoded data with
    # value /reason/". §8.1 applies to it.
    text = Utf8()
    for octet in reason:
        text.take(octet)
    text.end()
    return GotClose(code, reason)


def may_be_on_the_wire(code: int) -> bool:
    """Whether a Close frame may have this code (§7.4)."""
    # §7.4.2: "Status codes in the range 0-999 are not used."
    if code < 1000:
        return False
    # "Status codes in the range 1000-2999 are reserved for definition by this protocol, its
    # future revisions, and extensions specified in a permanent and readily available
    # public specification": §7.4.1 and IANA's registry (1012 to 1014). Of these, 1004 is
    # reserved; 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close control
    # frame by an endpoint".
    if code < 3000:
        defined = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014)
        return code in defined
    # "Status codes in the range 3000-3999 are reserved for use by libraries, frameworks,
    # and applications." "Status codes in the range 4000-4999 are reserved for private use".
    return code <= 4999


class IncomingMessage:
    """A message in progress."""

    def __init__(self, kind: Kind, inflater: Inflater | None, limits: ReceiveLimits) -> None:
        self.kind = kind
        self.inflater = inflater
        self.limits = limits
        self.fragments = 0
        #: The sum of the frames' payload lengths.
        self.declared = 0
        #: What was sent, if it was compressed.
        self.compressed = bytearray()
        #: The message, as far as it is known and valid.
        self.payload = bytearray()
        self.text = Utf8()

    def take(self, data: bytes) -> None:
        """The next bytes of the payload of a frame of the message."""
        if self.inflater is None:
            self.take_decoded(data)
        else:
            self.compressed += data
            self.take_decoded(self.inflater.inflate(data))

    def end(self) -> None:
        """The last frame of the message has ended."""
        if self.inflater is not None:
            # RFC 7692 §7.2.2: "1. Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of
            # the payload of the message. 2. Decompress the resulting data using DEFLATE."
            self.take_decoded(self.inflater.inflate(self.tail_to_append()))
            self.inflater.end_of_message()
        if self.kind == "text":
            self.text.end()

    def tail_to_append(self) -> bytes:
        assert self.inflater is not None
        # CHOICE, for senders that forget §7.2.3.6, by which an octet 0x00 is sent where the
        # compression library generates no data: an empty payload is an empty message.
        if not self.compressed:
            return b""
        # CHOICE, for senders that forget step 3 of §7.2.1, "Remove 4 octets (that are 0x00
        # 0x00 0xff 0xff) from the tail end".
        if self.compressed.endswith(TAIL):
            return b""
        # CHOICE, for senders that forget the octet 0x00 behind a last block with BFINAL set.
        # §7.2.3.4: "This octet is necessary to allow the payload to be decompressed in the
        # same manner as messages flushed using DEFLATE blocks with "BFINAL" unset."
        if self.inflater.between_streams():
            return b""
        return TAIL

    def take_decoded(self, data: Iterator[int] | bytes) -> None:
        """The next bytes of the message, one after the other."""
        for octet in data:
            # §10.4. What is not compressed was judged by its header. What is too much is
            # not looked at.
            if len(self.payload) >= self.limits.max_message_size:
                raise Fail(TOO_BIG, INFLATED_SIZE)
            # §8.1, see above.
            if self.kind == "text":
                self.text.take(octet)
            self.payload.append(octet)
