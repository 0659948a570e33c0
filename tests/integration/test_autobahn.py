"""The command that runs the Autobahn suite: that it cannot pass what is not as expected.

The suite itself takes minutes; in its place here is one made by hand, on the package
websockets, with results that the tests choose.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.autobahn import __main__ as command
from tests.autobahn import results, suites
from tests.autobahn.results import ROLES, Result, Role, differences, read_expected, select, summary

pytestmark = pytest.mark.integration

OK = Result("OK", "OK")
INFORMATIONAL = Result("INFORMATIONAL", "INFORMATIONAL")
FAILED = Result("FAILED", "OK")
UNCLEAN = Result("OK", "UNCLEAN")

#: A suite: exchanges two messages in each case, and reports what it is told to, or that the
#: echo was wrong. With "hang" it never ends, with "mute" it writes no report.
STAND_IN = """\
import json, sys, threading
from websockets.sync.client import connect
from websockets.sync.server import serve

role, port, out, cases = sys.argv[1], int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
MESSAGES = ("hello " * 1000, bytes(70_000))

def try_case(connection, case):
    for message in MESSAGES:
        connection.send(message)
        if connection.recv(timeout=20) != message:
            cases[case] = ["FAILED", "FAILED"]

def write_report():
    print("reporting", flush=True)
    if "mute" in cases:
        return
    found = {case: {"behavior": a, "behaviorClose": b} for case, (a, b) in cases.items()}
    with open(out + "/index.json", "w") as file:
        json.dump({"agent": found}, file)

def handle(connection):
    path, _, query = connection.request.path.partition("?")
    if path == "/getCaseCount":
        connection.send(json.dumps(len(cases)))
    elif path == "/runCase":
        case = int(query.split("&")[0].removeprefix("case="))
        try_case(connection, list(cases)[case - 1])
    elif path == "/updateReports":
        write_report()
        threading.Thread(target=server.shutdown).start()

if "hang" in cases:
    threading.Event().wait()
elif role == "client":  # the suite is the server
    with serve(handle, "127.0.0.1", port) as server:
        server.serve_forever()
else:
    for case in cases:
        with connect(f"ws://127.0.0.1:{port}") as connection:
            try_case(connection, case)
    write_report()
"""


class StandIn:
    """A suite that finds what it is told to, run by run; the last for good."""

    title = "a stand-in"

    def __init__(self, *runs: Mapping[str, object]) -> None:
        self.runs = list(runs)
        self.patterns: list[list[str]] = []

    def fuzzing_client(self, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        return self._command("server", port, patterns, out)

    def fuzzing_server(self, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        return self._command("client", port, patterns, out)

    def _command(self, role: str, port: int, patterns: Iterable[str], out: Path) -> list[str]:
        self.patterns.append(list(patterns))
        cases = self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]
        return [sys.executable, "-c", STAND_IN, role, str(port), str(out), json.dumps(cases)]


@pytest.fixture
def expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Committed results of the test's own: three cases in each role."""
    file = tmp_path / "expected.json"
    committed = {"1.1": OK, "1.2": OK, "7.1": INFORMATIONAL}
    results.write_expected(dict.fromkeys(ROLES, committed), file)
    monkeypatch.setattr(command, "read_expected", lambda role: read_expected(role, file))
    monkeypatch.setattr(
        command, "write_expected", lambda found: results.write_expected(found, file)
    )
    return file


