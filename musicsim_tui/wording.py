"""Numbers, times and titles in words: the same on the command line and in the app."""

from __future__ import annotations

import math
import unicodedata

_UNFIT_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: object) -> str:
    """Text from outside made fit for a terminal: one line, no control or direction characters."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join("\ufffd" if unicodedata.category(char) in _UNFIT_CATEGORIES else char for char in shown)


def clock(seconds: float | None) -> str:
    """Seconds as m:ss or h:mm:ss."""
    if seconds is None or not math.isfinite(seconds):
        return "?"
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
    return f"{whole // 60}:{whole % 60:02}"


def duration_words(seconds: float) -> str:
    """Seconds as a person says them: 40 s, 12 min, 3.5 hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} hours"


def size_words(size: float) -> str:
    """Bytes as kB, MB or GB."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    if size >= 1e6:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e3:.0f} kB"


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 track, 12,431 tracks."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
