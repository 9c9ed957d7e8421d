from __future__ import annotations

import pytest

from musicsim_tui.download.brakes import MOST_IN_A_ROW, OFFLINE_SECONDS, Brakes, Verdict
from musicsim_tui.download.failures import FailureKind, failure


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (FailureKind.PRIVATE, Verdict.FAILED),
        (FailureKind.NETWORK, Verdict.FAILED),
        (FailureKind.BOT_CHECK, Verdict.STOP),
        (FailureKind.COOKIES, Verdict.STOP),
        (FailureKind.NO_RUNTIME, Verdict.STOP),
        (FailureKind.RATE_LIMIT, Verdict.REST),
        (FailureKind.OFFLINE, Verdict.REST),
        (FailureKind.DISK_FULL, Verdict.ROOM),
    ],
)
def test_what_a_failure_means(kind: FailureKind, verdict: Verdict) -> None:
    assert Brakes().judge(failure(kind))[0] is verdict


@pytest.mark.parametrize("kind", FailureKind)
def test_whatever_stops_a_queue_is_no_fault_of_the_entry(kind: FailureKind) -> None:
    verdict, _ = Brakes().judge(failure(kind))
    assert (verdict is not Verdict.FAILED) == kind.stops_queue


def test_until_when_to_rest() -> None:
    brakes = Brakes(clock=lambda: 1000.0)
    assert brakes.judge(failure(FailureKind.RATE_LIMIT, until=5000.0)) == (Verdict.REST, 5000.0)
    assert brakes.judge(failure(FailureKind.OFFLINE)) == (Verdict.REST, 1000.0 + OFFLINE_SECONDS)


def test_failures_in_a_row_slow_down_and_stop() -> None:
    brakes = Brakes()
    error = failure(FailureKind.SERVER)
    slowed = []
    for number in range(MOST_IN_A_ROW):
        assert brakes.tripped(error) is None
        brakes.judge(error if number % 2 else failure(FailureKind.NETWORK))
        slowed.append(brakes.slowed)
        brakes.judge(failure(FailureKind.PRIVATE))
    assert slowed == [1, 2, 4, 8, 16]
    stopped = brakes.tripped(error)
    assert stopped is not None
    assert error.title in stopped.title
    assert brakes.tripped(error) is None
    assert brakes.slowed == 1


def test_one_that_comes_through_ends_the_row() -> None:
    brakes = Brakes()
    for _ in range(3 * MOST_IN_A_ROW):
        brakes.judge(failure(FailureKind.SERVER))
        assert brakes.tripped(failure(FailureKind.SERVER)) is None
        brakes.succeeded()
