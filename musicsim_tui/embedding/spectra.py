"""Windows of audio to the few spectrograms from which every hand-made descriptor is taken.

Two short-time Fourier transforms see each window: a short one (46 ms) that follows timbre and rhythm, and a
long one (372 ms) that tells semitones apart. Both are reduced at once to a few bands, and one window is done
with before the next is looked at, so that what is worked on stays in the processor's cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

from musicsim_tui.embedding.products import FilterBank, product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from musicsim_tui.embedding.products import Floats
    from musicsim_tui.track import Samples

SAMPLE_RATE = 22_050
"""Hz. Keeps what lies below 11 kHz, which every common codec and bit rate keeps too."""
SHORT_FFT, SHORT_HOP = 1_024, 512
LONG_FFT, LONG_HOP = 8_192, 4_096
FRAME_RATE = SAMPLE_RATE / SHORT_HOP
"""Short frames a second."""

MEL_BANDS, LOWEST_HZ, HIGHEST_HZ = 40, 30.0, 10_000.0
FLATNESS_EDGES_HZ = (200.0, 400.0, 800.0, 1_600.0, 3_200.0, 6_400.0, 10_000.0)
"""Octaves in which tone is told from noise; below 200 Hz a short frame has too few bins."""
SEMITONES, LOWEST_NOTE = 72, 28
"""Semitone bands from E1 (MIDI note 28, 41 Hz) to D#7 (2.5 kHz): where the bass and the melody lie."""
REGISTER_BANDS = SEMITONES // 4
"""Thirds of an octave."""
_LOWEST_CHROMA_NOTE = 48
"""C3: below it a semitone is narrower than the long transform can tell."""

