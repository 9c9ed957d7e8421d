"""Rows of a list that is put into other orders: the keys are all there, the rest comes as it is looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")
Key = TypeVar("Key", bound=Hashable)

_AROUND = 100
"""Rows that are fetched before and after those on the screen."""
_MOST_KNOWN = 5_000


@dataclass(frozen=True, slots=True)
class Placed(Generic[Row]):
    """A row and its number in the list, counted from 1."""

    place: int
    row: Row


class KeyedRows(Generic[Key, Row]):
    """Rows in an order of their own: the keys are all there, the rest is fetched as it is looked at.

    `fetch(keys, arrived)` starts to fetch rows and later, on the same thread, calls `arrived` with those it
    found, or with None when it failed. One fetch is on its way at a time; memory holds a bounded number of
    rows, so that a list can be put into another order without fetching anything again.
    """

    def __init__(
        self,
        fetch: Callable[[Sequence[Key], Callable[[Mapping[Key, Row] | None], None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._fetch = fetch
        self._changed = changed
        self._keys: Sequence[Key] = ()
        self._places: Sequence[int] = ()
        self._known: OrderedDict[Key, Row] = OrderedDict()
        self._stale: set[Key] = set()
        self._fetching = False
        self._seen = (0, 0)

    def set_keys(self, keys: Sequence[Key], places: Sequence[int] | None = None) -> None:
        """List these; `places` are their numbers, unless they simply count from 1."""
        self._keys = keys
        self._places = range(1, len(keys) + 1) if places is None else places

    def refetch(self) -> None:
        """Fetch again what is known, as it is looked at; until then it stays as it is."""
        self._stale = set(self._known)

    @property
    def total(self) -> int:
        return len(self._keys)

    def row(self, index: int) -> Placed[Row] | None:
        if not 0 <= index < len(self._keys):
            return None
        row = self._known.get(self._keys[index])
        return None if row is None else Placed(self._places[index], row)

    def look(self, first: int, last: int) -> None:
        """Want these rows, and those around them."""
        self._seen = (first, last)
        self._fetch_next()

    def _fetch_next(self) -> None:
        if self._fetching:
            return
        first, last = self._seen
        near = self._keys[max(0, first - _AROUND) : last + _AROUND]
        wanted = [key for key in near if key not in self._known or key in self._stale]
        if not wanted:
            return
        self._fetching = True

        def arrived(rows: Mapping[Key, Row] | None) -> None:
            self._fetching = False
            if rows is None:
                return
            self._stale.difference_update(wanted)
            for key in wanted:
                if key in rows:
                    self._known[key] = rows[key]
                    self._known.move_to_end(key)
            while len(self._known) > _MOST_KNOWN:
                self._stale.discard(self._known.popitem(last=False)[0])
            self._changed()
            if not rows.keys().isdisjoint(wanted):
                self._fetch_next()

        self._fetch(wanted, arrived)
