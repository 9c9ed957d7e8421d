"""What the models heard: means, windows and sounds, each in a table of its own.

CROSS JOIN keeps SQLite on the order written: few tracks first, not every embedding of a model.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from musicsim_tui.library import indexed
from musicsim_tui.library.batches import batches, marks
from musicsim_tui.library.files import put, record_flaw
from musicsim_tui.library.folding import clean, fold
from musicsim_tui.library.hearing import covers
from musicsim_tui.library.records import HeardTrack, IndexEntry
from musicsim_tui.library.shown import refresh
from musicsim_tui.track import Embedding, ModelVersion, Sound, TrackId

if TYPE_CHECKING:
    from musicsim_tui.track import HalfVectors, Samples

_HALF_MAX = 65_504.0
"""The largest number in binary16 (IEEE 754)."""


def check(heard: HeardTrack) -> None:
    """Raise ValueError for shapes that do not fit each other or the model, and for what is not finite."""
    import numpy as np  # not with the catalog: the first screen needs no numbers

    embedding = heard.embedding
    numbers = [heard.duration, *(number for sound in heard.sounds for number in (sound.score, sound.start))]
    if not np.isfinite(numbers).all():
        raise ValueError("duration and sounds are finite numbers")
    dimensions = embedding.model.dimensions
    windows = len(embedding.starts)
    if embedding.mean.shape != (dimensions,) or embedding.windows.shape != (windows, dimensions):
        raise ValueError(f"embedding of {embedding.model} does not have {dimensions} dimensions throughout")
    if not (np.isfinite(embedding.mean).all() and np.isfinite(embedding.windows).all()):
        raise ValueError(f"embedding of {embedding.model} is not finite")


def store(db: sqlite3.Connection, heard: Sequence[HeardTrack], now: float) -> set[TrackId]:
    """Keep what was heard, and what the tracks then show; the tracks of which it was not known already."""
    affected: set[int] = set()
    added: set[TrackId] = set()
    for track in heard:
        changed, is_new = _store_one(db, track, now)
        affected |= changed
        if is_new:
            added.add(track.file.track_id)
    refresh(db, affected)
    return added


def _store_one(db: sqlite3.Connection, heard: HeardTrack, now: float) -> tuple[set[int], bool]:
    """Keep one track: those whose files changed, and whether it was not known already."""
    uuid = heard.file.track_id.bytes
    model = _model(db, heard.embedding.model)
    row = db.execute(
        "SELECT t.id, e.id, e.coverage FROM tracks AS t LEFT JOIN embeddings AS e"
        " ON e.track = t.id AND e.model = ? WHERE t.uuid = ?",
        (model, uuid),
    ).fetchone()
    if row is None:
        track = db.execute(
            "INSERT INTO tracks (uuid, duration, loudness, added, missing, title, artist, album, shown_title,"
            " title_order, artist_order, album_order, year_order, described)"
            " VALUES (?, ?, ?, ?, 1, '', '', '', '', '', '', '', 0, x'')",
            (uuid, heard.duration, heard.loudness, now),
        ).lastrowid
        row = (track, None, None)
    track, embedding, coverage = row
    affected = put(db, heard.file, track)
    if heard.flaw is not None:
        record_flaw(db, heard.file, heard.flaw, now)
    if embedding is not None and not covers(heard.embedding.coverage, coverage):
        return affected, False
    is_new = embedding is None or not covers(coverage, heard.embedding.coverage)
    db.execute(
        "UPDATE tracks SET duration = ?, loudness = ? WHERE id = ?", (heard.duration, heard.loudness, track)
    )
    db.execute("INSERT OR REPLACE INTO waveforms (track, data) VALUES (?, ?)", (track, heard.waveform))
    embedding = _put_embedding(db, heard.embedding, track, model, now)
    _put_sounds(db, heard.sounds, embedding, track)
    indexed.revive(db, uuid, model)
    indexed.changed(db, track, model)
    return affected, is_new


def _put_embedding(db: sqlite3.Connection, heard: Embedding, track: int, model: int, now: float) -> int:
    facts = (heard.coverage, len(heard.starts), now, track, model)
    if not db.execute(
        "UPDATE embeddings SET coverage = ?, windows = ?, heard = ? WHERE track = ? AND model = ?", facts
    ).rowcount:
        db.execute(
            "INSERT INTO embeddings (coverage, windows, heard, track, model, revision)"
            " VALUES (?, ?, ?, ?, ?, 0)",
            facts,
        )
    (key,) = db.execute("SELECT id FROM embeddings WHERE track = ? AND model = ?", (track, model)).fetchone()
    import numpy as np

    mean = np.clip(heard.mean, -_HALF_MAX, _HALF_MAX).astype("<f2")
    db.execute("INSERT OR REPLACE INTO means (embedding, vector) VALUES (?, ?)", (key, mean.tobytes()))
    db.execute(
        "INSERT OR REPLACE INTO windows (embedding, starts, vectors) VALUES (?, ?, ?)",
        (key, heard.starts.astype("<f4").tobytes(), heard.windows.astype("<f2").tobytes()),
    )
    return int(key)


def _put_sounds(db: sqlite3.Connection, sounds: Sequence[Sound], embedding: int, track: int) -> None:
    db.execute("DELETE FROM sounds WHERE embedding = ?", (embedding,))
    weakest_first = sorted(sounds, key=lambda sound: sound.score)
    db.executemany(
        "INSERT OR REPLACE INTO sounds (embedding, label, track, score, start) VALUES (?, ?, ?, ?, ?)",
        [
            (embedding, _label(db, clean(sound.label)), track, float(sound.score), float(sound.start))
            for sound in weakest_first
        ],
    )


def _label(db: sqlite3.Connection, name: str) -> int:
    row = db.execute("SELECT id FROM labels WHERE name = ?", (name,)).fetchone()
    if row is None:
        db.execute("INSERT INTO labels (name, folded) VALUES (?, ?)", (name, fold(name)))
        row = db.execute("SELECT id FROM labels WHERE name = ?", (name,)).fetchone()
    return int(row[0])


def _model(db: sqlite3.Connection, model: ModelVersion) -> int:
    key = indexed.model_key(db, model)
    if key is None:
        db.execute(
            "INSERT INTO models (name, version, dimensions) VALUES (?, ?, ?)",
            (model.name, model.version, model.dimensions),
        )
        key = indexed.model_key(db, model)
    assert key is not None
    return key


def embedding(db: sqlite3.Connection, track_id: TrackId, model: ModelVersion) -> Embedding | None:
    """A track as a model heard it."""
    row = db.execute(
        "SELECT e.coverage, m.vector, w.starts, w.vectors FROM tracks AS t"
        " CROSS JOIN embeddings AS e ON e.track = t.id JOIN means AS m ON m.embedding = e.id"
        " JOIN windows AS w ON w.embedding = e.id WHERE t.uuid = ? AND e.model = ?",
        (track_id.bytes, indexed.model_key(db, model)),
    ).fetchone()
    if row is None:
        return None
    coverage, mean, starts, vectors = row
    return Embedding(model, coverage, _singles(mean), *_windows(model, starts, vectors))


def windows(
    db: sqlite3.Connection, ids: Sequence[TrackId], model: ModelVersion
) -> dict[TrackId, tuple[HalfVectors, Samples]]:
    """Windows, shape (n, dimensions), and their starts in seconds, of the tracks the model heard."""
    key = indexed.model_key(db, model)
    found = {}
    for batch in batches(ids):
        rows = db.execute(
            "SELECT t.uuid, w.starts, w.vectors FROM tracks AS t CROSS JOIN embeddings AS e ON e.track = t.id"
            f" JOIN windows AS w ON w.embedding = e.id WHERE e.model = ? AND t.uuid IN ({marks(batch)})",
            (key, *(track_id.bytes for track_id in batch)),
        )
        for uuid, starts, vectors in rows:
            found[TrackId(UUID(bytes=uuid))] = _windows(model, starts, vectors)
    return found


def means(
    db: sqlite3.Connection, model: ModelVersion, after: int, limit: int
) -> tuple[int, list[TrackId], HalfVectors]:
    """Up to `limit` means with keys beyond `after`: the last key, ids, and vectors, shape (n, dimensions)."""
    rows = db.execute(
        "SELECT e.id, t.uuid, m.vector FROM embeddings AS e JOIN tracks AS t ON t.id = e.track"
        " JOIN means AS m ON m.embedding = e.id WHERE e.model = ? AND e.id > ? ORDER BY e.id LIMIT ?",
        (indexed.model_key(db, model), after, limit),
    ).fetchall()
    vectors = _halves(b"".join(row[2] for row in rows)).reshape(len(rows), model.dimensions)
    return (rows[-1][0] if rows else after), [TrackId(UUID(bytes=row[1])) for row in rows], vectors


def means_of(
    db: sqlite3.Connection, model: ModelVersion, keys: Sequence[int] | None
) -> tuple[list[TrackId], HalfVectors]:
    """Ids and means of embeddings of a model, shape (n, dimensions); all there are where `keys` is None."""
    if keys is None:
        return means(db, model, 0, -1)[1:]
    rows: list[tuple[bytes, bytes]] = []
    for batch in batches(keys):
        rows.extend(
            db.execute(
                "SELECT t.uuid, m.vector FROM embeddings AS e JOIN tracks AS t ON t.id = e.track"
                f" JOIN means AS m ON m.embedding = e.id WHERE e.id IN ({marks(batch)})",
                batch,
            ).fetchall()
        )
    vectors = _halves(b"".join(vector for _, vector in rows)).reshape(len(rows), model.dimensions)
    return [TrackId(UUID(bytes=uuid)) for uuid, _ in rows], vectors


def means_by_id(
    db: sqlite3.Connection, ids: Sequence[TrackId], model: ModelVersion
) -> dict[TrackId, HalfVectors]:
    """Means, shape (dimensions,), of the tracks the model heard."""
    key = indexed.model_key(db, model)
    found = {}
    for batch in batches(ids):
        rows = db.execute(
            "SELECT t.uuid, m.vector FROM tracks AS t CROSS JOIN embeddings AS e ON e.track = t.id"
            f" JOIN means AS m ON m.embedding = e.id WHERE e.model = ? AND t.uuid IN ({marks(batch)})",
            (key, *(track_id.bytes for track_id in batch)),
        )
        for uuid, vector in rows:
            found[TrackId(UUID(bytes=uuid))] = _halves(vector)
    return found


def sample(db: sqlite3.Connection, model: ModelVersion, n: int, seed: int) -> list[TrackId]:
    """Up to `n` of the tracks a model heard, the same ones for the same seed and library."""
    keys = [
        key
        for (key,) in db.execute(
            "SELECT id FROM embeddings WHERE model = ? ORDER BY id", (indexed.model_key(db, model),)
        ).fetchall()
    ]
    chosen = keys if n >= len(keys) else random.Random(seed).sample(keys, n)
    uuids: dict[int, bytes] = {}
    for batch in batches(chosen):
        uuids.update(
            db.execute(
                "SELECT e.id, t.uuid FROM embeddings AS e JOIN tracks AS t ON t.id = e.track"
                f" WHERE e.id IN ({marks(batch)})",
                batch,
            ).fetchall()
        )
    return [TrackId(UUID(bytes=uuids[key])) for key in chosen]


def sounds(
    db: sqlite3.Connection, ids: Sequence[TrackId], model: ModelVersion
) -> dict[TrackId, tuple[Sound, ...]]:
    """Sounds of the tracks that the model has heard, strongest first; an empty tuple where it named none."""
    key = indexed.model_key(db, model)
    found: dict[TrackId, list[Sound]] = {}
    for batch in batches(ids):
        rows = db.execute(
            "SELECT t.uuid, l.name, s.score, s.start FROM tracks AS t"
            " CROSS JOIN embeddings AS e ON e.track = t.id"
            " LEFT JOIN sounds AS s ON s.embedding = e.id LEFT JOIN labels AS l ON l.id = s.label"
            f" WHERE e.model = ? AND t.uuid IN ({marks(batch)}) ORDER BY s.score DESC, l.name",
            (key, *(track_id.bytes for track_id in batch)),
        ).fetchall()
        for uuid, label, score, start in rows:
            heard = found.setdefault(TrackId(UUID(bytes=uuid)), [])
            if label is not None:
                heard.append(Sound(label, score, start))
    return {track_id: tuple(heard) for track_id, heard in found.items()}


def drop_some(db: sqlite3.Connection, model: ModelVersion, limit: int) -> int:
    """Delete up to `limit` embeddings of a model, and the model with the last of them; how many went."""
    key = indexed.model_key(db, model)
    gone = db.execute(
        "DELETE FROM embeddings WHERE id IN (SELECT id FROM embeddings WHERE model = ? LIMIT ?)", (key, limit)
    ).rowcount
    if gone < limit:
        db.execute("DELETE FROM models WHERE id = ?", (key,))
    return gone


def entries(
    db: sqlite3.Connection, keys: Sequence[int], dimensions: int
) -> list[tuple[IndexEntry, tuple[int, int]]]:
    """What an index stores of these embeddings, each with its key and revision."""
    found = []
    for batch in batches(keys):
        rows = db.execute(
            "SELECT e.id, e.revision, e.track, t.uuid, m.vector, t.shown_title, t.artist, t.album, t.year,"
            " t.duration, t.added, t.missing FROM embeddings AS e JOIN tracks AS t ON t.id = e.track"
            f" JOIN means AS m ON m.embedding = e.id WHERE e.id IN ({marks(batch)}) ORDER BY e.id",
            batch,
        ).fetchall()
        labels: dict[int, list[str]] = {row[0]: [] for row in rows}
        for key, label in db.execute(
            "SELECT s.embedding, l.name FROM sounds AS s JOIN labels AS l ON l.id = s.label"
            f" WHERE s.embedding IN ({marks(batch)}) ORDER BY s.score DESC, l.name",
            batch,
        ):
            labels[key].append(label)
        paths: dict[int, list[str]] = {row[2]: [] for row in rows}
        gone = {row[2]: bool(row[11]) for row in rows}
        for track, path, missing in db.execute(
            f"SELECT track, display, missing FROM files WHERE track IN ({marks(batch)}) ORDER BY id",
            [row[2] for row in rows],
        ):
            if gone[track] or not missing:
                paths[track].append(path)
        for key, revision, track, uuid, vector, title, artist, album, year, duration, added, _ in rows:
            entry = IndexEntry(
                TrackId(UUID(bytes=uuid)),
                _singles(vector).reshape(dimensions),
                {
                    "title": title,
                    "artist": artist,
                    "album": album,
                    "year": year,
                    "duration": duration,
                    "sounds": labels[key],
                    "paths": paths[track],
                    "added": added,
                },
            )
            found.append((entry, (key, revision)))
    return found


def _halves(blob: bytes) -> HalfVectors:
    import numpy as np

    return np.frombuffer(blob, dtype="<f2").astype(np.float16, copy=False)


def _singles(blob: bytes) -> Samples:
    """Halves as they are computed with, float32."""
    import numpy as np

    return _halves(blob).astype(np.float32)


def _windows(model: ModelVersion, starts: bytes, vectors: bytes) -> tuple[HalfVectors, Samples]:
    import numpy as np

    times = np.frombuffer(starts, dtype="<f4").astype(np.float32, copy=False)
    return _halves(vectors).reshape(len(times), model.dimensions), times
