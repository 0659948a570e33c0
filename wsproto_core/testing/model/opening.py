"""The opening handshake, read from RFC 6455 §4."""

from __future__ import annotations

from wsproto_core.testing.settings import Opening


def problems_of_request(request: bytes, opening: Opening) -> list[str]:
    """What is wrong with the request that a client has sent."""
    return []


def problems_of_response(response: bytes, request: bytes, opening: Opening) -> list[str]:
    """What is wrong with the response that a server has sent to *request*."""
    return []
