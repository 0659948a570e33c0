"""The pytest plugin, as a project meets it."""

from __future__ import annotations

import re

import pytest

from wsproto_core.testing import pytest_plugin, runner

from .report_examples import CASES

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "wsproto_core.testing.pytest_plugin")
SUITE = ("--pyargs", "wsproto_core.testing.suite")
ENGINE = "wsproto_core.testing.engine:EngineAdapter"
BROKEN = "tests.report_examples:Broken"


@pytest.fixture(autouse=True)
def _own_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest_plugin, "catalogue", lambda: CASES)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(
        *PLUGIN, "-p", "no:cacheprovider", "-p", "no:anyio", *arguments
    )


def test_suite(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-v", "--websocket-adapter", ENGINE, *SUITE)
    assert result.ret == 0
    result.assert_outcomes(passed=len(CASES))
    result.stdout.fnmatch_lines([f"*test_case[[]{case.id}] PASSED*" for case in CASES])
    result.stdout.no_fnmatch_line("*not as it should be*")


def test_failures_are_explained(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--websocket-adapter", BROKEN, *SUITE)
    assert result.ret == 1
    result.assert_outcomes(passed=2, failed=4, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "FAIL framing/rsv2@server (MUST): a text frame with RSV2 set",
            "  expected: failure 1002",
            "  fail (whole*): seen text *",
            "  RFC 6455 §5.2, MUST (6455-5.2-2:*",
            "* TEXT FIN RSV2, masked, length *",
        ]
    )
    # Nothing of how it is done.
    for word in ("Traceback", "pytest_plugin.py", "def test_case", "player"):
        result.stdout.no_fnmatch_line(f"*{word}*")


def test_skipped_with_its_reason(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-rs", "--websocket-adapter", BROKEN, *SUITE)
    result.stdout.fnmatch_lines(["SKIPPED*: no <b>opening</b> handshake"])


def test_what_is_off_is_listed(pytester: pytest.Pytester) -> None:
    options = ("--websocket-adapter", "tests.report_examples:Loose", "--websocket-cases", "framing")
    result = run(pytester, *options, *SUITE)
    assert result.ret == 0
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*WebSocket conformance: not as it should be*",
            "framing/rsv2@server (MUST): whole: expected failure 1002; seen failure 1003",
            "1 case (--websocket-strict makes it fail)",
        ]
    )
    strict = run(pytester, *options, "--websocket-strict", *SUITE)
    strict.assert_outcomes(passed=1, failed=1)


def test_policy_fails_if_it_is_strict(pytester: pytest.Pytester) -> None:
    options = ("--websocket-adapter", BROKEN, "--websocket-level", "policy")
    result = run(pytester, *options, *SUITE)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["control/ping@server (POLICY): whole: did not answer the Ping*"])
    run(pytester, *options, "--websocket-strict", *SUITE).assert_outcomes(failed=1)


def test_all_that_is_off_is_counted(pytester: pytest.Pytester) -> None:
    options = (
        "--websocket-adapter",
        "tests.report_examples:Loose",
        "--websocket-cases",
        "*@server",
    )
    result = run(pytester, *options, *SUITE)
    result.stdout.fnmatch_lines(["3 cases (--websocket-strict makes them fail)"])


def test_project_with_an_adapter_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest
        from wsproto_core.testing.engine import EngineAdapter

        pytest_plugins = ["wsproto_core.testing.pytest_plugin"]

        @pytest.fixture(scope="session")
        def websocket_adapter():
            return EngineAdapter()
        """
    )
    pytester.makepyfile(
        """
        def test_conformance(websocket_case):
            assert websocket_case.case.role == "server"
            websocket_case.check()

        def test_something_else():
            pass
        """
    )
    result = pytester.runpytest_inprocess(
        "-v", "-p", "no:cacheprovider", "--websocket-cases", "text", "--websocket-seed", "4"
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*::test_conformance[[]text/invalid@server] PASSED*"])


def test_seed_is_used(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def spy(*arguments: object, seed: int) -> object:
        seeds.append(seed)
        return runner.run(*arguments, seed=seed)  # type: ignore[arg-type]

    monkeypatch.setattr(pytest_plugin, "run", spy)
    run(
        pytester, "--websocket-adapter", ENGINE, "--websocket-seed", "4",
        "--websocket-cases", "framing", *SUITE,
    )  # fmt: skip
    assert seeds == [4, 4]


def test_no_adapter(pytester: pytest.Pytester) -> None:
    result = run(pytester, *SUITE)
    result.assert_outcomes(errors=len(CASES))
    result.stdout.fnmatch_lines(["which implementation? Give --websocket-adapter, or write*"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--websocket-adapter", "no_such:A"), "cannot import no_such: ModuleNotFoundError*"),
        (("--websocket-adapter", "json:loads"), "json:loads cannot be called: TypeError*"),
        (("--websocket-cases", "frame"), "no case matches frame (did you mean framing*"),
    ],
)
def test_wrong_usage(pytester: pytest.Pytester, arguments: tuple[str, ...], message: str) -> None:
    result = run(pytester, *arguments, *SUITE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert not re.search("Traceback", result.stderr.str())


def test_catalogue_is_loaded_for_those_who_use_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwanted() -> None:
        raise AssertionError

    monkeypatch.setattr(pytest_plugin, "catalogue", unwanted)
    pytester.makepyfile("def test_something_else(): pass")
    run(pytester).assert_outcomes(passed=1)


def test_nobody_gets_it_who_does_not_ask(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--help")
    result.stdout.no_fnmatch_line("*--websocket-*")
