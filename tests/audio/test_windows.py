from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.audio.windows import (
    HOP_SECONDS,
    MIN_WINDOW_SECONDS,
    TYPICAL_SECONDS,
    WINDOW_SECONDS,
    cut_windows,
    full_windows,
    plan_starts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from musicsim_tui.track import Samples

RATE = 20
"""A rate at which an hour is small: the arithmetic is the same."""

lengths = st.integers(min_value=0, max_value=RATE * 400)
coverages = st.integers(min_value=1, max_value=50)
seconds_claimed = (
    st.none() | st.floats(min_value=-10, max_value=1e9) | st.sampled_from([float("inf"), float("nan")])
)


def count_up(length: int) -> Samples:
    """Samples that tell their own position, never silent."""
    return np.arange(1, length + 1, dtype=np.float32)


def in_blocks(samples: Samples, sizes: Iterable[int]) -> Iterator[Samples]:
    """The samples in pieces of these sizes, then the rest."""
    start = 0
    for size in sizes:
        yield samples[start : start + size]
        start += size
    yield samples[start:]


@given(length=lengths, sizes=st.lists(st.integers(0, 700), max_size=20))
def test_windows_hold_the_samples_of_their_place(length: int, sizes: list[int]) -> None:
    samples = count_up(length)
    windows = list(cut_windows(in_blocks(samples, sizes), RATE))

    whole = round(WINDOW_SECONDS * RATE)
    if length >= whole:
        assert [window.start for window in windows] == [
            index * HOP_SECONDS for index in range(full_windows(length / RATE))
        ]
        for window in windows:
            start = round(window.start * RATE)
            np.testing.assert_array_equal(window.samples, samples[start : start + whole])
    elif length:
        (window,) = windows
        assert window.start == 0.0
        assert len(window.samples) == max(length, round(MIN_WINDOW_SECONDS * RATE))
        np.testing.assert_array_equal(window.samples[:length], samples)
        assert not window.samples[length:].any()
    else:
        assert windows == []
    assert not any(window.silent for window in windows)
    assert all(window.samples.dtype == np.float32 for window in windows)


@given(length=lengths.filter(bool), coverage=coverages, expected=seconds_claimed)
def test_coverage_gives_some_windows_of_the_full_grid_whatever_the_header_claims(
    length: int, coverage: int, expected: float | None
) -> None:
    samples = count_up(length)
    every = {window.start: window.samples for window in cut_windows([samples], RATE)}
    some = list(cut_windows([samples], RATE, coverage=coverage, expected_seconds=expected))

    assert 1 <= len(some) <= coverage
    assert all(earlier.start < later.start for earlier, later in pairwise(some))
    for window in some:
        np.testing.assert_array_equal(window.samples, every[window.start])


@given(length=lengths.filter(bool), coverage=coverages)
def test_coverage_follows_the_plan_when_the_header_is_right(length: int, coverage: int) -> None:
    seconds = length / RATE
    windows = cut_windows([count_up(length)], RATE, coverage=coverage, expected_seconds=seconds)

    assert [window.start for window in windows] == plan_starts(seconds, coverage)


def test_without_an_expected_length_a_typical_one_is_planned_for() -> None:
    samples = count_up(round(2 * TYPICAL_SECONDS * RATE))
    windows = cut_windows([samples], RATE, coverage=4)

    assert [window.start for window in windows] == plan_starts(TYPICAL_SECONDS, 4)


def test_a_track_shorter_than_its_plan_is_heard_at_its_end() -> None:
    windows = cut_windows([count_up(35 * RATE)], RATE, coverage=1, expected_seconds=3600.0)

    assert [window.start for window in windows] == [20.0]


def test_a_track_longer_than_its_plan_is_heard_until_there_are_enough() -> None:
    windows = cut_windows([count_up(90 * RATE)], RATE, coverage=5, expected_seconds=20.0)

    assert [window.start for window in windows] == [0.0, 10.0, 20.0, 30.0, 40.0]


@given(seconds=st.floats(min_value=0, max_value=36_000), coverage=st.none() | coverages)
def test_a_plan_lies_inside_the_track_on_the_grid(seconds: float, coverage: int | None) -> None:
    starts = plan_starts(seconds, coverage)
    total = max(1, full_windows(seconds))

    assert len(starts) == (total if coverage is None else min(total, coverage))
    assert len(set(starts)) == len(starts)
    assert starts == sorted(starts)
    assert all(start % HOP_SECONDS == 0 for start in starts)
    assert starts[0] == 0.0 or starts[0] > 0.0
    assert seconds < WINDOW_SECONDS or starts[-1] + WINDOW_SECONDS <= seconds


@given(total=st.integers(1, 400), coverage=coverages)
def test_a_plan_is_spread_evenly(total: int, coverage: int) -> None:
    starts = plan_starts(total * HOP_SECONDS, coverage)
    indices = [round(start / HOP_SECONDS) for start in starts]
    gaps = {later - earlier for earlier, later in pairwise(indices)}

    assert not gaps or max(gaps) - min(gaps) <= 1
    assert abs(indices[0] - (total - 1 - indices[-1])) <= 1


def test_a_plan_of_three_windows() -> None:
    assert plan_starts(240.0, 3) == [40.0, 120.0, 200.0]


@pytest.mark.parametrize("coverage", [0, -1])
def test_no_coverage_is_a_mistake(coverage: int) -> None:
    with pytest.raises(ValueError, match="coverage"):
        plan_starts(100.0, coverage)
    with pytest.raises(ValueError, match="coverage"):
        cut_windows([], RATE, coverage=coverage)


@pytest.mark.parametrize(
    ("decibels", "silent"), [(-80.0, True), (-61.0, True), (-59.0, False), (-20.0, False), (None, True)]
)
def test_windows_below_the_noise_floor_are_silent(decibels: float | None, silent: bool) -> None:
    rate = 8000
    amplitude = 0.0 if decibels is None else 10 ** (decibels / 20)
    noise = np.random.default_rng(0).choice([-1.0, 1.0], 10 * rate) * amplitude
    (window,) = cut_windows([noise.astype(np.float32)], rate)

    assert window.silent is silent


def test_padding_does_not_make_a_short_track_silent() -> None:
    rate = 8000
    (window,) = cut_windows([np.full(8, 0.0015, dtype=np.float32)], rate)

    assert len(window.samples) == rate
    assert not window.silent


def test_silence_is_told_for_each_window_alone() -> None:
    samples = np.concatenate([np.zeros(10 * RATE), np.ones(10 * RATE), np.zeros(10 * RATE)]).astype(
        np.float32
    )

    assert [window.silent for window in cut_windows([samples], RATE)] == [True, False, True]


@pytest.mark.parametrize("coverage", [None, 1])
def test_blocks_are_taken_to_their_end(coverage: int | None) -> None:
    taken = 0

    def blocks() -> Iterator[Samples]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield count_up(RATE)

    list(cut_windows(blocks(), RATE, coverage=coverage, expected_seconds=15.0))

    assert taken == 100


def test_windows_come_while_blocks_still_come() -> None:
    taken = 0

    def blocks() -> Iterator[Samples]:
        nonlocal taken
        while True:  # a stream without end
            taken += 1
            yield count_up(RATE)

    windows = cut_windows(blocks(), RATE)

    assert [next(windows).start for _ in range(3)] == [0.0, 10.0, 20.0]
    assert taken == 30


def test_windows_do_not_share_memory() -> None:
    first, second = cut_windows([count_up(20 * RATE)], RATE)

    assert not np.shares_memory(first.samples, second.samples)


@pytest.mark.parametrize("coverage", [None, 1])
def test_windows_are_filled_where_they_are_wanted(coverage: int | None) -> None:
    given: list[Samples] = []

    def allocate(length: int) -> Samples:
        given.append(np.full(length, np.nan, dtype=np.float32))
        return given[-1]

    samples = count_up(25 * RATE)
    windows = list(
        cut_windows([samples], RATE, coverage=coverage, expected_seconds=3600.0, allocate=allocate)
    )

    assert all(any(window.samples is place for place in given) for window in windows)
    for window in windows:
        start = round(window.start * RATE)
        assert np.array_equal(window.samples, samples[start : start + 10 * RATE])


@pytest.mark.parametrize("loud", [slice(0, 1), slice(-1, None), slice(100, 101)])
def test_a_window_with_one_loud_place_is_not_silent(loud: slice) -> None:
    samples = np.zeros(10 * RATE, dtype=np.float32)
    samples[loud] = 1.0

    assert [window.silent for window in cut_windows([samples], RATE)] == [False]
