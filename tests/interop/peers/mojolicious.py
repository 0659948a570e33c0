"""Mojolicious, in Perl: ``mojolicious_client.pl`` and ``mojolicious_server.pl``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.interop.peer_api import Peer, output_of

_HERE = Path(__file__).parent
_VERSION = ("perl", "-MMojolicious", "-e", "print Mojolicious->VERSION")


class Mojolicious(Peer):
    name = "mojolicious"
    label = "Mojolicious (Perl)"

    def version(self) -> str:
        return output_of(*_VERSION)

    def missing(self) -> str | None:
        if shutil.which("perl") and not subprocess.run(_VERSION, capture_output=True).returncode:
            return None
        return "apt-get install libmojolicious-perl"

    def server_command(self, deflate: bool) -> Sequence[str]:
        options = () if deflate else ("--no-deflate",)
        return ["perl", str(_HERE / "mojolicious_server.pl"), *options]

    def client_command(self, url: str, scenario: str, deflate: bool) -> Sequence[str]:
        option = "--deflate" if deflate else "--no-deflate"
        return ["perl", str(_HERE / "mojolicious_client.pl"), url, scenario, option]


PEER = Mojolicious()
