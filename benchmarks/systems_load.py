"""The load that ``systems.py`` puts on a server, in a process of its own.

Reads orders from standard input and answers each on standard output, as lines of JSON
(:class:`Order`, :class:`Outcome`). For an order it opens the connections, checks the first
echoes to the last byte, keeps a number of messages in flight on each for a time,
waits for the last echo, and tells how much processor time the server has used meanwhile.

It knows no WebSocket library, ours included. Frames are masked (and compressed) before
anything is measured, and of the echoes only the headers are read, so that it stays cheap.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import json
import os
import random
import selectors
import socket
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import cycle, islice

#: Seconds without progress after which a server is given up.
TIMEOUT = 20.0

#: Echoes that are checked to the last byte on the first connection before anything is measured;
#: on each of the others it is one.
CHECKED = 3

#: Bytes of different messages, sent in turn. More than DEFLATE looks back (32 KiB), so that no
#: server can compress a message by pointing at its last time.
VARIETY = 128 * 1024

FIN, RSV1, MASKED = 0x80, 0x40, 0x80
TEXT, BINARY, CLOSE = 0x1, 0x2, 0x8

#: What a compressed message ends with, and goes without (RFC 7692 §7.2.1).
EMPTY_BLOCK = b"\x00\x00\xff\xff"


@dataclass(frozen=True, kw_only=True)
class Order:
    """One measurement."""

    port: int
    #: The server's process, whose time is taken.
    pid: int
    connections: int
    #: Messages on the way, on each connection.
    in_flight: int
    #: A message's bytes before compression.
    size: int
    deflate: bool
    seconds: float
    #: False for a server that sends every byte back as it is.
    websocket: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Its result. Nothing has been measured if one of the two texts is there."""

    messages: int = 0
    #: Bytes of their payloads as they came back, compressed if they were.
    payload: int = 0
    #: Processor time of the server, user and system, and time by the clock.
    cpu: float = 0.0
    elapsed: float = 0.0
    #: The server does not do what was asked for.
    declined: str = ""
    #: It does it wrong.
    error: str = ""


class WrongEchoError(Exception):
    """The server has not sent what it was sent."""


class DeclinedError(Exception):
    """The server does not speak permessage-deflate."""


@dataclass(frozen=True)
class Sent:
    """A message, and the client's frame that carries it."""

    opcode: int
    payload: bytes
    frame: bytes


