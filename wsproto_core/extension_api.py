"""What an extension is (RFC 6455 §9): the contract between one and the engine.

An :class:`Extension` is configuration and negotiation: it can be kept and used for any
number of connections. Once agreed upon, it makes a :class:`MessageCodec` for each
connection, which holds that connection's state and transforms its messages. Neither
sees a parser, a header or a socket.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from .words import Opcode


class MessageCodec(ABC):
    """One connection's transformation of message payloads.

    A message is transformed as a whole or not at all, and says so by the reserved bit
    of its first frame. The engine calls, for each such message that is

    * received: :meth:`feed` with each piece of payload as it arrives, and after each
      :meth:`read` until :attr:`pending` is false;
    * sent: :meth:`applies_to` once, then :meth:`encode` for each fragment.
    """

    __slots__ = ()

    #: True while :meth:`read` may have more to give without being fed.
    pending: bool

    @abstractmethod
    def feed(self, payload: bytes, fin: bool) -> None:
        """Take the next piece of a received message; *fin* says that it is the last."""

    @abstractmethod
    def read(self, limit: int) -> bytes:
        """Give the next piece of the decoded message, of at most *limit* bytes (which is at
        least 1); may be empty, and may be less than there is.

        Sets :attr:`pending`. Raises :exc:`~wsproto_core.RemoteProtocolError`, with a
        ``CloseConnection`` as its hint, for a payload that cannot be decoded.
        """

    @abstractmethod
    def applies_to(self, opcode: Opcode, size: int) -> bool:
        """Whether to transform a message to be sent whose first fragment is *size* bytes."""

    @abstractmethod
    def encode(self, payload: bytes, fin: bool) -> bytes:
        """Transform the next fragment of a message to be sent, so that it can be decoded
        on arrival; *fin* says that it is the last.
        """

    @property
    def sharing_setting(self) -> Hashable | None:
        """What :meth:`encode_shared` depends on beside the payload: codecs with an equal
        setting can send each other's. No other extension's is like it: let the class be a
        part of it. None, unless overridden: nothing can be shared.
        """
        return None

    def encode_shared(self, payload: bytes) -> bytes:
        """Transform a whole message so that it refers to no other, and leave this codec
        as it is. Only called where there is a :attr:`sharing_setting`.
        """
        raise NotImplementedError

    def sent_shared(self) -> None:
        """The connection sends what an :meth:`encode_shared` gave: nothing that is encoded
        later may refer to what was before.
        """


class Extension(ABC):
    """An extension's configuration and negotiation.

    A handshake negotiates on a :func:`copy.copy` of what it is given, so that one object
    serves any number of connections, in any number of threads.
    """

    #: The registered name (RFC 6455 §11.4).
    name: str
    #: The reserved bit that marks this extension's messages: 0x40 (RSV1), 0x20, 0x10,
    #: or 0 if it transforms none. Of those that do, a connection can have one.
    rsv: int = 0

    def __copy__(self) -> Self:
        # What copy.copy() does by itself, but without asking how: a handshake needs it.
        clone = type(self).__new__(type(self))
        vars(clone).update(vars(self))
        return clone

    def enabled(self) -> bool:
        """Whether the last negotiation agreed on this extension."""
        return False

    def reset(self) -> None:
        """Forget the last negotiation: a server is about to begin another."""

    @abstractmethod
    def offer(self) -> bool | str:
        """Client: what to offer: parameters, True for none, False for no offer."""

    def accept(self, offer: str) -> bool | str | None:
        """Server: judge one *offer*, as ``name; parameters``.

        Returns the parameters of the response, True for none, and None or False to
        decline, whereupon the client's next offer is tried.
        """
        return None

    def finalize(self, offer: str) -> None:
        """Client: take the server's response, as ``name; parameters``.

        Raises :exc:`~wsproto_core.RemoteProtocolError` if it does not answer the offer.
        """

    def codec(self, client: bool) -> MessageCodec | None:
        """Make the state of one connection, for its client or its server end; None if
        this extension transforms no messages.
        """
        return None


__all__ = ["Extension", "MessageCodec"]
