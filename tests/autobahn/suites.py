"""The suites: how each is set up from nothing, and with which commands it is started.

Autobahn's own suite needs Python 2.7. kosoku runs Autobahn's cases on a runner of its own and
installs on any Python of today; it takes Autobahn's place where there is no Python 2.7. What
is installed goes into a folder of its own, and stays there for the next time. Nothing here
runs a case or looks at a result.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from .echo import AGENT, HOST

#: Every distribution that Autobahn's suite takes, with its version.
AUTOBAHN_REQUIREMENTS = Path(__file__).with_name("requirements-2.7.txt")
KOSOKU_REQUIREMENT = "kosoku==0.1.0"

#: Seconds for an installation; one of Autobahn's dependencies is compiled.
INSTALL_TIMEOUT = 600.0

#: Starts Autobahn's suite from the folder (the first argument) it is installed in. The folder
#: is made a site, for its namespace packages need the .pth files in it. The fuzzing server
#: would listen on every interface; it is kept to this machine.
_START_AUTOBAHN = f"""\
import functools, site, sys
folder = sys.argv.pop(1)
sys.path.insert(0, folder)
site.addsitedir(folder)
from autobahntestsuite import fuzzing, wstest
fuzzing.listenWS = functools.partial(fuzzing.listenWS, interface="{HOST}")
wstest.run()
"""


class SuiteMissingError(Exception):
    """A suite cannot be set up here; the message says why."""


class Suite(Protocol):
    """A suite that is installed. Its report is ``index.json`` in the folder *out*."""

    #: Its name, and what runs it.
    title: str

    def fuzzing_client(self, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        """The command that tests the server on a port, in the cases of the patterns."""

    def fuzzing_server(self, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        """The command that serves those cases on a port, until a report has been asked for."""


class Autobahn:
    """Autobahn's own suite, in the folder *site* of a Python 2.7."""

    def __init__(self, python: str, site: Path) -> None:
        self.python, self.site = python, site
        self.title = f"autobahntestsuite {pinned_version()} on {python}"

    def fuzzing_client(self, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        servers = [{"agent": AGENT, "url": f"ws://{HOST}:{port}"}]
        return self._command("fuzzingclient", out, cases=list(patterns), servers=servers)

    def fuzzing_server(self, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        url = f"ws://{HOST}:{port}"
        # No web port: it would be one that others may have taken.
        return [*self._command("fuzzingserver", out, cases=list(patterns), url=url), "-u", "0"]

    def _command(self, mode: str, out: Path, **spec: object) -> list[str]:
        file = out / "spec.json"
        file.write_text(json.dumps({**spec, "outdir": str(out)}), encoding="utf-8")
        start = [self.python, "-W", "ignore", "-c", _START_AUTOBAHN, str(self.site)]
        return [*start, "-m", mode, "-s", str(file)]


class Kosoku:
    """Autobahn's cases on kosoku, in the folder *site* of this Python."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.title = f"{KOSOKU_REQUIREMENT.replace('==', ' ')}, which runs Autobahn's cases"

    def fuzzing_client(self, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        return self._command("fuzzingclient", port, patterns, out)

    def fuzzing_server(self, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        return self._command("fuzzingserver", port, patterns, out)

    def _command(self, mode: str, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        start = f"import sys; sys.path.insert(0, {str(self.site)!r}); import kosoku._cli as cli; "
        included = [word for pattern in patterns for word in ("--include", pattern)]
        options = ["--mode", mode, *included, "--outdir", str(out), f"{HOST}:{port}"]
        return [sys.executable, "-c", start + "cli.main()", *options]


def pinned_version() -> str:
    """The version of Autobahn's suite that is asked for."""
    for line in AUTOBAHN_REQUIREMENTS.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if name == "autobahntestsuite":
            return version
    raise ValueError(f"{AUTOBAHN_REQUIREMENTS} does not pin autobahntestsuite")


def default_cache() -> Path:
    """Where suites are installed, unless told otherwise."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "wsproto_core-autobahn"


def python2_candidates() -> list[str]:
    """Where a Python 2.7 may be: on the path, and where pyenv puts it."""
    found = [shutil.which(name) for name in ("python2.7", "python2")]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    return [name for name in found if name] + sorted(map(str, pyenv.glob("2.7*/bin/python2.7")))


def find_python2(candidates: Sequence[str]) -> str:
    """The first of the candidates that is a Python 2.7 with pip and TLS."""
    question = "import sys, pip, ssl; sys.exit(sys.version_info[:2] != (2, 7))"
    for candidate in candidates:
        try:
            done = subprocess.run([candidate, "-c", question], capture_output=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    looked_at = ", ".join(candidates) or "none found on the path or under ~/.pyenv/versions"
    raise SuiteMissingError(f"Autobahn needs a Python 2.7 with pip (looked at: {looked_at})")


def install(python: str, arguments: Sequence[str], key: str, cache: Path) -> Path:
    """Have a Python's pip install what the arguments name; the folder with it.

    The folder is named by *key*, what is asked for. It is there whole or not at all, so one
    that exists needs no more. Raises :exc:`SuiteMissingError`.
    """
    site = cache / hashlib.sha256(f"{python} {key}".encode()).hexdigest()[:16]
    if site.exists():
        return site
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        unfinished = Path(folder) / "site"
        pip = [python, "-m", "pip", "install", "--quiet", "--target", str(unfinished), *arguments]
        try:
            done = subprocess.run(
                pip, capture_output=True, encoding="utf-8", timeout=INSTALL_TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SuiteMissingError(f"pip does not install it: {error}") from error
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
            raise SuiteMissingError(f"pip does not install it:\n{said}")
        try:
            unfinished.rename(site)
        except OSError:
            if not site.exists():  # else another run was faster
                raise
    return site


def set_up_autobahn(cache: Path, candidates: Sequence[str]) -> Autobahn:
    """Autobahn's own suite. Raises :exc:`SuiteMissingError`."""
    python = find_python2(candidates)
    requirements = AUTOBAHN_REQUIREMENTS.read_text(encoding="utf-8")
    arguments = ["--requirement", str(AUTOBAHN_REQUIREMENTS)]
    return Autobahn(python, install(python, arguments, requirements, cache))


def set_up_kosoku(cache: Path) -> Kosoku:
    """The runner named kosoku. Raises :exc:`SuiteMissingError`."""
    arguments = ["--only-binary=:all:", KOSOKU_REQUIREMENT]
    return Kosoku(install(sys.executable, arguments, KOSOKU_REQUIREMENT, cache))
