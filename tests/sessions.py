"""Sessions for tests: at any stage of their life, in pairs, on clocks that tests move.

Owns a parser of frames of its own, so that what a session puts on the wire is judged by
something that shares nothing with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from wsproto_core import ConnectionState, ConnectionType, LocalProtocolError
from wsproto_core.events import AcceptConnection, Event, RejectConnection, Request
from wsproto_core.extensions import Extension, PerMessageDeflate
from wsproto_core.masking import EntropySource
from wsproto_core.session import Session, SessionConfig, SessionEnded, TransportAction

from .test_handshake_client import NONCE
from .wire import CLIENT, CLOSE, CONT, PING, SERVER, frame, mask

KEEP = TransportAction.KEEP
END_WRITING = TransportAction.END_WRITING
CLOSE_IT = TransportAction.CLOSE
ABORT = TransportAction.ABORT

#: No heartbeat. The deadlines of both handshakes stay at their 10 seconds.
QUIET = SessionConfig(ping_interval=None)

#: How bytes can come: see :class:`Stage`.
WAYS = ["whole", "bytewise", "halves", "late", "trailing"]

every_way = pytest.mark.parametrize("way", WAYS)

#: What nobody can read, behind what ends a connection.
TRAILING = b"\xff\x00 trailing"


def other(role: ConnectionType) -> ConnectionType:
    return CLIENT if role is SERVER else SERVER


def entropy(seed: int = 6455) -> EntropySource:
    """A client's: its nonce is the sample that RFC 6455 §1.3 answers."""
    source = random.Random(seed)
    return lambda size: NONCE if size == 16 else source.randbytes(size)


def agreed(response: str = "", **policy: Any) -> list[Extension]:
    """permessage-deflate, as an end has it after the handshake agreed on *response*."""
    deflate = PerMessageDeflate(**policy)
    deflate.offer()
    deflate.finalize("permessage-deflate" + (f"; {response}" if response else ""))
    return [deflate]


def opened(
    role: ConnectionType,
    config: SessionConfig = QUIET,
    *,
    now: float = 0.0,
    extensions: Sequence[Extension] | None = None,
    kind: type[Session] = Session,
) -> Session:
    """A session whose handshake somebody else did."""
    connection = config.make_connection(role, extensions, entropy=entropy())
    return kind.over(connection, now=now, config=config)


def connecting(role: ConnectionType, config: SessionConfig = QUIET, *, now: float = 0.0) -> Session:
    """A session at its beginning; a client has sent its request, which is not taken."""
    session = Session(role, now=now, config=config, entropy=entropy())
    if role is CLIENT:
        session.send(Request(host="server.example.com", target="/chat"), now)
    return session


def take(session: Session) -> list[Event]:
    return list(session.events())


def receive(session: Session, data: bytes | None, now: float) -> list[Event]:
    session.receive_data(data, now)
    return take(session)


def refuses(call: Callable[[], object], match: str | None = None) -> None:
    """The call is misuse: it raises."""
    with pytest.raises(LocalProtocolError, match=match):
        call()


# The wire


class WireFrame(NamedTuple):
    """A frame as it was read by hand."""

    opcode: int
    payload: bytes
    fin: bool
    rsv: int
    key: bytes | None
    size: int


def frames_of(data: bytes) -> list[WireFrame]:
    """The frames in *data*, which ends with one."""
    frames = []
    at = 0
    while at < len(data):
        start = at
        first, second = data[at], data[at + 1]
        at += 2
        extra = {126: 2, 127: 8}.get(second & 127, 0)
        length = int.from_bytes(data[at : at + extra], "big") if extra else second & 127
        at += extra
        key = None
        if second & 128:
            key = data[at : at + 4]
            at += 4
        payload = data[at : at + length]
        assert len(payload) == length
        at += length
        payload = mask(payload, key) if key else payload
        frames.append(WireFrame(first & 15, payload, first > 127, first >> 4 & 7, key, at - start))
    return frames


def written(session: Session) -> list[tuple[int, bytes]]:
    """Takes a session's output: the frames' opcodes and payloads, unmasked."""
    frames = frames_of(session.data_to_send())
    assert all((frame.key is not None) == session.client for frame in frames)
    return [(frame.opcode, frame.payload) for frame in frames]


def close_frame(to: ConnectionType, code: int | None = 1000, reason: bytes = b"") -> bytes:
    payload = b"" if code is None else code.to_bytes(2, "big") + reason
    return frame(CLOSE, payload, to=to)


# One session, and what a peer does to it


