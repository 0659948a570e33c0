"""Whole conversations: what two applications tell their endpoints to send, and how it travels.

Owns lists of actions that are allowed, in an order that is. Must not know who plays them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

from wsproto_core.testing.actions import Action, SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.chunking import Chunking
from wsproto_core.testing.outcomes import Kind, Role
from wsproto_core.testing.settings import Deflate

from .payloads import GOOD_CLOSE_CODES, VALID_UTF8, binaries
from .streams import chunkings


@dataclass(frozen=True)
class Turn:
    """One end sends something; the other end receives it in these chunks."""

    sender: Role
    action: Action
    chunking: Chunking


@dataclass(frozen=True)
class Conversation:
    """Turns, one after the other. Only the last may be a Close frame."""

    turns: tuple[Turn, ...]
    deflate: Deflate | None


@st.composite
def messages(draw: st.DrawFn) -> SendMessage:
    """A message in one fragment or more; text is cut between characters."""
    kind: Kind = draw(st.sampled_from(["text", "binary"]))
    if kind == "text":
        units = draw(st.lists(st.sampled_from(VALID_UTF8), max_size=8))
        units += [b"a" * draw(st.sampled_from([0, 0, 0, 117, 126, 1000]))]
    else:
        data = draw(binaries())
        units = [data[i : i + 50] for i in range(0, len(data), 50)]
    cuts = draw(st.lists(st.integers(0, len(units)), max_size=3))
    edges = [0, *sorted(cuts), len(units)]
    return SendMessage(kind, tuple(b"".join(units[a:b]) for a, b in pairwise(edges)))


def pings_and_pongs() -> st.SearchStrategy[SendPing | SendPong]:
    """Control frames that may be sent at any time (RFC 6455 §5.5.2, §5.5.3)."""
    payloads = st.binary(max_size=5) | st.just(bytes(125))
    return st.builds(SendPing, payloads) | st.builds(SendPong, payloads)


def closes() -> st.SearchStrategy[SendClose]:
    """Close frames with codes that may be sent (RFC 6455 §7.4), and reasons that fit."""
    reasons = st.sampled_from(["", "bye", "é" * 61, "r" * 123])
    return st.just(SendClose(None)) | st.builds(
        SendClose, st.sampled_from(GOOD_CLOSE_CODES), reasons
    )


def agreements() -> st.SearchStrategy[Deflate]:
    """What can be agreed on about permessage-deflate. Shrinks to the defaults."""
    bits = st.sampled_from([15, 15, 14, 9, 8])
    flags = st.sampled_from([False, True])
    return st.builds(Deflate, flags, flags, bits, bits)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Conversations of a few turns. Shrinks to few turns with short messages in one read."""
    roles: st.SearchStrategy[Role] = st.sampled_from(["client", "server"])
    turns = st.builds(Turn, roles, messages() | pings_and_pongs(), chunkings())
    all_turns = draw(st.lists(turns, max_size=6))
    if draw(st.booleans()):
        all_turns.append(draw(st.builds(Turn, roles, closes(), chunkings())))
    return Conversation(tuple(all_turns), draw(st.none() | agreements()))
