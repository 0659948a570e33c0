"""The short way of reading heads gives what h11 gives, or nothing; and nothing shows which
of the two has read a head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsproto_core import (
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
    WSConnection,
)
from wsproto_core import handshake as handshake_module
from wsproto_core.events import (
    AcceptConnection,
    Event,
    RejectConnection,
    RejectData,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.handshake import H11Handshake
from wsproto_core.http_head import read_request_head, read_switching_head
from wsproto_core.typing import Headers

from .test_cost import grows_linearly
from .test_handshake_client import new_client, response
from .test_handshake_server import KEY, request
from .wire import CLIENT, SERVER, TEXT, chunkings, frame

CHROMIUM = (
    b"GET /chat?room=lobby HTTP/1.1\r\n"
    b"Host: server.example.com\r\n"
    b"Connection: Upgrade\r\n"
    b"Pragma: no-cache\r\n"
    b"Cache-Control: no-cache\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/140.0.0.0 Safari/537.36\r\n"
    b"Upgrade: websocket\r\n"
    b"Origin: https://server.example.com\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Accept-Language: en-GB,en;q=0.9\r\n"
    b'Cookie: session=0123456789abcdef; quoted="a b"\r\n'
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    b"\r\n"
)
FIREFOX = (
    b"GET / HTTP/1.1\r\n"
    b"Host: localhost:8765\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    b"Accept: */*\r\n"
    b"Accept-Language: en-US,en;q=0.5\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Origin: null\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Connection: keep-alive, Upgrade\r\n"
    b"Upgrade: websocket\r\n"
    b"\r\n"
)
# As a library of few words writes it, in its own spelling.
LIBRARY = (
    b"GET /a%20b?c=d&e HTTP/1.1\r\n"
    b"host:[::1]:80\r\n"
    b"upgrade:websocket\r\n"
    b"connection:Upgrade\r\n"
    b"sec-websocket-key:dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"SEC-WEBSOCKET-VERSION:13\r\n"
    b"X-Empty:\r\n"
    b"Sec-WebSocket-Protocol: chat\r\n"
    b"Sec-WebSocket-Protocol: superchat\r\n"
    b"\r\n"
)
REQUESTS = [CHROMIUM, FIREFOX, LIBRARY]

# What means something, or would to another reader, and what looks like something that does.
NASTY = bytes(range(0x21)) + b'!"#%(),/0:;<=>?@AZ[\\]^_`az{|}~\x7f\x80\x85\x8d\xa0\xad\xff'

NOT_ORDINARY = {
    "bare line feeds": CHROMIUM.replace(b"\r\n", b"\n"),
    "a bare line feed": CHROMIUM.replace(b"\r\nPragma", b"\nPragma"),
    "a bare line feed at the end": CHROMIUM[:-2] + b"\n",
    "a bare carriage return": CHROMIUM.replace(b"no-cache", b"no\rcache"),
    "another method": CHROMIUM.replace(b"GET", b"POST"),
    "HEAD": CHROMIUM.replace(b"GET", b"HEAD"),
    "CONNECT": CHROMIUM.replace(b"GET", b"CONNECT"),
    "a method in lower case": CHROMIUM.replace(b"GET", b"get"),
    "HTTP/1.0": CHROMIUM.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.2": CHROMIUM.replace(b"HTTP/1.1", b"HTTP/1.2"),
    "no version": CHROMIUM.replace(b" HTTP/1.1", b""),
    "no target": CHROMIUM.replace(b"/chat?room=lobby", b""),
    "two spaces": CHROMIUM.replace(b" HTTP/1.1", b"  HTTP/1.1"),
    "a space in the target": CHROMIUM.replace(b"lobby", b"the lobby"),
    "a tab": CHROMIUM.replace(b"GET ", b"GET\t"),
    "no Host": CHROMIUM.replace(b"Host: server.example.com\r\n", b""),
    "two Hosts": CHROMIUM.replace(b"Pragma: no-cache", b"HOST: server.example.com"),
    "Content-Length": CHROMIUM.replace(b"Pragma: no-cache", b"Content-Length: 0"),
    "Content-Length twice": CHROMIUM.replace(
        b"Pragma: no-cache", b"Content-Length: 0\r\nContent-Length: 0"
    ),
    "a list of lengths": CHROMIUM.replace(b"Pragma: no-cache", b"content-length: 0, 0"),
    "Content-Length 5": CHROMIUM.replace(b"Pragma: no-cache", b"CONTENT-LENGTH: 5"),
    "Content-Length of text": CHROMIUM.replace(b"Pragma: no-cache", b"Content-Length: x"),
    "Transfer-Encoding": CHROMIUM.replace(b"Pragma: no-cache", b"Transfer-Encoding: chunked"),
    "transfer-encoding": CHROMIUM.replace(b"Pragma: no-cache", b"transfer-encoding: gzip"),
    "a space before the colon": CHROMIUM.replace(b"Host:", b"Host :"),
    "a line continued": CHROMIUM.replace(b"gzip,", b"gzip,\r\n"),
    "a first line continued": CHROMIUM.replace(b"\r\nHost", b"\r\n Host"),
    "a line of spaces": CHROMIUM.replace(b"Pragma: no-cache", b" "),
    "no colon": CHROMIUM.replace(b"Pragma: no-cache", b"Pragma"),
    "no name": CHROMIUM.replace(b"Pragma: no-cache", b": no-cache"),
    "a name that is no token": CHROMIUM.replace(b"Pragma:", b"Prag(ma):"),
    "tabs around a value": CHROMIUM.replace(b"Pragma: no-cache", b"Pragma:\tno-cache\t"),
    "Latin-1": CHROMIUM.replace(b"session=", b"session=\xe4"),
    "a control character": CHROMIUM.replace(b"session=", b"session=\x01"),
    "NUL": CHROMIUM.replace(b"session=", b"session=\x00"),
    "no fields": b"GET / HTTP/1.1\r\n\r\n",
    "nothing": b"\r\n\r\n",
}


def by_h11(connection: h11.Connection, head: bytes) -> h11.Event:
    connection.receive_data(head)
    event = connection.next_event()
    assert isinstance(event, h11.Event)
    return event


def check_request(head: bytes) -> bool:
    """Whether a request's head is read; if so it is as h11 reads it."""
    read = read_request_head(head)
    if read is None:
        return False
    event = by_h11(h11.Connection(h11.SERVER), head)
    assert isinstance(event, h11.Request)
    assert (event.method, event.http_version) == (b"GET", b"1.1")
    assert read == (event.target, list(event.headers))
    assert {type(text) for field in read[1] for text in field} == {bytes}
    return True


