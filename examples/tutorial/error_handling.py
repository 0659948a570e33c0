"""Asks a server something, and says what went wrong, if something did.

    python -m examples.tutorial.error_handling [URL] [--text "hello"]

All that can: the URL, the network, the certificate, a refusal, the connection's end. It exits
with 0 if there was an answer, else with 1.
"""

from __future__ import annotations

import ssl
import sys

from examples.transports.conversation import ConnectionClosed, Refused
from examples.transports.on_asyncio import connect
from wsproto_core import EndCause

from .running import client_options, close_when_stopped, run


async def ask(url: str, text: str) -> str:
    """What came of it, in words."""
    try:
        async with connect(url) as ws:
            close_when_stopped(ws)
            await ws.send(text)
            return f"answer: {await ws.recv()!s}"
    except ssl.SSLCertVerificationError as exc:  # an OSError and a ValueError: it comes first
        return f"certificate not trusted: {exc.verify_message}"
    except ValueError as exc:
        return f"bad URL: {exc}"
    except OSError as exc:
        return f"not reached: {exc}"
    except Refused as exc:  # a ConnectionClosed too
        return f"refused: {exc.response.status_code}, {exc.body.decode(errors='replace')!r}"
    except ConnectionClosed as exc:
        return explain(exc)


def explain(closed: ConnectionClosed) -> str:
    end = closed.end
    match end.cause:
        case EndCause.CLOSED if end.code == 1000:
            return "closed normally, without an answer"
        case EndCause.CLOSED if end.code == 1011:
            return f"the server has failed: {end.reason or 'it does not say why'}"
        case EndCause.CLOSED:
            return f"closed: {end.code} {end.reason}".rstrip()
        case EndCause.LOST:
            return "lost: the connection broke off without a word"
        case _:  # this end had enough: the server was silent, or broke the protocol
            return f"{end.cause.value}: {end.error}"


async def main(url: str, text: str) -> None:
    outcome = await ask(url, text)
    print(outcome, flush=True)
    if not outcome.startswith("answer: "):
        sys.exit(1)


if __name__ == "__main__":
    parser = client_options(__doc__)
    parser.add_argument("--text", default="hello")
    arguments = parser.parse_args()
    run(main(arguments.url, arguments.text))
