"""Every snippet of docs/conformance.md does what it says."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from wsproto_core.testing import command
from wsproto_core.testing.adapter import Endpoint
from wsproto_core.testing.cases import Level
from wsproto_core.testing.command import main, parse_arguments
from wsproto_core.testing.judging import Verdict

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
#: The package may be installed, and not stand beside the docs.
INSTALLED = Path(command.__file__).parent.parent.parent
DOCS = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", DOCS, re.DOTALL)
    for line in block.splitlines()
]
PROGRAM = "python -m wsproto_core.testing "


def find(text: str) -> str:
    snippet: str
    (snippet,) = (snippet for snippet in SNIPPETS if text in snippet)
    return snippet


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with the adapter of the docs, as the working directory."""
    (tmp_path / "my_adapter.py").write_text(find("class Adapter"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("my_adapter", None)


def run(line: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    status = main(shlex.split(line.removeprefix(PROGRAM)), out, err)
    return status, out.getvalue() + err.getvalue()


def test_every_command_is_tested_here() -> None:
    kinds = [
        "pip", "--list", "--html", "--show", "my_adapter:Adapter --cases", "--server", "--client",
        "pytest", "--hunt", "property_suite",
    ]  # fmt: skip
    assert len(COMMANDS) == len(kinds)
    for line, kind in zip(COMMANDS, kinds, strict=True):
        assert kind in line


def test_quick_start(project: Path) -> None:
    install, listing, running = COMMANDS[:3]
    assert install == "pip install 'wsproto_core[testing]'"
    status, out = run(listing)
    assert status == 0
    assert "framing/rsv2-text@server" in out
    status, out = run(running)
    assert status == 0, out
    assert "no MUST is broken" in out
    assert "<title>WebSocket conformance</title>" in (project / "report.html").read_text()


def test_show() -> None:
    status, out = run(COMMANDS[3])
    assert status == 0
    assert "TEXT FIN RSV2, masked" in out


def test_adapter(project: Path) -> None:
    status, out = run(COMMANDS[4])
    assert status == 0, out
    assert "mine 1.0 (adapter)" in out
    assert re.search(r"MUST +[1-9]\d+ +0 +0 +0$", out, re.MULTILINE), out


def test_adapter_passes_whatever_it_supports(project: Path) -> None:
    status, out = run(f"{PROGRAM} --adapter my_adapter:Adapter --strict")
    assert status == 0, out
    assert re.search(r"skipped \d+: the opening handshake", out)


def test_adapter_has_all_that_is_asked_for(project: Path) -> None:
    names: dict[str, Any] = {}
    exec(compile(find("class Adapter"), "conformance.md", "exec"), names)
    asked = {name for name in vars(Endpoint) if not name.startswith("_")}
    assert asked == {name for name in vars(names["Endpoint"]) if not name.startswith("_")}


def test_from_python() -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(find("run_all"), "conformance.md", "exec"), {})
    assert printed.getvalue() == "{'PASS'}\n"


@pytest.mark.parametrize("line", COMMANDS[5:7])
def test_programs_with_sockets(line: str) -> None:
    options = parse_arguments(shlex.split(line.removeprefix(PROGRAM)))
    assert (options.server, options.client) in (
        (["ws://127.0.0.1:9000/"], False),
        ([], True),
    )


def test_a_client_does_as_the_steps_say() -> None:
    """Three steps, with a client that is as simple as can be."""
    websockets = pytest.importorskip("websockets.sync.client")
    out, err = io.StringIO(), _Ready()
    arguments = ["--client", "--port", "0", "--cases", "framing/text-12?@client"]
    arguments += ["--give-up", "30"]
    statuses: list[int] = []
    kit = threading.Thread(target=lambda: statuses.append(main(arguments, out, err)))
    kit.start()
    try:
        url = err.url()
        connect = websockets.connect
        with connect(f"{url}/getCaseCount") as first:
            number = int(first.recv())
        for case in range(1, number + 1):
            with connect(f"{url}/runCase?case={case}&agent=me", max_size=None) as connection:
                for message in connection:
                    connection.send(message)
        with connect(f"{url}/updateReports?agent=me"):
            pass
    finally:
        kit.join(60)
    assert statuses == [0], out.getvalue()
    assert re.search(r"MUST +[1-9]", out.getvalue())


class _Ready(io.StringIO):
    """Knows when the kit is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = threading.Event()

    def flush(self) -> None:
        self.ready.set()

    def url(self) -> str:
        assert self.ready.wait(30)
        found = re.search(r"ws://\S+", self.getvalue())
        assert found is not None
        return found[0]


def test_pytest_without_tests(pytester: pytest.Pytester) -> None:
    (pytester.path / "my_adapter.py").write_text(find("class Adapter"))
    arguments = shlex.split(COMMANDS[7])
    assert arguments[:3] == ["python", "-m", "pytest"]
    result = pytester.runpython_c(
        f"import sys, pytest; sys.path.insert(0, '.'); sys.exit(pytest.main({arguments[3:]!r}))"
    )
    assert result.ret == 0, result.outlines
    assert re.search(r"[1-9]\d+ passed", result.outlines[-1])


def test_pytest_in_a_project(pytester: pytest.Pytester) -> None:
    (pytester.path / "my_adapter.py").write_text(find("class Adapter"))
    (pytester.path / "conftest.py").write_text(find("# conftest.py"))
    (pytester.path / "test_conformance.py").write_text(find("# test_conformance.py"))
    result = pytester.runpytest_subprocess("--websocket-cases", "framing/rsv*", "-k", "server")
    assert result.ret == 0
    result.stdout.re_match_lines([r".*[1-9]\d* passed.*"])


def test_hunt() -> None:
    status, out = run(COMMANDS[8])
    assert status == 0
    assert "wsproto_core 0.1.0: 0 kinds of faults (50 examples of each property, seed 0," in out


def test_properties_without_tests(pytester: pytest.Pytester) -> None:
    (pytester.path / "my_adapter.py").write_text(find("class Adapter"))
    arguments = [
        *shlex.split(COMMANDS[9])[3:],
        "-k",
        "requests or openings",
        "-p",
        "no:cacheprovider",
    ]
    result = pytester.runpython_c(
        f"import sys, pytest; sys.path.insert(0, '.'); sys.exit(pytest.main({arguments!r}))"
    )
    assert result.ret == 0, result.outlines
    assert "4 skipped" in result.outlines[-1]


def test_a_property_of_your_own() -> None:
    snippet = find("def test_streams").replace("@given(", "@settings(max_examples=20)\n@given(")
    exec(compile(snippet, "conformance.md", "exec"), {"settings": settings})


def test_verdicts_and_levels_are_all_explained() -> None:
    for verdict in Verdict:
        assert f"\n| {verdict.name.lower().replace('_', '-')} | " in DOCS
    for level in Level:
        assert f"\n| {level.value} | " in DOCS


def test_options_exist() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit):
        command.parse_arguments(["--help"])
    helped = printed.getvalue()
    for option in set(re.findall(r"`(--[a-z-]+)", DOCS)):
        if not option.startswith("--websocket-"):
            assert option in helped, option


def test_links_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", DOCS, re.MULTILINE)
    }
    links = re.findall(r"\]\(#([^)]+)\)", DOCS)
    assert links
    assert set(links) <= anchors
    for file in re.findall(r"`(wsproto_core/[\w/]+\.py)`", DOCS):
        assert (INSTALLED / file).exists(), file
    for module in re.findall(r"`wsproto_core\.testing\.([\w.]+)`", DOCS):
        path = INSTALLED / "wsproto_core" / "testing" / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or path.is_dir(), module