def check_response(head: bytes) -> bool:
    """Likewise, for the answer to a request for an upgrade."""
    headers = read_switching_head(head)
    if headers is None:
        return False
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a"), ("Upgrade", "b")]))
    event = by_h11(client, head)
    assert isinstance(event, h11.InformationalResponse)
    assert (event.status_code, event.http_version) == (101, b"1.1")
    assert headers == list(event.headers)
    return True


def mutations(head: bytes) -> Iterator[bytes]:
    """The head with each byte replaced by each nasty one; with one put in; without it."""
    for at in range(len(head)):
        yield head[:at] + head[at + 1 :]
        for byte in NASTY:
            yield head[:at] + bytes((byte,)) + head[at + 1 :]
            yield head[:at] + bytes((byte,)) + head[at:]


# Heads, from pieces that are right more often than not.

ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"\r\n\r\n", b"\r\n ", b""])
SPACES = st.sampled_from([b" "] * 8 + [b"", b"  ", b"\t", b" \t ", b"\x0b", b"\x00", b"\r\n "])
NAMES = st.sampled_from(
    [b"Host", b"Upgrade", b"Connection", b"Cookie", b"X", b"Sec-WebSocket-Key", b"Expect"] * 3
    + [b"host", b"Content-Length", b"Transfer-Encoding", b"content-length", b"", b"a b", b"\xe4"]
)
VALUES = st.sampled_from([b"a", b"example.com", b"websocket", b"", b"a, b", b"a: b", b"0"] * 3) | (
    st.binary(max_size=6)
)
LINES = st.builds(
    lambda name, before, value, after, end: name + b":" + before + value + after + end,
    NAMES,
    SPACES,
    VALUES,
    st.sampled_from([b""] * 8 + [b" ", b"\t", b"\x1f"]),
    ENDS,
)
FIRST_LINES = st.sampled_from(
    [b"GET / HTTP/1.1", b"GET /a?b HTTP/1.1", b"HTTP/1.1 101 Switching Protocols"] * 6
    + [b"GET  HTTP/1.1", b"HEAD / HTTP/1.1", b"GET / HTTP/1.0", b"HTTP/1.1 101", b"HTTP/1.1 101 "]
    + [b"HTTP/1.1 1011 x", b"HTTP/1.1 200 OK", b"HTTP/1.0 101 x", b"GET /\xe4 HTTP/1.1", b""]
)
HEADS = st.builds(
    lambda first, end, lines, last: first + end + b"".join(lines) + last,
    FIRST_LINES,
    ENDS,
    st.lists(st.just(b"Host: a\r\n") | LINES, max_size=5),
    ENDS,
)


