"""A server put together from handlers, one for each type of message.

    python -m examples.tutorial.modular_server [--host 127.0.0.1] [--port 8765]

Messages are JSON, ``{"type": ..., ...}``. What a handler returns is the answer; what it cannot
take is answered with ``{"type": "error", "text": ...}``, and the connection stays. A handler that
fails is this program's fault: it is logged, and closes that connection with 1011.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from examples.transports.on_asyncio import serve
from examples.transports.websocket import WebSocket

from .running import forever, run, server_options

Fields = dict[str, Any]
MessageHandler = Callable[[WebSocket, Fields], Awaitable[Fields]]


class BadMessageError(Exception):
    """The peer's message is not what a handler takes."""


class ModularServer:
    def __init__(self) -> None:
        self.handlers: dict[str, MessageHandler] = {}
        self.connected: set[WebSocket] = set()

    def on(self, kind: str) -> Callable[[MessageHandler], MessageHandler]:
        """Decorates the handler for messages of this type."""

        def register(handler: MessageHandler) -> MessageHandler:
            self.handlers[kind] = handler
            return handler

        return register

    async def handle(self, ws: WebSocket) -> None:
        self.connected.add(ws)
        try:
            async for message in ws:
                try:
                    answer = await self.answer(ws, message)
                except BadMessageError as exc:
                    answer = {"type": "error", "text": str(exc)}
                await ws.send(json.dumps(answer))
        finally:
            self.connected.discard(ws)

    async def answer(self, ws: WebSocket, message: str | bytes) -> Fields:
        try:
            fields = json.loads(message)
        except (ValueError, RecursionError):  # the latter for 10,000 opening brackets
            raise BadMessageError("expected JSON") from None
        if not isinstance(fields, dict) or not isinstance(fields.get("type"), str):
            raise BadMessageError('expected {"type": ...}')
        handler = self.handlers.get(fields["type"])
        if handler is None:
            raise BadMessageError(f"expected a type of {', '.join(self.handlers)}")
        return await handler(ws, fields)


server = ModularServer()


@server.on("echo")
async def echo(_ws: WebSocket, fields: Fields) -> Fields:
    return fields


@server.on("add")
async def add(_ws: WebSocket, fields: Fields) -> Fields:
    numbers = fields.get("numbers")
    if not isinstance(numbers, list) or not all(isinstance(n, int) for n in numbers):
        raise BadMessageError("expected integers as numbers")
    return {"type": "sum", "sum": sum(numbers)}


@server.on("divide")
async def divide(_ws: WebSocket, fields: Fields) -> Fields:
    # Not looked at before: such a mistake costs one connection, and not the server.
    return {"type": "quotient", "quotient": fields["of"] / fields["by"]}


@server.on("count")
async def count(_ws: WebSocket, _fields: Fields) -> Fields:
    return {"type": "count", "connected": len(server.connected)}


async def main(host: str, port: int) -> None:
    async with serve(server.handle, host, port) as serving:
        print(f"ws://{host}:{serving.port}/", flush=True)
        await forever()


if __name__ == "__main__":
    arguments = server_options(__doc__).parse_args()
    run(main(arguments.host, arguments.port))
