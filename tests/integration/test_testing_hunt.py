"""Without a single case, the kit finds what is wrong with released implementations, and cuts it
down to the shortest bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.peers.websockets_adapter import SansIOAdapter
from tests.peers.wsproto_adapter import WsprotoAdapter
from wsproto_core.testing.adapter import Adapter
from wsproto_core.testing.hunting import Finding, hunt, size_of

pytestmark = pytest.mark.integration

#: By implementation: how many examples of each property it takes, and what is found: the
#: property, the beginning of the fault's kind, and how long its shortest example may be.
KNOWN: dict[str, tuple[int, list[tuple[str, str, int]]]] = {
    "wsproto": (
        300,
        [
            # 1014 is refused.
            ("streams", "close expected, failure 1002 seen", 20),
            # Nothing bounds what a frame declares.
            ("streams", "failure 1009 (frame size) expected, nothing seen", 30),
            # A Ping between compressed fragments.
            ("deflate", "binary message expected, binary message seen", 40),
            ("server", "426 without Upgrade", 90),
            ("server", "Accepted seen, where the model says reject: the key", 250),
            ("server", "Rejected seen, where the model says accept", 250),
            ("server", "behind the handshake: text message expected, nothing seen", 250),
            ("client", "Accepted seen, where the model says reject", 250),
        ],
    ),
    "websockets": (
        150,
        [
            ("streams", "failure 1007 (UTF-8) expected, text message seen", 20),
            ("streams", "failure 1002 (fragmented or long control frame) expected, nothing", 20),
        ],
    ),
}
ADAPTERS: dict[str, Callable[[], Adapter]] = {
    "wsproto": WsprotoAdapter,
    "websockets": SansIOAdapter,
}


@cache
def found_in(name: str) -> tuple[Finding, ...]:
    return tuple(hunt(ADAPTERS[name](), examples=KNOWN[name][0]))


@pytest.mark.parametrize(
    ("name", "target", "kind", "size"),
    [(name, *known) for name, (_, faults) in KNOWN.items() for known in faults],
)
def test_known_fault_is_found_and_shrunk(name: str, target: str, kind: str, size: int) -> None:
    findings = [
        finding
        for finding in found_in(name)
        if finding.target == target and finding.kind.startswith(kind)
    ]
    assert findings, [finding.kind for finding in found_in(name)]
    assert min(size_of(finding.example) for finding in findings) <= size, findings[0].text


def test_at_least_ten_kinds() -> None:
    kinds = {(name, found.kind) for name in KNOWN for found in found_in(name)}
    assert len(kinds) >= 10, kinds
