"""aiohttp: Python, asyncio."""

from __future__ import annotations

from tests.interop.peer_api import Role

from ._python import PythonPeer


class Aiohttp(PythonPeer):
    """Both roles."""

    name = "aiohttp"
    label = "aiohttp"
    program = "aiohttp_program"
    packages = {"aiohttp": "aiohttp"}
    cannot = {
        Role.CLIENT: {"fragmented": "aiohttp sends each message in one frame"},
        Role.SERVER: {"from-fragments": "aiohttp sends each message in one frame"},
    }
    answers_close_with = 1000


PEER = Aiohttp()
