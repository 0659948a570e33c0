"""What every opening handshake negotiates (RFC 6455 §4, §9.1), however it is transported.

Owns the header fields that offer and choose subprotocols and extensions, both ways, and
what is checked of them. The HTTP/1.1 upgrade around them is in ``upgrade``, the one of
HTTP/2 and HTTP/3 in ``extended_connect``. Knows nothing of bytes on a transport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Final, NamedTuple

from .connection import Connection
from .errors import LimitExceeded, LocalProtocolError, RemoteProtocolError
from .events import AcceptConnection, RejectConnection, Request
from .extension_api import Extension
from .header_fields import (
    FieldError,
    excerpt,
    is_field_value,
    is_host,
    is_target,
    is_token,
    parse_extension,
    split_list,
    split_tokens,
)
from .hosts import decode_host
from .limits import DEFAULT_LIMITS, Limits
from .states import TRANSITIONS, ConnectionState, ConnectionType, Input
from .typing import Headers

#: The protocol version that RFC 6455 defines, as in Sec-WebSocket-Version.
WEBSOCKET_VERSION: Final = b"13"

#: Makes the connection once a handshake has succeeded: :class:`Connection`, a subclass,
#: or a ``functools.partial`` of one with settings.
ConnectionFactory = Callable[[ConnectionType, list[Extension]], Connection]

# What this library writes itself, and an application therefore must not.
_OWN_RESPONSE_FIELDS: Final = frozenset(
    (
        b"upgrade",
        b"connection",
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"content-length",
        b"transfer-encoding",
    )
)


class Response(NamedTuple):
    """An HTTP response's status and header fields."""

    status_code: int
    headers: Headers


# Faults


def refusal(
    message: str, status_code: int = 400, headers: Headers | None = None
) -> RemoteProtocolError:
    """The error for a bad request, with the HTTP response to give."""
    return RemoteProtocolError(message, RejectConnection(status_code, headers or []))


def oversize(message: str) -> LimitExceeded:
    """The error for a request with too much in its head (RFC 6585 §5)."""
    return LimitExceeded(message, RejectConnection(431))


# Reading fields


class Fields:
    """The fields of a message, found by name."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        #: All, with lower-case names, in order.
        self.all: Headers = [(name.lower(), value) for name, value in headers]
        # The last of each name; in most messages there is no other.
        self._last = dict(self.all)
        self._repeated = len(self._last) < len(self.all)

    def values(self, name: bytes) -> list[bytes]:
        """The values of all fields of that name."""
        if name not in self._last:
            return []
        if self._repeated:
            return [value for other, value in self.all if other == name]
        return [self._last[name]]

    def single(self, name: bytes) -> bytes | None:
        """The field's value, None without one. Raises :exc:`FieldError` for several."""
        value = self._last.get(name)
        if value is None:
            return None
        if self._repeated and len(self.values(name)) > 1:
            raise FieldError(f"Duplicate header, '{name.decode('latin-1').title()}'")
        return value.strip(b" \t")

    def elements(self, name: bytes) -> list[str]:
        """The elements of a list that may be spread over several fields."""
        return [
            element
            for value in self.values(name)
            for element in split_list(value.decode("latin-1"))
        ]

    def some_elements(self, name: bytes) -> list[str]:
        """Those of a list that, where there is such a field, has one at least (``1#``).

        Raises :exc:`FieldError`.
        """
        elements = self.elements(name)
        if not elements and self.values(name):
            raise FieldError(f"{name.decode().title()} is empty")
        return elements

    def has_element(self, name: bytes, token: str) -> bool:
        """Whether a list has *token*, in any case."""
        return token in [element.lower() for element in self.elements(name)]

    def without(self, *names: bytes) -> Headers:
        """All but the fields of those names."""
        return [(name, value) for name, value in self.all if name not in names]


