"""Builds the peers' programs in C: ``peers/NAME.c``, with the system's compiler.

Must not know what they do; they find their own headers in their folder.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_SOURCES = Path(__file__).with_name("peers")
_GCC = ("gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror")


def missing(headers: Sequence[str], packages: str) -> str | None:
    """What has to be installed before programs with these *headers* can be built."""
    install = f"apt-get install {packages}"
    if shutil.which("gcc") is None:
        return install
    source = "".join(f"#include <{header}>\n" for header in headers)
    checked = subprocess.run(
        ["gcc", "-fsyntax-only", "-x", "c", "-"], input=source, text=True, capture_output=True
    )
    return install if checked.returncode else None


def build(name: str, libraries: Sequence[str], folder: Path) -> Path:
    """Compile a program into *folder*; warnings are errors, and stop everything."""
    program = folder / name
    linked = [f"-l{library}" for library in libraries]
    subprocess.run(
        [*_GCC, "-o", str(program), str(_SOURCES / f"{name}.c"), *linked], check=True, timeout=120
    )
    return program


def macro(header: str, name: str) -> str:
    """The text of a *header*'s macro that is a string, such as a version."""
    source = f"#include <{header}>\n{name}\n"
    ran = subprocess.run(
        ["gcc", "-E", "-P", "-x", "c", "-"],
        input=source,
        text=True,
        capture_output=True,
        check=True,
    )
    return ran.stdout.strip().splitlines()[-1].strip().strip('"')
