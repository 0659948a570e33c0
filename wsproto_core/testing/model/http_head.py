"""The heads of HTTP/1.1 messages, read literally from RFC 9112 (in place of RFC 2616).

Owns lines, the request line, the status line, fields and lists, and what a recipient makes of
each departure from their grammar: whether it has to reject the message, or has a choice. Must
not know what the fields mean for a WebSocket, nor how any implementation reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

TCHARS: Final = frozenset(
    b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
DIGITS: Final = frozenset(b"0123456789")
SPACES: Final = b" \t"
#: RFC 9112 §3: "It is RECOMMENDED that all HTTP senders and recipients support, at a minimum,
#: request-line lengths of 8000 octets." For heads there is no such figure. CHOICE: what is
#: longer than this, or has more fields, may be refused with 431 (RFC 6585 §5).
ORDINARY_SIZE: Final = 8000
ORDINARY_FIELDS: Final = 64


class Weight(IntEnum):
    """What a departure from the grammar means to the message's recipient."""

    #: It has to read over it; only the sender is at fault.
    IGNORED = 0
    #: It may reject the message, or read it.
    OPEN = 1
    #: It has to reject the message.
    REJECT = 2


@dataclass(frozen=True)
class Flaw:
    """Something that a message must not have."""

    weight: Weight
    #: A sentence, with its section.
    why: str
    #: The status that is prescribed; 0 for none: any 4xx or 5xx that fits.
    status: int = 0


@dataclass
class HttpHead:
    """The head of a message, and what is wrong with it."""

    is_request: bool
    #: Of the whole data: where what follows the head begins.
    end: int = 0
    method: bytes = b""
    target: bytes = b""
    #: Major and minor; (0, 0) if there is none.
    version: tuple[int, int] = (0, 0)
    status: int = 0
    #: Names in lower case, values without the white space around them.
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)

    def flaw(self, weight: Weight, why: str, status: int = 0) -> None:
        """Note something wrong."""
        self.flaws.append(Flaw(weight, why, status))

    def values(self, name: bytes) -> list[bytes]:
        """The values of all fields of that name."""
        return [value for other, value in self.fields if other == name]

    def elements(self, name: bytes) -> list[bytes]:
        """The elements of a list that may be spread over several fields."""
        return [element for value in self.values(name) for element in list_elements(value)]

    def has_token(self, name: bytes, token: bytes) -> bool:
        """Whether such a list has *token*, in upper or lower case."""
        return any(element.lower() == token for element in self.elements(name))

    def has_bad_length(self) -> bool:
        """Whether there is a Content-Length that is not one number (RFC 9112 §6.3)."""
        lengths = self.elements(b"content-length")
        return bool(self.values(b"content-length")) and (
            len(set(lengths)) != 1 or not all(is_digits(length) for length in lengths)
        )


def is_token(value: bytes) -> bool:
    """RFC 9110 §5.6.2: ``token = 1*tchar``."""
    return value != b"" and all(char in TCHARS for char in value)


def is_digits(value: bytes) -> bool:
    """``1*DIGIT``"""
    return value != b"" and all(char in DIGITS for char in value)


def list_elements(value: bytes) -> list[bytes]:
    """RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list
    elements". A comma within a quoted string is none of the list's.
    """
    elements = []
    element = b""
    quoted = escaped = False
    for i in range(len(value)):
        char = value[i : i + 1]
        if char == b"," and not quoted:
            elements.append(element)
            element = b""
            continue
        element += char
        if escaped:
            escaped = False
        elif quoted and char == b"\\":
            escaped = True
        elif char == b'"':
            quoted = not quoted
    elements.append(element)
    return [found for each in elements if (found := each.strip(SPACES))]


def read_head(data: bytes, *, is_request: bool) -> HttpHead | None:
    """The head that *data* begin with; None if it does not end within them."""
    head = HttpHead(is_request)
    lines: list[bytes] = []
    while True:
        feed = data.find(b"\n", head.end)
        if feed < 0:
            return None
        line = data[head.end : feed]
        head.end = feed + 1
        if line.endswith(b"\r"):
            line = line[:-1]
        else:
            head.flaw(
                Weight.OPEN,
                "a line ends with LF alone; a recipient MAY recognise it (RFC 9112 §2.2)",
            )
        if line or lines:
            if line == b"":
                break
            lines.append(line)
        else:
            head.flaw(
                Weight.OPEN,
                "an empty line before the message; a server SHOULD ignore one (RFC 9112 §2.2)",
            )
    if any(b"\r" in line for line in lines):
        head.flaw(
            Weight.OPEN,
            "a CR alone; a recipient MUST hold it invalid or take it for SP (RFC 9112 §2.2)",
        )
    if is_request:
        _read_request_line(head, lines[0])
    else:
        _read_status_line(head, lines[0])
    _read_fields(head, lines[1:])
    return head


