"""A chat among all who are connected.

    python -m examples.tutorial.chat_server [--host 127.0.0.1] [--port 8765]

What one says, as text, all *others* are sent, behind its name, which the server gives. They are
also told who comes and who leaves, in whatever way. Nobody waits for anybody: who reads too
slowly to keep up is closed with 1008 by its session, once ``max_output`` waits for it.
"""

from __future__ import annotations

from itertools import count

from examples.transports.on_asyncio import serve
from examples.transports.websocket import WebSocket
from wsproto_core import PreparedMessage, SessionConfig
from wsproto_core.frame_protocol import CloseReason

from .running import forever, run, server_options

CONFIG = SessionConfig(max_output=1024 * 1024)


class Room:
    def __init__(self) -> None:
        self.members: dict[WebSocket, str] = {}
        self.names = (f"guest-{number}" for number in count(1))

    async def enter(self, ws: WebSocket) -> None:
        """The handler: one that is here, from its coming to its leaving."""
        name = next(self.names)
        await ws.send(f"* you are {name}; here: {', '.join(self.members.values()) or 'nobody'}")
        self.members[ws] = name
        self.tell_others(ws, f"* {name} has come")
        try:
            async for message in ws:
                if isinstance(message, bytes):
                    await ws.close(CloseReason.UNSUPPORTED_DATA, "text only, please")
                else:
                    self.tell_others(ws, f"{name}: {message}")
        finally:
            del self.members[ws]
            self.tell_others(ws, f"* {name} has left")

    def tell_others(self, sender: WebSocket, text: str) -> None:
        message = PreparedMessage(text)  # encoded once, for all of them
        for ws in self.members:
            if ws is not sender:
                ws.try_send(message)


async def main(host: str, port: int) -> None:
    async with serve(Room().enter, host, port, config=CONFIG) as server:
        print(f"ws://{host}:{server.port}/", flush=True)
        await forever()


if __name__ == "__main__":
    arguments = server_options(__doc__).parse_args()
    run(main(arguments.host, arguments.port))
