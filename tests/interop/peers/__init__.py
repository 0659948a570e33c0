"""The peers: each module gives a ``PEER`` (see ``tests.interop.peer_api``)."""
