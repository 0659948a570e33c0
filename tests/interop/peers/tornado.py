"""tornado: Python, asyncio."""

from __future__ import annotations

from tests.interop.peer_api import Role

from ._python import PythonPeer


class Tornado(PythonPeer):
    """Both roles."""

    name = "tornado"
    label = "tornado"
    program = "tornado_program"
    packages = {"tornado": "tornado"}
    cannot = {
        Role.CLIENT: {"fragmented": "tornado sends each message in one frame"},
        Role.SERVER: {"from-fragments": "tornado sends each message in one frame"},
    }


PEER = Tornado()
