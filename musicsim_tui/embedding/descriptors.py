"""Hand-made descriptors of a window of music, in groups, from its spectra.

The choice follows what music information retrieval has found to carry similarity:

- timbre as the statistics of cepstra (Mandel & Ellis, "Song-level features and support vector machines for
  music classification", ISMIR 2005; Pampalk, "Computational models of music similarity", 2006);
- the joint movement of bands, and the fluctuation of onsets on a logarithmic scale of rates (Seyerlehner et
  al., "Fusing block-level features for music similarity estimation", DAFx 2010; Pohle et al., "On rhythm and
  general music similarity", ISMIR 2009);
- tone against noise (AudioSpectrumFlatness of MPEG-7) and struck against sustained (Fitzgerald,
  "Harmonic/percussive separation using median filtering", DAFx 2010);
- tonality as the discrete Fourier transform of the chroma vector, whose magnitudes no transposition changes
  (Bernardes et al., "A multi-level tonal interval space for modelling pitch relatedness", 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.embedding.products import product
from musicsim_tui.embedding.spectra import (
    FLATNESS_EDGES_HZ,
    FRAME_RATE,
    MEL_BANDS,
    REGISTER_BANDS,
    log_triangles,
    unit_length,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from musicsim_tui.embedding.products import Floats
    from musicsim_tui.embedding.spectra import Spectra

CEPSTRA = 20
COARSE_BANDS = 12
REGIONS = 6
RATES_HZ = (0.4, 12.0)
RATE_BANDS = 14
PERIODS_S = (0.15, 2.0)
PERIOD_BANDS = 20


@dataclass(frozen=True, slots=True)
class DescriptorGroup:
    """A run of descriptors of one quality; `share` is its part of a vector's expected squared length."""

    name: str
    size: int
    share: float


