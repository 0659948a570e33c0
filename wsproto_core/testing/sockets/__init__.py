"""Implementations that own a socket: programs in any language, tested through loopback.

A program cannot be driven like an adapter's endpoint; but it can be asked to echo. It is assumed
to be, as users of the Autobahn suite know it,

* a server that sends every message back, of the same kind and with the same payload
  (:func:`run_server_cases` connects to it), or
* a client that connects to an address that it is given and does the same
  (:func:`run_client_cases` serves the cases to it, one a connection).

What such an endpoint has been told is read off what it sends: an echo for a message, a Pong for a
Ping, a Close frame or the end of the transport for an end. What cannot be seen like this, as a
Pong's arrival, is not asked for (:func:`visible`); what an application would have to be told to
do is skipped. Nothing here may depend on when a program's application comes to its echo:

* Pongs and echoes may overtake each other. Many programs answer Pings below the application.
* A Pong also stands for the Pings before its own (RFC 6455 §5.5.3: an endpoint "MAY elect to
  send a Pong frame for only the most recently processed Ping frame").
* Messages that are not echoed because a failure, or a Close frame, came right after them make a
  case non-strict, not failed.
* Each of the three ways in which a case is run is judged by itself; that they come to the same is
  not asked for on top of that.

An endpoint has nothing more to say when it has answered a Ping that is sent behind the case, with
a payload of its own. Where none can be sent, because the case's bytes stop within a frame, it
is listened to for a short while. The Pong to that Ping is part of what an observation shows as
sent.

These modules are the only ones of the kit, beside the command, that do I/O.
"""

from __future__ import annotations

from .clients import CaseServer, run_client_cases
from .line import Timing
from .servers import play_server_cases, run_server_cases
from .visible import visible

__all__ = [
    "CaseServer",
    "Timing",
    "play_server_cases",
    "run_client_cases",
    "run_server_cases",
    "visible",
]
