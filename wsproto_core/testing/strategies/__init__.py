"""Hypothesis strategies for everything that travels over a WebSocket."""

from __future__ import annotations

__all__: list[str] = []
