"""Places in a recording as people type them."""

from __future__ import annotations

import re

from musicsim_tui.errors import UsageError

_CLOCK = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,5}):)?([0-9]{1,8}(?:\.[0-9]{1,9})?)")


def parse_clock(text: str) -> float:
    """Seconds from `50`, `0:50`, `1:02:03` or `50.5`. Raises UsageError."""
    match = _CLOCK.fullmatch(text.strip())
    if (
        match is None
        or (match[2] is not None and float(match[3]) >= 60)
        or (match[1] and int(match[2]) >= 60)
    ):
        raise UsageError(f"{text!r} is no time.", "Write 0:50, 1:02:03 or a number of seconds.")
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3])
