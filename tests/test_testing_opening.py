"""The kit's reading of the opening handshake: RFC 6455 §4, and RFC 9112 below it.

Here it is held to examples of the RFCs; in ``test_testing_opening_cases`` to the catalogue and
the engine.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from wsproto_core.testing.catalogue.heads import (
    KEY,
    lines,
    request,
    response,
)
from wsproto_core.testing.model.http_head import Weight, list_elements, read_head
from wsproto_core.testing.model.opening import (
    judge_request,
    judge_response,
    problems_of_request,
    problems_of_response,
)
from wsproto_core.testing.model.requests import is_authority, is_key
from wsproto_core.testing.model.responses import accept_of
from wsproto_core.testing.outcomes import (
    Accepted,
    Failed,
    Lost,
    Refused,
    Rejected,
)
from wsproto_core.testing.settings import Opening

SERVER = Opening("server")
CLIENT = Opening("client")
DEFLATING = Opening("server", deflate=True)


def deflate_request(*values: bytes) -> bytes:
    return request(*(b"Sec-WebSocket-Extensions: " + value for value in values))


def answered(*extra: bytes, key: bytes = KEY, line: bytes = b"HTTP/1.1 101 S") -> bytes:
    """A right response to :func:`request`, with *extra* lines."""
    return response(*extra, line=line, accept=b"Sec-WebSocket-Accept: " + accept_of(key))


class TestHeads:
    """RFC 9112: what is wrong with a head, and what a recipient makes of it."""

    @pytest.mark.parametrize(
        ("data", "weights"),
        [
            (b"GET / HTTP/1.1\r\nA: b\r\n\r\n", []),
            (b"GET / HTTP/1.1\r\n\r\n", []),
            (b"GET / HTTP/1.1\nA: b\r\n\r\n", [Weight.OPEN]),
            (b"\r\nGET / HTTP/1.1\r\n\r\n", [Weight.OPEN]),
            (b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", [Weight.OPEN]),
            (b"GET  / HTTP/1.1\r\n\r\n", [Weight.OPEN]),
            (b"GET\t/ HTTP/1.1\r\n\r\n", [Weight.OPEN]),
            (b"GET /\r\n\r\n", [Weight.REJECT]),
            (b"G@T / HTTP/1.1\r\n\r\n", [Weight.REJECT]),
            (b"GET / HTTP/1\r\n\r\n", [Weight.REJECT]),
            (b"GET / HTTP/x.1\r\n\r\n", [Weight.REJECT]),
            (b"GET / HTTP/1.1\r\nA\r\n\r\n", [Weight.REJECT]),
            (b"GET / HTTP/1.1\r\n: b\r\n\r\n", [Weight.REJECT]),
            (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", [Weight.REJECT]),
            (b"GET / HTTP/1.1\r\nA: b\x00\r\n\r\n", [Weight.OPEN]),
            (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", [Weight.OPEN]),
            (b"GET / HTTP/1.1\r\nA: b\r\n c\x01\r\n\r\n", [Weight.OPEN, Weight.OPEN]),
            (b"GET / HTTP/1.1\r\n A: b\r\n\r\n", [Weight.OPEN]),
            (b"GET / HTTP/1.1\r\nA\r\n b\r\n\r\n", [Weight.REJECT, Weight.OPEN]),
        ],
    )
    def test_requests(self, data: bytes, weights: list[Weight]) -> None:
        head = read_head(data + b"rest", is_request=True)
        assert head is not None
        assert head.end == len(data)
        assert [flaw.weight for flaw in head.flaws] == weights

    @pytest.mark.parametrize(
        ("data", "weights", "status"),
        [
            (b"HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n", [], 101),
            (b"HTTP/1.1 404 \r\n\r\n", [], 404),
            (b"HTTP/1.1 404\r\n\r\n", [Weight.OPEN], 404),
            (b"HTTP/1.1 404 Not\x00Found\r\n\r\n", [Weight.OPEN], 404),
            (b"HTTP/1.1\r\n\r\n", [Weight.REJECT], 0),
            (b"HTTP/1.1 1010 S\r\n\r\n", [Weight.REJECT], 0),
            (b"HTTP/1.1 600 S\r\n\r\n", [Weight.REJECT], 0),
            (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", [Weight.OPEN], 200),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", [Weight.IGNORED], 200),
        ],
    )
    def test_responses(self, data: bytes, weights: list[Weight], status: int) -> None:
        head = read_head(data, is_request=False)
        assert head is not None
        assert [flaw.weight for flaw in head.flaws] == weights
        assert head.status == status

    @pytest.mark.parametrize("data", [b"", b"GET", b"GET / HTTP/1.1\r\n", b"\r\n", b"a\r\n\r"])
    def test_without_an_end(self, data: bytes) -> None:
        assert read_head(data, is_request=True) is None

    def test_fields(self) -> None:
        head = read_head(b"GET / HTTP/1.1\r\nA:\t b, C\t\r\na:\r\n d\r\n\r\n", is_request=True)
        assert head is not None
        assert head.fields == [(b"a", b"b, C"), (b"a", b"d")]
        assert head.elements(b"a") == [b"b", b"C", b"d"]
        assert head.has_token(b"a", b"c")
        assert not head.has_token(b"a", b"e")

    @pytest.mark.parametrize(
        ("value", "elements"),
        [
            (b"", []),
            (b" , ,", []),
            (b"a,b ,\tc", [b"a", b"b", b"c"]),
            (b'a="b,c",d', [b'a="b,c"', b"d"]),
            (b'a="b\\",c",d', [b'a="b\\",c"', b"d"]),
            (b"a\\,b", [b"a\\", b"b"]),
        ],
    )
    def test_lists(self, value: bytes, elements: list[bytes]) -> None:
        assert list_elements(value) == elements


class TestAuthorities:
    @pytest.mark.parametrize(
        "value",
        [b"a", b"a.example:80", b"127.0.0.1", b"a:", b"[::1]", b"[::1]:80", b"[v1.a:b]", b"%41,_~"],
    )
    def test_right(self, value: bytes) -> None:
        assert is_authority(value)

    @pytest.mark.parametrize(
        "value",
        b"a b|a/b|a:b|a:80:80|[::1|[::1]80|[:::]|[::1%25a]|%4|\xe4|[v1]".split(b"|"),
    )
    def test_wrong(self, value: bytes) -> None:
        assert not is_authority(value)


class TestKeys:
    @pytest.mark.parametrize("value", [KEY, b"AQIDBAUGBwgJCgsMDQ4PEC==", b"A" * 22 + b"=="])
    def test_right(self, value: bytes) -> None:
        assert is_key(value)

    @pytest.mark.parametrize("value", [b"", b"AAAA", KEY[:-1], KEY + b"==", b"-" * 22 + b"=="])
    def test_wrong(self, value: bytes) -> None:
        assert not is_key(value)

    def test_accept_of_the_rfc_example(self) -> None:
        assert accept_of(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class TestJudgingRequests:
    def test_right(self) -> None:
        data = request(b"Sec-WebSocket-Protocol: b, a, c")
        judgement = judge_request(data + b"behind", Opening("server", ("a", "b")))
        assert judgement.verdict == "accept"
        assert judgement.end == len(data)
        assert judgement.subprotocols == ("a", "b", None)
        assert judgement.permits(Accepted("b"))
        assert judgement.permits(Accepted(None))
        assert not judgement.permits(Accepted("c"))
        assert not judgement.permits(Accepted(None, "permessage-deflate"))
        for outcome in (Rejected(400), Failed(None), None):
            assert not judgement.permits(outcome)

    def test_extensions(self) -> None:
        judgement = judge_request(
            deflate_request(b"permessage-deflate; server_max_window_bits=9"), SERVER
        )
        assert judgement.permits(Accepted())
        assert judgement.permits(Accepted(None, "permessage-deflate;server_max_window_bits=8"))
        assert not judgement.permits(Accepted(None, "permessage-deflate"))
        assert not judgement.permits(Accepted(None, "x"))
        assert not judgement.permits(Accepted(None, ";"))

    def test_wrong(self) -> None:
        judgement = judge_request(request(key=None), SERVER)
        assert judgement.verdict == "reject"
        assert judgement.must == ("0 fields Sec-WebSocket-Key (RFC 6455 §4.2.1, 5)",)
        assert judgement.permits(Rejected(400))
        assert judgement.permits(Rejected(500))
        for outcome in (Rejected(200), Rejected(302), Accepted(), None):
            assert not judgement.permits(outcome)

    def test_a_status_that_is_prescribed(self) -> None:
        judgement = judge_request(request(host=None), SERVER)
        assert judgement.permits(Rejected(400))
        assert not judgement.permits(Rejected(403))

    def test_another_version(self) -> None:
        version = b"Sec-WebSocket-Version: 12"
        assert judge_request(request(version=version), SERVER).needs_version
        assert not judge_request(request(version=version, key=None), SERVER).needs_version

    def test_open(self) -> None:
        judgement = judge_request(request(end=b"\n"), SERVER)
        assert judgement.verdict == "open"
        for outcome in (Rejected(400), Accepted(), None):
            assert judgement.permits(outcome)

    @pytest.mark.parametrize("data", [b"G", b"GET / HT", request()[:-1]])
    def test_incomplete(self, data: bytes) -> None:
        judgement = judge_request(data, SERVER)
        assert (judgement.verdict, judgement.end) == ("incomplete", 0)
        assert judgement.permits(None)
        assert not judgement.permits(Accepted())
        assert not judgement.permits(Rejected(400))

    @pytest.mark.parametrize(
        "data",
        [
            b"\x16\x03\x01",
            b" GET",
            b"\r\n",
            b"GET /\r\n",
            b"GET / HTTP/1.1\r\nA b: c\r\nHo",
            b"GET / HTTP/1.1\r\nA: " + b"b" * 8000,
        ],
    )
    def test_incomplete_and_wrong_already(self, data: bytes) -> None:
        judgement = judge_request(data, SERVER)
        assert judgement.verdict == "incomplete"
        assert judgement.permits(None)
        assert judgement.permits(Rejected(400))
        assert not judgement.permits(Accepted())

    @pytest.mark.parametrize(
        ("target", "verdict"),
        [
            (b"/", "accept"),
            (b"http://a", "accept"),
            (b"http://a?b", "accept"),
            (b"HTTPS://a:1/b", "accept"),
            (b"ws://a/b", "open"),
            (b"ftp://a/b", "reject"),
            (b"http://u@a/b", "open"),
            (b"http://:80/b", "reject"),
            (b"http:///b", "reject"),
            (b"http://a b/", "reject"),
            (b'http://a"/', "open"),
            (b"/a|b", "open"),
            (b"/%zz", "open"),
            (b"/a#b", "reject"),
            (b"http://a#b", "reject"),
            (b"*", "reject"),
        ],
    )
    def test_targets(self, target: bytes, verdict: str) -> None:
        line = b"GET " + target + b" HTTP/1.1"
        assert judge_request(request(line=line), SERVER).verdict == verdict

    @pytest.mark.parametrize(
        ("data", "verdict"),
        [
            (request(host=b"Host:"), "open"),
            (request(host=b"Host: :80"), "open"),
            (request(line=b"GET / HTTP/2.0"), "open"),
            (request(upgrade=b"Upgrade: websocket/13"), "open"),
            (request(upgrade=b"Upgrade: websocket, @"), "open"),
            (request(b"Content-Length: 0"), "accept"),
            (request(b"Content-Length: 5"), "open"),
            (request(b"Content-Length: 0, 0"), "open"),
            (request(b"Content-Length:"), "reject"),
            (request(b"Transfer-Encoding: chunked"), "open"),
            (request(b"Origin: http://a", b"Origin: http://a"), "open"),
            (request(b"Sec-WebSocket-Protocol: a, a"), "open"),
            (request(*(b"X: y" for _ in range(65))), "open"),
        ],
    )
    def test_what_the_rfcs_leave_open(self, data: bytes, verdict: str) -> None:
        assert judge_request(data, SERVER).verdict == verdict


class TestJudgingResponses:
    def test_right(self) -> None:
        asked = request(b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Extensions: b, c")
        data = answered(b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Extensions: b, c; d=e")
        judgement = judge_response(data + b"behind", asked)
        assert judgement.verdict == "accept"
        assert judgement.end == len(data)
        assert judgement.outcome == Accepted("a", "b,c;d=e")
        assert judgement.permits(Accepted("a", "b,c;d=e"))
        assert judgement.permits(Accepted("a", "b,c"))
        for outcome in (Accepted("a"), Accepted(None, "b,c"), Failed(None), Rejected(101), None):
            assert not judgement.permits(outcome)

    def test_behind_informational_ones(self) -> None:
        data = lines(b"HTTP/1.1 100 Continue") + lines(b"HTTP/1.1 103 Early Hints", b"A: b")
        judgement = judge_response(data + answered(), request())
        assert (judgement.verdict, judgement.end) == ("accept", len(data + answered()))
        assert judge_response(data, request()).verdict == "incomplete"

    def test_a_flaw_of_an_informational_one(self) -> None:
        data = lines(b"HTTP/1.1 100 Continue", b"no field") + answered()
        judgement = judge_response(data, request())
        assert judgement.verdict == "open"
        assert judgement.permits(Failed(None))
        assert judgement.permits(Accepted())

    def test_wrong(self) -> None:
        judgement = judge_response(answered(key=b"another"), request())
        assert judgement.verdict == "reject"
        assert judgement.permits(Failed(None))
        for outcome in (Accepted(), Rejected(101), Lost(), None):
            assert not judgement.permits(outcome)

    @pytest.mark.parametrize(
        ("data", "verdict"),
        [
            (lines(b"HTTP/1.1 403 Forbidden"), "accept"),
            (lines(b"HTTP/1.1 403 Forbidden", b"Content-Length: x"), "open"),
            (lines(b"HTTP/1.1 403 Forbidden", b"Transfer-Encoding: x"), "open"),
            (lines(b"HTTP/1.1 403 Forbidden", b"no field"), "open"),
        ],
    )
    def test_refusals(self, data: bytes, verdict: str) -> None:
        judgement = judge_response(data, request())
        assert judgement.verdict == verdict
        assert judgement.permits(Rejected(403))
        assert not judgement.permits(Rejected(404))
        assert not judgement.permits(Accepted())
        assert judgement.permits(Failed(None))

    @pytest.mark.parametrize(
        ("data", "verdict"),
        [
            (answered(line=b"HTTP/1.0 101 S"), "open"),
            (answered(line=b"HTTP/2.0 101 S"), "reject"),
            (answered(b"Upgrade: websocket"), "open"),
            (answered(b"Upgrade: h2c"), "reject"),
            (answered(b"Content-Length: 0"), "open"),
            (answered(b"Transfer-Encoding: chunked"), "open"),
            (answered(b"Sec-WebSocket-Extensions: a, "), "accept"),
            (answered(b"Sec-WebSocket-Extensions: a", b"Sec-WebSocket-Extensions:"), "open"),
            (answered(b"Sec-WebSocket-Extensions:"), "reject"),
            (answered(b"Sec-WebSocket-Extensions: permessage-deflate"), "accept"),
            (
                answered(b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9"),
                "open",
            ),
            (answered(b"Sec-WebSocket-Extensions: permessage-deflate; x"), "reject"),
            (answered(b"Sec-WebSocket-Protocol: b"), "reject"),
            (answered(b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Protocol: a"), "reject"),
            (answered(*(b"X: y" for _ in range(65))), "open"),
            (lines(b"HTTP/1.1 999 S"), "reject"),
        ],
    )
    def test_what_must_be_and_what_may(self, data: bytes, verdict: str) -> None:
        asked = request(
            b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Extensions: a, permessage-deflate"
        )
        assert judge_response(data, asked).verdict == verdict

    @pytest.mark.parametrize(
        ("data", "may_fail"),
        [
            (b"HTTP/1.1 101", False),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n", False),
            (b"\x00", True),
            (b"HTTP/1.1 101 S\r\nno field\r\n", True),
            (b"HTTP/1.1 101 S\r\nA: " + b"b" * 8000, True),
        ],
    )
    def test_incomplete(self, data: bytes, may_fail: bool) -> None:
        judgement = judge_response(data, request())
        assert (judgement.verdict, judgement.end) == ("incomplete", 0)
        assert judgement.permits(None)
        assert judgement.permits(Failed(None)) == may_fail
        assert not judgement.permits(Accepted())

    def test_other_outcomes_are_none_of_a_handshake(self) -> None:
        assert not judge_response(answered(), request()).permits(Refused())


class TestProblemsOfRequest:
    """RFC 6455 §4.1: what a client under test has sent."""

    @pytest.mark.parametrize(
        ("data", "opening"),
        [
            (request(), CLIENT),
            (request(host=b"host:EXAMPLE.com:80"), CLIENT),
            (request(line=b"GET http://example.com:80/chat HTTP/1.1"), CLIENT),
            (request(b"Sec-WebSocket-Protocol: a,b"), replace(CLIENT, subprotocols=("a", "b"))),
            (
                deflate_request(b"permessage-deflate; client_max_window_bits"),
                replace(CLIENT, deflate=True),
            ),
            (request(b"Cookie: a=" + b"b" * 9000), CLIENT),
        ],
    )
    def test_right(self, data: bytes, opening: Opening) -> None:
        assert problems_of_request(data, opening) == []

    @pytest.mark.parametrize(
        ("data", "opening", "section"),
        [
            (request()[:-1], CLIENT, "§4.1, 1"),
            (request(line=b"POST /chat HTTP/1.1"), CLIENT, "§4.2.1, 1"),
            (request(line=b"GET /chat HTTP/1.0"), CLIENT, "§4.2.1, 1"),
            (request(line=b"GET / HTTP/1.1"), CLIENT, "§4.1, 3"),
            (request(line=b"GET http://a/chat HTTP/1.1"), CLIENT, "§4.1, 3"),
            (request(host=b"Host: a"), CLIENT, "§4.1, 4"),
            (request(host=None), CLIENT, "§3.2"),
            (request(upgrade=None), CLIENT, "§4.2.1, 3"),
            (request(connection=None), CLIENT, "§4.2.1, 4"),
            (request(key=None), CLIENT, "§4.2.1, 5"),
            (request(version=None), CLIENT, "§4.2.1, 6"),
            (request(end=b"\n"), CLIENT, "§2.2"),
            (request(b"A: b", b" c"), CLIENT, "§5.2"),
            (request(b"Sec-WebSocket-Protocol: a"), CLIENT, "§4.1, 10"),
            (request(), replace(CLIENT, subprotocols=("a",)), "§4.1, 10"),
            (
                request(b"Sec-WebSocket-Protocol: b, a"),
                replace(CLIENT, subprotocols=("a", "b")),
                "§4.1, 10",
            ),
            (request(), replace(CLIENT, deflate=True), "RFC 7692 §5"),
            (deflate_request(b"permessage-deflate; x"), CLIENT, "RFC 7692 §7"),
            (deflate_request(b"a b"), CLIENT, "§9.1"),
        ],
    )
    def test_wrong(self, data: bytes, opening: Opening, section: str) -> None:
        problems = problems_of_request(data, opening)
        assert any(section in problem for problem in problems), problems


class TestProblemsOfResponse:
    """RFC 6455 §4.2.2: what a server under test has sent."""

    @pytest.mark.parametrize(
        ("data", "asked"),
        [
            (answered(), request()),
            (answered() + b"\x81\x00", request()),
            (lines(b"HTTP/1.1 403 Forbidden"), request()),
            (lines(b"HTTP/1.1 400 Bad Request"), request(key=None)),
            (
                answered(b"Sec-WebSocket-Extensions: permessage-deflate"),
                deflate_request(b"permessage-deflate; x, permessage-deflate"),
            ),
            (
                lines(
                    b"HTTP/1.1 426 Upgrade Required",
                    b"Upgrade: websocket",
                    b"Sec-WebSocket-Version: 13, 8",
                ),
                request(version=b"Sec-WebSocket-Version: 7"),
            ),
            (lines(b"HTTP/1.1 405 No", b"Allow: GET"), request(line=b"POST / HTTP/1.1")),
        ],
    )
    def test_right(self, data: bytes, asked: bytes) -> None:
        assert problems_of_response(data, asked, SERVER) == []

    @pytest.mark.parametrize(
        ("data", "asked", "section"),
        [
            (answered()[:-1], request(), "§4.2.2"),
            (answered(), request()[:-1], "incomplete"),
            (answered(), request(key=None), "§4.2.1, 5"),
            (answered(key=b"x"), request(), "Accept"),
            (answered(b"Content-Length: 0"), request(), "Content-Length"),
            (answered(b"Sec-WebSocket-Protocol: a"), request(), "subprotocol"),
            (answered(b"Sec-WebSocket-Extensions: a"), request(), "§9.1"),
            (
                answered(b"Sec-WebSocket-Extensions: permessage-deflate"),
                deflate_request(b"permessage-deflate; server_no_context_takeover"),
                "§7.1.1.1",
            ),
            (
                answered(b"Sec-WebSocket-Extensions: permessage-deflate"),
                deflate_request(b"permessage-deflate; x"),
                "RFC 7692 §7",
            ),
            (
                lines(b"HTTP/1.1 400 Bad Request"),
                request(version=b"Sec-WebSocket-Version: 7"),
                "§4.4",
            ),
            (lines(b"HTTP/1.1 400 Bad", b"Sec-WebSocket-Version: x"), request(), "§4.3"),
            (lines(b"HTTP/1.1 426 Upgrade Required"), request(upgrade=None), "without Upgrade"),
            (lines(b"HTTP/1.1 405 No"), request(), "without Allow"),
            (lines(b"HTTP/1.1 200 OK"), request(key=None), "§4.2.1"),
            (lines(b"HTTP/1.1 400 Bad", b"A b: c"), request(key=None), "RFC 9110 §5.1"),
        ],
    )
    def test_wrong(self, data: bytes, asked: bytes, section: str) -> None:
        problems = problems_of_response(data, asked, DEFLATING)
        assert any(section in problem for problem in problems), problems
