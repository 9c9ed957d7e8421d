"""Decode threads, window batches across tracks, one embedding stage, batched writes: bounded all the way."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from musicsim_tui.errors import AudioError, IndexFailure, MusicSimError, StorageError
from musicsim_tui.ingest.hearing import HearingStage
from musicsim_tui.ingest.listening import HANG_SECONDS, Claims, DecodingStage, FileFailed, SoundKnown
from musicsim_tui.ingest.report import IngestProgress, ItemFailure
from musicsim_tui.ingest.scan import FoundFile
from musicsim_tui.library.records import Failure, FileRecord, HeardTrack

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.ingest.listening import Finding, Listening
    from musicsim_tui.ingest.plan import Plan
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
_COMMIT_SECONDS = 1.0
_COMMIT_TRACKS = 64
_INDEX_SECONDS = 3.0
_GRACE_SECONDS = 0.5
"""How long a cancelled pipeline waits for the batch in the network before it commits without it."""


@dataclass(slots=True)
class _Pending:
    """What waits for the next commit."""

    heard: list[HeardTrack] = field(default_factory=list)
    linked: list[FileRecord] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.heard or self.linked or self.failed)


@dataclass(slots=True)
class Outcome:
    """What the pipeline did, counted as it happens."""

    added: int = 0
    relinked: int = 0
    failures: list[ItemFailure] = field(default_factory=list)
    audio_seconds: float = 0.0

    @property
    def done(self) -> int:
        return self.added + self.relinked + len(self.failures)


class Pipeline:
    """Hears the candidates of a plan. One use: build, `run`, drop."""

    def __init__(
        self,
        catalog: Catalog,
        embedder: Embedder,
        plan: Plan,
        coverage: int | None,
        *,
        threads: int,
        publish: Callable[[IngestProgress], None],
        index_new: Callable[[], None],
        notice: Callable[[str], None],
        hang_seconds: float = HANG_SECONDS,
    ) -> None:
        self._catalog = catalog
        self._plan = plan
        self._publish = publish
        self._index_new = index_new
        self._notice = notice
        self._claims = Claims(catalog.embedded_ids(embedder.model, coverage))
        self._decoding = DecodingStage(
            plan.candidates,
            embedder,
            coverage,
            self._claims,
            threads=threads,
            queue_size=2 * embedder.batch_size + threads,
            hang_seconds=hang_seconds,
        )
        self._hearing = HearingStage(embedder, self._decoding.windows, self._completed, self._found)
        self._results: queue.SimpleQueue[HeardTrack | Finding] = queue.SimpleQueue()
        self._outcome = Outcome()
        self._stop = threading.Event()
        self._heard_all = threading.Event()
        self._skip_index = False
        self._error: MusicSimError | None = None
        self._index_works = True

    def run(self, cancel: CancelToken) -> Outcome:
        """Hear everything, or stop soon after `cancel`; either way what is finished is committed.

        Raises ModelError or CatalogError when going on is impossible, after committing what it can.
        """
        started = time.monotonic()
        hearer = threading.Thread(target=self._hear, name="hear", daemon=True)
        writer = threading.Thread(target=self._write, name="write", daemon=True)
        self._decoding.start()
        hearer.start()
        writer.start()
        while hearer.is_alive() and writer.is_alive() and not cancel.cancelled and self._error is None:
            hearer.join(_TICK_SECONDS)
            self._decoding.abandon_hanging()
            self._publish(self._snapshot(started))
        self._decoding.cancel()
        self._stop.set()
        self._skip_index = cancel.cancelled
        hearer.join(_GRACE_SECONDS)
        self._heard_all.set()
        writer.join()
        self._outcome.audio_seconds = self._hearing.audio_seconds
        self._publish(self._snapshot(started))
        if self._error is not None:
            raise self._error
        return self._outcome

    def _snapshot(self, started: float) -> IngestProgress:
        return IngestProgress(
            done=self._outcome.done,
            total=len(self._plan.candidates),
            added=self._outcome.added,
            failed=len(self._outcome.failures),
            audio_seconds=self._hearing.audio_seconds,
            seconds=time.monotonic() - started,
            decoding=self._decoding.decoding,
        )

    def _hear(self) -> None:
        try:
            self._hearing.run(lambda: self._decoding.running, self._stop.is_set)
        except MusicSimError as error:
            self._error = error
        except Exception as error:
            log.exception("hearing")
            self._error = MusicSimError(
                f"Hearing stopped ({type(error).__name__}: {error}).",
                "What was finished is kept; the log has the details. Run ingest again to go on.",
            )

    def _found(self, finding: Finding) -> None:
        self._results.put(finding)

    def _completed(self, listening: Listening) -> None:
        try:
            embedding, sounds = listening.assembly.finish(listening.windows_cut)
        except AudioError as error:
            self._results.put(FileFailed(listening.file, error))
            for copy in self._claims.settle(listening.audio.track_id, heard=False):
                self._results.put(FileFailed(FoundFile(copy.path, copy.stamp), error))
            return
        waveform = listening.waveform
        if waveform is not None:
            self._results.put(
                HeardTrack(
                    file=listening.record,
                    duration=waveform.seconds,
                    loudness=waveform.loudness,
                    waveform=waveform.peaks,
                    embedding=embedding,
                    sounds=sounds,
                )
            )

    def _write(self) -> None:
        pending = _Pending()
        last_commit = last_index = time.monotonic()
        try:
            while True:
                ended = self._heard_all.is_set()
                try:
                    self._sort_in(self._results.get(timeout=_TICK_SECONDS), pending)
                    ended = False
                except queue.Empty:
                    pass
                now = time.monotonic()
                full = len(pending.heard) >= _COMMIT_TRACKS
                if pending and (ended or full or now - last_commit > _COMMIT_SECONDS):
                    self._commit(pending)
                    pending = _Pending()
                    last_commit = now
                if ended or now - last_index > _INDEX_SECONDS:
                    self._index()
                    last_index = time.monotonic()
                if ended:
                    return
        except MusicSimError as error:
            self._error = error
        except Exception as error:
            log.exception("writing")
            self._error = MusicSimError(
                f"The library could not be written ({type(error).__name__}: {error}).",
                "Check the disk, then run ingest again; the log has the details.",
            )

    def _sort_in(self, item: HeardTrack | Finding, pending: _Pending) -> None:
        if isinstance(item, HeardTrack):
            pending.heard.append(item)
        elif isinstance(item, SoundKnown):
            pending.linked.append(item.record)
        else:
            self._sort_in_failure(item, pending)

    def _sort_in_failure(self, item: FileFailed, pending: _Pending) -> None:
        path, remembered = item.file.path, not isinstance(item.error, StorageError)
        if remembered:
            pending.failed.append(
                Failure(
                    path=path,
                    stamp=item.file.stamp,
                    stage="hear",
                    reason=item.error.title,
                    hint=item.error.hint,
                    at=time.time(),
                    attempts=1,
                )
            )
        new = os.fsencode(path) not in self._plan.failed_before
        self._outcome.failures.append(ItemFailure(path, item.error.title, item.error.hint, new, remembered))

    def _commit(self, pending: _Pending) -> None:
        """Catalog first; copies that waited for a sound become files of its track right after it."""
        if pending.heard:
            self._catalog.store(pending.heard)
            for track in pending.heard:
                pending.linked.extend(self._claims.settle(track.file.track_id, heard=True))
        if pending.linked:
            self._catalog.link_files(pending.linked)
        if pending.failed:
            self._catalog.record_failures(pending.failed)
        self._outcome.added += len(pending.heard)
        self._outcome.relinked += len(pending.linked)

    def _index(self) -> None:
        if not self._index_works or self._skip_index:
            return
        try:
            self._index_new()
        except IndexFailure as error:
            self._index_works = False
            self._notice(
                f"{error.title} The tracks are safe in the catalog and will be indexed later. {error.hint}"
            )
