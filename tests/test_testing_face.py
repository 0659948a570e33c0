"""What the conformance kit shows, and how its modules depend on each other."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import wsproto_core
from wsproto_core import testing

NAME = "wsproto_core.testing"
PACKAGE = Path(testing.__file__).parent
ROOT = Path(__file__).parent.parent

# From the words up; a module may import what stands before it. A subpackage's own name stands
# for its __init__, "" for the kit's.
LAYERS = [
    "outcomes",
    "actions",
    "settings",
    "cases",
    "adapter",
    "frames",
    "chunking",
    "openings",
    "annotating",
    "model.failing",
    "model.utf8",
    "model.inflating",
    "model.receiving",
    "model",
    "model.http_head",
    "model.negotiating",
    "model.requests",
    "model.responses",
    "model.opening",
    "judging",
    "runner",
    "deflate_blocks",
    "requirements.key_words",
    "requirements.entries",
    "requirements.opening_client",
    "requirements.opening_server",
    "requirements.framing",
    "requirements.messages",
    "requirements.closing",
    "requirements.extending",
    "requirements.compression",
    "requirements.permessage_deflate",
    "requirements",
    "catalogue",
    "",
    "catalogue.building",
    "catalogue.heads",
    "catalogue.opening_requests",
    "catalogue.opening_responses",
    "catalogue.opening_faults",
    "catalogue.opening_server",
    "catalogue.opening_client",
    "catalogue.negotiation_server",
    "catalogue.negotiation_client",
    "catalogue.framing",
    "catalogue.masking",
    "catalogue.fragmentation",
    "catalogue.text",
    "catalogue.control",
    "catalogue.closing",
    "catalogue.sending",
    "catalogue.compression",
    "catalogue.compression_windows",
    "catalogue.compression_data",
    "catalogue.compression_damaged",
    "catalogue.compression_sending",
    "catalogue.limits",
    "catalogue.attacks",
    "catalogue.attacks_opening",
    "matrix",
    "engine",
    "session_engine",
    "sockets.wire",
    "sockets.line",
    "sockets.visible",
    "sockets.playing",
    "sockets.filing",
    "sockets.servers",
    "sockets.clients",
    "sockets",
    "scenarios",
    "permitting",
    "strategies",
    "strategies.payloads",
    "strategies.compression",
    "strategies.frames",
    "strategies.faults",
    "strategies.streams",
    "strategies.conversations",
    "strategies.openings",
    "properties",
    "shrinking",
    "hunting",
    "results",
    "report_text",
    "report_junit",
    "report_html",
    "loading",
    "command",
    "__main__",
    "pytest_plugin",
    "suite",
    "property_suite",
]

# Who may import what is not of the standard library, or does I/O.
OUTSIDE = {
    "hypothesis": r"strategies\..+|properties|hunting|property_suite",
    "pytest": r"pytest_plugin|suite|property_suite",
    "asyncio": r"sockets\..+",
    "socket": r"sockets\..+",
}
# What the modules need of the standard library besides.
STANDARD = {
    "__future__", "argparse", "base64", "codecs", "collections", "contextlib", "dataclasses",
    "difflib", "enum", "fnmatch", "functools", "hashlib", "html", "importlib", "io", "ipaddress",
    "itertools", "json", "pathlib", "random", "re", "sys", "textwrap", "time", "traceback",
    "types", "typing", "urllib", "warnings", "zlib",
}  # fmt: skip


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
every_module = pytest.mark.parametrize("name", MODULES)


def load(name: str) -> ModuleType:
    if name == "__main__":  # it would run
        pytest.skip("a program")
    return importlib.import_module(f"{NAME}.{name}" if name else NAME)


def imports_of(name: str) -> tuple[set[str], set[str], set[str]]:
    """The modules of the kit, those of the package outside it, and others, that one imports."""
    path = MODULES[name]
    package = ["wsproto_core", "testing", *path.relative_to(PACKAGE).parts[:-1]]
    named: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            # Of what is imported from a package, a part is a module of it.
            named.update(".".join([*base, alias.name]) for alias in node.names)
        elif isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
    kit, engine, others = set(), set(), set()
    for found in named:
        inside = found.removeprefix(f"{NAME}.")
        if inside != found:
            kit.add(inside if inside in MODULES else inside.rpartition(".")[0])
        elif found.partition(".")[0] == "wsproto_core":
            engine.add(found)
        else:
            others.add(found.partition(".")[0])
    return kit, engine, others


class TestStructure:
    def test_the_layers_are_all_there_is(self) -> None:
        assert len(set(LAYERS)) == len(LAYERS)
        assert set(MODULES) == set(LAYERS)

    @every_module
    def test_imports_point_one_way(self, name: str) -> None:
        allowed = set(LAYERS[: LAYERS.index(name)])
        kit, _, _ = imports_of(name)
        assert kit <= allowed, f"{name} imports {kit - allowed}"

    @every_module
    def test_parents_are_named_in_full_and_siblings_relatively(self, name: str) -> None:
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1

    def test_only_the_command_knows_the_package(self) -> None:
        """The adapters import it by its name: so nothing shares code with the engine."""
        assert {name: imports_of(name)[1] for name in MODULES if imports_of(name)[1]} == {
            "command": {"wsproto_core.__version__"}
        }
        by_name = {
            name
            for name, path in MODULES.items()
            if re.search(
                r"import_module\(package\)|import_module\(.wsproto", path.read_text("utf-8")
            )
        }
        assert by_name == {"engine"}
        assert imports_of("session_engine")[0] == {"actions", "engine", "outcomes", "settings"}

    def test_the_model_knows_values_only(self) -> None:
        known = set().union(*(imports_of(name)[0] for name in MODULES if name.startswith("model")))
        assert {name for name in known if not name.startswith("model")} == {
            "frames",
            "outcomes",
            "settings",
        }

    @every_module
    def test_what_it_needs_from_outside(self, name: str) -> None:
        _, _, others = imports_of(name)
        for outside in others - STANDARD:
            assert outside in OUTSIDE, f"{name} imports {outside}"
            assert re.fullmatch(OUTSIDE[outside], name), f"{name} imports {outside}"

    def test_the_engine_does_not_know_the_kit(self) -> None:
        for path in Path(wsproto_core.__file__).parent.glob("*.py"):
            assert not re.search(r"(from|import) .*\btesting\b", path.read_text("utf-8")), path.name

    @pytest.mark.parametrize(
        ("imported", "forbidden"),
        [
            ("wsproto_core", {NAME}),
            (NAME, {"hypothesis", "pytest", "_pytest", "asyncio", "socket", "ssl"}),
            # The sections of the catalogue take their time.
            (NAME, {f"{NAME}.catalogue.framing", f"{NAME}.requirements"}),
            (f"{NAME}.catalogue", {f"{NAME}.catalogue.framing"}),
            (f"{NAME}.model", {f"{NAME}.engine", f"{NAME}.session_engine"}),
        ],
    )
    def test_importing_it_imports_little(self, imported: str, forbidden: set[str]) -> None:
        code = f"import sys, {imported}; print(*sys.modules)"
        loaded = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        assert imported in loaded
        assert not forbidden & set(loaded)

    @every_module
    def test_modules_are_of_readable_size(self, name: str) -> None:
        assert len(MODULES[name].read_text("utf-8").splitlines()) <= 600


class TestFace:
    def test_all_is_sorted_out_and_there(self) -> None:
        assert len(set(testing.__all__)) == len(testing.__all__)
        for name in testing.__all__:
            assert hasattr(testing, name), name

    @pytest.mark.parametrize("name", testing.__all__)
    def test_what_it_shows_is_documented(self, name: str) -> None:
        value = getattr(testing, name)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            return
        assert inspect.getdoc(value)
        if inspect.isclass(value):
            for attribute, member in vars(value).items():
                if not attribute.startswith("_") and inspect.isfunction(member):
                    assert inspect.getdoc(member), attribute
        home = importlib.import_module(value.__module__)
        assert getattr(home, name) is value

    def test_it_hides_no_module(self) -> None:
        assert not {name for name in MODULES if "." not in name} & set(testing.__all__)

    @pytest.mark.parametrize("word", ["outcomes", "actions"])
    def test_it_has_all_the_words(self, word: str) -> None:
        """Whatever an adapter is told, or tells, can be imported from the same place."""
        module = load(word)
        classes = {
            name
            for name, value in vars(module).items()
            if inspect.isclass(value) and value.__module__ == module.__name__
        }
        assert classes - {"Reading"} <= set(testing.__all__)

    def test_its_guide_names_each_module(self) -> None:
        assert testing.__doc__ is not None
        named = set(re.findall(r"``(\w+)``", testing.__doc__))
        known = {name for name in MODULES if name and "." not in name}
        assert named <= known
        # The rest is nothing to begin with.
        assert known - named == {"__main__", "annotating", "loading", "permitting", "shrinking"}

    @every_module
    def test_modules_say_what_they_are(self, name: str) -> None:
        doc = ast.get_docstring(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        assert doc
        assert doc.splitlines()[0].endswith((".", ":", "::", ","))

    @every_module
    def test_what_is_public_is_documented(self, name: str) -> None:
        module = load(name)
        for own, value in vars(module).items():
            if own.startswith("_") or getattr(value, "__module__", "") != module.__name__:
                continue
            if inspect.isfunction(value) or inspect.isclass(value):
                assert inspect.getdoc(value), own

    @pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
    def test_what_the_documents_import_exists(self, page: Path) -> None:
        for module, names in re.findall(
            rf"^from ({NAME}[\w.]*) import ([\w, ]+)$", page.read_text("utf-8"), re.MULTILINE
        ):
            for name in names.split(","):
                assert hasattr(importlib.import_module(module), name.strip()), name

    def test_the_guide_of_the_kit_imports_from_it(self) -> None:
        assert f"from {NAME}" in (ROOT / "docs" / "conformance.md").read_text("utf-8")
