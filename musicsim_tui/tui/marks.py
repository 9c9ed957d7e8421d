"""Marked tracks, with a way back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from musicsim_tui.tui.history import History, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from musicsim_tui.track import TrackId


class Marks:
    """The tracks that a person has marked, in the order of marking; the history has every change."""

    def __init__(self, history: History, tracks: Iterable[TrackId] = ()) -> None:
        self._history = history
        self._now: dict[TrackId, None] = dict.fromkeys(tracks)

    def __len__(self) -> int:
        return len(self._now)

    def __contains__(self, track: object) -> bool:
        return track in self._now

    @property
    def tracks(self) -> tuple[TrackId, ...]:
        return tuple(self._now)

    def toggle(self, track: TrackId) -> None:
        """Mark a track, or take its mark away."""
        changed = dict(self._now)
        if track in changed:
            del changed[track]
        else:
            changed[track] = None
        self._become(changed)

    def add(self, tracks: Collection[TrackId]) -> None:
        """Mark all of these."""
        self._become({**self._now, **dict.fromkeys(tracks)})

    def clear(self) -> None:
        """Take all marks away."""
        self._become({})

    def put(self, tracks: Iterable[TrackId]) -> None:
        """Mark exactly these, as part of a change that the history has already."""
        self._now = dict.fromkeys(tracks)

    def _become(self, changed: dict[TrackId, None]) -> None:
        if changed.keys() != self._now.keys():
            before, self._now = self._now, changed
            self._history.did(
                Step(
                    "", partial(self.put, before), partial(self.put, changed), 1 + len(before) + len(changed)
                )
            )
