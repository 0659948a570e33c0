"""Chromium, headless: Debian's, driven by playwright."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from tests.interop.peer_api import Peer, Role, Transport, output_of

from .node import WEB_CANNOT, WEB_CANNOT_TELL


class Chromium(Peer):
    """A client, over TCP and over HTTP/2."""

    name = "chromium"
    label = "Chromium"
    roles = (Role.CLIENT,)
    transports = (Transport.WS, Transport.WSS_H2)
    cannot = {Role.CLIENT: WEB_CANNOT}
    cannot_tell = WEB_CANNOT_TELL
    client_stays = True

    def version(self) -> str:
        return output_of("chromium", "--version").split()[1]

    def missing(self) -> str | None:
        if find_spec("playwright") is None:
            return "pip install playwright"
        return None if shutil.which("chromium") else "apt-get install chromium"

    def client_command(self, url: str, scenario: str, deflate: bool) -> Sequence[str]:
        return [sys.executable, "-m", "tests.interop.programs.chromium_program"]


PEER = Chromium()
