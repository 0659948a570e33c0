"""How other implementations fare with the catalogue: what the README and docs/peers.md say of it.

python -m docs.peers_table                          # run all of them, and print the README's part
python -m docs.peers_table --write                  # put it there, and write peers.md, peers.json
python -m docs.peers_table --write --only wsproto   # run this one; the others as recorded
python -m docs.peers_table --write --only           # run none
python -m docs.peers_table --write --to FILE        # into FILE instead of the README

What came out is recorded in ``docs/peers.json``: of each implementation its version, and the
cases that it did not pass. All else is made of that alone. What lies behind the failed cases is
said in :mod:`docs.peers_faults`: a failed case of which nothing is said there is an error, and
so is one that is named there and has not failed. Owns how implementations are run, and how the
tables look. ``ws`` needs node and npm.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

from docs.peers_faults import FAULTS, Fault
from tests.peers import programs
from wsproto_core.testing.cases import Case, Level
from wsproto_core.testing.catalogue import catalogue
from wsproto_core.testing.judging import Verdict
from wsproto_core.testing.runner import Result, player_of, run_all
from wsproto_core.testing.sockets import Timing, run_client_cases, run_server_cases

ROOT: Final = Path(__file__).parent.parent
README: Final = ROOT / "README.md"
RECORD: Final = ROOT / "docs" / "peers.json"
PAGE: Final = ROOT / "docs" / "peers.md"
BEGIN: Final = "<!-- peers: begin -->\n"
END: Final = "<!-- peers: end -->"

#: Programs are given more time than the kit gives them by default: the machine may be a busy one.
TIMING: Final = Timing(timeout=4.0)
#: Most of a run is waiting, above all for failures that never come.
CONCURRENCY: Final = 64

Run = Callable[[Sequence[Case]], tuple[str, list[Result]]]


# How each is run ---------------------------------------------------------------------------


def by_adapter(spec: str) -> Run:
    """Run the cases on an adapter, ``module:Class``."""

    def run(cases: Sequence[Case]) -> tuple[str, list[Result]]:
        module, name = spec.split(":")
        adapter: Any = getattr(import_module(module), name)()
        results = list(run_all(cases, player_of(adapter)))
        if hasattr(adapter, "close"):
            adapter.close()
        return str(adapter.version), results

    return run


def by_server(name: str, package: str) -> Run:
    """Run the servers' cases on one of the programs of ``tests/peers``."""

    def run(cases: Sequence[Case]) -> tuple[str, list[Result]]:
        command = [*programs.python_program(name), *subprotocols(cases)]
        with programs.serving(command) as url:
            return version(package), server_results(url, cases)

    return run


def by_ws(cases: Sequence[Case]) -> tuple[str, list[Result]]:
    """Run the cases on the npm package ws: servers' and clients'."""
    with ExitStack() as stack:
        npm = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = programs.install_ws(npm)
        command = [*programs.node_program("ws_server.js"), *subprotocols(cases)]
        url = stack.enter_context(programs.serving(command, npm=npm))
        results = server_results(url, cases)
        results += client_results(programs.node_program("ws_client.js"), cases, npm=npm)
        order = {case.id: index for index, case in enumerate(cases)}
        return found, sorted(results, key=lambda result: order[result.case.id])


def server_results(url: str, cases: Sequence[Case]) -> list[Result]:
    """Run the servers' cases on the server at *url*."""
    return run_server_cases(url, cases, timing=TIMING, concurrency=CONCURRENCY)


def client_results(
    command: Sequence[str], cases: Sequence[Case], *, npm: Path | None = None
) -> list[Result]:
    """Serve the clients' cases to a program."""
    with ExitStack() as stack:

        def start(url: str) -> None:
            client = stack.enter_context(programs.running([*command, url], npm=npm))
            # Nobody else reads what it may have to say.
            assert client.stdout is not None
            threading.Thread(target=client.stdout.read, daemon=True).start()

        return run_client_cases(cases, port=0, ready=start, timing=TIMING, give_up=60.0)


