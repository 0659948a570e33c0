"""Masking (RFC 6455 §5.3), and where masking keys come from.

The transformation is an XOR with the key repeated, so applying it twice gives the data
back. It hides nothing: it keeps scripts in a browser from choosing the bytes on the
wire, and thereby from speaking to a proxy that takes them for HTTP (§10.3). Hence keys
must be unpredictable.
"""

from __future__ import annotations

from collections.abc import Callable
from os import urandom
from typing import Final

#: ``source(n)`` gives *n* unpredictable bytes. The default is the system's CSPRNG.
EntropySource = Callable[[int], bytes]

_XOR: Final = [bytes(a ^ b for a in range(256)) for b in range(256)]

# Short data are masked as one big number. Times the number REPEAT[n], a 32-bit key is that
# key n times over, four bytes each; to make it so costs half of what it takes to build the
# same from bytes. From MASK_AS_NUMBER bytes on, four passes of bytes.translate are faster,
# one for each byte of the key (benchmarks/README.md). A step of 16 bytes keeps the table
# at 80 KiB.
MASK_AS_NUMBER: Final = 1400
REPEAT_STEP: Final = 16
REPEAT: Final[list[int]] = [0]
for _ in range((MASK_AS_NUMBER + 4) // REPEAT_STEP + 1):
    REPEAT.append(REPEAT[-1] << 128 | 1 << 96 | 1 << 64 | 1 << 32 | 1)

# A system call for each key would cost as much as the rest of a small frame. So keys are
# drawn a block at a time, for one connection alone: nothing shared between threads, and
# no key handed out twice.
_KEYS_PER_BLOCK: Final = 32


def apply_mask(data: bytes, masking_key: bytes) -> bytes:
    """XOR *data* with the four bytes of *masking_key*, over and over."""
    size = len(data)
    if size < MASK_AS_NUMBER:
        steps = (size + REPEAT_STEP - 1) // REPEAT_STEP
        keystream = int.from_bytes(masking_key, "little") * REPEAT[steps]
        masked_number = int.from_bytes(data, "little") ^ keystream
        return masked_number.to_bytes(steps * REPEAT_STEP, "little")[:size]
    masked = bytearray(data)
    for offset, byte in enumerate(masking_key):
        masked[offset::4] = masked[offset::4].translate(_XOR[byte])
    return bytes(masked)


def rotate_key(masking_key: bytes, used: int) -> bytes:
    """The key with which masking goes on after *used* bytes of a payload."""
    used &= 3
    return masking_key[used:] + masking_key[:used]


class MaskingKeys:
    """A connection's supply of fresh masking keys.

    :param source: where entropy comes from. It must be strong, and never repeat itself.
    """

    __slots__ = ("_block", "source")

    def __init__(self, source: EntropySource = urandom) -> None:
        #: Where entropy comes from.
        self.source = source
        self._block: list[bytes] = []

    def fresh(self) -> bytes:
        """Four bytes that have not been handed out before.

        Raises :exc:`ValueError` if the source gives less, or more, than it is asked for.
        """
        while True:
            try:
                # Not asked first whether there is one: some wirings send from two threads.
                return self._block.pop()
            except IndexError:
                pass
            entropy = self.source(4 * _KEYS_PER_BLOCK)
            if len(entropy) != 4 * _KEYS_PER_BLOCK:
                raise ValueError(
                    f"entropy source gave {len(entropy)} bytes when asked for {4 * _KEYS_PER_BLOCK}"
                )
            self._block = [entropy[i : i + 4] for i in range(0, 4 * _KEYS_PER_BLOCK, 4)]


__all__ = [
    "MASK_AS_NUMBER",
    "REPEAT",
    "REPEAT_STEP",
    "EntropySource",
    "MaskingKeys",
    "apply_mask",
    "rotate_key",
]
