"""Optional packages: how one is taken up if it is installed and fit, and never needed.

Knows nothing of what they are for. None is imported before there is work for it: numpy
takes longer to import than all else here together.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def take_up(name: str, use: Callable[[ModuleType], T | None]) -> T | None:
    """Give what *use* makes of the module called *name*.

    None if there is no such module, or *use* gives None or raises: whatever the matter
    is with a package (too old, built for another machine, another one of the same name),
    the engine works without it.
    """
    try:
        return use(import_module(name))
    except Exception:
        return None


__all__ = ["take_up"]
