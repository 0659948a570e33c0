"""Runs a server, as ``python -m`` does, on an application that also tells its engine::

    applications_run examples.applications.ravyn_app uvicorn --port 0 ...

The application is left as it is written; ``/engine``, for ``servers.check_engine``, is
answered before it is asked.
"""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from types import FrameType, ModuleType
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


def telling_its_engine(app: App) -> App:
    async def outer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or scope["path"] != "/engine":
            await app(scope, receive, send)
            return
        adapter = parse_qs(scope["query_string"].decode())["of"][0]
        # hypercorn starts applications as tasks of their own, and has but one adapter.
        if "hypercorn" not in adapter and adapter not in callers():
            raise RuntimeError(f"{adapter} does not serve this, but {list(callers())}")
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": engine(adapter)})
        await receive()

    return outer


def engine(adapter: str) -> str:
    """A file of the engine from which *adapter*, a loaded module, has imported."""
    for value in vars(sys.modules[adapter]).values():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        if str(name).partition(".")[0] in ("wsproto", "wsproto_core"):
            return str(sys.modules[name].__file__)
    raise LookupError(f"{adapter} imports no engine")


def callers() -> Iterator[str]:
    """The modules of all functions that are running."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield frame.f_globals["__name__"]
        frame = frame.f_back


def main(arguments: list[str]) -> None:
    module = importlib.import_module(arguments[0])
    module.app = telling_its_engine(module.app)  # type: ignore[attr-defined]
    sys.argv = arguments[1:]
    runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
