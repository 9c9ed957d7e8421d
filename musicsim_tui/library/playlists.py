"""Remembered playlists: what a link led to, in its order, and what became of each entry."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.errors import UnmetRequest
from musicsim_tui.library import playlist_rows as rows
from musicsim_tui.library.folding import clean
from musicsim_tui.library.paths import path_bytes
from musicsim_tui.library.playlist_queue import PlaylistQueue
from musicsim_tui.library.playlist_records import (
    EntryState,
    LeftFile,
    Playlist,
    PlaylistEntry,
    PlaylistRecord,
    SourceRecord,
)

if TYPE_CHECKING:
    from musicsim_tui.track import TrackId


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry as it came out of a listing; `occurrence` counts from 0 how often the list had it before."""

    position: int
    occurrence: int
    source: SourceRecord


class Playlists(PlaylistQueue):
    """The playlists of one library, their entries, and the queue of what is to be fetched.

    A source, told by extractor and id, is fetched once and belongs to every playlist that has it. Every call
    raises CatalogError when the file cannot be used.
    """

    def all(self) -> list[Playlist]:
        """All playlists, in the order in which they were opened."""
        with self._read() as db:
            return rows.playlists(db)

    def get(self, playlist: int) -> Playlist | None:
        with self._read() as db:
            return next(iter(rows.playlists(db, "WHERE id = ?", playlist)), None)

    def find(self, text: str) -> Playlist:
        """The playlist with this link, number or title. Raises UnmetRequest for none and for several."""
        with self._read() as db:
            return rows.found(db, text)

    def entries(self, playlist: int) -> list[PlaylistEntry]:
        """All entries in the list's order; those that the site's list does not have any more come last."""
        with self._read() as db:
            return rows.entries_of(db, playlist)

    def entry(self, entry: int) -> PlaylistEntry | None:
        with self._read() as db:
            return rows.entry(db, entry)

    def of_source(self, source: int) -> PlaylistEntry | None:
        """The first entry of a source, by its key in this catalog."""
        with self._read() as db:
            return rows.of_source(db, source)

    def standing(self, extractor: str, source_id: str) -> PlaylistEntry | None:
        """What is known of a source, whether or not a playlist has it: an entry of no playlist."""
        with self._read() as db:
            return rows.standing(db, extractor, source_id)

    def failures(self) -> list[PlaylistEntry]:
        """What could not be fetched or heard, each source once, the latest first."""
        with self._read() as db:
            return rows.in_state(db, EntryState.FAILED)

    def link_of(self, track: TrackId) -> str | None:
        """Where a track was fetched from; None for one that came from elsewhere."""
        with self._read() as db:
            row = db.execute("SELECT url FROM sources WHERE track = ?", (track.bytes,)).fetchone()
        return row[0] or None if row is not None else None

    def of_track(self, track: TrackId) -> list[PlaylistEntry]:
        """The entries of every playlist out of which a track came."""
        with self._read() as db:
            return rows.of_track(db, track)

    # Listing

    def begin(self, record: PlaylistRecord, folder: Path) -> tuple[int, bool]:
        """Remember a playlist, or what is new about it; its number, and whether it is a new one.

        A known one keeps its folder. Its entries stay until `finish` knows better.
        """
        values = (
            _storable(record.link),
            _storable(record.url),
            clean(record.title),
            clean(record.channel),
            record.single,
            record.endless,
            record.choice,
            record.limit,
            record.announced,
        )
        with self._write() as db:
            row = db.execute(
                "SELECT id FROM playlists WHERE extractor = ? AND source = ?",
                (record.extractor, record.source_id),
            ).fetchone()
            if row is not None:
                db.execute(
                    "UPDATE playlists SET link = ?, url = ?, title = ?, channel = ?, single = ?, endless = ?,"
                    " choice = ?, most = ?, announced = ? WHERE id = ?",
                    (*values, row[0]),
                )
                return int(row[0]), False
            cursor = db.execute(
                "INSERT INTO playlists (link, url, title, channel, single, endless, choice, most, announced,"
                " extractor, source, folder, added) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, record.extractor, record.source_id, path_bytes(folder), self._clock()),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid, True

    def settle(self, playlist: int, folder: Path) -> None:
        """New files of a playlist go to this folder; those that are there stay where they are."""
        with self._write() as db:
            db.execute("UPDATE playlists SET folder = ? WHERE id = ?", (path_bytes(folder), playlist))

    def add(self, playlist: int, listed: Sequence[ListedEntry]) -> int:
        """Note entries that a listing gave; how many the playlist did not have before.

        They are fresh when the playlist was listed to its end, or followed, before.
        """
        with self._write() as db:
            known = db.execute(
                "SELECT followed OR checked IS NOT NULL FROM playlists WHERE id = ?", (playlist,)
            ).fetchone()
            if known is None:
                return 0
            return sum(_put(db, playlist, entry, fresh=bool(known[0])) for entry in listed)

    def finish(self, playlist: int, listed: Sequence[ListedEntry], *, gap: int, complete: bool) -> int:
        """Bring a playlist into the order of a listing that is over; how many entries it has lost.

        What a `complete` listing does not have is marked as removed; it stays, with its file. Raises
        UnmetRequest when the playlist was forgotten meanwhile.
        """
        with self._write() as db:
            if db.execute("SELECT 1 FROM playlists WHERE id = ?", (playlist,)).fetchone() is None:
                raise UnmetRequest(
                    "The playlist was forgotten while it was listed.", "Open its link again to have it back."
                )
            before = {
                key
                for (key,) in db.execute(
                    "SELECT id FROM entries WHERE playlist = ? AND removed = 0", (playlist,)
                )
            }
            for entry in listed:
                _put(db, playlist, entry, fresh=False)
            db.execute(
                "UPDATE playlists SET received = ?, gap = ?, checked = ? WHERE id = ?",
                (len(listed), gap, self._clock(), playlist),
            )
            if not complete:
                return 0
            there = {(entry.source.extractor, entry.source.source_id, entry.occurrence) for entry in listed}
            gone = [
                key
                for key, *name in db.execute(
                    "SELECT e.id, s.extractor, s.source, e.occurrence FROM entries AS e"
                    " JOIN sources AS s ON s.id = e.source WHERE e.playlist = ?",
                    (playlist,),
                ).fetchall()
                if tuple(name) not in there
            ]
            db.executemany("UPDATE entries SET removed = 1, fresh = 0 WHERE id = ?", [(key,) for key in gone])
            return len(before.intersection(gone))

    def forget(self, playlist: int, *, files_too: bool = False) -> list[LeftFile]:
        """Forget a playlist, and take out of the queue what no other followed one waits for.

        Returns the files that belong to no other playlist, by whatever source.
        No file is touched: they stay known by their sources, unless `files_too`.
        """
        with self._write() as db:
            own = (
                "SELECT source FROM entries WHERE playlist = ?"
                " EXCEPT SELECT source FROM entries WHERE playlist <> ?"
            )
            files = db.execute(
                "SELECT source, path, written FROM sources WHERE path IS NOT NULL AND state <> ?"
                f" AND id IN ({own}) AND path NOT IN (SELECT s.path FROM sources AS s"
                " JOIN entries AS e ON e.source = s.id"
                " WHERE e.playlist <> ? AND s.path IS NOT NULL AND s.state <> ?) ORDER BY id",
                (EntryState.GONE, playlist, playlist, playlist, EntryState.GONE),
            ).fetchall()
            _leave_queue(db, playlist)
            orphans = db.execute(
                f"SELECT id FROM sources WHERE (path IS NULL OR ?) AND id IN ({own})",
                (files_too, playlist, playlist),
            ).fetchall()
            db.execute("DELETE FROM playlists WHERE id = ?", (playlist,))
            db.executemany("DELETE FROM sources WHERE id = ?", orphans)
        return [
            LeftFile(source, Path(os.fsdecode(path)), rows.track_id(written))
            for source, path, written in files
        ]


def _leave_queue(db: sqlite3.Connection, playlist: int) -> None:
    """Hand what waits for this playlist over to another followed one that has it, else unqueue it."""
    for (source,) in db.execute("SELECT source FROM queue WHERE playlist = ?", (playlist,)).fetchall():
        other = db.execute(
            "SELECT p.id FROM entries AS e JOIN playlists AS p ON p.id = e.playlist"
            " WHERE e.source = ? AND p.id <> ? AND p.followed = 1 ORDER BY p.id LIMIT 1",
            (source, playlist),
        ).fetchone()
        if other is not None:
            db.execute("UPDATE queue SET playlist = ? WHERE source = ?", (other[0], source))
        else:
            db.execute("DELETE FROM queue WHERE source = ?", (source,))
            db.execute("UPDATE sources SET state = ? WHERE id = ?", (EntryState.LISTED, source))


def _put(db: sqlite3.Connection, playlist: int, entry: ListedEntry, *, fresh: bool) -> bool:
    """Insert or update one entry and its source; whether the playlist did not have it."""
    source, became_available = _put_source(db, entry.source)
    row = db.execute(
        "SELECT id FROM entries WHERE playlist = ? AND source = ? AND occurrence = ?",
        (playlist, source, entry.occurrence),
    ).fetchone()
    if row is None:
        db.execute(
            "INSERT INTO entries (playlist, source, occurrence, position, fresh) VALUES (?, ?, ?, ?, ?)",
            (playlist, source, entry.occurrence, entry.position, fresh),
        )
        return True
    db.execute("UPDATE entries SET position = ?, removed = 0 WHERE id = ?", (entry.position, row[0]))
    if became_available and fresh:
        db.execute("UPDATE entries SET fresh = 1 WHERE id = ?", row)
    return False


def _put_source(db: sqlite3.Connection, record: SourceRecord) -> tuple[int, bool]:
    """Its key, and whether it was unavailable and is not any more.

    A list that hides an entry does not take away what an earlier one told of it.
    """
    row = db.execute(
        "SELECT id, title, channel, duration, state FROM sources WHERE extractor = ? AND source = ?",
        (record.extractor, record.source_id),
    ).fetchone()
    title, channel = clean(record.title), clean(record.channel)
    reasons = (record.kind, clean(record.reason), clean(record.hint))
    if row is None:
        state = EntryState.UNAVAILABLE if record.kind else EntryState.LISTED
        cursor = db.execute(
            "INSERT INTO sources (extractor, source, url, title, channel, duration,"
            " state, kind, reason, hint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(
                    record.extractor,
                    record.source_id,
                    _storable(record.url),
                    title,
                    channel,
                    record.duration,
                    state,
                ),
                *reasons,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid, False
    key, known_title, known_channel, known_duration, state = row
    if record.kind and known_title:
        title = known_title
    db.execute(
        "UPDATE sources SET url = ?, title = ?, channel = ?, duration = ? WHERE id = ?",
        (_storable(record.url), title, channel or known_channel, record.duration or known_duration, key),
    )
    if state not in (EntryState.LISTED, EntryState.UNAVAILABLE):
        return key, False
    new = EntryState.UNAVAILABLE if record.kind else EntryState.LISTED
    db.execute(
        "UPDATE sources SET state = ?, kind = ?, reason = ?, hint = ? WHERE id = ?", (new, *reasons, key)
    )
    return key, state == EntryState.UNAVAILABLE and new is EntryState.LISTED


def _storable(link: str) -> str:
    """A link as it is, but for lone surrogates, which no database keeps."""
    return link.encode("utf-8", "replace").decode()
