"""A client's opening handshake as a server has to read it: RFC 6455 §4.2.1, literally.

It is an oracle for any bytes: it says what MUST be rejected, what is right, and what the RFCs
leave open, where a server may do either. RFC 2616, to which §4 refers, has been replaced: it is
read as RFC 9110 and RFC 9112, and where those and RFC 2616 differ the matter is open. Must not
know how any implementation reads a request.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from ipaddress import AddressValueError, IPv6Address
from typing import Final, Literal, NamedTuple, TypeAlias

from wsproto_core.testing.outcomes import Accepted, Outcome, Rejected
from wsproto_core.testing.settings import Opening

from .http_head import (
    ORDINARY_FIELDS,
    ORDINARY_SIZE,
    HttpHead,
    Weight,
    is_digits,
    is_token,
    read_head,
)
from .negotiating import Element, Malformed, problems_of_extensions, read_extensions

Verdict: TypeAlias = Literal["incomplete", "reject", "open", "accept"]


_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
#: §4.3: "Limited to 0-255 range, with no leading zeros".
VERSION: Final = re.compile(rb"[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]")
#: RFC 3986 §3.2.2: unreserved / pct-encoded / sub-delims.
_REG_NAME: Final = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_IP_FUTURE: Final = re.compile(rb"[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+")
#: RFC 3986 §3.3, §3.4: what a path and a query are made of.
_PATH_QUERY: Final = re.compile(rb"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
ABSOLUTE_URI: Final = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)(.*)", re.DOTALL)


class RequestJudgement(NamedTuple):
    """What a server has to make of the bytes that a client has sent so far.

    ``reject``: it MUST answer with an error (§4.2.1). ``open``: it may reject, or accept as it
    would without what *may* says. ``accept``: no RFC gives it a reason to refuse; §4.2.2 lets a
    server refuse whom it likes, but the plain one of :class:`Opening` does not. ``incomplete``:
    it must not accept, and may refuse only what *must* or *may* says already.
    """

    verdict: Verdict
    #: Where the head ends, and the WebSocket begins; 0 if it has not ended.
    end: int = 0
    #: Why it has to be rejected.
    must: tuple[str, ...] = ()
    #: Why it may be rejected all the same.
    may: tuple[str, ...] = ()
    #: The statuses that suit; if *prescribed*, those that a MUST demands.
    statuses: tuple[int, ...] = ()
    prescribed: bool = False
    #: Whether the answer must say which versions there are (§4.4).
    needs_version: bool = False
    #: What may be chosen (§4.2.2): the first is what the server of *opening* prefers.
    subprotocols: tuple[str | None, ...] = (None,)
    #: All that the client offers.
    offers: tuple[Element, ...] = ()

    def problems_of_accept(self, subprotocol: str | None, extensions: str) -> list[str]:
        """What is wrong with accepting like this; *extensions* as in :class:`Accepted`."""
        if self.verdict in ("incomplete", "reject"):
            return list(self.must) or ["accepted what is not complete (RFC 6455 §4.2.2)"]
        problems = []
        if subprotocol not in self.subprotocols:
            problems.append(f"the subprotocol {subprotocol!r} is none to choose (RFC 6455 §4.2.2)")
        if extensions:
            problems += problems_of_extensions([extensions.encode("latin-1")], list(self.offers))
        return problems

    def permits(self, outcome: Outcome | None) -> bool:
        """Whether a server may come to *outcome*; None for waiting on."""
        match outcome:
            case Accepted(subprotocol, extensions):
                return not self.problems_of_accept(subprotocol, extensions)
            case Rejected(status):
                if self.prescribed:
                    return status in self.statuses
                return (
                    400 <= status < 600 and self.verdict != "accept" and bool(self.must + self.may)
                )
            case None:
                # Without an end there is nothing to answer; and a reader that does not take
                # LF for the end of a line may not have seen one.
                return self.verdict in ("incomplete", "open") or bool(self.may)
            case _:
                return False


def judge_request(data: bytes, opening: Opening) -> RequestJudgement:
    """What a server that is set up like *opening* has to make of *data*."""
    head = read_head(data, is_request=True)
    if head is None:
        size = ("more than an ordinary head",) if len(data) > ORDINARY_SIZE else ()
        return RequestJudgement("incomplete", may=size + early_flaws(data, is_request=True))
    offers = judge_request_head(head)
    must = tuple(flaw.why for flaw in head.flaws if flaw.weight is Weight.REJECT)
    may = tuple(flaw.why for flaw in head.flaws if flaw.weight is Weight.OPEN)
    reasons = [flaw for flaw in head.flaws if flaw.weight is not Weight.IGNORED]
    offered = offered_subprotocols(head)
    chosen = [name for name in opening.subprotocols if name in offered]
    only_version = bool(must) and all(flaw.status == 426 for flaw in reasons)
    prescribed = bool(must) and all(
        flaw.weight is Weight.REJECT and flaw.status == 400 for flaw in reasons
    )
    return RequestJudgement(
        "reject" if must else "open" if may else "accept",
        end=head.end,
        must=must,
        may=may,
        statuses=tuple(sorted({flaw.status or 400 for flaw in reasons})),
        prescribed=prescribed,
        needs_version=only_version,
        subprotocols=(*chosen, None),
        offers=tuple(offers),
    )


def early_flaws(data: bytes, *, is_request: bool) -> tuple[str, ...]:
    """What is wrong with a head whatever comes: that of its lines that have ended, and of
    their first characters.
    """
    so_far = data[: data.rfind(b"\n") + 1]
    flaws: list[str] = []
    if so_far.strip(b"\r\n"):
        head = read_head(so_far + b"\r\n", is_request=is_request)
        assert head is not None  # it has a line, and an empty one behind it
        flaws += [flaw.why for flaw in head.flaws if flaw.weight is not Weight.IGNORED]
    elif so_far:
        flaws.append("an empty line before the message (RFC 9112 §2.2)")
    rest = data[len(so_far) :].removesuffix(b"\r")
    if any((char < 0x20 and char != 0x09) or char == 0x7F for char in rest) or (
        rest and not so_far and not 0x20 < rest[0] < 0x7F
    ):
        flaws.append("a character that no line begins with or may have (RFC 9112 §2.2)")
    return tuple(flaws)


def judge_request_head(head: HttpHead) -> list[Element]:
    """Add to the head's flaws what RFC 6455 §4.2.1 says, item by item; give the offers."""
    reject = Weight.REJECT
    # 1. "An HTTP/1.1 or higher GET request, including a "Request-URI""
    if head.method != b"GET":
        head.flaw(reject, "the method is not GET (RFC 6455 §4.2.1, 1)", 405)
    if head.version < (1, 1):
        head.flaw(reject, "the version of HTTP is below 1.1 (RFC 6455 §4.2.1, 1)", 505)
    elif head.version[0] > 1:
        head.flaw(Weight.OPEN, "a major version of HTTP that has another syntax", 505)
    _judge_target(head)
    _judge_host(head)
    # 3. "An |Upgrade| header field containing the value "websocket""
    if not head.has_token(b"upgrade", b"websocket"):
        names = [each.lower().partition(b"/")[0] for each in head.elements(b"upgrade")]
        # With a version behind it (RFC 9110 §7.8) it is the keyword, but not the value.
        weight = Weight.OPEN if b"websocket" in names else reject
        head.flaw(weight, "no Upgrade to websocket (RFC 6455 §4.2.1, 3)")
    # 4. "A |Connection| header field that includes the token "Upgrade""
    if not head.has_token(b"connection", b"upgrade"):
        head.flaw(reject, "no Connection with the token Upgrade (RFC 6455 §4.2.1, 4)")
    for name in (b"upgrade", b"connection"):
        if not all(is_token(each.replace(b"/", b"", 1)) for each in head.elements(name)):
            head.flaw(Weight.OPEN, f"{name.decode().title()} is no list of tokens")
    _judge_key(head)
    _judge_version(head)
    # 7. "Optionally, an |Origin| header field."
    if len(head.values(b"origin")) > 1:
        head.flaw(Weight.OPEN, "several fields Origin (RFC 6454 §7.3)")
    _judge_subprotocols(head)
    offers: list[Element] = []
    values = head.values(b"sec-websocket-extensions")
    if values:
        try:
            offers = read_extensions(values)
        except Malformed as fault:
            # §9.1: "the recipient of such malformed data MUST immediately _Fail ..."
            head.flaw(reject, str(fault))
    _judge_body(head)
    if head.end > ORDINARY_SIZE or len(head.fields) > ORDINARY_FIELDS:
        head.flaw(Weight.OPEN, "more than an ordinary head (RFC 6585 §5)", 431)
    return offers


