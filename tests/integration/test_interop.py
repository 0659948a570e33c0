"""The interoperation matrix, in its quick form: every pair, each scenario with permessage-deflate
or without, in turns. The whole, both ways: ``python -m tests.interop``.

What a peer is known to do wrong is in its module of ``tests.interop.peers``.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence

import pytest

from tests.interop import running, table
from tests.interop.__main__ import complaints, pairs
from tests.interop.judging import digest
from tests.interop.peer_api import Peer, Role
from tests.interop.running import Pair, Runner, Verdict
from tests.interop.scenarios import BY_NAME

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """Keeps what peers have built."""
    with Runner() as runner:
        yield runner


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair.id)
def test_pair_speaks_as_recorded(pair: Pair, runner: Runner) -> None:
    if missing := pair.missing():
        # An excuse on somebody's machine, a failure where it was to be tested.
        if os.environ.get("CI"):
            pytest.fail(f"{pair.id} needs: {missing}")
        pytest.skip(f"needs: {missing}")
    outcomes = runner.run(pair, quick=True)
    assert complaints(pair, outcomes) == []
    assert any(
        outcome.verdict is Verdict.OK
        for by_deflate in outcomes.values()
        for outcome in by_deflate.values()
    )
    # It is as recorded.
    recorded = table.read_record()[pair.id]
    for name, by_deflate in outcomes.items():
        for deflate, outcome in by_deflate.items():
            verdict, _ = recorded.verdicts(name)[0 if deflate else 1]
            # Each half by itself: a known fault of one excuses nothing in the other.
            assert outcome.verdict.value == verdict, (name, deflate, outcome.why)


# The matrix can fail: programs that do not do what they should ---------------------------------


class Program(Peer):
    """A peer that is a few lines of Python."""

    name = "program"
    label = "Program"

    def __init__(self, source: str) -> None:
        self.source = source

    def version(self) -> str:
        return "1"

    def server_command(self, deflate: bool) -> Sequence[str]:
        return [sys.executable, "-c", self.source]

    def client_command(self, url: str, scenario: str, deflate: bool) -> Sequence[str]:
        return [sys.executable, "-c", self.source, url]


def why(runner: Runner, peer: Peer, role: Role, scenario: str = "echo-small") -> str:
    """What is said of a scenario that must fail, both ways."""
    outcomes = runner.run(Pair(peer, role), [scenario])[scenario]
    assert {outcome.verdict for outcome in outcomes.values()} == {Verdict.FAIL}
    return outcomes[True].why


SERVER = """
import asyncio
from examples.transports.on_asyncio import serve

async def handle(ws):
    async for message in ws:
        await ws.send(CHANGED)

async def main():
    async with serve(handle) as server:
        print("listening on", server.port, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ("message[::-1]", "other bytes"),
        ("message + message[:1]", "not ('text', 8)"),
        ("message if isinstance(message, bytes) else message.encode()", "is binary"),
    ],
    ids=["reversed", "longer", "binary"],
)
def test_server_that_changes_messages_fails(runner: Runner, changed: str, fault: str) -> None:
    peer = Program(SERVER.replace("CHANGED", changed))
    assert fault in why(runner, peer, Role.SERVER)


def test_server_that_does_not_refuse_fails(runner: Runner) -> None:
    peer = Program(SERVER.replace("CHANGED", "message"))
    assert "the handshake succeeded" in why(runner, peer, Role.SERVER, "rejected")


def test_server_that_sends_no_fragments_fails(runner: Runner) -> None:
    peer = Program(SERVER.replace("CHANGED", "message"))
    assert "1 frames, not 3" in why(runner, peer, Role.SERVER, "from-fragments")


def test_server_that_ends_fails(runner: Runner) -> None:
    peer = Program("import sys; sys.exit('no such library')")
    assert "no such library" in why(runner, peer, Role.SERVER)


def test_server_that_nobody_reaches_fails(runner: Runner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    peer = Program(f"print('listening on {port}', flush=True); input()")
    assert "refused" in why(runner, peer, Role.SERVER).lower()


def test_server_that_says_nothing_fails(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "TIME_LIMIT", 0.5)
    peer = Program("import time; time.sleep(60)")
    assert "did not answer in 0.5 s" in why(runner, peer, Role.SERVER)


GOOD_CLIENT = {
    "opened": True,
    "extensions": "permessage-deflate",
    "received": [digest(message) for message in BY_NAME["echo-small"].received],
    "close": (1000, ""),
}


def test_client_that_only_says_that_all_is_well_fails(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "PATIENCE", 0.5)
    peer = Program(f"print({json.dumps(GOOD_CLIENT)!r})")
    assert "our server saw no connection" in why(runner, peer, Role.CLIENT)


def test_client_that_says_nothing_fails(runner: Runner) -> None:
    assert "0 lines" in why(runner, Program(""), Role.CLIENT)


def test_client_that_fails_fails(runner: Runner) -> None:
    assert "no such thing" in why(runner, Program("raise SystemExit('no such thing')"), Role.CLIENT)


def test_client_that_does_not_end_fails(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Program("import time; time.sleep(60)")
    monkeypatch.setattr(running, "CLIENT_TIME_LIMIT", 0.5)
    assert "ran for 0.5 s" in why(runner, peer, Role.CLIENT)


def test_stop_ends_what_does_not_end() -> None:
    with running.running([sys.executable, "-c", "import time; time.sleep(60)"]) as program:
        assert program.popen.poll() is None
    assert program.popen.returncode is not None
