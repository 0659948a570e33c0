"""The example's class as its users may derive from it: with short times, and looked into."""

from __future__ import annotations

from typing import Any, ClassVar

from uvicorn.server import ServerState

from examples.uvicorn_ws import WebSocketProtocol
from wsproto_core import SessionConfig


class Hurried(WebSocketProtocol):
    """It waits neither long for the application nor for the client."""

    policy = SessionConfig(handshake_timeout=0.3, close_timeout=0.3)


class Watched(WebSocketProtocol):
    """It lets the application see what uvicorn shares with its protocols."""

    server_state: ServerState
    seen: ClassVar[list[ServerState]] = []

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.seen[:] = [self.server_state]