GROUPS = (
    DescriptorGroup("timbre", CEPSTRA - 1, 0.16),
    DescriptorGroup("timbre spread", CEPSTRA, 0.10),
    DescriptorGroup("timbre motion", CEPSTRA, 0.08),
    DescriptorGroup("band correlation", COARSE_BANDS * (COARSE_BANDS - 1) // 2, 0.10),
    DescriptorGroup("flatness", 2 * (len(FLATNESS_EDGES_HZ) - 1), 0.08),
    DescriptorGroup("shape", 10, 0.06),
    DescriptorGroup("register", 2 * REGISTER_BANDS, 0.08),
    DescriptorGroup("fluctuation", REGIONS * RATE_BANDS, 0.10),
    DescriptorGroup("rhythm", PERIOD_BANDS + REGIONS + 1, 0.06),
    DescriptorGroup("attack", 3 * REGIONS, 0.06),
    DescriptorGroup("dynamics", 6, 0.05),
    DescriptorGroup("harmony", 14, 0.04),
    DescriptorGroup("key", 12, 0.03),
)
"""Timbre weighs most and rhythm next, as in the systems named above; harmony and key least."""
SIZE = sum(group.size for group in GROUPS)


def describe(spectra: Spectra) -> Floats:
    """Raw descriptors of each window, shape (windows, SIZE), in the order of GROUPS; always finite."""
    cepstra = product(spectra.bands, _cosines(MEL_BANDS, CEPSTRA))
    power = np.exp(spectra.bands * np.float32(np.log(10) / 10))
    onsets = _onsets(spectra.bands)
    parts = (
        cepstra.mean(axis=1)[:, 1:],
        _log_deviation(cepstra),
        _log_deviation(cepstra[:, 2:] - cepstra[:, :-2]),
        _band_correlation(spectra.bands),
        _mean_and_deviation(spectra.flatness),
        _shape(power, spectra.crossings),
        _register(spectra.register),
        _fluctuation(onsets),
        _rhythm(onsets),
        _attack(spectra.bands, onsets),
        _dynamics(power, spectra.peak),
        _harmony(spectra.chroma),
        spectra.chroma.mean(axis=1),
    )
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _mean_and_deviation(frames: Floats) -> Floats:
    return np.concatenate([frames.mean(axis=1), frames.std(axis=1)], axis=1)


def _log_deviation(frames: Floats) -> Floats:
    """Logarithm of the deviation over frames: of deviations, positive and skewed, the ratios matter."""
    deviation: Floats = np.log(frames.std(axis=1) + np.float32(0.1))
    return deviation


def _band_correlation(bands: Floats) -> Floats:
    """Fisher-transformed correlation of every pair of coarse bands (Seyerlehner's correlation pattern)."""
    coarse = product(bands, _grouping(MEL_BANDS, COARSE_BANDS))
    coarse -= coarse.mean(axis=1, keepdims=True)
    # One dB of independent noise keeps the correlation of bands that hardly move near zero.
    variance = np.mean(np.square(coarse), axis=1) + np.float32(1)
    covariance = coarse.transpose(0, 2, 1) @ coarse / np.float32(coarse.shape[1])
    correlation = covariance / np.sqrt(variance[:, :, None] * variance[:, None, :])
    first, second = np.triu_indices(COARSE_BANDS, 1)
    fisher: Floats = np.arctanh(np.clip(correlation[:, first, second], -0.98, 0.98))
    return fisher


def _shape(power: Floats, crossings: Floats) -> Floats:
    """Centroid, spread, rolloff (85 %), crest on the mel scale, zero crossings: means and deviations."""
    total = power.sum(axis=2)
    by_band = np.ascontiguousarray(power.transpose(2, 0, 1))
    position = np.linspace(0, 1, MEL_BANDS, dtype=np.float32)
    moments = product(power, np.stack([position, position**2], axis=1)) / total[:, :, None]
    centroid = moments[:, :, 0]
    spread = np.sqrt(np.maximum(moments[:, :, 1] - centroid**2, 0))
    rolloff = _bands_below(by_band, 0.85 * total) / np.float32(MEL_BANDS)
    crest = np.log(by_band.max(axis=0) * MEL_BANDS / total)
    frames = np.stack([centroid, spread, rolloff, crest], axis=2)
    return np.concatenate([_mean_and_deviation(frames), _zero_crossings(crossings)], axis=1)


def _bands_below(by_band: Floats, limit: Floats) -> NDArray[np.uint8]:
    """How many bands of a frame can be summed before they reach its limit: `by_band` has their power, shape
    (bands, windows, frames). What `np.cumsum` gives, in a third of the time."""
    power_so_far = np.zeros_like(limit)
    count = np.zeros(limit.shape, np.uint8)
    for power in by_band:
        power_so_far += power
        count += power_so_far < limit
    return count


def _zero_crossings(crossings: Floats) -> Floats:
    """Logarithm of the rate of sign changes and its deviation over blocks."""
    rate = np.log(crossings + np.float32(1e-2))
    return np.stack([rate.mean(axis=1), rate.std(axis=1)], axis=1)


def _register(register: Floats) -> Floats:
    """Level of each third octave against their mean, and how much it moves."""
    level = register.mean(axis=1)
    return np.concatenate([level - level.mean(axis=1, keepdims=True), _log_deviation(register)], axis=1)


def _onsets(bands: Floats) -> Floats:
    """Rise in level since the frame before, dB, averaged over each of REGIONS regions of bands."""
    rise = np.diff(bands, axis=1)
    np.maximum(rise, 0, out=rise)
    return product(rise, _grouping(MEL_BANDS, REGIONS))


def _fluctuation(onsets: Floats) -> Floats:
    """How strongly onsets repeat at each rate in each region: logarithmic power, rates in equal ratios."""
    power = _modulation_power(onsets)
    pooled: Floats = np.log(_rate_pools(power.shape[1]).T @ power + np.float32(1e-2))
    return pooled.reshape(len(onsets), -1)


def _rhythm(onsets: Floats) -> Floats:
    """Autocorrelation of all onsets at each period, its highest peak, and the onsets of each region."""
    everything = onsets.sum(axis=2, keepdims=True)
    power = _modulation_power(everything)[:, :, 0]
    lags = power.shape[1] - 1
    autocorrelation = np.fft.irfft(power, axis=1)[:, :lags].astype(np.float32)
    energy = autocorrelation[:, :1] + np.float32(1e-3)
    pooled = product(autocorrelation, _period_pools(lags)) / energy
    strength = np.log(onsets.mean(axis=1) + np.float32(0.1))
    return np.concatenate([pooled, pooled.max(axis=1, keepdims=True), strength], axis=1)


def _modulation_power(envelopes: Floats) -> Floats:
    """Power spectrum of envelopes over time, shape (windows, rates, envelopes).

    Envelopes are padded with zeros to a power of two, at least twice their length (so that the inverse
    transform is their autocorrelation) and at least 1,024 (so that short windows reach slow rates too).
    """
    moving = envelopes - envelopes.mean(axis=1, keepdims=True)
    frames = moving.shape[1]
    spectrum = np.fft.rfft(moving, n=max(1_024, 1 << (2 * frames - 1).bit_length()), axis=1)
    power: Floats = np.square(spectrum.real) + np.square(spectrum.imag)
    return power / np.float32(frames)


def _attack(bands: Floats, onsets: Floats) -> Floats:
    """For each region: peakiness of its onsets, roughness along time, and roughness along frequency.

    Struck sounds are rough along time, sustained tones along frequency.
    """
    grouping = _grouping(MEL_BANDS, REGIONS)
    peakiness = np.sqrt(np.mean(np.square(onsets), axis=1)) / (onsets.mean(axis=1) + np.float32(0.1))
    along_time = product(np.abs(np.diff(bands, axis=1)).mean(axis=1), grouping)
    steps = np.abs(np.diff(bands, axis=2)).mean(axis=1)
    along_frequency = product(steps, _grouping(MEL_BANDS - 1, REGIONS))
    roughness = np.log(np.concatenate([along_time, along_frequency], axis=1) + np.float32(0.1))
    return np.concatenate([np.log(peakiness + np.float32(0.1)), roughness], axis=1)


def _dynamics(power: Floats, peak: Floats) -> Floats:
    """Deviation, percentiles (10, 50, 90) and share of low frames of the level, and the crest factor."""
    level = 10 * np.log10(power.sum(axis=2))
    low, middle, high = np.percentile(level, (10, 50, 90), axis=1)
    low_share = (level < -6).mean(axis=1)
    return np.stack(
        [level.std(axis=1), low, middle, high, low_share, np.log(peak + np.float32(1))], axis=1
    ).astype(np.float32)


def _harmony(chroma: Floats) -> Floats:
    """What no transposition changes: Fourier magnitudes of mean and frames, change, clarity."""
    mean = chroma.mean(axis=1)
    of_mean = np.abs(mean @ _circle_of_pitches())
    of_frames = np.abs(chroma @ _circle_of_pitches()).mean(axis=1)
    change = np.linalg.norm(np.diff(chroma, axis=1), axis=2).mean(axis=1, keepdims=True)
    clarity = unit_length(mean).max(axis=1, keepdims=True)
    return np.concatenate([of_mean, of_frames, change, clarity], axis=1)


@lru_cache(maxsize=8)
def _cosines(bands: int, coefficients: int) -> Floats:
    """Orthonormal DCT-II, shape (bands, coefficients)."""
    angle = np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(coefficients)
    matrix: NDArray[np.float64] = np.cos(angle) * np.sqrt(2 / bands)
    matrix[:, 0] = np.sqrt(1 / bands)
    return matrix.astype(np.float32)


@lru_cache(maxsize=8)
def _grouping(bands: int, groups: int) -> Floats:
    """Means of neighbouring bands in groups of nearly equal size, shape (bands, groups)."""
    membership: NDArray[np.bool_] = np.arange(bands)[:, None] * groups // bands == np.arange(groups)
    means: NDArray[np.float64] = membership / membership.sum(axis=0)
    return means.astype(np.float32)


@lru_cache(maxsize=1)
def _circle_of_pitches() -> NDArray[np.complex64]:
    """Fourier basis over the twelve pitch classes, components 1 to 6, shape (12, 6)."""
    basis: NDArray[np.complex128] = np.exp(-2j * np.pi * np.outer(np.arange(12), np.arange(1, 7)) / 12)
    return basis.astype(np.complex64)


@lru_cache(maxsize=8)
def _rate_pools(rates: int) -> Floats:
    """Triangles in equal ratios over the bins of a modulation spectrum, shape (rates, RATE_BANDS)."""
    hz = np.arange(rates) * FRAME_RATE / (2 * (rates - 1))
    return _mean_pools(log_triangles(hz, RATES_HZ, RATE_BANDS))


@lru_cache(maxsize=8)
def _period_pools(lags: int) -> Floats:
    """Triangles in equal ratios over the lags of an autocorrelation, shape (lags, PERIOD_BANDS)."""
    return _mean_pools(log_triangles(np.arange(lags) / FRAME_RATE, PERIODS_S, PERIOD_BANDS))


def _mean_pools(triangles: NDArray[np.float64]) -> Floats:
    """Triangles of unit sum, so that they take means; empty ones stay empty."""
    means: NDArray[np.float64] = triangles / np.maximum(triangles.sum(axis=0), 1e-9)
    return means.astype(np.float32)
