"""Playlists and their entries, as the catalog keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.track import TrackId


class EntryState(StrEnum):
    """Where an entry stands when nothing is being done for it at this moment.

    LISTED: not chosen. WAITING: in the queue, or being fetched. PAUSED: in the queue, passed over.
    INGESTING: the file is there, and not heard yet. READY: the file is there. FAILED: tried without success.
    UNAVAILABLE: the list itself says that it cannot be fetched. CANCELLED: taken out of the queue by hand.
    GONE: it was fetched, and its file has been deleted since.
    """

    LISTED = "listed"
    WAITING = "waiting"
    PAUSED = "paused"
    INGESTING = "ingesting"
    READY = "ready"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """What a list tells of one thing that plays. `duration` in seconds, None where the list does not tell;
    `kind`, `reason` and `hint` say why it cannot be fetched, empty where the list knows of no reason."""

    extractor: str
    source_id: str
    url: str
    title: str
    channel: str
    duration: float | None
    kind: str = ""
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PlaylistRecord:
    """What is remembered of a link. `link` is the one that was opened, which lists the same again; `choice`
    and `limit` are what was answered when it was opened."""

    extractor: str
    source_id: str
    link: str
    url: str
    title: str
    channel: str
    single: bool
    endless: bool
    announced: int | None
    choice: str = ""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Playlist:
    """A remembered playlist, channel, album, feed or single video.

    `announced` is the count the site tells, None where it tells none; `received` is how many entries the
    last complete or cut listing gave, and `gap` how many it lacked of the announced ones. `followed` once
    something of it was put in the queue. `counts` are its entries by state, `removed` those that the site's
    list does not have any more, `fresh` those that came with a later listing and were not chosen yet.
    Times in Unix seconds; `checked` is None until it was listed to the end.
    """

    id: int
    record: PlaylistRecord
    folder: Path
    followed: bool
    added: float
    checked: float | None
    received: int
    gap: int
    seconds: float
    counts: dict[EntryState, int]
    removed: int
    fresh: int

    @property
    def title(self) -> str:
        return self.record.title

    @property
    def entries(self) -> int:
        """How many entries are known, those included that the site's list does not have any more."""
        return sum(self.counts.values())

    def count(self, *states: EntryState) -> int:
        """How many entries are in one of these states."""
        return sum(self.counts.get(state, 0) for state in states)


@dataclass(frozen=True, slots=True)
class PlaylistEntry:
    """One entry of a playlist. The state belongs to its source: it is the same in every playlist it is in.

    `position` from 1; `fresh` when it came with a later listing and was not chosen yet; `removed` when the
    site's list does not have it any more. `kind` (a `FailureKind` by value, or "hearing"), `reason` and
    `hint` are empty unless it failed, waits because of a failure or cannot be fetched; `retry_at` is when
    it is worth trying again, `tried` when it was last tried, in Unix seconds. `track` is known once it was
    heard; `twin` is another file of the library with the same sound. `written` is the sound that fetching put
    into the file, None for a file that was there before, and for one that somebody has moved.
    """

    id: int
    playlist: int
    position: int
    source: SourceRecord
    state: EntryState
    fresh: bool
    removed: bool
    attempts: int
    retry_at: float | None
    tried: float | None
    path: Path | None
    track: TrackId | None
    twin: Path | None = None
    written: TrackId | None = None

    @property
    def title(self) -> str:
        return self.source.title

    @property
    def kind(self) -> str:
        """What kind of failure it had, empty when it had none."""
        return self.source.kind

    @property
    def reason(self) -> str:
        """Why it failed, waits, or cannot be fetched, in one sentence."""
        return self.source.reason

    @property
    def hint(self) -> str:
        """What to do about that, in one sentence."""
        return self.source.hint

    @property
    def key(self) -> tuple[str, str]:
        """Extractor and id: what the entry is called where it comes from."""
        return self.source.extractor, self.source.source_id


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file of a forgotten playlist, the id of what it was fetched from, and the sound that fetching put
    there: None where that is not known."""

    source_id: str
    path: Path
    written: TrackId | None


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A source whose turn it is, and the playlist into whose folder it goes."""

    source: int
    playlist: int
    entry: PlaylistEntry
    folder: Path
