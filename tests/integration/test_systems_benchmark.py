"""The benchmark of whole servers: it runs, reports all that is installed, and checks echoes."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

#: Those that need nothing but this package.
ALWAYS = [
    "TCP echo, no WebSocket",
    "`WSConnection`, README",
    "`Session`, README",
    "`Session`, examples/embedding",
]
#: Those of the others that do not compress.
PLAIN = ["picows", "picows, without aiofastnet"]


def run(file: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / file), *arguments],
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_every_server_that_is_installed_has_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = run("systems.py", "--quick", "--sizes", "16", "1024", "--json", str(file))
    assert done.returncode == 0, done.stderr  # all echoes were right

    rows = json.loads(file.read_text())["rows"]
    servers = list(dict.fromkeys(row["server"] for row in rows))
    assert [name for name in servers if name in ALWAYS] == ALWAYS
    left_out = re.findall(r"^left out (.*?): .* not installed$", done.stderr, re.MULTILINE)
    listed = run("systems_servers.py", "--list").stdout.splitlines()
    assert sorted(servers + left_out) == sorted(listed)
    for name in servers:
        own = [row for row in rows if row["server"] == name]
        places = {(r["connections"], r["in_flight"], r["deflate"], r["size"]) for r in own}
        assert len(own) == len(places) == 3 * 2 * 2
        # In each of the six tables, and in that of sizes if it compresses.
        label = re.compile(rf"^\| (?:\*\*)?{re.escape(name)}(?:\*\*)? \|", re.MULTILINE)
        compresses = not any("reason" in row for row in own) and name != ALWAYS[0]
        assert len(label.findall(done.stdout)) == (7 if compresses else 6)
    for row in rows:
        (measured,) = row["rounds"]
        if "reason" in row:
            assert row["reason"] == "no deflate"
            assert row["deflate"]
            assert row["server"] in PLAIN or row["server"] == "`Session`, README"
            continue
        assert measured["messages"] >= row["connections"] * row["in_flight"]
        cost = measured["cpu"] / measured["messages"]
        assert row["microseconds"] == pytest.approx(cost * 1e6)
        (ours,) = (
            other["rounds"][0]
            for other in rows
            if other["server"] == "`Session`, examples/embedding"
            and all(other[k] == row[k] for k in ("connections", "in_flight", "deflate", "size"))
        )
        assert row["ratio"] == pytest.approx(cost / (ours["cpu"] / ours["messages"]))


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server for one connection, on the port that it gives."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)

        def accept() -> None:
            with listener.accept()[0] as sock, suppress(ConnectionError):
                sock.settimeout(60)
                serve(sock)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def outcome(port: int, **changes: object) -> dict[str, object]:
    """What the load tells of a server in this process."""
    order: dict[str, object] = {
        "port": port,
        "pid": os.getpid(),
        "connections": 1,
        "in_flight": 1,
        "size": 1024,
        "deflate": False,
        "seconds": 0.05,
        "websocket": False,
    }
    done = run("systems_load.py", text=json.dumps(order | changes) + "\n")
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


#: Bytes of a masked frame of 1 KiB.
FRAME = 1024 + 8


def echo_changed(change: Callable[[int, bytes], bytes]) -> Callable[[socket.socket], None]:
    """Send each frame back as *change* makes it, which is told its number."""

    def serve(sock: socket.socket) -> None:
        number = 0
        while frame := sock.recv(FRAME, socket.MSG_WAITALL):
            sock.sendall(change(number, frame))
            number += 1

    return serve


def test_right_echoes_are_counted() -> None:
    with listening(echo_changed(lambda _, frame: frame)) as port:
        told = outcome(port)
    assert told["error"] == told["declined"] == ""
    assert isinstance(told["messages"], int)
    assert told["payload"] == told["messages"] * 1024 > 0
    assert isinstance(told["cpu"], float)
    assert told["cpu"] > 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda _, frame: frame[:-1] + bytes([frame[-1] ^ 1]), "sent opcode 1 and "),
        (lambda _, frame: b"\x82" + frame[1:], "got opcode 2 and "),
        # After those that are checked to the last byte.
        (lambda number, frame: frame * (2 if number == 9 else 1), "more echoes than messages"),
        (lambda number, frame: b"\x89\x00" + frame if number == 9 else frame, "begins with 0x89"),
        (lambda number, frame: b"\x01\x01x" + frame if number == 9 else frame, "bytes came back"),
    ],
    ids=["payload", "opcode", "twice", "control frame", "longer"],
)
def test_wrong_echoes_are_failures(change: Callable[[int, bytes], bytes], error: str) -> None:
    with listening(echo_changed(change)) as port:
        told = outcome(port)
    assert error in str(told["error"])
    assert told["messages"] == 0


@pytest.mark.parametrize("deflate", [False, True])
def test_server_that_leaves_is_a_failure(deflate: bool) -> None:
    def leave(sock: socket.socket) -> None:
        sock.recv(10)

    with listening(leave) as port:
        told = outcome(port, websocket=True, deflate=deflate)
    assert told["error"]
    assert not told["declined"]


def test_refused_handshake_is_a_failure() -> None:
    def refuse(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with listening(refuse) as port:
        told = outcome(port, websocket=True)
    assert "the handshake is answered by b'HTTP/1.1 403" in str(told["error"])
