"""Mutants: a module's source, changed in one place.

Owns where sources are changed, and how the changed code is put in. The operators are
mutmut's; unlike mutmut itself, this also changes what stands outside functions, and what is
decorated. Knows nothing of tests.
"""

from __future__ import annotations

import ast
import functools
import gc
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

PACKAGE = "wsproto_core"

# Their texts are for humans; what makes them is named here.
_WORDED = ("fault", "excess", "unencodable")
# Nothing follows from these that a test could see.
_NOT_MUTATED_TARGETS = ("__all__", "__slots__")
# As in mutmut: what comes of it is a TypeError, always.
_NOT_MUTATED_CALLS = ("len", "isinstance")

# Code of its own, in CPython 3.11, but run by what is around it.
_COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    #: The module's name within the package.
    module: str
    #: The function, or method, or class, in which it is; empty at the module's top.
    function: str
    #: The lines of the statement, or of its head, from 1.
    lines: range
    #: The lines that change, stripped, and what they change to.
    old: str
    new: str
    #: The whole module, changed.
    source: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is known by; line numbers are no part of it."""
        return self.module, self.function, self.old, self.new

    @property
    def path(self) -> Path:
        """The file of the module."""
        return path_of(self.module)


def path_of(module: str) -> Path:
    """The file of one of the package's modules."""
    return Path(__file__).parents[2] / PACKAGE / f"{module}.py"


def mutants_of(module: str) -> list[Mutant]:
    """All mutants of a module, each once, in the order of their places."""
    source = path_of(module).read_text()
    tree = ast.parse(source)
    found: dict[str, Mutant] = {}
    for begin, end, text in _changes(source):
        changed = source[:begin] + text + source[end:]
        if changed not in found:
            lines = source.count("\n", 0, begin) + 1, source.count("\n", 0, end) + 1
            found[changed] = Mutant(
                module, *_place(tree, *lines), *_changed_lines(source, changed), changed
            )
    return list(found.values())


def _changes(source: str) -> Iterator[tuple[int, int, str]]:
    """Where to change the source, from and to, and what to put there."""
    cst: Any = import_module("libcst")
    metadata: Any = import_module("libcst.metadata")
    operators: Any = import_module("mutmut.mutation.mutators").mutation_operators
    wrapper = metadata.MetadataWrapper(cst.parse_module(source))
    positions = wrapper.resolve(metadata.PositionProvider)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    waiting = [wrapper.module]
    while waiting:
        node = waiting.pop()
        if _is_left_alone(cst, node):
            continue
        waiting += reversed(node.children)
        for kind, operator in operators:
            for changed in operator(node) if isinstance(node, kind) else ():
                if isinstance(node, cst.Call) and _changes_wording(cst, node, changed):
                    continue
                # A node's place is that between its parentheses.
                if getattr(changed, "lpar", None) and changed.lpar is getattr(node, "lpar", None):
                    changed = changed.with_changes(lpar=[], rpar=[])
                place = positions[node]
                yield (
                    starts[place.start.line - 1] + place.start.column,
                    starts[place.end.line - 1] + place.end.column,
                    wrapper.module.code_for_node(changed),
                )


def _is_left_alone(cst: Any, node: Any) -> bool:
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
        return True
    if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
        return node.targets[0].target.value in _NOT_MUTATED_TARGETS
    if isinstance(node, cst.SimpleString):
        # Text with blanks in it is wording.
        return isinstance(node.evaluated_value, str) and " " in node.evaluated_value
    if isinstance(node, cst.IfExp):
        return _is_left_alone(cst, node.body) and _is_left_alone(cst, node.orelse)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
        return node.func.value in _NOT_MUTATED_CALLS
    return isinstance(node, cst.FormattedString) and " " in "".join(
        part.value for part in node.parts if isinstance(part, cst.FormattedStringText)
    )


def _changes_wording(cst: Any, call: Any, changed: Any) -> bool:
    """Whether all that differs is the text of an error."""
    name = getattr(call.func, "value", None)
    if not isinstance(name, str) or not (name in _WORDED or name.endswith("Error")):
        return False
    kept = [argument.value for argument in getattr(changed, "args", ())]
    texts = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString, cst.IfExp)
    return any(
        (isinstance(argument.value, texts) or getattr(argument.value, "value", "") == "problem")
        and argument.value not in kept
        for argument in call.args
    )


