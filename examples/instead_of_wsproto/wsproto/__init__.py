"""Makes ``import wsproto`` mean wsproto_core, for servers and clients that nobody need change.

    PYTHONPATH=examples/instead_of_wsproto hypercorn --workers 4 app:app

Whoever finds this folder before the real wsproto gets wsproto_core's modules under wsproto's
names: the same modules, hence the same classes, in every process that is started so.
"""

from __future__ import annotations

import sys
from importlib import import_module

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

for _name in SUBMODULES:
    sys.modules[f"wsproto.{_name}"] = import_module(f"wsproto_core.{_name}")
sys.modules["wsproto"] = import_module("wsproto_core")
