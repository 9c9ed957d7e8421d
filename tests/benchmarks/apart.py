"""How often the words that set tracks apart are right: `python -m tests.benchmarks.apart DATA`.

DATA holds `music/` and `recordings/`. Prints the deviation of each quality over real and generated music,
which `embedding.qualities` keeps, and of each word how often measures taken from the audio itself say
the same.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.embedding.builtin import BuiltinEmbedder
from musicsim_tui.embedding.qualities import QUALITIES, clear_differences, qualities
from tests.benchmarks.quality_sets import compose, cosines, decoded, heard, ideas, labelled_excerpts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from musicsim_tui.track import Samples, Vectors

    Numbers = NDArray[np.float64]

_RATE = 22_050
_FFT, _HOP = 1_024, 512
_NEIGHBOURS = 10
_GENERATED_PIECES, _GENERATED_SHARE = 40, 0.2


@dataclass(frozen=True, slots=True)
class Tally:
    """Of pairs of tracks: how many there were, and how often a word was said, and said rightly."""

    pairs: int
    said: dict[str, int]
    right: dict[str, int]

    @property
    def coverage(self) -> float:
        """The share of pairs that got a word."""
        return sum(self.said.values()) / self.pairs

    @property
    def accuracy(self) -> float:
        """The share of words that were right."""
        return sum(self.right.values()) / sum(self.said.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    embedder = BuiltinEmbedder()
    excerpts = labelled_excerpts(data / "music")
    samples = [decoded(excerpt.path, _RATE) for excerpt in excerpts]
    others = [decoded(path, _RATE) for path in sorted(data.glob("recordings/*.ogg"))]
    made = [compose(idea, 0, 20.0, _RATE) for idea in ideas(_GENERATED_PIECES, seed=1)]
    real = np.stack([heard(embedder, each) for each in samples])
    generated = np.stack([heard(embedder, each) for each in made])
    everything = np.concatenate([real, [heard(embedder, each) for each in others], generated])
    _print_deviations(everything, len(generated))
    tracks = [excerpt.track for excerpt in excerpts]
    measured = np.stack([measures(each) for each in samples])
    _print_tally("the nearest other tracks", tally(real, measured, neighbours(real, tracks)))
    same = [
        (query, match)
        for query, track in enumerate(tracks)
        for match in range(query)
        if tracks[match] == track
    ]
    _print_tally("another excerpt of the track", tally(real, measured, same))
    measured = np.stack([measures(each) for each in made])
    _print_tally("generated pieces", tally(generated, measured, neighbours(generated, range(len(made)))))


def neighbours(vectors: Vectors, tracks: Sequence[object]) -> list[tuple[int, int]]:
    """Each place with those of its nearest others, none of its own track."""
    similarity = cosines(vectors, vectors)
    found = []
    for query, row in enumerate(similarity):
        others = [int(place) for place in np.argsort(-row) if tracks[place] != tracks[query]]
        found += [(query, match) for match in others[:_NEIGHBOURS]]
    return found


def tally(vectors: Vectors, measured: Numbers, pairs: Sequence[tuple[int, int]]) -> Tally:
    """Hold the clearest word of each pair (query, match) against what was measured of both."""
    values = qualities(vectors)
    column = {quality.more: place for place, quality in enumerate(QUALITIES)}
    column |= {quality.less: place for place, quality in enumerate(QUALITIES)}
    more = {quality.more for quality in QUALITIES}
    result = Tally(len(pairs), dict.fromkeys(column, 0), dict.fromkeys(column, 0))
    for query, match in pairs:
        for word in clear_differences(values[query], values[match])[:1]:
            difference = measured[match, column[word]] - measured[query, column[word]]
            result.said[word] += 1
            result.right[word] += bool(difference > 0) == (word in more)
    return result


def measures(samples: Samples) -> Numbers:
    """Another way to measure each of QUALITIES, in their order, that shares no arithmetic with them.

    The mean logarithmic frequency as the ear weighs it (A-weighting of IEC 61672); power under 150 Hz against
    the rest; spectral flatness (Johnston, 1988); the percussive part against the harmonic one (Fitzgerald,
    DAFx 2010); peaks of the spectral flux a second; the deviation of the level in steps of 50 ms.
    """
    from scipy import signal  # type: ignore[import-untyped]

    samples = samples / np.float32(np.sqrt(np.mean(np.square(samples))) + 1e-9)
    hertz, _, spectrum = signal.stft(samples, _RATE, nperseg=_FFT, noverlap=_FFT - _HOP)
    magnitude = np.abs(spectrum)
    power = np.square(magnitude)
    total = power.sum(axis=0)
    power = power[:, total > 1e-5 * total.max()]
    mean = power.mean(axis=1)
    weighted = mean * _a_weighting(hertz)
    low = (hertz > 30) & (hertz < 150)
    above = power[hertz > 200] + 1e-9
    harmonic, percussive = _medians(magnitude), _medians(magnitude.T)
    flux = np.maximum(np.diff(np.log(magnitude + 1e-2), axis=1), 0).mean(axis=0)
    onsets, _ = signal.find_peaks(flux, prominence=2 * np.median(flux) / 3, distance=3)
    blocks = samples[: len(samples) // 1_102 * 1_102].reshape(-1, 1_102)
    level = 10 * np.log10(np.mean(np.square(blocks), axis=1) + 1e-9)
    return np.asarray(
        [
            np.sum(np.log2(np.maximum(hertz, 20)) * weighted) / weighted.sum(),
            np.log(mean[low].sum() / mean[hertz >= 150].sum()),
            np.mean(np.log(above).mean(axis=0) - np.log(above.mean(axis=0))),
            np.log(np.square(percussive).sum() / np.square(harmonic).sum()),
            len(onsets) / len(samples),
            level[level > -50].std(),
        ]
    )


def _medians(rows: Samples) -> Samples:
    """The median of 17 around each number of each row, a row going on backwards beyond its ends.

    Filtered as one long row: scipy has a way for one dimension that takes an eighth of the time.
    """
    from scipy import ndimage

    beyond = 8
    padded = np.pad(rows, ((0, 0), (beyond, beyond)), "symmetric")
    medians: Samples = ndimage.median_filter(padded.ravel(), 2 * beyond + 1).reshape(padded.shape)
    return medians[:, beyond:-beyond]


def _a_weighting(hertz: Numbers) -> Numbers:
    square = np.square(hertz)
    gain: Numbers = square**2 / (
        (square + 20.6**2) * np.sqrt((square + 107.7**2) * (square + 737.9**2)) * (square + 12_194**2)
    )
    return np.square(gain)


def _print_deviations(vectors: Vectors, generated: int) -> None:
    """Every recording counts the same, and the generated pieces together a fifth, as in fitting."""
    real = len(vectors) - generated
    weights = np.full(len(vectors), (1 - _GENERATED_SHARE) / real)
    weights[real:] = _GENERATED_SHARE / generated
    values = qualities(vectors) * [quality.deviation for quality in QUALITIES]
    deviations = np.sqrt(weights @ np.square(values - weights @ values))
    for quality, deviation in zip(QUALITIES, deviations, strict=True):
        print(f"{quality.more:<13} deviation {deviation:.2f}, kept {quality.deviation}")


def _print_tally(name: str, counts: Tally) -> None:
    print(
        f"{name}: {counts.coverage:.0%} of {counts.pairs} pairs have a word, {counts.accuracy:.1%} are right"
    )
    words = [f"{word} {counts.right[word]}/{said}" for word, said in counts.said.items() if said]
    print("   " + ", ".join(words))


if __name__ == "__main__":
    main()
