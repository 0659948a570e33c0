"""Sends a name, and prints what the server says to it.

python -m examples.tutorial.hello_client [URL] [--name NAME]
"""

from __future__ import annotations

from examples.transports.on_asyncio import connect

from .running import client_options, close_when_stopped, run


async def main(url: str, name: str) -> None:
    async with connect(url) as ws:
        close_when_stopped(ws)
        await ws.send(name)
        print(f"> {name}", flush=True)
        print(f"< {await ws.recv()!s}", flush=True)


if __name__ == "__main__":
    parser = client_options(__doc__)
    parser.add_argument("--name", default="world")
    arguments = parser.parse_args()
    run(main(arguments.url, arguments.name))
