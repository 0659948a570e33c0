"""What holds for all messages, however they are cut, masked and mixed."""

from __future__ import annotations

import random
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    Limits,
    RemoteProtocolError,
    WSConnection,
)
from wsproto_core.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)
from wsproto_core.extensions import PerMessageDeflate

from .test_handshake_client import response
from .test_handshake_server import request
from .wire import CLIENT, SERVER, joined

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
binaries = st.binary(max_size=300) | st.integers(0, 70_000).map(bytes)
controls = st.binary(max_size=125)
sizes = st.lists(st.integers(0, 200), max_size=6)
roles = st.sampled_from([CLIENT, SERVER])


@st.composite
def fragmented(draw: st.DrawFn) -> list[Event]:
    """A message in fragments, with pings and pongs among them."""
    data: Any = draw(texts | binaries)
    kind: Any = TextMessage if isinstance(data, str) else BytesMessage
    cuts = sorted(min(size, len(data)) for size in draw(sizes))
    events: list[Event] = []
    for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
        events.append(kind(data[start:stop], message_finished=False))
        events += draw(st.lists(st.builds(Ping, controls) | st.builds(Pong, controls), max_size=2))
    last = max(i for i, event in enumerate(events) if isinstance(event, Message))
    events[last].message_finished = True  # type: ignore[attr-defined]
    return events


conversations = st.lists(fragmented(), max_size=5).map(lambda lists: [*chain(*lists)])


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """*data* in pieces whose sizes are those given, over and over."""
    pieces = []
    position = index = 0
    while position < len(data):
        size = at[index % len(at)] if at else len(data)
        pieces.append(data[position : position + max(1, size)])
        position += max(1, size)
        index += 1
    return pieces


def said(events: list[Event]) -> list[Event]:
    """Whole messages and the rest, in the order in which they were complete."""
    return joined(events)


@given(
    conversations,
    st.lists(st.integers(1, 5000), max_size=4),
    roles,
    st.booleans(),
    st.sampled_from(
        [None, "", "server_no_context_takeover; client_no_context_takeover",
         "server_max_window_bits=9; client_max_window_bits=8"]
    ),
    st.integers(0, 1 << 32),
)  # fmt: skip
def test_what_is_sent_is_received(
    events: list[Event],
    at: list[int],
    role: ConnectionType,
    whole: bool,
    deflate: str | None,
    seed: int,
) -> None:
    extensions = None
    if deflate is not None:
        extension = PerMessageDeflate()
        extension.finalize(f"permessage-deflate; {deflate}" if deflate else "permessage-deflate")
        extensions = [extension]
    sender = Connection(role, extensions, entropy=random.Random(seed).randbytes)
    receiver = Connection(SERVER if role is CLIENT else CLIENT, extensions, whole_messages=whole)
    data = b"".join(sender.send(event) for event in events)
    received: list[Event] = []
    for piece in cut(data, at):
        receiver.receive_data(piece)
        received += receiver.events()
    assert said(received) == said(events)
    if whole:
        assert all(e.message_finished for e in received if isinstance(e, Message))
    assert receiver.state is ConnectionState.OPEN


@given(st.binary(max_size=400), st.lists(st.integers(1, 50), max_size=3), roles, st.booleans())
def test_no_bytes_raise_once_open(
    data: bytes, at: list[int], role: ConnectionType, whole: bool
) -> None:
    connection = Connection(role, whole_messages=whole, limits=Limits(max_message_size=100))
    closes = 0
    for piece in cut(data, at):
        connection.receive_data(piece)
        for event in connection.events():
            assert not closes
            closes += isinstance(event, CloseConnection)
    connection.receive_data(None)
    closes += sum(isinstance(event, CloseConnection) for event in connection.events())
    assert closes == 1


