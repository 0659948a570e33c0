"""Each property tells an endpoint with a fault what is wrong, and leaves a right one alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import pytest

from wsproto_core.testing import properties
from wsproto_core.testing.actions import Action, SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.adapter import Unsupported
from wsproto_core.testing.chunking import BYTEWISE, WHOLE, Chunking
from wsproto_core.testing.deflate_blocks import fixed, match, message
from wsproto_core.testing.engine import EngineAdapter, EngineEndpoint
from wsproto_core.testing.frames import BINARY, CLOSE, PING, RSV1, RSV2, RSV3, TEXT, Frame
from wsproto_core.testing.model import failing
from wsproto_core.testing.outcomes import (
    DeflateSettings,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    Lost,
    Outcome,
    ReceiveLimits,
)
from wsproto_core.testing.permitting import permits
from wsproto_core.testing.properties import (
    BAD_URIS,
    Disagreement,
    check_bad_uris,
    check_chunking,
    check_conversation,
    check_nonces,
    check_opening,
    check_stream,
    difference,
    observe,
)
from wsproto_core.testing.requirements import REQUIREMENTS
from wsproto_core.testing.scenarios import Scenario
from wsproto_core.testing.settings import Deflate, Open, Opening
from wsproto_core.testing.strategies.conversations import Conversation, Turn
from wsproto_core.testing.strategies.openings import OpeningScenario

from .test_testing_runner import (
    RIGHT_RESPONSE,
    AcceptsAll,
    AnswersGoingAway,
    AnswersOK,
    DependsOnReads,
    DropsPongs,
    LosesMessages,
    PlantedAdapter,
    Raises,
    SaysNothing,
    request,
    response,
)

ENGINE: Final = EngineAdapter()


def stream(*frames: Frame, role: Any = "client", eof: bool = False, **more: Any) -> Scenario:
    return Scenario(b"".join(frame.encode() for frame in frames), eof, role, **more)


def problem_of(check: Callable[[], object]) -> Disagreement:
    with pytest.raises(Disagreement) as raised:
        check()
    return raised.value


HELLO: Final = Frame(TEXT, b"Hello")


class TestStreams:
    def test_a_right_endpoint(self) -> None:
        seen = check_stream(ENGINE, stream(HELLO, Frame(PING, b"p")), BYTEWISE, strict=True)
        assert seen.outcomes == (GotMessage("text", b"Hello"), GotPing(b"p"))
        check_chunking(ENGINE, stream(HELLO, eof=True), Chunking(3))

    def test_it_raises(self) -> None:
        problem = problem_of(lambda: check_stream(PlantedAdapter(Raises), stream(HELLO), WHOLE))
        assert problem.kind == "raises ValueError"
        assert "TEXT FIN" in str(problem)
        assert str(problem).endswith("raised ValueError: no such thing")

    def test_it_tells_something_else(self) -> None:
        scenario = stream(
            HELLO,
            eof=True,
            deflate=DeflateSettings(window_bits=9),
            limits=ReceiveLimits(max_fragments=3),
        )
        problem = problem_of(lambda: check_stream(PlantedAdapter(LosesMessages), scenario, WHOLE))
        assert problem.kind == "text message expected, Lost seen"
        lines = str(problem).splitlines()
        assert lines[0] == "text message expected, Lost seen: a client"
        assert lines[1].startswith("  with Deflate(")
        assert lines[2].startswith("  with ReceiveLimits(")
        assert "  end of the transport" in lines
        assert lines[-1] == "expected text b'Hello', lost; seen lost"

    def test_it_does_not_answer(self) -> None:
        scenario = stream(Frame(PING, b"p"))
        problem = problem_of(lambda: check_stream(PlantedAdapter(DropsPongs), scenario, WHOLE))
        assert problem.kind == "did not answer the Ping b'p'"

    def test_another_close_code_is_nothing_unless_strict(self) -> None:
        adapter = PlantedAdapter(AnswersGoingAway)
        scenario = stream(Frame(CLOSE, b"\x03\xe8"))
        check_stream(adapter, scenario, WHOLE)
        problem = problem_of(lambda: check_stream(adapter, scenario, WHOLE, strict=True))
        assert problem.kind == "answered Close 1000 with 1001"

    def test_it_depends_on_the_chunks(self) -> None:
        adapter = PlantedAdapter(DependsOnReads)
        scenario = stream(Frame(TEXT, b"bad", rsv=RSV2))
        problem = problem_of(lambda: check_chunking(adapter, scenario, WHOLE))
        assert problem.kind == "depends on the chunks"
        assert str(problem).endswith("bytewise failure 1008; in chunks failure 1002")

    def test_what_it_cannot_be_set_up_with_is_unsupported(self) -> None:
        class Plain(EngineAdapter):
            def open(self, settings: Open) -> EngineEndpoint:
                raise Unsupported("no such role")

        for check in (check_stream, check_chunking, observe):
            with pytest.raises(Unsupported, match="no such role"):
                check(Plain(), stream(HELLO), WHOLE)

    @pytest.mark.parametrize(
        ("expected", "seen", "words"),
        [
            ([], [], ""),
            ([Lost()], [Lost()], ""),
            ([Lost()], [], "Lost expected, nothing seen"),
            ([], [GotPing(b"1")], "nothing expected, GotPing seen"),
            (
                [GotMessage("text", b"1")],
                [GotMessage("binary", b"1")],
                "text message expected, binary message seen",
            ),
            ([GotClose(1000, b"")], [GotClose(0, b"")], "close expected, close 0 seen"),
            (
                [Failed(1002, "RSV1")],
                [Failed(1009, "in words of its own")],
                "failure 1002 (RSV1) expected, failure 1009 seen",
            ),
        ],
    )
    def test_differences_do_not_depend_on_payloads(
        self, expected: list[Outcome], seen: list[Outcome], words: str
    ) -> None:
        assert difference(expected, seen) == words

    def test_the_requirements_exist(self) -> None:
        assert set(properties.REQUIREMENT_OF.values()) <= set(REQUIREMENTS)


FAR_BACK: Final = Frame(
    BINARY, message(fixed(bytes(range(250)) + b"0123456789" * 20, match(3, 300))), rsv=RSV1
)


class TestPermitting:
    """What the RFCs leave open, an endpoint may do in one way or the other."""

    def test_what_the_model_says(self) -> None:
        scenario = stream(HELLO)
        assert permits(scenario, [GotMessage("text", b"Hello")])
        assert not permits(scenario, [])
        assert not permits(scenario, [GotMessage("text", b"Hallo")])

    def test_a_match_beyond_the_window(self) -> None:
        scenario = stream(HELLO, FAR_BACK, deflate=DeflateSettings(window_bits=8))
        *before, end = scenario.reading().outcomes
        assert isinstance(end, Failed)
        assert end.why == failing.BEYOND_WINDOW
        assert permits(scenario, [*before, end])
        assert permits(scenario, [*before, GotMessage("binary", bytes(453))])
        assert not permits(scenario, [])
        check_stream(ENGINE, scenario, WHOLE, strict=True)
        check_stream(ENGINE, scenario, BYTEWISE, strict=True)

    def test_it_may_be_noticed_in_some_chunks_only(self) -> None:
        class Notices(EngineEndpoint):
            """A match beyond the window, but only if the frame does not come at once."""

            reads = 0

            def receive(self, data: bytes) -> None:
                self.reads += 1

            def outcomes(self) -> list[Outcome]:
                return [Failed(1007)] if self.reads == len(FAR_BACK.encode()) else []

        scenario = stream(FAR_BACK, deflate=DeflateSettings(window_bits=8))
        adapter = PlantedAdapter(Notices)
        seen = [observe(adapter, scenario, chunking).outcomes for chunking in (WHOLE, BYTEWISE)]
        assert seen[0] != seen[1]
        check_chunking(adapter, scenario, WHOLE)

    def test_too_big_and_corrupt(self) -> None:
        def data(*bits: str) -> Frame:
            return Frame(BINARY, message(fixed(bytes(20), *bits)), rsv=RSV1)

        def of(frame: Frame) -> Scenario:
            limits = ReceiveLimits(max_message_size=10)
            return stream(HELLO, frame, deflate=DeflateSettings(), limits=limits)

        hello = GotMessage("text", b"Hello")
        corrupt = of(data("11000110"))  # symbol 286, which has no meaning
        assert corrupt.reading().outcomes[-1] == Failed(1009)
        assert permits(corrupt, [hello, Failed(1009)])
        assert permits(corrupt, [hello, Failed(1007)])
        assert not permits(corrupt, [hello, Failed(1002)])
        assert not permits(corrupt, [Failed(1007)])
        big = of(data())
        assert permits(big, [hello, Failed(1009)])
        assert not permits(big, [hello, Failed(1007)])


class Together(EngineEndpoint):
    """Two of them understand each other, and nobody else does."""

    def data_to_send(self) -> bytes:
        sent = super().data_to_send()
        return bytes([sent[0] ^ RSV3 << 4]) + sent[1:] if sent else b""

    def receive(self, data: bytes) -> None:
        super().receive(bytes([data[0] ^ RSV3 << 4]) + data[1:])


class CannotSend(EngineEndpoint):
    def send(self, action: Action) -> None:
        raise Unsupported("no actions")


class Breaks(EngineEndpoint):
    def send(self, action: Action) -> None:
        raise KeyError("gone")


def conversation(*actions: Action, deflate: Deflate | None = None) -> Conversation:
    return Conversation(tuple(Turn("client", action, WHOLE) for action in actions), deflate)


class TestConversations:
    def test_two_right_endpoints(self) -> None:
        actions = (
            SendMessage("text", (b"Hel", b"lo")),
            SendPing(b"1"),
            SendPong(b"2"),
            SendMessage("binary", (b"",)),
        )
        for deflate in (None, Deflate(client_max_window_bits=9)):
            for close in (SendClose(None), SendClose(1001, "away")):
                talk = conversation(*actions, close, deflate=deflate)
                check_conversation(ENGINE, ENGINE, talk)
        check_conversation(ENGINE, ENGINE, conversation())

    def test_the_receiver_is_told_something_else(self) -> None:
        talk = conversation(SendMessage("text", (b"Hello",)))
        deaf = PlantedAdapter(LosesMessages)
        problem = problem_of(lambda: check_conversation(ENGINE, deaf, talk))
        assert problem.kind == "conversation: text message expected, nothing seen"
        assert str(problem).endswith("expected text b'Hello'; seen nothing")

    def test_the_answer_is_missing(self) -> None:
        talk = conversation(SendPing(b"p"))
        problem = problem_of(lambda: check_conversation(ENGINE, PlantedAdapter(DropsPongs), talk))
        assert problem.kind == "conversation: GotPong expected, nothing seen"
        assert str(problem).startswith("the answer to SendPing")

    def test_they_agree_with_each_other_but_not_with_the_model(self) -> None:
        adapter = PlantedAdapter(Together)
        talk = conversation(SendPong(b"p"))
        problem = problem_of(lambda: check_conversation(adapter, adapter, talk))
        assert problem.kind == "conversation: GotPong expected, failure 1002 (RSV2 or RSV3) seen"
        assert str(problem).startswith("the client's bytes, to the model")

    def test_it_raises(self) -> None:
        talk = conversation(SendPong())
        problem = problem_of(lambda: check_conversation(PlantedAdapter(Breaks), ENGINE, talk))
        assert problem.kind == "conversation: raises KeyError"
        assert "SendPong" in str(problem)

    def test_what_it_has_not_is_unsupported(self) -> None:
        with pytest.raises(Unsupported, match="no actions"):
            check_conversation(PlantedAdapter(CannotSend), ENGINE, conversation(SendPing()))


class RejectsAll(EngineEndpoint):
    def receive(self, data: bytes) -> None:
        self.sent = response("Content-Length: 0", status="403 Forbidden")


class SendsNoRequest(EngineEndpoint):
    def data_to_send(self) -> bytes:
        return b""


class SendsOtherTarget(EngineEndpoint):
    def data_to_send(self) -> bytes:
        return super().data_to_send().replace(b"/other", b"/chat")


class SendsRequest(EngineEndpoint):
    """A client that knows nothing of its settings, and reads no URI."""

    def data_to_send(self) -> bytes:
        sent = self.sent and request()
        self.sent = b""
        return sent


def opening(data: bytes, role: Any = "server", **more: Any) -> OpeningScenario:
    return OpeningScenario(data, Opening(role, **more))


BAD_VERSION: Final = opening(request(Sec_WebSocket_Version="12"))
EMPTY_TEXT: Final = b"\x81\x80\x00\x00\x00\x00"


class TestOpenings:
    @pytest.mark.parametrize(
        "scenario",
        [
            opening(request() + EMPTY_TEXT),
            opening(request(Sec_WebSocket_Protocol="x"), subprotocols=("x",)),
            opening(request(Sec_WebSocket_Extensions="permessage-deflate"), deflate=True),
            opening(request()[:-2]),
            BAD_VERSION,
            opening(b"GET /"),
            opening(RIGHT_RESPONSE + b"\x81\x00", "client"),
            opening(response(status="403 Forbidden"), "client"),
            opening(b"SSH-2.0\r\n\r\n", "client"),
            opening(b"", "client"),
        ],
    )
    @pytest.mark.parametrize("chunking", [WHOLE, BYTEWISE])
    def test_a_right_endpoint(self, scenario: OpeningScenario, chunking: Chunking) -> None:
        check_opening(ENGINE, scenario, chunking)

    @pytest.mark.parametrize(
        ("endpoint", "scenario", "kind"),
        [
            (Raises, opening(request()), "raises ValueError"),
            (
                AcceptsAll,
                BAD_VERSION,
                "Accepted seen, where the model says reject: a version .*",
            ),
            (
                RejectsAll,
                opening(request()),
                "Rejected seen, where the model says accept: nothing is wrong",
            ),
            (SendsNoRequest, opening(RIGHT_RESPONSE, "client"), "no request was sent"),
            (AnswersOK, BAD_VERSION, ".*not answered with an error .*|Rejected seen.*"),
            (
                SendsOtherTarget,
                opening(RIGHT_RESPONSE, "client", target="/other"),
                "the target is b'/chat' .*",
            ),
            (
                LosesMessages,
                opening(request() + EMPTY_TEXT),
                "behind the handshake: text message expected, nothing seen",
            ),
        ],
    )
    def test_faults(
        self, endpoint: Callable[..., EngineEndpoint], scenario: OpeningScenario, kind: str
    ) -> None:
        problem = problem_of(lambda: check_opening(PlantedAdapter(endpoint), scenario, WHOLE))
        assert re.fullmatch(kind, problem.kind), problem.kind
        text = str(problem)
        assert text.startswith(f"{problem.kind}: a Opening(role=")
        assert "seen " in text.splitlines()[-1]

    def test_nonces(self) -> None:
        check_nonces(ENGINE, 8)
        problem = problem_of(lambda: check_nonces(PlantedAdapter(SendsRequest), 8))
        assert (problem.kind, str(problem)) == ("nonces", "8 requests have 1 different keys")
        problem = problem_of(lambda: check_nonces(PlantedAdapter(SaysNothing), 8))
        assert str(problem) == "8 requests have 0 different keys"

    @pytest.mark.parametrize("name", BAD_URIS)
    def test_bad_uris(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        check_bad_uris(ENGINE)
        bad = BAD_URIS[name]
        monkeypatch.setattr(properties, "BAD_URIS", {name: bad})

        class Believes(EngineEndpoint):
            def data_to_send(self) -> bytes:
                return f"GET {bad.target} HTTP/1.1\r\nHost: {bad.host}\r\n\r\n".encode()

        class Careless(EngineAdapter):
            def opening(self, settings: Opening) -> EngineEndpoint:
                return Believes(self.package, self.package.WSConnection(self.role("client")))

        problem = problem_of(lambda: check_bad_uris(Careless()))
        assert problem.kind == f"bad URI: {name}"

    def test_who_sends_nothing_has_not_refused(self) -> None:
        class Silent(EngineAdapter):
            def opening(self, settings: Opening) -> EngineEndpoint:
                return EngineEndpoint(self.package, self.package.WSConnection(self.role("client")))

        problem = problem_of(lambda: check_bad_uris(Silent()))
        assert (problem.kind, str(problem)) == ("bad URI: fragment", "sent b''")

    def test_who_escapes_is_right(self) -> None:
        class Escapes(EngineAdapter):
            def opening(self, settings: Opening) -> EngineEndpoint:
                if not settings.host.isprintable() or set(settings.host) <= {" "}:
                    raise ValueError(settings.host)
                quoted = Opening("client", host=quote(settings.host), target=quote(settings.target))
                return super().opening(quoted)

        check_bad_uris(Escapes())

    def test_bad_uris_need_a_client(self) -> None:
        class NoClient(EngineAdapter):
            def opening(self, settings: Opening) -> EngineEndpoint:
                raise Unsupported("no client")

        with pytest.raises(Unsupported, match="no client"):
            check_bad_uris(NoClient())