class TestRequestHead:
    def test_what_is_read(self) -> None:
        read = read_request_head(LIBRARY)
        assert read is not None
        assert read[0] == b"/a%20b?c=d&e"
        assert read[1][0] == (b"host", b"[::1]:80")
        assert read[1][4:6] == [(b"sec-websocket-version", b"13"), (b"x-empty", b"")]

    @pytest.mark.parametrize("head", REQUESTS)
    def test_ordinary(self, head: bytes) -> None:
        assert check_request(head)

    def test_spaces_around_values(self) -> None:
        """RFC 9112 §5.1."""
        head = b"GET / HTTP/1.1\r\nHost:   a \r\nX:  \r\nY: b  c   \r\n\r\n"
        assert check_request(head)
        assert read_request_head(head) == (b"/", [(b"host", b"a"), (b"x", b""), (b"y", b"b  c")])

    @pytest.mark.parametrize("head", NOT_ORDINARY.values(), ids=NOT_ORDINARY)
    def test_not_ordinary(self, head: bytes) -> None:
        assert head not in REQUESTS
        assert read_request_head(head) is None

    def test_what_is_no_whole_head(self) -> None:
        """It is never given one, but would not take a part for the whole, either."""
        for head in REQUESTS:
            for end in range(len(head)):
                assert read_request_head(head[:end]) is None
            assert read_request_head(head + b"\x81\x00") is None
            assert read_request_head(head + head) is None
            assert read_request_head(head + b"\r\n") is None

    @pytest.mark.parametrize("head", REQUESTS)
    def test_each_byte_changed(self, head: bytes) -> None:
        read = [check_request(changed) for changed in mutations(head)]
        assert True in read
        assert False in read

    def test_each_byte_of_all(self) -> None:
        head = b"GET /a HTTP/1.1\r\nHost: b\r\nX: c d\r\n\r\n"
        assert check_request(head)
        for at in range(len(head)):
            for byte in range(256):
                check_request(head[:at] + bytes((byte,)) + head[at + 1 :])

    @given(HEADS)
    def test_any(self, head: bytes) -> None:
        check_request(head)
        check_response(head)


class TestSwitchingHead:
    def test_what_is_read(self) -> None:
        assert read_switching_head(b"HTTP/1.1 101 \r\nA: b\r\nA:c\r\n\r\n") == [
            (b"a", b"b"),
            (b"a", b"c"),
        ]
        assert check_response(response())

    @pytest.mark.parametrize(
        "line",
        [
            b"HTTP/1.1 101",  # which h11 allows
            b"HTTP/1.0 101 Switching Protocols",
            b"HTTP/1.1 100 Continue",
            b"HTTP/1.1 200 OK",
            b"HTTP/1.1 1010 X",
            b"HTTP/1.1  101 X",
            b"http/1.1 101 X",
            b"HTTP/1.1 101 \xe4",
        ],
    )
    def test_not_ordinary(self, line: bytes) -> None:
        assert read_switching_head(response(line=line)) is None

    def test_each_byte_changed(self) -> None:
        read = [check_response(changed) for changed in mutations(response())]
        assert True in read
        assert False in read


# Whole handshakes. What an application says to a request:

Reaction = Callable[[WSConnection], bytes]


def accept(server: WSConnection) -> bytes:
    data = server.send(AcceptConnection(extensions=[PerMessageDeflate()]))
    server.receive_data(frame(TEXT, b"late", to=SERVER))
    return data + server.send(TextMessage("hi"))


def reject(server: WSConnection) -> bytes:
    return server.send(RejectConnection(403, [(b"X-Why", b"no")]))


