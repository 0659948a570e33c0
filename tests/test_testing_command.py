"""``python -m wsproto_core.testing``: options, exit status, and what goes where."""

from __future__ import annotations

import io
import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from wsproto_core.testing import command, hunting, sockets
from wsproto_core.testing.catalogue import catalogue
from wsproto_core.testing.command import main
from wsproto_core.testing.hunting import Finding
from wsproto_core.testing.judging import Judgement, Verdict
from wsproto_core.testing.loading import LoadError, choose, load_adapter
from wsproto_core.testing.outcomes import ReceiveLimits
from wsproto_core.testing.results import from_json
from wsproto_core.testing.runner import Result
from wsproto_core.testing.scenarios import Scenario

from .report_examples import CASES

ENGINE = "wsproto_core.testing.engine:EngineAdapter"
HERE = "tests.report_examples"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _own_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "catalogue", lambda: CASES)


def run(*arguments: object, stderr: io.StringIO | None = None) -> tuple[int, str, str]:
    out, err = io.StringIO(), stderr or io.StringIO()
    status = main([str(argument) for argument in arguments], out, err)
    return status, out.getvalue(), err.getvalue()


class TestAdapters:
    def test_nothing_is_wrong(self) -> None:
        status, out, err = run("--adapter", ENGINE)
        assert (status, err) == (0, "")
        last = out.splitlines()[-1]
        assert re.fullmatch(r"7 cases, seed 0, \d+\.\d s: no MUST is broken", last)

    def test_something_is_wrong(self) -> None:
        status, out, _ = run("--adapter", f"{HERE}:Broken", "--seed", 5)
        assert status == 1
        assert "FAIL framing/rsv2@server (MUST)" in out
        assert "TEXT FIN RSV2" not in out
        assert re.search(r"7 cases, seed 5, \d+\.\d s: 4 results break a MUST\n$", out)

    def test_verbose_shows_bytes(self) -> None:
        assert "TEXT FIN RSV2" in run("--adapter", f"{HERE}:Broken", "-v")[1]

    def test_one_result(self) -> None:
        arguments = ("--adapter", f"{HERE}:Broken", "--cases", "framing")
        assert run(*arguments)[1].endswith(": 1 result breaks a MUST\n")

    def test_strict(self) -> None:
        arguments = ("--adapter", f"{HERE}:Broken", "--cases", "control")
        status, out, _ = run(*arguments)
        assert status == 0
        assert "FAIL control/ping@server (POLICY)" in out
        status, out, _ = run(*arguments, "--strict")
        assert status == 1
        assert out.endswith(": 1 result is not as it should be\n")
        status, out, _ = run("--adapter", f"{HERE}:Broken", "--strict")
        assert out.endswith(": 5 results are not as they should be\n")
        assert run("--adapter", ENGINE, "--strict")[1].endswith(": nothing is off\n")

    def test_non_strict(self) -> None:
        arguments = ("--adapter", f"{HERE}:Loose", "--cases", "framing")
        status, out, _ = run(*arguments)
        assert status == 0
        assert "Non-strict: " in out
        assert run(*arguments, "--strict")[0] == 1

    def test_nothing_was_checked(self) -> None:
        status, out, _ = run("--adapter", f"{HERE}:Useless", "--role", "server")
        assert status == 1
        assert out.endswith(": nothing was checked: every case was skipped\n")

    def test_several(self) -> None:
        status, out, _ = run("--adapter", ENGINE, "--adapter", f"{HERE}:Loose")
        assert status == 0
        assert out.count("(adapter), ") == 2

    def test_progress_on_a_terminal(self) -> None:
        _, _, err = run("--adapter", f"{HERE}:Broken", stderr=Terminal())
        assert f"\r[{'#' * 4}{'.' * 26}] 1/7  broken" in err
        assert f"\r[{'#' * 30}] 7/7, 5 failed  broken" in err
        assert err.endswith("\r\x1b[K")

    def test_selection(self) -> None:
        def chosen(*arguments: str) -> list[str]:
            status, out, _ = run("--list", *arguments)
            assert status == 0
            return re.findall(r"^(\S+@\S+) ", out, re.MULTILINE)

        assert chosen() == [case.id for case in CASES]
        assert chosen("--cases", "framing", "--cases", "*/ping@*") == [
            "framing/good@server", "framing/rsv2@server", "control/ping@server",
        ]  # fmt: skip
        assert chosen("--cases", "text/split") == ["text/split@server"]
        assert chosen("--role", "client") == ["sending/text@client"]
        assert chosen("--level", "should", "--level", "policy") == [
            "control/ping@server", "opening/version@server",
        ]  # fmt: skip

    def test_list(self) -> None:
        out = run("--list", "--cases", "framing/rsv2")[1]
        assert out.splitlines() == [
            "framing/rsv2@server  MUST  6455-5.2-2 6455-5.8-1",
            "    a text frame with RSV2 set",
            "1 case",
        ]
        assert run("--list")[1].endswith("7 cases\n")

    def test_show(self) -> None:
        status, out, _ = run("--show", "framing/rsv2@server", "--show", "control")
        assert status == 0
        assert out.startswith("framing/rsv2@server (MUST): a text frame with RSV2 set\n")
        assert "TEXT FIN RSV2" in out
        assert "RFC 6455 §5.2, MUST" in out
        assert "\n\ncontrol/ping@server (POLICY): a Ping\n" in out

    def test_real_catalogue(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "catalogue", catalogue)
        status, out, err = run("--adapter", ENGINE, "--cases", "framing/rsv*", "--strict")
        assert (status, err) == (0, ""), out


