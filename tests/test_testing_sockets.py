"""The kit on implementations that own a socket: what is read off the wire, and loopback."""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from wsproto_core.testing.actions import SendPing
from wsproto_core.testing.cases import Case, Do, Eof, Level, Outcomes, Receive, Step
from wsproto_core.testing.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    RSV1,
    RSV2,
    TEXT,
    Frame,
)
from wsproto_core.testing.judging import Verdict
from wsproto_core.testing.openings import accept_for, head_of
from wsproto_core.testing.outcomes import (
    Accepted,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Lost,
    Outcome,
    ReceiveLimits,
    Rejected,
    Role,
)
from wsproto_core.testing.runner import Result
from wsproto_core.testing.settings import Deflate, Open, Opening
from wsproto_core.testing.sockets import (
    CaseServer,
    Timing,
    play_server_cases,
    run_client_cases,
    run_server_cases,
    visible,
)
from wsproto_core.testing.sockets.playing import MASKING_KEY, PROBE
from wsproto_core.testing.sockets.servers import Server
from wsproto_core.testing.sockets.visible import Play, judge_play
from wsproto_core.testing.sockets.wire import (
    Watch,
    allows,
    deflate_of,
    split_head,
    stops_within_a_frame,
)

from .echoing import Tracked, ask, echo_server, serving

KEY = b"mask"
#: For peers that are waited for in vain.
SHORT = Timing(timeout=0.25, quiet=0.02)
#: For peers that answer in time on any machine.
LONG = Timing(timeout=20.0)


def to_server(opcode: int, payload: bytes = b"", **rest: object) -> bytes:
    return Frame(opcode, payload, masking_key=KEY, **rest).encode()  # type: ignore[arg-type]


def to_client(opcode: int, payload: bytes = b"", **rest: object) -> bytes:
    return Frame(opcode, payload, **rest).encode()  # type: ignore[arg-type]


def send_to(role: Role) -> Callable[..., bytes]:
    return to_server if role == "server" else to_client


def case(
    role: Role,
    data: bytes | Sequence[Step],
    *expect: Outcome,
    settings: Open | Opening | None = None,
    also: tuple[Outcomes, ...] = (),
    tolerate: tuple[Outcomes, ...] = (),
    name: str = "test/case",
) -> Case:
    return Case(
        name=name,
        title="a case",
        settings=settings or Open(role),
        steps=(Receive(data),) if isinstance(data, bytes) else tuple(data),
        expect=expect,
        requirements=(),
        level=Level.POLICY,
        also=also,
        tolerate=tolerate,
        note="For these tests.",
    )


# Pure ---------------------------------------------------------------------------------


class TestWatch:
    @pytest.mark.parametrize("masked", [True, False])
    @pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
    def test_counts_messages_however_they_come(self, size: int, masked: bool) -> None:
        send = to_server if masked else to_client
        stream = (
            send(TEXT, b"x" * size, fin=False)
            + send(PING, b"ping")
            + send(PONG, b"pong")
            + send(CONTINUATION, b"")
            + send(BINARY, b"x" * size)
        )
        pieces, whole = Watch(), Watch()
        for i in range(0, len(stream), 7):
            pieces.feed(stream[i : i + 7])
        whole.feed(stream)
        for watch in (pieces, whole):
            assert (watch.messages, watch.pongs, watch.closed) == (2, [b"pong"], False)
            assert watch.position == len(stream)

    def test_looks_at_nothing_behind_a_close_frame(self) -> None:
        watch = Watch()
        watch.feed(to_client(CLOSE) + to_client(TEXT) + b"\x81")
        assert (watch.closed, watch.messages) == (True, 0)

    def test_where_a_stream_stops(self) -> None:
        stream = to_client(TEXT, b"x" * 200, fin=False) + to_client(CLOSE)
        first = len(to_client(TEXT, b"x" * 200))
        within = [stops_within_a_frame(stream[:i]) for i in range(len(stream) + 1)]
        assert [i for i, inside in enumerate(within) if not inside] == [0, first, len(stream)]
        assert not stops_within_a_frame(stream + b"\x81")


def test_a_head_may_have_lines_of_any_kind() -> None:
    assert split_head(b"GET / HTTP/1.1\nHost: a\r\n\nrest") == (
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"rest",
    )
    assert split_head(b"GET / HTTP/1.1\r\nHost: a\r\n") is None


@pytest.mark.parametrize(
    "deflate",
    [
        Deflate(),
        Deflate(server_no_context_takeover=True, client_max_window_bits=9),
        Deflate(client_no_context_takeover=True, server_max_window_bits=10),
    ],
)
def test_agreed_parameters_of_a_response(deflate: Deflate) -> None:
    assert deflate_of(deflate.header()) == deflate
    assert deflate_of(f" , {deflate.header()},") == deflate