_FLOOR = 1e-6
"""Added to power before logarithms, 60 dB under the window's mean: what codecs throw away lies lower."""
_BLOCK = 1024
"""Samples within which zero crossings are counted."""
_SAMPLES_AT_ONCE = 1 << 16
"""Samples of frames that are transformed together, and stay in a processor's cache."""
_SILENCE = 1e-6
"""Peak, or deviation in relation to the peak, under which a window counts as digital silence."""
_ORDINARY = (1e-4, 1e4)
"""Peaks between which the squares of all that is heard beside them are exact enough."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """What the descriptors see of a batch of windows, each at the same level. float32.

    `bands` and `register` are in dB, 0 dB being the window's mean power; `flatness` is the logarithm of
    geometric over arithmetic mean power (0 for noise, negative for tones); `chroma` holds compressed
    pitch-class energies, each frame of unit length or zero.
    """

    peak: Floats
    """(windows,). The highest amplitude, at unit power; 0 for silence."""
    crossings: Floats
    """(windows, blocks of 46 ms). Sign changes a sample."""
    bands: Floats
    """(windows, short frames, MEL_BANDS)."""
    flatness: Floats
    """(windows, short frames, octaves)."""
    chroma: Floats
    """(windows, long frames, 12)."""
    register: Floats
    """(windows, long frames, REGISTER_BANDS)."""


class Analysis:
    """Turns windows into spectra; `mel` is the mel filter bank, shape (SHORT_FFT // 2 + 1, MEL_BANDS)."""

    def __init__(self, mel: Floats) -> None:
        octaves = _pools(SHORT_FFT, np.asarray(FLATNESS_EDGES_HZ))
        self._mel = FilterBank(mel, together=8)
        self._octave_means = FilterBank((octaves / octaves.sum(axis=0)).astype(np.float32), together=2)
        self._semitones = FilterBank(_semitone_bank(), together=12)
        self._short_bins = max(self._mel.bins, self._octave_means.bins)
        self._short_taper = _taper(SHORT_FFT)
        self._long_taper = _taper(LONG_FFT)

    def __call__(self, windows: Samples) -> Spectra:
        """Spectra of a batch, shape (windows, samples), of one window or more."""
        samples = windows.shape[1]
        waveform = np.zeros(max(samples, LONG_FFT + LONG_HOP), np.float32)
        seen = []
        for window in windows:
            _set_to_unit_power(waveform[:samples], window)
            peak = np.maximum(waveform.max(), -waveform.min())
            seen.append((peak, _crossing_rates(waveform), *self._short(waveform), *self._long(waveform)))
        peak, crossings, bands, flatness, chroma, register = map(np.stack, zip(*seen, strict=True))
        return Spectra(peak, crossings, bands, flatness, chroma, register)

    def _short(self, waveform: Floats) -> tuple[Floats, Floats]:
        power = _power_spectrogram(waveform, self._short_taper, SHORT_HOP, self._short_bins)
        bands = decibels(self._mel(power))
        power += np.float32(_FLOOR / SHORT_FFT)
        logarithm_of_mean = np.log(self._octave_means(power))
        mean_of_logarithm = self._octave_means(np.log(power, out=power))
        return bands, mean_of_logarithm - logarithm_of_mean

    def _long(self, waveform: Floats) -> tuple[Floats, Floats]:
        power = _power_spectrogram(waveform, self._long_taper, LONG_HOP, self._semitones.bins)
        semitones = self._semitones(power)
        # Logarithmic compression before folding lets soft partials count beside loud ones
        # (Mueller & Ewert, "Chroma Toolbox", ISMIR 2011).
        pitched = np.log1p(semitones[:, _LOWEST_CHROMA_NOTE - LOWEST_NOTE :] * np.float32(1e4))
        notes = np.arange(_LOWEST_CHROMA_NOTE, LOWEST_NOTE + SEMITONES)
        folded = product(pitched, (notes[:, None] % 12 == np.arange(12)).astype(np.float32))
        thirds = semitones.reshape(len(semitones), REGISTER_BANDS, -1).sum(axis=2)
        return unit_length(folded), decibels(thirds)


def _set_to_unit_power(row: Floats, window: Samples) -> None:
    """Set a row to the window without its mean and at unit power, so that gain changes nothing.

    It is zero for digital silence, and for a window that holds anything but finite numbers.
    """
    peak = float(np.maximum(window.max(initial=0.0), -window.min(initial=0.0)))
    if not _SILENCE < peak < np.inf:
        row[:] = 0
        return
    if _ORDINARY[0] < peak < _ORDINARY[1]:
        np.subtract(window, window.mean(), out=row)
    else:  # squares might not be numbers any more
        np.divide(window, np.float32(peak), out=row)
        peak = 1.0
        row -= row.mean()
    deviation = np.sqrt(np.einsum("i,i->", row, row) / np.float32(len(row)))
    if deviation > _SILENCE * peak:
        row *= 1 / deviation
    else:
        row[:] = 0


def _crossing_rates(waveform: Floats) -> Floats:
    """Sign changes a sample within each block of one waveform, shape (blocks,)."""
    negative = np.signbit(waveform[: len(waveform) // _BLOCK * _BLOCK])
    changes = np.empty(len(negative), np.uint8)
    np.not_equal(negative[1:], negative[:-1], out=changes[:-1].view(bool))
    inside = changes.reshape(-1, _BLOCK)[:, :-1]  # not from one block to the next
    rates: Floats = inside.sum(axis=1, dtype=np.uint16).astype(np.float32) / np.float32(_BLOCK - 1)
    return rates


def decibels(power: Floats) -> Floats:
    """Power in dB over a floor of -60 dB, float32."""
    level: Floats = np.log10(power + np.float32(_FLOOR))
    level *= np.float32(10)
    return level


def unit_length(vectors: Floats) -> Floats:
    """Each vector along the last axis at unit Euclidean length; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    directions: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return directions


def mel_bank() -> Floats:
    """Librosa's triangles of unit height on Slaney's mel scale, shape (SHORT_FFT // 2 + 1, MEL_BANDS).

    Importing librosa takes a second; hearing reads the copy that is packaged with the other constants.
    """
    from librosa import filters

    bank = filters.mel(
        sr=SAMPLE_RATE, n_fft=SHORT_FFT, n_mels=MEL_BANDS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, norm=None
    )
    return np.ascontiguousarray(bank.T, dtype=np.float32)


def log_triangles(
    values: NDArray[np.float64], limits: tuple[float, float], bands: int
) -> NDArray[np.float64]:
    """Triangles that overlap, their peaks in equal ratios from limit to limit, shape (values, bands)."""
    position = np.full(len(values), -np.inf)
    positive = values > 0
    span = np.log(limits[1] / limits[0])
    position[positive] = np.log(values[positive] / limits[0]) / span * (bands - 1)
    triangles: NDArray[np.float64] = np.clip(1 - np.abs(position[:, None] - np.arange(bands)), 0, None)
    return triangles


def _power_spectrogram(waveform: Floats, taper: Floats, hop: int, bins: int) -> Floats:
    """Power in each frame's lowest bins, shape (frames, bins); all bins of a frame sum to its mean square."""
    from scipy import fft  # type: ignore[import-untyped]

    length = len(taper)
    count = (len(waveform) - length) // hop + 1
    step = waveform.strides[0]
    frames = as_strided(waveform, (count, length), (hop * step, step), writeable=False)
    magnitude: Floats = np.empty((count, bins), np.float32)
    together = max(1, _SAMPLES_AT_ONCE // length)
    tapered: Floats = np.empty((together, length), np.float32)
    for start in range(0, count, together):
        some = frames[start : start + together]
        spectrum = fft.rfft(np.multiply(some, taper, out=tapered[: len(some)]), axis=-1)
        np.abs(spectrum[:, :bins], out=magnitude[start : start + together])
    return np.square(magnitude, out=magnitude)


def _taper(length: int) -> Floats:
    """Periodic Hann taper, scaled so that the power spectrum of a frame sums to its mean square."""
    hann: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    hann *= np.sqrt(2 / (length * np.sum(hann**2)))
    return hann.astype(np.float32)


def _pools(n_fft: int, edges: NDArray[np.float64]) -> Floats:
    """Sums of the bins between neighbouring edges in Hz, shape (n_fft // 2 + 1, len(edges) - 1)."""
    width = SAMPLE_RATE / n_fft
    centres = np.arange(n_fft // 2 + 1)[:, None] * width
    overlap = np.minimum(centres + width / 2, edges[1:]) - np.maximum(centres - width / 2, edges[:-1])
    shares: NDArray[np.float64] = np.clip(overlap, 0.0, None) / width
    return shares.astype(np.float32)


def _semitone_bank() -> Floats:
    """Triangles one semitone apart over the bins of the long transform, as far up as they reach."""
    lowest, highest = (
        440.0 * 2.0 ** ((note - 69) / 12) for note in (LOWEST_NOTE, LOWEST_NOTE + SEMITONES - 1)
    )
    width = SAMPLE_RATE / LONG_FFT
    bins = int(highest * 2 ** (1 / 12) / width) + 1
    return log_triangles(np.arange(bins, dtype=np.float64) * width, (lowest, highest), SEMITONES).astype(
        np.float32
    )
