"""The targets, each a module with ``check(data)``, and what its inputs are bounded by."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from . import conversations, deflate, differential, frames, handshakes, headers

TARGETS: Final[dict[str, ModuleType]] = {
    "frames": frames,
    "deflate": deflate,
    "headers": headers,
    "handshakes": handshakes,
    "conversations": conversations,
    "differential": differential,
}
