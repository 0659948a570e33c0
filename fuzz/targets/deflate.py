"""permessage-deflate (RFC 7692 §7.2), its data being anything.

Invariant: as in ``frames``, with messages that are compressed: no error of zlib escapes, no
message inflates beyond its limit, pieces are of bounded size, and how the stream was cut makes
no difference, except where the RFCs leave a choice: then each reading must be one that the
reference model permits.

Input: a ``Setup``, a byte, and then either a stream of frames, or messages, which are framed
here, so that what is compressed is what changes: of each a byte of flags, the sizes of its
fragments, and their bytes.
"""

from __future__ import annotations

from dataclasses import replace

from fuzz.endpoints import Endpoint, check_echo, same
from fuzz.inputs import Setup, Source, ways
from wsproto_core.testing.frames import BINARY, CONTINUATION, PING, RSV1, TEXT, Frame
from wsproto_core.testing.outcomes import GotMessage
from wsproto_core.testing.permitting import permits

MAX_SIZE = 1024
#: What was received is sent again unless it is more.
MAX_ECHO = 1 << 18


def frames_of(source: Source, *, masked: bool) -> bytes:
    """Messages of compressed data, in frames."""
    key = b"\x00\x00\x00\x00" if masked else None
    stream = b""
    while source.left:
        flags = source.byte()
        opcode, rsv = TEXT if flags & 1 else BINARY, 0 if flags & 2 else RSV1
        for more in range(flags >> 2 & 3, -1, -1):
            # A size of 255 is as much as there is.
            size = source.byte()
            payload = source.rest() if size == 255 else source.take(size)
            stream += Frame(opcode, payload, fin=not more, rsv=rsv, masking_key=key).encode()
            opcode, rsv = CONTINUATION, 0
            if flags & 16:
                stream += Frame(PING, b"!", masking_key=key).encode()
    return stream


def check(data: bytes) -> None:
    source = Source(data[:MAX_SIZE])
    setup = Setup.read(source)
    raw = source.byte() & 1
    stream = source.rest() if raw else frames_of(source, masked=setup.role == "server")
    accounts = [
        Endpoint(setup, setup.deflate).play(stream, way) for way in (0, *ways(stream, setup.cut))
    ]
    whole = accounts[0]
    if not all(same(whole, account) for account in accounts):
        scenario = setup.scenario(stream, deflate=True)
        for account in accounts:
            assert permits(scenario, account.outcomes), f"{accounts} differ"
    messages = [each for each in whole.outcomes if isinstance(each, GotMessage)]
    if sum(len(message.payload) for message in messages) <= MAX_ECHO:
        check_echo(replace(setup, cut=0), whole, setup.deflate)
