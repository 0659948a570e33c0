"""ws, the npm package: JavaScript on node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.interop.peer_api import Peer
from tests.peers.programs import has_node, install_ws

_HERE = Path(__file__).parent


class Ws(Peer):
    """Both roles, all scenarios."""

    name = "ws"
    label = "ws (npm)"
    _folder: Path
    _version: str

    def version(self) -> str:
        return self._version

    def missing(self) -> str | None:
        return None if has_node() else "apt-get install nodejs npm"

    def prepare(self, folder: Path) -> None:
        self._folder = folder
        self._version = install_ws(folder)

    def server_command(self, deflate: bool) -> Sequence[str]:
        return ["node", str(_HERE / "ws_server.js"), "0", _setting(deflate)]

    def client_command(self, url: str, scenario: str, deflate: bool) -> Sequence[str]:
        return ["node", str(_HERE / "ws_client.js"), url, scenario, _setting(deflate)]

    def environment(self) -> Mapping[str, str]:
        return {"NODE_PATH": str(self._folder / "node_modules")}


def _setting(deflate: bool) -> str:
    return "--deflate" if deflate else "--no-deflate"


PEER = Ws()
