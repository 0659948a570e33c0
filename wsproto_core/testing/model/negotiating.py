"""Extensions and permessage-deflate as they are negotiated: RFC 6455 §9.1, RFC 7692 §5, §7.1.

Owns the grammar of Sec-WebSocket-Extensions and what makes an offer, and an answer to it, a
right one. Must not know HTTP's heads, nor how any implementation negotiates.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .http_head import is_digits, is_token, list_elements

DEFLATE: Final = b"permessage-deflate"
#: RFC 7692 §7.1.1: these have no value.
FLAGS: Final = (b"server_no_context_takeover", b"client_no_context_takeover")
#: RFC 7692 §7.1.2: these have "a decimal integer value without leading zeroes between 8 to 15".
WINDOWS: Final = (b"server_max_window_bits", b"client_max_window_bits")


class Malformed(Exception):
    """The value does not conform to the ABNF of RFC 6455 §9.1."""


class Element(NamedTuple):
    """One extension, as it is offered or agreed on."""

    name: bytes
    #: In order, None for no value; a quoted value without its quotes.
    parameters: tuple[tuple[bytes, bytes | None], ...]

    def value_of(self, parameter: bytes) -> bytes | None:
        """The value of its first parameter of that name; None for none."""
        return dict(reversed(self.parameters)).get(parameter)

    def has(self, parameter: bytes) -> bool:
        """Whether it has a parameter of that name."""
        return parameter in dict(self.parameters)

    def written(self) -> str:
        """In its plainest form, without white space."""
        parts = [self.name]
        parts += [name if value is None else name + b"=" + value for name, value in self.parameters]
        return b";".join(parts).decode("latin-1")


def read_extensions(values: list[bytes]) -> list[Element]:
    """The elements of all fields of that name, joined: "this header field MAY be split or
    combined across multiple lines" (RFC 6455 §9.1).

    Raises :exc:`Malformed`; also if there is no element, for the rule is ``1#extension``.
    """
    elements = list_elements(b",".join(values))
    if not elements:
        raise Malformed("Sec-WebSocket-Extensions is empty (RFC 6455 §9.1)")
    return [_read_element(element) for element in elements]


def _read_element(element: bytes) -> Element:
    """``extension = extension-token *( ";" extension-param )``"""
    name, *parameters = [part.strip(b" \t") for part in _split(element, b";")]
    if not is_token(name):
        raise Malformed(f"the extension {name!r} is no token (RFC 6455 §9.1)")
    return Element(name, tuple(_read_parameter(parameter) for parameter in parameters))


def _read_parameter(parameter: bytes) -> tuple[bytes, bytes | None]:
    """``extension-param = token [ "=" (token | quoted-string) ]``"""
    name, equals, value = (part.strip(b" \t") for part in parameter.partition(b"="))
    if not is_token(name):
        raise Malformed(f"the parameter {name!r} is no token (RFC 6455 §9.1)")
    if not equals:
        return name, None
    if value.startswith(b'"'):
        value = _unquote(value)
    # "the value after quoted-string unescaping MUST conform to the 'token' ABNF"
    if not is_token(value):
        raise Malformed(f"the value {value!r} is no token (RFC 6455 §9.1)")
    return name, value


def _split(text: bytes, separator: bytes) -> list[bytes]:
    """The parts of *text* between separators that stand outside of quoted strings."""
    parts = [b""]
    quoted = escaped = False
    for i in range(len(text)):
        char = text[i : i + 1]
        if char == separator and not quoted:
            parts.append(b"")
            continue
        parts[-1] += char
        if escaped:
            escaped = False
        elif quoted and char == b"\\":
            escaped = True
        elif char == b'"':
            quoted = not quoted
    return parts


def _unquote(value: bytes) -> bytes:
    """RFC 9110 §5.6.4: what a quoted string stands for."""
    unquoted = b""
    at = 1
    while at < len(value):
        char = value[at : at + 1]
        if char == b'"':
            if at + 1 < len(value):
                raise Malformed(f"{value!r} goes on behind its quotes (RFC 6455 §9.1)")
            return unquoted
        if char == b"\\":
            at += 1
            char = value[at : at + 1]
        unquoted += char
        at += 1
    raise Malformed(f"{value!r} does not end (RFC 6455 §9.1)")


# permessage-deflate -----------------------------------------------------------------------


def problems_of_deflate(element: Element, *, offer: bool) -> list[str]:
    """What makes an offer one to be declined, and an answer one to fail for (RFC 7692 §7)."""
    names = [name for name, _ in element.parameters]
    problems = [
        f"several parameters {name.decode()} (RFC 7692 §7)"
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    for name, value in element.parameters:
        shown = name.decode()
        if name in FLAGS:
            if value is not None:
                problems.append(f"{shown} has a value (RFC 7692 §7.1.1)")
        elif name in WINDOWS:
            if value is None:
                if not (offer and name == b"client_max_window_bits"):
                    problems.append(f"{shown} has no value (RFC 7692 §7.1.2)")
            elif not _is_window(value):
                problems.append(f"{shown} is {value!r}, not 8 to 15 (RFC 7692 §7.1.2)")
        else:
            problems.append(f"the parameter {shown} is not defined (RFC 7692 §7)")
    return problems


def _is_window(value: bytes) -> bool:
    # "without leading zeroes": so there are two digits at most.
    return is_digits(value) and value[:1] != b"0" and len(value) <= 2 and 8 <= int(value) <= 15


def problems_of_agreement(agreed: Element, offers: list[Element]) -> list[str]:
    """What is wrong with *agreed* as the answer to the offers of permessage-deflate."""
    problems = problems_of_deflate(agreed, offer=False)
    if problems:
        return problems
    right = _right_offers(offers)
    if not right:
        return ["an offer was accepted that is to be declined (RFC 7692 §7)"]
    problems_of_each = [_problems_with(agreed, offer) for offer in right]
    return [] if [] in problems_of_each else problems_of_each[0]


def _right_offers(offers: list[Element]) -> list[Element]:
    """The offers of permessage-deflate that need not be declined."""
    return [
        offer
        for offer in offers
        if offer.name == DEFLATE and not problems_of_deflate(offer, offer=True)
    ]


def _problems_with(agreed: Element, offer: Element) -> list[str]:
    problems = []
    # §7.1.1.1: "A server accepts an extension negotiation offer that includes the
    # "server_no_context_takeover" extension parameter by including" it.
    if offer.has(FLAGS[0]) and not agreed.has(FLAGS[0]):
        problems.append("server_no_context_takeover is missing (RFC 7692 §7.1.1.1)")
    # §7.1.2.1: "with the same or smaller value as the offer"
    limit, value = offer.value_of(WINDOWS[0]), agreed.value_of(WINDOWS[0])
    if limit is not None and (value is None or int(value) > int(limit)):
        problems.append("server_max_window_bits is missing or above the offer (RFC 7692 §7.1.2.1)")
    # §7.1.2.2: "If a received extension negotiation offer doesn't have the
    # "client_max_window_bits" extension parameter, the corresponding extension negotiation
    # response to the offer MUST NOT include" it. Its value in an offer is but a hint, which
    # the server "may either ignore ... or use".
    if agreed.has(WINDOWS[1]) and not offer.has(WINDOWS[1]):
        problems.append("client_max_window_bits was not offered (RFC 7692 §7.1.2.2)")
    return problems


def unasked(agreed: Element, offers: list[Element]) -> list[str]:
    """What a client that made *offers* need not be able to do, though the server may say it.

    RFC 7692 §7: fail if "The client does not support the configuration that the response
    represents." A client MUST support client_no_context_takeover (§7.1.1.2), and
    server_no_context_takeover takes nothing of it.
    """
    deflate = _right_offers(offers)
    said = []
    if agreed.has(WINDOWS[0]) and not any(offer.has(WINDOWS[0]) for offer in deflate):
        said.append("server_max_window_bits, though not offered (RFC 7692 §7.1.2.1)")
    hints = [bits for offer in deflate if (bits := offer.value_of(WINDOWS[1])) is not None]
    value = agreed.value_of(WINDOWS[1])
    if value is not None and hints and all(int(value) > int(bits) for bits in hints):
        said.append("client_max_window_bits above the offer's hint (RFC 7692 §7.1.2.2)")
    return said


def problems_of_answer(agreed: list[Element], offers: list[Element]) -> list[str]:
    """What is wrong with the extensions of a response (RFC 6455 §9.1, RFC 7692 §5)."""
    offered = {offer.name for offer in offers}
    problems = []
    for element in agreed:
        if element.name not in offered:
            shown = element.name.decode("latin-1")
            problems.append(f"the extension {shown} was not offered (RFC 6455 §9.1)")
        elif element.name == DEFLATE:
            problems += problems_of_agreement(element, offers)
    if [element.name for element in agreed].count(DEFLATE) > 1:
        problems.append("two extensions that use RSV1 (RFC 7692 §5)")
    return problems


def problems_of_extensions(values: list[bytes], offers: list[Element]) -> list[str]:
    """What is wrong with a response's fields of that name, as the answer to *offers*."""
    try:
        return problems_of_answer(read_extensions(values), offers)
    except Malformed as fault:
        return [str(fault)]


__all__ = [
    "DEFLATE",
    "Element",
    "Malformed",
    "problems_of_agreement",
    "problems_of_answer",
    "problems_of_deflate",
    "problems_of_extensions",
    "read_extensions",
    "unasked",
]
