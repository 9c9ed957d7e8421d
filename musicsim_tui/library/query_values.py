"""The values of a query: lengths, years, dates, ages, scores. Readers raise ValueError on anything else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from musicsim_tui.library.conditions import Bounds
from musicsim_tui.library.folding import YEAR_UNKNOWN

_CLOCK = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,5}):([0-5][0-9](?:\.[0-9]{1,6})?)")
_UNITS = re.compile(r"(?=.)(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m(?:in)?)?(?:([0-9]{1,8}(?:\.[0-9]{1,6})?)s?)?")
_YEAR = re.compile(r"[0-9]{1,4}")
_DECADE = re.compile(r"([0-9]{3}0)s")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")
_AGE = re.compile(r"([0-9]{1,6})(min|h|d|w|mo|y)")
_SCORE = re.compile(r"([0-9]{0,3}\.[0-9]{1,9}|[0-9]{1,3}\.?)(%?)")

_DAYS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0, "mo": 30.0, "y": 365.0}


def length_bounds(operator: str, value: str) -> Bounds:
    """A length in seconds. A bare length and the end of a range mean the whole second that a list shows."""
    return _interval(operator, value, _length, 1.0)


def year_bounds(operator: str, value: str) -> Bounds:
    """A year, a range of years, or a decade such as 1990s; never the key of an unknown year."""
    decade = _DECADE.fullmatch(value)
    if decade and operator == ":":
        return Bounds(int(decade[1]), int(decade[1]) + 9)
    bounds = _interval(operator, value, _year, 0.0)
    return bounds if bounds.high is not None else replace(bounds, high=YEAR_UNKNOWN, high_out=True)


def score_bounds(operator: str, value: str) -> Bounds:
    """A probability from 0 to 1, or a percentage."""
    return _interval(operator, value, _score, 0.0)


def added_bounds(operator: str, value: str, now: datetime) -> Bounds:
    """Unix seconds. An age counts back: `<7d` and `7d` are the last seven days. A date is all of it."""
    age = _AGE.fullmatch(value)
    if age:
        moment = now.timestamp() - float(age[1]) * _DAYS[age[2]] * 86_400
        if operator in (">", ">="):
            return Bounds(high=moment, high_out=operator == ">")
        return Bounds(low=moment, low_out=operator == "<")
    if operator == ":" and ".." in value:
        first, last = value.split("..", 1)
        return _ordered(
            Bounds(
                low=_day_span(first, now)[0] if first else None,
                high=_day_span(last, now)[1] if last else None,
                high_out=True,
            )
        )
    start, end = _day_span(value, now)
    return {
        ":": Bounds(start, end, high_out=True),
        ">": Bounds(low=end),
        ">=": Bounds(low=start),
        "<": Bounds(high=start, high_out=True),
        "<=": Bounds(high=end, high_out=True),
    }[operator]


def _interval(operator: str, value: str, read: Callable[[str], float], width: float) -> Bounds:
    """`width` is how far one written value reaches: 1 for seconds as lists show them, 0 for exact numbers."""
    if operator == ":" and ".." in value:
        first, last = value.split("..", 1)
        if not first and not last:
            raise ValueError(value)
        high = read(last) + width if last else None
        return _ordered(Bounds(read(first) if first else None, high, high_out=width > 0))
    number = read(value)
    return {
        ":": Bounds(number, number + width, high_out=width > 0),
        ">": Bounds(low=number, low_out=True),
        ">=": Bounds(low=number),
        "<": Bounds(high=number, high_out=True),
        "<=": Bounds(high=number),
    }[operator]


def _ordered(bounds: Bounds) -> Bounds:
    low, high = bounds.low, bounds.high
    if low is None and high is None:
        raise ValueError("the range has no end")
    if low is not None and high is not None and (low > high or (low == high and bounds.high_out)):
        raise ValueError("the range ends before it begins")
    return bounds


def _length(text: str) -> float:
    clock = _CLOCK.fullmatch(text)
    if clock:
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    units = _UNITS.fullmatch(text)
    if units:
        return int(units[1] or 0) * 3600 + int(units[2] or 0) * 60 + float(units[3] or 0)
    raise ValueError(text)


def _year(text: str) -> float:
    if not _YEAR.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _score(text: str) -> float:
    match = _SCORE.fullmatch(text)
    if not match:
        raise ValueError(text)
    return float(match[1]) / (100 if match[2] else 1)


def _day_span(text: str, now: datetime) -> tuple[float, float]:
    """Where a day, month or year begins and where the next one does, in the time zone of `now`."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if text in ("today", "yesterday"):
        start = today - timedelta(days=text == "yesterday")
        return start.timestamp(), (start + timedelta(days=1)).timestamp()
    match = _DATE.fullmatch(text)
    if not match:
        raise ValueError(text)
    year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
    start = today.replace(year=year, month=month, day=day)
    if match[3]:
        end = start + timedelta(days=1)
    elif match[2]:
        end = start.replace(year=year + month // 12, month=month % 12 + 1)
    else:
        end = start.replace(year=year + 1)
    return start.timestamp(), end.timestamp()
