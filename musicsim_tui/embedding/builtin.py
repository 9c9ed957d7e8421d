"""The embedder that needs no weights: hand-made descriptors, whitened so that plain cosine compares them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.embedding import descriptors
from musicsim_tui.embedding.embedder import HeardWindows
from musicsim_tui.embedding.products import FilterBank
from musicsim_tui.embedding.spectra import SAMPLE_RATE, Analysis
from musicsim_tui.embedding.versions import BUILTIN, BUILTIN_SAME_RECORDING_COSINE

if TYPE_CHECKING:
    from musicsim_tui.embedding.products import Floats
    from musicsim_tui.track import ModelVersion, Samples

_CONSTANTS = f"builtin_v{BUILTIN.version}.npz"
_BATCH = 8
_TOGETHER = 24
"""Columns of the projection applied at a time: few, because each reaches only its group of descriptors."""
_SATURATION = 3.0
"""Deviations at which a descriptor saturates, so that one outlier cannot outweigh all others."""


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """What belongs to a version besides the arithmetic, fitted without labels on music at large. float32.

    `mel` is librosa's mel filter bank, shape (bins, bands); `centre` and `deviation` those of each raw
    descriptor; `projection`, shape (descriptors, descriptors), whitens each group of standardised descriptors
    and gives it its share of the expected squared length.
    """

    mel: Floats
    centre: Floats
    deviation: Floats
    projection: Floats


class BuiltinEmbedder:
    """Timbre, rhythm, dynamics and harmony in numbers, bit for bit the same every run. Names no sounds."""

    def __init__(self, threads: int | None = None) -> None:
        """Hear with this many threads; one by default, because decoding takes longer than hearing."""
        self._constants = load_constants()
        self._analysis = Analysis(self._constants.mel)
        self._whiten = FilterBank(self._constants.projection, together=_TOGETHER)
        self._threads = max(1, threads or 1)

    @property
    def model(self) -> ModelVersion:
        return BUILTIN

    @property
    def sample_rate(self) -> int:
        return SAMPLE_RATE

    @property
    def labels(self) -> tuple[str, ...]:
        return ()

    @property
    def batch_size(self) -> int:
        return _BATCH * self._threads

    @property
    def same_recording_cosine(self) -> float:
        return BUILTIN_SAME_RECORDING_COSINE

    def embed(self, windows: Samples) -> HeardWindows:
        """Hear a batch, shape (windows, samples) at `sample_rate`; what else is in it changes a window by no
        more than rounding."""
        if not len(windows):
            vectors = np.zeros((0, descriptors.SIZE), np.float32)
        elif self._threads == 1:
            vectors = self._hear(windows)
        else:
            parts = np.array_split(windows, min(self._threads, len(windows)))
            with ThreadPoolExecutor(self._threads) as pool:
                vectors = np.concatenate(list(pool.map(self._hear, parts)))
        return HeardWindows(vectors, np.zeros((len(windows), 0), np.float32))

    def _hear(self, windows: Samples) -> Floats:
        raw = descriptors.describe(self._analysis(np.asarray(windows, np.float32)))
        steps = standardised(raw, self._constants.centre, self._constants.deviation)
        return self._whiten(steps)


def load_constants() -> Constants:
    """The packaged constants of this version."""
    with (
        resources.files("musicsim_tui.embedding").joinpath(_CONSTANTS).open("rb") as packaged,
        np.load(packaged, allow_pickle=False) as arrays,
    ):
        return Constants(arrays["mel"], arrays["centre"], arrays["deviation"], arrays["projection"])


def standardised(raw: Floats, centre: Floats, deviation: Floats) -> Floats:
    """Raw descriptors in deviations from their centre, saturating smoothly."""
    steps: Floats = np.tanh((raw - centre) / (deviation * np.float32(_SATURATION)))
    return steps * np.float32(_SATURATION)
