"""Lists a link into the catalog while it is being read, and notes what is new, lost or deleted since."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

from musicsim_tui.download.file_names import safe_folder, safe_id, same_name
from musicsim_tui.download.finished import note_deleted
from musicsim_tui.download.links import Choice
from musicsim_tui.download.playlist import Entry, Listing, stream_listing
from musicsim_tui.download.report import ListingProgress, Opened
from musicsim_tui.library.playlist_records import PlaylistRecord, SourceRecord
from musicsim_tui.library.playlists import ListedEntry

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.download.session import SiteOptions
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.playlist_records import Playlist
    from musicsim_tui.library.playlists import Playlists

SINGLES = "Singles"
"""The folder of what was opened as a single video."""
_FLUSH_SECONDS = 0.1
_MOST_AT_ONCE = 200


def list_into(
    catalog: Catalog,
    link: str,
    folder: Path,
    options: SiteOptions,
    cancel: CancelToken,
    *,
    choice: Choice | None = None,
    limit: int | None = None,
    resettle: bool = False,
    publish: Callable[[ListingProgress], None] = lambda _: None,
) -> Opened:
    """Remember what is behind a link while it is read, each page of it before the next is asked for; a new
    playlist gets a folder in `folder`, with `resettle` a known one as well.

    Raises as `stream_listing` does, CatalogError, and UnmetRequest when the playlist was forgotten meanwhile;
    what came by then is kept.
    """
    writer: _Writer | None = None

    def flush() -> None:
        if writer is not None:
            writer.flush()

    reading = stream_listing(link, options, cancel, choice=choice, limit=limit, before_wait=flush)
    with closing(reading) as stream:
        try:
            for item in stream:
                if isinstance(item, Entry):
                    assert writer is not None  # the header comes first
                    writer.take(item)
                elif writer is None:
                    record = record_of(item, link.strip(), choice, limit)
                    writer = _Writer(catalog.playlists, record, folder, publish, resettle=resettle)
                else:
                    listing = item
        finally:
            flush()
    assert writer is not None
    removed = writer.finish(listing)
    return Opened(
        playlist=writer.playlist,
        title=listing.title,
        created=writer.created,
        announced=listing.announced,
        received=listing.received,
        fresh=writer.fresh,
        removed=removed,
        deleted=len(note_deleted(catalog, writer.playlist).deleted),
        gap=listing.gap,
        sources=sources_of(listing),
        retried=listing.retried,
        limited=listing.limited,
        problem=listing.problem,
        advice=listing.advice,
    )


class _Writer:
    """Brings a listing into the catalog in small batches: the first entry at once, a page at its end."""

    def __init__(
        self,
        playlists: Playlists,
        record: PlaylistRecord,
        folder: Path,
        publish: Callable[[ListingProgress], None],
        *,
        resettle: bool,
    ) -> None:
        self.fresh = 0
        self._playlists = playlists
        self._record = record
        self._publish = publish
        self._seen: Counter[tuple[str, str]] = Counter()
        self._received = 0
        self._waiting: list[ListedEntry] = []
        self._flush_at = 0.0
        known = playlists.all()
        place = folder_for(record, folder, [other for other in known if not is_of(other, record)])
        self.playlist, self.created = playlists.begin(record, place)
        if resettle and any(is_of(one, record) and one.folder.parent != place.parent for one in known):
            playlists.settle(self.playlist, place)
        self._tell()

    def take(self, entry: Entry) -> None:
        self._received += 1
        self._waiting.append(_listed(entry, self._seen))
        if time.monotonic() >= self._flush_at or len(self._waiting) >= _MOST_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Bring what waits into the catalog."""
        if self._waiting:
            self.fresh += self._playlists.add(self.playlist, self._waiting)
            self._waiting = []
            self._flush_at = time.monotonic() + _FLUSH_SECONDS
            self._tell()

    def finish(self, listing: Listing) -> int:
        """The listing is over; how many entries are not in it any more."""
        return self._playlists.finish(
            self.playlist, listed_all(listing.entries), gap=listing.gap, complete=is_complete(listing)
        )

    def _tell(self) -> None:
        self._publish(
            ListingProgress(
                playlist=self.playlist,
                title=self._record.title,
                announced=self._record.announced,
                received=self._received,
                fresh=self.fresh,
            )
        )


def is_complete(listing: Listing) -> bool:
    """Whether what a listing does not have is not in the list any more."""
    return listing.problem is None and not (listing.gap or listing.limited or listing.endless)


def sources_of(listing: Listing) -> tuple[tuple[str, str], ...]:
    """What a listing gave, by extractor and id."""
    return tuple((entry.source.extractor, entry.source.id) for entry in listing.entries)


def record_of(header: Listing, link: str, choice: Choice | None, limit: int | None) -> PlaylistRecord:
    """What is remembered of a link."""
    return PlaylistRecord(
        extractor=header.source.extractor,
        source_id=header.source.id,
        link=link,
        url=header.url,
        title=header.title,
        channel=header.channel,
        single=header.single,
        endless=header.endless,
        announced=header.announced,
        choice="" if choice is None else choice.value,
        limit=limit,
    )


def is_of(known: Playlist, record: PlaylistRecord) -> bool:
    """Whether a playlist is the one that a record is about."""
    return (known.record.extractor, known.record.source_id) == (record.extractor, record.source_id)


def folder_for(record: PlaylistRecord, base: Path, known: Sequence[Playlist]) -> Path:
    """A folder that no other playlist has, whatever the file system makes of capitals."""
    if record.single:
        return base / SINGLES
    taken = {same_name(str(folder)) for folder in (base / SINGLES, *(playlist.folder for playlist in known))}
    name = safe_folder(record.title, record.source_id)
    for number in count(1):
        if same_name(str(base / name)) not in taken:
            break
        again = f" ({number})" if number > 1 else ""
        name = safe_folder(f"{record.title[:100]}{again} [{safe_id(record.source_id)}]", record.source_id)
    return base / name


def listed_all(entries: Iterable[Entry]) -> list[ListedEntry]:
    """Entries as the catalog takes them."""
    seen: Counter[tuple[str, str]] = Counter()
    return [_listed(entry, seen) for entry in entries]


def _listed(entry: Entry, seen: Counter[tuple[str, str]]) -> ListedEntry:
    key = (entry.source.extractor, entry.source.id)
    seen[key] += 1
    why = entry.unavailable
    return ListedEntry(
        entry.position,
        seen[key] - 1,
        SourceRecord(
            extractor=entry.source.extractor,
            source_id=entry.source.id,
            url=entry.url,
            title=entry.title,
            channel=entry.channel,
            duration=entry.duration,
            kind="" if why is None else why.value,
            reason="" if why is None else why.title,
            hint="" if why is None else why.hint,
        ),
    )
