"""The listings of a filter that is being typed: those made a moment ago answer again, and narrow the next."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.listing import TrackListing
    from musicsim_tui.library.query import Query

_KEPT = 24
SORTS = frozenset({"artist", "title", "album", "len", "added", "year"})
"""The orders there are."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Which tracks the table shows, and in which order."""

    filter: str = ""
    sort: str = "artist"
    descending: bool = False


class Listings:
    """Belongs to the UI thread. Forget them when the library has changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Listing, TrackListing] = OrderedDict()

    def forget(self) -> None:
        self._kept.clear()

    def get(self, catalog: Catalog, listing: Listing, query: Query) -> TrackListing:
        """The listing of a filter, which `query` is. Raises UsageError for an unknown order."""
        found = self._kept.get(listing)
        if found is None:
            latest = next(reversed(self._kept.values()), None)
            found = catalog.listing(query, sort=listing.sort, descending=listing.descending, within=latest)
        self._kept[listing] = found
        self._kept.move_to_end(listing)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found
