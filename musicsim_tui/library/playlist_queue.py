"""The queue of what is to be fetched, and what became of it; survives every end of the process."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.library import playlist_rows as rows
from musicsim_tui.library.batches import batches, marks
from musicsim_tui.library.folding import clean
from musicsim_tui.library.paths import path_bytes
from musicsim_tui.library.playlist_records import EntryState, PlaylistEntry, QueueItem

if TYPE_CHECKING:
    from musicsim_tui.library.connection import Connections
    from musicsim_tui.track import TrackId

_QUEUED = (EntryState.WAITING, EntryState.PAUSED)
CHOSEN_STATES = frozenset(EntryState) - {EntryState.READY, EntryState.INGESTING, *_QUEUED}
"""States out of which an entry can be put in the queue."""


class PlaylistQueue:
    """The part of `Playlists` that fetching stands on. Every change is on the disk when its call returns."""

    def __init__(self, connections: Connections, clock: Callable[[], float]) -> None:
        self._read = connections.read
        self._write = connections.write
        self._clock = clock

    def queue(self) -> list[PlaylistEntry]:
        """What waits or is paused, each source once, in the order in which it is fetched."""
        with self._read() as db:
            return rows.queued(db)

    def enqueue(
        self, entries: Iterable[int], states: Collection[EntryState] = CHOSEN_STATES
    ) -> list[PlaylistEntry]:
        """Put entries that are in one of these states at the end of the queue, in the order given; those
        that were put there. Their playlists are followed from now on."""
        added = []
        with self._write() as db:
            (turn,) = db.execute("SELECT coalesce(max(turn), 0) FROM queue").fetchone()
            for key in dict.fromkeys(entries):
                found = rows.entry(db, key)
                if found is None:
                    continue
                db.execute("UPDATE playlists SET followed = 1 WHERE id = ?", (found.playlist,))
                if found.state not in states or found.state not in CHOSEN_STATES:
                    continue
                turn += 1
                (source,) = db.execute("SELECT source FROM entries WHERE id = ?", (key,)).fetchone()
                db.execute("INSERT INTO queue VALUES (?, ?, ?)", (source, found.playlist, turn))
                _set_state(db, source, EntryState.WAITING)
                db.execute("UPDATE entries SET fresh = 0 WHERE source = ?", (source,))
                added.append(found)
        return added

    def follow(self, playlist: int) -> None:
        """Its new entries are wanted from now on."""
        with self._write() as db:
            db.execute("UPDATE playlists SET followed = 1 WHERE id = ?", (playlist,))

    def next_item(
        self, only: Collection[int] | None = None, *, without: Collection[int] = ()
    ) -> QueueItem | None:
        """Whose turn it is, among what these playlists, or all, have in the queue; None when none waits.

        What goes into the folders of the playlists `without` is passed over.
        """
        within, values = _within(only)
        passed = tuple(without)
        within += f" AND q.playlist NOT IN ({marks(passed)})"
        with self._read() as db:
            row = db.execute(
                "SELECT q.source, q.playlist, p.folder FROM queue AS q JOIN sources AS s ON s.id = q.source"
                " JOIN playlists AS p ON p.id = q.playlist"
                f" WHERE s.state = ?{within} ORDER BY q.turn LIMIT 1",
                (EntryState.WAITING, *values, *passed),
            ).fetchone()
            if row is None:
                return None
            source, playlist, folder = row
            found = rows.of_source(db, source)
        assert found is not None  # the queue holds nothing that no playlist has
        return QueueItem(source, playlist, found, Path(os.fsdecode(folder)))

    def waiting(self, only: Collection[int] | None = None) -> tuple[int, float, int]:
        """How many sources wait, the seconds of audio in those whose length is known, and how many have a
        known one. Paused ones do not count."""
        within, values = _within(only)
        with self._read() as db:
            number, seconds, known = db.execute(
                "SELECT count(*), total(s.duration), count(s.duration) FROM queue AS q"
                f" JOIN sources AS s ON s.id = q.source WHERE s.state = ?{within}",
                (EntryState.WAITING, *values),
            ).fetchone()
        return number, seconds, known

    def held(self, only: Collection[int] | None = None) -> int:
        """How many sources in the queue are paused."""
        within, values = _within(only)
        with self._read() as db:
            (number,) = db.execute(
                "SELECT count(*) FROM queue AS q JOIN sources AS s ON s.id = q.source"
                f" WHERE s.state = ?{within}",
                (EntryState.PAUSED, *values),
            ).fetchone()
        return int(number)

    def is_waiting(self, source: int) -> bool:
        """Whether a source is in the queue and not paused."""
        with self._read() as db:
            return _state(db, source) is EntryState.WAITING

    def is_wanted(self, extractor: str, source_id: str) -> bool:
        """Whether a source is in the queue or failed: what came of it so far is gone on with."""
        with self._read() as db:
            known = rows.standing(db, extractor, source_id)
        return known is not None and known.state in (*_QUEUED, EntryState.FAILED)

    def cancel(self, entries: Iterable[int] | None = None) -> list[PlaylistEntry]:
        """Take entries, or all, out of the queue; those that were in it."""
        with self._write() as db:
            return [
                found
                for source, found in _among_queued(db, entries)
                if _set_state(db, source, EntryState.CANCELLED) and _dequeue(db, source)
            ]

    def hold(self, entries: Iterable[int], *, paused: bool) -> list[PlaylistEntry]:
        """Pass entries of the queue over, or let them have their turn again; those that changed."""
        new = EntryState.PAUSED if paused else EntryState.WAITING
        with self._write() as db:
            return [
                found
                for source, found in _among_queued(db, entries)
                if found.state is not new and _set_state(db, source, new)
            ]

    # What became of it

    def fetched(self, source: int, path: Path, *, to_hear: bool, written: TrackId | None = None) -> None:
        """Its file is in place; `to_hear` when it waits for being heard. `written` is the sound that was put
        there; without it the file was there before, unless it is the one that was fetched once."""
        sound = None if written is None else written.bytes
        with self._write() as db:
            state = EntryState.INGESTING if to_hear else EntryState.READY
            _set_state(db, source, state)
            db.execute(
                "UPDATE sources SET written = coalesce(?, CASE WHEN path = ? THEN written END),"
                " path = ?, track = NULL, tried = ? WHERE id = ?",
                (sound, path_bytes(path), path_bytes(path), self._clock(), source),
            )
            if not to_hear:
                db.execute("UPDATE sources SET attempts = 0 WHERE id = ?", (source,))
            _dequeue(db, source)

    def failed(
        self, source: int, kind: str, reason: str, hint: str, retry_at: float | None = None
    ) -> tuple[PlaylistEntry | None, bool]:
        """It cannot be fetched, or not be heard; the entry, and whether it had not failed before."""
        with self._write() as db:
            row = db.execute(
                "UPDATE sources SET attempts = attempts + 1 WHERE id = ? RETURNING attempts", (source,)
            ).fetchone()
            if row is None:
                return None, False
            _set_state(db, source, EntryState.FAILED)
            self._note(db, source, kind, reason, hint, retry_at)
            _dequeue(db, source)
            return rows.of_source(db, source), row[0] == 1

    def deferred(self, source: int, kind: str, reason: str, hint: str, retry_at: float | None = None) -> None:
        """It was tried, and waits on, for a reason that is no fault of its own."""
        with self._write() as db:
            self._note(db, source, kind, reason, hint, retry_at)

    def _note(
        self, db: sqlite3.Connection, source: int, kind: str, reason: str, hint: str, retry_at: float | None
    ) -> None:
        db.execute(
            "UPDATE sources SET kind = ?, reason = ?, hint = ?, retry_at = ?, tried = ? WHERE id = ?",
            (kind, clean(reason), clean(hint), retry_at, self._clock(), source),
        )

    def unheard(self) -> list[tuple[int, Path]]:
        """Sources whose files are there and wait for being heard."""
        with self._read() as db:
            found = db.execute(
                "SELECT id, path FROM sources WHERE state = ? ORDER BY tried, id", (EntryState.INGESTING,)
            ).fetchall()
        return [(source, Path(os.fsdecode(path))) for source, path in found]

    def heard(self, tracks: Sequence[tuple[int, TrackId]]) -> None:
        """The files of these sources are tracks of the library."""
        with self._write() as db:
            for source, track in tracks:
                _set_state(db, source, EntryState.READY)
                db.execute("UPDATE sources SET track = ?, attempts = 0 WHERE id = ?", (track.bytes, source))

    def files(self, playlist: int | None = None) -> list[tuple[int, Path, TrackId | None]]:
        """Sources that were fetched, of one playlist or of all, with their files and tracks."""
        where = "" if playlist is None else " AND id IN (SELECT source FROM entries WHERE playlist = ?)"
        values = (EntryState.READY, EntryState.INGESTING, *(() if playlist is None else (playlist,)))
        with self._read() as db:
            found = db.execute(
                f"SELECT id, path, track FROM sources WHERE state IN (?, ?){where} ORDER BY id", values
            ).fetchall()
        return [
            (source, Path(os.fsdecode(path)), rows.track_id(track))
            for source, path, track in found
            if path is not None
        ]

    def belongs_to_another(self, path: Path, source: int) -> bool:
        """Whether another source was fetched into this file."""
        with self._read() as db:
            row = db.execute(
                "SELECT 1 FROM sources WHERE path = ? AND id <> ? AND state <> ? LIMIT 1",
                (path_bytes(path), source, EntryState.GONE),
            ).fetchone()
        return row is not None

    def moved(self, source: int, path: Path) -> None:
        """Its file is another one now, by name at least: one that somebody has put there."""
        with self._write() as db:
            db.execute("UPDATE sources SET path = ?, written = NULL WHERE id = ?", (path_bytes(path), source))

    def lost(self, sources: Sequence[int]) -> None:
        """Their files are gone."""
        with self._write() as db:
            for source in sources:
                _set_state(db, source, EntryState.GONE)


def _within(only: Collection[int] | None) -> tuple[str, tuple[int, ...]]:
    if only is None:
        return "", ()
    kept = tuple(only)
    return f" AND q.source IN (SELECT source FROM entries WHERE playlist IN ({marks(kept)}))", kept


def _among_queued(db: sqlite3.Connection, entries: Iterable[int] | None) -> list[tuple[int, PlaylistEntry]]:
    """Sources that are in the queue, with an entry of each: of these entries, or all."""
    if entries is None:
        sources = [source for (source,) in db.execute("SELECT source FROM queue ORDER BY turn")]
    else:
        sources = []
        for batch in batches(list(dict.fromkeys(entries))):
            sources += [
                source
                for (source,) in db.execute(
                    "SELECT DISTINCT q.source FROM queue AS q JOIN entries AS e ON e.source = q.source"
                    f" WHERE e.id IN ({marks(batch)}) ORDER BY q.turn",
                    batch,
                )
            ]
    found = [(source, rows.of_source(db, source)) for source in dict.fromkeys(sources)]
    return [(source, entry) for source, entry in found if entry is not None]


def _state(db: sqlite3.Connection, source: int) -> EntryState | None:
    row = db.execute("SELECT state FROM sources WHERE id = ?", (source,)).fetchone()
    return None if row is None else EntryState(row[0])


def _set_state(db: sqlite3.Connection, source: int, state: EntryState) -> bool:
    """Whether there is such a source. What was wrong with it does not hold any more."""
    return (
        db.execute(
            "UPDATE sources SET state = ?, kind = '', reason = '', hint = '', retry_at = NULL WHERE id = ?",
            (state, source),
        ).rowcount
        > 0
    )


def _dequeue(db: sqlite3.Connection, source: int) -> bool:
    return db.execute("DELETE FROM queue WHERE source = ?", (source,)).rowcount > 0
