"""The application in plain ASGI, for uvicorn and hypercorn."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from tests.integration.alias import engine_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "websocket":
        raise NotImplementedError(scope["type"])
    query = parse_qs(scope["query_string"].decode())
    assert (await receive())["type"] == "websocket.connect"
    match scope["path"]:
        case "/echo":
            await echo(scope, query, receive, send)
        case "/greet":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "hello"})
            await send({"type": "websocket.close", "code": 1001, "reason": "done"})
        case "/engine":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": engine_of(query["of"][0])})
            await receive()
        case "/reject":
            await reject(send)
        case "/deny":
            await send({"type": "websocket.close"})
        case "/crash":
            raise RuntimeError("crashed before accepting, as the test asks")
        case path:
            raise AssertionError(path)


async def echo(scope: Message, query: dict[str, list[str]], receive: Receive, send: Send) -> None:
    token = dict(scope["headers"]).get(b"x-token", b"")
    await send(
        {
            "type": "websocket.accept",
            "subprotocol": "chat.v2" if "chat.v2" in scope["subprotocols"] else None,
            "headers": [(b"x-app", b"asgi"), (b"x-token", token)],
        }
    )
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        if text is not None and text.startswith("close "):
            _, code, reason = text.split(" ", 2)
            await send({"type": "websocket.close", "code": int(code), "reason": reason})
        elif text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
    gone = {
        "id": query.get("id", [""])[0],
        "code": message["code"],
        "reason": message.get("reason"),
    }
    print("gone", json.dumps(gone), flush=True)


async def reject(send: Send) -> None:
    await send(
        {
            "type": "websocket.http.response.start",
            "status": 403,
            "headers": [(b"x-why", b"closed"), (b"content-length", b"8")],
        }
    )
    await send({"type": "websocket.http.response.body", "body": b"no ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"entry"})