def run_with(suite: StandIn, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(command, "set_up", lambda *anything: suite)
    return command.main(words)


def _wheel(folder: Path) -> Path:
    """A distribution of one module."""
    file = folder / "stand_in-1.0-py3-none-any.whl"
    info = "stand_in-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("stand_in.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: stand_in\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return file


class TestTheCommand:
    @pytest.mark.parametrize("role", ROLES)
    def test_passes_what_is_as_expected(
        self,
        role: Role,
        expected: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        suite = StandIn({"1.1": OK, "1.2": OK, "7.1": INFORMATIONAL})
        assert run_with(suite, monkeypatch, "--role", role) == 0
        assert suite.patterns == [["*"]]
        said = f"{role}: 2 OK, 1 INFORMATIONAL, 0 NON-STRICT, 0 FAILED; as expected"
        assert capsys.readouterr().out.splitlines()[-1] == said

    @pytest.mark.parametrize("role", ROLES)
    def test_fails_for_a_result_that_has_changed(
        self,
        role: Role,
        expected: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        suite = StandIn({"1.1": OK, "1.2": UNCLEAN, "7.1": INFORMATIONAL}, {"1.2": UNCLEAN})
        assert run_with(suite, monkeypatch, "--role", role) == 1
        assert suite.patterns == [["*"], ["1.2"]]
        assert capsys.readouterr().out.splitlines()[-2:] == [
            f"{role}: 1 OK, 1 INFORMATIONAL, 0 NON-STRICT, 0 FAILED, 1 UNCLEAN; 1 NOT AS EXPECTED",
            f"    {role} 1.2: OK (closing: UNCLEAN); expected OK (closing: OK)",
        ]

    def test_a_case_that_differs_once_is_told_of_but_passes(
        self,
        expected: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        suite = StandIn({"1.1": FAILED, "1.2": OK, "7.1": INFORMATIONAL}, {"1.1": OK})
        assert run_with(suite, monkeypatch, "--role", "server") == 0
        assert "once more, alone: 1.1 (FAILED (closing: OK)" in capsys.readouterr().out

    def test_many_cases_that_differ_are_not_run_again(
        self, expected: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(command, "MOST_AGAIN", 1)
        suite = StandIn({"1.1": FAILED, "1.2": FAILED, "7.1": INFORMATIONAL})
        assert run_with(suite, monkeypatch, "--role", "server") == 1
        assert len(suite.patterns) == 1

    @pytest.mark.parametrize("role", ROLES)
    def test_fails_if_a_case_was_left_out(
        self, role: Role, expected: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        suite = StandIn({"1.1": OK, "7.1": INFORMATIONAL})
        assert run_with(suite, monkeypatch, "--role", role) == 1

    def test_quick_leaves_out_the_other_sections(
        self, expected: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        results.write_expected({"server": {"1.1": OK, "12.1.1": OK}}, expected)
        suite = StandIn({"1.1": OK})
        assert run_with(suite, monkeypatch, "--role", "server", "--quick") == 0
        assert suite.patterns == [[f"{n}.*" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10)]]

    @pytest.mark.parametrize("role", ROLES)
    @pytest.mark.parametrize(
        ("word", "reason"), [("hang", "not done after"), ("mute", "no report")]
    )
    def test_a_suite_without_an_end_or_a_report_is_no_run(
        self,
        role: Role,
        word: str,
        reason: str,
        expected: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        limit = "1" if word == "hang" else "30"
        suite = StandIn({word: OK})
        assert run_with(suite, monkeypatch, "--role", role, "--time-limit", limit) == 2
        assert f"{role}: {reason}" in capsys.readouterr().out

    @pytest.mark.parametrize("words", [["--cases", "99.*"], ["--write"]])
    def test_a_run_of_no_case_does_not_pass(
        self, words: list[str], expected: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = expected.read_bytes()
        assert run_with(StandIn({}), monkeypatch, "--role", "server", *words) == 2
        assert expected.read_bytes() == before

    def test_writes_the_results_of_the_role_that_was_run(
        self, expected: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = read_expected("client", expected)
        suite = StandIn({"1.10": OK, "1.9": UNCLEAN})
        assert run_with(suite, monkeypatch, "--role", "server", "--write") == 0
        assert read_expected("server", expected) == {"1.9": UNCLEAN, "1.10": OK}
        assert read_expected("client", expected) == before

    def test_keeps_the_reports_where_it_is_told_to(
        self, expected: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        stale = tmp_path / "out" / "server" / "index.json"
        stale.parent.mkdir(parents=True)
        stale.write_text("{}")
        suite = StandIn({"1.1": OK, "1.2": OK, "7.1": INFORMATIONAL})
        out = str(tmp_path / "out")
        assert run_with(suite, monkeypatch, "--out", out) == 0
        for role in ROLES:
            report = json.loads((tmp_path / "out" / role / "index.json").read_text())
            assert list(report) == ["agent"]


class TestSettingUp:
    def test_without_python_2_kosoku_takes_its_place_and_it_is_said(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        kosoku = suites.Kosoku(tmp_path)
        monkeypatch.setattr(command, "set_up_kosoku", lambda cache: kosoku)
        # This Python is one, but not of 2.7.
        assert command.set_up("auto", tmp_path, sys.executable) is kosoku
        said = capsys.readouterr().out
        assert said.startswith("NOT Autobahn's own suite")
        assert sys.executable in said

    def test_without_python_2_autobahn_alone_fails(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        missing = str(tmp_path / "python2.7")
        words = ["--suite", "autobahn", "--python2", missing, "--cache", str(tmp_path)]
        assert command.main(words) == 2
        assert f"needs a Python 2.7 with pip (looked at: {missing})" in capsys.readouterr().out

    def test_pip_s_failure_is_told_and_leaves_nothing(self, tmp_path: Path) -> None:
        nothing = ["--no-index", "no-such-distribution-anywhere"]
        with pytest.raises(suites.SuiteMissingError, match="no-such-distribution-anywhere"):
            suites.install(sys.executable, nothing, "a key", tmp_path / "cache")
        assert list((tmp_path / "cache").iterdir()) == []

    def test_what_is_installed_is_not_installed_again(self, tmp_path: Path) -> None:
        wheel = _wheel(tmp_path)
        arguments = ["--no-index", "--no-deps", str(wheel)]
        site = suites.install(sys.executable, arguments, "a key", tmp_path / "cache")
        assert (site / "stand_in.py").exists()
        # With this, pip would fail.
        assert suites.install(sys.executable, ["/no/such/wheel"], "a key", site.parent) == site
        with pytest.raises(suites.SuiteMissingError):
            suites.install(sys.executable, ["/no/such/wheel"], "another key", site.parent)

    def test_every_requirement_has_its_version(self) -> None:
        lines = suites.AUTOBAHN_REQUIREMENTS.read_text(encoding="utf-8").splitlines()
        assert all(re.fullmatch(r"#.*|[\w.-]+==[\d.]+", line) for line in lines)
        assert suites.pinned_version()


class TestResults:
    def test_the_committed_ones_reach_the_floor_in_both_roles(self) -> None:
        for role in ROLES:
            committed = read_expected(role)
            others = {case: result for case, result in committed.items() if result != OK}
            assert others == dict.fromkeys(("7.1.6", "7.13.1", "7.13.2"), INFORMATIONAL)
            assert len(committed) == 517
            assert len(select(committed, results.QUICK)) == 301

    def test_each_kind_of_difference_is_told(self) -> None:
        before = {"1.1": OK, "1.2": OK, "1.10": OK, "2.1": OK}
        now = {"1.10": UNCLEAN, "1.2": FAILED, "3.1": OK, "1.1": OK}
        assert differences(before, now) == {
            "1.2": "FAILED (closing: OK); expected OK (closing: OK)",
            "1.10": "OK (closing: UNCLEAN); expected OK (closing: OK)",
            "2.1": "not in the report; expected OK (closing: OK)",
            "3.1": "OK (closing: OK), but no result is committed",
        }
        assert list(differences(before, now)) == ["1.2", "1.10", "2.1", "3.1"]
        assert differences(before, before) == {}

    def test_a_better_result_is_a_difference_too(self) -> None:
        assert differences({"1.1": INFORMATIONAL}, {"1.1": OK})

    def test_a_summary_counts_the_worse_of_exchange_and_closing(self) -> None:
        cases = {"1": OK, "2": UNCLEAN, "3": FAILED, "4": Result("FAILED", "FAILED")}
        assert summary(cases) == "1 OK, 0 INFORMATIONAL, 0 NON-STRICT, 2 FAILED, 1 UNCLEAN"

    def test_a_pattern_names_a_section_not_all_that_begin_with_its_digit(self) -> None:
        cases = dict.fromkeys(("1.1.1", "10.1.1", "13.1.1"), OK)
        assert list(select(cases, ["1.*"])) == ["1.1.1"]
        assert list(select(cases, ["*"])) == list(cases)

    @pytest.mark.parametrize(
        "report",
        [
            [],
            {},
            {"a": {}, "b": {}},
            {"a": {"1.1": {"behavior": "OK"}}},
            {"a": {"1.1": "OK"}},
            {"a": ["1.1"]},
        ],
    )
    def test_a_report_of_another_form_is_refused(self, report: object, tmp_path: Path) -> None:
        file = tmp_path / "index.json"
        file.write_text(json.dumps(report))
        with pytest.raises(ValueError, match=r"index\.json"):
            results.read_report(file)
