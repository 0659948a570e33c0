"""Path parameters, dependencies, tokens, JSON models and a chat, on FastAPI.

uvicorn examples.applications.fastapi_app:app --ws examples.uvicorn_ws:WebSocketProtocol
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated

from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    HTTPException,
    Query,
    WebSocket,
    WebSocketDisconnect,
    WebSocketException,
    status,
)
from pydantic import BaseModel, ValidationError
from starlette.endpoints import WebSocketEndpoint

app = FastAPI()
TOKENS = {"t-ann": "ann", "t-bob": "bob"}


@app.websocket("/ws/{client_id}")
async def echo(websocket: WebSocket, client_id: str) -> None:
    await websocket.accept()
    try:
        while True:
            data = await websocket.receive_text()
            await websocket.send_text(f"Message from {client_id}: {data}")
    except WebSocketDisconnect as gone:
        print(f"{client_id} disconnected with {gone.code} {gone.reason}")


class ConnectionManager:
    def __init__(self) -> None:
        self.active_connections: list[WebSocket] = []

    async def connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.active_connections.append(websocket)

    def disconnect(self, websocket: WebSocket) -> None:
        self.active_connections.remove(websocket)

    async def broadcast(self, message: str) -> None:
        # A copy, for others come and go while this waits for one that reads slowly.
        for connection in list(self.active_connections):
            # Who has gone is passed over; its own handler is told.
            with suppress(WebSocketDisconnect, RuntimeError):
                await connection.send_text(message)


manager = ConnectionManager()


@app.websocket("/chat/{client_id}")
async def chat(websocket: WebSocket, client_id: str) -> None:
    await manager.connect(websocket)
    try:
        while True:
            data = await websocket.receive_text()
            await manager.broadcast(f"{client_id}: {data}")
    except WebSocketDisconnect as gone:
        print(f"{client_id} disconnected with {gone.code} {gone.reason}")
    except RuntimeError:
        # A broadcast had found out before; receive_text() then knows no code any more.
        print(f"{client_id} disconnected with 1006")
    finally:
        manager.disconnect(websocket)
        await manager.broadcast(f"{client_id} has left")


# Who is let in: what a dependency raises before accept() refuses the handshake.


async def user_of_header(websocket: WebSocket) -> str:
    """An HTTPException is a response of its own, with status and body."""
    if websocket.headers.get("authorization") != "Bearer open-sesame":
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "a token is needed", {"www-authenticate": "Bearer"}
        )
    return "ann"


async def user_of_token(token: Annotated[str | None, Query()] = None) -> str:
    """A WebSocketException becomes status 403; browsers cannot set fields, hence the query."""
    if token not in TOKENS:
        raise WebSocketException(status.WS_1008_POLICY_VIOLATION, "who are you?")
    return TOKENS[token]


@app.websocket("/private")
async def private(websocket: WebSocket, user: Annotated[str, Depends(user_of_header)]) -> None:
    await websocket.accept(headers=[(b"x-user", user.encode())])
    await websocket.send_text("welcome")
    await websocket.close(1000, "that is all")


class Order(BaseModel):
    item: str
    count: int = 1


router = APIRouter(prefix="/shop")


@router.websocket("/{shop_id}/orders")
async def orders(
    websocket: WebSocket, shop_id: int, user: Annotated[str, Depends(user_of_token)]
) -> None:
    await websocket.accept()
    try:
        async for data in websocket.iter_json():
            order = Order.model_validate(data)
            await websocket.send_json({"shop": shop_id, "user": user, **order.model_dump()})
    except ValidationError as error:
        # After accept() it closes the connection with its code and reason.
        raise WebSocketException(1008, f"{error.error_count()} errors in the order") from error


app.include_router(router)


@app.websocket_route("/reverse")
class Reverse(WebSocketEndpoint):
    encoding = "bytes"

    async def on_receive(self, websocket: WebSocket, data: bytes) -> None:
        await websocket.send_bytes(data[::-1])


@app.websocket("/dashboard")
async def dashboard(websocket: WebSocket, every: float = 1.0) -> None:
    """Push figures every so many seconds, until the client goes."""

    async def push() -> None:
        number = 0
        # That the client has gone, the handler itself is told, with the code.
        with suppress(WebSocketDisconnect):
            while True:
                number += 1
                figures = {"number": number, "members": len(manager.active_connections)}
                await websocket.send_json(figures)
                await asyncio.sleep(every)

    await websocket.accept()
    pushing = asyncio.create_task(push())
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect as gone:
        print(f"dashboard disconnected with {gone.code} {gone.reason}")
    finally:
        pushing.cancel()