def test_other_responses_agree_on_nothing_known() -> None:
    assert deflate_of("") is None
    assert deflate_of('permessage-deflate; server_max_window_bits="\\9"') == Deflate(
        server_max_window_bits=9
    )
    for extensions in ("x-webkit", "permessage-deflate; x", "permessage-deflate, x",
                       "permessage-deflate; client_max_window_bits"):  # fmt: skip
        with pytest.raises(ValueError, match=r"permessage-deflate|invalid literal"):
            deflate_of(extensions)


@pytest.mark.parametrize(
    ("offers", "deflate", "expected"),
    [
        ("", Deflate(), False),
        ("x-webkit", Deflate(), False),
        ("permessage-deflate", Deflate(), True),
        ("x-webkit, permessage-deflate", Deflate(), True),
        ("permessage-deflate", Deflate(client_max_window_bits=9), False),
        ("permessage-deflate; client_max_window_bits", Deflate(client_max_window_bits=9), True),
        ("permessage-deflate; client_max_window_bits=9", Deflate(client_max_window_bits=9), True),
        ("permessage-deflate; client_max_window_bits=8", Deflate(client_max_window_bits=9), False),
        ("permessage-deflate; client_max_window_bits=x", Deflate(client_max_window_bits=9), False),
        ("permessage-deflate; server_max_window_bits=9", Deflate(), False),
        ('permessage-deflate; server_max_window_bits="9"', Deflate(server_max_window_bits=8), True),
        ("permessage-deflate; server_no_context_takeover", Deflate(), False),
        (
            "permessage-deflate; server_no_context_takeover",
            Deflate(server_no_context_takeover=True),
            True,
        ),
    ],
)
def test_what_a_client_offers_allows(offers: str, deflate: Deflate, expected: bool) -> None:
    assert allows(offers, deflate) is expected


class TestVisible:
    def test_pongs_are_not(self) -> None:
        a = GotMessage("text", b"a")
        seen = visible(
            case("server", b"", GotPong(b""), a, also=((GotPong(b""),),), tolerate=((a,),))
        )
        assert (seen.expect, seen.also, seen.tolerate, seen.sent) == ((a,), ((),), ((a,),), None)

    def test_a_client_does_not_say_why_the_opening_handshake_failed(self) -> None:
        opening = Opening("client")
        for end in (Rejected(403), Lost(), Failed(None)):
            assert visible(case("client", b"", end, settings=opening)).expect == (Failed(None),)
        accepted = (Accepted(), Lost())
        assert visible(case("client", b"", *accepted, settings=opening)).expect == accepted

    def test_a_server_does_say_it(self) -> None:
        opening = Opening("server")
        rejected = case("server", b"", Rejected(403), settings=opening)
        assert visible(rejected).expect == (Rejected(403),)
        lost = case("server", b"", Lost(), settings=opening)
        assert visible(lost).expect == (Failed(None),)
        assert visible(case("server", b"", Lost())).expect == (Lost(),)


Answer = Outcome | tuple[int, bytes]

A: Outcome = GotMessage("text", b"a")
B: Outcome = GotMessage("binary", b"b")
P: Outcome = GotPing(b"p")
Q: Outcome = GotPing(b"q")
BYE: Outcome = GotClose(1000, b"bye")
#: What the endpoint sends for each of them.
ANSWERS: dict[Outcome, tuple[int, bytes]] = {
    A: (TEXT, b"a"),
    B: (BINARY, b"b"),
    P: (PONG, b"p"),
    Q: (PONG, b"q"),
    GotPong(b""): (PING, b""),
}


def close_frame(code: int, reason: bytes = b"") -> tuple[int, bytes]:
    return CLOSE, code.to_bytes(2, "big") + reason


def verdict_of(
    role: Role,
    expect: Sequence[Outcome],
    answers: Iterable[Answer],
    *,
    received: bytes = b"",
    probed: bool = True,
    ended: bool = False,
    eof: bool = False,
) -> tuple[str, str]:
    frames = [ANSWERS[a] if not isinstance(a, tuple) else a for a in answers]
    keys = iter(range(100))
    sent = b"".join(
        Frame(
            opcode, payload, masking_key=None if role == "server" else bytes([1, 2, 3, next(keys)])
        ).encode()
        for opcode, payload in frames
    )
    play = Play(sent, received, PROBE if probed else None, ended, eof)
    _, judgement = judge_play(case(role, received, *expect), play)
    return judgement.verdict.name, judgement.why


