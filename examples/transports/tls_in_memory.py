"""TLS around a session, without a socket: wss on a transport that knows nothing of TLS.

What such a transport does with a session, it does with a :class:`TlsEnd`, and carries ciphertext:

    end = TlsEnd(session, ssl.create_default_context(), "example.com")
    end.receive_data(read_from_somewhere(), now)     # then take session.events()
    write_somewhere(end.data_to_send())              # then do what end.transport says

``reading_paused``, ``deadline``, ``handle_timer`` and all that applications do stay the session's
own. After any of it, ask for :meth:`TlsEnd.data_to_send` again.
"""

from __future__ import annotations

from contextlib import suppress
from ssl import MemoryBIO, SSLContext, SSLError, SSLWantReadError, SSLZeroReturnError

from wsproto_core import Session, TransportAction

#: Bytes of plaintext that are encrypted, or decrypted, at once.
PIECE = 64 * 1024


class TlsEnd:
    """One end of a connection: a session, and its TLS.

    :param hostname: a client's: the server's name, which its certificate must have.
    """

    def __init__(self, session: Session, context: SSLContext, hostname: str | None = None) -> None:
        self.session = session
        self._read, self._written = MemoryBIO(), MemoryBIO()
        self._tls = context.wrap_bio(
            self._read, self._written, server_side=not session.client, server_hostname=hostname
        )
        self._unsent = b""  # plaintext
        self._transport_ended = False
        self._said_end = False
        #: What was wrong with the other end's TLS: its certificate, for one.
        self.error: SSLError | None = None

    def receive_data(self, ciphertext: bytes | None, now: float) -> None:
        """Take what the transport has read, or None (or none) for its end.

        All of it goes to the session. So let it be little at once, as ``PIECE``, and none while
        the session is ``reading_paused``.
        """
        if ciphertext:
            self._read.write(ciphertext)
        else:
            self._transport_ended = True
        while self.error is None:
            try:
                data = self._tls.read(PIECE)  # does the handshake, too
            except SSLWantReadError:
                if self._transport_ended:
                    self._lose(now)
                return
            except SSLZeroReturnError:
                data = b""
            except SSLError as exc:
                self.error = exc
                self._lose(now)
                return
            self.session.receive_data(data, now)
            if not data:  # closed in good order, by an alert (RFC 8446 §6.1)
                return

    def _lose(self, now: float) -> None:
        """The connection ends without TLS's closing alert: somebody may have cut it.

        After WebSocket's closing handshake that does not matter: the messages are complete.
        """
        if self.session.ended is None:
            self.session.transport_lost(now)
        else:
            self.session.receive_data(None, now)

    def data_to_send(self) -> bytes:
        """Ciphertext for the transport: about as much as ``PIECE``. The rest stays in the
        session, so that it knows when its output waits.
        """
        while self._written.pending < PIECE and self.error is None:
            self._unsent = self._unsent or self.session.data_to_send(PIECE)
            if not self._unsent:
                self._end()
                break
            try:
                self._unsent = self._unsent[self._tls.write(self._unsent) :]
            except SSLWantReadError:  # the handshake goes on when something has come
                break
            except SSLError as exc:
                self.error = exc
        return self._written.read()

    def _end(self) -> None:
        action = self.session.transport
        if TransportAction.KEEP < action < TransportAction.ABORT and not self._said_end:
            self._said_end = True
            with suppress(SSLError):  # it would like to wait for the other end's
                self._tls.unwrap()

    @property
    def transport(self) -> TransportAction:
        """What to do with the transport, once :meth:`data_to_send` has given all it has."""
        action = self.session.transport
        waits = self._unsent or self._written.pending or not self._said_end
        return TransportAction.KEEP if waits and action < TransportAction.ABORT else action
