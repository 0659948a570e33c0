"""A group of sessions, the one that is simulated and others that are idle otherwise.

Owns what must be true of a broadcast: who gets it, who does not, and that what each gets is
the one frame of the message, and nothing else.
"""

from __future__ import annotations

import random
import zlib
from typing import Final

from tests.wire import BINARY, CLIENT, SERVER, TEXT, frame
from wsproto_core import ConnectionState
from wsproto_core.events import BytesMessage
from wsproto_core.extensions import PerMessageDeflate
from wsproto_core.group import Group
from wsproto_core.session import Session, SessionConfig

from .draws import Data, agree, size_of
from .link import Peer

#: What the others are: in each group some of them, or none.
_HEAR: Final = ("plain", "plain alike", "with a time limit", "compressed", "compressed alike")
_DO_NOT: Final = ("within a message", "closed")


class Audience:
    """Who hears what a session's application says to all.

    :param peer: for the time and the record.
    """

    def __init__(self, peer: Peer, session: Session) -> None:
        self._peer = peer
        self._session = session
        # Its own, so that the rest of the schedule does not depend on it.
        rng = random.Random(f"{peer.world.seed} {peer.name}")
        self._others = {
            self._other(kind): kind
            for kind in rng.sample(_HEAR + _DO_NOT, rng.choice((0, 2, 4, 7)))
        }
        self._group = Group(self._others)
        for other, kind in self._others.items():
            if kind == "within a message":
                other.send(BytesMessage(b"!", message_finished=False), peer.world.now)
            elif kind == "closed":
                other.close(peer.world.now)
            other.data_to_send()
        self._payload_sent = 0
        self._inflaters = {other: zlib.decompressobj(-15) for other in self._others}

    def _other(self, kind: str) -> Session:
        config = SessionConfig(
            idle_timeout=60.0 if kind == "with a time limit" else None, ping_interval=None
        )
        extensions = []
        if kind.startswith("compressed"):
            client, server = _small(), _small()
            agree(client, server)
            extensions.append(client if self._peer.client else server)
        # Keys of zeros: a client's payload can be read.
        connection = config.make_connection(self._peer.role, extensions, entropy=bytes)
        return Session.over(connection, now=self._peer.world.now, config=config)

    def send(self, data: Data) -> bool:
        """Send to all; whether to the session that is simulated."""
        peer = self._peer
        session = self._session
        open_now = session.state is ConnectionState.OPEN
        if open_now:
            self._group.add(session)
        member = session in self._group
        expected = {
            "sent": [s for s, kind in self._others.items() if kind in _HEAR],
            "slow": [s for s, kind in self._others.items() if kind == "within a message"],
            "closed": [s for s in self._group if self._others.get(s) == "closed"],
        }
        sent = open_now and session.writable and not session.fragmenting
        if member:
            expected["sent" if sent else "slow" if open_now else "closed"].append(session)
        report = self._group.send(data, peer.world.now)
        if (
            report.sent != len(expected["sent"])
            or set(report.slow) != set(expected["slow"])
            or set(report.closed) != set(expected["closed"])
        ):
            peer.fail(f"a group gives {report}, not {expected}")
        self._payload_sent += size_of(data)
        alike = set()
        for other, kind in self._others.items():
            output = other.data_to_send()
            if kind in _DO_NOT:
                if output:
                    peer.fail(f"{output!r} to a member that is {kind}")
                continue
            self._check(other, kind, data, output)
            if other.statistics().payload_bytes_sent != self._payload_sent:
                peer.fail(f"payload sent to a member that is {kind} is miscounted")
            if kind.startswith("compressed"):
                alike.add(output)
        if len(alike) > 1:
            peer.fail("members that are alike were sent different frames")
        reached = peer.world.reached
        reached["group sent" if sent else "group did not send"] += 1
        for what, members in expected.items():
            reached[f"group of several: {what}"] += bool(members) and len(self._group) > 1
        reached["group of several: compressed"] += any(output[0] & 0x40 for output in alike)
        return sent

    def _check(self, other: Session, kind: str, data: Data, output: bytes) -> None:
        """An output is a message's frame."""
        opcode, payload = (TEXT, data.encode()) if isinstance(data, str) else (BINARY, data)
        to = SERVER if self._peer.client else CLIENT
        key = bytes(4)
        if output[:1] and output[0] & 0x40 and kind.startswith("compressed"):
            for extra in (0, 2, 8):
                size = len(output) - 2 - extra - 4 * self._peer.client
                head = frame(opcode, to=to, rsv=4, length=size, key=key)
                if size >= 0 and output.startswith(head):
                    encoded = output[len(head) :] + b"\0\0\xff\xff"
                    if self._inflaters[other].decompress(encoded) == payload:
                        return
        elif output == frame(opcode, to=to, length=len(payload), key=key) + payload:
            return
        self._peer.fail(f"{output[:40]!r} of {data[:40]!r} to a member that is {kind}")


def _small() -> PerMessageDeflate:
    return PerMessageDeflate(
        client_max_window_bits=9, server_max_window_bits=9, memory_level=1, threshold=20
    )


__all__ = ["Audience"]
