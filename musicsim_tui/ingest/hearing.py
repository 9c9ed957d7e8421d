"""The embedding stage: batches windows across tracks and hands on the tracks that are complete."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.ingest.listening import CutWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.ingest.listening import Finding, Listening

_PATIENCE_SECONDS = 0.25
"""How long a partial batch waits for more windows while decoding is the slower stage."""


class HearingStage:
    """Runs on one thread: takes windows from the queue, embeds them, completes tracks."""

    def __init__(
        self,
        embedder: Embedder,
        windows: queue.Queue[CutWindow | Finding],
        completed: Callable[[Listening], None],
        found: Callable[[Finding], None],
    ) -> None:
        self._embedder = embedder
        self._windows = windows
        self._completed = completed
        self._found = found
        self._batches: dict[int, list[CutWindow]] = {}
        self.audio_seconds = 0.0

    def run(self, decoding: Callable[[], bool], stopped: Callable[[], bool]) -> None:
        """Work until nothing is left to decode or `stopped`. Raises ModelError when hearing is impossible."""
        oldest: float | None = None
        while not stopped():
            still_decoding = decoding()
            try:
                item = self._windows.get(timeout=0.02 if self._batches else 0.1)
            except queue.Empty:
                overdue = oldest is not None and time.monotonic() - oldest > _PATIENCE_SECONDS
                if self._batches and (overdue or not still_decoding):
                    self._embed_all(stopped)
                    oldest = None
                if not still_decoding and not self._batches and self._windows.empty():
                    return
                continue
            if not isinstance(item, CutWindow):
                self._found(item)
            elif item.samples is None:
                self._complete(item.listening)
            else:
                oldest = oldest or time.monotonic()
                batch = self._batches.setdefault(len(item.samples), [])
                batch.append(item)
                if len(batch) >= self._embedder.batch_size:
                    self._embed(len(item.samples))
                    oldest = time.monotonic() if self._batches else None

    def _embed_all(self, stopped: Callable[[], bool]) -> None:
        for length in list(self._batches):
            if not stopped():
                self._embed(length)

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
