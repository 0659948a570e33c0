"""What applications do, well and badly, each by its path; for any of uvicorn's adapters."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.integration.consumers import asgi_app
from tests.integration.consumers.asgi_app import Message, Receive, Send

released = asyncio.Event()


def tell(what: str, **more: object) -> None:
    print(what, json.dumps(more), flush=True)


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    name, _, argument = scope["path"].removeprefix(f"{scope['root_path']}/").partition("/")
    if f"/{name}" in ("/echo", "/greet", "/reject", "/deny", "/crash"):
        await asgi_app.app({**scope, "path": f"/{name}"}, receive, send)
        return
    await PATHS[name](scope, receive, send, argument)


async def lifespan(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    scope["state"]["shared"] = ["from lifespan"]
    await send({"type": "lifespan.startup.complete"})
    await receive()
    tell("lifespan shutdown")
    await send({"type": "lifespan.shutdown.complete"})


async def accept(receive: Receive, send: Send, **more: object) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send({"type": "websocket.accept", **more})


async def show_scope(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    await accept(receive, send)
    text = json.dumps(scope, default=lambda data: data.decode("latin-1"))
    scope["state"]["own"] = "of one connection"  # a copy: no other sees it
    await send({"type": "websocket.send", "text": text})
    await receive()


async def show_state(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    from tests.integration.consumers.uvicorn_ws_protocol import Watched

    await accept(receive, send)
    (state,) = Watched.seen
    while (await receive())["type"] == "websocket.receive":
        shown = {
            "connections": len(state.connections),
            "tasks": len(state.tasks),
            "total_requests": state.total_requests,
        }
        await send({"type": "websocket.send", "text": json.dumps(shown)})


async def ends(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Tell every end, as it is told by two calls."""
    await accept(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "close":
            await send({"type": "websocket.close", "code": 3000, "reason": "as asked"})
    again = await asyncio.wait_for(receive(), 5)
    tell("ended", id=argument, first=message, again=again)
    try:
        await send({"type": "websocket.send", "text": "too late"})
    except Exception as exc:
        names = [kind.__name__ for kind in type(exc).__mro__]
        tell("sent too late", id=argument, names=names, text=str(exc))
        raise


async def forgotten(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Wait for messages, without having accepted."""
    assert (await receive())["type"] == "websocket.connect"
    message = await receive()
    tell("not accepted", id=argument, message=message)
    try:
        await send({"type": "websocket.accept"})
    except OSError as exc:
        tell("accepted too late", id=argument, name=type(exc).__name__)
        raise


async def crash(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    await accept(receive, send)
    await receive()
    raise RuntimeError("crashed after accepting, as the test asks")


async def leave(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Return without a word, or after accepting."""
    if argument == "open":
        await accept(receive, send)


async def respond(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Refuse with a response, whose body comes in pieces."""
    await receive()
    start = {"type": "websocket.http.response.start", "status": int(argument)}
    await send({**start, "headers": [(b"x-more", b"1"), (b"x-more", b"2")]})
    piece = {"type": "websocket.http.response.body", "more_body": True}
    await send({**piece, "body": b"first,"})
    await released.wait()
    released.clear()
    for _ in range(32):
        await send({**piece, "body": bytes(64 * 1024)})
    await send({"type": "websocket.http.response.body"})
    tell("responded", message=await receive())


async def release(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    released.set()
    await send({"type": "websocket.close"})


async def unfinished(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    await receive()
    await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b"x", "more_body": True})


async def wrong(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Send what is not allowed when it is not, and go on."""

    async def refused(message: Message) -> None:
        try:
            await send(message)
        except RuntimeError as exc:
            faults.append(str(exc))
        else:
            faults.append(f"{message['type']} is allowed")

    faults: list[str] = []
    await refused({"type": "websocket.send", "text": "before accepting"})
    await refused({"type": "websocket.http.response.body", "body": b""})
    await refused({"type": "websocket.unheard-of"})
    await refused({"type": "websocket.http.response.start", "status": 700, "headers": []})
    await send({"type": "websocket.accept"})
    await refused({"type": "websocket.accept"})
    await refused({"type": "websocket.http.response.start", "status": 404, "headers": []})
    await refused({"type": "websocket.close", "code": 999})
    await refused({"type": "websocket.send", "text": "\ud800"})
    await send({"type": "websocket.send", "text": json.dumps(faults)})
    await send({"type": "websocket.close"})


async def hold(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Receive nothing until released; then everything."""
    await accept(receive, send)
    tell("holding")
    await released.wait()
    released.clear()
    count = size = 0
    while (message := await receive())["type"] == "websocket.receive":
        count += 1
        size += len(message["bytes"])
        if message["bytes"] == b"last":
            await send({"type": "websocket.send", "text": f"{count} {size}"})


async def late(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Accept when released, and echo once."""
    await receive()
    tell("asked", id=argument)
    await released.wait()
    released.clear()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": (await receive())["text"]})


async def flood(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Send without end, or until the client has said that it is enough."""
    await accept(receive, send)
    sent = 0
    enough = asyncio.ensure_future(receive())
    try:
        while not enough.done():
            await send({"type": "websocket.send", "bytes": sent.to_bytes(8) * 8 * 1024})
            sent += 1
            if argument == "tell":
                print(f"sent {sent}", flush=True)
            await asyncio.sleep(0)
        await send({"type": "websocket.send", "text": str(sent)})
    except OSError as exc:
        tell("gave up", sent=sent, name=type(exc).__name__)
    finally:
        enough.cancel()


async def linger(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Take a while to finish after the end."""
    await accept(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        pass
    await asyncio.sleep(0.4)
    tell("finished", message=message)


async def share(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Have several tasks receive, one of which is cancelled, and several send."""
    await accept(receive, send)
    impatient = asyncio.ensure_future(receive())
    patient = [asyncio.ensure_future(receive()) for _ in range(3)]
    await asyncio.sleep(0)
    impatient.cancel()
    await send({"type": "websocket.send", "text": "ready"})
    got = sorted(str(message["text"]) for message in await asyncio.gather(*patient))
    large = [{"type": "websocket.send", "text": text * 200_000} for text in got]
    await asyncio.gather(*map(send, large))
    await receive()


async def deaf(scope: Message, receive: Receive, send: Send, argument: str) -> None:
    """Send now and then, and never receive: the end is noticed all the same."""
    await accept(receive, send)
    try:
        while True:
            await send({"type": "websocket.send", "text": "tick"})
            await asyncio.sleep(0.02)
    except OSError as exc:
        tell("noticed", name=type(exc).__name__)


PATHS: dict[str, Any] = {
    "scope": show_scope,
    "state": show_state,
    "ends": ends,
    "forgotten": forgotten,
    "crashing": crash,
    "leave": leave,
    "respond": respond,
    "release": release,
    "unfinished": unfinished,
    "wrong": wrong,
    "hold": hold,
    "late": late,
    "flood": flood,
    "linger": linger,
    "share": share,
    "deaf": deaf,
}
