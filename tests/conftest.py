"""Settings for every test: hypothesis repeats itself, and prints how to repeat a failure."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

import wsproto_core

settings.register_profile(
    "default",
    deadline=None,  # this measures nothing: machines that run tests are shared
    print_blob=True,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For hunting: HYPOTHESIS_PROFILE=hunt pytest tests/test_properties.py
settings.register_profile(
    "hunt", settings.get_profile("default"), derandomize=False, max_examples=20_000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# This imports them, which must not happen while a test measures memory.
BACK_ENDS = wsproto_core.back_ends()


def pytest_report_header() -> str:
    """Which back ends are tested."""
    return f"wsproto_core: {BACK_ENDS}"
