"""Our server and our client for the interoperation matrix, on ``examples/transports``.

``python -m tests.interop.our_ends [PORT] [--no-deflate] [--h2 | --h2-tls]`` serves the paths of
``tests.interop.scenarios``, prints ``listening on PORT``, and for each connection, at its end, a
line of JSON: an ``OurView``. With ``--h2`` it serves over HTTP/2 and nothing else; with
``--h2-tls`` likewise, with a certificate of its own, and a page for browsers to open WebSockets
from.

Both use the examples' public face only: ``serve``, ``connect``, and a WebSocket's methods.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from examples.transports import on_asyncio
from examples.transports.conversation import Answer, ConnectionClosed, Refused
from examples.transports.websocket import WebSocket
from tests.integration.certificates import Certificates
from wsproto_core import SessionEnded
from wsproto_core.events import AcceptConnection, RejectConnection, Request
from wsproto_core.extensions import PerMessageDeflate

from .judging import Digest, OurView, digest
from .peer_api import Observation
from .scenarios import BY_NAME, PONG_TEXT, REFUSED, Scenario, thirds

#: Told what a connection of our server has been, at its end.
Report = Callable[[OurView], None]


def extensions_of(ws: WebSocket) -> str:
    """What has been agreed on; in words, not as it was on the wire."""
    return ", ".join(extension.name for extension in ws.session.extensions)


def view_of(ws: WebSocket, path: str, received: list[Digest]) -> OurView:
    """What our end saw, from its session."""
    statistics = ws.session.statistics()
    view: dict[str, Any] = {
        "path": path,
        "extensions": extensions_of(ws),
        "received": received,
        "pings_received": statistics.pings_received,
        "pongs_received": statistics.pongs_received,
    }
    others = statistics.pings_received + statistics.pongs_received
    match ws.end:
        case SessionEnded() as end:
            others += end.code_received is not None
            view |= {
                "cause": end.cause.value,
                "initiator": end.initiator and end.initiator.value,
                "code_sent": end.code_sent,
                "code_received": end.code_received,
                "reason": end.reason,
                "error": end.error and str(end.error),
            }
    return OurView(**view, data_frames_received=statistics.frames_received - others)


# The server --------------------------------------------------------------------------------


class OurServer:
    """What is served at each path."""

    def __init__(self, deflate: bool, report: Report) -> None:
        self.deflate, self.report = deflate, report

    def accept(self, request: Request) -> Answer:
        """Let everybody in, except at /reject."""
        path = urlsplit(request.target).path
        if path == "/reject":
            self.report(OurView(path=path, refused=REFUSED))
            return RejectConnection(REFUSED), b"no entry\n"
        return AcceptConnection(extensions=[PerMessageDeflate()] if self.deflate else [])

    async def handle(self, ws: WebSocket) -> None:
        """Serve a connection; report it in any case."""
        assert ws.request is not None
        path = urlsplit(ws.request.target).path
        received: list[Digest] = []
        try:
            if path == "/ping":
                await ws.ping()
                await ws.send(PONG_TEXT)
            async for message in ws:
                received.append(digest(message))
                match path, message:
                    case "/close", str():
                        code, _, reason = message.partition(" ")
                        await ws.close(int(code), reason)
                    case "/fragments", str():
                        await ws.send(thirds(message))
                    case _:
                        await ws.send(message)
        finally:
            self.report(view_of(ws, path, received))


async def run_server(port: int, deflate: bool, h2: bool, tls: bool) -> None:
    """Serve until the process is ended."""

    def report(view: OurView) -> None:
        print(json.dumps(asdict(view)), flush=True)

    ours = OurServer(deflate, report)
    async with AsyncExitStack() as stack:
        if h2:
            from examples.transports import on_h2  # the package h2 is needed for this alone

            context = None
            if tls:
                with TemporaryDirectory() as folder:
                    context = Certificates.make(Path(folder)).for_server()
            serving = on_h2.serve(
                ours.handle, port=port, ssl=context, accept=ours.accept, page=page
            )
            server_port = (await stack.enter_async_context(serving)).port
        else:
            server = await stack.enter_async_context(
                on_asyncio.serve(ours.handle, port=port, accept=ours.accept)
            )
            server_port = server.port
        print(f"listening on {server_port}", flush=True)
        await asyncio.Event().wait()


def page(path: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Any, for a browser."""
    return 200, [(b"content-type", b"text/html")], b"<title>A page</title>"


# The client --------------------------------------------------------------------------------

#: Our client matches a pong with its ping by itself: what it tells is that one came.
CANNOT_TELL = {"pong": "our client matches pongs with pings by itself"}


async def run_client(
    url: str, scenario: str, *, offer: bool = True, h2: bool = False
) -> tuple[Observation, OurView | None]:
    """Do what *scenario* says at the server at *url*, and say what came of it.

    :param offer: whether to offer permessage-deflate.
    :param h2: whether over HTTP/2.
    """
    wiring: Any = on_asyncio
    if h2:
        from examples.transports import on_h2 as wiring
    wanted = BY_NAME[scenario]
    received: list[Digest] = []
    try:
        async with wiring.connect(url + wanted.path, compress=offer) as ws:
            try:
                await converse(ws, wanted, received)
            except ConnectionClosed:
                pass  # the end tells why
    except Refused as refused:
        return Observation(opened=False, status=refused.response.status_code), None
    except ConnectionClosed:
        return Observation(opened=False), None
    view = view_of(ws, wanted.path, received)
    end = ws.end
    assert end is not None
    close = None if end.code_received is None else (end.code_received, end.reason)
    return (
        Observation(opened=True, extensions=view.extensions, received=received, close=close),
        view,
    )


async def converse(ws: WebSocket, wanted: Scenario, received: list[Digest]) -> None:
    """The client's part, from the handshake to the end."""
    for message in wanted.sent:
        if wanted.fragments_sent:
            assert isinstance(message, str)
            await ws.send(thirds(message))
        else:
            await ws.send(message)
        if len(received) < len(wanted.received):
            received.append(digest(await ws.recv()))
    if wanted.pings:
        await ws.ping()
    if wanted.pinged or not wanted.client_closes:
        async for more in ws:
            received.append(digest(more))
            if wanted.client_closes:
                break
    await ws.close(*wanted.close)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description="Our server of the interoperation matrix.")
    parser.add_argument("port", nargs="?", type=int, default=0)
    parser.add_argument("--no-deflate", action="store_true")
    parser.add_argument("--h2", action="store_true")
    parser.add_argument("--h2-tls", action="store_true")
    arguments = parser.parse_args()
    h2 = arguments.h2 or arguments.h2_tls
    asyncio.run(run_server(arguments.port, not arguments.no_deflate, h2, arguments.h2_tls))


if __name__ == "__main__":
    main()
