"""Plots as SVG, written by hand: nothing is needed to make them, and they follow the
reader's colour scheme.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from suite.growth import Curve
from suite.markdown import number
from suite.results import OURS, Results, rows_of

WIDTH = 860

#: Light and dark, for each role that a colour has.
COLOURS = {
    "page": ("#ffffff", "#0d1117"),
    "text": ("#1f2328", "#e6edf3"),
    "faint": ("#59636e", "#9198a1"),
    "grid": ("#d1d9e0", "#3d444d"),
    "s0": ("#0550ae", "#79c0ff"),
    "s1": ("#bc4c00", "#ffa657"),
    "s2": ("#116329", "#7ee787"),
    "s3": ("#8250df", "#d2a8ff"),
}


def style() -> str:
    def rules(which: int) -> str:
        colours = {name: pair[which] for name, pair in COLOURS.items()}
        lines = [f".page{{fill:{colours['page']}}}", f"text{{fill:{colours['text']}}}"]
        lines += [f".faint{{fill:{colours['faint']}}}", f".grid{{stroke:{colours['grid']}}}"]
        lines += [f".one{{stroke:{colours['text']}}}"]
        for name in colours:
            if name.startswith("s"):
                lines.append(f".{name}{{fill:{colours[name]};stroke:{colours[name]}}}")
        return "".join(lines)

    return (
        "<style>text{font:14px system-ui,-apple-system,'Segoe UI',sans-serif;stroke:none}"
        ".title{font-size:18px;font-weight:600}.small{font-size:12.5px}"
        ".line{fill:none!important;stroke-width:2.2}.grid{stroke-width:1}.one{stroke-width:1.5}"
        ".middle{text-anchor:middle}.end{text-anchor:end}"
        f"{rules(0)}@media(prefers-color-scheme:dark){{{rules(1)}}}</style>"
    )


def document(height: float, title: str, description: str, body: Sequence[str]) -> str:
    """An SVG with what a reader who does not see it is told."""
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
                f'width="{WIDTH}" height="{height:.0f}" role="img" aria-labelledby="title desc">'
            ),
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(description)}</desc>',
            style(),
            f'<rect class="page" width="{WIDTH}" height="{height:.0f}" rx="6"/>',
            *body,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, *classes: str) -> str:
    attribute = f' class="{" ".join(classes)}"' if classes else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{attribute}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *classes: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'class="{" ".join(classes)}"/>'
    )


def legend(names: Sequence[str], y: float, first: int = 0) -> list[str]:
    body = []
    x = 24.0
    for i, name in enumerate(names):
        body.append(
            f'<rect x="{x:.1f}" y="{y - 11:.1f}" width="12" height="12" class="s{i + first}"/>'
        )
        body.append(text(x + 18, y, name))
        x += 40 + 8.2 * len(name)
    return body


@dataclass(frozen=True)
class Group:
    """Bars that belong together; the length of each, or None where there is none."""

    label: str
    values: Sequence[float | None]


def bars(title: str, subtitle: str, names: Sequence[str], groups: Sequence[Group]) -> str:
    """Ratios as horizontal bars from 1, on a logarithmic axis."""
    left, right, top = 300.0, WIDTH - 70.0, 112.0
    thickness, gap = 15.0, 13.0
    values = [v for group in groups for v in group.values if v]
    low = min(0.5, *(0.5 * v for v in values))
    high = max(2.0, *values)

    def x(value: float) -> float:
        share = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        return left + share * (right - left)

    height = top + sum(len(g.values) * thickness + gap for g in groups) + 46
    bottom = height - 46
    body = [text(24, 34, title, "title"), text(24, 58, subtitle, "faint")]
    body += legend(names, 86, first=1)
    ticks_shown = [
        v for v in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= v <= high
    ]
    for tick in ticks_shown:
        body.append(line(x(tick), top - 8, x(tick), bottom, "one" if tick == 1 else "grid"))
        body.append(text(x(tick), bottom + 18, f"{tick:g}", "small", "middle", "faint"))
    axis = "times as long as wsproto_core (logarithmic); left of 1 the peer is faster"
    body.append(text((left + right) / 2, bottom + 37, axis, "small", "middle", "faint"))
    y = top
    for group in groups:
        middle = y + len(group.values) * thickness / 2 + 5
        body.append(text(left - 14, middle, group.label, "end"))
        for i, value in enumerate(group.values):
            if value is not None:
                start, end = sorted((x(1), x(value)))
                body.append(
                    f'<rect x="{start:.1f}" y="{y + 1:.1f}" width="{max(1.0, end - start):.1f}" '
                    f'height="{thickness - 2:.1f}" class="s{i + 1}"/>'
                )
                beside = (end + 5, "small") if value >= 1 else (start - 5, "small", "end")
                body.append(text(beside[0], y + 12, number(value), *beside[1:]))
            y += thickness
        y += gap
    spoken = "; ".join(
        f"{group.label}: "
        + ", ".join(
            f"{name} {value:.3g}"
            for name, value in zip(names, group.values, strict=True)
            if value is not None
        )
        for group in groups
    )
    return document(height, title, f"{subtitle} {spoken}.", body)


def ratio_bars(results: Results, rows: Mapping[str, str], peers: Sequence[str]) -> str:
    """A plot of the rows (name to label) that were measured."""
    there = rows_of(results)
    groups = []
    for name, label in rows.items():
        if name in there:
            timings = there[name]["timings"]
            groups.append(
                Group(label, [timings[p]["ratio"] if p in timings else None for p in peers])
            )
    subtitle = f"{results['environment']['python']}, {results['mode']}; medians of paired runs."
    return bars("How many times as long others take", subtitle, peers, groups)


#: The rows that are plotted, and what they are called there.
PLOTTED = {
    "server echo 16 B": "server echo, 16 B",
    "server echo 125 B": "server echo, 125 B",
    "server echo 1 KiB": "server echo, 1 KiB",
    "server echo 64 KiB binary in 64 KiB reads": "server echo, 64 KiB binary",
    "server echo 1 MiB binary in 64 KiB reads": "server echo, 1 MiB binary",
    "client receive 125 B": "client receive, 125 B",
    "client receive 1 MiB binary in 64 KiB reads": "client receive, 1 MiB binary",
    "client send 125 B": "client send, 125 B",
    "client send 1 MiB binary": "client send, 1 MiB binary",
    "server echo 125 B in 64 KiB reads": "many frames in a read, 125 B",
    "server echo 1 KiB json deflate": "deflate, 1 KiB JSON echo",
    "server handshake": "server handshake",
}
PLOTTED_PEERS = ("wsproto", "websockets", "aiohttp")


def magnitude(value: float, unit: str) -> str:
    """A tick's label."""
    if unit == "bytes":
        for power, name in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
            if value >= 1 << power:
                return f"{value / (1 << power):.0f} {name}"
        return f"{value:.0f} B"
    if unit == "seconds":
        for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
            if value >= size * 0.999:
                return f"{value / size:.0f} {name}"
    return f"{value:,.0f}"


