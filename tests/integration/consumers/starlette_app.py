"""The application on Starlette."""

from __future__ import annotations

import json

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from tests.integration.alias import engine_of


async def echo(websocket: WebSocket) -> None:
    token = websocket.headers.get("x-token", "")
    await websocket.accept(
        subprotocol="chat.v2" if "chat.v2" in websocket.scope["subprotocols"] else None,
        headers=[(b"x-app", b"starlette"), (b"x-token", token.encode())],
    )
    while (message := await websocket.receive())["type"] == "websocket.receive":
        text = message.get("text")
        if text is not None and text.startswith("close "):
            _, code, reason = text.split(" ", 2)
            await websocket.close(int(code), reason)
        elif text is not None:
            await websocket.send_text(text)
        else:
            await websocket.send_bytes(message["bytes"])
    gone = {
        "id": websocket.query_params.get("id", ""),
        "code": message["code"],
        "reason": message.get("reason"),
    }
    print("gone", json.dumps(gone), flush=True)


async def greet(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close(1001, "done")


async def engine(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(engine_of(websocket.query_params["of"]))
    await websocket.receive()


async def reject(websocket: WebSocket) -> None:
    await websocket.send_denial_response(
        Response("no entry", status_code=403, headers={"x-why": "closed"})
    )


async def deny(websocket: WebSocket) -> None:
    await websocket.close()


async def crash(websocket: WebSocket) -> None:
    raise RuntimeError("crashed before accepting, as the test asks")


app = Starlette(
    routes=[
        WebSocketRoute(f"/{endpoint.__name__}", endpoint)
        for endpoint in (echo, greet, engine, reject, deny, crash)
    ]
)
