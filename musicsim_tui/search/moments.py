"""Which moment matches: the best pair of windows of query and result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.search.vectors import unit
from musicsim_tui.track import Moment

if TYPE_CHECKING:
    from musicsim_tui.track import Embedding, HalfVectors, Samples


def best_moment(query: Embedding, match_windows: HalfVectors, match_starts: Samples) -> Moment | None:
    """The two windows of highest cosine, the earliest such pair; None when a side has no windows."""
    if not len(query.windows) or not len(match_windows):
        return None
    cosines = unit(query.windows) @ unit(match_windows).T
    row, column = np.unravel_index(int(np.argmax(cosines)), cosines.shape)
    return Moment(
        query_start=float(query.starts[row]),
        match_start=float(match_starts[column]),
        score=float(cosines[row, column]),
    )
