"""Crates: lists of tracks with a name and an order of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING
from uuid import UUID

from musicsim_tui.errors import UnmetRequest, UsageError
from musicsim_tui.library import tracks
from musicsim_tui.library.folding import clean, fold
from musicsim_tui.track import TrackId

if TYPE_CHECKING:
    from musicsim_tui.library.connection import Connections
    from musicsim_tui.library.records import TrackRow

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Crate:
    """A crate in a list of crates. `seconds` is the length of all its tracks, `created` is Unix seconds."""

    name: str
    tracks: int
    seconds: float
    created: float


@dataclass(frozen=True, slots=True)
class CrateChange:
    """What a change did to the tracks of a crate: `Crates.put` with `before` undoes it, with `after` redoes
    it."""

    name: str
    before: tuple[TrackId, ...]
    after: tuple[TrackId, ...]


class Crates:
    """The crates of one library. Every change is on the disk when its call returns.

    Names are told apart without case, accents and spacing. A track is in a crate at most once, and leaves it
    when it is deleted from the library. Every call raises CatalogError when the file cannot be used, and
    UsageError for a crate that does not exist.
    """

    def __init__(self, connections: Connections, clock: Callable[[], float]) -> None:
        self._read = connections.read
        self._write = connections.write
        self._clock = clock

    def all(self) -> list[Crate]:
        """All crates, by name."""
        with self._read() as db:
            rows = db.execute(
                "SELECT c.name, count(t.id), total(t.duration), c.created FROM crates AS c"
                " LEFT JOIN crate_tracks AS i ON i.crate = c.id LEFT JOIN tracks AS t ON t.id = i.track"
                " GROUP BY c.id ORDER BY c.folded"
            ).fetchall()
        return [Crate(*row) for row in rows]

    def create(self, name: str) -> str:
        """Make an empty crate; returns its name as kept. Raises UnmetRequest for a name that is taken,
        UsageError for one that is none."""
        with self._write() as db:
            return _insert(db, name, self._clock())

    def rename(self, name: str, new_name: str) -> str:
        """Returns the new name as kept. Raises UnmetRequest for one that another crate has, UsageError for
        one that is none."""
        with self._write() as db:
            key, _ = _found(db, name)
            kept = _fit(new_name)
            holder = db.execute("SELECT id FROM crates WHERE folded = ?", (fold(kept),)).fetchone()
            if holder not in (None, (key,)):
                raise _taken(kept)
            db.execute("UPDATE crates SET name = ?, folded = ? WHERE id = ?", (kept, fold(kept), key))
        return kept

    def delete(self, name: str) -> CrateChange:
        """Delete a crate; its tracks stay in the library. `put` with what was in it makes it again."""
        with self._write() as db:
            key, kept = _found(db, name)
            before = _ids(db, key)
            db.execute("DELETE FROM crates WHERE id = ?", (key,))
        return CrateChange(kept, before, ())

    def track_ids(self, name: str) -> tuple[TrackId, ...]:
        """The tracks of a crate, in its order."""
        with self._read() as db:
            return _ids(db, _found(db, name)[0])

    def tracks(self, name: str) -> list[TrackRow]:
        """The tracks of a crate as lists show them, in its order; missing ones too."""
        with self._read() as db:
            return tracks.track_rows(db, _keys(db, _found(db, name)[0]))

    def add(self, name: str, ids: Iterable[TrackId], position: int | None = None) -> CrateChange:
        """Put tracks that are not in the crate yet before the one at `position`, or at the end.

        A crate that does not exist is made; tracks that the library does not have are left out.
        """
        with self._write() as db:
            if _look_up(db, name) is None:
                _insert(db, name, self._clock())

            def added(present: list[TrackId]) -> list[TrackId]:
                known = set(present)
                new = [track_id for track_id in dict.fromkeys(ids) if track_id not in known]
                place = len(present) if position is None else max(0, position)
                return [*present[:place], *new, *present[place:]]

            return _change(db, name, added)

    def remove(self, name: str, ids: Iterable[TrackId]) -> CrateChange:
        """Take tracks out of a crate; those that are not in it are ignored."""
        gone = set(ids)
        with self._write() as db:
            return _change(db, name, lambda present: [item for item in present if item not in gone])

    def move(self, name: str, ids: Iterable[TrackId], position: int) -> CrateChange:
        """Move tracks, in the order they have in the crate, so that the first of them comes to stand at
        `position`, counted from 0, or as near to it as there is room."""
        moved = set(ids)

        def reordered(present: list[TrackId]) -> list[TrackId]:
            block = [item for item in present if item in moved]
            rest = [item for item in present if item not in moved]
            place = min(max(0, position), len(rest))
            return [*rest[:place], *block, *rest[place:]]

        with self._write() as db:
            return _change(db, name, reordered)

    def put(self, name: str, ids: Iterable[TrackId]) -> CrateChange:
        """Give a crate exactly these tracks in this order, making it when it does not exist.

        Tracks that the library does not have are left out.
        """
        with self._write() as db:
            if _look_up(db, name) is None:
                _insert(db, name, self._clock())
            return _change(db, name, lambda _: list(dict.fromkeys(ids)))


@dataclass(frozen=True, slots=True)
class _Place:
    """A track of a crate and its position, which orders it among the others and is otherwise any number."""

    track: int
    id: TrackId
    position: int


def _change(
    db: sqlite3.Connection, name: str, edit: Callable[[list[TrackId]], Sequence[TrackId]]
) -> CrateChange:
    crate, kept = _found(db, name)
    places = _places(db, crate)
    before = [place.id for place in places]
    wanted = list(dict.fromkeys(edit(list(before))))
    known = {place.id: place.track for place in places}
    new = [track_id for track_id in wanted if track_id not in known]
    if new:
        known |= tracks.keys_by_id(db, new)
        wanted = [track_id for track_id in wanted if track_id in known]
    _write(db, crate, places, [known[track_id] for track_id in wanted])
    return CrateChange(kept, tuple(before), tuple(wanted))


def _write(db: sqlite3.Connection, crate: int, places: Sequence[_Place], wanted: Sequence[int]) -> None:
    """Bring a crate to these tracks in this order, touching no more rows than it takes."""
    left = set(wanted)
    gone = [(crate, place.track) for place in places if place.track not in left]
    db.executemany("DELETE FROM crate_tracks WHERE crate = ? AND track = ?", gone)
    stay = [place for place in places if place.track in left]
    start = 0
    while start < len(stay) and stay[start].track == wanted[start]:
        start += 1
    if len(stay) == len(wanted):
        positions: Iterable[int] = (place.position for place in stay[start:])
    else:
        first = stay[start - 1].position + 1 if start else 0
        positions = range(first, first + len(wanted) - start)
    now = {place.track: place.position for place in stay[start:]}
    changed = [
        (crate, track, position)
        for track, position in zip(wanted[start:], positions, strict=True)
        if now.get(track) != position
    ]
    db.executemany(
        "INSERT INTO crate_tracks (crate, track, position) VALUES (?, ?, ?)"
        " ON CONFLICT (crate, track) DO UPDATE SET position = excluded.position",
        changed,
    )


def _places(db: sqlite3.Connection, crate: int) -> list[_Place]:
    rows = db.execute(
        "SELECT i.track, t.uuid, i.position FROM crate_tracks AS i JOIN tracks AS t ON t.id = i.track"
        " WHERE i.crate = ? ORDER BY i.position",
        (crate,),
    ).fetchall()
    return [_Place(track, TrackId(UUID(bytes=uuid)), position) for track, uuid, position in rows]


def _insert(db: sqlite3.Connection, name: str, now: float) -> str:
    kept = _fit(name)
    if _look_up(db, kept) is not None:
        raise _taken(kept)
    db.execute("INSERT INTO crates (name, folded, created) VALUES (?, ?, ?)", (kept, fold(kept), now))
    return kept


def _fit(name: str) -> str:
    kept = " ".join(clean(name).split())
    if not fold(kept):
        raise UsageError("A crate needs a name.", "Give it one with a letter or a digit in it.")
    if len(kept) > LONGEST_NAME:
        raise UsageError("The name of the crate is too long.", f"Use at most {LONGEST_NAME} characters.")
    return kept


def _taken(name: str) -> UnmetRequest:
    return UnmetRequest(f"There is a crate {name!r} already.", "Choose another name.")


def _look_up(db: sqlite3.Connection, name: str) -> tuple[int, str] | None:
    found: tuple[int, str] | None = db.execute(
        "SELECT id, name FROM crates WHERE folded = ?", (fold(name),)
    ).fetchone()
    return found


def _found(db: sqlite3.Connection, name: str) -> tuple[int, str]:
    found = _look_up(db, name)
    if found is None:
        names = {folded: kept for kept, folded in db.execute("SELECT name, folded FROM crates")}
        near = get_close_matches(fold(name), names, 1)
        raise UnmetRequest(
            f"There is no crate {clean(name)!r}.",
            f"Did you mean {names[near[0]]!r}?" if near else "Adding a track to a crate makes it.",
        )
    return found


def _ids(db: sqlite3.Connection, crate: int) -> tuple[TrackId, ...]:
    rows = db.execute(
        "SELECT t.uuid FROM crate_tracks AS i JOIN tracks AS t ON t.id = i.track"
        " WHERE i.crate = ? ORDER BY i.position",
        (crate,),
    ).fetchall()
    return tuple(TrackId(UUID(bytes=uuid)) for (uuid,) in rows)


def _keys(db: sqlite3.Connection, crate: int) -> list[int]:
    return [
        track
        for (track,) in db.execute(
            "SELECT track FROM crate_tracks WHERE crate = ? ORDER BY position", (crate,)
        )
    ]
