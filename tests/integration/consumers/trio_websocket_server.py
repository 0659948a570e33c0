"""The server on trio-websocket."""

from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import trio
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    WebSocketServer,
    serve_websocket,
)

from tests.integration.alias import engine_of


async def handle(request: WebSocketRequest) -> None:
    url = urlsplit(request.path)
    query = parse_qs(url.query)
    match url.path:
        case "/echo":
            await echo(request, query)
        case "/greet":
            connection = await request.accept()
            await connection.send_message("hello")
            await connection.aclose(1001, "done")
        case "/ping":
            connection = await request.accept()
            await connection.ping(b"are you there?")
            await connection.send_message("pong has come")
            await connection.aclose()
        case "/engine":
            connection = await request.accept()
            await connection.send_message(engine_of(query["of"][0]))
            await connection.aclose()
        case "/reject":
            await request.reject(403, extra_headers=[(b"x-why", b"closed")], body=b"no entry")
        case "/deny":
            await request.reject(403)
        case path:
            raise AssertionError(path)


async def echo(request: WebSocketRequest, query: dict[str, list[str]]) -> None:
    token = dict(request.headers).get(b"x-token", b"")
    connection = await request.accept(
        subprotocol="chat.v2" if "chat.v2" in request.proposed_subprotocols else None,
        extra_headers=[(b"x-app", b"trio-websocket"), (b"x-token", token)],
    )
    with suppress(ConnectionClosed):
        await echo_messages(connection)
    closed = connection.closed
    assert closed is not None
    gone = {"id": query.get("id", [""])[0], "code": closed.code, "reason": closed.reason}
    print("gone", json.dumps(gone), flush=True)


async def echo_messages(connection: WebSocketConnection) -> None:
    while True:
        message = await connection.get_message()
        if isinstance(message, str) and message.startswith("close "):
            _, code, reason = message.split(" ", 2)
            await connection.aclose(int(code), reason)
        else:
            await connection.send_message(message)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve_websocket, handle, "127.0.0.1", 0, None)
        assert isinstance(server, WebSocketServer)
        print(f"running on http://127.0.0.1:{server.port}", flush=True)


if __name__ == "__main__":
    trio.run(main)