def reject_with(status_code: int, headers: Headers, *body: bytes) -> Reaction:
    def reaction(server: WSConnection) -> bytes:
        data = server.send(RejectConnection(status_code, headers, has_body=True))
        for piece in body:
            data += server.send(RejectData(piece, body_finished=False))
        return data + server.send(RejectData(b""))

    return reaction


REACTIONS = {
    "accept": accept,
    "reject": reject,
    "chunked": reject_with(403, [], b"go", b"away"),
    "length": reject_with(403, [(b"Content-Length", b"6")], b"go", b"away"),
    "other length": reject_with(403, [(b"Content-Length", b"5")], b"go", b"away"),
    "204": reject_with(204, []),
    "304 with a body": reject_with(304, [], b"body"),
    "close": reject_with(403, [(b"Connection", b"close")], b"body"),
    "illegal": reject_with(403, [(b"Content-Length", b"x")]),
}
HANDSHAKES = {
    **{f"request {n}": head for n, head in enumerate(REQUESTS)},
    **NOT_ORDINARY,
    "Connection: close": request({b"Connection": b"close, Upgrade"}),
    "Connection: close, upgrade": request({b"Connection": [b"Close", b"upgrade"]}),
    "Connection: keep-alive": request({b"Connection": b"keep-alive"}),
    "no Upgrade": request({b"Upgrade": None}),
    "Expect": request({b"Expect": b"100-continue"}),
    "no key": request({b"Sec-WebSocket-Key": None}),
    "version 8": request({b"Sec-WebSocket-Version": b"8"}),
    "another Host": request({b"Host": b"a b"}),
    "another target": request(line=b"GET chat HTTP/1.1"),
    "two keys": request({b"Sec-WebSocket-Key": [KEY, KEY]}),
    "many fields": request({b"X-%d" % n: b"" for n in range(40)}),
    "a long field": request({b"X": b"a" * 3000}),
}


def told(work: Callable[[], object]) -> object:
    """What *work* gives, or raises, as something to compare."""
    try:
        return work()
    except RemoteProtocolError as exc:
        return type(exc), str(exc), exc.event_hint, exc.request_line
    except LocalProtocolError as exc:
        return type(exc), str(exc)


def outcome_in_server(
    chunks: list[bytes], reaction: Reaction, *, eof: bool, final: bool
) -> list[object]:
    """Everything that can be seen of a server."""
    limits = Limits(max_header_size=2048, max_headers=32, max_early_data=100)
    server = WSConnection(SERVER, limits=limits)
    server.handshake = H11Handshake(SERVER, limits=limits, refusals_are_final=final)
    seen: list[object] = []
    for chunk in [*chunks, None] if eof else chunks:
        seen.append(told(lambda c=chunk: server.receive_data(c)))  # type: ignore[misc]
        seen.append(told(lambda: list(server.events())))
        seen.append(server.state)
    # An answer that the state does not allow, too; and one that makes up for it.
    for answer in (reaction, reject):
        seen.append(told(lambda a=answer: a(server)))  # type: ignore[misc]
        seen.append(server.state)
        seen.append(told(lambda: list(server.events())))
    return [each for each in seen if each not in (None, [])]


@contextmanager
def h11_alone() -> Iterator[None]:
    """Without the short way."""
    with (
        patch.object(handshake_module, "read_request_head", lambda head: None),
        patch.object(handshake_module, "read_switching_head", lambda head: None),
    ):
        yield


def same_in_server(
    chunks: list[bytes], reaction: Reaction, *, eof: bool = False, final: bool = False
) -> None:
    seen = outcome_in_server(chunks, reaction, eof=eof, final=final)
    with h11_alone():
        assert outcome_in_server(chunks, reaction, eof=eof, final=final) == seen


