"""An echo for each client, and a chat whose ConnectionManager broadcasts, on Ravyn 0.4.

    uvicorn examples.applications.ravyn_app:app --ws examples.uvicorn_ws:WebSocketProtocol

Three things differ from what Ravyn's guide leads one to expect. A handler's parameter must be
named ``socket``. The disconnect that is raised is that of ``lilya.websockets``; what ``ravyn``
exports is a subclass, which no ``except`` ever meets. And a handler's annotations must not be
strings: with ``from __future__ import annotations`` it is not seen to return None.
"""

from contextlib import suppress

from lilya.exceptions import WebSocketRuntimeError
from lilya.websockets import WebSocketDisconnect
from ravyn import Ravyn, WebSocket, WebSocketGateway, websocket


@websocket("/ws/{client_id}")
async def echo(socket: WebSocket, client_id: str) -> None:
    await socket.accept()
    try:
        while True:
            data = await socket.receive_text()
            await socket.send_text(f"Message from {client_id}: {data}")
    except WebSocketDisconnect as gone:
        print(f"{client_id} disconnected with {gone.code} {gone.reason}")


class ConnectionManager:
    def __init__(self) -> None:
        self.active_connections: list[WebSocket] = []

    async def connect(self, socket: WebSocket) -> None:
        await socket.accept()
        self.active_connections.append(socket)

    def disconnect(self, socket: WebSocket) -> None:
        self.active_connections.remove(socket)

    async def broadcast(self, message: str) -> None:
        # A copy, for others come and go while this waits for one that reads slowly.
        for connection in list(self.active_connections):
            # Who has gone is passed over; its own handler is told.
            with suppress(OSError, WebSocketRuntimeError):
                await connection.send_text(message)


manager = ConnectionManager()


@websocket("/chat/{client_id}")
async def chat(socket: WebSocket, client_id: str) -> None:
    await manager.connect(socket)
    try:
        while True:
            data = await socket.receive_text()
            await manager.broadcast(f"{client_id}: {data}")
    except WebSocketDisconnect as gone:
        print(f"{client_id} disconnected with {gone.code} {gone.reason}")
    finally:
        manager.disconnect(socket)
        await manager.broadcast(f"{client_id} has left")


@websocket("/private")
async def private(socket: WebSocket) -> None:
    """Closing before accepting refuses the handshake, with status 403."""
    if socket.headers.get("authorization") != "Bearer open-sesame":
        await socket.close(1008)
        return
    await socket.accept()
    await socket.send_text("welcome")
    await socket.close()


app = Ravyn(
    routes=[
        WebSocketGateway(handler=echo),
        WebSocketGateway(handler=chat),
        WebSocketGateway(handler=private),
    ]
)
