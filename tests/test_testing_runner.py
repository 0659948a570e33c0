"""Running and judging: that an implementation with a fault is told so, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from wsproto_core.testing.actions import Action, SendClose, SendMessage, SendPing
from wsproto_core.testing.adapter import ActionRefused, Unsupported
from wsproto_core.testing.cases import Case, Eof, Receive
from wsproto_core.testing.catalogue import select
from wsproto_core.testing.catalogue.building import Part, cases, close
from wsproto_core.testing.chunking import WHOLE, Chunking
from wsproto_core.testing.engine import EngineAdapter, EngineEndpoint
from wsproto_core.testing.frames import CLOSE, PING, PONG, RSV2, TEXT, Frame
from wsproto_core.testing.judging import (
    PASSED,
    Judgement,
    Verdict,
    judge_closed,
    judge_keys,
    judge_outcomes,
    show,
    worst,
)
from wsproto_core.testing.openings import accept_for
from wsproto_core.testing.outcomes import (
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Lost,
    Outcome,
    Refused,
    Rejected,
)
from wsproto_core.testing.runner import Observation, judge, player_of, run, run_all, ways_of
from wsproto_core.testing.settings import Open, Opening

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
FIELDS = {
    "Host": "example.com",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY.decode(),
}


def request(**fields: str) -> bytes:
    """A request whose fields are those of a right one, but for *fields*."""
    merged = {**FIELDS, **{name.replace("_", "-"): value for name, value in fields.items()}}
    lines = [f"{name}: {value}\r\n" for name, value in merged.items() if value]
    return f"GET /chat HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


def response(*fields: str, status: str = "101 Switching Protocols") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


RIGHT_RESPONSE = response(
    "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: {accept}"
)


def case_of(
    parts: Sequence[Part], expect: Sequence[Outcome], role: str = "server", **more: Any
) -> Case:
    (case,) = (
        case
        for case in cases("test/case", "a case", parts, expect, ["x"], **more)
        if case.role == role
    )
    return case


def listed(case_id: str) -> Case:
    (case,) = select([case_id])
    return case


class PlantedAdapter(EngineAdapter):
    """The engine, with endpoints of another class."""

    def __init__(self, endpoint: Callable[..., EngineEndpoint]) -> None:
        super().__init__()
        self.endpoint = endpoint

    def open(self, settings: Open) -> EngineEndpoint:
        made = super().open(settings)
        return self.endpoint(made.package, made.connection)

    def opening(self, settings: Opening) -> EngineEndpoint:
        connection = self.package.WSConnection(self.role(settings.role))
        return self.endpoint(self.package, connection, settings)


# Endpoints with one fault each ----------------------------------------------------------


class DropsPongs(EngineEndpoint):
    def pong(self, event: Any) -> None:
        pass


class AnswersWithOther(EngineEndpoint):
    def pong(self, event: Any) -> None:
        self.sent += self.connection.send(self.events.Pong(b"other"))


class SendsAfterClose(EngineEndpoint):
    late = Frame(TEXT, b"late")

    def data_to_send(self) -> bytes:
        sent = super().data_to_send()
        return sent + self.late.encode() if sent else b""


class SendsFragmentAfterClose(SendsAfterClose):
    late = Frame(TEXT, b"late", fin=False)


class ClosesTwice(SendsAfterClose):
    late = Frame(CLOSE, b"\x03\xe8")


class SendsBadFrameAfterClose(SendsAfterClose):
    late = Frame(3)


class Masks(EngineEndpoint):
    def pong(self, event: Any) -> None:
        self.sent += Frame(PONG, bytes(event.payload), masking_key=b"abcd").encode()


class UsesOneKey(EngineEndpoint):
    def send(self, action: Action) -> None:
        assert isinstance(action, SendMessage)
        payload = b"".join(action.fragments)
        self.sent += Frame(TEXT, payload, masking_key=b"abcd").encode()


class Raises(EngineEndpoint):
    def receive(self, data: bytes) -> None:
        raise ValueError("no such thing")


class DependsOnReads(EngineEndpoint):
    """Tells another code if the failure's frame did not arrive whole."""

    reads = 0

    def receive(self, data: bytes) -> None:
        self.reads += 1
        super().receive(data)

    def ending(self, event: Any) -> Outcome:
        return Failed(1002 if self.reads == 1 else 1008)

    def answer(self, event: Any) -> None:
        super().answer(event)
        self.sent = b""


