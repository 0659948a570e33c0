"""Results as data, and as text, JUnit's XML and a page."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any
from xml.etree import ElementTree
from zlib import decompress

import pytest

from wsproto_core.testing.actions import SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.adapter import Adapter
from wsproto_core.testing.annotating import annotate, format_lines, preview, visible
from wsproto_core.testing.cases import Case, Level, Receive
from wsproto_core.testing.engine import EngineAdapter
from wsproto_core.testing.frames import BINARY, CLOSE, CONTINUATION, RSV1, RSV3, TEXT, Frame
from wsproto_core.testing.judging import Verdict
from wsproto_core.testing.outcomes import Failed, ReceiveLimits
from wsproto_core.testing.report_html import to_html
from wsproto_core.testing.report_junit import to_junit
from wsproto_core.testing.report_text import case_lines, result_lines, summary_lines
from wsproto_core.testing.results import (
    ImplementationRecord,
    ResultRecord,
    ResultsError,
    RunRecord,
    count,
    describe_action,
    describe_settings,
    from_json,
    is_failure,
    merge,
    record_case,
    record_result,
    record_run,
    to_json,
)
from wsproto_core.testing.runner import player_of, run_all
from wsproto_core.testing.settings import Deflate, Open, Opening

from .report_examples import CASES, KEY, MARKUP, RESERVED, SPLIT, Broken, Loose


def implementation(adapter: Adapter, cases: tuple[Case, ...] = CASES) -> ImplementationRecord:
    results = map(record_result, run_all(cases, player_of(adapter)))
    name, version = visible(adapter.name), visible(adapter.version)
    return ImplementationRecord(name, version, "adapter", 1.25, tuple(results))


def record(*adapters: Adapter, cases: tuple[Case, ...] = CASES) -> RunRecord:
    each = [implementation(adapter, cases) for adapter in adapters]
    return record_run(cases, each, seed=7, kit="1.2.3")


@pytest.fixture(scope="module")
def both() -> RunRecord:
    return record(EngineAdapter(), Broken())


def texts(data: bytes, **options: Any) -> list[tuple[int, str, str]]:
    return [(line.offset, line.hex, line.text) for line in annotate(data, **options)]


class TestAnnotating:
    def test_masked_frame(self) -> None:
        assert texts(Frame(TEXT, b"hello", rsv=RSV1 | RSV3, masking_key=KEY).encode()) == [
            (0, "d1 85", "TEXT FIN RSV1 RSV3, masked, length 5"),
            (2, "61 62 63 64", "masking key"),
            (6, "09 07 0f 08 0e", "compressed payload: 68 65 6c 6c 6f"),
        ]

    def test_payload_is_unmasked(self) -> None:
        assert texts(Frame(TEXT, "größe".encode(), masking_key=KEY).encode())[2][2] == (
            "payload: 'größe'"
        )

    def test_fragments_and_lengths(self) -> None:
        data = Frame(BINARY, b"\xff" * 20, fin=False, length_size=8).encode()
        data += Frame(CONTINUATION, b"x" * 200).encode()
        assert texts(data) == [
            (0, "02 7f 00 00 00 00 00 00 00 14", "BINARY, not masked, length 20 in 8 bytes"),
            (10, "ff " * 11 + "ff ...", "payload: " + repr(b"\xff" * 20)),
            (30, "80 7e 00 c8", "CONTINUATION FIN, not masked, length 200"),
            (34, "78 " * 11 + "78 ...", f"payload: '{'x' * 48}' ..."),
        ]

    @pytest.mark.parametrize(
        ("payload", "said"),
        [
            (b"\x03\xe8bye", "code 1000, reason 'bye'"),
            (b"\x03\xe8", "code 1000"),
            (b"\x03", "half of a close code"),
        ],
    )
    def test_close(self, payload: bytes, said: str) -> None:
        assert texts(Frame(CLOSE, payload).encode())[1][2] == said

    def test_empty_payload_has_no_line(self) -> None:
        assert texts(Frame(CLOSE).encode()) == [(0, "88 00", "CLOSE FIN, not masked, length 0")]

    def test_reserved_opcode(self) -> None:
        assert texts(b"\x0b\x00") == [(0, "0b 00", "reserved opcode 0xb, not masked, length 0")]

    @pytest.mark.parametrize(
        ("data", "last"),
        [
            (b"\x81", (0, "81", "part of a frame's header")),
            (b"\x81\x7e\x00", (0, "81 7e 00", "part of a frame's header")),
            (b"\x81\x85ab", (2, "61 62", "part of a masking key")),
            (b"\x81\x85", (0, "81 85", "TEXT FIN, masked, length 5")),
            (b"\x81\x05hel", (2, "68 65 6c", "payload, 3 of 5 bytes: 'hel'")),
        ],
    )
    def test_stops_within_a_frame(self, data: bytes, last: tuple[int, str, str]) -> None:
        assert texts(data)[-1] == last

    def test_every_byte_of_every_beginning_has_a_line(self) -> None:
        data = (
            Frame(TEXT, b"a" * 130, masking_key=KEY).encode() + Frame(CLOSE, b"\x03\xe8").encode()
        )
        for size in range(1, len(data) + 1):
            offsets = [line.offset for line in annotate(data[:size])]
            assert offsets[0] == 0
            assert offsets == sorted(set(offsets))
            assert offsets[-1] < size

    def test_opening_handshake(self) -> None:
        data = b"GET / HTTP/1.1\r\nA: \x1b[1m\r\nB: " + b"b" * 200 + b"\r\n\r\n\x81\x01a"
        assert texts(data, opening=True) == [
            (0, "", "GET / HTTP/1.1"),
            (16, "", "A: \\x1b[1m"),
            (25, "", f"B: {'b' * 157} ..."),
            (232, "81 01", "TEXT FIN, not masked, length 1"),
            (234, "61", "payload: 'a'"),
        ]

    def test_head_without_an_end(self) -> None:
        assert texts(b"GET / HT", opening=True) == [(0, "", "GET / HT")]

    @pytest.mark.parametrize(
        ("status", "last"),
        [
            (b"101 Yes", (18, "81 00", "TEXT FIN, not masked, length 0")),
            (b"400 Bad", (18, "81 00", "body, 2 bytes: b'\\x81\\x00'")),
        ],
    )
    def test_what_follows_a_response(self, status: bytes, last: tuple[int, str, str]) -> None:
        assert texts(b"HTTP/1.1 %s\r\n\r\n\x81\x00" % status, opening=True)[-1] == (
            last[0] + 2, *last[1:],
        )  # fmt: skip

    def test_response_without_a_body(self) -> None:
        assert texts(b"HTTP/1.1 400 Bad\r\n\r\n", opening=True) == [(0, "", "HTTP/1.1 400 Bad")]

    def test_enough_is_enough(self) -> None:
        data = b"\x81\x00" * 100
        lines = annotate(data, most=10)
        assert len(lines) == 11
        assert tuple(lines[-1]) == (20, "", "... (180 more bytes)")
        assert len(annotate(data, most=100)) == 100

    def test_lines_in_columns(self) -> None:
        head = format_lines(annotate(b"GET / HTTP/1.1\r\n\r\n\x81\x01a", opening=True), "  ")
        assert head == [
            "       0  GET / HTTP/1.1",
            "      18  81 01                                    TEXT FIN, not masked, length 1",
            "      20  61                                       payload: 'a'",
        ]

    @pytest.mark.parametrize(
        ("data", "shown"),
        [
            (b"hi", "'hi'"),
            (b"a\x00b", "b'a\\x00b'"),
            ("ä".encode() * 30, repr("ä" * 24) + " ..."),
            (b"a" + "ä".encode() * 30, repr("a" + "ä" * 23) + " ..."),
            (b"\xff" * 30, repr(b"\xff" * 24) + " ..."),
            (b"\xc3", "b'\\xc3'"),
        ],
    )
    def test_preview(self, data: bytes, shown: str) -> None:
        assert preview(data) == shown


class TestRecords:
    def test_verdicts(self, both: RunRecord) -> None:
        engine, broken = both.implementations
        assert {result.verdict for result in engine.results} == {Verdict.PASS}
        assert {result.case: result.verdict.name for result in broken.results} == {
            "framing/good@server": "PASS",
            "framing/rsv2@server": "FAIL",
            "text/invalid@server": "FAIL",
            "text/split@server": "FAIL",
            "control/ping@server": "FAIL",
            "opening/version@server": "SKIPPED",
            "sending/text@client": "FAIL",
        }

    def test_case_in_words(self, both: RunRecord) -> None:
        case = both.case["framing/rsv2@server"]
        assert case.setup == "a server, after the opening handshake"
        assert case.expect == "failure 1002"
        (step,) = case.steps
        assert step.text == f"The peer sends {len(RESERVED.steps[0].data)} bytes."  # type: ignore[union-attr]
        assert step.lines[0].text == f"TEXT FIN RSV2, masked, length {len(MARKUP)}"
        other = both.case["opening/version@server"]
        assert (other.also, other.tolerate) == (
            ("rejected 400",),
            ("accepted (no subprotocol; no extension)",),
        )
        sending = both.case["sending/text@client"]
        assert (sending.sent, sending.sent_also) == ("text b'ab'", ("text b'a', text b'b'",))

    def test_steps_share_one_stream(self) -> None:
        frame = Frame(TEXT, b"hello", masking_key=KEY).encode()
        case = replace(SPLIT, steps=(Receive(frame[:7]), Receive(frame[7:] + frame)))
        first, second = record_case(case).steps
        assert [line.offset for line in first.lines] == [0, 2, 6]
        assert [line.offset for line in second.lines] == [11, 13, 17]

    def test_one_byte_is_not_bytes(self) -> None:
        case = replace(SPLIT, steps=(Receive(b"\x81"),))
        assert record_case(case).steps[0].text == "The peer sends 1 byte."

    def test_ways_that_came_to_the_same_are_one(self, both: RunRecord) -> None:
        engine, broken = both.implementations
        # A client draws another masking key each time; that alone makes no difference.
        assert [attempt.ways for attempt in engine.results[-1].attempts] == [
            ("whole", "bytewise", "random")
        ]
        invalid = broken.results[2]
        assert [attempt.ways[0] for attempt in invalid.attempts] == ["whole", "bytewise"]
        assert [attempt.verdict.name for attempt in invalid.attempts] == ["NON_STRICT"] * 2
        assert "whole: failure 1008" in invalid.why

    def test_what_an_adapter_raises(self, both: RunRecord) -> None:
        result = both.implementations[1].results[-1]
        assert result.why == r"whole: raised RuntimeError: no\nclient"

    def test_requirements(self, both: RunRecord) -> None:
        requirement = both.requirement["6455-5.2-2"]
        assert requirement.section == "RFC 6455 §5.2"
        assert "_Fail the WebSocket Connection_" in requirement.text

    def test_what_is_long_is_cut(self) -> None:
        case = replace(SPLIT, expect=(Failed(1002, "long " * 1000),))
        expect = record_case(case).expect
        assert len(expect) < 900
        assert expect.endswith(" characters)")

    @pytest.mark.parametrize(
        ("level", "verdict", "loose", "strict"),
        [
            (Level.MUST, Verdict.PASS, False, False),
            (Level.MUST, Verdict.NON_STRICT, False, True),
            (Level.MUST, Verdict.SKIPPED, False, False),
            (Level.MUST, Verdict.FAIL, True, True),
            (Level.SHOULD, Verdict.FAIL, False, True),
            (Level.POLICY, Verdict.FAIL, False, True),
        ],
    )
    def test_failures(self, level: Level, verdict: Verdict, loose: bool, strict: bool) -> None:
        assert is_failure(level, verdict) is loose
        assert is_failure(level, verdict, strict=True) is strict

    def test_counts(self, both: RunRecord) -> None:
        counts = count(both.records_of(both.implementations[1]))
        assert counts == {
            (Level.MUST, Verdict.PASS): 1,
            (Level.MUST, Verdict.FAIL): 4,
            (Level.POLICY, Verdict.FAIL): 1,
            (Level.SHOULD, Verdict.SKIPPED): 1,
        }

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            (Open("server"), "a server, after the opening handshake"),
            (
                Open("client", Deflate(server_max_window_bits=9)),
                (
                    "a client, after the opening handshake; permessage-deflate; "
                    "server_max_window_bits=9"
                ),
            ),
            (
                Open("server", limits=ReceiveLimits(max_frame_size=5)),
                "a server, after the opening handshake; max_frame_size 5",
            ),
            (
                Opening("server", ("chat",), deflate=True),
                "a server, from the opening handshake on; subprotocol chat; permessage-deflate",
            ),
            (
                Opening("client"),
                "a client, from the opening handshake on; for /chat on example.com",
            ),
        ],
    )
    def test_settings_in_words(self, settings: Open | Opening, words: str) -> None:
        assert describe_settings(settings) == words

    @pytest.mark.parametrize(
        ("action", "words"),
        [
            (SendMessage("text", (b"a",)), "sends a text message of 1 byte ('a')"),
            (SendMessage("binary", (b"",)), "sends a binary message of 0 bytes"),
            (
                SendMessage("text", (b"a",) * 9),
                "sends a text message in 9 fragments: " + ", ".join(["1 byte ('a')"] * 8) + ", ...",
            ),
            (
                SendMessage("text", (b"a", b"")),
                "sends a text message in 2 fragments: 1 byte ('a'), 0 bytes",
            ),
            (SendPing(b"p"), "sends a Ping of 1 byte ('p')"),
            (SendPong(), "sends a Pong of 0 bytes"),
            (SendClose(None), "closes, without a code"),
            (SendClose(), "closes with 1000"),
            (SendClose(1001, "ä"), "closes with 1001 and 'ä'"),
        ],
    )
    def test_actions_in_words(self, action: Any, words: str) -> None:
        assert describe_action(action) == words


class TestJson:
    def test_there_and_back(self, both: RunRecord) -> None:
        text = to_json(both)
        assert from_json(text) == both
        assert to_json(from_json(text)) == text

    def test_no_implementation(self) -> None:
        run = RunRecord("1", 0)
        assert from_json(to_json(run)) == run

    def test_whole_seconds(self, both: RunRecord) -> None:
        data = json.loads(to_json(both))
        data["implementations"][0]["seconds"] = 2
        assert from_json(json.dumps(data)).implementations[0].seconds == 2.0

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "not JSON: "),
            ("[]", "not a file of results"),
            ('{"format": "other"}', "not a file of results"),
            (
                '{"format": "wsproto_core.testing", "version": 9}',
                "results of version 9, not 1",
            ),
            (
                '{"format": "wsproto_core.testing", "version": 1}',
                "results: something is missing",
            ),
        ],
    )
    def test_another_file(self, text: str, message: str) -> None:
        with pytest.raises(ResultsError, match=f"^{message}"):
            from_json(text)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda d: d.update(seed="7"), r"results\.seed: unexpected '7'"),
            (lambda d: d.update(seed=True), r"results\.seed: unexpected True"),
            (lambda d: d["cases"].append(5), r"results\.cases\[7\]: unexpected 5"),
            (lambda d: d["cases"][0].update(role="peer"), r"cases\[0\]\.role: unexpected 'peer'"),
            (lambda d: d["cases"][0].update(level="MAY"), r"cases\[0\]\.level: unexpected 'MAY'"),
            (
                lambda d: d["cases"][0]["steps"][0].update(lines=[["0", "", ""]]),
                r"steps\[0\]\.lines\[0\]: unexpected \['0', '', ''\]",
            ),
            (
                lambda d: d["implementations"][0]["results"][0].update(case="a\n"),
                r"a result of no case: a\\n$",
            ),
            (lambda d: d["implementations"][0]["results"][0].update(verdict=[]), "unexpected"),
        ],
    )
    def test_damage(
        self, both: RunRecord, change: Callable[[dict[str, Any]], None], message: str
    ) -> None:
        data = json.loads(to_json(both))
        change(data)
        with pytest.raises(ResultsError, match=message):
            from_json(json.dumps(data))

    def test_merge(self, both: RunRecord) -> None:
        one, two = record(EngineAdapter(), cases=CASES[:3]), record(Broken())
        run = merge([one, two])
        assert run.implementations == (*one.implementations, *two.implementations)
        assert [case.id for case in run.cases] == [case.id for case in CASES]
        assert set(run.requirements) == set(both.requirements)

    def test_different_catalogues_do_not_merge(self) -> None:
        other = record(EngineAdapter(), cases=(replace(RESERVED, title="other"),))
        with pytest.raises(ResultsError, match="catalogues: see framing/rsv2@server"):
            merge([record(Broken()), other])


class TestText:
    def explain(self, run: RunRecord, which: int, index: int) -> str:
        result = run.implementations[which].results[index]
        case = run.case[result.case]
        return "\n".join(result_lines(case, result, run.requirement, with_bytes=True))

    def test_failure(self, both: RunRecord) -> None:
        text = self.explain(both, 1, 1)
        assert text.startswith(
            "FAIL framing/rsv2@server (MUST): a text frame with RSV2 set\n"
            "  expected: failure 1002\n"
            "  fail (whole"
        )
        assert "): seen text b'" in text
        assert "RFC 6455 §5.2, MUST (6455-5.2-2:" in text
        assert "  advisory: CVE-0000-0000 (nobody)" in text
        assert "  note: a note" in text
        assert "  The peer sends " in text
        assert "TEXT FIN RSV2, masked" in text

    def test_ways_that_differ(self, both: RunRecord) -> None:
        text = self.explain(both, 1, 2)
        assert "  the ways differ: whole: failure 1008 (another word); bytewise: failure" in text
        assert "  non-strict (whole" in text
        assert "  The endpoint sends (whole" in text

    def test_why_beside_what_was_seen(self, both: RunRecord) -> None:
        text = self.explain(both, 1, 4)
        assert "fail (whole, bytewise, random): seen ping b'p'; did not answer the Ping" in text
        assert "The endpoint sends" not in text

    def test_alternatives(self, both: RunRecord) -> None:
        text = "\n".join(case_lines(both.case["opening/version@server"], both.requirement))
        assert "  or: rejected 400\n  tolerated: accepted (no" in text
        assert "GET / HTTP/1.1" in text
        text = "\n".join(case_lines(both.case["sending/text@client"], both.requirement))
        assert "  to send: text b'ab' | text b'a', text b'b'" in text
        assert "  The application sends a text message in 2 fragments" in text

    def test_summary(self, both: RunRecord) -> None:
        lines = list(summary_lines(both, both.implementations[1]))
        assert [line for line in lines if line.startswith("FAIL")] == [
            f"FAIL {case.id} ({case.level.value}): {case.title}" for case in (*CASES[1:5], CASES[6])
        ]
        assert "skipped 1: no <b>opening</b> handshake" in lines
        assert lines[-4:] == [
            "                  pass  non-strict     skipped        fail",
            "  MUST               1           0           0           4",
            "  SHOULD             0           0           1           0",
            "  POLICY             0           0           0           1",
        ]

    def test_non_strict(self) -> None:
        run = record(Loose(), cases=CASES[:2])
        (which,) = run.implementations
        lines = list(summary_lines(run, which))
        assert lines[:2] == [
            "Non-strict: no MUST is broken, but it is not what it should be",
            "  framing/rsv2@server: whole: expected failure 1002; seen failure 1003",
        ]
        verbose = list(summary_lines(run, which, verbose=True))
        assert verbose[0] == "NON-STRICT framing/rsv2@server (MUST): a text frame with RSV2 set"
        assert not any(line.startswith("Non-strict") for line in verbose)

    def test_many_reasons_for_skipping(self) -> None:
        cases = tuple(replace(RESERVED, name=f"a/{i}") for i in range(20))
        results = tuple(
            ResultRecord(case.id, Verdict.SKIPPED, f"no {i}" if i else "")
            for i, case in enumerate(cases)
        )
        run = record_run(cases, [ImplementationRecord("a", "", results=results)], seed=0, kit="1")
        lines = list(summary_lines(run, run.implementations[0]))
        assert lines[0] == "skipped 1: no reason given"
        assert lines[12] == "skipped 8 for other reasons"
        assert run.implementations[0].title == "a"


class TestJUnit:
    def suites(self, run: RunRecord, strict: bool = False) -> list[ElementTree.Element]:
        return list(ElementTree.fromstring(to_junit(run, strict=strict)))

    def test_counts_and_names(self, both: RunRecord) -> None:
        engine, broken = self.suites(both)
        assert engine.attrib | {"name": ""} == {
            "name": "", "tests": "7", "errors": "0", "failures": "0", "skipped": "0",
            "time": "1.250",
        }  # fmt: skip
        assert broken.attrib["name"] == f"broken {MARKUP} 0.1"
        assert (broken.attrib["failures"], broken.attrib["skipped"]) == ("4", "1")
        assert [case.attrib["name"] for case in broken] == [case.id for case in CASES]
        assert engine[0].attrib["classname"] == "wsproto_core.framing"
        assert len(engine[0]) == 0

    def test_failure(self, both: RunRecord) -> None:
        _, broken = self.suites(both)
        (failure,) = broken[1]
        assert (failure.tag, failure.attrib["type"]) == ("failure", "MUST")
        assert failure.attrib["message"].startswith("whole: expected failure 1002; seen text")
        assert failure.text is not None
        assert "6455-5.2-2" in failure.text

    def test_what_is_off_fails_if_it_is_strict(self, both: RunRecord) -> None:
        assert self.suites(both)[1][4][0].tag == "system-out"
        broken = self.suites(both, strict=True)[1]
        assert broken[4][0].attrib["type"] == "POLICY"
        assert broken.attrib["failures"] == "5"

    def test_skipped(self, both: RunRecord) -> None:
        (skipped,) = self.suites(both)[1][5]
        assert skipped.attrib == {"message": "no <b>opening</b> handshake"}

    def test_control_characters(self) -> None:
        case = replace(RESERVED, title="a\x00b\x1b\ufffe")
        run = record(Broken(), cases=(case,))
        (failure,) = self.suites(run)[0][0]
        assert failure.text is not None
        assert "a\\x00b\\x1b\\ufffe" in failure.text


class TestHtml:
    def data(self, page: str) -> Any:
        (text,) = re.findall(r'<script type="text/plain" id="data">(.*)</script>', page)
        return json.loads(decompress(b64decode(text)))

    def test_data_is_all_there(self, both: RunRecord) -> None:
        data = self.data(to_html(both))
        assert [case["id"] for case in data["cases"]] == [case.id for case in both.cases]
        assert data["cases"][1]["note"] == RESERVED.note
        for index, which in enumerate(both.implementations):
            own = data["implementations"][index]
            assert own["name"] == which.name
            results = [data["pool"][number] for number in own["results"]]
            assert [each["verdict"] for each in results] == [int(r.verdict) for r in which.results]

    def test_nothing_ends_the_data(self, both: RunRecord) -> None:
        page = to_html(both, title=MARKUP + "ä")
        assert page.isascii()
        assert page.count("</script>") == 2
        assert "<img" not in page
        assert "<title>&lt;/script&gt;" in page
        assert "&#228;</title>" in page

    def test_placeholders_in_data_stay(self) -> None:
        run = record(EngineAdapter(), cases=(replace(RESERVED, title="@@policy@@"),))
        assert self.data(to_html(run))["cases"][0]["title"] == "@@policy@@"

    def test_policy_allows_just_what_is_there(self, both: RunRecord) -> None:
        page = to_html(both)
        for kind in ("script", "style"):
            ((_, content),) = re.findall(rf"<({kind})>(.*?)</{kind}>", page, re.DOTALL)
            digest = b64encode(sha256(content.encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}'" in page
        assert "default-src 'none'" in page
        assert not re.search(
            r"(src|href)\s*=|https?:(?!//a)|url\(|@import", page.split("<script")[0]
        )

    def test_equal_results_are_written_once(self) -> None:
        one = self.data(to_html(record(EngineAdapter())))
        two = self.data(to_html(record(EngineAdapter(), EngineAdapter())))
        # The last case has masking keys in it, which differ.
        assert len(two["pool"]) == len(one["pool"]) == len(CASES)

    def test_case_that_was_not_run(self) -> None:
        cases = CASES[:2]
        each = [implementation(EngineAdapter(), cases), implementation(Broken(), cases[1:])]
        data = self.data(to_html(record_run(cases, each, seed=0, kit="1")))
        assert data["implementations"][1]["results"][0] == -1

    def test_ways_that_differ_are_told(self, both: RunRecord) -> None:
        data = self.data(to_html(both))
        results = [data["pool"][number] for number in data["implementations"][1]["results"]]
        assert [bool(result["why"]) for result in results] == [False, False, True, True] + [
            False
        ] * 3

    def test_many_cases_make_a_small_page(self) -> None:
        cases = tuple(replace(case, name=f"{case.name}-{i}") for case in CASES for i in range(100))
        run = record(Broken(), cases=cases)
        run = merge([run] * 6)
        assert len(run.cases) * len(run.implementations) == 4200
        assert len(to_html(run)) < 500_000

    def test_long_streams_are_cut(self) -> None:
        case = replace(SPLIT, steps=(Receive(b"\x89\x80abcd" * 100),))
        (step,) = self.data(to_html(record(EngineAdapter(), cases=(case,))))["cases"][0]["steps"]
        assert len(step["lines"]) == 33
        assert step["lines"][-1][2] == "..."
