"""The command ``python -m wsproto_core.testing``: cases are run, and results shown and written.

Owns the options, the exit status, and what goes to the terminal. How cases are run, and how
results read, others know.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from time import perf_counter
from typing import Final, NoReturn, TextIO

from wsproto_core import __version__

from .annotating import visible
from .cases import Case, Level
from .catalogue import catalogue
from .judging import Verdict
from .loading import LoadError, choose, load_adapter
from .outcomes import ReceiveLimits
from .report_html import to_html
from .report_junit import to_junit
from .report_text import case_lines, list_lines, summary_lines
from .results import (
    ImplementationRecord,
    ResultsError,
    RunRecord,
    from_json,
    is_failure,
    merge,
    record_case,
    record_requirement,
    record_result,
    record_run,
    to_json,
)
from .runner import Result, player_of, run_all

PROGRAM: Final = "python -m wsproto_core.testing"
_EPILOG: Final = """\
An adapter is an object of the protocol wsproto_core.testing.adapter.Adapter, or what gives one
when it is called. A server has to echo messages. A client is served cases as Autobahn's fuzzing
server does it: /getCaseCount, /runCase?case=1&agent=NAME, ..., /updateReports?agent=NAME.

exit status: 0 if no MUST is broken (with --strict: if nothing is off); 1 if one is, or if
nothing could be checked; 2 for wrong usage
"""
#: Characters of the progress bar.
_BAR: Final = 30


class Misuse(Exception):
    """What is asked for cannot be done. The message is one printable line."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Misuse(f"{visible(message)} (--help tells more)")


class Progress:
    """A bar on a terminal; nothing elsewhere."""

    def __init__(self, stream: TextIO, total: int, title: str) -> None:
        self._stream = stream if stream.isatty() else None
        self._total = total
        self._title = title
        self._done = 0
        self._failed = 0

    def __call__(self, result: Result) -> None:
        """One more case is done."""
        self._done += 1
        self._failed += result.verdict is Verdict.FAIL
        filled = _BAR * min(self._done, self._total) // self._total
        bar = "#" * filled + "." * (_BAR - filled)
        failed = f", {self._failed} failed" if self._failed else ""
        self._write(f"\r[{bar}] {self._done}/{self._total}{failed}  {self._title}\x1b[K")

    def clear(self) -> None:
        """Take the bar away."""
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(text)
            self._stream.flush()


# Options ------------------------------------------------------------------------------


