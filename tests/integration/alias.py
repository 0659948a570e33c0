"""Makes ``import wsproto`` mean this package, for code that cannot be changed."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import wsproto_core

#: All that wsproto has.
SUBMODULES = (
    "connection",
    "events",
    "extensions",
    "frame_protocol",
    "handshake",
    "typing",
    "utilities",
)


def install() -> None:
    """Put this package under wsproto's names: the same modules, hence the same classes.

    Raises :exc:`RuntimeError` if wsproto itself has been imported: whoever did that
    keeps its classes, and a test would pass without having tested anything.
    """
    aliases: dict[str, ModuleType] = {"wsproto": wsproto_core}
    for name in SUBMODULES:
        aliases[f"wsproto.{name}"] = importlib.import_module(f"wsproto_core.{name}")
    for name, module in sys.modules.items():
        if name.partition(".")[0] == "wsproto" and module is not aliases.get(name):
            raise RuntimeError(f"{name} has been imported already: {module!r}")
    sys.modules.update(aliases)


def engine_of(consumer: str) -> str:
    """The file of the engine that *consumer*, a loaded module, has imported its names from."""
    names = vars(sys.modules[consumer])
    engine = names.get("wsproto") or sys.modules[names["ConnectionType"].__module__]
    return str(engine.__file__)
