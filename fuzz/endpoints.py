"""An engine's connection that is given a stream, and what it makes of it.

Owns what holds of any connection and any stream, which is asserted on the way. Must not know
where streams come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from fuzz.inputs import TAKINGS, Setup, cut
from wsproto_core import (
    Connection,
    ConnectionState,
    ConnectionType,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
)
from wsproto_core.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    TextMessage,
)
from wsproto_core.extensions import Extension, PerMessageDeflate
from wsproto_core.testing.model import read
from wsproto_core.testing.outcomes import (
    DeflateSettings,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Kind,
    Lost,
    Outcome,
    ReceiveLimits,
    Role,
)
from wsproto_core.testing.settings import other

TYPES: Final = {"server": ConnectionType.SERVER, "client": ConnectionType.CLIENT}


def entropy(size: int) -> bytes:
    """Masking keys and nonces that are the same each time."""
    return bytes((0x37, 0xFA, 0x21, 0x3D))[:size] * (size // 4)


def agreed(role: Role, deflate: DeflateSettings) -> Extension:
    """permessage-deflate, agreed on with *deflate* for both directions."""
    extension = PerMessageDeflate(
        client_no_context_takeover=not deflate.context_takeover,
        server_no_context_takeover=not deflate.context_takeover,
        client_max_window_bits=deflate.window_bits,
        server_max_window_bits=deflate.window_bits,
    )
    parameters = extension.offer()
    response = extension.accept(f"permessage-deflate; {parameters}")
    assert response is not None
    if role == "client":
        extension.finalize(f"permessage-deflate; {response}" if response else "permessage-deflate")
    return extension


def connect(
    role: Role, deflate: DeflateSettings | None, limits: ReceiveLimits, *, whole: bool
) -> Connection:
    return Connection(
        TYPES[role],
        [] if deflate is None else [agreed(role, deflate)],
        whole_messages=whole,
        limits=Limits(
            max_message_size=limits.max_message_size,
            max_frame_size=limits.max_frame_size,
            max_fragments=limits.max_fragments,
        ),
        entropy=entropy,
    )


@dataclass
class Account:
    """What an endpoint has made of a stream."""

    outcomes: list[Outcome] = field(default_factory=list)
    #: What was given of a message that has not ended, and its kind.
    unfinished: bytes = b""
    kind: Kind | None = None
    ending: CloseConnection | None = None
    state: ConnectionState = ConnectionState.OPEN


class Endpoint:
    """Asserted of it, whatever it is given: no call raises; an event does not change the
    state, except the last, which is one ``CloseConnection``; that one says what is true, and
    can be answered; nothing is kept beyond what was received; nothing exceeds its limit.
    """

    def __init__(self, setup: Setup, deflate: DeflateSettings | None) -> None:
        self.setup = setup
        self.deflate = deflate
        self.connection = connect(setup.role, deflate, setup.limits, whole=setup.whole)
        self.first_state = ConnectionState.OPEN
        if setup.closing:
            self.connection.send(CloseConnection(1000))
            self.first_state = ConnectionState.LOCAL_CLOSING
        self.account = Account()
        self.received = 0

    def play(self, data: bytes, way: int) -> Account:
        """Give it the stream, in one way to cut it, and take its events."""
        connection = self.connection
        taking = TAKINGS[self.setup.taking]
        for piece in cut(data, way):
            if connection.state is ConnectionState.CLOSED:
                break  # the transport is not read any more
            connection.receive_data(memoryview(bytearray(piece)) if self.setup.view else piece)
            self.received += len(piece)
            self._take(taking)
            # Of the peer's bytes no more is kept than there were.
            assert connection.unread <= self.received
        if self.setup.eof and connection.state is not ConnectionState.CLOSED:
            connection.receive_data(None)
        self._take(None)
        self._take(None)
        self.account.state = connection.state
        self._check_end()
        return self.account

    def _take(self, count: int | None) -> None:
        before = self.connection.state
        for event in islice(self.connection.events(), count):
            assert self.account.ending is None, "an event behind the last"
            self.account.outcomes.extend(self._outcome_of(event))
            if self.account.ending is None:
                assert self.connection.state is before

    def _outcome_of(self, event: Event) -> Iterator[Outcome]:
        account, limits = self.account, self.setup.limits
        match event:
            case TextMessage() | BytesMessage():
                kind: Kind = "text" if isinstance(event, TextMessage) else "binary"
                assert account.kind in (None, kind), "the kind of a message has changed"
                assert event.frame_finished or not event.message_finished
                assert isinstance(event.data, str if kind == "text" else bytes)
                data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
                account.unfinished += data
                account.kind = kind
                assert len(account.unfinished) <= limits.max_message_size
                if self.deflate is None:
                    assert len(account.unfinished) <= self.received
                if event.message_finished:
                    yield GotMessage(kind, account.unfinished)
                    account.unfinished, account.kind = b"", None
                else:
                    assert not self.setup.whole, "a piece where only whole messages are asked for"
            case Ping(payload):
                assert type(payload) is bytes
                yield GotPing(payload)
            case Pong(payload):
                assert type(payload) is bytes
                yield GotPong(payload)
            case CloseConnection():
                account.ending = event
                if event.error is not None:
                    yield Failed(event.code)
                elif event.code == 1006:
                    yield Lost()
                else:
                    yield GotClose(event.code, (event.reason or "").encode())
            case _:
                raise AssertionError(f"no event of an open connection: {event!r}")

    def _check_end(self) -> None:
        """The end is said to be what it is, and can be answered (RFC 6455 §5.5.1, §7.1.7)."""
        connection, ending = self.connection, self.account.ending
        if ending is None:
            assert not self.setup.eof, "the end of the transport was not told"
            assert connection.state is self.first_state
            return
        outcome = self.account.outcomes[-1]
        error = ending.error
        if isinstance(outcome, Failed):
            assert isinstance(error, RemoteProtocolError)
            assert outcome.code in (1002, 1007, 1009)
            assert isinstance(error, LimitExceeded) == (outcome.code == 1009)
            assert error.event_hint == ending.response()
            assert ending.reason, "it does not say what was wrong"
        if self.setup.closing or isinstance(outcome, Lost):
            assert connection.state is ConnectionState.CLOSED
        else:
            assert connection.state is ConnectionState.REMOTE_CLOSING
            answer = connection.send(ending.response())
            reading = read(answer, eof=False, role=other(self.setup.role))
            assert isinstance(outcome, Failed | GotClose)
            assert outcome.code is not None
            reason = (ending.reason or "").encode()
            assert reading.outcomes == [GotClose(outcome.code, reason)]
        # What comes now is misuse, and is said to be.
        assert connection.state is ConnectionState.CLOSED
        for misuse in (
            lambda: connection.receive_data(b"more"),
            lambda: connection.send(TextMessage("more")),
            lambda: connection.send(Ping()),
            lambda: connection.send(CloseConnection(1000)),
        ):
            try:
                misuse()
            except LocalProtocolError:
                continue
            raise AssertionError("what is not allowed in state CLOSED was allowed")
        assert list(connection.events()) == []
        assert connection.unread == 0


def same(one: Account, other: Account) -> bool:
    """Whether two accounts of a stream tell the same.

    Of a message that did not end, more or less may have been given before a failure.
    """
    if (one.outcomes, one.state, one.kind is None) != (
        other.outcomes,
        other.state,
        other.kind is None,
    ):
        # Whether something of a message that failed was given is by chance, too.
        failed = one.outcomes[-1:] and isinstance(one.outcomes[-1], Failed)
        return bool(failed) and (one.outcomes, one.state) == (other.outcomes, other.state)
    if one.outcomes and isinstance(one.outcomes[-1], Failed):
        return True
    return one.unfinished == other.unfinished


def check_echo(setup: Setup, account: Account, deflate: DeflateSettings | None) -> None:
    """What was received can be sent, and arrives as what it was.

    Both ends are new, so that what is sent is read by the fast paths and, bytewise, by the
    general ones.
    """
    sent = account.outcomes
    sender = connect(setup.role, deflate, ReceiveLimits(), whole=True)
    data = b""
    for outcome in sent:
        event: Event
        match outcome:
            case GotMessage("text", payload):
                event = TextMessage(payload.decode())
            case GotMessage(payload=payload):
                event = BytesMessage(payload)
            case GotPing(payload):
                event = Ping(payload)
            case GotPong(payload):
                event = Pong(payload)
            case GotClose(code, reason):
                event = CloseConnection(code, reason.decode())
            case _:
                continue
        data += sender.send(event)
    heard = Setup(role=other(setup.role), whole=True)
    expected = [outcome for outcome in sent if not isinstance(outcome, Failed | Lost)]
    for way in (0, 1) if len(data) <= 100 else (0,):
        assert Endpoint(heard, deflate).play(data, way).outcomes == expected