class Stage:
    """A session and its peer, and all that has happened to it.

    What a session has for its transport is written before each thing that happens, but
    not after: so a test sees what the last of them left to be written.

    :param way: how what the peer sends arrives: ``whole``; ``bytewise``; in ``halves``;
        ``late``, bytewise and with events taken at the end only; with ``trailing`` bytes
        behind what is said to be the last.
    """

    def __init__(self, session: Session, way: str = "whole") -> None:
        self.session = session
        self.way = way
        self.events: list[Event] = []
        self.output = b""

    @property
    def role(self) -> ConnectionType:
        return CLIENT if self.session.client else SERVER

    def write(self) -> None:
        self.output += self.session.data_to_send()

    def take(self) -> None:
        self.events += self.session.events()

    def feed(self, data: bytes, now: float, *, last: bool = False) -> None:
        self.write()
        if self.way == "trailing" and last:
            data += TRAILING
        if self.way == "halves":
            chunks = [data[: len(data) // 2], data[len(data) // 2 :]]
        elif self.way in ("bytewise", "late"):
            chunks = [data[i : i + 1] for i in range(len(data))]
        else:
            chunks = [data]
        for chunk in filter(None, chunks):
            self.session.receive_data(chunk, now)
            if self.way != "late":
                self.take()
        self.take()

    def eof(self, now: float) -> None:
        self.write()
        self.session.receive_data(None, now)
        self.take()

    def timer(self, now: float) -> None:
        self.write()
        self.session.handle_timer(now)
        self.take()

    def send(self, event: Event, now: float) -> None:
        self.write()
        self.session.send(event, now)
        self.take()

    def close(self, now: float, code: int = 1000, reason: str = "") -> None:
        self.write()
        self.session.close(now, code, reason)
        self.take()

    def abort(self, now: float) -> None:
        self.write()
        self.session.abort(now)
        self.take()

    @property
    def ended(self) -> SessionEnded:
        """The terminal event: the last, and the only one."""
        *before, last = self.events
        assert isinstance(last, SessionEnded)
        assert last is self.session.ended
        assert not any(isinstance(event, SessionEnded) for event in before)
        assert self.session.state is ConnectionState.CLOSED
        return last


# Two of them


class Pair:
    """A client and a server, a transport between them, and a clock.

    What each writes arrives at once, as far as the other reads. The transport does what
    TransportAction says; neither application does more than :attr:`answers` says.
    """

    def __init__(
        self,
        client: SessionConfig = QUIET,
        server: SessionConfig = QUIET,
        *,
        request: Request | None = None,
        accept: AcceptConnection | RejectConnection | None = None,
    ) -> None:
        self.now = 0.0
        self.client = Session(CLIENT, now=0.0, config=client, entropy=entropy())
        self.server = Session(SERVER, now=0.0, config=server)
        self.accept = accept or AcceptConnection()
        self.events: dict[ConnectionType, list[Event]] = {CLIENT: [], SERVER: []}
        self.wire: dict[ConnectionType, bytes] = {CLIENT: b"", SERVER: b""}
        # The ends that write no more, and those whose transport is gone.
        self.silent: set[ConnectionType] = set()
        self.gone: set[ConnectionType] = set()
        self.client.send(request or Request(host="example.com", target="/"), 0.0)
        self.exchange()

    def ends(self) -> Iterator[tuple[ConnectionType, Session, Session]]:
        yield CLIENT, self.client, self.server
        yield SERVER, self.server, self.client

    def exchange(self) -> None:
        """Until neither has anything to say."""
        moved = True
        while moved:
            moved = False
            for role, session, peer in self.ends():
                for event in session.events():
                    self.events[role].append(event)
                    if isinstance(event, Request):
                        session.send(self.accept, self.now)
                    moved = True
                moved = self._write(role, session, peer) or moved

    def _write(self, role: ConnectionType, session: Session, peer: Session) -> bool:
        if role in self.gone or peer.reading_paused:
            return False
        data = session.data_to_send()
        if data:
            assert role not in self.silent
            self.wire[role] += data
            if other(role) not in self.gone:
                peer.receive_data(data, self.now)
        action = session.transport
        if action is not KEEP and role not in self.silent:
            self.silent.add(role)
            if other(role) not in self.gone:
                peer.receive_data(None, self.now)
            data += b"end"
        if action in (CLOSE_IT, ABORT):
            self.gone.add(role)
            session.receive_data(None, self.now)
            data += b"end"
        return bool(data)

    def wait(self, until: float) -> None:
        """Let time pass, with every deadline in it."""
        while True:
            due = [s.deadline for _, s, _ in self.ends() if s.deadline is not None]
            step = min(due, default=until)
            if step > until:
                break
            assert step >= self.now or step == min(due)
            self.now = max(self.now, step)
            for _, session, _ in self.ends():
                session.handle_timer(self.now)
            self.exchange()
            if not any(s.deadline is not None and s.deadline <= until for _, s, _ in self.ends()):
                break
        self.now = until


def pings(count: int, to: ConnectionType) -> bytes:
    return b"".join(frame(PING, b"%d" % i, to=to) for i in range(count))


def fragments(opcode: int, *pieces: bytes, to: ConnectionType) -> bytes:
    """A message in as many frames as pieces."""
    last = len(pieces) - 1
    return b"".join(
        frame(opcode if i == 0 else CONT, piece, to=to, fin=i == last)
        for i, piece in enumerate(pieces)
    )
