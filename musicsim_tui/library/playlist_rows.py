"""Playlists and entries read out of the catalog's tables."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from uuid import UUID

from musicsim_tui.errors import UnmetRequest
from musicsim_tui.library.folding import clean, fold
from musicsim_tui.library.playlist_records import (
    EntryState,
    Playlist,
    PlaylistEntry,
    PlaylistRecord,
    SourceRecord,
)
from musicsim_tui.track import TrackId

_PLAYLIST = (
    "SELECT id, extractor, source, link, url, title, channel, single, endless, announced, choice, most,"
    " folder, followed, added, checked, received, gap FROM playlists"
)
_OF_SOURCE = (
    " s.extractor, s.source, s.url, s.title, s.channel, s.duration, s.kind, s.reason, s.hint,"
    " s.state, s.attempts, s.retry_at, s.tried, s.path, s.track,"
    " (SELECT f.path FROM tracks AS t JOIN files AS f ON f.track = t.id"
    "   WHERE t.uuid = s.track AND f.missing = 0 AND f.path IS NOT s.path ORDER BY f.id LIMIT 1), s.written"
    " FROM sources AS s"
)
_ENTRY = (
    f"SELECT e.id, e.playlist, e.position, e.fresh, e.removed,{_OF_SOURCE}"
    " JOIN entries AS e ON e.source = s.id"
)
_ONE_OF_EACH_SOURCE = "e.id = (SELECT min(o.id) FROM entries AS o WHERE o.source = s.id)"


def playlists(db: sqlite3.Connection, where: str = "", *values: object) -> list[Playlist]:
    """Playlists with what their entries add up to, in the order in which they were opened."""
    rows = db.execute(f"{_PLAYLIST} {where} ORDER BY id", values).fetchall()
    return [_playlist(db, row) for row in rows]


def _playlist(db: sqlite3.Connection, row: tuple[Any, ...]) -> Playlist:
    counts: dict[EntryState, int] = {}
    seconds, removed, fresh = 0.0, 0, 0
    for state, number, length, gone, new in db.execute(
        "SELECT s.state, count(*), total(s.duration), total(e.removed), total(e.fresh)"
        " FROM entries AS e JOIN sources AS s ON s.id = e.source WHERE e.playlist = ? GROUP BY s.state",
        (row[0],),
    ):
        counts[EntryState(state)] = number
        if state != EntryState.UNAVAILABLE:
            seconds += length
            fresh += int(new)
        removed += int(gone)
    extractor, source_id, link, url, title, channel, single, endless, announced, choice, most = row[1:12]
    return Playlist(
        id=row[0],
        record=PlaylistRecord(
            extractor,
            source_id,
            link,
            url,
            title,
            channel,
            single=bool(single),
            endless=bool(endless),
            announced=announced,
            choice=choice,
            limit=most,
        ),
        folder=Path(os.fsdecode(row[12])),
        followed=bool(row[13]),
        added=row[14],
        checked=row[15],
        received=row[16],
        gap=row[17],
        seconds=seconds,
        counts=counts,
        removed=removed,
        fresh=fresh,
    )


def found(db: sqlite3.Connection, text: str) -> Playlist:
    """The playlist with this link, address, id, number or title. Raises UnmetRequest for none and several."""
    text = text.strip()
    matches = playlists(db, "WHERE ? IN (link, url, source) OR CAST(id AS TEXT) = ?", text, text) or _titled(
        db, text
    )
    if not matches:
        raise UnmetRequest(
            f"No remembered playlist is called {clean(text)!r}.",
            "musicsim-tui sources lists them; name one by its link, number or title.",
        )
    if len(matches) > 1:
        numbers = ", ".join(str(match.id) for match in matches)
        raise UnmetRequest(
            f"Several remembered playlists are called {clean(text)!r}.", f"Name one by its number: {numbers}."
        )
    return matches[0]


def _titled(db: sqlite3.Connection, text: str) -> list[Playlist]:
    wanted = fold(text)
    if not wanted:
        return []
    named = [key for key, title in db.execute("SELECT id, title FROM playlists") if fold(title) == wanted]
    return [match for key in named for match in playlists(db, "WHERE id = ?", key)]


def entries_of(db: sqlite3.Connection, playlist: int) -> list[PlaylistEntry]:
    """All entries in the list's order; those that it does not have any more come last."""
    return _entries(db, "WHERE e.playlist = ? ORDER BY e.removed, e.position, e.id", playlist)


def entry(db: sqlite3.Connection, key: int) -> PlaylistEntry | None:
    """One entry."""
    return next(iter(_entries(db, "WHERE e.id = ?", key)), None)


def queued(db: sqlite3.Connection) -> list[PlaylistEntry]:
    """What waits, each source once, in the order in which it is fetched."""
    return _entries(
        db,
        "JOIN queue AS q ON q.source = s.id AND e.id ="
        " (SELECT min(o.id) FROM entries AS o WHERE o.source = s.id AND o.playlist = q.playlist)"
        " ORDER BY q.turn",
    )


def in_state(db: sqlite3.Connection, state: EntryState) -> list[PlaylistEntry]:
    """Entries in a state, each source once, those tried last first."""
    return _entries(
        db, f"WHERE s.state = ? AND {_ONE_OF_EACH_SOURCE} ORDER BY s.tried DESC, e.id", state.value
    )


def of_source(db: sqlite3.Connection, source: int) -> PlaylistEntry | None:
    """The first entry of a source; None when no playlist has it any more."""
    return next(iter(_entries(db, f"WHERE s.id = ? AND {_ONE_OF_EACH_SOURCE}", source)), None)


def standing(db: sqlite3.Connection, extractor: str, source_id: str) -> PlaylistEntry | None:
    """A source as an entry of no playlist."""
    row = db.execute(
        f"SELECT 0, 0, 0, 0, 0,{_OF_SOURCE} WHERE s.extractor = ? AND s.source = ?", (extractor, source_id)
    ).fetchone()
    return None if row is None else _entry(row)


def of_track(db: sqlite3.Connection, track: TrackId) -> list[PlaylistEntry]:
    """Entries of all playlists whose sources are this track."""
    return _entries(db, "WHERE s.track = ? ORDER BY e.playlist, e.position", track.bytes)


def _entries(db: sqlite3.Connection, rest: str, *values: object) -> list[PlaylistEntry]:
    return [_entry(row) for row in db.execute(f"{_ENTRY} {rest}", values).fetchall()]


def _entry(row: tuple[Any, ...]) -> PlaylistEntry:
    key, playlist, position, fresh, removed = row[:5]
    state, attempts, retry_at, tried, path, track, twin, written = row[14:]
    return PlaylistEntry(
        id=key,
        playlist=playlist,
        position=position,
        source=SourceRecord(*row[5:14]),
        state=EntryState(state),
        fresh=bool(fresh),
        removed=bool(removed),
        attempts=attempts,
        retry_at=retry_at,
        tried=tried,
        path=None if path is None else Path(os.fsdecode(path)),
        track=track_id(track),
        twin=None if twin is None else Path(os.fsdecode(twin)),
        written=track_id(written),
    )


def track_id(stored: bytes | None) -> TrackId | None:
    """A track's id as the table of sources keeps it."""
    return None if stored is None else TrackId(UUID(bytes=stored))
