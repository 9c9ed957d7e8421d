"""The writing stage: commits what was heard, linked or failed, in batches, and nothing twice."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from musicsim_tui.errors import AudioError, StorageError
from musicsim_tui.ingest.findings import FileFailed, HeardElsewhere, SoundKnown
from musicsim_tui.ingest.report import ItemFailure
from musicsim_tui.ingest.scan import FoundFile, silence_of
from musicsim_tui.library.records import CUT_OFF, Failure, FileRecord, HeardTrack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from musicsim_tui.ingest.findings import Finding
    from musicsim_tui.ingest.listening import Claims
    from musicsim_tui.ingest.plan import Plan
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.records import Flaw
    from musicsim_tui.track import TrackId

log = logging.getLogger(__name__)

_WAITING_RESULTS = 256
_POLL_SECONDS = 0.1
_COMMIT_SECONDS = 1.0
_COMMIT_TRACKS = 64
_UNSTORABLE = AudioError(
    "What the model makes of this recording cannot be stored.",
    "The file probably holds damaged samples: convert it with another program, then retry.",
)


@dataclass(slots=True)
class _Pending:
    """What waits for the next commit."""

    heard: list[HeardTrack] = field(default_factory=list)
    linked: list[FileRecord] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    replaced: list[Path] = field(default_factory=list)
    """Files that held a track and now hold nothing that can be heard."""

    def __bool__(self) -> bool:
        return bool(self.heard or self.linked or self.failed)


@dataclass(slots=True)
class Outcome:
    """What was done, counted as it happens.

    Another process has heard those `elsewhere`, and those `doubled` in the same moment. Copies of a track
    that it has forgotten meanwhile count as `elsewhere` too; the next ingest hears them. `dropped` files were
    left out: their folder fell silent.
    """

    added: int = 0
    relinked: int = 0
    elsewhere: int = 0
    doubled: int = 0
    dropped: int = 0
    failures: list[ItemFailure] = field(default_factory=list)
    flawed: list[ItemFailure] = field(default_factory=list)
    """Files with which something is wrong, and that were heard all the same."""
    offline: list[tuple[Path, str]] = field(default_factory=list)
    audio_seconds: float = 0.0
    seconds: float = 0.0
    waited_seconds: float = 0.0
    """Spent, after everything was heard, on the index: as a rule until another process lets go of it."""

    @property
    def done(self) -> int:
        return self.added + self.relinked + self.passed_over + len(self.failures) + self.dropped

    @property
    def passed_over(self) -> int:
        """Files that were left to what another process did."""
        return self.elsewhere + self.doubled


class WritingStage:
    """Runs on one thread. `deliver` waits while too much is undone, so that memory stays bounded."""

    def __init__(
        self, catalog: Catalog, plan: Plan, claims: Claims, drop_under: Callable[[Path], int]
    ) -> None:
        self.outcome = Outcome()
        self._catalog = catalog
        self._plan = plan
        self._claims = claims
        self._drop_under = drop_under
        self._results: queue.Queue[HeardTrack | Finding | None] = queue.Queue(_WAITING_RESULTS)
        self._ended = threading.Event()

    def deliver(self, result: HeardTrack | Finding) -> None:
        """Hand over a result, from any thread."""
        self._put(result)

    def finish(self) -> None:
        """Let `run` return once everything delivered is committed."""
        self._put(None)

    def _put(self, result: HeardTrack | Finding | None) -> None:
        while not self._ended.is_set():
            try:
                self._results.put(result, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return

    def run(self) -> None:
        """Commit results until `finish`. Raises CatalogError."""
        pending = _Pending()
        last_commit = time.monotonic()
        try:
            closing = False
            while not closing:
                try:
                    result = self._results.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    pass
                else:
                    if result is not None:
                        self._sort_in(result, pending)
                    closing = result is None
                now = time.monotonic()
                full = len(pending.heard) >= _COMMIT_TRACKS
                if pending and (closing or full or now - last_commit > _COMMIT_SECONDS):
                    self._commit(pending)
                    pending = _Pending()
                    last_commit = now
        finally:
            self._ended.set()

    def _sort_in(self, result: HeardTrack | Finding, pending: _Pending) -> None:
        if isinstance(result, HeardTrack):
            pending.heard.append(result)
        elif isinstance(result, SoundKnown):
            pending.linked.append(result.record)
        elif isinstance(result, HeardElsewhere):
            self.outcome.elsewhere += 1
        else:
            self._sort_in_failure(result, pending)

    def _sort_in_failure(self, failed: FileFailed, pending: _Pending) -> None:
        """A file that is gone or whose disk fails has done nothing: that is not remembered against it.

        One that may not be read is listed, with no stamp, so that the next ingest tries it again.
        """
        path = failed.file.path
        remembered = not isinstance(failed.error, StorageError) and os.path.lexists(path)
        if not remembered and self._fell_silent(path):
            self.outcome.dropped += 1
            return
        title, hint = failed.error.title, failed.error.hint
        readable = os.access(path, os.R_OK)
        if remembered:
            pending.failed.append(
                Failure(
                    path=path,
                    stamp=failed.file.stamp if readable else None,
                    stage="hear",
                    reason=title,
                    hint=hint,
                    at=time.time(),
                    attempts=1,
                )
            )
        if remembered and readable and os.fsencode(path) in self._plan.replaced:
            pending.replaced.append(path)
        new = os.fsencode(path) not in self._plan.failed_before
        self.outcome.failures.append(ItemFailure(path, title, hint, new, remembered))

    def _fell_silent(self, path: Path) -> bool:
        """Whether the root of a file does not answer any more; then the rest below it is left out."""
        root = next((root for root in self._plan.scanned if path.is_relative_to(root)), None)
        if root is None or root == path:
            return False
        if any(root == offline for offline, _ in self.outcome.offline):
            return True
        reason = silence_of(root)
        if reason is None:
            return False
        self.outcome.offline.append((root, reason))
        self.outcome.dropped += self._drop_under(root)
        return True

    def _commit(self, pending: _Pending) -> None:
        """Catalog first; copies that waited for a sound become files of its track right after it."""
        stored, added = self._store(pending.heard, pending)
        self.outcome.added += len(added)
        self.outcome.doubled += len(stored) - len(added)
        for track in stored:
            pending.linked.extend(self._claims.settle(track.file.track_id, heard=True))
            if track.flaw is not None:
                self.outcome.flawed.append(self._told(track.file.path, track.flaw))
        if pending.linked:
            linked = self._catalog.link_files(pending.linked)
            self.outcome.relinked += linked
            self.outcome.elsewhere += len(pending.linked) - linked
        if pending.failed:
            self._catalog.mark_missing(pending.replaced)
            self._catalog.record_failures(pending.failed)

    def _told(self, path: Path, flaw: Flaw) -> ItemFailure:
        new = os.fsencode(path) not in self._plan.failed_before
        return ItemFailure(
            path, flaw.reason, flaw.hint, new, remembered=True, heard_whole=flaw.stage != CUT_OFF
        )

    def _store(self, heard: list[HeardTrack], pending: _Pending) -> tuple[list[HeardTrack], set[TrackId]]:
        """Store tracks: those that were, and which of them nobody had stored before. One that cannot be
        stored fails alone."""
        try:
            return heard, self._catalog.store(heard) if heard else set()
        except ValueError:
            if len(heard) > 1:
                parts = [self._store([each], pending) for each in heard]
                return [track for stored, _ in parts for track in stored], set().union(
                    *(added for _, added in parts)
                )
            log.exception("storing %r", os.fspath(heard[0].file.path))
            record = heard[0].file
            for copy in (record, *self._claims.settle(record.track_id, heard=False)):
                self._sort_in_failure(FileFailed(FoundFile(copy.path, copy.stamp), _UNSTORABLE), pending)
            return [], set()
