"""The catalog's tables, and the steps that bring an older file up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from musicsim_tui.errors import CatalogError

APPLICATION_ID = int.from_bytes(b"msim")
"""Marks the file as a catalog (`PRAGMA application_id`)."""

# Large values have tables of their own: a listing reads no blob, a scan of all means reads no windows.
# `embeddings.revision` grows with every change an index has to follow; `pending` is what it has not followed.
# `mtime_ns` has no type: a file system may report times beyond 64 bits, which are kept as text.
_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE roots (
        id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, excludes TEXT NOT NULL,
        added REAL NOT NULL, scanned REAL
    )""",
    """CREATE TABLE tracks (
        id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, duration REAL NOT NULL, loudness REAL,
        added REAL NOT NULL, missing INTEGER NOT NULL,
        title TEXT NOT NULL, artist TEXT NOT NULL, album TEXT NOT NULL, year INTEGER,
        shown_title TEXT NOT NULL,
        title_order TEXT NOT NULL, artist_order TEXT NOT NULL, album_order TEXT NOT NULL,
        year_order INTEGER NOT NULL, described BLOB NOT NULL
    )""",
    "CREATE INDEX tracks_by_artist ON tracks (missing, artist_order)",
    "CREATE INDEX tracks_by_title ON tracks (missing, title_order)",
    "CREATE INDEX tracks_by_album ON tracks (missing, album_order)",
    "CREATE INDEX tracks_by_duration ON tracks (missing, duration, artist_order)",
    "CREATE INDEX tracks_by_added ON tracks (missing, added, artist_order)",
    "CREATE INDEX tracks_by_year ON tracks (missing, year_order, artist_order)",
    """CREATE TABLE waveforms (
        track INTEGER PRIMARY KEY REFERENCES tracks ON DELETE CASCADE, data BLOB NOT NULL
    )""",
    """CREATE TABLE files (
        id INTEGER PRIMARY KEY, track INTEGER NOT NULL REFERENCES tracks ON DELETE CASCADE,
        path BLOB NOT NULL UNIQUE, display TEXT NOT NULL, path_key TEXT NOT NULL,
        size INTEGER NOT NULL, mtime_ns NOT NULL, missing INTEGER NOT NULL,
        title TEXT NOT NULL, artist TEXT NOT NULL, album TEXT NOT NULL, year INTEGER
    )""",
    "CREATE INDEX files_by_track ON files (track)",
    """CREATE TABLE failures (
        path BLOB PRIMARY KEY, size INTEGER, mtime_ns, stage TEXT NOT NULL, reason TEXT NOT NULL,
        hint TEXT NOT NULL, at REAL NOT NULL, attempts INTEGER NOT NULL
    )""",
    """CREATE TABLE models (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, dimensions INTEGER NOT NULL,
        UNIQUE (name, version, dimensions)
    )""",
    """CREATE TABLE embeddings (
        id INTEGER PRIMARY KEY AUTOINCREMENT, track INTEGER NOT NULL REFERENCES tracks ON DELETE CASCADE,
        model INTEGER NOT NULL REFERENCES models, coverage INTEGER, windows INTEGER NOT NULL,
        heard REAL NOT NULL, revision INTEGER NOT NULL,
        UNIQUE (track, model)
    )""",
    "CREATE INDEX embeddings_by_model ON embeddings (model, id)",
    """CREATE TABLE means (
        embedding INTEGER PRIMARY KEY REFERENCES embeddings ON DELETE CASCADE, vector BLOB NOT NULL
    )""",
    """CREATE TABLE windows (
        embedding INTEGER PRIMARY KEY REFERENCES embeddings ON DELETE CASCADE,
        starts BLOB NOT NULL, vectors BLOB NOT NULL
    )""",
    "CREATE TABLE labels (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, folded TEXT NOT NULL)",
    """CREATE TABLE sounds (
        embedding INTEGER NOT NULL REFERENCES embeddings ON DELETE CASCADE,
        label INTEGER NOT NULL REFERENCES labels, track INTEGER NOT NULL,
        score REAL NOT NULL, start REAL NOT NULL,
        PRIMARY KEY (embedding, label)
    ) WITHOUT ROWID""",
    "CREATE INDEX sounds_by_label ON sounds (label, score, track)",
    """CREATE TABLE targets (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL,
        model INTEGER NOT NULL REFERENCES models ON DELETE CASCADE, UNIQUE (name, model)
    )""",
    "CREATE INDEX targets_by_model ON targets (model)",
    """CREATE TABLE pending (
        target INTEGER NOT NULL REFERENCES targets ON DELETE CASCADE,
        embedding INTEGER NOT NULL REFERENCES embeddings ON DELETE CASCADE,
        PRIMARY KEY (target, embedding)
    ) WITHOUT ROWID""",
    "CREATE INDEX pending_by_embedding ON pending (embedding)",
    """CREATE TABLE tombstones (
        target INTEGER NOT NULL REFERENCES targets ON DELETE CASCADE, uuid BLOB NOT NULL,
        PRIMARY KEY (target, uuid)
    ) WITHOUT ROWID""",
    "CREATE INDEX tombstones_by_uuid ON tombstones (uuid)",
)

