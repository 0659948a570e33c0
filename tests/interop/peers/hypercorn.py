"""hypercorn: Python, asyncio, ASGI, on wsproto."""

from __future__ import annotations

from tests.interop.peer_api import Role, Transport

from ._python import WsprotoPeer


class Hypercorn(WsprotoPeer):
    """A server, of HTTP/1.1 and of HTTP/2."""

    name = "hypercorn"
    label = "hypercorn"
    program = "hypercorn_program"
    roles = (Role.SERVER,)
    packages = {"hypercorn": "hypercorn", "wsproto": "wsproto", "h2": "h2"}
    cannot = {
        Role.SERVER: {
            "from-fragments": "ASGI has no fragments to send",
            "pinged": "ASGI has no pings to send",
        }
    }
    server_transports = (Transport.WS, Transport.WS_H2)
    always_deflates = True


PEER = Hypercorn()
