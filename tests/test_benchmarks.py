"""The benchmarks compare what is alike, and say what they measured.

Nothing is timed here, except where a clock of the test's own goes.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import guard  # noqa: E402
from suite import (  # noqa: E402
    goals,
    growth,
    markdown,
    measure,
    memory,
    plots,
    results,
    runner,
    wire,
    workloads,
)
from suite.peers import PEERS, Deflate, Engine, Peer, UnsupportedError, load_peers  # noqa: E402
from suite.peers.ours import OurEngine, Ours  # noqa: E402

from wsproto_core import Connection, ConnectionType, back_ends  # noqa: E402
from wsproto_core.events import Message  # noqa: E402

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what others warn of is not our matter
    INSTALLED = load_peers()

RIVALS = find_spec("wsproto") is not None and find_spec("websockets") is not None

Workload = workloads.Workload


class TestWire:
    @pytest.mark.parametrize("kind", ["ascii", "multibyte", "json", "binary"])
    @pytest.mark.parametrize("size", [1, 16, 125, 126, 1024, 65536])
    def test_payload_has_its_size(self, kind: str, size: int) -> None:
        made = wire.payload(kind, size, random.Random(1))
        assert len(made.encode() if isinstance(made, str) else made) == size
        assert isinstance(made, bytes) == (kind == "binary")

    @pytest.mark.parametrize("masked", [False, True])
    @pytest.mark.parametrize("fragments", [1, 3])
    @pytest.mark.parametrize("deflate", [None, True, False])
    def test_decoding_inverts_encoding(
        self, masked: bool, fragments: int, deflate: bool | None
    ) -> None:
        messages: list[wire.Payload] = ["größe", b"\0\1", "a" * 200, bytes(70_000), ""]
        takeover = deflate is not False
        encoded = wire.encode(
            messages,
            masked=masked,
            rng=random.Random(2),
            fragments=fragments,
            deflate=deflate is not None,
            takeover=takeover,
        )
        assert wire.decode(b"".join(encoded), takeover=takeover) == messages

    def test_cut_frame_is_noticed(self) -> None:
        with pytest.raises(ValueError, match="within a frame"):
            wire.decode(wire.frame(0x81, b"hello", None)[:-1])

    def test_engine_understands_it(self) -> None:
        messages: list[wire.Payload] = ["größe", b"\0\1", "a" * 200, bytes(70_000)]
        server = Connection(ConnectionType.SERVER, whole_messages=True)
        for data in wire.encode(messages, masked=True, rng=random.Random(3), fragments=2):
            server.receive_data(data)
        assert [e.data for e in server.events() if isinstance(e, Message)] == messages


#: One of each kind, small.
SAMPLES = [
    *(
        Workload(operation, role, size)
        for operation in ("echo", "receive", "send")
        for role in ("server", "client")
        for size in (16, 1024)
    ),
    Workload("echo", "server", 65536, "binary", "64 KiB"),
    Workload("send", "client", 65536, "multibyte"),
    Workload("echo", "server", 125, cut="64 KiB"),
    Workload("receive", "client", 125, "multibyte", "1 byte"),
    Workload("echo", "server", 1000, "multibyte", "1 byte", fragments=7),
    Workload("receive", "client", 1000, "binary", fragments=7),
    *(
        Workload(operation, "server", 1024, "json", deflate=deflate)
        for operation in ("echo", "receive", "send")
        for deflate in (Deflate(), Deflate(False), Deflate(level=1), Deflate(level=6))
    ),
]


@pytest.mark.parametrize("peer", INSTALLED.values(), ids=lambda peer: peer.name)
class TestPeers:
    def test_gives_what_all_must_give(self, peer: Peer) -> None:
        done = 0
        for workload in SAMPLES:
            try:
                work = workloads.prepare(workload, peer, workloads.Batch.of(workload))
            except UnsupportedError:
                continue
            work.run()
            done += 1
            assert (work.sent is None) == (workload.operation == "receive")
        assert done >= 8

    def test_opens(self, peer: Peer) -> None:
        for name, (role, deflate) in runner.HANDSHAKES.items():
            try:
                engine = peer.engine(peer.handshake(role, deflate))
            except UnsupportedError:
                continue
            runner.check_open(name, peer, engine, role, deflate)

    def test_says_what_it_is(self, peer: Peer) -> None:
        assert peer.version()[0].isdigit()
        assert peer.utf8 in ("engine", "driver")


def test_ours_does_everything() -> None:
    ours = INSTALLED["wsproto_core"]
    for workload in SAMPLES:
        workloads.prepare(workload, ours, workloads.Batch.of(workload))
    assert next(iter(INSTALLED)) == "wsproto_core"
    assert len(INSTALLED) <= len(PEERS)


class Wrong(OurEngine):
    """Gives bytes for text, and a byte too many."""

    def receive(self, reads: Sequence[bytes]) -> list[wire.Payload]:
        got = super().receive(reads)
        return [message.encode() if isinstance(message, str) else message for message in got]

    def send(self, messages: Sequence[wire.Payload]) -> list[bytes]:
        return [
            wire.frame(0x81, message.encode() + b"!", None)
            for message in messages
            if isinstance(message, str)
        ]

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        return super().echo(reads)[1:]


class Liar(Ours):
    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        return Wrong(super().open(role, deflate).held)


@pytest.mark.parametrize("operation", ["echo", "receive", "send"])
@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("deflate", [None, Deflate()])
def test_wrong_answer_is_not_timed(operation: str, role: str, deflate: Deflate | None) -> None:
    workload = Workload(operation, role, 1024, "json", deflate=deflate)
    with pytest.raises(workloads.WrongAnswerError, match=f"{role} {operation} 1 KiB json"):
        workloads.prepare(workload, Liar(), workloads.Batch.of(workload))


class TestWorkloads:
    def test_names_are_unique(self) -> None:
        names = runner.names()
        assert len(names) == len(set(names)) > 60

    @pytest.mark.parametrize("workload", workloads.ALL.values(), ids=lambda w: w.name)
    def test_reads_are_cut_as_they_say(self, workload: Workload) -> None:
        if workload.size > 65536:
            workload = replace(workload, size=65536)
        batch = workloads.Batch.of(workload)
        assert batch == workloads.Batch.of(workload)
        if workload.cut == "1 byte":
            assert {len(read) for read in batch.reads} == {1}
        elif workload.cut == "64 KiB":
            assert all(len(read) == 65536 for read in batch.reads[:-1])
        else:
            assert len(batch.reads) == len(batch.messages)
        takeover = workload.deflate is None or workload.deflate.takeover
        assert wire.decode(b"".join(batch.reads), takeover=takeover) == batch.messages
        if workload.deflate is not None:
            # No message finds itself in the window of 32 KiB when the batch is played again.
            assert sum(map(len, batch.messages)) > 32768 + workload.size - 1

    def test_goals_and_floors_are_of_rows_that_there_are(self) -> None:
        names = set(runner.names())
        for goal in goals.GOALS:
            assert set(goal.rows) <= names
            assert any(goal.floors(mode) for mode in results.MODES)
        for floor in guard.FLOORS:
            assert floor.row in names
            for mode in results.MODES:
                assert floor.by_peer(mode)
                assert set(floor.by_peer(mode)) <= guard.PEERS


class Clock:
    """Goes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "process_time", lambda: self.now)

    def takes(self, seconds: Iterator[float]) -> measure.Run:
        def run() -> None:
            self.now += next(seconds)

        return run


