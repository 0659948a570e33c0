"""A WebSocket peer made by hand, over any transport: what goes over the wire is in the test.

Shares no code with the engine; it is also free to break the protocol.
"""

from __future__ import annotations

import base64
import http.client
import io
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha1
from typing import Protocol

from .processes import TIMEOUT

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
RSV1, RSV2 = 0x40, 0x20

#: An offer of permessage-deflate without parameters: 32 KiB windows, contexts kept.
DEFLATE = "permessage-deflate"

#: Lengths on both sides of where RFC 6455 §5.2 changes a frame's form, and beyond what
#: fits one read. trio-websocket takes no more than the last.
SIZES = (0, 5, 125, 126, 65_535, 70_000, 2**20)


class Transport(Protocol):
    """What carries the bytes."""

    def sendall(self, data: bytes, /) -> None: ...

    def recv(self, size: int, /) -> bytes:
        """Some bytes; none at the end."""

    def close(self) -> None:
        """End it in good order, but without a word of WebSocket."""

    def abort(self) -> None:
        """End it with an error."""


class Socket:
    """TCP as a transport."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        connection.settimeout(TIMEOUT)
        # So that each piece that a test sends is one that the other end receives.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def sendall(self, data: bytes, /) -> None:
        self._socket.sendall(data)

    def recv(self, size: int, /) -> bytes:
        return self._socket.recv(size)

    def close(self) -> None:
        # The peer hears of the end even where what it sent has not been read, which
        # would make close() alone a reset.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()

    def abort(self) -> None:
        """Close with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


@dataclass(frozen=True)
class Frame:
    """A frame (RFC 6455 §5.2), unmasked."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masking_key: bytes | None = None


def encode(frame: Frame) -> bytes:
    """A frame as bytes."""
    size = len(frame.payload)
    header = bytes([frame.fin << 7 | frame.rsv | frame.opcode])
    mask_bit = 0 if frame.masking_key is None else 0x80
    if size < 126:
        header += bytes([mask_bit | size])
    elif size < 65536:
        header += struct.pack("!BH", mask_bit | 126, size)
    else:
        header += struct.pack("!BQ", mask_bit | 127, size)
    if frame.masking_key is None:
        return header + frame.payload
    return header + frame.masking_key + _mask(frame.payload, frame.masking_key)


def _mask(data: bytes, key: bytes) -> bytes:
    repeated = (key * (len(data) // 4 + 1))[: len(data)]
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
    return mixed.to_bytes(len(data), "big")


class Peer:
    """One end of an open connection."""

    def __init__(self, transport: Transport, *, client: bool, received: bytes = b"") -> None:
        self.transport = transport
        self._client = client
        self._buffer = bytearray(received)

    def frame(
        self,
        opcode: int,
        payload: bytes | str = b"",
        *,
        fin: bool = True,
        rsv: int = 0,
        masked: bool | None = None,
    ) -> bytes:
        """A frame to send; masked as it should be unless said otherwise."""
        if isinstance(payload, str):
            payload = payload.encode()
        if masked is None:
            masked = self._client
        return encode(Frame(opcode, payload, fin, rsv, os.urandom(4) if masked else None))

    def send(
        self, opcode: int, payload: bytes | str = b"", *, fin: bool = True, rsv: int = 0
    ) -> None:
        """Send a good frame."""
        self.transport.sendall(self.frame(opcode, payload, fin=fin, rsv=rsv))

    def send_close(self, code: int, reason: str = "") -> None:
        self.send(CLOSE, close_payload(code, reason))

    def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self.transport.recv(65536)
            if not data:
                raise EOFError(f"the transport ended behind {bytes(self._buffer[:64])!r}")
            self._buffer += data
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def receive(self) -> Frame:
        """The next frame; :exc:`EOFError` if there is none."""
        first, second = self._read(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._read(8))
        key = self._read(4) if second & 0x80 else None
        payload = self._read(size)
        if key is not None:
            payload = _mask(payload, key)
        return Frame(first & 0x0F, payload, bool(first & 0x80), first & 0x70, key)

    def receive_message(self) -> tuple[int, bytes]:
        """The next message's opcode and payload, put together from its frames."""
        frame = self.receive()
        opcode, payload = frame.opcode, frame.payload
        assert opcode in (TEXT, BINARY), frame
        while not frame.fin:
            frame = self.receive()
            assert frame.opcode == CONTINUATION, frame
            payload += frame.payload
        return opcode, payload

    def receive_close(self) -> tuple[int | None, str]:
        """The code and reason of the Close frame that comes next."""
        frame = self.receive()
        assert (frame.opcode, frame.fin, frame.rsv) == (CLOSE, True, 0), frame
        if not frame.payload:
            return None, ""
        return int.from_bytes(frame.payload[:2], "big"), frame.payload[2:].decode()

    def expect_end(self) -> None:
        """Nothing more comes."""
        assert not self._buffer
        assert self.transport.recv(65536) == b""


