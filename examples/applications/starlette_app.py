"""Endpoints of each encoding, a chat with bounded queues and a dashboard, on Starlette.

uvicorn examples.applications.starlette_app:app --ws examples.uvicorn_ws:WebSocketProtocol
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.exceptions import WebSocketException
from starlette.responses import JSONResponse
from starlette.routing import Mount, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

# Characters that a member of the chat may lag behind before it is dropped.
MAX_BEHIND = 4 * 1024 * 1024


class Echo(WebSocketEndpoint):
    encoding = "text"

    async def on_connect(self, websocket: WebSocket) -> None:
        offered = websocket.scope["subprotocols"]
        await websocket.accept("echo.v2" if "echo.v2" in offered else None)

    async def on_receive(self, websocket: WebSocket, data: str) -> None:
        await websocket.send_text(f"Message from {websocket.path_params['client_id']}: {data}")

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        print(f"{websocket.path_params['client_id']} disconnected with {close_code}")


class Reverse(WebSocketEndpoint):
    encoding = "bytes"

    async def on_receive(self, websocket: WebSocket, data: bytes) -> None:
        await websocket.send_bytes(data[::-1])


class Sum(WebSocketEndpoint):
    encoding = "json"

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        match data:
            case {"numbers": [*numbers]}:
                await websocket.send_json({"sum": sum(numbers)})
            case _:
                raise WebSocketException(1008, "numbers are expected")


class Member:
    """A client of the chat, and what it has not been sent yet."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.behind = 0
        self.lags = asyncio.Event()


members: set[Member] = set()


def broadcast(text: str) -> None:
    """Tell all, without waiting for any: who reads too slowly is dropped."""
    for member in members:
        if member.behind + len(text) > MAX_BEHIND:
            member.lags.set()
        else:
            member.behind += len(text)
            member.queue.put_nowait(text)


async def chat(websocket: WebSocket) -> None:
    name = websocket.path_params["client_id"]
    member = Member()

    async def receive() -> None:
        while True:
            broadcast(f"{name}: {await websocket.receive_text()}")

    async def send() -> None:
        while True:
            text = await member.queue.get()
            await websocket.send_text(text)
            member.behind -= len(text)

    await websocket.accept()
    members.add(member)
    try:
        await until_one_ends(receive(), send(), member.lags.wait())
    except WebSocketDisconnect as gone:
        print(f"{name} disconnected with {gone.code} {gone.reason}")
    finally:
        members.discard(member)
        broadcast(f"{name} has left")
    if member.lags.is_set():
        # Before this there is all that has been written for it, which it may never read.
        with suppress(WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(10):
                await websocket.close(1013, "too slow")


async def dashboard(websocket: WebSocket) -> None:
    """Push figures every so many seconds, until the client goes."""
    every = float(websocket.query_params.get("every", "1"))

    async def push() -> None:
        number = 0
        while True:
            number += 1
            await websocket.send_json({"number": number, "members": len(members)})
            await asyncio.sleep(every)

    async def watch() -> None:
        # Nothing is expected; but only who receives is told of the end.
        while True:
            await websocket.receive_text()

    await websocket.accept()
    try:
        await until_one_ends(watch(), push())
    except WebSocketDisconnect as gone:
        print(f"dashboard disconnected with {gone.code} {gone.reason}")


async def until_one_ends(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Run them together until one returns or raises; then end the others.

    That of the first is raised: put first who receives, for it is told the code of the end.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for task, result in zip(tasks, results, strict=True):
        if task in done and isinstance(result, Exception):
            raise result


async def private(websocket: WebSocket) -> None:
    """Refuse the handshake with a response of its own: ``websocket.http.response``."""
    if websocket.headers.get("authorization") != "Bearer open-sesame":
        await websocket.send_denial_response(
            JSONResponse(
                {"error": "a token is needed"}, 401, headers={"www-authenticate": "Bearer"}
            )
        )
        return
    await websocket.accept(headers=[(b"x-user", b"ann")])
    await websocket.send_text("welcome")
    await websocket.close(1000, "that is all")


app = Starlette(
    routes=[
        WebSocketRoute("/ws/{client_id}", Echo),
        WebSocketRoute("/chat/{client_id}", chat),
        WebSocketRoute("/dashboard", dashboard),
        WebSocketRoute("/private", private),
        Mount("/codec", routes=[WebSocketRoute("/reverse", Reverse), WebSocketRoute("/sum", Sum)]),
    ]
)
