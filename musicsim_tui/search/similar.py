"""From a seed to ranked tracks with likeness, matching moments and reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from musicsim_tui.index.index import SearchParams
from musicsim_tui.search.exact import search_catalog
from musicsim_tui.search.likeness import likeness_scale
from musicsim_tui.search.moments import best_moment
from musicsim_tui.search.reasons import shared_sounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.index.index import Index
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.query import Query
    from musicsim_tui.search.seed import Seed
    from musicsim_tui.track import Hit, Moment, Reason, Track, TrackId

MOST_FILTER_IDS = 10_000
"""A larger set of ids is not sent to the index: it fetches more and the rest is sifted here."""
_WINDOW_READ = 64


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """How to search. Tracks whose files are gone are left out unless `where` asks for them."""

    limit: int = 10
    where: Query | None = None
    exact: bool = False
    ef: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One result. `score` is the cosine of the track vectors, `likeness` 0 to 100 on this library's scale."""

    rank: int
    track: Track
    score: float
    likeness: int
    same_recording: bool
    moment: Moment | None
    reasons: tuple[Reason, ...]


class Similarity:
    """Searches one library with one model. `index` is None where another process holds it."""

    def __init__(self, catalog: Catalog, index: Index | None, same_recording_cosine: float) -> None:
        self._catalog = catalog
        self._index = index
        self._same_recording_cosine = same_recording_cosine

    def search(self, seed: Seed, request: SearchRequest, cancel: CancelToken) -> list[Match]:
        """Tracks most like the seed, never the seed's own recording. Raises IndexFailure, Cancelled."""
        if request.limit < 1:
            return []
        hits = self._rank(seed, request, cancel)
        cancel.check()
        return self._explain(seed, hits)

    def _rank(self, seed: Seed, request: SearchRequest, cancel: CancelToken) -> list[Hit]:
        model, vector = seed.embedding.model, seed.embedding.mean
        admitted, banned = self._sieve(seed, request)
        params = SearchParams(limit=request.limit, exact=request.exact, ef=request.ef)
        small_include = admitted is not None and len(admitted) <= MOST_FILTER_IDS
        small_exclude = len(banned) <= MOST_FILTER_IDS
        index = self._index
        if index is None or self._catalog.unindexed_count(index.target, model):
            params = replace(params, include=admitted, exclude=banned)
            return search_catalog(self._catalog, model, vector, params, cancel)
        params = replace(
            params,
            include=admitted if small_include else None,
            exclude=banned if small_exclude else frozenset({seed.track_id}),
        )
        while True:
            cancel.check()
            hits = index.search(model, vector, params)
            good = [hit for hit in hits if hit.id not in banned and (admitted is None or hit.id in admitted)]
            known = self._catalog.tracks_by_id([hit.id for hit in good])
            good = [hit for hit in good if hit.id in known]
            if len(good) >= request.limit or len(hits) < params.limit:
                return good[: request.limit]
            params = replace(params, limit=4 * params.limit)

    def _sieve(
        self, seed: Seed, request: SearchRequest
    ) -> tuple[frozenset[TrackId] | None, frozenset[TrackId]]:
        """The ids a filter admits, None for all; and the ids that are never results."""
        if request.where is None:
            return None, frozenset({seed.track_id, *self._catalog.missing_ids()})
        admitted = frozenset(self._catalog.matching_ids(request.where)) - {seed.track_id}
        return admitted, frozenset({seed.track_id})

    def _explain(self, seed: Seed, hits: Sequence[Hit]) -> list[Match]:
        model = seed.embedding.model
        ids = [hit.id for hit in hits]
        scale = likeness_scale(self._catalog, model, self._same_recording_cosine)
        rows = self._catalog.tracks_by_id(ids)
        sounds = self._catalog.sounds(ids, model)
        moments: dict[TrackId, Moment | None] = {}
        for first in range(0, len(ids), _WINDOW_READ):
            for track_id, (windows, starts) in self._catalog.windows(
                ids[first : first + _WINDOW_READ], model
            ).items():
                moments[track_id] = best_moment(seed.embedding, windows, starts)
        return [
            Match(
                rank=rank,
                track=rows[hit.id].track,
                score=hit.score,
                likeness=scale.likeness(hit.score),
                same_recording=hit.score >= self._same_recording_cosine,
                moment=moments.get(hit.id),
                reasons=shared_sounds(seed.sounds, sounds.get(hit.id, ())),
            )
            for rank, hit in enumerate(hits, start=1)
            if hit.id in rows
        ]