def read_offer(
    fields: Fields, host: bytes, target: bytes, upgrade: Sequence[tuple[bytes, bytes]] = ()
) -> Request:
    """What every opening handshake offers, however it is transported.

    *upgrade* are the fields that a 426 has beside the version (RFC 9110 §15.5.22).

    Raises :exc:`~wsproto_core.RemoteProtocolError`.
    """
    try:
        version = fields.single(b"sec-websocket-version")
        if version != WEBSOCKET_VERSION:
            headers = [(b"Sec-WebSocket-Version", WEBSOCKET_VERSION)]
            if version is None:
                raise refusal("Missing header, 'Sec-WebSocket-Version'", 400, headers)
            raise refusal(  # RFC 6455 §4.4
                f"Sec-WebSocket-Version is {excerpt(version)}, not 13", 426, [*headers, *upgrade]
            )
        fields.single(b"origin")
        subprotocols = split_tokens(fields.values(b"sec-websocket-protocol"))
        if len(set(subprotocols)) < len(subprotocols):
            raise FieldError("Sec-WebSocket-Protocol names a subprotocol twice")
        # RFC 6455 §9.1: malformed, and so to be refused. An empty Sec-WebSocket-Protocol is as
        # malformed, but released clients send it for an empty list (httpx-ws 0.9).
        extensions = fields.some_elements(b"sec-websocket-extensions")
        for element in extensions:
            parse_extension(element)
    except FieldError as exc:
        raise refusal(str(exc)) from None
    if not is_host(host):
        raise refusal(f"Host is {excerpt(host)}")
    if not is_target(target):
        raise refusal(f"request target is {excerpt(target)}")
    return Request(
        host=decode_host(host),
        target=target.decode("ascii"),
        extensions=extensions,
        extra_headers=fields.without(
            b"host", b"sec-websocket-extensions", b"sec-websocket-protocol"
        ),
        subprotocols=subprotocols,
    )


# Writing fields


def to_bytes(text: str | bytes, what: str) -> bytes:
    """*text* as bytes. Raises :exc:`~wsproto_core.LocalProtocolError` beyond ASCII."""
    if isinstance(text, str):
        try:
            return text.encode("ascii")
        except UnicodeEncodeError:
            raise LocalProtocolError(f"{what} is {text!r}, not ASCII") from None
    if not isinstance(text, (bytes, bytearray)):
        raise LocalProtocolError(f"{what} is {text!r}, neither bytes nor str")
    return bytes(text)


def check_fields(
    headers: Iterable[tuple[str | bytes, str | bytes]], own: frozenset[bytes] = frozenset()
) -> Headers:
    """An application's header fields, fit to be written.

    Raises :exc:`~wsproto_core.LocalProtocolError` for a name or value that could break
    out of its line (RFC 9110 §5.5), and for a field that is the library's *own*.
    """
    checked: Headers = []
    try:
        pairs = [(name, value) for name, value in headers]
    except (TypeError, ValueError):
        raise LocalProtocolError(f"headers are {headers!r}, not pairs") from None
    for name, value in pairs:
        name = to_bytes(name, "header name")
        value = to_bytes(value, f"header {name!r}")
        if not is_token(name):
            raise LocalProtocolError(f"header name {name!r} is not a token")
        if not is_field_value(value):
            raise LocalProtocolError(f"header {name!r} has an illegal value {value!r}")
        if name.lower() in own:
            raise LocalProtocolError(f"header {name!r} is written by the handshake itself")
        checked.append((name, value.strip(b" \t")))
    return checked


def offer_fields(request: Request) -> Headers:
    """The fields that offer subprotocols and extensions (RFC 6455 §4.1)."""
    headers: Headers = []
    if isinstance(request.subprotocols, str):
        raise LocalProtocolError(f"subprotocols are {request.subprotocols!r}, not a list")
    if request.subprotocols:
        names = [to_bytes(name, "subprotocol") for name in request.subprotocols]
        for name in names:
            if not is_token(name):
                raise LocalProtocolError(f"subprotocol {name!r} is not a token")
        if len(set(names)) < len(names):
            raise LocalProtocolError(f"subprotocols repeat: {request.subprotocols}")
        headers.append((b"Sec-WebSocket-Protocol", b", ".join(names)))
    offers = []
    for extension in own_extensions(request.extensions):
        element = _element(extension, extension.offer())
        if element is not None:
            offers.append(element)
    if offers:
        headers.append((b"Sec-WebSocket-Extensions", b", ".join(offers)))
    return headers


def _element(extension: Extension, parameters: bool | str | None) -> bytes | None:
    """An element of Sec-WebSocket-Extensions, by what an extension says of itself."""
    if parameters is None or parameters is False:
        return None
    element = extension.name
    if isinstance(parameters, str) and parameters:
        element += f"; {parameters}"
    try:
        parse_extension(element)
    except FieldError as exc:
        raise LocalProtocolError(f"{type(extension).__name__}: {exc}") from None
    return element.encode("ascii")


def encode_target(target: str) -> bytes:
    """A request target; an empty path is ``/`` (RFC 6455 §3).

    Raises :exc:`~wsproto_core.LocalProtocolError`: also for a fragment, which a
    WebSocket URI must not have.
    """
    if not isinstance(target, str):
        raise LocalProtocolError(f"target is {target!r}, not str")
    if target == "" or target.startswith("?"):
        target = "/" + target
    encoded = to_bytes(target, "target")
    if not is_target(encoded):
        raise LocalProtocolError(
            f"target {target!r} is not a path, or has characters that must be escaped"
        )
    return encoded


# Extensions


