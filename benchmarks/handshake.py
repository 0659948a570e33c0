"""A server's opening handshake, and what an open connection holds, against the others.

    python benchmarks/handshake.py [--rounds 15]

The handshake: make the object, receive a browser's request, take its event, accept it,
with and without permessage-deflate. The memory: bytes that Python's allocators hold for
each of 500 connections that are open and have echoed a message, without deflate.
"""

from __future__ import annotations

import argparse
import gc
import tracemalloc
from collections.abc import Callable

import wsproto
import wsproto.events
import wsproto.extensions
from pairing import microseconds, paired, ratio
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.server import ServerProtocol

import wsproto_core
import wsproto_core.events
import wsproto_core.extensions

REQUEST = (
    b"GET /chat?room=lobby HTTP/1.1\r\n"
    b"Host: server.example.com\r\n"
    b"Connection: Upgrade\r\n"
    b"Pragma: no-cache\r\n"
    b"Cache-Control: no-cache\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/140.0.0.0 Safari/537.36\r\n"
    b"Upgrade: websocket\r\n"
    b"Origin: https://server.example.com\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Accept-Language: en-GB,en;q=0.9\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    b"\r\n"
)
MESSAGE = bytes.fromhex("818537fa213d7f9f4d5158")  # a client's masked "Hello"


def ours(deflate: bool) -> wsproto_core.WSConnection:
    server = wsproto_core.WSConnection(wsproto_core.ConnectionType.SERVER)
    server.receive_data(REQUEST)
    for _ in server.events():
        extensions = [wsproto_core.extensions.PerMessageDeflate()] if deflate else []
        server.send(wsproto_core.events.AcceptConnection(extensions=list(extensions)))
    return server


def theirs_wsproto(deflate: bool) -> wsproto.WSConnection:
    server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    server.receive_data(REQUEST)
    for _ in server.events():
        extensions = [wsproto.extensions.PerMessageDeflate()] if deflate else []
        server.send(wsproto.events.AcceptConnection(extensions=list(extensions)))
    return server


def theirs_websockets(deflate: bool) -> ServerProtocol:
    server = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()] if deflate else None)
    server.receive_data(REQUEST)
    for request in server.events_received():
        assert isinstance(request, Request)
        server.send_response(server.accept(request))
    server.data_to_send()
    return server


def echo(server: wsproto.WSConnection | wsproto_core.WSConnection) -> None:
    server.receive_data(MESSAGE)
    for event in server.events():
        server.send(event)  # type: ignore[arg-type]


def echo_websockets(server: ServerProtocol) -> None:
    server.receive_data(MESSAGE)
    for frame in server.events_received():
        server.send_text(frame.data)  # type: ignore[union-attr]
    server.data_to_send()


def held(make: Callable[[], object], count: int = 500) -> float:
    """Bytes for each of many."""
    make()
    gc.collect()
    tracemalloc.start()
    kept = [make() for _ in range(count)]
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print("| handshake | ours us | wsproto us | websockets us | x wsproto | x websockets |")
    print("|---|---:|---:|---:|---:|---:|")
    for deflate in (False, True):
        works: dict[str, Callable[[], object]] = {
            "ours": lambda d=deflate: ours(d),  # type: ignore[misc]
            "wsproto": lambda d=deflate: theirs_wsproto(d),  # type: ignore[misc]
            "websockets": lambda d=deflate: theirs_websockets(d),  # type: ignore[misc]
        }
        seconds = paired(works, 100, options.rounds)
        cells = [f"{microseconds(times):.0f}" for times in seconds.values()]
        cells += [f"{ratio(seconds, other, 'ours'):.2f}" for other in ("wsproto", "websockets")]
        print(f"| {'deflate' if deflate else 'plain'} | {' | '.join(cells)} |")

    def opened(make: Callable[[bool], object], use: Callable[[object], None]) -> object:
        server = make(False)
        use(server)
        return server

    print("\n| bytes for an open connection, plain | |\n|---|---:|")
    for name, make, use in (
        ("ours", ours, echo),
        ("wsproto", theirs_wsproto, echo),
        ("websockets", theirs_websockets, echo_websockets),
    ):
        size = held(lambda m=make, u=use: opened(m, u))  # type: ignore[misc]
        print(f"| {name} | {size:.0f} |")


if __name__ == "__main__":
    main()
