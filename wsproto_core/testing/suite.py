r"""The catalogue as tests, for those who want none of their own::

pytest -p wsproto_core.testing.pytest_plugin --websocket-adapter pkg.module:Adapter \
        --pyargs wsproto_core.testing.suite
"""

from __future__ import annotations

from .pytest_plugin import WebSocketCase


def test_case(websocket_case: WebSocketCase) -> None:
    """Each case of the catalogue."""
    websocket_case.check()
