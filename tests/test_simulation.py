"""Sessions under everything that can befall them: see ``simulation``.

How many schedules are played: 4,000, in less than half a minute; where the environment
variable ``CI`` is set, 20,000. To play others, and do nothing else:
``SIMULATION_SEEDS=20000:500000 pytest tests/test_simulation.py``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from math import inf
from typing import Any

import pytest

from wsproto_core import ConnectionState, ConnectionType
from wsproto_core.events import Event, Ping, Pong
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.masking import EntropySource
from wsproto_core.recording import RecordedSession, Replay
from wsproto_core.session import (
    EndCause,
    Session,
    SessionConfig,
    SessionEnded,
    SessionStatistics,
    TransportAction,
)
from wsproto_core.timing import Timer

from .simulation import Fault, Simulation, sessions_of

HUNT = os.environ.get("SIMULATION_SEEDS") or None
CENSUS = 4000
ALL = 20_000 if os.environ.get("CI") else CENSUS
FIRST, LAST = map(int, (HUNT or f"0:{ALL}").split(":"))
BATCH = 500
RECORDED = 400

hunting = pytest.mark.skipif(HUNT is not None, reason="SIMULATION_SEEDS asks for schedules only")


@cache
def play(first: int, last: int) -> Counter[str]:
    """Play the schedules of these seeds, and count what they get to."""
    reached: Counter[str] = Counter()
    for seed in range(first, last):
        reached += Simulation(seed).run()
    return reached


@pytest.mark.parametrize(
    ("first", "last"),
    [(first, min(first + BATCH, LAST)) for first in range(FIRST, LAST, BATCH)],
    ids=lambda seed: str(seed),
)
def test_whatever_happens_a_session_keeps_its_word(first: int, last: int) -> None:
    assert play(first, last)["steps"]


def test_a_seed_says_all() -> None:
    def trace(seed: int) -> list[str]:
        simulation = Simulation(seed)
        simulation.run()
        return [repr(line) for line in simulation.trace]

    for seed in range(FIRST, min(FIRST + 20, LAST)):
        assert trace(seed) == trace(seed)


def test_recordings_of_schedules_are_replayed_faithfully() -> None:
    for seed in range(FIRST, min(FIRST + RECORDED, LAST)):
        tape = Tape()
        simulation = Simulation(seed, tape.make)
        simulation.run()
        for session, recording in tape.recordings:
            replay = Replay(bytes(recording))
            for step in replay:
                assert step.faithful, (seed, step)
            assert replay.session.statistics() == session.statistics(), seed
            assert replay.session.ended == session.ended, seed
        plain = Simulation(seed)
        plain.run()
        assert repr(simulation.trace) == repr(plain.trace), f"recording changes seed {seed}"


class Tape:
    """Makes recorded sessions, and keeps the recordings."""

    def __init__(self) -> None:
        self.recordings: list[tuple[Session, bytearray]] = []

    def make(
        self,
        role: ConnectionType,
        extensions: list[PerMessageDeflate] | None,
        *,
        now: float,
        config: SessionConfig,
        entropy: EntropySource,
    ) -> Session:
        recording = bytearray()
        write = recording.extend
        if extensions is None:
            session = RecordedSession(role, now=now, write=write, config=config, entropy=entropy)
        else:
            session = RecordedSession.over(
                config.make_connection(role, extensions, entropy=entropy),
                now=now,
                config=config,
                write=write,
                extensions=extensions,
            )
        self.recordings.append((session, recording))
        return session


# What the schedules get to

REACHED = [
    *("calm", "rough", "lying", "altered"),
    *(
        f"{side} {cause.name} by {who}"
        for side in ("client", "server")
        for cause in EndCause
        for who in ("here", "there", "nobody")
        if (cause, who)
        not in {
            (EndCause.CLOSED, "nobody"),
            (EndCause.FAILED, "there"),
            (EndCause.FAILED, "nobody"),
            (EndCause.TIMED_OUT, "there"),
            (EndCause.TIMED_OUT, "nobody"),
            (EndCause.LOST, "there"),
            (EndCause.REJECTED, "nobody"),
            (EndCause.REJECTED, "here" if side == "client" else "there"),
            (EndCause.ABORTED, "there"),
            (EndCause.ABORTED, "nobody"),
        }
    ),
    # Errors, without their figures
    "pong overdue",
    "no pong within s",
    "the opening handshake took more than s",
    "an answer to the request took more than s",
    "no end within s of closing",
    "more than bytes of output not taken",
    "more than control frames a second",
    "more than messages a second",
    "more than bytes a second",
    "message of more than bytes",
    "reserved opcode",
    "continuation frame without a message",
    "text that is not",
    "Close frame with code",
    "invalid DEFLATE data",
    "the transport ended within the request",
    "Bad accept token",
    *("idle", "Closes crossed", "congested", "pong kept back", "rate paused", "read ahead"),
    *("latency", "latency exact", "misuse", "timer late"),
    *("deflate", "fragment", "plain message", "prepared message"),
    *("group sent", "group did not send"),
    *(f"group of several: {what}" for what in ("sent", "slow", "closed", "compressed")),
    "outdated pong",
    *("ping answered by the application", "Close answered by the application"),
    *("link stalled", "link reset", "link half closed", "link silent", "link silent one way"),
    *("transport END_WRITING", "transport CLOSE", "transport ABORT"),
]


@hunting
def test_schedules_get_everywhere() -> None:
    reached: Counter[str] = Counter()
    for first in range(0, CENSUS, BATCH):
        reached += play(first, first + BATCH)
    assert [name for name in REACHED if not reached[name]] == []


# Faults that are planted: each is found, and it is the fault that is found


class EndsTwice(Session):
    """The end of the transport is an end, whatever was before it."""

    def receive_data(self, data: bytes | None, now: float) -> None:
        late = self.ended
        super().receive_data(data, now)
        if late is not None and not data:
            self._enqueue(late)


class ForgetsTheLatePong(Session):
    """A timer that is late is not seen to have run out."""

    def handle_timer(self, now: float) -> None:
        at = self._timers.at(Timer.PONG)
        if at is not None and at + 0.005 < now < inf:
            self._timers.disarm(Timer.PONG)
        super().handle_timer(now)


class AnswersEveryPing(Session):
    """Pongs are sent whether or not anybody reads them."""

    def _take_ping(self, ping: Ping) -> Event | None:
        congested, self._congested = self._congested, False
        event = super()._take_ping(ping)
        self._congested = self._congested or congested
        return event


class TellsItsOwnCode(Session):
    """The code that it was closed with is the one that it has sent."""

    def _ending(self, *arguments: Any, **keywords: Any) -> SessionEnded:
        ended = super()._ending(*arguments, **keywords)
        if ended.clean and ended.code_sent is not None:
            ended.code = ended.code_sent
        return ended


class TakesBackAnAbort(Session):
    """Once the transport has ended it may as well be closed."""

    @property
    def transport(self) -> TransportAction:
        action = super().transport
        return TransportAction.CLOSE if self._eof and action > TransportAction.CLOSE else action


class WaitsForTheClose(Session):
    """Nobody has to answer a Close in time."""

    @property
    def deadline(self) -> float | None:
        closing = self.state is ConnectionState.LOCAL_CLOSING
        return None if closing else super().deadline


class CountsFragments(Session):
    """Each fragment is a message."""

    def statistics(self) -> SessionStatistics:
        figures = super().statistics()
        frames = figures.messages_sent
        if self._connection is not None:
            frames += self._connection.writer.unfinished_frames
        return figures._replace(messages_sent=frames)


class ExpectsItsPongs(Session):
    """A pong that nobody asked for has no ping to be looked up."""

    def _take_pong(self, pong: Pong) -> Event | None:
        heartbeat = self._heartbeat
        if heartbeat is not None and heartbeat.payload is None:
            raise KeyError(pong.payload)
        return super()._take_pong(pong)


class CountsBeforeItLooks(Session):
    """A ping is counted before it is known whether it can be sent."""

    def _send_otherwise(self, event: Event, compress: bool | None) -> None:
        if isinstance(event, Ping):
            self._pings_sent += 1
            try:
                super()._send_otherwise(event, compress)
            finally:
                self._pings_sent -= self.ended is None and len(event.payload) <= 125
        else:
            super()._send_otherwise(event, compress)


class KeepsTheEnd(Session):
    """Who does not take an event at once does not get it, if it is the last."""

    def events(self) -> Iterator[Event]:
        for event in super().events():
            if not (isinstance(event, SessionEnded) and self._now > (self._ended_at or 0.0)):
                yield event


class TellsOfItsHeartbeats(Session):
    """Every pong is given to the application."""

    def _take_pong(self, pong: Pong) -> Event | None:
        super()._take_pong(pong)
        return pong


class TakesAnyFrame(Session):
    """Whatever it is, in a group it is sent the frame that others are."""

    @property
    def takes_plain_frames(self) -> bool:
        return self.state is ConnectionState.OPEN


@hunting
@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (EndsTwice, "after the end"),
        (ForgetsTheLatePong, "was not noticed"),
        (AnswersEveryPing, "a pong although the output is congested"),
        (TellsItsOwnCode, "the code is not the peer's"),
        (TakesBackAnAbort, "CLOSE.* after .*ABORT"),
        (WaitsForTheClose, "the closing takes too long"),
        (CountsFragments, "messages sent, not"),
        (ExpectsItsPongs, "KeyError"),
        (CountsBeforeItLooks, "has changed something|and changed something"),
        (TellsOfItsHeartbeats, "the pong to the last heartbeat"),
        (TakesAnyFrame, "the wrong end masks"),
        (KeepsTheEnd, "it never ended|it did not end by itself"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_planted_faults_are_found(planted: type[Session], found: str) -> None:
    for seed in range(1500):
        simulation = Simulation(seed, sessions_of(planted))
        try:
            simulation.run()
        except Fault as fault:
            said = str(fault).partition("\n")[0]
            break
    else:
        pytest.fail("it was not found")
    with pytest.raises(AssertionError, match=found):
        raise AssertionError(said)
    Simulation(seed).run()