def parse_arguments(argv: Sequence[str] | None) -> Namespace:
    """The options. Raises :exc:`Misuse`."""
    parser = _Parser(
        prog=PROGRAM,
        description="Check WebSocket implementations against RFC 6455 and RFC 7692.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument_group("what is checked").add_argument
    add("--adapter", action="append", default=[], metavar="PKG.MODULE:NAME", help="repeatable")
    add("--server", action="append", default=[], metavar="WS://HOST:PORT/PATH", help="repeatable")
    add("--client", action="store_true", help="serve cases to a client, which has to echo")
    add("--name", help="what to call the server or client")
    add = parser.add_argument_group("how").add_argument
    add("--cases", action="append", default=[], metavar="PATTERN", help="ids, sections; repeatable")
    add("--level", action="append", choices=[level.name.lower() for level in Level], default=[])
    add("--role", choices=("client", "server"), help="of the endpoint that is checked")
    add("--seed", type=int, default=0, help="for the random chunks")
    add("--strict", action="store_true", help="whatever is off fails, at any level")
    add = parser.add_argument_group("instead of the catalogue").add_argument
    add("--hunt", action="store_true", help="try random examples, and shorten what is wrong")
    add("--examples", type=int, metavar="N", help="for each property")
    add = parser.add_argument_group("over sockets").add_argument
    add("--host", default="127.0.0.1", help="to serve clients at")
    add("--port", type=int, default=9001, help="to serve clients at; 0 for any")
    add("--timeout", type=float, default=2.0, metavar="S", help="to wait for what must come")
    add("--quiet", type=float, default=0.1, metavar="S", help="to wait for what must not come")
    add("--give-up", type=float, metavar="S", help="stop serving when no client came for so long")
    limits = ("max-message-size", "max-frame-size", "max-fragments")
    for name in limits:
        add(f"--{name}", type=int, metavar="N", help="what the server or client is set up with")
    add = parser.add_argument_group("what is shown and written").add_argument
    add("--list", action="store_true", help="the cases that are selected")
    add("--show", action="append", default=[], metavar="CASE", help="explain a case; repeatable")
    add("-v", "--verbose", action="store_true", help="annotated bytes of what is off")
    add("--json", type=Path, metavar="FILE")
    add("--junit", type=Path, metavar="FILE")
    add("--html", type=Path, metavar="FILE")
    add(
        "--add", action="append", type=Path, default=[], metavar="FILE",
        help="results of an earlier run (--json), for the reports; repeatable",
    )  # fmt: skip
    options = parser.parse_args(argv)
    options.level = [Level[name.upper()] for name in options.level]
    wanted = ("adapter", "server", "client", "add", "list", "show")
    if not any(getattr(options, name) for name in wanted):
        parser.error("name an --adapter, a --server or --client; or see --list")
    for reached, role in (("server", "server"), ("client", "client")):
        if getattr(options, reached) and options.role not in (None, role):
            parser.error(f"--{reached} goes with --role {role} alone")
    if options.hunt and (options.server or options.client or not options.adapter):
        parser.error("--hunt goes with --adapter")
    for file in (options.json, options.junit, options.html):
        if file is not None and not file.parent.is_dir():
            parser.error(f"there is no directory {file.parent}")
    return options


def _limits(options: Namespace) -> ReceiveLimits | None:
    names = ("max_message_size", "max_frame_size", "max_fragments")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    return ReceiveLimits(**given) if given else None


# Running ------------------------------------------------------------------------------


def run_implementations(
    options: Namespace, cases: Sequence[Case], stderr: TextIO
) -> Iterator[ImplementationRecord]:
    """Run all that is to be checked. Raises :exc:`Misuse` and :exc:`LoadError`."""
    adapters = [load_adapter(spec) for spec in options.adapter]
    for adapter in adapters:
        name, version = visible(adapter.name), visible(adapter.version)
        progress = Progress(stderr, len(cases), f"{name} {version}")
        start = perf_counter()
        results = []
        for result in run_all(cases, player_of(adapter), seed=options.seed):
            progress(result)
            results.append(record_result(result))
        progress.clear()
        took = perf_counter() - start
        yield ImplementationRecord(name, version, "adapter", took, tuple(results))
    for url in options.server:
        yield _run_sockets(options, choose(cases, role="server"), stderr, url)
    if options.client:
        yield _run_sockets(options, choose(cases, role="client"), stderr, None)


def _run_sockets(
    options: Namespace, cases: Sequence[Case], stderr: TextIO, url: str | None
) -> ImplementationRecord:
    """A server at *url*, or a client that comes."""
    # Whoever tests an adapter needs no event loop.
    from .sockets import Timing, run_client_cases, run_server_cases

    name = visible(options.name or ("client" if url is None else url))
    progress = Progress(stderr, len(cases), name)
    timing = Timing(timeout=options.timeout, quiet=options.quiet)
    start = perf_counter()

    def ready(address: str) -> None:
        serving = f"Serving {counted(cases)} at {address} until /updateReports is asked for."
        stderr.write(f"{serving}\n")
        stderr.flush()

    try:
        if url is None:
            results = run_client_cases(
                cases, host=options.host, port=options.port, seed=options.seed, timing=timing,
                limits=_limits(options), progress=progress, ready=ready, give_up=options.give_up,
            )  # fmt: skip
        else:
            results = run_server_cases(
                url, cases, seed=options.seed, timing=timing, limits=_limits(options),
                progress=progress,
            )  # fmt: skip
    except (ValueError, OSError) as exc:
        raise Misuse(visible(str(exc))) from exc
    finally:
        progress.clear()
    took = perf_counter() - start
    how = f"client at port {options.port}" if url is None else url
    return ImplementationRecord(name, "", visible(how), took, tuple(map(record_result, results)))


def hunt_faults(options: Namespace, write: Callable[[str], None], stderr: TextIO) -> int:
    """What ``--hunt`` asks for; the exit status. Raises :exc:`Misuse` and :exc:`LoadError`."""
    try:
        # Whoever runs the catalogue needs no hypothesis.
        from .hunting import EXAMPLES, hunt
    except ImportError as exc:
        raise Misuse("--hunt needs hypothesis: pip install 'wsproto_core[testing]'") from exc
    examples = EXAMPLES if options.examples is None else options.examples

    def progress(target: str, found: int) -> None:
        if stderr.isatty():
            stderr.write(f"{target}: {found} found so far\n")
            stderr.flush()

    total = 0
    for adapter in [load_adapter(spec) for spec in options.adapter]:
        start = perf_counter()
        findings = hunt(adapter, examples=examples, seed_number=options.seed, progress=progress)
        took = perf_counter() - start
        for finding in findings:
            for line in str(finding).splitlines():
                write(visible(line))
            write("")
        kinds = f"{len(findings)} kind{'s' * (len(findings) != 1)} of faults"
        name = f"{visible(adapter.name)} {visible(adapter.version)}"
        said = f"{examples} examples of each property, seed {options.seed}, {took:.1f} s"
        write(f"{name}: {kinds} ({said})")
        total += len(findings)
    return 1 if total else 0


def load_results(file: Path) -> RunRecord:
    """The results in a file. Raises :exc:`Misuse`."""
    try:
        return from_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ResultsError) as exc:
        raise Misuse(f"cannot read {visible(str(file))}: {visible(str(exc))}") from exc


