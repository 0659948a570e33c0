"""Load and faults, in short: its promises are kept, and one that is broken is noticed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

LOAD = Path(__file__).parents[2] / "benchmarks" / "load.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(LOAD), "--quick", *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_promises_are_kept_and_what_is_planted_is_noticed() -> None:
    with ThreadPoolExecutor(2) as pool:  # both mostly wait
        kept = pool.submit(run)
        broken = pool.submit(run, "--connections", "30", "--plant", "loss", "leak")

    done = kept.result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("All promises were kept.\n")
    assert "| connections | 500 |" in done.stdout
    assert "| connections left | 0 |" in done.stdout
    assert not done.stderr

    done = broken.result()
    assert done.returncode == 1, done.stdout
    assert "at the clients: echo lost: " in done.stderr
    assert " more objects after than before" in done.stderr
