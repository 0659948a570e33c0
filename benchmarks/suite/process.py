"""What the process that measures must be like, settled before anything is imported."""

from __future__ import annotations

import os
import sys

#: What the engine uses if it is there, as modules are called.
EXTRAS = ("numpy", "zlib_ng")

#: glibc gives large freed blocks back to the system, or keeps them, by a rule that learns; then
#: each message of 1 MiB costs one library or another hundreds of page faults, by chance. Here
#: all keep what they had, as a server soon does that goes on for long.
_KEEP = {
    "MALLOC_TOP_PAD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
}


def settle(*, without_extras: bool) -> None:
    """Begin anew with an allocator that is steady; and have the engine run as in a default
    install, if that is wanted.
    """
    if any(os.environ.get(name) != value for name, value in _KEEP.items()):
        os.execve(  # noqa: S606  # this very program
            sys.executable, [sys.executable, *sys.argv], {**os.environ, **_KEEP}
        )
    if without_extras:
        for name in EXTRAS:
            sys.modules[name] = None  # type: ignore[assignment]  # importing it fails
