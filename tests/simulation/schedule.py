"""A schedule: who is at the ends of the link, what befalls it, and when it comes to an end."""

from __future__ import annotations

from collections import Counter

from wsproto_core import ConnectionState
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.session import Session

from .account import Account
from .draws import Habits, agree, draw_deflate, draw_habits
from .end import End, Make, sessions_of
from .liar import Liar
from .link import UNBOUNDED, Peer, Pipe
from .verdict import check_both, check_end
from .world import Fault, World

_SESSIONS = sessions_of(Session)


class Simulation(World):
    """One schedule.

    :param seed: all that it depends on.
    :param make: makes its sessions.
    """

    def __init__(self, seed: int, make: Make = _SESSIONS) -> None:
        super().__init__(seed)
        rng = self.rng
        self._curfew_at = self.now + rng.choice((1.0, 5.0, 15.0))
        self._closers: tuple[str, ...]
        self._closers = rng.choice((("client",), ("server",), ("client", "server")))
        if not self.calm and rng.random() < 0.3:
            self._closers = ()
        latency = rng.choice((0.0, 0.01, 0.2, 0.2 if self.calm else 3.0))
        up = Pipe(self, latency)
        down = Pipe(self, rng.choice((latency, 0.05)))
        up.back, down.back = down, up
        liar = rng.choice((True, False)) if self.kind == "lying" else None
        self.ends: list[End] = []
        self._peers: list[Peer] = []
        self._make_peers(up, down, liar, make)
        self.exact = self.calm and rng.random() < 0.3
        for end in self.ends if self.exact else ():
            end.habits.eager, end.habits.pace = True, 0
            end.out.chunking, end.out.gap, end.out.window = "whole", 0.0, UNBOUNDED
            config = end.habits.config
            self.exact &= config.answer_pings and config.message_rate is None
        if not self.calm:
            self._befall((up, down))
        if self.kind == "altered":
            rng.choice((up, down)).alter_at = rng.randrange(rng.choice((30, 200, 1000)))

    def _make_peers(self, up: Pipe, down: Pipe, liar: bool | None, make: Make) -> None:
        """Make the client and the server.

        :param liar: which of them, if any, is no session: whether it is the client.
        """
        pipes = {True: (up, down), False: (down, up)}
        habits: dict[bool, Habits] = {}
        for client, (out, into) in pipes.items():
            if client is liar:
                self._peers.append(Liar(self, client, out, into))
            else:
                habits[client] = draw_habits(
                    self.rng, calm=self.calm, honest=self.honest, client=client
                )
        extensions = self._agree() if self.over and liar is None else {}
        accounts = {client: Account(self.now) for client in habits}
        for client, own in habits.items():
            end = End(
                self,
                client,
                *pipes[client],
                make=make,
                habits=own,
                account=accounts[client],
                other=accounts[not client] if self.honest else None,
                extension=extensions.get(client),
            )
            self.ends.append(end)
            self._peers.append(end)
        self._peers.sort(key=lambda peer: not peer.client)

    def _agree(self) -> dict[bool, PerMessageDeflate]:
        """Compression, for connections that are open from the start."""
        if self.rng.random() < 0.6:
            return {}
        client, server = draw_deflate(self.rng), draw_deflate(self.rng)
        agree(client, server)
        self.reached["deflate"] += 1
        return {True: client, False: server}

    def _befall(self, pipes: tuple[Pipe, Pipe]) -> None:
        """What happens to the link."""
        rng = self.rng
        for pipe in pipes:
            if rng.random() < 0.25:
                begin = self.now + rng.random() * 5
                pipe.stall = (begin, begin + rng.choice((0.1, 2.0, 30.0)))
            if rng.random() < 0.3:
                pipe.cut_at = rng.randrange(rng.choice((50, 500, 5000)))
                pipe.cut_how = rng.choice(("reset", "half closed", "silent", "silent one way"))

    def run(self) -> Counter[str]:
        """Play the schedule. What it got to; raises :exc:`Fault`."""
        try:
            for peer in self._peers:
                self.at(self.now, peer.begin)
            self.at(self._curfew_at, self._curfew)
            self.at(self._curfew_at + (150.0 if self.calm else 40.0), self._sever)
            self.play()
            for end in self.ends:
                check_end(end)
            if self.honest:
                check_both(*self.ends)
        except Fault:
            raise
        except Exception as exc:
            raise Fault(self.story(f"{type(exc).__name__}: {exc}")) from exc
        self.reached[self.kind] += 1
        return self.reached

    def _curfew(self) -> None:
        """From here on all that was begun is brought to its end."""
        for end in self.ends:
            end.settle_down()
        for end in self.ends:
            if end.name in self._closers:
                self._close(end)
        if not self._closers:
            self._sever()

    def _close(self, end: End) -> None:
        """Have one end close; in calm schedules, not before it is open."""
        session = end.session
        if self.calm and session.state is not ConnectionState.OPEN and session.ended is None:
            self.after(0.5, self._close, end)
        else:
            end.close()

    def _sever(self) -> None:
        """In the end every transport is found to be gone."""
        for end in self.ends:
            if self.calm and end.account.terminal is None:
                end.fail("it did not end by itself")
            if self.calm and not end.closed:
                end.fail("its transport was not closed")
        for end in self.ends:
            end.sever()

    def describe(self) -> list[str]:
        how = f"over {'open connections' if self.over else 'handshakes'}"
        closers = " and ".join(self._closers) or "nobody"
        lines = [f"a {self.kind} schedule, {how}, closed by {closers} at {self._curfew_at:g}"]
        for end in self.ends:
            lines.append(f"{end.name}: {end.habits}")
            lines.append(f"    writes to {end.out}")
        return lines


__all__ = ["Simulation"]
