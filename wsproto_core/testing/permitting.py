"""What an endpoint may make of a stream: what the model says, or what the RFCs leave open.

Owns the comparison of what was seen with what the model expects of a
:class:`~.scenarios.Scenario`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .model import failing
from .outcomes import Failed, Outcome
from .scenarios import Scenario


def permits(scenario: Scenario, seen: Sequence[Outcome]) -> bool:
    """Whether *seen* is what the model makes of the stream, but for what it cannot know.

    Those are properties of zlib that depend on how the data arrive:

    - A match that goes back beyond the window that was agreed on is noticed if, and only if,
      the output at hand does not reach so far back. RFC 7692 asks no receiver to notice it.
    - Of a piece of data that is both too big when inflated and corrupt, either is noticed.
    """
    expected = scenario.reading().outcomes
    found = list(seen)
    if found == expected:
        return True
    match expected:
        case [*before, Failed(why=failing.BEYOND_WINDOW)]:
            return found[: len(before)] == before
        case [*before, Failed(why=failing.INFLATED_SIZE)] if found[:-1] == before:
            unlimited = replace(scenario.limits, max_message_size=2**63)
            match replace(scenario, limits=unlimited).reading().outcomes:
                case [*others, Failed(why=failing.NOT_DEFLATE | failing.BEYOND_WINDOW) as end]:
                    return others == before and found[-1] == end
    return False
