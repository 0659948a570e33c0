"""Another implementation's server, websockets', for clients to connect to."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from .processes import TIMEOUT


class OtherEnd:
    """A server whose connections are handed to the test, which does the talking.

    It knows the subprotocol ``chat.v2``, sends the field ``x-token`` back, and refuses
    ``/reject`` with status 403, field ``x-why: closed`` and body ``no entry``.
    """

    def __init__(self) -> None:
        self._connections: queue.Queue[ServerConnection] = queue.Queue()
        self._finished = threading.Event()
        self._server = serve(
            self._handle,
            "127.0.0.1",
            0,
            select_subprotocol=self._select_subprotocol,
            process_request=self._refuse,
            process_response=self._return_token,
            ping_interval=None,
        )
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _handle(self, connection: ServerConnection) -> None:
        self._connections.put(connection)
        # When this returns, the connection is closed.
        self._finished.wait()

    def _select_subprotocol(
        self, _connection: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        return Subprotocol("chat.v2") if "chat.v2" in offered else None

    def _refuse(self, _connection: ServerConnection, request: Request) -> Response | None:
        if request.path != "/reject":
            return None
        body = b"no entry"
        fields = Headers({"X-Why": "closed", "Content-Length": str(len(body))})
        return Response(403, "Forbidden", fields, body)

    def _return_token(
        self, _connection: ServerConnection, request: Request, response: Response
    ) -> None:
        response.headers["X-Token"] = request.headers.get("X-Token", "")

    def accept(self) -> ServerConnection:
        """The next connection, open."""
        return self._connections.get(timeout=TIMEOUT)

    def forget(self) -> None:
        """Leave out connections that no test has asked for."""
        while not self._connections.empty():
            self._connections.get()

    def close(self) -> None:
        self._finished.set()
        self._server.shutdown()
        self._thread.join()
