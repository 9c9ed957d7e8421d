"""Tracks as people list, find and forget them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from uuid import UUID

from musicsim_tui.errors import UnmetRequest, UsageError
from musicsim_tui.library import indexed
from musicsim_tui.library.batches import batches, marks
from musicsim_tui.library.conditions import SqlValue
from musicsim_tui.library.query import Query
from musicsim_tui.library.records import TrackPage, TrackRow
from musicsim_tui.track import Sound, Tags, Track, TrackId

SORTS = {
    "artist": ("artist_order",),
    "title": ("title_order",),
    "album": ("album_order",),
    "len": ("duration", "artist_order"),
    "added": ("added", "artist_order"),
    "year": ("year_order", "artist_order"),
}
"""Columns behind each sort order; an index covers each of them, with the words that filters look for."""

_FEW = 8_000
"""Matches that are sorted on their own; more are met soon enough by walking the order's index."""
_ALL = Query(None)
_LARGEST = 2**60
_SHORTEST_PREFIX = 4


def page(
    db: sqlite3.Connection, where: Query | None, sort: str, descending: bool, limit: int, offset: int
) -> TrackPage:
    """A slice of a listing. Raises UsageError for an unknown order."""
    order = order_by(sort, descending=descending)
    query = where or _ALL
    limit, offset = (min(max(number, 0), _LARGEST) for number in (limit, offset))
    if query.condition is None:
        total = count(db, query)
        shown = keys_in_order(db, order, offset, limit)
    else:
        matches = matches_in_order(db, query, order)
        total = len(matches)
        shown = matches[offset : offset + limit]
    return TrackPage(total, tuple(track_rows(db, shown)))


def keys_in_order(db: sqlite3.Connection, order: str, offset: int, limit: int) -> list[int]:
    """Keys of a slice of all tracks that are there. `order` comes from `order_by`."""
    return _keys(
        db,
        f"SELECT t.id FROM tracks AS t WHERE t.missing = 0 ORDER BY {order} LIMIT ? OFFSET ?",
        (limit, offset),
    )


def matches_in_order(db: sqlite3.Connection, query: Query, order: str) -> list[int]:
    """Keys of all that a query asks for: few are sorted, many are picked while walking the order's index."""
    matches = _matches(db, query)
    if len(matches) <= _FEW:
        return _keys(
            db,
            f"SELECT t.id FROM tracks AS t WHERE t.id IN (SELECT value FROM json_each(?)) ORDER BY {order}",
            (json.dumps(matches),),
        )
    among = set(matches)
    where = "" if query.speaks_of_missing else "WHERE t.missing = 0"
    walk = db.execute(f"SELECT t.id FROM tracks AS t {where} ORDER BY {order}")
    return [key for (key,) in walk.fetchall() if key in among]


def matches_led_by_index(
    db: sqlite3.Connection, query: Query, order: str, offset: int, limit: int
) -> list[int]:
    """Keys of a slice of what a query asks for that bounds the first column of the order."""
    where = query.sql()
    return _keys(
        db,
        f"SELECT t.id FROM tracks AS t WHERE {where.text} ORDER BY {order} LIMIT ? OFFSET ?",
        (*where.values, limit, offset),
    )


def matches_among(
    db: sqlite3.Connection, query: Query, order: str, offset: int, limit: int
) -> tuple[int, list[int]]:
    """How many tracks of a slice of all that are there were looked at, and keys of those a query asks for."""
    looked_at = keys_in_order(db, order, offset, limit)
    return len(looked_at), sifted(db, query, looked_at)


def sifted(db: sqlite3.Connection, query: Query, among: Sequence[int]) -> list[int]:
    """Those of these keys that a query asks for, in the order they came."""
    where = query.sql(few=True)
    found = set(
        _keys(
            db,
            f"SELECT t.id FROM tracks AS t WHERE t.id IN (SELECT value FROM json_each(?)) AND ({where.text})",
            (json.dumps(list(among)), *where.values),
        )
    )
    return [key for key in among if key in found]


def _keys(db: sqlite3.Connection, statement: str, values: tuple[SqlValue, ...]) -> list[int]:
    return [int(key) for (key,) in db.execute(statement, values).fetchall()]


