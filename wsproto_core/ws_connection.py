"""A whole WebSocket connection over HTTP/1.1: opening handshake, then messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from os import urandom

from .connection import Connection
from .events import Event
from .handshake import H11Handshake
from .limits import DEFAULT_LIMITS, Limits
from .masking import EntropySource
from .states import ConnectionState, ConnectionType


class WSConnection:
    """One end of a WebSocket connection: events in, bytes out; bytes in, events out.

    A client sends ``Request`` and receives ``AcceptConnection`` or ``RejectConnection``;
    a server receives the one and sends the others. Then both send and receive messages,
    pings and pongs, until each has sent and received a ``CloseConnection``.

    The order of calls: after each :meth:`receive_data`, take :meth:`events` to their
    end; whatever :meth:`send` returns, write to the transport, in order.

    :param connection_type: ``ConnectionType.CLIENT`` or ``ConnectionType.SERVER``.
    :param whole_messages: give a message as one event, when it is complete, instead of
        as it arrives, piece by piece.
    :param limits: how much the peer may send.
    :param entropy: a client's source of its nonce and masking keys (RFC 6455 §4.1,
        §5.3): ``entropy(n)`` gives *n* unpredictable bytes. For tests and simulations
        that must be repeatable.
    """

    def __init__(
        self,
        connection_type: ConnectionType,
        *,
        whole_messages: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        entropy: EntropySource = urandom,
    ) -> None:
        #: True in a client, False in a server.
        self.client = connection_type is ConnectionType.CLIENT
        #: The opening handshake.
        self.handshake = H11Handshake(
            connection_type,
            limits=limits,
            entropy=entropy,
            connection_factory=partial(
                Connection, whole_messages=whole_messages, limits=limits, entropy=entropy
            ),
        )
        #: What follows it; None until it has succeeded.
        self.connection: Connection | None = None
        # The same, once all events of the handshake have been taken.
        self._opened: Connection | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} client={self.client} state={self.state}>"

    @property
    def state(self) -> ConnectionState:
        """Where the connection is in its life, by the events sent and taken."""
        if self.connection is None:
            return self.handshake.state
        return self.connection.state

    def initiate_upgrade_connection(
        self,
        headers: Iterable[tuple[bytes | str, bytes | str]],
        path: bytes | str,
        *,
        method: bytes = b"GET",
        http_version: bytes = b"1.1",
    ) -> None:
        """Server: take a request that an HTTP server has parsed already.

        See :meth:`H11Handshake.initiate_upgrade_connection
        <wsproto_core.handshake.H11Handshake.initiate_upgrade_connection>`.
        """
        self.handshake.initiate_upgrade_connection(
            headers, path, method=method, http_version=http_version
        )

    def send(self, event: Event, *, compress: bool | None = None) -> bytes:
        """Give the bytes to send for *event*.

        :param compress: for a message; see :meth:`Connection.send
            <wsproto_core.connection.Connection.send>`.

        Raises :exc:`~wsproto_core.LocalProtocolError`, and changes nothing, if the event
        is not allowed in the state, or the protocol does not allow its content.
        """
        if self.connection is not None:
            return self.connection.send(event, compress=compress)
        data = self.handshake.send(event)
        self.connection = self.handshake.connection
        return data

    def send_buffers(self, event: Event, *, compress: bool | None = None) -> list[bytes]:
        """Like :meth:`send`, but gives the bytes as buffers for ``writelines`` or
        ``sendmsg``, so that a server's large payload is not copied behind its header.
        """
        if self.connection is not None:
            return self.connection.send_buffers(event, compress=compress)
        return [self.send(event)]

    def receive_data(self, data: bytes | None) -> None:
        """Take bytes from the peer, or None for the end of the transport.

        Raises :exc:`~wsproto_core.RemoteProtocolError` for a bad opening handshake,
        which a server answers by sending its ``event_hint``. Once the connection is
        open, faults are events. Raises :exc:`~wsproto_core.LocalProtocolError` for
        bytes when the connection is ``CLOSED``, and after None. What follows a
        handshake that has failed is discarded.
        """
        if self.connection is not None:
            self.connection.receive_data(data)
            return
        self.handshake.receive_data(data)
        self.connection = self.handshake.connection

    def events(self) -> Iterator[Event]:
        """Give the events that have arrived, in order; the rest stays for the next call."""
        if self._opened is not None:
            return self._opened.events()
        return self._first_events()

    def _first_events(self) -> Iterator[Event]:
        yield from self.handshake.events()
        if self.connection is not None:
            self._opened = self.connection
            yield from self.connection.events()


__all__ = ["WSConnection"]