def ticks(low: float, high: float, unit: str, most: int) -> list[float]:
    """Powers of ten, or of two for bytes, few enough to be read."""
    base = 4.0 if unit == "bytes" else 10.0
    first = math.ceil(math.log(low, base) - 1e-9)
    last = math.floor(math.log(high, base) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / most))
    return [base**power for power in range(first, last + 1, step)]


def curves(lines: Sequence[Curve], title: str, subtitle: str) -> str:
    """Small plots, two in a row, both axes logarithmic."""
    columns, cell_width, cell_height, top = 2, WIDTH / 2, 270.0, 104.0
    height = top + math.ceil(len(lines) / columns) * cell_height
    body = [text(24, 34, title, "title"), text(24, 58, subtitle, "faint")]
    names = list(lines[0]["points"])
    body += legend(names, 86)
    for index, curve in enumerate(lines):
        x0 = index % columns * cell_width
        y0 = top + index // columns * cell_height
        body += one_curve(curve, names, x0, y0, cell_width, cell_height)
    spoken = "; ".join(
        f"{curve['title']}: {OURS} grows with the power {curve['exponents'][OURS]:.2f} of "
        f"{curve['x']}"
        for curve in lines
    )
    return document(height, title, f"{subtitle} {spoken}.", body)


def one_curve(
    curve: Curve, names: Sequence[str], x0: float, y0: float, width: float, height: float
) -> list[str]:
    left, right, top, bottom = x0 + 78, x0 + width - 24, y0 + 34, y0 + height - 52
    every = [point for points in curve["points"].values() for point in points]
    x_low, x_high = min(p[0] for p in every), max(p[0] for p in every)
    y_low, y_high = min(p[1] for p in every) / 1.5, max(p[1] for p in every) * 1.5
    y_unit = curve["y"]
    x_unit = "bytes" if curve["x"] == "bytes" else ""

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log(x) - math.log(x_low)) / (math.log(x_high) - math.log(x_low))
        up = (math.log(y) - math.log(y_low)) / (math.log(y_high) - math.log(y_low))
        return left + across * (right - left), bottom - up * (bottom - top)

    body = [text(x0 + 24, y0 + 18, curve["title"])]
    slope = f"slope {curve['exponents'][OURS]:.2f}"
    body.append(text(right, y0 + 18, slope, "end", "faint", "small"))
    for tick in ticks(x_low, x_high, x_unit, 5):
        x, _ = place(tick, y_low)
        body.append(line(x, top, x, bottom, "grid"))
        body.append(text(x, bottom + 17, magnitude(tick, x_unit), "small", "middle", "faint"))
    for tick in ticks(y_low, y_high, y_unit, 5):
        _, y = place(x_low, tick)
        body.append(line(left, y, right, y, "grid"))
        body.append(text(left - 7, y + 4, magnitude(tick, y_unit), "small", "end", "faint"))
    body.append(text((left + right) / 2, bottom + 36, curve["x"], "small", "middle", "faint"))
    for i, name in reversed(list(enumerate(names))):
        points = " ".join("{:.1f},{:.1f}".format(*place(*p)) for p in curve["points"][name])
        body.append(f'<polyline points="{points}" class="line s{i}"/>')
        body += [
            '<circle cx="{:.1f}" cy="{:.1f}" r="2.6" class="s{}"/>'.format(*place(*p), i)
            for p in curve["points"][name]
        ]
    return body


def plots(by_mode: Mapping[str, Results]) -> dict[str, str]:
    """All plots, by the name of their file."""
    files = {}
    for mode, results in by_mode.items():
        if any(name in rows_of(results) for name in PLOTTED):
            files[f"ratios-{mode}.svg"] = ratio_bars(results, PLOTTED, PLOTTED_PEERS)
        if results["growth"]:
            files[f"growth-{mode}.svg"] = curves(
                results["growth"],
                "How time and memory grow",
                "Both axes logarithmic: a slope of 1 is linear. The slopes are wsproto_core's.",
            )
    return files
