"""Echo through a server, against wsproto and websockets' sans-I/O layer, in one run.

    python benchmarks/echo.py [--rounds 15] [--json]

For each payload, one masked frame is received, its event taken, and the same event sent
back, over and over, by each library in turn within one process. A round times all
of them; the figure that counts is the median over the rounds of the *ratio* within a
round, because a shared machine changes its speed from one second to the next.

All get the same bytes and must give the same message and the same frame back (checked
before timing). websockets' layer leaves UTF-8 unchecked, so its driver decodes the text,
as an application would; ours and wsproto hand out str.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import wsproto
import wsproto.connection
import wsproto.events
from pairing import microseconds, paired, ratio
from websockets.frames import Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

import wsproto_core
from wsproto_core import Connection, ConnectionType, WSConnection
from wsproto_core.events import (
    AcceptConnection,
    BytesMessage,
    Message,
    Request,
    TextMessage,
)

Echo = Callable[[bytes], bytes]

SIZES = [(16, "text"), (125, "text"), (1024, "text"), (65536, "binary"), (1 << 20, "binary")]


def ours() -> Echo:
    """The part after the handshake, as HTTP/2 servers use it."""
    return _drive(Connection(ConnectionType.SERVER))


def ours_whole_connection() -> Echo:
    """WSConnection, as HTTP/1.1 servers use it."""
    server = WSConnection(ConnectionType.SERVER)
    client = WSConnection(ConnectionType.CLIENT)
    server.receive_data(client.send(Request(host="localhost", target="/")))
    list(server.events())
    server.send(AcceptConnection())
    return _drive(server)


def _drive(connection: Connection | WSConnection) -> Echo:
    def echo(data: bytes) -> bytes:
        connection.receive_data(data)
        out = b""
        for event in connection.events():
            if isinstance(event, Message):
                out = connection.send(event)
        return out

    return echo


def theirs_wsproto() -> Echo:
    connection = wsproto.connection.Connection(wsproto.connection.SERVER)
    message = wsproto.events.Message

    def echo(data: bytes) -> bytes:
        connection.receive_data(data)
        out = b""
        for event in connection.events():
            if isinstance(event, message):
                out = connection.send(event)
        return out

    return echo


def theirs_websockets() -> Echo:
    protocol = ServerProtocol(state=OPEN, max_size=None)
    text = Opcode.TEXT

    def echo(data: bytes) -> bytes:
        protocol.receive_data(data)
        for frame in protocol.events_received():
            if frame.opcode is text:  # type: ignore[union-attr]
                protocol.send_text(str(frame.data, "utf-8").encode())  # type: ignore[union-attr]
            else:
                protocol.send_binary(frame.data)  # type: ignore[union-attr]
        return b"".join(protocol.data_to_send())

    return echo


LIBRARIES: dict[str, Callable[[], Echo]] = {
    "Connection": ours,
    "WSConnection": ours_whole_connection,
    "wsproto": theirs_wsproto,
    "websockets": theirs_websockets,
}


def measure(size: int, kind: str, rounds: int) -> dict[str, list[float]]:
    """Seconds for one echo, by library, for each round."""
    rng = random.Random(size)
    message: Message[str] | Message[bytes | bytearray | memoryview]
    if kind == "text":
        message = TextMessage("".join(rng.choices("abcdefghij klmnop", k=size)))
    else:
        message = BytesMessage(rng.randbytes(size))
    frame = Connection(ConnectionType.CLIENT, entropy=rng.randbytes).send(message)
    expected = Connection(ConnectionType.SERVER).send(message)
    echoes = {name: make() for name, make in LIBRARIES.items()}
    for name, echo in echoes.items():
        if bytes(echo(frame)) != expected:
            sys.exit(f"{name} does not echo {size} bytes of {kind}")
    repeat = max(2, round(2_000 / (1 + size / 1000)))
    works = {name: partial(echo, frame) for name, echo in echoes.items()}
    return paired(works, repeat, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="ratios as JSON")
    options = parser.parse_args()
    speedups = importlib.util.find_spec("websockets.speedups") is not None
    rows = {}
    if not options.json:
        print(
            f"Python {sys.version.split()[0]}, wsproto_core {wsproto_core.__version__}, "
            f"wsproto {wsproto.__version__}, websockets {version('websockets')} "
            f"({'with' if speedups else 'WITHOUT'} its C masking); median us per echo\n"
        )
        print(f"| payload | {' | '.join(LIBRARIES)} | x wsproto | x websockets |")
        print("|---|" + "---:|" * (len(LIBRARIES) + 2))
    for size, kind in SIZES:
        seconds = measure(size, kind, options.rounds)
        ratios = {other: ratio(seconds, other, "Connection") for other in ("wsproto", "websockets")}
        rows[f"{size} {kind}"] = ratios
        if not options.json:
            cells = [f"{microseconds(times):.2f}" for times in seconds.values()]
            cells += [f"{times:.2f}" for times in ratios.values()]
            print(f"| {size} {kind} | {' | '.join(cells)} |", flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
