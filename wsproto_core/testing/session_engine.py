"""The adapter for this package's :class:`~wsproto_core.Session`.

A session answers by itself, and says at its end how it came to it: so its endpoint has less to
do than :class:`~.engine.EngineEndpoint`. Time stands still.
"""

from __future__ import annotations

from typing import Any

from .actions import Action
from .engine import EngineAdapter, EngineEndpoint
from .outcomes import Failed, GotClose, Lost, Outcome
from .settings import Open, Opening

#: The time of all that happens.
NOW = 0.0


class SessionAdapter(EngineAdapter):
    """``Session``, without heartbeat."""

    def __init__(self, package: str = "wsproto_core", *, whole_messages: bool = True) -> None:
        super().__init__(package, whole_messages=whole_messages)
        self.name = f"{package}.Session"

    def open(self, settings: Open) -> SessionEndpoint:
        """A session over a connection whose handshake is done."""
        config = self.config(settings)
        extensions = (
            [] if settings.deflate is None else [self.agreed(settings.role, settings.deflate)]
        )
        connection = config.make_connection(self.role(settings.role), extensions)
        session = self.package.Session.over(connection, now=NOW, config=config)
        return SessionEndpoint(self.package, session)

    def opening(self, settings: Opening) -> SessionEndpoint:
        """A session at its beginning."""
        session = self.package.Session(
            self.role(settings.role), now=NOW, config=self.config(settings)
        )
        return SessionEndpoint(self.package, session, settings)

    def config(self, settings: Open | Opening) -> Any:
        """Pings are given, so that they can be told; the limits are those of ``Limits``."""
        return self.package.SessionConfig(
            limits=self.limits(settings),
            whole_messages=self.whole_messages,
            answer_pings=False,
            ping_interval=None,
        )


class _Timed:
    """A session as a connection without time, as far as the endpoint needs it."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.events = session.events

    def send(self, event: Any) -> bytes:
        self.session.send(event, NOW)
        return bytes(self.session.data_to_send())

    def receive_data(self, data: bytes | None) -> None:
        self.session.receive_data(data, NOW)


class SessionEndpoint(EngineEndpoint):
    """A session, and an application that accepts, and answers Pings."""

    def __init__(self, package: Any, session: Any, opening: Opening | None = None) -> None:
        self.session = session
        super().__init__(package, _Timed(session), opening)

    def feed(self, data: bytes | None) -> None:
        """Take a read, or the end. What is wrong with it is told by the last event."""
        super().feed(data)
        self.sent += self.session.data_to_send()

    def react(self, event: Any) -> None:
        """What an application does with *event*."""
        if not isinstance(event, self.package.SessionEnded):
            super().react(event)
            return
        ended = self.end_of(event)
        if ended is not None:
            self.told.append(ended)

    def end_of(self, event: Any) -> Outcome | None:
        """What a SessionEnded says; None for a refusal, which was told when it came."""
        cause = self.package.EndCause
        if event.cause is cause.CLOSED:
            return GotClose(event.code, event.reason.encode())
        if event.cause is cause.REJECTED:
            return None
        if event.error is not None:
            # Not what was sent: that may have been another Close frame, before.
            return Failed(getattr(event.error.event_hint, "code", None), str(event.error))
        return Lost()

    def send(self, action: Action) -> None:
        """Have the application send something."""
        super().send(action)
        self.sent += self.session.data_to_send()

    def closed(self) -> bool:
        """Whether the transport is to be closed."""
        return bool(self.session.transport is not self.package.TransportAction.KEEP) or (
            self.session.ended is not None and not self.session.output_pending
        )
