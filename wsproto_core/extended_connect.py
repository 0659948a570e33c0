"""The opening handshake over HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220): extended CONNECT.

A stream of HTTP carries the WebSocket instead of a TCP connection. The peers have agreed
on SETTINGS_ENABLE_CONNECT_PROTOCOL; the request is a CONNECT with ``:protocol``, there
is neither key nor accept token, and a 2xx is the consent. Fields here include the pseudo
fields, so that they go into and come out of an HTTP/2 or HTTP/3 library as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .errors import LocalProtocolError, RemoteProtocolError
from .events import AcceptConnection, RejectConnection, Request
from .header_fields import FieldError, excerpt
from .hosts import encode_host
from .negotiation import (
    WEBSOCKET_VERSION,
    ClientNegotiation,
    Fields,
    ServerNegotiation,
    check_fields,
    encode_target,
    offer_fields,
    read_offer,
    refusal,
)
from .typing import Headers

# HTTP/1.1's, which RFC 9113 §8.2.2 and RFC 9114 §4.2 forbid, and those that RFC 8441 §5
# does without.
_FORBIDDEN: Final = (b"connection", b"upgrade", b"transfer-encoding")
_OWN_FIELDS: Final = frozenset(
    (
        *_FORBIDDEN,
        b"host",
        b"sec-websocket-key",
        b"sec-websocket-accept",
        b"sec-websocket-version",
        b"sec-websocket-extensions",
        b"content-length",
    )
)
_PSEUDO: Final = (b":method", b":protocol", b":scheme", b":path", b":authority")


def _lower(headers: Headers) -> Headers:
    """As HTTP/2 and HTTP/3 want their names."""
    return [(name.lower(), value) for name, value in headers]


class ExtendedConnectServer(ServerNegotiation):
    """The server's end of an extended CONNECT.

    Call :meth:`receive_request` with the stream's fields, then :meth:`accept` or
    :meth:`reject`, and send the fields that they return. After :meth:`accept`,
    ``connection`` is open: it takes and gives the stream's data.

    :param connection_factory: makes it: ``functools.partial(Connection, ...)``.
    :param limits: for the number of header fields.
    """

    def receive_request(self, headers: Iterable[tuple[bytes, bytes]]) -> Request:
        """Read a client's opening handshake (RFC 8441 §4, §5).

        Raises :exc:`~wsproto_core.RemoteProtocolError` for a request that is none, with
        the ``RejectConnection`` to answer with as its ``event_hint``: 405 for another
        method than CONNECT, 501 for another ``:protocol`` (RFC 9220 §3), 426, 431 and
        400 as over HTTP/1.1.
        """
        fields = self._read_fields(headers)
        try:
            method, protocol, scheme, path, authority = map(fields.single, _PSEUDO)
            host = fields.single(b"host")
        except FieldError as exc:
            raise refusal(str(exc)) from None
        if method != b"CONNECT":
            raise refusal("Request method must be CONNECT", 405, [(b"allow", b"CONNECT")])
        if protocol is None:
            raise refusal("Missing header, ':protocol'")
        if protocol.lower() != b"websocket":
            raise refusal(f"protocol {excerpt(protocol)} is not websocket", 501)
        if scheme not in (b"http", b"https"):
            raise refusal("':scheme' is neither http nor https")
        if not authority or not path:
            raise refusal("Missing header, ':authority' or ':path'")
        if host is not None and host.lower() != authority.lower():
            raise refusal("Host differs from ':authority'")
        if any(fields.values(name) for name in _FORBIDDEN):
            raise refusal("a header of HTTP/1.1 in an extended CONNECT")
        request = read_offer(fields, authority, path)
        request.extra_headers = [
            field for field in request.extra_headers if not field[0].startswith(b":")
        ]
        self.request = request
        return request

    def accept(self, event: AcceptConnection) -> Headers:
        """Accept the request: the fields to send, with ``:status`` 200.

        Raises :exc:`~wsproto_core.LocalProtocolError` as ``UpgradeServer.accept`` does.
        """
        return [(b":status", b"200"), *_lower(self._accept(event))]

    def refuse(self, event: RejectConnection) -> Headers:
        """Like :meth:`reject`, as fields to send, with ``:status``."""
        check_fields(event.headers, frozenset(_FORBIDDEN))
        status, headers = self.reject(event)
        return [(b":status", b"%d" % status), *_lower(headers)]


class ExtendedConnectClient(ClientNegotiation):
    """The client's end of an extended CONNECT.

    Send the fields that :meth:`send_request` returns on a new stream, without ending it,
    and pass those of the response to :meth:`receive_response`. If its status is 2xx,
    ``connection`` is open.

    :param connection_factory: makes it: ``functools.partial(Connection, ...)``.
    """

    def send_request(self, request: Request, *, scheme: str = "https") -> Headers:
        """The fields of the opening handshake (RFC 8441 §5).

        :param scheme: ``"https"`` for wss, ``"http"`` for ws.

        Raises :exc:`~wsproto_core.LocalProtocolError` for what has no legal form, and
        for a second request.
        """
        if scheme not in ("http", "https"):
            raise LocalProtocolError(f"scheme {scheme!r} is neither http nor https")
        headers = [
            (b":method", b"CONNECT"),
            (b":protocol", b"websocket"),
            (b":scheme", scheme.encode()),
            (b":path", encode_target(request.target)),
            (b":authority", encode_host(request.host)),
            (b"sec-websocket-version", WEBSOCKET_VERSION),
            *_lower(offer_fields(request)),
            *_lower(check_fields(request.extra_headers, _OWN_FIELDS | {b"sec-websocket-protocol"})),
        ]
        self._begin(request)
        return headers

    def receive_response(
        self, headers: Iterable[tuple[bytes, bytes]]
    ) -> AcceptConnection | RejectConnection:
        """Read the server's answer, which is not a 1xx.

        Raises :exc:`~wsproto_core.RemoteProtocolError` for a 2xx that does not answer
        the request, or no status at all; the stream must then be reset.
        """
        request = self._expect_response()
        fields = Fields(headers)
        status = fields.values(b":status")
        if len(status) != 1 or len(status[0]) != 3 or not status[0].isdigit():
            raise RemoteProtocolError(f"':status' is {status}")
        code = int(status[0])
        fields = Fields(field for field in fields.all if not field[0].startswith(b":"))
        return self._take_response(
            200 <= code < 300, code, fields, lambda: self._take_accept(request, fields)
        )


__all__ = ["ExtendedConnectClient", "ExtendedConnectServer"]
