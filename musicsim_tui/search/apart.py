"""What sets a result apart from the query: a sound that only one of them has, else how it sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.embedding.qualities import clear_differences, qualities
from musicsim_tui.embedding.versions import BUILTIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.search.seed import Seed
    from musicsim_tui.track import Sound, TrackId

_SAYS_NOTHING = frozenset({"Music", "Musical instrument"})
_CLEAR = 0.15
"""A mean probability at which a sound is clearly there."""
_FAINT = 0.05
"""And one below which it is not."""


def set_apart(
    catalog: Catalog, seed: Seed, sounds: Mapping[TrackId, Sequence[Sound]], ids: Sequence[TrackId]
) -> dict[TrackId, str]:
    """The clearest difference of each track from the seed in a word or two; none for a track that has none.

    `sounds` are those that the seed's own model heard in the tracks. Where they tell nothing, the descriptors
    of the built-in model do, of tracks that it has heard: another model may search.
    """
    words = {track_id: of_sounds(seed.sounds, sounds.get(track_id, ())) for track_id in ids}
    silent = [track_id for track_id, word in words.items() if not word]
    words.update(_of_qualities(catalog, seed, silent))
    return {track_id: word for track_id, word in words.items() if word}


def _of_qualities(catalog: Catalog, seed: Seed, ids: Sequence[TrackId]) -> dict[TrackId, str]:
    means = catalog.means_by_id([*ids, seed.track_id], BUILTIN)
    own = means.pop(seed.track_id, None)
    query = seed.embedding.mean if seed.embedding.model == BUILTIN else own
    if query is None or not means:
        return {}
    of_query, *of_matches = qualities(np.stack([query, *means.values()]))
    differences = (clear_differences(of_query, each) for each in of_matches)
    return {track_id: words[0] for track_id, words in zip(means, differences, strict=True) if words}


def of_sounds(query: Sequence[Sound], match: Sequence[Sound]) -> str:
    """The clearest sound that only the match has, or `no` with one that only the query has; else empty."""
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
