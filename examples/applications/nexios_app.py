"""Routes and routers, each kind of message, groups, tokens and a heartbeat, on Nexios 3.

    uvicorn examples.applications.nexios_app:app --ws examples.uvicorn_ws:WebSocketProtocol

``ChannelBox.group_send`` of Nexios 3.12 stops at the first member that has gone, and fails if
somebody comes or goes while it waits for a slow one. So both chats here go over a copy of the
group, and pass over who has gone.
"""

# Nexios types its decorators as Any.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from nexios import NexiosApp
from nexios.routing import Router, WebsocketRoute
from nexios.websockets import (
    Channel,
    ChannelBox,
    WebSocket,
    WebSocketConsumer,
    WebSocketDisconnect,
)

app = NexiosApp()


@app.ws_route("/ws/{client_id}")
async def echo(ws: WebSocket) -> None:
    client_id = ws.path_params["client_id"]
    await ws.accept()
    try:
        while True:
            data = await ws.receive_text()
            await ws.send_text(f"Message from {client_id}: {data}")
    except WebSocketDisconnect as gone:
        print(f"{client_id} disconnected with {gone.code} {gone.reason}")


# Channels in a group


@app.ws_route("/chat/{client_id}")
async def chat(ws: WebSocket) -> None:
    name = ws.path_params["client_id"]
    await ws.accept()
    channel = Channel(websocket=ws, payload_type="text")
    await ChannelBox.add_channel_to_group(channel, group_name="chat")
    try:
        while True:
            await broadcast("chat", f"{name}: {await ws.receive_text()}")
    except WebSocketDisconnect as gone:
        print(f"{name} disconnected with {gone.code} {gone.reason}")
    except RuntimeError:
        # A broadcast had found out before; receive_text() then knows no code any more.
        print(f"{name} disconnected with 1006")
    finally:
        await ChannelBox.remove_channel_from_group(channel, group_name="chat")
        await broadcast("chat", f"{name} has left")


async def broadcast(group_name: str, text: str) -> None:
    groups = await ChannelBox.show_groups()
    for channel in list(groups.get(group_name, ())):
        # Who has gone is passed over; its own handler is told.
        with suppress(WebSocketDisconnect, RuntimeError):
            await channel.websocket.send_text(text)


class Room(WebSocketConsumer):
    """A group for each room. What says whom it is ``to``, only that channel is sent."""

    encoding = "json"

    def __init__(self) -> None:
        super().__init__(logging_enabled=False)

    async def on_connect(self, websocket: WebSocket) -> None:
        self.room = websocket.path_params["room"]
        await websocket.accept()
        await self.join_group(self.room)
        assert self.channel is not None
        await websocket.send_json({"you": str(self.channel.uuid)})

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        assert self.channel is not None
        payload = {"from": str(self.channel.uuid), "text": data["text"]}
        for channel in await self.group(self.room):
            if data.get("to") in (None, str(channel.uuid)):
                with suppress(WebSocketDisconnect):
                    await self.send_to(channel.uuid, payload)

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        print(f"{self.room} left with {close_code}")
        await self.leave_group(self.room)


app.add_ws_route(Room.as_route("/rooms/{room}"))


# Routers: that of /v1 is mounted in that of /codec.


async def reverse(ws: WebSocket) -> None:
    await ws.accept()
    async for data in ws.iter_bytes():
        await ws.send_bytes(data[::-1])


codec = Router(prefix="/codec")
v1 = Router(prefix="/v1", routes=[WebsocketRoute("/reverse", reverse)])


@v1.ws_route("/sum")
async def add(ws: WebSocket) -> None:
    await ws.accept()
    async for data in ws.iter_json():
        await ws.send_json({"sum": sum(data["numbers"])})


codec.mount_router(v1)
app.mount_router(codec)


# Authentication in the handshake


@app.ws_route("/private")
async def private(ws: WebSocket) -> None:
    if ws.headers.get("authorization") != "Bearer open-sesame":
        await refuse(ws, 401, {"error": "a token is needed"}, [(b"www-authenticate", b"Bearer")])
        return
    await ws.accept(headers=[(b"x-user", b"ann")])
    await ws.send_text("welcome")
    await ws.close(1000, "that is all")


async def refuse(ws: WebSocket, status: int, body: Any, headers: list[tuple[bytes, bytes]]) -> None:
    """Nexios has no method for ASGI's ``websocket.http.response``, but lets it through."""
    headers = [(b"content-type", b"application/json"), *headers]
    await ws.send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await ws.send({"type": "websocket.http.response.body", "body": json.dumps(body).encode()})


# A heartbeat of messages, which scripts in a browser can see, other than pings


@app.ws_route("/heartbeat")
async def heartbeat(ws: WebSocket) -> None:
    every = float(ws.query_params.get("every", "20"))
    within = float(ws.query_params.get("within", "10"))
    await ws.accept()
    number = 0
    try:
        while True:
            number += 1
            await ws.send_json({"ping": number})
            async with asyncio.timeout(within):
                while await ws.receive_json() != {"pong": number}:
                    pass
            await asyncio.sleep(every)
    except TimeoutError:
        await ws.close(4408, "no pong")
    except WebSocketDisconnect as gone:
        print(f"heartbeat disconnected with {gone.code} {gone.reason}")
