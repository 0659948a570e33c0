"""wslay, in C: ``wslay_client.c`` and ``wslay_server.c``, which bring the opening handshake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.interop import c_programs
from tests.interop.peer_api import Peer, Role, output_of

_LIBRARIES = ("wslay", "crypto")
_NO_DEFLATE = "wslay has no permessage-deflate"


class Wslay(Peer):
    name = "wslay"
    label = "wslay (C)"
    cannot_deflate = {Role.CLIENT: _NO_DEFLATE, Role.SERVER: _NO_DEFLATE}

    def __init__(self) -> None:
        self._client = self._server = Path()

    def version(self) -> str:
        # Debian's 1.1.1 says 1.0.1-DEV in its header.
        return output_of("dpkg-query", "-W", "-f=${Version}", "libwslay-dev")

    def missing(self) -> str | None:
        return c_programs.missing(("wslay/wslay.h", "openssl/sha.h"), "gcc libwslay-dev libssl-dev")

    def prepare(self, folder: Path) -> None:
        self._client = c_programs.build("wslay_client", _LIBRARIES, folder)
        self._server = c_programs.build("wslay_server", _LIBRARIES, folder)

    def server_command(self, deflate: bool) -> Sequence[str]:
        return [str(self._server)]

    def client_command(self, url: str, scenario: str, deflate: bool) -> Sequence[str]:
        return [str(self._client), url, scenario]


PEER = Wslay()
