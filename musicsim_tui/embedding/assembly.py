"""Gathers what was heard of a track's windows, batch by batch, into its embedding and sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.embedding.sounds import SoundTally
from musicsim_tui.errors import AudioError
from musicsim_tui.track import Embedding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.embedding.embedder import Embedder, HeardWindows
    from musicsim_tui.track import HalfVectors, Sound

SOUNDS_KEPT = 10


class TrackAssembly:
    """The embedding of one track in the making; holds vectors only, never audio."""

    def __init__(self, embedder: Embedder, coverage: int | None) -> None:
        self._model = embedder.model
        self._coverage = coverage
        self._sum = np.zeros(self._model.dimensions, dtype=np.float64)
        self._windows: list[HalfVectors] = []
        self._starts: list[float] = []
        self._tally = SoundTally(embedder.labels)

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, starts: Sequence[float], heard: HeardWindows) -> None:
        """Add windows that are not silent; row i of `heard` starts at `starts[i]` seconds."""
        self._sum += heard.vectors.sum(axis=0, dtype=np.float64)
        self._windows.append(heard.vectors.astype(np.float16))
        self._starts.extend(starts)
        if heard.sounds.shape[1]:
            self._tally.add(starts, heard.sounds)

    def finish(self, windows_cut: int) -> tuple[Embedding, tuple[Sound, ...]]:
        """The track as heard; at least one window must have been added.

        `windows_cut` counts the silent ones too: when there were fewer than the coverage asks for, every
        window was heard, and the embedding says so. Raises AudioError when the embedder gave no numbers.
        """
        windows = np.concatenate(self._windows)
        if not (np.isfinite(self._sum).all() and np.isfinite(windows).all()):
            raise AudioError(
                "The model makes no numbers of this recording.",
                "The file probably holds damaged samples: convert it with another program, then retry.",
            )
        covers_all = self._coverage is None or windows_cut < self._coverage
        embedding = Embedding(
            model=self._model,
            coverage=None if covers_all else self._coverage,
            mean=(self._sum / len(self._starts)).astype(np.float32),
            windows=windows,
            starts=np.asarray(self._starts, dtype=np.float32),
        )
        return embedding, self._tally.best(SOUNDS_KEPT)
