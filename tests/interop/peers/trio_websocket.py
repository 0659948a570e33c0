"""trio-websocket: Python, trio, on wsproto."""

from __future__ import annotations

from tests.interop.peer_api import Role

from ._python import WsprotoPeer

_ONE_FRAME = "trio-websocket sends each message in one frame"
_NO_DEFLATE = "trio-websocket has no permessage-deflate"


class TrioWebsocket(WsprotoPeer):
    """Both roles."""

    name = "trio-websocket"
    label = "trio-websocket"
    program = "trio_websocket_program"
    packages = {"trio-websocket": "trio_websocket", "wsproto": "wsproto"}
    cannot = {Role.CLIENT: {"fragmented": _ONE_FRAME}, Role.SERVER: {"from-fragments": _ONE_FRAME}}
    cannot_deflate = {Role.CLIENT: _NO_DEFLATE, Role.SERVER: _NO_DEFLATE}
    cannot_tell = {"extensions": "it does not tell; it offers none"}


PEER = TrioWebsocket()
