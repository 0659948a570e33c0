"""Why a receiver fails the connection, and with which close code (RFC 6455 §7.1.7, §7.4.1)."""

from __future__ import annotations

from typing import Final

#: §7.4.1: "1002 indicates that an endpoint is terminating the connection due to a protocol
#: error."
PROTOCOL_ERROR: Final = 1002
#: §7.4.1: "1007 indicates that an endpoint is terminating the connection because it has
#: received data within a message that was not consistent with the type of the message
#: (e.g., non-UTF-8 [RFC3629] data within a text message)."
INVALID_DATA: Final = 1007
#: §7.4.1: "1009 indicates that an endpoint is terminating the connection because it has
#: received a message that is too big for it to process."
TOO_BIG: Final = 1009


#: Why a receiver fails, where it has a choice.
#: RFC 7692 has no receiver check that its peer keeps to the window that was agreed on. One
#: that has more of the output at hand, as zlib has by accident, may go on.
BEYOND_WINDOW: Final = "distance beyond the window"
#: One that inflates a piece before it looks at its size may find the piece corrupt first.
INFLATED_SIZE: Final = "message size, inflated"
NOT_DEFLATE: Final = "not DEFLATE data"


class Fail(Exception):
    """_Fail the WebSocket Connection_, with this close code."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(code, why)
        self.code = code
        self.why = why
