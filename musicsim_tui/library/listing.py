"""A listing as a person goes through it: its first rows at once, its length and its far end later."""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING

from musicsim_tui.library import tracks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from sqlite3 import Connection

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.query import Query
    from musicsim_tui.library.records import TrackRow

    Reading = Callable[[CancelToken | None], AbstractContextManager[Connection]]

_LOOKED_AT_FIRST = 2_000
"""Tracks, from the beginning of the order, that are judged before a filter is asked for all it admits."""
_LOOKED_AT_MOST = 12_000
"""And those that are judged for the pages below, where the first ones admitted many."""
_LOOKED_AT_ONCE = (300, 1_700)
_SIFTED_AT_MOST = 8_000
"""Tracks of a wider listing that are judged one by one rather than all there are."""


class TrackListing:
    """The tracks of a query in an order; what changes meanwhile may show or not until the next listing.

    A filter that many tracks meet fills the first pages from the beginning of the order; which tracks it
    admits in all is found out only when a page further down is asked for. Several threads may use one object.
    Every call raises CatalogError, and Cancelled soon after its token was cancelled.
    """

    def __init__(
        self,
        read: Reading,
        where: Query | None,
        sort: str,
        *,
        descending: bool,
        within: TrackListing | None = None,
    ) -> None:
        """Raises UsageError for an unknown order."""
        self._read = read
        self._where = where if where is not None and where.condition is not None else None
        self._order = tracks.order_by(sort, descending=descending)
        self._led_by_index = self._where is not None and self._where.bounds(tracks.SORTS[sort][0])
        self._within = within if within is not None and self._narrows(within) else None
        self._looking = threading.Lock()
        self._found: list[int] = []
        self._looked_at = 0
        self._keys: array[int] | None = None
        self._total: int | None = None

    def _narrows(self, other: TrackListing) -> bool:
        """Whether all the tracks of this one are known to be in the other, in the same order."""
        if self._where is None or other._where is None or other._keys is None or other._order != self._order:
            return False
        return len(other._keys) <= _SIFTED_AT_MOST and self._where.narrows(other._where)

    @property
    def known_total(self) -> int | None:
        """How many tracks there are in all, once that is known."""
        return self._total

    def total(self, cancel: CancelToken | None = None) -> int:
        """How many tracks there are in all."""
        if self._total is None:
            with self._read(cancel) as db:
                self._total = tracks.count(db, self._where)
        return self._total

    def prepare(self, cancel: CancelToken | None = None) -> None:
        """Find all tracks of the query, so that every page comes soon."""
        if self._where is not None and self._keys is None:
            with self._read(cancel) as db:
                self._find_all(db, self._where)

    def rows(self, offset: int, limit: int, cancel: CancelToken | None = None) -> list[TrackRow]:
        """Some rows; fewer at the end, and where tracks have been deleted meanwhile."""
        with self._read(cancel) as db:
            return tracks.track_rows(db, self._keys_of(db, offset, limit))

    def _keys_of(self, db: Connection, offset: int, limit: int) -> list[int]:
        if self._where is None:
            keys = tracks.keys_in_order(db, self._order, offset, limit)
        elif self._keys is not None:
            return list(self._keys[offset : offset + limit])
        elif self._led_by_index:
            keys = tracks.matches_led_by_index(db, self._where, self._order, offset, limit)
        else:
            found: Sequence[int] | None = None
            if self._within is None:
                found = self._glance(db, self._where, offset + limit)
            if found is None:
                found = self._find_all(db, self._where)
            return list(found[offset : offset + limit])
        if len(keys) < limit and (keys or not offset):
            self._total = offset + len(keys)
        return keys

    def _glance(self, db: Connection, where: Query, wanted: int) -> list[int] | None:
        """The first tracks of the query, when a look at the beginning of the order finds so many."""
        if where.speaks_of_missing:
            return None
        with self._looking:
            while len(self._found) < wanted:
                if self._looked_at >= _LOOKED_AT_FIRST and not self._promising(wanted):
                    return None
                many = _LOOKED_AT_ONCE[min(self._looked_at, 1)]
                looked_at, admitted = tracks.matches_among(db, where, self._order, self._looked_at, many)
                self._looked_at += many
                self._found += admitted
                if looked_at < many:
                    self._keys, self._total = array("q", self._found), len(self._found)
                    break
            return self._found

    def _promising(self, wanted: int) -> bool:
        """Whether so many are likely to be among the first tracks, going by those found so far."""
        return self._looked_at * wanted <= len(self._found) * _LOOKED_AT_MOST

    def _find_all(self, db: Connection, where: Query) -> array[int]:
        if self._within is not None and self._within._keys is not None:
            keys = array("q", tracks.sifted(db, where, self._within._keys))
            self._within = None
        else:
            keys = array("q", tracks.matches_in_order(db, where, self._order))
        self._keys, self._total = keys, len(keys)
        return keys
