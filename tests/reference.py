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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

Role: TypeAlias = Literal["client", "server"]
Kind: TypeAlias = Literal["text", "binary"]


# What happens -------------------------------------------------------------------------


@dataclass(frozen=True)
class Whole:
    """A message has been received (RFC 6455 §6.2). Text is given in its UTF-8 form."""

    kind: Kind
    payload: bytes


@dataclass(frozen=True)
class GotPing:
    payload: bytes


@dataclass(frozen=True)
class GotPong:
    payload: bytes


@dataclass(frozen=True)
class PeerClose:
    """The peer has sent a Close frame; code 1005 stands for none (RFC 6455 §7.1.5)."""

    code: int
    reason: bytes


@dataclass(frozen=True)
class Failure:
    """The receiver must _Fail the WebSocket Connection_ (RFC 6455 §7.1.7)."""

    code: int
    #: For a reader; and for those cases where the RFCs leave a receiver more than one way.
    why: str = field(default="", compare=False)


@dataclass(frozen=True)
class Lost:
    """The transport has ended without a Close frame (RFC 6455 §7.1.5: 1006)."""


Outcome: TypeAlias = Whole | GotPing | GotPong | PeerClose | Failure | Lost


class Reading(NamedTuple):
    """All that a stream tells its receiver."""

    outcomes: list[Outcome]
    #: What has been received, and found valid, of a message that did not end.
    unfinished: bytes


# What the receiver goes by ------------------------------------------------------------


@dataclass(frozen=True)
class DeflateSettings:
    """What permessage-deflate was agreed on for the direction that is received."""

    context_takeover: bool = True
    window_bits: int = 15


@dataclass(frozen=True)
class ReceiveLimits:
    """What the receiver is willing to take. RFC 6455 §10.4: "Implementations that have
    implementation- and/or platform-specific limitations regarding the frame size or total
    message size after reassembly from multiple frames MUST protect themselves against
    exceeding those limits."
    """

    max_message_size: int = 64 * 1024 * 1024
    max_frame_size: int = 64 * 1024 * 1024
    max_fragments: int = 65_536


#: §7.4.1: "1002 indicates that an endpoint is terminating the connection due to a protocol
#: error."
PROTOCOL_ERROR: Final = 1002
#: §7.4.1: "1007 indicates that an endpoint is terminating the connection because it has
#: received data within a message that was not consistent with the type of the message
#: (e.g., non-UTF-8 [RFC3629] data within a text message)."
INVALID_DATA: Final = 1007
#: §7.4.1: "1009 indicates that an endpoint is terminating the connection because it has
#: received a message that is too big for it to process."
TOO_BIG: Final = 1009


#: Why a receiver fails, where it has a choice.
#: RFC 7692 has no receiver check that its peer keeps to the window that was agreed on. One
#: that has more of the output at hand, as zlib has by accident, may go on.
BEYOND_WINDOW: Final = "distance beyond the window"
#: One that inflates a piece before it looks at its size may find the piece corrupt first.
INFLATED_SIZE: Final = "message size, inflated"
NOT_DEFLATE: Final = "not DEFLATE data"


class Fail(Exception):
    """_Fail the WebSocket Connection_, with this close code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(code, why)
        self.code = code
        self.why = why


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


# RFC 6455 -----------------------------------------------------------------------------


def judge(
    data: bytes,
    *,
    eof: bool,
    role: Role,
    deflate: DeflateSettings | None = None,
    limits: ReceiveLimits = ReceiveLimits(),
) -> list[Outcome]:
    """What the endpoint *role* has to make of *data*, in order."""
    return read(data, eof=eof, role=role, deflate=deflate, limits=limits).outcomes


def read(
    data: bytes,
    *,
    eof: bool,
    role: Role,
    deflate: DeflateSettings | None = None,
    limits: ReceiveLimits = ReceiveLimits(),
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
        receiver.outcomes.append(Failure(failure.code, failure.why))
    except Ended:
        # §7.1.5: "If _The WebSocket Connection is Closed_ and no Close control frame was
        # received by the endpoint (such as could occur if the underlying transport
        # connection is lost), _The WebSocket Connection Close Code_ is considered to be
        # 1006."
        if eof:
            receiver.outcomes.append(Lost())
    unfinished = b"" if receiver.message is None else bytes(receiver.message.payload)
    return Reading(receiver.outcomes, unfinished)


class Header(NamedTuple):
    """A frame's header (RFC 6455 §5.2)."""

    fin: bool
    rsv1: bool
    opcode: int
    payload_length: int
    masking_key: bytes | None


CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA


class Receiver:
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
            self.outcomes.append(Whole(message.kind, bytes(message.payload)))
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
    # §5.3: "Octet i of the transformed data ("transformed-octet-i") is the XOR of octet i
    # of the original data ("original-octet-i") with octet at index i modulo 4 of the
    # masking key ("masking-key-octet-j")". "The same algorithm applies regardless of the
    # direction of the translation".
    if masking_key is None:
        return payload
    return bytes([octet ^ masking_key[i % 4] for i, octet in enumerate(payload)])


def close_of(payload: bytes) -> PeerClose:
    # §7.1.5: "If this Close control frame contains no status code, _The WebSocket
    # Connection Close Code_ is considered to be 1005."
    if not payload:
        return PeerClose(1005, b"")
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
    return PeerClose(code, reason)


def may_be_on_the_wire(code: int) -> bool:
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


# RFC 3629 -----------------------------------------------------------------------------

#: RFC 3629 §4: "A UTF-8 string is a sequence of octets representing a sequence of UCS
#: characters. An octet sequence is valid UTF-8 only if it matches the following syntax".
UTF8_TAIL: Final = range(0x80, 0xBF + 1)
UTF8_CHAR: Final[Sequence[tuple[range, ...]]] = (
    # UTF8-1 = %x00-7F
    (range(0x7F + 1),),
    # UTF8-2 = %xC2-DF UTF8-tail
    (range(0xC2, 0xDF + 1), UTF8_TAIL),
    # UTF8-3 = %xE0 %xA0-BF UTF8-tail / %xE1-EC 2( UTF8-tail ) /
    #          %xED %x80-9F UTF8-tail / %xEE-EF 2( UTF8-tail )
    (range(0xE0, 0xE0 + 1), range(0xA0, 0xBF + 1), UTF8_TAIL),
    (range(0xE1, 0xEC + 1), UTF8_TAIL, UTF8_TAIL),
    (range(0xED, 0xED + 1), range(0x80, 0x9F + 1), UTF8_TAIL),
    (range(0xEE, 0xEF + 1), UTF8_TAIL, UTF8_TAIL),
    # UTF8-4 = %xF0 %x90-BF 2( UTF8-tail ) / %xF1-F3 3( UTF8-tail ) /
    #          %xF4 %x80-8F 2( UTF8-tail )
    (range(0xF0, 0xF0 + 1), range(0x90, 0xBF + 1), UTF8_TAIL, UTF8_TAIL),
    (range(0xF1, 0xF3 + 1), UTF8_TAIL, UTF8_TAIL, UTF8_TAIL),
    (range(0xF4, 0xF4 + 1), range(0x80, 0x8F + 1), UTF8_TAIL, UTF8_TAIL),
)


class Utf8:
    """Accepts octets as long as some valid UTF-8 string begins with them."""

    def __init__(self) -> None:
        #: What the character that has begun still needs.
        self.expected: tuple[range, ...] = ()

    def take(self, octet: int) -> None:
        if self.expected:
            if octet not in self.expected[0]:
                raise Fail(INVALID_DATA, "UTF-8")
            self.expected = self.expected[1:]
            return
        for first, *rest in UTF8_CHAR:
            if octet in first:
                self.expected = tuple(rest)
                return
        raise Fail(INVALID_DATA, "UTF-8")

    def end(self) -> None:
        if self.expected:
            raise Fail(INVALID_DATA, "UTF-8 ends within a character")


