"""``examples/transports/tls_in_memory``: TLS without sockets, and with those of others."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from threading import Thread
from time import monotonic

import pytest
from websockets.exceptions import ConnectionClosedOK

from examples.transports.conversation import Conversation
from examples.transports.tls_in_memory import TlsEnd
from wsproto_core import ConnectionType, EndCause, Session, TransportAction
from wsproto_core import events as ev

from .certificates import Certificates
from .processes import TIMEOUT

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


class Joined:
    """A client and a server, both with TLS; the test carries the ciphertext."""

    def __init__(
        self, certificates: Certificates, *, chunk: int = 65536, hostname: str = "localhost"
    ) -> None:
        self.chunk = chunk
        self.conversations = [
            Conversation(Session(role, now=0), lambda: 0)
            for role in (ConnectionType.CLIENT, ConnectionType.SERVER)
        ]
        client, server = (each.session for each in self.conversations)
        client.send(ev.Request(host="localhost", target="/"), 0)
        self.client = TlsEnd(client, certificates.for_client(), hostname)
        self.server = TlsEnd(server, certificates.for_server())
        self.wire = b""  # all that has been written
        self.finished: set[TlsEnd] = set()
        #: Whether an end of the transport is carried.
        self.ends = True

    def carry(self) -> None:
        """Carry bytes until there are none."""
        while self._carry(self.client, self.server) | self._carry(self.server, self.client):
            pass

    def _carry(self, end: TlsEnd, other: TlsEnd) -> bool:
        data = end.data_to_send()
        self.wire += data
        for at in range(0, len(data), self.chunk):
            other.receive_data(data[at : at + self.chunk], 0)
            self._take_events()
        if end.transport is not TransportAction.KEEP and end not in self.finished and self.ends:
            self.finished.add(end)
            other.receive_data(None, 0)
            self._take_events()
            return True
        return bool(data)

    def _take_events(self) -> None:
        for conversation in self.conversations:
            conversation.take_events()


@pytest.mark.parametrize("chunk", [1, 7, 65536])
def test_conversation(certificates: Certificates, chunk: int) -> None:
    joined = Joined(certificates, chunk=chunk)
    client, server = joined.conversations
    joined.carry()
    client.send("hello " * 10)
    joined.carry()
    assert server.next_message() == "hello " * 10
    server.send(bytes(range(256)) * 200)
    joined.carry()
    assert client.next_message() == bytes(range(256)) * 200
    client.close(4000, "bye")
    joined.carry()
    for each in joined.conversations:
        assert each.end is not None
        assert (each.end.code, each.end.clean) == (4000, True)
    assert b"hello" not in joined.wire
    assert b"GET " not in joined.wire
    assert joined.client.error is joined.server.error is None
    assert {joined.client.transport, joined.server.transport} == {TransportAction.CLOSE}


@pytest.mark.parametrize("alert", [False, True])
def test_end_without_closing_handshake_is_loss(certificates: Certificates, alert: bool) -> None:
    joined = Joined(certificates)
    joined.carry()
    client, server = joined.conversations
    client.send("last words")
    if alert:
        data = joined.client.data_to_send()
        with pytest.raises(ssl.SSLWantReadError):
            joined.client._tls.unwrap()
        joined.server.receive_data(data + joined.client.data_to_send(), 0)
    else:
        joined.server.receive_data(joined.client.data_to_send(), 0)
        joined.server.receive_data(b"", 0)
    server.take_events()
    assert server.next_message() == "last words"
    assert server.end is not None
    assert (server.end.code, server.end.cause) == (1006, EndCause.LOST)
    # Only without TLS's alert may somebody have cut it.
    expected = TransportAction.CLOSE if alert else TransportAction.ABORT
    joined.server.data_to_send()
    assert joined.server.transport is expected


def test_end_without_alert_behind_closing_handshake_is_clean(certificates: Certificates) -> None:
    joined = Joined(certificates)
    joined.carry()
    joined.ends = False
    joined.conversations[0].close()
    joined.client.session.close(0)
    joined.server.receive_data(joined.client.data_to_send(), 0)
    joined._take_events()
    joined.server.receive_data(None, 0)
    joined._take_events()
    end = joined.conversations[1].end
    assert end is not None
    assert end.clean
    assert joined.server.data_to_send()  # the answer, and the alert
    assert joined.server.transport is TransportAction.CLOSE


def test_certificate_of_another_name(certificates: Certificates) -> None:
    joined = Joined(certificates, hostname="example.com")
    joined.carry()
    assert isinstance(joined.client.error, ssl.SSLCertVerificationError)
    assert isinstance(joined.server.error, ssl.SSLError)  # the client's alert says why
    assert "CERTIFICATE" in str(joined.server.error).upper()
    for each in joined.conversations:
        assert each.end is not None
        assert each.end.cause is EndCause.LOST


def test_plaintext_is_no_tls(certificates: Certificates) -> None:
    joined = Joined(certificates)
    joined.server.receive_data(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 0)
    joined._take_events()
    assert joined.server.error is not None
    assert joined.conversations[1].end is not None
    assert joined.server.transport is TransportAction.ABORT


def test_back_pressure_both_ways(certificates: Certificates) -> None:
    joined = Joined(certificates)
    joined.carry()
    client, server = joined.conversations
    sent = 0
    while client.may_send():
        client.send(sent.to_bytes(4) * 4096)
        sent += 1
        assert sent < 100
    assert client.session.output_pending >= 64 * 1024
    while not server.session.reading_paused:  # nobody asks for its messages
        while client.may_send():
            client.send(sent.to_bytes(4) * 4096)
            sent += 1
        joined.server.receive_data(joined.client.data_to_send(), 0)
        server.take_events()
        assert sent < 1000
    # Nothing is lost of what waits on the way.
    for n in range(sent):
        while (message := server.next_message()) is None:
            joined.carry()
        server.take_events()
        assert message == n.to_bytes(4) * 4096


class OnSocket:
    """A client on a blocking socket."""

    def __init__(self, sock: socket.socket, session: Session, context: ssl.SSLContext) -> None:
        self.sock, self.conversation = sock, Conversation(session, monotonic)
        self.end = TlsEnd(session, context, "localhost" if session.client else None)

    def step(self) -> None:
        self.conversation.take_events()
        while data := self.end.data_to_send():
            self.sock.sendall(data)

    def recv(self) -> str | bytes:
        while (message := self.conversation.next_message()) is None:
            self.end.receive_data(self.sock.recv(65536), monotonic())
            self.step()
        return message


def test_server_of_websockets(certificates: Certificates) -> None:
    import websockets.sync.server

    def echo(connection: websockets.sync.server.ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with websockets.sync.server.serve(
        echo, "127.0.0.1", 0, ssl=certificates.for_server()
    ) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        sock = socket.create_connection(server.socket.getsockname(), TIMEOUT)
        with closing(sock):
            session = Session(ConnectionType.CLIENT, now=monotonic())
            session.send(ev.Request(host="localhost", target="/"), monotonic())
            client = OnSocket(sock, session, certificates.for_client())
            client.step()
            while client.conversation.opened() is None:
                client.end.receive_data(sock.recv(65536), monotonic())
                client.step()
            for message in ("hello", "é" * 3000, bytes(range(256)) * 4096):
                client.conversation.send(message)
                client.step()
                assert client.recv() == message
            client.conversation.close(4000)
            client.step()
            while client.end.transport is TransportAction.KEEP:
                client.end.receive_data(sock.recv(65536), monotonic())
                client.step()
            end = client.conversation.end
            assert end is not None
            assert (end.code, end.clean) == (4000, True)
            assert client.end.error is None
        server.shutdown()
        serving.join()


def test_client_of_websockets(certificates: Certificates) -> None:
    import websockets.sync.client

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            with closing(listening.accept()[0]) as sock:
                sock.settimeout(TIMEOUT)
                session = Session(ConnectionType.SERVER, now=monotonic())
                server = OnSocket(sock, session, certificates.for_server())
                server.conversation.send(server.recv())
                server.conversation.close(1001, "done")
                server.step()
                while server.end.transport is not TransportAction.CLOSE:
                    if server.end.transport is TransportAction.END_WRITING:
                        sock.shutdown(socket.SHUT_WR)
                    server.end.receive_data(sock.recv(65536), monotonic())
                    server.step()

        serving = Thread(target=serve)
        serving.start()
        with websockets.sync.client.connect(
            f"wss://localhost:{listening.getsockname()[1]}",
            ssl=certificates.for_client(),
            proxy=None,
        ) as client:
            client.send("hello")
            assert client.recv(TIMEOUT) == "hello"
            with pytest.raises(ConnectionClosedOK):
                client.recv(TIMEOUT)
            assert (client.close_code, client.close_reason) == (1001, "done")
        serving.join()
