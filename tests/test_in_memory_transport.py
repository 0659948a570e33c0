"""``examples/transports/in_memory``: what it offers to tests of handlers, and of sessions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from examples.transports import in_memory
from examples.transports.conversation import Answer, ConnectionClosed, Refused, accept
from examples.transports.in_memory import Network, Pair
from examples.transports.websocket import WebSocket
from wsproto_core import EndCause, SessionConfig
from wsproto_core import events as ev

CHUNK = 16 * 1024


async def echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


class Chat:
    """What says one, hear all."""

    def __init__(self) -> None:
        self.people: list[WebSocket] = []

    async def __call__(self, ws: WebSocket) -> None:
        self.people.append(ws)
        try:
            async for message in ws:
                for each in self.people:
                    await each.send(message)
        finally:
            self.people.remove(ws)


class TestHandlers:
    @pytest.mark.parametrize("chunk", [1, 2, 7, 65536])
    @pytest.mark.parametrize("latency", [0, 0.1])
    @pytest.mark.parametrize("message", ["", "é" * 200, b"", bytes(range(256)) * 20])
    def test_echo(self, message: str | bytes, latency: float, chunk: int) -> None:
        with Network(echo, latency=latency, chunk=chunk) as network:
            client = network.connect()
            client.send(message)
            assert client.recv() == message
            client.close(4000, "bye")
            assert client.end is not None
            assert (client.end.code, client.end.reason, client.end.clean) == (4000, "bye", True)

    def test_fragments(self) -> None:
        with Network(echo) as network:
            client = network.connect(compress=False)
            client.send(["in ", "three ", "pieces"])
            assert client.recv() == "in three pieces"
            assert client.pair.server.session.statistics().frames_received == 3

    def test_received_gives_all_that_is_there(self) -> None:
        with Network(echo) as network:
            client = network.connect()
            for n in range(100):
                client.send(str(n))
            assert client.received() == [str(n) for n in range(100)]
            assert client.received() == []

    def test_broadcast(self) -> None:
        chat = Chat()
        with Network(chat) as network:
            ann, bob, cid = (network.connect() for _ in range(3))
            ann.send("hello")
            assert [each.recv() for each in (ann, bob, cid)] == ["hello"] * 3
            bob.close()
            cid.pair.cut()
            network.deliver()
            assert len(chat.people) == 1
            ann.send("still there?")
            assert ann.recv() == "still there?"

    def test_answer(self) -> None:
        def decide(request: ev.Request) -> Answer:
            if request.target == "/no":
                return ev.RejectConnection(403), b"no entry"
            return ev.AcceptConnection(subprotocol=request.subprotocols[0])

        with Network(echo, accept=decide) as network:
            assert network.connect("/yes", subprotocols=["chat"]).subprotocol == "chat"
            with pytest.raises(Refused) as info:
                network.connect("/no")
            assert (info.value.response.status_code, info.value.body) == (403, b"no entry")

    def test_sleeping_handler(self) -> None:
        async def tick(ws: WebSocket) -> None:
            for n in range(3):
                await network.sleep(5)
                await ws.send(f"{n} at {network.clock.now:g}")

        with Network(tick) as network:
            client = network.connect()
            assert client.received() == []
            network.advance(4.999)
            assert client.received() == []
            network.advance(0.001)
            assert client.received() == ["0 at 5"]
            network.advance(5)
            assert client.received() == ["1 at 10"]
            assert client.recv() == "2 at 15"  # it waits for it
            assert network.clock.now == 15
            assert client.end is not None
            assert client.end.code == 1000

    def test_failure_of_a_handler(self, caplog: pytest.LogCaptureFixture) -> None:
        async def fail(ws: WebSocket) -> None:
            raise ZeroDivisionError(await ws.recv())

        with pytest.raises(ZeroDivisionError, match="oh"), Network(fail) as network:
            client = network.connect()
            client.send("oh")
            with pytest.raises(ConnectionClosed) as info:
                client.recv()
            assert info.value.end.code == 1011
        assert "a handler failed" in caplog.text

    def test_leaving_closes_with_1001_and_ends_handlers(self) -> None:
        ended: list[WebSocket] = []

        async def wait(ws: WebSocket) -> None:
            try:
                if len(network.pairs) == 1:
                    await ws.recv()
                else:
                    await network.sleep(10_000)
            finally:
                ended.append(ws)

        with Network(wait) as network:
            clients = [network.connect() for _ in range(2)]
        assert [client.end and client.end.code for client in clients] == [1001, 1001]
        assert len(ended) == 2

    def test_waiting_for_what_does_not_come(self) -> None:
        with Network(echo) as network:
            client = network.connect()
            with pytest.raises(TimeoutError, match="nothing within 60"):
                client.recv()
            assert network.clock.now == 60
            client.send("still open")
            assert client.recv() == "still open"

    def test_handler_that_waits_for_something_else(self) -> None:
        loop = asyncio.new_event_loop()

        async def wait(ws: WebSocket) -> None:
            await loop.create_future()

        expected = pytest.raises(RuntimeError, match="can wait for its connections only")
        with closing(loop), Network(wait) as network, expected:
            network.connect()

    def test_connections_that_do_not_come_to_rest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def repeat(ws: WebSocket) -> None:
            while True:
                await ws.ping()

        monkeypatch.setattr(in_memory, "MOST", 100)
        with pytest.raises(RuntimeError, match="do not come to rest"), Network(repeat) as network:
            network.connect()

    def test_same_each_time(self) -> None:
        def play() -> list[bytes]:
            sent: list[bytes] = []
            with Network(Chat(), latency=0.01, chunk=11) as network:
                clients = [network.connect(f"/{n}") for n in range(3)]
                for n, client in enumerate(clients):
                    client.send(f"message {n}" * 30)
                network.advance(50)
                for client in clients:
                    sent += [bytes(each, "utf-8") for each in client.received()]  # type: ignore[arg-type]
                    sent.append(repr(client.pair.server.session.statistics()).encode())
            return sent

        assert play() == play()


class TestFaults:
    def test_vanished_client_is_found_by_the_heartbeat(self) -> None:
        ends = []

        async def handler(ws: WebSocket) -> None:
            async for _ in ws:
                pass
            ends.append((network.clock.now, ws.end and ws.end.cause))

        config = SessionConfig(ping_interval=20, ping_timeout=5)
        with Network(handler, config=config) as network:
            client = network.connect()
            network.advance(100)
            assert not ends
            client.pair.vanish()
            network.advance(30)
            assert ends == [(125, EndCause.TIMED_OUT)]

    @pytest.mark.parametrize("fault", [Pair.cut, lambda pair: pair.end_writing(pair.client)])
    def test_lost_connection(self, fault: Callable[[Pair], None]) -> None:
        ends = []

        async def handler(ws: WebSocket) -> None:
            await echo(ws)
            ends.append(ws.end)

        with Network(handler) as network:
            client = network.connect()
            client.send("hello")
            fault(client.pair)
            network.deliver()
            assert [end and (end.code, end.cause) for end in ends] == [(1006, EndCause.LOST)]

    def test_client_that_does_not_read(self) -> None:
        sent = []

        async def flood(ws: WebSocket) -> None:
            for n in range(200):
                await ws.send(n.to_bytes(4) * (CHUNK // 4))
                sent.append(ws.session.output_pending)

        with Network(flood) as network:
            client = network.connect(compress=False)
            client.pair.client.reads = False
            network.deliver()
            assert len(sent) < 40
            assert max(sent) <= 64 * 1024 + 2 * CHUNK
            client.pair.client.reads = True
            assert client.received() == [n.to_bytes(4) * (CHUNK // 4) for n in range(200)]

    def test_handler_that_does_not_receive(self) -> None:
        received: list[str | bytes] = []

        async def sleepy(ws: WebSocket) -> None:
            await network.sleep(100)
            async for message in ws:
                received.append(message)

        # Its pings would not be answered, as they come behind what is not received.
        config = SessionConfig(ping_interval=None)
        with Network(sleepy) as network:
            client = network.connect(compress=False, config=config)
            messages = [n.to_bytes(4) * (CHUNK // 4) for n in range(200)]
            with pytest.raises(TimeoutError):
                for message in messages:
                    client.send(message)
            taken = client.pair.server.session.statistics().wire_bytes_received
            assert taken < 30 * CHUNK
            network.advance(100)
            client.send("room again")
            network.deliver()
            assert received[-1] == "room again"
            assert received[:-1] == messages[: len(received) - 1]

    def test_latency(self) -> None:
        with Network(echo, latency=0.25) as network:
            client = network.connect()
            assert network.clock.now == 0.5
            assert client.ping() == 0.5


class TestSessions:
    """A pair of sessions without handlers."""

    def test_request_that_does_not_come(self) -> None:
        pair = Pair.of_sessions(client=SessionConfig(handshake_timeout=30))
        pair.advance(9.999)
        assert pair.server.conversation.end is None
        pair.advance(0.001)
        end = pair.server.conversation.end
        assert end is not None
        assert end.cause is EndCause.TIMED_OUT
        pair.advance(10)
        assert pair.client.gone
        assert pair.server.gone

    def test_closing_handshake_from_both_ends_at_once(self) -> None:
        pair = Pair.of_sessions(accept=accept, latency=0.1)
        pair.client.session.send(ev.Request(host="a", target="/"), 0)
        pair.advance(1)
        assert pair.client.conversation.opened()
        pair.client.conversation.close(4001)
        pair.server.conversation.close(4002)
        pair.advance(1)
        ends = [end.conversation.end for end in (pair.client, pair.server)]
        assert [end and (end.code, end.code_sent, end.clean) for end in ends] == [
            (4002, 4001, True),
            (4001, 4002, True),
        ]
        assert pair.client.gone
        assert pair.server.gone

    def test_aborting_resets_the_other_end(self) -> None:
        pair = Pair.of_sessions()
        pair.client.session.send(ev.Request(host="a", target="/"), 0)
        pair.deliver()
        pair.client.session.abort(0)
        pair.deliver()
        ends = [end.conversation.end for end in (pair.client, pair.server)]
        assert [end and end.cause for end in ends] == [EndCause.ABORTED, EndCause.LOST]


def test_example_of_the_readme() -> None:
    readme = Path(in_memory.__file__).with_name("README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (block,) = (block for block in blocks if "Network" in block)
    names: dict[str, Any] = {"chat": Chat()}
    exec(block, names)
    names["test_everybody_hears_what_one_says"]()
