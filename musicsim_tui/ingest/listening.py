"""The decoding stage: workers that turn files into windows, and a watch over decoders that hang."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from musicsim_tui.embedding.assembly import TrackAssembly
from musicsim_tui.errors import AudioError, MusicSimError
from musicsim_tui.ingest.decoder import (
    DecoderCrashed,
    LocalDecoder,
    ProcessDecoder,
    start_decoders,
    unexpected,
)
from musicsim_tui.ingest.findings import FileFailed, HeardElsewhere, SoundKnown
from musicsim_tui.ingest.flaws import flaw_of
from musicsim_tui.ingest.pause import PauseSwitch
from musicsim_tui.ingest.scan import FoundFile
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.records import FileRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from musicsim_tui.audio.identity import AudioFile
    from musicsim_tui.audio.waveform import Waveform
    from musicsim_tui.audio.windows import AudioWindow
    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.ingest.decoder import Decoder, StartedDecoder
    from musicsim_tui.ingest.findings import Finding
    from musicsim_tui.library.records import Flaw
    from musicsim_tui.track import Samples, TrackId

log = logging.getLogger(__name__)

HANG_SECONDS = 120.0
"""A decoder that gives no block for this long hangs: the slowest real one gives many a second."""
_SLOWEST_BYTES_PER_SECOND = 2_000_000
"""A file on a slow share may take its time: the pace below which reading counts as hanging."""
_POLL_SECONDS = 0.1
_WORKERS_AT_FIRST = 2
_HANGS = AudioError(
    "The decoder hangs on this file.",
    "The file is probably damaged: convert it with another program, then retry.",
)
_SILENT = AudioError(
    "The recording is silent from start to end.", "There is nothing to hear in it; remove it or exclude it."
)


@dataclass(slots=True, eq=False)
class Listening:
    """A track on its way through the stages. Who it is may be known only when it is decoded to the end."""

    file: FoundFile
    assembly: TrackAssembly
    record: FileRecord | None = None
    flaw: Flaw | None = None
    windows_cut: int = 0
    windows_loud: int = 0
    waveform: Waveform | None = None
    handed_on: bool = False

    @property
    def complete(self) -> bool:
        """Whether every window that is not silent has come back from the embedder."""
        return self.waveform is not None and len(self.assembly) == self.windows_loud


@dataclass(frozen=True, slots=True, eq=False)
class CutWindow:
    """A window for the embedder, or, with no samples, the news that its track is decoded to the end."""

    listening: Listening
    start: float
    samples: Samples | None


@dataclass(slots=True)
class Claims:
    """Which sounds are in work, so that two copies of one recording are heard once."""

    embedded: set[TrackId]
    _waiting: dict[TrackId, list[FileRecord]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, record: FileRecord) -> bool | None:
        """True: hear it. False: the library has it. None: another file with this sound is being heard."""
        with self._lock:
            if record.track_id in self.embedded:
                return False
            if record.track_id in self._waiting:
                self._waiting[record.track_id].append(record)
                return None
            self._waiting[record.track_id] = []
            return True

    def settle(self, track_id: TrackId, *, heard: bool) -> list[FileRecord]:
        """End a claim; returns the files that waited for it."""
        with self._lock:
            if heard:
                self.embedded.add(track_id)
            return self._waiting.pop(track_id, [])


class _Worker(threading.Thread):
    """A thread with a decoder. `since` is when the decoder was last heard of while it is waited for, None
    while it is not."""

    def __init__(self, stage: DecodingStage, number: int) -> None:
        super().__init__(name=f"decode-{number}", daemon=True)
        self._stage = stage
        self._decoder: Decoder | None = None
        self.token = CancelToken()
        self.since: float | None = None
        self.file: FoundFile | None = None
        self.track_id: TrackId | None = None
        self._claiming = threading.Lock()

    def abandon(self) -> TrackId | None:
        """Give up on this thread; returns the sound it had claimed. It claims none from now on."""
        with self._claiming:
            self.token.cancel()
            return self.track_id

    def run(self) -> None:
        with contextlib.closing(self._stage.new_decoder(self.token, self._pulse)) as self._decoder:
            while (file := self._stage.next_file(self.token)) is not None:
                try:
                    self._take(file, self._decoder)
                except Cancelled:
                    return

    def stop(self) -> None:
        """End the work soon, from another thread; in this process a decoder that hangs is left behind."""
        self.token.cancel()
        if self._decoder is not None:
            self._decoder.abort()

    def _take(self, file: FoundFile, decoder: Decoder) -> None:
        """Hear a file and report its failure. Raises Cancelled."""
        self.file, self.track_id = file, None
        error: MusicSimError | None = None
        try:
            self._listen_again_after_a_crash(file, decoder)
        except Cancelled:
            raise
        except MusicSimError as known:
            error = known
        except Exception as unforeseen:  # the edge of one item: the rest of the folder goes on
            log.exception("decoding %r", os.fspath(file.path))
            error = unexpected(unforeseen)
        finally:
            self.since = None
        if error is not None and not self.token.cancelled:
            self._stage.fail(file, self.track_id, error)
        self.file = None

    def _listen_again_after_a_crash(self, file: FoundFile, decoder: Decoder) -> None:
        """A system short of memory kills processes that have done nothing."""
        try:
            self._listen(file, decoder)
        except DecoderCrashed as crash:
            log.warning("the decoder ended at %r: %s", os.fspath(file.path), crash)
            self._stage.let_go(self.track_id)
            self.track_id = None
            self._listen(file, decoder)

    def _listen(self, file: FoundFile, decoder: Decoder) -> None:
        stage = self._stage
        listening = Listening(file, TrackAssembly(stage.embedder, stage.coverage))
        unheard_of = stage.is_unheard_of(file)
        expected_seconds = None
        if not unheard_of:
            self._pulse()
            audio = decoder.examine(file.path)
            self.since = None
            if not self._claim(listening, audio):
                return
            expected_seconds = audio.expected_seconds
        for window in self._watched(decoder.windows(file.path, expected_seconds, identify=unheard_of)):
            listening.windows_cut += 1
            if not window.silent:
                listening.windows_loud += 1
                stage.put(CutWindow(listening, window.start, window.samples), self.token)
        if unheard_of:
            audio = decoder.identified()
            if not self._claim(listening, audio):
                return
        if not listening.windows_loud:
            raise _SILENT
        waveform = decoder.waveform()
        listening.flaw = flaw_of(audio, waveform.seconds, decoder.change())
        listening.waveform = waveform
        stage.put(CutWindow(listening, 0.0, None), self.token)

    def _claim(self, listening: Listening, audio: AudioFile) -> bool:
        """Whether it is up to this thread to hear this sound. Raises Cancelled."""
        file = listening.file
        listening.record = record = FileRecord(file.path, file.stamp, audio.tags, audio.track_id)
        with self._claiming:
            self.token.check()
            claimed = self._stage.claims.claim(record)
            self.track_id = audio.track_id if claimed else None
        if claimed is False:
            self._stage.know(record)
        return bool(claimed)

    def _watched(self, windows: Iterable[AudioWindow]) -> Iterator[AudioWindow]:
        iterator = iter(windows)
        while True:
            self._pulse()
            window = next(iterator, None)
            self.since = None
            if window is None:
                return
            yield window

    def _pulse(self) -> None:
        self.since = time.monotonic()


@contextlib.contextmanager
def _noted_if_it_fails() -> Iterator[None]:
    """Who gets no process for a decoder decodes in this one."""
    try:
        yield
    except OSError as error:
        log.warning("no process for a decoder: %s", error)


class DecodingStage:
    """Decodes `files` into a bounded queue of windows, with at most `most_workers` at a time.

    `report` takes what needs no hearing: files that failed, and sounds that are known; `is_heard` tells
    whether another process has heard a file meanwhile. `processes` gives each worker a process: worth it
    unless there is little to decode. `lone_sizes` are sizes that one of the files has and nothing else that
    is known.
    """

    def __init__(
        self,
        files: Iterable[FoundFile],
        embedder: Embedder,
        coverage: int | None,
        claims: Claims,
        report: Callable[[Finding], None],
        is_heard: Callable[[FoundFile], bool],
        *,
        most_workers: int,
        processes: bool,
        queue_size: int,
        lone_sizes: AbstractSet[int] = frozenset(),
        pause: PauseSwitch,
        hang_seconds: float = HANG_SECONDS,
    ) -> None:
        self.embedder = embedder
        self.coverage = coverage
        self.claims = claims
        self.pause = pause
        self.windows: queue.Queue[CutWindow] = queue.Queue(maxsize=queue_size)
        self._report = report
        self._is_heard = is_heard
        self._lone_sizes = lone_sizes
        self._files = deque(files)
        self._lock = threading.Lock()
        self._hang_seconds = hang_seconds
        self._processes = processes
        self._most_workers = min(most_workers, len(self._files))
        self._workers: list[_Worker] = []
        self._started: list[StartedDecoder] = []

    def start(self) -> None:
        """Start the first workers."""
        count = min(_WORKERS_AT_FIRST, self._most_workers)
        if self._processes:
            with _noted_if_it_fails():
                self._started = start_decoders(count, self.embedder.sample_rate, self.coverage)
        for _ in range(count):
            self._add_worker()

    def keep_up(self) -> None:
        """Add a worker when whoever takes the windows has to wait for them."""
        if self._files and self.windows.empty() and not self.pause.paused:
            self._add_worker()

    def _add_worker(self) -> None:
        if len(self._workers) < self._most_workers:
            self._workers.append(_Worker(self, len(self._workers)))
            self._workers[-1].start()

    def new_decoder(self, cancel: CancelToken, pulse: Callable[[], None]) -> Decoder:
        if self._processes:
            with self._lock:
                started = self._started.pop(0) if self._started else None
            with _noted_if_it_fails():
                return ProcessDecoder(self.embedder.sample_rate, self.coverage, cancel, pulse, started)
        return LocalDecoder(self.embedder.sample_rate, self.coverage, cancel, pulse)

    @property
    def running(self) -> bool:
        return any(worker.is_alive() for worker in self._workers)

    @property
    def decoding(self) -> tuple[str, ...]:
        """Paths of the files being decoded now."""
        return tuple(str(file.path) for worker in self._workers if (file := worker.file) is not None)

    def next_file(self, token: CancelToken) -> FoundFile | None:
        """The next one that nobody has heard yet, once it may be taken; None when there is none, or the token
        was cancelled."""
        while self.pause.wait(token):
            with self._lock:
                file = self._files.popleft() if self._files else None
            if file is None or not self._is_heard(file):
                return file
            self._report(HeardElsewhere(file))
        return None

    def is_unheard_of(self, file: FoundFile) -> bool:
        """Whether a file is all but surely new: then it is identified while it is decoded, which saves a pass
        over it. With a coverage its length must be known first."""
        return self.coverage is None and file.stamp.size in self._lone_sizes

    def cancel(self) -> None:
        """Make every worker end soon."""
        for worker in self._workers:
            worker.stop()
        with self._lock:
            while self._started:  # nobody has taken it over
                self._started.pop().discard()

    def drop_under(self, root: Path) -> int:
        """Leave out the files below a folder that does not answer any more; returns how many."""
        with self._lock:
            kept = deque(file for file in self._files if not file.path.is_relative_to(root))
            dropped = len(self._files) - len(kept)
            self._files = kept
        return dropped

    def put(self, item: CutWindow, token: CancelToken) -> None:
        """Hand a window on, waiting while the queue is full. Raises Cancelled."""
        while True:
            token.check()
            try:
                self.windows.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return

    def know(self, record: FileRecord) -> None:
        """Report a file whose sound the library has."""
        self._report(SoundKnown(record))

    def fail(self, file: FoundFile, track_id: TrackId | None, error: MusicSimError) -> None:
        """Report a file that failed."""
        self._report(FileFailed(file, error))
        self.let_go(track_id)

    def let_go(self, track_id: TrackId | None) -> None:
        """End the claim to a sound that was not heard. Copies that waited for it get a try of their own."""
        for record in self.claims.settle(track_id, heard=False) if track_id else []:
            with self._lock:
                self._files.append(FoundFile(record.path, record.stamp))

    def abandon_hanging(self) -> None:
        """Give up on workers whose decoder hangs: their file fails and a fresh thread takes their place."""
        now = time.monotonic()
        for place, worker in enumerate(self._workers):
            since, file = worker.since, worker.file
            if since is None or file is None:
                continue
            if now - since < self._hang_seconds + file.stamp.size / _SLOWEST_BYTES_PER_SECOND:
                continue
            track_id = worker.abandon()
            worker.stop()
            self.fail(file, track_id, _HANGS)
            fresh = _Worker(self, place)
            fresh.start()
            self._workers[place] = fresh  # started first: the stage never looks finished in between
