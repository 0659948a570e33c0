"""Frames of honest peers: messages in fragments, with control frames in between."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import strategies as st

from wsproto_core.testing.frames import BINARY, CONTINUATION, PING, PONG, RSV1, TEXT, Frame
from wsproto_core.testing.outcomes import ReceiveLimits, Role

from .compression import Compressor
from .payloads import binaries, noise, texts


def masking_keys(role: Role) -> st.SearchStrategy[bytes | None]:
    """What the peer of *role* masks with."""
    if role == "client":
        return st.none()
    return st.sampled_from([b"\x00\x00\x00\x00", b"\x01\x02\x03\x04", b"\xff\x00\x80\x7f"])


@st.composite
def control_frames(draw: st.DrawFn) -> Frame:
    """Pings and Pongs."""
    size = draw(st.sampled_from([0, 1, 4, 125]))
    return Frame(draw(st.sampled_from([PING, PONG])), noise(1, size))


@st.composite
def message_frames(
    draw: st.DrawFn,
    limits: ReceiveLimits,
    compressor: Compressor | None,
    *,
    whole: bool = False,
) -> tuple[list[Frame], list[str]]:
    """A message in one frame or more, with control frames in between; and its faults.

    :param whole: in one frame.
    """
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    payload = draw(texts(limits) if opcode == TEXT else binaries(limits))
    rsv, faults = 0, []
    if compressor is not None and draw(st.integers(0, 3)):
        payload, fault = compressor.message(draw, payload)
        rsv, faults = RSV1, [fault] if fault else []
    cuts = st.lists(st.integers(0, len(payload)) | st.integers(0, 5), max_size=4)
    edges = [0, *sorted(min(cut, len(payload)) for cut in ([] if whole else draw(cuts)))]
    edges.append(len(payload))
    frames: list[Frame] = []
    for a, b in pairwise(edges):
        if frames and draw(st.integers(0, 3)) == 3:
            frames.append(draw(control_frames()))
        frames.append(Frame(CONTINUATION, payload[a:b], fin=False))
    frames[0] = replace(frames[0], opcode=opcode, rsv=rsv)
    frames[-1] = replace(frames[-1], fin=True)
    return frames, faults
