"""What a server has to write around three libraries: the table in the README.

python -m docs.embedding_table           # print it
python -m docs.embedding_table --write   # put it into the README

Lines are counted in ``examples/embedding``. Who does what is said here, and that it is
done, is shown by the tests that are named with it, which are those of all three.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
EXAMPLES = ROOT / "examples" / "embedding"

#: The modules, and what each is written with.
EMBEDDINGS = {
    "on_wsproto": "wsproto 1.3",
    "on_websockets": "websockets, sans-I/O",
    "on_session": "`Session`",
}

LIBRARY, BOTH, YOU, NO = "library", "both", "you", "no"


class Duty(NamedTuple):
    """Something that a server has to see to, and who does."""

    text: str
    #: In the order of the modules. BOTH: the library says what, or does a part.
    who: tuple[str, str, str]
    #: In tests/integration/test_embedding.py.
    tests: tuple[str, ...]


DUTIES = [
    Duty(
        "A bad handshake is answered with an HTTP error",
        (BOTH, BOTH, LIBRARY),
        ("test_bad_handshake_is_answered",),
    ),
    Duty(
        "Handshake deadline, the application's answer included",
        (YOU, YOU, LIBRARY),
        ("test_handshake_deadline", "test_application_that_does_not_answer_in_time"),
    ),
    Duty(
        "Accepted or rejected late; what comes meanwhile is kept, to a limit",
        (YOU, YOU, LIBRARY),
        ("test_accepted_late", "test_rejected_late", "test_early_data_has_a_limit"),
    ),
    Duty("Fragments assembled", (YOU, YOU, LIBRARY), ("test_fragments_are_assembled",)),
    Duty(
        "Pings between compressed fragments do no harm",
        (NO, LIBRARY, LIBRARY),
        ("test_ping_within_a_compressed_message",),
    ),
    Duty("Size limit of messages (1009)", (YOU, LIBRARY, LIBRARY), ("test_too_big_a_message",)),
    Duty(
        "Nothing inflates beyond it by much",
        (YOU, LIBRARY, LIBRARY),
        ("test_too_big_once_inflated",),
    ),
    Duty("Rate limit of messages (1008)", (YOU, YOU, LIBRARY), ("test_too_many_messages",)),
    Duty("Pong for ping", (YOU, LIBRARY, LIBRARY), ("test_ping_is_answered",)),
    Duty("A flood of pings piles nothing up", (YOU, YOU, BOTH), ("test_flood_of_pings",)),
    Duty(
        "Heartbeat, and its latency",
        (YOU, YOU, LIBRARY),
        ("test_heartbeat_measures_latency", "test_peer_without_a_pulse"),
    ),
    Duty("Idle timeout", (YOU, YOU, LIBRARY), ("test_idle_timeout",)),
    Duty(
        "Back-pressure, both ways",
        (YOU, YOU, BOTH),
        ("test_peer_that_does_not_read_is_not_read", "test_application_waits_until_it_may_write"),
    ),
    Duty("The peer's Close is answered", (YOU, LIBRARY, LIBRARY), ("test_peer_closes",)),
    Duty("A peer at fault is told so (1002, 1007)", (YOU, BOTH, LIBRARY), ("test_peer_at_fault",)),
    Duty(
        "A message that comes with the Close can still be answered",
        (LIBRARY, NO, LIBRARY),
        ("test_message_that_comes_with_the_close",),
    ),
    Duty("Close deadline", (YOU, BOTH, LIBRARY), ("test_close_deadline",)),
    Duty(
        "The end of the transport (§7.1.1), and its deadline",
        (YOU, BOTH, BOTH),
        ("test_nothing_is_lost_in_the_end", "test_peer_that_does_not_end_its_transport"),
    ),
    Duty(
        "One report of the end: codes, reason, clean or not, by whom",
        (YOU, BOTH, LIBRARY),
        ("test_peer_closes", "test_application_closes", "test_reset"),
    ),
    Duty("Counters", (YOU, YOU, LIBRARY), ("test_counters",)),
    Duty("Sending after the end is harmless", (YOU, YOU, YOU), ("test_send_after_close",)),
    Duty("A failing application ends with 1011", (YOU, YOU, YOU), ("test_application_that_fails",)),
]


def can(module: str, test: str) -> bool:
    """Whether a module does what this test is about."""
    column = list(EMBEDDINGS).index(module)
    return all(duty.who[column] != NO for duty in DUTIES if test in duty.tests)


def code_lines(source: str) -> int:
    """How many lines have code in them: not blank, no comment, no docstring."""
    lines: set[int] = set()
    noise = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in noise:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                assert first.end_lineno is not None
                lines.difference_update(range(first.lineno, first.end_lineno + 1))
    return len(lines)


def branches(source: str) -> int:
    """How often the code decides which way to go: what there is to get wrong, and to test."""
    count = 0
    for node in ast.walk(ast.parse(source)):
        if isinstance(
            node,
            ast.If
            | ast.IfExp
            | ast.For
            | ast.While
            | ast.match_case
            | ast.ExceptHandler
            | ast.comprehension,
        ):
            count += 1
        elif isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
    return count


def attributes(source: str) -> int:
    """How many attributes each connection begins with: what has to be kept right."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            names.update(
                part.attr
                for part in ast.walk(node)
                if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
            )
    return len(names)


def table() -> str:
    """The table, as Markdown."""
    sources = [(EXAMPLES / f"{module}.py").read_text() for module in EMBEDDINGS]
    rows = [
        ("", *EMBEDDINGS.values()),
        ("---", *["---:"] * len(EMBEDDINGS)),
        ("**Lines of code**", *(f"**{code_lines(source)}**" for source in sources)),
        ("**Branches**", *(f"**{branches(source)}**" for source in sources)),
        ("**Attributes of a connection**", *(f"**{attributes(source)}**" for source in sources)),
        *((duty.text, *duty.who) for duty in DUTIES),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    if "--write" not in sys.argv[1:]:
        print(table(), end="")
        return
    begin, end = "<!-- embedding table -->\n", "<!-- /embedding table -->"
    changed, count = re.subn(
        f"{begin}.*?{end}",
        lambda _: f"{begin}{table()}{end}",
        README.read_text(),
        flags=re.DOTALL,
    )
    if count != 1:
        sys.exit("README.md has no markers of an embedding table")
    README.write_text(changed)


if __name__ == "__main__":
    main()
