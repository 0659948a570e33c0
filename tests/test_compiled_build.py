"""The compiled build's hook: what it does without being asked, and what it would compile. That
it compiles, and that the result passes these tests, is seen in CI.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import wsproto_core

ROOT = Path(__file__).parent.parent
PACKAGE = Path(wsproto_core.__file__).parent


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    pytest.importorskip("hatchling")
    path = ROOT / "hatch_build.py"
    if not path.exists():
        pytest.skip("the package is installed, and not built here")
    spec = importlib.util.spec_from_file_location("hatch_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(hook: ModuleType, root: Path) -> Any:
    return hook.get_build_hook()(str(root), None, None, None, str(root), "wheel")


def test_every_module_is_compiled_or_there_is_a_reason(hook: ModuleType) -> None:
    listed = [*hook.COMPILED, *hook.INTERPRETED]
    assert sorted(listed) == sorted(path.stem for path in PACKAGE.glob("*.py"))


@pytest.mark.parametrize("value", [None, "", "0", "yes"])
def test_nothing_happens_unless_it_is_asked_for(
    hook: ModuleType, value: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(hook.SWITCH, raising=False)
    if value is not None:
        monkeypatch.setenv(hook.SWITCH, value)
    data: dict[str, Any] = {"force_include": {}, "dependencies": []}
    building = make(hook, tmp_path)
    assert building.dependencies() == []
    building.initialize("standard", data)
    building.finalize("standard", data, "")
    assert data == {"force_include": {}, "dependencies": []}


def test_asked_for(hook: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(hook.SWITCH, "1")
    building = make(hook, tmp_path)
    assert any(requirement.startswith("mypy") for requirement in building.dependencies())
    with pytest.raises(RuntimeError, match="editable"):
        building.initialize("editable", {})


def test_what_cannot_be_compiled(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It says what it takes, and leaves nothing in the source tree."""

    def fail(paths: list[str]) -> None:
        raise SystemExit("no compiler")

    monkeypatch.setenv(hook.SWITCH, "1")
    monkeypatch.setattr(hook, "_run_mypyc", fail)
    before = {path: path.read_bytes() for path in PACKAGE.glob("*.py")}
    (tmp_path / "wsproto_core").mkdir()
    with pytest.raises(RuntimeError, match=r"no compiler\. It takes a C compiler"):
        make(hook, tmp_path).initialize("standard", {"force_include": {}, "dependencies": []})
    assert {path: path.read_bytes() for path in PACKAGE.glob("*.py")} == before
