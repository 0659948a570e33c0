"""Runs a pair: starts its programs, lets the client do each scenario, and has both ends judged.

Owns the programs, all of which end with the block or the call that started them, and the time
limits. Must not know what is expected of a scenario, nor how results are kept.
"""

from __future__ import annotations

import asyncio
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from . import our_ends
from .judging import OurView, judge
from .peer_api import SCENARIOS, Observation, Peer, Proxy, Role, Transport, environment
from .scenarios import BY_NAME

#: Seconds that a scenario may take; and a server, until it listens.
TIME_LIMIT = 20.0
#: Seconds that a client's program may take for a scenario.
CLIENT_TIME_LIMIT = 20.0
#: Seconds after a client's end in which our server must have seen the end too.
PATIENCE = 12.0


class Verdict(StrEnum):
    """Of a scenario that was run, or not."""

    OK = "ok"
    FAIL = "FAIL"
    NOT_APPLICABLE = "n/a"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a scenario, with or without permessage-deflate; why, unless it is ok."""

    verdict: Verdict
    why: str = ""


OK = Outcome(Verdict.OK)
#: Whether with permessage-deflate.
Deflate = bool


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of the matrix: a peer in a role, or our client, and what lies between."""

    #: None is our own client, which only makes sense through a proxy.
    peer: Peer | None
    role: Role
    #: Where there is a proxy: between it and our server.
    transport: Transport = Transport.WS
    proxy: Proxy | None = None

    @property
    def id(self) -> str:
        """What the record and ``--only`` know it by."""
        parts = [self.peer.name if self.peer else "ours", self.role.value]
        if self.transport is not Transport.WS:
            parts.append("h2")  # with TLS or without, as the peer has it
        if self.proxy is not None:
            parts.insert(0, self.proxy.name)
        return "-".join(parts)

    def missing(self) -> str | None:
        """What would have to be installed, or None."""
        for part in (self.proxy, self.peer):
            if part is not None and (missing := part.missing()):
                return missing
        return None

    def not_applicable(self, scenario: str, deflate: Deflate) -> str | None:
        """Why a scenario cannot be run, or None."""
        if self.peer is None:
            return None
        reason = self.peer.cannot.get(self.role, {}).get(scenario)
        if deflate:
            reason = reason or self.peer.cannot_deflate.get(self.role)
            reason = reason or self.peer.cannot_with_deflate.get(self.role, {}).get(scenario)
        return reason

    def known_fault(self, scenario: str, deflate: Deflate) -> str | None:
        """What is known of the peer's own fault there, or None."""
        if self.peer is None or not deflate:
            return None
        return self.peer.faults_with_deflate.get(self.role, {}).get(scenario)


class ProgramFailed(Exception):
    """A program did not do what its contract says."""


class Program:
    """A program, its standard output line by line."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, *, told: bool = False
    ) -> None:
        # *told*: whether it is told lines at its standard input.
        self.command = command
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if told else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=env,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        with self.popen.stdout as output:
            for line in output:
                self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def line(self, begins: str, within: float | None = None) -> str | None:
        """The rest of the next line that begins so; None at the end. May raise TimeoutError."""
        within = TIME_LIMIT if within is None else within
        deadline = time.monotonic() + within
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{self.command[0]} did not answer in {within:g} s") from None
            if line is None:
                return None
            if line.startswith(begins):
                return line.removeprefix(begins)

    def said(self) -> str:
        """The end of what it has written to its standard error."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-2000:].strip()

    def stop(self) -> None:
        """End it, whatever it does; one that is told lines ends by itself, if it can."""
        if self.popen.stdin is not None:
            with suppress(OSError):
                self.popen.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(PATIENCE)
        self.popen.kill()
        self.popen.wait()
        self.reader.join()
        self.errors.close()


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str] | None = None) -> Iterator[Program]:
    """A program, for as long as the block lasts."""
    program = Program(command, env)
    try:
        yield program
    finally:
        program.stop()