def _judge_target(head: HttpHead) -> None:
    target = head.target
    if not target:
        return  # without a request line, which has been noted
    absolute = ABSOLUTE_URI.fullmatch(target)
    if absolute is not None:
        scheme, authority, target = absolute.groups()
        if scheme.lower() not in (b"http", b"https"):
            # "(or an absolute HTTP/HTTPS URI containing the /resource name/)". One of ws is what
            # it stands for.
            weight = Weight.OPEN if scheme.lower() in (b"ws", b"wss") else Weight.REJECT
            head.flaw(weight, "an absolute URI that is not of http (RFC 6455 §4.2.1, 1)")
        userinfo, _, host = authority.rpartition(b"@")
        if userinfo:
            head.flaw(Weight.OPEN, "a URI with userinfo (RFC 9110 §4.2.4)")
        if not host or host.startswith(b":"):
            # "A recipient that processes such a URI reference MUST reject it as invalid."
            head.flaw(Weight.REJECT, "a URI with an empty host (RFC 9110 §4.2.1)")
        elif not is_authority(host):
            head.flaw(Weight.OPEN, "a URI with a host that is none (RFC 3986 §3.2.2)")
        if not target.startswith(b"/"):
            target = b"/" + target
    if not target.startswith(b"/"):
        head.flaw(Weight.REJECT, "the target is no resource name (RFC 6455 §4.2.1, 1)")
    elif b"#" in target:
        head.flaw(Weight.REJECT, "the target has a fragment (RFC 6455 §3, RFC 9112 §3.2)")
    elif not _PATH_QUERY.fullmatch(target):
        # CHOICE: nobody escapes all that RFC 3986 does not allow.
        head.flaw(Weight.OPEN, "the target has characters that must be escaped (RFC 3986 §3.3)")