def _matches(db: sqlite3.Connection, query: Query) -> list[int]:
    where = query.sql()
    return _keys(db, f"SELECT t.id FROM tracks AS t WHERE {where.text}", where.values)


def count(db: sqlite3.Connection, query: Query | None) -> int:
    """How many tracks a query asks for."""
    where = (query or _ALL).sql()
    (total,) = db.execute(f"SELECT count(*) FROM tracks AS t WHERE {where.text}", where.values).fetchone()
    return int(total)


def matching_ids(
    db: sqlite3.Connection, query: Query | None, most: int | None = None, order: str | None = None
) -> list[TrackId]:
    """All tracks of a query, or some `most` of them, in no order unless one is given.

    In no order they come as SQLite meets them. It would walk an index for `missing` and fetch each row that
    the index does not cover; reading the table through takes an eighth of that.
    """
    query = query or _ALL
    where = query.sql()
    hint = "NOT INDEXED" if order is None and not query.is_covered else ""
    rows = db.execute(
        f"SELECT t.uuid FROM tracks AS t {hint} WHERE {where.text} "
        f"{f'ORDER BY {order}' if order else ''} LIMIT ?",
        (*where.values, -1 if most is None else most),
    ).fetchall()
    return [TrackId(UUID(bytes=uuid)) for (uuid,) in rows]


def which_match(db: sqlite3.Connection, ids: Sequence[TrackId], query: Query | None) -> set[TrackId]:
    """Those of these tracks that a query asks for."""
    where = (query or _ALL).sql(few=True)
    found: set[TrackId] = set()
    for batch in batches([track_id.bytes for track_id in ids]):
        rows = db.execute(
            f"SELECT t.uuid FROM tracks AS t WHERE t.uuid IN ({marks(batch)}) AND ({where.text})",
            (*batch, *where.values),
        ).fetchall()
        found.update(TrackId(UUID(bytes=uuid)) for (uuid,) in rows)
    return found


def missing_ids(db: sqlite3.Connection) -> list[TrackId]:
    """Tracks none of whose files is present, oldest first."""
    rows = db.execute("SELECT uuid FROM tracks WHERE missing = 1 ORDER BY id").fetchall()
    return [TrackId(UUID(bytes=uuid)) for (uuid,) in rows]


def keys(db: sqlite3.Connection, ids: Iterable[TrackId]) -> list[int]:
    """Keys of the tracks that exist, in the order asked for."""
    return list(keys_by_id(db, ids).values())


def keys_by_id(db: sqlite3.Connection, ids: Iterable[TrackId]) -> dict[TrackId, int]:
    """The tracks that exist with their keys, in the order asked for."""
    asked = list(dict.fromkeys(ids))
    found: dict[bytes, int] = {}
    for batch in batches([track_id.bytes for track_id in asked]):
        found.update(
            db.execute(f"SELECT uuid, id FROM tracks WHERE uuid IN ({marks(batch)})", batch).fetchall()
        )
    return {track_id: found[track_id.bytes] for track_id in asked if track_id.bytes in found}


def delete(db: sqlite3.Connection, ids: Sequence[TrackId], *, only_missing: bool) -> int:
    """Leave tombstones, then delete the tracks with all that hangs on them; how many there were."""
    gone = 0
    for track_id in ids:
        row = db.execute(
            "SELECT id FROM tracks WHERE uuid = ? AND missing >= ?", (track_id.bytes, only_missing)
        ).fetchone()
        if row is not None:
            indexed.bury(db, row[0], track_id.bytes)
            gone += db.execute("DELETE FROM tracks WHERE id = ?", row).rowcount
    return gone


def resolve(db: sqlite3.Connection, text: str) -> TrackId:
    """The one track whose id begins so. Raises UnmetRequest when none or several do, UsageError for no id."""
    digits = text.strip().lower().replace("-", "")
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        raise UsageError(
            "That is no track id.",
            "An id is made of the digits 0-9 and a-f; musicsim-tui list --json shows them.",
        )
    if len(digits) < _SHORTEST_PREFIX:
        raise UsageError(
            f"{digits} is too short for a track id.",
            f"Give at least its first {_SHORTEST_PREFIX} characters.",
        )
    low, high = bytes.fromhex(digits.ljust(32, "0")), bytes.fromhex(digits.ljust(32, "f"))
    rows = db.execute(
        "SELECT uuid, shown_title FROM tracks WHERE uuid BETWEEN ? AND ? ORDER BY uuid LIMIT 2", (low, high)
    ).fetchall()
    if not rows:
        raise UnmetRequest(
            f"No track has an id that begins with {digits}.", "musicsim-tui list --json shows the ids."
        )
    if len(rows) > 1:
        both = " and ".join(f"{UUID(bytes=uuid)} ({title})" for uuid, title in rows)
        raise UnmetRequest(f"Several tracks have ids that begin with {digits}.", f"Give more of it: {both}.")
    return TrackId(UUID(bytes=rows[0][0]))