@contextmanager
def listening(
    command: Sequence[str], env: Mapping[str, str] | None = None
) -> Iterator[tuple[Program, int]]:
    """A server, and its port."""
    with running(command, env) as program:
        try:
            port = program.line("listening on ")
        except TimeoutError as exc:
            raise ProgramFailed(str(exc)) from None
        if port is None:
            program.popen.wait()
            raise ProgramFailed(f"{' '.join(command)} ended without a port: {program.said()}")
        yield program, int(port)


_OPTIONS = {Transport.WS: (), Transport.WS_H2: ("--h2",), Transport.WSS_H2: ("--h2-tls",)}


def our_server(transport: Transport, deflate: Deflate) -> list[str]:
    """The command of our own server."""
    options = [*_OPTIONS[transport], *(() if deflate else ("--no-deflate",))]
    return [sys.executable, "-m", "tests.interop.our_ends", *options]


# A pair ------------------------------------------------------------------------------------

#: Does a scenario; gives what is wrong.
Run = Callable[[str], list[str]]


class Runner:
    """Runs pairs; keeps what peers have built until the end."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._prepared: set[str] = set()
        #: Clients' programs that stay, by their commands.
        self._clients: dict[tuple[str, ...], Program] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.stop()
        self._stack.close()

    def folder(self) -> Path:
        """An empty folder, until the end."""
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="interop-")))

    def prepare(self, pair: Pair) -> None:
        """Have a pair's peer built, once. Raises :exc:`ProgramFailed`."""
        if pair.peer is not None and pair.peer.name not in self._prepared:
            try:
                pair.peer.prepare(self.folder())
            except (OSError, subprocess.SubprocessError) as exc:
                raise ProgramFailed(f"{pair.peer.name} was not built: {exc}") from exc
            self._prepared.add(pair.peer.name)

    def run(
        self, pair: Pair, scenarios: Iterable[str] = SCENARIOS, *, quick: bool = False
    ) -> dict[str, dict[Deflate, Outcome]]:
        """Run a pair's scenarios, with and without permessage-deflate.

        :param quick: each scenario only one of the two ways, in turns.
        """
        self.prepare(pair)
        outcomes: dict[str, dict[Deflate, Outcome]] = {name: {} for name in scenarios}
        for deflate in (True, False):
            todo: list[str] = []
            for name in outcomes:
                others_turn = quick and (SCENARIOS.index(name) % 2 == 0) is not deflate
                if others_turn and pair.not_applicable(name, not deflate) is None:
                    continue
                if reason := pair.not_applicable(name, deflate):
                    outcomes[name][deflate] = Outcome(Verdict.NOT_APPLICABLE, reason)
                else:
                    todo.append(name)
            for name, faults in self._run(pair, deflate, todo):
                failed = Outcome(Verdict.FAIL, "; ".join(faults))
                outcomes[name][deflate] = failed if faults else OK
        return outcomes

    def _run(
        self, pair: Pair, deflate: Deflate, names: Iterable[str]
    ) -> Iterator[tuple[str, list[str]]]:
        with ExitStack() as stack:
            run: Run | None = None
            for name in names:
                try:
                    run = run or stack.enter_context(self._serving(pair, deflate))
                    faults = run(name)
                except (ProgramFailed, RuntimeError) as exc:  # a proxy's is the latter
                    faults = [str(exc)]
                if faults:  # whatever has come of the server: the next one gets a new one
                    stack.close()
                    run = None
                yield name, faults

    @contextmanager
    def _serving(self, pair: Pair, deflate: Deflate) -> Iterator[Run]:
        with ExitStack() as stack:
            peer = pair.peer
            if peer is not None and pair.role is Role.SERVER:
                command = peer.server_command(deflate)
                _, port = stack.enter_context(listening(command, environment(peer)))
                url = f"ws://127.0.0.1:{port}"
                offer = deflate or not peer.always_deflates
                h2 = pair.transport is Transport.WS_H2
                yield lambda name: self._ours_at(url, peer, name, deflate, offer=offer, h2=h2)
                return
            command = our_server(pair.transport, deflate)
            ours, port = stack.enter_context(listening(command, environment()))
            if pair.proxy is not None:
                port = stack.enter_context(pair.proxy.serving(port, self.folder()))
            scheme = "wss" if pair.transport is Transport.WSS_H2 else "ws"
            url = f"{scheme}://127.0.0.1:{port}"
            yield lambda name: self._at_ours(ours, url, peer, name, deflate)

    def _ours_at(
        self, url: str, peer: Peer, name: str, deflate: Deflate, *, offer: bool, h2: bool
    ) -> list[str]:
        """Our client at the peer's server."""
        try:
            seen, view = _run_our_client(url, name, offer=offer, h2=h2)
        except (OSError, TimeoutError) as exc:
            return [f"{type(exc).__name__}: {exc}"]
        return judge(
            BY_NAME[name],
            deflate=deflate,
            client=seen,
            ours=view,
            peer=Role.SERVER,
            cannot_tell=our_ends.CANNOT_TELL,
            answers_with=peer.answers_close_with,
        )

    def _at_ours(
        self, server: Program, url: str, peer: Peer | None, name: str, deflate: Deflate
    ) -> list[str]:
        """The peer's client, or ours, at our server."""
        cannot_tell = our_ends.CANNOT_TELL if peer is None else peer.cannot_tell
        try:
            if peer is None:
                seen, _ = _run_our_client(url, name)
            else:
                seen = self._run_their_client(peer, url, name, deflate)
        except (OSError, TimeoutError, ProgramFailed) as exc:
            return [f"{type(exc).__name__}: {exc}"]
        try:
            line = server.line("{", PATIENCE)
        except TimeoutError:
            line = None
        view = None if line is None else view_from("{" + line)
        faults = judge(
            BY_NAME[name],
            deflate=deflate,
            client=seen,
            ours=view,
            peer=Role.CLIENT,
            cannot_tell=cannot_tell,
            answers_with=None if peer is None else peer.answers_close_with,
        )
        if view is None and (said := server.said()):
            faults.append(said)
        return faults

    def _run_their_client(self, peer: Peer, url: str, name: str, deflate: Deflate) -> Observation:
        if not peer.client_stays:
            return _run_their_client(peer, url, name, deflate)
        command = tuple(peer.client_command("-", "-", deflate))
        client = self._clients.get(command)
        if client is None:
            client = self._clients[command] = Program(command, environment(peer), told=True)
        try:
            client.tell(f"{url} {name}")
            if (line := client.line("{")) is not None:
                return observation_from("{" + line)
            raise ProgramFailed(f"its client has ended: {client.said()}")
        except (OSError, TimeoutError, ProgramFailed):
            del self._clients[command]  # the next one gets a new one
            client.stop()
            raise


