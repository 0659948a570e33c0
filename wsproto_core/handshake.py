"""The opening handshake over HTTP/1.1, in bytes (RFC 6455 §4).

Owns where a head ends and what follows it. A head is collected first, within its limit
whatever the chunking, and only then parsed: by ``http_head`` if it is entirely ordinary, else
by h11, which also writes refusals. Bytes behind a head never reach h11, unless they are the
body of a refusal. What the fields mean is judged in ``negotiation``.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from os import urandom
from typing import Final
from urllib.parse import quote

import h11

from .connection import Connection
from .errors import LimitExceeded, LocalProtocolError, RemoteProtocolError
from .events import AcceptConnection, Event, RejectConnection, RejectData, Request
from .header_fields import is_target
from .hosts import origin_allowed, same_origin
from .http_head import read_request_head, read_switching_head
from .limits import DEFAULT_LIMITS, Limits
from .masking import EntropySource
from .negotiation import (
    WEBSOCKET_VERSION,
    ConnectionFactory,
    Fields,
    Response,
    client_extensions_handshake,
    encode_target,
    oversize,
    refusal,
    server_extensions_handshake,
)
from .states import TRANSITIONS, ConnectionState, ConnectionType, Input
from .typing import Headers
from .upgrade import UpgradeClient, UpgradeServer

# Of a request target that was decoded before it came here (ASGI's path), what may stay.
_TARGET_SAFE: Final = "/?:@!$&'()*+,;=-._~%[]"


_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")

# For h11, in place of a request that came without its bytes.
_ANY_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: -\r\n\r\n"

# Digits of the longest Content-Length: beyond, int() would take long, and then refuse.
_MOST_DIGITS: Final = 18


class _Head:
    """Collects the head of an HTTP message: linear, whatever the chunking."""

    __slots__ = ("_begun", "_searched", "buffer")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._searched = 0
        # RFC 9112 §2.2: a server "SHOULD ignore at least one empty line (CRLF) received prior
        # to the request-line".
        self._begun = False

    def skip_empty_line(self) -> bool:
        """Drop an empty line at the very beginning, but not a second one; False if it cannot
        be told yet whether there is one.
        """
        if self._begun or not self.buffer:
            return True
        if self.buffer == b"\r":
            return False
        self._begun = True
        if self.buffer.startswith(b"\r\n"):
            del self.buffer[:2]
        return True

    def take(self) -> bytes | None:
        """Remove the head from the buffer, if it is there in full.

        It ends with an empty line; a bare LF ends a line too (RFC 9112 §2.2), which is
        how h11 reads it.
        """
        end = _END_OF_HEAD.search(self.buffer, self._searched)
        if end is None:
            self._searched = max(0, len(self.buffer) - 2)
            return None
        head = bytes(self.buffer[: end.end()])
        del self.buffer[: len(head)]
        self._searched = 0
        return head


class H11Handshake:
    """One end of an opening handshake over HTTP/1.1.

    A part of :class:`~wsproto_core.WSConnection`, and of use without it where the
    connection is to be taken from :attr:`connection` and driven by itself.

    :param connection_type: which end.
    :param limits: for the head's size and number of fields, and for what follows a
        request before it is accepted.
    :param entropy: where a client's nonce comes from.
    :param connection_factory: makes the connection: ``functools.partial(Connection, ...)``.
    :param refusals_are_final: a server ends the transport after a refusal, and says so in
        it: ``Connection: close`` (RFC 9112 §9.6).
    """

    def __init__(
        self,
        connection_type: ConnectionType,
        *,
        limits: Limits = DEFAULT_LIMITS,
        entropy: EntropySource = urandom,
        connection_factory: ConnectionFactory = Connection,
        refusals_are_final: bool = False,
    ) -> None:
        #: True in a client, False in a server.
        self.client = connection_type is ConnectionType.CLIENT
        self._limits = limits
        self._refusals_are_final = refusals_are_final
        self._state = ConnectionState.CONNECTING
        # None while there are none: an open connection is not to hold even an empty deque.
        self._events: deque[Event] | None = None
        self._connection: Connection | None = None
        self._head = _Head()
        self._h11: h11.Connection | None = None
        # The request that h11 is shown if it comes to a rejection, whose body it frames by
        # it, unless h11 has read that of the peer.
        self._request_for_h11 = _ANY_REQUEST
        self._end: UpgradeServer | UpgradeClient | None
        # Whether a server has been sent a bad request: nothing more is read of it.
        self._refused = False
        # Of a rejection's body with a Content-Length, the bytes that are still to be sent;
        # and whether it is not sent at all, because the request was a HEAD.
        self._body_left: int | None = None
        self._body_unwanted = False
        self._eof = False
        if self.client:
            self._end = UpgradeClient(connection_factory=connection_factory, entropy=entropy)
        else:
            self._end = UpgradeServer(connection_factory=connection_factory, limits=limits)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(client={self.client}, state={self.state})"

    @property
    def state(self) -> ConnectionState:
        """``CONNECTING``, ``REJECTING``, ``CLOSED`` or ``OPEN``."""
        return self._state

    @property
    def connection(self) -> Connection | None:
        """The connection, once the handshake has succeeded, else None."""
        return self._connection

    @property
    def pending(self) -> bool:
        """Whether :meth:`events` has any to give."""
        return bool(self._events)

    def initiate_upgrade_connection(
        self,
        headers: Iterable[tuple[bytes | str, bytes | str]],
        path: bytes | str,
        *,
        method: bytes = b"GET",
        http_version: bytes = b"1.1",
    ) -> None:
        """Server: take a request that an HTTP server has parsed already.

        :param headers: the request's fields; those of type str are taken as Latin-1.
        :param path: its target. Characters that a target cannot have, as in ASGI's
            decoded path, are percent-encoded.
        :param method: its method, as sent.
        :param http_version: its version of HTTP, as ``b"1.1"``.

        Raises :exc:`~wsproto_core.RemoteProtocolError` as :meth:`receive_data` does, and
        :exc:`~wsproto_core.LocalProtocolError` in a client or for a second request.
        """
        server = self._end
        if not isinstance(server, UpgradeServer):
            raise LocalProtocolError("only a server that waits for one can be given a request")
        if self._refused:
            raise LocalProtocolError("a handshake takes one request")
        self._require(Input.RECEIVE_REQUEST)
        target = path.encode("utf-8", "replace") if isinstance(path, str) else path
        if not is_target(target):
            target = quote(target, safe=_TARGET_SAFE).encode()
        fields = [(_from_latin_1(name), _from_latin_1(value)) for name, value in headers]
        self._take_request(server, fields, target, method, http_version)

    def send(self, event: Event) -> bytes:
        """Give the bytes to send for *event*.

        :param event: in a client ``Request``; in a server ``AcceptConnection`` or
            ``RejectConnection``, and ``RejectData`` after one that ``has_body``.

        Raises :exc:`~wsproto_core.LocalProtocolError`, and changes nothing, if the event
        is not allowed in the state, or has content that HTTP does not allow.
        """
        end = self._end
        if isinstance(end, UpgradeClient) and isinstance(event, Request):
            return self._send_request(end, event)
        if isinstance(end, UpgradeServer):
            if isinstance(event, AcceptConnection):
                return self._send_accept(end, event)
            if isinstance(event, RejectConnection):
                return self._send_reject(end, event)
            if isinstance(event, RejectData):
                return self._send_reject_data(event)
        role = "client" if self.client else "server"
        raise LocalProtocolError(
            f"a {role} cannot send {type(event).__name__} in its opening handshake"
        )

    def receive_data(self, data: bytes | None) -> None:
        """Take bytes from the peer, or None for the end of the transport.

        Take :meth:`events` afterwards. In a server, bytes behind the request are kept
        for the connection; in a client, it gets those behind the 101 at once.

        Raises :exc:`~wsproto_core.RemoteProtocolError` for a bad request, whose
        ``event_hint`` a server should send; for a bad response; and for a transport
        that ends within either. What follows is discarded.
        """
        if self._connection is not None:
            self._connection.receive_data(data)
            return
        if data is None:
            self._eof = True
        elif self._eof:
            raise LocalProtocolError("cannot receive data after the end of the transport")
        elif self._state is not ConnectionState.CLOSED and not self._refused:
            self._head.buffer += data
        end = self._end
        if isinstance(end, UpgradeServer):
            self._read_request(end)
        else:
            assert end is not None  # it is dropped when the connection is made
            self._read_response(end)

    def events(self) -> Iterator[Event]:
        """Give the events that have arrived, in order; the rest stays for the next call."""
        while self._events:
            event = self._events.popleft()
            if not self._events:
                self._events = None
            yield event

    def _give(self, event: Event) -> None:
        if self._events is None:
            self._events = deque()
        self._events.append(event)

    def _advance(self, event: Input) -> None:
        self._state = TRANSITIONS[self._state, event]

    def _require(self, event: Input) -> ConnectionState:
        following = TRANSITIONS.get((self._state, event))
        if following is None:
            raise LocalProtocolError(f"cannot {event.value} in state {self._state.name}")
        return following

    def _open(self, connection: Connection | None) -> None:
        """Hand over to the connection, with what came behind the handshake."""
        assert connection is not None
        self._connection = connection
        if self._head.buffer:
            connection.receive_data(bytes(self._head.buffer))
        if self._eof:
            connection.receive_data(None)
        # An open connection keeps nothing of its handshake.
        self._head.buffer.clear()
        self._h11 = self._end = None
        self._request_for_h11 = _ANY_REQUEST

    def _parse(self, h11_connection: h11.Connection, data: bytes) -> h11.Event:
        """Have h11 read a whole head. Raises :exc:`RemoteProtocolError`."""
        h11_connection.receive_data(data)
        event = _next_event(h11_connection)
        assert isinstance(event, h11.Event)  # a whole head, so neither NEED_DATA nor PAUSED
        return event

    def _take_head(self) -> bytes | None:
        """The next head, once it is there. Raises :exc:`LimitExceeded`."""
        if not self.client and not self._head.skip_empty_line():
            return None
        if self._head.buffer[:1] and self._head.buffer[0] <= 0x20:
            # Nothing of HTTP begins so; TLS does.
            raise refusal("Bad HTTP message: it begins with a control character")
        head = self._head.take()
        size = len(self._head.buffer) if head is None else len(head)
        if size > self._limits.max_header_size:
            raise oversize(f"a head of more than {self._limits.max_header_size} bytes")
        return head

    # Server

    def _read_request(self, server: UpgradeServer) -> None:
        if self._refused or self._state is not ConnectionState.CONNECTING:
            self._head.buffer.clear()
            return
        if server.request is None:
            try:
                head = self._take_head()
                if head is None:
                    if self._eof:
                        self._end_of_request()
                    return
                self._take_request(server, *self._parse_request(head))
            except RemoteProtocolError:
                self._refuse(server)
                raise
        if len(self._head.buffer) > self._limits.max_early_data:
            self._refuse(server)
            raise LimitExceeded(
                f"more than {self._limits.max_early_data} bytes before the answer",
                RejectConnection(400),
            )

    def _parse_request(self, head: bytes) -> tuple[Headers, bytes, bytes, bytes]:
        """The fields, target, method and version. Raises :exc:`RemoteProtocolError`."""
        ordinary = read_request_head(head)
        if ordinary is None:
            request = self._show_h11(head)
            self._body_unwanted = request.method == b"HEAD"
            headers = request.headers.raw_items()
            return headers, request.target, request.method, request.http_version
        self._request_for_h11 = head
        target, headers = ordinary
        return headers, target, b"GET", b"1.1"

    def _show_h11(self, head: bytes) -> h11.Request:
        """Have h11 read a request. Raises :exc:`RemoteProtocolError`."""
        self._h11 = h11.Connection(
            h11.SERVER, max_incomplete_event_size=self._limits.max_header_size
        )
        request = self._parse(self._h11, head)
        assert isinstance(request, h11.Request)
        return request

    def _take_request(
        self,
        server: UpgradeServer,
        headers: Iterable[tuple[bytes, bytes]],
        target: bytes,
        method: bytes,
        http_version: bytes,
    ) -> None:
        try:
            request = server.receive_request(
                headers, target=target, method=method, http_version=http_version
            )
        except RemoteProtocolError as exc:
            exc.request_line = (method, target)
            self._refuse(server)
            raise
        self._advance(Input.RECEIVE_REQUEST)
        self._give(request)

    def _refuse(self, server: UpgradeServer) -> None:
        """Read no more of a client that is at fault; all that is left is to reject it."""
        self._refused = True
        self._head = _Head()
        server.request = None

    def _end_of_request(self) -> None:
        """The transport has ended before a request: an error only within one."""
        begun = bool(self._head.buffer)
        self._advance(Input.RECEIVE_EOF)
        if begun:
            raise RemoteProtocolError("the transport ended within the request")

    def _send_accept(self, server: UpgradeServer, event: AcceptConnection) -> bytes:
        following = self._require(Input.SEND_ACCEPT)
        response = server.accept(event)
        self._state = following
        self._open(server.connection)
        return b"HTTP/1.1 101 Switching Protocols\r\n" + _serialize_fields(response)

    def _send_reject(self, server: UpgradeServer, event: RejectConnection) -> bytes:
        self._require(Input.SEND_REJECT)
        status_code, headers = server.check_rejection(event)
        lengths = [value for name, value in headers if name.lower() == b"content-length"]
        if self._refusals_are_final and not Fields(headers).has_element(b"connection", "close"):
            headers.append((b"connection", b"close"))
        if event.has_body:
            if lengths and len(lengths[0]) > _MOST_DIGITS:
                raise LocalProtocolError("a Content-Length that no body can have")
            self._body_left = int(lengths[0]) if lengths and lengths[0].isdigit() else None
        elif lengths not in ([], [b"0"]):
            raise LocalProtocolError(f"Content-Length {lengths} for a rejection without a body")
        elif not lengths and status_code != 204:  # RFC 9110 §8.6
            headers.append((b"content-length", b"0"))
        if self._h11 is None:
            self._show_h11(self._request_for_h11)
        data = self._h11_send(h11.Response, status_code=status_code, headers=headers)
        self._advance(Input.SEND_REJECT)
        self._head = _Head()  # what came behind the request has no use any more
        return data if event.has_body else data + self._end_reject()

    def _send_reject_data(self, event: RejectData) -> bytes:
        self._require(Input.SEND_REJECT_DATA)
        if not isinstance(event.data, (bytes, bytearray, memoryview)):
            raise LocalProtocolError(f"a body must be bytes, not {type(event.data).__name__}")
        if self._body_left is not None:
            left = self._body_left - len(event.data)
            if left < 0 or (event.body_finished and left):
                raise LocalProtocolError(
                    f"Too {'much' if left < 0 else 'little'} data for the Content-Length declared"
                )
            self._body_left = left
        data = b""
        if not self._body_unwanted:
            data = self._h11_send(h11.Data, data=bytes(event.data))
        return data + self._end_reject() if event.body_finished else data

    def _end_reject(self) -> bytes:
        data = self._h11_send(h11.EndOfMessage)
        self._advance(Input.SEND_REJECT_END)
        return data

    def _h11_send(self, kind: Callable[..., h11.Event], **fields: object) -> bytes:
        assert self._h11 is not None
        try:
            return self._h11.send(kind(**fields)) or b""
        except h11.LocalProtocolError as exc:
            raise LocalProtocolError(str(exc)) from exc.with_traceback(None)

    # Client

    def _send_request(self, client: UpgradeClient, request: Request) -> bytes:
        self._require(Input.SEND_REQUEST)
        target = encode_target(request.target)
        headers = client.send_request(request)
        self._h11 = h11.Connection(
            h11.CLIENT, max_incomplete_event_size=self._limits.max_header_size
        )
        data = self._h11_send(h11.Request, method=b"GET", target=target, headers=headers)
        self._advance(Input.SEND_REQUEST)
        return data

    def _read_response(self, client: UpgradeClient) -> None:
        try:
            while self._state is ConnectionState.CONNECTING:
                head = self._take_head()
                if head is None:
                    if self._eof:
                        raise RemoteProtocolError("the transport ended before a response")
                    return
                if self._h11 is None:
                    raise RemoteProtocolError("a response without a request")
                self._take_response(client, self._h11, head)
            if self._state is ConnectionState.REJECTING:
                self._read_body()
        except RemoteProtocolError as exc:
            self._fail_response()
            exc.event_hint = None  # a client cannot answer a response
            raise

    def _take_response(
        self, client: UpgradeClient, h11_connection: h11.Connection, head: bytes
    ) -> None:
        status_code, http_version = 101, b"1.1"
        headers = read_switching_head(head)
        if headers is None:
            event = self._parse(h11_connection, head)
            assert isinstance(event, (h11.InformationalResponse, h11.Response))
            status_code, http_version = event.status_code, event.http_version
            headers = event.headers.raw_items()
        if len(headers) > self._limits.max_headers:
            raise oversize(f"{len(headers)} headers, {self._limits.max_headers} allowed")
        if status_code < 200 and status_code != 101:
            return  # RFC 9110 §15.2: there may be any number, before the final one
        if http_version < b"1.1" and status_code == 101:
            raise RemoteProtocolError("101 from a server of HTTP/1.0")
        answer = client.receive_response(status_code, headers)
        self._give(answer)
        if isinstance(answer, AcceptConnection):
            self._advance(Input.RECEIVE_ACCEPT)
            self._open(client.connection)
        else:
            self._advance(Input.RECEIVE_REJECT)

    def _read_body(self) -> None:
        """Pass on the body of a refusal, as it arrives."""
        assert self._h11 is not None
        received = bytes(self._head.buffer)
        self._head.buffer.clear()
        # h11 judges how long a chunk's header or a trailer is by what it could not finish
        # in one go: so it never gets much.
        slices: list[bytes | None] = [None]
        slices += [received[i : i + 1024] for i in range(0, len(received), 1024)]
        if self._eof:
            slices.append(b"")
        body = bytearray()
        finished = False
        try:
            for each in slices:
                if each is not None:
                    self._h11.receive_data(each)
                while isinstance(event := _next_event(self._h11), h11.Data):
                    body += event.data
                if isinstance(event, h11.EndOfMessage):
                    finished = True
                    break
        finally:
            if body:
                self._give(RejectData(bytes(body), body_finished=False))
        if finished:
            self._give(RejectData(b"", body_finished=True))
            self._advance(Input.RECEIVE_REJECT_END)

    def _fail_response(self) -> None:
        self._head = _Head()
        self._advance(Input.RECEIVE_BAD_RESPONSE)


def _next_event(h11_connection: h11.Connection) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
    """h11's next event. Its error becomes ours, with the answer that a server owes.

    It loses its traceback, for h11 raises it in a way that makes it a cycle, which would
    keep the handshake alive.
    """
    try:
        return h11_connection.next_event()
    except h11.RemoteProtocolError as exc:
        raise refusal(f"Bad HTTP message: {exc}") from exc.with_traceback(None)


def _from_latin_1(text: bytes | str) -> bytes:
    return text.encode("latin-1", "replace") if isinstance(text, str) else text


def _serialize_fields(response: Response) -> bytes:
    return b"".join(b"%b: %b\r\n" % field for field in response.headers) + b"\r\n"


__all__ = [
    "WEBSOCKET_VERSION",
    "H11Handshake",
    "UpgradeClient",
    "UpgradeServer",
    "client_extensions_handshake",
    "origin_allowed",
    "same_origin",
    "server_extensions_handshake",
]
