"""Marked rows, with a way back."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from musicsim_tui.track import TrackId
from musicsim_tui.tui.history import History, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

log = logging.getLogger(__name__)

_LONGEST_NUMBER = 18

Key = TypeVar("Key", bound=Hashable)


class Marked(Generic[Key]):
    """What a person has marked, in the order of marking; the history has every change."""

    def __init__(self, history: History, keys: Iterable[Key] = ()) -> None:
        self._history = history
        self._now: dict[Key, None] = dict.fromkeys(keys)

    def __len__(self) -> int:
        return len(self._now)

    def __contains__(self, key: object) -> bool:
        return key in self._now

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(self._now)

    def toggle(self, key: Key) -> None:
        """Mark a row, or take its mark away."""
        changed = dict(self._now)
        if key in changed:
            del changed[key]
        else:
            changed[key] = None
        self._become(changed)

    def add(self, keys: Collection[Key]) -> None:
        """Mark all of these."""
        self._become({**self._now, **dict.fromkeys(keys)})

    def take(self, keys: Collection[Key]) -> None:
        """Take the marks of these away."""
        gone = set(keys)
        self._become({key: None for key in self._now if key not in gone})

    def clear(self) -> None:
        """Take all marks away."""
        self._become({})

    def put(self, keys: Iterable[Key]) -> None:
        """Mark exactly these, as part of a change that the history has already."""
        self._now = dict.fromkeys(keys)

    def _become(self, changed: dict[Key, None]) -> None:
        if changed.keys() != self._now.keys():
            before, self._now = self._now, changed
            self._history.did(
                Step(
                    "", partial(self.put, before), partial(self.put, changed), 1 + len(before) + len(changed)
                )
            )


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
