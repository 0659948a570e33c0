"""Masking (RFC 6455 §5.3), and where masking keys come from.

The transformation is an XOR with the key repeated, so applying it twice gives the data
back. It hides nothing: it keeps scripts in a browser from choosing the bytes on the
wire, and thereby from speaking to a proxy that takes them for HTTP (§10.3). Hence keys
must be unpredictable.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from os import urandom
from struct import Struct
from typing import Any, Final

from .optional import take_up

#: ``source(n)`` gives *n* unpredictable bytes. The default is the system's CSPRNG.
EntropySource = Callable[[int], bytes]

_XOR: Final = [bytes(a ^ b for a in range(256)) for b in range(256)]

# Short data are masked as one big number. Times the number REPEAT[n], a 32-bit key is that
# key n times over, four bytes each; to make it so costs half of what it takes to build the
# same from bytes. From MASK_AS_NUMBER bytes on, four passes of bytes.translate are faster,
# one for each byte of the key; numpy, if it is there, from MASK_WIDE bytes on
# (benchmarks/README.md). A step of 16 bytes keeps the table at 80 KiB.
MASK_WIDE: Final = 640
MASK_AS_NUMBER: Final = 1400
REPEAT_STEP: Final = 16
REPEAT: Final[list[int]] = [0]
for _ in range((MASK_AS_NUMBER + 4) // REPEAT_STEP + 1):
    REPEAT.append(REPEAT[-1] << 128 | 1 << 96 | 1 << 64 | 1 << 32 | 1)

# numpy's results are made in blocks of so many bytes, so that memory for them is still in
# the processor's cache when it is copied, and is not asked of the system each time.
_BLOCK: Final = 128 * 1024

#: ``mask(data, begin, end, masking_key)`` masks the bytes of *data* from *begin* to *end*.
Mask = Callable[[bytes, int, int, bytes], bytes]

#: Whether this code has been compiled (``hatch_build.py``).
COMPILED: Final = not __file__.endswith(".py")
if COMPILED:
    from . import compiled_masking

# From so many bytes on, numpy makes up for what it takes to call it, in the compiled build.
_COMPILED_MASK_WIDE: Final = 8 * 1024

# A system call for each key would cost as much as the rest of a small frame. So keys are
# drawn a block at a time, for one connection alone: nothing shared between threads, and
# no key handed out twice.
_KEY_BLOCK: Final = Struct("<32I")


def apply_mask(data: bytes, masking_key: bytes, begin: int = 0, end: int | None = None) -> bytes:
    """XOR *data*, from *begin* to *end*, with the four bytes of *masking_key*, over and over."""
    if end is None:
        end = len(data)
    if COMPILED and end - begin < _COMPILED_MASK_WIDE:
        return compiled_masking.mask(data, begin, end, masking_key)
    if end - begin < MASK_WIDE:
        return _mask_as_number(data[begin:end], masking_key)
    return _wide_mask()(data, begin, end, masking_key)


def unmask(data: bytes, begin: int, end: int) -> bytes:
    """Unmask a payload that ends at *end* and has its masking key, at *begin*, before it."""
    size = end - begin
    if COMPILED and size < _COMPILED_MASK_WIDE:
        return compiled_masking.unmask(data, begin, end)
    if size >= MASK_WIDE:
        mask = _wide_mask()
        if size >= MASK_AS_NUMBER or mask is not mask_in_python:
            return mask(data, begin + 4, end, data[begin : begin + 4])
    # As one number, whose lowest 32 bits are the key; masked by itself the key is 0, and
    # is cut off.
    steps = size + REPEAT_STEP - 1 >> 4
    number = int.from_bytes(data[begin:end], "little")
    number ^= (number & 0xFFFFFFFF) * REPEAT[steps]
    return number.to_bytes(steps << 4, "little")[4:size]


def _mask_as_number(data: bytes, masking_key: bytes) -> bytes:
    size = len(data)
    steps = size + REPEAT_STEP - 1 >> 4
    keystream = int.from_bytes(masking_key, "little") * REPEAT[steps]
    return (int.from_bytes(data, "little") ^ keystream).to_bytes(steps << 4, "little")[:size]


def mask_in_python(data: bytes, begin: int, end: int, masking_key: bytes) -> bytes:
    """A :data:`Mask` that needs nothing installed."""
    data = data[begin:end]
    if len(data) < MASK_AS_NUMBER:
        return _mask_as_number(data, masking_key)
    masked = bytearray(data)
    for offset, byte in enumerate(masking_key):
        masked[offset::4] = masked[offset::4].translate(_XOR[byte])
    return bytes(masked)


def mask_by_numpy(numpy: Any) -> Mask | None:
    """Make a :data:`Mask` of the module; None if it does not do what it should."""
    frombuffer = numpy.frombuffer
    octet = numpy.uint8

    def mask(data: bytes, begin: int, end: int, masking_key: bytes) -> bytes:
        size = end - begin
        if size > _BLOCK:
            starts = range(begin, end, _BLOCK)
            return b"".join([mask(data, at, min(at + _BLOCK, end), masking_key) for at in starts])
        keystream = frombuffer(masking_key * (size + 3 >> 2), octet, size)
        masked: bytes = (frombuffer(data, octet, size, begin) ^ keystream).tobytes()
        return masked

    probe = bytes(range(256)) * 3
    key = b"\x00\x7f\x80\xff"
    return mask if mask(probe, 1, 700, key) == mask_in_python(probe, 1, 700, key) else None


@cache
def _wide_mask() -> Mask:
    """What masks large payloads best here; found when there first is one."""
    own = compiled_masking.mask if COMPILED else mask_in_python
    return take_up("numpy", mask_by_numpy) or own


def masking_back_end() -> str:
    """Who masks large payloads: ``"python"``, or ``"librt"`` if compiled; or ``"numpy"``."""
    if take_up("numpy", mask_by_numpy) is not None:
        return "numpy"
    return "librt" if COMPILED else "python"


def rotate_key(masking_key: bytes, used: int) -> bytes:
    """The key with which masking goes on after *used* bytes of a payload."""
    used &= 3
    return masking_key[used:] + masking_key[:used]


class MaskingKeys:
    """A connection's supply of fresh masking keys.

    :param source: where entropy comes from. It must be strong, and never repeat itself.
    """

    __slots__ = ("block", "source")

    def __init__(self, source: EntropySource = urandom) -> None:
        #: Where entropy comes from.
        self.source = source
        #: Keys that were drawn, as numbers, for who takes them from the end by itself.
        self.block: list[int] = []

    def fresh(self) -> bytes:
        """Four bytes that have not been handed out before.

        Raises :exc:`ValueError` if the source gives less, or more, than it is asked for.
        """
        return self.fresh_number().to_bytes(4, "little")

    def fresh_number(self) -> int:
        """Such a key as a number, its first byte lowest."""
        while True:
            try:
                # Not asked first whether there is one: some wirings send from two threads.
                return self.block.pop()
            except IndexError:
                pass
            entropy: Any = self.source(_KEY_BLOCK.size)
            if len(entropy) != _KEY_BLOCK.size:
                raise ValueError(
                    f"entropy source gave {len(entropy)} bytes when asked for {_KEY_BLOCK.size}"
                )
            self.block = list(_KEY_BLOCK.unpack(entropy))


__all__ = [
    "COMPILED",
    "MASK_AS_NUMBER",
    "MASK_WIDE",
    "REPEAT",
    "REPEAT_STEP",
    "EntropySource",
    "MaskingKeys",
    "apply_mask",
    "mask_by_numpy",
    "mask_in_python",
    "masking_back_end",
    "rotate_key",
    "unmask",
]
