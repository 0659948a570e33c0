"""How a stream is cut into reads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final


@dataclass(frozen=True)
class Chunking:
    """How a stream is cut into reads."""

    #: The size of each read; 0 for no bound.
    step: int = 0
    #: Where to cut besides; what is negative counts from the end.
    cuts: tuple[int, ...] = ()

    def apply(self, data: bytes) -> list[bytes]:
        """The reads in which *data* arrive; none is empty."""
        size = len(data)
        points = {cut if cut >= 0 else size + cut for cut in self.cuts}
        if self.step:
            points.update(range(0, size, self.step))
        edges = [0, *sorted(point for point in points if 0 < point < size), size]
        return [data[a:b] for a, b in pairwise(edges) if a < b]


WHOLE: Final = Chunking()
BYTEWISE: Final = Chunking(step=1)

#: Of what is longer, only the ends arrive byte by byte: between them nothing new is to be seen,
#: and it takes its time.
BYTEWISE_MAX: Final = 2048
#: How many bytes of either end then do.
BYTEWISE_ENDS: Final = 300


def bytewise(size: int) -> Chunking:
    """Byte by byte, as far as that tells more than chunks do."""
    if size <= BYTEWISE_MAX:
        return BYTEWISE
    ends = (*range(BYTEWISE_ENDS), *range(-BYTEWISE_ENDS, 0))
    return Chunking(step=1021, cuts=ends)
