"""``python -m wsproto_core.testing``: see :mod:`wsproto_core.testing.command`."""

from __future__ import annotations

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
