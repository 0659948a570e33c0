"""picows: Python, Cython, asyncio; by its ``picows.websockets``."""

from __future__ import annotations

from ._python import PythonPeer


class Picows(PythonPeer):
    """Both roles."""

    name = "picows"
    label = "picows"
    program = "picows_program"
    packages = {"picows": "picows"}


PEER = Picows()
