"""Events as values."""

from __future__ import annotations

import functools

import pytest

from wsproto_core.errors import LimitExceeded, ProtocolError, RemoteProtocolError
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto_core.frame_protocol import CloseReason, Opcode, RsvBits

EXAMPLES: list[Event] = [
    Request("host", "/", [], [(b"a", b"b")], ["chat"]),
    AcceptConnection("chat", [], [(b"a", b"b")]),
    RejectConnection(403, [(b"a", b"b")], True),
    RejectData(b"data", False),
    CloseConnection(CloseReason.GOING_AWAY, "reason"),
    CloseConnection(4000),
    CloseConnection(1002, "bad", error=RemoteProtocolError("bad")),
    TextMessage("text", False, False),
    BytesMessage(b"bytes", True, False),
    Ping(b"ping"),
    Pong(b"pong"),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: type(e).__name__)
def test_repr_pastes_back(event: Event) -> None:
    if isinstance(event, CloseConnection):  # but for the standard repr of its enum
        event = CloseConnection(int(event.code), event.reason, error=event.error)
    assert eval(repr(event)) == event


def test_repr_of_a_close() -> None:
    """As wsproto's: simple-websocket's tests compare it."""
    assert repr(CloseConnection(CloseReason.NORMAL_CLOSURE)) == (
        "CloseConnection(code=<CloseReason.NORMAL_CLOSURE: 1000>, reason=None)"
    )
    assert repr(CloseConnection(1002, "x", error=RemoteProtocolError("x"))) == (
        "CloseConnection(code=1002, reason='x', error=RemoteProtocolError('x', event_hint=None))"
    )


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: type(e).__name__)
def test_they_have_slots(event: Event) -> None:
    assert not hasattr(event, "__dict__")


def test_they_compare_by_value_and_type() -> None:
    assert Ping(b"a") == Ping(b"a")
    assert Ping(b"a") != Ping(b"b")
    assert Ping(b"a") != Pong(b"a")
    assert TextMessage("a") != Message("a")
    assert len({Ping(b"a"), Ping(b"a"), Pong(b"a")}) == 2


def test_defaults_are_not_shared() -> None:
    Request("a", "/").extra_headers.append((b"a", b"b"))
    assert Request("a", "/").extra_headers == []


def test_responses() -> None:
    assert Ping(b"a").response() == Pong(b"a")
    assert CloseConnection(1001, "bye").response() == CloseConnection(1001, "bye")


def test_single_dispatch() -> None:
    @functools.singledispatch
    def name(event: Event) -> str:
        return "event"

    @name.register
    def _(event: Message) -> str:  # type: ignore[type-arg]
        return "message"

    @name.register
    def _(event: Ping) -> str:
        return "ping"

    assert [name(e) for e in (Ping(), TextMessage("a"), Pong())] == ["ping", "message", "event"]


def test_matching() -> None:
    match CloseConnection(1002, error=RemoteProtocolError("x")):
        case CloseConnection(error=RemoteProtocolError() as error):
            assert str(error) == "x"
        case _:
            pytest.fail("no match")


def test_origin() -> None:
    headers = [(b"X", b"y"), (b"ORIGIN", b"https://a")]
    assert Request("a", "/", extra_headers=headers).origin == "https://a"
    assert Request("a", "/", extra_headers=headers[:1]).origin is None


def test_errors() -> None:
    assert issubclass(LimitExceeded, RemoteProtocolError)
    assert issubclass(RemoteProtocolError, ProtocolError)
    error = RemoteProtocolError("message", Ping())
    assert str(error) == "message"
    assert error.event_hint == Ping()
    assert repr(error) == "RemoteProtocolError('message', event_hint=Ping(payload=b''))"


def test_words() -> None:
    assert [opcode.iscontrol() for opcode in Opcode] == [False] * 3 + [True] * 3
    assert RsvBits(True, False, False).rsv1