def _judge_host(head: HttpHead) -> None:
    """2. "A |Host| header field containing the server's authority." RFC 9112 §3.2: "A server
    MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks
    a Host header field and to any request message that contains more than one Host header field
    line or a Host header field with an invalid field value."
    """
    hosts = head.values(b"host")
    if len(hosts) != 1:
        head.flaw(Weight.REJECT, f"{len(hosts)} fields Host (RFC 9112 §3.2)", 400)
    elif not hosts[0]:
        head.flaw(Weight.OPEN, "an empty Host, which is no authority (RFC 6455 §4.2.1, 2)", 400)
    elif hosts[0].startswith(b":"):
        head.flaw(Weight.OPEN, "a Host that is a port alone (RFC 6455 §4.2.1, 2)", 400)
    elif not is_authority(hosts[0]):
        head.flaw(Weight.REJECT, "Host is no host with a port (RFC 9112 §3.2)", 400)


def is_authority(value: bytes) -> bool:
    """RFC 9110 §7.2: ``uri-host [ ":" port ]``, as RFC 3986 §3.2.2 has it."""
    if value.startswith(b"["):
        literal, bracket, port = value[1:].partition(b"]")
        if not bracket or not (_is_ipv6(literal) or _IP_FUTURE.fullmatch(literal)):
            return False
    else:
        host, colon, port = value.partition(b":")
        port = colon + port
        if not _REG_NAME.fullmatch(host):
            return False
    return port == b"" or (port[:1] == b":" and (port == b":" or is_digits(port[1:])))


def _is_ipv6(literal: bytes) -> bool:
    if b"%" in literal:
        return False  # a zone, which RFC 3986 does not have
    try:
        IPv6Address(literal.decode("latin-1"))
    except AddressValueError:
        return False
    return True


