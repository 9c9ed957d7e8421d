"""Works through the queue in the catalog: one entry at a time, politely, until nothing waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.download.brakes import Brakes, Verdict
from musicsim_tui.download.controls import Controls
from musicsim_tui.download.disks import disk_is_away
from musicsim_tui.download.failures import DownloadError, FailureKind, failure
from musicsim_tui.download.fetch import (
    Fetched,
    FetchProgress,
    FetchRequest,
    Pause,
    Stage,
    fetch,
    forget_partial,
)
from musicsim_tui.download.finished import Claims, finished_before
from musicsim_tui.download.forecast import free_bytes
from musicsim_tui.download.lock import QueueLock
from musicsim_tui.download.pace import Lap, Pace
from musicsim_tui.download.playlist import Entry, SourceId
from musicsim_tui.download.report import LiveEntry, QueueSnapshot, QueueState, RunSummary
from musicsim_tui.download.rest import rest, rest_until
from musicsim_tui.download.session import SiteOptions
from musicsim_tui.errors import MusicSimError, StorageError
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.wording import size_words

if TYPE_CHECKING:
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.playlist_records import PlaylistEntry, QueueItem
    from musicsim_tui.track import TrackId

log = logging.getLogger(__name__)

WORK_FOLDER = ".musicsim-unfinished"
"""Beside the playlists' folders, so on their disk; the dot keeps it out of every ingest."""
_IDLE_SECONDS = 1.0
_ROOM_SECONDS = 5.0
_ELSEWHERE_SECONDS = 0.5
_TICK_SECONDS = 0.5
_LOOK_SECONDS = 1.0
"""How often it is looked at most whether the entry that is being fetched is still wanted."""
_ELSEWHERE = MusicSimError(
    "Another musicsim-tui is fetching: it brings these as well.", "Wait until it is done, or quit it."
)


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """How entries are fetched. `least_free` bytes stay free on the disk."""

    site: SiteOptions = field(default_factory=SiteOptions)
    mp3_quality: float = 2.0
    keep_original: bool = False
    pause: Pause = field(default_factory=Pause)
    least_free: int = 0


