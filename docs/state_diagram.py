"""The diagram of a connection's states, drawn from the table that the engine runs on.

python -m docs.state_diagram           # print it
python -m docs.state_diagram --write   # put it into the README
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from wsproto_core.states import TRANSITIONS, ConnectionState

README = Path(__file__).parent.parent / "README.md"


def diagram() -> str:
    """The transitions as Mermaid: an arrow for each pair of states, inputs as its label."""
    arrows: dict[tuple[ConnectionState, ConnectionState], list[str]] = {}
    for (before, event), after in TRANSITIONS.items():
        arrows.setdefault((before, after), []).append(event.value)
    lines = ["stateDiagram-v2", "    [*] --> CONNECTING"]
    for (before, after), inputs in arrows.items():
        lines.append(f"    {before.name} --> {after.name}: {'<br>'.join(inputs)}")
    lines.append("    CLOSED --> [*]")
    return "\n".join(lines) + "\n"


def main() -> None:
    if "--write" not in sys.argv[1:]:
        print(diagram(), end="")
        return
    text = README.read_text()
    block = f"```mermaid\n{diagram()}```"
    changed, count = re.subn(r"```mermaid\n.*?```", lambda _: block, text, flags=re.DOTALL)
    if count != 1:
        sys.exit("README.md has no mermaid block")
    README.write_text(changed)


if __name__ == "__main__":
    main()
