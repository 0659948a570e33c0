"""The table of states: every state with every input, and what the connection does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.state_diagram import diagram
from wsproto_core import (
    Connection,
    ConnectionState,
    LocalProtocolError,
    RemoteProtocolError,
    WSConnection,
)
from wsproto_core.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.states import TRANSITIONS, Input

from .test_handshake_client import new_client, response
from .test_handshake_server import request
from .wire import CLIENT, CLOSE, PING, PONG, SERVER, TEXT, frame

S = ConnectionState
REJECTION = b"HTTP/1.1 403 X\r\nContent-Length: 5\r\n\r\n"


def server_in(state: ConnectionState) -> WSConnection:
    server = WSConnection(SERVER)
    server.receive_data(request())
    list(server.events())
    if state is S.CONNECTING:
        return server
    if state is S.REJECTING:
        server.send(RejectConnection(403, has_body=True))
        return server
    server.send(AcceptConnection())
    if state in (S.LOCAL_CLOSING, S.CLOSED):
        server.send(CloseConnection(1000))
    if state in (S.REMOTE_CLOSING, S.CLOSED):
        server.receive_data(frame(CLOSE, to=SERVER))
        list(server.events())
    assert server.state is state
    return server


def client_in(state: ConnectionState) -> WSConnection:
    if state is S.CONNECTING:
        return new_client()
    client = new_client()
    if state is S.REJECTING:
        client.receive_data(REJECTION)
    else:
        client.receive_data(response())
    list(client.events())
    if state in (S.LOCAL_CLOSING, S.CLOSED):
        client.send(CloseConnection(1000))
    if state in (S.REMOTE_CLOSING, S.CLOSED):
        client.receive_data(frame(CLOSE, to=CLIENT))
        list(client.events())
    assert client.state is state
    return client


SENT: dict[Input, Callable[[], Event]] = {
    Input.SEND_ACCEPT: AcceptConnection,
    Input.SEND_REJECT: lambda: RejectConnection(403, has_body=True),
    Input.SEND_REJECT_DATA: lambda: RejectData(b"x", body_finished=False),
    Input.SEND_REJECT_END: lambda: RejectData(b"x"),
    Input.SEND_MESSAGE: lambda: TextMessage("a"),
    Input.SEND_PING: Ping,
    Input.SEND_PONG: Pong,
    Input.SEND_CLOSE: lambda: CloseConnection(1000),
}

FROM_CLIENT: dict[Input, bytes | None] = {
    Input.RECEIVE_MESSAGE: frame(TEXT, b"a", to=SERVER),
    Input.RECEIVE_PING: frame(PING, to=SERVER),
    Input.RECEIVE_PONG: frame(PONG, to=SERVER),
    Input.RECEIVE_CLOSE: frame(CLOSE, to=SERVER),
    Input.RECEIVE_FAULT: frame(3, to=SERVER),
    Input.RECEIVE_EOF: None,
}

FROM_SERVER: dict[Input, bytes | None] = {
    Input.RECEIVE_ACCEPT: response(),
    Input.RECEIVE_REJECT: REJECTION,
    Input.RECEIVE_REJECT_DATA: b"abc",
    Input.RECEIVE_REJECT_END: b"abcde",
    Input.RECEIVE_BAD_RESPONSE: b"bad\r\n\r\n",
    Input.RECEIVE_EOF: None,
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("sent", SENT)
def test_sending(state: ConnectionState, sent: Input) -> None:
    """What is in the table leads where it says; what is not is refused and changes nothing."""
    server = server_in(state)
    following = TRANSITIONS.get((state, sent))
    if following is None:
        with pytest.raises(LocalProtocolError):
            server.send(SENT[sent]())
        assert server.state is state
    else:
        assert server.send(SENT[sent]())
        assert server.state is following


@pytest.mark.parametrize("state", S)
def test_sending_a_request(state: ConnectionState) -> None:
    client = WSConnection(CLIENT) if state is S.CONNECTING else client_in(state)
    following = TRANSITIONS.get((state, Input.SEND_REQUEST))
    if following is None:
        with pytest.raises(LocalProtocolError):
            client.send(Request("a", "/"))
    else:
        assert client.send(Request("a", "/"))
    assert client.state is (following or state)


@pytest.mark.parametrize("state", [S.OPEN, S.LOCAL_CLOSING, S.REMOTE_CLOSING, S.CLOSED])
@pytest.mark.parametrize("received", FROM_CLIENT)
def test_receiving_once_open(state: ConnectionState, received: Input) -> None:
    """The state moves with the event, not with the bytes; what is not in the table is not
    processed.
    """
    server = server_in(state)
    following = TRANSITIONS.get((state, received))
    if state is S.CLOSED and received is not Input.RECEIVE_EOF:
        with pytest.raises(LocalProtocolError, match="CLOSED"):
            server.receive_data(FROM_CLIENT[received])
    else:
        server.receive_data(FROM_CLIENT[received])
    assert server.state is state
    events = list(server.events())
    assert server.state is (following or state)
    expected = following is not None and state in (S.OPEN, S.LOCAL_CLOSING)
    assert len(events) == expected


@pytest.mark.parametrize("state", [S.CONNECTING, S.REJECTING])
@pytest.mark.parametrize("received", FROM_SERVER)
def test_receiving_a_response(state: ConnectionState, received: Input) -> None:
    following = TRANSITIONS.get((state, received))
    if following is None or (state is S.REJECTING and received is Input.RECEIVE_BAD_RESPONSE):
        return  # bytes mean what the state makes of them
    client = client_in(state)
    if received in (Input.RECEIVE_BAD_RESPONSE, Input.RECEIVE_EOF):
        with pytest.raises(RemoteProtocolError):
            client.receive_data(FROM_SERVER[received])
    else:
        client.receive_data(FROM_SERVER[received])
        assert list(client.events())
    assert client.state is following


def test_bad_response_within_a_refusal() -> None:
    client = new_client()
    client.receive_data(b"HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert client.state is S.REJECTING
    with pytest.raises(RemoteProtocolError):
        client.receive_data(b"zz\r\n")
    assert client.state is TRANSITIONS[S.REJECTING, Input.RECEIVE_BAD_RESPONSE]


def test_receiving_a_request() -> None:
    server = WSConnection(SERVER)
    server.receive_data(request())
    assert server.state is TRANSITIONS[S.CONNECTING, Input.RECEIVE_REQUEST]


def test_every_input_is_used_and_every_state_reached() -> None:
    assert {event for _, event in TRANSITIONS} == set(Input)
    assert set(TRANSITIONS.values()) == set(S)
    assert {state for state, _ in TRANSITIONS} == set(S)


def test_closed_is_final() -> None:
    assert {after for (before, _), after in TRANSITIONS.items() if before is S.CLOSED} == {S.CLOSED}


def test_connection_begins_open() -> None:
    assert Connection(SERVER).state is S.OPEN


def test_the_diagram_is_drawn_from_the_table() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    drawn = re.search(r"```mermaid\n(.*?)```", readme, re.DOTALL)
    assert drawn is not None
    assert drawn.group(1) == diagram(), "run: python -m docs.state_diagram --write"