_CRATES = (
    """CREATE TABLE crates (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, created REAL NOT NULL
    )""",
    """CREATE TABLE crate_tracks (
        crate INTEGER NOT NULL REFERENCES crates ON DELETE CASCADE,
        track INTEGER NOT NULL REFERENCES tracks ON DELETE CASCADE,
        position INTEGER NOT NULL,
        PRIMARY KEY (crate, track)
    ) WITHOUT ROWID""",
    "CREATE INDEX crate_tracks_by_track ON crate_tracks (track)",
)

# A vector that the index cannot take stays pending and is passed over until it changes.
_REFUSED = ("ALTER TABLE pending ADD COLUMN refused INTEGER NOT NULL DEFAULT 0",)

# A source is one thing that plays, in however many playlists: what was fetched is known by it alone.
# `track` is no reference: a file stays fetched when its track is pruned.
_PLAYLISTS = (
    """CREATE TABLE playlists (
        id INTEGER PRIMARY KEY AUTOINCREMENT, extractor TEXT NOT NULL, source TEXT NOT NULL,
        link TEXT NOT NULL, url TEXT NOT NULL, title TEXT NOT NULL, channel TEXT NOT NULL,
        single INTEGER NOT NULL, endless INTEGER NOT NULL, choice TEXT NOT NULL, most INTEGER,
        announced INTEGER, received INTEGER NOT NULL DEFAULT 0, gap INTEGER NOT NULL DEFAULT 0,
        folder BLOB NOT NULL, followed INTEGER NOT NULL DEFAULT 0, added REAL NOT NULL, checked REAL,
        UNIQUE (extractor, source)
    )""",
    """CREATE TABLE sources (
        id INTEGER PRIMARY KEY, extractor TEXT NOT NULL, source TEXT NOT NULL, url TEXT NOT NULL,
        title TEXT NOT NULL, channel TEXT NOT NULL, duration REAL,
        state TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, hint TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, retry_at REAL, tried REAL, path BLOB, track BLOB,
        UNIQUE (extractor, source)
    )""",
    "CREATE INDEX sources_by_state ON sources (state)",
    "CREATE INDEX sources_by_track ON sources (track)",
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        playlist INTEGER NOT NULL REFERENCES playlists ON DELETE CASCADE,
        source INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE,
        occurrence INTEGER NOT NULL, position INTEGER NOT NULL,
        fresh INTEGER NOT NULL, removed INTEGER NOT NULL DEFAULT 0,
        UNIQUE (playlist, source, occurrence)
    )""",
    "CREATE INDEX entries_by_source ON entries (source)",
    """CREATE TABLE queue (
        source INTEGER PRIMARY KEY REFERENCES sources ON DELETE CASCADE,
        playlist INTEGER NOT NULL REFERENCES playlists ON DELETE CASCADE,
        turn INTEGER NOT NULL
    )""",
    "CREATE INDEX queue_by_turn ON queue (turn)",
    "CREATE INDEX queue_by_playlist ON queue (playlist)",
)

# The sound that fetching put into the file at `path`; null for a file that was there before.
_WRITTEN = ("ALTER TABLE sources ADD COLUMN written BLOB",)

MIGRATIONS: tuple[Sequence[str], ...] = (_TABLES, _CRATES, _REFUSED, _PLAYLISTS, _WRITTEN)
"""Step n, a list of statements, takes a file from `user_version` n to n + 1. Steps are only ever appended."""


def identify(connection: sqlite3.Connection, steps: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Check that this is a catalog that this program knows, or an empty file, without changing it.

    Raises CatalogError for the database of another program and for a catalog of a later version.
    """
    # One snapshot: another process may be making the tables at this moment.
    connection.execute("BEGIN")
    try:
        version = _pragma(connection, "user_version")
        mark = _pragma(connection, "application_id")
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    if mark != APPLICATION_ID and (tables or version or mark):
        raise CatalogError(
            "The library's file belongs to another program.",
            "Point --data-dir or MUSICSIM_DATA_DIR at a folder of its own.",
        )
    if version > len(steps):
        raise CatalogError(
            "The library was made by a newer musicsim-tui.",
            "Update musicsim-tui, or point --data-dir at another folder.",
        )


def migrate(connection: sqlite3.Connection, steps: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Run the steps that the file lacks, each in a transaction; safe when several processes do so at once."""
    while _pragma(connection, "user_version") < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have taken the step while this one waited for the lock.
            version = _pragma(connection, "user_version")
            if version < len(steps):
                for statement in steps[version]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)
