"""Fits the constants of the built-in embedder: `python -m tests.benchmarks.fit_builtin DATA OUT`.

No labels are used. DATA holds `music/` and `recordings/`; generated pieces are added. Every recording counts
the same, and the generated pieces together a fifth. The mel filter bank is librosa's.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.embedding import descriptors, spectra
from musicsim_tui.embedding.builtin import standardised
from tests.benchmarks.quality_sets import compose, decoded, ideas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from musicsim_tui.embedding.products import Floats
    from musicsim_tui.track import Samples

_WINDOW = 10 * spectra.SAMPLE_RATE
_HOP = _WINDOW // 4
_GENERATED_PIECES = 40
_GENERATED_SHARE = 0.2
_SHRINKAGE = 0.5
"""How far correlations are drawn to none before whitening: of up to 84 descriptors in a group, a hundred
recordings cannot tell small eigenvalues from chance (Ledoit & Wolf, 2004)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("material", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    mel = spectra.mel_bank()
    analysis = spectra.Analysis(mel)
    real = [descriptors.describe(analysis(windows)) for windows in _real_windows(arguments.material)]
    generated = [descriptors.describe(analysis(windows)) for windows in _generated_windows()]
    weights = _weights([len(rows) for rows in real], 1 - _GENERATED_SHARE)
    weights = np.concatenate([weights, _weights([len(rows) for rows in generated], _GENERATED_SHARE)])
    centre, deviation, projection = fit(np.concatenate(real + generated), weights)
    np.savez_compressed(arguments.out, mel=mel, centre=centre, deviation=deviation, projection=projection)
    print(f"{len(real)} recordings, {len(generated)} generated pieces, {len(weights)} windows")


def fit(raw: Floats, weights: NDArray[np.float64]) -> tuple[Floats, Floats, Floats]:
    """Centre, deviation and block-wise whitening projection of raw descriptors, shape (windows, SIZE)."""
    centre = weights @ raw
    deviation = np.sqrt(weights @ np.square(raw - centre))
    steps = standardised(raw, centre.astype(np.float32), deviation.astype(np.float32)).astype(np.float64)
    projection = np.zeros((descriptors.SIZE, descriptors.SIZE))
    start = 0
    for group in descriptors.GROUPS:
        block = slice(start, start + group.size)
        projection[block, block] = _whitening(steps[:, block], weights, group.share)
        start += group.size
    return centre.astype(np.float32), deviation.astype(np.float32), projection.astype(np.float32)


def _whitening(steps: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Inverse root of the shrunken covariance, scaled so that the expected squared length is `share`."""
    covariance = steps.T @ (weights[:, None] * steps)
    shrunken = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.eye(len(covariance))
    values, directions = np.linalg.eigh(shrunken)
    root: NDArray[np.float64] = (directions / np.sqrt(values)) @ directions.T
    root *= np.sqrt(share / (weights @ np.square(steps @ root).sum(axis=1)))
    return root


def _weights(sizes: list[int], share: float) -> NDArray[np.float64]:
    return np.concatenate([np.full(size, share / len(sizes) / size) for size in sizes])


def _real_windows(material: Path) -> Iterator[Samples]:
    for path in sorted([*material.glob("music/clips/*.ogg"), *material.glob("recordings/*.ogg")]):
        yield _windows(decoded(path, spectra.SAMPLE_RATE))


def _generated_windows() -> Iterator[Samples]:
    for idea in ideas(_GENERATED_PIECES, seed=1):
        yield _windows(compose(idea, 0, 20.0, spectra.SAMPLE_RATE))


def _windows(samples: Samples) -> Samples:
    starts = range(0, max(1, len(samples) - _WINDOW + 1), _HOP)
    return np.stack([samples[start : start + _WINDOW] for start in starts])


if __name__ == "__main__":
    main()
