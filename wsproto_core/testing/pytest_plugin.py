"""A pytest plugin: each case of the catalogue is a test.

It is loaded by those who ask for it, with ``-p wsproto_core.testing.pytest_plugin`` or in a
conftest::

    pytest_plugins = ["wsproto_core.testing.pytest_plugin"]

Owns the options, the fixtures, and how a verdict becomes pytest's. Must not know how cases are
run.
"""

from __future__ import annotations

from typing import Final

import pytest

from .adapter import Adapter
from .cases import Case, Level
from .catalogue import catalogue
from .judging import Verdict
from .loading import LoadError, choose, load_adapter
from .report_text import result_lines
from .results import is_failure, record_case, record_requirement, record_result
from .runner import Player, player_of, run

_ADAPTER: Final = pytest.StashKey[Adapter]()
_CASES: Final = pytest.StashKey[tuple[Case, ...]]()
_LEVELS: Final = [level.name.lower() for level in Level]
#: Under this name a report carries what is off, though its test has passed.
_OFF: Final = "websocket_off"


class WebSocketCase:
    """A case of the catalogue, and the implementation that it is to be run on."""

    def __init__(self, case: Case, play: Player, node: pytest.Item, *, strict: bool) -> None:
        #: The case; see :class:`~wsproto_core.testing.cases.Case`.
        self.case = case
        self._play = play
        self._node = node
        self._strict = strict

    def check(self) -> None:
        """Run the case in all ways.

        The test fails if a MUST is broken, or, with ``--websocket-strict``, if anything is off;
        it is skipped if the implementation does not have what the case needs. What else is off
        is listed at the end of the session.
        """
        __tracebackhide__ = True
        seed: int = self._node.config.getoption("websocket_seed")
        result = run(self.case, self._play, seed=seed)
        if result.verdict is Verdict.PASS:
            return
        record, case = record_result(result), record_case(self.case)
        if result.verdict is Verdict.SKIPPED:
            pytest.skip(record.why)
        requirements = {each: record_requirement(each) for each in case.requirements}
        report = "\n".join(result_lines(case, record, requirements, with_bytes=True))
        if is_failure(case.level, result.verdict, strict=self._strict):
            pytest.fail(report, pytrace=False)
        self._node.user_properties.append((_OFF, f"{case.id} ({case.level.value}): {record.why}"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("websocket", "WebSocket conformance")
    add = group.addoption
    add("--websocket-adapter", metavar="PKG.MODULE:NAME", help="the implementation to check")
    add(
        "--websocket-cases", action="append", default=[], metavar="PATTERN",
        help="cases to run: patterns of ids, or sections; repeatable",
    )  # fmt: skip
    add(
        "--websocket-level", action="append", default=[], choices=_LEVELS,
        help="cases to run: of this level; repeatable",
    )  # fmt: skip
    add("--websocket-seed", type=int, default=0, help="for the random chunks")
    add("--websocket-strict", action="store_true", help="whatever is off fails, at any level")


def pytest_configure(config: pytest.Config) -> None:
    """What the options name must be there."""
    spec = config.getoption("websocket_adapter")
    try:
        if config.getoption("websocket_cases") or config.getoption("websocket_level"):
            _cases(config)
        if spec is not None:
            config.stash[_ADAPTER] = load_adapter(spec)
    except LoadError as exc:
        raise pytest.UsageError(str(exc)) from exc


def _cases(config: pytest.Config) -> tuple[Case, ...]:
    """The cases to run. To load the catalogue takes its time, so it is done where it is needed."""
    if _CASES not in config.stash:
        levels = [Level[name.upper()] for name in config.getoption("websocket_level")]
        patterns = config.getoption("websocket_cases")
        config.stash[_CASES] = choose(catalogue(), patterns, levels=levels)
    return config.stash[_CASES]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``websocket_case`` is run for each."""
    if "websocket_case" in metafunc.fixturenames:
        cases = _cases(metafunc.config)
        metafunc.parametrize("websocket_case", cases, ids=[c.id for c in cases], indirect=True)


@pytest.fixture(scope="session")
def websocket_adapter(pytestconfig: pytest.Config) -> Adapter:
    """The implementation under test: that of ``--websocket-adapter``, or override this."""
    adapter = pytestconfig.stash.get(_ADAPTER, None)
    if adapter is None:
        pytest.fail(
            "which implementation? Give --websocket-adapter, or write a fixture "
            "websocket_adapter in conftest.py",
            pytrace=False,
        )
    return adapter


@pytest.fixture
def websocket_case(request: pytest.FixtureRequest, websocket_adapter: Adapter) -> WebSocketCase:
    """A case of the catalogue: call its ``check()``."""
    strict: bool = request.config.getoption("websocket_strict")
    return WebSocketCase(request.param, player_of(websocket_adapter), request.node, strict=strict)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What is off, though no test has failed for it."""
    off = [
        text
        for report in terminalreporter.stats.get("passed", [])
        for name, text in report.user_properties
        if name == _OFF
    ]
    if off:
        terminalreporter.section("WebSocket conformance: not as it should be")
        for text in off:
            terminalreporter.write_line(text)
        number, them = ("1 case", "it") if len(off) == 1 else (f"{len(off)} cases", "them")
        terminalreporter.write_line(f"{number} (--websocket-strict makes {them} fail)")
