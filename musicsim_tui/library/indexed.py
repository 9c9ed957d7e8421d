"""Which tracks each index has, and which it must forget.

A target is registered for a model when it is first asked what it lacks. From then on every embedding that is
new or looks different is `pending` for it, and every deleted track leaves a tombstone; what is not pending is
indexed. What the index refuses stays pending, but is not handed out again until it changes. So asking what is
to be done costs as much as there is to do, not as much as there is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from uuid import UUID

from musicsim_tui.library.batches import batches, marks
from musicsim_tui.track import ModelVersion, TrackId

Handed = dict[TrackId, tuple[int, int]]
"""Embedding and revision of the entries that an indexer was given."""


def changed(db: sqlite3.Connection, track: int, model: int | None = None) -> None:
    """The embeddings of a track, or that of one model, have to be indexed again everywhere."""
    where = "e.track = ?" if model is None else "e.track = ? AND e.model = ?"
    keys = (track,) if model is None else (track, model)
    db.execute(f"UPDATE embeddings AS e SET revision = revision + 1 WHERE {where}", keys)
    db.execute(
        "INSERT OR REPLACE INTO pending (target, embedding)"
        f" SELECT g.id, e.id FROM embeddings AS e JOIN targets AS g ON g.model = e.model WHERE {where}",
        keys,
    )


def bury(db: sqlite3.Connection, track: int, uuid: bytes) -> None:
    """Leave a tombstone in every target that may have the track."""
    db.execute(
        "INSERT OR IGNORE INTO tombstones (target, uuid)"
        " SELECT g.id, ? FROM embeddings AS e JOIN targets AS g ON g.model = e.model WHERE e.track = ?",
        (uuid, track),
    )


def revive(db: sqlite3.Connection, uuid: bytes, model: int) -> None:
    """A track is back before its tombstones were acted upon: its new entry replaces the old one."""
    db.execute(
        "DELETE FROM tombstones WHERE uuid = ? AND target IN (SELECT id FROM targets WHERE model = ?)",
        (uuid, model),
    )


def model_key(db: sqlite3.Connection, model: ModelVersion) -> int | None:
    """The key of a model that has heard something."""
    row = db.execute(
        "SELECT id FROM models WHERE name = ? AND version = ? AND dimensions = ?",
        (model.name, model.version, model.dimensions),
    ).fetchone()
    return None if row is None else int(row[0])


def target_key(db: sqlite3.Connection, target: str, model: ModelVersion) -> int | None:
    """The key of a target that is registered for a model."""
    row = db.execute(
        "SELECT g.id FROM targets AS g JOIN models AS m ON m.id = g.model"
        " WHERE g.name = ? AND m.name = ? AND m.version = ? AND m.dimensions = ?",
        (target, model.name, model.version, model.dimensions),
    ).fetchone()
    return None if row is None else int(row[0])


def register(db: sqlite3.Connection, target: str, model: ModelVersion) -> int | None:
    """The target's key, made when new, with everything pending; None for a model that heard nothing."""
    key = target_key(db, target, model)
    heard_by = model_key(db, model)
    if key is not None or heard_by is None:
        return key
    added = db.execute("INSERT INTO targets (name, model) VALUES (?, ?)", (target, heard_by)).lastrowid
    _all_pending(db, added, heard_by)
    return added


def pending(db: sqlite3.Connection, target: int, limit: int) -> list[int]:
    """Embeddings to index, oldest first."""
    rows = db.execute(
        "SELECT embedding FROM pending WHERE target = ? AND refused = 0 ORDER BY embedding LIMIT ?",
        (target, limit),
    ).fetchall()
    return [embedding for (embedding,) in rows]


def pending_count(db: sqlite3.Connection, target: str, model: ModelVersion) -> int:
    """How many embeddings there are to index."""
    key = target_key(db, target, model)
    if key is None:
        return embedded_count(db, model)
    (count,) = db.execute("SELECT count(*) FROM pending WHERE target = ? AND refused = 0", (key,)).fetchone()
    return int(count)


def indexed_count(db: sqlite3.Connection, target: str, model: ModelVersion) -> int:
    """How many embeddings of a model the target has."""
    key = target_key(db, target, model)
    if key is None:
        return 0
    (lacking,) = db.execute("SELECT count(*) FROM pending WHERE target = ?", (key,)).fetchone()
    return embedded_count(db, model) - int(lacking)


def embedded_count(db: sqlite3.Connection, model: ModelVersion) -> int:
    """How many tracks a model has heard."""
    (count,) = db.execute(
        "SELECT count(*) FROM embeddings WHERE model = ?", (model_key(db, model),)
    ).fetchone()
    return int(count)


def mark(db: sqlite3.Connection, target: int, ids: Sequence[TrackId], handed: Handed, model: int) -> None:
    """Take entries off the list, except those that changed since they were handed out."""
    done = [(target, embedding) for embedding in _unchanged(db, ids, handed, model)]
    db.executemany("DELETE FROM pending WHERE target = ? AND embedding = ?", done)


