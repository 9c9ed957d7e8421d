"""What each model has heard, and what it has not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from musicsim_tui.library import indexed
from musicsim_tui.library.batches import marks
from musicsim_tui.library.paths import path_bytes
from musicsim_tui.library.records import HEARD_STAGES, ModelUse
from musicsim_tui.track import ModelVersion, TrackId

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from musicsim_tui.library.records import FileStamp


def covers(stored: int | None, asked: int | None) -> bool:
    """Whether so many windows, None being all, are at least as many as asked for."""
    return stored is None or (asked is not None and stored >= asked)


def ids(db: sqlite3.Connection, model: ModelVersion, coverage: int | None) -> set[TrackId]:
    """Ids of the tracks of which a model has heard at least so many windows."""
    rows = db.execute(
        "SELECT t.uuid, e.coverage FROM embeddings AS e JOIN tracks AS t ON t.id = e.track WHERE e.model = ?",
        (indexed.model_key(db, model),),
    )
    return {TrackId(UUID(bytes=uuid)) for uuid, stored in rows if covers(stored, coverage)}


def is_heard(
    db: sqlite3.Connection, path: Path, stamp: FileStamp, model: ModelVersion, coverage: int | None
) -> bool:
    """Whether a present file is as it was when a model heard at least so many windows of it."""
    row = db.execute(
        "SELECT e.coverage, f.mtime_ns FROM files AS f CROSS JOIN embeddings AS e ON e.track = f.track"
        " WHERE f.path = ? AND f.missing = 0 AND f.size = ? AND e.model = ?",
        (path_bytes(path), stamp.size, indexed.model_key(db, model)),
    ).fetchone()
    return row is not None and int(row[1]) == stamp.mtime_ns and covers(row[0], coverage)


def models(db: sqlite3.Connection) -> list[ModelUse]:
    """Models with at least one embedding, by name and version."""
    rows = db.execute(
        "SELECT m.name, m.version, m.dimensions, count(*), sum(e.windows)"
        " FROM embeddings AS e JOIN models AS m ON m.id = e.model GROUP BY m.id ORDER BY m.name, m.version"
    ).fetchall()
    return [
        ModelUse(ModelVersion(name, version, dimensions), tracks, windows)
        for name, version, dimensions, tracks, windows in rows
    ]


def present_counts(db: sqlite3.Connection) -> dict[ModelVersion, int]:
    """How many tracks with present files each model has heard."""
    rows = db.execute(
        "SELECT m.name, m.version, m.dimensions, count(*) FROM embeddings AS e"
        " JOIN models AS m ON m.id = e.model JOIN tracks AS t ON t.id = e.track"
        " WHERE t.missing = 0 GROUP BY m.id"
    ).fetchall()
    return {ModelVersion(name, version, dimensions): count for name, version, dimensions, count in rows}


def waiting_count(db: sqlite3.Connection, model: ModelVersion) -> int:
    """Tracks that another model has heard, this one has not, and of which a present file has not failed."""
    (count,) = db.execute(
        "SELECT count(*) FROM tracks AS t WHERE t.missing = 0"
        " AND NOT EXISTS (SELECT 1 FROM embeddings AS e WHERE e.track = t.id AND e.model IS ?)"
        " AND EXISTS (SELECT 1 FROM embeddings AS e WHERE e.track = t.id)"
        " AND EXISTS (SELECT 1 FROM files AS f WHERE f.track = t.id AND f.missing = 0"
        f" AND f.path NOT IN (SELECT path FROM failures WHERE stage NOT IN ({marks(HEARD_STAGES)})))",
        (indexed.model_key(db, model), *HEARD_STAGES),
    ).fetchone()
    return int(count)