def _run_our_client(
    url: str, name: str, *, offer: bool = True, h2: bool = False
) -> tuple[Observation, OurView | None]:
    async def main() -> tuple[Observation, OurView | None]:
        async with asyncio.timeout(TIME_LIMIT):
            return await our_ends.run_client(url, name, offer=offer, h2=h2)

    return asyncio.run(main())


def _run_their_client(peer: Peer, url: str, name: str, deflate: Deflate) -> Observation:
    command = peer.client_command(url, name, deflate)
    try:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CLIENT_TIME_LIMIT,
            env=environment(peer),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"its client ran for {CLIENT_TIME_LIMIT:g} s") from None
    lines = ran.stdout.strip().splitlines()
    if ran.returncode or len(lines) != 1:
        raise ProgramFailed(
            f"status {ran.returncode}, {len(lines)} lines: {(ran.stdout + ran.stderr)[-600:]}"
        )
    return observation_from(lines[0])


def observation_from(line: str) -> Observation:
    """What a client's program has printed. Raises :exc:`ProgramFailed` for what is none."""
    try:
        data = json.loads(line)
        close = data.get("close")
        return Observation(
            opened=data["opened"],
            status=data.get("status"),
            extensions=data.get("extensions"),
            received=[(kind, length, digest) for kind, length, digest in data["received"]],
            close=None if close is None else (close[0], close[1] or ""),
            pong=data.get("pong"),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ProgramFailed(f"its client printed {line[:200]!r}: {exc!r}") from None


def view_from(line: str) -> OurView:
    """What our server has printed."""
    data = json.loads(line)
    received = [(kind, length, digest) for kind, length, digest in data["received"]]
    return OurView(**{**data, "received": received})
