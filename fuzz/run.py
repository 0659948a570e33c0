"""Run the targets for a given time: ``python fuzz/run.py --seconds 60``.

Owns the processes, one a target, and the figures that are read from what libFuzzer writes.
Only a target's own process imports atheris; the targets know nothing of it. Ends with 1 if
anything was found, with the input beside the work corpus.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha1
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeAlias

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
NAMES = sorted(path.stem for path in (HERE / "targets").glob("[!_]*.py"))

#: An input that takes longer is a finding, and one that takes more memory.
TIMEOUT_SECONDS = 25
MEMORY_MB = 2048


@dataclass
class Result:
    name: str
    returncode: int
    executions: int
    seconds: float
    processor_seconds: float
    edges: str
    features: str
    new: int
    findings: list[Path]
    log: Path

    def row(self) -> str:
        a_second = self.executions / self.seconds if self.seconds else 0
        return (
            f"{self.name:14} {self.executions:>11,} {a_second:>9,.0f} {self.seconds:>8.0f} "
            f"{self.processor_seconds:>8.0f} {self.edges:>7} {self.features:>9} {self.new:>6} "
            f"{len(self.findings):>9}"
        )


HEADING = (
    f"{'target':14} {'executions':>11} {'a second':>9} {'seconds':>8} {'cpu':>8} {'edges':>7} "
    f"{'features':>9} {'new':>6} {'findings':>9}"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--target", action="append", choices=NAMES, help="this one only; again")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at a time")
    parser.add_argument("--work", type=Path, help="where new inputs, findings and logs stay")
    parser.add_argument(
        "--minimise",
        action="store_true",
        help="do not fuzz: make fuzz/corpus of what the work corpora and it cover",
    )
    parser.add_argument(
        "--lines", action="store_true", help="then say which lines of the engine all inputs reach"
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options, more = parser.parse_known_args()
    sys.path.insert(0, str(HERE.parent))
    if options.child:
        return fuzz(options.child, more)
    if more:
        parser.error(f"unknown: {' '.join(more)}")
    names = options.target or NAMES
    work = options.work or Path(tempfile.mkdtemp(prefix="fuzz-"))
    print(f"work corpora, findings and logs: {work}", flush=True)
    if options.minimise:
        for name in names:
            minimise(name, work / name)
        return 0
    with ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(supervise, name, work / name, options.seconds) for name in names]
        print(HEADING, flush=True)
        results = []
        for future in futures:
            results.append(future.result())
            print(results[-1].row(), flush=True)
    if options.lines:
        report_lines(names, work)
    bad = [result for result in results if result.findings or result.returncode]
    for result in bad:
        print(f"\n{result.name} ended with {result.returncode}; see {result.log}")
        for finding in result.findings:
            print(f"  {finding}: {finding.read_bytes()[:200].hex()}")
    return 1 if bad else 0


def child_command(name: str, *arguments: object) -> list[str]:
    return [sys.executable, str(HERE / "run.py"), "--child", name, *map(str, arguments)]


def supervise(name: str, work: Path, seconds: int) -> Result:
    """Fuzz one target in a process of its own, and read its figures."""
    corpus, findings, log = work / "corpus", work / "findings", work / "log"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    arguments = [
        *(f"-max_total_time={seconds}", f"-timeout={TIMEOUT_SECONDS}"),
        *(f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1", f"-artifact_prefix={findings}/"),
        corpus,
        CORPUS / name,
    ]
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # this program
            child_command(name, *arguments), stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    elapsed = time.monotonic() - begun
    return read_log(name, log, process.returncode, elapsed, usage, set(findings.iterdir()) - before)


def read_log(
    name: str,
    log: Path,
    returncode: int,
    seconds: float,
    usage: resource.struct_rusage,
    findings: set[Path],
) -> Result:
    text = log.read_text(errors="replace")
    counts = [int(count) for count in re.findall(r"^#(\d+)\s", text, re.MULTILINE)]
    stat = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    added = re.search(r"stat::new_units_added:\s*(\d+)", text)
    coverage = re.findall(r"cov: (\d+) ft: (\d+)", text)
    edges, features = coverage[-1] if coverage else ("?", "?")
    return Result(
        name=name,
        returncode=returncode,
        executions=int(stat[1]) if stat else max(counts, default=0),
        seconds=seconds,
        processor_seconds=usage.ru_utime + usage.ru_stime,
        edges=edges,
        features=features,
        new=int(added[1]) if added else 0,
        findings=sorted(findings),
        log=log,
    )


def report_lines(names: list[str], work: Path) -> None:
    """Replay all inputs with coverage.py, which says what they reach of the engine."""
    engine = HERE.parent / "wsproto_core"
    lines: Any = import_module("coverage").Coverage(
        data_file=None,
        branch=True,
        config_file=False,
        source=[str(engine)],
        omit=[f"{engine}/testing/*"],
    )
    lines.start()
    for name in names:
        check = import_module(f"fuzz.targets.{name}").check
        for folder in (CORPUS / name, work / name / "corpus"):
            for path in sorted(folder.iterdir()):
                check(path.read_bytes())
    lines.stop()
    lines.report(skip_empty=True)


def minimise(name: str, work: Path) -> None:
    """Make the small corpus anew, of it and of the work corpus."""
    destination = CORPUS / name
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # A copy, for a fuzzer that is at work replaces inputs by shorter ones.
        everything, merged = Path(folder) / "all", Path(folder) / "merged"
        for directory in (everything, merged):
            directory.mkdir()
        for source in (destination, work / "corpus"):
            for path in source.iterdir():
                with suppress(FileNotFoundError):
                    (everything / path.name).write_bytes(path.read_bytes())
        command = child_command(name, "-merge=1", merged, everything)
        quiet = subprocess.DEVNULL
        subprocess.run(command, check=True, stdout=quiet, stderr=quiet)  # noqa: S603
        contents = sorted((path.read_bytes() for path in merged.iterdir()), key=len)
    check = import_module(f"fuzz.targets.{name}").check
    kept = small_selection([(content, steps(check, content)) for content in contents])
    for path in destination.iterdir():
        path.unlink()
    for content in kept:
        (destination / sha1(content, usedforsecurity=False).hexdigest()).write_bytes(content)
    size = sum(map(len, kept))
    print(f"{name}: {len(kept)} of {len(contents)} inputs kept, {size:,} bytes", flush=True)


Step: TypeAlias = tuple[CodeType, int, int]


def steps(check: Callable[[bytes], None], content: bytes) -> set[Step]:
    """Which line of the engine follows which, with an input."""
    engine = str(HERE.parent / "wsproto_core")
    kit = str(HERE.parent / "wsproto_core" / "testing")
    seen: set[Step] = set()

    def enter(frame: FrameType, _: str, __: object) -> Callable[..., Any] | None:
        code = frame.f_code
        if not code.co_filename.startswith(engine) or code.co_filename.startswith(kit):
            return None
        last = 0

        def follow(frame: FrameType, _: str, __: object) -> Callable[..., Any]:
            nonlocal last
            seen.add((code, last, frame.f_lineno))
            last = frame.f_lineno
            return follow

        return follow

    sys.settrace(enter)
    try:
        check(content)
    finally:
        sys.settrace(None)
    return seen


def small_selection(
    inputs: list[tuple[bytes, set[Step]]], most: int = 150, most_bytes: int = 60_000
) -> list[bytes]:
    """As many as the repository is to hold: first those that together do all that any of them
    does, then some of the others, of all sizes.
    """
    kept: list[bytes] = []
    missing: set[Step] = set().union(*(seen for _, seen in inputs))
    while missing:
        best, seen = max(inputs, key=lambda each: len(each[1] & missing) / (len(each[0]) + 20))
        kept.append(best)
        missing -= seen
    others = [content for content, _ in inputs if content not in kept]
    each = -(-len(others) // max(1, most - len(kept)))
    for content in others[:: max(1, each)]:
        if len(kept) < most and sum(map(len, kept)) + len(content) <= most_bytes:
            kept.append(content)
    return kept


def fuzz(name: str, arguments: list[str]) -> int:
    """In the child: fuzz until libFuzzer ends the process."""
    atheris: Any = import_module("atheris")  # it has no types, nor is it everywhere

    # Not wsproto_core.testing, which the targets import: the model is slow as it is, and what
    # is covered of it says nothing about the engine.
    with atheris.instrument_imports(include=["wsproto_core"]):
        import_module("wsproto_core")
    target = import_module(f"fuzz.targets.{name}")
    dictionary = HERE / "dictionaries" / f"{name}.dict"
    # With this name libFuzzer starts itself again, through a shell, to merge.
    command = [shlex.join(child_command(name)), f"-max_len={target.MAX_SIZE}"]
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    atheris.Setup([*command, *arguments], target.check)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