class DoesNotAnswer(EngineEndpoint):
    def answer(self, event: Any) -> None:
        pass

    def closed(self) -> bool:
        return self.connection.state is self.package.ConnectionState.REMOTE_CLOSING


class StaysOpen(EngineEndpoint):
    def closed(self) -> bool:
        return False


class AnswersGoingAway(EngineEndpoint):
    def answer(self, event: Any) -> None:
        self.sent += self.connection.send(self.events.CloseConnection(1001))


class ClosesForNoReason(EngineEndpoint):
    def receive(self, data: bytes) -> None:
        super().receive(data)
        self.sent = Frame(CLOSE, b"\x03\xe8").encode()


class Echoes(EngineEndpoint):
    def receive(self, data: bytes) -> None:
        super().receive(data)
        for outcome in self.told:
            if isinstance(outcome, GotMessage):
                self.sent += Frame(TEXT, outcome.payload).encode()


class LosesMessages(EngineEndpoint):
    def outcomes(self) -> list[Outcome]:
        return [o for o in super().outcomes() if not isinstance(o, GotMessage)]


class TellsNothing(EngineEndpoint):
    def outcomes(self) -> list[Outcome]:
        return []


class TellsLoss(EngineEndpoint):
    def ending(self, event: Any) -> Outcome:
        return Lost()


class CannotPing(EngineEndpoint):
    def send(self, action: Action) -> None:
        raise Unsupported("no Pings")


class RefusesAll(EngineEndpoint):
    def send(self, action: Action) -> None:
        raise ActionRefused("no")


class SendsRefused(EngineEndpoint):
    """Sends whatever it is told to."""

    def send(self, action: Action) -> None:
        assert isinstance(action, SendClose)
        assert action.code is not None
        self.sent += Frame(CLOSE, action.code.to_bytes(2, "big")).encode()


class AnswersTeapot(EngineEndpoint):
    def reject(self, hint: Any) -> None:
        self.sent += response("Sec-WebSocket-Version: 13", status="418 I'm a teapot")


class AnswersOK(EngineEndpoint):
    def reject(self, hint: Any) -> None:
        self.sent += b"HTTP/1.1 200 OK\r\n\r\n"


class AcceptsAll(EngineEndpoint):
    def receive(self, data: bytes) -> None:
        accept = accept_for(KEY).decode()
        self.sent += response(
            "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}"
        )


class SaysNothing(EngineEndpoint):
    def data_to_send(self) -> bytes:
        return b""


BAD_FRAME = case_of([Frame(TEXT, b"bad", rsv=RSV2)], [Failed(1002)])
BAD_VERSION = case_of(
    [request(Sec_WebSocket_Version="12")],
    [Rejected(426, (("sec-websocket-version", "13"),))],
    opening=Opening("server"),
)
OPEN_TEXT = case_of([Frame(TEXT, b"hi")], [GotMessage("text", b"hi")])


