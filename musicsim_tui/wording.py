"""Numbers, times and titles in words: the same on the command line and in the app."""

from __future__ import annotations

import math
import unicodedata

_JOINERS = "\u200c\u200d"
_REPLACEMENT = "\ufffd"
_UNFIT_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: object) -> str:
    """Text from outside made fit for a terminal: one line, no control or direction characters.

    Joiners stay between letters, where scripts such as Persian need them, and go elsewhere: the parts of an
    emoji stand side by side, since terminals do not agree on the width of the whole.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(
        _joiner(shown, place) if char in _JOINERS else _REPLACEMENT if _is_unfit(char) else char
        for place, char in enumerate(shown)
    )


def _is_unfit(char: str) -> bool:
    return unicodedata.category(char) in _UNFIT_CATEGORIES


def _joiner(text: str, place: int) -> str:
    between = (text[place - 1 : place], text[place + 1 : place + 2])
    letters = all(char and unicodedata.category(char)[0] in "LM" for char in between)
    return text[place] if letters else ""


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
