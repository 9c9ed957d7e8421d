"""A listing as a person goes through it: its first rows at once, its length and its far end later."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from musicsim_tui.library import tracks

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from sqlite3 import Connection

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.query import Query
    from musicsim_tui.library.records import TrackRow

    Reading = Callable[[CancelToken | None], AbstractContextManager[Connection]]


class TrackListing:
    """The tracks of a query in an order; what changes meanwhile may show or not until the next listing.

    A filter that many tracks meet fills the first page from the beginning of the order; which tracks it meets
    in all is found out only when the total, or a page further down, is asked for. Several threads may use one
    object. Every call raises CatalogError, and Cancelled soon after its token was cancelled.
    """

    def __init__(self, read: Reading, where: Query | None, sort: str, *, descending: bool) -> None:
        """Raises UsageError for an unknown order."""
        self._read = read
        self._where = where if where is not None and where.condition is not None else None
        self._order = tracks.order_by(sort, descending=descending)
        self._keys: array[int] | None = None
        self._total: int | None = None

    @property
    def known_total(self) -> int | None:
        """How many tracks there are in all, once that is known."""
        return self._total

    def total(self, cancel: CancelToken | None = None) -> int:
        """How many tracks there are in all."""
        if self._total is None:
            with self._read(cancel) as db:
                if self._where is None:
                    self._total = tracks.count(db, None)
                else:
                    self._find_all(db, self._where)
        assert self._total is not None
        return self._total

    def rows(self, offset: int, limit: int, cancel: CancelToken | None = None) -> list[TrackRow]:
        """Some rows; fewer at the end, and where tracks have been deleted meanwhile."""
        with self._read(cancel) as db:
            return tracks.track_rows(db, self._keys_of(db, offset, limit))

    def _keys_of(self, db: Connection, offset: int, limit: int) -> list[int]:
        if self._where is None:
            keys = tracks.keys_in_order(db, self._order, offset, limit)
            if len(keys) < limit and (keys or not offset):
                self._total = offset + len(keys)
            return keys
        if self._keys is None:
            glanced = tracks.glance(db, self._where, self._order, offset, limit)
            if glanced is not None:
                return glanced
            self._find_all(db, self._where)
        assert self._keys is not None
        return list(self._keys[offset : offset + limit])

    def _find_all(self, db: Connection, where: Query) -> None:
        self._keys = array("q", tracks.matches_in_order(db, where, self._order))
        self._total = len(self._keys)