# RFC 1951 -----------------------------------------------------------------------------

TAIL: Final = b"\x00\x00\xff\xff"

#: How many streams a message may consist of, beyond one for so many bytes.
FREE_STREAMS: Final = 32
BYTES_PER_STREAM: Final = 64

#: RFC 1951 §3.2.5: what length a symbol begins with, and its number of extra bits.
LENGTH_BASE: Final = (
    *(3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31),
    *(35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258),
)
LENGTH_EXTRA: Final = (0,) * 8 + (1,) * 4 + (2,) * 4 + (3,) * 4 + (4,) * 4 + (5,) * 4 + (0,)
#: The same for distances.
DISTANCE_BASE: Final = (
    *(1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769),
    *(1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577),
)
DISTANCE_EXTRA: Final = (0, 0, *(n for n in range(14) for _ in (1, 2)))
#: RFC 1951 §3.2.7: the order of the code lengths for the code length alphabet.
CODE_LENGTH_ORDER: Final = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)

END_OF_BLOCK: Final = 256

#: Of a Huffman code: the symbol for each code, where a code is its length and its bits.
Huffman: TypeAlias = dict[tuple[int, int], int]


class NeedBits(Exception):
    """The data end within what was to be read next."""


class Inflater:
    """Decompresses all messages of one connection, or one of them.

    One step reads the beginning of a block, a literal, a match, or an end of block. A step
    for which the data do not suffice is taken back and is tried again when there are more.
    """

    def __init__(self, settings: DeflateSettings) -> None:
        self.settings = settings
        #: The data, and the position of the next bit in them (RFC 1951 §3.1.1: "Data
        #: elements are packed into bytes in order of increasing bit number within the
        #: byte, i.e., starting with the least-significant bit of the byte").
        self.data = bytearray()
        self.position = 0
        #: All output to which a distance can go back.
        self.window = bytearray()
        #: Where in a block the next step is.
        self.block: Literal["between streams", "between blocks", "stored", "compressed"]
        self.block = "between streams"
        self.final = False
        #: How many streams of the message have ended, and at which byte it began.
        self.streams = 0
        self.message_start = 0
        self.stored_left = 0
        self.literals: Huffman = {}
        self.distances: Huffman = {}

    def inflate(self, data: bytes) -> Iterator[int]:
        """Each byte of output, as far as *data* gives it. Raises :exc:`Fail`, in its turn."""
        self.data += data
        while True:
            start = self.position
            try:
                output = self.step()
            except NeedBits:
                self.position = start
                return
            self.window += output
            yield from output

    def between_streams(self) -> bool:
        """Whether all data are used up by a block with BFINAL set, or there were none."""
        return self.block == "between streams" and self.position == 8 * len(self.data)

    def end_of_message(self) -> None:
        self.streams = 0
        self.message_start = len(self.data)
        # RFC 7692 §7.2.2: payload and tail are DEFLATE data. RFC 1951 §2: "A compressed data
        # set consists of a series of blocks". Half a block is none.
        # CHOICE: where the context is kept this is not noticed, and the next message goes
        # on in that block.
        if not self.settings.context_takeover and not self.block.startswith("between"):
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        if not self.settings.context_takeover and self.position != 8 * len(self.data):
            raise Fail(INVALID_DATA, NOT_DEFLATE)

    def bits(self, count: int) -> int:
        """RFC 1951 §3.1.1: "Data elements other than Huffman codes are packed starting with
        the least-significant bit of the data element."
        """
        if self.position + count > 8 * len(self.data):
            raise NeedBits
        value = 0
        for i in range(count):
            value |= (self.data[self.position >> 3] >> (self.position & 7) & 1) << i
            self.position += 1
        return value

    def symbol(self, code: Huffman) -> int:
        """RFC 1951 §3.1.1: "Huffman codes are packed starting with the most-significant bit
        of the code."
        """
        value = 0
        # Without any code there is still one bit to read.
        longest = max((length for length, _ in code), default=1)
        for length in range(1, longest + 1):
            value = value << 1 | self.bits(1)
            if (length, value) in code:
                return code[length, value]
        raise Fail(INVALID_DATA, NOT_DEFLATE)

    def step(self) -> bytes:
        if self.block == "stored":
            return self.step_stored()
        if self.block == "compressed":
            return self.step_compressed()
        self.begin_block()
        return b""

    def begin_block(self) -> None:
        # RFC 1951 §3.2.3: "Each block of compressed data begins with 3 header bits
        # containing the following data: first bit BFINAL, next 2 bits BTYPE".
        final = bool(self.bits(1))
        block_type = self.bits(2)
        if block_type == 3:
            # "11 - reserved (error)"
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        if block_type == 0:
            # RFC 1951 §3.2.4: "Any bits of input up to the next byte boundary are ignored."
            self.skip_to_byte()
            # "LEN is the number of data bytes in the block. NLEN is the one's complement of
            # LEN."
            length = self.bits(16)
            complement = self.bits(16)
            if length != complement ^ 0xFFFF:
                raise Fail(INVALID_DATA, NOT_DEFLATE)
            self.stored_left = length
        elif block_type == 1:
            self.literals, self.distances = FIXED_LITERALS, FIXED_DISTANCES
        else:
            self.literals, self.distances = self.dynamic_codes()
        self.final = final
        self.block = "stored" if block_type == 0 else "compressed"
        if self.block == "stored" and not self.stored_left:
            self.end_block()

    def end_block(self) -> None:
        # RFC 1951 §3.2.3: "BFINAL is set if and only if this is the last block of the data
        # set." RFC 7692 §7.2.1: "When any DEFLATE block with the "BFINAL" bit set to 1 doesn't
        # end at a byte boundary, an endpoint MUST add minimal padding bits of 0 to make it end
        # at a byte boundary. The next DEFLATE block follows the padded data if any."
        if self.final:
            self.skip_to_byte()
            self.block = "between streams"
            # CHOICE: the beginning of a stream is expensive, so there may not be many for
            # few bytes (RFC 6455 §10.4).
            self.streams += 1
            sent = self.position // 8 - self.message_start
            if self.streams > FREE_STREAMS + sent // BYTES_PER_STREAM:
                raise Fail(TOO_BIG, "streams")
        else:
            self.block = "between blocks"

    def skip_to_byte(self) -> None:
        self.position = (self.position + 7) // 8 * 8

    def step_stored(self) -> bytes:
        octet = self.bits(8)
        self.stored_left -= 1
        if not self.stored_left:
            self.end_block()
        return bytes([octet])

    def step_compressed(self) -> bytes:
        # RFC 1951 §3.2.3, the algorithm for the decoder: "decode literal/length value from
        # input stream"
        value = self.symbol(self.literals)
        # "if value < 256 copy value (literal byte) to output stream"
        if value < END_OF_BLOCK:
            return bytes([value])
        # "if value = end of block (256) break from loop"
        if value == END_OF_BLOCK:
            self.end_block()
            return b""
        # "otherwise (value = 257..285) decode distance from input stream". §3.2.6:
        # "Literal/length values 286-287 will never actually occur in the compressed data".
        if value > 285:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        length = LENGTH_BASE[value - 257] + self.bits(LENGTH_EXTRA[value - 257])
        code = self.symbol(self.distances)
        # §3.2.6: "distance codes 30-31 will never actually occur in the compressed data".
        if code > 29:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        distance = DISTANCE_BASE[code] + self.bits(DISTANCE_EXTRA[code])
        # "move backwards distance bytes in the output stream, and copy length bytes from
        # this position to the output stream." It "cannot refer past the beginning of the
        # output stream",
        if distance > len(self.window):
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        # nor past the window that was agreed on (RFC 7692 §7.1.2).
        if distance > 2**self.settings.window_bits:
            raise Fail(INVALID_DATA, BEYOND_WINDOW)
        copied = self.window[-distance:]
        # "the referenced string may overlap the current position"
        while len(copied) < length:
            copied += copied[-distance:]
        return bytes(copied[:length])

    def dynamic_codes(self) -> tuple[Huffman, Huffman]:
        """RFC 1951 §3.2.7, "Compression with dynamic Huffman codes"."""
        literal_count = self.bits(5) + 257
        distance_count = self.bits(5) + 1
        code_length_count = self.bits(4) + 4
        # "HLIT [...] (257 - 286)". CHOICE: "HDIST [...] (1 - 32)", but there is nothing
        # that distance codes 30 and 31 could mean, and zlib refuses them.
        if literal_count > 286 or distance_count > 30:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        code_lengths = [0] * 19
        for i in CODE_LENGTH_ORDER[:code_length_count]:
            code_lengths[i] = self.bits(3)
        if not any(code_lengths):
            # CHOICE, of the moment: zlib takes a bit for each symbol before it refuses this.
            self.bits(literal_count + distance_count)
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        code_length_code = huffman(code_lengths)

        # "The code length repeat codes can cross from HLIT + 257 to the HDIST + 1 code
        # lengths. In other words, all code lengths form a single sequence".
        lengths: list[int] = []
        while len(lengths) < literal_count + distance_count:
            symbol = self.symbol(code_length_code)
            if symbol <= 15:
                lengths.append(symbol)
            elif symbol == 16:
                # "Copy the previous code length 3 - 6 times."
                repeat = 3 + self.bits(2)
                if not lengths:
                    raise Fail(INVALID_DATA, NOT_DEFLATE)
                lengths += [lengths[-1]] * repeat
            elif symbol == 17:
                # "Repeat a code length of 0 for 3 - 10 times."
                lengths += [0] * (3 + self.bits(3))
            else:
                # "Repeat a code length of 0 for 11 - 138 times"
                lengths += [0] * (11 + self.bits(7))
        if len(lengths) > literal_count + distance_count:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        # §3.2.5: "the value 256 indicates end-of-block", and no block ends without.
        if not lengths[END_OF_BLOCK]:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
        literals = huffman(lengths[:literal_count], one_suffices=True)
        # "If only one distance code is used, it is encoded using one bit, not zero bits; in
        # this case there is a single code length of one, with one unused code. One distance
        # code of zero bits means that there are no distance codes used at all".
        distances = huffman(lengths[literal_count:], one_suffices=True, none_suffices=True)
        return literals, distances


