"""The opening handshake of an endpoint under test, held to RFC 6455 §4 and RFC 7692 §7.1.

What the other end has to make of a request or a response stands in ``requests`` and
``responses``, and is given here too; a sender is held to more than that. Must not know how any
implementation makes a handshake.
"""

from __future__ import annotations

from wsproto_core.testing.settings import Opening

from .http_head import HttpHead, read_head
from .negotiating import DEFLATE, problems_of_deflate
from .requests import (
    ABSOLUTE_URI,
    VERSION,
    RequestJudgement,
    judge_request,
    judge_request_head,
    offered_subprotocols,
)
from .responses import ResponseJudgement, judge_response, judge_switching


def problems_of_request(request: bytes, opening: Opening) -> list[str]:
    """What is wrong with the request that a client has sent: sentences, with their sections.

    *opening* is what the client was told. Besides what a server has to reject, all that a
    sender must not do counts (RFC 6455 §4.1, RFC 9112, RFC 7692 §7.1).
    """
    head = read_head(request, is_request=True)
    if head is None:
        return ["the request does not end (RFC 6455 §4.1, 1)"]
    offers = judge_request_head(head)
    # To say much, or to have a body, is nothing wrong in itself.
    problems = [flaw.why for flaw in head.flaws if flaw.status not in (413, 431, 501)]
    problems += _problems_of_place(head, opening)
    offered = offered_subprotocols(head)
    if offered != list(opening.subprotocols):
        problems.append(f"offers the subprotocols {offered} (RFC 6455 §4.1, 10)")
    deflate = [offer for offer in offers if offer.name == DEFLATE]
    if opening.deflate and not deflate:
        problems.append("does not offer permessage-deflate (RFC 7692 §5)")
    for offer in deflate:
        problems += problems_of_deflate(offer, offer=True)
    return problems


def _problems_of_place(head: HttpHead, opening: Opening) -> list[str]:
    """§4.1, 3 and 4: the target and Host are those of the WebSocket URI."""
    problems = []
    host = opening.host.lower().encode()
    # "plus optionally ":" followed by /port/ (when not using the default port)"
    hosts = (host, host + b":80", host + b":443")
    absolute = ABSOLUTE_URI.fullmatch(head.target)
    target = head.target
    if absolute is not None:
        target = absolute[3]
        if absolute[2].lower() not in hosts:
            problems.append("the absolute URI has another host (RFC 6455 §4.1, 3)")
    if target != opening.target.encode():
        problems.append(f"the target is {head.target!r} (RFC 6455 §4.1, 3)")
    if not any(value.lower() in hosts for value in head.values(b"host")):
        problems.append("Host is another one (RFC 6455 §4.1, 4)")
    return problems


def problems_of_response(response: bytes, request: bytes, opening: Opening) -> list[str]:
    """What is wrong with the response that a server has sent: sentences, with their sections.

    :param response: all that it has sent.
    :param request: all that it has been sent.
    """
    head = read_head(response, is_request=False)
    if head is None:
        return ["the response does not end (RFC 6455 §4.2.2)"]
    judgement = judge_request(request, opening)
    if head.status != 101:
        return [flaw.why for flaw in head.flaws] + _problems_of_refusal(head, judgement)
    asked = read_head(request, is_request=True)
    if asked is None or judgement.verdict == "reject":
        return ["accepted what it has to reject: " + "; ".join(judgement.must or ("incomplete",))]
    judge_switching(head, asked)
    return [flaw.why for flaw in head.flaws]


def _problems_of_refusal(head: HttpHead, judgement: RequestJudgement) -> list[str]:
    problems = []
    if judgement.verdict == "reject" and 200 <= head.status < 300:
        problems.append("a request that is none was not answered with an error (RFC 6455 §4.2.1)")
    versions = head.elements(b"sec-websocket-version")
    if judgement.needs_version and b"13" not in versions:
        problems.append("does not say which versions it understands (RFC 6455 §4.2.2, §4.4)")
    if not all(VERSION.fullmatch(version) for version in versions):
        problems.append("Sec-WebSocket-Version is no list of versions (RFC 6455 §4.3)")
    # RFC 9110 §15.5.22, §15.5.6: "MUST send an Upgrade header field"; "MUST generate an Allow".
    for status, name in ((426, b"upgrade"), (405, b"allow")):
        if head.status == status and not head.values(name):
            problems.append(f"{status} without {name.decode().title()} (RFC 9110 §15.5)")
    return problems


__all__ = [
    "RequestJudgement",
    "ResponseJudgement",
    "judge_request",
    "judge_response",
    "problems_of_request",
    "problems_of_response",
]
