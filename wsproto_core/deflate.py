"""Compression of messages with DEFLATE: the codec of permessage-deflate (RFC 7692 §7.2).

Owns one connection's two LZ77 contexts. Knows nothing of frames, nor of how its
parameters were agreed upon.
"""

from __future__ import annotations

import zlib as _zlib
from collections.abc import Hashable
from functools import cache
from types import ModuleType
from typing import Any, Final, NamedTuple

from .events import excess, fault
from .extension_api import MessageCodec
from .optional import take_up
from .words import CloseReason, Opcode

# What a sender takes off the end of a message, and a receiver puts back: the empty
# stored block of a sync flush, without its header bits (RFC 7692 §7.2.1, §7.2.2).
_FLUSH_TAIL: Final = b"\x00\x00\xff\xff"
# A final, empty block. Where no context is kept, the receiver ends the stream with it,
# which shows whether the message stopped in the middle of a block.
_FINAL_BLOCK: Final = b"\x03\x00"

# zlib's own default, 6, takes 2.4 times as long to make chat messages 8 % smaller
# (benchmarks/README.md).
DEFAULT_LEVEL: Final = 3

# Inflated output is produced in pieces of at most this size, so that a bomb costs
# memory for one piece, however far it would expand (CVE-2018-1000518, CVE-2026-1526).
_OUTPUT_PIECE: Final = 64 * 1024
# A block with BFINAL set makes zlib begin anew, which costs a thousand times what the two
# bytes of an empty one cost its sender. So after the first few, streams must be of some
# length on average.
_FREE_STREAMS: Final = 32
_BYTES_PER_STREAM: Final = 64
# zlib copies what it has not consumed, at each piece and at each BFINAL. Input in small
# slices bounds these copies and keeps the whole linear.
_INPUT_SLICE: Final = 8 * 1024


class DeflateParameters(NamedTuple):
    """What client and server have agreed on (RFC 7692 §7.1)."""

    client_no_context_takeover: bool = False
    server_no_context_takeover: bool = False
    client_max_window_bits: int = 15
    server_max_window_bits: int = 15


@cache
def default_zlib() -> ModuleType:
    """The module that compresses where none is given; found when it is first needed."""
    return take_up("zlib_ng.zlib_ng", _fit) or _zlib


def _fit(module: ModuleType) -> ModuleType | None:
    """The module, if it can stand for the standard zlib here."""
    probe = bytes(range(256)) * 2
    deflater = module.compressobj(DEFAULT_LEVEL, module.DEFLATED, -15, 8)
    deflated = deflater.compress(probe) + deflater.flush(module.Z_SYNC_FLUSH)
    inflater = module.decompressobj(-15, b"")
    inflated = inflater.decompress(deflated, 300)
    inflated += inflater.decompress(inflater.unconsumed_tail, 300)
    fit = (
        inflated == probe == _zlib.decompressobj(-15).decompress(deflated)
        and deflated.endswith(_FLUSH_TAIL)
        and not inflater.eof
        and not inflater.unused_data
        and issubclass(module.error, Exception)
    )
    return module if fit else None


def deflate_back_end() -> str:
    """Who compresses by default: ``"zlib"`` or ``"zlib-ng"``."""
    return "zlib" if default_zlib() is _zlib else "zlib-ng"


class DeflatePolicy(NamedTuple):
    """How an endpoint compresses; nothing that its peer needs to know."""

    zlib: ModuleType
    level: int = DEFAULT_LEVEL
    memory_level: int = 8
    threshold: int = 0


