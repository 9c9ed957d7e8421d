"""Likeness: a cosine put on a scale that the library itself gives."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.errors import CatalogError
from musicsim_tui.search.vectors import unit

if TYPE_CHECKING:
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.track import ModelVersion

_SAMPLE_TRACKS = 200
_GROWTH_BEFORE_RESAMPLING = 1.2
_NARROWEST_SCALE = 1e-3


@dataclass(frozen=True, slots=True)
class LikenessScale:
    """`zero` is the cosine of the median pair of tracks, `hundred` that of the median pair of windows of one
    track, both sampled from the library; linear between."""

    zero: float
    hundred: float

    def likeness(self, score: float) -> int:
        """A cosine as 0 to 100."""
        share = (score - self.zero) / max(self.hundred - self.zero, _NARROWEST_SCALE)
        return round(100 * min(1.0, max(0.0, share)))


def likeness_scale(catalog: Catalog, model: ModelVersion, fallback_hundred: float) -> LikenessScale:
    """The scale of this library, kept in the catalog until the library has grown or shrunk by a fifth.

    `fallback_hundred` stands in where no track has two windows.
    """
    key = f"likeness:{model.name}:{model.version}"
    tracks = catalog.embedded_count(model)
    stored = catalog.get_meta(key)
    if stored is not None:
        kept = json.loads(stored)
        if max(tracks, kept["tracks"]) <= _GROWTH_BEFORE_RESAMPLING * max(1, min(tracks, kept["tracks"])):
            return LikenessScale(kept["zero"], kept["hundred"])
    scale = _sample_scale(catalog, model, fallback_hundred)
    with contextlib.suppress(CatalogError):  # a full disk costs the next search some milliseconds, no more
        catalog.set_meta(key, json.dumps({"tracks": tracks, "zero": scale.zero, "hundred": scale.hundred}))
    return scale


def _sample_scale(catalog: Catalog, model: ModelVersion, fallback_hundred: float) -> LikenessScale:
    ids = catalog.sample_ids(model, _SAMPLE_TRACKS)
    means: list[np.ndarray] = []
    within: list[np.ndarray] = []
    for track_id in ids:
        windows, _ = catalog.windows([track_id], model)[track_id]
        rows = windows.astype(np.float32)
        means.append(rows.mean(axis=0))
        if len(rows) > 1:
            within.append(_pair_cosines(rows[:_SAMPLE_TRACKS]))
    hundred = float(np.median([np.median(pairs) for pairs in within])) if within else fallback_hundred
    zero = float(np.median(_pair_cosines(np.stack(means)))) if len(means) > 1 else 0.0
    return LikenessScale(zero, max(hundred, zero + _NARROWEST_SCALE))


def _pair_cosines(rows: np.ndarray) -> np.ndarray:
    directions = unit(rows)
    return np.asarray((directions @ directions.T)[np.triu_indices(len(rows), k=1)])
