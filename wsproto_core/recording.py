"""Recordings of sessions, and how to play them again: how a user sends a bug.

A :class:`RecordedSession` writes down all that goes into it, times and entropy included,
and what came out. :func:`replay` does the same again with a fresh session. They may hold
anything that a connection held: passwords too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import urandom
from typing import Any, Final, Self
from zlib import crc32

from .connection import Connection
from .errors import LocalProtocolError
from .events import Event
from .extensions import Extension
from .masking import EntropySource
from .recording_format import (
    RECORDS,
    Record,
    RecordingError,
    code_from_json,
    code_to_json,
    decode_event,
    decode_header,
    decode_json,
    encode_event,
    encode_header,
    encode_json,
    encode_record,
    read_records,
)
from .session import Session
from .session_config import DEFAULT_CONFIG, SessionConfig
from .states import ConnectionType
from .words import CloseReason

#: Takes pieces of a recording, in order: ``open("bug.wsrec", "wb").write``.
Write = Callable[[bytes], object]


class RecordedSession(Session):
    """A session that writes down what happens to it.

    :param write: is called with pieces of the recording, before each call has effect, so
        that it holds also the call in which something went wrong. What it raises comes
        out of that call.

    The other parameters are those of :class:`~wsproto_core.session.Session`, which is
    what it is otherwise. Extensions other than ``PerMessageDeflate`` are recorded, but
    cannot be replayed; nor can a ``zlib`` of one's own, nor zlib-ng where it is not
    installed.
    """

    __slots__ = ("_write",)

    def __init__(
        self,
        connection_type: ConnectionType,
        *,
        now: float,
        write: Write,
        config: SessionConfig = DEFAULT_CONFIG,
        entropy: EntropySource = urandom,
    ) -> None:
        self._write = write
        now = float(now)  # as it is recorded: that shows in errors
        write(encode_header(connection_type is ConnectionType.CLIENT, now, config, None))
        super().__init__(connection_type, now=now, config=config, entropy=_recorded(entropy, write))

    @classmethod
    def over(
        cls,
        connection: Connection,
        *,
        now: float,
        config: SessionConfig = DEFAULT_CONFIG,
        write: Write | None = None,
        extensions: Sequence[Extension] = (),
    ) -> Self:
        """As :meth:`Session.over`, recorded.

        :param connection: as ``config.make_connection`` makes it. What came behind the
            handshake is not to be in it: give it to :meth:`receive_data`.
        :param write: as for the class; needed.
        :param extensions: those that the connection was made with.
        """
        if write is None:
            raise LocalProtocolError("a recorded session needs write")
        if connection.unread or connection.waiting:
            raise LocalProtocolError("a recorded session begins before anything is received")
        now = float(now)
        session = super().over(connection, now=now, config=config)
        session._write = write  # noqa: SLF001
        write(encode_header(connection.client, now, config, extensions))
        connection.change_entropy(lambda source: _recorded(source, write))
        return session

    def _note(self, kind: str, *contents: bytes, now: float | None = None) -> None:
        self._write(encode_record(kind, *contents, now=now))

    def _note_raising(self, call: Callable[[], None]) -> None:
        try:
            call()
        except LocalProtocolError as exc:
            self._note("X", _checksum(exc))
            raise

    @property
    def takes_plain_frames(self) -> bool:
        """False, so that a group calls :meth:`send`, and that is recorded."""
        return False

    def receive_data(self, data: bytes | None, now: float) -> None:
        now = float(now)
        if data:
            self._note("D", bytes(data), now=now)
        else:
            self._note("F", now=now)
        receive = super().receive_data
        self._note_raising(lambda: receive(data, now))

    def receive_request(
        self,
        headers: Iterable[tuple[bytes | str, bytes | str]],
        target: bytes | str,
        now: float,
        *,
        method: bytes = b"GET",
        http_version: bytes = b"1.1",
    ) -> None:
        now = float(now)
        headers = list(headers)
        self._note("Q", encode_json([headers, target, method, http_version]), now=now)
        receive = super().receive_request
        self._note_raising(
            lambda: receive(headers, target, now, method=method, http_version=http_version)
        )

    def handle_timer(self, now: float) -> None:
        now = float(now)
        self._note("H", now=now)
        handle = super().handle_timer
        self._note_raising(lambda: handle(now))

    def send(self, event: Event, now: float, *, compress: bool | None = None) -> None:
        now = float(now)
        self._note("S", *encode_event(event, compress), now=now)
        send = super().send
        self._note_raising(lambda: send(event, now, compress=compress))

    def close(self, now: float, code: int = CloseReason.NORMAL_CLOSURE, reason: str = "") -> None:
        now = float(now)
        self._note("C", encode_json([code_to_json(code), reason]), now=now)
        close = super().close
        self._note_raising(lambda: close(now, code, reason))

    def abort(self, now: float) -> None:
        now = float(now)
        self._note("A", now=now)
        abort = super().abort
        self._note_raising(lambda: abort(now))

    def transport_lost(self, now: float) -> None:
        now = float(now)
        self._note("T", now=now)
        transport_lost = super().transport_lost
        self._note_raising(lambda: transport_lost(now))

    def events(self) -> Iterator[Event]:
        source = super().events()
        while True:
            self._note("N")
            event = next(source, None)
            if event is None:
                return
            self._note("V", _checksum(event))
            yield event

    def data_to_send(self, limit: int | None = None) -> bytes:
        self._note("O", encode_json(limit))
        try:
            data = super().data_to_send(limit)
        except LocalProtocolError as exc:
            self._note("X", _checksum(exc))
            raise
        self._note("V", _checksum(data))
        return data

    def buffers_to_send(self) -> list[bytes]:
        self._note("B")
        buffers = super().buffers_to_send()
        self._note("V", _checksum(b"".join(buffers)))
        return buffers


def _recorded(source: EntropySource, write: Write) -> EntropySource:
    def draw(size: int) -> bytes:
        entropy = source(size)
        write(encode_record("R", entropy))
        return entropy

    return draw


def _checksum(outcome: Event | bytes | LocalProtocolError) -> bytes:
    """What tells whether a call gave the same again, in four bytes."""
    if not isinstance(outcome, bytes):
        outcome = repr(outcome).encode("utf-8", "backslashreplace")
    return crc32(outcome).to_bytes(4, "big")


class _NoEntropyError(RecordingError):
    """There is no more entropy in a recording."""


@dataclass(slots=True)
class Step:
    """One call of a recording, played again."""

    #: Where its record begins in the recording, in bytes.
    offset: int
    #: The method, as it is named in ``Session``; ``"events"`` is for one event.
    call: str
    #: The ``now`` that it was given; None if it takes none.
    now: float | None
    #: What it was given: bytes, an event, a list of arguments, or None.
    argument: object
    #: What it gave: an event, the bytes to send, or None.
    result: Event | bytes | None
    #: What it raised. If that is no ``LocalProtocolError``, it is the bug.
    error: Exception | None
    #: Whether that is what it gave, or raised, when it was recorded, as far as is known.
    faithful: bool


class Replay:
    """A recording, played again as it is iterated over, once: each step is a call.

    :param recording: the whole file.

    Raises :exc:`~wsproto_core.recording_format.RecordingError` for bytes that are no
    recording, and, in the course of it, for records that cannot be played. One that is
    cut off ends where it is. Whatever else the session raises, as it did when it was
    recorded, comes out of the iteration behind the step that it is in: that is the bug.
    """

    def __init__(self, recording: bytes) -> None:
        self._header, begin = decode_header(recording)
        self._records = list(read_records(recording, begin))
        self._entropy = deque(r.fields[0] for r in self._records if r.kind == "R")
        #: The extensions of the connection that the session was made over; None if it began
        #: with the opening handshake.
        self.over = self._header.over
        #: The session that it is played with.
        self.session: Session
        try:
            self.session = self._make_session()
        except LocalProtocolError as exc:
            raise RecordingError(f"no session can be so: {exc}") from None
        self._steps = self._play_all()

    def _make_session(self) -> Session:
        header = self._header
        role = ConnectionType.CLIENT if header.client else ConnectionType.SERVER
        if header.over is None:
            return Session(role, now=header.now, config=header.config, entropy=self._draw)
        connection = header.config.make_connection(role, header.over, entropy=self._draw)
        return Session.over(connection, now=header.now, config=header.config)

    def _draw(self, size: int) -> bytes:
        if not self._entropy:
            raise _NoEntropyError("more entropy is drawn than was recorded")
        entropy = self._entropy.popleft()
        if len(entropy) != size:
            raise RecordingError(f"{len(entropy)} bytes of entropy for {size}")
        return entropy

    def __iter__(self) -> Iterator[Step]:
        return self._steps

    def _play_all(self) -> Iterator[Step]:
        calls = [record for record in self._records if record.kind != "R"]
        for record, following in zip(calls, [*calls[1:], None], strict=False):
            if record.kind not in _OUTCOMES:
                step = self._play(record, following)
                yield step
                if not isinstance(step.error, LocalProtocolError | None):
                    raise step.error

    def _play(self, record: Record, following: Record | None) -> Step:
        argument = _argument(record)
        result: Event | bytes | None = None
        error: Exception | None = None
        outcome: Event | bytes | LocalProtocolError | None = None
        try:
            result = outcome = _call(self.session, record, argument)
        except LocalProtocolError as exc:
            error = outcome = exc
        except _NoEntropyError:
            if following is not None:
                raise
            # The recording was cut off before it.
        except RecordingError:
            raise
        except Exception as exc:  # whatever it is, it is to be shown with its call
            error = exc
        checksum = b"" if outcome is None else _checksum(outcome)
        recorded = following.fields[0] if following and following.kind in _OUTCOMES else b""
        # What came of the last call may have been cut off.
        faithful = following is None or recorded == checksum
        now = record.now if RECORDS[record.kind].timed else None
        return Step(record.offset, _NAMES[record.kind], now, argument, result, error, faithful)


_OUTCOMES: Final = ("V", "X")
_NAMES: Final = {
    "D": "receive_data",
    "F": "receive_data",
    "Q": "receive_request",
    "S": "send",
    "C": "close",
    "A": "abort",
    "T": "transport_lost",
    "H": "handle_timer",
    "N": "events",
    "O": "data_to_send",
    "B": "buffers_to_send",
}


def _argument(record: Record) -> Any:
    match record.kind:
        case "D":
            return record.fields[0]
        case "S":
            return decode_event(record.fields)
        case "Q" | "C" | "O":
            argument = decode_json(record.fields[0])
            match record.kind, argument:
                case "C", [code, reason]:
                    return [code_from_json(code), reason]
                case "O", None | int():
                    return argument
                case "Q", [list(headers), bytes() | str(), bytes() | str(), bytes()] if all(
                    map(_is_field, headers)
                ):
                    return argument
            raise RecordingError(f"bad arguments of {_NAMES[record.kind]}, at byte {record.offset}")
    return None


def _is_field(value: Any) -> bool:
    match value:
        case [bytes() | str(), bytes() | str()]:
            return True
    return False


def _call(session: Session, record: Record, argument: Any) -> Event | bytes | None:
    """Make the call of a record; what it gives."""
    now = record.now
    match record.kind:
        case "D" | "F":
            session.receive_data(argument, now)
        case "Q":
            headers, target, method, http_version = argument
            session.receive_request(headers, target, now, method=method, http_version=http_version)
        case "S":
            event, compress = argument
            session.send(event, now, compress=compress)
        case "C":
            code, reason = argument
            session.close(now, code, reason)
        case "A":
            session.abort(now)
        case "T":
            session.transport_lost(now)
        case "H":
            session.handle_timer(now)
        case "N":
            return next(session.events(), None)
        case "O":
            return session.data_to_send(argument)
        case _:  # "B"
            return b"".join(session.buffers_to_send())
    return None


__all__ = ["RecordedSession", "Replay", "Step", "Write"]
