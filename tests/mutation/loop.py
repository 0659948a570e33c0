"""What decides on mutants: a pytest plugin that runs, for each, the tests that reach it.

Each mutant has a process of its own, forked from one in which all tests have been collected
and run once, to see which lines each of them reaches, and how long it takes. Knows nothing
of how mutants are made.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, Phase, settings

from tests.mutation.mutants import Functions, ImportMutant, Mutant, Pairs, functions_changed

#: What can come of a mutant. A "timeout" was stopped for taking too long: it is as good as
#: killed.
KILLED, SURVIVED, TIMEOUT = "killed", "survived", "timeout"

# Few examples, found in the same order each time, and a failure is not made smaller.
settings.register_profile(
    "mutation",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=30,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)

# Seconds of processor time: what a test may take that should take none; how much more than
# without the mutant; and what a test may take at most to be run at all.
_GRACE = 1.0
_SLOWER = 8.0
LONGEST_TEST = 0.25
_MEMORY = 3 << 30

Report = Callable[[Mutant, str, str], None]


class Children:
    """Processes, so many at a time, each of which says by what test its mutant is killed."""

    def __init__(self, at_once: int, report: Report) -> None:
        self.at_once = at_once
        self.report = report
        self.running: dict[int, tuple[Mutant, int]] = {}

    def run(self, mutant: Mutant, work: Callable[[], str]) -> None:
        """Have *work* done in a process: it gives the test that failed, or nothing."""
        while len(self.running) >= self.at_once:
            self.wait()
        receives, sends = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child:
            os.close(sends)
            self.running[child] = mutant, receives
            return
        try:
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            by = work()
            os.write(sends, by.encode()[:4000])
            os._exit(1 if by else 0)
        except BaseException:
            os._exit(3)

    def wait(self) -> None:
        """Wait for one of them to end."""
        child, status = os.waitpid(-1, 0)
        mutant, receives = self.running.pop(child)
        with os.fdopen(receives, "rb") as pipe:
            by = pipe.read().decode()
        signalled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if signalled in (signal.SIGPROF, signal.SIGXCPU):
            self.report(mutant, TIMEOUT, by)
        else:
            self.report(mutant, KILLED if status else SURVIVED, by)

    def wait_for_all(self) -> None:
        """Wait for all of them."""
        while self.running:
            self.wait()


class Failures:
    """Remembers the first test that failed."""

    def __init__(self) -> None:
        self.first = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.first:
            self.first = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.first:
            self.first = report.nodeid or "import"


class Loop:
    """The plugin: pytest's own loop over the tests is replaced."""

    def __init__(
        self,
        mutants: Iterable[Mutant],
        report: Report,
        *,
        at_once: int,
        budget: float,
        observations: Path | None,
        own: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.own = own
        self.observations = observations
        self.budget = budget
        self.mutants = mutants
        self.report = report
        self.children = Children(at_once, self.take)
        self.failures = Failures()
        self.items: dict[str, pytest.Item] = {}
        self.seconds: dict[str, float] = {}
        # How many of the same test, with other parameters, come before.
        self.ranks: dict[str, int] = {}
        # By file, and by line, as JSON has them.
        self.reached: dict[str, dict[str, list[str]]] = {}
        # The tests that have killed, the last one first: it may well kill the next one.
        self.killers: dict[str, list[str]] = defaultdict(list)

    def take(self, mutant: Mutant, outcome: str, by: str) -> None:
        if by in self.items:
            killers = self.killers[mutant.module]
            if by in killers:
                killers.remove(by)
            killers.insert(0, by)
        self.report(mutant, outcome, by)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        session.config.pluginmanager.register(self.failures)
        self.items = {item.nodeid: item for item in session.items}
        self.observe()
        if self.failures.first:
            raise session.Failed(f"fails without any mutant: {self.failures.first}")
        functions = Functions()
        gc.collect()
        gc.freeze()  # that children do not copy it all
        to_import = []
        for mutant in self.mutants:
            try:
                pairs = functions_changed(mutant)
            except (SyntaxError, ValueError):
                continue
            if pairs is None or (pairs and not self.tests_for(mutant)):
                to_import.append(mutant)  # or it is only called by an import
            elif pairs:
                self.decide(mutant, functions, pairs)
        for mutant in to_import:  # these take longer
            self.decide_by_import(mutant)
        self.children.wait_for_all()
        return True

    def observe(self) -> None:
        """Run all tests: which lines does each reach, how long does it take?"""
        coverage = Coverage(data_file=None, config_file=False, include=["*/wsproto_core/*"])
        ranks: Counter[str] = Counter()
        slow = set()
        known = self.recall()
        coverage.start()
        for name, item in self.items.items():
            test = name.partition("[")[0]
            if name not in known and test not in slow:
                coverage.switch_context(name)
                begun = time.process_time()
                run_item(item)
                self.seconds[name] = time.process_time() - begun
                if self.seconds[name] > LONGEST_TEST:
                    slow.add(test)  # with other parameters it will be, too
            self.ranks[name] = ranks[test]
            ranks[test] += 1
        coverage.stop()
        data = coverage.get_data()
        for file in data.measured_files():
            lines = self.reached.setdefault(file, {})
            for line, names in data.contexts_by_lineno(file).items():
                lines[str(line)] = lines.get(str(line), []) + names
        self.items = {
            name: item
            for name, item in self.items.items()
            if self.seconds.get(name, LONGEST_TEST + 1) <= LONGEST_TEST
        }
        if self.observations is not None:
            self.observations.write_text(json.dumps([self.seconds, self.reached]))

    def recall(self) -> set[str]:
        """The tests that were observed before."""
        if self.observations is not None and self.observations.exists():
            self.seconds, self.reached = json.loads(self.observations.read_text())
        return {*self.seconds}

    def files_for(self, module: str) -> set[str]:
        """The files of tests that are for a module."""
        return {f"tests/test_{name}.py" for name in self.own.get(module, ())}

    def in_order(self, names: set[str], module: str) -> list[str]:
        """In which order to try tests, and how many: those first that have killed others of
        the module; then those of the files for it; one set of parameters of each test, then
        the next.
        """
        own = self.files_for(module)

        def order(name: str) -> tuple[bool, int, float]:
            return name.partition("::")[0] not in own, self.ranks[name], self.seconds[name]

        first = [name for name in self.killers[module] if name in names]
        rest = names & {*self.items} - {*first}
        names_in_order = first + sorted(rest, key=order)
        spent = accumulate(self.seconds[name] for name in names_in_order)
        return [n for n, sum_ in zip(names_in_order, spent, strict=True) if sum_ <= self.budget]

    def tests_for(self, mutant: Mutant) -> list[str]:
        """The tests that reach it, in the order in which to try them."""
        contexts = self.reached.get(str(mutant.path), {})
        names = {name for line in mutant.lines for name in contexts.get(str(line), ())}
        return self.in_order(names, mutant.module)

    def decide(self, mutant: Mutant, functions: Functions, pairs: Pairs) -> None:
        """Run the tests with other code in functions."""
        names = self.tests_for(mutant)

        def work() -> str:
            try:
                functions.put_in(pairs)
            except ValueError:
                return "cannot be put in"  # another number of free variables: see README.md
            for name in names:
                allow(self.seconds[name])
                run_item(self.items[name])
                if self.failures.first:
                    return self.failures.first
            return ""

        self.children.run(mutant, work)

    def decide_by_import(self, mutant: Mutant) -> None:
        """Import everything again, then run the tests of what the module is for."""
        contexts = self.reached.get(str(mutant.path), {})
        names = {name for line in contexts.values() for name in line if name in self.items}
        # Data are read without reaching a line of the module.
        own = self.files_for(mutant.module)
        names |= {name for name in self.items if name.partition("::")[0] in own}
        names_in_order = self.in_order(names, mutant.module)
        files = sorted({name.partition("::")[0] for name in names_in_order})
        places = {name: place for place, name in enumerate(names_in_order)}

        class Selected(Failures):
            def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
                wanted = [item for item in items if item.nodeid in places]
                items[:] = sorted(wanted, key=lambda item: places[item.nodeid])

            def pytest_runtest_setup(self, item: pytest.Item) -> None:
                allow(seconds[item.nodeid])

        seconds = self.seconds

        def work() -> str:
            ImportMutant(mutant).install()
            allow(4.0)
            selected = Selected()
            outcome = pytest.main([*ARGUMENTS, "-x", *files], plugins=[selected])
            return selected.first or ("import" if outcome else "")

        self.children.run(mutant, work)


#: What pytest is always called with.
ARGUMENTS = [
    *("-q", "-s", "-p", "no:cacheprovider", "-p", "no:faulthandler"),
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
]


def allow(seconds: float) -> None:
    """Let so much processor time, and what is bearable beyond, be taken from now on."""
    signal.setitimer(signal.ITIMER_PROF, _GRACE + seconds * _SLOWER)


def run_item(item: Any) -> None:
    """Run one test by itself."""
    item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
