"""A conformance kit for any WebSocket implementation. Its guide is ``docs/conformance.md``.

What an adapter's author and a test's author need can be imported from here; the rest stands in
modules, by what it is for:

* to be tested: ``adapter``, ``settings``, ``actions`` and ``outcomes`` are what an implementation
  has to offer, in which words; ``engine`` and ``session_engine`` are adapters to learn from;
* to test: ``runner`` plays cases on an adapter in three ways, ``judging`` says what is worth what
  was seen; ``sockets`` does it to servers and clients in any language;
* the ways to run it all: ``command``, ``pytest_plugin`` with ``suite`` and ``property_suite``;
  ``results`` keeps what came of it, for ``report_text``, ``report_junit`` and ``report_html``;
* what is tested: ``catalogue`` has the cases, ``cases`` says what one is, ``requirements`` what
  the RFCs ask for, and ``matrix`` which case checks which requirement;
* bytes that can be wrong in any way: ``frames``, ``openings``, ``deflate_blocks``; ``chunking``
  cuts them;
* what any bytes must come to: ``model``;
* what nobody has thought of: ``strategies`` for hypothesis, ``scenarios`` and ``properties`` for
  them, and ``hunting``, which looks for faults and shrinks them.

To import it takes neither hypothesis nor pytest, and loads no case: :func:`select` does that when
it is first called, which takes a second or two.
"""

from __future__ import annotations

from .actions import Action, SendClose, SendMessage, SendPing, SendPong
from .adapter import ActionRefused, Adapter, Endpoint, Unsupported
from .cases import Case, Do, Eof, Level, Receive
from .catalogue import select
from .chunking import BYTEWISE, WHOLE, Chunking
from .frames import Frame
from .judging import Judgement, Verdict
from .outcomes import (
    Accepted,
    DeflateSettings,
    Failed,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Kind,
    Lost,
    Outcome,
    ReceiveLimits,
    Refused,
    Rejected,
    Role,
)
from .runner import Attempt, Observation, Player, Result, player_of, run, run_all
from .settings import Deflate, Open, Opening

__all__ = [
    "BYTEWISE",
    "WHOLE",
    "Accepted",
    "Action",
    "ActionRefused",
    "Adapter",
    "Attempt",
    "Case",
    "Chunking",
    "Deflate",
    "DeflateSettings",
    "Do",
    "Endpoint",
    "Eof",
    "Failed",
    "Frame",
    "GotClose",
    "GotMessage",
    "GotPing",
    "GotPong",
    "Judgement",
    "Kind",
    "Level",
    "Lost",
    "Observation",
    "Open",
    "Opening",
    "Outcome",
    "Player",
    "Receive",
    "ReceiveLimits",
    "Refused",
    "Rejected",
    "Result",
    "Role",
    "SendClose",
    "SendMessage",
    "SendPing",
    "SendPong",
    "Unsupported",
    "Verdict",
    "player_of",
    "run",
    "run_all",
    "select",
]