def own_extensions(extensions: Iterable[Extension | str] | None) -> list[Extension]:
    """Extensions as an application gives them. Raises LocalProtocolError."""
    for extension in extensions or ():
        if not isinstance(extension, Extension):
            raise LocalProtocolError(f"{extension!r} is not an Extension")
    return [copy(e) for e in extensions or () if isinstance(e, Extension)]


def server_extensions_handshake(
    requested: Iterable[str], supported: Sequence[Extension]
) -> bytes | None:
    """Server: agree on extensions (RFC 6455 §9.1, RFC 7692 §5).

    :param requested: the client's offers, in its order of preference.
    :param supported: the extensions that this server has; those agreed on are
        ``enabled()`` afterwards.

    Returns the value of Sec-WebSocket-Extensions, or None if nothing was agreed on. Of
    several offers for one extension the first that it accepts is taken; an offer that
    is malformed or unknown is declined, as is a second extension that transforms messages.
    """
    accepted: list[bytes] = []
    settled: set[str] = set()
    reserved = 0
    for extension in supported:
        extension.reset()
    for offer in requested:
        try:
            name = parse_extension(offer).name
        except FieldError:
            continue
        for extension in supported:
            if extension.name != name or name in settled or (extension.rsv and reserved):
                continue
            element = _element(extension, extension.accept(offer))
            if element is not None:
                accepted.append(element)
                settled.add(name)
                reserved |= extension.rsv
    return b", ".join(accepted) or None


def client_extensions_handshake(
    accepted: Iterable[str], supported: Sequence[Extension]
) -> list[Extension]:
    """Client: take what the server has agreed to (RFC 6455 §4.1, §9.1).

    :param accepted: the elements of the response's Sec-WebSocket-Extensions.
    :param supported: the extensions that were offered.

    Returns those agreed on, in the server's order. Raises
    :exc:`~wsproto_core.RemoteProtocolError` for one that was not offered, comes twice,
    transforms messages beside another that does, or has unacceptable parameters.
    """
    agreed: list[Extension] = []
    reserved = 0
    for element in accepted:
        try:
            name = parse_extension(element).name
        except FieldError as exc:
            raise RemoteProtocolError(f"bad Sec-WebSocket-Extensions: {exc}") from None
        extension = _finalize(name, element, supported)
        if name in {other.name for other in agreed} or (extension.rsv and reserved):
            raise RemoteProtocolError(f"extension {excerpt(name)} conflicts with another")
        agreed.append(extension)
        reserved |= extension.rsv
    return agreed


def _finalize(name: str, element: str, supported: Sequence[Extension]) -> Extension:
    """The extension whose offer a response answers: the first of several of that name, for
    a client may offer alternatives (RFC 7692 §5).
    """
    problem = RemoteProtocolError(f"extension {excerpt(name)} was not offered")
    for extension in supported:
        if extension.name == name:
            try:
                extension.finalize(element)
            except RemoteProtocolError as exc:
                problem = exc
            else:
                return extension
    raise problem.with_traceback(None)


# The two ends


