"""The alias itself: if it did not hold, the tests beside this one would prove nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run *code* where nothing has been imported."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_aliased_names_are_the_same_objects() -> None:
    done = python(
        "from tests.integration import alias; alias.install(); alias.install()\n"
        "import wsproto, wsproto_core\n"
        "assert wsproto is wsproto_core\n"
        "for name in alias.SUBMODULES:\n"
        "    exec(f'import wsproto.{name} as theirs, wsproto_core.{name} as ours')\n"
        "    assert theirs is ours, name\n"
        "from wsproto.events import Ping\n"
        "assert Ping is wsproto_core.events.Ping\n"
        "assert alias.engine_of('__main__') == wsproto_core.__file__\n"
    )
    assert done.returncode == 0, done.stderr


def test_every_submodule_of_wsproto_is_aliased() -> None:
    done = python(
        "import pkgutil, wsproto\n"
        "from tests.integration import alias\n"
        "assert sorted(m.name for m in pkgutil.iter_modules(wsproto.__path__))"
        " == sorted(alias.SUBMODULES)\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "module", ["wsproto", "wsproto.events", "uvicorn.protocols.websockets.wsproto_impl"]
)
def test_refuses_where_wsproto_has_been_imported(module: str) -> None:
    done = python(f"import {module}\nfrom tests.integration import alias; alias.install()\n")
    assert done.returncode != 0
    assert "has been imported already" in done.stderr
