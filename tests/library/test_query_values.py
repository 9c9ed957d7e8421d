from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.library.conditions import Bounds
from musicsim_tui.library.folding import YEAR_UNKNOWN
from musicsim_tui.library.query_values import added_bounds, length_bounds, score_bounds, year_bounds

NOW = datetime(2026, 11, 15, 12, 30, tzinfo=UTC)
DAY = 86_400.0


def at(year: int, month: int, day: int) -> float:
    return datetime(year, month, day, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("operator", "value", "bounds"),
    [
        (">", "2:00", Bounds(low=120, low_out=True)),
        (">=", "90", Bounds(low=90)),
        ("<=", "90.5", Bounds(high=90.5)),
        ("<", "1:02:03", Bounds(high=3723, high_out=True)),
        (":", "2:00", Bounds(120, 121, high_out=True)),
        (":", "2:00..3:30", Bounds(120, 211, high_out=True)),
        (":", "2:00..", Bounds(low=120, high_out=True)),
        (":", "..90", Bounds(high=91, high_out=True)),
        (">", "2m30s", Bounds(low=150, low_out=True)),
        (">", "2m30", Bounds(low=150, low_out=True)),
        (">", "2m", Bounds(low=120, low_out=True)),
        (">", "1h5m", Bounds(low=3900, low_out=True)),
        (">", "120:00", Bounds(low=7200, low_out=True)),
    ],
)
def test_lengths(operator: str, value: str, bounds: Bounds) -> None:
    assert length_bounds(operator, value) == bounds


@pytest.mark.parametrize("value", ["", "abc", "-5", "2:60", "2:", ":30", "1e9", "3:00..2:00", "..", "٣"])
def test_what_is_no_length(value: str) -> None:
    with pytest.raises(ValueError):
        length_bounds(":", value)


@pytest.mark.parametrize(
    ("operator", "value", "bounds"),
    [
        (":", "1990", Bounds(1990, 1990)),
        (":", "1990..1999", Bounds(1990, 1999)),
        (":", "1990s", Bounds(1990, 1999)),
        (">=", "1990", Bounds(1990, YEAR_UNKNOWN, high_out=True)),
        (":", "1990..", Bounds(1990, YEAR_UNKNOWN, high_out=True)),
        ("<", "1990", Bounds(high=1990, high_out=True)),
    ],
)
def test_years(operator: str, value: str, bounds: Bounds) -> None:
    assert year_bounds(operator, value) == bounds


@pytest.mark.parametrize("value", ["", "199x", "19905", "1995s", "1999..1990", "1990.5"])
def test_what_is_no_year(value: str) -> None:
    with pytest.raises(ValueError):
        year_bounds(":", value)


@pytest.mark.parametrize("value", ["0.3", ".3", "30%", "0.30"])
def test_scores(value: str) -> None:
    assert score_bounds(">", value) == Bounds(low=0.3, low_out=True)


@pytest.mark.parametrize("value", ["", "x", ".", "%", "-1", "1e5"])
def test_what_is_no_score(value: str) -> None:
    with pytest.raises(ValueError):
        score_bounds(">", value)


@pytest.mark.parametrize(
    ("operator", "value", "bounds"),
    [
        ("<", "7d", Bounds(low=NOW.timestamp() - 7 * DAY, low_out=True)),
        ("<=", "7d", Bounds(low=NOW.timestamp() - 7 * DAY)),
        (":", "7d", Bounds(low=NOW.timestamp() - 7 * DAY)),
        (">", "2w", Bounds(high=NOW.timestamp() - 14 * DAY, high_out=True)),
        (">=", "12h", Bounds(high=NOW.timestamp() - DAY / 2)),
        (":", "2026-11-01", Bounds(at(2026, 11, 1), at(2026, 11, 2), high_out=True)),
        (":", "2026-11", Bounds(at(2026, 11, 1), at(2026, 12, 1), high_out=True)),
        (":", "2026-12", Bounds(at(2026, 12, 1), at(2027, 1, 1), high_out=True)),
        (":", "2026", Bounds(at(2026, 1, 1), at(2027, 1, 1), high_out=True)),
        (":", "today", Bounds(at(2026, 11, 15), at(2026, 11, 16), high_out=True)),
        (":", "yesterday", Bounds(at(2026, 11, 14), at(2026, 11, 15), high_out=True)),
        (":", "2026-10..2026-11", Bounds(at(2026, 10, 1), at(2026, 12, 1), high_out=True)),
        (":", "..2025", Bounds(high=at(2026, 1, 1), high_out=True)),
        (":", "2025..", Bounds(low=at(2025, 1, 1), high_out=True)),
        (">=", "2026-11-01", Bounds(low=at(2026, 11, 1))),
        (">", "2026-11", Bounds(low=at(2026, 12, 1))),
        ("<", "2026-11", Bounds(high=at(2026, 11, 1), high_out=True)),
        ("<=", "2026-11", Bounds(high=at(2026, 12, 1), high_out=True)),
    ],
)
def test_added(operator: str, value: str, bounds: Bounds) -> None:
    assert added_bounds(operator, value, NOW) == bounds


@pytest.mark.parametrize(
    "value", ["", "7", "7x", "2026-13", "2026-02-30", "0000", "9999", "26-11-01", "2026..2025", "..", "soon"]
)
def test_what_is_no_date(value: str) -> None:
    with pytest.raises(ValueError):
        added_bounds(":", value, NOW)


def test_dates_are_days_of_the_time_zone_of_now() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=9)))
    assert added_bounds(":", "2026-11-01", east).low == at(2026, 11, 1) - 9 * 3600
    assert added_bounds(":", "2026-11-01", datetime(2026, 11, 15)).low == datetime(2026, 11, 1).timestamp()


@given(st.sampled_from([":", "<", "<=", ">", ">="]), st.text(alphabet="0123456789.:-dhmswy %", max_size=12))
def test_values_are_read_or_refused(operator: str, value: str) -> None:
    for read in (length_bounds, year_bounds, score_bounds, lambda o, v: added_bounds(o, v, NOW)):
        try:
            bounds = read(operator, value)
        except (ValueError, OverflowError):
            continue
        assert bounds.low is not None or bounds.high is not None
