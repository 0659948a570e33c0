"""How an implementation is driven: write one class of two methods, and one of six.

An adapter makes endpoints. An endpoint is one connection of the implementation together with
the plainest application there is: it accepts what can be accepted, and does at once whatever
the implementation's documentation says that an application has to do by itself (answer a Ping,
answer a Close frame, send the Close frame of a failure). Nothing in it may mend what the
implementation gets wrong: what it reports is judged.

The kit drives an endpoint like this, over and over::

    endpoint.receive(chunk)            # what the peer has sent
    outcomes += endpoint.outcomes()    # what the application has been told
    sent += endpoint.data_to_send()    # what the peer will get

An exception of an endpoint is a failed case, except for :exc:`ActionRefused` and
:exc:`Unsupported`.

For implementations that own a socket see :mod:`wsproto_core.testing.sockets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .actions import Action
from .outcomes import Outcome
from .settings import Open, Opening


class Unsupported(Exception):
    """The implementation has no such role, setting or action: the case is skipped.

    Its argument says what is missing, for the report.
    """


class ActionRefused(Exception):
    """The implementation refuses to do what the application told it to do."""


class Endpoint(Protocol):
    """One connection, and its application."""

    def receive(self, data: bytes) -> None:
        """*data*, at least one byte, have arrived.

        Not called any more once :meth:`closed` is true.
        """

    def receive_eof(self) -> None:
        """The transport has ended: the peer will send nothing more."""

    def send(self, action: Action) -> None:
        """The application does *action*.

        Raises :exc:`ActionRefused` if the implementation refuses, and :exc:`Unsupported` if it
        has no such thing.
        """

    def outcomes(self) -> Sequence[Outcome]:
        """What the application has been told since the last call, in order.

        A message is told once it is complete. The last outcome of all is
        :class:`~.outcomes.GotClose`, :class:`~.outcomes.Failed`, :class:`~.outcomes.Lost` or
        :class:`~.outcomes.Rejected`. A server's :class:`~.outcomes.Accepted` and
        :class:`~.outcomes.Rejected` need not be told: the kit reads them off what is sent.
        """

    def data_to_send(self) -> bytes:
        """What is to be written to the transport, since the last call."""

    def closed(self) -> bool:
        """Whether the implementation wants the transport closed now, or has closed it."""


class Adapter(Protocol):
    """An implementation."""

    #: For reports: as its package is called.
    name: str
    version: str

    def open(self, settings: Open) -> Endpoint:
        """An endpoint whose opening handshake is done.

        Raises :exc:`Unsupported` if the implementation cannot be set up like this.
        """

    def opening(self, settings: Opening) -> Endpoint:
        """A server that waits for a request, or a client whose request is to be sent.

        Raises :exc:`Unsupported` likewise.
        """
