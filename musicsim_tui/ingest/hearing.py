"""The embedding stage: batches windows across tracks and hands on the tracks that are complete."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.ingest.listening import CutWindow, Listening

_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 0.25
"""How long a partial batch waits for more windows while decoding is the slower stage."""


class HearingStage:
    """Runs on one thread: takes windows from the queue, embeds them, completes tracks."""

    def __init__(
        self,
        embedder: Embedder,
        windows: queue.Queue[CutWindow],
        completed: Callable[[Listening], None],
    ) -> None:
        self._embedder = embedder
        self._windows = windows
        self._completed = completed
        self._batches: dict[int, list[CutWindow]] = {}
        """Windows by their length in samples, the length that has waited longest first."""
        self.audio_seconds = 0.0

    def run(self, decoding: Callable[[], bool], stopped: Callable[[], bool]) -> None:
        """Work until nothing is left to decode or `stopped`. Raises ModelError when hearing is impossible."""
        idle_since: float | None = None
        while not stopped():
            still_decoding = decoding()
            try:
                window = self._windows.get(timeout=_POLL_SECONDS if still_decoding else 0)
            except queue.Empty:
                if not still_decoding and not self._batches:
                    return
                idle_since = idle_since or time.monotonic()
                if not still_decoding or time.monotonic() - idle_since > _PATIENCE_SECONDS:
                    self._embed_oldest()
                continue
            idle_since = None
            self._take(window)

    def _take(self, window: CutWindow) -> None:
        if window.samples is None:
            self._complete(window.listening)
            return
        length = len(window.samples)
        batch = self._batches.setdefault(length, [])
        batch.append(window)
        if len(batch) >= self._embedder.batch_size:
            self._embed(length)
        elif sum(map(len, self._batches.values())) >= 2 * self._embedder.batch_size:
            self._embed_oldest()

    def _embed_oldest(self) -> None:
        if self._batches:
            self._embed(next(iter(self._batches)))

    def _embed(self, length: int) -> None:
        batch = self._batches.pop(length)
        heard = self._embedder.embed(
            np.stack([window.samples for window in batch if window.samples is not None])
        )
        self.audio_seconds += len(batch) * length / self._embedder.sample_rate
        for row, window in enumerate(batch):
            window.listening.assembly.add([window.start], heard.row(row))
            self._complete(window.listening)

    def _complete(self, listening: Listening) -> None:
        if listening.complete and not listening.handed_on:
            listening.handed_on = True
            self._completed(listening)
