"""A server that acknowledges messages, and can be made to die among them; on websockets.

    python acknowledging_server.py PORT FILE DIE_AFTER

Writes the id of each message into FILE, then acknowledges it. Behind that many it kills itself
in between, so that the last one was taken, and not acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve


async def main(port: int, file: Path, die_after: int) -> None:
    taken = 0

    async def handle(connection: ServerConnection) -> None:
        nonlocal taken
        async for message in connection:
            number = json.loads(message)["id"]
            with file.open("a", encoding="utf-8") as out:
                out.write(f"{number}\n")
            taken += 1
            if taken == die_after:
                os.kill(os.getpid(), signal.SIGKILL)
            await connection.send(json.dumps({"ack": number}))

    async with serve(handle, "127.0.0.1", port) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