@cache
def messages(size: int, deflate: bool) -> list[Sent]:
    """What is sent: words of a small vocabulary, as text below 64 KiB and as bytes from there."""
    rng = random.Random(size)
    vocabulary = ["".join(rng.choices("aeinorstu", k=rng.randint(2, 9))) for _ in range(1000)]
    opcode = TEXT if size < 65536 else BINARY
    sent = []
    for _ in range(max(4, VARIETY // size)):
        payload = " ".join(rng.choices(vocabulary, k=size // 3 + 1)).encode()[:size]
        sent.append(Sent(opcode, payload, client_frame(opcode, payload, deflate, rng)))
    return sent


def client_frame(opcode: int, payload: bytes, deflate: bool, rng: random.Random) -> bytes:
    first = FIN | opcode
    if deflate:
        compressor = zlib.compressobj(wbits=-15)  # anew: client_no_context_takeover
        payload = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
        payload = payload.removesuffix(EMPTY_BLOCK)
        first |= RSV1
    length, key = len(payload), rng.randbytes(4)
    if length < 126:
        header = bytes([first, MASKED | length])
    elif length < 65536:
        header = bytes([first, MASKED | 126]) + length.to_bytes(2)
    else:
        header = bytes([first, MASKED | 127]) + length.to_bytes(8)
    return header + key + mask(payload, key)


def mask(payload: bytes, key: bytes) -> bytes:
    length = len(payload)
    repeated = (key * (length // 4 + 1))[:length]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(length)


@dataclass(frozen=True)
class Header:
    """Of a frame: its first byte, the header's length and the payload's, and its mask."""

    first: int
    size: int
    payload: int
    key: bytes


def header_at(data: bytes | memoryview, position: int) -> Header | None:
    """The header of the frame that begins there; None if there is not all of it."""
    if len(data) < position + 2:
        return None
    first, second = data[position], data[position + 1]
    payload, size = second & 0x7F, 2
    if payload > 125:
        size = 4 if payload == 126 else 10
        payload = int.from_bytes(data[position + 2 : position + size])
    key = b""
    if second & MASKED:  # by a server that sends back every byte
        size += 4
        key = bytes(data[position + size - 4 : position + size])
    return Header(first, size, payload, key) if len(data) >= position + size else None


def open_websocket(sock: socket.socket, deflate: bool) -> None:
    """The opening handshake (RFC 6455 §4.1)."""
    key = base64.b64encode(os.urandom(16))
    lines = [
        b"GET / HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: " + key,
        b"Sec-WebSocket-Version: 13",
    ]
    if deflate:
        lines.append(b"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover")
    sock.sendall(b"\r\n".join([*lines, b"", b""]))
    response = b""
    while b"\r\n\r\n" not in response:
        response += receive(sock)
    head, _, rest = response.partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    named = {name.strip().lower(): value.strip() for name, _, value in _partitioned(fields)}
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False)
    accept = base64.b64encode(digest.digest())
    if status.split()[1:2] != [b"101"] or named.get(b"sec-websocket-accept") != accept or rest:
        raise WrongEchoError(f"the handshake is answered by {response[:200]!r}")
    agreed = named.get(b"sec-websocket-extensions", b"").startswith(b"permessage-deflate")
    if agreed and not deflate:
        raise WrongEchoError("the server compresses though it was not asked to")
    if deflate and not agreed:
        raise DeclinedError("no deflate")


def _partitioned(fields: list[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    return (field.partition(b":") for field in fields)


def receive(sock: socket.socket) -> bytes:
    data = sock.recv(1 << 18)
    if not data:
        raise WrongEchoError("the server has closed the connection")
    return data


def check_echoes(sock: socket.socket, sent: list[Sent]) -> None:
    """Send the messages one by one; each must come back with the same opcode and payload."""
    inflater = zlib.decompressobj(wbits=-15)  # of all of them: the server keeps its context
    data = b""
    for message in sent:
        sock.sendall(message.frame)
        opcode, payload, compressed, fin = 0, b"", 0, 0
        while not fin:
            while (header := header_at(data, 0)) is None or len(
                data
            ) < header.size + header.payload:
                data += receive(sock)
            end = header.size + header.payload
            part, data = data[header.size : end], data[end:]
            payload += mask(part, header.key) if header.key else part
            opcode, compressed = opcode | header.first & 0x0F, compressed | header.first & RSV1
            fin = header.first & FIN
        if compressed:
            payload = inflater.decompress(payload + EMPTY_BLOCK)
        if (opcode, payload) != (message.opcode, message.payload):
            raise WrongEchoError(
                f"sent opcode {message.opcode} and {message.payload[:40]!r}..., "
                f"got opcode {opcode} and {payload[:40]!r}..."
            )
    if data:
        raise WrongEchoError(f"{len(data)} bytes behind the last echo")


def close_websockets(socks: list[socket.socket]) -> None:
    """The closing handshake (RFC 6455 §7.1), for servers complain of whoever just leaves."""
    close = bytes([FIN | CLOSE, MASKED | 2]) + bytes(4) + (1000).to_bytes(2)
    for sock in socks:
        sock.settimeout(TIMEOUT)
        sock.sendall(close)
    for sock in socks:
        answer = receive(sock)
        if answer[0] != FIN | CLOSE:
            raise WrongEchoError(f"a Close is answered by {answer[:40]!r}")
        while sock.recv(1024):  # until the server has closed the connection, as it has to
            pass


class Peer:
    """A connection, open and checked. Sends, and counts the messages that have come back."""

    def __init__(self, sock: socket.socket, sent: list[Sent]) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.frames = cycle([message.frame for message in sent])
        self.in_flight = 0
        #: Bytes of payload that have come.
        self.payload = 0
        self._unsent = memoryview(b"")
        # Of the frame that is arriving: what is there of its header; or how much of it is
        # still to come, and whether a message ends with it.
        self._header = b""
        self._rest, self._ends = 0, False

    def send(self, count: int) -> bool:
        """Send so many messages more, at once. Whether all of it has gone out."""
        self.in_flight += count
        data = b"".join(islice(self.frames, count))
        self._unsent = memoryview(bytes(self._unsent) + data if self._unsent else data)
        return self.flush()

    def flush(self) -> bool:
        try:
            while self._unsent:
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
        except BlockingIOError:
            return False
        return True

    def receive(self, buffer: memoryview) -> int:
        """Read what there is, by way of *buffer*; how many messages end in it."""
        size = self.sock.recv_into(buffer)
        if not size:
            raise WrongEchoError("the server has closed the connection")
        data: bytes | memoryview = buffer[:size]
        if self._header:
            data, self._header = self._header + bytes(data), b""
        position, ended = self._rest, 0
        while position <= len(data):  # a frame ends here, or this is the very beginning
            ended += self._ends
            self._ends = False
            header = header_at(data, position)
            if header is None:
                self._header = bytes(data[position:])
                position = len(data)
                break
            if header.first & 0x0F > BINARY:
                raise WrongEchoError(f"a frame that begins with {header.first:#x}")
            self.payload += header.payload
            self._ends = bool(header.first & FIN)
            position += header.size + header.payload
        self._rest = position - len(data)
        self.in_flight -= ended
        if self.in_flight < 0:
            raise WrongEchoError("more echoes than messages")
        return ended


def drive(peers: list[Peer], in_flight: int, seconds: float) -> int:
    """Keep so many messages in flight for a time, then wait for the last; how many there were."""
    buffer = memoryview(bytearray(1 << 20))
    total = 0
    waiting = len(peers)  # connections with a message in flight
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:

        def send(peer: Peer, count: int) -> None:
            interest = selectors.EVENT_READ
            if not peer.send(count):
                interest |= selectors.EVENT_WRITE
            if selector.get_key(peer.sock).events != interest:
                selector.modify(peer.sock, interest, peer)

        for peer in peers:
            selector.register(peer.sock, selectors.EVENT_READ, peer)
            send(peer, in_flight)
        while waiting:
            ready = selector.select(TIMEOUT)
            if not ready:
                raise WrongEchoError(f"no echo for {TIMEOUT:.0f} s")
            sending = time.monotonic() < end
            for key, events in ready:
                peer = key.data
                if events & selectors.EVENT_WRITE and peer.flush():
                    selector.modify(peer.sock, selectors.EVENT_READ, peer)
                if events & selectors.EVENT_READ and (ended := peer.receive(buffer)):
                    total += ended
                    if sending:
                        send(peer, ended)
                    elif not peer.in_flight:
                        waiting -= 1
    return total


class ProcessorTime:
    """Of another process: all its threads, user and system. POSIX has a clock for it."""

    def __init__(self, pid: int) -> None:
        clock = ctypes.c_int()
        if error := ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)):
            raise OSError(error, os.strerror(error))
        self._clock = clock.value

    def __call__(self) -> float:
        return time.clock_gettime(self._clock)


def carry_out(order: Order) -> Outcome:
    sent = messages(order.size, order.deflate)
    processor_time = ProcessorTime(order.pid)
    socks: list[socket.socket] = []
    try:
        for _ in range(order.connections):
            sock = socket.create_connection(("127.0.0.1", order.port), TIMEOUT)
            socks.append(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if order.websocket:
                open_websocket(sock, order.deflate)
            check_echoes(sock, sent[: CHECKED if sock is socks[0] else 1])
        peers = [Peer(sock, sent) for sock in socks]
        started, before = time.monotonic(), processor_time()
        count = drive(peers, order.in_flight, order.seconds)
        cpu, elapsed = processor_time() - before, time.monotonic() - started
        arrived = sum(peer.payload for peer in peers)
        if not order.deflate and arrived != count * order.size:
            raise WrongEchoError(f"{arrived} bytes came back of {count} times {order.size}")
        if order.websocket:
            close_websockets(socks)
        return Outcome(messages=count, payload=arrived, cpu=cpu, elapsed=elapsed)
    except DeclinedError as exc:
        return Outcome(declined=str(exc))
    except (WrongEchoError, OSError, zlib.error) as exc:
        return Outcome(error=f"{type(exc).__name__}: {exc}")
    finally:
        for sock in socks:
            sock.close()


def main() -> None:
    for line in sys.stdin:
        outcome = carry_out(Order(**json.loads(line)))
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
