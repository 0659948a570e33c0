"""The README's comparison of embeddings is what the script computes, and has its tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from docs.embedding_table import (
    DUTIES,
    EMBEDDINGS,
    EXAMPLES,
    ROOT,
    attributes,
    branches,
    code_lines,
    table,
)

SUITE = Path(__file__).parent / "integration" / "test_embedding.py"


def test_table_is_in_the_readme() -> None:
    pattern = r"<!-- embedding table -->\n(.*?)<!-- /embedding table -->"
    (drawn,) = re.findall(pattern, (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert drawn == table(), "run: python -m docs.embedding_table --write"


def test_every_duty_has_its_tests() -> None:
    written = {
        node.name for node in ast.parse(SUITE.read_text()).body if isinstance(node, ast.FunctionDef)
    }
    for duty in DUTIES:
        assert duty.tests
        assert set(duty.tests) <= written, duty.text
        assert len(duty.who) == len(EMBEDDINGS)


def test_modules_hold_all_that_is_counted() -> None:
    """What they share declares, and does nothing."""
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"common", *EMBEDDINGS}
    for node in ast.walk(ast.parse((EXAMPLES / "common.py").read_text())):
        if isinstance(node, ast.FunctionDef):
            body = [ast.unparse(part) for part in node.body if not is_text(part)]
            assert body in ([], ["..."], ["ws.accept()"]), node.name


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("", 0),
        ('"""A docstring.\n\nOf three lines."""\n', 0),
        ("# a comment\n\nx = 1  # another\n", 1),
        ('def f():\n    """Docstring."""\n    return """of\n\nthree"""\n', 4),
        ('class C:\n    """Docstring."""\n\n    x: int\n', 2),
        ("x = (\n    1,\n\n    # no code\n    2,\n)\n", 4),
    ],
)
def test_lines_are_counted(source: str, lines: int) -> None:
    assert code_lines(source) == lines


def test_branches_and_attributes_are_counted() -> None:
    source = """
class C:
    def __init__(self, x):
        self.a, self.b = x, 0
        self.a: int = 1
        x.c.d

    def f(self):
        self.e = 1 if self.a and self.b and self.c else 2
        match self.e:
            case 1:
                return [x for x in ()]
            case _:
                return 0
"""
    assert attributes(source) == 2
    assert branches(source) == 1 + 2 + 2 + 1
