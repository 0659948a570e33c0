"""What the sources say to the compiled build (``hatch_build.py``); nothing to any other.

mypyc makes native classes: without a ``__dict__``, without weak references, not to be
subclassed in Python. The classes that users subclass, patch or give attributes stay ordinary
ones; some have a native base, in which the time is spent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # mypyc knows it by this name, and never calls it; so it is not needed to run anything.
    from mypy_extensions import mypyc_attr
else:

    def mypyc_attr(**_attributes: bool):
        """Do nothing, in the interpreter."""
        return lambda cls: cls


__all__ = ["mypyc_attr"]