@pytest.mark.parametrize("role", ["client", "server"])
class TestWhatIsSeen:
    """Judged by what the endpoint has sent."""

    def test_all_is_answered(self, role: Role) -> None:
        assert verdict_of(role, [A, P, B], [A, P, B, (PONG, PROBE)]) == ("PASS", "")

    def test_pongs_and_echoes_overtake_each_other(self, role: Role) -> None:
        assert verdict_of(role, [A, P, B], [P, (PONG, PROBE), A, B])[0] == "PASS"

    def test_echoes_do_not_overtake_each_other(self, role: Role) -> None:
        assert verdict_of(role, [A, B], [B, A, (PONG, PROBE)])[0] == "FAIL"

    def test_pongs_do_not_overtake_each_other(self, role: Role) -> None:
        assert verdict_of(role, [P, Q], [Q, P, (PONG, PROBE)])[0] == "FAIL"

    def test_only_the_latest_ping_need_be_answered(self, role: Role) -> None:
        assert verdict_of(role, [P, Q], [Q], probed=False)[0] == "PASS"
        assert verdict_of(role, [P, Q], [(PONG, PROBE)])[0] == "PASS"
        assert verdict_of(role, [P, Q], [P], probed=False)[0] == "FAIL"

    def test_pings_of_the_endpoint_are_nobodys_case(self, role: Role) -> None:
        assert verdict_of(role, [A], [A, GotPong(b""), (PONG, PROBE)])[0] == "PASS"

    def test_a_wrong_echo(self, role: Role) -> None:
        verdict, why = verdict_of(role, [A], [B, (PONG, PROBE)])
        assert (verdict, why) == ("FAIL", "expected text b'a'; seen binary b'b'")

    def test_no_pong(self, role: Role) -> None:
        assert verdict_of(role, [A], [A]) == ("FAIL", "did not answer a Ping that followed")

    def test_an_end_that_nobody_expects(self, role: Role) -> None:
        verdict, why = verdict_of(role, [A], [A], ended=True)
        assert (verdict, why) == ("FAIL", "expected text b'a'; seen text b'a', failure")
        verdict, why = verdict_of(role, [A], [A, close_frame(1001)], ended=True)
        assert (verdict, why) == ("FAIL", "expected text b'a'; seen text b'a', failure 1001")

    def test_failures(self, role: Role) -> None:
        expect = [A, P, Failed(1002)]
        tries: list[tuple[list[Answer], str]] = [
            ([A, P, close_frame(1002)], "PASS"),
            ([P, A, close_frame(1002)], "PASS"),
            ([A, close_frame(1002)], "PASS"),  # no Ping need be answered any more
            ([A, P, close_frame(1007)], "NON_STRICT"),
            ([A, P], "NON_STRICT"),
            ([P, close_frame(1002)], "NON_STRICT"),
            ([P], "NON_STRICT"),
            ([], "NON_STRICT"),
            ([B, P, close_frame(1002)], "FAIL"),
            ([A, P, A, close_frame(1002)], "FAIL"),
        ]
        for answers, verdict in tries:
            assert verdict_of(role, expect, answers, ended=True)[0] == verdict, answers
        assert verdict_of(role, expect, [A, P, (PONG, PROBE)])[0] == "FAIL"
        verdict, why = verdict_of(role, expect, [A, P, close_frame(1002)], probed=False)
        assert (verdict, why) == ("FAIL", "failed, and did not close the connection")

    def test_answers_to_a_close_frame(self, role: Role) -> None:
        received = send_to(role)(*close_frame(1000, b"bye"))
        tries: list[tuple[list[Answer], str]] = [
            ([A, close_frame(1000, b"bye")], "PASS"),
            ([A, close_frame(1000)], "PASS"),
            ([A, close_frame(1001)], "NON_STRICT"),
            ([A, (CLOSE, b"")], "NON_STRICT"),
            ([close_frame(1000)], "NON_STRICT"),
            ([A, close_frame(1002)], "FAIL"),
            ([A], "FAIL"),
            ([A, close_frame(1000), A], "FAIL"),
        ]
        for answers, verdict in tries:
            seen = verdict_of(role, [A, BYE], answers, received=received, probed=False, ended=True)
            assert seen[0] == verdict, answers
        why = verdict_of(role, [BYE], [close_frame(4000)], received=received, ended=True)[1]
        assert why == "answered Close 1000 with 4000"

    def test_the_end_of_the_transport(self, role: Role) -> None:
        tries: list[tuple[list[Answer], str]] = [
            ([A, P], "PASS"),
            ([A, P, close_frame(1001)], "NON_STRICT"),
            ([P], "NON_STRICT"),
            ([A], "FAIL"),
        ]
        for answers, verdict in tries:
            seen = verdict_of(role, [A, P, Lost()], answers, probed=False, ended=True, eof=True)
            assert seen[0] == verdict, answers

    def test_what_the_peer_cannot_read(self, role: Role) -> None:
        verdict, why = verdict_of(role, [A], [A, close_frame(1005)], ended=True)
        assert verdict == "FAIL"
        assert "close code" in why or "seen" in why


# A server at an address ---------------------------------------------------------------


REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: {accept}\r\n"
)
#: "Hello" in RFC 7692 §7.2.3.1.
HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"
DEFLATES = (
    Deflate(),
    Deflate(server_no_context_takeover=True, client_max_window_bits=10),
    Deflate(client_no_context_takeover=True, server_max_window_bits=9),
)


