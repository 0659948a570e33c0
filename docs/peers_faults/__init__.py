"""Where other implementations differ from the RFCs: what lies behind the cases they fail.

A module an implementation. :mod:`docs.peers_table` checks that every failed case is shown by a
fault that is told here, and that every case named here has failed.
"""

from __future__ import annotations

from typing import Final

from . import aiohttp, picows, tornado, websockets, ws, wsproto
from .fault import Fault

__all__ = ["FAULTS", "Fault"]

#: By the peer's name, as in :data:`docs.peers_table.PEERS`.
FAULTS: Final[dict[str, tuple[Fault, ...]]] = {
    "wsproto": wsproto.FAULTS,
    "websockets-sansio": websockets.SANS_IO,
    "websockets": websockets.ASSEMBLED,
    "aiohttp": aiohttp.FAULTS,
    "picows": picows.FAULTS,
    "tornado": tornado.FAULTS,
    "ws": ws.FAULTS,
}
