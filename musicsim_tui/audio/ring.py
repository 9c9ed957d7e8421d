"""Samples on their way from a thread that decodes to one that must never wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from musicsim_tui.track import Samples


class RingBuffer:
    """Frames of stereo, shape (n, 2), float32: one thread writes, another reads, neither ever waits.

    Each side alone moves its own counter, after the samples are in place: no lock is needed.
    """

    def __init__(self, frames: int) -> None:
        if frames <= 0:
            raise ValueError(f"a ring buffer needs room, not {frames} frames")
        self._data = np.zeros((frames, 2), dtype=np.float32)
        self._written = 0
        self._read = 0

    @property
    def filled(self) -> int:
        """Frames that can be read."""
        return self._written - self._read

    def write(self, block: Samples) -> int:
        """Take in as many frames of the block as there is room for; returns how many."""
        room = len(self._data) - self.filled
        return self._copy(block[:room], self._written, into_ring=True)

    def read_into(self, out: Samples) -> int:
        """Fill `out` from its beginning, as far as there are frames; returns how many."""
        return self._copy(out[: self.filled], self._read, into_ring=False)

    def _copy(self, block: Samples, counter: int, *, into_ring: bool) -> int:
        frames = len(block)
        place = counter % len(self._data)
        first = min(frames, len(self._data) - place)
        for in_ring, in_block in (
            (self._data[place : place + first], block[:first]),
            (self._data[: frames - first], block[first:]),
        ):
            if into_ring:
                in_ring[:] = in_block
            else:
                in_block[:] = in_ring
        if into_ring:
            self._written = counter + frames
        else:
            self._read = counter + frames
        return frames
