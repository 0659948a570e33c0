"""A server on one of the wirings, plain and over TLS, for ``server_suite``::

python -m tests.integration.transport_server trio FOLDER_OF_CERTIFICATES

What it serves, ``consumers/asgi_app.py`` serves as an ASGI application.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from examples.transports.conversation import Answer
from examples.transports.websocket import WebSocket
from tests.integration.alias import engine_of
from tests.integration.transport_wirings import server_context, wire
from wsproto_core import events as ev
from wsproto_core.extensions import PerMessageDeflate


def accept(request: ev.Request) -> Answer:
    match urlsplit(request.target).path:
        case "/reject":
            return ev.RejectConnection(403, [(b"x-why", b"closed")]), b"no entry"
        case "/deny":
            return ev.RejectConnection(403, [(b"content-length", b"0")])
        case "/crash":
            raise RuntimeError("crashed before accepting, as the test asks")
    token = dict(request.extra_headers).get(b"x-token", b"")
    return ev.AcceptConnection(
        subprotocol="chat.v2" if "chat.v2" in request.subprotocols else None,
        extensions=[PerMessageDeflate()],
        extra_headers=[(b"x-app", b"transports"), (b"x-token", token)],
    )


async def handle(ws: WebSocket) -> None:
    assert ws.request is not None
    url = urlsplit(ws.request.target)
    query = parse_qs(url.query)
    match url.path:
        case "/echo":
            await echo(ws)
            assert ws.end is not None
            gone = {
                "id": query.get("id", [""])[0],
                "code": ws.end.code,
                "reason": ws.end.reason,
            }
            print("gone", json.dumps(gone), flush=True)
        case "/greet":
            await ws.send("hello")
            await ws.close(1001, "done")
        case "/engine":
            await ws.send(engine_of(query["of"][0]))
            await ws.recv()
        case path:
            raise AssertionError(path)


async def echo(ws: WebSocket) -> None:
    async for message in ws:
        if isinstance(message, str) and message.startswith("close "):
            _, code, reason = message.split(" ", 2)
            await ws.close(int(code), reason)
        else:
            await ws.send(message)


def main(name: str, certificates: str) -> None:
    with ExitStack() as stack:
        wiring = stack.enter_context(wire(name))
        tls = server_context(Path(certificates))
        plain = stack.enter_context(wiring.serve(handle, accept=accept))
        secure = stack.enter_context(wiring.serve(handle, accept=accept, ssl=tls))
        print(f"running on http://127.0.0.1:{plain.port}")
        print(f"over TLS on 127.0.0.1:{secure.port}")
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
