"""Marked rows, with a way back."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from musicsim_tui.track import TrackId
from musicsim_tui.tui.history import History, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

log = logging.getLogger(__name__)

_LONGEST_NUMBER = 18

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class MarkChange(Generic[Key]):
    """Marks that go and marks that come, each with its place in the order of marking."""

    gone: Mapping[Key, int]
    come: Mapping[Key, int]


class Marked(Generic[Key]):
    """What a person has marked, in the order of marking; the history has every change.

    A change costs as much as the marks that it concerns, however many others there are.
    """

    def __init__(self, history: History, keys: Iterable[Key] = ()) -> None:
        self._history = history
        self._now: dict[Key, int] = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        self._next = len(self._now)
        self._in_order = True

    def __len__(self) -> int:
        return len(self._now)

    def __contains__(self, key: object) -> bool:
        return key in self._now

    @property
    def keys(self) -> tuple[Key, ...]:
        if not self._in_order:
            self._now = dict(sorted(self._now.items(), key=itemgetter(1)))
            self._in_order = True
        return tuple(self._now)

    def toggle(self, key: Key) -> None:
        """Mark a row, or take its mark away."""
        if key in self:
            self.take([key])
        else:
            self.add([key])

    def add(self, keys: Collection[Key]) -> None:
        """Mark all of these."""
        fresh = [key for key in dict.fromkeys(keys) if key not in self]
        come = {key: place for place, key in enumerate(fresh, start=self._next)}
        self._next += len(come)
        self._did(MarkChange({}, come))

    def take(self, keys: Collection[Key]) -> None:
        """Take the marks of these away."""
        self._did(self.without(keys))

    def clear(self) -> None:
        """Take all marks away."""
        self._did(MarkChange(self._now.copy(), {}))

    def without(self, keys: Iterable[Key]) -> MarkChange[Key]:
        """What is to be done to take the marks of these away, for a change that the history has already."""
        return MarkChange({key: self._now[key] for key in keys if key in self}, {})

    def make(self, change: MarkChange[Key]) -> None:
        """Make a change that the history knows."""
        for key in change.gone:
            self._now.pop(key, None)
        self._put(change.come)

    def take_back(self, change: MarkChange[Key]) -> None:
        """Undo a change: every mark stands where it stood."""
        for key in change.come:
            self._now.pop(key, None)
        self._put(change.gone)

    def _put(self, come: Mapping[Key, int]) -> None:
        for key, place in come.items():
            self._in_order = self._in_order and self._is_last(place)
            self._now[key] = place

    def _is_last(self, place: int) -> bool:
        return not self._now or self._now[next(reversed(self._now))] < place

    def _did(self, change: MarkChange[Key]) -> None:
        if change.gone or change.come:
            self.make(change)
            size = 1 + len(change.gone) + len(change.come)
            self._history.did(Step("", partial(self.take_back, change), partial(self.make, change), size))


class Marks(Marked[TrackId]):
    """The marked tracks."""

    @property
    def tracks(self) -> tuple[TrackId, ...]:
        return self.keys


def track_ids(texts: Iterable[str]) -> list[TrackId]:
    """The ids of the state file, without what is none."""
    found = []
    for text in texts:
        try:
            found.append(TrackId(UUID(text)))
        except ValueError:
            log.warning("no track id: %r", text)
    return found


def entry_ids(texts: Iterable[str]) -> list[int]:
    """The numbers of playlist entries of the state file, without what is none."""
    return [int(text) for text in texts if text.isdecimal() and len(text) <= _LONGEST_NUMBER]
