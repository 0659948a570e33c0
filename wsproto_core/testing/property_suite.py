r"""The properties as tests, for those who want none of their own::

pytest -p wsproto_core.testing.pytest_plugin --websocket-adapter pkg.module:Adapter \
        --pyargs wsproto_core.testing.property_suite

How many examples the properties try, and from which seed, is hypothesis's to say:
``--hypothesis-seed``, and profiles with ``max_examples``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .adapter import Adapter, Unsupported
from .chunking import Chunking
from .outcomes import DEFAULT_LIMITS, Role
from .properties import (
    check_bad_uris,
    check_chunking,
    check_conversation,
    check_nonces,
    check_opening,
    check_stream,
)
from .scenarios import Scenario
from .strategies.conversations import Conversation, conversations
from .strategies.openings import opening_scenarios
from .strategies.streams import chunkings, scenarios

_EXAMPLES: Final = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def _checked(
    check: Callable[[Adapter, Scenario, Chunking], Any],
    adapter: Adapter,
    scenario: Scenario,
    chunking: Chunking,
) -> None:
    """Check it with the limits of the scenario, if the implementation can be given any."""
    try:
        check(adapter, scenario, chunking)
    except Unsupported:
        check(adapter, replace(scenario, limits=DEFAULT_LIMITS), chunking)


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@_EXAMPLES
@given(data=st.data(), chunking=chunkings())
def test_streams(
    websocket_adapter: Adapter, deflate: bool, data: st.DataObject, chunking: Chunking
) -> None:
    """Whatever a peer sends is read, and answered, as the reference model reads it."""
    scenario = data.draw(scenarios(deflate=deflate))
    try:
        _checked(check_stream, websocket_adapter, scenario, chunking)
        _checked(check_chunking, websocket_adapter, scenario, chunking)
    except Unsupported as missing:
        pytest.skip(str(missing))


@_EXAMPLES
@given(conversation=conversations())
def test_conversations(websocket_adapter: Adapter, conversation: Conversation) -> None:
    """Whatever one endpoint sends, the other reports, and so does the model."""
    try:
        check_conversation(websocket_adapter, websocket_adapter, conversation)
    except Unsupported:
        plain = replace(conversation, deflate=None)
        try:
            check_conversation(websocket_adapter, websocket_adapter, plain)
        except Unsupported as missing:
            pytest.skip(str(missing))


@pytest.mark.parametrize("role", ["server", "client"])
@_EXAMPLES
@given(data=st.data(), chunking=chunkings())
def test_openings(
    websocket_adapter: Adapter, role: Role, data: st.DataObject, chunking: Chunking
) -> None:
    """An opening handshake, right or wrong, comes to what the model allows."""
    try:
        check_opening(websocket_adapter, data.draw(opening_scenarios(role)), chunking)
    except Unsupported as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("check", [check_nonces, check_bad_uris], ids=["nonces", "bad URIs"])
def test_requests(websocket_adapter: Adapter, check: Callable[[Adapter], None]) -> None:
    """Requests have nonces of their own, and none is sent for what is no URI."""
    try:
        check(websocket_adapter)
    except Unsupported as missing:
        pytest.skip(str(missing))