def _place(tree: ast.Module, begin: int, end: int) -> tuple[str, range]:
    """The function, and the lines of the statement or of its head, of what is at some lines."""
    names: list[str] = []
    lines = range(begin, end + 1)
    body = [*_statements(tree)]
    while body:
        node = body.pop()
        decorators = getattr(node, "decorator_list", ())
        low = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        high = node.end_lineno or low
        if not low <= begin <= high:
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        body = [*_statements(node)]
        head_ends = min([high, *(inner.lineno - 1 for inner in body)])
        lines = range(low, max(head_ends, end) + 1) if begin <= head_ends else lines
    return ".".join(names), lines


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Those directly within it."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        for child in getattr(node, field, None) or ():
            if isinstance(child, ast.ExceptHandler):
                yield from child.body
            elif isinstance(child, ast.stmt):
                yield child


def _changed_lines(old: str, new: str) -> tuple[str, str]:
    before, after = old.splitlines(), new.splitlines()
    while before and after and before[0] == after[0]:
        del before[0], after[0]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    return tuple(" ".join(line.strip() for line in lines) for lines in (before, after))  # type: ignore[return-value]


# Putting a mutant in: into functions that exist, or by an import


Pairs = list[tuple[CodeType, CodeType]]


@functools.cache
def _compiled(path: Path) -> CodeType:
    return compile(path.read_text(), str(path), "exec", dont_inherit=True)


def functions_changed(mutant: Mutant) -> Pairs | None:
    """The functions that change, as they are and as they become; None if something changes
    that runs when the module is imported. Raises SyntaxError, or says that nothing changes,
    for what is no mutant.
    """
    new = compile(mutant.source, str(mutant.path), "exec", dont_inherit=True)
    old = _compiled(mutant.path)
    pairs: Pairs = []
    return pairs if _compare(old, new, pairs) else None


def _compare(old: CodeType, new: CodeType, pairs: Pairs) -> bool:
    if old == new:
        return True
    if old.co_name in _COMPREHENSIONS:
        return False
    if old.co_flags & inspect.CO_OPTIMIZED:
        pairs.append((old, new))
        return old.co_freevars == new.co_freevars and old.co_qualname == new.co_qualname
    inner = [
        [const for const in code.co_consts if isinstance(const, CodeType)] for code in (old, new)
    ]
    consts = [
        [repr(const) for const in code.co_consts if not isinstance(const, CodeType)]
        for code in (old, new)
    ]
    return (
        old.co_code == new.co_code
        and old.co_names == new.co_names
        and consts[0] == consts[1]
        and len(inner[0]) == len(inner[1])
        and all(_compare(a, b, pairs) for a, b in zip(*inner, strict=True))
    )


class Functions:
    """The package's functions, wherever they have been imported to."""

    def __init__(self) -> None:
        self.made_of: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        self.caches: list[Any] = []
        for each in gc.get_objects(generation=None):
            if isinstance(each, FunctionType):
                self.made_of[_identity(each.__code__)].append(each)
            elif isinstance(each, functools._lru_cache_wrapper):
                self.caches.append(each)

    def put_in(self, pairs: Pairs) -> None:
        """Change functions of this process. Raises ValueError if that cannot be done."""
        for old, new in pairs:
            for function in self.made_of[_identity(old)]:
                function.__code__ = new
        for cache in self.caches:
            if str(getattr(cache, "__module__", "")).split(".")[0] == PACKAGE:
                cache.cache_clear()  # it holds what the unchanged code gave


def _identity(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


class ImportMutant(MetaPathFinder, Loader):
    """Has a module, once it is imported, be the mutant."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, name: str, path: Any, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != f"{PACKAGE}.{self.mutant.module}":
            return None
        spec = PathFinder.find_spec(name, path)
        assert spec is not None
        spec.loader = self
        return spec

    def exec_module(self, module: ModuleType) -> None:
        code = compile(self.mutant.source, str(self.mutant.path), "exec", dont_inherit=True)
        exec(code, module.__dict__)

    def install(self) -> None:
        """Forget the package, and the tests, so that they are imported with the mutant."""
        for name in [*sys.modules]:
            if name.split(".")[0] in (PACKAGE, "tests") and not name.startswith("tests.mutation"):
                del sys.modules[name]
        sys.meta_path.insert(0, self)
