"""Cases: what an endpoint sends once compression was agreed on (RFC 7692 §6.1, §7.2.1).

Owns messages that show whether the agreement is kept. Whether the endpoint compresses a message
is its own decision; what it sends is read with the window and the takeover agreed on, and
nothing else, so that whatever goes beyond cannot be read.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from wsproto_core.testing.actions import SendClose, SendMessage, SendPing, SendPong
from wsproto_core.testing.cases import Case
from wsproto_core.testing.frames import TEXT, Frame
from wsproto_core.testing.outcomes import (
    Accepted,
    GotClose,
    GotMessage,
    GotPing,
    GotPong,
    Kind,
    Outcome,
    Role,
)
from wsproto_core.testing.settings import Deflate, Opening

from .building import READ, ROLES, Part, cases
from .compression import (
    AGREED,
    GOT_HELLO,
    HELLO,
    HELLO_AGAIN,
    KEPT,
    NO_TAKEOVER,
    compressed,
    literal,
)
from .compression_windows import noise
from .heads import request, response

#: Whichever way it is sent: compressed or not.
SENT: Final = ("7692-6.1-1", "7692-6.1-2", "7692-7.2.1-1", "7692-5-16")
FRAGMENTS: Final = ("7692-6.1-3", "7692-7.2.1-6")
AFRESH: Final[dict[Role, list[str]]] = {"client": ["7692-7.2.1-8"], "server": ["7692-7.2.1-9"]}
OWN_WINDOW: Final[dict[Role, list[str]]] = {
    "client": ["7692-7.2.1-10", "7692-7.2.2-7"],
    "server": ["7692-7.2.1-11"],
}

SENTENCE: Final = b"The quick brown fox jumps over the lazy dog. "
UMLAUTS: Final = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ".encode()


def send(kind: Kind, *fragments: bytes) -> SendMessage:
    """A message to send, in these fragments."""
    return SendMessage(kind, fragments)


def told(message: SendMessage) -> GotMessage:
    """That message as the peer gets it."""
    return GotMessage(message.kind, b"".join(message.fragments))


#: By name: messages, one after the other.
MESSAGES: Final[dict[str, tuple[str, tuple[SendMessage, ...]]]] = {
    "text": ("a text message", (send("text", SENTENCE * 20),)),
    "binary": ("a binary message", (send("binary", bytes(range(256)) * 4),)),
    "short": ("a message of one character", (send("text", b"a"),)),
    "empty": ("an empty text message", (send("text", b""),)),
    "empty-binary": ("an empty binary message", (send("binary", b""),)),
    "incompressible": ("a message without repetitions", (send("binary", noise(1500)),)),
    "characters": ("a text of characters of two bytes", (send("text", UMLAUTS * 8),)),
    "sizes": (
        "messages of each size around a header's edges",
        tuple(send("binary", noise(200)[:size]) for size in (124, 125, 126, 127, 128)),
    ),
    "run": ("a message of 30000 times one byte", (send("binary", b"r" * 30_000),)),
    "twice": ("a message twice", (send("text", SENTENCE * 4),) * 2),
    "ten-times": ("a message ten times", (send("text", SENTENCE * 2),) * 10),
    "in-turn": (
        "text, empty and binary messages in turn",
        (send("text", SENTENCE), send("text", b""), send("binary", SENTENCE)) * 3,
    ),
    "growing": (
        "messages each of which repeats those before",
        tuple(send("text", SENTENCE[: 4 * i] * i) for i in range(1, 9)),
    ),
}

#: By name: messages in several fragments.
DIVIDED: Final[dict[str, tuple[str, tuple[SendMessage, ...]]]] = {
    "fragments": (
        "a message in three fragments",
        (send("text", SENTENCE * 4, SENTENCE * 3, SENTENCE),),
    ),
    "fragments-twice": (
        "a message in two fragments, twice",
        (send("binary", SENTENCE * 4, SENTENCE * 4),) * 2,
    ),
    "fragments-short": (
        "a message in fragments of one byte",
        (send("text", *(b"%c" % byte for byte in SENTENCE)),),
    ),
    "fragments-first-empty": (
        "a message whose first fragment is empty",
        (send("text", b"", SENTENCE * 4),),
    ),
    "fragments-last-empty": (
        "a message whose last fragment is empty",
        (send("text", SENTENCE * 4, b""), send("text", SENTENCE)),
    ),
    "fragments-empty": (
        "a message of empty fragments, then another",
        (send("text", b"", b"", b""), send("text", SENTENCE)),
    ),
    "fragments-large": (
        "a message in fragments of 20000 bytes",
        (send("binary", b"a" * 20_000, b"b" * 20_000, b"a" * 20_000),),
    ),
}

READABLE: Final = tuple(
    chain.from_iterable(
        cases(
            f"compression/sends-{name}{suffix}",
            f"the application sends {title}{how}",
            messages,
            [],
            [*SENT, *(FRAGMENTS if name.startswith("fragments") else ())],
            besides=AFRESH if deflate is NO_TAKEOVER else None,
            sent=[told(message) for message in messages],
            deflate=deflate,
        )
        for name, (title, messages) in (MESSAGES | DIVIDED).items()
        for suffix, how, deflate in (
            ("", "", AGREED),
            ("-afresh", ", without context takeover", NO_TAKEOVER),
        )
    )
)


def _repeating(bits: int) -> tuple[bytes, str]:
    """Data that a window of more than *bits* would shorten, and in which way."""
    if bits < 11:
        return noise(2**bits + 40) * 2, "the same noise twice"
    marker = noise(600)
    return marker + b"-" * 2**bits + marker, "the same noise before and behind a long run"


WINDOWS: Final = (
    *chain.from_iterable(
        cases(
            f"compression/sends-window-{bits}",
            f"the application sends {title}, further apart than the window of 2^{bits} bytes",
            [send("binary", data), send("binary", data[:600])],
            [],
            [*SENT, "7692-7.2.1-7"],
            besides=OWN_WINDOW if bits < 15 else None,
            sent=[GotMessage("binary", data), GotMessage("binary", data[:600])],
            deflate=Deflate(server_max_window_bits=bits)
            if role == "server"
            else Deflate(client_max_window_bits=bits),
            roles=[role],
        )
        for role in ROLES
        for bits in range(8, 16)
        for data, title in (_repeating(bits),)
    ),
    *chain.from_iterable(
        cases(
            f"compression/sends-window-{bits}-messages",
            f"the application sends messages that repeat what is 2^{bits} and more bytes back",
            [send("binary", noise(2**bits)), send("binary", b"!" * 40), send("binary", noise(200))],
            [],
            SENT,
            besides=OWN_WINDOW,
            sent=[
                GotMessage("binary", noise(2**bits)),
                GotMessage("binary", b"!" * 40),
                GotMessage("binary", noise(200)),
            ],
            deflate=Deflate(False, False, bits, bits),
        )
        for bits in (9, 10, 11)
    ),
)

_OWN_AFRESH: Final[dict[Role, Deflate]] = {
    "server": Deflate(server_no_context_takeover=True, server_max_window_bits=9),
    "client": Deflate(client_no_context_takeover=True, client_max_window_bits=9),
}
_PEER_AFRESH: Final[dict[Role, Deflate]] = {
    "server": Deflate(client_no_context_takeover=True, client_max_window_bits=9),
    "client": Deflate(server_no_context_takeover=True, server_max_window_bits=9),
}

_TWICE: Final = (send("text", SENTENCE * 3),) * 2

DIRECTIONS: Final = (
    *chain.from_iterable(
        cases(
            "compression/sends-own-parameters",
            "what the endpoint sends is without takeover and of a small window, the other way not",
            [compressed(HELLO), *_TWICE, compressed(HELLO_AGAIN), *_TWICE],
            [GOT_HELLO, GOT_HELLO],
            SENT,
            besides={r: [*AFRESH[r], *OWN_WINDOW[r], *KEPT[r]] for r in ROLES},
            sent=[told(message) for message in _TWICE * 2],
            deflate=_OWN_AFRESH[role],
            roles=[role],
        )
        for role in ROLES
    ),
    *chain.from_iterable(
        cases(
            "compression/sends-peer-parameters",
            "what the peer sends is without takeover and of a small window, the other way not",
            [compressed(HELLO), *_TWICE, compressed(HELLO), *_TWICE],
            [GOT_HELLO, GOT_HELLO],
            SENT,
            sent=[told(message) for message in _TWICE * 2],
            deflate=_PEER_AFRESH[role],
            roles=[role],
        )
        for role in ROLES
    ),
    *cases(
        "compression/sends-own-window",
        "the application sends back what it has received: each direction has its own window",
        [
            compressed(literal(SENTENCE * 4)),
            send("text", SENTENCE * 4),
            compressed(literal(UMLAUTS)),
            send("text", UMLAUTS),
        ],
        [GotMessage("text", SENTENCE * 4), GotMessage("text", UMLAUTS)],
        [*SENT, "7692-6.2-1"],
        sent=[GotMessage("text", SENTENCE * 4), GotMessage("text", UMLAUTS)],
        deflate=AGREED,
    ),
)


def _opened(
    name: str, title: str, opening: Opening, parts: list[Part], extensions: str, ids: list[str]
) -> tuple[Case, ...]:
    return cases(
        f"compression/{name}",
        title,
        [*parts, READ, *_TWICE],
        [Accepted(None, extensions)],
        ids,
        sent=[told(message) for message in _TWICE],
        opening=opening,
    )


_CONTROL: Final[tuple[tuple[Part, Outcome], ...]] = (
    (SendPing(SENTENCE * 2), GotPing(SENTENCE * 2)),
    (SendPong(SENTENCE * 2), GotPong(SENTENCE * 2)),
)

OTHERS: Final = (
    *cases(
        "compression/sends-control-frames",
        "the application sends Ping and Pong frames of repetitions between messages",
        [*_TWICE, *(part for part, _ in _CONTROL), *_TWICE],
        [],
        ["7692-6-1", "7692-6.1-3"],
        sent=[*map(told, _TWICE), *(outcome for _, outcome in _CONTROL), *map(told, _TWICE)],
        deflate=AGREED,
    ),
    *cases(
        "compression/sends-close",
        "the application sends a message and a Close frame with a reason of repetitions",
        [*_TWICE, SendClose(1000, "bye " * 25)],
        [],
        ["7692-6-1", "7692-6.1-3", "6455-7.1.2-1"],
        sent=[*map(told, _TWICE), GotClose(1000, b"bye " * 25)],
        deflate=AGREED,
    ),
    *cases(
        "compression/sends-answers",
        "a Ping frame and a Close frame are answered with frames that are not compressed",
        [
            compressed(HELLO),
            Frame(9, SENTENCE * 2),
            *_TWICE,
            Frame(8, b"\x03\xe8" + b"bye " * 20),
        ],
        [GOT_HELLO, GotPing(SENTENCE * 2), GotClose(1000, b"bye " * 20)],
        ["7692-6-1", "7692-6.1-3"],
        sent=[GotPong(SENTENCE * 2), *map(told, _TWICE), GotClose(1000, b"")],
        sent_also=[
            (GotPong(SENTENCE * 2), *map(told, _TWICE), GotClose(1000, b"bye " * 20)),
            (GotPong(SENTENCE * 2), *map(told, _TWICE), GotClose(1005, b"")),
        ],
        deflate=AGREED,
    ),
    *cases(
        "compression/sends-not-agreed",
        "the application sends messages of repetitions, and compression was not agreed on",
        [*_TWICE, Frame(TEXT, b"hi")],
        [GotMessage("text", b"hi")],
        ["6455-5.2-1", "7692-5-14"],
        sent=[told(message) for message in _TWICE],
    ),
    *_opened(
        "sends-not-accepted",
        "a client offers compression, the server does not accept it",
        Opening("client", deflate=True),
        [response()],
        "",
        ["6455-9.1-6", "7692-5-14"],
    ),
    *_opened(
        "sends-not-offered",
        "a server supports compression, the client does not offer it",
        Opening("server", deflate=True),
        [request()],
        "",
        ["6455-5.2-1", "7692-5-14"],
    ),
)

CASES: Final[tuple[Case, ...]] = (*READABLE, *WINDOWS, *DIRECTIONS, *OTHERS)