def _judge_key(head: HttpHead) -> None:
    """5. "A |Sec-WebSocket-Key| header field with a base64-encoded value that, when decoded, is
    16 bytes in length." §11.3.1: it "MUST NOT appear more than once".
    """
    keys = head.values(b"sec-websocket-key")
    if len(keys) != 1:
        head.flaw(Weight.REJECT, f"{len(keys)} fields Sec-WebSocket-Key (RFC 6455 §4.2.1, 5)")
    elif not is_key(keys[0]):
        head.flaw(Weight.REJECT, "the key is not 16 bytes in base64 (RFC 6455 §4.2.1, 5)")
    elif b64encode(b64decode(keys[0])) != keys[0]:
        # "decoders MAY choose to reject an encoding if the pad bits have not been set to zero".
        # The example of §4.1 has them set, so a server does well to take it.
        head.flaw(Weight.OPEN, "the key's last bits are not zero (RFC 4648 §3.5)")


def is_key(value: bytes) -> bool:
    """Whether it is 16 bytes in base64 (RFC 6455 §4.3)."""
    return _BASE64.fullmatch(value) is not None and len(b64decode(value)) == 16


def _judge_version(head: HttpHead) -> None:
    """6. "A |Sec-WebSocket-Version| header field, with a value of 13." §11.3.5: it "MUST NOT
    appear more than once".
    """
    versions = head.values(b"sec-websocket-version")
    if len(versions) != 1:
        why = f"{len(versions)} fields Sec-WebSocket-Version (RFC 6455 §4.2.1, 6)"
        head.flaw(Weight.REJECT, why)
    elif not VERSION.fullmatch(versions[0]):
        head.flaw(Weight.REJECT, "Sec-WebSocket-Version is no version (RFC 6455 §4.3)")
    elif versions[0] != b"13":
        head.flaw(Weight.REJECT, "a version that is not understood (RFC 6455 §4.2.2, 4)", 426)


def offered_subprotocols(head: HttpHead) -> list[str]:
    """The names of Sec-WebSocket-Protocol, in order."""
    return [name.decode("latin-1") for name in head.elements(b"sec-websocket-protocol")]


def _judge_subprotocols(head: HttpHead) -> None:
    """8. and §4.3: ``1#token``."""
    if not head.values(b"sec-websocket-protocol"):
        return
    names = head.elements(b"sec-websocket-protocol")
    if not names:
        # The grammar wants one at least; but recipients ignore empty elements (RFC 9110
        # §5.6.1.2), and released clients that have none to offer send the field all the same.
        head.flaw(Weight.OPEN, "Sec-WebSocket-Protocol is empty (RFC 6455 §4.3)")
    if not all(is_token(name) for name in names):
        head.flaw(Weight.REJECT, "a subprotocol is no token (RFC 6455 §4.3)")
    if len(set(names)) < len(names):
        # A MUST of the client (§4.1), and no matter of the ABNF.
        head.flaw(Weight.OPEN, "a subprotocol is offered twice (RFC 6455 §4.1, 10)")


def _judge_body(head: HttpHead) -> None:
    """RFC 9112 §6.3. No RFC gives a GET request's body a meaning, nor forbids it."""
    lengths = head.elements(b"content-length")
    if head.has_bad_length():
        # "... the server MUST respond with a 400 (Bad Request) status code and then close"
        head.flaw(Weight.REJECT, "Content-Length is no length (RFC 9112 §6.3)", 400)
    elif len(lengths) > 1:
        head.flaw(Weight.OPEN, "several times the same Content-Length (RFC 9112 §6.3)", 400)
    elif lengths and lengths[0].strip(b"0"):
        head.flaw(Weight.OPEN, "a body (RFC 9110 §9.3.1)", 413)
    if head.values(b"transfer-encoding"):
        head.flaw(Weight.OPEN, "a transfer coding, and so a body (RFC 9112 §6.1)", 501)


__all__ = [
    "ABSOLUTE_URI",
    "VERSION",
    "RequestJudgement",
    "Verdict",
    "early_flaws",
    "is_authority",
    "is_key",
    "judge_request",
    "judge_request_head",
    "offered_subprotocols",
]
