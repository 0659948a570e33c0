"""node's built-in WebSocket (undici): JavaScript."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.interop.peer_api import Peer, Role, output_of

#: What the WebSocket of the Web has not.
WEB_CANNOT = {
    "fragmented": "the API of browsers sends each message in one frame",
    "ping": "the API of browsers has no ping",
}
#: What it does not tell.
WEB_CANNOT_TELL = {"status": "the API of browsers does not tell why a connection failed"}


class Node(Peer):
    """A client; in node 20 behind a flag, since 22 without."""

    name = "node"
    label = "Node, built-in"
    roles = (Role.CLIENT,)
    cannot = {Role.CLIENT: WEB_CANNOT}
    cannot_tell = WEB_CANNOT_TELL

    def version(self) -> str:
        return output_of("node", "-p", "`${process.version} (undici ${process.versions.undici})`")

    def missing(self) -> str | None:
        return None if shutil.which("node") else "apt-get install nodejs"

    def client_command(self, url: str, scenario: str, deflate: bool) -> Sequence[str]:
        script = str(Path(__file__).with_name("node_client.js"))
        return ["node", "--experimental-websocket", "--no-warnings", script, url, scenario]


PEER = Node()
