"""Frames, without extensions (RFC 6455 §5).

Invariant: whatever the stream, the role and the limits, nothing raises; what is given is the
same whole (the fast paths), bytewise (the general ones) and in any other pieces; there is one
last event, which is true and can be answered; a message has no more bytes than have arrived,
nor than its limit; and all that was received can be sent, and arrives as it was.

Input: a ``Setup``, then the stream.
"""

from __future__ import annotations

from fuzz.endpoints import Endpoint, check_echo, same
from fuzz.inputs import Setup, Source, ways

MAX_SIZE = 1024


def check(data: bytes) -> None:
    source = Source(data[:MAX_SIZE])
    setup = Setup.read(source)
    stream = source.rest()
    whole = Endpoint(setup, None).play(stream, 0)
    for way in ways(stream, setup.cut):
        account = Endpoint(setup, None).play(stream, way)
        assert same(whole, account), f"whole {whole}, cut in way {way} {account}"
    check_echo(setup, whole, None)
