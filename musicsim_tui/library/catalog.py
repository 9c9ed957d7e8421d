"""The door to the catalog."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from musicsim_tui.jobs import CancelToken
from musicsim_tui.library import embeddings, hearing, indexed, roots, tracks
from musicsim_tui.library import files as filing
from musicsim_tui.library.batches import batches
from musicsim_tui.library.connection import Connections
from musicsim_tui.library.crates import Crates
from musicsim_tui.library.indexed_book import IndexedBook
from musicsim_tui.library.listing import TrackListing
from musicsim_tui.library.playlists import Playlists
from musicsim_tui.library.query import Query
from musicsim_tui.library.records import (
    Failure,
    FileRecord,
    FileStamp,
    HeardTrack,
    KnownFile,
    ModelUse,
    Root,
    TrackPage,
    TrackRow,
)

if TYPE_CHECKING:
    from musicsim_tui.track import Embedding, HalfVectors, ModelVersion, Samples, Sound, TrackId

_DROPPED_AT_ONCE = 200
_PAGES_RECLAIMED_AT_ONCE = 2_000


class Catalog(IndexedBook):
    """Everything known about the library, in one SQLite file that several threads and processes may use.

    Every call raises CatalogError, with a title and a hint, when the file cannot be read or written.
    Paths are absolute, or taken from the working directory; links are not followed.
    """

    def __init__(self, connections: Connections, clock: Callable[[], float]) -> None:
        super().__init__(connections)
        self._connections = connections
        self._clock = clock
        self.crates = Crates(connections, clock)
        self.playlists = Playlists(connections, clock)

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> Self:
        """Open or create the catalog, and its folder; bring an older one up to date.

        `clock` gives Unix seconds. Raises CatalogError for a file of another program or of a newer version,
        a damaged, read-only or unreachable one, and for a full disk.
        """
        return cls(Connections(path), clock)

    @property
    def path(self) -> Path:
        return self._connections.path

    def close(self) -> None:
        """Wait for the write in progress and close every connection; safe from any thread, idempotent."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def data_version(self) -> int:
        """A number that changes when another process, or another object, has written."""
        return self._connections.data_version()

    def check(self) -> list[str]:
        """What SQLite finds wrong with the file, empty when all is well; reads the whole file."""
        return self._connections.check()

    # Remembered folders and settings

    def add_root(self, path: Path, excludes: Sequence[str] | None = None) -> None:
        """Remember a folder or file, or change its excludes, which None leaves as they are.

        A path below a remembered folder that excludes nothing is covered by it and gets no entry of its own,
        unless it brings excludes. Adding a folder keeps the entries below it: they may be drives that come
        and go.
        """
        with self._write() as db:
            roots.add(db, path, excludes, self._clock())

    def roots(self) -> list[Root]:
        with self._read() as db:
            return roots.listed(db)

    def forget_root(self, path: Path) -> bool:
        """Whether there was such a root. Its files and tracks stay."""
        with self._write() as db:
            return roots.forget(db, path)

    def mark_scanned(self, root: Path, at: float) -> None:
        """Note when a root was last scanned to its end, in Unix seconds."""
        with self._write() as db:
            roots.mark_scanned(db, root, at)

    def get_meta(self, key: str) -> str | None:
        """A setting kept in the library."""
        with self._read() as db:
            return roots.get_meta(db, key)

    def set_meta(self, key: str, value: str | None) -> None:
        """Keep a setting in the library; None removes it."""
        with self._write() as db:
            roots.set_meta(db, key, value)

    # Files

    def known_files(self, under: Path) -> dict[bytes, KnownFile]:
        """Files at or below a path, present and missing, by `os.fsencode(path)`."""
        with self._read() as db:
            return filing.known(db, under)

    def file_sizes(self) -> set[int]:
        """The sizes in bytes of all files, present and missing."""
        with self._read() as db:
            return filing.sizes(db)

    def failed_files(self, under: Path, *, whole: bool = True) -> dict[bytes, FileStamp | None]:
        """Files at or below a path that could not be heard or are flawed, as they were then; without `whole`
        only those of which something is missing."""
        with self._read() as db:
            return filing.failed(db, under, whole=whole)

    def link_files(self, files: Sequence[FileRecord]) -> int:
        """Note files that were found, moved, copied or retagged; their failures are cleared. What is wrong
        with a sound that was heard goes with it.

        Returns how many: a file whose track is deleted meanwhile is left out, the next scan finds it new.
        """
        with self._write() as db:
            return filing.link(db, files)

    def mark_missing(self, paths: Sequence[Path]) -> None:
        """Note that files are gone; unknown ones are ignored."""
        with self._write() as db:
            filing.mark_missing(db, paths)

    def embedded_ids(self, model: ModelVersion, coverage: int | None) -> set[TrackId]:
        """Tracks of which a model has heard at least so many windows; None is all of them."""
        with self._read() as db:
            return hearing.ids(db, model, coverage)

    def is_heard(self, path: Path, stamp: FileStamp, model: ModelVersion, coverage: int | None) -> bool:
        """Whether a model has heard at least so many windows of what the file holds now."""
        with self._read() as db:
            return hearing.is_heard(db, path, stamp, model, coverage)

    def store(self, heard: Sequence[HeardTrack]) -> set[TrackId]:
        """Keep what was heard, all of it or, on an error, nothing; failures of the files give way to what is
        wrong with them now. Returns the tracks of which the model had not heard as much before.

        A hearing that covers less than what is stored adds its file and changes nothing else.
        Raises ValueError for arrays that do not fit their model, and for numbers that are not finite.
        """
        for track in heard:
            embeddings.check(track)
        with self._write() as db:
            return embeddings.store(db, heard, self._clock())

    def record_failures(self, failures: Sequence[Failure]) -> None:
        """Remember failures; `attempts` is counted here, whatever the records say."""
        with self._write() as db:
            filing.record_failures(db, failures)

    def failures(self) -> list[Failure]:
        """All failures, by path."""
        with self._read() as db:
            return filing.listed_failures(db)

    def clear_failures(self, paths: Sequence[Path] | None = None) -> int:
        """Forget the failures of some files, or all; how many there were."""
        with self._write() as db:
            return filing.clear_failures(db, paths)

    # Tracks

    def track(self, track_id: TrackId) -> TrackRow | None:
        """A track with the paths of its present files, oldest first; of a missing one, those it had last."""
        return self.tracks_by_id([track_id]).get(track_id)

    def resolve(self, text: str) -> TrackId:
        """The track with this id, or beginning of one of at least four digits.

        Raises UnmetRequest when none or several have it, UsageError for what is no id.
        """
        with self._read() as db:
            return tracks.resolve(db, text)

    def track_at(self, path: Path) -> TrackId | None:
        """The track of a file, also of one that was gone when last looked for."""
        return next(iter(self.tracks_at([path]).values()), None)

    def tracks_at(self, paths: Sequence[Path]) -> dict[bytes, TrackId]:
        """The tracks of the known ones among these files, by `os.fsencode(path)` of the path as given."""
        with self._read() as db:
            return filing.tracks_at(db, paths)

    def tracks(
        self,
        where: Query | None = None,
        *,
        sort: str = "artist",
        descending: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> TrackPage:
        """A page of a listing, without missing tracks unless the query asks for them.

        `sort` is one of artist, title, album, len, added, year; else UsageError. Tracks without artist,
        album or year come behind those with one; `descending` is exactly the reverse.
        """
        with self._read() as db:
            return tracks.page(db, where, sort, descending, limit, offset)

    def listing(
        self,
        where: Query | None = None,
        *,
        sort: str = "artist",
        descending: bool = False,
        within: TrackListing | None = None,
    ) -> TrackListing:
        """The same listing for whoever goes through it: its rows come before their number is known.

        `within` is one made a moment ago: where this one can only be a part of it, nothing else is looked at.
        """
        return TrackListing(self._read, where, sort, descending=descending, within=within)

    def matching_ids(self, where: Query | None, most: int | None = None) -> list[TrackId]:
        """All tracks of a query, or some `most` of them, in no order."""
        with self._read() as db:
            return tracks.matching_ids(db, where, most)

    def sorted_ids(self, where: Query | None, sort: str, *, descending: bool = False) -> list[TrackId]:
        """All tracks of a query in the order of `listing`. Raises UsageError for an unknown one."""
        order = tracks.order_by(sort, descending=descending)
        with self._read() as db:
            return tracks.matching_ids(db, where, order=order)

    def which_match(self, ids: Sequence[TrackId], where: Query | None) -> set[TrackId]:
        """Those of these tracks that a query asks for: quick for a few, however many it asks for in all."""
        with self._read() as db:
            return tracks.which_match(db, ids, where)

    def count(self, where: Query | None = None) -> int:
        with self._read() as db:
            return tracks.count(db, where)

    def total_seconds(self) -> float:
        """How long all tracks play whose files are there."""
        with self._read() as db:
            (seconds,) = db.execute("SELECT total(duration) FROM tracks WHERE missing = 0").fetchone()
        return float(seconds)

    def tracks_by_id(self, ids: Sequence[TrackId]) -> dict[TrackId, TrackRow]:
        """The known ones among these tracks, missing ones too, in the order asked for."""
        with self._read() as db:
            return {row.track.id: row for row in tracks.track_rows(db, tracks.keys(db, ids))}

    def missing_ids(self) -> list[TrackId]:
        """Tracks none of whose files is present."""
        with self._read() as db:
            return tracks.missing_ids(db)

    def delete_tracks(
        self, ids: Sequence[TrackId], cancel: CancelToken | None = None, *, only_missing: bool = False
    ) -> int:
        """Delete tracks with all that hangs on them, and give the space back; how many there were.
        `only_missing` spares those that have a present file by then.

        Leaves tombstones for every index target that may have them. Works in short transactions as
        `drop_model` does; raises Cancelled between two.
        """
        cancel = cancel or CancelToken()
        deleted = 0
        for batch in batches(ids, _DROPPED_AT_ONCE):
            cancel.check()
            with self._write() as db:
                deleted += tracks.delete(db, batch, only_missing=only_missing)
        self._reclaim(cancel)
        return deleted

    def _reclaim(self, cancel: CancelToken) -> None:
        while self._connections.reclaim(_PAGES_RECLAIMED_AT_ONCE):
            cancel.check()

    def waveform(self, track_id: TrackId) -> bytes | None:
        with self._read() as db:
            row = db.execute(
                "SELECT w.data FROM tracks AS t JOIN waveforms AS w ON w.track = t.id WHERE t.uuid = ?",
                (track_id.bytes,),
            ).fetchone()
        return None if row is None else bytes(row[0])

    def loudness(self, track_id: TrackId) -> float | None:
        """Loudness as RMS in dBFS; None for an unknown track, and where it could not be measured (NaN)."""
        with self._read() as db:
            row = db.execute("SELECT loudness FROM tracks WHERE uuid = ?", (track_id.bytes,)).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    # What models heard; these include tracks whose files are gone

    def models(self) -> list[ModelUse]:
        """Models with at least one embedding, by name and version."""
        with self._read() as db:
            return hearing.models(db)

    def present_counts(self) -> dict[ModelVersion, int]:
        """How many of the tracks whose files are there each model has heard."""
        with self._read() as db:
            return hearing.present_counts(db)

    def waiting_count(self, model: ModelVersion) -> int:
        """Tracks that a model has yet to hear: another has, and a file is there that did not fail."""
        with self._read() as db:
            return hearing.waiting_count(db, model)

    def embedding(self, track_id: TrackId, model: ModelVersion) -> Embedding | None:
        """A track as a model heard it; the mean went through float16."""
        with self._read() as db:
            return embeddings.embedding(db, track_id, model)

    def windows(
        self, ids: Sequence[TrackId], model: ModelVersion
    ) -> dict[TrackId, tuple[HalfVectors, Samples]]:
        """Of the tracks the model heard: windows, shape (n, dimensions), and starts in seconds."""
        with self._read() as db:
            return embeddings.windows(db, ids, model)

    def means(self, model: ModelVersion, *, batch: int = 1024) -> Iterator[tuple[list[TrackId], HalfVectors]]:
        """Every mean of a model, at most `batch` at a time, shape (n, dimensions), float16.

        No transaction is open between batches: what is stored meanwhile may appear, each track at most once.
        """
        after = 0
        while True:
            with self._read() as db:
                after, ids, vectors = embeddings.means(db, model, after, batch)
            if not ids:
                return
            yield ids, vectors

    def means_by_id(self, ids: Sequence[TrackId], model: ModelVersion) -> dict[TrackId, HalfVectors]:
        """Of the tracks the model heard: means, shape (dimensions,), float16."""
        with self._read() as db:
            return embeddings.means_by_id(db, ids, model)

    def sample_ids(self, model: ModelVersion, n: int, seed: int = 0) -> list[TrackId]:
        """Up to `n` of the tracks a model heard, the same ones for the same seed and library."""
        with self._read() as db:
            return embeddings.sample(db, model, n, seed)

    def sounds(self, ids: Sequence[TrackId], model: ModelVersion) -> dict[TrackId, tuple[Sound, ...]]:
        """Sounds, strongest first, of the tracks a model heard."""
        with self._read() as db:
            return embeddings.sounds(db, ids, model)

    def drop_model(self, model: ModelVersion, cancel: CancelToken | None = None) -> int:
        """Forget all a model heard and give the space back to the disk; how many tracks that were.

        Works in short transactions: other writers get their turn, and a second call finishes one that was
        cancelled or cut short.
        """
        cancel = cancel or CancelToken()
        dropped = 0
        more = True
        while more:
            cancel.check()
            with self._write() as db:
                gone = embeddings.drop_some(db, model, _DROPPED_AT_ONCE)
            dropped += gone
            more = gone == _DROPPED_AT_ONCE
        self._reclaim(cancel)
        return dropped

    def embedded_count(self, model: ModelVersion) -> int:
        with self._read() as db:
            return indexed.embedded_count(db, model)
