"""What a listing and the queue tell while they run, and when they are done: immutable snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.download.failures import DownloadError
    from musicsim_tui.download.fetch import FetchProgress, Stage
    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.library.playlist_records import PlaylistEntry


@dataclass(frozen=True, slots=True)
class ListingProgress:
    """How far a listing is; what came so far is in the catalog. `fresh` counts entries that the playlist did
    not have before."""

    playlist: int
    title: str
    announced: int | None
    received: int
    fresh: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of a listing. `created` when the playlist was not remembered before; `gap` counts entries
    that the site announced and did not hand out; `removed` those that were there before and are not any more;
    `deleted` the fetched ones whose files are gone. `problem` is what cut the listing; `sources` are what it
    gave, by extractor and id; `advice` is what would
    make the next ones better."""

    playlist: int
    title: str
    created: bool
    announced: int | None
    received: int
    fresh: int
    removed: int
    deleted: int
    gap: int
    retried: bool
    limited: bool
    problem: DownloadError | None = None
    advice: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()


class QueueState(StrEnum):
    """What the queue is doing.

    IDLE: nothing waits. RUNNING: an entry is fetched. PAUSING: the polite pause between two entries.
    PAUSED: by hand. RESTING: until a time, because the site or the network wants that; goes on by itself.
    STOPPED: because of a failure that every other entry would meet; `resume` goes on. NO_ROOM: the disk has
    less room than the limit, or is away; goes on by itself. ELSEWHERE: another process works on the queue.
    """

    IDLE = "idle"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    RESTING = "resting"
    STOPPED = "stopped"
    NO_ROOM = "no room"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class LiveEntry:
    """The entry that is being fetched. `done` and `total` are bytes while downloading, seconds of audio while
    converting or checking, seconds while pausing before it; `speed` in bytes a second."""

    key: tuple[str, str]
    title: str
    stage: Stage
    done: float = 0.0
    total: float | None = None
    speed: float | None = None
    seconds_left: float | None = None

    @classmethod
    def of(cls, entry: PlaylistEntry, progress: FetchProgress) -> LiveEntry:
        """How far the fetching of an entry is."""
        return cls(
            entry.key,
            entry.title,
            progress.stage,
            progress.done,
            progress.total,
            progress.speed,
            progress.seconds_left,
        )


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """The queue at a moment. `reason` and `hint` say why it does not run, `until` when it goes on by itself
    (Unix seconds). `waiting` counts what is yet to be fetched, the live entry included; `held` the paused
    entries, which are passed over; `ready`, `failed` and `heard` what this run did; `hearing` the files that
    wait for being heard. `seconds_left` is the forecast for all that waits, at the pace so far."""

    state: QueueState = QueueState.IDLE
    live: LiveEntry | None = None
    waiting: int = 0
    held: int = 0
    ready: int = 0
    failed: int = 0
    hearing: int = 0
    heard: int = 0
    seconds_left: float | None = None
    reason: str = ""
    hint: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run of the queue did. `files` and `failures` are what came and what failed, empty for a run that
    stays; `new_failures` counts those that had not failed before; `waiting` is what is left in the queue, and
    `held` what is paused in it.
    `adopted` counts those of `ready` that were not fetched, as their files were there before.
    `stopped_by` is why the rest was not tried, `hearing_error` why files were not heard; `left_unheard`
    counts those."""

    ready: int = 0
    adopted: int = 0
    failed: int = 0
    heard: int = 0
    waiting: int = 0
    held: int = 0
    new_failures: int = 0
    left_unheard: int = 0
    audio_seconds: float = 0.0
    bytes: int = 0
    seconds: float = 0.0
    cancelled: bool = False
    files: tuple[Path, ...] = ()
    failures: tuple[PlaylistEntry, ...] = ()
    stopped_by: MusicSimError | None = None
    hearing_error: MusicSimError | None = None
    advice: tuple[str, ...] = ()