def subprotocols(cases: Iterable[Case]) -> list[str]:
    """Those that the servers of the catalogue support, each once."""
    names = (name for case in cases for name in getattr(case.settings, "subprotocols", ()))
    return sorted(set(names))


class Peer(NamedTuple):
    """A column."""

    label: str
    run: Run
    #: What of it is run, and how, for a reader.
    how: str


SANS_IO: Final = "its sans-I/O connections, by an adapter"

PEERS: Final[Mapping[str, Peer]] = {
    "wsproto_core": Peer(
        "wsproto_core", by_adapter("wsproto_core.testing.engine:EngineAdapter"), SANS_IO
    ),
    "wsproto": Peer("wsproto", by_adapter("tests.peers.wsproto_adapter:WsprotoAdapter"), SANS_IO),
    "websockets-sansio": Peer(
        "websockets, sans-I/O",
        by_adapter("tests.peers.websockets_adapter:SansIOAdapter"),
        f"{SANS_IO} that does what its guide says, and nothing more",
    ),
    "websockets": Peer(
        "websockets",
        by_adapter("tests.peers.websockets_adapter:AssemblingAdapter"),
        "the same, and what the `recv` of its asyncio layer adds: messages are put together, and "
        "text is decoded",
    ),
    "aiohttp": Peer(
        "aiohttp",
        by_adapter("tests.peers.aiohttp_adapter:AiohttpAdapter"),
        "the whole of it, handshakes included, over transports in memory, by an adapter",
    ),
    "picows": Peer(
        "picows", by_server("picows_server", "picows"), "an echo server, through sockets"
    ),
    "tornado": Peer(
        "tornado", by_server("tornado_server", "tornado"), "an echo server, through sockets"
    ),
    "ws": Peer("ws (npm)", by_ws, "an echo server and an echo client, through sockets"),
}


# What is recorded --------------------------------------------------------------------------

#: By the peer's name: "version", and by verdict the ids of the cases that were not passed.
Record = dict[str, dict[str, Any]]


def record_of(results: Iterable[Result], found: str) -> dict[str, Any]:
    """What is recorded of an implementation."""
    entry: dict[str, Any] = {"version": found, "roles": []}
    for verdict in (Verdict.FAIL, Verdict.NON_STRICT, Verdict.SKIPPED):
        entry[verdict.name] = []
    for result in results:
        if result.case.role not in entry["roles"]:
            entry["roles"].append(result.case.role)
        if result.verdict is not Verdict.PASS:
            entry[result.verdict.name].append(result.case.id)
    entry["roles"].sort()
    return entry


def run_peer(name: str, cases: Sequence[Case] | None = None) -> dict[str, Any]:
    """Run all cases on it; what is to be recorded."""
    found, results = PEERS[name].run(catalogue() if cases is None else cases)
    return record_of(results, found)


def read_record() -> Record:
    """The record that is there, or an empty one."""
    return json.loads(RECORD.read_text())["peers"] if RECORD.exists() else {}


def write_record(record: Record) -> None:
    """Record it, in the order of the columns."""
    ordered = {name: record[name] for name in PEERS if name in record}
    text = json.dumps({"cases": len(catalogue()), "peers": ordered}, indent=1)
    RECORD.write_text(text + "\n")


def verdicts(entry: Mapping[str, Any]) -> dict[str, Verdict]:
    """The verdict of each case that was run, by its id."""
    found = {case.id: Verdict.PASS for case in catalogue() if case.role in entry["roles"]}
    for verdict in (Verdict.FAIL, Verdict.NON_STRICT, Verdict.SKIPPED):
        found.update(dict.fromkeys(entry[verdict.name], verdict))
    return found


