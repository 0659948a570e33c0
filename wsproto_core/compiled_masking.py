"""Masking for the compiled build (``hatch_build.py``): 64 bits at a time.

Its loop is of ``librt``'s reads and writes, which mypyc turns into machine instructions.
Interpreted it gives the same, slowly; tests do that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from librt.strings import (
    BytesWriter,
    read_i32_le,
    read_i64_le,
    write_i32_le,
    write_i64_le,
)

if TYPE_CHECKING:
    from mypy_extensions import i32, i64


def mask(data: bytes, begin: int, end: int, masking_key: bytes) -> bytes:
    """A :data:`~wsproto_core.masking.Mask`."""
    return _mask(data, begin, end, masking_key)


def unmask(data: bytes, begin: int, end: int) -> bytes:
    """As :func:`wsproto_core.masking.unmask`."""
    return _mask(data, begin + 4, end, data[begin : begin + 4])


def _mask(data: bytes, at: i64, end: i64, masking_key: bytes) -> bytes:
    # Signed, as what is read: so the results are in range, whether integers wrap or not.
    key: i32 = read_i32_le(masking_key, 0)
    key_twice: i64 = read_i64_le(masking_key + masking_key, 0)
    masked = BytesWriter()
    while at + 8 <= end:
        write_i64_le(masked, read_i64_le(data, at) ^ key_twice)
        at += 8
    if at + 4 <= end:
        write_i32_le(masked, read_i32_le(data, at) ^ key)
        at += 4
    # Up to three are left: the last bytes of four.
    left = end - at
    if left > 0:
        padded = data[at:end] + b"\0\0\0"
        write_i32_le(masked, read_i32_le(padded, 0) ^ key)
        masked.truncate(len(masked) - 4 + left)
    return masked.getvalue()


__all__ = ["mask", "unmask"]
