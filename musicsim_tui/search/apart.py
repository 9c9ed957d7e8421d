"""What sets a result apart from the query: the sounds that only one of them has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from musicsim_tui.track import Sound

_SAYS_NOTHING = frozenset({"Music", "Musical instrument"})
_CLEAR = 0.15
"""A mean probability at which a sound is clearly there."""
_FAINT = 0.05
"""And one below which it is not."""


def set_apart(query: Sequence[Sound], match: Sequence[Sound]) -> str:
    """The clearest difference in a word: a sound of the match, or `no` with one of the query; else empty."""
    of_query = {sound.label: sound.score for sound in query}
    of_match = {sound.label: sound.score for sound in match}
    gained = _clearest(match, of_query)
    lost = _clearest(query, of_match)
    if gained and (not lost or of_match[gained] >= of_query[lost]):
        return in_short(gained)
    return f"no {in_short(lost)}" if lost else ""


def in_short(label: str) -> str:
    """A name of AudioSet as a person says it: without second names, what it is short for, and `music`."""
    first = label.partition(",")[0].partition(" (")[0].lower()
    return first.removesuffix(" music").removesuffix(" instrument")


def _clearest(sounds: Sequence[Sound], others: dict[str, float]) -> str:
    """The strongest sound that is clear in `sounds` and absent from `others`."""
    found = [
        sound
        for sound in sounds
        if sound.score >= _CLEAR
        and others.get(sound.label, 0.0) < _FAINT
        and sound.label not in _SAYS_NOTHING
    ]
    return max(found, key=lambda sound: sound.score).label if found else ""


def shared_by_most(labels: Iterable[Iterable[str]], most: int) -> list[str]:
    """The labels that stand in at least half of the lists, the most frequent first."""
    lists = [set(some) for some in labels]
    counts: dict[str, int] = {}
    for some in lists:
        for label in some:
            counts[label] = counts.get(label, 0) + 1
    common = [label for label, number in counts.items() if 2 * number >= len(lists)]
    return sorted(common, key=lambda label: (-counts[label], label))[:most]
