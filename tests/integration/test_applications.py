"""The applications of ``examples/applications``, driven from outside.

On uvicorn they run by ``examples/uvicorn_ws.py``, with either HTTP parser and event loop. On
hypercorn this package is in wsproto's place, over HTTP/1.1 and over HTTP/2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import pytest

from . import h2_tunnel
from .applications_clients import Client, Fields, OverHttp1, OverHttp2, Refused
from .peer import CLOSE, TEXT, Offer, Peer, close_payload
from .servers import Server, StartServer, check_engine, fresh_id

pytestmark = pytest.mark.integration

APPLICATIONS = ("ravyn", "nexios", "starlette", "fastapi")
BEARER = [("authorization", "Bearer open-sesame")]


@dataclass(frozen=True)
class Serving:
    """A server as its users start it."""

    arguments: tuple[str, ...]
    adapter: str
    http2: bool = False
    #: What the application is told when the peer closes with 3001, and when it vanishes.
    told: tuple[str, str] = ("3001", "1006")
    #: Whether the application waits for a client that reads nothing.
    holds_up: bool = True


def uvicorn(parser: str, loop: str) -> Serving:
    ws = "examples.uvicorn_ws:WebSocketProtocol"
    options = ("--port", "0", "--http", parser, "--loop", loop, "--ws", ws)
    return Serving(("uvicorn", "{app}:app", *options), "examples.uvicorn_ws")


# Without workers of its own it serves in the process that has the alias. It does not pass on
# what the peer's Close says.
HYPERCORN = Serving(
    ("hypercorn", "--bind", "127.0.0.1:0", "--workers", "0", "{app}:app"),
    "hypercorn.protocol.ws_stream",
    told=("1006", "1006"),
)
SERVERS = {
    "uvicorn-httptools-uvloop": uvicorn("httptools", "uvloop"),
    "uvicorn-h11-asyncio": uvicorn("h11", "asyncio"),
    "hypercorn": HYPERCORN,
    # Once the flow control of HTTP/2 stops it, it buffers without end.
    "hypercorn-http2": replace(HYPERCORN, http2=True, holds_up=False),
}


@dataclass(frozen=True)
class Place:
    """An application on a server, to which a test's clients connect."""

    app: str
    serving: Serving
    server: Server
    stack: ExitStack

    def connect(self, path: str, headers: Fields = (), subprotocols: Sequence[str] = ()) -> Client:
        connect = OverHttp2 if self.serving.http2 else OverHttp1
        client = connect(self.server, path, headers, subprotocols)
        self.stack.callback(client.leave)
        return client

    def peer(self, path: str) -> Peer:
        """A client made by hand, which reads only when it is told to."""
        peer = self.server.dial(Offer(path)).peer
        self.stack.callback(peer.transport.close)
        return peer

    def refusal(self, path: str, headers: Fields = ()) -> Refused:
        with pytest.raises(Refused) as refused:
            self.connect(path, headers)
        return refused.value

    def expect_gone(self, name: str, code: str) -> None:
        """The application must have printed how a client has gone."""
        self.server.process.expect(rf"{name} disconnected with {code}\b")


def on(*apps: str, servers: Sequence[str] = tuple(SERVERS)) -> pytest.MarkDecorator:
    """Run a test with each of these applications on each of these servers."""
    return pytest.mark.parametrize(
        "started",
        [pytest.param((app, name), id=f"{app}-{name}") for app in apps for name in servers],
        indirect=True,
    )


on_all = on(*APPLICATIONS)


@pytest.fixture(scope="module")
def processes() -> dict[tuple[str, ...], Server]:
    """Those that have been started; HTTP/1.1 and HTTP/2 share one."""
    return {}


def start(start_server: StartServer, app: str, serving: Serving) -> Server:
    module = f"examples.applications.{app}_app"
    arguments = [argument.format(app=module) for argument in serving.arguments]
    server = start_server("tests.integration.applications_run", module, *arguments)
    check_engine(server, serving.adapter)
    return server


@pytest.fixture(scope="module")
def started(
    start_server: StartServer,
    processes: dict[tuple[str, ...], Server],
    request: pytest.FixtureRequest,
) -> tuple[str, Serving, Server]:
    app, name = request.param
    serving = SERVERS[name]
    key = (app, *serving.arguments)
    if key not in processes:
        processes[key] = start(start_server, app, serving)
    server = processes[key]
    if serving.http2:
        server = replace(server, dial_port=h2_tunnel.dial)
    return app, serving, server


@pytest.fixture
def place(started: tuple[str, Serving, Server]) -> Iterator[Place]:
    app, serving, server = started
    with ExitStack() as stack:
        yield Place(app, serving, server, stack)


