"""What a session costs over the bare connection: time, memory, and to many at once.

    python benchmarks/session.py [--rounds 21] [--members 10000] [--sessions 100000]

* Echo: one masked frame is received, its event taken and sent back, through ``Connection``
  and through ``Session``, in turn within one process; the median of the rounds' ratios.
* Group: a text message to all members of a group, against sending it to each member that is
  writable, and against sending it to each without asking. The output is taken in between,
  which is not timed. Each way has members of its own, for compressing has a memory.
* Deadlines: asking a session for its deadline, before and after much traffic.
* Memory: resident, for each of many open server sessions with heartbeats, once each has
  sent several pings and received their pongs. In a process of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from pairing import microseconds, paired, ratio

from wsproto_core import Connection, ConnectionType, Group, Session
from wsproto_core.events import AcceptConnection, Message, Request, TextMessage
from wsproto_core.extensions import PerMessageDeflate

CLIENT, SERVER = ConnectionType.CLIENT, ConnectionType.SERVER
NOW = 1.0


def text_of(size: int) -> str:
    return "".join(random.Random(size).choices("abcdefghij klmnop", k=size))


def echo_bare(data: bytes) -> Callable[[], bytes]:
    connection = Connection(SERVER)

    def echo() -> bytes:
        connection.receive_data(data)
        out = b""
        for event in connection.events():
            if isinstance(event, Message):
                out = connection.send(event)
        return out

    return echo


def echo_session(data: bytes) -> Callable[[], bytes]:
    session = Session.over(Connection(SERVER), now=NOW)

    def echo() -> bytes:
        session.receive_data(data, NOW)
        for event in session.events():
            if isinstance(event, Message):
                session.send(event, NOW)
        return session.data_to_send()

    return echo


def measure_echo(rounds: int) -> None:
    print("| echo | Connection, us | Session, us | Session / Connection |\n|---|---:|---:|---:|")
    for size in (16, 125, 1024, 65536):
        frame = Connection(CLIENT).send(TextMessage(text_of(size)))
        works = {"Connection": echo_bare(frame), "Session": echo_session(frame)}
        if len({work() for work in works.values()}) != 1:
            sys.exit("the echoes differ")
        # Short turns: what disturbs the machine should not hit only one of the two.
        seconds = paired(works, max(2, 200_000 // (size + 1000)), 10 * rounds)
        cells = [f"{microseconds(times):.2f}" for times in seconds.values()]
        print(f"| {size} B | {' | '.join(cells)} | {ratio(seconds, 'Session', 'Connection'):.2f} |")


def members(count: int, deflate: bool) -> list[Session]:
    sessions = []
    for _ in range(count):
        extension = PerMessageDeflate()
        if deflate:
            extension.accept(PerMessageDeflate.name)
        sessions.append(Session.over(Connection(SERVER, [extension]), now=NOW))
    return sessions


def measure_group(count: int, rounds: int) -> None:
    print("\n| to a group of | each if writable / group | each / group | group, us a member |")
    print("|---|---:|---:|---:|")
    for size, deflate in ((16, False), (125, False), (1024, False), (1024, True)):
        # With a compressor for each, members cost 260 KiB.
        number = count // 20 if deflate else count
        text = text_of(size)
        ways = [members(number, deflate) for _ in range(3)]
        group = Group(ways[2])

        def each_if_writable(sessions: list[Session], text: str = text) -> None:
            message = TextMessage(text)
            for session in sessions:
                if session.writable:
                    session.send(message, NOW)

        def each(sessions: list[Session], text: str = text) -> None:
            message = TextMessage(text)
            for session in sessions:
                session.send(message, NOW)

        works: list[Callable[[], object]] = [
            partial(each_if_writable, ways[0]),
            partial(each, ways[1]),
            partial(group.send, text, NOW),
        ]
        rows = []
        for _ in range(rounds):
            row = []
            for work, sessions in zip(works, ways, strict=True):
                start = time.perf_counter()
                work()
                row.append(time.perf_counter() - start)
                for session in sessions:
                    session.data_to_send()
            rows.append(row)
        ratios = [statistics.median(row[i] / row[2] for row in rows) for i in (0, 1)]
        took = statistics.median(row[2] for row in rows) / number * 1e6
        what = f"{number}, {size} B{' deflated' if deflate else ''}"
        print(f"| {what} | {ratios[0]:.1f} | {ratios[1]:.1f} | {took:.3f} |")


def measure_deadlines(rounds: int) -> None:
    fresh, busy = (Session.over(Connection(SERVER), now=NOW) for _ in range(2))
    frame = Connection(CLIENT).send(TextMessage(text_of(16)))
    for _ in range(100_000):
        busy.receive_data(frame, NOW)
        for event in busy.events():
            busy.send(event, NOW)
        busy.data_to_send()

    def ask(session: Session) -> float | None:
        return session.deadline

    seconds = paired({"fresh": partial(ask, fresh), "busy": partial(ask, busy)}, 2000, rounds)
    print(
        f"\nThe deadline takes {microseconds(seconds['fresh']):.3f} us to ask for; "
        f"after 100,000 echoes {ratio(seconds, 'busy', 'fresh'):.2f} times that."
    )


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure_memory(count: int) -> None:
    """Print how many bytes each session takes, before and after heartbeats."""
    client = Session(CLIENT, now=0.0)
    client.send(Request(host="localhost", target="/"), 0.0)
    request = client.data_to_send()

    def open_session(now: float) -> Session:
        session = Session(SERVER, now=now)
        session.receive_data(request, now)
        for _ in session.events():
            session.send(AcceptConnection(), now)
        session.data_to_send()
        return session

    warm = [open_session(0.0) for _ in range(1000)]
    before = resident()
    sessions = [open_session(float(number)) for number in range(count)]
    opened = (resident() - before) / count
    for _ in range(3):
        for session in sessions:
            now = session.deadline or 0.0
            session.handle_timer(now)
            ping = session.data_to_send()
            pong = b"\x8a\x84\0\0\0\0" + ping[2:]
            session.receive_data(pong, now + 0.1)
            for _ in session.events():
                sys.exit("a pong was not taken for the heartbeat's")
    assert len(warm) == 1000
    beaten = (resident() - before) / count
    print(f"{count} idle sessions: {opened:.0f} bytes each; {beaten:.0f} after three heartbeats")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--memory-only", action="store_true")
    options = parser.parse_args()
    if options.memory_only:
        measure_memory(options.sessions)
        return
    measure_echo(options.rounds)
    measure_group(options.members, options.rounds)
    measure_deadlines(options.rounds)
    print(flush=True)
    command = [sys.executable, __file__, "--memory-only", "--sessions", str(options.sessions)]
    subprocess.run(command, check=True)  # noqa: S603  # this file


if __name__ == "__main__":
    main()
