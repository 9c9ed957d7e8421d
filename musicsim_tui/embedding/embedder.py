"""What every embedder can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from musicsim_tui.track import ModelVersion, Samples, Vectors


@dataclass(frozen=True, slots=True, eq=False)
class HeardWindows:
    """What an embedder makes of a batch of windows.

    `vectors` has shape (windows, dimensions). `sounds` has shape (windows, len(labels)), probabilities,
    or shape (windows, 0) from an embedder that knows no sound names. Both float32.
    """

    vectors: Vectors
    sounds: Vectors

    def row(self, index: int) -> HeardWindows:
        """One window of the batch, still two-dimensional."""
        return HeardWindows(self.vectors[index : index + 1], self.sounds[index : index + 1])


class Embedder(Protocol):
    """Turns windows of audio into vectors. Used by one thread at a time."""

    @property
    def model(self) -> ModelVersion: ...

    @property
    def sample_rate(self) -> int:
        """Rate in Hz at which windows must come."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the columns of `HeardWindows.sounds`; empty when the embedder knows none."""
        ...

    @property
    def batch_size(self) -> int:
        """Windows a call should hold for the best throughput; may shrink when memory runs out."""
        ...

    @property
    def same_recording_cosine(self) -> float:
        """Cosine that re-encoding leaves between windows at the same place of one recording."""
        ...

    def embed(self, windows: Samples) -> HeardWindows:
        """Hear a batch, shape (windows, samples), all of one length and at `sample_rate`.

        Raises ModelError when the processor cannot run even one window.
        """
        ...
