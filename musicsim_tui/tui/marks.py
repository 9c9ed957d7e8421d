"""Marked tracks, with a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from musicsim_tui.track import TrackId

_MOST_STEPS = 100


class Marks:
    """The tracks that a person has marked, in the order of marking; every change can be undone."""

    def __init__(self, tracks: Iterable[TrackId] = ()) -> None:
        self._now: dict[TrackId, None] = dict.fromkeys(tracks)
        self._past: list[dict[TrackId, None]] = []
        self._future: list[dict[TrackId, None]] = []

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

    def undo(self) -> bool:
        """Take the last change back; False when there is none."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """Make the change again that was taken back last; False when there is none."""
        return self._step(self._future, self._past)

    def _become(self, changed: dict[TrackId, None]) -> None:
        if changed.keys() != self._now.keys():
            self._past = [*self._past[-_MOST_STEPS:], self._now]
            self._future = []
            self._now = changed

    def _step(self, source: list[dict[TrackId, None]], target: list[dict[TrackId, None]]) -> bool:
        if not source:
            return False
        target.append(self._now)
        self._now = source.pop()
        return True
