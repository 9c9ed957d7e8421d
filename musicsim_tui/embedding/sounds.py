"""The sounds a network can name, and those that best describe a track.

`audioset_labels.csv` is the class list of AudioSet (Gemmeke et al., ICASSP 2017), in the order of the
networks' outputs: research.google.com/audioset, licensed CC BY 4.0.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.errors import ModelError
from musicsim_tui.track import Sound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from musicsim_tui.track import Samples, Vectors

AUDIOSET_CLASSES = 527

MINIMUM_SCORE = 0.05
"""Mean probability below which a sound is not worth naming."""


@cache
def audioset_labels() -> tuple[str, ...]:
    """The 527 AudioSet names; the position of a name is its column in a network's output.

    Raises ModelError when the packaged list is damaged.
    """
    text = resources.files(__package__).joinpath("audioset_labels.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    if [row["index"] for row in rows] != [str(index) for index in range(AUDIOSET_CLASSES)]:
        raise ModelError(
            f"The list of sound names holds {len(rows)} lines, not the {AUDIOSET_CLASSES} of AudioSet.",
            "Reinstall musicsim-tui: its package is damaged.",
        )
    return tuple(row["display_name"] for row in rows)


class SoundTally:
    """Gathers the sounds of a track window by window, in memory that does not grow with the track."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._windows = 0
        self._sum = np.zeros(len(self._labels), dtype=np.float64)
        self._strongest = np.full(len(self._labels), -np.inf)
        self._strongest_start = np.zeros(len(self._labels))

    def add(self, starts: Samples | Sequence[float], scores: Vectors) -> None:
        """Count windows: `starts` in seconds, shape (windows,); `scores`, shape (windows, labels).

        Windows that should not count, such as silent ones, are left out by the caller.
        Raises ValueError when the shapes do not fit.
        """
        if scores.shape != (len(starts), len(self._labels)):
            raise ValueError(
                f"{len(starts)} starts and {len(self._labels)} labels, but scores {scores.shape}"
            )
        if not scores.size:
            return
        self._windows += len(starts)
        self._sum += scores.sum(axis=0, dtype=np.float64)
        rows = scores.argmax(axis=0)
        peaks = scores.max(axis=0)
        stronger = peaks > self._strongest
        self._strongest[stronger] = peaks[stronger]
        self._strongest_start[stronger] = np.asarray(starts, dtype=np.float64)[rows[stronger]]

    def best(self, keep: int = 10) -> tuple[Sound, ...]:
        """At most `keep` sounds by mean probability, strongest first, each with its strongest window's start.

        Sounds under `MINIMUM_SCORE` are left out; equal sounds stand in the order of the labels.
        """
        if self._windows == 0:
            return ()
        means = self._sum / self._windows
        order = np.argsort(-means, kind="stable")[: max(keep, 0)]
        return tuple(
            Sound(self._labels[column], float(means[column]), float(self._strongest_start[column]))
            for column in order
            if means[column] >= MINIMUM_SCORE
        )


def best_sounds(
    scores: Vectors,
    starts: Samples,
    labels: Sequence[str],
    silent: NDArray[np.bool_] | None = None,
    keep: int = 10,
) -> tuple[Sound, ...]:
    """The sounds of a track whose windows are all at hand.

    `scores` has shape (windows, labels), `starts` and `silent` shape (windows,); silent windows do not count.
    """
    heard = np.ones(len(starts), dtype=bool) if silent is None else ~silent
    tally = SoundTally(labels)
    tally.add(starts[heard], scores[heard])
    return tally.best(keep)
