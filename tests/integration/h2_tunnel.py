"""WebSocket over HTTP/2 (RFC 8441), with h2 as the client: a transport for ``peer.Peer``."""

from __future__ import annotations

import socket

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from .peer import Answer, Offer, Peer
from .processes import TIMEOUT


class Tunnel:
    """One stream of an HTTP/2 connection of its own."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._socket.settimeout(TIMEOUT)
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="ascii")
        )
        self._received = bytearray()
        self._ended = False
        self._answer: dict[str, str] | None = None
        self._stream_id = 0
        self._h2.initiate_connection()
        self._flush()

    def open(self, port: int, offer: Offer) -> dict[str, str]:
        """Send an extended CONNECT (RFC 8441 §4); give the fields of the answer."""
        while not self._h2.remote_settings[h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL]:
            assert not self._ended, "the server does not offer extended CONNECT"
            self._pump()
        self._stream_id = self._h2.get_next_available_stream_id()
        self._h2.send_headers(
            self._stream_id,
            [
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":scheme", "http"),
                (":authority", f"127.0.0.1:{port}"),
                (":path", offer.path),
                *offer.fields(),
            ],
        )
        self._flush()
        while self._answer is None:
            assert not self._ended, "no answer"
            self._pump()
        return self._answer

    def _flush(self) -> None:
        self._socket.sendall(self._h2.data_to_send())

    def _pump(self) -> None:
        """Take what comes next from the server."""
        data = self._socket.recv(65536)
        if not data:
            self._ended = True
            return
        for event in self._h2.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                assert event.headers is not None
                self._answer = {str(name): str(value) for name, value in event.headers}
            elif isinstance(event, h2.events.DataReceived):
                self._received += event.data or b""
                if event.flow_controlled_length:
                    self._h2.acknowledge_received_data(
                        event.flow_controlled_length, self._stream_id
                    )
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                self._ended = True
        self._flush()

    def sendall(self, data: bytes, /) -> None:
        while data:
            size = min(
                self._h2.local_flow_control_window(self._stream_id),
                self._h2.max_outbound_frame_size,
            )
            if size > 0:
                self._h2.send_data(self._stream_id, data[:size])
                self._flush()
                data = data[size:]
            else:
                self._pump()

    def recv(self, size: int, /) -> bytes:
        while not self._received and not self._ended:
            self._pump()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def close(self) -> None:
        self._socket.close()

    def abort(self) -> None:
        """Reset the stream, as a browser does that leaves the page (RFC 8441 §5)."""
        self._h2.reset_stream(self._stream_id, h2.errors.ErrorCodes.CANCEL)
        self._flush()


def dial(port: int, offer: Offer) -> Answer:
    """Open a connection to a server over HTTP/2."""
    tunnel = Tunnel(port)
    try:
        fields = tunnel.open(port, offer)
        status = int(fields.pop(":status"))
        if status == 200:
            return Answer(status, fields, opened=Peer(tunnel, client=True))
        body = b""
        while data := tunnel.recv(65536):
            body += data
    except BaseException:
        tunnel.close()
        raise
    tunnel.close()
    return Answer(status, fields, body)
