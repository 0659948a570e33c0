"""websockets, by its sans-I/O layer: with its masking in C, and without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suite.peers.base import REQUEST, Deflate, Engine, Peer, imported_anew, load, response_to
from suite.wire import Payload


class Websockets(Peer):
    name = "websockets"
    distribution = "websockets"
    utf8 = "driver"
    note = "masking in C; gives frames: its driver joins fragments"

    def __init__(self) -> None:
        load("websockets.speedups")  # without which this would be the other peer
        self.load()

    def load(self) -> None:
        self.protocol = load("websockets.protocol")
        self.server = load("websockets.server")
        self.client = load("websockets.client")
        self.uri = load("websockets.uri").parse_uri("ws://server.example.com/chat")
        self.frames = load("websockets.frames")
        self.deflate = load("websockets.extensions.permessage_deflate")

    def settings(self, deflate: Deflate) -> dict[str, int] | None:
        return None if deflate.level is None else {"level": deflate.level}

    def open(self, role: str, deflate: Deflate | None = None) -> Engine:
        side = getattr(self.protocol.Side, role.upper())
        connection = self.protocol.Protocol(side, max_size=None)
        if deflate is not None:
            extension = self.deflate.PerMessageDeflate(
                remote_no_context_takeover=not deflate.takeover,
                local_no_context_takeover=not deflate.takeover,
                remote_max_window_bits=15,
                local_max_window_bits=15,
                compress_settings=self.settings(deflate),
            )
            connection.extensions = [extension]
        return WebsocketsEngine(connection, self.frames)

    def handshake(self, role: str, deflate: Deflate | None = None) -> Any:
        kind = role.title()
        extensions = None
        if deflate is not None:
            factory = getattr(self.deflate, f"{kind}PerMessageDeflateFactory")
            extensions = [
                factory(
                    server_no_context_takeover=not deflate.takeover,
                    client_no_context_takeover=not deflate.takeover,
                    compress_settings=self.settings(deflate),
                )
            ]
        if role == "client":
            client = self.client.ClientProtocol(self.uri, extensions=extensions, max_size=None)
            client.send_request(client.connect())
            client.receive_data(response_to(b"".join(client.data_to_send()), deflate))
            client.events_received()
            return client
        server = self.server.ServerProtocol(extensions=extensions, max_size=None)
        server.receive_data(REQUEST)
        for request in server.events_received():
            server.send_response(server.accept(request))
        server.data_to_send()
        return server

    def engine(self, connection: Any) -> Engine:
        return WebsocketsEngine(connection, self.frames)


class PureWebsockets(Websockets):
    name = "websockets (pure)"
    note = "as websockets, without its extension in C"

    def __init__(self) -> None:
        with imported_anew("websockets", without=["websockets.speedups"]):
            self.load()


class WebsocketsEngine(Engine):
    def __init__(self, protocol: Any, frames: Any) -> None:
        self.held = protocol
        self.opcodes = frames.TEXT, frames.BINARY, frames.CONT

    def receive(self, reads: Sequence[bytes]) -> list[Payload]:
        protocol = self.held
        text, binary, continuation = self.opcodes
        got: list[Payload] = []
        pieces: list[Any] = []
        opcode = None
        for data in reads:
            protocol.receive_data(data)
            for frame in protocol.events_received():
                if frame.opcode is text or frame.opcode is binary:
                    if frame.fin:
                        got.append(str(frame.data, "utf-8") if frame.opcode is text else frame.data)
                    else:
                        opcode, pieces = frame.opcode, [frame.data]
                elif frame.opcode is continuation:
                    pieces.append(frame.data)
                    if frame.fin:
                        whole = b"".join(pieces)
                        got.append(whole.decode() if opcode is text else whole)
        return got

    def send(self, messages: Sequence[Payload]) -> list[bytes]:
        protocol = self.held
        out: list[bytes] = []
        for message in messages:
            if isinstance(message, str):
                protocol.send_text(message.encode())
            else:
                protocol.send_binary(message)
            out += protocol.data_to_send()
        return out

    def echo(self, reads: Sequence[bytes]) -> list[bytes]:
        protocol = self.held
        text, binary, continuation = self.opcodes
        out: list[bytes] = []
        pieces: list[Any] = []
        opcode = None
        for data in reads:
            protocol.receive_data(data)
            for frame in protocol.events_received():
                if frame.opcode is text or frame.opcode is binary:
                    if not frame.fin:
                        opcode, pieces = frame.opcode, [frame.data]
                        continue
                    opcode, whole = frame.opcode, frame.data
                elif frame.opcode is continuation:
                    pieces.append(frame.data)
                    if not frame.fin:
                        continue
                    whole = b"".join(pieces)
                else:
                    continue
                if opcode is text:
                    protocol.send_text(str(whole, "utf-8").encode())
                else:
                    protocol.send_binary(whole)
                out += protocol.data_to_send()
        return out