class DeflateCodec(MessageCodec):
    """Deflates what one endpoint of one connection sends and inflates what it receives.

    The contexts are made when the first message needs them. With the defaults that to
    compress takes 260 KiB; that to inflate 40 KiB, and up to 64 KiB for what it inflated.
    """

    __slots__ = (
        "_before",
        "_deflate_bits",
        "_deflater",
        "_fin",
        "_forget_deflated",
        "_forget_inflated",
        "_inflate_bits",
        "_inflater",
        "_input",
        "_last_bytes",
        "_payload",
        "_policy",
        "_read_to",
        "_setting",
        "_streams",
        "_suffix",
        "_window",
        "pending",
    )

    def __init__(self, client: bool, agreed: DeflateParameters, policy: DeflatePolicy) -> None:
        self._policy = policy
        ours = (agreed.client_max_window_bits, agreed.client_no_context_takeover)
        theirs = (agreed.server_max_window_bits, agreed.server_no_context_takeover)
        if not client:
            ours, theirs = theirs, ours
        # zlib cannot deflate with a window of 2**8 bytes. With one of 2**9 it looks back
        # no further than 2**9 - 262 = 250 bytes, so that a receiver with 2**8 follows.
        self._deflate_bits = max(ours[0], 9)
        self._forget_deflated = ours[1]
        self._setting = (
            type(self),
            self._deflate_bits,
            policy.level,
            policy.memory_level,
            policy.zlib,
        )
        self._inflate_bits, self._forget_inflated = theirs
        # The contexts' types are those of the given zlib module, which share no base.
        self._deflater: Any = None
        self._inflater: Any = None
        # The end of what has been inflated: zlib does not give its window away, and it
        # is needed after a block with BFINAL set, which ends zlib's stream but not the
        # context (RFC 7692 §7.2.3.4).
        self._window = bytearray()
        # The payload that was fed, how far it has been read, and the slice at work.
        self._payload = b""
        self._read_to = 0
        self._input = b""
        # Of the message so far: its bytes before this payload, its last bytes, how many
        # streams it has ended by setting BFINAL; and what is added behind its last piece.
        self._before = 0
        self._streams = 0
        self._last_bytes = b""
        self._suffix = b""
        self._fin = False
        self.pending = False

    def feed(self, payload: bytes, fin: bool) -> None:
        self._before += self._read_to
        self._last_bytes = (self._last_bytes + payload[-4:])[-4:]
        if fin:
            # A message that is empty, or whose last fragment is, should hold at least
            # the bits that begin the flush tail (RFC 7692 §7.2.3.6). Senders forget
            # that (wsproto 1.3, websockets 17), and the tail must not be put back then;
            # nor behind a block with BFINAL set that was the last of the fragment before.
            flushed = self._last_bytes in (b"", _FLUSH_TAIL)
            ended = not payload and self._inflater is None
            self._suffix = b"" if flushed or ended else _FLUSH_TAIL
            payload += self._suffix
            self._last_bytes = b""
        self._payload = payload
        self._read_to = 0
        self._fin = fin
        self.pending = True

    def read(self, limit: int) -> bytes:
        """See :meth:`MessageCodec.read`.

        Fails with 1007 for what is not DEFLATE data, and with 1009 for data that are all
        beginnings.
        """
        wanted = min(limit, _OUTPUT_PIECE)
        while True:
            if not self._input:
                self._input = self._payload[self._read_to : self._read_to + _INPUT_SLICE]
                self._read_to += len(self._input)
            inflater = self._inflater
            if inflater is None:
                # None of it is made for nothing: without one, all before has ended.
                if not self._input:
                    self.pending = False
                    if self._fin:
                        self._end_of_message(None)
                    return b""
                self._inflater = inflater = self._new_inflater()
            try:
                output: bytes = inflater.decompress(self._input, wanted)
            except self._policy.zlib.error as exc:
                raise fault(CloseReason.INVALID_FRAME_PAYLOAD_DATA, "invalid DEFLATE data") from exc
            self._remember(output)
            if inflater.eof:
                self._inflater = None
                self._input = inflater.unused_data
                self._streams += 1
                consumed = self._before + self._read_to - len(self._input)
                if self._streams > _FREE_STREAMS + consumed // _BYTES_PER_STREAM:
                    raise excess("too many DEFLATE blocks with BFINAL set")
                if self._fin and self._rest_is_suffix():
                    self._input = b""
                    self._read_to = len(self._payload)
            else:
                self._input = inflater.unconsumed_tail
            # Output of all that was wanted may have more behind it without more input.
            self.pending = bool(
                self._input or self._read_to < len(self._payload) or len(output) == wanted
            )
            if not self.pending:
                self._payload = b""
                if self._fin:
                    self._end_of_message(inflater)
            if output or not self.pending:
                return output

    def _rest_is_suffix(self) -> bool:
        """Whether a stream has ended (BFINAL) just where the sender's data do."""
        left = len(self._input) + len(self._payload) - self._read_to
        return left == len(self._suffix)

    def _end_of_message(self, inflater: Any | None) -> None:
        self._before = self._read_to = self._streams = 0
        if self._forget_inflated:
            self._inflater = None
            self._window.clear()
            if inflater is not None and self._is_within_a_block(inflater):
                raise fault(
                    CloseReason.INVALID_FRAME_PAYLOAD_DATA, "DEFLATE data stop within a block"
                )

    def _is_within_a_block(self, inflater: Any) -> bool:
        """Whether an inflater takes a last block for something else. It is of no use after."""
        if inflater.eof:
            return False
        try:
            return bool(inflater.decompress(_FINAL_BLOCK, 1)) or not inflater.eof
        except self._policy.zlib.error:
            return True

    def _new_inflater(self) -> Any:
        if self._window:
            window = bytes(self._window[-(1 << self._inflate_bits) :])
            return self._policy.zlib.decompressobj(-self._inflate_bits, window)
        return self._policy.zlib.decompressobj(-self._inflate_bits)

    def _remember(self, output: bytes) -> None:
        window = self._window
        window += output
        size = 1 << self._inflate_bits
        if len(window) > 2 * size:
            del window[:-size]

    def applies_to(self, opcode: Opcode, size: int) -> bool:
        return size >= self._policy.threshold

    def encode(self, payload: bytes, fin: bool) -> bytes:
        deflater = self._deflater
        if deflater is None:
            self._deflater = deflater = self._new_deflater()
        output = self._deflate(deflater, payload)
        if fin:
            output = _end_of_message(output)
            if self._forget_deflated:
                self._deflater = None
        return output

    @property
    def sharing_setting(self) -> Hashable:
        return self._setting

    def encode_shared(self, payload: bytes) -> bytes:
        return _end_of_message(self._deflate(self._new_deflater(), payload))

    def sent_shared(self) -> None:
        # The peer's window now ends with what our context does not have. A new context
        # looks back to no further than its own beginning.
        self._deflater = None

    def _new_deflater(self) -> Any:
        policy = self._policy
        return policy.zlib.compressobj(
            policy.level, policy.zlib.DEFLATED, -self._deflate_bits, policy.memory_level
        )

    def _deflate(self, deflater: Any, payload: bytes) -> bytes:
        output: bytes = deflater.compress(payload)
        output += deflater.flush(self._policy.zlib.Z_SYNC_FLUSH)
        return output


def _end_of_message(output: bytes) -> bytes:
    """What a sync flush gave, without its tail (RFC 7692 §7.2.1).

    A flush that has nothing to flush gives nothing. The message must still end with the
    header bits of an empty stored block (§7.2.3.6).
    """
    return output[: -len(_FLUSH_TAIL)] or b"\x00"


__all__ = [
    "DEFAULT_LEVEL",
    "DeflateCodec",
    "DeflateParameters",
    "DeflatePolicy",
    "default_zlib",
    "deflate_back_end",
]
