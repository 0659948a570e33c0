"""Header fields and what is negotiated by them (RFC 6455 §4, §9.1; RFC 7692 §7.1; RFC 8441).

Invariant: of any field only the documented errors are raised; the short way of reading a head
gives what h11 gives, or nothing; the short way through a list gives what a literal reading
of RFC 9110 §5.6 gives; what is offered, accepted and finalized by one end is what the other
end takes for agreed; a request that was taken can be accepted and refused.

Input: a byte that says what is read, and the text.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import h11

from fuzz.endpoints import entropy
from fuzz.inputs import Source
from wsproto_core import Limits, LocalProtocolError, RemoteProtocolError
from wsproto_core.events import AcceptConnection, RejectConnection, Request
from wsproto_core.extended_connect import ExtendedConnectClient, ExtendedConnectServer
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.header_fields import (
    FieldError,
    is_field_value,
    is_host,
    is_target,
    is_token,
    parse_extension,
    split_list,
    split_tokens,
)
from wsproto_core.hosts import encode_host, origin_allowed, same_origin
from wsproto_core.http_head import read_request_head, read_switching_head
from wsproto_core.negotiation import (
    check_fields,
    client_extensions_handshake,
    encode_target,
    server_extensions_handshake,
)
from wsproto_core.typing import Headers
from wsproto_core.upgrade import UpgradeClient, UpgradeServer
from wsproto_core.utilities import generate_accept_token, generate_nonce

MAX_SIZE = 1024

TCHARS: Final = frozenset(
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
LIMITS: Final = Limits(max_headers=32)


# Literal readings of the grammar --------------------------------------------------------


def literal_elements(text: str) -> list[str]:
    """RFC 9110 §5.6.1, with §5.6.4: one character after the other."""
    pieces, piece, quoted, at = [], "", False, 0
    while at < len(text):
        char = text[at]
        if quoted and char == "\\":
            piece += text[at : at + 2]
            at += 2
            continue
        if char == '"':
            quoted = not quoted
        if char == "," and not quoted:
            pieces.append(piece)
            piece = ""
        else:
            piece += char
        at += 1
    return [each.strip(" \t") for each in [*pieces, piece] if each.strip(" \t")]


def literal_extension(text: str) -> tuple[str, list[tuple[str, str | None]]] | None:
    """RFC 6455 §9.1: ``extension``; None for what is none."""
    at = 0

    def spaces() -> None:
        nonlocal at
        while text[at : at + 1] in (" ", "\t"):
            at += 1

    def token() -> str:
        nonlocal at
        begin = at
        while text[at : at + 1] in TCHARS:
            at += 1
        return text[begin:at]

    spaces()
    name = token()
    parameters: list[tuple[str, str | None]] = []
    spaces()
    while name and text[at : at + 1] == ";":
        at += 1
        spaces()
        parameter = token()
        if not parameter:
            return None
        spaces()
        value: str | None = None
        if text[at : at + 1] == "=":
            at += 1
            spaces()
            if text[at : at + 1] == '"':
                # "the value after quoted-string unescaping MUST conform to the 'token' ABNF"
                at += 1
                value = ""
                while at < len(text) and text[at] != '"':
                    at += text[at] == "\\"
                    value += text[at : at + 1]
                    at += 1
                if at >= len(text) or not set(value) <= TCHARS:
                    return None
                at += 1
            else:
                value = token()
            if not value:
                return None
            spaces()
        parameters.append((parameter, value))
    return (name, parameters) if name and at == len(text) else None


# What is read ---------------------------------------------------------------------------


def lists(data: bytes) -> None:
    """RFC 9110 §5.6.1."""
    text = data.decode("latin-1")
    elements = split_list(text)
    assert elements == literal_elements(text)
    tokens = all(element and set(element) <= TCHARS for element in elements)
    try:
        assert split_tokens([data]) == elements
        assert tokens
    except FieldError:
        assert not tokens
    for element in elements:
        assert is_token(element.encode("latin-1")) == (set(element) <= TCHARS)


def extension(data: bytes) -> None:
    """RFC 6455 §9.1."""
    text = data.decode("latin-1")
    expected = literal_extension(text)
    try:
        element = parse_extension(text)
    except FieldError:
        assert expected is None, f"{text!r} was refused, but is {expected}"
        return
    assert expected == (element.name, list(element.parameters)), f"{text!r}: {element}"


def request_head(data: bytes) -> None:
    """RFC 9112, as the one and as the other reads it."""
    read = read_request_head(data)
    if read is None:
        return
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method, event.http_version) == (b"GET", b"1.1")
    assert read == (event.target, list(event.headers))


def response_head(data: bytes) -> None:
    """RFC 9112, as the one and as the other reads it."""
    headers = read_switching_head(data)
    if headers is None:
        return
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a"), ("Upgrade", "b")]))
    client.receive_data(data)
    event = client.next_event()
    assert isinstance(event, h11.InformationalResponse)
    assert (event.status_code, event.http_version) == (101, b"1.1")
    assert headers == list(event.headers)


def _deflate(source: Source) -> PerMessageDeflate:
    flags, windows = source.byte(), source.byte()
    return PerMessageDeflate(
        client_no_context_takeover=bool(flags & 1),
        server_no_context_takeover=bool(flags & 2),
        client_max_window_bits=15 - (windows & 7),
        server_max_window_bits=15 - (windows >> 4 & 7),
    )


def offers(data: bytes) -> None:
    """RFC 7692 §5, §7.1: a server and any offers."""
    source = Source(data)
    server = _deflate(source)
    elements = literal_elements(source.rest().decode("latin-1"))
    response = server_extensions_handshake(elements, [server])
    assert (response is not None) == server.enabled()
    if response is None:
        return
    # The response answers the first offer that is acceptable, with what it allows.
    offered = None
    for element in elements:
        if PerMessageDeflate().accept(element) is not None and literal_extension(element):
            found = literal_extension(element)
            if found is not None and found[0] == "permessage-deflate":
                offered = dict(found[1])
                break
    assert offered is not None
    answer = literal_extension(response.decode())
    assert answer is not None
    name, parameters = answer
    answered = dict(parameters)
    agreed = server.agreed
    assert agreed is not None
    assert name == "permessage-deflate"
    assert len(answered) == len(parameters)
    # §7.1.1.1: "A server accepts [...] by including the same parameter".
    if "server_no_context_takeover" in offered:
        assert "server_no_context_takeover" in answered
    assert agreed.server_no_context_takeover == ("server_no_context_takeover" in answered)
    assert agreed.client_no_context_takeover == ("client_no_context_takeover" in answered)
    # §7.1.2.1: it is answered with "the same or smaller value as the offer".
    if "server_max_window_bits" in offered:
        bits = int(answered["server_max_window_bits"] or "")
        assert 8 <= bits <= int(offered["server_max_window_bits"] or "")
    # Less than it says is no harm to the client.
    assert agreed.server_max_window_bits <= int(answered.get("server_max_window_bits") or 15)
    # §7.1.2.2: "If a received extension negotiation offer doesn't have the
    # "client_max_window_bits" extension parameter, the corresponding extension negotiation
    # response to the offer MUST NOT include" it.
    if "client_max_window_bits" in answered:
        assert "client_max_window_bits" in offered
        bits = int(answered["client_max_window_bits"] or "")
        assert 8 <= bits <= int(offered["client_max_window_bits"] or 15)
        assert agreed.client_max_window_bits == bits


def answers(data: bytes) -> None:
    """RFC 7692 §5, §7.1: a client and any answer."""
    source = Source(data)
    client = _deflate(source)
    elements = literal_elements(source.rest().decode("latin-1"))
    offered = literal_extension(f"permessage-deflate; {client.offer()}")
    assert offered is not None
    asked = dict(offered[1])
    try:
        agreed = client_extensions_handshake(elements, [client])
    except RemoteProtocolError:
        return
    assert agreed == ([client] if elements else [])
    if not agreed:
        return
    assert client.agreed is not None
    found = literal_extension(elements[0])
    assert found is not None
    given = dict(found[1])
    assert len(elements) == 1
    assert len(given) == len(found[1])
    if "server_no_context_takeover" in asked:
        assert "server_no_context_takeover" in given
    for window in ("server_max_window_bits", "client_max_window_bits"):
        if window in given:
            assert 8 <= int(given[window] or "") <= int(asked.get(window) or 15)
    if "server_max_window_bits" in asked:
        assert "server_max_window_bits" in given
    assert client.agreed.server_max_window_bits == int(given.get("server_max_window_bits") or 15)
    assert client.agreed.client_max_window_bits <= int(given.get("client_max_window_bits") or 15)
    assert client.codec(True) is not None


def agreement(data: bytes) -> None:
    """What one end offers, another can accept; both then have agreed on the same."""
    source = Source(data)
    client, server = _deflate(source), _deflate(source)
    response = server_extensions_handshake([f"permessage-deflate; {client.offer()}"], [server])
    assert response is not None
    client_extensions_handshake([response.decode()], [client])
    assert server.agreed is not None
    assert client.agreed is not None
    # A server may do with less than it was asked for, without a word (§7.1.2.1).
    assert client.agreed.server_max_window_bits >= server.agreed.server_max_window_bits
    assert client.agreed.server_no_context_takeover == server.agreed.server_no_context_takeover
    # A client may do with less than was agreed on (§7.1.1.2, §7.1.2.2).
    assert client.agreed.client_max_window_bits <= server.agreed.client_max_window_bits
    assert client.agreed.client_no_context_takeover >= server.agreed.client_no_context_takeover


def _fields(source: Source, names: tuple[bytes, ...]) -> Headers:
    """Fields: of each line, the first byte is the index of a name; the rest is its value."""
    headers = []
    for line in source.rest().split(b"\n"):
        index = line[0] if line else 0
        if index < len(names):
            headers.append((names[index], line[1:]))
        else:
            name, _, value = line.partition(b":")
            headers.append((name, value))
    return headers


FIELDS: Final = (
    *(b"host", b"upgrade", b"connection", b"sec-websocket-key", b"sec-websocket-version"),
    *(b"sec-websocket-protocol", b"sec-websocket-extensions", b"origin", b"content-length"),
    *(b"transfer-encoding", b":method", b":protocol", b":scheme", b":path", b":authority"),
    *(b":status", b"sec-websocket-accept", b"x"),
)
# What a good handshake has: a flag for each says whether it comes first.
GOOD_REQUEST: Final[Headers] = [
    (b"host", b"a.example"),
    (b"upgrade", b"websocket"),
    (b"connection", b"upgrade"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-version", b"13"),
]
GOOD_CONNECT: Final[Headers] = [
    (b":method", b"CONNECT"),
    (b":protocol", b"websocket"),
    (b":scheme", b"https"),
    (b":path", b"/"),
    (b":authority", b"a.example"),
    (b"sec-websocket-version", b"13"),
]
KEY: Final = generate_nonce(entropy)
GOOD_RESPONSE: Final[Headers] = [
    (b"upgrade", b"websocket"),
    (b"connection", b"upgrade"),
    (b"sec-websocket-accept", generate_accept_token(KEY)),
]


def _with(good: Headers, source: Source) -> Headers:
    flags = source.byte()
    chosen = [field for index, field in enumerate(good) if not flags >> index & 1]
    return chosen + _fields(source, FIELDS)


def _answer(server: UpgradeServer | ExtendedConnectServer, request: Request) -> None:
    """A request that was taken can be accepted, with each subprotocol it asks for."""
    subprotocol = request.subprotocols[0] if request.subprotocols else None
    accept = AcceptConnection(subprotocol=subprotocol, extensions=[PerMessageDeflate()])
    response = server.accept(accept)
    headers = response if isinstance(response, list) else response.headers
    for name, value in headers:
        assert name.startswith(b":") or is_token(name)
        assert is_field_value(value)
    assert server.connection is not None
    for origin in (request.origin, "https://example.com"):
        if origin is not None:
            assert isinstance(origin_allowed(request, [origin]), bool)
    if request.origin is not None:
        assert origin_allowed(request, [request.origin])
    assert same_origin(request) in (True, False)


def upgrade_request(data: bytes) -> None:
    """RFC 6455 §4.2.1."""
    server = UpgradeServer(limits=LIMITS)
    headers = _with(GOOD_REQUEST, Source(data))
    try:
        request = server.receive_request(headers, target=b"/")
    except RemoteProtocolError as exc:
        refused = exc.event_hint
    else:
        _answer(server, request)
        return
    assert isinstance(refused, RejectConnection)
    assert server.reject(refused).status_code in (400, 426, 431)


def connect_request(data: bytes) -> None:
    """RFC 8441 §5."""
    server = ExtendedConnectServer(limits=LIMITS)
    headers = _with(GOOD_CONNECT, Source(data))
    try:
        request = server.receive_request(headers)
    except RemoteProtocolError as exc:
        refused = exc.event_hint
    else:
        _answer(server, request)
        return
    assert isinstance(refused, RejectConnection)
    assert server.refuse(refused)[0][1] in (b"400", b"405", b"426", b"431", b"501")


def upgrade_response(data: bytes) -> None:
    """RFC 6455 §4.1."""
    client = UpgradeClient(entropy=entropy)
    client.send_request(
        Request("a", "/", extensions=[PerMessageDeflate()], subprotocols=["chat", "superchat"])
    )
    source = Source(data)
    status_code = (101, 200, 301, 400, 401, 503)[source.byte() % 6]
    headers = _with(GOOD_RESPONSE, source)
    try:
        answer = client.receive_response(status_code, headers)
    except RemoteProtocolError:
        assert client.connection is None
        return
    assert isinstance(answer, AcceptConnection) == (client.connection is not None)
    assert isinstance(answer, AcceptConnection) == (status_code == 101)
    if isinstance(answer, AcceptConnection):
        assert answer.subprotocol in (None, "chat", "superchat")


def connect_response(data: bytes) -> None:
    """RFC 8441 §5."""
    client = ExtendedConnectClient()
    client.send_request(Request("a", "/", extensions=[PerMessageDeflate()], subprotocols=["chat"]))
    source = Source(data)
    try:
        answer = client.receive_response(_with([(b":status", b"200")], source))
    except RemoteProtocolError:
        assert client.connection is None
        return
    assert isinstance(answer, AcceptConnection) == (client.connection is not None)


def sent_request(data: bytes) -> None:
    """What an application says to a client is sent in a form that a server takes, or refused."""
    source = Source(data)
    host, target, name, value, subprotocol = (
        source.take(source.byte()).decode("utf-8", "surrogatepass" if i % 2 else "replace")
        if i in (0, 4)
        else source.take(source.byte()).decode("latin-1")
        for i in range(5)
    )
    request = Request(
        host,
        target,
        extra_headers=[(name.encode("latin-1"), value.encode("latin-1"))] if name else [],
        subprotocols=[subprotocol] if subprotocol else [],
    )
    with suppress(LocalProtocolError):
        assert is_host(encode_host(host))
    with suppress(LocalProtocolError):
        assert is_target(encode_target(target))
    with suppress(LocalProtocolError):
        check_fields(request.extra_headers)
    try:
        headers = UpgradeClient(entropy=entropy).send_request(request)
        path = encode_target(target)
    except LocalProtocolError:
        return
    if name.lower() not in ("origin", "transfer-encoding", "content-length"):
        taken = UpgradeServer(limits=LIMITS).receive_request(headers, target=path)
        assert taken.subprotocols == request.subprotocols
        assert taken.target == path.decode()


READERS: Final[tuple[Callable[[bytes], None], ...]] = (
    *(lists, extension, request_head, response_head, offers, answers, agreement),
    *(upgrade_request, connect_request, upgrade_response, connect_response, sent_request),
)


def check(data: bytes) -> None:
    if data:
        READERS[data[0] % len(READERS)](data[1:MAX_SIZE])
