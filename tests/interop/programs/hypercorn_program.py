"""hypercorn, on wsproto: its server, with an ASGI application."""

from __future__ import annotations

import socket
from typing import Any, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from tests.interop.programs.observing import main, on_asyncio, says_port


async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Serve a connection."""
    say = cast("Any", send)
    if scope["type"] != "websocket":
        raise NotImplementedError(scope["type"])
    await receive()  # websocket.connect
    if scope["path"] == "/reject":
        await say({"type": "websocket.close"})  # before it was accepted: 403
        return
    await say({"type": "websocket.accept"})
    while (message := cast("Any", await receive()))["type"] == "websocket.receive":
        text, data = message.get("text"), message.get("bytes")
        if scope["path"] == "/close" and text is not None:
            code, _, reason = text.partition(" ")
            await say({"type": "websocket.close", "code": int(code), "reason": reason})
        else:
            await say({"type": "websocket.send", "text": text, "bytes": data})


async def run_server(port: int, deflate: bool) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "WARNING"
    says_port(listener.getsockname()[1])
    await serve(cast("Any", app), config)


if __name__ == "__main__":
    main(on_asyncio, run_server, None)
