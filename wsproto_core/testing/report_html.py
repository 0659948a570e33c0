"""Results as one page: a table of cases against implementations.

The page is :file:`report.html` with the results in it. It needs no network and runs no script
but its own, which its Content-Security-Policy names by its hash. Owns how the results are put
into the page, and kept small: what is equal is there once, and all is compressed. Must not know
how they come about.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import fields
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any, Final
from zlib import compress

from .annotating import Line
from .results import CaseRecord, ResultRecord, RunRecord, said

_INLINE: Final = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
#: Lines that are kept of a stream.
_LINES: Final = 32


def to_html(run: RunRecord, *, title: str = "WebSocket conformance") -> str:
    """The run as a page of its own, in ASCII."""
    template = files(__package__).joinpath("report.html").read_text(encoding="ascii")
    values = {
        "title": escape(title).encode("ascii", "xmlcharrefreplace").decode(),
        "policy": _policy(template),
        # Thousands of cases are much alike: a tenth of the size is left.
        "data": b64encode(
            compress(json.dumps(_data(run), separators=(",", ":")).encode())
        ).decode(),
    }
    return re.sub("@@([a-z]+)@@", lambda match: values[match[1]], template)


def _policy(template: str) -> str:
    """What the page may do: run its own script, and have its own style."""
    allowed = {"script": "", "style": ""}
    for kind, content in _INLINE.findall(template):
        digest = b64encode(sha256(content.encode()).digest()).decode()
        allowed[kind] += f" 'sha256-{digest}'"
    sources = "; ".join(f"{kind}-src{hashes}" for kind, hashes in allowed.items())
    return f"default-src 'none'; base-uri 'none'; form-action 'none'; {sources}"


def _data(run: RunRecord) -> dict[str, Any]:
    """What the page's script reads."""
    pool: dict[str, tuple[int, dict[str, Any]]] = {}
    implementations = []
    for which in run.implementations:
        index = {
            result.case: pool.setdefault(_key(result), (len(pool), _result(result)))[0]
            for result in which.results
        }
        implementations.append(
            {
                "name": which.name,
                "version": which.version,
                "how": which.how,
                "results": [index.get(case.id, -1) for case in run.cases],
            }
        )
    return {
        "kit": run.kit,
        "seed": run.seed,
        "requirements": {
            entry.id: {
                "section": entry.section,
                "level": entry.level,
                "title": entry.title,
                "text": entry.text,
            }
            for entry in run.requirements
        },
        "cases": [_case(case) for case in run.cases],
        "implementations": implementations,
        "pool": [result for _, result in pool.values()],
    }


def _case(case: CaseRecord) -> dict[str, Any]:
    values = {each.name: getattr(case, each.name) for each in fields(case)}
    steps = [{"text": step.text, "lines": _few(step.lines)} for step in case.steps]
    return values | {"level": case.level.value, "steps": steps}


def _key(result: ResultRecord) -> str:
    """What tells results apart: not what a client has drawn at random."""
    sent = [said(attempt.sent) for attempt in result.attempts]
    return json.dumps([_result(result, with_bytes=False), sent])


def _result(result: ResultRecord, *, with_bytes: bool = True) -> dict[str, Any]:
    # Unless only the ways differ, the result says no more than an attempt.
    told = any(attempt.verdict is result.verdict for attempt in result.attempts)
    return {
        "verdict": int(result.verdict),
        "why": "" if told else result.why,
        "attempts": [
            {
                "ways": attempt.ways,
                "verdict": int(attempt.verdict),
                "why": attempt.why,
                "seen": attempt.seen,
                "closed": attempt.closed,
                "sent": _few(attempt.sent) if with_bytes else (),
            }
            for attempt in result.attempts
        ],
    }


def _few(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    if len(lines) <= _LINES:
        return lines
    return (*lines[:_LINES], Line(lines[_LINES].offset, "", "..."))
