"""Coverage-guided fuzzing of the engine: see README.md."""

from __future__ import annotations
