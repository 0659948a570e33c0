"""A case on one connection: its bytes are sent, and what comes back is waited for.

The same for either role of the endpoint. Owns when to stop waiting; what was seen is judged in
:mod:`.visible`. Must not know how the connection came about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wsproto_core.testing.cases import Case, Eof, Outcomes, Receive
from wsproto_core.testing.chunking import Chunking
from wsproto_core.testing.frames import CLOSE, PING, Frame
from wsproto_core.testing.judging import PASSED, Judgement, Verdict
from wsproto_core.testing.openings import fill_in, head_of, outcome_of_response
from wsproto_core.testing.outcomes import (
    Accepted,
    Failed,
    GotMessage,
    GotPing,
    Lost,
    Outcome,
    Rejected,
)
from wsproto_core.testing.settings import Opening

from .line import Line
from .visible import ENDS, Play, visible
from .wire import Watch, split_head, stops_within_a_frame

#: No case has a Ping of it. It tells what the endpoint has said of what it has not said yet.
PROBE: Final = b"the kit asks: is that all?"
#: Ends that look the same, whether or not the end of the transport had a part in them.
UNTOLD: Final = (Lost(), Failed(None))
#: The payload of the kit's own Close frames: 1000.
NORMAL_CLOSURE: Final = b"\x03\xe8"
MASKING_KEY: Final = b"\x5a\x17\xc3\x88"


def most_for(case: Case) -> int:
    """How many bytes an endpoint that echoes may send for *case*, without any room to spare."""
    sent = sum(len(step.data) for step in case.steps if isinstance(step, Receive))
    messages = sum(len(o.payload) for o in case.expect if isinstance(o, GotMessage))
    return 4 * (sent + messages)


class Player:
    """Plays a case on a connection whose opening handshake is done, if it is no part of it.

    :param case: as the catalogue has it.
    :param begin: where in what has come in the endpoint's frames begin; None if that is still
        to come.
    :param request: what the endpoint has sent before the case, if it belongs to the case.
    """

    def __init__(self, line: Line, case: Case, begin: int | None, request: bytes = b"") -> None:
        self.line = line
        self.case = visible(case)
        self.request = request
        #: Where in what has come in the case begins.
        self.begin = 0 if begin is None or request else begin
        self.received = bytearray()
        self.probe: bytes | None = None
        self.eof = False
        if begin is not None:
            line.begin_frames(begin)

    async def play(self, chunking: Chunking) -> Play:
        """Send the case's bytes, and give what has come of them."""
        for step in self.case.steps:
            if isinstance(step, Receive):
                await self._send(step.data, chunking)
            else:
                assert isinstance(step, Eof)
                # What came before must not get lost in a program that stops at the end; nor
                # must its own end be taken for an answer to this one.
                await self._until(self._has_answered)
                self.eof = not self.line.over
                self.line.write_eof()
        await self._listen()
        if self._has_ended():
            await self._end()
            return self._seen()
        seen = self._seen()
        await self._take_leave()
        return seen

    def manners(self) -> Judgement:
        """What is worth how the endpoint has treated the transport."""
        if self.line.flooded:
            why = f"sent more than {self.line.most} bytes, which nobody has asked for"
            return Judgement(Verdict.FAIL, why)
        return PASSED

    def _seen(self) -> Play:
        # A flood is not worth the time that reading it takes.
        sent = b"" if self.line.flooded else bytes(self.line.data[self.begin :])
        return Play(sent, bytes(self.received), self.probe, self.line.ended, self.eof)

    # What is sent.

    async def _send(self, data: bytes, chunking: Chunking) -> None:
        if isinstance(self.case.settings, Opening) and self.case.role == "client":
            data = fill_in(data, self.request)
        for chunk in chunking.apply(data):
            if not await self.line.write(chunk):
                return
            self.received += chunk

    async def _send_frame(self, opcode: int, payload: bytes) -> None:
        key = MASKING_KEY if self.case.role == "server" else None
        await self.line.write(Frame(opcode, payload, masking_key=key).encode())

    def _may_send(self) -> bool:
        """Whether a frame may follow: no other has begun, and the opening handshake is done."""
        stream = self._frames()
        return stream is not None and self._is_answered() and not stops_within_a_frame(stream)

    def _has_sent_close(self) -> bool:
        watch = Watch()
        watch.feed(self._frames() or b"")
        return watch.closed

    def _frames(self) -> bytes | None:
        """What was sent behind the opening handshake; None if that was not sent as a whole."""
        if not isinstance(self.case.settings, Opening):
            return bytes(self.received)
        parts = split_head(bytes(self.received))
        return None if parts is None else parts[1]

    # What is waited for.

    async def _listen(self) -> None:
        """Wait for what has to come, and for what might."""
        if any(self._wanted()):
            await self._until(self._is_answered)
        if self._may_send() and not (self.eof or all(map(_ends, self._wanted()))):
            self.probe = PROBE
            await self._send_frame(PING, PROBE)
        await self._until(self._has_all)
        if self.probe is None and not self._has_ended():
            await self.line.listen(self.line.timing.quiet)

    async def _end(self) -> None:
        """The endpoint has closed, rejected or gone: let it end."""
        if not self._has_closed():
            await self.line.listen(self.line.timing.quiet)
            return
        if self._may_send() and not self._has_sent_close():
            await self._send_frame(CLOSE, NORMAL_CLOSURE)
        if self.case.role == "client":
            self.line.write_eof()
        await self.line.listen(self.line.timing.timeout)

    async def _take_leave(self) -> None:
        """The case is over, and the connection is open. What is seen now is not judged."""
        if self._may_send():
            await self._send_frame(CLOSE, NORMAL_CLOSURE)
            await self.line.until(self._has_closed, self.line.timing.quiet)
        self.line.write_eof()
        await self.line.listen(self.line.timing.quiet)

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait for what must come."""
        await self.line.until(lambda: self._has_ended() or condition(), self.line.timing.timeout)

    def _wanted(self) -> list[Outcomes]:
        return [self.case.expect, *self.case.also, *self.case.tolerate]

    def _has_all(self) -> bool:
        """Whether all has come that one of the ways of being right asks for."""
        return any(
            not _ends(outcomes) and self._has_answered_all(outcomes) for outcomes in self._wanted()
        )

    def _has_answered(self) -> bool:
        """Whether the endpoint has said all that it has to say before the end of the transport."""
        return any(
            (not _ends(outcomes) or outcomes[-1] in UNTOLD) and self._has_answered_all(outcomes)
            for outcomes in self._wanted()
        )

    def _has_answered_all(self, outcomes: Outcomes) -> bool:
        watch = self.line.watch or Watch()
        if self.probe is None:
            pings = [outcome.payload for outcome in outcomes if isinstance(outcome, GotPing)]
        else:
            pings = [self.probe]
        messages = sum(isinstance(outcome, GotMessage) for outcome in outcomes)
        return watch.messages >= messages and all(ping in watch.pongs for ping in pings[-1:])

    def _has_ended(self) -> bool:
        """Whether nothing more has to come."""
        return self.line.over or self._has_closed() or self._has_rejected()

    def _has_closed(self) -> bool:
        """Whether there is a Close frame."""
        return self.line.watch is not None and self.line.watch.closed

    # The opening handshake of a server.

    def _is_answered(self) -> bool:
        """Whether a server has answered the request, if the case begins with it."""
        if self.line.watch is None and isinstance(self._response(), Accepted):
            head = head_of(bytes(self.line.data))
            assert head is not None
            self.line.begin_frames(head.size)
        return self.line.watch is not None

    def _has_rejected(self) -> bool:
        return self.line.watch is None and isinstance(self._response(), Rejected)

    def _response(self) -> Outcome | None:
        response, _ = outcome_of_response(bytes(self.line.data))
        return response


def _ends(outcomes: Outcomes) -> bool:
    return bool(outcomes) and isinstance(outcomes[-1], ENDS)