class TestFiles:
    def test_all_of_them(self, tmp_path: Path) -> None:
        files = [tmp_path / name for name in ("a.json", "a.xml", "a.html")]
        status, _, _ = run(
            "--adapter", f"{HERE}:Broken",
            "--json", files[0], "--junit", files[1], "--html", files[2],
        )  # fmt: skip
        assert status == 1
        record = from_json(files[0].read_text(encoding="utf-8"))
        assert [case.id for case in record.cases] == [case.id for case in CASES]
        suites = ElementTree.parse(files[1]).getroot()
        assert suites[0].attrib["failures"] == "4"
        assert "<title>WebSocket conformance</title>" in files[2].read_text(encoding="utf-8")

    def test_strict_junit(self, tmp_path: Path) -> None:
        file = tmp_path / "a.xml"
        run("--adapter", f"{HERE}:Broken", "--strict", "--junit", file)
        assert ElementTree.parse(file).getroot()[0].attrib["failures"] == "5"

    def test_earlier_results(self, tmp_path: Path) -> None:
        one, two = tmp_path / "1.json", tmp_path / "2.json"
        run("--adapter", f"{HERE}:Broken", "--json", one)
        status, _, _ = run("--adapter", ENGINE, "--add", one, "--json", two)
        assert status == 1
        names = [each["name"] for each in json.loads(two.read_text())["implementations"]]
        assert names[0] == "wsproto_core"
        assert names[1].startswith("broken")
        # Results alone are enough.
        status, again, _ = run("--add", one, "--add", two)
        assert status == 1
        assert again.count("(adapter), ") == 3

    def test_no_such_results(self, tmp_path: Path) -> None:
        status, _, err = run("--add", tmp_path / "none.json")
        assert status == 2
        assert err.startswith("wsproto_core.testing: cannot read ")

    @pytest.mark.parametrize("content", [b"\xff", b"{}", b"{"])
    def test_other_files(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.json").write_bytes(content)
        assert run("--add", tmp_path / "a.json")[0] == 2

    def test_results_of_another_catalogue(self, tmp_path: Path) -> None:
        file = tmp_path / "a.json"
        run("--adapter", ENGINE, "--json", file)
        file.write_text(file.read_text().replace("a text frame", "another"))
        status, _, err = run("--adapter", ENGINE, "--add", file)
        assert status == 2
        assert "different catalogues" in err

    def test_no_such_directory(self, tmp_path: Path) -> None:
        status, out, err = run("--adapter", ENGINE, "--html", tmp_path / "none" / "a.html")
        assert (status, out) == (2, "")
        assert "there is no directory" in err

    def test_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        status, _, err = run("--adapter", ENGINE, "--html", tmp_path)
        assert status == 2
        assert "Is a directory" in err or "denied" in err


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "name an --adapter, a --server or --client; or see --list"),
            (["--frob"], "unrecognized arguments: --frob"),
            (["--seed", "x"], "argument --seed: invalid int value: 'x'"),
            (["--adapter", "nothing"], "nothing: an adapter is named like pkg.module:Adapter"),
            (["--adapter", ":a"], ":a: an adapter is named like pkg.module:Adapter"),
            (["--adapter", "no_such.module:A"], "cannot import no_such.module: ModuleNotFound"),
            (["--adapter", "..a:A"], "cannot import ..a: TypeError"),
            (["--adapter", "json:A.b"], "json has no A.b"),
            (
                ["--adapter", "json:__doc__"],
                "json:__doc__ is no adapter: it has no name, version, open, opening",
            ),
            (["--adapter", "json:loads"], "json:loads cannot be called: TypeError"),
            (["--adapter", f"{HERE}:BrokenEndpoint"], "BrokenEndpoint cannot be called: TypeErr"),
            (["--adapter", ENGINE, "--cases", "nope"], "no case matches nope (--list names them)"),
            (
                ["--adapter", ENGINE, "--cases", "framing/rsv"],
                "no case matches framing/rsv (did you mean framing/rsv2",
            ),
            (
                ["--adapter", ENGINE, "--cases", "framing", "--role", "client"],
                "no case is selected",
            ),
            (["--show", "frame"], "no case matches frame (did you mean framing"),
            (["--server", "ws://a/", "--role", "client"], "--server goes with --role server alone"),
            (["--client", "--role", "server"], "--client goes with --role client alone"),
            (["--server", "ws://a/", "--cases", "sending"], "no case is selected"),
            (["--client", "--cases", "framing"], "no case is selected"),
            (["--server", "http://a/"], "http://a/"),
        ],
    )
    def test_one_line(self, arguments: list[str], message: str) -> None:
        status, out, err = run(*arguments)
        assert (status, out) == (2, "")
        assert err.startswith("wsproto_core.testing: ")
        assert message in err
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("1 +", "SyntaxError"),
            ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing' ("),
            ("raise ValueError('two\\nlines')", "ValueError: two lines ("),
            ("import sys; sys.exit(3)", "SystemExit: 3 ("),
        ],
    )
    def test_module_that_raises(self, modules: Path, source: str, message: str) -> None:
        (modules / "bad_adapter.py").write_text(source)
        status, _, err = run("--adapter", "bad_adapter:Adapter")
        assert status == 2
        assert f"cannot import bad_adapter: {message}" in err
        assert err.count("\n") == 1

    def test_adapter_that_is_an_instance_or_a_function(self, modules: Path) -> None:
        (modules / "good_adapter.py").write_text(
            "from wsproto_core.testing.engine import EngineAdapter\n"
            "class Box:\n"
            "    instance = EngineAdapter()\n"
            "def make(): return Box.instance\n"
        )
        instance = load_adapter("good_adapter:Box.instance")
        assert load_adapter("good_adapter:make") is instance

    def test_no_cases_at_all(self) -> None:
        with pytest.raises(LoadError, match="no case is selected"):
            choose([])

    def test_interrupt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted() -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(command, "catalogue", interrupted)
        assert run("--list") == (130, "", "\n")

    def test_closed_pipe(self) -> None:
        class Closed(io.StringIO):
            def write(self, text: str) -> int:
                raise BrokenPipeError

        assert main(["--list"], Closed(), io.StringIO()) == 0

    def test_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as left:
            main(["--help"])
        assert left.value.code == 0
        out = capsys.readouterr().out
        assert "exit status: 0" in out


