"""Streams that a peer may send, for properties: mostly valid, so that they get deep.

A stream is built as an honest peer would build it: messages, fragmented, compressed, with
control frames in between, and an end. Then it is broken, mostly in one place, by a fault
that has a name. Sizes lie around the edges of the header's forms and of the limits.

Must not know any engine: whatever it makes is judged by the reference model.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from wsproto_core.testing.chunking import BYTEWISE, WHOLE, Chunking
from wsproto_core.testing.frames import CLOSE, Frame
from wsproto_core.testing.outcomes import DEFAULT_LIMITS, ReceiveLimits, Role
from wsproto_core.testing.scenarios import Scenario

from .compression import Compressor, deflate_settings
from .faults import FAULTS, HEADER_FAULTS, broken
from .frames import control_frames, masking_keys, message_frames
from .payloads import close_payloads


def chunkings() -> st.SearchStrategy[Chunking]:
    """Ways to cut a stream into reads: whole, bytewise, of one size, or at a few places.

    Shrinks to one read.
    """
    cuts = st.lists(st.integers(0, 40) | st.integers(0, 400) | st.integers(-40, -1), max_size=8)
    return st.one_of(
        st.just(WHOLE),
        st.just(BYTEWISE),
        st.sampled_from([2, 3, 4, 5, 7, 16, 1000, 16384, 65536]).map(Chunking),
        cuts.map(lambda points: Chunking(cuts=tuple(points))),
    )


@st.composite
def receive_limits(draw: st.DrawFn) -> ReceiveLimits:
    """The defaults, or one limit or all of them so small that a few frames exceed it."""
    small = draw(st.sampled_from(["", "", "", "message", "frame", "fragments", "all"]))
    some = [300, 125, 126, 20, 10, 8, 5, 3, 2, 1]
    limits = DEFAULT_LIMITS
    if small in ("message", "all"):
        size = draw(st.sampled_from([65535, 65536, *some]))
        limits = replace(limits, max_message_size=size)
    if small in ("frame", "all"):
        limits = replace(limits, max_frame_size=draw(st.sampled_from([65535, 65536, *some])))
    if small in ("fragments", "all"):
        limits = replace(limits, max_fragments=draw(st.integers(1, 4)))
    return limits


@st.composite
def scenarios(draw: st.DrawFn, *, deflate: bool) -> Scenario:
    """Streams for an endpoint with or without permessage-deflate."""
    role: Role = draw(st.sampled_from(["server", "client"]))
    settings = draw(deflate_settings()) if deflate else None
    limits = draw(receive_limits())
    if draw(st.integers(0, 19)) == 19:
        garbage = draw(st.binary(max_size=40))
        return Scenario(garbage, draw(st.booleans()), role, settings, limits, ("garbage",))

    compressor = None if settings is None else Compressor(settings)
    frames: list[Frame] = []
    faults: list[str] = []
    # One frame by itself is what implementations have a short cut for.
    alone = draw(st.integers(0, 3)) == 3
    for _ in range(1 if alone else draw(st.integers(1, 4))):
        if not alone and draw(st.integers(0, 4)) == 4:
            frames.append(draw(control_frames()))
            continue
        more, found = draw(message_frames(limits, compressor, whole=alone))
        frames += more
        faults += found
    if not alone and draw(st.booleans()):
        frames.append(Frame(CLOSE, draw(close_payloads())))
        if draw(st.booleans()):
            # Nothing of this is to be seen.
            frames.append(draw(control_frames()))
    keys = masking_keys(role)
    frames = [replace(frame, masking_key=draw(keys)) for frame in frames]

    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 1, 2]))):
        if frames:
            name = draw(st.sampled_from(HEADER_FAULTS if alone else sorted(FAULTS)))
            frames = list(FAULTS[name](draw, frames, draw(st.integers(0, len(frames) - 1))))
            faults.append(name)
    data = b"".join(frame.encode() for frame in frames)
    if draw(st.integers(0, 5)) == 5:
        data, name = draw(broken(data))
        faults.append(name)
    return Scenario(data, draw(st.booleans()), role, settings, limits, tuple(faults))