class TestFaults:
    @pytest.mark.parametrize(
        ("endpoint", "case", "words"),
        [
            (DropsPongs, listed("control/ping-text@server"), "whole: had to send pong"),
            (
                DropsPongs,
                listed("control/2-pings@server"),
                "did not answer the Ping b'ping 1'",
            ),
            (AnswersWithOther, listed("control/2-pings@client"), "with Pongs [b'other'"),
            (SendsAfterClose, listed("closing/code-1000@server"), "sent data after its Close"),
            (SendsFragmentAfterClose, listed("closing/empty@server"), "sent data after its Close"),
            (SendsBadFrameAfterClose, listed("closing/empty@server"), "peer must fail with 1002"),
            (Masks, listed("control/ping-text@server"), "must fail with 1002: masking"),
            (UsesOneKey, listed("sending/same-messages@client"), "binary b'same again'"),
            (Raises, listed("framing/text-1@client"), "whole: raised ValueError: no such thing"),
            (
                DependsOnReads,
                listed("framing/rsv2-text@server"),
                "whole: failure 1002; bytewise: failure 1008",
            ),
            (DoesNotAnswer, listed("closing/empty@client"), "did not answer the Close frame"),
            (StaysOpen, BAD_FRAME, "failed, and did not close the connection"),
            (StaysOpen, listed("closing/empty@server"), "did not close the connection after"),
            (ClosesForNoReason, OPEN_TEXT, "closed with 1000 for no reason"),
            (Echoes, OPEN_TEXT, "sent what nobody asked for: text b'hi'"),
            (TellsNothing, OPEN_TEXT, "expected text b'hi'; seen nothing"),
            (LosesMessages, listed("framing/two-reads@client"), "seen nothing"),
            (SendsRefused, listed("sending/close-1006@server"), "must fail with 1002: close code"),
            (AnswersOK, BAD_VERSION, "expected rejected 426; seen rejected 200"),
            (AcceptsAll, BAD_VERSION, "expected rejected 426; seen accepted"),
            (
                SaysNothing,
                case_of([RIGHT_RESPONSE], [Failed(None)], "client", opening=Opening("client")),
                "sent no request",
            ),
        ],
    )
    def test_fails(self, endpoint: type[EngineEndpoint], case: Case, words: str) -> None:
        result = run(case, player_of(PlantedAdapter(endpoint)))
        assert result.verdict is Verdict.FAIL
        assert words in result.judgement.why

    def test_one_key_for_all_frames(self) -> None:
        case = case_of(
            [SendMessage("text", (b"a",))] * 3,
            [],
            "client",
            sent=[GotMessage("text", b"a")] * 3,
        )
        result = run(case, player_of(PlantedAdapter(UsesOneKey)))
        assert result.judgement == Judgement(
            Verdict.FAIL, "whole: used 1 different masking keys for 3 frames"
        )

    @pytest.mark.parametrize(
        ("endpoint", "case", "words"),
        [
            (ClosesTwice, listed("closing/empty@server"), "sent a second Close frame"),
            (AnswersGoingAway, listed("closing/code-1000@server"), "answered Close 1000 with 1001"),
            (
                AnswersGoingAway,
                BAD_FRAME,
                "told the application 1002, and the peer 1001",
            ),
            (DoesNotAnswer, BAD_FRAME, "failed without a Close frame"),
            (TellsLoss, listed("framing/length-top-bit-8000000000000000@client"), "seen lost"),
            (
                LosesMessages,
                listed("framing/rsv2-between-messages@server"),
                "seen failure 1002 (",
            ),
            (SaysNothing, BAD_VERSION, "expected rejected 426; seen failure"),
            (AnswersTeapot, BAD_VERSION, "expected rejected 426; seen rejected 418"),
        ],
    )
    def test_is_not_strict(self, endpoint: type[EngineEndpoint], case: Case, words: str) -> None:
        result = run(case, player_of(PlantedAdapter(endpoint)))
        assert result.verdict is Verdict.NON_STRICT
        assert words in result.judgement.why

    @pytest.mark.parametrize(
        ("endpoint", "case"),
        [
            (RefusesAll, listed("sending/close-1006@server")),
            (SendsRefused, replace(listed("sending/close-1000@server"), expect=())),
            (DropsPongs, listed("control/ping-then-close@server")),
            # Its own Close frame is not an answer, so its code is its own.
            (EngineEndpoint, case_of([SendClose(1001), close(1000)], [GotClose(1000, b"")])),
        ],
    )
    def test_passes(self, endpoint: type[EngineEndpoint], case: Case) -> None:
        assert run(case, player_of(PlantedAdapter(endpoint))).judgement == PASSED

    def test_what_is_missing_is_skipped(self) -> None:
        case = case_of([Frame(TEXT, b"a"), SendPing()], [])
        result = run(case, player_of(PlantedAdapter(CannotPing)))
        assert result.judgement == Judgement(Verdict.SKIPPED, "no Pings")
        assert [(attempt.way, attempt.observation) for attempt in result.attempts] == [
            ("whole", None)
        ]

    def test_all_are_run(self) -> None:
        results = list(run_all([OPEN_TEXT, BAD_FRAME], player_of(PlantedAdapter(StaysOpen))))
        assert [(r.case, r.verdict) for r in results] == [
            (OPEN_TEXT, Verdict.PASS),
            (BAD_FRAME, Verdict.FAIL),
        ]