@on_all
class TestEcho:
    def test_echo(self, place: Place) -> None:
        client = place.connect("/ws/42")
        for text in ("hello", "", "Grüße, 世界 🌍", "x" * 100_000):
            client.send(text)
            assert client.recv() == f"Message from 42: {text}"
        client.close()

    def test_clients_are_told_apart(self, place: Place) -> None:
        clients = {name: place.connect(f"/ws/{name}") for name in ("ann", "bob", "eve")}
        for number in range(3):
            for name, client in clients.items():
                client.send(f"{name} {number}")
        for name, client in clients.items():
            for number in range(3):
                assert client.recv() == f"Message from {name}: {name} {number}"

    def test_application_is_told_the_code_of_the_end(self, place: Place) -> None:
        name = fresh_id()
        place.connect(f"/ws/{name}").close(3001, "bye")
        place.expect_gone(name, place.serving.told[0])

    def test_application_is_told_of_a_client_that_vanishes(self, place: Place) -> None:
        name = fresh_id()
        place.peer(f"/ws/{name}").transport.abort()
        place.expect_gone(name, place.serving.told[1])

    def test_unknown_path_is_refused(self, place: Place) -> None:
        assert place.refusal("/nowhere").status == 403


def joined(place: Place, count: int) -> list[Client]:
    """Members of the chat, each seen to have joined before the next one comes.

    At its end the test waits until they have left, lest those of another hear of that.
    """
    members: list[Client] = []
    for _ in range(count):
        name = f"member {fresh_id()}"
        place.stack.callback(place.expect_gone, name, r"\d+")
        client = place.connect(f"/chat/{quote(name)}")
        client.name = name
        members.append(client)
        say(client, "hi", to=members)
    return members


def say(speaker: Client, text: str, *, to: Sequence[Client]) -> None:
    speaker.send(text)
    for listener in to:
        assert listener.recv() == f"{speaker.name}: {text}"


def joined_by_victim(place: Place) -> tuple[Client, Peer, Client]:
    """Two members, and between them, in the order of joining, one that reads nothing."""
    (ann,) = joined(place, 1)
    victim = place.peer("/chat/victim")
    victim.send(TEXT, "hi")
    assert ann.recv() == "victim: hi"
    (eve,) = joined(place, 1)
    assert ann.recv() == f"{eve.name}: hi"
    return ann, victim, eve


def stall(ann: Client, eve: Client) -> str:
    """Let *ann* speak until the broadcast waits for the victim; give what *eve* misses."""
    for number in range(100):
        text = f"{number} {'x' * 2**20}"
        say(ann, text, to=[ann])
        if not eve.has_news(0.5):
            return f"{ann.name}: {text}"
        assert eve.recv() == f"{ann.name}: {text}"
    raise AssertionError("nothing waits for the victim")


@on_all
class TestChat:
    def test_everybody_hears_everybody(self, place: Place) -> None:
        members = joined(place, 5)
        for number in range(5):
            for member in members:
                member.send(f"{number}")
        for listener in members:
            heard = [listener.recv() for _ in range(25)]
            for speaker in members:
                said = [f"{speaker.name}: {number}" for number in range(5)]
                assert [text for text in heard if text in said] == said

    def test_leaving_breaks_nobody(self, place: Place) -> None:
        ann, bob, eve = joined(place, 3)
        bob.close(3001)
        assert ann.recv() == eve.recv() == f"{bob.name} has left"
        place.expect_gone(bob.name, place.serving.told[0])
        say(ann, "still here", to=[ann, eve])
        say(eve, "me too", to=[ann, eve])

    def test_who_speaks_and_leaves_at_once_is_heard(self, place: Place) -> None:
        ann, bob, eve = joined(place, 3)
        bob.send("I'm off")
        bob.close()
        for member in ann, eve:
            assert member.recv() == f"{bob.name}: I'm off"
            assert member.recv() == f"{bob.name} has left"
        say(eve, "who was that?", to=[ann, eve])

    @pytest.mark.parametrize("how", ["abort", "close"])
    def test_client_killed_within_a_broadcast_breaks_nobody(self, place: Place, how: str) -> None:
        """It reads nothing, until the broadcast waits for it; then it is killed."""
        ann, victim, eve = joined_by_victim(place)
        # The chat on Starlette waits for nobody.
        waits = place.serving.holds_up and place.app != "starlette"
        expected = {"victim has left"}
        if waits:
            expected.add(stall(ann, eve))
        else:
            for _ in range(2):
                say(ann, "x" * 2**17, to=[ann, eve])
        # With so much unread, close() is a reset of TCP as well, also beneath HTTP/2.
        getattr(victim.transport, how)()
        assert {eve.recv() for _ in expected} == expected
        assert ann.recv() == "victim has left"
        say(eve, "who was that?", to=[ann, eve])


