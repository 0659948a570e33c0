"""What the peers that are Python packages have in common."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import ClassVar

from tests.interop.peer_api import Peer


class PythonPeer(Peer):
    """A package that one of ``tests.interop.programs`` runs."""

    #: The module of ``tests.interop.programs``.
    program: ClassVar[str]
    #: What it imports, by the name of what is to be installed.
    packages: ClassVar[dict[str, str]]
    client_stays = True

    def version(self) -> str:
        return version(next(iter(self.packages)))

    def missing(self) -> str | None:
        missing = [name for name, module in self.packages.items() if find_spec(module) is None]
        return f"pip install {' '.join(missing)}" if missing else None

    def server_command(self, deflate: bool) -> Sequence[str]:
        return self._command("serve", "0", deflate=deflate)

    def client_command(self, url: str, scenario: str, deflate: bool) -> Sequence[str]:
        return self._command("client", url, scenario, deflate=deflate)

    def _command(self, *arguments: str, deflate: bool) -> list[str]:
        setting = "--deflate" if deflate else "--no-deflate"
        return [sys.executable, "-m", f"tests.interop.programs.{self.program}", *arguments, setting]


class WsprotoPeer(PythonPeer):
    """One that is based on wsproto: on the real one, whose version is part of its own."""

    def version(self) -> str:
        return f"{super().version()} (wsproto {version('wsproto')})"
