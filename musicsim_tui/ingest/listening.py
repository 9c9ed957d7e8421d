"""The decoding stage: threads that turn files into windows, and a watch over decoders that hang."""

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

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.identity import examine
from musicsim_tui.audio.waveform import WaveformBuilder
from musicsim_tui.audio.windows import cut_windows
from musicsim_tui.embedding.assembly import TrackAssembly
from musicsim_tui.errors import AudioError, MusicSimError
from musicsim_tui.ingest.scan import FoundFile
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.records import FileRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from musicsim_tui.audio.identity import AudioFile
    from musicsim_tui.audio.waveform import Waveform
    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.track import Samples, TrackId

log = logging.getLogger(__name__)

HANG_SECONDS = 120.0
"""A decoder that gives no block for this long hangs: the slowest real one gives many a second."""
_SLOWEST_BYTES_PER_SECOND = 2_000_000
"""A file on a slow share may take its time: the pace below which reading counts as hanging."""
_POLL_SECONDS = 0.1
_HANGS = AudioError(
    "The decoder hangs on this file.",
    "The file is probably damaged: convert it with another program, then retry.",
)
_SILENT = AudioError(
    "The recording is silent from start to end.", "There is nothing to hear in it; remove it or exclude it."
)


@dataclass(slots=True, eq=False)
class Listening:
    """A track on its way through the stages."""

    file: FoundFile
    audio: AudioFile
    assembly: TrackAssembly
    windows_cut: int = 0
    windows_loud: int = 0
    waveform: Waveform | None = None
    handed_on: bool = False

    @property
    def complete(self) -> bool:
        """Whether every window that is not silent has come back from the embedder."""
        return self.waveform is not None and len(self.assembly) == self.windows_loud

    @property
    def record(self) -> FileRecord:
        return FileRecord(self.file.path, self.file.stamp, self.audio.tags, self.audio.track_id)


@dataclass(frozen=True, slots=True, eq=False)
class CutWindow:
    """A window for the embedder, or, with no samples, the news that its track is decoded to the end."""

    listening: Listening
    start: float
    samples: Samples | None


@dataclass(frozen=True, slots=True)
class FileFailed:
    """A file that could not be heard, and why."""

    file: FoundFile
    error: MusicSimError


@dataclass(frozen=True, slots=True)
class SoundKnown:
    """A file whose sound the library has already: moved, copied or retagged."""

    record: FileRecord


Finding = FileFailed | SoundKnown


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
    """One decoding thread. `since` is when the current call into the decoder began, None between calls."""

    def __init__(self, stage: DecodingStage, number: int) -> None:
        super().__init__(name=f"decode-{number}", daemon=True)
        self._stage = stage
        self.token = CancelToken()
        self.since: float | None = None
        self.file: FoundFile | None = None
        self.track_id: TrackId | None = None

    def run(self) -> None:
        while not self.token.cancelled and (file := self._stage.next_file()) is not None:
            self.file, self.track_id = file, None
            error: MusicSimError | None = None
            try:
                self._listen(file)
            except Cancelled:
                return
            except MusicSimError as known:
                error = known
            except Exception as unexpected:  # the edge of one item: the rest of the folder goes on
                log.exception("decoding %r", os.fspath(file.path))
                error = AudioError(
                    f"The file could not be heard ({type(unexpected).__name__}: {unexpected}).",
                    "Convert it with another program, then retry; the log has the details.",
                )
            finally:
                self.since = None
            if error is not None:
                with contextlib.suppress(Cancelled):
                    self._stage.fail(file, self.track_id, error, self.token)
            self.file = None

    def _listen(self, file: FoundFile) -> None:
        stage = self._stage
        self.since = time.monotonic()
        audio = examine(file.path, cancel=self.token)
        self.since = None
        record = FileRecord(file.path, file.stamp, audio.tags, audio.track_id)
        claimed = stage.claims.claim(record)
        if claimed is False:
            stage.put(SoundKnown(record), self.token)
        if not claimed:
            return
        self.track_id = audio.track_id
        listening = Listening(file, audio, TrackAssembly(stage.embedder, stage.coverage))
        builder = WaveformBuilder(stage.embedder.sample_rate)
        blocks = self._watched(decode_mono(file.path, stage.embedder.sample_rate, cancel=self.token))
        for window in cut_windows(
            builder.watch(blocks),
            stage.embedder.sample_rate,
            coverage=stage.coverage,
            expected_seconds=audio.expected_seconds,
        ):
            listening.windows_cut += 1
            if not window.silent:
                listening.windows_loud += 1
                stage.put(CutWindow(listening, window.start, window.samples), self.token)
        if not listening.windows_loud:
            raise _SILENT
        listening.waveform = builder.finish()
        stage.put(CutWindow(listening, 0.0, None), self.token)

    def _watched(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        iterator = iter(blocks)
        while True:
            self.since = time.monotonic()
            block = next(iterator, None)
            self.since = None
            if block is None:
                return
            yield block


class DecodingStage:
    """Decodes `files` on several threads into a bounded queue of windows."""

    def __init__(
        self,
        files: Iterable[FoundFile],
        embedder: Embedder,
        coverage: int | None,
        claims: Claims,
        *,
        threads: int,
        queue_size: int,
        hang_seconds: float = HANG_SECONDS,
    ) -> None:
        self.embedder = embedder
        self.coverage = coverage
        self.claims = claims
        self.windows: queue.Queue[CutWindow | Finding] = queue.Queue(maxsize=queue_size)
        self._files = deque(files)
        self._hang_seconds = hang_seconds
        self._workers = [_Worker(self, number) for number in range(threads)]

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    @property
    def running(self) -> bool:
        return any(worker.is_alive() for worker in self._workers)

    @property
    def decoding(self) -> tuple[str, ...]:
        """Names of the files being decoded now."""
        return tuple(file.path.name for worker in self._workers if (file := worker.file) is not None)

    def next_file(self) -> FoundFile | None:
        try:
            return self._files.popleft()
        except IndexError:
            return None

    def cancel(self) -> None:
        """Ask every worker to end; a decoder that hangs is left behind."""
        for worker in self._workers:
            worker.token.cancel()

    def put(self, item: CutWindow | Finding, token: CancelToken) -> None:
        """Hand an item on, waiting while the queue is full. Raises Cancelled."""
        while True:
            token.check()
            try:
                self.windows.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return

    def fail(
        self, file: FoundFile, track_id: TrackId | None, error: MusicSimError, token: CancelToken
    ) -> None:
        """Report a file that failed. Copies that waited for it get a try of their own."""
        self.put(FileFailed(file, error), token)
        for record in self.claims.settle(track_id, heard=False) if track_id else []:
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
            worker.token.cancel()
            fresh = self._workers[place] = _Worker(self, place)
            self.fail(file, worker.track_id, _HANGS, fresh.token)
            fresh.start()