def close_payload(code: int, reason: str = "") -> bytes:
    return code.to_bytes(2, "big") + reason.encode()


# Opening handshakes


@dataclass(frozen=True)
class Answer:
    """What a server answered to an opening handshake."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    #: The connection, if the server consented.
    opened: Peer | None = None

    @property
    def peer(self) -> Peer:
        assert self.opened is not None, f"refused: {self}"
        return self.opened


@dataclass(frozen=True)
class Offer:
    """What a client asks for."""

    path: str = "/echo"
    subprotocols: Sequence[str] = ()
    extensions: str = ""
    headers: Sequence[tuple[str, str]] = ()

    def fields(self) -> list[tuple[str, str]]:
        """The fields that do not depend on HTTP's version."""
        fields = [("sec-websocket-version", "13"), *self.headers]
        if self.subprotocols:
            fields.append(("sec-websocket-protocol", ", ".join(self.subprotocols)))
        if self.extensions:
            fields.append(("sec-websocket-extensions", self.extensions))
        return fields


def accept_token(key: str) -> str:
    """The answer to a Sec-WebSocket-Key (RFC 6455 §4.2.2)."""
    guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(sha1((key + guid).encode()).digest()).decode()


def request(offer: Offer, key: str = "dGhlIHNhbXBsZSBub25jZQ==") -> bytes:
    """An opening handshake over HTTP/1.1, as bytes."""
    fields = [
        ("Host", "127.0.0.1"),
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Key", key),
        *offer.fields(),
    ]
    return head(f"GET {offer.path} HTTP/1.1", fields)


def head(first_line: str, fields: Sequence[tuple[str, str]]) -> bytes:
    lines = [first_line, *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def dial(port: int, offer: Offer) -> Answer:
    """Open a connection to a server over HTTP/1.1."""
    key = base64.b64encode(os.urandom(16)).decode()
    answer = exchange(port, request(offer, key))
    if answer.opened is not None:
        assert answer.headers["sec-websocket-accept"] == accept_token(key)
        assert answer.headers["upgrade"].lower() == "websocket"
        assert answer.headers["connection"].lower() == "upgrade"
    return answer


def exchange(port: int, data: bytes) -> Answer:
    """Send a server whatever is meant as an opening handshake."""
    transport = Socket(socket.create_connection(("127.0.0.1", port), TIMEOUT))
    try:
        transport.sendall(data)
        answer = read_answer(transport)
    except BaseException:
        transport.close()
        raise
    if answer.opened is None:
        transport.close()
    return answer


def read_answer(transport: Transport) -> Answer:
    """Read the response to an opening handshake over HTTP/1.1."""
    received = _read_head(transport)
    head_end = received.index(b"\r\n\r\n") + 4
    stream = _Stream(received, transport)
    response = http.client.HTTPResponse(stream)  # type: ignore[arg-type]
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    if response.status != 101:
        return Answer(response.status, headers, response.read())
    peer = Peer(transport, client=True, received=received[head_end:])
    return Answer(response.status, headers, opened=peer)


def _read_head(transport: Transport) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        data = transport.recv(65536)
        if not data:
            raise EOFError(f"the transport ended within a head: {received!r}")
        received += data
    return received


class _Stream(io.RawIOBase):
    """A transport, of which something has been read, in the form that http.client reads."""

    def __init__(self, received: bytes, transport: Transport) -> None:
        self._received = received
        self._transport = transport

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._received[: len(buffer)] or self._transport.recv(len(buffer))
        self._received = self._received[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


class Listener:
    """A server made by hand, for clients to connect to."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(TIMEOUT)
        self._transports: list[Socket] = []
        self.url = f"ws://127.0.0.1:{self._socket.getsockname()[1]}"

    def receive_request(self) -> tuple[Socket, dict[str, str]]:
        """The next connection, and the fields of the request that came over it."""
        transport = Socket(self._socket.accept()[0])
        self._transports.append(transport)
        received = _read_head(transport)
        first_line, _, rest = received.partition(b"\r\n")
        assert first_line.startswith(b"GET ")
        assert rest.endswith(b"\r\n\r\n"), "bytes behind the request"
        fields = http.client.parse_headers(io.BytesIO(rest))
        assert len({name.lower() for name in fields}) == len(fields)
        return transport, {name.lower(): value for name, value in fields.items()}

    def consent(self, fields: Mapping[str, str], *more: tuple[str, str]) -> bytes:
        """The response that opens the connection (RFC 6455 §4.2.2), as bytes."""
        return head(
            "HTTP/1.1 101 Switching Protocols",
            [
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", accept_token(fields["sec-websocket-key"])),
                *more,
            ],
        )

    def accept(self) -> Peer:
        """Open the next connection."""
        transport, fields = self.receive_request()
        transport.sendall(self.consent(fields))
        return Peer(transport, client=False)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()
        self._socket.close()
