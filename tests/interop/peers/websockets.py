"""websockets: Python, asyncio."""

from __future__ import annotations

from ._python import PythonPeer


class Websockets(PythonPeer):
    """Both roles, all scenarios."""

    name = "websockets"
    label = "websockets"
    program = "websockets_program"
    packages = {"websockets": "websockets"}


PEER = Websockets()
