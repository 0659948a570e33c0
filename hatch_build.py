"""The compiled build: the same sources through mypyc, when it is asked for.

    WSPROTO_CORE_COMPILE=1 pip install --no-binary wsproto_core wsproto_core

Unless that variable is 1 when a wheel is built, nothing here does anything, and the wheel is
pure Python. If it is, mypy and setuptools are fetched for the build, the modules of
:data:`COMPILED` become extension modules, and the wheel is for one platform and one Python.
Their sources are in it as well, for tracebacks and for whoever reads them. Nothing is written
to the source tree.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import chdir
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "WSPROTO_CORE_COMPILE"
PACKAGE = "wsproto_core"

#: What is compiled: all that a message passes through.
COMPILED = (
    "common_frames",
    "compiled_masking",
    "connection_base",
    "frame_protocol",
    "masking",
    "message_fields",
    "messages",
    "utf8",
)

_ORDINARY = "users subclass its classes, patch them, or give them attributes"
_PLAIN_VALUES = "enumerations, dataclasses and exceptions, which mypyc leaves as they are"
_ONCE = "runs once a connection, or less"
_TOOL = "for tests and debugging"

#: What is not, and why. A new module is listed here or there; a test says so.
INTERPRETED = {
    "__init__": "imports the others",
    "__main__": _TOOL,
    "back_ends": _ONCE,
    "compiling": "says something to mypyc, and nothing to the interpreter",
    "connection": _ORDINARY,
    "deflate": "its base is for users to subclass; the time is zlib's",
    "errors": _PLAIN_VALUES,
    "events": _PLAIN_VALUES,
    "extended_connect": _ONCE,
    "extension_api": _ORDINARY,
    "extensions": _ORDINARY,
    "group": _ORDINARY,
    "handshake": _ORDINARY,
    "header_fields": _ONCE,
    "hosts": _ONCE,
    "http_head": _ONCE,
    "inspection": _TOOL,
    "limits": _PLAIN_VALUES,
    "negotiation": _ONCE,
    "optional": _ONCE,
    "prepared": "an event, and encoded once for many",
    "recording": _TOOL,
    "recording_format": _TOOL,
    "reports": _TOOL,
    "session": _ORDINARY,
    "session_config": _PLAIN_VALUES,
    "session_events": _PLAIN_VALUES,
    "session_output": "a base of Session, which users subclass",
    "session_policy": "a base of Session, which users subclass",
    "states": _PLAIN_VALUES,
    "timing": "its attributes are set from Session, which is interpreted",
    "typing": _PLAIN_VALUES,
    "upgrade": _ONCE,
    "utilities": _ONCE,
    "words": _PLAIN_VALUES,
    "ws_connection": _ORDINARY,
}

# With librt.strings, whose reads and writes of 64 bits are compiled into the masking loop.
_REQUIRES = ["mypy[mypyc]>=2.4,<3", "setuptools>=77"]
# Types are checked elsewhere, under the project's own settings. What a later mypy thinks of
# the code must not fail an installation, and what the code imports need not be installed.
_MYPY_OPTIONS = ["--config-file=", "--ignore-missing-imports", "--no-warn-unused-ignores"]


class CompiledBuildHook(BuildHookInterface[BuilderConfig]):
    """Adds the extension modules to a wheel."""

    # Kept until the wheel is written.
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def dependencies(self) -> list[str]:
        return _REQUIRES if is_wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not is_wanted():
            return
        if version == "editable":
            raise RuntimeError(
                f"{SWITCH}=1: an editable installation uses the sources as they are, and cannot "
                "be compiled. Install without -e, or unset the variable."
            )
        self._folder = tempfile.TemporaryDirectory()
        try:
            modules = compile_package(Path(self.root), Path(self._folder.name))
        except RuntimeError:
            self._folder.cleanup()
            raise
        for module in modules:
            build_data["force_include"][str(module)] = _place_of(module, self._folder.name)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        # The compiled code finds its functions at import, and refuses older ones.
        build_data["dependencies"].append(f"librt>={installed_version('librt')}")

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def is_wanted() -> bool:
    """Whether the environment asks for the compiled build."""
    return os.environ.get(SWITCH) == "1"


def compile_package(root: Path, folder: Path) -> list[Path]:
    """Compile the package at *root*, within *folder*, and give the extension modules, in the
    places below ``folder / "out"`` that they have in a wheel.

    Raises :exc:`RuntimeError`, which says what to do, if it cannot be done.
    """
    shutil.copytree(root / PACKAGE, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    paths = [f"{PACKAGE}/{name}.py" for name in COMPILED]
    try:
        with chdir(folder):  # mypyc takes modules' names from paths below it
            _run_mypyc(paths)
    # mypyc exits, and compilers have errors of their own.
    except (Exception, SystemExit) as exc:
        raise RuntimeError(
            f"{SWITCH}=1: the package could not be compiled: {exc or 'see above'}. It takes a C "
            "compiler and Python's header files. Without the variable, the package is pure "
            "Python and needs neither."
        ) from exc
    return sorted(path for path in (folder / "out").rglob("*") if path.is_file())


def _run_mypyc(paths: list[str]) -> None:
    # Only here, for they are only there if the build is wanted.
    from mypyc.build import mypycify
    from setuptools import Distribution

    extensions = mypycify(
        [*_MYPY_OPTIONS, *paths], debug_level="0", target_dir="c", group_name=PACKAGE
    )
    command = Distribution({"name": PACKAGE, "ext_modules": extensions}).get_command_obj(
        "build_ext"
    )
    command.build_lib = "out"
    command.build_temp = "temporary"
    command.ensure_finalized()
    command.run()


def _place_of(module: Path, folder: str) -> str:
    return module.relative_to(Path(folder) / "out").as_posix()


def get_build_hook() -> type[CompiledBuildHook]:
    """Hatchling finds the hook by this."""
    return CompiledBuildHook
