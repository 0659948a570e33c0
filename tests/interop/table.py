"""What was found, kept in docs/interop.json, and the pages that are made of it.

Owns the record, docs/interop.md, and the short table for the README. Must not know how anything
is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from .peer_api import ROOT, SCENARIOS, Peer, Role
from .proxies import HAPROXY, NGINX
from .running import Deflate, Outcome, Pair, Verdict
from .scenarios import BY_NAME

RECORD: Final = ROOT / "docs" / "interop.json"
PAGE: Final = ROOT / "docs" / "interop.md"
README: Final = ROOT / "README.md"
BEGIN: Final = "<!-- interop table -->\n"
END: Final = "<!-- /interop table -->"

#: What came of a pair's scenarios, with and without permessage-deflate.
Outcomes = Mapping[str, Mapping[Deflate, Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A pair, as it was run."""

    id: str
    #: With its version, of whom the pair is: the peer, or the proxy.
    label: str
    version: str
    #: What it is: "client", "server" or "proxy".
    role: str
    #: The transport; of a proxy, the one between it and our server.
    over: str
    #: Who is the client of a proxy, with its version; "" for others.
    client: str = ""
    #: What has to be said to a scenario, or to "deflate", whatever came of it.
    remarks: Mapping[str, str] = field(default_factory=dict)
    #: By the scenario, then "deflate" and "plain": the verdict and why. What is known of a
    #: peer's fault stands in place of what was seen.
    cells: Mapping[str, Mapping[str, tuple[str, str]]]

    def verdicts(self, scenario: str) -> tuple[tuple[str, str], tuple[str, str]]:
        """With permessage-deflate and without, each with its reason."""
        cell = self.cells[scenario]
        return cell["deflate"], cell["plain"]


def row_of(pair: Pair, outcomes: Outcomes) -> Row:
    """What is recorded of a pair; asks for the versions."""
    who = pair.proxy or pair.peer
    assert who is not None
    client = ""
    if pair.proxy is not None:
        client = "our client" if pair.peer is None else f"{pair.peer.label} {pair.peer.version()}"
    cells = {
        name: {
            "deflate" if deflate else "plain": (
                outcome.verdict.value,
                pair.known_fault(name, deflate) or outcome.why
                if outcome.verdict is Verdict.FAIL
                else outcome.why,
            )
            for deflate, outcome in by_deflate.items()
        }
        for name, by_deflate in outcomes.items()
    }
    return Row(
        id=pair.id,
        label=who.label,
        version=who.version(),
        role=pair.role.value if pair.proxy is None else "proxy",
        over=str(pair.transport),
        client=client,
        remarks={} if pair.peer is None else dict(_remarks(pair.peer, pair.role)),
        cells=cells,
    )


#: Where it shows that a client cannot tell something.
_TOLD_IN: Final = {
    "status": "rejected",
    "extensions": "deflate",
    "close": "server-closes",
    "answer": "client-closes",
    "pong": "ping",
}


def _remarks(peer: Peer, role: Role) -> Iterable[tuple[str, str]]:
    if role is Role.CLIENT:
        for what, why in peer.cannot_tell.items():
            yield _TOLD_IN[what], f"as our server saw it: {why}"
    if peer.answers_close_with is not None:
        first = "client-closes" if role is Role.SERVER else "server-closes"
        yield first, f"{peer.label} answers any Close with {peer.answers_close_with}"


# The record --------------------------------------------------------------------------------


def read_record(path: Path = RECORD) -> dict[str, Row]:
    """The rows that are there, by their ids."""
    if not path.exists():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return {row["id"]: row_from(row) for row in rows}


def row_from(data: Mapping[str, Any]) -> Row:
    """A row, from JSON."""
    cells = {
        name: {half: (verdict, why) for half, (verdict, why) in halves.items()}
        for name, halves in data["cells"].items()
    }
    return Row(**{**data, "cells": cells})