def track_rows(db: sqlite3.Connection, track_keys: Sequence[int]) -> list[TrackRow]:
    """Rows of those tracks with these keys that still exist, in this order."""
    rows: list[TrackRow] = []
    for batch in batches(track_keys):
        rows.extend(_rows(db, batch))
    return rows


def _rows(db: sqlite3.Connection, batch: Sequence[int]) -> list[TrackRow]:
    among = marks(batch)
    facts = {
        row[0]: row[1:]
        for row in db.execute(
            "SELECT id, uuid, duration, added, missing, title, artist, album, year, shown_title"
            f" FROM tracks WHERE id IN ({among})",
            batch,
        )
    }
    batch = [key for key in batch if key in facts]
    among = marks(batch)
    paths: dict[int, list[Path]] = {key: [] for key in batch}
    for key, path, missing in db.execute(
        f"SELECT track, path, missing FROM files WHERE track IN ({among}) ORDER BY id", batch
    ):
        if facts[key][3] or not missing:
            paths[key].append(Path(os.fsdecode(path)))
    models, sounds = _hearings(db, batch)
    found = []
    for key in batch:
        uuid, duration, added, missing, title, artist, album, year, shown = facts[key]
        # A track without any file has no name to fall back on.
        tags = Tags(title if paths[key] else shown, artist, album, year)
        track = Track(
            TrackId(UUID(bytes=uuid)), tags, duration, added, tuple(paths[key]), missing=bool(missing)
        )
        found.append(TrackRow(track, sounds[key], models[key]))
    return found


def _hearings(
    db: sqlite3.Connection, batch: Sequence[int]
) -> tuple[dict[int, tuple[str, ...]], dict[int, tuple[Sound, ...]]]:
    """Names of the models that heard each track, and the sounds of the latest that named any."""
    among = marks(batch)
    names: dict[int, set[str]] = {key: set() for key in batch}
    latest_first: dict[int, list[int]] = {key: [] for key in batch}
    for key, embedding, name in db.execute(
        "SELECT e.track, e.id, m.name FROM embeddings AS e JOIN models AS m ON m.id = e.model"
        f" WHERE e.track IN ({among}) ORDER BY e.heard DESC, e.id DESC",
        batch,
    ):
        names[key].add(name)
        latest_first[key].append(embedding)
    heard: dict[int, list[Sound]] = {}
    for embedding, label, score, start in db.execute(
        "SELECT s.embedding, l.name, s.score, s.start FROM sounds AS s JOIN labels AS l ON l.id = s.label"
        f" WHERE s.embedding IN (SELECT id FROM embeddings WHERE track IN ({among}))"
        " ORDER BY s.score DESC, l.name",
        batch,
    ):
        heard.setdefault(embedding, []).append(Sound(label, score, start))
    sounds = {
        key: next((tuple(heard[embedding]) for embedding in embeddings if embedding in heard), ())
        for key, embeddings in latest_first.items()
    }
    return {key: tuple(sorted(found)) for key, found in names.items()}, sounds


def order_by(sort: str, *, descending: bool) -> str:
    """What stands behind ORDER BY, for the row `t` of `tracks`. Raises UsageError for an unknown order."""
    if sort not in SORTS:
        near = get_close_matches(sort, SORTS, 1)
        raise UsageError(
            f"Tracks cannot be sorted by {sort!r}.",
            f"Did you mean {near[0]}?" if near else f"Sort by one of {', '.join(SORTS)}.",
        )
    direction = "DESC" if descending else "ASC"
    return ", ".join(f"t.{column} {direction}" for column in (*SORTS[sort], "id"))