class TestWays:
    def test_three(self) -> None:
        case = listed("framing/many-messages@server")
        ways = ways_of(case, 1)
        assert list(ways) == ["whole", "bytewise", "random"]
        assert ways == ways_of(case, 1)
        assert ways != ways_of(case, 2)

    def test_only_one_if_nothing_is_received(self) -> None:
        assert ways_of(case_of([SendPing()], []), 1) == {"whole": WHOLE}

    def test_large_cases_arrive_bytewise_at_their_ends(self) -> None:
        case = listed("framing/binary-65536@client")
        (step,) = case.steps
        assert isinstance(step, Receive)
        chunks = ways_of(case, 1)["bytewise"].apply(step.data)
        assert b"".join(chunks) == step.data
        assert {len(chunk) for chunk in chunks[:200] + chunks[-200:]} == {1}
        assert len(chunks) < 1000

    def test_after_its_end_an_endpoint_is_left_alone(self) -> None:
        seen = player_of(EngineAdapter())(
            case_of([close(), Frame(TEXT, b"late"), Eof()], [GotClose(1005, b"")]), Chunking(step=1)
        )
        # The masked Close frame: a header of two bytes, and the key.
        assert len(seen.received) == 6
        assert (seen.closed, seen.outcomes) == (True, (GotClose(1005, b""),))


class TestOpening:
    def test_a_server(self) -> None:
        case = case_of(
            [request(Sec_WebSocket_Protocol="a, b"), Frame(TEXT, b"early")],
            [Accepted("b", ""), GotMessage("text", b"early")],
            opening=Opening("server", subprotocols=("b",)),
        )
        assert run(case, player_of(EngineAdapter())).judgement == PASSED

    def test_a_server_that_has_not_answered_yet(self) -> None:
        case = case_of([request()[:-2]], [], opening=Opening("server"))
        assert run(case, player_of(EngineAdapter())).judgement == PASSED

    def test_a_server_that_rejects(self) -> None:
        assert run(BAD_VERSION, player_of(EngineAdapter())).judgement == PASSED

    def test_a_server_that_has_not_the_header(self) -> None:
        missing = replace(BAD_VERSION, expect=(Rejected(426, (("x-missing", ""),)),))
        result = run(missing, player_of(EngineAdapter()))
        assert result.verdict is Verdict.NON_STRICT

    def test_a_client(self) -> None:
        case = case_of(
            [RIGHT_RESPONSE, b"\x81\x01a"],
            [Accepted(), GotMessage("text", b"a")],
            "client",
            opening=Opening("client"),
        )
        assert run(case, player_of(EngineAdapter())).judgement == PASSED

    def test_a_client_that_agrees_on_deflate(self) -> None:
        data = RIGHT_RESPONSE.replace(
            b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        )
        case = case_of(
            [data],
            [Accepted(None, "permessage-deflate")],
            "client",
            opening=Opening("client", deflate=True),
        )
        assert run(case, player_of(EngineAdapter())).judgement == PASSED

    def test_a_client_whose_key_is_not_answered(self) -> None:
        data = RIGHT_RESPONSE.replace(b"{accept}", b"{accept:other}")
        case = case_of([data], [Failed(None)], "client", opening=Opening("client"))
        assert run(case, player_of(EngineAdapter())).judgement == PASSED

    def test_a_client_may_follow_a_redirection(self) -> None:
        asking = EngineAdapter().opening(Opening("client")).data_to_send()
        data = response("Location: /other", "Content-Length: 0", status="302 Found")
        case = case_of([data], [Rejected(302)], "client", opening=Opening("client"), tolerate=[()])
        asked_again = Observation(outcomes=(), sent=asking * 2, received=data)
        assert judge(case, asked_again).verdict is Verdict.NON_STRICT
        # But where there is a connection, HTTP is out of place.
        told = replace(asked_again, outcomes=(Accepted(),))
        assert judge(replace(case, expect=(Accepted(),)), told).verdict is Verdict.FAIL

    def test_a_client_that_is_rejected(self) -> None:
        data = response("Content-Length: 2", status="403 Forbidden") + b"no"
        case = case_of([data], [Rejected(403)], "client", opening=Opening("client"))
        assert run(case, player_of(EngineAdapter())).judgement == PASSED


