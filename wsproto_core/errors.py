"""The errors: all that this library raises on purpose.

::

    ProtocolError
    ├── LocalProtocolError       the caller asked for what the protocol forbids
    └── RemoteProtocolError      the peer broke the protocol
        ├── LimitExceeded        the peer sent more than this endpoint accepts
        └── DeadlineExceeded     the peer did not do in time what it should

Before the connection is open, a :exc:`RemoteProtocolError` is raised from
``receive_data()``. Once it is open, nothing that a peer sends raises: its fault
arrives from ``events()``, in order, as a ``CloseConnection`` whose ``error`` it is.
"""

from __future__ import annotations

from .typing import Event


class ProtocolError(Exception):
    """Base of the errors of this library."""


class LocalProtocolError(ProtocolError):
    """The caller's misuse: an event in a state, or with a content, that is not allowed.

    Nothing has been sent and the connection is as it was before the call.
    """


class RemoteProtocolError(ProtocolError):
    """The peer's fault.

    :ivar event_hint: the event to ``send()`` in answer: a ``RejectConnection`` while a
        server waits for the opening handshake, a ``CloseConnection`` once the
        connection is open, None where there is nothing to be said (a client cannot
        answer a bad response).
    :ivar request_line: the method and the target of a request that is HTTP, but no good
        opening handshake: a server that has pages as well may answer it itself. None for
        everything else.
    """

    event_hint: Event | None

    def __init__(self, message: str, event_hint: Event | None = None) -> None:
        super().__init__(message)
        self.event_hint = event_hint
        self.request_line: tuple[bytes, bytes] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, event_hint={self.event_hint!r})"


class LimitExceeded(RemoteProtocolError):
    """What the peer sent is allowed by the protocol, but more than this endpoint's limits."""


class DeadlineExceeded(RemoteProtocolError):
    """What the peer should have sent, or taken, did not come in time."""


def forget_frames(error: BaseException | None) -> None:
    """Drop tracebacks, of the error and of what caused it.

    They refer to the connection, which may refer to its last event, and a connection is to
    be freed by reference counts alone. What else was being handled is not their matter.
    """
    while error is not None:
        error.__traceback__ = None
        error.__context__ = None
        error = error.__cause__


__all__ = [
    "DeadlineExceeded",
    "LimitExceeded",
    "LocalProtocolError",
    "ProtocolError",
    "RemoteProtocolError",
    "forget_frames",
]
