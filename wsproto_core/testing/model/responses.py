"""A server's opening handshake as a client has to read it: RFC 6455 §4.1, literally.

It is an oracle for any bytes, as ``requests`` is for the other direction. Must not know how any
implementation reads a response.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1
from typing import Final, NamedTuple

from wsproto_core.testing.outcomes import Accepted, Failed, Outcome, Rejected

from .http_head import ORDINARY_FIELDS, ORDINARY_SIZE, HttpHead, Weight, read_head
from .negotiating import (
    DEFLATE,
    Element,
    Malformed,
    problems_of_deflate,
    problems_of_extensions,
    read_extensions,
    unasked,
)
from .requests import Verdict, early_flaws, offered_subprotocols

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


class ResponseJudgement(NamedTuple):
    """What a client has to make of the bytes that a server has sent so far.

    ``reject``: it MUST fail the connection (§4.1). ``open``: it may fail, or come to *outcome*.
    ``accept``: it comes to *outcome*, which is a :class:`Rejected` if the server refuses.
    ``incomplete``: it waits, or fails for what *must* or *may* says.
    """

    verdict: Verdict
    #: Where the last head ends that is the handshake's; 0 if none has ended.
    end: int = 0
    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    outcome: Accepted | Rejected | None = None

    def permits(self, outcome: Outcome | None) -> bool:
        """Whether a client may come to *outcome*; None for waiting on.

        Of the extensions in use it may tell no more than the names.
        """
        match outcome:
            case Failed():
                # A refusal is one, to a client that makes nothing of HTTP's statuses.
                return bool(self.must or self.may) or isinstance(self.outcome, Rejected)
            case None:
                return self.verdict in ("incomplete", "open") or bool(self.may)
            case Accepted(subprotocol, extensions):
                return (
                    isinstance(self.outcome, Accepted)
                    and subprotocol == self.outcome.subprotocol
                    and extensions in (self.outcome.extensions, _names(self.outcome.extensions))
                )
            case Rejected(status):
                return isinstance(self.outcome, Rejected) and status == self.outcome.status
            case _:
                return False


def _names(extensions: str) -> str:
    return ",".join(element.partition(";")[0] for element in extensions.split(","))


def judge_response(data: bytes, request: bytes) -> ResponseJudgement:
    """What the client that has sent *request* has to make of *data*.

    What it offers stands in its request.
    """
    asked = read_head(request, is_request=True)
    assert asked is not None, "a response is to a request"
    begin = 0
    early: tuple[str, ...] = ()
    while True:
        head = read_head(data[begin:], is_request=False)
        if head is None:
            rest = data[begin:]
            size = ("more than an ordinary head",) if len(data) > ORDINARY_SIZE else ()
            may = early + size + early_flaws(rest, is_request=False)
            return ResponseJudgement("incomplete", may=may)
        if not 100 <= head.status < 200 or head.status == 101:
            break
        # RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received
        # prior to a final response, even if the client does not expect one."
        early += tuple(flaw.why for flaw in head.flaws if flaw.weight is not Weight.IGNORED)
        begin += head.end
    end = begin + head.end
    outcome: Accepted | Rejected | None = None
    if head.status == 101:
        outcome = judge_switching(head, asked)
        _judge_choices(head, asked)
    elif head.status:
        outcome = Rejected(head.status, _as_text(head))
        if head.has_bad_length() or head.values(b"transfer-encoding"):
            # "... MUST close the connection to the server and discard the received response"; of
            # transfer codings a client may know none but chunked.
            head.flaw(Weight.OPEN, "a body that may have no right length (RFC 9112 §6.3)")
    if end > ORDINARY_SIZE or len(head.fields) > ORDINARY_FIELDS:
        head.flaw(Weight.OPEN, "more than an ordinary head (CHOICE)")
    must = tuple(flaw.why for flaw in head.flaws if flaw.weight is Weight.REJECT)
    may = early + tuple(flaw.why for flaw in head.flaws if flaw.weight is Weight.OPEN)
    if must and isinstance(outcome, Rejected):
        # Bad HTTP or a refusal: in any case there is no connection.
        must, may = (), may + must
    if must:
        return ResponseJudgement("reject", end, must, may)
    return ResponseJudgement("open" if may else "accept", end, (), may, outcome)


def _as_text(head: HttpHead) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.fields)


def judge_switching(head: HttpHead, asked: HttpHead) -> Accepted:
    """Add to the flaws of a 101 what RFC 6455 §4.1 has the client check; give what it says."""
    reject = Weight.REJECT
    if head.version[0] != 1:
        head.flaw(reject, "101 from another major version of HTTP (RFC 6455 §4.2.2, 5.1)")
    elif head.version < (1, 1):
        # No MUST of a client; but HTTP/1.0 has neither 101 nor Upgrade (RFC 9110 §7.8, §15.2).
        head.flaw(Weight.OPEN, "101 from HTTP/1.0 (RFC 9110 §15.2)")
    # 2. "... lacks an |Upgrade| header field or the |Upgrade| header field contains a value that
    # is not an ASCII case-insensitive match for the value "websocket""
    upgrades = [value.lower() for value in head.elements(b"upgrade")]
    if set(upgrades) != {b"websocket"}:
        head.flaw(reject, "Upgrade is not websocket (RFC 6455 §4.1)")
    elif [value.lower() for value in head.values(b"upgrade")] != [b"websocket"]:
        head.flaw(Weight.OPEN, "Upgrade is websocket more than once, or in a list (RFC 6455 §4.1)")
    # 3. "... doesn't contain a token that is an ASCII case-insensitive match for "Upgrade""
    if not head.has_token(b"connection", b"upgrade"):
        head.flaw(reject, "Connection lacks Upgrade (RFC 6455 §4.1)")
    # 4.; §11.3.3: it "MUST NOT appear more than once"
    key = b"".join(asked.values(b"sec-websocket-key"))
    if head.values(b"sec-websocket-accept") != [accept_of(key)]:
        head.flaw(reject, "Sec-WebSocket-Accept is not the one for the key (RFC 6455 §4.1)")
    # 6.; §11.3.4: it "MUST NOT appear more than once"
    chosen = [value.decode("latin-1") for value in head.values(b"sec-websocket-protocol")]
    if len(chosen) > 1:
        head.flaw(reject, "Sec-WebSocket-Protocol comes twice (RFC 6455 §11.3.4)")
    if any(name not in offered_subprotocols(asked) for name in chosen):
        head.flaw(reject, "a subprotocol that was not offered (RFC 6455 §4.1)")
    # 5.
    offers = _offers_of(asked)
    values = head.values(b"sec-websocket-extensions")
    agreed: list[Element] = []
    if values:
        for problem in problems_of_extensions(values, offers):
            head.flaw(reject, problem)
        agreed = _elements(values)
    for name in (b"content-length", b"transfer-encoding"):
        # RFC 9110 §8.6, RFC 9112 §6.1: no such field with 1xx; §6.3: it has no body regardless.
        if head.values(name):
            head.flaw(Weight.OPEN, f"a 101 with {name.decode().title()} (RFC 9112 §6.3)")
    extensions = ",".join(element.written() for element in agreed)
    return Accepted(chosen[0] if chosen else None, extensions)


def _judge_choices(head: HttpHead, asked: HttpHead) -> None:
    """Add what a server may send, and a client need not take."""
    values = head.values(b"sec-websocket-extensions")
    if len(values) > 1:
        # §11.3.2: it "MUST NOT appear more than once in an HTTP response"; but §4.2.2, 5.6 has it
        # "split between multiple instances".
        head.flaw(Weight.OPEN, "Sec-WebSocket-Extensions comes twice (RFC 6455 §11.3.2)")
    for element in _elements(values):
        if element.name == DEFLATE and not problems_of_deflate(element, offer=False):
            for said in unasked(element, _offers_of(asked)):
                head.flaw(Weight.OPEN, said)


def _elements(values: list[bytes]) -> list[Element]:
    """As read; none if malformed, or if there is no such field."""
    try:
        return read_extensions(values)
    except Malformed:
        return []


def _offers_of(asked: HttpHead) -> list[Element]:
    return _elements(asked.values(b"sec-websocket-extensions"))


def accept_of(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that belongs to *key* (RFC 6455 §4.2.2, 5.4)."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


__all__ = ["ResponseJudgement", "accept_of", "judge_response", "judge_switching"]