class TestJudging:
    """What no endpoint can be made to do for the occasion."""

    def test_what_the_application_is_not_told_is_not_compared_with_what_is_sent(self) -> None:
        # As of a server at an address, of which only what it sends is seen.
        case = case_of([Frame(PING, b"p")], [])
        silent = Observation(outcomes=(), sent=b"", received=b"", told=False)
        assert judge(case, silent) == PASSED
        closing = replace(silent, sent=close(1000).encode())
        assert judge(case, closing) == PASSED
        assert judge(case, replace(closing, told=True)).verdict is Verdict.FAIL

    def test_a_rejection_instead_of_a_failure(self) -> None:
        assert judge_outcomes(BAD_FRAME, [Rejected(400)]).verdict is Verdict.NON_STRICT

    def test_a_rejection_of_another_kind_after_the_same(self) -> None:
        case = replace(BAD_FRAME, expect=(Rejected(400),))
        assert judge_outcomes(case, [Failed(None)]).verdict is Verdict.NON_STRICT
        assert judge_outcomes(case, [GotPing(b""), Failed(None)]).verdict is Verdict.FAIL
        assert judge_outcomes(case, [Lost()]).verdict is Verdict.FAIL

    def test_refusals_behind_a_failure_do_not_matter(self) -> None:
        case = replace(BAD_FRAME, expect=(Failed(1002), Refused()))
        assert judge_outcomes(case, [Failed(1008), Refused()]).verdict is Verdict.NON_STRICT
        assert judge_outcomes(OPEN_TEXT, [GotPing(b"")]).verdict is Verdict.FAIL
        assert judge_outcomes(case, [Refused()]).verdict is Verdict.FAIL

    def test_a_client_may_wait_for_its_server_to_close(self) -> None:
        server, client = select(["closing/empty@*"])
        assert judge_closed(client, [GotClose(1005, b"")], False) == PASSED
        assert judge_closed(server, [GotClose(1005, b"")], False).verdict is Verdict.FAIL
        assert judge_closed(server, [GotClose(1005, b"")], True) == PASSED
        assert judge_closed(server, [], False) == PASSED

    def test_a_key_that_comes_twice_by_chance(self) -> None:
        assert judge_keys([]) == PASSED
        assert judge_keys([b"aaaa", b"bbbb", b"aaaa"]) == PASSED
        assert judge_keys([b"aaaa", b"aaaa", b"aaaa"]).verdict is Verdict.FAIL

    def test_the_first_of_the_worst_counts(self) -> None:
        some = [
            PASSED,
            Judgement(Verdict.FAIL, "one"),
            Judgement(Verdict.NON_STRICT, "two"),
            Judgement(Verdict.FAIL, "three"),
        ]
        assert worst(some) == some[1]
        assert worst([]) == PASSED

    @pytest.mark.parametrize(
        ("outcome", "words"),
        [
            (GotMessage("binary", b"\x00"), r"binary b'\x00'"),
            (
                GotMessage("text", b"x" * 50),
                f"text {b'x' * 32!r}... (50 bytes)",
            ),
            (GotPing(b""), "ping b''"),
            (GotPong(b"p"), "pong b'p'"),
            (GotClose(1000, b""), "close 1000"),
            (GotClose(1000, b"bye"), "close 1000 b'bye'"),
            (Failed(None), "failure"),
            (Failed(1002, "why"), "failure 1002 (why)"),
            (Accepted(), "accepted (no subprotocol; no extension)"),
            (Accepted("chat", "deflate"), "accepted (chat; deflate)"),
            (Rejected(400), "rejected 400"),
            (Lost(), "lost"),
            (Refused(), "refused"),
        ],
    )
    def test_outcomes_as_a_reader_sees_them(self, outcome: Outcome, words: str) -> None:
        assert show([outcome]) == words
