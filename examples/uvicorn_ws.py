"""WebSockets for uvicorn: ``--ws examples.uvicorn_ws:WebSocketProtocol``; 10 s to accept in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast
from urllib.parse import unquote

from uvicorn import Config
from uvicorn.protocols import utils
from uvicorn.server import ServerState, logger

import wsproto_core as ws
from wsproto_core import events as ev


class WebSocketProtocol(asyncio.Protocol):
    policy = ws.SessionConfig(handshake_timeout=10.0, close_timeout=5.0)  # beyond uvicorn's options

    def __init__(self, config: Config, server_state: ServerState, app_state: Any) -> None:
        self.config, self.server_state, self.app_state = config, server_state, app_state
        self.loop = asyncio.get_running_loop()
        size = config.ws_max_size
        policy = replace(
            self.policy,
            limits=ws.Limits(max_message_size=size, max_frame_size=2 * size),  # deflating may add
            ping_interval=config.ws_ping_interval or None,
            ping_timeout=config.ws_ping_timeout or None,
        )
        self.session = ws.Session(ws.ConnectionType.SERVER, now=self.loop.time(), config=policy)
        self.timer, self.due = self.loop.call_soon(self.time_is_up), cast("float | None", None)
        self.request, self.full = b"", False
        self.messages: asyncio.Queue[Any] = asyncio.Queue()  # for the application
        self.disconnect: dict[str, Any] | None = None  # the last of them

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.flow = cast("Any", transport).get_protocol().flow  # it may have been paused already
        self.server_state.connections.add(cast("Any", self))

    def data_received(self, data: bytes) -> None:
        if not self.request:
            self.request = data  # put together anew by uvicorn
            h11 = getattr(self.transport.get_protocol(), "conn", None)
            data += h11.trailing_data[0] if h11 else b""  # httptools drops what is behind
        self.session.receive_data(data, self.loop.time())
        self.step()

    def eof_received(self) -> None:
        self.data_received(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.connections.discard(cast("Any", self))
        self.session.transport_lost(self.loop.time())
        self.flow.resume_writing()
        self.step()

    def pause_writing(self) -> None:
        self.flow.pause_writing()

    def resume_writing(self) -> None:
        self.flow.resume_writing()
        self.loop.call_soon(self.step)  # asyncio does not expect to be told to close in here

    def time_is_up(self) -> None:
        self.due = None
        self.session.handle_timer(self.loop.time())
        self.step()

    def shutdown(self, code: int = 1012) -> None:
        if self.session.state is ws.ConnectionState.OPEN:
            self.end(code, "")
        self.session.close(self.loop.time(), code)  # if it is not open yet: refused with 503
        self.step()

    def end(self, code: int, reason: str) -> None:
        self.disconnect = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self.messages.put_nowait(self.disconnect)
        self.full = False
        self.flow.resume_writing()  # nobody is to wait in send() until the transport has ended

    def step(self) -> None:
        """Take what has happened, and do with the transport and with time what comes of it."""
        session, transport, flow, event = self.session, self.transport, self.flow, None
        for event in () if self.full else session.events():
            if isinstance(event, ev.Message) and self.disconnect is None:
                kind = "text" if type(event) is ev.TextMessage else "bytes"
                self.messages.put_nowait({"type": "websocket.receive", kind: event.data})
                if len(event.data) > 4096 or self.messages.qsize() >= self.config.ws_max_queue:
                    self.full = True  # a long one is enough to hold, or some short ones
                    break
            elif isinstance(event, ev.Request):
                self.messages.put_nowait({"type": "websocket.connect"})
                self.server_state.tasks.add(task := self.loop.create_task(self.run(event)))
                task.add_done_callback(self.server_state.tasks.discard)
            elif isinstance(event, ws.SessionEnded) and self.disconnect is None:
                code = event.code_received or event.code_sent or event.code
                self.end(code, event.reason or str(event.error or ""))
        unchanged = isinstance(event, ev.Message) and session.deadline == self.due
        if unchanged and not (self.full or flow.read_paused or session.output_pending):
            return  # nothing but messages
        if not flow.write_paused and (data := session.data_to_send()):
            transport.write(data)
        action, due = session.transport, session.deadline
        if action is ws.TransportAction.ABORT:
            transport.abort()
        elif not transport.is_closing():
            (flow.pause_reading if session.reading_paused else flow.resume_reading)()
            if action is ws.TransportAction.END_WRITING and transport.can_write_eof():
                transport.write_eof()
            elif action is not ws.TransportAction.KEEP:
                transport.close()
        if due != self.due:
            self.due = due
            self.timer.cancel()
            if due is not None:
                self.timer = self.loop.call_at(due, self.time_is_up)

    async def run(self, request: ev.Request) -> None:
        line, *fields = self.request.removesuffix(b"\r\n\r\n").split(b"\r\n")
        raw_path, _, query_string = line.split(b" ")[1].partition(b"?")
        self.scope: Any = {
            "type": "websocket",
            "asgi": {"version": self.config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if utils.is_ssl(self.transport) else "ws",
            "server": utils.get_local_addr(self.transport),
            "client": utils.get_remote_addr(self.transport),
            "root_path": self.config.root_path,
            "path": self.config.root_path + unquote(raw_path.decode("latin-1")),
            "raw_path": self.config.root_path.encode("ascii") + raw_path,
            "query_string": query_string,
            "headers": [tuple(field.split(b": ", 1)) for field in fields],
            "subprotocols": request.subprotocols,
            "state": self.app_state.copy(),
            "extensions": {"websocket.http.response": {}},
        }
        code = 1000
        try:
            await self.config.loaded_app(self.scope, self.receive, self.send)
        except utils.ClientDisconnected:
            pass
        except BaseException:
            logger.exception("Exception in ASGI application\n")
            code = 1011
        if self.session.state is ws.ConnectionState.CONNECTING:
            if code == 1000:
                logger.error("ASGI callable returned without completing handshake.")
            self.session.send(self.event({"status": 500}, "http.response.start"), self.loop.time())
            self.session.send(ev.RejectData(b"Internal Server Error"), self.loop.time())
        self.shutdown(code)

    async def receive(self) -> Any:
        message = await self.messages.get()
        if self.full and self.messages.empty():
            self.full = False
            self.loop.call_soon(self.step)  # and others have their turn
        if message is self.disconnect:
            self.messages.put_nowait(message)  # whoever asks again is told again
        return message

    async def send(self, message: Any) -> None:
        while self.flow.write_paused and self.disconnect is None:
            await self.flow.drain()
        if self.disconnect is not None or self.transport.is_closing():
            raise utils.ClientDisconnected
        try:
            event = self.event(message, message["type"].removeprefix("websocket."))
            self.session.send(event, self.loop.time())
        except ws.LocalProtocolError as exc:
            raise RuntimeError(f"Unexpected ASGI message '{message['type']}': {exc}") from exc
        if isinstance(event, ev.Message):
            self.transport.write(self.session.data_to_send())
            return
        if isinstance(event, ev.CloseConnection):
            self.end(event.code, event.reason or "")
        elif isinstance(event, ev.AcceptConnection | ev.RejectConnection):
            who = utils.get_client_addr(self.scope), utils.get_path_with_query_string(self.scope)
            logger.info('%s - "WebSocket %s" %s', *who, getattr(event, "status_code", "[accepted]"))
        self.step()

    def event(self, message: Any, kind: str) -> ev.Event:
        if kind == "send":
            data = message.get("bytes")
            return ev.TextMessage(message["text"]) if data is None else ev.BytesMessage(data)
        headers = [*self.server_state.default_headers, *message.get("headers", ())]
        if kind == "accept":
            deflate = ws.extensions.PerMessageDeflate(False, 12, False, 12, memory_level=5)
            extensions = [deflate] if self.config.ws_per_message_deflate else []
            return ev.AcceptConnection(message.get("subprotocol") or None, extensions, headers)
        if kind == "http.response.start" and 100 <= message["status"] < 600:
            return ev.RejectConnection(message["status"], headers, has_body=True)
        if kind == "http.response.body":
            return ev.RejectData(message.get("body", b""), not message.get("more_body", False))
        if kind == "close" and self.session.state is ws.ConnectionState.CONNECTING:
            return ev.RejectConnection(403, headers)
        if kind == "close":
            return ev.CloseConnection(message.get("code") or 1000, message.get("reason"))
        raise ws.LocalProtocolError("there is no such message")
