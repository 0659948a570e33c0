"""The libraries that are compared. To add one: a class beside this, and a line below."""

from __future__ import annotations

import importlib
import sys

from suite.peers.base import Deflate, Engine, Peer, UnsupportedError

#: In the order of tables. The first is what the others are compared with.
PEERS = [
    ("ours", "Ours"),
    ("wsproto", "Wsproto"),
    ("websockets", "Websockets"),
    ("websockets", "PureWebsockets"),
    ("aiohttp", "Aiohttp"),
    ("aiohttp", "PureAiohttp"),
    ("picows", "Picows"),
    ("autobahn", "Autobahn"),
    ("ws4py", "Ws4py"),
    ("lomond", "Lomond"),
    ("websocket_client", "WebsocketClient"),
]


def load_peers(only: set[str] | None = None) -> dict[str, Peer]:
    """The peers that are installed, by name; says which are not.

    :param only: the names of those that are wanted, besides ours.
    """
    peers: dict[str, Peer] = {}
    for module, class_name in PEERS:
        peer_class: type[Peer]
        peer_class = getattr(importlib.import_module(f"suite.peers.{module}"), class_name)
        if only is not None and peers and peer_class.name not in only:
            continue
        try:
            peer = peer_class()
        except ImportError as exc:
            print(f"Without {peer_class.name}: {exc}", file=sys.stderr)
        else:
            peers[peer.name] = peer
    return peers


__all__ = ["PEERS", "Deflate", "Engine", "Peer", "UnsupportedError", "load_peers"]
