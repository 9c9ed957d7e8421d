"""Remembered folders and files, and settings kept in the library."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from musicsim_tui.library.paths import inside, path_bytes
from musicsim_tui.library.records import Root


def add(db: sqlite3.Connection, path: Path, excludes: Sequence[str] | None, now: float) -> None:
    """Remember a folder or file, or change its excludes, unless a remembered folder covers it."""
    key = path_bytes(path)
    patterns = json.dumps(list(excludes or ()))
    # None keeps what is there.
    change = "UPDATE roots SET excludes = coalesce(?, excludes) WHERE path = ?"
    if db.execute(change, (None if excludes is None else patterns, key)).rowcount:
        return
    others = db.execute("SELECT path, excludes FROM roots").fetchall()
    if not excludes and any(inside(key, other) and json.loads(left_out) == [] for other, left_out in others):
        return
    db.execute("INSERT INTO roots (path, excludes, added) VALUES (?, ?, ?)", (key, patterns, now))


def listed(db: sqlite3.Connection) -> list[Root]:
    """All roots, by path."""
    rows = db.execute("SELECT path, excludes, added, scanned FROM roots ORDER BY path").fetchall()
    return [
        Root(Path(os.fsdecode(path)), tuple(json.loads(excludes)), added, scanned)
        for path, excludes, added, scanned in rows
    ]


def forget(db: sqlite3.Connection, path: Path) -> bool:
    """Whether there was such a root."""
    return db.execute("DELETE FROM roots WHERE path = ?", (path_bytes(path),)).rowcount > 0


def mark_scanned(db: sqlite3.Connection, path: Path, at: float) -> None:
    """Note when a root was last scanned to its end, in Unix seconds."""
    db.execute("UPDATE roots SET scanned = ? WHERE path = ?", (at, path_bytes(path)))


def get_meta(db: sqlite3.Connection, key: str) -> str | None:
    """A setting kept in the library."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(db: sqlite3.Connection, key: str, value: str | None) -> None:
    """Keep a setting in the library; None removes it."""
    if value is None:
        db.execute("DELETE FROM meta WHERE key = ?", (key,))
    else:
        db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