class QueueRun:
    """One run through the queue: belongs to the thread that runs it.

    Several processes share a library's queue: whoever holds `lock` works on it, and lets go while there is
    nothing to do. `options` is asked before each entry, `hearing` for how many files wait for being heard and
    how many were; `on_ready` is told of each finished file.
    """

    def __init__(
        self,
        catalog: Catalog,
        controls: Controls,
        options: Callable[[], QueueOptions],
        lock: Path,
        *,
        publish: Callable[[QueueSnapshot], None],
        on_ready: Callable[[QueueItem, Path], None],
        hearing: Callable[[], tuple[int, int]] = lambda: (0, 0),
        to_hear: bool = True,
        stay: bool = False,
        only: Collection[int] | None = None,
    ) -> None:
        self._catalog = catalog
        self._playlists = catalog.playlists
        self._controls = controls
        self._options = options
        self._lock = QueueLock(lock)
        self._publish = publish
        self._on_ready = on_ready
        self._hearing = hearing
        self._to_hear = to_hear
        self._stay = stay
        self._only = only
        self._brakes = Brakes()
        self._cancel = CancelToken()
        self._not_before = 0.0
        self._full: tuple[MusicSimError, Path, float] | None = None
        self._done = RunSummary()
        self._pace = Pace()
        self._advice: dict[str, None] = {}
        self._counted_at = -1

    def run(self, cancel: CancelToken) -> RunSummary:
        """Fetch what waits, of all playlists or `only` of these, until nothing does or the queue has to stop;
        with `stay` until `cancel`.

        Raises CatalogError and StorageError; when cancelled, the summary says so.
        """
        self._cancel = cancel
        started = time.monotonic()
        self._controls.rest_until = rest_until(self._catalog)
        cancelled = False
        try:
            while self._step():
                self._cancel.check()
        except Cancelled:
            cancelled = True
        finally:
            self._lock.let_go()
        self._show(QueueState.IDLE)
        return replace(
            self._done,
            waiting=self._playlists.waiting(self._only)[0],
            held=self._playlists.held(self._only),
            seconds=time.monotonic() - started,
            cancelled=cancelled,
            advice=tuple(self._advice),
        )

    def _step(self) -> bool:
        """Do one thing, or wait a little; False when the run is over."""
        controls = self._controls
        seen = controls.wakes
        if controls.paused:
            return self._idle(QueueState.PAUSED, seen)
        if controls.stopped is not None:
            return self._halted(controls.stopped, QueueState.STOPPED, seen)
        if self._playlists.next_item(self._only) is None:
            return self._stay and self._idle(QueueState.IDLE, seen)
        item, full = self._next_with_room()
        if item is None and full is None:
            return self._halted(next(iter(controls.unusable.values())), QueueState.STOPPED, seen)
        if not self._lock.take():
            return self._wait(_ELSEWHERE_SECONDS, seen, QueueState.ELSEWHERE, reason=_ELSEWHERE)
        if (left := controls.rest_until - time.time()) > 0:
            return self._resting(left, seen)
        if item is None:
            assert full is not None
            return self._halted(full, QueueState.NO_ROOM, seen)
        if (left := self._not_before - time.monotonic()) > 0:
            live = LiveEntry(item.entry.key, item.entry.title, Stage.PAUSING, seconds_left=left)
            return self._wait(min(left, _TICK_SECONDS), seen, QueueState.PAUSING, live)
        self._fetch(item)
        return True

    # Waiting

    def _idle(self, state: QueueState, seen: int) -> bool:
        self._lock.let_go()
        return self._wait(_IDLE_SECONDS, seen, state)

    def _halted(self, error: MusicSimError, state: QueueState, seen: int) -> bool:
        """Wait for somebody, or for room; without `stay` the run is over."""
        self._done = replace(self._done, stopped_by=error)
        if not self._stay:
            self._show(state, reason=error)
            return False
        self._lock.let_go()
        return self._wait(
            _ROOM_SECONDS if state is QueueState.NO_ROOM else _IDLE_SECONDS, seen, state, reason=error
        )

    def _resting(self, left: float, seen: int) -> bool:
        until = self._controls.rest_until
        error = self._done.stopped_by or failure(FailureKind.RATE_LIMIT, until=until)
        return self._wait(min(left, _TICK_SECONDS), seen, QueueState.RESTING, reason=error, until=until)

    def _wait(
        self,
        seconds: float,
        seen: int,
        state: QueueState,
        live: LiveEntry | None = None,
        reason: MusicSimError | None = None,
        until: float | None = None,
    ) -> bool:
        """Wait until somebody touched the controls, or a time is over. Raises Cancelled."""
        self._show(state, live, reason, until)
        self._controls.wait(seconds, seen, self._cancel)
        return True

    def _next_with_room(self) -> tuple[QueueItem | None, MusicSimError | None]:
        """Whose turn it is where something can be written now; without one, why the first has no room."""
        full: MusicSimError | None = None
        passed = set(self._controls.unusable)
        while (item := self._playlists.next_item(self._only, without=passed)) is not None:
            why = self._without_room(item)
            if why is None:
                return item, None
            full = full or why
            passed.add(item.playlist)
        return None, full

    def _without_room(self, item: QueueItem) -> MusicSimError | None:
        if self._full is not None:
            error, base, until = self._full
            if time.monotonic() >= until:
                self._full = None
            elif base == item.folder.parent:
                return error
        if disk_is_away(self._catalog, item.folder.parent):
            return StorageError(
                f"The disk with {item.folder.parent} is away.",
                "Plug it in, and downloading goes on by itself.",
            )
        least, free = self._options().least_free, free_bytes(item.folder)
        if free is None or free >= least:
            return None
        return DownloadError(
            f"The disk has {size_words(free)} left, less than the {size_words(least)} that downloads leave.",
            "Free some space, and downloading goes on; or lower the limit, download.least_free.",
            FailureKind.DISK_FULL,
        )

    # One entry

    def _fetch(self, item: QueueItem) -> None:
        token = self._controls.begin(item.entry.key, self._cancel)
        try:
            if self._controls.paused or not self._playlists.is_waiting(item.source):
                return  # somebody was quicker than the token
            self._show(QueueState.RUNNING, LiveEntry(item.entry.key, item.entry.title, Stage.ASKING))
            claims = Claims(self._catalog, item)
            path, written = self._there_already(item, claims, token), None
            if path is None:
                path, written = self._bring(item, claims, token)
        except Cancelled:
            self._cancel.check()
        except DownloadError as error:
            self._fail(item, error)
        except StorageError as error:
            self._defer(item, error, "storage")
            self._controls.unusable[item.playlist] = error
        except MusicSimError:
            raise
        except Exception as error:  # the edge of one entry: the rest of the queue goes on
            log.exception("fetching %s", item.entry.key)
            self._fail(item, failure(FailureKind.UNKNOWN, detail=f"{type(error).__name__}: {error}"))
        else:
            self._succeed(item, path, written)
        finally:
            self._controls.end()

    def _there_already(self, item: QueueItem, claims: Claims, token: CancelToken) -> Path | None:
        source = item.entry.source
        return finished_before(item.folder, source.source_id, source.duration, claims.is_spoken_for, token)

    def _bring(self, item: QueueItem, claims: Claims, token: CancelToken) -> tuple[Path, TrackId]:
        options = self._options()
        request = FetchRequest(
            folder=item.folder,
            work=item.folder.parent / WORK_FOLDER,
            keep_original=options.keep_original,
            mp3_quality=options.mp3_quality,
            options=options.site,
            is_void=claims.is_void,
        )
        source = item.entry.source
        entry = Entry(
            SourceId(source.extractor, source.source_id),
            source.url,
            source.title,
            source.channel,
            source.duration,
            None,
            item.entry.position,
        )

        lap, look_at = Lap(), time.monotonic() + _LOOK_SECONDS

        def on_progress(progress: FetchProgress) -> None:
            nonlocal look_at
            lap.at(progress.stage)
            if (now := time.monotonic()) >= look_at:
                look_at = now + _LOOK_SECONDS
                if not self._playlists.is_waiting(item.source):
                    token.cancel()  # paused, cancelled or forgotten by another process
            self._show(QueueState.RUNNING, LiveEntry.of(item.entry, progress))

        try:
            fetched: Fetched = fetch(entry, request, token, on_progress)
        finally:
            self._not_before = self._pace.add(lap) + options.pause.draw() * self._brakes.slowed
            if not self._playlists.is_wanted(source.extractor, source.source_id):
                forget_partial(entry.source, request.work)
            forget_partial(entry.source, request.work, only_if_empty=True)
        self._advice.update(dict.fromkeys(fetched.advice))
        done = self._done
        self._done = replace(
            done, audio_seconds=done.audio_seconds + fetched.seconds, bytes=done.bytes + fetched.bytes
        )
        return fetched.path, fetched.track

    def _succeed(self, item: QueueItem, path: Path, written: TrackId | None) -> None:
        self._brakes.succeeded()
        self._playlists.fetched(item.source, path, to_hear=self._to_hear, written=written)
        done = self._done
        files = () if self._stay else (*done.files, path)
        adopted = done.adopted + (written is None)
        self._done = replace(done, ready=done.ready + 1, adopted=adopted, files=files, stopped_by=None)
        self._on_ready(item, path)

    def _fail(self, item: QueueItem, error: DownloadError) -> None:
        verdict, until = self._brakes.judge(error)
        if verdict is Verdict.FAILED:
            entry, new = self._playlists.failed(
                item.source, error.kind.value, error.title, error.hint, error.until
            )
            self._count_failure(entry, new=new)
            self._controls.stopped = self._brakes.tripped(error)
            return
        self._defer(item, error, error.kind.value, until)
        self._done = replace(self._done, stopped_by=error)
        if verdict is Verdict.REST and (self._stay or error.kind is FailureKind.RATE_LIMIT):
            self._controls.rest_until = until or 0.0
            if error.kind is FailureKind.RATE_LIMIT:
                rest(self._catalog, until or 0.0)
        elif verdict is Verdict.ROOM:
            self._full = (error, item.folder.parent, time.monotonic() + _ROOM_SECONDS)
        else:
            self._controls.stopped = error

    def _count_failure(self, entry: PlaylistEntry | None, *, new: bool) -> None:
        done = self._done
        failures = () if self._stay or entry is None else (entry,)
        self._done = replace(
            done,
            failed=done.failed + 1,
            new_failures=done.new_failures + new,
            failures=(*done.failures, *failures),
        )

    def _defer(self, item: QueueItem, error: MusicSimError, kind: str, until: float | None = None) -> None:
        self._playlists.deferred(item.source, kind, error.title, error.hint, until)

    # Telling

    def _show(
        self,
        state: QueueState,
        live: LiveEntry | None = None,
        reason: MusicSimError | None = None,
        until: float | None = None,
    ) -> None:
        before, wakes = self._controls.snapshot, self._controls.wakes
        waiting, held, seconds_left = before.waiting, before.held, before.seconds_left
        told = before.live and (before.live.key, before.live.stage)
        if live is None or (live.key, live.stage) != told or wakes != self._counted_at:
            self._counted_at = wakes
            waiting, held, seconds_left = self._ahead()
        hearing, heard = self._hearing()
        self._controls.snapshot = snapshot = QueueSnapshot(
            state=state,
            live=live,
            waiting=waiting,
            held=held,
            ready=self._done.ready,
            failed=self._done.failed,
            hearing=hearing,
            heard=heard,
            seconds_left=seconds_left,
            reason="" if reason is None else reason.title,
            hint="" if reason is None else reason.hint,
            until=until,
        )
        self._publish(snapshot)

    def _ahead(self) -> tuple[int, int, float | None]:
        """What waits, what is paused, and the seconds until what waits is there."""
        options = self._options()
        ahead = self._playlists.waiting(self._only)
        seconds = self._pace.seconds_for(*ahead, options.pause, keep_original=options.keep_original)
        return ahead[0], self._playlists.held(self._only), seconds
