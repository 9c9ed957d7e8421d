from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.cli.output import clock
from musicsim_tui.cli.times import parse_clock
from musicsim_tui.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("50", 50),
        ("90", 90),
        ("0:50", 50),
        ("1:02:03", 3723),
        (" 2:05.5 ", 125.5),
        ("7.25", 7.25),
        ("90:00", 5400),
    ],
)
def test_places(text: str, seconds: float) -> None:
    assert parse_clock(text) == seconds


@pytest.mark.parametrize(
    "text", ["", ":", "x", "-5", "1:60", "1:99:00", "1:2:3:4", "1e3", "0:5 0", "٣", "0:-1", "nan", "inf", "."]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="no time"):
        parse_clock(text)


@given(st.integers(0, 10**6))
def test_what_is_shown_can_be_typed(seconds: int) -> None:
    assert parse_clock(clock(seconds)) == seconds


@given(st.text(alphabet="0123456789:.", max_size=20))
def test_whatever_is_typed_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_clock(text) >= 0
