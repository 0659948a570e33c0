"""Cases and implementations for tests of reports: something passes, and everything goes wrong."""

from __future__ import annotations

from typing import Any

from wsproto_core.testing.actions import SendMessage
from wsproto_core.testing.adapter import Unsupported
from wsproto_core.testing.cases import Case, Do, Eof, Level, Receive
from wsproto_core.testing.engine import EngineAdapter, EngineEndpoint
from wsproto_core.testing.frames import PING, PONG, RSV2, TEXT, Frame
from wsproto_core.testing.outcomes import (
    Accepted,
    Failed,
    GotMessage,
    GotPing,
    GotPong,
    Lost,
    Outcome,
    Rejected,
)
from wsproto_core.testing.settings import Deflate, Open, Opening

KEY = b"abcd"
MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def masked(opcode: int, payload: bytes, rsv: int = 0) -> Receive:
    return Receive(Frame(opcode, payload, rsv=rsv, masking_key=KEY).encode())


REQUEST = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: %d\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

GOOD = Case(
    "framing/good", "a text frame", Open("server"),
    (masked(TEXT, b"hi"), Eof()), (GotMessage("text", b"hi"), Lost()), ("6455-5.2-5",),
)  # fmt: skip
RESERVED = Case(
    "framing/rsv2", "a text frame with RSV2 set", Open("server"),
    (masked(TEXT, MARKUP.encode(), RSV2),), (Failed(1002),), ("6455-5.2-2", "6455-5.8-1"),
    advisories=("CVE-0000-0000 (nobody)",), note=f"a note with {MARKUP}",
)  # fmt: skip
INVALID = Case(
    "text/invalid", "text that is not UTF-8", Open("server", Deflate()),
    (masked(TEXT, b"\xff"),), (Failed(1007),), ("6455-8.1-1",),
)  # fmt: skip
SPLIT = Case(
    "text/split", "text that is not UTF-8, after a Ping", Open("server"),
    (masked(PING, b"p"), masked(TEXT, b"a\xff")), (GotPing(b"p"), Failed(1007)), ("6455-8.1-1",),
)  # fmt: skip
ANSWER = Case(
    "control/ping", "a Ping", Open("server"),
    (masked(PING, b"p"),), (GotPing(b"p"),), (), Level.POLICY, note="users want it",
)  # fmt: skip
REJECTED = Case(
    "opening/version", "another version", Opening("server"),
    (Receive(REQUEST % 12),), (Rejected(426, (("sec-websocket-version", "13"),)),), (),
    Level.SHOULD, also=((Rejected(400),),), tolerate=((Accepted(),),),
)  # fmt: skip
SENDING = Case(
    "sending/text", "a message is sent", Open("client"),
    (Receive(Frame(PONG, b"pong").encode()), Do(SendMessage("text", (b"a", b"b")))),
    (GotPong(b"pong"),), (), sent=(GotMessage("text", b"ab"),),
    sent_also=((GotMessage("text", b"a"), GotMessage("text", b"b")),),
)  # fmt: skip
CASES = (GOOD, RESERVED, INVALID, SPLIT, ANSWER, REJECTED, SENDING)


class BrokenEndpoint(EngineEndpoint):
    """Ignores reserved bits, answers no Ping, and has its own idea of close codes."""

    code = 0

    def receive(self, data: bytes) -> None:
        if not self.code:  # the first byte of all
            self.code = 1008 if len(data) > 1 else 1003
            data = bytes([data[0] & 0xCF]) + data[1:]
        super().receive(data)

    def react(self, event: Any) -> None:
        if isinstance(event, self.events.Ping):
            self.told.append(GotPing(bytes(event.payload)))
        else:
            super().react(event)

    def outcomes(self) -> list[Outcome]:
        return [self.twisted(outcome) for outcome in super().outcomes()]

    def twisted(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Failed) and outcome.code == 1007:
            return Failed(self.code, "another word")
        return outcome


class Broken(EngineAdapter):
    def __init__(self) -> None:
        super().__init__()
        self.name, self.version = f"broken {MARKUP}", "0.1"

    def open(self, settings: Open) -> EngineEndpoint:
        if settings.role == "client":
            raise RuntimeError("no\nclient")
        endpoint = super().open(settings)
        endpoint.__class__ = BrokenEndpoint
        return endpoint

    def opening(self, settings: Opening) -> EngineEndpoint:
        raise Unsupported("no <b>opening</b> handshake")


class Useless(Broken):
    """Has nothing that the kit could try."""

    def open(self, settings: Open) -> EngineEndpoint:
        raise Unsupported("nothing at all")


class Loose(EngineAdapter):
    """Says nothing but other codes."""

    def open(self, settings: Open) -> EngineEndpoint:
        endpoint = super().open(settings)
        endpoint.__class__ = LooseEndpoint
        return endpoint


class LooseEndpoint(EngineEndpoint):
    def outcomes(self) -> list[Outcome]:
        return [
            Failed(1003, "") if isinstance(outcome, Failed) else outcome
            for outcome in super().outcomes()
        ]