def write_record(rows: Iterable[Row], path: Path = RECORD) -> None:
    """Record them, in this order."""
    text = json.dumps({"rows": [asdict(row) for row in rows]}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def merged(old: Mapping[str, Row], new: Iterable[Row], order: Sequence[str]) -> list[Row]:
    """New rows in place of old ones, in the order of all pairs that there are."""
    rows = {**old, **{row.id: row for row in new}}
    return [rows[id_] for id_ in order if id_ in rows]


# The page ----------------------------------------------------------------------------------


class Notes:
    """Footnotes, each reason once."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def mark(self, reason: str) -> str:
        """The mark that stands in a cell."""
        number = self.numbers.setdefault(reason, len(self.numbers) + 1)
        return f" [{number}](#note-{number})"

    def text(self) -> str:
        """All of them, in order."""
        return "".join(
            f'{number}. <a id="note-{number}"></a>{_sentence(reason)}\n'
            for reason, number in self.numbers.items()
        )


def _sentence(reason: str) -> str:
    text = reason[0].upper() + reason[1:] if reason.startswith(("the ", "its ", "as ")) else reason
    return text if text.endswith((".", ")")) else f"{text}."


def never_deflates(row: Row) -> str | None:
    """Why permessage-deflate is never run with it, if that is one reason; or None."""
    reasons = {row.verdicts(name)[0] for name in row.cells if row.verdicts(name)[1][0] != "n/a"}
    verdicts = {verdict for verdict, _ in reasons}
    return reasons.pop()[1] if len(reasons) == 1 and verdicts == {"n/a"} else None


def cell(row: Row, scenario: str, notes: Notes) -> str:
    """Both halves of a scenario, in one word and notes."""
    remark = row.remarks.get(scenario)
    verdict = _verdict(row, scenario, notes)
    return verdict + (notes.mark(remark) if remark and not verdict.startswith("n/a") else "")


def _verdict(row: Row, scenario: str, notes: Notes) -> str:
    deflate, plain = row.verdicts(scenario)
    if deflate == plain or (deflate[0] == "n/a" and never_deflates(row)):
        verdict, why = plain
        return verdict + (notes.mark(why) if why else "")
    marks = ""
    for half, (verdict, why) in (("with", deflate), ("without", plain)):
        if why:
            where = f"{half} permessage-deflate"
            marks += notes.mark(f"{verdict} {where}: {why.removeprefix(f'{where}, ')}")
    verdicts = {deflate[0], plain[0]}
    worst = next(each for each in ("FAIL", "ok", "n/a") if each in verdicts)
    return worst + marks


def table(rows: Sequence[Row], notes: Notes) -> str:
    """A line a pair, a column a scenario."""
    proxies = any(row.client for row in rows)
    head = ["", "client", "to our server over"] if proxies else ["", "it is the", "over"]
    lines = [
        [*head, "deflate", *(BY_NAME[name].title for name in SCENARIOS)],
        ["---"] * (4 + len(SCENARIOS)),
    ]
    for row in rows:
        reason = never_deflates(row)
        deflate = "with and without" if reason is None else f"without{notes.mark(reason)}"
        if remark := row.remarks.get("deflate"):
            deflate += notes.mark(remark)
        cells = [cell(row, name, notes) for name in SCENARIOS]
        who = row.client or row.role
        lines.append([f"{row.label} {row.version}", who, row.over, deflate, *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


INTRODUCTION: Final = """\
# Who it was run with

This library, on the transports of [`examples/transports`](../examples/transports), with other
people's servers, clients and proxies: each pair really run over loopback. Written by
`python -m tests.interop --write` from [interop.json](interop.json).

It needs `pip install -e '.[integration]'` and Debian's `chromium nodejs npm nginx haproxy
libmojolicious-perl gcc libc6-dev pkg-config libssl-dev libwebsockets-dev libwslay-dev openssl`;
`--list` says what is missing, and what is missing is left out, and said so.

Each scenario is run with permessage-deflate and without, and judged by what *both* ends saw: the
messages byte by byte (their SHA-256), the extension agreed on, fragments and pings as they
arrived, the close codes and reasons each way, who closed first, and the status of a refusal.
**ok** is for both ways; **n/a** stands for what the peer's API cannot do, and is never run.
"""

WHAT: Final = """\
## The scenarios

- **small**: text with a letter beyond ASCII, then all 256 bytes, echoed; **empty**: a text and a
  binary message of no bytes; **1 MiB**: a text and a binary message of exactly the default limit.
- **fragments to the server**, **to the client**: a text message in three fragments.
- **ping by the client**, **by the server**: until the pong with its payload has come.
- **closed by the client**: 4001 `bye`; **closed by the server**: 3456 `enough`. The end that
  answers echoes the code.
- **refused**: status 403 in place of the handshake.
"""


BEHIND: Final = f"""\
## Behind nginx and HAProxy

The configurations that the proxies above were run with. Their idle times must be above the time
between heartbeats, `SessionConfig.ping_interval`: 20 s unless said otherwise. What to add for wss,
and for WebSockets over HTTP/2 by HAProxy, is in
[`tests/interop/proxies.py`](../tests/interop/proxies.py).

```nginx
{NGINX}```

```haproxy
{HAPROXY}```
"""


def page(rows: Sequence[Row]) -> str:
    """docs/interop.md."""
    notes = Notes()
    peers = table([row for row in rows if row.role != "proxy"], notes)
    proxies = table([row for row in rows if row.role == "proxy"], notes)
    parts = [INTRODUCTION, "\n", peers]
    if proxies.count("\n") > 2:
        parts += ["\n## Through proxies\n\n", proxies]
    parts += ["\n", WHAT, "\n", BEHIND]
    if notes.numbers:
        parts += ["\n## Notes\n\n", notes.text()]
    return "".join(parts)


# The README --------------------------------------------------------------------------------


def score(row: Row) -> str:
    """In how many of the scenarios that can be run all is ok."""
    run = passed = 0
    for name in row.cells:
        verdicts = [verdict for verdict, _ in row.verdicts(name) if verdict != "n/a"]
        run += bool(verdicts)
        passed += bool(verdicts) and set(verdicts) == {"ok"}
    return f"{passed} of {run}" + (", no deflate" if never_deflates(row) else "")


def short(rows: Sequence[Row]) -> str:
    """What stands between the README's markers."""
    lines: dict[str, dict[str, str]] = {}
    proxies: dict[str, list[str]] = {}
    for row in rows:
        who = f"{row.label} {row.version}" + (f", {row.over}" if row.over != "ws" else "")
        if row.role == "proxy":
            proxies.setdefault(who, []).append(f"{score(row)} with {row.client}")
        else:
            lines.setdefault(who, {})[row.role] = score(row)
    text = "| | as client of our server | as server of our client |\n| --- | --- | --- |\n"
    for who, by_role in lines.items():
        text += f"| {who} | {' | '.join(by_role.get(role.value, '') for role in Role)} |\n"
    if proxies:
        found = "; ".join(f"{who}: {' and '.join(scores)}" for who, scores in proxies.items())
        text += f"\nThrough proxies, to our server: {found}.\n"
    return text


def put(text: str, path: Path = README) -> bool:
    """Put *text* between the markers of a file; whether it has any."""
    before = path.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    after, count = pattern.subn(lambda _: BEGIN + text + END, before)
    if count:
        path.write_text(after, encoding="utf-8")
    return bool(count)
