"""Nothing that the RFCs require of an endpoint is left out of the kit without a reason."""

from __future__ import annotations

import pytest

from docs.requirements_table import PAGE, page
from wsproto_core.testing import properties
from wsproto_core.testing.catalogue import catalogue
from wsproto_core.testing.matrix import PROPERTIES, Row, matrix
from wsproto_core.testing.requirements import REQUIREMENTS

ROWS = matrix(catalogue())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.requirement.id)
def test_checked_or_a_reason_why_not(row: Row) -> None:
    assert bool(row.cases or row.properties) is not bool(row.requirement.unchecked)


def test_all_are_there() -> None:
    assert [row.requirement.id for row in ROWS] == list(REQUIREMENTS)


def test_properties_exist_and_name_requirements() -> None:
    for name, identities in PROPERTIES.items():
        assert callable(getattr(properties, name))
        assert set(identities) <= set(REQUIREMENTS)
    assert set(properties.REQUIREMENT_OF.values()) <= set(PROPERTIES["check_stream"])


def test_the_page_is_what_is_made_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m docs.requirements_table --write"
