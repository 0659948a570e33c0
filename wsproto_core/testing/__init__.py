"""A conformance kit for any WebSocket implementation."""

from __future__ import annotations

__all__: list[str] = []