def test_pings_find_out_who_reads_nothing_and_nobody_else(start_server: StartServer) -> None:
    """Neither who waits to be heard, though nothing of it is read, its pongs included."""
    pings = ("--ws-ping-interval", "2", "--ws-ping-timeout", "2")
    serving = SERVERS["uvicorn-httptools-uvloop"]
    serving = replace(serving, arguments=(*serving.arguments, *pings))
    server = start(start_server, "fastapi", serving)
    with ExitStack() as stack:
        place = Place("fastapi", serving, server, stack)
        ann, _, eve = joined_by_victim(place)
        missed = stall(ann, eve)
        ann.send("one")
        ann.send("x" * 2**17)
        eve.send("two")
        place.expect_gone("victim", "1011")
        # The broadcast goes on with the victim's end, and does not wait for its transport's.
        heard = [eve.recv()]
        assert eve.has_news(3)
        said = [f"{ann.name}: one", f"{ann.name}: {'x' * 2**17}", f"{eve.name}: two"]
        said.append("victim has left")
        assert sorted(str(ann.recv()) for _ in said) == sorted(said)
        said.append(missed)
        heard += [eve.recv() for _ in said[1:]]
        assert sorted(map(str, heard)) == sorted(said)


@on("starlette", servers=[name for name in SERVERS if SERVERS[name].holds_up])
class TestQueues:
    def test_who_reads_too_slowly_is_dropped(self, place: Place) -> None:
        ann, eve = joined(place, 2)
        victim = place.peer("/chat/victim")
        victim.send(TEXT, "hi")
        assert ann.recv() == eve.recv() == "victim: hi"
        heard = ""
        for _ in range(100):
            ann.send("x" * 2**20)
            heard = str(ann.recv())
            assert eve.recv() == heard
            if heard == "victim has left":
                break
        else:
            pytest.fail("the victim is given without end")
        # It is sent what was on its way; then it is told.
        assert victim.receive_message()[1] == b"victim: hi"
        while (frame := victim.receive()).opcode != CLOSE:
            assert frame.payload == ann.name.encode() + b": " + b"x" * 2**20
        assert frame.payload == close_payload(1013, "too slow")
        assert ann.recv() == eve.recv() == f"{ann.name}: {'x' * 2**20}"
        say(eve, "who was that?", to=[ann, eve])


class TestHandshake:
    @on("ravyn")
    def test_closing_refuses(self, place: Place) -> None:
        assert place.refusal("/private").status == 403

    @on("nexios", "starlette")
    def test_refusal_has_status_fields_and_body(self, place: Place) -> None:
        for headers in [], [("authorization", "Bearer guess")]:
            refused = place.refusal("/private", headers)
            assert refused.status == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert refused.headers["content-type"] == "application/json"
            assert json.loads(refused.body) == {"error": "a token is needed"}

    @on("fastapi")
    def test_exception_of_a_dependency_is_the_refusal(self, place: Place) -> None:
        refused = place.refusal("/private")
        assert refused.status == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert json.loads(refused.body) == {"detail": "a token is needed"}

    @on_all
    def test_token_opens(self, place: Place) -> None:
        client = place.connect("/private", BEARER)
        if place.app != "ravyn":
            assert client.headers["x-user"] == "ann"
        assert client.recv() == "welcome"
        assert client.end() == (1000, "" if place.app == "ravyn" else "that is all")

    @on("fastapi")
    @pytest.mark.parametrize("query", ["", "?token=guess"])
    def test_token_in_the_query_is_needed(self, place: Place, query: str) -> None:
        assert place.refusal(f"/shop/7/orders{query}").status == 403

    @on("fastapi")
    def test_path_parameter_of_the_wrong_type_refuses(self, place: Place) -> None:
        assert place.refusal("/shop/seven/orders?token=t-ann").status == 403

    @on("starlette")
    def test_subprotocol(self, place: Place) -> None:
        client = place.connect("/ws/42", subprotocols=["echo.v3", "echo.v2", "echo.v1"])
        assert client.headers["sec-websocket-protocol"] == "echo.v2"
        assert "sec-websocket-protocol" not in place.connect("/ws/42").headers


CODECS = {"nexios": "/codec/v1", "starlette": "/codec", "fastapi": ""}


