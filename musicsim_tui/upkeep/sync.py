"""Brings the index in step with the catalog, onto whichever engine is in use."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.index import IndexPoint, SearchParams
from musicsim_tui.index.points import has_direction
from musicsim_tui.jobs import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.index.index import Index
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.records import IndexEntry
    from musicsim_tui.track import ModelVersion

_BATCH = 256
_REMOVED_AT_ONCE = 1_000
_SAMPLE = 32

_log = logging.getLogger(__name__)


def push(
    catalog: Catalog,
    index: Index,
    model: ModelVersion,
    cancel: CancelToken,
    *,
    seconds: float | None = None,
    publish: Callable[[Progress], None] = lambda _: None,
) -> int:
    """Index what the catalog has and the index lacks, and remove what was pruned; returns the points written.

    Each batch is marked after the index has it, so stopping anywhere loses nothing. Stops after `seconds`.
    A vector that no index can take is set aside.
    Raises IndexFailure, Cancelled.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    _remove_pruned(catalog, index, model)
    missing = catalog.unindexed_count(index.target, model)
    if not missing:
        return 0
    index.ensure(model)
    done = 0
    while batch := catalog.unindexed(index.target, model, _BATCH):
        cancel.check()
        batch = _usable(catalog, index, model, batch)
        index.upsert(model, [IndexPoint(entry.track_id, entry.vector, entry.payload) for entry in batch])
        catalog.mark_indexed(index.target, model, [entry.track_id for entry in batch])
        done += len(batch)
        publish(Progress(done, max(missing, done), "tracks"))
        if deadline is not None and time.monotonic() > deadline:
            break
    return done


def _usable(catalog: Catalog, index: Index, model: ModelVersion, batch: list[IndexEntry]) -> list[IndexEntry]:
    refused = [entry.track_id for entry in batch if not has_direction(entry.vector)]
    if not refused:
        return batch
    _log.warning("not indexed, their %s vectors have no direction: %s", model, ", ".join(map(str, refused)))
    catalog.set_aside(index.target, model, refused)
    return [entry for entry in batch if entry.track_id not in refused]


def reconcile(
    catalog: Catalog, index: Index, model: ModelVersion, cancel: CancelToken, *, own: bool = False
) -> int:
    """Compare the index with what the catalog believes of it; what it has lost is left for `push` to bring.

    Returns the number of points lost. A server may hold more: other libraries share its collection, and a
    sample of our points speaks for them all. In an index that is its library's `own`, what the catalog does
    not know is removed. Raises IndexFailure, Cancelled.
    """
    found, believed = index.count(model), catalog.indexed_count(index.target, model)
    if own and found > believed:
        _remove_strangers(catalog, index, model, cancel)
        found = index.count(model)
    if not believed or found == believed or (found > believed and _sample_is_there(catalog, index, model)):
        return 0
    lost = catalog.indexed_ids(index.target, model)
    for track_id in index.ids(model):
        cancel.check()
        lost.discard(track_id)
    if lost:
        catalog.forget_indexed(index.target, model, sorted(lost))
    return len(lost)


def _sample_is_there(catalog: Catalog, index: Index, model: ModelVersion) -> bool:
    """Whether the index has each of a few points that it should have."""
    heard = catalog.sample_ids(model, _SAMPLE, seed=random.randrange(2**31))
    sample = catalog.which_indexed(index.target, model, heard)
    if not sample:
        return True
    anything = np.ones(model.dimensions, dtype=np.float32)
    hits = index.search(model, anything, SearchParams(len(sample), exact=True, include=frozenset(sample)))
    return {hit.id for hit in hits} == set(sample)


def _remove_strangers(catalog: Catalog, index: Index, model: ModelVersion, cancel: CancelToken) -> None:
    """Remove points of tracks that the catalog does not have."""
    # The index is read first: a track in it is in the catalog before.
    there = list(index.ids(model))
    heard = catalog.embedded_ids(model, 0)
    strangers = [track_id for track_id in there if track_id not in heard]
    for first in range(0, len(strangers), _REMOVED_AT_ONCE):
        cancel.check()
        index.delete(model, strangers[first : first + _REMOVED_AT_ONCE])


def rebuild(
    catalog: Catalog,
    index: Index,
    model: ModelVersion,
    cancel: CancelToken,
    *,
    drop: bool,
    publish: Callable[[Progress], None] = lambda _: None,
) -> int:
    """Write the whole index again from the catalog; returns the final number of the library's points.

    An interrupted rebuild goes on where it stopped, or starts over where what it left cannot be used. `drop`
    removes the collection first: right for an index of one's own, wrong on a server where other libraries may
    share it. Raises IndexFailure when the index holds fewer points than it was given, Cancelled.
    """
    key = f"rebuilding:{index.target}:{model.name}:{model.version}"
    if catalog.get_meta(key) is not None and catalog.unindexed_count(index.target, model):
        try:
            reconcile(catalog, index, model, cancel, own=drop)
            return _complete(catalog, index, model, cancel, key, publish)
        except IndexFailure:
            if not drop:
                raise
    if drop:
        index.drop(model)
    catalog.forget_indexed(index.target, model)
    catalog.set_meta(key, "1")
    return _complete(catalog, index, model, cancel, key, publish)


def _complete(
    catalog: Catalog,
    index: Index,
    model: ModelVersion,
    cancel: CancelToken,
    key: str,
    publish: Callable[[Progress], None],
) -> int:
    index.ensure(model)
    push(catalog, index, model, cancel, publish=publish)
    expected, found = catalog.indexed_count(index.target, model), index.count(model)
    if found < expected:
        raise IndexFailure(
            f"The index holds {found} points after {expected} were written.",
            "Check the disk or the server, then run musicsim-tui index rebuild again.",
        )
    catalog.set_meta(key, None)
    return expected


def _remove_pruned(catalog: Catalog, index: Index, model: ModelVersion) -> None:
    pruned = catalog.tombstones(index.target, model)
    if pruned:
        index.delete(model, pruned)
        catalog.clear_tombstones(index.target, model, pruned)
