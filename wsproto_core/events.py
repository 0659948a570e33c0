"""The events: what is sent and received, as plain values.

The same classes serve both directions: pass one to ``send()`` to get the bytes for it,
take the peer's from ``events()``. Treat them as immutable. They are slotted dataclasses,
not frozen ones, because freezing makes each four times as slow to create.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .errors import LimitExceeded, RemoteProtocolError
from .extension_api import Extension
from .message_fields import MessageFields
from .typing import Event, Headers
from .words import CloseReason


@dataclass(slots=True, unsafe_hash=True)
class Request(Event):
    """A client's opening handshake (RFC 6455 §4.1)."""

    #: The value of the Host header: ``"example.com"`` or ``"example.com:8080"``. An
    #: internationalized name may be given as it is written; it is sent in IDNA's form,
    #: and is decoded from it when received.
    host: str
    #: The resource name: path and query, ``"/chat?room=1"``.
    target: str
    #: Sent: :class:`~wsproto_core.extensions.Extension` objects to offer. Received: the
    #: client's offers, each as ``"name; parameter=value"``, in its order of preference.
    extensions: Sequence[Extension] | Sequence[str] = field(default_factory=list)
    #: Sent: more header fields. Received: the others, without Host,
    #: Sec-WebSocket-Extensions and Sec-WebSocket-Protocol.
    extra_headers: Headers = field(default_factory=list)
    #: The subprotocols that the client speaks, in its order of preference.
    subprotocols: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str | None:
        """Where the page that connects comes from (RFC 6455 §10.2), such as
        ``"https://example.com"``; None for a client that is no browser.
        """
        for name, value in self.extra_headers:
            if name.lower() == b"origin":
                return value.decode("latin-1")
        return None


@dataclass(slots=True, unsafe_hash=True)
class AcceptConnection(Event):
    """The server's consent (RFC 6455 §4.2.2): from here on there are messages."""

    #: The one that the server chose of the client's subprotocols, or None.
    subprotocol: str | None = None
    #: Sent: the extensions that the server is willing to use. Received: those agreed on.
    extensions: Sequence[Extension] = field(default_factory=list)
    #: Header fields beyond those of the handshake itself.
    extra_headers: Headers = field(default_factory=list)


@dataclass(slots=True, unsafe_hash=True)
class RejectConnection(Event):
    """The server's refusal: an HTTP response other than 101 (RFC 6455 §4.2.2)."""

    #: The HTTP status.
    status_code: int = 400
    #: The header fields of the response. Without a Content-Length a body is sent
    #: chunked.
    headers: Headers = field(default_factory=list)
    #: Whether :class:`RejectData` follows. Always true of a refusal that is received.
    has_body: bool = False


@dataclass(slots=True, unsafe_hash=True)
class RejectData(Event):
    """A piece of the body of a refusal."""

    #: The bytes; may be empty.
    data: bytes
    #: Whether the body ends here.
    body_finished: bool = True


@dataclass(slots=True, unsafe_hash=True, repr=False)
class CloseConnection(Event):
    """A Close frame (RFC 6455 §5.5.1), or that there will be no more of anything.

    It is received exactly once, as the last event of a connection that was open:

    * ``error`` is None, ``code`` is not 1006: the peer has sent a Close frame.
    * ``error`` is None, ``code`` is 1006: the transport ended without one.
    * ``error`` is set: the peer was at fault and this endpoint fails the connection
      (§7.1.7); ``code`` and ``reason`` are what it should be told.

    Where the state is then ``REMOTE_CLOSING``, a Close frame is owed: send
    :meth:`response`.
    """

    #: The close code (§7.4); 1005 if the frame had none. Sending 1005 sends none.
    code: int
    #: The close reason. What is longer than 123 bytes is cut, at a character, on sending.
    reason: str | None = None
    #: Why this endpoint fails the connection; None for what the peer sent.
    error: RemoteProtocolError | None = field(default=None, compare=False, kw_only=True)

    def __repr__(self) -> str:
        error = "" if self.error is None else f", error={self.error!r}"
        return f"{type(self).__name__}(code={self.code!r}, reason={self.reason!r}{error})"

    def response(self) -> CloseConnection:
        """The Close to send in answer: the peer's code and reason back (§5.5.1), or those
        that tell it its fault (§7.1.7).
        """
        return CloseConnection(code=self.code, reason=self.reason)


T = TypeVar("T", bound="bytes | bytearray | memoryview | str")


@dataclass(slots=True, unsafe_hash=True)
class Message(MessageFields, Event, Generic[T]):
    """A message or a piece of one (RFC 6455 §5.6).

    Received are always its subclasses. Sent may be any of them: str goes as text,
    bytes, bytearray and memoryview as binary.
    """

    #: The payload, or the piece of it that has arrived.
    data: T = field()  # said to have no default, which it might seem to inherit
    #: Whether the frame that the piece is from ends here. Without meaning to an
    #: application: intermediaries may change the frames of a message.
    frame_finished: bool = True
    #: Whether the message ends here. To send a message in fragments, say False for all
    #: but its last.
    message_finished: bool = True


@dataclass(slots=True, unsafe_hash=True)
class TextMessage(Message[str]):
    """A text message or a piece of one; pieces are cut between characters."""


@dataclass(slots=True, unsafe_hash=True)
class BytesMessage(Message["bytes | bytearray | memoryview"]):
    """A binary message or a piece of one; bytes when received."""


@dataclass(slots=True, unsafe_hash=True)
class Ping(Event):
    """A ping (RFC 6455 §5.5.2): send :meth:`response` as soon as is practical."""

    #: At most 125 bytes.
    payload: bytes = b""

    def response(self) -> Pong:
        """The pong that answers it, with the same payload (§5.5.3)."""
        return Pong(payload=self.payload)


@dataclass(slots=True, unsafe_hash=True)
class Pong(Event):
    """A pong (RFC 6455 §5.5.3): the answer to a ping, or a one-sided heartbeat."""

    #: At most 125 bytes.
    payload: bytes = b""


def fault(code: int, message: str) -> RemoteProtocolError:
    """The error for a peer's fault on an open connection, with the Close that tells it."""
    return RemoteProtocolError(message, CloseConnection(code=code, reason=message))


def excess(message: str) -> LimitExceeded:
    """The error for a peer that sends more than is accepted, with its Close (1009)."""
    return LimitExceeded(message, CloseConnection(code=CloseReason.MESSAGE_TOO_BIG, reason=message))


def failure(error: RemoteProtocolError) -> CloseConnection:
    """The last event of a connection that is failed for *error*, whose hint says what to
    tell the peer.
    """
    hint = error.event_hint
    if not isinstance(hint, CloseConnection):
        hint = CloseConnection(CloseReason.PROTOCOL_ERROR, str(error))
    return CloseConnection(hint.code, hint.reason, error=error)


__all__ = [
    "AcceptConnection",
    "BytesMessage",
    "CloseConnection",
    "Event",
    "Message",
    "Ping",
    "Pong",
    "RejectConnection",
    "RejectData",
    "Request",
    "TextMessage",
    "excess",
    "failure",
    "fault",
]
