"""Looks at what is behind a link and remembers nothing of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from musicsim_tui.download.finished import find_losses
from musicsim_tui.download.listing import (
    folder_for,
    is_complete,
    is_of,
    listed_all,
    record_of,
    sources_of,
)
from musicsim_tui.download.playlist import Entry, Listing, stream_listing
from musicsim_tui.download.report import ListingProgress, Opened
from musicsim_tui.library.playlist_records import EntryState, Playlist, PlaylistEntry

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.download.links import Choice
    from musicsim_tui.download.session import SiteOptions
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.playlist_records import PlaylistRecord
    from musicsim_tui.library.playlists import ListedEntry

    Key = tuple[str, str, int]

_CHANGED_BY_LISTING = (EntryState.LISTED, EntryState.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Preview:
    """A playlist as it would be after a listing. A playlist that is not remembered has the number 0."""

    opened: Opened
    playlist: Playlist
    entries: tuple[PlaylistEntry, ...]


def look_into(
    catalog: Catalog,
    link: str,
    folder: Path,
    options: SiteOptions,
    cancel: CancelToken,
    *,
    choice: Choice | None = None,
    limit: int | None = None,
    publish: Callable[[ListingProgress], None] = lambda _: None,
) -> Preview:
    """What is behind a link, beside what the catalog has of it. Raises as `stream_listing` does."""
    header: Listing | None = None
    received = 0
    with closing(stream_listing(link, options, cancel, choice=choice, limit=limit)) as stream:
        for item in stream:
            if isinstance(item, Entry):
                received += 1
            else:
                header = item
            assert header is not None  # the header comes first
            publish(ListingProgress(0, header.title, header.announced, received, 0))
    assert header is not None
    record = record_of(header, link.strip(), choice, limit)
    others = catalog.playlists.all()
    known = next((playlist for playlist in others if is_of(playlist, record)), None)
    return _preview(catalog, header, record, known, folder_for(record, folder, others))


def as_remembered(catalog: Catalog, known: Playlist) -> Preview:
    """A playlist without asking the site: what is left of its files."""
    gone = _gone(catalog)
    entries = [_without_file(entry, gone) for entry in catalog.playlists.entries(known.id)]
    opened = Opened(
        playlist=known.id,
        title=known.title,
        created=False,
        announced=known.record.announced,
        received=known.received,
        fresh=0,
        removed=0,
        deleted=sum(entry.key in gone for entry in entries),
        gap=known.gap,
        retried=False,
        limited=False,
    )
    counts = dict(Counter(entry.state for entry in entries))
    return Preview(opened, replace(known, counts=counts), tuple(entries))


def _without_file(entry: PlaylistEntry, gone: Collection[tuple[str, str]]) -> PlaylistEntry:
    return replace(entry, state=EntryState.GONE) if entry.key in gone else entry


def _preview(
    catalog: Catalog, listing: Listing, record: PlaylistRecord, known: Playlist | None, folder: Path
) -> Preview:
    before = _numbered(catalog.playlists.entries(known.id) if known is not None else ())
    gone = _gone(catalog)
    followed = known is not None and (known.followed or known.checked is not None)
    entries, fresh = [], 0
    for listed in listed_all(listing.entries):
        key = (listed.source.extractor, listed.source.source_id, listed.occurrence)
        entry = before.pop(key, None)
        fresh += entry is None
        seen = entry or catalog.playlists.standing(*key[:2])
        entries.append(_shown(listed, seen, fresh=followed if entry is None else entry.fresh))
    if listing.limited:
        before = {}  # no more than what was asked for
    complete = is_complete(listing)
    removed = sum(complete and not entry.removed for entry in before.values())
    entries += [replace(entry, removed=complete or entry.removed) for entry in before.values()]
    entries = [_without_file(entry, gone) for entry in entries]
    entries.sort(key=lambda entry: (entry.removed, entry.position))
    opened = Opened(
        playlist=0 if known is None else known.id,
        title=listing.title,
        created=known is None,
        announced=listing.announced,
        received=listing.received,
        fresh=fresh,
        removed=removed,
        deleted=sum(entry.key in gone for entry in entries),
        gap=listing.gap,
        retried=listing.retried,
        limited=listing.limited,
        problem=listing.problem,
        advice=listing.advice,
        sources=sources_of(listing),
    )
    return Preview(opened, _playlist(record, known, folder, listing, entries), tuple(entries))


def _gone(catalog: Catalog) -> set[tuple[str, str]]:
    found = (catalog.playlists.of_source(source) for source in find_losses(catalog).deleted)
    return {entry.key for entry in found if entry is not None}


def _numbered(entries: Iterable[PlaylistEntry]) -> dict[Key, PlaylistEntry]:
    seen: Counter[tuple[str, str]] = Counter()
    numbered = {}
    for entry in entries:
        numbered[*entry.key, seen[entry.key]] = entry
        seen[entry.key] += 1
    return numbered


def _shown(listed: ListedEntry, seen: PlaylistEntry | None, *, fresh: bool) -> PlaylistEntry:
    """An entry as a listing would leave it: what was done for it outlives what the list tells."""
    told = listed.source
    state = EntryState.UNAVAILABLE if told.kind else EntryState.LISTED
    if seen is None:
        return PlaylistEntry(
            *(0, 0, listed.position, told, state),
            fresh=fresh,
            removed=False,
            attempts=0,
            retry_at=None,
            tried=None,
            path=None,
            track=None,
        )
    if seen.state not in _CHANGED_BY_LISTING:
        state = seen.state
        told = replace(told, kind=seen.kind, reason=seen.reason, hint=seen.hint)
    if listed.source.kind and seen.title:
        told = replace(told, title=seen.title)
    return replace(seen, position=listed.position, source=told, state=state, fresh=fresh, removed=False)


def _playlist(
    record: PlaylistRecord,
    known: Playlist | None,
    folder: Path,
    listing: Listing,
    entries: Sequence[PlaylistEntry],
) -> Playlist:
    return Playlist(
        id=0 if known is None else known.id,
        record=record if known is None else replace(known.record, title=record.title),
        folder=folder if known is None else known.folder,
        followed=known is not None and known.followed,
        added=time.time() if known is None else known.added,
        checked=None if known is None else known.checked,
        received=listing.received,
        gap=listing.gap,
        seconds=listing.seconds,
        counts=dict(Counter(entry.state for entry in entries)),
        removed=sum(entry.removed for entry in entries),
        fresh=sum(entry.fresh for entry in entries),
    )
