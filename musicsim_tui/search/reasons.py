"""Why a result is alike: the sounds that both share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musicsim_tui.track import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.track import Sound

_SAYS_NOTHING = frozenset({"Music", "Musical instrument"})
"""Classes that almost every recording of a music library has."""
_MOST = 3


def shared_sounds(query: Sequence[Sound], match: Sequence[Sound]) -> tuple[Reason, ...]:
    """Sounds heard in both, those that are strong in both first."""
    of_match = {sound.label: sound.score for sound in match}
    shared = [
        Reason("sound", sound.label, sound.score, of_match[sound.label])
        for sound in query
        if sound.label in of_match and sound.label not in _SAYS_NOTHING
    ]
    shared.sort(key=lambda reason: -min(reason.query, reason.match))
    return tuple(shared[:_MOST])
