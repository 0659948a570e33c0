"""The chat on several processes, as its users run it: real Redis, real nginx.

The other end is the websockets library, and Chromium.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from examples.cluster.shared_chat import HEARTBEAT, LIFETIME

from .cluster import (
    PROCESSES,
    Cluster,
    Member,
    Pair,
    RedisServer,
    StartMembers,
    StartRedis,
    Tab,
    Wire,
    asynchronous,
    end_well,
    flat,
    join_again,
    missing,
    new_room,
    run_members,
    said_to,
    sessions,
)
from .test_chat import TIMEOUT, Program
from .test_chat_browser import ARGUMENTS, CHROMIUM

try:
    from playwright.sync_api import Browser, expect, sync_playwright
except ModuleNotFoundError:
    sync_playwright = None  # type: ignore[assignment]

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    for program in ("redis-server", "nginx"):
        if not shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin"):
            missing(f"{program} (apt-get install {program})")


@pytest.fixture(scope="module")
def cluster(programs: None) -> Iterator[Cluster]:
    cluster = Cluster("--processes", str(PROCESSES))
    try:
        yield cluster
        cluster.process.terminate()
        assert cluster.exit_status() == 0
        assert sessions(cluster.all_pids) == []
        assert not [line for line in cluster.complaints if re.search("Traceback|Warning", line)]
    finally:
        cluster.stop()


class TestTogether:
    @asynchronous
    async def test_tabs_on_different_processes_talk(self, cluster: Cluster) -> None:
        async with new_room(cluster.url) as room:
            ann = await room.join("ann")
            assert ann.here == {"ann"}
            tabs = {ann.process: ann}
            while len(tabs) < 2:
                tab = await room.join("bob")
                tabs.setdefault(tab.process, tab)
            bob = tab
            assert {"ann", bob.name} <= bob.here
            await ann.until(lambda: bob.name in ann.here)
            for number, speaker in enumerate((ann, bob)):
                await speaker.say(f"  I am {speaker.name} \U0001f40e ")
                heard = await ann.hear(number + 1)
            assert heard == [f"I am {name} \U0001f40e" for name in ("ann", bob.name)]
            await bob.hear(2)
            assert bob.heard == ann.heard
            assert abs(ann.heard[0]["time"] - time.time()) < 86400
            late = await room.join("cyd")
            assert late.history == heard
            await bob.socket.close()
            await ann.until(lambda: bob.name not in ann.here)

    @asynchronous
    async def test_all_hear_the_same_in_the_same_order(self, cluster: Cluster) -> None:
        count = 100
        async with new_room(cluster.url) as room:
            tabs = flat(await room.spread(each=2))

            async def talk(tab: Tab) -> None:
                for number in range(count):
                    await tab.say(f"{tab.name} {number}")

            total = count * len(tabs)
            await asyncio.gather(*map(talk, tabs), *(tab.hear(total) for tab in tabs))
            first = tabs[0].heard
            assert all(tab.heard == first for tab in tabs)
            for tab in tabs:
                own = [said["text"] for said in first if said["name"] == tab.name]
                assert own == [f"{tab.name} {number}" for number in range(count)]
            times = [said["time"] for said in first]
            assert times == sorted(set(times))
            late = await room.join("late")
            assert late.history == [said["text"] for said in first[-50:]]

    @asynchronous
    async def test_name_taken_on_another_process_gets_a_number(self, cluster: Cluster) -> None:
        async with new_room(cluster.url) as room:
            tabs = await asyncio.gather(*(room.join("Ann") for _ in range(4 * PROCESSES)))
            assert len({tab.process for tab in tabs}) > 1
            expected = {"Ann", *(f"Ann-{number}" for number in range(2, 4 * PROCESSES + 1))}
            assert {tab.name for tab in tabs} == expected
            for tab in tabs:
                await tab.meet(*expected)
            assert (await room.join("ANN")).name == f"ANN-{4 * PROCESSES + 1}"

    @pytest.mark.parametrize(
        "text", ['"\\/', "\U0001f600 \x00\x7f\u2028", "<b>&", "%s {0} ${listen}", "x" * 1000]
    )
    @asynchronous
    async def test_any_text_and_name(self, cluster: Cluster, text: str) -> None:
        async with new_room(cluster.url) as room:
            room.name += f'/"\\ {text}'[:10]
            tabs = flat(await room.spread())
            odd = await room.join(f'é/"\\:{text[:8]}')
            await odd.say(text)
            await odd.hear(1)
            for tab in tabs:
                await tab.hear(1)
                assert tab.heard == odd.heard
            assert odd.heard[0]["text"] == text.strip()
            assert (await room.join("late")).history == [text.strip()]

    @asynchronous
    async def test_what_is_not_understood(self, cluster: Cluster) -> None:
        async with new_room(cluster.url) as room:
            ann = await room.join("ann")
            # Half a surrogate pair, which JSON can express, and UTF-8 cannot.
            await ann.socket.send('{"type": "say", "text": "half \\ud83d"}')
            assert await ann.hear(1) == ["half \ud83d"]
            await ann.say("x" * 1001)
            assert (await ann.receive())["type"] == "error"
            await ann.socket.send("{")
            assert (await ann.receive())["type"] == "error"
            await ann.socket.send(b"bytes")
            assert await ann.closed() == (1003, "text only, please")

    @asynchronous
    async def test_message_before_the_welcome_and_before_the_close(self, cluster: Cluster) -> None:
        async with new_room(cluster.url) as room:
            listener = await room.join("listener")
            hasty = await room.connect("hasty")
            await hasty.say("hello and good-bye")
            await hasty.socket.close()
            assert await listener.hear(1) == ["hello and good-bye"]
            await listener.meet("listener")


class TestOneProcessEnds:
    @asynchronous
    async def test_killed_process_loses_no_message_of_others(self, cluster: Cluster) -> None:
        count = 300
        async with new_room(cluster.url) as room:
            tabs = await room.spread(each=2)
            doomed = tabs.pop("chat-2")
            others = flat(tabs)
            names = {tab.name for tab in others}
            pid = cluster.pids["chat-2"]

            async def talk(tab: Tab) -> None:
                for number in range(count):
                    await tab.say(f"{tab.name} {number}")
                    await asyncio.sleep(0)

            def of_others(tab: Tab) -> list[dict[str, Any]]:
                return [said for said in tab.heard if said["name"] in names]

            async def listen(tab: Tab) -> None:
                while len(of_others(tab)) < count * len(others):
                    await tab.hear(len(tab.heard) + 1)

            async def kill() -> None:
                await others[0].until(lambda: len(others[0].heard) > count)
                cluster.kill("chat-2")

            async def end(tab: Tab) -> Tab:
                with pytest.raises(ConnectionClosed):
                    await talk(tab)
                    await tab.hear(10**9)
                assert await tab.closed() == (1006, "")
                return await room.join(tab.name)  # by the same way

            async def first() -> None:
                await kill()
                await listen(others[0])

            again = asyncio.gather(*map(end, doomed))
            await asyncio.gather(*map(talk, others), first(), *map(listen, others[1:]))
            assert all(tab.heard == others[0].heard for tab in others)
            for tab in others:
                own = [said["text"] for said in tab.heard if said["name"] == tab.name]
                assert own == [f"{tab.name} {number}" for number in range(count)]
            back = await again
            for tab in back:
                assert len(tab.history) == 50
                await tab.say(f"{tab.name} is back")
            here = [tab.name for tab in (*others, *back)]
            for tab in (*others, *back):
                while f"{back[0].name} is back" not in said_to(tab):
                    await tab.receive()
                await tab.meet(*here)  # those who were there have left
            cluster.wait_for_another("chat-2", pid)

    @asynchronous
    async def test_process_that_is_asked_to_end(self, cluster: Cluster) -> None:
        async with new_room(cluster.url) as room:
            tabs = await room.spread()
            (leaving,) = tabs.pop("chat-3")[:1]
            pid = cluster.pids["chat-3"]
            cluster.kill("chat-3", signal.SIGTERM)
            assert await leaving.closed() == (1001, "the server stops")
            names = [tab.name for tab in flat(tabs)]
            for tab in flat(tabs):
                await tab.meet(*names)
            assert (await room.join(leaving.name)).name == leaving.name
            cluster.wait_for_another("chat-3", pid)
        async with new_room(cluster.url) as room:
            await room.spread()  # it takes its part again


@pytest.fixture
def start_redis() -> Iterator[StartRedis]:
    with ExitStack() as stack:

        def start(*arguments: str) -> RedisServer:
            folder = stack.enter_context(TemporaryDirectory(prefix="redis-"))
            redis = RedisServer(folder, *arguments)
            stack.callback(redis.stop)
            stack.callback(redis.client.close)
            return redis

        yield start


@pytest.fixture
def redis(start_redis: StartRedis) -> RedisServer:
    return start_redis()


@pytest.fixture
def start_members() -> Iterator[StartMembers]:
    with run_members() as start:
        yield start


@pytest.fixture(scope="module")
def pair(programs: None) -> Iterator[Pair]:
    with TemporaryDirectory(prefix="redis-") as folder, ExitStack() as stack:
        redis = RedisServer(folder)
        stack.callback(redis.stop)
        stack.callback(redis.client.close)
        members = stack.enter_context(run_members())
        yield Pair(redis, members(2, redis))


class TestMembers:
    """Without nginx, and without anything that would start them again."""

    @asynchronous
    async def test_visitors_of_the_dead_leave(
        self, redis: RedisServer, start_members: StartMembers
    ) -> None:
        one, dead, stopped = start_members(3, redis)
        async with new_room(one.url) as room:
            ann = await room.join("ann")
            await room.join("bob", dead.url)
            cyd = await room.join("cyd", stopped.url)
            await ann.meet("ann", "bob", "cyd")
            start = time.monotonic()
            dead.process.kill()
            stopped.process.send_signal(signal.SIGSTOP)
            await ann.meet("ann")
            assert time.monotonic() - start < LIFETIME + HEARTBEAT + 10
            # Who was only taken for dead has missed something: its visitors come again.
            await ann.say("unheard")
            await ann.hear(1)
            stopped.process.send_signal(signal.SIGCONT)
            assert (await cyd.closed())[0] == 1013
            cyd = await join_again(room, "cyd", stopped.url)
            assert (cyd.name, cyd.history) == ("cyd", ["unheard"])
            await cyd.say("hello")
            assert await ann.hear(2) == ["unheard", "hello"]

    @asynchronous
    async def test_nothing_is_left_in_redis(
        self, redis: RedisServer, start_members: StartMembers
    ) -> None:
        members = start_members(2, redis)
        async with new_room(members[0].url) as room:
            tabs = [await room.join("ann", member.url) for member in members]
            await tabs[0].say("hello")
            for tab in tabs:
                await tab.hear(1)
            members[0].process.terminate()
            assert await tabs[0].closed() == (1001, "the server stops")
            await tabs[1].meet("ann-2")
            assert members[0].exit_status() == 0
            assert len(redis.client.zrange("chat:processes", 0, -1)) == 1
            members[1].process.terminate()
            assert await tabs[1].closed() == (1001, "the server stops")
            assert members[1].exit_status() == 0
        assert redis.key_names() == {"chat:time", f"chat:history:{room.name}"}
        assert redis.client.ttl(f"chat:history:{room.name}") > 0

    @asynchronous
    async def test_inbox_is_emptied(self, pair: Pair) -> None:
        redis, (member, _) = pair
        async with new_room(member.url) as room:
            ann = await room.join("ann")
            for number in range(100):
                await ann.say(str(number))
            await ann.hear(100)
            while any(redis.client.xlen(key) for key in redis.key_names() if "inbox" in key):
                await asyncio.sleep(0.05)

    @asynchronous
    async def test_full_room(self, redis: RedisServer, start_members: StartMembers) -> None:
        one, other = start_members(2, redis, MAX_MEMBERS=2)
        async with new_room(one.url) as room:
            ann = await room.join("ann")
            bob = await room.join("bob", other.url)
            cyd = await room.connect("cyd", other.url)
            with suppress(ConnectionClosed):
                await cyd.say("let me in")
            assert await cyd.closed() == (1013, "the room is full")
            await bob.socket.close()
            await ann.meet("ann", "bob")
            await ann.meet("ann")
            await room.join("cyd", other.url)
            assert ann.heard == []

    @asynchronous
    async def test_who_does_not_read_holds_up_nobody(self, pair: Pair) -> None:
        members = pair.members
        async with new_room(members[0].url) as room:
            tabs = [await room.join("ann", member.url) for member in members]
            # Its transport fills, then the process's own memory, up to a bound.
            narrow = socket.socket()
            narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            narrow.connect(("127.0.0.1", urlsplit(members[1].url).port))
            options = {"sock": narrow, "compression": None, "max_queue": 1}
            slow = await room.join("slow", members[1].url, **options)
            await tabs[0].meet("ann", "ann-2", "slow")
            for count in itertools.count(1):
                await tabs[0].say(f"{count} " + "\U0001f40e" * 990)
                await tabs[0].hear(count)
                if "slow" not in tabs[0].here:
                    break
            assert count < 1000  # of 12 KB
            await tabs[1].hear(count)
            assert tabs[0].heard == tabs[1].heard
            slow.socket.transport.abort()


class TestRedis:
    """What is kept if Redis, or the way to it, is away."""

    @asynchronous
    async def test_broken_connections_lose_and_double_nothing(self, pair: Pair) -> None:
        redis, members = pair
        before = sum(len(member.complaints) for member in members)
        count = 1000
        async with new_room(members[0].url) as room:
            tabs = [await join_again(room, "ann", member.url) for member in members]
            await tabs[0].meet("ann", "ann-2")

            async def talk(tab: Tab) -> None:
                for number in range(count):
                    await tab.say(f"{tab.name} {number}")
                    if number % 20 == 0:
                        await asyncio.sleep(0.005)

            async def break_connections() -> None:
                kinds = itertools.cycle(["pubsub", "normal", None])
                for some in range(100, 2 * count, 100):
                    redis.client.client_kill_filter(_type=next(kinds), skipme=True)
                    while min(len(tab.heard) for tab in tabs) < some:  # at work again
                        await asyncio.sleep(0.01)

            await asyncio.gather(
                break_connections(), *map(talk, tabs), *(tab.hear(2 * count) for tab in tabs)
            )
            assert tabs[0].heard == tabs[1].heard
            for tab in tabs:
                own = [said["text"] for said in tab.heard if said["name"] == tab.name]
                assert own == [f"{tab.name} {number}" for number in range(count)]
        complaints = [line for member in members for line in member.complaints][before:]
        assert len(complaints) > 5
        assert not [line for line in complaints if "anew" in line]

    @asynchronous
    async def test_silent_redis(self, pair: Pair) -> None:
        """What is said meanwhile waits, and no more of it than has a bound."""
        redis, (member, _) = pair
        async with new_room(member.url) as room:
            ann = await join_again(room, "ann", compression=None)
            transport = ann.socket.transport
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, 65536
            )
            redis.process.send_signal(signal.SIGSTOP)
            said = [f"{number} {'long ' * 150}".strip() for number in range(4000)]

            async def talk() -> None:
                for text in said:
                    await ann.say(text)

            talking = asyncio.create_task(talk())
            # 3 MB: it is not read from until Redis has had some, which is told by TCP.
            waiting = transport.get_write_buffer_size
            before, full = 0, 0
            while full < 20:
                await asyncio.sleep(0.01)
                full = full + 1 if waiting() == before > 0 else 0
                before = waiting()
            assert not talking.done()
            redis.process.send_signal(signal.SIGCONT)
            assert await ann.hear(len(said)) == said
            await talking

    @asynchronous
    async def test_redis_that_keeps_what_it_has(
        self, start_redis: StartRedis, start_members: StartMembers
    ) -> None:
        """With its log on disk, its restart is not noticed."""
        redis = start_redis("--appendonly", "yes", "--appendfsync", "always")
        members = start_members(2, redis)
        count = 500
        async with new_room(members[0].url) as room:
            tabs = [await join_again(room, "ann", member.url) for member in members]

            async def talk(tab: Tab) -> None:
                for number in range(count):
                    await tab.say(f"{tab.name} {number}")
                    await asyncio.sleep(0.001)

            async def restart() -> None:
                while len(tabs[0].heard) < count // 2:
                    await asyncio.sleep(0.01)
                redis.stop()
                redis.start()

            await asyncio.gather(
                restart(), *map(talk, tabs), *(tab.hear(2 * count) for tab in tabs)
            )
            assert tabs[0].heard == tabs[1].heard
            for tab in tabs:
                own = [said["text"] for said in tab.heard if said["name"] == tab.name]
                assert own == [f"{tab.name} {number}" for number in range(count)]
            assert tabs[0].here == {"ann", "ann-2"}

    @asynchronous
    async def test_redis_that_forgets(self, pair: Pair) -> None:
        redis, members = pair
        async with new_room(members[0].url) as room:
            tabs = [
                await join_again(room, f"tab-{n}", member.url) for n, member in enumerate(members)
            ]
            await tabs[0].say("forgotten")
            await tabs[1].hear(1)
            redis.stop()
            redis.start()
            for tab in tabs:
                assert await tab.closed() == (1013, "the chat has lost its memory")
            tabs = [
                await join_again(room, f"tab-{n}", member.url) for n, member in enumerate(members)
            ]
            assert [tab.name for tab in tabs] == ["tab-0", "tab-1"]
            assert tabs[0].history == []
            await tabs[0].meet("tab-0", "tab-1")
            await tabs[0].say("hello")
            assert await tabs[1].hear(1) == ["hello"]

    @pytest.mark.parametrize("field", ["done", "sent"])
    @asynchronous
    async def test_redis_that_has_gone_back(self, pair: Pair, field: str) -> None:
        """As a replica may that has taken over."""
        redis, (member, _) = pair
        async with new_room(member.url) as room:
            ann = await join_again(room, "ann")
            await ann.say("hello")
            await ann.hear(1)
            (process,) = (
                name
                for name in redis.key_names()
                if "chat:process:" in name and f"/{member.process.pid}#" in name
            )
            redis.client.hincrby(process, field, -1)
            assert await ann.closed() == (1013, "the chat has lost its memory")
            assert (await join_again(room, "ann")).history == ["hello"]

    @asynchronous
    async def test_redis_away(self, pair: Pair) -> None:
        redis, (member, _) = pair
        async with new_room(member.url) as room:
            ann = await join_again(room, "ann")
            redis.stop()
            start = time.monotonic()
            await ann.say("nobody hears me")
            status = 0
            while status != 503:
                try:
                    await (await room.connect("bob")).socket.close()
                except InvalidStatus as exc:
                    status = exc.response.status_code
            assert await ann.closed() == (1013, "the chat is out of reach")
            assert LIFETIME - HEARTBEAT - 1 < time.monotonic() - start < LIFETIME + 10
            redis.start()
            ann = await join_again(room, "ann")
            # Who was closed may say it again: it will not have been said twice.
            assert ann.history == []

    @asynchronous
    async def test_started_before_redis(
        self, redis: RedisServer, start_members: StartMembers
    ) -> None:
        redis.stop()
        member = Member(redis)
        try:
            while not member.complaints:
                await asyncio.sleep(0.01)
            redis.start()
            async with new_room(member.listening()) as room:
                await room.join("ann")
            # And is ended while it waits for it.
            redis.stop()
            member.process.terminate()
            assert member.exit_status() == 0
        finally:
            member.stop()

    @pytest.mark.parametrize("kept", [True, False], ids=["kept", "lost"])
    @asynchronous
    async def test_subscription_that_is_silently_dead(
        self, redis: RedisServer, start_members: StartMembers, kept: bool
    ) -> None:
        """Nothing tells so, but that batches have events which do not come."""
        async with AsyncExitStack() as stack:
            wire = Wire(redis.path)
            await stack.enter_async_context(wire.listen())
            (member,) = await asyncio.to_thread(start_members, 1, wire, REDIS_TIMEOUT=1.0)
            room = await stack.enter_async_context(new_room(member.url))
            ann = await room.join("ann")
            wire.freeze()
            for number in range(10):
                await ann.say(str(number))
            if kept:
                assert await ann.hear(10) == [str(number) for number in range(10)]
                await ann.say("over another")
                assert (await ann.hear(11))[-1] == "over another"
            else:
                (inbox,) = (name for name in redis.key_names() if "inbox" in name)
                while redis.client.xlen(inbox) < 10:
                    await asyncio.sleep(0.01)
                redis.client.xtrim(inbox, 5, approximate=False)
                assert await ann.closed() == (1013, "the chat has lost its memory")
                assert (await join_again(room, "ann")).name == "ann"
            await asyncio.to_thread(end_well, member)


class TestNginx:
    def ask(self, url: str, **headers: str) -> tuple[int, bytes]:
        request = urllib.request.Request(url, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=TIMEOUT) as response:
                return response.status, response.read()
        except HTTPError as exc:
            with exc:
                return exc.code, exc.read()

    def test_page(self, cluster: Cluster) -> None:
        status, body = self.ask(cluster.url)
        assert status == 200
        assert b"<title>Chat</title>" in body
        assert self.ask(cluster.url + "nothing") == (404, b"There is nothing here.\n")
        assert self.ask(cluster.url + "ws")[0] in (400, 426)

    @asynchronous
    async def test_origin(self, cluster: Cluster) -> None:
        async with new_room(cluster.url) as room:
            await room.join("ann", origin=cluster.url.rstrip("/"))
            for origin in ("http://elsewhere.example", "http://127.0.0.1:1", "null"):
                with pytest.raises(InvalidStatus) as caught:
                    await room.join("bob", origin=origin)
                assert caught.value.response.status_code == 403

    @asynchronous
    async def test_deflate_pings_and_closing(self, cluster: Cluster) -> None:
        async with new_room(cluster.url) as room:
            ann = await room.join("ann")
            assert [extension.name for extension in ann.socket.protocol.extensions] == [
                "permessage-deflate"
            ]
            await (await ann.socket.ping())
            await ann.say("long" * 250)
            assert await ann.hear(1) == ["long" * 250]
            await ann.socket.close(4321, "enough")
            assert ann.socket.close_code == 4321
            bob = await room.join("bob")
            bob.socket.transport.abort()
            cyd = await room.join("cyd")
            await cyd.meet("cyd")


class TestTheOneCommand:
    """``python -m examples.cluster``"""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @asynchronous
    async def test_leaves_nothing_behind(self, number: signal.Signals) -> None:
        cluster = Cluster("--processes", "2")
        try:
            assert cluster.pids.keys() == {"redis", "nginx", "chat-1", "chat-2"}
            folder = Path(f"/proc/{cluster.pids['redis']}/cwd").resolve()
            assert folder.is_dir()
            async with new_room(cluster.url) as room:
                tabs = [await room.join("ann") for _ in range(2)]
                cluster.process.send_signal(number)
                for tab in tabs:
                    assert await tab.closed() == (1001, "the server stops")
            assert cluster.exit_status() == 0
            assert cluster.complaints == []
            assert sessions(cluster.all_pids) == []
            assert not folder.exists()
        finally:
            cluster.stop()

    @asynchronous
    async def test_all_that_ends_is_started_again(self, cluster: Cluster) -> None:
        async with new_room(cluster.url) as room:
            ann = await room.join("ann")
            pid = cluster.pids["nginx"]
            cluster.kill("nginx")
            cluster.wait_for_another("nginx", pid)
            assert await ann.closed() == (1006, "")
        async with new_room(cluster.url) as room:
            while True:
                with suppress(OSError):
                    tabs = flat(await room.spread())
                    break
                await asyncio.sleep(0.05)
            pid = cluster.pids["redis"]
            cluster.kill("redis")  # its memory was all that it had
            for tab in tabs:
                assert await tab.closed() == (1013, "the chat has lost its memory")
            cluster.wait_for_another("redis", pid)
            again = [await join_again(room, tab.name) for tab in tabs]
            assert [tab.name for tab in again] == [tab.name for tab in tabs]
            await again[0].say("hello")
            for tab in again:
                assert await tab.hear(1) == ["hello"]

    @asynchronous
    async def test_redis_of_somebody_else(self, redis: RedisServer) -> None:
        """Two clusters, as on two machines, are one."""
        clusters = [Cluster("--processes", "1", "--redis", redis.url) for _ in range(2)]
        try:
            async with new_room("") as room:
                tabs = [await room.join("ann", cluster.url) for cluster in clusters]
                await tabs[0].meet("ann", "ann-2")
                await tabs[1].say("hello")
                assert await tabs[0].hear(1) == ["hello"]
                for cluster, tab in zip(clusters, tabs, strict=True):
                    assert cluster.pids.keys() == {"nginx", "chat-1"}
                    cluster.process.terminate()
                    assert (await tab.closed())[0] == 1001
                    assert cluster.exit_status() == 0
        finally:
            for cluster in clusters:
                cluster.stop()

    def test_taken_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            program = Program("-m", "examples.cluster", "--port", port)
            assert program.exit_status() == 1
            assert program.complaints[0].startswith("cannot listen: ")
            program.stop()

    def test_missing_program(self, tmp_path: Path) -> None:
        (tmp_path / "nginx").symlink_to("/bin/false")
        program = Program("-m", "examples.cluster", "--port", "0", env={"PATH": str(tmp_path)})
        assert program.exit_status() == 1
        assert program.complaints == [
            "redis-server is not installed (Debian: apt-get install redis-server)"
        ]
        program.stop()

    def test_program_that_does_not_start(self, redis: RedisServer, tmp_path: Path) -> None:
        (tmp_path / "nginx").symlink_to("/bin/false")
        arguments = ("-m", "examples.cluster", "--port", "0", "--redis", redis.url)
        program = Program(*arguments, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        try:
            assert program.exit_status() == 1
            assert program.complaints[-1] == "nginx does not start"
        finally:
            program.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if sync_playwright is None:
        missing("the package playwright (pip install playwright)")
    path = shutil.which(CHROMIUM)
    if path is None:
        missing("Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT * 1000)
        browser = playwright.chromium.launch(
            executable_path=path, args=ARGUMENTS, headless=True, timeout=TIMEOUT * 1000
        )
        yield browser
        browser.close()


class BrowserTab:
    """A page that has joined, and which process it has been served by, each time."""

    def __init__(self, browser: Browser, url: str, name: str, room: str) -> None:
        self.context = browser.new_context()
        self.context.set_default_timeout(TIMEOUT * 1000)
        self.page = self.context.new_page()
        self.processes: list[str] = []
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        devtools = self.context.new_cdp_session(self.page)
        devtools.send("Network.enable")
        devtools.on("Network.webSocketHandshakeResponseReceived", self.note)
        self.page.goto(url)
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("Room").fill(room)
        self.page.get_by_role("button", name="Join").click()
        self.status = self.page.get_by_role("status")
        self.texts = self.page.get_by_role("log").locator(".text")
        self.people = self.page.get_by_role("list", name="Here").get_by_role("listitem")
        expect(self.status).to_have_text("connected")

    def note(self, event: Any) -> None:
        headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        self.processes.append(headers["x-served-by"].rpartition("/")[2])

    def say(self, text: str) -> None:
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.get_by_role("button", name="Send").click()


@pytest.mark.browser
class TestBrowser:
    def test_two_tabs_on_two_processes(self, cluster: Cluster, browser: Browser) -> None:
        room = f"{time.monotonic_ns():x}"
        ann = BrowserTab(browser, cluster.url, "ann", room)
        while True:
            bob = BrowserTab(browser, cluster.url, "bob", room)
            if bob.processes != ann.processes:
                break
            bob.context.close()
            expect(ann.people).to_have_text(["ann (you)"])
        try:
            ann.say("Hello Bob!")
            expect(bob.texts).to_have_text(["Hello Bob!"])
            bob.say("Hello Ann!")
            for tab in (ann, bob):
                expect(tab.texts).to_have_text(["Hello Bob!", "Hello Ann!"])
            expect(ann.people).to_have_text(["ann (you)", "bob"])
            # Bob's process dies. Ann notices that he is gone for a moment, and no more.
            (dead,) = bob.processes
            pid = cluster.pids[dead]
            cluster.kill(dead)
            ann.say("Are you there?")
            expect(bob.status).to_have_text("connected")
            said = ["Hello Bob!", "Hello Ann!", "Are you there?"]
            for tab in (ann, bob):
                expect(tab.texts).to_have_text(said)
            expect(bob.people).to_have_count(2)
            bob.say("I am here")
            for tab in (ann, bob):
                expect(tab.texts).to_have_text([*said, "I am here"])
            expect(ann.people).to_have_count(2)
            assert len(ann.processes) == 1
            assert len(bob.processes) == 2
            cluster.wait_for_another(dead, pid)
            assert ann.faults == bob.faults == []
        finally:
            ann.context.close()
            bob.context.close()
