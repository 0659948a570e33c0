"""Runs a module as ``python -m`` does, with this package in wsproto's place::

python -m tests.integration.run_aliased uvicorn --ws wsproto app:app
"""

from __future__ import annotations

import runpy
import sys

from .alias import install


def main(arguments: list[str]) -> None:
    install()
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
