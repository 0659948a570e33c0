"""WebSockets with plain threads and sockets, without an event loop.

with connect("ws://127.0.0.1:8000/chat") as ws:
    ws.send("Hello!")
    print(ws.recv(timeout=5))

with serve(handler, port=8000) as server:
    ...

A connection may be used from any number of threads. It has one of its own, which reads, writes
what could not be written at once, and keeps the session's time while nobody calls. A server has
one more for each handler, and one that accepts.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from ssl import SSLContext, SSLSocket, SSLWantReadError, SSLWantWriteError, create_default_context
from threading import Thread, current_thread
from time import monotonic, sleep

from wsproto_core import ConnectionType, Session, SessionConfig, TransportAction
from wsproto_core.frame_protocol import CloseReason

from .blocking import BlockingWebSocket, Handler
from .conversation import CONFIG, Accept, Address, Conversation, accept, logger

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
ABORT = TransportAction.ABORT


class SocketWebSocket(BlockingWebSocket):
    """A session on a socket, and the thread that serves it."""

    def __init__(self, session: Session, sock: socket.socket, accept: Accept = accept) -> None:
        super().__init__(Conversation(session, monotonic, accept))
        self.socket = sock
        self.socket.setblocking(False)
        self.unsent = memoryview(b"")
        self.read_all = self.half_closed = self.broken = False
        # What reading and writing wait for: with TLS, reading can wait for writing.
        self.reading_needs, self.writing_needs = READ, WRITE
        self.planned: tuple[int, float | None, bool] | None = None
        self.waker, self.woken = socket.socketpair()
        self.woken.setblocking(False)
        self.waker.setblocking(False)
        self.thread = Thread(target=self._carry, name="WebSocket")

    def step(self) -> None:
        """Take the events, write what the socket takes, and wake who waits."""
        self.conversation.take_events()
        self._write()
        if self.plan() != self.planned and current_thread() is not self.thread:
            with suppress(OSError):  # it has been woken already, or needs no waking any more
                self.waker.send(b"!")
        self.changed.notify_all()

    # The transport

    def plan(self) -> tuple[int, float | None, bool]:
        """For what the thread waits: the socket, a time; and whether it has finished."""
        reading = 0 if self.read_all or self.session.reading_paused else self.reading_needs
        writing = self.writing_needs if self.unsent and not self.broken else 0
        action = self.session.transport
        finished = action is ABORT or (action is TransportAction.CLOSE and not self.unsent)
        return reading | writing, self.session.deadline, finished

    def _carry(self) -> None:
        """The thread: sees the socket to its end."""
        with self.changed, selectors.DefaultSelector() as selector:
            selector.register(self.woken, READ)
            try:
                self._carry_with(selector)
            finally:
                self._close()
                self.changed.notify_all()

    def _carry_with(self, selector: selectors.BaseSelector) -> None:
        ready, waiting = READ, 0
        while True:
            if ready & self.reading_needs:
                self._read()
            self.step()
            self.planned = wanted, deadline, finished = self.plan()
            if finished:
                return
            if wanted != waiting:
                if waiting:
                    selector.unregister(self.socket)
                if wanted:
                    selector.register(self.socket, wanted)
                waiting = wanted
            if wanted & self.reading_needs and self._pending():
                ready = self.reading_needs  # TLS has read more than it has given
            else:
                ready = self._wait(selector, deadline)
            if deadline is not None and monotonic() >= deadline:
                self.session.handle_timer(monotonic())

    def _pending(self) -> bool:
        return isinstance(self.socket, SSLSocket) and self.socket.pending() > 0

    def _wait(self, selector: selectors.BaseSelector, deadline: float | None) -> int:
        """Wait, without the lock. Returns what the socket is ready for."""
        timeout = None if deadline is None else deadline - monotonic()
        self.changed.release()
        try:
            found = {key.fileobj: events for key, events in selector.select(timeout)}
        finally:
            self.changed.acquire()
        if self.woken in found:
            self.woken.recv(65536)
        return found.get(self.socket, 0)

    def _read(self) -> None:
        if self.read_all or self.session.reading_paused:
            return
        try:
            data = self.socket.recv(65536)
        except (BlockingIOError, SSLWantReadError):
            self.reading_needs = READ
        except SSLWantWriteError:
            self.reading_needs = WRITE
        except OSError:
            self.session.transport_lost(monotonic())
        else:
            self.reading_needs = READ
            self.read_all = not data
            self.session.receive_data(data, monotonic())

    def _write(self) -> None:
        """Write what the socket takes; what it does not, stays in the session."""
        try:
            while not self.broken:
                # What TLS could not write, it wants again as it was.
                if not (data := self.unsent or memoryview(self.session.data_to_send(65536))):
                    break
                self.unsent = data
                self.unsent = data[self.socket.send(data) :]
            if self.session.transport is TransportAction.END_WRITING and not self.half_closed:
                self.half_closed = True
                self._end_tls()
                self.socket.shutdown(socket.SHUT_WR)
        except (BlockingIOError, SSLWantWriteError):
            self.writing_needs = WRITE
        except SSLWantReadError:
            self.writing_needs = READ
        except OSError:
            self.broken = True
        # What the peer has sent before it went can still be read, unless nobody does.
        if self.broken and (self.read_all or self.session.reading_paused):
            self.session.transport_lost(monotonic())
            self.conversation.take_events()

    def _end_tls(self) -> None:
        """Say that no more follows; what still comes is of no use, encrypted or not."""
        if isinstance(self.socket, SSLSocket):
            with suppress(OSError):
                self.socket.unwrap()

    def _close(self) -> None:
        if self.session.transport is not ABORT and not self.half_closed:
            self._end_tls()
        for each in (self.socket, self.waker, self.woken):
            each.close()
        self.broken = True
        self.gone = True
        self.session.transport_lost(monotonic())
        self.conversation.take_events()


def _open_socket(address: Address, ssl: SSLContext | None, timeout: float | None) -> socket.socket:
    until = None if timeout is None else monotonic() + timeout
    sock = socket.create_connection((address.host, address.port), timeout)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not address.secure:
            return sock
        if until is not None:
            sock.settimeout(max(until - monotonic(), 0.001))
        return (ssl or create_default_context()).wrap_socket(sock, server_hostname=address.host)
    except BaseException:
        sock.close()
        raise


@contextmanager
def connect(
    url: str,
    *,
    ssl: SSLContext | None = None,
    subprotocols: Sequence[str] = (),
    headers: Iterable[tuple[bytes, bytes]] = (),
    compress: bool = True,
    config: SessionConfig = CONFIG,
) -> Iterator[BlockingWebSocket]:
    """Open a connection to *url*, and close it in the end. Raises what ``on_asyncio`` does."""
    address = Address.parse(url)
    session = Session(ConnectionType.CLIENT, now=monotonic(), config=config)
    sock = _open_socket(address, ssl, config.handshake_timeout)
    ws = SocketWebSocket(session, sock)
    request = address.request(subprotocols=subprotocols, headers=headers, compress=compress)
    code = CloseReason.GOING_AWAY  # for Ctrl-C
    ws.thread.start()
    try:
        with ws.changed:
            session.send(request, monotonic())
            ws.step()
            ws.wait_until(ws.conversation.opened)
        yield ws
        code = CloseReason.NORMAL_CLOSURE
    except Exception:
        code = CloseReason.INTERNAL_ERROR
        raise
    finally:
        ws.close(code)
        ws.thread.join()


class Server:
    """A listening socket, its connections, and the threads of their handlers."""

    def __init__(
        self,
        listening: socket.socket,
        handler: Handler,
        ssl: SSLContext | None,
        accept: Accept,
        config: SessionConfig,
    ) -> None:
        self.listening, self.port = listening, listening.getsockname()[1]
        self.listening.setblocking(False)
        self.handler, self.ssl, self.accept, self.config = handler, ssl, accept, config
        self.threads: dict[Thread, BlockingWebSocket] = {}
        self.waker, self.woken = socket.socketpair()
        self.thread = Thread(target=self._listen, name="WebSocket server")

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.listening, READ)
            selector.register(self.woken, READ)
            while not any(key.fileobj is self.woken for key, _ in selector.select()):
                try:
                    self._begin(self.listening.accept()[0])
                except BlockingIOError:  # it has gone already
                    pass
                except (OSError, RuntimeError):  # as many sockets or threads as may be
                    logger.exception("a connection was not accepted")
                    sleep(0.1)

    def _begin(self, sock: socket.socket) -> None:
        with ExitStack() as stack:
            stack.callback(sock.close)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.ssl is not None:  # the first reading does the handshake
                sock = self.ssl.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                stack.callback(sock.close)
            session = Session(ConnectionType.SERVER, now=monotonic(), config=self.config)
            ws = SocketWebSocket(session, sock, self.accept)
            ws.thread.start()
            stack.pop_all()
        thread = Thread(target=self._converse, args=(ws,), name="WebSocket handler")
        self.threads[thread] = ws
        try:
            thread.start()
        except RuntimeError:
            del self.threads[thread]
            ws.abort()
            raise

    def _converse(self, ws: SocketWebSocket) -> None:
        try:
            ws.run(self.handler)
        finally:
            if not ws.gone:
                ws.abort()
            ws.thread.join()
            del self.threads[current_thread()]

    def close(self) -> None:
        """Close all connections (1001), and see their threads to the end."""
        self.waker.send(b"!")
        self.thread.join()
        threads = dict(self.threads)
        for ws in threads.values():
            ws.start_closing(CloseReason.GOING_AWAY)
        for thread in threads:
            thread.join()
        for each in (self.waker, self.woken):
            each.close()


@contextmanager
def serve(
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ssl: SSLContext | None = None,
    accept: Accept = accept,
    config: SessionConfig = CONFIG,
) -> Iterator[Server]:
    """Serve until the end of the block, then close all connections (1001), and wait for their
    handlers: a thread cannot be cancelled.

    :param port: 0 takes any free one; ``server.port`` says which.
    :param accept: decides about each request, before *handler* is run. It should not take long.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=1024) as listening:
        server = Server(listening, handler, ssl, accept, config)
        server.thread.start()
        try:
            yield server
        finally:
            server.close()
