"""Which code does the heavy work: what this package brings, or what it found installed."""

from __future__ import annotations

from typing import NamedTuple

from .deflate import deflate_back_end
from .masking import COMPILED, masking_back_end


class BackEnds(NamedTuple):
    """What :func:`back_ends` tells."""

    #: Who masks large payloads (RFC 6455 §5.3): ``"python"``, or ``"librt"`` if the engine was
    #: compiled; or ``"numpy"``.
    masking: str
    #: Who deflates and inflates by default (RFC 7692): ``"zlib"``, or ``"zlib-ng"``.
    deflate: str
    #: Whether the engine itself was compiled to machine code.
    compiled: bool


def back_ends() -> BackEnds:
    """Tell which back ends are active.

    Optional packages are imported when they are first needed, and this needs them: a
    server that calls it as it starts, to log the answer, does not import numpy while
    its first large message waits.
    """
    return BackEnds(
        masking=masking_back_end(),
        deflate=deflate_back_end(),
        compiled=COMPILED,
    )


__all__ = ["BackEnds", "back_ends"]
