"""From a seed to ranked tracks with likeness, matching moments and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.index import SearchParams
from musicsim_tui.search.apart import set_apart
from musicsim_tui.search.likeness import likeness_scale
from musicsim_tui.search.moments import best_moment, least_alike
from musicsim_tui.search.ranking import Wanted, rank_by_catalog, rank_by_index
from musicsim_tui.search.reasons import shared_sounds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from musicsim_tui.index.index import Index
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.query import Query
    from musicsim_tui.search.seed import Seed
    from musicsim_tui.track import Hit, Moment, Reason, Track, TrackId

_REENCODED_WITHIN_SECONDS = 0.5
"""Encoders add and take away a few frames, no more."""
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
    """One result. `score` is the cosine of the track vectors, `likeness` 0 to 100 on this library's scale;
    `apart` is what sets it apart from the query in a word or two, empty where nothing does clearly."""

    rank: int
    track: Track
    score: float
    likeness: int
    same_recording: bool
    moment: Moment | None
    reasons: tuple[Reason, ...]
    apart: str


class Similarity:
    """Searches one library with one model. `index` is None where another process holds it.

    The same recording are two tracks of one length whose windows at the same places all reach
    `same_recording_cosine`: an ensemble that plays another piece in the same way matches the mean of the
    first, hardly ever every moment of it. An index that fails is told to `index_failed`, and the catalog
    answers.
    """

    def __init__(
        self,
        catalog: Catalog,
        index: Index | None,
        same_recording_cosine: float,
        index_failed: Callable[[IndexFailure], None] = lambda _: None,
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._same_recording_cosine = same_recording_cosine
        self._index_failed = index_failed

    def search(self, seed: Seed, request: SearchRequest, cancel: CancelToken) -> list[Match]:
        """Tracks most like the seed, never the seed's own recording. Raises Cancelled."""
        if request.limit < 1:
            return []
        hits = self._rank(seed, request, cancel)
        cancel.check()
        return self._explain(seed, hits)

    def _rank(self, seed: Seed, request: SearchRequest, cancel: CancelToken) -> list[Hit]:
        params = SearchParams(limit=request.limit, exact=request.exact, ef=request.ef)
        wanted = Wanted(seed.embedding.model, seed.embedding.mean, seed.track_id, request.where, params)
        hits = None
        if self._index is not None:
            try:
                hits = rank_by_index(self._catalog, self._index, wanted, cancel)
            except IndexFailure as failure:
                self._index_failed(failure)
        return rank_by_catalog(self._catalog, wanted, cancel) if hits is None else hits

    def _explain(self, seed: Seed, hits: Sequence[Hit]) -> list[Match]:
        model = seed.embedding.model
        ids = [hit.id for hit in hits]
        scale = likeness_scale(self._catalog, model, self._same_recording_cosine)
        rows = self._catalog.tracks_by_id(ids)
        sounds = self._catalog.sounds(ids, model)
        apart = set_apart(self._catalog, seed, sounds, ids)
        moments: dict[TrackId, Moment | None] = {}
        alike: dict[TrackId, float] = {}
        for first in range(0, len(ids), _WINDOW_READ):
            for track_id, (windows, starts) in self._catalog.windows(
                ids[first : first + _WINDOW_READ], model
            ).items():
                moments[track_id] = best_moment(seed.embedding, windows, starts)
                alike[track_id] = least_alike(seed.embedding, windows, starts)
        return [
            Match(
                rank=rank,
                track=rows[hit.id].track,
                score=min(hit.score, 1.0),
                likeness=scale.likeness(hit.score),
                same_recording=alike.get(hit.id, -1.0) >= self._same_recording_cosine
                and abs(rows[hit.id].track.duration - seed.duration) < _REENCODED_WITHIN_SECONDS,
                moment=moments.get(hit.id),
                reasons=shared_sounds(seed.sounds, sounds.get(hit.id, ())),
                apart=apart.get(hit.id, ""),
            )
            for rank, hit in enumerate(hits, start=1)
            if hit.id in rows
        ]