class TestProcess:
    def test_module(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # An encoding that does not have all that the RFCs say.
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
        monkeypatch.setattr(sys, "argv", ["testing", "--show", "framing/rsv2@server"])
        with pytest.raises(SystemExit) as left:
            runpy.run_module("wsproto_core.testing", run_name="__main__")
        assert left.value.code == 0
        assert b"RFC 6455 \\xa75.2, MUST" in raw.getvalue()

    def test_import_does_nothing(self) -> None:
        names = runpy.run_module("wsproto_core.testing.__main__", run_name="other")
        assert names["main"] is main


class TestSockets:
    """The players themselves have tests of their own."""

    def results(self, cases: Any) -> list[Result]:
        return [Result(case, (), Judgement(Verdict.PASS)) for case in cases]

    def test_server(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        asked: dict[str, Any] = {}

        def play(url: str, cases: Any, *, progress: Any, **options: Any) -> list[Result]:
            asked.update(options, url=url, cases=list(cases))
            results = self.results(cases)
            progress(results[0])
            return results

        monkeypatch.setattr(sockets, "run_server_cases", play)
        file = tmp_path / "a.json"
        status, out, err = run(
            "--server", "ws://127.0.0.1:1/", "--seed", 3, "--timeout", 9, "--quiet", 0.5,
            "--max-frame-size", 70, "--json", file, stderr=Terminal(),
        )  # fmt: skip
        assert status == 0
        server_cases = [case for case in CASES if case.role == "server"]
        assert asked == {
            "url": "ws://127.0.0.1:1/",
            "cases": server_cases,
            "seed": 3,
            "timing": sockets.Timing(timeout=9.0, quiet=0.5),
            "limits": ReceiveLimits(max_frame_size=70),
        }
        assert "1/6  ws://127.0.0.1:1/" in err
        # Only what could be run is counted.
        assert "\n6 cases, " in out
        record = from_json(file.read_text())
        assert [case.id for case in record.cases] == [case.id for case in server_cases]
        assert record.implementations[0].how == "ws://127.0.0.1:1/"

    def test_server_beside_an_adapter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def play(url: str, cases: Any, **options: Any) -> list[Result]:
            assert options["limits"] is None
            return self.results(cases)

        monkeypatch.setattr(sockets, "run_server_cases", play)
        status, out, _ = run("--server", "ws://a/", "--name", "mine", "--adapter", ENGINE)
        assert status == 0
        assert "mine (ws://a/), " in out
        assert "\n7 cases, " in out

    def test_no_server(self) -> None:
        status, _, err = run("--server", "ws://127.0.0.1:1/")
        assert status == 2
        assert "127.0.0.1:1" in err
        assert err.count("\n") == 1

    def test_client(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: dict[str, Any] = {}

        def play(cases: Any, *, progress: Any, ready: Any, **options: Any) -> list[Result]:
            asked.update(options, cases=list(cases))
            ready("ws://127.0.0.1:77")
            return self.results(cases)

        monkeypatch.setattr(sockets, "run_client_cases", play)
        status, out, err = run("--client", "--port", 77, "--give-up", 3)
        assert status == 0
        assert asked == {
            "cases": [case for case in CASES if case.role == "client"],
            "host": "127.0.0.1",
            "port": 77,
            "seed": 0,
            "timing": sockets.Timing(),
            "limits": None,
            "give_up": 3.0,
        }
        assert err == "Serving 1 case at ws://127.0.0.1:77 until /updateReports is asked for.\n"
        assert "client (client at port 77), " in out

    def test_client_that_does_not_come(self) -> None:
        status, out, _ = run("--client", "--port", 0, "--give-up", 0.05)
        assert status == 1
        assert out.endswith(": nothing was checked: every case was skipped\n")


class TestHunt:
    def test_nothing_is_found(self) -> None:
        status, out, err = run("--adapter", ENGINE, "--hunt", "--examples", 2)
        assert (status, err) == (0, "")
        said = r"\(2 examples of each property, seed 0, \S+ s\)"
        assert re.fullmatch(rf"wsproto_core \S+: 0 kinds of faults {said}\n", out)

    def test_what_is_found_is_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        example = Scenario(b"\x8f\x00", False, "client")
        found = Finding("a kind", "streams", example, "the text\x1b", "6455-5.2-3")

        def one(adapter: object, **options: Any) -> list[Finding]:
            options["progress"]("streams", 1)
            return [found]

        monkeypatch.setattr(hunting, "hunt", one)
        terminal = Terminal()
        status, out, _ = run("--adapter", ENGINE, "--hunt", "--seed", 3, stderr=terminal)
        assert status == 1
        assert terminal.getvalue() == "streams: 1 found so far\n"
        assert "the text\\x1b\nRFC 6455 §5.2 (6455-5.2-3, MUST): If an unknown opcode" in out
        assert "1 kind of faults (1000 examples of each property, seed 3," in out

    def test_without_hypothesis(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "wsproto_core.testing.hunting", None)
        status, _, err = run("--adapter", ENGINE, "--hunt")
        assert status == 2
        assert "pip install 'wsproto_core[testing]'" in err

    @pytest.mark.parametrize("more", [["--client"], ["--server", "ws://127.0.0.1:1/"], []])
    def test_only_adapters(self, more: list[str]) -> None:
        adapter = ["--adapter", ENGINE] if more else ["--list"]
        status, _, err = run("--hunt", *adapter, *more)
        assert status == 2
        assert "--hunt goes with --adapter" in err
