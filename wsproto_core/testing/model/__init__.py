"""The reference model: the RFCs read slowly and literally, sharing no code with any engine."""

from __future__ import annotations

from .receiving import judge, read

__all__ = ["judge", "read"]
