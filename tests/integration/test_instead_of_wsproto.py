"""The folder that is put on the path in wsproto's place, as a user does: unchanged hypercorn,
in worker processes of its own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import websockets.sync.client

import wsproto_core

from . import alias
from .processes import TIMEOUT, consumer

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "examples" / "instead_of_wsproto"


def environment(*folders: Path) -> dict[str, str]:
    path = os.pathsep.join(map(str, (*folders, ROOT)))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def test_it_names_what_the_other_alias_does() -> None:
    code = (
        "import wsproto, sys\n"
        "names = [n.partition('.')[2] for n in sys.modules if n.startswith('wsproto.')]\n"
        "print(wsproto.__name__, *sorted(names))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(PLACE),
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=TIMEOUT,
    )
    assert done.stdout.split() == ["wsproto_core", *sorted(alias.SUBMODULES)]


@pytest.fixture
def port() -> Iterator[int]:
    """Of hypercorn with two workers."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "hypercorn", "--bind", "127.0.0.1:0", "--workers", "2"),
            f"{consumer('asgi_app')}:app",
        ],
        env=environment(PLACE),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        output = iter(process.stdout)
        yield next(int(m[1]) for line in output if (m := re.search(r":(\d+) \(CTRL", line)))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(TIMEOUT)
        process.stdout.close()


def test_hypercorns_workers_run_on_it(port: int) -> None:
    def connect(path: str) -> websockets.sync.client.ClientConnection:
        return websockets.sync.client.connect(
            f"ws://127.0.0.1:{port}{path}", proxy=None, open_timeout=TIMEOUT
        )

    with connect("/engine?of=hypercorn.protocol.ws_stream") as client:
        file = client.recv(TIMEOUT)
        assert isinstance(file, str)
        assert Path(file).parent == Path(wsproto_core.__file__).parent
    with connect("/echo") as client:
        client.send("hello")
        assert client.recv(TIMEOUT) == "hello"