class TestWholeHandshakes:
    @pytest.mark.parametrize("reaction", REACTIONS.values(), ids=REACTIONS)
    @pytest.mark.parametrize("data", HANDSHAKES.values(), ids=HANDSHAKES)
    def test_server(self, data: bytes, reaction: Reaction) -> None:
        for trailing in (b"", frame(TEXT, b"early", to=SERVER), data, bytes(101)):
            same_in_server([data + trailing], reaction)
        same_in_server([data], reaction, final=True)
        same_in_server([data[:-1]], reaction, eof=True)
        same_in_server([data], reaction, eof=True)

    @pytest.mark.parametrize("data", HANDSHAKES.values(), ids=HANDSHAKES)
    def test_chunks(self, data: bytes) -> None:
        for chunks in chunkings(data + frame(TEXT, b"early", to=SERVER)):
            for reaction in (accept, reject):
                same_in_server(chunks, reaction)

    @given(HEADS, st.sampled_from(list(REACTIONS.values())), st.booleans(), st.booleans())
    @example(CHROMIUM, accept, False, False)
    def test_any(self, head: bytes, reaction: Reaction, eof: bool, final: bool) -> None:
        same_in_server([head], reaction, eof=eof, final=final)

    @given(
        st.sampled_from(REQUESTS),
        st.integers(0),
        st.sampled_from(NASTY),
        st.sampled_from(list(REACTIONS.values())),
    )
    def test_changed(self, head: bytes, at: int, byte: int, reaction: Reaction) -> None:
        at %= len(head)
        same_in_server([head[:at] + bytes((byte,)) + head[at + 1 :]], reaction)

    @pytest.mark.parametrize(
        "data",
        [
            response(),
            b"HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n" + response(),
            response() + frame(TEXT, b"early", to=CLIENT),
            response(line=b"HTTP/1.1 101"),
            response(line=b"HTTP/1.0 101 X"),
            response({b"X-%d" % n: b"" for n in range(30)}),
            response({b"X-%d" % n: b"" for n in range(30)}, line=b"HTTP/1.0 101 X"),
            response({b"Content-Length": b"0"}),
            response({b"Content-Length": [b"0", b"1"]}),
            response({b"Transfer-Encoding": b"chunked"}),
            response({b"Sec-WebSocket-Accept": b"x"}),
            response({b"Upgrade": None}),
            response({b"X": b"\x00"}),
            response({b"X": b"a\r\n b"}),
            b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
        ],
    )
    def test_client(self, data: bytes) -> None:
        def outcome(chunks: list[bytes]) -> list[object]:
            client = new_client(limits=Limits(max_headers=32))
            seen: list[object] = []
            for chunk in chunks:
                seen.append(told(lambda c=chunk: client.receive_data(c)))  # type: ignore[misc]
                seen.append(told(lambda: list(client.events())))
                seen.append(client.state)
            return seen

        for chunks in chunkings(data):
            seen = outcome(chunks)
            with h11_alone():
                assert outcome(chunks) == seen


class TestWithoutH11:
    """What all of this is for."""

    @pytest.mark.parametrize("data", REQUESTS)
    def test_server(self, data: bytes) -> None:
        for chunks in chunkings(data):
            server = WSConnection(SERVER)
            with patch.object(h11, "Connection", side_effect=AssertionError):
                for chunk in chunks:
                    server.receive_data(chunk)
                server.send(AcceptConnection())
            assert server.connection is not None

    def test_client(self) -> None:
        client = new_client()
        with patch.object(h11.Connection, "receive_data", side_effect=AssertionError):
            client.receive_data(response())
        events: list[Event] = list(client.events())
        assert [type(event) for event in events] == [AcceptConnection]


@pytest.mark.parametrize(
    "hostile",
    [
        b"a" * 64,  # one long name, without a colon
        b":" * 64,
        b"a:" + b" " * 64,
        b"a:b" + b" " * 64,
        b"a:" + b" " * 64 + b"b\r\n",
        b"a: b\r\n" * 8,
        b"a: b\r" * 8,
        b"a: b\n" * 8,
        b" \r\n" * 16,
        b"Host: a\r\n" * 8,
        b"Content-Length: 0\r\n" * 4,
        b"\r\n" * 32,
        b"(" * 64,
    ],
)
@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\n", b"GET ", b"GET / HTTP/1.1\r\nHost: a\r\n", b""]
)
def test_work_is_linear(first: bytes, hostile: bytes) -> None:
    """The lines run grow like the head, whatever is in it. What a line calls looks at each
    byte that it is given once: split, translate, partition, strip, join, and an expression
    for runs of one kind of character; and no line is given what another of the same loop was.
    """

    def work(times: int) -> Callable[[], None]:
        head = first + hostile * times + b"\r\n\r\n"
        return lambda: (read_request_head(head), None)[1]

    grows_linearly(work, 64)
