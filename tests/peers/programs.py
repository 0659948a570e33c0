"""The peers that are programs of their own: started, waited for, and always ended.

Owns how each is started, and the npm package ``ws``, which is installed into a folder that the
caller names. Must not know what is done with them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

#: The version of ``ws`` that is installed.
WS_VERSION = "8.23.0"
#: Seconds within which a server has to say its URL, and a program has to end.
TIMEOUT = 60.0


def has_node() -> bool:
    """Whether there are node and npm on this machine."""
    return shutil.which("node") is not None and shutil.which("npm") is not None


def install_ws(folder: Path) -> str:
    """Install ``ws`` into *folder*; its version."""
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", f"ws@{WS_VERSION}"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=TIMEOUT * 5,
    )
    package = json.loads((folder / "node_modules" / "ws" / "package.json").read_text())
    return str(package["version"])


def python_program(name: str) -> list[str]:
    """The command for one of the modules here."""
    return [sys.executable, "-m", f"tests.peers.{name}"]


def node_program(name: str) -> list[str]:
    """The command for one of the scripts here."""
    return ["node", str(HERE / name)]


def _environment(npm: Path | None) -> Mapping[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    if npm is not None:
        environment["NODE_PATH"] = str(npm / "node_modules")
    return environment


@contextmanager
def serving(command: Sequence[str], *, npm: Path | None = None) -> Iterator[str]:
    """Start a server, give its URL, and end it.

    :param npm: the folder into which ``ws`` has been installed.
    """
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment(npm))
    assert program.stdout is not None
    try:
        url = program.stdout.readline().strip()
        if not url.startswith("ws://"):
            raise RuntimeError(f"{' '.join(command)} says {url!r}, not its URL")
        yield url
    finally:
        program.kill()
        program.wait(TIMEOUT)
        program.stdout.close()


@contextmanager
def running(command: Sequence[str], *, npm: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start a client, and see to it that it does not outlive this."""
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_environment(npm)
    )
    assert program.stdout is not None
    try:
        yield program
    finally:
        program.kill()
        program.wait(TIMEOUT)
        program.stdout.close()
