"""Runs a module as it is, with wsproto itself, in a new process image::

python -m tests.integration.consumers.unaliased hypercorn --bind 127.0.0.1:0 app:app
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.execv(sys.executable, [sys.executable, "-m", *sys.argv[1:]])
