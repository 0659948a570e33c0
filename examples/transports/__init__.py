"""WebSockets on whatever carries bytes: wirings to copy, or to learn from.

``conversation`` and ``websocket`` are what they share; each ``on_*`` module is one transport.
"""
