"""Files: what is where, since when, and what could not be heard."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from musicsim_tui.library.batches import batches, marks
from musicsim_tui.library.folding import YEAR_UNKNOWN, clean, display_path, fold
from musicsim_tui.library.paths import below, path_bytes
from musicsim_tui.library.records import (
    CHANGING,
    HEARD_STAGES,
    Failure,
    FileRecord,
    FileStamp,
    FileState,
    Flaw,
    KnownFile,
)
from musicsim_tui.library.shown import refresh
from musicsim_tui.track import TrackId

_YEARS = range(1, YEAR_UNKNOWN)
_FITS = range(-(2**63), 2**63)


def known(db: sqlite3.Connection, under: Path) -> dict[bytes, KnownFile]:
    """What is known of the files at or below a path, by path."""
    key = path_bytes(under)
    rows = db.execute(
        "SELECT f.path, f.size, f.mtime_ns, f.missing, t.uuid"
        " FROM files AS f JOIN tracks AS t ON t.id = f.track"
        " WHERE f.path = ? OR (f.path >= ? AND f.path < ?)",
        (key, *below(key)),
    ).fetchall()
    return {
        path: KnownFile(
            FileStamp(size, int(mtime_ns)),
            FileState.MISSING if missing else FileState.PRESENT,
            TrackId(UUID(bytes=uuid)),
        )
        for path, size, mtime_ns, missing, uuid in rows
    }


def sizes(db: sqlite3.Connection) -> set[int]:
    """The sizes in bytes of all files."""
    return {size for (size,) in db.execute("SELECT DISTINCT size FROM files").fetchall()}


def failed(db: sqlite3.Connection, under: Path, *, whole: bool) -> dict[bytes, FileStamp | None]:
    """Stamps of the files at or below a path that could not be heard or are flawed, by path; without `whole`
    only of those of which something is missing."""
    key = path_bytes(under)
    rows = db.execute(
        "SELECT path, size, mtime_ns FROM failures"
        " WHERE (path = ? OR (path >= ? AND path < ?)) AND stage <> ?",
        (key, *below(key), "" if whole else CHANGING),
    ).fetchall()
    return {path: _stamp(size, mtime_ns) for path, size, mtime_ns in rows}


def link(db: sqlite3.Connection, records: Sequence[FileRecord]) -> int:
    """Insert or update files of known tracks, and count them; those of unknown ones are left out. What is
    wrong with a sound goes with it."""
    affected: set[int] = set()
    linked = 0
    for record in records:
        row = db.execute("SELECT id FROM tracks WHERE uuid = ?", (record.track_id.bytes,)).fetchone()
        if row is not None:
            linked += 1
            flaw = _flaw(db, row[0])
            affected |= put(db, record, row[0])
            if flaw is not None:
                record_flaw(db, record, *flaw)
    refresh(db, affected)
    return linked


def _flaw(db: sqlite3.Connection, track: int) -> tuple[Flaw, float] | None:
    """The flaw of a track and when it was found, by any of its files."""
    row = db.execute(
        "SELECT x.stage, x.reason, x.hint, x.at FROM files AS f JOIN failures AS x ON x.path = f.path"
        f" WHERE f.track = ? AND x.stage IN ({marks(HEARD_STAGES)}) ORDER BY f.id",
        (track, *HEARD_STAGES),
    ).fetchone()
    return None if row is None else (Flaw(*row[:3]), row[3])


def record_flaw(db: sqlite3.Connection, record: FileRecord, flaw: Flaw, at: float) -> None:
    """Remember what is wrong with a file that was heard all the same."""
    failure = Failure(record.path, record.stamp, flaw.stage, flaw.reason, flaw.hint, at, attempts=1)
    record_failures(db, [failure])


def put(db: sqlite3.Connection, record: FileRecord, track: int) -> set[int]:
    """Write one file and clear its failure; the tracks whose files changed."""
    path = path_bytes(record.path)
    tags = record.tags
    year = tags.year if tags.year in _YEARS else None
    facts = (
        record.stamp.size,
        _storable(record.stamp.mtime_ns),
        clean(tags.title),
        clean(tags.artist),
        clean(tags.album),
        year,
    )
    affected = {track}
    db.execute("DELETE FROM failures WHERE path = ?", (path,))
    row = db.execute("SELECT id, track FROM files WHERE path = ?", (path,)).fetchone()
    if row is not None and row[1] == track:
        db.execute(
            "UPDATE files SET size = ?, mtime_ns = ?, title = ?, artist = ?, album = ?, year = ?, missing = 0"
            " WHERE id = ?",
            (*facts, row[0]),
        )
        return affected
    if row is not None:
        # Other content under the old name: for its new track, this is the youngest file.
        affected.add(row[1])
        db.execute("DELETE FROM files WHERE id = ?", (row[0],))
    display = display_path(path)
    db.execute(
        "INSERT INTO files (size, mtime_ns, title, artist, album, year, missing, track, path, display,"
        " path_key) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)",
        (*facts, track, path, display, fold(display)),
    )
    return affected


def mark_missing(db: sqlite3.Connection, paths: Sequence[Path]) -> None:
    """Note that files are gone, and what their tracks show without them."""
    affected: set[int] = set()
    for batch in batches([path_bytes(path) for path in paths]):
        rows = db.execute(
            f"SELECT id, track FROM files WHERE missing = 0 AND path IN ({marks(batch)})", batch
        ).fetchall()
        db.executemany("UPDATE files SET missing = 1 WHERE id = ?", [(file,) for file, _ in rows])
        affected.update(track for _, track in rows)
    refresh(db, affected)


def tracks_at(db: sqlite3.Connection, paths: Iterable[Path]) -> dict[bytes, TrackId]:
    """Tracks of the known ones among some files, by path as given."""
    asked = {path_bytes(path): os.fsencode(path) for path in paths}
    found: dict[bytes, TrackId] = {}
    for batch in batches(list(asked)):
        rows = db.execute(
            "SELECT f.path, t.uuid FROM files AS f JOIN tracks AS t ON t.id = f.track"
            f" WHERE f.path IN ({marks(batch)})",
            batch,
        ).fetchall()
        found.update((asked[path], TrackId(UUID(bytes=uuid))) for path, uuid in rows)
    return found


def record_failures(db: sqlite3.Connection, failures: Sequence[Failure]) -> None:
    """Remember failures, counting the attempts."""
    for failure in failures:
        path = path_bytes(failure.path)
        row = db.execute("SELECT attempts FROM failures WHERE path = ?", (path,)).fetchone()
        stamp = failure.stamp
        db.execute(
            "INSERT OR REPLACE INTO failures (path, size, mtime_ns, stage, reason, hint, at, attempts)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                path,
                None if stamp is None else stamp.size,
                None if stamp is None else _storable(stamp.mtime_ns),
                clean(failure.stage),
                clean(failure.reason),
                clean(failure.hint),
                failure.at,
                1 if row is None else row[0] + 1,
            ),
        )


def listed_failures(db: sqlite3.Connection) -> list[Failure]:
    """All failures, by path."""
    rows = db.execute(
        "SELECT path, size, mtime_ns, stage, reason, hint, at, attempts FROM failures ORDER BY path"
    ).fetchall()
    return [
        Failure(Path(os.fsdecode(path)), _stamp(size, mtime_ns), stage, reason, hint, at, attempts)
        for path, size, mtime_ns, stage, reason, hint, at, attempts in rows
    ]


def clear_failures(db: sqlite3.Connection, paths: Sequence[Path] | None) -> int:
    """Forget the failures of some files, or all; how many there were."""
    if paths is None:
        return db.execute("DELETE FROM failures").rowcount
    cleared = 0
    for batch in batches([path_bytes(path) for path in paths]):
        cleared += db.execute(f"DELETE FROM failures WHERE path IN ({marks(batch)})", batch).rowcount
    return cleared


def _stamp(size: int | None, mtime_ns: int | str | None) -> FileStamp | None:
    return None if size is None or mtime_ns is None else FileStamp(size, int(mtime_ns))


def _storable(mtime_ns: int) -> int | str:
    """Some file systems report times outside 64 bits, which are kept as text."""
    return mtime_ns if mtime_ns in _FITS else str(mtime_ns)
