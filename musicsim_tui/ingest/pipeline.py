"""Decoders, window batches across tracks, one embedding stage, batched writes: bounded all the way."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from musicsim_tui.errors import AudioError, IndexFailure, MusicSimError
from musicsim_tui.ingest.findings import FileFailed
from musicsim_tui.ingest.hearing import HearingStage
from musicsim_tui.ingest.listening import HANG_SECONDS, Claims, DecodingStage
from musicsim_tui.ingest.pause import PauseSwitch
from musicsim_tui.ingest.report import IngestProgress
from musicsim_tui.ingest.scan import FoundFile
from musicsim_tui.ingest.writing import WritingStage
from musicsim_tui.jobs import Cancelled
from musicsim_tui.library.records import HeardTrack

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.ingest.listening import Listening
    from musicsim_tui.ingest.plan import Plan
    from musicsim_tui.ingest.writing import Outcome
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
_FIRST_INDEX_SECONDS, _INDEX_SECONDS = 0.5, 3.0
"""Pauses between slices for the index: short at first, so that little is left when a short ingest ends."""
_INDEX_RETRY_SECONDS = 30.0
_DECODES_IN_PROCESSES = True
"""However little there is to decode: the next file may be one on which the decoder crashes."""
_GRACE_SECONDS = 0.4
"""How long a cancelled pipeline waits for the batch in the network before it commits without it."""


class _Stopwatch:
    """Counts the time at work: that between two looks, unless the second finds the work waiting."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._looked = time.monotonic()

    def look(self, *, waiting: bool) -> None:
        now = time.monotonic()
        if not waiting:
            self.seconds += now - self._looked
        self._looked = now


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
        pause: PauseSwitch | None = None,
        hang_seconds: float = HANG_SECONDS,
    ) -> None:
        self._catalog, self._model, self._coverage = catalog, embedder.model, coverage
        self._pause = pause or PauseSwitch()
        self._audio_total: float | None = None
        self._total = len(plan.candidates)
        self._publish = publish
        self._index_new = index_new
        self._notice = notice
        self._claims = Claims(set(plan.embedded))
        self._decoding = DecodingStage(
            plan.candidates,
            embedder,
            coverage,
            self._claims,
            lambda finding: self._writing.deliver(finding),
            self._is_heard,
            most_workers=threads,
            lone_sizes=plan.lone_sizes,
            processes=_DECODES_IN_PROCESSES,
            queue_size=2 * embedder.batch_size + threads,
            pause=self._pause,
            hang_seconds=hang_seconds,
        )
        self._hearing = HearingStage(embedder, self._decoding.windows, self._completed)
        self._writing = WritingStage(catalog, plan, self._claims, self._decoding.drop_under)
        self._stop = threading.Event()
        self._error: MusicSimError | None = None

    def run(self, cancel: CancelToken, forecast: Callable[[], float | None] = lambda: None) -> Outcome:
        """Hear everything, or stop soon after `cancel`; either way what is finished is committed.

        `forecast` tells how many seconds of audio will be heard, if it can; it is called before anything is
        heard, while the first windows are decoded. Raises what it raises, but for a cancellation; ModelError
        or CatalogError when going on is impossible, after committing what it can.
        """
        at_work = _Stopwatch()
        writer, hearer, indexer = (
            threading.Thread(target=self._guard, args=(stage,), name=name, daemon=True)
            for name, stage in (("write", self._writing.run), ("hear", self._hear), ("index", self._index))
        )
        writer.start()
        try:
            indexer.start()
            self._decoding.start()
            self._audio_total = forecast()
        except BaseException as error:
            self._stop.set()
            self._decoding.cancel()
            self._writing.finish()
            writer.join()
            if isinstance(error, Cancelled):
                return self._writing.outcome
            raise
        hearer.start()
        while hearer.is_alive() and writer.is_alive() and not cancel.cancelled and self._error is None:
            hearer.join(_TICK_SECONDS)
            self._decoding.abandon_hanging()
            self._decoding.keep_up()
            at_work.look(waiting=self._pause.paused and not self._decoding.decoding)
            self._publish(self._snapshot(at_work.seconds))
        self._stop.set()
        self._decoding.cancel()
        hearer.join(_GRACE_SECONDS)
        self._writing.finish()
        writer.join()
        at_work.look(waiting=False)
        outcome = self._writing.outcome
        outcome.audio_seconds = self._hearing.audio_seconds
        outcome.seconds = at_work.seconds
        self._publish(self._snapshot(at_work.seconds))
        heard = time.monotonic()
        while indexer.is_alive() and not cancel.cancelled:  # at work, or waiting for another process
            indexer.join(_TICK_SECONDS)
        outcome.waited_seconds = time.monotonic() - heard
        if self._error is not None:
            raise self._error
        return outcome

    def _snapshot(self, seconds: float) -> IngestProgress:
        outcome = self._writing.outcome
        audio_total = self._audio_total
        if audio_total is not None:
            audio_total *= 1 - outcome.elsewhere / self._total
        return IngestProgress(
            done=outcome.done,
            total=self._total,
            added=outcome.added,
            failed=len(outcome.failures) + len(outcome.flawed),
            audio_seconds=self._hearing.audio_seconds,
            seconds=seconds,
            decoding=self._decoding.decoding,
            audio_total=audio_total,
            paused=self._pause.paused,
        )

    def _guard(self, stage: Callable[[], None]) -> None:
        """Run a stage; what it raises ends the pipeline."""
        try:
            stage()
        except MusicSimError as error:
            self._error = error
        except Exception as error:
            log.exception("ingest")
            self._error = MusicSimError(
                f"The ingest stopped ({type(error).__name__}: {error}).",
                "What was finished is kept; the log has the details. Run ingest again to go on.",
            )

    def _is_heard(self, file: FoundFile) -> bool:
        try:
            return self._catalog.is_heard(file.path, file.stamp, self._model, self._coverage)
        except MusicSimError:  # who writes will meet it too, and tell
            return False

    def _hear(self) -> None:
        self._hearing.run(lambda: self._decoding.running, self._stop.is_set)

    def _index(self) -> None:
        """Bring fresh tracks to the index while others are heard; a failing engine is tried again later."""
        pause, noticed = 0.0, False
        while not self._stop.wait(pause):
            try:
                self._index_new()
                pause = min(_INDEX_SECONDS, 2 * pause or _FIRST_INDEX_SECONDS)
            except IndexFailure as error:
                pause = _INDEX_RETRY_SECONDS
                if not noticed:
                    self._notice(f"{error.title} What is heard is safe and is indexed later. {error.hint}")
                noticed = True

    def _completed(self, listening: Listening) -> None:
        record, waveform = listening.record, listening.waveform
        assert record is not None
        assert waveform is not None
        try:
            embedding, sounds = listening.assembly.finish(listening.windows_cut)
        except AudioError as error:
            self._writing.deliver(FileFailed(listening.file, error))
            for copy in self._claims.settle(record.track_id, heard=False):
                self._writing.deliver(FileFailed(FoundFile(copy.path, copy.stamp), error))
            return
        self._writing.deliver(
            HeardTrack(
                file=record,
                duration=waveform.seconds,
                loudness=waveform.loudness,
                waveform=waveform.peaks,
                embedding=embedding,
                sounds=sounds,
                flaw=listening.flaw,
            )
        )
