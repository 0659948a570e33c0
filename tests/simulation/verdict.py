"""What must be true when nothing more can happen: of one end, and of both together."""

from __future__ import annotations

from wsproto_core import ConnectionState
from wsproto_core.session import (
    EndCause,
    SessionEnded,
    SessionStatistics,
    Side,
    TransportAction,
)

from .draws import size_of
from .end import End
from .world import EPSILON

_SIDES = {Side.LOCAL: "here", Side.REMOTE: "there", None: "nobody"}


def terminal(end: End) -> SessionEnded:
    """How it ended."""
    ended = end.account.terminal
    if ended is None:
        end.fail("it never ended")
    return ended


# One end


def check_end(end: End) -> None:
    """All that must be true of one end."""
    end.take(0)
    end.promises.messages()
    ended = terminal(end)
    session = end.session
    figures = session.statistics()
    if session.state is not ConnectionState.CLOSED:
        end.fail(f"it ended in {session.state}")
    if session.deadline is not None:
        end.fail("a deadline is left")
    _check_codes(end, ended)
    _check_time(end, figures)
    if not figures.output_pending and end.promises.action is not TransportAction.ABORT:
        _check_sent(end, ended, figures)
    _check_taken(end, ended, figures)
    reached = end.world.reached
    reached[f"{end.name} {ended.cause.name} by {_SIDES[ended.initiator]}"] += 1
    reached["idle"] += end.wire.close == (1001, "idle")
    if ended.error is not None:
        reached[" ".join(c for c in str(ended.error).split() if c.isalpha())] += 1


def _check_codes(end: End, ended: SessionEnded) -> None:
    received, sent = ended.code_received, ended.code_sent
    if ended.code != (1006 if received is None else received):
        end.fail("the code is not the peer's")
    if ended.clean != (received is not None and sent is not None):
        end.fail("clean is not that a Close went each way")
    close = end.wire.close
    if close is None:
        return
    if close[0] != sent:
        end.fail(f"{close} was sent, not {sent}")
    meant = end.account.close_sent
    if meant is not None and close != meant:
        end.fail(f"{close} was sent instead of {meant}")


def _check_time(end: End, figures: SessionStatistics) -> None:
    """The opening did not take longer than it may."""
    config, late = end.habits.config, end.habits.late + EPSILON
    opened_at, ended_at = figures.opened_at, figures.ended_at
    assert ended_at is not None
    if config.handshake_timeout is not None:
        until = end.account.started_at + config.handshake_timeout + late
        if (ended_at if opened_at is None else opened_at) > until:
            end.fail("the handshake took too long")


def _check_sent(end: End, ended: SessionEnded, figures: SessionStatistics) -> None:
    """What it says to have sent is on the wire."""
    counts = end.wire.counts()
    said = (
        figures.frames_sent,
        figures.messages_sent,
        figures.frame_bytes_sent,
        figures.pings_sent,
        figures.pongs_sent,
    )
    if counts != said:
        end.fail(f"{counts} were sent, not {said}")
    if end.wire.close is None and ended.code_sent is not None:
        end.fail(f"no Close was sent, not {ended.code_sent}")


def _check_taken(end: End, ended: SessionEnded, figures: SessionStatistics) -> None:
    """What it says to have received was given to the application."""
    received = end.account.received
    # What was read ahead of an abort is not given, nor the one that was too many.
    excess = figures.messages_received - len(received)
    if ended.cause is EndCause.ABORTED:
        excess = min(excess, 0)
    elif ended.cause is EndCause.FAILED and end.habits.config.message_rate is not None:
        excess -= excess == 1
    if excess:
        end.fail(f"{figures.messages_received} messages received, not {len(received)}")
    if figures.payload_bytes_received < sum(map(size_of, received)):
        end.fail("payload received is miscounted")


# Both


def check_both(client: End, server: End) -> None:
    """All that must be true of two sessions that heard each other as they spoke."""
    pairs = ((client, server), (server, client))
    ends = terminal(client), terminal(server)
    for (here, there), ended, other in zip(pairs, ends, reversed(ends), strict=True):
        if ended.code_received is not None:
            close = there.wire.close
            if close is None:
                here.fail("a Close that was not sent")
            if ended.code_received != close[0] or ended.code_received != other.code_sent:
                here.fail(f"{ended.code_received} received, {other.code_sent} sent")
            if ended.clean and ended.reason != close[1]:
                here.fail(f"{ended.reason!r} received, {close[1]!r} sent")
        if ended.clean:
            _check_received(here, there)
    if all(ended.clean for ended in ends):
        initiators = [ended.initiator for ended in ends]
        if Side.LOCAL not in initiators or None in initiators:
            client.world.fail(f"initiators are {initiators}")
        client.world.reached["Closes crossed"] += initiators == [Side.LOCAL, Side.LOCAL]
        for here, there in pairs:
            received, sent = here.account.received, there.account.sent
            if received != sent:
                here.fail(f"{len(received)} messages of {len(sent)} arrived")
    if client.world.calm:
        _check_calm(client, server)


def _check_received(here: End, there: End) -> None:
    """Who has taken the peer's Close, has taken all before it."""
    figures = here.session.statistics()
    said = (
        figures.frames_received,
        figures.messages_received,
        figures.frame_bytes_received,
        figures.pings_received,
        figures.pongs_received,
    )
    if said != there.wire.until_close:
        here.fail(f"{said} were received of {there.wire.until_close}")
    payload, sent = figures.payload_bytes_received, there.account.payload_sent
    if payload != sent:
        here.fail(f"payload of {payload}, not {sent}")


def _check_calm(client: End, server: End) -> None:
    """With nothing in the way everything arrives, and ends as it should."""
    refused = server.habits.answer != "accept" and not server.world.over
    for end in (client, server):
        ended = terminal(end)
        if ended.cause is not (EndCause.REJECTED if refused else EndCause.CLOSED):
            end.fail(f"{ended}, but nothing was in its way")
        if end.closed_by is not TransportAction.CLOSE:
            end.fail(f"its transport ended by {end.closed_by!r}")
    received, sent = client.account.body_received, server.account.body_sent
    if refused and received != sent:
        client.fail(f"{received!r} of {sent!r}")


__all__ = ["check_both", "check_end"]
