"""A peer that is no session, and says what it likes: frames, or nearly, or something else."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1
from typing import Final

from tests.wire import BINARY, CLIENT, CLOSE, CONT, PING, PONG, SERVER, TEXT, frame

from .draws import CHARACTERS
from .link import Peer, Pipe
from .world import World

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Liar(Peer):
    """A peer that is no session: it says what it likes."""

    def __init__(self, world: World, client: bool, out: Pipe, into: Pipe) -> None:
        super().__init__(world, client, out, into)
        self.open = world.over
        self.asked = b""
        self.sayings = self.rng.choice((1, 3, 10))

    def begin(self) -> None:
        if self.client and not self.open:
            request = (
                b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            self.say(self.perhaps_altered(request))
            self.open = True
        self.plan()

    def plan(self) -> None:
        """Say something, some time."""
        self.world.after(self.rng.expovariate(1 / self.world.tempo), self.go_on)

    def go_on(self) -> None:
        """Say something."""
        if self.closed:
            return
        if self.open or self.rng.random() < 0.1:
            for _ in range(self.rng.choice((1, 1, 2, 30))):
                self.say(self.saying())
        self.sayings -= 1
        if self.sayings:
            self.plan()
        elif self.rng.random() < 0.4:
            self.closed = True
            if self.rng.random() < 0.5:
                self.out.finish()
            else:
                self.out.reset()

    def say(self, data: bytes) -> None:
        """Put bytes on the wire."""
        self.note("lie", data)
        self.out.write(data)

    def saying(self) -> bytes:
        """A frame, or what is nearly one, or nothing of the kind."""
        rng = self.rng
        other = SERVER if self.client else CLIENT
        choice = rng.random()
        if choice < 0.1:
            return rng.randbytes(rng.choice((1, 10, 100)))
        if choice < 0.75:
            opcode = rng.choice((CONT, TEXT, BINARY, BINARY, PING, PING, PONG, TEXT))
            text = CHARACTERS[: rng.choice((0, 5, 50))].encode()
            return frame(opcode, text, to=other, fin=opcode >= 8 or rng.random() < 0.8)
        if choice < 0.85:
            code = rng.choice((1000, 1001, 1004, 1005, 999, 4000, 5000))
            return frame(
                CLOSE, code.to_bytes(2, "big") + rng.choice((b"", b"ok", b"\xff")), to=other
            )
        return self.perhaps_altered(
            frame(
                rng.choice((TEXT, BINARY, CONT, PING, 3, 11)),
                rng.randbytes(rng.choice((0, 3, 130))),
                to=other,
                fin=rng.random() < 0.7,
                rsv=rng.choice((0, 0, 4, 1)),
                masked=rng.choice((None, None, True, False)),
                length_bytes=rng.choice((2, 8)),
            )
        )

    def perhaps_altered(self, data: bytes) -> bytes:
        """It, or it with a fault."""
        if self.rng.random() < 0.7:
            return data
        at = self.rng.randrange(len(data))
        return data[:at] + self.rng.randbytes(1) + data[at + 1 :]

    def receive(self, data: bytes) -> None:
        if self.client or self.open:
            return
        self.asked += data
        if b"\r\n\r\n" in self.asked:
            self.open = True
            key = self.asked.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            answer = (
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
                + b64encode(sha1(key + _GUID).digest())
                + b"\r\n\r\n"
            )
            if self.rng.random() < 0.1:
                answer = b"HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nsorry"
            self.say(self.perhaps_altered(answer))


__all__ = ["Liar"]
