"""Fixtures of the integration tests; see the package's docstring for what is where."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

for _suite in ("server_suite", "client_suite"):
    pytest.register_assert_rewrite(f"tests.integration.{_suite}")

# After that, for modules that are loaded already are not rewritten.
from .clients import Client, ClientPool  # noqa: E402
from .peer import Answer, Listener, Offer  # noqa: E402
from .processes import run, running  # noqa: E402
from .servers import Dial, Server, StartServer  # noqa: E402

if TYPE_CHECKING:
    from .websockets_server import OtherEnd

# What each file needs of the extra "integration".
_NEEDS = {
    "test_alias.py": ("trio_websocket", "wsproto"),
    "test_applications.py": (
        *("fastapi", "h2", "httptools", "hypercorn", "nexios", "ravyn"),
        *("starlette", "uvicorn", "uvloop", "websockets"),
    ),
    "test_autobahn.py": ("websockets",),
    "test_cluster.py": ("redis", "websockets"),
    "test_embedding.py": ("websockets", "wsproto"),
    "test_httpx_ws.py": ("httpx_ws", "trio", "websockets"),
    "test_hypercorn.py": ("h2", "hypercorn", "trio", "websockets"),
    "test_instead_of_wsproto.py": ("hypercorn", "websockets"),
    "test_interop_native.py": ("h2",),
    "test_reconnecting.py": ("websockets",),
    "test_simple_websocket.py": ("anyio", "simple_websocket", "websockets"),
    "test_testing_peers.py": ("aiohttp", "picows", "tornado", "websockets", "wsproto"),
    "test_testing_hunt.py": ("websockets", "wsproto"),
    "test_transport_h2.py": ("h2", "hypercorn", "websockets"),
    "test_transport_h3.py": ("aioquic", "h2", "hypercorn", "websockets"),
    "test_transport_tls_in_memory.py": ("websockets",),
    "test_transport_use.py": ("anyio", "trio", "websockets"),
    "test_transports.py": ("anyio", "trio", "websockets"),
    "test_trio_websocket.py": ("anyio", "trio_websocket", "websockets"),
    "test_tutorial.py": ("websockets",),
    "test_uvicorn.py": ("httptools", "starlette", "uvicorn", "websockets"),
    "test_uvicorn_ws_output.py": ("httptools", "uvicorn"),
    "test_uvicorn_ws.py": ("httptools", "uvicorn", "uvloop", "websockets", "wsproto"),
}
_MISSING = {
    file: missing
    for file, packages in _NEEDS.items()
    if (missing := [package for package in packages if find_spec(package) is None])
}
collect_ignore = list(_MISSING)
if _MISSING and os.environ.get("CI"):
    raise pytest.UsageError(f"not installed: {_MISSING}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Nothing is left out in silence, and what takes how long is seen."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.location[0]] += report.duration
    terminalreporter.section("seconds")
    for file in sorted(seconds, key=seconds.__getitem__, reverse=True):
        terminalreporter.write_line(f"{seconds[file]:7.1f}  {file}")
    for file, missing in _MISSING.items():
        terminalreporter.write_line(f"left out {file}: {', '.join(missing)} not installed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the programs under test have printed."""
    report = yield
    if report.failed:
        report.sections += [(f"Output of {process.name}", process.output) for process in running]
    return report


@pytest.fixture(scope="module")
def start_server() -> Iterator[StartServer]:
    """Starts servers on the aliased engine; they run until the end of the module."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Server:
            process = stack.enter_context(run(*arguments))
            port = process.expect(r".*[Rr]unning on http://127\.0\.0\.1:(\d+)")[1]
            return Server(process, int(port))

        yield start


@pytest.fixture
def dial(server: Server) -> Iterator[Dial]:
    """Opens connections to the module's ``server`` by hand; all are closed afterwards."""
    with ExitStack() as stack:

        def dial(offer: Offer) -> Answer:
            answer = server.dial(offer)
            if answer.opened is not None:
                stack.callback(answer.opened.transport.close)
            return answer

        yield dial


@pytest.fixture(scope="module")
def client_pool(client_program: tuple[str, ...]) -> Iterator[ClientPool]:
    """Keeps one client process for the tests of a module."""
    with ClientPool(client_program) as pool:
        yield pool


@pytest.fixture
def client(client_pool: ClientPool) -> Iterator[Client]:
    """The client library that the module names in its fixture ``client_program``."""
    with client_pool.lend() as client:
        yield client


@pytest.fixture(scope="module")
def websockets_server() -> Iterator[OtherEnd]:
    from .websockets_server import OtherEnd

    server = OtherEnd()
    yield server
    server.close()


@pytest.fixture
def other_end(websockets_server: OtherEnd) -> OtherEnd:
    """Another implementation's server."""
    websockets_server.forget()
    return websockets_server


@pytest.fixture
def listener(client: Client) -> Iterator[Listener]:
    """A server made by hand.

    It needs no client, but must have been closed when the client leaves: some wait for
    an answer then, which no one would give.
    """
    listener = Listener()
    yield listener
    listener.close()
