"""httpx-ws: Python, asyncio, on wsproto."""

from __future__ import annotations

from tests.interop.peer_api import Role

from ._python import WsprotoPeer


class HttpxWs(WsprotoPeer):
    """A client."""

    name = "httpx-ws"
    label = "httpx-ws"
    program = "httpx_ws_program"
    roles = (Role.CLIENT,)
    packages = {"httpx-ws": "httpx_ws", "wsproto": "wsproto"}
    cannot_deflate = {Role.CLIENT: "httpx-ws has no permessage-deflate"}
    cannot_tell = {"answer": "it does not wait for the answer to its Close"}


PEER = HttpxWs()
