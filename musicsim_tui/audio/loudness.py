"""Makes tracks equally loud to the ear, without clipping any."""

from __future__ import annotations

import math

from musicsim_tui.audio.windows import SILENCE_DBFS

TARGET_DBFS = -18.0
"""RMS that previews aim at: ReplayGain 2.0 aims at -18 LUFS, which for most music is near it."""
_LARGEST_BOOST_DB = 12.0
_FULL_SCALE = 255


def matching_gain(loudness: float | None, peaks: bytes | None, target: float = TARGET_DBFS) -> float:
    """Gain in dB that brings a track to `target` dBFS RMS, or as near to it as keeps its peaks below 0 dBFS.

    `loudness` (dBFS RMS) and `peaks` (255 for full scale) are those of a `Waveform`; 0 dB for a track whose
    loudness is not known. Without peaks, nothing is made louder.
    """
    if loudness is None or not math.isfinite(loudness) or loudness <= SILENCE_DBFS:
        return 0.0
    return min(target - loudness, _headroom(peaks), _LARGEST_BOOST_DB)


def _headroom(peaks: bytes | None) -> float:
    """Gain in dB up to which no column reaches full scale; a byte stands for up to half a step more."""
    highest = max(peaks or bytes([_FULL_SCALE]))
    return max(0.0, -20 * math.log10((highest + 0.5) / _FULL_SCALE))


def as_factor(gain_db: float) -> float:
    """A gain in dB as a factor of the amplitude."""
    return float(10 ** (gain_db / 20))


def volume_factor(percent: int) -> float:
    """A volume as a factor of the amplitude: its cube, after which equal steps sound equal."""
    return (percent / 100) ** 3
