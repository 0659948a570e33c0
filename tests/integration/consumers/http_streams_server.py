"""The application on our own wiring over HTTP/2 or HTTP/3: a server to be met by other peers.

python -m tests.integration.consumers.http_streams_server h2 [certificate.pem]
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any
from urllib.parse import parse_qs, urlsplit

from examples.transports.conversation import Answer
from examples.transports.http_streams import StreamWebSocket
from examples.transports.websocket import WebSocket
from wsproto_core.events import AcceptConnection, RejectConnection, Request
from wsproto_core.extensions import PerMessageDeflate

PAGE = """<!doctype html><title>echo</title><link rel="icon" href="data:,"><script>
window.open_socket = path => new Promise((resolve, reject) => {
  const ws = new WebSocket(location.href.replace(/^http/, "ws").replace(/\\/$/, path));
  ws.binaryType = "arraybuffer";
  window.ws = ws;
  window.ws_end = new Promise(done => ws.onclose = e => done([e.code, e.reason, e.wasClean]));
  ws.onopen = () => resolve(ws.protocol);
  ws.onerror = () => reject(new Error("refused"));
});
window.echo = data => new Promise(resolve => {
  ws.onmessage = event => resolve(event.data);
  ws.send(data);
});
</script>"""

connections: dict[object, int] = {}  # numbered, by their first WebSocket


def accept(request: Request) -> Answer:
    headers = dict(request.extra_headers)
    match urlsplit(request.target).path:
        case "/reject":
            return RejectConnection(403, [(b"x-why", b"closed")]), b"no entry"
        case "/deny":
            return RejectConnection(403)
        case "/crash":
            raise RuntimeError("crashed before accepting, as the test asks")
    return AcceptConnection(
        subprotocol="chat.v2" if "chat.v2" in request.subprotocols else None,
        extensions=[PerMessageDeflate()],
        extra_headers=[(b"x-app", b"ours"), (b"x-token", headers.get(b"x-token", b""))],
    )


async def handler(ws: WebSocket) -> None:
    assert ws.request is not None
    url = urlsplit(ws.request.target)
    assert isinstance(ws, StreamWebSocket)
    connection = connections.setdefault(ws.connection, len(connections) + 1)
    print(f"open {ws.request.target} on stream {ws.id} of connection {connection}", flush=True)
    if url.path == "/greet":
        await ws.send("hello")
        await ws.close(1001, "done")
    try:
        async for message in ws:
            if isinstance(message, str) and message.startswith("close "):
                _, code, reason = message.split(" ", 2)
                await ws.close(int(code), reason)
            else:
                await ws.send(message)
    finally:
        assert ws.end is not None
        connection_id = parse_qs(url.query).get("id", [""])[0]
        gone = {"id": connection_id, "code": ws.end.code, "reason": ws.end.reason}
        print("gone", json.dumps(gone), flush=True)


def page(path: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    return 200, [(b"content-type", b"text/html; charset=utf-8")], PAGE.encode()


def quic_configuration() -> Any:
    from aioquic.quic.configuration import QuicConfiguration

    return QuicConfiguration()


async def main(version: str, certificate: str | None = None) -> None:
    wiring = import_module(f"examples.transports.on_{version}")
    context: Any = None
    if certificate is not None:
        context = SSLContext(PROTOCOL_TLS_SERVER) if version == "h2" else quic_configuration()
        context.load_cert_chain(certificate, certificate)
    async with wiring.serve(handler, ssl=context, accept=accept, page=page) as server:
        print(f"running on http://127.0.0.1:{server.port}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