class TestMeasure:
    def test_spread(self) -> None:
        assert measure.spread([5, 1, 4, 2, 3]) == (2, 3, 4)
        assert measure.spread([7]) == (7, 7, 7)

    def test_ratio_is_taken_within_a_round(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """However the machine's speed changes between rounds."""
        clock = Clock(monkeypatch)
        speed = [1.0]

        def takes(seconds: float) -> measure.Run:
            return clock.takes(seconds * speed[0] for _ in itertools.count())

        works = {"ours": takes(0.5), "slow": takes(1.5), "fast": takes(0.25)}
        measured = measure.paired(works, measure.Effort(rounds=4, seconds=1.0))
        assert measured.ratios == {"slow": [3.0] * 4, "fast": [0.5] * 4}
        assert measured.seconds["slow"] == [1.5] * 4
        assert len(measured.seconds["ours"]) == 4 * 3

    def test_drift_between_two_slices_of_ours_is_halved(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock(monkeypatch)
        ours = clock.takes(itertools.chain([1.0] * 2, itertools.cycle([1.0, 3.0])))
        works = {"ours": ours, "theirs": clock.takes(itertools.repeat(4.0))}
        measured = measure.paired(works, measure.Effort(rounds=3, seconds=1.0))
        assert measured.ratios == {"theirs": [2.0] * 3}

    def test_repeats_fill_the_slice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = Clock(monkeypatch)
        for once, times in ((0.001, 1000), (0.25, 4), (8.0, 1)):
            assert measure.repeats_for(clock.takes(itertools.repeat(once)), 1.0) == times

    @pytest.mark.parametrize("power", [0.5, 1, 2])
    def test_exponent(self, power: float) -> None:
        points = [(float(x), 3.0 * x**power) for x in (1, 4, 16, 64, 256)]
        assert measure.exponent(points) == pytest.approx(power)

    def test_what_is_constant_does_not_hide_what_grows(self) -> None:
        points = [(float(x), 1e6 + x**2) for x in (1, 10, 100, 10**5, 10**6, 10**7)]
        assert measure.exponent(points) > 1.4


def curve(power: float) -> growth.Curve:
    line = [(float(x), x**power) for x in (1, 10, 100, 1000)]
    return growth.Curve(
        title="Time <of> it",
        x="bytes",
        y="seconds",
        points={"wsproto_core": line, "wsproto": [(x, 2 * y) for x, y in line]},
        exponents={"wsproto_core": measure.exponent(line), "wsproto": measure.exponent(line)},
        limit=1.2,
    )


class TestGrowth:
    def test_what_is_quadratic_is_complained_of(self) -> None:
        assert growth.superlinear([curve(1), curve(1.1)]) == []
        (complaint,) = growth.superlinear([curve(1), curve(2)])
        assert complaint == "Time <of> it: grows with the power 2.00 of bytes, 1.2 allowed"

    @pytest.mark.parametrize("plan", growth.PLANS, ids=lambda plan: plan.title)
    def test_each_plan_runs(self, plan: growth.Plan) -> None:
        work = plan.prepare(INSTALLED["wsproto_core"], plan.xs[0])
        assert growth.peak(work) > 0
        assert len(plan.xs) >= 4

    def test_memory_is_that_of_each(self) -> None:
        assert 1000 <= memory.bytes_of_each(lambda: bytes(1000), 50) <= 1100


def sample(mode: str = "default", **ratios: float) -> results.Results:
    """Results in which everything takes so many times as long."""
    ours = results.Timing(microseconds=2.0, low=1, ratio=1, high=1, sent=10.0)
    found = results.new({"wsproto_core": INSTALLED["wsproto_core"]}, measure.Effort(3, 0.002))
    found["mode"] = mode
    timings = {
        peer: results.Timing(microseconds=2 * r, low=r - 0.1, ratio=r, high=r + 0.1, sent=12.5)
        for peer, r in ratios.items()
    }
    found["versions"] |= dict.fromkeys(ratios, "1.0")
    found["utf8"] |= dict.fromkeys(ratios, "driver")
    found["notes"] |= dict.fromkeys(ratios, "")
    found["tables"] = [
        results.Table(
            title="Compressed and all",
            rows=[
                results.Row(name=name, timings={"wsproto_core": ours, **timings}, unsupported={})
                for name in runner.names()
            ],
        )
    ]
    found["memory"] = {"plain": {"wsproto_core": 1234.5, "wsproto": "it has none"}}
    found["growth"] = [curve(1), curve(1.1)]
    found["instructions"] = {"server echo 16 B": {"wsproto_core": 1000, "wsproto": 5500}}
    return found


class TestGoals:
    def test_met_and_not_met(self) -> None:
        found = sample(wsproto=10, websockets=3.4951)
        table = markdown.goals({"default": found})
        row = next(line for line in table.splitlines() if "16 B and 125 B" in line)
        assert "✓ **10.0** x wsproto (10)<br>✓ **3.50** x websockets (3.5)" in row
        assert "(8 x websockets)" in row  # which was not measured
        found = sample(wsproto=9.9, websockets=3.4949)
        row = next(
            line for line in markdown.goals({"default": found}).splitlines() if "and 125" in line
        )
        assert "✗ **9.90** x wsproto (10)<br>✗ **3.49** x websockets (3.5)" in row

    def test_worst_row_counts(self) -> None:
        found = sample(wsproto=20)
        found["tables"][0]["rows"][1]["timings"]["wsproto"]["ratio"] = 4
        (verdict,) = goals.judge(goals.GOALS[0], found)
        assert (verdict.measured, verdict.row) == (4, "server echo 125 B")
        assert not verdict.met

    def test_memory(self) -> None:
        found = sample()
        assert "✓ **1,234** B (2,048)" in markdown.goals({"default": found})
        found["memory"]["plain"]["wsproto_core"] = 2049.0
        assert "✗ **2,049** B" in markdown.goals({"default": found})


class TestMarkdown:
    def test_ratio_is_bold_where_ours_is_slower(self) -> None:
        row = sample(wsproto=12.34, websockets=0.5)["tables"][0]["rows"][0]
        assert markdown.ratio(row, "wsproto") == "12.3 (12.2 to 12.4)"
        assert markdown.ratio(row, "websockets") == "**0.50** (0.40 to 0.60)"
        assert markdown.ratio(row, "aiohttp") == "-"

    def test_every_row_is_in_the_report(self) -> None:
        by_mode = {mode: sample(mode, wsproto=2, websockets=0.5) for mode in results.MODES}
        report = markdown.report(by_mode)
        for name in runner.names():
            assert report.count(f"| {name} |") >= len(results.MODES)
        assert "| server echo 16 B | 5.50 | 1,000 |" in report

    def test_losses(self) -> None:
        table = markdown.losses(sample(wsproto=2, websockets=0.5))
        count = len(runner.names())
        assert f"| websockets | {count} of {count} | 0.50: client echo 1" in table
        assert "| wsproto |" not in table
        assert "None of the peers" in markdown.losses(sample(wsproto=2))

    def test_what_was_not_measured_says_so(self) -> None:
        found = sample(wsproto=2)
        found["growth"], found["instructions"] = [], {}
        shown = markdown.sections({"default": found})
        for name in ("growth", "instructions", "session"):
            assert shown[name] == markdown.NOTHING

    def test_what_was_sent(self) -> None:
        table = markdown.sent_sizes(sample(wsproto=2)["tables"][0])
        assert "| server echo 16 B | 10 | 12 |" in table

    def test_fill(self) -> None:
        document = "a\n<!-- figures: x -->\nold\n<!-- end of figures -->\nb\n"
        filled = markdown.fill(document, {"x": "new\n"})
        assert filled == "a\n<!-- figures: x -->\n\nnew\n\n<!-- end of figures -->\nb\n"
        assert markdown.fill(filled, {"x": "new"}) == filled
        for bad, texts in ((document, {}), (document.replace("end", ""), {"x": ""})):
            with pytest.raises(ValueError, match="bad marker"):
                markdown.fill(bad, texts)

    def test_readme_has_every_section(self) -> None:
        readme = (BENCHMARKS / "README.md").read_text()
        sections = markdown.sections({"default": sample(wsproto=2)})
        for name in sections:
            assert f"<!-- figures: {name} -->" in readme
        markdown.fill(readme, sections)


class TestPlots:
    def plots(self) -> dict[str, str]:
        by_mode = {m: sample(m, wsproto=9, websockets=0.03, aiohttp=1) for m in results.MODES}
        return plots.plots(by_mode)

    def test_there_is_one_of_each_for_each_mode(self) -> None:
        expected = {f"{kind}-{mode}.svg" for kind in ("ratios", "growth") for mode in results.MODES}
        assert set(self.plots()) == expected

    def test_they_are_svg_that_can_be_read(self) -> None:
        for svg in self.plots().values():
            root = ElementTree.fromstring(svg)
            space = "{http://www.w3.org/2000/svg}"
            assert root.tag == f"{space}svg"
            title, description = (root.find(space + tag) for tag in ("title", "desc"))
            assert title is not None
            assert title.text
            assert description is not None
            assert len(description.text or "") > 50
            assert "prefers-color-scheme:dark" in svg
            height = float(root.attrib["height"])
            for text in root.iter(f"{space}text"):
                assert text.text
                assert 0 <= float(text.attrib["x"]) <= plots.WIDTH
                assert 0 <= float(text.attrib["y"]) <= height

    def test_bars_and_lines_are_as_many_as_figures(self) -> None:
        found = self.plots()
        bars = found["ratios-default.svg"].count("<rect") - 1 - len(plots.PLOTTED_PEERS)
        assert bars == len(plots.PLOTTED) * len(plots.PLOTTED_PEERS)
        assert found["growth-default.svg"].count("<polyline") == 2 * 2

    def test_plotted_rows_are_there(self) -> None:
        assert set(plots.PLOTTED) <= set(runner.names())

    @pytest.mark.parametrize(
        ("value", "unit", "text"),
        [
            (65536, "bytes", "64 KiB"),
            (100, "bytes", "100 B"),
            (0.001, "seconds", "1 ms"),
            (1e-5, "seconds", "10 µs"),
            (10_000, "", "10,000"),
        ],
    )
    def test_ticks(self, value: float, unit: str, text: str) -> None:
        assert plots.magnitude(value, unit) == text


class TestResults:
    def test_they_are_kept(self, tmp_path: Path) -> None:
        found = sample(wsproto=4 / 3)
        results.save(found, tmp_path / "deep" / "default.json")
        (loaded,) = results.load_all(tmp_path / "deep").values()
        row = loaded["tables"][0]["rows"][0]
        assert row["timings"]["wsproto"]["ratio"] == 1.333
        assert markdown.tables(loaded) == markdown.tables(found)
        assert plots.plots({"default": loaded}).keys() == plots.plots({"default": found}).keys()

    def test_mode_is_one_of_those_that_there_are(self) -> None:
        assert results.mode() in results.MODES
        assert results.environment(measure.Effort(3, 0.002))["effort"] == "3 rounds of 2 ms"


def program(name: str, *arguments: str) -> Any:
    command = [sys.executable, str(BENCHMARKS / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(not RIVALS, reason="needs wsproto and websockets")
class TestGuard:
    ROW = ("--without-extras", "--only", "server echo 16 B", "--rounds", "1")

    def test_it_can_fail(self) -> None:
        done = program("guard.py", *self.ROW, "--floor", "1000")
        assert done.returncode == 1
        assert "once more" in done.stdout
        assert "Slower than it should be: server echo 16 B" in done.stderr
        assert "x wsproto, 1000 wanted" in done.stderr
        assert "x websockets, 1000 wanted" in done.stderr

    def test_it_can_pass(self) -> None:
        done = program("guard.py", *self.ROW, "--floor", "0.001")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("default: ")
        assert "once more" not in done.stdout

    def test_unknown_row(self) -> None:
        assert program("guard.py", "--only", "nonsense").returncode == 2


class TestRun:
    def test_one_row(self, tmp_path: Path) -> None:
        kept = tmp_path / "one.json"
        done = program(
            *("run.py", "--only", "server echo 16 B", "--quick", "--rounds", "1"),
            *("--peers", "wsproto", "--without-extras", "--json", str(kept)),
        )
        assert done.returncode == 0, done.stderr
        assert "| server echo 16 B |" in done.stdout
        found = results.load(kept)
        assert found["mode"] == ("compiled" if back_ends().compiled else "default")
        assert set(results.rows_of(found)) == {
            "server echo 16 B",
            "server echo 16 B in 64 KiB reads",
        }

    def test_unknown_row(self) -> None:
        assert program("run.py", "--only", "nonsense").returncode == 2