def differences(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In which cases two runs of an implementation differ, for a reader."""
    before, after = verdicts(recorded), verdicts(now)
    return [
        f"{case}: recorded {one.name if one is not None else 'nothing'}, "
        f"now {other.name if other is not None else 'nothing'}"
        for case in sorted(before | after)
        if (one := before.get(case)) is not (other := after.get(case))
    ]


# What lies behind a failed case ------------------------------------------------------------


def shown_by(fault: Fault, entry: Mapping[str, Any]) -> list[str]:
    """The cases that show *fault*; the failed ones first."""
    return fault.shown_by(entry["FAIL"], entry["NON_STRICT"])


def unexplained(name: str, entry: Mapping[str, Any]) -> list[str]:
    """The failed cases of which no fault is known."""
    known = {id_ for fault in FAULTS.get(name, ()) for id_ in fault.ids}
    return [case for case in entry["FAIL"] if case not in known]


def unfounded(name: str, entry: Mapping[str, Any]) -> list[str]:
    """What is said, and not shown: faults, or cases that are named and have not failed."""
    found: list[str] = []
    for fault in FAULTS.get(name, ()):
        shown = shown_by(fault, entry)
        if not shown:
            found.append(fault.text)
        found += [case for case in fault.ids if case not in shown]
    return found


# The tables --------------------------------------------------------------------------------


def cell(found: Iterable[Verdict]) -> str:
    """``passed/run``, then ``~non-strict`` and ``-skipped`` where there are any."""
    counts = [*found]
    passed, nearly, skipped = (
        counts.count(verdict) for verdict in (Verdict.PASS, Verdict.NON_STRICT, Verdict.SKIPPED)
    )
    run = len(counts) - skipped
    if not run:
        return f"-{skipped}" if skipped else ""
    text = f"{passed}/{run}" if passed < run else f"{run}"
    return text + (f" ~{nearly}" if nearly else "") + (f" -{skipped}" if skipped else "")


def rows_of(record: Record) -> list[tuple[str, ...]]:
    """A row a section of what is a MUST; then the other levels, and all."""
    cases = {case.id: case for case in catalogue()}
    found = {name: verdicts(record[name]) for name in PEERS if name in record}

    def row(
        title: str, *, section: str | None = None, level: Level | None = None
    ) -> tuple[str, ...]:
        def is_wanted(case: Case) -> bool:
            return section in (None, case.section) and level in (None, case.level)

        return (
            title,
            *(
                cell(verdict for id_, verdict in peer.items() if is_wanted(cases[id_]))
                for peer in found.values()
            ),
        )

    sections = [*dict.fromkeys(case.section for case in catalogue())]
    return [
        *(row(section, section=section, level=Level.MUST) for section in sections),
        *(row(f"*{level.value}*", level=level) for level in (Level.SHOULD, Level.POLICY)),
        row("**all**"),
    ]


def matrix(record: Record) -> str:
    """The table of cases against implementations."""
    names = [name for name in PEERS if name in record]
    rows = [
        ("", *(f"{PEERS[name].label} {record[name]['version']}" for name in names)),
        ("---", *["---:"] * len(names)),
        *rows_of(record),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def must_be(case: Case) -> bool:
    """Whether a case is about a MUST."""
    return case.level is Level.MUST


class Kind(NamedTuple):
    """A kind of fault that concerns a MUST, for the README."""

    text: str
    #: The labels of the implementations that have it.
    peers: list[str]
    #: A case that shows it.
    example: str


def kinds(record: Record) -> list[Kind]:
    """The kinds of faults; first what most implementations have."""
    musts = {case.id for case in catalogue() if must_be(case)}
    found: dict[str, Kind] = {}
    for name in PEERS:
        entry = record.get(name, {"FAIL": [], "NON_STRICT": []})
        for fault in FAULTS.get(name, ()):
            shown = [case for case in shown_by(fault, entry) if case in musts & {*entry["FAIL"]}]
            if shown:
                text = fault.kind or fault.text
                kind = found.setdefault(text, Kind(text, [], shown[0]))
                if PEERS[name].label not in kind.peers:
                    kind.peers.append(PEERS[name].label)
    return sorted(found.values(), key=lambda kind: -len(kind.peers))


def section(record: Record) -> str:
    """What stands between the README's markers, as Markdown."""
    lines = [
        f"- {kind.text[0].upper()}{kind.text[1:]}: {_joined(kind.peers)}"
        f" (`{kind.example.partition('@')[0]}`)\n"
        for kind in kinds(record)
    ]
    return (
        f"\n{matrix(record)}\n"
        f"{LEGEND}\n\n"
        "Where they differ from the RFCs in a MUST, each with a case that shows it "
        "([all of it](docs/peers.md)):\n\n"
        f"{''.join(lines)}\n"
    )


LEGEND: Final = (
    "Passed of run; `~` so many of the others are non-strict (no MUST is broken), `-` so many were "
    "skipped, because the implementation cannot be asked for what they need, or not by this way. "
    "The rows of sections count what is a MUST."
)


INTRODUCTION: Final = """\
# Other implementations and the catalogue

Written by `python -m docs.peers_table --write` from what is recorded in [peers.json](peers.json),
and from [peers_faults](peers_faults), which names every failed case. What a case consists of:
`python -m wsproto_core.testing --show CASE` ([more about it](conformance.md)).
"""


def _joined(labels: Sequence[str]) -> str:
    # The two columns of websockets are one library.
    if "websockets" in labels:
        labels = [label for label in labels if label != "websockets, sans-I/O"]
    return ", ".join(label.replace(",", "") for label in labels)


def faults_of(name: str, entry: Mapping[str, Any]) -> list[str]:
    """A line a kind of fault; what is a MUST before what is not."""
    musts = {case.id for case in catalogue() if must_be(case)}
    lines: dict[bool, list[str]] = {True: [], False: []}
    for fault in FAULTS.get(name, ()):
        shown = shown_by(fault, entry)
        failed = [case for case in shown if case in entry["FAIL"]]
        strict = [case for case in failed if case in musts]
        example = (strict or shown)[0]
        more = f" and {len(shown) - 1} more" if len(shown) > 1 else ""
        nearly = "" if failed else ", non-strict"
        lines[bool(strict)].append(f"- {fault.text} (`{example}`{more}{nearly})\n")
    titles = {True: "A MUST", False: "A SHOULD, or what the kit asks for beyond the RFCs"}
    return [
        line
        for strict, title in titles.items()
        if lines[strict]
        for line in (f"{title}:\n\n", *lines[strict], "\n")
    ]


def page(record: Record) -> str:
    """docs/peers.md."""
    parts = [f"{INTRODUCTION}\n{matrix(record)}\n{LEGEND}\n\n"]
    for name in PEERS:
        if name in record and (lines := faults_of(name, record[name])):
            title = f"{PEERS[name].label} {record[name]['version']}"
            parts += [f"## {title}\n\nRun as: {PEERS[name].how}.\n\n", *lines]
    return "".join(parts).rstrip() + "\n"


def put(text: str, into: Path) -> None:
    """Put *text* between the markers of a file, or into a file that has none yet."""
    if not into.exists():
        into.write_text(BEGIN + text + END + "\n")
        return
    changed, count = re.subn(
        f"{BEGIN}.*?{END}", lambda _: BEGIN + text + END, into.read_text(), flags=re.DOTALL
    )
    if count != 1:
        sys.exit(f"{into} has no markers: {BEGIN.strip()} {END}")
    into.write_text(changed)


def main() -> None:
    parser = argparse.ArgumentParser(description="How other implementations fare.")
    parser.add_argument("--write", action="store_true", help="into README, peers.md, peers.json")
    parser.add_argument("--to", type=Path, default=README, help="into this file instead")
    parser.add_argument("--only", nargs="*", choices=[*PEERS], help="run these; none")
    arguments = parser.parse_args()
    ran: Record = {}
    for name in PEERS if arguments.only is None else arguments.only:
        begun = time.monotonic()
        ran[name] = run_peer(name)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    record = {**read_record(), **ran}  # read now: another run may have been quicker
    text = section(record)
    if arguments.write:
        write_record(record)
        PAGE.write_text(page(record))
        put(text, arguments.to)
    else:
        print(text)
    complaints = [
        f"{name}: {what}"
        for name, entry in record.items()
        for what in [
            *(f"nothing is said of {case}" for case in unexplained(name, entry)),
            *(f"is said, and not shown: {what}" for what in unfounded(name, entry)),
        ]
    ]
    if complaints:
        sys.exit("\n".join(complaints))


if __name__ == "__main__":
    main()