@given(
    st.lists(st.integers(0, 400), max_size=3),
    st.binary(max_size=6),
    st.lists(st.integers(1, 50), max_size=3),
    roles,
)
def test_damaged_handshakes_raise_only_what_is_documented(
    places: list[int], junk: bytes, at: list[int], role: ConnectionType
) -> None:
    data = request() if role is SERVER else response()
    for place in places:
        place %= len(data)
        data = data[:place] + junk + data[place + len(junk) // 2 :]
    end = WSConnection(role)
    if role is CLIENT:
        from wsproto_core.events import Request

        end.send(Request("a", "/"))
    try:
        for piece in cut(data, at):
            end.receive_data(piece)
            list(end.events())
        end.receive_data(None)
    except RemoteProtocolError as error:
        if role is SERVER and error.event_hint is not None:
            assert end.send(error.event_hint).startswith(b"HTTP/1.1 4")


class TwoEnds(RuleBasedStateMachine):
    """A client and a server over a link that delays and cuts, beside a small model.

    The model knows of each end: what it has said that has not been heard, and whether
    it may still speak. Nothing else.
    """

    def __init__(self) -> None:
        super().__init__()
        extension = PerMessageDeflate()
        extension.finalize("permessage-deflate")
        self.ends = [
            Connection(role, [extension], whole_messages=True) for role in (CLIENT, SERVER)
        ]
        self.wire = [b"", b""]  # towards each end
        self.due: list[list[Event]] = [[], []]  # what each end has yet to hear
        self.closed = [False, False]  # who has sent a Close
        self.heard_close = [False, False]
        self.begun = [False, False]  # whose fragmented message is open

    def say(self, end: int, event: Event) -> None:
        self.wire[1 - end] += self.ends[end].send(event)

    def may_speak(self, end: int) -> bool:
        return not self.closed[end] and not self.heard_close[end]

    @rule(end=st.integers(0, 1), data=texts | binaries, compress=st.sampled_from([None, False]))
    def send_message(self, end: int, data: str | bytes, compress: bool | None) -> None:
        if not self.may_speak(end) or self.begun[end]:
            return
        event = TextMessage(data) if isinstance(data, str) else BytesMessage(data)
        self.wire[1 - end] += self.ends[end].send(event, compress=compress)
        self.due[1 - end].append(event)

    @rule(end=st.integers(0, 1), parts=st.lists(texts, min_size=1, max_size=3))
    def begin_and_end_message(self, end: int, parts: list[str]) -> None:
        if not self.may_speak(end) or self.begun[end]:
            return
        for part in parts:
            self.say(end, TextMessage(part, message_finished=False))
        self.say(end, TextMessage(""))
        self.due[1 - end].append(TextMessage("".join(parts)))

    @rule(end=st.integers(0, 1), payload=controls)
    def ping(self, end: int, payload: bytes) -> None:
        if self.heard_close[end]:
            return
        self.say(end, Ping(payload))
        if not self.closed[end]:  # nothing is heard behind a Close
            self.due[1 - end].append(Ping(payload))

    @rule(end=st.integers(0, 1), code=st.sampled_from([1000, 1001, 4999]))
    def close(self, end: int, code: int) -> None:
        if self.closed[end]:
            return
        if self.heard_close[end]:
            assert self.ends[end].state is ConnectionState.REMOTE_CLOSING
        self.say(end, CloseConnection(code))
        self.closed[end] = True
        self.due[1 - end].append(CloseConnection(code, ""))

    @precondition(lambda self: any(self.wire))
    @rule(end=st.integers(0, 1), size=st.integers(1, 100_000))
    def deliver(self, end: int, size: int) -> None:
        if self.ends[end].state is ConnectionState.CLOSED:
            self.wire[end] = b""
            return
        piece, self.wire[end] = self.wire[end][:size], self.wire[end][size:]
        self.ends[end].receive_data(piece)
        for event in self.ends[end].events():
            assert event == self.due[end].pop(0)
            if isinstance(event, CloseConnection):
                self.heard_close[end] = True
                self.due[end].clear()

    @invariant()
    def states_agree(self) -> None:
        for end in (0, 1):
            expected = {
                (False, False): ConnectionState.OPEN,
                (True, False): ConnectionState.LOCAL_CLOSING,
                (False, True): ConnectionState.REMOTE_CLOSING,
                (True, True): ConnectionState.CLOSED,
            }[self.closed[end], self.heard_close[end]]
            assert self.ends[end].state is expected

    def teardown(self) -> None:
        for end in (0, 1):
            if self.wire[end] and self.ends[end].state is not ConnectionState.CLOSED:
                self.deliver(end, len(self.wire[end]))
            assert self.due[end] == []


TestTwoEnds = TwoEnds.TestCase
TestTwoEnds.settings = settings(max_examples=60, stateful_step_count=30)


@pytest.mark.parametrize("role", [CLIENT, SERVER])
def test_random_bytes_by_the_megabyte(role: ConnectionType) -> None:
    for seed in range(20):
        connection = Connection(role)
        connection.receive_data(random.Random(seed).randbytes(50_000))
        events = list(connection.events())
        assert isinstance(events[-1], CloseConnection) or connection.state is ConnectionState.OPEN
