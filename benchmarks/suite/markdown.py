"""Results as Markdown: ratios first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from suite.goals import GOALS, MEMORY_GOAL, judge, memory_held
from suite.results import MODES, OURS, Results, Row, Table

#: Those that are in the tables of the README; the rest is in the full tables.
MAIN_PEERS = ("wsproto", "websockets", "websockets (pure)", "aiohttp", "aiohttp (pure)", "picows")

NOTHING = "Not measured in this run.\n"


def number(value: float) -> str:
    """Three digits, or all of an integer part."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table whose first *left* columns are text."""
    marks = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, marks, *rows)) + "\n"


def ratio(row: Row, peer: str) -> str:
    """How many times as long as ours, with the quartiles; bold where ours is slower."""
    timing = row["timings"].get(peer)
    if timing is None:
        return "-"
    text = number(timing["ratio"])
    if timing["ratio"] < 1:
        text = f"**{text}**"
    return f"{text} ({number(timing['low'])} to {number(timing['high'])})"


def row_cells(row: Row, peers: Sequence[str]) -> list[str]:
    return [
        row["name"],
        *(ratio(row, peer) for peer in peers),
        number(row["timings"][OURS]["microseconds"]),
    ]


def header(peers: Sequence[str]) -> list[str]:
    return ["", *(f"x {peer}" for peer in peers), "ours, µs"]


def ratios(one: Table, peers: Sequence[str]) -> str:
    """One table of workloads. Peers that are in none of its rows are left out."""
    there = [peer for peer in peers if any(peer in row["timings"] for row in one["rows"])]
    return table(header(there), [row_cells(row, there) for row in one["rows"]])


def tables(results: Results, peers: Sequence[str] | None = None) -> str:
    """All of them, with their titles."""
    chosen = others(results) if peers is None else peers
    parts = []
    for one in results["tables"]:
        parts += [f"### {one['title']}\n", ratios(one, chosen)]
        sizes = sent_sizes(one)
        if sizes and one["title"].startswith("Compressed"):
            parts += ["Bytes on the wire for each message:\n", sizes]
    return "\n".join(parts)


def sent_sizes(one: Table) -> str:
    """What each made of a message, so that nobody wins by compressing less."""
    rows = [
        row for row in one["rows"] if any(t["sent"] is not None for t in row["timings"].values())
    ]
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row["timings"]))
    names = [name for name in names if "(pure)" not in name]
    cells = []
    for row in rows:
        sent = [row["timings"][name]["sent"] if name in row["timings"] else None for name in names]
        cells.append([row["name"], *("-" if s is None else f"{s:,.0f}" for s in sent)])
    return table(["", *names], cells)


def others(results: Results) -> list[str]:
    return [name for name in results["versions"] if name != OURS]


def goals(by_mode: Mapping[str, Results]) -> str:
    """Each goal with what was measured for it, in each mode."""
    rows = []
    for goal in GOALS:
        cells = []
        for mode in MODES:
            results = by_mode.get(mode)
            if results is None:
                wanted = ", ".join(
                    f"{number_wanted(floor)} x {peer}" for peer, floor in goal.floors(mode).items()
                )
                cells.append(f"({wanted})" if wanted else "")
                continue
            lines = []
            for verdict in judge(goal, results):
                mark = "✓" if verdict.met else "✗"
                lines.append(
                    f"{mark} **{number(verdict.measured)}** x {verdict.peer} "
                    f"({number_wanted(verdict.wanted)})"
                )
            cells.append("<br>".join(lines))
        rows.append([goal.title, *cells])
    cells = []
    for mode in MODES:
        held = memory_held(by_mode[mode]) if mode in by_mode else None
        mark = "✓" if held is not None and held <= MEMORY_GOAL else "✗"
        cells.append("" if held is None else f"{mark} **{held:,.0f}** B ({MEMORY_GOAL:,})")
    rows.append(["memory of an open connection, plain", *cells])
    return table(["", *MODES], rows, left=4)


def number_wanted(value: float) -> str:
    return f"{value:g}"


def verdict_line(by_mode: Mapping[str, Results]) -> str:
    """How many goals are met."""
    verdicts = [v for results in by_mode.values() for goal in GOALS for v in judge(goal, results)]
    met = sum(v.met for v in verdicts)
    return f"{met} of {len(verdicts)} ratios that were measured meet their goal.\n"


