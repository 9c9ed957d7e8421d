"""What the sound card asks for samples: copies and multiplies, never waits, never clicks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from musicsim_tui.audio.feed import Feed
    from musicsim_tui.track import Samples

_RAMP_SECONDS = 0.01
"""Over which loudness changes and what is left or entered fades: shorter ones click."""


class Renderer:
    """Plays the feed that is `wanted`, silence for None, at `gain`; both are set from other threads.

    `calls` counts how often it was asked, so that a device that has stopped asking is noticed.
    """

    def __init__(self, rate: int) -> None:
        self.wanted: Feed | None = None
        self.gain = 1.0
        self.calls = 0
        self._ramp_frames = max(1, round(_RAMP_SECONDS * rate))
        self._feed: Feed | None = None
        self._level = 0.0

    def render(self, out: Samples) -> None:
        """Fill `out`, shape (frames, 2)."""
        self.calls += 1
        wanted, done = self.wanted, 0
        if self._feed is not wanted:
            if self._feed is not None:
                done = self._fade_out(self._feed, out[: self._ramp_frames])
            self._feed, self._level = wanted, 0.0
        if wanted is not None:
            done += self._go_on(wanted, out[done:])
        out[done:] = 0.0

    def _fade_out(self, feed: Feed, out: Samples) -> int:
        taken = feed.take(out)
        out[:taken] *= np.linspace(self._level, 0.0, taken, dtype=np.float32)[:, np.newaxis]
        return taken

    def _go_on(self, feed: Feed, out: Samples) -> int:
        taken, gain = feed.take(out), self.gain
        played = out[:taken]
        if self._level != gain:
            played = played[self._ramp(played, gain) :]
        if gain != 1.0:
            played *= np.float32(gain)
        if taken < len(out):  # after a gap the sound comes back from silence
            self._level = 0.0
        return taken

    def _ramp(self, out: Samples, gain: float) -> int:
        """Bring the level nearer to `gain`, by full scale in the length of a ramp; frames that it took."""
        away = gain - self._level
        needed = math.ceil(abs(away) * self._ramp_frames)
        frames = min(needed, len(out))
        reached = gain if frames == needed else self._level + math.copysign(frames / self._ramp_frames, away)
        out[:frames] *= np.linspace(self._level, reached, frames, dtype=np.float32)[:, np.newaxis]
        self._level = reached
        return frames
