"""libwebsockets, in C: ``lws_client.c`` and ``lws_server.c``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tests.interop import c_programs
from tests.interop.peer_api import Peer, Role

_LIBRARIES = ("websockets", "crypto")
_GATHERED = "its permessage-deflate gathers small fragments into one frame"


class Libwebsockets(Peer):
    name = "libwebsockets"
    label = "libwebsockets (C)"
    cannot_tell = {"answer": "no callback gives the Close that answers one's own"}
    #: Of a message that it compresses, it writes what zlib gives: nothing until the last fragment.
    cannot_with_deflate: ClassVar[Mapping[Role, Mapping[str, str]]] = {
        Role.CLIENT: {"fragmented": _GATHERED},
        Role.SERVER: {"from-fragments": _GATHERED},
    }
    faults_with_deflate: ClassVar[Mapping[Role, Mapping[str, str]]] = {
        Role.CLIENT: {
            "ping": "its client hands over one Pong without end "
            "(client-parser-ws.c does not expect PMDR_NOTHING_WE_SHOULD_DO)"
        },
        Role.SERVER: {
            "echo-empty": "an empty message that follows another one "
            "ends its process (assertion in extension-permessage-deflate.c: zlib has nothing "
            "to flush twice)"
        },
    }

    def __init__(self) -> None:
        self._client = self._server = Path()

    def version(self) -> str:
        return c_programs.macro("lws_config.h", "LWS_LIBRARY_VERSION").rstrip("-")

    def missing(self) -> str | None:
        return c_programs.missing(
            ("libwebsockets.h", "openssl/sha.h"), "gcc libwebsockets-dev libssl-dev"
        )

    def prepare(self, folder: Path) -> None:
        self._client = c_programs.build("lws_client", _LIBRARIES, folder)
        self._server = c_programs.build("lws_server", _LIBRARIES, folder)

    def server_command(self, deflate: bool) -> Sequence[str]:
        return [str(self._server), *(() if deflate else ("--no-deflate",))]

    def client_command(self, url: str, scenario: str, deflate: bool) -> Sequence[str]:
        return [str(self._client), url, scenario, "--deflate" if deflate else "--no-deflate"]


PEER = Libwebsockets()
