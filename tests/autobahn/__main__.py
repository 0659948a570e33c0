"""The command: ``python -m tests.autobahn``, from the top of the repository.

It sets the suite up, runs it in both roles, and compares the results with those that are
committed. It ends with 0 if they are the same, with 1 if any differs, and with 2 if there was
no run. ``--help`` lists what can be asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wsproto_core import back_ends

from .results import (
    ALL,
    EXPECTED,
    QUICK,
    ROLES,
    Result,
    Results,
    Role,
    differences,
    read_expected,
    select,
    summary,
    write_expected,
)
from .running import RunError, run
from .suites import (
    Suite,
    SuiteMissingError,
    default_cache,
    python2_candidates,
    set_up_autobahn,
    set_up_kosoku,
)

#: Cases between two lines of progress.
STEP = 50

#: Seconds for a role, unless told otherwise: many times what it takes.
TIME_LIMIT = 3600.0

#: As many cases that differ are run again, alone. The suite gives some of them a second, and
#: a machine that others use may not have it; where more differ, that is not the reason.
MOST_AGAIN = 5


@dataclass
class Outcome:
    """What came out in one role."""

    results: Results
    #: Case: what is not as expected.
    differences: dict[str, str]
    #: Why there are no results, if there are none.
    failure: str | None = None


def say(text: str) -> None:
    print(text, flush=True)


def set_up(choice: str, cache: Path, python2: str | None) -> Suite:
    """The suite that was asked for, installed if need be. Raises :exc:`SuiteMissingError`."""
    if choice != "kosoku":
        try:
            return set_up_autobahn(cache, [python2] if python2 else python2_candidates())
        except SuiteMissingError as error:
            if choice == "autobahn":
                raise
            say(f"NOT Autobahn's own suite, but its cases on kosoku, for: {error}")
    return set_up_kosoku(cache)


async def check(
    suite: Suite,
    role: Role,
    patterns: Sequence[str],
    folder: Path,
    expected: Results | None,
    time_limit: float,
) -> Outcome:
    """Run a role and compare with what is expected; with nothing if that is None."""
    try:
        return await _check(suite, role, patterns, folder, expected, time_limit)
    except RunError as error:
        return Outcome({}, {}, str(error))


async def _check(
    suite: Suite,
    role: Role,
    patterns: Sequence[str],
    folder: Path,
    expected: Results | None,
    time_limit: float,
) -> Outcome:
    if expected is not None and not expected:
        raise RunError(f"no result is committed for any case of {' '.join(patterns)}")
    started = time.monotonic()
    total = f" of {len(expected)}" if expected else ""

    def progress(count: int) -> None:
        if count % STEP == 0:
            say(f"{role}: {count}{total} cases, {time.monotonic() - started:.0f} s")

    results = await run(
        suite, role, patterns, _empty(folder / role), time_limit=time_limit, progress=progress
    )
    if not results:
        raise RunError("the suite has run no case")
    told = {} if expected is None else differences(expected, results)
    again = [case for case in told if case in results]
    if expected is not None and 0 < len(again) <= MOST_AGAIN:
        say(f"{role}: once more, alone: {', '.join(f'{case} ({told[case]})' for case in again)}")
        repeated = await run(
            suite, role, again, _empty(folder / f"{role}-again"), time_limit=time_limit
        )
        results = {**results, **repeated}
        told = differences(expected, results)
    say(f"{role}: done after {time.monotonic() - started:.0f} s")
    return Outcome(results, told)


def _empty(folder: Path) -> Path:
    # What an earlier run has left there would pass for a report of this one.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def verdict(outcomes: dict[Role, Outcome]) -> int:
    """Say how it went; give the exit status."""
    for role, outcome in outcomes.items():
        count = len(outcome.differences)
        end = f"{count} NOT AS EXPECTED" if count else "as expected"
        say(f"{role}: {outcome.failure or f'{summary(outcome.results)}; {end}'}")
        for case, told in outcome.differences.items():
            say(f"    {role} {case}: {told}")
    if any(outcome.failure for outcome in outcomes.values()):
        return 2
    return int(any(outcome.differences for outcome in outcomes.values()))


async def run_roles(
    suite: Suite, roles: Sequence[Role], folder: Path, arguments: argparse.Namespace
) -> dict[Role, Outcome]:
    """Run the roles side by side: each keeps a core busy for part of the time only."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel(asyncio.current_task()))
    patterns = arguments.cases or (QUICK if arguments.quick else ALL)
    tasks: dict[Role, asyncio.Task[Outcome]] = {}
    async with asyncio.TaskGroup() as group:
        for role in roles:
            expected: dict[str, Result] | None = None
            if not arguments.write:
                expected = select(read_expected(role), patterns)
            job = check(suite, role, patterns, folder, expected, arguments.time_limit)
            tasks[role] = group.create_task(job)
    return {role: task.result() for role, task in tasks.items()}


def _cancel(task: asyncio.Task[object] | None) -> Callable[[], object]:
    assert task is not None
    return task.cancel


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.autobahn",
        description="Run Autobahn's cases on wsproto_core, and compare with the committed results.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--quick", action="store_true", help="sections 1 to 7, 9 and 10: all but deflate"
    )
    which.add_argument("--cases", nargs="+", metavar="PATTERN", help="these, as 6.4.* or 7.1.6")
    which.add_argument(
        "--write", action="store_true", help="write the results of all cases to expected.json"
    )
    parser.add_argument("--role", choices=[*ROLES, "both"], default="both", help="the engine's")
    parser.add_argument("--suite", choices=["auto", "autobahn", "kosoku"], default="auto")
    parser.add_argument("--python2", metavar="PATH", help="the Python 2.7 for Autobahn's suite")
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="suites are installed here"
    )
    parser.add_argument(
        "--out", type=Path, help="keep the suite's reports (HTML and JSON) in this folder"
    )
    parser.add_argument(
        "--time-limit", type=float, default=TIME_LIMIT, metavar="SECONDS", help="for each role"
    )
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    arguments = parse(words)
    roles = ROLES if arguments.role == "both" else (arguments.role,)
    try:
        suite = set_up(arguments.suite, arguments.cache, arguments.python2)
    except SuiteMissingError as error:
        say(f"no suite: {error}")
        return 2
    say(f"suite: {suite.title}")
    say(f"engine: {back_ends()}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.out or Path(temporary)).resolve()
        outcomes = asyncio.run(run_roles(suite, roles, folder, arguments))
    if arguments.out:
        say(f"The suite's reports are in {folder}")
    status = verdict(outcomes)
    if arguments.write and status == 0:
        write_expected({role: outcome.results for role, outcome in outcomes.items()})
        say(f"written to {EXPECTED.name}")
    return status


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(main())
    sys.exit(130)
