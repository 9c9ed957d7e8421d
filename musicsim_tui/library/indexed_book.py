"""The part of the catalog that keeps account of what each index has."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from musicsim_tui.library import embeddings, indexed

if TYPE_CHECKING:
    from musicsim_tui.library.connection import Connections
    from musicsim_tui.library.records import IndexEntry
    from musicsim_tui.track import HalfVectors, ModelVersion, TrackId


class IndexedBook:
    """What each index has of each model; an index is named by its `target`."""

    def __init__(self, connections: Connections) -> None:
        self._read = connections.read
        self._write = connections.write
        self._handed: dict[tuple[str, ModelVersion], indexed.Handed] = {}
        self._handed_lock = threading.Lock()

    def unindexed(self, target: str, model: ModelVersion, limit: int = 256) -> list[IndexEntry]:
        """Tracks that are new to an index, or look different from what it has; oldest first.

        The first call for a target remembers it: from then on, deleted tracks leave tombstones for it.
        """
        with self._read() as db:
            key = indexed.target_key(db, target, model)
        if key is None:
            with self._write() as db:
                key = indexed.register(db, target, model)
        if key is None:
            return []
        with self._read() as db:
            found = embeddings.entries(db, indexed.pending(db, key, limit), model.dimensions)
        with self._handed_lock:
            self._handed.setdefault((target, model), {}).update({e.track_id: state for e, state in found})
        return [entry for entry, _ in found]

    def unindexed_count(self, target: str, model: ModelVersion) -> int:
        """How many tracks `unindexed` has to hand out."""
        with self._read() as db:
            return indexed.pending_count(db, target, model)

    def pending_means(
        self, target: str, model: ModelVersion, limit: int
    ) -> tuple[list[TrackId], HalfVectors] | None:
        """What an index lacks, or has otherwise: ids and means, shape (n, dimensions), float16.

        None when that is more than `limit`.
        """
        with self._read() as db:
            if indexed.pending_count(db, target, model) > limit:
                return None
            key = indexed.target_key(db, target, model)
            return embeddings.means_of(db, model, None if key is None else indexed.pending(db, key, limit))

    def mark_indexed(self, target: str, model: ModelVersion, ids: Sequence[TrackId]) -> None:
        """Note that an index has these tracks, but for those changed since `unindexed` handed them out."""
        self._settle(indexed.mark, target, model, ids)

    def set_aside(self, target: str, model: ModelVersion, ids: Sequence[TrackId]) -> None:
        """Note that an index cannot take these tracks: `unindexed` passes over them until they change."""
        self._settle(indexed.set_aside, target, model, ids)

    def _settle(
        self,
        step: Callable[[sqlite3.Connection, int, Sequence[TrackId], indexed.Handed, int], None],
        target: str,
        model: ModelVersion,
        ids: Sequence[TrackId],
    ) -> None:
        with self._handed_lock:
            handed = self._handed.get((target, model), {})
            states = {track_id: handed.pop(track_id) for track_id in ids if track_id in handed}
        with self._write() as db:
            key, heard_by = indexed.register(db, target, model), indexed.model_key(db, model)
            if key is not None and heard_by is not None:
                step(db, key, ids, states, heard_by)

    def forget_indexed(self, target: str, model: ModelVersion, ids: Sequence[TrackId] | None = None) -> None:
        """Note that an index does not have these tracks, or none at all."""
        with self._write() as db:
            key, heard_by = indexed.target_key(db, target, model), indexed.model_key(db, model)
            if key is not None and heard_by is not None:
                indexed.forget(db, key, heard_by, ids)

    def indexed_count(self, target: str, model: ModelVersion) -> int:
        """Tracks that an index has, as far as is known."""
        with self._read() as db:
            return indexed.indexed_count(db, target, model)

    def indexed_ids(self, target: str, model: ModelVersion) -> set[TrackId]:
        with self._read() as db:
            key, heard_by = indexed.target_key(db, target, model), indexed.model_key(db, model)
            return set() if key is None or heard_by is None else indexed.indexed_ids(db, key, heard_by)

    def which_indexed(self, target: str, model: ModelVersion, ids: Sequence[TrackId]) -> list[TrackId]:
        """Those of these tracks that an index has, as far as is known."""
        with self._read() as db:
            key, heard_by = indexed.target_key(db, target, model), indexed.model_key(db, model)
            return [] if key is None or heard_by is None else indexed.which_indexed(db, key, heard_by, ids)

    def models_behind(self, target: str) -> list[ModelVersion]:
        """Models of which an index lacks something, or has something that was deleted; a cheap question."""
        with self._read() as db:
            return indexed.models_behind(db, target)

    def tombstones(self, target: str, model: ModelVersion) -> list[TrackId]:
        """Deleted tracks that an index may still have."""
        with self._read() as db:
            key = indexed.target_key(db, target, model)
            return [] if key is None else indexed.tombstones(db, key)

    def clear_tombstones(self, target: str, model: ModelVersion, ids: Sequence[TrackId]) -> None:
        with self._write() as db:
            key = indexed.target_key(db, target, model)
            if key is not None:
                indexed.clear_tombstones(db, key, ids)
