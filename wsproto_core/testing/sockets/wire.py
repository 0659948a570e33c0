"""The bytes that an endpoint with a socket sends, as they come: how far they go, and little more.

Enough to know when to stop waiting; what they are worth is the model's business. Also the
parameters of permessage-deflate, as requests and responses have them. Must not do I/O.
"""

from __future__ import annotations

import re

from wsproto_core.testing.frames import CLOSE, PONG
from wsproto_core.testing.model.receiving import unmask
from wsproto_core.testing.settings import Deflate


class Watch:
    """Walks along the frames of a stream while it grows; it may break any rule."""

    def __init__(self) -> None:
        self.data = bytearray()
        #: Where the frame begins that is not complete yet.
        self.position = 0
        #: How many messages have come to their end.
        self.messages = 0
        #: The payloads of the Pong frames.
        self.pongs: list[bytes] = []
        #: A Close frame is there. What follows is not looked at.
        self.closed = False

    def feed(self, data: bytes) -> None:
        """More of the stream has arrived."""
        self.data += data
        while not self.closed and self._next_frame():
            pass

    def _next_frame(self) -> bool:
        data, start = self.data, self.position
        header = self._header()
        if header is None:
            return False
        payload_start, end = header
        if end > len(data):
            return False
        self.position = end
        opcode = data[start] & 0x0F
        if opcode < 0x8:
            self.messages += data[start] >> 7
        elif opcode == PONG:
            key = bytes(data[payload_start - 4 : payload_start]) if data[start + 1] >> 7 else None
            self.pongs.append(unmask(bytes(data[payload_start:end]), key))
        elif opcode == CLOSE:
            self.closed = True
        return True

    def _header(self) -> tuple[int, int] | None:
        """Where the payload of the next frame begins, and where it ends."""
        data, start = self.data, self.position
        if len(data) < start + 2:
            return None
        length = data[start + 1] & 0x7F
        size = {126: 2, 127: 8}.get(length, 0)
        payload_start = start + 2 + size + 4 * (data[start + 1] >> 7)
        if len(data) < payload_start:
            return None
        if size:
            length = int.from_bytes(data[start + 2 : start + 2 + size], "big")
        return payload_start, payload_start + length


def stops_within_a_frame(data: bytes) -> bool:
    """Whether a stream of frames stops before the last of them is complete.

    Nothing can be sent behind such a stream without becoming a part of that frame.
    """
    watch = Watch()
    watch.feed(data)
    return not watch.closed and watch.position < len(data)


def split_head(data: bytes) -> tuple[bytes, bytes] | None:
    """The head of an HTTP message of a case, and what follows; None if it is not complete.

    For the kit's own bytes, that may be wrong in any way: lines may end without CR. In the head
    that is given they have one.
    """
    end = re.search(rb"\r?\n\r?\n", data)
    if end is None:
        return None
    return re.sub(rb"\r?\n", b"\r\n", data[: end.end()]), data[end.end() :]


# permessage-deflate ----------------------------------------------------------------------


def deflate_of(extensions: str) -> Deflate | None:
    """What a response agrees on, read as generously as its grammar allows. None for no extension.

    Raises ValueError for whatever is not permessage-deflate.
    """
    elements = [element for element in extensions.split(",") if element.strip()]
    if not elements:
        return None
    name, parameters = _parameters_of(", ".join(elements))
    windows = {
        key: int(parameters.pop(key, "15"))
        for key in ("server_max_window_bits", "client_max_window_bits")
    }
    flags = {
        key: parameters.pop(key, None) is not None
        for key in ("server_no_context_takeover", "client_no_context_takeover")
    }
    if name != "permessage-deflate" or parameters:
        raise ValueError(f"not permessage-deflate: {extensions}")
    return Deflate(
        server_no_context_takeover=flags["server_no_context_takeover"],
        client_no_context_takeover=flags["client_no_context_takeover"],
        server_max_window_bits=windows["server_max_window_bits"],
        client_max_window_bits=windows["client_max_window_bits"],
    )


def allows(offers: str, deflate: Deflate) -> bool:
    """Whether a server may answer a client's *offers* with just these parameters."""
    return any(_allows(*_parameters_of(offer), deflate) for offer in offers.split(","))


def _allows(name: str, offered: dict[str, str], deflate: Deflate) -> bool:
    # RFC 7692 §7.1.2.2: without client_max_window_bits in the offer, the response must not have
    # it. For the other three a server may ask by itself (§7.1.1.1, §7.1.1.2, §7.1.2.1).
    hint = offered.get("client_max_window_bits", "0")
    most = {"client": _bits(hint), "server": _bits(offered.get("server_max_window_bits", ""))}
    return (
        name == "permessage-deflate"
        and (
            deflate.client_max_window_bits == 15 or deflate.client_max_window_bits <= most["client"]
        )
        and deflate.server_max_window_bits <= most["server"]
        and (deflate.server_no_context_takeover or "server_no_context_takeover" not in offered)
    )


def _bits(value: str) -> int:
    """A window size; the largest if none is given, none at all if it is not a number."""
    return (int(value) if value.isdecimal() else 0) if value else 15


def _parameters_of(extension: str) -> tuple[str, dict[str, str]]:
    name, *parameters = (part.strip() for part in extension.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    # No value that counts has a quotation mark or a backslash of its own.
    return name, {key.strip(): re.sub(r'[ \t"\\]', "", value) for key, _, value in pairs}
