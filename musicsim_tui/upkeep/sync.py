"""Brings the index in step with the catalog, onto whichever engine is in use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.index import IndexPoint
from musicsim_tui.jobs import CancelToken, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.index.index import Index
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.track import ModelVersion

_BATCH = 256


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
        index.upsert(model, [IndexPoint(entry.track_id, entry.vector, entry.payload) for entry in batch])
        catalog.mark_indexed(index.target, model, [entry.track_id for entry in batch])
        done += len(batch)
        publish(Progress(done, max(missing, done), "tracks"))
        if deadline is not None and time.monotonic() > deadline:
            break
    return done


def reconcile(catalog: Catalog, index: Index, model: ModelVersion, cancel: CancelToken) -> int:
    """Compare the counts of index and catalog; what the index has lost is forgotten, for `push` to bring.

    Returns the number of points lost. A server may hold more: other libraries share its collection.
    """
    believed = catalog.indexed_count(index.target, model)
    if not believed or index.count(model) == believed:
        return 0
    lost = catalog.indexed_ids(index.target, model)
    for track_id in index.ids(model):
        cancel.check()
        lost.discard(track_id)
    if lost:
        catalog.forget_indexed(index.target, model, sorted(lost))
    return len(lost)


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
            reconcile(catalog, index, model, cancel)
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