# Showing ------------------------------------------------------------------------------


def show_cases(options: Namespace, cases: Sequence[Case], write: Callable[[str], None]) -> None:
    """What ``--show`` and ``--list`` ask for."""
    for pattern in options.show:
        for case in choose(cases, [pattern]):
            record = record_case(case)
            requirements = {each: record_requirement(each) for each in record.requirements}
            for line in case_lines(record, requirements):
                write(line)
            write("")
    if options.list:
        for line in list_lines(map(record_case, cases)):
            write(line)
        write(counted(cases))


def counted(cases: Sequence[object]) -> str:
    """How many cases these are."""
    return f"{len(cases)} case{'s' * (len(cases) != 1)}"


def conclude(run: RunRecord, *, strict: bool) -> tuple[str, int]:
    """The last line, and the exit status."""
    pairs = [pair for which in run.implementations for pair in run.records_of(which)]
    failed = sum(is_failure(case.level, result.verdict, strict=strict) for case, result in pairs)
    if all(result.verdict is Verdict.SKIPPED for _, result in pairs):
        return "nothing was checked: every case was skipped", 1
    if failed == 1:
        return f"1 result {'is not as it should be' if strict else 'breaks a MUST'}", 1
    if failed:
        what = "are not as they should be" if strict else "break a MUST"
        return f"{failed} results {what}", 1
    return ("nothing is off" if strict else "no MUST is broken"), 0


def execute(options: Namespace, stdout: TextIO, stderr: TextIO) -> int:
    """Do what the options say; the exit status. Raises :exc:`Misuse` and :exc:`LoadError`."""

    def write(line: str) -> None:
        stdout.write(f"{line}\n")

    if options.hunt:
        return hunt_faults(options, write, stderr)
    cases = choose(catalogue(), options.cases, role=options.role, levels=options.level)
    show_cases(options, cases, write)
    earlier = [load_results(file) for file in options.add]
    start = perf_counter()
    implementations = list(run_implementations(options, cases, stderr))
    took = perf_counter() - start
    runs = list(earlier)
    if implementations:
        ran = {result.case for each in implementations for result in each.results}
        cases = tuple(case for case in cases if case.id in ran)
        runs.insert(0, record_run(cases, implementations, seed=options.seed, kit=__version__))
    if not runs:
        return 0
    try:
        run = merge(runs) if len(runs) > 1 else runs[0]
    except ResultsError as exc:
        raise Misuse(str(exc)) from exc
    for which in run.implementations:
        for line in summary_lines(run, which, verbose=options.verbose):
            write(line)
        write("")
    said, status = conclude(run, strict=options.strict)
    write(f"{counted(run.cases)}, seed {options.seed}, {took:.1f} s: {said}")
    for file, text in (
        (options.json, to_json),
        (options.junit, lambda run: to_junit(run, strict=options.strict)),
        (options.html, to_html),
    ):
        if file is not None:
            file.write_text(text(run), encoding="utf-8")
    return status


def main(
    argv: Sequence[str] | None = None, stdout: TextIO | None = None, stderr: TextIO | None = None
) -> int:
    """Run the command; the exit status. What is not given is the process's."""
    out, err = stdout or sys.stdout, stderr or sys.stderr
    try:
        options = parse_arguments(argv)
        if isinstance(out, TextIOWrapper):
            out.reconfigure(errors="backslashreplace")
        status = execute(options, out, err)
        out.flush()
    except BrokenPipeError:
        # As with "| head". Closed, it is not flushed once more at exit.
        with suppress(BrokenPipeError):
            out.close()
        return 0
    except (Misuse, LoadError, OSError) as exc:
        err.write(f"wsproto_core.testing: {visible(str(exc))}\n")
        return 2
    except KeyboardInterrupt:
        err.write("\n")
        return 130
    return status
