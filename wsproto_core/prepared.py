"""Messages as they go into frames: payloads from data, once for many connections.

Owns what a message's data may be, and :class:`PreparedMessage`, which keeps the frames
that connections have in common. Knows no connection: which frame fits, its writer says.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple, final

from .errors import LocalProtocolError
from .frame_protocol import FIN, frame_header
from .typing import Event
from .words import Opcode

_TEXT: Final = int(Opcode.TEXT)
_BINARY: Final = int(Opcode.BINARY)


class SharedFrame(NamedTuple):
    """A frame with an extension, for all whose codecs have the same setting."""

    #: The whole frame.
    frame: bytes
    #: How much shorter its payload is than the message.
    saved_bytes: int


@final
class PreparedMessage(Event):
    """A message to be sent to many: encoded once, and compressed once for each deflate
    setting among them.

    Pass it to the ``send()`` of any number of connections, or to a
    :class:`~wsproto_core.group.Group`. Servers share its frames; clients must not, since
    each of their frames has a masking key of its own (RFC 6455 §5.3), but share its
    payload. Compressed, it refers to no message before it, and the connection's next one
    not past it (RFC 7692 §7.1.1 allows both): that costs a little of the ratio where a
    connection's messages are mostly its own.

    :param data: str for a text message, bytes for a binary one.

    Raises :exc:`~wsproto_core.LocalProtocolError` for data of another type, and for text
    that has no UTF-8 form.
    """

    __slots__ = ("_shared", "data", "opcode", "payload", "plain_frame")

    def __init__(self, data: str | bytes | bytearray | memoryview) -> None:
        opcode, payload = encode_payload(data)
        #: What was given, as str or bytes.
        self.data = data if isinstance(data, str) else payload
        #: ``Opcode.TEXT`` or ``BINARY``.
        self.opcode = Opcode(opcode)
        #: The bytes to send, before any extension.
        self.payload = payload
        #: A server's frame without an extension.
        self.plain_frame = frame_header(FIN | self.opcode, len(self.payload), None) + self.payload
        # A server's frames with an extension, by its codec's setting. There are few: what
        # differs between the clients of one server is their window's size.
        self._shared: dict[Hashable, SharedFrame] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.data!r})"

    def shared(self, setting: Hashable) -> SharedFrame | None:
        """What was kept for a codec's *setting*, or None."""
        return self._shared.get(setting)

    def keep(self, setting: Hashable, rsv: int, encoded: bytes) -> SharedFrame:
        """Keep, and give, the frame for *encoded*, which has the reserved bits *rsv*."""
        frame = frame_header(FIN | rsv | self.opcode, len(encoded), None) + encoded
        shared = SharedFrame(frame, len(self.payload) - len(encoded))
        self._shared[setting] = shared
        return shared


def encode_payload(data: str | bytes | bytearray | memoryview) -> tuple[int, bytes]:
    """The opcode and the payload for a message's data."""
    if isinstance(data, str):
        try:
            return _TEXT, data.encode()
        except UnicodeEncodeError as exc:
            raise unencodable("text", exc) from None
    if isinstance(data, (bytes, bytearray, memoryview)):
        return _BINARY, bytes(data)
    raise LocalProtocolError(f"a message's data must be str or bytes, not {type(data).__name__}")


def unencodable(what: str, error: UnicodeEncodeError) -> LocalProtocolError:
    """The error for text that has no UTF-8 form."""
    return LocalProtocolError(f"{what} with a surrogate at {error.start} cannot be sent as UTF-8")


__all__ = ["PreparedMessage", "SharedFrame", "encode_payload", "unencodable"]
