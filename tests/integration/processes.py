"""Programs under test: started, waited for by what they print, and always ended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Seconds after which anything that has not happened is a failure. Only ever reached by
#: a failing test, so it is long enough for a machine with more to do.
TIMEOUT = 20.0

_ROOT = Path(__file__).parents[2]

#: Those that run, for whoever reports a failure.
running: list[Process] = []


class Process:
    """A program whose output is read as it comes, line by line."""

    def __init__(self, arguments: list[str]) -> None:
        self.name = " ".join(arguments)
        self._lines: list[str] = []
        self._ended = False
        self._news = threading.Condition()
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.run_aliased", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as output:
            for line in output:
                with self._news:
                    self._lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def write(self, line: str) -> None:
        """Send a line to its standard input."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait for a line of output that *pattern* matches, from its beginning."""
        deadline = time.monotonic() + TIMEOUT
        compiled = re.compile(pattern)
        seen = 0
        with self._news:
            while True:
                while seen < len(self._lines):
                    if match := compiled.match(self._lines[seen]):
                        return match
                    seen += 1
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    what = "ended" if self._ended else f"ran for {TIMEOUT} s"
                    raise AssertionError(
                        f"{self.name} {what} without printing {pattern!r}:\n{self.output}"
                    )
                self._news.wait(left)

    @property
    def output(self) -> str:
        """The end of what it has printed; long lines are cut."""
        return "\n".join(line[:200] for line in self._lines[-40:])

    def terminate(self) -> None:
        """Ask it to end, as a service manager does."""
        self._popen.terminate()

    def stop(self) -> None:
        """End it, whatever it does."""
        assert self._popen.stdin is not None
        with suppress(BrokenPipeError):
            self._popen.stdin.close()
        self._popen.terminate()
        try:
            self._popen.wait(3)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._reader.join()


@contextmanager
def run(*arguments: str) -> Iterator[Process]:
    """Run a module on the aliased engine for as long as the block lasts."""
    process = Process(list(arguments))
    running.append(process)
    try:
        yield process
    finally:
        running.remove(process)
        process.stop()


def consumer(name: str) -> str:
    """The name by which to run, or to import, one of ``consumers``."""
    return f"tests.integration.consumers.{name}"