def _read_request_line(head: HttpHead, line: bytes) -> None:
    """RFC 9112 §3: ``request-line = method SP request-target SP HTTP-version``"""
    words = line.split(b" ")
    if len(words) != 3 or b"" in words or b"\t" in line:
        words = line.split()
        if len(words) != 3:
            head.flaw(Weight.REJECT, "no request line of three words (RFC 9112 §3)")
            return
        head.flaw(
            Weight.OPEN,
            "other white space in the request line than two SP; recipients MAY parse it "
            "(RFC 9112 §3)",
        )
    head.method, head.target, version = words
    if not is_token(head.method):
        head.flaw(Weight.REJECT, "the method is no token (RFC 9110 §9.1)")
    _read_version(head, version)


def _read_status_line(head: HttpHead, line: bytes) -> None:
    """RFC 9112 §4: ``status-line = HTTP-version SP status-code SP [ reason-phrase ]``"""
    words = line.split(b" ", 2)
    if len(words) == 2:
        head.flaw(Weight.OPEN, "no SP behind the status code (RFC 9112 §4)")
    elif len(words) < 2:
        head.flaw(Weight.REJECT, "no status line (RFC 9112 §4)")
        return
    version, status = words[:2]
    _read_version(head, version)
    if len(status) == 3 and is_digits(status) and status[:1] in (b"1", b"2", b"3", b"4", b"5"):
        head.status = int(status)
    else:
        head.flaw(Weight.REJECT, "no status code of three digits, 1xx to 5xx (RFC 9110 §15)")
    if len(words) == 3:
        _check_text(head, words[2], "the reason phrase")


def _read_version(head: HttpHead, version: bytes) -> None:
    """RFC 9112 §2.3: ``HTTP-version = "HTTP" "/" DIGIT "." DIGIT``, case-sensitive."""
    name, slash, number = version.partition(b"/")
    major, dot, minor = number.partition(b".")
    digits = [major, minor]
    if (name, slash, dot) == (b"HTTP", b"/", b".") and all(
        len(each) == 1 and is_digits(each) for each in digits
    ):
        head.version = (int(major), int(minor))
    else:
        head.flaw(Weight.REJECT, "no version of HTTP (RFC 9112 §2.3)")


def _read_fields(head: HttpHead, lines: list[bytes]) -> None:
    for number, line in enumerate(lines):
        if line[:1] in (b" ", b"\t"):
            _continue_field(head, line, first=number == 0)
            continue
        name, colon, value = line.partition(b":")
        if not colon:
            head.flaw(Weight.REJECT, "a field without a colon (RFC 9112 §5)")
            continue
        if name.rstrip(SPACES) != name:
            # "A server MUST reject, with a response status code of 400 (Bad Request), any
            # received request message that contains whitespace between a header field name
            # and colon." Of a user agent nothing is said.
            head.flaw(
                Weight.REJECT if head.is_request else Weight.OPEN,
                "white space between a field's name and its colon (RFC 9112 §5.1)",
                400,
            )
            name = name.rstrip(SPACES)
        if not is_token(name):
            head.flaw(Weight.REJECT, "a field's name is no token (RFC 9110 §5.1)")
        _check_text(head, value, "a field's value")
        head.fields.append((name.lower(), value.strip(SPACES)))


def _continue_field(head: HttpHead, line: bytes, *, first: bool) -> None:
    if first or not head.fields:
        # "... MUST either reject the message as invalid or consume each whitespace-preceded
        # line without further processing of it"
        head.flaw(
            Weight.OPEN, "white space between the start line and the first field (RFC 9112 §2.2)"
        )
        return
    # "A server that receives an obs-fold in a request message ... MUST either reject the
    # message by sending a 400 (Bad Request) ... or replace each received obs-fold with one or
    # more SP octets"; "A user agent that receives an obs-fold in a response message ... MUST
    # replace each received obs-fold with one or more SP octets".
    head.flaw(
        Weight.OPEN if head.is_request else Weight.IGNORED, "a folded line (RFC 9112 §5.2)", 400
    )
    _check_text(head, line, "a field's value")
    name, value = head.fields.pop()
    head.fields.append((name, (value + b" " + line.strip(SPACES)).strip(SPACES)))


def _check_text(head: HttpHead, text: bytes, what: str) -> None:
    """RFC 9110 §5.5: CR, LF and NUL are "invalid and dangerous": reject or replace with SP;
    other control characters are "also invalid; however, recipients MAY retain" them.
    """
    if any((char < 0x20 and char not in b"\t\r") or char == 0x7F for char in text):
        head.flaw(Weight.OPEN, f"a control character in {what} (RFC 9110 §5.5)")
