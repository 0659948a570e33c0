"""What mutants of the engine's core have shown to be untested (tests/mutation)."""

from __future__ import annotations
