"""The engine against the reference model, which is the RFCs read slowly.

Invariant: of any stream, role, limits and agreement the engine makes what the model makes, or
what the RFCs permit besides (``wsproto_core.testing.permitting``). What was given of a message
that did not end is what the model says, less a character that had begun.

Input: a ``Setup``, a byte that says whether there is compression and how the stream is meant
(as in ``deflate``), and the stream.
"""

from __future__ import annotations

from dataclasses import replace

from fuzz.endpoints import Endpoint
from fuzz.inputs import SIZES, Setup, Source
from fuzz.targets.deflate import frames_of
from wsproto_core.testing.outcomes import Failed
from wsproto_core.testing.permitting import permits

#: The model is slow on purpose.
MAX_SIZE = 1024
MAX_INFLATED = 4096


def check(data: bytes) -> None:
    source = Source(data[:MAX_SIZE])
    setup = Setup.read(source)
    way = source.byte() & 3
    deflate = way > 0
    if deflate and SIZES[setup.message_size] > MAX_INFLATED:
        setup = replace(setup, message_size=SIZES.index(MAX_INFLATED))
    stream = source.rest() if way < 2 else frames_of(source, masked=setup.role == "server")
    scenario = setup.scenario(stream, deflate=deflate)
    expected = scenario.reading()
    account = Endpoint(setup, setup.deflate if deflate else None).play(stream, setup.cut)
    if account.outcomes != expected.outcomes:
        allowed = permits(scenario, account.outcomes)
        assert allowed, f"{expected.outcomes} expected, not {account.outcomes}"
        return
    assert expected.unfinished.startswith(account.unfinished)
    failed = any(isinstance(outcome, Failed) for outcome in expected.outcomes)
    if not setup.whole and not failed:
        assert len(expected.unfinished) - len(account.unfinished) < 4
