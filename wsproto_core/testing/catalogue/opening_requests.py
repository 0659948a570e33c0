"""Right requests in all their shapes, and what a server chooses (RFC 6455 §4.2.1, §4.2.2).

Owns these cases for servers. Must not know what a request can have wrong.
"""

from __future__ import annotations

from typing import Final

from wsproto_core.testing.cases import Case, Outcomes
from wsproto_core.testing.outcomes import Accepted
from wsproto_core.testing.settings import Opening

from .heads import KEY, case, lines, request

PLAIN: Final = Opening("server")
CHOOSY: Final = Opening("server", subprotocols=("chat", "superchat"))

ACCEPTED: Final[Outcomes] = (Accepted(),)

#: What every right answer shows (RFC 6455 §4.2.2, 5).
ANSWER: Final = ("6455-4.2.2-1", *(f"6455-4.2.2-{i}" for i in (12, 13, 14, 15, 16, 19)))

#: By name: what is special about the request, it, and what it checks besides the answer.
RIGHT: Final[dict[str, tuple[str, bytes, tuple[str, ...]]]] = {
    "plain": ("the least that a request must have", request(), ("6455-4.2.1-2",)),
    "rfc-example": (
        "the example of RFC 6455 §1.2, without its subprotocols",
        request(b"Origin: http://example.com", host=b"Host: server.example.com"),
        (),
    ),
    "browser": (
        "what a browser sends",
        request(
            b"Pragma: no-cache",
            b"Cache-Control: no-cache",
            b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            b"Accept: */*",
            b"Accept-Language: en-US,en;q=0.5",
            b"Accept-Encoding: gzip, deflate",
            b"Origin: http://example.com",
            b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            b"Cookie: session=0123456789abcdef; theme=dark",
            connection=b"Connection: keep-alive, Upgrade",
        ),
        ("6455-4.2.1-11", "6455-4.2.2-10"),
    ),
    "fields-reversed": (
        "the fields in another order",
        lines(
            b"GET /chat HTTP/1.1",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: " + KEY,
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Host: example.com",
        ),
        ("6455-4.2.1-1",),
    ),
    "names-lower-case": (
        "the names of the fields in lower case",
        request(
            host=b"host: example.com",
            upgrade=b"upgrade: websocket",
            connection=b"connection: Upgrade",
            key=b"sec-websocket-key: " + KEY,
            version=b"sec-websocket-version: 13",
        ),
        ("6455-4.1-42",),
    ),
    "names-upper-case": (
        "the names of the fields in upper case",
        request(
            host=b"HOST: example.com",
            upgrade=b"UPGRADE: websocket",
            connection=b"CONNECTION: Upgrade",
            key=b"SEC-WEBSOCKET-KEY: " + KEY,
            version=b"SEC-WEBSOCKET-VERSION: 13",
        ),
        ("6455-4.1-42",),
    ),
    "upgrade-mixed-case": (
        "Upgrade: WebSocket",
        request(upgrade=b"Upgrade: WebSocket"),
        ("6455-4.2.1-4",),
    ),
    "upgrade-upper-case": (
        "Upgrade: WEBSOCKET",
        request(upgrade=b"Upgrade: WEBSOCKET"),
        ("6455-4.2.1-4",),
    ),
    "upgrade-list": (
        "websocket is not the first protocol of Upgrade",
        request(upgrade=b"Upgrade: h2c, websocket"),
        ("6455-4.2.1-4",),
    ),
    "upgrade-list-first": (
        "websocket is not the last protocol of Upgrade",
        request(upgrade=b"Upgrade: websocket, foo/2"),
        ("6455-4.2.1-4",),
    ),
    "upgrade-split": (
        "two fields Upgrade",
        request(upgrade=(b"Upgrade: h2c", b"Upgrade: websocket")),
        ("6455-4.2.1-4",),
    ),
    "connection-lower-case": (
        "Connection: upgrade",
        request(connection=b"Connection: upgrade"),
        ("6455-4.2.1-5",),
    ),
    "connection-list": (
        "Upgrade is not the first token of Connection",
        request(connection=b"Connection: keep-alive, Upgrade"),
        ("6455-4.2.1-5",),
    ),
    "connection-list-first": (
        "Upgrade is not the last token of Connection",
        request(connection=b"Connection: Upgrade, keep-alive"),
        ("6455-4.2.1-5",),
    ),
    "connection-list-tight": (
        "a list in Connection without white space",
        request(connection=b"Connection: keep-alive,upgrade,foo"),
        ("6455-4.2.1-5",),
    ),
    "connection-list-loose": (
        "a list in Connection with tabs, and empty elements",
        request(connection=b"Connection: ,keep-alive\t,\t, Upgrade ,"),
        ("6455-4.2.1-5",),
    ),
    "connection-split": (
        "two fields Connection",
        request(connection=(b"Connection: keep-alive", b"Connection: Upgrade")),
        ("6455-4.2.1-5",),
    ),
    "space-none": (
        "no white space behind the colons",
        request(
            host=b"Host:example.com",
            upgrade=b"Upgrade:websocket",
            connection=b"Connection:Upgrade",
            key=b"Sec-WebSocket-Key:" + KEY,
            version=b"Sec-WebSocket-Version:13",
        ),
        ("6455-4.2.1-1",),
    ),
    "space-around": (
        "spaces and tabs around the values",
        request(
            host=b"Host: \t example.com \t",
            upgrade=b"Upgrade:\twebsocket\t",
            connection=b"Connection:    Upgrade  ",
            key=b"Sec-WebSocket-Key: \t" + KEY + b" \t",
            version=b"Sec-WebSocket-Version: 13 ",
        ),
        ("6455-4.2.1-1",),
    ),
    "target-root": ("the target is /", request(line=b"GET / HTTP/1.1"), ("6455-4.2.1-2",)),
    "target-query": (
        "a target with a query",
        request(line=b"GET /chat?room=1&to=/a?b HTTP/1.1"),
        ("6455-4.2.1-2",),
    ),
    "target-escapes": (
        "a target with escapes",
        request(line=b"GET /%20%C3%A9%00%2F HTTP/1.1"),
        ("6455-4.2.1-2",),
    ),
    "target-characters": (
        "a target of all characters that a path may have",
        request(line=b"GET //a-b._~!$&'()*+,;=:@/;c HTTP/1.1"),
        ("6455-4.2.1-2",),
    ),
    "target-long": (
        "a target of 4000 bytes",
        request(line=b"GET /" + b"a" * 3999 + b" HTTP/1.1"),
        ("6455-4.2.1-2",),
    ),
    "target-absolute": (
        "the target is an absolute URI",
        request(line=b"GET http://example.com/chat HTTP/1.1"),
        ("6455-4.2.1-2",),
    ),
    "target-absolute-https": (
        "the target is an absolute URI of https",
        request(line=b"GET HTTPS://example.com:443/chat?a HTTP/1.1"),
        ("6455-4.2.1-2",),
    ),
    "target-absolute-other-host": (
        "the target is an absolute URI of another host than Host",
        request(line=b"GET http://example.com/chat HTTP/1.1", host=b"Host: other.example"),
        ("6455-4.2.1-2",),
    ),
    "host-port": ("a Host with a port", request(host=b"Host: example.com:8080"), ()),
    "host-ipv4": ("a Host that is an IPv4 address", request(host=b"Host: 127.0.0.1:80"), ()),
    "host-ipv6": ("a Host that is an IPv6 address", request(host=b"Host: [::1]:8080"), ()),
    "host-underscore": ("a Host with an underscore", request(host=b"Host: my_host"), ()),
    "key-signs": (
        "a key with + and /",
        request(key=b"Sec-WebSocket-Key: ++++////++++////++++/w=="),
        ("6455-4.2.1-6",),
    ),
    "key-zeros": (
        "a key of 16 bytes zero",
        request(key=b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
        ("6455-4.2.1-6",),
    ),
    "unknown-fields": (
        "fields that a server does not know, also empty ones",
        request(b"X-Empty:", b"X-Colons: a:b: c", b'X-Quoted: "a\\"b, c"', b"!#$%&'*+-.^_`|~: x"),
        ("6455-4.2.1-11",),
    ),
    "unknown-field-latin": (
        "a field with bytes above 127 (obs-text)",
        request(b"X-Name: J\xfcrgen \xe2\x82\xac"),
        ("6455-4.2.1-11",),
    ),
    "unknown-field-twice": (
        "an unknown field twice",
        request(b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-For: 192.0.2.2"),
        ("6455-4.2.1-11",),
    ),
    "response-field": (
        "a field that only a response has",
        request(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("6455-4.2.1-11",),
    ),
    "authorization": (
        "credentials that nobody asked for",
        request(b"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("6455-4.2.1-11",),
    ),
    "origin-null": ("an Origin of null", request(b"Origin: null"), ("6455-4.2.1-11",)),
    "cookie-4096": (
        "a cookie of 4096 bytes",
        request(b"Cookie: a=" + b"x" * 4094),
        ("6455-4.2.1-11",),
    ),
    "fields-40": (
        "40 fields more",
        request(*(b"X-%d: %d" % (i, i) for i in range(40))),
        ("6455-4.2.1-11",),
    ),
    "length-zero": ("Content-Length: 0", request(b"Content-Length: 0"), ("6455-4.2.1-11",)),
}

#: By name: what is offered, in which fields, and what a server that supports "chat" and, less
#: gladly, "superchat" answers; requirements.
SUBPROTOCOLS: Final[dict[str, tuple[str, list[bytes], str | None, tuple[str, ...]]]] = {
    "none-asked": ("no subprotocol is asked for", [], None, ("6455-4.2.2-7", "6455-4.2.2-8")),
    "none-agreed": (
        "only subprotocols that the server does not know are asked for",
        [b"soap, wamp"],
        None,
        ("6455-4.2.2-7", "6455-4.2.2-8", "6455-4.2.2-9"),
    ),
    "one": ("one subprotocol is asked for", [b"chat"], "chat", ()),
    "preference": ("both are asked for", [b"superchat, chat"], "chat", ()),
    "second": ("only the second is asked for", [b"soap, superchat"], "superchat", ()),
    "split": ("asked for in two fields", [b"soap", b"chat"], "chat", ("6455-11.3.4-1",)),
    "tight": ("a list without white space", [b"soap,chat,superchat"], "chat", ()),
    "empty-elements": ("a list with empty elements", [b", ,chat,,superchat,"], "chat", ()),
    "case": ("one in another case, which is another one", [b"CHAT"], None, ("6455-4.2.2-8",)),
    "longer": ("one that only begins alike", [b"chatter, cha"], None, ("6455-4.2.2-8",)),
    "characters": (
        "one with all characters of a token",
        [b"!#$%&'*+-.^_`|~09azAZ, chat"],
        "chat",
        (),
    ),
}

CASES: Final[tuple[Case, ...]] = (
    *(
        case(f"opening/{name}", title, [data], ACCEPTED, (*ANSWER, *more), opening=PLAIN)
        for name, (title, data, more) in RIGHT.items()
    ),
    *(
        case(
            f"opening/subprotocol-{name}",
            f"subprotocols: {title}",
            [request(*(b"Sec-WebSocket-Protocol: " + value for value in values))],
            (Accepted(chosen),),
            ("6455-4.2.1-9", "6455-4.2.2-6", "6455-4.2.2-17", *more),
            opening=CHOOSY,
            # Whose order counts is the server's choice: the client's list is one of preference.
            also=[(Accepted("superchat"),)] if b"superchat, chat" in values else [],
        )
        for name, (title, values, chosen, more) in SUBPROTOCOLS.items()
    ),
)