def playable_cases(role: Role) -> list[Case]:
    """Cases of every kind that a program with a socket can be asked for; all are different."""
    send = send_to(role)
    large = bytes(range(256)) * 200
    hello = GotMessage("text", b"Hello")
    bye = send(*close_frame(1000, b"bye"))
    fragmented = send(TEXT, b"a", fin=False) + send(PING, b"p") + send(CONTINUATION, b"")
    settings = [Open(role, deflate) for deflate in DEFLATES]
    return [
        case(role, send(TEXT, b"a") + send(PING, b"p") + send(BINARY, b"b"), A, P, B),
        case(role, send(BINARY, large), GotMessage("binary", large)),
        case(role, fragmented, P, A),
        case(role, fragmented[: -len(send(CONTINUATION, b""))], P),
        case(role, send(TEXT, b"a") + send(TEXT, b"b")[:-1], A),
        case(role, send(PONG, b"p"), GotPong(b"p")),
        case(role, [], name="test/nothing"),
        case(role, send(TEXT, b"a") + send(TEXT, b"b", rsv=RSV2) + bye, A, Failed(1002)),
        case(role, send(TEXT, b"a") + bye + send(TEXT, b"b"), A, BYE),
        case(role, send(CLOSE), GotClose(1005, b"")),
        case(role, [Receive(send(TEXT, b"a") + send(PING, b"p")), Eof()], A, P, Lost()),
        case(role, [Receive(bye), Eof()], BYE),
        case(role, [Receive(send(TEXT, b"b", rsv=RSV2)), Eof()], Failed(1002)),
        case(role, send(TEXT, b"a"), Failed(1002), also=((A,),)),
        *(
            case(role, send(TEXT, HELLO, rsv=RSV1) * 2, hello, hello, settings=each)
            for each in settings
        ),
    ]


