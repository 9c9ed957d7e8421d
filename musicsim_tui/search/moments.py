"""Which moments match: the best pair of windows of query and result, and the worst of those side by side."""

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
        score=min(float(cosines[row, column]), 1.0),
    )


def least_alike(query: Embedding, match_windows: HalfVectors, match_starts: Samples) -> float:
    """The least cosine of two windows that start at the same place in both; -1 where none do."""
    _, rows, columns = np.intersect1d(query.starts, match_starts, assume_unique=True, return_indices=True)
    if not len(rows):
        return -1.0
    cosines = np.einsum("ij,ij->i", unit(query.windows[rows]), unit(match_windows[columns]))
    return float(cosines.min())