class TestMessages:
    @on("nexios", "starlette", "fastapi")
    def test_bytes(self, place: Place) -> None:
        client = place.connect(f"{CODECS[place.app]}/reverse")
        for data in (b"", b"\x00\xff\x80", bytes(range(256)) * 400):
            client.send(data)
            assert client.recv() == data[::-1]

    @on("nexios", "starlette")
    def test_json(self, place: Place) -> None:
        client = place.connect(f"{CODECS[place.app]}/sum")
        for numbers in ([], [1, 2, 3], list(range(10_000))):
            client.send(json.dumps({"numbers": numbers}))
            assert received(client) == {"sum": sum(numbers)}

    @on("starlette")
    def test_exception_closes_with_its_code_and_reason(self, place: Place) -> None:
        client = place.connect("/codec/sum")
        client.send('{"names": []}')
        assert client.end() == (1008, "numbers are expected")

    @on("starlette")
    def test_message_of_another_kind_closes_with_1003(self, place: Place) -> None:
        client = place.connect("/codec/reverse")
        client.send("text")
        assert client.end()[0] == 1003

    @on("fastapi")
    def test_models(self, place: Place) -> None:
        client = place.connect("/shop/7/orders?token=t-bob")
        client.send('{"item": "tea", "count": 2}')
        assert received(client) == {"shop": 7, "user": "bob", "item": "tea", "count": 2}
        client.send('{"item": "milk"}')
        assert received(client) == {"shop": 7, "user": "bob", "item": "milk", "count": 1}
        client.send('{"count": "many"}')
        assert client.end() == (1008, "2 errors in the order")


def received(client: Client) -> Any:
    """A message of JSON, which comes as text."""
    message = client.recv()
    assert isinstance(message, str)
    return json.loads(message)


class TestGroups:
    @on("nexios")
    def test_rooms_and_channels(self, place: Place) -> None:
        tea = [place.connect("/rooms/tea") for _ in range(3)]
        ids = [received(client)["you"] for client in tea]
        coffee = place.connect("/rooms/coffee")
        coffee_id = received(coffee)["you"]
        assert len({*ids, coffee_id}) == 4
        # To all of a room, and to none of another.
        tea[0].send(json.dumps({"text": "milk?"}))
        for client in tea:
            assert received(client) == {"from": ids[0], "text": "milk?"}
        # To one channel; then to all, so that it is seen who has been left out.
        tea[0].send(json.dumps({"text": "psst", "to": ids[2]}))
        tea[0].send(json.dumps({"text": "sugar?"}))
        assert received(tea[2]) == {"from": ids[0], "text": "psst"}
        for client in tea:
            assert received(client) == {"from": ids[0], "text": "sugar?"}
        coffee.send(json.dumps({"text": "black"}))
        assert received(coffee) == {"from": coffee_id, "text": "black"}
        # Who leaves is missed by nobody.
        tea.pop(0).close(3001)
        place.server.process.expect(f"tea left with {place.serving.told[0]}")
        tea[0].send(json.dumps({"text": "gone"}))
        for client in tea:
            assert received(client) == {"from": ids[1], "text": "gone"}


class TestPushing:
    @on("nexios")
    def test_heartbeat_goes_on_while_it_is_answered(self, place: Place) -> None:
        client = place.connect("/heartbeat?every=0.01&within=20")
        for number in range(1, 5):
            assert received(client) == {"ping": number}
            client.send(json.dumps({"pong": number}))
        assert received(client) == {"ping": 5}
        client.close(3001)
        place.expect_gone("heartbeat", place.serving.told[0])

    @on("nexios")
    def test_heartbeat_without_an_answer_closes(self, place: Place) -> None:
        client = place.connect("/heartbeat?within=0.05")
        assert received(client) == {"ping": 1}
        assert client.end() == (4408, "no pong")

    @on("starlette", "fastapi")
    def test_dashboards(self, place: Place) -> None:
        clients = [place.connect("/dashboard?every=0.01") for _ in range(3)]
        for client in clients:
            for number in range(1, 5):
                assert received(client)["number"] == number
        clients[0].close(3001)
        place.expect_gone("dashboard", place.serving.told[0])
        assert received(clients[1])["number"] == 5


@on(*APPLICATIONS, servers=[name for name in SERVERS if name.startswith("uvicorn")])
class TestShutdown:
    """The last one, for it ends the server."""

    def test_clients_are_told_1012(self, place: Place) -> None:
        echo = place.connect("/ws/42")
        echo.send("hello")
        assert echo.recv() == "Message from 42: hello"
        (ann,) = joined(place, 1)
        place.server.process.terminate()
        assert echo.end() == ann.end() == (1012, "")
        place.expect_gone(ann.name, "1012")
        place.server.process.expect(r".*Finished server process")
        logged = {
            line
            for line in place.server.process._lines
            if re.match(r"[\w.]+(Error|Exception|Disconnected|Warning)\b", line)
        }
        # What Starlette raises is seen; nothing else has gone wrong in any of the tests.
        assert logged <= {"RuntimeError: Expected bytes websocket messages, but got text"}