def losses(results: Results) -> str:
    """The rows in which a peer is faster than ours, by peer."""
    rows = []
    for peer in others(results):
        slower = [
            (timing["ratio"], row["name"])
            for one in results["tables"]
            for row in one["rows"]
            if (timing := row["timings"].get(peer)) and timing["ratio"] < 1
        ]
        if slower:
            worst, where = min(slower)
            count = sum(peer in row["timings"] for t in results["tables"] for row in t["rows"])
            rows.append([peer, f"{len(slower)} of {count}", f"{number(worst)}: {where}"])
    if not rows:
        return "None of the peers is faster in any row.\n"
    return table(["faster than ours", "rows", "the worst"], rows, left=3)


def memory(results: Results) -> str:
    """Bytes of an open connection."""
    rows = []
    for name in [OURS, *others(results)]:
        held = [case.get(name, "-") for case in results["memory"].values()]
        if any(not isinstance(value, str) for value in held):
            cells = ["-" if isinstance(value, str) else f"{value:,.0f}" for value in held]
            rows.append([name, *cells])
    return table(["bytes held", *results["memory"]], rows)


def growth(results: Results) -> str:
    """The exponents of the curves."""
    if not results["growth"]:
        return NOTHING
    rows = [
        [
            curve["title"],
            curve["x"],
            *(f"{curve['exponents'][name]:.2f}" for name in curve["exponents"]),
            f"{curve['limit']:g}",
        ]
        for curve in results["growth"]
    ]
    names = list(results["growth"][0]["exponents"])
    return table(["", "grows with", *names, "ours at most"], rows, left=2)


def instructions(results: Results) -> str:
    """Instructions for one message, and how many times ours."""
    counts = results["instructions"]
    if not counts:
        return NOTHING
    names = list(dict.fromkeys(name for row in counts.values() for name in row))
    rows = []
    for row, by_peer in counts.items():
        cells = [
            f"{by_peer[name] / by_peer[OURS]:.2f}" if name in by_peer else "-"
            for name in names
            if name != OURS
        ]
        rows.append([row, *cells, f"{by_peer[OURS]:,.0f}"])
    return table(["", *(f"x {n}" for n in names if n != OURS), "ours, instructions"], rows)


def machine(results: Results) -> str:
    """Where it was measured, and with what."""
    where = results["environment"]
    versions = ", ".join(
        f"{name} {version}" for name, version in results["versions"].items() if "(" not in name
    )
    return (
        f"{where['python']}, {where['system']}, {where['processor']}; {versions}; "
        f"{where['effort']} a row.\n"
    )


def peers(results: Results) -> str:
    """The libraries: who checks text, and what to know."""
    rows = [
        [name, results["versions"][name], results["utf8"][name], results["notes"][name]]
        for name in results["versions"]
    ]
    return table(["", "version", "UTF-8 checked by its", ""], rows, left=4)


def sections(by_mode: Mapping[str, Results]) -> dict[str, str]:
    """What goes between the markers of a document, by their names."""
    first = next(iter(by_mode.values()))
    return {
        "machine": machine(first),
        "goals": goals(by_mode) + "\n" + verdict_line(by_mode),
        "peers": peers(first),
        "tables": tables(first, MAIN_PEERS),
        "memory": memory(first),
        "growth": growth(first),
        "instructions": instructions(first),
        "losses": "\n".join(
            f"{mode} ({MODES[mode]}):\n\n{losses(results)}" for mode, results in by_mode.items()
        ),
        "session": first["session"].strip() or NOTHING,
    }


def report(by_mode: Mapping[str, Results]) -> str:
    """All figures of all modes, as one document."""
    parts = ["# Figures\n", "Written by `benchmarks/all.py`.\n"]
    shared = sections(by_mode)
    for name in ("machine", "goals", "peers", "memory", "growth", "instructions", "losses"):
        parts += [f"## {name.title()}\n", shared[name]]
    for mode, results in by_mode.items():
        ends = results["environment"]["back ends"]
        parts.append(f"## {mode}: {MODES[mode]}{f' ({ends})' if ends else ''}\n")
        parts.append(tables(results))
    parts += ["## Session\n", shared["session"].strip() + "\n"]
    return "\n".join(parts)


def fill(document: str, texts: Mapping[str, str]) -> str:
    """*document* with each text between its markers::

        <!-- figures: goals -->
        <!-- end of figures -->

    Raises :exc:`ValueError` for a marker that has no end, or no text.
    """
    out = []
    at = 0
    end = "<!-- end of figures -->"
    start = "<!-- figures: "
    while (begin := document.find(start, at)) >= 0:
        close = document.find("-->", begin)
        name = document[begin + len(start) : close].strip()
        stop = document.find(end, close)
        if close < 0 or stop < 0 or name not in texts:
            raise ValueError(f"bad marker: {document[begin : begin + 60]!r}")
        out += [document[at : close + 3], "\n\n", texts[name].strip(), "\n\n", end]
        at = stop + len(end)
    return "".join([*out, document[at:]])