def opening_cases(role: Role) -> list[Case]:
    opening = Opening(role)
    chatty = Opening(role, subprotocols=("chat", "superchat"), deflate=True)
    if role == "server":
        offers = (
            b"Sec-WebSocket-Protocol: superchat, chat\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        )
        return [
            case(role, REQUEST + b"\r\n", Accepted(), settings=opening),
            case(role, REQUEST + b"\r\n" + to_server(TEXT, b"a"), Accepted(), A, settings=opening),
            case(role, REQUEST, settings=opening),
            case(role, [Receive(REQUEST), Eof()], Failed(None), settings=opening),
            case(role, b"GET / HTTP/1.1\r\n\r\n", Rejected(400), settings=opening),
            case(
                role,
                REQUEST + offers + to_server(TEXT, HELLO, rsv=RSV1),
                Accepted("chat", "permessage-deflate"),
                GotMessage("text", b"Hello"),
                settings=chatty,
            ),
        ]
    chosen = (
        b"Sec-WebSocket-Protocol: superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    return [
        case(role, RESPONSE + b"\r\n", Accepted(), settings=opening),
        case(role, RESPONSE + b"\r\n" + to_client(TEXT, b"a"), Accepted(), A, settings=opening),
        case(role, RESPONSE, settings=opening),
        case(role, [Receive(RESPONSE), Eof()], Failed(None), settings=opening),
        case(role, [Receive(RESPONSE + b"\r\n"), Eof()], Accepted(), Lost(), settings=opening),
        case(
            role,
            RESPONSE + b"\r\n" + to_client(TEXT, b"b", rsv=RSV2),
            Accepted(),
            Failed(1002),
            settings=opening,
        ),
        case(role, RESPONSE.replace(b"{accept}", b"x") + b"\r\n", Failed(None), settings=opening),
        case(role, b"HTTP/1.1 403 Forbidden\r\n\r\n", Rejected(403), settings=opening),
        case(
            role,
            RESPONSE + chosen + to_client(TEXT, HELLO, rsv=RSV1),
            Accepted("superchat", "permessage-deflate"),
            GotMessage("text", b"Hello"),
            settings=chatty,
        ),
    ]


def run_on(
    make: Callable[[], Tracked],
    cases: Sequence[Case],
    *,
    timing: Timing = LONG,
    limits: ReceiveLimits | None = None,
) -> list[Result]:
    """Run the cases on a server of the same event loop."""

    async def run() -> list[Result]:
        async with serving(make) as url:
            return await play_server_cases(url, cases, timing=timing, limits=limits)

    return asyncio.run(run())


def why_on(make: Callable[[], Tracked], case: Case) -> tuple[str, str]:
    """The verdict on a server that is not waited for, and why."""
    (result,) = run_on(make, [case], timing=SHORT)
    return result.verdict.name, result.judgement.why


def skipped(results: Sequence[Result]) -> list[str]:
    return [result.judgement.why for result in results if result.verdict is Verdict.SKIPPED]


class TestServer:
    def test_an_echo_server_passes(self) -> None:
        results = run_on(
            lambda: echo_server(["chat", "superchat"]),
            [*playable_cases("server"), *opening_cases("server")],
        )
        assert [r.judgement.why for r in results if r.verdict is not Verdict.PASS] == []
        for result in results:
            for attempt in result.attempts:
                assert attempt.observation is not None
                assert not attempt.observation.told
            assert len({attempt.way for attempt in result.attempts}) == len(result.attempts)

    def test_results_are_in_the_order_of_the_cases(self) -> None:
        told: list[Result] = []
        cases = [*playable_cases("client"), *playable_cases("server")]

        async def run() -> list[Result]:
            async with serving(echo_server) as url:
                return await play_server_cases(url, cases, concurrency=2, progress=told.append)

        results = asyncio.run(run())
        assert [result.case for result in results] == playable_cases("server")
        assert sorted(map(id, told)) == sorted(map(id, results))

    def test_what_it_cannot_be_asked_for_is_skipped(self) -> None:
        limited = Open("server", limits=ReceiveLimits(max_message_size=10))
        cases = [
            case("server", [Do(SendPing())], name="test/do"),
            case("server", to_server(TEXT, b"a"), A, settings=limited),
        ]
        results = run_on(echo_server, cases)
        assert skipped(results) == [
            "an application behind a socket cannot be told what to do",
            "it is not known to have the limits that the case is about",
        ]
        (result,) = run_on(echo_server, cases[1:], limits=limited.limits)
        assert result.verdict is Verdict.PASS

    def test_what_it_does_not_agree_on_is_skipped(self) -> None:
        compressed = case("server", b"", settings=Open("server", Deflate()))
        results = run_on(lambda: echo_server(deflate=False), [compressed])
        assert skipped(results) == ["offered permessage-deflate, the server agrees on no extension"]

    def test_offers_that_it_answers_otherwise_are_skipped(self) -> None:
        *others, chatty = opening_cases("server")
        no_deflate = Opening("server", subprotocols=("chat", "superchat"))
        without = case("server", REQUEST + b"Sec-WebSocket-Extensions: x\r\n", settings=no_deflate)
        subprotocols = "the server's subprotocols are not just these: chat, superchat"
        refused = "offered permessage-deflate, the server does not agree on"
        assert skipped(run_on(echo_server, [*others, chatty])) == [subprotocols]
        make = lambda: echo_server(["superchat", "chat"])  # noqa: E731
        assert skipped(run_on(make, [chatty, without])) == [
            subprotocols,
            f"{refused} no extension",
        ]
        make = lambda: echo_server(["chat", "superchat"], deflate=False)  # noqa: E731
        assert skipped(run_on(make, [chatty, without])) == [f"{refused} permessage-deflate"]
        none = case(
            "server", REQUEST + b"Sec-WebSocket-Protocol: x\r\n", settings=Opening("server")
        )
        (result,) = run_on(echo_server, [none])
        assert result.verdict is Verdict.PASS

    def test_without_an_event_loop(self) -> None:
        with in_a_thread() as url:
            results = run_server_cases(url, playable_cases("server")[:2])
        assert [result.verdict for result in results] == [Verdict.PASS] * 2

    def test_no_server(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with pytest.raises(ConnectionError, match=f"no server at ws://127.0.0.1:{port}/:"):
            run_server_cases(f"ws://127.0.0.1:{port}/", [])

    @pytest.mark.parametrize("url", ["http://127.0.0.1/", "ws:///path", "127.0.0.1"])
    def test_no_url_of_a_server(self, url: str) -> None:
        with pytest.raises(ValueError, match="not a URL like ws://"):
            run_server_cases(url, [])


@contextmanager
def in_a_thread() -> Iterator[str]:
    """An echo server that has an event loop of its own."""
    urls: queue.Queue[str] = queue.Queue()
    loops: queue.Queue[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve() -> None:
        over = asyncio.Event()
        async with serving(echo_server) as url:
            urls.put(url)
            loops.put((asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield urls.get(timeout=10)
    finally:
        loop, over = loops.get(timeout=10)
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


class Broken(Tracked):
    """A server that opens connections as it should, and then does what a test wants."""

    transport: asyncio.Transport
    response = RESPONSE + b"\r\n"

    def __init__(self, react: Callable[[Broken, bytes], None] = lambda server, data: None) -> None:
        self.react = react
        self.data = b""
        self.open = False

    def data_received(self, data: bytes) -> None:
        self.data += data
        head = head_of(self.data)
        if head is None:
            return
        if not self.open:
            self.open = True
            accept = accept_for(head.all("sec-websocket-key")[0].encode())
            self.transport.write(self.response.replace(b"{accept}", accept))
        self.react(self, self.data[head.size :])

    def eof_received(self) -> bool:
        return True


def answering(response: bytes) -> Callable[[], Broken]:
    """Servers with another response."""

    def make() -> Broken:
        server = Broken()
        server.response = response
        return server

    return make


def reacting(react: Callable[[Broken, bytes], None]) -> Callable[[], Broken]:
    return lambda: Broken(react)


#: What the kit sends when a case is over.
PROBE_FRAME = Frame(PING, PROBE, masking_key=MASKING_KEY).encode()
ECHO = case("server", to_server(TEXT, b"a"), A)
FAILS = case("server", to_server(TEXT, b"a", rsv=RSV2), Failed(1002))
CLOSES = case("server", to_server(*close_frame(1000, b"bye")), BYE)


class TestBrokenServer:
    """Each fails, with the right words, and nothing waits for ever."""

    def test_never_answers(self) -> None:
        why = "whole: no connection: an ordinary request is not answered"
        assert why_on(Tracked, ECHO) == ("FAIL", why)
        opening = opening_cases("server")[0]
        assert why_on(Tracked, opening) == ("FAIL", why)

    def test_closes_at_once(self) -> None:
        class Closing(Tracked):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                transport.close()

        why = "whole: no connection: an ordinary request is not answered"
        assert why_on(Closing, ECHO) == ("FAIL", why)

    def test_is_gone_after_a_while(self) -> None:
        async def run() -> list[Result]:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
                server = Server(url, seed=0, timing=SHORT, limits=None)
                await server.find()
            return [await server.run(ECHO)]

        (result,) = asyncio.run(run())
        assert result.verdict is Verdict.FAIL
        assert result.judgement.why.startswith("whole: no connection: [Errno ")

    @pytest.mark.parametrize(
        ("response", "why"),
        [
            (b"HTTP/1.1 404 Not Found\r\n\r\n", "an ordinary request is rejected with 404"),
            (
                RESPONSE.replace(b"{accept}", b"x") + b"\r\n",
                "Sec-WebSocket-Accept does not belong to the key",
            ),
            (
                RESPONSE + b"Sec-WebSocket-Extensions: x\r\n\r\n",
                "agrees on x, which was not offered",
            ),
        ],
    )
    def test_does_not_open_connections(self, response: bytes, why: str) -> None:
        assert why_on(answering(response), ECHO) == ("FAIL", f"whole: no connection: {why}")

    def test_agrees_on_something_else(self) -> None:
        compressed = case("server", b"", settings=Open("server", Deflate()))
        response = RESPONSE + b"Sec-WebSocket-Extensions: x-webkit\r\n\r\n"
        why = "whole: no connection: not permessage-deflate: x-webkit"
        assert why_on(answering(response), compressed) == ("FAIL", why)

    def test_has_nothing_where_the_cases_ask(self) -> None:
        verdict, why = why_on(
            answering(b"HTTP/1.1 404 Not Found\r\n\r\n"), opening_cases("server")[0]
        )
        assert verdict == "SKIPPED"
        assert why == ("the server rejects an ordinary request for /chat of example.com with 404")

    def test_says_nothing(self) -> None:
        why = "whole: expected text b'a'; seen nothing"
        assert why_on(Broken, ECHO) == ("FAIL", why)
        why = "whole: did not answer a Ping that followed"
        assert why_on(Broken, case("server", b"\x8a\x80mask")) == ("FAIL", why)
        why = "whole: expected failure 1002; seen nothing"
        assert why_on(Broken, FAILS) == ("FAIL", why)

    def test_floods(self) -> None:
        def react(server: Broken, data: bytes) -> None:
            server.transport.write(to_client(BINARY, b"x" * 65_536) * 8)

        verdict, why = why_on(reacting(react), ECHO)
        assert verdict == "FAIL"
        assert why.startswith("whole: sent more than ")

    def test_reads_nothing(self) -> None:
        def react(server: Broken, data: bytes) -> None:
            server.transport.pause_reading()

        size = 8 << 20
        frame = b"\x82\xff" + size.to_bytes(8, "big") + bytes(4) + bytes(size)
        huge = case("server", frame, GotMessage("binary", b"x"))
        verdict, why = why_on(reacting(react), huge)
        assert (verdict, why) == ("FAIL", "whole: expected binary b'x'; seen nothing")

    def test_echoes_something_else(self) -> None:
        def react(server: Broken, data: bytes) -> None:
            if data.endswith(PROBE_FRAME):
                server.transport.write(to_client(TEXT, b"A") + to_client(PONG, PROBE))

        why = "whole: expected text b'a'; seen text b'A'"
        assert why_on(reacting(react), ECHO) == ("FAIL", why)

    def test_sends_a_message_after_its_close_frame(self) -> None:
        def react(server: Broken, data: bytes) -> None:
            if data:
                server.transport.write(to_client(*close_frame(1000)) + to_client(TEXT, b"a"))
                server.transport.close()

        whole = replace(CLOSES, steps=(Receive(to_server(*close_frame(1000, b"bye"))),))
        verdict, why = why_on(reacting(react), whole)
        assert (verdict, why) == ("FAIL", "whole: sent data after its Close frame")

    @pytest.mark.parametrize("case", [FAILS, CLOSES])
    def test_does_not_end_the_transport(self, case: Case) -> None:
        code = 1002 if case is FAILS else 1000

        def react(server: Broken, data: bytes) -> None:
            if data:
                server.transport.write(to_client(*close_frame(code)))

        verdict, why = why_on(reacting(react), case)
        assert verdict == "FAIL"
        assert "did not close the connection" in why

    def test_closes_for_no_reason(self) -> None:
        def react(server: Broken, data: bytes) -> None:
            server.transport.write(to_client(*close_frame(1001)))
            server.transport.close()

        verdict, why = why_on(reacting(react), ECHO)
        assert (verdict, why) == ("FAIL", "whole: expected text b'a'; seen failure 1001")

    def test_does_not_answer_a_request(self) -> None:
        class Once(Broken):
            asked = 0

            def data_received(self, data: bytes) -> None:
                Once.asked += 1
                if Once.asked == 1:
                    super().data_received(data)

        why = "whole: expected accepted (no subprotocol; no extension); seen nothing"
        assert why_on(Once, opening_cases("server")[0]) == ("FAIL", why)


# Clients ------------------------------------------------------------------------------


async def drive(
    server: CaseServer, subprotocols: Sequence[str] = (), *, deflate: bool = True
) -> list[Result]:
    """What a driver of Autobahn's does."""

    async def visit(target: str) -> list[str]:
        return await ask(server.port, target, subprotocols, deflate=deflate)

    (count,) = await visit("/getCaseCount")
    assert int(count) == server.count
    for number in range(1, int(count) + 1):
        await visit(f"/runCase?case={number}&agent=echo")
    await visit("/updateReports?agent=echo")
    assert await server.report() == "echo"
    return server.results("echo")


def run_client(
    cases: Sequence[Case],
    subprotocols: Sequence[str] = (),
    *,
    deflate: bool = True,
    progress: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    async def run() -> list[Result]:
        async with CaseServer(cases, port=0, progress=progress) as server:
            return await drive(server, subprotocols, deflate=deflate)

    return asyncio.run(run())


class TestClient:
    def test_an_echo_client_passes(self) -> None:
        told: list[Result] = []
        results = run_client(
            [*playable_cases("client"), *opening_cases("client")[:-1]], progress=told.append
        )
        assert [r.judgement.why for r in results if r.verdict is not Verdict.PASS] == []
        assert {result.case for result in told} == {result.case for result in results}
        assert len(told) == len(results)

    def test_subprotocols_that_it_offers(self) -> None:
        chatty = opening_cases("client")[-1]
        (result,) = run_client([chatty], ["chat", "superchat"])
        assert result.verdict is Verdict.PASS
        (result,) = run_client([chatty])
        why = "whole: the subprotocols that it offers are not just these: chat, superchat"
        assert (result.verdict, result.judgement.why) == (Verdict.SKIPPED, why)

    def test_extensions_that_it_does_not_offer(self) -> None:
        compressed = case("client", b"", settings=Open("client", Deflate()))
        field_of = RESPONSE + b"Sec-WebSocket-Extensions: permessage-deflate"
        accepted = case("client", field_of, settings=Opening("client", deflate=True))
        hint = field_of + b"; client_max_window_bits=9"
        hinted = case("client", hint, settings=Opening("client"))
        refused = case("client", field_of, settings=Opening("client"))
        assert skipped(run_client([compressed, accepted, hinted], deflate=False)) == [
            "whole: it does not offer permessage-deflate",
            "whole: it does not offer permessage-deflate",
            "whole: its offer has no client_max_window_bits",
        ]
        assert skipped(run_client([refused])) == ["whole: it offers permessage-deflate"]

    def test_what_it_cannot_be_asked_for_has_no_number(self) -> None:
        told = case("client", [Do(SendPing())], name="test/do")
        nothing = case("client", [], name="test/nothing")
        other = case("server", [], name="test/nothing")
        results = run_client([told, nothing, other])
        assert [result.verdict for result in results] == [Verdict.SKIPPED, Verdict.PASS]

    def test_what_is_said_about_cases(self) -> None:
        chatty = replace(opening_cases("client")[-1], steps=())
        nothing = case("client", [], name="test/nothing")
        fails = replace(FAILS, settings=Open("client"), steps=())

        async def run() -> list[dict[str, object]]:
            async with CaseServer([chatty, nothing, fails], port=0, timing=SHORT) as server:
                said = []
                await ask(server.port, "/runCase?case=2&agent=a")
                await ask(server.port, "/runCase?case=3&agent=a")
                for target in (
                    "/getCaseInfo?case=1",
                    "/getCaseInfo?case=2",
                    *(f"/getCaseStatus?case={number}&agent=a" for number in (1, 2, 3)),
                ):
                    (text,) = await ask(server.port, target)
                    said.append(json.loads(text))
                return said

        assert asyncio.run(run()) == [
            {
                "id": "test/case (whole)",
                "description": "a case",
                "subprotocols": ["chat", "superchat"],
            },
            {"id": "test/nothing (whole)", "description": "a case", "subprotocols": []},
            {"behavior": "UNIMPLEMENTED"},
            {"behavior": "OK"},
            {"behavior": "FAILED"},
        ]

    def test_what_it_has_not_asked_for_is_skipped(self) -> None:
        async def run() -> list[Result]:
            async with CaseServer([case("client", to_client(TEXT, b"a"), A)], port=0) as server:
                await ask(server.port, "/runCase?case=2&agent=a")
                await ask(server.port, "/updateReports?agent=a")
                return [*server.results("a"), *server.results("b")]

        some, none = asyncio.run(run())
        assert some.verdict is Verdict.SKIPPED
        assert some.judgement.why == "whole: the client has not asked for it"
        assert [attempt.judgement.verdict.name for attempt in some.attempts] == [
            "SKIPPED", "PASS", "SKIPPED",
        ]  # fmt: skip
        assert none.verdict is Verdict.SKIPPED

    def test_a_report_waits_for_what_runs(self) -> None:
        """A client may ask for it while the connection of a case is still there."""
        nothing = case("client", [], name="test/nothing")

        async def run() -> list[Result]:
            async with CaseServer([nothing], port=0) as server:
                client = asyncio.create_task(ask(server.port, "/runCase?case=1&agent=a"))
                while not any(server.running.values()):
                    await asyncio.sleep(0)
                await ask(server.port, "/updateReports?agent=a")
                await client
                return server.results(await server.report())

        (result,) = asyncio.run(run())
        assert result.verdict is Verdict.PASS


async def send_to_port(port: int, data: bytes) -> bytes:
    """What the kit answers to bytes that may be anything."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


class TestBadRequests:
    """Clients under test may be anything, and so may be what else connects."""

    def answers(self, *requests: bytes) -> list[bytes]:
        nothing = case("client", [], name="test/nothing")

        async def run() -> list[bytes]:
            async with CaseServer([nothing], port=0, timing=SHORT) as server:
                answers = [await send_to_port(server.port, request) for request in requests]
                self.results = server.results("a")
                return answers

        return asyncio.run(run())

    def test_no_such_address(self) -> None:
        requests = [
            b"GET /elsewhere HTTP/1.1\r\n\r\n",
            b"GET /runCase?case=0 HTTP/1.1\r\n\r\n",
            b"GET /runCase?case=2 HTTP/1.1\r\n\r\n",
            b"GET /runCase?case=x HTTP/1.1\r\n\r\n",
            b"GET\r\n\r\n",
        ]
        for answer in self.answers(*requests):
            assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")

    def test_no_request(self) -> None:
        assert self.answers(b"GET /getCaseCount") == [b""]

    def test_no_key(self) -> None:
        question, case = self.answers(
            b"GET /getCaseCount HTTP/1.1\r\n\r\n", b"GET /runCase?case=1&agent=a HTTP/1.1\r\n\r\n"
        )
        assert question.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert case.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        why = "whole: no connection: its request has no Sec-WebSocket-Key"
        assert self.results[0].judgement.why == why


class TestRunClientCases:
    """Without an event loop."""

    def test_until_the_client_has_had_enough(self) -> None:
        threads = []

        def start(url: str) -> None:
            port = int(url.rpartition(":")[2])

            async def go() -> None:
                for target in ("/runCase?case=1&agent=a", "/updateReports?agent=a"):
                    await ask(port, target)

            thread = threading.Thread(target=lambda: asyncio.run(go()))
            threads.append(thread)
            thread.start()

        nothing = case("client", [], name="test/nothing")
        (result,) = run_client_cases([nothing], port=0, ready=start)
        threads[0].join(10)
        assert result.verdict is Verdict.PASS

    def test_giving_up(self) -> None:
        nothing = case("client", [], name="test/nothing")
        (result,) = run_client_cases([nothing], port=0, give_up=0.01)
        assert result.judgement.why == "whole: the client has not asked for it"

    def test_not_while_there_are_connections(self) -> None:
        async def run() -> None:
            async with CaseServer([], port=0, timing=SHORT) as server:
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                with pytest.raises(TimeoutError):
                    await server.report(0.01)
                assert server.connections == 1
                assert not server.running
                writer.close()
                await writer.wait_closed()

        asyncio.run(run())

    def test_a_port_that_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(OSError, match="in use"):
                run_client_cases([], port=port)

    def test_a_client_that_hangs_does_not_outlive_it(self) -> None:
        async def run() -> None:
            async with CaseServer([], port=0) as server:
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                while not server.running:
                    await asyncio.sleep(0)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

        asyncio.run(run())
