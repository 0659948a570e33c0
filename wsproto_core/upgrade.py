"""The opening handshake as an HTTP/1.1 upgrade (RFC 6455 §4): header fields in and out.

For servers and clients that speak HTTP themselves; ``handshake`` does it in bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from os import urandom
from typing import Final

from .connection import Connection
from .errors import RemoteProtocolError
from .events import AcceptConnection, RejectConnection, Request
from .header_fields import FieldError
from .hosts import encode_host
from .masking import EntropySource
from .negotiation import (
    WEBSOCKET_VERSION,
    ClientNegotiation,
    ConnectionFactory,
    Fields,
    Response,
    ServerNegotiation,
    check_fields,
    offer_fields,
    read_offer,
    refusal,
)
from .typing import Headers
from .utilities import generate_accept_token, generate_nonce

# 16 bytes in base64 (RFC 6455 §4.2.1). The last digit may have bits set that mean
# nothing: the example of §4.1 has.
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")

_UPGRADE: Final = ((b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"))

# What this library writes itself, and an application therefore must not.
_OWN_FIELDS: Final = frozenset(
    (
        b"host",
        b"upgrade",
        b"connection",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-protocol",
        b"sec-websocket-extensions",
        b"content-length",
        b"transfer-encoding",
    )
)


class UpgradeServer(ServerNegotiation):
    """The server's end of an HTTP/1.1 upgrade, for a server that has parsed the request.

    Call :meth:`receive_request`, then :meth:`accept` or :meth:`reject`, and send the
    :class:`Response` that they return. After :meth:`accept`, ``connection`` is open.

    :param connection_factory: makes it: ``functools.partial(Connection, ...)``.
    :param limits: for the number of header fields.
    """

    _key = b""

    def receive_request(
        self,
        headers: Iterable[tuple[bytes, bytes]],
        *,
        target: str | bytes = b"/",
        method: bytes = b"GET",
        http_version: bytes = b"1.1",
    ) -> Request:
        """Read a client's opening handshake (RFC 6455 §4.2.1).

        Raises :exc:`~wsproto_core.RemoteProtocolError` for a request that is none, with
        the ``RejectConnection`` to answer with as its ``event_hint``: 405 for another
        method than GET, 426 for another version than 13, 431 for too many header
        fields, 400 for everything else.
        """
        fields = self._read_fields(headers)
        if method != b"GET":
            raise refusal("Request method must be GET", 405, [(b"Allow", b"GET")])
        if http_version < b"1.1":
            raise refusal(f"HTTP/{http_version.decode('latin-1')} cannot be upgraded, 1.1 can")
        if not fields.has_element(b"connection", "upgrade"):
            raise refusal("Missing header, 'Connection: Upgrade'")
        if not fields.has_element(b"upgrade", "websocket"):
            raise refusal("Missing header, 'Upgrade: websocket'")
        try:
            host = fields.single(b"host")
            key = fields.single(b"sec-websocket-key")
            length = fields.single(b"content-length")
        except FieldError as exc:
            raise refusal(str(exc)) from None
        if host is None:
            raise refusal("Missing header, 'Host'")
        # What follows the head belongs to the WebSocket: a body there could be read as
        # frames, or frames as a body, depending on who reads.
        if length not in (None, b"0") or fields.values(b"transfer-encoding"):
            raise refusal("a WebSocket handshake has no body")
        if isinstance(target, str):
            target = target.encode("utf-8", "surrogatepass")
        request = read_offer(fields, host, target, _UPGRADE)
        if key is None:
            raise refusal("Missing header, 'Sec-WebSocket-Key'")
        if _KEY.fullmatch(key) is None:
            raise refusal("Sec-WebSocket-Key is not 16 bytes in base64")
        self._key = key
        self.request = request
        return request

    def accept(self, event: AcceptConnection) -> Response:
        """Accept the request (RFC 6455 §4.2.2): 101, with the fields to send.

        Raises :exc:`~wsproto_core.LocalProtocolError` without a good request, for a
        subprotocol that was not requested, and for fields that are illegal or belong to
        the handshake.
        """
        headers = self._accept(event)
        return Response(
            101,
            [
                *_UPGRADE,
                (b"Sec-WebSocket-Accept", generate_accept_token(self._key)),
                *headers,
            ],
        )


class UpgradeClient(ClientNegotiation):
    """The client's end of an HTTP/1.1 upgrade, for a client that speaks HTTP itself.

    Send the fields that :meth:`send_request` returns with a GET, and pass the response
    to :meth:`receive_response`. If it is a 101, ``connection`` is open.

    :param connection_factory: makes it: ``functools.partial(Connection, ...)``.
    :param entropy: where the nonce comes from.
    """

    def __init__(
        self,
        *,
        connection_factory: ConnectionFactory = Connection,
        entropy: EntropySource = urandom,
    ) -> None:
        super().__init__(connection_factory=connection_factory)
        self._entropy = entropy
        self._key = b""

    def send_request(self, request: Request) -> Headers:
        """The fields of the opening handshake (RFC 6455 §4.1).

        Raises :exc:`~wsproto_core.LocalProtocolError` for what has no legal form: host,
        subprotocols, fields; and for a second request.
        """
        headers = [
            (b"Host", encode_host(request.host)),
            *_UPGRADE,
            (b"Sec-WebSocket-Key", generate_nonce(self._entropy)),
            (b"Sec-WebSocket-Version", WEBSOCKET_VERSION),
            *offer_fields(request),
            *check_fields(request.extra_headers, _OWN_FIELDS),
        ]
        self._begin(request)
        self._key = headers[3][1]
        return headers

    def receive_response(
        self, status_code: int, headers: Iterable[tuple[bytes, bytes]]
    ) -> AcceptConnection | RejectConnection:
        """Read the server's answer (RFC 6455 §4.1), which is not another 1xx than 101.

        Raises :exc:`~wsproto_core.RemoteProtocolError` for a 101 that does not answer
        the request; the connection must then be dropped.
        """
        request = self._expect_response()
        fields = Fields(headers)

        def take() -> AcceptConnection:
            if not fields.has_element(b"connection", "upgrade"):
                raise RemoteProtocolError("Missing header, 'Connection: Upgrade'")
            if [upgrade.lower() for upgrade in fields.elements(b"upgrade")] != ["websocket"]:
                raise RemoteProtocolError("Missing header, 'Upgrade: websocket'")
            if fields.values(b"sec-websocket-accept") != [generate_accept_token(self._key)]:
                raise RemoteProtocolError("Bad accept token")
            return self._take_accept(
                request, fields, b"connection", b"upgrade", b"sec-websocket-accept"
            )

        return self._take_response(status_code == 101, status_code, fields, take)


__all__ = ["UpgradeClient", "UpgradeServer"]
