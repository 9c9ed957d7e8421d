"""Search without an index: the cosine with every vector of the catalog."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from musicsim_tui.search.vectors import cosines, unit
from musicsim_tui.track import Hit

if TYPE_CHECKING:
    from musicsim_tui.index.index import SearchParams
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.track import ModelVersion, Vectors


def search_catalog(
    catalog: Catalog, model: ModelVersion, vector: Vectors, params: SearchParams, cancel: CancelToken
) -> list[Hit]:
    """The nearest tracks, best first, streamed through memory in batches."""
    query = unit(vector)
    best: list[tuple[float, bytes, Hit]] = []
    for ids, means in catalog.means(model):
        cancel.check()
        scores = cosines(means, query)
        for track_id, score in zip(ids, scores.tolist(), strict=True):
            if len(best) >= params.limit and score <= best[0][0]:
                continue
            if track_id in params.exclude or (params.include is not None and track_id not in params.include):
                continue
            entry = (score, track_id.bytes, Hit(track_id, score))
            if len(best) < params.limit:
                heapq.heappush(best, entry)
            elif best:
                heapq.heapreplace(best, entry)
    return [hit for _, _, hit in sorted(best, reverse=True)]
