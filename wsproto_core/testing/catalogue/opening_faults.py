"""Requests that a server has to reject (RFC 6455 §4.2.1), each fault by its name.

Owns these cases. Where the RFCs leave a server a choice, ``opening_server`` has the case.
"""

from __future__ import annotations

from typing import Final

from wsproto_core.testing.cases import Case, Outcomes
from wsproto_core.testing.outcomes import Rejected

from .heads import BAD_REQUEST, KEY, case, lines, request
from .opening_requests import CHOOSY, PLAIN

GRAMMAR: Final = ("6455-4.2.1-1", "6455-10.7-1", "6455-10.7-3")

METHOD: Final[tuple[Outcomes, ...]] = ((Rejected(405, (("allow", ""),)),), (Rejected(501),))
#: RFC 9110 §15.5.22: as it is, the server refuses; "it might be willing to do so after the
#: client upgrades to a different protocol".
UPGRADE: Final[tuple[Outcomes, ...]] = ((Rejected(426, (("upgrade", ""),)),),)
HTTP: Final[tuple[Outcomes, ...]] = ((Rejected(505),), *UPGRADE)
VERSION: Final[tuple[Outcomes, ...]] = ((Rejected(426, (("sec-websocket-version", "13"),)),),)

#: By name: what is wrong, the request, what is as right as 400, and what it checks.
WRONG: Final[dict[str, tuple[str, bytes, tuple[Outcomes, ...], tuple[str, ...]]]] = {
    **{
        f"method-{method.decode()}": (
            f"the method is {method.decode()}",
            request(line=method + b" /chat HTTP/1.1"),
            METHOD,
            ("6455-4.2.1-2",),
        )
        for method in (b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"get", b"GETT")
    },
    **{
        f"http-{name}": (
            f"the version of HTTP is {version.decode()!r}",
            request(line=b"GET /chat" + version),
            HTTP,
            ("6455-4.2.1-2",),
        )
        for name, version in {
            "1.0": b" HTTP/1.0",
            "0.9": b"",
            "lower-case": b" http/1.1",
            "no-minor": b" HTTP/1",
            "empty-minor": b" HTTP/1.",
            "two-digits": b" HTTP/1.10",
            "leading-zero": b" HTTP/01.1",
            "other": b" HTTQ/1.1",
            "word-more": b" HTTP/1.1 HTTP/1.1",
        }.items()
    },
    "preface-h2": (
        "the preface of HTTP/2 (RFC 9113 §3.4)",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        (*METHOD, *HTTP),
        ("6455-4.2.1-2",),
    ),
    **{
        f"target-{name}": (
            f"the target is {target.decode()!r}",
            request(line=b"GET " + target + b" HTTP/1.1"),
            ((Rejected(404),), (Rejected(421),)),
            ("6455-4.2.1-2",),
        )
        for name, target in {
            "asterisk": b"*",
            "no-slash": b"chat",
            "authority": b"example.com:80",
            "fragment": b"/chat#part",
            "ftp": b"ftp://example.com/chat",
            "empty-host": b"http:///chat",
        }.items()
    },
    **{
        f"host-{name}": (
            title,
            request(host=host),
            (),
            ("6455-4.2.1-3",),
        )
        for name, (title, host) in {
            "missing": ("no Host", None),
            "twice": ("two fields Host", (b"Host: example.com", b"Host: other.example")),
            "twice-same": ("the same Host twice", (b"Host: example.com", b"Host: example.com")),
            "space": ("a Host with a space", b"Host: exam ple.com"),
            "path": ("a Host with a path", b"Host: example.com/chat"),
            "userinfo": ("a Host with a user", b"Host: user@example.com"),
            "port-letters": ("a Host whose port is no number", b"Host: example.com:http"),
            "bracket": ("a Host with a bracket that does not close", b"Host: [::1"),
            "quote": ("a Host with a quotation mark", b'Host: exam"ple.com'),
            "latin": ("a Host with a byte above 127", b"Host: ex\xe4mple.com"),
            "escape": ("a Host with % before what is no hexadecimal digit", b"Host: ex%zzle.com"),
        }.items()
    },
    **{
        f"upgrade-{name}": (title, request(upgrade=upgrade), UPGRADE, ("6455-4.2.1-4",))
        for name, (title, upgrade) in {
            "missing": ("no Upgrade", None),
            "empty": ("an empty Upgrade", b"Upgrade:"),
            "other": ("an Upgrade to something else", b"Upgrade: h2c"),
            "longer": ("Upgrade: websockets", b"Upgrade: websockets"),
            "spaced": ("Upgrade: web socket", b"Upgrade: web socket"),
            "quoted": ("a quoted Upgrade", b'Upgrade: "websocket"'),
        }.items()
    },
    **{
        f"connection-{name}": (title, request(connection=connection), UPGRADE, ("6455-4.2.1-5",))
        for name, (title, connection) in {
            "missing": ("no Connection", None),
            "empty": ("an empty Connection", b"Connection:"),
            "other": ("Connection: keep-alive", b"Connection: keep-alive"),
            "longer": ("Connection: Upgrades", b"Connection: Upgrades"),
            "dashed": ("Connection: Upgrade-Now", b"Connection: Upgrade-Now"),
            "spaced": ("Connection: keep-alive Upgrade", b"Connection: keep-alive Upgrade"),
        }.items()
    },
    "http-plain": (
        "an ordinary request, without anything of a WebSocket",
        lines(b"GET /chat HTTP/1.1", b"Host: example.com"),
        (*UPGRADE, (Rejected(404),)),
        ("6455-4.2.1-4", "6455-4.2.1-5"),
    ),
    **{
        f"key-{name}": (title, request(key=key), (), ("6455-4.2.1-6", *more))
        for name, (title, key, more) in {
            "missing": ("no key", None, ()),
            "empty": ("an empty key", b"Sec-WebSocket-Key:", ()),
            "twice": (
                "two keys",
                (b"Sec-WebSocket-Key: " + KEY, b"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA=="),
                ("6455-11.3.1-1",),
            ),
            "twice-same": (
                "the same key twice",
                (b"Sec-WebSocket-Key: " + KEY, b"Sec-WebSocket-Key: " + KEY),
                ("6455-11.3.1-1",),
            ),
            "list": (
                "two keys in one field",
                b"Sec-WebSocket-Key: " + KEY + b", " + KEY,
                (),
            ),
            "15-bytes": ("a key of 15 bytes", b"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4P", ()),
            "17-bytes": ("a key of 17 bytes", b"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEBE=", ()),
            "18-bytes": (
                "a key of 18 bytes, 24 characters",
                b"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEBES",
                (),
            ),
            "32-bytes": ("a key of 32 bytes", b"Sec-WebSocket-Key: " + b"A" * 43 + b"=", ()),
            "no-padding": ("a key without its padding", b"Sec-WebSocket-Key: " + KEY[:-2], ()),
            "half-padding": ("a key with half its padding", b"Sec-WebSocket-Key: " + KEY[:-1], ()),
            "more-padding": ("a key with more padding", b"Sec-WebSocket-Key: " + KEY + b"==", ()),
            "padding-early": (
                "a key with padding in the middle",
                b"Sec-WebSocket-Key: dGhlIHNhbXBs==ZSBub25jZQ",
                (),
            ),
            "url-safe": (
                "a key in the alphabet for URLs (RFC 4648 §5)",
                b"Sec-WebSocket-Key: ----____----____----_w==",
                (),
            ),
            "space-within": (
                "a key with a space in it",
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSB ub25jZQ==",
                (),
            ),
            "quoted": ("a quoted key", b'Sec-WebSocket-Key: "' + KEY + b'"', ()),
            "plain-text": (
                "16 bytes that are no base64",
                b"Sec-WebSocket-Key: sixteen bytes!!!",
                (),
            ),
        }.items()
    },
    **{
        f"version-{name}": (title, request(version=version), VERSION, ("6455-4.2.1-7", *more))
        for name, (title, version, more) in {
            "missing": ("no version", None, ()),
            "empty": ("an empty version", b"Sec-WebSocket-Version:", ()),
            "twice": (
                "two fields with versions",
                (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 8"),
                ("6455-11.3.5-1",),
            ),
            "twice-same": (
                "version 13 twice",
                (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 13"),
                ("6455-11.3.5-1",),
            ),
            "list": ("a list of versions", b"Sec-WebSocket-Version: 13, 8, 7", ()),
            "leading-zero": ("version 013", b"Sec-WebSocket-Version: 013", ()),
            "decimal": ("version 13.0", b"Sec-WebSocket-Version: 13.0", ()),
            "sign": ("version +13", b"Sec-WebSocket-Version: +13", ()),
            "parameter": ("a version with a parameter", b"Sec-WebSocket-Version: 13;a", ()),
            "256": ("version 256", b"Sec-WebSocket-Version: 256", ()),
            "letters": ("a version that is no number", b"Sec-WebSocket-Version: thirteen", ()),
        }.items()
    },
    **{
        f"line-{name}": (title, request(line), (), GRAMMAR)
        for name, (title, line) in {
            "no-colon": ("a line without a colon", b"Nothing"),
            "no-name": ("a field without a name", b": nothing"),
            "space-in-name": ("a field's name with a space in it", b"X Y: z"),
            "latin-name": ("a field's name with a byte above 127", b"X-\xfc: z"),
            "separator-in-name": ("a field's name with a separator", b"X(Y): z"),
            "control-in-name": ("a field's name with a control character", b"X\x01Y: z"),
            "nul-in-name": ("a field's name with NUL", b"X\x00Y: z"),
        }.items()
    },
    **{
        f"space-before-colon-{name}": (title, data, (), GRAMMAR)
        for name, (title, data) in {
            "unknown": ("white space before an unknown field's colon", request(b"X : y")),
            "tab": ("a tab before an unknown field's colon", request(b"X\t: y")),
            "host": ("white space before Host's colon", request(host=b"Host : example.com")),
            "key": (
                "white space before the key's colon",
                request(key=b"Sec-WebSocket-Key : " + KEY),
            ),
        }.items()
    },
    **{
        f"length-{name}": (title, request(*fields) + b"hello", (), GRAMMAR)
        for name, (title, fields) in {
            "letters": ("a Content-Length that is no number", [b"Content-Length: five"]),
            "negative": ("a negative Content-Length", [b"Content-Length: -5"]),
            "sign": ("a Content-Length with a sign", [b"Content-Length: +5"]),
            "two": ("two different lengths", [b"Content-Length: 5", b"Content-Length: 6"]),
        }.items()
    },
    "line-one-word": ("a request line of one word", request(line=b"GET"), (), GRAMMAR),
    "binary": ("bytes that are no HTTP", bytes(range(128, 256)) + b"\r\n\r\n", (), GRAMMAR),
}

WRONG_SUBPROTOCOLS: Final = {
    "space": ("a subprotocol with a space", [b"chat room"]),
    "slash": ("a subprotocol with a slash", [b"chat/2"]),
    "quoted": ("a quoted subprotocol", [b'"chat"']),
    "latin": ("a subprotocol with bytes above 127", [b"ch\xc3\xa4t"]),
    "parameter": ("a subprotocol with a parameter", [b"chat; q=1"]),
    "second-field": ("a bad subprotocol in a second field", [b"chat", b"super chat"]),
}

#: By the beginning of the name: what was published of such a fault.
ADVISORIES: Final = {
    "space-before-colon": ("CVE-2019-16869 (netty)",),
    "length": ("CVE-2023-47627 (aiohttp)",),
}

CASES: Final[tuple[Case, ...]] = (
    *(
        case(
            f"opening/{name}",
            title,
            [data],
            BAD_REQUEST,
            ("6455-4.2.2-3", *requirements),
            opening=PLAIN,
            also=also,
            advisories=ADVISORIES.get(name.rpartition("-")[0], ()),
        )
        for name, (title, data, also, requirements) in WRONG.items()
    ),
    *(
        case(
            f"opening/version-{version}",
            f"version {version}",
            [request(version=b"Sec-WebSocket-Version: %d" % version)],
            (Rejected(426, (("sec-websocket-version", "13"), ("upgrade", ""))),),
            ("6455-4.2.2-4", "6455-4.4-1"),
            opening=PLAIN,
            also=[(Rejected(400, (("sec-websocket-version", "13"),)),)],
        )
        for version in (0, 7, 8, 12, 14, 25, 130, 255)
    ),
    *(
        case(
            f"opening/subprotocol-{name}",
            f"subprotocols: {title}",
            [request(*(b"Sec-WebSocket-Protocol: " + value for value in values))],
            BAD_REQUEST,
            ("6455-4.2.1-9", *GRAMMAR),
            opening=CHOOSY,
        )
        for name, (title, values) in WRONG_SUBPROTOCOLS.items()
    ),
)
