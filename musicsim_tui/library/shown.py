"""What a track shows of its files, kept up to date in its own row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b

from musicsim_tui.library.folding import YEAR_UNKNOWN, order_key, shown_title
from musicsim_tui.library.indexed import changed


def refresh(db: sqlite3.Connection, tracks: Iterable[int]) -> None:
    """Bring tracks in line with their files; those that look different now have to be indexed again.

    A track shows the tags of the file that has been known longest among those present. When all are gone it
    keeps showing what it showed last.
    """
    for track in tracks:
        _refresh(db, track)


def _refresh(db: sqlite3.Connection, track: int) -> None:
    files = db.execute(
        "SELECT path, missing, title, artist, album, year FROM files WHERE track = ? ORDER BY missing, id",
        (track,),
    ).fetchall()
    duration, was_missing, was_described = db.execute(
        "SELECT duration, missing, described FROM tracks WHERE id = ?", (track,)
    ).fetchone()
    missing = not any(file[1] == 0 for file in files)
    if not files:
        db.execute("UPDATE tracks SET missing = 1 WHERE id = ?", (track,))
        return
    path, _, title, artist, album, year = files[0]
    shown = shown_title(title, path)
    paths = [file[0] for file in files if missing or not file[1]]
    described = blake2b(repr((shown, artist, album, year, duration, paths)).encode(), digest_size=8).digest()
    if described != was_described:
        db.execute(
            "UPDATE tracks SET missing = ?, title = ?, artist = ?, album = ?, year = ?, shown_title = ?,"
            " title_order = ?, artist_order = ?, album_order = ?, year_order = ?, described = ? WHERE id = ?",
            (
                missing,
                title,
                artist,
                album,
                year,
                shown,
                order_key(shown, artist, album),
                order_key(artist, album, shown),
                order_key(album, artist, shown),
                YEAR_UNKNOWN if year is None else year,
                described,
                track,
            ),
        )
        changed(db, track)
    elif missing != was_missing:
        db.execute("UPDATE tracks SET missing = ? WHERE id = ?", (missing, track))
