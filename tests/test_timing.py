"""Timers, heartbeats and buckets of tokens, by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproto_core.session import RateLimit
from wsproto_core.timing import Heartbeat, Timer, Timers, TokenBucket

#: Whole ones, with rates that are powers of 2: all that comes of them is exact.
AMOUNTS = st.integers(0, 1000)


class TestTimers:
    def test_none_is_waited_for_at_first(self) -> None:
        timers = Timers()
        assert timers.next is None
        assert timers.due(1e9) == []
        assert all(timers.at(timer) is None for timer in Timer)

    def test_next_is_the_first(self) -> None:
        timers = Timers()
        for timer, at, first in ((Timer.PING, 5, 5), (Timer.CLOSE, 3, 3), (Timer.IDLE, 4, 3)):
            timers.arm(timer, at)
            assert timers.at(timer) == at
            assert timers.next == first

    def test_arming_again_moves_it(self) -> None:
        timers = Timers()
        timers.arm(Timer.PING, 5)
        timers.arm(Timer.PING, 9)
        assert timers.next == 9

    def test_disarming_says_whether_there_was_any(self) -> None:
        timers = Timers()
        timers.arm(Timer.PING, 0.0)
        timers.arm(Timer.CLOSE, -5)
        assert timers.disarm(Timer.PONG, Timer.PING)
        assert not timers.disarm(Timer.PONG, Timer.PING)
        assert not timers.disarm()
        assert timers.next == -5
        assert timers.disarm(Timer.CLOSE)
        assert timers.next is None

    def test_due_are_those_whose_time_has_come_in_order(self) -> None:
        timers = Timers()
        for timer, at in ((Timer.PING, 5), (Timer.CLOSE, 3), (Timer.IDLE, 4), (Timer.PONG, 6)):
            timers.arm(timer, at)
        assert timers.due(2.9) == []
        assert timers.due(5) == [Timer.CLOSE, Timer.IDLE, Timer.PING]
        assert timers.next == 3  # to look changes nothing

    @given(st.dictionaries(st.sampled_from(Timer), st.integers(-9, 9)), st.integers(-9, 9))
    def test_whatever_is_armed(self, times: dict[Timer, int], now: int) -> None:
        timers = Timers()
        for timer, at in times.items():
            timers.arm(timer, at)
        assert timers.next == min(times.values(), default=None)
        due = timers.due(now)
        assert set(due) == {timer for timer, at in times.items() if at <= now}
        assert [times[timer] for timer in due] == sorted(times[timer] for timer in due)


class TestHeartbeat:
    def test_begins_with_nothing_to_wait_for(self) -> None:
        heartbeat = Heartbeat()
        assert heartbeat.latency is None
        assert heartbeat.payload is None
        assert not heartbeat.take_pong(b"", 1)

    def test_pong_to_the_last_ping(self) -> None:
        heartbeat = Heartbeat()
        payload = heartbeat.next_ping(10)
        assert heartbeat.payload == payload
        assert heartbeat.sent_at == 10
        assert not heartbeat.take_pong(payload + b"x", 11)
        assert heartbeat.take_pong(payload, 12.5)
        assert heartbeat.latency == 2.5
        assert heartbeat.payload is None
        assert not heartbeat.take_pong(payload, 13)
        assert heartbeat.latency == 2.5

    def test_pongs_to_earlier_pings_do_not_count(self) -> None:
        heartbeat = Heartbeat()
        first = heartbeat.next_ping(10)
        second = heartbeat.next_ping(20)
        assert not heartbeat.take_pong(first, 21)
        assert heartbeat.take_pong(second, 22)
        assert heartbeat.latency == 2

    def test_payloads_are_short_and_do_not_repeat(self) -> None:
        heartbeat = Heartbeat()
        payloads = {heartbeat.next_ping(0) for _ in range(1000)}
        assert len(payloads) == 1000
        assert {len(payload) for payload in payloads} == {4}

    def test_payloads_begin_anew_in_the_end(self) -> None:
        heartbeat = Heartbeat()
        heartbeat._number = 0xFFFFFFFE
        assert heartbeat.next_ping(0) == b"\xff\xff\xff\xff"
        assert heartbeat.next_ping(0) == b"\x00\x00\x00\x00"


def bucket(per_second: float, burst: float, now: float = 0) -> TokenBucket:
    return TokenBucket(RateLimit(per_second=per_second, burst=burst), now)


class TestTokenBucket:
    def test_burst_then_rate(self) -> None:
        tokens = bucket(2, 5)
        assert all(tokens.take(1, 0) for _ in range(5))
        assert not tokens.take(1, 0)
        # It owes one, so half a second gives none, and one whole gives one.
        assert not tokens.take(1, 0.5)
        assert not tokens.take(1, 1)
        assert tokens.take(1, 2.5)

    def test_never_holds_more_than_its_burst(self) -> None:
        tokens = bucket(2, 5)
        assert tokens.take(5, 1000)
        assert not tokens.take(1, 1000)

    def test_more_than_the_burst_at_once(self) -> None:
        tokens = bucket(10, 5)
        assert not tokens.take(25, 0)
        assert tokens.ready_at() == 2
        assert tokens.take(0, 2)
        assert not tokens.take(0.5, 2)

    def test_exactly_what_there_is(self) -> None:
        tokens = bucket(1, 4)
        assert tokens.take(4, 0)
        assert tokens.ready_at() <= 0
        assert tokens.take(1, 1)

    @pytest.mark.parametrize("now", [-1000.0, 0.0, 1e9])
    def test_at_any_time(self, now: float) -> None:
        tokens = bucket(4, 1, now)
        assert tokens.take(1, now)
        assert not tokens.take(1, now)
        assert tokens.ready_at() == now + 0.25

    @given(st.lists(st.tuples(AMOUNTS, AMOUNTS)), st.sampled_from([0.5, 1, 64]), st.integers(1, 99))
    def test_never_lets_more_through_than_its_rate(
        self, steps: list[tuple[int, int]], per_second: float, burst: int
    ) -> None:
        tokens = bucket(per_second, burst)
        now, taken = 0.0, 0
        for pause, amount in steps:
            now += pause
            if tokens.take(amount, now):
                assert tokens.ready_at() <= now
            else:
                assert tokens.ready_at() > now
                now = tokens.ready_at()
            taken += amount
            assert taken <= burst + now * per_second