def set_aside(
    db: sqlite3.Connection, target: int, ids: Sequence[TrackId], handed: Handed, model: int
) -> None:
    """Hand out no more what the index refused, until it changes."""
    refused = [(target, embedding) for embedding in _unchanged(db, ids, handed, model)]
    db.executemany("UPDATE pending SET refused = 1 WHERE target = ? AND embedding = ?", refused)


def _unchanged(db: sqlite3.Connection, ids: Sequence[TrackId], handed: Handed, model: int) -> list[int]:
    found = []
    for batch in batches(ids):
        rows = db.execute(
            "SELECT t.uuid, e.id, e.revision FROM tracks AS t CROSS JOIN embeddings AS e ON e.track = t.id"
            f" WHERE t.uuid IN ({marks(batch)}) AND e.model = ?",
            (*(track_id.bytes for track_id in batch), model),
        ).fetchall()
        for uuid, embedding, revision in rows:
            current = (embedding, revision)
            if handed.get(TrackId(UUID(bytes=uuid)), current) == current:
                found.append(embedding)
    return found


def forget(db: sqlite3.Connection, target: int, model: int, ids: Sequence[TrackId] | None) -> None:
    """Put these tracks, or all, on the list again."""
    if ids is None:
        _all_pending(db, target, model)
        return
    for batch in batches(ids):
        db.execute(
            "INSERT OR REPLACE INTO pending (target, embedding)"
            " SELECT ?, e.id FROM tracks AS t CROSS JOIN embeddings AS e ON e.track = t.id"
            f" WHERE e.model = ? AND t.uuid IN ({marks(batch)})",
            (target, model, *(track_id.bytes for track_id in batch)),
        )


def indexed_ids(db: sqlite3.Connection, target: int, model: int) -> set[TrackId]:
    """Tracks that the target has."""
    rows = db.execute(
        "SELECT t.uuid FROM embeddings AS e JOIN tracks AS t ON t.id = e.track WHERE e.model = ?"
        " AND e.id NOT IN (SELECT p.embedding FROM pending AS p WHERE p.target = ?)",
        (model, target),
    ).fetchall()
    return {TrackId(UUID(bytes=uuid)) for (uuid,) in rows}


def which_indexed(db: sqlite3.Connection, target: int, model: int, ids: Sequence[TrackId]) -> list[TrackId]:
    """Those of these tracks that the target has."""
    found: list[TrackId] = []
    for batch in batches(ids):
        rows = db.execute(
            "SELECT t.uuid FROM tracks AS t CROSS JOIN embeddings AS e ON e.track = t.id"
            f" WHERE e.model = ? AND t.uuid IN ({marks(batch)}) AND NOT EXISTS"
            " (SELECT 1 FROM pending AS p WHERE p.target = ? AND p.embedding = e.id)",
            (model, *(track_id.bytes for track_id in batch), target),
        ).fetchall()
        found.extend(TrackId(UUID(bytes=uuid)) for (uuid,) in rows)
    return found


def models_behind(db: sqlite3.Connection, target: str) -> list[ModelVersion]:
    """Models of which a target lacks something, or has something that is to be removed."""
    rows = db.execute(
        "SELECT m.name, m.version, m.dimensions FROM models AS m"
        " LEFT JOIN targets AS g ON g.model = m.id AND g.name = ?"
        " WHERE CASE WHEN g.id IS NULL THEN EXISTS (SELECT 1 FROM embeddings AS e WHERE e.model = m.id)"
        " ELSE EXISTS (SELECT 1 FROM pending AS p WHERE p.target = g.id AND p.refused = 0)"
        " OR EXISTS (SELECT 1 FROM tombstones AS d WHERE d.target = g.id) END"
        " ORDER BY m.name, m.version",
        (target,),
    ).fetchall()
    return [ModelVersion(name, version, dimensions) for name, version, dimensions in rows]


def tombstones(db: sqlite3.Connection, target: int) -> list[TrackId]:
    """Deleted tracks that the target may still have."""
    rows = db.execute("SELECT uuid FROM tombstones WHERE target = ? ORDER BY uuid", (target,)).fetchall()
    return [TrackId(UUID(bytes=uuid)) for (uuid,) in rows]


def clear_tombstones(db: sqlite3.Connection, target: int, ids: Sequence[TrackId]) -> None:
    """Note that the target no longer has these."""
    db.executemany(
        "DELETE FROM tombstones WHERE target = ? AND uuid = ?",
        [(target, track_id.bytes) for track_id in ids],
    )


def _all_pending(db: sqlite3.Connection, target: int | None, model: int) -> None:
    db.execute(
        "INSERT OR REPLACE INTO pending (target, embedding) SELECT ?, id FROM embeddings WHERE model = ?",
        (target, model),
    )
