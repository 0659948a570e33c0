"""The requirement matrix as a page: ``python -m docs.requirements_table [--write]``.

Prints it, or writes docs/requirements.md. A test says if that is not what this makes.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from wsproto_core.testing.catalogue import catalogue
from wsproto_core.testing.matrix import Row, matrix

PAGE = Path(__file__).parent / "requirements.md"

INTRODUCTION = """# What the RFCs require, and what checks it

Every MUST, MUST NOT, SHOULD and SHOULD NOT of RFC 6455 and RFC 7692 that concerns an endpoint,
with the cases of the [conformance kit](conformance.md) that check it, and the properties; or the
reason why bytes in and bytes out cannot show it. `python -m wsproto_core.testing --show CASE`
explains a case. Made by `python -m docs.requirements_table --write`.
"""

#: Names of cases in a row.
MOST = 3


def page() -> str:
    """The whole page, in Markdown."""
    rows = matrix(catalogue())
    checked = sum(1 for row in rows if row.cases or row.properties)
    parts = [
        INTRODUCTION,
        f"{len(rows)} requirements: {checked} are checked, {len(rows) - checked} cannot be.\n",
    ]
    for section, of_section in groupby(rows, key=lambda row: row.requirement.section):
        parts.append(f"## {section}\n")
        parts.append("| | level | who | what | checked by |\n|---|---|---|---|---|")
        parts.append("\n".join(_line(row) for row in of_section) + "\n")
    return "\n".join(parts)


def _line(row: Row) -> str:
    requirement = row.requirement
    cells = [
        requirement.id,
        requirement.level.value + (" (implied)" if requirement.implied else ""),
        " and ".join(sorted(requirement.roles)),
        requirement.title,
        _checks(row),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _checks(row: Row) -> str:
    names = [f"`{name}`" for name in row.cases[:MOST]]
    if len(row.cases) > MOST:
        names.append(f"{len(row.cases) - MOST} more")
    names += [f"property `{name}`" for name in row.properties]
    return ", ".join(names) or "*not checked:* " + row.requirement.unchecked


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(page())