def huffman(
    lengths: Sequence[int], *, one_suffices: bool = False, none_suffices: bool = False
) -> Huffman:
    """The code that the lengths of its symbols' codes define.

    RFC 1951 §3.2.2: "All codes of a given bit length have lexicographically consecutive
    values, in the same order as the symbols they represent". "Shorter codes lexicographically
    precede longer codes."
    """
    code: Huffman = {}
    value = 0
    for length in range(1, 16):
        value <<= 1
        for symbol, symbol_length in enumerate(lengths):
            if symbol_length == length:
                code[length, value] = symbol
                value += 1
        # §3.2.1: a prefix code. More codes than there are values would not be one.
        if value > 1 << length:
            raise Fail(INVALID_DATA, NOT_DEFLATE)
    # CHOICE, as zlib has it: each sequence of bits must begin some code, but for the
    # distances' case above, which zlib allows for literals too.
    if value == 1 << 15:
        return code
    if none_suffices and not code:
        return code
    if one_suffices and list(code) == [(1, 0)]:
        return code
    raise Fail(INVALID_DATA, NOT_DEFLATE)


#: RFC 1951 §3.2.6, "Compression with fixed Huffman codes".
FIXED_LITERALS: Final = huffman([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8)
FIXED_DISTANCES: Final = huffman([5] * 32)
