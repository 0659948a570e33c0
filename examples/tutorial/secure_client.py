"""Says something to a server over TLS, whose certificate it has checked, and prints the answer.

    python -m examples.tutorial.secure_client [URL] [--authority FILE] [--text "hello"]

FILE holds the certificates that are trusted, PEM; by default those that the system trusts.
"""

from __future__ import annotations

import ssl
import sys

from examples.transports.on_asyncio import connect

from .running import client_options, close_when_stopped, run


async def main(url: str, authority: str | None, text: str) -> None:
    context = ssl.create_default_context(cafile=authority)
    try:
        async with connect(url, ssl=context) as ws:
            close_when_stopped(ws)
            await ws.send(text)
            print(await ws.recv(), flush=True)
    except ssl.SSLCertVerificationError as exc:
        sys.exit(f"not trusted: {exc.verify_message}")


if __name__ == "__main__":
    parser = client_options(__doc__, "wss://localhost:8765/")
    parser.add_argument("--authority", metavar="FILE")
    parser.add_argument("--text", default="hello")
    arguments = parser.parse_args()
    run(main(arguments.url, arguments.authority, arguments.text))
