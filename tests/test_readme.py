"""Every snippet of the README does what it says."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

import wsproto_core
from wsproto_core import Limits
from wsproto_core.__main__ import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def run(code: str) -> tuple[dict[str, Any], list[str]]:
    """Run a snippet; its names, and the lines it printed."""
    names: dict[str, Any] = {"__name__": "readme"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), names)
    return names, printed.getvalue().splitlines()


def find(text: str) -> str:
    snippet: str
    (snippet,) = (snippet for snippet in SNIPPETS if text in snippet)
    return snippet


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda s: s.strip().splitlines()[0][:40])
def test_it_runs_and_prints_what_its_comments_say(snippet: str) -> None:
    _, printed = run(snippet)
    promised = re.findall(r"print\(.*\) +# (.*)", snippet)
    for line in promised:
        start = line.removesuffix(" ...)").removesuffix("...)").rstrip(", ")
        assert any(out.startswith(start) for out in printed), (line, printed)


def test_first_example_closes_cleanly() -> None:
    _, printed = run(SNIPPETS[0])
    assert len(SNIPPETS[0].strip().splitlines()) <= 22
    assert printed[-1] == (
        "[CloseConnection(code=<CloseReason.NORMAL_CLOSURE: 1000>, reason='bye')] "
        "ConnectionState.CLOSED ConnectionState.CLOSED"
    )


@pytest.mark.parametrize(
    ("text", "serve"), [("class Echo", "serve"), ("class SessionEcho", "serve_session")]
)
def test_server_and_client_talk(text: str, serve: str) -> None:
    server, _ = run(find(text))
    client, _ = run(find("def ask"))

    async def main() -> str:
        listening = await server[serve](0)
        port = listening.sockets[0].getsockname()[1]
        try:
            answer: str = await asyncio.to_thread(client["ask"], "127.0.0.1", port, "größe")
            return answer
        finally:
            listening.close()

    assert asyncio.run(main()) == "größe"


def test_program_prints_what_is_shown() -> None:
    shown: str
    (shown,) = re.findall(r"```text\n(\$.*?)```", README, re.DOTALL)
    command, _, output = shown.partition("\n")
    capture = re.fullmatch(r"\$ printf '(.*)' \| python -m wsproto_core", command)
    assert capture is not None
    out = io.StringIO()
    stream = io.BytesIO(capture[1].encode().decode("unicode_escape").encode("latin-1"))
    assert main([], stdin=stream, stdout=out) == 1
    assert out.getvalue() == output


def test_every_limit_is_listed_with_its_default() -> None:
    table = dict(re.findall(r"\| `(max_\w+)` \| ([^|]+) \|", README))
    units = {"MiB": 1 << 20, "KiB": 1 << 10}
    stated = {}
    for name, text in table.items():
        number, _, unit = text.strip().replace(",", "").partition(" ")
        stated[name] = int(number) * units.get(unit, 1)
    assert stated == vars(Limits())


def test_links_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("http"):
            # The package may be installed, and not stand beside the README.
            root = Path(wsproto_core.__file__).parent.parent
            assert (
                (root if target.startswith("wsproto_core/") else ROOT) / target.partition("#")[0]
            ).exists()


PAGES = [
    page
    for folder in ("benchmarks", "docs", "examples", "fuzz", "tests")
    for page in sorted((ROOT / folder).rglob("*.md"))
    if not {".venv", "node_modules"} & set(page.parts)
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_other_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path = target.partition("#")[0]
        if path and not path.startswith(("http", "mailto")):
            assert (page.parent / path).exists() or "wsproto_core" in Path(path).parts, target
