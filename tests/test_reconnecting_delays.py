"""The example of a client that comes back: how long it waits, and when it does not."""

from __future__ import annotations

import random
import ssl
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from examples.reconnecting import FINAL, Backoff, Failure, is_final
from examples.transports.conversation import ConnectionClosed, Refused
from wsproto_core import EndCause, SessionEnded
from wsproto_core.events import RejectConnection

LOST = SessionEnded(1006, "", EndCause.LOST)
UNREACHABLE = ConnectionRefusedError()


def closed(code: int) -> SessionEnded:
    return SessionEnded(code, "", EndCause.CLOSED, code_received=code)


def refused(status: int, retry_after: str | None = None) -> Refused:
    headers = [] if retry_after is None else [(b"Retry-After", retry_after.encode())]
    end = SessionEnded(1006, "", EndCause.REJECTED)
    return Refused(end, RejectConnection(status, headers), b"")


def always(share: float) -> Backoff:
    return Backoff(random=lambda: share)


class TestDelays:
    def test_ceiling_doubles_up_to_the_most(self) -> None:
        backoff = always(1.0)
        delays = [backoff.delay(UNREACHABLE) for _ in range(9)]
        assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    def test_any_number_of_failures_has_a_delay(self) -> None:
        backoff = always(1.0)
        assert [backoff.delay(UNREACHABLE) for _ in range(2000)][-1] == 60

    def test_jitter_is_full(self) -> None:
        backoff = Backoff(random=random.Random(1).random)
        expected = random.Random(1)
        for ceiling in (1, 2, 4, 8, 16, 32, 60, 60):
            assert backoff.delay(UNREACHABLE) == expected.random() * ceiling
        assert always(0.0).delay(UNREACHABLE) == 0

    def test_delays_spread_evenly(self) -> None:
        seeds = [Backoff(random=random.Random(seed).random) for seed in range(1000)]
        for backoff in seeds:
            backoff.delay(UNREACHABLE)
        delays = sorted(backoff.delay(UNREACHABLE) for backoff in seeds)
        assert all(0 <= delay <= 2 for delay in delays)
        quarters = [sum(low <= d < low + 0.5 for d in delays) for low in (0, 0.5, 1, 1.5)]
        assert min(quarters) > 200

    def test_stable_connection_begins_anew(self) -> None:
        backoff = always(1.0)
        assert [backoff.delay(UNREACHABLE) for _ in range(4)] == [1, 2, 4, 8]
        assert (
            backoff.delay(LOST, lasted=29.9) == 16
        )  # one that is lost again at once is no success
        assert backoff.delay(LOST, lasted=30.0) == 1
        assert backoff.delay(UNREACHABLE) == 2

    def test_service_restart_spreads_as_the_registry_says(self) -> None:
        assert always(0.0).delay(closed(1012)) == 5
        assert always(1.0).delay(closed(1012)) == 30

    def test_try_again_later_is_a_failure_however_long_it_went_well(self) -> None:
        backoff = always(1.0)
        assert [backoff.delay(closed(1013), lasted=1000) for _ in range(3)] == [1, 2, 4]


class TestRetryAfter:
    @pytest.mark.parametrize("status", [429, 503])
    def test_is_heeded_with_jitter_on_top(self, status: int) -> None:
        assert always(0.0).delay(refused(status, "17")) == 17
        assert always(1.0).delay(refused(status, "17")) == 18

    def test_may_be_a_date(self) -> None:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        later = format_datetime(now.replace(minute=2), usegmt=True)
        backoff = Backoff(random=lambda: 0.0, time=now.timestamp)
        assert backoff.delay(refused(503, later)) == 120
        earlier = format_datetime(now.replace(year=2025), usegmt=True)
        assert backoff.delay(refused(503, earlier)) == 0

    @pytest.mark.parametrize(
        "text", ["", "soon", "-5", "1e9", "nan", "\u00b2", "Thu, 99 Jan 2026 00:00:00 GMT"]
    )
    def test_nonsense_is_ignored(self, text: str) -> None:
        backoff = Backoff(random=lambda: 0.0)
        failure = refused(503)
        failure.response.headers = [(b"retry-after", text.encode("latin-1"))]
        assert backoff.delay(failure) == 0

    @pytest.mark.parametrize("text", ["99999999", "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_too_much_is_not_believed(self, text: str) -> None:
        assert always(0.0).delay(refused(503, text)) == 3600

    def test_is_of_two_statuses_only(self) -> None:
        assert always(0.0).delay(refused(500, "17")) == 0
        assert always(0.0).delay(refused(503)) == 0


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 410, 426, 431])
def test_final_refusals(status: int) -> None:
    assert is_final(refused(status))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_transient_refusals(status: int) -> None:
    assert not is_final(refused(status))


def test_final_closes() -> None:
    every = [*range(1000, 1016), *range(3000, 5000)]
    assert [code for code in every if is_final(closed(code))] == sorted(FINAL)
    assert sorted(FINAL) == [1002, 1003, 1007, 1008, 1009, 1010]


@pytest.mark.parametrize(
    ("failure", "final"),
    [
        (ConnectionRefusedError(), False),
        (TimeoutError(), False),
        (ssl.SSLError(), False),  # the handshake was cut off, perhaps
        (ssl.SSLCertVerificationError(), True),
        (ConnectionClosed(LOST), False),
        (LOST, False),
    ],
)
def test_other_failures(failure: Failure, final: bool) -> None:
    assert is_final(failure) is final
