"""The tracks nearest to a vector, from the index where it can answer and from the catalog where it cannot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from musicsim_tui.index.index import SearchParams
from musicsim_tui.search.exact import search_catalog
from musicsim_tui.search.vectors import cosines, unit
from musicsim_tui.track import Hit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.index.index import Index
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.query import Query
    from musicsim_tui.track import ModelVersion, TrackId, Vectors

MOST_FILTER_IDS = 10_000
"""A larger set of ids is not sent to the index: it fetches more and the rest is sifted here."""
MOST_PENDING = 5_000
"""With more tracks missing from the index the catalog answers."""
MOST_CANDIDATES = 2_000
"""A filter that would need more hits than this to be sifted is answered by the ids it admits."""
FEW_IDS = 1_000
"""A filter that admits no more is answered by these ids at once, where it is soon known to admit more."""
_SPARE = 8
_FIRST_CANDIDATES = 64
_ENOUGH_TO_TELL = 512
_PENDING_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: tracks near `vector`, shape (dimensions,), that `where` admits, never `but`."""

    model: ModelVersion
    vector: Vectors
    but: TrackId
    where: Query | None
    params: SearchParams


def rank_by_catalog(catalog: Catalog, wanted: Wanted, cancel: CancelToken) -> list[Hit]:
    """The best hits, best first, compared with every vector of the catalog. Raises Cancelled."""
    exclude = {wanted.but}
    include = None
    if wanted.where is None:
        exclude.update(catalog.missing_ids())
    else:
        include = frozenset(catalog.matching_ids(wanted.where))
    params = replace(wanted.params, include=include, exclude=frozenset(exclude))
    return search_catalog(catalog, wanted.model, wanted.vector, params, cancel)


def rank_by_index(catalog: Catalog, index: Index, wanted: Wanted, cancel: CancelToken) -> list[Hit] | None:
    """The best hits, best first; None when the index lacks too much. Raises IndexFailure, Cancelled."""
    pending = catalog.pending_means(index.target, wanted.model, MOST_PENDING)
    if pending is None:
        return None
    ids, means = pending
    scores = cosines(means, unit(wanted.vector))
    newer = {track_id: Hit(track_id, float(score)) for track_id, score in zip(ids, scores, strict=True)}
    found = _Sieve(catalog, index, wanted, frozenset(newer), cancel).best()
    found += _best_pending(catalog, wanted, sorted(newer.values(), key=lambda hit: -hit.score))
    return sorted(found, key=lambda hit: -hit.score)[: wanted.params.limit]


def _best_pending(catalog: Catalog, wanted: Wanted, hits: Sequence[Hit]) -> list[Hit]:
    good: list[Hit] = []
    for first in range(0, len(hits), _PENDING_AT_ONCE):
        some = hits[first : first + _PENDING_AT_ONCE]
        admitted = catalog.which_match([hit.id for hit in some], wanted.where)
        good += [hit for hit in some if hit.id in admitted and hit.id != wanted.but]
        if len(good) >= wanted.params.limit:
            break
    return good


class _Sieve:
    """Asks the index for more hits than are wanted and keeps those that the filter admits."""

    def __init__(
        self,
        catalog: Catalog,
        index: Index,
        wanted: Wanted,
        stale: frozenset[TrackId],
        cancel: CancelToken,
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._wanted = wanted
        self._stale = stale
        self._cancel = cancel
        self._judged: dict[TrackId, bool] = {}
        self._asked_all = False

    def best(self) -> list[Hit]:
        where, limit = self._wanted.where, self._wanted.params.limit
        few = self._admitted(FEW_IDS) if where is not None and where.is_streamed else None
        if few is not None:
            return self._among(few)
        size = limit + _SPARE if where is None else max(_FIRST_CANDIDATES, 4 * limit)
        while True:
            hits = self._search(replace(self._wanted.params, limit=size))
            good = self._sifted(hits)
            if len(good) >= limit or len(hits) < size:
                return good[:limit]
            needed = 2 * limit * size // max(1, len(good))
            if self._filter_is_narrow(size, needed if good else None):
                self._asked_all = True
                matching = self._admitted(MOST_FILTER_IDS)
                if matching is not None:
                    return self._among(matching)
            size = max(8 * size, min(needed, MOST_CANDIDATES))

    def _admitted(self, at_most: int) -> frozenset[TrackId] | None:
        """The tracks that the filter admits, None when there are more."""
        matching = self._catalog.matching_ids(self._wanted.where, at_most + 1)
        return frozenset(matching) if len(matching) <= at_most else None

    def _filter_is_narrow(self, size: int, needed: int | None) -> bool:
        """Whether asking the filter for all it admits promises more than sifting ever more hits."""
        if self._wanted.where is None or self._asked_all:
            return False
        return needed is None or (size >= _ENOUGH_TO_TELL and needed > MOST_CANDIDATES)

    def _among(self, matching: frozenset[TrackId]) -> list[Hit]:
        include = matching - self._stale - {self._wanted.but}
        return self._search(replace(self._wanted.params, include=include)) if include else []

    def _search(self, params: SearchParams) -> list[Hit]:
        self._cancel.check()
        return self._index.search(self._wanted.model, self._wanted.vector, params)

    def _sifted(self, hits: Sequence[Hit]) -> list[Hit]:
        unjudged = [hit.id for hit in hits if hit.id not in self._judged]
        admitted = self._catalog.which_match(unjudged, self._wanted.where)
        self._judged.update((track_id, track_id in admitted) for track_id in unjudged)
        return [
            hit
            for hit in hits
            if self._judged[hit.id] and hit.id not in self._stale and hit.id != self._wanted.but
        ]
