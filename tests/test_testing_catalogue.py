"""The catalogue: that its cases are well formed, and right: the engine and the model agree."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pkgutil import iter_modules

import pytest

from wsproto_core.testing import catalogue as catalogue_package
from wsproto_core.testing.actions import SendPing
from wsproto_core.testing.cases import Case, Do, Eof, Level, Receive
from wsproto_core.testing.catalogue import catalogue, select
from wsproto_core.testing.catalogue.building import (
    EOF,
    KEY,
    READ,
    ROLES,
    Cut,
    Part,
    Rest,
    bytes_of,
    cases,
    close,
    fragments,
    steps_of,
)
from wsproto_core.testing.engine import EngineAdapter
from wsproto_core.testing.frames import BINARY, PING, TEXT, Frame
from wsproto_core.testing.judging import Verdict, agree
from wsproto_core.testing.model import judge
from wsproto_core.testing.outcomes import GotMessage, GotPing, Outcome, Role
from wsproto_core.testing.requirements import REQUIREMENTS
from wsproto_core.testing.runner import player_of, run_all
from wsproto_core.testing.settings import Open, Opening

CASES = catalogue()
NAMES_OF_SECTIONS = sorted({case.section for case in CASES})

NAME = re.compile(r"[a-z_]+/[A-Za-z0-9][A-Za-z0-9+=.-]*")


def of_section(section: str) -> list[Case]:
    return [case for case in CASES if case.section == section]


class TestForm:
    def test_there_are_enough(self) -> None:
        assert len(CASES) >= 600

    def test_each_id_is_unique(self) -> None:
        counted = Counter(case.id for case in CASES)
        assert [case_id for case_id, count in counted.items() if count > 1] == []

    def test_the_order_is_stable(self) -> None:
        catalogue.cache_clear()
        assert [case.id for case in catalogue()] == [case.id for case in CASES]

    def test_no_module_is_left_out(self) -> None:
        ids = {case.id for case in CASES}
        left_out = []
        for found in iter_modules(catalogue_package.__path__):
            module = import_module(f"{catalogue_package.__name__}.{found.name}")
            if any(case.id not in ids for case in getattr(module, "CASES", ())):
                left_out.append(found.name)
        assert left_out == []

    @pytest.mark.parametrize("section", NAMES_OF_SECTIONS)
    def test_names_are_well_formed(self, section: str) -> None:
        assert [case.name for case in of_section(section) if not NAME.fullmatch(case.name)] == []

    @pytest.mark.parametrize("section", NAMES_OF_SECTIONS)
    def test_each_has_a_title(self, section: str) -> None:
        untitled = [
            case.id
            for case in of_section(section)
            if not case.title.strip() or case.title.endswith(".") or "  " in case.title
        ]
        assert untitled == []

    @pytest.mark.parametrize("section", NAMES_OF_SECTIONS)
    def test_each_has_steps(self, section: str) -> None:
        # A client's opening handshake may be judged by the request alone.
        empty = [
            case.id
            for case in of_section(section)
            if (not case.steps and not isinstance(case.settings, Opening))
            or any(isinstance(step, Receive) and not step.data for step in case.steps)
        ]
        assert empty == []

    @pytest.mark.parametrize("section", NAMES_OF_SECTIONS)
    def test_each_names_requirements_that_exist_and_bind_its_role(self, section: str) -> None:
        wrong = [
            (case.id, identity)
            for case in of_section(section)
            for identity in case.requirements
            if identity not in REQUIREMENTS or case.role not in REQUIREMENTS[identity].roles
        ]
        assert wrong == []

    @pytest.mark.parametrize("section", NAMES_OF_SECTIONS)
    def test_what_no_requirement_asks_for_is_policy_and_says_why(self, section: str) -> None:
        unexplained = [
            case.id
            for case in of_section(section)
            if (case.level is Level.POLICY and not case.note)
            or (case.level is not Level.POLICY and not case.requirements)
        ]
        assert unexplained == []

    @pytest.mark.parametrize("section", NAMES_OF_SECTIONS)
    def test_no_alternative_repeats_what_is_expected(self, section: str) -> None:
        repeating = [
            case.id
            for case in of_section(section)
            if case.expect in (*case.also, *case.tolerate)
            or (case.sent is not None and case.sent in case.sent_also)
            or (case.sent is None and case.sent_also)
        ]
        assert repeating == []


class TestRightness:
    """An engine that passes, and a model that agrees, are two readers of the same RFCs."""

    @pytest.mark.parametrize("whole_messages", [False, True], ids=["chunks", "whole messages"])
    @pytest.mark.parametrize("section", NAMES_OF_SECTIONS)
    def test_the_engine_passes(self, section: str, whole_messages: bool) -> None:
        play = player_of(EngineAdapter(whole_messages=whole_messages))
        results = run_all(of_section(section), play, seed=1)
        failed = [
            f"{result.case.id}: {result.verdict.name}: {result.judgement.why}"
            for result in results
            if result.verdict is not Verdict.PASS
        ]
        assert failed == []

    @pytest.mark.parametrize("section", NAMES_OF_SECTIONS)
    def test_the_model_agrees(self, section: str) -> None:
        disagreeing = []
        for case in of_section(section):
            if isinstance(case.settings, Opening) or any(isinstance(s, Do) for s in case.steps):
                continue  # The model of an open connection only receives.
            if case.settings.deflate is not None:
                continue  # It inflates bit by bit: too slow for what is there to be large.
            seen = self.read(case, case.settings)
            if not any(agree(expected, seen) for expected in (case.expect, *case.also)):
                disagreeing.append((case.id, seen))
        assert disagreeing == []

    def read(self, case: Case, settings: Open) -> list[Outcome]:
        return judge(
            b"".join(step.data for step in case.steps if isinstance(step, Receive)),
            eof=any(isinstance(step, Eof) for step in case.steps),
            role=case.role,
            deflate=settings.received(),
            limits=settings.receive_limits(),
        )


class TestSelecting:
    def test_all(self) -> None:
        assert select() == CASES

    def test_by_pattern(self) -> None:
        chosen = select(["framing/rsv?-text@server", "control/ping-empty@*"])
        assert [case.id for case in chosen] == [
            "framing/rsv1-text@server",
            "framing/rsv2-text@server",
            "framing/rsv3-text@server",
            "control/ping-empty@server",
            "control/ping-empty@client",
        ]

    def test_case_matters(self) -> None:
        assert select(["FRAMING/*"]) == ()

    def test_by_role_and_level(self) -> None:
        chosen = select(["text/*"], role="client", level=Level.POLICY)
        assert chosen
        assert {(case.role, case.level) for case in chosen} == {("client", Level.POLICY)}
        assert {case.role for case in select(["text/*"], role="server")} == {"server"}
        assert {case.level for case in select(["text/*"], level=Level.MUST)} == {Level.MUST}


class TestBuilding:
    """``building``: one description, a case for each role."""

    def test_frames_are_masked_for_a_server(self) -> None:
        server, client = cases("a/b", "t", [Frame(TEXT, b"hi")], [], [])
        assert (server.id, client.id) == ("a/b@server", "a/b@client")
        assert server.steps == (Receive(Frame(TEXT, b"hi", masking_key=KEY).encode()),)
        assert client.steps == (Receive(b"\x81\x02hi"),)

    def test_a_key_that_is_given_is_kept(self) -> None:
        frame = Frame(BINARY, b"hi", masking_key=b"abcd")
        assert steps_of("server", [frame]) == (Receive(frame.encode()),)
        assert steps_of("client", [frame]) == (Receive(frame.encode()),)

    def test_what_the_peer_sends_is_one_step_up_to_a_read_or_an_action(self) -> None:
        parts: list[Part] = [
            Frame(PING),
            b"raw",
            READ,
            Frame(PING),
            SendPing(b"p"),
            READ,
            EOF,
        ]
        assert steps_of("client", parts) == (
            Receive(b"\x89\x00raw"),
            Receive(b"\x89\x00"),
            Do(SendPing(b"p")),
            Eof(),
        )

    @pytest.mark.parametrize("role", ROLES)
    @pytest.mark.parametrize("keep", [1, 2, 5, -1, -3])
    def test_a_cut_and_its_rest_are_the_frame(self, role: Role, keep: int) -> None:
        frame = Frame(TEXT, b"hello")
        (beginning,) = steps_of(role, [Cut(frame, keep)])
        assert isinstance(beginning, Receive)
        assert beginning.data == bytes_of(role, frame)[:keep]
        assert steps_of(role, [Cut(frame, keep), Rest(frame, keep)]) == steps_of(role, [frame])

    def test_requirements_of_one_role(self) -> None:
        server, client = cases("a/b", "t", [], [], ["x"], besides={"client": ["y"]})
        assert server.requirements == ("x",)
        assert client.requirements == ("x", "y")

    def test_an_opening_has_its_role_only(self) -> None:
        (case,) = cases("a/b", "t", [b"GET"], [], [], opening=Opening("server"))
        assert (case.settings, case.steps) == (Opening("server"), (Receive(b"GET"),))

    def test_what_is_sent_can_be_nothing(self) -> None:
        (unsaid,) = cases("a/b", "t", [], [], [], roles=["client"])
        (nothing,) = cases("a/b", "t", [], [], [], roles=["client"], sent=[])
        assert (unsaid.sent, nothing.sent) == (None, ())

    def test_fragments(self) -> None:
        assert [(f.opcode, f.fin, f.payload) for f in fragments(TEXT, b"a", b"", b"c")] == [
            (1, False, b"a"),
            (0, False, b""),
            (0, True, b"c"),
        ]
        assert fragments(BINARY, b"whole") == (Frame(BINARY, b"whole"),)

    def test_close(self) -> None:
        assert close().encode() == b"\x88\x00"
        assert close(1000, b"bye").encode() == b"\x88\x05\x03\xe8bye"
        assert close(65_535).encode() == b"\x88\x02\xff\xff"

    def test_expectations_are_those_of_both_roles(self) -> None:
        told: list[Outcome] = [GotPing(b"p"), GotMessage("text", b"x")]
        for case in cases("a/b", "t", [Frame(PING, b"p"), Frame(TEXT, b"x")], told, []):
            assert case.expect == tuple(told)
