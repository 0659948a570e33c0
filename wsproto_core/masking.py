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

# Below this size one big-integer XOR is the fastest that pure Python has; above, the
# conversions' constant factor loses to four passes of bytes.translate, one for each
# byte of the key (benchmarks/README.md).
_TRANSLATE_FROM: Final = 1024

# A system call for each key would cost as much as the rest of a small frame. So keys are
# drawn a block at a time, for one connection alone: nothing shared between threads, and
# no key handed out twice.
_KEYS_PER_BLOCK: Final = 32


def apply_mask(data: bytes, masking_key: bytes) -> bytes:
    """XOR *data* with the four bytes of *masking_key*, over and over."""
    size = len(data)
    if size < _TRANSLATE_FROM:
        keystream = (masking_key * ((size + 3) >> 2))[:size]
        return (int.from_bytes(data, "little") ^ int.from_bytes(keystream, "little")).to_bytes(
            size, "little"
        )
    masked = bytearray(data)
    for offset in range(4):
        masked[offset::4] = masked[offset::4].translate(_XOR[masking_key[offset]])
    return bytes(masked)


def rotate_key(masking_key: bytes, used: int) -> bytes:
    """The key with which masking goes on after *used* bytes of a payload."""
    used &= 3
    return masking_key[used:] + masking_key[:used]


class MaskingKeys:
    """A connection's supply of fresh masking keys.

    :param source: where entropy comes from. It must be strong, and never repeat itself.
    """

    __slots__ = ("_block", "_source")

    def __init__(self, source: EntropySource = urandom) -> None:
        self._source = source
        self._block: list[bytes] = []

    def fresh(self) -> bytes:
        """Four bytes that have not been handed out before.

        Raises :exc:`ValueError` if the source gives less, or more, than it is asked for.
        """
        if not self._block:
            entropy = self._source(4 * _KEYS_PER_BLOCK)
            if len(entropy) != 4 * _KEYS_PER_BLOCK:
                raise ValueError(f"entropy source gave {len(entropy)} bytes when asked for "
                                 f"{4 * _KEYS_PER_BLOCK}")
            self._block = [entropy[i : i + 4] for i in range(0, 4 * _KEYS_PER_BLOCK, 4)]
        return self._block.pop()


__all__ = ["EntropySource", "MaskingKeys", "apply_mask", "rotate_key"]
