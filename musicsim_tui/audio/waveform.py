"""The outline of a track, its length and its loudness, gathered while it streams by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.windows import SILENCE_DBFS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from musicsim_tui.track import Samples

MAX_COLUMNS = 1024
CELL_SECONDS = 0.1
"""The finest resolution, and the length over which loudness is gated."""
_CELLS_AT_ONCE = 32
"""Enough that calls do not weigh, and few enough to stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """A track at a glance.

    `peaks` has one byte for each of at most `MAX_COLUMNS` equal columns: the peak amplitude, 255 for full
    scale and above. Column i begins at `i * column_seconds`; the last one may be cut short by the end of
    the track. `seconds` is the decoded length. `loudness` is the RMS in dBFS of all that is not silent (a
    full-scale sine has -3.0), and `SILENCE_DBFS` when everything is.
    """

    peaks: bytes
    column_seconds: float
    seconds: float
    loudness: float


class WaveformBuilder:
    """Takes blocks of mono audio at `rate` Hz, in order; its memory does not grow with the track.

    Whenever the columns run out, neighbours are merged and a column stands for twice the time.
    """

    def __init__(self, rate: int) -> None:
        if rate <= 0:
            raise ValueError(f"rate must be positive, not {rate}")
        self._rate = rate
        self._cell = max(1, round(rate * CELL_SECONDS))
        self._cells_per_column = 1
        self._columns = np.zeros(MAX_COLUMNS, dtype=np.float32)
        self._cells = 0
        self._waiting: Samples = np.empty(_CELLS_AT_ONCE * self._cell, dtype=np.float32)
        self._filled = 0
        self._samples = 0
        self._loud_power = 0.0
        self._loud_samples = 0

    def watch(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """The same blocks, each taken in on its way through."""
        for block in blocks:
            self.push(block)
            yield block

    def push(self, block: Samples) -> None:
        """Take in the next samples, shape (samples,), any number of them."""
        self._samples += len(block)
        while len(block):
            taken = block[: len(self._waiting) - self._filled]
            self._waiting[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            block = block[len(taken) :]
            if self._filled == len(self._waiting):
                self._take_waiting()

    def finish(self) -> Waveform:
        """The waveform of all that was pushed."""
        self._take_waiting()
        columns = self._columns[: math.ceil(self._cells / self._cells_per_column)]
        power = self._loud_power / self._loud_samples if self._loud_samples else 0.0
        return Waveform(
            peaks=np.round(np.minimum(columns.astype(np.float64), 1.0) * 255).astype(np.uint8).tobytes(),
            column_seconds=self._cell * self._cells_per_column / self._rate,
            seconds=self._samples / self._rate,
            loudness=10 * math.log10(power) if power else SILENCE_DBFS,
        )

    def _take_waiting(self) -> None:
        whole = self._filled - self._filled % self._cell
        if whole:
            self._add(self._waiting[:whole].reshape(-1, self._cell))
        if whole < self._filled:  # the end of the track
            self._add(self._waiting[np.newaxis, whole : self._filled])
        self._filled = 0

    def _add(self, cells: NDArray[np.float32]) -> None:
        """Take in cells of equal length, shape (cells, samples)."""
        powers = np.vecdot(cells, cells).astype(np.float64) / cells.shape[1]
        loud = powers[powers >= 10 ** (SILENCE_DBFS / 10)]
        self._loud_power += float(loud.sum()) * cells.shape[1]
        self._loud_samples += len(loud) * cells.shape[1]
        peaks = np.maximum(cells.max(axis=1), -cells.min(axis=1))
        while len(peaks):
            if self._cells == MAX_COLUMNS * self._cells_per_column:
                self._merge()
            fitting = peaks[: MAX_COLUMNS * self._cells_per_column - self._cells]
            columns = np.arange(self._cells, self._cells + len(fitting)) // self._cells_per_column
            np.maximum.at(self._columns, columns, fitting)
            self._cells += len(fitting)
            peaks = peaks[len(fitting) :]

    def _merge(self) -> None:
        self._columns[: MAX_COLUMNS // 2] = self._columns.reshape(-1, 2).max(axis=1)
        self._columns[MAX_COLUMNS // 2 :] = 0.0
        self._cells_per_column *= 2
