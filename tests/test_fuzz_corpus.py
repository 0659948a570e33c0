"""Every input of ``fuzz/corpus`` through its target, and each target sees what it should.

What fuzzing has reached stays reached, and needs no fuzzer. A finding becomes a test by name in
the tests of its section as well.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from fuzz import endpoints
from fuzz.inputs import FRAGMENTS, SIZES, Setup, Source, cut, ways
from fuzz.targets import TARGETS
from wsproto_core import Connection, Limits, Session, deflate, negotiation, upgrade
from wsproto_core.connection_base import ConnectionBase
from wsproto_core.errors import RemoteProtocolError
from wsproto_core.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto_core.handshake import H11Handshake

CORPUS = Path(endpoints.__file__).parent / "corpus"

each_target = pytest.mark.parametrize("name", TARGETS)


def inputs(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


@each_target
def test_corpus(name: str) -> None:
    contents = inputs(name)
    assert len(contents) >= 50
    for content in contents:
        TARGETS[name].check(content)


@each_target
def test_any_input_has_a_meaning(name: str) -> None:
    for content in (b"", b"\x00", b"\xff", bytes(40), b"\xff" * 40, bytes(range(256)) * 20):
        TARGETS[name].check(content)


@each_target
def test_corpus_is_small(name: str) -> None:
    contents = inputs(name)
    names = {sha1(content, usedforsecurity=False).hexdigest() for content in contents}
    assert names == {path.name for path in (CORPUS / name).iterdir()}
    assert len(contents) <= 250
    assert sum(map(len, contents)) <= 64 * 1024
    assert max(map(len, contents)) <= TARGETS[name].MAX_SIZE


# Each target can fail. What is planted in the engine, and where it is seen:


class Planted(Exception):
    """What no caller has been told to expect."""


def raising(*arguments: object, **keywords: object) -> Any:
    raise Planted


PLACES: dict[str, tuple[object, str]] = {
    "frames": (Connection, "receive_data"),
    "deflate": (deflate.DeflateCodec, "feed"),
    "headers": (negotiation, "parse_extension"),
    "handshakes": (upgrade, "generate_accept_token"),
    "conversations": (Session, "handle_timer"),
    "differential": (deflate.DeflateCodec, "read"),
}


@each_target
def test_what_the_engine_raises_is_seen(name: str) -> None:
    place, attribute = PLACES[name]
    with patch.object(place, attribute, raising), pytest.raises(Planted):
        for content in inputs(name):
            TARGETS[name].check(content)


def seen(name: str) -> bool:
    """Whether the target, given the corpus, finds what has been planted."""
    for content in inputs(name):
        try:
            TARGETS[name].check(content)
        except Exception:
            return True
    return False


def text_in_upper_case(self: Connection, event: Any, **keywords: Any) -> bytes:
    if isinstance(event, TextMessage):
        event = TextMessage(event.data.swapcase(), message_finished=event.message_finished)
    return ConnectionBase.send(self, event, **keywords)


def first_event_lost(self: Connection, policy: Any = None) -> Any:
    events = ConnectionBase.events(self, policy)
    return (event for event in list(events)[1:])


def last_event_twice(self: Connection, policy: Any = None) -> Any:
    for event in ConnectionBase.events(self, policy):
        yield event
        if isinstance(event, CloseConnection):
            yield event


def pings_in_two_reads(self: Connection, data: Any) -> None:
    """A difference between streams that come whole and those that come in pieces."""
    if data is None or len(data) > 1:
        ConnectionBase.receive_data(self, data)
    else:
        ConnectionBase.receive_data(self, bytes(data).replace(b"\x89", b"\x8a"))


@pytest.mark.parametrize("name", ["frames", "deflate", "differential", "conversations"])
@pytest.mark.parametrize(
    ("attribute", "replacement"),
    [("events", first_event_lost), ("events", last_event_twice)],
    ids=["the first event lost", "the last event twice"],
)
def test_wrong_events_are_seen(
    name: str, attribute: str, replacement: Callable[..., object]
) -> None:
    assert not seen(name)
    with patch.object(Connection, attribute, replacement):
        assert seen(name)


def test_another_text_than_sent_is_seen() -> None:
    with patch.object(Connection, "send", text_in_upper_case):
        assert seen("frames")
        assert seen("conversations")


def test_what_depends_on_the_chunking_is_seen() -> None:
    with patch.object(Connection, "receive_data", pings_in_two_reads):
        assert seen("frames")


@pytest.mark.parametrize("name", ["frames", "deflate", "differential"])
@pytest.mark.parametrize("limit", ["max_message_size", "max_frame_size", "max_fragments"])
def test_a_limit_that_does_not_hold_is_seen(name: str, limit: str) -> None:
    def twice(**limits: int) -> Limits:
        return Limits(**{**limits, limit: 2 * limits[limit]})

    with patch.object(endpoints, "Limits", twice):
        # Only the model knows of frames and fragments.
        assert seen(name) is (limit == "max_message_size" or name == "differential")


def test_an_offer_answered_wrongly_is_seen() -> None:
    def accept(self: Any, offer: str) -> str:
        self.agreed = deflate.DeflateParameters()
        return "client_max_window_bits=15"

    with patch("wsproto_core.extensions.PerMessageDeflate.accept", accept):
        assert seen("headers")


def test_another_reading_of_lists_is_seen() -> None:
    with patch("fuzz.targets.headers.split_list", lambda text: text.split(",")):
        assert seen("headers")


def test_a_fault_told_as_another_is_seen() -> None:
    """A handshake that raises what differs between whole and bytewise reads."""
    taken = H11Handshake.receive_data

    def receive_data(self: H11Handshake, data: bytes | None) -> None:
        try:
            taken(self, data)
        except RemoteProtocolError as exc:
            raise RemoteProtocolError(f"{len(data or b'')}", exc.event_hint) from None

    with patch.object(H11Handshake, "receive_data", receive_data):
        assert seen("handshakes")


def test_a_timer_that_stays_due_is_seen() -> None:
    with patch.object(Session, "handle_timer", lambda self, now: None):
        assert seen("conversations")


# What inputs mean


def test_setups_are_read_as_they_are_written() -> None:
    for number in range(256):
        setup = Setup(
            role=("server", "client")[number & 1],
            whole=bool(number & 2),
            eof=bool(number & 4),
            closing=bool(number & 8),
            view=bool(number & 64),
            taking=number >> 4 & 3,
            message_size=number % len(SIZES),
            frame_size=number // 2 % len(SIZES),
            fragments=number % len(FRAGMENTS),
            window_bits=8 + number % 8,
            context_takeover=bool(number & 16),
            cut=number,
        )
        assert len(setup.write()) == Setup.SIZE
        assert Setup.read(Source(setup.write())) == setup


def test_pieces_are_of_all_of_a_stream() -> None:
    data = bytes(range(256)) * 3
    shapes = set()
    for way in range(256):
        pieces = cut(data, way)
        assert b"".join(pieces) == data
        assert all(pieces)
        shapes.add(tuple(map(len, pieces)))
    assert len(shapes) > 200
    assert cut(data, 0) == [data]
    assert cut(b"", 0) == cut(b"", 1) == cut(b"", 200) == []
    assert len(cut(data, 1)) == len(data)
    assert ways(b"short", 0) == {1}
    assert ways(b"short", 7) == {1, 7}
    assert ways(data, 7) == {7}


def test_an_endpoint_asserts_what_it_says() -> None:
    """The account of an endpoint is of what it has been given."""
    setup = Setup(role="client", eof=True)
    sent = endpoints.connect("server", None, setup.limits, whole=True)
    data = sent.send(TextMessage("a")) + sent.send(Ping(b"b")) + sent.send(BytesMessage(b"c"))
    account = endpoints.Endpoint(setup, None).play(data, 1)
    assert [type(outcome).__name__ for outcome in account.outcomes] == [
        *("GotMessage", "GotPing", "GotMessage", "Lost")
    ]