class ServerNegotiation:
    """What the server's ends of all opening handshakes have in common.

    :param connection_factory: makes the connection: ``functools.partial(Connection, ...)``.
    :param limits: for the number of header fields.
    """

    def __init__(
        self,
        *,
        connection_factory: ConnectionFactory = Connection,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._factory = connection_factory
        self._limits = limits
        self._state = ConnectionState.CONNECTING
        #: The client's request, once it was received and found good.
        self.request: Request | None = None
        #: The open connection, once the request was accepted.
        self.connection: Connection | None = None

    @property
    def state(self) -> ConnectionState:
        """``CONNECTING``, then ``OPEN`` or ``CLOSED``."""
        return self._state

    def _read_fields(self, headers: Iterable[tuple[bytes, bytes]]) -> Fields:
        """The fields of the one request that there can be, if they are not too many."""
        if self.request is not None or self._state is not ConnectionState.CONNECTING:
            raise LocalProtocolError("a handshake takes one request")
        fields = Fields(headers)
        if len(fields.all) > self._limits.max_headers:
            raise oversize(f"{len(fields.all)} headers, {self._limits.max_headers} allowed")
        return fields

    def _accept(self, event: AcceptConnection) -> Headers:
        """Check an acceptance against the request; make the connection."""
        request = self.request
        following = TRANSITIONS.get((self._state, Input.SEND_ACCEPT))
        if following is None or request is None:
            raise LocalProtocolError(
                f"cannot accept in state {self._state.name}"
                if following is None
                else "cannot accept: no request, or a bad one, was received"
            )
        headers: Headers = []
        extensions = own_extensions(event.extensions)
        extra = check_fields(event.extra_headers, _OWN_RESPONSE_FIELDS)
        chosen = [value for name, value in extra if name.lower() == b"sec-websocket-protocol"]
        if event.subprotocol is not None:
            chosen.append(to_bytes(event.subprotocol, "subprotocol"))
            headers.append((b"Sec-WebSocket-Protocol", chosen[-1]))
        if len(chosen) > 1:
            raise LocalProtocolError("more than one subprotocol accepted")
        if chosen and chosen[0].decode("ascii", "replace") not in request.subprotocols:
            raise LocalProtocolError(
                f"subprotocol {chosen[0]!r} was not among those requested: {request.subprotocols}"
            )
        agreed = server_extensions_handshake(
            [offer for offer in request.extensions if isinstance(offer, str)], extensions
        )
        if agreed is not None:
            headers.append((b"Sec-WebSocket-Extensions", agreed))
        self.connection = self._factory(
            ConnectionType.SERVER, [e for e in extensions if e.enabled()]
        )
        self._state = following
        return headers + extra

    def check_rejection(self, event: RejectConnection) -> Response:
        """What :meth:`reject` does, without rejecting."""
        if (self._state, Input.SEND_REJECT) not in TRANSITIONS:
            raise LocalProtocolError(f"cannot reject in state {self._state.name}")
        if not isinstance(event.status_code, int) or not 200 <= event.status_code <= 999:
            raise LocalProtocolError(f"cannot reject with status {event.status_code}")
        return Response(event.status_code, check_fields(event.headers))

    def reject(self, event: RejectConnection) -> Response:
        """Refuse the request, or answer a bad one.

        Returns the status and fields of the response; its body, if any, is the caller's.
        Raises :exc:`~wsproto_core.LocalProtocolError` if it was answered before, for a
        status below 200, and for illegal fields.
        """
        response = self.check_rejection(event)
        self._state = ConnectionState.CLOSED
        return response


class ClientNegotiation:
    """What the client's end of any opening handshake does with an acceptance."""

    def __init__(self, *, connection_factory: ConnectionFactory = Connection) -> None:
        self._factory = connection_factory
        self._state = ConnectionState.CONNECTING
        #: What was asked for.
        self.request: Request | None = None
        #: The open connection, once the server has accepted.
        self.connection: Connection | None = None

    @property
    def state(self) -> ConnectionState:
        """``CONNECTING``, then ``OPEN``, or ``CLOSED`` after a bad response, or
        ``REJECTING``: what is left then is the response's body.
        """
        return self._state

    def _begin(self, request: Request) -> None:
        if self.request is not None:
            raise LocalProtocolError("a handshake sends one request")
        self.request = request

    def _expect_response(self) -> Request:
        if self.request is None or self._state is not ConnectionState.CONNECTING:
            raise LocalProtocolError("no response is expected")
        return self.request

    def _take_accept(self, request: Request, fields: Fields, *own: bytes) -> AcceptConnection:
        try:
            subprotocol = fields.single(b"sec-websocket-protocol")
            agreed = fields.some_elements(b"sec-websocket-extensions")
        except FieldError as exc:
            raise RemoteProtocolError(str(exc)) from None
        chosen = None if subprotocol is None else subprotocol.decode("latin-1")
        if chosen is not None and chosen not in request.subprotocols:
            raise RemoteProtocolError(f"subprotocol {excerpt(chosen)} was not offered")
        extensions = client_extensions_handshake(agreed, own_extensions(request.extensions))
        self.connection = self._factory(ConnectionType.CLIENT, extensions)
        self._state = TRANSITIONS[self._state, Input.RECEIVE_ACCEPT]
        return AcceptConnection(
            subprotocol=chosen,
            extensions=extensions,
            extra_headers=fields.without(
                b"sec-websocket-protocol", b"sec-websocket-extensions", *own
            ),
        )

    def _take_response(
        self, accepted: bool, status_code: int, fields: Fields, take: Callable[[], AcceptConnection]
    ) -> AcceptConnection | RejectConnection:
        """An acceptance, found good by *take*, or a refusal."""
        if not accepted:
            self._state = TRANSITIONS[self._state, Input.RECEIVE_REJECT]
            return RejectConnection(status_code, fields.all, has_body=True)
        try:
            return take()
        except RemoteProtocolError:
            self._state = TRANSITIONS[self._state, Input.RECEIVE_BAD_RESPONSE]
            raise


__all__ = [
    "WEBSOCKET_VERSION",
    "ClientNegotiation",
    "ConnectionFactory",
    "Fields",
    "Response",
    "ServerNegotiation",
    "check_fields",
    "client_extensions_handshake",
    "encode_target",
    "offer_fields",
    "oversize",
    "own_extensions",
    "read_offer",
    "refusal",
    "server_extensions_handshake",
    "to_bytes",
]
